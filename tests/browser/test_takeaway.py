"""Files that people take home: the stage opened from disk without a network, and what the page hands out."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.request import ProxyHandler, Request, build_opener

import pytest
from playwright.sync_api import Browser, Locator, Page

from senet_viz import i18n
from senet_viz.cli import main
from senet_viz.models import catalogue
from senet_viz.photos import preprocess, samples
from senet_viz.stats import softmax
from senet_viz.tap import hooks
from senet_viz.types import Edit
from tests import pictures, truth
from tests.browser.conftest import Visitor, until
from tests.browser.test_stage_page import STEPS, opened, said, stage

Visit = Callable[..., Visitor]


@pytest.fixture
def alone(browser: Browser) -> Iterator[Callable[[Path], Page]]:
    """Opens a file from disk with the network off; in the end nothing was asked for, and nothing complained."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, offline=True, accept_downloads=True)
    asked: list[str] = []
    complaints: list[str] = []

    def open_(file: Path) -> Page:
        page = context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(file.as_uri())
        page.wait_for_selector("[data-testid=stage][data-step]")
        return page

    yield open_
    assert {url for url in asked if not url.startswith(("file:", "blob:"))} == set() and complaints == []
    context.close()


def on(page: Page) -> Locator:
    return page.locator("[data-testid=stage]")


def number(page: Page, name: str) -> float:
    return float(on(page).locator(f"[data-number='{name}']").first.get_attribute("data-value") or "nan")


def at(page: Page, what: str, value: str) -> None:
    until(lambda: on(page).get_attribute(f"data-{what}") == value, f"{what} {value}", page)


def likeliest(key: str, photo: str, *edits: Edit) -> float:
    x = preprocess.preprocess(samples.sample(photo), catalogue.spec(key)).x
    logits = hooks.run(truth.model(key, "pretrained"), x, edits=edits).logits
    return float(softmax(logits.double().numpy()).max())


@pytest.mark.parametrize(("key", "lang", "more"), [("tiny_se", "en", ()), ("tiny_sk", "zh", ("--dark",))])
def test_the_stage_in_a_file_steps_pins_and_has_the_models_numbers(
    alone: Callable[[Path], Page], tmp_path: Path, key: str, lang: str, more: tuple[str, ...]
) -> None:
    file, name = tmp_path / "x.html", truth.names(key)[-1]
    options = ["coffee", "--model", key, "--block", name, "--channel", "9", "--lang", lang, *more]
    assert main(["stage", *options, "--out", str(file)]) == 0
    page = alone(file)
    block = truth.trace(key, "coffee", name, weights="pretrained").block(name)
    for step in STEPS:
        at(page, "step", step)
        title = on(page).locator("h2").inner_text()
        assert title.startswith(f"{STEPS.index(step) + 1} · ")
        assert i18n.text(f"stage.step.{step}.short", lang) in on(page).locator(".steps").inner_text()
        size = page.evaluate("[document.documentElement.scrollHeight, innerHeight]")
        assert size[0] <= size[1], f"{step}: one screen"
        page.keyboard.press("Space")
    until(on(page).locator("[data-number='answer2.0']").count, "the answers", page)
    assert number(page, "answer0.0") == pytest.approx(likeliest(key, "coffee"), rel=1e-4)
    assert number(page, "answer1.0") == pytest.approx(likeliest(key, "coffee", Edit(name, "ones")), rel=1e-4)
    assert number(page, "answer2.0") == pytest.approx(likeliest(key, "coffee", Edit(name, "mute", (9,))), rel=1e-4)

    box, before = on(page).locator("[data-part=maps]"), on(page).get_attribute("data-pinned")
    page.keyboard.press("Home")
    at(page, "step", "whole")
    size_of = box.bounding_box()
    assert size_of
    box.click(position={"x": 0.7 * size_of["width"], "y": 0.3 * size_of["height"]})
    until(lambda: on(page).get_attribute("data-pinned") != before, "another pin", page)
    c = int(on(page).get_attribute("data-pinned") or -1)
    assert number(page, "z") == pytest.approx(float(truth.z(block)[c]), rel=1e-6)
    assert number(page, "logit") == pytest.approx(float(truth.logit(block)[-1, c]), rel=1e-6)
    assert number(page, "gate") == pytest.approx(float(block.gate[-1, c]), rel=1e-6)
    assert on(page).locator(".badge").get_attribute("class") == "badge", "what it computes again is the model's"
    on(page).locator(".steps button").last.click()
    at(page, "step", "sowhat")
    assert not on(page).locator("[data-number='answer2.0']").count()
    assert i18n.text("stage.apart", lang) in (on(page).locator("svg").text_content() or "")


def test_a_slide_is_saved_from_a_file_too(alone: Callable[[Path], Page], tmp_path: Path) -> None:
    assert main(["stage", "chelsea", "--channel", "24", "--out", str(tmp_path / "x.html")]) == 0
    page = alone(tmp_path / "x.html")
    with page.expect_download() as coming:
        on(page).locator(".slide").click()
    assert coming.value.suggested_filename == "stage-layer1.0.se-24-whole.png"


# --- from the page --------------------------------------------------------------------------------------------------


def taken(visitor: Visitor, selector: str) -> tuple[str, bytes]:
    """The name and the bytes of what a button hands out."""
    with visitor.page.expect_download() as coming:
        visitor.page.locator(selector).click()
    return coming.value.suggested_filename, Path(coming.value.path()).read_bytes()


def test_the_page_hands_out_what_is_on_the_stage_now(
    visit: Visit, alone: Callable[[Path], Page], tmp_path: Path
) -> None:
    """The server has not heard of the pin and the step."""
    visitor = opened(visit(lang="zh"), more="code", model="tiny_se")
    stage(visitor).locator(".steps button").nth(STEPS.index("gate")).click()
    visitor.until(lambda: said(visitor, "step") == "gate", "the step")
    visitor.pin(5)
    name, data = taken(visitor, "[data-file='file.html']")
    assert name == "tiny_se-layer1.0.se.html"
    (tmp_path / "x.html").write_bytes(data)
    page = alone(tmp_path / "x.html")
    at(page, "step", "gate")
    at(page, "pinned", "5")
    back = page.locator("footer a").get_attribute("href") or ""
    assert back.startswith(visitor.address) and "channel=5" in back and "step=gate" in back
    name, data = taken(visitor, "[data-file='notebook.ipynb']")
    assert name.endswith(".ipynb")
    assert "CHANNEL = 5" in json.loads(data)["cells"][1]["source"][-1]
    name, data = taken(visitor, ".st-key-take-numbers button")
    assert name == "stage-tiny_se-layer1.0.se.zip"
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        rows = list(csv.DictReader(io.StringIO(archive.read("channels.csv").decode("utf-8-sig"))))
    block = truth.trace("tiny_se", "chelsea", "layer1.0.se", weights="pretrained").block("layer1.0.se")
    assert [float(row["gate"]) for row in rows] == pytest.approx(block.gate[0].tolist(), rel=1e-6)


def test_a_photo_of_ones_own_comes_along_without_a_way_back(
    visit: Visit, alone: Callable[[Path], Page], tmp_path: Path
) -> None:
    visitor = opened(visit(), more="code", model="tiny_se")
    visitor.upload("mine.png", pictures.encode(samples.sample("rocket"), "PNG"))
    visitor.until(lambda: visitor.chosen("photo") == visitor.t("photo.mine", n=1), "the photo")
    visitor.until(lambda: visitor.page.locator("[data-file='file.html']").count(), "the files")
    visitor.settle()
    _, data = taken(visitor, "[data-file='file.html']")
    (tmp_path / "x.html").write_bytes(data)
    page = alone(tmp_path / "x.html")
    assert page.locator("footer a").count() == 0
    assert i18n.text("export.photo.own", "en") in page.locator("footer").inner_text()


def test_a_file_that_cannot_be_made_is_one_sentence(visit: Visit) -> None:
    visitor = opened(visit(), more="code", model="tiny_se")
    visitor.page.route("**/take/**", lambda route: route.fulfill(status=503, body="busy"))
    visitor.page.locator("[data-file='file.html']").click()
    sentence = visitor.page.get_by_text(visitor.t("take.failed"), exact=True)
    visitor.until(sentence.count, "the sentence")
    visitor.page.unroute("**/take/**")
    taken(visitor, "[data-file='file.html']")
    assert not sentence.count()
    visitor.complaints[:] = [each for each in visitor.complaints if "503" not in each]


GOOD = "model=tiny_se&weights=pretrained&photo=chelsea&block=layer1.0.se&lang=en&channel=3"


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        (f"file.html?{GOOD}", {}, 200),
        (f"notebook.ipynb?{GOOD}", {"Sec-Fetch-Site": "same-origin"}, 200),
        (f"file.html?{GOOD}&step=%3Cscript%3E", {"Referer": "https://elsewhere.example/?a=1"}, 200),
        (f"file.html?{GOOD.replace('channel=3', 'channel=99999')}", {}, 200),  # the last one
        (f"file.html?{GOOD}", {"Origin": "http://elsewhere.example"}, 403),
        (f"file.html?{GOOD}", {"Sec-Fetch-Site": "cross-site"}, 403),
        (f"other.exe?{GOOD}", {}, 404),
        (f"file.html?{GOOD.replace('tiny_se', 'nobody')}", {}, 404),
        (f"file.html?{GOOD.replace('layer1.0.se', 'layer1')}", {}, 404),
        (f"file.html?{GOOD.replace('chelsea', 'up-0123456789abcdef')}", {}, 404),
        (f"file.html?{GOOD.replace('tiny_se', 'legacy_senet154')}", {}, 404),
        ("file.html", {}, 404),
    ],
)
def test_a_file_is_made_for_this_page_alone(server: str, path: str, headers: dict[str, str], status: int) -> None:
    opener = build_opener(ProxyHandler({}))
    opener.process_response = {}  # type: ignore[attr-defined]  # a refusal is an answer, not an exception
    with opener.open(Request(f"{server}/take/{path}", headers=headers), timeout=60) as reply:
        assert reply.status == status
        data = reply.read()
        if status == 200:
            assert reply.headers["Content-Disposition"].startswith("attachment;")
            assert b"elsewhere.example" not in data and not re.search(rb"<script>[^<]*step", data)
        else:
            assert len(data) < 100
