"""How a block's gates move along a sweep: which channels, how far, and whether their order stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from senet_viz import stats

if TYPE_CHECKING:
    from senet_viz.experiments.scale_sweep import Sweep


def gates(sweep: Sweep, block: str, branch: int = -1) -> np.ndarray:
    """Return one branch's gate of a block at every scale, (S, C).

    Raises:
        KeyError: no such block ran.
    """
    return np.stack([np.asarray(trace.block(block).gate[branch]) for trace in sweep.traces])


def correlations(sweep: Sweep, base: int) -> np.ndarray:
    """Return every block's rank correlation between scale number ``base`` and each scale, (B, S)."""
    rows = []
    for block in sweep.traces[base].blocks:
        g = gates(sweep, block.name)
        rows.append([stats.rank_correlation(g[base], row) for row in g])
    return np.array(rows)


def change(g: np.ndarray) -> np.ndarray:
    """Return gates (S, C) at the last scale minus those at the first, (C,)."""
    return g[-1] - g[0]


def most(g: np.ndarray, count: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """Return the channels that moved most, up and down, from first to last scale; fewer where fewer moved that way."""
    d = change(g)
    order = np.argsort(-d, kind="stable")
    up, down = order[:count], order[::-1][:count]
    return up[d[up] > 0], down[d[down] < 0]


def distance(g: np.ndarray, base: np.ndarray) -> np.ndarray:
    """Return the mean over channels of the absolute difference between gates (S, C) and ``base`` (C,): (S,)."""
    return np.abs(g - base).mean(axis=1)


def table(sweep: Sweep) -> tuple[tuple[float, str, int, int, float], ...]:
    """Return (scale, block, channel, branch, gate) for every gate of the sweep."""
    return tuple(
        (scale, block.name, c, m, value)
        for scale, trace in zip(sweep.scales, sweep.traces, strict=True)
        for block in trace.blocks
        for m, row in enumerate(block.gate.tolist())
        for c, value in enumerate(row)
    )
