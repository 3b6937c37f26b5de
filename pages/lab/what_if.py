"""The gate console: change gates of a live network and see what it answers then, and what its later gates do."""

from functools import partial

import numpy as np
import streamlit as st

from senet_viz import ui
from senet_viz.drawing.grammar import Scale
from senet_viz.experiments import channel_ranking
from senet_viz.figures.lab import what_if
from senet_viz.tap import edits
from senet_viz.ui.pages.lab import console, worth


@ui.page
def draw() -> None:
    """Draw the page."""
    view = ui.scene()
    t, c = view.t, view.channel
    page = console.console(view)
    after = page.after
    was, now = view.seen.shares, after.seen.shares
    names, mark = view.seen.classes, page.asked
    click = partial(console.clicked, view)

    ui.title(t("lab.what_if.title"))

    # --- the one idea: what the change did to the answer --------------------------------------------------------------
    first, then = int(was.argmax()), int(now.argmax())
    shares = {"p": f"{was[first]:.1%}", "q": f"{now[first]:.1%}", "r": f"{now[then]:.1%}"}
    kind = "none" if not mark else "same" if first == then else "flips"
    st.markdown(t(f"lab.what_if.idea.{kind}", n=len(mark), a=names[first], b=names[then], **shares))
    ui.header(view)

    def maps() -> np.ndarray:
        """(C, H, W) after the change, each against the largest value that it had before."""
        return after.out() / np.where(most == 0, 1, most)

    console.clicks(page)
    left, right = st.columns([1, 1], gap="medium")
    with left:
        most = view.drawn(lambda: np.abs(view.out()).max(axis=(1, 2), keepdims=True), "most")
        scale = Scale(t("lab.atlas.scale"), -1, 1, "activation")
        order = view.order("gate", view.block.branches - 1)
        st.markdown(f"**{t('lab.atlas', n=len(order), block=ui.short(view.name))}**")
        drawn = ui.atlas(after, maps, scale, order, "whatif", t("lab.atlas.alt"), 60_000, "whatif", click)
        if drawn.reduced:
            h, w = view.fused.shape[1:]
            st.caption(t("atlas.reduced", h=drawn.cell_h, w=drawn.cell_w, H=h, W=w))
    with right:
        ui.figure(after, lambda t: what_if.draw_scores(names, was, now, t), "scores", narrow=True)
        console.listed(page)
    ui.badge(after)
    with st.expander(t("lab.whole.open", block=ui.short(view.name)), icon=":material/tune:", expanded=True):
        console.whole(page)

    # --- downstream ---------------------------------------------------------------------------------------------------
    moved = page.moved
    blocks = [block.name for block in view.trace.blocks]
    short = [ui.short(each.name) for each in moved]
    if moved:
        hit = [each.edited for each in moved]
        mean, most = (np.array([getattr(each, field) for each in moved]) for field in ("mean_change", "largest"))
        ui.figure(after, lambda t: what_if.draw_downstream(short, hit, mean, most, t), "down")
    st.markdown(f"**{t('lab.carpet', n=len(blocks))}**")
    how = ui.pick("carpet", ui.worded(t, "carpet", ("index", "sorted")), t("sort.label"))
    ui.carpet(after, "whatif-carpet", t("lab.carpet", n=len(blocks)), how == "sorted", click)

    # --- one channel --------------------------------------------------------------------------------------------------
    pair = (float(view.gate[-1, c]), float(after.gate[-1, c]))
    ui.figure(after, lambda t: what_if.draw_maps(view.out(c), after.out(c), c, pair, t), "maps", c)

    ui.section(t("lab.search"))
    goal = ui.target(view)
    few = console.three(after)
    if few is None:
        st.info(t("lab.what_if.noask", block=ui.short(view.name)))
    said = console.ask(after, ("what_if", after.key, goal), few, goal) if few else ""
    if said is not None:
        if few:
            console.answer(after, few, goal, said)
        found = console.search(page, goal)
        if found is not None:
            at, change = np.array(found.channels), found.change
            gate = found.gates[-1][at]
            draw = partial(what_if.draw_ranking, at, change, gate, c, names[goal])
            ui.figure(after, draw, "ranking", goal, c, len(at))

    # --- is the gate worth anything? ----------------------------------------------------------------------------------
    worth.worth(view)
    ui.code(view, edits.apply, channel_ranking.downstream, channel_ranking.ranking)
