"""What every gate does over a validation set, by class and object zoom, and the file that keeps it; without torch.

After "role of excitation" (SENet, TPAMI, sec. 7.2, figs. 6 and 7) and SKNet's figs. 3 and 4. ``profiling`` measures it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from senet_viz import assets
from senet_viz.errors import NoGateFound
from senet_viz.models import safetensors_io

CONDITIONS = ("zoom", "blur", "untrained")  # blur: as few pixels as zoom leaves; untrained: zoom, nothing learned
FILE = assets.WEIGHTS / "profile.safetensors"
FORMAT = "senet-viz profile 1"


@dataclass(frozen=True, eq=False)
class BlockProfile:
    """A block's profile holds its gates over the pictures of K classes at Z zooms: M branches of C channels."""

    name: str
    kind: str
    branches: int
    mean: np.ndarray  # (Z, K, M*C) float32, branch after branch
    std: np.ndarray  # (Z, K, M*C) float32, over the pictures of the class

    def moments(self, counts: np.ndarray, zoom: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return of every gate, (M*C,) each: its mean, the variance of its class means, its mean variance in a class.

        The variances add up to that over all pictures. A class counts as much as ``counts`` (K,) says.
        """
        share = (counts / counts.sum())[:, None]  # (K, 1)
        mean = (share * self.mean[zoom]).sum(0)
        between = (share * (self.mean[zoom] - mean) ** 2).sum(0)
        return mean, between, (share * self.std[zoom].astype(np.float64) ** 2).sum(0)


@dataclass(frozen=True, eq=False)
class Selection:
    """A selection holds the mean of a_5x5 - a_3x3 for every picture and SK unit: above 0 the larger kernel wins."""

    zooms: tuple[float, ...]
    units: tuple[str, ...]
    difference: np.ndarray  # (3, Z, N, U) float32, in the order of ``CONDITIONS``


@dataclass(frozen=True, eq=False)
class Profile:
    """A profile holds what one network's gates do over one validation set of N pictures."""

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
        """Return the number of pictures of each class, (K,)."""
        return np.bincount(self.truth, minlength=len(self.classes))

    def block(self, name: str) -> BlockProfile:
        """Return the block of that name.

        Raises:
            NoGateFound: the profile has none.
        """
        for block in self.blocks:
            if block.name == name:
                return block
        raise NoGateFound(f"no attention block {name} in this profile", name=name)

    def means(self, zoom: int = 0) -> dict[str, np.ndarray]:
        """Return the mean gates (M, C) of every block over all pictures."""
        counts = self.counts
        return {b.name: b.moments(counts, zoom)[0].reshape(b.branches, -1).astype(np.float32) for b in self.blocks}

    def hits(self, zoom: int = 0) -> np.ndarray | None:
        """Return whose best class is the right one, (N,) bool, at zoom number ``zoom``."""
        return None if self.predicted is None else self.predicted[zoom] == self.truth


def _stored(profile: Profile) -> Iterator[tuple[str, np.ndarray]]:
    yield "truth", profile.truth.astype(np.int16)
    if profile.predicted is not None:
        yield "predicted", profile.predicted.astype(np.int16)
    for block in profile.blocks:
        c = block.mean.shape[-1] // block.branches
        keep = slice(c, None) if block.branches == 2 else slice(None)  # of two branches, the second tells the first
        yield f"{block.name}/mean", block.mean[..., keep].astype(np.float16)
        yield f"{block.name}/std", block.std[..., keep].astype(np.float16)
    if profile.selection is not None:
        yield "selection", profile.selection.difference.astype(np.float16)


def write(path: Path, profiles: Sequence[Profile]) -> None:
    """Write all profiles as one safetensors file, gates as fp16; of two branches that sum to 1 only the second."""
    about = {
        p.model: {
            "size": p.size,
            "zooms": p.zooms,
            "classes": p.classes,
            "blocks": [[b.name, b.kind, b.branches] for b in p.blocks],
            "selection": None if p.selection is None else [p.selection.zooms, p.selection.units],
        }
        for p in profiles
    }
    tensors = {f"{p.model}/{key}": value for p in profiles for key, value in _stored(p)}
    safetensors_io.write(path, FORMAT, "profiles", about, tensors)


def read(path: Path = FILE) -> dict[str, Profile]:
    """Read every profile of a file, by model.

    Raises:
        WeightsInvalid: no such file, or one that is damaged or something else.
    """
    with safetensors_io.reading(path, FORMAT, "profiles") as (profiles, tensors):
        return {model: _read(model, about, tensors) for model, about in profiles.items()}


def _read(model: str, about: dict[str, Any], tensors: Mapping[str, np.ndarray]) -> Profile:
    def both(name: str, branches: int) -> tuple[np.ndarray, np.ndarray]:
        mean, std = (tensors[f"{model}/{name}/{what}"].astype(np.float32) for what in ("mean", "std"))
        if branches == 2:
            return np.concatenate([1 - mean, mean], -1), np.concatenate([std, std], -1)
        return mean, std

    chosen = about["selection"]
    return Profile(
        model,
        int(about["size"]),
        tuple(about["zooms"]),
        tuple(about["classes"]),
        tensors[f"{model}/truth"],
        tensors.get(f"{model}/predicted"),
        tuple(BlockProfile(name, kind, m, *both(name, m)) for name, kind, m in about["blocks"]),
        chosen and Selection(tuple(chosen[0]), tuple(chosen[1]), tensors[f"{model}/selection"].astype(np.float32)),
    )
