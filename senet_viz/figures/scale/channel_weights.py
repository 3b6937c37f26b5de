"""One photo at many scales: the film, its gates, which of them moved, and whether their order stays."""

from collections.abc import Sequence

import numpy as np

from senet_viz.drawing.grammar import Box, Figure, Heat, Line, Mark, Panel, Photo, Rule, Scale, Table
from senet_viz.drawing.text import number
from senet_viz.figures.pieces import dotted, followed, parted, rank, table, times
from senet_viz.i18n import Texts

FRAME = 96  # side of a photo in the film, pixels
ROWS = 64  # channels of a block that a strip shows, evenly spaced in order


def film(frames: Sequence[np.ndarray]) -> np.ndarray:
    """Return photos (h, w, 3) of any size side by side: (FRAME, S * FRAME, 3), nearest pixels."""
    return np.concatenate([f[np.ix_(*(np.arange(FRAME) * n // FRAME for n in f.shape[:2]))] for f in frames], axis=1)


def strips(gates: Sequence[np.ndarray], base: int, names: Sequence[str], here: int, title: str, t: Texts) -> Panel:
    """Return a panel with a strip for every block's gates (S, C) of a film: ROWS of its channels, sorted at ``base``.

    ``here``: the block that is marked.
    """
    rows = []
    for g in gates:
        order = np.argsort(-g[base], kind="stable")
        rows.append(g[:, order[np.arange(ROWS) * g.shape[1] // ROWS]].T)  # (ROWS, S)
    stack = Heat(np.concatenate(rows), Scale.gate(t("gate.name")), t("gate.name"))
    end = len(gates[0]) - 0.5
    pinned = Box(-0.5, here * ROWS - 0.5, end, (here + 1) * ROWS - 0.5)
    middles = tuple(((i + 0.5) * ROWS - 0.5, name) for i, name in enumerate(names))
    return Panel((stack, pinned), title=title, x_ticks=(), y_ticks=middles, x_range=(-0.5, end))


def _round(scales: tuple[float, ...]) -> tuple[tuple[float, str], ...]:
    """Return ticks where there is room: every half, or both ends where there is no half between them."""
    low, high = min(scales), max(scales)
    halves = np.arange(np.ceil(2 * low), np.floor(2 * high) + 1) / 2
    return tuple((float(s), times(float(s))) for s in (halves if len(halves) else (low, high)))


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
    """Draw the photo at every scale, below it every block's gates (S, C) as a strip, and the pinned channel's curve.

    Args:
        here, base: places of the pinned channel's block among the blocks, and of the photo itself among the scales.
        rows: (scale, block, channel, branch, gate) for the table.
    """
    count, labels = len(scales), tuple(map(times, scales))
    places = tuple(((i + 0.5) * FRAME - 0.5, label) for i, label in enumerate(labels))
    ends, curve = (-0.5, count - 0.5), gates[here][:, channel]
    said = {"block": names[here], "c": channel}
    panels = (
        Panel((Photo(film(frames)),), x_ticks=places, y_ticks=()),
        strips(gates, base, names, here, t("fig.film.strips"), t),
        Panel(
            tuple(dotted(np.arange(float(count)), curve, "", "pinned")),
            title=t("fig.film.curve", **said),
            x=t(f"kind.{kind}"),
            x_ticks=labels,
            x_range=ends,
        ),
    )
    said |= {"n": count, "low": labels[0], "high": labels[-1], "first": f"{curve[0]:.4f}", "last": f"{curve[-1]:.4f}"}
    title, alt, note = t("fig.film.title", kind=t(f"kind.{kind}")), t("fig.film.alt", **said), t(f"kind.{kind}.note")
    listed = Table(("scale", "block", "channel", "branch", "gate"), rows)
    return Figure("scale-film", title, panels, 1, listed, alt, note.replace("**", ""), height=620)


def draw_moved(
    g: np.ndarray, scales: tuple[float, ...], up: np.ndarray, down: np.ndarray, channel: int, block: str, t: Texts
) -> Figure:
    """Draw gates (S, C) of the channels that moved most, and every channel's change from the first scale to the last.

    ``up`` and ``down`` are the channels that opened and closed most.
    """
    x, change = np.array(scales), g[-1] - g[0]
    opens, closes, pinned = t("fig.moved.up"), t("fig.moved.down"), t("fig.pinned", c=channel)
    lines: list[Mark] = []
    for role, name, chosen in (("gate", opens, up), ("u", closes, down)):
        listed = f"{name}: {', '.join(map(str, chosen))}"
        lines += [Line(x, g[:, c], listed, role, width=2.5) for c in chosen]
    lines.append(Line(x, g[:, channel], pinned, "pinned", width=3.5))
    order = np.argsort(-change, kind="stable")
    sorted_ = change[order]
    bars = parted(np.arange(len(order)), sorted_, (sorted_ >= 0, opens, "gate"), (sorted_ < 0, closes, "u"), width=1)
    bars.append(followed(sorted_, rank(order, channel), "", "gate", pinned)[1])
    panels = (
        Panel(tuple(lines), title=t("fig.moved.most"), x=t("fig.scale"), y=t("gate.name"), x_ticks=_round(scales)),
        Panel(tuple(bars), title=t("fig.moved.all"), x=t("fig.channels", n=len(order)), x_ticks=(), legend=False),
    )
    header = ("channel", *(f"gate at {scale:g}" for scale in scales), "change")
    rows = table(header, order, *g[:, order], sorted_)
    said = {"block": block, "low": times(scales[0]), "high": times(scales[-1])}
    said |= {"up": ", ".join(map(str, up)) or "-", "down": ", ".join(map(str, down)) or "-"}
    return Figure("scale-moved", t("fig.moved.title", **said), panels, 2, rows, t("fig.moved.alt", **said), height=360)


def draw_rank(rho: np.ndarray, scales: tuple[float, ...], names: tuple[str, ...], here: int, t: Texts) -> Figure:
    """Draw every block's rank correlation (B, S) between the photo's own scale and each scale."""
    every = Heat(rho, Scale.span("\u03c1", np.append(rho, 1.0)), "\u03c1")
    panels = (
        Panel(
            (every, Box(-0.5, here - 0.5, len(scales) - 0.5, here + 0.5)),
            title=t("fig.rank.all"),
            x=t("fig.scale"),
            x_ticks=tuple(map(times, scales)),
            y_ticks=names,
        ),
        Panel(
            tuple(dotted(np.array(scales), rho[here], names[here], "pinned", 3.5)),
            title=t("fig.rank.here", block=names[here]),
            x=t("fig.scale"),
            y="\u03c1",
            x_ticks=_round(scales),
        ),
    )
    rows = tuple((name, s, float(rho[b, i])) for b, name in enumerate(names) for i, s in enumerate(scales))
    ends = rho[:, [0, -1]].min(axis=1)
    b = int(np.nanargmin(ends)) if np.isfinite(ends).any() else here
    alt, height = t("fig.rank.alt", block=names[b], rho=f"{ends[b]:.3f}"), max(320, 24 * len(names) + 110)
    listed = Table(("block", "scale", "rho"), rows)
    return Figure("scale-rank", t("fig.rank.title"), panels, 2, listed, alt, t("fig.rank.note"), height=height)


def draw_blur(
    scales: tuple[float, ...], plain: np.ndarray, soft: np.ndarray | None, alone: float, sigma: str, t: Texts
) -> Figure:
    """Draw how far the gates are from the photo's own: sharp (S,), equally blurred (S,) or None, and by blur alone."""
    x = np.array(scales)
    marks: list[Mark] = [Line(x, plain, t("fig.blur.plain"), "gate", width=3.5)]
    header, columns = ["scale", "sharp"], [x, plain]
    if soft is not None:
        marks.append(Line(x, soft, t("fig.blur.soft", sigma=sigma), "u", dash=True, width=3.5))
        marks.append(Rule(alone, "y", t("fig.blur.alone", value=number(alone))))
        header.append(f"blurred {sigma} px")
        columns.append(soft)
    top = max(*(float(values.max()) for values in columns[1:]), alone, 1e-6)
    panel = Panel(tuple(marks), x=t("fig.scale"), y=t("fig.blur.y"), x_ticks=_round(scales), y_range=(0.0, 1.12 * top))
    rows = table(header, *(column.astype(float) for column in columns))
    alt = t("fig.blur.alt", most=number(float(plain.max())), alone=number(alone))
    return Figure("scale-blur", t("fig.blur.title"), (panel,), 1, rows, alt, height=300)
