"""Excitation: z through a bottleneck to one gate a channel (SENet, eq. 3; MobileNetV3, h-sigmoid)."""

from __future__ import annotations

from typing import Any

import numpy as np

from senet_viz.drawing import palette
from senet_viz.drawing.grammar import Bars, Box, Figure, Heat, Hist, Line, Panel, Photo, Rule, Scale, Table
from senet_viz.i18n import Texts

CELLS = 20_000  # a matrix with more is sent as a picture


def matrix(values: np.ndarray, scale: Scale, hover: str) -> Heat | Photo:
    """Weights (rows, columns): numbers under the pointer while they are few, else a picture of them."""
    return Heat(values, scale, hover) if values.size <= CELLS else Photo(scale.paint(values), scale)


def draw_network(
    z: np.ndarray,
    w1: np.ndarray,
    hidden: np.ndarray,
    w2: np.ndarray,
    gate: np.ndarray,
    channel: int,
    act: str,
    t: Texts,
) -> Figure:
    """z (C,) -> W1 (C/r, C) -> hidden (C/r,) -> W2 (C, C/r) -> gate (C,): channels run down, the bottleneck across."""
    c, h = len(z), len(hidden)
    down, across = np.arange(c), np.arange(h)
    dead = (hidden == 0) & (act == "ReLU")
    pinned = Box(-0.5, channel - 0.5, h - 0.5, channel + 0.5)
    column: dict[str, Any] = {"y_range": (c - 0.5, -0.5), "y_ticks": ()}
    stub = -0.04 * (hidden.max() or 1.0)  # a unit that is off is seen, below the line
    units = [
        Bars(across[part], values[part], name, role, width=0.8)
        for part, values, name, role in (
            (~dead, hidden, t("fig.net.alive"), "hidden"),
            (dead, np.full(h, stub), t("fig.net.dead"), "dead"),
        )
        if part.any()
    ]
    rest = down != channel
    panels = (
        Panel(_bars(z, down, rest, channel, "z"), title=f"z ({c})", **column, legend=False),
        Panel((matrix(w1.T, Scale.around_zero("W1", w1, "weight"), "W1"), pinned), title=f"W1ᵀ ({c}×{h})", axes=False),
        Panel(tuple(units), title=t("fig.net.hidden", act=act, n=h), x_range=(-0.5, h - 0.5), x_ticks=()),
        Panel((matrix(w2, Scale.around_zero("W2", w2, "weight"), "W2"), pinned), title=f"W2 ({c}×{h})", axes=False),
        Panel(_bars(gate, down, rest, channel, "gate"), title=f"s ({c})", x_range=(0, 1), **column, legend=False),
    )
    rows = tuple((i, float(z[i]), float(gate[i])) for i in down)
    alt = t("fig.net.alt", c=c, h=h, dead=int(dead.sum()), channel=channel, gate=f"{gate[channel]:.4f}")
    return Figure(
        "excitation-network",
        t("fig.net.title"),
        panels,
        5,
        Table(("channel", "z", "gate"), rows),
        alt,
        note=t("fig.net.note", c=c, h=h, r=f"{c / h:.3g}", dead=int(dead.sum())),
        widths=(1, 0.8, 1.2, 0.8, 1),
        height=430,
    )


def _bars(values: np.ndarray, down: np.ndarray, rest: np.ndarray, channel: int, role: str) -> tuple[Bars, Bars]:
    thick = max(1.0, len(values) / 100)
    return (
        Bars(values[rest], down[rest], role, role, horizontal=True, width=1),
        Bars(values[[channel]], down[[channel]], str(channel), "pinned", horizontal=True, width=thick),
    )


def draw_contributions(
    weights: np.ndarray, hidden: np.ndarray, bias: float, logit: float, channel: int, t: Texts
) -> Figure:
    """What every hidden unit adds to one logit: w (C/r,) times hidden (C/r,), the largest first, then the bias."""
    parts = weights * hidden
    order = np.argsort(-np.abs(parts), kind="stable")[:24]
    left = float(parts.sum() - parts[order].sum())
    bars = [(f"h{j}", float(parts[j])) for j in order]
    bars += [(t("fig.parts.rest"), left)] if len(parts) > len(order) else []
    bars += [(t("fig.parts.bias"), bias)] if bias else []
    values = np.array([value for _, value in bars])
    x, up = np.arange(len(bars)), values >= 0
    marks = [
        Bars(x[part], values[part], name, role, width=0.8)
        for part, name, role in ((up, t("fig.parts.up"), "gate"), (~up, t("fig.parts.down"), "u"))
        if part.any()
    ]
    panel = Panel(tuple(marks), y=t("fig.parts.y", c=channel), x_ticks=tuple(name for name, _ in bars))
    rows = tuple((int(j), float(weights[j]), float(hidden[j]), float(parts[j])) for j in np.argsort(-np.abs(parts)))
    first = order[0]
    alt = t("fig.parts.alt", c=channel, g=f"{logit:.4f}", unit=int(first), part=f"{parts[first]:.4f}")
    return Figure(
        "excitation-logit",
        t("fig.parts.title", c=channel, g=f"{logit:.4f}".replace("-", "\u2212")),
        (panel,),
        1,
        Table(("unit", "w2", "hidden", "w2*hidden"), rows),
        alt,
        height=300,
    )


def draw_gates(
    logit: np.ndarray, sigmoid: np.ndarray, h_sigmoid: np.ndarray, own: str, channel: int, t: Texts
) -> Figure:
    """Both gate functions over the histogram of this picture's logits (C,), and both gates side by side."""
    reach = max(4.0, float(np.abs(logit).max()) * 1.05)
    x = np.linspace(-reach, reach, 241)
    edges = np.linspace(-reach, reach, 49)
    counts = np.histogram(logit, edges)[0]
    share = Hist(np.repeat((edges[:-1] + edges[1:]) / 2, counts), edges).bars
    logits = Bars(share.x, share.y / max(1, counts.max()), t("fig.gates.logits"), "logit", width=share.width)
    order = np.argsort(logit, kind="stable")
    rank = np.arange(len(logit))
    place = int(np.flatnonzero(order == channel)[0])
    panels = (
        Panel(
            (
                logits,
                Line(x, 1 / (1 + np.exp(-x)), "sigmoid", "sigmoid", width=3, dash=own != "sigmoid"),
                Line(x, np.clip(x + 3, 0, 6) / 6, "h-sigmoid", "h_sigmoid", width=3, dash=own != "h_sigmoid"),
                Rule(float(logit[channel]), "x", t("fig.pinned", c=channel), "pinned"),
            ),
            title=t("fig.gates.curves"),
            x=t("fig.gates.x"),
            y_range=(0, 1.05),
        ),
        Panel(
            (
                Line(rank, sigmoid[order], "sigmoid", "sigmoid", width=3, dash=own != "sigmoid"),
                Line(rank, h_sigmoid[order], "h-sigmoid", "h_sigmoid", width=3, dash=own != "h_sigmoid"),
                Rule(place, "x", "", "pinned"),
            ),
            title=t("fig.gates.sorted"),
            x=t("fig.gates.rank"),
            y_range=(0, 1.05),
        ),
    )
    rows = tuple((i, float(logit[i]), float(sigmoid[i]), float(h_sigmoid[i])) for i in range(len(logit)))
    gap = float(np.abs(sigmoid - h_sigmoid).max())
    alt = t("fig.gates.alt", n=len(logit), gap=f"{gap:.4f}")
    return Figure(
        "excitation-gates",
        t("fig.gates.title"),
        panels,
        2,
        Table(("channel", "logit", "sigmoid", "h-sigmoid"), rows),
        alt,
        height=330,
    )


def draw_softmax(gate: np.ndarray, soft: np.ndarray, order: np.ndarray, t: Texts) -> Figure:
    """The same logits through a softmax over channels: C gates that must share a sum of 1."""
    x = np.arange(len(gate))
    panels = (
        Panel((Bars(x, gate[order], "s", "gate", width=1),), title=t("fig.soft.own"), y_range=(0, 1), x_ticks=()),
        Panel(
            (Bars(x, soft[order], "softmax", "muted", width=1),), title=t("fig.soft.soft"), y_range=(0, 1), x_ticks=()
        ),
    )
    rows = tuple((int(c), float(gate[c]), float(soft[c])) for c in order)
    alt = t("fig.soft.alt", n=len(gate), top=f"{soft.max():.4f}")
    return Figure(
        "excitation-softmax",
        t("fig.soft.title"),
        panels,
        2,
        Table(("channel", "gate", "softmax"), rows),
        alt,
        height=240,
    )


def draw_branches(gates: np.ndarray, order: np.ndarray, channel: int, t: Texts) -> Figure:
    """SK: how M branches (M, C) share every channel; each column adds up to 1."""
    x, base = np.arange(gates.shape[1]), np.zeros(gates.shape[1])
    marks: list[Bars | Rule] = []
    for m, row in enumerate(gates):
        marks.append(
            Bars(x, row[order], t("fig.branch", m=m, k=2 * m + 3), palette.branch(m), base=base.copy(), width=1)
        )
        base = base + row[order]
    place = int(np.flatnonzero(order == channel)[0])
    marks.append(Rule(place, "x", t("fig.pinned", c=channel), "pinned"))
    panel = Panel(tuple(marks), x=t("fig.channels", n=gates.shape[1]), y="a", y_range=(0, 1), x_ticks=())
    rows = tuple((int(c), *(float(v) for v in gates[:, c])) for c in order)
    header = ("channel", *(f"a{m}" for m in range(len(gates))))
    alt = t("fig.branches.alt", n=gates.shape[1], share=f"{(gates.argmax(0) == len(gates) - 1).mean():.0%}")
    return Figure("excitation-branches", t("fig.branches.title"), (panel,), 1, Table(header, rows), alt, height=280)
