"""What several verbs need: the photo, the network, the sentences and the slides."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from senet_viz import i18n
from senet_viz.errors import (
    CardRefused,
    ImageRejected,
    NoGates,
    PhotosRejected,
    SenetVizError,
    TrainingRefused,
    WeightsInvalid,
)
from senet_viz.models import catalogue, load, weight_files

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import nn

    from senet_viz.drawing.grammar import Figure

OURS = ("tiny_plain", "tiny_se", "tiny_se_h", "tiny_sk")
TOP = 5
SIDE = 64  # of the pictures that the small networks were trained on


def sentence(error: SenetVizError) -> str:
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


def photo(name: str) -> Image:
    """Return the sample of that name, or what the picture file shows: a file goes before a sample."""
    from senet_viz.photos import reading, samples

    if not Path(name).exists() and name in {sample.key for sample in samples.SAMPLES}:
        return samples.sample(name)
    return reading.read(Path(name))


def in_list(photo: str, spec: catalogue.ModelSpec) -> bool | None:
    """Return whether what the photo shows is one of the network's classes; None where nobody can say."""
    from senet_viz.models import class_names
    from senet_viz.photos import samples

    return class_names.knows(spec, None if Path(photo).exists() else samples.shows(photo))


def off_list(photo: str, spec: catalogue.ModelSpec, trained: bool) -> list[str]:
    """Return the line that says that the photo is none of the classes, or may be none; of untrained networks none."""
    from senet_viz.models import class_names

    known = in_list(photo, spec)
    if known or not trained:
        return []
    if known is None:
        said = i18n.text("knows.stranger", i18n.DEFAULT, n=class_names.count(spec))
    else:
        said = i18n.text(
            "knows.off", i18n.DEFAULT, what=i18n.text(f"sample.{photo}", i18n.DEFAULT), n=class_names.count(spec)
        )
    return [f"  {said.replace('*', '')}"]


def network(args: argparse.Namespace) -> tuple[catalogue.ModelSpec, nn.Module, bool]:
    """The network that was asked for, and whether it is trained: not with ``--random``, nor where it cannot be."""
    spec = catalogue.spec(args.model)
    trained = not args.random and weight_files.trained(args.model)
    return spec, load.load(args.model, weights="pretrained" if trained else "random"), trained


def gated(key: str) -> None:
    """Refuse a network whose gates are asked for and that has none.

    Raises:
        NoGates: it has none.
        UnknownModel: there is no such network.
    """
    if not catalogue.spec(key).blocks:
        raise NoGates(key)


def write_slide(file: Path, build: Callable[[i18n.Texts], Figure], trained: bool, lang: str, **source: str) -> None:
    """Write a figure into a file of the kind that its name says, and print where it lies.

    ``source`` names what the figure was made of. One of an untrained network is marked.
    """
    from senet_viz.drawing.renderers import slides

    slide = slides.render(partial(_drawn, build, trained, source), file.suffix[1:].lower(), lang)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(slide.data)
    print(file)


def _drawn(build: Callable[[i18n.Texts], Figure], trained: bool, source: dict[str, str], lang: str) -> Figure:
    from senet_viz.photos import samples

    t = i18n.texts(lang)
    figure = replace(build(t), source=samples.source(t, **source))
    return figure if trained else figure.marked(t("model.untrained"))
