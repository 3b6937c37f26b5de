"""Do two networks agree? On one photo, class by class; on a validation set, picture by picture."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from senet_viz import stats
from senet_viz.experiments.gate_profile import Profile
from senet_viz.stats import Interval


def overlap(p: np.ndarray, q: np.ndarray) -> float:
    """Return the probability that two distributions over the same K classes share: 1 - total variation."""
    return float(np.minimum(p, q).sum())


def points(ours: np.ndarray, theirs: np.ndarray) -> Interval:
    """Return the difference of two accuracies on the same pictures, in per cent points.

    Args:
        ours, theirs: (N,) bool, recognised or not.
    """
    return stats.mean95(100 * (ours.astype(np.float64) - theirs))


@dataclass(frozen=True, eq=False)
class Together:
    """N networks saw the same P pictures, each at its own scale 1."""

    models: tuple[str, ...]
    right: np.ndarray  # (N, P) bool
    same: np.ndarray  # (N, N) share of pictures on which two give the same class, right or wrong
    pictures: int

    @property
    def accuracy(self) -> np.ndarray:
        """Return the share of pictures whose best class is the right one, (N,)."""
        return self.right.mean(axis=1)

    @property
    def all_right(self) -> float:
        """Return the share of pictures that every network gets right."""
        return float(self.right.all(axis=0).mean())

    @property
    def none_right(self) -> float:
        """Return the share of pictures that no network gets right."""
        return float((~self.right).all(axis=0).mean())

    def against(self, model: str, base: str) -> Interval:
        """Return the difference of two networks' accuracies, in per cent points."""
        return points(self.right[self.models.index(model)], self.right[self.models.index(base)])


def together(profiles: Mapping[str, Profile], models: Sequence[str]) -> Together:
    """Compare those of ``models`` that were profiled on the same pictures.

    Raises:
        ValueError: none of them was, or they were not the same pictures.
    """
    found = [profiles[key] for key in models if key in profiles and profiles[key].predicted is not None]
    if not found:
        raise ValueError("no profile of these networks")
    if any(p.classes != found[0].classes or not np.array_equal(p.truth, found[0].truth) for p in found):
        raise ValueError("the profiles are of different pictures")
    guesses = np.stack([p.predicted[0] for p in found if p.predicted is not None])  # (N, P)
    same = (guesses[:, None] == guesses[None]).mean(axis=2)
    return Together(tuple(p.model for p in found), guesses == found[0].truth, same, len(found[0].truth))
