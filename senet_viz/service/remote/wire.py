"""How a question goes over HTTP, and how its answer comes back: pulses while it is worked on, then the answer.

One POST a question. What comes back is a row of frames: a letter, the length of what follows in eight bytes, and that.
``p`` tells how much of how much is done, every ``PULSE_S``; ``a`` is the answer, ``x`` the error, and either ends it.
"""

import json
from collections.abc import Callable
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPResponse
from select import select

PORT = 8000  # Ray Serve's own
KIND = "application/x-senet-viz"  # of what is sent: no page of another site can make a browser send it unasked
MODEL = "serve_multiplexed_model_id"  # the header by which Serve finds the replica that has the model
PULSE_S = 0.1
MOST = 256 * 2**20  # bytes of a question: a batch of photos is a tenth of it
CONNECT_S, SILENCE_S = 3.0, 20.0  # how long a machine may take to take a call, and to say nothing once it answers


class Away(Exception):
    """Nobody takes the call."""


class Broken(Exception):
    """Somebody took the call, and there is nobody behind who answers."""


class Died(Broken):
    """Somebody had begun to answer, and was gone in the middle of it."""


def frame(letter: bytes, said: bytes) -> bytes:
    """Return one frame."""
    return letter + len(said).to_bytes(8, "little") + said


def pulse(done: int, total: int) -> bytes:
    """Return the frame that says how far it is."""
    return frame(b"p", json.dumps((done, total)).encode())


def ask(host: str, port: int, body: bytes, model: str, told: Callable[[int, int], object]) -> tuple[bytes, bytes]:
    """Send a question, and wait; returns the last frame's letter, ``a`` or ``x``, and what it holds.

    Args:
        model: the name by which it is routed; "": to anybody.
        told: called several times a second; an exception in it hangs up, and whoever works on it hears of that.

    Raises:
        Away, Broken: see there.
    """
    line = HTTPConnection(host, port, timeout=CONNECT_S)
    try:
        try:
            line.connect()
        except OSError as error:
            raise Away(f"{host}:{port}: {error}") from error
        line.sock.settimeout(SILENCE_S)
        try:
            line.request("POST", "/", body, {"Content-Type": KIND} | ({MODEL: model} if model else {}))
            while not select([line.sock], [], [], PULSE_S)[0]:  # nobody has begun with it yet
                told(0, 1)
            answer = line.getresponse()
            if answer.status != HTTPStatus.OK:
                raise Broken(f"{answer.status}: {answer.read(200)!r}")
        except (OSError, HTTPException) as error:
            raise Broken(repr(error)) from error
        return _last(answer, told)
    finally:
        line.close()


def _last(answer: HTTPResponse, told: Callable[[int, int], object]) -> tuple[bytes, bytes]:
    """Read frames until one is no pulse."""
    while True:
        letter, size = (head := _read(answer, 9))[:1], int.from_bytes(head[1:], "little")
        said = _read(answer, size)
        if letter != b"p":
            return letter, said
        done, total = json.loads(said)
        told(done, total)


def _read(answer: HTTPResponse, size: int) -> bytes:
    try:
        said = answer.read(size)
    except (OSError, HTTPException) as error:
        raise Died(repr(error)) from error
    if len(said) < size:
        raise Died("it ended without an answer")
    return said
