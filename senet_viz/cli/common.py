"""What several verbs need: the photo, the network, sentences, tables, bars and slides. One file, so a longer one."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from senet_viz import errors, i18n
from senet_viz.jobs import Progress
from senet_viz.models import catalogue, class_names, load, weight_files

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor, nn

    from senet_viz.drawing.grammar import Figure
    from senet_viz.types import Edit, Picture, Trace

T = TypeVar("T")
TOP = 5
PLAIN = (
    errors.TrainingRefused,
    errors.CardRefused,
    errors.DeckRefused,
    errors.LessonRefused,
    errors.WeightsInvalid,
)  # plain sentences already
WHOLE = ("option.named", "unknown_model.near", "no_scores.apart", "no_film")  # errors whose text says everything
SIDE = 64  # of the pictures that the small networks were trained on


def sentence(error: errors.SenetVizError) -> str:
    """Return what a person reads: the text of that error, where there is one, and what exactly the matter is."""
    message = " ".join(str(error).split())
    if isinstance(error, PLAIN):
        return message
    try:
        text = i18n.text(f"error.{error.code}", i18n.DEFAULT, **error.details)
    except (KeyError, OSError):  # no such text, no text file, a placeholder that this error does not fill
        return message
    whole = isinstance(error, errors.ImageRejected | errors.PhotosRejected | errors.NoGates) or error.code in WHOLE
    return text if whole else f"{text} ({message})"


# --- one photo through one network ----------------------------------------------------------------------------------


def photo(name: str) -> Image:
    """Return the sample of that name, or what the picture file shows: a file goes before a sample."""
    from senet_viz.photos import reading, samples

    if not Path(name).exists() and name in {sample.key for sample in samples.SAMPLES}:
        return samples.sample(name)
    return reading.read(Path(name))


def network(args: argparse.Namespace) -> tuple[catalogue.ModelSpec, nn.Module, bool]:
    """Return what was asked for, and whether it is trained: not with ``--random``, nor where it cannot be."""
    spec = catalogue.spec(args.model)
    trained = not args.random and weight_files.trained(args.model)
    return spec, load.load(args.model, weights="pretrained" if trained else "random"), trained


@dataclass(frozen=True, eq=False)
class Look:
    """A look holds one photo and the network that looks at it."""

    name: str  # of the photo
    spec: catalogue.ModelSpec
    module: nn.Module
    trained: bool
    picture: Picture

    @property
    def head(self) -> dict[str, Any]:
        """Return the fields with which every answer in JSON begins."""
        return {"model": self.spec.key, "trained": self.trained, "picture": self.picture.key}

    @property
    def title(self) -> str:
        """Return the first line of an answer: the network, and whether it is untrained."""
        return self.spec.key if self.trained else f"{self.spec.key} (UNTRAINED: its answers mean nothing)"

    @property
    def in_list(self) -> bool | None:
        """Tell whether what the photo shows is one of the network's classes; None where nobody can say."""
        from senet_viz.photos import samples

        return class_names.knows(self.spec, None if Path(self.name).exists() else samples.shows(self.name))

    def listed(self, trace: Trace) -> bool | None:
        """Tell whether the network's own score takes the photo for one of its classes; None where it has no score."""
        from senet_viz.open_set import record

        return record.familiar(self.spec.key, trace) if self.trained else None

    def strange(self, trace: Trace) -> list[str]:
        """Return the line that goes before an answer to a photo that is nothing the network knows; () of any other."""
        return [f"  {i18n.text('listed.no', i18n.DEFAULT)}"] if self.listed(trace) is False else []

    def off_list(self, trace: Trace) -> list[str]:
        """Return the line that says that the photo is none of the classes, or may be; of untrained networks none."""
        known, t = self.in_list, i18n.texts(i18n.DEFAULT)
        if known or not self.trained or (known is None and self.listed(trace) is False):
            return []
        key, what = ("knows.stranger", {}) if known is None else ("knows.off", {"what": t(f"sample.{self.name}")})
        return [f"  {t(key, n=class_names.count(self.spec), **what).replace('*', '')}"]

    def trace(self, edits: Sequence[Edit] = ()) -> Trace:
        """Return the photo's trace through the network, its gates edited."""
        from senet_viz.tap import hooks

        return hooks.run(self.module, self.picture.x, edits, model=self.spec.key, picture_key=self.picture.key)

    def shares(self, trace: Trace) -> Tensor:
        """Return the probability (K,) of every class."""
        return trace.logits if self.spec.independent else trace.logits.softmax(0)

    def top(self, trace: Trace, before: Trace | None = None) -> list[dict[str, Any]]:
        """Return the likeliest classes, each with its name, its probability, and how that changed since ``before``."""
        names, share = class_names.names(self.spec), self.shares(trace)
        best = share.topk(min(TOP, len(share))).indices.tolist()
        rows = [{"name": names[i], "probability": float(share[i])} for i in best]
        if before is not None:
            change = share - self.shares(before)
            rows = [{**row, "change": float(change[i])} for row, i in zip(rows, best, strict=True)]
        return rows


def look(args: argparse.Namespace) -> Look:
    """Return the photo and the network that were asked for."""
    from senet_viz.photos import preprocess

    spec, module, trained = network(args)
    return Look(args.photo, spec, module, trained, preprocess.preprocess(photo(args.photo), spec))


def block(name: str, names: Sequence[str], spec: catalogue.ModelSpec) -> str:
    """Return the name of a block, which must be one of ``names``.

    Raises:
        NoGateFound: it is none.
    """
    if name not in names:
        raise errors.NoGateFound(f"{spec.key} has no block {name}; it has {', '.join(names)}", name=name)
    return name


# --- several networks -----------------------------------------------------------------------------------------------


def gated(key: str) -> None:
    """Refuse a network whose gates are asked for and that has none.

    Raises:
        NoGates: it has none.
        UnknownModel: there is no such network.
    """
    if not catalogue.spec(key).blocks:
        raise errors.NoGates(key)


def shipped(with_gates: bool = False) -> list[str]:
    """Return the keys of the small networks that are trained, or of those of them that have gates.

    Raises:
        WeightsUnavailable: there is none.
    """
    there = [key for key in catalogue.OURS if weight_files.available(key) == "shipped"]
    keys = [key for key in there if catalogue.spec(key).blocks or not with_gates]
    if not keys:
        raise errors.WeightsUnavailable("no trained small network is here yet: train them first")
    return keys


def record(read: Callable[[Path], dict[str, T]], file: Path | None) -> dict[str, T]:
    """Return what a record holds by model; of a file that is not there yet nothing."""
    return read(file) if file is not None and file.is_file() else {}


# --- what is written ------------------------------------------------------------------------------------------------


def show(args: argparse.Namespace, answer: Any, lines: Iterable[str], **how: Any) -> None:
    """Print an answer: with ``--json`` every number (``how``: see ``json.dumps``), else its lines."""
    print(json.dumps(answer, **{"ensure_ascii": False, **how}) if args.json else "\n".join(lines))


def table(rows: Sequence[Sequence[str]], numbers: bool = False) -> list[str]:
    """Return rows as lines, their columns aligned: to the left; of ``numbers`` all but the first to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    sides = [str.ljust, *[str.rjust if numbers else str.ljust] * (len(widths) - 1)]
    return ["  ".join(s(c, w) for s, c, w in zip(sides, row, widths, strict=True)).rstrip() for row in rows]


@contextmanager
def bar(name: str, quiet: bool) -> Iterator[Progress]:
    """Give what shows on stderr how far work is; another piece of work begins where less is done than before."""
    from tqdm.auto import tqdm

    with tqdm(desc=name, mininterval=1, disable=quiet) as drawn:

        def told(done: int, total: int) -> None:
            if done < drawn.n:
                drawn.reset()
            drawn.total = total
            drawn.update(done - drawn.n)

        yield told


def skipped(file: Path, error: errors.ImageRejected) -> None:
    """Say on stderr, above any bar, why a file is left out."""
    from tqdm.auto import tqdm

    tqdm.write(f"{file}: {sentence(error)}", file=sys.stderr)


def write(file: Path, data: bytes) -> None:
    """Write a file and print where it lies."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
    print(file)


def write_slide(file: Path, build: Callable[[i18n.Texts], Figure], trained: bool, lang: str, **source: str) -> None:
    """Write a figure into a file of the kind that its name says, and print where it lies.

    ``source`` names what the figure was made of. One of an untrained network is marked.
    """
    from senet_viz.drawing.renderers import slides

    slide = slides.render(partial(_drawn, build, trained, source), file.suffix[1:].lower(), lang)
    write(file, slide.data)


def _drawn(build: Callable[[i18n.Texts], Figure], trained: bool, source: dict[str, str], lang: str) -> Figure:
    from senet_viz.photos import samples

    t = i18n.texts(lang)
    figure = replace(build(t), source=samples.source(t, **source))
    return figure if trained else figure.marked(t("model.untrained"))
