"""A lesson leads through the app: its place is never lost, it waits, asks, remembers, and leaves no trace behind."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, WebSocketRoute

from senet_viz import i18n, lessons
from senet_viz.models import catalogue
from senet_viz.photos import preprocess, samples
from senet_viz.tap import hooks
from tests import pictures, truth
from tests.browser.conftest import Visitor

Visit = Callable[..., Visitor]
SQUEEZE = "squeeze_excite_rescale"


def guide(visitor: Visitor) -> Locator:
    return visitor.page.get_by_test_id("guide")


def at(visitor: Visitor) -> int:
    return int(guide(visitor).get_attribute("data-step") or 0)


def button(visitor: Visitor, word: str) -> Locator:
    return guide(visitor).get_by_role("button", name=visitor.t(f"guide.{word}"), exact=True)


def take(visitor: Visitor, name: str, **url: object) -> lessons.Lesson:
    """Open a lesson as its link does; wait for its first step."""
    query = "&".join(f"{key}={value}" for key, value in {"lesson": name, "lang": visitor.lang, **url}.items())
    visitor.page.goto(f"{visitor.address}/?{query}")
    visitor.until(lambda: at(visitor) == int(str(url.get("at", 1))), "the step")
    visitor.settle()
    return lessons.lesson(name, visitor.lang)


def arrived(visitor: Visitor, through: lessons.Lesson, step: int) -> None:
    """The step stands there: its words, its page in its state, and no error."""
    visitor.until(lambda: at(visitor) == step, f"step {step}")
    here = through.steps[step - 1]
    page = "" if here.page == "block" else here.page
    visitor.until(lambda: visitor.path() == page, f"the page {here.page}")
    waits = here.wait.partition("=")[0]
    state = {key: value for key, value in here.state.items() if key not in (waits, "more")}
    visitor.until(lambda: visitor.url().items() >= state.items(), f"the state {state}")
    visitor.settle()
    visitor.until(lambda: guide(visitor).get_by_text(here.title, exact=True).count(), "the title")
    assert visitor.errors() == [] and "{" not in guide(visitor).inner_text()


def tab_to(visitor: Visitor, target: Locator) -> None:
    """Press Tab until that has the focus."""
    for _ in range(150):
        if target.evaluate("e => e.getRootNode().activeElement === e"):
            return
        visitor.page.keyboard.press("Tab")
    pytest.fail("Tab never came there")


@pytest.mark.parametrize("lang", i18n.LANGUAGES)
@pytest.mark.parametrize("name", lessons.names())
def test_a_lesson_is_walked_to_its_end_with_the_keyboard_alone(visit: Visit, name: str, lang: str) -> None:
    visitor = visit(lang=lang)
    through = take(visitor, name)
    count = len(through.steps)
    assert guide(visitor).get_attribute("data-steps") == str(count)
    for step in range(1, count + 1):
        arrived(visitor, through, step)
        if guide(visitor).locator(".options button").count():
            visitor.page.keyboard.press("1")
            visitor.until(lambda: guide(visitor).locator(".why").inner_text(), "what is true")
        if step == count:
            break
        if button(visitor, "skip").is_visible():
            visitor.page.keyboard.press("PageDown")
            assert at(visitor) == step, "it waits until the thing is done"
            tab_to(visitor, button(visitor, "skip"))
            visitor.page.keyboard.press("Enter")
        else:
            visitor.page.keyboard.press("PageDown")
    asked = sum(bool(each.ask) for each in through.steps)
    assert guide(visitor).locator(".sum li").count() == asked, "all that was predicted is summed up"
    visitor.page.keyboard.press("PageUp")
    arrived(visitor, through, count - 1)


@pytest.mark.parametrize("step", [2, 6, 8])
def test_next_back_and_reload_keep_the_place(visit: Visit, step: int) -> None:
    visitor = visit()
    through = take(visitor, SQUEEZE, at=step)
    arrived(visitor, through, step)
    visitor.page.reload()
    arrived(visitor, through, step)
    visitor.page.keyboard.press("PageUp")
    arrived(visitor, through, step - 1)
    visitor.page.reload()
    arrived(visitor, through, step - 1)


def test_the_language_goes_along(visit: Visit) -> None:
    """Also where it is not the browser's own."""
    visitor = visit(lang="en")
    visitor.lang = "zh"
    through = take(visitor, SQUEEZE, at=3)
    arrived(visitor, through, 3)
    button(visitor, "skip").click()
    arrived(visitor, through, 4)


@pytest.mark.parametrize("pause_ms", [0, 20, 100])
def test_steps_that_are_pressed_fast_are_not_lost(visit: Visit, pause_ms: int) -> None:
    """Also where the page of one in between is already on its way."""
    visitor = visit()
    through = take(visitor, SQUEEZE, at=9)
    arrived(visitor, through, 9)
    for _ in range(6):
        visitor.page.keyboard.press("PageUp")
        visitor.page.wait_for_timeout(pause_ms)
    arrived(visitor, through, 3)


@pytest.mark.parametrize("step", [3, 7])
def test_a_step_that_the_server_missed_is_asked_for_again(visit: Visit, step: int) -> None:
    """What the browser sends right after the press never arrives; the steps are on another page, and on this one."""
    visitor = visit(new=True)
    gone: list[str | bytes] = []
    pressed = False

    def between(browser: WebSocketRoute) -> None:
        server = browser.connect_to_server()
        browser.on_message(lambda message: gone.append(message) if pressed and not gone else server.send(message))

    visitor.page.route_web_socket(re.compile("_stcore/stream"), between)
    through = take(visitor, SQUEEZE, at=step - 1)
    arrived(visitor, through, step - 1)
    pressed = True
    (button(visitor, "skip") if button(visitor, "skip").is_visible() else button(visitor, "next")).click()
    arrived(visitor, through, step)
    assert len(gone) == 1


def test_whoever_wanders_off_is_led_back(visit: Visit) -> None:
    visitor = visit()
    through = take(visitor, SQUEEZE, at=4)
    arrived(visitor, through, 4)
    assert not button(visitor, "return").is_visible()
    visitor.go("what_it_costs")
    visitor.until(lambda: at(visitor) == 4, "the place")
    visitor.until(lambda: guide(visitor).locator(".options button").count() > 1, "what this page predicts")
    visitor.choose("photo", visitor.t("sample.rocket"))
    button(visitor, "return").click()
    arrived(visitor, through, 4)
    assert visitor.url()["photo"] == through.steps[3].state["photo"]


def test_a_step_waits_until_the_thing_is_done(visit: Visit) -> None:
    visitor = visit()
    through = take(visitor, SQUEEZE, at=6)
    arrived(visitor, through, 6)
    assert button(visitor, "next").is_disabled()
    visitor.page.get_by_test_id("stage").locator("select[name=fn]").select_option("h_sigmoid")
    visitor.until(button(visitor, "next").is_enabled, "the way on")
    assert not button(visitor, "skip").is_visible()
    visitor.page.get_by_test_id("stage").locator("select[name=fn]").select_option("own")
    button(visitor, "next").click()  # what was done stays done
    arrived(visitor, through, 7)


def test_a_prediction_is_judged_by_the_network_and_remembered(visit: Visit) -> None:
    """How many of these gates lie near 0.5 is counted here again."""
    visitor = visit()
    through = take(visitor, SQUEEZE, at=7)
    arrived(visitor, through, 7)
    state = through.steps[6].state
    picture = preprocess.preprocess(samples.sample(state["photo"]), catalogue.spec(state["model"]))
    gate = hooks.run(truth.model(state["model"], "pretrained"), picture.x).block(state["block"]).gate
    inside = int(((gate >= 0.45) & (gate <= 0.55)).sum())
    options = guide(visitor).locator(".options button").all_inner_texts()
    (right,) = [i for i, text in enumerate(options) if text in (str(inside), f"all {inside}")]
    veiled = "document.documentElement.classList.contains('predicting')"
    assert visitor.page.evaluate(veiled), "the page does not give it away"
    visitor.page.keyboard.press(str(right + 1))
    visitor.until(lambda: visitor.t("guide.right") in guide(visitor).locator(".why").inner_text(), "the verdict")
    assert not visitor.page.evaluate(veiled)
    visitor.page.reload()
    arrived(visitor, through, 7)
    visitor.until(lambda: visitor.t("guide.right") in guide(visitor).locator(".why").inner_text(), "it is remembered")


def test_what_was_predicted_is_saved_as_a_page(visit: Visit, tmp_path: Path) -> None:
    visitor = visit()
    through = take(visitor, SQUEEZE, at=len(lessons.lesson(SQUEEZE, "en").steps))
    arrived(visitor, through, len(through.steps))
    visitor.page.keyboard.press("1")
    with visitor.page.expect_download() as coming:
        guide(visitor).get_by_role("button", name=visitor.t("guide.save")).click()
    coming.value.save_as(tmp_path / "mine.html")
    text = (tmp_path / "mine.html").read_text(encoding="utf-8")
    assert coming.value.suggested_filename == f"{SQUEEZE}.html" and through.title in text
    assert text.count("<li>") == 1


def test_a_lesson_survives_a_photo_of_ones_own(visit: Visit) -> None:
    """The photo stays, questions are computed anew; where the numbers settle none, the guide says so."""
    visitor = visit()
    through = take(visitor, SQUEEZE, at=4)
    arrived(visitor, through, 4)
    visitor.upload("mine.png", pictures.encode(samples.sample("astronaut"), "PNG"))
    visitor.until(lambda: visitor.chosen("photo").startswith(visitor.t("photo.mine", n=1)[:4]), "the photo")
    seen = []
    for step in range(5, len(through.steps) + 1):
        button(visitor, "skip" if button(visitor, "skip").is_visible() else "next").click()
        visitor.until(lambda step=step: at(visitor) == step, f"step {step}")  # type: ignore[misc]
        visitor.settle()
        assert visitor.errors() == [] and visitor.chosen("photo").startswith(visitor.t("photo.mine", n=1)[:4])
        seen.append(guide(visitor).inner_text())
    assert any(re.search(r"\d", text) for text in seen)


def test_with_no_lesson_nothing_of_it_is_there(visit: Visit) -> None:
    visitor = visit().open("squeeze")
    assert guide(visitor).count() == 0 and "lesson" not in visitor.url() and "at" not in visitor.url()
    visitor.open("squeeze", lesson="no_such_lesson")
    assert guide(visitor).count() == 0 and visitor.errors() == []


def test_a_lesson_that_is_left_is_gone(visit: Visit) -> None:
    visitor = visit()
    take(visitor, SQUEEZE, at=2)
    heading = visitor.heading()
    guide(visitor).get_by_role("button", name=visitor.t("guide.leave")).click()
    visitor.until(lambda: guide(visitor).count() == 0, "the guide to go")
    visitor.until(lambda: not visitor.url().keys() & {"lesson", "at"}, "the address")
    assert visitor.settle().heading() == heading


def test_a_clicker_leads_a_class_and_the_notes_follow(visit: Visit) -> None:
    """On a projector Space first shows what is true, then goes on; the second window has the teacher's words."""
    visitor = visit(size=(1920, 1080))
    through = take(visitor, SQUEEZE, at=2, present=1, embed="true")
    arrived(visitor, through, 2)
    with visitor.context.expect_page() as coming:
        visitor.page.keyboard.press("n")
    notes = coming.value
    visitor.until(lambda: through.steps[1].say in notes.locator("body").inner_text(), "the notes")
    visitor.page.keyboard.press(" ")
    visitor.until(lambda: guide(visitor).locator(".why").inner_text(), "what is true")
    assert at(visitor) == 2
    visitor.page.keyboard.press(" ")
    arrived(visitor, through, 3)
    visitor.until(lambda: through.steps[2].say in notes.locator("body").inner_text(), "the notes of the next step")
    visitor.page.keyboard.press("PageUp")
    arrived(visitor, through, 2)
    assert not visitor.page.get_by_test_id("stSidebar").is_visible()
