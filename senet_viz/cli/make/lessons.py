"""``lessons``: what can be taught step by step, and whether every step opens."""

import argparse
import sys
from collections.abc import Sequence

from senet_viz import i18n, lessons
from senet_viz.cli import common, options
from senet_viz.errors import LessonRefused
from senet_viz.lessons import rules


def add(parsers: options.Parsers) -> None:
    """Declare the options of ``lessons``."""
    verb = parsers.add_parser("lessons", help="the lessons, and whether every step opens")
    verb.add_argument("--check", action="store_true", help="read all, and open every step in every language: a minute")
    verb.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """List the lessons, or look for what is wrong with them.

    Raises:
        LessonRefused: something is wrong; every fault is on stderr by then.
    """
    every = [lessons.lesson(name, lang) for name in lessons.names() for lang in i18n.LANGUAGES]
    if not args.check:
        rows = [("lesson", "language", "minutes", "steps", "title", "link")]
        rows += [(e.name, e.lang, f"{e.minutes:g}", str(len(e.steps)), e.title, e.link(1)) for e in every]
        print("\n".join(common.table(rows)))
        return
    found = _faults(every)
    for fault in found:
        print(fault, file=sys.stderr)
    if found:
        raise LessonRefused(f"The lessons have {len(found)} faults.")
    print(f"{len(lessons.names())} lessons: every step opens in {len(i18n.LANGUAGES)} languages.")


def _faults(every: Sequence[lessons.Lesson]) -> list[str]:
    """Return what is wrong with the texts, and with what their steps open in the app."""
    from senet_viz.ui.teaching import opening

    found = [fault for name in lessons.names() for fault in rules.faults([e for e in every if e.name == name])]
    found += rules.uncorrected(every)
    steps = [(each, at) for each in every for at in range(1, len(each.steps) + 1)]
    with common.bar("steps", quiet=False) as told:
        for done, (each, at) in enumerate(steps, start=1):
            found += opening.faults(each, at)
            told(done, len(steps))
    return found
