"""Verdicts on a unit's choice of kernel: does it lean to the larger kernel when things get larger?

``experiments.kernel_preference`` says by which rule.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from senet_viz import stats
from senet_viz.experiments.gate_profile import Selection
from senet_viz.findings import Held
from senet_viz.stats import Interval


class Way(StrEnum):
    """A way says where a preference goes from the least scale to the greatest."""

    RISES = "rises"
    SAME = "same"
    FALLS = "falls"


class Cause(StrEnum):
    """A cause explains a change as well as the object's size does."""

    UNTRAINED = "untrained"  # the preference changes as much in the untrained network
    BLUR = "blur"  # it changes as much when only detail is lost
    STEPS = "steps"  # it does not change at every step: of one photo, which has no interval


@dataclass(frozen=True)
class Verdict:
    """A verdict holds one unit's way and the numbers that decide it; bounds of a single photo's intervals are NaN."""

    unit: str
    way: Way
    cause: Cause | None
    levels: tuple[tuple[float, float], ...]  # mean and std over the photos, at every scale
    change: Interval  # from the least scale to the greatest
    blur: Interval  # the same when only detail is lost
    beyond_blur: Interval  # change minus blur
    control: Interval  # the same zoom through the untrained network
    rise: int  # photos whose preference is greater at the greatest scale than at the least
    photos: int

    @property
    def word(self) -> Held:
        """Return what becomes of the claim."""
        if self.way is not Way.RISES:
            return Held.FAILS
        return Held.MIXED if self.cause else Held.HOLDS

    @property
    def reason(self) -> Way | Cause:
        """Return why that becomes of the claim."""
        return self.cause if self.way is Way.RISES and self.cause else self.way


def verdicts(chosen: Selection) -> tuple[Verdict, ...]:
    """Return the verdict on every unit, in the order in which they run, over one photo or a set."""
    d = chosen.difference.astype(np.float64)  # (3, Z, N, U)
    return tuple(verdict(unit, d[..., u]) for u, unit in enumerate(chosen.units))


def verdict(unit: str, d: np.ndarray) -> Verdict:
    """Return the verdict on one unit, of its preferences d (3, Z, N) in the order of ``gate_profile.CONDITIONS``."""
    zoom, less, untrained = d[:, -1] - d[:, 0]
    change, blur, beyond, control = map(stats.mean95, (zoom, less, zoom - less, untrained))
    cause = None
    if abs(change.value) <= abs(control.value):
        cause = Cause.UNTRAINED
    elif beyond.sign != change.sign:
        cause = Cause.BLUR
    elif len(zoom) == 1 and (np.diff(d[0], axis=0) <= 0).any():
        cause = Cause.STEPS
    way = Way.RISES if change.sign > 0 else Way.FALLS if change.sign < 0 else Way.SAME
    levels = tuple((float(level.mean()), float(level.std())) for level in d[0])
    rise = int((zoom > 0).sum())
    return Verdict(unit, way, cause, levels, change, blur, beyond, control, rise, len(zoom))
