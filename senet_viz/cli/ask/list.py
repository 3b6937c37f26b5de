"""``list``: the models and networks there are, and where their weights are."""

import argparse
import sys

from senet_viz.cli import common, options
from senet_viz.errors import WeightsInvalid
from senet_viz.models import catalogue, weight_files


def add(parsers: options.Parsers) -> None:
    """Declare the options of ``list``."""
    verb = parsers.add_parser("list", help="the models, and where their weights are")
    verb.add_argument("--all", action="store_true", help="every classifier of timm and torchvision with a known block")
    verb.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Print the two tables, and name every weight file that is damaged."""
    from senet_viz.networks import registry

    others = tuple(catalogue.library().values())
    more = "" if args.all else f" ({len(others)} more classifiers of timm and torchvision by name: list --all)"
    rows = [("model", "title", "blocks", "gate", "input", "top-1", f"weights{more}")]
    rows += [
        (s.key, s.title, str(s.blocks), s.gate_fn, str(s.size), _top1(s), _where(s))
        for s in (*catalogue.MODELS, *(others if args.all else ()))
    ]
    nets = [("network", "title", "gates", "input", "stages", "options")]
    nets += [
        (n.name, n.title, str(n.gates), str(n.size), " ".join(n.stages), " ".join(o.name for o in n.options))
        for n in registry.NETWORKS
    ]
    print("\n".join((*common.table(rows), "", *common.table(nets))))
    if args.all:
        why: dict[str | None, str] = {None: "its blocks are known, but it is no classifier"}
        apart = [(name, why.get(near, f"not known: {near}")) for name, near in catalogue.apart().items() if near != ""]
        print("\n".join(("", *common.table([("not offered", "why"), *apart]))))
    for fault in weight_files.damaged():
        print(common.sentence(fault), file=sys.stderr)


def _top1(spec: catalogue.ModelSpec) -> str:
    try:
        about = weight_files.shipped(spec.key)
    except WeightsInvalid:  # named below the table
        return "-"
    value = about.top1.get(spec.size) if about else spec.top1
    if value is None:
        return "-"
    return f"{value:.1f} % of {len(about.classes) if about else 1000} classes"


def _where(spec: catalogue.ModelSpec) -> str:
    """Return where trained weights would come from, in a few words."""
    if (found := weight_files.available(spec.key)) == "download":
        return f"internet, {spec.weights_mib:.0f} MiB"
    return "none, random only" if found == "missing" else "here"
