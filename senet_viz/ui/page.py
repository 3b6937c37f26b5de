"""A page: a part of the app that answers by itself.

What is chosen or pinned on a page is drawn again with the page alone; the sidebar and the menu stay as they are, and
the browser gets no message about them.
"""

from collections.abc import Callable, Sequence

import streamlit as st

from senet_viz.ui import sidebar, state
from senet_viz.ui.elements.frame import address
from senet_viz.ui.guard import guard
from senet_viz.ui.scene import Scene
from senet_viz.ui.shown import scene
from senet_viz.ui.takeaway import deck


def page(draw: Callable[[], None], own: Sequence[str] = (), of: Callable[[], Scene] = scene) -> None:
    """Draw a page, and from then on it alone whenever something on it is used.

    The pinned channel stands in the sidebar but belongs to the page. Where the page has chosen what the rest of the
    sidebar shows (another block, another network), all is drawn again.

    Args:
        own: what the browser keeps in the address by itself on this page; the pinned channel may be of that.
        of: what is on screen, whose block the pinned channel is of, where another network takes the place of the
            sidebar's.
    """
    name = st.session_state["_page"]

    @st.fragment(key=f"page-{name or 'first'}")
    def body() -> None:
        if st.session_state.pop(state.LATE, False) and name:  # run again so early, a page loses the links below it
            st.switch_page(st.session_state["_pages"][name])
        if sidebar.outdated():
            st.rerun()
        with guard():
            sidebar.channel(of(), shown="channel" not in own)
            draw()
        deck.line()
        address(name, own)
        state.settled()

    body()
