"""The teacher's page in a browser: a card starts its lesson, and paper shows the plan whole and nothing else."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from senet_viz import i18n, lessons
from tests.browser.conftest import Visitor
from tests.places import named


@pytest.mark.parametrize("lang", i18n.LANGUAGES)
def test_a_card_starts_its_lesson(visitor: Visitor, lang: str) -> None:
    visitor.lang = lang
    visitor.open("lessons", lang=lang)
    name = lessons.names()[-1]
    visitor.page.locator(".card a").last.click()
    guide = visitor.page.get_by_test_id("guide")
    visitor.until(lambda: guide.get_attribute("data-step") == "1", "the guide")
    first = lessons.lesson(name, lang).steps[0]
    visitor.until(lambda: visitor.heading() == visitor.t(named(first.page, "title")), "the page of the first step")
    assert visitor.url() | first.state | {"lesson": name, "at": "1", "lang": lang} == visitor.url()
    assert visitor.errors() == []


def test_a_row_opens_its_step(visitor: Visitor) -> None:
    visitor.open("lessons", lang="en", plan="which_kernel")
    visitor.page.locator(".plan a").nth(3).click()
    guide = visitor.page.get_by_test_id("guide")
    visitor.until(lambda: guide.get_attribute("data-step") == "4", "the fourth step")
    assert visitor.url()["axis"] == "branches" and visitor.errors() == []


def test_paper_shows_the_plan_whole_and_no_menu(visit: Callable[..., Visitor]) -> None:
    visitor = visit(new=True)
    visitor.page.emulate_media(media="print", color_scheme="dark")
    visitor.open("lessons", lang="en", plan="all")
    visitor.page.set_viewport_size({"width": 794, "height": 1123})  # A4 at 96 px an inch
    for hidden in ("stHeader", "stSidebar"):
        assert not visitor.page.get_by_test_id(hidden).is_visible()
    assert not visitor.page.locator(".stButtonGroup:visible").count()
    last = visitor.page.locator(".plan").last
    box = last.evaluate("e => e.getBoundingClientRect().bottom + scrollY")
    tall = visitor.page.evaluate("document.documentElement.scrollHeight")
    assert 1123 < box <= tall, "the page itself is as long as the plan: no part of it scrolls inside another"
    ink = last.locator("td").first.evaluate("e => getComputedStyle(e).color")
    paper = visitor.page.get_by_test_id("stApp").evaluate("e => getComputedStyle(e).backgroundColor")
    assert (ink, paper) == ("rgb(0, 0, 0)", "rgb(255, 255, 255)")
