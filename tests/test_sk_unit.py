"""Split, fuse, select: every step is the network's own, and its pictures and equations show its numbers."""

from __future__ import annotations

import re
from copy import deepcopy
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from senet_viz import i18n
from senet_viz.architecture import formulas
from senet_viz.drawing.grammar import Bars, Figure, Heat
from senet_viz.errors import NoGateFound
from senet_viz.figures.scale import sk_anatomy as figures
from senet_viz.models import catalogue
from senet_viz.networks.blocks import SKConv
from senet_viz.photos import preprocess, samples
from senet_viz.service.local import LocalEngine
from senet_viz.service.questions import ReplayQuestion, TraceQuestion, UnitQuestion
from senet_viz.tap import hooks, layouts, replay, sk_unit
from senet_viz.types import BlockTrace, Edit, Trace
from tests.conftest import Build
from tests.networks import pictures

NETS = ("ours/sk", "models/skresnet18", "models/skresnext50_32x4d")
LANGS = pytest.mark.parametrize("lang", i18n.LANGUAGES)


def traced(net: nn.Module, index: int = 3) -> BlockTrace:
    name = layouts.find(net)[index].name
    return hooks.run(net, pictures(1), keep_u=(name,)).block(name)


def unit_of(net: nn.Module, block: BlockTrace) -> sk_unit.Unit:
    return sk_unit.own(net, block, replay.replay(net, block))


def reaches(unit: sk_unit.Unit) -> list[str]:
    return ["3×3", "5×5", "7×7"][: len(unit.gate)]


@pytest.fixture(params=NETS)
def net(request: pytest.FixtureRequest, build: Build) -> Any:
    return build(request.param)


def close(a: np.ndarray, b: np.ndarray) -> None:
    np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def test_every_step_is_the_networks(net: Any) -> None:
    block = traced(net)
    unit = unit_of(net, block)
    close(unit.z, unit.fused.mean((1, 2)))
    close(np.stack([rows @ unit.h for rows in unit.w2]), unit.logits)
    for c in range(0, unit.gate.shape[1], 7):
        close(unit.parts(c).sum(1), unit.logits[:, c])
        powers = np.exp(unit.logits[:, c].astype(np.float64))
        close(unit.gate[:, c], powers / powers.sum())
    assert unit.gap <= 1e-5
    # A is the first C rows of the layer, B the last
    module = net.get_submodule(block.name)
    layer = module.fc2 if hasattr(module, "fc2") else module.attn.fc_select
    whole = layer.weight.flatten(1).numpy()
    np.testing.assert_array_equal(unit.w2[0].astype(np.float32), whole[: len(unit.z)])
    np.testing.assert_array_equal(unit.w2[1].astype(np.float32), whole[len(unit.z) :])


def test_the_kernels_are_the_branches(net: Any) -> None:
    block = traced(net)
    unit = unit_of(net, block)
    module = net.get_submodule(block.name)
    for m, kernel in enumerate(unit.kernels):
        conv = module.branches[m][0] if hasattr(module, "branches") else module.paths[m].conv
        np.testing.assert_array_equal(kernel.weight, conv.weight.numpy())
        assert (kernel.dilation, kernel.groups) == (conv.dilation[0], conv.groups) == (m + 1, conv.groups)
        grid = kernel.spread(5)
        assert grid.shape == (2 * m + 3,) * 2 and np.isfinite(grid).sum() == 9
        taps = grid[:: m + 1, :: m + 1]
        sizes = np.abs(kernel.weight[5]).sum((1, 2))
        np.testing.assert_array_equal(taps, kernel.weight[5][sizes.argmax()])


def test_d_follows_the_rule_in_every_unit(net: Any) -> None:
    found = sk_unit.rule(net)
    assert found is not None
    r, floor = found
    for index in range(len(layouts.find(net))):
        unit = unit_of(net, traced(net, index))
        assert len(unit.h) == max(len(unit.z) // r, floor)
    assert sk_unit.rule(nn.Sequential()) is None


def test_another_width_has_no_rule(build: Build) -> None:
    net = deepcopy(build("ours/sk"))
    net.layer1[0].conv2 = SKConv(32, groups=2, reduction=2, floor=5)  # d = 16, which no rule gives
    assert sk_unit.rule(net) is None


# --- M = 3, untrained ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("branches", [2, 3])
def test_a_fresh_unit_sees_what_the_traced_one_saw(net: Any, branches: int) -> None:
    block = traced(net, 4)
    state = torch.random.get_rng_state()
    fresh = sk_unit.untrained(net, block, branches)
    assert torch.equal(torch.random.get_rng_state(), state), "other threads draw from these random numbers"
    assert block.x is not None and block.u is not None
    assert fresh.x_shape == tuple(block.x.shape) and fresh.u.shape == (branches, len(block.x), *block.u.shape[2:])
    assert np.abs(fresh.gate.sum(0) - 1).max() <= 1e-6
    assert fresh.gap <= 1e-6
    assert [k.dilation for k in fresh.kernels] == list(range(1, branches + 1))
    assert {k.groups for k in fresh.kernels} == {unit_of(net, block).kernels[0].groups}
    # its branches are convolutions of that very input
    m, kernel = branches - 1, fresh.kernels[-1]
    stride = -(-block.x.shape[1] // block.u.shape[2])
    mapped = nn.functional.conv2d(
        block.x[None], torch.from_numpy(kernel.weight), None, stride, m + 1, m + 1, kernel.groups
    )
    close(fresh.u[m], torch.relu(mapped / (1 + 1e-5) ** 0.5)[0].numpy())  # a fresh BN has mean 0, variance 1
    close(np.stack([rows @ fresh.h for rows in fresh.w2]), fresh.logits)


def test_a_fresh_unit_is_the_same_every_time_and_another_by_another_seed(build: Build) -> None:
    net = build("ours/sk")
    block = traced(net)
    first, again, other = (sk_unit.untrained(net, block, 3, seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.gate, again.gate)
    assert np.abs(first.gate - other.gate).max() > 1e-3
    assert first.gate.std(0).max() < 0.2, "it knows nothing"


def test_what_is_no_sk_unit_is_refused(build: Build) -> None:
    net, sk = build("ours/se"), build("ours/sk")
    block = traced(net)
    for each in (block, replace(traced(sk), u=None, x=None), replace(traced(sk), name="layer9")):
        module = net if each is block else sk
        with pytest.raises(NoGateFound):
            sk_unit.own(module, each, replay.replay(sk, traced(sk)))
        with pytest.raises(NoGateFound):
            sk_unit.untrained(module, each, 3)


def test_the_engine_makes_a_unit_once_and_without_the_network() -> None:
    engine, picture = LocalEngine(), preprocess.preprocess(samples.sample("coffee"), catalogue.spec("tiny_sk"))
    name = "layer3.1.conv2"
    trace = engine.ask(TraceQuestion("tiny_sk", picture, keep_u=(name,), weights="random"))

    def unit(of: Trace, name: str, branches: int = 0) -> sk_unit.Unit:
        again = engine.ask(ReplayQuestion("tiny_sk", of, name, weights="random"))
        return engine.ask(UnitQuestion("tiny_sk", of, name, again, branches, weights="random"))

    before = engine.forwards
    ours, fresh = (unit(trace, name, m) for m in (0, 3))
    assert unit(trace, name) is ours
    assert unit(trace, name, 3) is fresh
    assert engine.forwards == before
    assert (len(ours.gate), len(fresh.gate)) == (2, 3) and ours.u.shape[1:] == fresh.u.shape[1:]
    with pytest.raises(NoGateFound):
        unit(trace, "layer3.0.conv2", 3)  # traced without its u
    edited = engine.ask(TraceQuestion("tiny_sk", picture, (Edit(name, "swap"),), (name,), weights="random"))
    np.testing.assert_array_equal(unit(edited, name).gate, ours.gate[::-1])


# --- other weights, the wrong axis ---------------------------------------------------------------------------------


@lru_cache
def gates() -> np.ndarray:
    logits = np.random.default_rng(2).normal(size=(2, 6))
    return (np.exp(logits) / np.exp(logits).sum(0)).astype(np.float32)


def test_mixes_do_what_they_say() -> None:
    gate = gates()
    np.testing.assert_array_equal(sk_unit.mixed(gate, "own"), gate)
    np.testing.assert_array_equal(sk_unit.mixed(gate, "swap"), gate[::-1])
    np.testing.assert_array_equal(sk_unit.mixed(gate, "equal"), np.full_like(gate, 0.5))
    np.testing.assert_array_equal(sk_unit.mixed(gate, "first"), np.array([[1.0] * 6, [0.0] * 6]))
    np.testing.assert_array_equal(sk_unit.mixed(gate, "second"), np.array([[0.0] * 6, [1.0] * 6]))
    for how in sk_unit.MIXES:
        assert np.abs(sk_unit.mixed(gate, how).sum(0) - 1).max() <= 1e-6


def test_the_wrong_axis_leaves_little_of_v(build: Build) -> None:
    net = build("ours/sk")
    unit = unit_of(net, traced(net))
    wrong = sk_unit.wrong_axis(unit.logits)
    powers = np.exp(unit.logits.astype(np.float64))
    close(wrong, powers / powers.sum(1, keepdims=True))
    v, w = ((each[:, :, None, None] * unit.u).sum(0).ravel() for each in (unit.gate, wrong))
    left = sk_unit.size_left(unit, wrong)
    assert left == pytest.approx(np.sqrt((w**2).sum() / (v**2).sum()), rel=1e-4) and 0 < left < 0.5
    assert sk_unit.size_left(unit, unit.gate) == pytest.approx(1)


def test_likeliest_classes_are_those_of_any_way() -> None:
    a, b = np.array([5.0, 1, 0, 0, -3]), np.array([0.0, 0, -1, 9, 4])
    classes, shares = sk_unit.likeliest([a, b], 2)
    assert classes.tolist() == [0, 1, 3, 4]
    close(shares, np.stack([np.exp(x - x.max())[classes] / np.exp(x - x.max()).sum() for x in (a, b)]))


# --- equations -----------------------------------------------------------------------------------------------------


def last(latex: str) -> float:
    return float(re.findall(r"-?\d+\.\d+", latex)[-1])


def test_equations_say_what_the_unit_says(build: Build) -> None:
    net, c = build("ours/sk"), 9
    unit = unit_of(net, traced(net))
    assert last(formulas.fuse(unit.fused[c], c)) == pytest.approx(float(unit.z[c]), abs=1e-4)
    sums = [float(n) for n in re.findall(r"\\dots=(-?\d+\.\d+)", formulas.products(unit.w2[:, c], unit.h, c))]
    np.testing.assert_allclose(sums, unit.logits[:, c], atol=1e-4)
    weights = [float(n) for n in re.findall(r"=(0\.\d{4})", formulas.shares(unit.logits[:, c], c))]
    np.testing.assert_allclose(weights, unit.gate[:, c], atol=1e-4)
    text = formulas.selected(unit.u[:, c], unit.gate[:, c], c)
    found = re.search(r"\((\d+),(\d+)\)", text)
    assert found is not None
    i, j = int(found[1]), int(found[2])
    assert unit.fused[c, i, j] == unit.fused[c].max()
    assert last(text) == pytest.approx(float(unit.gate[:, c] @ unit.u[:, c, i, j]), abs=1e-4)
    assert formulas.compress(64, 32, (16, 32)).endswith(r"d=\max(C/r,\,L)=\max(64/16,\,32)=32")
    assert "max" not in formulas.compress(64, 20, None)
    fields = re.findall(r"=(\d+)(?=\\|$)", formulas.split([(3, 1), (3, 2), (3, 3)]))
    assert [int(n) for n in fields] == [3, 5, 7]


# --- pictures ------------------------------------------------------------------------------------------------------


def heats(figure: Figure) -> list[np.ndarray]:
    return [mark.values for panel in figure.panels for mark in panel.marks if isinstance(mark, Heat)]


def bars(figure: Figure, panel: int) -> list[Bars]:
    return [mark for mark in figure.panels[panel].marks if isinstance(mark, Bars)]


@LANGS
@pytest.mark.parametrize("branches", [2, 3])
def test_the_path_is_drawn_as_computed(build: Build, lang: str, branches: int) -> None:
    net, c = build("ours/sk"), 9
    unit = sk_unit.untrained(net, traced(net), branches)
    u, gate, logits = unit.u[:, c], unit.gate[:, c], unit.logits[:, c]
    figure = figures.draw_path(u, float(unit.z[c]), logits, gate, c, reaches(unit), i18n.texts(lang))
    *split, fuse, select = heats(figure)
    np.testing.assert_array_equal(np.stack(split), u)
    close(fuse, u.sum(0))
    close(select, np.tensordot(gate, u, 1))
    assert len(figure.scales) == 1, "maps can be compared"
    for panel, values in ((branches + 1, logits), (branches + 2, gate)):
        assert [bar.colour for bar in bars(figure, panel)] == [f"branch{m}" for m in range(branches)]
        np.testing.assert_array_equal([bar.y[0] for bar in bars(figure, panel)], values)
    assert figure.alt and len(figure.table.rows) == u[0].size


@LANGS
def test_rows_of_the_pinned_channel_are_marked(build: Build, lang: str) -> None:
    net, c = build("ours/sk"), 9
    unit = unit_of(net, traced(net))
    figure = figures.draw_rows(unit.w2, unit.h, c, reaches(unit), i18n.texts(lang))
    for m in range(2):
        heat, box = figure.panels[m].marks
        assert isinstance(heat, Heat) and box.y0 <= c <= box.y1  # type: ignore[union-attr]
        np.testing.assert_array_equal(heat.values, unit.w2[m])
    parts = unit.parts(c)
    top = np.argsort(-np.abs(parts).max(0), kind="stable")[:10]
    np.testing.assert_array_equal([bar.y for bar in bars(figure, 2)], parts[:, top])
    close(np.array([row[2:] for row in figure.table.rows], dtype=float), np.vstack((unit.w2[:, c], parts)).T)


@LANGS
@pytest.mark.parametrize("how", sk_unit.MIXES)
def test_a_mix_shows_what_adds_up(build: Build, lang: str, how: str) -> None:
    net, c = build("ours/sk"), 9
    unit = unit_of(net, traced(net))
    u, gate = unit.u[:, c], sk_unit.mixed(unit.gate, how)[:, c]
    drawn = heats(figures.draw_mix(u, gate, unit.gate[:, c], c, reaches(unit), i18n.texts(lang)))
    assert len(drawn) == (3 if how == "own" else 4)
    close(drawn[0] + drawn[1], drawn[2])
    if how in ("first", "second"):
        np.testing.assert_array_equal(drawn[2], u[int(how == "second")])
    close(drawn[-1], np.tensordot(unit.gate[:, c], u, 1))


@LANGS
@pytest.mark.parametrize(("chosen", "rows"), [("branches", 1), ("channels", 2)])
def test_both_axes_are_drawn_on_one_scale(build: Build, lang: str, chosen: str, rows: int) -> None:
    net, c = build("ours/sk"), 9
    unit = unit_of(net, traced(net))
    wrong = sk_unit.wrong_axis(unit.logits)
    figure = figures.draw_axis(unit.gate, wrong, unit.u[:, c], 0.03, c, chosen, reaches(unit), i18n.texts(lang))
    assert len(figure.panels) == 2 * rows and len(figure.scales) == 1
    for row, weights in enumerate((unit.gate, wrong)[:rows]):
        stacked = bars(figure, 2 * row)
        np.testing.assert_array_equal([bar.y for bar in stacked], weights)
        close(stacked[-1].bases + stacked[-1].y, weights.sum(0))
        close(heats(figure)[row], np.tensordot(weights[:, c], unit.u[:, c], 1))


@LANGS
def test_the_rest_is_drawn_as_computed(build: Build, lang: str) -> None:
    net, c, t = build("ours/sk"), 9, i18n.texts(lang)
    unit = unit_of(net, traced(net))
    kernels = figures.draw_kernels([k.spread(c) for k in unit.kernels], 9, c, t)
    assert [int(np.isfinite(each).sum()) for each in heats(kernels)] == [9, 9]
    assert len({each.shape for each in heats(kernels)}) == 1, "a pixel is as large in both"
    fuse = figures.draw_fuse(unit.fused[c], unit.z, unit.h, c, t)
    (rest, pinned), (z,) = bars(fuse, 1), bars(fuse, 2)
    np.testing.assert_array_equal(pinned.y, unit.z[[c]])
    np.testing.assert_array_equal(rest.y, np.delete(unit.z, c))
    np.testing.assert_array_equal(z.y, unit.h)
    shares = np.array([[0.7, 0.2], [0.1, 0.6]])
    scores = figures.draw_scores(("cat", "cup"), shares, ("right", "wrong"), t)
    np.testing.assert_array_equal([bars(scores, i)[0].x for i in (0, 1)], shares)
    assert "cat" in scores.title and "cup" in scores.title
    assert figures.draw_scores(("cat", "cup"), shares[[0, 0]], ("a", "b"), t).title != scores.title
    for figure in (kernels, fuse, scores):
        assert figure.alt and figure.table.rows


def test_equations_come_apart_for_a_narrow_page() -> None:
    first, *rest = formulas.apart(formulas.split([(3, 1), (3, 2)]))
    assert first == r"U_0=\delta(\mathrm{BN}(K_0*X))" and len(rest) == 5
    assert formulas.apart(formulas.compress(64, 32, (16, 32)))[1].startswith(r"d=\max")
    assert not any(mark in part for part in (first, *rest) for mark in ("&", "aligned", r"\quad", "6pt"))
    assert formulas.apart(r"z_{1}=0.5") == [r"z_{1}=0.5"]
