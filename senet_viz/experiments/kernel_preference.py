"""Which kernel an SK unit prefers, how that changes with the size of things, and what may be said about it.

The claim that is judged is SKNet's (Li et al., CVPR 2019, section 4.3, fig. 3): "the preference for the larger kernel
rises with the size of the object". A preference is the mean over channels of the last branch's gate minus the first's:
above 0 the larger kernel wins. Size is object zoom: a central crop of the original photo, resized back.

* **holds**: from 1x to 2x the preference rises, by more than in the untrained network, and by more than the loss of
  detail alone would make it rise. For a set of photos the 95 % interval of the picture-by-picture change must lie above
  0, and so must that of the change minus the one by loss of detail. One photo has no interval: it must rise at every
  step and exceed both controls.
* **fails**: it falls, or the interval takes in 0.
* **mixed**: it rises, but no more than a control, or, for one photo, not at every step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from senet_viz.errors import NoGateFound
from senet_viz.experiments.gate_profile import Selection
from senet_viz.experiments.profiling import BATCH, Prepare, blurred, zoomed
from senet_viz.jobs import Progress
from senet_viz.types import Edit

if TYPE_CHECKING:
    from PIL import Image
    from torch import Tensor, nn

    from senet_viz.types import Trace


SCALES = (1.0, 1.5, 2.0)
# Fig. 3 of the paper, one photo (of a tick) through SKNet-50: read off the authors' image, two digits are certain.
PUBLISHED: dict[str, tuple[float, float, float]] = {
    "SK_2_3": (-0.063, -0.061, -0.049),
    "SK_3_4": (-0.043, -0.041, -0.018),
    "SK_4_6": (0.066, 0.089, 0.089),
    "SK_5_3": (0.148, 0.135, 0.074),
}


# --- preferences ------------------------------------------------------------------------------------------------------


def preference(gate: np.ndarray) -> float:
    """Return the mean over c of the last branch minus the first: gate (M, C), M at least 2."""
    return float((gate[-1].astype(np.float64) - gate[0]).mean())


def units(trace: Trace) -> tuple[str, ...]:
    """Return the names of the SK units, in the order in which they ran."""
    return tuple(block.name for block in trace.blocks if block.kind == "sk")


def preferences(traces: Sequence[Trace]) -> np.ndarray:
    """Return the preference of every SK unit in every trace, (Z, U)."""
    return np.array([[preference(np.asarray(b.gate)) for b in trace.blocks if b.kind == "sk"] for trace in traces])


def less_detail(image: Image.Image, scale: float) -> Image.Image:
    """Shrink the whole photo to as few pixels as its zoomed middle has: objects keep their size, detail is lost."""
    from PIL import Image

    if scale <= 1:
        return image
    width, height = (max(1, round(side / scale)) for side in image.size)
    return image.resize((width, height), Image.Resampling.BICUBIC)


def selection(
    module: nn.Module,
    control: nn.Module,
    x: Tensor,
    size: int,
    prepare: Prepare,
    zooms: Sequence[float] = SCALES,
    progress: Progress = lambda done, total: None,
) -> Selection:
    """Measure which kernel every SK unit prefers, picture by picture, with both controls.

    Args:
        module: a network of SK units with two branches, in eval mode.
        control: the same network untrained.
        x: (N, 3, S, S) uint8, the original pictures.

    Raises:
        NoGateFound: the network has no SK unit.
    """
    import torch

    from senet_viz.tap import hooks

    ways = ((module, zoomed), (module, blurred), (control, zoomed))
    found: list[np.ndarray] = []  # of every way, zoom and batch: (B, U)
    done, total = 0, len(ways) * len(zooms) * len(x)
    for network, change in ways:
        for zoom in zooms:
            for rows in x.split(BATCH):
                with torch.inference_mode():
                    batch = prepare(change(rows, zoom, size))
                traces = hooks.run_batch(network, batch)
                if not units(traces[0]):
                    raise NoGateFound("no SK unit", name=type(module).__name__)
                found.append(preferences(traces))
                done += len(traces)
                progress(done, total)
    difference = np.concatenate(found).reshape(len(ways), len(zooms), len(x), -1)
    return Selection(tuple(zooms), units(traces[0]), difference.astype(np.float32))


def gathered(names: Sequence[str], photos: Sequence[np.ndarray], scales: Sequence[float] = SCALES) -> Selection:
    """Join several photos' preferences, (3, Z, U) each in the order of ``gate_profile.CONDITIONS``, to one set.

    Raises:
        ValueError: no photo.
    """
    if not photos:
        raise ValueError("a set needs at least one photo")
    return Selection(tuple(scales), tuple(names), np.stack(photos, axis=2).astype(np.float32))


def by_class(chosen: Selection, truth: np.ndarray, classes: int) -> np.ndarray:
    """Return the mean preference over the photos of each class, (Z, K, U), as in the paper's fig. 4."""
    which = np.eye(classes)[truth]  # (N, K)
    return np.einsum("nk,znu->zku", which, chosen.difference[0].astype(np.float64)) / which.sum(0)[None, :, None]


def one_a_stage(names: Sequence[str], current: str) -> tuple[str, ...]:
    """Return the last unit of every stage, as in the paper's figures; of the current unit's own stage, that unit."""
    stages = {name.split(".")[0]: name for name in (*names, current)}
    return tuple(name for name in names if name in stages.values())


# --- where the kernels reach ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Kernel:
    """A kernel describes one branch's convolution, as the network has it."""

    size: int
    dilation: int
    stride: int

    @property
    def reach(self) -> int:
        """Return the side of the square that its taps span: a 3x3 of dilation 2 reaches as far as a 5x5."""
        return (self.size - 1) * self.dilation + 1

    def __str__(self) -> str:
        return f"{self.reach}×{self.reach}"

    def taps(self, row: float, column: float, spacing: float) -> np.ndarray:
        """Return the rows and columns of its taps in the photo, (size * size, 2).

        Args:
            row, column: the middle tap, in pixels of the photo.
            spacing: pixels of the photo between neighbours of the kernel's input.
        """
        steps = (np.arange(self.size) - (self.size - 1) / 2) * self.dilation * spacing
        down, right = np.meshgrid(row + steps, column + steps, indexing="ij")
        return np.stack([down.ravel(), right.ravel()], axis=1)


def kernels(module: nn.Module, name: str) -> tuple[Kernel, ...]:
    """Return the M convolutions of a block whose branches compete; those of split attention are alike.

    Raises:
        KeyError: no such block of that name.
    """
    from torch import nn

    from senet_viz.tap import layouts

    place = {place.name: place for place in layouts.places(module) if place.layout.kind in ("sk", "split")}[name]
    unit = place.module
    held = layouts.child(unit, "branches") or layouts.child(unit, "paths")  # ours call them branches, timm's paths
    branches = [unit] * place.layout.branches(unit) if held is None else held.children()  # ResNeSt has one for all
    found = (next(part for part in branch.modules() if isinstance(part, nn.Conv2d)) for branch in branches)
    return tuple(Kernel(int(c.kernel_size[0]), int(c.dilation[0]), int(c.stride[0])) for c in found)


def strongest(fused: np.ndarray, stride: int, side: int) -> tuple[float, float, float]:
    """Find where one channel of U (H, W) is strongest, in a photo of ``side`` pixels.

    Returns row, column, and pixels a step of the input of a convolution with that stride.
    """
    h, w = fused.shape
    i, j = np.unravel_index(int(np.abs(fused).argmax()), fused.shape)
    step = side / (h * stride)
    return (float(i) * stride + 0.5) * step - 0.5, (float(j) * stride + 0.5) * side / (w * stride) - 0.5, step


# --- overruling the choice --------------------------------------------------------------------------------------------


def overruled(names: Sequence[str], how: str) -> tuple[Edit, ...]:
    """Return the edits that take the choice out of these units' hands.

    Args:
        how: ``"b0"``, ``"b1"``, ... (that branch alone), ``"swap"`` (each branch gets another's share), ``"equal"``.

    Raises:
        ValueError: another word.
    """
    if how in ("swap", "equal"):
        return tuple(Edit(name, how) for name in names)
    if how[:1] != "b" or not how[1:].isdecimal():
        raise ValueError(f"how must be a branch (b0, b1, ...), swap or equal; got {how!r}")
    return tuple(Edit(name, "branch", (), float(how[1:])) for name in names)
