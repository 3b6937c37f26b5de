"""What the app has on screen, for verbs that write it into a file: one photo, one block, one channel."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from senet_viz.cli import common, options
from senet_viz.errors import OptionRefused
from senet_viz.models import catalogue, weight_files

if TYPE_CHECKING:
    from senet_viz.ui.scene import Scene


def asked() -> argparse.ArgumentParser:
    """Return what every verb on one block on one photo asks for, as a parent of its parser."""
    verb = argparse.ArgumentParser(add_help=False, parents=[options.photo()])
    verb.add_argument("--block", help="dotted name, as in layer3.0.se (default: one whose gates differ)")
    verb.add_argument("--channel", type=int, default=0, help="the channel that is followed (default 0)")
    return verb


def view(args: argparse.Namespace, dark: bool = False) -> Scene:
    """Return the photo, the block and the channel that were asked for as the app has them on screen.

    Raises:
        NoGateFound: there is no such block. OptionRefused: it has no such channel.
    """
    from senet_viz.photos import preprocess, samples
    from senet_viz.ui import shown, state

    common.gated(args.model)
    spec, image = catalogue.spec(args.model), common.photo(args.photo)
    weights = "pretrained" if not args.random and weight_files.trained(args.model) else "random"
    name = args.photo if samples.shows(args.photo) is not None and not Path(args.photo).exists() else "up-file"
    seen = (name, image, preprocess.preprocess(image, spec))
    with state.unseen():
        found = shown.looking(args.lang, dark, spec, weights, "cpu", seen, args.block, args.channel)
    if args.block is not None:
        common.block(args.block, found.blocks, spec)
    if not 0 <= args.channel < found.block.channels:
        raise OptionRefused(found.name, f"channel {args.channel}", f"channels 0 to {found.block.channels - 1}")
    return found
