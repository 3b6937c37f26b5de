"""Figures of attribution: nothing is given away, colours mean what the scale says, slides carry the numbers."""

from __future__ import annotations

import numpy as np
import pytest

from senet_viz import i18n
from senet_viz.drawing.grammar import Figure, Heat, Photo, Points, Rule, Scale, Text
from senet_viz.drawing.renderers import slides
from senet_viz.figures.lab import attribution as figures
from senet_viz.figures.lab.attribution import Effects
from senet_viz.findings import open_or_important

RNG = np.random.default_rng(3)
GATE, VALUES = RNG.uniform(0.2, 0.9, 64), RNG.normal(size=64)
T = i18n.texts("en")


def effects(gate: np.ndarray = GATE, values: np.ndarray = VALUES, held: tuple[int, ...] = ()) -> Effects:
    s = open_or_important.standing(gate, values)
    return Effects("3.1", "s", "ablation", "goldfish", gate, values, s.n, s.open, s.matter, s.rho, held)


def points(figure: Figure) -> dict[str, Points]:
    return {mark.name: mark for mark in figure.panels[0].marks if isinstance(mark, Points)}


def test_every_channel_has_one_dot_in_the_colour_of_what_it_is() -> None:
    e = effects()
    drawn = points(figures.draw_scatter(e, 7, T))
    both = set(e.open) & set(e.matter)
    expected = {
        T("fig.attribution.both"): both,
        T("fig.attribution.open", n=10): set(e.open) - both,
        T("fig.attribution.matter", n=10): set(e.matter) - both,
        T("fig.attribution.others"): set(range(64)) - set(e.open) - set(e.matter),
        T("fig.pinned", c=7): {7},
    }
    assert set(drawn) == {name for name, channels in expected.items() if channels}
    for name, mark in drawn.items():
        at = sorted(expected[name])
        assert mark.x.tolist() == GATE[at].tolist() and mark.y.tolist() == VALUES[at].tolist()
    assert len({mark.colour for mark in drawn.values()}) == len(drawn)


def test_what_is_held_back_is_nowhere() -> None:
    held = (7, 20, 33)
    figure = figures.draw_scatter(effects(held=held), 7, T)
    drawn = np.concatenate([mark.y for mark in points(figure).values()])
    assert len(drawn) == 61 and not set(VALUES[list(held)]) & set(drawn)
    assert {row[0] for row in figure.table.rows} == set(range(64)) - set(held)
    (panel,) = figure.panels
    rules = [mark for mark in panel.marks if isinstance(mark, Rule)]
    assert {rule.at for rule in rules} == set(GATE[list(held)].tolist())
    assert {rule.text for rule in rules} == {"channel 7?", "20?", "33?"}
    assert f"{VALUES[7]:.3g}".lstrip("-") not in figure.alt


def test_equal_gates_are_no_selection() -> None:
    figure = figures.draw_scatter(effects(gate=np.full(64, 0.5)), 7, T)
    assert figure.title == T("fig.attribution.flat.gate", block="3.1", target="goldfish")
    assert T("fig.attribution.both") not in points(figure)
    low, high = figure.panels[0].x_range or (0, 0)
    assert high - low >= 0.1
    nothing = figures.draw_scatter(effects(values=np.zeros(64)), 7, T)
    assert nothing.title == T("fig.attribution.flat.effect", block="3.1", target="goldfish")


def test_the_heat_is_laid_on_the_photos_pixels() -> None:
    shown = RNG.integers(0, 256, (12, 12, 3)).astype(np.uint8)
    values = RNG.normal(size=(12, 12)).astype(np.float32)
    figure = figures.draw_photo(shown, values, "occlusion", "occlusion", "goldfish", T)
    photo, laid, alone = (panel.marks[0] for panel in figure.panels)
    assert isinstance(photo, Photo) and isinstance(laid, Photo) and isinstance(alone, Heat)
    assert (photo.rgb == shown).all() and (alone.values == values).all()
    end = float(np.abs(values).max())
    assert (alone.scale.low, alone.scale.high) == (-end, end) and figure.scales == (alone.scale,)
    row, column = np.unravel_index(int(values.argmax()), values.shape)
    grey = shown[row, column].astype(float) @ (0.299, 0.587, 0.114)
    colour = alone.scale.paint(values)[row, column]
    assert np.abs(laid.rgb[row, column] - (0.45 * grey + 0.55 * colour)).max() <= 0.51
    assert len(figure.table.rows) == 144 and figure.table.rows[13] == (1, 1, float(values[1, 1]))


@pytest.mark.parametrize(("method", "clipped"), [("integrated_gradients", True), ("grad_cam", False)])
def test_a_few_wild_pixels_do_not_make_all_others_pale(method: str, clipped: bool) -> None:
    values = RNG.normal(size=(80, 80))
    values[3, 3] = 1000
    figure = figures.draw_photo(np.zeros((80, 80, 3), np.uint8), values, method, "m", "goldfish", T)
    assert (figure.scales[0].high < 10) == clipped
    assert (T("fig.attribution.map.clipped", share="0.5%") in figure.note) == clipped


def test_an_empty_map_still_has_a_scale() -> None:
    figure = figures.draw_photo(np.zeros((8, 8, 3), np.uint8), np.zeros((8, 8)), "grad_cam", "m", "goldfish", T)
    assert (figure.scales[0].low, figure.scales[0].high) == (-1, 1)


def test_what_muting_did_with_its_sign() -> None:
    changes = np.array([-0.1, 0.02, 0.5])
    figure = figures.draw_muted(np.array([0.9, 0.4, 0.6]), changes, (3, 17, 40), "s", 4.5, "goldfish", T)
    words = [mark.text for mark in figure.panels[0].marks if isinstance(mark, Text)]
    assert words == ["−0.1", "+0.02", "+0.5"]
    assert "40" in figure.title and figure.table.rows[0] == (3, 0.9, -0.1)


@pytest.mark.parametrize("lang", i18n.LANGUAGES)
def test_all_become_slides(lang: str) -> None:
    name = "a class with a rather long name of its own" if lang == "en" else "名字相当长的一个类别"
    s = effects(held=(1, 2))
    e = Effects(s.block, s.symbol, s.method, name, s.gate, s.values, s.n, s.open, s.matter, s.rho, s.held)
    shown, values = np.zeros((16, 16, 3), np.uint8), RNG.normal(size=(16, 16))
    builds = (
        lambda t: figures.draw_scatter(e, 5, i18n.texts(t)),
        lambda t: figures.draw_photo(shown, values, "occlusion", "m", name, i18n.texts(t)),
        lambda t: figures.draw_muted(GATE[:3], VALUES[:3], (0, 1, 2), "s", 1.0, name, i18n.texts(t)),
    )
    for build in builds:
        assert slides.render(build, "svg", lang).data.startswith(b"<?xml")
        assert slides.render(build, "csv", lang).data.count(b"\n") > 3


def test_the_overlay_of_nothing_is_the_grey_photo_and_white() -> None:
    scale = Scale("a", -1, 1, "difference")
    laid = figures.overlay(np.full((2, 2, 3), 100, np.uint8), np.zeros((2, 2)), scale)
    assert laid.tolist() == np.rint(0.45 * 100 + 0.55 * scale.paint(np.zeros((2, 2)))).tolist()
