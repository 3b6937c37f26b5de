"""One photo at many scales through one network, kept apart by what "scale" means (SKNet, figs. 3 and 4).

* ``zoom``: the object grows, the input does not: central crop of the *original* photo, resized back (the paper's way).
* ``resolution``: the whole photo as a larger or smaller input.
* ``amplitude``: the same pixels with more or less contrast.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from senet_viz.jobs import Progress
from senet_viz.photos.scale import Kind, at_scale, input_size
from senet_viz.types import Picture, Trace

if TYPE_CHECKING:
    from PIL import Image
    from torch import nn

    from senet_viz.models.catalogue import ModelSpec

CHUNK = 16 * 224 * 224  # pixels that go through the network together; the widest maps of 16 photos are some 200 MB


@dataclass(frozen=True, eq=False)
class Sweep:
    """A sweep has one trace a scale, in the order asked for; ``pictures`` are what the network saw."""

    kind: Kind
    scales: tuple[float, ...]
    traces: tuple[Trace, ...]
    pictures: tuple[Picture, ...]


def groups(scales: Sequence[float], kind: Kind, spec: ModelSpec, most: int | None = None) -> list[tuple[float, ...]]:
    """Group scales that go through the network as one batch: neighbours of one input size.

    Args:
        most: pictures in one batch; None is as many as ``CHUNK`` pixels.
    """
    found: list[tuple[float, ...]] = []
    last = 0
    for scale in map(float, scales):
        size = input_size(spec, scale, kind)
        if size != last or len(found[-1]) >= min(most or CHUNK, max(1, CHUNK // size**2)):
            found.append(())
        found[-1] += (scale,)
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
    """Run one of ``groups`` at once, on a CPU in the memory format that convolutions of a batch like best.

    Raises:
        ValueError: what ``at_scale`` refuses.
    """
    import torch

    from senet_viz.tap import hooks

    with ThreadPoolExecutor(min(len(scales), os.cpu_count() or 1)) as pool:  # Pillow lets go of the interpreter
        pictures = tuple(pool.map(lambda scale: at_scale(image, spec, scale, kind, blur), scales))
    x = torch.cat([picture.x for picture in pictures])
    if all(p.device.type == "cpu" for p in module.parameters()):  # a GPU likes it in half the bits alone
        x = x.contiguous(memory_format=torch.channels_last)
    traces = hooks.run_batch(module, x, (), keep_u, spec.key, [picture.key for picture in pictures])
    return Sweep(kind, tuple(float(s) for s in scales), traces, pictures)


def joined(kind: Kind, sweeps: Sequence[Sweep]) -> Sweep:
    """Join stretches of one sweep."""
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
    spec: ModelSpec,
    kind: Kind = "zoom",
    blur: float = 0.0,
    keep_u: Sequence[str] = (),
    progress: Progress = lambda done, total: None,
) -> Sweep:
    """Run a photo at every scale, pictures of one size as one batch (in chunks of ``CHUNK`` pixels).

    Args:
        spec: how the network wants its pictures.
        keep_u: blocks whose ``u`` is wanted at every scale.
        progress: told after every chunk how many scales of how many are done; False stops, and what is done is kept.

    Raises:
        ValueError: no scales, or what ``at_scale`` refuses.
    """
    if not len(scales):
        raise ValueError("a sweep needs at least one scale")
    found: list[Sweep] = []
    for group in groups(scales, kind, spec):
        found.append(batch(module, image, group, kind, spec, blur, keep_u))
        if progress(sum(len(each.scales) for each in found), len(scales)) is False:
            break
    return joined(kind, found)
