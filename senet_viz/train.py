"""Train one of the four small networks on an image folder, on one core or one GPU; interrupt and resume freely.

``DIR`` holds ``train/<class>/*`` and ``val/<class>/*`` (torchvision's ``ImageFolder`` layout). Pictures are decoded
once into memory and augmented as batches: random resized crop over a wide range of areas (scale is what the app
teaches), flip, brightness, contrast. SGD with Nesterov momentum, one cycle, label smoothing, an exponential moving
average of the weights; the average is what is evaluated and saved.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from senet_viz.networks.tiny import TinyNet

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
EVAL_SIZES = (64, 72, 80, 96, 112, 128)


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the result, written into the weight file."""

    block: str = "se"
    classes: int = 0  # 0: every class that the folder has; else the first N in alphabetical order
    epochs: int = 32
    seed: int = 0
    batch: int = 128
    lr: float = 0.2
    weight_decay: float = 5e-4
    smoothing: float = 0.1
    size: int = 64
    early_size: int = 48  # the first `early_share` of the epochs run smaller pictures, which is faster
    early_share: float = 0.6
    min_area: float = 0.25  # random resized crop: share of the picture's area, from this to 1
    ema: float = 0.997

    def size_at(self, epoch: int) -> int:
        """Side of the training pictures in this epoch, in pixels."""
        return self.early_size if epoch < self.early_share * self.epochs else self.size


@dataclass(frozen=True)
class Folder:
    """A whole image folder in memory: ``x`` (N, 3, S, S) uint8 on the CPU, ``y`` (N,) int64."""

    x: Tensor
    y: Tensor
    classes: tuple[str, ...]


def read_folder(directory: Path, size: int = 64, classes: int = 0) -> Folder:
    """Decode ``directory/<class>/*`` once, shorter side to ``size``, centre square.

    Raises:
        FileNotFoundError: no such folder, or no class folder in it.
    """
    from torchvision.datasets import ImageFolder
    from torchvision.transforms import v2

    squared = v2.Compose([v2.Resize(size, antialias=True), v2.CenterCrop(size), v2.PILToTensor()])
    data = ImageFolder(str(directory), transform=squared)
    keep = len(data.classes) if classes <= 0 else min(classes, len(data.classes))
    index = [i for i, (_, label) in enumerate(data.samples) if label < keep]
    x = torch.empty(len(index), 3, size, size, dtype=torch.uint8)
    for row, i in enumerate(index):
        x[row] = data[i][0]
    return Folder(x, torch.tensor([data.targets[i] for i in index]), tuple(data.classes[:keep]))


def normalise(x: Tensor) -> Tensor:
    """``(B, 3, H, W)`` uint8 to float with ImageNet mean and std."""
    mean, std = (torch.tensor(v, device=x.device).view(1, 3, 1, 1) for v in (MEAN, STD))
    return (x.float() / 255 - mean) / std


def augment(x: Tensor, size: int, min_area: float, rng: torch.Generator) -> Tensor:
    """Random resized crop, flip, brightness and contrast of a whole batch: ``(B, 3, S, S)`` to ``(B, 3, size, size)``."""
    n = len(x)

    def uniform(low: float, high: float) -> Tensor:
        return (torch.rand(n, generator=rng) * (high - low) + low).to(x.device)

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


def batches(data: Folder, recipe: Recipe, epoch: int, device: torch.device) -> Iterator[tuple[Tensor, Tensor]]:
    """One epoch's batches. Order and augmentation depend on (seed, epoch) alone, so a resumed run sees the same."""
    rng = torch.Generator().manual_seed(recipe.seed * 100_003 + epoch)
    order = torch.randperm(len(data.x), generator=rng)
    for rows in order.split(recipe.batch):
        if len(rows) > 1:  # batch normalisation needs two
            x = data.x[rows].to(device)
            yield augment(x, recipe.size_at(epoch), recipe.min_area, rng), data.y[rows].to(device)


@torch.inference_mode()
def accuracy(model: nn.Module, data: Folder, size: int, device: torch.device) -> float:
    """Top-1 in percent over the whole folder, pictures resized to ``size``."""
    hits = 0
    for x, y in zip(data.x.split(250), data.y.split(250), strict=True):
        x = F.interpolate(x.to(device).float(), size=(size, size), mode="bicubic", antialias=True).clamp(0, 255)
        hits += int((model(normalise(x)).argmax(1).cpu() == y).sum())
    return 100 * hits / len(data.x)


class Run:
    """A training that can be saved after every epoch and taken up again."""

    def __init__(self, recipe: Recipe, train: Folder, device: torch.device) -> None:
        torch.manual_seed(recipe.seed)
        self.recipe, self.train, self.device = recipe, train, device
        self.model = TinyNet(recipe.block, len(train.classes)).to(device, memory_format=torch.channels_last)
        self.average = AveragedModel(self.model, multi_avg_fn=get_ema_multi_avg_fn(recipe.ema), use_buffers=True)
        decay = [p for p in self.model.parameters() if p.ndim > 1]
        rest = [p for p in self.model.parameters() if p.ndim <= 1]
        groups = [{"params": decay, "weight_decay": recipe.weight_decay}, {"params": rest, "weight_decay": 0.0}]
        self.sgd = torch.optim.SGD(groups, recipe.lr, momentum=0.9, nesterov=True)
        steps = math.ceil(len(train.x) / recipe.batch) * recipe.epochs
        self.cycle = torch.optim.lr_scheduler.OneCycleLR(
            self.sgd, recipe.lr, total_steps=steps + 1, pct_start=0.2, cycle_momentum=False
        )
        self.epoch, self.seconds = 0, 0.0

    def step(self, x: Tensor, y: Tensor) -> float:
        """One batch; returns its loss."""
        self.model.train()
        with torch.autocast(self.device.type, torch.bfloat16):
            logits = self.model(x.contiguous(memory_format=torch.channels_last))
        loss = F.cross_entropy(logits.float(), y, label_smoothing=self.recipe.smoothing)
        self.sgd.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 5.0)
        self.sgd.step()
        self.cycle.step()
        self.average.update_parameters(self.model)
        return float(loss.detach())

    def one_epoch(self, tick: Callable[[int], None] = lambda n: None) -> float:
        """Train the next epoch; returns the mean loss. ``tick(n)`` is called with every batch's size."""
        start, losses = time.perf_counter(), []
        for x, y in batches(self.train, self.recipe, self.epoch, self.device):
            losses.append(self.step(x, y))
            tick(len(x))
        self.epoch += 1
        self.seconds += time.perf_counter() - start
        return float(np.mean(losses))

    def save(self, path: Path) -> None:
        """Write a checkpoint: replaced in one step, so that a kill never leaves half a file."""
        state = {
            "recipe": asdict(self.recipe),
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "sgd": self.sgd.state_dict(),
            "cycle": {k: v for k, v in self.cycle.state_dict().items() if isinstance(v, int | float)},
            "epoch": self.epoch,
            "seconds": self.seconds,
        }
        part = path.with_suffix(".part")
        torch.save(state, part)
        part.replace(path)

    def resume(self, path: Path) -> None:
        """Take up a checkpoint of the same recipe.

        Raises:
            ValueError: the checkpoint was made with another recipe.
        """
        state = torch.load(path, map_location=self.device, weights_only=True)
        if state["recipe"] != asdict(self.recipe):
            raise ValueError(f"{path.name} was made with another recipe: {state['recipe']}")
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        self.sgd.load_state_dict(state["sgd"])
        self.cycle.load_state_dict(state["cycle"])
        self.epoch, self.seconds = state["epoch"], state["seconds"]


def write(path: Path, run: Run, val: Folder) -> dict[str, float]:
    """Evaluate the averaged network at ``EVAL_SIZES`` and write it with its metadata as fp16 safetensors.

    Returns top-1 in percent by input size. What is evaluated is what is written: the rounded weights.
    """
    net = TinyNet(run.recipe.block, len(run.train.classes)).eval()
    half = {k: v.half() if v.is_floating_point() else v for k, v in run.average.module.state_dict().items()}
    net.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in half.items()})
    net = net.to(run.device, memory_format=torch.channels_last)
    top1 = {str(size): accuracy(net, val, size, run.device) for size in EVAL_SIZES}
    meta = {
        "format": "senet-viz tiny 1",
        "recipe": json.dumps(asdict(run.recipe)),
        "classes": json.dumps(run.train.classes),
        "top1": json.dumps(top1),
        "val_pictures": str(len(val.x)),
        "train_pictures": str(len(run.train.x)),
        "train_seconds": f"{run.seconds:.0f}",
        "device": str(run.device),
        "torch": torch.__version__,
    }
    save_file({k: v.cpu().contiguous() for k, v in half.items()}, path, metadata=meta)
    return top1


def train(
    data: Path,
    out: Path,
    recipe: Recipe,
    device: str = "cpu",
    resume: bool = False,
    report: Callable[[str], None] = print,
    stop_after: int | None = None,
) -> dict[str, float] | None:
    """Train, checkpoint every epoch beside ``out``, evaluate, write. Returns top-1 by size, or None if stopped early.

    Args:
        stop_after: stop after this many epochs in this call (the checkpoint stays); None trains to the end.
    """
    from tqdm.auto import tqdm

    folder = read_folder(data / "train", recipe.size, recipe.classes)
    val = read_folder(data / "val", recipe.size, recipe.classes)
    run = Run(recipe, folder, torch.device(device))
    checkpoint = out.with_suffix(".ckpt")
    if resume and checkpoint.exists():
        run.resume(checkpoint)
        report(f"resumed after epoch {run.epoch}")
    out.parent.mkdir(parents=True, exist_ok=True)
    end = recipe.epochs if stop_after is None else min(recipe.epochs, run.epoch + stop_after)
    while run.epoch < end:
        with tqdm(total=len(folder.x), desc=f"{recipe.block} {run.epoch + 1}/{recipe.epochs}", mininterval=5) as bar:
            loss = run.one_epoch(bar.update)
        run.save(checkpoint)
        top1 = accuracy(run.average.module.eval(), val, recipe.size, run.device)
        report(f"epoch {run.epoch}: loss {loss:.3f}, averaged top-1 {top1:.2f} %, {run.seconds:.0f} s")
    return write(out, run, val) if run.epoch >= recipe.epochs else None
