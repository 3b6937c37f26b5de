"""How well a score tells pictures of a network's own classes from others: ROC, its area, both error rates."""

from __future__ import annotations

import numpy as np

from senet_viz import stats
from senet_viz.stats import Interval

MOST_FALSE = 0.15  # of pictures of its own classes that may be taken for strangers


def roc(own: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return false alarms and pictures told, one of each a threshold, from none to all (T,).

    Args:
        own: (N,) scores of pictures of the network's classes; high means known.
        other: (M,) scores of pictures of other classes.
    """
    limits = np.unique(np.concatenate([own, other]))
    false, told = (np.searchsorted(np.sort(each), limits) / len(each) for each in (own, other))
    return np.append(false, 1.0), np.append(told, 1.0)


def area(own: np.ndarray, other: np.ndarray) -> float:
    """Return the area under the ROC: how often a picture of an own class scores higher than another one."""
    order = stats.ranks(np.concatenate([own, other]))[: len(own)]
    return float((order.sum() - len(own) * (len(own) - 1) / 2) / (len(own) * len(other)))


def threshold(own: np.ndarray, most: float = MOST_FALSE) -> float:
    """Return the highest score below which no more than ``most`` of own pictures (N,) lie."""
    return float(np.sort(own)[int(most * len(own))])


def below(scores: np.ndarray, limit: float) -> Interval:
    """Return the share of scores (N,) below the threshold, with its 95 % interval."""
    return stats.wilson(float((scores < limit).mean()), len(scores))


def told(own: np.ndarray, other: np.ndarray, most: float = MOST_FALSE) -> float:
    """Return the share of other pictures (M,) below the threshold at which ``most`` of the own ones (N,) are too."""
    return float((other < threshold(own, most)).mean())
