"""``attribute``: which pixels, or which gates of a block, a class score rests on."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from senet_viz.cli import common, options
from senet_viz.errors import NoGateFound, OptionRefused
from senet_viz.models import catalogue
from senet_viz.types import MOST_STEPS, ON_GATES, ON_PHOTO


def add(parsers: options.Parsers) -> None:
    """Declare the options of ``attribute``."""
    verb = parsers.add_parser(
        "attribute", help="which pixels, or which gates of a block, a class score rests on", parents=[options.photo()]
    )
    verb.add_argument(
        "--method",
        default="gradient_x_gate",
        choices=(*ON_PHOTO, *ON_GATES),
        metavar="METHOD",
        help=(f"on the photo: {', '.join(ON_PHOTO)}; on gates: {', '.join(ON_GATES)} (default gradient_x_gate)"),
    )
    verb.add_argument(
        "--block", help="whose gates (default: the middle one); for grad_cam: whose map (default: the last)"
    )
    verb.add_argument("--target", help="number or name of a class (default: the network's own answer)")
    verb.add_argument(
        "--steps", type=options.whole(1, MOST_STEPS), metavar="N",
        help=f"of a path, at most {MOST_STEPS} (default: as many as it takes to add up)",
    )  # fmt: skip
    verb.add_argument("--json", action="store_true", help="every number, as JSON")
    verb.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Print the attribution, and how far it adds up."""
    from senet_viz.drawing.text import number
    from senet_viz.experiments import attribution
    from senet_viz.findings import open_or_important
    from senet_viz.models import class_names
    from senet_viz.photos import preprocess
    from senet_viz.tap import hooks

    on_gates = args.method in ON_GATES
    if on_gates:
        common.gated(args.model)
    spec, module, trained = common.network(args)
    picture = preprocess.preprocess(common.photo(args.photo), spec)
    trace = hooks.run(module, picture.x, model=spec.key, picture_key=picture.key)
    names, known = class_names.names(spec), [block.name for block in trace.blocks]
    target = int(trace.logits.argmax()) if args.target is None else _target(args.target, names, spec)
    if args.block is not None and args.block not in known:
        raise NoGateFound(f"{spec.key} has no block {args.block}; it has {', '.join(known)}", name=args.block)
    block = known[len(known) // 2] if on_gates else None
    if args.block is not None and (on_gates or args.method == "grad_cam"):
        block = args.block
    found = attribution.run(args.method, module, picture.x, target, block, args.steps)
    answer: dict[str, Any] = {
        "model": spec.key,
        "trained": trained,
        "picture": picture.key,
        "method": found.method,
        "in_list": common.in_list(args.photo, spec),
        "target": {"index": target, "name": names[target], "probability": float(trace.logits.softmax(0)[target])},
        "block": found.block,
        "score": found.score,
        "baseline": found.baseline,
        "total": found.total,
        "completeness": found.completeness,
        "steps": found.steps,
        "values": found.values.tolist(),
    }
    if on_gates:
        assert block is not None
        gate, values = trace.block(block).gate.numpy()[-1], found.values[-1]
        standing = open_or_important.standing(gate, values)
        answer |= {
            "gate": trace.block(block).gate.tolist(),
            "most_open": standing.open.tolist(),
            "matter_most": standing.matter.tolist(),
            "both": standing.both.tolist(),
            "rank_correlation": None if np.isnan(standing.rho) else standing.rho,
        }
    if args.json:
        print(json.dumps(answer, ensure_ascii=False))
        return
    lines = [spec.key if trained else f"{spec.key} (UNTRAINED: its answers mean nothing)"]
    lines.append(
        f"{found.method} for {names[target]}: score {number(found.score, 4)}" + (f", {block}" if block else "")
    )
    lines += common.off_list(args.photo, spec, trained)
    if found.completeness is None:
        lines.append(f"sum {number(found.total, 4)}; this method promises none")
    else:
        assert found.baseline is not None
        difference = number(found.score - found.baseline, 4)
        word = "adds up" if found.completeness <= attribution.ENOUGH else "DOES NOT ADD UP"
        lines.append(
            f"{word}: sum {number(found.total, 4)}, score changes by {difference} "
            f"(off by {found.completeness:.2%}, {found.steps} steps)"
        )
    if on_gates:
        rho = "undefined: gates or attributions are all equal" if np.isnan(standing.rho) else f"{standing.rho:.3f}"
        lines.append(f"rank correlation of gate and |attribution|: {rho}")
        if np.ptp(gate):
            lines.append(
                f"of the {len(standing.open)} most open, {len(standing.both)} are among the {standing.n} below"
            )
        lines += [f"  channel {c:4d}  gate {gate[c]:.4f}  {values[c]:+.6f}" for c in standing.matter.tolist()]
    else:
        lines += _coarse(found.values)
    print("\n".join(lines))


def _target(text: str, names: Sequence[str], spec: catalogue.ModelSpec) -> int:
    """A class by number or by name, in any case."""
    if text.isdecimal() and len(text) < 6 and int(text) < len(names):
        return int(text)
    found = [i for i, name in enumerate(names) if text.casefold() == name.casefold()]
    if not found:
        raise OptionRefused(spec.title, f"class {text}", f"classes 0 to {len(names) - 1}, or their names")
    return found[0]


def _coarse(values: np.ndarray, cells: int = 7) -> list[str]:
    """What a map sums to in each of 7 x 7 parts of the photo."""
    rows = [np.array_split(band, cells, axis=1) for band in np.array_split(values, cells, axis=0)]
    return ["sums over 7 x 7 parts of the photo:"] + [
        "  " + " ".join(f"{float(part.sum()):9.3f}" for part in row) for row in rows
    ]
