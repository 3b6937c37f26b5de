"""Is a gate that is wide open a gate that matters? How two orders of the same channels agree."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

import numpy as np

from senet_viz.stats import rank_correlation, ranks

TOP = 10  # of how many channels one speaks
LITTLE, MUCH = 0.3, 0.6  # |rank correlation| below, and from, which an open gate says little, or much


class Says(StrEnum):
    """An open gate says little, some or much about what matters."""

    LITTLE = "little"
    SOME = "some"
    MUCH = "much"
    REVERSE = "reverse"  # the more open, the less it matters
    UNDEFINED = "undefined"  # gates or attributions are all equal


@dataclass(frozen=True, eq=False)
class Standing:
    """A standing compares gates s (C,) with attributions v (C,): as open as the last of the first ``n`` is open."""

    n: int  # how many channels one speaks of: ``TOP``, or a quarter of a small block
    open: np.ndarray  # channels, most open first; more than n where gates are equal
    matter: np.ndarray  # channels, largest |v| first: n of them
    rho: float  # rank correlation of s and |v|; not a number where one of them is constant

    @property
    def both(self) -> np.ndarray:
        """Return the channels that are among both, most important first."""
        return self.matter[np.isin(self.matter, self.open)]

    def chance(self, channels: int) -> float:
        """Return how many would be among both if a gate said nothing."""
        return len(self.open) * len(self.matter) / channels

    @property
    def word(self) -> Says:
        """Return how much an open gate says about what matters here."""
        if np.isnan(self.rho):
            return Says.UNDEFINED
        if self.rho <= -LITTLE:
            return Says.REVERSE
        return Says.LITTLE if self.rho < LITTLE else Says.SOME if self.rho < MUCH else Says.MUCH


def standing(gate: np.ndarray, values: np.ndarray, top: int = TOP) -> Standing:
    """Compare the most open channels with those that matter most; ``gate`` and ``values`` are (C,)."""
    n = max(1, min(top, len(gate) // 4))
    order, size = np.argsort(-gate, kind="stable"), np.abs(values)
    last = gate[order[n - 1]]
    return Standing(n, order[gate[order] >= last], np.argsort(-size, kind="stable")[:n], rank_correlation(gate, size))


# --- questions that have an answer ------------------------------------------------------------------------------------


def told_apart(orders: Iterable[Iterable[int]], words: Sequence[str]) -> tuple[int, ...]:
    """Return the first of every order whose word none before it has; nothing where an order has none.

    Args:
        orders: each says in which order one of those to choose from is looked for.
        words: what a reader is shown of every channel, so that two of one word are the same to her.
    """
    found: list[int] = []
    for order in orders:
        seen = {words[c] for c in found}
        new = next((int(c) for c in order if words[c] not in seen), None)
        if new is None:
            return ()
        found.append(new)
    return tuple(found)


def three(gate: np.ndarray, values: np.ndarray, shown: Callable[[float], str]) -> tuple[int, ...]:
    """Return three channels to choose from: the most open, the one with the largest |value|, a middling one of both.

    Their gates differ as ``shown``. Nothing where gates or values are all equal, or too few of the gates differ.
    """
    size = np.abs(values)
    if np.ptp(gate) == 0 or np.ptp(size) == 0:
        return ()
    middle = (len(gate) - 1) / 2
    off = np.abs(ranks(gate) - middle) + np.abs(ranks(size) - middle)
    orders = (np.argsort(-gate, kind="stable"), np.argsort(-size, kind="stable"), np.argsort(off, kind="stable"))
    return told_apart(orders, [shown(float(s)) for s in gate])


@dataclass(frozen=True)
class Trio:
    """A trio holds three channels to guess about, and what tells them apart."""

    channels: tuple[int, ...]  # ascending
    by: Literal["gate", "z"]


def trio(
    gate: np.ndarray, z: np.ndarray, passed: np.ndarray, shown: Callable[[float], str], opens: bool = True
) -> Trio | None:
    """Return the most open channel, the one with the largest z and the least open one, of those that pass anything on.

    Where their gates do not differ as ``shown``, the three are told apart by z: largest, smallest and a middling one.
    None where not even z tells three apart, so that a question about them has no answer.

    Args:
        gate, z: (C,).
        passed: (C,) bool, whether the channel's map is anything but 0 after its gate. Muting another changes nothing.
        opens: whether the gate says how much of a map goes on. The share of an SK branch does not: it says which
            kernel's.
    """
    live = np.flatnonzero(passed)
    if opens:
        gates = [shown(float(s)) for s in gate]
        orders = tuple(live[np.argsort(values[live], kind="stable")] for values in (-gate, -z, gate))
        if found := told_apart(orders, gates):
            return Trio(tuple(sorted(found)), "gate")
    rising = live[np.argsort(z[live], kind="stable")]
    middle = len(rising) // 2
    orders = (rising[::-1], rising, np.concatenate([rising[middle:], rising[:middle][::-1]]))
    found = told_apart(orders, [shown(float(value)) for value in z])
    return Trio(tuple(sorted(found)), "z") if found else None


def most(values: Sequence[float], shown: Callable[[float], str]) -> tuple[int, ...]:
    """Return the places of the largest |value|: all whose size is the same as ``shown``; nothing where all are 0."""
    sizes = [shown(abs(value)) for value in values]
    first = sizes[int(np.abs(values).argmax())]
    return () if first == shown(0.0) else tuple(i for i, size in enumerate(sizes) if size == first)
