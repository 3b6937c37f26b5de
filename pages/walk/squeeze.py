"""Squeeze: a whole map becomes one number."""

from functools import partial

import numpy as np
import streamlit as st

from senet_viz import ui
from senet_viz.drawing import atlas
from senet_viz.drawing.grammar import Scale
from senet_viz.figures.walk import squeeze
from senet_viz.tap import replay
from senet_viz.ui.scene import Scene


def everything(view: Scene, scale: Scale, scope: str) -> None:
    """Draw all maps as an atlas beside all numbers that they become."""
    t, c, (count, h, w) = view.t, view.channel, view.fused.shape
    heading = st.container()
    left, right = st.columns([3, 2], gap="medium")
    with right:
        by = ui.pick("sort", ui.worded(t, "sort", ("index", "z", "gate")), t("sort.label"))
        ui.pick("scope", ui.worded(t, "scope", ("channel", "block")), t("scope.label"))
    order = view.order(by)
    shown = Scale("u / max|u|", -1, 1, "activation") if scope == "channel" else scale

    def maps() -> np.ndarray:
        """(C, H, W) in the chosen colour range."""
        reach = np.abs(view.fused).max(axis=(1, 2), keepdims=True)
        return view.fused / np.where(reach == 0, 1, reach) if scope == "channel" else view.fused

    with left:
        st.markdown(t("walk.squeeze.click"))
        drawn = ui.atlas(view, maps, shown, order, "atlas", t("walk.squeeze.atlas", n=count), mark=scope)
        if drawn.reduced:
            st.caption(t("atlas.reduced", h=drawn.cell_h, w=drawn.cell_w, H=h, W=w))
    row, column = atlas.cell_at(drawn, c)
    x0, y0 = column * (drawn.cell_w + drawn.gap) - 0.5, row * (drawn.cell_h + drawn.gap) - 0.5
    box = (x0, y0, x0 + drawn.cell_w, y0 + drawn.cell_h)
    with heading:
        ui.titled(
            view,
            ui.heading(t("walk.squeeze.all", c=count), section=True),
            lambda t: squeeze.draw_atlas(atlas.rgb(drawn), shown, box, t("walk.squeeze.all", c=count), t),
            "atlas",
            (by, scope, c),
        )
    with right:
        ui.figure(view, lambda t: squeeze.draw_z(view.z, order, c, t), "z", c, by, narrow=True)


def adaptive(view: Scene, scale: Scale) -> None:
    """Draw what adaptive pooling makes of the pinned map for other sizes of its output."""
    t, c = view.t, view.channel
    ui.section(t("walk.squeeze.adaptive"))
    st.markdown(t("walk.squeeze.adaptive.idea"))
    kind = ui.pick("pool", ui.worded(t, "pool", ("avg", "max")), t("pool.label"))
    sizes: dict[str, int | tuple[int | None, int | None]] = {"1": 1, "7": 7, "(5, 7)": (5, 7), "(None, 7)": (None, 7)}
    pooled = tuple(replay.pooled(view.fused[c : c + 1], size, kind)[0] for size in sizes.values())
    titles = tuple(f"{name} → {p.shape[0]}×{p.shape[1]}" for name, p in zip(sizes, pooled, strict=True))
    ui.figure(view, lambda t: squeeze.draw_pooled(pooled, titles, c, scale, t), "pooled", c, kind)
    own = view.fused[c]
    st.caption(t(f"walk.squeeze.{kind}", avg=f"{own.mean():.4f}", max=f"{own.max():.4f}"))


def input_size(view: Scene) -> None:
    """Draw the pinned map for an input of another size: as many numbers come out."""
    t, c, (count, h, w) = view.t, view.channel, view.fused.shape
    ui.section(t("more.input"))
    base = view.picture.shown.shape[1]
    choices = {size: f"{size}×{size}" for size in (base // 2, base, base * 3 // 2, base * 2)}
    size = ui.pick("input", choices, t("walk.squeeze.input"))
    other = view.other(size)
    oh, ow = other.fused.shape[1:]
    own = {"base": base, "h0": h, "w0": w, "z0": f"{view.z[c]:.4f}"}
    st.markdown(t("walk.squeeze.other", size=size, h=oh, w=ow, c=c, z=f"{other.z[c]:.4f}", n=count, **own))
    wide = (view.fused[c], other.fused[c])
    names = (f"{base}×{base} → {h}×{w}", f"{size}×{size} → {oh}×{ow}")
    ui.figure(view, lambda t: squeeze.draw_sizes(wide, names, c, t), "sizes", c, size)


@ui.page
def draw() -> None:
    """Draw one map and the number that it becomes; the rest when it is asked for."""
    view = ui.scene()
    t, c = view.t, view.channel
    u_c, z_c, (count, h, w) = view.fused[c], float(view.z[c]), view.fused.shape

    ui.title(t("walk.squeeze.title"), view)
    st.markdown(t("walk.squeeze.idea", c=count, h=h, w=w))
    ui.header(view)

    scope = "block" if ui.asked("scope") == "block" else "channel"
    block_scale = view.drawn(lambda: Scale.around_zero("U", view.fused), "scale")
    channel_scale = Scale.around_zero(f"u{c}", u_c)
    scale = channel_scale if scope == "channel" else block_scale
    how, shown = view.replay.squeeze, view.picture.shown
    ui.figure(view, lambda t: squeeze.draw_map(shown, u_c, z_c, c, scale, how, t), "map", c, scope)
    total = float(u_c.sum(dtype=np.float64))
    if how == "avg":
        mean = rf"\frac{{{total:.4f}}}{{{h}\cdot{w}}}={total / (h * w):.4f}"
        ui.latex(rf"z_{{{c}}}=\frac{{1}}{{H\,W}}\sum_{{i,j}}u_{{{c}}}(i,j)={mean}")
    else:
        ui.latex(rf"z_{{{c}}}={z_c:.4f}")
    st.caption(t("walk.squeeze.symbols", c=count, h=h, w=w, m=len(view.u)))

    looks = {
        "maps": partial(everything, view, block_scale, scope),
        "adaptive": partial(adaptive, view, channel_scale),
        "input": partial(input_size, view),
    }
    ui.closer(view, looks, "senet_viz.networks.blocks:SEBlock.forward", replay.pooled, squeeze.draw_map)
