"""Watch a network decide which channels matter: the public interface, described in docs/api.md.

``import senet_viz`` loads neither torch nor numpy: a name brings its module when it is used first (PEP 562).
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING

# Two torch threads of one forward wait for each other after every layer. By default they wait by spinning, for so long
# that any third thread on the machine makes a 20 ms forward take up to a second. It is read when torch is imported.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")

if TYPE_CHECKING:  # the same names as in _PLACES, for type checkers and editors
    from senet_viz.errors import (
        Busy,
        CardRefused,
        DeviceUnavailable,
        EditRefused,
        ImageRejected,
        NoClassScores,
        NoGateFound,
        NoGates,
        NotAHost,
        OptionRefused,
        PhotosRejected,
        SenetVizError,
        Stopped,
        TrainingRefused,
        UnknownModel,
        WeightsInvalid,
        WeightsUnavailable,
    )
    from senet_viz.experiments.channel_ranking import ranking as rank_channels
    from senet_viz.experiments.scale_sweep import scale_sweep
    from senet_viz.models.catalogue import MODELS, spec
    from senet_viz.models.load import load
    from senet_viz.networks.variants import build
    from senet_viz.photos.preprocess import preprocess
    from senet_viz.photos.reading import read
    from senet_viz.photos.samples import sample
    from senet_viz.public import attribute
    from senet_viz.tap.edits import OPS
    from senet_viz.tap.hooks import run as trace
    from senet_viz.tap.hooks import run_batch as trace_batch
    from senet_viz.tap.layouts import find
    from senet_viz.tap.replay import replay
    from senet_viz.types import BlockRef, BlockTrace, Edit, Picture, Trace

__all__ = [
    "MODELS",
    "OPS",
    "BlockRef",
    "BlockTrace",
    "Busy",
    "CardRefused",
    "DeviceUnavailable",
    "Edit",
    "EditRefused",
    "ImageRejected",
    "NoClassScores",
    "NoGateFound",
    "NoGates",
    "NotAHost",
    "OptionRefused",
    "PhotosRejected",
    "Picture",
    "SenetVizError",
    "Stopped",
    "Trace",
    "TrainingRefused",
    "UnknownModel",
    "WeightsInvalid",
    "WeightsUnavailable",
    "attribute",
    "build",
    "find",
    "load",
    "preprocess",
    "rank_channels",
    "read",
    "replay",
    "sample",
    "scale_sweep",
    "spec",
    "trace",
    "trace_batch",
]

# Where a name is, and what it is called there; a name that is missing here is one of ``errors``.
_PLACES = {
    "MODELS": ("models.catalogue", "MODELS"),
    "OPS": ("tap.edits", "OPS"),
    "BlockRef": ("types", "BlockRef"),
    "BlockTrace": ("types", "BlockTrace"),
    "Edit": ("types", "Edit"),
    "Picture": ("types", "Picture"),
    "Trace": ("types", "Trace"),
    "attribute": ("public", "attribute"),
    "build": ("networks.variants", "build"),
    "find": ("tap.layouts", "find"),
    "load": ("models.load", "load"),
    "preprocess": ("photos.preprocess", "preprocess"),
    "rank_channels": ("experiments.channel_ranking", "ranking"),
    "read": ("photos.reading", "read"),
    "replay": ("tap.replay", "replay"),
    "sample": ("photos.samples", "sample"),
    "scale_sweep": ("experiments.scale_sweep", "scale_sweep"),
    "spec": ("models.catalogue", "spec"),
    "trace": ("tap.hooks", "run"),
    "trace_batch": ("tap.hooks", "run_batch"),
}


def __getattr__(name: str) -> object:
    """Return a public name, and keep it: the next use finds it without asking here."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, own = _PLACES.get(name, ("errors", name))
    found: object = getattr(import_module(f"{__name__}.{module}"), own)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    """Return the public names, those that nobody has used yet too."""
    return sorted({*globals(), *__all__})
