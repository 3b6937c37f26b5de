"""What does this class score rest on: which gates, and which pixels?"""

from functools import partial

import streamlit as st

from senet_viz import ui
from senet_viz.drawing.text import short
from senet_viz.experiments import attribution
from senet_viz.findings import open_or_important
from senet_viz.ui.pages.lab import attributed

LONGEST = 22  # ems of a class name: those of data sets can be sentences


@ui.page
def draw() -> None:
    """Draw every gate against its attribution; the rest when it is asked for."""
    view = ui.scene()
    t, goal = view.t, ui.goal(view)
    name = short(view.seen.classes[goal], LONGEST)
    method = ui.chosen("importance", attributed.GATES)
    branch = ui.chosen("branch", range(len(view.gate)), len(view.gate) - 1)

    ui.title(t("lab.attribution.title"), view)
    found = attributed.attribution(view, method, goal, view.name)
    # while somebody guesses, three channels are held back
    asked = attributed.question(view, goal, branch) if "guess" in ui.opened() else None
    held = asked.held if asked else ()
    e, standing = attributed.effects(view, found, name, branch, held)
    st.markdown(attributed.idea(view, e, standing))
    ui.header(view)
    says = f"{attributed.about(view, found)} {t('lab.attribution.click')}"
    attributed.scatter(view, e, says, method, goal, branch)
    attributed.sums(view, found)

    looks = {
        "judged": partial(attributed.judged, view),
        "guess": partial(attributed.guess, view, goal, branch, name),
        "ranked": partial(attributed.ranked, view, e, method, goal, branch),
        "pixels": partial(attributed.photo, view, goal, name),
    }
    findings = open_or_important.standing, open_or_important.three
    ui.closer(view, looks, attribution.explain_gates, attribution.explain_photo, *findings)
