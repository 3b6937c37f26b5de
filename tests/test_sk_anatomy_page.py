"""The page that takes an SK unit apart: what it says is what a model of the test's own says."""

from __future__ import annotations

import re
from copy import deepcopy
from typing import Any

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest
from torch import nn

from senet_viz import i18n
from senet_viz.architecture import formulas
from senet_viz.models import catalogue
from senet_viz.photos import preprocess, samples
from senet_viz.service.engine import Engine
from senet_viz.tap import sk_unit
from senet_viz.ui.shown import SK
from tests import truth
from tests.test_pages import NUMBER, array, badges, chart, engine, formula, fresh, go, printed, start, url, well, words

__all__ = ["engine", "fresh"]  # fixtures

PAGE = "sk_anatomy"
CASES = [("tiny_sk", "layer2.1.conv2", 40), ("skresnet18", "layer3.0.conv1", 33)]
UNITS = pytest.mark.parametrize(("model", "block", "c"), CASES, ids=[case[0] for case in CASES])


def choose(at: AppTest, key: str, value: object) -> AppTest:
    at.segmented_control(key=key).set_value(value)
    return well(at.run())


def results(latex: str) -> list[float]:
    """What each of its equations comes to."""
    ends = (line.rpartition("=")[2] for line in re.split(r"\\\\\[6pt\]|,\\quad |\\end", latex) if "=" in line)
    return [float(found[0]) for end in ends if (found := re.findall(NUMBER, end))]


def maps(at: AppTest, key: str) -> list[np.ndarray]:
    return [array(trace["z"]) for trace in chart(at, key) if trace["type"] == "heatmap"]


def lengths(at: AppTest, key: str) -> list[np.ndarray]:
    return [array(trace["y"]) for trace in chart(at, key) if trace["type"] == "bar"]


def close(a: object, b: object) -> None:
    np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)  # type: ignore[arg-type]


# --- it opens -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", i18n.LANGUAGES)
@pytest.mark.parametrize("model", ["tiny_sk", "skresnet18", "skresnext50_32x4d"])
def test_it_opens_with_every_choice(model: str, lang: str) -> None:
    at = start(PAGE, model=model, lang=lang)
    assert [h.value for h in at.title] == [i18n.text(f"scale.{PAGE}.title", lang)]
    for key, values in {"m": (3, 2), "mix": (*sk_unit.MIXES, "own"), "axis": ("channels",), "k": (7,)}.items():
        for value in values:
            choose(at, key, value)
            assert len(badges(at, "green")) == 1, "the truth badge"
            assert not any("nan" in e.value for e in at.latex)
            assert all(e.proto.alt for e in at.get("plotly_chart"))
    assert url(at) | {"mix": "own", "axis": "channels", "k": "7", "m": "2"} == url(at)


@pytest.mark.parametrize("m", [2, 3])
@pytest.mark.parametrize("model", ["tiny_sk", "tiny_se"])
def test_as_first_shown_it_is_the_whole_way(model: str, m: int) -> None:
    at = start(PAGE, model=model, m=m, more="", axis="channels")
    (only,) = at.get("plotly_chart")
    assert only.proto.id.endswith("-chart-sk-path") and len(maps(at, "sk-path")) == m + 2
    assert not at.latex and not at.header and not at.metric and not at.code
    assert [w.key for w in at.main.segmented_control] == ["m"]
    assert any(i18n.text(f"scale.{PAGE}.fresh", "en") in text for text in badges(at, "red")) == (m == 3)


@pytest.mark.parametrize("m", [2, 3])
@pytest.mark.parametrize("model", ["tiny_sk", "skresnet18"])
def test_every_unit_opens(model: str, m: int) -> None:
    at = start(PAGE, model=model, m=m, channel=500)
    for name in truth.names(model):
        at.pills(key="block").set_value(name)
        well(at.run())
        assert url(at)["block"] == name and len(badges(at, "green")) == 1


def test_a_network_without_kernels_to_choose_gives_way_to_ours() -> None:
    at = start(PAGE, model="tiny_se", weights="pretrained", block="layer2.1.se", channel=7, axis="channels")
    said = i18n.text("scale.sk.instead", "en", model=catalogue.spec("tiny_se").title, ours=catalogue.spec(SK).title)
    assert at.pills(key="unit").label == said
    unit = at.pills(key="unit").value
    assert unit in truth.names(SK) and url(at)["model"] == "tiny_se"
    seen = truth.trace(SK, "chelsea", unit, weights="pretrained").block(unit)
    c = min(7, seen.channels - 1)
    weights = results(formula(at, rf"\begin{{aligned}}a_{{{c}}}"))
    assert weights == [printed(float(v)) for v in seen.gate[:, c]]
    at.segmented_control(key="weights").set_value("random")
    well(at.run())
    assert results(formula(at, rf"\begin{{aligned}}a_{{{c}}}")) == weights, "ours is shown trained"


# --- what it says is what the model says ----------------------------------------------------------------------------


@UNITS
def test_every_step_says_what_the_model_says(model: str, block: str, c: int) -> None:
    at = start(PAGE, model=model, block=block, channel=c)
    seen = truth.block(model, "chelsea", block)
    assert seen.u is not None and seen.hidden is not None
    u, logit, gate = seen.u[:, c].numpy(), truth.logit(seen), seen.gate.numpy()
    *branches, fused, v = maps(at, "sk-path")
    close(np.stack(branches), u)
    close(fused, u.sum(0))
    close(v, np.tensordot(gate[:, c], u, 1))
    close(np.concatenate(lengths(at, "sk-path")), [*logit[:, c], *gate[:, c]])

    assert results(formula(at, r"U=\sum_m U_m"))[-1] == printed(float(truth.z(seen)[c]))
    assert results(formula(at, rf"\begin{{aligned}}g_{{0,{c}}}")) == [printed(float(x)) for x in logit[:, c]]
    assert results(formula(at, rf"\begin{{aligned}}a_{{{c}}}")) == [printed(float(x)) for x in gate[:, c]]
    width = formula(at, r"\underbrace{h}")
    assert width.endswith(f"={len(seen.hidden)}") and rf"\underbrace{{h}}_{{{len(seen.hidden)}}}" in width

    network = truth.model(model)
    unit: Any = network.get_submodule(block)
    layer = unit.fc2 if hasattr(unit, "fc2") else unit.attn.fc_select
    rows = layer.weight.detach().flatten(1).numpy()
    count = seen.channels
    if rows.size <= 2 * 20_000:
        close(np.concatenate(maps(at, "sk-rows")), rows)
    a, b = (rows[m * count + c] * seen.hidden.numpy() for m in (0, 1))
    shown = lengths(at, "sk-rows")
    order = np.argsort(-np.maximum(abs(a), abs(b)), kind="stable")[:10]
    close(shown, [a[order], b[order]])
    (means, pinned, z) = lengths(at, "sk-fuse")
    close(z, seen.hidden.numpy())
    close([pinned[0], means.sum() + pinned[0]], [truth.z(seen)[c], truth.z(seen).sum()])


@UNITS
@pytest.mark.parametrize("how", sk_unit.MIXES)
def test_other_weights_give_another_v(engine: Engine, model: str, block: str, c: int, how: str) -> None:
    at = start(PAGE, model=model, block=block, channel=c)
    before = engine.forwards
    choose(at, "mix", how)
    assert engine.forwards == before, "the maps are there already"
    seen = truth.block(model, "chelsea", block)
    assert seen.u is not None
    a, b = seen.gate[:, c].tolist()
    weights = {"own": (a, b), "swap": (b, a), "equal": (0.5, 0.5), "first": (1.0, 0.0), "second": (0.0, 1.0)}[how]
    u = seen.u[:, c].numpy()
    expected = weights[0] * u[0] + weights[1] * u[1]
    shown = maps(at, "sk-mix")
    close(shown[:3], [weights[0] * u[0], weights[1] * u[1], expected])
    text = formula(at, rf"\begin{{aligned}}V_{{{c}}}(")
    i, j = (int(n) for n in re.findall(r"\((\d+),(\d+)\)", text)[0])
    assert results(text) == [printed(float(expected[i, j]))]
    assert i18n.text(f"scale.{PAGE}.mix.{how}.why", "en") in words(at)


@pytest.mark.parametrize("weights", ["random", "pretrained"])
def test_the_wrong_axis_is_the_network_whose_softmax_has_it(engine: Engine, weights: Any) -> None:
    block, c = "layer2.1.conv2", 40
    at = start(PAGE, model=SK, weights=weights, block=block, channel=c)
    before = engine.forwards
    choose(at, "axis", "channels")
    assert engine.forwards == before + 2, "this unit, and every unit"
    network, names = truth.model(SK, weights), truth.names(SK)
    x = preprocess.preprocess(samples.sample("chelsea"), catalogue.spec(SK)).x
    expected = [truth.trace(SK, "chelsea", block, weights=weights).logits]
    for wrong_units in ((block,), names):
        wrong = deepcopy(network)
        for name in wrong_units:
            unit: Any = wrong.get_submodule(name)
            unit.gate = nn.Softmax(dim=2)  # of (B, M, C, 1, 1)
        with torch.inference_mode():
            expected.append(wrong(x)[0])
    shares = [torch.softmax(each.double(), 0) for each in expected]
    drawn = [array(trace["x"]) for trace in chart(at, "sk-scores") if trace["type"] == "bar"]
    assert len(drawn) == 3
    for shown, share in zip(drawn, shares, strict=True):
        np.testing.assert_allclose(np.sort(shown)[::-1][:3], share.topk(3).values, atol=1e-4)

    seen = truth.trace(SK, "chelsea", block, weights=weights).block(block)
    assert seen.u is not None
    gate = torch.softmax(torch.from_numpy(truth.logit(seen)), 1)
    out = (gate[:, :, None, None] * seen.u).sum(0)
    left = float(out.norm() / seen.out.norm())
    column, row, size = (metric.value for metric in at.metric)
    assert float(column) == printed(float(gate[:, c].sum())) and float(row) == 1
    assert float(size.rstrip("%")) == pytest.approx(100 * left, abs=0.051)
    right, wrong_map = maps(at, "sk-axis")
    close(right, seen.out[c])
    close(wrong_map, out[c])
    before = engine.forwards
    choose(choose(at, "axis", "branches"), "axis", "channels")
    assert engine.forwards == before, "it was seen before"


def test_over_branches_every_channel_hands_out_one() -> None:
    at = start(PAGE, model=SK, block="layer2.1.conv2", channel=40)
    column, row, size = (metric.value for metric in at.metric)
    seen = truth.block(SK, "chelsea", "layer2.1.conv2")
    assert float(column) == 1 and size == "100.0%"
    assert float(row) == printed(float(seen.gate[0].sum()), 3)


# --- M = 3 ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["tiny_sk", "skresnet18"])
def test_three_branches_are_untrained_share_one_and_say_so(engine: Engine, model: str) -> None:
    block = dict(zip(("tiny_sk", "skresnet18"), ("layer2.1.conv2", "layer2.1.conv1"), strict=True))[model]
    at = start(PAGE, model=model, block=block, channel=40)
    before = engine.forwards
    choose(at, "m", 3)
    assert engine.forwards == before, "the network does not run again"
    assert any(i18n.text(f"scale.{PAGE}.fresh", "en") in text for text in badges(at, "red"))
    fresh_unit = sk_unit.untrained(truth.model(model), truth.block(model, "chelsea", block), 3)
    *branches, fused, v = maps(at, "sk-path")
    close(np.stack(branches), fresh_unit.u[:, 40])
    close(fused, fresh_unit.fused[40])
    weights = results(formula(at, r"\begin{aligned}a_{40}"))
    assert weights == [printed(float(x)) for x in fresh_unit.gate[:, 40]]
    assert len(weights) == 3 and sum(weights) == pytest.approx(1, abs=2e-4)
    close(v, sum(a * u for a, u in zip(fresh_unit.gate[:, 40], branches, strict=True)))
    assert [len(m) for m in maps(at, "sk-kernels")] == [7, 7, 7]
    choose(at, "axis", "channels")
    assert engine.forwards == before, "a fresh unit has no network of which classes could be asked"
    assert not [e for e in at.get("plotly_chart") if e.proto.id.endswith("-chart-sk-scores")]


# --- convolutions ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("k", "width", "g", "d"), [(3, 64, 1, 1), (3, 128, 32, 2), (5, 256, 256, 3), (7, 64, 64, 2)])
def test_a_convolution_costs_what_torch_says(engine: Engine, k: int, width: int, g: int, d: int) -> None:
    at = start(PAGE, model=SK, block="layer2.1.conv2", k=k, width=width, groups=g, dilation=d)
    layer = nn.Conv2d(width, width, k, dilation=d, groups=g, bias=False)
    h, w = truth.block(SK, "chelsea", "layer2.1.conv2").out.shape[1:]
    text = formula(at, r"\begin{aligned}K_c:")
    lines = re.split(r"\\\\\[6pt\]|\\end", text)[:4]
    found = [int(re.sub(r"\D", "", line.rpartition("=")[2])) for line in lines]
    count = layer.weight.numel()
    assert found == [layer.weight[0].numel(), count, count * h * w, k + (k - 1) * (d - 1)]
    lying = [trace for trace in chart(at, "conv") if trace["type"] == "bar" and trace["orientation"] == "h"]
    assert array(lying[0]["x"]).tolist() == [count]


def test_controls_of_the_convolution_run_no_forward_and_cannot_ask_the_impossible(engine: Engine) -> None:
    at = start(PAGE, model=SK)
    before = engine.forwards
    choose(at, "groups", 128)
    for width in (64, 256):
        choose(at, "width", width)
        assert at.segmented_control(key="groups").value == width, "depthwise stays depthwise"
    for key, value in (("k", 7), ("dilation", 3), ("groups", 32), ("width", 128)):
        choose(at, key, value)
    assert at.segmented_control(key="groups").value == 32
    assert engine.forwards == before
    assert {"k": "7", "width": "128", "groups": "32", "dilation": "3"}.items() <= url(at).items()
    for g in map(int, at.segmented_control(key="groups").options):
        formulas.Conv(3, 128, g)  # raises where it cannot be


# --- what needs no forward runs none, nothing is lost -----------------------------------------------------------------


def test_language_channel_and_page_run_no_forward(engine: Engine) -> None:
    at = start(PAGE, model=SK, block="layer2.1.conv2", channel=40, axis="channels", m=2, mix="swap")
    before = engine.forwards
    shown = [e.value for e in at.latex]
    choose(at, "lang", "zh")
    assert [e.value for e in at.latex] == shown
    at.number_input(key="channel").set_value(7)
    well(at.run())
    go(at, "rescale")
    go(at, PAGE)
    assert engine.forwards == before
    kept = {"axis": "channels", "mix": "swap", "channel": "7", "lang": "zh", "block": "layer2.1.conv2"}
    assert kept.items() <= url(at).items()
