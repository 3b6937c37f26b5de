"""What is written on a page can be read: no text over another, none cut, none beyond the window, on four widths."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.browser.conftest import Visitor
from tests.places import PAGES, model

WIDTHS = {390: 844, 768: 1024, 1280: 800, 1920: 1080}  # and the height of such a screen
PHONE = {390: 844}
LOOK = Path(__file__).with_name("boxes.js").read_text("utf-8")


@pytest.fixture(scope="module")
def reader(browser: Browser, server: str) -> Iterator[Visitor]:
    """One person who reads all pages in a window that changes its size."""
    visitor = Visitor(browser, server)
    yield visitor
    visitor.leave()


def look(visitor: Visitor) -> dict[str, Any]:
    """What is wrong with the boxes of the page's texts, once the page rests."""
    found: dict[str, Any] = visitor.rest().page.evaluate(LOOK)
    return found


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize(("lang", "widths"), [("en", WIDTHS), ("zh", PHONE)])
def test_every_text_can_be_read(reader: Visitor, page: str, lang: str, widths: dict[int, int]) -> None:
    reader.lang = lang
    reader.page.set_viewport_size({"width": next(iter(widths)), "height": next(iter(widths.values()))})
    reader.open(page, lang=lang, model=model(page))
    assert reader.levels_left_out() == []
    wrong = []
    for width, height in widths.items():
        reader.page.set_viewport_size({"width": width, "height": height})
        found = look(reader)
        assert found["count"] > 50, "the look finds the page's texts"
        wrong += [f"{width} px: {how} {what}" for how in ("overlaps", "cut", "wide") for what in found[how]]
    assert not wrong, "\n".join(wrong)


STAGES = {"tiny_se": "layer1.0.se", "tiny_sk": "layer3.1.conv2", "seresnet50": "layer4.2.se"}  # up to 2,048 channels
BELOW = Path(__file__).with_name("below.js").read_text("utf-8")  # the stage's words, formula and controls


@pytest.mark.parametrize(("lang", "width"), [("en", 1280), ("zh", 1280), ("en", 390), ("zh", 390), ("en", 1920)])
@pytest.mark.parametrize("network", STAGES)
def test_every_step_of_the_stage_can_be_read(reader: Visitor, network: str, lang: str, width: int) -> None:
    reader.lang = lang
    reader.page.set_viewport_size({"width": width, "height": WIDTHS[width]})
    reader.open("block", lang=lang, model=network, block=STAGES[network], weights="random", more="")
    wrong = []
    for step in reader.page.locator("[data-testid=stage] .steps button").all():
        step.click()
        reader.until(partial(step.get_attribute, "aria-current"), "the step")
        found = look(reader)
        said = [f"{how} {what}" for how in ("overlaps", "cut", "wide") for what in found[how]]
        wrong += [f"{step.inner_text()}: {each}" for each in said + reader.page.evaluate(BELOW)]
    assert not wrong, "\n".join(wrong)


def test_the_look_finds_what_cannot_be_read(reader: Visitor) -> None:
    reader.lang = "en"
    reader.page.set_viewport_size({"width": 390, "height": 844})
    reader.open(lang="en", model="tiny_se")
    assert not any(look(reader)[how] for how in ("overlaps", "cut", "wide"))
    reader.page.evaluate(
        """() => {
          const main = document.querySelector('[data-testid="stMainBlockContainer"]');
          const add = (text, style) => main.insertAdjacentHTML("afterbegin", `<div style="${style}">${text}</div>`);
          add("over", "position: absolute; left: 20px; top: 300px");
          add("another", "position: absolute; left: 30px; top: 304px");
          add("shortened", "width: 30px; overflow: hidden");
          add("far away", "position: relative; left: 600px; white-space: nowrap");
        }"""
    )
    found = look(reader)
    assert any("“another”" in each and "“over”" in each for each in found["overlaps"])
    assert any("“shortened”" in each for each in found["cut"]) and any("“far away”" in each for each in found["cut"])
    assert found["wide"]


def test_on_a_phone_the_menu_closes_when_a_page_is_chosen(visit: Callable[..., Visitor]) -> None:
    visitor = visit(size=(390, 844)).open()
    sidebar = visitor.page.get_by_test_id("stSidebar")
    visitor.page.get_by_test_id("stExpandSidebarButton").click()
    visitor.until(lambda: sidebar.get_attribute("data-collapsed") == "false", "the menu")
    visitor.rest()
    title = visitor.t("walk.rescale.nav")
    visitor.page.get_by_test_id("stSidebarNavLink").filter(has_text=title).click()
    visitor.until(lambda: visitor.heading() == visitor.t("walk.rescale.title"), "the page")
    visitor.until(lambda: sidebar.get_attribute("data-collapsed") == "true", "the menu to close")


def test_a_wide_page_is_not_drawn_again(visitor: Visitor) -> None:
    """Where the width changes nothing the server hears nothing of it."""
    said: list[str] = []
    visitor.page.on("websocket", lambda socket: socket.on("framesent", lambda data: said.append(repr(data))))
    visitor.open()
    visitor.page.set_viewport_size({"width": 1500, "height": 900})
    look(visitor)
    assert said and not any("window" in each and "width" in each for each in said)
    visitor.page.set_viewport_size({"width": 390, "height": 844})
    look(visitor)
    assert sum("window" in each and "width" in each for each in said) == 1
