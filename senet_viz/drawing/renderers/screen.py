"""Draw a figure for the browser, as the plain dictionaries that plotly reads: ``spec``.

Heights are exact pixels; the width is the browser's, so widths are shares of a page reckoned to be ``NOMINAL`` px wide,
or as wide as a narrower browser said. ``figure.note`` is left to the page, because plotly cannot break lines.

Longer than 250 lines: nearly all of it are the words that plotly wants for axes, notes, colour bars and nine marks.
"""

import base64
import html
import io
from collections.abc import Callable
from typing import Any

import numpy as np

from senet_viz.drawing import palette
from senet_viz.drawing.grammar import Arrow, Bars, Box, Figure, Heat, Line, Mark, Photo, Points, Rule, Series, Text
from senet_viz.drawing.layout import NOMINAL, place
from senet_viz.drawing.placed import Legend, PlacedAxis, PlacedBar, PlacedMark, PlacedPanel, outlines
from senet_viz.drawing.text import BAR_GAP, HEADING, LINE, SIZE, SMALL, number

FONT = '"Source Sans", "Source Sans 3", "Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei", system-ui, sans-serif'
SLIM = 600.0  # px: narrower pages have no room for two panels
TITLE = 21  # px
ANCHORS = {"start": "left", "middle": "center", "end": "right"}  # the grammar's words in plotly's
EXACT = 128 * 128  # pixels: a larger photo is sent as JPEG; pixels painted by a scale never are
CLEAR = "rgba(0,0,0,0)"
PLAIN = frozenset({str, int, float, bool, type(None)})

Trace = dict[str, Any]


def spec(figure: Figure, dark: bool = False, width: float = NOMINAL) -> dict[str, Any]:
    """Return the figure as ``{"data": [...], "layout": {...}}``, light or dark, on a transparent background.

    It fills any width and looks best at the one it was told, px. Zoom survives a redraw, by the figure's key.
    """
    sheet = _Sheet(figure, dark, width)
    for panel in sheet.page.panels:
        sheet.panel(panel)
    for n, bar in enumerate(sheet.page.bars):
        sheet.bar(bar, _nth("coloraxis", n))
    return {"data": sheet.data, "layout": sheet.layout}


def typed(value: Any) -> Any:
    """Return a spec with numeric arrays as base64 bytes, which plotly.js reads fastest: dtype, bdata, shape."""
    if type(value) in PLAIN:  # nearly all of it
        return value
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


class _Sheet:
    """A sheet collects plotly's traces and layout of one figure."""

    def __init__(self, figure: Figure, dark: bool, width: float) -> None:
        top = LINE + 14 if figure.title else 4
        self.page, self.dark = place(figure, width, top=top, slim=width < SLIM), dark
        self.data: list[Trace] = []
        self.layout: dict[str, Any] = {
            "height": round(self.page.height),
            "margin": {"l": self.page.left, "r": self.page.right, "t": 0, "b": 0, "pad": 0},
            "paper_bgcolor": CLEAR,
            "plot_bgcolor": CLEAR,
            "font": {"family": FONT, "size": SIZE, "color": palette.role("ink", dark)},
            "hoverlabel": {"font": {"family": FONT, "size": SIZE}},
            "hovermode": "closest",
            "barmode": "overlay",
            "showlegend": any(panel.names for panel in figure.panels),
            "uirevision": figure.key,
            "template": {},  # else the process-wide default rides along, 7 KB a figure
            "annotations": [],
            "shapes": [],
        }
        if self.page.legend:
            self._legend("legend", self.page.legend, 0)
        if figure.title:
            self.note(figure.title, ("paper", "paper"), (0, 1), TITLE, level="top", bold=True, nudge=4 - self.page.left)

    # plotly reckons in shares of what lies between the margins, which are as wide on every page
    def _x(self, px: float) -> float:
        return min(1.0, max(0.0, (px - self.page.left) / self._inner))

    def _y(self, px: float) -> float:
        return max(0.0, 1 - px / self.page.height)

    @property
    def _inner(self) -> float:
        return self.page.width - self.page.left - self.page.right

    def panel(self, panel: PlacedPanel) -> None:
        """Add a panel with its heading, its legend, its axes and its marks."""
        x, y = _refs(panel)
        self.layout[_nth("xaxis", panel.n)] = self._axis(panel, panel.x, y, self._x, 0)
        self.layout[_nth("yaxis", panel.n)] = self._axis(panel, panel.y, x, self._y, 1)
        if panel.legend:
            self._legend(_nth("legend", panel.n), panel.legend, 2)
        if panel.heading:
            words, refs = "\n".join(panel.heading), (f"{x} domain", f"{y} domain")
            self.note(words, refs, (0, 1), HEADING, shift=panel.rise + 4, bold=True)
        group, legend = ("", "legend") if self.page.legend else (str(panel.n), _nth("legend", panel.n))
        drawn = len(self.data)
        for placed in panel.marks:
            trace = DRAW[type(placed.mark)](self, panel, placed.mark, placed)
            if trace is None:
                continue
            if trace["type"] != "image":  # which cannot be listed
                trace |= {"legend": legend, "legendgroup": group + trace.get("name", ""), "showlegend": placed.listed}
            self.data.append(trace | {"xaxis": x, "yaxis": y})
        if len(self.data) == drawn:  # plotly draws no axes without a trace
            self.data.append(_ghost() | {"xaxis": x, "yaxis": y})

    def _axis(
        self, panel: PlacedPanel, axis: PlacedAxis, other: str, share: Callable[[float], float], up: int
    ) -> Trace:
        rect, bare = panel.rect, panel.panel.bare
        muted = palette.role("muted", self.dark)
        ends = (rect.foot, rect.top) if up else (rect.left, rect.left + rect.width)
        style: Trace = {
            "domain": list(map(share, ends)),
            "anchor": other,
            "range": list(axis.limits),
            "visible": not bare or bool(axis.name),
            "showticklabels": not bare,
            "showgrid": panel.lined,
            "gridcolor": palette.role("grid", self.dark),
            "zeroline": axis.zero,
            "zerolinecolor": muted,
            "zerolinewidth": 1,
            "ticks": "outside",  # unseen: they keep labels off the bars
            "ticklen": 5,
            "tickcolor": CLEAR,
            "tickfont": {"size": SMALL, "color": muted},
            "tickangle": -45 if axis.lean else 0,
            "nticks": axis.most,
        }
        if axis.name:
            style["title"] = {"text": "<br>".join(map(_plain, axis.name)), "font": {"size": SIZE}, "standoff": 6}
        if axis.ticks is not None:
            style["tickvals"] = [at for at, _ in axis.ticks]
            style["ticktext"] = [_plain(label) for _, label in axis.ticks]
        if panel.panel.aspect is not None:
            style |= {"constrain": "domain", "constraintoward": "top" if up else "left"}
            if up:
                style["scaleanchor"] = other
        return style

    def _legend(self, key: str, legend: Legend, gap: float) -> None:
        place = {"x": self._x(legend.left), "xanchor": "left", "y": self._y(legend.bottom - gap), "yanchor": "bottom"}
        look = {"orientation": "v" if legend.upright else "h", "font": {"size": SMALL}, "bgcolor": CLEAR}
        self.layout[key] = place | look

    def note(
        self,
        text: str,
        refs: tuple[str, str],
        at: tuple[float, float],
        size: float,
        anchor: str = "left",
        level: str = "bottom",
        colour: str = "ink",
        shift: float = 0,
        bold: bool = False,
        nudge: float = 0,
    ) -> None:
        """Write words at a point, so many px up (``shift``) and to the right (``nudge``) of it."""
        words = _plain(text).replace("\n", "<br>")
        self.layout["annotations"].append(
            {
                "text": f"<b>{words}</b>" if bold else words,
                "x": at[0],
                "y": at[1],
                "xref": refs[0],
                "yref": refs[1],
                "xanchor": anchor,
                "yanchor": level,
                "xshift": nudge,
                "yshift": shift,
                "align": anchor,
                "showarrow": False,
                "font": {"size": size, "color": palette.role(colour, self.dark)},
            }
        )

    def bar(self, bar: PlacedBar, axis: str) -> None:
        """Add a colour axis and its bar, name and range always shown."""
        scale, (left, top, width, height), lying = bar.scale, bar.rect, bar.lying
        beside = 0 if lying else BAR_GAP
        ramp = palette.stops(scale.palette)
        inset = 1e-4 * (scale.high - scale.low)  # else rounding hides the labels of the ends
        self.layout[axis] = {
            "cmin": scale.low,
            "cmax": scale.high,
            "colorscale": [[i / (len(ramp) - 1), colour] for i, colour in enumerate(ramp)],
            "colorbar": {
                "orientation": "h" if lying else "v",
                "x": self._x(left - beside),
                "xanchor": "left",
                "xpad": beside,
                "y": self._y(top),
                "yanchor": "top",
                "ypad": 0,
                "len": width / self._inner if lying else height / self.page.height,
                "thickness": height if lying else width,
                "tickvals": [min(max(at, scale.low + inset), scale.high - inset) for at, _ in bar.ticks],
                "ticktext": [label for _, label in bar.ticks],
                "tickfont": {"size": SMALL},
                "ticklabeloverflow": "allow",
                "ticks": "outside",
                "ticklen": 4,
                "tickcolor": palette.role("muted", self.dark),
                "outlinewidth": 0,
            },
        }
        # plotly's own title would move the ramp
        paper, name = ("paper", "paper"), "\n".join(bar.name)
        if lying:
            self.note(name, paper, (self._x(left + width / 2), self._y(bar.rect.foot + 26)), SMALL, "center", "top")
        else:
            self.note(name, paper, (self._x(left - beside), self._y(top - 8)), SMALL, nudge=beside)
        if not any(trace.get("coloraxis") == axis for trace in self.data):
            # painted photos carry no numbers: an empty trace makes plotly draw their bar
            self.data.append(_ghost() | {"marker": {"color": [scale.low], "coloraxis": axis}})


def _photo(sheet: _Sheet, panel: PlacedPanel, mark: Photo, placed: PlacedMark) -> Trace:
    source = photo_url(mark.rgb, exact=mark.scale is not None)
    return {"type": "image", "source": source, "hovertemplate": "x %{x}, y %{y}<extra></extra>"}


def _heat(sheet: _Sheet, panel: PlacedPanel, mark: Heat, placed: PlacedMark) -> Trace:
    described, axis = panel.panel, _nth("coloraxis", placed.bar)
    trace = {"type": "heatmap", "z": mark.values.astype(np.float32), "coloraxis": axis, "hoverongaps": False}
    where = [f"{_plain(described.x or 'x')} %{{x}}", f"{_plain(described.y or 'y')} %{{y}}"]
    across, down = (dict(described.ticks(a) or ()) for a in "xy")
    if (across or down) and mark.values.size <= 1000:
        rows, columns = mark.shape
        named = [[f"{down.get(i, number(i))}, {across.get(j, number(j))}" for j in range(columns)] for i in range(rows)]
        trace["text"] = [list(map(_plain, row)) for row in named]
        where = ["%{text}"]
    value = f"{_plain(mark.hover or mark.scale.name)} <b>%{{z:.4~g}}</b><extra></extra>"
    return trace | {"hovertemplate": "<br>".join([*where, value])}


def _bars(sheet: _Sheet, panel: PlacedPanel, mark: Bars, placed: PlacedMark) -> Trace:
    place, length = mark.axes
    at, lengths = placed.at[mark.horizontal], _light(mark.lengths)
    trace: Trace = {
        "type": "bar",
        place: _light(at),
        length: lengths,
        "width": _light(mark.widths(at)),
        "orientation": "h" if mark.horizontal else "v",
        "marker": {"color": palette.role(mark.colour, sheet.dark), "line": {"width": 0}},
    }
    if mark.base is not None:
        trace["base"] = _light(mark.bases)
    return trace | _named(panel, mark, mark.y if mark.horizontal else mark.x, lengths)


def _line(sheet: _Sheet, panel: PlacedPanel, mark: Line, placed: PlacedMark) -> Trace:
    colour = palette.role(mark.colour, sheet.dark)
    style = {"color": colour, "width": mark.width, "dash": "dash" if mark.dash else "solid"}
    return _scatter(panel, mark, placed) | {"mode": "lines", "line": style}


def _points(sheet: _Sheet, panel: PlacedPanel, mark: Points, placed: PlacedMark) -> Trace:
    edge = {"width": 1.5, "color": palette.background(sheet.dark)}
    look = {"color": palette.role(mark.colour, sheet.dark), "size": 10, "line": edge}
    return _scatter(panel, mark, placed) | {"mode": "markers", "marker": look}


def _rule(sheet: _Sheet, panel: PlacedPanel, mark: Rule, placed: PlacedMark) -> None:
    (x, y), label = _refs(panel), placed.label
    upright, beyond = mark.axis == "x", (f"{x} domain", f"{y} domain")
    run, across, refs = ("x", "y", (x, beyond[1])) if upright else ("y", "x", (beyond[0], y))
    ends = {f"{run}0": mark.at, f"{run}1": mark.at, f"{across}0": 0, f"{across}1": 1}
    line = {"width": 1.5, "dash": "dash", "color": palette.role(mark.colour, sheet.dark)}
    sheet.layout["shapes"].append({"type": "line", **ends, "xref": refs[0], "yref": refs[1], "line": line})
    if label and upright:
        anchor, shift = ANCHORS[label.anchor], label.rise - 2
        sheet.note(label.text, refs, (mark.at, 1), SMALL, anchor, colour=mark.colour, shift=shift)
    elif label:
        sheet.note(label.text, beyond, (1, label.share), SMALL, level="middle", colour=mark.colour, nudge=6)


def _box(sheet: _Sheet, panel: PlacedPanel, mark: Box, placed: PlacedMark) -> None:
    x, y = _refs(panel)
    shape = {"type": "rect", "x0": mark.x0, "y0": mark.y0, "x1": mark.x1, "y1": mark.y1, "xref": x, "yref": y}
    if mark.filled:
        shape["fillcolor"] = palette.tint(mark.colour, sheet.dark)
    for width, colour in outlines(mark, sheet.dark):
        sheet.layout["shapes"].append(shape | {"line": {"width": width, "color": colour}})


def _text(sheet: _Sheet, panel: PlacedPanel, mark: Text, placed: PlacedMark) -> None:
    sheet.note(mark.text, _refs(panel), (mark.x, mark.y), mark.size, ANCHORS[mark.anchor], "middle", mark.colour)


def _arrow(sheet: _Sheet, panel: PlacedPanel, mark: Arrow, placed: PlacedMark) -> None:
    x, y = _refs(panel)
    tips = {"x": mark.x1, "y": mark.y1, "ax": mark.x0, "ay": mark.y0, "axref": x, "ayref": y, "xref": x, "yref": y}
    look = {"arrowhead": 2, "arrowsize": 1.1, "arrowwidth": 2, "arrowcolor": palette.role(mark.colour, sheet.dark)}
    sheet.layout["annotations"].append(tips | look | {"text": "", "showarrow": True})


# (sheet, panel, mark, placed) -> the trace of a mark; None where plotly keeps it in its layout
DRAW: dict[type[Mark], Callable[..., Trace | None]] = {
    Photo: _photo, Heat: _heat, Bars: _bars, Line: _line, Points: _points, Rule: _rule, Box: _box, Text: _text,
    Arrow: _arrow,
}  # fmt: skip


def _scatter(panel: PlacedPanel, mark: Line | Points, placed: PlacedMark) -> Trace:
    trace: Trace = {"type": "scatter", "x": _light(placed.at[0]), "y": _light(placed.at[1])}
    labels = mark.labels if isinstance(mark, Points) else ()
    return trace | _named(panel, mark, np.array(labels) if labels else mark.x, trace["y"])


def _named(panel: PlacedPanel, mark: Series, names: np.ndarray, lengths: np.ndarray) -> Trace:
    """Return name and hover text: the mark's name, where it is, how much it is, in the words of the axes.

    ``names``: where its parts are; strings among them are what each is called.
    """
    words = {"x": panel.panel.x or "x", "y": panel.panel.y or "y"}
    place, length = mark.axes
    shape = ":,d" if lengths.dtype.kind in "iub" else ":.4~g"
    found: Trace = {"name": _plain(mark.name)}
    lines = [f"<b>{found['name']}</b>"] if mark.name else []
    if names.dtype.kind in "UO":
        found["hovertext"] = [_plain(str(name)) for name in names]
    lines.append("%{hovertext}" if "hovertext" in found else f"{_plain(words[place])} %{{{place}:.4~g}}")
    lines.append(f"{_plain(words[length])} <b>%{{{length}{shape}}}</b>")
    return found | {"hovertemplate": "<br>".join(lines) + "<extra></extra>"}


def _refs(panel: PlacedPanel) -> tuple[str, str]:
    """Return plotly's names of the axes of a panel."""
    return _nth("x", panel.n), _nth("y", panel.n)


def _nth(name: str, n: int) -> str:
    """Return plotly's names: x, x2, x3, ..."""
    return name if n == 0 else f"{name}{n + 1}"


def _plain(text: str) -> str:
    return html.escape(text, quote=False)


def _light(values: np.ndarray) -> np.ndarray:
    """Return half the payload: integers stay what they are, the rest needs no more digits than the eye can see."""
    return values if values.dtype.kind in "iub" else values.astype(np.float32)


def _ghost() -> dict[str, Any]:
    return {"type": "scatter", "x": [None], "y": [None], "mode": "markers", "hoverinfo": "skip", "showlegend": False}


def photo_url(rgb: np.ndarray, exact: bool = False) -> str:
    """Return (H, W, 3) uint8 as a data URL: small or ``exact`` pixels as they are, a photo of many as JPEG."""
    from PIL import Image

    image = Image.fromarray(np.ascontiguousarray(rgb))
    file = io.BytesIO()
    exact = exact or image.width * image.height <= EXACT
    image.save(file, "PNG", compress_level=4) if exact else image.save(file, "JPEG", quality=93, subsampling=0)
    return f"data:image/{'png' if exact else 'jpeg'};base64,{base64.b64encode(file.getvalue()).decode()}"
