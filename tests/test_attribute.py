"""Attributions are captum's, add up where they promise to, and agree with what they claim to measure."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from senet_viz import attribute, images, tap, zoo
from senet_viz.errors import NoGateFound
from senet_viz.types import Edit
from tests.conftest import hooks

KEYS = ("tiny_se", "tiny_se_h", "tiny_sk")


@pytest.fixture(scope="module", params=KEYS)
def net(request: pytest.FixtureRequest) -> Any:
    return zoo.load(request.param)


def photo(sample: str = "chelsea") -> torch.Tensor:
    return images.preprocess(images.sample(sample), zoo.spec("tiny_se")).x


def middle(net: Any) -> str:
    return tap.run(net, photo()).blocks[6].name


@pytest.mark.parametrize("method", attribute.METHODS)
def test_every_method_has_the_shape_of_what_it_explains_and_leaves_nothing(net: Any, method: str) -> None:
    x, block = photo(), middle(net) if method in attribute.ON_GATES else None
    before = tap.run(net, x)
    modes = [part.training for part in net.modules()]
    target = int(before.logits.argmax())
    steps = {"steps": 16} if method in (*attribute.COMPLETE, "conductance") else {}
    found = attribute.run(method, net, x, target, block, **steps)
    if method in attribute.ON_PHOTO:
        assert found.values.shape == tuple(x.shape[2:])
    else:
        m, c = before.block(str(block)).gate.shape
        assert found.values.shape == ((1, c) if method == "gate_ablation" else (m, c))
    assert np.isfinite(found.values).all() and np.abs(found.values).max() > 0
    assert found.on_gates == (method in attribute.ON_GATES) and found.score == float(before.logits[target])
    assert (found.completeness is None) == (method not in attribute.COMPLETE)
    assert found.steps == steps.get("steps", 0)
    assert hooks(net) == 0 and [part.training for part in net.modules()] == modes
    assert all(p.grad is None for p in net.parameters())
    assert torch.equal(tap.run(net, x).logits, before.logits)


@pytest.mark.parametrize("sample", [sample.key for sample in images.SAMPLES])
def test_gate_integrated_gradients_add_up(net: Any, sample: str) -> None:
    x = photo(sample)
    trace = tap.run(net, x)
    target, block = int(trace.logits.argmax()), middle(net)
    found = attribute.run("gate_integrated_gradients", net, x, target, block)
    opened = tap.run(net, x, (Edit(block, "ones"),)).logits[target]
    assert found.baseline == pytest.approx(float(opened), abs=1e-4)
    difference = float(trace.logits[target] - opened)
    assert abs(found.total - difference) <= 0.01 * max(abs(difference), attribute.FLOOR)
    assert found.completeness is not None and found.completeness <= 0.01


@pytest.mark.slow
@pytest.mark.parametrize("sample", [sample.key for sample in images.SAMPLES])
def test_integrated_gradients_add_up(net: Any, sample: str) -> None:
    x = photo(sample)
    scores = tap.run_batch(net, torch.cat([x, torch.zeros_like(x)]))
    target = int(scores[0].logits.argmax())
    found = attribute.run("integrated_gradients", net, x, target)
    difference = float(scores[0].logits[target] - scores[1].logits[target])
    assert abs(found.total - difference) <= 0.01 * max(abs(difference), attribute.FLOOR)
    assert found.completeness is not None and found.completeness <= 0.01


def test_ablation_is_muting(net: Any) -> None:
    x, block = photo(), middle(net)
    found = attribute.run("gate_ablation", net, x, 5, block)
    for c in (0, 17, 101):
        muted = tap.run(net, x, (Edit(block, "mute", (c,)),)).logits[5]
        assert found.values[0, c] == pytest.approx(found.score - float(muted), abs=1e-4)


def test_gradient_x_gate_is_the_slope_along_the_gate(net: Any) -> None:
    """Scaling one gate by 1 + e moves the score by e times its attribution."""
    x, block = photo(), middle(net)
    found = attribute.run("gradient_x_gate", net, x, 5, block)
    c = int(np.abs(found.values.sum(0)).argmax())
    ends = [tap.run(net, x, (Edit(block, "scale", (c,), 1 + e),)).logits[5] for e in (0.01, -0.01)]
    assert found.values[:, c].sum() == pytest.approx(float(ends[0] - ends[1]) / 0.02, rel=0.1, abs=1e-3)


def test_edits_change_what_gates_are_explained(net: Any) -> None:
    x, block = photo(), middle(net)
    found = attribute.run("gradient_x_gate", net, x, 5, block, edits=(Edit(block, "mute", (3,)),))
    assert np.abs(found.values[:, 3]).max() == 0 < np.abs(found.values).max()


def test_grad_cam_of_a_block_is_another_map_and_not_negative(net: Any) -> None:
    last, early = (attribute.run("grad_cam", net, photo(), 5, block) for block in (None, middle(net)))
    assert last.block == "layer4" and early.block == middle(net)
    assert min(last.values.min(), early.values.min()) >= 0 and not np.array_equal(last.values, early.values)


def test_occlusion_with_the_photo_itself_changes_nothing(net: Any) -> None:
    x = photo()
    assert np.abs(attribute.run("occlusion", net, x, 5, window=40, baseline=x).values).max() <= 1e-4


def test_what_is_refused_leaves_nothing(net: Any) -> None:
    x = photo()
    for arguments, error in (
        (("magic", net, x, 0), ValueError), (("occlusion", net, x, 5000), ValueError),
        (("gate_ablation", net, x, 0), NoGateFound), (("grad_cam", net, x, 0, "layer9.0.se"), NoGateFound),
        (("occlusion", net, torch.cat([x, x]), 0), ValueError),
    ):  # fmt: skip
        with pytest.raises(error):
            attribute.run(*arguments)
    with pytest.raises(Exception):  # noqa: B017, PT011 - whatever captum says of a path of no steps
        attribute.run("integrated_gradients", net, x, 0, steps=-1)
    assert hooks(net) == 0
