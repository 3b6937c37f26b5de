"""``card``: the model card, from the weight files and the profile."""

import argparse
from pathlib import Path

from senet_viz.cli import common, options


def add(parsers: options.Parsers) -> None:
    """Declare the options of ``card``."""
    from senet_viz.experiments import gate_profile

    verb = parsers.add_parser("card", help="write the model card from the weight files and the profile")
    verb.add_argument("--weights", type=Path, default=gate_profile.FILE.parent, help="folder of tiny_*.safetensors")
    verb.add_argument("--data", type=Path, help="count again on data/val first, and refuse where a file is wrong")
    verb.add_argument("--out", type=Path, help="default: README.md in that folder")
    verb.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Write the model card, after a count on data/val where one is asked for."""
    from senet_viz.experiments import gate_profile
    from senet_viz.findings import gate_life, model_card
    from senet_viz.open_set import record

    folder = args.weights
    weights = model_card.read_all(folder)
    file = folder / gate_profile.FILE.name
    learning = common.record(gate_life.read, folder / gate_life.FILE.name)
    listed = common.record(record.read, folder / record.FILE.name)
    text = model_card.build(weights, gate_profile.read(file) if file.is_file() else {}, learning, listed)
    if args.data is not None:
        model_card.verify(folder, args.data, weights, print)
    out = args.out or folder / "README.md"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(text, encoding="utf-8")
    print(f"{out}: written for {', '.join(w.key for w in weights)}; best size {model_card.best_size(weights)} pixels")
