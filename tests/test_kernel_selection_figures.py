"""Figures of kernel selection: what they are given is what they draw, in both languages and on slides."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import numpy as np
import pytest

from senet_viz import i18n
from senet_viz.drawing import palette
from senet_viz.drawing.grammar import Bars, Box, Figure, Line, Photo, Points, Rule, Text
from senet_viz.drawing.renderers import slides
from senet_viz.experiments import kernel_preference
from senet_viz.figures.scale import kernel_selection as draw
from senet_viz.i18n import Texts
from tests.test_drawing import BLINDNESS, lab, linear, to_plotly

RNG = np.random.default_rng(0)
EN = i18n.texts("en")
SCALES = (1.0, 1.5, 2.0)
KERNELS = ("3×3", "5×5")
SHOWN = RNG.integers(0, 256, (40, 40, 3)).astype(np.uint8)
FIRST = RNG.uniform(0.2, 0.8, 24)
FIRST = np.stack([1 - FIRST, FIRST])
LATER = np.roll(FIRST, 3, axis=1)
ROWS = np.array([[-0.02, 0.01, 0.03], [-0.02, -0.018, -0.01], [0.001, 0.0009, 0.0007]])
TAPS = [kernel_preference.Kernel(3, d, 1).taps(20.0, 12.0, 4.0) for d in (1, 2)]
DIFFERENCE = RNG.normal(size=(3, 3, 7, 4)) / 10
UNITS = ("1.1", "2.1", "3.2", "4.2")
MEANS = RNG.normal(size=(2, 9, 4)) / 10
CLASSES = [f"class {i}" for i in range(9)]
BEFORE, AFTER = (np.exp(v) / np.exp(v).sum() for v in RNG.normal(size=(2, 30)) * 2)


def curves(photos: int) -> tuple[draw.Curve, ...]:
    return draw.curves(DIFFERENCE[:, :, :photos], UNITS, UNITS, str)


BUILDS: dict[str, Callable[[Texts], Figure]] = {
    "zoom": lambda t: draw.draw_zoom([SHOWN] * 3, SCALES, "4.2", ROWS, "rises", KERNELS, t),
    "tug": lambda t: draw.draw_tug(LATER, FIRST, "4.2", 2.0, 5, KERNELS, t),
    "taps": lambda t: draw.draw_taps(SHOWN, (20.0, 12.0), TAPS, KERNELS, np.array([0.3, 0.7]), 4.0, 5, t),
    "fig3": lambda t: draw.draw_fig3(SCALES, curves(1), curves(7), 7, kernel_preference.PUBLISHED, KERNELS, t),
    "fig3-alone": lambda t: draw.draw_fig3(SCALES, curves(1), (), 1, kernel_preference.PUBLISHED, KERNELS, t),
    "fig4": lambda t: draw.draw_fig4(UNITS, (1.0, 1.5), MEANS, CLASSES, 70, t),
    "answers": lambda t: draw.draw_answers((BEFORE, AFTER), [f"class {i}" for i in range(30)], "swapped", t),
}
each = pytest.mark.parametrize("name", BUILDS)


@each
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_they_pass_plotlys_own_checks_and_say_what_is_seen(name: str, dark: bool) -> None:
    for lang in i18n.LANGUAGES:
        figure = BUILDS[name](i18n.texts(lang))
        to_plotly(figure, dark)
        assert figure.title and figure.alt and len(figure.table.rows) > 5
        assert "{" not in figure.title + figure.alt + figure.note


@each
def test_languages_differ_in_words_alone(name: str) -> None:
    one, other = (BUILDS[name](i18n.texts(lang)) for lang in i18n.LANGUAGES)
    assert one.title != other.title and one.alt != other.alt
    assert (one.key, one.table) == (other.key, other.table)
    assert [type(m) for p in one.panels for m in p.marks] == [type(m) for p in other.panels for m in p.marks]


@pytest.mark.parametrize("kind", ["png", "svg", "csv"])
def test_they_become_slides(kind: str) -> None:
    for build in BUILDS.values():
        assert len(slides.render(lambda lang, build=build: build(i18n.texts(lang)), kind, "en", False).data) > 200


def marks(figure: Figure, panel: int, kind: type) -> list:
    return [mark for mark in figure.panels[panel].marks if isinstance(mark, kind)]


def test_zoom_draws_the_crops_and_all_three_curves() -> None:
    figure = BUILDS["zoom"](EN)
    assert [len(marks(figure, i, Photo)) for i in range(4)] == [1, 1, 1, 0]
    lines = marks(figure, 3, Line)
    assert sorted(tuple(line.y) for line in lines) == sorted(map(tuple, ROWS))
    assert [line.dash for line in lines] == [True, True, False], "controls are dashed, the network's own is not"
    assert [row[2] for row in figure.table.rows] == ROWS.ravel().tolist()
    for reason in ("rises", "untrained", "blur", "steps", "same", "falls"):
        assert "4.2" in draw.draw_zoom([SHOWN] * 3, SCALES, "4.2", ROWS, reason, KERNELS, EN).title


def test_tug_is_sorted_sums_to_1_and_marks_the_pinned() -> None:
    figure = BUILDS["tug"](EN)
    large, small = marks(figure, 0, Bars)
    assert (np.diff(large.lengths) <= 0).all()
    np.testing.assert_allclose(large.lengths + small.lengths, 1)
    np.testing.assert_allclose(small.bases, large.lengths)
    order = np.argsort(-LATER[1], kind="stable")
    (first,) = marks(figure, 0, Line)
    np.testing.assert_allclose(first.y, FIRST[1][order])
    for panel in (0, 1):
        assert [r.at for r in marks(figure, panel, Rule) if r.colour == "pinned"] == [
            int(np.flatnonzero(order == 5)[0])
        ]
    lead = np.concatenate([bars.lengths for bars in marks(figure, 1, Bars)])
    np.testing.assert_allclose(np.sort(lead), np.sort(LATER[1] - LATER[0]))
    (mean,) = [r.at for r in marks(figure, 1, Rule) if r.axis == "y"]
    assert mean == pytest.approx(kernel_preference.preference(LATER)), "the mean of these bars is what the curve shows"
    assert figure.table.header == ("scale", "block", "channel", "branch", "gate")
    gates = {(row[2], row[3]): row[4] for row in figure.table.rows}
    assert all(gates[c, m] == LATER[m, c] for c in range(24) for m in range(2))
    assert str(int((LATER[1] > 0.5).sum())) in figure.title
    assert marks(draw.draw_tug(FIRST, FIRST, "4.2", 1.0, 5, KERNELS, EN), 0, Line) == []


def test_three_branches_share_every_channel() -> None:
    gate = RNG.uniform(size=(3, 8))
    gate /= gate.sum(0)
    figure = draw.draw_tug(gate, gate, "1.0", 1.0, 2, ("3×3", "5×5", "7×7"), EN)
    bars = marks(figure, 0, Bars)
    assert [b.name for b in bars] == ["7×7", "5×5", "3×3"] and len({b.colour for b in bars}) == 3
    np.testing.assert_allclose(sum(b.lengths for b in bars), 1)
    assert figure.panels[1].title == "a[7×7] − a[3×3]"
    assert str(int((gate.argmax(0) == 2).sum())) in figure.title


def test_taps_lie_where_the_kernels_look() -> None:
    figure = BUILDS["taps"](EN)
    (box,) = marks(figure, 0, Box)
    for m, spread in ((0, 4.0), (1, 8.0)):
        (photo,), (dots,) = marks(figure, m + 1, Photo), marks(figure, m + 1, Points)
        assert len(dots.x) == 9 and dots.colour == f"branch{m}"
        assert sorted(set(np.diff(sorted(set(dots.x))))) == [spread]
        # the middle tap lies on the pixel that the photo has there
        middle = round(float(np.median(dots.y))), round(float(np.median(dots.x)))
        np.testing.assert_array_equal(photo.rgb[middle], SHOWN[20, 12])
    # one and a half times as wide as the larger kernel, around the middle tap
    assert (box.x0, box.x1, box.y0, box.y1) == (12 - 12, 12 + 12, 20 - 12, 20 + 12)


def test_taps_beyond_the_edge_are_drawn_beside_the_photo() -> None:
    taps = [kernel_preference.Kernel(3, d, 1).taps(1.0, 38.0, 4.0) for d in (1, 2)]
    figure = draw.draw_taps(SHOWN, (1.0, 38.0), taps, KERNELS, np.array([0.3, 0.7]), 4.0, 5, EN)
    (photo,), (dots,) = marks(figure, 2, Photo), marks(figure, 2, Points)
    (x0, x1), (y1, y0) = figure.panels[2].limits
    assert dots.y.min() < -0.5 and dots.x.max() > photo.rgb.shape[1]
    assert (x1 - x0, y1 - y0) == (24, 24) and photo.rgb.shape[0] <= 14 and photo.rgb.shape[1] <= 15
    assert (dots.x > x0).all() and (dots.x < x1).all() and (dots.y > y0).all() and (dots.y < y1).all()


def test_curves_are_means_and_spreads_over_photos() -> None:
    for u, curve in enumerate(curves(7)):
        np.testing.assert_allclose(curve.values, DIFFERENCE[0, :, :, u].mean(1))
        np.testing.assert_allclose(curve.control, DIFFERENCE[2, :, :, u].mean(1))
        assert curve.spread is not None
        np.testing.assert_allclose(curve.spread, DIFFERENCE[0, :, :, u].std(1))
    assert all(curve.spread is None for curve in curves(1))


def test_fig3_has_one_axis_and_the_control_on_it() -> None:
    figure = BUILDS["fig3"](EN)
    assert len(figure.panels) == 3 and len({panel.y_range for panel in figure.panels}) == 1
    for panel in (0, 1):
        dashed = [line.y for line in marks(figure, panel, Line) if line.dash]
        np.testing.assert_allclose(dashed, [c.control for c in curves((1, 7)[panel])])
    solid = {line.name: tuple(line.y) for line in marks(figure, 2, Line)}
    assert solid == kernel_preference.PUBLISHED
    spans = [line.y for line in marks(figure, 1, Line) if not line.dash and not line.name]
    for curve, span in zip(curves(7), spans, strict=True):
        np.testing.assert_allclose(span[0::3], curve.values - curve.spread)
        np.testing.assert_allclose(span[1::3], curve.values + curve.spread)
    low, high = figure.panels[0].y_range or (0, 0)
    assert all(low < v < high for p in range(3) for line in marks(figure, p, Line) for v in line.y if np.isfinite(v))
    assert len(BUILDS["fig3-alone"](EN).panels) == 2


def test_names_at_the_ends_of_lines_keep_apart() -> None:
    close = [draw.Curve(name, np.full(3, 0.01 + i / 1000), np.zeros(3)) for i, name in enumerate(UNITS)]
    figure = draw.draw_fig3(SCALES, close, (), 1, kernel_preference.PUBLISHED, KERNELS, EN)
    heights = sorted(text.y for text in marks(figure, 0, Text))
    assert len(heights) == 5 and min(np.diff(heights)) > 0.1 * max(abs(v) for v in figure.panels[0].y_range or ())


def test_fig4_has_every_class_sorted() -> None:
    figure = BUILDS["fig4"](EN)
    for u in range(4):
        first, later = marks(figure, u, Line)
        assert (np.diff(first.y) >= 0).all()
        order = np.argsort(MEANS[0, :, u], kind="stable")
        np.testing.assert_allclose(later.y, MEANS[1, order, u])
        (dots,) = marks(figure, u, Points)
        assert dots.labels == tuple(CLASSES[k] for k in order)
        assert str(int((MEANS[1, :, u] > MEANS[0, :, u]).sum())) in figure.panels[u].title
    assert len(figure.table.rows) == 4 * 9 * 2


def test_answers_show_both_best_and_all_in_the_table() -> None:
    figure = BUILDS["answers"](EN)
    before, after = marks(figure, 0, Bars)
    labels = [label for _, label in figure.panels[0].y_ticks or ()]  # type: ignore[misc]
    for scores, bars in ((BEFORE, before), (AFTER, after)):
        assert f"class {scores.argmax()}" in labels
        np.testing.assert_allclose(bars.x, [scores[int(label.split()[1])] for label in labels])
        assert f"{scores.max():.1%}" in figure.title
    assert len(figure.table.rows) == 30
    same = draw.draw_answers((BEFORE, BEFORE), [f"class {i}" for i in range(30)], "equal", EN)
    assert same.title == EN(
        "fig.answers.same", after=f"class {BEFORE.argmax()}", p=f"{BEFORE.max():.1%}", q=f"{BEFORE.max():.1%}"
    )


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_units_are_told_apart_with_every_kind_of_sight(dark: bool) -> None:
    met = [*combinations(draw.UNITS[:4], 2), ("branch1", "muted"), ("branch1", "logit"), ("logit", "muted")]
    for pair in met:
        a, b = (linear(palette.role(name, dark)) for name in pair)
        for matrix in (np.eye(3), *map(np.array, BLINDNESS.values())):
            assert np.linalg.norm(lab(matrix @ a) - lab(matrix @ b)) > 10, pair
