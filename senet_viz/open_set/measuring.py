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
MEMBERS, HIDDEN, EPOCHS, RATE, DECAY, DROPPED, FIT_BATCH = 3, 128, 20, 2e-3, 1e-2, 0.3, 128  # of the readout's fit
TEMPERATURE = 1.5  # class scores are divided by it after the fit, which makes up for classes that it did not see
STEPS = 7  # a weight is a whole number from -7 to 7 times its input's step: finer ones tell strangers no better
EACH = 500  # training pictures of a class that it is fitted on
STRANGE = 5  # every fifth of the other classes is kept from the fit


@dataclass(frozen=True, eq=False)
class Seen:
    """What a network had of N pictures: what its last stages saw, its class scores, and the pictures' classes."""

    features: np.ndarray  # (N, F): see ``hooks.features``
    logits: np.ndarray  # (N, K)
    y: np.ndarray  # (N,)
    width: int  # D, the inputs of the last layer

    @property
    def pooled(self) -> np.ndarray:
        """Return what the last layer was given of them, (N, D)."""
        return self.features[:, : self.width]

    @property
    def evidence(self) -> np.ndarray:
        """Return what a readout is given of them, (N, E)."""
        return evidence(self.features, self.logits)

    def only(self, rows: np.ndarray) -> Seen:
        """Return these pictures alone."""
        return Seen(self.features[rows], self.logits[rows], self.y[rows], self.width)


def shared_out(other: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return which of the other classes the readout may practise on, and which stay strange: by number alone."""
    ordered = sorted(other)
    strange = ordered[::STRANGE]
    return tuple(name for name in ordered if name not in strange), tuple(strange)


def looked(module: nn.Module, fetch: Fetch, y: np.ndarray, progress: Progress = lambda done, total: None) -> Seen:
    """Run pictures through a network and keep what a readout needs of them; ``y`` (N,) are their classes."""
    from senet_viz.tap import hooks

    features, logits = [], []
    for start in range(0, len(y), BATCH):
        rows = range(start, min(start + BATCH, len(y)))
        for trace in hooks.run_batch(module, fetch(rows)):
            assert trace.features is not None  # of our own networks all have them
            features.append(trace.features.numpy())
            logits.append(trace.logits.numpy())
        progress(rows.stop, len(y))
    width: int = module.fc.in_features  # type: ignore[union-attr, assignment]
    return Seen(np.stack(features).astype(np.float64), np.stack(logits).astype(np.float64), y, width)


def fit(given: np.ndarray, y: np.ndarray, own: int) -> Readout:
    """Fit a readout to tell pictures of own classes from others: small classifiers of all classes, AdamW, dropout.

    Each member learns the classes (cross entropy) and, from the same hidden units, whether a picture is of an own one,
    where own and other pictures count as much together. The second output is left out of the readout. The evidence of
    pictures is mixed in pairs (mixup), so that what lies between two classes is learned too.

    Args:
        given: (N, E) evidence of training pictures.
        y: (N,) their classes, own ones first.
        own: how many classes are own.
    """
    members = [_member(given, y, own, seed) for seed in range(MEMBERS)]
    return Readout(own, *(_half(np.stack(part)) for part in zip(*members, strict=True)))


def _member(given: np.ndarray, y: np.ndarray, own: int, seed: int) -> tuple[np.ndarray, ...]:
    """Return one member's part of a ``Readout``, for evidence as it comes."""
    import torch
    from torch import nn

    classes = int(y.max()) + 1
    mean, std = given.mean(0), np.maximum(given.std(0), 1e-3)  # a map that is always dark says nothing
    x, truth = (torch.from_numpy(each.astype(np.float32)) for each in ((given - mean) / std, np.eye(classes)[y]))
    weight = torch.tensor((y >= own).sum() / max((y < own).sum(), 1), dtype=torch.float32)
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(seed)
        hidden, out = nn.Linear(x.shape[1], HIDDEN), nn.Linear(HIDDEN, classes + 1)
        net = nn.Sequential(nn.Dropout(DROPPED), hidden, nn.ReLU(), nn.Dropout(DROPPED), out)
        opt = torch.optim.AdamW(net.parameters(), lr=RATE, weight_decay=DECAY)
        for epoch in range(EPOCHS):
            opt.param_groups[0]["lr"] = RATE * (1 - epoch / EPOCHS)
            for rows in torch.randperm(len(x)).split(FIT_BATCH):
                others, part = rows[torch.randperm(len(rows))], 0.5 + torch.rand(len(rows), 1) / 2
                scores = net(part * x[rows] + (1 - part) * x[others])
                target = part * truth[rows] + (1 - part) * truth[others]
                mine = target[:, :own].sum(1)
                loss = nn.functional.cross_entropy(scores[:, :classes], target)
                loss += nn.functional.binary_cross_entropy_with_logits(scores[:, classes], mine, pos_weight=weight)
                opt.zero_grad()
                loss.backward()
                opt.step()
    parts = (hidden.weight, hidden.bias, out.weight[:classes], out.bias[:classes])
    w1, b1, w2, b2 = (part.detach().double().numpy() for part in parts)
    (s1, w1), (s2, w2) = _whole(w1 / std), _whole(w2 / TEMPERATURE)
    return s1, w1, b1 - w1 @ (s1 * mean), s2, w2, b2 / TEMPERATURE


def _whole(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return a step for every input (E,) and weights (H, E) as whole numbers of such steps."""
    steps = _half(np.abs(weights).max(0) / STEPS)
    return steps, np.rint(weights / np.where(steps, steps, 1))


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
    readout = fit(practice.evidence, practice.y, len(names[0]))
    known = practice.only(practice.y < len(names[0]))
    scores = {READOUT: readout.score(seen.evidence)} | simple(seen.pooled, seen.logits)
    scores |= fitted(seen.pooled, seen.logits, known.pooled, known.logits, known.y)
    kept = {name: _half(score) for name, score in scores.items()}
    limit = rates.threshold(kept[READOUT][seen.y < len(names[0])])
    each = int(np.bincount(practice.y).max())
    return Record(model, weights, size, each, *names, readout, limit, seen.y.astype(np.int16), kept)
