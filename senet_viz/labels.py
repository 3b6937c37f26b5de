"""Names of the classes in the language of the page; English where a name is not known in it."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from senet_viz import zoo
from senet_viz.zoo import ModelSpec

FOLDER = Path(__file__).resolve().parents[1] / "assets" / "labels"


@lru_cache(maxsize=8)
def _table(name: str) -> Any:
    return json.loads((FOLDER / name).read_text(encoding="utf-8"))


def names(spec: ModelSpec, lang: str = "en") -> tuple[str, ...]:
    """Every class name, in the order of the model's outputs."""
    if spec.source != "ours":
        return _imagenet(lang)
    tiny = _table("tiny.json")
    # An untrained network's outputs mean nothing: any fixed order will do.
    wnids = zoo.classes(spec.key) or tuple(sorted(tiny))[: zoo.UNTRAINED_CLASSES]
    return tuple(tiny.get(wnid, {}).get(lang) or tiny.get(wnid, {}).get("en") or wnid for wnid in wnids)


@lru_cache(maxsize=8)
def _imagenet(lang: str) -> tuple[str, ...]:
    """The 1000 classes of ILSVRC 2012."""
    file = f"imagenet.{lang}.json"
    if lang.isalpha() and (FOLDER / file).is_file():
        return tuple(_table(file))
    from torchvision.models._meta import _IMAGENET_CATEGORIES

    return tuple(_IMAGENET_CATEGORIES)


def label(spec: ModelSpec, index: int, lang: str = "en") -> str:
    """Name of output ``index``.

    Raises:
        IndexError: the model has no such output.
    """
    if index < 0:
        raise IndexError(f"no class {index}")
    return names(spec, lang)[index]


def count(spec: ModelSpec) -> int:
    """Number of classes, which is the number of outputs."""
    return len(names(spec, "zh"))  # the list that needs no torchvision
