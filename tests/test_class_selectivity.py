"""What gates are for: the numbers against hand-made gates; each finding where it holds, where not, and in between."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from senet_viz import i18n
from senet_viz.drawing import palette
from senet_viz.experiments import gate_profile
from senet_viz.experiments.gate_profile import BlockProfile, Profile
from senet_viz.figures.lab import class_profiles as figures
from senet_viz.figures.lab.class_profiles import Curves
from senet_viz.findings import class_selectivity
from senet_viz.findings.class_selectivity import Role
from tests.test_drawing import BLINDNESS, lab, linear

K, PICTURES, C = 10, 20, 64
COUNTS = np.full(K, PICTURES)


def block(between: float, within: float, name: str = "b", seed: int = 0, middle: float = 0.5) -> BlockProfile:
    """Class means with exactly that std in every channel, and that std within every class."""
    mean = np.random.default_rng(seed).normal(size=(K, C))
    mean = middle + between * (mean - mean.mean(0)) / mean.std(0)
    return BlockProfile(name, "se", 1, mean[None].astype(np.float32), np.full((1, K, C), within, dtype=np.float32))


def network(*blocks: BlockProfile) -> Profile:
    truth = np.repeat(np.arange(K), PICTURES).astype(np.int16)
    return Profile("made", 8, (1.0,), tuple("abcdefghij"), truth, None, blocks)


def made(high: float = 0.0, pattern: float = 0.5, name: str = "b") -> Role:
    return Role(name, 0.1, 0.1, high, 0.0, pattern)


# --- numbers ----------------------------------------------------------------------------------------------------------


def test_fifty_channels_from_the_first_to_the_last() -> None:
    assert class_selectivity.uniform(512).tolist() == [round(511 * i / 49) for i in range(50)]
    assert (
        class_selectivity.uniform(64)[0] == 0
        and class_selectivity.uniform(64)[-1] == 63
        and len(class_selectivity.uniform(64)) == 50
    )
    assert class_selectivity.uniform(8).tolist() == list(range(8))


def test_eta_squared_is_that_of_the_pictures_themselves() -> None:
    """From single gates: the sum of squares between classes over the total one; classes of unequal size."""
    random = np.random.default_rng(1)
    counts = np.array([5, 20, 11])
    rows = [random.normal(0.1 * k, 0.2 + 0.1 * k, (n, C)) for k, n in enumerate(counts)]
    mean, std = (np.stack([f(r, axis=0) for r in rows])[None] for f in (np.mean, np.std))
    found = class_selectivity.role(BlockProfile("b", "se", 1, mean, std), counts)
    all_rows = np.concatenate(rows)
    total = ((all_rows - all_rows.mean(0)) ** 2).sum()
    inside = sum(((r - r.mean(0)) ** 2).sum() for r in rows)
    assert found.eta2 == pytest.approx(1 - inside / total)
    assert found.within**2 == pytest.approx(inside / all_rows.size)
    assert found.between**2 + found.within**2 == pytest.approx(total / all_rows.size)


def test_chance_is_what_meaningless_classes_reach() -> None:
    random = np.random.default_rng(2)
    gates = random.normal(size=(K, PICTURES, 4000))
    found = class_selectivity.role(BlockProfile("b", "se", 1, gates.mean(1)[None], gates.std(1)[None]), COUNTS)
    assert found.eta2 == pytest.approx(class_selectivity.chance(COUNTS), rel=0.05)


def test_shares_and_still_gates() -> None:
    mean = np.zeros((1, 2, 10))
    mean[0, 0, :3] = 0.95
    found = class_selectivity.role(BlockProfile("b", "se", 1, mean, np.zeros((1, 2, 10))), np.array([1, 1]))
    assert found.high == pytest.approx(3 / 20) and found.low == pytest.approx(17 / 20)
    still = class_selectivity.role(
        BlockProfile("b", "se", 1, np.full((1, 2, 4), 0.5), np.zeros((1, 2, 4))), np.array([1, 1])
    )
    assert still.eta2 == 0 and still.pattern == 0


def test_correlation_ignores_shift_and_scale() -> None:
    line = np.array([0.1, 0.5, 0.2, 0.9])
    assert class_selectivity.correlation(np.stack([line, 0.3 * line + 0.4, 2 * line])) == pytest.approx(1)
    assert class_selectivity.correlation(np.stack([line, -line])) == pytest.approx(-1)
    random = np.random.default_rng(3).normal(size=(5, 30))
    table = np.corrcoef(random)
    assert class_selectivity.correlation(random) == pytest.approx(table[~np.eye(5, dtype=bool)].mean())


def test_of_two_branches_the_last_is_read() -> None:
    first = block(0.1, 0.05)
    both = BlockProfile("b", "sk", 2, np.concatenate([1 - first.mean, first.mean], -1), np.tile(first.std, 2))
    assert np.array_equal(class_selectivity.gates(both)[0], class_selectivity.gates(first)[0])
    assert class_selectivity.role(both, COUNTS) == class_selectivity.role(first, COUNTS)


# --- findings ---------------------------------------------------------------------------------------------------------


def eta(value: float, name: str, seed: int) -> BlockProfile:
    """A block with that share of variance between classes, and gates that differ from channel to channel."""
    return block(0.1 * value**0.5, 0.1 * (1 - value) ** 0.5, name, seed)


@pytest.mark.parametrize(
    ("early", "late", "agnostic", "specific"),
    [
        (0.03, 0.7, "holds", "holds"),
        (0.3, 0.7, "mixed", "holds"),
        (0.03, 0.3, "holds", "mixed"),
        (0.03, 0.03, "mixed", "fails"),
        (0.6, 0.3, "fails", "fails"),
        (0.7, 0.6, "fails", "mixed"),
    ],
)
def test_early_against_late(early: float, late: float, agnostic: str, specific: str) -> None:
    values = (early, early, 0.99, late, late)  # the middle one of five is in neither half
    found = class_selectivity.depth(network(*(eta(v, f"b{i}", i) for i, v in enumerate(values))))
    assert [each.word for each in found] == [agnostic, specific]
    numbers = found[0].numbers
    assert numbers["early"] == pytest.approx(early, abs=1e-4) and numbers["late"] == pytest.approx(late, abs=1e-4)
    assert numbers["rise"] == pytest.approx(late - early, abs=1e-4) and numbers["low"] <= numbers["high"]


def test_the_interval_is_wide_where_channels_disagree() -> None:
    """A rise that hangs on one channel of many is none."""
    between, within = np.full((K, C), 0.5), np.full((1, K, C), 0.1)
    lone = between.copy()
    lone[: K // 2, 0] += 0.5
    blocks = (BlockProfile("a", "se", 1, between[None], within), BlockProfile("b", "se", 1, lone[None], within))
    numbers = class_selectivity.depth(network(*blocks))[0].numbers
    assert numbers["rise"] > 0.05 and numbers["low"] <= 0


def test_one_block_has_no_depth() -> None:
    with pytest.raises(ValueError, match="two blocks"):
        class_selectivity.findings(network(block(0.1, 0.1)))


@pytest.mark.parametrize(("share", "word"), [(0.6, "holds"), (0.2, "mixed"), (0.05, "fails")])
def test_saturation_is_looked_for_in_late_blocks(share: float, word: str) -> None:
    found = class_selectivity.saturation([made(0.9, name="early"), made(), made(share, name="late"), made()])
    assert (found.word, found.block, found.numbers["share"]) == (word, "late", share)


@pytest.mark.parametrize(
    ("last", "others", "word"), [(0.9, 0.5, "holds"), (0.9, 0.95, "mixed"), (0.6, 0.5, "mixed"), (0.3, 0.5, "fails")]
)
def test_one_pattern_for_all_classes(last: float, others: float, word: str) -> None:
    found = class_selectivity.same_pattern([made(pattern=others)] * 3 + [made(pattern=last, name="z")])
    assert (found.word, found.block) == (word, "z")
    assert dict(found.numbers) == {"last": last, "others": others}


def test_three_blocks_to_choose_from() -> None:
    def with_eta(*values: float) -> list[Role]:
        return [Role(str(i), v**0.5, (1 - v) ** 0.5, 0, 0, 0) for i, v in enumerate(values)]

    assert class_selectivity.candidates(with_eta(0.2, 0.1, 0.3, 0.6, 0.4)) == (1, 3, 4), "not always the deepest"
    assert class_selectivity.candidates(with_eta(0.2, 0.1, 0.3, 0.6)) == (1, 2, 3)
    assert len(class_selectivity.candidates(with_eta(0.1, 0.2))) == 2
    assert class_selectivity.candidates(with_eta(0.2, 0.601, 0.3, 0.604)) == (0, 2, 3), (
        "one that reads 0.60 as well is not among them"
    )
    assert class_selectivity.candidates(with_eta(0.301, 0.302, 0.3)) == (), "nobody could say which is best"
    assert class_selectivity.candidates(with_eta(0.1, 0.2, 0.3), luck=0.2) == (), "luck may give as much"
    assert class_selectivity.candidates(with_eta(0.1, 0.2, 0.5), luck=0.2) == (0, 1, 2)


# --- which class is it? -----------------------------------------------------------------------------------------------


def test_a_class_mean_is_nearest_to_its_own_class() -> None:
    known = block(0.2, 0.05)
    mean, _ = class_selectivity.gates(known)
    for k in range(K):
        found = class_selectivity.guess("b", class_selectivity.distances(known, COUNTS, mean[k] + 0.01), k)
        assert (found.nearest, found.rank) == (k, 1)
    d = class_selectivity.distances(known, COUNTS, mean[3] + 0.05)
    assert d[3] == pytest.approx(1, abs=1e-4), "one std within the class away in every channel"
    other = class_selectivity.guess("b", class_selectivity.distances(known, COUNTS, mean[3]), 5)
    assert other.nearest == 3 and other.rank == 1 + sorted(class_selectivity.distances(known, COUNTS, mean[3])).index(
        class_selectivity.distances(known, COUNTS, mean[3])[5]
    )


def test_a_gate_that_scatters_counts_less() -> None:
    mean = np.array([[[0.0, 0.0], [0.4, 0.1]]])
    std = np.array([[[0.4, 0.01], [0.4, 0.01]]])  # the first channel says little
    found = class_selectivity.guess(
        "b",
        class_selectivity.distances(BlockProfile("b", "se", 1, mean, std), np.array([9, 9]), np.array([0.4, 0.0])),
        1,
    )
    assert (found.nearest, found.rank) == (0, 2)


# --- the shipped profiles ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["tiny_se", "tiny_se_h", "tiny_sk"])
@pytest.mark.parametrize("zoom", [0, 1])
def test_the_shipped_networks(model: str, zoom: int) -> None:
    found = gate_profile.read()[model]
    each = class_selectivity.roles(found, zoom)
    assert [r.name for r in each] == [b.name for b in found.blocks]
    assert all(class_selectivity.chance(found.counts) < r.eta2 < 1 for r in each), (
        "every gate knows more of the class than luck"
    )
    early = class_selectivity.depth(found, zoom)[0].numbers
    assert early["early"] == pytest.approx(np.mean([r.eta2 for r in each[:5]]))
    assert early["late"] == pytest.approx(np.mean([r.eta2 for r in each[-5:]]))
    assert early["low"] < early["rise"] < early["high"]


# --- figures ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", i18n.LANGUAGES)
def test_figures_draw_what_they_are_given(lang: str) -> None:
    t, at = i18n.texts(lang), np.array([0, 3, 7])
    rng = np.random.default_rng(4)
    mean, std = rng.uniform(0.2, 0.8, (2, 3)), rng.uniform(0.01, 0.1, (2, 3))
    curves = [Curves(name, 8, at, mean, std, mean.mean(0), mean[0] + 0.01) for name in ("1.0", "4.2")]
    six, seven = figures.draw_fig6(curves, ("cat", "dog"), t), figures.draw_fig7(curves, "dog", 1, t)
    assert [line.y.tolist() for line in six.panels[1].marks] == [  # type: ignore[union-attr]
        *mean.tolist(), mean.mean(0).tolist(), (mean[0] + 0.01).tolist()
    ]  # fmt: skip
    assert six.table.rows[4][:4] == ("4.2", 3, mean[0, 1], mean[1, 1])
    band = seven.panels[0].marks[0]
    assert np.allclose(band.base, mean[1] - std[1]) and np.allclose(band.y, 2 * std[1])  # type: ignore[union-attr]
    assert six.panels[0].y_range == six.panels[1].y_range and six.panels[0].y_range != seven.panels[0].y_range


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_lines_of_classes_are_told_apart_with_every_kind_of_sight(dark: bool) -> None:
    assert len(figures.CLASSES) == figures.MOST == 4
    for a, b in combinations((*figures.CLASSES, "ink", "pinned"), 2):
        for matrix in (np.eye(3), *map(np.array, BLINDNESS.values())):
            one, other = (lab(matrix @ linear(palette.role(role, dark))) for role in (a, b))
            assert np.linalg.norm(one - other) > 10, (a, b)


def test_the_best_block_is_named() -> None:
    t, zero = i18n.texts("en"), np.zeros(3)
    between, within = np.array([0.1, 0.3, 0.1]), np.array([0.3, 0.1, 0.0])
    drawn = figures.draw_findings(("1.0", "2.0", "3.0"), between, within, zero, zero, zero, 0.02, t)
    assert "3.0" in drawn.title and [row[1] for row in drawn.table.rows] == pytest.approx([0.1, 0.9, 1.0])
    guess = figures.draw_guess(("1.0", "2.0"), ("cat", "dog"), (1, 30), "cat", 50, True, t)
    assert guess.table.rows == (("1.0", "cat", 1), ("2.0", "dog", 30)) and "1 of 2" in guess.title


@pytest.mark.parametrize(
    ("early", "late", "low", "high", "best", "word"),
    [
        (0.09, 0.05, -0.06, -0.02, 0.1, "luck"),
        (0.15, 0.17, 0.01, 0.03, 0.3, "luck"),
        (0.5, 0.05, -0.5, -0.4, 0.1, "falls"),
        (0.2, 0.3, -0.1, 0.3, 0.6, "level"),
        (0.2, 0.3, 0.05, 0.15, 0.4, "slightly"),
        (0.2, 0.3, 0.05, 0.15, 0.6, "rises"),
    ],
)
def test_what_luck_may_have_done_is_no_trend(
    early: float, late: float, low: float, high: float, best: float, word: str
) -> None:
    numbers = {"early": early, "late": late, "low": low, "high": high, "best": best, "chance": 1 / 11}
    assert class_selectivity.trend(class_selectivity.Finding("agnostic", "mixed", numbers)) == word
