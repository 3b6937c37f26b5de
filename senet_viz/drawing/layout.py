"""Where the parts of a figure go on a page of a given width: ``place`` works it out once, for every renderer.

Longer than 250 lines: rows need the height of words, words the width of columns, columns the height of rows.
"""

import math
from dataclasses import replace
from itertools import groupby, pairwise

from senet_viz.drawing.grammar import Box, Figure, Heat, Panel, Rule, Series, Text
from senet_viz.drawing.placed import (
    Label,
    Legend,
    PlacedAxis,
    PlacedBar,
    PlacedFigure,
    PlacedMark,
    PlacedPanel,
    Rect,
    around,
)
from senet_viz.drawing.text import BAR_GAP, BOLD, HEADING, ITEM, LINE, SIZE, SMALL, apart, ems, number, short, wrap

TICKS, AXIS = 26, 28  # height of tick labels, of an axis' name
BAR_BELOW, BAR_RIGHT, THICK = 74, 112, 14.0  # room for a lying colour bar, for a standing one, and the ramp itself
NAME = 21  # height of a line of names above a plot
BESIDE = 6.5  # ems: a longer label beside a panel is broken
GAP = 14  # between rows
CELL = 80  # no cell of a map on a slim page is larger: one number needs no more
NOMINAL = 1000.0  # px: how wide a page on screen we reckon with


def place(
    figure: Figure,
    width: float,
    height: float | None = None,
    top: float = 4,
    bottom: float = 4,
    side: float = 4,
    stretch: float = 1.0,
    slim: bool = False,
) -> PlacedFigure:
    """Put a figure on a page of ``width`` x ``height``, margins included; the height grows until every panel fits.

    One scale's bar stands right of all panels. Bars of several scales lie below the panels that use them: then it is
    plain which colours belong to which panel.

    Args:
        height: None: what the figure asks for.
        top, bottom, side: margins that the renderer keeps for itself.
        stretch: how much wider than ``ems`` the font runs.
        slim: the page of a phone. Panels stand below each other, each as high as on a wide page; bars lie below too,
            each under the last of the panels that share it; legends list one name a line where they would not fit into
            one, and names of axes are wrapped.
    """
    figure = one_column(figure) if slim else figure
    height = figure.height if height is None else height
    return _Page(figure, width, height, (top, bottom, side), stretch, slim).placed()


def one_column(figure: Figure) -> Figure:
    """Return the figure in one column, its panels as high as on a wide page, none short of its neighbour's names."""
    panels = tuple(_complete(panel, row[0]) for row in figure.rows for panel in row)
    least = place(figure, NOMINAL).panels[0].rect.height
    return replace(figure, panels=panels, columns=1, widths=None, height=0, least=least)


def _complete(panel: Panel, first: Panel) -> Panel:
    """Return a panel that shared its vertical axis with the ``first`` of its row, with that axis' words."""
    if panel.bare or first.bare or panel.limits[1] != first.limits[1]:
        return panel
    ticks = panel.ticks("y")
    unnamed = ticks is not None and not any(label for _, label in ticks)
    return replace(panel, y=panel.y or first.y, y_ticks=first.y_ticks if unnamed else panel.y_ticks)


class _Page:
    """A page works out its rows and columns. Panels are named by their number n."""

    def __init__(
        self,
        figure: Figure,
        width: float,
        height: float,
        margins: tuple[float, float, float],
        stretch: float,
        slim: bool,
    ) -> None:
        top, self.bottom, self.side = margins
        self.figure, self.width, self.stretch = figure, width, stretch
        self.panels, self.slim = figure.panels, slim
        self.common = self._legend_lines(figure.common, width - 2 * self.side)  # of a legend that serves all panels
        if slim and self.common > 1:
            self.common = len(figure.common)
        line = ITEM if slim and self.common > 1 else LINE
        self.top = top + line * self.common + (8 if self.common else 0)
        self.below = len(figure.scales) > (0 if slim else 1)
        self.groups = self._groups()
        self.hosts = {n for _, hosts in self.groups for n in hosts}
        count, rows = min(figure.columns, len(self.panels)), len(figure.rows)
        self.aside = [max(map(self._aside, self.panels[c :: figure.columns])) for c in range(count)]
        self.right = self.side + self.aside[-1] + (BAR_RIGHT if figure.scales and not self.below else 0)
        self.columns = [(0.0, width / count * 0.85)] * count  # (left, width), refined below
        self.plot = height / rows * 0.6
        for _ in range(3):  # wrapped words need height, height changes the widths of photos, widths wrap words
            before = self.plot, *self.columns
            self._rows(height)
            self._columns()
            if before == (self.plot, *self.columns):
                break
        if all(panel.aspect for panel in self.panels):  # nothing fills the page: leave out what would stay empty
            self.plot = max(self.fitted(n).height for n in range(len(self.panels)))
            self.plots = [self.plot] * rows
        if slim:
            self.plots = [self._filled(n) for n in range(rows)]
        self._stack()
        self.height = self.tops[-1] + self.plots[-1] + self.feet[-1] + self.bottom

    def placed(self) -> PlacedFigure:
        """Return the figure with everything that was worked out."""
        bars = self._bars()
        named: set[str] = set()  # by the one legend of all panels
        panels = tuple(self._panel(n, bars, named if self.common else set()) for n in range(len(self.panels)))
        upright = self.slim and self.common > 1
        legend = Legend(self.figure.common, self.left, self.top, self.common, upright) if self.common else None
        return PlacedFigure(self.figure, self.width, self.height, self.left, self.right, panels, legend, bars)

    def rect(self, n: int) -> Rect:
        """Return the room of a panel's plot."""
        r, c = divmod(n, self.figure.columns)
        left, width = self.columns[c]
        return Rect(left, self.tops[r], width, self.plots[r])

    def fitted(self, n: int) -> Rect:
        """Return the part of its room that a panel with one unit on both axes fills: the upper left one."""
        left, top, width, height = self.rect(n)
        aspect = self.panels[n].aspect or width / height
        wide = min(width, height * aspect)
        return Rect(left, top, wide, wide / aspect)

    # what the renderers read ----------------------------------------------------------------------------------------

    def _panel(self, n: int, bars: tuple[PlacedBar, ...], named: set[str]) -> PlacedPanel:
        panel, over, lines = self.panels[n], self._over(n), self._legend(n)
        legend = Legend(panel.names, self.rect(n).left, self.rect(n).top - over, lines, lines > 1) if lines else None
        labels, marks = self._above(n) | self._beside(panel), []
        for mark in panel.marks:
            placed = PlacedMark(mark)
            match mark:
                case Series():
                    listed = bool(lines or self.common) and bool(mark.name) and mark.name not in named
                    named.add(mark.name)
                    placed = PlacedMark(mark, (panel.at("x", mark.x), panel.at("y", mark.y)), listed)
                case Heat():
                    mine = (i for i, bar in enumerate(bars) if bar.scale == mark.scale and n in bar.panels)
                    placed = PlacedMark(mark, bar=next(mine))
                case Box():
                    placed = PlacedMark(self._framed(mark, n))
                case Rule():
                    placed = PlacedMark(mark, label=labels.get(mark))
            marks.append(placed)
        axes = self._axis(n, "x", self._limits(n)), self._axis(n, "y", panel.limits[1])
        rise = self._legend_height(n) + over
        place = self.rect(n), self.fitted(n)
        return PlacedPanel(n, panel, *place, *axes, self._heading(n), rise, legend, tuple(marks))

    def _axis(self, n: int, axis: str, limits: tuple[float, float]) -> PlacedAxis:
        panel, (ticks, lean) = self.panels[n], self._ticks(n, axis, limits)
        room = self._column(n)[1] / 40 if axis == "x" else self.plot / 20
        least, most = (4, 9) if axis == "x" else (3, 7)
        most = max(least, min(most, int(room)))
        return PlacedAxis(limits, ticks, lean, most, self._name(n, axis), panel.zeroed(axis))

    def _limits(self, n: int) -> tuple[float, float]:
        """Return the ends of the horizontal axis; on a slim page they leave room for words beside what they name."""
        panel, width = self.panels[n], self._column(n)[1]
        low, high = panel.limits[0]
        if not self.slim or panel.celled or panel.aspect or high <= low:
            return low, high
        for mark in panel.marks:
            if isinstance(mark, Rule) and mark.axis == "x":  # its words begin where it stands
                mark = Text(mark.at, 0, mark.text, SMALL, anchor="start")
            if isinstance(mark, Text) and mark.anchor != "middle" and mark.text:
                share = min(0.75, (max(map(ems, mark.text.split("\n"))) * mark.size + 4) / width)
                if mark.anchor == "start":
                    high = max(high, low + (mark.x - low) / (1 - share))
                else:
                    low = min(low, high - (high - mark.x) / (1 - share))
        return low, high

    def _framed(self, box: Box, n: int) -> Box:
        """Return an outline around what is too thin to be seen between its lines, not over it."""
        (x, y), fitted = self.panels[n].limits, self.fitted(n)
        x0, x1 = around(box.x0, box.x1, x, fitted.width, box.filled)
        y0, y1 = around(box.y0, box.y1, y, fitted.height, box.filled)
        return replace(box, x0=x0, y0=y0, x1=x1, y1=y1)

    def _bars(self) -> tuple[PlacedBar, ...]:
        """Return every colour bar, from left to right and top to bottom."""
        found = []
        for group, hosts in self.groups:
            scales = self.panels[group[0]].scales
            first, last = ((self.rect if self.slim else self.fitted)(n) for n in (hosts[0], hosts[-1]))
            share = (last.left + last.width - first.left) / len(scales)
            foot = max(self.fitted(n).foot + self._foot(n) for n in hosts)
            for i, scale in enumerate(scales):
                wide = min(max(share - self._wide(number(scale.high)) - 8, 90), 340)  # labels stick out
                left = first.left + share * (i + 0.5) - wide / 2
                found.append(PlacedBar(scale, tuple(group), Rect(left, foot + 10, wide, THICK), True))
        if not self.below:
            left, top = sum(self.columns[-1]) + self.aside[-1] + BAR_GAP, self.tops[0]
            foot = max(self.fitted(n).foot for n in self._row(len(self.tops) - 1))
            every = tuple(range(len(self.panels)))
            rect = Rect(left, top, THICK, max(foot - top, 60))
            found += [PlacedBar(scale, every, rect, False) for scale in self.figure.scales]
        return tuple(found)

    def _groups(self) -> list[tuple[list[int], list[int]]]:
        """Return (panels, those under which they lie) for colour bars below: neighbours with the same scales share."""
        if not self.below:
            return []
        columns = len(self.panels) if self.slim else self.figure.columns
        neighbours = groupby(range(len(self.panels)), key=lambda n: (n // columns, self.panels[n].scales))
        groups = [list(group) for (_, scales), group in neighbours if scales]
        return [(group, group[-1:] if self.slim else group) for group in groups]

    # words ----------------------------------------------------------------------------------------------------------

    def _heading(self, n: int) -> tuple[str, ...]:
        title = self.panels[n].title
        return tuple(wrap(title, self._reach(n) / (HEADING * BOLD * self.stretch))) if title else ()

    def _legend(self, n: int) -> int:
        """Return the lines of a panel's own legend: none, one, or one a name where they do not fit side by side."""
        names = () if self.common else self.panels[n].names
        return len(names) if self._legend_lines(names, self._reach(n)) > 1 else min(1, len(names))

    def _legend_height(self, n: int) -> float:
        lines = self._legend(n)
        return LINE if lines == 1 else ITEM * lines

    def _legend_lines(self, names: tuple[str, ...], width: float) -> int:
        return math.ceil(sum(self._wide(name) + 46 for name in names) / width)

    def _above(self, n: int) -> dict[Rule, Label]:
        """Return how the names of upright rules stand above the plot.

        A name that would meet another goes a line higher; one near an edge stays over its panel.
        """
        low, high = self.panels[n].limits[0]
        found: dict[Rule, Label] = {}
        lines: list[list[tuple[float, float]]] = []  # (left, right) of the names in each
        for rule in self.panels[n].rules:
            if rule.axis == "y" or not rule.text:
                continue
            at, wide = (rule.at - low) / (high - low) * self._column(n)[1], self._wide(rule.text)
            anchor = "start" if at < wide / 2 else "end" if at + wide / 2 > self._reach(n) else "middle"
            left = at - {"start": 0.0, "middle": wide / 2, "end": wide}[anchor]
            free = (i for i, line in enumerate(lines) if all(left > b + 6 or left + wide < a - 6 for a, b in line))
            level = next(free, len(lines))
            if level == len(lines):
                lines.append([])
            lines[level].append((left, left + wide))
            found[rule] = Label(rule.text, anchor, 2 + NAME * level)
        return found

    def _over(self, n: int) -> float:
        """Return the height of the lines above the plot that name its upright rules, below legend and heading."""
        return max((label.rise + NAME - 2 for label in self._above(n).values()), default=0.0)

    def _beside(self, panel: Panel) -> dict[Rule, Label]:
        """Return where the names of lying rules stand right of the plot."""
        low, high = panel.limits[1]
        rules = [rule for rule in panel.rules if rule.text and rule.axis == "y"]
        texts = ["\n".join(wrap(rule.text, BESIDE)) for rule in rules]
        lines = max((text.count("\n") + 1 for text in texts), default=1)
        shares = apart([(rule.at - low) / (high - low) for rule in rules], lines * 1.25 * SMALL / self.plot)
        return {rule: Label(text, share=share) for rule, text, share in zip(rules, texts, shares, strict=True)}

    def _aside(self, panel: Panel) -> float:
        """Return the room right of the plot for the names of its lying rules."""
        texts = (rule.text for rule in panel.rules if rule.axis == "y" and rule.text)
        return max((self._wide(line) + 10 for text in texts for line in wrap(text, BESIDE)), default=0.0)

    def _ticks(
        self, n: int, axis: str, limits: tuple[float, float] | None = None
    ) -> tuple[tuple[tuple[float, str], ...] | None, bool]:
        """Return the ticks that were asked for, as many as fit, and whether their labels must lean."""
        ticks = self.panels[n].ticks(axis)
        if ticks is None:
            return None, False
        low, high = sorted(limits or self.panels[n].limits[axis == "y"])
        ticks = tuple((at, short(label)) for at, label in ticks if low <= at <= high)
        room = (self.plot if axis == "y" else self._column(n)[1]) / (high - low)  # px a unit of the axis
        closest = min((abs(b - a) for (a, _), (b, _) in pairwise(ticks)), default=math.inf) * room
        widest = max((self._wide(label) for _, label in ticks), default=0.0)
        lean = axis == "x" and widest + 8 > closest
        keep = max(1, math.ceil((SMALL + 3) / closest)) if closest else len(ticks)
        signs = dict.fromkeys(map(ord, "\u2212. %\u00d7" if self.slim else "\u2212."))
        if lean and all(label.translate(signs).isdigit() for _, label in ticks):
            lean, keep = False, math.ceil((widest + 8) / closest)  # numbers can be left out, names must lean
        return ticks[::keep], lean

    def _name(self, n: int, axis: str) -> tuple[str, ...]:
        """Return the name of an axis in lines."""
        panel = self.panels[n]
        text, room = (panel.x, self._column(n)[1]) if axis == "x" else (panel.y, self.plot)
        lines = wrap(text, room / (SIZE * self.stretch)) if self.slim else [text]
        return tuple(lines) if text else ()

    def _wide(self, text: str) -> float:
        return SMALL * self.stretch * ems(text)

    # rows and columns -----------------------------------------------------------------------------------------------

    def _row(self, r: int) -> range:
        columns = self.figure.columns
        return range(r * columns, min((r + 1) * columns, len(self.panels)))

    def _column(self, n: int) -> tuple[float, float]:
        """Return (left, width) of the column of a panel."""
        return self.columns[n % self.figure.columns]

    def _reach(self, n: int) -> float:
        """Return how far words above a panel may go: up to those of the next."""
        c = n % self.figure.columns
        left, width = self.columns[c]
        return self.columns[c + 1][0] - left - 16 if c + 1 < len(self.columns) else width + self.aside[c]

    def _rows(self, height: float) -> None:
        rows = [self._row(r) for r in range(len(self.figure.rows))]
        self.heads = [max(map(self._head, row)) for row in rows]
        self.feet = [max(self._foot(n) + (BAR_BELOW if n in self.hosts else 0) for n in row) for row in rows]
        if self.figure.scales and not self.below:  # the name above a standing bar
            self.heads[0] = max(self.heads[0], LINE * len(wrap(self.figure.scales[0].name, 7)) + 6)
            self.feet[-1] = max(self.feet[-1], 0.7 * SMALL)  # half of its lowest label
        spent = self.top + self.bottom + sum(self.heads) + sum(self.feet) + GAP * (len(rows) - 1)
        self.plot = max(self.figure.least, (height - spent) / len(rows))
        self.plots = [self.plot] * len(rows)
        self._stack()

    def _stack(self) -> None:
        self.tops, at = [], self.top
        for head, plot, foot in zip(self.heads, self.plots, self.feet, strict=True):
            self.tops.append(at + head)
            at += head + plot + foot + GAP

    def _columns(self) -> None:
        every = range(len(self.panels))
        margins = [max(map(self._margin, every[c :: self.figure.columns])) for c in range(len(self.columns))]
        self.left = self.side + margins[0]
        if self.slim:
            self.right = self.side + max(*self.aside, *map(self._beyond, every))
        usable = self.width - self.left - self.right
        gaps = [aside + margin + 26 for aside, margin in zip(self.aside, margins[1:], strict=False)]
        shrink = min(1.0, 0.6 * usable / (sum(gaps) or 1))
        room = usable - shrink * sum(gaps)
        shares = self.figure.shares(room / self.plot)
        at = self.left + room * (1 - sum(shares)) / 2
        for c, share in enumerate(shares):
            self.columns[c] = (at, share * room)
            at += share * room + (gaps[c] * shrink if c < len(gaps) else 0)

    def _filled(self, n: int) -> float:
        """Return how high a panel is where nothing stands beside it: a map leaves no room empty below it."""
        panel = self.panels[n]
        if panel.aspect is None:
            return self.plot
        cells = abs(panel.limits[1][1] - panel.limits[1][0]) if panel.scales else math.inf
        return min(self.fitted(n).height, CELL * cells)

    def _head(self, n: int) -> float:
        return LINE * len(self._heading(n)) + self._legend_height(n) + self._over(n) + 6

    def _foot(self, n: int) -> float:
        ticks, lean = self._ticks(n, "x")
        longest = max((self._wide(label) for _, label in ticks or ()), default=0.0) if lean else 0.0
        labelled = not self.panels[n].bare and ticks != ()
        return (max(TICKS, 0.71 * (longest + 2 * SMALL)) if labelled else 0) + _named(self._name(n, "x"))

    def _margin(self, n: int) -> float:
        """Return the room left of a panel for its labels and the name of its vertical axis."""
        ticks = self.panels[n].ticks("y")
        labels = ["\u22120.00"] if ticks is None else [short(label) for _, label in ticks]
        widest = max(map(self._wide, labels), default=0.0)
        return (0 if self.panels[n].bare else widest + 10) + _named(self._name(n, "y"))

    def _beyond(self, n: int) -> float:
        """Return how far a label of the last tick reaches beyond the right end of its axis."""
        ticks, lean = self._ticks(n, "x")
        if lean or self.panels[n].bare or not ticks:
            return 0
        low, high = self.panels[n].limits[0]
        unit = self.columns[0][1] / (high - low)  # px
        return max(0.0, *(self._wide(label) / 2 - (high - at) * unit for at, label in ticks))


def _named(lines: tuple[str, ...]) -> float:
    """Return the height of an axis' name."""
    return AXIS + 1.3 * SIZE * (len(lines) - 1) if lines else 0
