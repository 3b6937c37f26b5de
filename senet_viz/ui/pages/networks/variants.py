"""Who is compared with whom: the network on screen with another, with itself changed, or two variants of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from senet_viz.models import catalogue
from senet_viz.networks import registry
from senet_viz.networks.registry import Choice
from senet_viz.service.questions import TraceQuestion
from senet_viz.types import Edit
from senet_viz.ui import models, state
from senet_viz.ui.elements.choices import choose, worded
from senet_viz.ui.pages.networks import costs
from senet_viz.ui.scene import Seen, short
from senet_viz.ui.shown import seen

if TYPE_CHECKING:
    import numpy as np

    from senet_viz.i18n import Texts
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
        return tuple(block.gate[-1].numpy() for block in self.seen.trace.blocks)

    @property
    def pixelwise(self) -> bool:
        """Return whether it has gates, but none that is one number a channel: NoSqueeze."""
        return self.choice.all.get("squeeze") == "none"


def sides(view: Scene) -> tuple[Side, Side]:
    """Ask with whom, and with which options; return what both say."""
    t, key = view.t, view.spec.key
    itself = worded(t, "networks.compare", ("variant", "ones", "random"))
    swapped = SWAPS.get(view.spec.gate_fn, "")
    if swapped:
        words = {"own": costs.said(t, "gate", view.spec.gate_fn), "other": costs.said(t, "gate", swapped)}
        itself["function"] = t("networks.compare.function", **words)
    rivals = {row.key: models.named(t, row) for row in catalogue.MODELS if row.key != key}
    rival = str(choose("rival", itself | rivals, t("networks.compare.rival"), default="tiny_plain"))
    mine = _side(view, view.seen)
    if rival == "variant":
        row = registry.named(key)
        if row is not None:
            return _variants(view, row)
        st.info(t("networks.compare.variant.none", model=view.spec.title))
        easy = catalogue.spec(EASY).title
        take = {"model": EASY, "weights": "random"}
        label = t("networks.compare.variant.take", model=easy)
        st.button(label, on_click=st.session_state.update, kwargs=take, key="take")
        rival = "ones"
    if rival in ("ones", "function"):
        op = "ones" if rival == "ones" else swapped
        title = t("networks.compare.ones.short") if rival == "ones" else costs.said(t, "gate", swapped)
        return mine, _side(view, seen(key, view.weights, tuple(Edit(b, op) for b in view.blocks)), title)
    if rival == "random":
        return mine, _side(view, seen(key, "random"), t("networks.compare.random.short"))
    return mine, _side(view, seen(rival, view.weights))


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
        models.off_list(group[0].seen, view.photo, ", ".join(titles))


def _variants(view: Scene, row: registry.Network) -> tuple[Side, Side]:
    """The released network and one with other gates; random weights, the same wherever no gate is."""
    if st.session_state.get("_varied", row.name) != row.name:
        costs.reset()
    st.session_state["_varied"] = row.name
    choice = costs.options(view, row)
    st.info(view.t("networks.compare.variant.same" if choice.changed else "networks.compare.variant.nothing"))
    pair = (Choice(row.name), choice)
    a, b = (_built(view, row, each) for each in pair)
    return a, b


def _built(view: Scene, row: registry.Network, choice: Choice) -> Side:
    t, changed = view.t, choice.changed
    trace = state.engine().ask(TraceQuestion(choice, view.picture, device=view.device, weights="random"))
    found = Seen(view.lang, view.spec, "random", False, trace)
    where = t(f"position.{row.position}.short")
    if "integration" in changed:
        where = costs.said(t, "integration", changed["integration"])
    words = [_said(t, name, value) for name, value in changed.items()]
    title = " · ".join(words) or t("networks.compare.variant.released")
    if len(words) > MOST:
        st.caption(t("networks.compare.variant.all", said=title))
        title = t("networks.compare.variant.many", n=len(words))
    return Side(title, found, choice, where)


def _said(t: Texts, name: str, value: object) -> str:
    """A changed option in a few words."""
    if name in ("gate", "integration"):
        return costs.said(t, name, value)
    if name == "reduction":
        return f"r = {value}"
    if name == "stages":
        return t("networks.compare.variant.stages", n=costs.said(t, name, value))
    return f"{t(f'networks.cost.{costs.KEYS[name]}')} {costs.said(t, name, value)}"
