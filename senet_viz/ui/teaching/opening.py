"""Open the steps of a lesson in the app itself, without a browser, and say what is not as the step says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from senet_viz import assets, i18n
from senet_viz.lessons import Lesson, Step, rules
from senet_viz.ui import state
from senet_viz.ui.pages.walk.stage import OWN

if TYPE_CHECKING:
    from streamlit.testing.v1 import AppTest

PATIENCE_S = 120  # for one rerun


def faults(lesson: Lesson, at: int) -> list[str]:
    """Open step ``at`` (from 1) in a fresh session; return a sentence for everything that is wrong with it."""
    step = lesson.steps[at - 1]
    return [f"{lesson.name}/{lesson.lang}, step {at}: {fault}" for fault in _wrong(lesson, step, at)]


def _wrong(lesson: Lesson, step: Step, at: int) -> Iterator[str]:
    app = _opened(lesson, step, at)
    if app.exception or app.error:
        yield from (f"it ends in an error: {each.value}" for each in (*app.exception, *app.error))
        return
    heading, heads = (
        i18n.text(f"{rules.section(step.page)}.{step.page}.title", lesson.lang),
        [each.value for each in app.title],
    )
    if heads != [heading]:
        yield f"the page is {heads}, not {heading}."
    yield from _unlike(step, app.session_state)


def _opened(lesson: Lesson, step: Step, at: int) -> AppTest:
    """Return the app with the step's page open."""
    from streamlit.testing.v1 import AppTest

    app = AppTest.from_file(str(assets.APP), default_timeout=PATIENCE_S)
    query = {**step.state, "lang": lesson.lang, "lesson": lesson.name, "at": str(at)}
    for key, value in query.items():
        app.query_params[key] = value
    app.run()
    return app.switch_page(rules.pages()[step.page]).run()


def _unlike(step: Step, session: Any) -> Iterator[str]:
    """Say where the session is not as the step's state has it, and whether the step can ever be done."""
    waiting, model = session["_waiting"], session["_shown"][0]
    if model != step.state["model"]:
        yield f"the network is {model}, not {step.state['model']}."
    for key, value in step.state.items():
        now = session[key] if key in session else waiting.get(key)
        if str(now) != value:
            yield f"{key} is {now}, not {value}."
        elif key in waiting and key not in OWN:
            yield f"nothing on this page asks for {key}."
    key = step.wait.partition("=")[0]
    known = {"answered", *state.SHARED, *OWN, *session["_choices"]}
    if key and key not in known:
        yield f"nothing on this page changes {key}."
