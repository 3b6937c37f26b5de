"""``notebook``: a notebook that computes again what the stage shows of one block on one photo."""

import argparse
from pathlib import Path

from senet_viz.cli import common, on_screen, options


def add(parsers: options.Parsers) -> None:
    """Declare the options of ``notebook``."""
    verb = parsers.add_parser(
        "notebook", help="a notebook that computes again what the stage shows", parents=[on_screen.asked()]
    )
    verb.add_argument("--out", type=Path, required=True, metavar="FILE", help="the file to write, as in block.ipynb")
    options.shared(verb, "--lang")
    verb.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Write the file."""
    view = on_screen.view(args)
    from senet_viz.ui.takeaway import notebook

    common.write(args.out, notebook.notebook(view, photo=args.photo))
