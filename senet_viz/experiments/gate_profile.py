"""What every gate does over a validation set, by class and object zoom; and which kernel SK picks.

After "role of excitation" (SENet, TPAMI, sec. 7.2, figs. 6 and 7) and SKNet's fig. 3 and 4. Object zoom is SKNet's
protocol: the centre of the original picture is cut out and resized back, so the object grows and the input does not.
Reading a profile needs no torch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from senet_viz.errors import NoGateFound

if TYPE_CHECKING:
    from torch import Tensor, nn

    from senet_viz.types import BlockTrace


Progress = Callable[[int, int], object]  # pictures done, pictures in all
Prepare = Callable[["Tensor"], "Tensor"]
ZOOMS = (1.0, 1.5)
SELECTION_ZOOMS = (1.0, 1.5, 2.0)
CONDITIONS = ("zoom", "blur", "untrained")  # blur: no zoom, but as few pixels as the zoomed picture is made of
BATCH = 50


@dataclass(frozen=True, eq=False)
class BlockProfile:
    """One block's gate over the pictures of each class: Z zooms, K classes, M branches of C channels each."""

    name: str
    kind: str
    branches: int
    mean: np.ndarray  # (Z, K, M*C) float32, branch after branch
    std: np.ndarray  # (Z, K, M*C) float32, over the pictures of the class

    def total(self, counts: np.ndarray, zoom: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """Mean and std (M*C,) over all pictures, whatever their class, at zoom number ``zoom``."""
        share = (counts / counts.sum())[:, None]  # (K, 1)
        mean = (share * self.mean[zoom]).sum(0)
        between = (share * (self.mean[zoom] - mean) ** 2).sum(0)
        within = (share * self.std[zoom].astype(np.float64) ** 2).sum(0)
        return mean, np.sqrt(between + within)


@dataclass(frozen=True, eq=False)
class Selection:
    """mean over c of (a_5x5 - a_3x3) for every picture and SK unit: above 0, the larger kernel wins.

    ``difference`` is (3, Z, N, U) float32 in the order of ``CONDITIONS``: object zoom; the control for what resizing
    alone does, see ``blurred``; and object zoom through a network that has learned nothing.
    """

    zooms: tuple[float, ...]
    units: tuple[str, ...]
    difference: np.ndarray


@dataclass(frozen=True, eq=False)
class Profile:
    """One network over one validation set of N pictures."""

    model: str
    size: int  # side of the input, pixels
    zooms: tuple[float, ...]
    classes: tuple[str, ...]  # K names of class folders
    truth: np.ndarray  # (N,) int16, index into classes
    predicted: np.ndarray | None  # (Z, N) int16, index into classes, -1 for any other; None where outputs have no name
    blocks: tuple[BlockProfile, ...]  # in the order in which they run; empty for a network without gates
    selection: Selection | None = None

    @property
    def counts(self) -> np.ndarray:
        """(K,) pictures of each class."""
        return np.bincount(self.truth, minlength=len(self.classes))

    def block(self, name: str) -> BlockProfile:
        """The block of that name.

        Raises:
            NoGateFound: the profile has none.
        """
        for block in self.blocks:
            if block.name == name:
                return block
        raise NoGateFound(f"no attention block {name} in this profile", name=name)

    def means(self, zoom: int = 0) -> dict[str, np.ndarray]:
        """The gates (M, C) of every block, the mean over all pictures."""
        counts = self.counts
        return {b.name: b.total(counts, zoom)[0].reshape(b.branches, -1).astype(np.float32) for b in self.blocks}

    def hits(self, zoom: int = 0) -> np.ndarray | None:
        """(N,) bool: pictures whose best class is the right one, at zoom number ``zoom``."""
        return None if self.predicted is None else self.predicted[zoom] == self.truth


def crop_side(side: int, zoom: float) -> int:
    """Side of the central crop that enlarges ``zoom`` times: off by an even number, so that it is exactly central.

    Raises:
        ValueError: a zoom below 1, or one that leaves nothing.
    """
    crop = side - 2 * round((side - side / zoom) / 2) if zoom >= 1 else 0
    if crop < 1:
        raise ValueError(f"zoom must be from 1 to {side}; got {zoom}")
    return crop


def _resized(x: Tensor, side: int) -> Tensor:
    import torch.nn.functional as F

    return F.interpolate(x.float(), size=(side, side), mode="bicubic", antialias=True).clamp(0, 255)


def zoomed(x: Tensor, zoom: float, size: int) -> Tensor:
    """Centre of the original pictures, enlarged: ``(B, 3, S, S)`` uint8 to ``(B, 3, size, size)``, still 0..255."""
    crop = crop_side(x.shape[-1], zoom)
    edge = (x.shape[-1] - crop) // 2
    return _resized(x[..., edge : edge + crop, edge : edge + crop], size)


def blurred(x: Tensor, zoom: float, size: int) -> Tensor:
    """The whole picture from as few pixels as ``zoomed`` has: the object keeps its size, only detail is lost."""
    crop = crop_side(x.shape[-1], zoom)
    return _resized(x if crop == x.shape[-1] else _resized(x, crop), size)


def _forward(module: nn.Module, x: Tensor) -> tuple[Tensor, list[tuple[BlockTrace, ...]]]:
    """Logits (B, K) and, for every block, one trace a picture; a network without gates has no block."""
    import torch

    from senet_viz.tap import hooks

    traces = hooks.run_batch(module, x)
    return torch.stack([t.logits for t in traces]), list(zip(*(t.blocks for t in traces), strict=True))


def _gates(traces: Sequence[BlockTrace]) -> np.ndarray:
    """(B, M, C) float64."""
    return np.stack([trace.gate.numpy() for trace in traces]).astype(np.float64)


@dataclass(frozen=True, eq=False)
class Tally:
    """What mean and std of every gate by class are made of. A batch more gives a new one: one can stop and go on."""

    counts: np.ndarray  # (K,) pictures of each class so far
    heads: tuple[tuple[str, str, int], ...] = ()  # name, kind and M of every block
    sums: tuple[np.ndarray, ...] = ()  # of every block: (2, K, M*C) float64, sum and sum of squares

    @classmethod
    def empty(cls, classes: int) -> Tally:
        """Before the first picture."""
        return cls(np.zeros(classes, dtype=np.int64))

    @property
    def mib(self) -> float:
        """Memory that it takes."""
        return sum(each.nbytes for each in self.sums) / 2**20

    def plus(self, y: np.ndarray, blocks: Sequence[Sequence[BlockTrace]]) -> Tally:
        """With one batch more.

        Args:
            y: (B,) class of every picture.
            blocks: for every block, one trace a picture.
        """
        heads = tuple((t[0].name, t[0].kind, t[0].branches) for t in blocks)
        sums = []
        for i, traces in enumerate(blocks):
            gates = _gates(traces).reshape(len(traces), -1)  # (B, M*C)
            total = self.sums[i].copy() if self.sums else np.zeros((2, len(self.counts), gates.shape[1]))
            np.add.at(total[0], y, gates)
            np.add.at(total[1], y, gates**2)
            sums.append(total)
        return Tally(self.counts + np.bincount(y, minlength=len(self.counts)), heads, tuple(sums))

    def only(self, classes: np.ndarray) -> Tally:
        """Of these classes alone, in this order."""
        return Tally(self.counts[classes], self.heads, tuple(total[:, classes] for total in self.sums))

    def means(self) -> dict[str, np.ndarray]:
        """The gates (M, C) of every block, the mean over all pictures."""
        every = [total[0].sum(0) / self.counts.sum() for total in self.sums]
        return {
            name: mean.reshape(m, -1).astype(np.float32) for (name, _, m), mean in zip(self.heads, every, strict=True)
        }

    def moments(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Of every block: mean and std (K, M*C) float32. Every class must have a picture."""
        found = []
        for total in self.sums:
            mean, square = total / self.counts[:, None]
            found.append((mean.astype(np.float32), np.sqrt(np.maximum(square - mean**2, 0)).astype(np.float32)))
        return found


def counted(module: nn.Module, x: Tensor, y: np.ndarray, tally: Tally) -> tuple[Tally, np.ndarray]:
    """One forward of a batch: the tally with it, and the best output (B,) of every picture.

    Args:
        x: (B, 3, H, W), prepared.
        y: (B,) class of every picture.
    """
    logits, blocks = _forward(module, x)
    return tally.plus(y, blocks), logits.argmax(1).numpy()


def made(
    tallies: Sequence[Tally],
    model: str,
    size: int,
    zooms: Sequence[float],
    classes: Sequence[str],
    truth: np.ndarray,
    predicted: np.ndarray | None = None,
) -> Profile:
    """A profile of what was counted: one tally a zoom, all of the same pictures.

    Raises:
        ValueError: no pictures, or a class without one.
    """
    if not len(truth) or not all(tally.counts.all() for tally in tallies):
        raise ValueError("every class needs at least one picture")
    moments = [tally.moments() for tally in tallies]
    blocks = tuple(
        BlockProfile(*head, *(np.stack([m[i][part] for m in moments]) for part in (0, 1)))
        for i, head in enumerate(tallies[0].heads)
    )
    return Profile(model, size, tuple(zooms), tuple(classes), truth.astype(np.int16), predicted, blocks)


def _prepare_ours() -> Prepare:
    from senet_viz.training.data import normalise

    return normalise


def run(
    module: nn.Module,
    x: Tensor,
    y: Tensor,
    classes: Sequence[str],
    size: int,
    zooms: Sequence[float] = ZOOMS,
    progress: Progress = lambda done, total: None,
    *,
    model: str = "",
    outputs: Sequence[str] | None = None,
    prepare: Prepare | None = None,
) -> Profile:
    """Mean and std of every gate by class, and the class that each picture is taken for.

    Args:
        module: in eval mode.
        x: (N, 3, S, S) uint8, the original pictures.
        y: (N,) int64, index into ``classes``.
        classes: names of the K class folders; each must have a picture.
        size: side of the input, pixels.
        outputs: names of the network's outputs, where they can be compared with ``classes``.
        prepare: (B, 3, H, W) 0..255 to the network's input; None is ImageNet's mean and std.

    Raises:
        ValueError: no pictures, or a class without one.
    """
    import torch

    counts = np.bincount(y.numpy(), minlength=len(classes))
    if not len(x) or not counts.all():
        raise ValueError("every class needs at least one picture")
    prepare = prepare or _prepare_ours()
    place = {name: index for index, name in enumerate(classes)}
    to_class = None if outputs is None else np.array([place.get(name, -1) for name in outputs], dtype=np.int16)
    labels = y.numpy()
    predicted = np.empty((len(zooms), len(x)), dtype=np.int16)
    tallies = []
    for level, zoom in enumerate(zooms):
        tally = Tally.empty(len(classes))
        for start in range(0, len(x), BATCH):
            rows = slice(start, start + BATCH)
            with torch.inference_mode():
                batch = prepare(zoomed(x[rows], zoom, size))
            tally, best = counted(module, batch, labels[rows], tally)
            if to_class is not None:
                predicted[level, rows] = to_class[best]
            progress(level * len(x) + min(start + BATCH, len(x)), len(zooms) * len(x))
        tallies.append(tally)
    return made(tallies, model, size, zooms, classes, labels, None if to_class is None else predicted)


def selection(
    module: nn.Module,
    control: nn.Module,
    x: Tensor,
    size: int,
    zooms: Sequence[float] = SELECTION_ZOOMS,
    progress: Progress = lambda done, total: None,
    prepare: Prepare | None = None,
) -> Selection:
    """Which kernel every SK unit prefers, picture by picture, with both controls.

    Args:
        module: a network of SK units with two branches, in eval mode.
        control: the same network untrained.
        x: (N, 3, S, S) uint8, the original pictures.

    Raises:
        NoGateFound: the network has no SK unit.
    """
    import torch

    prepare = prepare or _prepare_ours()
    ways = ((module, zoomed), (module, blurred), (control, zoomed))
    units: tuple[str, ...] = ()
    found = np.empty((len(ways), len(zooms), 0, 0), dtype=np.float32)
    done, total = 0, len(ways) * len(zooms) * len(x)
    for way, (network, change) in enumerate(ways):
        for level, zoom in enumerate(zooms):
            for start in range(0, len(x), BATCH):
                rows = slice(start, start + BATCH)
                with torch.inference_mode():
                    batch = prepare(change(x[rows], zoom, size))
                blocks = [traces for traces in _forward(network, batch)[1] if traces[0].kind == "sk"]
                if not blocks:
                    raise NoGateFound("no SK unit", name=type(module).__name__)
                if not units:
                    units = tuple(traces[0].name for traces in blocks)
                    found = np.empty((len(ways), len(zooms), len(x), len(units)), dtype=np.float32)
                for unit, traces in enumerate(blocks):
                    gates = _gates(traces)  # (B, 2, C)
                    found[way, level, rows, unit] = (gates[:, 1] - gates[:, 0]).mean(1)
                done += len(batch)
                progress(done, total)
    return Selection(tuple(zooms), units, found)
