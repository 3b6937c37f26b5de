"""A page of a talk around a figure: 16:9, its title above, its note, source and link below, all as large as fits."""

import re
from typing import NamedTuple

from senet_viz.drawing.grammar import Figure
from senet_viz.drawing.layout import place
from senet_viz.drawing.placed import PlacedFigure
from senet_viz.drawing.text import BOLD, ems, wrap

POINTS = (960.0, 540.0)  # the page in points
ZOOMS = (0.9, 1.0, 1.15, 1.35, 1.6, 2.0)  # how many points of layout go on a point of page; the first that fits
EDGE, TITLE, LEAD, NOTE, SOURCE = 36, 27, 16, 14, 11  # points: margin, sizes of title, opening, note and source


class Paper(NamedTuple):
    """Paper is a page of a talk laid out: the placed figure and the words around it, ``zoom`` units to a point."""

    placed: PlacedFigure
    zoom: float
    height: float
    title: list[str]
    lead: list[str]
    note: list[str]
    small: list[tuple[str, str | None]]  # lines of source and link, each with its address
    floor: float  # how much of the foot they take

    @property
    def drop(self) -> float:
        """Return how far the figure moves down: what the layout leaves empty goes above and below."""
        return max(0.0, (self.height - self.placed.height) / 2)


def paper(figure: Figure, wider: float = 1.0, lead: str = "") -> Paper:
    """Return a figure laid out on a page with its words, as large as fits.

    Args:
        wider: how much wider than reckoned the font writes.
        lead: text between title and figure.
    """
    for zoom in ZOOMS:
        width, height = POINTS[0] * zoom, POINTS[1] * zoom
        room = width - 2 * EDGE
        title = wrap(figure.title, room / (TITLE * BOLD * wider))
        opening = wrap(lead, room / (LEAD * wider)) if lead else []
        note = wrap(figure.note, room / (NOTE * wider)) if figure.note else []
        source = [line for line in wrap(figure.source, room / (SOURCE * wider)) if line]
        link = _broken(figure.link, 0.85 * room / (SOURCE * wider))
        small: list[tuple[str, str | None]] = [(line, None) for line in source]
        small += [(line, figure.link) for line in link]
        top = EDGE * 0.8 + (TITLE * 1.25 * len(title) + 10 if figure.title else 0)
        top += LEAD * 1.3 * len(opening) + (8 if opening else 0)
        floor = EDGE * 0.8 + (SOURCE * 1.35 * len(small) + 4 if small else 0)
        bottom = floor + (NOTE * 1.4 * len(note) + 8 if note else 0)
        placed = place(figure, width, height, top, bottom, EDGE, wider)
        if placed.height <= height + 0.5:
            break
    return Paper(placed, zoom, height, title, opening, note, small, floor)


def _broken(link: str, width: float) -> list[str]:
    """Return an address in lines of at most ``width`` ems of ordinary text, broken before its parameters."""
    lines = [""] if link else []
    for piece in re.split(r"(?=[?&])", link) if link else ():
        if lines[-1] and ems(lines[-1] + piece) > width:
            lines.append("")
        lines[-1] += piece
    return lines
