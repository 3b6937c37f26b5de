"""What a click costs on the server: alone, with and without the frozen garbage, and with a class clicking at once.

    python -m benchmarks.app [--clicks 30] [--seats 10 30] [--only rerun gc seats]

A real server, and seats that speak a browser's half of the protocol. No click here but those of the last table needs a
forward; a class whose clicks need none is in ``seats.py``. Random weights, so that it runs anywhere.
"""

import argparse
import asyncio
import random
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from itertools import product
from statistics import median, quantiles
from time import perf_counter

from benchmarks._seat import Seat
from benchmarks._server import Server, server
from benchmarks.common import print_table, spread
from benchmarks.seats import together

PAGES = ("squeeze", "excitation", "rescale", "what_if")
BLOCKS = {  # 256 channels each, of 8x8, 14x14 and 56x56
    "tiny_se": "layer3.1.se",
    "legacy_seresnet18": "layer3.0.se_module",
    "legacy_seresnet50": "layer1.0.se_module",
}
GOAL_MS = 60.0
MANY = "mobilenet_v3_small"


def ms(seconds: float) -> str:
    """A median for a table."""
    return f"{seconds * 1e3:.0f}"


async def sit(app: Server, page: str, model: str, channel: int = 0) -> Seat:
    """A seat in front of that model's block of 256 channels."""
    path = "" if page == PAGES[0] else page
    return await Seat.take(app, path, lang="en", weights="random", model=model, block=BLOCKS[model], channel=channel)


async def reruns(app: Server, clicks: int) -> list[list[str]]:
    """Pin channel after channel, then the same ones again: a row a page and block."""
    rows = []
    for model, block in BLOCKS.items():
        for page in PAGES:
            seat = await sit(app, page, model)
            await seat.rerun(channel=255)
            for what in ("new", "seen"):
                before = len(app.runs())
                taken = [await seat.rerun(channel=c) for c in range(1, clicks + 1)]
                walls, busy = zip(*app.runs()[before:], strict=True)
                medians = [str(spread(values)) for values in (walls, busy, taken)]
                rows.append([page, f"{model} {block}", what, *medians])
            await seat.leave()
    return rows


def rerun_table(clicks: int) -> bool:
    """Print what a warm rerun costs; whether the goal is met."""
    with server() as app:
        rows = asyncio.run(reruns(app, clicks))
    print(f"## A click that pins another channel: milliseconds, median and quartiles of {clicks}\n")
    print_table(["page", "block", "channel", "script, clock", "script, processor", "click to last message"], rows)
    return all(float(row[3].split()[0]) <= GOAL_MS for row in rows)


async def ready(app: Server) -> Seat:
    """A seat in front of a server that has timm, torchvision and three models, and drew all figures it will need."""
    for model in ("legacy_seresnet50", MANY):
        seat = await Seat.take(app, "", lang="en", weights="random", model=model, channel=0)
        await seat.leave()
    seat = await sit(app, "squeeze", "tiny_se")
    for channel in (1, 2):
        await seat.rerun(channel=channel)
    return seat


async def garbage(apps: Mapping[tuple[bool, bool], Server], rounds: int) -> dict[tuple[bool, bool], list[float]]:
    """Seconds of two clicks in a row on each server, which take turns in random order."""
    seats = {kind: await ready(app) for kind, app in apps.items()}
    taken: dict[tuple[bool, bool], list[float]] = {kind: [] for kind in apps}
    rng, kinds = random.Random(0), list(apps)
    for _ in range(rounds):
        rng.shuffle(kinds)
        for kind in kinds:
            start = perf_counter()
            for channel in (1, 2):
                await seats[kind].rerun(channel=channel)
            taken[kind].append(perf_counter() - start)
            await asyncio.sleep(0.5)  # what is collected after the second click is not the next server's business
    for seat in seats.values():
        await seat.leave()
    return taken


def gc_table(rounds: int) -> None:
    """Print what ``gc.freeze`` and ``postScriptGC = false`` are worth."""
    with ExitStack() as stack:
        apps = {}
        for frozen, collecting in product((True, False), (False, True)):
            options = ["--runner.postScriptGC", str(collecting).lower(), *([] if frozen else ["--thaw"])]
            apps[frozen, collecting] = stack.enter_context(server(*options))
        taken = asyncio.run(garbage(apps, rounds))
    best = median(taken[True, False])
    yes = {True: "yes", False: "no"}
    rows = [
        [yes[kind[0]], yes[kind[1]], str(spread(seconds)), f"{median(seconds) / best:.2f}"]
        for kind, seconds in taken.items()
    ]
    print(f"\n## Garbage: milliseconds of two clicks in a row, median and quartiles of {rounds}\n")
    print_table(["frozen", "collected after a run", "two clicks", "ratio"], rows)


async def classroom(app: Server, count: int) -> list[str]:
    """The row of ``count`` seats, each of which asks for photos and blocks that nobody has asked for."""
    url: dict[str, object] = {"lang": "en", "weights": "random", "model": MANY, "channel": 0}
    seats = [await Seat.take(app, "", **url) for _ in range(count)]
    photos, blocks = (seats[0].widget(key).options for key in ("photo", "block"))
    fresh = [{"photo": photo, "block": block} for photo, block in product(photos[1:], blocks)]
    random.Random(0).shuffle(fresh)
    taken, start = [], perf_counter()
    for turn in range(len(fresh) // count):
        taken += await together(seats, fresh[turn * count : (turn + 1) * count])
    rate = len(taken) / (perf_counter() - start)
    for seat in seats:
        await seat.leave()
    return [str(count), str(len(taken)), ms(median(taken)), ms(quantiles(taken, n=20)[-1]), f"{rate:.0f}"]


def seats_table(counts: Sequence[int]) -> None:
    """Print how long a class waits when everybody asks for a forward of their own at once."""
    rows = []
    for count in counts:
        with server() as app:
            rows.append(asyncio.run(classroom(app, count)))
    print(f"\n## Everybody opens another photo and block, {MANY}: milliseconds from click to last message\n")
    print_table(["seats", "clicks", "median", "95 %", "answers a second"], rows)


def main() -> None:
    """Measure and print; ends with status 1 where the goal of the first table is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clicks", type=int, default=30)
    parser.add_argument("--seats", type=int, nargs="+", default=[10, 30])
    parser.add_argument("--only", nargs="+", choices=("rerun", "gc", "seats"), default=("rerun", "gc", "seats"))
    asked = parser.parse_args()
    met = rerun_table(asked.clicks) if "rerun" in asked.only else True
    if "gc" in asked.only:
        gc_table(asked.clicks)
    if "seats" in asked.only:
        seats_table(asked.seats)
    raise SystemExit(0 if met else 1)


if __name__ == "__main__":
    main()
