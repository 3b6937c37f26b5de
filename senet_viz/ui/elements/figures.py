"""Figures on a page: drawn for the browser with their title, their alt text and their export."""

from collections.abc import Callable, Hashable
from dataclasses import replace
from functools import partial
from hashlib import sha256
from typing import Any, Literal

import plotly.graph_objects as go
import streamlit as st

from senet_viz import i18n
from senet_viz.drawing.grammar import Figure
from senet_viz.drawing.renderers import fonts, slides
from senet_viz.drawing.renderers.screen import spec, typed
from senet_viz.i18n import Texts
from senet_viz.photos import samples
from senet_viz.ui import state
from senet_viz.ui.elements.frame import heading, plain, room
from senet_viz.ui.scene import Scene
from senet_viz.ui.takeaway import deck, numbers


def figure(
    view: Scene,
    build: Callable[[Texts], Figure],
    *key: Hashable,
    narrow: bool = False,
    picked: Callable[[float, float], None] | None = None,
    untrained: bool | None = None,
    shows: str | None = None,
    says: str = "",
) -> None:
    """Draw a figure with its title, its alt text and its export; ``narrow``: in a column of a page.

    Args:
        key: names it, besides the scene, for the cache.
        says: what the page's caption says after the figure's note.
        picked: called with the (x, y) of a dot that was clicked, before the page is drawn again.
        untrained, shows: see ``titled``.
    """
    drawn: Figure = view.drawn(lambda: build(view.t), "figure", view.lang, *key)
    titled(view, heading(plain(drawn.title)), build, drawn.key, key, narrow, untrained, shows)
    wide, name, dark = room(narrow), f"chart-{drawn.key}", view.dark

    def chart() -> Ready:
        made = typed(spec(replace(drawn, title=""), dark, wide))  # the page writes the title, beside the export
        if picked:  # a click marks nothing by itself: the pin does
            made["data"] = [trace | {"unselected": {"marker": {"opacity": 1}}} for trace in made["data"]]
        return Ready(made)

    # maps keep their shape: on a wide screen they would only drift apart
    width: Literal["stretch"] | int = 1000 if all(panel.aspect for panel in drawn.panels) else "stretch"
    st.plotly_chart(
        view.drawn(chart, "plotly", wide, view.lang, dark, *key),
        width=width,
        theme=None,
        key=name,
        alt=drawn.alt,
        config={"displayModeBar": False},
        on_select=partial(_clicked, name, picked) if picked else "ignore",
        selection_mode="points",
    )
    if said := f"{drawn.note} {says}".strip():
        st.caption(said)


def _clicked(key: str, picked: Callable[[float, float], None]) -> None:
    points = st.session_state[key]["selection"]["points"]
    if points:
        picked(float(points[0]["x"]), float(points[0]["y"]))


class Ready(go.Figure):
    """A plotly figure that is taken as it was drawn: Streamlit asks a figure for nothing but ``to_dict``.

    One that plotly checks property by property takes 13 ms to make and 0.8 ms at every rerun; a dictionary, of which
    Streamlit makes such a figure each time, 11 ms at every rerun; this one, which is no figure besides, 0.1 ms.
    ``tests/test_drawing.py`` checks the same specs with plotly's own validators.
    """

    def __init__(self, spec: dict[str, Any]) -> None:
        self._drawn = spec

    def to_dict(self) -> dict[str, Any]:
        """Return the spec."""
        return self._drawn


def titled(
    view: Scene,
    title: str,
    build: Callable[[Texts], Figure],
    name: str,
    key: Hashable,
    narrow: bool = False,
    untrained: bool | None = None,
    shows: str | None = None,
) -> None:
    """Write a title (Markdown) with the export of what stands below it: one click to a PNG, SVG, PDF or CSV.

    Nothing of it is made before it is opened, and a file is drawn only when it is asked for.

    Args:
        key: what ``name`` shows, besides the scene.
        narrow: in a column of a page.
        untrained: its numbers come from random weights: slide and file say so. None: where the scene's are random.
        shows: which words of "model block photo" a slide must name. None: all, unless ``untrained`` says that the
            figure is not of the scene's network, and then none.
    """
    t, blank = view.t, not view.trained if untrained is None else untrained
    numbers.note(name, numbers.of_figure(name, build, blank))
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.markdown(title, width="content")
        more = st.popover(
            t("export.label"), icon=":material/download:", help=t("export.help"), type="tertiary",
            key=f"export-{name}", on_change="rerun",
        )  # fmt: skip
    if shows is None:
        shows = "model block photo" if untrained is None else ""
    drawn = partial(_sourced, view, build, blank, shows)
    deck.noted(drawn)
    if not more.open:
        return
    what = sha256(repr((view.key, view.lang, key)).encode()).hexdigest()[:8]
    stem = f"{name}-untrained-{what}" if blank else f"{name}-{what}"
    with more:
        dark = st.toggle(t("export.dark"), value=view.dark, key=f"dark-{name}")
        for kind, mime in slides.MIMES.items():
            st.download_button(
                kind.upper(),
                data=partial(_slide, partial(drawn, state.link()), kind, view.lang, dark),
                on_click="ignore",
                file_name=f"{stem}{'-dark' if dark and kind != 'csv' else ''}.{kind}",
                mime=mime,
                key=f"{kind}-{name}",
                width="stretch",
            )
        deck.offer(t, name, what, partial(drawn, state.link(), view.lang))
        if view.lang != "en" and not _covered(view.lang):
            st.caption(t("export.nofont"))


def _sourced(view: Scene, build: Callable[[Texts], Figure], blank: bool, shows: str, link: str, lang: str) -> Figure:
    """Return the figure in a language, with what it was made of and the address that shows it again."""
    t = i18n.texts(lang)
    photo = "" if view.photo.startswith("up-") else view.photo
    words = {"model": view.spec.title, "block": view.name, "photo": photo}
    named = {word: text for word, text in words.items() if word in shows.split()}
    seen = replace(view.seen, lang=lang)
    strange = seen.nearest if {"model", "photo"} <= named.keys() else ""
    made = replace(build(t), source=" · ".join(filter(None, (samples.source(t, **named), strange))), link=link)
    return made.marked(t("model.untrained")) if blank else made


def _slide(drawn: Callable[[str], Figure], kind: str, lang: str, dark: bool) -> bytes:
    """Return the bytes of the file."""
    return slides.render(drawn, kind, lang, dark).data


@st.cache_resource(show_spinner=False)
def _covered(lang: str) -> bool:
    """Return whether a font for slides has all letters of the language."""
    return fonts.font_for("".join(i18n.table(lang).values())) is not None
