"""``worth``: accuracy of networks with their own gates and with other ones."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from senet_viz.cli import common, options
from senet_viz.errors import CardRefused, ImageRejected, PhotosRejected, WeightsUnavailable
from senet_viz.models import catalogue, load, weight_files

if TYPE_CHECKING:
    from torch import Tensor

    from senet_viz.experiments.gate_ablation import Worth

NAMED = 5  # folders of many that a sentence names


def add(parsers: options.Parsers) -> None:
    """Declare the options of ``worth``."""
    verb = parsers.add_parser(
        "worth", help="accuracy with the gates as they are and with others: is the gate worth it?"
    )
    which = verb.add_mutually_exclusive_group(required=True)
    which.add_argument("folder", type=Path, nargs="?", help="photos, one folder a class, called like it")
    which.add_argument("--data", type=Path, help="folder that holds val/<class>/*: of the small networks")
    verb.add_argument("--model", action="append", help="may be given again (default: the trained small networks)")
    verb.add_argument(
        "--out", type=Path, help="safetensors file; other models that it holds stay in it (default: none)"
    )
    options.shared(verb, "--device", "--quiet")
    verb.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Print the accuracy of networks with their own gates and with other ones."""
    from senet_viz.experiments import gate_ablation

    keys = args.model or common.shipped(with_gates=True)
    for key in keys:
        common.gated(key)
    known = common.record(gate_ablation.read, args.out)
    for key in keys:
        known[key] = _val(key, args) if args.folder is None else _folder(key, args)
        print("\n".join(_text(known[key])), flush=True)
    if args.out is not None:
        gate_ablation.write(args.out, list(known.values()))


def _val(key: str, args: argparse.Namespace) -> Worth:
    """Measure over data/val, with the means of the shipped profile: the pictures come in its order."""
    import torch

    from senet_viz.experiments import gate_profile, profiling
    from senet_viz.training.data import normalise, read_folder

    spec, about, known = catalogue.spec(key), weight_files.shipped(key), gate_profile.read()
    if about is None or key not in known:
        raise WeightsUnavailable(f"{key} has no shipped profile: give a folder instead of --data", model=key)
    if known[key].classes != about.classes:
        raise CardRefused(f"The profile of {key} is of other classes: make the profile again first.")
    val = read_folder(args.data / "val", common.SIDE, names=about.classes)

    def fetch(numbers: Sequence[int]) -> Tensor:
        with torch.inference_mode():
            return normalise(profiling.zoomed(val.x[list(numbers)], 1.0, spec.size))

    return _measured(key, args, fetch, val.y.numpy(), known[key].means())


def _folder(key: str, args: argparse.Namespace) -> Worth:
    """Measure over photos of one's own, with their own mean gates."""
    from senet_viz.experiments import profiling
    from senet_viz.models import class_names
    from senet_viz.photos import reading, sets

    spec, module = catalogue.spec(key), load.load(key, args.device)
    files = [(name, file) for name, file in sets.folder(args.folder) if _usable(file)]
    named = class_names.outputs(spec, [name for name, _ in files])
    kept = [(file, k) for (_, file), k in zip(files, named, strict=True) if k is not None]
    y = np.array([k for _, k in kept])
    if len(set(y.tolist())) < 2:
        raise PhotosRejected("unknown", n=len({name for name, _ in files}))
    if left := sorted({name for (name, _), k in zip(files, named, strict=True) if k is None}):
        print(_left_out(key, left, len({name for name, _ in files})), file=sys.stderr)

    def fetch(numbers: Sequence[int]) -> Tensor:
        return profiling.stacked([reading.read(kept[i][0]) for i in numbers], spec)

    tally, size = profiling.Tally.empty(1), profiling.batch_size(spec)
    for start in range(0, len(y), size):
        rows = range(start, min(start + size, len(y)))
        tally, _ = profiling.counted(module, fetch(rows), np.zeros(len(rows), dtype=int), tally)
    return _measured(key, args, fetch, y, tally.means())


def _left_out(key: str, folders: Sequence[str], of: int) -> str:
    """Return the sentence that names class folders whose photos do not count."""
    named = ", ".join(folders[:NAMED]) + (", ..." if len(folders) > NAMED else "")
    return f"{len(folders)} of {of} folders are not called like a class of {key}, so their photos are left out: {named}"


def _usable(file: Path) -> bool:
    from senet_viz.photos import reading

    try:
        reading.read(file)
    except ImageRejected as error:
        common.skipped(file, error)
        return False
    return True


def _measured(
    key: str, args: argparse.Namespace, fetch: Callable[[Sequence[int]], Tensor], y: np.ndarray, means: Any
) -> Worth:
    from senet_viz.experiments import gate_ablation
    from senet_viz.models import class_names

    module, count = load.load(key, args.device), class_names.count(catalogue.spec(key))
    with common.bar(key, args.quiet) as told:
        return gate_ablation.measure(module, fetch, y, count, means, progress=told, model=key)


def _text(found: Worth) -> Iterator[str]:
    from senet_viz.experiments.gate_ablation import CONDITIONS
    from senet_viz.findings.gate_ablation import Need, verdict

    yield f"{found.model}: {found.hits.shape[1]} pictures, guessing {found.chance:.1%}"
    for condition in CONDITIONS:
        (share, low, high), (change, worse, better) = found.accuracy(condition), found.change(condition)
        span = f"  {100 * change:+6.1f} points ({100 * worse:+.1f} to {100 * better:+.1f})"
        yield f"  {condition:9s} {share:6.1%} ({low:.1%} to {high:.1%}){'' if condition == 'own' else span}"
    said = verdict(found)
    tail = "" if said.word is Need.FEW else f"; of what gates are worth, {said.needs_photo:.0%} needs the photo"
    yield f"  verdict: {said.word}{tail}"
