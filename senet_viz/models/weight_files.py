"""Where a model's weight file is, whether it can be used, and what the file of a small one says."""

import hashlib
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from senet_viz import assets
from senet_viz.errors import NoFilm, WeightsInvalid, WeightsUnavailable
from senet_viz.models.catalogue import MODELS, ModelSpec, spec

SHIPPED = assets.WEIGHTS
LOCAL = "SENET_VIZ_WEIGHTS"  # environment variable: a folder of <key>.safetensors or <key>.pth, / in a key as __
FORMAT = "senet-viz tiny 1"
NAMED = 3  # tensors of a kind that an error names


@dataclass(frozen=True)
class Shipped:
    """The file of a small network says this about itself; see ``loop.write``."""

    classes: tuple[str, ...]  # wnids, in the order of the outputs
    top1: dict[int, float]  # per cent on the validation pictures, by input size
    recipe: dict[str, Any]
    train_pictures: int
    val_pictures: int
    seconds: float  # of training
    device: str
    precision: str  # of the training: a key of ``loop.PRECISIONS``; "" where an old file does not say
    epoch: int  # after which it was written
    top1_by_epoch: tuple[float, ...]  # per cent after 0, 1, 2, ... epochs, at the size of ``recipe["shown"]``


def available(key: str) -> Literal["shipped", "cached", "download", "missing"]:
    """Return where the weights would come from; asks the disk alone.

    ``"missing"``: ours, and its file is not here; or a network that nobody has weights for, or nobody fetches.
    """
    row = spec(key)
    if _here(row) is None:
        return "missing" if row.listed or row.source in ("ours", "built") else "download"
    return "shipped" if row.source == "ours" else "cached"


def trained(key: str, weights: str = "pretrained") -> bool:
    """Return whether ``load`` gives (or fetches) trained weights; if not, the model must be shown as UNTRAINED."""
    return weights == "pretrained" and available(key) != "missing"


def shipped(key: str) -> Shipped | None:
    """Return what the file of one of our networks says about itself; None where there is none, or for other models.

    Raises:
        WeightsInvalid: the file is damaged.
    """
    row = spec(key)
    path = _here(row) if row.source == "ours" else None
    return None if path is None else _about(path, path.stat().st_mtime_ns)


def kept(key: str) -> dict[int, Path | None]:
    """Return what was kept of a training, for ``load``: epochs from 0 to the last, each with its file; {} of others.

    Epoch 0 needs no file. A frame of another recipe, or of other classes, is none of this training.

    Raises:
        WeightsInvalid: the network's own file is damaged.
    """
    row, about = spec(key), shipped(key)
    last = _here(row) if about else None
    if about is None or last is None or "gate_start" not in about.recipe:
        return {}
    frames: dict[int, Path | None] = {}
    for path in last.parent.glob(f"{last.stem}.epoch-*.safetensors"):
        with suppress(WeightsInvalid):
            found = _about(path, path.stat().st_mtime_ns)
            if (found.recipe, found.classes) == (about.recipe, about.classes) and found.epoch < about.epoch:
                frames[found.epoch] = path
    return dict(sorted({0: None, **frames, about.epoch: last}.items()))


def film(key: str) -> tuple[int, ...]:
    """Return the epochs of the film of a training; () where nothing was kept between its start and its end."""
    return epochs if len(epochs := tuple(kept(key))) > 2 else ()


def frame(key: str, epoch: int) -> tuple[Shipped, Path | None]:
    """Return what the network's own file says, and the file of an epoch of its training.

    Raises:
        NoFilm: that epoch was not kept.
    """
    about, frames = shipped(key), kept(key)
    if about is None or epoch not in frames:
        raise NoFilm(spec(key).title)
    return about, frames[epoch]


def digest(key: str) -> str | None:
    """Return the SHA-256 of the weight file of one of our networks; None where there is none, or for other models."""
    row = spec(key)
    path = _here(row) if row.source == "ours" else None
    return None if path is None else _digest(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=32)
def _digest(path: Path, _changed: int) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def classes(key: str) -> tuple[str, ...]:
    """Return the classes that the file of one of our networks names, as wnids in the order of the outputs.

    () for other models, and where there is no such file or it is damaged: then the network can only be untrained.
    """
    try:
        about = shipped(key)
    except WeightsInvalid:
        return ()
    return about.classes if about else ()


def missing_folder() -> WeightsUnavailable | None:
    """Return the error to be told where ``$SENET_VIZ_WEIGHTS`` names no folder that there is, else None."""
    folder = os.environ.get(LOCAL)
    if not folder or Path(folder).is_dir():
        return None
    return WeightsUnavailable(f"{LOCAL} names {folder}, which is no folder", folder=folder)


def damaged() -> tuple[WeightsInvalid, ...]:
    """Return an error for every weight file on this machine that cannot be one, as its first bytes tell.

    What is wrong further in a file, or made for another network, is found when it is loaded.
    """
    found = []
    for row in MODELS:
        try:
            if row.source == "ours":
                shipped(row.key)
            elif (path := _here(row)) is not None:
                _glance(path)
        except WeightsInvalid as error:
            found.append(error)
    return tuple(found)


def _glance(path: Path) -> None:
    """Read the header of a safetensors file, or the first two bytes of a file that torch wrote.

    Raises:
        WeightsInvalid: it is neither.
    """
    from safetensors import safe_open

    try:
        if path.suffix == ".safetensors":
            with safe_open(path, framework="np"):
                return
        with path.open("rb") as file:
            if file.read(2) not in (b"PK", b"\x80\x02"):  # a zip; before torch 1.6 a pickle of protocol 2
                raise ValueError("torch did not write it")
    except Exception as error:  # OSError, SafetensorError
        raise _invalid(path, error) from error


@lru_cache(maxsize=32)
def _about(path: Path, _changed: int) -> Shipped:
    from safetensors import safe_open

    try:
        with safe_open(path, framework="np") as file:
            meta = file.metadata() or {}
        if meta.get("format") != FORMAT:
            raise ValueError(f"format is {meta.get('format')!r}, not {FORMAT!r}")
        return parsed(meta)
    except Exception as error:  # safetensors, JSON, missing keys, values of another type
        raise _invalid(path, error) from error


def parsed(meta: Mapping[str, str]) -> Shipped:
    """Return what the metadata of one of our weight files say.

    Raises:
        KeyError, ValueError, AttributeError, TypeError: they say something else.
    """
    top1 = {int(size): float(value) for size, value in json.loads(meta["top1"]).items()}
    counts = int(meta["train_pictures"]), int(meta["val_pictures"])
    classes, recipe = tuple(map(str, json.loads(meta["classes"]))), dict(json.loads(meta["recipe"]))
    seconds, course = float(meta["train_seconds"]), tuple(map(float, json.loads(meta.get("top1_by_epoch", "[]"))))
    precision, epoch = meta.get("precision", ""), int(meta.get("epoch", recipe.get("epochs", 0)))
    return Shipped(classes, top1, recipe, *counts, seconds, meta["device"], precision, epoch, course)


def _here(row: ModelSpec) -> Path | None:
    """Return the weight file on this machine, if there is one."""
    if folder := os.environ.get(LOCAL):
        for end in (".safetensors", ".pth"):
            if (path := Path(folder, row.key.replace("/", "__") + end)).is_file():
                return path
    if row.source == "ours":
        path = SHIPPED / row.weights
        return path if path.is_file() else None
    return _cached(row) if row.weights else None


def _cached(row: ModelSpec) -> Path | None:
    if row.weights.startswith("hf:"):
        from huggingface_hub import constants, try_to_load_from_cache

        found = try_to_load_from_cache(row.weights[3:], "model.safetensors", cache_dir=constants.HF_HUB_CACHE)
        return Path(found) if isinstance(found, str) else None
    path = _checkpoints() / row.weights.rpartition("/")[2]
    return path if path.is_file() else None


def _checkpoints() -> Path:
    """Return torch.hub's folder, without importing torch."""
    cache = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    home = Path(os.environ.get("TORCH_HOME", f"{cache}/torch")).expanduser()
    return home / "hub" / "checkpoints"


def unfit(path: Path, title: str, faults: Mapping[str, list[str]]) -> WeightsInvalid:
    """Return the error of a file whose tensors are not the network's: ``missing``, ``unknown``, of other ``shapes``."""
    said = {
        name: f"{len(found)}: {', '.join(found[:NAMED])}{', …' * (len(found) > NAMED)}" if found else "0"
        for name, found in faults.items()
    }
    problem = "; ".join(f"{name} {what}" for name, what in said.items())
    told = f"{path.name} is damaged or made for another network than {title}: {problem}"
    error = WeightsInvalid(told, file=path.name, model=title, problem=problem, **said)
    error.code = "weights_invalid.fit"
    return error


def _invalid(path: Path, error: Exception) -> WeightsInvalid:
    problem = " ".join(str(error).split()) or type(error).__name__
    if "weights_only" in problem:  # torch and timm advise to unpickle after all
        problem = "it is no plain dictionary of tensors, and nothing else is unpickled: that could run any program"
    problem = problem[:200]
    return WeightsInvalid(
        f"{path.name} is damaged or made for another network: {problem}", file=path.name, problem=problem
    )
