"""Whoever walks through the app, by its own links and by its menu, meets every page whole.

A page that is opened by its address starts with an empty session; one that is walked to inherits what other pages left
behind. Only the second way shows what happens when two pages share a choice.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from random import Random

import pytest
from playwright.sync_api import Locator

from tests.browser.conftest import Visitor
from tests.places import FIRST, PAGES, named

Visit = Callable[..., Visitor]
MODELS: dict[str, dict[str, str]] = {
    "tiny_se": {"model": "tiny_se"},
    "tiny_sk": {"model": "tiny_sk"},
    "mobilenet_v3_small": {"model": "mobilenet_v3_small", "weights": "random"},
}
ORDERS = 20
FIGURES = (
    '[data-testid="stPlotlyChart"] .main-svg, .board img[src], .scrub canvas, [data-testid="stage"] canvas, .plan tr'
)


def arrived(visitor: Visitor, page: str) -> None:
    """The page stands there: its heading, a figure, and no error."""
    visitor.until(lambda: visitor.path() == ("" if page == FIRST else page), f"the address of {page}")
    visitor.until(lambda: visitor.heading() == visitor.t(named(page, "title")), f"the heading of {page}")
    visitor.settle()
    main = visitor.page.get_by_test_id("stMain")
    visitor.until(lambda: visitor.errors() or main.locator(FIGURES).count(), f"a figure on {page}")
    assert visitor.errors() == [], page


def touch(visitor: Visitor, page: str, chance: Random) -> None:
    """Choose something else in one row of choices of this page, if it has any."""
    main = visitor.page.get_by_test_id("stMain")
    others = main.locator('[data-testid="stButtonGroup"] button[aria-checked="false"]:visible')
    count = others.count()
    if not count:
        return
    button: Locator = others.nth(chance.randrange(count))
    name = button.inner_text()
    button.click()
    visitor.until(lambda: main.get_by_role("radio", name=name, exact=True, checked=True).count(), f"{name} on {page}")
    visitor.settle()
    assert visitor.errors() == [], f"{name} on {page}"


def link(visitor: Visitor, page: str) -> None:
    """Press the link to that page at the end of this one."""
    name = visitor.t(named(page, "nav"))
    visitor.page.get_by_test_id("stMain").get_by_test_id("stPageLink").filter(has_text=name).locator("a").click()
    arrived(visitor, page)


@pytest.mark.parametrize("model", MODELS)
def test_forwards_and_backwards_by_the_links_under_every_page(visit: Visit, model: str) -> None:
    visitor, chance = visit(), Random(model)
    visitor.open(FIRST, **MODELS[model])
    for way in (PAGES, PAGES[::-1]):
        for here, there in pairwise(way):
            touch(visitor, here, chance)
            link(visitor, there)
    touch(visitor, PAGES[0], chance)
    assert visitor.url()["model"] == model


@pytest.mark.parametrize("seed", range(ORDERS))
def test_in_any_order_by_the_menu(visit: Visit, seed: int) -> None:
    model, chance = list(MODELS)[seed % len(MODELS)], Random(seed)
    visitor = visit()
    visitor.open(**MODELS[model])
    for page in chance.sample(PAGES, len(PAGES)):
        if visitor.path() != ("" if page == FIRST else page):
            visitor.go(page)
        arrived(visitor, page)
        touch(visitor, page, chance)


def test_one_press_of_back_is_one_page(visitor: Visitor) -> None:
    visitor.open(FIRST)
    for page in PAGES[1:4]:
        link(visitor, page)
        touch(visitor, page, Random(page))
    for page in PAGES[2::-1]:
        visitor.page.evaluate("history.back()")  # ``arrived`` has the patience for a busy machine
        arrived(visitor, page)
    visitor.page.evaluate("history.forward()")
    arrived(visitor, PAGES[1])


def test_the_first_page_is_found_under_its_own_name_too(visitor: Visitor) -> None:
    visitor.page.goto(f"{visitor.address}/{FIRST}?channel=5&model=tiny_sk")
    arrived(visitor, FIRST)
    assert visitor.page.get_by_role("dialog").count() == 0
    assert visitor.url().items() >= {"channel": "5", "model": "tiny_sk"}.items()


def test_the_address_keeps_what_an_embedding_page_asked_for(visitor: Visitor) -> None:
    visitor.page.goto(f"{visitor.address}/?embed=true&embed_options=dark_theme&channel=5")
    arrived(visitor, FIRST)
    visitor.until(lambda: "photo" in visitor.url(), "the address")
    assert visitor.url().items() >= {"embed": "true", "embed_options": "dark_theme", "channel": "5"}.items()


@pytest.mark.parametrize(("lang", "tongue"), [("en", "en"), ("zh", "zh-CN")])
def test_the_browser_is_told_which_language_the_page_speaks(visitor: Visitor, lang: str, tongue: str) -> None:
    visitor.lang = lang
    visitor.open(lang=lang)
    visitor.until(lambda: visitor.page.evaluate("document.documentElement.lang") == tongue, tongue)
