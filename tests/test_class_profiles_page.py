"""The page on classes: what it draws is the shipped profile and the photo's own gates, and no forward is run for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from senet_viz import i18n
from senet_viz.experiments import gate_profile, profiling
from senet_viz.findings import class_selectivity
from senet_viz.models import catalogue, class_names, weight_files
from senet_viz.photos import reading, samples, scale, sets
from senet_viz.service.engine import Engine
from senet_viz.tap import hooks
from senet_viz.ui import plain, state
from senet_viz.ui.pages.lab import profiled
from tests import pictures, truth
from tests.test_pages import array, badges, chart, emptied, fresh, start, url, well, words
from tests.test_sets import packed

PAGE = "class_profiles"
GOLDFISH, LION = "n01443537", "n02129165"
__all__ = ["fresh"]  # a fixture: asked for by name


def titles(at: AppTest) -> list[str]:
    return [text for text in words(at) if text.startswith("### ")]


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
    assert [h.value for h in at.title] == [i18n.text("lab.class_profiles.title", lang)]
    assert len(at.get("plotly_chart")) == 4 and all(e.proto.alt for e in at.get("plotly_chart"))
    said = i18n.text("lab.instead", lang, model=catalogue.spec(model).title, ours=catalogue.spec(shown).title)
    assert (said in words(at)) == ((model, weights) != (shown, "pretrained"))
    found = gate_profile.read()[shown]
    numbers = class_selectivity.findings(found)[0].numbers
    assert any(f"**{numbers['early']:.0%}**" in text and f"**{numbers['late']:.0%}**" in text for text in words(at))


@pytest.mark.parametrize(("model", "trend"), [("tiny_se", "rises"), ("tiny_se_h", "slightly"), ("tiny_sk", "slightly")])
def test_the_idea_is_no_stronger_than_the_numbers(model: str, trend: str) -> None:
    at = start(PAGE, model=model, weights="pretrained")
    first = i18n.table("en")[f"lab.class_profiles.idea.{trend}"].split("** ")[0]
    assert any(text.startswith(first) for text in words(at))


def test_one_click_takes_the_network_that_is_shown() -> None:
    at = start(PAGE, model="tiny_sk", weights="random")
    (button,) = [b for b in at.main.button if catalogue.spec("tiny_sk").title in b.label]
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
    found, drawn = gate_profile.read()["tiny_se"], lines(at)
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


def test_as_first_shown_it_is_figure_6_as_the_address_asks_for_it() -> None:
    asked = {"classes": f"{LION},nobody", "panels": "layer4.1.se", "framing": "1.5"}
    at = start(PAGE, weights="pretrained", photo="coffee", more="", **asked)
    assert [e.proto.id.rpartition("-chart-")[2] for e in at.get("plotly_chart")] == ["roles-fig6"]
    found = gate_profile.read()["tiny_se"]
    mean = found.block("layer4.1.se").mean[found.zooms.index(1.5)][found.classes.index(LION)]
    assert np.abs(lines(at)[0] - mean[class_selectivity.uniform(512)]).max() <= 1e-5
    assert not at.code and not at.main.multiselect and not at.main.button


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
    each = class_selectivity.roles(gate_profile.read()["tiny_se"])
    three = [each[i] for i in class_selectivity.candidates(each)]
    best = max(three, key=lambda r: r.eta2)
    buttons = {b.key: b for b in at.main.button if b.key and b.key.startswith("predict-layer")}
    assert list(buttons) == [f"predict-{r.name}" for r in three]
    assert "η²" not in " ".join(words(at)), "nothing gives the answer away"
    other = next(r for r in three if r is not best)
    well(buttons[f"predict-{other.name}"].click().run())
    (said,) = [box.value for box in at.main.info]
    assert all(f"**{r.eta2:.2f}**" in said for r in three) and not at.main.success
    assert len(at.get("plotly_chart")) == 5 and not [b for b in at.main.button if (b.key or "").startswith("predict")]
    verdicts = [text for text in words(at) if "-badge[" in text and "**" in text]
    assert len(verdicts) == 4
    for finding, text in zip(class_selectivity.findings(gate_profile.read()["tiny_se"]), verdicts, strict=True):
        assert i18n.text(f"lab.class_profiles.{finding.word}", "en") in text
    well(at.run())
    assert len(at.get("plotly_chart")) == 5, "what was answered stays answered"


@pytest.mark.parametrize(("key", "boxes"), [("layer4.2.se", 1), ("skip", 0)])
def test_right_answers_and_no_answer(key: str, boxes: int) -> None:
    at = start(PAGE, weights="pretrained")
    well(at.main.button(key=f"predict-{key}").click().run())
    assert len(at.main.success) == boxes and len(at.get("plotly_chart")) == 5


def test_every_block_guesses_from_the_photos_gates() -> None:
    at = start(PAGE, weights="pretrained", photo="coffee")
    found, own = gate_profile.read()["tiny_se"], truth.trace("tiny_se", "coffee", "layer4.1.se", weights="pretrained")
    about = weight_files.shipped("tiny_se")
    assert about is not None
    top = found.classes.index(about.classes[int(own.logits.argmax())])
    away = [class_selectivity.distances(b, found.counts, own.block(b.name).gate[-1].numpy()) for b in found.blocks]
    expected = [class_selectivity.guess("", each, top).rank for each in away]
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
    picture = scale.at_scale(samples.sample("coffee"), catalogue.spec("tiny_se"), 1.5)
    own = hooks.run(truth.model("tiny_se", "pretrained"), picture.x).block("layer4.1.se").gate[-1].numpy()
    drawn = lines(at)
    assert np.abs(drawn[-1] - own[class_selectivity.uniform(512)]).max() <= 1e-5
    mean = gate_profile.read()["tiny_se"].block("layer4.1.se").mean[1]
    assert np.abs(drawn[-2] - mean.mean(0)[class_selectivity.uniform(512)]).max() <= 1e-5
    forwards = state.engine().forwards
    well(at.run())
    assert state.engine().forwards == forwards


# --- photos of one's own ----------------------------------------------------------------------------------------------


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """An engine, and sets and tallies, that nobody has asked anything yet."""
    with emptied(state.photo_sets) as made:
        yield made


def crops(names: tuple[str, ...] = ("flower", "temple", "cup"), each: int = 6) -> dict[str, bytes]:
    """Class folders: pieces of one sample photo are one class."""
    found = {}
    for name, photo in zip(names, ("flower", "china", "coffee"), strict=False):
        image = samples.sample(photo)
        for i in range(each):
            box = (30 * i, 20 * i, 30 * i + 220, 20 * i + 180)
            found[f"set/{name}/{i}.png"] = pictures.encode(image.crop(box), "PNG")
    return found


def upload(at: AppTest, entries: dict[str, bytes]) -> AppTest:
    at.file_uploader(key="_classes_zip").set_value(("set.zip", packed(entries), "application/zip"))
    at.run()
    assert not at.exception
    return at


def own_profile(entries: dict[str, bytes], key: str = "tiny_se", zoom: float = 1.0) -> dict[str, dict[str, np.ndarray]]:
    """Gates (N, C) of every block, by class folder, one forward a photo."""
    spec, gates = catalogue.spec(key), {}
    for name, data in entries.items():
        trace = hooks.run(truth.model(key, "pretrained"), scale.at_scale(reading.read(data), spec, zoom).x)
        for block in trace.blocks:
            gates.setdefault(block.name, {}).setdefault(name.split("/")[-2], []).append(block.gate[-1].numpy())
    return {b: {c: np.stack(rows) for c, rows in by_class.items()} for b, by_class in gates.items()}


def test_a_zip_of_class_folders_is_shown_like_the_shipped_profile(shared: Engine) -> None:
    entries = crops()
    at = start(PAGE, weights="pretrained", photo="coffee", source="mine", panels="layer4.1.se")
    assert not at.get("plotly_chart"), "nothing before there are photos"
    well(upload(at, entries))
    assert i18n.text("photos.classes", "en", n=18, k=3, each="cup 6 · flower 6 · temple 6") in words(at)
    own, picked = own_profile(entries)["layer4.1.se"], class_selectivity.uniform(512)
    means = [own[name].mean(0) for name in ("cup", "flower", "temple")]
    photo = truth.trace("tiny_se", "coffee", "layer4.1.se", weights="pretrained").block("layer4.1.se").gate[-1].numpy()
    for line, values in zip(lines(at), [*means, np.mean(means, axis=0), photo], strict=True):
        assert np.abs(line - values[picked]).max() <= 1e-5
    well(at.main.button(key="predict-skip").click().run())
    table = {
        b: (np.stack([g.mean(0) for g in by.values()]), [g.var(0) for g in by.values()])
        for b, by in own_profile(entries).items()
    }
    etas = [float(m.var(0).mean() / (m.var(0).mean() + np.mean(v))) for m, v in table.values()]
    (drawn,) = [
        array(tr["y"]) for tr in chart(at, "roles-findings") if tr.get("mode") == "lines" and tr.get("name") == "η²"
    ]
    np.testing.assert_allclose(drawn, etas, atol=1e-3)
    assert url(at)["source"] == "mine" and len(at.get("plotly_chart")) == 5


def test_the_browsers_folder_says_the_classes_too(shared: Engine) -> None:
    entries = crops(("a", "b"), each=3)
    at = start(PAGE, weights="pretrained", source="mine")
    at.file_uploader(key="_classes_folder").set_value([(name, data, "image/png") for name, data in entries.items()])
    well(at.run())
    assert i18n.text("photos.classes", "en", n=6, k=2, each="a 3 · b 3") in words(at)
    assert len(at.get("plotly_chart")) == 4


def test_it_can_be_stopped_and_gone_on_with(shared: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    entries, ran = crops(), []
    true = profiling.counted
    monkeypatch.setattr(profiling, "MOST_BATCH", 5)

    def interrupted(*args: Any) -> Any:
        ran.append(len(args[1]))
        return true(*args)

    monkeypatch.setattr(profiling, "counted", interrupted)
    more = profiled.more

    def stopping(*args: Any) -> None:
        if len(ran) == 2:
            st.stop()  # what a click does to a script that runs
        more(*args)

    monkeypatch.setattr(profiled, "more", stopping)
    at = start(PAGE, weights="pretrained", source="mine", panels="layer4.1.se")
    upload(at, entries)
    assert not at.get("plotly_chart") and ran == [5, 5]
    well(at.main.button(key="classes-stop").click().run())
    assert i18n.text("photos.some", "en", done=10, n=18) in words(at) and ran == [5, 5]
    part = own_profile({name: entries[name] for name in by_turns(entries)[:10]})["layer4.1.se"]
    np.testing.assert_allclose(lines(at)[0], part["cup"].mean(0)[class_selectivity.uniform(512)], atol=1e-5)
    at.segmented_control(key="lang").set_value("zh")
    well(at.run())
    assert i18n.text("photos.some", "zh", done=10, n=18) in words(at) and ran == [5, 5]
    monkeypatch.setattr(profiled, "more", more)
    well(at.main.button(key="classes-go_on").click().run())
    assert ran == [5, 5, 5, 3], "what was done is not done again"
    whole = own_profile(entries)["layer4.1.se"]["cup"].mean(0)
    np.testing.assert_allclose(lines(at)[0], whole[class_selectivity.uniform(512)], atol=1e-5)
    other = start(PAGE, weights="pretrained", source="mine")
    well(upload(other, entries))
    assert ran == [5, 5, 5, 3] and len(other.get("plotly_chart")) == 4, "a second visitor with the same photos"


def by_turns(entries: dict[str, bytes]) -> list[str]:
    return sets.in_turn(list(entries), lambda name: name.split("/")[-2])


def test_another_network_or_zoom_waits_for_a_click(shared: Engine) -> None:
    at = start(PAGE, weights="pretrained", source="mine", panels="layer4.1.conv2")
    entries = crops(("a", "b"), each=2)
    well(upload(at, entries))
    for widget, value in (("model", "tiny_sk"), ("framing", "1.5")):
        (at.selectbox if widget == "model" else at.segmented_control)(key=widget).set_value(value)
        well(at.run())
        assert i18n.text("photos.ready.classes", "en", n=4) in words(at) and not at.get("plotly_chart")
        well(at.main.button(key="classes-go_on").click().run())
        assert len(at.get("plotly_chart")) == 4
    own = own_profile(entries, "tiny_sk", 1.5)["layer4.1.conv2"]
    np.testing.assert_allclose(lines(at)[1], own["b"].mean(0)[class_selectivity.uniform(256)], atol=1e-5)


def test_untrained_networks_of_libraries_say_so(shared: Engine) -> None:
    at = start(PAGE, model="mobilenet_v3_small", weights="random", source="mine")
    well(upload(at, crops(("a", "b"), each=2)))
    assert len(at.get("plotly_chart")) == 3 and badges(at, "red")


def test_names_of_folders_are_text(shared: Engine) -> None:
    wild = "*a*, <b>$x$ `c` [d](e) :smile:"
    at = start(PAGE, weights="pretrained", source="mine")
    well(upload(at, crops((wild, "plain"), each=2)))
    assert at.main.multiselect[0].options == [wild, "plain"]
    (title,) = [text for text in titles(at) if "Fig. 7" in text]
    assert plain(wild) in title and wild not in title
    at.main.multiselect[0].set_value(["0"])
    well(at.run().run())
    assert url(at)["classes"] == "0" and "a\\*" in plain(wild)


@pytest.mark.parametrize("lang", i18n.LANGUAGES)
def test_photos_without_folders_are_one_sentence(shared: Engine, lang: str) -> None:
    at = start(PAGE, weights="pretrained", source="mine", lang=lang)
    upload(at, {"1.png": crops()["set/flower/0.png"]})
    assert [box.value for box in at.error] == [i18n.text("error.photos.loose", lang)]
    at.main.segmented_control(key="source").set_value("shipped")
    well(at.run())
    assert len(at.get("plotly_chart")) == 4


def test_the_network_is_asked_about_its_own_answer_where_the_folders_know_it(shared: Engine) -> None:
    at = start(PAGE, weights="pretrained", photo="coffee", source="mine")
    about = weight_files.shipped("tiny_se")
    assert about is not None
    own = about.classes[int(truth.trace("tiny_se", "coffee", "layer4.1.se", weights="pretrained").logits.argmax())]
    well(upload(at, crops((own, "n01443537"), each=2)))
    shown = class_names.names(catalogue.spec("tiny_se"))[about.classes.index(own)]
    assert any(
        i18n.table("en")["fig.roles.guess"].split("{n}")[0] in text and f"“{shown}”" in text for text in titles(at)
    )
    well(upload(at, crops(("x", "y"), each=2)))
    assert any("“x”" in text or "“y”" in text for text in titles(at))
