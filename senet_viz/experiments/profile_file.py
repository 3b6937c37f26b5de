"""Profiles of gates are kept in one safetensors file, which is read without torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from senet_viz import assets
from senet_viz.models import safetensors_io

if TYPE_CHECKING:
    pass

from senet_viz.experiments.gate_profile import BlockProfile, Profile, Selection

FILE = assets.WEIGHTS / "profile.safetensors"
FORMAT = "senet-viz profile 1"


# --- one file for all networks ------------------------------------------------------------------------------------


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
    """All profiles as one safetensors file, gates as fp16; of two branches that sum to 1 only the second."""
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
    """Every profile of a file, by model.

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
