"""What does this class score rest on: which gates, and which pixels?"""

import streamlit as st

from senet_viz import ui
from senet_viz.drawing.text import short
from senet_viz.experiments import attribution
from senet_viz.findings import open_or_important
from senet_viz.ui.pages.lab import attributed

LONGEST = 22  # ems of a class name: those of data sets can be sentences


@ui.page
def draw() -> None:
    """Draw the page."""
    view = ui.scene()
    t = view.t

    ui.title(t("lab.attribution.title"))
    sentence = st.container()  # the page's one idea; its numbers come from what is chosen below
    ui.header(view)

    # --- which class, which method ------------------------------------------------------------------------------------
    left, right = st.columns([4, 7])
    with left:
        goal = ui.target(view)
        name = short(view.seen.classes[goal], LONGEST)
    with right:
        methods = {method: t(f"method.{method}") for method in attributed.GATES}
        method = ui.pick("importance", methods, t("lab.attribution.gates", block=ui.short(view.name)))
    branch = 0
    if len(view.gate) > 1:
        branch = ui.pick("branch", view.branches, t("branch.label"), len(view.gate) - 1)

    # --- gate against attribution, three channels held back until somebody has guessed --------------------------------
    cheap = attributed.attribution(view, attributed.CHEAP, goal, view.name)
    found = cheap if method == attributed.CHEAP else attributed.attribution(view, method, goal, view.name)
    about, trio = attributed.question(view, goal, cheap, branch)
    said = ui.answered(about) if trio else ""
    e, standing = attributed.effects(view, found, name, branch, trio if said is None else ())
    sentence.markdown(attributed.idea(view, e, standing))
    attributed.scatter(view, e, method, goal, branch)
    if said is None:
        attributed.ask(view, about, name, trio, branch)
    elif not trio:
        st.caption(t("lab.attribution.noask"))
    attributed.sums(view, found)
    st.markdown(f"{attributed.about(view, found)} {t('lab.attribution.click')}")
    if said is not None and trio:
        ui.section(t("lab.attribution.answer"))
        attributed.answer(view, goal, name, said, trio, branch)
    if said is not None:
        ui.section(t("lab.attribution.rows"))
        attributed.ranked(view, e, method, goal, branch)
        st.caption(t("lab.attribution.rows.how"))

    ui.section(t("lab.attribution.pixels", target=name))
    attributed.photo(view, goal, name)
    ui.badge(view)
    ui.code(
        view, attribution.explain_gates, attribution.explain_photo, open_or_important.standing, open_or_important.three
    )
