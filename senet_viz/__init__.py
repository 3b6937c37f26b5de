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
        DeckRefused,
        DeviceUnavailable,
        EditRefused,
        EngineAway,
        ImageRejected,
        LessonRefused,
        ModelTooLarge,
        NoClassScores,
        NoFilm,
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
    )  # fmt: skip
    from senet_viz.experiments.attribution import attribute
    from senet_viz.experiments.channel_ranking import ranking as rank_channels
    from senet_viz.experiments.scale_sweep import scale_sweep
    from senet_viz.models.catalogue import MODELS, spec
    from senet_viz.models.load import load
    from senet_viz.networks.variants import build
    from senet_viz.photos.preprocess import preprocess
    from senet_viz.photos.reading import read
    from senet_viz.photos.samples import sample
    from senet_viz.tap.edits import OPS
    from senet_viz.tap.hooks import run as trace
    from senet_viz.tap.hooks import run_batch as trace_batch
    from senet_viz.tap.layouts import find
    from senet_viz.tap.replay import replay
    from senet_viz.types import BlockRef, BlockTrace, Edit, Picture, Trace

__all__ = [
    "MODELS", "OPS", "BlockRef", "BlockTrace", "Busy", "CardRefused", "DeckRefused", "DeviceUnavailable", "Edit",
    "EditRefused", "EngineAway", "ImageRejected", "LessonRefused", "ModelTooLarge", "NoClassScores", "NoFilm",
    "NoGateFound", "NoGates", "NotAHost", "OptionRefused", "PhotosRejected", "Picture", "SenetVizError", "Stopped",
    "Trace", "TrainingRefused", "UnknownModel", "WeightsInvalid", "WeightsUnavailable", "attribute", "build", "find",
    "load", "preprocess", "rank_channels", "read", "replay", "sample", "scale_sweep", "spec", "trace", "trace_batch",
]  # fmt: skip

# Where a name is, and what it is called there where that is something else; one that is missing is of ``errors``.
_PLACES = {
    "MODELS": "models.catalogue",
    "OPS": "tap.edits",
    "attribute": "experiments.attribution",
    "build": "networks.variants",
    "find": "tap.layouts",
    "load": "models.load",
    "preprocess": "photos.preprocess",
    "rank_channels": "experiments.channel_ranking",
    "read": "photos.reading",
    "replay": "tap.replay",
    "sample": "photos.samples",
    "scale_sweep": "experiments.scale_sweep",
    "spec": "models.catalogue",
    "trace": "tap.hooks",
    "trace_batch": "tap.hooks",
    **dict.fromkeys(("BlockRef", "BlockTrace", "Edit", "Picture", "Trace"), "types"),
}
_CALLED = {"rank_channels": "ranking", "trace": "run", "trace_batch": "run_batch"}


def __getattr__(name: str) -> object:
    """Return a public name, and keep it: the next use finds it without asking here."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = import_module(f"{__name__}.{_PLACES.get(name, 'errors')}")
    found: object = getattr(module, _CALLED.get(name, name))
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    """Return the public names, those that nobody has used yet too."""
    return sorted({*globals(), *__all__})
