"""The stage on its page: the first thing a visitor sees, whole on one screen, and nothing is asked of the server."""

from __future__ import annotations

import json
from collections.abc import Callable
from urllib.request import ProxyHandler, Request, build_opener

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator

from senet_viz.models import catalogue
from senet_viz.photos import preprocess, samples
from senet_viz.stats import softmax
from senet_viz.tap import hooks
from senet_viz.types import Edit
from tests import truth
from tests.browser.conftest import Visitor
from tests.places import named

Visit = Callable[..., Visitor]
STEPS = ["whole", "maps", "squeeze", "compress", "expand", "gate", "rescale", "sowhat"]
KEYS = [(key, by) for key, by in ((" ", 1), ("ArrowRight", 1), ("PageDown", 1), ("ArrowLeft", -1), ("PageUp", -1))]


def stage(visitor: Visitor) -> Locator:
    return visitor.page.locator("[data-testid=stage]")


def said(visitor: Visitor, what: str) -> str | None:
    return stage(visitor).get_attribute(f"data-{what}")


def opened(visitor: Visitor, **url: object) -> Visitor:
    visitor.open("block", **{"model": "tiny_se", "more": ""} | url)
    visitor.until(lambda: said(visitor, "pinned"), "the stage")
    return visitor


def number(visitor: Visitor, name: str) -> float:
    return float(stage(visitor).locator(f"[data-number={name}]").first.get_attribute("data-value") or "nan")


def click_map(visitor: Visitor, across: float, down: float) -> int:
    """Click into the atlas of U; the channel that is pinned then."""
    box, before = stage(visitor).locator("[data-part=maps]"), said(visitor, "pinned")
    size = box.bounding_box()
    assert size
    box.click(position={"x": across * size["width"], "y": down * size["height"]})
    visitor.until(lambda: said(visitor, "pinned") != before, "another pin")
    return int(said(visitor, "pinned") or -1)


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("size", [(1280, 800), (1920, 1080)], ids=["1280", "1920"])
def test_it_fills_the_first_screen_with_nothing_to_scroll(visit: Visit, size: tuple[int, int], lang: str) -> None:
    visitor = opened(visit(size=size, lang=lang))
    for step in STEPS:
        stage(visitor).locator(".steps button").nth(STEPS.index(step)).click()
        visitor.until(lambda step=step: said(visitor, "step") == step, step)  # type: ignore[misc]
        box = stage(visitor).bounding_box()
        assert box and box["y"] + box["height"] <= size[1], step
        assert visitor.page.evaluate("document.querySelector('[data-testid=stMain]').scrollTop") == 0


def test_what_needs_no_forward_sends_nothing_and_stands_in_the_address(visitor: Visitor) -> None:
    sent: list[object] = []
    visitor.page.on("websocket", lambda wire: wire.on("framesent", lambda frame: sent.append(len(frame))))
    visitor.page.on("websocket", lambda wire: wire.on("framereceived", lambda frame: sent.append(len(frame))))
    opened(visitor)
    assert sent, "the wire is heard"
    del sent[:]
    for now in STEPS[1:-1]:
        stage(visitor).locator(".next").click()
        visitor.until(lambda now=now: visitor.url().get("step") == now, now)  # type: ignore[misc]
    c = click_map(visitor, 0.3, 0.7)
    assert visitor.url()["channel"] == str(c)
    visitor.pin(5)
    stage(visitor).locator("[name=scope]").select_option("block")
    stage(visitor).locator(".steps button").nth(STEPS.index("squeeze")).click()
    stage(visitor).locator("[name=sort]").select_option("z")
    stage(visitor).locator(".steps button").nth(STEPS.index("gate")).click()
    stage(visitor).locator("[name=fn]").select_option("h_sigmoid")
    wanted = {"step": "gate", "channel": "5", "scope": "block", "sort": "z", "gatefn": "h_sigmoid"}
    visitor.until(lambda: wanted.items() <= visitor.url().items(), "all of it in the address")
    assert not sent, "not one message"
    block = truth.trace("tiny_se", "chelsea", truth.names("tiny_se")[0], weights="pretrained").blocks[0]
    assert number(visitor, "gate") == pytest.approx(float(block.gate[0, 5]), rel=1e-6)

    visitor.page.reload()
    visitor.until(lambda: (said(visitor, "step"), said(visitor, "pinned")) == ("gate", "5"), "the same after a reload")
    visitor.until(lambda: wanted.items() <= visitor.url().items(), "the address after a reload")
    assert stage(visitor).locator("[name=fn]").input_value() == "h_sigmoid"


def test_keys_drive_it_and_never_while_somebody_types(visitor: Visitor) -> None:
    opened(visitor, step="compress")
    at = STEPS.index("compress")
    for key, by in KEYS:
        visitor.page.keyboard.press(key)
        at += by
        visitor.until(lambda at=at: said(visitor, "step") == STEPS[at], key)  # type: ignore[misc]
    visitor.page.keyboard.press("Home")
    visitor.until(lambda: said(visitor, "step") == "whole", "Home")
    stage(visitor).locator("[name=channel]").focus()
    visitor.page.keyboard.press("ArrowUp")
    visitor.page.keyboard.press("Enter")
    visitor.until(lambda: said(visitor, "pinned") == visitor.url().get("channel"), "the next channel")
    assert said(visitor, "step") == "whole"


def test_the_pin_goes_along_and_comes_back(visitor: Visitor) -> None:
    opened(visitor)
    c = click_map(visitor, 0.6, 0.2)
    visitor.go("squeeze")
    visitor.until(lambda: visitor.number() == c and visitor.url().get("channel") == str(c), "the pin on the next page")
    visitor.pin(c + 1 if c < 60 else c - 1)
    now = visitor.number()
    visitor.go("block")
    visitor.until(lambda: said(visitor, "pinned") == str(now), "the pin on the stage")


def test_back_and_forward_keep_the_pin(visitor: Visitor) -> None:
    def arrived(c: int) -> None:
        visitor.until(lambda: visitor.url().get("channel") == str(visitor.number()) == str(c), f"channel {c}")
        visitor.settle()

    opened(visitor, channel=7)
    visitor.go("squeeze")
    arrived(7)
    visitor.page.go_back()
    visitor.until(lambda: said(visitor, "pinned") == "7", "the stage")
    visitor.pin(5)
    visitor.page.go_forward()
    visitor.until(lambda: visitor.path() == "squeeze", "the page")
    arrived(5)
    visitor.pin(3)
    visitor.page.go_back()
    visitor.until(lambda: said(visitor, "pinned") == "3", "the pin on the stage")
    visitor.page.go_forward()
    visitor.until(lambda: visitor.path() == "squeeze", "the page again")
    arrived(3)


@pytest.mark.parametrize(("model", "part", "page"), [
    ("tiny_se", "z", "squeeze"), ("tiny_se", "hidden", "excitation"), ("tiny_se", "out", "rescale"),
    ("tiny_se", "answer", "what_if"), ("tiny_sk", "gate", "kernel_selection"), ("tiny_sk", "maps", "sk_anatomy"),
])  # fmt: skip
def test_a_part_leads_to_the_page_that_looks_closer(visitor: Visitor, model: str, part: str, page: str) -> None:
    opened(visitor, model=model)
    c = click_map(visitor, 0.6, 0.2)
    stage(visitor).locator(f"[data-closer={part}]").click()
    visitor.until(lambda: visitor.heading() == visitor.t(named(page, "title")), page)
    visitor.settle()
    assert visitor.path() == page and visitor.url()["channel"] == str(c)


def test_the_ribbon_opens_another_block(visitor: Visitor) -> None:
    opened(visitor, channel=63)
    first, third = (truth.names("tiny_se")[i] for i in (0, 2))
    assert said(visitor, "block") == first
    stage(visitor).locator("[data-part=ribbon]").nth(2).click()
    visitor.until(lambda: said(visitor, "block") == third and visitor.url().get("block") == third, "the third block")
    visitor.settle()
    visitor.until(lambda: visitor.chosen("block") == "2.0", "the sidebar's tiles")
    assert said(visitor, "pinned") == "63"


def test_the_pin_outlives_another_photo_and_is_clamped_by_a_smaller_block(visitor: Visitor) -> None:
    opened(visitor, step="squeeze")
    visitor.pin(60)
    stage(visitor).locator(".next").click()  # it moves while the photo changes
    visitor.choose("photo", visitor.t("sample.coffee"))
    z = truth.trace("tiny_se", "coffee", truth.names("tiny_se")[0], weights="pretrained").blocks[0].z
    assert z is not None
    visitor.until(lambda: number(visitor, "z") == pytest.approx(float(z[60]), rel=1e-6), "z of the coffee")
    assert said(visitor, "pinned") == "60" and visitor.url()["channel"] == "60"
    visitor.take("tiny_sk")
    visitor.until(lambda: said(visitor, "pinned") == "31", "the last of 32 channels")
    visitor.until(lambda: visitor.url()["channel"] == "31", "the address")


OUTPUT = """(canvas) => {
    const { width, height } = canvas, data = canvas.getContext("2d").getImageData(0, 0, width, height).data;
    const right = 0.8 * width; // where the output is
    return data.reduce((sum, value, i) => ((i >> 2) % width > right ? sum + value : sum), 0);
}"""


@pytest.mark.parametrize("model", ["tiny_se", "tiny_sk"])
def test_pulling_the_edge_uncovers_what_the_block_received(visitor: Visitor, model: str) -> None:
    """With shares that differ, the branches' plain sum is another picture than what the block gives on."""
    opened(visitor, model=model, step="rescale", scope="block")
    visitor.rest()
    output, wipe = stage(visitor).locator("canvas"), stage(visitor).locator("[name=wipe]")
    after = output.evaluate(OUTPUT)
    wipe.fill("0")
    assert output.evaluate(OUTPUT) != after, "U"
    wipe.fill("100")
    assert output.evaluate(OUTPUT) == after


def test_a_slide_is_saved_in_one_click(visitor: Visitor) -> None:
    opened(visitor, step="gate", channel=24)
    with visitor.page.expect_download() as coming:
        stage(visitor).locator(".slide").click()
    assert coming.value.suggested_filename == "stage-layer1.0.se-24-gate.png"
    picture = Image.open(coming.value.path()).convert("RGB")
    colours = picture.getcolors(1920 * 1080)
    assert picture.size == (1920, 1080) and colours and len(colours) > 500, "no empty slide"


def answer(name: str, edit: Edit) -> np.ndarray:
    """(K,) probabilities of the cat with that change, greatest first."""
    row = catalogue.spec("tiny_se")
    x = preprocess.preprocess(samples.sample("chelsea"), row).x
    trace = hooks.run(truth.model("tiny_se", "pretrained"), x, edits=(edit,))
    return np.sort(softmax(trace.logits.double().numpy()))[::-1]


def test_so_what_asks_the_network_without_a_rerun(visitor: Visitor) -> None:
    opened(visitor, channel=24)
    runs = visitor.page.evaluate("runs.ended")
    stage(visitor).locator(".steps button").last.click()
    name = truth.names("tiny_se")[0]
    for row, edit in ((1, Edit(name, "ones")), (2, Edit(name, "mute", (24,)))):
        shown = f"[data-number='answer{row}.0']"
        visitor.until(stage(visitor).locator(shown).count, f"answer {row}")
        assert number(visitor, f"'answer{row}.0'") == pytest.approx(answer(name, edit)[0], rel=1e-4)
    assert visitor.page.evaluate("runs.ended") == runs, "and no rerun"


GOOD = "model=tiny_se&weights=pretrained&photo=chelsea&block=layer1.0.se&lang=en&gate=ones"


@pytest.mark.parametrize(
    ("query", "headers", "status"),
    [
        (GOOD, {}, 200),
        (GOOD.replace("ones", "3"), {"Sec-Fetch-Site": "same-origin"}, 200),
        (GOOD, {"Sec-Fetch-Site": "cross-site"}, 403),
        (GOOD, {"Origin": "http://elsewhere.example"}, 403),
        (GOOD.replace("ones", "64"), {}, 404),
        (GOOD.replace("ones", "-1"), {}, 404),
        (GOOD.replace("ones", "9" * 400), {}, 404),
        (GOOD.replace("chelsea", "up-0123456789abcdef"), {}, 404),
        (GOOD.replace("chelsea", "../chelsea"), {}, 404),
        (GOOD.replace("layer1.0.se", "layer1"), {}, 404),
        (GOOD.replace("tiny_se", "nobody"), {}, 404),
        (GOOD.replace("model=tiny_se", "model=legacy_senet154"), {}, 404),  # a download that nobody chose
        (GOOD.replace("lang=en", "lang=xx"), {}, 404),
        ("", {}, 404),
    ],
)
def test_a_question_from_elsewhere_or_without_sense_is_refused(
    server: str, query: str, headers: dict[str, str], status: int
) -> None:
    opener = build_opener(ProxyHandler({}))
    opener.process_response = {}  # type: ignore[attr-defined]  # a refusal is an answer, not an exception
    with opener.open(Request(f"{server}/answers?{query}", headers=headers), timeout=60) as reply:
        assert reply.status == status
        told = json.loads(reply.read())
    assert len(told) == 3 if status == 200 else set(told) == {"error"}


def test_reduced_motion_moves_nothing(visit: Visit) -> None:
    visitor = opened(visit(reduced_motion="reduce"))
    visitor.page.evaluate("""() => {
        const ask = window.requestAnimationFrame;
        window.frames_ = 0;
        window.requestAnimationFrame = (run) => { window.frames_ += 1; return ask(run); };
    }""")
    before = visitor.page.evaluate("frames_")
    stage(visitor).locator(".next").click()
    visitor.until(lambda: said(visitor, "step") == "maps", "the next step")
    assert visitor.page.evaluate("frames_") == before
