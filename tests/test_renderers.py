"""A renderer is one file that reads a placed figure: here is a third one, and every renderer knows every mark."""

from __future__ import annotations

from collections.abc import Callable
from xml.etree import ElementTree

import pytest

from senet_viz.drawing import marks
from senet_viz.drawing.grammar import Arrow, Bars, Box, Figure, Heat, Line, Mark, Photo, Points, Rule, Text
from senet_viz.drawing.layout import place
from senet_viz.drawing.placed import PlacedMark, PlacedPanel
from senet_viz.drawing.renderers import deck, screen, slides
from tests import drawn
from tests.test_drawing import every_mark

Point = tuple[float, float]


def at(panel: PlacedPanel, x: float, y: float) -> Point:
    """Where a point of the axes lies on the page, px."""
    (x0, x1), (y0, y1), (left, top, width, height) = panel.x.limits, panel.y.limits, panel.fitted
    return left + (x - x0) / (x1 - x0) * width, top + height - (y - y0) / (y1 - y0) * height


def box(kind: str, *corners: Point) -> str:
    """A rectangle around points of the page."""
    (x0, x1), (y0, y1) = ((min(c), max(c)) for c in zip(*corners, strict=True))
    return f'<rect class="{kind}" x="{x0:.1f}" y="{y0:.1f}" width="{x1 - x0:.1f}" height="{y1 - y0:.1f}"/>'


def cells(panel: PlacedPanel, mark: Photo | Heat, placed: PlacedMark) -> str:
    rows, columns = mark.shape
    return box(type(mark).__name__, at(panel, -0.5, -0.5), at(panel, columns - 0.5, rows - 0.5))


def bars(panel: PlacedPanel, mark: Bars, placed: PlacedMark) -> str:
    found = ""
    places = placed.at[mark.horizontal]
    for place_, base, length in zip(places, mark.bases, mark.lengths, strict=True):
        ends = (
            ((base, place_), (base + length, place_)) if mark.horizontal else ((place_, base), (place_, base + length))
        )
        found += box("Bars", *(at(panel, *end) for end in ends))
    return found


def dots(panel: PlacedPanel, mark: Line | Points, placed: PlacedMark) -> str:
    points = " ".join("{:.1f},{:.1f}".format(*at(panel, *each)) for each in zip(*placed.at, strict=True))
    return f'<polyline class="{type(mark).__name__}" points="{points}"/>'


def rule(panel: PlacedPanel, mark: Rule, placed: PlacedMark) -> str:
    (x0, x1), (y0, y1) = panel.x.limits, panel.y.limits
    ends = ((mark.at, y0), (mark.at, y1)) if mark.axis == "x" else ((x0, mark.at), (x1, mark.at))
    return box("Rule", *(at(panel, *end) for end in ends)) + (words(0, 0, placed.label.text) if placed.label else "")


def between(panel: PlacedPanel, mark: Box | Arrow, placed: PlacedMark) -> str:
    return box(type(mark).__name__, at(panel, mark.x0, mark.y0), at(panel, mark.x1, mark.y1))


def text(panel: PlacedPanel, mark: Text, placed: PlacedMark) -> str:
    return words(*at(panel, mark.x, mark.y), mark.text)


def words(x: float, y: float, said: str) -> str:
    element = ElementTree.Element("text", {"class": "Text", "x": f"{x:.1f}", "y": f"{y:.1f}"})
    element.text = said
    return ElementTree.tostring(element, encoding="unicode")


DRAW: dict[type[Mark], Callable[..., str]] = {
    Photo: cells, Heat: cells, Bars: bars, Line: dots, Points: dots, Rule: rule, Box: between, Text: text,
    Arrow: between,
}  # fmt: skip


def render(figure: Figure, width: float, slim: bool = False) -> str:
    """A figure as boxes of SVG."""
    page = place(figure, width, slim=slim)
    found = []
    for panel in page.panels:
        found += [words(panel.rect.left, panel.rect.top - panel.rise, line) for line in panel.heading]
        found += [words(panel.rect.left, panel.rect.foot, label) for _, label in panel.x.ticks or ()]
        found += [DRAW[type(placed.mark)](panel, placed.mark, placed) for placed in panel.marks]
    for bar in page.bars:
        found += [
            box("bar", bar.rect[:2], (bar.rect.left + bar.rect.width, bar.rect.foot)),
            words(0, 0, bar.scale.name),
        ]
    return f'<svg width="{page.width}" height="{page.height}">{"".join(found)}</svg>'


def bare(said: str) -> str:
    """Words without what broke them into lines."""
    return "".join(said.split())


def kinds() -> set[type[Mark]]:
    """Every class of mark that a panel can hold."""
    found = {each for each in vars(marks).values() if isinstance(each, type) and issubclass(each, Mark)}
    return {each for each in found if not any(issubclass(other, each) and other is not each for other in found)}


@pytest.mark.parametrize(
    "table", [screen.DRAW, slides.DRAW, deck.DRAW, DRAW], ids=["screen", "slides", "deck", "boxes"]
)
def test_every_renderer_draws_every_mark(table: dict[type[Mark], Callable[..., object]]) -> None:
    assert set(table) == kinds()


@pytest.mark.parametrize(("width", "slim"), [(1000, False), (320, True)], ids=["wide", "slim"])
def test_a_third_renderer_needs_nothing_but_a_placed_figure(width: float, slim: bool) -> None:
    seen: set[str] = set()
    every = [each.figure for model in ("tiny_se", "tiny_sk") for each in drawn.figures(model)]
    for figure in (every_mark(), *every):
        root = ElementTree.fromstring(render(figure, width, slim))
        seen |= {element.attrib["class"] for element in root}
        said = [element.text or "" for element in root.iter("text")]
        assert {scale.name for scale in figure.scales} <= set(said)
        for panel in figure.panels:
            assert {bare(rule.text) for rule in panel.rules if rule.text} <= set(map(bare, said))
        for element in root.iter("rect"):
            assert float(element.attrib["width"]) >= 0 and float(element.attrib["height"]) >= 0
    assert seen == {kind.__name__ for kind in kinds()} | {"bar"}
