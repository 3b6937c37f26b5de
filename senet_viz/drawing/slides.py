"""A figure as a file for a slide or a sheet: PNG, SVG, PDF by matplotlib (no browser, no pyplot), CSV from its table.

A slide is 16:9, 13.333 x 7.5 inches. It is laid out by the same ``Layout`` as the screen, so it shows what the screen
showed: the same panels, numbers, colours and ranges.
"""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import io
import re
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from senet_viz.drawing import palette
from senet_viz.drawing.grammar import (
    Arrow,
    Bars,
    Box,
    Figure,
    Heat,
    Hist,
    Line,
    Mark,
    Panel,
    Photo,
    Points,
    Rule,
    Scale,
    Table,
    Text,
)
from senet_viz.drawing.layout import Layout
from senet_viz.drawing.text import BOLD, FRAME, HALO, HEADING, ITEM, SIZE, SMALL, ems, number, wrap

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as MplFigure
    from matplotlib.font_manager import FontEntry

MIMES = {"png": "image/png", "svg": "image/svg+xml", "pdf": "application/pdf", "csv": "text/csv"}
INCHES = (40 / 3, 7.5)
DPI = 192  # twice 96: 2560 x 1440
POINTS = (960.0, 540.0)  # the page in points
ZOOMS = (0.9, 1.0, 1.15, 1.35, 1.6, 2.0)  # how many points of layout go on a point of page; the first that fits
EDGE, TITLE, NOTE, SOURCE = 36, 27, 14, 9.5  # points: margin, sizes of title, note and source
ANCHORS = {"start": "left", "middle": "center", "end": "right"}  # the grammar's words in matplotlib's
FALLBACK = "DejaVu Sans"  # comes with matplotlib; Greek and mathematical signs
FAMILIES = (  # Latin first: Chinese fonts set some mathematical signs twice as wide
    "Source Sans 3",
    "Noto Sans",
    "Helvetica Neue",
    "Arial",
    "Liberation Sans",
    FALLBACK,
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "Source Han Sans SC",
    "Source Han Sans CN",
    "PingFang SC",
    "Hiragino Sans GB",
    "Microsoft YaHei",
    "Heiti SC",
    "STHeiti",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "SimHei",
    "Droid Sans Fallback",
    "Arial Unicode MS",
)
NO_FONT = "No installed font covers this language, so the slide is in English."
NO_GLYPH = "Characters that no installed font has are shown as question marks."

# matplotlib's settings are global and its font cache is not made for threads: one slide at a time
_LOCK = threading.Lock()


@dataclass(frozen=True)
class Slide:
    """A file to take away. ``note`` says what differs from the screen, if anything does."""

    data: bytes
    mime: str
    name: str
    note: str | None = None


def render(
    build: Callable[[str], Figure],
    fmt: str,
    lang: str = "en",
    dark: bool = False,
    fonts: Sequence[FontEntry] | None = None,
) -> Slide:
    """Make the file.

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
        data = table_csv(figure.table)
    else:
        family = font_for(_words(figure), fonts)
        if family is None and lang != "en":
            figure, note = build("en"), NO_FONT
            family = font_for(_words(figure), fonts)
        if family is None:
            figure, missing = _spelt(figure)
            note = note or (NO_GLYPH if missing else None)
        data = _save(figure, fmt, dark, family or FALLBACK)
    slug = re.sub(r"[^a-z0-9]+", "-", figure.key.lower()).strip("-") or "figure"
    return Slide(data, MIMES[fmt], f"{slug}-{hashlib.sha256(data).hexdigest()[:8]}.{fmt}", note)


def table_csv(table: Table) -> bytes:
    """The table as CSV; every number keeps all its digits."""
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow(map(_cell, table.header))
    writer.writerows(map(_cell, row) for row in table.rows)
    return file.getvalue().encode("utf-8-sig")


def font_for(text: str, fonts: Sequence[FontEntry] | None = None) -> str | None:
    """The first family of ``FAMILIES`` that can write all of ``text``, with ``FALLBACK`` helping out; None: none can.

    A family counts only if each of its faces has the characters, since regular and bold may be drawn.
    """
    from matplotlib import font_manager

    faces: dict[str, list[FontEntry]] = {}
    for face in font_manager.fontManager.ttflist if fonts is None else fonts:
        if face.style == "normal":
            faces.setdefault(face.name, []).append(face)
    needed = np.unique([ord(c) for c in text if c not in "\n\t"]).astype(np.uint32)
    for face in faces.get(FALLBACK, ()):
        needed = needed[~np.isin(needed, _charmap(face.fname, getattr(face, "index", 0)))] if needed.size else needed
    for family in FAMILIES:
        if family in faces and all(
            np.isin(needed, _charmap(face.fname, getattr(face, "index", 0))).all() for face in faces[family]
        ):
            return family
    return None


@lru_cache(maxsize=64)
def _charmap(path: str, index: int) -> np.ndarray:
    """The characters that a face of a font file has, as code points."""
    from matplotlib import ft2font

    # older matplotlibs know only the first face of a collection
    face = ft2font.FT2Font(path, face_index=index) if index else ft2font.FT2Font(path)
    return np.fromiter(face.get_charmap(), np.uint32)


def _words(figure: Figure) -> str:
    """Every text that a figure writes on the page, in one string."""
    found: list[str] = []

    def keep(text: str) -> str:
        found.append(text)
        return text

    _rewrite(figure, keep)
    return "".join(found)


def _spelt(figure: Figure) -> tuple[Figure, bool]:
    """The figure with a question mark for every character that ``FALLBACK`` has not, and whether there was one."""
    from matplotlib import font_manager

    known = set(_charmap(font_manager.findfont(FALLBACK), 0).tolist()) | {ord("\n")}
    spelt = _rewrite(figure, lambda text: "".join(c if ord(c) in known else "?" for c in text))
    return spelt, _words(spelt) != _words(figure)


def _rewrite(thing: Any, change: Callable[[str], str]) -> Any:
    """A copy with every text that is written on the page changed."""
    if isinstance(thing, str):
        return change(thing)
    if isinstance(thing, np.ndarray) and thing.dtype.kind in "UO":
        return np.array([change(str(text)) for text in thing])
    if isinstance(thing, tuple | list):
        return tuple(_rewrite(part, change) for part in thing)
    if not dataclasses.is_dataclass(thing) or isinstance(thing, Table):
        return thing
    kept = {"alt", "key", "link", "colour", "palette", "axis", "anchor"}
    fields = [field.name for field in dataclasses.fields(thing) if field.name not in kept]
    return dataclasses.replace(thing, **{name: _rewrite(getattr(thing, name), change) for name in fields})  # type: ignore[type-var]


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float | np.floating):
        return str(value) if isinstance(value, np.floating) else repr(value)
    text = str(value)
    # a spreadsheet must not take a file's or a class's name for a formula
    return f"'{text}" if isinstance(value, str) and text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


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


def draw(figure: Figure, dark: bool = False) -> MplFigure:
    """The slide as a matplotlib figure, under whatever settings are in force; ``render`` is the way to a file."""
    from matplotlib.figure import Figure as MplFigure

    page = MplFigure(figsize=INCHES)
    stretch = _stretch()
    for zoom in ZOOMS:
        width, height = POINTS[0] * zoom, POINTS[1] * zoom
        title = wrap(figure.title, (width - 2 * EDGE) / (TITLE * BOLD * stretch))
        note = wrap(figure.note, (width - 2 * EDGE) / (NOTE * stretch)) if figure.note else []
        top = EDGE * 0.8 + (TITLE * 1.25 * len(title) + 10 if figure.title else 0)
        small: list[tuple[str, str | None]] = [
            (line, None) for line in wrap(figure.source, (width - 2 * EDGE) / (SOURCE * stretch)) if line
        ]
        small += [(line, figure.link) for line in _broken(figure.link, 0.85 * (width - 2 * EDGE) / (SOURCE * stretch))]
        floor = EDGE * 0.8 + (SOURCE * 1.35 * len(small) + 4 if small else 0)
        bottom = floor + (NOTE * 1.4 * len(note) + 8 if note else 0)
        layout = Layout(figure, width, height, top, bottom, EDGE, stretch)
        if layout.height <= height + 0.5:
            break
    sheet = _Sheet(page, layout, dark, height, zoom)
    sheet.words("\n".join(title), EDGE, EDGE * 0.8, TITLE, va="top", weight="bold")
    muted = palette.role("muted", dark)
    sheet.words("\n".join(note), EDGE, height - floor, NOTE, va="bottom", color=muted)
    for i, (line, link) in enumerate(small, start=1 - len(small)):  # read from above
        sheet.words(line, EDGE, height - EDGE * 0.8 + SOURCE * 1.35 * i, SOURCE, va="bottom", color=muted, url=link)
    sheet.figure(figure)
    return page


def _broken(link: str, width: float) -> list[str]:
    """An address in lines of at most ``width`` ems of ordinary text, broken before its parameters."""
    lines = [""] if link else []
    for piece in re.split(r"(?=[?&])", link) if link else ():
        if lines[-1] and ems(lines[-1] + piece) > width:
            lines.append("")
        lines[-1] += piece
    return lines


def _stretch() -> float:
    """How much wider than reckoned the font in force writes; never less than 1, since Chinese is reckoned exactly."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextToPath

    sample = "Squeeze, excite, rescale: channel 0123456789"
    width, _, _ = TextToPath().get_text_width_height_descent(sample, FontProperties(size=100), False)
    return max(1.0, width / 100 / ems(sample))


class _Sheet:
    """One page of matplotlib; lengths are the layout's, ``zoom`` of them to a point."""

    def __init__(self, page: MplFigure, layout: Layout, dark: bool, height: float, zoom: float) -> None:
        self.page, self.layout, self.dark, self.height, self.zoom = page, layout, dark, height, zoom
        self.drop = max(0.0, (height - layout.height) / 2)  # what the layout leaves empty goes above and below

    def figure(self, figure: Figure) -> None:
        common: dict[str, Any] = {}
        for r, row in enumerate(figure.rows):
            for c, panel in enumerate(row):
                axes = self.panel(panel, r, c)
                common |= {h.get_label(): h for h in self._handles(axes, figure.common)}
        if common:
            left, bottom = EDGE / self.layout.width, 1 - (self.layout.top + self.drop) / self.height
            lines = self.layout.common
            self.page.legend(
                handles=list(common.values()), ncols=-(-len(common) // lines), **self._legend(left, bottom)
            )
        for scale, _, rect in self.layout.bars():
            self.bar(scale, *rect)

    def words(self, text: str, x: float, y: float, size: float, **style: Any) -> None:
        """Text at a point of the page, measured from its upper left corner."""
        look: dict[str, Any] = {"ha": "left", "linespacing": 1.25, "fontsize": size / self.zoom}
        self.page.text(x / self.layout.width, 1 - y / self.height, text, **(look | style))

    def _axes(self, left: float, top: float, width: float, height: float) -> Axes:
        bottom = 1 - (top + self.drop + height) / self.height
        rect = (left / self.layout.width, bottom, width / self.layout.width, height / self.height)
        axes = self.page.add_axes(rect)
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

    @staticmethod
    def _handles(axes: Axes, names: Iterable[str]) -> list[Any]:
        handles, labels = axes.get_legend_handles_labels()
        listed = dict(zip(reversed(labels), reversed(handles), strict=True))  # the first of a name stands for it
        return [listed[name] for name in names if name in listed]

    # panels ---------------------------------------------------------------------------------------------------------

    def panel(self, panel: Panel, r: int, c: int) -> Axes:
        axes = self._axes(*self.layout.fitted(r, c))
        axes.set_xlim(*panel.limits[0])
        axes.set_ylim(*panel.limits[1])
        for mark in panel.marks:
            self._draw(axes, mark, panel, r, c)
        axes.set_xlim(*panel.limits[0])  # images reset them
        axes.set_ylim(*panel.limits[1])
        self._rulers(axes, panel, c)
        lines, over = self.layout.legend(panel, c), self.layout.over(panel, c)
        tall = self.layout.legend_height(panel, c) + over
        if lines:
            style = self._legend(0, 1 + over / self.layout.fitted(r, c)[3]) | (
                {} if lines > 1 else {"borderaxespad": 0.2}
            )
            axes.legend(handles=self._handles(axes, panel.names), ncols=len(panel.names) if lines == 1 else 1, **style)
        if panel.title:
            axes.annotate(
                "\n".join(self.layout.heading(panel, c)),
                (0, 1),
                (0, (tall + (3 if lines else 7)) / self.zoom),
                xycoords="axes fraction",
                textcoords="offset points",
                fontsize=HEADING / self.zoom,
                weight="bold",
                va="bottom",
                linespacing=1.2,
                annotation_clip=False,
            )
        return axes

    def _rulers(self, axes: Axes, panel: Panel, c: int) -> None:
        from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

        muted = palette.role("muted", self.dark)
        lined = not panel.bare and not panel.celled
        axes.set_axisbelow(True)
        for name, axis in (("x", axes.xaxis), ("y", axes.yaxis)):
            ticks, lean = self.layout.labels(panel, name, c)
            if panel.bare:
                axis.set_major_locator(NullLocator())
            elif ticks is not None:
                axis.set_major_locator(FixedLocator([at for at, _ in ticks]))
                axis.set_ticklabels([label for _, label in ticks])
            else:
                axis.set_major_locator(
                    MaxNLocator(self.layout.most(name, c), steps=[1, 2, 5, 10], integer=panel.celled)
                )
                axis.set_major_formatter(FuncFormatter(lambda value, _: number(value, 5)))
            if lean:
                for label in axis.get_ticklabels():
                    label.set(rotation=45, ha="right", va="top", rotation_mode="anchor")
            if lined:
                axis.grid(True, color=palette.role("grid", self.dark), linewidth=1 / self.zoom)
            low, high = sorted(panel.limits[name == "y"])
            if panel.zeroed(name) and low <= 0 <= high:
                line = axes.axvline if name == "x" else axes.axhline
                line(0, color=muted, linewidth=1 / self.zoom, zorder=0.9, clip_on=False)
        size = SIZE / self.zoom
        if panel.x:
            axes.set_xlabel(panel.x, fontsize=size, labelpad=4 / self.zoom)
        if panel.y:
            axes.set_ylabel(panel.y, fontsize=size, labelpad=6 / self.zoom)

    def _draw(self, axes: Axes, mark: Mark, panel: Panel, r: int, c: int) -> None:
        if isinstance(mark, Photo):
            # painted pixels must keep their colours: no mixing with neighbours
            smooth = "nearest" if mark.scale else "auto"
            axes.imshow(mark.rgb, interpolation=smooth, aspect="auto", zorder=1)
            return
        if isinstance(mark, Heat):
            cmap, norm = _colours(mark.scale)
            axes.imshow(mark.values, cmap=cmap, norm=norm, interpolation="nearest", aspect="auto", zorder=1)
            return
        colour, unit = palette.role(mark.colour, self.dark), 1 / self.zoom
        halo = palette.background(self.dark)
        if isinstance(mark, Hist | Bars):
            _draw_bars(axes, mark.bars if isinstance(mark, Hist) else mark, panel, colour)
        elif isinstance(mark, Line):
            style: Any = (0, (4, 2)) if mark.dash else "-"
            x, y = panel.at("x", mark.x), panel.at("y", mark.y)
            axes.plot(x, y, color=colour, linewidth=mark.width * unit, linestyle=style, label=mark.name, zorder=3)
        elif isinstance(mark, Points):
            x, y = panel.at("x", mark.x), panel.at("y", mark.y)
            look: dict[str, Any] = {"color": colour, "edgecolor": halo, "linewidth": 1.5 * unit, "clip_on": False}
            axes.scatter(x, y, s=(10 * unit) ** 2, label=mark.name, zorder=4, **look)
        elif isinstance(mark, Rule):
            line = axes.axvline if mark.axis == "x" else axes.axhline
            line(mark.at, color=colour, linewidth=1.5 * unit, linestyle=(0, (5, 4)), zorder=5)
            if mark.text and mark.axis == "x":
                end, rise = self.layout.above(panel, c)[mark]
                side = {"ha": ANCHORS[end], "va": "bottom"}
                blend: Any = ("data", "axes fraction")
                self._say(axes, mark.text, (mark.at, 1), SMALL, (0, rise), color=colour, xycoords=blend, **side)
            elif mark.text:
                share, text = self.layout.beside(panel)[mark]
                side = {"ha": "left", "va": "center", "xycoords": "axes fraction"}
                self._say(axes, text, (1, share), SMALL, (6, 0), color=colour, **side)
        elif isinstance(mark, Box):
            from matplotlib.patches import Rectangle

            x0, y0, x1, y1 = self.layout.framed(mark, r, c)
            look = {"fill": mark.filled, "zorder": 6, "clip_on": False}
            if mark.filled:
                look["facecolor"] = palette.tint(mark.colour, self.dark)
            for width, paint in ((2, colour),) if mark.filled else ((HALO, halo), (FRAME, colour)):
                axes.add_patch(Rectangle((x0, y0), x1 - x0, y1 - y0, linewidth=width * unit, edgecolor=paint, **look))
        elif isinstance(mark, Text):
            at = (mark.x, mark.y)
            self._say(axes, mark.text, at, mark.size, ha=ANCHORS[mark.anchor], va="center", color=colour)
        elif isinstance(mark, Arrow):
            look = {"arrowstyle": "-|>", "color": colour, "linewidth": 2 * unit, "mutation_scale": 16 * unit}
            look |= {"shrinkA": 0, "shrinkB": 0}
            axes.annotate("", (mark.x1, mark.y1), (mark.x0, mark.y0), arrowprops=look, annotation_clip=False)

    def _say(
        self,
        axes: Axes,
        text: str,
        at: tuple[float, float],
        size: float,
        shift: tuple[float, float] = (0, 0),
        **style: Any,
    ) -> None:
        """Text at a point of the axes, ``shift`` away from it, above everything else."""
        look: dict[str, Any] = {"xycoords": "data", "textcoords": "offset points", "annotation_clip": False}
        look |= {"fontsize": size / self.zoom, "linespacing": 1.2, "zorder": 7}
        axes.annotate(text, at, (shift[0] / self.zoom, shift[1] / self.zoom), **(look | style))

    def bar(self, scale: Scale, left: float, top: float, width: float, height: float) -> None:
        """A colour bar with its name and its range."""
        from matplotlib.ticker import FixedLocator, NullLocator

        axes = self._axes(left, top, width, height)
        lying = width > height
        cmap, norm = _colours(scale)
        ramp = np.linspace(scale.low, scale.high, 256)
        extent = (scale.low, scale.high, 0, 1) if lying else (0, 1, scale.low, scale.high)
        axes.imshow(
            ramp[None] if lying else ramp[:, None], cmap=cmap, norm=norm, extent=extent, origin="lower", aspect="auto"
        )
        along, across = (axes.xaxis, axes.yaxis) if lying else (axes.yaxis, axes.xaxis)
        across.set_major_locator(NullLocator())
        along.set_major_locator(FixedLocator(list(scale.ticks)))
        along.set_ticklabels([number(t) for t in scale.ticks])
        if not lying:
            axes.yaxis.tick_right()
        axes.tick_params(length=4 / self.zoom, width=1 / self.zoom, color=palette.role("muted", self.dark))
        axes.tick_params(labelcolor=palette.role("ink", self.dark), pad=3 / self.zoom)
        if lying:
            self.words(scale.name, left + width / 2, top + self.drop + height + 28, SMALL, va="top", ha="center")
        else:
            self.words("\n".join(wrap(scale.name, 7)), left, top + self.drop - 10, SMALL, va="bottom")


def _colours(scale: Scale) -> tuple[Any, Any]:
    from matplotlib.colors import ListedColormap, Normalize

    cmap = ListedColormap(palette.lut(scale.palette) / 255.0, name=scale.palette)
    return cmap.with_extremes(bad=(0, 0, 0, 0)), Normalize(scale.low, scale.high)


def _draw_bars(axes: Axes, mark: Bars, panel: Panel, colour: str) -> None:
    at = panel.at("y", mark.y) if mark.horizontal else panel.at("x", mark.x)
    seam = 0.4 if at.size > 64 or mark.width is not None else 0.0  # covers the hairlines between touching bars
    look: dict[str, Any] = {"color": colour, "label": mark.name, "zorder": 2, "edgecolor": colour, "linewidth": seam}
    if mark.horizontal:
        axes.barh(at, mark.x, mark.widths(at), left=mark.bases, **look)
    else:
        axes.bar(at, mark.y, mark.widths(at), bottom=mark.bases, **look)
