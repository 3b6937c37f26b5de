"""Decode strangers' pictures in processes of their own, which are ended when they take too long.

A decoder that runs in C can be ended in no other way. At most ``COUNT`` work at the same time; they start when the
first picture comes, stay for the next, and end with this process.
"""

import atexit
import json
import math
import os
import struct
import subprocess
import sys
from contextlib import suppress
from queue import LifoQueue
from threading import Event, Timer
from typing import IO, Any

from PIL import Image

from senet_viz import assets
from senet_viz.errors import ImageRejected

COUNT = 2
SECONDS = 10.0  # for one file; the largest photos take one or two
MEMORY = 2**30  # bytes of address space of each process
_ONE = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MALLOC_ARENA_MAX")  # more of each would take address space
_SCRIPT = (
    "import sys; sys.path.insert(0, sys.argv[1]); "
    "from senet_viz.photos.decode import serve; serve(*map(int, sys.argv[2:]))"
)


class Decoders:
    """Decoders are a few processes that decode pictures.

    Args:
        count: pictures that are decoded at the same time; who comes later waits.
        seconds: time that one file may take before its process is ended.
    """

    def __init__(self, count: int = COUNT, seconds: float = SECONDS) -> None:
        self.seconds = seconds
        self._places: LifoQueue[_Process | None] = LifoQueue()  # the process that worked last works next
        for _ in range(count):
            self._places.put(None)
        atexit.register(self.close)

    def decode(self, data: bytes) -> Image.Image:
        """Return what ``decode.decode`` makes of a file.

        Raises:
            ImageRejected: as there; "costly" too if it took too long, "truncated" if it broke the decoder.
        """
        process = self._places.get()
        try:
            for _ in range(2):  # it may have been ended from outside while it waited: only who fails twice is at fault
                process = process or _Process(2 * math.ceil(self.seconds))
                try:
                    return process.decode(data, self.seconds)
                except _Ended as ended:
                    process = None
                    if ended.late:
                        raise ImageRejected("costly", what="time") from None
            raise ImageRejected("truncated")
        except ImageRejected:
            raise
        except BaseException:  # between question and answer: what would come next is no answer to the next question
            if process is not None:
                process.end()
                process = None
            raise
        finally:
            self._places.put(process)

    def close(self) -> None:
        """End the processes that wait for work."""
        for _ in range(self._places.qsize()):
            process = self._places.get()
            if process is not None:
                process.end()
            self._places.put(None)


class _Ended(Exception):
    """A process ended before it answered; ``late``: because it was ended."""

    def __init__(self, late: bool) -> None:
        super().__init__("too late" if late else "it ended by itself")
        self.late = late


class _Process:
    def __init__(self, alarm: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", _SCRIPT, str(assets.ROOT), str(MEMORY), str(alarm)],
            env={**os.environ, **dict.fromkeys(_ONE, "1")},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        if self._answers.read(1) != b"!":
            self.end()
            raise RuntimeError(f"a decoder did not start: it ended with {self._process.returncode}")

    @property
    def _answers(self) -> IO[Any]:
        assert self._process.stdout is not None
        return self._process.stdout

    def decode(self, data: bytes, seconds: float) -> Image.Image:
        late = Event()

        def end() -> None:
            late.set()
            self._process.kill()

        timer = Timer(seconds, end)
        timer.daemon = True
        timer.start()
        try:
            return self._ask(data)
        except (OSError, EOFError) as error:
            self.end()
            raise _Ended(late.is_set()) from error
        finally:
            timer.cancel()

    def _ask(self, data: bytes) -> Image.Image:
        assert self._process.stdin is not None
        self._process.stdin.write(struct.pack(">Q", len(data)))
        self._process.stdin.write(data)
        self._process.stdin.flush()
        said = json.loads(self._read(struct.unpack(">I", self._read(4))[0]))
        if "reason" in said:
            raise ImageRejected(said["reason"], **said["details"])
        width, height = said["size"]
        return Image.frombytes("RGB", (width, height), self._read(3 * width * height))

    def _read(self, count: int) -> bytes:
        found = self._answers.read(count)
        if len(found) < count:
            raise EOFError
        return bytes(found)

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(OSError):  # what it was never told
                if pipe is not None:
                    pipe.close()
