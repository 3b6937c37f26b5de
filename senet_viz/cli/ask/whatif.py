"""``whatif``: one photo before and after changes to gates."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from senet_viz.cli import common, options
from senet_viz.errors import EditRefused

if TYPE_CHECKING:
    from senet_viz.types import Trace


def add(parsers: options.Parsers) -> None:
    """Declare the options of ``whatif``."""
    verb = parsers.add_parser(
        "whatif",
        help="one photo before and after changes to gates, and what later gates did",
        parents=[options.photo()],
    )
    verb.add_argument(
        "--edit", action="append", required=True, metavar="BLOCK:OP[:CHANNELS][=VALUE]",
        help="as in layer3.1.se:mute:17,42 or layer3.1.se:scale:3=0.5; may be given again, in this order",
    )  # fmt: skip
    verb.add_argument("--json", action="store_true", help="every number, as JSON")
    verb.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Print the answers before and after the edits, and how the gates moved."""
    from senet_viz.experiments import channel_ranking, gate_profile
    from senet_viz.models import class_names
    from senet_viz.photos import preprocess
    from senet_viz.tap import edits, hooks

    asked = tuple(edits.parse(text) for text in args.edit)
    spec, module, trained = common.network(args)
    picture = preprocess.preprocess(common.photo(args.photo), spec)

    def photo(name: str) -> dict[str, Any]:
        other = preprocess.preprocess(common.photo(name), spec)
        return {block.name: block.gate.numpy() for block in hooks.run(module, other.x).blocks}

    profiled = gate_profile.read().get(spec.key) if trained and any(edit.op == "mean" for edit in asked) else None
    wanted = channel_ranking.filled(asked, profiled.means() if profiled else {}, photo)
    before = hooks.run(module, picture.x, model=spec.key, picture_key=picture.key)
    try:
        after = hooks.run(module, picture.x, wanted, model=spec.key, picture_key=picture.key)
    except ValueError as error:  # a channel or a branch that this block has not
        raise EditRefused(" ".join(args.edit)[:80], str(error)) from error
    names = class_names.names(spec)

    def top5(trace: Trace) -> list[dict[str, Any]]:
        share, other = trace.logits.softmax(0), before.logits.softmax(0)
        best = share.topk(min(common.TOP, len(share))).indices.tolist()
        return [{"name": names[i], "probability": float(share[i]), "change": float(share[i] - other[i])} for i in best]

    answer = {
        "model": spec.key,
        "trained": trained,
        "picture": picture.key,
        "edits": [edits.written(edit) for edit in wanted],
        "before": top5(before),
        "after": top5(after),
        "in_list": common.in_list(args.photo, spec),
        "blocks": [vars(moved) for moved in channel_ranking.downstream(before, after)],
    }
    note = common.off_list(args.photo, spec, trained)
    print(json.dumps(answer, ensure_ascii=False) if args.json else _text(answer, note))


def _text(answer: dict[str, Any], note: Sequence[str]) -> str:
    lines = [answer["model"] if answer["trained"] else f"{answer['model']} (UNTRAINED: its answers mean nothing)"]
    lines += [f"edit   {edit}" for edit in answer["edits"]]
    for when in ("before", "after"):
        change = "" if when == "before" else "  ({change:+.1f})"
        lines += [
            f"{when:6s} {100 * row['probability']:5.1f} %  {row['name']}" + change.format(change=100 * row["change"])
            for row in answer[when]
        ]
    lines += note
    for row in answer["blocks"]:
        lines.append(
            f"{row['name']}{' (edited)' if row['edited'] else ''}  gates move by {row['mean_change']:.6f} on average, "
            f"channel {row['channel']} most: {row['was']:.4f} -> {row['now']:.4f}"
        )
    return "\n".join(lines)
