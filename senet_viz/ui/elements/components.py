"""Elements of ours that run in the browser, and how what they show is packed for the way."""

import base64
from typing import Any

import numpy as np
import streamlit as st

from senet_viz import assets


@st.cache_resource(show_spinner=False)
def component(name: str, isolated: bool = True) -> Any:
    """Register an element of ours, ``assets/components/<name>.{html,css,js}``; returns what mounts it.

    Its script begins with ``shared.js``: a component is one module of its own and imports nothing.

    Args:
        isolated: its style holds within it alone; otherwise for the whole page.
    """
    files = (f"{name}.html", f"{name}.css", "shared.js", f"{name}.js")
    html, css, shared, js = ((assets.COMPONENTS / file).read_text(encoding="utf-8") for file in files)
    return st.components.v2.component(
        f"senet_viz_{name}", html=html, css=css, js=f"{shared}\n{js}", isolate_styles=isolated
    )


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
