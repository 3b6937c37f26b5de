"""Is a gate that is wide open a gate that matters? How two orders of the same channels agree."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from senet_viz.moves import rank_correlation, ranks

TOP = 10  # of how many channels one speaks
LITTLE, MUCH = 0.3, 0.6  # |rank correlation| below, and from, which an open gate says little, or much


@dataclass(frozen=True, eq=False)
class Standing:
    """Gates s (C,) beside attributions v (C,). All that are as open as the last of the first ``n`` count as open."""

    n: int  # how many channels one speaks of: ``TOP``, or a quarter of a small block
    open: np.ndarray  # channels, most open first; more than n where gates are equal
    matter: np.ndarray  # channels, largest |v| first: n of them
    rho: float  # rank correlation of s and |v|; not a number where one of them is constant

    @property
    def both(self) -> np.ndarray:
        """Channels that are among both, most important first."""
        return self.matter[np.isin(self.matter, self.open)]

    def chance(self, channels: int) -> float:
        """How many would be among both if a gate said nothing."""
        return len(self.open) * len(self.matter) / channels

    @property
    def word(self) -> str:
        """What may be said: ``"little"``, ``"some"``, ``"much"``, ``"reverse"`` or ``"undefined"``."""
        if np.isnan(self.rho):
            return "undefined"
        if self.rho <= -LITTLE:
            return "reverse"
        return "little" if self.rho < LITTLE else "some" if self.rho < MUCH else "much"


def standing(gate: np.ndarray, values: np.ndarray, top: int = TOP) -> Standing:
    """How the most open channels stand among those that matter most; ``gate`` and ``values`` are (C,)."""
    n = max(1, min(top, len(gate) // 4))
    order, size = np.argsort(-gate, kind="stable"), np.abs(values)
    last = gate[order[n - 1]]
    return Standing(n, order[gate[order] >= last], np.argsort(-size, kind="stable")[:n], rank_correlation(gate, size))


def three(gate: np.ndarray, values: np.ndarray) -> tuple[int, int, int] | None:
    """Three channels to choose from: the most open, the one with the largest |value|, and a middling one of both.

    They are three different ones. None where gates or values are all equal, and there is nothing to choose.
    """
    size = np.abs(values)
    if len(gate) < 3 or np.ptp(gate) == 0 or np.ptp(size) == 0:
        return None
    first = int(gate.argmax())
    second = next(int(c) for c in np.argsort(-size, kind="stable") if c != first)
    middle = (len(gate) - 1) / 2
    off = np.abs(ranks(gate) - middle) + np.abs(ranks(size) - middle)
    off[[first, second]] = np.inf
    return first, second, int(off.argmin())
