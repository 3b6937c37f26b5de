"""Finds words that lie on what is drawn: the boxes of labels, measured as matplotlib sets them, against the marks."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as MplFigure
from matplotlib.patches import Rectangle
from matplotlib.text import Text as Words
from matplotlib.transforms import Bbox

from senet_viz.drawing.grammar import Box, Figure, Heat, Panel

SLACK = 1.0  # px that a box of letters may reach into a mark: ascenders and descenders are reckoned in


def lying_on(page: MplFigure, figure: Figure, dpi: float = 100) -> list[tuple[str, str]]:
    """(label, what it lies on) for every label of every panel; empty where all stand in free space."""
    page.set_dpi(dpi)
    page.draw_without_rendering()
    found: list[tuple[str, str]] = []
    for axes, panel in zip(page.axes, figure.panels, strict=False):
        labels = [(words, _shrunk(words.get_window_extent())) for words in axes.texts if words.get_text().strip()]
        for words, box in labels:
            if not _written_inside(panel):
                found += [(words.get_text(), what) for what in _under(axes, box)]
            found += [
                (words.get_text(), other.get_text())
                for other, rival in labels
                if words is not other and _meet(box, rival)
            ]
    return found


def colliding(page: MplFigure) -> list[tuple[str, str]]:
    """Pairs of headings, legends and names of rules, of all panels, that overprint each other."""
    page.draw_without_rendering()
    said: list[tuple[Words, Bbox]] = []
    for axes in page.axes:
        legend = axes.get_legend()
        said += [(w, _shrunk(w.get_window_extent())) for w in (*axes.texts, *(legend.get_texts() if legend else ()))]
    said += [(w, _shrunk(w.get_window_extent())) for w in page.texts]
    said = [(w, box) for w, box in said if w.get_text().strip()]
    return [
        (a.get_text(), b.get_text()) for i, (a, one) in enumerate(said) for b, two in said[i + 1 :] if _meet(one, two)
    ]


def _written_inside(panel: Panel) -> bool:
    """Cells and boxes of a drawing are labelled inside, which is what they are for."""
    return any(isinstance(m, Heat) or (isinstance(m, Box) and m.filled) for m in panel.marks)


def _shrunk(box: Bbox) -> Bbox:
    return Bbox.from_extents(box.x0 + SLACK, box.y0 + 2 * SLACK, box.x1 - SLACK, box.y1 - 2 * SLACK)


def _meet(a: Bbox, b: Bbox) -> bool:
    return min(a.x1, b.x1) > max(a.x0, b.x0) and min(a.y1, b.y1) > max(a.y0, b.y0)


def _under(axes: Axes, box: Bbox) -> Iterator[str]:
    for patch in axes.patches:
        if isinstance(patch, Rectangle) and patch.get_fill():
            bar = patch.get_window_extent()
            if bar.width > 0 and bar.height > 0 and _meet(box, bar):
                yield "a bar"
    for line in axes.lines:
        if line.get_zorder() < 1:
            continue  # the thin line at 0
        points = line.get_transform().transform(np.asarray(line.get_xydata(), dtype=float))
        half = line.get_linewidth() / 72 * axes.figure.dpi / 2
        grown = Bbox.from_extents(box.x0 - half, box.y0 - half, box.x1 + half, box.y1 + half)
        if any(_cuts(grown, a, b) for a, b in zip(points, points[1:], strict=False)):
            yield f"line {line.get_label()}"
    for dots in axes.collections:
        radius = np.sqrt(dots.get_sizes()[0]) / 2 / 72 * axes.figure.dpi if len(dots.get_sizes()) else 0.0
        for x, y in axes.transData.transform(np.asarray(dots.get_offsets(), dtype=float)):
            if box.x0 - radius < x < box.x1 + radius and box.y0 - radius < y < box.y1 + radius:
                yield f"a dot of {dots.get_label()}"


def _cuts(box: Bbox, a: np.ndarray, b: np.ndarray) -> bool:
    """Whether the way from a to b goes through the box (Liang and Barsky)."""
    if not np.isfinite([a, b]).all():
        return False
    enter, leave = 0.0, 1.0
    for i, (low, high) in enumerate(((box.x0, box.x1), (box.y0, box.y1))):
        step = b[i] - a[i]
        if step == 0:
            if not low < a[i] < high:
                return False
            continue
        one, two = sorted(((low - a[i]) / step, (high - a[i]) / step))
        enter, leave = max(enter, one), min(leave, two)
    return enter < leave
