"""A class on a small network while one seat loads a large one and sweeps it: do the others notice?

    python -m benchmarks.fairness [--seats 30] [--seconds 10] [--model legacy_senet154]

All seats look at tiny_se. In each round they click at the same moment: two thirds choose something that needs no
forward, one third asks the stage for the answer with another channel closed, which needs one each time. One seat more
opens the large network, with random weights; then it sweeps one photo after the other until its tab is closed. Rounds
with it and without it take turns in one run of one server. The last line is the ratio of what 95 % waited at most.
"""

import argparse
import asyncio
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import cycle
from statistics import median, quantiles
from time import perf_counter
from urllib.parse import urlencode
from urllib.request import ProxyHandler, build_opener

from benchmarks._seat import Seat
from benchmarks._server import Server, server
from benchmarks.common import print_table
from benchmarks.seats import Click, clicks, said
from senet_viz.photos import samples

SMALL, LARGE = "tiny_se", "legacy_senet154"
PAGES = ("squeeze", "excitation", "rescale", "where_it_sits", "what_if", "class_profiles")
BLOCKS = tuple(f"layer{stage}.{unit}.se" for stage in (1, 2, 3) for unit in (0, 1))
CHANNELS = 32  # that every one of them has
PAUSE_S = 0.2  # between two rounds
ENDS_S = 1.0  # after which work that nobody waits for any more has ended
TURNS, LONGEST_S = 4, 300.0
GOAL = 2.0  # times as long, at most


@dataclass
class Class:
    """The seats on the small network, what each can click, and what the stage has not been asked yet."""

    app: Server
    seats: list[Seat]
    kinds: list[list[Click]]
    rng: random.Random = field(default_factory=lambda: random.Random(0))
    asked: int = 0

    @classmethod
    async def come(cls, app: Server, count: int) -> "Class":
        """Let so many seats open their pages, and see every value once that they will choose."""
        url = {"lang": "en", "model": SMALL, "block": BLOCKS[-1], "channel": 0}
        seats = [await Seat.take(app, page, **url) for page, _ in zip(cycle(PAGES), range(count), strict=False)]
        kinds = [clicks(seat) for seat in seats]
        for seat, each in list(zip(seats, kinds, strict=True))[: len(PAGES)]:
            for kind in each:
                for value in kind.values if kind.key != "channel" else ():
                    await seat.rerun(**{kind.key: value})
        return cls(app, seats, kinds)

    async def round(self) -> list[float]:
        """Let all click at the same moment; seconds of each."""
        waiting = []
        for n, (seat, kinds) in enumerate(zip(self.seats, self.kinds, strict=True)):
            kind = self.rng.choice(kinds)
            waiting.append(
                self._closed() if n % 3 == 2 else seat.click(**{kind.key: kind.other(said(seat, kind.key), self.rng)})
            )
        taken = await asyncio.gather(*waiting)
        for n, seat in enumerate(self.seats):
            if n % 3 != 2:
                seat.take_in()
        return taken

    async def _closed(self) -> float:
        """Ask what the network answers with a channel closed that nobody closed before; seconds of it."""
        n, self.asked = self.asked, self.asked + 1
        block = BLOCKS[n // CHANNELS % len(BLOCKS)]
        photo = samples.SAMPLES[n // CHANNELS // len(BLOCKS) % len(samples.SAMPLES)].key  # 1,152, then again
        query = {"model": SMALL, "weights": "pretrained", "photo": photo, "block": block, "lang": "en"}
        address = f"http://{self.app.address}/answers?{urlencode(query | {'gate': n % CHANNELS})}"
        start = perf_counter()
        await asyncio.to_thread(_fetched, address)
        return perf_counter() - start


def _fetched(address: str) -> bytes:
    with build_opener(ProxyHandler({})).open(address, timeout=120) as reply:
        return bytes(reply.read())


async def load(app: Server, model: str) -> None:
    """Open the large network, which nobody has opened before."""
    seat = await Seat.take(app, "squeeze", lang="en", model=model, weights="random")
    await seat.leave()


async def sweep(app: Server, model: str, photos: Iterator[str]) -> None:
    """Sweep one photo after the other through the large network, until the tab is closed."""
    for photo in photos:
        seat = await Seat.take(app, "squeeze", lang="en", model=model, weights="random", photo=photo)
        try:
            await seat.rerun("channel_weights")
        finally:
            await seat.leave()


async def measured(app: Server, count: int, seconds: float, model: str) -> dict[str, list[float]]:
    """Seconds of every click: alone, and while the large network is loaded or swept."""
    here = await Class.come(app, count)
    taken: dict[str, list[float]] = {"none": [], "loads": [], "sweeps": []}

    async def rounds(name: str, seconds: float, work: asyncio.Task[None] | None = None) -> None:
        until = perf_counter() + seconds
        while perf_counter() < until and not (work and work.done()):
            taken[name] += await here.round()
            await asyncio.sleep(PAUSE_S)

    await here.round()
    await rounds("none", seconds)
    loading = asyncio.create_task(load(app, model))
    await rounds("loads", LONGEST_S, loading)
    await loading
    photos = cycle(sample.key for sample in samples.SAMPLES)
    for _ in range(TURNS):
        sweeping = asyncio.create_task(sweep(app, model, photos))
        await rounds("sweeps", seconds, sweeping)
        sweeping.cancel()
        await asyncio.gather(sweeping, return_exceptions=True)
        await asyncio.sleep(ENDS_S)
        await rounds("none", seconds)
    return taken


def p95(taken: list[float]) -> float:
    """Seconds within which 95 % were answered."""
    return quantiles(taken, n=20)[-1]


def main() -> None:
    """Measure and print; ends with status 1 where the others notice."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seats", type=int, default=30)
    parser.add_argument("--seconds", type=float, default=10.0, help="of rounds at a turn")
    parser.add_argument("--model", default=LARGE)
    asked = parser.parse_args()
    with server() as app:
        taken = asyncio.run(measured(app, asked.seats, asked.seconds, asked.model))
    rows = [
        [name, len(each), f"{median(each) * 1e3:.0f}", f"{p95(each) * 1e3:.0f}", f"{max(each) * 1e3:.0f}"]
        for name, each in taken.items()
    ]
    print(f"## {asked.seats} seats on {SMALL} click at once: milliseconds to the last message\n")
    print_table(["another seat", "clicks", "median", "95 %", "longest"], rows)
    ratio = p95(taken["loads"] + taken["sweeps"]) / p95(taken["none"])
    print(f"\nothers p95 {ratio:.2f} x while one seat runs {asked.model}")
    raise SystemExit(0 if ratio <= GOAL else 1)


if __name__ == "__main__":
    main()
