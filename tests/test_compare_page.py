"""Two networks on one photo: what the page says is what both say by themselves."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest

from senet_viz import i18n
from senet_viz.experiments import gate_profile
from senet_viz.figures.networks import compare
from senet_viz.findings import model_agreement
from senet_viz.models import catalogue, load
from senet_viz.networks import variants
from senet_viz.networks.blocks import SEBlock
from senet_viz.photos import preprocess, samples
from senet_viz.tap import hooks
from senet_viz.ui import state
from tests import truth
from tests.test_pages import array, badges, chart, fresh, start, url, well, words

PAGE = "compare"
__all__ = ["fresh"]  # a fixture: asked for by name


@pytest.mark.parametrize("lang", i18n.LANGUAGES)
@pytest.mark.parametrize("rival", ["tiny_plain", "tiny_sk", "mobilenet_v3_small", "ones", "random"])
def test_it_opens_against_every_kind_of_rival(rival: str, lang: str) -> None:
    at = start(PAGE, rival=rival, lang=lang)
    assert [h.value for h in at.title] == [i18n.text("networks.compare.title", lang)]
    assert url(at)["rival"] == rival and len(at.get("plotly_chart")) == 3
    assert all(e.proto.alt for e in at.get("plotly_chart"))
    assert badges(at, "red"), "the rival is untrained, and says so"


def test_as_first_shown_it_holds_both_answers_and_nothing_of_what_is_closed() -> None:
    at = start(PAGE, more="", model="tiny_se", rival="tiny_sk")
    assert [e.proto.id.split("-chart-")[1] for e in at.get("plotly_chart")] == ["compare-answers"]
    assert not at.table and not at.main.header and not at.main.code
    assert [e.proto.id.split("-chart-")[1] for e in start(PAGE, more="both_gates").get("plotly_chart")] == [
        "compare-answers",
        "compare-gates",
    ]


def test_answers_are_both_networks_own() -> None:
    at = start(PAGE, model="tiny_se", rival="tiny_sk", photo="coffee")
    ours, theirs = (
        truth.trace(m, "coffee", truth.names(m)[0]).logits.double().softmax(0) for m in ("tiny_se", "tiny_sk")
    )
    bars = [trace for trace in chart(at, "compare-answers") if trace["type"] == "bar"]
    assert [b["name"] for b in bars] == [catalogue.spec(m).title for m in ("tiny_se", "tiny_sk")]
    for bar, shares in zip(bars, (ours, theirs), strict=True):
        drawn = np.sort(array(bar["x"]))
        assert drawn[-1] == pytest.approx(float(shares.max()), abs=1e-5)
        assert np.abs(drawn[:, None] - shares.numpy()[None]).min(axis=1).max() <= 1e-6, "each is one of its own"
    shared = float(torch.minimum(ours, theirs).sum())
    assert any(f"**{shared:.1%}**" in text for text in words(at))


def test_gates_of_one_change_the_answer_and_run_once(fresh: None) -> None:
    at = start(PAGE, rival="ones", weights="pretrained")
    forwards = state.engine().forwards
    bars = [trace for trace in chart(at, "compare-answers") if trace["type"] == "bar"]
    assert not np.allclose(array(bars[0]["x"]), array(bars[1]["x"]), atol=1e-3)
    well(at.run())
    assert state.engine().forwards == forwards


def test_the_cost_is_the_networks_own() -> None:
    at = start(PAGE, rival="tiny_plain")
    (table,) = at.table
    params = [sum(p.numel() for p in truth.model(m).parameters()) for m in ("tiny_se", "tiny_plain")]
    shown = table.value[i18n.text("networks.compare.params", "en")].tolist()
    assert [int(text.replace(",", "")) for text in shown] == params


def test_networks_of_other_classes_are_not_compared_by_probability() -> None:
    at = start(PAGE, rival="mobilenet_v3_small")
    said = i18n.text(
        "networks.compare.classes",
        "en",
        a=catalogue.spec("tiny_se").title,
        n=50,
        b=catalogue.spec("mobilenet_v3_small").title,
        m=1000,
    )
    assert said in words(at)


@pytest.mark.parametrize(("model", "op"), [("tiny_se", torch.nn.functional.hardsigmoid), ("tiny_se_h", torch.sigmoid)])
def test_another_gate_function_on_the_learnt_logits(model: str, op: Any) -> None:
    at = start(PAGE, model=model, rival="function", photo="coffee", weights="pretrained")
    x = preprocess.preprocess(samples.sample("coffee"), catalogue.spec(model)).x
    net = load.load(model)
    for part in [each for each in net.modules() if isinstance(each, SEBlock)]:
        part.gate.register_forward_hook(lambda part, given, out: op(given[0]))
    with torch.inference_mode():
        shares = net(x)[0].double().softmax(0).numpy()
    drawn = np.sort(bars(at)[1])
    assert drawn[-1] == pytest.approx(shares.max(), abs=1e-5) and not np.allclose(*map(np.max, bars(at)), atol=1e-4)
    assert url(at)["rival"] == "function"
    kernels = start(PAGE, model="tiny_sk", rival="function")
    assert url(kernels)["rival"] == "tiny_plain", "softmax over branches is no function of one logit"


# --- variants ---------------------------------------------------------------------------------------------------------

SMALL = {"model": "mobilenet_v3_small", "rival": "variant", "photo": "coffee"}


def bars(at: AppTest) -> list[np.ndarray]:
    return [array(trace["x"]) for trace in chart(at, "compare-answers") if trace["type"] == "bar"]


def test_a_variant_is_the_network_with_these_options(fresh: None) -> None:
    at = start(PAGE, **SMALL, r=8, gate="tanh", stages="not3")
    x = preprocess.preprocess(samples.sample("coffee"), catalogue.spec("mobilenet_v3_small")).x
    options = {"reduction": 8, "gate": "tanh", "stages": (1, 2)}
    nets = variants.build("mobilenet_v3_small"), variants.build("mobilenet_v3_small", **options)
    for drawn, net in zip(bars(at), nets, strict=True):
        shares = hooks.run(net, x).logits.double().softmax(0).numpy()
        assert np.abs(np.sort(drawn)[-1] - shares.max()) <= 1e-9
    (table,) = at.table
    params = table.value[i18n.text("networks.compare.params", "en")].tolist()
    assert [int(text.replace(",", "")) for text in params] == [sum(p.numel() for p in net.parameters()) for net in nets]
    assert badges(at, "red") == [f":red-badge[:material/warning: {untrained('MobileNetV3-Small')}]"]
    many = i18n.text("networks.compare.variant.many", "en", n=3)
    assert table.value.iloc[:, 0].tolist() == [i18n.text("networks.compare.variant.released", "en"), many]
    assert i18n.text("networks.compare.variant.all", "en", said="r = 8 · tanh · stages 1, 2") in words(at)
    forwards = state.engine().forwards
    well(at.run())
    assert state.engine().forwards == forwards, "asked before, it costs nothing"


def untrained(title: str) -> str:
    return i18n.text("networks.compare.untrained", "en", title=title)


def test_gates_beyond_0_and_1_are_drawn_where_they_are() -> None:
    at = start(PAGE, **SMALL, gate="tanh")
    means = [array(trace["y"]) for trace in chart(at, "compare-gates") if trace.get("mode") == "lines"]
    net = variants.build("mobilenet_v3_small", gate="tanh")
    x = preprocess.preprocess(samples.sample("coffee"), catalogue.spec("mobilenet_v3_small")).x
    own = [float(block.gate.mean()) for block in hooks.run(net, x).blocks]
    assert min(own) < 0 and any(len(m) == 9 and np.allclose(m, own, atol=1e-5) for m in means)


@pytest.mark.parametrize(
    ("name", "options", "block"),
    [
        ("se_bn_inception", {"form": "conv_bn", "squeeze": "max"}, ".se."),
        ("mobilenet_v3_small", {"reduction": 16, "stages": (1,)}, ".block."),
        ("sknet26", {"branches": 3, "floor": 8}, ".conv2."),
    ],
)
def test_variants_of_one_network_share_all_weights_outside_of_the_blocks(
    name: str, options: dict[str, Any], block: str
) -> None:
    released, other = (variants.build(name, classes=4, **each) for each in ({}, options))
    inside = {gate.name for net in (released, other) for gate in variants.gates(net)}
    a, b = released.state_dict(), other.state_dict()
    outside = [n for n in a if not any(n.startswith(f"{gate}.") for gate in inside)]
    assert len(outside) > 100 and all(torch.equal(a[n], b[n]) for n in outside)
    assert all(block in f"{gate}." for gate in inside)


@pytest.mark.parametrize("lang", i18n.LANGUAGES)
def test_gates_for_every_pixel_are_not_called_none(lang: str) -> None:
    at = start(PAGE, **SMALL, squeeze="none", lang=lang)
    (figure,) = [e.proto.spec for e in at.get("plotly_chart") if e.proto.id.endswith("-chart-compare-gates")]
    said = [note["text"] for note in json.loads(figure)["layout"]["annotations"]]
    assert i18n.text("fig.compare.pixel", lang) in said and i18n.text("fig.compare.none", lang) not in said


def test_the_released_options_change_nothing() -> None:
    at = start(PAGE, **SMALL)
    assert i18n.text("networks.compare.variant.nothing", "en") in words(at)
    assert i18n.text("networks.compare.cost.same", "en") in words(at)
    assert np.array_equal(*bars(at))


def test_another_network_begins_with_its_own_gates() -> None:
    at = start(PAGE, **SMALL, gate="relu")
    assert url(at)["form"] == "conv" and url(at)["gate"] == "relu"
    at.selectbox(key="model").set_value("se_bn_inception")
    well(at.run())
    assert (at.session_state["form"], at.session_state["gate"]) == ("fc", "sigmoid")


def test_a_network_without_options_says_what_can_be_done() -> None:
    at = start(PAGE, model="tiny_se", rival="variant")
    assert i18n.text("networks.compare.variant.none", "en", model=catalogue.spec("tiny_se").title) in words(at)
    assert i18n.text("networks.compare.ones.short", "en") in [trace["name"] for trace in chart(at, "compare-answers")]
    at.button(key="take").click()
    well(at.run())
    well(at.run())
    assert url(at)["model"] == "mobilenet_v3_small" and url(at)["r"] == "4"


# --- agreement --------------------------------------------------------------------------------------------------------


def test_overlap() -> None:
    p, q = np.array([0.5, 0.5, 0.0]), np.array([0.0, 0.5, 0.5])
    assert model_agreement.overlap(p, p) == pytest.approx(1) and model_agreement.overlap(p, q) == pytest.approx(0.5)
    assert model_agreement.overlap(p, p[::-1] * 0) == 0


def test_together_counts_picture_by_picture() -> None:
    found = model_agreement.together(gate_profile.read(), ("tiny_plain", "tiny_se", "nobody"))
    profiles = gate_profile.read()
    a, b = (profiles[m].predicted[0] for m in found.models)  # type: ignore[index]
    right = profiles["tiny_se"].truth
    assert found.models == ("tiny_plain", "tiny_se") and found.pictures == 2500
    assert found.same[0, 1] == found.same[1, 0] == pytest.approx(sum(x == y for x, y in zip(a, b, strict=True)) / 2500)
    assert found.accuracy.tolist() == pytest.approx([(a == right).mean(), (b == right).mean()])
    assert found.all_right == pytest.approx(((a == right) & (b == right)).mean())
    assert found.none_right == pytest.approx(((a != right) & (b != right)).mean())
    other = found.against("tiny_se", "tiny_plain")
    assert other.value == pytest.approx(100 * (found.accuracy[1] - found.accuracy[0])) and other.half > 0


def test_together_needs_the_same_pictures() -> None:
    from dataclasses import replace

    profiles = gate_profile.read()
    with pytest.raises(ValueError, match="no profile"):
        model_agreement.together(profiles, ("nobody",))
    other = profiles | {"tiny_sk": replace(profiles["tiny_sk"], truth=profiles["tiny_sk"].truth[::-1].copy())}
    with pytest.raises(ValueError, match="different pictures"):
        model_agreement.together(other, ("tiny_se", "tiny_sk"))


def test_figures_without_gates_and_with_one_block() -> None:
    t = i18n.texts("en")
    gates = ([np.array([0.1, 0.9])], [])
    figure = compare.draw_gates(("a", "b"), (("1.0",), ()), gates, t)
    assert len(figure.panels) == 3 and len(figure.table.rows) == 2
