"""The marks of a panel: what can be drawn, described as data. Every renderer has one function for each.

Coordinates are data coordinates as drawn: ``x`` runs along the horizontal axis, ``y`` along the vertical one, also for
horizontal bars. Photos and heat-maps count cells: cell (row, column) is centred at x = column, y = row, row 0 on top.
Positions may be strings: then they are categories. Arrays are copied and cannot be written to: a figure that is drawn
twice is the same twice.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from senet_viz.drawing import palette
from senet_viz.drawing.palette import Scale

Numbers = Callable[[str, np.ndarray], np.ndarray]  # (axis, positions) -> positions with categories as their places
Reach = tuple[np.ndarray, np.ndarray]  # what a mark needs on the horizontal and on the vertical axis


class Mark:
    """A mark is one thing that a panel shows."""

    def reach(self, at: Numbers) -> Reach:
        """Return the positions that the axes have to show; none for cells, which count themselves."""
        return np.empty(0), np.empty(0)


class Cells(Mark):
    """Cells fill their panel: a photo or a heat-map."""

    scale: Scale | None

    @property
    def shape(self) -> tuple[int, int]:
        """Return (rows, columns)."""
        raise NotImplementedError


@dataclass(frozen=True, eq=False)
class Photo(Cells):
    """A photo shows pixels in their own colours, (H, W, 3) uint8; with a ``scale`` they were painted by it."""

    rgb: np.ndarray
    scale: Scale | None = None

    def __post_init__(self) -> None:
        _freeze(self, "rgb")
        if self.rgb.ndim != 3 or self.rgb.shape[2] != 3 or self.rgb.dtype != np.uint8:
            raise ValueError(f"a photo is (H, W, 3) uint8; got {self.rgb.shape} {self.rgb.dtype}")

    @property
    def shape(self) -> tuple[int, int]:
        return self.rgb.shape[:2]


@dataclass(frozen=True, eq=False)
class Heat(Cells):
    """A heat-map shows (H, W) numbers as colours. ``hover`` names the number under the pointer; else the scale does."""

    values: np.ndarray
    scale: Scale
    hover: str = ""

    def __post_init__(self) -> None:
        _freeze(self, "values")
        if self.values.ndim != 2 or 0 in self.values.shape:
            raise ValueError(f"heat values are (H, W); got {self.values.shape}")

    @property
    def shape(self) -> tuple[int, int]:
        return self.values.shape


@dataclass(frozen=True, eq=False)
class Series(Mark):
    """A series has n positions on both axes, and a name that a legend can list."""

    x: np.ndarray
    y: np.ndarray
    name: str = ""
    colour: str = "ink"

    def __post_init__(self) -> None:
        _freeze(self, "x", "y")
        palette.role(self.colour)
        if self.x.ndim != 1 or self.x.shape != self.y.shape:
            raise ValueError(f"{type(self).__name__}: x and y must be equally long lists")

    @property
    def axes(self) -> tuple[str, str]:
        """Return the axis along which its parts stand, and the one along which they are long."""
        return "x", "y"

    def reach(self, at: Numbers) -> Reach:
        return at("x", self.x), at("y", self.y)


@dataclass(frozen=True, eq=False)
class Bars(Series):
    """Bars stand at ``x`` and are ``y`` long, from ``base`` (0) on; ``horizontal``: at ``y``, ``x`` long.

    Several bars at one position lie on top of each other, later ones in front. ``width`` is in units of the axis.
    """

    horizontal: bool = False
    base: np.ndarray | float | None = None
    width: np.ndarray | float | None = None

    @property
    def axes(self) -> tuple[str, str]:
        return ("y", "x") if self.horizontal else ("x", "y")

    @property
    def lengths(self) -> np.ndarray:
        """Return how long each bar is, (n,)."""
        return self.x if self.horizontal else self.y

    @property
    def bases(self) -> np.ndarray:
        """Return where each bar starts, (n,)."""
        return np.broadcast_to(np.asarray(0.0 if self.base is None else self.base, dtype=float), self.lengths.shape)

    def widths(self, at: np.ndarray) -> np.ndarray:
        """Return (n,) widths of bars at numeric positions: four fifths of the closest spacing, all of it above 64."""
        if self.width is not None:
            return np.broadcast_to(np.asarray(self.width, dtype=float), at.shape)
        steps = np.diff(np.unique(at))
        return np.full(at.shape, (steps.min() if steps.size else 1.0) * (0.8 if at.size <= 64 else 1.0))

    def reach(self, at: Numbers) -> Reach:
        x, y = super().reach(at)
        place, length = (y, x) if self.horizontal else (x, y)
        half = self.widths(place) / 2
        across, along = np.concatenate([place - half, place + half]), np.concatenate([self.bases, self.bases + length])
        return (along, across) if self.horizontal else (across, along)


@dataclass(frozen=True, eq=False)
class Line(Series):
    """A line joins points; a value that is not a number leaves a gap. ``width`` is in px on screen, pt on a slide."""

    dash: bool = False
    width: float = 2


@dataclass(frozen=True, eq=False)
class Points(Series):
    """Points are dots. ``labels`` are shown on hover alone: beside dots they would lie on other dots."""

    labels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.labels and len(self.labels) != len(self.x):
            raise ValueError("Points: x, y and labels must be equally long lists")


@dataclass(frozen=True)
class Rule(Mark):
    """A rule is a dashed line across the panel at one value of one axis: ``Rule(0, "x")`` stands upright at x = 0.

    Its ``text`` stands outside the plot, where nothing is drawn: above an upright rule, right of a lying one.
    """

    at: float
    axis: str
    text: str = ""
    colour: str = "muted"

    def __post_init__(self) -> None:
        palette.role(self.colour)
        if self.axis not in ("x", "y"):
            raise ValueError(f"axis must be x or y; got {self.axis!r}")

    def reach(self, at: Numbers) -> Reach:
        here, nowhere = np.array([self.at]), np.empty(0)
        return (here, nowhere) if self.axis == "x" else (nowhere, here)


@dataclass(frozen=True)
class Text(Mark):
    """Text stands at a point, vertically centred; ``anchor`` says which part of it lies there. ``size`` is in px."""

    x: float
    y: float
    text: str
    size: float = 16
    colour: str = "ink"
    anchor: str = "middle"

    def __post_init__(self) -> None:
        palette.role(self.colour)
        if self.anchor not in ("start", "middle", "end"):
            raise ValueError(f"anchor must be start, middle or end; got {self.anchor!r}")

    def reach(self, at: Numbers) -> Reach:
        return np.array([self.x]), np.array([self.y])


@dataclass(frozen=True)
class Between(Mark):
    """A mark of this kind lies between two points."""

    x0: float
    y0: float
    x1: float
    y1: float
    colour: str = "muted"

    def __post_init__(self) -> None:
        palette.role(self.colour)

    def reach(self, at: Numbers) -> Reach:
        return np.array([self.x0, self.x1]), np.array([self.y0, self.y1])


@dataclass(frozen=True)
class Arrow(Between):
    """An arrow points from (x0, y0) to its head at (x1, y1)."""


@dataclass(frozen=True)
class Box(Between):
    """A box outlines what is pinned, with a halo in the page's colour so that it shows on every ramp.

    ``filled``: it is a box of a drawing instead, filled with a tint of its colour; it hides lines, but no text.
    """

    colour: str = "pinned"
    filled: bool = False


def _freeze(mark: Mark, *fields: str) -> None:
    """Keep read-only copies of arrays."""
    for field in fields:
        array = np.array(getattr(mark, field))
        array.setflags(write=False)
        object.__setattr__(mark, field, array)
