"""Start Ray on this machine with replicas that answer questions: for ``serve.py``, the benchmarks and the tests."""

import json
import random
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.request import ProxyHandler, build_opener

from senet_viz import assets

ROOT = assets.APP.parent
END_S = 60.0  # Ray ends within seconds
PORTS = range(20_000, 32_000)  # below those that a system hands out: Ray's own sockets take many while it starts


def _free(port: int) -> bool:
    try:
        with socket.create_server(("127.0.0.1", port)):
            return True
    except OSError:
        return False


def begun(*options: str) -> tuple[subprocess.Popen[str], str]:
    """Start it, wait until it answers, and return the process and the address; it ends with this process.

    Args:
        options: of ``senet_viz.service.remote.replica``, the port apart.

    Raises:
        RuntimeError: it did not come up; its words are on this process's standard error.
    """
    port = next(port for port in random.sample(PORTS, 100) if _free(port))
    command = [sys.executable, "-m", "senet_viz.service.remote.replica", "--port", str(port), *options]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("ready: "):
            return process, line.removeprefix("ready: ").strip()
    raise RuntimeError(f"Ray did not start: it ended with {process.wait(END_S)}")


@contextmanager
def served(*options: str) -> Iterator[str]:
    """Give the address until the ``with`` ends."""
    process, address = begun(*options)
    try:
        yield address
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(END_S)


def replica(address: str) -> int:
    """Return the id of the process that answers there."""
    url = address.replace("ray://", "http://")
    with build_opener(ProxyHandler({})).open(url, timeout=END_S) as answer:
        return int(json.load(answer)["process"])
