"""Excitation: all channels vote on the gate of each."""

from typing import Any

import numpy as np
import streamlit as st

from senet_viz import stats, ui
from senet_viz.figures.walk import excitation
from senet_viz.networks import blocks
from senet_viz.tap import replay


@ui.page
def draw() -> None:
    """Draw the page."""
    view = ui.scene()
    t, c, again = view.t, view.channel, view.replay
    count, branches = len(view.z), len(view.gate)
    competing = branches > 1

    ui.title(t("walk.excitation.title"), view)
    st.markdown(t("walk.excitation.idea.sk" if competing else "walk.excitation.idea", c=count))
    ui.header(view)

    branch = 0
    if competing:
        branch = ui.pick("branch", view.branches, t("branch.label"))
    logit, gate = view.logits[branch], view.gate[branch]
    g_c, s_c = float(logit[c]), float(gate[c])
    letter = f"g_{{{branch},{c}}}" if competing else f"g_{{{c}}}"

    # --- the two layers as a network ----------------------------------------------------------------------------------
    if again.w1 is None or again.w2 is None or view.block.hidden is None:
        st.info(t("walk.excitation.onelayer", kind=view.block.kind))
    else:
        hidden = view.block.hidden.numpy()
        w2 = again.w2.reshape(branches, count, -1)[branch]
        bias = 0.0 if again.b2 is None else float(again.b2.reshape(branches, count)[branch, c])
        dead = int((hidden == 0).sum()) if again.act == "ReLU" else 0
        w1 = again.w1
        ui.figure(
            view, lambda t: excitation.draw_network(view.z, w1, hidden, w2, gate, c, again.act, t), "net", c, branch
        )
        norm = rf"\,\mathrm{{{again.norm}}}" if again.norm else ""
        shape = rf"\underbrace{{W_2}}_{{{branches * count}\times{len(hidden)}}}"
        inner = rf"{norm}\underbrace{{W_1}}_{{{len(hidden)}\times{count}}}\underbrace{{z}}_{{{count}}}"
        ui.latex(rf"\underbrace{{g}}_{{{branches * count}}}={shape}\;\mathrm{{{again.act}}}({inner})")
        st.caption(t("walk.excitation.symbols.sk" if competing else "walk.excitation.symbols"))
        if again.act == "ReLU":
            st.markdown(t("walk.excitation.dead", dead=dead, n=len(hidden)))
        else:
            st.markdown(t("walk.excitation.notrelu", act=again.act, low=f"{hidden.min():.3f}"))

        parts = w2[c] * hidden
        top = np.argsort(-np.abs(parts))[:2]
        terms = "+".join(rf"{w2[c, j]:.3g}\cdot{hidden[j]:.3g}" for j in top)
        biased = f"+{bias:.3g}" if again.b2 is not None else ""
        ui.latex(rf"{letter}=\sum_j w_{{{c}j}}h_j={terms}+\dots{biased}={g_c:.4f}".replace("+-", "-"))
        ui.figure(view, lambda t: excitation.draw_contributions(w2[c], hidden, bias, g_c, c, t), "parts", c, branch)

    # --- the gate function --------------------------------------------------------------------------------------------
    if competing:
        ui.section(t("walk.excitation.compete"))
        exps = [rf"e^{{{v:.3f}}}" for v in view.logits[:, c]]
        ui.latex(rf"a_{{{branch},{c}}}=\frac{{{exps[branch]}}}{{{'+'.join(exps)}}}={s_c:.4f}")
        by = ui.pick("sort", ui.worded(t, "sort", ("index", "z", "gate")), t("sort.label"))
        order, kernels = view.order(by, branch), list(map(str, view.kernels))
        ui.figure(view, lambda t: excitation.draw_branches(view.gate, order, c, kernels, t), "branches", c, by, branch)
        st.markdown(t("walk.excitation.compete.why"))
    else:
        ui.section(t("walk.excitation.gate"))
        own = again.gate_fn
        options = {"own": t("gatefn.own", name=own.replace("_", "-")), "sigmoid": "sigmoid", "h_sigmoid": "h-sigmoid"}
        shown = ui.pick("gatefn", options, t("gatefn.label"))
        function = own if shown == "own" else shown
        both = {name: replay.GATE_FUNCTIONS[name](logit.astype(np.float64)) for name in ("sigmoid", "h_sigmoid")}
        now = gate if shown == "own" else both[function]
        value, equals = float(now[c]), rf"s_{{{c}}}=" if function == own else ""  # only the block's own is its gate
        if function == "h_sigmoid":
            relu6 = r"\mathrm{ReLU6}"
            ui.latex(rf"{equals}\frac{{{relu6}({letter}+3)}}{{6}}=\frac{{{relu6}({g_c + 3:.4f})}}{{6}}={value:.4f}")
        elif function == "sigmoid":
            ui.latex(rf"{equals}\sigma({letter})=\frac{{1}}{{1+e^{{-({g_c:.4f})}}}}={value:.4f}")
        pair = (both["sigmoid"], both["h_sigmoid"])
        ui.figure(view, lambda t: excitation.draw_gates(logit, *pair, function, c, t), "gates", c, function)
        gap = np.abs(both["sigmoid"] - both["h_sigmoid"])
        columns = st.columns(4)
        plain: dict[str, Any] = {"delta_color": "off", "delta_arrow": "off"}
        columns[0].metric(t("metric.gap"), f"{gap.max():.4f}", t("metric.at", c=int(gap.argmax())), **plain)
        for column, label, test in ((columns[1], "metric.zero", 0.0), (columns[2], "metric.one", 1.0)):
            counts = "{} · {}".format(*(int((values == test).sum()) for values in both.values()))
            column.metric(t(label), counts, t("metric.order"), **plain)
        columns[3].metric(t("metric.mean"), f"{now.mean():.4f}")
        st.caption(t("walk.excitation.hs"))

        ui.section(t("walk.excitation.softmax"))
        soft = stats.softmax(logit.astype(np.float64))
        ranked = np.argsort(-gate, kind="stable")
        ui.figure(view, lambda t: excitation.draw_softmax(gate, soft, ranked, t), "soft")
        st.markdown(t("walk.excitation.softmax.why", n=count, top=f"{soft.max():.4f}", mean=f"{1 / count:.4f}"))

    same = view.fc_against_conv
    if np.isfinite(same):  # there are two layers to compare
        ui.section(t("walk.excitation.fcconv"))
        st.markdown(t("walk.excitation.fcconv.why", gap=f"{same:.1e}", c=count))
    ui.code(view, blocks.SEBlock, blocks.HSigmoid, replay.fc_against_conv)
