"""``profile``: mean and std of every gate by class."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from senet_viz import i18n
from senet_viz.cli import common, options
from senet_viz.errors import NoFilm, OptionRefused
from senet_viz.models import catalogue, load, weight_files

if TYPE_CHECKING:
    from torch import Tensor

    from senet_viz.drawing.grammar import Figure
    from senet_viz.experiments.gate_profile import Profile

MOST_SIDE = 1024  # of pictures that are all held at once


def add(parsers: options.Parsers) -> None:
    """Declare the options of ``profile``."""
    verb = parsers.add_parser("profile", help="mean and std of every gate by class, of photos in class folders")
    which = verb.add_mutually_exclusive_group(required=True)
    which.add_argument(
        "folder", type=Path, nargs="?", help="photos of your own, one folder a class: what each block knows of them"
    )
    which.add_argument("--data", type=Path, help="folder that holds val/<class>/*: the record that the program shows")
    verb.add_argument(
        "--model", action="append",
        help=f"may be given again (default: {catalogue.DEFAULT}; with --data the trained small networks)",
    )  # fmt: skip
    verb.add_argument(
        "--out", type=Path,
        help="safetensors file; other models in it stay (default: none; with --data the one that is shipped)",
    )  # fmt: skip
    verb.add_argument(
        "--figure", type=_slide_file, help="with a folder: what the findings rest on, as .png, .svg, .pdf, .csv"
    )
    options.shared(verb, "--lang")
    verb.add_argument("--random", action="store_true", help="with a folder: the untrained control")
    side = options.within(8, MOST_SIDE)
    verb.add_argument(
        "--size", type=side, help=f"with --data: side of the input, 8 to {MOST_SIDE} (default: the model's own)"
    )
    verb.add_argument(
        "--film", action="store_true",
        help="with --data: write learning.safetensors instead, what every epoch that was kept of a training does",
    )  # fmt: skip
    verb.add_argument(
        "--side", type=side,
        help=f"with --data: side at which pictures are held, 8 to {MOST_SIDE} (default {common.SIDE})",
    )  # fmt: skip
    options.shared(verb, "--device", "--quiet")
    verb.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Profile photos in class folders, or the record that the program shows."""
    from senet_viz.experiments import gate_profile

    if args.folder is not None:
        _folder(args)
        return
    if args.film:
        _film(args)
        return
    args.out = args.out or gate_profile.FILE
    keys = args.model or common.shipped()
    known = common.record(gate_profile.read, args.out)
    for key in keys:
        known[key] = _profile_of(key, args)
        print(f"{key}: {len(known[key].truth)} pictures, {len(known[key].blocks)} blocks", flush=True)
    gate_profile.write(args.out, list(known.values()))
    print(f"{args.out}: {args.out.stat().st_size / 2**20:.2f} MiB")


def _slide_file(text: str) -> Path:
    file = Path(text)
    if file.suffix.lower() not in (".png", ".svg", ".pdf", ".csv"):
        raise argparse.ArgumentTypeError(f"must end in .png, .svg, .pdf or .csv; got {text!r}")
    return file


def _folder(args: argparse.Namespace) -> None:
    """Print what the gates of each network know about the classes of photos in class folders."""
    from senet_viz.experiments import gate_profile, profiling
    from senet_viz.photos import sets

    if args.size is not None or args.side is not None or args.film:
        raise OptionRefused("profile FOLDER", "--size, --side or --film", "the network's own input, and trained")
    keys = args.model or [catalogue.DEFAULT]
    for key in keys:
        common.gated(key)
    files = sets.folder(args.folder)
    known = common.record(gate_profile.read, args.out)

    for key in keys:
        trained, spec = not args.random and weight_files.trained(key), catalogue.spec(key)
        module = load.load(key, args.device, "pretrained" if trained else "random")
        with common.bar(key, args.quiet) as told:
            found = known[key] = profiling.measured(module, spec, files, common.skipped, told)
        print("\n".join(_text(found, trained)))
        if args.figure is not None:
            file = args.figure if len(keys) < 2 else args.figure.with_stem(f"{args.figure.stem}-{key}")
            _figure(found, spec.title, trained, file, args.lang)
    if args.out is not None:
        gate_profile.write(args.out, list(known.values()))


def _text(found: Profile, trained: bool) -> Iterator[str]:
    from senet_viz.findings import class_selectivity
    from senet_viz.models import class_names

    yield found.model if trained else f"{found.model} (UNTRAINED: its gates know nothing)"
    counted = ", ".join(f"{name} {n}" for name, n in zip(found.classes, found.counts, strict=True))
    yield f"  {len(found.truth)} photos of {len(found.classes)} classes: {counted}"
    known = np.array([k is not None for k in class_names.outputs(catalogue.spec(found.model), found.classes)])
    hits, meant = found.hits(), known[found.truth]
    if hits is not None:
        yield f"  of the {meant.sum()} in folders called like a class of its own it knows {hits[meant].mean():.1%}"
    rows: list[tuple[str, ...]] = [("block", "eta2", "between", "within", "> 0.9", "< 0.1", "pattern")]
    rows += [
        (r.name, *(f"{v:.3f}" for v in (r.eta2, r.between, r.within, r.high, r.low, r.pattern)))
        for r in class_selectivity.roles(found)
    ]
    yield from (f"  {line}" for line in common.table(rows))
    yield f"  eta2 by luck alone: {class_selectivity.chance(found.counts):.3f}"
    for finding in class_selectivity.findings(found):
        yield f"  {finding.key}: {finding.word}"


def _figure(found: Profile, model: str, trained: bool, file: Path, lang: str) -> None:
    from senet_viz.figures.lab import class_profiles
    from senet_viz.findings import class_selectivity

    each, luck = class_selectivity.roles(found), class_selectivity.chance(found.counts)
    fields = ("between", "within", "high", "low", "pattern")
    columns = {field: np.array([getattr(row, field) for row in each]) for field in fields}
    names = tuple(row.name for row in each)

    def build(t: i18n.Texts) -> Figure:
        return class_profiles.draw_findings(names, **columns, chance=luck, t=t)

    common.write_slide(file, build, trained, lang, model=model)


def _film(args: argparse.Namespace) -> None:
    """Measure what training did to the gates of the small networks: before it, at every epoch that was kept, after."""
    from senet_viz.findings import gate_life

    keys, file = args.model or common.shipped(with_gates=True), args.out or gate_life.FILE
    known = common.record(gate_life.read, file)
    for key in keys:
        common.gated(key)
        epochs = weight_files.kept(key)
        if not epochs:
            raise NoFilm(key)
        course = {epoch: _profile_of(key, args, f"epoch-{epoch}") for epoch in epochs}
        known[key] = gate_life.learned(course, _profile_of(key, args, "epoch-0", normed=True))
        print(f"{key}: epochs {', '.join(map(str, epochs))}", flush=True)
    gate_life.write(file, known.values())
    print(f"{file}: {file.stat().st_size / 1024:.1f} KiB")


def _profile_of(key: str, args: argparse.Namespace, weights: str = "", normed: bool = False) -> Profile:
    """Return the profile of a network over val/<class>/*; of one that chooses between two kernels with its choices.

    Args:
        weights: of an epoch of its training, as ``load`` has it; then without choices and at zoom 1 alone.
        normed: see ``profiling.normed``.
    """
    import torch

    from senet_viz.experiments import kernel_preference, profiling
    from senet_viz.training.data import read_folder

    spec, about = catalogue.spec(key), weight_files.shipped(key)
    names = about.classes if about else None
    module = load.load(key, args.device, weights or "pretrained")
    val = read_folder(args.data / "val", args.side or common.SIDE, names=names)
    size = args.size or spec.size
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (spec.mean, spec.std))

    def prepare(x: Tensor) -> Tensor:
        return (x / 255 - mean) / std

    with common.bar(key, args.quiet) as told:
        if normed:
            module = profiling.normed(module, val.x, size, prepare)
        zooms = profiling.ZOOMS[: 1 if weights else None]
        found = profiling.run(
            module, val.x, val.y, val.classes, size, prepare, zooms, progress=told, model=key, outputs=names
        )
        if weights or not any(block.kind == "sk" and block.branches == 2 for block in found.blocks):
            return found
        control = load.load(key, args.device, weights="random")
        chosen = kernel_preference.selection(module, control, val.x, size, prepare, progress=told)
        return replace(found, selection=chosen)
