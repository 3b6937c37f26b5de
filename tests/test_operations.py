"""What an operator is given: settings and numbers that are all told, and files of ``deploy/`` that fit the app."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from benchmarks import _nginx
from senet_viz.service.rooms import Rooms
from senet_viz.ui.operating import metrics
from tests.test_architecture import ROOT, sources

TOLD = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
DEPLOY = ROOT / "deploy"
UNIT = DEPLOY / "senet-viz@.service"


def rows(heading: str) -> set[str]:
    """The names in the first column of the table below a heading."""
    part = TOLD.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return {name for cell in re.findall(r"^\| (`.*?) \|", part, re.MULTILINE) for name in re.findall(r"`(\w+)`", cell)}


def test_every_setting_is_told_and_none_that_there_is_not() -> None:
    files = (*sources(), *(ROOT / "tools").glob("*.py"))
    used = {name for file in files for name in re.findall(r"\"(SENET_VIZ_[A-Z_]+)\"", file.read_text(encoding="utf-8"))}
    assert used >= {"SENET_VIZ_CLASS", "SENET_VIZ_METRICS", "SENET_VIZ_MODELS_MIB", "SENET_VIZ_WEIGHTS"}
    assert rows("Settings") == used
    offered = re.findall(r"^#?(SENET_VIZ_\w+)=", (DEPLOY / "settings").read_text(encoding="utf-8"), re.MULTILINE)
    assert set(offered) <= used


def test_every_number_is_told() -> None:
    there = {f"senet_viz_{name}" for _, _, name, _, _ in metrics.ENGINE}
    others = set(re.findall(r"yield \"(\w+)\"", Path(metrics.__file__).read_text(encoding="utf-8")))
    assert rows("What to watch") == there | others


def test_the_classes_that_are_made_are_classes() -> None:
    command = [sys.executable, "-m", "tools.classes", "https://senet.example.org/", "3"]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    name, _, given = said.splitlines()[0].partition("=")
    pairs = [pair.split(":") for pair in given.split(" ")]
    rooms = Rooms(given)
    assert name == "SENET_VIZ_CLASS" and len(pairs) == len(rooms) == 3
    for code, token in pairs:
        assert rooms.teaches(code, token)
        assert f"https://senet.example.org/classroom?class={code}#teacher={token}" in said


def test_nginx_takes_what_the_app_takes_and_reads_its_configuration(tmp_path: Path) -> None:
    text = (DEPLOY / "nginx.conf").read_text(encoding="utf-8")
    config = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    (most,) = re.findall(r"client_max_body_size (\d+)m;", text)
    assert int(most) > config["server"]["maxUploadSize"] + 1, "the frame of an upload counts"
    assert re.findall(r"proxy_request_buffering (\w+);|proxy_max_temp_file_size (\w+);", text) == [
        ("off", ""),
        ("", "0"),
    ]
    program = _nginx.found()
    if program is None:
        pytest.skip("no nginx: apt install nginx-light")
    (tmp_path / "site.conf").write_text(_nginx.site("127.0.0.1:8080", ["127.0.0.1:8501"]), encoding="utf-8")
    frame = _nginx.FRAME.format(folder=tmp_path, site=tmp_path / "site.conf", temporary="")
    (tmp_path / "nginx.conf").write_text(frame, encoding="utf-8")
    done = subprocess.run(
        [program, "-t", "-e", f"{tmp_path}/log", "-c", f"{tmp_path}/nginx.conf"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "syntax is ok" in done.stderr, done.stderr


def test_the_unit_serves_the_app_to_this_machine_alone() -> None:
    text = UNIT.read_text(encoding="utf-8")
    (command,) = re.findall(r"^ExecStart=\S+/python (.*)$", text, re.MULTILINE)
    assert command == "-m streamlit run app.py --server.port %i --server.address 127.0.0.1 --server.headless true"
    ports = re.findall(r"127\.0\.0\.1:(\d+) max_fails", (DEPLOY / "nginx.conf").read_text(encoding="utf-8"))
    assert set(re.findall(r"senet-viz@(\d+)", text)) <= set(ports)
    assert set(re.findall(r"senet-viz@(\d+)|127\.0\.0\.1:(\d+)", TOLD)) <= {(p, "") for p in ports} | {
        ("", p) for p in ports
    }


def test_systemd_reads_the_unit(tmp_path: Path) -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("no systemd")
    text = re.sub(
        r"^ExecStart=\S+", f"ExecStart={sys.executable}", UNIT.read_text(encoding="utf-8"), flags=re.MULTILINE
    )
    unit = tmp_path / "senet-viz@8501.service"
    unit.write_text(text, encoding="utf-8")
    done = subprocess.run([program, "verify", str(unit)], capture_output=True, text=True, check=False)
    assert [line for line in done.stderr.splitlines() if unit.name in line] == []


def test_the_container_holds_the_app_and_nothing_that_is_not_there() -> None:
    text = (DEPLOY / "Containerfile").read_text(encoding="utf-8")
    copied = re.findall(r"^COPY (\S+) \S+$", text, re.MULTILINE)
    assert all((ROOT / name).exists() for name in copied)
    (site,) = re.findall(
        r"^SITE = \((.*)\)$", (ROOT / "setup.py").read_text(encoding="utf-8"), re.MULTILINE
    )  # what a wheel carries
    carried = {name.partition("/")[0] for name in re.findall(r"\"(\S+)\"", site)}
    assert carried | {"senet_viz", "requirements.txt"} == set(copied)
    assert "/_stcore/health" in text
