"""What it costs that the engine is elsewhere: the same question answered here and over Ray Serve, by the size of U.

Of each block of the network that is asked for, the U of one block is wanted, and every question has an edit of its own,
so that nothing is answered from what is kept. Interleaved in random order. The last column is what a question costs more.
"""

from __future__ import annotations

import argparse
from itertools import count

import numpy as np

from benchmarks.common import interleaved, print_table, spread
from senet_viz.models import catalogue
from senet_viz.photos import preprocess, samples
from senet_viz.service.local import LocalEngine
from senet_viz.service.questions import BlocksQuestion, TraceQuestion
from senet_viz.service.remote.engine import RayEngine
from senet_viz.types import Edit
from tools import ray_here


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", nargs="*", default=["tiny_se", "seresnet50"])
    parser.add_argument("--rounds", type=int, default=25)
    said, number = parser.parse_args(), count(1)
    rows = []
    with ray_here.served() as address:
        local, remote = LocalEngine(), RayEngine(address)
        for model in said.models:
            spec = catalogue.spec(model)
            weights = "pretrained" if spec.source == "ours" else "random"
            picture = preprocess.preprocess(samples.sample("chelsea"), spec)
            blocks = local.ask(BlocksQuestion(model, weights=weights))
            for names in ((), (blocks[-1],), (blocks[0],), blocks):

                def ask(engine: LocalEngine | RayEngine, names: tuple[str, ...] = names) -> None:
                    edit = Edit(blocks[-1], "scale", (0,), next(number) / 1e6)
                    engine.ask(TraceQuestion(model, picture, (edit,), names, weights=weights))  # noqa: B023

                ask(local)
                trace = local.ask(TraceQuestion(model, picture, (), names, weights=weights))
                mib = sum(np.asarray(b.u).nbytes for b in trace.blocks if b.u is not None) / 2**20
                took = interleaved({"here": lambda: ask(local), "ray": lambda: ask(remote)}, said.rounds)
                more = [there - here for there, here in zip(took["ray"].wall, took["here"].wall, strict=True)]
                kept = "none" if not names else "all" if names == blocks else names[0]
                cells = (spread(took["here"].wall), spread(took["ray"].wall), spread(more))
                rows.append((model, kept, f"{mib:.2f}", *cells))
    head = ("network", "U of", "MiB", "here, ms", "Ray Serve, ms", "overhead, ms: median (quartiles)")
    print_table(head, rows)


if __name__ == "__main__":
    main()
