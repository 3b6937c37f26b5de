"""A talk made of the app's own pages: each is opened without a browser, and its figures become pages of a deck."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from senet_viz import i18n
from senet_viz.drawing.editable.words import Page
from senet_viz.drawing.grammar import Figure, Table
from senet_viz.errors import DeckRefused
from senet_viz.i18n import Texts
from senet_viz.lessons import Lesson
from senet_viz.lessons.reading import FIRST
from senet_viz.tap import edit_list
from senet_viz.types import Edit
from senet_viz.ui import state
from senet_viz.ui.takeaway import deck
from senet_viz.ui.teaching import opening

if TYPE_CHECKING:
    from PIL import Image

PATIENCE_S = 600  # for one rerun; a large network on a slow machine
WALK = {  # pages of the walk with their closer looks, in the order of a talk
    "block": ("still",), "squeeze": ("maps",), "excitation": ("votes", "gatefn", "contest"),
    "rescale": ("sheets", "carpet"), "what_if": ("beforeafter",),
}  # fmt: skip
HERE = "http://localhost:8501/"  # where `make run` shows the app
WHO, KEY = "talk", "up-talk"  # whose photo of one's own it is, and what it is called


@dataclass(frozen=True, eq=False)
class Opened:
    """A page that was opened: its figures in their order, and what its session chose."""

    figures: tuple[Figure, ...]
    session: Mapping[str, Any]
    guide: Mapping[str, Any]  # what the guide of a lesson is given, if one is on


def opened(page: str, query: Mapping[str, str], photo: Image.Image | None = None) -> Opened:
    """Open a page of the app in a fresh session; ``photo`` stands in for the one that the query names.

    Raises:
        DeckRefused: the page says that something went wrong.
    """
    session: dict[str, object] = {deck.NOTES: []}
    if photo is not None:
        state.uploads().add(WHO, KEY, photo)
        session |= {"_who": WHO, "_mine": {KEY: 1}, "photo": KEY}
        query = {key: value for key, value in query.items() if key != "photo"}
    app = opening.opened(page, query, session, lambda app: app.session_state[deck.NOTES].clear(), PATIENCE_S)
    for each in (*app.exception, *app.error):
        raise DeckRefused(f"The page {page} ends in an error: {each.value}")
    chosen = {key: app.session_state[key] for key in ("model", "block", "channel")}
    return Opened(tuple(app.session_state[deck.NOTES]), chosen, opening.part(app, "guide"))


def walk(query: Mapping[str, str], photo: Image.Image | None, t: Texts) -> Iterator[Page]:
    """Give the pages of a talk on one block: its numbers, then every figure of the walk.

    Args:
        query: what the address of the app would say.

    Raises:
        DeckRefused: the block has not that channel, or a page ends in an error.
    """
    block = ""
    for page, looks in WALK.items():
        # where gates can be changed the block's are all 1: without a change there would be nothing to see
        change = {"edits": edit_list.written((Edit(block, "ones"),))} if page == "what_if" else {}
        asked = {**query, **change, "more": ",".join(looks)}
        found = opened(page, asked, photo)
        block, channel = found.session["block"], str(found.session["channel"])
        if channel != query.get("channel", channel):
            raise DeckRefused(f"{block} has no channel {query['channel']}: its last is {channel}.")
        way = link(page, {**asked, "block": block, "channel": channel}) if photo is None else ""
        if page == "block":
            yield replace(_numbers(found, t), link=way)
        for figure in found.figures:
            yield Page(figure, link=way)


def _numbers(found: Opened, t: Texts) -> Page:
    """Return the page that says what is looked at, with the numbers of every stage of the block as a table."""
    figure, channel = found.figures[0], int(found.session["channel"])
    rows: dict[str, list[Sequence[object]]] = {}
    for row in figure.table.rows:
        rows.setdefault(str(row[0]), []).append([value for value in row[2:] if value != ""])
    lines: list[tuple[object, ...]] = []
    for name, values in rows.items():
        for m in range(len(values[0])):
            numbers = [float(str(v[m])) for v in values]
            own: object = numbers[channel] if name != "hidden" else "\u2013"
            what = t(f"fig.whole.{name}") + (f" \u00b7 {figure.table.header[2 + m]}" if len(values[0]) > 1 else "")
            mean = math.fsum(numbers) / len(numbers)
            lines.append((what, len(numbers), own, min(numbers), mean, max(numbers)))
    head = [t(f"deck.column.{name}", c=channel) for name in ("stage", "count", "pinned", "least", "mean", "greatest")]
    return Page(
        None, Table(tuple(head), tuple(lines)), t("deck.title", block=found.session["block"]), source=figure.source
    )


def link(page: str, query: Mapping[str, str]) -> str:
    """Return where a page of an app that runs on this machine is found in this state."""
    return f"{HERE}{'' if page == FIRST else page}?{urlencode(query)}"


def lesson(taught: Lesson, photo: Image.Image | None) -> Iterator[Page]:
    """Give the pages of a lesson: its aims, then one page a step, with the figure that its page is about.

    Args:
        photo: takes the place of the lesson's own.
    """
    t = i18n.texts(taught.lang)
    aims = "\n".join(f"\u2022 {aim}" for aim in taught.aims)
    yield Page(title=taught.title, lead=aims, say=t("deck.minutes", n=f"{taught.minutes:g}"))
    for at, step in enumerate(taught.steps, start=1):
        state_ = dict(step.state)
        looks = [look for look in state_.get("more", "").split(",") if look]
        if step.page == FIRST:
            state_["more"] = ",".join(["still", *looks])
        found = opened(step.page, {**state_, "lang": taught.lang, "lesson": taught.name, "at": str(at)}, photo)
        text = found.guide["steps"][at - 1]["text"] if found.guide else step.text
        say = "\n".join(filter(None, (step.say, _asked(found.guide.get("question"), t), step.usual)))
        way = HERE + taught.link(at).removeprefix("./") if photo is None else ""
        if not found.figures:
            yield Page(title=step.title, lead=text, say=say, link=way)
            continue
        figure = found.figures[-1 if looks else 0]  # what is asked for by name comes last
        yield Page(
            replace(figure, note=f"{figure.title}. {figure.note}".strip()),
            title=step.title,
            lead=text,
            say=say,
            link=way,
        )


def _asked(question: Mapping[str, Any] | None, t: Texts) -> str:
    """Return a question with its options and its answer, as the teacher's notes have it."""
    if not question or not question.get("options"):
        return ""
    options = [
        ("\u2713 " if i == question["right"] else "\u25cb ") + text for i, text in enumerate(question["options"])
    ]
    return "\n".join((t("deck.question", text=question["text"]), *options, question["why"]))
