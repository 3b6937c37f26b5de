"""The teacher's page of the class: how to join, and the question that is asked; a student sees how to join alone."""

import io
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from urllib.parse import urlencode, urlsplit

import segno
import streamlit as st

from senet_viz import i18n
from senet_viz.i18n import Texts
from senet_viz.lessons.reading import FIRST
from senet_viz.service.rooms import MODES, Room
from senet_viz.ui import state
from senet_viz.ui.elements.choices import worded
from senet_viz.ui.elements.components import component
from senet_viz.ui.guard import literal
from senet_viz.ui.scene import Scene
from senet_viz.ui.teaching import classroom, questions

_KEY = "lectern"
Words = Mapping[str, Mapping[str, object]]  # of a question, in every language
LOCAL = ("localhost", "127.0.0.1", "::1")  # hosts that no student can open


def desk(t: Texts) -> None:
    """Draw the desk; where this browser is in no class, a place for its code."""
    s, code = st.session_state, classroom.code()
    if s["_joined"] != code:  # it was typed here, and the frame does not know yet
        st.rerun()
    if code not in state.rooms():
        st.text_input(t("class.join"), key="_code", max_chars=8, on_change=_join)
        if code:
            st.warning(t("class.unknown", code=literal(code)))
        return
    room = state.rooms().room(code)
    asks, where = s.pop(classroom.ASKS, False), address(code)
    none = asks and room is not None and not _asked(room)
    pages = {name: page.title for name, page in s["_pages"].items()}
    data = {"code": code, "address": where, "qr": qr(where), "lang": s["lang"], "none": none, "pages": pages}
    data["words"] = words(s["lang"])
    told = component("lectern", isolated=False)(key=_KEY, data=data, on_ask_change=lambda: None).get("ask")
    if isinstance(told, dict) and state.rooms().teaches(code, told.get("token")):
        s[classroom.ASKS] = True
        st.rerun()


def words(lang: str) -> dict[str, object]:
    """Return what the desk says, in the reader's language; what the browser counts stands in braces."""
    t, named = i18n.texts(lang), ("how", "modes", "ask", "next", "close", "reveal", "save", "nowhere")
    return classroom.words(lang) | {
        **worded(t, "class.desk", named),
        "again": t("class.desk.again"),
        "second": t("class.again"),
        "now": t("class.desk.now", page="{page}"),
        "none": t("class.desk.none", page="{page}"),
        "turn": worded(t, "class.turn", MODES),
        "what": worded(t, "class.what", MODES),
    }


def address(code: str) -> str:
    """Return where students join: the host that this browser has opened, or that the server knows as its own."""
    here = urlsplit(st.context.url or "")
    host = here.netloc
    if here.hostname in (None, *LOCAL):
        host = f"{st.get_option('browser.serverAddress')}:{here.port or st.get_option('server.port')}"
    return f"{here.scheme or 'http'}://{host}/?{urlencode({'class': code})}"


@lru_cache(16)
def qr(text: str) -> str:
    """Return the text as a QR code, in SVG; dark on light whatever the theme, or phones do not read it."""
    out = io.BytesIO()
    segno.make(text, micro=False).save(out, kind="svg", xmldecl=False, omitsize=True, border=3)
    return out.getvalue().decode()


def question(page: str, after: str, view: Scene) -> tuple[str, Words, int] | None:
    """Return the next question that a page predicts: its name, its words in every language, and which answer is right.

    Args:
        page: as the address has it.
        after: the name of the one that was asked there last; "" where none was.
    """
    names = questions.PAGES.get(page or FIRST, ())
    first = names.index(after) + 1 if after in names else 0
    for name in (*names[first:], *names[:first]):
        if questions.ask(name, view) is None:
            continue
        asked = {lang: questions.ask(name, replace(view, lang=lang)) for lang in i18n.LANGUAGES}
        said: Words = {lang: {"text": q.text, "options": [*q.options], "why": q.why} for lang, q in asked.items() if q}
        return name, said, next(q.right for q in asked.values() if q)
    return None


def _asked(room: Room) -> bool:
    """Ask the next question of the page where the class is; False where that page has none to ask."""
    page, last = room.page or "", room.ballots[-1] if room.ballots else None
    found = question(page, last.name if last and last.page == page else "", questions.here(page))
    if found:
        state.rooms().soon(room.ask, page, *found)
    return found is not None


def _join() -> None:
    """Go into the class whose code was typed."""
    st.session_state["class"] = st.session_state["_code"].strip().upper() or None
