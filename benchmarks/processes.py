"""One web process and two behind nginx: seats a second, and what a process and a session take of memory.

    python -m benchmarks.processes [--seats 30] [--clicks 5] [--processes 1 2]

``clicks``: everybody clicks at once on a page where no click needs a forward (see ``benchmarks.seats``). ``forwards``:
everybody opens a photo and a block that nobody has seen (see ``benchmarks.app``). nginx is configured by
``deploy/nginx.conf``; memory is read where an operator reads it, from each process's ``/metrics``.
"""

import argparse
import asyncio
import random
import re
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from time import perf_counter

from benchmarks._nginx import found, proxy
from benchmarks._seat import Seat
from benchmarks._server import Server, server
from benchmarks._visit import Visit
from benchmarks.app import classroom
from benchmarks.common import print_table
from benchmarks.seats import clicks, said, together

PAGE = "squeeze"
URL: dict[str, object] = {
    "lang": "en",
    "weights": "pretrained",
    "model": "tiny_se",
    "block": "layer3.1.se",
    "channel": 0,
}


def memory(processes: Sequence[str]) -> float:
    """MiB of all processes together."""
    told = [Visit(process).ask("GET", "/metrics")[1].decode() for process in processes]
    return (
        sum(float(re.findall(r"^process_resident_memory_bytes (\S+)$", each, re.MULTILINE)[0]) for each in told) / 2**20
    )


async def room(app: Server, processes: Sequence[str], count: int, turns: int) -> list[str]:
    """What ``count`` seats wait for a click, how many answers come in a second, and MiB of a session."""
    first = await Seat.take(app, PAGE, **URL)
    kinds = clicks(first)
    before, seats = memory(processes), [await Seat.take(app, PAGE, **URL) for _ in range(count)]
    rng, taken, spent = random.Random(0), list[float](), 0.0
    for turn in range(-1, turns):
        asked = [{kind.key: kind.other(said(seat, kind.key), rng)} for seat in seats for kind in [rng.choice(kinds)]]
        start = perf_counter()
        seconds = await together(seats, asked)
        if turn >= 0:  # before that, nobody had asked for some of it
            taken += seconds
            spent += perf_counter() - start
    session = (memory(processes) - before) / count
    for seat in (first, *seats):
        await seat.leave()
    return [
        f"{median(taken) * 1e3:.0f}",
        f"{quantiles(taken, n=20)[-1] * 1e3:.0f}",
        f"{len(taken) / spent:.0f}",
        f"{session:.1f}",
    ]


def measure(processes: int, count: int, turns: int) -> tuple[list[str], list[str]]:
    """The rows of so many processes behind nginx: of clicks, and of forwards."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        addresses = [stack.enter_context(server()).address for _ in range(processes)]
        address, _ = stack.enter_context(proxy(folder, addresses))
        app = Server(address, folder / "none")
        fresh = memory(addresses) / processes
        row = asyncio.run(room(app, addresses, count, turns))
        seats, _, *rest = asyncio.run(classroom(app, count))
        return [str(processes), str(count), *row, f"{fresh:.0f}"], [str(processes), seats, *rest]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seats", type=int, default=30)
    parser.add_argument("--clicks", type=int, default=5)
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2])
    asked = parser.parse_args()
    if found() is None:
        print("nginx is not here (apt install nginx-light): nothing was measured.")
        raise SystemExit(2)
    rows = [measure(processes, asked.seats, asked.clicks) for processes in asked.processes]
    head = ["processes", "seats", "median ms", "95 % ms", "answers a second"]
    print("## No click needs a forward\n")
    print_table([*head, "MiB a session", "MiB a process at start"], [clicks for clicks, _ in rows])
    print("\n## Every click needs one\n")
    print_table(head, [forwards for _, forwards in rows])


if __name__ == "__main__":
    main()
