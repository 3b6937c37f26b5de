"""Photos in class folders and a network: how many go through it together, and which of its outputs a folder names."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from senet_viz import i18n
from senet_viz.errors import ImageRejected, PhotosRejected
from senet_viz.experiments import gate_profile, scale_sweep
from senet_viz.models import class_names
from senet_viz.photos import reading, scale, sets

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor, nn

    from senet_viz.experiments.gate_profile import Profile
    from senet_viz.models.catalogue import ModelSpec

LARGE_MIB, LARGE_BATCH = 60.0, 2  # of a network of so many MiB, a batch takes seconds: then one can stop sooner
MOST_BATCH = 16


def batch_size(spec: ModelSpec) -> int:
    """Photos that go through the network together: a moment's work, so that a page can stop between two batches."""
    return LARGE_BATCH if spec.weights_mib > LARGE_MIB else max(1, min(MOST_BATCH, scale_sweep.CHUNK // spec.size**2))


def stacked(pictures: Sequence[Image], spec: ModelSpec, zoom: float = 1.0) -> Tensor:
    """(B, 3, H, W) what the network sees of these photos, as on every other page."""
    import torch

    return torch.cat([scale.at_scale(image, spec, zoom).x for image in pictures])


Report = Callable[[Path, ImageRejected], object]


def batches(
    files: Sequence[tuple[str, Path]], spec: ModelSpec, skipped: Report, zoom: float = 1.0
) -> Iterator[tuple[Tensor, list[str], int]]:
    """The photos of a folder as (input, class of each, files seen so far); read when they are asked for, never kept.

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
    progress: gate_profile.Progress = lambda done, total: None,
    zoom: float = 1.0,
) -> Profile:
    """The profile of the photos of a folder, however many; classes with fewer than ``sets.EACH`` are left out.

    Raises:
        PhotosRejected: fewer than two classes are left.
    """
    classes = sorted({name for name, _ in files})
    known, place = outputs(spec, classes), {name: k for k, name in enumerate(classes)}
    tally, truth, best = gate_profile.Tally.empty(len(classes)), [], []
    for x, names, done in batches(files, spec, skipped, zoom):
        y = np.array([place[name] for name in names])
        tally, answers = gate_profile.counted(module, x, y, tally)
        truth += y.tolist()
        best += answers.tolist()
        progress(done, len(files))
    kept = np.flatnonzero(tally.counts >= sets.EACH).tolist()
    if len(kept) < 2:
        raise PhotosRejected("classes", n=len(kept), each=sets.EACH)
    mine = [(kept.index(k), answer) for k, answer in zip(truth, best, strict=True) if k in kept]
    to_class = {known[k]: row for row, k in enumerate(kept) if known[k] is not None}
    predicted = np.array([[to_class.get(answer, -1) for _, answer in mine]], dtype=np.int16) if to_class else None
    return gate_profile.made(
        [tally.only(np.array(kept))], spec.key, spec.size, (zoom,), [classes[k] for k in kept],
        np.array([row for row, _ in mine]), predicted,
    )  # fmt: skip


def outputs(spec: ModelSpec, folders: Sequence[str]) -> tuple[int | None, ...]:
    """Which output each folder names; None where none does.

    A folder is called like a class in any language of the app, or by its number in WordNet (n01443537), as in ImageNet
    and its excerpts. ``_`` stands for a space, and case does not matter, unless two classes differ in nothing else
    (ImageNet's Cardigan is a dog, its cardigan is not). A name that two classes share names none.
    """
    exact: dict[str, set[int]] = {}
    loose: dict[str, set[int]] = {}
    for row in (class_names.wnids(spec), *(class_names.names(spec, lang) for lang in i18n.LANGUAGES)):
        for index, name in enumerate(row):
            exact.setdefault(_plain(name), set()).add(index)
            loose.setdefault(_plain(name).casefold(), set()).add(index)
    found: list[int | None] = []
    for folder in map(_plain, folders):
        meant = exact.get(folder) or loose.get(folder.casefold(), set())
        found.append(next(iter(meant)) if len(meant) == 1 else None)
    return tuple(found)


def _plain(name: str) -> str:
    return " ".join(name.replace("_", " ").split())
