"""Memory of a server that runs for long: thousands of reruns, and hundreds of sessions that come and go.

    python -m benchmarks.sessions [--reruns 5000] [--sessions 500]

Both halves are the same: tabs are opened on every page in turn, choose what the page offers, and are closed. What is
drawn is drawn in the first half; the second finds it in the caches. Whatever grows then, grows for ever. Resident
memory after each half, when nobody is there any more, on Linux.
"""

import argparse
import asyncio
import random
from itertools import cycle, islice
from pathlib import Path

import app as pages
from benchmarks._seat import Seat
from benchmarks._server import Server, server
from benchmarks.common import print_table
from benchmarks.seats import clicks, said

PAGES = tuple(key for section in pages.SECTIONS.values() for key, _ in section)
AT_ONCE = 6  # tabs
FORGOTTEN_S = 2  # after which the server forgets a session whose connection was lost
GOAL = 1.02


async def tab(app: Server, number: int, reruns: int) -> None:
    """Open a page, rerun it so often, and close it."""
    page, rng = PAGES[number % len(PAGES)], random.Random(number % len(PAGES))
    path = "" if page == pages.FIRST else page
    seat = await Seat.take(app, path, lang="en", model="tiny_se", block="layer3.1.se", channel=0)
    kinds = clicks(seat)
    for _ in range(reruns - 1):
        kind = rng.choice(kinds)
        await seat.rerun(**{kind.key: kind.other(said(seat, kind.key), rng)})
    await seat.leave()


async def half(app: Server, reruns: int, sessions: int) -> None:
    """So many sessions share so many reruns; a few are there at once."""
    waiting = iter(range(sessions))

    async def place() -> None:
        for number in waiting:
            await tab(app, number, reruns // sessions)

    await asyncio.gather(*(place() for _ in range(AT_ONCE)))


async def rest(app: Server) -> None:
    """Wait until what has ended is forgotten: the store of lost sessions looks at itself when one is lost."""
    for page in islice(cycle(PAGES), 2):
        await asyncio.sleep(FORGOTTEN_S + 1)
        await tab(app, PAGES.index(page), 1)
    await asyncio.sleep(FORGOTTEN_S + 3)


def resident(process: int) -> float:
    """MiB of memory that a process has, without what was swapped out."""
    line = next(each for each in Path(f"/proc/{process}/status").read_text().splitlines() if each.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def measured(reruns: int, sessions: int) -> tuple[float, float]:
    """MiB after the first half of them, and after the second."""
    found = []
    with server("--server.disconnectedSessionTTL", str(FORGOTTEN_S)) as app:
        for _ in range(2):
            asyncio.run(half(app, reruns // 2, sessions // 2))
            asyncio.run(rest(app))
            found.append(resident(app.process))
    return found[0], found[1]


def main() -> None:
    """Measure and print; ends with status 1 where memory grows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reruns", type=int, default=5000)
    parser.add_argument("--sessions", type=int, default=500)
    asked = parser.parse_args()
    first, second = measured(asked.reruns, asked.sessions)
    print_table(["after", "MiB"], [["the first half", f"{first:.0f}"], ["the second half", f"{second:.0f}"]])
    print(f"\n{asked.reruns} reruns in {asked.sessions} sessions: {second / first - 1:+.1%}")
    raise SystemExit(0 if second <= GOAL * first else 1)


if __name__ == "__main__":
    main()
