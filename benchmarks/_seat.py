"""A server of our own, and seats in front of it: the browser's half of Streamlit's protocol without a browser.

A seat sends what a browser sends (the choices, the URL, which messages it still has) and waits for the end of the run.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import ProxyHandler, build_opener

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect

ROOT = Path(__file__).resolve().parents[1]
SMALL = 200  # bytes; the message that ends a run is smaller
KEY = re.compile(r"\$\$ID-[0-9a-f]+-(.+)")


@dataclass(frozen=True)
class Server:
    """A running app: its address, and what its stop-watch wrote."""

    address: str  # 127.0.0.1:PORT
    log: Path

    def runs(self) -> list[tuple[float, float]]:
        """(seconds on the clock, seconds of a processor) of every run of the script so far."""
        if not self.log.exists():
            return []
        return [(float(wall), float(busy)) for wall, busy in map(str.split, self.log.read_text().splitlines())]


@contextmanager
def server(*options: str) -> Iterator[Server]:
    """The app on a free port of this machine, ended afterwards."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    where = ["--server.port", str(port), "--server.address", "127.0.0.1", "--server.headless", "true"]
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "runs"
        said = Path(folder) / "said"
        with said.open("wb") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", "benchmarks._server", str(log), *options, *where],
                cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"}, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
            )  # fmt: skip
        try:
            while not _healthy(port):
                if process.poll() is not None:
                    raise SystemExit(f"the app did not start:\n{said.read_text(errors='replace')}")
                time.sleep(0.1)
            yield Server(f"127.0.0.1:{port}", log)
        finally:
            process.terminate()
            process.wait(30)


def _healthy(port: int) -> bool:
    try:
        with build_opener(ProxyHandler({})).open(f"http://127.0.0.1:{port}/_stcore/health", timeout=5) as reply:
            return bool(reply.status == 200)
    except (URLError, OSError):
        return False


@dataclass
class Seat:
    """One session. ``widgets`` are the keys of what can be chosen, and Streamlit's names for them."""

    socket: ClientConnection
    query: str
    page: str = ""
    widgets: dict[str, str] = field(default_factory=dict)
    kept: list[set[str]] = field(default_factory=list)  # messages of the last two runs, by hash

    @classmethod
    async def take(cls, app: Server, page: str = "", /, **url: object) -> Seat:
        """Open a page and wait until it stands there."""
        wire = await connect(f"ws://{app.address}/_stcore/stream", subprotocols=["streamlit"], max_size=None)  # type: ignore[list-item]
        seat = cls(wire, urlencode(url))
        await seat.rerun(page=page)
        return seat

    async def rerun(self, page: str | None = None, **chosen: str | int) -> float:
        """Choose something (or nothing, or another page); seconds until the last message of the run is here."""
        ask = BackMsg()
        state = ask.rerun_script
        state.query_string = self.query
        state.cached_message_hashes.extend(set().union(*self.kept))
        if page is not None:
            state.page_name = page
        else:
            state.page_script_hash = self.page
        for key, value in chosen.items():
            widget = state.widget_states.widgets.add(id=self.widgets[key])
            if isinstance(value, int):
                widget.int_value = value
            else:
                widget.string_array_value.data.append(value)
        start = perf_counter()
        await self.socket.send(ask.SerializeToString())
        frames = await self._until_the_end()
        seconds = perf_counter() - start
        self._remember(frames)
        return seconds

    async def _until_the_end(self) -> list[bytes]:
        frames: list[bytes] = []
        while True:
            frame = await self.socket.recv()
            assert isinstance(frame, bytes)
            frames.append(frame)
            if len(frame) < SMALL:
                end = ForwardMsg.FromString(frame)
                if end.HasField("script_finished") and end.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                    return frames

    def _remember(self, frames: list[bytes]) -> None:
        hashes = set()
        for message in map(ForwardMsg.FromString, frames):
            kind = message.WhichOneof("type")
            if kind == "ref_hash":
                hashes.add(message.ref_hash)
            elif message.metadata.cacheable:
                hashes.add(message.hash)
            if kind == "navigation":
                self.page = message.navigation.page_script_hash
            elif kind == "page_info_changed":
                self.query = message.page_info_changed.query_string
            elif kind == "delta" and message.delta.HasField("new_element"):
                element = message.delta.new_element
                inner = getattr(element, str(element.WhichOneof("type")))
                if found := KEY.fullmatch(getattr(inner, "id", "")):
                    self.widgets[found[1]] = inner.id
        self.kept = [*self.kept[-1:], hashes]

    async def leave(self) -> None:
        """Close the browser's tab."""
        await self.socket.close()
