"""``senet-viz app``: the app in a browser, from wherever the package is installed."""

from __future__ import annotations

import argparse
import os
import runpy
import sys
from typing import Any

from senet_viz import assets

PORT = 8501


def _port(text: str) -> int:
    value = int(text)
    if not 0 < value < 2**16:
        raise argparse.ArgumentTypeError("must be from 1 to 65535")
    return value


def add(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the command ``app`` and its options."""
    command = commands.add_parser("app", help="the app in a browser, on http://localhost:8501")
    command.add_argument("--port", type=_port, default=PORT, help=f"where it listens (default {PORT})")
    command.add_argument(
        "--address", default="localhost", help="who may open it: localhost (default), or 0.0.0.0 for the whole network"
    )
    command.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Run Streamlit on the app in this process, until somebody ends it.

    Raises:
        SystemExit: always, with Streamlit's own exit code.
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # sessions share the cores: forwards that fight for them are late
    sys.argv = ["streamlit", "run", str(assets.APP), "--server.port", str(args.port), "--server.address", args.address]
    runpy.run_module("streamlit", run_name="__main__", alter_sys=True)
