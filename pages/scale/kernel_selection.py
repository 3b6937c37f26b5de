"""Kernel selection: does a unit lean to its larger kernel when things get larger?"""

from functools import partial

import numpy as np
import streamlit as st

from senet_viz import stats, ui
from senet_viz.experiments import kernel_preference
from senet_viz.figures.pieces import times
from senet_viz.figures.scale import kernel_selection
from senet_viz.findings import Held, kernel_choice
from senet_viz.tap import edits
from senet_viz.ui.pages.scale import preferences


@ui.page
def draw() -> None:
    """Draw the page."""
    view = ui.sk_scene()
    t, c, unit, scales = view.t, view.channel, ui.short(view.name), kernel_preference.SCALES
    names = kernel_preference.units(view.trace)
    u, kernels = names.index(view.name), list(map(str, view.kernels))

    ui.title(t("scale.kernel_selection.title"), view)
    st.markdown(t("scale.kernel.idea", unit=unit))
    ui.header(view)

    # --- one photo, one unit ------------------------------------------------------------------------------------------
    first = st.container()
    blur = float(ui.pick("blur", {s: t("blur.px", px=s) for s in ("0", "1", "2")}, t("blur.label")))
    st.caption(t("scale.kernel.blur.why"))
    sweep, measured = view.sweep(scales, blur=blur), preferences.preference(view, blur)
    here = kernel_preference.gathered(names, [measured])
    judged = kernel_choice.verdicts(here)
    mine = judged[u]
    with first:
        crops = [picture.shown for picture in sweep.pictures]
        leans = measured[:, :, u]
        ui.figure(
            view,
            lambda t: kernel_selection.draw_zoom(crops, scales, unit, leans, mine.reason, kernels, t),
            "zoom",
            blur,
        )
        preferences.answer(view, mine)
        if len(view.gate) != 2:
            st.info(t("scale.kernel.branches", m=len(view.gate)))

    ui.section(t("scale.kernel.tug"))
    st.markdown(t("scale.kernel.tug.idea"))
    zoom = ui.pick("zoom", {f"{s:g}": times(s) for s in scales}, t("zoom.label"))
    level = [f"{s:g}" for s in scales].index(zoom)
    gates = [trace.block(view.name).gate.numpy() for trace in sweep.traces]
    tug = partial(kernel_selection.draw_tug, gates[level], gates[0], unit, scales[level], c, kernels)
    ui.figure(view, tug, "tug", c, zoom, blur)
    lead = gates[level][-1] - gates[level][0]
    shown = kernel_selection.preferred(lead, kernels)
    alt = t("scale.kernel.tug.board", kernel=kernels[-1], n=len(view.z))
    ui.rows(view, [(f"a{len(kernels) - 1}−a0", lead, shown)], f"tug-{zoom}-{blur:g}", alt, descending=True)

    ui.section(t("scale.kernel.taps"))
    last = view.kernels[-1]
    st.markdown(t("scale.kernel.taps.idea", taps=last.size**2, d=last.dilation, reach=last.reach))
    row, column, step = kernel_preference.strongest(view.fused[c], last.stride, view.picture.shown.shape[0])
    taps = [kernel.taps(row, column, step) for kernel in view.kernels]
    spots = partial(
        kernel_selection.draw_taps, view.picture.shown, (row, column), taps, kernels, view.gate[:, c], step, c
    )
    ui.figure(view, spots, "taps", c)

    ui.section(t("scale.kernel.force"))
    st.markdown(t("scale.kernel.force.idea"))
    preferences.overrule(view, names, kernels)

    ui.section(t("scale.kernel.set"))
    profile = preferences.shipped(view)
    sources = {"one": t("set.one"), "mine": t("set.mine")}
    sources |= {"profile": t("set.profile", n=len(profile.truth))} if profile else {}
    which = ui.pick("set", sources, t("set.label"), "profile" if profile else "one")
    done: list[tuple[str, np.ndarray]] = []
    if which == "mine":
        found = preferences.uploaded(view)
        done = preferences.collected(view, found, blur) if found else []
    chosen = profile.selection if which == "profile" else here
    if done:
        chosen = kernel_preference.gathered(names, [v for _, v in done])
    if which == "profile" and blur:
        st.caption(t("scale.kernel.set.sharp"))
    many = chosen.difference.shape[2]
    judged = kernel_choice.verdicts(chosen)
    some = kernel_preference.one_a_stage(names, view.name)
    photo, photos = (kernel_selection.curves(each.difference, names, some, ui.short) for each in (here, chosen))
    photos = () if chosen is here else photos
    fig3 = partial(kernel_selection.draw_fig3, scales, photo, photos, many, kernel_preference.PUBLISHED, kernels)
    mark = (tuple(name for name, _ in done), chosen.difference.tobytes() if done else 0)
    ui.figure(view, fig3, "fig3", blur, which, *mark)
    words = {word.value: sum(each.word is word for each in judged) for word in Held}
    st.markdown(t("scale.kernel.set.count", photos=many, n=len(judged), **words))
    preferences.verdict_table(view, chosen, judged)
    st.caption(t("scale.kernel.one.rule" if many == 1 else "scale.kernel.set.rule"))
    preferences.downloads(view, sweep, done)

    # --- class by class -----------------------------------------------------------------------------------------------
    if profile:
        ui.section(t("scale.kernel.classes"))
        labels = view.seen.classes
        means = view.drawn(
            lambda: kernel_preference.by_class(profile.selection, profile.truth, len(profile.classes)), "classes4"
        )
        at = [names.index(name) for name in some]
        shorts = [ui.short(name) for name in some]
        fig4 = partial(kernel_selection.draw_fig4, shorts, scales[:2], means[:2][:, :, at], labels, len(profile.truth))
        ui.figure(view, fig4, "fig4", shows="model")
    decided = (kernel_preference.preference, kernel_choice.verdict, stats.mean95)
    ui.code(view, *decided, edits.apply, kernel_preference.less_detail)
