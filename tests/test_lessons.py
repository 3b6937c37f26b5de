"""Lessons: what a text must be, what the rules find wrong with one, and that every step opens in the app."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pytest

import app
from senet_viz import assets, i18n, lessons
from senet_viz.cli import main
from senet_viz.errors import LessonRefused
from senet_viz.lessons import Lesson, Step, reading, rules
from senet_viz.ui.teaching import opening
from tests.places import FIRST, PAGES, SECTIONS

Said = pytest.CaptureFixture[str]
STEPS = [(name, at) for name in lessons.names() for at in range(1, len(lessons.lesson(name, "en").steps) + 1)]
GOOD = """# A lesson
order: 4
minutes: 3.5
- One aim
- Another aim

## First
page: block
state: photo=coffee&model=tiny_se&channel=24
step: squeeze
ask: pool_size
wait: channel=30
minutes: 1.5
corrects: 6
say: One sentence. Another one.
usual: They say so.

What the student reads,
on two lines: {n} maps.

## Second
page: squeeze
state: photo=coffee&model=tiny_se
minutes: 2
say: One sentence.
usual: They say so.

Look at z = 0.5 and go on.
"""


def every(lang: str = "") -> list[Lesson]:
    return [lessons.lesson(name, each) for name in lessons.names() for each in i18n.LANGUAGES if lang in ("", each)]


def both(lang: str, *, step: int = 0, **changed: object) -> list[str]:
    """The faults of the good lesson in both languages, of which one is changed: as a whole, or one of its steps."""
    pair = {each: reading.parse(GOOD, "good", each) for each in i18n.LANGUAGES}
    if step:
        steps = list(pair[lang].steps)
        steps[step - 1] = replace(steps[step - 1], **changed)  # type: ignore[arg-type]
        changed = {"steps": tuple(steps)}
    pair[lang] = replace(pair[lang], **changed)  # type: ignore[arg-type]
    return rules.faults([*pair.values()])


# --- reading ----------------------------------------------------------------------------------------------------------


def test_a_text_becomes_a_lesson() -> None:
    found = reading.parse(GOOD, "good", "en")
    assert (found.name, found.lang, found.title, found.minutes, found.order) == ("good", "en", "A lesson", 3.5, 4)
    assert found.aims == ("One aim", "Another aim")
    state = {"photo": "coffee", "model": "tiny_se", "channel": "24", "step": "squeeze"}
    text = "What the student reads, on two lines: {n} maps."
    assert found.steps[0] == Step(
        "First", "block", MappingProxyType(state), text, "pool_size", "channel=30", 1.5,
        "One sentence. Another one.", "They say so.", 6,
    )  # fmt: skip
    assert found.steps[1].ask == found.steps[1].wait == "" and found.steps[1].corrects is None
    with pytest.raises(TypeError):
        found.steps[0].state["photo"] = "cat"  # type: ignore[index]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("ask: pool_size", "aks: pool_size", "aks is no key"),
        ("ask: pool_size", "ask: pool_size\nask: r", "ask is there twice"),
        ("minutes: 1.5", "minutes: soon", "soon is no number"),
        ("corrects: 6", "corrects: all", "all is no number"),
    ],
)
def test_what_is_no_lesson_is_refused_and_the_place_named(old: str, new: str, said: str) -> None:
    with pytest.raises(LessonRefused, match=rf"good/en, step 1: {said}\."):
        reading.parse(GOOD.replace(old, new), "good", "en")


@pytest.mark.parametrize(("name", "lang"), [("nothing", "en"), ("which_kernel", "fr"), ("../i18n", "en"), ("", "en")])
def test_only_what_is_there_is_read(name: str, lang: str) -> None:
    with pytest.raises(LessonRefused, match="no lesson"):
        lessons.lesson(name, lang)


def test_a_link_opens_a_step_in_its_state_and_language() -> None:
    found = reading.parse(GOOD, "good", "zh")
    head = "photo=coffee&model=tiny_se"
    assert found.link(1) == f"./?{head}&channel=24&step=squeeze&lang=zh&lesson=good&at=1"
    assert found.link(2) == f"squeeze?{head}&lang=zh&lesson=good&at=2"


def test_the_pages_are_the_apps_and_the_first_is_its_first() -> None:
    assert set(rules.pages()) == {*PAGES, app.CLASS[0]} and reading.FIRST == FIRST
    assert {page: rules.section(page) for page in PAGES} == SECTIONS
    assert all((assets.SITE / file).is_file() for file in rules.pages().values())


# --- the rules --------------------------------------------------------------------------------------------------------


def test_the_good_lesson_has_no_fault() -> None:
    assert both("en") == []


@pytest.mark.parametrize(
    ("step", "changed", "said"),
    [
        (0, {"minutes": 4.0}, "good/en: its steps take 3.5 minutes, the lesson 4."),
        (0, {"aims": ()}, "good/en: it needs a title, aims and steps."),
        (1, {"title": "Second"}, "good/en: 2 steps are called “Second”."),
        (1, {"page": "home"}, "good/en, step 1: there is no page home."),
        (2, {"page": "block"}, "good/en, step 2: the stage has no step None, or this page has no stage."),
        (1, {"state": {"model": "tiny_se", "step": "gate"}}, "good/en, step 1: its state names photo and model"),
        (1, {"state": {"photo": "a", "model": "b", "step": "vote"}}, "good/en, step 1: the stage has no step vote"),
        (2, {"state": {"photo": "a", "model": "b", "step": "gate"}}, "good/en, step 2: the stage has no step gate"),
        (1, {"wait": "channel=24"}, "good/en, step 1: it waits for channel=24, which holds from the start."),
        (1, {"wait": "Channel is 3"}, "good/en, step 1: Channel is 3 is nothing to wait for."),
        (2, {"wait": "answered"}, "good/en, step 2: it waits for an answer and asks nothing."),
        (2, {"text": "One. Two. Three."}, "good/en, step 2: it says 3 sentences."),
        (2, {"text": "word " * 26}, "good/en, step 2: 26 are too many: word"),
        (2, {"text": "There are {many} maps."}, "good/en, step 2: nothing fills many."),
        (2, {"text": "There are {n maps."}, "good/en, step 2: nothing fills There are {n maps."),
        (2, {"say": "A. B. C. D."}, "good/en, step 2: the teacher needs one to 3 sentences"),
        (2, {"usual": ""}, "good/en, step 2: the teacher needs one to 3 sentences"),
        (2, {"corrects": 13}, "good/en, step 2: it corrects 13, of 12"),
        (2, {"corrects": 3}, "good/en, step 2: it corrects 3, of 12, and there is nothing to do or to answer."),
        (1, {"minutes": 1.0}, "good: en and zh differ in step 1."),
        (1, {"ask": "r"}, "good: en and zh differ in step 1."),
        (0, {"aims": ("One",)}, "good: en and zh differ in aims."),
        (0, {"steps": ()}, "good: en and zh differ in step 2."),
    ],
)
def test_every_fault_is_a_sentence(step: int, changed: dict[str, object], said: str) -> None:
    assert any(fault.startswith(said) for fault in both("en", step=step, **changed))


def test_a_language_that_is_missing_is_named() -> None:
    assert rules.faults([reading.parse(GOOD, "good", "en")]) == ["good: there is no zh."]


def test_what_no_step_corrects_is_named() -> None:
    assert rules.uncorrected([reading.parse(GOOD.replace("corrects: 6", "corrects: 12"), "good", "en")]) == [
        f"No step corrects misconception {n}." for n in range(1, 12)
    ]


@pytest.mark.parametrize(
    ("text", "lang", "lengths"),
    [
        ("Is z = 0.5, or σ(0)? Look – and go on.", "en", [5, 4]),
        ("打开“哪个模块最懂类别？”。{n} 个门控值里，有 0.5 吗？", "zh", [14, 11]),
    ],
)
def test_a_sentence_is_as_long_as_a_reader_counts_it(text: str, lang: str, lengths: list[int]) -> None:
    assert [rules.length(part, lang) for part in rules.sentences(text)] == lengths


# --- the lessons that there are ---------------------------------------------------------------------------------------


def test_three_lessons_make_one_plan() -> None:
    assert lessons.names()[:3] == ("squeeze_excite_rescale", "which_kernel", "is_attention_importance")
    assert [each.minutes for each in every("en")][:3] == [20, 15, 15]


@pytest.mark.parametrize("name", lessons.names())
def test_a_lesson_keeps_the_rules(name: str) -> None:
    assert rules.faults([lessons.lesson(name, lang) for lang in i18n.LANGUAGES]) == []


@pytest.mark.parametrize("lang", i18n.LANGUAGES)
def test_every_misconception_is_corrected_by_doing_something(lang: str) -> None:
    assert rules.uncorrected(every(lang)) == []
    assert all(step.wait for each in every(lang) for step in each.steps if step.corrects)


@pytest.mark.parametrize("lang", i18n.LANGUAGES)
@pytest.mark.parametrize(("name", "at"), STEPS)
def test_a_step_opens(name: str, at: int, lang: str) -> None:
    assert opening.faults(lessons.lesson(name, lang), at) == []


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the only lesson that there is, in both languages."""
    (tmp_path / "good").mkdir()
    for lang in i18n.LANGUAGES:
        (tmp_path / "good" / f"{lang}.md").write_text(GOOD, encoding="utf-8")
    monkeypatch.setattr(assets, "LESSONS", tmp_path)
    return tmp_path / "good"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("model=tiny_se\n", "model=mine\n", "the network is tiny_se, not mine."),
        ("model=tiny_se\n", "model=tiny_se&block=layer9\n", "block is layer1.0.se, not layer9."),
        ("model=tiny_se\n", "model=tiny_se&channel=4096\n", "channel is 63, not 4096."),
        ("model=tiny_se\n", "model=tiny_se&axis=channels\n", "nothing on this page asks for axis."),
        ("model=tiny_se\n", "model=tiny_se\nwait: axis\n", "nothing on this page changes axis."),
        ("model=tiny_se\n", "model=tiny_se\nask: softmax_axis\n", "softmax_axis has no clear answer here."),
    ],
)
def test_a_step_that_cannot_be_opened_is_told(own: Path, old: str, new: str, said: str) -> None:
    assert opening.faults(lessons.lesson("good", "en"), 2) == []
    (own / "en.md").write_text(GOOD.replace(old, new), encoding="utf-8")
    assert f"good/en, step 2: {said}" in opening.faults(lessons.lesson("good", "en"), 2)


# --- the command ------------------------------------------------------------------------------------------------------


def test_the_command_lists_every_lesson_in_every_language(capsys: Said) -> None:
    assert main(["lessons"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1 + len(every())
    assert all(
        each.title in line and line.endswith(each.link(1)) for each, line in zip(every(), lines[1:], strict=True)
    )


def test_the_command_tells_every_fault(own: Path, capsys: Said) -> None:
    wrong = GOOD.replace("One sentence. Another one.", "")
    (own / "en.md").write_text(wrong, encoding="utf-8")
    (own / "zh.md").write_text(wrong.replace("wait: channel=30", "wait: axis"), encoding="utf-8")
    assert main(["lessons", "--check"]) == 2
    told = [line for line in capsys.readouterr().err.splitlines() if line and "steps:" not in line]
    assert told == [
        "good/en, step 1: the teacher needs one to 3 sentences to say, and what students usually answer.",
        "good/zh, step 1: the teacher needs one to 3 sentences to say, and what students usually answer.",
        "good: en and zh differ in step 1.",
        *(f"No step corrects misconception {n}." for n in range(1, 13) if n != 6),
        "good/zh, step 1: nothing on this page changes axis.",
        "The lessons have 15 faults.",
    ]


@pytest.mark.slow
def test_the_command_finds_nothing_wrong(capsys: Said) -> None:
    assert main(["lessons", "--check"]) == 0
    assert capsys.readouterr().out == "3 lessons: every step opens in 2 languages.\n"
