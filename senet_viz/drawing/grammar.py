"""The words of a figure: described once as data, drawn by ``screen`` for the browser and by ``export`` for slides.

Coordinates are data coordinates as drawn: ``x`` runs along the horizontal axis, ``y`` along the vertical one, also for
horizontal bars. Photos and heat-maps count cells: cell (row, column) is centred at x = column, y = row, row 0 on top.
Positions may be strings: then they are categories, in the order of the ticks or of appearance. Every text is plain
text, already in the reader's language. Nothing here knows plotly or matplotlib.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from senet_viz.drawing import palette as colours
from senet_viz.drawing.text import LEAST, number

Tick = float | str | tuple[float, str]


@dataclass(frozen=True)
class Scale:
    """What colours mean: ``low`` to ``high`` along a ramp of ``palette``. Equal scales share one colour bar.

    ``marks`` are values that the colour bar labels besides its ends (and 0, where the ramp diverges).

    Raises:
        ValueError: an unknown palette, or ends that are not finite and ordered.
    """

    name: str
    low: float
    high: float
    palette: str
    marks: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        colours.stops(self.palette)
        if not (np.isfinite(self.low) and np.isfinite(self.high) and self.low < self.high):
            raise ValueError(f"scale {self.name!r}: low must be below high; got {self.low} and {self.high}")

    @classmethod
    def around_zero(cls, name: str, values: object, palette: str = "activation") -> Scale:
        """Symmetric around 0 and as wide as ``values`` need; -1 to 1 where all of them are 0."""
        reach = float(np.max(np.abs(_finite(values)), initial=0.0)) or 1.0
        return cls(name, -reach, reach, palette)

    @classmethod
    def gate(cls, name: str) -> Scale:
        """Fixed 0 to 1, with 0.5 (a gate that knows nothing) and 1 (no change) marked."""
        return cls(name, 0.0, 1.0, "gate", (0.5, 1.0))

    @classmethod
    def span(cls, name: str, values: object, palette: str = "squeeze") -> Scale:
        """From the least to the greatest of ``values``; widened by a half on both sides where they are all equal."""
        finite = _finite(values)
        low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
        return cls(name, low, high, palette) if low < high else cls(name, low - 0.5, high + 0.5, palette)

    def paint(self, values: np.ndarray) -> np.ndarray:
        """(...) numbers -> (..., 3) uint8; beyond the ends the ends' colour, not a number: mid-grey."""
        share = (np.asarray(values, dtype=float) - self.low) / (self.high - self.low)
        rgb = colours.lut(self.palette)[np.rint(np.clip(np.nan_to_num(share), 0, 1) * 255).astype(np.uint8)]
        return np.where(np.isnan(share)[..., None], np.uint8(128), rgb)

    @property
    def ticks(self) -> tuple[float, ...]:
        """What the colour bar labels: both ends always, then the marks (and 0) that do not crowd another label."""
        kept = [self.low, self.high]
        for value in (*((0.0,) if self.palette in colours.DIVERGING else ()), *self.marks):
            if self.low < value < self.high and min(abs(value - k) for k in kept) > 0.12 * (self.high - self.low):
                kept.append(value)
        return tuple(sorted(kept))


@dataclass(frozen=True, eq=False)
class Photo:
    """Pixels in their own colours, (H, W, 3) uint8. ``scale``: the pixels were painted by it, so show its bar."""

    rgb: np.ndarray
    scale: Scale | None = None

    def __post_init__(self) -> None:
        _freeze(self, "rgb")
        if self.rgb.ndim != 3 or self.rgb.shape[2] != 3 or self.rgb.dtype != np.uint8:
            raise ValueError(f"a photo is (H, W, 3) uint8; got {self.rgb.shape} {self.rgb.dtype}")


@dataclass(frozen=True, eq=False)
class Heat:
    """(H, W) numbers as colours. ``hover`` names the number under the pointer; the scale's name where it is empty."""

    values: np.ndarray
    scale: Scale
    hover: str = ""

    def __post_init__(self) -> None:
        _freeze(self, "values")
        if self.values.ndim != 2 or 0 in self.values.shape:
            raise ValueError(f"heat values are (H, W); got {self.values.shape}")


@dataclass(frozen=True, eq=False)
class Bars:
    """One bar a position, from ``base`` (0) on. Upright: at ``x``, ``y`` long; ``horizontal``: at ``y``, ``x`` long.

    Several bars at one position lie on top of each other, later ones in front. ``width`` is in units of the axis.
    """

    x: np.ndarray
    y: np.ndarray
    name: str = ""
    colour: str = "ink"
    horizontal: bool = False
    base: np.ndarray | float | None = None
    width: np.ndarray | float | None = None

    def __post_init__(self) -> None:
        _freeze(self, "x", "y")
        _check(self, "x", "y")

    @property
    def lengths(self) -> np.ndarray:
        """(n,) how long each bar is."""
        return self.x if self.horizontal else self.y

    @property
    def bases(self) -> np.ndarray:
        """(n,) where each bar starts."""
        return np.broadcast_to(np.asarray(0.0 if self.base is None else self.base, dtype=float), self.lengths.shape)

    def widths(self, at: np.ndarray) -> np.ndarray:
        """(n,) for bars at numeric positions ``at``: four fifths of the closest spacing; all of it above 64 bars."""
        if self.width is not None:
            return np.broadcast_to(np.asarray(self.width, dtype=float), at.shape)
        steps = np.diff(np.unique(at))
        return np.full(at.shape, (steps.min() if steps.size else 1.0) * (0.8 if at.size <= 64 else 1.0))


@dataclass(frozen=True, eq=False)
class Line:
    """A line through points; a value that is not a number leaves a gap. ``width`` in px on screen, pt on a slide."""

    x: np.ndarray
    y: np.ndarray
    name: str = ""
    colour: str = "ink"
    dash: bool = False
    width: float = 2

    def __post_init__(self) -> None:
        _freeze(self, "x", "y")
        _check(self, "x", "y")


@dataclass(frozen=True, eq=False)
class Points:
    """Dots. ``labels`` are shown on hover alone: beside dots they would lie on other dots."""

    x: np.ndarray
    y: np.ndarray
    name: str = ""
    colour: str = "ink"
    labels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _freeze(self, "x", "y")
        _check(self, "x", "y", *(("labels",) if self.labels else ()))


@dataclass(frozen=True, eq=False)
class Hist:
    """How many of ``values`` fall between neighbours of ``edges`` (n + 1,), drawn as n touching bars."""

    values: np.ndarray
    edges: np.ndarray
    name: str = ""
    colour: str = "gate"

    def __post_init__(self) -> None:
        _freeze(self, "values", "edges")
        colours.role(self.colour)
        if self.edges.ndim != 1 or self.edges.size < 2 or not (np.diff(self.edges) > 0).all():
            raise ValueError("histogram edges must be at least two rising numbers")

    @property
    def bars(self) -> Bars:
        """The same as bars: counts (n,) at the middles of the bins."""
        counts, edges = np.histogram(_finite(self.values), self.edges)
        return Bars((edges[:-1] + edges[1:]) / 2, counts, self.name, self.colour, width=np.diff(edges))


@dataclass(frozen=True)
class Rule:
    """A dashed line across the panel at one value of one axis: ``Rule(0, "x")`` stands upright at x = 0.

    Its ``text`` stands outside the plot, where nothing is drawn: above an upright rule, right of a lying one.
    """

    at: float
    axis: str
    text: str = ""
    colour: str = "muted"

    def __post_init__(self) -> None:
        _check(self)
        if self.axis not in ("x", "y"):
            raise ValueError(f"axis must be x or y; got {self.axis!r}")


@dataclass(frozen=True)
class Box:
    """An outline around what is pinned, with a halo in the page's colour so that it shows on every ramp.

    ``filled``: a box of a drawing instead, filled with a tint of its colour; it hides lines, but no text.
    """

    x0: float
    y0: float
    x1: float
    y1: float
    colour: str = "pinned"
    filled: bool = False

    def __post_init__(self) -> None:
        _check(self)


@dataclass(frozen=True)
class Text:
    """Words at a point, vertically centred; ``anchor``: their "start", "middle" or "end" lies there. ``size`` in px."""

    x: float
    y: float
    text: str
    size: float = 16
    colour: str = "ink"
    anchor: str = "middle"

    def __post_init__(self) -> None:
        _check(self)
        if self.anchor not in ("start", "middle", "end"):
            raise ValueError(f"anchor must be start, middle or end; got {self.anchor!r}")


@dataclass(frozen=True)
class Arrow:
    """From (x0, y0) to its head at (x1, y1)."""

    x0: float
    y0: float
    x1: float
    y1: float
    colour: str = "muted"

    def __post_init__(self) -> None:
        _check(self)


Mark = Photo | Heat | Bars | Line | Points | Hist | Rule | Box | Text | Arrow


@dataclass(frozen=True, eq=False)
class Panel:
    """One pair of axes. ``x`` and ``y`` name them.

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
        """The strings that serve as positions on "x" or "y": first those among the ticks, then in order of appearance.

        Their places are 0, 1, 2, ...
        """
        values = (getattr(m, axis) for m in self.marks if isinstance(m, Bars | Line | Points))
        found = dict.fromkeys(str(v) for array in values if array.dtype.kind in "UO" for v in array)
        asked = (self.x_ticks if axis == "x" else self.y_ticks) or ()
        return tuple(dict.fromkeys((*(t for t in asked if isinstance(t, str)), *found))) if found else ()

    def at(self, axis: str, values: np.ndarray) -> np.ndarray:
        """(n,) positions as numbers: categories become their places."""
        if values.dtype.kind not in "UO":
            return values.astype(float)
        places = {name: i for i, name in enumerate(self.categories(axis))}
        return np.array([places[str(v)] for v in values], dtype=float)

    def ticks(self, axis: str) -> tuple[tuple[float, str], ...] | None:
        """(position, label) of every tick asked for or implied by categories; None leaves them to the backend."""
        asked = self.x_ticks if axis == "x" else self.y_ticks
        if asked is None:
            asked = self.categories(axis) or None
        return None if asked is None else tuple(_tick(i, tick) for i, tick in enumerate(asked))

    @cached_property
    def limits(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Ends of both axes: what was asked for, else what the marks need. Rows and ranked bars count from the top."""
        cells = [m.rgb if isinstance(m, Photo) else m.values for m in self.marks if isinstance(m, Photo | Heat)]
        need_x: tuple[float, float]
        need_y: tuple[float, float]
        if cells:
            need_x = (-0.5, max(c.shape[1] for c in cells) - 0.5)
            need_y = (max(c.shape[0] for c in cells) - 0.5, -0.5)
        else:
            reach = [_reach(self, mark) for mark in self.marks]
            need_x, need_y = (_padded([r[i] for r in reach]) for i in (0, 1))
            if self.categories("y"):
                need_y = need_y[::-1]
        return self.x_range or need_x, self.y_range or need_y

    def zeroed(self, axis: str) -> bool:
        """Whether 0 deserves a line of its own: not among categories, cells or the places where bars stand."""
        bars = [m.horizontal if isinstance(m, Bars) else False for m in self.marks if isinstance(m, Bars | Hist)]
        stood_on = any(horizontal == (axis == "y") for horizontal in bars)
        return not (self.bare or stood_on or self.celled or self.categories(axis))

    @property
    def rules(self) -> tuple[Rule, ...]:
        """Its rules, in order."""
        return tuple(mark for mark in self.marks if isinstance(mark, Rule))

    @property
    def celled(self) -> bool:
        """It shows a photo or a heat-map, so its axes count cells."""
        return any(isinstance(m, Photo | Heat) for m in self.marks)

    @property
    def aspect(self) -> float | None:
        """Width over height where both axes share one unit, else None."""
        if not (self.equal or any(isinstance(m, Photo) for m in self.marks)):
            return None
        (x0, x1), (y0, y1) = self.limits
        return abs(x1 - x0) / abs(y1 - y0)

    @property
    def bare(self) -> bool:
        """No ticks, no grid, no frame."""
        photo = any(isinstance(m, Photo) for m in self.marks)
        return not self.axes or (photo and self.x_ticks is None and self.y_ticks is None)

    @property
    def scales(self) -> tuple[Scale, ...]:
        """The distinct scales of its marks, in order."""
        return tuple(dict.fromkeys(m.scale for m in self.marks if isinstance(m, Photo | Heat) and m.scale))

    @property
    def named(self) -> tuple[str, ...]:
        """The distinct names of its marks, in order."""
        return tuple(dict.fromkeys(m.name for m in self.marks if isinstance(m, Bars | Line | Points | Hist) and m.name))

    @property
    def names(self) -> tuple[str, ...]:
        """What its legend lists; empty where it would tell nothing."""
        return self.named if self.legend and len(self.named) > 1 else ()


@dataclass(frozen=True)
class Table:
    """The figure's numbers as rows, for CSV and for who does not see the picture."""

    header: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.header):
                raise ValueError(f"a row of {len(row)} under a header of {len(self.header)}")


def cells(*maps: np.ndarray) -> tuple[tuple[object, ...], ...]:
    """Rows (row, column, value, value, ...) for a ``Table``: one a cell of these (H, W) maps, all of one shape."""
    columns: list[np.ndarray] = [*np.indices(maps[0].shape), *maps]
    return tuple(zip(*(column.ravel().tolist() for column in columns), strict=True))


@dataclass(frozen=True, eq=False)
class Figure:
    """A whole figure: ``columns`` panels a row, read left to right and top to bottom.

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

    def marked(self, word: str) -> Figure:
        """The same with a word that must not be lost on the way, first in its small print and in its alt text."""
        return replace(self, note=f"{word}. {self.note}".strip(), alt=f"{word}. {self.alt}")

    @property
    def rows(self) -> tuple[tuple[Panel, ...], ...]:
        """The panels row by row; the last may be short."""
        return tuple(self.panels[i : i + self.columns] for i in range(0, len(self.panels), self.columns))

    @property
    def scales(self) -> tuple[Scale, ...]:
        """The distinct scales, in order of appearance."""
        return tuple(dict.fromkeys(scale for panel in self.panels for scale in panel.scales))

    @property
    def common(self) -> tuple[str, ...]:
        """What one legend for all panels lists, where two or more of them show the same names and no one else does."""
        lists = [panel.named for panel in self.panels if panel.named]
        same = len(lists) > 1 and len(set(lists)) == 1 and any(panel.names for panel in self.panels)
        return lists[0] if same else ()

    def shares(self, room: float) -> tuple[float, ...]:
        """Widths of the columns, as shares of a row that is ``room`` times as wide as its panels are high.

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


def _freeze(mark: object, *fields: str) -> None:
    """Keep read-only copies: a figure that is drawn twice must be the same twice."""
    for field in fields:
        array = np.array(getattr(mark, field))
        array.setflags(write=False)
        object.__setattr__(mark, field, array)


def _check(mark: object, *fields: str) -> None:
    colours.role(mark.colour)  # type: ignore[attr-defined]
    sizes = {len(getattr(mark, field)) for field in fields}
    if len(sizes) > 1 or any(np.ndim(getattr(mark, field)) != 1 for field in fields):
        raise ValueError(f"{type(mark).__name__}: {', '.join(fields)} must be equally long lists")


def _finite(values: object) -> np.ndarray:
    array = np.asarray(values, dtype=float)
    return array[np.isfinite(array)]


def _tick(index: int, tick: Tick) -> tuple[float, str]:
    if isinstance(tick, str):
        return float(index), tick
    return (float(tick[0]), tick[1]) if isinstance(tick, tuple) else (float(tick), number(float(tick)))


Reach = tuple[np.ndarray, str]  # positions a mark needs on one axis; "length" and "place" of bars, else ""


def _reach(panel: Panel, mark: Mark) -> tuple[Reach, Reach]:
    none: Reach = (np.empty(0), "")
    if isinstance(mark, Rule):
        at: Reach = (np.array([mark.at]), "")
        return (at, none) if mark.axis == "x" else (none, at)
    if isinstance(mark, Box | Arrow):
        return (np.array([mark.x0, mark.x1]), ""), (np.array([mark.y0, mark.y1]), "")
    if isinstance(mark, Text):
        return (np.array([mark.x]), ""), (np.array([mark.y]), "")
    if isinstance(mark, Hist):
        mark = mark.bars
    assert isinstance(mark, Bars | Line | Points)  # cells are handled apart
    x, y = panel.at("x", mark.x), panel.at("y", mark.y)
    if not isinstance(mark, Bars):
        return (x, ""), (y, "")
    place, length = (y, x) if mark.horizontal else (x, y)
    half = mark.widths(place) / 2
    across: Reach = (np.concatenate([place - half, place + half]), "place")
    along: Reach = (np.concatenate([mark.bases, mark.bases + length]), "length")
    return (along, across) if mark.horizontal else (across, along)


def _padded(reaches: list[Reach]) -> tuple[float, float]:
    """The span of all, a little wider; bars that start at 0 keep standing on the edge."""
    finite = _finite(np.concatenate([np.empty(0), *(r[0] for r in reaches)]))
    if not finite.size:
        return 0.0, 1.0
    low, high = float(finite.min()), float(finite.max())
    kinds = {r[1] for r in reaches}
    floor = "length" in kinds
    pad = (0.015 if "place" in kinds else 0.05) * (high - low) or 0.5
    return low - pad * (not (floor and low == 0)), high + pad * (not (floor and high == 0))
