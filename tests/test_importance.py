"""Open beside important: who counts as most open, how many are both, and when nothing may be said."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr

from senet_viz import importance

NUMBERS = np.random.default_rng(7)


def test_the_most_open_and_those_that_matter() -> None:
    gate, values = NUMBERS.uniform(size=100), NUMBERS.normal(size=100)
    found = importance.standing(gate, values)
    assert found.n == 10
    assert set(found.open) == set(np.argsort(gate)[-10:]) and set(found.matter) == set(np.argsort(np.abs(values))[-10:])
    assert list(np.abs(values[found.matter])) == sorted(np.abs(values), reverse=True)[:10]
    assert set(found.both) == set(found.open) & set(found.matter)
    assert found.chance(100) == pytest.approx(1.0)
    assert found.rho == pytest.approx(spearmanr(gate, np.abs(values)).statistic)


def test_a_small_block_speaks_of_a_quarter_of_its_channels() -> None:
    assert importance.standing(NUMBERS.uniform(size=16), NUMBERS.normal(size=16)).n == 4
    assert importance.standing(NUMBERS.uniform(size=3), NUMBERS.normal(size=3)).n == 1


def test_all_that_are_as_open_as_the_last_count_as_open() -> None:
    gate = np.concatenate([np.ones(30), np.linspace(0, 0.9, 70)])
    found = importance.standing(gate, NUMBERS.normal(size=100))
    assert sorted(found.open) == list(range(30)) and len(found.matter) == 10
    assert found.chance(100) == pytest.approx(3.0)


@pytest.mark.parametrize(
    ("values", "word"),
    [
        (np.linspace(0, 1, 50), "much"),
        (-np.linspace(0, 1, 50), "much"),  # how much, not which way
        (np.linspace(1, 0, 50), "reverse"),
        (np.zeros(50), "undefined"),
        (np.tile([0.0, 1.0], 25), "little"),
    ],
)
def test_what_may_be_said(values: np.ndarray, word: str) -> None:
    assert importance.standing(np.linspace(0.2, 0.8, 50), values).word == word


def test_equal_gates_have_no_order() -> None:
    found = importance.standing(np.full(50, 0.5), NUMBERS.normal(size=50))
    assert np.isnan(found.rho) and found.word == "undefined" and len(found.open) == 50
    assert importance.three(np.full(50, 0.5), NUMBERS.normal(size=50)) is None
    assert importance.three(NUMBERS.uniform(size=50), np.zeros(50)) is None


def test_three_to_choose_from() -> None:
    gate, values = np.linspace(0, 1, 101), np.sin(np.arange(101.0))
    values[7] = -5
    open_, matters, middling = importance.three(gate, values)  # type: ignore[misc]
    assert (open_, matters) == (100, 7)
    assert abs(gate[middling] - 0.5) < 0.2
    assert abs(np.sort(np.abs(values)).searchsorted(abs(values[middling])) - 50) < 20
    same = importance.three(gate, gate)
    assert same is not None and len(set(same)) == 3, "also where the most open one matters most"
