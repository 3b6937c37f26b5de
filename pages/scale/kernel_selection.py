"""Kernel selection: does a unit lean to its larger kernel when things get larger?"""

from functools import partial

import numpy as np
import streamlit as st

from senet_viz import stats, ui
from senet_viz.experiments import kernel_preference
from senet_viz.figures.pieces import times
from senet_viz.figures.scale import kernel_selection
from senet_viz.findings import kernel_choice
from senet_viz.tap import edits
from senet_viz.ui.pages.scale import preferences
from senet_viz.ui.scene import Scene

SCALES = kernel_preference.SCALES
BLURS = ("0", "1", "2")  # px


def soften(view: Scene) -> None:
    """Let choose by how much all photos are blurred alike."""
    t = view.t
    ui.section(t("scale.kernel.blur"))
    st.markdown(t("scale.kernel.blur.why"))
    ui.pick("blur", {s: t("blur.px", px=s) for s in BLURS}, t("blur.label"))


def tug(view: Scene, kernels: list[str], blur: float) -> None:
    """Draw every channel's shares of the kernels at one zoom."""
    t, c, sweep = view.t, view.channel, view.sweep(SCALES, blur=blur)
    ui.section(t("scale.kernel.tug"))
    st.markdown(t("scale.kernel.tug.idea"))
    zoom = ui.pick("zoom", {f"{s:g}": times(s) for s in SCALES}, t("zoom.label"))
    level = [f"{s:g}" for s in SCALES].index(zoom)
    gates = [np.asarray(trace.block(view.name).gate) for trace in sweep.traces]
    draw = partial(kernel_selection.draw_tug, gates[level], gates[0], ui.short(view.name), SCALES[level], c, kernels)
    ui.figure(view, draw, "tug", c, zoom, blur)
    lead = gates[level][-1] - gates[level][0]
    shown = kernel_selection.preferred(lead, kernels)
    alt = t("scale.kernel.tug.board", kernel=kernels[-1], n=len(view.z))
    ui.rows(view, [(f"a{len(kernels) - 1}−a0", lead, shown)], f"tug-{zoom}-{blur:g}", alt, descending=True)


def taps(view: Scene, kernels: list[str]) -> None:
    """Draw where the kernels look on the photo when the pinned channel is strongest."""
    t, c, last, shown = view.t, view.channel, view.kernels[-1], view.picture.shown
    ui.section(t("scale.kernel.taps"))
    st.markdown(t("scale.kernel.taps.idea", taps=last.size**2, d=last.dilation, reach=last.reach))
    row, column, step = kernel_preference.strongest(view.fused[c], last.stride, shown.shape[0])
    spots = [kernel.taps(row, column, step) for kernel in view.kernels]
    shares = view.gate[:, c]
    draw = partial(kernel_selection.draw_taps, shown, (row, column), spots, kernels, shares, step, c)
    ui.figure(view, draw, "taps", c)


def classes(view: Scene, names: tuple[str, ...]) -> None:
    """Draw what the classes of the shipped profile prefer in one unit a stage."""
    ui.section(view.t("scale.kernel.classes"))
    profile, some = preferences.shipped(view), kernel_preference.one_a_stage(names, view.name)
    by_class = partial(kernel_preference.by_class, profile.selection, profile.truth, len(profile.classes))
    means = view.drawn(by_class, "classes4")[:2][:, :, [names.index(name) for name in some]]
    shorts, labels = [ui.short(name) for name in some], view.seen.classes
    draw = partial(kernel_selection.draw_fig4, shorts, SCALES[:2], means, labels, len(profile.truth))
    ui.figure(view, draw, "fig4", shows="model")


@partial(ui.page, of=ui.sk_scene)
def draw() -> None:
    """Draw one photo at three sizes and what one unit prefers; the rest when it is asked for."""
    view = ui.sk_scene()
    t, unit = view.t, ui.short(view.name)
    ui.title(t("scale.kernel_selection.title"), view)
    st.markdown(t("scale.kernel.idea", unit=unit))
    ui.header(view)
    ui.units(view)

    asked = ui.asked("blur") if "blurred" in ui.opened() else "0"  # before it is offered, below the figure
    blur = float(asked) if asked in BLURS else 0.0
    names, kernels = kernel_preference.units(view.trace), list(map(str, view.kernels))
    sweep, measured = view.sweep(SCALES, blur=blur), preferences.preference(view, blur)
    here = kernel_preference.gathered(names, [measured])
    mine = view.drawn(lambda: kernel_choice.verdicts(here), "verdicts", blur)[names.index(view.name)]
    crops = [picture.shown for picture in sweep.pictures]
    leans: np.ndarray = measured[:, :, names.index(view.name)]
    zoomed = partial(kernel_selection.draw_zoom, crops, SCALES, unit, leans, mine.reason, kernels)
    ui.figure(view, zoomed, "zoom", blur)
    preferences.answer(view, mine)

    looks = {
        "tug": partial(tug, view, kernels, blur),
        "taps": partial(taps, view, kernels),
        "overrule": partial(preferences.overrule, view, names, kernels),
        "many": partial(preferences.many, view, here, kernels, blur),
    }
    if preferences.shipped(view):
        looks["kernel_classes"] = partial(classes, view, names)
    looks["blurred"] = partial(soften, view)
    decided = (kernel_preference.preference, kernel_choice.verdict, stats.mean95)
    ui.closer(view, looks, *decided, edits.apply, kernel_preference.less_detail)
