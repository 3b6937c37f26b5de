"""From an answer that can only be wrong to a network that knows more, on a wide screen and on a phone."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest
from playwright.sync_api import Browser

from senet_viz import i18n
from senet_viz.models import catalogue
from tests.browser.conftest import Visitor, serving
from tests.places import SECTIONS
from tests.test_open_set import strange_sample

Visit = Callable[..., Visitor]
WANTED = catalogue.spec("legacy_seresnet50")
CUT = """(box, names) => {
  const style = getComputedStyle(box), pen = document.createElement("canvas").getContext("2d");
  pen.font = `${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
  const room = box.clientWidth - parseFloat(style.paddingLeft);
  return names.filter((name) => pen.measureText(name).width > room);
}"""

GONE = """() => {
  window.gone = new Set();
  const boxes = '[data-testid="stElementContainer"], [data-testid="stLayoutWrapper"]';
  const working = '[data-testid="stProgress"], [data-testid="stEmpty"]';  // where something took a while
  new MutationObserver((all) => all.flatMap((each) => [...each.removedNodes]).forEach((node) => {
    if (node.nodeType !== 1 || !node.matches(boxes) || node.querySelector(working)) return;
    window.gone.add(node.outerHTML.match(/st-key-[^ "]+/)?.[0] ?? node.innerText);
  })).observe(document.querySelector("[data-testid=stApp]"), { childList: true, subtree: true });
}"""
MADE_AGAIN = re.compile("st-key-(chart|predict)-")  # another picture, another question


@pytest.mark.parametrize("page", [page for page in SECTIONS if page not in ("where_it_sits", "what_it_costs")])
def test_a_photo_off_the_list_takes_nothing_away(visit: Visit, page: str) -> None:
    """What is said of it has its place: nothing below is taken out and drawn again."""
    visitor = visit().open(page, photo="chelsea")
    visitor.rest().page.evaluate(GONE)
    for photo in ("astronaut", "coffee"):
        visitor.choose("photo", visitor.t(f"sample.{photo}")).rest()
    gone = [each for each in visitor.page.evaluate("[...gone]") if not MADE_AGAIN.match(each)]
    said = visitor.t("knows.off", what=visitor.t("sample.astronaut"), n=50).replace("*", "")
    knows = visitor.t("header.knows", n=50)  # which is said where the other is not
    assert [each for each in gone if said not in each and knows not in each and each != "st-key-_others"] == []


@pytest.mark.parametrize("lang", i18n.LANGUAGES)
@pytest.mark.parametrize("size", [(1280, 800), (390, 844)], ids=["wide", "phone"])
def test_from_a_wrong_answer_to_a_network_that_knows_more(visit: Visit, size: tuple[int, int], lang: str) -> None:
    visitor = visit(size=size, lang=lang).open(photo="astronaut", lang=lang)
    page = visitor.page
    line = visitor.t("knows.off", what=visitor.t("sample.astronaut"), n=50).replace("*", "")
    main = page.get_by_test_id("stMain")
    visitor.until(lambda: line in main.inner_text(), "the line")
    opener = visitor.settle().page.locator(".st-key-_others button")
    opener.scroll_into_view_if_needed()  # a menu that has opened closes when the page scrolls
    visitor.rest()
    opener.click()
    name = visitor.t("model.fetched", title=WANTED.title, mib=f"{WANTED.weights_mib:.0f}")
    page.get_by_text(name, exact=True).click()
    visitor.until(lambda: visitor.url().get("model") == WANTED.key, "the other network in the URL")
    visitor.until(lambda: visitor.errors() == [visitor.t("error.weights")], "what is said without the internet")
    visitor.settle()
    assert line in main.inner_text(), "what is still on screen does not know it either"


@pytest.mark.parametrize("lang", i18n.LANGUAGES)
@pytest.mark.parametrize("size", [(1280, 800), (390, 844)], ids=["wide", "phone"])
def test_every_model_fits_the_box_with_what_is_said_of_it(visit: Visit, size: tuple[int, int], lang: str) -> None:
    visitor = visit(size=size, lang=lang).open(lang=lang)
    page = visitor.page
    if size[0] < 600:
        page.get_by_test_id("stExpandSidebarButton").click()
    box = page.locator(".st-key-model input")
    first = visitor.t("model.here", title=catalogue.spec(catalogue.DEFAULT).title)
    visitor.rest().until(lambda: box.evaluate(CUT, [first]) == [], "a sidebar that has slid in")
    options = visitor.opened("model")
    visitor.rest()
    names = options.all_inner_texts()
    assert visitor.t("model.here", title=catalogue.spec("tiny_se_h").title) in names
    rows = [row for row in catalogue.MODELS if row.blocks]
    whole = [
        visitor.t("model.fetched" if row.weights else "model.nobodys", title=row.title, mib=f"{row.weights_mib:.0f}")
        for row in rows
        if row.source != "ours"
    ]
    assert box.evaluate(CUT, names + whole) == []


def test_a_model_stays_chosen_when_its_weights_have_come(browser: Browser, tmp_path: Path) -> None:
    """Its name in the list changes with that."""
    row = catalogue.spec("mobilenet_v3_small")
    with serving(tmp_path) as address:
        visitor = Visitor(browser, address).open(model=row.key, weights="random")
        box = visitor.page.locator(".st-key-model input")
        name = visitor.t("model.fetched", title=row.title, mib=f"{row.weights_mib:.0f}")
        visitor.until(lambda: box.input_value() == name, "a model that is not here")
        local = tmp_path / "hub" / "checkpoints" / row.weights.rpartition("/")[2]
        local.parent.mkdir(parents=True)
        local.write_bytes(b"here")
        for photo in ("coffee", "rocket"):
            visitor.choose("photo", visitor.t(f"sample.{photo}"))
            visitor.until(lambda: box.input_value() == visitor.t("model.here", title=row.title), "a model that is here")
            visitor.settle()
        visitor.go("excitation")
        assert visitor.settle().url()["model"] == row.key
        visitor.leave()


@pytest.mark.parametrize("lang", i18n.LANGUAGES)
def test_the_stage_says_that_it_is_nothing_the_network_knows(visit: Visit, server: str, lang: str) -> None:
    photo = strange_sample()
    url = {"photo": photo, "model": "tiny_se", "weights": "pretrained", "lang": lang, "step": "sowhat", "more": ""}
    visitor = visit(lang=lang).open("block", **url)
    page, first = visitor.page, visitor.t("listed.nearest", name="").rstrip(" .。")
    visitor.until(lambda: first in page.get_by_test_id("stMain").inner_text(), "what is said below the stage")
    drawn = page.locator("[data-testid=stage]")
    visitor.until(lambda: visitor.t("stage.strange") in (drawn.text_content() or ""), "what the ribbon says")
    asked = {"model": "tiny_se", "weights": "pretrained", "photo": photo, "block": "layer1.0.se", "lang": lang}
    with urlopen(f"{server}/answers?{urlencode(asked)}&gate=0", timeout=60) as reply:
        rows = json.loads(reply.read())
    assert [set(row) for row in rows] == [{"label", "share", "listed"}] * 3
    assert {row["listed"] for row in rows} <= {True, False}
