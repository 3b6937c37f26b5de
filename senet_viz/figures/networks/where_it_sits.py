"""Units with gates as drawings: boxes and arrows in the order in which they ran, one colour for one kind of part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from senet_viz.architecture.unit_graph import Part, Unit
from senet_viz.drawing.grammar import Arrow, Box, Figure, Line, Mark, Panel, Points, Rule, Table, Text
from senet_viz.i18n import Texts

COLOURS = {"conv": "u", "squeeze": "z", "excite": "logit", "scale": "gate", "join": "muted"}
WIDE, THIN, GATE, TALL = 0.92, 0.69, 1.1, 0.7  # of a box; branches are 1 apart, rows too
PITCH = 0.75  # between more than two branches
LEAST = 3.0  # width of a drawing
LANE = 0.2  # between wires that go round


def group(part: Part) -> str:
    """Which of ``COLOURS`` it has: what it does, wherever it sits."""
    if part.kind in ("gate", "scale"):
        return "scale"
    if part.inside and part.kind in ("fc", "conv") and not _spatial(part):
        return "excite"
    if part.inside and part.kind == "pool":
        return "squeeze"
    return "conv" if part.kind == "conv" else "join"


def _spatial(part: Part) -> bool:
    return len(part.shape) == 3 and part.shape[-1] > 1


@dataclass(frozen=True)
class Spot:
    """Where a box lies: its middle, its row from the top, and its width."""

    x: float
    row: int
    width: float

    @property
    def ends(self) -> tuple[float, float]:
        """Left and right."""
        return self.x - self.width / 2, self.x + self.width / 2


def place(unit: Unit) -> tuple[Spot, ...]:
    """A spot for every part, from the wires alone: no network has a layout of its own.

    A gate that serves one multiplication runs beside the signal that it gates; branches lie side by side.
    """
    parts, users = unit.parts, [unit.users(i) for i in range(len(unit.parts))]
    beside = {i for i, p in enumerate(parts) if p.inside and p.kind != "scale"} if len(unit.scales) == 1 else set()
    apart = beside | {i for i, p in enumerate(parts) if p.kind in ("add", "concat")}
    fans = [[to for to in each if to not in apart] for each in users]  # what lies side by side below a part
    before = [
        [p for p in part.inputs if p not in beside and (part.kind != "scale" or parts[p].kind != "gate")]
        for part in parts
    ]  # above it; a gate's multiplication hangs on the signal, not on the gate
    x, width = [0.0] * len(parts), [WIDE] * len(parts)
    for i in range(1, len(parts)):
        if i in beside:
            continue
        x[i] = sum(x[p] for p in before[i]) / len(before[i])
        if len(before[i]) > 1:
            continue
        above, fan = before[i][0], fans[before[i][0]]
        if len(fan) > 1 and parts[above].kind != "gate":
            x[i] += (fan.index(i) - (len(fan) - 1) / 2) * (PITCH if len(fan) > 2 else 1.0)
        if len(fan) > 2 or width[above] == THIN:
            width[i] = THIN
    for i, part in enumerate(parts):
        if group(part) in ("squeeze", "excite"):
            width[i] = GATE
        near = [x[p] for p in before[i]] if part.kind in ("add", "concat") else [x[to] for to in fans[i]]
        if len(near) > 1 and max(near) > min(near):
            width[i] = max(near) - min(near) + (THIN if len(near) > 2 else WIDE)
    for i in beside:
        x[i], width[i] = x[unit.scales[0]] + (WIDE + GATE) / 2 + 0.12, GATE  # the gate's function too
    row = [0] * len(parts)
    for i, part in enumerate(parts):
        for p in part.inputs:
            sideways = (p in beside) != (i in beside) and abs(x[i] - x[p]) >= (width[i] + width[p]) / 2
            row[i] = max(row[i], row[p] + (not sideways))
    return tuple(Spot(*spot) for spot in zip(x, row, width, strict=True))


def label(part: Part, t: Texts, full: bool) -> str:
    """What its box says; ``full``: with what else happens in it, on a second line."""
    first, c = part.first, part.shape[0]
    kernel = "×".join(map(str, first.kernel))
    if part.kind == "input":
        return t("fig.wiring.input", shape="×".join(map(str, part.shape)) if full else str(c))
    if group(part) == "excite":
        name = f"FC {first.entering}→{c}" if part.kind == "fc" else f"1×1 {first.entering}→{c}"
    elif part.kind == "conv":
        wide = f"{kernel}, {c}"
        depthwise = first.groups > 1 and first.groups == c
        more = "dw" if depthwise else f"g{first.groups}" if first.groups > 1 else ""
        more += f" d{first.dilation}" if first.dilation > 1 else ""
        name = f"{kernel} {more}".strip() if more and not full else f"{wide} {more}".strip()
    elif group(part) == "squeeze":
        name = t(f"fig.wiring.squeeze.{first.detail}")
    elif part.kind == "pool":
        name = t(f"fig.wiring.pool.{first.detail}", k=kernel)
    else:
        name = {"gate": first.detail, "scale": "×", "add": "+", "factor": f"× {first.detail}"}.get(part.kind, "")
        name = name or t("fig.wiring.concat")
    after = ", ".join(filter(None, ("BN" if part.norm else "", part.act)))
    return f"{name}\n{after}" if full and after else name


def drawing(unit: Unit, t: Texts, rows: int, full: bool = False, highlight: bool = False) -> Panel:
    """One unit as a panel ``rows`` high."""
    spots, marks = place(unit), list[Mark]()
    gated = set(unit.gated) if highlight else set()
    lanes = {"left": 0, "right": 0}
    low, high = min(s.ends[0] for s in spots), max(s.ends[1] for s in spots)
    for wire in sorted(unit.wires, key=lambda w: w in gated):
        way = _way(spots, *wire, lanes)
        low, high = min(low, *(p[0] for p in way)), max(high, *(p[0] for p in way))
        colour = "gate" if wire in gated else "muted"
        if wire in gated or len(way) > 2:
            xs, ys = zip(*way, strict=True)
            marks.append(Line(np.array(xs), np.array(ys), "", colour, width=6 if wire in gated else 2))
        marks.append(Arrow(*way[-2], *way[-1], colour))
    end, last = spots[-1], "gate" if gated and unit.parts[-1].kind == "scale" else "muted"
    marks.append(Arrow(end.x, end.row + TALL / 2, end.x, end.row + 0.85, last))
    for part, spot in zip(unit.parts, spots, strict=True):
        left, right = spot.ends
        half = TALL / 2
        marks.append(Box(left, spot.row - half, right, spot.row + half, COLOURS[group(part)], filled=True))
        marks.append(Text(spot.x, spot.row, label(part, t, full), 15))
    nothing = np.array([np.nan])
    marks += [Points(nothing, nothing, t(f"fig.wiring.{name}"), colour) for name, colour in COLOURS.items()]
    spare = max(0.0, LEAST - (high - low)) / 2
    ends = low - spare - 0.04, high + spare + 0.04
    return Panel(tuple(marks), unit.title, x_range=ends, y_range=(rows - 0.1, -0.5), axes=False)


def _way(spots: Sequence[Spot], a: int, b: int, lanes: dict[str, int]) -> list[tuple[float, float]]:
    """The corners of a wire from box a to box b: straight where nothing is between, else round the side."""
    start, end, half = spots[a], spots[b], TALL / 2
    if start.row == end.row:
        side = 1 if end.x > start.x else -1
        return [(start.ends[side > 0], start.row), (end.ends[side < 0], end.row)]
    x = start.x if start.width <= end.width else end.x
    over = all(s.ends[0] - 1e-6 <= x <= s.ends[1] + 1e-6 for s in (start, end))
    between = [s for s in spots if start.row < s.row < end.row and s.ends[0] < x < s.ends[1]]
    if over and not between:
        return [(x, start.row + half), (x, end.row - half)]
    if not between and end.row - start.row == 1:
        return [(start.x, start.row + half), (end.x, end.row - half)]
    right = start.x > 0
    lanes["right" if right else "left"] += 1
    at = max(s.ends[1] for s in spots) if right else min(s.ends[0] for s in spots)
    at += LANE * lanes["right"] if right else -LANE * lanes["left"]
    return [(start.ends[right], start.row), (at, start.row), (at, end.row), (end.ends[right], end.row)]


def draw_units(units: Sequence[Unit], t: Texts) -> Figure:
    """Units side by side, three a row; two of them larger and with every norm and activation."""
    full = len(units) <= 2
    columns = min(3, len(units))
    tall = [max(spot.row for spot in place(unit)) + 1 for unit in units]
    panels = []
    for i, unit in enumerate(units):
        mates = tall[i // columns * columns : i // columns * columns + columns]
        panels.append(drawing(unit, t, max(mates), full))
    rows, least = -(-len(units) // columns), max(tall) * (58 if full else 34)
    told = "; ".join(f"{u.title}: {' → '.join(label(p, t, False) for p in u.parts)}" for u in units)
    return Figure(
        "units",
        t("fig.wiring.title", n=len(units)),
        tuple(panels),
        columns,
        Table(HEADER, tuple(row for unit in units for row in _rows(unit))),
        t("fig.wiring.alt", told=told),
        note=t("fig.wiring.note"),
        height=60 + rows * (50 + least),
        least=least,
    )


HEADER = ("network", "order", "part", "modules", "inputs", "shape", "kernel", "groups", "norm", "activation")


def _rows(unit: Unit) -> list[tuple[object, ...]]:
    return [
        (
            unit.network, i, f"{group(p)}/{p.kind}", " ".join(s.path for s in p.steps), " ".join(map(str, p.inputs)),
            "x".join(map(str, p.shape)), "x".join(map(str, p.first.kernel)), p.first.groups, int(p.norm), p.act,
        )
        for i, p in enumerate(unit.parts)
    ]  # fmt: skip


def draw_integration(
    unit: Unit, chosen: str, errors: Sequence[tuple[str, float]], bare: float, cite: str, t: Texts
) -> Figure:
    """The residual unit with one integration, what is gated in orange, beside the paper's errors (label, top-1 %)."""
    tall = max(spot.row for spot in place(unit)) + 1
    places, values = np.arange(1, len(errors) + 1), np.array([value for _, value in errors])
    mine = np.array([name == chosen for name, _ in errors])
    names = tuple(t(f"fig.integration.{name}") for name, _ in errors)
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
        y_ticks=tuple((float(i), name) for i, name in enumerate(names, start=1)),
    )  # fmt: skip
    panel = replace(
        drawing(unit, t, tall, full=True, highlight=True), title=t(f"fig.integration.{chosen}"), legend=False
    )
    error = dict(errors)[chosen]
    return Figure(
        "integration",
        t(f"fig.integration.title.{chosen}"),
        (panel, paper),
        2,
        Table(HEADER, tuple(_rows(unit))),
        t("fig.integration.alt", told=" → ".join(label(p, t, False) for p in unit.parts), e=f"{error:.2f}"),
        note=t("fig.integration.note", cite=cite),
        widths=(1.2, 1),
        height=110 + 58 * tall,
        least=58 * tall,
    )


FLOWS = {"standard": "ink", "pre": "u", "post": "gate", "identity": "z", "3x3": "logit"}
DASHED = ("pre", "3x3", "identity")  # they lie on one of the others in places


def draw_flow(
    flows: Sequence[tuple[str, Sequence[tuple[str, np.ndarray]]]], said: Mapping[str, object], t: Texts
) -> Figure:
    """Gradient by depth: a panel a start, each with a curve an integration, log10 of (seeds, units + 1).

    ``said``: the numbers of its title.
    """
    panels, rows = list[Panel](), list[tuple[object, ...]]()
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
            rows += [
                (start, name, s, int(i), float(v))
                for s, seed in enumerate(values)
                for i, v in zip(x, seed, strict=True)
            ]
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
    told = "; ".join(
        f"{t(f'fig.flow.{start}')}: "
        + ", ".join(f"{t(f'fig.integration.{name}')} {_power(float(np.median(v[:, 0])), 1)}" for name, v in each)
        for start, each in flows
    )
    return Figure(
        "gradient-flow",
        t("fig.flow.title", **said),
        tuple(panels),
        len(panels),
        Table(
            ("start", "integration", "seed", "unit", "log10 of the gradient's norm over that of the end"), tuple(rows)
        ),
        t("fig.flow.alt", n=said["n"], told=told),
        note=t("fig.flow.note", seeds=len(flows[0][1][0][1])),
        height=460,
        least=240,
    )


def _power(exponent: float, digits: int = 0) -> str:
    """10 to the power of it."""
    raised = f"{exponent:.{digits}f}".translate(_RAISED)
    return "1" if exponent == 0 else f"10{raised}"


_RAISED = str.maketrans("-0123456789.", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹·")


def scientific(value: float) -> str:
    """A positive number of any size with two digits, as a power of ten where it is very large or very small."""
    if 1e-3 <= value < 1e5:
        return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"
    digits, exponent = f"{value:.1e}".split("e")
    return f"{digits}·10{str(int(exponent)).translate(_RAISED)}"


def draw_order(defined: Sequence[str], ran: Sequence[str], chosen: str, t: Texts) -> Figure:
    """The parts of one block in a row: as ``print`` lists them, or as they run, which is where arrows are."""
    names = defined if chosen == "defined" else ran
    marks: list[Mark] = []
    for i, name in enumerate(names):
        moved = name in ran and name in defined and [n for n in defined if n in ran].index(name) != ran.index(name)
        marks.append(Box(i - 0.42, -0.35, i + 0.42, 0.35, "pinned" if moved else "muted", filled=True))
        marks.append(Text(i, 0, name, 16))
        if chosen == "run" and i:
            marks.append(Arrow(i - 0.58, 0, i - 0.42, 0))
    panel = Panel(tuple(marks), x_range=(-0.6, max(len(defined), len(ran)) - 0.4), y_range=(0.6, -0.6), axes=False)
    return Figure(
        "order",
        t(f"fig.order.title.{chosen}"),
        (panel,),
        1,
        Table(
            ("place", "defined", "run"),
            tuple(
                (i, *(r[i] if i < len(r) else None for r in (defined, ran))) for i in range(max(len(defined), len(ran)))
            ),
        ),
        t("fig.order.alt", defined=", ".join(defined), ran=", ".join(ran)),
        note=t("fig.order.note"),
        height=120,
    )
