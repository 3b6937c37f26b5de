"""The elements of our own under quick hands: nothing of an earlier photo lives on, no click is lost, none counts twice."""

from __future__ import annotations

from typing import Any

import pytest

from senet_viz import edits, images, tap, zoo
from tests import truth
from tests.browser.conftest import Visitor
from tests.browser.test_journeys import HERE, answer, tooltip

LAB: dict[str, Any] = {"model": "tiny_se", "photo": "coffee", "block": "layer4.1.se", "channel": 17, "lang": "en"}
COUNT = """(() => {
    const counts = window.counts = { timers: new Set(), observers: new Set() };
    const stack = () => /scrub/.test(new Error().stack);
    const [set, clear] = [window.setInterval, window.clearInterval];
    window.setInterval = (...given) => { const id = set(...given); if (stack()) counts.timers.add(id); return id; };
    window.clearInterval = (id) => { counts.timers.delete(id); clear(id); };
    window.ResizeObserver = class extends window.ResizeObserver {
        observe(...given) { if (stack()) counts.observers.add(this); super.observe(...given); }
        disconnect() { counts.observers.delete(this); super.disconnect(); }
    };
})()"""


# --- the scrubber -----------------------------------------------------------------------------------------------------


def test_what_plays_belongs_to_the_photo_on_screen(visitor: Visitor) -> None:
    visitor.page.add_init_script(COUNT)
    visitor.open("channel_weights", model="tiny_se", photo="chelsea", block="layer3.1.se", channel=17, lang="en")
    live = "[counts.timers.size, counts.observers.size]"
    scrub = visitor.page.locator(".st-key-scrub .scrub")
    frames = """root => [...root.querySelectorAll(".film img")].map(each => each.src)"""
    shown = """root => [root.querySelector(".slide input").value, root.querySelector(".frame").src]"""
    visitor.until(lambda: visitor.page.evaluate(live) == [0, 1], "one observer, and nothing that plays")
    film = scrub.evaluate(frames)
    for photo in ("coffee", "rocket", "astronaut", "coffee"):
        scrub.locator(".play").click()
        assert visitor.page.evaluate(live) == [1, 1]
        at = scrub.evaluate(shown)
        visitor.until(lambda at=at: scrub.evaluate(shown) != at, "the film to play")  # type: ignore[misc]
        visitor.choose("photo", visitor.t(f"sample.{photo}"))
        visitor.until(lambda film=film: scrub.evaluate(frames) != film, "the other photo's film")  # type: ignore[misc]
        film = scrub.evaluate(frames)
        assert visitor.page.evaluate(live) == [0, 1]
    scrub.locator(".play").click()
    seen: dict[str, str] = {}

    def played() -> bool:
        at, src = scrub.evaluate(shown)
        seen[at] = src
        return len(seen) >= 4

    visitor.until(played, "four scales of the last photo")
    assert all(src == film[int(at)] for at, src in seen.items()), "a frame of another photo"
    assert visitor.page.evaluate(live) == [1, 1]
    visitor.go("squeeze")
    visitor.until(lambda: visitor.page.evaluate(live) == [0, 0], "everything to end with the page")


# --- quick clicks -----------------------------------------------------------------------------------------------------


def quick(visitor: Visitor, board: str, count: int, pause_ms: int, twice: tuple[int, ...] = ()) -> list[int]:
    """Click that many cells of an atlas, one every ``pause_ms``, then these again; the channels in their order."""
    at = [((0.5 + i % 4) / 4, (0.5 + i // 4) / 4) for i in range(count)]
    channels = [int(tooltip(visitor, board, x, y)["channel"]) for x, y in at]
    assert len(set(channels)) == count
    order = [*range(count), *twice]
    box = visitor.stage(board).locator("img").bounding_box()
    assert box is not None
    for i in order:
        visitor.page.mouse.click(box["x"] + at[i][0] * box["width"], box["y"] + at[i][1] * box["height"])
        visitor.page.wait_for_timeout(pause_ms)
    return [channels[i] for i in order]


@pytest.mark.parametrize(("count", "pause_ms"), [(5, 120), (12, 30)])
def test_no_quick_click_on_the_console_is_lost_or_doubled(visitor: Visitor, count: int, pause_ms: int) -> None:
    visitor.open("what_if", **LAB)
    channels = quick(visitor, "whatif", count, pause_ms)
    wanted = f"layer4.1.se:mute:{','.join(map(str, sorted(channels)))}"
    visitor.until(lambda: visitor.url().get("edits") == wanted, wanted)
    visitor.settle()
    assert visitor.url()["edits"] == wanted and visitor.number() == channels[-1], "the last click is the pin"
    picture = images.preprocess(images.sample("coffee"), zoo.spec("tiny_se"))
    own = tap.run(truth.model("tiny_se", "pretrained"), picture.x)
    muted = tap.run(truth.model("tiny_se", "pretrained"), picture.x, (edits.parse(wanted),))
    first = int(own.logits.argmax())
    share = f"{float(muted.logits.double().softmax(0)[first]):.1%}"
    visitor.until(lambda: share in answer(visitor), "the answer without all of them")
    # every click is a change of its own, and the same console goes on counting after a walk
    for _ in range(count):
        before = visitor.url().get("edits")
        visitor.page.locator(".st-key-_undo button").click()
        visitor.until(lambda before=before: visitor.url().get("edits") != before, "one click less")  # type: ignore[misc]
    visitor.go("squeeze").go("what_if")
    assert "edits" not in visitor.url()
    again = quick(visitor, "whatif", 3, pause_ms)
    visitor.until(
        lambda: visitor.url().get("edits") == f"layer4.1.se:mute:{','.join(map(str, sorted(again)))}", "three clicks"
    )


def test_a_channel_that_is_clicked_twice_is_open_again(visitor: Visitor) -> None:
    visitor.open("what_if", **LAB)
    channels = quick(visitor, "whatif", 4, 30, twice=(1, 2))
    wanted = f"layer4.1.se:mute:{','.join(map(str, sorted({channels[0], channels[3]})))}"
    visitor.until(lambda: visitor.url().get("edits") == wanted, wanted)


def test_of_quick_pins_the_last_one_holds(visitor: Visitor) -> None:
    visitor.open(**HERE)
    last = quick(visitor, "atlas", 8, 30)[-1]
    visitor.until(lambda: visitor.number() == last and visitor.url()["channel"] == str(last), "the last to be pinned")
    visitor.settle()
    assert visitor.number() == last
    stage = visitor.stage("atlas")
    visitor.choose("sort", visitor.t("sort.index"))
    stage.focus()
    for _ in range(6):  # each from where the one before went, whatever the server has answered by then
        visitor.page.keyboard.press("ArrowLeft")
    visitor.until(lambda: visitor.number() == last - 6, "six to the left")
    visitor.settle()
    assert visitor.number() == last - 6


def test_arrow_keys_on_the_console_move_and_enter_clicks(visitor: Visitor) -> None:
    visitor.open("what_if", **LAB)
    stage = visitor.stage("whatif")
    before = stage.get_attribute("aria-valuetext")
    stage.focus()
    visitor.page.keyboard.press("ArrowRight")
    visitor.until(lambda: visitor.number() != LAB["channel"], "the next channel to be pinned")
    visitor.settle()
    assert "edits" not in visitor.url() and stage.get_attribute("aria-valuetext") != before
    pinned = visitor.number()
    visitor.page.keyboard.press("Enter")
    visitor.until(lambda: visitor.url().get("edits") == f"layer4.1.se:mute:{pinned}", "the pinned one to be muted")
