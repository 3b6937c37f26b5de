"""The networks one can look into, and how their weights get here. Nothing touches the network until ``load``.

A row of ``MODELS`` is all there is to say about a model. Weights come from, in this order: a file that the caller
names, the folder ``$SENET_VIZ_WEIGHTS``, the package itself, the library's cache, the internet.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from senet_viz import download, i18n
from senet_viz.errors import DeviceUnavailable, UnknownModel, WeightsInvalid, WeightsUnavailable
from senet_viz.seeds import seeded

if TYPE_CHECKING:
    from torch import Tensor, nn

Progress = Callable[[int, "int | None"], None]  # bytes here, bytes in all (None where the server does not say)
Floats3 = tuple[float, float, float]

SHIPPED = Path(__file__).resolve().parents[1] / "assets" / "weights"
LOCAL = "SENET_VIZ_WEIGHTS"  # environment variable: a folder of <key>.safetensors or <key>.pth
FORMAT = "senet-viz tiny 1"
IMAGENET_MEAN: Floats3 = (0.485, 0.456, 0.406)
IMAGENET_STD: Floats3 = (0.229, 0.224, 0.225)
UNTRAINED_CLASSES = 200  # of a small network whose weight file is not here


@dataclass(frozen=True)
class ModelSpec:
    """One model: what it is, how it wants its pictures, where its weights are, what is known about it."""

    key: str
    source: Literal["ours", "torchvision", "timm", "built"]  # "built": by ``insert``; nobody has weights that fit
    arch: str  # the library's own name; of ours, the block of networks.tiny; of what is built, insert's name
    title: str
    paper: str
    # what is gated; SENet's are "branch_end", "module_end" (Inception) and "after_relu" (VGG)
    position: Literal["branch_end", "module_end", "after_relu", "inner", "conv", "none"]
    gate_fn: Literal["sigmoid", "h_sigmoid", "softmax", "none"]
    blocks: int
    weights: str  # an address, "hf:<repository>", or a file name of ours; "" where there are none
    weights_mib: float
    top1: float | None = None  # per cent, ImageNet validation, as published; of ours, see `shipped`
    top1_source: str = ""
    size: int = 224
    crop_pct: float = 0.875
    interpolation: Literal["bilinear", "bicubic"] = "bilinear"
    mean: Floats3 = IMAGENET_MEAN
    std: Floats3 = IMAGENET_STD

    @property
    def note_key(self) -> str:
        """Key in ``assets/i18n`` of how this model differs from the paper."""
        return f"model.{self.key}.note"

    @property
    def note(self) -> str:
        """How this model differs from the paper, in English."""
        return i18n.text(self.note_key, "en")


_SE = "Hu et al., Squeeze-and-Excitation Networks, CVPR 2018"
_SK = "Li et al., Selective Kernel Networks, CVPR 2019"
_M3 = "Howard et al., Searching for MobileNetV3, ICCV 2019"
_EN = "Tan and Le, EfficientNet, ICML 2019"
_TIMM, _VISION = "timm, results-imagenet", "torchvision, weights.meta"
_RELEASES = "https://github.com/rwightman/pytorch-image-models/releases/download/"
_PYTORCH = "https://download.pytorch.org/models/"


def _tiny(block: str, title: str, paper: str, position: Any, gate_fn: Any, blocks: int, mib: float) -> ModelSpec:
    key = f"tiny_{block}"
    file = f"{key}.safetensors"
    return ModelSpec(
        key, "ours", block, title, paper, position, gate_fn, blocks, file, mib,
        size=80, crop_pct=1.0, interpolation="bicubic",
    )  # fmt: skip


def _built(name: str, title: str, position: Any, gate_fn: Any, blocks: int, mib: float, **how: Any) -> ModelSpec:
    paper = _SK if gate_fn == "softmax" else _SE
    return ModelSpec(name, "built", name, title, paper, position, gate_fn, blocks, "", mib, **how)


MODELS: tuple[ModelSpec, ...] = (
    _tiny(
        "se", "Tiny SE-ResNeXt", _SE,
        "branch_end", "sigmoid", 10, 3.0,
    ),
    _tiny(
        "se_h", "Tiny SE-ResNeXt, h-sigmoid", _M3,
        "branch_end", "h_sigmoid", 10, 3.7,
    ),
    _tiny(
        "sk", "Tiny SKNet", _SK,
        "conv", "softmax", 10, 3.4,
    ),
    _tiny(
        "plain", "Tiny ResNeXt, no gate", "Xie et al., Aggregated Residual Transformations, CVPR 2017",
        "none", "none", 0, 2.7,
    ),
    ModelSpec(
        "mobilenet_v3_small", "torchvision", "mobilenet_v3_small", "MobileNetV3-Small", _M3,
        "inner", "h_sigmoid", 9, _PYTORCH + "mobilenet_v3_small-047dcff4.pth", 9.8, 67.668, _VISION,
    ),
    ModelSpec(
        "mobilenet_v3_large", "torchvision", "mobilenet_v3_large", "MobileNetV3-Large", _M3,
        "inner", "h_sigmoid", 8, _PYTORCH + "mobilenet_v3_large-5c1a4163.pth", 21.1, 75.274, _VISION,
        crop_pct=224 / 232,
    ),
    ModelSpec(
        "efficientnet_b0", "torchvision", "efficientnet_b0", "EfficientNet-B0", _EN,
        "inner", "sigmoid", 16, _PYTORCH + "efficientnet_b0_rwightman-7f5810bc.pth", 20.5, 77.692, _VISION,
        interpolation="bicubic",
    ),
    ModelSpec(
        "legacy_seresnet50", "timm", "legacy_seresnet50.in1k", "SE-ResNet-50", _SE,
        "branch_end", "sigmoid", 16, _RELEASES + "v0.1-cadene/se_resnet50-ce0d4300.pth", 107.4, 77.65, _TIMM,
    ),
    ModelSpec(
        "legacy_seresnet18", "timm", "legacy_seresnet18.in1k", "SE-ResNet-18", _SE,
        "branch_end", "sigmoid", 8, _RELEASES + "v0.1-weights/seresnet18-4bb0ce65.pth", 45.0, 71.74, _TIMM,
        interpolation="bicubic",
    ),
    ModelSpec(
        "legacy_seresnext50_32x4d", "timm", "legacy_seresnext50_32x4d.in1k", "SE-ResNeXt-50 32x4d", _SE,
        "branch_end", "sigmoid", 16, _RELEASES + "v0.1-weights/legacy_se_resnext50_32x4d-f3651bad.pth", 105.4, 79.08,
        _TIMM,
    ),
    ModelSpec(
        "seresnet50", "timm", "seresnet50.ra2_in1k", "SE-ResNet-50 (timm)", _SE,
        "branch_end", "sigmoid", 16, "hf:timm/seresnet50.ra2_in1k", 107.4, 80.26, _TIMM,
        interpolation="bicubic",
    ),
    ModelSpec(
        "skresnext50_32x4d", "timm", "skresnext50_32x4d.ra_in1k", "SKNet-50", _SK,
        "conv", "softmax", 16, "hf:timm/skresnext50_32x4d.ra_in1k", 105.2, 80.17, _TIMM,
        interpolation="bicubic",
    ),
    ModelSpec(
        "skresnet18", "timm", "skresnet18.ra_in1k", "SK-ResNet-18", _SK,
        "conv", "softmax", 8, "hf:timm/skresnet18.ra_in1k", 45.7, 73.02, _TIMM,
        interpolation="bicubic",
    ),
    ModelSpec(
        "legacy_senet154", "timm", "legacy_senet154.in1k", "SENet-154", _SE,
        "branch_end", "sigmoid", 50, _RELEASES + "v0.1-weights/legacy_senet154-e9eb9fe6.pth", 440.0, 81.32, _TIMM,
    ),
    # of no library: always untrained
    _built("se_vgg16_bn", "SE-VGG-16 (BN)", "after_relu", "sigmoid", 13, 528.7),
    _built("se_bn_inception", "SE-BN-Inception", "module_end", "sigmoid", 10, 45.6),
    _built("se_inception_v3", "SE-Inception-v3", "module_end", "sigmoid", 11, 97.4, size=299, crop_pct=299 / 342),
    _built(
        "se_inception_resnet_v2", "SE-Inception-ResNet-v2", "branch_end", "sigmoid", 40, 245.9,
        size=299, crop_pct=0.8975, interpolation="bicubic", mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5),
    ),
    _built("se_resnet152", "SE-ResNet-152", "branch_end", "sigmoid", 50, 255.5),
    _built("se_resnext101_32x4d", "SE-ResNeXt-101 32x4d", "branch_end", "sigmoid", 33, 187.3),
    _built("sknet26", "SKNet-26", "conv", "softmax", 8, 64.1),
    _built("sknet101", "SKNet-101", "conv", "softmax", 33, 186.6),
)  # fmt: skip
DEFAULT = "tiny_se"
_BY_KEY = {row.key: row for row in MODELS}


def spec(key: str) -> ModelSpec:
    """The row of ``MODELS``.

    Raises:
        UnknownModel: no row has that key.
    """
    if key not in _BY_KEY:
        raise UnknownModel(f"no model {key!r}; there are {', '.join(_BY_KEY)}", model=key)
    return _BY_KEY[key]


# --- devices ------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def devices() -> tuple[str, ...]:
    """``"cpu"`` and whichever of ``"cuda"`` and ``"mps"`` really computes here: listed is not enough."""
    import torch

    found = ["cpu"]
    for name, listed in (("cuda", torch.cuda.is_available), ("mps", torch.backends.mps.is_available)):
        try:
            if listed():
                (torch.ones(1, device=name) + 1).cpu()
                found.append(name)
        except (RuntimeError, AssertionError):  # a driver that is too old, a device in use, a build without it
            continue
    return tuple(found)


def resolve(device: str = "auto") -> str:
    """``"auto"`` becomes the fastest device there is; any other name is checked. ``"cuda:1"`` is a name too.

    Raises:
        DeviceUnavailable: that device cannot be used here.
    """
    import torch

    here = devices()
    if device == "auto":
        return next(name for name in ("cuda", "mps", "cpu") if name in here)
    kind, _, index = device.partition(":")
    numbered = kind == "cuda" and index.isdecimal()
    if kind not in here or (":" in device and not (numbered and int(index) < torch.cuda.device_count())):
        raise DeviceUnavailable(f"{device!r} is not here", device=device, devices=", ".join(here))
    return device


# --- where weights are --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Shipped:
    """What the file of a small network says about itself; see ``train.write``."""

    classes: tuple[str, ...]  # wnids, in the order of the outputs
    top1: dict[int, float]  # per cent on the validation pictures, by input size
    recipe: dict[str, Any]
    train_pictures: int
    val_pictures: int
    seconds: float  # of training
    device: str


def available(key: str) -> Literal["shipped", "cached", "download", "missing"]:
    """Where the weights would come from; asks the disk alone.

    ``"missing"``: ours, and its file is not here; or a network that nobody has weights for.
    """
    row = spec(key)
    if _here(row) is None:
        return "missing" if row.source in ("ours", "built") else "download"
    return "shipped" if row.source == "ours" else "cached"


def trained(key: str, weights: str = "pretrained") -> bool:
    """Whether ``load`` gives (or fetches) trained weights; if not, the model must be shown as UNTRAINED."""
    return weights == "pretrained" and available(key) != "missing"


def shipped(key: str) -> Shipped | None:
    """What the file of one of our networks says about itself; None where there is none, or for other models.

    Raises:
        WeightsInvalid: the file is damaged.
    """
    row = spec(key)
    path = _here(row) if row.source == "ours" else None
    return None if path is None else _about(path, path.stat().st_mtime_ns)


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
        top1 = {int(size): float(value) for size, value in json.loads(meta["top1"]).items()}
        counts = int(meta["train_pictures"]), int(meta["val_pictures"])
        classes, recipe = tuple(map(str, json.loads(meta["classes"]))), dict(json.loads(meta["recipe"]))
        return Shipped(classes, top1, recipe, *counts, float(meta["train_seconds"]), meta["device"])
    except Exception as error:  # safetensors, JSON, missing keys, values of another type
        raise _invalid(path, error) from error


def _here(row: ModelSpec) -> Path | None:
    """The weight file on this machine, if there is one."""
    if folder := os.environ.get(LOCAL):
        for end in (".safetensors", ".pth"):
            if (path := Path(folder, row.key + end)).is_file():
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
    """torch.hub's folder, without importing torch."""
    cache = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    home = Path(os.environ.get("TORCH_HOME", f"{cache}/torch")).expanduser()
    return home / "hub" / "checkpoints"


# --- fetching -----------------------------------------------------------------------------------------------------

_DONE: dict[str, int] = {}


def downloaded_bytes(key: str) -> int:
    """Bytes of this model's weights fetched by this process so far: for a page that polls."""
    return _DONE.get(key, 0)


def fetch(key: str, progress: Progress | None = None) -> None:
    """Bring the weights of a model onto this machine where they are not here: ``load`` then needs no network.

    Args:
        progress: called with (bytes here, bytes in all or None), in this thread.

    Raises:
        UnknownModel: no such model.
        WeightsUnavailable: they cannot be fetched, or nobody has any; known within some 10 s where there is no
            network, within half a minute where they come too slowly.
    """
    _file(spec(key), None, progress)


def _fetch(row: ModelSpec, progress: Progress | None = None) -> Path:
    """The weight file, from the library's cache or else into it; one download at a time for each model.

    Raises:
        WeightsUnavailable: see ``fetch``.
    """
    if (path := _cached(row)) is not None:
        return path

    def work(report: download.Report) -> Path:
        def told(done: int, total: int) -> None:
            _DONE[row.key] = done
            report(done, total)

        if (path := _cached(row)) is not None:  # somebody else's has just ended
            return path
        if row.weights.startswith("hf:"):
            return download.from_hub(row.weights[3:], told)
        return download.from_address(row.weights, _checkpoints() / row.weights.rpartition("/")[2], told)

    def report(done: int, total: int) -> None:
        if progress is not None:
            progress(done, total or None)

    try:
        path = download.once(row.weights, work, report)
    except Exception as error:  # URLError, HTTPError, the hub's own, time-outs, a full disk: all mean "not today"
        message = f"{row.title}: cannot fetch {row.weights}: {error}"
        raise WeightsUnavailable(message, model=row.title, mib=row.weights_mib) from error
    size = path.stat().st_size
    report(size, size)
    return path


# --- loading ------------------------------------------------------------------------------------------------------


def load(
    key: str,
    device: str = "cpu",
    weights: Literal["pretrained", "random"] = "pretrained",
    progress: Progress | None = None,
    file: str | Path | None = None,
) -> nn.Module:
    """The model in eval mode, without gradients for its weights, on ``device``.

    Args:
        device: a name that ``resolve`` takes.
        weights: ``"random"`` is the untrained control, the same on every call. One of ours whose file is missing
            is untrained in any case: ask ``trained``.
        progress: called with (bytes here, bytes in all or None) while weights are fetched, in this thread.
        file: weights of your own, safetensors or a state dictionary that needs no unpickling.

    Raises:
        UnknownModel: no such model.
        DeviceUnavailable: no such device here.
        WeightsUnavailable: the weights are not here and cannot be fetched, or nobody has any.
        WeightsInvalid: a weight file that is damaged or another network's.
    """
    row, target = spec(key), resolve(device)
    if weights not in ("pretrained", "random"):
        raise ValueError(f"weights must be 'pretrained' or 'random'; got {weights!r}")
    model = _build(row) if weights == "random" else _trained(row, _file(row, file, progress))
    return model.to(target).eval().requires_grad_(False)


def outline(key: str) -> nn.Module:
    """The architecture on the meta device: it takes no memory for weights, and cannot compute.

    Raises:
        UnknownModel: no such model.
    """
    import torch

    row = spec(key)
    with torch.device("meta"):
        return _build(row).eval().requires_grad_(False)


def _file(row: ModelSpec, file: str | Path | None, progress: Progress | None) -> Path | None:
    """Where to read from; None where one of ours has no file."""
    if file is not None:
        if not Path(file).is_file():
            raise WeightsUnavailable(f"no file {file}", model=row.title, mib=row.weights_mib)
        return Path(file)
    path = _here(row)
    if path is None and row.source == "built":
        raise WeightsUnavailable(f"{row.title}: no library has weights that fit", model=row.title, mib=0, nobody=True)
    return path if path is not None or row.source == "ours" else _fetch(row, progress)


def _build(row: ModelSpec, **options: Any) -> nn.Module:
    """The architecture with the random weights of seed 0, or what ``options`` add; global randomness is untouched."""
    with seeded(0):
        if row.source == "ours":
            from senet_viz.networks.tiny import TinyNet

            return TinyNet(row.arch, options.get("classes") or len(classes(row.key)) or UNTRAINED_CLASSES)
        if row.source == "built":
            from senet_viz import insert

            return insert.build(row.arch)
        if row.source == "torchvision":
            import torchvision

            return torchvision.models.get_model(row.arch, weights=None)
        import timm

        if not row.arch.startswith("legacy_"):  # else the last norm of a unit starts at 0, and its gate does nothing
            options["zero_init_last"] = False
        return timm.create_model(row.arch, **options)


def _trained(row: ModelSpec, path: Path | None) -> nn.Module:
    if path is None:
        return _build(row)
    if row.source != "ours":
        _glance(path)
    try:
        if row.source == "timm":  # timm's loader renames what old checkpoints call differently
            model = _build(row, pretrained=True, pretrained_cfg_overlay={"file": str(path)})
        elif row.source == "ours":
            about = _about(path, path.stat().st_mtime_ns)
            if about.recipe.get("block") != row.arch:
                raise ValueError(f"made for block {about.recipe.get('block')!r}, not {row.arch!r}")
            model = _build(row, classes=len(about.classes))
            model.load_state_dict(_state(path))
        else:
            model = _build(row)
            model.load_state_dict(_state(path))
        if not all(bool(v.isfinite().all()) for v in model.state_dict().values()):
            raise ValueError("it holds values that are not finite")
        return model
    except WeightsInvalid:
        raise
    except Exception as error:  # RuntimeError for names and shapes, UnpicklingError, SafetensorError, EOFError, ...
        raise _invalid(path, error) from error


def _state(path: Path) -> dict[str, Tensor]:
    """Names to float32 tensors; nothing is unpickled."""
    import torch
    from safetensors.torch import load_file

    if path.suffix == ".safetensors":
        state = load_file(path)
    else:
        state = torch.load(path, map_location="cpu", weights_only=True)
    return {name: v.float() if v.is_floating_point() else v for name, v in state.items()}


def _invalid(path: Path, error: Exception) -> WeightsInvalid:
    problem = " ".join(str(error).split()) or type(error).__name__
    if "weights_only" in problem:  # torch and timm advise to unpickle after all
        problem = "it is no plain dictionary of tensors, and nothing else is unpickled: that could run any program"
    problem = problem[:200]
    return WeightsInvalid(
        f"{path.name} is damaged or made for another network: {problem}", file=path.name, problem=problem
    )
