"""The plan of a lesson for its teacher: cards and a table, as HTML that a printer takes whole."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from itertools import accumulate

import streamlit as st

from senet_viz import i18n
from senet_viz.drawing.grammar import Table
from senet_viz.i18n import Texts
from senet_viz.lessons import Lesson, Step, rules
from senet_viz.ui.takeaway import numbers
from senet_viz.ui.takeaway.offered import archive


def card(lesson: Lesson, start: float, t: Texts) -> None:
    """Draw what a lesson is for, when it begins and ends in class, and the link that starts it."""
    aims = "".join(f"<li>{escape(aim)}</li>" for aim in lesson.aims)
    when = t("teach.lessons.when", a=f"{start:g}", b=f"{start + lesson.minutes:g}", n=len(lesson.steps))
    link = f'<a href="{escape(lesson.link(1))}">{escape(t("teach.lessons.start"))}</a>'
    st.html(f'<div class="card"><h2>{escape(lesson.title)}</h2><p>{when}</p><ul>{aims}</ul><p>{link}</p></div>')


def table(lesson: Lesson, start: float, t: Texts) -> None:
    """Draw every step in a row: when, which, what to say, what students usually answer; and note it for the archive."""
    name = f"plan-{lesson.name}"
    numbers.note(name, lambda t: [numbers.Sheet(name, lesson.title, t("teach.lessons.plan"), _plain(lesson, start, t))])
    heads = "".join(f"<th>{escape(t(f'teach.lessons.{head}'))}</th>" for head in ("minute", "step", "say", "usual"))
    rows = "".join(_rows(lesson, start, t))
    caption = f"<caption>{escape(lesson.title)}</caption>"
    st.html(f'<table class="plan">{caption}<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>')


def _rows(lesson: Lesson, start: float, t: Texts) -> Iterator[str]:
    for at, step in enumerate(lesson.steps, start=1):
        title = f'<a href="{escape(lesson.link(at))}">{at} · {escape(step.title)}</a>'
        cells = {
            "minute": f"{start:g}",
            "": title + _about(step, t),
            "say": escape(step.say),
            "usual": escape(step.usual),
        }
        heads = {key: f' data-head="{escape(t(f"teach.lessons.{key}"))}"' if key else "" for key in cells}  # on a phone
        yield f"<tr>{''.join(f'<td{heads[key]}>{cell}</td>' for key, cell in cells.items())}</tr>"
        start += step.minutes


def _plain(lesson: Lesson, start: float, t: Texts) -> Table:
    """Return the plan as a table of plain text."""
    begins = accumulate((step.minutes for step in lesson.steps), initial=start)
    rows = (
        (when, at, step.title, *_told(step, t), step.say, step.usual, lesson.link(at))
        for when, (at, step) in zip(begins, enumerate(lesson.steps, start=1), strict=False)
    )
    return Table(("minute", "step", "title", "page", "corrects", "say", "usual", "link"), tuple(rows))


def offer(lessons: Sequence[Lesson], starts: Mapping[str, float], lang: str) -> None:
    """Offer what the page says as one archive: the lessons with their minutes, and the plans that are drawn."""
    t, header = i18n.texts(lang), ("lesson", "minute", "minute of the end", "steps", "aims")
    rows = tuple(
        (each.title, starts[each.name], starts[each.name] + each.minutes, len(each.steps), " \u00b7 ".join(each.aims))
        for each in lessons
    )
    title = t("teach.lessons.title")
    numbers.note("lessons", lambda t: [numbers.Sheet("lessons", title, "", Table(header, rows))])
    archive(t, lang, title, "lessons")


def _told(step: Step, t: Texts) -> tuple[str, str]:
    """Return the page that a step opens, and what it corrects, "" where it corrects nothing."""
    page = t(f"{rules.section(step.page)}.{step.page}.nav")
    wrong = "" if step.corrects is None else t("teach.lessons.corrects", wrong=t(f"teach.wrong.{step.corrects}"))
    return page, wrong


def _about(step: Step, t: Texts) -> str:
    """Return the same as HTML."""
    return "".join(f"<small>{escape(each)}</small>" for each in _told(step, t) if each)
