"""256 channels muted one at a time: one ranking against 256 single traced forwards. Goal: at most 0.35.

Both with one torch thread, as the engine runs them.

    python -m benchmarks.whatif [--rounds 5] [--block layer3.1.se]
"""

import argparse
import gc
import sys

import torch

from benchmarks.common import interleaved, print_table, spread
from senet_viz.experiments import channel_ranking
from senet_viz.models import catalogue, load
from senet_viz.photos import preprocess, samples
from senet_viz.tap import hooks
from senet_viz.types import Edit

GOAL = 0.35


def measure(block: str, rounds: int) -> list[list[object]]:
    """A row for each way."""
    spec = catalogue.spec(catalogue.DEFAULT)
    module, x = load.load(spec.key), preprocess.preprocess(samples.sample("chelsea"), spec).x
    count = hooks.run(module, x).block(block).channels

    def single() -> None:
        for c in range(count):
            hooks.run(module, x, (Edit(block, "mute", (c,)),))

    def batched() -> None:
        channel_ranking.ranking(module, x, block)

    gc.collect()
    gc.freeze()
    taken = interleaved({"one by one": single, "one ranking": batched}, rounds, warm=1)
    base = spread(taken["one by one"].wall)
    rows: list[list[object]] = []
    for name, times in taken.items():
        now = spread(times.wall)
        rows.append([spec.key, block, count, name, rounds, now, f"{now.median / base.median:.2f}"])
    return rows


def main(arguments: list[str] | None = None) -> int:
    """Print the table; 1 where a ranking misses the goal."""
    parser = argparse.ArgumentParser(description="one ranking / as many forwards as channels")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--block", action="append", help="default: the first and the last of 256 channels")
    args = parser.parse_args(arguments)
    torch.set_num_threads(1)
    rows = [row for block in args.block or ["layer3.0.se", "layer3.2.se"] for row in measure(block, args.rounds)]
    print_table(["model", "block", "channels", "channels muted", "rounds", "ms (quartiles)", "ratio"], rows)
    worst = max(float(str(row[-1])) for row in rows if row[3] == "one ranking")
    print(f"\nworst ranking / forwards one by one: {worst:.2f}; goal: at most {GOAL:.2f}")
    return int(worst > GOAL)


if __name__ == "__main__":
    sys.exit(main())
