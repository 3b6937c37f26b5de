"""What it costs: the page's numbers are a count of the test's own, in every language and for every network."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from senet_viz import i18n
from senet_viz.architecture import counting, papers, prices
from senet_viz.drawing.renderers import slides
from senet_viz.figures.networks import what_it_costs as figures
from senet_viz.networks import blocks, registry, variants
from senet_viz.networks.registry import Choice
from senet_viz.ui import state
from senet_viz.ui.pages.networks import options as controls
from tests.test_pages import array, chart, fresh, start, url, well, words

PAGE = "what_it_costs"
__all__ = ["fresh"]  # a fixture: asked for by name


def bars(at: AppTest, key: str) -> list[np.ndarray]:
    return [array(trace["x" if trace.get("orientation") == "h" else "y"]) for trace in chart(at, key)
            if trace["type"] == "bar"]  # fmt: skip


def metrics(at: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in at.main.metric}


def added(name: str, **options: object) -> tuple[int, int]:
    """Parameters and MACs, from two networks of the test's own."""
    net, bare = variants.build(name, device="meta", **options), variants.bare(name, device="meta")
    size = registry.network(name).size
    with_, without = counting.of(net, size), counting.of(bare, size)
    return with_.params - without.params, with_.macs - without.macs


@pytest.mark.parametrize("lang", i18n.LANGUAGES)
def test_it_opens(lang: str) -> None:
    at = start(PAGE, lang=lang)
    assert [h.value for h in at.title] == [i18n.text("networks.what_it_costs.title", lang)]
    assert len(at.get("plotly_chart")) == 5 and all(e.proto.alt for e in at.get("plotly_chart"))
    assert url(at)["net"] == prices.DEFAULT and url(at)["r"] == "16" and url(at)["table"] == "se10"
    said = metrics(at)
    assert said[i18n.text("networks.cost.eq5.formula", lang)] == "2,514,944"
    assert said[i18n.text("networks.cost.eq5.weights", lang)] == "2,514,944"
    assert said[i18n.text("networks.cost.eq5.rest", lang)] == "16,048"
    (formula,) = [e.value for e in at.latex]
    assert r"\frac{2}{16}\,(3\cdot 256^2+4\cdot 512^2+6\cdot 1024^2+3\cdot 2048^2)=2{,}514{,}944" in formula


def test_as_first_shown_it_holds_what_gates_add_and_nothing_of_what_is_closed() -> None:
    at = start(PAGE, more="", r=8, gate="tanh", bias="no")
    assert [e.proto.id.split("-chart-")[1] for e in at.get("plotly_chart")] == ["cost-adds"]
    assert not at.latex and not at.table and not at.main.header and not at.main.code and not at.main.metric
    assert [box.key for box in at.main.selectbox] == ["net"] and not at.main.button
    params, macs = added("se_resnet50", reduction=8, gate="tanh", bias=False)
    base = counting.of(variants.bare("se_resnet50", device="meta"))
    np.testing.assert_allclose(bars(at, "cost-adds")[1][:2], [100 * params / base.params, 100 * macs / base.macs],
                               rtol=1e-6)  # fmt: skip
    no = f"{i18n.text('networks.cost.bias', 'en')} {i18n.text('networks.cost.bias.no', 'en')}"
    said = f"r = 8 · tanh · {no}"
    assert i18n.text("networks.compare.variant.all", "en", said=said) in words(at), "what no control shows is said"


def test_an_option_holds_when_its_control_is_put_away() -> None:
    at = start(PAGE, more="options")
    at.selectbox(key="gate").set_value("tanh")
    well(at.run())
    assert url(at)["gate"] == "tanh"
    (looks,) = [group for group in at.get("button_group") if group.key.startswith("more-")]
    looks.set_value([])
    well(at.run())
    assert "gate" not in [box.key for box in at.main.selectbox] and url(at)["gate"] == "tanh"
    well(at.run())
    (looks,) = [group for group in at.get("button_group") if group.key.startswith("more-")]
    looks.set_value(["options"])
    well(at.run())
    assert at.selectbox(key="gate").value == url(at)["gate"] == "tanh"


@pytest.mark.parametrize("net", prices.names())
def test_every_network_opens(net: str) -> None:
    at = start(PAGE, net=net)
    assert url(at)["net"] == net
    found = prices.price(Choice(net))
    _, extra = bars(at, "cost-adds")
    shares = [add / base for add, base in zip(found.adds, found.without, strict=True)]
    np.testing.assert_allclose(extra[:2], np.multiply(shares, 100), rtol=1e-6)
    assert len(extra) == (3 if found.memory else 2)
    assert (
        bool(at.button(key="measure"))
        if found.bare is not None
        else i18n.text("networks.cost.time.none", "en", net=prices.names()[net]) in words(at)
    )


def test_options_are_counted() -> None:
    at = start(PAGE, net="se_resnet101", r=8, squeeze="none", bias="no", stages="not4")
    options = {"reduction": 8, "squeeze": "none", "bias": False, "stages": (1, 2, 3)}
    params, macs = added("se_resnet101", **options)
    bare, extra = bars(at, "cost-adds")
    base = counting.of(variants.bare("se_resnet101", device="meta"))
    np.testing.assert_allclose(extra[:2], [100 * params / base.params, 100 * macs / base.macs], rtol=1e-6)
    assert (bare == 100).all()
    at.segmented_control(key="stages").set_value("4")
    well(at.run())
    params, _ = added("se_resnet101", **{**options, "stages": (4,)})
    assert bars(at, "cost-adds")[1][0] == pytest.approx(100 * params / base.params)
    heights = bars(at, "cost-stages")
    assert len(heights[0]) == 1, "one stage has gates"


def test_another_network_begins_with_its_own_gates() -> None:
    at = start(PAGE, r=4, squeeze="max")
    at.selectbox(key="net").set_value("mobilenet_v3_small")
    well(at.run())
    assert (at.session_state["r"], at.session_state["squeeze"], at.session_state["form"]) == (4, "avg", "conv")
    at.selectbox(key="net").set_value("se_vgg16_bn")
    well(at.run())
    assert at.session_state["r"] == 16
    assert metrics(at)[i18n.text("networks.cost.eq5.weights", "en")] == "226,304"


@pytest.mark.parametrize(
    ("net", "url_", "options"),
    [
        ("se_resnet50", {"integration": "3x3", "gate": "tanh"}, {"integration": "3x3", "gate": "tanh"}),
        (
            "se_inception_resnet_v2",
            {"integration": "pre", "form": "conv_bn"},
            {"integration": "pre", "form": "conv_bn"},
        ),
        ("sknet26", {"floor": 128, "branches": 3, "r": 4}, {"floor": 128, "branches": 3, "reduction": 4}),
        ("se_vgg16_bn", {"gate": "softmax", "integration": "post"}, {"gate": "softmax"}),
    ],
)
def test_every_option_of_a_network_has_a_control(net: str, url_: dict[str, object], options: dict[str, object]) -> None:
    at = start(PAGE, net=net, **url_)
    assert {controls.KEYS[option.name] for option in registry.network(net).options} <= set(url(at))
    params, macs = added(net, **options)
    base = counting.of(variants.bare(net, device="meta"), registry.network(net).size)
    np.testing.assert_allclose(bars(at, "cost-adds")[1][:2], [100 * params / base.params, 100 * macs / base.macs],
                               rtol=1e-6)  # fmt: skip


def test_what_each_option_costs() -> None:
    at = start(PAGE, r=4)
    (table,) = [each.value for each in at.table]
    lines = {(option, value): (params, macs) for option, value, params, macs in table.itertuples(index=False)}
    t = i18n.texts("en")
    own = counting.of(variants.build("se_resnet50", device="meta", reduction=4)).gate
    functions = " · ".join(controls.said(t, "gate", gate) for gate in blocks.GATES)
    assert lines[t("networks.cost.gate"), functions] == (f"{own.params:,}", f"{own.macs:,}"), (
        "no function costs anything"
    )
    inner = counting.of(variants.build("se_resnet50", device="meta", reduction=4, integration="3x3")).gate
    shown = lines[t("networks.cost.integration"), t("fig.integration.3x3")]
    assert shown[0] == f"{inner.params:,} ({inner.params - own.params:+,})" and shown[1].startswith(f"{inner.macs:,} ")
    open_ = counting.of(variants.build("se_resnet50", device="meta", reduction=4, squeeze="none")).gate
    assert lines[t("networks.cost.squeeze"), t("networks.cost.squeeze.none")][1].startswith(f"{open_.macs:,} ")


def test_nonsense_in_the_url_is_ignored() -> None:
    at = start(PAGE, gate="step", integration="sideways", r=3, stages="not9", squeeze="?", form="?", bias="perhaps")
    released = {"gate": "sigmoid", "integration": "standard", "r": "16", "stages": "all", "squeeze": "avg"}
    assert released.items() <= url(at).items()


def test_without_the_last_stage() -> None:
    at = start(PAGE, bias="no")
    (saving,) = [e for e in at.main.markdown if "3.69 %" in e.value]
    assert "9.84 %" in saving.value
    curve = [array(trace["y"]) for trace in chart(at, "cost-curve") if trace["type"] == "scatter"]
    totals = [25_557_032 + prices.eq5(((3, 256), (4, 512), (6, 1024), (3, 2048)), r) for r in registry.REDUCTIONS]
    assert any(len(line) == 5 and np.allclose(line, np.array(totals) / 1e6, rtol=1e-6) for line in curve)
    assert any(np.allclose(line, [45.7, 35.7, 30.7, 28.1, 26.9]) for line in curve if len(line) == 5), "table 10"


@pytest.mark.parametrize("key", [table.key for table in papers.TABLES])
def test_every_table(key: str) -> None:
    at = start(PAGE, table=key)
    table = papers.table(key)
    drawn = np.concatenate([array(t["x"]) for t in chart(at, "cost-table") if t["type"] == "scatter"])
    for row in table.rows:
        if row.group != "original":
            assert np.isclose(drawn, row.top1, atol=1e-4).any()
            printed = row.gflops if key == "se2" else row.params
            assert printed is None or np.isclose(drawn, float(printed), atol=1e-4).any()
    assert any(table.cite in text for text in words(at))


def test_time_is_measured_when_asked(fresh: None) -> None:
    state.prices.clear()
    at = start(PAGE, net="tiny_se")
    count = len(at.get("plotly_chart"))
    at.button(key="measure").click()
    well(at.run())
    assert len(at.get("plotly_chart")) == count + 1
    lines = [array(t["y"]) for t in chart(at, "cost-time") if t["type"] == "scatter"]
    rounds = len(lines[0])
    assert rounds >= 3 and (lines[0] > 0).all() and (lines[1] > 0).all()
    assert any(re.search(rf"\b{rounds} rounds on cpu, 1 torch thread", text) for text in words(at))
    well(at.run())
    again = [array(t["y"]) for t in chart(at, "cost-time") if t["type"] == "scatter"]
    assert np.array_equal(lines[0], again[0]), "kept, not measured again"


@pytest.mark.parametrize("lang", i18n.LANGUAGES)
def test_figures_become_slides(lang: str) -> None:
    found = prices.price(Choice("se_bn_inception"))
    bare, extra = (*found.without, *found.memory[:1]), (*found.adds, *found.memory[1:])
    rounds = np.array([[10.0, 11.0], [10.5, 11.2], [9.8, 10.9]])
    times = (9.9, 10.0, 10.2), (10.9, 11.0, 11.1), (0.08, 0.1, 0.11)
    drawings = (
        lambda t: figures.draw_adds("n", bare, extra, t),
        lambda t: figures.draw_stages(["1", "2"], np.array([10, 30]), np.array([5, 2]), t),
        lambda t: figures.draw_curve("n", (2, 4), np.array([9_000_000, 8_000_000]), 7_000_000, 4, (9.0, None), t),
        lambda t: figures.draw_saving(["all", "not 2"], np.array([30, 10]), 100, t),
        lambda t: figures.draw_time(rounds, *times, "note", t),
        lambda t: figures.draw_table("c", ("a", "b"), (22.0, 21.0), ("1.0", None), (1.1, 1.2), "M", t),
    )
    for draw in drawings:
        made = draw(i18n.texts(lang))
        assert made.table.rows and made.alt and "{" not in made.title + made.alt
        assert (
            slides.render(lambda wanted, draw=draw: draw(i18n.texts(wanted)), "png", lang, False).data[:4] == b"\x89PNG"
        )
    assert json.dumps([made.title for made in (draw(i18n.texts(lang)) for draw in drawings)])
