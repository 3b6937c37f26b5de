"""The figure grammar: what is described is what plotly gets, colours can be told apart, an atlas can be read back."""

from __future__ import annotations

import base64
import io
from itertools import pairwise

import numpy as np
import plotly.graph_objects as go
import plotly.io
import pytest
from PIL import Image

from senet_viz.drawing import atlas, palette
from senet_viz.drawing.grammar import (
    Arrow,
    Bars,
    Box,
    Figure,
    Heat,
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
from senet_viz.drawing.layout import NOMINAL, one_column, place
from senet_viz.drawing.placed import PlacedFigure
from senet_viz.drawing.renderers.screen import SLIM, spec
from senet_viz.drawing.text import ems, number, short, wrap

THEMES = pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
NUMBERS = np.random.default_rng(0)
MAP = NUMBERS.normal(size=(7, 9)).astype(np.float32)
COUNTS = np.histogram(NUMBERS.uniform(size=99), np.linspace(0, 1, 11))[0]
RGB = NUMBERS.integers(0, 256, (12, 16, 3)).astype(np.uint8)
AROUND = Scale.around_zero("activation", MAP)
GATE = Scale.gate("gate")


def figure(*panels: Panel, columns: int = 3, **more: object) -> Figure:
    """A figure of these panels with a small table."""
    table = Table(("channel", "gate"), ((0, 0.25), (1, 0.5)))
    return Figure("sample", "A title", panels, columns, table, "what is seen", **more)  # type: ignore[arg-type]


def to_plotly(sample: Figure, dark: bool = False) -> go.Figure:
    """The figure as plotly holds it, with few of its checks."""
    return go.Figure(spec(sample, dark), skip_invalid=True)


def one(*marks: Mark, **more: object) -> Figure:
    """A figure of one panel."""
    return figure(Panel(marks, **more))  # type: ignore[arg-type]


def every_mark(words: str = "panel") -> Figure:
    """A figure with every mark, two scales, categories, legends and a note."""
    x = np.linspace(-3, 3, 31)
    names = np.array(["cat", "red panda", "bus"])
    return figure(
        Panel((Photo(RGB), Box(2, 2, 6, 6)), f"{words} 1"),
        Panel((Heat(MAP, AROUND),), f"{words} 2", "column", "row", equal=True),
        Panel((Heat(np.abs(MAP) / 9, GATE, "s"),), f"{words} 3", y_ticks=tuple("abcdefg"), x_ticks=(0, 4, 8)),
        Panel(
            (
                Line(x, np.tanh(x), "tanh", "sigmoid"),
                Line(x, x / 3, "line", "h_sigmoid", dash=True),
                Points(x[::15], x[::15] / 3, "dots", "pinned", ("a", "b", "c")),
                Rule(0.5, "y", "half"),
                Rule(1, "x", "one"),
                Arrow(-2, 0.5, 0, 0),
                Text(-2, 0.6, "look"),
            ),
            f"{words} 4",
            "logit",
            "gate",
        ),
        Panel((Bars(np.array([0.6, 0.3, 0.1]), names, "before", "muted", True),), f"{words} 5", "probability"),
        Panel((Bars(np.arange(0.05, 1, 0.1), COUNTS, "gates", "gate", width=0.1),), f"{words} 6", "gate", "how many"),
        note="A note.",
        height=900,
    )


# colours ----------------------------------------------------------------------------------------------------


def linear(colour: str) -> np.ndarray:
    """#rrggbb -> linear light (3,)."""
    share = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)


def luminance(colour: str) -> float:
    return float(linear(colour) @ [0.2126, 0.7152, 0.0722])


def contrast(a: str, b: str) -> float:
    """WCAG 2 contrast ratio."""
    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


@THEMES
@pytest.mark.parametrize("name", [name for name in palette.ROLES if name not in ("grid", "on_light", "on_dark")])
def test_roles_stand_out_from_the_page(name: str, dark: bool) -> None:
    least = 4.5 if name in ("ink", "muted") else 3.0
    assert contrast(palette.role(name, dark), palette.background(dark)) >= least


# Machado, Oliveira and Fernandes (2009), severity 1, on linear light
BLINDNESS = {
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}
TOGETHER = [  # roles that meet in one panel
    *(("pinned", other) for other in ("u", "z", "gate", "logit", "hidden", "branch0", "branch1")),
    *(("sigmoid", "h_sigmoid"), ("pre", "hidden"), ("hidden", "dead"), ("pre", "dead"), ("u", "z"), ("logit", "gate")),
    *(
        (a, b)
        for i, a in enumerate(("dead", "gate", "u", "ink"))
        for b in ("dead", "gate", "u", "ink", "pinned")[i + 1 :]
    ),
    *(("branch0", "branch1"), ("branch0", "branch2"), ("branch1", "branch2")),
]


def lab(light: np.ndarray) -> np.ndarray:
    """Linear light -> CIE L*a*b*, D65."""
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ np.clip(
        light, 0, 1
    )
    t = xyz / [0.9505, 1, 1.089]
    f = np.where(t > 0.008856, np.cbrt(t), 7.787 * t + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@THEMES
@pytest.mark.parametrize("pair", TOGETHER, ids="-".join)
def test_roles_that_meet_are_told_apart_with_every_kind_of_sight(pair: tuple[str, str], dark: bool) -> None:
    a, b = (linear(palette.role(name, dark)) for name in pair)
    for matrix in (np.eye(3), *map(np.array, BLINDNESS.values())):
        assert np.linalg.norm(lab(matrix @ a) - lab(matrix @ b)) > 10


def test_ramps_are_monotonic_in_brightness() -> None:
    for name in palette._STOPS.keys() - set(palette.DIVERGING):
        bright = [luminance(colour) for colour in palette.stops(name)]
        assert all(a > b for a, b in pairwise(bright))
    for name in palette.DIVERGING:
        bright = [luminance(colour) for colour in palette.stops(name)]
        middle = len(bright) // 2
        assert all(a < b for a, b in pairwise(bright[: middle + 1]))
        assert all(a > b for a, b in pairwise(bright[middle:]))


def test_unknown_colours_are_refused() -> None:
    with pytest.raises(ValueError, match="colour must be one of"):
        Line(np.arange(2), np.arange(2), colour="tomato")
    with pytest.raises(ValueError, match="palette must be one of"):
        Scale("x", 0, 1, "jet")


# grammar ----------------------------------------------------------------------------------------------------


def test_scales_fit_their_values() -> None:
    assert (AROUND.low, AROUND.high) == (-np.abs(MAP).max(), np.abs(MAP).max())
    assert (Scale.around_zero("zero", np.zeros(3)).low, Scale.around_zero("zero", []).high) == (-1, 1)
    assert Scale.around_zero("holes", [np.nan, -2, np.inf]).high == 2
    assert (Scale.span("z", [0, 4]).low, Scale.span("z", [0, 4]).high) == (0, 4)
    assert (Scale.span("z", [3, 3]).low, Scale.span("z", [3, 3]).high) == (2.5, 3.5)
    assert Scale.gate("gate") == GATE
    assert GATE.ticks == (0, 0.5, 1)
    assert AROUND.ticks == (AROUND.low, 0, AROUND.high)
    assert Scale("crowded", 0, 1, "squeeze", (0.01, 0.5, 2)).ticks == (0, 0.5, 1)
    for low, high in ((1, 1), (2, 1), (np.nan, 1), (0, np.inf)):
        with pytest.raises(ValueError, match="low must be below high"):
            Scale("bad", low, high, "gate")


def test_paint_maps_ends_middle_beyond_and_nothing() -> None:
    ramp = palette.stops("activation")
    painted = Scale("x", -2, 2, "activation").paint(np.array([-2, 0, 2, 99, -99, np.nan]))
    hexes = ["#" + bytes(rgb).hex() for rgb in painted]
    assert hexes[0] == hexes[4] == ramp[0]
    assert hexes[2] == hexes[3] == ramp[-1]
    assert np.abs(painted[1].astype(int) - 0xF7).max() <= 2
    assert hexes[5] == "#808080"


@pytest.mark.parametrize(
    ("build", "why"),
    [
        (lambda: Photo(RGB.astype(float)), "uint8"),
        (lambda: Photo(RGB[..., 0]), "uint8"),
        (lambda: Heat(MAP[0], AROUND), "heat values"),
        (lambda: Bars(np.arange(3), np.arange(2)), "equally long"),
        (lambda: Line(MAP, MAP), "equally long"),
        (lambda: Points(np.arange(2), np.arange(2), labels=("a",)), "equally long"),
        (lambda: Rule(0, "z"), "axis must be"),
        (lambda: Text(0, 0, "a", anchor="left"), "anchor must be"),
        (lambda: Table(("a", "b"), ((1,),)), "a row of 1"),
        (lambda: Figure("key", "", (Panel(()),), 1, Table((), ()), alt=" "), "alt text"),
        (lambda: Figure("key", "", (Panel(()),), 2, Table((), ()), alt="a", widths=(1,)), "widths must be"),
        (lambda: Figure("key", "", (), 1, Table((), ()), alt="a"), "panels"),
    ],
)
def test_what_cannot_be_drawn_is_refused(build, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        build()


def test_a_figure_does_not_change_with_the_arrays_it_was_made_of() -> None:
    values = MAP.copy()
    heat = Heat(values, AROUND)
    values[:] = 0
    assert np.array_equal(heat.values, MAP)
    with pytest.raises(ValueError, match="read-only"):
        heat.values[0, 0] = 1


def test_limits_of_cells_bars_lines_and_categories() -> None:
    assert Panel((Heat(MAP, AROUND),)).limits == ((-0.5, 8.5), (6.5, -0.5))
    assert Panel((Bars(np.arange(3), np.array([1, 2, 4])),)).limits[1] == (0, 4.2)
    low, high = Panel((Bars(np.arange(3), np.array([1, -2, 4])),)).limits[1]
    assert low < -2 and high > 4
    ranked = Panel((Bars(np.array([2, 1]), np.array(["a", "b"]), horizontal=True),))
    assert ranked.ticks("y") == ((0.0, "a"), (1.0, "b"))
    assert ranked.limits[1][0] > ranked.limits[1][1]
    assert Panel((Rule(3, "x"), Rule(1, "x"))).limits[0] == pytest.approx((0.9, 3.1))
    assert Panel((Line(np.array([np.nan]), np.array([1.0])),)).limits == ((0, 1), (0.5, 1.5))
    assert Panel((Heat(MAP, AROUND),), x_range=(1, 2)).limits[0] == (1, 2)
    mixed = (Bars(np.array(["b"]), np.array([1])), Bars(np.array(["a"]), np.array([2])))
    assert Panel(mixed).categories("x") == ("b", "a")
    assert Panel(mixed, x_ticks=("a", "b")).categories("x") == ("a", "b")


def test_shares_give_photos_their_own_width() -> None:
    square, wide = Panel((Photo(RGB[:, :12]),)), Panel((Line(np.arange(2), np.arange(2)),))
    assert figure(square, wide, columns=2).shares(4.0) == pytest.approx((0.25, 0.75))
    assert figure(square, square, columns=2).shares(4.0) == pytest.approx((0.25, 0.25))
    assert figure(square, wide, columns=2, widths=(1, 3)).shares(9.0) == pytest.approx((0.25, 0.75))
    assert sum(figure(square, square, square).shares(1.0)) == pytest.approx(1)


def test_numbers_for_labels() -> None:
    texts = [number(v) for v in (0, -0.0, 1, -0.5, 0.12345, 1234.5, 123456, 1e-5, -2.5e-7, 99999)]
    assert texts == ["0", "0", "1", "−0.5", "0.123", "1234", "1.23e5", "1e−5", "−2.5e−7", "99999"]


def test_words_wrap_in_both_scripts() -> None:
    assert wrap("one two three", 3) == ["one", "two", "three"]
    assert wrap("压缩激励重标定", 3) == ["压缩激", "励重标", "定"]
    assert wrap("压缩激，励", 3) == ["压缩激，", "励"]
    assert wrap("a\nb", 9) == ["a", "b"]
    assert ems("压缩") == 2
    assert short("cat") == "cat"
    assert short("a sentence that is a class", 6).endswith("…")
    assert ems(short("a sentence that is a class", 6)) <= 7


@pytest.mark.parametrize("columns", [1, 2, 3, 6])
def test_layout_keeps_panels_apart_and_on_the_page(columns: int) -> None:
    sample = every_mark()
    sample = figure(*sample.panels, columns=columns, height=300)
    page = place(sample, 1000, top=40, bottom=10, side=10)
    for start in range(0, len(page.panels), columns):
        rects = [panel.rect for panel in page.panels[start : start + columns]]
        assert all(a[0] + a[2] < b[0] for a, b in pairwise(rects))
        assert all(rect[0] >= 0 and rect[0] + rect[2] <= 1000 and rect[2] > 30 and rect[3] >= 96 for rect in rects)
        assert rects[0][1] + rects[0][3] <= page.height
    assert all(bar.rect.foot <= page.height for bar in page.bars)


# screen ----------------------------------------------------------------------------------------------------


def slim(sample: Figure, width: float = 320) -> PlacedFigure:
    return place(sample, width, slim=True)


def test_on_a_slim_page_panels_stand_below_each_other_and_nothing_sticks_out() -> None:
    sample, page = one_column(every_mark()), slim(every_mark())
    assert sample.columns == 1 and len(sample.panels) == len(every_mark().panels)
    foot = 0.0
    for panel in page.panels:
        left, top, width, height = panel.rect
        assert left >= 0 and left + width <= 320 and top >= foot and height > 0
        foot = top + height
    assert foot <= page.height
    assert {bar.scale for bar in page.bars} == set(sample.scales)
    for bar in page.bars:
        left, top, width, _ = bar.rect
        r = bar.panels[-1]
        assert left >= 0 and left + width <= 320 and top > page.panels[r].rect.foot, "below its panel, not beside"
        assert r + 1 == len(sample.panels) or bar.rect.foot < page.panels[r + 1].rect.top


def test_on_a_slim_page_one_bar_serves_neighbours_and_one_number_needs_no_large_cell() -> None:
    heat, one_cell = (Panel((Heat(values, AROUND),), equal=True, axes=False) for values in (MAP, MAP[:1, :1]))
    page = slim(figure(heat, heat, one_cell))
    (bar,) = page.bars
    assert bar.panels == (0, 1, 2) and bar.rect.top > page.panels[2].rect.foot
    assert page.panels[2].rect.height <= 80 < page.panels[0].rect.height


def test_panels_that_shared_an_axis_take_its_words_along() -> None:
    names = tuple((float(i), name) for i, name in enumerate("abc"))
    bars = Bars(np.arange(3.0), np.arange(3.0), horizontal=True)
    first = Panel((bars,), y="which", y_range=(2.5, -0.5), y_ticks=names)
    second = Panel((bars,), y_range=(2.5, -0.5), y_ticks=tuple((at, "") for at, _ in names))
    _, below = one_column(figure(first, second)).panels
    assert below.ticks("y") == names and below.y == "which"
    other = Panel((bars,), y_range=(5, -5))
    assert one_column(figure(first, other)).panels[1].y == ""


def test_words_beside_bars_find_room_on_a_slim_page() -> None:
    sample = one(Bars(np.ones(1), np.zeros(1), horizontal=True), Text(1, 0, "a long word", anchor="start"))
    (_, wide), (_, narrow) = (spec(sample, width=width)["layout"]["xaxis"]["range"] for width in (NOMINAL, 320))
    assert wide == sample.panels[0].limits[0][1]
    assert (narrow - 1) / narrow * 320 > 16 * ems("a long word") * 0.8


@pytest.mark.parametrize("width", [SLIM - 1, 320])
def test_slim_figures_pass_plotlys_own_checks(width: float) -> None:
    go.Figure(spec(every_mark("a title that is longer than a slim page is wide"), width=width))


@THEMES
def test_every_mark_passes_plotlys_own_checks(dark: bool) -> None:
    drawn = to_plotly(every_mark(), dark)
    strict = go.Figure(spec(every_mark(), dark))  # raises on anything plotly does not know
    assert [t.type for t in drawn.data] == [t.type for t in strict.data]
    assert drawn.layout.uirevision == "sample"
    assert drawn.layout.paper_bgcolor == "rgba(0,0,0,0)"
    fonts = [a.font.size for a in drawn.layout.annotations if a.text] + [drawn.layout.xaxis.tickfont.size]
    assert min(fonts) >= 14
    hovering = [t for t in drawn.data if t.hoverinfo != "skip"]
    assert hovering and all(t.hovertemplate for t in hovering)


def test_heat_carries_its_numbers_and_its_range() -> None:
    drawn = to_plotly(every_mark())
    heats = [t for t in drawn.data if t.type == "heatmap"]
    assert np.array_equal(heats[0].z, MAP)
    assert np.array_equal(heats[1].z, np.abs(MAP) / np.float32(9))
    for heat, scale in zip(heats, (AROUND, GATE), strict=True):
        axis = drawn.layout[heat.coloraxis]
        assert (axis.cmin, axis.cmax) == (scale.low, scale.high)
        assert axis.colorbar.ticktext == tuple(number(t) for t in scale.ticks)
        assert [stop[1] for stop in axis.colorscale] == list(palette.stops(scale.palette))
        assert any(a.text == scale.name for a in drawn.layout.annotations)


def colour_axes(sample: Figure) -> int:
    return sum(key.startswith("coloraxis") for key in spec(sample)["layout"])


def test_every_scale_has_a_bar() -> None:
    heat, gates = Panel((Heat(MAP, AROUND),)), Panel((Heat(MAP, GATE),))
    assert colour_axes(one(Line(np.arange(2), np.arange(2)))) == 0
    assert colour_axes(figure(heat, heat)) == 1
    assert colour_axes(figure(heat, gates)) == 2
    assert colour_axes(figure(heat, gates, heat)) == 3  # shown again: the first is not beside the third
    assert colour_axes(one(Photo(RGB, GATE))) == 1


@THEMES
def test_marks_take_the_colours_of_their_roles(dark: bool) -> None:
    data = {trace.get("name"): trace for trace in spec(every_mark(), dark)["data"]}
    assert data["tanh"]["line"]["color"] == palette.role("sigmoid", dark)
    assert data["before"]["marker"]["color"] == palette.role("muted", dark)
    assert data["dots"]["marker"]["color"] == palette.role("pinned", dark)


def test_bars_stand_where_and_as_high_as_told() -> None:
    upright = Bars(np.array([3, 5]), np.array([1.0, 2.0]), base=np.array([0.5, 1.0]))
    (bar,) = spec(one(upright))["data"]
    assert (bar["x"].tolist(), bar["y"].tolist(), bar["base"].tolist()) == ([3, 5], [1, 2], [0.5, 1])
    (bar,) = spec(one(Bars(np.array([1.0, 2.0]), np.array(["a", "b"]), horizontal=True)))["data"]
    assert (bar["orientation"], bar["x"].tolist(), bar["y"].tolist()) == ("h", [1, 2], [0, 1])


@pytest.mark.parametrize("scale", [None, GATE])
def test_small_and_painted_photos_arrive_pixel_by_pixel(scale: Scale | None) -> None:
    (source,) = [t["source"] for t in spec(one(Photo(RGB, scale)))["data"] if t["type"] == "image"]
    image = Image.open(io.BytesIO(base64.b64decode(source.split(",")[1])))
    assert np.array_equal(np.asarray(image.convert("RGB")), RGB)


def test_a_large_photo_is_close_and_light() -> None:
    ramp = np.add.outer(np.arange(224), np.arange(224)) // 2
    rgb = np.stack([ramp, ramp[::-1], ramp[:, ::-1]], axis=2).astype(np.uint8)
    source = spec(one(Photo(rgb)))["data"][0]["source"]
    decoded = np.asarray(Image.open(io.BytesIO(base64.b64decode(source.split(",")[1]))).convert("RGB"))
    assert np.abs(decoded.astype(int) - rgb).mean() < 2
    assert len(source) < 60_000


def test_what_is_sent_is_small() -> None:
    sample = figure(
        Panel((Bars(np.arange(256), NUMBERS.uniform(size=256)),)),
        Panel((Heat(NUMBERS.normal(size=(56, 56)), AROUND),), equal=True),
    )
    assert len(plotly.io.to_json(to_plotly(sample), validate=False)) < 40_000


def test_text_is_text() -> None:
    text = "<b>a & b</b>"
    sample = one(Line(np.arange(2), np.arange(2), text), Text(0, 0, text), title=text, x=text)
    sent = plotly.io.to_json(to_plotly(sample), validate=False)
    assert "a \\u0026 b" not in sent and "a & b" not in sent
    assert any(a.text == "&lt;b&gt;a &amp; b&lt;/b&gt;" for a in to_plotly(sample).layout.annotations)


def test_legends_list_names_once_and_one_serves_panels_that_share_them() -> None:
    x = np.arange(3)
    pair = Panel((Line(x, x, "a"), Line(x, x, "b"), Line(x, x, "a")))
    drawn = spec(figure(pair))["data"]
    assert [t["showlegend"] for t in drawn] == [True, True, False]
    shared = figure(pair, Panel(pair.marks, legend=False))
    assert shared.common == ("a", "b")
    assert [t["showlegend"] for t in spec(shared)["data"]] == [True, True, False, False, False, False]
    assert not any(t["showlegend"] for t in spec(figure(Panel(pair.marks, legend=False)))["data"])
    assert not any(t["showlegend"] for t in spec(one(Line(x, x, "alone")))["data"])


# atlas ----------------------------------------------------------------------------------------------------


def steps(picture: atlas.Atlas) -> np.ndarray:
    """Palette indices of the cells, in the order of the atlas: (n, h, w)."""
    sheet = np.asarray(Image.open(io.BytesIO(picture.png))).astype(float)
    found = []
    for channel in picture.order:
        row, column = atlas.cell_at(picture, channel)
        top, left = row * (picture.cell_h + picture.gap), column * (picture.cell_w + picture.gap)
        found.append(sheet[top : top + picture.cell_h, left : left + picture.cell_w])
    return np.stack(found)


@pytest.mark.parametrize("shape", [(5, 7, 7), (1, 1, 1), (12, 4, 9), (64, 14, 14)])
@pytest.mark.parametrize("gap", [0, 1, 2])
def test_atlas_reads_back_within_half_a_step(shape: tuple[int, int, int], gap: int) -> None:
    maps = NUMBERS.normal(size=shape).astype(np.float32)
    scale = Scale.around_zero("u", maps)
    order = NUMBERS.permutation(len(maps))
    picture = atlas.build(maps, scale, order, gap=gap)
    step = (scale.high - scale.low) / (picture.levels - 1)
    values = scale.low + steps(picture) * step
    assert not picture.reduced
    assert picture.order == tuple(order)
    assert np.abs(values - maps[order]).max() <= step / 2 * 1.001
    assert Image.open(io.BytesIO(picture.png)).size == picture.size


def test_atlas_colours_are_the_scales_and_zero_is_the_middle() -> None:
    maps = np.array([[[-1.0, 0.0], [1.0, np.nan]]], np.float32)
    scale = Scale("u", -1, 1, "activation")
    painted = atlas.rgb(atlas.build(maps, scale, [0]))
    ramp = palette.stops("activation")
    hexes = ["#" + bytes(pixel).hex() for pixel in painted.reshape(-1, 3)]
    assert hexes == [ramp[0], ramp[5], ramp[-1], "#808080"]


def test_atlas_gaps_and_holes_are_transparent() -> None:
    maps = np.zeros((3, 2, 2), np.float32)
    maps[0, 0, 0] = np.nan
    picture = atlas.build(maps, GATE, range(3), columns=2)
    alpha = np.asarray(Image.open(io.BytesIO(picture.png)).convert("RGBA"))[..., 3]
    opaque = np.ones((5, 5), bool)
    opaque[2], opaque[:, 2], opaque[3:, 3:], opaque[0, 0] = False, False, False, False
    assert np.array_equal(alpha > 0, opaque)


@pytest.mark.parametrize("draw", [NUMBERS.normal, NUMBERS.uniform], ids=["normal", "uniform"])
def test_atlas_averages_large_maps_and_stays_light(draw) -> None:
    maps = draw(size=(256, 56, 56)).astype(np.float32)
    scale = Scale.span("u", maps)
    picture = atlas.build(maps, scale, range(256))
    assert picture.reduced
    assert 256 * picture.cell_h * picture.cell_w <= 120_000
    assert len(picture.png) <= 75_000
    # area means keep the mean of every map, up to quantisation
    values = scale.low + steps(picture) * (scale.high - scale.low) / (picture.levels - 1)
    assert np.abs(values.mean(axis=(1, 2)) - maps.mean(axis=(1, 2))).max() < 0.01 * (scale.high - scale.low)


def test_atlas_means_are_exact_where_cells_divide() -> None:
    maps = np.arange(64, dtype=np.float32).reshape(1, 8, 8)
    picture = atlas.build(maps, Scale("u", 0, 63, "squeeze"), [0], cell=4)
    blocks = maps.reshape(4, 2, 4, 2).mean(axis=(1, 3))
    assert (picture.cell_h, picture.cell_w, picture.reduced) == (4, 4, True)
    assert np.abs(steps(picture)[0] * 63 / (picture.levels - 1) - blocks).max() <= 63 / (picture.levels - 1) / 2 * 1.001


def test_atlas_refuses_what_it_cannot_draw() -> None:
    maps = np.zeros((3, 2, 2))
    with pytest.raises(ValueError, match=r"maps are \(C, H, W\)"):
        atlas.build(maps[0], GATE, [0])
    with pytest.raises(ValueError, match="order must name channels"):
        atlas.build(maps, GATE, [])
    with pytest.raises(ValueError, match="from 0 to 2"):
        atlas.build(maps, GATE, [3])
    with pytest.raises(KeyError):
        atlas.cell_at(atlas.build(maps, GATE, [0, 1]), 2)
