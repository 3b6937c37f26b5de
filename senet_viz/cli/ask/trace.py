"""``trace``: one photo through the attention blocks of a network."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from senet_viz.cli import common, options
from senet_viz.errors import NoGateFound
from senet_viz.models import catalogue

if TYPE_CHECKING:
    from torch import Tensor

    from senet_viz.types import BlockTrace, Trace

SHOWN = 8  # values of a long vector that fit a line


def add(parsers: options.Parsers) -> None:
    """Declare the options of ``trace``."""
    verb = parsers.add_parser(
        "trace", help="one photo through one attention block: z, hidden, logit, gate", parents=[options.photo()]
    )
    verb.add_argument("--block", help="dotted name, as in layer3.0.se; without it, one line for every block")
    verb.add_argument("--json", action="store_true", help="every number, as JSON")
    verb.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Print what every block, or the one that is named, computed of the photo."""
    from senet_viz.photos import preprocess
    from senet_viz.tap import hooks

    spec, module, trained = common.network(args)
    picture = preprocess.preprocess(common.photo(args.photo), spec)
    trace = hooks.run(module, picture.x, model=spec.key, picture_key=picture.key)
    try:
        blocks = trace.blocks if args.block is None else (trace.block(args.block),)
    except KeyError as error:
        known = ", ".join(block.name for block in trace.blocks)
        raise NoGateFound(f"{spec.key} has no block {args.block}; it has {known}", name=args.block) from error
    answer = _as_data(trace, blocks, trained, spec) | {"in_list": common.in_list(args.photo, spec)}
    if not args.json:
        print(_as_text(answer, args.block is not None, common.off_list(args.photo, spec, trained)))
        return
    if args.block is not None:  # one block: its z, hidden, logit and gate stand beside the scores
        (block,) = answer.pop("blocks")
        answer |= {"block": block.pop("name"), **block}
    print(json.dumps(answer, ensure_ascii=False))


def _as_data(trace: Trace, blocks: Sequence[BlockTrace], trained: bool, spec: catalogue.ModelSpec) -> dict[str, Any]:
    from senet_viz.models import class_names

    names, share = class_names.names(spec), trace.logits.softmax(0)
    best = share.topk(min(common.TOP, len(share)))

    def numbers(value: Tensor | None) -> list[Any] | None:
        return None if value is None else value.tolist()

    return {
        "model": trace.model,
        "trained": trained,
        "picture": trace.picture_key,
        "top5": [
            {"name": names[i], "probability": p}
            for p, i in zip(best.values.tolist(), best.indices.tolist(), strict=True)
        ],
        "blocks": [
            {
                "name": block.name,
                "kind": block.kind,
                "branches": block.branches,
                "channels": block.channels,
                "z": numbers(block.z),
                "pre": numbers(block.pre),
                "hidden": numbers(block.hidden),
                "logit": numbers(block.logit),
                "gate": numbers(block.gate),
                "top": block.gate[-1].topk(min(common.TOP, block.channels)).indices.tolist(),
            }
            for block in blocks
        ],
    }


def _line(name: str, values: list[Any] | None) -> str:
    if values is None:
        return f"  {name:7s} this kind of block has none"
    rows = values if values and isinstance(values[0], list) else [values]
    lines = []
    for m, row in enumerate(rows):
        label = f"{name}[{m}]" if len(rows) > 1 else name
        start = " ".join(f"{v:8.4f}" for v in row[:SHOWN]) + (" ..." if len(row) > SHOWN else "")
        mean = sum(row) / len(row)
        lines.append(f"  {label:7s} {len(row):4d} values, {min(row):.4f} to {max(row):.4f}, mean {mean:.4f}: {start}")
    return "\n".join(lines)


def _as_text(answer: dict[str, Any], whole: bool, note: Sequence[str]) -> str:
    """``whole``: everything about the block; else one line a block. ``note``: lines below the answer."""
    title = answer["model"] if answer["trained"] else f"{answer['model']} (UNTRAINED: its answers mean nothing)"
    lines = [title]
    lines += [f"  {100 * c['probability']:5.1f} %  {c['name']}" for c in answer["top5"]]
    lines += note
    for block in answer["blocks"]:
        m, c = block["branches"], block["channels"]
        lines.append(f"{block['name']}  {block['kind']}, {m} branch{'es' if m > 1 else ''} of {c} channels")
        if not whole:
            lines.append(_line("gate", block["gate"]))
            continue
        lines += [_line(key, block[key]) for key in ("z", "pre", "hidden", "logit", "gate")]
        gate = block["gate"][-1]
        what = "most for the last branch" if m > 1 else "most open"
        lines.append(f"  {what}: " + ", ".join(f"channel {i} ({gate[i]:.4f})" for i in block["top"]))
    return "\n".join(lines)
