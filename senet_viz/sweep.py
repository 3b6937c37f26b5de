"""One photo at many scales through one network, kept apart by what "scale" means (SKNet, figs. 3 and 4).

* ``zoom``: the object grows, the input does not: central crop of the *original* photo, resized back (the paper's way).
* ``resolution``: the whole photo as a larger or smaller input.
* ``amplitude``: the same pixels with more or less contrast.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from senet_viz.types import Picture, Trace

if TYPE_CHECKING:
    from PIL import Image
    from torch import nn

    from senet_viz.zoo import ModelSpec

Kind = Literal["zoom", "resolution", "amplitude"]
KINDS: tuple[Kind, ...] = ("zoom", "resolution", "amplitude")
CHUNK = 16 * 224 * 224  # pixels that go through the network together; the widest maps of 16 photos are some 200 MB


@dataclass(frozen=True, eq=False)
class Sweep:
    """One trace a scale, in the order asked for; ``pictures`` are what the network saw."""

    kind: Kind
    scales: tuple[float, ...]
    traces: tuple[Trace, ...]
    pictures: tuple[Picture, ...]


def at_scale(image: Image.Image, spec: ModelSpec, scale: float, kind: Kind = "zoom", blur: float = 0.0) -> Picture:
    """The photo as the network sees it at one scale. At 1.0 without blur it is what ``images.preprocess`` gives.

    Args:
        scale: above 0. Zooming out needs more than there is: the photo is mirrored at its edges.
        blur: standard deviation of a Gaussian in pixels of the input, the same at every scale.

    Raises:
        ValueError: a scale that is not above 0, a blur below 0, or another kind.
    """
    from PIL import Image, ImageFilter

    from senet_viz import images

    if not (np.isfinite(scale) and scale > 0 and np.isfinite(blur) and blur >= 0):
        raise ValueError(f"scale must be above 0 and blur at least 0; got {scale} and {blur}")
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}; got {kind!r}")
    picture = images.preprocess(zoomed(image, scale) if kind == "zoom" else image, spec, input_size(spec, scale, kind))
    shown = picture.shown
    if kind == "amplitude" and scale != 1:
        middle = shown.mean(axis=(0, 1), keepdims=True)  # (1, 1, 3)
        shown = np.rint(np.clip(middle + (shown - middle) * scale, 0, 255)).astype(np.uint8)
    if blur:
        shown = np.asarray(Image.fromarray(shown).filter(ImageFilter.GaussianBlur(blur)))
    return picture if shown is picture.shown else images.as_picture(shown, spec)


def input_size(spec: ModelSpec, scale: float, kind: Kind) -> int:
    """Side of the network's input at that scale, in pixels."""
    return max(8, round(spec.size * scale)) if kind == "resolution" else spec.size


def zoomed(image: Image.Image, scale: float) -> Image.Image:
    """The middle of the photo, ``1 / scale`` of each side; below 1 mirrored outwards."""
    from PIL import Image

    if scale == 1:
        return image
    width, height = (max(1, round(side / scale)) for side in image.size)
    left, top = round((image.width - width) / 2), round((image.height - height) / 2)
    if scale > 1:
        return image.crop((left, top, left + width, top + height))
    before, after = (-top, -left), (height - image.height + top, width - image.width + left)
    pad = ((before[0], after[0]), (before[1], after[1]), (0, 0))
    return Image.fromarray(np.pad(np.asarray(image.convert("RGB")), pad, mode="symmetric"))


def groups(scales: Sequence[float], kind: Kind, spec: ModelSpec, most: int | None = None) -> list[tuple[float, ...]]:
    """Which scales go through the network as one batch: neighbours of one input size.

    Args:
        most: pictures in one batch; None is as many as ``CHUNK`` pixels.
    """
    found: list[tuple[float, ...]] = []
    last = 0
    for scale in map(float, scales):
        size = input_size(spec, scale, kind)
        room = len(found[-1]) < min(most or CHUNK, max(1, CHUNK // size**2)) if found else False
        if room and size == last:
            found[-1] += (scale,)
        else:
            found.append((scale,))
        last = size
    return found


def batch(
    module: nn.Module,
    image: Image.Image,
    scales: Sequence[float],
    kind: Kind,
    spec: ModelSpec,
    blur: float = 0.0,
    keep_u: Sequence[str] = (),
) -> Sweep:
    """One of ``groups`` through the network at once, in the memory format that convolutions of a batch like best.

    Raises:
        ValueError: what ``at_scale`` refuses.
    """
    import torch

    from senet_viz import tap

    with ThreadPoolExecutor(min(len(scales), os.cpu_count() or 1)) as pool:  # Pillow lets go of the interpreter
        pictures = tuple(pool.map(lambda scale: at_scale(image, spec, scale, kind, blur), scales))
    device = next((p.device for p in module.parameters()), torch.device("cpu"))
    x = torch.cat([picture.x for picture in pictures]).to(device, memory_format=torch.channels_last)
    traces = tap.run_batch(module, x, (), keep_u, spec.key, [picture.key for picture in pictures])
    return Sweep(kind, tuple(float(s) for s in scales), traces, pictures)


def joined(kind: Kind, sweeps: Sequence[Sweep]) -> Sweep:
    """Stretches of one sweep as one."""
    return Sweep(
        kind,
        tuple(scale for each in sweeps for scale in each.scales),
        tuple(trace for each in sweeps for trace in each.traces),
        tuple(picture for each in sweeps for picture in each.pictures),
    )


def scale_sweep(
    module: nn.Module,
    image: Image.Image,
    scales: Sequence[float],
    kind: Kind = "zoom",
    spec: ModelSpec | None = None,
    blur: float = 0.0,
    keep_u: Sequence[str] = (),
    progress: Callable[[int, int], bool | None] = lambda done, total: None,
) -> Sweep:
    """Every scale through the network, pictures of one size as one batch (in chunks of ``CHUNK`` pixels).

    Args:
        spec: how the network wants its pictures; needed.
        keep_u: blocks whose ``u`` is wanted at every scale.
        progress: told after every chunk how many scales of how many are done; False stops, and what is done is kept.

    Raises:
        ValueError: no scales, no spec, or what ``at_scale`` refuses.
    """
    if not len(scales) or spec is None:
        raise ValueError("a sweep needs at least one scale and the model's spec")
    found: list[Sweep] = []
    for group in groups(scales, kind, spec):
        found.append(batch(module, image, group, kind, spec, blur, keep_u))
        if progress(sum(len(each.scales) for each in found), len(scales)) is False:
            break
    return joined(kind, found)
