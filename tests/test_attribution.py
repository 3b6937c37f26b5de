"""Attributions are captum's, add up where they promise to, and agree with what they claim to measure."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch

from senet_viz.errors import NoGateFound, Stopped
from senet_viz.experiments import attribution
from senet_viz.models import catalogue
from senet_viz.photos import preprocess, samples
from senet_viz.tap import hooks as tap
from senet_viz.tap import layouts
from senet_viz.types import Edit
from tests import truth
from tests.conftest import Build, hooks
from tests.networks import pictures

KEYS = ("tiny_se", "tiny_se_h", "tiny_sk")


@pytest.fixture(scope="module", params=KEYS)
def net(request: pytest.FixtureRequest) -> Any:
    return truth.model(request.param, "pretrained")


def photo(sample: str = "chelsea") -> torch.Tensor:
    return preprocess.preprocess(samples.sample(sample), catalogue.spec("tiny_se")).x


def middle(net: Any) -> str:
    return tap.run(net, photo()).blocks[6].name


@pytest.mark.parametrize("method", attribution.METHODS)
def test_every_method_has_the_shape_of_what_it_explains_and_leaves_nothing(net: Any, method: str) -> None:
    x, block = photo(), middle(net) if method in attribution.ON_GATES else None
    before = tap.run(net, x)
    modes = [part.training for part in net.modules()]
    target = int(before.logits.argmax())
    steps = {"steps": 16} if method in (*attribution.COMPLETE, "conductance") else {}
    found = attribution.run(method, net, x, target, block, **steps)
    if method in attribution.ON_PHOTO:
        assert found.values.shape == tuple(x.shape[2:])
    else:
        m, c = before.block(str(block)).gate.shape
        assert found.values.shape == ((1, c) if method == "gate_ablation" else (m, c))
    assert np.isfinite(found.values).all() and np.abs(found.values).max() > 0
    assert found.on_gates == (method in attribution.ON_GATES) and found.score == float(before.logits[target])
    assert (found.completeness is None) == (method not in attribution.COMPLETE)
    assert found.steps == steps.get("steps", 0)
    assert hooks(net) == 0 and [part.training for part in net.modules()] == modes
    assert all(p.grad is None for p in net.parameters())
    assert torch.equal(tap.run(net, x).logits, before.logits)


PHOTOS = tuple(sample.key for sample in samples.SAMPLES)[:3]


def adds_up(found: attribution.Attribution, difference: float) -> bool:
    """Recomputed from what was found; what the answer says about itself must agree."""
    error = abs(found.total - difference) / max(abs(difference), attribution.FLOOR)
    assert found.completeness == pytest.approx(error, abs=1e-4)
    return error <= 0.01


@pytest.mark.parametrize("sample", PHOTOS)
def test_gate_integrated_gradients_add_up(net: Any, sample: str) -> None:
    x = photo(sample)
    trace = tap.run(net, x)
    order = trace.logits.argsort(descending=True).tolist()
    for name in (trace.blocks[0].name, middle(net), trace.blocks[-1].name):
        opened = tap.run(net, x, (Edit(name, "ones"),)).logits
        for target in (order[0], order[25]):
            found = attribution.run("gate_integrated_gradients", net, x, target, name)
            assert found.baseline == pytest.approx(float(opened[target]), abs=1e-4)
            assert adds_up(found, float(trace.logits[target] - opened[target])), (name, target)


@pytest.mark.slow
@pytest.mark.parametrize("sample", PHOTOS)
@pytest.mark.parametrize("key", ["tiny_plain", *KEYS])
def test_integrated_gradients_add_up(key: str, sample: str) -> None:
    """With the default steps, on every shipped network, for its own answer and for a class that it doubts."""
    net, x = truth.model(key, "pretrained"), photo(sample)
    scores = [trace.logits for trace in tap.run_batch(net, torch.cat([x, torch.zeros_like(x)]))]
    order = scores[0].argsort(descending=True).tolist()
    for target in (order[0], order[25]):
        found = attribution.run("integrated_gradients", net, x, target)
        assert adds_up(found, float(scores[0][target] - scores[1][target])), target


def cam_by_hand(module: Any, x: torch.Tensor, target: int, name: str) -> np.ndarray:
    """Grad-CAM from its paper's eqs. 1 and 2, of a copy of the network that overwrites nothing in place."""
    net, kept = copy.deepcopy(module), []
    for part in net.modules():
        if hasattr(part, "inplace"):
            part.inplace = False

    def keep(part: Any, args: Any, out: torch.Tensor) -> torch.Tensor:
        kept.append(out.clone())
        kept[0].retain_grad()
        return kept[0] * 1  # what overwrites the output spares this

    net.get_submodule(name).register_forward_hook(keep)
    with torch.enable_grad():
        net(x.clone().requires_grad_())[0, target].backward()
    weights = kept[0].grad.mean((2, 3), keepdim=True)
    cam = (weights * kept[0].detach()).sum(1, keepdim=True).relu()
    return torch.nn.functional.interpolate(cam, tuple(x.shape[2:]), mode="bilinear")[0, 0].numpy()


@pytest.mark.parametrize(
    "name",
    [
        "models/seresnet50",
        "torchvision/efficientnet_b0",
        "models/mobilenet_v3_small",
        "timm/efficientnet_b0",
        "ours/sk",
    ],
)
def test_grad_cam_is_the_papers_where_activations_overwrite_their_input(build: Build, name: str) -> None:
    module, x = build(name), pictures(1, seed=2, size=96)
    blocks = [ref.name for ref in layouts.find(module)]
    assert name == "ours/sk" or any(getattr(part, "inplace", False) for part in module.modules())
    logits = tap.run(module, x).logits
    seen = 0.0
    for block in (None, blocks[0], blocks[len(blocks) // 2], blocks[-1]):
        for target in (3, int(logits.argmax())):
            found = attribution.run("grad_cam", module, x, target, block)
            expected = cam_by_hand(module, x, target, str(found.block))
            assert np.abs(found.values - expected).max() <= 1e-5 * max(1.0, float(expected.max())), block
            seen = max(seen, float(expected.max()))
    assert seen > 0


def test_a_block_that_never_runs_is_refused(build: Build) -> None:
    net = copy.deepcopy(build("ours/se"))
    net.layer3[1].se_unused = copy.deepcopy(net.layer3[1].se)
    for method in ("gradient_x_gate", "grad_cam"):
        with pytest.raises(NoGateFound, match="never runs"):
            attribution.run(method, net, pictures(1), 0, "layer3.1.se_unused")
    assert hooks(net) == 0


@pytest.mark.parametrize("method", ["occlusion", "gate_ablation", "conductance", "integrated_gradients"])
def test_it_says_how_far_it_is_and_can_be_ended(net: Any, method: str) -> None:
    x, block = photo(), middle(net) if method in attribution.ON_GATES else None
    told: list[tuple[int, int]] = []
    attribution.run(method, net, x, 5, block, progress=lambda done, total: told.append((done, total)))
    dones = [done for done, _ in told]
    assert dones == sorted(dones) and all(0 <= done <= total for done, total in told) and told[-1][0] > 0
    if method == "occlusion":
        assert told[-1][1] == 15 * 15 + 1, "half of an eighth is a step, and once the whole photo"
    before = tap.run(net, x).logits
    with pytest.raises(Stopped):
        attribution.run(method, net, x, 5, block, progress=lambda done, total: None if done < dones[-1] else False)
    assert hooks(net) == 0 and torch.equal(tap.run(net, x).logits, before)


def test_ablation_is_muting(net: Any) -> None:
    x, block = photo(), middle(net)
    found = attribution.run("gate_ablation", net, x, 5, block)
    for c in (0, 17, 101):
        muted = tap.run(net, x, (Edit(block, "mute", (c,)),)).logits[5]
        assert found.values[0, c] == pytest.approx(found.score - float(muted), abs=1e-4)


def test_gradient_x_gate_is_the_slope_along_the_gate(net: Any) -> None:
    """Scaling one gate by 1 + e moves the score by e times its attribution."""
    x, block = photo(), middle(net)
    found = attribution.run("gradient_x_gate", net, x, 5, block)
    c = int(np.abs(found.values.sum(0)).argmax())
    ends = [tap.run(net, x, (Edit(block, "scale", (c,), 1 + e),)).logits[5] for e in (0.01, -0.01)]
    assert found.values[:, c].sum() == pytest.approx(float(ends[0] - ends[1]) / 0.02, rel=0.1, abs=1e-3)


def test_edits_change_what_gates_are_explained(net: Any) -> None:
    x, block = photo(), middle(net)
    found = attribution.run("gradient_x_gate", net, x, 5, block, edits=(Edit(block, "mute", (3,)),))
    assert np.abs(found.values[:, 3]).max() == 0 < np.abs(found.values).max()


def test_grad_cam_of_a_block_is_another_map_and_not_negative(net: Any) -> None:
    last, early = (attribution.run("grad_cam", net, photo(), 5, block) for block in (None, middle(net)))
    assert last.block == "layer4" and early.block == middle(net)
    assert min(last.values.min(), early.values.min()) >= 0 and not np.array_equal(last.values, early.values)


def test_occlusion_with_the_photo_itself_changes_nothing(net: Any) -> None:
    x = photo()
    assert np.abs(attribution.run("occlusion", net, x, 5, window=40, baseline=x).values).max() <= 1e-4


def test_what_is_refused_leaves_nothing(net: Any) -> None:
    x = photo()
    with pytest.raises(ValueError, match="no edits"):
        attribution.run("conductance", net, x, 0, middle(net), edits=(Edit(middle(net), "mute", (3,)),))
    for arguments, error in (
        (("magic", net, x, 0), ValueError), (("occlusion", net, x, 5000), ValueError),
        (("gate_ablation", net, x, 0), NoGateFound), (("grad_cam", net, x, 0, "layer9.0.se"), NoGateFound),
        (("occlusion", net, torch.cat([x, x]), 0), ValueError),
    ):  # fmt: skip
        with pytest.raises(error):
            attribution.run(*arguments)
    with pytest.raises(Exception):  # noqa: B017, PT011 - whatever captum says of a path of no steps
        attribution.run("integrated_gradients", net, x, 0, steps=-1)
    assert hooks(net) == 0
