"""``senet-viz app``: the app in a browser, from wherever the package is installed."""

import argparse
import os
import runpy
import sys

from senet_viz import assets
from senet_viz.cli import options

PORT = 8501


def add(parsers: options.Parsers) -> None:
    """Declare the options of ``app``."""
    verb = parsers.add_parser("app", help=f"the app in a browser, on http://localhost:{PORT}")
    port = options.within(1, 2**16 - 1)
    verb.add_argument("--port", type=port, default=PORT, help=f"where it listens (default {PORT})")
    verb.add_argument(
        "--address", default="localhost", help="who may open it: localhost (default), or 0.0.0.0 for the whole network"
    )
    verb.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Run Streamlit on the app in this process, until somebody ends it.

    Raises:
        SystemExit: always, with Streamlit's own exit code.
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # sessions share the cores: forwards that fight for them are late
    sys.argv = ["streamlit", "run", str(assets.APP), "--server.port", str(args.port), "--server.address", args.address]
    runpy.run_module("streamlit", run_name="__main__", alter_sys=True)
