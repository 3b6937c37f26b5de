"""A figure on a page: what ``layout.place`` works out and every renderer reads.

Lengths are px on screen and points on a slide, counted from the page's upper left corner. Data coordinates are those of
``marks``.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from senet_viz.drawing import palette
from senet_viz.drawing.grammar import Box, Figure, Mark, Panel, Scale
from senet_viz.drawing.text import FRAME, HALO, number, wrap


class Rect(NamedTuple):
    """A rect is a rectangle of the page."""

    left: float
    top: float
    width: float
    height: float

    @property
    def foot(self) -> float:
        """Return the place of its lower edge."""
        return self.top + self.height


@dataclass(frozen=True)
class PlacedAxis:
    """A placed axis has its ``limits``, left or bottom first, and its ``name`` in lines.

    ``ticks`` are those asked for, as many as fit; None: the renderer chooses at most ``most``. Their labels ``lean``
    where they would touch. ``zero``: 0 deserves a line.
    """

    limits: tuple[float, float]
    ticks: tuple[tuple[float, str], ...] | None
    lean: bool
    most: int
    name: tuple[str, ...]
    zero: bool


@dataclass(frozen=True)
class Label:
    """A label is the name of a rule, broken into lines, outside the plot.

    Above an upright rule: ``anchor`` says which part of it is over the rule, and it stands ``rise`` above the plot.
    Right of a lying rule: it is vertically centred at ``share`` of the plot's height, from below.
    """

    text: str
    anchor: str = "start"
    rise: float = 0.0
    share: float = 1.0


@dataclass(frozen=True, eq=False)
class PlacedMark:
    """A placed mark has what the page adds to it. The mark of a box is already moved apart from what it frames.

    Args:
        at: positions of a series on both axes as numbers, each (n,): categories became their places.
        listed: the legend lists the series by this mark.
        label: where a rule's name stands.
        bar: which of the figure's colour bars explains a heat-map.
    """

    mark: Mark
    at: tuple[np.ndarray, ...] = ()
    listed: bool = False
    label: Label | None = None
    bar: int = 0


@dataclass(frozen=True)
class Legend:
    """A legend lists names in so many ``lines``, one a line where it is ``upright``; ``bottom`` is its lower edge."""

    names: tuple[str, ...]
    left: float
    bottom: float
    lines: int
    upright: bool


@dataclass(frozen=True, eq=False)
class PlacedPanel:
    """A placed panel has its marks, its axes and the words above it.

    Args:
        n: its number, from 0.
        rect: the room of its column; fitted: what a panel with one unit on both axes fills of it, the upper left part.
        heading: its title in lines, which stands ``rise`` above the plot, over the legend and the names of rules.
    """

    n: int
    panel: Panel
    rect: Rect
    fitted: Rect
    x: PlacedAxis
    y: PlacedAxis
    heading: tuple[str, ...]
    rise: float
    legend: Legend | None
    marks: tuple[PlacedMark, ...]

    @property
    def lined(self) -> bool:
        """Tell whether it has a grid."""
        return not self.panel.bare and not self.panel.celled


@dataclass(frozen=True)
class PlacedBar:
    """A colour bar explains the colours of the ``panels`` with these numbers.

    It is ``lying`` below them with its name underneath, or standing right of all of them with its name above.
    """

    scale: Scale
    panels: tuple[int, ...]
    rect: Rect
    lying: bool

    @property
    def name(self) -> list[str]:
        """Return the name of its scale in lines."""
        return [self.scale.name] if self.lying else wrap(self.scale.name, 7)

    @property
    def ticks(self) -> tuple[tuple[float, str], ...]:
        """Return (value, label) of its ticks."""
        return tuple((at, number(at)) for at in self.scale.ticks)


@dataclass(frozen=True, eq=False)
class PlacedFigure:
    """A placed figure has its panels between the margins ``left`` and ``right``. One ``legend`` may serve them all."""

    figure: Figure
    width: float
    height: float
    left: float
    right: float
    panels: tuple[PlacedPanel, ...]
    legend: Legend | None
    bars: tuple[PlacedBar, ...]


def outlines(box: Box, dark: bool) -> tuple[tuple[float, str], ...]:
    """Return (width, colour) of the lines around a box, the lowest first; a halo shows a frame on every ramp."""
    colour = palette.role(box.colour, dark)
    return ((2, colour),) if box.filled else ((HALO, palette.background(dark)), (FRAME, colour))


def around(start: float, end: float, limits: tuple[float, float], length: float, filled: bool) -> tuple[float, float]:
    """Return the ends of an outline along an axis of so many px, moved apart where it would hide what it frames."""
    unit = length / abs(limits[1] - limits[0])
    if filled or abs(end - start) * unit >= 4 * FRAME:
        return start, end
    half, middle = (max(abs(end - start) * unit, FRAME) + HALO) / 2 / unit, (start + end) / 2
    return (middle - half, middle + half) if start <= end else (middle + half, middle - half)
