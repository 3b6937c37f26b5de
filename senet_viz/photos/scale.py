"""One photo at another scale: as a closer crop, as a larger input, or with more contrast."""

from typing import Literal, get_args

import numpy as np
from PIL import Image, ImageFilter

from senet_viz.models.catalogue import ModelSpec
from senet_viz.photos import preprocess
from senet_viz.types import Picture

Kind = Literal["zoom", "resolution", "amplitude"]
KINDS: tuple[Kind, ...] = get_args(Kind)


def at_scale(image: Image.Image, spec: ModelSpec, scale: float, kind: Kind = "zoom", blur: float = 0.0) -> Picture:
    """Return the photo as the network sees it at one scale: at 1.0 without blur, what ``preprocess.preprocess`` gives.

    Args:
        scale: above 0. Zooming out needs more than there is: the photo is mirrored at its edges.
        blur: standard deviation of a Gaussian in pixels of the input, the same at every scale.

    Raises:
        ValueError: a scale that is not above 0, a blur below 0, or another kind.
    """
    if not (np.isfinite(scale) and scale > 0 and np.isfinite(blur) and blur >= 0):
        raise ValueError(f"scale must be above 0 and blur at least 0; got {scale} and {blur}")
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}; got {kind!r}")
    cropped = zoomed(image, scale) if kind == "zoom" else image
    picture = preprocess.preprocess(cropped, spec, input_size(spec, scale, kind))
    shown = picture.shown
    if kind == "amplitude" and scale != 1:
        middle = shown.mean(axis=(0, 1), keepdims=True)  # (1, 1, 3)
        shown = np.rint(np.clip(middle + (shown - middle) * scale, 0, 255)).astype(np.uint8)
    if blur:
        shown = np.asarray(Image.fromarray(shown).filter(ImageFilter.GaussianBlur(blur)))
    return picture if shown is picture.shown else preprocess.as_picture(shown, spec)


def input_size(spec: ModelSpec, scale: float, kind: Kind) -> int:
    """Return the side of the network's input at that scale, in pixels."""
    return max(8, round(spec.size * scale)) if kind == "resolution" else spec.size


def zoomed(image: Image.Image, scale: float) -> Image.Image:
    """Return the middle of the photo, ``1 / scale`` of each side; below 1 it is mirrored outwards."""
    if scale == 1:
        return image
    width, height = (max(1, round(side / scale)) for side in image.size)
    left, top = round((image.width - width) / 2), round((image.height - height) / 2)
    if scale > 1:
        return image.crop((left, top, left + width, top + height))
    pad = ((-top, height - image.height + top), (-left, width - image.width + left), (0, 0))
    return Image.fromarray(np.pad(np.asarray(image.convert("RGB")), pad, mode="symmetric"))
