"""One unit as a drawing: boxes and arrows in the order in which they ran, one colour for one kind of part."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from senet_viz.architecture.unit_graph import Part, Unit
from senet_viz.drawing.grammar import Arrow, Box, Line, Mark, Panel, Points, Text
from senet_viz.i18n import Texts

COLOURS = {"conv": "u", "squeeze": "z", "excite": "logit", "scale": "gate", "join": "muted"}
WIDE, THIN, GATE, TALL = 0.92, 0.69, 1.1, 0.7  # of a box; branches are 1 apart, rows too
PITCH = 0.75  # between more than two branches
LEAST = 3.0  # width of a drawing
LANE = 0.2  # between wires that go round
SYMBOLS = {"sigmoid": "σ", "h-sigmoid": "h-σ"}


def group(part: Part) -> str:
    """Return which of ``COLOURS`` it has: by what it does, wherever it sits."""
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
    """A spot says where a box lies: its middle, its row from the top, and its width."""

    x: float
    row: int
    width: float

    @property
    def ends(self) -> tuple[float, float]:
        """Return its left and its right end."""
        return self.x - self.width / 2, self.x + self.width / 2


def place(unit: Unit) -> tuple[Spot, ...]:
    """Return a spot for every part, from the wires alone: no network has a layout of its own.

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


def brief(part: Part, t: Texts) -> str:
    """Return one word for a part, in a drawing that shows many units: a kernel, FC, σ."""
    kernel = "×".join(map(str, part.first.kernel))
    if part.kind == "input":
        return "x"
    if part.kind == "gate":
        return SYMBOLS.get(part.first.detail, part.first.detail)
    if part.kind == "conv":
        return kernel
    if part.kind == "fc":
        return "FC"
    return part.first.detail if part.kind == "pool" and group(part) != "squeeze" else label(part, t, False)


def label(part: Part, t: Texts, full: bool) -> str:
    """Return what its box says; ``full``: with what else happens in it, on a second line."""
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
    """Draw one unit as a panel ``rows`` high.

    Args:
        full: all that is known of every part, and arrows; else one word, and lines: boxes are too close for arrowheads.
        highlight: draw the wires that a gate multiplies in its colour.
    """
    spots, marks = place(unit), list[Mark]()
    gated = set(unit.gated) if highlight else set()
    lanes = {"left": 0, "right": 0}
    low, high = min(s.ends[0] for s in spots), max(s.ends[1] for s in spots)
    for wire in sorted(unit.wires, key=lambda w: w in gated):
        way = _way(spots, *wire, lanes)
        low, high = min(low, *(p[0] for p in way)), max(high, *(p[0] for p in way))
        colour = "gate" if wire in gated else "muted"
        if wire in gated or len(way) > 2 or not full:
            xs, ys = zip(*way, strict=True)
            marks.append(Line(np.array(xs), np.array(ys), "", colour, width=6 if wire in gated else 2))
        if full:
            marks.append(Arrow(*way[-2], *way[-1], colour))
    end, last = spots[-1], "gate" if gated and unit.parts[-1].kind == "scale" else "muted"
    marks.append(Arrow(end.x, end.row + TALL / 2, end.x, end.row + 0.85, last))
    for part, spot in zip(unit.parts, spots, strict=True):
        left, right = spot.ends
        half = TALL / 2
        marks.append(Box(left, spot.row - half, right, spot.row + half, COLOURS[group(part)], filled=True))
        marks.append(Text(spot.x, spot.row, label(part, t, True) if full else brief(part, t), 15))
    nothing = np.array([np.nan])
    marks += [Points(nothing, nothing, t(f"fig.wiring.{name}"), colour) for name, colour in COLOURS.items()]
    spare = max(0.0, LEAST - (high - low)) / 2 if full else 0.0
    ends = low - spare - 0.04, high + spare + 0.04
    return Panel(tuple(marks), unit.title, x_range=ends, y_range=(rows - 0.1, -0.5), axes=False)


def _way(spots: Sequence[Spot], a: int, b: int, lanes: dict[str, int]) -> list[tuple[float, float]]:
    """Return the corners of a wire from box a to box b: straight where nothing is between, else round the side."""
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
