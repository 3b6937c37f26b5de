"""From a photo to what a network sees, and to exactly those pixels for the page."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from senet_viz.models.catalogue import ModelSpec
from senet_viz.types import Picture

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, eq=False, init=False)
class Pixels(Picture):
    """A picture whose ``x`` is made of what it shows when somebody asks: who only draws it needs no torch."""

    mean: tuple[float, float, float]  # of pixels in [0, 1]; R, G, B
    std: tuple[float, float, float]

    def __init__(self, shown: np.ndarray, mean: tuple[float, ...], std: tuple[float, ...], key: str) -> None:
        for name, value in {"shown": shown, "mean": mean, "std": std, "key": key}.items():
            object.__setattr__(self, name, value)

    def __getattr__(self, name: str) -> Any:
        if name != "x":
            raise AttributeError(name)
        x = _input(self.shown, self.mean, self.std)
        object.__setattr__(self, "x", x)
        return x


def preprocess(image: Image.Image, spec: ModelSpec, size: int | tuple[int, int] | None = None) -> Picture:
    """Resize the shorter side to ``size / crop_pct``, crop the centre to ``size``, and normalise.

    This is what the model's library does to evaluate: the pixels are those of torchvision's ``weights.transforms()``
    and of timm's ``create_transform``. A picture that is smaller is enlarged.

    Args:
        size: side in pixels, or (height, width); None is the model's own.

    Raises:
        ValueError: a side below 1.
    """
    height, width = (spec.size, spec.size) if size is None else (size, size) if isinstance(size, int) else size
    if min(height, width) < 1:
        raise ValueError(f"size must be at least 1; got {height} x {width}")
    rgb = image if image.mode == "RGB" else image.convert("RGB")
    high, wide = (math.floor(side / spec.crop_pct + 1e-6) for side in (height, width))  # 224 / (224 / 232) is 231.99...
    if rgb.height * wide <= rgb.width * high:  # the picture is the wider one: its height decides
        wide = int(high * rgb.width / rgb.height)
    else:
        high = int(wide * rgb.height / rgb.width)
    rgb = rgb.resize((wide, high), Image.Resampling[spec.interpolation.upper()])
    top, left = round((high - height) / 2), round((wide - width) / 2)
    return as_picture(np.asarray(rgb)[top : top + height, left : left + width], spec)


def as_picture(shown: np.ndarray, spec: ModelSpec) -> Picture:
    """Return pixels and the input made of them, ``x = (shown / 255 - mean) / std``: here alone pixels become input.

    Args:
        shown: (H, W, 3) uint8, taken as it is.

    Raises:
        ValueError: another shape or type.
    """
    if shown.dtype != np.uint8 or shown.ndim != 3 or shown.shape[2] != 3:
        raise ValueError(f"shown must be (H, W, 3) uint8; got {shown.shape} {shown.dtype}")
    shown = np.array(shown, order="C")  # our own copy, so that nobody can change what was shown
    shown.flags.writeable = False
    key = hashlib.sha256(shown.tobytes() + repr((shown.shape, spec.mean, spec.std)).encode()).hexdigest()
    return Pixels(shown, spec.mean, spec.std, key)


def _input(shown: np.ndarray, mean: tuple[float, ...], std: tuple[float, ...]) -> Tensor:
    """Return (1, 3, H, W) float32."""
    import torch

    middle, spread = (torch.tensor(v).view(1, 3, 1, 1) for v in (mean, std))
    pixels = torch.tensor(shown).permute(2, 0, 1)[None]  # (1, 3, H, W) uint8
    return pixels.contiguous().float().div(255).sub(middle).div(spread)
