"""Open the app itself without a browser: any page, and the steps of a lesson, to say what is not as the step says."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from senet_viz import assets, i18n
from senet_viz.lessons import Lesson, Step, rules
from senet_viz.ui import state

if TYPE_CHECKING:
    from streamlit.testing.v1 import AppTest

PATIENCE_S = 120  # for one rerun


def opened(
    page: str,
    query: Mapping[str, str],
    session: Mapping[str, object] | None = None,
    at_root: Callable[[AppTest], object] | None = None,
    patience: float = PATIENCE_S,
) -> AppTest:
    """Open a page of the app in a fresh session; what went wrong there is in its ``exception`` and ``error``.

    Args:
        query: what its address says after the ``?``.
        session: what the session holds beforehand.
        at_root: is called before the page is opened; the first page, at the root, has been drawn by then.
        patience: seconds for one rerun.
    """
    from streamlit.testing.v1 import AppTest

    with state.unseen():
        app = AppTest.from_file(str(assets.APP), default_timeout=patience)
        for key, value in query.items():
            app.query_params[key] = value
        for name, held in (session or {}).items():
            app.session_state[name] = held
        app.run()
        if at_root:
            at_root(app)
        app.switch_page(rules.pages()[page]).run()
    return app


def part(app: AppTest, key: str) -> dict[str, Any]:
    """Return what an element of the browser is given, as the frame or the guide; nothing where it is not there."""
    found = [each.proto.json for each in app.get("bidi_component") if each.proto.id.endswith(f"-{key}")]
    data: dict[str, Any] = json.loads(found[0]) if found else {}
    return data


def faults(lesson: Lesson, at: int) -> list[str]:
    """Open step ``at`` (from 1) in a fresh session; return a sentence for everything that is wrong with it."""
    found = _wrong(lesson, lesson.steps[at - 1], at)
    return [f"{lesson.name}/{lesson.lang}, step {at}: {fault}" for fault in found]


def _wrong(lesson: Lesson, step: Step, at: int) -> Iterator[str]:
    app = opened(step.page, {**step.state, "lang": lesson.lang, "lesson": lesson.name, "at": str(at)})
    if app.exception or app.error:
        yield from (f"it ends in an error: {each.value}" for each in (*app.exception, *app.error))
        return
    heading = i18n.text(f"{rules.section(step.page)}.{step.page}.title", lesson.lang)
    if [each.value for each in app.title] != [heading]:
        yield f"the page is {[each.value for each in app.title]}, not {heading}."
    yield from _unlike(step, app)


def _unlike(step: Step, app: AppTest) -> Iterator[str]:
    """Say where the app is not in the step's state, and whether what the step waits for can come to pass."""
    session, frame = app.session_state, part(app, "frame")
    address, own, waiting = dict(parse_qsl(frame["query"])), set(frame["own"]), session["_waiting"]
    if (model := session["_shown"][0]) != step.state["model"]:
        yield f"the network is {model}, not {step.state['model']}."
    for key, value in step.state.items():
        if address.get(key) != value:
            yield f"{key} is {address.get(key)}, not {value}."
        elif key in waiting and key not in own:
            yield f"nothing on this page asks for {key}."
    key, guide = step.wait.partition("=")[0], part(app, "guide")
    if step.ask and "options" not in (guide["question"] or {}):
        yield f"{step.ask} has no clear answer here."
    if key and key not in {"answered", *state.SHARED, *session["_choices"], *own}:
        yield f"nothing on this page changes {key}."
