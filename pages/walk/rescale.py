"""Rescale: every map times its gate."""

from collections.abc import Callable
from functools import partial

import numpy as np
import streamlit as st

from senet_viz import ui
from senet_viz.drawing import atlas
from senet_viz.drawing.grammar import Figure, Scale
from senet_viz.figures.walk import rescale, squeeze
from senet_viz.i18n import Texts
from senet_viz.networks import blocks


def sheet(drawn: atlas.Atlas, title: str, t: Texts) -> Figure:
    """One of the three atlases for a slide."""
    return squeeze.draw_atlas(atlas.rgb(drawn), drawn.scale, None, t(title), t)


@ui.page
def draw() -> None:
    """Draw the page."""
    view = ui.scene()
    t, c = view.t, view.channel
    gate, count, branches = view.gate, len(view.z), len(view.gate)
    out = view.out(c)
    # a gate is at most 1, and shares add up to 1: x̃ stays within U's range
    scale = view.drawn(
        lambda: Scale.around_zero("U, x̃", [f(m) for m in (view.u, view.fused) for f in (np.min, np.max)]), "both"
    )

    ui.title(t("walk.rescale.title"), view)
    st.markdown(t("walk.rescale.idea.sk" if branches > 1 else "walk.rescale.idea", c=count))
    ui.header(view)

    # --- one channel --------------------------------------------------------------------------------------------------
    ui.figure(view, lambda t: rescale.draw_before_after(view.u[:, c], gate[:, c], out, c, scale, t), "before", c)
    i, j = np.unravel_index(int(np.abs(view.fused[c]).argmax()), view.fused[c].shape)
    terms = "+".join(rf"{gate[m, c]:.4f}\cdot({view.u[m, c, i, j]:.4f})" for m in range(branches))
    symbol = rf"\sum_m a_{{m,{c}}}\,u_{{m,{c}}}" if branches > 1 else rf"s_{{{c}}}\,u_{{{c}}}"
    ui.latex(rf"\tilde x_{{{c}}}({i},{j})={symbol}({i},{j})={terms}={out[i, j]:.4f}")
    st.caption(t("walk.rescale.symbols", c=count, h=out.shape[0], w=out.shape[1], m=branches))

    ui.section(t("walk.rescale.all", c=count))
    by = ui.pick("order", ui.worded(t, "sort", ("gate", "z", "index")), t("sort.label"))
    order = view.order(by, branches - 1)
    sheets: dict[str, Callable[[], np.ndarray]] = {"before": lambda: view.fused, "after": view.out}
    sheets["difference"] = lambda: view.out() - view.fused
    for slot, (name, maps) in zip(st.columns(3), sheets.items(), strict=True):
        with slot:
            title = st.container()
            drawn = ui.atlas(
                view, maps, scale, order, f"atlas-{name}", t(f"walk.rescale.{name}"), budget=30_000, mark=name
            )
            with title:
                build = partial(sheet, drawn, f"walk.rescale.{name}")
                ui.titled(view, f"**{t(f'walk.rescale.{name}')}**", build, f"atlas-{name}", (by, name), narrow=True)
    if drawn.reduced:
        st.caption(t("atlas.reduced", h=drawn.cell_h, w=drawn.cell_w, H=out.shape[0], W=out.shape[1]))
    if branches == 1:
        ui.figure(view, lambda t: rescale.draw_gates(gate[0], order, c, t), "gatebars", c, by)

    # --- every block of the network -----------------------------------------------------------------------------------
    symbol, heading = view.symbol(branches - 1), t("walk.rescale.carpet", n=len(view.trace.blocks))
    gates = {block.name: block.gate[-1].numpy() for block in view.trace.blocks}
    names, last = tuple(map(ui.short, gates)), tuple(gates.values())
    build = partial(rescale.draw_carpet, names, last, symbol)
    ui.titled(view, ui.heading(heading, section=True), build, "rescale-carpet", ())
    st.markdown(t("walk.rescale.carpet.idea"))
    how = ui.pick("carpet", ui.worded(t, "carpet", ("sorted", "index")), t("sort.label"))
    ui.carpet(view, "carpet", heading, how == "sorted")

    ui.section(t("walk.rescale.position"))
    st.markdown(t(f"position.{view.spec.position}", model=view.spec.title))
    ui.code(view, blocks.SEBlock.forward if branches == 1 else blocks.SKConv.forward, rescale.draw_before_after)
