"""Who is compared with whom: the network on screen with another, with itself changed, or two variants of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from senet_viz.models import catalogue
from senet_viz.networks import registry
from senet_viz.networks.registry import Choice
from senet_viz.service.questions import TraceQuestion
from senet_viz.types import Edit
from senet_viz.ui import models, state
from senet_viz.ui.elements.choices import choose, worded
from senet_viz.ui.pages.networks import options
from senet_viz.ui.scene import Seen, short
from senet_viz.ui.shown import seen

if TYPE_CHECKING:
    import numpy as np

    from senet_viz.ui.scene import Scene

SWAPS = {"sigmoid": "h_sigmoid", "h_sigmoid": "sigmoid"}  # the logits stay, as they were learnt
MOST = 2  # changed options that a figure's legend has room for
EASY = "mobilenet_v3_small"  # has options, and is quick


@dataclass(frozen=True, eq=False)
class Side:
    """One of the two: what it says about the photo, what it costs, where its gates sit."""

    title: str
    seen: Seen
    choice: Choice
    where: str

    @property
    def blocks(self) -> tuple[str, ...]:
        """Return the names of its blocks."""
        return tuple(short(block.name) for block in self.seen.trace.blocks)

    @property
    def gates(self) -> tuple[np.ndarray, ...]:
        """Return the gate (C,) of every block; of those that choose between branches, the last one's."""
        return tuple(np.asarray(block.gate[-1]) for block in self.seen.trace.blocks)

    @property
    def pixelwise(self) -> bool:
        """Return whether it has gates, but none that is one number a channel: NoSqueeze."""
        return self.choice.all.get("squeeze") == "none"


def sides(view: Scene) -> tuple[Side, Side, tuple[str, ...]]:
    """Ask with whom, and with which options.

    Returns:
        What both say, and what a reader must know of how they differ.
    """
    t, key = view.t, view.spec.key
    itself = worded(t, "networks.compare", ("variant", "ones", "random"))
    swapped = SWAPS.get(view.spec.gate_fn, "")
    if swapped:
        words = {"own": options.said(t, "gate", view.spec.gate_fn), "other": options.said(t, "gate", swapped)}
        itself["function"] = t("networks.compare.function", **words)
    rivals = {row.key: models.named(t, row) for row in catalogue.MODELS if row.key != key}
    every = itself | rivals
    rival, row = str(state.keep("rival", every, "tiny_plain")), registry.named(key)
    ask = partial(choose, "rival", every, t("networks.compare.rival"), "tiny_plain")
    if rival == "variant" and row is not None:
        return _variants(view, row, ask)
    ask()
    mine = _side(view, view.seen)
    if rival == "variant":
        st.info(t("networks.compare.variant.none", model=view.spec.title))
        easy = catalogue.spec(EASY).title
        take = {"model": EASY, "weights": "random"}
        label = t("networks.compare.variant.take", model=easy)
        st.button(label, on_click=st.session_state.update, kwargs=take, key="take")
        rival = "ones"
    if rival in ("ones", "function"):
        op = "ones" if rival == "ones" else swapped
        title = t("networks.compare.ones.short") if rival == "ones" else options.said(t, "gate", swapped)
        return mine, _side(view, seen(key, view.weights, tuple(Edit(b, op) for b in view.blocks)), title), ()
    if rival == "random":
        return mine, _side(view, seen(key, "random"), t("networks.compare.random.short")), ()
    return mine, _side(view, seen(rival, view.weights)), ()


def _side(view: Scene, found: Seen, title: str = "") -> Side:
    where = view.t(f"position.{found.spec.position}.short")
    return Side(title or found.spec.title, found, Choice(found.spec.key), where)


def off_list(view: Scene, pair: tuple[Side, Side]) -> None:
    """Say of each list of classes that the photo is none of them, or may be none: once where both have one list."""
    lists: dict[tuple[str, ...], list[Side]] = {}
    for side in pair:
        if side.seen.trained:
            lists.setdefault(side.seen.classes, []).append(side)
    for group in lists.values():
        titles = dict.fromkeys(side.seen.spec.title for side in group)
        nearest = {side.title: side.seen.nearest for side in group if side.seen.nearest}
        said = " ".join(f"{title}: {said}" if len(group) > 1 else said for title, said in nearest.items())
        strange = next((side for side in group if side.seen.nearest), group[0])
        models.off_list(strange.seen, view.photo, ", ".join(titles), said)


def _variants(view: Scene, row: registry.Network, ask: Callable[[Any], object]) -> tuple[Side, Side, tuple[str, ...]]:
    """Return the released network and one with other gates; random weights, the same wherever no gate is."""
    if st.session_state.get("_varied", row.name) != row.name:
        options.reset()
    st.session_state["_varied"] = row.name
    t, choice = view.t, options.every(view, row, row.options, ask)
    words = options.changed(t, choice)
    title, notes = (
        " · ".join(words),
        [t("networks.compare.variant.same" if words else "networks.compare.variant.nothing")],
    )
    if len(words) > MOST:
        notes.append(t("networks.compare.variant.all", said=title))
        title = t("networks.compare.variant.many", n=len(words))
    released = t("networks.compare.variant.released")
    return _built(view, row, Choice(row.name), released), _built(view, row, choice, title or released), tuple(notes)


def _built(view: Scene, row: registry.Network, choice: Choice, title: str) -> Side:
    trace = replace(view, weights="random").ask(TraceQuestion(choice, view.picture))
    place = choice.changed.get("integration")
    where = options.said(view.t, "integration", place) if place else view.t(f"position.{row.position}.short")
    return Side(title, Seen(view.lang, view.spec, "random", False, trace), choice, where)
