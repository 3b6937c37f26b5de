"""The class on every page: a student goes where the teacher is, and votes; on the teacher's page, a question is asked.

What the browser does with the class stands in ``assets/components/classroom.js``.
"""

from typing import Any

import streamlit as st

from senet_viz import i18n
from senet_viz.service.rooms import MODES
from senet_viz.ui import state
from senet_viz.ui.elements.choices import worded
from senet_viz.ui.elements.components import component
from senet_viz.ui.teaching import travel
from senet_viz.ui.teaching.guide import PLACE

DESK = "classroom"  # the teacher's page: where she is then, nobody follows
ASKS = "_class_asks"  # in the session: the teacher wants a question to be asked
_KEY = "classroom"


def there() -> bool:
    """Return whether this server has a class."""
    return len(state.rooms()) > 0


def code() -> str:
    """Return the code of the class that this browser says it is in; "" where it says none, or the server has none."""
    return str(state.asked("class") or "") if there() else ""


def joined() -> None:
    """Mount the class in the frame of the page, where the browser is in one; take over where it says that the class is.

    What it fires is read off the mounted component. In a callback the session has it no more by its key, once another
    page has been opened.
    """
    s = st.session_state
    if not there():
        return
    state.read_url()
    name = s["_joined"] = code()
    if name not in state.rooms():
        return
    _arrive(name)
    data: dict[str, Any] = {
        "code": name,
        "at": state.rooms().at,
        "desk": DESK,
        "lang": state.language(),
        "words": words(state.language()),
    }
    # of an address: what is nobody else's, and what stays where the class says nothing of it
    data |= {"stays": travel.STAYS, "sidebar": [key for key in state.SHARED if key not in travel.STAYS]}
    found = component("classroom", isolated=False)(key=_KEY, data=data, on_go_change=lambda: None)
    _go(found.get("go"))


def _arrive(name: str) -> None:
    """Begin where the class is, in a session whose address names the class and no place of its own."""
    s = st.session_state
    if s.get("_in_class"):
        return
    s["_in_class"], room = True, state.rooms().room(name)
    own = s["_page"] == DESK or any(key in st.query_params for key in (*PLACE, "lesson"))
    if room and room.page is not None and room.mode != "free" and not own:
        travel.go(room.page, room.query | room.stage)


def words(lang: str) -> dict[str, Any]:
    """Return what the class says, in the reader's language."""
    t = i18n.texts(lang)
    return {
        **worded(t, "class", ("back", "desk", "ask", "wait", "again", "hidden", "counted", "right")),
        "question": t("class.question", n="{n}"),
        "here": t("class.here", here="{here}"),
        "voted": t("class.voted", here="{here}", voted="{voted}"),
        "rounds": [t("class.round.first"), t("class.round.second")],
        "mode": worded(t, "class.mode", MODES),
        "link": worded(t, "class.link", ("lost", "over", "full", "token")),
    }


def _go(told: object) -> None:
    """Go where the browser says that the class is; a teacher may want a question to be asked there."""
    page, query = (told.get("page"), told.get("query")) if isinstance(told, dict) else (None, None)
    if (
        isinstance(told, dict)
        and isinstance(page, str)
        and page in st.session_state["_pages"]
        and isinstance(query, dict)
    ):
        st.session_state[ASKS] = page == DESK and state.rooms().teaches(code(), told.get("token"))
        travel.go(page, {str(key): value for key, value in query.items() if isinstance(value, str)})
