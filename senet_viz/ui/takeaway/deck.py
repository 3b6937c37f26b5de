"""The deck of a session: figures that somebody has put aside, to be saved as one presentation.

What is kept is a figure's data, never a network's. All decks together are bounded in memory: what was put aside longest
ago goes first, and the line says so.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import partial

import streamlit as st

from senet_viz.drawing.editable.words import Page
from senet_viz.drawing.grammar import Figure
from senet_viz.drawing.renderers import deck
from senet_viz.i18n import Texts, texts
from senet_viz.ui import state

MOST = 60  # slides of one session
NOTES = "_notes"  # of the session: a list that every figure which is drawn is appended to
_KEYS = "_deck"


def offer(t: Texts, name: str, what: str, make: Callable[[], Figure]) -> None:
    """Draw the button that puts a figure aside; ``what`` tells it from the same figure in another state."""
    there, key = _there(), f"{what}-{name}"
    label = "deck.in" if key in there else "deck.full" if len(there) >= MOST else "deck.add"
    st.button(
        t(label, n=len(there)), icon=":material/check:" if key in there else ":material/add_to_photos:",
        disabled=label != "deck.add", key=f"deck-{name}", on_click=_add, args=(key, make), width="stretch",
    )  # fmt: skip


def _add(key: str, make: Callable[[], Figure]) -> None:
    keys = st.session_state.setdefault(_KEYS, [])
    state.slides().get((state.who(), key), make)
    keys.append(key)
    t = texts(st.session_state["lang"])
    st.toast(t("deck.added", n=len(_there())), icon=":material/add_to_photos:")


def _there() -> list[str]:
    """Return the keys of the slides that are in memory still, in their order."""
    return [key for key in st.session_state.get(_KEYS, ()) if state.slides().peek((state.who(), key)) is not None]


def line() -> None:
    """Draw what the deck holds and how to save it, on one line; nothing while it holds nothing."""
    asked = st.session_state.get(_KEYS)
    if not asked:
        return
    keys, lang, dark = _there(), st.session_state["lang"], st.context.theme.type == "dark"
    t, gone = texts(lang), len(asked) - len(keys)
    with st.container(horizontal=True, vertical_alignment="center", key="deck"):
        st.caption(t("deck.holds", n=len(keys)) + (f" {t('deck.gone', n=gone)}" if gone else ""))
        shade = st.toggle(t("export.dark"), value=dark, key="deck-dark")
        what = hashlib.sha256(repr((keys, lang, shade)).encode()).hexdigest()[:8]
        st.download_button(
            t("deck.save"), data=partial(_file, [(state.who(), key) for key in keys], lang, shade),
            file_name=f"senet-viz-{len(keys)}-{what}.pptx", mime=deck.MIME, on_click="ignore", key="deck-save",
            icon=":material/slideshow:", disabled=not keys,
        )  # fmt: skip
        st.button(t("deck.empty"), key="deck-empty", type="tertiary", on_click=_empty)


def _empty() -> None:
    for key in st.session_state.pop(_KEYS, ()):
        state.slides().drop((state.who(), key))


def _file(keys: list[tuple[str, str]], lang: str, dark: bool) -> bytes:
    pages = [Page(figure) for key in keys if (figure := state.slides().peek(key)) is not None]
    return deck.render(pages, lang, dark)


def noted(draw: Callable[[str, str], Figure]) -> None:
    """Hand over a figure, drawn with a link and in a language, to who reads the pages without a browser."""
    if NOTES in st.session_state:
        st.session_state[NOTES].append(draw("", st.session_state["lang"]))
