"""``profile``: mean and std of every gate by class."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from senet_viz import i18n
from senet_viz.cli import common, options
from senet_viz.errors import ImageRejected, OptionRefused, WeightsUnavailable
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
    verb.add_argument("--lang", choices=tuple(i18n.LANGUAGES), default=i18n.DEFAULT)
    verb.add_argument("--random", action="store_true", help="with a folder: the untrained control")
    side = options.whole(8, MOST_SIDE)
    verb.add_argument(
        "--size", type=side, help=f"with --data: side of the input, 8 to {MOST_SIDE} (default: the model's own)"
    )
    verb.add_argument(
        "--side",
        type=side,
        help=f"with --data: side at which pictures are held, 8 to {MOST_SIDE} (default {common.SIDE})",
    )
    verb.add_argument("--device", default="cpu")
    verb.add_argument("--quiet", action="store_true", help="no progress bar")
    verb.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Profile photos in class folders, or the record that the program shows."""
    from senet_viz.experiments import gate_profile

    if args.folder is not None:
        _folder(args)
        return
    args.out = args.out or gate_profile.FILE
    keys = args.model or [key for key in common.OURS if weight_files.available(key) == "shipped"]
    if not keys:
        raise WeightsUnavailable("no trained small network is here yet: train them first")
    known = gate_profile.read(args.out) if args.out.is_file() else {}
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
    """Photos in class folders: what the gates of each network know about these classes."""
    from tqdm.auto import tqdm

    from senet_viz.experiments import gate_profile, profiling
    from senet_viz.photos import sets

    if args.size is not None or args.side is not None:
        raise OptionRefused("profile FOLDER", "--size or --side", "the network's own input")
    keys = args.model or [catalogue.DEFAULT]
    for key in keys:
        common.gated(key)
    files = sets.folder(args.folder)
    known = gate_profile.read(args.out) if args.out is not None and args.out.is_file() else {}

    def skipped(file: Path, error: ImageRejected) -> None:
        tqdm.write(f"{file}: {common.sentence(error)}", file=sys.stderr)

    for key in keys:
        trained = not args.random and weight_files.trained(key)
        module = load.load(key, args.device, "pretrained" if trained else "random")
        with tqdm(desc=key, total=len(files), mininterval=1, disable=args.quiet) as bar:
            found = profiling.measured(
                module, catalogue.spec(key), files, skipped, lambda done, _: bar.update(done - bar.n)
            )
        known[key] = found
        print(_text(found, trained))
        if args.figure is not None:
            file = args.figure if len(keys) < 2 else _beside(args.figure, key)
            _findings_figure(found, catalogue.spec(key).title, trained, file, args.lang)
    if args.out is not None:
        gate_profile.write(args.out, list(known.values()))


def _text(found: Profile, trained: bool) -> str:
    from senet_viz.findings import class_selectivity
    from senet_viz.models import class_names

    each = class_selectivity.roles(found)
    lines = [found.model if trained else f"{found.model} (UNTRAINED: its gates know nothing)"]
    counted = ", ".join(f"{name} {n}" for name, n in zip(found.classes, found.counts, strict=True))
    lines.append(f"  {len(found.truth)} photos of {len(found.classes)} classes: {counted}")
    known = np.array([k is not None for k in class_names.outputs(catalogue.spec(found.model), found.classes)])
    hits, meant = found.hits(), known[found.truth]
    if hits is not None:
        lines.append(
            f"  of the {meant.sum()} in folders called like a class of its own it knows {hits[meant].mean():.1%}"
        )
    rows: list[tuple[str, ...]] = [("block", "eta2", "between", "within", "> 0.9", "< 0.1", "pattern")]
    rows += [(r.name, *(f"{v:.3f}" for v in (r.eta2, r.between, r.within, r.high, r.low, r.pattern))) for r in each]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines += ["  " + "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines.append(f"  eta2 by luck alone: {class_selectivity.chance(found.counts):.3f}")
    lines += [f"  {finding.key}: {finding.word}" for finding in class_selectivity.findings(found)]
    return "\n".join(lines)


def _beside(file: Path, key: str) -> Path:
    return file.with_stem(f"{file.stem}-{key}")


def _findings_figure(found: Profile, model: str, trained: bool, file: Path, lang: str) -> None:
    from senet_viz.figures.lab import class_profiles
    from senet_viz.findings import class_selectivity

    each, luck = class_selectivity.roles(found), class_selectivity.chance(found.counts)
    fields = ("between", "within", "high", "low", "pattern")
    columns = {field: np.array([getattr(row, field) for row in each]) for field in fields}
    names = tuple(row.name for row in each)

    def build(t: i18n.Texts) -> Figure:
        return class_profiles.draw_findings(names, **columns, chance=luck, t=t)

    common.write_slide(file, build, trained, lang, model=model)


def _profile_of(key: str, args: argparse.Namespace) -> Profile:
    from dataclasses import replace

    import torch
    from tqdm.auto import tqdm

    from senet_viz.experiments import kernel_preference, profiling
    from senet_viz.training.data import read_folder

    spec, about = catalogue.spec(key), weight_files.shipped(key)
    names = about.classes if about else None
    module = load.load(key, args.device)
    val = read_folder(args.data / "val", args.side or common.SIDE, names=names)
    size = args.size or spec.size
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (spec.mean, spec.std))

    def prepare(x: Tensor) -> Tensor:
        return (x / 255 - mean) / std

    with tqdm(desc=key, mininterval=1, disable=args.quiet) as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        found = profiling.run(
            module, val.x, val.y, val.classes, size, prepare, progress=progress, model=key, outputs=names
        )
        if not any(block.kind == "sk" and block.branches == 2 for block in found.blocks):
            return found
        bar.reset()
        control = load.load(key, args.device, weights="random")
        chosen = kernel_preference.selection(module, control, val.x, size, prepare, progress=progress)
        return replace(found, selection=chosen)
