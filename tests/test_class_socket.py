"""The class's socket on a real server: who gets in, and that noise has no effect and leaves nothing in the log."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from senet_viz.service import rooms
from senet_viz.service.wires import FORM, TOKEN, UNKNOWN
from senet_viz.ui import state
from tests.browser.conftest import serving

SECRET, OTHER = "s" * 22, "t" * 22
PATIENCE_S = 60.0
NOISE: list[str | bytes] = [
    "", "{", "null", "[1]", "1" * 3000, "x" * 4097, "é" * 3000, "[" * 3000, b"", b"\x00\xff", b'{"vote":[1,1,0]}',
    json.dumps({"mode": "wait"}), json.dumps({"move": {"page": "", "query": {}, "stage": {}}}),
    json.dumps({"question": [1, "reveal"]}), json.dumps({"csv": "en"}), json.dumps({"vote": ["<b>", 1, 0]}),
    json.dumps({"vote": [1, 1, 0], "say": "hello"}), json.dumps({"class": "ROOM2", "id": None, "token": None}),
]  # fmt: skip


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server with two classes; when it ends, its log is read: see ``serving``."""
    with serving(tmp_path_factory.mktemp("class"), **{state.ROOMS: f"ROOM2:{SECRET} ROOM3:{OTHER}"}) as address:
        yield address


def wire(house: str, **more: Any) -> ClientConnection:
    return connect(f"{house.replace('http', 'ws')}/class", proxy=None, open_timeout=PATIENCE_S, **more)


def hello(code: str = "ROOM2", id_: object = None, token: object = None) -> str:
    return json.dumps({"class": code, "id": id_, "token": token})


@contextmanager
def enter(house: str, **who: Any) -> Iterator[ClientConnection]:
    with wire(house, origin=house) as found:
        found.send(hello(**who))
        yield found


def hear(found: ClientConnection, key: str) -> dict[str, Any]:
    """The next message that has this key, signs of life apart."""
    for _ in range(99):
        message: dict[str, Any] = json.loads(found.recv(PATIENCE_S))
        if key in message:
            return message
    raise AssertionError(f"no {key} comes")


def ended(found: ClientConnection) -> int:
    """Why the server closes the connection, which it does soon."""
    try:
        for _ in range(4):
            found.recv(PATIENCE_S)
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd else 0
    raise AssertionError("it stays open")


@pytest.mark.parametrize("origin", ["http://elsewhere.example", "null", "https://127.0.0.1:1"])
def test_a_page_from_elsewhere_is_refused(house: str, origin: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        wire(house, origin=origin)
    assert refused.value.response.status_code == 403


def test_who_comes_in_with_what(house: str) -> None:
    with enter(house) as student, enter(house, token=SECRET) as teacher:
        assert not hear(student, "teacher")["teacher"]
        assert hear(teacher, "teacher")["teacher"]
        assert hear(teacher, "here")["here"] == 1
    for who, why in (
        ({"code": "NOROOM"}, UNKNOWN), ({"token": OTHER}, TOKEN), ({"token": ""}, TOKEN), ({"token": 5}, TOKEN),
        ({"code": 5}, FORM), ({"code": "ROOM3", "token": SECRET}, TOKEN),
    ):  # fmt: skip
        with enter(house, **who) as nobody:
            assert ended(nobody) == why, who


def test_a_move_reaches_every_student_of_the_room_and_nobody_else(house: str) -> None:
    with enter(house, token=SECRET) as teacher, enter(house) as anna, enter(house, code="ROOM3") as ben:
        before = hear(anna, "rev")["rev"]
        here = {"page": "squeeze", "query": {"photo": "coffee"}, "stage": {}}
        teacher.send(json.dumps({"move": here}))
        found = hear(anna, "rev")
        assert found["rev"] == before + 1 and here.items() <= found.items()
        assert hear(ben, "rev")["page"] is None
        with pytest.raises(TimeoutError):
            ben.recv(0.3)


def test_noise_has_no_effect(house: str) -> None:
    """Before the first message and after it: whoever sends it is let go, the others hear nothing of it."""
    rng = random.Random(0)
    true = json.dumps({"vote": [1, 1, 0]})
    wild = [
        "".join(chr(rng.choice((rng.randrange(32, 127), rng.randrange(0x2000)))) for _ in range(40)) for _ in range(20)
    ]
    wild += ["".join(rng.sample(true, len(true))) for _ in range(20)]
    with enter(house, token=SECRET) as teacher, enter(house) as anna:
        before = hear(anna, "rev")
        hear(teacher, "rev")
        for message in [*NOISE, *wild]:
            if "class" not in str(message):  # with which one comes in
                with wire(house) as nobody:
                    nobody.send(message)
                    assert ended(nobody) == FORM, message
            with enter(house) as student:
                hear(student, "rev")
                student.send(message)
                assert ended(student) == FORM, message
        with pytest.raises(TimeoutError):
            anna.recv(0.3)
        teacher.send(json.dumps({"mode": "free"}))
        after = hear(anna, "rev")
        assert after == before | {"mode": "free", "rev": before["rev"] + 1}, "it still works"
        teacher.send(json.dumps({"mode": "follow"}))


def test_who_sends_a_flood_or_leaves_without_a_word_hurts_nobody(house: str) -> None:
    with enter(house, token=SECRET) as teacher, enter(house) as anna:
        hear(anna, "rev")
        with enter(house) as flood:
            with suppress(ConnectionClosed):
                for _ in range(200):
                    flood.send(json.dumps({"vote": [1, 1, 0]}))
            with pytest.raises(ConnectionClosed) as closed:
                [flood.recv(PATIENCE_S) for _ in range(200)]
            assert closed.value.rcvd and closed.value.rcvd.code == FORM
        with suppress(OSError, ConnectionClosed), enter(house) as rude:
            hear(rude, "rev")
            rude.socket.close()
        teacher.send(json.dumps({"mode": "wait"}))
        assert hear(anna, "rev")["mode"] == "wait"
        teacher.send(json.dumps({"mode": "follow"}))
        while hear(teacher, "here")["here"] != 1:
            pass


@pytest.mark.slow
def test_two_hundred_and_no_more(house: str) -> None:
    with ExitStack() as room:
        seats = [room.enter_context(enter(house, code="ROOM3")) for _ in range(rooms.MOST)]
        for seat in seats:
            hear(seat, "rev")
        with enter(house, code="ROOM3") as late:
            assert ended(late) == rooms.FULL
