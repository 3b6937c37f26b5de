"""Draw a figure as a file for a slide: PNG, SVG, PDF by matplotlib (no browser, no pyplot), CSV from its table.

A slide is 16:9, 13.333 x 7.5 inches. It is placed by the same ``layout`` as the screen, so it shows what the screen
showed: the same panels, numbers, colours and ranges.

Longer than 250 lines: the page around the panels (title, note, source, settings) is this renderer's own.
"""

import hashlib
import io
import re
import threading
from collections.abc import Callable, Sequence
from collections.abc import Set as Collection
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from senet_viz.drawing import palette
from senet_viz.drawing.grammar import Arrow, Bars, Box, Figure, Heat, Line, Mark, Photo, Points, Rule, Scale, Text
from senet_viz.drawing.placed import PlacedAxis, PlacedBar, PlacedMark, PlacedPanel, Rect, outlines
from senet_viz.drawing.renderers.fonts import FALLBACK, FAMILIES, font_for, spelt, stretch, words
from senet_viz.drawing.renderers.paper import EDGE, NOTE, SOURCE, TITLE, Paper, paper
from senet_viz.drawing.text import HEADING, ITEM, SIZE, SMALL, number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure as MplFigure
    from matplotlib.font_manager import FontEntry

MIMES = {"png": "image/png", "svg": "image/svg+xml", "pdf": "application/pdf", "csv": "text/csv"}
INCHES = (40 / 3, 7.5)
DPI = 192  # twice 96: 2560 x 1440
ANCHORS = {"start": "left", "middle": "center", "end": "right"}  # the grammar's words in matplotlib's
NO_FONT = "No installed font covers this language, so the slide is in English."
NO_GLYPH = "Characters that no installed font has are shown as question marks."

# matplotlib's settings are global and its font cache is not made for threads: one slide at a time
_LOCK = threading.Lock()


@dataclass(frozen=True)
class Slide:
    """A slide is a file to take away. ``note`` says what differs from the screen, if anything does."""

    data: bytes
    mime: str
    name: str
    note: str | None = None


def render(
    build: Callable[[str], Figure],
    fmt: str,
    lang: str = "en",
    dark: bool = False,
    fonts: "Sequence[FontEntry] | None" = None,
) -> Slide:
    """Return a figure as a file.

    Args:
        build: makes the figure in a language; called with ``"en"`` where no font can write ``lang``.
        fmt: ``"png"`` (2560 x 1440), ``"svg"``, ``"pdf"`` or ``"csv"`` (UTF-8 with a mark, so that Excel reads it).
        fonts: to choose from; None: the installed ones.

    Raises:
        ValueError: another format.
    """
    if fmt not in MIMES:
        raise ValueError(f"format must be one of {', '.join(MIMES)}; got {fmt!r}")
    figure, note = build(lang), None
    if fmt == "csv":
        data = figure.table.csv()
    else:
        family = font_for(words(figure), fonts)
        if family is None and lang != "en":
            figure, note = build("en"), NO_FONT
            family = font_for(words(figure), fonts)
        if family is None:
            figure, missing = spelt(figure)
            note = note or (NO_GLYPH if missing else None)
        data = _save(figure, fmt, dark, family or FALLBACK)
    slug = re.sub(r"[^a-z0-9]+", "-", figure.key.lower()).strip("-") or "figure"
    return Slide(data, MIMES[fmt], f"{slug}-{hashlib.sha256(data).hexdigest()[:8]}.{fmt}", note)


def _save(figure: Figure, fmt: str, dark: bool, family: str) -> bytes:
    import matplotlib

    metadata: dict[str, dict[str, Any]] = {
        "png": {"Title": figure.title, "Description": figure.alt},
        "svg": {"Title": figure.title, "Description": figure.alt, "Date": None},
        "pdf": {"Title": figure.title, "Subject": figure.alt, "CreationDate": None},
    }
    file = io.BytesIO()
    with _LOCK, matplotlib.rc_context():
        matplotlib.rcdefaults()
        settings: Any = matplotlib.rcParams  # whose keys are a type of their own
        settings.update(_style(dark, family, figure.key, fmt))
        draw(figure, dark).savefig(file, format=fmt, dpi=DPI, metadata=metadata[fmt])
    return file.getvalue()


def _style(dark: bool, family: str, salt: str, fmt: str) -> dict[str, Any]:
    ink, muted = palette.role("ink", dark), palette.role("muted", dark)
    own = [family, FALLBACK] if family != FALLBACK else [FALLBACK]
    return {
        # who opens an SVG may have other fonts: the generic name stands for all that were made for this
        "font.family": [*own, "sans-serif"] if fmt == "svg" else own,
        "font.sans-serif": [name for name in FAMILIES if name not in own],
        "text.color": ink,
        "text.parse_math": False,  # a dollar is a dollar
        "axes.labelcolor": ink,
        "xtick.color": muted,
        "ytick.color": muted,
        "figure.facecolor": palette.background(dark),
        "savefig.facecolor": palette.background(dark),
        "axes.facecolor": "none",
        "svg.hashsalt": salt,
        "svg.fonttype": "none",  # words that can be searched, read aloud and edited
    }


def draw(figure: Figure, dark: bool = False) -> "MplFigure":
    """Return the slide as a matplotlib figure, under the settings that are in force; ``render`` makes the file."""
    from matplotlib.figure import Figure as MplFigure

    page = paper(figure, stretch())
    sheet, height = _Sheet(MplFigure(figsize=INCHES), page, dark), page.height
    sheet.words(page.title, EDGE, EDGE * 0.8, TITLE, va="top", weight="bold")
    muted = palette.role("muted", dark)
    sheet.words(page.note, EDGE, height - page.floor, NOTE, va="bottom", color=muted)
    for i, (line, url) in enumerate(page.small, start=1 - len(page.small)):  # read from above
        sheet.words([line], EDGE, height - EDGE * 0.8 + SOURCE * 1.35 * i, SOURCE, va="bottom", color=muted, url=url)
    sheet.draw()
    return sheet.page


class Piece(NamedTuple):
    """A piece is a picture of part of a page: of panel ``n``, or (None) of the colour bar of that ``name``."""

    n: int | None
    name: str
    rect: Rect
    png: bytes


def cut(page: Paper, dark: bool, panels: Collection[int], barred: Collection[int]) -> list[Piece]:
    """Return pictures of single panels, without the words above them, and of the colour bars of those ``barred``."""
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as MplFigure
    from matplotlib.transforms import Bbox
    from PIL import Image

    figure = page.placed.figure
    family = font_for(words(figure)) or FALLBACK
    with _LOCK, matplotlib.rc_context():
        matplotlib.rcdefaults()
        settings: Any = matplotlib.rcParams
        settings.update(_style(dark, family, figure.key, "png") | {"figure.facecolor": "none"})
        sheet = _Sheet(MplFigure(figsize=INCHES, dpi=DPI), page, dark)
        canvas = FigureCanvasAgg(sheet.page)
        found: list[tuple[int | None, str, Sequence[Any]]] = []
        for panel in page.placed.panels:
            if panel.n in panels:
                sheet.panel(replace(panel, heading=(), legend=None))
                found.append((panel.n, "", sheet.page.axes[-1:]))
        for bar in page.placed.bars:
            if not barred.isdisjoint(bar.panels):
                said = sheet.bar(bar)
                found.append((None, " ".join(bar.name), [sheet.page.axes[-1], said]))
        canvas.draw()
        pixels, unit = np.asarray(canvas.buffer_rgba()), page.placed.width / (INCHES[0] * DPI)
        height, width = pixels.shape[:2]
        boxes = [Bbox.union([part.get_tightbbox(canvas.get_renderer()) for part in parts]) for *_, parts in found]
    pieces = []
    for (n, name, _), box in zip(found, boxes, strict=True):
        x0, x1 = (int(np.clip(at, 0, width)) for at in (box.x0 - 1, box.x1 + 2))
        y0, y1 = (int(np.clip(at, 0, height)) for at in (height - box.y1 - 1, height - box.y0 + 2))
        file = io.BytesIO()
        Image.fromarray(pixels[y0:y1, x0:x1]).save(file, "PNG")
        rect = Rect(x0 * unit, y0 * unit, (x1 - x0) * unit, (y1 - y0) * unit)
        pieces.append(Piece(n, name, rect, file.getvalue()))
    return pieces


class _Sheet:
    """A sheet is one page of matplotlib; lengths are the layout's, ``zoom`` of them to a point."""

    def __init__(self, page: "MplFigure", paper: Paper, dark: bool) -> None:
        self.page, self.placed, self.dark = page, paper.placed, dark
        self.height, self.zoom, self.drop = paper.height, paper.zoom, paper.drop

    def draw(self) -> None:
        """Draw panels, the legend of them all and the colour bars."""
        listed = [artist for panel in self.placed.panels for artist in self.panel(panel)]
        legend = self.placed.legend
        if legend:
            left, bottom = EDGE / self.placed.width, 1 - (legend.bottom + self.drop) / self.height
            columns = -(-len(legend.names) // legend.lines)
            self.page.legend(handles=listed, ncols=columns, **self._legend(left, bottom))
        for bar in self.placed.bars:
            self.bar(bar)

    def words(self, lines: Sequence[str], x: float, y: float, size: float, **style: Any) -> Any:
        """Write lines at a point of the page, measured from its upper left corner; return the text."""
        look: dict[str, Any] = {"ha": "left", "linespacing": 1.25, "fontsize": size / self.zoom}
        return self.page.text(x / self.placed.width, 1 - y / self.height, "\n".join(lines), **(look | style))

    def say(
        self,
        axes: "Axes",
        text: str,
        at: tuple[float, float],
        size: float,
        shift: tuple[float, float] = (0, 0),
        **style: Any,
    ) -> None:
        """Write text at a point of the axes, ``shift`` away from it, above everything else."""
        look: dict[str, Any] = {"xycoords": "data", "textcoords": "offset points", "annotation_clip": False}
        look |= {"fontsize": size / self.zoom, "linespacing": 1.2, "zorder": 7}
        axes.annotate(text, at, (shift[0] / self.zoom, shift[1] / self.zoom), **(look | style))

    def _axes(self, rect: Rect) -> "Axes":
        bottom = 1 - (rect.top + self.drop + rect.height) / self.height
        width, height = rect.width / self.placed.width, rect.height / self.height
        axes = self.page.add_axes((rect.left / self.placed.width, bottom, width, height))
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0, pad=5 / self.zoom, labelsize=SMALL / self.zoom)
        return axes

    def _legend(self, x: float, y: float) -> dict[str, Any]:
        return {
            "loc": "lower left",
            "bbox_to_anchor": (x, y),
            "frameon": False,
            "borderpad": 0,
            "borderaxespad": 0.3,
            "fontsize": SMALL / self.zoom,
            "handlelength": 1.5,
            "handleheight": 0.8,
            "handletextpad": 0.5,
            "columnspacing": 1.4,
            "labelspacing": ITEM / SMALL - 1.25,
        }

    def panel(self, panel: PlacedPanel) -> list[Any]:
        """Draw a panel and return the marks that the legend lists."""
        axes, legend = self._axes(panel.fitted), panel.legend
        limits = {"xlim": panel.x.limits, "ylim": panel.y.limits}
        axes.set(**limits)
        drawn = [(DRAW[type(placed.mark)](self, axes, placed.mark, placed), placed) for placed in panel.marks]
        listed = [artist for artist, placed in drawn if placed.listed]
        axes.set(**limits)  # images reset them
        axes.set_axisbelow(True)
        self._ruler(axes.xaxis, panel, panel.x, axes.axvline)
        self._ruler(axes.yaxis, panel, panel.y, axes.axhline)
        size = SIZE / self.zoom
        axes.set_xlabel("\n".join(panel.x.name), fontsize=size, labelpad=4 / self.zoom)
        axes.set_ylabel("\n".join(panel.y.name), fontsize=size, labelpad=6 / self.zoom)
        if legend:
            style = self._legend(0, 1 + (panel.fitted.top - legend.bottom) / panel.fitted.height)
            style["borderaxespad"] = 0.3 if legend.upright else 0.2
            axes.legend(handles=listed, ncols=1 if legend.upright else len(legend.names), **style)
        if panel.heading:
            shift = 0, panel.rise + (3 if legend else 7)
            look = {"xycoords": "axes fraction", "weight": "bold", "va": "bottom", "zorder": 3}
            self.say(axes, "\n".join(panel.heading), (0, 1), HEADING, shift, **look)
        return listed

    def _ruler(self, axis: "Axis", panel: PlacedPanel, placed: PlacedAxis, line: Callable[..., Any]) -> None:
        from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

        if panel.panel.bare:
            axis.set_major_locator(NullLocator())
        elif placed.ticks is not None:
            axis.set_major_locator(FixedLocator([at for at, _ in placed.ticks]))
            axis.set_ticklabels([label for _, label in placed.ticks])
        else:
            axis.set_major_locator(MaxNLocator(placed.most, steps=[1, 2, 5, 10], integer=panel.panel.celled))
            axis.set_major_formatter(FuncFormatter(lambda value, _: number(value, 5)))
        if placed.lean:
            for label in axis.get_ticklabels():
                label.set(rotation=45, ha="right", va="top", rotation_mode="anchor")
        if panel.lined:
            axis.grid(True, color=palette.role("grid", self.dark), linewidth=1 / self.zoom)
        if placed.zero and min(placed.limits) <= 0 <= max(placed.limits):
            muted = palette.role("muted", self.dark)
            line(0, color=muted, linewidth=1 / self.zoom, zorder=0.9, clip_on=False)

    def bar(self, bar: PlacedBar) -> Any:
        """Draw a colour bar with its name and its range; return the text of its name."""
        from matplotlib.ticker import FixedLocator, NullLocator

        axes, scale, rect = self._axes(bar.rect), bar.scale, bar.rect
        ramp = np.linspace(scale.low, scale.high, 256)
        extent = (scale.low, scale.high, 0, 1) if bar.lying else (0, 1, scale.low, scale.high)
        look: dict[str, Any] = {"extent": extent, "origin": "lower", "aspect": "auto"}
        axes.imshow(ramp[None] if bar.lying else ramp[:, None], **_colours(scale), **look)
        along, across = (axes.xaxis, axes.yaxis) if bar.lying else (axes.yaxis, axes.xaxis)
        across.set_major_locator(NullLocator())
        along.set_major_locator(FixedLocator([at for at, _ in bar.ticks]))
        along.set_ticklabels([label for _, label in bar.ticks])
        axes.tick_params(length=4 / self.zoom, width=1 / self.zoom, color=palette.role("muted", self.dark))
        axes.tick_params(labelcolor=palette.role("ink", self.dark), pad=3 / self.zoom)
        if bar.lying:
            middle, below = rect.left + rect.width / 2, rect.foot + self.drop + 28
            return self.words(bar.name, middle, below, SMALL, va="top", ha="center")
        axes.yaxis.tick_right()
        return self.words(bar.name, rect.left, rect.top + self.drop - 10, SMALL, va="bottom")


def _photo(sheet: _Sheet, axes: "Axes", mark: Photo, placed: PlacedMark) -> None:
    smooth = "nearest" if mark.scale else "auto"  # painted pixels must keep their colours: no mixing with neighbours
    axes.imshow(mark.rgb, interpolation=smooth, aspect="auto", zorder=1)


def _heat(sheet: _Sheet, axes: "Axes", mark: Heat, placed: PlacedMark) -> None:
    axes.imshow(mark.values, **_colours(mark.scale), interpolation="nearest", aspect="auto", zorder=1)


def _bars(sheet: _Sheet, axes: "Axes", mark: Bars, placed: PlacedMark) -> Any:
    at, colour = placed.at[mark.horizontal], palette.role(mark.colour, sheet.dark)
    seam = 0.4 if at.size > 64 or mark.width is not None else 0.0  # covers the hairlines between touching bars
    look: dict[str, Any] = {"color": colour, "label": mark.name, "zorder": 2, "edgecolor": colour, "linewidth": seam}
    if mark.horizontal:
        return axes.barh(at, mark.lengths, mark.widths(at), left=mark.bases, **look)
    return axes.bar(at, mark.lengths, mark.widths(at), bottom=mark.bases, **look)


def _line(sheet: _Sheet, axes: "Axes", mark: Line, placed: PlacedMark) -> Any:
    look: dict[str, Any] = {"linestyle": (0, (4, 2)) if mark.dash else "-", "linewidth": mark.width / sheet.zoom}
    colour = palette.role(mark.colour, sheet.dark)
    return axes.plot(*placed.at, color=colour, label=mark.name, zorder=3, **look)[0]


def _points(sheet: _Sheet, axes: "Axes", mark: Points, placed: PlacedMark) -> Any:
    look: dict[str, Any] = {"color": palette.role(mark.colour, sheet.dark), "edgecolor": palette.background(sheet.dark)}
    look |= {"s": (10 / sheet.zoom) ** 2, "linewidth": 1.5 / sheet.zoom, "clip_on": False}
    return axes.scatter(*placed.at, label=mark.name, zorder=4, **look)


def _rule(sheet: _Sheet, axes: "Axes", mark: Rule, placed: PlacedMark) -> None:
    line, colour = axes.axvline if mark.axis == "x" else axes.axhline, palette.role(mark.colour, sheet.dark)
    line(mark.at, color=colour, linewidth=1.5 / sheet.zoom, linestyle=(0, (5, 4)), zorder=5)
    label = placed.label
    if label and mark.axis == "x":
        side: dict[str, Any] = {"ha": ANCHORS[label.anchor], "va": "bottom", "xycoords": ("data", "axes fraction")}
        sheet.say(axes, label.text, (mark.at, 1), SMALL, (0, label.rise), color=colour, **side)
    elif label:
        side = {"ha": "left", "va": "center", "xycoords": "axes fraction"}
        sheet.say(axes, label.text, (1, label.share), SMALL, (6, 0), color=colour, **side)


def _box(sheet: _Sheet, axes: "Axes", mark: Box, placed: PlacedMark) -> None:
    from matplotlib.patches import Rectangle

    look: dict[str, Any] = {"fill": mark.filled, "zorder": 6, "clip_on": False}
    if mark.filled:
        look["facecolor"] = palette.tint(mark.colour, sheet.dark)
    place = (mark.x0, mark.y0), mark.x1 - mark.x0, mark.y1 - mark.y0
    for width, colour in outlines(mark, sheet.dark):
        axes.add_patch(Rectangle(*place, linewidth=width / sheet.zoom, edgecolor=colour, **look))


def _text(sheet: _Sheet, axes: "Axes", mark: Text, placed: PlacedMark) -> None:
    look: dict[str, Any] = {"ha": ANCHORS[mark.anchor], "va": "center", "color": palette.role(mark.colour, sheet.dark)}
    sheet.say(axes, mark.text, (mark.x, mark.y), mark.size, **look)


def _arrow(sheet: _Sheet, axes: "Axes", mark: Arrow, placed: PlacedMark) -> None:
    look: dict[str, Any] = {"arrowstyle": "-|>", "color": palette.role(mark.colour, sheet.dark)}
    look |= {"linewidth": 2 / sheet.zoom, "mutation_scale": 16 / sheet.zoom, "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", (mark.x1, mark.y1), (mark.x0, mark.y0), arrowprops=look, annotation_clip=False)


# (sheet, axes, mark, placed) -> what stands for the mark in a legend
DRAW: dict[type[Mark], Callable[..., Any]] = {
    Photo: _photo, Heat: _heat, Bars: _bars, Line: _line, Points: _points, Rule: _rule, Box: _box, Text: _text,
    Arrow: _arrow,
}  # fmt: skip


def _colours(scale: Scale) -> dict[str, Any]:
    from matplotlib.colors import ListedColormap, Normalize

    cmap = ListedColormap(palette.lut(scale.palette) / 255.0, name=scale.palette)
    return {"cmap": cmap.with_extremes(bad=(0, 0, 0, 0)), "norm": Normalize(scale.low, scale.high)}
