"""The first picture: it comes with the page, is the true one, and is the stage of the page from then on."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode
from urllib.request import ProxyHandler, build_opener

import pytest
from playwright.sync_api import Locator, Route

from senet_viz.models import catalogue
from senet_viz.photos import samples
from tests import truth
from tests.browser.conftest import Visitor

Visit = Callable[..., Visitor]
EARLY, LIVE = "#first [data-testid=stage]", "[data-testid=stMain] [data-testid=stage]"
PHOTO = samples.SAMPLES[0].key
FULL = {"photo": PHOTO, "model": catalogue.DEFAULT, "weights": "pretrained", "device": "auto", "lang": "en"}
LOOK = """(root) => {
  const all = (query) => [...root.querySelectorAll(query)], style = getComputedStyle(root);
  const roles = ["text", "background", "secondary-background", "border", "primary", "green-text", "red-text"];
  const probe = root.appendChild(document.createElement("i")); // what a colour is, however it is written
  const colours = roles.map((role) => {
    probe.style.color = style.getPropertyValue(`--st-${role}-color`);
    return getComputedStyle(probe).color;
  });
  probe.remove();
  const { x, y, width } = root.getBoundingClientRect();
  return {
    numbers: all("[data-number]").map((each) => [each.dataset.number, each.dataset.value, each.textContent]),
    words: all("h2, .text, .formula, .badge, .steps").map((each) => each.textContent),
    font: [style.fontSize, style.lineHeight], data: { ...root.dataset }, at: [x, y, width].map(Math.round), colours,
  };
}"""
TALL = "(root) => root.offsetHeight"
# keeps every connection of a page, so that it can be cut
WIRES = """const Plain = WebSocket; window.wires = [];
window.WebSocket = class extends Plain { constructor(...given) { super(...given); window.wires.push(this); } };"""


@contextmanager
def held(visitor: Visitor, **url: object) -> Any:
    """The page while Streamlit's own script is still on its way; afterwards it comes."""
    waiting: list[Route] = []

    def keep(route: Route) -> None:
        waiting.append(route)

    visitor.page.route("**/static/js/index.*.js", keep)
    visitor.page.goto(f"{visitor.address}/{'?' + urlencode(url) if url else ''}", wait_until="commit")
    visitor.until(lambda: waiting, "Streamlit to be asked for")
    yield
    waiting[-1].continue_()  # a page that was left has taken its request back
    visitor.page.unroute("**/static/js/index.*.js")


def early(visitor: Visitor) -> Locator:
    found = visitor.page.locator(EARLY)
    visitor.until(lambda: found.get_attribute("data-pinned", timeout=1000), "the first picture")
    return found


def arrived(visitor: Visitor) -> Locator:
    """The stage of the page, once all is there."""
    found = visitor.page.locator(LIVE)
    visitor.until(lambda: found.get_attribute("data-pinned", timeout=1000), "the stage of the page")
    visitor.settle()
    assert visitor.page.locator("#first").count() == 0
    assert visitor.page.locator("[data-testid=stage]").count() == 1
    return found


def has_picture(address: str, heard: str = "en", **url: object) -> bool:
    opener = build_opener(ProxyHandler({}))
    opener.addheaders = [("Accept-Language", heard)]
    with opener.open(f"{address}/?{urlencode(url)}") as reply:
        assert reply.headers["Cache-Control"] == "no-cache"
        return 'id="first"' in reply.read().decode()


@pytest.mark.parametrize(
    ("size", "lang", "look"),
    [
        ((1280, 800), "en", "light"),
        ((1920, 1080), "zh", "dark"),
        ((390, 844), "zh", "light"),
        ((390, 844), "en", "dark"),
    ],
    ids=["1280", "1920-zh-dark", "390-zh", "390-dark"],
)
def test_it_is_the_stage_that_stays(visit: Visit, size: tuple[int, int], lang: str, look: str) -> None:
    visitor = visit(size=size, lang=lang, color_scheme=look)
    with held(visitor):
        before = early(visitor).evaluate(LOOK)
        assert visitor.page.locator("#root").inner_text() == "", "Streamlit has drawn nothing yet"
        canvas = visitor.page.locator(f"{EARLY} canvas").evaluate("(node) => (node.first = true)")
        assert canvas
    stage = arrived(visitor)
    assert stage.evaluate(LOOK) == before
    assert visitor.page.locator(f"{LIVE} canvas").evaluate("(node) => node.first"), "the very same picture"


def test_letters_that_come_late_leave_nothing_to_the_first_step(visit: Visit) -> None:
    """The first picture is placed for other letters than the page's own, as their files are still on their way."""
    visitor = visit(size=(1280, 800))
    files: list[Route] = []

    def keep(route: Route) -> None:
        files.append(route)

    visitor.page.route("**/*.woff2", keep)
    with held(visitor):
        early(visitor)
        visitor.until(lambda: files, "the letters to be asked for")
        visitor.page.unroute("**/*.woff2", keep)
        for file in files:
            file.continue_()
    stage = arrived(visitor)
    visitor.rest()
    tall = stage.evaluate(TALL)
    visitor.page.keyboard.press("Space")
    visitor.until(lambda: stage.get_attribute("data-step") == "maps", "a step")
    assert visitor.rest() and stage.evaluate(TALL) == tall


def test_its_numbers_are_the_models(visitor: Visitor) -> None:
    with held(visitor):
        seen = early(visitor).evaluate(LOOK)
    name, c = seen["data"]["block"], int(seen["data"]["pinned"])
    block = truth.trace(catalogue.DEFAULT, PHOTO, name, weights="pretrained").block(name)
    told = {number: float(value) for number, value, _ in seen["numbers"]}
    true = {"z": truth.z(block)[c], "logit": truth.logit(block)[0, c], "gate": block.gate[0, c]}
    assert {number: told[number] for number in true} == pytest.approx({n: float(v) for n, v in true.items()}, rel=1e-6)
    arrived(visitor)


def test_what_is_chosen_on_it_stays_and_is_known_to_the_next_page(visitor: Visitor) -> None:
    with held(visitor, channel=11):
        stage = early(visitor)
        assert stage.get_attribute("data-pinned") == "11"
        visitor.page.keyboard.press("Space")
        box = stage.locator("[name=channel]")
        box.fill("7")
        box.press("Enter")
        visitor.until(lambda: visitor.url().get("channel") == "7", "the pin in the address")
    stage = arrived(visitor)
    assert (stage.get_attribute("data-step"), stage.get_attribute("data-pinned")) == ("maps", "7")
    visitor.page.keyboard.press("Space")
    visitor.until(lambda: stage.get_attribute("data-step") == "squeeze", "one step, not two")
    visitor.go("squeeze")
    visitor.until(lambda: visitor.number() == 7, "the same channel on the next page")


def test_another_block_can_be_opened_on_it(visitor: Visitor) -> None:
    with held(visitor):
        other = early(visitor).locator(".targets button[data-part=ribbon]").nth(3)
        other.click(no_wait_after=True)
        visitor.until(lambda: visitor.url().get("block"), "the address of that block")
    stage = arrived(visitor)
    assert stage.get_attribute("data-block") == visitor.url()["block"] == truth.names(catalogue.DEFAULT)[3]


def test_a_broken_wire_and_a_second_tab_change_nothing(visit: Visit) -> None:
    visitor = visit(new=True)
    visitor.page.add_init_script(WIRES)
    visitor.page.goto(visitor.address)
    pinned = arrived(visitor).get_attribute("data-pinned")
    count = visitor.page.evaluate("wires.length")
    visitor.page.evaluate("wires.at(-1).close()")
    again = f"wires.length > {count} && wires.at(-1).readyState === WebSocket.OPEN"
    visitor.until(lambda: visitor.page.evaluate(again), "another connection")
    assert visitor.page.locator("[data-testid=stage]").get_attribute("data-pinned") == pinned
    assert visitor.page.locator("#first").count() == 0
    second = visitor.context.new_page()
    second.goto(visitor.page.url)
    visitor.until(lambda: second.locator(LIVE).get_attribute("data-pinned", timeout=1000) == pinned, "the second tab")
    assert second.locator("#first").count() == 0


def test_who_reads_another_language_than_the_header_says_gets_the_page_alone(visit: Visit) -> None:
    visitor = visit(new=True)
    visitor.page.add_init_script("Object.defineProperty(navigator, 'language', { get: () => 'zh-CN' })")
    with held(visitor):
        visitor.until(lambda: not visitor.page.locator("#first").count(), "the picture to go")
    arrived(visitor)


def test_only_what_somebody_has_seen_is_in_the_page(visitor: Visitor, server: str) -> None:
    for heard in ("en-GB,en;q=0.9", "zh-CN", ""):
        assert has_picture(server, heard), heard
    assert has_picture(server, **FULL, channel=5, step="gate", sort="z")
    last = truth.names("tiny_sk")[-1]
    link = {"model": "tiny_sk", "block": last, "photo": "coffee", "lang": "en"}
    assert not has_picture(server, **link), "nothing is computed for it"
    visitor.open("block", **link, more="")
    assert has_picture(server, **link)
    others = {"weights": "random", "photo": "up-1", "embed": "true", "lesson": "first", "block": "no", "device": "no"}
    for more in others.items():
        assert not has_picture(server, **link | dict([more])), more
    visitor.open("block", **link | {"weights": "random", "more": ""})
    assert not has_picture(server, **link, weights="random"), "what is not trained is not shown first"
