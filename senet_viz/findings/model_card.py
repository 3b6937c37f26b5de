"""The model card ``assets/weights/README.md``: written from the weight files and the profile, never by hand.

Every number and every verdict on it is computed here from those committed files; a test builds it again and compares.
This module is long because the card's sentences stand beside the numbers that they tell.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import prod
from pathlib import Path

import numpy as np

from senet_viz import assets
from senet_viz.errors import CardRefused
from senet_viz.experiments.gate_profile import Profile
from senet_viz.findings import kernel_choice
from senet_viz.findings.gate_life import ALIVE, DEAD, EXTREME, Activity, life
from senet_viz.findings.kernel_choice import Cause, Way
from senet_viz.findings.model_agreement import points
from senet_viz.models import safetensors_io, weight_files
from senet_viz.stats import Interval
from senet_viz.training.recipe import Recipe

WHAT = {
    "plain": "no gate: what the other three are compared with",
    "se": "Squeeze-and-Excitation: FC, ReLU, FC, sigmoid; r = 16, no bias",
    "se_h": "1x1 convolution, batch norm, ReLU, 1x1 convolution, h-sigmoid; r = 4 (MobileNetV3's gate)",
    "sk": "Selective Kernel: 3x3 and 3x3 of dilation 2 compete by softmax; SK[2, 16 channels a group, 16], L = 32",
}
LABELS = assets.LABELS / "tiny.json"


@dataclass(frozen=True)
class Weights(weight_files.Shipped):
    """What one weight file is, beside what it says about itself."""

    key: str
    torch: str
    parameters: int  # without batch norm's running statistics
    size: int  # bytes
    sha256: str

    @property
    def block(self) -> str:
        """One of ``networks.tiny.BLOCKS``."""
        return str(self.recipe["block"])


def read_weights(path: Path) -> Weights:
    """Read the facts about a weight file.

    Raises:
        WeightsInvalid: not a weight file of ours.
    """
    from safetensors import safe_open

    try:
        with safe_open(path, framework="np") as file:
            meta = file.metadata() or {}
            learned = [key for key in file.keys() if not key.endswith(("_mean", "_var", "_tracked"))]  # noqa: SIM118
            parameters = sum(prod(file.get_slice(key).get_shape()) for key in learned)
        data, said = path.read_bytes(), vars(weight_files.parsed(meta))
        return Weights(**said, key=path.stem, torch=meta["torch"], parameters=parameters, size=len(data),
                       sha256=hashlib.sha256(data).hexdigest())  # fmt: skip
    except Exception as error:  # OSError, SafetensorError, JSON, missing keys
        raise safetensors_io.unusable(path, error) from error


def read_all(folder: Path) -> tuple[Weights, ...]:
    """Read the small networks in ``folder``, plain first.

    Raises:
        CardRefused: none is there.
        WeightsInvalid: a file that is not ours.
    """
    found = tuple(read_weights(p) for b in WHAT if (p := folder / f"tiny_{b}.safetensors").is_file())
    if not found:
        raise CardRefused(f"There is no tiny_*.safetensors in {folder}.")
    return found


def _sizes(weights: Iterable[Weights]) -> list[int]:
    return sorted(set.intersection(*(set(w.top1) for w in weights)))


def best_size(weights: Sequence[Weights]) -> int:
    """Return the input size at which the networks together recognise most: one for all, so that they are comparable."""
    return max(_sizes(weights), key=lambda size: (round(sum(w.top1[size] for w in weights), 6), -size))


# --- text: each section is a list of blocks, between which an empty line stands -----------------------------------


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [f"| {' | '.join(map(str, row))} |" for row in rows]
    return "\n".join([f"| {' | '.join(head)} |", f"|{'---|' * len(head)}", *lines])


def _pm(interval: Interval, digits: int = 4) -> str:
    return f"{interval.value:+.{digits}f} ± {interval.half:.{digits}f}"


def _networks(weights: Sequence[Weights], size: int) -> list[str]:
    rows = [
        (
            f"`{w.key}`", WHAT[w.block], f"{w.parameters:,}", f"{w.size / 2**20:.1f} MiB",
            f"**{w.top1[size]:.2f} %**", f"{w.val_pictures:,}",
            f"{w.seconds / 60:.0f} min" if w.seconds >= 60 else f"{w.seconds:.0f} s",
            "one CPU thread" if w.device == "cpu" else w.device,
        )
        for w in weights
    ]  # fmt: skip
    head = ("network", "attention block", "parameters", "file", f"top-1 at {size} px", "pictures", "training", "on")
    text = (
        "One ResNeXt-style host: a stem and ten residual units in four stages at 1/2, 1/4, 1/8 and 1/16 of the input. "
        "Width, depth, data and recipe are the same for all; only the attention block differs. Top-1 is measured on "
        "the rounded (fp16) weights that the file holds, on validation pictures that no training saw; the input size "
        "was chosen on these same pictures, and there is no third set."
    )
    return ["## The networks", text, _table(head, rows)]


def _by_size(weights: Sequence[Weights], size: int) -> list[str]:
    sizes = _sizes(weights)
    rows = [
        (f"`{w.key}`", *(f"**{w.top1[s]:.2f}**" if s == size else f"{w.top1[s]:.2f}" for s in sizes)) for w in weights
    ]
    mean = ("mean", *(f"{sum(w.top1[s] for w in weights) / len(weights):.2f}" for s in sizes))
    side = weights[0].recipe["size"]
    text = (
        f"Trained on crops of pictures {side} pixels wide, tested on whole pictures resized to each size (top-1 in %). "
        f"**{size} pixels** has the best mean and is the size used everywhere else on this card."
    )
    if size > side:
        text += (
            " A random crop shows objects larger than the whole picture does, so a whole picture is best shown "
            "somewhat enlarged (Touvron et al., Fixing the train-test resolution discrepancy, NeurIPS 2019)."
        )
    return ["## Input size", text, _table(("network", *(f"{s} px" for s in sizes)), [*rows, mean])]


def _gates_help(weights: Sequence[Weights], profiles: Mapping[str, Profile]) -> list[str]:
    known = {key: hits for key, profile in profiles.items() if (hits := profile.hits()) is not None}
    base = known.get("tiny_plain")
    head = "## Do the gates help at this size?"
    if base is None:
        return [head, "Not answered: the network without gates has not been measured."]
    rows, words = [], []
    for w in weights:
        if w.block == "plain" or w.key not in known:
            continue
        interval = points(known[w.key], base)
        verdict = {1: "better than plain", 0: "no difference shown", -1: "worse than plain"}[interval.sign]
        rows.append((f"`{w.key}`", f"{100 * known[w.key].mean():.2f} %", f"{_pm(interval, 2)} points", verdict))
        words.append(f"`{w.key}`: {verdict}")
    seeds = sorted({w.recipe["seed"] for w in weights})
    hours = 3 * sum(w.seconds for w in weights) / 3600
    once = (
        f"Each network was trained **once** (seed {', '.join(map(str, seeds))}). Three trainings of each, which a mean "
        f"± std over seeds needs, would have taken {hours:.1f} hours of training in all and were not affordable. The "
        "interval below is 95 % for the choice of validation pictures alone, the same ones for both networks; it says "
        "nothing about the luck of a seed."
    )
    summary = f"In short: {'; '.join(words)}. One training each: a hint, no proof."
    return [head, once, _table(("network", "top-1", "minus plain", "on these pictures"), rows), summary]


def _alive(profile: Profile) -> list[str]:
    lives = [life(block, profile.counts) for block in profile.blocks]
    rows = [
        (
            f"`{x.name}`", f"{x.mean:.3f}", f"{x.std:.4f}", f"{100 * x.between:.0f} %", f"{100 * x.still:.0f} %",
            f"{100 * x.saturated:.0f} %", x.verdict if x.verdict is Activity.ALIVE else f"**{x.verdict}**",
        )
        for x in lives
    ]  # fmt: skip
    good = sum(x.std >= ALIVE for x in lives)
    named = [f"`{x.name}` ({x.verdict})" for x in lives if x.verdict is not Activity.ALIVE]
    lesson = f" Not alive: {', '.join(named)}." if named else " No block is dead or saturated."
    text = f"{good} of {len(lives)} blocks have a mean std of at least {ALIVE}.{lesson}"
    head = ("block", "mean gate", "mean std", "between classes", "still", "saturated", "verdict")
    return [f"### `{profile.model}`", text, _table(head, rows)]


def _gates(profiles: Mapping[str, Profile]) -> list[str]:
    text = (
        "Over all validation pictures, per block. *Mean std*: how far a gate moves from picture to picture, mean over "
        "channels. *Between classes*: share of that variance that the picture's class explains. *Still*: channels "
        f"with a std below {DEAD}. *Saturated*: channels within {EXTREME} of 0 or 1 with a std below {ALIVE}. A block "
        f"is dead below a mean std of {DEAD}, nearly still below {ALIVE}, saturated where half of its channels are."
    )
    return ["## Are the gates alive?", text, *(block for p in profiles.values() if p.blocks for block in _alive(p))]


def said(verdict: kernel_choice.Verdict) -> str:
    """Return a verdict on a unit's choice of kernel in words."""
    if verdict.way is Way.SAME:
        return "no change"
    also = {Cause.UNTRAINED: ", no more than untrained", Cause.BLUR: ", but so it does by blur alone"}
    return verdict.way + ("" if verdict.cause is None else also[verdict.cause])


def _kernels(profile: Profile) -> list[str]:
    chosen = profile.selection
    if chosen is None:
        return []
    found = kernel_choice.verdicts(chosen)
    zooms = [f"{zoom:.1f}x" for zoom in chosen.zooms]
    rows = [
        (
            f"`{c.unit}`", *(f"{m:+.4f} ± {s:.4f}" for m, s in c.levels), _pm(c.change), _pm(c.blur), _pm(c.control),
            said(c),
        )
        for c in found
    ]  # fmt: skip
    last = max(c.unit.partition(".")[0] for c in found)
    early, late = ([c for c in found if c.unit.startswith(f"{last}.") is end] for end in (False, True))
    rises, falls = (sum(c.way is way and c.cause is None for c in early) for way in (Way.RISES, Way.FALLS))
    agrees = "agree" if 2 * rises > len(early) else "do not agree"
    high = ", ".join(f"`{c.unit}` {said(c)}" for c in late)
    text = (
        "The paper's claim (Li et al., fig. 3): when the object grows, units of low and middle stages shift "
        "to the larger kernel. Measured: mean over channels of (a_5x5 - a_3x3) for every validation picture "
        f"({chosen.difference.shape[2]:,} of them; mean ± std over pictures), the object enlarged by central crop and "
        f"resizing back. *Change* is {zooms[-1]} minus {zooms[0]} on the same pictures, with its 95 % interval; "
        "*blur alone* is the same for whole pictures with as few pixels as the crop has; *untrained* is the same zoom "
        "through this network with random weights. A unit rises or falls only where zoom does more than either."
    )
    verdict = (
        f"**Verdict.** Of the {len(early)} units below the last stage {rises} rise, {falls} fall, and "
        f"{len(early) - rises - falls} do not move, or no more than the controls: these small units {agrees} with the "
        f"paper's claim. In the last stage, for which the paper reports no common direction: {high}."
    )
    head = ("unit", *zooms, "change", "blur alone", "untrained", "verdict")
    return ["## Which kernel does SK choose?", text, _table(head, rows), verdict]


def _recipe(weights: Sequence[Weights]) -> list[str]:
    r = Recipe(**weights[0].recipe)
    ours, defaults = asdict(r), asdict(Recipe())
    options = "".join(f" --{key} {ours[key]}" for key in ("classes", "epochs", "seed") if ours[key] != defaults[key])
    early = sum(r.size_at(e) < r.size for e in range(r.epochs))
    w = weights[0]
    text = (
        f"{w.train_pictures:,} training pictures of {len(w.classes)} classes, {r.epochs} epochs of batches of "
        f"{r.batch} (the first {early} at {r.early_size} pixels, the rest at {r.size}); random resized crop of "
        f"{100 * r.min_area:.0f} to 100 % of the area, flip, brightness and contrast ± 30 %; SGD with Nesterov "
        f"momentum 0.9, one cycle to a learning rate of {r.lr}, weight decay {r.weight_decay} (none on norms and "
        f"biases), label smoothing {r.smoothing}, bfloat16 autocast; an exponential moving average of the "
        f"weights ({r.ema}) is what was tested and kept. Made with torch "
        f"{', '.join(sorted({w.torch for w in weights}))}."
    )
    commands = [
        f"python -m senet_viz train --data DIR --all --out assets/weights{options}",
        "python -m senet_viz profile --data DIR --out assets/weights/profile.safetensors",
        "python -m senet_viz worth --data DIR --out assets/weights/worth.safetensors",
        "python -m senet_viz card",
    ]
    where = (
        f"`DIR` holds `train/<class>/*` for the {len(w.classes)} classes below and `val/<class>/*` for these or more; "
        "an interrupted training goes on with `--resume`, and `--device cuda` trains on a GPU."
    )
    return ["## Data and recipe", text, "\n".join(["```", *commands, "```"]), where]


def _limits(weights: Sequence[Weights], profiles: Mapping[str, Profile]) -> list[str]:
    side, names = weights[0].recipe["size"], _names(weights[0].classes)
    text = (
        f"- The training pictures are {side} pixels wide: fine detail was never seen.\n"
        f"- They know {len(names)} classes and nothing else. Shown anything outside them they still answer with one of "
        "these, sometimes with confidence: no output means 'none of them'.\n"
        "- The classes are those of ImageNet's annotators, with their mistakes and their view of the world; nobody "
        "should be judged by them, and nothing that matters should depend on them. They are made for teaching.\n"
        "- The pictures are Tiny ImageNet's, a selection from ImageNet, whose terms allow non-commercial research and "
        "education; none of them is included here. Use the weights in the same spirit. The code that made them is "
        "under this project's licence."
    )
    if (best := profiles.get("tiny_se")) is not None and (hits := best.hits()) is not None:
        share = np.array([100 * hits[best.truth == k].mean() for k in range(len(best.classes))])
        order, known = np.argsort(-share, kind="stable"), _names(best.classes)
        easy, hard = (", ".join(f"{known[k]} ({share[k]:.0f} %)" for k in row) for row in (order[:5], order[:-6:-1]))
        text += f"\n- `tiny_se` knows best: {easy}; and least: {hard}."
    return ["## Limits and licence", text, f"The {len(names)} classes: {', '.join(names)}."]


def _names(classes: Sequence[str]) -> list[str]:
    table = json.loads(LABELS.read_text(encoding="utf-8")) if LABELS.is_file() else {}
    return [table.get(wnid, {}).get("en", wnid) for wnid in classes]


def build(weights: Sequence[Weights], profiles: Mapping[str, Profile]) -> str:
    """The card as Markdown.

    Raises:
        CardRefused: weights and profile that do not belong together, or weights of different recipes.
    """
    size = best_size(weights)
    _check(weights, profiles, size)
    text = (
        f"They come with the program, so that it can teach without the internet. {len(weights)} networks, one host, so "
        "that they can be compared. Written by `python -m senet_viz card` from the files in this folder."
    )
    blocks = [
        "# Model card: the small networks",
        text,
        *_networks(weights, size),
        *_by_size(weights, size),
        *_gates_help(weights, profiles),
        *_gates(profiles),
        *(block for p in profiles.values() for block in _kernels(p)),
        *_recipe(weights),
        *_limits(weights, profiles),
        "## Checksums (SHA-256)",
        _table(("file", "SHA-256"), [(f"`{w.key}.safetensors`", f"`{w.sha256}`") for w in weights]),
    ]
    return "\n\n".join(blocks) + "\n"


def _check(weights: Sequence[Weights], profiles: Mapping[str, Profile], size: int) -> None:
    recipes = {json.dumps({**w.recipe, "block": ""}, sort_keys=True) for w in weights}
    if len(recipes) > 1 or len({w.classes for w in weights}) > 1:
        raise CardRefused("The weight files were made with different recipes or classes: they cannot be compared.")
    by_key = {w.key: w for w in weights}
    for key, profile in profiles.items():
        if key not in by_key:
            raise CardRefused(f"The profile holds {key}, whose weights are not here.")
        if profile.size != size:
            raise CardRefused(
                f"The profile of {key} was made at {profile.size} pixels, but {size} is the best size: "
                f"make it again with --size {size}."
            )
        hits = profile.hits()
        if hits is not None and abs(100 * hits.mean() - by_key[key].top1[size]) > 0.2:
            raise CardRefused(
                f"The profile of {key} recognises {100 * hits.mean():.2f} % and its weight file says "
                f"{by_key[key].top1[size]:.2f} %: make the profile again."
            )


def verify(
    folder: Path, data: Path, weights: Sequence[Weights], report: Callable[[str], object] = lambda line: None
) -> None:
    """Count again, on the validation pictures in ``data/val``, how many each file recognises at the best size.

    Raises:
        CardRefused: a file's own number is off by more than 0.2 points.
        TrainingRefused: no such pictures.
    """
    import torch

    from senet_viz.models import load
    from senet_viz.training.data import read_folder
    from senet_viz.training.loop import accuracy

    size = best_size(weights)
    val = read_folder(data / "val", int(weights[0].recipe["size"]), names=weights[0].classes)
    for w in weights:
        module = load.load(w.key, file=folder / f"{w.key}.safetensors")
        top1 = accuracy(module, val, size, torch.device("cpu"))
        if abs(top1 - w.top1[size]) > 0.2:
            raise CardRefused(f"{w.key} recognises {top1:.2f} % at {size} pixels, but says {w.top1[size]:.2f} %.")
        report(f"{w.key}: {top1:.2f} % at {size} pixels, as it says")
