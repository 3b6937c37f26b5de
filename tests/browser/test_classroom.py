"""A class in real browsers: a teacher drives, three students follow, wander, vote, lose the network and come back."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import numpy as np
import pytest
from playwright.sync_api import Locator

from senet_viz import i18n
from senet_viz.ui import state
from tests import pictures, truth
from tests.browser.conftest import Visitor, serving
from tests.browser.test_stage_page import number, said, stage
from tests.places import named

Visit = Callable[..., Visitor]
KEYS = {f"ROOM{n}": str(n) * 22 for n in range(2, 10)}  # a room a test, and one more
PHONE = {"size": (390, 844), "is_mobile": True, "has_touch": True}
_rooms = count(2)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server that was started for classes."""
    given = " ".join(f"{code}:{token}" for code, token in KEYS.items())
    with serving(tmp_path_factory.mktemp("house"), **{state.ROOMS: given}) as address:
        yield address


@pytest.fixture
def code() -> str:
    """A room where nobody has been."""
    return f"ROOM{next(_rooms)}"


@pytest.fixture
def come(visit: Visit, house: str) -> Visit:
    return lambda **options: visit(house, **options)


def room(visitor: Visitor) -> Locator:
    return visitor.page.locator("[data-testid=class]")


def now(visitor: Visitor, what: str) -> str | None:
    return room(visitor).get_attribute(f"data-{what}")


def teach(visitor: Visitor, code: str) -> Visitor:
    """Open the teacher's own link."""
    visitor.page.goto(f"{visitor.address}/classroom?class={code}#teacher={KEYS[code]}")
    visitor.until(lambda: (now(visitor, "role"), now(visitor, "link")) == ("teacher", "on"), "the teacher's room")
    return visitor.settle()


def join(visitor: Visitor, code: str) -> Visitor:
    visitor.page.goto(f"{visitor.address}/?class={code}")
    visitor.until(lambda: (now(visitor, "role"), now(visitor, "link")) == ("student", "on"), "a place in the room")
    return visitor


def desk(visitor: Visitor) -> None:
    """Go to the teacher's desk."""
    room(visitor).locator(".desk").click()
    visitor.until(visitor.page.locator("[data-testid=lectern] .lead").is_visible, "the desk")
    visitor.settle()


def asked(visitor: Visitor) -> dict[str, str]:
    """What the address says at this moment; ``Visitor.url`` hears of it a little later."""
    return dict(parse_qsl(visitor.page.evaluate("location.search.slice(1)")))


def at(visitor: Visitor, page: str) -> bool:
    return visitor.heading() == visitor.t(named(page, "title")) and visitor.idle()


def press(visitor: Visitor, name: str) -> None:
    """Press a button of the teacher's desk."""
    visitor.page.locator(f"[data-testid=lectern] button:is([name={name}], [data-mode={name}])").click()


def option(visitor: Visitor, n: int) -> Locator:
    return visitor.page.locator("[data-testid=class-vote] .option").nth(n)


def vote(visitor: Visitor, n: int) -> None:
    option(visitor, n).click()
    visitor.until(lambda: now(visitor, "vote") == str(n), f"the vote for {n}")


def blurred(visitor: Visitor) -> bool:
    """Whether the page is hidden until the answer is shown, the class apart."""
    look = """each => {
        while (!each.closest("[data-testid=stElementContainer]")) each = each.getRootNode().host;
        return getComputedStyle(each.closest("[data-testid=stElementContainer]")).filter;
    }"""
    page, own = (
        visitor.page.locator(each).first.evaluate(look) for each in ("[data-testid=stage]", "[data-testid=class]")
    )
    assert own == "none"
    return str(page) != "none"


def voted(teacher: Visitor) -> str:
    return teacher.page.locator("[data-testid=class-voted]").inner_text()


def test_three_students_join_follow_wander_and_come_back(come: Visit, code: str) -> None:
    teacher = teach(come(), code)
    assert KEYS[code] not in teacher.page.evaluate("location.href"), "the token leaves the address bar"
    link = teacher.page.locator("[data-testid=lectern] .url").inner_text()
    assert dict(parse_qsl(urlsplit(link).query)) == {"class": code}
    _, ben, cleo = students = [come(), come(lang="zh"), come(**PHONE)]
    for each in students:
        join(each, code)
    teacher.until(lambda: teacher.page.get_by_test_id("class-here").inner_text() == "3 here", "three students")

    teacher.open("block", **{"class": code, "photo": "coffee", "step": "gate", "channel": 24, "more": ""})
    for each in students:
        each.until(
            lambda each=each: (said(each, "step"), said(each, "pinned")) == ("gate", "24"), "the teacher's stage"
        )  # type: ignore[misc]
    z = truth.trace("tiny_se", "coffee", truth.names("tiny_se")[0], weights="pretrained").blocks[0].z
    assert z is not None
    for each in students:
        each.until(lambda each=each: number(each, "z") == pytest.approx(float(z[24]), rel=1e-6), "the coffee")  # type: ignore[misc]
        each.settle()

    runs = [each.page.evaluate("runs.ended") for each in students]
    stage(teacher).locator(".next").click()
    teacher.pin(5)
    stage(teacher).locator("[name=scope]").select_option("block")
    for each in students:
        each.until(lambda each=each: (said(each, "step"), said(each, "pinned")) == ("rescale", "5"), "the next step")  # type: ignore[misc]
        each.until(lambda each=each: asked(each).get("scope") == "block", "the colour range")  # type: ignore[misc]
    assert [each.page.evaluate("runs.ended") for each in students] == runs, "no rerun"

    teacher.go("squeeze")
    for each in students:
        each.until(lambda each=each: at(each, "squeeze"), "the teacher's page")  # type: ignore[misc]
        assert asked(each)["photo"] == "coffee" and asked(each)["channel"] == "5"
        assert room(each).locator(".back").is_hidden()

    desk(teacher)
    for each in students:
        assert at(each, "squeeze"), "nobody follows to the desk"
    press(teacher, "free")
    ben.until(lambda: now(ben, "mode") == "free", "leave to wander")
    ben.go("excitation")
    ben.until(room(ben).locator(".back").is_visible, "the way back")
    teacher.go("rescale")
    ben.until(lambda: int(now(ben, "rev") or 0) == int(now(teacher, "rev") or -1), "the news")
    assert at(ben, "excitation"), "who wanders is left alone"
    room(ben).locator(".back").click()
    ben.until(lambda: at(ben, "rescale"), "the class")
    ben.until(room(ben).locator(".back").is_hidden, "no way back any more")

    desk(teacher)
    press(teacher, "wait")
    cleo.until(cleo.page.get_by_test_id("class-wait").is_visible, "the notice")
    cleo.page.keyboard.press("Escape")
    assert cleo.page.get_by_test_id("class-wait").inner_text() == cleo.t("class.wait")
    press(teacher, "follow")
    for each in students:
        each.until(lambda each=each: at(each, "rescale"), "the class again")  # type: ignore[misc]
    cleo.until(cleo.page.get_by_test_id("class-wait").is_hidden, "no notice")
    assert not any(each.errors() for each in (teacher, *students))


def test_they_vote_discuss_vote_again_and_the_model_settles_it(come: Visit, code: str) -> None:
    teacher = teach(come(), code)
    teacher.open("block", **{"class": code, "model": "tiny_se", "photo": "coffee", "more": ""})
    students = [join(each, code) for each in (come(), come(lang="zh"), come(**PHONE))]
    for each in students:
        each.until(lambda each=each: asked(each).get("photo") == "coffee", "the teacher's photo")  # type: ignore[misc]
    room(teacher).locator(".ask").click()
    texts = []
    for each in students:
        each.until(option(each, 1).is_visible, "the question")
        texts.append(each.page.locator("[data-testid=class-vote] .text").inner_text())
        assert "right" not in each.page.evaluate("Object.keys(senetViz.room.state.question)"), "nobody can look it up"
        assert blurred(each), "predict, then see"
        box = option(each, 0).bounding_box()
        assert box and box["height"] >= 44 and box["width"] >= 300, "a large button"
    assert texts[0] == texts[2] != texts[1], "each in the reader's language"
    anna, ben, cleo = students
    vote(anna, 0), vote(ben, 0), vote(cleo, 1)
    teacher.until(lambda: voted(teacher) == "3 of 3 have voted", "three votes")
    assert teacher.page.locator("[data-testid=lectern] .bar").count() == 0, "hidden"

    anna.page.reload()
    anna.until(lambda: now(anna, "vote") == "0", "the vote after a reload")
    vote(anna, 1)
    anna.page.reload()
    anna.until(lambda: now(anna, "vote") == "1", "the new vote after a reload")
    assert voted(teacher) == "3 of 3 have voted", "nobody votes twice"
    press(teacher, "again")
    for each in students:
        each.until(lambda each=each: now(each, "vote") == "", "an empty second round")  # type: ignore[misc]
    vote(anna, 0), vote(ben, 0)
    teacher.until(lambda: voted(teacher) == "2 of 3 have voted", "two votes")
    press(teacher, "reveal")
    teacher.until(lambda: teacher.page.evaluate("'right' in senetViz.room.state.question"), "the answer")
    right = teacher.page.evaluate("senetViz.room.state.question.right")
    for each in (*students, teacher):
        bars = each.page.locator(".ballot .bar b")
        each.until(lambda bars=bars: bars.all_inner_texts() == ["1", "2", "2", "0"], "both rounds")  # type: ignore[misc]
        correct = each.page.locator(f".ballot .option.right[data-option='{right}'] .tick")
        assert correct.inner_text() == each.t("class.right")
        assert each.page.locator(".ballot .why").inner_text()
        assert each is teacher or not blurred(each)
    assert option(cleo, 0).is_disabled()
    teacher_sees = np.asarray(teacher.page.evaluate("senetViz.room.state.question.rounds"))
    assert teacher_sees.tolist() == [[1, 2], [2, 0]]

    with teacher.page.expect_download() as coming:
        press(teacher, "save")
    table = list(csv.DictReader(io.StringIO(Path(coming.value.path()).read_text("utf-8-sig"))))
    assert [(row["first_votes"], row["second_votes"]) for row in table] == [("1", "2"), ("2", "0")]
    assert [int(row["right"]) for row in table] == [int(n == right) for n in range(2)]
    press(teacher, "ask")
    teacher.until(lambda: voted(teacher) == "0 of 3 have voted", "the next question")
    assert cleo.until(lambda: now(cleo, "vote") == "" and option(cleo, 1).is_enabled(), "the next question")
    press(teacher, "close")
    cleo.until(cleo.page.get_by_test_id("class-vote").is_hidden, "no question")


def test_who_loses_the_network_lands_on_the_present_state_and_a_reload_keeps_the_room(come: Visit, code: str) -> None:
    teacher = teach(come(), code)
    teacher.open("block", **{"class": code, "model": "tiny_se", "photo": "coffee", "more": ""})
    anna, ben = (join(each, code) for each in (come(), come(**PHONE)))
    for each in (anna, ben):
        each.until(lambda each=each: asked(each).get("photo") == "coffee", "the teacher's photo")  # type: ignore[misc]
    anna.context.set_offline(True)
    anna.until(lambda: now(anna, "link") == "lost", "the cut")
    assert room(anna).locator(".said").inner_text() == anna.t("class.link.lost")
    teacher.go("excitation")
    ben.until(lambda: at(ben, "excitation"), "who is there follows")
    assert anna.path() == ""
    anna.context.set_offline(False)
    anna.until(lambda: now(anna, "link") == "on" and at(anna, "excitation"), "the present state")
    anna.complaints.clear()  # the browser's own, about the network

    room(teacher).locator(".ask").click()
    ben.until(option(ben, 0).is_visible, "the question")
    vote(ben, 0)
    teacher.until(lambda: voted(teacher).startswith("1 of 2"), "the vote")
    teacher.page.reload()
    teacher.until(lambda: voted(teacher).startswith("1 of 2"), "the room after a reload")
    assert now(teacher, "role") == "teacher" and at(ben, "excitation")
    press(teacher, "reveal")
    ben.until(ben.page.locator("[data-testid=class-vote] .why").is_visible, "the answer")


@pytest.mark.slow
def test_two_rooms_do_not_hear_each_other(come: Visit, code: str) -> None:
    other = f"ROOM{next(_rooms)}"
    here, there = teach(come(), code), teach(come(), other)
    anna, ben = join(come(), code), join(come(), other)
    here.open("squeeze", **{"class": code, "more": ""})
    anna.until(lambda: at(anna, "squeeze"), "her teacher's page")
    there.open("rescale", **{"class": other, "more": ""})
    ben.until(lambda: at(ben, "rescale"), "his teacher's page")
    room(here).locator(".ask").click()
    anna.until(option(anna, 0).is_visible, "her question")
    assert at(anna, "squeeze") and ben.page.get_by_test_id("class-vote").is_hidden()
    here.until(lambda: here.page.get_by_test_id("class-here").inner_text() == "1 here", "one student")


@pytest.mark.slow
def test_an_uploaded_photo_stays_its_owners(come: Visit, code: str) -> None:
    teacher, anna = teach(come(), code), come()
    teacher.open("squeeze", **{"class": code, "photo": "coffee", "more": ""})
    join(anna, code)
    anna.until(lambda: at(anna, "squeeze"), "the class")
    for owner in (teacher, anna):
        owner.own().upload("mine.png", pictures.encode(pictures.noise(64, 64), "PNG"))
        owner.until(lambda owner=owner: "photo" not in asked(owner), "a photo of one's own")  # type: ignore[misc]
    teacher.go("rescale")
    anna.until(lambda: at(anna, "rescale"), "the class")
    assert "photo" not in asked(anna) and room(anna).locator(".back").is_hidden(), "hers is still on screen"
    assert "up-" not in anna.page.evaluate("JSON.stringify(senetViz.room.state)")
    teacher.choose("photo", teacher.t("sample.rocket"))
    anna.until(lambda: asked(anna).get("photo") == "rocket", "the photo of the class")
    assert anna.chosen("photo") == anna.t("sample.rocket")
    assert anna.page.locator(".st-key-photo button").filter(has_text=anna.t("photo.mine", n=1)).count() == 1


def test_a_code_can_be_typed_and_a_wrong_one_is_named(come: Visit, code: str) -> None:
    teach(come(), code)
    anna = come()
    anna.page.goto(f"{anna.address}/classroom?class=NOROOM")
    said = anna.t("class.unknown", code="NOROOM").replace("`", "")
    anna.until(lambda: said in anna.page.get_by_test_id("stMain").inner_text(), "no such class")
    assert room(anna).count() == 0
    box = anna.page.locator(".st-key-_code input")
    box.fill(code.lower())
    box.press("Enter")
    anna.until(lambda: now(anna, "link") == "on", "a place in the class")
    assert anna.page.locator("[data-testid=lectern] .lead").is_hidden(), "a student has no desk"


def test_without_a_class_nothing_of_it_is_there(visitor: Visitor) -> None:
    visitor.open("squeeze", **{"class": "ROOM2", "more": ""})
    assert room(visitor).count() == 0
    for lang in i18n.LANGUAGES:
        assert i18n.text("teach.classroom.nav", lang) not in re.split(r"\s*\n\s*", visitor.page.inner_text("header"))
    assert "room" not in visitor.page.evaluate("Object.keys(senetViz)")
    visitor.page.goto(f"{visitor.address}/classroom")
    visitor.until(lambda: visitor.page.get_by_role("dialog").count() or visitor.heading(), "the app's own words")
    assert visitor.page.get_by_test_id("lectern").count() == 0
    assert [each for each in visitor.complaints if "does not seem to exist" not in each] == []
    visitor.complaints.clear()
