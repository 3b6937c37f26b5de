"""What a lesson must be, as far as its text can tell. Each fault is one plain sentence.

What only the app can tell, whether each step opens, ``ui.teaching.opening`` looks at.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from string import Formatter

from senet_viz import assets, i18n
from senet_viz.lessons.reading import FIRST, Lesson, Step

PLACEHOLDERS = frozenset({"n", "r", "dead", "zeros", "ones", "top", "share"})
MISCONCEPTIONS = range(1, 13)
SENTENCES, WORDS, CHARACTERS = 2, 25, 50  # of a step's text: sentences, and in each English words or Chinese characters
SAID = 3  # sentences that a teacher says
STAGE = re.compile(r"stage\.step\.(\w+)\.title")
_WAIT = re.compile(r"answered|[a-z]\w{0,15}(=\S+)?", re.ASCII)
_ENDS = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])(?!”)")  # of a sentence; “.” in a number has no space after it
_OTHER = {"lang", "lesson", "at", "weights"}  # of an address, and not a step's matter


def stage_steps() -> frozenset[str]:
    """Return the names of the steps of the stage."""
    found = map(STAGE.fullmatch, i18n.table(i18n.DEFAULT))
    return frozenset(each[1] for each in found if each)


@cache
def pages() -> dict[str, str]:
    """Return the file of every page of the app, relative to it, by the page's name."""
    return {file.stem: file.relative_to(assets.SITE).as_posix() for file in sorted(assets.PAGES.glob("*/*.py"))}


def section(page: str) -> str:
    """Return the section of the app that a page is in."""
    return pages()[page].split("/")[1]


def faults(lessons: Sequence[Lesson]) -> list[str]:
    """Return what is wrong with one lesson, given in every language."""
    said = {lesson.lang: lesson for lesson in lessons}
    missing = [lang for lang in i18n.LANGUAGES if lang not in said]
    found = [f"{lessons[0].name}: there is no {lang}." for lang in missing]
    for lesson in lessons:
        where = f"{lesson.name}/{lesson.lang}"
        found += [f"{where}: {fault}" for fault in _whole(lesson)]
        for at, step in enumerate(lesson.steps, start=1):
            found += [f"{where}, step {at}: {fault}" for fault in (*_opens(step), *_speaks(step, lesson.lang))]
    return found + list(_alike(lessons))


def uncorrected(lessons: Sequence[Lesson]) -> list[str]:
    """Return which misconceptions no step of these lessons corrects."""
    done = {step.corrects for lesson in lessons for step in lesson.steps}
    return [f"No step corrects misconception {n}." for n in MISCONCEPTIONS if n not in done]


def sentences(text: str) -> list[str]:
    """Return the sentences of a text."""
    return [part for part in _ENDS.split(text.strip()) if part]


def length(sentence: str, lang: str) -> int:
    """Return how long a sentence is: in words, in Chinese in characters; a Latin word or a number there is one."""
    if lang != "zh":
        return sum(bool(re.search(r"\w", word)) for word in sentence.split())
    return len(re.findall(r"[A-Za-z0-9_{}().×=%/-]+|\S", sentence))


def _whole(lesson: Lesson) -> Iterator[str]:
    if not lesson.title or not lesson.aims or not lesson.steps:
        yield "it needs a title, aims and steps."
    total = sum(step.minutes for step in lesson.steps)
    if abs(total - lesson.minutes) > 1e-6:
        yield f"its steps take {total:g} minutes, the lesson {lesson.minutes:g}."
    for title, count in Counter(step.title for step in lesson.steps).items():
        if count > 1 or not title:
            yield f"{count} steps are called “{title}”."


def _opens(step: Step) -> Iterator[str]:
    """Look at where a step leads and what it waits for."""
    if step.page not in pages():
        yield f"there is no page {step.page or '(none)'}."
    if not {"photo", "model"} <= set(step.state) or set(step.state) & _OTHER:
        yield "its state names photo and model, and no lang, weights, lesson or at."
    stage = step.state.get("step")
    if (step.page == FIRST) != (stage is not None) or stage not in {None, *stage_steps()}:
        yield f"the stage has no step {stage}, or this page has no stage."
    key, _, value = step.wait.partition("=")
    if step.wait and not _WAIT.fullmatch(step.wait):
        yield f"{step.wait} is nothing to wait for."
    elif value and step.state.get(key) == value:
        yield f"it waits for {step.wait}, which holds from the start."
    elif step.wait == "answered" and not step.ask:
        yield "it waits for an answer and asks nothing."


def _speaks(step: Step, lang: str) -> Iterator[str]:
    """Look at what a step says, to students and to their teacher."""
    parts, most = sentences(step.text), CHARACTERS if lang == "zh" else WORDS
    if not 1 <= len(parts) <= SENTENCES:
        yield f"it says {len(parts)} sentences."
    yield from (f"{length(part, lang)} are too many: {part}" for part in parts if length(part, lang) > most)
    if not 1 <= len(sentences(step.say)) <= SAID or not step.usual:
        yield f"the teacher needs one to {SAID} sentences to say, and what students usually answer."
    try:
        names = {name for _, name, _, _ in Formatter().parse(step.text) if name is not None}
    except ValueError:
        names = {step.text}
    if names - PLACEHOLDERS:
        yield f"nothing fills {', '.join(sorted(names - PLACEHOLDERS))}."
    if step.corrects is not None and (step.corrects not in MISCONCEPTIONS or not (step.wait or step.ask)):
        yield f"it corrects {step.corrects}, of {len(MISCONCEPTIONS)}, and there is nothing to do or to answer."


def _alike(lessons: Sequence[Lesson]) -> Iterator[str]:
    """Compare every language with the first: only words differ."""

    def shape(lesson: Lesson) -> Mapping[str, object]:
        steps = [(s.page, dict(s.state), s.ask, s.wait, s.minutes, s.corrects) for s in lesson.steps]
        parts = {f"step {at}": step for at, step in enumerate(steps, start=1)}
        return {"order": lesson.order, "minutes": lesson.minutes, "aims": len(lesson.aims), **parts}

    first, *others = lessons
    for other in others:
        one, two = shape(first), shape(other)
        differ = [key for key in {**one, **two} if one.get(key) != two.get(key)]
        yield from (f"{first.name}: {first.lang} and {other.lang} differ in {key}." for key in differ)
