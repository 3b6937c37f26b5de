"""What a full garbage collection costs before and after ``gc.freeze``, with everything imported that the app may use.

A server that collects after every click pays the first number on every click; ``gc.freeze`` moves what is alive after
start-up out of its sight.

    python -m benchmarks.gc_freeze [--rounds 15]
"""

import argparse
import gc
import importlib
import sys
from collections.abc import Callable
from functools import partial
from time import perf_counter

from benchmarks.common import print_table, spread

IMPORTED = ("torch", "torchvision", "timm", "captum.attr")
MODEL = "mobilenet_v3_small"


def clicker() -> Callable[[], object]:
    """Import everything, load one model, and return what a click does: one traced forward, whose trace is kept."""
    for name in IMPORTED:
        importlib.import_module(name)
    import torch

    from senet_viz.models import load
    from senet_viz.tap import hooks

    torch.set_num_threads(1)
    model, x = load.load(MODEL, weights="random"), torch.zeros(1, 3, 224, 224)
    return partial(hooks.run, model, x)


def collections(click: Callable[[], object], rounds: int) -> tuple[int, list[float]]:
    """Objects that the last collection looked at, and seconds of the full collection after each click."""
    kept, taken = [], []
    for _ in range(rounds):
        kept.append(click())
        start = perf_counter()
        gc.collect()
        taken.append(perf_counter() - start)
    return len(gc.get_objects()), taken


def main(arguments: list[str] | None = None) -> int:
    """Print the table and the ratio."""
    parser = argparse.ArgumentParser(description="gc.collect() before and after gc.freeze()")
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args(arguments).rounds
    click = clicker()
    click()
    tracked, before = collections(click, rounds)
    gc.collect()
    gc.freeze()
    left, after = collections(click, rounds)
    rows = [["before gc.freeze", tracked, spread(before)], ["after", left, spread(after)]]
    print_table(["gc.collect()", "objects it looks at", "ms (quartiles)"], rows)
    print(f"\nbefore / after: {spread(before).median / spread(after).median:.0f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
