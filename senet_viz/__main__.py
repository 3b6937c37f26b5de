"""The same capabilities without a browser: ``python -m senet_viz COMMAND``; ``--help`` lists the commands.

What a person can mend is one plain sentence on stderr and exit code 2.
"""

from __future__ import annotations

import argparse
import errno
import io
import json
import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import numpy as np

from senet_viz import app_command, i18n
from senet_viz.errors import (
    CardRefused,
    EditRefused,
    ImageRejected,
    NoGateFound,
    NoGates,
    OptionRefused,
    PhotosRejected,
    SenetVizError,
    TrainingRefused,
    WeightsInvalid,
    WeightsUnavailable,
)
from senet_viz.models import catalogue, devices, load, weight_files

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor, nn

    from senet_viz.architecture.counting import Count
    from senet_viz.architecture.prices import Price
    from senet_viz.drawing.grammar import Figure
    from senet_viz.experiments.gate_ablation import Worth
    from senet_viz.experiments.gate_profile import Profile
    from senet_viz.networks.registry import Choice
    from senet_viz.types import BlockTrace, Trace

OURS = ("tiny_plain", "tiny_se", "tiny_se_h", "tiny_sk")
SHOWN = 8  # values of a long vector that fit a line
TOP = 5
NAMED = 5  # folders of many that a sentence names
SIDE = 64  # of the pictures that the small networks were trained on
OPTIONS = ("reduction", "gate", "squeeze", "form", "bias", "stages", "integration", "branches", "floor")
PIXELS = ("grad_cam", "occlusion", "integrated_gradients")  # of ``attribute.METHODS``, which needs torch
GATES = ("gradient_x_gate", "gate_integrated_gradients", "gate_ablation", "conductance")
MOST_STEPS = 1024  # of a path that is asked for: as many as are tried where none are
MOST_SEED = 2**32 - 1
COST_SIDES = (32, 65536)  # ``prices.LEAST_SIDE`` and ``MOST_SIDE``: that module needs torch
MOST_SIDE = 1024  # of pictures that are all held at once
LEAST_SCALE, MOST_SCALE, MOST_SCALES, MOST_BLUR = 0.1, 10.0, 64, 50.0


def _sentence(error: SenetVizError) -> str:
    """What a person reads: the text of that error, where there is one, and what exactly the matter is."""
    message = " ".join(str(error).split())
    if isinstance(error, TrainingRefused | CardRefused | WeightsInvalid):  # a plain sentence already
        return message
    try:
        text = i18n.text(f"error.{error.code}", i18n.DEFAULT, **error.details)
    except (KeyError, OSError):  # no such text, no text file, a placeholder that this error does not fill
        return message
    whole = isinstance(error, ImageRejected | PhotosRejected | NoGates) or error.code == "option.named"
    return text if whole else f"{text} ({message})"


# --- train --------------------------------------------------------------------------------------------------------


def _train(args: argparse.Namespace) -> None:
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
        jobs = args.jobs or (len(OURS) if device.startswith("cuda") else 1)
        tables = loop.train_all(args.data, args.out, recipe, device, args.resume, report, jobs, not args.quiet)
    else:
        top1 = loop.train(args.data, args.out, recipe, device, args.resume, report, bar=not args.quiet)
        tables = {recipe.block: top1 or {}}
    for block, table in tables.items():
        print(f"{block}: top-1 " + ", ".join(f"{value:.2f} % at {size} px" for size, value in table.items()))


# --- profile and card ---------------------------------------------------------------------------------------------


def _profile(args: argparse.Namespace) -> None:
    from senet_viz.experiments import profile_file

    if args.folder is not None:
        _profile_folder(args)
        return
    args.out = args.out or profile_file.FILE
    keys = args.model or [key for key in OURS if weight_files.available(key) == "shipped"]
    if not keys:
        raise WeightsUnavailable("no trained small network is here yet: train them first")
    known = profile_file.read(args.out) if args.out.is_file() else {}
    for key in keys:
        known[key] = _profile_of(key, args)
        print(f"{key}: {len(known[key].truth)} pictures, {len(known[key].blocks)} blocks", flush=True)
    profile_file.write(args.out, list(known.values()))
    print(f"{args.out}: {args.out.stat().st_size / 2**20:.2f} MiB")


def _profile_folder(args: argparse.Namespace) -> None:
    """Photos in class folders: what the gates of each network know about these classes."""
    from tqdm.auto import tqdm

    from senet_viz.experiments import class_folders, profile_file
    from senet_viz.photos import sets

    if args.size is not None or args.side is not None:
        raise OptionRefused("profile FOLDER", "--size or --side", "the network's own input")
    keys = args.model or [catalogue.DEFAULT]
    for key in keys:
        _gated(key)
    files = sets.folder(args.folder)
    known = profile_file.read(args.out) if args.out is not None and args.out.is_file() else {}

    def skipped(file: Path, error: ImageRejected) -> None:
        tqdm.write(f"{file}: {_sentence(error)}", file=sys.stderr)

    for key in keys:
        trained = not args.random and weight_files.trained(key)
        module = load.load(key, args.device, "pretrained" if trained else "random")
        with tqdm(desc=key, total=len(files), mininterval=1, disable=args.quiet) as bar:
            found = class_folders.measured(
                module, catalogue.spec(key), files, skipped, lambda done, _: bar.update(done - bar.n)
            )
        known[key] = found
        print(_profile_text(found, trained))
        if args.figure is not None:
            file = args.figure if len(keys) < 2 else _beside(args.figure, key)
            _findings_figure(found, catalogue.spec(key).title, trained, file, args.lang)
    if args.out is not None:
        profile_file.write(args.out, list(known.values()))


def _profile_text(found: Profile, trained: bool) -> str:
    from senet_viz.experiments import class_folders
    from senet_viz.findings import class_selectivity

    each = class_selectivity.roles(found)
    lines = [found.model if trained else f"{found.model} (UNTRAINED: its gates know nothing)"]
    counted = ", ".join(f"{name} {n}" for name, n in zip(found.classes, found.counts, strict=True))
    lines.append(f"  {len(found.truth)} photos of {len(found.classes)} classes: {counted}")
    known = np.array([k is not None for k in class_folders.outputs(catalogue.spec(found.model), found.classes)])
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
    from dataclasses import replace

    from senet_viz.drawing import slides
    from senet_viz.figures.lab import class_profiles as figures
    from senet_viz.findings import class_selectivity
    from senet_viz.photos import samples

    each, luck = class_selectivity.roles(found), class_selectivity.chance(found.counts)
    fields = ("between", "within", "high", "low", "pattern")
    columns = {field: np.array([getattr(row, field) for row in each]) for field in fields}
    names = tuple(row.name for row in each)
    kind = file.suffix[1:].lower()

    def build(t: i18n.Texts) -> Figure:
        return replace(figures.draw_findings(names, **columns, chance=luck, t=t), source=samples.source(t, model=model))

    slide = slides.render(partial(_in_language, build, trained), kind, lang)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(slide.data)
    print(file)


def _profile_of(key: str, args: argparse.Namespace) -> Profile:
    from dataclasses import replace

    import torch
    from tqdm.auto import tqdm

    from senet_viz.experiments import gate_profile
    from senet_viz.training.data import read_folder

    spec, about = catalogue.spec(key), weight_files.shipped(key)
    names = about.classes if about else None
    module = load.load(key, args.device)
    val = read_folder(args.data / "val", args.side or SIDE, names=names)
    size = args.size or spec.size
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (spec.mean, spec.std))

    def prepare(x: Tensor) -> Tensor:
        return (x / 255 - mean) / std

    with tqdm(desc=key, mininterval=1, disable=args.quiet) as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        found = gate_profile.run(
            module, val.x, val.y, val.classes, size, progress=progress, model=key, outputs=names, prepare=prepare
        )
        if not any(block.kind == "sk" and block.branches == 2 for block in found.blocks):
            return found
        bar.reset()
        control = load.load(key, args.device, weights="random")
        return replace(
            found,
            selection=gate_profile.selection(
                module, control, val.x, size, gate_profile.SELECTION_ZOOMS, progress, prepare
            ),
        )


def _worth(args: argparse.Namespace) -> None:
    """Accuracy of networks with their own gates and with other ones."""
    from senet_viz.experiments import gate_ablation

    keys = args.model or [
        key for key in OURS if weight_files.available(key) == "shipped" and catalogue.spec(key).blocks
    ]
    if not keys:
        raise WeightsUnavailable("no trained small network is here yet: train them first")
    for key in keys:
        _gated(key)
    known = gate_ablation.read(args.out) if args.out is not None and args.out.is_file() else {}
    for key in keys:
        known[key] = _worth_val(key, args) if args.folder is None else _worth_folder(key, args)
        print(_worth_text(known[key]), flush=True)
    if args.out is not None:
        gate_ablation.write(args.out, list(known.values()))


def _worth_val(key: str, args: argparse.Namespace) -> Worth:
    """Over data/val, with the means of the shipped profile: the pictures come in its order."""
    import torch

    from senet_viz.experiments import gate_profile, profile_file
    from senet_viz.training.data import normalise, read_folder

    spec, about, known = catalogue.spec(key), weight_files.shipped(key), profile_file.read()
    if about is None or key not in known:
        raise WeightsUnavailable(f"{key} has no shipped profile: give a folder instead of --data", model=key)
    if known[key].classes != about.classes:
        raise CardRefused(f"The profile of {key} is of other classes: make the profile again first.")
    val = read_folder(args.data / "val", SIDE, names=about.classes)

    def fetch(numbers: Sequence[int]) -> Tensor:
        with torch.inference_mode():
            return normalise(gate_profile.zoomed(val.x[list(numbers)], 1.0, spec.size))

    return _worth_measured(key, args, fetch, val.y.numpy(), known[key].means())


def _worth_folder(key: str, args: argparse.Namespace) -> Worth:
    """Over photos of one's own, with their own mean gates."""
    from senet_viz.experiments import class_folders, gate_profile
    from senet_viz.photos import reading, sets

    spec, module = catalogue.spec(key), load.load(key, args.device)
    files = [(name, file) for name, file in sets.folder(args.folder) if _usable(file)]
    named = class_folders.outputs(spec, [name for name, _ in files])
    kept = [(file, k) for (_, file), k in zip(files, named, strict=True) if k is not None]
    y = np.array([k for _, k in kept])
    if len(set(y.tolist())) < 2:
        raise PhotosRejected("unknown", n=len({name for name, _ in files}))
    if left := sorted({name for (name, _), k in zip(files, named, strict=True) if k is None}):
        print(_left_out(key, left, len({name for name, _ in files})), file=sys.stderr)

    def fetch(numbers: Sequence[int]) -> Tensor:
        return class_folders.stacked([reading.read(kept[i][0]) for i in numbers], spec)

    tally, size = gate_profile.Tally.empty(1), class_folders.batch_size(spec)
    for start in range(0, len(y), size):
        rows = range(start, min(start + size, len(y)))
        tally, _ = gate_profile.counted(module, fetch(rows), np.zeros(len(rows), dtype=int), tally)
    return _worth_measured(key, args, fetch, y, tally.means())


def _left_out(key: str, folders: Sequence[str], of: int) -> str:
    """Return the sentence that names class folders whose photos do not count."""
    named = ", ".join(folders[:NAMED]) + (", ..." if len(folders) > NAMED else "")
    return f"{len(folders)} of {of} folders are not called like a class of {key}, so their photos are left out: {named}"


def _usable(file: Path) -> bool:
    from senet_viz.photos import reading

    try:
        reading.read(file)
    except ImageRejected as error:
        print(f"{file}: {_sentence(error)}", file=sys.stderr)
        return False
    return True


def _worth_measured(
    key: str, args: argparse.Namespace, fetch: Callable[[Sequence[int]], Tensor], y: np.ndarray, means: Any
) -> Worth:
    from tqdm.auto import tqdm

    from senet_viz.experiments import gate_ablation
    from senet_viz.models import class_names

    module, count = load.load(key, args.device), class_names.count(catalogue.spec(key))
    with tqdm(desc=key, total=len(y), mininterval=1, disable=args.quiet) as bar:

        def told(done: int, total: int) -> None:
            bar.update(done - bar.n)

        return gate_ablation.measure(module, fetch, y, count, means, progress=told, model=key)


def _worth_text(found: Worth) -> str:
    from senet_viz.experiments import gate_ablation

    lines = [f"{found.model}: {found.hits.shape[1]} pictures, guessing {found.chance:.1%}"]
    for condition in gate_ablation.CONDITIONS:
        (share, (low, high)), (change, (worse, better)) = found.accuracy(condition), found.change(condition)
        beside = (
            "" if condition == "own" else f"  {100 * change:+6.1f} points ({100 * worse:+.1f} to {100 * better:+.1f})"
        )
        lines.append(f"  {condition:9s} {share:6.1%} ({low:.1%} to {high:.1%}){beside}")
    said = gate_ablation.verdict(found)
    tail = "" if said.word == "few" else f"; of what gates are worth, {said.needs_photo:.0%} needs the photo"
    lines.append(f"  verdict: {said.word}{tail}")
    return "\n".join(lines)


def _card(args: argparse.Namespace) -> None:
    from senet_viz.experiments import profile_file
    from senet_viz.findings import model_card

    folder = args.weights
    weights = model_card.read_all(folder)
    file = folder / profile_file.FILE.name
    text = model_card.build(weights, profile_file.read(file) if file.is_file() else {})
    if args.data is not None:
        model_card.verify(folder, args.data, weights, print)
    out = args.out or folder / "README.md"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(text, encoding="utf-8")
    print(f"{out}: written for {', '.join(w.key for w in weights)}; best size {model_card.best_size(weights)} pixels")


# --- trace and list -----------------------------------------------------------------------------------------------


def _photo(name: str) -> Image:
    from senet_viz.photos import reading, samples

    if not Path(name).exists() and name in {sample.key for sample in samples.SAMPLES}:
        return samples.sample(name)
    return reading.read(Path(name))


def _in_list(photo: str, spec: catalogue.ModelSpec) -> bool | None:
    """Return whether what the photo shows is one of the network's classes; None where nobody can say."""
    from senet_viz.models import class_names
    from senet_viz.photos import samples

    return class_names.knows(spec, None if Path(photo).exists() else samples.shows(photo))


def _off_list(photo: str, spec: catalogue.ModelSpec, trained: bool) -> list[str]:
    """Return the line that says that the photo is none of the classes, or may be none; of untrained networks none."""
    from senet_viz.models import class_names

    known = _in_list(photo, spec)
    if known or not trained:
        return []
    if known is None:
        said = i18n.text("knows.stranger", i18n.DEFAULT, n=class_names.count(spec))
    else:
        said = i18n.text(
            "knows.off", i18n.DEFAULT, what=i18n.text(f"sample.{photo}", i18n.DEFAULT), n=class_names.count(spec)
        )
    return [f"  {said.replace('*', '')}"]


def _network(args: argparse.Namespace) -> tuple[catalogue.ModelSpec, nn.Module, bool]:
    """The network that was asked for, and whether it is trained: not with ``--random``, nor where it cannot be."""
    spec = catalogue.spec(args.model)
    trained = not args.random and weight_files.trained(args.model)
    return spec, load.load(args.model, weights="pretrained" if trained else "random"), trained


def _gated(key: str) -> None:
    """Refuse a network whose gates are asked for and that has none.

    Raises:
        NoGates: it has none.
        UnknownModel: there is no such network.
    """
    if not catalogue.spec(key).blocks:
        raise NoGates(key)


def _trace(args: argparse.Namespace) -> None:
    from senet_viz.photos import preprocess
    from senet_viz.tap import hooks

    spec, module, trained = _network(args)
    picture = preprocess.preprocess(_photo(args.photo), spec)
    trace = hooks.run(module, picture.x, model=spec.key, picture_key=picture.key)
    try:
        blocks = trace.blocks if args.block is None else (trace.block(args.block),)
    except KeyError as error:
        known = ", ".join(block.name for block in trace.blocks)
        raise NoGateFound(f"{spec.key} has no block {args.block}; it has {known}", name=args.block) from error
    answer = _as_data(trace, blocks, trained, spec) | {"in_list": _in_list(args.photo, spec)}
    if not args.json:
        print(_as_text(answer, args.block is not None, _off_list(args.photo, spec, trained)))
        return
    if args.block is not None:  # one block: its z, hidden, logit and gate stand beside the scores
        (block,) = answer.pop("blocks")
        answer |= {"block": block.pop("name"), **block}
    print(json.dumps(answer, ensure_ascii=False))


def _as_data(trace: Trace, blocks: Sequence[BlockTrace], trained: bool, spec: catalogue.ModelSpec) -> dict[str, Any]:
    from senet_viz.models import class_names

    names, share = class_names.names(spec), trace.logits.softmax(0)
    best = share.topk(min(TOP, len(share)))

    def numbers(value: Tensor | None) -> list[Any] | None:
        return None if value is None else value.tolist()

    return {
        "model": trace.model,
        "trained": trained,
        "picture": trace.picture_key,
        "top5": [
            {"name": names[i], "probability": p}
            for p, i in zip(best.values.tolist(), best.indices.tolist(), strict=True)
        ],
        "blocks": [
            {
                "name": block.name,
                "kind": block.kind,
                "branches": block.branches,
                "channels": block.channels,
                "z": numbers(block.z),
                "pre": numbers(block.pre),
                "hidden": numbers(block.hidden),
                "logit": numbers(block.logit),
                "gate": numbers(block.gate),
                "top": block.gate[-1].topk(min(TOP, block.channels)).indices.tolist(),
            }
            for block in blocks
        ],
    }


# --- what if ------------------------------------------------------------------------------------------------------


def _whatif(args: argparse.Namespace) -> None:
    from senet_viz.experiments import channel_ranking, profile_file
    from senet_viz.models import class_names
    from senet_viz.photos import preprocess
    from senet_viz.tap import edits, hooks

    asked = tuple(edits.parse(text) for text in args.edit)
    spec, module, trained = _network(args)
    picture = preprocess.preprocess(_photo(args.photo), spec)

    def photo(name: str) -> dict[str, Any]:
        other = preprocess.preprocess(_photo(name), spec)
        return {block.name: block.gate.numpy() for block in hooks.run(module, other.x).blocks}

    profiled = profile_file.read().get(spec.key) if trained and any(edit.op == "mean" for edit in asked) else None
    wanted = channel_ranking.filled(asked, profiled.means() if profiled else {}, photo)
    before = hooks.run(module, picture.x, model=spec.key, picture_key=picture.key)
    try:
        after = hooks.run(module, picture.x, wanted, model=spec.key, picture_key=picture.key)
    except ValueError as error:  # a channel or a branch that this block has not
        raise EditRefused(" ".join(args.edit)[:80], str(error)) from error
    names = class_names.names(spec)

    def top5(trace: Trace) -> list[dict[str, Any]]:
        share, other = trace.logits.softmax(0), before.logits.softmax(0)
        best = share.topk(min(TOP, len(share))).indices.tolist()
        return [{"name": names[i], "probability": float(share[i]), "change": float(share[i] - other[i])} for i in best]

    answer = {
        "model": spec.key,
        "trained": trained,
        "picture": picture.key,
        "edits": [edits.written(edit) for edit in wanted],
        "before": top5(before),
        "after": top5(after),
        "in_list": _in_list(args.photo, spec),
        "blocks": [vars(moved) for moved in channel_ranking.downstream(before, after)],
    }
    note = _off_list(args.photo, spec, trained)
    print(json.dumps(answer, ensure_ascii=False) if args.json else _whatif_text(answer, note))


def _whatif_text(answer: dict[str, Any], note: Sequence[str]) -> str:
    lines = [answer["model"] if answer["trained"] else f"{answer['model']} (UNTRAINED: its answers mean nothing)"]
    lines += [f"edit   {edit}" for edit in answer["edits"]]
    for when in ("before", "after"):
        change = "" if when == "before" else "  ({change:+.1f})"
        lines += [
            f"{when:6s} {100 * row['probability']:5.1f} %  {row['name']}" + change.format(change=100 * row["change"])
            for row in answer[when]
        ]
    lines += note
    for row in answer["blocks"]:
        lines.append(
            f"{row['name']}{' (edited)' if row['edited'] else ''}  gates move by {row['mean_change']:.6f} on average, "
            f"channel {row['channel']} most: {row['was']:.4f} -> {row['now']:.4f}"
        )
    return "\n".join(lines)


# --- attribute ----------------------------------------------------------------------------------------------------


def _attribute(args: argparse.Namespace) -> None:
    from senet_viz.drawing.text import number
    from senet_viz.experiments import attribution
    from senet_viz.findings import open_or_important
    from senet_viz.models import class_names
    from senet_viz.photos import preprocess
    from senet_viz.tap import hooks

    on_gates = args.method in attribution.ON_GATES
    if on_gates:
        _gated(args.model)
    spec, module, trained = _network(args)
    picture = preprocess.preprocess(_photo(args.photo), spec)
    trace = hooks.run(module, picture.x, model=spec.key, picture_key=picture.key)
    names, known = class_names.names(spec), [block.name for block in trace.blocks]
    target = int(trace.logits.argmax()) if args.target is None else _target(args.target, names, spec)
    if args.block is not None and args.block not in known:
        raise NoGateFound(f"{spec.key} has no block {args.block}; it has {', '.join(known)}", name=args.block)
    block = known[len(known) // 2] if on_gates else None
    if args.block is not None and (on_gates or args.method == "grad_cam"):
        block = args.block
    found = attribution.run(args.method, module, picture.x, target, block, args.steps)
    answer: dict[str, Any] = {
        "model": spec.key,
        "trained": trained,
        "picture": picture.key,
        "method": found.method,
        "in_list": _in_list(args.photo, spec),
        "target": {"index": target, "name": names[target], "probability": float(trace.logits.softmax(0)[target])},
        "block": found.block,
        "score": found.score,
        "baseline": found.baseline,
        "total": found.total,
        "completeness": found.completeness,
        "steps": found.steps,
        "values": found.values.tolist(),
    }
    if on_gates:
        assert block is not None
        gate, values = trace.block(block).gate.numpy()[-1], found.values[-1]
        standing = open_or_important.standing(gate, values)
        answer |= {
            "gate": trace.block(block).gate.tolist(),
            "most_open": standing.open.tolist(),
            "matter_most": standing.matter.tolist(),
            "both": standing.both.tolist(),
            "rank_correlation": None if np.isnan(standing.rho) else standing.rho,
        }
    if args.json:
        print(json.dumps(answer, ensure_ascii=False))
        return
    lines = [spec.key if trained else f"{spec.key} (UNTRAINED: its answers mean nothing)"]
    lines.append(
        f"{found.method} for {names[target]}: score {number(found.score, 4)}" + (f", {block}" if block else "")
    )
    lines += _off_list(args.photo, spec, trained)
    if found.completeness is None:
        lines.append(f"sum {number(found.total, 4)}; this method promises none")
    else:
        assert found.baseline is not None
        difference = number(found.score - found.baseline, 4)
        word = "adds up" if found.completeness <= attribution.ENOUGH else "DOES NOT ADD UP"
        lines.append(
            f"{word}: sum {number(found.total, 4)}, score changes by {difference} "
            f"(off by {found.completeness:.2%}, {found.steps} steps)"
        )
    if on_gates:
        rho = "undefined: gates or attributions are all equal" if np.isnan(standing.rho) else f"{standing.rho:.3f}"
        lines.append(f"rank correlation of gate and |attribution|: {rho}")
        if np.ptp(gate):
            lines.append(
                f"of the {len(standing.open)} most open, {len(standing.both)} are among the {standing.n} below"
            )
        lines += [f"  channel {c:4d}  gate {gate[c]:.4f}  {values[c]:+.6f}" for c in standing.matter.tolist()]
    else:
        lines += _coarse(found.values)
    print("\n".join(lines))


def _target(text: str, names: Sequence[str], spec: catalogue.ModelSpec) -> int:
    """A class by number or by name, in any case."""
    if text.isdecimal() and len(text) < 6 and int(text) < len(names):
        return int(text)
    found = [i for i, name in enumerate(names) if text.casefold() == name.casefold()]
    if not found:
        raise OptionRefused(spec.title, f"class {text}", f"classes 0 to {len(names) - 1}, or their names")
    return found[0]


def _coarse(values: np.ndarray, cells: int = 7) -> list[str]:
    """What a map sums to in each of 7 x 7 parts of the photo."""
    rows = [np.array_split(band, cells, axis=1) for band in np.array_split(values, cells, axis=0)]
    return ["sums over 7 x 7 parts of the photo:"] + [
        "  " + " ".join(f"{float(part.sum()):9.3f}" for part in row) for row in rows
    ]


def _sweep(args: argparse.Namespace) -> None:
    from dataclasses import replace

    from senet_viz.drawing import slides
    from senet_viz.experiments import scale_sweep
    from senet_viz.figures.scale import channel_weights as figures
    from senet_viz.findings import scale_response
    from senet_viz.photos import samples

    _gated(args.model)
    spec, module, trained = _network(args)
    if not trained:
        print(f"{spec.key} (UNTRAINED: its gates know nothing)", file=sys.stderr)
    photo = _photo(args.photo)
    scales = tuple(sorted({*args.scales, 1.0}))  # everything is compared with the photo as it is

    def told(done: int, total: int) -> None:
        print(f"{done} of {total} scales", file=sys.stderr, flush=True)

    found = scale_sweep.scale_sweep(module, photo, scales, spec, args.kind, args.blur, progress=told)
    names = tuple(block.name for block in found.traces[0].blocks)
    block = args.block or names[len(names) // 2]
    if block not in names:
        raise NoGateFound(f"{spec.key} has no block {block}; it has {', '.join(names)}", name=block)
    gates, here, base = (
        tuple(scale_response.gates(found, name) for name in names),
        names.index(block),
        scales.index(1.0),
    )
    g, rho, rows = gates[here], scale_response.correlations(found, base), scale_response.table(found)
    up, down = scale_response.most(g)
    channel = int(np.abs(scale_response.change(g)).argmax()) if args.channel is None else args.channel
    if not 0 <= channel < g.shape[1]:
        raise OptionRefused(block, f"channel {channel}", f"channels 0 to {g.shape[1] - 1}")
    frames = [picture.shown for picture in found.pictures]
    built: dict[str, Callable[[i18n.Texts], Figure]] = {
        "film": lambda t: figures.draw_film(frames, scales, names, gates, here, base, channel, args.kind, rows, t),
        "moved": lambda t: figures.draw_moved(g, scales, up, down, channel, block, t),
        "rank": lambda t: figures.draw_rank(rho, scales, names, here, t),
    }

    def sourced(build: Callable[[i18n.Texts], Figure]) -> Callable[[i18n.Texts], Figure]:
        named = {"model": spec.title, "block": block, "photo": Path(args.photo).name}
        return lambda t: replace(build(t), source=samples.source(t, **named))

    args.out.mkdir(parents=True, exist_ok=True)
    wanted = [(f"{name}.{args.format}", build, args.format) for name, build in built.items()]
    for name, build, kind in (*wanted, ("gates.csv", built["film"], "csv")):
        slide = slides.render(partial(_in_language, sourced(build), trained), kind, args.lang)
        (args.out / name).write_bytes(slide.data)
        print(args.out / name)


def _in_language(build: Callable[[i18n.Texts], Figure], trained: bool, lang: str) -> Figure:
    t = i18n.texts(lang)
    return build(t) if trained else build(t).marked(t("model.untrained"))


def _scales(text: str) -> tuple[float, ...]:
    """A:B:N is N scales from A to B in equal ratios; or a list, as in 0.5,1,2."""
    try:
        if ":" in text:
            low, high, number = text.split(":")
            given, count = [float(low), float(high)], int(number)
        else:
            given = [float(part) for part in text.split(",")]
            count = len(given)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text[:80]!r} is neither A:B:N nor a list of numbers") from error
    # before any list of that length is made
    if not 1 <= count <= MOST_SCALES or not all(LEAST_SCALE <= value <= MOST_SCALE for value in given):
        raise argparse.ArgumentTypeError(
            f"1 to {MOST_SCALES} scales, each from {LEAST_SCALE:g} to {MOST_SCALE:g}; got {text[:80]!r}"
        )
    values = np.geomspace(given[0], given[1], count).tolist() if ":" in text else given
    return tuple(round(value, 6) for value in values)


def _line(name: str, values: list[Any] | None) -> str:
    if values is None:
        return f"  {name:7s} this kind of block has none"
    rows = values if values and isinstance(values[0], list) else [values]
    lines = []
    for m, row in enumerate(rows):
        label = f"{name}[{m}]" if len(rows) > 1 else name
        start = " ".join(f"{v:8.4f}" for v in row[:SHOWN]) + (" ..." if len(row) > SHOWN else "")
        mean = sum(row) / len(row)
        lines.append(f"  {label:7s} {len(row):4d} values, {min(row):.4f} to {max(row):.4f}, mean {mean:.4f}: {start}")
    return "\n".join(lines)


def _as_text(answer: dict[str, Any], whole: bool, note: Sequence[str]) -> str:
    """``whole``: everything about the block; else one line a block. ``note``: lines below the answer."""
    title = answer["model"] if answer["trained"] else f"{answer['model']} (UNTRAINED: its answers mean nothing)"
    lines = [title]
    lines += [f"  {100 * c['probability']:5.1f} %  {c['name']}" for c in answer["top5"]]
    lines += note
    for block in answer["blocks"]:
        m, c = block["branches"], block["channels"]
        lines.append(f"{block['name']}  {block['kind']}, {m} branch{'es' if m > 1 else ''} of {c} channels")
        if not whole:
            lines.append(_line("gate", block["gate"]))
            continue
        lines += [_line(key, block[key]) for key in ("z", "pre", "hidden", "logit", "gate")]
        gate = block["gate"][-1]
        what = "most for the last branch" if m > 1 else "most open"
        lines.append(f"  {what}: " + ", ".join(f"channel {i} ({gate[i]:.4f})" for i in block["top"]))
    return "\n".join(lines)


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
    """Where trained weights would come from, in a few words."""
    if (found := weight_files.available(spec.key)) == "download":
        return f"internet, {spec.weights_mib:.0f} MiB"
    return "none, random only" if found == "missing" else "here"


def _list(args: argparse.Namespace) -> None:
    from senet_viz.networks import registry

    rows = [("model", "title", "blocks", "gate", "input", "top-1", "weights")]
    rows += [(s.key, s.title, str(s.blocks), s.gate_fn, str(s.size), _top1(s), _where(s)) for s in catalogue.MODELS]
    _table(rows)
    print()
    more = [("network", "title", "gates", "input", "stages", "options")]
    more += [
        (n.name, n.title, str(n.gates), str(n.size), " ".join(n.stages), " ".join(o.name for o in n.options))
        for n in registry.NETWORKS
    ]
    _table(more)
    for fault in weight_files.damaged():
        print(_sentence(fault), file=sys.stderr)


def _table(rows: Sequence[Sequence[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


# --- cost ---------------------------------------------------------------------------------------------------------


def _cost(args: argparse.Namespace) -> None:
    from senet_viz.architecture import prices
    from senet_viz.networks import registry

    given = {name: getattr(args, name) for name in OPTIONS if getattr(args, name) is not None}
    choice = registry.Choice(args.network).but(**given)
    price = prices.price(choice, args.size)
    print(json.dumps(_cost_data(choice, price), indent=2) if args.json else _cost_text(choice, price))


def _cost_data(choice: Choice, price: Price) -> dict[str, Any]:
    from dataclasses import asdict

    from senet_viz.architecture import prices

    def counted(count: Count) -> dict[str, int]:
        return {**asdict(count), "macs": count.macs}

    found, adds = price.cost, price.adds
    return {
        "network": choice.net,
        "title": prices.names().get(choice.net, choice.net),
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


def _cost_text(choice: Choice, price: Price) -> str:
    from senet_viz.architecture import prices

    found, (params, macs), mib = price.cost, price.adds, 2**20
    bare = price.without
    options = ", ".join(f"{name} {value}" for name, value in choice.all.items())
    lines = [
        f"{prices.names().get(choice.net, choice.net)}, {found.size}x{found.size}" + (f": {options}" if options else "")
    ]
    rows: list[tuple[str, ...]] = [("", "gates", "params", "of gates", "MACs", "of gates", "pooling", "scaling")]
    rows += [
        (
            s.name if s.name in ("stem", "head", "unused") else f"stage {s.name}",
            str(len(s.gates)),
            *(f"{n:,}" for n in (s.gate.params + s.rest.params, s.gate.params, s.gate.macs + s.rest.macs, s.gate.macs)),
            *(f"{n:,}" for n in (s.gate.pool + s.rest.pool, s.gate.scale + s.rest.scale)),
        )
        for s in found.stages
    ]
    all_ = (found.params, found.gate.params, found.macs, found.gate.macs, found.total.pool, found.total.scale)
    rows.append(("all", str(len(found.gates)), *(f"{n:,}" for n in all_)))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for first, *rest in rows:
        cells = (cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True))
        lines.append("  ".join((first.ljust(widths[0]), *cells)))
    if found.gates:
        lines.append(f"gates add {params:,} parameters ({params / bare[0]:.2%}), {macs:,} MACs ({macs / bare[1]:.3%})")
    kept = f"a training step keeps {price.kept / mib:.1f} MiB a picture"
    if found.gates and price.memory:
        kept += f", {price.memory[1] / mib:.1f} MiB ({price.memory[1] / price.memory[0]:.1%}) more than without gates"
    lines.append(kept)
    return "\n".join(lines)


# --- the command line ---------------------------------------------------------------------------------------------


def _blur(text: str) -> float:
    value = float(text)
    if not 0 <= value <= MOST_BLUR:
        raise argparse.ArgumentTypeError(f"must be from 0 to {MOST_BLUR:g}")
    return value


def _stages(text: str) -> tuple[int, ...] | None:
    if text in ("all", "none"):
        return None if text == "all" else ()
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of numbers such as 1,2,3") from error


def _slide_file(text: str) -> Path:
    file = Path(text)
    if file.suffix.lower() not in (".png", ".svg", ".pdf", ".csv"):
        raise argparse.ArgumentTypeError(f"must end in .png, .svg, .pdf or .csv; got {text!r}")
    return file


def _whole(least: int, most: int | None = None) -> Callable[[str], int]:
    """Return a type of arguments: whole numbers from ``least`` to ``most``, or without an end."""

    def number(text: str) -> int:
        value = int(text)
        if value < least or (most is not None and value > most):
            limits = f"at least {least}" if most is None else f"from {least} to {most}"
            raise argparse.ArgumentTypeError(f"must be {limits}")
        return value

    return number


_positive = _whole(1)


def parser() -> argparse.ArgumentParser:
    """Every command and its options."""
    from senet_viz.experiments.profile_file import FILE

    top = argparse.ArgumentParser("python -m senet_viz", description="Look into channel attention without a browser.")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    photo = argparse.ArgumentParser(add_help=False)  # what every command on one photo asks for
    photo.add_argument("photo", help="a picture file, or the name of a sample (chelsea, coffee, rocket, ...)")
    photo.add_argument(
        "--model", default=catalogue.DEFAULT, help=f"a key that `list` prints (default {catalogue.DEFAULT})"
    )
    photo.add_argument("--random", action="store_true", help="the untrained control instead of the trained network")

    add = commands.add_parser("list", help="the models, and where their weights are")
    add.set_defaults(run=_list)

    add = commands.add_parser("cost", help="parameters, multiply-accumulates and memory of a network and its gates")
    add.add_argument("network", help="a network or a model that `list` prints")
    add.add_argument("--reduction", type=_positive, help="r (default: the released network's, as all of these)")
    add.add_argument("--gate", help="sigmoid, h_sigmoid, tanh, relu, softmax")
    add.add_argument("--squeeze", help="avg, max, none")
    add.add_argument("--form", help="fc, conv, conv_bn")
    add.add_argument("--bias", action=argparse.BooleanOptionalAction, help="biases in the gates")
    add.add_argument("--stages", type=_stages, help="which get gates: 1,2,3 or all or none")
    add.add_argument("--integration", help="standard, pre, post, identity, 3x3")
    add.add_argument("--branches", type=_positive, help="kernels of an SK unit")
    add.add_argument("--floor", type=_positive, help="L of an SK unit")
    add.add_argument(
        "--size", type=_positive,
        help=f"side of the input in pixels, {COST_SIDES[0]} to {COST_SIDES[1]} (default: the network's own)",
    )  # fmt: skip
    add.add_argument("--json", action="store_true", help="every number, as JSON")
    add.set_defaults(run=_cost)

    add = commands.add_parser(
        "trace", help="one photo through one attention block: z, hidden, logit, gate", parents=[photo]
    )
    add.add_argument("--block", help="dotted name, as in layer3.0.se; without it, one line for every block")
    add.add_argument("--json", action="store_true", help="every number, as JSON")
    add.set_defaults(run=_trace)

    add = commands.add_parser(
        "whatif", help="one photo before and after changes to gates, and what later gates did", parents=[photo]
    )
    add.add_argument(
        "--edit", action="append", required=True, metavar="BLOCK:OP[:CHANNELS][=VALUE]",
        help="as in layer3.1.se:mute:17,42 or layer3.1.se:scale:3=0.5; may be given again, in this order",
    )  # fmt: skip
    add.add_argument("--json", action="store_true", help="every number, as JSON")
    add.set_defaults(run=_whatif)

    add = commands.add_parser(
        "attribute", help="which pixels, or which gates of a block, a class score rests on", parents=[photo]
    )
    add.add_argument(
        "--method",
        default="gradient_x_gate",
        choices=(*PIXELS, *GATES),
        metavar="METHOD",
        help=(f"on the photo: {', '.join(PIXELS)}; on gates: {', '.join(GATES)} (default gradient_x_gate)"),
    )
    add.add_argument(
        "--block", help="whose gates (default: the middle one); for grad_cam: whose map (default: the last)"
    )
    add.add_argument("--target", help="number or name of a class (default: the network's own answer)")
    add.add_argument(
        "--steps", type=_whole(1, MOST_STEPS), metavar="N",
        help=f"of a path, at most {MOST_STEPS} (default: as many as it takes to add up)",
    )  # fmt: skip
    add.add_argument("--json", action="store_true", help="every number, as JSON")
    add.set_defaults(run=_attribute)

    add = commands.add_parser("sweep", help="one photo at many scales: what becomes of every gate", parents=[photo])
    add.add_argument(
        "--scales",
        type=_scales,
        default="0.5:2:9",
        help=f"A:B:N in equal ratios, or a list: at most {MOST_SCALES}, each from {LEAST_SCALE:g} to {MOST_SCALE:g} "
        "(default 0.5:2:9)",
    )
    add.add_argument("--out", type=Path, required=True, help="folder for the figures and gates.csv")
    add.add_argument("--kind", choices=("zoom", "resolution", "amplitude"), default="zoom", help="what scale means")
    add.add_argument("--blur", type=_blur, default=0.0, help="Gaussian blur of every frame, pixels (default 0)")
    add.add_argument("--block", help="dotted name of the block in the figures (default: the middle one)")
    add.add_argument("--channel", type=int, help="channel in the figures (default: the one that moves most)")
    add.add_argument("--format", choices=("png", "svg", "pdf"), default="png")
    add.add_argument("--lang", choices=tuple(i18n.LANGUAGES), default=i18n.DEFAULT)
    add.set_defaults(run=_sweep)

    add = commands.add_parser("train", help="train the small networks on an image folder")
    add.add_argument("--data", type=Path, required=True, help="folder that holds train/<class>/* and val/<class>/*")
    which = add.add_mutually_exclusive_group(required=True)
    which.add_argument("--block", choices=("plain", "se", "se_h", "sk"))
    which.add_argument("--all", action="store_true", help="all four; --out is then a folder")
    add.add_argument(
        "--out", type=Path, required=True, help="the .safetensors file to write; its checkpoint lies beside"
    )
    add.add_argument(
        "--classes", type=_whole(0), default=0, help="only the first N in alphabetical order (default: all)"
    )
    add.add_argument("--epochs", type=_positive, default=32)
    add.add_argument("--seed", type=_whole(0, MOST_SEED), default=0, help=f"0 to {MOST_SEED}")
    add.add_argument("--device", default="cpu", help="cpu, cuda, cuda:1, auto")
    add.add_argument("--resume", action="store_true", help="go on where an interrupted training stopped")
    add.add_argument("--jobs", type=_positive, help="with --all: trainings side by side (default: 1, on a GPU 4)")
    add.add_argument("--quiet", action="store_true", help="no progress bar")
    add.set_defaults(run=_train)

    add = commands.add_parser("profile", help="mean and std of every gate by class, of photos in class folders")
    which = add.add_mutually_exclusive_group(required=True)
    which.add_argument(
        "folder", type=Path, nargs="?", help="photos of your own, one folder a class: what each block knows of them"
    )
    which.add_argument("--data", type=Path, help="folder that holds val/<class>/*: the record that the program shows")
    add.add_argument(
        "--model", action="append",
        help=f"may be given again (default: {catalogue.DEFAULT}; with --data the trained small networks)",
    )  # fmt: skip
    add.add_argument(
        "--out", type=Path,
        help="safetensors file; other models in it stay (default: none; with --data the one that is shipped)",
    )  # fmt: skip
    add.add_argument(
        "--figure", type=_slide_file, help="with a folder: what the findings rest on, as .png, .svg, .pdf, .csv"
    )
    add.add_argument("--lang", choices=tuple(i18n.LANGUAGES), default=i18n.DEFAULT)
    add.add_argument("--random", action="store_true", help="with a folder: the untrained control")
    side = _whole(8, MOST_SIDE)
    add.add_argument(
        "--size", type=side, help=f"with --data: side of the input, 8 to {MOST_SIDE} (default: the model's own)"
    )
    add.add_argument(
        "--side", type=side, help=f"with --data: side at which pictures are held, 8 to {MOST_SIDE} (default {SIDE})"
    )
    add.add_argument("--device", default="cpu")
    add.add_argument("--quiet", action="store_true", help="no progress bar")
    add.set_defaults(run=_profile)

    add = commands.add_parser(
        "worth", help="accuracy with the gates as they are and with others: is the gate worth it?"
    )
    which = add.add_mutually_exclusive_group(required=True)
    which.add_argument("folder", type=Path, nargs="?", help="photos, one folder a class, called like it")
    which.add_argument("--data", type=Path, help="folder that holds val/<class>/*: of the small networks")
    add.add_argument("--model", action="append", help="may be given again (default: the trained small networks)")
    add.add_argument("--out", type=Path, help="safetensors file; other models that it holds stay in it (default: none)")
    add.add_argument("--device", default="cpu")
    add.add_argument("--quiet", action="store_true", help="no progress bar")
    add.set_defaults(run=_worth)

    add = commands.add_parser("card", help="write the model card from the weight files and the profile")
    add.add_argument("--weights", type=Path, default=FILE.parent, help="folder of tiny_*.safetensors")
    add.add_argument("--data", type=Path, help="count again on data/val first, and refuse where a file is wrong")
    add.add_argument("--out", type=Path, help="default: README.md in that folder")
    add.set_defaults(run=_card)

    app_command.add(commands)
    return top


def _creatable(path: Path, folder: bool) -> None:
    """Raise the system's own error where no such file or folder can be made: before the work, not after it.

    Raises:
        OSError: it exists and is of the other kind, or what it should lie in is no folder or cannot be written to.
    """

    def refuse(code: int, where: Path) -> OSError:
        return OSError(code, os.strerror(code), str(where))

    if path.is_dir() and not folder:
        raise refuse(errno.EISDIR, path)
    if path.exists() and not path.is_dir() and not path.is_file():  # it would be replaced: /dev/null, a pipe
        raise OSError(errno.EINVAL, "Not an ordinary file", str(path))
    there = next(p for p in (path, *path.absolute().parents) if p.exists())
    if not there.is_dir() and (folder or there != path):
        raise refuse(errno.ENOTDIR, there)
    if not os.access(there, os.W_OK):
        raise refuse(errno.EACCES, there)


def _run(arguments: Sequence[str] | None) -> int:
    """Run one command. An error that has a name becomes one sentence on stderr and exit code 2."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        if empty := next((word for word in given if word.startswith("--") and word.endswith("=--")), None):
            parser().error(f"argument {empty[:-3]}: expected one argument")  # Python 3.11 would take an empty list
        args = parser().parse_args(given)
    except SystemExit:  # help, or an argument that is refused
        _flush()
        raise
    try:
        if (fault := weight_files.missing_folder()) is not None:
            print(f"{fault}: weights are looked for elsewhere.", file=sys.stderr)
        if getattr(args, "out", None) is not None:
            _creatable(args.out, folder=args.command == "sweep" or getattr(args, "all", False))
        if getattr(args, "figure", None) is not None:
            _creatable(args.figure, folder=False)
        args.run(args)
        _flush()
    except SenetVizError as error:
        print(_sentence(error), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return 130
    return 0


def _flush() -> None:
    """Write what was printed, so that a pipe that is closed or a disk that is full is noticed in here."""
    if sys.stdout is not None:
        sys.stdout.flush()


def _discard(*streams: TextIO | None) -> None:
    """Send what these streams still hold nowhere: at the end Python writes it once more, and would complain."""
    with Path(os.devnull).open("w") as nowhere:
        for stream in streams:
            if stream is not None:
                os.dup2(nowhere.fileno(), stream.fileno())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0, or 2 where a person has to mend something, 130 when interrupted, 141 when nobody reads on.

    130 and 141 are what a shell reports of a command that SIGINT or SIGPIPE ended.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a letter that this terminal cannot show is shown by its number
            stream.reconfigure(errors="backslashreplace")
    try:
        return _run(arguments)
    except BrokenPipeError:  # as in `| head`
        _discard(sys.stdout, sys.stderr)
        return 141
    except OSError as error:  # a file that cannot be written, a full disk: what the system says is the sentence
        if error.errno is None:
            raise
        where = error.filename2 or error.filename
        if where is None:
            _discard(sys.stdout)
        print(f"{where or 'The output'} cannot be used: {error.strerror}.", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
