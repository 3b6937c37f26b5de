"""``whatif``: one photo before and after changes to gates."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from senet_viz.cli import common, options
from senet_viz.errors import EditRefused

if TYPE_CHECKING:
    import numpy as np

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
    options.shared(verb, "--json")
    verb.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Print the answers before and after the edits, and how the gates moved."""
    from senet_viz.experiments import channel_ranking, gate_profile
    from senet_viz.photos import preprocess
    from senet_viz.tap import edits

    asked = tuple(edits.parse(text) for text in args.edit)
    look = common.look(args)

    def photo(name: str) -> dict[str, np.ndarray]:
        other = replace(look, picture=preprocess.preprocess(common.photo(name), look.spec))
        return {block.name: block.gate.numpy() for block in other.trace().blocks}

    means = look.trained and any(edit.op == "mean" for edit in asked)
    profiled = gate_profile.read().get(look.spec.key) if means else None
    wanted = channel_ranking.filled(asked, profiled.means() if profiled else {}, photo)
    before = look.trace()
    try:
        after = look.trace(wanted)
    except ValueError as error:  # a channel or a branch that this block has not
        raise EditRefused(" ".join(args.edit)[:80], str(error)) from error
    answer = look.head | {
        "edits": [edits.written(edit) for edit in wanted],
        "before": look.top(before, before),
        "after": look.top(after, before),
        "in_list": look.in_list,
        "listed": look.listed(before),
        "listed_after": look.listed(after),
        "blocks": [vars(moved) for moved in channel_ranking.downstream(before, after)],
    }
    common.show(args, answer, _text(answer, look, {"before": before, "after": after}))


def _text(answer: dict[str, Any], look: common.Look, traces: dict[str, Trace]) -> Iterator[str]:
    yield look.title
    for edit in answer["edits"]:
        yield f"edit   {edit}"
    for when in ("before", "after"):
        yield from (f"{when:6s}{line[1:]}" for line in look.strange(traces[when]))
        for row in answer[when]:
            change = "" if when == "before" else f"  ({100 * row['change']:+.1f})"
            yield f"{when:6s} {100 * row['probability']:5.1f} %  {row['name']}{change}"
    yield from look.off_list(traces["before"])
    for row in answer["blocks"]:
        yield (
            f"{row['name']}{' (edited)' if row['edited'] else ''}  gates move by {row['mean_change']:.6f} on average, "
            f"channel {row['channel']} most: {row['was']:.4f} -> {row['now']:.4f}"
        )
