"""A real nginx with the repository's own ``deploy/nginx.conf`` in front of web processes of this machine."""

import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from socket import create_connection, create_server

from benchmarks._server import ROOT

NAMES = ("nginx", "/usr/sbin/nginx", "/usr/local/sbin/nginx")  # Debian has it on root's path alone
START_S = 20.0
FRAME = """daemon off;
worker_processes 2;
error_log {folder}/error.log notice;
pid {folder}/pid;
events {{ worker_connections 2048; }}
http {{
    include {site};
    {temporary}
}}
"""
TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


def found() -> str | None:
    """Where nginx is; None where it is not."""
    return next(filter(None, map(shutil.which, NAMES)), None)


def site(listen: str, blue: Sequence[str], green: Sequence[str] = ()) -> str:
    """The text of ``deploy/nginx.conf`` that listens there, with these processes in its two pools."""
    text = (ROOT / "deploy" / "nginx.conf").read_text(encoding="utf-8")
    text, listens = re.subn(r"listen 80;", f"listen {listen};", text)
    assert listens == 1
    for pool, processes in (("blue", blue), ("green", green or blue)):
        servers = "".join(f"    server {address} max_fails=0;\n" for address in processes)
        text, pools = re.subn(rf"(upstream {pool} {{\n.*?\n)(?:    server .*\n)+", rf"\g<1>{servers}", text)
        assert pools == 1
    return text


@contextmanager
def proxy(
    folder: Path, blue: Sequence[str], green: Sequence[str] = ()
) -> Iterator[tuple[str, Callable[[Callable[[str], str]], None]]]:
    """Serve them behind one address; ended afterwards.

    Gives the address, and a function that changes the configuration as an operator does: it edits, and reloads.
    """
    program = found()
    if program is None:
        raise SystemExit("no nginx: apt install nginx-light")
    with create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    file = folder / "site.conf"
    file.write_text(site(address, blue, green), encoding="utf-8")
    temporary = " ".join(f"{name}_temp_path {folder}/{name};" for name in TEMPORARY)
    frame = folder / "nginx.conf"
    frame.write_text(FRAME.format(folder=folder, site=file, temporary=temporary), encoding="utf-8")
    process = subprocess.Popen(
        [program, "-e", f"{folder}/error.log", "-c", str(frame)], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )

    def edit(change: Callable[[str], str]) -> None:
        before, said = file.read_text(encoding="utf-8"), (folder / "error.log")
        after, seen = change(before), said.read_text().count("gracefully shutting down")
        assert after != before
        file.write_text(after, encoding="utf-8")
        subprocess.run([program, "-e", f"{folder}/error.log", "-c", str(frame), "-s", "reload"], check=True)
        _until(lambda: said.read_text().count("gracefully shutting down") > seen, "nginx to read it again")

    try:
        _until(lambda: process.poll() is not None or _open(address), "nginx")
        if process.poll() is not None:
            raise SystemExit((folder / "error.log").read_text())
        yield address, edit
    finally:
        process.terminate()
        process.wait(START_S)


def _open(address: str) -> bool:
    host, port = address.split(":")
    with suppress(OSError), create_connection((host, int(port)), 1):
        return True
    return False


def _until(so: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + START_S
    while not so():
        if time.monotonic() > end:
            raise SystemExit(f"waited for {what}")
        time.sleep(0.05)
