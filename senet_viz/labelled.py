"""Photos in class folders and a network: how many go through it together, and which of its outputs a folder names."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from senet_viz import i18n, labels, sweep, zoo

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

    from senet_viz.zoo import ModelSpec

LARGE_MIB, LARGE_BATCH = 60.0, 2  # of a network of so many MiB, a batch takes seconds: then one can stop sooner
MOST_BATCH = 16


def batch_size(spec: ModelSpec) -> int:
    """Photos that go through the network together: a moment's work, so that a page can stop between two batches."""
    return LARGE_BATCH if spec.weights_mib > LARGE_MIB else max(1, min(MOST_BATCH, sweep.CHUNK // spec.size**2))


def stacked(images: Sequence[Image], spec: ModelSpec, zoom: float = 1.0) -> Tensor:
    """(B, 3, H, W) what the network sees of these photos, as on every other page."""
    import torch

    return torch.cat([sweep.at_scale(image, spec, zoom).x for image in images])


def outputs(spec: ModelSpec, folders: Sequence[str]) -> tuple[int | None, ...]:
    """Which output each folder names; None where none does.

    A folder is called like a class in any language of the app, or by its number in WordNet (n01443537), as in ImageNet
    and its excerpts. Case does not matter, nor ``_`` for a space.
    """
    known: dict[str, int] = {}
    for row in (_wnids(spec), *(labels.names(spec, lang) for lang in i18n.LANGUAGES)):
        for index, name in enumerate(row):
            known.setdefault(_plain(name), index)
    return tuple(known.get(_plain(folder)) for folder in folders)


def _wnids(spec: ModelSpec) -> tuple[str, ...]:
    """WordNet's number of every output; () where they are not known. timm lists ImageNet's: the file is read alone."""
    if spec.source == "ours":
        about = zoo.shipped(spec.key)
        return about.classes if about else ()
    package = importlib.util.find_spec("timm")
    if package is None or not package.submodule_search_locations:
        return ()
    file = Path(package.submodule_search_locations[0], "data", "_info", "imagenet_synsets.txt")
    return tuple(file.read_text(encoding="utf-8").split()) if file.is_file() else ()


def _plain(name: str) -> str:
    return " ".join(name.replace("_", " ").casefold().split())
