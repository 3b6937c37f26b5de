"""What a page's choices say stands in its address, and the address brings it back: after a reload, to others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from senet_viz import i18n
from senet_viz.ui import short
from tests.browser.conftest import Visitor
from tests.places import PAGES, model, named

Visit = Callable[..., Visitor]
LINKED: dict[str, Any] = {"channel": "33", "photo": "rocket", "lang": "zh", "weights": "pretrained"}
BLOCKS = {"tiny_se": "layer2.1.se", "tiny_sk": "layer2.1.conv2"}
# What a page keeps in the address without a row of choices or a list for it.
HELD = {
    "what_if": {"edits": "layer3.1.se:mute:17,42"},  # clicks on maps: test_components
    "channel_weights": {"scale": "0.5"},  # the scrubber's slider: test_journeys
    "learning": {"epoch": "4"},  # the same slider: test_learning
    "lessons": {"more": "code"},  # it offers no closer look; what other pages offer stays in the address
}
BOTH = ("excitation", "attribution")  # pages that have one choice more for a network with several branches

# Of every element of Streamlit's that is one of several: its key, and what is chosen. Sidebar and page alike.
READ = """() => Object.fromEntries([...document.querySelectorAll('[class*="st-key-"]')].flatMap(box => {
    const kinds = ["stButtonGroup", "stSelectbox", "stMultiSelect"];
    const kind = [...box.children].map(e => e.dataset.testid).find(id => kinds.includes(id));
    const key = [...box.classList].find(name => name.startsWith("st-key-")).slice(7);
    if (!kind || key.startsWith("_") || !box.checkVisibility()) return [];
    const chosen = kind === "stButtonGroup"
        ? [...box.querySelectorAll('button:is([aria-checked="true"], [aria-pressed="true"])')].map(e => e.innerText)
        : kind === "stSelectbox" ? [box.querySelector("input").value || box.innerText.split("\\n").at(-1)]
        : [box.innerText];
    return [[key, [kind, chosen.join(" | ").trim(), Boolean(box.closest('[data-testid="stMain"]'))]]];
}))"""


def choices(visitor: Visitor) -> dict[str, tuple[str, str]]:
    """Return, of every choice on the page itself, what kind of element it is and what is chosen."""
    found = visitor.settle().page.evaluate(READ)
    return {key: (kind, chosen) for key, (kind, chosen, main) in found.items() if main}


def name(key: str) -> str:
    """Return how the address calls a choice."""
    return "more" if key.startswith("more-") else key.removesuffix("-several")


def change(visitor: Visitor, key: str, kind: str) -> None:
    """Choose something else."""
    box = visitor.page.locator(f".st-key-{key}")
    if name(key) == "more":
        box.locator("button").last.click()  # the code
    elif kind == "stButtonGroup":
        box.locator('button[aria-checked="false"]').last.click()
    elif kind == "stMultiSelect":
        box.locator("input").press("Backspace")  # one less
        visitor.page.keyboard.press("Escape")
    else:
        visitor.opened(key).nth(1).click()


def walked(visitor: Visitor) -> set[str]:
    """Change every choice of the page, the last first, those that appear on the way too; return their keys."""
    seen: set[str] = set()
    while left := [key for key in choices(visitor) if key not in seen]:
        key, before = left[-1], visitor.url()  # what hides others stands above them
        kind, old = choices(visitor)[key]
        change(visitor, key, kind)
        visitor.until(lambda key=key, old=old: choices(visitor)[key][1] != old, f"another {key}")  # type: ignore[misc]
        at = name(key)
        visitor.until(
            lambda at=at, before=before: visitor.url().get(at, "") != before.get(at, ""),  # type: ignore[misc]
            f"another {at} in the address",
        )
        seen.add(key)
        assert visitor.errors() == [], key
    return seen


@pytest.mark.slow
@pytest.mark.parametrize(
    ("page", "net"),
    [*((page, model(page)) for page in PAGES), *((page, "tiny_sk") for page in BOTH)],
    ids=lambda value: value,
)
def test_every_choice_of_a_page_is_in_its_address_and_comes_back(visit: Visit, page: str, net: str) -> None:
    """By default ``test_pages`` and every page's own tests ask the same of the session, without a browser."""
    visitor = visit()
    held = HELD.get(page, {})
    visitor.open(page, model=net, block=BLOCKS[net], photo="coffee", lang="en", **held)
    seen, chosen = walked(visitor), choices(visitor)
    assert seen and chosen, "a page has choices"
    there, sidebar = visitor.url(), {"photo", "model", "weights", "block", "channel", "device", "lang"}
    assert held.items() <= there.items()
    extra = there.keys() - sidebar - held.keys() - {name(key) for key in seen}
    assert not extra, "an address that names what nobody can choose here"
    visitor.page.reload()
    visitor.until(lambda: visitor.heading() == visitor.t(named(page, "title")), "the page again")
    visitor.until(lambda: choices(visitor) == chosen, "every choice after a reload")
    assert visitor.url() == there
    other = visit()
    other.page.goto(visitor.page.url)
    other.until(lambda: choices(other) == chosen, "every choice for somebody else")
    assert other.url() == there and other.errors() == []


@pytest.mark.parametrize("page", PAGES)
def test_a_deep_link_brings_every_page_as_it_was(visitor: Visitor, page: str) -> None:
    visitor.lang = "zh"
    linked = LINKED | {"model": model(page), "block": BLOCKS[model(page)]}

    def there() -> None:
        assert visitor.chosen("photo") == visitor.t("sample.rocket")
        assert visitor.chosen("lang") == i18n.LANGUAGES["zh"]
        assert visitor.chosen("block") == short(linked["block"]) and visitor.number() == 33
        assert linked.items() <= visitor.url().items() and visitor.errors() == []
        assert visitor.page.get_by_role("dialog").count() == 0, "Page not found"

    visitor.open(page, **linked)
    there()
    visitor.page.reload()
    visitor.until(lambda: visitor.number() == 33, "the channel again")
    visitor.settle()
    assert visitor.heading() == visitor.t(named(page, "title"))
    there()
