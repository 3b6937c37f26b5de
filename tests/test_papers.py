"""The papers' tables: typed here once more from the tables, and held against what we count."""

from __future__ import annotations

import pytest

from senet_viz.architecture import comparison, counting, papers
from senet_viz.networks import registry, variants

SENET = "Hu et al., Squeeze-and-Excitation Networks, TPAMI 2020"
SKNET = "Li et al., Selective Kernel Networks, CVPR 2019"


def errors(key: str) -> dict[str, tuple[float | None, float | None]]:
    return {row.label: (row.top1, row.top5) for row in papers.table(key).rows}


def test_citations() -> None:
    assert [(t.paper, t.number, t.evidence) for t in papers.TABLES] == [
        *((SENET, n, "T") for n in (2, 10, 11, 12, 13, 14, 15, 16)), (SKNET, 2, "A"), (SKNET, 7, "K"),
    ]  # fmt: skip
    assert papers.table("se13").cite.endswith("TPAMI 2020, Table 13")
    with pytest.raises(KeyError):
        papers.table("se99")


def test_senet_table_2() -> None:
    table = papers.table("se2")
    assert len(table.rows) == 24
    values = [(row.top1, row.top5, row.gflops) for row in table.rows if row.group == "se"]
    assert values == [
        (23.29, 6.62, "3.87"), (22.38, 6.07, "7.60"), (21.57, 5.73, "11.32"), (21.10, 5.49, "4.25"),
        (20.70, 5.01, "8.00"), (25.22, 7.70, "15.48"), (24.23, 7.14, "2.04"), (19.80, 4.79, "11.76"),
    ]  # fmt: skip
    values = [(row.top1, row.top5, row.gflops) for row in table.rows if row.group == "bare"]
    assert values == [
        (24.80, 7.48, "3.86"), (23.17, 6.52, "7.58"), (22.42, 6.34, "11.30"), (22.11, 5.90, "4.24"),
        (21.18, 5.57, "7.99"), (27.02, 8.81, "15.47"), (25.38, 7.89, "2.03"), (20.37, 5.21, "11.75"),
    ]  # fmt: skip
    values = [(row.top1, row.top5) for row in table.rows if row.group == "original"]
    assert values == [
        (24.7, 7.8), (23.6, 7.1), (23.0, 6.7), (22.2, None), (21.2, 5.6), (None, None), (25.2, 7.82), (19.9, 4.9),
    ]  # fmt: skip
    assert table.row("ResNet-50", "se").top1 == 23.29
    with pytest.raises(KeyError):
        table.row("ResNet-50")


def test_senet_ablations() -> None:
    """Tables 10 to 16, SE-ResNet-50."""
    assert [(row.top1, row.top5, row.params) for row in papers.table("se10").rows] == [
        (22.29, 6.00, "45.7"), (22.25, 6.09, "35.7"), (22.26, 5.99, "30.7"), (22.28, 6.03, "28.1"),
        (22.72, 6.20, "26.9"), (23.30, 6.55, "25.6"),
    ]  # fmt: skip
    assert errors("se11") == {"Max": (22.57, 6.09), "Avg": (22.28, 6.03)}
    assert errors("se12") == {"ReLU": (23.47, 6.98), "Tanh": (23.00, 6.38), "Sigmoid": (22.28, 6.03)}
    assert [(row.top1, row.top5, row.params) for row in papers.table("se13").rows] == [
        (23.03, 6.48, "25.6"), (23.04, 6.32, "25.7"), (22.68, 6.22, "26.4"), (22.28, 6.03, "28.1"),
    ]  # fmt: skip
    assert errors("se14") == {
        "SE": (22.28, 6.03), "SE-PRE": (22.23, 6.00), "SE-POST": (22.78, 6.35), "SE-Identity": (22.20, 6.15),
    }  # fmt: skip
    (inner,), (no_squeeze,) = papers.table("se15").rows, papers.table("se16").rows
    assert (inner.top1, inner.top5, inner.gflops, inner.params) == (22.48, 6.02, "3.86", "25.8")
    assert (no_squeeze.top1, no_squeeze.top5, no_squeeze.gflops, no_squeeze.params) == (22.93, 6.39, "4.27", "28.1")


def test_sknet_tables() -> None:
    assert [(row.top1, row.params, row.gflops) for row in papers.table("sk2").rows] == [
        (22.23, "25.0", "4.24"), (21.12, "27.7", "4.25"), (20.79, "27.5", "4.47"),
        (21.11, "44.3", "7.99"), (20.58, "49.2", "8.00"), (20.19, "48.9", "8.46"),
    ]  # fmt: skip
    assert [(row.top1, row.params, row.gflops) for row in papers.table("sk7").rows] == [
        (22.23, "25.0", "4.24"), (21.76, "26.5", "4.46"), (20.79, "27.5", "4.47"), (20.76, "29.3", "4.70"),
    ]  # fmt: skip


@pytest.mark.parametrize("key", [t.key for t in papers.TABLES if t.key not in ("se2", "sk2")])
def test_printed_parameters_are_within_reach(key: str) -> None:
    """Within 0.15 M: what rounding, biases and stored statistics explain (SENet tables 10, 13; SKNet 7)."""
    for row in papers.table(key).rows:
        found = comparison.ours(key, row)
        assert found is not None
        if row.params is not None:
            assert found.params / 1e6 == pytest.approx(float(row.params), abs=0.15)


def test_how_table_10_was_counted() -> None:
    """No way gives all six numbers; stored statistics explain two more than weights alone."""
    table = papers.table("se10")
    found = comparison.compare(table, [comparison.ours("se10", row) for row in table.rows])
    agreed = {way: hits for way, hits, _ in found.agreed}
    assert agreed == {"plain": 3, "biases": 3, "statistics": 5, "both": 5} and found.way == "statistics"
    assert found.printed == ("45.7", "35.7", "30.7", "28.1", "26.9", "25.6")
    assert found.ours[3] == pytest.approx(28.071976 + 0.05312)


def test_where_the_printed_hundredth_of_a_gflop_comes_from() -> None:
    """SENet table 2: 3.86 to 3.87. MACs of the gates are 0.0025 G; with pooling and scaling it is printed so."""
    table = papers.table("se2")
    bare, gated = (comparison.ours("se2", table.row("ResNet-50", group)) for group in ("bare", "se"))
    assert bare is not None and gated is not None
    assert comparison.agrees(bare.operations()["first"], "3.86", 1e9)
    assert not comparison.agrees(gated.operations()["first"], "3.87", 1e9)
    assert comparison.agrees(gated.operations()["first_all"], "3.87", 1e9)
    assert not comparison.agrees(gated.operations()["plain"], "3.87", 1e9)
    no_squeeze = comparison.ours("se16", papers.table("se16").rows[0])
    assert no_squeeze is not None and comparison.agrees(no_squeeze.operations()["first"], "4.27", 1e9)


def test_rounding() -> None:
    assert comparison.agrees(28_071_976, "28.1", 1e6) and not comparison.agrees(28_151_976, "28.1", 1e6)
    assert comparison.agrees(7_600_000_000, "7.60", 1e9) and not comparison.agrees(7_594_700_000, "7.60", 1e9)


@pytest.mark.parametrize("name", ["se_resnet50", "se_vgg16_bn", "se_bn_inception", "se_inception_resnet_v2"])
def test_one_count_gives_both_networks(name: str) -> None:
    """What is left of a count without the gates' share is the network that never had any."""
    first = name == "se_resnet50"
    gated, plain = comparison._tally(registry.Choice(name), first)
    for counted, net in ((gated, variants.build(name, device="meta")), (plain, variants.bare(name, device="meta"))):
        found = counting.of(net, registry.network(name).size)
        assert (counted.params, counted.macs) == (found.params, found.macs)
        assert counted.other == found.total.pool + found.total.scale
        assert counted.statistics == sum(b.numel() for n, b in net.named_buffers() if "running" in n)
        early = counting.of(comparison.stride_first(net), registry.network(name).size).macs if first else None
        assert counted.first == early
