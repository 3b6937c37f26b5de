"""Open beside important: who counts as most open, how many are both, and when nothing may be said."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr

from senet_viz.findings import open_or_important

NUMBERS = np.random.default_rng(7)
ALL = np.ones(50, dtype=bool)


def three_digits(value: float) -> str:
    return f"{value:.3f}"


def test_the_most_open_and_those_that_matter() -> None:
    gate, values = NUMBERS.uniform(size=100), NUMBERS.normal(size=100)
    found = open_or_important.standing(gate, values)
    assert found.n == 10
    assert set(found.open) == set(np.argsort(gate)[-10:]) and set(found.matter) == set(np.argsort(np.abs(values))[-10:])
    assert list(np.abs(values[found.matter])) == sorted(np.abs(values), reverse=True)[:10]
    assert set(found.both) == set(found.open) & set(found.matter)
    assert found.chance(100) == pytest.approx(1.0)
    assert found.rho == pytest.approx(spearmanr(gate, np.abs(values)).statistic)


def test_a_small_block_speaks_of_a_quarter_of_its_channels() -> None:
    assert open_or_important.standing(NUMBERS.uniform(size=16), NUMBERS.normal(size=16)).n == 4
    assert open_or_important.standing(NUMBERS.uniform(size=3), NUMBERS.normal(size=3)).n == 1


def test_all_that_are_as_open_as_the_last_count_as_open() -> None:
    gate = np.concatenate([np.ones(30), np.linspace(0, 0.9, 70)])
    found = open_or_important.standing(gate, NUMBERS.normal(size=100))
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
    assert open_or_important.standing(np.linspace(0.2, 0.8, 50), values).word == word


def test_equal_gates_have_no_order() -> None:
    found = open_or_important.standing(np.full(50, 0.5), NUMBERS.normal(size=50))
    assert np.isnan(found.rho) and found.word == "undefined" and len(found.open) == 50
    assert open_or_important.three(np.full(50, 0.5), NUMBERS.normal(size=50), three_digits) == ()
    assert open_or_important.three(NUMBERS.uniform(size=50), np.zeros(50), three_digits) == ()


def test_three_to_choose_from() -> None:
    gate, values = np.linspace(0, 1, 101), np.sin(np.arange(101.0))
    values[7] = -5
    open_, matters, middling = open_or_important.three(gate, values, three_digits)
    assert (open_, matters) == (100, 7)
    assert abs(gate[middling] - 0.5) < 0.2
    assert abs(np.sort(np.abs(values)).searchsorted(abs(values[middling])) - 50) < 20
    assert len(set(open_or_important.three(gate, gate, three_digits))) == 3, "also where the most open one matters most"


def test_no_two_of_the_three_show_the_same_gate() -> None:
    gate = np.concatenate([np.linspace(0.9996, 1, 40), [0.2, 0.5]])  # forty that read 1.000
    values = np.concatenate([np.linspace(1, 2, 40), [0.1, 0.2]])
    found = open_or_important.three(gate, values, three_digits)
    assert len({three_digits(gate[c]) for c in found}) == 3
    assert open_or_important.three(np.delete(gate, 40), np.delete(values, 40), three_digits) == (), "two are no three"


def test_a_trio_is_told_apart_by_what_is_shown_of_it() -> None:
    gate, z = np.linspace(0, 1, 50), NUMBERS.normal(size=50)
    found = open_or_important.trio(gate, z, ALL, three_digits)
    assert found is not None and found.by == "gate"
    assert {49, 0} < set(found.channels) and (int(z.argmax()) in found.channels or z.argmax() in (0, 49))
    shut = ALL.copy()
    shut[[49, 0]] = False  # nothing gets through: muting them changes nothing
    found = open_or_important.trio(gate, z, shut, three_digits)
    assert found is not None and {48, 1} < set(found.channels) and not {0, 49} & set(found.channels)


@pytest.mark.parametrize(
    "gate",
    [np.ones(50), np.linspace(0.99961, 0.99969, 50), np.tile([1.0, 0.5], 25)],
    ids=["equal", "equal in the digits shown", "two values for three channels"],
)
def test_equal_gates_are_told_apart_by_z(gate: np.ndarray) -> None:
    z = NUMBERS.normal(size=50)
    found = open_or_important.trio(gate, z, ALL, three_digits)
    assert found is not None and found.by == "z" and {int(z.argmax()), int(z.argmin())} < set(found.channels)
    assert len({three_digits(z[c]) for c in found.channels}) == 3


def test_shares_of_kernels_are_told_apart_by_z() -> None:
    found = open_or_important.trio(np.linspace(0, 1, 50), NUMBERS.normal(size=50), ALL, three_digits, opens=False)
    assert found is not None and found.by == "z"


def test_there_is_no_trio_where_nothing_tells_three_apart() -> None:
    z, two = NUMBERS.normal(size=50), np.arange(50) < 2
    assert open_or_important.trio(np.ones(50), np.full(50, 0.3), ALL, three_digits) is None
    assert open_or_important.trio(np.linspace(0, 1, 50), z, two, three_digits) is None
    assert open_or_important.trio(np.zeros(50), z, ~ALL, three_digits) is None


def test_the_largest_effects_are_all_that_look_the_same() -> None:
    assert open_or_important.most([0.1, -0.5, 0.3], three_digits) == (1,)
    assert open_or_important.most([0.5001, -0.5004, 0.3], three_digits) == (0, 1)
    assert open_or_important.most([0.0001, -0.0002, 0.0], three_digits) == ()
