"""Rescale: every map times its gate (SENet, eq. 4)."""

from __future__ import annotations

import numpy as np

from senet_viz.drawing.grammar import Bars, Figure, Heat, Panel, Rule, Scale, Table, cells
from senet_viz.i18n import Texts


def draw_before_after(u: np.ndarray, gate: np.ndarray, out: np.ndarray, channel: int, scale: Scale, t: Texts) -> Figure:
    """The pinned channel: its M maps u (M, H, W), and what the block gives on (H, W), at one scale."""
    many = len(u) > 1
    panels = [
        Panel(
            (Heat(u_m, scale, hover=f"u{channel}"),),
            equal=True,
            axes=False,
            title=t("fig.before.branch", m=m, c=channel, a=f"{gate[m]:.4f}") if many else t("fig.before.u", c=channel),
        )
        for m, u_m in enumerate(u)
    ]
    panels.append(Panel((Heat(out, scale, hover="x̃"),), title=t("fig.before.out", c=channel), equal=True, axes=False))
    header = ("row", "column", *(f"u{m}" for m in range(len(u))), "out")
    shares = ", ".join(f"{g:.4f}" for g in gate)
    return Figure(
        "rescale-channel",
        t("fig.before.title", c=channel, s=shares),
        tuple(panels),
        len(panels),
        Table(header, cells(*u, out)),
        t("fig.before.alt", c=channel, s=shares),
        note=t("fig.before.note"),
        height=330,
    )


def draw_gates(gate: np.ndarray, order: np.ndarray, channel: int, t: Texts) -> Figure:
    """The gate (C,) in this order, with 0.5 and 1 marked."""
    x = np.arange(len(gate))
    place = int(np.flatnonzero(order == channel)[0])
    rest = x != place
    panel = Panel(
        (
            Bars(x[rest], gate[order][rest], "s", "gate", width=1),
            Bars(x[[place]], gate[[channel]], t("fig.pinned", c=channel), "pinned", width=max(1, len(gate) / 120)),
            Rule(0.5, "y", "0.5"),
            Rule(1.0, "y", "1"),
        ),
        x=t("fig.channels", n=len(gate)),
        y="s",
        y_range=(0, 1.08),
        x_ticks=(),
    )
    rows = tuple((int(c), float(gate[c])) for c in order)
    alt = t(
        "fig.gatebars.alt", n=len(gate), mean=f"{gate.mean():.3f}", low=f"{gate.min():.3f}", high=f"{gate.max():.3f}"
    )
    return Figure(
        "rescale-gates", t("fig.gatebars.title"), (panel,), 1, Table(("channel", "gate"), rows), alt, height=240
    )


def draw_carpet(
    names: tuple[str, ...], gates: tuple[np.ndarray, ...], symbol: str, t: Texts, width: int = 256
) -> Figure:
    """Gates of every block, one row a block, channels sorted and stretched to one width, for a slide."""
    stretched = [np.sort(g)[::-1][np.minimum(np.arange(width) * len(g) // width, len(g) - 1)] for g in gates]
    heat = Heat(np.stack(stretched), Scale.gate(symbol), hover=symbol)
    panel = Panel((heat,), y_ticks=names, x=t("fig.carpet.x"), x_ticks=())
    rows = tuple((name, c, float(v)) for name, g in zip(names, gates, strict=True) for c, v in enumerate(g))
    means = ", ".join(f"{name} {g.mean():.2f}" for name, g in zip(names, gates, strict=True))
    alt = t("fig.carpet.alt", n=len(names), means=means)
    return Figure("rescale-carpet", t("fig.carpet.title"), (panel,), 1, Table(("block", "channel", "gate"), rows), alt)
