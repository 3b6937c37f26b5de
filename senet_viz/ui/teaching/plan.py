"""The plan of a lesson for its teacher: cards and a table, as HTML that a printer takes whole."""

from collections.abc import Iterator
from html import escape

import streamlit as st

from senet_viz.i18n import Texts
from senet_viz.lessons import Lesson, Step, rules


def card(lesson: Lesson, start: float, t: Texts) -> None:
    """Draw what a lesson is for, when it begins and ends in class, and the link that starts it."""
    aims = "".join(f"<li>{escape(aim)}</li>" for aim in lesson.aims)
    when = t("teach.lessons.when", a=f"{start:g}", b=f"{start + lesson.minutes:g}", n=len(lesson.steps))
    link = f'<a href="{escape(lesson.link(1))}">{escape(t("teach.lessons.start"))}</a>'
    st.html(f'<div class="card"><h2>{escape(lesson.title)}</h2><p>{when}</p><ul>{aims}</ul><p>{link}</p></div>')


def table(lesson: Lesson, start: float, t: Texts) -> None:
    """Draw every step in a row: when, which, what to say, what students usually answer."""
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


def _about(step: Step, t: Texts) -> str:
    """Return the page that a step opens, and what it corrects where it corrects something."""
    page = t(f"{rules.section(step.page)}.{step.page}.nav")
    wrong = "" if step.corrects is None else t("teach.lessons.corrects", wrong=t(f"teach.wrong.{step.corrects}"))
    return "".join(f"<small>{escape(each)}</small>" for each in (page, wrong) if each)
