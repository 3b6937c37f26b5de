"""An image folder as batches: read once, augmented, normalised."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from senet_viz.errors import TrainingRefused
from senet_viz.networks.registry import IMAGENET_MEAN, IMAGENET_STD
from senet_viz.training.recipe import Recipe

DRAWS = 7  # random numbers a picture: area, aspect, centre x, centre y, flip, contrast, brightness


@dataclass(frozen=True, eq=False)
class Folder:
    """A folder holds all its pictures: ``x`` (N, 3, S, S) uint8, ``y`` (N,) int64, class names in order of ``y``."""

    x: Tensor
    y: Tensor
    classes: tuple[str, ...]

    def to(self, device: torch.device) -> Folder:
        """Return the same pictures in a device's memory."""
        return replace(self, x=self.x.to(device), y=self.y.to(device))


def read_folder(
    directory: Path,
    size: int = 64,
    classes: int = 0,
    names: Sequence[str] | None = None,
    bar: bool = False,
    each: int | None = None,
) -> Folder:
    """Decode ``directory/<class>/*`` once, shorter side to ``size``, centre square.

    Args:
        classes: the first N classes in alphabetical order; 0 means all of them.
        names: exactly these classes, in this order, whatever else the folder holds; overrides ``classes``.
        bar: show progress.
        each: the first so many pictures of every class; None means all.

    Raises:
        TrainingRefused: no such folder, no class folder or no picture in it, a picture that cannot be read.
    """
    from torchvision.datasets import ImageFolder
    from torchvision.transforms import v2
    from tqdm.auto import tqdm

    try:
        data = ImageFolder(str(directory))
    except (FileNotFoundError, NotADirectoryError) as error:  # no folder, no class in it, a class without a picture
        problem = "is not there" if not directory.is_dir() else f"cannot be used: {error}"
        raise TrainingRefused(f"The folder {directory} {problem}.") from error
    if names is None:
        names = data.classes[: classes if classes > 0 else None]
    if missing := sorted(set(names) - set(data.classes)):
        raise TrainingRefused(f"The folder {directory} has no class {missing[0]}, which the other folder has.")
    label = {data.class_to_idx[name]: row for row, name in enumerate(names)}
    taken = [0] * len(data.classes)
    samples = []
    for path, index in data.samples:
        taken[index] += 1
        if index in label and (each is None or taken[index] <= each):
            samples.append((path, label[index]))
    squared = v2.Compose([v2.Resize(size, antialias=True), v2.CenterCrop(size)])
    x = torch.empty(len(samples), 3, size, size, dtype=torch.uint8)
    for row, (path, _) in enumerate(tqdm(samples, f"reading {directory.name}", disable=not bar, mininterval=1)):
        try:
            image = data.loader(path)
        except (OSError, SyntaxError, ValueError) as error:
            raise TrainingRefused(f"{path} is not a picture that can be read.") from error
        image = image if image.size == (size, size) else squared(image)
        x[row] = torch.from_numpy(np.array(image)).permute(2, 0, 1)
    return Folder(x, torch.tensor([y for _, y in samples]), tuple(names))


@lru_cache(maxsize=8)
def _statistics(device: torch.device) -> tuple[Tensor, Tensor]:
    """Return mean and std (1, 3, 1, 1), made once: one made from Python numbers would halt a GPU at every batch."""
    with torch.inference_mode(False):
        mean, std = (torch.tensor(v, device=device).view(1, 3, 1, 1) for v in (IMAGENET_MEAN, IMAGENET_STD))
    return mean, std


def normalise(x: Tensor) -> Tensor:
    """Turn ``(B, 3, H, W)`` 0..255 into float with ImageNet mean and std."""
    mean, std = _statistics(x.device)
    return (x.float() / 255 - mean) / std


def augment(x: Tensor, size: int, min_area: float, draws: Tensor) -> Tensor:
    """Crop, resize, flip, brighten and contrast a batch at random: ``(B, 3, S, S)`` to ``(B, 3, size, size)``.

    Args:
        min_area: smallest share of the picture's area that a crop may have.
        draws: (7, B) uniform random numbers in [0, 1), on the same device.
    """
    n = len(x)
    rows = iter(draws)

    def uniform(low: float, high: float) -> Tensor:
        return next(rows) * (high - low) + low

    area = uniform(min_area, 1)
    aspect = torch.exp(uniform(math.log(3 / 4), math.log(4 / 3)))
    w, h = (area * aspect).sqrt().clamp(max=1), (area / aspect).sqrt().clamp(max=1)  # shares of the picture
    cx, cy = uniform(-1, 1) * (1 - w), uniform(-1, 1) * (1 - h)
    flip = torch.where(uniform(0, 1) < 0.5, -1.0, 1.0)
    zero = torch.zeros_like(w)
    theta = torch.stack([torch.stack([w * flip, zero, cx], 1), torch.stack([zero, h, cy], 1)], 1)  # (B, 2, 3)
    grid = F.affine_grid(theta, [n, 3, size, size], align_corners=False)
    x = F.grid_sample(x.float(), grid, padding_mode="reflection", align_corners=False)
    mean = x.mean(dim=(1, 2, 3), keepdim=True)
    x = (x - mean) * uniform(0.7, 1.3).view(n, 1, 1, 1) + mean * uniform(0.7, 1.3).view(n, 1, 1, 1)
    return normalise(x.clamp(0, 255))


def mixed(x: Tensor, y: Tensor, share: float, classes: int) -> tuple[Tensor, Tensor]:
    """Lay every picture over another one of its batch (mixup: Zhang et al., ICLR 2018).

    Args:
        x: (B, 3, H, W) pictures, of which ``share`` stays. y: (B,) their classes.

    Returns:
        (B, 3, H, W), and what share of each belongs to which class, (B, K).
    """
    whole = F.one_hot(y, classes).float()
    return torch.lerp(x.flip(0), x, share), torch.lerp(whole.flip(0), whole, share)


def batches(data: Folder, recipe: Recipe, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Give one epoch's batches, where the data lies: pictures, and their classes or the shares of two, as ``mixed``.

    They depend on (seed, epoch) alone: a resumed run sees the same. The random numbers of the whole epoch are drawn on
    the CPU and sent over in one piece.
    """
    rng = torch.Generator().manual_seed(recipe.seed * 100_003 + epoch)
    order = torch.randperm(len(data.x), generator=rng)
    numbers = [torch.rand(DRAWS, len(rows), generator=rng) for rows in order.split(recipe.batch)]
    shares = np.random.default_rng((recipe.seed, epoch)).beta(recipe.mix or 1, recipe.mix or 1, len(numbers))
    device = data.x.device
    parts = zip(
        order.to(device).split(recipe.batch), torch.cat(numbers, 1).to(device).split(recipe.batch, 1), shares,
        strict=True,
    )  # fmt: skip
    for rows, draws, share in parts:
        if len(rows) > 1:  # batch normalisation needs two
            x, y = augment(data.x[rows], recipe.size_at(epoch), recipe.min_area, draws), data.y[rows]
            yield mixed(x, y, float(share), len(data.classes)) if recipe.mix else (x, y)
