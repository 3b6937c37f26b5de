"""Inside a Selective Kernel unit: split, fuse, select; then what its convolutions cost and how far they see."""

from __future__ import annotations

import numpy as np
import streamlit as st

from senet_viz import anatomy, blocks, kernels, labels, ui
from senet_viz.figures import anatomy as figures
from senet_viz.figures import kernels as drawn
from senet_viz.types import Edit

view = ui.sk_scene()
t = view.t

st.header(t("scale.sk_anatomy.title"), anchor=False)
st.markdown(t("scale.sk_anatomy.idea"))
ui.header(view)
ui.badge(view)

# --- the whole way of one channel -------------------------------------------------------------------------------------
m = ui.pick("m", {2: t("scale.sk_anatomy.m.2"), 3: t("scale.sk_anatomy.m.3")}, t("scale.sk_anatomy.m"))
trained = m == len(view.gate)
unit = view.unit(0 if trained else m)
count, (channels, h, w) = len(unit.gate), unit.u.shape[1:]
c = min(view.channel, channels - 1)
u, gate, logits, d = unit.u[:, c], unit.gate[:, c], unit.logits[:, c], len(unit.z)
if not trained:
    st.badge(t("scale.sk_anatomy.untrained", gap=f"{unit.gap:.0e}"), icon=":material/warning:", color="red")
ui.figure(view, lambda t: figures.draw_path(u, float(unit.s[c]), logits, gate, c, t), "path", c, m)

# --- split ------------------------------------------------------------------------------------------------------------
st.subheader(t("scale.sk_anatomy.split"), anchor=False)
taps = unit.kernels[0].weight.shape[-1] ** 2
for n, kernel in enumerate(unit.kernels):
    k, dilation = kernel.weight.shape[-1], kernel.dilation
    field = rf"{k}+({k}-1)({dilation}-1)={kernels.Conv(k, 1, 1, dilation).field}"
    st.latex(rf"U_{n}=\delta(\mathrm{{BN}}(K_{n}*X)),\quad K_{n}:{k}\times{k},\;d={dilation},\quad {field}")
st.markdown(t("scale.sk_anatomy.split.why", taps=taps, n=unit.kernels[-1].dilation * 2 + 1))
spread = [kernel.spread(c) for kernel in unit.kernels]
ui.figure(view, lambda t: figures.draw_kernels(spread, taps, c, t), "kernels", c, m)
shape = "×".join(map(str, unit.kernels[0].weight.shape))
x = "×".join(map(str, unit.x_shape))
st.caption(t("scale.sk_anatomy.split.symbols", x=x, m=count, c=channels, h=h, w=w, k=shape, g=unit.kernels[0].groups))

# --- fuse -------------------------------------------------------------------------------------------------------------
st.subheader(t("scale.sk_anatomy.fuse"), anchor=False)
total = float(unit.fused[c].sum(dtype=np.float64))
st.latex(
    rf"U=\sum_m U_m,\qquad s_{{{c}}}=\frac{{1}}{{HW}}\sum_{{i,j}}U_{{{c}}}(i,j)"
    rf"=\frac{{{total:.4f}}}{{{h}\cdot{w}}}={total / (h * w):.4f}"
)
width = ""
if unit.rule:
    r, floor = unit.rule
    width = rf",\qquad d=\max(C/r,\,L)=\max({channels}/{r},\,{floor})={d}"
st.latex(rf"\underbrace{{z}}_{{{d}}}=\delta(\mathrm{{BN}}(\underbrace{{W}}_{{{d}\times{channels}}}s)){width}")
ui.figure(view, lambda t: figures.draw_fuse(unit.fused[c], unit.s, unit.z, c, t), "fuse", c, m)
st.caption(t("scale.sk_anatomy.fuse.symbols", c=channels, d=d))

# --- select -----------------------------------------------------------------------------------------------------------
st.subheader(t("scale.sk_anatomy.select"), anchor=False)
st.markdown(t("scale.sk_anatomy.rows", n=count * channels, c=channels, d=d))
parts = unit.parts(c)
for n in range(count):
    st.latex(anatomy.product(rf"{figures.letter(n)}_{{{c}}}\,z", unit.w2[n, c], unit.z))
st.latex(anatomy.share(c, logits))
ui.figure(view, lambda t: figures.draw_rows(unit.w2, unit.z, c, t), "rows", c, m)

mixes = {key: t(f"scale.sk_anatomy.mix.{key}") for key in anatomy.MIXES}
how = ui.pick("mix", mixes, t("scale.sk_anatomy.mix"))
changed = anatomy.mixed(unit.gate, how)[:, c]
ui.figure(view, lambda t: figures.draw_mix(u, changed, gate, c, t), "mix", c, m, how)
i, j = np.unravel_index(int(np.abs(unit.fused[c]).argmax()), (h, w))
terms = "+".join(rf"{a:.4f}\cdot({u_m[i, j]:.4f})" for a, u_m in zip(changed, u, strict=True))
st.latex(rf"V_{{{c}}}({i},{j})=\sum_m a_{{m,{c}}}U_{{m,{c}}}({i},{j})={terms}={changed @ u[:, i, j]:.4f}")
st.markdown(t(f"scale.sk_anatomy.mix.{how}.why"))

# --- the wrong axis ---------------------------------------------------------------------------------------------------
st.subheader(t("scale.sk_anatomy.axis"), anchor=False)
axes = {key: t(f"scale.sk_anatomy.axis.{key}") for key in ("branches", "channels")}
axis = ui.pick("axis", axes, t("scale.sk_anatomy.axis.label"))
wrong = anatomy.wrong_axis(unit.logits)
left = anatomy.size_left(unit, wrong)
ui.figure(view, lambda t: figures.draw_axis(unit.gate, wrong, u, left, c, axis, t), "axis", c, m, axis)
now = wrong if axis == "channels" else unit.gate
sums = (f"{now[:, c].sum():.4f}", f"{now[0].sum():.3f}", f"{left if axis == 'channels' else 1:.1%}")
for column, label, number in zip(st.columns(3), ("column", "row", "size"), sums, strict=True):
    column.metric(t(f"scale.sk_anatomy.axis.{label}", c=c), number)
st.markdown(t(f"scale.sk_anatomy.axis.{axis}.why", c=channels, left=f"{left:.1%}"))
if axis == "channels" and trained:
    ways = [t("scale.sk_anatomy.axis.right"), t("scale.sk_anatomy.axis.here"), t("scale.sk_anatomy.axis.all")]
    everywhere = [(), (view.name,), view.blocks]
    answers = [view.edited([Edit(name, "channel_softmax") for name in names]).logits.numpy() for names in everywhere]
    classes, shares = anatomy.likeliest(answers)
    said = [labels.label(view.spec, int(k), view.lang) for k in classes]
    ui.figure(view, lambda t: figures.draw_scores(said, shares, ways, t), "axis-scores")

# --- what a convolution costs and how far it sees ---------------------------------------------------------------------
st.subheader(t("scale.sk_anatomy.conv"), anchor=False)
st.markdown(t("scale.sk_anatomy.conv.idea"))
boxes = st.columns(4)
with boxes[0]:
    k = ui.pick("k", {n: f"{n}×{n}" for n in (3, 5, 7)}, t("scale.sk_anatomy.conv.k"))
with boxes[1]:
    width_c = ui.pick("width", {n: str(n) for n in (64, 128, 256)}, t("scale.sk_anatomy.conv.width"), 128)
with boxes[2]:
    groups = {1: t("scale.sk_anatomy.conv.one"), 32: "32", width_c: t("scale.sk_anatomy.conv.all", c=width_c)}
    before = int(st.session_state.get("groups") or 32)
    g = ui.pick("groups", groups, t("scale.sk_anatomy.conv.groups"), width_c if before > 32 else 32)
with boxes[3]:
    far = ui.pick("dilation", {n: str(n) for n in (1, 2, 3)}, t("scale.sk_anatomy.conv.dilation"), 2)
conv = kernels.Conv(k, width_c, g, far)
ui.figure(view, lambda t: drawn.draw_conv(conv, t), "conv", conv)
for line in conv.formulas(h, w):
    st.latex(line)
true, gaps = kernels.Conv(5, width_c, g), kernels.Conv(3, width_c, g, 2)
st.markdown(t("scale.sk_anatomy.conv.sknet"))
st.latex(kernels.against(true, gaps))
ui.code(view, blocks.SKConv.forward, anatomy.Unit.parts, anatomy.mixed, anatomy.wrong_axis, kernels.Conv)
