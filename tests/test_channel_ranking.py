"""A ranking is its counterfactuals one by one, only cheaper, and leaves the network as it was."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from senet_viz.errors import EditRefused, NoGateFound
from senet_viz.experiments import channel_ranking
from senet_viz.tap import hooks as tap
from senet_viz.types import Edit
from tests.conftest import Build, hooks
from tests.networks import pictures

X = pictures(1, seed=9)


@pytest.fixture(params=["se", "se_h", "sk"])
def net(request: pytest.FixtureRequest, build: Build) -> Any:
    return build(f"ours/{request.param}")


def one_by_one(net: Any, block: str, channels: range, *more: Edit, op: str = "mute", value: float | None = None) -> Any:
    return torch.stack([tap.run(net, X, (*more, Edit(block, op, (c,), value))).logits for c in channels]).numpy()


def assert_same(ours: Any, theirs: Any) -> None:
    assert np.abs(ours - theirs).max() <= 1e-5 * max(1.0, np.abs(theirs).max())


def test_a_ranking_is_its_channels_one_by_one(net: Any) -> None:
    block = tap.run(net, X).blocks[4]
    before = tap.run(net, X).logits
    found = channel_ranking.ranking(net, X, block.name)
    alone = one_by_one(net, block.name, range(block.channels))
    assert found.channels == tuple(range(block.channels)) and found.total == block.channels
    assert_same(found.logits, alone)
    assert found.target == int(before.argmax()) and np.array_equal(found.base, before.numpy())
    drop = alone[:, found.target] - found.base[found.target]
    assert found.change[found.hurts_most[0]] == found.change.min() == pytest.approx(drop.min(), abs=1e-4)
    assert list(found.flips) == np.flatnonzero(alone.argmax(1) != found.base.argmax()).tolist()
    assert np.abs(found.change).max() > 1e-3
    assert hooks(net) == 0 and torch.equal(tap.run(net, X).logits, before)


def test_other_operations_and_edits_that_are_there_already(net: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel_ranking, "CHUNK", 24)
    first, block, last = (tap.run(net, X).blocks[k] for k in (0, 4, -1))
    more = (Edit(first.name, "mute", (1,)), Edit(block.name, "scale", (0, 2), 0.5), Edit(last.name, "shuffle"))
    found = channel_ranking.ranking(net, X, block.name, 3, "scale", 2.0, more)
    assert_same(found.logits, one_by_one(net, block.name, range(block.channels), *more, op="scale", value=2.0))
    assert found.target == 3 and np.array_equal(found.base, tap.run(net, X, more).logits.numpy())


def test_a_ranking_says_how_far_it_is_and_keeps_what_is_done(net: Any) -> None:
    told: list[tuple[int, int]] = []
    block = tap.run(net, X).blocks[-1]

    def stop(done: int, total: int) -> bool:
        told.append((done, total))
        return len(told) < 2

    found = channel_ranking.ranking(net, X, block.name, progress=stop)
    assert told == [(channel_ranking.CHUNK, block.channels), (2 * channel_ranking.CHUNK, block.channels)]
    assert found.channels == tuple(range(2 * channel_ranking.CHUNK)) and len(found.logits) == 2 * channel_ranking.CHUNK
    assert set(found.hurts_most) == set(found.channels) and found.total == block.channels


def test_the_part_before_the_block_runs_once_a_batch(net: Any) -> None:
    seen: list[int] = []
    block = tap.run(net, X).blocks[4]
    handle = net.stem.register_forward_hook(lambda module, args, out: seen.append(len(out)))
    channel_ranking.ranking(net, X, block.name)
    handle.remove()
    assert seen == [1] * (1 + -(-block.channels // channel_ranking.CHUNK))


def test_some_channels_alone(net: Any) -> None:
    block = tap.run(net, X).blocks[4]
    found, every = (
        channel_ranking.ranking(net, X, block.name, channels=(7, 2)),
        channel_ranking.ranking(net, X, block.name),
    )
    assert found.channels == (7, 2) and found.total == 2
    assert_same(found.logits, every.logits[[7, 2]])
    assert np.array_equal(found.gates, block.gate.numpy())
    nothing = channel_ranking.ranking(net, X, block.name, channels=())
    assert nothing.channels == nothing.hurts_most == nothing.flips == ()


def test_gates_from_elsewhere_are_filled_in(net: Any) -> None:
    before, other = tap.run(net, X), tap.run(net, pictures(1, seed=10))
    name = before.blocks[3].name
    mean = {name: np.full(before.block(name).gate.shape, 0.25, np.float32)}
    theirs = {"coffee": {block.name: block.gate.numpy() for block in other.blocks}}
    asked = (Edit(name, "mean", (1,)), Edit(before.blocks[5].name, "photo", source="coffee"), Edit(name, "mute", (2,)))
    found = channel_ranking.filled(asked, mean, theirs.__getitem__)
    assert found[2] is asked[2]
    after = tap.run(net, X, found)
    assert after.block(name).gate[0, 1] == 0.25 and after.block(name).gate[0, 2] == 0
    assert torch.equal(after.blocks[5].gate, other.blocks[5].gate)
    for edit in (Edit("nowhere", "mean"), Edit(before.blocks[0].name, "mean")):
        with pytest.raises(EditRefused):
            channel_ranking.filled((edit,), mean, theirs.__getitem__)


def test_what_is_refused(net: Any) -> None:
    block = tap.run(net, X).blocks[0].name
    with pytest.raises(NoGateFound):
        channel_ranking.ranking(net, X, "layer9.0.se")
    with pytest.raises(ValueError, match="target"):
        channel_ranking.ranking(net, X, block, target=-1)
    with pytest.raises(ValueError, match="operation"):
        channel_ranking.ranking(net, X, block, op="explode")
    with pytest.raises(KeyError):
        channel_ranking.ranking(net, X, block, progress=lambda done, total: {}[done])
    assert hooks(net) == 0


def test_downstream_is_the_edited_block_and_those_after_it(net: Any) -> None:
    before = tap.run(net, X)
    name = before.blocks[3].name
    after = tap.run(net, X, (Edit(name, "mute", (2,)),))
    found = channel_ranking.downstream(before, after)
    assert [moved.name for moved in found] == [block.name for block in before.blocks[3:]]
    assert found[0].edited and found[0].channel == 2 and found[0].now == 0 and not any(m.edited for m in found[1:])
    assert found[0].was == float(before.block(name).gate[found[0].branch, 2])
    assert all(moved.mean_change > 0 for moved in found)
    assert channel_ranking.downstream(before, before) == ()
