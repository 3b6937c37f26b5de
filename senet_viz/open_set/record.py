"""What was measured of whether a network notices strangers, and the file that keeps it; without torch.

It belongs to one weight file and says so: of other weights it makes no claim.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np

from senet_viz import assets
from senet_viz.errors import WeightsInvalid
from senet_viz.models import safetensors_io, weight_files
from senet_viz.open_set import rates
from senet_viz.open_set.evidence import evidence
from senet_viz.stats import Interval

if TYPE_CHECKING:
    from senet_viz.types import Trace

FILE = assets.WEIGHTS / "listed.safetensors"
FORMAT = "senet-viz listed 3"
PARTS = ("s1", "w1", "b1", "s2", "w2", "b2")  # of a readout
WHOLE = ("w1", "w2")  # those of whole numbers, kept in a byte each
READOUT = "readout"  # the score that is fitted; the others need no fitting


@dataclass(frozen=True, eq=False)
class Readout:
    """A readout makes one number of the evidence: M small classifiers of all classes, own ones first, that agree.

    Their weights are few whole numbers times a step, which each input has of its own.
    """

    own: int  # classes of the network; the others are those that were practised on
    s1: np.ndarray  # (M, E) steps
    w1: np.ndarray  # (M, H, E) of E numbers, H hidden units with ReLU
    b1: np.ndarray  # (M, H)
    s2: np.ndarray  # (M, H) steps
    w2: np.ndarray  # (M, K, H) and of these K class scores
    b2: np.ndarray  # (M, K)

    def score(self, evidence: np.ndarray) -> np.ndarray:
        """Return the score of evidence (..., E): the higher, the more it is like the network's own classes.

        It is the logarithm of the odds that a picture is of any own class, as the members see it on average.
        """
        total = np.zeros(evidence.shape[:-1])
        for s1, w1, b1, s2, w2, b2 in zip(*(getattr(self, part) for part in PARTS), strict=True):
            out = np.maximum((evidence * s1) @ w1.T + b1, 0) * s2 @ w2.T + b2
            total += _log_sum(out[..., : self.own]) - _log_sum(out[..., self.own :])
        return total / len(self.w1)


def _log_sum(values: np.ndarray) -> np.ndarray:
    """Return the logarithm of the sum of exponentials along the last axis."""
    most = values.max(-1)
    return np.asarray(most + np.log(np.exp(values - most[..., None]).sum(-1)))


@dataclass(frozen=True, eq=False)
class Record:
    """A record holds one network's readout and its scores of N validation pictures that no fitting saw."""

    model: str
    weights: str  # SHA-256 of the weight file that it was measured with
    size: int  # side of the input, pixels
    each: int  # training pictures of a class that the readout was fitted on
    own: tuple[str, ...]  # the network's classes
    practised: tuple[str, ...]  # other classes whose training pictures the readout was fitted on
    strange: tuple[str, ...]  # other classes of which it never saw a picture
    readout: Readout
    threshold: float  # below it, a photo is called none of the network's classes
    truth: np.ndarray  # (N,) int16, index into own + practised + strange
    scores: Mapping[str, np.ndarray]  # of every way of scoring: (N,) float32

    def group(self, which: str) -> np.ndarray:
        """Return which pictures (N,) bool are of the classes ``own``, ``practised`` or ``strange``."""
        at = ("own", "practised", "strange").index(which)
        ends = np.cumsum([0, len(self.own), len(self.practised), len(self.strange)])
        return (self.truth >= ends[at]) & (self.truth < ends[at + 1])

    def both(self, name: str = READOUT) -> tuple[np.ndarray, np.ndarray]:
        """Return a score's values for own pictures and for strange ones."""
        return self.scores[name][self.group("own")], self.scores[name][self.group("strange")]

    @cached_property
    def false(self) -> Interval:
        """The share of pictures of its own classes that it calls strange."""
        return rates.below(self.both()[0], self.threshold)

    @cached_property
    def told(self) -> Interval:
        """The share of pictures of classes that it never saw that it calls strange."""
        return rates.below(self.both()[1], self.threshold)

    @cached_property
    def crossed(self) -> tuple[float, float]:
        """The false alarms on every other own picture with the threshold that the rest of them would give."""
        own = self.both()[0]
        halves = own[::2], own[1::2]
        return tuple(float((a < rates.threshold(b)).mean()) for a, b in (halves, halves[::-1]))  # type: ignore[return-value]


def write(path: Path, records: Sequence[Record]) -> None:
    """Write all records as one safetensors file, in half precision and bytes."""
    about: dict[str, object] = {}
    tensors: dict[str, np.ndarray] = {}
    for r in records:
        named = ("weights", "size", "each", "own", "practised", "strange", "threshold")
        about[r.model] = {name: getattr(r, name) for name in named} | {"scores": list(r.scores)}
        parts = {name: getattr(r.readout, name) for name in PARTS} | {"scores": np.stack([*r.scores.values()])}
        for name, part in parts.items():
            tensors[f"{r.model}/{name}"] = part.astype(np.int8 if name in WHOLE else np.float16)
        tensors |= {f"{r.model}/truth": r.truth.astype(np.int16)}
    safetensors_io.write(path, FORMAT, "records", about, tensors)


def read(path: Path = FILE) -> dict[str, Record]:
    """Read every record of a file, by model.

    Raises:
        WeightsInvalid: no such file, or one that is damaged or something else.
    """
    with safetensors_io.reading(path, FORMAT, "records") as (records, tensors):
        found = {}
        for model, about in records.items():
            *parts, scores = (tensors[f"{model}/{name}"].astype(np.float32) for name in (*PARTS, "scores"))
            found[model] = Record(
                model, about["weights"], int(about["size"]), int(about["each"]),
                tuple(about["own"]), tuple(about["practised"]), tuple(about["strange"]),
                Readout(len(about["own"]), *parts), float(about["threshold"]), tensors[f"{model}/truth"],
                dict(zip(about["scores"], scores, strict=True)),
            )  # fmt: skip
        return found


@lru_cache(maxsize=4)
def _shipped(path: Path, _changed: int) -> dict[str, Record]:
    return read(path)


def of(key: str) -> Record | None:
    """Return the shipped record of a network; None where there is none, or its weights are other ones by now."""
    digest = weight_files.digest(key)
    if digest is None or not FILE.is_file():
        return None
    try:
        found = _shipped(FILE, FILE.stat().st_mtime_ns).get(key)
    except WeightsInvalid:
        return None
    return found if found is not None and found.weights == digest else None


_scored: WeakKeyDictionary[Trace, tuple[Record, float]] = WeakKeyDictionary()  # asked at every rerun of every page


def _score(found: Record | None, trace: Trace) -> float | None:
    if found is None or trace.features is None:
        return None
    by, value = _scored.get(trace, (None, 0.0))
    if by is not found:
        given = evidence(*(np.asarray(each, np.float64) for each in (trace.features, trace.logits)))
        value = float(found.readout.score(given))
        _scored[trace] = found, value
    return value


def score(key: str, trace: Trace) -> float | None:
    """Return the network's score of a photo, of a trained network's trace; None where nobody has measured it."""
    return _score(of(key), trace)


def familiar(key: str, trace: Trace) -> bool | None:
    """Return whether a trained network's score takes a photo for one of its classes; None where it has no score."""
    found = of(key)
    value = _score(found, trace)
    return None if value is None or found is None else value >= found.threshold
