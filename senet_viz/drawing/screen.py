"""Draw a figure for the browser: ``to_plotly``. Show it with ``st.plotly_chart(..., theme=None, alt=figure.alt)``.

Heights are exact pixels; the width is the browser's, so widths are shares of a page reckoned to be ``NOMINAL`` px wide,
or as wide as a narrower browser said. Below ``SLIM`` px panels stand below each other, each as high as it would be on a
wide page. ``figure.note`` is left to the page, because plotly cannot break lines.
"""

from __future__ import annotations

import base64
import html
import io
from dataclasses import replace
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
    Text,
)
from senet_viz.drawing.layout import Layout
from senet_viz.drawing.text import (
    BAR_GAP,
    FRAME,
    HALO,
    HEADING,
    LINE,
    SIZE,
    SMALL,
    ems,
    number,
    wrap,  # fmt: skip
)

if TYPE_CHECKING:
    import plotly.graph_objects as go

FONT = '"Source Sans", "Source Sans 3", "Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei", system-ui, sans-serif'
NOMINAL = 1000.0  # px: how wide a page we reckon with
SLIM = 600.0  # px: narrower pages have no room for two panels
TITLE = 21  # px
ANCHORS = {"start": "left", "middle": "center", "end": "right"}  # the grammar's words in plotly's
EXACT = 128 * 128  # pixels: a larger photo is sent as JPEG; pixels painted by a scale never are


def to_plotly(figure: Figure, dark: bool = False, width: float = NOMINAL) -> go.Figure:
    """The figure for the browser, light or dark, on a transparent background; zoom survives a redraw (by its key).

    It fills any width; best looks the one it was told, px.
    """
    import plotly.graph_objects as go

    # skip_invalid spares most of plotly's slow checks; the tests build every mark with all of them
    return go.Figure(spec(figure, dark, width), skip_invalid=True)


def spec(figure: Figure, dark: bool = False, width: float = NOMINAL) -> dict[str, Any]:
    """The same as plain dictionaries: ``{"data": [...], "layout": {...}}``."""
    sheet = _Sheet(figure, dark, width)
    for r, row in enumerate(sheet.figure.rows):
        for c, panel in enumerate(row):
            sheet.panel(panel, r, c)
    for n, (scale, _, rect) in enumerate(sheet.bars):
        sheet.bar(scale, _nth("coloraxis", n), rect)
    return {"data": sheet.data, "layout": sheet.layout}


def typed(value: Any) -> Any:
    """A spec whose numeric arrays are base64 bytes, which plotly.js reads fastest: ``dtype``, ``bdata``, ``shape``."""
    if isinstance(value, dict):
        return {key: typed(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [typed(each) for each in value]
    if not isinstance(value, np.ndarray):
        return value
    if value.dtype.kind not in "fiu" or not value.size:
        return value.tolist()
    kind = value.dtype.kind + str(value.itemsize)
    if kind in ("i8", "u8"):  # JavaScript has no such array of plain numbers
        value, kind = value.astype(np.float64), "f8"
    out = {"dtype": kind, "bdata": base64.b64encode(np.ascontiguousarray(value).tobytes()).decode("ascii")}
    return out if value.ndim == 1 else {**out, "shape": ", ".join(map(str, value.shape))}


def stacked(figure: Figure) -> Figure:
    """The same figure in one column, every panel as high as on a wide page, and none short of its neighbour's names."""
    wide = Layout(figure, NOMINAL, figure.height, top=4, bottom=4, side=4)
    panels = [_complete(panel, row[0]) for row in figure.rows for panel in row]
    return replace(figure, panels=tuple(panels), columns=1, widths=None, height=0, least=wide.plot)


def _complete(panel: Panel, first: Panel) -> Panel:
    """A panel that stood beside the ``first`` of its row and shared its vertical axis, with that axis' words."""
    if panel.bare or first.bare or panel.limits[1] != first.limits[1]:
        return panel
    ticks = panel.ticks("y")
    unnamed = ticks is not None and not any(label for _, label in ticks)
    return replace(panel, y=panel.y or first.y, y_ticks=first.y_ticks if unnamed else panel.y_ticks)


class _Sheet:
    """Collects traces and layout."""

    def __init__(self, figure: Figure, dark: bool, width: float) -> None:
        slim = width < SLIM
        figure = stacked(figure) if slim else figure
        self.figure, self.dark = figure, dark
        self.data: list[dict[str, Any]] = []
        self.listed: set[str] = set()
        top = LINE + 14 if figure.title else 4
        self.page = Layout(figure, width, figure.height, top=top, bottom=4, side=4, slim=slim)
        self.bars = self.page.bars()
        self.inner = self.page.width - self.page.left - self.page.right
        ink = palette.role("ink", dark)
        self.layout: dict[str, Any] = {
            "height": round(self.page.height),
            "margin": {"l": self.page.left, "r": self.page.right, "t": 0, "b": 0, "pad": 0},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "font": {"family": FONT, "size": SIZE, "color": ink},
            "hoverlabel": {"font": {"family": FONT, "size": SIZE}},
            "hovermode": "closest",
            "barmode": "overlay",
            "showlegend": any(panel.names for panel in figure.panels),
            "uirevision": figure.key,
            "template": {},  # else the process-wide default rides along, 7 KB a figure
            "annotations": [],
            "shapes": [],
        }
        if self.page.common:
            listed = "v" if slim and self.page.common > 1 else "h"
            self._legend("legend", self.page.left, self.page.top, listed)
        if figure.title:
            self._note(figure.title, "paper", "paper", 0, 1, TITLE, level="top", bold=True, nudge=4 - self.page.left)

    # plotly reckons in shares of what lies between the margins, which are as wide on every page
    def _x(self, px: float) -> float:
        return min(1.0, max(0.0, (px - self.page.left) / self.inner))

    def _y(self, px: float) -> float:
        return max(0.0, 1 - px / self.page.height)

    def panel(self, panel: Panel, r: int, c: int) -> None:
        n = r * self.figure.columns + c
        x, y, legend = _nth("x", n), _nth("y", n), _nth("legend", n)
        self._axes(panel, r, c)
        left, top, _, _ = self.page.rect(r, c)
        lines = self.page.legend(panel, c)
        if lines:
            self._legend(legend, left, top - 2 - self.page.over(panel, c), "h" if lines == 1 else "v")
        if panel.title:
            words = "\n".join(self.page.heading(panel, c))
            self._note(
                words,
                f"{x} domain",
                f"{y} domain",
                0,
                1,
                HEADING,
                shift=self.page.legend_height(panel, c) + self.page.over(panel, c) + 4,
                bold=True,
            )
        common = bool(self.page.common)
        listed = self.listed if common else set()
        for mark in panel.marks:
            for trace in self._draw(mark, panel, r, c):
                trace |= {"xaxis": x, "yaxis": y}
                if trace["type"] != "image":  # which cannot be listed
                    name = trace.get("name", "")
                    trace |= {"legend": "legend" if common else legend, "legendgroup": f"{'' if common else n}{name}"}
                    trace["showlegend"] = bool((lines or common) and name) and name not in listed
                    listed.add(name)
                self.data.append(trace)
        if not any(trace["xaxis"] == x for trace in self.data):  # plotly draws no axes without a trace
            self.data.append(_ghost() | {"xaxis": x, "yaxis": y})

    def _legend(self, key: str, left: float, bottom: float, orientation: str = "h") -> None:
        place = {"x": self._x(left), "xanchor": "left", "y": self._y(bottom), "yanchor": "bottom"}
        look = {"orientation": orientation, "font": {"size": SMALL}, "bgcolor": "rgba(0,0,0,0)"}
        self.layout[key] = place | look

    def _axes(self, panel: Panel, r: int, c: int) -> None:
        n = r * self.figure.columns + c
        left, top, width, height = self.page.rect(r, c)
        panel = replace(panel, x_range=self._reach(panel, width))
        spans = {"x": [self._x(left), self._x(left + width)], "y": [self._y(top + height), self._y(top)]}
        lined = not panel.bare and not panel.celled
        muted = palette.role("muted", self.dark)
        for axis, other, name in (("x", "y", panel.x), ("y", "x", panel.y)):
            ticks, lean = self.page.labels(panel, axis, c)
            style: dict[str, Any] = {
                "domain": spans[axis],
                "anchor": _nth(other, n),
                "range": list(panel.limits[axis == "y"]),
                "visible": not panel.bare or bool(name),
                "showticklabels": not panel.bare,
                "showgrid": lined,
                "gridcolor": palette.role("grid", self.dark),
                "zeroline": panel.zeroed(axis),
                "zerolinecolor": muted,
                "zerolinewidth": 1,
                "ticks": "outside",  # unseen: they keep labels off the bars
                "ticklen": 5,
                "tickcolor": "rgba(0,0,0,0)",
                "tickfont": {"size": SMALL, "color": muted},
                "tickangle": -45 if lean else 0,
                "nticks": self.page.most(axis, c),
            }
            if name:
                words = "<br>".join(map(_plain, self.page.name(panel, axis, c)))
                style["title"] = {"text": words, "font": {"size": SIZE}, "standoff": 6}
            if ticks is not None:
                style |= {"tickvals": [at for at, _ in ticks], "ticktext": [_plain(label) for _, label in ticks]}
            if panel.aspect is not None:
                style |= {"constrain": "domain", "constraintoward": "left" if axis == "x" else "top"}
                if axis == "y":
                    style["scaleanchor"] = _nth("x", n)
            self.layout[_nth(f"{axis}axis", n)] = style

    def _reach(self, panel: Panel, width: float) -> tuple[float, float]:
        """Ends of the horizontal axis; on a slim page far enough apart for words beside what they belong to."""
        low, high = panel.limits[0]
        if not self.page.slim or panel.celled or panel.aspect or high <= low:
            return low, high
        for mark in panel.marks:
            if isinstance(mark, Rule) and mark.axis == "x":  # its words begin where it stands
                mark = Text(mark.at, 0, mark.text, SMALL, anchor="start")
            if isinstance(mark, Text) and mark.anchor != "middle" and mark.text:
                share = min(0.75, (max(map(ems, mark.text.split("\n"))) * mark.size + 4) / width)
                if mark.anchor == "start":
                    high = max(high, low + (mark.x - low) / (1 - share))
                else:
                    low = min(low, high - (high - mark.x) / (1 - share))
        return low, high

    def _draw(self, mark: Mark, panel: Panel, r: int, c: int) -> list[dict[str, Any]]:
        """The traces of one mark; what plotly keeps in its layout is put there."""
        n = r * self.figure.columns + c
        x, y = _nth("x", n), _nth("y", n)
        if isinstance(mark, Photo):
            return [_photo(mark)]
        if isinstance(mark, Heat):
            return [self._heat(mark, panel, self._coloraxis(mark.scale, r, c))]
        if isinstance(mark, Hist):
            return [self._bars(mark.bars, panel, mark.edges)]
        if isinstance(mark, Bars):
            return [self._bars(mark, panel)]
        colour = palette.role(mark.colour, self.dark)
        if isinstance(mark, Line):
            style = {"color": colour, "width": mark.width, "dash": "dash" if mark.dash else "solid"}
            return [_scatter(mark, panel) | {"mode": "lines", "line": style}]
        if isinstance(mark, Points):
            return [_scatter(mark, panel) | self._dots(mark, colour)]
        if isinstance(mark, Rule):
            self._rule(mark, panel, c, colour, x, y)
        elif isinstance(mark, Box):
            ends = dict(zip(("x0", "y0", "x1", "y1"), self.page.framed(mark, r, c), strict=True))
            shape = {"type": "rect", **ends, "xref": x, "yref": y}
            halo = [] if mark.filled else [(HALO, palette.background(self.dark))]
            fill = {"fillcolor": palette.tint(mark.colour, self.dark)} if mark.filled else {}
            for width, paint in (*halo, (2 if mark.filled else FRAME, colour)):
                self.layout["shapes"].append(shape | fill | {"line": {"width": width, "color": paint}})
        elif isinstance(mark, Text):
            anchor = ANCHORS[mark.anchor]
            self._note(mark.text, x, y, mark.x, mark.y, mark.size, anchor, "middle", colour)
        elif isinstance(mark, Arrow):
            tips = {"x": mark.x1, "y": mark.y1, "ax": mark.x0, "ay": mark.y0, "axref": x, "ayref": y}
            look = {"arrowhead": 2, "arrowsize": 1.1, "arrowwidth": 2, "arrowcolor": colour, "text": ""}
            self.layout["annotations"].append(tips | look | {"xref": x, "yref": y, "showarrow": True})
        return []

    def _heat(self, mark: Heat, panel: Panel, axis: str) -> dict[str, Any]:
        where = [f"{_plain(n)} %{{{a}}}" for a, n in (("x", panel.x or "x"), ("y", panel.y or "y"))]
        trace = {
            "type": "heatmap",
            "z": mark.values.astype(np.float32),
            "coloraxis": axis,
            "hoverongaps": False,
        }
        named = [dict(panel.ticks(a) or ()) for a in "xy"]
        if any(named) and mark.values.size <= 1000:
            rows, columns = mark.values.shape
            trace["text"] = [
                [_plain(f"{named[1].get(i, number(i))}, {named[0].get(j, number(j))}") for j in range(columns)]
                for i in range(rows)
            ]
            where = ["%{text}"]
        trace["hovertemplate"] = "<br>".join(
            [*where, f"{_plain(mark.hover or mark.scale.name)} <b>%{{z:.4~g}}</b><extra></extra>"]
        )
        return trace

    def _bars(self, mark: Bars, panel: Panel, edges: np.ndarray | None = None) -> dict[str, Any]:
        place, length = ("y", "x") if mark.horizontal else ("x", "y")
        at = panel.at(place, getattr(mark, place))
        trace: dict[str, Any] = {
            "type": "bar",
            place: _light(at),
            length: _light(mark.lengths),
            "width": _light(mark.widths(at)),
            "orientation": "h" if mark.horizontal else "v",
            "marker": {"color": palette.role(mark.colour, self.dark), "line": {"width": 0}},
            "name": _plain(mark.name),
        }
        if mark.base is not None:
            trace["base"] = _light(mark.bases)
        names = getattr(mark, place)
        if edges is not None:
            trace["hovertext"] = [f"{number(a)} … {number(b)}" for a, b in zip(edges, edges[1:], strict=False)]
        elif names.dtype.kind in "UO":
            trace["hovertext"] = [_plain(str(v)) for v in names]
        trace["hovertemplate"] = _hover(mark.name, panel, place, length, "hovertext" in trace, trace[length])
        return trace

    def _dots(self, mark: Points, colour: str) -> dict[str, Any]:
        look = {"color": colour, "size": 10, "line": {"width": 1.5, "color": palette.background(self.dark)}}
        return {"mode": "markers", "marker": look}

    def _rule(self, mark: Rule, panel: Panel, c: int, colour: str, x: str, y: str) -> None:
        upright = mark.axis == "x"
        run, across = ("x", "y") if upright else ("y", "x")
        ends = {f"{run}0": mark.at, f"{run}1": mark.at, f"{across}0": 0, f"{across}1": 1}
        refs = {"xref": x, "yref": f"{y} domain"} if upright else {"xref": f"{x} domain", "yref": y}
        line = {"width": 1.5, "dash": "dash", "color": colour}
        self.layout["shapes"].append({"type": "line", **ends, **refs, "line": line})
        if mark.text and upright:
            end, rise = self.page.above(panel, c)[mark]
            self._note(mark.text, x, f"{y} domain", mark.at, 1, SMALL, ANCHORS[end], "bottom", colour, shift=rise - 2)
        elif mark.text:
            share, words = self.page.beside(panel)[mark]
            self._note(words, f"{x} domain", f"{y} domain", 1, share, SMALL, "left", "middle", colour, nudge=6)

    def _note(
        self,
        text: str,
        xref: str,
        yref: str,
        x: float,
        y: float,
        size: float,
        anchor: str = "left",
        level: str = "bottom",
        colour: str | None = None,
        shift: float = 0,
        bold: bool = False,
        nudge: float = 0,
    ) -> None:
        words = _plain(text).replace("\n", "<br>")
        self.layout["annotations"].append(
            {
                "text": f"<b>{words}</b>" if bold else words,
                "x": x,
                "y": y,
                "xref": xref,
                "yref": yref,
                "xanchor": anchor,
                "yanchor": level,
                "xshift": nudge if anchor == "left" else -nudge,
                "yshift": shift,
                "align": {"left": "left", "right": "right"}.get(anchor, "center"),
                "showarrow": False,
                "font": {"size": size, "color": colour or palette.role("ink", self.dark)},
            }
        )

    def _coloraxis(self, scale: Scale, r: int, c: int) -> str:
        """Name of the colour axis whose bar serves this panel."""
        if not self.page.below:
            return "coloraxis"
        while not self.page.runs(r):  # on a slim page the bar lies under the last panel that uses it
            r += 1
        first = next(columns[0] for _, columns in self.page.runs(r) if c in columns)
        return _nth("coloraxis", [bar[:2] for bar in self.bars].index((scale, (r, first))))

    def bar(self, scale: Scale, axis: str, rect: tuple[float, float, float, float]) -> None:
        """The colour axis and its bar, name and range always shown."""
        left, top, width, height = rect
        below = self.page.below
        beside = 0 if below else BAR_GAP
        ramp = palette.stops(scale.palette)
        inset = 1e-4 * (scale.high - scale.low)  # else rounding hides the labels of the ends
        self.layout[axis] = {
            "cmin": scale.low,
            "cmax": scale.high,
            "colorscale": [[i / (len(ramp) - 1), colour] for i, colour in enumerate(ramp)],
            "colorbar": {
                "orientation": "h" if below else "v",
                "x": self._x(left - beside),
                "xanchor": "left",
                "xpad": beside,
                "y": self._y(top),
                "yanchor": "top",
                "ypad": 0,
                "len": width / self.inner if below else height / self.page.height,
                "thickness": height if below else width,
                "tickvals": [min(max(t, scale.low + inset), scale.high - inset) for t in scale.ticks],
                "ticktext": [number(t) for t in scale.ticks],
                "tickfont": {"size": SMALL},
                "ticklabeloverflow": "allow",
                "ticks": "outside",
                "ticklen": 4,
                "tickcolor": palette.role("muted", self.dark),
                "outlinewidth": 0,
            },
        }
        # plotly's own title would move the ramp
        if below:
            place = (self._x(left + width / 2), self._y(top + height + 26))
            self._note(scale.name, "paper", "paper", *place, SMALL, "center", "top")
        else:
            words = "\n".join(wrap(scale.name, 7))
            self._note(words, "paper", "paper", self._x(left - beside), self._y(top - 8), SMALL, nudge=beside)
        if not any(trace.get("coloraxis") == axis for trace in self.data):
            # painted photos carry no numbers: an empty trace makes plotly draw their bar
            self.data.append(_ghost() | {"marker": {"color": [scale.low], "coloraxis": axis}})


def _nth(name: str, n: int) -> str:
    """Plotly's names: x, x2, x3, ..."""
    return name if n == 0 else f"{name}{n + 1}"


def _plain(text: str) -> str:
    return html.escape(text, quote=False)


def _light(values: np.ndarray) -> np.ndarray:
    """Half the payload: integers stay what they are, the rest needs no more digits than the eye can see."""
    return values if values.dtype.kind in "iub" else values.astype(np.float32)


def _ghost() -> dict[str, Any]:
    return {"type": "scatter", "x": [None], "y": [None], "mode": "markers", "hoverinfo": "skip", "showlegend": False}


def photo_url(rgb: np.ndarray, exact: bool = False) -> str:
    """(H, W, 3) uint8 as a data URL: small or ``exact`` pixels as they are, a photo of many as JPEG."""
    from PIL import Image

    image = Image.fromarray(np.ascontiguousarray(rgb))
    file = io.BytesIO()
    exact = exact or image.width * image.height <= EXACT
    image.save(file, "PNG", compress_level=4) if exact else image.save(file, "JPEG", quality=93, subsampling=0)
    return f"data:image/{'png' if exact else 'jpeg'};base64,{base64.b64encode(file.getvalue()).decode()}"


def _photo(mark: Photo) -> dict[str, Any]:
    source = photo_url(mark.rgb, exact=mark.scale is not None)
    return {"type": "image", "source": source, "hovertemplate": "x %{x}, y %{y}<extra></extra>"}


def _scatter(mark: Line | Points, panel: Panel) -> dict[str, Any]:
    trace: dict[str, Any] = {"type": "scatter", "name": _plain(mark.name)}
    trace |= {axis: _light(panel.at(axis, getattr(mark, axis))) for axis in "xy"}
    labels = mark.labels if isinstance(mark, Points) else ()
    if not labels and mark.x.dtype.kind in "UO":
        labels = tuple(str(v) for v in mark.x)
    if labels:
        trace["hovertext"] = [_plain(label) for label in labels]
    trace["hovertemplate"] = _hover(mark.name, panel, "x", "y", bool(labels), trace["y"])
    return trace


def _hover(name: str, panel: Panel, place: str, length: str, named: bool, lengths: np.ndarray) -> str:
    """Hover text: the mark's name, where it is, how much it is, in the words of the axes."""
    words = {"x": panel.x or "x", "y": panel.y or "y"}
    shape = ":,d" if lengths.dtype.kind in "iub" else ":.4~g"
    lines = [f"<b>{_plain(name)}</b>"] if name else []
    lines.append("%{hovertext}" if named else f"{_plain(words[place])} %{{{place}:.4~g}}")
    lines.append(f"{_plain(words[length])} <b>%{{{length}{shape}}}</b>")
    return "<br>".join(lines) + "<extra></extra>"
