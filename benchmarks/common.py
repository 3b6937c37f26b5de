"""Measure things against each other in one run: interleaved in random order, so that a noisy machine is fair to all."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import quantiles
from time import perf_counter, thread_time


@dataclass(frozen=True)
class Spread:
    """Quartiles, in seconds."""

    low: float
    median: float
    high: float

    def __str__(self) -> str:
        return f"{self.median * 1e3:.2f} ({self.low * 1e3:.2f} to {self.high * 1e3:.2f})"


def spread(seconds: Sequence[float]) -> Spread:
    """Quartiles of at least two measurements."""
    return Spread(*quantiles(seconds, n=4, method="inclusive"))


@dataclass(frozen=True)
class Taken:
    """Seconds of every call of one thing, round by round: on the clock, and of this thread on a processor."""

    wall: list[float]
    cpu: list[float]


def interleaved(
    runs: Mapping[str, Callable[[], object]], rounds: int, warm: int = 3, seed: int = 0
) -> dict[str, Taken]:
    """Each round calls each of ``runs`` once, in a new random order; the first ``warm`` rounds do not count."""
    order, rng = list(runs), random.Random(seed)
    taken = {name: Taken([], []) for name in runs}
    for turn in range(-warm, rounds):
        rng.shuffle(order)
        for name in order:
            start, busy = perf_counter(), thread_time()
            runs[name]()
            busy, end = thread_time() - busy, perf_counter()
            if turn >= 0:
                taken[name].wall.append(end - start)
                taken[name].cpu.append(busy)
    return taken


def print_table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A Markdown table whose columns line up, so that it can be pasted."""
    cells = [[str(cell) for cell in row] for row in (head, *rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ["| " + " | ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)) + " |" for row in cells]
    print("\n".join([lines[0], "|" + "|".join("-" * (w + 2) for w in widths) + "|", *lines[1:]]))
