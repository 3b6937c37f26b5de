"""Two web processes behind a real nginx, configured as in ``deploy/``: nothing lost, nobody at the wrong one."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from websockets.asyncio.client import ClientConnection, connect

from benchmarks import _nginx
from benchmarks._seat import Seat
from benchmarks._server import Server
from benchmarks._visit import PROCESS, Visit
from senet_viz.ui import state
from tests import pictures
from tests.browser.conftest import Visitor, serving
from tests.browser.test_classroom import now

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(_nginx.found() is None, reason="no nginx: apt install nginx-light"),
]
SECRET = "s" * 22
CODES = [f"ROOM{n}" for n in range(2, 10)]
SEATS, STUDENTS, MOVES = 20, 10, 20
PATIENCE_S = 120.0
HERE = {"lang": "en", "model": "tiny_se", "weights": "pretrained", "block": "layer3.1.se"}
Edit = Callable[[Callable[[str], str]], None]


@pytest.fixture(scope="module")
def processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """Addresses of two web processes that know the same classes."""
    given = {state.ROOMS: " ".join(f"{code}:{SECRET}" for code in CODES)}
    with ExitStack() as stack:
        houses = [stack.enter_context(serving(tmp_path_factory.mktemp(f"house{n}"), **given)) for n in range(2)]
        yield [house.removeprefix("http://") for house in houses]


@pytest.fixture
def site(processes: list[str], tmp_path: Path) -> Iterator[str]:
    """The one address of both."""
    with _nginx.proxy(tmp_path, processes) as (address, _):
        yield address


def arrived(site: str, **query: str) -> Visit:
    """A browser that has opened a page, and was there before it never."""
    visit = Visit(site)
    visit.open(f"/squeeze?{urlencode(query)}")
    return visit


def at(visit: Visit) -> str:
    """The one process that a browser has reached."""
    (process,) = set(visit.processes)
    return process


def apart(site: str) -> tuple[str, str]:
    """Codes of two classes that are in two processes."""
    first, *others = CODES
    return first, next(
        code for code in others if at(arrived(site, **{"class": code})) != at(arrived(site, **{"class": first}))
    )


def name(picture: bytes) -> str:
    return "up-" + hashlib.sha256(picture).hexdigest()[:16]


def answers(visit: Visit, photo: str) -> int:
    """Whether the process has that photo: the status of what the stage asks of it."""
    status, body = visit.ask("GET", f"/answers?{urlencode(HERE | {'photo': photo, 'gate': 'ones'})}")
    assert (status == 200) == (len(json.loads(body)) == 3)
    return status


async def enter(seat: Seat, code: str, token: str | None = None) -> ClientConnection:
    """The class's socket, as ``room.js`` opens it."""
    where = f"ws://{seat.visit.address}/class?{urlencode({'class': code})}"
    wire = await connect(
        where, origin=f"http://{seat.visit.address}", additional_headers=seat.visit.headers, proxy=None
    )  # type: ignore[arg-type]
    assert wire.response
    seat.visit.note(wire.response.headers.get(PROCESS))
    await wire.send(json.dumps({"class": code, "id": None, "token": token}))
    return wire


async def hear(wire: ClientConnection, key: str, **held: object) -> dict[str, Any]:
    """The next message that has this key, and holds that."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            message: dict[str, Any] = json.loads(await wire.recv())
            if key in message and held.items() <= message.items():
                return message


async def class_of(seats: Sequence[Seat], code: str) -> None:
    """The first seat teaches: her moves come in order, her question reaches everybody, every vote counts."""
    teacher, *students = [await enter(seat, code, None if n else SECRET) for n, seat in enumerate(seats)]
    await asyncio.gather(*(hear(wire, "rev") for wire in students))
    for n in range(MOVES):
        await teacher.send(json.dumps({"move": {"page": "squeeze", "query": HERE, "stage": {"channel": str(n)}}}))
        await asyncio.sleep(0)

    async def heard(wire: ClientConnection) -> list[str]:
        return [(await hear(wire, "rev"))["stage"]["channel"] for _ in range(MOVES)]

    assert await asyncio.gather(*map(heard, students)) == [[str(n) for n in range(MOVES)]] * len(students)
    go = {"page": "classroom", "query": HERE | {"class": code}, "token": SECRET}
    await seats[0].fire("senet_viz_classroom", "go", go)
    questions = [(await hear(wire, "question"))["question"] for wire in students]
    assert questions[0] and questions == [questions[0]] * len(students)
    for n, wire in enumerate(students):
        await wire.send(json.dumps({"vote": [questions[0]["n"], questions[0]["round"], n % 2]}))
    for n, wire in enumerate(students):
        await hear(wire, "vote", vote=n % 2)
    await hear(teacher, "voted", here=len(students), voted=len(students))
    for wire in (teacher, *students):
        await wire.close()


async def lesson(site: str, code: str, other: Callable[[str], str]) -> None:
    app, query = Server(site, 0, Path()), {**HERE, "class": code}
    seats = [await Seat.take(app, "squeeze", **(query if n <= STUDENTS else HERE)) for n in range(SEATS - 1)]
    seats.append(last := await Seat.take(app, "squeeze", **HERE))
    while len({at(seat.visit) for seat in seats}) == 1:  # chance has it that nobody is at the other process
        await last.leave()
        seats[-1] = last = await Seat.take(app, "squeeze", **HERE)
    own = [pictures.encode(pictures.noise(64, 48 + n), "PNG") for n in range(SEATS)]
    await asyncio.gather(*(seat.upload("_file", "mine.png", data) for seat, data in zip(seats, own, strict=True)))
    for n, (seat, data) in enumerate(zip(seats, own, strict=True)):
        assert "Mine 1" in seat.widget("photo").says.string_array_value.data, n
        shown = set(re.findall(rb"/media/[\w.-]+", b"".join(seat.frames)))
        assert shown and {seat.visit.ask("GET", path.decode())[0] for path in shown} == {200}
        assert answers(seat.visit, name(data)) == 200
        assert answers(Visit(other(at(seat.visit))), name(data)) == 404, "the other process never saw it"
        assert seat.visit.ask("GET", f"/take/notebook.ipynb?{urlencode(HERE | {'photo': name(data)})}")[0] == 200
        await seat.rerun(channel=n)
        assert "Mine 1" in seat.widget("photo").says.string_array_value.data, n
    members = seats[: STUDENTS + 1]
    await class_of(members, code)
    assert len({at(seat.visit) for seat in members}) == 1, "the class is in one process"
    assert len({at(seat.visit) for seat in seats}) == 2, "and both work"
    for seat in seats:
        await seat.leave()


def test_twenty_seats_with_photos_of_their_own_and_a_class(site: str, processes: list[str]) -> None:
    seats = lesson(site, CODES[0], lambda one: processes[1 - processes.index(one)])
    with ThreadPoolExecutor(1) as apart:  # a browser of other tests may have a loop in this thread
        apart.submit(asyncio.run, seats).result()


def test_a_browser_stays_where_it_is_and_many_are_everywhere(site: str, processes: list[str]) -> None:
    places = [at(arrived(site)) for _ in range(40)]
    assert set(places) == set(processes)
    assert len({at(arrived(site, **{"class": CODES[0]})) for _ in range(10)}) == 1, "a class's code decides"
    bare = Visit(site)  # keeps no cookie, as in another site's frame
    for path in ("/_stcore/health", "/media/nothing", "/answers", "/_stcore/host-config"):
        bare.ask("GET", path)
        bare.cookies.clear()
    assert at(bare)


def test_a_cookie_of_somebody_elses_making_does_no_harm(site: str) -> None:
    for value in ("red.1234", "blue", "blue.", "blue.x y", "../..", "green.\"';", "blue." + "x" * 4000):
        visit = Visit(site, cookies={"senet_place": value})
        visit.open("/")
        assert re.fullmatch(r"blue\.[0-9a-f]{32}", visit.cookies["senet_place"]), value
        assert at(visit)


def test_two_tabs_of_one_browser_are_in_two_classes(site: str) -> None:
    first, second = apart(site)
    browser = arrived(site, **{"class": first})
    process, page = at(browser), browser.page
    browser.processes.clear()
    browser.open(f"/squeeze?{urlencode({'class': second})}")
    assert at(browser) != process
    browser.page = page  # what the first tab asks for now
    browser.processes.clear()
    browser.ask("GET", "/media/nothing")
    assert at(browser) == process


def test_numbers_for_the_operator_are_not_for_everybody(site: str, processes: list[str]) -> None:
    visit = Visit(site)
    assert [visit.ask("GET", path)[0] for path in ("/metrics", "/_stcore/metrics", "/_stcore/metrics?families=x")] == [
        404
    ] * 3
    assert [Visit(process).ask("GET", "/metrics")[0] for process in processes] == [200] * 2


def test_an_update_loses_no_class_and_no_seat(processes: list[str], tmp_path: Path) -> None:
    """As docs/operations.md tells: the new processes are opened to whoever comes, the old ones keep whom they have."""
    old, new = processes
    with _nginx.proxy(tmp_path, [old], [new]) as (site, edit):
        member, visitor = arrived(site, **{"class": CODES[0]}), arrived(site)
        edit(
            lambda text: text.replace("default blue;\n}", "default green;\n}", 1).replace(
                "# K7QF2 blue;", f"{CODES[0]} blue;"
            )
        )
        for visit in (member, visitor):
            visit.ask("GET", "/_stcore/health")
            assert at(visit) == old, "who is there stays"
        assert at(arrived(site, **{"class": CODES[0]})) == old, "who comes late finds the class"
        assert at(arrived(site)) == at(arrived(site, **{"class": CODES[1]})) == new, "all else begins in the new one"


def test_a_process_that_is_away_keeps_its_places(processes: list[str], tmp_path: Path) -> None:
    """No other process takes over its classes: there would be two of each when it is back."""
    with _nginx.proxy(tmp_path, [processes[0], "127.0.0.1:1"]) as (site, _):
        found = [Visit(site).ask("GET", f"/?{urlencode({'class': code})}") for code in CODES * 2]
    away = [body for status, body in found if status == 503]
    assert {status for status, _ in found} == {200, 503}
    assert [status for status, _ in found[: len(CODES)]] == [status for status, _ in found[len(CODES) :]]
    assert all(b"http-equiv" in body and "请稍候".encode() in body for body in away), "it says so, and comes again"


def test_a_typed_code_leads_to_the_process_of_the_class(site: str, visit: Callable[..., Visitor]) -> None:
    """The site is there longer than its visitor, who would miss it."""
    goal = at(arrived(site, **{"class": CODES[0]}))
    for _ in range(20):
        anna = visit(f"http://{site}")
        reply = anna.page.goto(f"http://{site}/classroom")
        assert reply
        if reply.header_value(PROCESS) != goal:
            break
    box = anna.page.locator(".st-key-_code input")
    with anna.page.expect_event("load", timeout=PATIENCE_S * 1000):
        box.fill(CODES[0])
        box.press("Enter")
    anna.until(lambda: now(anna, "link") == "on", "a place in the class")
    anna.settle()
    reached: list[str | None] = []
    anna.page.on("response", lambda response: reached.append(response.header_value(PROCESS)))
    anna.upload("mine.png", pictures.encode(pictures.noise(64, 64), "PNG"))
    anna.until(lambda: anna.chosen("photo") == anna.t("photo.mine", n=1), "the photo")
    assert set(reached) == {goal}
