"""The controls of a network's gates: every option is a choice that lives in the URL, whether it is on screen or not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

from senet_viz.architecture import prices
from senet_viz.networks.registry import NAMED, Choice
from senet_viz.ui import state
from senet_viz.ui.elements import choices

if TYPE_CHECKING:
    from senet_viz.i18n import Texts
    from senet_viz.networks.registry import Network, Option
    from senet_viz.ui.scene import Scene

# Key in the URL of every option, how wide its control is, and on which line it stands.
KEYS = {
    "reduction": "r", "gate": "gate", "bias": "bias", "stages": "stages", "integration": "integration",
    "squeeze": "squeeze", "form": "form", "floor": "floor", "branches": "branches",
}  # fmt: skip
_LINES = (("reduction",), ("stages", "integration", "floor"), ("squeeze", "form", "bias", "gate", "branches"))
_WIDTHS = {"reduction": 9, "stages": 16, "integration": 9, "floor": 9, "squeeze": 8, "form": 10, "bias": 5, "gate": 6,
           "branches": 7}  # fmt: skip
_FUNCTIONS = {"h_sigmoid": "h-sigmoid", "relu": "ReLU"}  # names that no language changes


def reset() -> None:
    """Begin with another network's released gates."""
    state.forget(KEYS.values())


def network(view: Scene) -> Choice:
    """Let choose a network and its r; ``rest`` draws the controls of the other options, whose values hold anyway."""
    t, names = view.t, prices.names()
    left, right = st.columns([9, 19])
    net = str(choices.choose("net", names, t("networks.cost.net"), prices.DEFAULT, left, reset))
    row = NAMED.get(net)
    if row is None:
        right.caption(t("networks.cost.net.fixed", net=names[net]))
        return Choice(net)
    chosen = {option.name: _kept(t, option) for option in row.options if option.name != "reduction"}
    with right:
        return Choice(net).but(reduction=_ask(t, row.option("reduction")), **chosen)


def rest(view: Scene, row: Network) -> None:
    """Draw the controls of all options but r."""
    every(view, row, [option for option in row.options if option.name != "reduction"])


def every(view: Scene, row: Network, options: Sequence[Option], first: Callable[[Any], object] | None = None) -> Choice:
    """Draw these options of that network as controls; ``first`` draws one more, before them."""
    t, offered, chosen = view.t, {option.name: option for option in options}, dict[str, Any]()
    for line in _LINES:
        there = [name for name in line if name in offered]
        lead = [9] if first is not None and line is _LINES[0] else []
        if not there:
            continue
        columns = st.columns([*lead, *(_WIDTHS[name] for name in there)])
        if lead and first is not None:
            first(columns[0])
        for column, name in zip(columns[len(lead) :], there, strict=True):
            with column:
                chosen[name] = _ask(t, offered[name])
    return Choice(row.name).but(**chosen)


def _ask(t: Texts, option: Option) -> Any:
    """Draw one control; lists that open where words would not fit beside each other."""
    take = choices.choose if option.name in ("gate", "integration") else choices.pick
    key, words, default = _control(t, option)
    return _meant(option, take(key, words, t(f"networks.cost.{key}"), default))


def _kept(t: Texts, option: Option) -> Any:
    """Return the value of an option whose control may not be on screen."""
    return _meant(option, state.keep(*_control(t, option)))


def _control(t: Texts, option: Option) -> tuple[str, dict[Any, str], Any]:
    """Return the key of an option's control, what it offers with the words for it, and what is released."""
    key = KEYS[option.name]
    if option.name == "stages":
        last = option.values[-1]
        words = {"all": t("networks.cost.stages.all"), f"not{last}": t("networks.cost.stages.not", n=last)}
        return key, words | {str(n): t("networks.cost.stages.one", n=n) for n in option.values}, "all"
    if option.name == "bias":
        return key, {"yes": said(t, "bias", True), "no": said(t, "bias", False)}, "yes"
    return key, {value: said(t, option.name, value) for value in option.values}, option.default


def _meant(option: Option, picked: Any) -> Any:
    """Return the value that an option takes for what its control offers."""
    if option.name == "stages":
        every = option.values
        return every if picked == "all" else every[:-1] if picked.startswith("not") else (int(picked),)
    return picked == "yes" if option.name == "bias" else picked


def said(t: Texts, name: str, value: Any) -> str:
    """Write a value of an option in the reader's words."""
    if name == "stages":
        return ", ".join(map(str, value))
    if name == "bias":
        return t("networks.cost.bias.yes" if value else "networks.cost.bias.no")
    if name == "integration":
        return t(f"fig.integration.{value}")
    if name == "gate":
        return _FUNCTIONS.get(value, value)
    return t(f"networks.cost.{name}.{value}") if name in ("squeeze", "form") else str(value)


def changed(t: Texts, choice: Choice) -> list[str]:
    """Write every option that is not the released one in a few words."""
    return [_short(t, name, value) for name, value in choice.changed.items()]


def _short(t: Texts, name: str, value: object) -> str:
    if name in ("gate", "integration"):
        return said(t, name, value)
    if name == "reduction":
        return f"r = {value}"
    if name == "stages":
        return t("networks.compare.variant.stages", n=said(t, name, value))
    return f"{t(f'networks.cost.{KEYS[name]}')} {said(t, name, value)}"
