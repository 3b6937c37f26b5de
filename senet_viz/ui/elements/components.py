"""Elements of ours that run in the browser, and how what they show is packed for the way."""

import base64
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from string import Template
from typing import Any

import numpy as np
import streamlit as st

from senet_viz import assets

_IMPORT = re.compile(r'^import (\{.*?\}) from "\./(\w+)\.js";$', re.MULTILINE)
_EXPORT = re.compile(r"^export (?:const|function) (\w+)", re.MULTILINE)


_FROM = Template("""\
const there = import(new URL("$at", document.baseURI));
export default (given) => {
  let end = null, over = false;
  there.then((script) => { end = over ? null : script.default(given); });
  return () => { over = true; end?.(); };
};
""")


@cache
def component(name: str, isolated: bool = True, at: str = "") -> Callable[..., Any]:
    """Register an element of ours; returns what mounts it.

    It is ``<name>.{html,css,js}`` in ``assets/components``, or in a folder of its name there if it has several modules.

    Args:
        isolated: its style holds within it alone; otherwise for the whole page.
        at: where the browser gets its script, below the app's address; "": the script is sent along.
    """
    html, css = ((_folder(name) / f"{name}.{kind}").read_text(encoding="utf-8") for kind in ("html", "css"))
    js = _FROM.substitute(at=at) if at else whole_script(name)
    place = st.components.v2.component(f"senet_viz_{name}", html=html, css=css, js=js, isolate_styles=isolated)

    def mount(data: dict[str, Any] | bytes, **more: Any) -> Any:
        # Streamlit tries twenty kinds of tables on a list, none on a tuple; both are sent alike
        if isinstance(data, dict):
            data = {key: tuple(each) if isinstance(each, list) else each for key, each in data.items()}
        return place(data=data, **more)

    return mount


def _folder(name: str) -> Path:
    own = assets.COMPONENTS / name
    return own if own.is_dir() else assets.COMPONENTS


@cache
def whole_script(name: str) -> str:
    """Return an element's script, which begins with ``shared.js``, as one module that imports nothing."""
    shared = (assets.COMPONENTS / "shared.js").read_text(encoding="utf-8")
    return f"{shared}\n{script(_folder(name), name)}"


def script(folder: Path, name: str) -> str:
    """Return a module and all that it imports as one script, the imported first; each keeps its names to itself."""
    parts: dict[str, str] = {}

    def take(name: str) -> None:
        text = (folder / f"{name}.js").read_text(encoding="utf-8")
        for _, other in _IMPORT.findall(text):
            if other not in parts:
                take(other)
        given = ", ".join(_EXPORT.findall(text))
        text = _IMPORT.sub(r"const \1 = in_\2;", text)
        text = re.sub(r"^export (?!default)", "", text, flags=re.MULTILINE)
        parts[name] = f"const in_{name} = (() => {{\n{text}\nreturn {{ {given} }};\n}})();" if given else text

    take(name)
    return "\n".join(parts.values())


def data_url(png: bytes) -> str:
    """Return a PNG as an address that holds it."""
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")


def packed(values: np.ndarray, short: bool = False) -> dict[str, str]:
    """Return (C,) numbers as bytes in base64, a third of the same numbers as text.

    Args:
        short: 16 bits instead of float32 for numbers that all lie within 0 to 1; none moves by more than 0.8e-5.
    """
    if short and values.min() >= 0 and values.max() <= 1:
        kind, raw = "u2", np.rint(values * 65535).astype("<u2")
    else:
        kind, raw = "f4", values.astype("<f4")
    return {kind: base64.b64encode(raw.tobytes()).decode("ascii")}
