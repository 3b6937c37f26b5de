"""The page on where gates sit: what it draws and says is what the recorder and one backward pass found."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from senet_viz import i18n
from senet_viz.architecture import papers, prices, recorder
from senet_viz.experiments import gradient_flow
from senet_viz.networks.gated import INTEGRATIONS
from senet_viz.ui import state
from senet_viz.ui.pages.networks import wired
from tests.test_pages import array, chart, start, url, well, words

PAGE = "where_it_sits"


@pytest.fixture
def unmeasured() -> Iterator[None]:
    """Nothing was measured yet."""
    state.prices.clear()
    yield
    state.prices.clear()


def boxes(at: AppTest, key: str) -> list[str]:
    """The words in the boxes of a drawing: notes of plotly's that are neither arrows, titles nor names of rules."""
    import json

    (found,) = [e for e in at.get("plotly_chart") if e.proto.id.endswith(f"-chart-{key}")]
    notes = json.loads(found.proto.spec)["layout"]["annotations"]
    middle = ("center", "middle")
    return [note["text"] for note in notes if note["text"] and (note["xanchor"], note["yanchor"]) == middle]


def table(at: AppTest) -> Any:
    (found,) = at.table
    return found.value


@pytest.mark.parametrize("lang", i18n.LANGUAGES)
@pytest.mark.parametrize("versus", ["all", "efficientnet_b0", "sknet50"])
def test_it_opens(versus: str, lang: str) -> None:
    at = start(PAGE, versus=versus, lang=lang)
    assert [h.value for h in at.title] == [i18n.text("networks.where_it_sits.title", lang)]
    assert url(at)["versus"] == versus and len(at.get("plotly_chart")) == 3 + (versus != "all")
    assert all(e.proto.alt for e in at.get("plotly_chart"))
    assert len(boxes(at, "units")) == sum(len(recorder.unit(name).parts) for name in recorder.SIX)
    if versus != "all":
        assert len(boxes(at, "pair")) == sum(len(recorder.unit(name).parts) for name in ("se_resnet50", versus))


def test_as_first_shown_it_holds_the_six_families_and_nothing_of_what_is_closed() -> None:
    at = start(PAGE, more="", versus="efficientnet_b0")
    assert [e.proto.id.split("-chart-")[1] for e in at.get("plotly_chart")] == ["units"]
    assert not at.table and not at.main.header and not at.main.code and not at.main.selectbox
    assert url(at)["versus"] == "efficientnet_b0", "kept for when it is opened"
    (opened,) = start(PAGE, more="facts", versus="efficientnet_b0").table
    assert prices.row("efficientnet_b0").title in opened.value


def test_the_table_says_what_differs() -> None:
    at = start(PAGE, versus="efficientnet_b0")
    shown = table(at)
    title = prices.row("efficientnet_b0").title
    mine, ours = recorder.unit("efficientnet_b0").facts, recorder.unit("se_resnet50").facts
    functions = shown[shown.iloc[:, 0] == i18n.text("networks.where.row.function", "en")]
    assert functions[title].tolist() == [mine.function] == [ours.function], "the same: not bold"
    acts = shown[shown.iloc[:, 0] == i18n.text("networks.where.row.act", "en")]
    assert acts[title].tolist() == [f"**{mine.act}**"] and acts["SE-ResNet-50"].tolist() == [ours.act]
    bold = sum(text.startswith("**") for text in shown[title])
    said = i18n.text("networks.where.same", "en", title=title, like="SE-ResNet-50", n=bold, rows=7)
    assert said in words(at) and not any(text.startswith("**") for text in shown["SE-ResNet-50"])


@pytest.mark.parametrize("listing", ["defined", "run"])
def test_both_orders_can_be_seen(listing: str) -> None:
    at = start(PAGE, versus="efficientnet_b0", listing=listing)
    printed, defined, ran = recorder.orders("efficientnet_b0")
    assert boxes(at, "order") == list(defined if listing == "defined" else ran)
    assert printed in [element.value for element in at.main.code]


@pytest.mark.parametrize("integration", INTEGRATIONS)
def test_integrations_are_drawn_beside_the_papers_numbers(integration: str) -> None:
    at = start(PAGE, integration=integration)
    said = boxes(at, "integration")
    assert len(said) == len(recorder.unit("se_resnet50", integration=integration).parts)
    points = np.sort(
        np.concatenate(
            [
                array(tr["x"])
                for tr in chart(at, "integration")
                if tr.get("mode") == "markers"
                and len(array(tr["x"]))
                and array(tr["x"])[0] is not None
                and np.isfinite(np.asarray(array(tr["x"]), dtype=float)).all()
            ]
        )
    )
    table14 = [row.top1 for row in papers.table("se14").rows] + [papers.table("se15").rows[0].top1]
    assert points == pytest.approx(np.sort(np.array(table14, dtype=float)), abs=1e-4)
    assert i18n.text(f"networks.where.{integration}.why", "en") in words(at)


def test_nothing_is_measured_before_the_button(unmeasured: None) -> None:
    at = start(PAGE, units=16)
    assert not [e for e in at.get("plotly_chart") if e.proto.id.endswith("-chart-gradient-flow")]
    at = well(next(b for b in at.button if b.key == "flow").click().run())
    lines = [trace for trace in chart(at, "gradient-flow") if trace.get("mode") == "lines" and trace.get("name")]
    assert len(lines) == len(gradient_flow.STARTS) * len(INTEGRATIONS)
    for n, begin in enumerate(gradient_flow.STARTS):
        flows = {i: gradient_flow.measure(i, 16, begin) for i in INTEGRATIONS}
        drawn = {line["name"]: array(line["y"]) for line in lines if line["xaxis"] == f"x{n + 1 if n else ''}"}
        for name, flow in flows.items():
            own = np.median(flow.log10, axis=0)
            assert drawn[i18n.text(f"fig.integration.{name}", "en")] == pytest.approx(own, abs=1e-2), (begin, name)
        verdict = gradient_flow.verdict(list(flows.values()))
        ratio = flows["post"].arrives / flows["standard"].arrives
        said = f"- {i18n.text(f'networks.where.{begin}', 'en')}"
        (line,) = [line for text in words(at) for line in text.split("\n") if line.startswith(said)]
        assert wired.share(i18n.texts("en"), ratio) in line and verdict != "unclear"


def test_what_was_measured_is_there_at_once(unmeasured: None) -> None:
    at = start(PAGE, units=16)
    well(next(b for b in at.button if b.key == "flow").click().run())
    again = start(PAGE, units=16)
    assert [e for e in again.get("plotly_chart") if e.proto.id.endswith("-chart-gradient-flow")]
    assert not [b for b in again.button if b.key == "flow"]
    deeper = start(PAGE, units=33)
    assert [b for b in deeper.button if b.key == "flow"], "another stack was not measured yet"


@pytest.mark.parametrize(
    ("key", "value"), [("versus", "nobody"), ("integration", "sideways"), ("units", "7"), ("opened", "?")]
)
def test_nonsense_in_the_url_is_ignored(key: str, value: str) -> None:
    assert url(start(PAGE, **{key: value}))[key] != value


@pytest.mark.parametrize(
    ("ratio", "text"),
    [(46.0, "46 times"), (0.7, "70% of"), (1.66e-5, "0.0017 % of"), (2e-15, "2.0·10⁻¹⁵ of"), (1.3, "130% of")],
)
def test_shares(ratio: float, text: str) -> None:
    assert wired.share(i18n.texts("en"), ratio) == text


def test_a_block_that_is_defined_as_it_runs_is_no_example() -> None:
    at = start(PAGE, versus="sknet50")
    assert boxes(at, "order") == list(recorder.orders("se_resnet50")[1])
