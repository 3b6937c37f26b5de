"""The block: the whole of it in one picture, and the steps through it."""

from functools import partial

import streamlit as st

from senet_viz import ui
from senet_viz.ui.pages.walk import first, stage


@partial(ui.page, own=stage.OWN)
def draw() -> None:
    """Draw the stage; what is said of the network below it."""
    view = ui.scene()
    ui.title(view.t("walk.block.title"), view)
    stage.stage(view)
    first.seen(view)
    with ui.trusted(view) as knows:
        if knows:
            st.caption(knows)
    ui.closer(
        view,
        {"still": partial(stage.still, view)},
        f"senet_viz.networks.blocks:{'SEBlock' if len(view.gate) == 1 else 'SKConv'}.forward",
    )
