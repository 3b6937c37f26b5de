"""Weights that come over the network: how far they are is seen, and who looks at another network waits for nothing."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from threading import Event, Thread

import pytest
import torch
from playwright.sync_api import Browser

from senet_viz.models import catalogue, load
from tests import truth
from tests.browser.conftest import PATIENCE_S, Visitor, serving
from tests.browser.slowly import KEY
from tests.test_pages import last_number, printed

PIECES = 4  # the file comes in so many, each when the test lets it go


@contextmanager
def source(data: bytes, name: str, gates: list[Event]) -> Iterator[str]:
    """A server on this machine that gives one file piece by piece; its address."""

    class Answer(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _head(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()

        def do_HEAD(self) -> None:
            self._head()

        def do_GET(self) -> None:
            self._head()
            edges = [len(data) * n // PIECES for n in range(PIECES + 1)]
            for gate, (start, end) in zip(gates, pairwise(edges), strict=True):
                gate.wait(5 * PATIENCE_S)
                self.wfile.write(data[start:end])
                self.wfile.flush()

        def log_message(self, *given: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    server.daemon_threads = True
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/{name}"
    finally:
        for gate in gates:
            gate.set()
        server.shutdown()
        server.server_close()


@pytest.mark.slow
def test_a_bar_moves_while_weights_come_and_others_work(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By default ``test_models`` has the transfer, its progress and its end without a page."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    packed, row = io.BytesIO(), catalogue.spec(KEY)
    torch.save(load.load(KEY, weights="random").state_dict(), packed)
    data = packed.getvalue()
    name = f"{KEY}-{hashlib.sha256(data).hexdigest()[:8]}.pth"
    gates = [Event() for _ in range(PIECES)]
    with source(data, name, gates) as url, serving(tmp_path, f"tests.browser.slowly {url}") as address:
        waiting, working = Visitor(browser, address).open(model="tiny_se"), Visitor(browser, address)
        waiting.opened("model")
        fetched = waiting.t("model.fetched", title=row.title, mib=f"{row.weights_mib:.0f}")
        waiting.page.get_by_role("option", name=fetched, exact=True).click()
        bar = waiting.page.get_by_test_id("stSidebar").get_by_test_id("stProgress")
        waiting.until(bar.count, "a bar")
        assert (
            waiting.t("model.downloading", title="", model=row.title, mib=f"{row.weights_mib:.0f}") in bar.inner_text()
        )

        def share() -> float:
            return float(bar.get_by_role("progressbar").get_attribute("aria-valuenow") or 0)

        seen = [share()]
        for gate in gates[:-1]:
            gate.set()
            waiting.until(lambda: share() > seen[-1], f"more than {seen[-1]}")
            seen.append(share())
        assert seen[-1] < 100
        # somebody else, meanwhile
        working.open("squeeze", model="tiny_se", block="layer3.1.se", channel=17, photo="chelsea", weights="random")
        value = truth.z(truth.block("tiny_se", "chelsea", "layer3.1.se"))[17]
        assert last_number(working.formula("z_{17}=")) == printed(float(value))
        assert bar.count() and not waiting.idle(), "all that while the weights are on their way"
        gates[-1].set()
        waiting.until(lambda: not bar.count(), "the bar to go")
        waiting.settle()
        assert waiting.errors() == [] and waiting.url()["model"] == KEY
        waiting.choose("photo", waiting.t("sample.coffee"))
        here, box = waiting.t("model.here", title=row.title), waiting.page.locator(".st-key-model input")
        waiting.until(lambda: box.input_value() == here, "the list to say that it is here")
        for visitor in (waiting, working):
            visitor.leave()
