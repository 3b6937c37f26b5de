"""Read a lesson from ``assets/lessons/<name>/<language>.md``.

A file holds a title, ``key: value`` lines and a list of aims; then each step with its own title, lines and text::

    # Which kernel?
    order: 2
    minutes: 15
    - Say which axis is softmaxed, and why

    ## Swap the branches
    page: what_if
    state: photo=coffee&model=tiny_sk&block=layer2.0.conv2
    ask: swap_branches
    wait: edits
    minutes: 2
    corrects: 10
    say: What the teacher says.
    usual: What students usually answer.

    What the student reads.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from urllib.parse import parse_qsl, urlencode

from senet_viz import assets
from senet_viz.errors import LessonRefused

FIRST = "block"  # the page that lies at the root
_LINE = re.compile(r"([a-z]+):\s*(.*)")
_HEAD = ("order", "minutes")
_STEP = ("page", "state", "step", "ask", "wait", "minutes", "corrects", "say", "usual")


@dataclass(frozen=True)
class Step:
    """A step opens one page in one state and says what to look at there.

    Attributes:
        title: its heading.
        page: the name of the page, as in its address.
        state: what its address says after the ``?``, the stage's ``step`` among it.
        text: what the student reads, with placeholders of ``rules.PLACEHOLDERS``.
        ask: the name of a question, "" for none.
        wait: what has to come true of the address before the lesson goes on: ``key``, whose value is then another one,
            ``key=value``, or ``answered``; "" for nothing.
        minutes: how long it takes in class.
        say: what the teacher says.
        usual: what students usually answer.
        corrects: which of the twelve misconceptions it corrects, None for none.
    """

    title: str
    page: str
    state: Mapping[str, str]
    text: str
    ask: str = ""
    wait: str = ""
    minutes: float = 0
    say: str = ""
    usual: str = ""
    corrects: int | None = None


@dataclass(frozen=True)
class Lesson:
    """A lesson is a row of steps in one language; ``order``: its place among the lessons."""

    name: str
    lang: str
    title: str
    minutes: float
    aims: tuple[str, ...]
    steps: tuple[Step, ...]
    order: int = 0

    def link(self, at: int) -> str:
        """Return the address, relative to any page, that opens step ``at`` (from 1) in its state and language."""
        step = self.steps[at - 1]
        query = {**step.state, "lang": self.lang, "lesson": self.name, "at": str(at)}
        return f"{'./' if step.page == FIRST else step.page}?{urlencode(query)}"


def names() -> tuple[str, ...]:
    """Return the names of all lessons, in their order."""
    folders = sorted(path.name for path in assets.LESSONS.iterdir() if path.is_dir())
    langs = {name: sorted((assets.LESSONS / name).glob("*.md")) for name in folders}
    return tuple(sorted(folders, key=lambda name: (lesson(name, langs[name][0].stem).order, name)))


def lesson(name: str, lang: str) -> Lesson:
    """Return a lesson in one language; a file that has changed is read again.

    Raises:
        LessonRefused: there is none of that name in that language, or its file cannot be read.
    """
    file = assets.LESSONS / name / f"{lang}.md"
    if not re.fullmatch(r"\w+", name) or not re.fullmatch(r"\w+", lang) or not file.is_file():
        raise LessonRefused(f"There is no lesson {name} in {lang}.", name=name)
    return _kept(file, file.stat().st_mtime_ns)


@lru_cache(maxsize=256)
def _kept(file: Path, changed: int) -> Lesson:
    return parse(file.read_text(encoding="utf-8"), file.parent.name, file.stem)


def parse(text: str, name: str, lang: str) -> Lesson:
    """Return the lesson that a text holds.

    Raises:
        LessonRefused: the text is no lesson; the message says where.
    """
    head, *parts = re.split(r"^## ", text, flags=re.MULTILINE)
    title, said, rest = _read(head.removeprefix("# "), _HEAD, f"{name}/{lang}")
    aims = tuple(line.removeprefix("- ") for line in rest.splitlines() if line.startswith("- "))
    steps = tuple(_step(part, f"{name}/{lang}, step {at}") for at, part in enumerate(parts, start=1))
    minutes, order = (_number(said.get(key, "0"), f"{name}/{lang}") for key in ("minutes", "order"))
    return Lesson(name, lang, title, minutes, aims, steps, int(order))


def _read(part: str, known: tuple[str, ...], where: str) -> tuple[str, dict[str, str], str]:
    """Return title, ``key: value`` lines and the rest of a part.

    Raises:
        LessonRefused: a key that is unknown or there twice.
    """
    title, _, body = part.strip().partition("\n")
    lines, said = body.splitlines(), dict[str, str]()
    while lines and (found := _LINE.fullmatch(lines[0].strip())):
        key, value = found.groups()
        if key not in known or key in said:
            raise LessonRefused(f"{where}: {key} is {'there twice' if key in said else 'no key'}.", name=where)
        said[key] = value
        del lines[0]
    return title.strip(), said, "\n".join(lines).strip()


def _step(part: str, where: str) -> Step:
    title, said, text = _read(part, _STEP, where)
    state = dict(parse_qsl(said.get("state", ""), keep_blank_values=True))
    if "step" in said:
        state["step"] = said["step"]
    corrects = int(_number(said["corrects"], where)) if "corrects" in said else None
    return Step(
        title, said.get("page", ""), MappingProxyType(state), " ".join(text.split()), said.get("ask", ""),
        said.get("wait", ""), _number(said.get("minutes", "0"), where), said.get("say", ""), said.get("usual", ""),
        corrects,
    )  # fmt: skip


def _number(text: str, where: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise LessonRefused(f"{where}: {text} is no number.", name=where) from None
