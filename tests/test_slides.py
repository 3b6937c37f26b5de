"""Slides: the numbers of the screen, the right size, nothing clipped, no boxes instead of characters."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import re
import subprocess
import sys
import threading
import warnings
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest
from matplotlib import font_manager
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as MplFigure
from matplotlib.text import Text as Words
from PIL import Image

from senet_viz import i18n
from senet_viz.drawing import palette
from senet_viz.drawing.grammar import Bars, Box, Figure, Heat, Line, Panel, Photo, Points, Scale, Table, Text
from senet_viz.drawing.renderers import fonts, slides
from senet_viz.drawing.renderers.screen import spec
from senet_viz.figures.walk.excitation import draw_network
from senet_viz.photos import samples
from tests.test_drawing import AROUND, GATE, MAP, RGB, THEMES, every_mark, figure, one

CHINESE = "压缩与激励"
FONT = fonts.font_for(CHINESE)
needs_chinese = pytest.mark.skipif(FONT is None, reason="no installed font covers Chinese")


def build(lang: str) -> Figure:
    sample = every_mark(CHINESE if lang == "zh" else "panel")
    return replace(sample, title=CHINESE) if lang == "zh" else sample


def image(slide: slides.Slide) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(slide.data)).convert("RGB"))


def sketch(sample: Figure, dark: bool = False) -> np.ndarray:
    """The slide's pixels, small."""
    page = slides.draw(sample, dark)
    page.set_dpi(48)
    canvas = FigureCanvasAgg(page)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())


@THEMES
def test_png_is_a_slide_of_2560_by_1440(dark: bool) -> None:
    slide = slides.render(build, "png", dark=dark)
    pixels = image(slide)
    assert pixels.shape == (1440, 2560, 3)
    assert "#" + bytes(pixels[0, 0]).hex() == palette.background(dark)
    assert len(np.unique(pixels[::8, ::8].reshape(-1, 3), axis=0)) > 200
    assert (slide.mime, slide.note) == ("image/png", None)
    assert Image.open(io.BytesIO(slide.data)).text["Description"] == "what is seen"


@THEMES
def test_every_mark_of_a_panel_changes_the_slide(dark: bool) -> None:
    """Left out one by one: no mark is silently dropped."""
    for panel in every_mark().panels:
        fixed = {f"{axis}_ticks": panel.ticks(axis) or () for axis in "xy"}
        panel = replace(panel, x_range=panel.limits[0], y_range=panel.limits[1], legend=False, **fixed)
        whole = sketch(figure(panel), dark)
        for mark in panel.marks if len(panel.marks) > 1 else ():
            rest = replace(panel, marks=tuple(m for m in panel.marks if m is not mark))
            assert not np.array_equal(whole, sketch(figure(rest), dark)), mark


@THEMES
def test_slide_and_screen_show_the_same_numbers_colours_and_ranges(dark: bool) -> None:
    sample = every_mark()
    page, screen = slides.draw(sample, dark), spec(sample, dark)
    shown = [im for axes in page.axes[: len(sample.panels)] for im in axes.images]
    heats = [im for im in shown if im.get_array().ndim == 2]
    traces = [trace for trace in screen["data"] if trace["type"] == "heatmap"]
    for im, trace in zip(heats, traces, strict=True):
        axis = screen["layout"][trace["coloraxis"]]
        assert np.array_equal(im.get_array(), trace["z"])
        assert (im.norm.vmin, im.norm.vmax) == (axis["cmin"], axis["cmax"])
        ends = ["#" + bytes(round(float(v) * 255) for v in im.cmap(at)[:3]).hex() for at in (0.0, 1.0)]
        assert ends == [axis["colorscale"][0][1], axis["colorscale"][-1][1]]
    for n, axes in enumerate(page.axes[: len(sample.panels)], start=1):
        suffix = "" if n == 1 else n
        assert axes.get_xlim() == tuple(screen["layout"][f"xaxis{suffix}"]["range"])
        assert axes.get_ylim() == tuple(screen["layout"][f"yaxis{suffix}"]["range"])
    (line,) = [trace for trace in screen["data"] if trace.get("name") == "tanh"]
    drawn = next(ln for ln in page.axes[3].lines if ln.get_label() == "tanh")
    assert np.allclose(drawn.get_ydata(), line["y"], atol=1e-6)
    assert drawn.get_color() == line["line"]["color"]
    assert [p.get_width() for p in page.axes[4].patches] == pytest.approx([0.6, 0.3, 0.1])


@pytest.mark.parametrize("scales", [(AROUND,), (AROUND, GATE), (AROUND, GATE, AROUND)])
def test_every_scale_has_a_bar_with_its_name_and_range(scales: tuple[Scale, ...]) -> None:
    page = slides.draw(figure(*(Panel((Heat(MAP, scale),)) for scale in scales)))
    bars = page.axes[len(scales) :]
    assert len(bars) == len(scales)
    for axes, scale in zip(bars, scales, strict=True):
        ramp = axes.images[0].get_array()
        assert (ramp.min(), ramp.max()) == (scale.low, scale.high)
        assert any(scale.name == words.get_text().replace("\n", " ") for words in page.texts)


GALLERY = {
    "every": every_mark(),
    "photos": figure(Panel((Photo(RGB), Box(0, 0, 5, 5)), "a photo"), Panel((Photo(RGB, GATE),), "an atlas")),
    "ranked": one(Bars(np.array([3, 2]), np.array(["a class with a very long name indeed", "b"]), horizontal=True)),
    "leaning": one(
        Bars(np.array([f"a longer name {i}" for i in range(14)]), np.arange(14)), title="classes", x="class"
    ),
    "tiny numbers": figure(*(Panel((Heat(MAP * 1e-6, Scale.around_zero("tiny", MAP * 1e-6)),)) for _ in range(3))),
    "crowd": figure(
        *(
            Panel(tuple(Line(np.arange(9), np.arange(9) * k, f"class {k}", "u") for k in range(4)), f"SE_{i}", "c", "s")
            for i in range(9)
        ),
        note="A note that is long enough to need a second line on the slide, which is wide but not that wide. " * 3,
    ),
    "long": replace(every_mark(), title="A title that is much too long for one line of a slide, so it is broken " * 2),
}


def out_of_view(page: MplFigure) -> set[int]:
    """Labels of ticks beyond the ends of their axes, which matplotlib keeps and does not draw."""
    found = set()
    for axes in page.axes:
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            slack = 1e-9 * (high - low)
            ticks = [t for t in axis.get_major_ticks() if not low - slack <= t.get_loc() <= high + slack]
            found |= {id(label) for tick in ticks for label in (tick.label1, tick.label2)}
    return found


@pytest.mark.parametrize("name", GALLERY)
def test_nothing_is_clipped_and_texts_stay_apart(name: str) -> None:
    with matplotlib.rc_context({"font.family": ["DejaVu Sans"], "text.parse_math": False}):
        page = slides.draw(GALLERY[name])
        page.set_dpi(100)
        page.draw_without_rendering()
        boxes, hidden = [], out_of_view(page)
        for words in page.findobj(Words):
            box = words.get_window_extent()
            if words.get_visible() and words.get_text().strip() and id(words) not in hidden:
                boxes.append((words, box))
        for words, box in boxes:
            assert box.x0 >= -1 and box.y0 >= -1, words
            assert box.x1 <= page.bbox.width + 1 and box.y1 <= page.bbox.height + 1, words
        marks = {
            id(t) for axes in page.axes for t in axes.texts if isinstance(t.xycoords, str) and t.xycoords == "data"
        }
        upright = [(w, b) for w, b in boxes if id(w) not in marks and w.get_rotation() in (0, 90)]
        for i, (words, box) in enumerate(upright):
            for other, rival in upright[i + 1 :]:
                shared_x = min(box.x1, rival.x1) - max(box.x0, rival.x0)
                shared_y = min(box.y1, rival.y1) - max(box.y0, rival.y0)
                assert shared_x < 2 or shared_y < 4, (words, other)


def test_svg_is_whole_and_the_same_every_time() -> None:
    slide = slides.render(build, "svg")
    root = ElementTree.fromstring(slide.data)
    images = root.findall(".//{http://www.w3.org/2000/svg}image")
    assert len(images) == 3 + 2  # a photo, two heat-maps, two colour bars
    for found in images:
        kind, data = found.attrib["{http://www.w3.org/1999/xlink}href"].split(",")
        assert kind == "data:image/png;base64"
        assert Image.open(io.BytesIO(base64.b64decode(data))).size > (1, 1)
    assert slide == slides.render(build, "svg")
    width, height = (float(root.attrib[side].removesuffix("pt")) for side in ("width", "height"))
    assert width / height == pytest.approx(16 / 9)


def written(slide: slides.Slide) -> list[str]:
    """Every line of text of an SVG."""
    return ["".join(e.itertext()) for e in ElementTree.fromstring(slide.data).iter("{http://www.w3.org/2000/svg}text")]


@pytest.mark.parametrize("lang", ["en", pytest.param("zh", marks=needs_chinese)])
def test_words_of_an_svg_are_text_in_a_font_that_has_them(lang: str) -> None:
    slide = slides.render(build, "svg", lang)
    sample, said = build(lang), written(slide)
    for words in (sample.title, sample.note, *(panel.title for panel in sample.panels), "half", "tanh", "look"):
        assert words in said
    assert b"<use" not in slide.data.split(b"</defs>")[-1] or b"glyph" not in slide.data
    families = re.findall(r"font:[^;]*|font-family:[^;\"]*", slide.data.decode())
    assert families and all("PingFang SC" in each and "sans-serif" in each for each in families)


def test_pdf_is_one_and_the_same_every_time() -> None:
    slide = slides.render(build, "pdf", dark=True)
    assert slide.data.startswith(b"%PDF") and slide.data.rstrip().endswith(b"%%EOF")
    assert slide == slides.render(build, "pdf", dark=True)


def test_csv_round_trips() -> None:
    numbers = (0.1, np.float32(0.1), 1 / 3, np.float64(1e-17), 7, np.int64(-3))
    table = Table(("通道", 'a "quoted", name'), tuple((v, f"line\n{i}, {v}") for i, v in enumerate(numbers)))
    slide = slides.render(lambda _: replace(every_mark(), table=table), "csv", "zh")
    assert slide.data.startswith(b"\xef\xbb\xbf")
    header, *rows = csv.reader(io.StringIO(slide.data.decode("utf-8-sig"), newline=""))
    assert tuple(header) == table.header
    assert [type(v)(row[0]) for v, row in zip(numbers, rows, strict=True)] == list(numbers)
    assert [row[1] for row in rows] == [row[1] for row in table.rows]
    assert (slide.mime, slide.note) == ("text/csv", None)


def test_csv_holds_no_formula() -> None:
    rows = list(csv.reader(io.StringIO(Table(("n", "v"), (("=1+1", -2.5),)).csv().decode("utf-8-sig"))))
    assert rows[1] == ["'=1+1", "-2.5"]


def test_names_tell_files_apart() -> None:
    slide = slides.render(lambda _: replace(every_mark(), key="Role of Excitation/5_3"), "csv")
    assert slide.name == f"role-of-excitation-5-3-{hashlib.sha256(slide.data).hexdigest()[:8]}.csv"
    light, dark = (slides.render(build, "svg", dark=dark).name for dark in (False, True))
    assert light != dark


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(ValueError, match="format must be one of"):
        slides.render(build, "pptx")


# where it comes from ---------------------------------------------------------------------------------------------

LINK = (
    "http://localhost:8501/excitation?photo=china&model=tiny_se&weights=pretrained&block=layer1.0.se&channel=24"
    "&device=auto&lang=zh&sort=index&scope=channel&gatefn=own&carpet=sorted&pool=average&out=1"
    "&importance=gradient_gate&target=own&edits=layer3.1.se%3Ashuffle%3D3%2Clayer4.2.se%3Aones&amount=0.5"
)
SOURCE = "tiny SE · layer3.1.se · photo: Temple (danielbuechele, CC BY 2.0)"


def sourced(lang: str) -> Figure:
    return replace(build(lang), source=SOURCE, link=LINK)


@pytest.mark.parametrize("lang", ["en", pytest.param("zh", marks=needs_chinese)])
def test_a_slide_says_at_its_foot_what_it_shows_and_where(lang: str) -> None:
    with matplotlib.rc_context({"font.family": [FONT if lang == "zh" else fonts.FALLBACK, fonts.FALLBACK]}):
        page = slides.draw(sourced(lang))
        page.set_dpi(100)
        page.draw_without_rendering()
        hidden = out_of_view(page)
        lines = [w for w in page.findobj(Words) if w.get_text().strip() and w.get_visible() and id(w) not in hidden]
        lines.sort(key=lambda words: words.get_window_extent().y0)
        address = [words for words in lines if words.get_url() == LINK]
        assert len(address) > 1 and "".join(words.get_text() for words in reversed(address)) == LINK
        assert [words.get_text() for words in lines[len(address) :][:2]] == [SOURCE, "A note."]
        assert all(words.get_fontsize() < 11 for words in address)
        assert all(words.get_window_extent().x1 <= page.bbox.width * (1 - 36 / 960) + 1 for words in address)


def test_what_is_not_known_takes_no_room() -> None:
    bare, told = (slides.draw(sample("en")) for sample in (build, sourced))
    low = [min(axes.get_position().y0 for axes in page.axes) for page in (bare, told)]
    assert low[0] < low[1]
    texts = {w.get_text() for w in bare.findobj(Words)}
    assert not any("http" in text or "photo" in text for text in texts)


def test_the_address_can_be_followed_and_the_table_stays_as_it_is() -> None:
    root = ElementTree.fromstring(slides.render(sourced, "svg").data)
    links = {a.attrib["{http://www.w3.org/1999/xlink}href"] for a in root.iter("{http://www.w3.org/2000/svg}a")}
    assert links == {LINK}
    assert b"/URI" in slides.render(sourced, "pdf").data
    assert slides.render(sourced, "csv").data == slides.render(build, "csv").data


@pytest.mark.parametrize("sample", samples.SAMPLES, ids=lambda sample: sample.key)
@pytest.mark.parametrize("lang", i18n.LANGUAGES)
def test_samples_bring_their_credit_and_own_photos_have_none(sample: samples.Sample, lang: str) -> None:
    t = i18n.texts(lang)
    said = samples.source(t, "tiny SE", "layer3.1.se", sample.key)
    assert said.startswith("tiny SE · layer3.1.se · ") and sample.credit in said and t(sample.title) in said
    assert samples.source(t, "m", "b", "").split(" · ") == ["m", "b", t("export.photo.own")]
    assert "IMG_1.jpg" in samples.source(t, photo="IMG_1.jpg")
    assert samples.source(t) == ""


# what is framed ----------------------------------------------------------------------------------------------------


@THEMES
@pytest.mark.parametrize("channels", [16, 64, 512])
def test_the_row_that_is_framed_can_be_seen(channels: int, dark: bool) -> None:
    rng = np.random.default_rng(0)
    w1, w2 = rng.normal(size=(4, channels)), rng.normal(size=(channels, 4))
    at = channels // 2
    w1[:, at] = w2[at] = 10.0
    z, gate, hidden = rng.uniform(size=channels), rng.uniform(size=channels), np.array([0.5, 0, 2, 0])
    figure = draw_network(z, w1, hidden, w2, gate, at, "ReLU", i18n.texts("en"))
    page = slides.draw(figure, dark)
    page.set_dpi(192)
    canvas = FigureCanvasAgg(page)
    canvas.draw()
    pixels = np.asarray(canvas.buffer_rgba())[..., :3]
    for axes in (page.axes[1], page.axes[3]):
        top = axes.images[0].cmap(1.0)[:3]
        x, y = axes.transData.transform((1.5, at))
        column = pixels[:, round(x)]
        middle = len(pixels) - round(y)
        near = column[middle - 6 : middle + 7].astype(float)
        seen = np.abs(near / 255 - top).max(axis=1).min()
        # of 512 rows each is less than a point high, so that neighbours shine through
        assert seen < (0.02 if channels < 512 else 0.5)
        pinned = np.array([int(palette.role("pinned", dark)[i : i + 2], 16) for i in (1, 3, 5)])
        assert np.abs(column[middle - 60 : middle + 61].astype(int) - pinned).max(axis=1).min() < 8


def test_a_unit_that_is_off_is_in_the_legend_with_its_dot_and_only_then() -> None:
    def names(hidden: np.ndarray) -> dict[str, Any]:
        rng = np.random.default_rng(0)
        figure = draw_network(
            rng.normal(size=8), rng.normal(size=(4, 8)), hidden, rng.normal(size=(8, 4)), rng.uniform(size=8), 3,
            "ReLU", i18n.texts("en"),
        )  # fmt: skip
        assert set(figure.panels[2].named) == {m.name for m in figure.panels[2].marks}  # type: ignore[union-attr]
        return {m.name: m for m in figure.panels[2].marks if isinstance(m, Bars | Points)}

    on, off = (i18n.text(f"fig.net.{key}", "en") for key in ("alive", "dead"))
    assert set(names(np.array([1.0, 2, 3, 4]))) == {on}
    assert set(names(np.zeros(4))) == {off}
    for hidden in (np.array([1.0, 0, 3, 0]), np.zeros(4)):
        dots = names(hidden)[off]  # a bar of no height would not be seen, and one of some would not be true
        assert isinstance(dots, Points) and dots.x.tolist() == np.flatnonzero(hidden == 0).tolist()
        assert not dots.y.any()


# fonts ----------------------------------------------------------------------------------------------------

DEJAVU = [face for face in font_manager.fontManager.ttflist if face.name == fonts.FALLBACK]


def test_font_for_knows_what_a_font_has() -> None:
    assert fonts.font_for("gate", []) is None
    assert fonts.font_for("gate σ(W₂δ(W₁z)) ≤ 1", DEJAVU) == fonts.FALLBACK
    assert fonts.font_for(CHINESE, DEJAVU) is None
    assert fonts.font_for("gate") is not None


@pytest.mark.parametrize("fonts", [[], DEJAVU], ids=["none", "latin"])
@pytest.mark.parametrize("fmt", ["png", "svg", "pdf"])
def test_without_a_font_the_slide_is_english_and_says_so(fmt: str, fonts: list) -> None:
    asked = []

    def ask(lang: str) -> Figure:
        asked.append(lang)
        return build(lang)

    slide = slides.render(ask, fmt, "zh", fonts=fonts)
    assert asked == ["zh", "en"]
    assert slide.note == slides.NO_FONT
    assert slide.data == slides.render(build, fmt, "en", fonts=fonts).data
    assert slides.render(build, fmt, "en", fonts=fonts).note is None


def test_a_character_that_no_font_has_becomes_a_question_mark() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        odd = slides.render(lambda _: one(Text(0, 0, "a 犬 b"), title="犬"), "png", fonts=DEJAVU)
    asked = slides.render(lambda _: one(Text(0, 0, "a ? b"), title="?"), "png", fonts=DEJAVU)
    assert np.array_equal(image(odd), image(asked))
    assert odd.note == slides.NO_GLYPH


@needs_chinese
@pytest.mark.parametrize("fmt", ["png", "svg", "pdf"])
def test_chinese_is_drawn_without_a_missing_glyph(fmt: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        slide = slides.render(build, fmt, "zh")
    assert slide.note is None
    assert slide.data != slides.render(build, fmt, "en").data


@needs_chinese
def test_different_characters_look_different() -> None:
    """Boxes would all look the same."""
    with matplotlib.rc_context({"font.family": [FONT]}):
        pages = [sketch(one(Text(0, 0, c, 60))) for c in "压缩激励"]
    assert all(not np.array_equal(a, b) for i, a in enumerate(pages) for b in pages[i + 1 :])


def test_a_dollar_is_a_dollar() -> None:
    said = written(slides.render(lambda _: one(Text(0, 0, "$x^2$"), title="costs $5 or $6"), "svg"))
    assert "$x^2$" in said and "costs $5 or $6" in said


# neighbours ----------------------------------------------------------------------------------------------------


def test_slides_drawn_at_once_are_the_slides_drawn_in_turn() -> None:
    wanted = [(fmt, dark) for fmt in ("png", "svg") for dark in (False, True)]
    alone = [slides.render(build, fmt, dark=dark) for fmt, dark in wanted]
    before = dict(matplotlib.rcParams)
    together: list[slides.Slide | None] = [None] * len(wanted)

    def work(i: int) -> None:
        together[i] = slides.render(build, wanted[i][0], dark=wanted[i][1])

    threads = [threading.Thread(target=work, args=(i,)) for i in range(len(wanted))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert together == alone
    assert dict(matplotlib.rcParams) == before


def test_no_pyplot_no_torch_no_streamlit_and_nothing_heavy_at_import() -> None:
    program = """
import sys
import numpy as np
import senet_viz.drawing.renderers.slides
from senet_viz.drawing import atlas
from senet_viz.drawing.renderers import screen
assert not {"matplotlib", "plotly", "PIL"} & set(sys.modules), "imported before it is needed"
from senet_viz.drawing.grammar import Figure, Heat, Panel, Scale, Table
import plotly.graph_objects as go
figure = Figure("k", "t", (Panel((Heat(np.eye(3), Scale.gate("s")),)),), 1, Table((), ()), "alt")
go.Figure(screen.spec(figure))
senet_viz.drawing.renderers.slides.render(lambda lang: figure, "png")
assert not {"matplotlib.pyplot", "torch", "streamlit"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)


def test_labels_of_points_are_for_the_pointer_alone() -> None:
    sample = one(Points(np.arange(3), np.arange(3), "dots", "u", ("a", "b", "c")))
    (trace,) = spec(sample)["data"]
    assert trace["mode"] == "markers" and trace["hovertext"] == ["a", "b", "c"]
    assert not any(words.get_text() == "a" for words in slides.draw(sample).findobj(Words))
