"""A deck is filled page by page, and saved with one click: its charts have the numbers of the page's figures."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qsl, urlsplit

import pytest
from pptx import Presentation

from senet_viz import i18n
from senet_viz.drawing import palette
from senet_viz.drawing.editable.presentation import EAST
from tests.browser.conftest import Visitor

HERE = {"model": "tiny_se", "block": "layer3.1.se", "channel": 17, "photo": "china"}


def put(visitor: Visitor, figure: str) -> None:
    """Put a figure aside through the popover beside its title, and close that again."""
    page = visitor.page
    page.locator(f".st-key-export-{figure} button").first.click()
    page.locator(f".st-key-deck-{figure} button").click()
    done = page.locator(f".st-key-deck-{figure} button:disabled")
    visitor.until(done.is_visible, "what was put aside is in the deck")
    page.keyboard.press("Escape")
    visitor.settle()


@pytest.mark.parametrize("lang", i18n.LANGUAGES)
def test_figures_are_put_aside_on_two_pages_and_saved_with_one_click(visit: Callable[..., Visitor], lang: str) -> None:
    visitor = visit(lang=lang)
    visitor.open("excitation", **HERE, lang=lang, more="")
    assert not visitor.page.locator(".st-key-deck").count()  # it takes no place before it holds something
    put(visitor, "excitation-network")
    first = visitor.url()
    visitor.go("rescale")
    assert visitor.t("deck.holds", n=1) in visitor.page.locator(".st-key-deck").inner_text()
    put(visitor, "rescale-channel")
    visitor.until(lambda: visitor.t("deck.holds", n=2) in visitor.page.locator(".st-key-deck").inner_text(), "two")
    with visitor.page.expect_download() as saving:
        visitor.page.locator(".st-key-deck-save button").click()
    assert saving.value.suggested_filename.endswith(".pptx")
    deck = Presentation(str(saving.value.path()))
    assert deck.slides[0].shapes.title.text == visitor.t("fig.net.title")
    assert len(deck.slides) == 2
    charts = [shape.chart for shape in deck.slides[0].shapes if shape.has_chart]
    gates = [v for series in charts[-1].plots[0].series for v in series.values if v is not None]
    assert len(gates) == 256 and all(0 <= gate <= 1 for gate in gates)
    links = {run.hyperlink.address for shape in deck.slides[0].shapes if shape.has_text_frame
             for p in shape.text_frame.paragraphs for run in p.runs}  # fmt: skip
    (link,) = links - {None}
    assert dict(parse_qsl(urlsplit(link).query)) == first
    assert EAST in {e.get("typeface") for e in deck.slides[0]._element.iter("{*}ea")}
    visitor.page.locator(".st-key-deck-empty button").click()
    visitor.until(lambda: not visitor.page.locator(".st-key-deck").count(), "an empty deck is out of sight")


def test_a_dark_deck_is_dark(visitor: Visitor) -> None:
    visitor.open("squeeze", **HERE, more="")
    put(visitor, "squeeze-channel")
    visitor.page.locator(".st-key-deck-dark label").click()
    visitor.settle()
    with visitor.page.expect_download() as saving:
        visitor.page.locator(".st-key-deck-save button").click()
    deck = Presentation(str(saving.value.path()))
    (colours,) = deck.slide_master._element.iter("{*}clrMap")
    assert colours.get("bg1") == "dk1" and colours.get("tx1") == "lt1"
    ink = palette.role("ink", True)[1:].upper()
    assert str(deck.slides[0].shapes.title.text_frame.paragraphs[0].runs[0].font.color.rgb) == ink
