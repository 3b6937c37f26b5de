"""A slide that leaves the app says what it shows, whose photo that is, and how to get back to exactly this state."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit
from xml.etree import ElementTree

import pytest

from senet_viz import i18n
from senet_viz.models import catalogue
from senet_viz.photos import samples
from tests import pictures
from tests.browser.conftest import Visitor

SVG = "{http://www.w3.org/2000/svg}"
HERE = {"model": "tiny_se", "block": "layer3.1.se", "channel": 17, "photo": "china"}


def slide(visitor: Visitor, figure: str) -> tuple[list[str], set[str]]:
    """Every line of a slide's text, and the addresses that it links to."""
    root = ElementTree.parse(visitor.download(figure, "svg").path()).getroot()
    links = {a.attrib["{http://www.w3.org/1999/xlink}href"] for a in root.iter(f"{SVG}a")}
    return ["".join(text.itertext()) for text in root.iter(f"{SVG}text")], links


@pytest.mark.parametrize("lang", i18n.LANGUAGES)
def test_a_slide_names_model_block_and_photographer_and_leads_back(visit: Callable[..., Visitor], lang: str) -> None:
    visitor = visit(lang=lang)
    visitor.open("excitation", **HERE, lang=lang)
    visitor.choose("gatefn", "h-sigmoid")
    lines, links = slide(visitor, "excitation-network")
    assert samples.source(i18n.texts(lang), catalogue.spec("tiny_se").title, "layer3.1.se", "china") in lines
    assert any("danielbuechele, CC BY 2.0" in line for line in lines)
    assert visitor.t("fig.net.title") in lines  # as text that can be searched
    (link,) = links
    assert "".join(line for line in lines if line.startswith(("http", "&"))) == link
    assert urlsplit(link)[:3] == urlsplit(visitor.page.url)[:3]
    assert dict(parse_qsl(urlsplit(link).query)) == visitor.url()
    other = visit(lang=lang)
    other.page.goto(link)
    other.until(lambda: other.heading() == other.t("walk.excitation.title"), "the page of the slide")
    other.settle()
    other.until(lambda: other.url() == visitor.url(), "the address of the slide")
    assert other.number() == 17 and other.url() == visitor.url()
    assert other.chosen("gatefn") == visitor.chosen("gatefn")


def test_a_photo_of_ones_own_has_no_credit_and_no_way_back(visitor: Visitor) -> None:
    visitor.open("squeeze", **HERE).upload("mine.jpg", pictures.oriented(6, quality=95))
    visitor.until(lambda: "photo" not in visitor.url(), "the upload on screen")
    visitor.settle()
    lines, links = slide(visitor, "squeeze-channel")
    assert links == set()
    said = samples.source(i18n.texts("en"), catalogue.spec("tiny_se").title, "layer3.1.se", "")
    assert any(line.startswith(said) for line in lines), lines  # the network may add that it does not know such photos
    assert not any(sample.credit in line or "mine.jpg" in line for sample in samples.SAMPLES for line in lines)


def test_a_figure_that_is_of_no_photo_claims_none(visitor: Visitor) -> None:
    visitor.open("what_it_costs", **HERE)
    lines, links = slide(visitor, "cost-adds")
    assert len(links) == 1
    assert not any("china" in line or "danielbuechele" in line for line in lines if not line.startswith(("http", "&")))


def test_a_pdf_is_one_page_whose_text_can_be_searched(visitor: Visitor) -> None:
    visitor.open("squeeze", **HERE)
    download = visitor.download("squeeze-channel", "pdf")
    assert download.suggested_filename.endswith(".pdf")
    data = Path(download.path()).read_bytes()
    assert data.startswith(b"%PDF-") and data.rstrip().endswith(b"%%EOF")
    assert len(re.findall(rb"/Type\s*/Page\b(?!s)", data)) == 1
    assert re.search(rb"/FontFile[23]?\b", data) or b"/Type3" in data, "fonts travel with it"
    assert b"/ToUnicode" in data, "and say which letters they draw"
