"""Rooms of a class: where the teacher is, who is here, and what they vote. Nothing here knows Streamlit.

A room has one state, ``{rev, page, query, stage, mode, question}``, and every browser gets the whole of it after every
change: whoever missed some lands on the present one. What a browser says is one JSON object::

    {"class": CODE, "id": ID or null, "token": TOKEN or null}       the first message of all
    {"move": {"page", "query", "stage"}}, {"mode": "follow" | "free" | "wait"}, {"csv": language},
    {"question": [n, "again" | "reveal" | "close"]}                 the teacher, n: the question's number
    {"vote": [n, round, option]}                                    a student: numbers, and nothing else

Anything else ends its connection. Questions come from the server itself, so no text of a student reaches another.
A room and the keys of all rooms are one file: what a browser may say first, and what it may say then, is read together.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Callable, Mapping
from typing import Any

from senet_viz.service.ballots import Ballot, table
from senet_viz.service.wires import FORM, FULL, OVER, TOKEN, UNKNOWN, Refused, Wire, number, packed, said, values

MOST, LECTERNS = 200, 8  # students in a room; windows of its teacher
FORGET_S = 2 * 3600.0  # after a room's last message
ASKED = 200  # questions that a room remembers
MODES = ("follow", "free", "wait")
_GIVEN = re.compile(r"(?<!\S)([A-Z0-9]{4,8}):([\w-]{22,64})(?!\S)", re.ASCII)
_PAGE = re.compile(r"([a-z]\w{0,31})?", re.ASCII)


class Room:
    """One class. Its methods are called in the event loop alone; what they hold may be read from any thread."""

    def __init__(self, code: str, **about: str) -> None:
        self.code, self.about, self.rev, self.heard = code, about, 0, 0.0  # about: what everybody is told who comes
        self.page: str | None = None  # None: the teacher has not been anywhere yet
        self.query: dict[str, str] = {}
        self.stage: dict[str, str] = {}
        self.mode = "follow"
        self.ballots: list[Ballot] = []
        self.asking = False  # whether the last of them is on screen
        self.wires: list[Wire] = []
        self.known: dict[str, None] = {}  # ids of students who are here, or may come back

    def state(self) -> dict[str, Any]:
        """Return what every browser is to show."""
        place = {"rev": self.rev, "page": self.page, "query": self.query, "stage": self.stage}
        return place | {"mode": self.mode, "question": self.ballots[-1].public() if self.asking else None}

    def enter(self, id_: object, teacher: bool) -> Wire:
        """Let somebody in; the first messages say who they are, what they voted, and the present state.

        Args:
            id_: as this room gave it before; anything else gets a new one.

        Raises:
            Refused: the room is full.
        """
        beside = sum(wire.teacher == teacher for wire in self.wires)
        if beside >= (LECTERNS if teacher else MOST):
            raise Refused(FULL)
        wire = Wire("" if teacher else self._seat(id_), teacher)
        self.wires.append(wire)
        wire.tell(packed({"id": wire.id, "teacher": teacher, "vote": self._vote(wire), **self.about}))
        wire.tell(packed(self.state()))
        self._report()
        return wire

    def leave(self, wire: Wire) -> None:
        """Note that a connection has ended; whoever it was may come back."""
        if wire in self.wires:
            self.wires.remove(wire)
            self._report()

    def _seat(self, id_: object) -> str:
        if isinstance(id_, str) and id_ in self.known:
            return id_
        here, voted = {wire.id for wire in self.wires}, self.ballots[-1].rounds if self.asking else []
        if len(self.known) >= MOST:
            gone = (each for each in self.known if each not in here and not any(each in votes for votes in voted))
            if (first := next(gone, None)) is None:
                raise Refused(FULL)
            del self.known[first]
        new = secrets.token_hex(16)
        self.known[new] = None
        return new

    def _vote(self, wire: Wire) -> int | None:
        return self.ballots[-1].rounds[-1].get(wire.id) if self.asking else None

    def hear(self, wire: Wire, text: object, now: float) -> None:
        """Do what a browser asks for.

        Args:
            now: the loop's time in seconds.

        Raises:
            Refused: it is too long, comes too fast, or has no known form; nothing has changed then.
        """
        wire.pay(now)
        verbs, found = TEACHER if wire.teacher else STUDENT, said(text)
        if len(found) != 1 or not found.keys() <= verbs.keys():
            raise Refused(FORM)
        verb, about = found.popitem()
        verbs[verb](self, wire, about)
        self.heard = now

    def ask(self, page: str, name: str, words: Mapping[str, Mapping[str, Any]], right: int) -> None:
        """Put a question of the server's own to the class."""
        last = self.ballots[-1].number if self.ballots else 0
        self.ballots = [*self.ballots, Ballot(last + 1, page, name, words, right)][-ASKED:]
        self.asking = True
        self._changed()

    def _changed(self) -> None:
        self.rev += 1
        text = packed(self.state())
        for wire in self.wires:
            wire.tell(text)
        self._report()

    def _report(self) -> None:
        """Tell the teacher how many are here, and how many of them have voted: not what."""
        here = len({wire.id for wire in self.wires if not wire.teacher})
        text = packed({"here": here, "voted": len(self.ballots[-1].rounds[-1]) if self.asking else 0})
        for wire in self.wires:
            if wire.teacher:
                wire.tell(text)

    def _move(self, wire: Wire, about: Any) -> None:
        parts = about if isinstance(about, dict) and about.keys() == {"page", "query", "stage"} else {}
        page, query, stage = (parts.get(key) for key in ("page", "query", "stage"))
        if not isinstance(page, str) or not _PAGE.fullmatch(page) or not (values(query) and values(stage)):
            raise Refused(FORM)
        if (page, query, stage) != (self.page, self.query, self.stage):
            self.page, self.query, self.stage = page, query, stage  # type: ignore[assignment]  # they are values
            self._changed()

    def _turn(self, wire: Wire, about: Any) -> None:
        if about not in MODES:
            raise Refused(FORM)
        self.mode = about
        self._changed()

    def _go_on(self, wire: Wire, about: Any) -> None:
        n, what = about if isinstance(about, list) and len(about) == 2 else (None, None)
        if not number(n) or what not in ("again", "reveal", "close"):
            raise Refused(FORM)
        ballot = self.ballots[-1] if self.asking else None
        if ballot is None or ballot.number != n or (what != "close" and ballot.revealed):
            return  # another window of the teacher's was faster
        if what == "again":
            ballot.rounds = [*ballot.rounds[:1], {}]
        self.asking, ballot.revealed = what != "close", ballot.revealed or what == "reveal"
        self._changed()

    def _csv(self, wire: Wire, about: Any) -> None:
        if not isinstance(about, str):
            raise Refused(FORM)
        wire.tell(packed({"csv": table(self.ballots, about)}))

    def _voted(self, wire: Wire, about: Any) -> None:
        if not isinstance(about, list) or len(about) != 3 or not all(map(number, about)):
            raise Refused(FORM)
        n, round_, option = about
        ballot = self.ballots[-1] if self.asking else None
        if ballot and ballot.takes(n, round_, option):  # else it came too late
            ballot.rounds[-1][wire.id] = option
            self._report()
        wire.tell(packed({"vote": self._vote(wire)}))


Verb = Callable[[Room, Wire, Any], None]
STUDENT: dict[str, Verb] = {"vote": Room._voted}
TEACHER: dict[str, Verb] = {
    "move": Room._move, "mode": Room._turn, "question": Room._go_on, "csv": Room._csv,
}  # fmt: skip


class Rooms:
    """All rooms of a server, and their keys: what is forgotten can be opened again by its teacher alone."""

    def __init__(self, given: str, forget_s: float = FORGET_S) -> None:
        """Open the rooms of these keys.

        Args:
            given: ``CODE:TOKEN``, with blanks between several; a token has 128 bits or more as 22 letters of base64.
        """
        self._tokens = dict(_GIVEN.findall(given))
        self._forget_s, self.at = forget_s, secrets.token_hex(4)  # which tells this process from others
        self._rooms = {code: Room(code, at=self.at) for code in self._tokens}
        self._loop: asyncio.AbstractEventLoop | None = None

    def __len__(self) -> int:
        return len(self._tokens)

    def __contains__(self, code: object) -> bool:
        return code in self._tokens

    @property
    def busy(self) -> int:
        """Return how many classes somebody is in."""
        return sum(bool(room.wires) for room in tuple(self._rooms.values()))

    def room(self, code: str) -> Room | None:
        """Return the room of that code; None where there is none, or it has been forgotten."""
        return self._rooms.get(code)

    def teaches(self, code: str, token: object) -> bool:
        """Return whether this is the token of that room's teacher; how long that takes tells nothing about it."""
        own = self._tokens.get(code, "")
        there = token.encode("utf-8", "replace") if isinstance(token, str) else b""
        return secrets.compare_digest(own.encode(), there) and bool(own)

    def enter(self, text: object) -> tuple[Room, Wire]:
        """Let a browser in by its first message; called in the event loop.

        Raises:
            Refused: there is no such room, it is full, or the token is wrong.
        """
        first, self._loop = said(text), asyncio.get_running_loop()
        code, token = first.get("class"), first.get("token")
        if first.keys() != {"class", "id", "token"} or not isinstance(code, str):
            raise Refused(FORM)
        if code not in self._tokens:
            raise Refused(UNKNOWN)
        if token is not None and not self.teaches(code, token):
            raise Refused(TOKEN)
        room = self._rooms.get(code) or (Room(code, at=self.at) if token else None)
        if room is None:
            raise Refused(OVER)
        self._rooms[code] = room
        wire = room.enter(first["id"], bool(token))
        if not room.heard:
            self._loop.call_later(self._forget_s, self._forget, room)
        room.heard = self._loop.time()
        return room, wire

    def _forget(self, room: Room) -> None:
        """Forget a room whose last message is long ago, or look again when it may be."""
        loop = asyncio.get_running_loop()
        rest = room.heard + self._forget_s - loop.time()
        if rest > 0:
            loop.call_later(rest, self._forget, room)
            return
        self._rooms.pop(room.code, None)
        for wire in room.wires:
            wire.end(OVER)

    def soon(self, act: Callable[..., None], *arguments: object) -> None:
        """Have something done in the event loop, from any thread, once anybody has come."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(act, *arguments)
