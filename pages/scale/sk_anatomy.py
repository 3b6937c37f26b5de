"""Inside a Selective Kernel unit: split, fuse, select; then what its convolutions cost and how far they see."""

from functools import partial

import streamlit as st

from senet_viz import ui
from senet_viz.architecture import formulas
from senet_viz.tap import sk_unit
from senet_viz.ui.pages.scale import sk_steps

LOOKS = {
    "split": sk_steps.split,
    "fuse": sk_steps.fuse,
    "select": sk_steps.select,
    "mix": sk_steps.mix,
    "axis": sk_steps.axis,
    "convolution": sk_steps.convolution,
}


@partial(ui.page, of=ui.sk_scene)
def draw() -> None:
    """Draw the whole way of one channel; each step of it when it is asked for."""
    view = ui.sk_scene()
    t = view.t
    ui.title(t("scale.sk_anatomy.title"), view)
    st.markdown(t("scale.sk_anatomy.idea"))
    ui.header(view)
    ui.units(view)

    way = sk_steps.Way(view, 3 if str(ui.asked("m")) == "3" else 2)  # which is offered below the figure
    if not way.own:
        ui.untrained(t("scale.sk_anatomy.fresh"))
    sk_steps.path(way)
    if not way.own:
        st.caption(t("scale.sk_anatomy.fresh.why", gap=ui.small(way.unit.gap), c=way.c))
    ui.pick("m", {2: t("scale.sk_anatomy.m.2"), 3: t("scale.sk_anatomy.m.3")}, t("scale.sk_anatomy.m"))

    looks = {name: partial(look, way) for name, look in LOOKS.items()}
    ui.closer(view, looks, "senet_viz.networks.blocks:SKConv.forward", sk_unit.mixed, sk_unit.wrong_axis, formulas.Conv)
