"""``stage``: the stage of one block on one photo as one HTML file, which needs no server."""

import argparse
from pathlib import Path

from senet_viz.cli import common, on_screen, options


def add(parsers: options.Parsers) -> None:
    """Declare the options of ``stage``."""
    verb = parsers.add_parser(
        "stage", help="one block on one photo, step by step, in one HTML file", parents=[on_screen.asked()]
    )
    verb.add_argument("--dark", action="store_true", help="on a dark background")
    verb.add_argument("--out", type=Path, required=True, metavar="FILE", help="the file to write, as in stage.html")
    options.shared(verb, "--lang")
    verb.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Write the file."""
    view = on_screen.view(args, dark=args.dark)
    from senet_viz.ui.takeaway import one_file

    common.write(args.out, one_file.one_file(view))
