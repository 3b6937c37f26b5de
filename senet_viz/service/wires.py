"""One connection of a browser to a class: what waits to be sent, how fast it may speak, and in which form."""

import asyncio
import json
import re
from dataclasses import dataclass, field
from typing import Any

BYTES = 4096  # of a message
WAITING = 256  # messages that a slow browser may be behind
PACE = {True: (32.0, 96.0), False: (4.0, 16.0)}  # messages a second, and at once: of a teacher, of a student
# why it ends: codes of the WebSocket's close
OVER, UNKNOWN, FULL, TOKEN, SLOW, FORM = 4000, 4001, 4002, 4003, 4005, 4008
_KEY = re.compile(r"[a-z]\w{0,15}", re.ASCII)  # as addresses have them


class Refused(Exception):
    """A connection ends; ``code`` says why."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


@dataclass(eq=False)
class Wire:
    """One connection; what is to be sent waits in ``queue``, and None ends it for the reason ``code``."""

    id: str
    teacher: bool
    queue: asyncio.Queue[str | None] = field(default_factory=lambda: asyncio.Queue(WAITING))
    code: int = 0
    paid: float = float("-inf")  # loop time up to which its messages count

    def tell(self, text: str) -> None:
        """Have this sent; a browser that is too far behind is let go, and comes back to the present state."""
        if self.queue.full():
            self.end(SLOW)
        elif not self.code:
            self.queue.put_nowait(text)

    def end(self, code: int) -> None:
        """Have the connection closed, whatever still waits."""
        while not self.queue.empty():
            self.queue.get_nowait()
        self.code = code
        self.queue.put_nowait(None)

    def pay(self, now: float) -> None:
        """Count one message.

        Raises:
            Refused: it comes too fast.
        """
        pace, burst = PACE[self.teacher]
        self.paid = max(self.paid, now - burst / pace) + 1 / pace
        if self.paid > now:
            raise Refused(FORM)


def packed(message: dict[str, Any]) -> str:
    """Return a message as it is sent."""
    return json.dumps(message, ensure_ascii=False, separators=(",", ":"))


def said(text: object) -> dict[str, Any]:
    """Return what a browser said.

    Raises:
        Refused: it is no JSON object, or too long.
    """
    if not isinstance(text, str) or len(text) > BYTES or len(text.encode("utf-8", "replace")) > BYTES:
        raise Refused(FORM)
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise Refused(FORM) from None
    if not isinstance(found, dict):
        raise Refused(FORM)
    return found


def number(value: object) -> bool:
    """Return whether it is a whole number that is not negative."""
    return type(value) is int and value >= 0


def values(found: object) -> bool:
    """Return whether it is what an address says: names with printable text."""
    return isinstance(found, dict) and all(
        bool(_KEY.fullmatch(key)) and isinstance(value, str) and value.isprintable() for key, value in found.items()
    )
