"""Is a gate alive? How far the gates of a block move over the validation pictures, and what training did to that."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np

from senet_viz import assets
from senet_viz.experiments.gate_profile import BlockProfile, Profile
from senet_viz.findings import class_selectivity
from senet_viz.models import safetensors_io

FILE = assets.WEIGHTS / "learning.safetensors"
FORMAT = "senet-viz learning 1"
ARRAYS = ("std", "eta2", "start")  # of a ``Learning``
RISEN = 0.2  # a block whose class explains so much more of the variance than before training tells classes apart
AHEAD = 0.85  # the next is at most so much of the best, or it is a near thing
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


# --- what training did ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Learning:
    """A learning measures the gates of one network at E epochs of its training, over the same validation pictures."""

    model: str
    size: int  # side of the input, pixels
    pictures: int
    classes: int
    epochs: tuple[int, ...]  # 0 is before training, the last one after it
    blocks: tuple[str, ...]  # B names
    std: np.ndarray  # (E, B) float64: ``Life.std``
    eta2: np.ndarray  # (E, B) float64: ``Role.eta2`` of ``class_selectivity``
    start: np.ndarray  # (2, B) float64: std and eta2 before training, its norms holding these pictures' statistics

    @property
    def chance(self) -> float:
        """Return the eta2 that luck alone would give."""
        return (self.classes - 1) / (self.pictures - 1)


def moved(found: Profile) -> np.ndarray:
    """Return std and eta2 of every block of a profile, (2, B)."""
    lives = [life(block, found.counts).std for block in found.blocks]
    return np.array([lives, [role.eta2 for role in class_selectivity.roles(found)]])


def learned(course: Mapping[int, Profile], start: Profile) -> Learning:
    """Return what training did to a network's gates, of its profile at every epoch, the first and the last included.

    Args:
        start: of the network before training, with the statistics of these pictures in its norms.
    """
    epochs, first = sorted(course), course[min(course)]
    std, eta2 = np.stack([moved(course[epoch]) for epoch in epochs], axis=1)
    names = tuple(block.name for block in first.blocks)
    size, pictures, classes = first.size, len(first.truth), len(first.classes)
    return Learning(first.model, size, pictures, classes, tuple(epochs), names, std, eta2, moved(start))


@dataclass(frozen=True)
class First:
    """The first says which block is the first to tell classes apart, of which three, and by how much."""

    epoch: int  # the first that was kept after which some block's eta2 has risen by ``RISEN``
    three: tuple[int, ...]  # places of blocks, in depth order
    best: int  # place of the block, one of them
    gains: tuple[float, ...]  # of the three: how much their eta2 has risen by then


def first(found: Learning) -> First | None:
    """Return which block's eta2 is the first to rise; None where none does, or two that are offered rise alike.

    Beside it stand the one that has risen least by then, and a middling one.
    """
    gain = found.eta2 - found.eta2[0]
    early = np.flatnonzero(gain.max(1) >= RISEN)
    if not len(early) or len(found.blocks) < 3:
        return None
    row = gain[early[0]]
    order = np.argsort(row, kind="stable").tolist()
    best, middling, least = order[-1], order[(len(order) - 1) // 2], order[0]
    if row[middling] > AHEAD * row[best]:
        return None
    three = tuple(sorted((best, middling, least)))
    return First(found.epochs[early[0]], three, best, tuple(float(row[i]) for i in three))


def write(path: Path, found: Iterable[Learning]) -> None:
    """Write what training did to some networks as one safetensors file."""
    about: dict[str, object] = {}
    tensors: dict[str, np.ndarray] = {}
    for each in found:
        fields = {key: value for key, value in vars(each).items() if not isinstance(value, np.ndarray)}
        about[each.model] = fields
        tensors |= {f"{each.model}/{key}": getattr(each, key) for key in ARRAYS}
    safetensors_io.write(path, FORMAT, "learning", about, tensors)


def read(path: Path = FILE) -> dict[str, Learning]:
    """Read what training did, by network.

    Raises:
        WeightsInvalid: no such file, or one that is damaged or something else.
    """
    with safetensors_io.reading(path, FORMAT, "learning") as (about, tensors):
        found = {}
        for model, fields in about.items():
            names = {key: tuple(fields[key]) for key in ("epochs", "blocks")}
            std, eta2, start = (tensors[f"{model}/{key}"] for key in ARRAYS)
            found[model] = Learning(**fields | names, std=std, eta2=eta2, start=start)
        return found
