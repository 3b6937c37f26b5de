"""Each operation does what its name says, to the channels meant, and nothing to the gate it was given."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from senet_viz.errors import EditRefused
from senet_viz.tap import hooks as tap
from senet_viz.tap import layouts
from senet_viz.tap.edits import (
    GIVEN_OPS,
    HIDDEN_OPS,
    LARGEST,
    LOGIT_OPS,
    MAY_HAVE_VALUE,
    NAMES,
    NEEDS_VALUE,
    OPS,
    SQUEEZE_OPS,
    WHOLE,
    apply,
    parse,
    stage,
    written,
)
from senet_viz.types import Edit
from tests.conftest import Build, Traced, hooks
from tests.networks import pictures

SOME = (1, 4)
VALUE = {"scale": 0.5, "fill": 0.25, "branch": 1.0, "clamp": 0.3, "threshold": 0.4, "top": 1.0, "shuffle": 3.0}


def shares(*shape: int) -> Tensor:
    """A gate (..., M, C) whose branches share every channel."""
    return torch.softmax(torch.randn(shape, generator=torch.Generator().manual_seed(3)), dim=-2)


def edit(op: str, channels: tuple[int, ...] = (), value: float | None = None) -> Edit:
    return Edit("block", op, channels, VALUE.get(op) if value is None else value)


def expected(op: str, gate: Tensor, channels: tuple[int, ...]) -> Tensor:
    """What the operation means, written with loops."""
    rows, (m_all, c_all) = gate.reshape(-1, *gate.shape[-2:]).clone(), gate.shape[-2:]
    meant = set(channels or range(c_all))
    order = list(range(c_all))
    mixed = torch.randperm(len(meant), generator=torch.Generator().manual_seed(3)).tolist()
    for at, source in zip(sorted(meant), mixed, strict=True):
        order[at] = sorted(meant)[source]
    for row, old in zip(rows, gate.reshape(-1, m_all, c_all), strict=True):
        for m in range(m_all):
            for c in range(c_all):
                new = {
                    "keep": old[m, c],
                    "mute": 0.0,
                    "solo": old[m, c],
                    "scale": old[m, c] * 0.5,
                    "fill": 0.25,
                    "ones": 1.0,
                    "equal": 1 / m_all,
                    "swap": old[m_all - 1 - m, c],
                    "branch": float(m == 1),
                    "clamp": min(float(old[m, c]), torch.tensor(0.3).item()),
                    "threshold": float(old[m, c]) if float(old[m, c]) >= 0.4 else 0.0,
                    "top": float(old[m, c]) if old[m, c] == max(old[m, k] for k in meant) else 0.0,
                    "shuffle": float(old[m, order[c]]),
                }[op]
                row[m, c] = new if c in meant else 0.0 if op == "solo" else old[m, c]
    return rows.reshape(gate.shape)


@pytest.mark.parametrize("shape", [(2, 6), (4, 2, 6), (3, 3, 6), (1, 2, 6)])
@pytest.mark.parametrize("channels", [(), SOME, (5,)])
@pytest.mark.parametrize("op", OPS)
def test_each_operation_does_what_it_says_and_is_pure(
    op: str, channels: tuple[int, ...], shape: tuple[int, ...]
) -> None:
    gate = shares(*shape)
    before = gate.clone()
    after = apply(edit(op, channels), gate)
    assert after.shape == gate.shape and after.dtype == gate.dtype
    assert torch.equal(after, expected(op, before, channels))
    assert torch.equal(gate, before)


@pytest.mark.parametrize("op", sorted(set(OPS) - {"branch"}))
def test_each_operation_works_on_the_one_branch_of_se(op: str) -> None:
    gate = torch.rand(1, 6, generator=torch.Generator().manual_seed(4))
    assert torch.equal(apply(edit(op, SOME), gate), expected(op, gate, SOME))


@pytest.mark.parametrize("op", OPS)
def test_each_operation_keeps_the_precision(op: str) -> None:
    for dtype in (torch.float64, torch.bfloat16):
        assert apply(edit(op, SOME), shares(2, 6).to(dtype)).dtype == dtype


@pytest.mark.parametrize("channels", [(), SOME])
@pytest.mark.parametrize("op", ["keep", "equal", "swap", "branch"])
@pytest.mark.parametrize("branches", [2, 3])
def test_what_only_moves_weight_between_branches_keeps_the_sum(
    op: str, channels: tuple[int, ...], branches: int
) -> None:
    after = apply(edit(op, channels), shares(4, branches, 6))
    assert (after.sum(-2) - 1).abs().max() <= 1e-6


def test_each_branch_can_be_forced() -> None:
    for m in range(3):
        after = apply(edit("branch", SOME, float(m)), shares(3, 6))
        assert after[:, SOME].argmax(0).tolist() == [m, m]
        assert after[m, SOME].tolist() == [1, 1]


def test_swapping_twice_is_keeping() -> None:
    gate = shares(4, 3, 6)
    assert torch.equal(apply(edit("swap"), apply(edit("swap"), gate)), gate)


# --- another gate function -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("channels", [(), SOME])
@pytest.mark.parametrize("shape", [(2, 6), (4, 2, 6), (3, 3, 6), (1, 6)])
def test_the_wrong_axis_shares_among_the_channels_of_a_branch(
    shape: tuple[int, ...], channels: tuple[int, ...]
) -> None:
    logits = torch.randn(shape, generator=torch.Generator().manual_seed(8)) * 3
    gate = torch.softmax(logits, -2)
    before = gate.clone()
    after = apply(Edit("block", "channel_softmax", channels), gate, logits)
    rows = logits.double().exp()
    wrong = (rows / rows.sum(-1, keepdim=True)).float()
    meant = list(channels or range(6))
    rest = [c for c in range(6) if c not in meant]
    assert (after[..., meant] - wrong[..., meant]).abs().max() <= 1e-6
    assert torch.equal(after[..., rest], before[..., rest]) and torch.equal(gate, before)
    if not channels:
        assert (after.sum(-1) - 1).abs().max() <= 1e-6
        assert shape[-2] == 1 or (after.sum(-2) - 1).abs().max() > 0.1


@pytest.mark.parametrize("channels", [(), SOME])
@pytest.mark.parametrize(
    ("op", "function"),
    [
        ("sigmoid", lambda s: 1 / (1 + (-s).exp())),
        ("h_sigmoid", lambda s: (s + 3).clamp(0, 6) / 6),
        ("late_relu", lambda s: 1 / (1 + (-s.clamp(min=0)).exp())),
    ],
)
def test_another_gate_function_is_taken_of_the_logits(op: str, function: Any, channels: tuple[int, ...]) -> None:
    logits = torch.randn(4, 1, 6, generator=torch.Generator().manual_seed(8)) * 3
    gate = torch.rand(4, 1, 6, generator=torch.Generator().manual_seed(9))
    after, meant = apply(Edit("block", op, channels), gate, logits), list(channels or range(6))
    assert (after[..., meant] - function(logits.double()).float()[..., meant]).abs().max() <= 1e-6
    rest = [c for c in range(6) if c not in meant]
    assert torch.equal(after[..., rest], gate[..., rest])
    assert op != "late_relu" or float(after[..., meant].min()) >= 0.5


@pytest.mark.parametrize("op", GIVEN_OPS)
def test_gates_that_come_from_elsewhere(op: str) -> None:
    gate, other = shares(3, 2, 6), shares(2, 6).flip(-1)
    given = tuple(map(tuple, other.tolist()))
    assert torch.equal(apply(Edit("b", op, (), gates=given), gate), other.expand(3, 2, 6))
    after = apply(Edit("b", op, SOME, gates=given), gate)
    assert torch.equal(after[..., SOME], other[..., SOME].expand(3, 2, 2)) and torch.equal(after[..., 0], gate[..., 0])
    for wrong in ((), given[:1], tuple(row[:5] for row in given)):
        with pytest.raises(ValueError, match=f"b has gates .2, 6.; {op} brings"):
            apply(Edit("b", op, gates=wrong), gate)


def test_what_comes_first_in_a_block_is_changed_first() -> None:
    first = [Edit("b", op) for op in ("max_squeeze", "dead", "h_sigmoid", "mute")]
    assert [stage(each) for each in first] == [0, 1, 2, 3]
    gate = shares(1, 6)
    for op in (*SQUEEZE_OPS, *HIDDEN_OPS):  # they have changed what the gate was made of
        assert apply(Edit("b", op), gate) is gate


@pytest.mark.parametrize("op", LOGIT_OPS)
def test_another_gate_function_needs_the_logits(op: str) -> None:
    with pytest.raises(ValueError, match="needs the logits"):
        apply(Edit("block", op), shares(2, 6))
    with pytest.raises(ValueError, match="block has channels 0 to 5"):
        apply(Edit("block", op, (6,)), shares(2, 6), shares(2, 6))


# --- as text -------------------------------------------------------------------------------------------------------

TEXTS = {
    "layer3.1.se:mute:17,42": Edit("layer3.1.se", "mute", (17, 42)),
    "layer3.1.se:scale:3=0.5": Edit("layer3.1.se", "scale", (3,), 0.5),
    "layer3.1.se:ones": Edit("layer3.1.se", "ones"),
    "se:fill=1e-05": Edit("se", "fill", (), 1e-5),
    "a.b_2.conv2:branch=1": Edit("a.b_2.conv2", "branch", (), 1.0),
    "se:shuffle=-3": Edit("se", "shuffle", (), -3.0),
    "se:channel_softmax:0": Edit("se", "channel_softmax", (0,)),
    "layer4.1.se:mean": Edit("layer4.1.se", "mean"),
    "layer4.1.se:photo:3@coffee": Edit("layer4.1.se", "photo", (3,), source="coffee"),
    "se:photo@my dog (1).jpg": Edit("se", "photo", source="my dog (1).jpg"),
    "se:max_squeeze": Edit("se", "max_squeeze"),
}


@pytest.mark.parametrize(("text", "meant"), TEXTS.items())
def test_text_is_an_edit_and_back(text: str, meant: Edit) -> None:
    assert parse(text) == parse(f"  {text}\n") == meant
    assert written(meant) == text


@pytest.mark.parametrize("op", [*OPS, *LOGIT_OPS])
def test_every_edit_comes_back_from_its_text(op: str) -> None:
    for channels in ((), (5,), (9, 2)):
        values = (0.0, 1.0, 10.0) if op in WHOLE else (0.1, 1 / 3, 10.0, -1e-22)
        for value in values if op in NEEDS_VALUE else (None,):
            meant = Edit("layer1.0.se", op, channels, value)
            assert parse(written(meant)) == meant
    assert op in MAY_HAVE_VALUE or parse(f"b:{op}").value is None


@pytest.mark.parametrize(
    "text",
    ["", "layer3.1.se", "se:", ":mute", "se:explode", "se:mute:", "se:mute:a", "se:mute:-1", "se:mute:1,,2", "se:scale",
     "se:scale:3", "se:mute:1=0.5", "se:fill=", "se:fill=nan", "se:fill=inf", "se:fill=1e999", "se:fill=--1",
     "se:photo", "se:photo@", "se:mute@coffee", "se:photo@a@b", "se:photo@a;b", "se:dead:3", "se:max_squeeze:1",
     "se:mute:9999999", "se:mute:1:2", "se:mute:\u0663", "s e:mute", "se:mute:" + "1," * 20_000 + "1"],
    ids=lambda text: text[:20],
)  # fmt: skip
def test_text_that_is_no_edit_is_refused_by_name(text: str) -> None:
    with pytest.raises(EditRefused) as caught:
        parse(text)
    assert caught.value.code == "edit" and len(str(caught.value.details["text"])) <= 80


NUMBERS = (
    "nan", "inf", "-inf", "1e300", "-1e300", "1e-300", "-1", "-0", "0", "0.5", "1", "999", "1001", "999999",
    "4294967296", "9" * 400, "1e999", "1e16", "1e3", "1_0", "0x1", "1e", "--1", "", "\u0661", "\uff11", "\u221e",
)  # fmt: skip


@pytest.mark.parametrize("op", NAMES)
def test_any_value_is_an_edit_or_refused_by_name(op: str) -> None:
    """As text, and as an edit that a program made; what is an edit can be done."""
    seen = set()
    for number in NUMBERS:
        for text in (f"block:{op}={number}", f"block:{op}:1={number}", f"block:{op}:{number}", f"block:{op}{number}"):
            try:
                found = parse(text)
            except EditRefused:
                continue
            assert parse(written(found)) == found
            seen.add(found)
        try:
            seen.add(Edit("block", op, (), float(number.replace("_", "x"))))
        except ValueError:
            continue
    done = 0
    for each in seen:
        if max(each.channels, default=0) < 6:
            gates = tuple(map(tuple, shares(2, 6).tolist())) if op in GIVEN_OPS else ()
            try:
                after = apply(replace(each, gates=gates), shares(2, 6), shares(2, 6))
            except ValueError:  # EditRefused, or a branch that this gate has not
                continue
            assert after.shape == (2, 6) and after.isfinite().all()
            done += 1
    assert done


@pytest.mark.parametrize(
    ("op", "value"),
    [("shuffle", 1e300), ("shuffle", 0.5), ("shuffle", math.nan), ("top", math.inf), ("top", -1.0), ("top", 2.5),
     ("branch", 0.5), ("branch", -1.0), ("scale", math.nan), ("scale", 1e300), ("fill", -math.inf), ("clamp", 1e4),
     ("threshold", math.nan)],
)  # fmt: skip
def test_a_value_that_an_operation_cannot_take_is_refused(op: str, value: float) -> None:
    with pytest.raises(EditRefused):
        apply(Edit("block", op, (), value), shares(2, 6))
    with pytest.raises(EditRefused):
        parse(f"block:{op}={value!r}")


def test_edits_that_blow_the_numbers_up_are_refused(build: Build) -> None:
    net = build("ours/se")
    blocks = [ref.name for ref in layouts.find(net)]
    x = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    with pytest.raises(EditRefused, match="float32"):
        tap.run(net, x, [Edit(name, "scale", (), LARGEST) for name in blocks for _ in range(6)])
    assert tap.run(net, x).logits.isfinite().all()


def test_shuffling_is_the_same_every_time_and_moves_gates() -> None:
    gate = shares(2, 64)
    once = apply(Edit("b", "shuffle"), gate)
    assert torch.equal(once, apply(Edit("b", "shuffle", (), 0.0), gate))
    assert not torch.equal(once, gate) and not torch.equal(once, apply(Edit("b", "shuffle", (), 1.0), gate))
    assert torch.equal(once.sort(-1).values, gate.sort(-1).values)
    assert (once.sum(-2) - 1).abs().max() <= 1e-6  # branches move together


def test_the_most_open_channels_stay() -> None:
    gate = torch.tensor([[0.1, 0.9, 0.5, 0.7]])
    assert torch.equal(apply(Edit("b", "top", (), 2.0), gate), torch.tensor([[0, 0.9, 0, 0.7]]))
    assert torch.equal(apply(Edit("b", "top", (0, 2), 1.0), gate), torch.tensor([[0, 0.9, 0.5, 0.7]]))
    assert torch.equal(apply(Edit("b", "top", (), 99.0), gate), gate)
    assert float(apply(Edit("b", "top", (), 0.0), gate).max()) == 0


# --- errors --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("channels", [(6,), (-1,), (0, 99)])
@pytest.mark.parametrize("op", OPS)
def test_a_channel_that_does_not_exist_is_refused(op: str, channels: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="block has channels 0 to 5"):
        apply(edit(op, channels), shares(2, 6))


def test_an_unknown_operation_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown operation 'explode'"):
        apply(edit("explode"), shares(2, 6))


@pytest.mark.parametrize("op", sorted(NEEDS_VALUE))
def test_a_missing_value_is_refused(op: str) -> None:
    with pytest.raises(ValueError, match="needs a value"):
        apply(Edit("block", op), shares(2, 6))


def test_a_branch_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="there are 2"):
        apply(Edit("block", "branch", (), 2.0), shares(2, 6))
    with pytest.raises(ValueError, match="there are 1"):
        apply(Edit("block", "branch", (), 1.0), shares(1, 6))


def test_edits_are_keys() -> None:
    assert len({edit("mute", SOME), edit("mute", SOME), edit("mute")}) == 2


# --- through a model -----------------------------------------------------------------------------------------------


@pytest.fixture
def x() -> Tensor:
    return pictures(1, seed=6)


@pytest.mark.parametrize("block", ["se", "se_h", "sk"])
def test_keeping_changes_no_bit(block: str, build: Build, x: Tensor) -> None:
    net = build(f"ours/{block}")
    before = tap.run(net, x)
    after = tap.run(net, x, edits=tuple(Edit(ref.name, "keep") for ref in layouts.find(net)))
    assert torch.equal(before.logits, after.logits)


def cut(net: Any, name: str) -> Any:
    """The same network with zeros in the place of one block."""

    class Nothing(nn.Module):
        def __init__(self, stride: int) -> None:
            super().__init__()
            self.stride = stride

        def forward(self, x: Tensor) -> Tensor:
            return torch.zeros_like(x[..., :: self.stride, :: self.stride])

    net = deepcopy(net)
    parent, _, last = name.rpartition(".")
    block = net.get_submodule(name)
    stride = block.branches[0][0].stride[0] if last == "conv2" else 1
    setattr(net.get_submodule(parent), last, Nothing(stride))
    return net


@pytest.mark.parametrize("block", ["se", "se_h", "sk"])
def test_giving_back_the_same_gates_changes_nothing(block: str, build: Build, x: Tensor) -> None:
    net = build(f"ours/{block}")
    before = tap.run(net, x)
    same = [Edit(b.name, "photo", gates=tuple(map(tuple, b.gate.tolist()))) for b in before.blocks]
    assert torch.equal(tap.run(net, x, same).logits, before.logits)
    function = {"se": "sigmoid", "se_h": "h_sigmoid"}.get(block)
    if function:
        again = tap.run(net, x, tuple(Edit(b.name, function) for b in before.blocks))
        assert (again.logits - before.logits).abs().max() <= 1e-5


def test_another_squeeze_is_the_network_that_has_it(build: Build, x: Tensor) -> None:
    net = build("ours/se")
    names = tuple(ref.name for ref in layouts.find(net))
    found = tap.run(net, x, tuple(Edit(name, "max_squeeze") for name in names))
    other = deepcopy(net)
    for name in names:
        other.get_submodule(name).pool = nn.AdaptiveMaxPool2d(1)
    with torch.inference_mode():
        logits = other(x)[0]
    assert (found.logits - logits).abs().max() <= 1e-5 < (logits - tap.run(net, x).logits).abs().max()


def test_a_dead_bottleneck_leaves_the_bias(build: Build, x: Tensor) -> None:
    """σ(b2) for every picture; a half where there is no bias: what learners see in a network that failed to train."""
    net, name = deepcopy(build("ours/se")), "layer3.0.se"
    gate = tap.run(net, x, (Edit(name, "dead"),)).block(name).gate[0]
    assert torch.equal(gate, torch.full_like(gate, 0.5))
    fc2 = net.get_submodule(name).fc2
    fc2.bias = nn.Parameter(torch.linspace(-2, 2, fc2.out_features))
    gate = tap.run(net, x, (Edit(name, "dead"),)).block(name).gate[0]
    assert (gate - torch.sigmoid(fc2.bias)).abs().max() <= 1e-6


def test_muting_stays_whatever_gate_function_comes(build: Build, x: Tensor) -> None:
    net, name = build("ours/se"), "layer3.0.se"
    gate = tap.run(net, x, (Edit(name, "mute", SOME), Edit(name, "h_sigmoid"))).block(name).gate[0]
    assert gate[list(SOME)].tolist() == [0, 0] and float(gate.max()) > 0


@pytest.mark.parametrize("block", ["se", "sk"])
def test_two_threads_that_edit_at_once_do_not_see_each_other(block: str, build: Build, x: Tensor) -> None:
    net = build(f"ours/{block}")
    names = [ref.name for ref in layouts.find(net)]
    before = tap.run(net, x).logits
    wanted = [(Edit(names[0], "mute"),), (Edit(names[-1], "ones"), Edit(names[1], "max_squeeze")), (), None]
    gates = torch.rand(3, *tap.run(net, x).blocks[2].gate.shape, generator=torch.Generator().manual_seed(1))

    def ask(edits: Any) -> Tensor:
        with torch.inference_mode():
            return tap.gated(net, x, names[2], gates) if edits is None else tap.run(net, x, edits).logits

    alone = [ask(edits) for edits in wanted]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(ask, wanted * 10))
    assert all(torch.equal(found, alone[k % 4]) for k, found in enumerate(together))
    with pytest.raises(ValueError, match="channels 0 to"):
        tap.run(net, x, (Edit(names[0], "mute", (9999,)),))
    assert torch.equal(tap.run(net, x).logits, before) and hooks(net) == 0


@pytest.mark.parametrize("block", ["se", "se_h", "sk"])
def test_muting_every_channel_is_cutting_the_branch(block: str, build: Build, x: Tensor) -> None:
    net = build(f"ours/{block}")
    before = tap.run(net, x).logits
    for ref in layouts.find(net):
        muted = tap.run(net, x, edits=(Edit(ref.name, "mute"),)).logits
        with torch.inference_mode():
            assert (muted - cut(net, ref.name)(x)[0]).abs().max() <= 1e-6, ref.name
        assert (muted - before).abs().max() > 1e-3, ref.name


def test_ones_is_the_network_without_gates(build: Build, x: Tensor) -> None:
    net = deepcopy(build("ours/se"))
    opened = tap.run(net, x, edits=tuple(Edit(ref.name, "ones") for ref in layouts.find(net))).logits
    for ref in layouts.find(net):
        parent, _, last = ref.name.rpartition(".")
        setattr(net.get_submodule(parent), last, nn.Identity())
    with torch.inference_mode():
        assert (opened - net(x)[0]).abs().max() <= 1e-5


def test_forcing_a_branch_is_the_network_with_that_kernel(build: Build, x: Tensor) -> None:
    net = build("ours/sk")
    for m in (0, 1):
        forced = tap.run(net, x, edits=tuple(Edit(ref.name, "branch", (), float(m)) for ref in layouts.find(net)))
        only = deepcopy(net)
        for ref in layouts.find(net):
            parent, _, last = ref.name.rpartition(".")
            setattr(only.get_submodule(parent), last, only.get_submodule(ref.name).branches[m])
        with torch.inference_mode():
            assert (forced.logits - only(x)[0]).abs().max() <= 1e-5


def test_the_wrong_axis_is_the_network_whose_softmax_has_it(build: Build, x: Tensor) -> None:
    net = build("ours/sk")
    refs = layouts.find(net)
    for names in (("layer3.1.conv2",), tuple(ref.name for ref in refs)):
        edited = tap.run(net, x, tuple(Edit(name, "channel_softmax") for name in names), names)
        wrong = deepcopy(net)
        for name in names:
            wrong.get_submodule(name).gate = nn.Softmax(dim=2)  # (B, M, C, 1, 1)
        with torch.inference_mode():
            logits = wrong(x)[0]
        assert (edited.logits - logits).abs().max() <= 1e-5 < (logits - tap.run(net, x).logits).abs().max()
        for name in names:
            assert (edited.block(name).gate.sum(1) - 1).abs().max() <= 1e-5


def test_muting_one_channel_is_zeroing_what_reads_it(build: Build, x: Tensor) -> None:
    """In SK the gated channels go into the last 1x1 convolution: without its weights for one, that one is muted."""
    net, channel = deepcopy(build("ours/sk")), 5
    edits = (Edit("layer2.1.conv2", "mute", (channel,)),)
    muted = tap.run(net, x, edits).logits
    assert not torch.equal(muted, tap.run(net, x).logits)
    net.get_parameter("layer2.1.conv3.0.weight").data[:, channel] = 0
    assert (muted - tap.run(net, x).logits).abs().max() <= 1e-5


def test_edits_apply_in_their_order(build: Build, x: Tensor) -> None:
    net, name = build("ours/se"), "layer3.0.se"
    fill, scale = Edit(name, "fill", SOME, 0.5), Edit(name, "scale", SOME, 0.5)
    assert tap.run(net, x, (fill, scale)).block(name).gate[0, SOME].tolist() == [0.25, 0.25]
    assert tap.run(net, x, (scale, fill)).block(name).gate[0, SOME].tolist() == [0.5, 0.5]


def test_every_picture_of_a_batch_is_edited(build: Build) -> None:
    net = build("ours/sk")
    name = layouts.find(net)[0].name
    plain = tap.run_batch(net, pictures(3))
    edited = tap.run_batch(net, pictures(3), (Edit(name, "swap", SOME),))
    for a, b in zip(plain, edited, strict=True):
        assert torch.equal(b.block(name).gate, apply(Edit(name, "swap", SOME), a.block(name).gate))
        s, same = a.block(name).logit, b.block(name).logit
        assert s is not None and same is not None and torch.equal(s, same)
    assert not torch.equal(plain[0].block(name).gate, plain[1].block(name).gate)


def test_an_edit_reaches_the_right_channel_in_every_network(traced: Traced) -> None:
    """The block's own output is what the edited gate says: a wrong order of branches or channels would show."""
    block = traced.trace.blocks[-1]
    edits: tuple[Edit, ...] = (Edit(block.name, "mute", (0, 3)), Edit(block.name, "scale", (1,), 0.5))
    if block.branches > 1:
        edits += (Edit(block.name, "swap", (2,)),)
    after = tap.run(traced.module, traced.x[:1], edits, (block.name,)).block(block.name)
    expected_gate = block.gate
    for each in edits:
        expected_gate = apply(each, expected_gate)
    assert torch.equal(after.gate, expected_gate)
    assert after.residue is not None and after.residue <= 1e-5 * max(1.0, float(after.out.abs().max()))
    assert float(after.out[[0, 3]].abs().max()) == 0
