"""Excitation: all channels vote on the gate of each."""

import numpy as np
import streamlit as st

from senet_viz import ui
from senet_viz.networks import blocks
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
    gates, looks = "contest" if competing else "gatefn", []
    looks += ["votes", gates] if layered else []
    looks += [] if competing else ["softmax"]
    looks += ["fcconv"] if np.isfinite(view.fc_against_conv) else []  # there are two layers to compare
    more = ui.closer(t, *looks, "code")
    if "votes" in more:
        excited.votes(view, branch)
    if gates in more:
        ui.section(t(f"walk.excitation.{gates}"))
        excited.gates(view, branch)
    if "softmax" in more:
        excited.softmax(view)
    if "fcconv" in more:
        ui.section(t("walk.excitation.fcconv"))
        st.markdown(t("walk.excitation.fcconv.why", gap=f"{view.fc_against_conv:.1e}", c=len(view.z)))
    if "code" in more:
        ui.code(view, blocks.SEBlock, blocks.HSigmoid, replay.fc_against_conv)
