"""``learning``: one photo through a network at every epoch of its training that was kept."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from senet_viz import i18n
from senet_viz.cli import common, options
from senet_viz.errors import NoFilm
from senet_viz.models import load, weight_files

if TYPE_CHECKING:
    from senet_viz.types import Trace


def add(parsers: options.Parsers) -> None:
    """Declare the options of ``learning``."""
    verb = parsers.add_parser(
        "learning", help="one photo through a network while it learns: gates and answer by epoch",
        parents=[options.photo()],
    )  # fmt: skip
    options.shared(verb, "--json")
    verb.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Print what gates and answer are before training, at every epoch that was kept, and after it."""
    from senet_viz.findings import gate_life

    common.gated(args.model)
    epochs = () if args.random else weight_files.film(args.model)
    about = weight_files.shipped(args.model)
    if not epochs or about is None:
        raise NoFilm(args.model)
    look = common.look(args)
    looks = [replace(look, module=load.load(args.model, weights=f"epoch-{epoch}")) for epoch in epochs]
    traces = [each.trace() for each in looks]
    known = common.record(gate_life.read, gate_life.FILE).get(look.spec.key)
    measured = known is not None and known.epochs == epochs
    names = [block.name for block in traces[0].blocks]
    answer = look.head | {
        "epochs": list(epochs),
        "top1": [about.top1_by_epoch[epoch] for epoch in epochs],
        "size": int(about.recipe["shown"]),
        "top5": [look.top(trace) for trace in traces],
        "in_list": look.in_list,
        "eta2": dict(zip(names, known.eta2.T.tolist(), strict=True)) if known is not None and measured else None,
        "gates": {name: [trace.block(name).gate[-1].tolist() for trace in traces] for name in names},
    }
    common.show(args, answer, _text(answer, look, traces[-1]))


def _text(answer: dict[str, Any], look: common.Look, last: Trace) -> Iterator[str]:
    """Give one row an epoch, and one a block with the std of its gates over the channels."""
    import numpy as np

    yield look.title
    rows: list[tuple[str, ...]] = [("epoch", f"top-1 at {answer['size']} px", "answer to this photo")]
    for epoch, top1, top5 in zip(answer["epochs"], answer["top1"], answer["top5"], strict=True):
        rows.append((str(epoch), f"{top1:.1f} %", f"{top5[0]['probability']:.1%} {top5[0]['name']}"))
    yield from common.table(rows)
    if look.listed(last) is False:
        yield f"  {i18n.text('listed.nearest', i18n.DEFAULT, name=answer['top5'][-1][0]['name'])}"
    yield from look.off_list(last)
    yield "std of this photo's gates over the channels, by epoch"
    rows = [("block", *map(str, answer["epochs"]))]
    rows += [(name, *(f"{np.std(gate):.3f}" for gate in gates)) for name, gates in answer["gates"].items()]
    yield from common.table(rows, numbers=True)
