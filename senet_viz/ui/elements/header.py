"""What a page has on top: the photo, the gates of the block on screen, and what the network answers."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np
import streamlit as st

from senet_viz.drawing.grammar import Scale
from senet_viz.drawing.renderers.screen import photo_url
from senet_viz.i18n import Texts
from senet_viz.ui import models
from senet_viz.ui.elements import boards
from senet_viz.ui.scene import Scene, short
from senet_viz.ui.takeaway import numbers

TOP = 3  # answers


def header(view: Scene) -> None:
    """Draw photo, gates and answer as one element; and pin the channel, for every board below."""
    boards.pin(view)
    strange, knows = _trust(view, "")
    boards.board(view.drawn(lambda: _shown(view), "header", view.lang) | {"knows": knows}, "header")
    numbers.note("header", lambda t: [numbers.of_rows("header", t("header.alt"), _lines(view, t), t)])
    numbers.note("answer", lambda t: [numbers.of_answer(view, t)])
    with st.container():  # whatever is said, figures below stay in their place
        _warn(view, strange)


def _shown(view: Scene) -> dict[str, Any]:
    """Return z and the gates of the block on screen as a board shows them, with the photo before and the answer after.

    The answer is the likeliest classes, with their probabilities.
    """
    t, (_, c, h, w) = view.t, view.u.shape
    scores = [{"label": name, "share": p, "text": f"{p:.1%}"} for name, p in view.seen.top(TOP)]
    said = ", ".join(f"{s['label']} {s['text']}" for s in scores)
    first = t("listed.no") if view.seen.familiar is False else ""
    head = {
        "photo": _thumbnail(view.picture.shown),
        "named": t("header.photo", size=view.picture.shown.shape[0]),
        "title": t("header.block", name=short(view.name), c=c, h=h, w=w, model=view.spec.title).split("**"),
        "scores": scores,
        "said": first,
        "answer": t("header.scores", scores=f"{first} {said}".strip()),
    }
    return {**boards.strips(view, _lines(view, t), "header", t("header.alt")), **head}


def _lines(view: Scene, t: Texts) -> list[tuple[str, np.ndarray, Scale]]:
    gates = [(view.symbol(m), gate, Scale.gate(t("gate.name"))) for m, gate in enumerate(view.gate)]
    return [("z", view.z, Scale.span("z", view.z)), *gates]


def photo(view: Scene) -> None:
    """Draw what the network sees of the photo, small."""
    st.image(
        view.drawn(lambda: _thumbnail(view.picture.shown), "shown"),
        width=96,
        alt=view.t("header.photo", size=view.picture.shown.shape[0]),
    )


@contextmanager
def trusted(view: Scene) -> Iterator[str]:
    """Warn of an answer that is worth nothing, above what the ``with`` block writes.

    Yields how many classes the network knows, or "" below a warning.
    """
    strange, knows = _trust(view)
    with st.container() if strange else nullcontext():  # one place either way, so that nothing below moves
        _warn(view, strange)
        yield knows


def _trust(view: Scene, nearest: str | None = None) -> tuple[list[str], str]:
    """Return what warns of a photo off the network's list; and, where nothing does, how many classes it knows.

    ``nearest``: what is said first of a photo that is nothing it knows; None: which class is nearest.
    """
    strange = models.strange(view.seen, view.photo, nearest)
    return strange, view.t("header.knows", n=len(view.trace.logits)) if view.trained and not strange else ""


def _warn(view: Scene, strange: list[str]) -> None:
    if not view.trained:
        untrained(view.t("model.untrained"))
    models.say(view.seen, strange)


def untrained(said: str) -> None:
    """Warn in red of numbers that come from random weights."""
    st.badge(said, icon=":material/warning:", color="red")


def _thumbnail(shown: np.ndarray) -> str:
    """Return the photo as a data URL, which Streamlit sends as it is; small pixels as copies, so that none blurs."""
    times = max(1, 300 // shown.shape[0])
    return photo_url(shown.repeat(times, axis=0).repeat(times, axis=1), exact=times > 1)
