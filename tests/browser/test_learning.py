"""The film of a training in the browser: it moves without a message, and the address keeps the epoch."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser

from senet_viz.models import catalogue, load, weight_files
from senet_viz.photos import preprocess, samples
from senet_viz.tap import hooks
from tests.browser.conftest import Visitor
from tests.browser.test_journeys import asking_nobody, scrub_slider, scrubbed

HERE = {
    "model": "tiny_se",
    "weights": "pretrained",
    "photo": "coffee",
    "block": "layer4.1.se",
    "channel": 17,
    "lang": "en",
}


def test_the_film_asks_nobody_and_shows_what_each_network_answers(browser: Browser, tmp_path: Path) -> None:
    epochs = weight_files.film("tiny_se")
    with asking_nobody(browser, tmp_path, "learning", "0", **HERE) as visitor:
        slider = scrub_slider(visitor)
        slider.focus()
        seen = [scrubbed(visitor)]
        for _ in epochs[1:]:
            visitor.page.keyboard.press("ArrowRight")
            seen.append(scrubbed(visitor))
        assert visitor.url()["epoch"] == str(epochs[-1]), "the address follows"
        assert len({one["caption"] for one in seen}) == len({one["bars"] for one in seen}) == len(epochs)
        assert len({one["photo"] for one in seen}) == 1, "the photo stays"
        x = preprocess.preprocess(samples.sample("coffee"), catalogue.spec("tiny_se")).x
        for epoch, one in zip(epochs, seen, strict=True):
            share = hooks.run(load.load("tiny_se", weights=f"epoch-{epoch}"), x).logits.softmax(0).max()
            assert f"{float(share):.1%}" in str(one["answers"])
        visitor.page.keyboard.press("Home")
        visitor.page.locator(".st-key-scrub .play").click()
        visitor.until(lambda: slider.input_value() not in ("0", "1"), "the film to play")
        visitor.page.locator(".st-key-scrub .play").click()


def test_the_epoch_of_the_address_is_where_it_begins(visitor: Visitor) -> None:
    slider = visitor.page.locator(".st-key-scrub input[type=range]")
    for said, at in (("4", "3"), ("3", "0"), ("16", "5")):
        visitor.open("learning", **HERE, epoch=said)
        visitor.until(lambda at=at: slider.input_value() == at, f"epoch {said}")  # type: ignore[misc]


def test_what_blocks_know_shows_after_the_prediction_and_follows_the_slider(visitor: Visitor) -> None:
    visitor.open("learning", **HERE, epoch="2")
    rates = visitor.rest().page.locator(".st-key-scrub .strips .rate b")
    assert rates.count() == 0
    visitor.page.locator(".st-key-predict-skip button").click()
    visitor.until(lambda: rates.count() == 10, "a share for every block")
    assert visitor.rest().page.locator(".st-key-scrub input[type=range]").input_value() == "2", "the epoch stays"
    before = rates.all_inner_texts()
    visitor.page.locator(".st-key-scrub .film button").last.click()
    visitor.until(lambda: rates.all_inner_texts() != before, "the shares after training")
