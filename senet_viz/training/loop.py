"""Train one of the four small networks on an image folder, on one core or one GPU; interrupt and resume freely.

``DIR`` holds ``train/<class>/*`` and ``val/<class>/*`` (torchvision's ``ImageFolder`` layout). Pictures are decoded
once into memory and augmented as batches: random resized crop over a wide range of areas (scale is what the app
teaches), flip, brightness, contrast. SGD with Nesterov momentum, one cycle, label smoothing, an exponential moving
average of the weights; the average is what is evaluated and saved.

On a GPU the pictures lie in its memory and are augmented there, and no step of the inner loop waits for it.

A training leaves a film behind: the averaged network after 1, 2, 4, 8, ... epochs, each a weight file like the last.

This module is longer than others: a training, its checkpoint and its weight file must agree on what a run is.
"""

import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from safetensors.torch import save
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, update_bn

from senet_viz import assets
from senet_viz.errors import TrainingRefused
from senet_viz.networks import tiny
from senet_viz.networks.tiny import BLOCKS, TinyNet
from senet_viz.training.data import Folder, batches, normalise, read_folder
from senet_viz.training.recipe import Recipe

EVAL_SIZES = (64, 72, 80, 96, 112, 128)
SETTLED = 2500  # training pictures whose statistics the norms hold in the end
FORMAT = "senet-viz tiny 1"
PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}
LEARNED = ("model", "average", "sgd", "cycle")  # what a checkpoint holds the state of


def _whole(x: Tensor, size: int, device: torch.device) -> Tensor:
    """Return whole pictures (B, 3, S, S) uint8 as a network gets them to answer, (B, 3, size, size)."""
    x = F.interpolate(x.to(device).float(), size=(size, size), mode="bicubic", antialias=True)
    return normalise(x.clamp(0, 255))


@torch.inference_mode()
def accuracy(model: nn.Module, data: Folder, size: int, device: torch.device) -> float:
    """Return top-1 in percent over a whole folder, pictures resized to ``size``. The model must be in eval mode."""
    hits = torch.zeros((), dtype=torch.long, device=device)
    for x, y in zip(data.x.split(250), data.y.split(250), strict=True):
        hits += (model(_whole(x, size, device)).argmax(1) == y.to(device)).sum()
    return 100 * int(hits) / len(data.x)


def _is_gate(name: str) -> bool:
    """Return whether a parameter belongs to the two layers in front of a gate: ``layer1.0.se.fc2.weight``."""
    return ".fc1." in name or ".fc2." in name  # the classifier is ``fc``


def untrained(recipe: Recipe, classes: int) -> TinyNet:
    """Return the network as a training with this recipe starts: the same numbers every time."""
    return tiny.untrained(recipe.block, classes, recipe.seed, recipe.gate_start)


def faster_precision(recipe: Recipe, classes: int, device: torch.device, steps: int = 3) -> str:
    """Return ``"bfloat16"`` where a step with it is measured to be faster by a tenth, else ``"float32"``.

    Not every processor computes in bfloat16: without it, autocast was 8 times slower than float32. A GPU that says
    that it can needs no measurement.
    """
    if device.type == "cuda":
        return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float32"
    x = torch.randint(0, 256, (min(recipe.batch, 32), 3, recipe.size, recipe.size), dtype=torch.uint8)
    both = Folder(x, torch.arange(len(x)) % classes, tuple(map(str, range(classes))))
    took = {}
    for name in PRECISIONS:
        run = Run(recipe, both, device, name)
        run.model.train()
        times = []
        for _ in range(steps + 1):  # the first one allocates
            start = time.perf_counter()
            run.step(normalise(both.x), both.y)
            times.append(time.perf_counter() - start)
        took[name] = min(times[1:])
    return "bfloat16" if took["bfloat16"] < 0.9 * took["float32"] else "float32"


class Run:
    """A run is a training that can be saved after every epoch and taken up again."""

    def __init__(self, recipe: Recipe, train: Folder, device: torch.device, precision: str = "float32") -> None:
        if len(train.x) < 2:
            raise TrainingRefused("There must be at least two pictures to train on.")
        self.recipe, self.device, self.train, self.precision = recipe, device, train.to(device), precision
        self.model = untrained(recipe, len(train.classes))
        self.model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = AveragedModel(self.model, use_buffers=True)
        decays: dict[float, list[nn.Parameter]] = {}
        for name, p in self.model.named_parameters():
            decay = recipe.gate_decay if _is_gate(name) else recipe.weight_decay
            decays.setdefault(decay if p.ndim > 1 else 0.0, []).append(p)  # none on norms and biases
        groups = [{"params": params, "weight_decay": decay} for decay, params in decays.items()]
        self.sgd = torch.optim.SGD(groups, recipe.lr, momentum=0.9, nesterov=True)
        steps = max(math.ceil(len(train.x) / recipe.batch) * recipe.epochs, 9)  # a cycle of 5 divides by zero
        self.cycle = torch.optim.lr_scheduler.OneCycleLR(
            self.sgd, recipe.lr, total_steps=steps + 1, pct_start=0.2, cycle_momentum=False
        )
        self.epoch, self.seconds = 0, 0.0
        self.top1: list[float] = []  # of the averaged network, in percent, from epoch 0 on
        pairs = [
            (ours.detach(), new.detach())
            for part in ("parameters", "buffers")
            for ours, new in zip(getattr(self.average.module, part)(), getattr(self.model, part)(), strict=True)
        ]
        self._floats = [pair for pair in pairs if pair[0].is_floating_point()]
        self._counters = [pair for pair in pairs if not pair[0].is_floating_point()]  # batch norm's steps, one number

    def step(self, x: Tensor, y: Tensor) -> Tensor:
        """Learn from one batch, in training mode; returns its loss, still on the device."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bfloat16"):
            logits = self.model(x.contiguous(memory_format=torch.channels_last))
        loss = F.cross_entropy(logits.float(), y, label_smoothing=self.recipe.smoothing)
        self.sgd.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 5.0)
        self.sgd.step()
        self.cycle.step()
        self._update_average()
        return loss.detach()

    @torch.no_grad()
    def _update_average(self) -> None:
        """Do what ``AveragedModel.update_parameters`` does, which would wait for a GPU twice a step."""
        keep = self.recipe.average_keeps(int(self.average.n_averaged))  # this counter lies on the CPU
        ours, new = zip(*self._floats, strict=True)
        torch._foreach_lerp_(ours, new, 1 - keep)
        ours, new = zip(*self._counters, strict=True)
        mixed = torch.stack(ours) * keep + torch.stack(new) * (1 - keep)
        torch._foreach_copy_(ours, list(mixed.long().unbind()))
        self.average.n_averaged += 1

    def one_epoch(self, tick: Callable[[int], object] = lambda n: None) -> float:
        """Train the next epoch; returns the mean loss. ``tick(n)`` is called with every batch's size.

        Raises:
            TrainingRefused: the loss is not a finite number any more.
        """
        start, losses = time.perf_counter(), []
        self.model.train()
        for x, y in batches(self.train, self.recipe, self.epoch):
            losses.append(self.step(x, y))
            tick(len(x))
        loss = float(torch.stack(losses).mean())
        if not math.isfinite(loss):
            raise TrainingRefused(f"The loss is {loss} in epoch {self.epoch + 1}: try a lower learning rate.")
        self.epoch += 1
        self.seconds += time.perf_counter() - start
        return loss

    def save(self, path: Path) -> None:
        """Write a checkpoint: replaced in one step, so that a kill never leaves half a file."""
        state: dict[str, Any] = {"recipe": asdict(self.recipe), "epoch": self.epoch, "seconds": self.seconds}
        state |= {"precision": self.precision, "top1": self.top1}
        state |= {part: getattr(self, part).state_dict() for part in LEARNED}
        state["cycle"] = {k: v for k, v in state["cycle"].items() if isinstance(v, int | float)}
        part = path.with_suffix(".part")
        with part.open("wb") as file:  # opened here, so that what cannot be written is the system's own error
            torch.save(state, file)
        part.replace(path)

    def resume(self, path: Path) -> None:
        """Take up a checkpoint of the same recipe.

        Raises:
            TrainingRefused: the checkpoint is damaged, or was made with another recipe or other classes.
        """
        try:
            state = torch.load(path, map_location=self.device, weights_only=True)
            recipe, epoch, seconds = dict(state["recipe"]), int(state["epoch"]), float(state["seconds"])
            precision, top1 = str(state["precision"]), [float(value) for value in state["top1"]]
        except Exception as error:  # EOFError, UnpicklingError, RuntimeError of the zip reader, KeyError, ...
            raise TrainingRefused(f"{path.name} is damaged: delete it to start over.") from error
        ours = asdict(self.recipe)
        if other := sorted(key for key in ours.keys() | recipe.keys() if ours.get(key) != recipe.get(key)):
            said = ", ".join(f"{key} {recipe.get(key)} instead of {ours.get(key)}" for key in other)
            raise TrainingRefused(f"{path.name} was made with another recipe: {said}.")
        try:
            for part in LEARNED:
                getattr(self, part).load_state_dict(state[part])
        except Exception as error:  # names or shapes that do not fit, a part that is missing
            raise TrainingRefused(f"{path.name} does not fit this network or these classes.") from error
        self.epoch, self.seconds, self.precision, self.top1 = epoch, seconds, precision, top1


def settled(run: Run) -> TinyNet:
    """Return the averaged network; its batch norms hold the statistics of whole training pictures, as it will see them.

    Training leaves those of random crops, smaller and mixed in pairs (Touvron et al., NeurIPS 2019).
    """
    net, x = TinyNet(run.recipe.block, len(run.train.classes)).eval(), run.train.x
    net.load_state_dict(run.average.module.state_dict())
    net.to(run.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    some = x[:: max(1, len(x) // SETTLED)]  # of every class as many; a batch is of all classes
    some = some[torch.randperm(len(some), generator=torch.Generator().manual_seed(0)).to(some.device)]
    update_bn((_whole(each, run.recipe.shown, run.device) for each in some.split(250)), net)
    return net


def frame_path(path: Path, epoch: int) -> Path:
    """Return where the film of the training that writes ``path`` has its frame: ``tiny_se.epoch-4.safetensors``."""
    return path.with_suffix(f".epoch-{epoch}.safetensors")


def write(path: Path, run: Run, val: Folder) -> dict[str, float]:
    """Evaluate the settled network at ``EVAL_SIZES`` and write it with its metadata as fp16 safetensors.

    Returns top-1 in percent by input size. What is evaluated is what is written: the rounded weights.
    """
    net, device, where = settled(run), run.device, str(run.device)
    if device.type == "cuda":
        where = f"cuda ({torch.cuda.get_device_name(device)})"
    half = {k: v.half() if v.is_floating_point() else v for k, v in net.state_dict().items()}
    net.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in half.items()})
    top1 = {str(size): accuracy(net, val, size, device) for size in EVAL_SIZES}
    meta = {
        "format": FORMAT,
        "recipe": json.dumps(asdict(run.recipe)),
        "classes": json.dumps(run.train.classes),
        "top1": json.dumps(top1),
        "val_pictures": str(len(val.x)),
        "train_pictures": str(len(run.train.x)),
        "train_seconds": f"{run.seconds:.0f}",
        "epoch": str(run.epoch),
        "top1_by_epoch": json.dumps(run.top1),  # at ``shown`` pixels, from epoch 0 on
        "precision": run.precision,
        "device": where,
        "torch": torch.__version__,
    }
    part = path.with_suffix(".part")
    part.write_bytes(save({k: v.cpu().contiguous() for k, v in half.items()}, metadata=meta))
    part.replace(path)
    return top1


@contextmanager
def _settings(device: torch.device) -> Iterator[None]:
    """Use one thread on the CPU, where two are no faster for a network this small; the fastest kernels on a GPU."""
    threads, benchmark = torch.get_num_threads(), torch.backends.cudnn.benchmark
    if device.type == "cpu":
        torch.set_num_threads(1)
    torch.backends.cudnn.benchmark = device.type == "cuda"
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.backends.cudnn.benchmark = benchmark


def read_data(data: Path, recipe: Recipe, bar: bool = False) -> tuple[Folder, Folder]:
    """Read ``data/train`` and, with the very same classes, ``data/val``.

    Raises:
        TrainingRefused: see ``read_folder``.
    """
    folder = read_folder(data / "train", recipe.size, recipe.classes, bar=bar)
    return folder, read_folder(data / "val", recipe.size, names=folder.classes, bar=bar)


def train(
    data: Path | tuple[Folder, Folder],
    out: Path,
    recipe: Recipe,
    device: str = "cpu",
    resume: bool = False,
    report: Callable[[str], None] = print,
    stop_after: int | None = None,
    bar: bool = True,
    precision: str = "auto",
) -> dict[str, float] | None:
    """Train, checkpoint every epoch beside ``out``, evaluate, write. Returns top-1 by size, or None if stopped early.

    Args:
        data: holds ``train/<class>/*`` and ``val/<class>/*``; ``val`` may hold more classes. Or both, read.
        out: the weight file; its checkpoint is the same name with ``.ckpt``.
        resume: take up that checkpoint, if it is there.
        report: called with a line of text after every epoch.
        stop_after: stop after this many epochs in this call (the checkpoint stays); None trains to the end.
        bar: progress bars.
        precision: a key of ``PRECISIONS``, or ``"auto"``: whichever is faster here. A resumed training keeps its own.

    Raises:
        TrainingRefused: data or a checkpoint that cannot be used.
    """
    from tqdm.auto import tqdm

    folder, val = read_data(data, recipe, bar) if isinstance(data, Path) else data
    where = torch.device(device)
    with _settings(where):
        chosen = faster_precision(recipe, len(folder.classes), where) if precision == "auto" else precision
    run = Run(recipe, folder, where, chosen)
    val = val.to(run.device)
    out.parent.mkdir(parents=True, exist_ok=True)
    checkpoint = out.with_suffix(".ckpt")
    if resume and checkpoint.exists():
        run.resume(checkpoint)
        report(f"resumed after epoch {run.epoch}")
    end = recipe.epochs if stop_after is None else min(recipe.epochs, run.epoch + stop_after)
    with _settings(run.device):
        if not run.top1:
            run.top1 = [accuracy(run.average.module.eval(), val, recipe.shown, run.device)]
        while run.epoch < end:
            title = f"{recipe.block} {run.epoch + 1}/{recipe.epochs}"
            with tqdm(total=len(folder.x), desc=title, mininterval=5, disable=not bar) as line:
                loss = run.one_epoch(line.update)
            run.top1.append(accuracy(settled(run), val, recipe.shown, run.device))
            if run.epoch in recipe.frames():  # before the checkpoint: a killed training writes it again
                write(frame_path(out, run.epoch), run, val)
            run.save(checkpoint)
            report(f"epoch {run.epoch}: loss {loss:.3f}, averaged top-1 {run.top1[-1]:.2f} %, {run.seconds:.0f} s")
        return write(out, run, val) if run.epoch >= recipe.epochs else None


def train_all(
    data: Path,
    out: Path,
    recipe: Recipe,
    device: str = "cpu",
    resume: bool = False,
    report: Callable[[str], None] = print,
    jobs: int = 1,
    bar: bool = True,
    precision: str = "auto",
) -> None:
    """Train the four networks into ``out/tiny_<block>.safetensors``, ``jobs`` of them side by side.

    On a GPU a network this small is limited by how fast one process can start kernels, so four share one GPU well.

    Raises:
        TrainingRefused: data or a checkpoint that cannot be used, or a training that ended badly.
    """
    paths = {block: out / f"tiny_{block}.safetensors" for block in BLOCKS}
    if jobs == 1:
        folders = read_data(data, recipe, bar)
        for block, path in paths.items():
            train(folders, path, replace(recipe, block=block), device, resume, report, bar=bar, precision=precision)
    else:
        _side_by_side(data, paths, recipe, device, resume, report, jobs, precision)


def _side_by_side(
    data: Path,
    paths: Mapping[str, Path],
    recipe: Recipe,
    device: str,
    resume: bool,
    report: Callable[[str], None],
    jobs: int,
    precision: str,
) -> None:
    """Run each training as a process of its own; every line that it says is reported with its block's name."""
    running: list[subprocess.Popen[str]] = []
    search = os.pathsep.join(filter(None, (str(assets.ROOT), os.environ.get("PYTHONPATH"))))
    env = {**os.environ, "PYTHONPATH": search, "PYTHONUNBUFFERED": "1", "OMP_NUM_THREADS": "1"}
    options = [f"--{key}={getattr(recipe, key)}" for key in ("classes", "epochs", "seed")]
    options += [f"--precision={precision}"] + ["--resume"] * resume

    def one(block: str, path: Path) -> None:
        command = [sys.executable, "-m", "senet_viz", "train", "--quiet", "--data", str(data), "--out", str(path)]
        command += ["--device", device, f"--block={block}", *options]
        last = ""
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env) as child:
            running.append(child)
            assert child.stdout is not None  # a pipe
            for last in map(str.strip, child.stdout):
                report(f"{block}: {last}")
        if child.returncode:
            raise TrainingRefused(f"The training of {block} ended badly: {last or child.returncode}")

    with ThreadPoolExecutor(jobs) as pool:
        waiting = [pool.submit(one, block, path) for block, path in paths.items()]
        try:
            for future in waiting:
                future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for child in running:
                child.terminate()
            raise
