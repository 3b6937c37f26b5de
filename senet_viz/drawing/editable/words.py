"""Slides of words and tables, and what all slides have: their foot, their tables' cells, the rows in their notes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from senet_viz import i18n
from senet_viz.drawing import palette
from senet_viz.drawing.editable import presentation
from senet_viz.drawing.editable.presentation import Run, described, emu, fill, hexed, rgb, write
from senet_viz.drawing.grammar import Figure, Table
from senet_viz.drawing.placed import Rect
from senet_viz.drawing.renderers.paper import EDGE, LEAD, POINTS, SOURCE, TITLE
from senet_viz.drawing.text import BOLD, ems, number, wrap

if TYPE_CHECKING:
    from pptx.presentation import Presentation
    from pptx.slide import Slide

ROWS = 512  # of a table that the notes hold; of a longer one they say the range of every column
TALL = 20  # points of the letters of a table of few rows
LONG = 14  # lines of a slide of words; more are written smaller


@dataclass(frozen=True, eq=False)
class Page:
    """A page of a deck shows a figure, a table, or words alone.

    Args:
        title: None: the figure's.
        lead: what stands below the title.
        say: what the speaker's notes begin with.
    """

    figure: Figure | None = None
    table: Table | None = None
    title: str | None = None
    lead: str = ""
    say: str = ""
    source: str = ""
    link: str = ""


class Words:
    """A slide without a figure: its title, words, and a table."""

    size = 1.0  # points a unit of length

    def __init__(self, made: "Presentation", page: Page, lang: str, dark: bool) -> None:
        self.page, self.lang, self.dark, self.t = page, lang, dark, i18n.texts(lang)
        self.ink, self.muted = rgb("ink", dark), rgb("muted", dark)
        title = page.title or ""
        self.rows = len(wrap(title, (POINTS[0] - 2 * EDGE) / (TITLE * self.size * BOLD)))
        self.slide: Slide = presentation.titled(made, title, self.rows, TITLE * self.size, dark, lang)

    def draw(self) -> None:
        """Write everything."""
        top, wide = EDGE * 0.8 + TITLE * 1.25 * self.rows + 18, POINTS[0] - 2 * EDGE
        size = LEAD if self.page.table or len(wrap(self.page.lead, wide / LEAD)) > LONG else LEAD + 4
        if self.page.lead:
            lines = len(wrap(self.page.lead, wide / size))
            self.words(Rect(EDGE, top, wide, size * 1.3 * lines), self.page.lead.split("\n"), size)
            top += size * 1.4 * lines + 10
        if self.page.table:
            self.table(self.page.table, Rect(EDGE, top, wide, POINTS[1] - top - EDGE * 1.6))
        self.foot(self.page.source, self.page.link)
        told = rows(self.page.table, self.lang) if self.page.table else ()
        said = filter(None, (self.page.say, *told, self.page.source, self.page.link))
        presentation.note(self.slide, "\n".join(said), self.lang)

    def words(self, rect: Rect, lines: Sequence[str], size: float, colour: Any = None, **look: Any) -> Any:
        """Write lines of one colour."""
        colour = self.ink if colour is None else colour
        return write(self.slide, rect, [[Run(line, colour)] for line in lines], size, self.lang, **look)

    def foot(self, source: str, link: str) -> None:
        """Write what the slide was made of, and the way back to it."""
        said = [Run(source, self.muted)] if source else []
        if link:
            said += [Run("  \u00b7  ", self.muted)] if said else []
            said.append(Run(self.t("deck.link"), self.muted, link))
        if said:
            high = SOURCE * 1.35 * self.size
            rect = Rect(EDGE, POINTS[1] - EDGE * 0.8 * self.size - high, POINTS[0] - 2 * EDGE, high)
            write(self.slide, rect, [said], SOURCE * self.size, self.lang)

    def table(self, table: Table, rect: Rect) -> None:
        """Draw a table whose cells can be edited."""
        rows, columns = len(table.rows) + 1, len(table.header)
        high = min(48.0, rect.height / rows)
        size = min(TALL, high / 1.75)
        frame: Any = self.slide.shapes.add_table(
            rows, columns, *map(emu, (rect.left, rect.top, rect.width, high * rows))
        )
        described(frame, self.page.title or " · ".join(table.header))
        wide = [max(ems(_said(row[c])) for row in (table.header, *table.rows)) + 2 for c in range(columns)]
        for c, each in enumerate(wide):
            frame.table.columns[c].width = emu(rect.width * each / sum(wide))
        for r, row in enumerate((table.header, *table.rows)):
            frame.table.rows[r].height = emu(high)
            for c, value in enumerate(row):
                paint = palette.tint("muted", self.dark) if r == 0 else palette.background(self.dark)
                right = _numbers(table, c)
                self.cell(frame.table.cell(r, c), _said(value), size, paint, self.ink, right, r == 0)

    def cell(self, cell: Any, text: str, size: float, paint: str, ink: Any, right: bool, bold: bool = False) -> None:
        """Fill a cell of a table."""
        from pptx.enum.text import MSO_ANCHOR

        cell.fill.solid()
        cell.fill.fore_color.rgb = hexed(paint)
        cell.vertical_anchor = MSO_ANCHOR.MIDDLE
        cell.margin_top = cell.margin_bottom = 0
        fill(cell.text_frame, [[Run(text, ink)]], size, self.lang, bold, "right" if right else "left")


def rows(table: Table, lang: str) -> list[str]:
    """Return a table as lines for the notes, or what the numbers of its columns lie between where it is long."""
    if len(table.rows) <= ROWS:
        return ["\t".join(map(_told, row)) for row in (table.header, *table.rows)]
    ranges = (_range(table, c) for c in range(len(table.header)))
    return [i18n.text("deck.rows", lang, n=f"{len(table.rows):,}"), *ranges]


def _numbers(table: Table, column: int) -> bool:
    """Return whether a column holds numbers, whatever stands where there is none."""
    return any(isinstance(row[column], int | float) for row in table.rows)


def _said(value: object) -> str:
    """Return a value as a cell of a table on the slide shows it."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        return "" if value is None else str(value)
    return f"{value:,}" if isinstance(value, int | np.integer) else number(float(value), 4)


def _told(value: object) -> str:
    """Return a value with all its digits, without what would end its line."""
    return " ".join(("" if value is None else str(value)).split())


def _range(table: Table, column: int) -> str:
    """Return the name of a column and what its numbers lie between."""
    values = [row[column] for row in table.rows]
    if not all(isinstance(v, int | float | np.number) for v in values):
        return f"{table.header[column]}: {len(set(values))}"
    found = np.array(values, dtype=float)
    low, high, mean = (number(float(each(found)), 5) for each in (np.nanmin, np.nanmax, np.nanmean))
    return f"{table.header[column]}: {low} \u2026 {high}, \u2300 {mean}"
