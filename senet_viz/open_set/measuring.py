"""The readout is fitted on training pictures and measured on validation pictures, some of classes that it never saw."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from senet_viz.jobs import Progress
from senet_viz.open_set import rates
from senet_viz.open_set.evidence import evidence, fitted, simple
from senet_viz.open_set.record import READOUT, Readout, Record

if TYPE_CHECKING:
    from torch import Tensor, nn

Fetch = Callable[[Sequence[int]], "Tensor"]  # numbers of pictures to (B, 3, H, W), prepared
BATCH = 50
MEMBERS, HIDDEN, EPOCHS, RATE, DECAY, DROPPED, FIT_BATCH = 4, 64, 12, 2e-3, 1e-2, 0.3, 128  # of the readout's fit
EACH = 250  # training pictures of a class that it is fitted on
STRANGE = 5  # every fifth of the other classes is kept from the fit


@dataclass(frozen=True, eq=False)
class Seen:
    """What a network's last layer had of N pictures: its input (N, D), its output (N, K), and their classes (N,)."""

    pooled: np.ndarray
    logits: np.ndarray
    y: np.ndarray

    @property
    def evidence(self) -> np.ndarray:
        """Return what a readout is given of them, (N, E)."""
        return evidence(self.pooled, self.logits)

    def only(self, rows: np.ndarray) -> Seen:
        """Return these pictures alone."""
        return Seen(self.pooled[rows], self.logits[rows], self.y[rows])


def shared_out(other: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return which of the other classes the readout may practise on, and which stay strange: by number alone."""
    ordered = sorted(other)
    strange = ordered[::STRANGE]
    return tuple(name for name in ordered if name not in strange), tuple(strange)


def looked(module: nn.Module, fetch: Fetch, y: np.ndarray, progress: Progress = lambda done, total: None) -> Seen:
    """Run pictures through a network and keep what its last layer had of them; ``y`` (N,) are their classes."""
    from senet_viz.tap import hooks

    pooled, logits = [], []
    for start in range(0, len(y), BATCH):
        rows = range(start, min(start + BATCH, len(y)))
        for trace in hooks.run_batch(module, fetch(rows)):
            assert trace.pooled is not None  # of our own networks all have it
            pooled.append(trace.pooled.numpy())
            logits.append(trace.logits.numpy())
        progress(rows.stop, len(y))
    return Seen(np.stack(pooled).astype(np.float64), np.stack(logits).astype(np.float64), y)


def fit(given: np.ndarray, own: np.ndarray) -> Readout:
    """Fit a readout to tell own pictures from others, which count as much together: cross entropy, AdamW, dropout.

    It is the mean of several small networks that start differently, written as one.

    Args:
        given: (N, E) evidence of training pictures.
        own: (N,) bool, whether a picture is of one of the network's classes.
    """
    members = [_member(given, own, seed) for seed in range(MEMBERS)]
    w1, b1, w2 = (np.concatenate([member[part] for member in members]) for part in range(3))
    return Readout(_half(w1), _half(b1), _half(w2 / MEMBERS))


def _member(given: np.ndarray, own: np.ndarray, seed: int) -> tuple[np.ndarray, ...]:
    """Return the weights of one network of a readout: w1 (H, E), b1 (H,), w2 (H,), for evidence as it comes."""
    import torch
    from torch import nn

    mean, std = given.mean(0), given.std(0) + 1e-6
    x, y = (torch.from_numpy(values.astype(np.float32)) for values in ((given - mean) / std, own))
    weight = torch.tensor((~own).sum() / max(own.sum(), 1), dtype=torch.float32)
    rng = torch.Generator().manual_seed(seed)
    width = given.shape[1] ** -0.5
    sizes = ((HIDDEN, given.shape[1]), (HIDDEN,), (HIDDEN,))
    w1, b1, w2 = (nn.Parameter((torch.rand(size, generator=rng) * 2 - 1) * width) for size in sizes)
    opt = torch.optim.AdamW([w1, b1, w2], lr=RATE, weight_decay=DECAY)
    for epoch in range(EPOCHS):
        opt.param_groups[0]["lr"] = RATE * (1 - epoch / EPOCHS)
        for rows in torch.randperm(len(x), generator=rng).split(FIT_BATCH):
            left, right = (
                (torch.rand(size, generator=rng) > DROPPED) / (1 - DROPPED) for size in (x[rows].shape, HIDDEN)
            )
            out = (torch.relu((x[rows] * left) @ w1.T + b1) * right) @ w2
            loss = nn.functional.binary_cross_entropy_with_logits(out, y[rows], pos_weight=weight)
            opt.zero_grad()
            loss.backward()
            opt.step()
    a, b, c = (part.detach().double().numpy() for part in (w1, b1, w2))
    a = a / std
    return a, b - a @ mean, c


def _half(values: np.ndarray) -> np.ndarray:
    """Return the numbers as the file keeps them."""
    return values.astype(np.float16).astype(np.float32)


def made(
    model: str,
    weights: str,
    size: int,
    names: tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]],
    practice: Seen,
    seen: Seen,
) -> Record:
    """Fit a readout on training pictures, score validation pictures in every way, and choose the threshold.

    The threshold rests on validation pictures of the network's own classes alone, none of which the fit has seen.

    Args:
        names: the network's classes, other ones to practise on, and those that stay strange.
        practice: training pictures of own and practised classes; ``y`` counts through ``names``.
        seen: validation pictures of all of them.
    """
    own = practice.y < len(names[0])
    readout, known = fit(practice.evidence, own), practice.only(own)
    scores = {READOUT: readout.score(seen.evidence)} | simple(seen.pooled, seen.logits)
    scores |= fitted(seen.pooled, seen.logits, known.pooled, known.logits, known.y)
    kept = {name: _half(score) for name, score in scores.items()}
    limit = rates.threshold(kept[READOUT][seen.y < len(names[0])])
    each = int(np.bincount(practice.y).max())
    return Record(model, weights, size, each, *names, readout, limit, seen.y.astype(np.int16), kept)
