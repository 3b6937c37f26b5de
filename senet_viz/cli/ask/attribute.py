"""``attribute``: which pixels, or which gates of a block, a class score rests on."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from senet_viz.cli import common, options
from senet_viz.drawing.text import number
from senet_viz.errors import OptionRefused
from senet_viz.models import class_names
from senet_viz.types import MOST_STEPS, ON_GATES, ON_PHOTO

if TYPE_CHECKING:
    from senet_viz.experiments.attribution import Attribution
    from senet_viz.findings.open_or_important import Standing


def add(parsers: options.Parsers) -> None:
    """Declare the options of ``attribute``."""
    verb = parsers.add_parser(
        "attribute", help="which pixels, or which gates of a block, a class score rests on", parents=[options.photo()]
    )
    verb.add_argument(
        "--method", default=ON_GATES[0], choices=(*ON_PHOTO, *ON_GATES), metavar="METHOD",
        help=f"on the photo: {', '.join(ON_PHOTO)}; on gates: {', '.join(ON_GATES)} (default {ON_GATES[0]})",
    )  # fmt: skip
    verb.add_argument(
        "--block", help="whose gates (default: the middle one); for grad_cam: whose map (default: the last)"
    )
    verb.add_argument("--target", help="number or name of a class (default: the network's own answer)")
    verb.add_argument(
        "--steps", type=options.within(1, MOST_STEPS), metavar="N",
        help=f"of a path, at most {MOST_STEPS} (default: as many as it takes to add up)",
    )  # fmt: skip
    options.shared(verb, "--json")
    verb.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Print the attribution, and how far it adds up."""
    from senet_viz.experiments import attribution
    from senet_viz.findings import open_or_important

    on_gates = args.method in ON_GATES
    if on_gates:
        common.gated(args.model)
    look = common.look(args)
    trace = look.trace()
    known = [block.name for block in trace.blocks]
    target = int(trace.logits.argmax()) if args.target is None else _target(args.target, look)
    block = known[len(known) // 2] if on_gates else None
    if args.block is not None:
        common.block(args.block, known, look.spec)
        block = args.block if on_gates or args.method == "grad_cam" else None
    found = attribution.run(args.method, look.module, look.picture.x, target, block, args.steps)
    name = class_names.names(look.spec)[target]
    answer = look.head | {
        "method": found.method,
        "in_list": look.in_list,
        "listed": look.listed(trace),
        "target": {"index": target, "name": name, "probability": float(look.shares(trace)[target])},
        "block": found.block,
        **{field: getattr(found, field) for field in ("score", "baseline", "total", "completeness", "steps")},
        "values": found.values.tolist(),
    }
    if on_gates:
        assert block is not None
        gate = trace.block(block).gate.numpy()
        standing = open_or_important.standing(gate[-1], found.values[-1])
        answer |= {
            "gate": gate.tolist(),
            "most_open": standing.open.tolist(),
            "matter_most": standing.matter.tolist(),
            "both": standing.both.tolist(),
            "rank_correlation": None if np.isnan(standing.rho) else standing.rho,
        }
        rest = _standing(standing, gate[-1], found.values[-1])
    else:
        rest = _coarse(found.values)
    said = f"{found.method} for {name}: score {number(found.score, 4)}" + (f", {block}" if block else "")
    common.show(
        args,
        answer,
        (look.title, *look.strange(trace), said, *look.off_list(trace), _sum(found, attribution.ENOUGH), *rest),
    )


def _target(text: str, look: common.Look) -> int:
    """Return the class of that number or that name, in any case."""
    names = class_names.names(look.spec)
    if text.isdecimal() and len(text) < 6 and int(text) < len(names):
        return int(text)
    found = [i for i, name in enumerate(names) if text.casefold() == name.casefold()]
    if not found:
        raise OptionRefused(look.spec.title, f"class {text}", f"classes 0 to {len(names) - 1}, or their names")
    return found[0]


def _sum(found: Attribution, enough: float) -> str:
    """Return the line that says whether all values add up to the change of the score."""
    total = number(found.total, 4)
    if found.completeness is None or found.baseline is None:
        return f"sum {total}; this method promises none"
    word = "adds up" if found.completeness <= enough else "DOES NOT ADD UP"
    return (
        f"{word}: sum {total}, score changes by {number(found.score - found.baseline, 4)} "
        f"(off by {found.completeness:.2%}, {found.steps} steps)"
    )


def _standing(standing: Standing, gate: np.ndarray, values: np.ndarray) -> Iterator[str]:
    """Give what gates (C,) and attributions (C,) have to do with each other."""
    rho = "undefined: gates or attributions are all equal" if np.isnan(standing.rho) else f"{standing.rho:.3f}"
    yield f"rank correlation of gate and |attribution|: {rho}"
    if np.ptp(gate):
        yield f"of the {len(standing.open)} most open, {len(standing.both)} are among the {standing.n} below"
    for c in standing.matter.tolist():
        yield f"  channel {c:4d}  gate {gate[c]:.4f}  {values[c]:+.6f}"


def _coarse(values: np.ndarray, cells: int = 7) -> Iterator[str]:
    """Give what a map (H, W) sums to in each of 7 x 7 parts of the photo."""
    yield "sums over 7 x 7 parts of the photo:"
    for band in np.array_split(values, cells, axis=0):
        yield "  " + " ".join(f"{float(part.sum()):9.3f}" for part in np.array_split(band, cells, axis=1))
