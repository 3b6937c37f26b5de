"""The networks one can look into, and how their weights get here. Nothing touches the network until ``load``.

A row of ``MODELS`` is all there is to say about a model. Weights come from, in this order: a file that the caller
names, the folder ``$SENET_VIZ_WEIGHTS``, the package itself, the library's cache, the internet.

Every other classifier of timm and torchvision with a block that we know has a row in ``library()``. Its weights are
never fetched: it is untrained unless they are here.
"""

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from senet_viz import assets, i18n
from senet_viz.errors import NoClassScores, NoGates, SenetVizError, UnknownModel
from senet_viz.networks import registry

UNTRAINED_CLASSES = 200  # of a small network whose weight file is not here


@dataclass(frozen=True)
class ModelSpec:
    """A row says what a model is, how it wants its pictures, where its weights are and what is known about it."""

    key: str
    source: Literal["ours", "torchvision", "timm", "built"]  # "built": by ``variants``; nobody has weights that fit
    arch: str  # the library's own name; of ours, the block of networks.tiny; of what is built, the row of the registry
    title: str
    paper: str
    # what is gated; SENet's are "branch_end", "module_end" (Inception) and "after_relu" (VGG)
    position: Literal["branch_end", "module_end", "after_relu", "post", "inner", "conv", "network_end", "none"]
    gate_fn: str  # "sigmoid", "h_sigmoid", "softmax", "none"; of a library's, also another function's class name
    blocks: int
    weights: str  # an address, "hf:<repository>", or a file name of ours; "" where there are none
    weights_mib: float
    top1: float | None = None  # per cent, ImageNet validation, as published; of ours, see ``weight_files.shipped``
    top1_source: str = ""
    size: int = 224
    crop_pct: float = 0.875
    interpolation: Literal["bilinear", "bicubic"] = "bilinear"
    mean: tuple[float, float, float] = registry.IMAGENET_MEAN
    std: tuple[float, float, float] = registry.IMAGENET_STD
    independent: bool = False  # its scores are sigmoids, one a class: they are shares already, and do not add up to 1
    listed: bool = False  # in ``library()``: nothing is fetched, and nobody wrote a note

    @property
    def note_key(self) -> str:
        """Return the key in ``assets/i18n`` of how this model differs from the paper."""
        return f"model.{self.key}.note"

    @property
    def name(self) -> str:
        """Return the library and its name for this network, as ``timm/seresnet18``; of others the key."""
        return f"{self.source}/{self.arch.partition('.')[0]}" if self.source in ("timm", "torchvision") else self.key

    @property
    def note(self) -> str:
        """Return how this model differs from the paper, in English."""
        return i18n.text(self.note_key, "en")


_SE = "Hu et al., Squeeze-and-Excitation Networks, CVPR 2018"
_SK = "Li et al., Selective Kernel Networks, CVPR 2019"
_M3 = "Howard et al., Searching for MobileNetV3, ICCV 2019"
_RESNEXT = "Xie et al., Aggregated Residual Transformations, CVPR 2017"
_EN = "Tan and Le, EfficientNet, ICML 2019"
_RELEASES = "https://github.com/rwightman/pytorch-image-models/releases/download/"
_PYTORCH = "https://download.pytorch.org/models/"


def _tiny(block: str, title: str, paper: str, position: Any, gate_fn: Any, blocks: int, mib: float) -> ModelSpec:
    key = f"tiny_{block}"
    return ModelSpec(
        key, "ours", block, title, paper, position, gate_fn, blocks, f"{key}.safetensors", mib,
        size=80, crop_pct=1.0, interpolation="bicubic",
    )  # fmt: skip


def _library(
    arch: str, title: str, paper: str, position: Any, gate_fn: Any, blocks: int, mib: float, top1: float,
    file: str = "", **how: Any,
) -> ModelSpec:  # fmt: skip
    """Return a library's row: timm's names end with those of their weights, on the hub where there is no ``file``."""
    key, _, timms = arch.partition(".")
    if timms:
        source: Any = "timm"
        weights, told = _RELEASES + file if file else f"hf:timm/{arch}", "timm, results-imagenet"
    else:
        source, weights, told = "torchvision", _PYTORCH + arch + file, "torchvision, weights.meta"
    return ModelSpec(key, source, arch, title, paper, position, gate_fn, blocks, weights, mib, top1, told, **how)


def _built(name: str, mib: float, **how: Any) -> ModelSpec:
    row = registry.network(name)
    paper: Any = _SK if row.family == "sk" else _SE
    gate_fn: Any = row.gate
    return ModelSpec(
        name, "built", name, row.title, paper, row.position, gate_fn, row.gates, "", mib, size=row.size, **how
    )


MODELS: tuple[ModelSpec, ...] = (
    _tiny("se", "Tiny SE-ResNeXt", _SE, "branch_end", "sigmoid", 10, 3.0),
    _tiny("se_h", "Tiny SE-ResNeXt, h-sigmoid", _M3, "branch_end", "h_sigmoid", 10, 3.7),
    _tiny("sk", "Tiny SKNet", _SK, "conv", "softmax", 10, 3.4),
    _tiny("plain", "Tiny ResNeXt, no gate", _RESNEXT, "none", "none", 0, 2.7),
    _library("mobilenet_v3_small", "MobileNetV3-Small", _M3, "inner", "h_sigmoid", 9, 9.8, 67.668, "-047dcff4.pth"),
    _library(
        "mobilenet_v3_large", "MobileNetV3-Large", _M3, "inner", "h_sigmoid", 8, 21.1, 75.274, "-5c1a4163.pth",
        crop_pct=224 / 232,
    ),
    _library(
        "efficientnet_b0", "EfficientNet-B0", _EN, "inner", "sigmoid", 16, 20.5, 77.692, "_rwightman-7f5810bc.pth",
        interpolation="bicubic",
    ),
    _library(
        "legacy_seresnet50.in1k", "SE-ResNet-50", _SE, "branch_end", "sigmoid", 16, 107.4, 77.65,
        "v0.1-cadene/se_resnet50-ce0d4300.pth",
    ),
    _library(
        "legacy_seresnet18.in1k", "SE-ResNet-18", _SE, "branch_end", "sigmoid", 8, 45.0, 71.74,
        "v0.1-weights/seresnet18-4bb0ce65.pth", interpolation="bicubic",
    ),
    _library(
        "legacy_seresnext50_32x4d.in1k", "SE-ResNeXt-50 32x4d", _SE, "branch_end", "sigmoid", 16, 105.4, 79.08,
        "v0.1-weights/legacy_se_resnext50_32x4d-f3651bad.pth",
    ),
    _library(
        "seresnet50.ra2_in1k", "SE-ResNet-50 (timm)", _SE, "branch_end", "sigmoid", 16, 107.4, 80.26,
        interpolation="bicubic",
    ),
    _library(
        "skresnext50_32x4d.ra_in1k", "SKNet-50", _SK, "conv", "softmax", 16, 105.2, 80.17, interpolation="bicubic",
    ),
    _library("skresnet18.ra_in1k", "SK-ResNet-18", _SK, "conv", "softmax", 8, 45.7, 73.02, interpolation="bicubic"),
    _library(
        "legacy_senet154.in1k", "SENet-154", _SE, "branch_end", "sigmoid", 50, 440.0, 81.32,
        "v0.1-weights/legacy_senet154-e9eb9fe6.pth",
    ),
    # of no library: always untrained
    _built("se_vgg16_bn", 528.7),
    _built("se_bn_inception", 45.6),
    _built("se_inception_v3", 97.4, crop_pct=299 / 342),
    _built(
        "se_inception_resnet_v2", 245.9,
        crop_pct=0.8975, interpolation="bicubic", mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5),
    ),
    _built("se_resnet152", 255.5),
    _built("se_resnext101_32x4d", 187.3),
    _built("se_inception_once", 93.1, crop_pct=299 / 342, independent=True),
    _built("se_resnext_cifar", 16.6, crop_pct=1.0),
    _built("sknet26", 64.1),
    _built("sknet101", 186.6),
)  # fmt: skip
DEFAULT = "tiny_se"
OURS = tuple(sorted(row.key for row in MODELS if row.source == "ours"))  # the small ones; the one without gates first
_BY_KEY = {row.key: row for row in MODELS}


_PAPERS = {  # of a library's kinds of blocks
    "se": _SE, "sk": _SK, "eca": "Wang et al., ECA-Net, CVPR 2020", "ese": "Lee and Park, CenterMask, CVPR 2020",
    "gc": "Cao et al., GCNet, ICCV Workshops 2019", "split": "Zhang et al., ResNeSt, CVPR Workshops 2022",
}  # fmt: skip


@lru_cache(maxsize=1)
def library() -> dict[str, ModelSpec]:
    """Return the other classifiers of timm and torchvision by key: ``tools/models.py`` made the table that is read.

    A key is the library's name of the network; where torchvision or ``MODELS`` has that name too, ``timm/name``.
    """
    rows = json.loads(assets.MODELS.read_text(encoding="utf-8"))
    known = {row.name for row in MODELS}
    others = {row["name"] for row in rows if row["library"] == "torchvision"} | _BY_KEY.keys()
    found = {}
    for row in rows:
        name = f"{row['library']}/{row['name']}"
        if name not in known:
            key = name if row["library"] == "timm" and row["name"] in others else row["name"]
            found[key] = _listed(key, row)
    return found


def _listed(key: str, row: dict[str, Any]) -> ModelSpec:
    return ModelSpec(
        key, row["library"], row["name"], key, _PAPERS[row["kind"]], row["position"], row["gate"], row["blocks"],
        row["weights"], row["mib"], size=row["size"], crop_pct=row["crop_pct"], interpolation=row["interpolation"],
        mean=tuple(row["mean"]), std=tuple(row["std"]), listed=True,
    )  # fmt: skip


@lru_cache(maxsize=1)
def apart() -> dict[str, str | None]:
    """Return the libraries' networks that cannot be shown, by ``library/name``, each with why.

    Why is what looks like an attention block in it, "" where nothing does, or None where there are blocks that we know
    and the network gives no class scores: a detector, a segmenter.
    """
    found: dict[str, str | None] = json.loads(assets.APART.read_text(encoding="utf-8"))
    return found


def _refusal(name: str) -> SenetVizError | None:
    """Return why a network of the libraries is not offered, None where they have no such network."""
    library, _, plain = name.rpartition("/")
    for named in (f"{each}/{plain}" for each in ("torchvision", "timm") if library in ("", each)):
        if named in apart():
            near = apart()[named]
            return NoClassScores(named, listed=False) if near is None else NoGates(named, near)
    return None


@lru_cache(maxsize=1)
def _names() -> dict[str, ModelSpec]:
    """Return every row by its key, by library and name, and by the library's name with that of its weights."""
    rows = (*MODELS, *library().values())
    tagged = {f"{lead}{row.arch}": row for row in MODELS if row.source == "timm" for lead in ("timm/", "")}
    return tagged | {row.name: row for row in rows} | {row.key: row for row in rows}


def has(key: str) -> bool:
    """Return whether ``spec`` has a row of that key."""
    return key in _BY_KEY or key in _names()


def spec(key: str) -> ModelSpec:
    """Return the row of that key, or of that library and name (``timm/seresnet18``).

    Raises:
        NoGates: timm or torchvision has a network of that name, and no block that we know is in it.
        NoClassScores: they have one with such blocks, and it is no classifier.
        UnknownModel: there is none; the error names those that are spelt most alike.
    """
    if key in _BY_KEY:
        return _BY_KEY[key]
    if key in _names():
        return _names()[key]
    if (refusal := _refusal(key)) is not None:
        raise refusal
    near = registry.nearest(key, _names())
    raise UnknownModel(f"no model {key!r}; the nearest names are {near}", name=key, near=near)
