"""The stage over HTTP: its script, its numbers, and the first picture, which is there before Streamlit has begun.

``GET /stage.js?v=…`` is the script and ``GET /stage?…&v=…`` the numbers of one block, with what ``stage.named`` says; a
browser keeps both. ``GET /`` is Streamlit's page, and in it, where the address asks for what somebody has seen already,
the stage itself: the same script draws it from the same numbers, and it makes way for the stage of the page.
"""

import html
import json
from collections.abc import Hashable
from contextlib import suppress
from functools import cache
from pathlib import Path
from string import Template

import streamlit as st
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route
from streamlit.file_util import get_static_dir

from senet_viz import assets, i18n
from senet_viz.errors import Busy, SenetVizError
from senet_viz.figures.walk import block as figure
from senet_viz.models import catalogue
from senet_viz.photos import samples
from senet_viz.service.cache import Shared
from senet_viz.ui import shown, state
from senet_viz.ui.elements import truth
from senet_viz.ui.elements.components import whole_script
from senet_viz.ui.pages.walk import answers, stage
from senet_viz.ui.scene import Scene

FOLDER = assets.COMPONENTS / "stage"
HEAD, BODY = "<head>", "<body>"  # of Streamlit's page: what the picture needs is asked for first of all
NEEDS = '<link rel="modulepreload" href="$script"><link rel="preload" as="fetch" crossorigin href="$at">'
KEPT = {"Cache-Control": "private, immutable, max-age=31536000"}
PLAIN = {"Content-Encoding": "identity"}  # the maps are packed already
KNOWN = {*state.SHARED, *stage.OWN}  # of an address that says more, the picture would not be the whole truth
_SEEN: Shared[tuple[str, str]] = Shared(400)  # what stands in the page's head and body, by what an address says


def seen(view: Scene) -> None:
    """Keep the picture of the block on screen for who comes next, if it is a sample's and all that is checked holds."""
    checked = truth.holds(view)
    if view.photo not in {sample.key for sample in samples.SAMPLES} or not view.trained or not checked:
        return
    begins = view.name == shown.telling(view.trace, view.trained)
    for block in (view.name, "") if begins else (view.name,):
        _SEEN.get(_key(view, block), lambda: _drawn(view, checked))


def default_picture() -> None:
    """Make the picture of who asks for nothing, in every language."""
    row, photo = catalogue.spec(catalogue.DEFAULT), samples.SAMPLES[0].key
    met = (photo, shown.photo(photo), shown.picture_of(photo, row))
    with suppress(SenetVizError):  # its page says so, and so does the log
        for lang in i18n.LANGUAGES:
            seen(shown.looking(lang, False, row, "pretrained", state.device(), met, None, 0))


def _key(view: Scene, block: str) -> Hashable:
    return (view.spec.key, view.weights, view.device, view.photo, block, view.lang)


def _asked(request: Request, heard: str) -> Hashable:
    asked = request.query_params
    lang, device = asked.get("lang", ""), asked.get("device", "auto")
    return (
        asked.get("model", catalogue.DEFAULT), asked.get("weights", "pretrained"),
        state.device() if device == "auto" else device, asked.get("photo", samples.SAMPLES[0].key),
        asked.get("block", ""), lang if lang in i18n.LANGUAGES else i18n.preferred(heard),
    )  # fmt: skip


def _drawn(view: Scene, checked: str) -> tuple[str, str]:
    """Return what is put into Streamlit's page; the language that the browser asks for is left open."""
    css, own, js = ((FOLDER / name).read_text(encoding="utf-8") for name in ("stage.css", "stage.html", "first.js"))
    told = {
        "size": str(st.get_option("theme.baseFontSize")), "lang": i18n.tag(view.lang), "script": stage.SCRIPT,
        "at": stage.packed(view)[1], "title": view.t("walk.block.title"), "checked": checked,
        "colours": json.dumps([figure.colours(dark) for dark in (False, True)]),
    }  # fmt: skip
    values = {name: html.escape(value) for name, value in told.items()} | {"css": css, "html": own, "js": js}
    body = (FOLDER / "first.html").read_text(encoding="utf-8")
    return Template(NEEDS).substitute(values), Template(body).safe_substitute(values)


@cache
def _page() -> str:
    return (Path(get_static_dir()) / "index.html").read_text(encoding="utf-8")


async def _first(request: Request) -> HTMLResponse:
    """Return Streamlit's page, with the picture in it where there is one; nothing is computed for it."""
    heard = request.headers.get("accept-language", "").partition(",")[0].partition(";")[0].strip()
    picture = _SEEN.peek(_asked(request, heard)) if set(request.query_params) <= KNOWN else None
    page = _page()
    if picture:
        head, body = picture
        page = page.replace(HEAD, HEAD + head, 1).replace(BODY, BODY + body.replace("$heard", html.escape(heard)), 1)
    return HTMLResponse(page, headers={"Cache-Control": "no-cache"})


async def _script(request: Request) -> Response:
    return Response(whole_script(stage.KEY), media_type="text/javascript", headers=KEPT)


def _numbers(request: Request) -> Response:
    """Return the numbers of one block; a plain function, which Starlette runs in a thread of its own."""
    try:
        view = answers.looked_at(request)
        data, at = stage.packed(view)
    except answers.Refused as refused:
        return PlainTextResponse("refused", refused.args[0])
    except SenetVizError as error:
        return PlainTextResponse(error.code, 503 if isinstance(error, Busy) else 404)
    same = at.endswith(f"&v={request.query_params.get('v')}") and not view.photo.startswith("up-")
    kept = KEPT if same else {"Cache-Control": "no-store"}
    return Response(data, media_type="application/octet-stream", headers=kept | PLAIN)


routes = (Route("/", _first), Route("/stage.js", _script), Route("/stage", _numbers))
