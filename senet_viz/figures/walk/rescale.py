"""Rescale: every map times its gate (SENet, eq. 4)."""

import numpy as np

from senet_viz.drawing.grammar import Figure, Heat, Panel, Rule, Scale, Table, cells
from senet_viz.figures.pieces import carpet, cell, followed, picture, rank, table
from senet_viz.i18n import Texts

WIDTH = 256  # cells of a block's row in the carpet, whatever C is


def draw_before_after(u: np.ndarray, gate: np.ndarray, out: np.ndarray, channel: int, scale: Scale, t: Texts) -> Figure:
    """Draw the pinned channel at one scale: its M maps u (M, H, W), and what the block gives on (H, W)."""
    titles = [t("fig.before.branch", m=m, c=channel, a=f"{a:.4f}") for m, a in enumerate(gate)]
    titles = titles if len(u) > 1 else [t("fig.before.u", c=channel)]
    panels = [picture(u_m, scale, f"u{channel}", title) for u_m, title in zip(u, titles, strict=True)]
    if len(u) == 1:
        panels.append(cell(float(gate[0]), Scale.gate(t("gate.name")), "s", t("fig.before.gate"), 22))
    panels.append(picture(out, scale, "x̃", t("fig.before.out", c=channel)))
    rows = Table(("row", "column", *(f"u{m}" for m in range(len(u))), "out"), cells(*u, out))
    said = {"c": channel, "s": ", ".join(f"{g:.4f}" for g in gate)}
    title, alt, note = t("fig.before.title", **said), t("fig.before.alt", **said), t("fig.before.note")
    widths = (1, 0.45, 1) if len(u) == 1 else (1,) * len(panels)
    return Figure("rescale-channel", title, tuple(panels), len(panels), rows, alt, note, widths=widths, height=380)


def draw_gates(gate: np.ndarray, order: np.ndarray, channel: int, t: Texts) -> Figure:
    """Draw the gate (C,) in this order, with 0.5 and 1 marked."""
    bars = followed(gate[order], rank(order, channel), "s", "gate", t("fig.pinned", c=channel))
    marks = (*bars, Rule(0.5, "y", "0.5"), Rule(1.0, "y", "1"))
    panel = Panel(marks, x=t("fig.channels", n=len(gate)), y="s", y_range=(0, 1.08), x_ticks=())
    span = {"mean": f"{gate.mean():.3f}", "low": f"{gate.min():.3f}", "high": f"{gate.max():.3f}"}
    alt, rows = t("fig.gatebars.alt", n=len(gate), **span), table(("channel", "gate"), order, gate[order])
    return Figure("rescale-gates", t("fig.gatebars.title"), (panel,), 1, rows, alt, height=240)


def draw_carpet(names: tuple[str, ...], gates: tuple[np.ndarray, ...], symbol: str, t: Texts) -> Figure:
    """Draw the gates of every block for a slide, one row a block, channels sorted and stretched to one width."""
    heat = Heat(carpet(gates, WIDTH), Scale.gate(symbol), hover=symbol)
    panel = Panel((heat,), y_ticks=names, x=t("fig.carpet.x"), x_ticks=())
    rows = tuple((name, c, float(v)) for name, g in zip(names, gates, strict=True) for c, v in enumerate(g))
    means = ", ".join(f"{name} {g.mean():.2f}" for name, g in zip(names, gates, strict=True))
    alt = t("fig.carpet.alt", n=len(names), means=means)
    return Figure("rescale-carpet", t("fig.carpet.title"), (panel,), 1, Table(("block", "channel", "gate"), rows), alt)
