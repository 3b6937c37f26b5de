"""The live models on a GPU: a sweep, a long profile, and whether the answers are the CPU's.

    python -m benchmarks.gpu [--rounds 30] [--photos 10000]
    python -m benchmarks.gpu --device cpu            a small run of the same code, which says nothing about a GPU

The sweep is seresnet50 at nine scales and 224 pixels, from the photo on, through the engine, as a page asks for it. The
profile counts the gates of photos that are in memory; beside it stands the bare forward of the same batches. A GPU
works while the program goes on: every time is taken when it has finished. Random weights: no time depends on them.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from functools import partial
from time import perf_counter

import torch
from torch import Tensor, nn

from benchmarks.common import interleaved, print_table, spread
from benchmarks.sweep import SCALES, Forgetful
from senet_viz.errors import DeviceUnavailable
from senet_viz.experiments import profiling
from senet_viz.models import catalogue, devices, load
from senet_viz.photos import samples
from senet_viz.service.questions import SweepQuestion
from senet_viz.tap import hooks
from senet_viz.training.data import normalise
from senet_viz.types import Trace

MODEL, SMALL = "seresnet50", "tiny_se"
CLASSES, SIZE, CHUNK = 50, 224, 1000  # of the profile: classes, side of a photo, photos that are made at a time
GOAL_MS, GOAL_RATIO, GOAL_APART = 15.0, 1.15, 1e-4


def wait(device: str) -> None:
    """Come back when the device has done all that it was asked for."""
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)
    elif device == "mps":
        torch.mps.synchronize()


def timed(work: Callable[[], object], device: str) -> float:
    """Seconds of some work, its end included."""
    wait(device)
    start = perf_counter()
    work()
    wait(device)
    return perf_counter() - start


def sweep(key: str, device: str, rounds: int) -> tuple[str, float]:
    """Median and quartiles in milliseconds, and the median, of a sweep that nobody asked for before."""
    engine, photo = Forgetful(), samples.sample("chelsea")

    def whole() -> None:
        engine.nothing_kept()
        engine.ask(SweepQuestion(key, photo, "chelsea", SCALES, "zoom", weights="random", device=device))
        wait(device)

    taken = spread(interleaved({"sweep": whole}, rounds, warm=min(3, rounds))["sweep"].wall)
    return str(taken), taken.median * 1e3


def bare(module: nn.Module, x: Tensor) -> Tensor:
    """What everybody would write to see what a network takes many photos for."""
    like, found = next(module.parameters()), []
    with torch.inference_mode():
        for start in range(0, len(x), profiling.BATCH):
            batch = normalise(profiling.zoomed(hooks.sent(x[start : start + profiling.BATCH], like), 1.0, x.shape[-1]))
            found.append(module(batch).argmax(1))
        return torch.cat(found).cpu()


def profile(key: str, device: str, photos: int, side: int) -> tuple[float, float]:
    """Seconds of ``photos`` photos: profiled, and through the network alone; chunk by chunk, in turns."""
    module, draw = load.load(key, device, "random"), torch.Generator().manual_seed(0)
    names = [str(n) for n in range(CLASSES)]
    took: dict[str, list[float]] = {"profile": [], "bare": []}
    size = max(CLASSES, min(CHUNK, photos))
    for turn in range(-1, max(1, photos // size)):
        x = torch.randint(0, 256, (size, 3, side, side), dtype=torch.uint8, generator=draw)
        y = torch.arange(size) % CLASSES
        runs = {
            "profile": partial(profiling.run, module, x, y, names, side, normalise, (1.0,)),
            "bare": partial(bare, module, x),
        }
        for name in runs if turn % 2 else reversed(runs):
            seconds = timed(runs[name], device)
            if turn >= 0:  # the first chunk lets the device choose its ways
                took[name].append(seconds)
    return sum(took["profile"]), sum(took["bare"])


def apart(key: str, device: str) -> float:
    """How far a sweep's gates and class scores are from the CPU's, at most; scores relative to the largest."""

    def traces(where: str) -> tuple[Trace, ...]:
        question = SweepQuestion(
            key, samples.sample("chelsea"), "chelsea", SCALES, "zoom", weights="random", device=where
        )
        return Forgetful().ask(question).traces

    worst = 0.0
    for there, here in zip(traces(device), traces("cpu"), strict=True):
        scale = float(here.logits.abs().max())
        worst = max(worst, float((there.logits - here.logits).abs().max()) / scale)
        gates = [(a.gate - b.gate).abs().max() for a, b in zip(there.blocks, here.blocks, strict=True)]
        worst = max(worst, *map(float, gates))
    return worst


def main(arguments: list[str] | None = None) -> int:
    """Print the table; 1 where a goal is missed, 2 where there is no such device."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--photos", type=int, default=10_000)
    asked = parser.parse_args(arguments)
    small = asked.device == "cpu"
    try:
        device = devices.resolve(asked.device)
    except DeviceUnavailable:
        print(f"There is no {asked.device} device here ({', '.join(devices.devices())}): nothing was measured.")
        return 2
    key, side = (SMALL, catalogue.spec(SMALL).size) if small else (MODEL, SIZE)
    rounds, photos = (2, CLASSES) if small else (asked.rounds, asked.photos)
    where = torch.cuda.get_device_name(device) if device.startswith("cuda") else device
    sweep_ms, middle = sweep(key, device, rounds)
    with_, without = profile(key, device, photos, side)
    off = apart(key, device)
    print_table(
        [f"{key} at {side}, {where}", "measured", "goal"],
        [
            ["a sweep of nine scales, ms", sweep_ms, f"at most {GOAL_MS:.0f}"],
            [f"a profile of {photos} photos, s", f"{with_:.2f}", ""],
            [f"{photos} photos, the bare forward, s", f"{without:.2f}", ""],
            ["profile / bare", f"{with_ / without:.3f}", f"at most {GOAL_RATIO:.2f}"],
            ["gates and scores from the CPU's", f"{off:.1e}", f"at most {GOAL_APART:.0e}"],
        ],
    )
    if small:
        print("\nA small run on the CPU: no time of it has a goal.")
        return int(off > GOAL_APART)
    return int(middle > GOAL_MS or with_ > GOAL_RATIO * without or off > GOAL_APART)


if __name__ == "__main__":
    sys.exit(main())
