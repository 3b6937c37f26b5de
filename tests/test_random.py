"""Two who build at the same time each get the numbers of their own seed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
import torch

from senet_viz.experiments import gradient_flow
from senet_viz.models import load
from senet_viz.networks import variants
from senet_viz.networks.random import seeded


def test_a_seed_is_a_seed_and_nobody_elses_numbers_move() -> None:
    before = torch.random.get_rng_state()
    with seeded(3):
        first = torch.rand(4)
    with seeded(3), seeded(3):
        assert torch.equal(first, torch.rand(4)), "the inner one begins anew"
    with pytest.raises(ValueError, match="on the way"), seeded(4):
        raise ValueError("on the way")
    assert torch.equal(before, torch.random.get_rng_state())


def test_who_builds_at_the_same_time_does_not_disturb() -> None:
    """Loading, the surgery and the gradients all draw from torch's one generator."""
    net = load.load("tiny_se", weights="random").state_dict()
    mobile = variants.build("mobilenet_v3_small", classes=4).state_dict()
    flow = gradient_flow.measure("pre", 3, seeds=(1,)).norms
    barrier = Barrier(4)

    def tiny() -> bool:
        return all(torch.equal(v, net[k]) for k, v in load.load("tiny_se", weights="random").state_dict().items())

    def built() -> bool:
        again = variants.build("mobilenet_v3_small", classes=4).state_dict()
        return all(torch.equal(v, mobile[k]) for k, v in again.items())

    def measured() -> bool:
        return bool((gradient_flow.measure("pre", 3, seeds=(1,)).norms == flow).all())

    def outline() -> bool:
        return variants.build("se_resnet50", device="meta", seed=7) is not None

    def often(work: object) -> list[bool]:
        barrier.wait(60)
        return [work() for _ in range(4)]  # type: ignore[operator]

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(often, (tiny, built, measured, outline)))
    assert found == [[True] * 4] * 4


def test_what_draws_nothing_waits_for_nobody() -> None:
    before = variants.build("se_resnet50", device="meta").state_dict()
    with ThreadPoolExecutor(1) as pool, seeded(0):  # somebody draws the weights of a large network
        outline = pool.submit(load.outline, "legacy_seresnet50").result(60)
        assert all(value.is_meta for value in outline.state_dict().values())
        again = pool.submit(variants.build, "se_resnet50", device="meta").result(60).state_dict()
    assert {k: v.shape for k, v in again.items()} == {k: v.shape for k, v in before.items()}


def test_the_meta_device_leaves_global_randomness_as_it_was() -> None:
    before = torch.random.get_rng_state()
    for key in ("legacy_seresnet50", "mobilenet_v3_small", "tiny_sk"):
        load.outline(key)
    assert torch.equal(before, torch.random.get_rng_state())
