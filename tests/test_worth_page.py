"""What the gates are worth, as a page shows it: the shipped counts, and photos of one's own measured one by one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from senet_viz import i18n
from senet_viz.drawing.grammar import Figure
from senet_viz.drawing.renderers import screen, slides
from senet_viz.experiments import gate_ablation, gate_profile, profiling
from senet_viz.figures.lab import gate_ablation as figures
from senet_viz.findings import gate_ablation as findings
from senet_viz.models import catalogue, class_names
from senet_viz.photos import preprocess, reading, samples
from senet_viz.service.engine import Engine
from senet_viz.stats import Interval
from senet_viz.tap import hooks
from senet_viz.types import Edit
from senet_viz.ui import state
from senet_viz.ui.pages.lab import profiled
from senet_viz.ui.pages.lab.worth import _Work
from tests import pictures, truth
from tests.test_class_profiles_page import upload
from tests.test_pages import array, chart, emptied, well, words

SECTION = """
import streamlit as st
from senet_viz import ui
from senet_viz.ui.pages.lab import worth
ui.arrive(st.Page(lambda: None, url_path="worth", title="worth"), [])
if ui.settle():
    ui.sidebar()
    ui.page(lambda: worth.worth(ui.scene()))
"""


@pytest.fixture
def shared() -> Iterator[Engine]:
    """An engine, sets and counts that nobody has asked anything yet."""
    with emptied(state.photo_sets) as made:
        yield made


def start(**url: object) -> AppTest:
    at = AppTest.from_string(SECTION, default_timeout=120)
    for key, value in ({"weights": "pretrained", "lang": "en"} | url).items():
        at.query_params[key] = str(value)
    return well(at.run())


def answered(at: AppTest, option: str = "skip") -> AppTest:
    return well(at.main.button(key=f"worth-{option}").click().run())


def bars(at: AppTest) -> list[np.ndarray]:
    return [array(trace["x"]) for trace in chart(at, "worth") if trace["type"] == "bar"]


@pytest.mark.parametrize("lang", i18n.LANGUAGES)
@pytest.mark.parametrize("model", ["tiny_se", "tiny_se_h", "tiny_sk"])
def test_the_shipped_counts_are_shown(model: str, lang: str) -> None:
    at, found = start(model=model, lang=lang), gate_ablation.read()[model]
    assert not at.get("plotly_chart") and "%" in " ".join(words(at)), "the question comes first"
    answered(at)
    shares = [found.share(c).mean() for c in gate_ablation.CONDITIONS]
    np.testing.assert_allclose(bars(at)[0], shares, atol=1e-6)
    t, verdict = i18n.texts(lang), findings.verdict(found)
    first = i18n.table(lang)[f"worth.verdict.{verdict.word}"].split("** ")[0].split("\uff1a")[0]
    (said,) = [text for text in words(at) if text.startswith(first)]
    assert all(f"{shares[i]:.1%}" in said for i in (0, 1, 2)) and f"{verdict.needs_photo:.0%}" in said
    change, low, high = found.change("mean")
    price = t("worth.drop", lost=f"{-100 * change:.1f}", low=f"{-100 * high:.1f}", high=f"{-100 * low:.1f}")
    assert price in words(at)
    known = gate_profile.read()[model].hits()
    assert known is not None and shares[0] == known.mean()


@pytest.mark.parametrize(("option", "right"), [("all", False), ("part", True), ("none", False)])
def test_right_and_wrong_answers(option: str, right: bool) -> None:
    at = answered(start(model="tiny_se"), option)
    assert (len(at.main.success), len(at.main.info)) == ((1, 0) if right else (0, 1))
    assert len(at.get("plotly_chart")) == 1 and not [b for b in at.main.button if str(b.key).startswith("worth-")]


@pytest.mark.parametrize(("model", "weights"), [("tiny_se", "random"), ("mobilenet_v3_small", "random")])
def test_a_network_that_was_not_measured_is_stood_in_for(model: str, weights: str) -> None:
    at = start(model=model, weights=weights)
    ours = catalogue.spec(profiled.PROFILED).title
    assert i18n.text("worth.instead", "en", model=catalogue.spec(model).title, ours=ours) in words(at)
    answered(at)
    assert bars(at)[0][0] == pytest.approx(gate_ablation.read()["tiny_se"].accuracy("own").value)


# --- photos of one's own ----------------------------------------------------------------------------------------------


def crops(names: tuple[str, ...], each: int) -> dict[str, bytes]:
    found = {}
    for name, photo in zip(names, ("chelsea", "flower", "coffee"), strict=False):
        for i in range(each):
            image = samples.sample(photo).crop((12 * i, 9 * i, 12 * i + 300, 9 * i + 250))
            found[f"{name}/{i}.png"] = pictures.encode(image, "PNG")
    return found


def one_by_one(key: str, entries: dict[str, bytes], means: dict[str, np.ndarray] | None) -> dict[str, float]:
    """Accuracy with its own gates, with mean gates and with gates of 1, from single forwards."""
    spec, module = catalogue.spec(key), truth.model(key, "pretrained" if means else "random")
    right = dict(zip(entries, class_names.outputs(spec, [name.split("/")[0] for name in entries]), strict=True))
    x = {name: preprocess.preprocess(reading.read(data), spec).x for name, data in entries.items()}
    if means is None:
        own = [hooks.run(module, each) for each in x.values()]
        means = {b.name: np.mean([t.block(b.name).gate.numpy() for t in own], axis=0) for b in own[0].blocks}
    edits = {
        "own": (),
        "mean": tuple(Edit(n, "mean", gates=tuple(map(tuple, g.tolist()))) for n, g in means.items()),
        "ones": tuple(Edit(n, "ones") for n in means),
    }
    return {
        how: float(np.mean([int(hooks.run(module, x[n], e).logits.argmax()) == right[n] for n in entries]))
        for how, e in edits.items()
    }


def test_labelled_photos_are_measured_with_the_shipped_means(shared: Engine) -> None:
    entries = crops(("golden retriever", "jellyfish", "my own"), each=5)  # what it calls these
    at = start(source="mine")
    assert i18n.text("worth.names", "en") in words(at)
    well(upload(at, entries))
    assert i18n.text("worth.unknown", "en", names="my own") in words(at)
    assert not [b for b in at.main.button if str(b.key).startswith("worth-")], "ten pictures answer no question"
    assert any(text.startswith("**10 pictures are too few") for text in words(at))
    usable = {name: data for name, data in entries.items() if not name.startswith("my own")}
    expected = one_by_one("tiny_se", usable, gate_profile.read()["tiny_se"].means())
    drawn = dict(zip(gate_ablation.CONDITIONS, bars(at)[0], strict=True))
    assert {how: float(drawn[how]) for how in expected} == pytest.approx(expected)
    assert any("2,500" in text for text in words(at))


def test_without_a_profile_the_sets_own_means_come_first(shared: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profiling, "MOST_BATCH", 3)
    entries = crops(("n07920052", "goldfish"), each=4)  # the first is espresso
    at = start(model="mobilenet_v3_small", weights="random", source="mine")
    well(upload(at, entries))
    assert not [b for b in at.main.button if str(b.key).startswith("worth-")], "a network that guesses is no question"
    expected = one_by_one("mobilenet_v3_small", entries, None)
    drawn = dict(zip(gate_ablation.CONDITIONS, bars(at)[0], strict=True))
    assert {how: float(drawn[how]) for how in expected} == pytest.approx(expected)
    assert any(text.startswith(i18n.table("en")["worth.verdict.chance"].split("** ")[0]) for text in words(at))


def test_it_can_be_stopped_and_gone_on_with(shared: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profiling, "MOST_BATCH", 4)
    ran: list[int] = []
    true = gate_ablation.hits

    def counting(*args: Any) -> np.ndarray:
        ran.append(len(args[2]))
        return true(*args)

    monkeypatch.setattr(gate_ablation, "hits", counting)
    step = _Work.step

    def stopping(self: Any) -> None:
        if len(ran) == 2:
            st.stop()  # what a click does to a script that runs
        step(self)

    monkeypatch.setattr(_Work, "step", stopping)
    entries = crops(("golden retriever", "jellyfish"), each=5)
    at = upload(start(source="mine"), entries)
    assert ran == [4, 4]
    well(at.main.button(key="classes-stop").click().run())
    assert i18n.text("photos.some", "en", done=8, n=10) in words(at) and ran == [4, 4]
    assert any("of 8 pictures" in e.proto.spec for e in at.get("plotly_chart"))
    monkeypatch.setattr(_Work, "step", step)
    well(at.main.button(key="classes-go_on").click().run())
    assert ran == [4, 4, 2]
    expected = one_by_one("tiny_se", entries, gate_profile.read()["tiny_se"].means())
    assert bars(at)[0][0] == pytest.approx(expected["own"])


@pytest.mark.parametrize("lang", i18n.LANGUAGES)
def test_folders_that_name_no_class_are_one_sentence(shared: Engine, lang: str) -> None:
    at = upload(start(source="mine", lang=lang), crops(("espresso", "mine"), each=2))
    assert [box.value for box in at.error] == [i18n.text("error.photos.unknown", lang)]
    assert not at.get("plotly_chart")


# --- the figure -------------------------------------------------------------------------------------------------------


def test_the_figure_says_what_the_rows_say() -> None:
    rows = [
        figures.Row("own", Interval(0.75, 0.7, 0.8), Interval(0.0, 0.0, 0.0)),
        figures.Row("mean", Interval(0.558, 0.5, 0.6), Interval(-0.192, -0.21, -0.174)),
        figures.Row("other", Interval(0.7504, 0.7, 0.8), Interval(0.0004, -0.01, 0.01)),
    ]
    drawn = figures.draw_worth("Net", rows, 0.02, 2500, i18n.texts("en"))
    assert "75.0%" in drawn.title and "55.8%" in drawn.title and "2,500" in drawn.panels[0].x
    texts = [mark.text for mark in drawn.panels[1].marks if hasattr(mark, "text")]
    assert texts[2] == "55.8%  \u221219.2 (\u221221.0 \u2026 \u221217.4)" and "  0.0 (" in texts[3]
    assert drawn.table.rows[1] == ("mean", 0.558, 0.5, 0.6, -0.192, -0.21, -0.174)


@pytest.mark.parametrize("lang", i18n.LANGUAGES)
@pytest.mark.parametrize("dark", [False, True])
def test_it_can_be_on_a_slide(lang: str, dark: bool) -> None:
    import plotly.graph_objects as go

    found = gate_ablation.read()["tiny_se"]
    rows = [figures.Row(c, found.accuracy(c), found.change(c)) for c in gate_ablation.CONDITIONS]

    def build(wanted: str) -> Figure:
        return figures.draw_worth("Tiny", rows, found.chance, found.hits.shape[1], i18n.texts(wanted))

    go.Figure(screen.spec(build(lang), dark))  # plotly's own validators
    assert slides.render(build, "png", lang, dark).data.startswith(b"\x89PNG")
    head, *lines = slides.render(build, "csv", lang).data.decode("utf-8-sig").splitlines()
    assert head.startswith("gates,accuracy") and len(lines) == len(gate_ablation.CONDITIONS)
    for row, line in zip(rows, lines, strict=True):
        assert line.split(",")[0] == row.key and float(line.split(",")[1]) == pytest.approx(row.accuracy.value)
