"""Profiles are measured: the gates of many pictures are counted class by class, batch after batch.

Pictures come as tensors, enlarged by SKNet's protocol: the centre of the original is cut out and resized back, so the
object grows and the input does not. Or they come as photos in class folders, which are read when they are needed. Both
ways stand in this one file because they share the tally, and must count alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from senet_viz.errors import ImageRejected, PhotosRejected
from senet_viz.experiments import scale_sweep
from senet_viz.experiments.gate_profile import BlockProfile, Profile
from senet_viz.jobs import Progress
from senet_viz.models import class_names
from senet_viz.photos import reading, scale, sets

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor, nn

    from senet_viz.models.catalogue import ModelSpec

Prepare = Callable[["Tensor"], "Tensor"]  # (B, 3, H, W) 0..255 to the network's input
Report = Callable[[Path, ImageRejected], object]  # told of a file that is no usable photo
ZOOMS = (1.0, 1.5)
BATCH = 50
LARGE_MIB, LARGE_BATCH = 60.0, 2  # of a network of so many MiB, a batch takes seconds: then one can stop sooner
MOST_BATCH = 16


def crop_side(side: int, zoom: float) -> int:
    """Return the side of the central crop that enlarges ``zoom`` times: off by an even number, so exactly central.

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
    """Enlarge the centre of the original pictures: (B, 3, S, S) uint8 to (B, 3, size, size), still 0..255."""
    crop = crop_side(x.shape[-1], zoom)
    edge = (x.shape[-1] - crop) // 2
    return _resized(x[..., edge : edge + crop, edge : edge + crop], size)


def blurred(x: Tensor, zoom: float, size: int) -> Tensor:
    """Resize whole pictures from as few pixels as ``zoomed`` has: objects keep their size, only detail is lost."""
    crop = crop_side(x.shape[-1], zoom)
    return _resized(x if crop == x.shape[-1] else _resized(x, crop), size)


def normed(module: nn.Module, x: Tensor, size: int, prepare: Prepare) -> nn.Module:
    """Return a copy of a network whose batch norms hold the statistics of these pictures (N, 3, S, S) uint8.

    An untrained network's hold 0 and 1 still: its maps fade from layer to layer, and its gates with them.
    """
    import torch

    own = deepcopy(module)
    for part in own.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            part.reset_running_stats()
            part.momentum = None  # the mean over all batches
            part.train()
    with torch.inference_mode():
        for start in range(0, len(x), BATCH):
            own(prepare(_resized(x[start : start + BATCH], size)))
    return own.eval()


@dataclass(frozen=True, eq=False)
class Tally:
    """A tally sums up gates by class, for mean and std. ``counted`` makes a new one: one can stop and go on."""

    counts: np.ndarray  # (K,) pictures of each class so far
    heads: tuple[tuple[str, str, int], ...] = ()  # name, kind and M of every block
    sums: tuple[np.ndarray, ...] = ()  # of every block: (2, K, M*C) float64, sum and sum of squares

    @classmethod
    def empty(cls, classes: int) -> Tally:
        """Return the tally before the first picture."""
        return cls(np.zeros(classes, dtype=np.int64))

    @property
    def mib(self) -> float:
        """Return the MiB of memory that it takes."""
        return sum(each.nbytes for each in self.sums) / 2**20

    def only(self, classes: np.ndarray) -> Tally:
        """Return the tally of these classes alone, in this order."""
        return Tally(self.counts[classes], self.heads, tuple(total[:, classes] for total in self.sums))

    def means(self) -> dict[str, np.ndarray]:
        """Return the mean gates (M, C) of every block over all pictures."""
        every = zip(self.heads, (total[0].sum(0) / self.counts.sum() for total in self.sums), strict=True)
        return {name: mean.reshape(m, -1).astype(np.float32) for (name, _, m), mean in every}

    def moments(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return mean and std (K, M*C) float32 of every block. Every class must have a picture."""
        found = []
        for total in self.sums:
            mean, square = total / self.counts[:, None]
            found.append((mean.astype(np.float32), np.sqrt(np.maximum(square - mean**2, 0)).astype(np.float32)))
        return found


class Counting:
    """A tally that grows in place where the network runs, so that a GPU need not wait for anybody to add up."""

    def __init__(self, tally: Tally) -> None:
        self._before, self._counts, self._heads = tally.sums, tally.counts.copy(), tally.heads
        self._sums: list[Tensor] = []

    def add(self, module: nn.Module, x: Tensor, y: np.ndarray) -> Tensor:
        """Run one batch, and return the best output (B,) of every picture, where the network is."""
        import torch

        from senet_viz.tap import hooks

        scores, blocks = hooks.all_gates(module, x)
        assert scores is not None  # of a classifier
        home = scores.device if scores.device.type != "mps" else torch.device("cpu")  # which has no float64
        classes = torch.from_numpy(y).to(home)
        with torch.inference_mode():
            for i, (_, _, gate) in enumerate(blocks):
                gates = gate.flatten(1).to(home).double()  # (B, M*C)
                if i == len(self._sums):
                    none = np.zeros((2, len(self._counts), gates.shape[1]))
                    self._sums.append(torch.from_numpy(self._before[i] if self._before else none).to(home, copy=True))
                self._sums[i].index_add_(1, classes, torch.stack([gates, gates**2]))
        self._heads = tuple((name, kind, gate.shape[1]) for name, kind, gate in blocks)
        self._counts += np.bincount(y, minlength=len(self._counts))
        return scores.argmax(1)

    def tally(self) -> Tally:
        """Return what has been counted."""
        return Tally(self._counts.copy(), self._heads, tuple(total.cpu().numpy() for total in self._sums))


def counted(module: nn.Module, x: Tensor, y: np.ndarray, tally: Tally) -> tuple[Tally, np.ndarray]:
    """Run one batch: return the tally with it, and the best output (B,) of every picture.

    Args:
        x: (B, 3, H, W), prepared.
        y: (B,) class of every picture.
    """
    counting = Counting(tally)
    best = counting.add(module, x, y)
    return counting.tally(), best.cpu().numpy()


def made(
    tallies: Sequence[Tally],
    model: str,
    size: int,
    zooms: Sequence[float],
    classes: Sequence[str],
    truth: np.ndarray,
    predicted: np.ndarray | None = None,
) -> Profile:
    """Make a profile of what was counted: one tally a zoom, all of the same pictures.

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


def run(
    module: nn.Module,
    x: Tensor,
    y: Tensor,
    classes: Sequence[str],
    size: int,
    prepare: Prepare,
    zooms: Sequence[float] = ZOOMS,
    progress: Progress = lambda done, total: None,
    *,
    model: str = "",
    outputs: Sequence[str] | None = None,
) -> Profile:
    """Measure mean and std of every gate by class, and the class that each picture is taken for.

    Args:
        module: in eval mode.
        x: (N, 3, S, S) uint8, the original pictures.
        y: (N,) int64, index into ``classes``.
        classes: names of the K class folders; each must have a picture.
        size: side of the input, pixels.
        outputs: names of the network's outputs, where they can be compared with ``classes``.

    Raises:
        ValueError: no pictures, or a class without one.
    """
    import torch

    from senet_viz.tap import hooks

    labels = y.numpy()
    if not np.bincount(labels, minlength=len(classes)).all():
        raise ValueError("every class needs at least one picture")
    like = next(module.parameters())
    countings = [Counting(Tally.empty(len(classes))) for _ in zooms]
    found: list[Tensor] = []
    for turn, (zoom, counting) in enumerate(zip(zooms, countings, strict=True)):
        for start in range(0, len(x), BATCH):
            rows = slice(start, start + BATCH)
            with torch.inference_mode():
                batch = prepare(zoomed(hooks.sent(x[rows], like), zoom, size))
            found.append(counting.add(module, batch, labels[rows]))
            progress(turn * len(x) + min(start + BATCH, len(x)), len(zooms) * len(x))
    best = torch.cat(found).cpu().numpy()
    predicted = None
    if outputs is not None:
        place = {name: index for index, name in enumerate(classes)}
        to_class = np.array([place.get(name, -1) for name in outputs], dtype=np.int16)
        predicted = to_class[best].reshape(len(zooms), -1)
    return made([each.tally() for each in countings], model, size, zooms, classes, labels, predicted)


# --- photos in class folders ------------------------------------------------------------------------------------------


def batch_size(spec: ModelSpec) -> int:
    """Return how many photos go through the network together: a moment's work, so that a page can stop in between."""
    return LARGE_BATCH if spec.weights_mib > LARGE_MIB else max(1, min(MOST_BATCH, scale_sweep.CHUNK // spec.size**2))


def stacked(pictures: Sequence[Image], spec: ModelSpec, zoom: float = 1.0) -> Tensor:
    """Return what the network sees of these photos, as on every other page: (B, 3, H, W)."""
    import torch

    return torch.cat([scale.at_scale(image, spec, zoom).x for image in pictures])


def batches(
    files: Sequence[tuple[str, Path]], spec: ModelSpec, skipped: Report, zoom: float = 1.0
) -> Iterator[tuple[Tensor, list[str], int]]:
    """Give the photos of a folder batch by batch: (input, class of each, files seen so far). None is kept.

    Args:
        files: of ``sets.folder``.
        skipped: told of every file that is no usable photo.
    """
    size = batch_size(spec)
    for start in range(0, len(files), size):
        opened, names = [], []
        for name, file in files[start : start + size]:
            try:
                opened.append(reading.read(file))
                names.append(name)
            except ImageRejected as error:
                skipped(file, error)
        if opened:
            yield stacked(opened, spec, zoom), names, min(start + size, len(files))


def measured(
    module: nn.Module,
    spec: ModelSpec,
    files: Sequence[tuple[str, Path]],
    skipped: Report = lambda file, error: None,
    progress: Progress = lambda done, total: None,
    zoom: float = 1.0,
) -> Profile:
    """Profile the photos of a folder, however many; classes with fewer than ``sets.EACH`` are left out.

    Raises:
        PhotosRejected: fewer than two classes are left.
    """
    classes = sorted({name for name, _ in files})
    known, place = class_names.outputs(spec, classes), {name: k for k, name in enumerate(classes)}
    counting, truth = Counting(Tally.empty(len(classes))), list[int]()
    found: list[Tensor] = []
    for x, names, done in batches(files, spec, skipped, zoom):
        y = np.array([place[name] for name in names])
        found.append(counting.add(module, x, y))
        truth += y.tolist()
        progress(done, len(files))
    tally, best = counting.tally(), [answer for each in found for answer in each.tolist()]
    kept = np.flatnonzero(tally.counts >= sets.EACH).tolist()
    if len(kept) < 2:
        raise PhotosRejected("classes", n=len(kept), each=sets.EACH)
    mine = [(kept.index(k), answer) for k, answer in zip(truth, best, strict=True) if k in kept]
    to_class = {known[k]: row for row, k in enumerate(kept) if known[k] is not None}
    predicted = np.array([[to_class.get(answer, -1) for _, answer in mine]], dtype=np.int16) if to_class else None
    return made(
        [tally.only(np.array(kept))], spec.key, spec.size, (zoom,), [classes[k] for k in kept],
        np.array([row for row, _ in mine]), predicted,
    )  # fmt: skip
