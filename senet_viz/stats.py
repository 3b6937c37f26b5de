"""Intervals, ranks, shares and gate functions: one definition of each, for every room. Needs numpy alone."""

from math import isnan
from typing import NamedTuple

import numpy as np

Z95 = 1.959964  # half of a 95 % interval of a normal mean, in standard errors
# 97.5 % quantiles of Student's t for 1, 2, ... degrees of freedom: Z95 is for large sets alone
_T = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
    2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
)  # fmt: skip
LARGE = 1000  # from so many values on a set is a large one


class Interval(NamedTuple):
    """An interval is a number and its 95 % bounds; they are NaN where one observation alone tells of no spread."""

    value: float
    low: float
    high: float

    @property
    def half(self) -> float:
        """Return half the interval's length."""
        return (self.high - self.low) / 2

    @property
    def sign(self) -> int:
        """Return 1 or -1 where the interval lies above or below 0, else 0; without one, the sign of the value."""
        low, high = (self.value, self.value) if isnan(self.low) else (self.low, self.high)
        return int(low > 0) - int(high < 0)


def t95(n: int) -> float:
    """Return half of a 95 % interval of the mean of n values, in standard errors (Student's t, n - 1 d.o.f.)."""
    if n >= LARGE:
        return Z95
    return _T[n - 2] if n - 2 < len(_T) else Z95 + 2.4 / (n - 1)


def mean95(values: np.ndarray) -> Interval:
    """Return the mean of values (N,) with its 95 % interval by Student's t."""
    n, mean = len(values), float(values.mean())
    half = t95(n) * float(values.std(ddof=1)) / n**0.5 if n > 1 else float("nan")
    return Interval(mean, mean - half, mean + half)


def wilson(p: float, n: int) -> Interval:
    """Return the proportion p of n with its 95 % interval (Wilson, JASA 1927).

    The interval never goes beyond 0 and 1, and is good for small n too.
    """
    z = Z95
    middle, spread = p + z * z / (2 * n), z * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    low, high = (middle - spread) / (1 + z * z / n), (middle + spread) / (1 + z * z / n)
    return Interval(p, max(0.0, float(low)), min(1.0, float(high)))


def paired(a: np.ndarray, b: np.ndarray) -> Interval:
    """Return the difference of two proportions of the same N, mean(a - b), with its 95 % interval.

    Newcombe, Stat. Med. 1998, method 10: it joins the Wilson intervals of both, less what they share. It needs no
    sampling, and is sound where hardly a pair differs.

    Args:
        a, b: (N,) from 0 to 1.
    """
    n = len(a)
    p, q = float(a.mean()), float(b.mean())
    both, none = float((a * b).sum()), float(((1 - a) * (1 - b)).sum())
    only_a, only_b = n * p - both, n * q - both
    spread = n**4 * p * (1 - p) * q * (1 - q)
    shared = both * none - only_a * only_b
    shared = max(shared - n / 2, 0.0) if shared > 0 else shared  # continuity
    phi = shared / np.sqrt(spread) if spread > 0 else 0.0

    def joined(one: float, other: float) -> float:
        return float(np.sqrt(max(one**2 - 2 * phi * one * other + other**2, 0.0)))

    of_p, of_q = wilson(p, n), wilson(q, n)
    low, high = joined(p - of_p.low, of_q.high - q), joined(of_p.high - p, q - of_q.low)
    return Interval(p - q, p - q - low, p - q + high)


def ranks(values: np.ndarray) -> np.ndarray:
    """Return the ranks (C,) of values (C,), from 0; equal numbers share the mean of theirs."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts + 1) / 2)[inverse]


def rank_correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Return Spearman's rho of two (C,): 1 where their order is the same; NaN where one is constant."""
    a, b = ranks(a), ranks(b)
    a, b = a - a.mean(), b - b.mean()
    size = float(np.sqrt((a**2).sum() * (b**2).sum()))
    return float((a * b).sum()) / size if size else float("nan")


def sigmoid(x: np.ndarray) -> np.ndarray:
    """Return 1 / (1 + exp(-x)), any shape."""
    return 1 / (1 + np.exp(-x))


def h_sigmoid(x: np.ndarray) -> np.ndarray:
    """Return ReLU6(x + 3) / 6, any shape."""
    return np.clip(x + 3, 0, 6) / 6


def shares(scores: np.ndarray, independent: bool) -> np.ndarray:
    """Return the probabilities of class scores (K,): their softmax, or themselves where each is a sigmoid already."""
    return scores if independent else softmax(scores)


def softmax(x: np.ndarray) -> np.ndarray:
    """Return the softmax of x over its first axis, in the precision of x."""
    e = np.exp(x - x.max(axis=0, keepdims=True))
    return e / e.sum(axis=0, keepdims=True)
