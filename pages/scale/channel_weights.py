"""Channel weights: the same photo at other sizes, and what becomes of every gate."""

from functools import partial

import numpy as np
import streamlit as st

from senet_viz import stats, ui
from senet_viz.drawing.grammar import Figure
from senet_viz.figures.pieces import times
from senet_viz.figures.scale import channel_weights
from senet_viz.findings import scale_response
from senet_viz.i18n import Texts
from senet_viz.photos import scale
from senet_viz.ui.pages.scale import scrub

SCALES = (0.5, 0.6, 0.7, 0.85, 1.0, 1.25, 1.5, 1.75, 2.0)


@ui.page
def draw() -> None:
    """Draw the page."""
    view = ui.scene()
    t, c = view.t, view.channel
    here, names = view.blocks.index(view.name), tuple(ui.short(name) for name in view.blocks)

    ui.title(t("scale.channel_weights.title"))
    left, right = st.columns([3, 2])
    kind: scale.Kind = ui.pick("kind", ui.worded(t, "kind", scale.KINDS), t("kind.label"), at=left)
    blur = float(ui.pick("blur", {"0": t("blur.none"), "1": "1 px", "2": "2 px"}, t("blur.label"), at=right))
    st.markdown(t(f"kind.{kind}.note"))

    # --- the sweep: what is there is shown, also where it was stopped -------------------------------------------------
    found = scrub.swept(view, SCALES, kind, blur)
    gates = tuple(scale_response.gates(found, block.name) for block in found.traces[0].blocks)
    g, scales, at = gates[here], found.scales, found.scales.index(1.0)
    first = np.abs(g[-1] - g[0])
    most = int(first.argmax())
    ends = {"low": times(scales[0]), "high": times(scales[-1]), "a": f"{g[0, most]:.3f}", "b": f"{g[-1, most]:.3f}"}
    said = {"block": names[here], "mean": f"{first.mean():.3f}", "most": most, "n": len(first)}
    st.markdown(t("scale.channel_weights.idea", **ends, **said))

    # --- the scrubber -------------------------------------------------------------------------------------------------
    key = (kind, blur, scales)
    frames = [picture.shown for picture in found.pictures]

    def film(t: Texts) -> Figure:
        """All scales at once, for a slide."""
        return channel_weights.draw_film(
            frames, scales, names, gates, here, at, c, kind, scale_response.table(found), t
        )

    ui.titled(view, ui.heading(t("scale.channel_weights.scrub")), film, "scale-film", (*key, c))
    scrub.scrubber(view, found, kind, blur)
    ui.badge(view)
    if not blur:
        pairs = zip(found.traces[at].blocks, view.trace.blocks, strict=True)
        same = max(float((a.gate - b.gate).abs().max()) for a, b in pairs)
        st.caption(t("scale.channel_weights.same", difference=f"{same:.1e}"))

    # --- who moved ----------------------------------------------------------------------------------------------------
    up, down = scale_response.most(g)
    ui.figure(view, lambda t: channel_weights.draw_moved(g, scales, up, down, c, names[here], t), "moved", c, *key)

    # --- does the order stay? -----------------------------------------------------------------------------------------
    rho = view.drawn(lambda: scale_response.correlations(found, at), "rho", *key)
    ui.figure(view, lambda t: channel_weights.draw_rank(rho, scales, names, here, t), "rank", *key)

    # --- how much of it is blur? --------------------------------------------------------------------------------------
    sharp = found if not blur else scrub.swept(view, SCALES, kind, 0.0)
    own = scale_response.gates(sharp, view.name)
    base = own[sharp.scales.index(1.0)]
    plain = scale_response.distance(own, base)
    if blur:
        soft, alone = scale_response.distance(g, g[at]), float(scale_response.distance(g, base)[at])
        draw = partial(channel_weights.draw_blur, scales, plain[: len(scales)], soft, alone, f"{blur:g}")
        ui.figure(view, draw, "blur", *key)
        st.markdown(t("scale.channel_weights.blur", sigma=f"{blur:g}", alone=f"{alone:.4f}", zoom=f"{plain.max():.4f}"))
    else:
        ui.figure(view, lambda t: channel_weights.draw_blur(sharp.scales, plain, None, 0.0, "", t), "blur", *key)
        st.markdown(t("scale.channel_weights.noblur"))
    ui.code(view, scale.at_scale, scale.zoomed, stats.rank_correlation)
