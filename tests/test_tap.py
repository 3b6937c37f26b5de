"""The tap shows what the network computes, changes only what it was asked to change, and leaves nothing behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import fields
from threading import Barrier, Event, Thread
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from senet_viz.errors import NoGateFound
from senet_viz.models import catalogue
from senet_viz.networks.blocks import SEBlock
from senet_viz.networks.tiny import TinyNet
from senet_viz.tap import hooks as tap
from senet_viz.tap import layouts, sharing
from senet_viz.tap.replay import difference
from senet_viz.types import BlockTrace, Edit, Trace
from tests import truth
from tests.conftest import Build, Traced, hooks
from tests.networks import pictures, stir

TOLERANCE = 1e-5


@pytest.fixture(params=["se", "se_h", "sk"])
def net(request: pytest.FixtureRequest, build: Build) -> Any:
    """A small network of one's own: change it freely."""
    return deepcopy(build(f"ours/{request.param}"))


@pytest.fixture
def x() -> Tensor:
    return pictures(1)


def bare(module: nn.Module, x: Tensor) -> Tensor:
    with torch.inference_mode():
        return module(x)


def apart(a: Tensor, b: Tensor) -> float:
    """max |a - b|, relative to the larger of 1 and max |b|."""
    return difference(a.double().numpy(), b.double().numpy())


# --- every network -------------------------------------------------------------------------------------------------


def test_out_is_the_gated_sum_that_the_block_itself_computes(traced: Traced) -> None:
    for block in traced.trace.blocks:
        assert block.u is not None and block.residue is not None
        assert block.out.shape == block.u.shape[1:]
        assert block.u.shape[:2] == block.gate.shape
        assert block.residue <= TOLERANCE * max(1.0, float(block.out.abs().max())), block.name


def test_z_is_the_squeeze_of_the_sum(traced: Traced) -> None:
    for block in traced.trace.blocks:
        assert block.u is not None and block.z is not None
        if block.kind != "gc":  # global context squeezes with attention: see test_replay
            assert apart(block.z, block.u.sum(0).mean((1, 2))) <= TOLERANCE, block.name


def test_gates_are_shares(traced: Traced) -> None:
    for block in traced.trace.blocks:
        assert 0 <= float(block.gate.min()) <= float(block.gate.max()) <= 1
        if block.branches > 1:
            assert (block.gate.sum(0) - 1).abs().max() <= 1e-6, block.name
        assert (block.branches > 1) <= (block.kind in ("sk", "split"))


def test_shapes_are_those_of_the_types(traced: Traced) -> None:
    for block in traced.trace.blocks:
        assert block.logit is not None and block.logit.shape == block.gate.shape == (block.branches, block.channels)
        assert block.z is not None and block.z.shape == (block.channels,)
        assert (block.pre is None) == (block.hidden is None) == (block.kind in ("ese", "eca"))
        if block.pre is not None and block.hidden is not None:
            assert block.pre.shape == block.hidden.shape and block.pre.ndim == 1


def test_the_logits_are_those_of_the_network_alone(traced: Traced) -> None:
    assert torch.equal(traced.trace.logits, traced.logits[0])
    assert torch.equal(tap.run(traced.module, traced.x[:1]).logits, traced.logits[0])
    assert torch.equal(bare(traced.module, traced.x[:1]), traced.logits)


def test_every_gate_ran_and_none_is_hooked(traced: Traced) -> None:
    assert traced.trace.silent == ()
    assert {b.name for b in traced.trace.blocks} == {ref.name for ref in layouts.find(traced.module)}
    assert len({b.name for b in traced.trace.blocks}) == len(traced.trace.blocks)
    assert hooks(traced.module) == 0
    assert not traced.module.training


def assert_alike(batch: tuple[Trace, ...], alone: tuple[Trace, ...]) -> None:
    for of_many, one in zip(batch, alone, strict=True):
        assert apart(of_many.logits, one.logits) <= TOLERANCE
        for a, b in zip(of_many.blocks, one.blocks, strict=True):
            assert (a.name, a.kind) == (b.name, b.kind)
            for quantity in ("u", "z", "pre", "hidden", "logit", "gate"):
                ours, theirs = getattr(a, quantity), getattr(b, quantity)
                assert (ours is None) == (theirs is None)
                if ours is not None:
                    assert apart(ours, theirs) <= TOLERANCE, (a.name, quantity)


def test_a_batch_is_its_pictures_one_by_one(traced: Traced) -> None:
    """In float64: in float32 the convolutions of one picture and of two round differently, and deep random networks
    make much of little."""
    keep = (traced.trace.blocks[0].name,)
    traced.module.double()
    try:
        batch = tap.run_batch(traced.module, traced.x, keep_u=keep)
        alone = tuple(tap.run(traced.module, one[None], keep_u=keep) for one in traced.x)
    finally:
        traced.module.float()  # the same bits as before
    assert_alike(batch, alone)
    assert apart(batch[0].logits, batch[1].logits) > 1e-3
    for a, b in zip(batch[0].blocks, batch[1].blocks, strict=True):
        assert (a.gate - b.gate).abs().max() > 1e-3, a.name


@pytest.mark.parametrize("block", ["se", "se_h", "sk"])
def test_a_batch_is_its_pictures_one_by_one_in_float32(block: str) -> None:
    torch.manual_seed(0)
    net, x = TinyNet(block).eval(), pictures(5)
    keep = tuple(ref.name for ref in layouts.find(net))
    assert_alike(tap.run_batch(net, x, keep_u=keep), tuple(tap.run(net, one[None], keep_u=keep) for one in x))


def test_keeping_everything_of_one_block_changes_no_gate(traced: Traced) -> None:
    """A forward with `edits` that keep, and with one block's u, gives the same bits."""
    name = traced.trace.blocks[-1].name
    again = tap.run(traced.module, traced.x[:1], edits=(Edit(name, "keep"),), keep_u=(name,))
    assert torch.equal(again.logits, traced.logits[0])
    assert [b.name for b in again.blocks if b.u is not None] == [name]
    for a, b in zip(again.blocks, traced.trace.blocks, strict=True):
        assert torch.equal(a.gate, b.gate)


def test_a_model_without_gates_has_scores_and_no_blocks() -> None:
    rows = [row for row in catalogue.MODELS if not row.blocks]
    assert rows
    for row in rows:
        module, x = truth.model(row.key), pictures(1)
        with torch.inference_mode():
            bare = module(x)[0]
        trace = tap.run(module, x)
        assert torch.equal(trace.logits, bare) and trace.blocks == () and trace.silent == ()


# --- what was seen is what was computed ----------------------------------------------------------------------------


def by_hand(block: Any, u: Tensor) -> dict[str, Tensor]:
    """The steps of an SE block written out with torch, from its own layers."""
    z = u.mean((2, 3), keepdim=True)
    if isinstance(block.fc1, nn.Linear):
        z = z.flatten(1)
    pre = block.bn(block.fc1(z))
    s = block.fc2(pre.relu())
    gate = block.gate(s)
    return {"z": z, "pre": pre, "hidden": pre.relu(), "logit": s, "gate": gate}


@pytest.mark.parametrize("block", ["se", "se_h"])
def test_every_quantity_is_that_step_of_the_block(block: str, build: Build, x: Tensor) -> None:
    net = build(f"ours/{block}")
    trace = tap.run(net, x, keep_u=("layer2.0.se",))
    seen = trace.block("layer2.0.se")
    assert seen.u is not None
    with torch.inference_mode():
        for name, value in by_hand(net.get_submodule("layer2.0.se"), seen.u).items():
            assert apart(getattr(seen, name).flatten(), value.flatten()) <= 1e-6, name
    assert seen.pre is not None and seen.hidden is not None
    assert float(seen.pre.min()) < 0 <= float(seen.hidden.min())


def test_blocks_come_in_the_order_in_which_they_run(x: Tensor) -> None:
    class Backwards(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.b, self.a = SEBlock(3, 1), SEBlock(3, 1)

        def forward(self, x: Tensor) -> Tensor:
            return self.b(self.a(x)).mean((2, 3))

    net = Backwards().eval()
    assert [ref.name for ref in layouts.find(net)] == ["b", "a"]
    assert [block.name for block in tap.run(net, x).blocks] == ["a", "b"]


def test_activations_that_work_in_place_do_not_overwrite_pre(build: Build, x: Tensor) -> None:
    for name in ("timm/regnety_002", "timm/resnest14d", "timm/skresnet34", "timm/efficientnet_b0"):
        for block in tap.run(build(name), x).blocks:
            assert block.pre is not None and block.hidden is not None
            assert float(block.pre.min()) < 0, (name, block.name)
            assert float((block.pre - block.hidden).abs().max()) > 0, (name, block.name)


def test_gates_that_work_in_place_do_not_overwrite_s(x: Tensor) -> None:
    block = SEBlock(3, 1, form="conv")
    block.gate = nn.Hardsigmoid(inplace=True)
    net = stir(nn.Sequential(block, nn.AdaptiveAvgPool2d(1), nn.Flatten()))
    seen = tap.run(net, x).blocks[0]
    assert seen.logit is not None
    assert torch.equal(nn.functional.hardsigmoid(seen.logit), seen.gate)
    assert not torch.equal(seen.logit, seen.gate)


def test_a_unit_that_works_in_place_does_not_overwrite_u(x: Tensor) -> None:
    class Greedy(nn.Module):
        """The block's input is overwritten right after the block, as residual units with `x += shortcut` do."""

        def __init__(self) -> None:
            super().__init__()
            self.conv, self.se = nn.Conv2d(3, 8, 3), SEBlock(8, 2)

        def forward(self, x: Tensor) -> Tensor:
            u = self.conv(x)
            out = self.se(u)
            u.zero_()
            out += 1
            return out.mean((2, 3))

    net = Greedy().eval()
    seen = tap.run(net, x, keep_u=("se",)).blocks[0]
    assert seen.u is not None and seen.residue is not None
    assert torch.equal(seen.u, bare(net.conv, x)[0][None])
    assert seen.residue <= 1e-6


# --- silent gates --------------------------------------------------------------------------------------------------


class Forgetful(nn.Module):
    """A network that has a gate and never calls it, as one public SE-Inception does."""

    def __init__(self) -> None:
        super().__init__()
        self.used, self.forgotten = SEBlock(3, 1), SEBlock(3, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.used(x).mean((2, 3))


def test_a_gate_that_is_never_called_is_reported(x: Tensor) -> None:
    net = Forgetful().eval()
    trace = tap.run(net, x, keep_u=("forgotten",))
    assert trace.silent == ("forgotten",)
    assert [block.name for block in trace.blocks] == ["used"]
    with pytest.raises(KeyError):
        trace.block("forgotten")
    assert hooks(net) == 0


def test_out_cannot_be_had_without_u(net: Any, x: Tensor) -> None:
    block = tap.run(net, x).blocks[0]
    assert block.u is None and block.residue is None and block.x is None
    with pytest.raises(ValueError, match="keep_u"):
        _ = block.out


def test_another_gate_function_sees_the_logits_of_every_layout(traced: Traced) -> None:
    """Also where they come in another order than the gate, or where the gate function overwrites them."""
    block = traced.trace.blocks[-1]
    after = tap.run(traced.module, traced.x[:1], (Edit(block.name, "channel_softmax"),)).block(block.name)
    assert block.logit is not None and after.logit is not None
    assert torch.equal(after.logit, block.logit)
    assert (after.gate - torch.softmax(block.logit, 1)).abs().max() <= 1e-6


def test_x_is_what_the_branches_were_made_of(build: Build, x: Tensor) -> None:
    """The block alone, given x, answers what it answered in the network."""
    for name in ("ours/sk", "models/skresnet18", "timm/resnest14d", "ours/se"):
        net = build(name)
        refs = layouts.find(net)
        trace = tap.run(net, x, keep_u=tuple(ref.name for ref in refs))
        for block in trace.blocks:
            if block.branches == 1:
                assert block.x is None, "u is what went in"
                continue
            assert block.x is not None
            with torch.inference_mode():
                alone = net.get_submodule(block.name)(block.x[None])[0]
            assert apart(block.out, alone) <= TOLERANCE, block.name


# --- nothing is left behind ----------------------------------------------------------------------------------------


def snapshot(module: nn.Module) -> tuple[dict[str, Tensor], list[bool]]:
    return {k: v.clone() for k, v in module.state_dict().items()}, [part.training for part in module.modules()]


def assert_untouched(module: nn.Module, before: tuple[dict[str, Tensor], list[bool]]) -> None:
    state, modes = snapshot(module)
    assert hooks(module) == 0
    assert modes == before[1]
    assert all(torch.equal(state[key], value) for key, value in before[0].items())


MODES: dict[str, Callable[[Any], object]] = {
    "eval": lambda net: net.eval(),
    "train": lambda net: net.train(),
    "train, one stage frozen": lambda net: (net.train(), net.layer1.eval()),
    "eval, one stage learning": lambda net: (net.eval(), net.layer4.train()),
    "eval, one norm learning": lambda net: (net.eval(), net.stem[1].train()),
}


@pytest.mark.parametrize("mode", MODES)
def test_every_part_gets_its_own_mode_back(net: Any, x: Tensor, mode: str) -> None:
    expected = bare(net.eval(), x)[0]
    MODES[mode](net)
    before = snapshot(net)
    assert torch.equal(tap.run(net, x).logits, expected), "the forward was not in eval mode throughout"
    assert_untouched(net, before)


@pytest.mark.parametrize("mode", MODES)
def test_nothing_is_left_after_an_exception_in_the_forward(net: Any, x: Tensor, mode: str) -> None:
    net.fc = nn.Linear(7, 7)  # wrong width: raises after every gate ran
    MODES[mode](net)
    before = snapshot(net)
    with pytest.raises(RuntimeError, match="shapes"):
        tap.run(net, x, keep_u=[ref.name for ref in layouts.find(net)])
    assert_untouched(net, before)
    with sharing.lock_of(net):
        pass


@pytest.mark.parametrize("mode", MODES)
def test_nothing_is_left_after_an_exception_in_an_edit(net: Any, x: Tensor, mode: str) -> None:
    MODES[mode](net)
    before = snapshot(net)
    name = layouts.find(net)[3].name
    for edit in (
        Edit(name, "mute", (10_000,)),
        Edit(name, "nonsense"),
        Edit(name, "scale"),
        Edit(name, "branch", (), 9),
    ):
        with pytest.raises(ValueError, match=r"channels|operation|branch"):
            tap.run(net, x, edits=(edit,))
        assert_untouched(net, before)
    MODES["eval"](net)
    assert torch.equal(tap.run(net, x).logits, bare(net, x)[0])


def test_nothing_is_left_after_an_interruption(net: Any, x: Tensor) -> None:
    class Interrupted(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            raise KeyboardInterrupt

    net.layer3 = Interrupted()
    with pytest.raises(KeyboardInterrupt):
        tap.run(net.train(), x)
    assert hooks(net) == 0
    assert all(part.training for part in net.modules())


def test_hooks_of_others_are_kept_and_seen(net: Any, x: Tensor) -> None:
    place = layouts.places(net)[0]
    seen: list[Tensor] = []
    handle = place.gate.register_forward_hook(lambda module, args, out: seen.append(out))
    trace = tap.run(net, x, edits=(Edit(place.name, "mute"),))
    assert hooks(net) == 1 and len(seen) == 1
    assert float(trace.blocks[0].gate.abs().max()) == 0 < float(seen[0].max())  # theirs came first
    handle.remove()
    assert hooks(net) == 0


def test_edits_do_not_outlive_their_run(net: Any, x: Tensor) -> None:
    before = tap.run(net, x).logits
    edited = tap.run(net, x, edits=tuple(Edit(ref.name, "mute") for ref in layouts.find(net))).logits
    assert not torch.equal(edited, before)
    assert torch.equal(tap.run(net, x).logits, before)


def test_no_graph_is_kept(x: Tensor) -> None:
    net = TinyNet("se").eval()  # its weights want gradients
    trace = tap.run(net, x, keep_u=("layer1.0.se",))
    tensors = [
        trace.logits,
        *(v for b in trace.blocks for f in fields(b) if isinstance(v := getattr(b, f.name), Tensor)),
    ]
    assert tensors and not any(t.requires_grad for t in tensors)


# --- gates that are given ------------------------------------------------------------------------------------------


def test_given_gates_are_what_edits_make(traced: Traced) -> None:
    """In float64, as above. Every layout: also where the network writes into maps, or shapes gates by its batch."""
    block = traced.trace.blocks[len(traced.trace.blocks) // 2]
    edits = [Edit(block.name, "keep"), Edit(block.name, "mute", (0, 3)), Edit(block.name, "mute")]
    traced.module.double()
    try:
        gates = torch.stack([tap.run(traced.module, traced.x[:1], (e,)).block(block.name).gate for e in edits])
        alone = [tap.run(traced.module, traced.x[:1], (e,)).logits for e in edits]
        with torch.inference_mode():
            together = tap.gated(traced.module, traced.x[:1], block.name, gates)
    finally:
        traced.module.float()
    for of_many, one in zip(together, alone, strict=True):
        assert apart(of_many, one) <= TOLERANCE
    assert apart(together[0], together[2]) > 1e-3
    assert hooks(traced.module) == 0
    assert torch.equal(bare(traced.module, traced.x[:1]), traced.logits)


def test_what_comes_before_given_gates_runs_once(net: Any, x: Tensor) -> None:
    seen: list[int] = []
    handles = [
        part.register_forward_hook(lambda module, args, out: seen.append(len(out))) for part in (net.stem, net.layer4)
    ]
    block = tap.run(net, x).blocks[4]
    seen.clear()
    with torch.inference_mode():
        tap.gated(net, x, block.name, block.gate.expand(5, -1, -1))
    assert seen == [1, 5]
    for handle in handles:
        handle.remove()


def test_gradients_reach_given_gates(net: Any, x: Tensor) -> None:
    """Against differences of the score, which later gates are part of."""
    net.double()
    block = tap.run(net, x).blocks[2]
    gates = block.gate.double()[None].requires_grad_()
    (slope,) = torch.autograd.grad(tap.gated(net, x, block.name, gates)[0, 3], gates)
    step = torch.zeros_like(gates)
    step[0, 0, 7] = 1e-3
    with torch.inference_mode():
        up, down = (tap.gated(net, x, block.name, gates + sign * step)[0, 3] for sign in (1, -1))
    assert float(slope[0, 0, 7]) == pytest.approx(float(up - down) / 2e-3, rel=0.02, abs=1e-3)
    assert float(slope.abs().max()) > 0


@pytest.mark.parametrize("mode", MODES)
def test_nothing_is_left_after_given_gates(net: Any, x: Tensor, mode: str) -> None:
    MODES[mode](net)
    before = snapshot(net)
    block = tap.run(net, x).blocks[1]
    tap.gated(net, x, block.name, block.gate[None])
    assert_untouched(net, before)
    for wrong in (block.gate[None, :, :-1], block.gate, block.gate[None].repeat(1, 2, 1), block.gate[None][:0]):
        with pytest.raises(ValueError, match="got"):
            tap.gated(net, x, block.name, wrong)
        assert_untouched(net, before)
    with pytest.raises(NoGateFound):
        tap.gated(net, x, "layer9.0.se", block.gate[None])
    net.fc = nn.Linear(7, 7)
    before = snapshot(net)
    with pytest.raises(RuntimeError, match="shapes"):
        tap.gated(net, x, block.name, block.gate[None])
    assert_untouched(net, before)


def test_gates_given_to_a_silent_block_are_refused(x: Tensor) -> None:
    with pytest.raises(NoGateFound, match="never runs"):
        tap.gated(Forgetful().eval(), x, "forgotten", torch.ones(2, 1, 3))


def test_hooks_that_a_library_forgets_are_taken_away(net: Any, x: Tensor) -> None:
    net.train()
    mine = net.stem.register_forward_hook(lambda *args: None)

    def careless() -> None:
        with tap.alone(net):
            assert not any(part.training for part in net.modules() if isinstance(part, nn.BatchNorm2d))
            net.stem.register_forward_hook(lambda *args: None)
            net.fc.register_full_backward_hook(lambda *args: None)
            raise KeyError

    with pytest.raises(KeyError):
        careless()
    assert hooks(net) == 1 and all(part.training for part in net.modules())
    mine.remove()


def test_the_last_map_is_what_the_head_pools(net: Any, x: Tensor) -> None:
    before = snapshot(net)
    assert tap.last_map(net, x) == "layer4"
    assert_untouched(net, before)
    with pytest.raises(NoGateFound, match="map"):
        tap.last_map(nn.Sequential(nn.Flatten(), nn.Linear(3 * 64 * 64, 2)), x)


# --- what is refused -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(3, 64, 64), (1, 1, 64, 64), (0, 3, 64, 64), (1, 64, 64, 3), (64, 64), ()])
def test_pictures_of_another_shape_are_refused(net: Any, shape: tuple[int, ...]) -> None:
    for run in (tap.run, tap.run_batch):
        with pytest.raises(ValueError, match=r"must be \("):
            run(net, torch.zeros(shape))


def test_run_takes_one_picture(net: Any) -> None:
    with pytest.raises(ValueError, match=r"\(1, 3, H, W\)"):
        tap.run(net, pictures(2))


def test_unknown_blocks_are_refused(net: Any, x: Tensor) -> None:
    for options in ({"keep_u": ("layer9.0.se",)}, {"edits": (Edit("layer9.0.se", "mute"),)}):
        with pytest.raises(NoGateFound, match="layer9") as caught:
            tap.run(net, x, **options)
        assert caught.value.details == {"name": "layer9.0.se"}
    with pytest.raises(NoGateFound):
        tap.run(nn.Sequential(nn.Conv2d(3, 4, 3)), x, keep_u=("0",))
    assert hooks(net) == 0


# --- names, kinds of tensor ----------------------------------------------------------------------------------------


def test_what_a_trace_says_about_itself(net: Any) -> None:
    edits = (Edit(layouts.find(net)[0].name, "ones"),)
    first, second = tap.run_batch(net, pictures(2), edits, model="mine", picture_keys=("a", "b"))
    assert first.edits == second.edits == edits
    assert (first.model, first.picture_key, second.picture_key) == ("mine", "a", "b")
    unnamed = tap.run(net, pictures(1))
    assert (unnamed.model, unnamed.picture_key, unnamed.edits) == ("TinyNet", "", ())


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-4), (torch.bfloat16, 0.15)])
def test_other_precisions_come_back_as_float32(net: Any, x: Tensor, dtype: torch.dtype, tolerance: float) -> None:
    name = layouts.find(net)[0].name
    reference = tap.run(net, x, keep_u=(name,)).blocks[0]
    trace = tap.run(net.to(dtype), x, keep_u=(name,))
    assert trace.logits.dtype == torch.float32
    for quantity in ("u", "z", "pre", "hidden", "logit", "gate"):
        value = getattr(trace.blocks[0], quantity)
        assert value.dtype == torch.float32
        assert apart(value, getattr(reference, quantity)) <= tolerance, quantity


def test_channels_last_is_read_the_same(net: Any, x: Tensor) -> None:
    name = layouts.find(net)[0].name
    plain = tap.run(net, x, keep_u=(name,))
    last = tap.run(
        net.to(memory_format=torch.channels_last),
        x.contiguous(memory_format=torch.channels_last),
        keep_u=(name,),
    )
    for quantity in ("u", "z", "logit", "gate"):
        assert apart(getattr(last.block(name), quantity), getattr(plain.block(name), quantity)) <= 1e-4, quantity


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_a_model_on_a_gpu_is_traced_onto_the_cpu(net: Any, x: Tensor) -> None:
    name = layouts.find(net)[0].name
    reference = tap.run(net, x, keep_u=(name,))
    trace = tap.run(net.cuda(), x, keep_u=(name,))
    assert trace.logits.device.type == trace.blocks[0].gate.device.type == "cpu"
    assert apart(trace.blocks[0].gate, reference.blocks[0].gate) <= 1e-4
    block = trace.blocks[0]
    assert block.residue is not None and block.residue <= TOLERANCE * max(1.0, float(block.out.abs().max()))


# --- threads -------------------------------------------------------------------------------------------------------


def same(a: Trace, b: Trace) -> bool:
    def block(p: BlockTrace, q: BlockTrace) -> bool:
        names = ("u", "z", "pre", "hidden", "logit", "gate")
        pairs = [(getattr(p, n), getattr(q, n)) for n in names]
        return p.name == q.name and all(
            (v is None) == (w is None) and (v is None or torch.equal(v, w)) for v, w in pairs
        )

    pairs = zip(a.blocks, b.blocks, strict=True)
    return torch.equal(a.logits, b.logits) and all(block(p, q) for p, q in pairs)


Task = tuple[Tensor, tuple[Edit, ...], tuple[str, ...]]


def tasks(net: nn.Module, count: int) -> list[Task]:
    """Different pictures, different edits, different blocks to keep: no two answers are alike."""
    refs = layouts.find(net)
    every = pictures(count, seed=11, size=48)
    ops = [("keep", None), ("mute", None), ("scale", 0.5), ("fill", 0.25), ("ones", None), ("equal", None)]
    made: list[Task] = []
    for i in range(count):
        (op, value), ref = ops[i % len(ops)], refs[i % len(refs)]
        made.append((every[i : i + 1], (Edit(ref.name, op, (), value),), (ref.name,)))
    return made


@pytest.fixture
def started() -> Iterator[list[Thread]]:
    threads: list[Thread] = []
    yield threads
    for thread in threads:
        thread.join(60)


def at_once(started: list[Thread], jobs: list[Callable[[], None]]) -> None:
    """Start all, wait for all, raise the first problem of any."""
    problems: list[BaseException] = []
    gate = Barrier(len(jobs))

    def guarded(job: Callable[[], None]) -> None:
        torch.set_num_threads(1)
        gate.wait()
        try:
            job()
        except BaseException as problem:
            problems.append(problem)

    started += [Thread(target=guarded, args=(job,)) for job in jobs]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join(60)
        assert not thread.is_alive(), "deadlock"
    if problems:
        raise problems[0]


@pytest.mark.parametrize("count", [2, 8])
def test_threads_that_share_a_network_get_their_own_answers(net: Any, count: int, started: list[Thread]) -> None:
    work = tasks(net, count)
    expected = [tap.run(net, x, edits, keep) for x, edits, keep in work]
    for i in range(count):
        for j in range(i):
            assert apart(expected[i].logits, expected[j].logits) > 1e-3, "answers too alike to tell a mix-up"

    def job(i: int) -> Callable[[], None]:
        x, edits, keep = work[i]

        def run() -> None:
            for _ in range(6):
                assert same(tap.run(net, x, edits, keep), expected[i])

        return run

    at_once(started, [job(i) for i in range(count)])
    assert hooks(net) == 0


def test_threads_that_share_a_network_in_training_mode_take_turns(net: Any, started: list[Thread]) -> None:
    """Each run puts the network into eval mode and back: without a lock one would do so in the middle of another."""
    work = tasks(net, 4)
    expected = [tap.run(net, x, edits, keep) for x, edits, keep in work]
    before = snapshot(net.train())

    def job(i: int) -> Callable[[], None]:
        x, edits, keep = work[i]

        def run() -> None:
            for _ in range(6):
                assert same(tap.run(net, x, edits, keep), expected[i])

        return run

    at_once(started, [job(i) for i in range(len(work))])
    assert_untouched(net, before)


def test_a_bare_forward_in_another_thread_is_neither_recorded_nor_edited(net: Any, started: list[Thread]) -> None:
    (x, _, keep), (other, _, _) = tasks(net, 2)
    edits = tuple(Edit(ref.name, "mute") for ref in layouts.find(net))
    expected, alone = tap.run(net, x, edits, keep), bare(net, other)
    assert apart(bare(net, x), alone) > 1e-3 < apart(expected.logits, bare(net, x)[0])
    done = Event()

    def tapped() -> None:
        try:
            for _ in range(25):
                assert same(tap.run(net, x, edits, keep), expected)
        finally:
            done.set()

    def untapped() -> None:
        while not done.is_set():
            assert torch.equal(bare(net, other), alone)

    at_once(started, [tapped, untapped])


def test_a_bare_forward_exactly_between_two_hooks_is_not_recorded(x: Tensor) -> None:
    """The other thread runs while this one's hooks are set for certain: from inside the forward."""
    other, answers = pictures(1, seed=77), []

    class Crossroads(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = SEBlock(3, 1), SEBlock(3, 1)
            self.entered = False

        def forward(self, x: Tensor) -> Tensor:
            x = self.first(x)
            if not self.entered:
                self.entered = True
                assert hooks(self) > 0
                thread = Thread(target=lambda: answers.append(bare(self, other)))
                thread.start()
                thread.join(60)
            return self.second(x).mean((2, 3))

    net = Crossroads().eval()
    net.entered = True
    edits = (Edit("first", "scale", (), 0.5), Edit("second", "mute"))
    expected, alone = tap.run(net, x, edits, ("first", "second")), bare(net, other)
    net.entered = False
    assert same(tap.run(net, x, edits, ("first", "second")), expected)
    assert torch.equal(answers[0], alone)


def test_threads_that_find_at_once_agree(started: list[Thread]) -> None:
    nets = [TinyNet("se", widths=(32,), depths=(2,)).eval() for _ in range(20)]
    expected = ("layer1.0.se", "layer1.1.se")

    def look() -> None:
        for each in nets:
            assert tuple(ref.name for ref in layouts.find(each)) == expected
            tap.run(each, pictures(1, size=16))

    at_once(started, [look] * 4)
