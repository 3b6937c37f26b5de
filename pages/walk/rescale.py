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
from senet_viz.ui.scene import Scene


def sheets(view: Scene) -> None:
    """Draw all maps before and after at one scale, their difference, and the gates in the same order."""
    t, c, (count, h, w) = view.t, view.channel, view.fused.shape
    # a gate is at most 1, and shares add up to 1: x̃ stays within U's range
    scale = view.drawn(
        lambda: Scale.around_zero("U, x̃", [f(m) for m in (view.u, view.fused) for f in (np.min, np.max)]), "both"
    )
    ui.section(t("walk.rescale.all", c=count))
    by = ui.pick("order", ui.worded(t, "sort", ("gate", "z", "index")), t("sort.label"))
    order = view.order(by, len(view.gate) - 1)
    shown: dict[str, Callable[[], np.ndarray]] = {"before": lambda: view.fused, "after": view.out}
    shown["difference"] = lambda: view.out() - view.fused
    for slot, (name, maps) in zip(st.columns(3), shown.items(), strict=True):
        with slot:
            title = st.container()
            key, text = f"atlas-{name}", t(f"walk.rescale.{name}")
            drawn = ui.atlas(view, maps, scale, order, key, text, budget=30_000, mark=name)
            with title:
                ui.titled(view, f"**{text}**", partial(sheet, drawn, name), key, (by, name), narrow=True)
    if drawn.reduced:
        st.caption(t("atlas.reduced", h=drawn.cell_h, w=drawn.cell_w, H=h, W=w))
    if len(view.gate) == 1:
        ui.figure(view, lambda t: rescale.draw_gates(view.gate[0], order, c, t), "gatebars", c, by)


def sheet(drawn: atlas.Atlas, name: str, t: Texts) -> Figure:
    """Return one of the three atlases for a slide."""
    return squeeze.draw_atlas(atlas.rgb(drawn), drawn.scale, None, t(f"walk.rescale.{name}"), t)


def carpet(view: Scene) -> None:
    """Draw the gates of every block of the network, each of which is a way to its block."""
    t, symbol = view.t, view.symbol(len(view.gate) - 1)
    heading = t("walk.rescale.carpet", n=len(view.trace.blocks))
    names = tuple(ui.short(block.name) for block in view.trace.blocks)
    gates = tuple(np.asarray(block.gate[-1]) for block in view.trace.blocks)
    build = partial(rescale.draw_carpet, names, gates, symbol)
    ui.titled(view, ui.heading(heading, section=True), build, "rescale-carpet", ())
    how = ui.pick("carpet", ui.worded(t, "carpet", ("sorted", "index")), t("sort.label"))
    ui.carpet(view, "carpet", heading, how == "sorted")
    st.caption(t("walk.rescale.carpet.idea"))


def position(view: Scene) -> None:
    """Say where in its units the network has its gates."""
    ui.section(view.t("walk.rescale.position"))
    st.markdown(view.t(f"position.{view.spec.position}", model=view.spec.title))


LOOKS = {"sheets": sheets, "carpet": carpet, "position": position}


@ui.page
def draw() -> None:
    """Draw one map before and after its gate; the rest when it is asked for."""
    view = ui.scene()
    t, c, gate = view.t, view.channel, view.gate
    count, branches, out = len(view.z), len(gate), view.out(c)

    ui.title(t("walk.rescale.title"), view)
    st.markdown(t("walk.rescale.idea.sk" if branches > 1 else "walk.rescale.idea", c=count))
    ui.header(view)

    u_c = view.u[:, c]
    scale = Scale.around_zero(f"u{c}, x̃{c}", [u_c.min(), u_c.max()])
    ui.figure(view, lambda t: rescale.draw_before_after(u_c, gate[:, c], out, c, scale, t), "before", c)
    i, j = np.unravel_index(int(np.abs(view.fused[c]).argmax()), view.fused[c].shape)
    terms = "+".join(rf"{gate[m, c]:.4f}\cdot({view.u[m, c, i, j]:.4f})" for m in range(branches))
    symbol = rf"\sum_m a_{{m,{c}}}\,u_{{m,{c}}}" if branches > 1 else rf"s_{{{c}}}\,u_{{{c}}}"
    ui.latex(rf"\tilde x_{{{c}}}({i},{j})={symbol}({i},{j})={terms}={out[i, j]:.4f}")
    st.caption(t("walk.rescale.symbols", c=count, h=out.shape[0], w=out.shape[1], m=branches))

    looks = {name: partial(look, view) for name, look in LOOKS.items()}
    forward = f"senet_viz.networks.blocks:{'SEBlock' if branches == 1 else 'SKConv'}.forward"
    ui.closer(view, looks, forward, rescale.draw_before_after)
