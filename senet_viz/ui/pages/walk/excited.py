"""The excitation of the block on screen: its two layers, the votes on one gate, and the gate function."""

import numpy as np
import streamlit as st

from senet_viz import stats
from senet_viz.figures.walk import excitation
from senet_viz.tap import replay
from senet_viz.ui import state
from senet_viz.ui.elements.choices import pick, worded
from senet_viz.ui.elements.figures import figure
from senet_viz.ui.elements.frame import latex, section
from senet_viz.ui.elements.truth import small
from senet_viz.ui.scene import Scene


def layered(view: Scene) -> bool:
    """Return whether the block has two layers with hidden units between them: ECA and ESE have one layer."""
    return view.replay.w1 is not None and view.replay.w2 is not None and view.block.hidden is not None


def branch(view: Scene) -> int:
    """Return the branch that the page speaks of, before its choice is drawn; 0 where branches do not compete."""
    return int(state.keep("branch", view.branches, 0)) if len(view.gate) > 1 else 0


def _letter(view: Scene, branch: int) -> str:
    """Return what the logit of the pinned channel is called in a formula."""
    return f"g_{{{branch},{view.channel}}}" if len(view.gate) > 1 else f"g_{{{view.channel}}}"


def _weights(view: Scene, branch: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return W1 (C/r, C), the hidden units (C/r,) and the branch's W2 (C, C/r)."""
    again, hidden = view.replay, view.block.hidden
    assert again.w1 is not None and again.w2 is not None and hidden is not None  # ``layered``
    return again.w1, np.asarray(hidden), again.w2.reshape(len(view.gate), len(view.z), -1)[branch]


def network(view: Scene, branch: int) -> None:
    """Draw the two layers as a network from z to the gates, and write them as one formula."""
    t, c, again, competing = view.t, view.channel, view.replay, len(view.gate) > 1
    w1, hidden, w2 = _weights(view, branch)
    z, gate, symbol = view.z, view.gate[branch], view.symbol(branch)
    figure(view, lambda t: excitation.draw_network(z, w1, hidden, w2, gate, c, again.act, t, symbol), "net", c, branch)
    norm = rf"\,\mathrm{{{again.norm}}}" if again.norm else ""
    shape = rf"\underbrace{{W_2}}_{{{view.gate.size}\times{len(hidden)}}}"
    inner = rf"{norm}\underbrace{{W_1}}_{{{len(hidden)}\times{len(z)}}}\underbrace{{z}}_{{{len(z)}}}"
    latex(rf"\underbrace{{g}}_{{{view.gate.size}}}={shape}\;\mathrm{{{again.act}}}({inner})")
    st.caption(t("walk.excitation.symbols.sk" if competing else "walk.excitation.symbols"))


def votes(view: Scene, branch: int) -> None:
    """Draw what every hidden unit adds to the logit of the pinned channel."""
    t, c, again = view.t, view.channel, view.replay
    _, hidden, w2 = _weights(view, branch)
    bias = 0.0 if again.b2 is None else float(again.b2.reshape(view.gate.shape)[branch, c])
    logit = float(view.logits[branch, c])
    if len(view.gate) > 1:
        section(t("more.votes"))
        pick("branch", view.branches, t("branch.label"))
    figure(view, lambda t: excitation.draw_contributions(w2[c], hidden, bias, logit, c, t), "parts", c, branch)
    top = np.argsort(-np.abs(w2[c] * hidden))[:2]
    terms = "+".join(rf"{w2[c, j]:.3g}\cdot{hidden[j]:.3g}" for j in top)
    biased = f"+{bias:.3g}" if again.b2 is not None else ""
    letter = _letter(view, branch)
    latex(rf"{letter}=\sum_j w_{{{c}j}}h_j={terms}+\dots{biased}={logit:.4f}".replace("+-", "-"))
    if again.act == "ReLU":
        st.caption(t("walk.excitation.dead", dead=int((hidden == 0).sum()), n=len(hidden)))
    else:
        st.caption(t("walk.excitation.notrelu", act=again.act, low=f"{hidden.min():.3f}"))


def gates(view: Scene, branch: int, closer: bool = False) -> None:
    """Draw the way from the logits to the gates: a softmax over branches, or a gate function.

    ``closer``: as a closer look, with a heading of its own.
    """
    if closer:
        section(view.t("walk.excitation.contest" if len(view.gate) > 1 else "walk.excitation.gatefn"))
    if len(view.gate) > 1:
        _contest(view, branch)
    else:
        _function(view)


def _contest(view: Scene, branch: int) -> None:
    """Draw how the branches share every channel."""
    t, c, kernels = view.t, view.channel, list(map(str, view.kernels))
    by = pick("sort", worded(t, "sort", ("index", "z", "gate")), t("sort.label"))
    order = view.order(by, branch)
    figure(view, lambda t: excitation.draw_branches(view.gate, order, c, kernels, t), "branches", c, by, branch)
    exps = [rf"e^{{{v:.3f}}}" for v in view.logits[:, c]]
    share = float(view.gate[branch, c])
    latex(rf"a_{{{branch},{c}}}=\frac{{{exps[branch]}}}{{{'+'.join(exps)}}}={share:.4f}")
    st.caption(t("walk.excitation.contest.why"))


def _function(view: Scene) -> None:
    """Draw sigmoid and h-sigmoid on this photo's logits, and count the gates that are exactly 0 or 1."""
    t, c, own, logit = view.t, view.channel, view.replay.gate_fn, view.logits[0]
    options = {"own": t("gatefn.own", name=own.replace("_", "-")), "sigmoid": "sigmoid", "h_sigmoid": "h-sigmoid"}
    shown = pick("gatefn", options, t("gatefn.label"))
    function = own if shown == "own" else shown
    both = {name: replay.GATE_FUNCTIONS[name](logit.astype(np.float64)) for name in ("sigmoid", "h_sigmoid")}
    now = view.gate[0] if shown == "own" else both[function]
    pair = (both["sigmoid"], both["h_sigmoid"])
    figure(view, lambda t: excitation.draw_gates(logit, *pair, function, c, t), "gates", c, function)
    letter, g_c = _letter(view, 0), float(logit[c])
    value, equals = float(now[c]), rf"s_{{{c}}}=" if function == own else ""  # only the block's own is its gate
    if function == "h_sigmoid":
        relu6 = r"\mathrm{ReLU6}"
        latex(rf"{equals}\frac{{{relu6}({letter}+3)}}{{6}}=\frac{{{relu6}({g_c + 3:.4f})}}{{6}}={value:.4f}")
    elif function == "sigmoid":
        latex(rf"{equals}\sigma({letter})=\frac{{1}}{{1+e^{{-({g_c:.4f})}}}}={value:.4f}")
    gap = np.abs(pair[0] - pair[1])
    zero, one = (" · ".join(str(int((values == end).sum())) for values in pair) for end in (0, 1))
    told = {"gap": f"{gap.max():.4f}", "at": int(gap.argmax()), "zero": zero, "one": one, "mean": f"{now.mean():.4f}"}
    st.caption(f"{t('walk.excitation.counts', **told)} {t('walk.excitation.hs')}")


def fc_and_conv(view: Scene) -> None:
    """Say how far two 1×1 convolutions and two fully connected layers are apart on this photo."""
    t = view.t
    section(t("walk.excitation.fcconv"))
    st.markdown(t("walk.excitation.fcconv.why", gap=small(view.fc_against_conv), c=len(view.z)))


def softmax(view: Scene) -> None:
    """Draw the gates beside those that a softmax over channels would give."""
    t, gate = view.t, view.gate[0]
    soft = stats.softmax(view.logits[0].astype(np.float64))
    order = view.order("gate")
    figure(view, lambda t: excitation.draw_softmax(gate, soft, order, t), "soft")
    mean = f"{1 / len(gate):.4f}"
    st.caption(t("walk.excitation.softmax.why", n=len(gate), top=f"{soft.max():.4f}", mean=mean))
