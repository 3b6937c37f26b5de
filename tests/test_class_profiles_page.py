"""The page on classes: what it draws is the shipped profile and the photo's own gates, and no forward is run for it."""

from __future__ import annotations

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from senet_viz import i18n, images, profile, roles, sweep, tap, zoo
from senet_viz.ui import state
from tests import truth
from tests.test_pages import array, chart, fresh, start, url, well, words

PAGE = "class_profiles"
GOLDFISH, LION = "n01443537", "n02129165"
__all__ = ["fresh"]  # a fixture: asked for by name


def titles(at: AppTest) -> list[str]:
    return [text for text in words(at) if text.startswith("#### ")]


def lines(at: AppTest, key: str = "roles-fig6") -> list[np.ndarray]:
    return [array(trace["y"]) for trace in chart(at, key) if trace.get("mode") == "lines"]


@pytest.mark.parametrize("lang", i18n.LANGUAGES)
@pytest.mark.parametrize(
    ("model", "weights", "shown"),
    [
        ("tiny_se", "pretrained", "tiny_se"),
        ("tiny_se_h", "pretrained", "tiny_se_h"),
        ("tiny_sk", "pretrained", "tiny_sk"),
        ("tiny_sk", "random", "tiny_sk"),
        ("mobilenet_v3_small", "random", "tiny_se"),
    ],
)
def test_it_opens_with_every_kind_of_network(model: str, weights: str, shown: str, lang: str) -> None:
    at = start(PAGE, model=model, weights=weights, lang=lang)
    assert [h.value for h in at.header] == [i18n.text("lab.class_profiles.title", lang)]
    assert len(at.get("plotly_chart")) == 3 and all(e.proto.alt for e in at.get("plotly_chart"))
    said = i18n.text("lab.instead", lang, model=zoo.spec(model).title, ours=zoo.spec(shown).title)
    assert (said in words(at)) == ((model, weights) != (shown, "pretrained"))
    found = profile.read()[shown]
    numbers = roles.findings(found)[0].numbers
    assert any(f"**{numbers['early']:.0%}**" in text and f"**{numbers['late']:.0%}**" in text for text in words(at))


@pytest.mark.parametrize(("model", "trend"), [("tiny_se", "rises"), ("tiny_se_h", "slightly"), ("tiny_sk", "slightly")])
def test_the_idea_is_no_stronger_than_the_numbers(model: str, trend: str) -> None:
    at = start(PAGE, model=model, weights="pretrained")
    first = i18n.table("en")[f"lab.class_profiles.idea.{trend}"].split("** ")[0]
    assert any(text.startswith(first) for text in words(at))


def test_one_click_takes_the_network_that_is_shown() -> None:
    at = start(PAGE, model="tiny_sk", weights="random")
    (button,) = [b for b in at.main.button if zoo.spec("tiny_sk").title in b.label]
    well(button.click().run())
    assert url(at)["weights"] == "pretrained" and not at.main.info


def test_a_channel_that_the_network_in_place_does_not_have() -> None:
    """The last it has is pinned instead, in the panel of its block."""
    at = start(PAGE, model="mobilenet_v3_small", block="features.11.block.2", channel=500)
    assert not any("c = 500" in e.proto.spec for e in at.get("plotly_chart"))
    assert "c = 63" in next(e.proto.spec for e in at.get("plotly_chart") if e.proto.id.endswith("-chart-roles-fig6"))


def test_the_curves_are_the_profiles_own_and_the_photos_gates() -> None:
    at = start(
        PAGE, weights="pretrained", photo="coffee", classes=f"{LION},{GOLDFISH}", panels="layer4.1.se,layer1.0.se"
    )
    found, drawn = profile.read()["tiny_se"], lines(at)
    assert len(drawn) == 8, "two panels of two classes, the mean of all and the photo; in the order of depth"
    own = truth.trace("tiny_se", "coffee", "layer4.1.se", weights="pretrained")
    for first, name in ((0, "layer1.0.se"), (4, "layer4.1.se")):
        mean = found.block(name).mean[0]
        picked = np.round(np.linspace(0, mean.shape[1] - 1, 50)).astype(int)
        rows = [found.classes.index(LION), found.classes.index(GOLDFISH)]
        expected = [*mean[rows], mean.mean(0), own.block(name).gate[-1].numpy()]
        for line, values in zip(drawn[first : first + 4], expected, strict=True):
            assert np.abs(line - values[picked]).max() <= 1e-5
    assert (url(at)["classes"], url(at)["panels"]) == (f"{LION},{GOLDFISH}", "layer4.1.se,layer1.0.se")


def test_choosing_a_class_is_in_the_url_and_clearing_brings_the_default_back() -> None:
    at = start(PAGE, weights="pretrained")
    assert "classes" not in url(at)
    at.main.multiselect[0].set_value([LION])
    well(at.run().run())
    assert url(at)["classes"] == LION and url(at)["within"] == LION
    at.main.multiselect[0].set_value([])
    well(at.run().run())
    assert "classes" not in url(at) and len(at.main.multiselect[0].value) == 4


def test_nonsense_in_the_url_is_left_out() -> None:
    at = start(PAGE, weights="pretrained", classes=f"nobody,{LION},{LION}", panels="nowhere", within="x", framing="9")
    assert at.main.multiselect[0].value == [LION] and len(at.main.multiselect[1].value) == 4


def test_the_pinned_block_is_among_those_shown() -> None:
    at = start(PAGE, weights="pretrained", block="layer3.1.se")
    assert "layer3.1.se" in at.main.multiselect[1].value and len(at.main.multiselect[1].value) == 4


def test_the_question_comes_before_its_answer() -> None:
    at = start(PAGE, weights="pretrained")
    each = roles.roles(profile.read()["tiny_se"])
    three = [each[i] for i in roles.candidates(each)]
    best = max(three, key=lambda r: r.eta2)
    buttons = {b.key: b for b in at.main.button if b.key and b.key.startswith("predict-layer")}
    assert list(buttons) == [f"predict-{r.name}" for r in three]
    assert "η²" not in " ".join(words(at)), "nothing gives the answer away"
    other = next(r for r in three if r is not best)
    well(buttons[f"predict-{other.name}"].click().run())
    (said,) = [box.value for box in at.main.info]
    assert all(f"**{r.eta2:.2f}**" in said for r in three) and not at.main.success
    assert len(at.get("plotly_chart")) == 4 and not [b for b in at.main.button if (b.key or "").startswith("predict")]
    verdicts = [text for text in words(at) if "-badge[" in text and "**" in text]
    assert len(verdicts) == 4
    for finding, text in zip(roles.findings(profile.read()["tiny_se"]), verdicts, strict=True):
        assert i18n.text(f"lab.class_profiles.{finding.word}", "en") in text
    well(at.run())
    assert len(at.get("plotly_chart")) == 4, "what was answered stays answered"


@pytest.mark.parametrize(("key", "boxes"), [("layer4.1.se", 1), ("skip", 0)])
def test_right_answers_and_no_answer(key: str, boxes: int) -> None:
    at = start(PAGE, weights="pretrained")
    well(at.main.button(key=f"predict-{key}").click().run())
    assert len(at.main.success) == boxes and len(at.get("plotly_chart")) == 4


def test_every_block_guesses_from_the_photos_gates() -> None:
    at = start(PAGE, weights="pretrained", photo="coffee")
    found, own = profile.read()["tiny_se"], truth.trace("tiny_se", "coffee", "layer4.1.se", weights="pretrained")
    about = zoo.shipped("tiny_se")
    assert about is not None
    top = found.classes.index(about.classes[int(own.logits.argmax())])
    away = [roles.distances(b, found.counts, own.block(b.name).gate[-1].numpy()) for b in found.blocks]
    expected = [roles.guess("", each, top).rank for each in away]
    (bars,) = [trace for trace in chart(at, "roles-guess") if trace["type"] == "bar"]
    assert array(bars["x"]).tolist() == expected


def test_no_forward_but_the_walks(fresh: None) -> None:
    at = start("squeeze", weights="pretrained")
    forwards = state.engine().forwards
    at.switch_page(f"pages/lab/{PAGE}.py").run()
    well(at)
    at.main.multiselect[0].set_value([LION])
    well(at.run())
    well(at.main.button(key="predict-skip").click().run())
    assert state.engine().forwards == forwards


def test_at_another_zoom_the_photo_is_enlarged_as_well(fresh: None) -> None:
    at = start(PAGE, weights="pretrained", framing="1.5", panels="layer4.1.se", photo="coffee")
    picture = sweep.at_scale(images.sample("coffee"), zoo.spec("tiny_se"), 1.5)
    own = tap.run(truth.model("tiny_se", "pretrained"), picture.x).block("layer4.1.se").gate[-1].numpy()
    drawn = lines(at)
    assert np.abs(drawn[-1] - own[roles.uniform(512)]).max() <= 1e-5
    mean = profile.read()["tiny_se"].block("layer4.1.se").mean[1]
    assert np.abs(drawn[-2] - mean.mean(0)[roles.uniform(512)]).max() <= 1e-5
    forwards = state.engine().forwards
    well(at.run())
    assert state.engine().forwards == forwards
