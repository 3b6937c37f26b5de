"""Serve an app as ``streamlit run app.py`` does, with a stop-watch around every run of the script.

    python -m benchmarks._server LOG [--thaw] [streamlit's own options]

``LOG`` gets one line a run: seconds on the clock, seconds of a processor; ``LOG.gc`` one a collection of garbage, which
stops every thread: generation, seconds. ``--thaw`` takes ``gc.freeze`` away. The app is the ``app.py`` of the folder
that it is started in, with that folder's configuration.
"""

import gc
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, thread_time
from typing import Any
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Server:
    """A running app: its address, its process, and what its stop-watch wrote."""

    address: str  # 127.0.0.1:PORT
    process: int  # 0: several, behind a proxy
    log: Path

    def runs(self) -> list[tuple[float, float]]:
        """(seconds on the clock, seconds of a processor) of every run of the script so far."""
        if not self.log.exists():
            return []
        return [(float(wall), float(busy)) for wall, busy in map(str.split, self.log.read_text().splitlines())]

    def collections(self) -> list[tuple[int, float]]:
        """(generation, seconds) of every collection of garbage so far."""
        log = self.log.with_suffix(".gc")
        lines = log.read_text().splitlines() if log.exists() else []
        return [(int(generation), float(seconds)) for generation, seconds in map(str.split, lines)]


@contextmanager
def server(*options: str, folder: Path = ROOT) -> Iterator[Server]:
    """The app of that folder on a free port of this machine, ended afterwards."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    where = ["--server.port", str(port), "--server.address", "127.0.0.1", "--server.headless", "true"]
    with tempfile.TemporaryDirectory() as notes:
        log, said = Path(notes) / "runs", Path(notes) / "said"
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
        with said.open("wb") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", "benchmarks._server", str(log), *options, *where],
                cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
            )  # fmt: skip
        try:
            while not _healthy(port):
                if process.poll() is not None:
                    raise SystemExit(f"the app did not start:\n{said.read_text(errors='replace')}")
                time.sleep(0.1)
            yield Server(f"127.0.0.1:{port}", process.pid, log)
        finally:
            process.terminate()
            process.wait(30)


def _healthy(port: int) -> bool:
    try:
        with build_opener(ProxyHandler({})).open(f"http://127.0.0.1:{port}/_stcore/health", timeout=5) as reply:
            return bool(reply.status == 200)
    except (URLError, OSError):
        return False


def stopwatch(log: Path) -> None:
    """Note how long every run of the script takes: the page, not the sending of what it made."""
    from streamlit.runtime.scriptrunner.script_runner import ScriptRunner

    run, file = ScriptRunner._run_script, log.open("a", buffering=1)

    def timed(self: ScriptRunner, *arguments: Any) -> None:
        start, busy = perf_counter(), thread_time()
        try:
            run(self, *arguments)
        finally:
            file.write(f"{perf_counter() - start:.6f} {thread_time() - busy:.6f}\n")

    ScriptRunner._run_script = timed  # type: ignore[method-assign]


def collections(log: Path) -> None:
    """Note how long every collection of garbage takes."""
    file, began = log.with_suffix(".gc").open("a", buffering=1), [0.0]

    def told(phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            began[0] = perf_counter()
        else:
            file.write(f"{info['generation']} {perf_counter() - began[0]:.6f}\n")

    gc.callbacks.append(told)


def main() -> None:
    """Run until ended from outside."""
    log, *options = sys.argv[1:]
    if "--thaw" in options:
        options.remove("--thaw")
        gc.freeze = lambda: None
    stopwatch(Path(log))
    collections(Path(log))
    from streamlit.web.cli import main as streamlit

    sys.argv = ["streamlit", "run", "app.py", *options]
    streamlit()


if __name__ == "__main__":
    main()
