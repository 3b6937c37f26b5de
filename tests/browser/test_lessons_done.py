"""What a step waits for can be done by hand on the page that it opens; then the lesson goes on."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator

from senet_viz import lessons
from senet_viz.models import catalogue
from tests.browser.conftest import Visitor

WAITING = [
    pytest.param(name, at, id=f"{name}-{at}-{step.wait}")
    for name in lessons.names()
    for at, step in enumerate(lessons.lesson(name, "en").steps, start=1)
    if step.wait
]


def row(visitor: Visitor, key: str) -> Locator:
    """The first choice of a row that is not chosen."""
    return visitor.page.locator(f'.st-key-{key} button[aria-checked="false"]').first


def named(visitor: Visitor, key: str, text: str) -> Locator:
    return visitor.page.locator(f".st-key-{key} button").filter(has_text=text).first


def pinned(visitor: Visitor, value: str) -> None:
    visitor.pin(30)


def edited(visitor: Visitor, value: str) -> None:
    """Do what the step has chosen for a block: in all of them, as its words say; or mute the pinned channel."""
    mute = "click" in visitor.url()
    visitor.page.locator(f".st-key-{'_this' if mute else '_apply_secondary'} button").click()


def scaled(visitor: Visitor, value: str) -> None:
    slider = visitor.page.locator(".st-key-scrub input[type=range]")
    slider.focus()
    slider.press("End")


def other_block(visitor: Visitor, value: str) -> None:
    row(visitor, "block").click()


def closer(visitor: Visitor, value: str) -> None:
    visitor.page.locator('[class*="st-key-more-"] button').first.click()


def another_model(visitor: Visitor, value: str) -> None:
    """From the list, which opens although the stage has lists of its own on screen."""
    visitor.page.locator(".st-key-model input").press("ArrowDown")
    name = visitor.t("model.here", title=catalogue.spec(value).title)
    visitor.page.get_by_role("option", name=name, exact=True).click()


def answered(visitor: Visitor, value: str) -> None:
    visitor.page.keyboard.press("1")


DO: dict[str, Callable[[Visitor, str], object]] = {
    "channel": pinned,
    "edits": edited,
    "scale": scaled,
    "block": other_block,
    "more": closer,
    "answered": answered,
    "model": another_model,
    "photo": lambda visitor, value: visitor.choose("photo", visitor.t(f"sample.{value}")),
    "gatefn": lambda visitor, value: visitor.page.locator("select[name=fn]").select_option(value),
    "axis": lambda visitor, value: named(visitor, "axis", visitor.t(f"scale.sk_anatomy.axis.{value}")).click(),
    "mix": lambda visitor, value: named(visitor, "mix", visitor.t(f"scale.sk_anatomy.mix.{value}")).click(),
}


@pytest.mark.slow
@pytest.mark.parametrize(("name", "at"), WAITING)
def test_what_a_step_waits_for_is_done_by_hand(visitor: Visitor, name: str, at: int) -> None:
    visitor.lang = "en"
    through = lessons.lesson(name, "en")
    step, guide = through.steps[at - 1], visitor.page.get_by_test_id("guide")
    visitor.page.goto(f"{visitor.address}/{through.link(at).removeprefix('./')}")
    visitor.until(lambda: guide.get_attribute("data-step") == str(at), "the step")
    visitor.rest()
    skip = guide.locator(".skip")  # is offered as long as the step waits
    assert skip.is_visible()
    if guide.locator(".options button").count():
        visitor.page.keyboard.press("1")
        visitor.until(lambda: guide.locator(".why").inner_text(), "what is true")
    key, _, value = step.wait.partition("=")
    if key != "answered":
        assert skip.is_visible(), "an answer alone is not what it waits for"
    visitor.rest()
    DO.get(key, lambda visitor, value: row(visitor, key).click())(visitor, value)
    visitor.until(lambda: not skip.is_visible(), "the way on")
    assert visitor.settle().errors() == []
