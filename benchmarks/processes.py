"""One web process and two behind nginx: seats a second, and what a process and a session take of memory.

    python -m benchmarks.processes [--seats 30] [--clicks 5] [--processes 1 2]

``clicks``: everybody clicks at once on a page where no click needs a forward (see ``benchmarks.seats``). ``forwards``:
everybody opens a photo and a block that nobody has seen (see ``benchmarks.app``). One room of seats stands behind one
process, another behind two, and they take turns. nginx is configured by ``deploy/nginx.conf``; memory is read where an
operator reads it, from each process's ``/metrics``.
"""

import argparse
import asyncio
import random
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from itertools import product
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from time import perf_counter

from benchmarks._nginx import found, proxy
from benchmarks._seat import Seat
from benchmarks._server import Server, server
from benchmarks._visit import Visit
from benchmarks.app import MANY
from benchmarks.common import print_table
from benchmarks.seats import clicks, said, together

TINY: dict[str, object] = {
    "lang": "en",
    "weights": "pretrained",
    "model": "tiny_se",
    "block": "layer3.1.se",
    "channel": 0,
}
LARGER: dict[str, object] = {"lang": "en", "weights": "random", "model": MANY, "channel": 0}
Seats = list[Seat]
Asked = Callable[[int, Seats], Sequence[Mapping[str, int | str]]]


def memory(processes: Sequence[str]) -> float:
    """MiB of all processes together."""
    told = [Visit(process).ask("GET", "/metrics")[1].decode() for process in processes]
    return (
        sum(float(re.findall(r"^process_resident_memory_bytes (\S+)$", each, re.MULTILINE)[0]) for each in told) / 2**20
    )


async def turns(rooms: Mapping[int, Seats], asked: Asked, count: int, first: int) -> list[list[str]]:
    """Let rooms take turns; of each its processes, its seats, median and 95 % in ms, and answers a second."""
    taken: dict[int, list[float]] = {key: [] for key in rooms}
    spent, rng, order = dict.fromkeys(rooms, 0.0), random.Random(0), list(rooms)
    for turn in range(first, count):
        rng.shuffle(order)
        for key in order:
            choices = asked(turn, rooms[key])
            start = perf_counter()
            seconds = await together(rooms[key], choices)
            if turn >= 0:  # before that, nobody had asked for some of it
                taken[key] += seconds
                spent[key] += perf_counter() - start
    return [
        [str(key), str(len(seats)), f"{median(taken[key]) * 1e3:.0f}", f"{quantiles(taken[key], n=20)[-1] * 1e3:.0f}",
         f"{len(taken[key]) / spent[key]:.0f}"]
        for key, seats in rooms.items()
    ]  # fmt: skip


async def measure(apps: Mapping[int, tuple[Server, Sequence[str]]], count: int, rounds: int) -> None:
    """Print the tables of these numbers of processes."""
    rng = random.Random(0)
    firsts = {key: [await Seat.take(app, "squeeze", **TINY) for _ in range(4 * key)] for key, (app, _) in apps.items()}
    before = {key: memory(processes) for key, (_, processes) in apps.items()}
    rooms = {key: [await Seat.take(app, "squeeze", **TINY) for _ in range(count)] for key, (app, _) in apps.items()}
    kinds = clicks(next(iter(rooms.values()))[0])

    def other(turn: int, seats: Seats) -> list[dict[str, int | str]]:
        which = [rng.choice(kinds) for _ in seats]
        return [{kind.key: kind.other(said(seat, kind.key), rng)} for seat, kind in zip(seats, which, strict=True)]

    print("## No click needs a forward\n")
    head = ["processes", "seats", "median ms", "95 % ms", "answers a second"]
    rows = await turns(rooms, other, rounds, -1)
    grown = [(memory(apps[key][1]) - before[key]) / count for key in rooms]
    print_table([*head, "MiB a session"], [[*row, f"{mib:.1f}"] for row, mib in zip(rows, grown, strict=True)])
    for seat in (seat for each in (*rooms.values(), *firsts.values()) for seat in each):
        await seat.leave()

    rooms = {key: [await Seat.take(app, "", **LARGER) for _ in range(count)] for key, (app, _) in apps.items()}
    photos, blocks = (next(iter(rooms.values()))[0].widget(key).options for key in ("photo", "block"))
    fresh = [{"photo": photo, "block": block} for photo, block in product(photos[1:], blocks)]
    rng.shuffle(fresh)
    print("\n## Every click needs one\n")
    unseen = len(fresh) // count
    print_table(head, await turns(rooms, lambda turn, _: fresh[turn * count : (turn + 1) * count], unseen, 0))
    for seat in (seat for each in rooms.values() for seat in each):
        await seat.leave()


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
    with ExitStack() as stack:
        apps = {}
        for processes in asked.processes:
            folder = Path(stack.enter_context(TemporaryDirectory()))
            addresses = [stack.enter_context(server()).address for _ in range(processes)]
            address, _ = stack.enter_context(proxy(folder, addresses))
            apps[processes] = Server(address, 0, folder / "none"), addresses
        every = [address for _, addresses in apps.values() for address in addresses]
        print(f"A process takes {memory(every) / len(every):.0f} MiB when it has started.\n")
        asyncio.run(measure(apps, asked.seats, asked.clicks))


if __name__ == "__main__":
    main()
