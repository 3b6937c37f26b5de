"""What becomes of gates along a sweep: ranks, correlations, changes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import rankdata, spearmanr

from senet_viz import stats
from senet_viz.experiments import scale_sweep
from senet_viz.findings import scale_response
from senet_viz.models import catalogue
from senet_viz.photos import samples
from tests import truth

SCALES = (0.5, 1.0, 2.0)


@pytest.fixture(scope="module")
def swept() -> scale_sweep.Sweep:
    return scale_sweep.scale_sweep(truth.model("tiny_sk"), samples.sample("chelsea"), SCALES, catalogue.spec("tiny_sk"))


@pytest.mark.parametrize("values", [[3, 1, 2], [1, 1, 1], [5, 2, 2, 9, 5, 5], [0.5]])
def test_ranks_are_scipys(values: list[float]) -> None:
    assert np.array_equal(stats.ranks(np.array(values)), rankdata(values) - 1)


@pytest.mark.parametrize("ties", [False, True])
def test_rank_correlation_is_scipys(ties: bool) -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        a, b = (rng.integers(0, 4, 30) if ties else rng.normal(size=30) for _ in range(2))
        assert stats.rank_correlation(a, b) == pytest.approx(spearmanr(a, b).statistic, abs=1e-12)
    assert stats.rank_correlation(a, a) == pytest.approx(1)
    assert stats.rank_correlation(a, -a) == pytest.approx(-1)
    assert np.isnan(stats.rank_correlation(a, np.ones(30)))


def test_correlations_are_one_where_nothing_changed(swept: scale_sweep.Sweep) -> None:
    rho = scale_response.correlations(swept, 1)
    assert rho.shape == (len(swept.traces[0].blocks), len(SCALES))
    assert np.allclose(rho[:, 1], 1) and (rho[:, 0] < 1).any()


def test_most_moved_are_the_extremes_of_the_change() -> None:
    g = np.zeros((3, 6))
    g[-1] = [0.3, -0.2, 0.0, 0.1, -0.4, 0.2]
    g[1] = 9  # what lies between does not count
    up, down = scale_response.most(g, 2)
    assert up.tolist() == [0, 5] and down.tolist() == [4, 1]
    up, down = scale_response.most(np.abs(g), 9)
    assert len(down) == 0 and 2 not in up, "a channel that stayed moved neither way"


def test_distance_is_zero_from_itself_and_grows_with_the_change() -> None:
    g = np.array([[0.1, 0.2], [0.1, 0.4], [0.5, 0.2]])
    assert scale_response.distance(g, g[0]) == pytest.approx([0, 0.1, 0.2])


def test_the_table_has_every_gate_of_every_branch(swept: scale_sweep.Sweep) -> None:
    rows = scale_response.table(swept)
    assert len(rows) == sum(block.gate.numel() for trace in swept.traces for block in trace.blocks)
    scale, name, channel, branch, value = rows[-1]
    block = swept.traces[-1].blocks[-1]
    assert (scale, name, channel, branch) == (2.0, block.name, block.channels - 1, block.branches - 1)
    assert value == float(block.gate[-1, -1])
    assert {row[3] for row in rows} == {0, 1}
