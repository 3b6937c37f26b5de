"""Excitation: all channels vote on the gate of each."""

from functools import partial

import numpy as np
import streamlit as st

from senet_viz import ui
from senet_viz.tap import replay
from senet_viz.ui.pages.walk import excited


@ui.page
def draw() -> None:
    """Draw the way from z to the gates; the rest when it is asked for."""
    view = ui.scene()
    t, competing, layered = view.t, len(view.gate) > 1, excited.layered(view)
    branch = excited.branch(view)

    ui.title(t("walk.excitation.title"), view)
    idea = "idea.one" if not layered else "idea.sk" if competing else "idea"
    st.markdown(t(f"walk.excitation.{idea}", c=len(view.z), kind=view.block.kind))
    ui.header(view)

    if layered:
        excited.network(view, branch)
    else:
        excited.gates(view, branch)
    looks = {}
    if layered:
        looks["votes"] = partial(excited.votes, view, branch)
        looks["contest" if competing else "gatefn"] = partial(excited.gates, view, branch, closer=True)
    if not competing:
        looks["softmax"] = partial(excited.softmax, view)
    if np.isfinite(view.fc_against_conv):  # there are two layers to compare
        looks["fcconv"] = partial(excited.fc_and_conv, view)
    ui.closer(
        view, looks, "senet_viz.networks.blocks:SEBlock", "senet_viz.networks.blocks:HSigmoid", replay.fc_against_conv
    )
