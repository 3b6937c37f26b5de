"""Selection: which kernel wins, for one channel, for a unit, for a set of photos (SKNet, figs. 3 and 4).

Longer than other figures: five of them speak of one preference, a[last] - a[first], and share how its curves are drawn.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from senet_viz.drawing import palette
from senet_viz.drawing.grammar import Box, Figure, Line, Mark, Panel, Photo, Points, Rule, Scale, Table, Text
from senet_viz.drawing.text import apart, number
from senet_viz.figures.pieces import dotted, listing, pairs, parted, rank, stacked, table, times
from senet_viz.i18n import Texts

UNITS = ("logit", "z", "pre", "ink", "dead")  # colours of units, from the input to the output; they only tell apart
LIKELIEST = 5  # classes of an answer that are drawn


@dataclass(frozen=True, eq=False)
class Curve:
    """A curve is one unit's preference against scale. ``spread`` is the std over a set's photos, None for one photo."""

    name: str
    values: np.ndarray  # (Z,)
    control: np.ndarray  # (Z,) of the untrained network
    spread: np.ndarray | None = None  # (Z,)


def curves(
    difference: np.ndarray, units: Sequence[str], shown: Sequence[str], short: Callable[[str], str]
) -> tuple[Curve, ...]:
    """Return the curve of each unit of ``shown``.

    Args:
        difference: (3, Z, N, U) preferences of N photos, see ``gate_profile.Selection``; units: U names.
        short: a name as the page shows it.
    """
    found = []
    for name in shown:
        own, _, control = difference[..., list(units).index(name)].astype(np.float64)  # (Z, N) each
        spread = None if own.shape[1] == 1 else own.std(1)
        found.append(Curve(short(name), own.mean(1), control.mean(1), spread))
    return tuple(found)


def _between(kernels: Sequence[str]) -> str:
    """Return the name of the preference: a[5×5] − a[3×3]."""
    return f"a[{kernels[-1]}] − a[{kernels[0]}]"


def preferred(lead: np.ndarray, kernels: Sequence[str]) -> Scale:
    """Return the scale of a[last] - a[first], one number a channel (C,), in the colours of the two kernels."""
    return Scale.around_zero(_between(kernels), lead, palette.against(len(kernels) - 1))


def draw_zoom(
    crops: Sequence[np.ndarray],
    scales: Sequence[float],
    unit: str,
    rows: np.ndarray,
    reason: str,
    kernels: Sequence[str],
    t: Texts,
) -> Figure:
    """Draw what the network sees at every scale, and one unit's preference.

    Args:
        crops: Z photos (H, W, 3).
        rows: (3, Z), the preference under object zoom, with less detail alone, and in the untrained network.
        reason: of the photo's verdict, see ``senet_viz.experiments.kernel_preference``.
    """
    x, labels = np.asarray(scales, dtype=float), tuple(number(v) for v in rows[0])
    low, high = min(0.0, float(rows.min())), max(0.0, float(rows.max()))
    room, own = (high - low) or 1e-3, t("fig.zoom.object")
    lines = ((t("fig.fig3.untrained"), "muted", rows[2]), (t("fig.zoom.blur"), "logit", rows[1]))
    marks: list[Mark] = [Line(x, row, name, colour, dash=True, width=3) for name, colour, row in lines]
    marks += dotted(x, rows[0], own, "ink", 4, own)
    ends = [(name, colour, float(row[-1])) for name, colour, row in (*lines, (own, "ink", rows[0]))]
    curve = Panel(
        (*marks, *_ends(ends, float(x[-1]), room)),
        title=_between(kernels),
        x=t("fig.zoom.x"),
        x_range=(x[0] - 0.1, x[-1] + 0.95),
        y_range=(low - 0.15 * room, high + 0.2 * room),
        x_ticks=_at(scales),
        legend=False,
    )
    photos = [Panel((Photo(crop),), f"{times(s)}: {v}") for crop, s, v in zip(crops, scales, labels, strict=True)]
    listed = tuple(
        (condition, float(s), float(v))
        for condition, row in zip(("object zoom", "less detail", "untrained"), rows, strict=True)
        for s, v in zip(scales, row, strict=True)
    )
    said = {"unit": unit, "large": kernels[-1], "small": kernels[0]}
    alt = t("fig.zoom.alt", **said, values=", ".join(f"{times(s)} {v}" for s, v in zip(scales, labels, strict=True)))
    title, note, widths = t(f"fig.zoom.title.{reason}", **said), t("fig.zoom.note", **said), (1.15,) * len(photos)
    panels, numbers = (*photos, curve), Table(("condition", "scale", "difference"), listed)
    return Figure("kernel-zoom", title, panels, len(panels), numbers, alt, note, (*widths, 2.0), height=290)


def _at(scales: Sequence[float]) -> tuple[tuple[float, str], ...]:
    return tuple((float(s), times(s)) for s in scales)


def draw_tug(
    gate: np.ndarray,
    first: np.ndarray,
    unit: str,
    scale: float,
    channel: int,
    kernels: Sequence[str],
    t: Texts,
) -> Figure:
    """Draw per channel the shares (M, C) of the branches, which sum to 1; sorted by winner.

    Args:
        gate: at ``scale``. first: at the first scale, to compare.
    """
    last, order = len(gate) - 1, np.argsort(-gate[-1], kind="stable")
    x, place, below = np.arange(len(order)), rank(order, channel), t("fig.tug.x", n=len(order))
    marks: list[Mark] = [*stacked(gate[:, order], kernels, range(last, -1, -1))]  # the larger kernel from below
    if not np.array_equal(gate, first):
        marks.append(Line(x, first[-1][order], t("fig.tug.first"), "ink", width=2))
    marks += [Rule(1 / len(gate), "y"), Rule(place, "x", t("fig.pinned", c=channel), "pinned")]
    lead = (gate[-1] - gate[0]).astype(np.float64)
    mean, lead = float(lead.mean()), lead[order]
    ways = ((lead >= 0, last), (lead < 0, 0))
    wins = [(part, t("fig.tug.wins", kernel=kernels[m]), palette.branch(m)) for part, m in ways]
    rules = (Rule(mean, "y", t("fig.tug.mean", mean=number(mean)), "ink"), Rule(place, "x", "", "pinned"))
    closer = (*parted(x, lead, *wins, width=1), *rules)
    panels = (
        Panel(tuple(marks), title=t("fig.tug.shares"), x=below, y_range=(0, 1), x_ticks=()),
        Panel(closer, title=_between(kernels), x=below, x_ticks=(), legend=False),
    )
    said = {"unit": unit, "n": len(order), "wins": int((gate.argmax(0) == last).sum()), "large": kernels[-1]}
    said |= {"c": channel, "shares": " + ".join(f"{a:.4f}" for a in gate[:, channel]), "scale": times(scale)}
    rows = tuple((scale, unit, int(c), m, float(gate[m, c])) for c in order for m in range(len(gate)))
    listed = Table(("scale", "block", "channel", "branch", "gate"), rows)
    title, alt, note = t("fig.tug.title", **said), t("fig.tug.alt", **said), t("fig.tug.note", **said)
    return Figure("kernel-tug", title, panels, 2, listed, alt, note, height=340)


def draw_taps(
    shown: np.ndarray,
    at: tuple[float, float],
    taps: Sequence[np.ndarray],
    kernels: Sequence[str],
    shares: np.ndarray,
    step: float,
    channel: int,
    t: Texts,
) -> Figure:
    """Draw each branch's taps on the photo (H, W, 3) where its kernel lies when the pinned channel is strongest.

    Args:
        at: row and column of the middle tap, pixels of the photo.
        taps: M times (n, 2), rows and columns of the taps.
        shares: (M,) the pinned channel's.
        step: pixels of the photo between neighbours of the kernel's input.
    """
    tall, wide = shown.shape[:2]
    half = max(0.75 * max(float(np.ptp(points, axis=0).max()) for points in taps), 0.12 * min(tall, wide))
    y0, y1, x0, x1 = at[0] - half, at[0] + half, at[1] - half, at[1] + half
    window = Box(max(x0, -0.5), max(y0, -0.5), min(x1, wide - 0.5), min(y1, tall - 0.5))
    panels, rows = [Panel((Photo(shown), window), title=t("fig.taps.where", c=channel))], list[tuple[object, ...]]()
    top, left = max(0, int(np.floor(y0 + 0.5))), max(0, int(np.floor(x0 + 0.5)))
    cut = Photo(shown[top : int(np.ceil(y1 + 0.5)), left : int(np.ceil(x1 + 0.5))])
    ends, tops = (x0 - left, x1 - left), (y1 - top, y0 - top)
    for m, (points, name) in enumerate(zip(taps, kernels, strict=True)):
        dots = Points(points[:, 1] - left, points[:, 0] - top, name, palette.branch(m))
        title = t("fig.taps.branch", kernel=name, share=f"{shares[m]:.0%}")
        panels.append(Panel((cut, dots), title, legend=False, x_range=ends, y_range=tops))
        rows += [(m, name, float(r), float(c)) for r, c in points]
    said = {"c": channel, "row": f"{at[0]:.0f}", "column": f"{at[1]:.0f}", "step": number(step)}
    title, alt, note = (
        t("fig.taps.title", large=kernels[-1], n=len(taps[-1])),
        t("fig.taps.alt", **said),
        t("fig.taps.note", **said),
    )
    listed = Table(("branch", "kernel", "row", "column"), tuple(rows))
    return Figure("kernel-taps", title, tuple(panels), len(panels), listed, alt, note, height=310)


def draw_fig3(
    scales: Sequence[float],
    photo: Sequence[Curve],
    photos: Sequence[Curve],
    count: int,
    published: Mapping[str, Sequence[float]],
    kernels: Sequence[str],
    t: Texts,
) -> Figure:
    """Draw preference against scale on one axis: this photo, the mean of a set with its std, the published numbers.

    Args:
        photos: of the set; none leaves its panel out. count: photos in it.
        published: unit -> (Z,).
    """
    theirs = [Curve(name, np.array(v), np.full(len(v), np.nan)) for name, v in published.items()]
    sources = (("photo", photo, t("fig.fig3.photo")), ("set", photos, t("fig.fig3.set", n=count)))
    parts = [part for part in (*sources, ("published", theirs, t("fig.fig3.published"))) if part[1]]
    tops = [np.abs(c.values) + (0 if c.spread is None else c.spread) for _, curves, _ in parts for c in curves]
    reach = 1.15 * float(max(np.max(top) for top in tops)) or 1e-3
    names = [_between(kernels), *[""] * (len(parts) - 1)]
    panels = [_lines(title, scales, each, name, reach, t) for (_, each, title), name in zip(parts, names, strict=True)]
    rows = tuple(
        (source, c.name, float(s), float(c.values[i]), "" if c.spread is None else float(c.spread[i]), _cell(c, i))
        for source, curves, _ in parts
        for c in curves
        for i, s in enumerate(scales)
    )
    alt = "; ".join(
        f"{title}: " + ", ".join(f"{c.name} {' → '.join(number(float(v)) for v in c.values)}" for c in curves)
        for _, curves, title in parts
    )
    listed = Table(("source", "block", "scale", "difference", "std", "untrained"), rows)
    title, note = t("fig.fig3.title"), t("fig.fig3.note")
    return Figure("kernel-fig3", title, tuple(panels), len(panels), listed, alt, note, height=440)


def _cell(curve: Curve, i: int) -> object:
    return "" if np.isnan(curve.control[i]) else float(curve.control[i])


def _lines(title: str, scales: Sequence[float], curves: Sequence[Curve], y: str, reach: float, t: Texts) -> Panel:
    x, untrained = np.asarray(scales, dtype=float), t("fig.fig3.untrained")
    controls = [curve.control for curve in curves if not np.isnan(curve.control).all()]
    marks: list[Mark] = [Line(x, control, untrained, "muted", dash=True, width=3) for control in controls]
    ends = []
    for i, curve in enumerate(curves):
        at = x + 0.02 * (i - (len(curves) - 1) / 2)  # beside each other, so that spreads do not cover each other
        colour = UNITS[i % len(UNITS)]
        if curve.spread is not None:
            spans = np.stack([curve.values - curve.spread, curve.values + curve.spread, np.full(len(x), np.nan)])
            marks.append(Line(np.repeat(at, 3), spans.T.ravel(), "", colour, width=1.5))
        marks += dotted(at, curve.values, curve.name, colour, dots=curve.name)
        ends.append((curve.name, colour, float(curve.values[-1])))
    if controls:
        ends.append((untrained, "muted", float(np.mean([control[-1] for control in controls]))))
    return Panel(
        (*marks, *_ends(ends, float(x[-1]) + 0.03, 1.6 * reach)),
        title=title,
        x=t("fig.fig3.x"),
        y=y,
        x_range=(float(x[0]) - 0.1, float(x[-1]) + 0.7),
        y_range=(-reach, reach),
        x_ticks=_at(scales),
        legend=False,
    )


def _ends(ends: Sequence[tuple[str, str, float]], right: float, room: float) -> list[Text]:
    """Return (name, colour, height) of lines as words at their right ends, none over another or on the line at 0."""
    clear = [height if abs(height) > 0.06 * room else 0.07 * room for _, _, height in ends]
    return [
        Text(right + 0.05, height, name, 15, colour, "start")
        for (name, colour, _), height in zip(ends, apart(clear, 0.11 * room), strict=True)
    ]


def draw_fig4(
    units: Sequence[str], scales: tuple[float, float], means: np.ndarray, classes: Sequence[str], photos: int, t: Texts
) -> Figure:
    """Draw per class the mean preference of some units at two scales, (2, K, U); classes sorted at the lower scale."""
    panels, rows = list[Panel](), list[tuple[object, ...]]()
    lower, upper = map(times, scales)
    for u, unit in enumerate(units):
        before, after = means[:, :, u]
        order = np.argsort(before, kind="stable")
        x, labels = np.arange(len(order)), tuple(classes[k] for k in order)
        marks = (
            Line(x, before[order], lower, "first", width=3),
            Line(x, after[order], upper, "second", width=2),
            Points(x, after[order], upper, "second", labels),
        )
        title = t("fig.fig4.unit", unit=unit, up=int((after > before).sum()), n=len(order))
        panels.append(Panel(marks, title, x=t("fig.fig4.x") if u >= len(units) - 2 else "", x_ticks=()))
        rows += [(unit, classes[k], float(s), float(means[z, k, u])) for k in order for z, s in enumerate(scales)]
    listed = Table(("block", "class", "scale", "difference"), tuple(rows))
    title, alt = t("fig.fig4.title", scale=upper), t("fig.fig4.alt", units=", ".join(units), n=len(classes))
    note, columns = t("fig.fig4.note", n=len(classes), photos=photos), min(2, len(panels))
    height = 300 * ((len(panels) + 1) // 2)
    return Figure("kernel-fig4", title, tuple(panels), columns, listed, alt, note, height=height)


def draw_answers(answers: Sequence[np.ndarray], names: Sequence[str], what: str, t: Texts) -> Figure:
    """Draw class probabilities as the network gives them and, where it is overruled, beside them what it says then.

    Args:
        answers: one (K,), or two: with the network's own choice, and overruled.
        names: of all K classes.
        what: the name of what was done to the choice.
    """
    before, after = answers[0], answers[-1]
    best = [np.argsort(-scores, kind="stable")[:LIKELIEST] for scores in answers]
    top = [int(i) for i in dict.fromkeys(np.stack(best, axis=1).ravel())]
    top = sorted(top, key=lambda i: -max(before[i], after[i]))[: LIKELIEST + 2]
    sets = ((before[top], t("fig.answers.before"), "muted"), (after[top], what, "ink"))[: len(answers)]
    panel = listing([names[k] for k in top], pairs(*sets), x=t("fig.answers.x"), x_range=(0, 1))
    first, second = int(before.argmax()), int(after.argmax())
    said = {"before": names[first], "p": f"{before[first]:.1%}", "after": names[second], "q": f"{after[second]:.1%}"}
    kind = "own" if len(answers) == 1 else "same" if first == second else "other"
    order = np.argsort(-np.maximum(before, after), kind="stable")
    header = ("class", "before", "after")[: 1 + len(answers)]
    rows = table(header, [names[k] for k in order], *(shares[order] for shares in answers))
    alt = t("fig.answers.alt.own" if len(answers) == 1 else "fig.answers.alt", **said, what=what)
    height = 90 + 46 * len(top)
    return Figure("kernel-answers", t(f"fig.answers.{kind}", **said), (panel,), 1, rows, alt, height=height)
