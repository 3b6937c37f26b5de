"""Where the parts of a figure go on a page of a given width, for both renderers."""

from __future__ import annotations

import math
from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from senet_viz.drawing.grammar import Box, Figure, Panel, Rule, Scale

from senet_viz.drawing.text import (
    AXIS,
    BAR_BELOW,
    BAR_GAP,
    BAR_RIGHT,
    BESIDE,
    BOLD,
    CELL,
    FRAME,
    GAP,
    HALO,
    HEADING,
    ITEM,
    LINE,
    NAME,
    SIZE,
    SMALL,
    THICK,
    TICKS,
    ems,
    number,
    short,
    wrap,
)


class Layout:
    """Where panels, legends and colour bars of a figure go on a page of ``width`` x ``height``, margins included.

    One scale's bar stands right of all panels. Bars of several scales lie below the panels that use them: then it is
    plain which colours belong to which panel. ``height`` grows until every panel is ``figure.least`` high.
    ``stretch``: how much wider than ``ems`` the font runs. ``slim``: a figure of one column on a phone; its bars lie
    below too, each under the last of the panels that share it, its legends list one name a line where they would not
    fit into one, and names of axes are wrapped.
    """

    def __init__(
        self,
        figure: Figure,
        width: float,
        height: float,
        top: float,
        bottom: float,
        side: float,
        stretch: float = 1.0,
        slim: bool = False,
    ) -> None:
        self.figure, self.width, self.bottom, self.side, self.stretch = figure, width, bottom, side, stretch
        self.slim = slim
        self.common = self._legend_lines(figure.common, width - 2 * side)  # of a legend that serves all panels
        if slim and self.common > 1:
            self.common = len(figure.common)
        line = ITEM if slim and self.common > 1 else LINE
        self.top = top + line * self.common + (8 if self.common else 0)
        self.below = len(figure.scales) > (0 if slim else 1)
        count = min(figure.columns, len(figure.panels))
        self.aside = [max(map(self._aside, figure.panels[c :: figure.columns])) for c in range(count)]
        self.right = side + self.aside[-1] + (BAR_RIGHT if figure.scales and not self.below else 0)
        self.columns = [(0.0, width / count * 0.85)] * count  # (left, width), refined below
        self.plot = height / len(figure.rows) * 0.6
        self.plots = [self.plot] * len(figure.rows)
        for _ in range(3):  # wrapped words need height, height changes the widths of photos, widths wrap words
            self._rows(height)
            self._columns()
        panels = [(r, c) for r, row in enumerate(figure.rows) for c in range(len(row))]
        if all(panel.aspect for panel in figure.panels):  # nothing fills the page: leave out what would stay empty
            self.plot = max(self.fitted(r, c)[3] for r, c in panels)
            self.plots = [self.plot] * len(figure.rows)
        if slim:
            self.plots = [self._filled(r) for r in range(len(figure.rows))]
        self._stack()
        self.height = self.tops[-1] + self.plots[-1] + self.feet[-1] + bottom

    def rect(self, r: int, c: int) -> tuple[float, float, float, float]:
        """(left, top, width, height) of a panel's plot, from the page's upper left corner."""
        left, width = self.columns[c]
        return left, self.tops[r], width, self.plots[r]

    def fitted(self, r: int, c: int) -> tuple[float, float, float, float]:
        """The part of ``rect`` that a panel with one unit on both axes fills: the upper left one."""
        left, top, width, height = self.rect(r, c)
        aspect = self.figure.rows[r][c].aspect or width / height
        wide = min(width, height * aspect)
        return left, top, wide, wide / aspect

    def heading(self, panel: Panel, c: int) -> list[str]:
        """The panel's title in lines."""
        return wrap(panel.title, self._reach(c) / (HEADING * BOLD * self.stretch)) if panel.title else []

    def legend(self, panel: Panel, c: int) -> int:
        """Lines of its own legend: none, one, or one a name where they do not fit side by side."""
        names = () if self.common else panel.names
        return len(names) if self._legend_lines(names, self._reach(c)) > 1 else min(1, len(names))

    def legend_height(self, panel: Panel, c: int) -> float:
        """Height of its own legend."""
        lines = self.legend(panel, c)
        return LINE if lines == 1 else ITEM * lines

    def above(self, panel: Panel, c: int) -> dict[Rule, tuple[str, float]]:
        """How the names of upright rules stand above the plot: (which end is over the rule, px above the plot).

        A name that would meet another goes a line higher; one near an edge stays over its panel.
        """
        low, high = panel.limits[0]
        found: dict[Rule, tuple[str, float]] = {}
        lines: list[list[tuple[float, float]]] = []  # (left, right) of the names in each
        for rule in panel.rules:
            if rule.axis == "y" or not rule.text:
                continue
            at, wide = (rule.at - low) / (high - low) * self.columns[c][1], self._wide(rule.text)
            anchor = "start" if at < wide / 2 else "end" if at + wide / 2 > self._reach(c) else "middle"
            left = at - {"start": 0.0, "middle": wide / 2, "end": wide}[anchor]
            free = (i for i, line in enumerate(lines) if all(left > b + 6 or left + wide < a - 6 for a, b in line))
            level = next(free, len(lines))
            lines += [[]] * (level == len(lines))
            lines[level] = [*lines[level], (left, left + wide)]
            found[rule] = anchor, 2 + NAME * level
        return found

    def over(self, panel: Panel, c: int) -> float:
        """Height of the lines above the plot that name its upright rules, below legend and heading."""
        return max((rise + NAME - 2 for _, rise in self.above(panel, c).values()), default=0.0)

    def beside(self, panel: Panel) -> dict[Rule, tuple[float, str]]:
        """Where the names of lying rules stand right of the plot: (share of its height from below, lines of text)."""
        low, high = panel.limits[1]
        rules = [rule for rule in panel.rules if rule.text and rule.axis == "y"]
        texts = ["\n".join(wrap(rule.text, BESIDE)) for rule in rules]
        lines = max((text.count("\n") + 1 for text in texts), default=1)
        shares = apart([(rule.at - low) / (high - low) for rule in rules], lines * 1.25 * SMALL / self.plot)
        return {rule: (share, text) for rule, share, text in zip(rules, shares, texts, strict=True)}

    def framed(self, box: Box, r: int, c: int) -> tuple[float, float, float, float]:
        """(x0, y0, x1, y1) of an outline: around what is too thin to be seen between its lines, not over it."""
        panel = self.figure.rows[r][c]
        _, _, width, height = self.fitted(r, c)
        x0, x1 = _around(box.x0, box.x1, panel.limits[0], width, box.filled)
        y0, y1 = _around(box.y0, box.y1, panel.limits[1], height, box.filled)
        return x0, y0, x1, y1

    def labels(self, panel: Panel, axis: str, c: int) -> tuple[list[tuple[float, str]] | None, bool]:
        """Ticks that were asked for, as many as fit, and whether their labels must lean. None: the backend chooses."""
        ticks = panel.ticks(axis)
        if ticks is None:
            return None, False
        low, high = sorted(panel.limits[axis == "y"])
        ticks = tuple((at, short(label)) for at, label in ticks if low <= at <= high)
        room = (self.plot if axis == "y" else self.columns[c][1]) / (high - low)  # px a unit of the axis
        steps = [b[0] - a[0] for a, b in zip(ticks, ticks[1:], strict=False)]
        closest = min(map(abs, steps), default=math.inf) * room
        widest = max((self._wide(label) for _, label in ticks), default=0.0)
        lean = axis == "x" and widest + 8 > closest
        keep = max(1, math.ceil((SMALL + 3) / closest)) if closest else len(ticks)
        signs = dict.fromkeys(map(ord, "\u2212. %\u00d7" if self.slim else "\u2212."))
        if lean and all(label.translate(signs).isdigit() for _, label in ticks):
            lean, keep = False, math.ceil((widest + 8) / closest)  # numbers can be left out, names must lean
        return list(ticks[::keep]), lean

    def most(self, axis: str, c: int) -> int:
        """How many ticks the backend may choose."""
        return max(4, min(9, int(self.columns[c][1] / 40))) if axis == "x" else max(3, min(7, int(self.plot / 20)))

    def name(self, panel: Panel, axis: str, c: int) -> list[str]:
        """The name of an axis in lines."""
        text, room = (panel.x, self.columns[c][1]) if axis == "x" else (panel.y, self.plot)
        return wrap(text, room / (SIZE * self.stretch)) if text and self.slim else [text] if text else []

    def runs(self, r: int) -> list[tuple[tuple[Scale, ...], list[int]]]:
        """Neighbours in a row that use the same scales: (scales, their columns). Empty where one bar serves all.

        On a slim page empty too where the panel below uses the same: one bar serves both.
        """
        if self.slim and r + 1 < len(self.figure.rows):
            here, below = (self.figure.rows[i][0].scales for i in (r, r + 1))
            if here == below:
                return []
        grouped = groupby(enumerate(self.figure.rows[r]), key=lambda item: item[1].scales)
        return [(scales, [c for c, _ in panels]) for scales, panels in grouped if scales and self.below]

    def bars(self) -> list[tuple[Scale, tuple[int, int], tuple[float, float, float, float]]]:
        """Every colour bar: its scale, a panel (row, column) that uses it, and (left, top, width, height)."""
        if not self.below:
            return [self._standing(scale) for scale in self.figure.scales]
        found = []
        for r, row in enumerate(self.figure.rows):
            for scales, columns in self.runs(r):
                reach = self.rect if self.slim else self.fitted
                first, last = reach(r, columns[0]), reach(r, columns[-1])
                share = (last[0] + last[2] - first[0]) / len(scales)
                foot = max(sum(self.fitted(r, c)[1::2]) + self._foot(row[c], c) for c in columns)
                for i, scale in enumerate(scales):
                    wide = min(max(share - self._wide(number(scale.high)) - 8, 90), 340)  # labels stick out
                    middle = first[0] + share * (i + 0.5)
                    found.append((scale, (r, columns[0]), (middle - wide / 2, foot + 10, wide, THICK)))
        return found

    def _standing(self, scale: Scale) -> tuple[Scale, tuple[int, int], tuple[float, float, float, float]]:
        left = sum(self.columns[-1]) + self.aside[-1] + BAR_GAP
        top, last = self.tops[0], len(self.tops) - 1
        end = max(sum(self.fitted(last, c)[1::2]) for c in range(len(self.figure.rows[last])))
        return scale, (0, 0), (left, top, THICK, max(end - top, 60))

    def _filled(self, r: int) -> float:
        """How high the panel of this row is where nothing stands beside it: a map leaves no room empty below it."""
        panel = self.figure.rows[r][0]
        if panel.aspect is None:
            return self.plot
        cells = abs(panel.limits[1][1] - panel.limits[1][0]) if panel.scales else math.inf
        return min(self.fitted(r, 0)[3], CELL * cells)

    def _rows(self, height: float) -> None:
        self.heads, self.feet = [], []
        for r, row in enumerate(self.figure.rows):
            self.heads.append(max(self._head(panel, c) for c, panel in enumerate(row)))
            bar = BAR_BELOW if self.runs(r) else 0
            self.feet.append(max(self._foot(p, c) + (bar if p.scales else 0) for c, p in enumerate(row)))
        if self.figure.scales and not self.below:  # the name above a standing bar
            self.heads[0] = max(self.heads[0], LINE * len(wrap(self.figure.scales[0].name, 7)) + 6)
            self.feet[-1] = max(self.feet[-1], 0.7 * SMALL)  # half of its lowest label
        spent = self.top + self.bottom + sum(self.heads) + sum(self.feet) + GAP * (len(self.heads) - 1)
        self.plot = max(self.figure.least, (height - spent) / len(self.heads))
        self.plots = [self.plot] * len(self.heads)
        self._stack()

    def _stack(self) -> None:
        self.tops, at = [], self.top
        for head, plot, foot in zip(self.heads, self.plots, self.feet, strict=True):
            self.tops.append(at + head)
            at += head + plot + foot + GAP

    def _columns(self) -> None:
        figure = self.figure
        margins = [max(map(self._margin, figure.panels[c :: figure.columns])) for c in range(len(self.columns))]
        self.left = self.side + margins[0]
        if self.slim:
            self.right = self.side + max(*self.aside, *map(self._beyond, figure.panels))
        usable = self.width - self.left - self.right
        gaps = [aside + margin + 26 for aside, margin in zip(self.aside, margins[1:], strict=False)]
        shrink = min(1.0, 0.6 * usable / (sum(gaps) or 1))
        room = usable - shrink * sum(gaps)
        shares = figure.shares(room / self.plot)
        at = self.left + room * (1 - sum(shares)) / 2
        for c, share in enumerate(shares):
            self.columns[c] = (at, share * room)
            at += share * room + (gaps[c] * shrink if c < len(gaps) else 0)

    def _reach(self, c: int) -> float:
        """How far words above a panel may go: up to those of the next."""
        left, width = self.columns[c]
        width += self.aside[c]
        return self.columns[c + 1][0] - left - 16 if c + 1 < len(self.columns) else width

    def _head(self, panel: Panel, c: int) -> float:
        return LINE * len(self.heading(panel, c)) + self.legend_height(panel, c) + self.over(panel, c) + 6

    def _foot(self, panel: Panel, c: int) -> float:
        ticks, lean = self.labels(panel, "x", c)
        longest = max((self._wide(label) for _, label in ticks), default=0.0) if ticks and lean else 0.0
        labelled = not panel.bare and ticks != []
        return (max(TICKS, 0.71 * (longest + 2 * SMALL)) if labelled else 0) + _named(self.name(panel, "x", c))

    def _margin(self, panel: Panel) -> float:
        ticks = panel.ticks("y")
        labels = ["\u22120.00"] if ticks is None else [short(label) for _, label in ticks]
        widest = max(map(self._wide, labels), default=0.0)
        return (0 if panel.bare else widest + 10) + _named(self.name(panel, "y", 0))

    def _beyond(self, panel: Panel) -> float:
        """How far a label of the last tick reaches beyond the right end of its axis, px."""
        ticks, lean = self.labels(panel, "x", 0)
        if lean or panel.bare or not ticks:
            return 0
        low, high = panel.limits[0]
        unit = self.columns[0][1] / (high - low)  # px
        return max(0.0, *(self._wide(label) / 2 - (high - at) * unit for at, label in ticks))

    def _aside(self, panel: Panel) -> float:
        """Room right of the plot for the names of its lying rules."""
        lines = [line for r in panel.rules if r.axis == "y" and r.text for line in wrap(r.text, BESIDE)]
        return max((self._wide(line) + 10 for line in lines), default=0.0)

    def _wide(self, text: str) -> float:
        return SMALL * self.stretch * ems(text)

    def _legend_lines(self, names: tuple[str, ...], width: float) -> int:
        return math.ceil(sum(self._wide(name) + 46 for name in names) / width)


def _named(lines: list[str]) -> float:
    """Height of an axis' name."""
    return AXIS + 1.3 * SIZE * (len(lines) - 1) if lines else 0


def _around(start: float, end: float, limits: tuple[float, float], length: float, filled: bool) -> tuple[float, float]:
    """Both ends of an outline along an axis of so many px, moved apart where it would hide what it frames."""
    unit = length / abs(limits[1] - limits[0])
    if filled or abs(end - start) * unit >= 4 * FRAME:
        return start, end
    half, middle = (max(abs(end - start) * unit, FRAME) + HALO) / 2 / unit, (start + end) / 2
    return (middle - half, middle + half) if start <= end else (middle + half, middle - half)


def apart(heights: list[float], least: float) -> list[float]:
    """Heights of labels moved apart until neighbours are ``least`` apart, in their order."""
    order = sorted(range(len(heights)), key=heights.__getitem__)
    moved = [heights[i] for i in order]
    for _ in range(60):
        for a in range(len(moved) - 1):
            short = least - (moved[a + 1] - moved[a])
            if short > 1e-9:
                moved[a] -= short / 2
                moved[a + 1] += short / 2
    placed = dict(zip(order, moved, strict=True))
    return [placed[i] for i in range(len(heights))]
