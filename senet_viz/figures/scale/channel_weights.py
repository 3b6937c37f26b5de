"""One photo at many scales: the film, its gates, which of them moved, and whether their order stays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from senet_viz.drawing.grammar import Bars, Box, Figure, Heat, Line, Mark, Panel, Photo, Points, Rule, Scale, Table
from senet_viz.drawing.text import number
from senet_viz.i18n import Texts

FRAME = 96  # side of a photo in the film, pixels
ROWS = 64  # channels of a block that a strip shows, evenly spaced in order


def times(scale: float) -> str:
    """A scale as it is read: 1.5×."""
    return f"{number(scale)}\u00d7"


def film(frames: Sequence[np.ndarray]) -> np.ndarray:
    """Photos (h, w, 3), whatever their sizes, side by side: (FRAME, S * FRAME, 3), nearest pixels."""
    return np.concatenate([f[np.ix_(*(np.arange(FRAME) * n // FRAME for n in f.shape[:2]))] for f in frames], axis=1)


def _round(scales: tuple[float, ...]) -> tuple[tuple[float, str], ...]:
    """Ticks where there is room: every half."""
    low, high = min(scales), max(scales)
    halves = np.arange(np.ceil(2 * low), np.floor(2 * high) + 1) / 2
    return tuple((float(s), times(float(s))) for s in halves) or ((low, times(low)), (high, times(high)))


def draw_film(
    frames: Sequence[np.ndarray],
    scales: tuple[float, ...],
    names: tuple[str, ...],
    gates: tuple[np.ndarray, ...],
    here: int,
    base: int,
    channel: int,
    kind: str,
    rows: tuple[tuple[object, ...], ...],
    t: Texts,
) -> Figure:
    """The photo at every scale, below it every block's gates (S, C) as a strip, and the pinned channel's curve.

    Args:
        rows: (scale, block, channel, branch, gate) for the table.
    """
    count, labels = len(scales), [times(scale) for scale in scales]
    at = tuple((float(i), label) for i, label in enumerate(labels))
    gate = Scale.gate(t("gate.name"))
    strips = []
    for g in gates:  # sorted where the photo is itself, ROWS of them
        order = np.argsort(-g[base], kind="stable")
        strips.append(g[:, order[np.arange(ROWS) * g.shape[1] // ROWS]].T)  # (ROWS, S)
    stack = np.concatenate(strips)
    middles = tuple(((i + 0.5) * ROWS - 0.5, name) for i, name in enumerate(names))
    strip_marks: list[Mark] = [Heat(stack, gate, t("gate.name"))]
    strip_marks.append(Box(-0.5, here * ROWS - 0.5, count - 0.5, (here + 1) * ROWS - 0.5))
    curve = gates[here][:, channel]
    x = np.arange(count, dtype=float)
    panels = (
        Panel(
            (Photo(film(frames)),),
            x_ticks=tuple(((i + 0.5) * FRAME - 0.5, label) for i, label in enumerate(labels)),
            y_ticks=(),
        ),
        Panel(tuple(strip_marks), title=t("fig.film.strips"), x_ticks=(), y_ticks=middles, x_range=(-0.5, count - 0.5)),
        Panel(
            (Line(x, curve, colour="pinned", width=3), Points(x, curve, colour="pinned")),
            title=t("fig.film.curve", block=names[here], c=channel),
            x=t(f"kind.{kind}"),
            x_ticks=at,
            x_range=(-0.5, count - 0.5),
        ),
    )
    alt = t("fig.film.alt", n=count, low=labels[0], high=labels[-1], block=names[here], c=channel,
            first=f"{curve[0]:.4f}", last=f"{curve[-1]:.4f}")  # fmt: skip
    return Figure(
        "scale-film",
        t("fig.film.title", kind=t(f"kind.{kind}")),
        panels,
        1,
        Table(("scale", "block", "channel", "branch", "gate"), rows),
        alt,
        note=t(f"kind.{kind}.note").replace("**", ""),
        height=620,
    )


def draw_moved(
    g: np.ndarray, scales: tuple[float, ...], up: np.ndarray, down: np.ndarray, channel: int, block: str, t: Texts
) -> Figure:
    """Gates (S, C) of the channels that moved most, and every channel's change from the first scale to the last."""
    x, change = np.array(scales), g[-1] - g[0]
    lines: list[Mark] = []
    for role, name, chosen in (("gate", t("fig.moved.up"), up), ("u", t("fig.moved.down"), down)):
        listed = f"{name}: {', '.join(map(str, chosen))}"
        lines += [Line(x, g[:, c], listed, role, width=2.5) for c in chosen]
    lines.append(Line(x, g[:, channel], t("fig.pinned", c=channel), "pinned", width=3.5))
    order = np.argsort(-change, kind="stable")
    place, at = int(np.flatnonzero(order == channel)[0]), np.arange(len(order))
    positive = change[order] >= 0
    bars = [
        Bars(at[part], change[order][part], name, role, width=1)
        for part, name, role in (
            (positive, t("fig.moved.up"), "gate"),
            (~positive, t("fig.moved.down"), "u"),
        )
        if part.any()
    ]
    bars.append(
        Bars(at[[place]], change[[channel]], t("fig.pinned", c=channel), "pinned", width=max(1, len(order) / 120))
    )
    panels = (
        Panel(
            tuple(lines),
            x=t("fig.scale"),
            y=t("gate.name"),
            x_ticks=_round(scales),
        ),
        Panel(tuple(bars), title=t("fig.moved.all"), x=t("fig.channels", n=len(order)), x_ticks=(), legend=False),
    )
    rows = tuple((int(c), float(g[0, c]), float(g[-1, c]), float(change[c])) for c in order)
    alt = t("fig.moved.alt", block=block, low=times(scales[0]), high=times(scales[-1]),
            up=", ".join(map(str, up)) or "-", down=", ".join(map(str, down)) or "-")  # fmt: skip
    return Figure(
        "scale-moved",
        t("fig.moved.title", block=block, low=times(scales[0]), high=times(scales[-1])),
        panels,
        2,
        Table(("channel", f"gate at {scales[0]:g}", f"gate at {scales[-1]:g}", "change"), rows),
        alt,
        height=360,
    )


def draw_rank(rho: np.ndarray, scales: tuple[float, ...], names: tuple[str, ...], here: int, t: Texts) -> Figure:
    """Every block's rank correlation (B, S) between the photo's own scale and each scale."""
    scale = Scale.span("\u03c1", np.append(rho, 1.0))
    x = np.array(scales)
    last = tuple((float(b), name) for b, name in enumerate(names))
    panels = (
        Panel(
            (Heat(rho, scale, "\u03c1"), Box(-0.5, here - 0.5, len(scales) - 0.5, here + 0.5)),
            title=t("fig.rank.all"),
            x=t("fig.scale"),
            x_ticks=tuple((float(i), times(s)) for i, s in enumerate(scales)),
            y_ticks=last,
        ),
        Panel(
            (Line(x, rho[here], names[here], "pinned", width=3.5), Points(x, rho[here], "", "pinned")),
            title=t("fig.rank.here", block=names[here]),
            x=t("fig.scale"),
            y="\u03c1",
            x_ticks=_round(scales),
        ),
    )
    rows = tuple((name, s, float(rho[b, i])) for b, name in enumerate(names) for i, s in enumerate(scales))
    ends = rho[:, [0, -1]].min(axis=1)
    b = int(np.nanargmin(ends)) if np.isfinite(ends).any() else here
    alt = t("fig.rank.alt", block=names[b], rho=f"{ends[b]:.3f}")
    return Figure(
        "scale-rank",
        t("fig.rank.title"),
        panels,
        2,
        Table(("block", "scale", "rho"), rows),
        alt,
        note=t("fig.rank.note"),
        height=max(320, 24 * len(names) + 110),
    )


def draw_blur(
    scales: tuple[float, ...], plain: np.ndarray, soft: np.ndarray | None, alone: float, sigma: str, t: Texts
) -> Figure:
    """How far the gates are from those of the photo itself: sharp (S,), equally blurred (S,), and by blur alone."""
    x = np.array(scales)
    marks: list[Mark] = [Line(x, plain, t("fig.blur.plain"), "gate", width=3.5)]
    header, columns = ["scale", "sharp"], [x, plain]
    if soft is not None:
        marks.append(Line(x, soft, t("fig.blur.soft", sigma=sigma), "u", dash=True, width=3.5))
        marks.append(Rule(alone, "y", t("fig.blur.alone", value=number(alone))))
        header.append(f"blurred {sigma} px")
        columns.append(soft)
    panel = Panel(
        tuple(marks), x=t("fig.scale"), y=t("fig.blur.y"), x_ticks=_round(scales),
        y_range=(0.0, 1.12 * max(float(plain.max()), float(soft.max()) if soft is not None else 0.0, alone, 1e-6)),
    )  # fmt: skip
    rows = tuple(tuple(float(v) for v in row) for row in zip(*columns, strict=True))
    alt = t("fig.blur.alt", most=number(float(plain.max())), alone=number(alone))
    return Figure("scale-blur", t("fig.blur.title"), (panel,), 1, Table(tuple(header), rows), alt, height=300)
