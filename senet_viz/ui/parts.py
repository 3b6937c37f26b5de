"""What pages are made of: boards, figures with their export, the truth badge, the code that ran."""

from __future__ import annotations

import base64
import inspect
import io
import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from threading import Lock
from typing import Any, Literal

import numpy as np
import streamlit as st

from senet_viz import assets, i18n
from senet_viz.architecture import formulas
from senet_viz.drawing import atlas as atlases
from senet_viz.drawing.grammar import Figure, Scale
from senet_viz.i18n import Texts
from senet_viz.tap.replay import TOLERANCE
from senet_viz.ui import models, state
from senet_viz.ui.scene import Scene, short

Then = Callable[[str | None, int], None]
COLUMN = 360.0  # px: a figure in a column of a page
_TAKEN = "_clicks_taken"  # of every board, the last click that was taken: ``_picked``
_SECTION = "_in_section"  # of this rerun's page: whether a part was begun


@st.cache_resource(show_spinner=False)
def component(name: str, isolated: bool = True) -> Any:
    """Register an element of ours, ``assets/components/<name>.{html,css,js}``; returns what mounts it.

    Its script begins with ``shared.js``: a component is one module of its own and imports nothing.

    Args:
        isolated: its style holds within it alone; otherwise for the whole page.
    """
    files = (f"{name}.html", f"{name}.css", "shared.js", f"{name}.js")
    html, css, shared, js = ((assets.COMPONENTS / file).read_text(encoding="utf-8") for file in files)
    return st.components.v2.component(
        f"senet_viz_{name}", html=html, css=css, js=f"{shared}\n{js}", isolate_styles=isolated
    )


def window() -> None:
    """Learn how wide the page is where it is narrow, and let its menu close: see ``assets/components/window.js``.

    A wide page tells nothing, so it is drawn once; a phone's is drawn again as soon as its width is known.
    """
    from senet_viz.drawing.screen import SLIM

    width = st.session_state.get("_width", 0)
    component("window")(
        key="window", data={"width": width, "slim": SLIM}, default={"width": 0}, on_width_change=_measured
    )
    st.html(assets.COMPONENTS / "narrow.css")


def _measured() -> None:
    st.session_state["_width"] = int(st.session_state["window"]["width"])


def _room(narrow: bool) -> float:
    """Width in px that a figure is laid out for; ``narrow``: in a column, of which a phone has only one."""
    from senet_viz.drawing.screen import NOMINAL

    return float(st.session_state.get("_width") or (COLUMN if narrow else NOMINAL))


def latex(tex: str) -> None:
    """A formula; on a narrow page its aligned lines stand apart, and each breaks where it does not fit."""
    if not st.session_state.get("_width"):
        st.latex(tex)
        return
    for line in formulas.apart(tex):
        st.latex(line)


def _data_url(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")


def title(text: str) -> None:
    """Write the one heading of the first level that a page has."""
    st.session_state[_SECTION] = False
    st.title(text, anchor=False)


def section(text: str) -> None:
    """Write the heading of a part of the page, which is of the second level."""
    st.session_state[_SECTION] = True
    st.header(text, anchor=False)


def heading(text: str, section: bool = False) -> str:
    """Return a heading as Markdown: of a part of the page, or of a figure within the part that was begun last.

    A figure before the first part is of the second level too, so that no level is left out.
    """
    if section:
        st.session_state[_SECTION] = True
    level = 2 if section or not st.session_state.get(_SECTION) else 3
    return f"{'#' * level} {text}"


def pick(key: str, options: dict[Any, str], label: str, default: Any = None) -> Any:
    """A row of choices whose value is shared through the URL; returns the chosen option."""
    state.keep(key, options, next(iter(options)) if default is None else default)
    return st.segmented_control(
        label, list(options), format_func=options.__getitem__, key=key, required=True, persist_state="session"
    )


def choose(key: str, options: dict[Any, str], label: str, default: Any = None) -> Any:
    """The same as a list that opens, for many options."""
    state.keep(key, options, next(iter(options)) if default is None else default)
    return st.selectbox(label, list(options), format_func=options.__getitem__, key=key, persist_state="session")


def target(view: Scene) -> int:
    """The class that a page speaks of, the likeliest first; by default the network's own answer, photo by photo."""
    t, names = view.t, view.seen.classes
    first = np.argsort(-view.seen.shares, kind="stable")
    options = {"own": t("lab.target.own", name=names[first[0]])} | {str(int(c)): names[c] for c in first}
    chosen = choose("target", options, t("lab.target"))
    return int(first[0]) if chosen == "own" else int(chosen)


def _picked(key: str, blocks: Sequence[str], then: Then | None) -> None:
    """Take what was picked: the last channel is pinned, its row is the block; ``then`` follows every click in turn.

    The value holds all clicks that the browser does not know to be taken, numbered from 1 within one life (``mount``)
    of the board. Streamlit ends a callback at any access to the session's state once another rerun waits. So a click is
    noted as taken at once after the last thing that it changes, with no access between: what was ended earlier comes
    again with the next click.
    """
    value = st.session_state[f"board-{key}"].get("picked")
    if not value:
        return
    taken = st.session_state.setdefault(_TAKEN, {})
    mount, last = taken.get(key, ("", 0))
    for click in value["clicks"]:
        if value["mount"] == mount and click["n"] <= last:
            continue
        row, channel = int(click["row"]), int(click["channel"])
        st.session_state["channel"] = channel
        if blocks:
            st.session_state["block"] = blocks[row]
        if then is not None and click["click"]:
            then(blocks[row] if blocks else None, channel)
        taken[key] = (value["mount"], click["n"])


def board(data: dict[str, Any], key: str, blocks: Sequence[str] = (), then: Then | None = None) -> None:
    """Mount a board: see ``assets/components/board.js``.

    Args:
        blocks: where a click on a row leads; () where all rows belong to the block on screen.
        then: called with the block (None: the one on screen) and the channel of every cell that was clicked, before
            the rerun; arrow keys move the pin and click nothing. Its last access to the session's state is the one
            that changes it: see ``_picked``.
    """
    whole = {"key": key, "blocks": list(blocks), "place": i18n.text("board.place", state.language(), i="{i}", n="{n}")}
    picked = partial(_picked, key, blocks, then)
    component("board")(key=f"board-{key}", data={**whole, **data}, on_picked_change=picked)


def atlas(
    view: Scene,
    maps: Callable[[], np.ndarray],
    scale: Scale,
    order: np.ndarray,
    key: str,
    alt: str,
    budget: int = 120_000,
    mark: Hashable = (),
    then: Then | None = None,
) -> atlases.Atlas:
    """All feature maps as one board; returns what was drawn.

    Args:
        maps: gives the (C, H, W); called only where they were not drawn before.
        mark: names what ``maps`` are besides the scene, for the cache.
        then: see ``board``.
    """
    drawn: atlases.Atlas = view.drawn(
        lambda: atlases.build(maps(), scale, order.tolist(), budget=budget),
        "atlas",
        mark,
        scale,
        order.tobytes(),
        budget,
    )
    values = {"z": view.z, **{view.symbol(m): gate for m, gate in enumerate(view.gate)}}
    data = {
        "mode": "grid",
        "src": _data_url(drawn.png),
        "width": drawn.size[0],
        "height": drawn.size[1],
        "columns": drawn.columns,
        "cell_w": drawn.cell_w,
        "cell_h": drawn.cell_h,
        "gap": drawn.gap,
        "order": list(drawn.order),
        "values": {name: packed(each) for name, each in values.items()},
        "noun": view.t("channel.noun"),
        "alt": alt,
        "legends": [_legend(scale)],
    }
    board(data, key, then=then)
    return drawn


def packed(values: np.ndarray, short: bool = False) -> dict[str, str]:
    """(C,) as bytes in base64, a third of the same numbers as text.

    Args:
        short: 16 bits instead of float32 for numbers that all lie within 0 to 1; none moves by more than 0.8e-5.
    """
    if short and values.min() >= 0 and values.max() <= 1:
        kind, raw = "u2", np.rint(values * 65535).astype("<u2")
    else:
        kind, raw = "f4", values.astype("<f4")
    return {kind: base64.b64encode(raw.tobytes()).decode("ascii")}


def rows(
    view: Scene,
    lines: Sequence[tuple[str, np.ndarray, Scale]],
    key: str,
    alt: str,
    blocks: Sequence[str] = (),
    descending: bool = False,
    width: int = 512,
    then: Then | None = None,
    order: np.ndarray | None = None,
    mark: Hashable = (),
) -> None:
    """Rows of numbers as colours, one row a quantity or a block, all as wide as the board.

    Args:
        lines: label, values (C,) and scale of every row.
        blocks: see ``board``.
        descending: each row sorted, greatest first; the browser sorts the same way.
        then: see ``board``.
        order: of the channels in every row instead.
        mark: names what the lines are besides the scene, for the cache.
    """

    def paint() -> bytes:
        from PIL import Image

        strips = []
        for _, values, scale in lines:
            shown = values[order] if order is not None else np.sort(values)[::-1] if descending else values
            strips.append(scale.paint(shown[np.arange(width) * len(shown) // width]))
        out = io.BytesIO()
        gap = np.full((len(strips), 1, width, 3), 128, np.uint8)
        sheet = np.concatenate([np.repeat(np.stack(strips)[:, None], 7, axis=1), gap], axis=1)
        colours, which = np.unique(sheet.reshape(-1, 3), axis=0, return_inverse=True)
        if len(colours) <= 256:  # a palette says the same in a third of the bytes
            image = Image.fromarray(which.reshape(-1, width).astype(np.uint8))
            image.putpalette(colours.tobytes())
        else:
            image = Image.fromarray(sheet.reshape(-1, width, 3))
        image.save(out, "PNG")
        return out.getvalue()

    png = view.drawn(paint, "rows", key, mark, descending, *(scale for _, _, scale in lines))
    data = {
        "mode": "rows",
        "src": _data_url(png),
        "width": width,
        "height": 8 * len(lines),
        "legends": [_legend(scale) for scale in dict.fromkeys(scale for _, _, scale in lines)],
        "noun": view.t("channel.noun"),
        "alt": alt,
        "rows": [
            {
                "label": label,
                "sorted": descending,
                "values": {scale.name: packed(values, short=len(lines) > 4)},
                **({} if order is None else {"order": order.tolist()}),
            }
            for label, values, scale in lines
        ],
    }
    board(data, key, blocks, then)


@lru_cache(maxsize=256)
def _legend(scale: Scale) -> dict[str, Any]:
    """What a board's colours mean: a ramp with its ends and marks."""
    from PIL import Image

    from senet_viz.drawing.text import number

    out = io.BytesIO()
    Image.fromarray(scale.paint(np.linspace(scale.low, scale.high, 128))[None]).save(out, "PNG")
    span = scale.high - scale.low
    ticks = [{"at": (value - scale.low) / span, "text": number(value)} for value in scale.ticks]
    return {"name": scale.name, "src": _data_url(out.getvalue()), "ticks": ticks}


def figure(
    view: Scene,
    build: Callable[[Texts], Figure],
    *key: Hashable,
    narrow: bool = False,
    picked: Callable[[float, float], None] | None = None,
    untrained: bool | None = None,
    shows: str | None = None,
) -> None:
    """Draw a figure with its title, its alt text and its export; ``narrow``: in a column of a page.

    Args:
        untrained, shows: see ``exports``.
        picked: called with the (x, y) of a dot that was clicked, before the page is drawn again.
    """
    from senet_viz.drawing.screen import spec, typed

    drawn: Figure = view.drawn(lambda: build(view.t), "figure", view.lang, *key)
    titled(view, heading(plain(drawn.title)), build, drawn.key, key, narrow, untrained, shows)
    # the page writes the title itself, beside the export
    room = _room(narrow)
    chart = view.drawn(
        lambda: typed(spec(replace(drawn, title=""), view.dark, room)), "plotly", room, view.lang, view.dark, *key
    )
    # maps keep their shape: on a wide screen they would only drift apart
    width: Literal["stretch"] | int = 1000 if all(panel.aspect for panel in drawn.panels) else "stretch"
    name = f"chart-{drawn.key}"
    if picked:  # a click marks nothing by itself: the pin does
        unfaded = [trace | {"unselected": {"marker": {"opacity": 1}}} for trace in chart["data"]]
        chart = chart | {"data": unfaded}
    st.plotly_chart(
        _ready(chart),
        width=width,
        theme=None,
        key=name,
        alt=drawn.alt,
        config={"displayModeBar": False},
        on_select=partial(_clicked, name, picked) if picked else "ignore",
        selection_mode="points",
    )
    if drawn.note:
        st.caption(drawn.note)


def plain(text: str) -> str:
    """Text that Markdown shows as it is: names of folders are what people typed."""
    return re.sub(r"([\\`*_\[\]<>$~|&#])", r"\\\1", text)


def _clicked(key: str, picked: Callable[[float, float], None]) -> None:
    points = st.session_state[key]["selection"]["points"]
    if points:
        picked(float(points[0]["x"]), float(points[0]["y"]))


def _ready(spec: dict[str, Any]) -> Any:
    """A plotly figure that is taken as it is: checking every property again would cost 6 ms a figure and rerun.

    ``tests/test_figures.py`` checks the same specs with plotly's own validators.
    """
    from plotly.basedatatypes import BaseFigure

    class Ready(BaseFigure):
        def __init__(self) -> None:  # BaseFigure's would validate
            pass

        def to_dict(self) -> dict[str, Any]:
            return spec

    return Ready()


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
    """A title (Markdown) with the export of what stands below it; ``narrow``: in a column of a page.

    Args:
        untrained, shows: see ``exports``.
    """
    left, right = st.columns([1, 1] if narrow else [4, 1], vertical_alignment="bottom")
    left.markdown(title)
    with right:
        exports(view, build, name, key, untrained, shows)


def exports(
    view: Scene,
    build: Callable[[Texts], Figure],
    name: str,
    key: Hashable,
    untrained: bool | None = None,
    shows: str | None = None,
) -> None:
    """One click to a slide: PNG, SVG, PDF or CSV, drawn only when asked for.

    Args:
        untrained: its numbers come from random weights: slide and file say so. None: where the scene's are random.
        shows: which words of "model block photo" a slide must name. None: all, unless ``untrained`` says that the
            figure is not of the scene's network, and then none.
    """
    from hashlib import sha256

    if shows is None:
        shows = "model block photo" if untrained is None else ""
    model, block, photo = view.spec.title, view.name, "" if view.photo.startswith("up-") else view.photo
    named = {k: v for k, v in (("model", model), ("block", block), ("photo", photo)) if k in shows.split()}
    t, blank = view.t, not view.trained if untrained is None else untrained
    what = sha256(repr((view.key, view.lang, key)).encode()).hexdigest()[:8]
    link = state.link()
    stem = f"{name}-untrained-{what}" if blank else f"{name}-{what}"
    with st.popover(t("export.label"), icon=":material/download:", help=t("export.help"), type="tertiary"):
        dark = st.toggle(t("export.dark"), value=view.dark, key=f"dark-{name}")
        for kind in ("png", "svg", "pdf", "csv"):
            st.download_button(
                kind.upper(),
                data=partial(_slide, build, kind, view.lang, dark, blank, named, link),
                on_click="ignore",
                file_name=f"{stem}{'-dark' if dark and kind != 'csv' else ''}.{kind}",
                mime=_MIME[kind],
                key=f"{kind}-{name}",
                width="stretch",
            )
        if view.lang != "en" and not _covered(view.lang):
            st.caption(t("export.nofont"))


_MIME = {"png": "image/png", "svg": "image/svg+xml", "pdf": "application/pdf", "csv": "text/csv"}


def _slide(
    build: Callable[[Texts], Figure],
    kind: str,
    lang: str,
    dark: bool,
    untrained: bool,
    named: Mapping[str, str],
    link: str,
) -> bytes:
    from senet_viz.drawing import slides
    from senet_viz.photos import samples

    def drawn(wanted: str) -> Figure:
        t = i18n.texts(wanted)
        made = replace(build(t), source=samples.source(t, **named), link=link)
        return made.marked(t("model.untrained")) if untrained else made

    return slides.render(drawn, kind, lang, dark).data


@st.cache_resource(show_spinner=False)
def _covered(lang: str) -> bool:
    from senet_viz.drawing import slides

    return slides.font_for("".join(i18n.table(lang).values())) is not None


def badge(view: Scene) -> None:
    """The truth badge: the page's arithmetic against the model's, and whether every block ran."""
    t, replay = view.t, view.replay
    if view.trace.silent:
        st.badge(t("badge.silent", names=", ".join(view.trace.silent)), icon=":material/error:", color="red")
        return
    name = replay.weakest
    off, limit = small(replay.differences[name]), small(replay.limits[name])
    values = {"what": t(f"badge.{name}"), "off": off, "limit": limit, "blocks": len(view.blocks)}
    why = t("badge.help", least=small(TOLERANCE))
    if replay.holds:
        st.badge(t("badge.true", **values), icon=":material/verified:", color="green", help=why)
    else:
        st.badge(t("badge.false", **values), icon=":material/error:", color="red", help=why)


def small(value: float) -> str:
    """A difference as people write it: 1.2 × 10⁻⁷, and 0.0123 from a thousandth on."""
    if not 0 < abs(value) < 1e-3:
        return f"{value:.4f}" if np.isfinite(value) and value else f"{value:g}"
    digits, power = f"{value:.1e}".split("e")
    return f"{digits.removesuffix('.0')} × 10{str(int(power)).translate(str.maketrans('-0123456789', '⁻⁰¹²³⁴⁵⁶⁷⁸⁹'))}"


_SOURCES: dict[Callable[..., Any] | type, str] = {}
_READING = Lock()


def source(function: Callable[..., Any] | type) -> str:
    """Return a function's or a class's source, which is read once, by one thread at a time.

    ``inspect`` parses a whole module to find a class in it, and Python 3.11's parser fails in threads that do so at
    the same time: "AST constructor recursion depth mismatch".
    """
    with _READING:
        if function not in _SOURCES:
            _SOURCES[function] = inspect.getsource(function)
        return _SOURCES[function]


def code(view: Scene, *functions: Callable[..., Any] | type) -> None:
    """The source of what made this page."""
    with st.expander(view.t("code.label"), icon=":material/code:"):
        for function in functions:
            st.code(source(function), language="python")


def pin(view: Scene, scale: int | None = None) -> None:
    """Tell every board of the page what is pinned, and which clicks were taken; ``scale``: where a scrubber begins."""
    taken = st.session_state.get(_TAKEN, {})
    component("pin")(
        key="pin", data={"channel": view.channel, "block": view.name, "scale": scale, "taken": dict(taken)}
    )


def header(view: Scene) -> None:
    """Photo, gates and answer: what every page of the walk has on top; and the pin, for every board below."""
    pin(view)
    t = view.t
    left, middle, right = st.columns([1, 3, 2], vertical_alignment="center")
    left.image(
        view.drawn(lambda: _thumbnail(view.picture.shown), "shown"),
        width=150,
        alt=t("header.photo", size=view.picture.shown.shape[0]),
    )
    with middle:
        z_scale = Scale.span("z", view.z)
        gates = [(view.symbol(m), gate, Scale.gate(t("gate.name"))) for m, gate in enumerate(view.gate)]
        c, h, w = view.fused.shape
        st.markdown(t("header.block", name=short(view.name), c=c, h=h, w=w, model=view.spec.title))
        rows(view, [("z", view.z, z_scale), *gates], "header", t("header.alt"))
    with right:
        scores = [{"label": name, "share": p, "text": f"{p:.1%}"} for name, p in view.top()]
        said = ", ".join(f"{s['label']} {s['text']}" for s in scores)
        component("scores")(key="scores", data={"scores": scores, "alt": t("header.scores", scores=said)})
        if not view.trained:
            st.badge(t("model.untrained"), icon=":material/warning:", color="red")
        elif not models.off_list(view.seen, view.photo):
            st.caption(t("header.knows", n=len(view.trace.logits)))


def address(page: st.Page) -> None:
    """Tell the browser what the address of this page is, and in which language it speaks.

    ``st.query_params`` would push an entry of its own for every change: Back would need two presses a page.
    """
    tongue = {"zh": "zh-CN"}.get(lang := st.session_state["lang"], lang)
    component("frame", isolated=False)(
        key="frame", data={"page": page.url_path, "query": state.query(), "lang": tongue, "words": _words(lang)}
    )


def _words(lang: str) -> list[dict[str, object]]:
    """Gives Streamlit's own words in every language, and now in this one; the English texts are what it writes."""
    start = "streamlit."
    names = [key.removeprefix(start) for key in i18n.table(i18n.DEFAULT) if key.startswith(start)]
    said = [{each: i18n.text(f"streamlit.{name}", each) for each in i18n.LANGUAGES} for name in names]
    return [{"now": each[lang], "all": [*each.values()]} for each in said]


def neighbours(page: st.Page, pages: Sequence[st.Page]) -> None:
    """The way back and the way on: the pages are a walk."""
    here = [each.url_path for each in pages].index(page.url_path)
    back, on = st.columns(2)
    if here > 0:
        back.page_link(pages[here - 1], icon=":material/arrow_back:")
    if here + 1 < len(pages):
        on.page_link(pages[here + 1], icon=":material/arrow_forward:", icon_position="right")


def _thumbnail(shown: np.ndarray) -> str:
    """The photo as a data URL, which Streamlit sends as it is; small pixels as copies, so that nothing is smoothed."""
    from senet_viz.drawing.screen import photo_url

    times = max(1, 300 // shown.shape[0])
    return photo_url(shown.repeat(times, axis=0).repeat(times, axis=1), exact=times > 1)
