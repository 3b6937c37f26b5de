"""``train``: the small networks, from an image folder."""

import argparse
from pathlib import Path

from senet_viz.cli import options
from senet_viz.errors import TrainingRefused
from senet_viz.models import catalogue, devices

MOST_SEED = 2**32 - 1


def add(parsers: options.Parsers) -> None:
    """Declare the options of ``train``."""
    verb = parsers.add_parser("train", help="train the small networks on an image folder")
    verb.add_argument("--data", type=Path, required=True, help="folder that holds train/<class>/* and val/<class>/*")
    which = verb.add_mutually_exclusive_group(required=True)
    which.add_argument("--block", choices=("plain", "se", "se_h", "sk"))
    which.add_argument("--all", action="store_true", help="all four; --out is then a folder")
    verb.add_argument(
        "--out", type=Path, required=True, help="the .safetensors file to write; its checkpoint lies beside"
    )
    verb.add_argument(
        "--classes", type=options.within(0), default=0, help="only the first N in alphabetical order (default: all)"
    )
    verb.add_argument("--epochs", type=options.positive, default=40)
    verb.add_argument("--seed", type=options.within(0, MOST_SEED), default=0, help=f"0 to {MOST_SEED}")
    verb.add_argument("--device", default="cpu", help="cpu, cuda, cuda:1, auto")
    verb.add_argument(
        "--precision", choices=("auto", "float32", "bfloat16"), default="auto", help="default: whichever is faster here"
    )
    verb.add_argument("--resume", action="store_true", help="go on where an interrupted training stopped")
    verb.add_argument(
        "--jobs", type=options.positive, help="with --all: trainings side by side (default: 1, on a GPU 4)"
    )
    options.shared(verb, "--quiet")
    verb.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Train one small network or all four, and print their accuracy."""
    from senet_viz.findings import model_card
    from senet_viz.training import loop
    from senet_viz.training import recipe as recipes

    device = devices.resolve(args.device)
    if args.all == args.out.suffix.endswith("safetensors"):
        wanted = "a folder for four files" if args.all else "the name of a .safetensors file"
        raise TrainingRefused(f"--out must be {wanted}; got {args.out}.")
    recipe = recipes.Recipe(block=args.block or "se", classes=args.classes, epochs=args.epochs, seed=args.seed)

    def report(line: str) -> None:
        print(line, flush=True)

    if args.all:
        jobs = args.jobs or (len(catalogue.OURS) if device.startswith("cuda") else 1)
        loop.train_all(args.data, args.out, recipe, device, args.resume, report, jobs, not args.quiet, args.precision)
        written = model_card.read_all(args.out)
    else:
        loop.train(
            args.data, args.out, recipe, device, args.resume, report, bar=not args.quiet, precision=args.precision
        )
        written = (model_card.read_weights(args.out),)
    for each in written:
        print(f"{each.block}: top-1 " + ", ".join(f"{value:.2f} % at {size} px" for size, value in each.top1.items()))
