"""Inside a Selective Kernel unit: split, fuse, select; then what its convolutions cost and how far they see."""

import streamlit as st

from senet_viz import ui
from senet_viz.architecture import formulas
from senet_viz.figures.scale import convolutions as drawn
from senet_viz.figures.scale import sk_anatomy
from senet_viz.networks import blocks
from senet_viz.tap import sk_unit
from senet_viz.types import Edit


@ui.page
def draw() -> None:
    """Draw the page."""
    view = ui.sk_scene()
    t = view.t

    ui.title(t("scale.sk_anatomy.title"), view)
    st.markdown(t("scale.sk_anatomy.idea"))
    ui.header(view)

    # --- the whole way of one channel ---------------------------------------------------------------------------------
    m = ui.pick("m", {2: t("scale.sk_anatomy.m.2"), 3: t("scale.sk_anatomy.m.3")}, t("scale.sk_anatomy.m"))
    own = m == len(view.gate)
    unit = view.unit(0 if own else m)
    channels, d, h, w = *unit.w2.shape[1:], *unit.u.shape[2:]
    c = min(view.channel, channels - 1)
    u, gate, logits = unit.u[:, c], unit.gate[:, c], unit.logits[:, c]
    spread = [kernel.spread(c) for kernel in unit.kernels]
    kernels = [f"{len(grid)}×{len(grid)}" for grid in spread]  # as they lie on the map: dilated ones reach farther
    if not own:
        ui.untrained(t("scale.sk_anatomy.fresh"))
        st.caption(t("scale.sk_anatomy.fresh.why", gap=f"{unit.gap:.1g}", c=c))
    ui.figure(view, lambda t: sk_anatomy.draw_path(u, float(unit.z[c]), logits, gate, c, kernels, t), "path", c, m)

    ui.section(t("scale.sk_anatomy.split"))
    ui.latex(formulas.split([(kernel.weight.shape[-1], kernel.dilation) for kernel in unit.kernels]))
    taps = unit.kernels[0].weight.shape[-1] ** 2
    st.markdown(t("scale.sk_anatomy.split.why", taps=taps, n=len(spread[1])))
    ui.figure(view, lambda t: sk_anatomy.draw_kernels(spread, taps, c, t), "kernels", c, m)
    x, shape = ("×".join(map(str, each)) for each in (unit.x_shape, unit.kernels[0].weight.shape))
    st.caption(t("scale.sk_anatomy.split.symbols", x=x, m=m, c=channels, h=h, w=w, k=shape, g=unit.kernels[0].groups))

    ui.section(t("scale.sk_anatomy.fuse"))
    ui.latex(formulas.fuse(unit.fused[c], c))
    ui.latex(formulas.compress(channels, d, unit.rule))
    ui.figure(view, lambda t: sk_anatomy.draw_fuse(unit.fused[c], unit.z, unit.h, c, t), "fuse", c, m)
    st.caption(t("scale.sk_anatomy.fuse.symbols", c=channels, d=d))

    ui.section(t("scale.sk_anatomy.select"))
    st.markdown(t("scale.sk_anatomy.rows", n=m * channels, c=channels, d=d))
    ui.latex(formulas.products(unit.w2[:, c], unit.h, c))
    ui.latex(formulas.shares(logits, c))
    ui.figure(view, lambda t: sk_anatomy.draw_rows(unit.w2, unit.h, c, kernels, t), "rows", c, m)

    mixes = ui.worded(t, "scale.sk_anatomy.mix", sk_unit.MIXES)
    how = ui.pick("mix", mixes, t("scale.sk_anatomy.mix"))
    changed = sk_unit.mixed(unit.gate, how)[:, c]
    ui.figure(view, lambda t: sk_anatomy.draw_mix(u, changed, gate, c, kernels, t), "mix", c, m, how)
    ui.latex(formulas.selected(u, changed, c))
    st.markdown(t(f"scale.sk_anatomy.mix.{how}.why"))

    ui.section(t("scale.sk_anatomy.axis"))
    axes = ui.worded(t, "scale.sk_anatomy.axis", ("branches", "channels"))
    axis = ui.pick("axis", axes, t("scale.sk_anatomy.axis.label"))
    wrong = sk_unit.wrong_axis(unit.logits)
    weights = wrong if axis == "channels" else unit.gate
    left = sk_unit.size_left(unit, weights)
    ui.figure(view, lambda t: sk_anatomy.draw_axis(unit.gate, wrong, u, left, c, axis, kernels, t), "axis", c, m, axis)
    sums = {"column": f"{weights[:, c].sum():.4f}", "row": f"{weights[0].sum():.3f}", "size": f"{left:.1%}"}
    for column, (name, number) in zip(st.columns(3), sums.items(), strict=True):
        column.metric(t(f"scale.sk_anatomy.axis.{name}", c=c), number)
    st.markdown(t(f"scale.sk_anatomy.axis.{axis}.why", c=channels, left=f"{left:.1%}"))
    if axis == "channels" and own:
        ways = [t("scale.sk_anatomy.axis.right"), t("scale.sk_anatomy.axis.here"), t("scale.sk_anatomy.axis.all")]
        edits = [[Edit(name, "channel_softmax") for name in names] for names in ((view.name,), view.blocks)]
        answers = [trace.logits.numpy() for trace in (view.trace, *map(view.edited, edits))]
        classes, shares = sk_unit.likeliest(answers)
        said = [view.seen.classes[each] for each in classes]
        ui.figure(view, lambda t: sk_anatomy.draw_scores(said, shares, ways, t), "axis-scores")

    ui.section(t("scale.sk_anatomy.conv"))
    st.markdown(t("scale.sk_anatomy.conv.idea"))
    boxes = st.columns(4)
    k = ui.pick("k", {n: f"{n}×{n}" for n in (3, 5, 7)}, t("scale.sk_anatomy.conv.k"), at=boxes[0])
    widths = {n: str(n) for n in (64, 128, 256)}
    width = ui.pick("width", widths, t("scale.sk_anatomy.conv.width"), 128, boxes[1])
    depthwise = str(ui.asked("groups")) in widths.values()  # stays depthwise when C changes
    groups = {n: str(n) for n in (1, 32, width)}
    g = ui.pick("groups", groups, t("scale.sk_anatomy.conv.groups"), width if depthwise else 32, boxes[2])
    dilation = ui.pick("dilation", {n: str(n) for n in (1, 2, 3)}, t("scale.sk_anatomy.conv.dilation"), 2, boxes[3])
    conv = formulas.Conv(k, width, g, dilation)
    ui.figure(view, lambda t: drawn.draw_conv(conv, t), "conv", conv, untrained=False)
    ui.latex(formulas.lines(*conv.formulas(h, w)))
    st.caption(t("scale.sk_anatomy.conv.symbols", h=h, w=w))
    st.markdown(t("scale.sk_anatomy.conv.sknet"))
    ui.latex(formulas.against(formulas.Conv(5, width, g), formulas.Conv(3, width, g, 2)))
    ui.code(view, blocks.SKConv.forward, sk_unit.mixed, sk_unit.wrong_axis, formulas.Conv)
