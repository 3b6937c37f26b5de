"""``cost``: what a network and its gates cost in parameters, multiply-accumulates and memory."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from senet_viz.cli import common, options
from senet_viz.networks.registry import LEAST_SIDE, MOST_SIDE

if TYPE_CHECKING:
    from senet_viz.architecture.counting import Count
    from senet_viz.architecture.prices import Price
    from senet_viz.networks.registry import Choice

OPTIONS = ("reduction", "gate", "squeeze", "form", "bias", "stages", "integration", "branches", "floor")


def add(parsers: options.Parsers) -> None:
    """Declare the options of ``cost``."""
    verb = parsers.add_parser("cost", help="parameters, multiply-accumulates and memory of a network and its gates")
    verb.add_argument("network", help="a network or a model that `list` prints")
    verb.add_argument("--reduction", type=options.positive, help="r (default: the released network's, as all of these)")
    verb.add_argument("--gate", help="sigmoid, h_sigmoid, tanh, relu, softmax")
    verb.add_argument("--squeeze", help="avg, max, none")
    verb.add_argument("--form", help="fc, conv, conv_bn, conv_bn_bn")
    verb.add_argument("--bias", action=argparse.BooleanOptionalAction, help="biases in the gates")
    verb.add_argument("--stages", type=_stages, help="which get gates: 1,2,3 or all or none")
    verb.add_argument("--integration", help="standard, pre, post, identity, 3x3")
    verb.add_argument("--branches", type=options.positive, help="kernels of an SK unit")
    verb.add_argument("--floor", type=options.positive, help="L of an SK unit")
    verb.add_argument(
        "--size", type=options.positive,
        help=f"side of the input in pixels, {LEAST_SIDE} to {MOST_SIDE} (default: the network's own)",
    )  # fmt: skip
    options.shared(verb, "--json")
    verb.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Print what the network costs, with its gates and without."""
    from senet_viz.architecture import prices
    from senet_viz.networks import registry

    given = {name: getattr(args, name) for name in OPTIONS if getattr(args, name) is not None}
    choice = registry.Choice(args.network).but(**given)
    price, title = prices.price(choice, args.size), prices.names().get(choice.net, choice.net)
    common.show(args, _data(choice, price, title), _text(choice, price, title), indent=2, ensure_ascii=True)


def _stages(text: str) -> tuple[int, ...] | None:
    if text in ("all", "none"):
        return None if text == "all" else ()
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of numbers such as 1,2,3") from error


def _data(choice: Choice, price: Price, title: str) -> dict[str, Any]:
    def counted(count: Count) -> dict[str, int]:
        return {**asdict(count), "macs": count.macs}

    found, adds = price.cost, price.adds
    return {
        "network": choice.net,
        "title": title,
        "options": choice.all,
        "size": found.size,
        "params": found.params,
        "macs": found.macs,
        "without_gates": {"params": price.without[0], "macs": price.without[1], "kept_bytes": price.kept_bare},
        "gates_add": {"params": adds[0], "macs": adds[1], "kept_bytes": price.memory[1] if price.memory else None},
        "kept_bytes": price.kept,
        "gate": counted(found.gate),
        "rest": counted(found.rest),
        "stages": [
            {"name": s.name, "side": s.side, "gates": len(s.gates), "gate": counted(s.gate), "rest": counted(s.rest)}
            for s in found.stages
        ],
        "gates": [{**asdict(g), "count": counted(g.count)} for g in found.gates],
        "per_module": [{**asdict(m), "count": counted(m.count)} for m in found.per_module],
    }


def _text(choice: Choice, price: Price, title: str) -> Iterator[str]:
    found, (params, macs), bare, mib = price.cost, price.adds, price.without, 2**20
    values = ", ".join(f"{name} {value}" for name, value in choice.all.items())
    yield f"{title}, {found.size}x{found.size}" + (f": {values}" if values else "")

    def row(name: str, gates: int, gate: Count, both: Count) -> tuple[str, ...]:
        numbers = (gates, both.params, gate.params, both.macs, gate.macs, both.pool, both.scale)
        return (name, *(f"{n:,}" for n in numbers))

    rows: list[tuple[str, ...]] = [("", "gates", "params", "of gates", "MACs", "of gates", "pooling", "scaling")]
    for s in found.stages:
        name = s.name if s.name in ("stem", "head", "unused") else f"stage {s.name}"
        rows.append(row(name, len(s.gates), s.gate, s.gate + s.rest))
    yield from common.table([*rows, row("all", len(found.gates), found.gate, found.total)], numbers=True)
    if found.gates:
        yield f"gates add {params:,} parameters ({params / bare[0]:.2%}), {macs:,} MACs ({macs / bare[1]:.3%})"
    kept = f"a training step keeps {price.kept / mib:.1f} MiB a picture"
    if found.gates and price.memory:
        kept += f", {price.memory[1] / mib:.1f} MiB ({price.memory[1] / price.memory[0]:.1%}) more than without gates"
    yield kept
