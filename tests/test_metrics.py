"""What whoever runs the server watches, on a real server: who may see it, and that the numbers are those of now."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

import pytest
from starlette.requests import Request as Asked
from websockets.sync.client import connect

from senet_viz.ui import state
from senet_viz.ui.operating import metrics
from tests.browser.conftest import serving, until

SECRET = "s" * 22
NUMBER = r"(\d+(?:\.\d+)?(?:e[+-]\d+)?)"
# https://prometheus.io/docs/instrumenting/exposition_formats: of every metric its help, its type, its value
METRIC = re.compile(rf"# HELP (\w+) ([^\n]+)\n# TYPE \1 (gauge|counter)\n\1 {NUMBER}\n")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server with two classes."""
    with serving(tmp_path_factory.mktemp("house"), **{state.ROOMS: f"ROOM2:{SECRET} ROOM3:{SECRET}"}) as address:
        yield address


def told(house: str, **headers: str) -> str:
    asked = Request(f"{house}/metrics", headers=headers)
    with build_opener(ProxyHandler({})).open(asked, timeout=60) as reply:
        assert reply.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        return str(reply.read().decode())


def numbers(house: str) -> dict[str, float]:
    text = told(house)
    assert METRIC.sub("", text) == "", "every line has the form"
    found = {name: float(value) for name, _, _, value in METRIC.findall(text)}
    assert all(name.endswith("_total") == (kind == "counter") for name, _, kind, _ in METRIC.findall(text))
    return found


def test_the_numbers_are_those_of_now(house: str) -> None:
    before = numbers(house)
    assert set(before) >= {f"senet_viz_{name}" for _, _, name, _, _ in metrics.ENGINE}
    assert (before["senet_viz_seats"], before["senet_viz_classes"]) == (0, 0)
    assert before["senet_viz_models"] == 1 and before["senet_viz_forwards_total"] == 2, "the first picture, and its U"
    assert 0 < before["senet_viz_models_bytes"] < 40e6
    assert 100e6 < before["process_resident_memory_bytes"] < 4e9
    socket = house.replace("http", "ws")
    with (
        connect(f"{socket}/_stcore/stream", subprotocols=["streamlit"], proxy=None),  # type: ignore[list-item]
        connect(f"{socket}/class", origin=house, proxy=None) as anna,  # type: ignore[arg-type]
    ):
        anna.send(json.dumps({"class": "ROOM3", "id": None, "token": None}))
        until(lambda: numbers(house)["senet_viz_classes"] == 1, "the class")
        until(lambda: numbers(house)["senet_viz_seats"] == 1, "the session")
    until(lambda: numbers(house)["senet_viz_seats"] == numbers(house)["senet_viz_classes"] == 0, "them to go")


@pytest.mark.parametrize("header", metrics.PROXIED)
def test_nobody_gets_them_through_a_proxy(house: str, header: str) -> None:
    with pytest.raises(HTTPError) as refused:
        told(house, **{header: "127.0.0.1"})
    assert refused.value.code == 403


def asked(host: str | None) -> Asked:
    return Asked({"type": "http", "headers": [], "client": host and (host, 5)})


def test_who_may_see_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(metrics.METRICS, raising=False)
    near, far = ("127.0.0.1", "127.8.8.8", "::1"), ("192.168.0.4", "10.0.0.1", "2001:db8::1", "testclient", None)
    assert [metrics.allowed(asked(host)) for host in (*near, *far)] == [True] * 3 + [False] * 5
    monkeypatch.setenv(metrics.METRICS, "1")
    assert all(metrics.allowed(asked(host)) for host in (*near, *far))
