"""``sweep``: one photo at many scales, and what becomes of every gate."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from senet_viz import i18n
from senet_viz.cli import common, options
from senet_viz.errors import OptionRefused

if TYPE_CHECKING:
    from senet_viz.drawing.grammar import Figure

LEAST_SCALE, MOST_SCALE, MOST_SCALES, MOST_BLUR = 0.1, 10.0, 64, 50


def add(parsers: options.Parsers) -> None:
    """Declare the options of ``sweep``."""
    verb = parsers.add_parser(
        "sweep", help="one photo at many scales: what becomes of every gate", parents=[options.photo()]
    )
    verb.add_argument(
        "--scales", type=_scales, default="0.5:2:9",
        help=f"A:B:N in equal ratios, or a list: at most {MOST_SCALES}, each from {LEAST_SCALE:g} to {MOST_SCALE:g} "
        "(default 0.5:2:9)",
    )  # fmt: skip
    verb.add_argument("--out", type=Path, required=True, help="folder for the figures and gates.csv")
    verb.add_argument("--kind", choices=("zoom", "resolution", "amplitude"), default="zoom", help="what scale means")
    blur = options.within(0, MOST_BLUR, float)
    verb.add_argument("--blur", type=blur, default=0.0, help="Gaussian blur of every frame, pixels (default 0)")
    verb.add_argument("--block", help="dotted name of the block in the figures (default: the middle one)")
    verb.add_argument("--channel", type=int, help="channel in the figures (default: the one that moves most)")
    verb.add_argument("--format", choices=("png", "svg", "pdf"), default="png")
    options.shared(verb, "--lang")
    verb.set_defaults(run=run, out_folder=True)


def run(args: argparse.Namespace) -> None:
    """Write the three figures of the sweep, and their gates as a table."""
    from senet_viz.experiments import scale_sweep
    from senet_viz.figures.scale import channel_weights
    from senet_viz.findings import scale_response

    common.gated(args.model)
    spec, module, trained = common.network(args)
    if not trained:
        print(f"{spec.key} (UNTRAINED: its gates know nothing)", file=sys.stderr)
    photo = common.photo(args.photo)
    scales = tuple(sorted({*args.scales, 1.0}))  # everything is compared with the photo as it is

    def told(done: int, total: int) -> None:
        print(f"{done} of {total} scales", file=sys.stderr, flush=True)

    found = scale_sweep.scale_sweep(module, photo, scales, spec, args.kind, args.blur, progress=told)
    names = tuple(block.name for block in found.traces[0].blocks)
    block = common.block(args.block or names[len(names) // 2], names, spec)
    gates = tuple(scale_response.gates(found, name) for name in names)
    here, base = names.index(block), scales.index(1.0)
    g, rho, rows = gates[here], scale_response.correlations(found, base), scale_response.table(found)
    up, down = scale_response.most(g)
    channel = int(np.abs(scale_response.change(g)).argmax()) if args.channel is None else args.channel
    if not 0 <= channel < g.shape[1]:
        raise OptionRefused(block, f"channel {channel}", f"channels 0 to {g.shape[1] - 1}")
    frames = [picture.shown for picture in found.pictures]
    built: dict[str, Callable[[i18n.Texts], Figure]] = {
        "film": lambda t: channel_weights.draw_film(
            frames, scales, names, gates, here, base, channel, args.kind, rows, t
        ),
        "moved": lambda t: channel_weights.draw_moved(g, scales, up, down, channel, block, t),
        "rank": lambda t: channel_weights.draw_rank(rho, scales, names, here, t),
    }
    named = {"model": spec.title, "block": block, "photo": Path(args.photo).name}
    wanted = {f"{name}.{args.format}": build for name, build in built.items()} | {"gates.csv": built["film"]}
    for name, build in wanted.items():
        common.write_slide(args.out / name, build, trained, args.lang, **named)


def _scales(text: str) -> tuple[float, ...]:
    """Return the scales that A:B:N is, which are N from A to B in equal ratios, or those of a list as in 0.5,1,2."""
    try:
        if ":" in text:
            low, high, number = text.split(":")
            given, count = [float(low), float(high)], int(number)
        else:
            given = [float(part) for part in text.split(",")]
            count = len(given)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text[:80]!r} is neither A:B:N nor a list of numbers") from error
    # before any list of that length is made
    if not 1 <= count <= MOST_SCALES or not all(LEAST_SCALE <= value <= MOST_SCALE for value in given):
        raise argparse.ArgumentTypeError(
            f"1 to {MOST_SCALES} scales, each from {LEAST_SCALE:g} to {MOST_SCALE:g}; got {text[:80]!r}"
        )
    values = np.geomspace(given[0], given[1], count).tolist() if ":" in text else given
    return tuple(round(value, 6) for value in values)
