"""Which chart shows a panel, its numbers and its axes: bars over categories, or points on two axes of numbers."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from senet_viz.drawing.editable.presentation import clean
from senet_viz.drawing.grammar import Bars, Figure, Line, Points, Series
from senet_viz.drawing.placed import PlacedAxis, PlacedMark, PlacedPanel
from senet_viz.drawing.text import number

SPARSE = 4  # a chart of categories has at most so many places a bar


@dataclass(frozen=True)
class Ends:
    """Ends of an axis, low first, and how far its labelled ticks are apart; 0: its labels are written beside it."""

    low: float
    high: float
    step: float
    turned: bool = False

    def share(self, value: float) -> float:
        """Return how far along the axis a value lies, from its left or lower end: 0 to 1."""
        share = (value - self.low) / (self.high - self.low)
        return 1 - share if self.turned else share


@dataclass(frozen=True, eq=False)
class Drawn:
    """A series of a chart: one mark, or bars, or a line with the points on it."""

    name: str
    mark: Series
    x: np.ndarray
    y: np.ndarray
    dots: Points | None = None


@dataclass(frozen=True, eq=False)
class Chart:
    """A chart has a panel's series on its two axes.

    Args:
        names: of the categories, in their order; none: both axes have numbers.
        stacked: each bar stands on those before it; clustered: bars stand side by side.
        gap: the share of a bar's width between two categories.
    """

    panel: PlacedPanel
    series: tuple[Drawn, ...]
    x: Ends
    y: Ends
    names: tuple[str, ...] = ()
    stacked: bool = False
    clustered: bool = False
    gap: float = 0.0
    lying: bool = field(default=False)

    @property
    def columns(self) -> tuple[tuple[float | None, ...], ...]:
        """Return the numbers of every series that can be edited: what its bars measure, or how high its points lie."""
        return tuple(tuple(None if math.isnan(v) else float(v) for v in each.y) for each in self.series)


def chart(panel: PlacedPanel, figure: Figure) -> Chart | None:
    """Return the chart that shows a panel; None where it has to be a picture: a map, or a drawing made of marks."""
    series = [placed for placed in panel.marks if isinstance(placed.mark, Series)]
    plain = panel.panel.axes and not panel.panel.celled and panel.panel.aspect is None
    if not series or not plain or any(_piled(placed) for placed in series):
        return None
    return _categories(panel, figure, series) or _points(panel, series)


def _piled(placed: PlacedMark) -> bool:
    """Return whether bars of one mark lie at the same place: then they are the cells of a drawing."""
    mark = placed.mark
    return isinstance(mark, Bars) and np.unique(placed.at[mark.horizontal]).size < mark.lengths.size


def _ends(panel: PlacedPanel, which: str) -> Ends:
    """Return the ends of an axis of numbers: programs put ticks from the lower end on, so it is a round number."""
    axis, asked = (panel.x, panel.panel.x_range) if which == "x" else (panel.y, panel.panel.y_range)
    (low, high), turned = sorted(axis.limits), axis.limits[0] > axis.limits[1]
    found = np.concatenate([_needs(panel, placed, which) for placed in panel.marks])
    found = np.clip(found[np.isfinite(found)], low, high)
    least, most = (float(found.min()), float(found.max())) if found.size else (low, high)
    if axis.ticks is not None:
        at = [tick for tick, _ in axis.ticks]
        step = at[1] - at[0] if len(at) > 1 else 0.0
        even = step > 0 and np.allclose(np.diff(at), step) and all(label == number(v) for v, label in axis.ticks)
        if not even or least < at[0]:
            return Ends(low, high, 0, turned)
        return Ends(at[0], at[0] + step * max(len(at) - 1, math.ceil((most - at[0]) / step - 1e-9)), step, turned)
    if asked is None:
        low, high = (least, most) if most > least else (low, high)
    every, slack = [], 1e-6 * (high - low)
    for step in _steps((high - low) / (axis.most + 1), high - low):
        down, up = (round(end / step) for end in (low, high))  # a little less than was asked for will do
        start = down if down * step <= least + slack else math.floor((low + slack) / step)
        stop = up if up * step >= most - slack else math.ceil((high - slack) / step)
        if 1 < stop - start <= axis.most + 1:
            over = round(((stop - start) * step) / (high - low), 1)
            every.append((over, abs(stop - start - 0.6 * axis.most), step, start * step, stop * step))
    *_, step, least, most = min(every)
    return Ends(least, most, step, turned)


def _needs(panel: PlacedPanel, placed: PlacedMark, which: str) -> np.ndarray:
    """Return the positions of a mark that have to be seen; half of the first and the last bar may be cut."""
    mark, upright = placed.mark, which == "y"
    if isinstance(mark, Bars) and mark.horizontal == upright:
        return placed.at[upright]
    return mark.reach(panel.panel.at)[upright]


def _steps(least: float, most: float) -> list[float]:
    """Return 1, 2 and 5 times the powers of ten between two lengths, and the next ones."""
    powers = range(math.floor(math.log10(least)), math.ceil(math.log10(most)) + 1)
    return [each * 10.0**power for power in powers for each in (1, 2, 5)]


# bars over categories ------------------------------------------------------------------------------------------------


def _categories(panel: PlacedPanel, figure: Figure, series: Sequence[PlacedMark]) -> Chart | None:
    """Return a chart of bars, where there is nothing else and every bar has a whole number as its place."""
    bars = [(placed.mark, placed.at) for placed in series if isinstance(placed.mark, Bars)]
    if len(bars) < len(series) or len({mark.horizontal for mark, _ in bars}) > 1:
        return None
    lying = bars[0][0].horizontal
    places = [at[lying] for _, at in bars]
    slots = [np.rint(at).astype(int) for at in places]
    shifts = [float((at - slot).mean()) for at, slot in zip(places, slots, strict=True)]
    even = all(np.allclose(at - slot, by) for at, slot, by in zip(places, slots, shifts, strict=True))
    every = np.unique(np.concatenate(slots))
    first, count = int(every[0]), int(every[-1] - every[0]) + 1
    if not even or count > SPARSE * every.size:
        return None
    clustered = max(shifts) - min(shifts) > 0.01
    order = sorted(range(len(bars)), key=lambda i: shifts[i] if clustered else bars[i][0].bases.mean())
    stacked, total, drawn = False, np.zeros(count), []
    for i in order:
        mark, at = bars[i][0], slots[i] - first
        stacked |= bool(np.any(mark.bases))
        if not np.allclose(mark.bases, total[at] if stacked else 0):
            return None  # they float
        y = np.full(count, np.nan)
        y[at] = mark.lengths
        total[at] += mark.lengths if not clustered else 0
        drawn.append(Drawn(mark.name, mark, np.arange(first, first + count), y))
    if not stacked:
        drawn = [drawn[order.index(i)] for i in range(len(bars))] if not clustered else drawn
    width = float(np.mean(bars[0][0].widths(places[0]))) * (len(bars) if clustered else 1)
    along = panel.y if lying else panel.x
    here = Ends(first - 0.5, first + count - 0.5, 0, along.limits[0] > along.limits[1])
    length = _ends(panel, "x" if lying else "y")
    names = _names(along, figure, np.arange(first, first + count), drawn)
    gap = max(0.0, 1 - width) / width * (len(bars) if clustered else 1)
    ends = (length, here) if lying else (here, length)
    return Chart(panel, tuple(drawn), *ends, names, stacked, clustered, gap, lying)


def _names(axis: PlacedAxis, figure: Figure, places: np.ndarray, series: Sequence[Drawn]) -> tuple[str, ...]:
    """Return the names of categories: their ticks', or the first column of the figure's table if it has these bars."""
    said = dict(axis.ticks or ())
    if len(said) == len(places) and all(said.values()):
        return tuple(clean(said.get(float(place), "")) for place in places)
    together = np.stack([each.y for each in series])
    rows = figure.table.rows
    if len(rows) == len(places) and (np.isfinite(together).sum(axis=0) == 1).all():
        values = np.nansum(together, axis=0).tolist()
        for column in range(1, len(figure.table.header)):
            if [row[column] for row in rows] == values:
                return tuple(clean(str(row[0])) for row in rows)
    return tuple(clean(said.get(float(place)) or str(place)) for place in places.tolist())


# points on two axes --------------------------------------------------------------------------------------------------


def _points(panel: PlacedPanel, series: Sequence[PlacedMark]) -> Chart:
    """Return a chart of lines and points; bars among them hang from points without a dot."""
    drawn: list[Drawn] = []
    for placed in series:
        mark, (x, y) = placed.mark, placed.at
        assert isinstance(mark, Series)
        if isinstance(mark, Bars):
            ends = mark.bases + mark.lengths
            x, y = (ends, y) if mark.horizontal else (x, ends)
        if isinstance(mark, Points):
            for i, other in enumerate(drawn):  # the dots of a line are no series of their own
                same = isinstance(other.mark, Line) and other.dots is None and other.x.shape == x.shape
                if same and np.array_equal(other.x, x, True) and np.array_equal(other.y, y, True):
                    drawn[i] = Drawn(other.name or mark.name, other.mark, x, y, mark)
                    break
            else:
                drawn.append(Drawn(mark.name, mark, x, y, mark))
        else:
            drawn.append(Drawn(mark.name, mark, x, y))
    return Chart(panel, tuple(drawn), _ends(panel, "x"), _ends(panel, "y"))
