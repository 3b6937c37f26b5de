"""How gates learn: the film holds what each kept network computes, and the page keeps its secret until it is asked."""

from __future__ import annotations

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from senet_viz import i18n
from senet_viz.drawing.renderers import slides
from senet_viz.figures.lab import learning as figures
from senet_viz.findings import gate_life
from senet_viz.models import catalogue, weight_files
from senet_viz.open_set import record
from senet_viz.photos import preprocess, samples
from senet_viz.tap import hooks
from senet_viz.types import Trace
from senet_viz.ui.pages.lab import learned
from senet_viz.ui.teaching import questions
from tests import truth
from tests.test_pages import APP, array, chart, fresh, go, start, url, well, words
from tests.test_scale_pages import scrub

PAGE = "learning"
TRAINED = {"weights": "pretrained", "model": "tiny_se"}
__all__ = ["fresh"]  # a fixture: asked for by name


def epochs() -> tuple[int, ...]:
    return weight_files.film("tiny_se")


def traces(photo: str) -> list[Trace]:
    """The same photo through every network that was kept, each run by itself."""
    x = preprocess.preprocess(samples.sample(photo), catalogue.spec("tiny_se")).x
    return [hooks.run(truth.model("tiny_se", f"epoch-{epoch}"), x) for epoch in epochs()]


def answer(at: AppTest, option: str) -> AppTest:
    (button,) = [b for b in at.main.button if b.label == option]
    return well(button.click().run())


@pytest.mark.parametrize("photo", ["chelsea", "rocket"])
def test_the_film_is_what_each_network_computes(photo: str) -> None:
    data = scrub(start(PAGE, photo=photo, **TRAINED))
    assert data["axis"] == "epoch" and data["values"] == [str(epoch) for epoch in epochs()]
    names = i18n.texts("en")
    for at, trace in enumerate(traces(photo)):
        assert [block["name"] for block in data["blocks"]] == [block.name for block in trace.blocks]
        for shown, block in zip(data["blocks"], trace.blocks, strict=True):
            assert np.abs(shown["gates"][at] - block.gate[-1].numpy()).max() < 2e-5
        shares = trace.logits.softmax(0).sort(descending=True).values[:5]
        assert [score["share"] for score in data["scores"][at]] == pytest.approx(shares.tolist(), abs=1e-5)
    *before, said = data["said"]  # only of the shipped weights a score was measured
    strange = record.familiar("tiny_se", traces(photo)[-1]) is False
    assert set(before) == {""} and said == (names("listed.no") if strange else "")
    assert data["captions"][0] == names("lab.learning.now.untrained")
    assert data["captions"][-1] == names("lab.learning.now", epoch=epochs()[-1], last=epochs()[-1])


def test_the_curves_are_those_of_the_four_files() -> None:
    curves = scrub(start(PAGE, **TRAINED))["curves"]
    assert [line["label"] for line in curves["lines"]] == list(catalogue.OURS)
    for line in curves["lines"]:
        about = weight_files.shipped(line["label"])
        assert about is not None and line["y"] == pytest.approx(list(about.top1_by_epoch))
        assert line["now"] == pytest.approx([about.top1_by_epoch[epoch] for epoch in epochs()])
        assert line["main"] == (line["label"] == "tiny_se")
        # every epoch that was kept lies on its column
        assert [line["x"][epoch] for epoch in epochs()] == pytest.approx(list(range(len(epochs()))))
    assert curves["top"] >= max(max(line["y"]) for line in curves["lines"])


@pytest.mark.parametrize("lang", i18n.LANGUAGES)
def test_what_blocks_know_of_classes_waits_for_the_prediction(lang: str) -> None:
    at = start(PAGE, lang=lang, **TRAINED)
    assert not any("rates" in block for block in scrub(at)["blocks"])
    assert all(e.proto.id.find("chart-learning-learned") < 0 for e in at.get("plotly_chart"))
    found = gate_life.read()["tiny_se"]
    first = gate_life.first(found)
    assert first is not None
    right = i18n.text("ask.block", lang, block=found.blocks[first.best][5:8])
    told = answer(at, right)
    assert any(found.blocks[first.best][5:8] in box.value for box in told.success)
    rates = [block["rates"] for block in scrub(told)["blocks"]]
    assert rates == [pytest.approx(list(row), abs=1e-4) for row in found.eta2.T]


def test_a_wrong_prediction_is_told_so_and_showing_needs_none() -> None:
    found = gate_life.read()["tiny_se"]
    first = gate_life.first(found)
    assert first is not None
    wrong = next(i for i in first.three if i != first.best)
    told = answer(start(PAGE, **TRAINED), i18n.text("ask.block", "en", block=found.blocks[wrong][5:8]))
    assert not told.success and any(found.blocks[first.best][5:8] in box.value for box in told.info)
    shown = answer(start(PAGE, **TRAINED), i18n.text("lab.class_profiles.skip", "en"))
    assert all("rates" in block for block in scrub(shown)["blocks"])


def test_the_class_is_asked_the_same() -> None:
    at = start(PAGE, **TRAINED)
    options = {b.label for b in at.main.button}
    asked = next(name for name in questions.PAGES[PAGE])
    assert asked == "learns_first"
    found = gate_life.read()["tiny_se"]
    first = gate_life.first(found)
    assert first is not None and {f"block {found.blocks[i][5:8]}" for i in first.three} <= options


@pytest.mark.parametrize(
    ("model", "weights"), [("tiny_sk", "pretrained"), ("tiny_se", "random"), ("skresnet18", "random")]
)
def test_a_network_without_a_film_gives_its_place_to_one_that_has_some(model: str, weights: str) -> None:
    at = start(PAGE, model=model, weights=weights)
    titles = {"model": catalogue.spec(model).title, "ours": catalogue.spec("tiny_se").title}
    assert i18n.text("lab.learning.instead", "en", **titles) in words(at)
    (button,) = [b for b in at.main.button if catalogue.spec("tiny_se").title in b.label]
    well(button.click().run())
    assert (url(at)["model"], url(at)["weights"]) == ("tiny_se", "pretrained")


def test_where_nothing_was_kept_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weight_files, "film", lambda key: ())
    at = AppTest.from_file(str(APP), default_timeout=120)
    for key, value in {"lang": "en", "weights": "pretrained"}.items():
        at.query_params[key] = value
    at.run().switch_page("pages/lab/learning.py").run()
    said = i18n.text("error.no_film", "en", network=catalogue.spec("tiny_se").title)
    assert [box.value for box in at.error] == [said]


def test_the_idea_is_of_the_block_on_screen() -> None:
    block = "layer4.1.se"
    at = start(PAGE, photo="coffee", block=block, **TRAINED)
    ends = [trace.block(block).gate[-1].numpy() for trace in (traces("coffee")[0], traces("coffee")[-1])]
    (idea,) = [text for text in words(at) if text.startswith(i18n.table("en")["lab.learning.idea"][:20])]
    assert all(f"**{gate.std():.3f}**" in idea for gate in ends) and "**4.1**" in idea


def test_the_last_frame_is_compared_with_the_network_of_the_other_pages() -> None:
    at = start(PAGE, **TRAINED)
    said = i18n.text("lab.learning.ends", "en", last=epochs()[-1], difference="0")
    assert said in words(at), "the same file, run once more"


def test_the_figures_say_what_was_measured() -> None:
    at = answer(start(PAGE, **TRAINED), i18n.text("lab.class_profiles.skip", "en"))
    found = gate_life.read()["tiny_se"]
    maps = [array(trace["z"]) for trace in chart(at, "learning-learned") if trace["type"] == "heatmap"]
    assert len(maps) == 2
    for drawn, values in zip(maps, (found.eta2, found.std), strict=True):
        assert drawn == pytest.approx(values.T, abs=1e-4)
    lines = [array(trace["y"]) for trace in chart(at, "learning-courses") if trace.get("mode") == "lines"]
    assert len(lines) == len(catalogue.OURS)
    assert go(at, "squeeze") and url(at)["model"] == "tiny_se"


@pytest.mark.parametrize("lang", i18n.LANGUAGES)
@pytest.mark.parametrize("kind", ["png", "svg", "csv"])
def test_figures_become_slides(lang: str, kind: str) -> None:
    t, found = i18n.texts(lang), gate_life.read()["tiny_se"]
    names = tuple(name[5:8] for name in found.blocks)
    gates = tuple(np.stack([trace.block(name).gate[-1].numpy() for trace in traces("coffee")]) for name in found.blocks)
    for figure in (
        figures.draw_film(found.epochs, names, gates, 3, 5, learned.accuracy(), t),
        figures.draw_learned(found.epochs, names, found.eta2, found.std, found.chance, 3, t),
        figures.draw_accuracy(learned.accuracy(), 64, t),
    ):
        slide = slides.render(lambda _, f=figure: f, kind, lang)  # type: ignore[misc]
        assert len(slide.data) > 500
