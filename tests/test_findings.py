"""Numbers with a known answer, and every word that a verdict can be."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import t

from senet_viz.experiments.gate_profile import BlockProfile, Selection
from senet_viz.findings import kernel_choice, model_card
from senet_viz.findings.gate_life import life
from senet_viz.findings.model_agreement import points
from senet_viz.stats import Interval


def test_points_are_the_difference_and_its_interval() -> None:
    ours = np.array([True] * 60 + [False] * 40)
    theirs = np.array([True] * 50 + [False] * 50)
    found = points(ours, theirs)
    assert found.value == pytest.approx(10)
    half = 100 * t.ppf(0.975, 99) * np.sqrt(0.1 * 0.9 / 99)  # ten pictures of a hundred differ
    assert found.half == pytest.approx(half, rel=1e-4)
    assert points(theirs, ours).value == pytest.approx(-10)
    many = points(np.tile(ours, 20), np.tile(theirs, 20))
    assert many.half == pytest.approx(100 * 1.96 * np.sqrt(0.1 * 0.9 / 1999), rel=1e-4)


@pytest.mark.parametrize(
    ("interval", "expected"),
    [
        ((2.0, 1.0, 3.0), 1), ((-2.0, -3.0, -1.0), -1), ((1.0, -1.0, 3.0), 0), ((0.0, 0.0, 0.0), 0),
        ((2.0, np.nan, np.nan), 1), ((-2.0, np.nan, np.nan), -1), ((0.0, np.nan, np.nan), 0),
    ],
)  # fmt: skip
def test_sign_is_0_where_the_interval_holds_0(interval: tuple[float, float, float], expected: int) -> None:
    assert Interval(*interval).sign == expected


def block(mean: float | np.ndarray, std: float | np.ndarray, channels: int = 8) -> BlockProfile:
    """Two classes; the same ``mean`` and ``std`` for both unless arrays (2, 1) say otherwise."""
    full = [np.broadcast_to(np.asarray(v, dtype=np.float32), (2, channels))[None] for v in (mean, std)]
    return BlockProfile("layer1.0.se", "se", 1, *full)


COUNTS = np.array([10, 30])


@pytest.mark.parametrize(
    ("mean", "std", "verdict"),
    [
        (0.5, 0.1, "alive"),
        (0.5, 0.01, "nearly still"),
        (0.5, 0.0, "dead"),
        (0.97, 0.01, "saturated"),
        (0.97, 0.1, "alive"),
    ],
)
def test_every_verdict_on_a_gate(mean: float, std: float, verdict: str) -> None:
    found = life(block(mean, std), COUNTS)
    assert found.verdict == verdict
    assert found.mean == pytest.approx(mean) and found.std == pytest.approx(std)
    assert found.still == float(std < 0.002)


def test_what_the_class_explains_is_the_share_of_variance_between_classes() -> None:
    means, stds = np.array([[0.2], [0.6]]), np.array([[0.1], [0.2]])
    found = life(block(means, stds), COUNTS)
    between = 0.25 * 0.75 * 0.4**2  # two classes, a quarter and three quarters of the pictures
    within = 0.25 * 0.1**2 + 0.75 * 0.2**2
    assert found.between == pytest.approx(between / (between + within), rel=1e-5)
    assert found.std == pytest.approx((between + within) ** 0.5, rel=1e-5)
    assert life(block(0.3, 0.1), COUNTS).between == pytest.approx(0, abs=1e-9)


def test_half_the_channels_at_the_end_of_their_range_make_a_block_saturated() -> None:
    mean = np.array([[0.98] * 4 + [0.5] * 4] * 2)
    std = np.array([[0.001] * 4 + [0.1] * 4] * 2)
    found = life(block(mean, std), COUNTS)
    assert (found.saturated, found.still, found.verdict) == (0.5, 0.5, "saturated")


@pytest.mark.parametrize(
    ("zoom", "blur", "untrained", "verdict"),
    [
        (0.1, 0.0, 0.0, "rises"),
        (-0.1, 0.0, 0.0, "falls"),
        (0.0, 0.0, 0.0, "no change"),
        (0.1, 0.1, 0.0, "rises, but so it does by blur alone"),
        (0.1, 0.2, 0.0, "rises, but so it does by blur alone"),
        (-0.1, -0.1, 0.0, "falls, but so it does by blur alone"),
        (0.1, -0.1, 0.0, "rises"),
        (0.1, 0.0, 0.1, "rises, no more than untrained"),
        (0.1, 0.0, -0.3, "rises, no more than untrained"),
    ],
)
def test_every_verdict_on_a_kernel(zoom: float, blur: float, untrained: float, verdict: str) -> None:
    rng = np.random.default_rng(0)
    start, scatter = rng.normal(0, 0.05, (400, 1)), rng.normal(0, 0.02, (3, 400, 1))
    scatter -= scatter.mean(1, keepdims=True)  # so that the mean change is exactly the one asked for
    ways = zip((zoom, blur, untrained), scatter, strict=True)
    difference = np.stack([[start, start + (change + off) / 2, start + change + off] for change, off in ways])
    (found,) = kernel_choice.verdicts(Selection((1.0, 1.5, 2.0), ("layer1.0.conv2",), difference))
    assert model_card.said(found) == verdict
    values = found.change.value, found.control.value
    assert values == pytest.approx((zoom, untrained), abs=1e-9)
    assert found.levels[0] == pytest.approx((start.mean(), start.std()))
