"""What a page offers to take home, in its closer look at the code: files, and the functions that made the page."""

from functools import partial

import streamlit as st

from senet_viz.i18n import Texts
from senet_viz.ui import state
from senet_viz.ui.elements.components import component
from senet_viz.ui.elements.frame import section
from senet_viz.ui.elements.truth import Code, code
from senet_viz.ui.pages.walk import stage
from senet_viz.ui.scene import Scene
from senet_viz.ui.takeaway import numbers, served
from senet_viz.ui.takeaway.notebook import notebook


def offered(view: Scene, *functions: Code) -> None:
    """Offer the files, and show the source of what made this page.

    What is chosen on the stage only the browser knows; there it asks for the files itself: see ``served``.
    """
    t, made, link = view.t, numbers.noted(), state.link()
    section(t("take.label"))
    with st.container(horizontal=True, vertical_alignment="center"):
        if stage.KEY in made:
            files = {name: t(f"take.{name.partition('.')[0]}") for name in served.MAKES}
            data = {"files": files, "query": served.query(view), "failed": t("take.failed")}
            component("files")(key="files", data=data, width="content")
        else:
            st.download_button(
                t("take.notebook"), partial(notebook, view, link=link), key="take-notebook",
                file_name=f"{served.stem(view)}.ipynb", mime="application/x-ipynb+json", on_click="ignore",
            )  # fmt: skip
        if made:
            archive(t, view.lang, stage.source(view), f"{st.session_state['_page'] or stage.KEY}-{served.stem(view)}")
    code(view, *functions)


def archive(t: Texts, lang: str, source: str, stem: str) -> None:
    """Offer all numbers that are on the page by now as one archive; ``source``: what they are of."""
    made = partial(numbers.archive, numbers.noted(), lang, source, state.link())
    st.download_button(
        t("take.numbers"), made, key="take-numbers", file_name=f"{stem}.zip", mime="application/zip",
        on_click="ignore",
    )  # fmt: skip
