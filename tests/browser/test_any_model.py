"""Any classifier of the libraries is found by typing its name, and the stage shows it with its arithmetic right."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from senet_viz import i18n
from senet_viz.models import catalogue, load
from senet_viz.tap import layouts
from senet_viz.ui.scene import short
from tests.browser.conftest import Visitor
from tests.test_library import drawn, key

Visit = Callable[..., Visitor]
THIRTY = [key(row) for row in drawn(15, 30)]
THREE = ("timm/lcnet_035", "timm/eca_resnet33ts", "timm/resnest14d")


def take(visitor: Visitor, model: str) -> catalogue.ModelSpec:
    """Type a model's name into the sidebar's list, and take what is left of it."""
    spec, t = catalogue.spec(model), i18n.texts("en")
    box = visitor.page.locator(".st-key-model input")
    box.click()
    box.fill(spec.arch if spec.listed else spec.title)
    label = t("model.listed", library=spec.source, title=spec.arch) if spec.listed else spec.title
    visitor.page.get_by_role("option", name=label, exact=spec.listed).first.click()
    visitor.until(lambda: visitor.url().get("model") == spec.key, spec.key)
    visitor.settle()
    return spec


def shows(visitor: Visitor, model: str) -> None:
    spec = take(visitor, model)
    stage = visitor.page.locator("[data-testid=stage]")
    badge = stage.locator(".badge")
    names = [ref.name for ref in layouts.find(load.outline(spec.key))]
    visitor.until(lambda: visitor.url()["block"] in names, f"a block of {spec.key}")
    visitor.until(lambda: short(visitor.url()["block"]) in stage.inner_text() and badge.inner_text(), "the stage")
    assert "wrong" not in (badge.get_attribute("class") or "").split(), badge.inner_text()
    if spec.listed:
        assert i18n.text("model.untrained", "en") in visitor.page.locator("[data-testid=stSidebar]").inner_text()
    assert not visitor.errors()


def test_three_networks_by_name(visitor: Visitor) -> None:
    visitor.open("block", model="tiny_se")
    for model in THREE:
        shows(visitor, model)


@pytest.mark.slow
@pytest.mark.parametrize("model", THIRTY)
def test_thirty_networks_over_all_kinds_of_blocks(visitor: Visitor, model: str) -> None:
    visitor.open("block", model="tiny_se")
    shows(visitor, model)


@pytest.mark.parametrize("lang", i18n.LANGUAGES)
def test_an_address_with_an_unknown_name_says_the_nearest_and_shows_something(visit: Visit, lang: str) -> None:
    visitor = visit(lang=lang)
    visitor.open("block", model="timm/seresnet81")
    visitor.until(lambda: "seresnet18" in visitor.page.locator("[data-testid=stSidebar]").inner_text(), "a suggestion")
    visitor.until(lambda: visitor.page.locator("[data-testid=stage]").count(), "the stage")
    assert visitor.url()["model"] == catalogue.DEFAULT
    visitor.open("block", model="timm/lcnet_035")
    visitor.until(lambda: visitor.url()["model"] == "lcnet_035", "a name with its library")
