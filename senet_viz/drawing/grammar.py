"""The words of a figure: panels, their table and the figure; with the marks and scales, all that a figure is made of.

A figure is described once as data, put on a page by ``layout`` and drawn by ``renderers``. Every text is plain text,
already in the reader's language. Nothing here knows plotly or matplotlib.

Longer than 250 lines: a panel answers what layout and figures ask about it, and every answer rests on its marks.
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np

from senet_viz.drawing.marks import Arrow, Bars, Box, Cells, Heat, Line, Mark, Photo, Points, Rule, Series, Text
from senet_viz.drawing.palette import Scale
from senet_viz.drawing.text import LEAST, number

__all__ = [
    "Arrow", "Bars", "Box", "Cells", "Figure", "Heat", "Line", "Mark", "Panel", "Photo", "Points", "Rule", "Scale",
    "Series", "Table", "Text", "cells",
]  # fmt: skip

Tick = float | str | tuple[float, str]


@dataclass(frozen=True, eq=False)
class Panel:
    """A panel is one pair of axes with marks. ``x`` and ``y`` name the axes.

    Args:
        x_range, y_range: ends of the axes, left or bottom first; None takes what the marks need.
        equal: a step to the right is as long as a step up, always so with a photo.
        axes: draw ticks and grid; photos show none unless they are asked for by ``x_ticks`` or ``y_ticks``.
        x_ticks, y_ticks: numbers, (position, label) pairs, or strings, which label 0, 1, 2, ...
        legend: list the names of the marks, if there are two or more.
    """

    marks: tuple[Mark, ...]
    title: str = ""
    x: str = ""
    y: str = ""
    x_range: tuple[float, float] | None = None
    y_range: tuple[float, float] | None = None
    equal: bool = False
    axes: bool = True
    x_ticks: Sequence[Tick] | None = None
    y_ticks: Sequence[Tick] | None = None
    legend: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "marks", tuple(self.marks))

    def categories(self, axis: str) -> tuple[str, ...]:
        """Return the strings that serve as positions on "x" or "y"; their places are 0, 1, 2, ...

        Those among the ticks come first, the others in order of appearance.
        """
        values = (getattr(m, axis) for m in self.marks if isinstance(m, Series))
        found = dict.fromkeys(str(v) for array in values if array.dtype.kind in "UO" for v in array)
        asked = (self.x_ticks if axis == "x" else self.y_ticks) or ()
        return tuple(dict.fromkeys((*(t for t in asked if isinstance(t, str)), *found))) if found else ()

    def at(self, axis: str, values: np.ndarray) -> np.ndarray:
        """Return (n,) positions as numbers: categories become their places."""
        if values.dtype.kind not in "UO":
            return values.astype(float)
        places = {name: i for i, name in enumerate(self.categories(axis))}
        return np.array([places[str(v)] for v in values], dtype=float)

    def ticks(self, axis: str) -> tuple[tuple[float, str], ...] | None:
        """Return (position, label) of every tick asked for or implied by categories; None: the renderer chooses."""
        asked = self.x_ticks if axis == "x" else self.y_ticks
        if asked is None:
            asked = self.categories(axis) or None
        return None if asked is None else tuple(_tick(i, tick) for i, tick in enumerate(asked))

    @cached_property
    def limits(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Return the ends of both axes, as asked for or as marks need them; rows and ranked bars count from the top."""
        shapes = [mark.shape for mark in self.marks if isinstance(mark, Cells)]
        if shapes:
            need_x, need_y = (-0.5, max(w for _, w in shapes) - 0.5), (max(h for h, _ in shapes) - 0.5, -0.5)
        else:
            across, up = zip(*(mark.reach(self.at) for mark in self.marks), strict=True) if self.marks else ((), ())
            need_x, need_y = self._padded("x", across), self._padded("y", up)
            if self.categories("y"):
                need_y = need_y[::-1]
        return self.x_range or need_x, self.y_range or need_y

    def _padded(self, axis: str, reaches: Sequence[np.ndarray]) -> tuple[float, float]:
        """Return the span of all reaches, a little wider; bars that start at 0 keep standing on the edge."""
        values = np.concatenate([np.empty(0), *reaches])
        finite = values[np.isfinite(values)]
        if not finite.size:
            return 0.0, 1.0
        low, high = float(finite.min()), float(finite.max())
        stood, floor = (axis in ends for ends in self._bar_axes)
        pad = (0.015 if stood else 0.05) * (high - low) or 0.5
        return low - pad * (not (floor and low == 0)), high + pad * (not (floor and high == 0))

    @property
    def _bar_axes(self) -> tuple[set[str], set[str]]:
        """Return the axes along which bars stand, and those along which they are long."""
        axes = [mark.axes for mark in self.marks if isinstance(mark, Bars)]
        return {place for place, _ in axes}, {length for _, length in axes}

    def zeroed(self, axis: str) -> bool:
        """Return whether 0 deserves a line: it is not among categories, cells or the places where bars stand."""
        return not (self.bare or axis in self._bar_axes[0] or self.celled or self.categories(axis))

    @property
    def rules(self) -> tuple[Rule, ...]:
        """Return the rules among its marks, in order."""
        return tuple(mark for mark in self.marks if isinstance(mark, Rule))

    @property
    def celled(self) -> bool:
        """Tell whether it shows a photo or a heat-map, so that its axes count cells."""
        return any(isinstance(m, Cells) for m in self.marks)

    @property
    def _pictured(self) -> bool:
        return any(isinstance(m, Photo) for m in self.marks)

    @property
    def aspect(self) -> float | None:
        """Return width over height where both axes share one unit, else None."""
        if not (self.equal or self._pictured):
            return None
        (x0, x1), (y0, y1) = self.limits
        return abs(x1 - x0) / abs(y1 - y0)

    @property
    def bare(self) -> bool:
        """Tell whether it has no ticks, no grid and no frame."""
        return not self.axes or (self._pictured and self.x_ticks is None and self.y_ticks is None)

    @property
    def scales(self) -> tuple[Scale, ...]:
        """Return the distinct scales of its marks, in order."""
        return tuple(dict.fromkeys(m.scale for m in self.marks if isinstance(m, Cells) and m.scale))

    @property
    def named(self) -> tuple[str, ...]:
        """Return the distinct names of its marks, in order."""
        return tuple(dict.fromkeys(m.name for m in self.marks if isinstance(m, Series) and m.name))

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names that its legend lists; none where a legend would tell nothing."""
        return self.named if self.legend and len(self.named) > 1 else ()


@dataclass(frozen=True)
class Table:
    """A table holds the numbers of a figure as rows, for CSV and for who does not see the picture."""

    header: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.header):
                raise ValueError(f"a row of {len(row)} under a header of {len(self.header)}")

    def csv(self) -> bytes:
        """Return the table as CSV, UTF-8 with a mark so that Excel reads it; every number keeps all its digits."""
        file = io.StringIO(newline="")
        csv.writer(file).writerows(map(_cell, row) for row in (self.header, *self.rows))
        return file.getvalue().encode("utf-8-sig")


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    # a spreadsheet must not take a file's or a class's name for a formula
    return f"'{text}" if isinstance(value, str) and text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def cells(*maps: np.ndarray) -> tuple[tuple[object, ...], ...]:
    """Return rows (row, column, value, value, ...) for a ``Table``, one a cell of (H, W) maps of one shape."""
    columns: list[np.ndarray] = [*np.indices(maps[0].shape), *maps]
    return tuple(zip(*(column.ravel().tolist() for column in columns), strict=True))


@dataclass(frozen=True, eq=False)
class Figure:
    """A figure has ``columns`` panels a row, read left to right and top to bottom.

    Args:
        key: what it is, stable over languages and data; names the file.
        alt: what a reader who cannot see it needs to know; never empty.
        note: one or two sentences of small print, the slide's footer and the page's caption.
        widths: relative widths of the columns; None: photos as wide as they are, the others share the rest.
        height: on screen, px; raised where the rows would be too low to read.
        least: no panel is lower, px; a slide makes everything smaller before it breaks this.
        source: what it was made of, and link: the address that shows it again; a slide's last lines.
    """

    key: str
    title: str
    panels: tuple[Panel, ...]
    columns: int
    table: Table
    alt: str
    note: str = ""
    widths: tuple[float, ...] | None = None
    height: int = 360
    least: float = LEAST
    source: str = ""
    link: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "panels", tuple(self.panels))
        if not self.panels or self.columns < 1 or not self.key or not self.alt.strip():
            raise ValueError(f"figure {self.key!r} needs a key, panels, columns and alt text")
        if self.widths is not None and (len(self.widths) != self.columns or min(self.widths) <= 0):
            raise ValueError(f"figure {self.key!r}: widths must be {self.columns} positive numbers")

    def marked(self, word: str) -> Self:
        """Return the figure with a word that must not be lost, first in its small print and in its alt text."""
        return replace(self, note=f"{word}. {self.note}".strip(), alt=f"{word}. {self.alt}")

    @property
    def mib(self) -> float:
        """Return about how many mebibytes it takes: its arrays, and its table's cells at 100 bytes each."""
        marks = (vars(mark).values() for panel in self.panels for mark in panel.marks)
        held = sum(value.nbytes for values in marks for value in values if isinstance(value, np.ndarray))
        return (held + 100 * len(self.table.header) * len(self.table.rows)) / 2**20

    @property
    def rows(self) -> tuple[tuple[Panel, ...], ...]:
        """Return the panels row by row; the last row may be short."""
        return tuple(self.panels[i : i + self.columns] for i in range(0, len(self.panels), self.columns))

    @property
    def scales(self) -> tuple[Scale, ...]:
        """Return the distinct scales, in order of appearance."""
        return tuple(dict.fromkeys(scale for panel in self.panels for scale in panel.scales))

    @property
    def common(self) -> tuple[str, ...]:
        """Return the names that one legend lists for all panels, where two or more show these and no others."""
        lists = [panel.named for panel in self.panels if panel.named]
        same = len(lists) > 1 and len(set(lists)) == 1 and any(panel.names for panel in self.panels)
        return lists[0] if same else ()

    def shares(self, room: float) -> tuple[float, ...]:
        """Return the widths of the columns as shares of a row that is ``room`` times as wide as its panels are high.

        Columns whose panels all have one unit on both axes get what they can fill, the others share the rest; the sum
        is 1, or less where nothing can fill the row.
        """
        count = min(self.columns, len(self.panels))
        if self.widths is not None:
            return tuple(w / sum(self.widths[:count]) for w in self.widths[:count])
        aspects = [[panel.aspect for panel in self.panels[i :: self.columns]] for i in range(count)]
        tight = [None if None in column else max(a for a in column if a) for column in aspects]
        taken, free = sum(t for t in tight if t), tight.count(None)
        squeeze = min(1.0, room * (0.65 if free else 1.0) / (taken or 1.0))
        rest = (room - taken * squeeze) / free if free else 0.0
        return tuple((rest if t is None else t * squeeze) / room for t in tight)


def _tick(index: int, tick: Tick) -> tuple[float, str]:
    if isinstance(tick, str):
        return float(index), tick
    return (float(tick[0]), tick[1]) if isinstance(tick, tuple) else (float(tick), number(float(tick)))
