"""The files of the stage over HTTP: the browser alone knows which channel and which step are on screen.

``GET /take/file.html?…`` and ``GET /take/notebook.ipynb?…``, with what ``stage.named`` says and what the address of the
page says of the stage. The reply is a file to be saved.
"""

from collections.abc import Callable, Mapping
from urllib.parse import urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from senet_viz.errors import Busy, SenetVizError
from senet_viz.ui.pages.walk import answers, stage
from senet_viz.ui.scene import Scene
from senet_viz.ui.takeaway.notebook import notebook
from senet_viz.ui.takeaway.one_file import one_file

LONGEST = 16  # characters of a choice on the stage
MAKES: Mapping[str, Callable[[Scene, Mapping[str, str], str], bytes]] = {
    "file.html": one_file,
    "notebook.ipynb": lambda view, chosen, link: notebook(view, link=link),
}


def stem(view: Scene) -> str:
    """Return what files of this block are called."""
    return f"{view.spec.key}-{view.name}"


def query(view: Scene) -> str:
    """Return what the browser asks for a file with, besides what it knows itself."""
    return urlencode(stage.named(view) | {"dark": "1" if view.dark else "0"})


def _take(request: Request) -> Response:
    """Make one file; a plain function, which Starlette runs in a thread of its own."""
    name, asked = request.path_params["name"], request.query_params
    if name not in MAKES:
        return PlainTextResponse("unknown", 404)
    try:
        view = answers.looked_at(request)
        chosen = {key: asked[key] for key in stage.OWN if len(asked.get(key, "")) in range(1, LONGEST)}
        data = MAKES[name](view, chosen, _link(request, view))
    except answers.Refused as refused:
        return PlainTextResponse("refused", refused.args[0])
    except SenetVizError as error:
        return PlainTextResponse(error.code, 503 if isinstance(error, Busy) else 404)
    saved = f"{stem(view)}.{name.rpartition('.')[2]}"
    more = {"Content-Disposition": f'attachment; filename="{saved}"', "X-Content-Type-Options": "nosniff"}
    return Response(data, media_type="application/octet-stream", headers=more)


def _link(request: Request, view: Scene) -> str:
    """Return the address of the page that asks; "" where it is not known, or where a photo of one's own is on it."""
    page = request.headers.get("referer", "")
    where = urlsplit(page)
    ours = where.scheme in ("http", "https") and where.netloc == request.headers.get("host")
    return page if ours and where.query and not view.photo.startswith("up-") else ""


take = Route("/take/{name}", _take)
