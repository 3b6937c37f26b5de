"""Is a gate alive? How far the gates of a block move over the validation pictures."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from senet_viz.experiments.gate_profile import BlockProfile

ALIVE = 0.02  # mean std of a gate over the pictures from which a block counts as alive
DEAD = 0.002
EXTREME = 0.1  # a gate whose mean is this near to 0 or 1, and that does not move, is saturated


class Activity(StrEnum):
    """An activity says whether a block's gates move, hardly move, or stand at an end."""

    ALIVE = "alive"
    NEARLY_STILL = "nearly still"
    SATURATED = "saturated"
    DEAD = "dead"


@dataclass(frozen=True)
class Life:
    """A life measures how much one block's gates do, over all validation pictures."""

    name: str
    mean: float  # over channels, of the gate's mean
    std: float  # over channels, of the gate's std over the pictures
    still: float  # share of channels whose gate hardly moves (std below DEAD)
    saturated: float  # share of channels within EXTREME of 0 or 1 whose std is below ALIVE
    between: float  # share of a gate's variance that lies between classes, mean over channels that move

    @property
    def verdict(self) -> Activity:
        """Return what the gates do."""
        if self.std < DEAD:
            return Activity.DEAD
        if self.saturated >= 0.5:
            return Activity.SATURATED
        return Activity.ALIVE if self.std >= ALIVE else Activity.NEARLY_STILL


def life(block: BlockProfile, counts: np.ndarray) -> Life:
    """Measure one block's life at zoom 1; ``counts`` (K,) are the pictures of each class."""
    mean, between, within = block.moments(counts)
    std = np.sqrt(between + within)
    moving = std > DEAD
    extreme = ((mean < EXTREME) | (mean > 1 - EXTREME)) & (std < ALIVE)
    eta = float((between[moving] / std[moving] ** 2).mean()) if moving.any() else 0.0
    return Life(block.name, float(mean.mean()), float(std.mean()), float((~moving).mean()), float(extreme.mean()), eta)
