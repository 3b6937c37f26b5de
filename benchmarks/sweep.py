"""Nine scales as one sweep against nine single traced forwards, both from the photo on. Goal: at most 0.60.

Both go through the engine as the pages' do: a single forward has one torch thread, a sweep those of idle workers too.

    python -m benchmarks.sweep [--rounds 40]
"""

import argparse
import gc
import sys
from functools import partial

from benchmarks.common import interleaved, print_table, spread
from senet_viz.models import catalogue
from senet_viz.photos import samples
from senet_viz.photos import scale as scales
from senet_viz.service.local import LocalEngine
from senet_viz.service.questions import SweepQuestion, TraceQuestion

MODELS = (catalogue.DEFAULT, "mobilenet_v3_small")
SCALES = (0.5, 0.625, 0.75, 0.875, 1.0, 1.25, 1.5, 1.75, 2.0)
GOAL = 0.60


class Forgetful(LocalEngine):
    """An engine that keeps its models and no answer, so that every round works."""

    def nothing_kept(self) -> None:
        """As if nothing had been asked."""
        self._kept.clear()


def measure(key: str, rounds: int) -> list[list[object]]:
    """A row for each way."""
    engine, spec, photo = Forgetful(), catalogue.spec(key), samples.sample("chelsea")
    weights = "pretrained" if spec.source == "ours" else "random"

    def single(kind: scales.Kind) -> None:
        engine.nothing_kept()
        for scale in SCALES:
            engine.ask(TraceQuestion(key, scales.at_scale(photo, spec, scale, kind), weights=weights))

    def whole(kind: scales.Kind) -> None:
        engine.nothing_kept()
        engine.ask(SweepQuestion(key, photo, "chelsea", SCALES, kind, weights=weights))

    ways = {"nine forwards": single, "one sweep": whole}
    kinds: tuple[scales.Kind, ...] = ("zoom", "amplitude")
    runs = {f"{name}, {kind}": partial(run, kind) for kind in kinds for name, run in ways.items()}
    gc.collect()
    gc.freeze()
    taken = interleaved(runs, rounds)
    rows: list[list[object]] = []
    for name, times in taken.items():
        base = spread(taken[f"nine forwards, {name.split(', ')[1]}"].wall)
        now = spread(times.wall)
        rows.append([key, name, rounds, now, f"{now.median / base.median:.2f}"])
    return rows


def main(arguments: list[str] | None = None) -> int:
    """Print the table; 1 where a sweep misses the goal."""
    parser = argparse.ArgumentParser(description="one sweep / nine forwards")
    parser.add_argument("--rounds", type=int, default=40)
    rounds = parser.parse_args(arguments).rounds
    rows = [row for key in MODELS for row in measure(key, rounds)]
    print_table(["model", "nine scales as", "rounds", "ms (quartiles)", "ratio"], rows)
    worst = max(float(str(row[-1])) for row in rows if str(row[1]).startswith("one"))
    print(f"\nworst sweep / nine forwards: {worst:.2f}; goal: at most {GOAL:.2f}")
    return int(worst > GOAL)


if __name__ == "__main__":
    sys.exit(main())
