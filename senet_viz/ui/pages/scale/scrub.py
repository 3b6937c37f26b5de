"""The scrubber: a whole film in the browser, so that moving through it asks nobody. See ``scrub.js``."""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from senet_viz.drawing import palette
from senet_viz.drawing.grammar import Table
from senet_viz.drawing.renderers.screen import photo_url
from senet_viz.experiments.scale_sweep import Sweep
from senet_viz.figures.pieces import times
from senet_viz.findings import scale_response
from senet_viz.i18n import Texts
from senet_viz.photos.scale import Kind
from senet_viz.types import Picture, Trace
from senet_viz.ui import models
from senet_viz.ui.elements import boards
from senet_viz.ui.elements.choices import worded
from senet_viz.ui.elements.components import component, packed
from senet_viz.ui.scene import Scene, short
from senet_viz.ui.takeaway import numbers
from senet_viz.ui.work import PATIENCE_S, Bar

SCALES = (0.5, 0.6, 0.7, 0.85, 1.0, 1.25, 1.5, 1.75, 2.0)
FRAME = 192  # a larger photo is made smaller for the browser: nobody sees the difference at 15 rem
ROLES = ("gate", "pinned", "grid", "ink")


OWN = ("scale",)  # of the address: what the browser keeps itself


def scrubber(view: Scene, sweep: Sweep, kind: str, blur: float, every: bool) -> None:
    """Draw photo, gates, the pinned channel's curve, bars and answers, all following one slider.

    ``every``: the gates of every block instead of those of the block on screen alone.
    """
    names = view.blocks if every else (view.name,)
    numbers.note("scrub-answers", lambda t: [_answers(view, sweep, t)])
    mount(view, names, partial(_data, view, sweep, names), kind, blur, sweep.scales, every)


def mount(view: Scene, names: Sequence[str], make: Callable[[], dict[str, Any]], *key: Hashable) -> None:
    """Mount the scrubber with what ``make`` gives, which ``key`` names besides the scene.

    ``names``: of the blocks whose gates it shows.
    """
    boards.pin(view)
    data = view.drawn(lambda: json.dumps(make()).encode(), "scrub", view.lang, view.dark, *key)
    component("scrub")(key="scrub", data=data, on_picked_change=partial(_picked, tuple(names)))
    models.off_list(view.seen, view.photo)


def gated(view: Scene, gates: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Return what any film says of gates: those of every block, (frames, C), and how they look."""
    blocks = [
        {"name": name, "label": short(name), "gates": packed(each.ravel(), short=True)} for name, each in gates.items()
    ]
    return {
        "blocks": blocks,
        "ramp": [[int(stop[i : i + 2], 16) for i in (1, 3, 5)] for stop in palette.stops("gate")],
        "colours": {role: palette.role(role, view.dark) for role in ROLES},
        "symbol": view.symbol(len(view.gate) - 1),
        **worded(view.t, "scrub", ("play", "pause")),
        "noun": view.t("channel.noun"),
    }


def _data(view: Scene, sweep: Sweep, names: Sequence[str]) -> dict[str, Any]:
    t, shown = view.t, [times(scale) for scale in sweep.scales]
    return {
        "axis": "scale",
        "base": sweep.scales.index(1.0),
        "scales": shown,
        "values": [f"{scale:g}" for scale in sweep.scales],
        "captions": [
            t("scrub.now", scale=label, w=p.shown.shape[1], h=p.shown.shape[0])
            for label, p in zip(shown, sweep.pictures, strict=True)
        ],
        "frames": [frame(picture) for picture in sweep.pictures],
        "scores": [scores(view, trace) for trace in sweep.traces],
        "said": [said(view, trace) for trace in sweep.traces],
        **gated(view, {name: scale_response.gates(sweep, name) for name in names}),
        **worded(t, "scrub", ("label", "what", "alt")),
    }


def frame(picture: Picture) -> str:
    """Return what the network sees as an address that holds it."""
    return photo_url(_small(picture.shown))


def _small(shown: np.ndarray) -> np.ndarray:
    from PIL import Image

    side = shown.shape[0]
    return shown if side <= FRAME else np.asarray(Image.fromarray(shown).resize((FRAME, FRAME)))


def scores(view: Scene, trace: Trace) -> list[dict[str, Any]]:
    """Return the answer of a trace of the network on screen, as the browser lists it."""
    best = replace(view.seen, trace=trace).top()
    return [{"label": name, "share": share, "text": f"{share:.1%}"} for name, share in best]


def _answers(view: Scene, sweep: Sweep, t: Texts) -> numbers.Sheet:
    """Return the likeliest classes at every scale as a sheet of the archive."""
    pairs = zip(sweep.scales, sweep.traces, strict=True)
    rows = ((scale, each["label"], each["share"]) for scale, trace in pairs for each in scores(view, trace))
    table = Table(("scale", "class", "probability"), tuple(rows))
    return numbers.Sheet("scrub-answers", t("numbers.answer"), t("numbers.answer.scales"), table)


def said(view: Scene, trace: Trace) -> str:
    """Return what is said above the answers at one scale: that the photo is nothing the network knows."""
    return view.t("listed.no") if replace(view.seen, trace=trace).familiar is False else ""


def _picked(names: tuple[str, ...]) -> None:
    """Pin the channel of the strip that was clicked, and open its block."""
    value = st.session_state["scrub"].get("picked")
    if value:
        st.session_state["channel"], st.session_state["block"] = int(value["channel"]), names[int(value["row"])]


def swept(view: Scene, scales: tuple[float, ...], kind: Kind, blur: float = 0.0) -> Sweep:
    """Return the sweep of this scene; where it takes long it says how far it is, and a stop keeps what is there.

    Ends the page where not even the photo's own scale is there yet.
    """
    t = view.t

    def words(done: int, total: int) -> str:
        return t("sweep.progress", done=done, total=total)

    bar = Bar(words, PATIENCE_S, f"sweep-{kind}-{blur:g}", about=view.key, stop=t("sweep.stop"))
    with bar:
        found = view.sweep(scales, kind, blur, progress=bar)
    if len(found.scales) < len(scales):
        st.warning(t("sweep.partial", done=len(found.scales), total=len(scales)))
        bar.go_on(t("sweep.go_on"), icon=None)
    if 1.0 not in found.scales:
        st.stop()
    return found
