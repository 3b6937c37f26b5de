"""``listed``: how well a network's own numbers tell whether a photo is of one of its classes."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from senet_viz.cli import common, options
from senet_viz.errors import TrainingRefused, WeightsUnavailable
from senet_viz.models import catalogue, load, weight_files

if TYPE_CHECKING:
    from torch import Tensor

    from senet_viz.open_set.measuring import Seen
    from senet_viz.open_set.record import Record

LEAST = 3  # other classes: two to practise on, one that stays strange


def add(parsers: options.Parsers) -> None:
    """Declare the options of ``listed``."""
    verb = parsers.add_parser("listed", help="does a network notice photos of things that it does not know?")
    verb.add_argument(
        "--data", type=Path, required=True,
        help="folder of train/<class>/* and val/<class>/*, both of the networks' classes and of others",
    )  # fmt: skip
    verb.add_argument("--model", action="append", help="may be given again (default: the trained small networks)")
    verb.add_argument(
        "--out", type=Path, help="safetensors file; other models in it stay (default: the one that is shipped)"
    )
    verb.add_argument(
        "--each", type=options.positive, metavar="N", help="training pictures of a class that the score is fitted on"
    )
    options.shared(verb, "--device", "--quiet")
    verb.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Fit and measure the score of each network, and keep it."""
    from senet_viz.open_set import record

    out = args.out or record.FILE
    known = common.record(record.read, out)
    for key in args.model or common.shipped():
        known[key] = _measured(key, args)
        print("\n".join(text(known[key])), flush=True)
        record.write(out, list(known.values()))
    print(f"{out}: {out.stat().st_size / 2**20:.2f} MiB")


def _measured(key: str, args: argparse.Namespace) -> Record:
    import torch

    from senet_viz.experiments import profiling
    from senet_viz.open_set import measuring
    from senet_viz.training.data import normalise, read_folder

    about, digest = weight_files.shipped(key), weight_files.digest(key)
    if about is None or digest is None:
        raise WeightsUnavailable(f"{key} is none of the small networks, or has no weights here", model=key)
    there = [{path.name for path in (args.data / part).glob("*/")} for part in ("train", "val")]
    other = sorted(set.intersection(*there) - set(about.classes))
    if len(other) < LEAST:
        raise TrainingRefused(f"{args.data} holds {len(other)} other classes in train and val; {LEAST} are needed.")
    names = (about.classes, *measuring.shared_out(other))
    module = load.load(key, args.device)
    with common.bar(key, args.quiet) as told:

        def looked(part: str, classes: Sequence[str], each: int | None) -> Seen:
            pictures = read_folder(args.data / part, common.SIDE, names=classes, each=each)

            def fetch(rows: Sequence[int]) -> Tensor:
                with torch.inference_mode():
                    return normalise(profiling.zoomed(pictures.x[list(rows)], 1.0, catalogue.spec(key).size))

            return measuring.looked(module, fetch, pictures.y.numpy(), told)

        practice = looked("train", names[0] + names[1], args.each or measuring.EACH)
        seen = looked("val", names[0] + names[1] + names[2], None)
        return measuring.made(key, digest, catalogue.spec(key).size, names, practice, seen)


def text(found: Record) -> Iterator[str]:
    """Give the lines that say how well every score tells, and what the chosen one reaches."""
    from senet_viz.open_set import rates

    yield f"{found.model}: {len(found.truth):,} validation pictures, {len(found.strange)} classes never seen"
    rows: list[tuple[str, ...]] = [("score", "area", f"told at {rates.MOST_FALSE:.0%}")]
    rows += [
        (name, f"{rates.area(*found.both(name)):.3f}", f"{rates.told(*found.both(name)):.1%}") for name in found.scores
    ]
    yield from (f"  {line}" for line in common.table(rows, numbers=True))
    for name, share in (("false alarms", found.false), ("told", found.told)):
        yield f"  {name}: {share.value:.1%} ({share.low:.1%} to {share.high:.1%})"
