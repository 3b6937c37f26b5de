"""The step-by-step arithmetic agrees with every network, and says so only where it does."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from timm.layers import EcaModule, SEModule
from torch import Tensor, nn

from senet_viz.errors import NoGateFound
from senet_viz.networks.blocks import SEBlock
from senet_viz.stats import h_sigmoid, sigmoid, softmax
from senet_viz.tap import hooks, layouts
from senet_viz.tap.edits import apply
from senet_viz.tap.layouts import places
from senet_viz.tap.replay import (
    GATE_FUNCTIONS,
    TOLERANCE,
    difference,
    fc_against_conv,
    gate_function,
    pooled,
    replay,
    rounding,
)
from senet_viz.types import BlockTrace, Edit
from tests.conftest import GATED, Build, Traced
from tests.networks import pictures, stir

HIDDEN = {"se", "gc", "sk", "split"}
GATES = {"se": {"sigmoid", "h_sigmoid"}, "sk": {"softmax"}, "split": {"softmax", "sigmoid"}}

Small = tuple[Any, BlockTrace]


def quantities(kind: str) -> set[str]:
    return {"z", "logit", "gate", "out"} | ({"pre", "hidden"} if kind in HIDDEN else set())


# --- every network -------------------------------------------------------------------------------------------------


def test_every_step_of_every_block_agrees(traced: Traced) -> None:
    for block in traced.trace.blocks:
        again = replay(traced.module, block)
        assert set(again.differences) == quantities(block.kind), "a step that was not compared"
        assert again.holds, (block.name, again.differences, again.limits)
        assert again.limits.keys() == again.differences.keys()
        assert (
            min(again.limits.values()) == TOLERANCE
            and again.limits["gate"] == again.limits["hidden" if again.hidden is not None else "out"] == TOLERANCE
        )
        assert max(again.limits.values()) <= (2e-4 if again.squeeze == "attention" else 1e-4), (
            "a limit that lets all pass"
        )
        assert again.weakest in again.differences
        assert again.gate_fn in GATES.get(block.kind, {"sigmoid", "h_sigmoid"})


def test_shapes_are_those_of_the_trace(traced: Traced) -> None:
    for block in traced.trace.blocks:
        again = replay(traced.module, block)
        m, c = block.gate.shape
        assert again.logit.shape == again.gate.shape == (m, c)
        assert again.z is not None and again.z.shape == (c,) and again.z.dtype == np.float64
        if block.pre is not None:
            r = len(block.pre)
            assert again.w1 is not None and again.w1.shape == (r, c)
            assert again.w2 is not None and again.w2.shape == (m * c, r)
            assert again.pre is not None and again.hidden is not None
            assert again.pre.shape == again.hidden.shape == (r,)
        else:
            assert again.w1 is None and again.pre is None and again.hidden is None and again.act == ""
            assert (again.w2 is None) == (block.kind == "eca")


def test_without_u_there_is_no_z_to_compare(traced: Traced) -> None:
    block = hooks.run(traced.module, traced.x[:1]).blocks[0]
    again = replay(traced.module, block)
    assert again.z is None
    assert set(again.differences) == quantities(block.kind) - {"z", "out"}
    assert again.holds


def test_an_edited_gate_is_the_gate_function_and_the_edit(traced: Traced) -> None:
    first, last = traced.trace.blocks[0].name, traced.trace.blocks[-1].name
    edits = (Edit(first, "mute", (0, 1)), Edit(last, "scale", (), 0.5))
    trace = hooks.run(traced.module, traced.x[:1], edits, (first, last))
    for name, edit in zip((first, last), edits, strict=True):
        if first == last:  # a network with one gate: both edits are of it
            continue
        block = trace.block(name)
        again = replay(traced.module, block, (edit,))
        assert set(again.differences) == quantities(block.kind)
        assert again.holds, again.differences
        edited = apply(edit, torch.from_numpy(replay(traced.module, block).gate).float())
        assert (edited - block.gate).abs().max() <= TOLERANCE
        assert not replay(traced.module, block).holds, "an edit that shows nowhere"


@pytest.mark.parametrize("op", ["max_squeeze", "dead", "h_sigmoid", "late_relu"])
def test_what_is_changed_before_the_gate_is_done_again_in_the_same_place(traced: Traced, op: str) -> None:
    block = traced.trace.blocks[-1]
    edit = Edit(block.name, op)
    if op == "dead" and block.hidden is None:
        with pytest.raises(ValueError, match="no hidden layer"):
            hooks.run(traced.module, traced.x[:1], (edit,))
        return
    found = hooks.run(traced.module, traced.x[:1], (edit,), (block.name,)).block(block.name)
    again = replay(traced.module, found, (edit,))
    assert again.holds, (again.differences, again.limits)
    assert found.residue is not None and found.residue <= TOLERANCE * max(1.0, float(found.out.abs().max()))
    if op == "max_squeeze":
        assert found.u is not None and found.z is not None
        assert (found.z - found.u.sum(0).amax((1, 2))).abs().max() <= TOLERANCE * found.z.abs().max()
        assert again.squeeze == "max" and "z" in again.differences
    assert not torch.equal(found.gate, block.gate) or not replay(traced.module, block).holds or op != "dead"


# --- the badge goes red --------------------------------------------------------------------------------------------

BLOCK = {"se": "layer2.0.se", "se_h": "layer2.0.se", "sk": "layer2.0.conv2"}


@pytest.fixture(params=BLOCK)
def small(request: pytest.FixtureRequest, build: Build) -> Small:
    """A network of one's own and one block of it, traced with u."""
    net, name = deepcopy(build(f"ours/{request.param}")), BLOCK[request.param]
    return net, hooks.run(net, pictures(1), keep_u=(name,)).block(name)


def wrong(net: nn.Module, block: BlockTrace) -> set[str]:
    """The quantities that disagree; the badge must be red exactly where there are any."""
    again = replay(net, block)
    bad = {name for name, value in again.differences.items() if not value <= again.limits[name]}
    assert again.holds == (not bad) and (again.weakest in bad or not bad)
    return bad


def nudge(parameter: object, by: float = 1e-2) -> None:
    assert isinstance(parameter, Tensor)
    parameter.data.view(-1)[0] += by


def test_it_is_green_before_anything_is_wrong(small: Small) -> None:
    assert wrong(*small) == set()


def test_a_weight_of_the_first_layer_that_changed_is_seen(small: Small) -> None:
    net, block = small
    layer = net.get_submodule(block.name).fc1
    layer.weight.data += 0.05
    assert wrong(net, block) == {"pre"}, "the step that is wrong, and no other"


def test_a_single_weight_of_the_last_layer_that_changed_is_seen(small: Small) -> None:
    net, block = small
    assert block.hidden is not None
    alive = int(block.hidden.argmax())
    nudge(net.get_submodule(block.name).fc2.weight.data[:, alive])
    assert wrong(net, block) == {"logit"}


def test_another_gate_function_is_seen(small: Small) -> None:
    net, block = small
    net.get_submodule(block.name).gate = nn.Tanh()
    assert wrong(net, block) == {"gate"}


def test_another_activation_is_seen(small: Small) -> None:
    net, block = small
    net.get_submodule(block.name).act = nn.SiLU()
    assert wrong(net, block) == {"hidden"}


@pytest.mark.parametrize("what", ["running_mean", "running_var", "weight", "bias"])
def test_a_norm_that_changed_is_seen(what: str, build: Build) -> None:
    net = deepcopy(build("ours/se_h"))
    block = hooks.run(net, pictures(1), keep_u=(BLOCK["se_h"],)).block(BLOCK["se_h"])
    nudge(getattr(net.get_submodule(block.name).bn, what), 0.1)
    assert wrong(net, block) == {"pre"}


@pytest.mark.parametrize("quantity", ["u", "z", "pre", "hidden", "logit", "gate"])
def test_a_number_that_is_not_the_models_is_seen(quantity: str, small: Small) -> None:
    net, block = small
    value = getattr(block, quantity).clone()
    value.view(-1)[-1] += 0.5
    assert wrong(net, replace(block, **{quantity: value})) & {quantity, "z", "pre", "logit", "gate"}


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
@pytest.mark.parametrize("quantity", ["u", "z", "pre", "hidden", "logit", "gate"])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_not_a_number_is_never_green(quantity: str, value: float, small: Small) -> None:
    net, block = small
    broken = getattr(block, quantity).clone()
    broken.view(-1)[-1] = value
    assert wrong(net, replace(block, **{quantity: broken}))


@pytest.mark.parametrize("residue", [0.5, math.nan])
def test_a_block_that_gives_something_else_than_the_gated_sum_is_seen(residue: float, small: Small) -> None:
    net, block = small
    assert wrong(net, replace(block, residue=residue)) == {"out"}


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_a_network_that_computes_nonsense_is_never_green(small: Small) -> None:
    net, block = small
    net.get_submodule(block.name).fc2.weight.data.view(-1)[0] = math.nan
    again = replay(net, hooks.run(net, pictures(1), keep_u=(block.name,)).block(block.name))
    assert math.isnan(again.worst)
    assert not again.holds


def test_a_block_that_does_more_than_its_children_say_is_seen() -> None:
    class Doubled(SEModule):
        """SEModule's children, but twice its output."""

        def forward(self, x: Tensor) -> Tensor:
            return 2 * super().forward(x)

    Doubled.__name__ = "SEModule"
    net = nn.Sequential(Doubled(3, rd_channels=2), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    block = hooks.run(net, pictures(1), keep_u=("0",)).blocks[0]
    assert wrong(net, block) == {"out"}


# --- planted in every network ---------------------------------------------------------------------------------------


@contextmanager
def without(parameter: object) -> Iterator[None]:
    """That bias, scale or mean is 0 meanwhile."""
    assert isinstance(parameter, Tensor)
    kept = parameter.data.clone()
    parameter.data.zero_()
    try:
        yield
    finally:
        parameter.data.copy_(kept)


def test_a_bias_left_out_is_seen(traced: Traced) -> None:
    found = {place.name: place for place in places(traced.module)}
    for block in traced.trace.blocks:
        for layer, quantity in ((found[block.name].w1, "pre"), (found[block.name].w2, "logit")):
            bias = getattr(layer, "bias", None)
            if bias is not None and float(bias.abs().max()) > 1e-3:
                with without(bias):
                    assert wrong(traced.module, block) == {quantity}, block.name


def test_a_batch_norm_left_out_is_seen(traced: Traced) -> None:
    found = {place.name: place for place in places(traced.module)}
    for block in traced.trace.blocks:
        norm = layouts.child(found[block.name].module, found[block.name].layout.norm)
        if isinstance(norm, nn.BatchNorm2d) and found[block.name].layout.norm:
            for part in (norm.bias, norm.running_mean):
                with without(part):
                    assert wrong(traced.module, block) == {"pre"}, block.name


def test_another_pictures_numbers_are_seen(traced: Traced) -> None:
    other = hooks.run(traced.module, traced.x[1:])
    for block in traced.trace.blocks:
        theirs = other.block(block.name)
        first = "pre" if block.pre is not None else "logit"
        assert wrong(traced.module, replace(block, z=theirs.z)) == {"z", first}, block.name
        assert wrong(traced.module, replace(block, logit=theirs.logit)) == {"logit", "gate"}, block.name


@pytest.mark.parametrize("op", ["sigmoid", "h_sigmoid", "channel_softmax", "max_squeeze"])
def test_another_function_is_seen(traced: Traced, op: str) -> None:
    """The model does something else than its modules say: what an edit changes, replayed as if there were none."""
    block = traced.trace.blocks[-1]
    own = gate_function(next(place for place in places(traced.module) if place.name == block.name))
    if op == own or (op == "max_squeeze" and replay(traced.module, block).squeeze == "max"):
        return
    found = hooks.run(traced.module, traced.x[:1], (Edit(block.name, op),), (block.name,)).block(block.name)
    assert wrong(traced.module, found) == {"z" if op == "max_squeeze" else "gate"}


# --- limits follow from float32 ------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1e2, 1e4, 1e6])
def test_where_terms_cancel_the_limit_is_what_float32_allows(size: float) -> None:
    """Pairs of weights of ±size leave logits near 1: float32 has lost the digits in between, a wrong bias is seen.

    What that does to a logit is no error of the gate function: each step answers for itself.
    """
    torch.manual_seed(0)
    block = SEBlock(64, 1, bias=True)
    half = torch.randn(64, 32) * size
    block.fc1.weight.data.abs_()
    block.fc1.weight.data[32:] = block.fc1.weight.data[:32]
    block.fc1.bias.data[:] = 1.0
    block.fc2.weight.data = torch.cat((half, -half + torch.randn(64, 32) / 64), 1)
    net, seen = hosted(block, 64, stirred=False)
    again = replay(net, seen)
    assert again.holds, (again.differences, again.limits)
    assert TOLERANCE <= again.limits["logit"] <= 1e-4 * size and again.differences["gate"] <= 1e-6
    if size >= 1e4:
        assert again.differences["logit"] > TOLERANCE, "so much it was"
        assert np.abs(sigmoid(again.logit) - seen.gate.numpy()).max() > TOLERANCE, "and so much carried on"
    with without(block.fc2.bias):
        block.fc2.bias.data[:] = 100 * again.limits["logit"] * max(1.0, float(seen.logit.abs().max()))  # type: ignore[union-attr]
        assert wrong(net, seen) == {"logit"}


def test_rounding_covers_float32_sums_in_any_order() -> None:
    """In sequence, in lanes, by halves: sums of float32 products stay within what is allowed, and are not far below."""
    rng, used = np.random.default_rng(0), 0.0
    for n in (1, 2, 7, 64, 512, 4096):
        for shift in (0.0, 1.0, 30.0):
            a, b = ((rng.normal(shift, 1, (400, n))).astype(np.float32) for _ in range(2))
            exact = a.astype(np.float64) * b
            allowed = rounding(n, exact.sum(1), (exact**2).sum(1))
            in_sequence = (a * b).cumsum(1, dtype=np.float32)[:, -1]
            products = np.pad(a * b, ((0, 0), (0, -n % 8))).reshape(400, -1, 8)
            in_lanes = products.cumsum(1, dtype=np.float32)[:, -1].sum(1, dtype=np.float32)
            by_torch = (torch.from_numpy(a)[:, None] @ torch.from_numpy(b)[:, :, None]).flatten().numpy()
            for found in (in_sequence, in_lanes, by_torch):
                share = np.abs(found - exact.sum(1)) / allowed
                assert share.max() <= 1, (n, shift)
                used = max(used, float(share.max()))
    assert used > 0.1, "a bound that is never near is none"


CAPABILITIES = ("default", "avx2")
SOME = ("timm/efficientnet_b0", "timm/gc_efficientnetv2_rw_t", "models/mobilenet_v3_small", "ours/sk")


@pytest.mark.parametrize("capability", CAPABILITIES)
@pytest.mark.parametrize("names", [SOME, pytest.param(GATED, marks=pytest.mark.slow)], ids=["some", "all"])
def test_it_holds_on_other_processors(capability: str, names: tuple[str, ...]) -> None:
    """Torch's kernels for processors without AVX-512, and without AVX2, where this one has them."""
    script = (
        "import sys, torch; torch.set_num_threads(1)\n"
        "from senet_viz.tap import hooks, layouts, replay\n"
        "from tests.networks import pictures, side, stirred\n"
        "print(torch.backends.cpu.get_cpu_capability())\n"
        "for name in sys.argv[1:]:\n"
        "    net = stirred(name)\n"
        "    every = [ref.name for ref in layouts.find(net)]\n"
        "    for block in hooks.run(net, pictures(2, seed=2, size=side(name))[:1], keep_u=every).blocks:\n"
        "        again = replay.replay(net, block)\n"
        "        assert again.holds, (name, block.name, again.differences, again.limits)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *names],
        env=os.environ | {"ATEN_CPU_CAPABILITY": capability},
        cwd=Path(__file__).resolve().parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    if capability == "default":  # a processor may lack the other
        assert done.stdout.split() == ["DEFAULT"]


def test_an_unknown_block_is_refused(small: Small) -> None:
    net, block = small
    with pytest.raises(NoGateFound, match="layer9"):
        replay(net, replace(block, name="layer9.se"))


# --- ways to squeeze and to gate -----------------------------------------------------------------------------------


def hosted(block: nn.Module, channels: int = 16, stirred: bool = True) -> Small:
    net = nn.Sequential(nn.Conv2d(3, channels, 3), block, nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval()
    net = stir(net) if stirred else net.requires_grad_(False)
    return net, hooks.run(net, pictures(1, size=20), keep_u=("1",)).blocks[0]


def test_how_a_block_squeezes_is_told(build: Build) -> None:
    ways = {
        "avg": SEBlock(16, 4),
        "max": SEBlock(16, 4, squeeze="max"),
        "avg_max": SEModule(16, rd_channels=4, add_maxpool=True),
    }
    for way, block in ways.items():
        again = replay(*hosted(block))
        assert again.squeeze == way and again.holds
    net = build("timm/gc_efficientnetv2_rw_t")
    name = layouts.find(net)[0].name
    again = replay(net, hooks.run(net, pictures(1), keep_u=(name,)).block(name))
    assert again.squeeze == "attention" and again.holds


@pytest.mark.parametrize("gate", ["sigmoid", "h_sigmoid", "tanh", "relu"])
def test_every_gate_of_ours_is_recomputed(gate: str) -> None:
    net, block = hosted(SEBlock(16, 4, gate=gate))
    again = replay(net, block)
    assert again.gate_fn == {"tanh": "Tanh", "relu": "ReLU"}.get(gate, gate)
    assert "gate" in again.differences and again.holds


def test_gate_functions_are_told_by_the_module_that_computes_them() -> None:
    for part, name in ((nn.Hardsigmoid(), "h_sigmoid"), (nn.Sigmoid(), "sigmoid"), (nn.Softplus(), "Softplus")):
        block = SEBlock(4, 2)
        block.gate = part
        assert gate_function(places(nn.Sequential(block))[0]) == name


# --- the functions -------------------------------------------------------------------------------------------------

X = np.linspace(-12, 12, 4801)


def test_gate_functions_are_torchs() -> None:
    x = torch.from_numpy(X)
    assert np.abs(sigmoid(X) - torch.sigmoid(x).numpy()).max() <= 1e-15
    assert np.abs(h_sigmoid(X) - F.hardsigmoid(x).numpy()).max() <= 1e-15
    for m in (2, 3):
        s = np.random.default_rng(0).normal(0, 30, (m, 40))
        assert np.abs(softmax(s) - torch.softmax(torch.from_numpy(s), 0).numpy()).max() <= 1e-15
    assert list(GATE_FUNCTIONS.values()) == [sigmoid, h_sigmoid, softmax]


def test_gate_functions_take_any_shape() -> None:
    s = np.random.default_rng(1).normal(0, 3, (2, 5, 4))
    for function in GATE_FUNCTIONS.values():
        assert function(s).shape == s.shape
    assert np.allclose(softmax(s).sum(0), 1)
    assert softmax(np.array([[1000.0], [-1000.0]])).tolist() == [[1.0], [0.0]]


@pytest.mark.parametrize("kind", ["avg", "max"])
@pytest.mark.parametrize("size", [1, 7, (5, 7), (None, 7)])
def test_pooling_to_a_size_is_torchs(size: int | tuple[int | None, int | None], kind: str) -> None:
    u = torch.randn(4, 11, 13, generator=torch.Generator().manual_seed(0))
    h, w = size if isinstance(size, tuple) else (size, size)
    ours = pooled(u.numpy(), size, kind)
    assert ours.shape == (4, h or 11, w or 13)
    for i in range(ours.shape[1]):  # each cell is what torch's rule says: rows floor(i*H/h) to ceil((i+1)*H/h)
        rows = slice(i * 11 // ours.shape[1], -(-(i + 1) * 11 // ours.shape[1]))
        for j in range(ours.shape[2]):
            cell = u[:, rows, j * 13 // ours.shape[2] : -(-(j + 1) * 13 // ours.shape[2])]
            expected = cell.mean((1, 2)) if kind == "avg" else cell.amax((1, 2))
            assert np.abs(ours[:, i, j] - expected.numpy()).max() <= 1e-6


def test_pooling_to_one_is_the_squeeze(traced: Traced) -> None:
    block = traced.trace.blocks[0]
    assert block.u is not None and block.z is not None
    if block.kind != "gc":
        assert difference(pooled(block.u.sum(0).numpy(), 1)[:, 0, 0], block.z.numpy()) <= TOLERANCE


def test_fc_and_1x1_convolution_give_the_same_numbers(traced: Traced) -> None:
    for block in traced.trace.blocks:
        assert block.logit is not None
        gap = fc_against_conv(traced.module, block)
        grouped = any(getattr(p.w2, "groups", 1) > 1 for p in places(traced.module) if p.name == block.name)
        if block.kind == "eca" or grouped:
            assert math.isnan(gap)
        elif block.hidden is not None:
            assert gap <= TOLERANCE * max(1.0, float(block.logit.abs().max()))


def test_fc_against_conv_is_not_said_where_there_is_no_such_layer() -> None:
    assert math.isnan(fc_against_conv(*hosted(EcaModule(16))))
    assert fc_against_conv(*hosted(SEBlock(16, 4))) <= 1e-6


def test_difference_is_relative_to_what_exceeds_one() -> None:
    assert difference(np.array([0.1, 0.2]), np.array([0.1, 0.3])) == pytest.approx(0.1)
    assert difference(np.array([100.0, 50.0]), np.array([100.0, 49.0])) == pytest.approx(0.01)
    assert math.isnan(difference(np.array([math.nan]), np.array([math.nan])))
