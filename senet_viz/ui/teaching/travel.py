"""Go to a place of the app: a page, and what its address says."""

from collections.abc import Mapping

import streamlit as st

from senet_viz.ui import state

_TO = "_travel"  # the page to be opened, until the next run begins
STAYS = ("lang", "device", "lesson", "at", "present", "class")  # a place says nothing of them


def go(page: str, query: Mapping[str, str]) -> None:
    """Take a place's choices into the session, and open its page with the next run.

    Choices that the place does not name are taken back, so that it looks the same whatever was done before; of
    ``STAYS`` and of what the sidebar shows (photo, model, weights, block, channel) those that it does not name stay.

    Args:
        page: the page's name in the address; the first page's may be "".
        query: the keys of the address with their values, as ``state.query`` writes them.
    """
    s = st.session_state
    others = s.get("_choices", {}).keys() | s.get("_waiting", {}).keys()
    state.forget(others - {*STAYS, *state.SHARED})
    state.take({key: value for key, value in query.items() if key not in STAYS})
    s[_TO] = page


def follow() -> None:
    """Open the page that ``go`` asked for; ends this run where that is another one."""
    s = st.session_state
    page = s.pop(_TO, s["_page"])
    if page != s["_page"] and page in s["_pages"]:
        for key in {*state.SHARED, *s.get("_choices", {})} & s.keys():
            s[key] = s[key]  # this run ends before their widgets are drawn, and would forget them
        st.switch_page(s["_pages"][page])
