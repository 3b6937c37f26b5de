"""Kernel selection: curves, verdicts, tug, taps, answers and sets of photos, against models of the test's own."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import streamlit as st
import torch
from PIL import Image
from streamlit.testing.v1 import AppTest

from senet_viz import i18n
from senet_viz.experiments import gate_profile, kernel_preference
from senet_viz.findings import kernel_choice
from senet_viz.models import catalogue
from senet_viz.photos import reading, samples
from senet_viz.photos import scale as scales
from senet_viz.photos import sets as photos
from senet_viz.service.engine import Engine
from senet_viz.tap import hooks
from senet_viz.types import Trace
from senet_viz.ui import short, state
from senet_viz.ui.pages.scale import preferences
from tests import pictures, truth
from tests.test_pages import array, badges, board, chart, emptied, go, start, url, well, words

PAGE = "kernel_selection"
UNIT = "layer3.1.conv2"
SCALES = kernel_preference.SCALES
TRAINED = {"model": "tiny_sk", "weights": "pretrained", "block": UNIT}


@pytest.fixture
def engine() -> Iterator[Engine]:
    """New caches, and none left behind."""
    with emptied(state.preferences, state.photo_sets) as made:
        yield made


def forward(
    image: Image.Image, scale: float = 1.0, weights: Any = "pretrained", blur: float = 0.0, **more: Any
) -> Trace:
    """One picture alone through a network of the test's own."""
    x = scales.at_scale(image, catalogue.spec("tiny_sk"), scale, blur=blur).x
    return hooks.run(truth.model("tiny_sk", weights), x, **more)


def preference(image: Image.Image, blur: float = 0.0, weights: Any = "pretrained") -> np.ndarray:
    """(3, Z, U) worked out anew: zoom, less detail, untrained."""

    def row(scale: float, how: str) -> list[float]:
        if how == "blur" and scale > 1:
            image_, scale = image.resize(tuple(round(v / scale) for v in image.size), Image.Resampling.BICUBIC), 1.0
        else:
            image_ = image
        trace = forward(image_, scale, "random" if how == "untrained" else weights, blur)
        return [float((b.gate[1] - b.gate[0]).mean()) for b in trace.blocks]

    return np.array([[row(scale, how) for scale in SCALES] for how in gate_profile.CONDITIONS])


def lines(at: AppTest, key: str) -> list[tuple[str, np.ndarray]]:
    """(name, heights) of every line of a plot."""
    return [(d.get("name", ""), array(d["y"])) for d in chart(at, key) if d.get("mode") == "lines"]


def table(at: AppTest) -> list[dict[str, str]]:
    """The verdicts as shown, a dictionary a unit."""
    (found,) = at.table
    return found.value.to_dict("records")


def signed(value: float) -> str:
    return preferences._signed(value)


# --- as first shown ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["tiny_sk", "tiny_se"])
def test_as_first_shown_it_is_the_zoom_and_its_curve(model: str) -> None:
    at = start(PAGE, model=model, weights="pretrained", more="", blur="2", zoom="2")
    (only,) = at.get("plotly_chart")
    assert only.proto.id.endswith("-chart-kernel-zoom") and not at.table and not at.header and not at.code
    assert {w.key for w in at.main.segmented_control} == set(), "choices stand inside the look that they belong to"
    unit = at.pills(key="unit").value if model == "tiny_se" else at.pills(key="block").value
    own = preference(samples.sample("chelsea"))[0, :, truth.names("tiny_sk").index(unit)]
    np.testing.assert_allclose(lines(at, "kernel-zoom")[-1][1], own, atol=2e-6)  # sharp: nothing says that it is not


# --- this photo -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("blur", ["0", "2"])
@pytest.mark.parametrize("photo", ["chelsea", "coffee"])
def test_the_curve_is_the_models(photo: str, blur: str) -> None:
    at = start(PAGE, **TRAINED, photo=photo, blur=blur)
    u = truth.names("tiny_sk").index(UNIT)
    own = preference(samples.sample(photo), float(blur))
    drawn = [values for _, values in lines(at, "kernel-zoom")]
    np.testing.assert_allclose(drawn, [own[2, :, u], own[1, :, u], own[0, :, u]], atol=2e-6)
    crops = [d for d in chart(at, "kernel-zoom") if d["type"] == "image"]
    assert len(crops) == 3 and len({crop["source"] for crop in crops}) == 3


@pytest.mark.parametrize("lang", i18n.LANGUAGES)
@pytest.mark.parametrize("photo", ["chelsea", "coffee", "rocket"])
def test_the_sentence_is_computed(photo: str, lang: str) -> None:
    at = start(PAGE, **TRAINED, photo=photo, lang=lang, set="one")
    names = truth.names("tiny_sk")
    own = kernel_choice.verdicts(kernel_preference.gathered(names, [preference(samples.sample(photo))]))
    mine = own[names.index(UNIT)]
    t = i18n.texts(lang)
    said = t(
        "scale.kernel.answer", unit=short(UNIT), word=t(f"verdict.{mine.word}"), why=t(f"verdict.why.{mine.reason}"),
        change=signed(mine.change.value), control=signed(mine.control.value), blur=signed(mine.blur.value),
    )  # fmt: skip
    assert said in words(at)
    for row, verdict in zip(table(at), own, strict=True):
        assert row[t("verdict.word")] == f"**{t(f'verdict.{verdict.word}')}**: {t(f'verdict.why.{verdict.reason}')}"
        assert row[t("verdict.change")] == signed(verdict.change.value)
        assert [row[f"{scale:g}×"] for scale in SCALES] == [signed(level) for level, _ in verdict.levels]
        assert row[t("verdict.rise")] == f"{verdict.rise}\u00a0/\u00a01"


def test_units_do_not_all_say_the_same() -> None:
    """Else the sentence might as well be written."""
    at = start(PAGE, **TRAINED, set="one")
    assert len({row[i18n.text("verdict.word", "en")] for row in table(at)}) > 1


def test_an_untrained_network_never_holds() -> None:
    at = start(PAGE, **(TRAINED | {"weights": "random"}))
    holds = i18n.text("verdict.holds", "en")
    assert "set" not in url(at) or url(at)["set"] == "one"
    assert not any(row[i18n.text("verdict.word", "en")].startswith(f"**{holds}**") for row in table(at))
    assert badges(at, "red")


def test_where_there_is_no_kernel_to_choose_ours_is_shown() -> None:
    at = start(PAGE, model="tiny_se", weights="pretrained", set="profile")
    ours = catalogue.spec("tiny_sk").title
    assert at.pills(key="unit").label == i18n.text(
        "scale.sk.instead", "en", model=catalogue.spec("tiny_se").title, ours=ours
    )
    assert len(table(at)) == len(truth.names("tiny_sk"))
    unit = at.pills(key="unit").value
    own = preference(samples.sample("chelsea"))[0, :, truth.names("tiny_sk").index(unit)]
    np.testing.assert_allclose(lines(at, "kernel-zoom")[-1][1], own, atol=2e-6)


@pytest.mark.parametrize("page", ["kernel_selection", "sk_anatomy"])
def test_the_pinned_channel_is_of_the_block_on_screen_and_comes_back(page: str) -> None:
    """Our SK network's first unit has 32 channels; the sidebar's block has 256, of which one stays pinned."""
    at = start(page, model="tiny_se", block="layer3.1.se", channel=200, unit="layer1.0.conv2", more="")
    shown = at.number_input(key="channel")
    assert shown.label == i18n.text("channel.label", "en", last=31) and shown.value == 31
    go(at, "squeeze")
    shown = at.number_input(key="channel")
    assert shown.label == i18n.text("channel.label", "en", last=255) and shown.value == 200
    well(shown.set_value(100).run())
    well(go(at, page).number_input(key="channel").set_value(5).run())
    assert go(at, "squeeze").number_input(key="channel").value == 5, "what was pinned last"


def test_timms_units_open_too() -> None:
    at = start(PAGE, model="skresnet18", lang="zh")
    assert len(table(at)) == len(truth.names("skresnet18")) and len(badges(at, "green")) == 1
    assert {m for name, m in ((d["name"], d["mode"]) for d in chart(at, "kernel-taps") if d["type"] == "scatter")} == {
        "markers"
    }


# --- the tug and the taps ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("zoom", ["1", "2"])
def test_the_tug_is_the_models(zoom: str) -> None:
    at = start(PAGE, **TRAINED, zoom=zoom, channel=17)
    gate = forward(samples.sample("chelsea"), float(zoom)).block(UNIT).gate.numpy()
    order = np.argsort(-gate[1], kind="stable")
    large, small = [array(d["y"]) for d in chart(at, "kernel-tug") if d["type"] == "bar"][:2]
    np.testing.assert_allclose(large, gate[1][order], atol=1e-5)
    np.testing.assert_allclose(large + small, 1, atol=1e-6)
    (row,) = board(at, f"tug-{zoom}-0")["rows"]
    ((_, values),) = row["values"].items()
    np.testing.assert_allclose(values, gate[1] - gate[0], atol=1e-5)
    assert row["sorted"] and board(at, f"tug-{zoom}-0")["pinned"] == 17
    first = " + ".join(f"{a:.4f}" for a in gate[:, 17])
    assert any(first in text for text in words(at))


def test_taps_lie_where_the_channel_is_strongest() -> None:
    at = start(PAGE, **TRAINED, channel=17)
    seen = forward(samples.sample("chelsea"), keep_u=(UNIT,)).block(UNIT)
    assert seen.u is not None
    fused = seen.u.sum(0)[17].numpy()
    step = 80 / fused.shape[0]  # of stride 1: a step of the map is a step of the kernel's input
    three, five = [d for d in chart(at, "kernel-taps") if d["type"] == "scatter"]
    for dots, dilation in ((three, 1), (five, 2)):
        x, y = array(dots["x"]), array(dots["y"])
        assert len(x) == 9
        np.testing.assert_allclose(np.diff(np.unique(x)), step * dilation)
        np.testing.assert_allclose(np.diff(np.unique(y)), step * dilation)


# --- overruling -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reach", ["all", "unit"])
@pytest.mark.parametrize("how", ["b0", "b1", "swap", "equal"])
def test_overruling_answers_as_the_model_does(how: str, reach: str) -> None:
    at = start(PAGE, **TRAINED, force=how, reach=reach)
    names = truth.names("tiny_sk") if reach == "all" else (UNIT,)
    edits = kernel_preference.overruled(names, how)
    traces = [forward(samples.sample("chelsea"), edits=each) for each in ((), edits)]
    shares = [torch.softmax(trace.logits.double(), 0).numpy() for trace in traces]
    assert np.abs(shares[0] - shares[1]).max() > 1e-4, "else this would show nothing"
    best = list(dict.fromkeys(np.stack([np.argsort(-s, kind="stable")[:5] for s in shares], 1).ravel().tolist()))
    best = sorted(best, key=lambda i: -max(shares[0][i], shares[1][i]))[:7]
    for drawn, share in zip(chart(at, "kernel-answers"), shares, strict=True):
        np.testing.assert_allclose(array(drawn["x"]), share[best], atol=1e-5)
    assert url(at)["force"] == how and url(at)["reach"] == reach


def test_on_arrival_the_choice_is_the_networks_own_and_whoever_swaps_sees_both() -> None:
    at = start(PAGE, **TRAINED)
    assert url(at)["force"] == "own" and "reach" not in [w.key for w in at.main.segmented_control]
    own = torch.softmax(forward(samples.sample("chelsea")).logits.double(), 0).numpy()
    (bars,) = chart(at, "kernel-answers")
    np.testing.assert_allclose(array(bars["x"]), np.sort(own)[::-1][:5], atol=1e-5)
    at.segmented_control(key="force").set_value("swap")
    well(at.run())
    before, after = chart(at, "kernel-answers")
    swapped = forward(samples.sample("chelsea"), edits=kernel_preference.overruled(truth.names("tiny_sk"), "swap"))
    assert array(before["x"]).max() == pytest.approx(own.max(), abs=1e-5)
    assert array(after["x"]).max() == pytest.approx(float(swapped.logits.softmax(0).max()), abs=1e-5)
    assert url(well(at.run()))["force"] == "swap"


# --- what needs no forward runs none ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "value"), [("zoom", "2"), ("set", "one"), ("set", "mine"), ("lang", "zh"), ("force", "own")]
)
def test_a_choice_runs_no_forward(engine: Engine, key: str, value: str) -> None:
    at = start(PAGE, **TRAINED)
    before = engine.forwards
    at.segmented_control(key=key).set_value(value)
    well(at.run())
    assert engine.forwards == before and url(at)[key] == value


def test_a_channel_runs_no_forward(engine: Engine) -> None:
    """What a click on the tug does: it sets the channel."""
    at = start(PAGE, **TRAINED, channel=3)
    before = engine.forwards
    at.number_input(key="channel").set_value(21)
    well(at.run())
    assert board(at, "tug-1-0")["pinned"] == 21
    assert engine.forwards == before


def test_what_was_asked_before_runs_no_forward(engine: Engine) -> None:
    at = start(PAGE, **TRAINED, force="swap")
    for key, first, other in (("blur", "0", "1"), ("force", "swap", "b1"), ("reach", "all", "unit")):
        for value, costs in ((other, True), (first, False), (other, False)):
            before = engine.forwards
            at.segmented_control(key=key).set_value(value)
            well(at.run())
            assert (engine.forwards > before) == costs, (key, value)
    before = engine.forwards
    start(PAGE, **TRAINED)
    assert engine.forwards == before, "a second visitor"


# --- sets of photos ---------------------------------------------------------------------------------------------------


def files(n: int) -> list[tuple[str, bytes, str]]:
    """Pieces of sample photos, each another."""
    image = samples.sample("china")
    pieces = [image.crop((60 * i, 40 * i, 60 * i + 200, 40 * i + 180)) for i in range(n)]
    return [(f"{i}.png", pictures.encode(piece, "PNG"), "image/png") for i, piece in enumerate(pieces)]


def upload(at: AppTest, sent: list[tuple[str, bytes, str]]) -> AppTest:
    at.file_uploader(key="_set_files").set_value(sent)
    at.run()
    assert not at.exception
    return at


def own_set(sent: list[tuple[str, bytes, str]]) -> tuple[kernel_choice.Verdict, ...]:
    found = [preference(reading.read(data)) for _, data, _ in sent]
    return kernel_choice.verdicts(kernel_preference.gathered(truth.names("tiny_sk"), found))


def test_a_set_is_measured_photo_by_photo(engine: Engine) -> None:
    sent = files(4)
    at = well(upload(start(PAGE, **TRAINED, set="mine"), [*sent, ("bad.png", pictures.truncated("PNG"), "image/png")]))
    t = i18n.texts("en")
    for row, verdict in zip(table(at), own_set(sent), strict=True):
        assert row[t("verdict.rise")] == f"{verdict.rise}\u00a0/\u00a04"
        assert row[t("verdict.change")] == f"{signed(verdict.change.value)}\u00a0±\u00a0{verdict.change.half:.4f}"
        assert row[t("verdict.word")] == f"**{t(f'verdict.{verdict.word}')}**: {t(f'verdict.why.{verdict.reason}')}"
    assert any("bad.png" in text and t("error.image.truncated") in text for text in words(at))
    u = truth.names("tiny_sk").index(UNIT)
    means = [values for name, values in lines(at, "kernel-fig3") if name == short(UNIT)]
    np.testing.assert_allclose(means[1], [mean for mean, _ in own_set(sent)[u].levels], atol=2e-6)
    go(at, "squeeze")  # which looks at another input size
    before = engine.forwards
    go(at, PAGE)
    assert len(table(at)) == 10 and table(at)[0][t("verdict.rise")].endswith("/\u00a04"), (
        "a change of page loses nothing"
    )
    assert engine.forwards == before


def test_a_set_can_be_stopped_and_gone_on_with(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    measured: list[str] = []
    true = preferences.preference

    def interrupted(view: Any, blur: float = 0.0) -> np.ndarray:
        if view.photo.startswith("set-"):
            if len(measured) == 2:
                st.stop()  # what a click does to a script that runs
            measured.append(view.photo)
        return true(view, blur)

    at = start(PAGE, **TRAINED, set="mine")
    monkeypatch.setattr(preferences, "preference", interrupted)
    upload(at, files(5))
    assert at.table.len == 0 and any(button.key == "set-stop" for button in at.button)
    monkeypatch.setattr(preferences, "preference", true)
    before = engine.forwards
    well(at.button(key="set-stop").click().run())
    assert i18n.text("photos.some", "en", done=2, n=5) in words(at)
    assert table(at)[0][i18n.text("verdict.rise", "en")].endswith("/\u00a02") and engine.forwards == before
    at.segmented_control(key="lang").set_value("zh")
    well(at.run())
    assert i18n.text("photos.some", "zh", done=2, n=5) in words(at) and engine.forwards == before
    well(at.button(key="set-go_on").click().run())
    assert table(at)[0][i18n.text("verdict.rise", "zh")].endswith("/\u00a05")
    assert engine.forwards > before and not any(button.key in ("set-stop", "set-go_on") for button in at.button)
    assert [row[i18n.text("verdict.change", "zh")] for row in table(at)] == [
        f"{signed(v.change.value)}\u00a0±\u00a0{v.change.half:.4f}" for v in own_set(files(5))
    ]


def test_another_blur_waits_for_a_click(engine: Engine) -> None:
    at = well(upload(start(PAGE, **TRAINED, set="mine"), files(2)))
    at.segmented_control(key="blur").set_value("1")
    well(at.run())
    assert i18n.text("photos.ready", "en", n=2) in words(at)
    assert table(at)[0][i18n.text("verdict.rise", "en")].endswith("/\u00a01")
    well(at.button(key="set-go_on").click().run())
    found = [preference(reading.read(data), 1.0) for _, data, _ in files(2)]
    own = kernel_choice.verdicts(kernel_preference.gathered(truth.names("tiny_sk"), found))
    assert [row[i18n.text("verdict.change", "en")] for row in table(at)] == [
        f"{signed(v.change.value)}\u00a0±\u00a0{v.change.half:.4f}" for v in own
    ]


def test_names_of_files_are_text(engine: Engine) -> None:
    wild = ("a`b\n# big\n![x](y).png", b"no picture", "image/png")
    at = well(upload(start(PAGE, **TRAINED, set="mine"), [*files(1), wild]))
    assert any(text.startswith("- `ab # big ![x](y).png`: ") for text in words(at))


def test_one_photo_of_a_set_has_no_interval(engine: Engine) -> None:
    at = well(upload(start(PAGE, **TRAINED, set="mine"), files(1)))
    assert i18n.text("scale.kernel.one.rule", "en") in words(at)
    assert not any("±" in row[i18n.text("verdict.change", "en")] for row in table(at))


def test_a_set_without_a_photo_is_one_sentence_and_the_old_set_stays(engine: Engine) -> None:
    at = well(upload(start(PAGE, **TRAINED, set="mine"), files(2)))
    before = table(at)
    upload(at, [("text.png", b"no picture at all" * 9, "image/png")])
    assert [box.value for box in at.error] == [i18n.text("error.photos.none", "en")]
    assert table(at) == before


def test_a_set_that_made_room_says_so(engine: Engine) -> None:
    at = well(upload(start(PAGE, **TRAINED, set="mine"), files(2)))
    state.photo_sets.clear()
    well(at.run())
    assert i18n.text("photos.gone", "en") in [box.value for box in at.warning]


def test_too_many_photos_are_counted(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(photos, "MOST", 2)
    at = well(upload(start(PAGE, **TRAINED, set="mine"), files(3)))
    mib = photos.MAX_UNPACKED // 2**20
    assert [box.value for box in at.warning] == [i18n.text("photos.beyond", "en", n=1, most=2, mib=mib)]


# --- the shipped profile ----------------------------------------------------------------------------------------------


def test_the_profile_is_shown_with_its_classes(engine: Engine) -> None:
    at = start(PAGE, **TRAINED)
    shipped = gate_profile.read()["tiny_sk"]
    assert shipped.selection is not None and url(at)["set"] == "profile"
    t = i18n.texts("en")
    found = kernel_choice.verdicts(shipped.selection)
    for row, verdict in zip(table(at), found, strict=True):
        assert row[t("verdict.rise")] == f"{verdict.rise}\u00a0/\u00a02500"
        assert row[t("verdict.word")].startswith(f"**{t(f'verdict.{verdict.word}')}**")
    count = {word: sum(v.word == word for v in found) for word in ("holds", "mixed", "fails")}
    assert t("scale.kernel.set.count", photos=2500, n=10, **count) in words(at)
    means = kernel_preference.by_class(shipped.selection, shipped.truth, 50)
    drawn = [values for _, values in lines(at, "kernel-fig4")]
    shown = kernel_preference.one_a_stage(shipped.selection.units, UNIT)
    for i, unit in enumerate(shown):
        at_unit = means[:2, :, shipped.selection.units.index(unit)]
        for z in range(2):
            np.testing.assert_allclose(np.sort(drawn[2 * i + z]), np.sort(at_unit[z]), atol=1e-6)


def test_published_numbers_stand_beside_ours() -> None:
    found = dict(lines(start(PAGE, **TRAINED), "kernel-fig3"))
    for unit, values in kernel_preference.PUBLISHED.items():
        np.testing.assert_allclose(found[unit], values, atol=1e-6)


# --- downloads --------------------------------------------------------------------------------------------------------


def test_all_numbers_can_be_taken_along(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    offers: dict[str, Callable[[], bytes]] = {}
    true = st.download_button

    def seen(label: str, data: Any, *more: Any, **options: Any) -> Any:
        offers[options.get("key", label)] = data
        return true(label, data, *more, **options)

    at = start(PAGE, **TRAINED, set="mine")
    monkeypatch.setattr(st, "download_button", seen)
    sent = files(2)
    upload(at, sent)
    gates, sets = (
        list(csv.DictReader(io.StringIO(offers[key]().decode("utf-8-sig"))))
        for key in ("verdict.csv.gates", "verdict.csv.photos")
    )
    trace = forward(samples.sample("chelsea"), 2.0)
    assert len(gates) == 3 * sum(b.gate.numel() for b in trace.blocks)
    row = next(r for r in gates if (r["scale"], r["block"], r["channel"], r["branch"]) == ("2.0", UNIT, "17", "1"))
    assert float(row["gate"]) == pytest.approx(float(trace.block(UNIT).gate[1, 17]), abs=1e-5)
    own = preference(reading.read(sent[1][1]))
    assert len(sets) == 2 * own.size
    row = next(
        r for r in sets if (r["photo"], r["condition"], r["scale"], r["block"]) == ("1.png", "blur", "2.0", UNIT)
    )
    assert float(row["difference"]) == pytest.approx(own[1, 2, truth.names("tiny_sk").index(UNIT)], abs=1e-5)
