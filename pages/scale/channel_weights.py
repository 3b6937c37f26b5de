"""Channel weights: the same photo at other sizes, and what becomes of every gate."""

import numpy as np
import streamlit as st

from senet_viz import stats, ui
from senet_viz.figures.pieces import times
from senet_viz.figures.scale import channel_weights
from senet_viz.findings import scale_response
from senet_viz.photos import scale
from senet_viz.ui.pages.scale import scrub

SCALES = (0.5, 0.6, 0.7, 0.85, 1.0, 1.25, 1.5, 1.75, 2.0)

view = ui.scene()
t, c = view.t, view.channel
here, names = view.blocks.index(view.name), tuple(ui.short(name) for name in view.blocks)

ui.title(t("scale.channel_weights.title"))
left, right = st.columns([3, 2])
with left:
    kind: scale.Kind = ui.pick("kind", ui.worded(t, "kind", scale.KINDS), t("kind.label"))
with right:
    blur = float(ui.pick("blur", {"0": t("blur.none"), "1": "1 px", "2": "2 px"}, t("blur.label")))
st.markdown(t(f"kind.{kind}.note"))

# --- the sweep: what is there is shown, also where it was stopped -----------------------------------------------------
found = scrub.swept(view, SCALES, kind, blur)
gates = tuple(scale_response.gates(found, block.name) for block in found.traces[0].blocks)
g, scales = gates[here], found.scales
first = np.abs(g[-1] - g[0])
st.markdown(
    t(
        "scale.channel_weights.idea",
        low=times(scales[0]),
        high=times(scales[-1]),
        block=names[here],
        mean=f"{first.mean():.3f}",
        most=int(first.argmax()),
        a=f"{g[0, first.argmax()]:.3f}",
        b=f"{g[-1, first.argmax()]:.3f}",
        n=len(first),
    )
)

# --- the scrubber -----------------------------------------------------------------------------------------------------
key = (kind, blur, scales)
frames = [picture.shown for picture in found.pictures]
ui.titled(
    view,
    ui.heading(t("scale.channel_weights.scrub")),
    lambda t: channel_weights.draw_film(
        frames, scales, names, gates, here, scales.index(1.0), c, kind, scale_response.table(found), t
    ),
    "scale-film",
    (*key, c),
)
scrub.scrubber(view, found, kind, blur)
ui.badge(view)
if not blur:
    same = max(
        float(np.abs(a.gate.numpy() - b.gate.numpy()).max())
        for a, b in zip(found.traces[scales.index(1.0)].blocks, view.trace.blocks, strict=True)
    )
    st.caption(t("scale.channel_weights.same", difference=f"{same:.1e}"))

# --- who moved --------------------------------------------------------------------------------------------------------
up, down = scale_response.most(g)
ui.figure(view, lambda t: channel_weights.draw_moved(g, scales, up, down, c, names[here], t), "moved", c, *key)

# --- does the order stay? ---------------------------------------------------------------------------------------------
rho = view.drawn(lambda: scale_response.correlations(found, scales.index(1.0)), "rho", *key)
ui.figure(view, lambda t: channel_weights.draw_rank(rho, scales, names, here, t), "rank", *key)

# --- how much of it is blur? ------------------------------------------------------------------------------------------
sharp = found if not blur else scrub.swept(view, SCALES, kind, 0.0)
own = scale_response.gates(sharp, view.name)
base = own[sharp.scales.index(1.0)]
plain = scale_response.distance(own, base)
if blur:
    soft, alone = (
        scale_response.distance(g, g[scales.index(1.0)]),
        float(scale_response.distance(g, base)[scales.index(1.0)]),
    )
    ui.figure(
        view,
        lambda t: channel_weights.draw_blur(scales, plain[: len(scales)], soft, alone, f"{blur:g}", t),
        "blur",
        *key,
    )
    st.markdown(t("scale.channel_weights.blur", sigma=f"{blur:g}", alone=f"{alone:.4f}", zoom=f"{plain.max():.4f}"))
else:
    ui.figure(view, lambda t: channel_weights.draw_blur(sharp.scales, plain, None, 0.0, "", t), "blur", *key)
    st.markdown(t("scale.channel_weights.noblur"))
ui.code(view, scale.at_scale, scale.zoomed, stats.rank_correlation)
