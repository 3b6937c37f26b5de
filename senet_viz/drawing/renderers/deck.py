"""Draw figures as a presentation (.pptx) that goes on being edited: its charts have numbers, its tables have cells.

A slide is laid out as ``slides`` lays it out. Bars, lines, dots and histograms are charts of the presentation, a map
whose every cell has its number is a table; other maps, atlases and drawings are pictures, drawn by ``slides``. Nothing
is asked of a network: a figure's marks and rows are all there is to read.

Longer than 250 lines: what lies on a chart lies on the slide, and needs the slide's measures.
"""

import io
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from senet_viz.drawing import palette
from senet_viz.drawing.editable import charts, native, presentation
from senet_viz.drawing.editable.charts import Chart, Ends
from senet_viz.drawing.editable.presentation import Run, described, emu, flat, hexed, rgb, write
from senet_viz.drawing.editable.words import Page, Words, rows
from senet_viz.drawing.grammar import (
    Arrow,
    Bars,
    Box,
    Heat,
    Line,
    Mark,
    Photo,
    Points,
    Rule,
    Series,
    Text,
)
from senet_viz.drawing.layout import AXIS, BAR_RIGHT, TICKS
from senet_viz.drawing.placed import Legend, PlacedAxis, PlacedMark, PlacedPanel, Rect, outlines
from senet_viz.drawing.renderers import slides
from senet_viz.drawing.renderers.paper import EDGE, LEAD, NOTE, POINTS, TITLE, paper
from senet_viz.drawing.text import HEADING, ITEM, LINE, SIZE, SMALL, ems, short

if TYPE_CHECKING:
    from pptx.presentation import Presentation

MIME = "application/vnd.openxmlformats-officedocument.presentationml.presentation"

ROOM = 24  # right of a plot, for the last label of its axis

WIDER, SLACK = 1.05, 1.2  # how much wider than reckoned fonts elsewhere may write, on a line of ours and in a label
GLYPHS = {Bars: "\u25a0", Line: "\u2501", Points: "\u25cf"}  # what stands before a name in a legend


def render(pages: Sequence[Page], lang: str, dark: bool = False) -> bytes:
    """Return a presentation with one slide a page, in their order."""
    made = presentation.empty(dark)
    for page in pages:
        (_Sheet if page.figure else Words)(made, page, lang, dark).draw()
    file = io.BytesIO()
    made.save(file)
    return file.getvalue()


class _Sheet(Words):
    """A slide with a figure. Lengths are the layout's, ``self.size`` points each."""

    def __init__(self, made: "Presentation", page: Page, lang: str, dark: bool) -> None:
        assert page.figure is not None
        figure = page.figure
        title = figure.title if page.title is None else page.title
        self.link, self.source = page.link or figure.link, page.source or figure.source
        said = figure.note or short(figure.alt, (POINTS[0] - 2 * EDGE) / (NOTE * WIDER))
        # the way back is a word here, not an address in lines
        self.figure = replace(figure, title=title, note=said, source=self.source or " ", link="")
        self.paper = paper(self.figure, WIDER, page.lead)
        self.size = 1 / self.paper.zoom
        super().__init__(made, replace(page, title=title), lang, dark)
        self.charts = {panel.n: found for panel in self.paper.placed.panels if (found := charts.chart(panel, figure))}
        self.tables = {panel.n for panel in self.paper.placed.panels if _tabular(panel)}
        self.said = {panel.n for panel in self.paper.placed.panels if _wordy(panel)}

    def draw(self) -> None:
        """Write the words, then pictures, charts and tables, and what lies on them."""
        paper, wide, size = self.paper, POINTS[0] - 2 * EDGE, self.size
        if paper.lead:
            top = (EDGE * 0.8 + TITLE * 1.25 * len(paper.title) + 10) * size
            self.words(Rect(EDGE, top, wide, LEAD * 1.3 * len(paper.lead) * size), [self.page.lead], LEAD * size)
        high = NOTE * 1.4 * len(paper.note) * size
        foot = Rect(EDGE, POINTS[1] - paper.floor * size - high, wide, high)
        self.words(foot, [self.figure.note], NOTE * size, self.muted, anchor="bottom")
        self.pictures()
        for panel in paper.placed.panels:
            if panel.n in self.charts:
                self.chart(panel, self.charts[panel.n])
            elif panel.n in self.tables:
                self.cells(panel)
            elif panel.n in self.said:
                for placed in panel.marks:
                    DRAW[type(placed.mark)](self, _bare(panel), placed, self.on(panel.fitted))
            self.above(panel)
        if paper.placed.legend:
            every = [mark for panel in paper.placed.panels for mark in panel.marks]
            self.legend(paper.placed.legend, every, paper.placed.width - EDGE)
        self.foot(self.source, self.link)
        presentation.note(self.slide, self.notes(), self.lang)

    def on(self, rect: Rect) -> Rect:
        """Return where a rectangle of the layout lies on the slide."""
        return Rect(*(side * self.size for side in (rect.left, rect.top + self.paper.drop, rect.width, rect.height)))

    def pictures(self) -> None:
        """Put in the maps, drawings and colour bars."""
        placed = self.paper.placed
        maps = {panel.n for panel in placed.panels} - self.charts.keys() - self.tables - self.said
        bars = self.tables | maps
        if not bars:
            return
        for piece in slides.cut(self.paper, self.dark, frozenset(maps), frozenset(bars)):
            rect = [emu(side * self.size) for side in piece.rect]  # lies on the page, drop and all
            shape = self.slide.shapes.add_picture(io.BytesIO(piece.png), *rect)
            if piece.n is None:
                described(shape, piece.name)
            else:
                described(shape, self.told(placed.panels[piece.n]))

    def told(self, panel: PlacedPanel) -> str:
        """Return the alt text of a panel: its title, and what the figure shows."""
        title = " ".join(panel.heading)
        return f"{title}: {self.figure.alt}" if title else self.figure.alt

    def chart(self, panel: PlacedPanel, chart: Chart) -> None:
        """Put in a chart, and on it what charts cannot hold."""
        plot = self.on(_plot(panel, chart))
        room = self.around(panel, chart)
        shape = native.place(self.slide, chart, room, plot, self.size, self.dark, self.lang)
        described(shape, self.told(panel))
        shape.name = self.figure.key
        for which, ends in (("x", chart.x), ("y", chart.y)):
            if not ends.step and not (chart.names and (which == "y") == chart.lying):
                self.ticks(panel, chart, which)
        for placed in panel.marks:
            DRAW[type(placed.mark)](self, chart, placed, plot)

    def around(self, panel: PlacedPanel, chart: Chart) -> Rect:
        """Return the part of the slide that a panel has with the labels around it, up to its neighbours'."""
        rect = panel.rect
        row = [each.rect for each in self.paper.placed.panels if abs(each.rect.top - rect.top) < 1]
        before = max((each.left + each.width for each in row if each.left < rect.left), default=0.0)
        after = min((each.left for each in row if each.left > rect.left), default=self.paper.placed.width)
        names = [label for _, label in panel.y.ticks or ()] or [native.longest(chart.y)]
        labels = 0 if panel.y.ticks == () else max((SMALL * ems(name) for name in names), default=0.0) + 14
        left = rect.left - min(labels + AXIS * bool(panel.y.name) + 6, rect.left - before - 4)
        right = rect.left + rect.width + min(ROOM, max(4.0, (after - rect.left - rect.width) / 3))
        return self.on(Rect(left, rect.top - 10, right - left, rect.height + 14 + self.below(panel) + _named(panel.x)))

    def below(self, panel: PlacedPanel) -> float:
        """Return how high the labels of the horizontal axis are."""
        ticks = panel.x.ticks
        if panel.x.lean:
            return 0.71 * (max((SMALL * ems(label) for _, label in ticks or ()), default=0.0) + 2 * SMALL)
        return 0 if ticks == () else TICKS

    def ticks(self, panel: PlacedPanel, chart: Chart, which: str) -> None:
        """Write the labels of an axis whose numbers are called by other names, and the name of the axis."""
        axis: PlacedAxis = panel.x if which == "x" else panel.y
        plot, size = self.on(_plot(panel, chart)), SMALL * self.size
        for at, label in axis.ticks or ():
            x, y = _point(chart, plot, at, at)
            wide = size * ems(label) * 1.2 + 12
            if which == "x":
                down = 0.35 * wide if axis.lean else 0.0
                rect = Rect(x - wide / 2 - down, plot.foot + 4 + 0.85 * down, wide, size * 1.3)
                self.words(rect, [label], size, self.muted, align="center", turn=-45 if axis.lean else 0)
            elif label:
                rect = Rect(plot.left - wide - 6, y - size, wide, 2 * size)
                self.words(rect, [label], size, self.muted, align="right", anchor="middle")
        if axis.name and which == "x":
            rect = Rect(plot.left, plot.foot + self.below(panel) * self.size, plot.width, _named(axis) * self.size)
            self.words(rect, [" ".join(axis.name)], SIZE * self.size, align="center")
        elif axis.name:
            wide = size * max((ems(label) for _, label in axis.ticks or ()), default=0.0) * 1.2 + 14 + SIZE * self.size
            rect = Rect(plot.left - wide - plot.height / 2, plot.top + plot.height / 2 - size, plot.height, 2 * size)
            self.words(rect, [" ".join(axis.name)], SIZE * self.size, align="center", anchor="middle", turn=-90)

    def cells(self, panel: PlacedPanel) -> None:
        """Draw a map with a number in every cell as a table, its labels as words beside it."""
        heat = next(placed.mark for placed in panel.marks if isinstance(placed.mark, Heat))
        said = {(round(m.y), round(m.x)): m for m in (p.mark for p in panel.marks) if isinstance(m, Text)}
        plot, (rows, columns) = self.on(panel.fitted), heat.shape
        frame: Any = self.slide.shapes.add_table(rows, columns, *map(emu, plot))
        described(frame, self.told(panel))
        painted = heat.scale.paint(heat.values)
        for r in range(rows):
            frame.table.rows[r].height = emu(plot.height / rows)
            for c in range(columns):
                colour = "#" + bytes(painted[r, c]).hex()
                text = said[r, c]
                cell = frame.table.cell(r, c)
                self.cell(cell, text.text, text.size * self.size, colour, rgb(text.colour, self.dark), False)
                cell.text_frame.paragraphs[0].alignment = _centre()
        self.ticks(panel, _bare(panel), "x")
        self.ticks(panel, _bare(panel), "y")

    def above(self, panel: PlacedPanel) -> None:
        """Write the heading of a panel, and its legend."""
        placed, left = self.paper.placed, panel.rect.left
        row = [each.rect.left for each in placed.panels if abs(each.rect.top - panel.rect.top) < 1]
        end = placed.width - EDGE - (BAR_RIGHT if any(not bar.lying for bar in placed.bars) else 0)
        end = min((each - 8 for each in row if each > left), default=max(end, left + panel.rect.width))
        if panel.heading:
            high = LINE * len(panel.heading)
            top = panel.fitted.top - panel.rise - (3 if panel.legend else 7) - high
            rect = self.on(Rect(left, top, end - left, high))
            self.words(rect, [panel.panel.title], HEADING * self.size, bold=True, anchor="bottom")
        if panel.legend:
            found = self.charts.get(panel.n)  # a name over the axis' labels would lie on the highest of them
            left = max(panel.legend.left, _plot(panel, found).left) if found else panel.legend.left
            self.legend(replace(panel.legend, left=left), panel.marks, end)

    def legend(self, legend: Legend, marks: Sequence[PlacedMark], right: float) -> None:
        """Write the names of marks, each behind a glyph in its colour."""
        series = [placed.mark for placed in reversed(marks) if placed.listed and isinstance(placed.mark, Series)]
        listed = {mark.name: mark for mark in series}
        items = []
        for name in legend.names:
            if name in listed:
                mark = listed[name]
                items.append([Run(f"{GLYPHS[type(mark)]} ", rgb(mark.colour, self.dark)), Run(name, self.ink)])
        columns = 1 if legend.upright else -(-len(items) // max(1, legend.lines))
        gap = [Run("     ", self.ink)]
        rows = [items[i : i + columns] for i in range(0, len(items), columns)]
        lines = [[*row[0], *(run for item in row[1:] for run in gap + item)] for row in rows]
        high = (ITEM if legend.upright else LINE) * max(1, len(lines))
        rect = self.on(Rect(legend.left, legend.bottom - high, right - legend.left, high))
        write(self.slide, rect, lines, SMALL * self.size, self.lang, anchor="bottom")

    def notes(self) -> str:
        """Return what the speaker reads: what is to be seen, its numbers, what it was made of, and the way back."""
        figure = self.figure
        head = [self.page.say, figure.alt, figure.note if figure.note != figure.alt else ""]
        return "\n".join(filter(None, (*head, *rows(figure.table, self.lang), self.source, self.link)))


def _plot(panel: PlacedPanel, chart: Chart) -> Rect:
    """Return the part of a panel that its chart fills: categories have no margin at the ends of their axis."""
    left, top, width, height = panel.fitted
    if not chart.names:
        return panel.fitted
    axis, ends = (panel.y, chart.y) if chart.lying else (panel.x, chart.x)
    (first, last), edges = axis.limits, (ends.high, ends.low) if ends.turned else (ends.low, ends.high)
    start, stop = (min(1.0, max(0.0, (edge - first) / (last - first))) for edge in edges)
    if chart.lying:
        return Rect(left, top + (1 - stop) * height, width, (stop - start) * height)
    return Rect(left + start * width, top, (stop - start) * width, height)


def _named(axis: PlacedAxis) -> float:
    """Return the height of an axis' name."""
    return AXIS + 1.3 * SIZE * (len(axis.name) - 1) if axis.name else 0


def _tabular(panel: PlacedPanel) -> bool:
    """Return whether a map has a word in each of its cells, and more than one cell."""
    heats = [placed.mark for placed in panel.marks if isinstance(placed.mark, Heat)]
    others = [placed.mark for placed in panel.marks if not isinstance(placed.mark, Heat)]
    if len(heats) != 1 or heats[0].values.size < 2 or not all(isinstance(mark, Text) for mark in others):
        return False
    return {(m.y, m.x) for m in others if isinstance(m, Text)} == {*np.ndindex(heats[0].shape)}


def _wordy(panel: PlacedPanel) -> bool:
    """Return whether a panel shows nothing but words."""
    return not panel.panel.axes and all(isinstance(placed.mark, Text) for placed in panel.marks)


def _bare(panel: PlacedPanel) -> Chart:
    """Return a panel's axes without a series."""
    x, y = (Ends(min(a.limits), max(a.limits), 0, a.limits[0] > a.limits[1]) for a in (panel.x, panel.y))
    return Chart(panel, (), x, y)


def _centre() -> Any:
    from pptx.enum.text import PP_ALIGN

    return PP_ALIGN.CENTER


def _point(chart: Chart, plot: Rect, x: float, y: float) -> tuple[float, float]:
    """Return where a point of the axes lies on the slide."""
    return plot.left + chart.x.share(x) * plot.width, plot.foot - chart.y.share(y) * plot.height


# what lies on a chart: (sheet, chart, mark and what the layout adds to it, plot on the slide) -----------------------


def _inside(sheet: _Sheet, chart: Chart, placed: PlacedMark, plot: Rect) -> None:
    """Series are in the chart itself, cells in a picture or a table."""


def _rule(sheet: _Sheet, chart: Chart, placed: PlacedMark, plot: Rect) -> None:
    from pptx.enum.dml import MSO_LINE

    mark, label = placed.mark, placed.label
    assert isinstance(mark, Rule)
    upright, colour = mark.axis == "x", rgb(mark.colour, sheet.dark)
    at = (chart.x if upright else chart.y).share(mark.at)
    x, y = plot.left + at * plot.width, plot.foot - at * plot.height
    ends = (x, plot.top, x, plot.foot) if upright else (plot.left, y, plot.left + plot.width, y)
    line = _connected(sheet, ends, colour, 1.5)
    line.line.dash_style = MSO_LINE.DASH
    if not label:
        return
    size, lines = SMALL * sheet.size, label.text.split("\n")
    wide, high = SLACK * max(map(ems, lines)) * size + 4, 1.25 * size * len(lines)
    if upright:
        left = x - {"start": 0.0, "middle": wide / 2, "end": wide}[label.anchor]
        rect = Rect(left, plot.top - label.rise * sheet.size - high, wide, high)
        sheet.words(rect, lines, size, colour, anchor="bottom", align=ALIGN[label.anchor])
    else:
        rect = Rect(
            plot.left + plot.width + 6 * sheet.size, plot.foot - label.share * plot.height - high / 2, wide, high
        )
        sheet.words(rect, lines, size, colour, anchor="middle")


def _connected(sheet: _Sheet, ends: tuple[float, float, float, float], colour: Any, width: float) -> Any:
    from pptx.enum.shapes import MSO_CONNECTOR

    line = sheet.slide.shapes.add_connector(MSO_CONNECTOR.STRAIGHT, *map(emu, ends))
    line.line.color.rgb, line.line.width = colour, emu(width * sheet.size)
    flat(line)
    return line


def _text(sheet: _Sheet, chart: Chart, placed: PlacedMark, plot: Rect) -> None:
    mark = placed.mark
    assert isinstance(mark, Text)
    size, lines = mark.size * sheet.size, mark.text.split("\n")
    (x, y), high = _point(chart, plot, mark.x, mark.y), 1.25 * size * len(lines)
    wide = SLACK * max(map(ems, lines)) * size + 4
    left = x - {"start": 0.0, "middle": wide / 2, "end": wide}[mark.anchor]
    rect = Rect(left, y - high / 2, wide, high)
    sheet.words(rect, lines, size, rgb(mark.colour, sheet.dark), anchor="middle", align=ALIGN[mark.anchor])


def _box(sheet: _Sheet, chart: Chart, placed: PlacedMark, plot: Rect) -> None:
    from pptx.enum.shapes import MSO_SHAPE

    mark = placed.mark
    assert isinstance(mark, Box)
    (x0, y0), (x1, y1) = (_point(chart, plot, *each) for each in ((mark.x0, mark.y0), (mark.x1, mark.y1)))
    rect = (min(x0, x1), min(y0, y1), abs(x1 - x0), abs(y1 - y0))
    for width, colour in outlines(mark, sheet.dark):
        shape = sheet.slide.shapes.add_shape(MSO_SHAPE.RECTANGLE, *map(emu, rect))
        shape.fill.background()
        if mark.filled:
            shape.fill.solid()
            shape.fill.fore_color.rgb = hexed(palette.tint(mark.colour, sheet.dark))
        shape.line.color.rgb, shape.line.width = hexed(colour), emu(width * sheet.size)
        flat(shape)


def _arrow(sheet: _Sheet, chart: Chart, placed: PlacedMark, plot: Rect) -> None:
    from pptx.oxml.xmlchemy import OxmlElement

    mark = placed.mark
    assert isinstance(mark, Arrow)
    ends = (*_point(chart, plot, mark.x0, mark.y0), *_point(chart, plot, mark.x1, mark.y1))
    line = _connected(sheet, ends, rgb(mark.colour, sheet.dark), 2)
    head = OxmlElement("a:tailEnd")
    head.set("type", "triangle")
    line.line._get_or_add_ln().append(head)


ALIGN = {"start": "left", "middle": "center", "end": "right"}
DRAW: dict[type[Mark], Callable[..., None]] = {
    Photo: _inside, Heat: _inside, Bars: _inside, Line: _inside, Points: _inside, Rule: _rule, Box: _box, Text: _text,
    Arrow: _arrow,
}  # fmt: skip
