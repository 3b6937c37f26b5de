"""Pieces that figures of every section are made of: tables, maps, rows of names, bars, curves, and how numbers read."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from senet_viz.drawing import palette
from senet_viz.drawing.grammar import Bars, Heat, Line, Mark, Panel, Photo, Points, Scale, Table, Text
from senet_viz.drawing.text import number

CELLS = 20_000  # a matrix with more is sent as a picture

Part = tuple[np.ndarray, str, str]  # which bars (n,) bool, their name, their colour


def minus(text: str) -> str:
    """Return the number's text with true minus signs."""
    return text.replace("-", "\u2212")


def times(scale: float) -> str:
    """Return a scale as it is read: 1.5×."""
    return f"{number(scale)}\u00d7"


def table(header: Sequence[str], *columns: Iterable[object]) -> Table:
    """Return the table whose columns stand under this header; arrays become plain numbers.

    Raises:
        ValueError: columns of different lengths, or another number of them than of names.
    """
    plain = (column.tolist() if isinstance(column, np.ndarray) else column for column in columns)
    return Table(tuple(header), tuple(zip(*plain, strict=True)))


def rank(order: np.ndarray, channel: int) -> int:
    """Return the place of a channel in ``order`` (C,)."""
    return int(np.flatnonzero(order == channel)[0])


def carpet(gates: Sequence[np.ndarray], width: int) -> np.ndarray:
    """Return the gates (C,) of B blocks, a row a block, greatest first and stretched to one width: (B, width)."""
    return np.stack([np.sort(gate)[::-1][np.arange(width) * len(gate) // width] for gate in gates])


def picture(values: np.ndarray, scale: Scale, hover: str, title: str, *marks: Mark) -> Panel:
    """Return a panel with one map (H, W), its cells square and without axes, and the marks that lie on it."""
    return Panel((Heat(values, scale, hover), *marks), title, equal=True, axes=False)


def cell(value: float, scale: Scale, hover: str, title: str, size: float) -> Panel:
    """Return one number on a cell of its colour, written in a colour that is read on it in both themes."""
    luminance = scale.paint(np.array(value)).astype(float) @ (0.299, 0.587, 0.114)
    written = Text(0, 0, minus(f"{value:.4f}"), size, "on_light" if luminance > 140 else "on_dark")
    return picture(np.array([[value]]), scale, hover, title, written)


def matrix(values: np.ndarray, scale: Scale, hover: str) -> Heat | Photo:
    """Return weights (rows, columns): numbers under the pointer while they are few, else a picture of them."""
    return Heat(values, scale, hover) if values.size <= CELLS else Photo(scale.paint(values), scale)


def listing(names: Sequence[str], marks: Iterable[Mark], **more: Any) -> Panel:
    """Return a panel with one row a name, the first on top; ``more`` goes to ``Panel``."""
    ticks = tuple((float(i), name) for i, name in enumerate(names))
    return Panel(tuple(marks), y_range=(len(names) - 0.5, -0.5), y_ticks=ticks, **more)


def beside(x: Iterable[float], y: Iterable[float], texts: Iterable[str], size: float = 16) -> list[Mark]:
    """Return each text where it starts: right of the bar or the dot whose number it tells."""
    return [Text(float(a), float(b), text, size, anchor="start") for a, b, text in zip(x, y, texts, strict=True)]


def parted(x: np.ndarray, y: np.ndarray, *parts: Part, **how: Any) -> list[Mark]:
    """Return the bars of each part in its colour; a part without bars gets no place in the legend."""
    return [Bars(x[part], y[part], name, colour, **how) for part, name, colour in parts if part.any()]


def followed(
    values: np.ndarray, place: int, name: str, colour: str, pinned: str, slim: int = 120, lying: bool = False
) -> list[Mark]:
    """Return touching bars (C,), and the one at ``place`` in the pinned colour, at least 1 / ``slim`` of them wide."""
    at = np.arange(len(values))
    (x, y), rest = (values, at) if lying else (at, values), at != place
    return [
        Bars(x[rest], y[rest], name, colour, lying, width=1),
        Bars(x[~rest], y[~rest], pinned, "pinned", lying, width=max(1, len(values) / slim)),
    ]


def stacked(shares: np.ndarray, names: Sequence[str], branches: Iterable[int]) -> list[Mark]:
    """Return the branches' shares (M, C) of every channel on top of each other, the first of ``branches`` lowest."""
    x, base, bars = np.arange(shares.shape[1]), np.zeros(shares.shape[1]), list[Mark]()
    for m in branches:
        bars.append(Bars(x, shares[m], names[m], palette.branch(m), base=base, width=1))
        base = base + shares[m]
    return bars


def pairs(*sets: tuple[np.ndarray, str, str]) -> list[Mark]:
    """Return one or two sets of lying bars, (values (n,), name, colour) each, a row of both beside each other.

    A value that is not a number has no bar.
    """
    bars = list[Mark]()
    for (values, name, colour), shift in zip(sets, (-0.2, 0.2) if len(sets) == 2 else (0.0,), strict=True):
        (known,) = np.nonzero(np.isfinite(values))
        bars.append(Bars(values[known], known + shift, name, colour, horizontal=True, width=0.36))
    return bars


def dotted(x: np.ndarray, y: np.ndarray, name: str, colour: str, width: float = 3, dots: str = "") -> list[Mark]:
    """Return a line with a dot at every number; ``dots`` is the dots' own name."""
    return [Line(x, y, name, colour, width=width), Points(x, y, dots, colour)]
