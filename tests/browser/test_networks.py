"""On the pages about networks: what is drawn is what runs, what is said is what was measured."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

import pytest

from senet_viz import i18n
from senet_viz.architecture import recorder
from senet_viz.experiments import gradient_flow
from senet_viz.networks.gated import INTEGRATIONS
from senet_viz.ui.pages.networks import wired
from tests.browser.conftest import Visitor


def test_the_place_of_a_gate_is_drawn_and_its_gradient_is_what_is_measured(visitor: Visitor) -> None:
    visitor.open("where_it_sits", units=16, lang="en")
    main, title = visitor.page.get_by_test_id("stMain"), visitor.page.locator(".st-key-chart-integration .infolayer")
    seen = [visitor.until(title.text_content, "the words of a drawing")]
    for name in ("post", "3x3"):
        visitor.choose("integration", visitor.t(f"fig.integration.{name}"))
        for wanted in (f"fig.integration.title.{name}", f"networks.where.{name}.why"):
            text = visitor.t(wanted).replace("**", "")
            visitor.until(lambda text=text: text in main.inner_text(), f"{wanted} on the page")  # type: ignore[misc]
        visitor.until(lambda name=name: visitor.url()["integration"] == name, "the URL")  # type: ignore[misc]
        visitor.until(lambda: title.text_content() not in ["", *seen], "a drawing of its own for every place")
        seen.append(visitor.rest() and title.text_content())
    assert len(set(seen)) == 3
    parts = len(recorder.unit("se_resnet50", integration="3x3").parts)
    shapes = visitor.page.locator(".st-key-chart-integration .shapelayer path")
    visitor.until(lambda: shapes.count() == parts + 1, "a box for every part, and the line of the bare network")

    visitor.page.locator(".st-key-flow button").click()
    visitor.until(lambda: visitor.page.locator(".st-key-chart-gradient-flow .main-svg").count(), "the curves")
    last = visitor.t("fig.flow.note", seeds=len(gradient_flow.SEEDS)).split(";")[1]
    visitor.until(lambda: last in main.inner_text(), "all seeds")
    visitor.settle()
    rows = list(
        csv.DictReader(io.StringIO(Path(visitor.download("gradient-flow", "csv").path()).read_text("utf-8-sig")))
    )
    assert len(rows) == len(gradient_flow.STARTS) * len(INTEGRATIONS) * len(gradient_flow.SEEDS) * 17
    value = next(reversed(rows[0]))
    for start, name in (("on", "post"), ("frozen", "standard"), ("silent", "identity")):
        own = gradient_flow.measure(name, 16, start).log10
        shown = [row for row in rows if (row["start"], row["integration"]) == (start, name)]
        for row in shown:
            assert float(row[value]) == pytest.approx(own[int(row["seed"]), int(row["unit"]) - 1], abs=1e-2)
    both = {name: gradient_flow.measure(name, 16, "silent").arrives for name in ("post", "standard")}
    said = wired.share(i18n.texts("en"), both["post"] / both["standard"])
    visitor.until(lambda: said in main.inner_text(), "what was measured to be said")


CLIPPED = """() => [...document.querySelectorAll('[data-testid=stMain] [data-testid=stButtonGroup]')].filter(group => {
    const buttons = [...group.querySelectorAll('button')].map(b => b.getBoundingClientRect());
    const right = group.getBoundingClientRect().right;
    return buttons.some(b => b.top !== buttons[0].top || b.right > right + 1);
}).map(group => group.innerText)"""


@pytest.mark.parametrize("lang", i18n.LANGUAGES)
def test_the_options_of_every_kind_of_network_fit_on_a_small_projector(
    visit: Callable[..., Visitor], lang: str
) -> None:
    visitor = visit(lang=lang)
    for net in ("se_resnet50", "se_vgg16_bn", "se_inception_resnet_v2", "mobilenet_v3_large", "sknet26"):
        visitor.open("what_it_costs", net=net, lang=lang)
        visitor.until(lambda net=net: visitor.url().get("net") == net, "the URL")  # type: ignore[misc]
        assert visitor.page.get_by_test_id("stMain").get_by_test_id("stButtonGroup").count() >= 4
        clipped = visitor.rest().page.evaluate(CLIPPED)
        tables = visitor.t("networks.cost.table.se2")  # the row of the papers' ten tables may take two lines
        assert [text for text in clipped if tables not in text] == [], net
