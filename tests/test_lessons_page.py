"""The teacher's page: cards and plans say what the lessons say, and every link opens its step."""

from __future__ import annotations

import re
from html import unescape
from itertools import accumulate, pairwise

import pytest
from streamlit.testing.v1 import AppTest

from senet_viz import i18n, lessons
from senet_viz.lessons import Lesson, rules
from tests.test_pages import start, url, well

LINK = re.compile(r'<a href="([^"]+)">')


def html(at: AppTest) -> list[str]:
    """Cards and tables, in their order."""
    bodies = [element.proto.body for element in at.main.get("html")]
    return [body for body in bodies if 'class="card"' in body or 'class="plan"' in body]


def plans(at: AppTest) -> list[str]:
    return [body for body in html(at) if 'class="plan"' in body]


def cells(table: str) -> list[list[str]]:
    """The texts of a plan's rows."""
    rows = re.findall(r"<tr>(.*?)</tr>", table.split("<tbody>")[1], re.DOTALL)
    return [[unescape(re.sub(r"<[^>]+>", "|", cell)) for cell in re.findall(r"<td[^>]*>(.*?)</td>", r)] for r in rows]


def every(lang: str) -> list[Lesson]:
    return [lessons.lesson(name, lang) for name in lessons.names()]


@pytest.mark.parametrize("lang", i18n.LANGUAGES)
def test_the_cards_say_what_for_how_long_and_where_to_begin(lang: str) -> None:
    at, t = start("lessons", lang=lang), i18n.texts(lang)
    ends = [0, *accumulate(int(each.minutes) for each in every(lang))]
    assert t("teach.lessons.idea", n=len(lessons.names()), minutes=str(ends[-1])) in [e.value for e in at.main.markdown]
    cards = {unescape(re.findall("<h2>(.*?)</h2>", body)[0]): body for body in html(at) if "<h2>" in body}
    for each, (a, b) in zip(every(lang), pairwise(ends), strict=True):
        card = cards[each.title]
        said = unescape(card)
        assert all(text in said for text in (each.title, *each.aims))
        assert t("teach.lessons.when", a=str(a), b=str(b), n=len(each.steps)) in said
        assert LINK.findall(card) == [each.link(1).replace("&", "&amp;")]


@pytest.mark.parametrize("lang", i18n.LANGUAGES)
def test_the_plan_has_a_row_a_step_with_what_to_say_and_its_link(lang: str) -> None:
    at, t = start("lessons", lang=lang, plan="all"), i18n.texts(lang)
    tables, minute = plans(at), 0.0
    for each, table in zip(every(lang), tables, strict=True):
        assert [unescape(link) for link in LINK.findall(table)] == [each.link(n + 1) for n in range(len(each.steps))]
        for step, (when, what, say, usual) in zip(each.steps, cells(table), strict=True):
            assert (float(when), say, usual) == (minute, step.say, step.usual)
            wrong = t(f"teach.wrong.{step.corrects}") if step.corrects else ""
            assert step.title in what and t(f"{rules.section(step.page)}.{step.page}.nav") in what and wrong in what
            assert bool(step.corrects) == (t("teach.lessons.corrects", wrong=wrong) in what)
            minute += step.minutes
    assert minute == sum(each.minutes for each in every(lang))


def test_one_plan_at_a_time_which_lives_in_the_address() -> None:
    at = start("lessons")
    assert [lessons.lesson("squeeze_excite_rescale", "en").title in table for table in plans(at)] == [True]
    at.segmented_control(key="plan").set_value("which_kernel")
    well(at.run())
    assert [lessons.lesson("which_kernel", "en").title in table for table in plans(at)] == [True]
    assert url(at)["plan"] == "which_kernel"
