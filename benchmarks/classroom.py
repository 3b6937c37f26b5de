"""A class that follows its teacher: how soon a move is everywhere, and whether each one comes, in order.

    python -m benchmarks.classroom [--sockets 60] [--moves 100] [--seats 30] [--pages 10]

A stage move (step, pin, scale, gate function) goes over the class's socket alone: milliseconds from the teacher's
message until a student's browser has it. A page move asks Streamlit for a rerun: until a seat has the last message of
it, and another page or photo. ``lost`` counts the moves that did not come, or came out of order.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
from collections.abc import Sequence
from itertools import cycle, islice
from statistics import quantiles
from time import perf_counter
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from benchmarks._seat import Seat
from benchmarks._server import Server, server
from benchmarks.common import print_table, spread
from senet_viz.ui import state

CODE, TOKEN = "CLASS", "t" * 22
STEPS = ("whole", "maps", "squeeze", "compress", "expand", "gate", "rescale", "sowhat")
PLACES = (
    ("squeeze", "coffee"),
    ("excitation", "coffee"),
    ("rescale", "chelsea"),
    ("", "rocket"),
    ("what_if", "rocket"),
)
PACE_S = 0.06  # between two stage moves: who holds an arrow key sends no more
STAGE_MS, PAGE_MS = 200.0, 1000.0  # 95 %
PATIENCE_S = 60.0


async def enter(app: Server, token: str | None = None) -> ClientConnection:
    """Take a place in the class; its first messages have been heard then."""
    wire = await connect(f"ws://{app.address}/class", origin=f"http://{app.address}", max_queue=None)  # type: ignore[arg-type]
    await wire.send(json.dumps({"class": CODE, "id": None, "token": token}))
    await heard(wire)
    return wire


async def heard(wire: ClientConnection) -> dict[str, Any]:
    """The next state that comes."""
    while True:
        message: dict[str, Any] = json.loads(await asyncio.wait_for(wire.recv(), PATIENCE_S))
        if "rev" in message:
            return message


def place(page: str, photo: str, **stage: object) -> dict[str, Any]:
    """What the teacher's browser says of where it is."""
    query = {"photo": photo, "model": "tiny_se", "weights": "pretrained", "block": "layer3.1.se"}
    here = {name: str(value) for name, value in stage.items()}
    return {"page": page, "query": query | ({} if page == "" else here), "stage": here if page == "" else {}}


async def stage_moves(app: Server, sockets: int, moves: int) -> tuple[list[float], int]:
    """Seconds of every move at every student; how many were lost or out of order."""
    teacher, students = await enter(app, TOKEN), [await enter(app) for _ in range(sockets)]
    sent: list[float] = []

    async def listen(student: ClientConnection) -> tuple[list[float], int]:
        taken, wrong = [], 0
        for n in range(moves):
            try:
                state_ = await heard(student)
            except TimeoutError:
                return taken, wrong + moves - n
            taken.append(perf_counter() - sent[n])
            wrong += state_["stage"]["channel"] != str(n)
        return taken, wrong

    listening = [asyncio.create_task(listen(student)) for student in students]
    for n in range(moves):
        move = place("", "chelsea", channel=n, step=STEPS[n % len(STEPS)])
        sent.append(perf_counter())
        await teacher.send(json.dumps({"move": move}))
        await asyncio.sleep(PACE_S)
    found = await asyncio.gather(*listening)
    for wire in (teacher, *students):
        await wire.close()
    return [second for taken, _ in found for second in taken], sum(wrong for _, wrong in found)


async def page_moves(app: Server, count: int, moves: int) -> tuple[list[float], int]:
    """Seconds of every move at every seat; how many ended somewhere else."""
    teacher, url = (
        await enter(app, TOKEN),
        {"lang": "en", "class": CODE, **place("squeeze", "chelsea", channel=0)["query"]},
    )
    seats = [await Seat.take(app, "squeeze", **url) for _ in range(count)]
    wires = [await enter(app) for _ in seats]
    start = 0.0

    async def follow(seat: Seat, wire: ClientConnection) -> float:
        told = await heard(wire)
        await seat.fire("senet_viz_classroom", "go", {"page": told["page"], "query": told["query"] | told["stage"]})
        return perf_counter() - start

    taken, wrong = [], 0
    for n, (page, photo) in enumerate(islice(cycle(PLACES), moves + len(PLACES))):
        following = [asyncio.create_task(follow(*each)) for each in zip(seats, wires, strict=True)]
        start = perf_counter()
        await teacher.send(json.dumps({"move": place(page, photo, channel=n)}))
        seconds = await asyncio.gather(*following)
        for seat in seats:
            seat.take_in()
        if n >= len(PLACES):  # before that, nobody had asked for it
            taken += seconds
            wrong += sum(not at(seat, page, photo) for seat in seats)
    for each in (teacher, *wires):
        await each.close()
    for seat in seats:
        await seat.leave()
    return taken, wrong


def at(seat: Seat, page: str, photo: str) -> bool:
    """Whether the last run drew that: what the frame of the page says of it is sent with every run."""
    sent = b"".join(seat.frames).replace(b" ", b"")
    return f'"page":"{page}"'.encode() in sent and f"photo={photo}&".encode() in sent


def shown(seconds: Sequence[float]) -> tuple[str, float]:
    """Median and quartiles, and 95 %, in milliseconds."""
    return str(spread(list(seconds))), quantiles(seconds, n=20)[-1] * 1e3


def main() -> None:
    """Measure and print; ends with status 1 where a class waits too long or loses a move."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sockets", type=int, default=60)
    parser.add_argument("--moves", type=int, default=100)
    parser.add_argument("--seats", type=int, default=30)
    parser.add_argument("--pages", type=int, default=10)
    asked = parser.parse_args()
    os.environ[state.ROOMS] = f"{CODE}:{TOKEN}"
    with server() as app:
        stage, lost = asyncio.run(stage_moves(app, asked.sockets, asked.moves))
        pages, astray = asyncio.run(page_moves(app, asked.seats, asked.pages))
    (stage_ms, stage_p95), (page_ms, page_p95) = shown(stage), shown(pages)
    rows = [
        ["stage", f"{asked.moves}", f"{asked.sockets}", stage_ms, f"{stage_p95:.0f}", f"{lost}"],
        ["page", f"{asked.pages}", f"{asked.seats}", page_ms, f"{page_p95:.0f}", f"{astray}"],
    ]
    print_table(["move", "moves", "students", "milliseconds", "95 %", "lost"], rows)
    print(f"\nstage moves p95 {stage_p95:.0f} ms; page moves p95 {page_p95:.0f} ms; lost {lost + astray}")
    raise SystemExit(0 if stage_p95 <= STAGE_MS and page_p95 <= PAGE_MS and lost + astray == 0 else 1)


if __name__ == "__main__":
    main()
