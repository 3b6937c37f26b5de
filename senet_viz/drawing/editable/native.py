"""Charts of a presentation as its file has them: series whose numbers can be edited, axes, colours and fonts.

A chart is as large as its panel with the labels around it. Its plot lies exactly where the layout has put the panel, so
that rules, boxes and words, which no chart can hold, lie on it as shapes of the slide. What PowerPoint, Keynote,
LibreOffice and Google Slides agree on is less than the format allows.
"""

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from senet_viz.drawing import palette
from senet_viz.drawing.editable.charts import Chart, Drawn, Ends
from senet_viz.drawing.editable.presentation import clean, emu, hexed, named, rgb
from senet_viz.drawing.grammar import Bars, Line, Points
from senet_viz.drawing.placed import Rect
from senet_viz.drawing.text import SIZE, SMALL

if TYPE_CHECKING:
    from pptx.slide import Slide

MARKER = 7  # points across


def place(slide: "Slide", made: Chart, room: Rect, plot: Rect, size: float, dark: bool, lang: str) -> Any:
    """Put a chart on a slide; returns its shape.

    Args:
        room: where it lies with its labels; plot: where its plot lies, both in points of the slide.
        size: points of the slide that a unit of the layout takes.
    """
    from pptx.chart.data import CategoryChartData, XyChartData
    from pptx.enum.chart import XL_CHART_TYPE as KIND

    spare = [clean(each.name or made.panel.panel.title) or f"{i}" for i, each in enumerate(made.series, start=1)]
    data: Any = CategoryChartData() if made.names else XyChartData()
    if made.names:
        data.categories = made.names
        for name, values in zip(spare, made.columns, strict=True):
            data.add_series(name, values)
        kinds = (KIND.BAR_STACKED, KIND.BAR_CLUSTERED) if made.lying else (KIND.COLUMN_STACKED, KIND.COLUMN_CLUSTERED)
        kind = kinds[0] if made.stacked else kinds[1]
    else:
        kind = KIND.XY_SCATTER_LINES_NO_MARKERS
        for name, each, values in zip(spare, made.series, made.columns, strict=True):
            series = data.add_series(name)
            for x, y in zip(each.x.tolist(), values, strict=True):
                if not math.isnan(x):
                    series.add_data_point(x, y)
                else:
                    series.add_data_point(made.x.low, None)  # a gap
    left, top, width, height = map(emu, room)
    frame: Any = slide.shapes.add_chart(kind, left, top, width, height, data)
    drawn = frame.chart
    drawn.has_legend = drawn.has_title = False
    drawn.font.size, drawn.font.color.rgb = emu(SMALL * size), rgb("ink", dark)
    named(drawn.font._rPr, lang)
    _laid(drawn, Rect(plot.left - room.left, plot.top - room.top, plot.width, plot.height), room)
    if made.names:
        bars = drawn.plots[0]
        bars.gap_width = round(min(500, 100 * made.gap))
        bars.overlap = 0 if made.clustered else 100
    _axis(drawn, made, "x", size, dark, lang)
    _axis(drawn, made, "y", size, dark, lang)
    for each, series in zip(made.series, drawn.plots[0].series, strict=True):
        DRAW[type(each.mark)](made, each, series, plot, size, dark)
    if not made.names:  # LibreOffice reads no more points of any series than the first in the file has
        every = [series._element for series in drawn.plots[0].series]
        longest = max(range(len(every)), key=lambda i: len(made.series[i].x))
        every[0].getparent().insert(every[0].getparent().index(every[0]), every[longest])
    return frame


def _laid(drawn: Any, plot: Rect, room: Rect) -> None:
    """Fix the plot within its chart; nothing that programs choose by themselves moves it."""
    from pptx.oxml import parse_xml
    from pptx.oxml.ns import nsdecls

    shares = (plot.left / room.width, plot.top / room.height, plot.width / room.width, plot.height / room.height)
    each = "".join(f'<c:{name} val="{share:.5f}"/>' for name, share in zip("xywh", shares, strict=True))
    modes = '<c:layoutTarget val="inner"/><c:xMode val="edge"/><c:yMode val="edge"/>'
    area = drawn._chartSpace.chart.plotArea
    for old in area.findall("{*}layout"):
        area.remove(old)
    area.insert(0, parse_xml(f"<c:layout {nsdecls('c')}><c:manualLayout>{modes}{each}</c:manualLayout></c:layout>"))


def _axis(drawn: Any, made: Chart, which: str, size: float, dark: bool, lang: str) -> None:
    from pptx.enum.chart import XL_TICK_LABEL_POSITION as LABELS
    from pptx.enum.chart import XL_TICK_MARK
    from pptx.oxml.xmlchemy import OxmlElement

    placed = made.panel.x if which == "x" else made.panel.y
    ends, other = (made.x, made.y) if which == "x" else (made.y, made.x)
    over = bool(made.names) and (which == "y") == made.lying  # categories stand along it
    axis = drawn.category_axis if (which == "x") != made.lying else drawn.value_axis
    axis.major_tick_mark = axis.minor_tick_mark = XL_TICK_MARK.NONE
    axis.reverse_order = ends.turned
    axis.has_major_gridlines = not over and ends.step > 0
    if axis.has_major_gridlines:
        axis.major_gridlines.format.line.color.rgb = rgb("grid", dark)
        axis.major_gridlines.format.line.width = emu(size)
    if over:
        written = made.names and placed.ticks != ()
        skip = max(1, math.ceil(len(made.names) / (len(placed.ticks) if placed.ticks else placed.most)))
        for tag in ("tickLblSkip", "tickMarkSkip"):
            element = OxmlElement(f"c:{tag}")
            element.set("val", str(skip))
            axis._element.insert_element_before(element, "c:tickMarkSkip", "c:noMultiLvlLbl", "c:extLst")
    else:
        written = ends.step > 0
        axis.minimum_scale, axis.maximum_scale = ends.low, ends.high
        if ends.step:
            axis.major_unit = ends.step
            axis.tick_labels.number_format, axis.tick_labels.number_format_is_linked = _format(ends), False
    side = LABELS.HIGH if other.turned else LABELS.LOW
    axis.tick_label_position = side if written else LABELS.NONE
    axis.tick_labels.font.size, axis.tick_labels.font.color.rgb = emu(SMALL * size), rgb("muted", dark)
    named(axis.tick_labels.font._rPr, lang)
    crossing = made.y if which == "x" else made.x  # the line of this axis lies where the other is 0
    if over or (crossing.low <= 0 <= crossing.high and (made.panel.y if which == "x" else made.panel.x).zero):
        axis.format.line.color.rgb = rgb("muted", dark)
        axis.format.line.width = emu(size)
    else:
        axis.format.line.fill.background()
    axis.has_title = bool(placed.name) and (over or written)
    if axis.has_title:
        frame = axis.axis_title.text_frame
        frame.text = clean(" ".join(placed.name))
        for run in frame.paragraphs[0].runs:
            run.font.size, run.font.bold, run.font.color.rgb = emu(SIZE * size), False, rgb("ink", dark)
            named(run._r.get_or_add_rPr(), lang)


def longest(ends: Ends) -> str:
    """Return the widest label of an axis of numbers, or about that."""
    if _format(ends).startswith("0.##E"):
        return "1.5E+6"
    digits = _format(ends).count("0", 2) if "." in _format(ends) else 0
    return max((f"{end:,.{digits}f}" for end in (ends.low, ends.high)), key=len)


def _format(ends: Ends) -> str:
    """Return how numbers on an axis are written: with as many digits as its steps need."""
    if max(abs(ends.low), abs(ends.high)) >= 1e5 or ends.step < 1e-4:
        return "0.##E+0"
    digits = max(0, -math.floor(math.log10(ends.step) + 1e-9))
    return f"0.{'0' * digits}" if digits else "#,##0"


# (chart, series as drawn, the library's series, plot, points a unit, dark) ------------------------------------------


def _bar(made: Chart, each: Drawn, series: Any, plot: Rect, size: float, dark: bool) -> None:
    mark, colour = each.mark, rgb(each.mark.colour, dark)
    assert isinstance(mark, Bars)
    if made.names:
        series.invert_if_negative = False
        series.format.fill.solid()
        series.format.fill.fore_color.rgb = colour
        return
    series.format.line.fill.background()
    _dotless(series)
    along = made.y if mark.horizontal else made.x
    unit = (plot.height if mark.horizontal else plot.width) / (along.high - along.low)
    places = each.y if mark.horizontal else each.x
    _hung(series, mark, float(np.median(mark.widths(places))) * unit, palette.role(mark.colour, dark))


def _hung(series: Any, mark: Bars, width: float, colour: str) -> None:
    """Draw bars of ``width`` points from their ends back to their bases, as error bars of points that are not seen."""
    from pptx.oxml import parse_xml
    from pptx.oxml.ns import nsdecls

    points = "".join(f'<c:pt idx="{i}"><c:v>{v!r}</c:v></c:pt>' for i, v in enumerate(mark.lengths.tolist()) if v)
    cache = f'<c:formatCode>General</c:formatCode><c:ptCount val="{mark.lengths.size}"/>{points}'
    held = series._element.find(f"{{*}}{'x' if mark.horizontal else 'y'}Val/{{*}}numRef/{{*}}f")
    if np.any(mark.bases):
        long = f"<c:numLit>{cache}</c:numLit>"
    else:  # as long as the number says: an edited one takes its bar along
        long = f"<c:numRef><c:f>{held.text}</c:f><c:numCache>{cache}</c:numCache></c:numRef>"
    line = f'<a:ln w="{emu(width)}" cap="flat"><a:solidFill><a:srgbClr val="{colour[1:]}"/></a:solidFill></a:ln>'
    bars = parse_xml(
        f'<c:errBars {nsdecls("c", "a")}><c:errDir val="{"x" if mark.horizontal else "y"}"/>'
        f'<c:errBarType val="minus"/><c:errValType val="cust"/><c:noEndCap val="1"/><c:minus>{long}</c:minus>'
        f"<c:spPr>{line}</c:spPr></c:errBars>"
    )
    series._element.insert_element_before(bars, "c:xVal", "c:yVal", "c:smooth", "c:extLst")


def _line(made: Chart, each: Drawn, series: Any, plot: Rect, size: float, dark: bool) -> None:
    from pptx.enum.dml import MSO_LINE

    mark = each.mark
    assert isinstance(mark, Line)
    series.smooth = False
    series.format.line.color.rgb, series.format.line.width = rgb(mark.colour, dark), emu(mark.width * size)
    if mark.dash:
        series.format.line.dash_style = MSO_LINE.DASH
    if each.dots is None:
        _dotless(series)
    else:
        _dots(series, each.dots, size, dark)


def _lone(made: Chart, each: Drawn, series: Any, plot: Rect, size: float, dark: bool) -> None:
    series.format.line.fill.background()
    assert each.dots is not None
    _dots(series, each.dots, size, dark)


def _dots(series: Any, mark: Points, size: float, dark: bool) -> None:
    from pptx.enum.chart import XL_MARKER_STYLE

    marker = series.marker
    marker.style, marker.size = XL_MARKER_STYLE.CIRCLE, max(2, min(72, round(MARKER * size + 2)))
    marker.format.fill.solid()
    marker.format.fill.fore_color.rgb = rgb(mark.colour, dark)
    marker.format.line.color.rgb, marker.format.line.width = hexed(palette.background(dark)), emu(size)


def _dotless(series: Any) -> None:
    from pptx.enum.chart import XL_MARKER_STYLE

    series.marker.style = XL_MARKER_STYLE.NONE


DRAW = {Bars: _bar, Line: _line, Points: _lone}
