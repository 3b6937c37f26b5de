"""What recording every gate costs: tapped forward / bare forward, one torch thread, 224 pixels. Goal: at most 1.10.

The goal is judged on processor time, which other programs on the machine disturb least; both run on one thread, so
nothing is left out. Random weights: the time does not depend on them.

    python -m benchmarks.tap [--seconds 20]
"""

import argparse
import gc
import sys
from collections.abc import Callable
from functools import partial
from time import perf_counter

import torch
from torch import Tensor, nn

from benchmarks.common import interleaved, print_table, spread
from senet_viz.models import load
from senet_viz.tap import hooks, layouts

MODELS = ("mobilenet_v3_small", "seresnet50")
GOAL = 1.10
Runs = dict[str, Callable[[], object]]


def bare(model: nn.Module, x: Tensor) -> Tensor:
    """The forward that everybody would write."""
    with torch.inference_mode():
        return model(x)


def runs(model: nn.Module, x: Tensor) -> Runs:
    """What is compared: alone, recorded, recorded with the U of one block."""
    refs = layouts.find(model)
    one = (refs[len(refs) // 2].name,)
    return {
        "bare": partial(bare, model, x),
        "tapped": partial(hooks.run, model, x),
        "tapped, one U": partial(hooks.run, model, x, keep_u=one),
    }


def measure(key: str, seconds: float) -> list[list[object]]:
    """A table row for everything that is compared in one model."""
    model = load.load(key, weights="random")
    x = torch.randn(1, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    compared = runs(model, x)
    for run in compared.values():
        run()
    start = perf_counter()
    for run in compared.values():
        run()
    rounds = max(15, int(seconds / (perf_counter() - start)))
    gc.collect()
    gc.disable()  # as in the app, where a frozen heap leaves it next to nothing to do
    try:
        taken = interleaved(compared, rounds)
    finally:
        gc.enable()
    rows: list[list[object]] = []
    for name in compared:
        wall, cpu = spread(taken[name].wall), spread(taken[name].cpu)
        of_wall = wall.median / spread(taken["bare"].wall).median
        of_cpu = cpu.median / spread(taken["bare"].cpu).median
        rows.append([key, name, rounds, wall, f"{of_wall:.3f}", cpu, f"{of_cpu:.3f}"])
    return rows


def main(arguments: list[str] | None = None) -> int:
    """Print the table; 1 where a tapped forward misses the goal."""
    parser = argparse.ArgumentParser(description="tapped forward / bare forward")
    parser.add_argument("--seconds", type=float, default=20, help="about how long for each model")
    seconds = parser.parse_args(arguments).seconds
    torch.set_num_threads(1)
    rows = [row for key in MODELS for row in measure(key, seconds)]
    print_table(["model", "forward", "rounds", "ms (quartiles)", "ratio", "processor ms (quartiles)", "ratio"], rows)
    worst = max(float(str(row[-1])) for row in rows if row[1] == "tapped")
    print(f"\nworst tapped / bare, processor time: {worst:.3f}; goal: at most {GOAL:.2f}")
    return int(worst > GOAL)


if __name__ == "__main__":
    sys.exit(main())
