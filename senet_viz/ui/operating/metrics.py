"""How the server is doing, as numbers: ``GET /metrics`` in the text form of Prometheus (version 0.0.4).

Only programs on the same machine get them, and not through a proxy. With ``SENET_VIZ_METRICS=1`` everybody who reaches
the port does: for a container, whose watcher is elsewhere. docs/operations.md says what to make of them.
"""

import os
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path

from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from streamlit.runtime import get_instance
from streamlit.runtime.stats import ACTIVE_SESSIONS_FAMILY, GaugeStat

from senet_viz.ui import state

METRICS = "SENET_VIZ_METRICS"  # environment variable: 1 shows the numbers to everybody
FORM = "text/plain; version=0.0.4; charset=utf-8"
PROXIED = ("forwarded", "x-forwarded-for", "x-real-ip")  # headers that a proxy adds
PAGES = Path("/proc/self/statm")  # of memory, where the system is Linux
MIB = 2.0**20
# Of ``Engine.stats``: how it is called there, its unit, and how Prometheus knows it.
ENGINE = (
    ("running", 1, "questions_running", "gauge", "Questions that a worker answers right now."),
    ("waiting", 1, "questions_waiting", "gauge", "Questions and networks that wait for a worker."),
    ("forwards", 1, "forwards_total", "counter", "Questions for which a network has run."),
    ("hits", 1, "cache_hits_total", "counter", "Questions whose answer was there already."),
    ("misses", 1, "cache_misses_total", "counter", "Questions whose answer was not there yet."),
    ("entries", 1, "cache_entries", "gauge", "Answers that are kept."),
    ("cache_mib", MIB, "cache_bytes", "gauge", "Arrays of the answers that are kept."),
    ("models", 1, "models", "gauge", "Networks that are kept."),
    ("models_mib", MIB, "models_bytes", "gauge", "Weights of the networks that are kept."),
)
Row = tuple[str, str, str, float]  # name, kind, what it says, value


def rows() -> Iterator[Row]:
    """Give every number as it is now."""
    (seats,) = get_instance().stats_mgr.get_stats([ACTIVE_SESSIONS_FAMILY])[ACTIVE_SESSIONS_FAMILY]
    assert isinstance(seats, GaugeStat)
    yield "senet_viz_seats", "gauge", "Sessions: browser tabs that are connected.", seats.value
    yield "senet_viz_classes", "gauge", "Classes that somebody is in.", state.rooms().busy
    found = state.engine().stats()
    yield from (
        (f"senet_viz_{name}", kind, says, found[key] * unit) for key, unit, name, kind, says in ENGINE if key in found
    )
    if PAGES.exists():
        resident = int(PAGES.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        yield "process_resident_memory_bytes", "gauge", "Memory of this process, without its helpers.", resident


def text() -> str:
    """Return all numbers in Prometheus' text form."""
    return "".join(
        f"# HELP {name} {says}\n# TYPE {name} {kind}\n{name} {value:.15g}\n" for name, kind, says, value in rows()
    )


def allowed(request: Request) -> bool:
    """Return whether who asks may see the numbers."""
    if os.environ.get(METRICS) == "1":
        return True
    try:
        near = request.client is not None and ip_address(request.client.host).is_loopback
    except ValueError:  # no address, as through a socket of the file system
        near = False
    return near and not any(name in request.headers for name in PROXIED)


def _metrics(request: Request) -> PlainTextResponse:
    """Answer; a plain function, which Starlette runs in a thread of its own."""
    return PlainTextResponse(text(), media_type=FORM) if allowed(request) else PlainTextResponse("refused", 403)


metrics = Route("/metrics", _metrics)
