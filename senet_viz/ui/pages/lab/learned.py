"""The film of a training: one photo through a network at every epoch that was kept, and what validation pictures say.

A network whose training left no film gives its place to one that has some.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import numpy as np
import streamlit as st

from senet_viz.drawing import palette
from senet_viz.errors import NoFilm
from senet_viz.figures.lab import learning
from senet_viz.findings import gate_life
from senet_viz.findings.gate_life import Learning
from senet_viz.models import catalogue, weight_files
from senet_viz.service.cache import Once
from senet_viz.service.questions import TraceQuestion
from senet_viz.types import Trace
from senet_viz.ui.elements.choices import worded
from senet_viz.ui.pages.scale import scrub
from senet_viz.ui.scene import Scene
from senet_viz.ui.shown import clamped, scene, scene_of

OWN = ("epoch",)  # of the address: what the browser keeps itself
FILMED = "tiny_se"  # shown where the sidebar's network has no film


@Once
def measured() -> dict[str, Learning]:
    """Return what training did to the gates of the shipped networks; nothing where that was not measured."""
    return gate_life.read() if gate_life.FILE.is_file() else {}


@dataclass(frozen=True, eq=False)
class Film:
    """A film holds one photo's traces through a network at E epochs of its training, and what else is known of them."""

    view: Scene
    epochs: tuple[int, ...]  # 0 is before training, the last is the network of all other pages

    @cached_property
    def traces(self) -> tuple[Trace, ...]:
        """One trace an epoch; asked before, they cost nothing."""
        asked = TraceQuestion(self.view.spec.key, self.view.picture)
        return tuple(replace(self.view, weights=f"epoch-{epoch}").ask(asked) for epoch in self.epochs)

    def gates(self, block: str) -> np.ndarray:
        """Return the gates (E, C) of a block, of SK's branches the last one's."""
        return np.stack([np.asarray(trace.block(block).gate)[-1] for trace in self.traces])

    @property
    def learning(self) -> Learning | None:
        """What validation pictures say of these epochs, where that was measured."""
        found = measured().get(self.view.spec.key)
        return found if found is not None and found.epochs == self.epochs else None

    @property
    def answers(self) -> list[tuple[str, float]]:
        """The likeliest class of every epoch, with its probability."""
        view = self.view

        def said() -> list[tuple[str, float]]:
            return [replace(view.seen, trace=trace).top(1)[0] for trace in self.traces]

        return view.drawn(said, "answers", self.epochs, view.lang)


def film(view: Scene) -> Film:
    """Return the film of the network on screen.

    Raises:
        NoFilm: its training left none.
    """
    epochs = weight_files.film(view.spec.key) if view.trained else ()
    if not epochs:
        raise NoFilm(view.spec.title)
    return Film(view, epochs)


def stand_in() -> Scene:
    """Return what the sidebar asks for; where its training left no film, a network whose training did."""
    view = scene()
    if (view.trained and weight_files.film(view.spec.key)) or not weight_files.film(FILMED):
        return view
    return clamped(scene_of(FILMED, "pretrained", st.session_state.get("block")))


def accuracy() -> dict[str, tuple[float, ...]]:
    """Return the accuracy of every small network whose file says it, in percent after 0, 1, 2, ... epochs."""
    about = {key: weight_files.shipped(key) for key in catalogue.OURS}
    return {key: each.top1_by_epoch for key, each in about.items() if each is not None and each.top1_by_epoch}


def side(view: Scene) -> int:
    """Return at how many pixels a side ``accuracy`` was measured."""
    about = weight_files.shipped(view.spec.key)
    return int(about.recipe["shown"]) if about else 0


def scrubber(found: Film, told: bool) -> None:
    """Draw gates, answers and accuracy of every epoch, all following one slider; ``told``: and what blocks know."""
    key: tuple[Hashable, ...] = ("learning", found.epochs, told)
    scrub.mount(found.view, found.view.blocks, partial(_data, found, told), *key)


def _data(found: Film, told: bool) -> dict[str, Any]:
    view, t, last = found.view, found.view.t, found.epochs[-1]
    data = {
        "axis": OWN[0],
        "base": len(found.epochs) - 1,
        "start": 0,
        "scales": [str(epoch) for epoch in found.epochs],
        "values": [str(epoch) for epoch in found.epochs],
        "captions": [
            t("lab.learning.now", epoch=e, last=last) if e else t("lab.learning.now.untrained") for e in found.epochs
        ],
        "frames": [scrub.frame(view.picture)],
        "scores": [scrub.scores(view, trace) for trace in found.traces],
        "said": [*("" for _ in found.traces[1:]), scrub.said(view, found.traces[-1])],  # of the last alone it is known
        "curves": _curves(found),
        "rate": t("lab.learning.rate"),
        **scrub.gated(view, {name: found.gates(name) for name in view.blocks}),
        **worded(t, "lab.learning", ("label", "what", "alt")),
    }
    if told and found.learning is not None:
        for block, rates in zip(data["blocks"], found.learning.eta2.T, strict=True):
            block["rates"] = rates.round(4).tolist()
    return data


def _curves(found: Film) -> dict[str, Any] | None:
    """Return the accuracy of the small networks, as ``drawLines`` of ``plots.js`` takes it; None where none is known.

    Columns of a film are no even steps: between two of them an epoch has its place by proportion.
    """
    known, columns = accuracy(), range(len(found.epochs))
    if not known:
        return None
    lines = []
    for key, top1 in known.items():
        colour, every = palette.role(learning.COLOURS[key], found.view.dark), np.arange(len(top1))
        lines.append(
            {
                "label": key,
                "colour": colour,
                "x": np.interp(every, found.epochs, columns).round(3).tolist(),
                "y": top1,
                "now": np.interp(found.epochs, every, top1).tolist(),
                "main": key == found.view.spec.key,
            }
        )
    top = 10 * int(np.ceil(max(max(top1) for top1 in known.values()) / 10))
    return {"label": found.view.t("lab.learning.curves", size=side(found.view)), "top": top, "lines": lines}
