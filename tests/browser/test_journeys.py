"""What people do, in a real browser against a real server; numbers on the page equal a model of the test's own."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from PIL import Image
from playwright.sync_api import Browser, Locator

from senet_viz import i18n
from senet_viz.drawing import palette
from senet_viz.experiments import attribution
from senet_viz.figures.pieces import minus
from senet_viz.models import catalogue, weight_files
from senet_viz.photos import preprocess, reading, samples
from senet_viz.photos import scale as scales
from senet_viz.tap import edits, hooks
from senet_viz.ui import short
from senet_viz.ui.elements.header import TOP
from tests import pictures, truth
from tests.browser.conftest import PATIENCE_S, Visitor, serving
from tests.places import BLOCKS, FIRST, KERNELS, PAGES, WALK
from tests.test_pages import BAD, DETAILS, last_number, printed

Visit = Callable[..., Visitor]
HERE: dict[str, Any] = {
    "model": "tiny_se",
    "weights": "random",
    "block": "layer3.1.se",
    "channel": 17,
    "photo": "chelsea",
    "lang": "en",
}
OF = {"tiny_se": tuple(page for page in PAGES if page not in KERNELS), "tiny_sk": PAGES}  # what a network has to show


def z_of(visitor: Visitor, channel: int) -> float:
    """z as the squeeze page's formula has it."""
    return last_number(visitor.formula(rf"z_{{{channel}}}="))


def tooltip(visitor: Visitor, board: str, x: float, y: float) -> dict[str, float]:
    """Hover at these shares of a board's picture; {"channel": 3.0, "z": 0.12, ...}."""
    stage = visitor.rest().stage(board)
    stage.scroll_into_view_if_needed()
    size = stage.locator("img").bounding_box()
    assert size is not None
    at = {"x": size["width"] * x, "y": size["height"] * y}
    tip = stage.locator(".tip")

    def read() -> str:
        stage.locator("img").hover(position=at, force=True)  # type: ignore[arg-type]
        return tip.inner_text() if tip.is_visible() else ""

    head, *lines = visitor.until(read, "a tooltip").split("\n")
    values = {name: float(value) for name, value in (line.split(" = ") for line in lines)}
    return {"channel": float(re.findall(r"\d+", head)[-1])} | values


def click(visitor: Visitor, board: str, x: float, y: float) -> None:
    """Click at these shares of a board's picture."""
    image = visitor.rest().stage(board).locator("img")
    image.scroll_into_view_if_needed()
    size = image.bounding_box()
    assert size is not None
    image.click(position={"x": size["width"] * x, "y": size["height"] * y}, force=True)


# --- the first screen -----------------------------------------------------------------------------------------------


def test_the_first_picture_needs_no_click(visitor: Visitor) -> None:
    visitor.open()
    visitor.until(lambda: "channel" in visitor.url(), "the URL")
    seen = visitor.url()
    assert seen["model"] == catalogue.DEFAULT and seen["photo"] == samples.SAMPLES[0].key and seen["lang"] == "en"
    page = visitor.page
    drawn = "images => images.every(image => image.complete && image.naturalWidth > 0) && images.length"
    visitor.until(lambda: page.get_by_test_id("stMain").locator("img").evaluate_all(drawn), "pictures")
    visitor.until(page.locator(".st-key-chart-squeeze-channel .main-svg").count, "a figure")
    trace = truth.trace(catalogue.DEFAULT, seen["photo"], seen["block"], weights="pretrained")
    shown = page.locator(".st-key-board-header li b").all_inner_texts()
    assert shown == [f"{p:.1%}" for p in torch.softmax(trace.logits.double(), 0).topk(TOP).values.tolist()]
    block = trace.block(seen["block"])
    assert z_of(visitor, int(seen["channel"])) == printed(float(truth.z(block)[int(seen["channel"])]))
    untrained = visitor.t("model.untrained") in page.get_by_test_id("stMain").inner_text()
    assert untrained is not weight_files.trained(catalogue.DEFAULT)


# --- changing things ------------------------------------------------------------------------------------------------


def test_photo_model_block_channel_and_language(visitor: Visitor) -> None:
    visitor.open(**HERE)
    assert z_of(visitor, 17) == printed(float(truth.z(truth.block("tiny_se", "chelsea", "layer3.1.se"))[17]))

    visitor.choose("photo", visitor.t("sample.coffee"))
    value = float(truth.z(truth.block("tiny_se", "coffee", "layer3.1.se"))[17])
    visitor.until(lambda: z_of(visitor, 17) == printed(value), "z of another photo")

    visitor.choose("block", short("layer2.0.se"))
    value = float(truth.z(truth.block("tiny_se", "coffee", "layer2.0.se"))[17])
    visitor.until(lambda: z_of(visitor, 17) == printed(value), "z of another block")

    visitor.pin(101)
    assert z_of(visitor, 101) == printed(float(truth.z(truth.block("tiny_se", "coffee", "layer2.0.se"))[101]))

    visitor.choose("sort", visitor.t("sort.z")).choose("scope", visitor.t("scope.channel"))
    visitor.take("tiny_sk")
    value = float(truth.z(truth.block("tiny_sk", "coffee", "layer2.0.conv2"))[visitor.number()])
    visitor.until(lambda: z_of(visitor, visitor.number()) == printed(value), "z of another model")

    visitor.until(lambda: visitor.url()["model"] == "tiny_sk", "the URL")
    before = visitor.settle().url()
    visitor.choose("lang", i18n.LANGUAGES["zh"])
    visitor.lang = "zh"
    visitor.until(lambda: visitor.heading() == visitor.t("walk.squeeze.title"), "the page in Chinese")
    visitor.settle()
    visitor.until(lambda: visitor.url() == before | {"lang": "zh"}, "the address with nothing but another language")
    assert visitor.chosen("sort") == visitor.t("sort.z") and visitor.chosen("scope") == visitor.t("scope.channel")
    assert z_of(visitor, visitor.number()) == printed(value)
    for page in (*WALK[1:], WALK[0]):
        visitor.go(page)
    kept = before.items() - {("lang", "en")}
    visitor.until(lambda: kept <= visitor.url().items(), "every choice in the address of the first page")


def test_a_click_on_the_atlas_pins_what_the_tooltip_says(visitor: Visitor) -> None:
    visitor.open(**HERE, sort="z")
    block = truth.block("tiny_se", "chelsea", "layer3.1.se")
    z, gate = truth.z(block), block.gate.numpy()[0]
    for x, y in ((0.02, 0.02), (0.52, 0.47)):
        said = tooltip(visitor, "atlas", x, y)
        channel = int(said["channel"])
        assert said["z"] == pytest.approx(float(z[channel]), rel=1e-3)
        assert said["s"] == pytest.approx(float(gate[channel]), rel=1e-3)
        click(visitor, "atlas", x, y)
        visitor.until(lambda channel=channel: visitor.number() == channel, "the clicked channel to be pinned")  # type: ignore[misc]
        assert z_of(visitor, channel) == printed(float(z[channel]))
        visitor.until(lambda channel=channel: visitor.url()["channel"] == str(channel), "the URL")  # type: ignore[misc]
    assert int(tooltip(visitor, "atlas", 0.02, 0.02)["channel"]) == int(np.argmax(z)), "the first is the largest"


def test_arrow_keys_move_the_pin(visitor: Visitor) -> None:
    visitor.open(**HERE)
    stage = visitor.stage("atlas")
    stage.focus()
    for key, step in (("ArrowRight", 1), ("ArrowRight", 1), ("ArrowLeft", -1)):
        wanted = visitor.number() + step
        stage.press(key)
        visitor.until(lambda wanted=wanted: visitor.number() == wanted, f"{key} to pin {wanted}")  # type: ignore[misc]
        visitor.settle()
    assert z_of(visitor, 18) == printed(float(truth.z(truth.block("tiny_se", "chelsea", "layer3.1.se"))[18]))
    stage.press("ArrowDown")
    visitor.until(lambda: visitor.number() > 19, "a row below")
    columns = visitor.number() - 18
    assert 256 % columns == 0 or columns > 10
    visitor.settle()
    stage.press("ArrowUp")
    visitor.until(lambda: visitor.number() == 18, "the row above again")


def test_the_carpet_takes_you_to_a_block(visitor: Visitor) -> None:
    visitor.open("rescale", **HERE, carpet="index")
    names = truth.names("tiny_se")
    row = names.index("layer2.1.se")
    x, y = 0.3, (row + 0.5) / len(names)
    said = tooltip(visitor, "carpet", x, y)
    block = truth.block("tiny_se", "chelsea", "layer2.1.se")
    gate = block.gate.numpy()[0]
    channel = int(said["channel"])
    assert channel == int(x * len(gate))
    assert next(v for k, v in said.items() if k != "channel") == pytest.approx(float(gate[channel]), rel=1e-3)
    click(visitor, "carpet", x, y)
    visitor.until(lambda: visitor.url()["block"] == "layer2.1.se", "the block to change")
    visitor.settle()
    assert visitor.number() == channel and visitor.chosen("block") == short("layer2.1.se")
    formula = visitor.formula(rf"\tilde x_{{{channel}}}(")
    i, j = (int(n) for n in re.match(r"\\tilde x_{\d+}\((\d+),(\d+)\)", formula).groups())  # type: ignore[union-attr]
    assert last_number(formula) == printed(float(block.out[channel, i, j]))


def test_the_gate_function_changes_before_your_eyes(visitor: Visitor) -> None:
    visitor.open("excitation", **HERE)
    g = float(truth.logit(truth.block("tiny_se", "chelsea", "layer3.1.se"))[0, 17])
    assert last_number(visitor.formula(r"s_{17}=\sigma(g_{17})=")) == printed(1 / (1 + np.exp(-g)))
    visitor.choose("gatefn", "h-sigmoid")
    assert last_number(visitor.formula(r"\frac{\mathrm{ReLU6}(g_{17}+3)")) == printed(min(max(g + 3, 0), 6) / 6)


# --- uploads --------------------------------------------------------------------------------------------------------


def test_a_good_upload_becomes_the_photo(visitor: Visitor) -> None:
    visitor.open(**HERE).upload("mine.jpg", pictures.oriented(6, quality=95))
    upright = reading.read(pictures.oriented(6, quality=95))
    x = preprocess.preprocess(upright, catalogue.spec("tiny_se")).x
    z = truth.z(hooks.run(truth.model("tiny_se"), x, keep_u=("layer3.1.se",)).block("layer3.1.se"))
    visitor.until(lambda: visitor.chosen("photo") == visitor.t("photo.mine", n=1), "the upload to be the photo")
    visitor.settle()
    assert z_of(visitor, 17) == printed(float(z[17]))
    assert visitor.errors() == [] and "photo" not in visitor.url()
    visitor.go("excitation")
    assert visitor.chosen("photo") == visitor.t("photo.mine", n=1)


@pytest.mark.parametrize("lang", i18n.LANGUAGES)
def test_bad_uploads_say_why_and_change_nothing(visit: Visit, lang: str) -> None:
    visitor = visit(lang=lang).open(**HERE | {"lang": lang})
    before, at = visitor.rest().formulas(), visitor.url()
    for reason, data in BAD.items():
        visitor.upload(f"{reason}.png", data)
        said = visitor.t(f"error.image.{reason}", **DETAILS)
        visitor.until(lambda said=said: visitor.errors() == [said], f"the sentence for {reason}")  # type: ignore[misc]
        visitor.settle()
        assert visitor.formulas() == before and at.items() <= visitor.url().items(), reason


# --- to take away ---------------------------------------------------------------------------------------------------


def test_an_svg_is_that_figure(visitor: Visitor) -> None:
    visitor.open(**HERE)
    download = visitor.download("squeeze-channel", "svg")
    assert re.fullmatch(r"squeeze-channel-untrained-[0-9a-f]{8}\.svg", download.suggested_filename)
    tree = ElementTree.parse(download.path())
    title = tree.findtext(".//{http://purl.org/dc/elements/1.1/}title")
    z = float(truth.z(truth.block("tiny_se", "chelsea", "layer3.1.se"))[17])
    assert title == visitor.t("fig.map.title", c=17, z=minus(f"{z:.4f}"))
    told = tree.findtext(".//{http://purl.org/dc/elements/1.1/}description") or ""
    assert f"{z:.4f}" in told and visitor.t("model.untrained") in told, "a slide leaves the page's badge behind"
    width, height = (float(n) for n in (tree.getroot().get("viewBox") or "").split()[2:])
    assert width / height == pytest.approx(16 / 9, rel=0.01)


@pytest.mark.parametrize(
    ("page", "weights", "figure"),
    [("squeeze", "pretrained", "squeeze-channel"), ("what_it_costs", "random", "cost-adds")],
)
def test_only_what_random_weights_have_made_is_called_untrained(
    visitor: Visitor, page: str, weights: str, figure: str
) -> None:
    visitor.open(page, **HERE | {"weights": weights})
    download = visitor.download(figure, "svg")
    assert re.fullmatch(rf"{figure}-[0-9a-f]{{8}}\.svg", download.suggested_filename)
    assert visitor.t("model.untrained") not in Path(download.path()).read_text("utf-8")


def test_a_csv_holds_the_models_numbers(visitor: Visitor) -> None:
    visitor.open(**HERE)
    z = truth.z(truth.block("tiny_se", "chelsea", "layer3.1.se"))
    download = visitor.download("squeeze-z", "csv")
    assert download.suggested_filename.endswith(".csv")
    rows = list(csv.reader(io.StringIO(Path(download.path()).read_text("utf-8-sig"))))
    assert len(rows) == 1 + len(z)
    channel, value = rows[0].index("channel"), rows[0].index("z")
    for row in rows[1:]:
        assert float(row[value]) == pytest.approx(float(z[int(row[channel])]), abs=1e-6)
    assert sorted(int(row[channel]) for row in rows[1:]) == list(range(len(z)))


def test_a_png_is_a_slide_in_chinese(visit: Visit) -> None:
    visitor = visit(lang="zh").open("rescale", **HERE | {"lang": "zh"})
    download = visitor.download("rescale-channel", "png")
    with Image.open(download.path()) as image:
        assert image.size == (2560, 1440)
        assert image.info["Title"] in (
            i18n.text(
                "fig.before.title", lang, c=17, s=f"{truth.block('tiny_se', 'chelsea', 'layer3.1.se').gate[0, 17]:.4f}"
            )
            for lang in ("zh", "en")  # English where no font of this machine can write Chinese
        )


# --- sharing --------------------------------------------------------------------------------------------------------

SHARED: dict[str, Any] = {
    "model": "tiny_se_h", "weights": "random", "block": "layer2.1.se", "channel": "33", "photo": "rocket", "lang": "zh",
}  # fmt: skip


def restored(visitor: Visitor, page: str) -> None:
    """All of ``SHARED`` is on screen."""
    assert visitor.path() == ("" if page == FIRST else page) and SHARED.items() <= visitor.url().items()
    assert visitor.page.get_by_role("dialog").count() == 0, "Page not found"
    assert visitor.chosen("photo") == visitor.t("sample.rocket") and visitor.chosen("lang") == i18n.LANGUAGES["zh"]
    assert visitor.chosen("block") == short("layer2.1.se") and visitor.number() == 33
    block = truth.block("tiny_se_h", "rocket", "layer2.1.se")
    if page == FIRST:
        told = visitor.page.locator("[data-testid=stage] [data-number=gate]").first.get_attribute("data-value")
        assert float(told or "nan") == pytest.approx(float(block.gate[0, 33]), rel=1e-6)
        return
    starts = {"squeeze": "z_{33}=", "excitation": "g_{33}=", "rescale": r"\tilde x_{33}("}
    formula = visitor.formula(starts[page])
    if page == "rescale":
        i, j = (int(n) for n in re.match(r"\\tilde x_{\d+}\((\d+),(\d+)\)", formula).groups())  # type: ignore[union-attr]
        assert last_number(formula) == printed(float(block.out[33, i, j]))
    else:
        value = truth.z(block)[33] if page == "squeeze" else truth.logit(block)[0, 33]
        assert last_number(formula) == printed(float(value))


@pytest.mark.slow
@pytest.mark.parametrize("page", WALK)
def test_a_deep_link_may_be_the_servers_first_request(browser: Browser, tmp_path: Path, page: str) -> None:
    with serving(tmp_path) as address:
        visitor = Visitor(browser, address, lang="zh")
        visitor.open(page, **SHARED)
        restored(visitor, page)
        visitor.leave()


def test_a_shared_url_restores_everything_for_somebody_else(visit: Visit) -> None:
    first = visit(lang="en").open(**HERE)
    first.choose("lang", i18n.LANGUAGES["zh"])
    first.lang = "zh"
    first.until(lambda: first.heading() == first.t("walk.squeeze.title"), "Chinese")
    first.settle().take("tiny_se_h")
    first.choose("photo", first.t("sample.rocket")).choose("block", short("layer2.1.se")).pin(33).go("excitation")
    first.choose("gatefn", "sigmoid")
    first.until(lambda: first.url().get("gatefn") == "sigmoid", "the URL")
    link = first.page.url
    second = visit(lang="en")
    second.lang = "zh"
    second.page.goto(link, timeout=PATIENCE_S * 1000)
    second.until(lambda: second.heading() == second.t("walk.excitation.title"), "the page of the link")
    second.settle()
    restored(second, "excitation")
    assert second.chosen("gatefn") == "sigmoid"
    assert second.formulas() == first.formulas()


# --- scale ------------------------------------------------------------------------------------------------------------


@contextmanager
def asking_nobody(browser: Browser, folder: Path, page: str, begins: str, **url: object) -> Iterator[Visitor]:
    """A visitor in front of a film; until the ``with`` ends no forward runs and nothing goes over the wire.

    Args:
        begins: where its slider is, as the slider has it.
    """
    counted = folder / "forwards"
    with serving(folder, f"tests.browser.counting {counted}") as address:
        visitor = Visitor(browser, address)
        sent: list[object] = []

        def note(frame: object) -> None:
            sent.append(frame)

        visitor.page.on("websocket", lambda wire: wire.on("framesent", note))
        visitor.open(page, **url)
        visitor.until(lambda: scrub_slider(visitor).input_value() == begins, "where the film begins")
        visitor.rest().page.wait_for_timeout(1000)  # the wire is quiet from here on
        said, ran = len(sent), counted.stat().st_size
        assert said and ran, "opening the page asked the server, and that ran the network"
        yield visitor
        visitor.page.wait_for_timeout(1000)
        visitor.settle()
        assert len(sent) == said and counted.stat().st_size == ran
        visitor.leave()


def scrub_slider(visitor: Visitor) -> Locator:
    return visitor.page.locator(".st-key-scrub input[type=range]")


def test_the_scrubber_asks_nobody(browser: Browser, tmp_path: Path) -> None:
    """Photo, answers, bars and curve follow the slider."""
    with asking_nobody(browser, tmp_path, "channel_weights", "4", **{**HERE, "weights": "pretrained"}) as visitor:
        slider, before = scrub_slider(visitor), scrubbed(visitor)
        seen = []
        slider.focus()
        for key in ["ArrowRight"] * 4 + ["ArrowLeft"] * 7 + ["Home", "End"]:
            visitor.page.keyboard.press(key)
            seen.append(scrubbed(visitor))
        visitor.page.locator(".st-key-scrub .film button").nth(2).click()
        seen.append(scrubbed(visitor))
        play = visitor.page.locator(".st-key-scrub .play")
        play.click()
        at = slider.input_value()
        visitor.until(lambda: slider.input_value() not in (at, "2"), "the film to play")
        play.click()
        assert len({one["caption"] for one in seen}) == 9, "every scale was shown"
        assert len({one["photo"] for one in seen}) == 9 and len({one["bars"] for one in seen}) == 9
        assert len({one["curve"] for one in seen}) == 9 and len({one["answers"] for one in seen}) > 1
        assert before in seen
        label = visitor.page.locator(".st-key-scrub .film button").nth(int(slider.input_value())).inner_text()
        assert visitor.url()["scale"] == label.removesuffix("×"), "the address follows"


def test_the_scale_of_the_address_is_where_it_begins(visitor: Visitor) -> None:
    slider = visitor.page.locator(".st-key-scrub input[type=range]")
    for said, at in (("1.5", "6"), ("rubbish", "4"), ("0.5", "0")):
        visitor.open("channel_weights", **HERE, scale=said)
        visitor.until(lambda at=at: slider.input_value() == at, f"the scale {said}")  # type: ignore[misc]


def scrubbed(visitor: Visitor) -> dict[str, object]:
    """What the scrubber shows right now."""
    read = """root => ({
        photo: root.querySelector(".frame").src, caption: root.querySelector(".now").textContent,
        answers: root.querySelector("ol").textContent, bars: root.querySelector(".bars").toDataURL(),
        curve: root.querySelector(".curve canvas").toDataURL()})"""
    found: dict[str, object] = visitor.page.locator(".st-key-scrub .scrub").evaluate(read)
    return found


def test_a_click_on_a_strip_pins_what_it_says(visitor: Visitor) -> None:
    visitor.open("channel_weights", **{**HERE, "weights": "pretrained"})
    strip = visitor.rest().page.locator(".st-key-scrub .strips canvas").nth(7)
    tip = visitor.page.locator(".st-key-scrub .tip")

    def read() -> str:
        strip.hover(position={"x": 200, "y": 9})
        return tip.inner_text() if tip.is_visible() else ""

    head, value = visitor.until(read, "a tooltip").split("\n")
    label, noun, scale = head.split(" · ")
    strip.click(position={"x": 200, "y": 9})
    channel = int(noun.split()[-1])
    visitor.until(lambda: visitor.number() == channel, "the channel to be pinned")
    visitor.until(lambda: visitor.chosen("block") == label, "its block to be chosen")
    name = truth.names("tiny_se")[7]
    shown = scales.at_scale(samples.sample("chelsea"), catalogue.spec("tiny_se"), float(scale.removesuffix("×")))
    gate = hooks.run(truth.model("tiny_se", "pretrained"), shown.x).block(name).gate[0, channel]
    assert last_number(value) == pytest.approx(float(gate), abs=1e-4)
    visitor.until(lambda: visitor.url().get("scale") == "1", "the scale in the address")


def test_a_zip_of_photos_is_measured_and_a_bad_one_is_named(visitor: Visitor) -> None:
    visitor.open("kernel_selection", **{**HERE, "model": "tiny_sk", "block": "layer3.1.conv2", "set": "mine"})
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        for name in ("coffee", "rocket", "flower"):
            inside = io.BytesIO()
            samples.sample(name).save(inside, "PNG")
            file.writestr(f"{name}.png", inside.getvalue())
        file.writestr("broken.png", b"not a picture")
    box = visitor.page.get_by_test_id("stFileUploader").filter(has=visitor.page.locator("input[multiple]"))
    given = {"name": "holiday.zip", "mimeType": "application/zip", "buffer": packed.getvalue()}
    box.locator("input[type=file]").set_input_files(given)  # type: ignore[arg-type]
    main = visitor.page.get_by_test_id("stMain")
    start = visitor.t("scale.kernel.set.count", photos=3, n=0, holds=0, mixed=0, fails=0).split(".")[0]
    visitor.until(lambda: start in main.inner_text(), "three photos to be measured")
    visitor.settle()
    skipped = main.get_by_text(visitor.t("photos.skipped", n=1), exact=False)
    skipped.click()
    visitor.until(lambda: "broken.png" in main.inner_text(), "the bad one to be named")


def test_guess_see_and_pin_the_channel_that_matters(visitor: Visitor) -> None:
    """Three dots are held back until somebody has guessed; a click on a dot pins its channel everywhere."""
    visitor.open("attribution", **{**HERE, "weights": "pretrained"})
    dots = visitor.page.locator(".st-key-chart-attribution-gates .scatterlayer .point")
    visitor.until(lambda: dots.count() == 256 - 3 + 1, "all dots but three, and the pinned one's mark")
    visitor.page.locator(".st-key-predict-skip button").click()
    visitor.until(lambda: dots.count() == 257, "every channel's dot")
    module, x = (
        truth.model("tiny_se", "pretrained"),
        preprocess.preprocess(samples.sample("chelsea"), catalogue.spec("tiny_se")).x,
    )
    goal = int(hooks.run(module, x).logits.argmax())
    found = attribution.run("gradient_x_gate", module, x, goal, "layer3.1.se").values[0]
    rows = list(
        csv.DictReader(io.StringIO(Path(visitor.download("attribution-gates", "csv").path()).read_text("utf-8")))
    )
    assert [float(row["attribution"]) for row in rows] == pytest.approx(found.tolist(), abs=1e-5)
    visitor.page.keyboard.press("Escape")
    visitor.rest()
    # the dot that stands highest, where no other lies on it
    highest = int(found.argmax())
    place = int(
        dots.evaluate_all(
            "all => all.map((p, i) => [p.getBoundingClientRect().y, i]).sort((a, b) => a[0] - b[0])[0][1]"
        )
    )
    dots.nth(place).scroll_into_view_if_needed()
    dots.nth(place).click(force=True)
    visitor.until(lambda: visitor.url().get("channel") == str(highest), "its channel to be pinned")
    visitor.until(lambda: visitor.number() == highest, "the sidebar to say so")


def test_the_pages_are_a_walk_from_one_to_the_next(visitor: Visitor) -> None:
    visitor.open("block", **HERE)
    links = visitor.page.get_by_test_id("stMain").get_by_test_id("stPageLink-NavLink")
    assert links.count() == 1, "nothing lies before the first page"
    links.first.click()
    visitor.until(lambda: visitor.heading() == visitor.t("walk.squeeze.title"), "the next page")
    visitor.settle()
    assert visitor.number() == HERE["channel"] and links.count() == 2
    links.first.click()
    visitor.until(lambda: visitor.heading() == visitor.t("walk.block.title"), "the page before")


# --- how it looks ---------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("lang", i18n.LANGUAGES)
@pytest.mark.parametrize(("net", "pages"), [(net, OF[net]) for net in OF], ids=OF)
def test_nothing_is_wider_than_the_window(visit: Visit, net: str, pages: tuple[str, ...], lang: str) -> None:
    """By default ``test_boxes.test_every_text_can_be_read`` has every page, on one network, in English on any width."""
    visitor = visit(lang=lang, size=(1280, 900))
    for page in pages:
        visitor.page.set_viewport_size({"width": 1280, "height": 900})
        visitor.open(page, **HERE | {"model": net, "block": BLOCKS[net], "lang": lang})
        for width in (1280, 1920):
            visitor.page.set_viewport_size({"width": width, "height": 900})
            wide = visitor.rest().page.evaluate(
                """() => [...document.querySelectorAll('html, [data-testid=stMain], [data-testid=stSidebarContent]')]
                         .filter(e => e.scrollWidth > e.clientWidth + 1).map(e => `${e.tagName} ${e.scrollWidth}`)"""
            )
            assert wide == [], (page, width)


OVER_RAMPS = {palette.role(role) for role in ("on_light", "on_dark")}  # words on a coloured cell, not on the page


def hexed(colour: str) -> str:
    """A CSS colour, rgb(27, 31, 36), as #1b1f24."""
    return "#" + "".join(f"{int(v):02x}" for v in re.findall(r"\d+", colour)[:3])


def brightness(colour: str) -> float:
    """0..1 of a CSS colour."""
    r, g, b = (float(v) for v in re.findall(r"[\d.]+", colour)[:3])
    return (0.299 * r + 0.587 * g + 0.114 * b) / 255


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_are_read_on_either_background(visit: Visit, scheme: str, page: str) -> None:
    visitor = visit(color_scheme=scheme)
    visitor.open(page, **HERE).rest()
    paper = brightness(visitor.page.get_by_test_id("stApp").evaluate("e => getComputedStyle(e).backgroundColor"))
    assert (paper < 0.3) == (scheme == "dark")
    words = visitor.page.locator(".main-svg text, [data-testid=stage] svg text, .plan td")
    ink = words.evaluate_all("all => all.map(e => getComputedStyle(e)[e.ownerSVGElement ? 'fill' : 'color'])")
    assert len(ink) > 3
    texts = visitor.page.locator(
        ".board .legends figcaption, .board .labels span, .st-key-board-header li span, .scrub span, .scrub li b"
    )
    ink += texts.evaluate_all("all => all.map(e => getComputedStyle(e).color)")
    ink = [colour for colour in ink if hexed(colour) not in OVER_RAMPS]
    weak = [colour for colour in ink if abs(brightness(colour) - paper) < 0.3]
    assert len(weak) <= len(ink) // 10, weak


# --- the lab --------------------------------------------------------------------------------------------------------


def answer(visitor: Visitor) -> str:
    """The page's first sentence: what the change did to the answer."""
    return visitor.page.locator("[data-testid=stMarkdown]").filter(has_text="%").first.inner_text()


def test_a_click_on_a_map_mutes_its_channel_and_undo_opens_it(visit: Visit) -> None:
    """By hand: click a map, read the new answer, take it back; numbers are those of a network of the test's own."""
    visitor = visit()
    here = HERE | {"weights": "pretrained", "photo": "coffee", "block": "layer4.1.se"}
    visitor.open("what_if", **here)
    picture = preprocess.preprocess(samples.sample("coffee"), catalogue.spec("tiny_se"))
    module = truth.model("tiny_se", "pretrained")
    own = hooks.run(module, picture.x)
    first, share = int(own.logits.argmax()), own.logits.double().softmax(0)
    visitor.until(lambda: f"({float(share[first]):.1%})" in answer(visitor), "the answer as it is")
    order = np.argsort(-own.block("layer4.1.se").gate[-1].numpy(), kind="stable")
    click(visitor, "whatif", 0.005, 0.005)  # the first map is the most open
    text = f"layer4.1.se:mute:{order[0]}"
    visitor.until(lambda: visitor.url().get("edits") == text, "the edit in the address")
    muted = hooks.run(module, picture.x, (edits.parse(text),)).logits.double().softmax(0)
    visitor.until(lambda: f"{float(muted[first]):.1%}" in answer(visitor), "the answer without it")
    assert visitor.url()["channel"] == str(order[0]), "what is clicked is pinned as well"
    assert not visitor.errors()
    visitor.page.locator(".st-key-_undo button").click()
    visitor.until(lambda: "edits" not in visitor.url(), "the address without it")
    visitor.until(lambda: f"({float(share[first]):.1%})" in answer(visitor), "the answer as it was")


def test_what_streamlit_writes_itself_is_in_the_pages_language(visit: Visit) -> None:
    """The uploader and the menu, to the eye and to a screen reader; there and back with the page's language."""
    visitor = visit(lang="zh").open()
    visitor.page.get_by_test_id("stExpander").filter(has_text=visitor.t("photo.own")).locator("summary").click()
    uploader = visitor.page.locator(".st-key-_file")
    for lang in ("zh", "en", "zh"):
        if lang != visitor.lang:
            visitor.page.get_by_role("radio", name={"en": "English", "zh": "中文"}[lang], exact=True).click()
            visitor.lang = lang
        button = uploader.get_by_role("button", name=visitor.t("streamlit.upload"), exact=True)
        visitor.until(button.count, f"the uploader's button in {lang}")
        visitor.settle()
    visitor.page.get_by_test_id("stMainMenu").locator("button").click()
    menu = visitor.page.get_by_role("menu", name=visitor.t("streamlit.menu"), exact=True)
    visitor.until(menu.count, "the menu's name")
    for word in ("streamlit.theme.dark", "streamlit.print"):
        visitor.until(lambda word=word: visitor.t(word) in menu.inner_text(), word)  # type: ignore[misc]
