"""The frame around every page: how wide it is, what its address says, its headings, and the way on."""

import re
from collections.abc import Sequence
from functools import cache

import streamlit as st

from senet_viz import i18n
from senet_viz.architecture import formulas
from senet_viz.drawing.layout import NOMINAL
from senet_viz.drawing.renderers.screen import SLIM
from senet_viz.ui import state
from senet_viz.ui.elements.components import component
from senet_viz.ui.takeaway import numbers

COLUMN = 360.0  # px: a figure in a column of a page
LEAST = 160  # px: no page is laid out for less, whatever a browser says
PIN = "_pin"  # in the session, from ``boards.pin`` until the page's end: what is pinned, for every board
_SECTION = "_in_section"  # of this rerun's page: whether a part was begun


def window() -> None:
    """Give pages their style, learn how wide a narrow one is, let its menu close: see ``assets/components/window.js``.

    A wide page tells nothing, so it is drawn once; a phone's is drawn again as soon as its width is known. The style
    comes along: for Streamlit's HTML a browser would fetch what shows and cleans it, before the first picture.
    """
    data = {"width": st.session_state.get("_width", 0), "slim": SLIM, "least": LEAST}
    component("window", isolated=False)(key="window", data=data, default={"width": 0}, on_width_change=_measured)


def _measured() -> None:
    st.session_state["_width"] = narrow(st.session_state["window"].get("width"))


def narrow(told: object) -> int:
    """Return the width in px, between ``LEAST`` and ``SLIM``, that a browser says its page has; 0 for a wide page."""
    return max(int(told), LEAST) if isinstance(told, int | float) and 0 < told < SLIM else 0


def room(column: bool) -> float:
    """Return the width in px that a figure is laid out for; ``column``: in one of several, of which a phone has one."""
    return float(st.session_state.get("_width") or (COLUMN if column else NOMINAL))


def latex(tex: str) -> None:
    """Write a formula; on a narrow page its aligned lines stand apart, and each breaks where it does not fit."""
    for line in formulas.apart(tex) if st.session_state.get("_width") else [tex]:
        st.latex(line)


def begin() -> None:
    """Note that a page begins: no part of it has, and nothing is on it."""
    st.session_state[_SECTION] = False
    numbers.begin()


def section(text: str) -> None:
    """Write the heading of a part of the page, which is of the second level."""
    st.session_state[_SECTION] = True
    st.header(text, anchor=False)


def heading(text: str, section: bool = False) -> str:
    """Return a heading as Markdown: of a part of the page, or of a figure within the part that was begun last.

    A figure before the first part is of the second level too, so that no level is left out.
    """
    if section:
        st.session_state[_SECTION] = True
    level = 2 if section or not st.session_state.get(_SECTION) else 3
    return f"{'#' * level} {text}"


def plain(text: str) -> str:
    """Return text that Markdown shows as it is: names of folders are what people typed."""
    return re.sub(r"([\\`*_\[\]<>$~|&#])", r"\\\1", text)


def address(page: str, own: Sequence[str]) -> None:
    """Tell the browser what the address of the page of this name is, and in which language it speaks.

    Of the keys that the browser changes by itself on this page (``own``), those that it has changed since the last
    answer stay; all others are as the server says.

    ``st.query_params`` would push an entry of its own for every change: Back would need two presses a page.
    """
    lang = st.session_state["lang"]
    data: dict[str, object] = {
        "page": page,
        "query": state.query(),
        "own": [*own, "at"],  # of the lesson that is on, the step
        "lang": i18n.tag(lang),
        "words": _words(lang),
    }
    data["pin"] = st.session_state.pop(PIN, None)
    component("frame", isolated=False)(key="frame", data=data, on_pinned_change=_pinned)


def _pinned() -> None:
    """Pin what the browser had pinned by itself when Back or Forward brought this page."""
    value = st.session_state.get("frame", {}).get("pinned")
    if isinstance(value, int):
        st.session_state["channel"] = value


@cache
def _words(lang: str) -> tuple[dict[str, object], ...]:
    """Return Streamlit's own words in every language, and now in this one; the English texts are what it writes."""
    start = "streamlit."
    names = [key.removeprefix(start) for key in i18n.table(i18n.DEFAULT) if key.startswith(start)]
    said = [{each: i18n.text(f"streamlit.{name}", each) for each in i18n.LANGUAGES} for name in names]
    return tuple({"now": each[lang], "all": [*each.values()]} for each in said)


def neighbours(page: st.Page, pages: Sequence[st.Page]) -> None:
    """Link the page before and the page after: the pages are a walk."""
    here = [each.url_path for each in pages].index(page.url_path)
    back, on = st.columns(2)
    if here > 0:
        back.page_link(pages[here - 1], icon=":material/arrow_back:")
    if here + 1 < len(pages):
        on.page_link(pages[here + 1], icon=":material/arrow_forward:", icon_position="right")
