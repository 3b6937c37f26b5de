"""Selection: which kernel wins, for one channel, for a unit, for a set of photos (SKNet, figs. 3 and 4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from senet_viz.drawing import palette
from senet_viz.drawing.grammar import Bars, Box, Figure, Line, Mark, Panel, Photo, Points, Rule, Scale, Table, Text
from senet_viz.drawing.layout import apart
from senet_viz.drawing.text import number
from senet_viz.i18n import Texts

UNITS = ("logit", "z", "pre", "ink", "dead")  # colours of units, from the input to the output; they only tell apart


@dataclass(frozen=True, eq=False)
class Curve:
    """One unit's preference against scale. ``spread`` is the std over a set's photos, None for one photo."""

    name: str
    values: np.ndarray  # (Z,)
    control: np.ndarray  # (Z,) of the untrained network
    spread: np.ndarray | None = None  # (Z,)


def curves(
    difference: np.ndarray, units: Sequence[str], shown: Sequence[str], short: Callable[[str], str]
) -> tuple[Curve, ...]:
    """One a unit of ``shown``.

    Args:
        difference: (3, Z, N, U) preferences of N photos, see ``gate_profile.Selection``; units: U names.
        short: a name as the page shows it.
    """
    d = difference.astype(np.float64)
    spread = (lambda u: None) if d.shape[2] == 1 else (lambda u: d[0, :, :, u].std(1))
    at = [list(units).index(name) for name in shown]
    return tuple(Curve(short(units[u]), d[0, :, :, u].mean(1), d[2, :, :, u].mean(1), spread(u)) for u in at)


def times(scale: float) -> str:
    """1.5 is 1.5×, 2.0 is 2×."""
    return f"{scale:g}×"


def _between(kernels: Sequence[str]) -> str:
    """Name of the preference: a[5×5] − a[3×3]."""
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
    """What the network sees at every scale, and one unit's preference.

    Args:
        crops: Z photos (H, W, 3).
        rows: (3, Z), the preference under object zoom, with less detail alone, and in the untrained network.
        reason: of the photo's verdict, see ``senet_viz.experiments.kernel_preference``.
    """
    x = np.asarray(scales, dtype=float)
    labels = tuple(number(v) for v in rows[0])
    low, high = min(0.0, float(rows.min())), max(0.0, float(rows.max()))
    room = (high - low) or 1e-3
    lines = (("fig.fig3.untrained", "muted", rows[2]), ("fig.zoom.blur", "logit", rows[1]))
    marks: list[Mark] = [Line(x, row, t(key), colour, dash=True, width=3) for key, colour, row in lines]
    marks += [Line(x, rows[0], t("fig.zoom.object"), "ink", width=4)]
    marks += [Points(x, rows[0], t("fig.zoom.object"), "ink")]
    ends = [(t(key), colour, float(row[-1])) for key, colour, row in lines]
    marks += _ends([*ends, (t("fig.zoom.object"), "ink", float(rows[0, -1]))], float(x[-1]), room)
    curve = Panel(
        tuple(marks),
        title=_between(kernels),
        x=t("fig.zoom.x"),
        x_range=(x[0] - 0.1, x[-1] + 0.95),
        y_range=(low - 0.15 * room, high + 0.2 * room),
        x_ticks=tuple((float(s), times(s)) for s in scales),
        legend=False,
    )
    photos = tuple(
        Panel((Photo(crop),), title=f"{times(s)}: {v}") for crop, s, v in zip(crops, scales, labels, strict=True)
    )
    table = tuple(
        (condition, float(s), float(v))
        for condition, row in zip(("object zoom", "less detail", "untrained"), rows, strict=True)
        for s, v in zip(scales, row, strict=True)
    )
    said = {"unit": unit, "large": kernels[-1], "small": kernels[0]}
    alt = t("fig.zoom.alt", **said, values=", ".join(f"{times(s)} {v}" for s, v in zip(scales, labels, strict=True)))
    return Figure(
        "kernel-zoom",
        t(f"fig.zoom.title.{reason}", **said),
        (*photos, curve),
        len(photos) + 1,
        Table(("condition", "scale", "difference"), table),
        alt,
        note=t("fig.zoom.note", **said),
        widths=(*(1.15 for _ in photos), 2.0),
        height=310,
    )


def draw_tug(
    gate: np.ndarray,
    first: np.ndarray,
    unit: str,
    scale: float,
    channel: int,
    kernels: Sequence[str],
    t: Texts,
) -> Figure:
    """Per channel the shares (M, C) of the branches, which sum to 1; sorted by winner.

    Args:
        gate: at ``scale``. first: at the first scale, to compare.
    """
    order = np.argsort(-gate[-1], kind="stable")
    x, base = np.arange(len(order)), np.zeros(len(order))
    marks: list[Mark] = []
    for m in range(len(gate) - 1, -1, -1):  # the larger kernel from below
        marks.append(Bars(x, gate[m][order], kernels[m], palette.branch(m), base=base.copy(), width=1))
        base = base + gate[m][order]
    if not np.array_equal(gate, first):
        marks.append(Line(x, first[-1][order], t("fig.tug.first"), "ink", width=2))
    place = int(np.flatnonzero(order == channel)[0])
    marks += [Rule(1 / len(gate), "y"), Rule(place, "x", t("fig.pinned", c=channel), "pinned")]
    shared = Panel(tuple(marks), title=t("fig.tug.shares"), x=t("fig.tug.x", n=len(order)), y_range=(0, 1), x_ticks=())
    lead = (gate[-1] - gate[0]).astype(np.float64)
    ahead = lead[order] >= 0
    closer = Panel(
        (
            *(
                Bars(x[part], lead[order][part], t("fig.tug.wins", kernel=name), colour, width=1)
                for part, name, colour in (
                    (ahead, kernels[-1], palette.branch(len(gate) - 1)),
                    (~ahead, kernels[0], palette.branch(0)),
                )
                if part.any()
            ),
            Rule(float(lead.mean()), "y", t("fig.tug.mean", mean=number(float(lead.mean()))), "ink"),
            Rule(place, "x", "", "pinned"),
        ),
        title=_between(kernels),
        x=t("fig.tug.x", n=len(order)),
        x_ticks=(),
        legend=False,
    )
    wins = int((gate.argmax(0) == len(gate) - 1).sum())
    said = {"unit": unit, "n": len(order), "wins": wins, "large": kernels[-1], "scale": times(scale)}
    shares = " + ".join(f"{a:.4f}" for a in gate[:, channel])
    return Figure(
        "kernel-tug",
        t("fig.tug.title", **said),
        (shared, closer),
        2,
        Table(
            ("scale", "block", "channel", "branch", "gate"),
            tuple((scale, unit, int(c), m, float(gate[m, c])) for c in order for m in range(len(gate))),
        ),
        t("fig.tug.alt", **said, c=channel, shares=shares),
        note=t("fig.tug.note", c=channel, shares=shares),
        height=340,
    )


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
    """The photo (H, W, 3), and each branch's taps where its kernel lies when the pinned channel is strongest.

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
    panels = [Panel((Photo(shown), window), title=t("fig.taps.where", c=channel))]
    top, left = max(0, int(np.floor(y0 + 0.5))), max(0, int(np.floor(x0 + 0.5)))
    cut = shown[top : int(np.ceil(y1 + 0.5)), left : int(np.ceil(x1 + 0.5))]
    for m, (points, name) in enumerate(zip(taps, kernels, strict=True)):
        dots = Points(points[:, 1] - left, points[:, 0] - top, name, palette.branch(m))
        title = t("fig.taps.branch", kernel=name, share=f"{shares[m]:.0%}")
        panels.append(
            Panel(
                (Photo(cut), dots),
                title=title,
                legend=False,
                x_range=(x0 - left, x1 - left),
                y_range=(y1 - top, y0 - top),
            )
        )
    table = tuple(
        (m, name, float(r), float(c))
        for m, (points, name) in enumerate(zip(taps, kernels, strict=True))
        for r, c in points
    )
    return Figure(
        "kernel-taps",
        t("fig.taps.title", large=kernels[-1], n=len(taps[-1])),
        tuple(panels),
        len(panels),
        Table(("branch", "kernel", "row", "column"), table),
        t("fig.taps.alt", c=channel, row=f"{at[0]:.0f}", column=f"{at[1]:.0f}", step=number(step)),
        note=t("fig.taps.note", step=number(step)),
        height=310,
    )


def draw_fig3(
    scales: Sequence[float],
    photo: Sequence[Curve],
    photos: Sequence[Curve],
    count: int,
    published: Mapping[str, Sequence[float]],
    kernels: Sequence[str],
    t: Texts,
) -> Figure:
    """Preference against scale: this photo, the mean of a set with its std, and the published numbers, on one axis.

    Args:
        photos: of the set; none leaves its panel out. count: photos in it.
        published: unit -> (Z,).
    """
    theirs = [Curve(name, np.array(v), np.full(len(v), np.nan)) for name, v in published.items()]
    parts = [(t("fig.fig3.photo"), photo), (t("fig.fig3.set", n=count), photos), (t("fig.fig3.published"), theirs)]
    parts = [(title, curves) for title, curves in parts if curves]
    tops = [np.abs(c.values) + (0 if c.spread is None else c.spread) for _, curves in parts for c in curves]
    reach = 1.15 * float(max(np.max(top) for top in tops)) or 1e-3
    panels = tuple(_lines(title, scales, curves, kernels, reach, i == 0, t) for i, (title, curves) in enumerate(parts))
    names = ("photo", "set", "published") if photos else ("photo", "published")
    rows = [
        (source, c.name, float(s), float(c.values[i]), "" if c.spread is None else float(c.spread[i]), _cell(c, i))
        for source, (_, curves) in zip(names, parts, strict=True)
        for c in curves
        for i, s in enumerate(scales)
    ]
    alt = "; ".join(
        f"{title}: " + ", ".join(f"{c.name} {' → '.join(number(float(v)) for v in c.values)}" for c in curves)
        for title, curves in parts
    )
    return Figure(
        "kernel-fig3",
        t("fig.fig3.title"),
        panels,
        len(panels),
        Table(("source", "block", "scale", "difference", "std", "untrained"), tuple(rows)),
        alt,
        note=t("fig.fig3.note"),
        height=440,
    )


def _cell(curve: Curve, i: int) -> object:
    return "" if np.isnan(curve.control[i]) else float(curve.control[i])


def _lines(
    title: str, scales: Sequence[float], curves: Sequence[Curve], kernels: Sequence[str], reach: float, named: bool,
    t: Texts,
) -> Panel:  # fmt: skip
    x = np.asarray(scales, dtype=float)
    marks: list[Mark] = [
        Line(x, curve.control, t("fig.fig3.untrained"), "muted", dash=True, width=3)
        for curve in curves
        if not np.isnan(curve.control).all()
    ]
    for i, curve in enumerate(curves):
        at = x + 0.02 * (i - (len(curves) - 1) / 2)  # beside each other, so that spreads do not cover each other
        colour = UNITS[i % len(UNITS)]
        if curve.spread is not None:
            spans = np.stack([curve.values - curve.spread, curve.values + curve.spread, np.full(len(x), np.nan)])
            marks.append(Line(np.repeat(at, 3), spans.T.ravel(), "", colour, width=1.5))
        marks.append(Line(at, curve.values, curve.name, colour, width=3))
        marks.append(Points(at, curve.values, curve.name, colour))
    ends = [(c.name, UNITS[i % len(UNITS)], float(c.values[-1])) for i, c in enumerate(curves)]
    controls = [c.control[-1] for c in curves if not np.isnan(c.control).all()]
    ends += [(t("fig.fig3.untrained"), "muted", float(np.mean(controls)))] if controls else []
    marks += _ends(ends, float(x[-1]) + 0.03, 1.6 * reach)
    return Panel(
        tuple(marks),
        title=title,
        x=t("fig.fig3.x"),
        y=_between(kernels) if named else "",
        x_range=(float(x[0]) - 0.1, float(x[-1]) + 0.7),
        y_range=(-reach, reach),
        x_ticks=tuple((float(s), times(s)) for s in scales),
        legend=False,
    )


def _ends(ends: Sequence[tuple[str, str, float]], right: float, room: float) -> list[Text]:
    """(name, colour, height) of lines as words at their right ends, none over another or on the line at 0."""
    clear = [height if abs(height) > 0.06 * room else 0.07 * room for _, _, height in ends]
    return [
        Text(right + 0.05, height, name, 15, colour, "start")
        for (name, colour, _), height in zip(ends, apart(clear, 0.11 * room), strict=True)
    ]


def draw_fig4(
    units: Sequence[str], scales: tuple[float, float], means: np.ndarray, classes: Sequence[str], photos: int, t: Texts
) -> Figure:
    """Per class the mean preference of some units at two scales; means (2, K, U). Classes sorted at the lower scale."""
    panels: list[Panel] = []
    rows: list[tuple[object, ...]] = []
    for u, unit in enumerate(units):
        order = np.argsort(means[0, :, u], kind="stable")
        x = np.arange(len(order))
        labels = tuple(classes[k] for k in order)
        marks: list[Mark] = [Line(x, means[0, order, u], times(scales[0]), "first", width=3)]
        marks.append(Line(x, means[1, order, u], times(scales[1]), "second", width=2))
        marks.append(Points(x, means[1, order, u], times(scales[1]), "second", labels))
        up = int((means[1, :, u] > means[0, :, u]).sum())
        panels.append(
            Panel(
                tuple(marks),
                title=t("fig.fig4.unit", unit=unit, up=up, n=len(order)),
                x=t("fig.fig4.x") if u >= len(units) - 2 else "",
                x_ticks=(),
            )
        )
        rows += [(unit, classes[k], float(s), float(means[z, k, u])) for k in order for z, s in enumerate(scales)]
    return Figure(
        "kernel-fig4",
        t("fig.fig4.title", scale=times(scales[1])),
        tuple(panels),
        min(2, len(panels)),
        Table(("block", "class", "scale", "difference"), tuple(rows)),
        t("fig.fig4.alt", units=", ".join(units), n=len(classes)),
        note=t("fig.fig4.note", n=len(classes), photos=photos),
        height=300 * ((len(panels) + 1) // 2),
    )


def draw_answers(answers: Sequence[np.ndarray], names: Sequence[str], what: str, t: Texts, most: int = 5) -> Figure:
    """Draw class probabilities as the network gives them and, where it is overruled, beside them what it says then.

    Args:
        answers: one (K,), or two: with the network's own choice, and overruled.
        names: of all K classes.
        what: the name of what was done to the choice.
    """
    before, after = answers[0], answers[-1]
    best = [np.argsort(-scores, kind="stable")[:most] for scores in answers]
    top = [int(i) for i in dict.fromkeys(np.stack(best, axis=1).ravel())]
    top = sorted(top, key=lambda i: -max(before[i], after[i]))[: most + 2]
    y = np.arange(len(top), dtype=float)
    bars = ((before, t("fig.answers.before"), "muted"), (after, what, "ink"))[: len(answers)]
    panel = Panel(
        tuple(
            Bars(shares[top], y + place, label, role, horizontal=True, width=0.36)
            for (shares, label, role), place in zip(bars, (0.0,) if len(bars) == 1 else (-0.2, 0.2), strict=True)
        ),
        x=t("fig.answers.x"),
        x_range=(0, 1),
        y_range=(len(top) - 0.5, -0.5),
        y_ticks=tuple((float(i), names[k]) for i, k in enumerate(top)),
    )
    first, second = int(before.argmax()), int(after.argmax())
    said = {"before": names[first], "p": f"{before[first]:.1%}", "after": names[second], "q": f"{after[second]:.1%}"}
    kind = "own" if len(answers) == 1 else "same" if first == second else "other"
    title = t(f"fig.answers.{kind}", **said)
    order = np.argsort(-np.maximum(before, after), kind="stable")
    rows = tuple((names[k], *(float(shares[k]) for shares in answers)) for k in order)
    return Figure(
        "kernel-answers",
        title,
        (panel,),
        1,
        Table(("class", "before", "after")[: 1 + len(answers)], rows),
        t("fig.answers.alt.own" if len(answers) == 1 else "fig.answers.alt", **said, what=what),
        height=90 + 46 * len(top),
    )
