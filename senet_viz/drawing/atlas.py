"""C feature maps as one picture: a palette PNG of cells, small enough to be sent on every click.

Measured for 64 maps of 56 x 56: as plots 1.25 MB and a second to draw, as one palette PNG 0.1 MB and a tenth of it. The
picture holds one pixel per map cell; the browser enlarges it (``image-rendering: pixelated``). Gaps are transparent.
"""

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from senet_viz.drawing import palette
from senet_viz.drawing.grammar import Scale

LEVELS = (249, 129, 65, 33, 25)  # odd, so that the middle of a diverging ramp, exact 0, has a colour of its own
BITS = 4.8  # bits a budgeted pixel may cost: 72 KB at the default budget
GREY = (128, 128, 128)  # between cells where nothing can be transparent


@dataclass(frozen=True)
class Atlas:
    """An atlas is one picture of maps, ``gap`` pixels apart: ``order[i]`` is at ``divmod(i, columns)``."""

    png: bytes
    columns: int
    rows: int
    cell_w: int
    cell_h: int
    gap: int
    order: tuple[int, ...]
    scale: Scale
    reduced: bool  # cells are area means of larger maps
    levels: int  # how many steps of the scale the picture tells apart

    @property
    def size(self) -> tuple[int, int]:
        """Return (width, height) in pixels."""
        step_x, step_y = self.cell_w + self.gap, self.cell_h + self.gap
        return self.columns * step_x - self.gap, self.rows * step_y - self.gap


def build(
    maps: np.ndarray,
    scale: Scale,
    order: Sequence[int],
    columns: int | None = None,
    cell: int | None = None,
    gap: int = 1,
    budget: int = 120_000,
) -> Atlas:
    """Draw ``maps`` (C, H, W), those named in ``order`` and in that order, as one picture.

    Args:
        scale: colours; numbers beyond its ends take the ends' colours, what is not a number stays transparent.
        columns: cells a row; None looks for a full rectangle, a little wider than high.
        cell: pixels of a cell's longer side at most; None: as many as the map has.
        gap: pixels between cells.
        budget: pixels that all cells together may have; larger maps are averaged down by area.

    Raises:
        ValueError: maps that are not (C, H, W), an empty order, or a channel that does not exist.
    """
    maps = np.asarray(maps)
    if maps.ndim != 3 or 0 in maps.shape:
        raise ValueError(f"maps are (C, H, W); got {maps.shape}")
    chosen = tuple(int(channel) for channel in order)
    if not chosen or min(chosen) < 0 or max(chosen) >= len(maps):
        raise ValueError(f"order must name channels from 0 to {len(maps) - 1}")
    picked = maps[list(chosen)].astype(np.float32)  # (n, H, W)
    small = _shrink(picked, *_cell_size(picked.shape, cell, budget))  # (n, h, w)
    n, h, w = small.shape
    columns = min(columns or _columns(n, w / h), n)
    share = (small - np.float32(scale.low)) / np.float32(scale.high - scale.low)
    rows = math.ceil(n / columns)
    grid = np.full((rows * columns, h + gap, w + gap), np.nan, np.float32)
    grid[:n, :h, :w] = share
    levels, grid = _quantise(grid, BITS / 8 * budget)
    sheet = grid.reshape(rows, columns, h + gap, w + gap).transpose(0, 2, 1, 3)
    sheet = sheet.reshape(rows * (h + gap), columns * (w + gap))[: rows * (h + gap) - gap, : columns * (w + gap) - gap]
    png = _encode(sheet, scale.palette, levels)
    return Atlas(png, columns, rows, w, h, gap, chosen, scale, (h, w) != picked.shape[1:], levels)


def shrunk(maps: np.ndarray, budget: int) -> np.ndarray:
    """Return maps (C, H, W) averaged down by area, so that all together have at most ``budget`` pixels: (C, h, w)."""
    return _shrink(maps.astype(np.float32), *_cell_size(maps.shape, None, budget))


def cell_at(atlas: Atlas, channel: int) -> tuple[int, int]:
    """Return (row, column) of a channel's cell.

    Raises:
        KeyError: the channel is not in this atlas.
    """
    if channel not in atlas.order:
        raise KeyError(channel)
    return divmod(atlas.order.index(channel), atlas.columns)


def rgb(atlas: Atlas) -> np.ndarray:
    """Return the picture as (height, width, 3) uint8, gaps mid-grey: ``Photo(rgb(atlas), atlas.scale)`` for a slide."""
    from PIL import Image

    with Image.open(io.BytesIO(atlas.png)) as image:
        steps = np.asarray(image)
    colours = np.vstack([palette.lut(atlas.scale.palette, atlas.levels), np.array([GREY], np.uint8)])
    return colours[steps]


def _cell_size(shape: tuple[int, ...], cell: int | None, budget: int) -> tuple[int, int]:
    n, height, width = shape
    fit = min(1.0, math.sqrt(budget / (n * height * width)), (cell or math.inf) / max(height, width))
    return max(1, int(height * fit + 1e-9)), max(1, int(width * fit + 1e-9))


def _columns(n: int, aspect: float) -> int:
    """Return the columns of a picture near 4:3; fewest empty cells first."""
    ideal = math.sqrt(n * 4 / 3 / aspect)
    near = range(max(1, math.ceil(ideal * 0.7)), max(1, math.floor(ideal * 1.5)) + 1)
    return min(near, key=lambda c: (-n % c, abs(math.log(c / ideal))), default=max(1, round(ideal)))


def _shrink(maps: np.ndarray, height: int, width: int) -> np.ndarray:
    """Return (n, H, W) -> (n, height, width) by area mean; nothing is copied where nothing shrinks."""
    if maps.shape[1:] == (height, width):
        return maps
    return _means(maps.shape[1], height) @ maps @ _means(maps.shape[2], width).T


def _means(size: int, parts: int) -> np.ndarray:
    """Return a (parts, size) matrix whose row i averages the i-th of ``parts`` equal stretches of ``size`` cells."""
    edges = np.linspace(0, size, parts + 1)
    cells = np.arange(size)
    share = np.minimum(edges[1:, None], cells + 1) - np.maximum(edges[:-1, None], cells)
    return (np.clip(share, 0, None) * parts / size).astype(np.float32)


def _quantise(share: np.ndarray, limit: float) -> tuple[int, np.ndarray]:
    """Return as many levels as fit, and the steps of them; nan is step ``levels``.

    Deflate spends at most about the entropy of the histogram, repetition only saves: no need to try.
    """
    blank = np.isnan(share)
    clipped = np.clip(np.where(blank, 0, share), 0, 1)
    for levels in LEVELS:
        steps = np.rint(clipped * (levels - 1)).astype(np.uint8)
        steps[blank] = levels
        counts = np.bincount(steps.ravel())
        odds = counts[counts > 0] / steps.size
        if -(odds * np.log2(odds)).sum() / 8 * steps.size <= limit:
            break
    return levels, steps


def _encode(sheet: np.ndarray, ramp: str, levels: int) -> bytes:
    from PIL import Image

    image = Image.fromarray(np.ascontiguousarray(sheet), mode="P")
    image.putpalette(palette.lut(ramp, levels).tobytes() + bytes(GREY))
    file = io.BytesIO()
    image.save(file, "PNG", transparency=levels, compress_level=6)
    return file.getvalue()
