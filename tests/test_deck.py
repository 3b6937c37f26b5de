"""A deck: its charts hold a figure's numbers, its words show Chinese everywhere, and other programs can open it."""

from __future__ import annotations

import io
import math
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pptx import Presentation

from senet_viz import i18n, lessons
from senet_viz.cli import main
from senet_viz.drawing import palette
from senet_viz.drawing.editable import words
from senet_viz.drawing.editable.presentation import EAST
from senet_viz.drawing.editable.words import Page
from senet_viz.drawing.grammar import Bars, Figure, Heat, Line, Panel, Points, Scale, Series, Table, Text
from senet_viz.drawing.renderers import deck
from senet_viz.drawing.text import number
from tests import drawn, truth
from tests.test_drawing import THEMES, every_mark, figure, one
from tests.test_slides import CHINESE

LANGUAGES = pytest.mark.parametrize("lang", i18n.LANGUAGES)
MODELS = ("tiny_se", "tiny_sk")
LINK = "http://localhost:8501/squeeze?photo=china&model=tiny_se&channel=24&lang=zh"
OFFICE = shutil.which("soffice") or shutil.which("libreoffice")


def read(*pages: Page, lang: str = "en", dark: bool = False) -> Any:
    return Presentation(io.BytesIO(deck.render(pages, lang, dark)))


def shapes(slide: Any) -> Iterator[Any]:
    return iter(slide.shapes)


def marked(sample: Figure) -> list[tuple[float, ...]]:
    """The numbers of every series of a figure that is drawn as a chart, as its marks have them."""
    found = []
    for panel in sample.panels:
        every = [m for m in panel.marks if isinstance(m, Series)]
        piled = any(isinstance(m, Bars) and len({*map(str, m.y if m.horizontal else m.x)}) < len(m.x) for m in every)
        if panel.celled or panel.aspect is not None or not panel.axes or piled:
            continue
        alone = all(isinstance(m, Bars) for m in every)
        lines = [m for m in every if isinstance(m, Line)]
        for m in every:
            if isinstance(m, Bars):
                ends = m.lengths if alone else (panel.at("y", m.y) if m.horizontal else m.bases + m.lengths)
                found.append(tuple(map(float, ends)))
            elif not (isinstance(m, Points) and any(_same(m, line) for line in lines)):
                found.append(tuple(map(float, panel.at("y", m.y))))
    return [tuple(v for v in each if not math.isnan(v)) for each in found]


def _same(dots: Points, line: Line) -> bool:
    return all(
        len(a) == len(b) and np.array_equal(a, b, a.dtype.kind == "f") for a, b in ((dots.x, line.x), (dots.y, line.y))
    )


def charted(slide: Any) -> list[tuple[float, ...]]:
    """The numbers of every series of a slide's charts."""
    plots = [shape.chart.plots[0] for shape in shapes(slide) if shape.has_chart]
    return [tuple(v for v in series.values if v is not None) for plot in plots for series in plot.series]


def check(slide: Any, sample: Figure) -> None:
    """A slide has the figure's title, its numbers, and a text for every picture."""
    assert slide.shapes.title.text == sample.title
    assert sorted(charted(slide)) == sorted(marked(sample))  # to the last digit
    for shape in shapes(slide):
        if shape.has_chart or shape.shape_type == 13:  # a picture
            assert next(shape._element.iter("{*}cNvPr")).get("descr", "").strip()
    if len(sample.table.rows) <= words.ROWS:
        notes = slide.notes_slide.notes_text_frame.text.split("\n")
        for row in sample.table.rows:
            assert "\t".join(" ".join(("" if v is None else str(v)).split()) for v in row) in notes


def numbered(figures: tuple[Figure, ...], lang: str, dark: bool) -> None:
    """A deck of these figures has a slide of each, with its numbers."""
    made = read(*map(Page, figures), lang=lang, dark=dark)
    assert len(made.slides) == len(figures)
    assert (made.slide_width / made.slide_height) == pytest.approx(16 / 9, abs=1e-3)
    for slide, sample in zip(made.slides, figures, strict=True):
        check(slide, sample)


def of(lang: str, every: tuple[drawn.Drawn, ...]) -> tuple[Figure, ...]:
    return tuple(each.figure for each in every if each.lang == lang)


@pytest.mark.parametrize(
    ("model", "lang", "dark", "page"), [("tiny_se", "en", False, "excitation"), ("tiny_sk", "zh", True, "sk_anatomy")]
)
def test_a_deck_of_a_page_has_the_figures_numbers(model: str, lang: str, dark: bool, page: str) -> None:
    numbered(of(lang, drawn.figures(model, (page,))), lang, dark)


@pytest.mark.parametrize("dark", [False, True])
@LANGUAGES
@pytest.mark.parametrize("model", MODELS)
def test_a_deck_of_every_figure_on_every_page_has_the_figures_numbers(model: str, lang: str, dark: bool) -> None:
    every = of(lang, drawn.figures(model))
    assert len(every) > 20
    numbered(every, lang, dark)


# figures whose charts draw what is reckoned from their rows: curves of a function and counts of a histogram, a mean of
# some rows, their quantiles, a sum
RECKONED = {
    "excitation-gates": "the two functions themselves, and a histogram of the logits",
    "kernel-tug": "means over 16 channels, and one branch less the other",
    "compare-gates": "mean and ends of each block's gates",
    "cost-adds": "100 per cent, which the network without gates is",
    "integration": "the papers' errors of the five places; the rows are the parts of the unit that is drawn",
    "learning-film": "the accuracy of the networks by epoch; the rows are the gates of the photo",
    "sk-path": "the channel's two logits and gates, which the maps of the rows are multiplied by",
}


def rowed(sample: Figure) -> set[float]:
    """The numbers of a figure's rows, in the units of its axes too: per cent and millions; and each with its spread."""
    found: set[float] = set()
    for row in sample.table.rows:
        plain = [float(v) for v in row if isinstance(v, int | float) and not isinstance(v, bool)]
        printed = (re.fullmatch(r"(\d+(?:\.\d+)?)\s?[MG]?", v) for v in row if isinstance(v, str))  # by a paper
        plain += [float(each[1]) for each in printed if each]
        found |= {v * unit for v in plain for unit in (1.0, 100.0, 1e-6)}
        named = dict(zip(sample.table.header, row, strict=True))
        if isinstance(spread := named.get("std"), float):
            found |= {v + sign * spread for v in plain for sign in (-1, 1)}
    return found


def plotted(slide: Any) -> list[list[float]]:
    """The numbers of every series of a slide's charts, along the axis that is no list of names."""
    found = []
    for chart in (shape.chart for shape in shapes(slide) if shape.has_chart):
        for series in chart.plots[0].series:
            listed = chart.plots[0]._element.tag.endswith("scatterChart") and chart.value_axis.reverse_order
            x = [float(e.text) for e in series._element.findall("{*}xVal//{*}pt/{*}v")]
            found.append(x if listed else [v for v in series.values if v is not None])
    return found


@pytest.mark.parametrize("model", MODELS)
def test_the_charts_of_a_deck_have_the_numbers_of_the_rows(model: str) -> None:
    every = {each.figure.key: each.figure for each in drawn.figures(model) if each.lang == "en"}
    apart: set[str] = set()
    for sample in every.values():
        held = np.array(sorted(rowed(sample)))
        (slide,) = read(Page(sample)).slides
        for series in plotted(slide):
            far = [not held.size or np.abs(held - v).min() > 1e-6 * max(1.0, abs(v)) for v in series]
            apart |= {sample.key} if any(far) else set()
    assert apart <= RECKONED.keys(), apart - RECKONED.keys()
    assert len(every) > 20


def test_bars_have_the_rows_of_the_figures_table_and_its_names() -> None:
    (sample,) = {
        e.figure.key: e.figure for e in drawn.figures("tiny_se", ("rescale",)) if e.figure.key == "rescale-gates"
    }.values()
    (chart,) = (shape.chart for shape in shapes(read(Page(sample)).slides[0]) if shape.has_chart)
    rows: dict[str, float] = {}
    for series in chart.plots[0].series:
        values = zip(chart.plots[0].categories, series.values, strict=True)
        rows |= {str(name): value for name, value in values if value is not None}
    assert rows == {str(channel): gate for channel, gate in sample.table.rows}
    with zipfile.ZipFile(io.BytesIO(chart.part.chart_workbook.xlsx_part.blob)) as book:  # what a person edits
        cells = re.findall(r"<v>([^<]*)</v>", book.read("xl/worksheets/sheet1.xml").decode())
    for gate in rows.values():
        assert any(math.isclose(float(cell), gate, rel_tol=1e-15) for cell in cells)


@THEMES
def test_every_mark_comes_onto_a_slide(dark: bool) -> None:
    sample = every_mark()
    (slide,) = read(Page(sample), dark=dark).slides
    said = "\n".join(shape.text_frame.text for shape in shapes(slide) if shape.has_text_frame)
    for panel in sample.panels:
        assert panel.title in said
        for mark in panel.marks:
            if isinstance(mark, Text) and any(isinstance(m, Series) for m in panel.marks) and not panel.celled:
                assert mark.text in said
    check(slide, sample)


def test_a_map_with_a_number_in_every_cell_is_a_table() -> None:
    values = np.array([[1.0, 0.25], [0.5, 0.75]])
    labels = [Text(c, r, f"{values[r, c]:.0%}", colour="on_light") for r in range(2) for c in range(2)]
    scale = Scale.gate("s")
    (slide,) = read(Page(figure(Panel((Heat(values, scale), *labels), y_ticks=("a", "b"))))).slides
    (table,) = (shape.table for shape in shapes(slide) if shape.has_table)
    assert [[cell.text for cell in row.cells] for row in table.rows] == [["100%", "25%"], ["50%", "75%"]]
    painted = ["#" + str(cell.fill.fore_color.rgb).lower() for row in table.rows for cell in row.cells]
    assert painted == ["#" + bytes(rgb).hex() for rgb in scale.paint(values).reshape(-1, 3)]


def test_a_table_of_its_own_keeps_its_numbers() -> None:
    rows = (("z", 64, 1.25), ("=gates", 64, -0.5))
    (slide,) = read(Page(None, Table(("stage", "count", "mean"), rows), "numbers")).slides
    (table,) = (shape.table for shape in shapes(slide) if shape.has_table)
    assert [[cell.text for cell in row.cells] for row in table.rows][1:] == [
        ["z", "64", "1.25"],
        ["=gates", "64", "\u22120.5"],
    ]


@THEMES
def test_chinese_has_its_face_in_theme_runs_charts_and_notes(dark: bool) -> None:
    x = np.arange(3)
    panel = Panel((Line(x, x, CHINESE), Points(x, x * 0.5, "\u901a\u9053")), CHINESE, x=CHINESE, y=CHINESE)
    bars = Panel((Bars(np.array([CHINESE, "\u538b\u7f29"]), np.array([1.0, 2.0])),), CHINESE, y=CHINESE)
    sample = replace(figure(panel, bars), title=CHINESE, note=CHINESE, source=CHINESE, link=LINK)
    data = deck.render([Page(sample)], "zh", dark)
    with zipfile.ZipFile(io.BytesIO(data)) as parts:
        files = {name: parts.read(name).decode() for name in parts.namelist() if name.endswith(".xml")}
    themes = [text for name, text in files.items() if "/theme/" in name]
    assert len(themes) == 2  # slides and notes
    for text in themes:
        assert set(re.findall(r'<a:m\w+Font><a:latin typeface="[^"]*"[^>]*/><a:ea typeface="([^"]*)"', text)) == {EAST}
    for name in ("slides/slide", "notesSlides/notesSlide", "charts/chart"):
        for text in (text for file, text in files.items() if f"ppt/{name}" in file):
            for run in re.findall(r"<a:r>.*?</a:r>", text, flags=re.DOTALL):
                assert f'<a:ea typeface="{EAST}"/>' in run and 'lang="zh-CN"' in run
            for set_ in re.findall(r"<a:defRPr[^>]*>.*?</a:defRPr>", text, flags=re.DOTALL) if "chart" in name else ():
                assert f'<a:ea typeface="{EAST}"/>' in set_
    charts = [text for file, text in files.items() if "ppt/charts/chart" in file]
    assert len(charts) == 2 and all(CHINESE in text for text in charts)


def test_a_slide_says_where_it_comes_from_and_leads_back() -> None:
    (slide,) = read(Page(replace(every_mark(), source="Tiny SE \u00b7 layer1.0.se", link=LINK))).slides
    runs = [run for s in shapes(slide) if s.has_text_frame for p in s.text_frame.paragraphs for run in p.runs]
    assert [run.hyperlink.address for run in runs if run.hyperlink.address] == [LINK]
    assert any(run.text == "Tiny SE \u00b7 layer1.0.se" for run in runs)
    notes = slide.notes_slide.notes_text_frame.text
    assert "Tiny SE \u00b7 layer1.0.se" in notes and LINK in notes and every_mark().alt in notes


def test_a_long_table_is_told_by_its_ranges() -> None:
    rows = tuple((i, i / 1000) for i in range(words.ROWS + 1))
    (slide,) = read(Page(replace(every_mark(), table=Table(("cell", "value"), rows)))).slides
    assert "value: 0 \u2026 0.512, \u2300 0.256" in slide.notes_slide.notes_text_frame.text


def test_what_no_file_of_this_kind_can_hold_is_left_out() -> None:
    bad = "a\x00b\x1b\udcff<&\"'"
    bars = Bars(np.array([bad, "c"]), np.array([1.0, 2.0]), bad)
    (slide,) = read(Page(replace(one(bars, title=bad, x=bad), title=bad, alt=bad, source=bad))).slides
    (chart,) = (shape.chart for shape in shapes(slide) if shape.has_chart)
    assert list(chart.plots[0].categories)[1] == "c" and "<&\"'" in slide.shapes.title.text


def test_numbers_that_are_missing_leave_gaps() -> None:
    x, y = np.array([0.0, 1.0, 2.0, 3.0]), np.array([0.0, np.nan, 2.0, 3.0])
    (slide,) = read(Page(one(Line(x, y, "a"), Line(x, np.full(4, np.nan), "b")))).slides
    (chart,) = (shape.chart for shape in shapes(slide) if shape.has_chart)
    assert [tuple(series.values) for series in chart.plots[0].series] == [(0.0, None, 2.0, 3.0), (None,) * 4]


def test_dark_slides_are_dark_whatever_is_added_to_them() -> None:
    for dark in (False, True):
        with zipfile.ZipFile(io.BytesIO(deck.render([Page(every_mark())], "en", dark))) as parts:
            theme, master = parts.read("ppt/theme/theme1.xml").decode(), parts.read("ppt/slideMasters/slideMaster1.xml")
        (paper,) = re.findall(r'bg1="(\w+)"', master.decode())
        (colour,) = re.findall(rf'<a:{paper}><a:srgbClr val="(\w+)"/>', theme)
        assert f"#{colour}" == palette.background(dark)


def test_nothing_of_it_is_imported_before_it_is_needed() -> None:
    program = (
        "import sys, senet_viz.drawing.renderers.deck; assert not {'pptx', 'lxml', 'matplotlib'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)


# the command line ------------------------------------------------------------------------------------------------


@LANGUAGES
def test_the_command_makes_a_deck_of_the_walk(tmp_path: Path, lang: str) -> None:
    file = tmp_path / "new" / "walk.pptx"
    line = ["deck", "china", "--model", "tiny_se", "--block", "layer2.0.se", "--channel", "7", "--lang", lang]
    assert main([*line, "--out", str(file)]) == 0
    slides = list(Presentation(str(file)).slides)
    block = truth.trace("tiny_se", "china", "layer2.0.se", weights="pretrained").block("layer2.0.se")
    assert block.z is not None and block.logit is not None
    (table,) = (shape.table for shape in shapes(slides[0]) if shape.has_table)
    said = {row.cells[0].text: [cell.text for cell in row.cells][1:] for row in table.rows}
    t = i18n.texts(lang)
    for name, values in {"z": block.z, "logit": block.logit[0], "gate": block.gate[0]}.items():
        shown = [number(float(v), 4) for v in (values[7], values.min(), values.double().mean(), values.max())]
        assert said[t(f"fig.whole.{name}")] == [str(len(values)), *shown]
    titles = [slide.shapes.title.text for slide in slides]
    assert {t("fig.net.title"), t("fig.before.title", c=7, s=f"{float(block.gate[0, 7]):.4f}")} <= set(titles)
    links = {r.hyperlink.address for s in shapes(slides[-1]) if s.has_text_frame for p in s.text_frame.paragraphs
             for r in p.runs} - {None}  # fmt: skip
    assert all("/what_if?" in link and "block=layer2.0.se" in link and "channel=7" in link for link in links) and links


@pytest.mark.slow
@pytest.mark.parametrize("name", lessons.names())
@LANGUAGES
def test_a_lesson_is_a_deck_with_a_slide_a_step(tmp_path: Path, name: str, lang: str) -> None:
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (90, 120, 3)).astype(np.uint8)).save(
        tmp_path / "mine.png"
    )
    line = ["deck", "--lesson", name, "--photo", str(tmp_path / "mine.png"), "--lang", lang, "--dark"]
    assert main([*line, "--out", str(tmp_path / "lesson.pptx")]) == 0
    taught, (first, *steps) = lessons.lesson(name, lang), Presentation(str(tmp_path / "lesson.pptx")).slides
    assert first.shapes.title.text == taught.title
    aims = "\n".join(shape.text_frame.text for shape in shapes(first) if shape.has_text_frame)
    assert all(aim in aims for aim in taught.aims)
    assert [slide.shapes.title.text for slide in steps] == [step.title for step in taught.steps]
    for slide, step in zip(steps, taught.steps, strict=True):
        written = [shape.text_frame.text for shape in shapes(slide) if shape.has_text_frame]
        assert "{" in step.text or step.text in written
        assert step.say in slide.notes_slide.notes_text_frame.text


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ([], "Name a photo, or a lesson with --lesson."),
        (["chelsea", "--lesson", "which_kernel"], "A lesson has photos of its own: name yours with --photo."),
        (["--lesson", "nothing"], "There is no lesson nothing in en."),
        (["chelsea", "--channel", "9999"], "layer1.0.se has no channel 9999: its last is 63."),
        (["chelsea", "--model", "nothing"], "nothing"),
        (["chelsea", "--block", "layer9.se"], "layer9.se"),
        (["missing.png"], "That file does not exist or cannot be read."),
    ],
)
def test_what_cannot_be_made_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], line: list[str], said: str
) -> None:
    assert main(["deck", *line, "--out", str(tmp_path / "x.pptx")]) == 2
    (sentence,) = capsys.readouterr().err.strip().splitlines()
    assert said in sentence and not (tmp_path / "x.pptx").exists()


def test_another_kind_of_file_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["deck", "chelsea", "--out", str(tmp_path / "x.pdf")]) == 2
    assert capsys.readouterr().err == "x.pdf must end in .pptx.\n"


@pytest.mark.slow
@pytest.mark.skipif(OFFICE is None, reason="no LibreOffice")
def test_libreoffice_draws_every_slide(tmp_path: Path) -> None:
    every = of("zh", drawn.figures("tiny_sk"))
    (tmp_path / "deck.pptx").write_bytes(deck.render([*map(Page, every)], "zh", dark=True))
    env = {**os.environ, "HOME": str(tmp_path)}
    line = [str(OFFICE), f"-env:UserInstallation={tmp_path.as_uri()}/office", "--headless", "--convert-to", "pdf"]
    subprocess.run([*line, "--outdir", str(tmp_path), str(tmp_path / "deck.pptx")], check=True, timeout=300, env=env)
    pdf = (tmp_path / "deck.pdf").read_bytes()
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) == len(every)
    if shutil.which("pdftoppm"):
        subprocess.run(
            ["pdftoppm", "-r", "30", "-png", str(tmp_path / "deck.pdf"), str(tmp_path / "p")], check=True, timeout=120
        )
        for page in sorted(tmp_path.glob("p*.png")):
            pixels = np.asarray(Image.open(page).convert("RGB")).astype(int)
            assert np.abs(pixels[0, 0] - [14, 17, 23]).max() < 8  # the paper is dark
            assert (pixels.max(axis=2) > 120).mean() > 0.005  # and there is something on it
