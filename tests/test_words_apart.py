"""In every figure of every page the words stand in free space, and no heading overprints another."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure as MplFigure

from senet_viz.drawing.grammar import Bars, Figure, Line, Panel, Rule, Table
from senet_viz.drawing.renderers import fonts, slides
from senet_viz.drawing.renderers.screen import spec
from tests import drawn, overlaps
from tests.places import PAGES

MODELS = pytest.mark.parametrize("model", ["tiny_se", "tiny_sk"])
X = np.arange(20)
FULL = Bars(X, np.linspace(1, 0.9, 20), "z")  # no free space inside


@contextmanager
def slide(figure: Figure) -> Iterator[MplFigure]:
    """The slide as it is drawn for a file, with the font that the file would have."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        family = fonts.font_for(fonts.words(figure)) or fonts.FALLBACK
        matplotlib.rcParams.update(slides._style(False, family, figure.key, "png"))
        yield slides.draw(figure)


@MODELS
def test_words_lie_on_nothing_and_on_no_other_words(model: str) -> None:
    every = drawn.figures(model)
    assert {each.page for each in every} == set(PAGES) - {"lessons"}, "which has a table and no figure"
    for each in every:
        with slide(each.figure) as page:
            where = (each.page, each.figure.key, each.lang)
            assert overlaps.lying_on(page, each.figure) == [], where
            assert overlaps.colliding(page) == [], where


@MODELS
def test_names_of_rules_stand_outside_the_plot_on_screen(model: str) -> None:
    seen = 0
    for each in drawn.figures(model):
        layout = spec(each.figure)["layout"]
        names = {rule.text for panel in each.figure.panels for rule in panel.rules if rule.text}
        for note in layout["annotations"]:
            text = note["text"].replace("<br>", " ")
            if text in names:
                above = note["yref"].endswith("domain") and note["y"] == 1 and note["yanchor"] == "bottom"
                right = note["xref"].endswith("domain") and note["x"] == 1 and note["xanchor"] == "left"
                assert above or (right and note["xshift"] > 0), (each.figure.key, text)
                seen += 1
    assert seen > 4


def one(*marks: object) -> Figure:
    panel = Panel((FULL, *marks), "a title", x="x", y="y", y_range=(0, 1))  # type: ignore[arg-type]
    return Figure("k", "t", (panel, panel), 2, Table((), ()), "alt")


@pytest.mark.parametrize(
    "rules",
    [
        (Rule(0.5, "y", "mean 0.445"), Rule(0.52, "y", "by luck alone 0.46")),
        (Rule(0, "x", "channel 0"), Rule(19, "x", "channel 19")),
        tuple(Rule(at, "x", f"channel {at}") for at in (8, 9, 10, 11)),
        (Rule(1, "y", "1"), Rule(5, "x", "channel 5")),
    ],
    ids=["lying", "at both ends", "close together", "both kinds"],
)
def test_rules_are_named_beside_a_full_plot(rules: tuple[Rule, ...]) -> None:
    figure = one(*rules)
    with slide(figure) as page:
        assert overlaps.lying_on(page, figure) == [] and overlaps.colliding(page) == []
        written = {words.get_text().replace("\n", " ") for axes in page.axes for words in axes.texts}
        assert {rule.text for rule in rules} <= written


def test_what_lies_on_something_is_found() -> None:
    from senet_viz.drawing.grammar import Text

    for marks in ((Text(5, 0.5, "on bars"),), (Line(X, X * 0 + 1.5), Text(5, 1.5, "on a line"))):
        panel = Panel((FULL, *marks), y_range=(0, 2))  # type: ignore[arg-type]
        figure = Figure("k", "t", (panel,), 1, Table((), ()), "alt")
        with slide(figure) as page:
            assert overlaps.lying_on(page, figure)
