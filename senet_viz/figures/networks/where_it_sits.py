"""Where gates sit: units side by side, five places in a residual unit, its gradients, and the order of its parts."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import zip_longest

import numpy as np

from senet_viz.architecture.unit_graph import Unit
from senet_viz.drawing.grammar import Arrow, Box, Figure, Line, Mark, Panel, Points, Rule, Table, Text
from senet_viz.figures.networks.unit_drawing import drawing, group, label, place
from senet_viz.i18n import Texts

HEADER = ("network", "order", "part", "modules", "inputs", "shape", "kernel", "groups", "norm", "activation")
FLOWS = {"standard": "ink", "pre": "u", "post": "gate", "identity": "z", "3x3": "logit"}
DASHED = ("pre", "3x3", "identity")  # they lie on one of the others in places
RAISED = str.maketrans("-0123456789.", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹·")


def draw_units(units: Sequence[Unit], t: Texts) -> Figure:
    """Draw units side by side: two with all that is known of their parts, more under their families' names."""
    full = len(units) <= 2
    tall = max(spot.row for unit in units for spot in place(unit)) + 1
    panels = [drawing(unit, t, tall, full) for unit in units]
    if not full:
        panels = [replace(panel, title=_family(panel.title)) for panel in panels]
    names, least = [unit.title for unit in units], tall * (58 if full else 26)
    note = t("fig.wiring.note") if full else t("fig.wiring.note.brief", names=", ".join(names))
    title = t("fig.wiring.pair", a=names[0], b=names[-1]) if full else t("fig.wiring.title", n=len(units))
    alt = t("fig.wiring.alt", told="; ".join(f"{unit.title}: {_told(unit, t)}" for unit in units))
    name = "pair" if full else "units"
    widths = None if full else tuple(panel.limits[0][1] - panel.limits[0][0] for panel in panels)
    return Figure(name, title, tuple(panels), len(units), _table(units), alt, note, widths, 72 + least, least)


def _family(title: str) -> str:
    """Return the family that a network's title names: SE-ResNeXt of SE-ResNeXt-50 32x4d."""
    return "-".join(title.split("-")[: 1 + title.startswith("SE-")])


def _told(unit: Unit, t: Texts) -> str:
    """Return the unit's parts in words, in the order in which they ran."""
    return " → ".join(label(part, t, False) for part in unit.parts)


def _table(units: Sequence[Unit]) -> Table:
    rows = (
        (
            unit.network, i, f"{group(p)}/{p.kind}", " ".join(s.path for s in p.steps), " ".join(map(str, p.inputs)),
            "x".join(map(str, p.shape)), "x".join(map(str, p.first.kernel)), p.first.groups, int(p.norm), p.act,
        )
        for unit in units
        for i, p in enumerate(unit.parts)
    )  # fmt: skip
    return Table(HEADER, tuple(rows))


def draw_integration(
    unit: Unit, chosen: str, errors: Sequence[tuple[str, float]], bare: float, cite: str, t: Texts
) -> Figure:
    """Draw the residual unit with one integration, what is gated in orange, beside the paper's errors.

    Args:
        chosen: the integration; ``errors``: (integration, top-1 %); ``bare``: the error without gates, %.
        cite: the paper's tables.
    """
    tall = max(spot.row for spot in place(unit)) + 1
    places, values = np.arange(1, len(errors) + 1), np.array([value for _, value in errors])
    mine = np.array([name == chosen for name, _ in errors])
    points = [
        Points(values[pick], places[pick], "", colour)
        for pick, colour in ((~mine, "muted"), (mine, "gate"))
        if pick.any()
    ]
    said = [
        Text(float(v) + 0.1, float(i), f"{v:.2f}", 16, "gate" if m else "ink", "start")
        for i, v, m in zip(places, values, mine, strict=True)
    ]
    paper = Panel(
        (*points, *said, Rule(bare, "x", t("fig.integration.bare", e=f"{bare:.2f}"))),
        t("fig.integration.errors"),
        x=t("fig.integration.axis"),
        x_range=(22, 24.2),
        y_range=(len(errors) + 0.5, 0.3),
        x_ticks=(22.0, 22.5, 23.0, 23.5),
        y_ticks=tuple((float(i), t(f"fig.integration.{name}")) for i, (name, _) in enumerate(errors, start=1)),
    )
    panel = replace(
        drawing(unit, t, tall, full=True, highlight=True), title=t(f"fig.integration.{chosen}"), legend=False
    )
    title, note = t(f"fig.integration.title.{chosen}"), t("fig.integration.note", cite=cite)
    alt, rows = t("fig.integration.alt", told=_told(unit, t), e=f"{dict(errors)[chosen]:.2f}"), _table([unit])
    least = 58 * tall
    return Figure("integration", title, (panel, paper), 2, rows, alt, note, (1.2, 1), 110 + least, least)


def draw_flow(
    flows: Sequence[tuple[str, Sequence[tuple[str, np.ndarray]]]], said: Mapping[str, object], t: Texts
) -> Figure:
    """Draw the gradient by depth: a panel a start, each with a curve an integration, log10 of (seeds, units + 1).

    ``said``: the numbers of its title.
    """
    panels, rows, told = list[Panel](), list[tuple[object, ...]](), []
    every = np.concatenate([values.ravel() for _, each in flows for _, values in each])
    low, high = min(-1.0, float(np.nanmin(every))), max(1.0, float(np.nanmax(every)))
    step = max(1, round((high - low) / 6))
    ticks = tuple((float(e), _power(e)) for e in range(-step * int(-low // step), int(high) + 1, step))
    for start, each in flows:
        marks: list[Mark] = []
        for name, values in sorted(each, key=lambda item: item[0] in DASHED):
            x = np.arange(1, values.shape[1] + 1)
            marks += [Line(x, seed, "", FLOWS[name], width=1) for seed in values]
            middle = np.median(values, axis=0)
            marks.append(Line(x, middle, t(f"fig.integration.{name}"), FLOWS[name], dash=name in DASHED, width=4))
            rows += [(start, name, s, i + 1, v) for (s, i), v in np.ndenumerate(values.astype(float))]
        panels.append(
            Panel(
                (*marks, Rule(0, "y")),
                t(f"fig.flow.{start}"),
                x=t("fig.flow.x"),
                y=t("fig.flow.y") if not panels else "",
                x_range=(0.5, float(said["n"]) + 1.5),  # type: ignore[arg-type]
                y_range=(low - 0.6, high + 0.6),
                y_ticks=ticks,
            )
        )
        ends = [f"{t(f'fig.integration.{name}')} {_power(float(np.median(v[:, 0])), 1)}" for name, v in each]
        told.append(f"{t(f'fig.flow.{start}')}: {', '.join(ends)}")
    header = ("start", "integration", "seed", "unit", "log10 of the gradient's norm over that of the end")
    title, alt = t("fig.flow.title", **said), t("fig.flow.alt", n=said["n"], told="; ".join(told))
    note, listed = t("fig.flow.note", seeds=len(flows[0][1][0][1])), Table(header, tuple(rows))
    return Figure("gradient-flow", title, tuple(panels), len(panels), listed, alt, note, height=460, least=240)


def _power(exponent: float, digits: int = 0) -> str:
    """Return 10 to the power of ``exponent``, in words."""
    return "1" if exponent == 0 else f"10{f'{exponent:.{digits}f}'.translate(RAISED)}"


def scientific(value: float) -> str:
    """Return a positive number with two digits, as a power of ten where it is very large or very small."""
    if 1e-3 <= value < 1e5:
        return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"
    digits, exponent = f"{value:.1e}".split("e")
    return f"{digits}·10{str(int(exponent)).translate(RAISED)}"


def draw_order(defined: Sequence[str], ran: Sequence[str], chosen: str, t: Texts) -> Figure:
    """Draw the parts of one block in a row: as ``print`` lists them, or as they run, which is where arrows are."""
    names, most = defined if chosen == "defined" else ran, max(len(defined), len(ran))
    marks: list[Mark] = []
    for i, name in enumerate(names):
        moved = name in ran and name in defined and [n for n in defined if n in ran].index(name) != ran.index(name)
        marks.append(Box(i - 0.42, -0.35, i + 0.42, 0.35, "pinned" if moved else "muted", filled=True))
        marks.append(Text(i, 0, name, 16))
        if chosen == "run" and i:
            marks.append(Arrow(i - 0.58, 0, i - 0.42, 0))
    panel = Panel(tuple(marks), x_range=(-0.6, most - 0.4), y_range=(0.6, -0.6), axes=False)
    rows = tuple((i, *pair) for i, pair in enumerate(zip_longest(defined, ran)))
    title, alt = t(f"fig.order.title.{chosen}"), t("fig.order.alt", defined=", ".join(defined), ran=", ".join(ran))
    listed = Table(("place", "defined", "run"), rows)
    return Figure("order", title, (panel,), 1, listed, alt, t("fig.order.note"), height=120)
