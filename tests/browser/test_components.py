"""The elements of our own under quick hands, with keys alone, and for eyes and ears of every kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from senet_viz import i18n
from senet_viz.models import catalogue
from senet_viz.photos import preprocess, samples
from senet_viz.tap import edits, hooks
from senet_viz.ui import short
from tests import truth
from tests.browser.conftest import Visitor
from tests.browser.test_journeys import HERE, answer, click, tooltip
from tests.places import BLOCKS, FIRST, PAGES

Visit = Callable[..., Visitor]
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


def test_what_plays_belongs_to_the_photo_on_screen(visit: Callable[..., Visitor]) -> None:
    visitor = visit(new=True)
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
        film = visitor.settle() and scrub.evaluate(frames)
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
    visitor.rest()
    at = [((0.5 + i % 4) / 4, (0.5 + i // 4) / 4) for i in range(count)]
    channels = [int(tooltip(visitor, board, x, y)["channel"]) for x, y in at]
    assert len(set(channels)) == count
    order = [*range(count), *twice]
    visitor.rest()
    image = visitor.stage(board).locator("img")
    for i in order:
        box = image.bounding_box()  # an answer that is longer than the last one moves it
        assert box is not None
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
    picture = preprocess.preprocess(samples.sample("coffee"), catalogue.spec("tiny_se"))
    own = hooks.run(truth.model("tiny_se", "pretrained"), picture.x)
    muted = hooks.run(truth.model("tiny_se", "pretrained"), picture.x, (edits.parse(wanted),))
    first = int(own.logits.argmax())
    share = f"{float(muted.logits.double().softmax(0)[first]):.1%}"
    visitor.until(lambda: share in answer(visitor), "the answer without all of them")
    # every click is a change of its own, and the same console goes on counting after a walk
    for _ in range(count):
        before = visitor.url().get("edits")
        visitor.page.locator(".st-key-_undo button").click()
        visitor.until(lambda before=before: visitor.url().get("edits") != before, "one click less")  # type: ignore[misc]
        visitor.settle()
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


# --- with keys alone --------------------------------------------------------------------------------------------------

TOP = "document.querySelector('[data-testid=stMain]').scrollTop"
ACTIVE = """() => {
    let at = document.activeElement;
    while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
    const key = at.closest("[class*=st-key-]")?.className ?? "";
    return at === document.body ? "" : `${at.tagName} ${at.className} ${key}`;
}"""


SPOT = """e => {
    const box = e.getBoundingClientRect();
    return [box.x, box.y + document.querySelector("[data-testid=stMain]").scrollTop];
}"""


@pytest.mark.parametrize("key", ["PageDown", "Space"])
def test_a_page_scrolls_before_anybody_has_clicked(visitor: Visitor, key: str) -> None:
    """On a fresh page, after the menu, and after the link at a page's foot."""
    visitor.open(**HERE)

    def scrolls(where: str) -> None:
        visitor.rest().until(lambda: "stMain" in visitor.page.evaluate(ACTIVE), f"the focus on {where}")
        before = visitor.page.evaluate(TOP)
        visitor.page.keyboard.press(key)
        visitor.until(lambda: visitor.page.evaluate(TOP) > before, f"{where} to scroll")

    ring = "getComputedStyle(document.querySelector('[data-testid=stMain]'), '::before').display"
    assert visitor.page.evaluate(ring) == "none", "no frame round a page that nobody has touched"
    scrolls("a fresh page")
    visitor.go("rescale")
    scrolls("a page from the menu")
    visitor.page.get_by_test_id("stMain").get_by_test_id("stPageLink-NavLink").first.click()
    visitor.until(lambda: visitor.heading() == visitor.t("walk.excitation.title"), "the page before")
    scrolls("a page from a link")


def test_the_focus_stays_with_who_types_and_near_what_was_pressed(visitor: Visitor) -> None:
    visitor.open("what_if", **LAB, edits="layer4.1.se:mute:3;layer3.1.se:ones")
    box = visitor.page.locator(".st-key-channel input")
    box.fill("23")
    box.press("Enter")
    visitor.until(lambda: visitor.url()["channel"] == "23", "the channel")
    visitor.settle()
    assert "channel" in visitor.page.evaluate(ACTIVE), "who types keeps the focus"
    click(visitor, "whatif", 0.1, 0.1)
    visitor.until(lambda: visitor.number() != 23, "the clicked channel")
    visitor.settle()
    assert "stage" in visitor.page.evaluate(ACTIVE), "the board keeps the focus"
    for gone in ("_edit_1", "_edit_0"):
        button = visitor.rest().page.locator(f".st-key-{gone} button")
        x, y = button.first.evaluate(SPOT)
        button.first.focus()
        visitor.page.keyboard.press("Enter")
        visitor.until(lambda button=button: not button.count(), "the edit to go")  # type: ignore[misc]
        visitor.settle()
        visitor.until(lambda: visitor.page.evaluate(ACTIVE), "something to have the focus")
        now = visitor.page.locator(":focus").first.evaluate(SPOT)
        assert np.hypot(now[0] - x, now[1] - y) < 250, "what stands beside it"


# --- for a screen reader ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", i18n.LANGUAGES)
def test_a_board_has_a_name_and_says_where_its_pin_is(visit: Visit, lang: str) -> None:
    visitor = visit(lang=lang).open("rescale", **HERE | {"lang": lang, "carpet": "index"})
    traced = truth.trace("tiny_se", "chelsea", "layer3.1.se")
    gates = traced.block("layer3.1.se").gate[0].numpy()

    def said(board: str) -> str:
        return visitor.stage(board).get_attribute("aria-valuetext") or ""

    boards = visitor.page.get_by_test_id("stMain").get_by_role("slider").and_(visitor.page.locator(".stage"))
    visitor.until(lambda: boards.count() == 5, "the header, three atlases and the carpet")
    names = boards.evaluate_all("all => all.map(e => e.getAttribute('aria-label'))")
    assert all(names) and len(set(names)) == 5
    row = np.argsort(-gates, kind="stable").tolist()
    for board, at in (("atlas-before", row.index(17)), ("carpet", 17)):
        place = visitor.t("board.place", i=at + 1, n=256)
        visitor.until(lambda board=board: said(board), "the pin to be said")  # type: ignore[misc]
        assert f"{visitor.t('channel.noun')} 17, " in said(board) and said(board).endswith(place)
        assert f"s = {float(gates[17]):#.4g}" in said(board)
        assert visitor.stage(board).get_attribute("aria-valuenow") == str(at + 1)
    # a row up in the carpet is the block before: said at once, and the page follows
    visitor.stage("carpet").focus()
    visitor.page.keyboard.press("ArrowUp")
    names_ = truth.names("tiny_se")
    above = names_[names_.index("layer3.1.se") - 1]
    assert short(above) in said("carpet")
    visitor.until(lambda: visitor.url()["block"] == above, "the block above")
    visitor.settle()
    assert visitor.chosen("block") == short(above) and short(above) in said("carpet")
    assert "stage" in visitor.page.evaluate(ACTIVE)
    visitor.page.keyboard.press("Home")
    visitor.until(lambda: visitor.number() == 0, "the first channel")
    visitor.settle()
    assert said("carpet").endswith(visitor.t("board.place", i=1, n=len(traced.block(above).gate[0])))


@pytest.mark.parametrize("model", BLOCKS)
def test_every_page_has_one_title_and_no_level_is_left_out(visitor: Visitor, model: str) -> None:
    for page in PAGES:
        visitor.open(page, **HERE | {"model": model, "block": BLOCKS[model], "weights": "pretrained"})
        assert visitor.levels_left_out() == [], page


# --- for every eye ----------------------------------------------------------------------------------------------------

CONTRAST = """() => {
    const parts = (text) => { const v = text.match(/[\\d.]+/g).map(Number); return v.length < 4 ? [...v, 1] : v; };
    const over = ([r, g, b, a], under) => [r, g, b].map((v, i) => v * a + under[i] * (1 - a));
    const light = (c) => c.map(v => v / 255).map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
        .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
    const captions = [...document.querySelectorAll("[data-testid=stCaptionContainer] p")];
    return captions.filter(e => e.innerText.trim()).map(e => {
        const line = [];
        for (let at = e; at; at = at.parentElement) line.unshift(getComputedStyle(at));
        const paper = line.reduce((under, style) => over(parts(style.backgroundColor), under), [255, 255, 255]);
        const seen = line.reduce((share, style) => share * Number(style.opacity), 1);
        const [r, g, b, a] = parts(getComputedStyle(e).color);
        const [high, low] = [light(paper), light(over([r, g, b, a * seen], paper))].sort((x, y) => y - x);
        return [(high + .05) / (low + .05), e.innerText];
    });
}"""


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_captions_are_read_by_weak_eyes(visit: Visit, scheme: str, page: str) -> None:
    """4.5 to 1 is the contrast that WCAG 2.2 asks of small text."""
    visitor = visit(color_scheme=scheme)
    visitor.open(page, **HERE)
    found = visitor.rest().page.evaluate(CONTRAST)
    assert len(found) > (1 if page == FIRST else 3), "the stage says what it says itself"
    assert [each for each in found if each[0] < 4.5] == []


def test_nothing_moves_for_who_asked_for_no_moves(visit: Visit) -> None:
    visitor = visit(reduced_motion="reduce")
    visitor.open("channel_weights", **HERE)
    moving = """() => {
        const inside = (e) => e.shadowRoot ? all(e.shadowRoot) : [];
        const all = (root) => [...root.querySelectorAll("*")].flatMap(e => [e, ...inside(e)]);
        const long = (text) => text.split(",").some(each => parseFloat(each) * (each.includes("ms") ? 1 : 1000) > 1);
        return all(document.body).filter(e => { const s = getComputedStyle(e);
            return long(s.transitionDuration) || long(s.animationDuration); }).map(e => e.outerHTML.slice(0, 90));
    }"""
    visitor.until(lambda: visitor.page.locator(".st-key-scrub .film img").count() == 9, "the film")
    visitor.rest()
    assert visitor.page.evaluate(moving) == []
    with_moves = visit().open("channel_weights", **HERE)
    assert with_moves.page.evaluate(moving) != []
