"""Excitation: z through a bottleneck to one gate a channel (SENet, eq. 3; MobileNetV3, h-sigmoid)."""

from collections.abc import Sequence
from itertools import zip_longest
from typing import Any

import numpy as np

from senet_viz import stats
from senet_viz.drawing.grammar import Bars, Box, Figure, Line, Panel, Points, Rule, Scale, Table
from senet_viz.figures.pieces import followed, matrix, minus, parted, rank, stacked, table
from senet_viz.i18n import Texts


def draw_network(
    z: np.ndarray,
    w1: np.ndarray,
    hidden: np.ndarray,
    w2: np.ndarray,
    gate: np.ndarray,
    channel: int,
    act: str,
    t: Texts,
    symbol: str = "s",
) -> Figure:
    """Draw the way from z to the gate: channels run down, the bottleneck across.

    Args:
        z, w1, hidden, w2, gate: (C,) -> (C/r, C) -> (C/r,) -> (C, C/r) -> (C,).
        act: name of the function between the layers.
        symbol: what the gate is called: s, or a0, a1, ... of one branch of several.
    """
    c, h = len(z), len(hidden)
    dead = (hidden == 0) & (act == "ReLU")
    pinned = Box(-0.5, channel - 0.5, h - 0.5, channel + 0.5)
    column: dict[str, Any] = {"y_range": (c - 0.5, -0.5), "y_ticks": (), "legend": False}
    units = parted(np.arange(h), hidden, (~dead, t("fig.net.alive"), "hidden"), width=0.8)
    if dead.any():  # a bar of no height would not be seen
        units.append(Points(np.flatnonzero(dead), np.zeros(dead.sum()), t("fig.net.dead"), "dead"))
    entering = tuple(followed(z, channel, "z", "z", str(channel), 100, lying=True))
    leaving = tuple(followed(gate, channel, "gate", "gate", str(channel), 100, lying=True))
    first, second = Scale.around_zero("W1", w1, "weight"), Scale.around_zero("W2", w2, "weight")
    panels = (
        Panel(entering, title=f"z ({c})", **column),
        Panel((matrix(w1.T, first, "W1"), pinned), title=f"W1ᵀ ({c}×{h})", axes=False),
        Panel(tuple(units), title=t("fig.net.hidden", act=act, n=h), x_range=(-0.5, h - 0.5), x_ticks=()),
        Panel((matrix(w2, second, "W2"), pinned), title=f"W2 ({c}×{h})", axes=False),
        Panel(leaving, title=f"{symbol} ({c})", x_range=(0, 1), **column),
    )
    said = {"c": c, "h": h, "dead": int(dead.sum())}
    title, alt = t("fig.net.title"), t("fig.net.alt", **said, channel=channel, gate=f"{gate[channel]:.4f}")
    note, columns = t("fig.net.note", **said, r=f"{c / h:.3g}"), (range(c), z.tolist(), gate.tolist(), range(h))
    numbers = tuple(zip_longest(*columns, hidden.tolist(), fillvalue=""))  # there are fewer units than channels
    rows = Table(("channel", "z", "gate", "unit", "hidden"), numbers)
    return Figure("excitation-network", title, panels, 5, rows, alt, note, widths=(1, 0.8, 1.2, 0.8, 1), height=380)


def draw_contributions(
    weights: np.ndarray, hidden: np.ndarray, bias: float, logit: float, channel: int, t: Texts
) -> Figure:
    """Draw what every hidden unit adds to one logit: w (C/r,) times hidden (C/r,), the largest first, then the bias."""
    parts = weights * hidden
    order = np.argsort(-np.abs(parts), kind="stable")[:24]
    bars = [(f"h{j}", float(parts[j])) for j in order]
    if len(parts) > len(order):
        bars.append((t("fig.parts.rest"), float(parts.sum() - parts[order].sum())))
    if bias:
        bars.append((t("fig.parts.bias"), bias))
    values = np.array([value for _, value in bars])
    up = values >= 0
    ways = ((up, t("fig.parts.up"), "gate"), (~up, t("fig.parts.down"), "u"))
    marks = parted(np.arange(len(bars)), values, *ways, width=0.8)
    panel = Panel(tuple(marks), y=t("fig.parts.y", c=channel), x_ticks=tuple(name for name, _ in bars))
    ranked = np.argsort(-np.abs(parts))
    rows = table(("unit", "w2", "hidden", "w2*hidden"), ranked, weights[ranked], hidden[ranked], parts[ranked])
    g, first = f"{logit:.4f}", int(order[0])
    alt = t("fig.parts.alt", c=channel, g=g, unit=first, part=f"{parts[first]:.4f}")
    return Figure("excitation-logit", t("fig.parts.title", c=channel, g=minus(g)), (panel,), 1, rows, alt, height=300)


def draw_gates(
    logit: np.ndarray, sigmoid: np.ndarray, h_sigmoid: np.ndarray, own: str, channel: int, t: Texts
) -> Figure:
    """Draw both gate functions over the histogram of this picture's logits (C,), and both gates side by side."""
    reach = max(4.0, float(np.abs(logit).max()) * 1.05)
    x, edges = np.linspace(-reach, reach, 241), np.linspace(-reach, reach, 49)
    counts = np.histogram(logit, edges)[0]
    middles, share = (edges[:-1] + edges[1:]) / 2, counts / max(1, counts.max())
    logits = Bars(middles, share, t("fig.gates.logits"), "logit", width=np.diff(edges))
    order = np.argsort(logit, kind="stable")

    def both(x: np.ndarray, soft: np.ndarray, hard: np.ndarray) -> tuple[Line, Line]:
        """Return the two functions, dashed where the block has the other."""
        return (
            Line(x, soft, "sigmoid", "sigmoid", width=3, dash=own != "sigmoid"),
            Line(x, hard, "h-sigmoid", "h_sigmoid", width=3, dash=own != "h_sigmoid"),
        )

    curves = both(x, stats.sigmoid(x), stats.h_sigmoid(x))
    ranked = both(np.arange(len(logit)), sigmoid[order], h_sigmoid[order])
    pin = Rule(float(logit[channel]), "x", t("fig.pinned", c=channel), "pinned")
    place = Rule(rank(order, channel), "x", "", "pinned")
    top = (0, 1.05)
    panels = (
        Panel((logits, *curves, pin), title=t("fig.gates.curves"), x=t("fig.gates.x"), y_range=top),
        Panel((*ranked, place), x=t("fig.gates.rank"), y=t("fig.gates.sorted"), y_range=top),
    )
    rows = table(("channel", "logit", "sigmoid", "h-sigmoid"), range(len(logit)), logit, sigmoid, h_sigmoid)
    alt = t("fig.gates.alt", n=len(logit), gap=f"{float(np.abs(sigmoid - h_sigmoid).max()):.4f}")
    return Figure("excitation-gates", t("fig.gates.title"), panels, 2, rows, alt, height=330)


def draw_softmax(gate: np.ndarray, soft: np.ndarray, order: np.ndarray, t: Texts) -> Figure:
    """Draw the gates beside a softmax of the same logits over channels: C gates that must share a sum of 1."""
    x = np.arange(len(gate))
    own, rival = Bars(x, gate[order], "s", "gate", width=1), Bars(x, soft[order], "softmax", "muted", width=1)
    panels = (
        Panel((own,), title=t("fig.soft.own"), y_range=(0, 1), x_ticks=()),
        Panel((rival,), title=t("fig.soft.soft"), y_range=(0, 1), x_ticks=()),
    )
    rows = table(("channel", "gate", "softmax"), order, gate[order], soft[order])
    alt = t("fig.soft.alt", n=len(gate), top=f"{soft.max():.4f}")
    return Figure("excitation-softmax", t("fig.soft.title"), panels, 2, rows, alt, height=240)


def draw_branches(gates: np.ndarray, order: np.ndarray, channel: int, kernels: Sequence[str], t: Texts) -> Figure:
    """Draw how M branches of SK share every channel, gates (M, C); each column adds up to 1.

    ``kernels`` says how far each of them sees, as in 5×5.
    """
    count, c = gates.shape
    names = [t("fig.branch", m=m, k=kernel) for m, kernel in enumerate(kernels)]
    pin = Rule(rank(order, channel), "x", t("fig.pinned", c=channel), "pinned")
    marks = (*stacked(gates[:, order], names, range(count)), pin)
    panel = Panel(marks, x=t("fig.channels", n=c), y="a", y_range=(0, 1), x_ticks=())
    rows = table(("channel", *(f"a{m}" for m in range(count))), order, *gates[:, order])
    alt = t("fig.branches.alt", n=c, share=f"{(gates.argmax(0) == count - 1).mean():.0%}")
    return Figure("excitation-branches", t("fig.branches.title"), (panel,), 1, rows, alt, height=280)
