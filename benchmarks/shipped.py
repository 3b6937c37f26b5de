"""The four small networks that come with the app: load time, and one forward at the size that each works at.

Goals: loaded in at most 0.3 s each, the default's forward in at most 25 ms, all four files at most 40 MB.

    python -m benchmarks.shipped
"""

import sys
from functools import partial

import torch

from benchmarks.common import interleaved, print_table, spread
from senet_viz.models import catalogue, load, weight_files
from senet_viz.photos import preprocess, samples

LOAD_S, FORWARD_S, FILES_MB = 0.3, 0.025, 40


def main() -> int:
    """Print the table; 1 where a goal is missed."""
    rows = [row for row in catalogue.MODELS if row.source == "ours" and weight_files.available(row.key) == "shipped"]
    if not rows:
        print("no trained weights in assets/weights")
        return 1
    loads = interleaved({row.key: partial(load.load, row.key) for row in rows}, rounds=9)
    photo = samples.sample("chelsea")
    runs = {}
    for row in rows:
        model, x = load.load(row.key), preprocess.preprocess(photo, row).x
        runs[row.key] = partial(torch.inference_mode()(model), x)
    forwards = interleaved(runs, rounds=40)
    table, size = [], 0.0
    for row in rows:
        mb = (weight_files.SHIPPED / row.weights).stat().st_size / 1e6
        size += mb
        table.append((row.key, row.size, f"{mb:.1f}", spread(loads[row.key].wall), spread(forwards[row.key].wall)))
    print_table(("network", "input", "MB", "load, ms", "forward, ms"), table)
    slow = [row.key for row in rows if spread(loads[row.key].wall).median > LOAD_S]
    default = spread(forwards[catalogue.DEFAULT].wall).median if catalogue.DEFAULT in forwards else float("inf")
    good = not slow and default <= FORWARD_S and size <= FILES_MB
    print(
        f"\nall files {size:.1f} MB; goals (load {LOAD_S} s, forward {FORWARD_S} s, {FILES_MB} MB):",
        "met" if good else "MISSED",
    )
    return 0 if good else 1


if __name__ == "__main__":
    torch.set_num_threads(1)
    sys.exit(main())
