"""Rooms of a class, alone: who may say what, that nothing else has an effect, and what is forgotten."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import random
import string
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from senet_viz.service import rooms, wires
from senet_viz.service.rooms import Room, Rooms
from senet_viz.service.wires import FORM, FULL, OVER, SLOW, TOKEN, UNKNOWN, Refused, Wire

pytestmark = pytest.mark.anyio
SECRET, OTHER = "a" * 22, "b" * 22
WORDS = {
    "en": {"text": "Which?", "options": ["this", "that"], "why": "It is 3."},
    "zh": {"text": "哪个?", "options": ["这个", "那个"], "why": "是 3。"},
}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def heard(wire: Wire) -> Iterator[dict[str, Any]]:
    """What waits to be sent on a wire."""
    while not wire.queue.empty():
        text = wire.queue.get_nowait()
        yield {"ended": wire.code} if text is None else json.loads(text)


def state(wire: Wire) -> dict[str, Any]:
    """The last state that waits there."""
    return [message for message in heard(wire) if "rev" in message][-1]


def says(room: Room, wire: Wire, now: float = 1000.0, **message: Any) -> None:
    room.hear(wire, json.dumps(message), now)


def refused(act: Any, *arguments: Any) -> int:
    with pytest.raises(Refused) as found:
        act(*arguments)
    return found.value.code


def hello(code: str = "ROOM", id_: str | None = None, token: str | None = None) -> str:
    return json.dumps({"class": code, "id": id_, "token": token})


def move(page: str = "squeeze", **query: str) -> dict[str, Any]:
    return {"page": page, "query": query, "stage": {"step": "gate", "channel": "24"}}


@pytest.fixture
def room() -> Room:
    return Room("ROOM")


def test_a_teacher_moves_and_everybody_gets_the_whole_state_in_order(room: Room) -> None:
    teacher, anna = room.enter(None, True), room.enter(None, False)
    assert state(anna)["page"] is None
    for n in range(30):
        says(room, teacher, move=move(photo=f"p{n}"))
    got = [message for message in heard(anna) if "rev" in message]
    assert [each["query"]["photo"] for each in got] == [f"p{n}" for n in range(30)]
    assert [each["rev"] for each in got] == list(range(1, 31))
    assert got[-1].keys() == {"rev", "page", "query", "stage", "mode", "question"}
    says(room, teacher, move=move(photo="p29"))
    assert not list(heard(anna)), "nothing has changed"
    late = room.enter(None, False)
    assert state(late) == got[-1]


def test_modes_are_the_teachers(room: Room) -> None:
    teacher, anna = room.enter(None, True), room.enter(None, False)
    for mode in rooms.MODES:
        says(room, teacher, mode=mode)
        assert state(anna)["mode"] == mode


def test_a_question_is_voted_on_twice_and_then_revealed(room: Room) -> None:
    teacher, anna, ben = room.enter(None, True), room.enter(None, False), room.enter(None, False)
    room.ask("squeeze", "name", WORDS, 1)
    asked = state(anna)["question"]
    assert asked == {
        "n": 1, "round": 1, "revealed": False,
        "said": {lang: {"text": each["text"], "options": each["options"]} for lang, each in WORDS.items()},
    }, "no answer, no reason, no votes"  # fmt: skip
    says(room, anna, vote=[1, 1, 0])
    says(room, ben, vote=[1, 1, 1])
    says(room, anna, vote=[1, 1, 1])  # another mind
    assert list(heard(anna)) == [{"vote": 0}, {"vote": 1}], "nobody hears of another's vote"
    assert list(heard(teacher))[-1] == {"here": 2, "voted": 2}
    says(room, teacher, question=[1, "again"])
    says(room, anna, vote=[1, 1, 0])  # too late
    says(room, ben, vote=[1, 2, 0])
    says(room, teacher, question=[1, "reveal"])
    says(room, anna, vote=[1, 2, 0])  # too late
    shown = state(ben)["question"]
    assert shown["rounds"] == [[0, 2], [1, 0]] and shown["right"] == 1
    assert shown["said"]["zh"] == WORDS["zh"]
    says(room, teacher, question=[1, "again"])
    assert room.ballots[0].counts() == [[0, 2], [1, 0]], "what is revealed stays"
    room.ask("rescale", "name", WORDS, 0)
    assert state(ben)["question"]["n"] == 2
    says(room, teacher, question=[1, "close"])  # of a window that is behind
    assert room.asking
    says(room, teacher, question=[2, "close"])
    assert state(ben)["question"] is None
    says(room, teacher, csv="zh")
    table = list(csv.DictReader(io.StringIO(list(heard(teacher))[-1]["csv"])))
    assert [(row["question"], row["first_votes"], row["second_votes"], row["right"]) for row in table] == [
        ("1", "0", "1", "0"), ("1", "2", "0", "1"), ("2", "0", "", "1"), ("2", "0", "", "0"),
    ]  # fmt: skip
    assert table[0]["answer"] == "这个"


def test_nobody_votes_twice_by_coming_again(room: Room) -> None:
    room.enter(None, True)
    anna = room.enter(None, False)
    room.ask("squeeze", "name", WORDS, 0)
    says(room, anna, vote=[1, 1, 0])
    for _ in range(5):
        room.leave(anna)
        anna = room.enter(anna.id, False)
        first = next(heard(anna))
        assert first == {"id": anna.id, "teacher": False, "vote": 0}
        says(room, anna, vote=[1, 1, 1])
        says(room, anna, vote=[1, 1, 0])
    assert room.ballots[-1].counts() == [[1, 0]]
    twin = room.enter(anna.id, False)  # the same tab twice
    assert twin.id == anna.id
    stranger = room.enter("c" * 32, False)
    assert stranger.id != "c" * 32, "ids are the room's own"


def test_a_room_takes_two_hundred_and_no_more(room: Room) -> None:
    teacher = room.enter(None, True)
    seats = [room.enter(None, False) for _ in range(rooms.MOST)]
    assert list(heard(teacher))[-1] == {"here": rooms.MOST, "voted": 0}
    assert refused(room.enter, None, False) == FULL
    room.ask("squeeze", "name", WORDS, 0)
    says(room, seats[0], vote=[1, 1, 0])
    room.leave(seats[0])
    assert refused(room.enter, None, False) == FULL, "the seat of one who has voted is kept"
    assert room.enter(seats[0].id, False).id == seats[0].id
    room.leave(seats[1])
    assert room.enter(None, False).id != seats[1].id
    assert len(room.known) == rooms.MOST
    lecterns = [room.enter(None, True) for _ in range(rooms.LECTERNS - 1)]
    assert refused(room.enter, None, True) == FULL and len(lecterns) == rooms.LECTERNS - 1


def test_who_is_too_slow_is_let_go_and_comes_back_to_the_present(room: Room) -> None:
    teacher, slow = room.enter(None, True), room.enter(None, False)
    for n in range(wires.WAITING + 1):
        says(room, teacher, now=1000.0 + n, move=move(photo=f"p{n}"))
        list(heard(teacher))
    assert list(heard(slow)) == [{"ended": SLOW}]
    room.leave(slow)
    assert state(room.enter(slow.id, False))["query"] == {"photo": f"p{wires.WAITING}"}


@pytest.mark.parametrize("teacher", [True, False])
def test_who_speaks_too_fast_is_let_go(room: Room, teacher: bool) -> None:
    room.enter(None, not teacher)
    room.ask("squeeze", "name", WORDS, 0)
    wire, (pace, burst) = room.enter(None, teacher), wires.PACE[teacher]
    message = {"mode": "free"} if teacher else {"vote": [1, 1, 0]}
    for _ in range(int(burst)):
        says(room, wire, now=0.0, **message)
    with pytest.raises(Refused):
        says(room, wire, now=0.0, **message)
    again = room.enter(None, teacher)
    for n in range(3 * int(burst)):
        says(room, again, now=n / pace + 0.01, **message)


WRONG: list[object] = [
    "", "[]", "null", "{", "{}", '"vote"', "1" * 4000, '{"vote":' + "[" * 2000, b"\x00", None, "x" * 5000,
    json.dumps({"mode": "follow", "vote": [1, 1, 0]}), json.dumps({"ask": "What?"}), json.dumps({"hello": 1}),
    "文" * 1500,
]  # fmt: skip
STUDENTS: list[dict[str, Any]] = [
    {"move": move()}, {"mode": "free"}, {"question": [1, "reveal"]}, {"csv": "en"}, {"vote": "a"}, {"vote": [1, 1]},
    {"vote": [1, 1, "0"]}, {"vote": [1, 1, -1]}, {"vote": [1, 1, 0.5]}, {"vote": [1, 1, True]}, {"vote": [[], {}, 0]},
    {"vote": {"n": 1}}, {"say": "hello"},
]  # fmt: skip
TEACHERS: list[dict[str, Any]] = [
    {"vote": [1, 1, 0]}, {"mode": "now"}, {"mode": ["free"]}, {"question": ["1", "reveal"]}, {"question": [1, "ask"]},
    {"question": 1}, {"csv": 1}, {"move": None}, {"move": {"page": "squeeze"}}, {"move": move("../etc")},
    {"move": move("Squeeze")}, {"move": move(Photo="cat")}, {"move": move(photo="a\u0000b")},
    {"move": move(photo="\ud800")}, {"move": {**move(), "query": {"photo": 1}}}, {"move": {**move(), "stage": []}},
    {"move": {**move(), "more": 1}},
]  # fmt: skip


@pytest.mark.parametrize("teacher", [True, False])
def test_what_has_no_known_form_is_refused_and_changes_nothing(room: Room, teacher: bool) -> None:
    others = [room.enter(None, True), room.enter(None, False)]
    room.ask("squeeze", "name", WORDS, 0)
    wire = room.enter(None, teacher)
    list(map(list, map(heard, others)))
    before, now = room.state(), 0.0
    for message in [*WRONG, *map(json.dumps, TEACHERS if teacher else STUDENTS)]:
        now += 10
        assert refused(room.hear, wire, message, now) == FORM, message
    assert room.state() == before and room.ballots[-1].counts() == [[0, 0]]
    assert not any(list(heard(other)) for other in others)


def test_noise_raises_nothing_else(room: Room) -> None:
    """Mutations of true messages, of a student's and of the teacher's: what they do is within the form of a state."""
    rng, now = random.Random(0), 0.0
    true = [
        {"vote": [1, 1, 0]},
        {"move": move(photo="cat")},
        {"mode": "wait"},
        {"question": [1, "again"]},
        {"csv": "en"},
    ]
    room.ask("squeeze", "name", WORDS, 0)
    pair = [room.enter(None, True), room.enter(None, False)]
    for _ in range(20_000):
        now += 1
        text = list(json.dumps(rng.choice(true)))
        for _ in range(rng.randrange(4)):
            at = rng.randrange(len(text))
            text[at : at + rng.randrange(3)] = rng.choice(
                [*string.printable, "null", "9" * 400, '"', "[", "\udc80", "é"]
            )
        for wire in pair:
            try:
                room.hear(wire, "".join(text), now)
            except Refused:
                continue
            list(heard(wire))
        list(map(list, map(heard, pair)))
    assert room.mode in rooms.MODES and room.rev > 10 and len(room.ballots[-1].rounds) <= 2
    json.dumps(room.state()).encode()


# --- the rooms of a server -------------------------------------------------------------------------------------------


def test_keys_are_codes_with_tokens_of_128_bits() -> None:
    given = Rooms(f"ROOM:{SECRET} NEXT2:{OTHER} low:{SECRET} SHORT:abc TOO-LONG:{SECRET} X:{SECRET}")
    assert len(given) == 2 and "ROOM" in given and "NEXT2" in given
    assert len(Rooms("")) == 0
    assert given.teaches("ROOM", SECRET)
    for code, token in (
        ("ROOM", OTHER),
        ("NEXT2", SECRET),
        ("ROOM", ""),
        ("NONE", ""),
        ("ROOM", None),
        ("ROOM", "\ud800"),
    ):
        assert not given.teaches(code, token), (code, token)


async def test_who_comes_in() -> None:
    house = Rooms(f"ROOM:{SECRET} NEXT2:{OTHER}")
    _, teacher = house.enter(hello(token=SECRET))
    _, anna = house.enter(hello())
    assert teacher.teacher and not anna.teacher
    assert refused(house.enter, hello("NONE")) == UNKNOWN
    assert refused(house.enter, hello(token=OTHER)) == TOKEN
    assert refused(house.enter, hello(token="")) == TOKEN
    for text in ("", "{}", '{"class":"ROOM"}', json.dumps({"class": ["ROOM"], "id": None, "token": None}), "x" * 5000):
        assert refused(house.enter, text) == FORM
    room, same = house.enter(hello(id_=anna.id))
    assert same.id == anna.id and room is house.room("ROOM")


async def test_two_rooms_do_not_hear_each_other() -> None:
    house = Rooms(f"ROOM:{SECRET} NEXT2:{OTHER}")
    here, teacher = house.enter(hello(token=SECRET))
    _, anna = house.enter(hello())
    there, ben = house.enter(hello("NEXT2"))
    assert here is not there
    list(heard(anna)), list(heard(ben))
    says(here, teacher, move=move())
    here.ask("squeeze", "name", WORDS, 0)
    assert len(list(heard(anna))) == 2 and not list(heard(ben))
    assert house.enter(hello("NEXT2", id_=anna.id))[1].id != anna.id, "an id of another room"


@pytest.fixture
async def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], Awaitable[float]]:
    """Lets hours pass in the event loop, which does what is due by then; returns its time."""
    loop, now = asyncio.get_running_loop(), [1000.0]
    monkeypatch.setattr(loop, "time", lambda: now[0])

    async def later(seconds: float) -> float:
        now[0] += seconds
        for _ in range(3):
            await asyncio.sleep(0)
        return now[0]

    return later


async def test_a_room_is_forgotten_two_hours_after_its_last_message(clock: Callable[[float], Awaitable[float]]) -> None:
    house = Rooms(f"ROOM:{SECRET}")
    room, teacher = house.enter(hello(token=SECRET))
    _, anna = house.enter(hello())
    for _ in range(5):
        says(room, teacher, await clock(7000), mode="free")
        assert house.room("ROOM") is room
    await clock(7190)
    assert house.room("ROOM") is room
    await clock(20)
    assert house.room("ROOM") is None
    assert list(heard(anna)) == [{"ended": OVER}] == list(heard(teacher))
    assert refused(house.enter, hello(id_=anna.id)) == OVER
    again, _ = house.enter(hello(token=SECRET))  # its teacher opens it again
    assert again.page is None and again.mode == "follow" and not again.known, "nothing is left of it"
    assert house.enter(hello(id_=anna.id))[1].id != anna.id
    await clock(7190)
    assert house.room("ROOM") is again


async def test_any_thread_may_have_something_done() -> None:
    house = Rooms(f"ROOM:{SECRET}")
    house.soon(print, "nobody is there")
    room, _ = house.enter(hello(token=SECRET))
    _, anna = house.enter(hello())
    await asyncio.to_thread(house.soon, room.ask, "squeeze", "name", WORDS, 1)
    while not room.asking:
        await asyncio.sleep(0)
    assert state(anna)["question"]["n"] == 1
