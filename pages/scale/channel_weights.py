"""Channel weights: the same photo at other sizes, and what becomes of every gate."""

from collections.abc import Callable, Hashable
from functools import partial

import numpy as np
import streamlit as st

from senet_viz import stats, ui
from senet_viz.drawing.grammar import Figure
from senet_viz.experiments.scale_sweep import Sweep
from senet_viz.figures.pieces import times
from senet_viz.figures.scale import channel_weights
from senet_viz.findings import scale_response
from senet_viz.i18n import Texts
from senet_viz.photos import scale
from senet_viz.ui.pages.scale import scrub
from senet_viz.ui.scene import Scene

SCALES = scrub.SCALES
BLURS = {"0": 0.0, "1": 1.0, "2": 2.0}  # px


def film(view: Scene, found: Sweep, kind: scale.Kind, t: Texts) -> Figure:
    """Return all scales at once, for a slide."""
    gates = tuple(scale_response.gates(found, name) for name in view.blocks)
    frames, rows = [picture.shown for picture in found.pictures], scale_response.table(found)
    names, here, at = tuple(map(ui.short, view.blocks)), view.blocks.index(view.name), found.scales.index(1.0)
    return channel_weights.draw_film(frames, found.scales, names, gates, here, at, view.channel, kind, rows, t)


def moved(view: Scene, found: Sweep, *key: Hashable) -> None:
    """Draw the gates of the block that moved most."""
    g, c, name = scale_response.gates(found, view.name), view.channel, ui.short(view.name)
    up, down = scale_response.most(g)
    ui.figure(view, lambda t: channel_weights.draw_moved(g, found.scales, up, down, c, name, t), "moved", c, *key)


def ranks(view: Scene, found: Sweep, *key: Hashable) -> None:
    """Draw how far the order of every block's channels stays what it is at the photo's own scale."""
    names, here = tuple(map(ui.short, view.blocks)), view.blocks.index(view.name)
    rho = view.drawn(lambda: scale_response.correlations(found, found.scales.index(1.0)), "rho", *key)
    ui.figure(view, lambda t: channel_weights.draw_rank(rho, found.scales, names, here, t), "rank", *key)


def softer(view: Scene, found: Sweep, kind: scale.Kind, blur: float) -> None:
    """Draw how far the gates move, with every frame blurred and without, and by blur alone."""
    t = view.t
    ui.section(t("scale.channel_weights.softer"))
    ui.pick("blur", {key: f"{key} px" if px else t("blur.none") for key, px in BLURS.items()}, t("blur.label"))
    sharp = found if not blur else scrub.swept(view, SCALES, kind)
    own, g = scale_response.gates(sharp, view.name), scale_response.gates(found, view.name)
    base, at = own[sharp.scales.index(1.0)], found.scales.index(1.0)
    plain, key = scale_response.distance(own, base), (kind, blur, found.scales)
    if not blur:
        ui.figure(view, lambda t: channel_weights.draw_blur(sharp.scales, plain, None, 0.0, "", t), "blur", *key)
        st.caption(t("scale.channel_weights.noblur"))
        return
    soft, alone = scale_response.distance(g, g[at]), float(scale_response.distance(g, base)[at])
    draw = partial(channel_weights.draw_blur, found.scales, plain[: len(found.scales)], soft, alone, f"{blur:g}")
    ui.figure(view, draw, "blur", *key)
    st.caption(t("scale.channel_weights.blur", sigma=f"{blur:g}", alone=f"{alone:.4f}", zoom=f"{plain.max():.4f}"))


@partial(ui.page, own=scrub.OWN)
def draw() -> None:
    """Draw the photo at every size with the gates that it gets; the rest when it is asked for."""
    view = ui.scene()
    t, c = view.t, view.channel
    blur = BLURS.get(str(ui.asked("blur")), 0.0)

    ui.title(t("scale.channel_weights.title"), view)
    kind: scale.Kind = ui.pick("kind", ui.worded(t, "kind", scale.KINDS), t("kind.label"))
    found = scrub.swept(view, SCALES, kind, blur)  # what is there is shown, also where it was stopped

    g, scales, at = scale_response.gates(found, view.name), found.scales, found.scales.index(1.0)
    change = np.abs(g[-1] - g[0])
    most = int(change.argmax())
    ends = {"low": times(scales[0]), "high": times(scales[-1]), "a": f"{g[0, most]:.3f}", "b": f"{g[-1, most]:.3f}"}
    said = {"block": ui.short(view.name), "mean": f"{change.mean():.3f}", "most": most, "n": len(change)}
    st.markdown(t("scale.channel_weights.idea", **ends, **said))

    key = (kind, blur, scales)
    heading = ui.heading(t("scale.channel_weights.scrub"))
    ui.titled(view, heading, partial(film, view, found, kind), "scale-film", (*key, c))
    scrub.scrubber(view, found, kind, blur, "strips" in ui.opened())
    notes = [t(f"kind.{kind}.note")]
    if blur:
        notes.append(t("scale.channel_weights.blurred", sigma=f"{blur:g}"))
    else:
        pairs = zip(found.traces[at].blocks, view.trace.blocks, strict=True)
        same = view.drawn(lambda: max(float(abs(a.gate - b.gate).max()) for a, b in pairs), "same", *key)
        notes.append(t("scale.channel_weights.same", difference=ui.small(same)))
    st.caption(" ".join(notes))

    looks: dict[str, Callable[[], None]] = {
        "strips": lambda: None,  # they are part of the scrubber
        "moved": partial(moved, view, found, *key),
        "ranks": partial(ranks, view, found, *key),
        "softer": partial(softer, view, found, kind, blur),
    }
    ui.closer(view, looks, scale.at_scale, scale.zoomed, stats.rank_correlation)
