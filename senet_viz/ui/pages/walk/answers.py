"""What the network answers with other gates in one block: asked by the stage over HTTP, without a rerun.

``GET /answers?model=…&weights=…&photo=…&block=…&lang=…&gate=ones`` or ``&gate=24``: all gates of the block 1, or
channel 24 closed. The reply is a list of ``{"label", "share"}``, the likeliest classes first.
"""

from dataclasses import replace
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from senet_viz import i18n
from senet_viz.errors import Busy, SenetVizError
from senet_viz.models import catalogue, devices, weight_files
from senet_viz.photos import samples
from senet_viz.service.questions import TraceQuestion
from senet_viz.tap import layouts
from senet_viz.types import Edit
from senet_viz.ui import shown, state
from senet_viz.ui.pages.walk.stage import TOP
from senet_viz.ui.scene import Seen


def ours(request: HTTPConnection) -> bool:
    """Return whether a page of this very server asks: Starlette's own routes check nothing."""
    origin = request.headers.get("origin")
    here = origin is None or urlsplit(origin).netloc == request.headers.get("host")
    return here and request.headers.get("sec-fetch-site", "same-origin") == "same-origin"


def _answer(request: Request) -> JSONResponse:
    """Answer one question; a plain function, which Starlette runs in a thread of its own."""
    asked = request.query_params
    key, weights, photo, name, gate = (asked.get(each, "") for each in ("model", "weights", "photo", "block", "gate"))
    if not ours(request):
        return JSONResponse({"error": "origin"}, 403)
    there = photo in {sample.key for sample in samples.SAMPLES} or state.uploads().peek(photo) is not None
    known = weights in ("pretrained", "random") and there and asked.get("lang") in i18n.LANGUAGES
    try:
        row = catalogue.spec(key)
        if not known or (weights == "pretrained" and weight_files.available(key) in ("download", "missing")):
            return JSONResponse({"error": "unknown"}, 404)
        device = devices.resolve("auto")
        if name not in [ref.name for ref in layouts.find(state.engine().model(key, device, weights))]:
            return JSONResponse({"error": "unknown"}, 404)
        plain = TraceQuestion(key, shown.picture_of(photo, row), keep_u=(name,), device=device, weights=weights)
        channels = {str(c): (c,) for c in range(state.engine().ask(plain).block(name).channels)}
        if gate != "ones" and gate not in channels:
            return JSONResponse({"error": "unknown"}, 404)
        edit = Edit(name, "ones") if gate == "ones" else Edit(name, "mute", channels[gate])
        trace = state.engine().ask(replace(plain, edits=(edit,), keep_u=()))
    except SenetVizError as error:
        return JSONResponse({"error": error.code}, 503 if isinstance(error, Busy) else 404)
    seen = Seen(str(asked["lang"]), row, weights, weight_files.trained(key, weights), trace)
    return JSONResponse([{"label": label, "share": share} for label, share in seen.top(TOP)])


answers = Route("/answers", _answer)
