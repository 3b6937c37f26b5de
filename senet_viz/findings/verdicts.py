"""What a profile says, in numbers and in a word: is a gate alive, does SK follow size, do two networks differ?

A verdict calls a difference one only where its 95 % interval over the validation pictures leaves out 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from senet_viz.experiments.gate_profile import BlockProfile, Selection

Interval = tuple[float, float]  # a mean and half its 95 % interval

ALIVE = 0.02  # mean std of a gate over the pictures from which a block counts as alive
DEAD = 0.002
EXTREME = 0.1  # a gate whose mean is this near to 0 or 1, and that does not move, is saturated
Z95 = 1.96  # half-width of a 95 % interval, in standard errors


def paired(ours: np.ndarray, theirs: np.ndarray) -> Interval:
    """Difference of two accuracies on the same pictures and half its 95 % interval, both in per cent points.

    Args:
        ours, theirs: (N,) bool, recognised or not.
    """
    d = ours.astype(np.float64) - theirs
    return 100 * float(d.mean()), 100 * Z95 * float(d.std(ddof=1)) / len(d) ** 0.5


@dataclass(frozen=True)
class Life:
    """How much one block's gates do, over all validation pictures."""

    name: str
    mean: float  # over channels, of the gate's mean
    std: float  # over channels, of the gate's std over the pictures
    still: float  # share of channels whose gate hardly moves (std below DEAD)
    saturated: float  # share of channels within EXTREME of 0 or 1 whose std is below ALIVE
    between: float  # share of a gate's variance that lies between classes, mean over channels that move

    @property
    def verdict(self) -> str:
        """One word or two."""
        if self.std < DEAD:
            return "dead"
        if self.saturated >= 0.5:
            return "saturated"
        return "alive" if self.std >= ALIVE else "nearly still"


def life(block: BlockProfile, counts: np.ndarray) -> Life:
    """Measured at zoom 1."""
    mean, std = block.total(counts)
    share = (counts / counts.sum())[:, None]
    between = (share * (block.mean[0] - mean) ** 2).sum(0)
    moving = std > DEAD
    extreme = ((mean < EXTREME) | (mean > 1 - EXTREME)) & (std < ALIVE)
    eta = float((between[moving] / std[moving] ** 2).mean()) if moving.any() else 0.0
    return Life(block.name, float(mean.mean()), float(std.mean()), float((~moving).mean()), float(extreme.mean()), eta)


@dataclass(frozen=True)
class Choice:
    """One SK unit: how its preference for the large kernel changes from no zoom to the largest."""

    unit: str
    levels: tuple[tuple[float, float], ...]  # mean and std at every zoom
    change: Interval  # picture by picture
    blur: Interval  # the same when only detail is lost
    beyond_blur: Interval  # change minus blur, picture by picture
    control: Interval  # the same zoom through the untrained network

    @property
    def verdict(self) -> str:
        """Whether the unit answers to the object's size, and not just to less detail or to any zoom at all."""
        way = sign(self.change)
        if way == 0:
            return "no change"
        word = "rises" if way > 0 else "falls"
        if abs(self.change[0]) <= abs(self.control[0]):
            return f"{word}, no more than untrained"
        return word if sign(self.beyond_blur) == way else f"{word}, but so it does by blur alone"


def _mean95(values: np.ndarray) -> Interval:
    return float(values.mean()), Z95 * float(values.std(ddof=1)) / len(values) ** 0.5


def sign(interval: Interval) -> int:
    """1 or -1 where the 95 % interval leaves out 0, else 0."""
    mean, half = interval
    return 0 if abs(mean) <= half else (1 if mean > 0 else -1)


def choices(chosen: Selection) -> tuple[Choice, ...]:
    """Every SK unit, in the order in which they run."""
    d = chosen.difference.astype(np.float64)  # (3, Z, N, U)
    found = []
    for u, unit in enumerate(chosen.units):
        zoom, blur, untrained = (d[way, -1, :, u] - d[way, 0, :, u] for way in range(3))
        levels = tuple((float(level.mean()), float(level.std())) for level in d[0, :, :, u])
        found.append(Choice(unit, levels, *map(_mean95, (zoom, blur, zoom - blur, untrained))))
    return tuple(found)
