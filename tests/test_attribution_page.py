"""The page on attribution: what it draws is captum's answer about the model, and looking again costs no forward."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from senet_viz import i18n
from senet_viz.drawing.text import number
from senet_viz.experiments import attribution as experiments_attribution
from senet_viz.experiments.attribution import Attribution
from senet_viz.figures.lab import attribution as lab_attribution
from senet_viz.figures.lab.attribution import hundredths
from senet_viz.findings import open_or_important
from senet_viz.models import catalogue, class_names
from senet_viz.photos import preprocess, samples
from senet_viz.service.engine import Engine
from senet_viz.service.local import LocalEngine
from senet_viz.service.questions import AttributionQuestion
from senet_viz.tap import hooks
from senet_viz.types import Edit
from senet_viz.ui import state
from senet_viz.ui.pages.lab import attributed
from tests import pictures, truth
from tests.test_pages import array, badges, board, chart, engine, fresh, start, url, well, words

PAGE = "attribution"
BLOCK = "layer3.1.se"
__all__ = ["engine", "fresh"]  # fixtures: asked for by name


@lru_cache(maxsize=32)
def own(
    method: str, target: int | None, block: str | None = BLOCK, key: str = "tiny_se", photo: str = "chelsea"
) -> Any:
    """The same question put to a model of the test's own; by default about its own answer."""
    module = truth.model(key, "pretrained")
    x = preprocess.preprocess(samples.sample(photo), catalogue.spec(key)).x
    goal = int(hooks.run(module, x).logits.argmax()) if target is None else target
    return experiments_attribution.run(method, module, x, goal, block)


def opened(**given: object) -> AppTest:
    return start(PAGE, **({"weights": "pretrained", "block": BLOCK, "photo": "chelsea", "channel": 17} | given))


def revealed(at: AppTest) -> AppTest:
    return well(at.main.button(key="predict-skip").click().run())


def dots(at: AppTest) -> np.ndarray:
    """(n, 2): gate and attribution of every dot, the pinned channel's twice."""
    found = [d for d in chart(at, "attribution-gates") if d.get("mode", "").startswith("markers")]
    return np.concatenate([np.stack([array(d["x"]), array(d["y"])], axis=1) for d in found])


def gates(key: str = "tiny_se", photo: str = "chelsea", block: str = BLOCK) -> np.ndarray:
    return truth.trace(key, photo, block, weights="pretrained").block(block).gate.numpy()


def trio(found: Attribution, gate: np.ndarray) -> tuple[int, ...]:
    three = open_or_important.three(gate, found.values.sum(axis=0), attributed.gated)
    assert len(three) == 3
    return three


def test_names_are_the_librarys() -> None:
    assert set(attributed.GATES) == set(experiments_attribution.ON_GATES)
    assert attributed.LIMIT == experiments_attribution.ENOUGH


@pytest.mark.parametrize("lang", i18n.LANGUAGES)
@pytest.mark.parametrize(
    ("model", "weights"),
    [
        ("tiny_se", "pretrained"), ("tiny_se_h", "pretrained"), ("tiny_sk", "pretrained"), ("tiny_se", "random"),
        ("mobilenet_v3_small", "random"), ("efficientnet_b0", "random"), ("legacy_seresnet18", "random"),
        ("skresnet18", "random"),
    ],
)  # fmt: skip
def test_it_opens_with_every_kind_of_network(model: str, weights: str, lang: str) -> None:
    at = start(PAGE, model=model, weights=weights, lang=lang)
    assert [h.value for h in at.title] == [i18n.text("lab.attribution.title", lang)]
    charts = at.get("plotly_chart")
    assert len(charts) == 2 and all(e.proto.alt for e in charts)
    untrained = f":red-badge[:material/warning: {i18n.text('model.untrained', lang)}]"
    assert (untrained in words(at)) == (weights == "random")
    revealed(at)
    assert len(at.get("plotly_chart")) == 3


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The methods that are computed, in their order; each is computed for real."""
    methods: list[str] = []
    real = experiments_attribution.run

    def noted(method: str, *given: Any, **more: Any) -> Attribution:
        methods.append(method)
        return real(method, *given, **more)

    monkeypatch.setattr(experiments_attribution, "run", noted)
    return methods


def test_as_first_shown_it_is_every_dot_and_computes_no_more(engine: Engine, asked: list[str]) -> None:
    at = opened(more="", importance="gate_integrated_gradients", target=3)
    assert asked == ["gate_integrated_gradients"], "what the address says holds before its choices are open"
    assert [e.proto.id.rpartition("-chart-")[2] for e in at.get("plotly_chart")] == ["attribution-gates"]
    assert len(dots(at)) == 257, "nothing is held back where nothing is asked"
    found = own("gate_integrated_gradients", 3).values[0]
    assert np.abs(np.sort(dots(at)[:-1, 1]) - np.sort(found)).max() <= 1e-4
    assert not at.code and not at.main.selectbox and not [b for b in at.main.button if (b.key or "").startswith("pred")]


def test_the_ranking_waits_for_the_guess() -> None:
    def ranked(at: AppTest) -> bool:
        return any(e.proto.id.endswith("-board-attributed") for e in at.get("bidi_component"))

    at = opened(more="guess,ranked")
    assert not ranked(at)
    assert ranked(revealed(at)) and ranked(opened(more="ranked"))


@pytest.mark.parametrize("method", experiments_attribution.ON_GATES)
def test_every_dot_is_a_channel(method: str) -> None:
    at = revealed(opened(importance=method))
    found, gate = own(method, None), gates()[0]
    drawn = dots(at)
    expected = np.stack([gate, found.values[0]], axis=1)
    expected = np.concatenate([expected, expected[[17]]])  # the pinned one lies on its dot once more
    for axis in (0, 1):
        assert np.abs(np.sort(drawn[:, axis]) - np.sort(expected[:, axis])).max() <= 1e-4
    assert drawn[-1] == pytest.approx(expected[17], abs=1e-4)
    s = open_or_important.standing(gate, found.values[0])
    (said,) = [text for text in words(at) if "ρ" in text and not text.startswith("#")]
    assert f"**{len(s.both)}**" in said and f"**ρ = {hundredths(s.rho)}**" in said
    line = board(at, "attributed")
    values = line["rows"][0]["values"]["attribution"]
    assert np.abs(values - found.values[0][np.argsort(-np.abs(found.values[0]), kind="stable")]).max() <= 1e-4
    assert [np.sort(row["order"]).tolist() for row in line["rows"]] == [list(range(256))] * 2


def test_three_channels_are_held_back_until_somebody_has_guessed() -> None:
    at = opened()
    found, gate = own("gradient_x_gate", None), gates()[0]
    three = sorted(trio(found, gate))
    keys = [b.key for b in at.main.button if (b.key or "").startswith("predict-")]
    assert keys == [*(f"predict-{c}" for c in three), "predict-skip"]
    assert len(dots(at)) == 256 - 3 + 1
    for c in three:
        assert np.abs(dots(at) - [gate[c], found.values[0, c]]).max(axis=1).min() > 1e-6
    assert not [e for e in at.get("plotly_chart") if e.proto.id.endswith("-chart-attribution-muted")]
    module, x = (
        truth.model("tiny_se", "pretrained"),
        preprocess.preprocess(samples.sample("chelsea"), catalogue.spec("tiny_se")).x,
    )
    before = hooks.run(module, x).logits
    changes = [
        float(hooks.run(module, x, (Edit(BLOCK, "mute", (c,)),)).logits[found.target] - before[found.target])
        for c in three
    ]
    most = three[int(np.argmax(np.abs(changes)))]
    other = next(c for c in three if c != most)
    well(at.main.button(key=f"predict-{other}").click().run())
    assert (
        not at.main.success
        and f"{most}" in at.main.info[-1].value
        and number(max(changes, key=abs)) in at.main.info[-1].value
    )
    assert len(dots(at)) == 257
    (bars,) = [trace for trace in chart(at, "attribution-muted") if trace["type"] == "bar"]
    assert array(bars["x"]) == pytest.approx(changes, abs=1e-4)
    well(at.run())
    assert len(dots(at)) == 257, "what was answered stays answered"
    again = opened()
    well(again.main.button(key=f"predict-{most}").click().run())
    assert len(again.main.success) == 1


def test_the_branch_can_not_be_dropped_with_this_photos_numbers() -> None:
    at = revealed(opened())
    module, x = (
        truth.model("tiny_se", "pretrained"),
        preprocess.preprocess(samples.sample("chelsea"), catalogue.spec("tiny_se")).x,
    )
    goal = own("gradient_x_gate", None).target
    scores = [
        float(hooks.run(module, x, edits).logits[goal])
        for edits in ((), (Edit(BLOCK, "ones"),), tuple(Edit(name, "ones") for name in truth.names("tiny_se")))
    ]
    assert any(all(number(score, 4) in text for score in scores) for text in words(at))


def test_the_class_is_the_networks_answer_until_another_is_chosen() -> None:
    at = opened()
    names = class_names.names(catalogue.spec("tiny_se"))
    box = at.main.selectbox(key="target")
    assert (box.value, url(at)["target"]) == ("own", "own")
    assert names[own("gradient_x_gate", None).target] in box.options[0] and len(box.options) == 51
    well(box.set_value("3").run())
    assert url(well(at.run()))["target"] == "3"
    assert any(names[3] in text for text in words(at))
    well(revealed(at))
    assert np.abs(np.sort(dots(at)[:-1, 1]) - np.sort(own("gradient_x_gate", 3).values[0])).max() <= 1e-4
    assert opened(target=3).main.selectbox(key="target").value == "3"


@pytest.mark.parametrize(
    "given", [{"target": "9999"}, {"target": "x"}, {"importance": "magic", "heat": "1", "layer": "z"}]
)
def test_nonsense_in_the_url_is_left_out(given: dict[str, str]) -> None:
    at = opened(**given)
    assert at.main.selectbox(key="target").value == "own"
    assert (url(at)["importance"], url(at)["heat"], url(at)["layer"]) == ("gradient_x_gate", "grad_cam", "last")


@pytest.mark.parametrize(
    ("heat", "layer", "block"),
    [
        ("grad_cam", "last", None),
        ("grad_cam", "block", BLOCK),
        ("occlusion", "last", None),
        ("integrated_gradients", "last", None),
    ],
)
def test_the_heat_lies_on_the_pixels_that_the_model_saw(heat: str, layer: str, block: str | None) -> None:
    at = opened(heat=heat, layer=layer)
    found = own(heat, None, block)
    (drawn,) = [trace for trace in chart(at, "attribution-photo") if trace["type"] == "heatmap"]
    assert array(drawn["z"]).shape == found.values.shape == (80, 80)
    assert np.abs(array(drawn["z"]) - found.values).max() <= 1e-4


@pytest.mark.parametrize(
    ("given", "green", "neutral"),
    [
        ({}, 0, 2),
        ({"importance": "gate_integrated_gradients", "heat": "integrated_gradients"}, 2, 0),
        ({"importance": "conductance", "heat": "occlusion"}, 0, 2),
    ],
)
def test_the_badge_says_whether_it_adds_up(given: dict[str, str], green: int, neutral: int) -> None:
    at = opened(**given)
    assert len(badges(at, "green")) == green + 1, "the walk's own badge is there as well"
    assert len(badges(at, "gray")) == neutral and not badges(at, "red")
    if green:
        for method, block in (("gate_integrated_gradients", BLOCK), ("integrated_gradients", None)):
            assert any(number(own(method, None, block).total, 4)[:5] in text for text in badges(at, "green"))


def test_what_does_not_add_up_is_red(monkeypatch: pytest.MonkeyPatch, fresh: None) -> None:
    real = experiments_attribution.run

    def hurried(*given: Any, **more: Any) -> Attribution:
        return real(*given[:5], 1, **more)  # a path of one step

    monkeypatch.setattr(experiments_attribution, "run", hurried)
    at = opened(importance="gate_integrated_gradients", heat="integrated_gradients")
    assert badges(at, "red")


def test_another_channel_costs_no_forward(engine: Engine) -> None:
    at = revealed(opened())
    forwards = engine.forwards
    well(at.sidebar.number_input(key="channel").set_value(99).run())
    assert dots(at)[-1] == pytest.approx([gates()[0][99], own("gradient_x_gate", None).values[0, 99]], abs=1e-4)
    at.session_state["lang"] = "zh"
    well(at.run())
    well(at.run())
    assert engine.forwards == forwards


def test_only_what_is_shown_is_computed(engine: Engine, asked: list[str]) -> None:
    at = opened()
    assert asked == ["gradient_x_gate", "grad_cam"]
    well(at.run())
    assert len(asked) == 2
    at.session_state["importance"] = "conductance"
    well(at.run())
    assert asked[2:] == ["conductance"]
    at.session_state["importance"] = "gradient_x_gate"
    well(at.run())
    assert len(asked) == 3, "a second view costs nothing"


@pytest.mark.parametrize("branch", [0, 1])
def test_every_branch_of_an_sk_unit_has_its_dots(branch: int) -> None:
    block = "layer3.1.conv2"
    for method in ("gradient_x_gate", "gate_ablation"):
        at = revealed(opened(model="tiny_sk", block=block, branch=branch, importance=method))
        found = own(method, None, block, "tiny_sk")
        gate = gates("tiny_sk", block=block)[branch]
        values = found.values[branch if len(found.values) > 1 else 0]
        assert np.abs(np.sort(dots(at)[:-1, 0]) - np.sort(gate)).max() <= 1e-4
        assert np.abs(np.sort(dots(at)[:-1, 1]) - np.sort(values)).max() <= 1e-4


@pytest.mark.parametrize("lang", i18n.LANGUAGES)
def test_equal_gates_are_said_to_be_equal_and_nothing_is_asked(lang: str) -> None:
    """No hidden unit of this block answers to a green wall."""
    wall = Image.new("RGB", (64, 64), (0, 128, 0))
    seen = hooks.run(truth.model("tiny_se"), preprocess.preprocess(wall, catalogue.spec("tiny_se")).x)
    assert np.ptp(seen.block("layer1.1.se").gate.numpy()) == 0
    at = opened(weights="random", block="layer1.1.se", lang=lang)
    at.file_uploader(key="_file").set_value(("wall.png", pictures.encode(wall, "PNG"), "image/png"))
    well(at.run())
    name = class_names.names(catalogue.spec("tiny_se"), lang)[int(seen.logits.argmax())]
    said = i18n.text("lab.attribution.idea.flat.dead", lang, block="1.1", target=name, value="0.5000")
    assert said in words(at) and i18n.text("lab.attribution.noask", lang) in words(at)
    assert not [b for b in at.main.button if (b.key or "").startswith("predict-")]
    assert len(dots(at)) == 65


def test_a_click_on_a_dot_pins_its_channel() -> None:
    at = revealed(opened())
    gate, values = gates()[0], own("gradient_x_gate", None).values[0]
    for element in at.get("plotly_chart"):
        if element.proto.id.endswith("-chart-attribution-gates"):
            assert list(element.proto.selection_mode), "the dots can be clicked"
    e = lab_attribution.Effects("3.1", "s", "m", "t", gate, values, 1, np.array([0]), np.array([0]), 0.0, (5,))
    assert attributed.nearest(e, float(gate[99]), float(values[99])) == 99
    assert attributed.nearest(e, float(gate[5]), float(values[5])) != 5, "what is held back is not there"


def test_an_engine_that_is_busy_says_so(monkeypatch: pytest.MonkeyPatch, fresh: None) -> None:
    from senet_viz.errors import Busy

    at, real = opened(), LocalEngine.ask

    def busy(self: LocalEngine, question: Any, *more: Any, **said: Any) -> Any:
        if isinstance(question, AttributionQuestion):
            raise Busy("too many requests are waiting")
        return real(self, question, *more, **said)

    monkeypatch.setattr(LocalEngine, "ask", busy)
    at.run()
    assert [box.value for box in at.main.error] == [i18n.text("error.busy", "en")] and not at.exception
    assert state.engine() is not None
