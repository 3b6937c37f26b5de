"""What it costs that the engine is elsewhere: the same question answered here and over Ray Serve, by the size of U.

Every question has an edit of its own, so that nothing is answered from what is kept; both take turns in random order.
The last column is what a question costs more.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from itertools import count

import numpy as np

from benchmarks.common import interleaved, print_table, spread
from senet_viz.models import catalogue
from senet_viz.photos import preprocess, samples
from senet_viz.service.local import LocalEngine
from senet_viz.service.questions import BlocksQuestion, TraceQuestion
from senet_viz.service.remote.engine import RayEngine
from senet_viz.types import Edit, Trace
from tools import ray_here

Ask = Callable[[LocalEngine | RayEngine], Trace]
_NUMBER = count(1)


def asking(model: str, weights: str, edited: str, names: tuple[str, ...]) -> Ask:
    """Return what asks an engine for a trace with the U of these blocks, never the same one twice."""
    picture = preprocess.preprocess(samples.sample("chelsea"), catalogue.spec(model))

    def ask(engine: LocalEngine | RayEngine) -> Trace:
        edit = Edit(edited, "scale", (0,), next(_NUMBER) / 1e6)
        return engine.ask(TraceQuestion(model, picture, (edit,), names, weights=weights))

    return ask


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", nargs="*", default=["tiny_se", "seresnet50"])
    parser.add_argument("--rounds", type=int, default=25)
    said, rows = parser.parse_args(), []
    with ray_here.served() as address:
        local, remote = LocalEngine(), RayEngine(address)
        for model in said.models:
            weights = "pretrained" if catalogue.spec(model).source == "ours" else "random"
            blocks = local.ask(BlocksQuestion(model, weights=weights))
            for what, names in (("none", ()), ("last", blocks[-1:]), ("first", blocks[:1]), ("all", blocks)):
                ask = asking(model, weights, blocks[-1], names)
                mib = sum(np.asarray(b.u).nbytes for b in ask(local).blocks if b.u is not None) / 2**20
                took = interleaved({"here": partial(ask, local), "ray": partial(ask, remote)}, said.rounds)
                here, there = took["here"].wall, took["ray"].wall
                more = [b - a for a, b in zip(here, there, strict=True)]
                rows.append((model, what, f"{mib:.2f}", spread(here), spread(there), spread(more)))
    print_table(("network", "U of blocks", "MiB", "here, ms", "Ray Serve, ms", "overhead, ms"), rows)


if __name__ == "__main__":
    main()
