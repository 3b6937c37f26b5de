"""The model card ``assets/weights/README.md``: written from the weight files and the profile, never by hand.

Every number and every verdict on it is computed here from those committed files; a test builds it again and compares.
Its sentences are those of ``assets/model_card.txt``; a function here makes each table, so the file is a long one.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import prod
from pathlib import Path

import numpy as np

from senet_viz import assets
from senet_viz.errors import CardRefused
from senet_viz.experiments.gate_profile import Profile, Selection
from senet_viz.findings import gate_life, kernel_choice
from senet_viz.findings.gate_life import ALIVE, DEAD, EXTREME, Activity, Learning, life
from senet_viz.findings.kernel_choice import Cause, Way
from senet_viz.findings.model_agreement import points
from senet_viz.models import class_names, safetensors_io, weight_files
from senet_viz.open_set import card
from senet_viz.open_set.record import Record
from senet_viz.stats import Interval
from senet_viz.training.recipe import Recipe

WHAT = {
    "plain": "no gate: what the other three are compared with",
    "se": "Squeeze-and-Excitation: FC, ReLU, FC, sigmoid; r = 16, no bias",
    "se_h": "1x1 convolution, batch norm, ReLU, 1x1 convolution, h-sigmoid; r = 4 (MobileNetV3's gate)",
    "sk": "Selective Kernel: 3x3 and 3x3 of dilation 2 compete by softmax; SK[2, 16 channels a group, 16], L = 32",
}
STRONG = 0.1  # mean std from which gates speak for themselves
BESIDE_PLAIN = {1: "better than plain", 0: "no difference shown", -1: "worse than plain"}


@dataclass(frozen=True)
class Weights(weight_files.Shipped):
    """The facts about one weight file stand here, beside what it says about itself."""

    key: str
    torch: str
    parameters: int  # without batch norm's running statistics
    size: int  # bytes
    sha256: str

    @property
    def block(self) -> str:
        """Return the name of its attention block, one of ``networks.tiny.BLOCKS``."""
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


# --- text -------------------------------------------------------------------------------------------------------------


def _texts() -> dict[str, str]:
    """Return the parts of the card's sentences by name; in braces what is to be filled in."""
    _, *parts = re.split(r"<!-- (.+) -->\n", assets.CARD.read_text(encoding="utf-8"))
    return {name: text.strip() for name, text in zip(parts[::2], parts[1::2], strict=True)}


def _pm(interval: Interval, digits: int = 4) -> str:
    return f"{interval.value:+.{digits}f} ± {interval.half:.{digits}f}"


def _networks(weights: Sequence[Weights], size: int) -> str:
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
    return card.table(head, rows)


def _by_size(weights: Sequence[Weights], size: int) -> str:
    sizes = _sizes(weights)
    rows = [
        (f"`{w.key}`", *(f"**{w.top1[s]:.2f}**" if s == size else f"{w.top1[s]:.2f}" for s in sizes)) for w in weights
    ]
    mean = ("mean", *(f"{sum(w.top1[s] for w in weights) / len(weights):.2f}" for s in sizes))
    return card.table(("network", *(f"{s} px" for s in sizes)), [*rows, mean])


def _help(weights: Sequence[Weights], profiles: Mapping[str, Profile], texts: Mapping[str, str]) -> str:
    known = {key: hits for key, profile in profiles.items() if (hits := profile.hits()) is not None}
    if "tiny_plain" not in known:
        return texts["help unknown"]
    rows = []
    for key in (w.key for w in weights if w.block != "plain" and w.key in known):
        apart = points(known[key], known["tiny_plain"])
        share = f"{100 * known[key].mean():.2f} %"
        rows.append((f"`{key}`", share, f"{_pm(apart, 2)} points", BESIDE_PLAIN[apart.sign]))
    return texts["help"].format(
        seeds=", ".join(map(str, sorted({w.recipe["seed"] for w in weights}))),
        hours=3 * sum(w.seconds for w in weights) / 3600,
        table=card.table(("network", "top-1", "minus plain", "on these pictures"), rows),
        said="; ".join(f"{name}: {verdict}" for name, *_, verdict in rows),
    )


def _alive(profile: Profile, texts: Mapping[str, str]) -> str:
    lives = [life(block, profile.counts) for block in profile.blocks]
    rows = [
        (
            f"`{x.name}`", f"{x.mean:.3f}", f"{x.std:.4f}", f"{100 * x.between:.0f} %", f"{100 * x.still:.0f} %",
            f"{100 * x.saturated:.0f} %", x.verdict if x.verdict is Activity.ALIVE else f"**{x.verdict}**",
        )
        for x in lives
    ]  # fmt: skip
    named = ", ".join(f"`{x.name}` ({x.verdict})" for x in lives if x.verdict is not Activity.ALIVE)
    return texts["alive"].format(
        model=profile.model, good=sum(x.std >= ALIVE for x in lives), count=len(lives), alive=ALIVE,
        lesson=f" Not alive: {named}." if named else " No block is dead or saturated.",
        table=card.table(("block", "mean gate", "mean std", "between classes", "still", "saturated", "verdict"), rows),
    )  # fmt: skip


def _learned(found: Mapping[str, Learning], r: Recipe, texts: Mapping[str, str]) -> str:
    """Return what training did to the gates of every network where it was measured."""
    if not found:
        return ""
    networks = []
    for each in found.values():
        (std, eta2), last_std, last_eta2 = each.start, each.std[-1], each.eta2[-1]
        columns = zip(each.blocks, std, last_std, eta2, last_eta2, strict=True)
        rows = [(f"`{name}`", f"{a:.4f}", f"{b:.4f}", f"{c:.2f}", f"{d:.2f}") for name, a, b, c, d in columns]
        numbers = {
            "strong": (last_std >= STRONG).sum(), "already": (std >= STRONG).sum(), "least": last_std.min(),
            "wider": (last_std > std).sum(), "wiser": (last_eta2 > eta2).sum(),
        }  # fmt: skip
        film = texts["film"].format(epochs=_listed(each.epochs[1:-1]), model=each.model) if len(each.epochs) > 2 else ""
        table = card.table(("block", "mean std before", "after", "η² before", "after"), rows)
        said = {"model": each.model, "count": len(rows), "strongest": STRONG, "film": f" {film}" if film else ""}
        networks.append(texts["learned network"].format(table=table, **said, **numbers))
    chance, faint = max(e.chance for e in found.values()), max(e.std[0].max() for e in found.values())
    return texts["learned"].format(r=r, chance=chance, faint=faint, networks="\n\n".join(networks))


def _listed(each: Iterable[object]) -> str:
    """Return what there is of something as in 1, 2 and 4."""
    *most, last = map(str, each)
    return f"{', '.join(most)} and {last}" if most else last


def said(verdict: kernel_choice.Verdict) -> str:
    """Return a verdict on a unit's choice of kernel in words."""
    if verdict.way is Way.SAME:
        return "no change"
    also = {Cause.UNTRAINED: ", no more than untrained", Cause.BLUR: ", but so it does by blur alone"}
    return verdict.way + ("" if verdict.cause is None else also[verdict.cause])


def _kernels(chosen: Selection, texts: Mapping[str, str]) -> str:
    found, zooms = kernel_choice.verdicts(chosen), [f"{zoom:.1f}x" for zoom in chosen.zooms]
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
    return texts["kernels"].format(
        pictures=chosen.difference.shape[2], least=zooms[0], greatest=zooms[-1], count=len(early), rises=rises,
        falls=falls, others=len(early) - rises - falls, agree="agree" if 2 * rises > len(early) else "do not agree",
        late=", ".join(f"`{c.unit}` {said(c)}" for c in late),
        table=card.table(("unit", *zooms, "change", "blur alone", "untrained", "verdict"), rows),
    )  # fmt: skip


def _best(profile: Profile | None, texts: Mapping[str, str]) -> str:
    hits = None if profile is None else profile.hits()
    if profile is None or hits is None:
        return ""
    share = np.array([100 * hits[profile.truth == k].mean() for k in range(len(profile.classes))])
    order, known = np.argsort(-share, kind="stable"), class_names.called(profile.classes)
    easy, hard = (", ".join(f"{known[k]} ({share[k]:.0f} %)" for k in row) for row in (order[:5], order[:-6:-1]))
    return "\n" + texts["best"].format(easy=easy, hard=hard)


def build(
    weights: Sequence[Weights],
    profiles: Mapping[str, Profile],
    learning: Mapping[str, Learning] | None = None,
    listed: Mapping[str, Record] | None = None,
) -> str:
    """Write the card as Markdown; ``listed``: of each network, how well it notices what it does not know.

    Raises:
        CardRefused: weights, profile and what training did do not belong together, or weights of different recipes.
    """
    size, texts, w = best_size(weights), _texts(), weights[0]
    _check(weights, profiles, size)
    _check_learning(weights, profiles, learning or {})
    listed = {w.key: listed[w.key] for w in weights if w.key in listed} if listed else {}
    _belong(weights, listed)
    r, plain, names = Recipe(**w.recipe), asdict(Recipe()), class_names.called(w.classes)
    ours = {key: w.recipe[key] for key in ("classes", "epochs", "seed")}
    alive = [_alive(profile, texts) for profile in profiles.values() if profile.blocks]
    alive += [_kernels(p.selection, texts) for p in profiles.values() if p.selection is not None]
    text = texts["card"].format(
        w=w, r=r, count=len(weights), size=size, side=r.size, alive=ALIVE, dead=DEAD, extreme=EXTREME,
        networks=_networks(weights, size),
        larger=f" {texts['larger']}" if size > r.size else "",
        sizes=_by_size(weights, size),
        help=_help(weights, profiles, texts),
        networks_alive="\n\n".join(alive),
        learned=_learned(learning or {}, r, texts),
        precision=_listed(sorted({each.precision or "bfloat16" for each in weights})),
        classes=len(names),
        names=", ".join(names),
        early=sum(r.size_at(e) < r.size for e in range(r.epochs)),
        area=100 * r.min_area,
        torch=", ".join(sorted({w.torch for w in weights})),
        options="".join(f" --{key} {value}" for key, value in ours.items() if value != plain[key]),
        best=_best(profiles.get("tiny_se"), texts),
        listed=card.section(listed, texts["listed"]) if listed else "",
        noticed=f" {texts['noticed']}" if listed else "",
        checksums=card.table(("file", "SHA-256"), [(f"`{w.key}.safetensors`", f"`{w.sha256}`") for w in weights]),
    )  # fmt: skip
    return re.sub("\n{3,}", "\n\n", text) + "\n"


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


def _check_learning(weights: Sequence[Weights], profiles: Mapping[str, Profile], found: Mapping[str, Learning]) -> None:
    epochs = {w.key: w.epoch for w in weights}
    for key, each in found.items():
        if key not in epochs:
            raise CardRefused(f"What training did to {key} is here, whose weights are not.")
        apart = np.inf if key not in profiles else np.abs(gate_life.moved(profiles[key])[0] - each.std[-1]).max()
        if each.epochs[-1] != epochs[key] or apart > 0.002:
            raise CardRefused(
                f"The record of what training did to {key} is of other weights: make it again with --film."
            )


def _belong(weights: Sequence[Weights], listed: Mapping[str, Record]) -> None:
    there = {w.key: w.sha256 for w in weights}
    for key, found in listed.items():
        if there.get(key) != found.weights:
            raise CardRefused(f"Whether {key} notices strangers was measured with other weights: run `listed` again.")


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
