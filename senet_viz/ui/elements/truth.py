"""How a page proves what it shows: the badge that compares its arithmetic with the model's, and the code that ran."""

import ast
import inspect
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import streamlit as st

from senet_viz.tap.replay import TOLERANCE
from senet_viz.ui.elements.frame import begin, section
from senet_viz.ui.scene import Scene


def title(text: str, view: Scene | None = None) -> None:
    """Write the one heading of the first level that a page has; beside it what was checked of ``view``."""
    begin()
    if view is None:
        st.title(text, anchor=False)
        return
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.title(text, anchor=False, width="content")
        badge(view)


def badge(view: Scene) -> None:
    """Compare the page's arithmetic with the model's, and say whether every block ran."""
    t, replay = view.t, view.replay
    if view.trace.silent:
        st.badge(t("badge.silent", names=", ".join(view.trace.silent)), icon=":material/error:", color="red")
        return
    values = _checked(view)
    why = t("badge.help", what=values["what"], off=values["off"], limit=values["limit"], least=small(TOLERANCE))
    verdict(t("badge.true" if replay.holds else "badge.false", **values), replay.holds, why)


def holds(view: Scene) -> str:
    """Return what the badge says where all that it checks holds; "" where something does not."""
    return view.t("badge.true", **_checked(view)) if view.replay.holds and not view.trace.silent else ""


def _checked(view: Scene) -> dict[str, Any]:
    name, again = view.replay.weakest, view.replay
    off, limit = small(again.differences[name]), small(again.limits[name])
    return {"what": view.t(f"badge.{name}"), "off": off, "limit": limit, "blocks": len(view.blocks)}


def verdict(said: str, holds: bool, why: str | None = None) -> None:
    """Write a green badge for what was checked and holds, a red one for what does not; ``why``: its tooltip."""
    icon = ":material/verified:" if holds else ":material/error:"
    st.badge(said, icon=icon, color="green" if holds else "red", help=why)


def small(value: float) -> str:
    """Write a difference as people write it: 1.2 × 10⁻⁷, and 0.0123 from a thousandth on."""
    if not 0 < abs(value) < 1e-3:
        return f"{value:.4f}" if np.isfinite(value) and value else f"{value:g}"
    digits, power = f"{value:.1e}".split("e")
    return f"{digits.removesuffix('.0')} × 10{str(int(power)).translate(str.maketrans('-0123456789', '⁻⁰¹²³⁴⁵⁶⁷⁸⁹'))}"


Code = Callable[..., Any] | type | str  # the last is module:name, of what is not imported for that
_SOURCES: dict[Code, str] = {}
_READING = Lock()


def source(function: Code) -> str:
    """Return a function's or a class's source, which is read once, by one thread at a time.

    ``inspect`` parses a whole module to find a class in it, and Python 3.11's parser fails in threads that do so at
    the same time: "AST constructor recursion depth mismatch".
    """
    with _READING:
        if function not in _SOURCES:
            _SOURCES[function] = _read(function) if isinstance(function, str) else inspect.getsource(function)
        return _SOURCES[function]


def _read(named: str) -> str:
    module, _, name = named.partition(":")
    found = find_spec(module)
    assert found is not None and found.origin is not None
    text = Path(found.origin).read_text(encoding="utf-8")
    node: ast.AST = ast.parse(text)
    for part in name.split("."):
        node = next(each for each in node.body if getattr(each, "name", "") == part)  # type: ignore[attr-defined]
    assert isinstance(node, ast.ClassDef | ast.FunctionDef)
    return "".join(text.splitlines(keepends=True)[node.lineno - 1 : node.end_lineno])


def code(view: Scene, *functions: Code) -> None:
    """Show the source of what made this page."""
    section(view.t("code.label"))
    for function in functions:
        st.code(source(function), language="python")
