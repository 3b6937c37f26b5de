"""Does the network on screen notice what it does not know? Its score on this photo, and the ROC of such scores."""

import numpy as np
import streamlit as st

from senet_viz.figures.lab import open_set
from senet_viz.open_set import rates, record
from senet_viz.open_set.record import READOUT
from senet_viz.ui.elements.figures import figure
from senet_viz.ui.elements.frame import section
from senet_viz.ui.scene import Scene

BESIDE = ("probability", "energy", "relative")  # known scores that are drawn beside the one that is used


def strangers(view: Scene) -> None:
    """Say what the score is on this photo and how often such scores are wrong; draw their ROC."""
    t, found = view.t, record.of(view.spec.key) if view.trained else None
    section(t("more.strangers"))
    if found is None:
        st.info(t("listed.none", model=view.spec.title))
        return
    value = record.score(view.spec.key, view.trace)
    said = "listed.score.yes" if view.seen.familiar else "listed.score.no"
    st.markdown(t(said, score=f"{value:.2f}", limit=f"{found.threshold:.2f}"))
    ways = (READOUT, *BESIDE)
    curves: list[tuple[np.ndarray, np.ndarray]] = [rates.roc(*found.both(way)) for way in ways]
    here = (found.false.value, found.told.value)
    figure(
        view, lambda t: open_set.draw_roc([t(f"listed.way.{way}") for way in ways], curves, here, t),
        "roc", view.picture.key, shows="model",
    )  # fmt: skip
    shares = {"told": found.told, "false": found.false}
    spans = {name: f"{share.value:.1%} ({share.low:.1%}\u2013{share.high:.1%})" for name, share in shares.items()}
    count = {"own": f"{found.group('own').sum():,}", "strange": f"{found.group('strange').sum():,}"}
    st.caption(t("listed.how", k=len(found.strange), p=len(found.practised), **count, **spans))
