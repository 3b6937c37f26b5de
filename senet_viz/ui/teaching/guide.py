"""The guide: one line at the foot of the window that leads through a lesson, page by page.

Its place is the address's ``lesson`` and ``at``. A step is a page and what its address says; the server opens it, and
computes its question from the numbers on screen. What is answered, remembered and waited for is the browser's matter.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any
from urllib.parse import parse_qsl

import numpy as np
import streamlit as st

from senet_viz import i18n, lessons
from senet_viz.lessons import Lesson, Step
from senet_viz.lessons.reading import FIRST
from senet_viz.ui import state
from senet_viz.ui.elements.components import component
from senet_viz.ui.guard import guard
from senet_viz.ui.pages.lab import learned
from senet_viz.ui.pages.scale import scrub
from senet_viz.ui.pages.walk import stage
from senet_viz.ui.scene import Scene
from senet_viz.ui.teaching import questions, travel

_KEY = "guide"
OWN = {
    "": stage.OWN,
    "channel_weights": scrub.OWN,
    "learning": learned.OWN,
}  # of a page's address: what the browser changes by itself
PLACE = ("photo", "model", "block", "channel")  # an address that names one of them has a place of its own
WORDS = "guide."  # what the texts that the browser fills begin with


def lesson() -> Lesson | None:
    """Return the lesson that the address names, in the reader's language; None where it names none that there is."""
    name = state.asked("lesson")
    return lessons.lesson(name, state.language()) if name and name in lessons.names() else None


def at(through: Lesson) -> int:
    """Return the number of the step that is on, from 1."""
    said = str(state.asked("at") or 1)
    return min(max(int(said), 1), len(through.steps)) if said.isdecimal() and len(said) < 4 else 1


def begin() -> None:
    """Where a session's address names a lesson and a step alone, go to the place of that step."""
    state.read_url()
    s, through = st.session_state, lesson()
    if through is None or s.get("_led"):
        return
    s["_led"] = True
    if not any(key in st.query_params for key in PLACE):
        _go(through, at(through))


def guide() -> None:
    """Mount the guide, if a lesson is on, with the question of its step."""
    s, through = st.session_state, lesson()
    state.asked("present")
    if through is None:
        return
    view, now = questions.here(s["_page"]), at(through)
    step, facts = through.steps[now - 1], _facts(view)
    data: dict[str, Any] = {
        "lesson": through.name, "title": through.title, "at": now, "page": s["_page"],
        "present": bool(s.get("present")),
        "steps": [
            {
                "title": each.title, "text": _filled(each.text, facts), "page": _path(each.page),
                "state": dict(each.state), "wait": each.wait, "asks": bool(each.ask),
                "say": each.say, "usual": each.usual, "minutes": each.minutes,
            }
            for each in through.steps
        ],
        "own": OWN, "mine": str(s["photo"]).startswith("up-"), "entry": _entry(through, now),
        "question": _question(view, step, now),
        "words": i18n.handed(WORDS, view.lang),
    }  # fmt: skip
    component("guide")(key=_KEY, data=data, on_go_change=_gone, on_leave_change=_leave)


def _path(page: str) -> str:
    """Return what the address calls the page of this name: the first page has no name there."""
    return page if page in st.session_state["_pages"] else ""


def _go(through: Lesson, number: int) -> None:
    """Go to the place of a step; a photo of the student's own stays on screen."""
    s, step = st.session_state, through.steps[number - 1]
    s["at"] = str(number)
    own = str(s.get("photo", "")).startswith("up-")
    travel.go(_path(step.page), {key: value for key, value in step.state.items() if not (own and key == "photo")})


def _gone() -> None:
    """Follow to the step that the browser asks for."""
    told, through = st.session_state.get(_KEY, {}).get("go"), lesson()  # where a new page was faster, it asks again
    number = told.get("at") if isinstance(told, Mapping) else None
    if through is not None and isinstance(number, int | float) and 1 <= number <= len(through.steps):
        if told.get("photo"):  # the lesson's own instead of the student's
            st.session_state["photo"] = ""
        _go(through, int(number))


def _leave() -> None:
    """End the lesson where it is; the page stays."""
    state.forget(("lesson", "at", "present"))


def _question(view: Scene, step: Step, at: int) -> dict[str, object] | None:
    """Return the question of a step about what is on screen; without options where it has no clear answer there.

    Whoever has wandered off to another page is asked what that page predicts, if it has a clear answer.
    """
    page = st.session_state["_page"]
    on_the_way = _path(step.page) == page
    name = step.ask if on_the_way else next(iter(questions.PAGES.get(page or FIRST, ())), "")
    if not name:
        return None
    with guard():
        asked = questions.ask(name, view)
        if asked is None and not on_the_way:
            return None
        # what it was asked about, in whatever language
        about = {"at": at, "key": f"{view.photo}/{view.spec.key}/{view.weights}/{view.name}/{name}"}
        return about | {"slot": str(at) if on_the_way else page} | (asdict(asked) if asked else {})
    return None


def _entry(through: Lesson, at: int) -> str | None:
    """Return what the address said, when a step began, of the key that the step waits for."""
    s, place, key = st.session_state, (through.name, at), through.steps[at - 1].wait.split("=")[0]
    if s.get("_entered", (None, None))[0] != place:
        s["_entered"] = (place, dict(parse_qsl(state.query())).get(key))
    entry: str | None = s["_entered"][1]
    return entry


def _facts(view: Scene) -> dict[str, object]:
    """Return the numbers of the block on screen that a lesson's words may name."""
    hidden = view.block.hidden
    name, share = view.seen.top(1)[0]
    return {
        "n": len(view.z), "r": 0 if hidden is None else len(hidden),
        "dead": 0 if hidden is None else int((np.asarray(hidden) == 0).sum()),
        "zeros": int((view.gate == 0).sum()), "ones": int((view.gate == 1).sum()),
        "top": view.t("listed.only", name=name) if view.seen.familiar is False else name, "share": round(100 * share),
    }  # fmt: skip


def _filled(text: str, facts: Mapping[str, object]) -> str:
    for name, value in facts.items():
        text = text.replace(f"{{{name}}}", str(value))
    return text
