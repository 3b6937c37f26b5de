"""What `make serve` prints, and that it opens the class that it says."""

from __future__ import annotations

import base64
import json
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest
import segno
from websockets.sync.client import connect

from senet_viz.service.rooms import Rooms
from senet_viz.ui import state
from tests.test_architecture import ROOT
from tools import serve

SITE = "http://teacher.local:8501"
HALVES = {"█": (0, 0), "▀": (0, 1), "▄": (1, 0), " ": (1, 1)}


def test_every_class_has_a_code_and_a_token_of_128_random_bits() -> None:
    assert serve.ROOMS == state.ROOMS
    made = [serve.made() for _ in range(200)]
    for code, token in made:
        assert re.fullmatch(r"[A-HJ-NP-Z2-9]{5}", code)
        assert len(base64.urlsafe_b64decode(token + "==")) == 16
        assert Rooms(f"{code}:{token}").teaches(code, token)
    assert len({token for _, token in made}) == len(made)


def test_what_students_see_has_no_token_and_the_teachers_is_behind_the_hash() -> None:
    told = serve.told(SITE, "K7QF2", "t" * 22)
    addresses = re.findall(r"http\S+", told)
    assert addresses == [f"{SITE}/?class=K7QF2", SITE, f"{SITE}/classroom?class=K7QF2#teacher={'t' * 22}"]
    assert told.count("t" * 22) == 1


def test_the_code_in_the_terminal_is_the_address() -> None:
    lines = re.findall(r"\x1b\[97;40m(.*)\x1b\[0m", serve.told(SITE, "K7QF2", "t" * 22))
    drawn = [[HALVES[block][half] for block in line] for line in lines for half in (0, 1)]
    true = [
        [int(bool(dark)) for dark in row]
        for row in segno.make(f"{SITE}/?class=K7QF2", micro=False).matrix_iter(border=2)
    ]
    assert drawn[: len(true)] == true


def test_make_serve_runs_it() -> None:
    make = shutil.which("make")
    if make is None:
        pytest.skip("no make")
    done = subprocess.run([make, "-n", "serve", "PORT=9000"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert re.search(r'-m tools\.serve 9000 ""\s*$', done.stdout, re.MULTILINE)


def test_make_serve_takes_the_engine_and_the_address() -> None:
    make = shutil.which("make")
    if make is None:
        pytest.skip("no make")
    words = [make, "-n", "serve", "PORT=9000", "ADDRESS=teacher.local", "ENGINE=ray://other:8000"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    assert re.search(r'-m tools\.serve 9000 "teacher\.local" ray://other:8000\s*$', done.stdout, re.MULTILINE)
    assert serve.ENGINE == state.ENGINE


@pytest.fixture
def served() -> Iterator[tuple[int, str]]:
    """The port of a class that has just been opened, and the teacher's link."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    run = [sys.executable, "-m", "tools.serve", str(port), "127.0.0.1"]
    with subprocess.Popen(run, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as server:
        try:
            said = ""
            assert server.stdout
            for line in server.stdout:
                said += line
                if "URL:" in line:
                    break
            yield port, re.findall(r"http\S+#\S+", said)[0]
        finally:
            server.terminate()


@pytest.mark.slow
def test_the_teacher_of_the_printed_link_is_let_in(served: tuple[int, str]) -> None:
    port, link = served
    code, token = re.findall(r"class=(\w+)#teacher=([\w-]+)", link)[0]
    with connect(f"ws://127.0.0.1:{port}/class", proxy=None, open_timeout=60) as wire:
        wire.send(json.dumps({"class": code, "id": None, "token": token}))
        assert json.loads(wire.recv(60))["teacher"] is True
