"""``trace``: one photo through the attention blocks of a network."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from senet_viz import i18n
from senet_viz.cli import common, options

if TYPE_CHECKING:
    from senet_viz.types import BlockTrace, Trace

SHOWN = 8  # values of a long vector that fit a line
STEPS = ("z", "pre", "hidden", "logit", "gate")


def add(parsers: options.Parsers) -> None:
    """Declare the options of ``trace``."""
    verb = parsers.add_parser(
        "trace", help="one photo through one attention block: z, hidden, logit, gate", parents=[options.photo()]
    )
    verb.add_argument("--block", help="dotted name, as in layer3.0.se; without it, one line for every block")
    options.shared(verb, "--json")
    verb.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Print what every block, or the one that is named, computed of the photo."""
    look = common.look(args)
    trace = look.trace()
    names = [block.name for block in trace.blocks]
    wanted = names if args.block is None else [common.block(args.block, names, look.spec)]
    blocks = [_data(trace.block(name)) for name in wanted]
    answer = look.head | {"listed": look.listed(trace), "top5": look.top(trace)}
    if args.block is None:
        answer |= {"blocks": blocks, "in_list": look.in_list}
    else:  # one block: its z, hidden, logit and gate stand beside the scores
        name, *rest = blocks[0].items()
        answer |= {"in_list": look.in_list, "block": name[1], **dict(rest)}
    differs = _differs(look, trace, wanted[len(wanted) // 2]) if wanted else ""
    answer |= {"differs": differs}
    first = (f"  {100 * c['probability']:5.1f} %  {c['name']}" for c in answer["top5"])
    each = (line for block in blocks for line in _text(block, args.block is not None))
    common.show(
        args,
        answer,
        (look.title, *filter(None, (differs,)), *look.strange(trace), *first, *look.off_list(trace), *each),
    )


def _differs(look: common.Look, trace: Trace, block: str) -> str:
    """Return how that block differs from its paper's."""
    from senet_viz.models import differences
    from senet_viz.tap import replay

    found, again = trace.block(block), replay.replay(look.module, trace.block(block))
    t = i18n.texts(i18n.DEFAULT)
    return differences.sentence(t, again, look.spec.position, found.channels, found.branches)


def _data(block: BlockTrace) -> dict[str, Any]:
    values = {step: None if (v := getattr(block, step)) is None else v.tolist() for step in STEPS}
    best = block.gate[-1].topk(min(common.TOP, block.channels)).indices.tolist()
    about = {"name": block.name, "kind": block.kind, "branches": block.branches, "channels": block.channels}
    return about | values | {"top": best}


def _text(block: dict[str, Any], whole: bool) -> Iterator[str]:
    """Give the lines of one block; ``whole``: everything about it."""
    m, c = block["branches"], block["channels"]
    yield f"{block['name']}  {block['kind']}, {m} branch{'es' if m > 1 else ''} of {c} channels"
    for step in STEPS if whole else STEPS[-1:]:
        yield from _step(step, block[step])
    if whole:
        gate, what = block["gate"][-1], "most for the last branch" if m > 1 else "most open"
        yield f"  {what}: " + ", ".join(f"channel {i} ({gate[i]:.4f})" for i in block["top"])


def _step(name: str, values: list[Any] | None) -> Iterator[str]:
    if values is None:
        yield f"  {name:7s} this kind of block has none"
        return
    rows = values if values and isinstance(values[0], list) else [values]
    for m, row in enumerate(rows):
        label = f"{name}[{m}]" if len(rows) > 1 else name
        start = " ".join(f"{v:8.4f}" for v in row[:SHOWN]) + (" ..." if len(row) > SHOWN else "")
        mean = sum(row) / len(row)
        yield f"  {label:7s} {len(row):4d} values, {min(row):.4f} to {max(row):.4f}, mean {mean:.4f}: {start}"
