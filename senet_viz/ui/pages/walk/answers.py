"""What the network answers with other gates in one block: asked by the stage over HTTP, without a rerun.

``GET /answers?model=…&weights=…&device=…&photo=…&block=…&lang=…&gate=ones`` or ``&gate=24``: all gates of
the block 1, or channel 24 closed. The reply is a list of ``{"label", "share", "listed"}``, the likeliest classes first;
``listed`` is false where the network's own score says with these gates that the photo is of none of its classes, and
null where it has no such score.
"""

from http import HTTPStatus
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from senet_viz import i18n
from senet_viz.errors import Busy, SenetVizError
from senet_viz.models import catalogue, weight_files
from senet_viz.photos import samples
from senet_viz.service.questions import BlocksQuestion
from senet_viz.ui import shown, state
from senet_viz.ui.pages.walk.stage import answer
from senet_viz.ui.scene import Scene


class Refused(Exception):
    """A question comes from elsewhere, or makes no sense; the first argument is the status of the reply."""


def ours(request: HTTPConnection) -> bool:
    """Return whether a page of this very server asks: Starlette's own routes check nothing."""
    origin = request.headers.get("origin")
    here = origin is None or urlsplit(origin).netloc == request.headers.get("host")
    return here and request.headers.get("sec-fetch-site", "same-origin") == "same-origin"


def looked_at(request: Request) -> Scene:
    """Return the block and the photo that a request asks about; a network that would have to be fetched is not one.

    Raises:
        Refused: it comes from elsewhere, or there is no such thing.
        SenetVizError: the network cannot be had.
    """
    asked = request.query_params
    key, weights, photo, name, lang = (asked.get(each, "") for each in ("model", "weights", "photo", "block", "lang"))
    if not ours(request):
        raise Refused(HTTPStatus.FORBIDDEN)
    there = photo in {sample.key for sample in samples.SAMPLES} or state.uploads().peek(photo) is not None
    if weights not in ("pretrained", "random") or not there or lang not in i18n.LANGUAGES:
        raise Refused(HTTPStatus.NOT_FOUND)
    row, device, dark = catalogue.spec(key), state.device(asked.get("device", "auto")), asked.get("dark") == "1"
    if weights == "pretrained" and weight_files.available(key) == "download":
        raise Refused(HTTPStatus.NOT_FOUND)
    if name not in state.engine().ask(BlocksQuestion(key, device=device, weights=weights)):
        raise Refused(HTTPStatus.NOT_FOUND)
    seen = (photo, shown.photo(photo), shown.picture_of(photo, row))
    channel = asked.get("channel", "")
    pinned = int(channel) if channel.isdecimal() and len(channel) < 6 else 0
    return shown.clamped(shown.looking(lang, dark, row, weights, device, seen, name, pinned))


def _answer(request: Request) -> JSONResponse:
    """Answer one question; a plain function, which Starlette runs in a thread of its own."""
    gate = request.query_params.get("gate", "")
    try:
        view = looked_at(request)
        if gate != "ones" and gate not in map(str, range(view.block.channels)):
            raise Refused(HTTPStatus.NOT_FOUND)
        return JSONResponse(answer(view, gate))
    except Refused as refused:
        return JSONResponse({"error": "refused"}, refused.args[0])
    except SenetVizError as error:
        return JSONResponse({"error": error.code}, 503 if isinstance(error, Busy) else 404)


answers = Route("/answers", _answer)
