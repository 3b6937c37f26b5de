"""What a teacher would want to share lives in the URL, under names that no language changes.

Streamlit's own ``bind="query-params"`` writes a widget's *label* into the URL, and labels here are translated. One file
for what a session keeps and what all sessions share: whoever asks where something is kept looks here alone.
"""

import asyncio
import logging
import os
import re
import secrets
import socket
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from pathlib import Path
from time import sleep
from typing import Any
from urllib.parse import urlencode

import streamlit as st
from starlette.formparsers import MultiPartParser
from streamlit.delta_generator import DeltaGenerator
from streamlit.runtime.scriptrunner import get_script_run_ctx

from senet_viz import i18n
from senet_viz.drawing.grammar import Figure
from senet_viz.errors import WeightsInvalid
from senet_viz.models import devices
from senet_viz.service import garbage
from senet_viz.service.cache import Once, Shared
from senet_viz.service.engine import NOBODY, Engine, Seat
from senet_viz.service.local import LocalEngine
from senet_viz.service.questions import TraceQuestion, mib
from senet_viz.service.remote.engine import RayEngine
from senet_viz.service.rooms import Rooms
from senet_viz.ui.own.uploads import Uploads

_log = logging.getLogger("senet_viz")
SHARED = ("photo", "model", "weights", "block", "channel", "device", "lang")
ROOMS = "SENET_VIZ_CLASS"  # the environment's variable: see ``Rooms``
ENGINE = "SENET_VIZ_ENGINE"  # likewise: ray://host:port, or nothing: see ``RayEngine``
OWN_KEY = re.compile(r"[a-z]\w{0,15}", re.ASCII)  # how a page may call a choice
LATE = "_late"  # in the session: what a page told as it was left may come when the next one is there
HEAD_START_S = 0.2  # as long as a browser takes for the place of the stage; the rest of its page takes as long again
MOST, LONGEST = 99, 16_384  # values of choices in an address, and characters of each


@Once
def engine() -> Engine:
    """Return the engine that all sessions share: this process's, or that of ``SENET_VIZ_ENGINE``."""
    address = os.environ.get(ENGINE, "")
    return RayEngine(address) if address else LocalEngine()


def device(asked: str = "auto") -> str:
    """Return the device that is meant, of those where networks run: see ``devices.resolve``."""
    return devices.resolve(asked, engine().devices())


@Once
def drawings() -> Shared[Any]:
    """Keep atlases, painted rows and figures that were drawn before, for all sessions: the newest 400, or 400 MiB."""
    return Shared(400, lambda made: max(1.0, made.mib if isinstance(made, Figure) else mib(made)))


@Once
def rooms() -> Rooms:
    """Keep the rooms of a class, which there are where the server was started for one: ``make serve``."""
    return Rooms(os.environ.get(ROOMS, ""))


@Once
def uploads() -> Uploads:
    """Keep uploaded pictures of all sessions."""
    return Uploads()


def who() -> str:
    """Return a name for this session that no other can guess."""
    return str(st.session_state.setdefault("_who", secrets.token_hex(8)))


def seat() -> Seat:
    """Return who asks the engine: this tab, which may be closed or want something else by now; else nobody."""
    if get_script_run_ctx(suppress_warning=True) is None:
        return NOBODY
    return Seat(who(), lambda: st.session_state.get("_who"))  # any access ends a run that is not wanted any more


@Once
def photo_sets() -> Shared[Any]:
    """Keep sets of photos that were uploaded, of all sessions: the newest 400 MiB of pixels."""
    return Shared(400, lambda found: found.mib)


@Once
def prices() -> Shared[Any]:
    """Keep what networks cost, and times that were measured: a few kilobytes each."""
    return Shared(256)


@Once
def preferences() -> Shared[Any]:
    """Keep which kernel every SK unit prefers, photo by photo: a few hundred bytes each."""
    return Shared(8192)


@Once
def slides() -> Shared[Figure]:
    """Keep figures that were put aside for decks, of all sessions: 256 MiB of their arrays and rows."""
    return Shared(256, lambda figure: figure.mib)


def warm(
    menu: Callable[[], object], first: Callable[[], object]
) -> Callable[[st.App], AbstractAsyncContextManager[None]]:
    """Return what a server does before it says that it is healthy: import, load the default model, run it once.

    Args:
        menu: declares the pages. Streamlit takes the folder ``pages`` for its old kind of pages until the first
            ``st.navigation``, and would answer the first deep link with "Page not found".
        first: makes what the first visitor sees first.
    """

    @asynccontextmanager
    async def lifespan(app: st.App) -> AsyncIterator[None]:
        with unseen():
            menu()
        in_memory()
        at_once()
        await asyncio.to_thread(_first_picture)
        with unseen():
            await asyncio.to_thread(first)
        tidy = asyncio.create_task(garbage.tidy())
        yield
        tidy.cancel()

    return lifespan


@contextmanager
def unseen() -> Iterator[None]:
    """Let the app run where nobody is looking, and Streamlit not warn of it."""
    log = logging.getLogger("streamlit.runtime.scriptrunner_utils.script_run_context")
    before, log.disabled = log.disabled, True  # its level is Streamlit's own to set, as it does while it starts
    try:
        yield
    finally:
        log.disabled = before


def in_memory() -> None:
    """Keep uploads out of temporary files, where Starlette puts what is larger than a megabyte."""
    MultiPartParser.spool_max_size = (1 + st.get_option("server.maxUploadSize")) * 2**20


def at_once() -> None:
    """Send small messages at once, on every connection that comes: a socket that is accepted takes after its listener.

    Streamlit opens its socket without naming TCP as its protocol, and asyncio leaves such a one as it is: a message
    waits until the browser has acknowledged the one before, up to 40 ms each time. Without ``/dev/fd`` it stays so.
    """
    files = Path("/dev/fd")
    for file in tuple(files.iterdir()) if files.is_dir() else ():
        with (
            suppress(OSError),
            socket.socket(fileno=os.dup(int(file.name))) as found,
        ):  # most are files, or closed by now
            if found.type == socket.SOCK_STREAM and found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _first_picture() -> None:
    from senet_viz.models import catalogue, weight_files
    from senet_viz.photos import preprocess, samples

    for fault in (weight_files.missing_folder(), *weight_files.damaged()):
        if fault is not None:
            _log.warning("%s", fault)
    chosen = device()
    picture = preprocess.preprocess(samples.sample(samples.SAMPLES[0].key), catalogue.spec(catalogue.DEFAULT))
    try:
        engine().ask(TraceQuestion(catalogue.DEFAULT, picture, device=chosen))
    except WeightsInvalid:  # logged above; its page says so too
        engine().ask(TraceQuestion(catalogue.DEFAULT, picture, device=chosen, weights="random"))


def language() -> str:
    """Return the reader's language before the widget that switches it is drawn."""
    asked = st.session_state.get("lang") or st.query_params.get("lang")
    return asked if asked in i18n.LANGUAGES else i18n.preferred(st.context.locale)


def read_url() -> None:
    """Take what the URL says as the session's state, once. What makes no sense is ignored where it is used.

    What no page has asked for yet waits: see ``asked``.
    """
    s = st.session_state
    if "_waiting" in s:
        return
    waiting = take(st.query_params)
    if s.get("lang") not in i18n.LANGUAGES:
        s["lang"] = i18n.preferred(st.context.locale)
    s["_waiting"] = waiting  # last: a rerun that waits may end this at any access


def take(said: Mapping[str, str]) -> dict[str, str]:
    """Take what an address says into the session; returns what waits until a page asks for it, see ``asked``."""
    s, known = st.session_state, {k: raw for k, raw in said.items() if OWN_KEY.fullmatch(k) and len(raw) <= LONGEST}
    for key in SHARED:
        raw = known.pop(key, None)
        if raw is not None and key != "channel":
            s[key] = raw
        elif raw is not None and raw.isdecimal() and len(raw) < 6:
            s[key] = int(raw)
    waiting = dict(list(known.items())[:MOST])
    if "_waiting" in s:
        s["_waiting"] |= waiting
    return waiting


def asked(key: str) -> Any:
    """Put this key of the session into the address from now on, and return its value, None where it has none.

    What the address said when the session began is its first value. Until a page asks for it, it stays in the address
    as it came, and in no widget's reach.
    """
    s = st.session_state
    s.setdefault("_choices", {})[key] = None
    waiting = s.get("_waiting", {})
    if key in waiting:
        s[key] = waiting[key]
        del waiting[key]  # not before: a rerun that waits may end this at any access
    return s.get(key)


def forget(keys: Iterable[str]) -> None:
    """Take these choices back, whether a page has asked for them or not."""
    for key in keys:
        asked(key)
        st.session_state.pop(key, None)


def query() -> str:
    """Return what the address says after its ``?``: all that a teacher would want to share, uploads apart."""
    s = st.session_state
    keys = [*SHARED, *sorted(s.get("_choices", {}).keys() - {*SHARED})]
    values = {key: str(s[key]) for key in keys if s.get(key) is not None} | s.get("_waiting", {})
    return urlencode({key: value for key, value in values.items() if not value.startswith("up-")})


def link() -> str:
    """Return the address that shows this page in this state to anybody; "" where a photo of one's own is in it."""
    here = st.context.url
    own = str(st.session_state.get("photo", "")).startswith("up-")
    return f"{here}?{query()}" if here and not own else ""


def arrive(page: st.Page, pages: Iterable[st.Page]) -> None:
    """Note, at the start of a rerun, which page it draws, and which there are."""
    state, name = st.session_state, page.url_path
    state["_arrived"], state["_page"] = state.get("_page") != name, name
    state["_pages"] = {each.url_path: each for each in pages}


def places() -> tuple[DeltaGenerator, ...]:
    """Return the sidebar's places, made once a run: for its choices, for the pinned channel, and for the device."""
    s = st.session_state
    if s.get("_places") is None:
        s["_places"] = tuple(st.sidebar.container() for _ in range(3))
    found: tuple[DeltaGenerator, ...] = s["_places"]
    return found


def head_start() -> None:
    """Let the browser of a new visitor draw what it was sent before more comes: it has one thread for everything."""
    if not st.session_state.get("_welcomed"):
        st.session_state["_welcomed"] = True
        sleep(HEAD_START_S)


def settled() -> None:
    """Note that the page has been drawn: from now on its widgets hold their values themselves."""
    st.session_state["_arrived"] = False


def keep(key: str, options: Iterable[Any], default: Any) -> Any:
    """Give a widget of this key, before it is drawn, a value that is one of ``options``; returns the value.

    Streamlit gives the widgets of each page new identities. A value that another page's widget of the same key holds
    is carried over only after the first run of the new page; in that run the new widget answers None, unless the value
    is assigned by hand. Later runs assign nothing: it would take back a click that is still on its way.

    The browser knows a choice by its label. Where labels change, because of another language or because a model's
    weights are here now, the old label names nothing, and the choice would be lost with the next click.

    Args:
        options: the values, or each value with its label.
    """
    state = st.session_state
    value, labels = asked(key), hash(tuple(options.items())) if isinstance(options, Mapping) else None
    known: dict[str, int | None] = state.setdefault("_labels", {})
    if value not in (every := tuple(options)):
        state[key] = next((option for option in every if str(option) == value), default)  # as the address has it
    elif state.get("_arrived", True) or known.get(key, labels) != labels:
        state[key] = value
    known[key] = labels
    return state[key]
