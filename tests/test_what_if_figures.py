"""Figures of the gate console: what they say is what they are given, whatever happens to be in it."""

from __future__ import annotations

import numpy as np
import pytest

from senet_viz import i18n
from senet_viz.drawing.grammar import Bars, Points, Text
from senet_viz.drawing.renderers import slides
from senet_viz.figures.lab import what_if as figures
from senet_viz.i18n import Texts

T = i18n.texts("en")
RNG = np.random.default_rng(3)
NAMES = ("cat", "dog", "cup", "bus", "bee", "fox", "owl", "elk")


def shares(*first: float) -> np.ndarray:
    rest = np.full(len(NAMES) - len(first), (1 - sum(first)) / (len(NAMES) - len(first)))
    return np.concatenate([first, rest])


def test_scores_stand_in_the_order_of_the_larger_of_both_with_their_change() -> None:
    before, after = shares(0.5, 0.3, 0.01), shares(0.2, 0.3, 0.44)
    figure = figures.draw_scores(NAMES, before, after, T, most=4)
    assert figure.title == T("fig.scores.title.other", a="cat", b="cup", p="50.0%", q="20.0%", r="44.0%")
    (panel,) = figure.panels
    assert [label for _, label in panel.ticks("y") or ()] == ["cat", "cup", "dog", "bus"]
    was, now = (mark for mark in panel.marks if isinstance(mark, Bars))
    assert was.x.tolist()[:3] == [0.5, 0.01, 0.3] and now.x.tolist()[:3] == [0.2, 0.44, 0.3]
    assert [mark.text for mark in panel.marks if isinstance(mark, Text)][:3] == ["−30.0", "+43.0", "±0"]
    assert len(figure.table.rows) == len(NAMES) and figure.table.rows[0][:3] == ("cup", 0.01, 0.44)


def test_an_answer_that_stays_is_said_to_stay() -> None:
    figure = figures.draw_scores(NAMES, shares(0.5), shares(0.4), T)
    assert figure.title == T("fig.scores.title.same", a="cat", p="50.0%", q="40.0%")
    assert "50.0%" in figure.alt and "40.0%" in figure.alt


@pytest.mark.parametrize(
    ("edited", "key", "n"),
    [
        ((True, False, False), "fig.down.title", 1),
        ((True, True), "fig.down.title.last", 0),
        ((True,), "fig.down.title.last", 0),
    ],
)
def test_later_blocks_are_told_from_those_that_were_changed(edited: tuple[bool, ...], key: str, n: int) -> None:
    names = ("3.1", "4.0", "4.1")[: len(edited)]
    change, most = np.array([0.5, 0.01, 0.0])[: len(edited)], np.array([0.9, 0.2, 0.0])[: len(edited)]
    figure = figures.draw_downstream(names, edited, change, most, T)
    assert figure.title == T(key, n=n, of=len(edited) - sum(edited), first="3.1", mean="-")
    bars = [mark for mark in figure.panels[0].marks if isinstance(mark, Bars)]
    assert bars[0].x.tolist() == change[np.array(edited)].tolist()
    assert len(bars) == (1 if all(edited) else 2)


def test_maps_share_one_scale_and_nothing_is_grey() -> None:
    before = RNG.normal(size=(4, 5))
    figure = figures.draw_maps(before, 0.5 * before, 7, (0.8, 0.4), T)
    assert len(figure.scales) == 1 and figure.scales[0].high == pytest.approx(np.abs(before).max())
    assert "0.8000" in figure.title and "0.4000" in figure.title
    still = figures.draw_maps(np.zeros((2, 2)), np.zeros((2, 2)), 7, (0, 0), T)
    assert (still.scales[0].low, still.scales[0].high) == (-1, 1)


def test_a_ranking_shows_both_ends_and_every_channel() -> None:
    change = np.linspace(-1, 2, 40)
    figure = figures.draw_ranking(np.arange(40), change, np.linspace(1, 0, 40), 39, "cat", T)
    assert figure.title == T("fig.ranking.title", name="cat", c=0, d="−1.000", k=39, e="+2.000", n=40, s="1.00", rank=1)
    ends, scatter = figure.panels
    bars = np.concatenate([mark.x for mark in ends.marks if isinstance(mark, Bars)])
    assert sorted(bars) == sorted([*change[: figures.EACH], *change[-figures.EACH :]])
    assert sum(len(mark.x) for mark in scatter.marks if isinstance(mark, Points)) == 40
    (pinned,) = [mark for mark in scatter.marks if isinstance(mark, Points) and mark.colour == "pinned"]
    assert (pinned.x.tolist(), pinned.y.tolist()) == ([0.0], [2.0])
    assert [row[0] for row in figure.table.rows] == list(range(40))


def test_few_channels_and_none_that_hurts() -> None:
    figure = figures.draw_ranking(np.array([3, 5]), np.array([0.0, 0.25]), np.array([0.5, 0.5]), 9, "cat", T)
    assert figure.title == T(
        "fig.ranking.title.one", name="cat", d="0.000", e="+0.250", c=3, k=5, n=2, s="0.50", rank=1
    )
    one = figures.draw_ranking(np.array([3]), np.array([-0.25]), np.array([0.5]), 3, "cat", T)
    assert len(one.table.rows) == 1


@pytest.mark.parametrize(("value", "text"), [(0.0, "0.000"), (-0.0004, "0.000"), (-0.0016, "−0.002"), (1.5, "+1.500")])
def test_a_change_has_its_sign_and_zero_has_none(value: float, text: str) -> None:
    assert figures.signed(value) == text


@pytest.mark.parametrize("lang", i18n.LANGUAGES)
def test_all_become_slides(lang: str) -> None:
    name = "a class with a rather long name of its own" if lang == "en" else "名字相当长的一个类别"
    names, before, u = (name, *NAMES[1:]), shares(0.5, 0.2), RNG.normal(size=(4, 4))

    def builds(t: Texts) -> tuple[object, ...]:
        return (
            figures.draw_scores(names, before, before[::-1].copy(), t),
            figures.draw_downstream(("1.0", "1.1"), (True, False), before[:2], before[:2], t),
            figures.draw_maps(u, 2 * u, 3, (0.1, 0.2), t),
            figures.draw_ranking(np.arange(30), RNG.normal(size=30), RNG.random(30), 3, name, t),
        )

    for index in range(4):
        for kind in ("svg", "csv"):
            slide = slides.render(lambda wanted, i=index: builds(i18n.texts(wanted))[i], kind, lang)  # type: ignore[misc, return-value]
            assert slide.data.startswith(b"<?xml") if kind == "svg" else slide.data.count(b"\n") > 2
