"""Serve a class: ``serve.py PORT [ADDRESS [ENGINE]]`` says how to join, and runs the app for everyone on this network.

The class is made here and given to the server by an environment variable, so that the teacher's token stands in no file
and in no address that a student sees: what follows ``#`` stays in the teacher's browser.
"""

import os
import secrets
import sys

import segno

from senet_viz import assets
from tools import present, ray_here

ROOMS = "SENET_VIZ_CLASS"  # as senet_viz/ui/state.py reads it
ENGINE = "SENET_VIZ_ENGINE"  # likewise
LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # none that looks like another
LENGTH = 5


def made() -> tuple[str, str]:
    """Return the code of a new class, and its teacher's token of 128 random bits."""
    return "".join(secrets.choice(LETTERS) for _ in range(LENGTH)), secrets.token_urlsafe(16)


def told(site: str, code: str, token: str) -> str:
    """Return what the teacher reads in the terminal."""
    join = f"{site}/?class={code}"
    return f"""
  Students open   {join}
  or              {site}   and there Teach · Class, with the code   {code}

{_drawn(join)}

  Your own link, for nobody else:
  {site}/classroom?class={code}#teacher={token}
"""


def _drawn(text: str) -> str:
    """Return a QR code in half blocks, dark on light whatever the terminal's colours."""
    rows = [[*row] for row in segno.make(text, micro=False).matrix_iter(border=2)]
    rows += [[0] * len(rows[0])] * (len(rows) % 2)
    blocks = {(0, 0): "█", (0, 1): "▀", (1, 0): "▄", (1, 1): " "}  # light is what is printed
    pairs = zip(rows[::2], rows[1::2], strict=True)
    lines = ("".join(blocks[bool(a), bool(b)] for a, b in zip(above, below, strict=True)) for above, below in pairs)
    return "\n".join(f"  \x1b[97;40m{line}\x1b[0m" for line in lines)


def main(port: str, address: str = "", engine: str = "") -> None:
    """Say how to join; then this process becomes the server.

    Args:
        engine: "" for networks in this process; ``ray`` starts Ray on this machine, which ends with this process;
            ``ray://host:port`` asks one that runs.
    """
    if engine:
        os.environ[ENGINE] = ray_here.begun()[1] if engine == "ray" else engine
    host, (code, token) = address or present.address(), made()
    print(told(f"http://{host}:{port}", code, token), flush=True)
    os.environ[ROOMS] = f"{code}:{token}"
    where = {"server.address": "0.0.0.0", "server.port": port, "server.headless": "true", "browser.serverAddress": host}
    options = [part for name, value in where.items() for part in (f"--{name}", value)]
    os.execv(sys.executable, [sys.executable, "-m", "streamlit", "run", str(assets.APP), *options])


if __name__ == "__main__":
    main(*sys.argv[1:])
