"""Verdicts on a unit's choice of kernel: does it lean to the larger kernel when things get larger?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from senet_viz.experiments.gate_profile import Selection
from senet_viz.findings.verdicts import Z95, Choice, Interval, choices

if TYPE_CHECKING:
    pass


Word = Literal["holds", "mixed", "fails"]
# What a choice of `verdicts` says, in three words and the reason for them.
_WORDS: dict[str, tuple[Word, str]] = {
    "rises": ("holds", "rises"),
    "rises, no more than untrained": ("mixed", "untrained"),
    "rises, but so it does by blur alone": ("mixed", "blur"),
    "no change": ("fails", "same"),
    "falls": ("fails", "falls"),
    "falls, no more than untrained": ("fails", "falls"),
    "falls, but so it does by blur alone": ("fails", "falls"),
}
# 97.5 % quantiles of Student's t for 1, 2, ... degrees of freedom: 1.96 is for large sets alone
_T = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
    2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
)  # fmt: skip


# --- verdicts ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Verdict:
    """One unit, the word for it, and the numbers that decide. Halves of intervals are NaN for one photo."""

    unit: str
    word: Word
    reason: str  # "rises", "untrained", "blur", "steps", "same" or "falls"
    levels: tuple[tuple[float, float], ...]  # mean and std over the photos, at every scale
    change: Interval  # from the least scale to the greatest
    blur: Interval  # the same when only detail is lost
    beyond_blur: Interval  # change minus blur
    control: Interval  # the same zoom through the untrained network
    rise: int  # photos whose preference is greater at the greatest scale than at the least
    photos: int


def verdicts(chosen: Selection) -> tuple[Verdict, ...]:
    """Every unit's, by the rule of this module: for one photo, or for a set."""
    d = chosen.difference.astype(np.float64)  # (3, Z, N, U)
    n = d.shape[2]
    rise = (d[0, -1] > d[0, 0]).sum(0)
    if n == 1:
        return tuple(_of_one(unit, d[:, :, 0, u], int(rise[u])) for u, unit in enumerate(chosen.units))
    found = (_widened(choice, n) for choice in choices(chosen))
    return tuple(
        Verdict(
            c.unit, *_WORDS[c.verdict], c.levels, c.change, c.blur, c.beyond_blur, c.control, int(rise[u]), n,
        )
        for u, c in enumerate(found)
    )  # fmt: skip


def _of_one(unit: str, d: np.ndarray, rise: int) -> Verdict:
    """One photo, d (3, Z)."""
    change, blur, control = (float(row[-1] - row[0]) for row in d)
    word: Word = "mixed"
    if change <= 0:
        word, reason = "fails", "same" if change == 0 else "falls"
    elif change <= abs(control):
        reason = "untrained"
    elif change <= blur:
        reason = "blur"
    elif (np.diff(d[0]) <= 0).any():
        reason = "steps"
    else:
        word, reason = "holds", "rises"
    levels = tuple((float(level), 0.0) for level in d[0])
    nan = float("nan")
    return Verdict(
        unit, word, reason, levels, (change, nan), (blur, nan), (change - blur, nan), (control, nan), rise, 1
    )


def t95(n: int) -> float:
    """Half of a 95 % interval of the mean of n values, in standard errors (Student's t, n - 1 degrees of freedom)."""
    return _T[n - 2] if n - 2 < len(_T) else Z95 + 2.4 / (n - 1)


def _widened(choice: Choice, n: int) -> Choice:
    """Its intervals, which take the set for a large one, for a set of n."""
    wide = t95(n) / Z95 if n < 1000 else 1.0

    def span(interval: Interval) -> Interval:
        return interval[0], interval[1] * wide

    return replace(
        choice,
        change=span(choice.change),
        blur=span(choice.blur),
        beyond_blur=span(choice.beyond_blur),
        control=span(choice.control),
    )
