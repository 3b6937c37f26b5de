"""The package as somebody installs it: a wheel in a fresh environment, far from the repository."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import sysconfig
import time
import venv
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

import pytest

from senet_viz.photos import samples
from tests.test_architecture import tracked

ROOT = Path(__file__).resolve().parents[1]
PATIENCE_S = 120.0

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Installed:
    """The wheel, its environment, and a folder that holds nothing of the project."""

    wheel: Path
    environment: Path
    elsewhere: Path

    @property
    def command(self) -> Path:
        return self.environment / "bin" / "senet-viz"

    @property
    def variables(self) -> dict[str, str]:
        """Nothing of this process that would lead back to the repository, and no network."""
        foreign = ("PYTHON", "SENET_VIZ", "MPL")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
        return kept | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "STREAMLIT_SERVER_HEADLESS": "true"}

    def run(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            list(map(str, command)), cwd=self.elsewhere, env=self.variables, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Built from what is under version control, without the network; what it needs is lent by this environment."""
    if os.name != "posix":
        pytest.skip("the paths below are POSIX's")
    folder = tmp_path_factory.mktemp("installed")
    for file in tracked():
        copy = folder / "source" / file.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    build = [*pip, "wheel", ".", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", str(folder)]
    done = subprocess.run(build, cwd=folder / "source", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    shutil.rmtree(folder / "source")
    (wheel,) = folder.glob("*.whl")
    environment, elsewhere = folder / "environment", folder / "elsewhere"
    elsewhere.mkdir()
    venv.create(environment, symlinks=True)
    python = environment / "bin" / "python"
    done = subprocess.run(
        [*pip, "--python", str(python), "install", "--no-deps", "--no-index", str(wheel)],
        cwd=elsewhere, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    own = Path(sysconfig.get_path("purelib", vars={"base": str(environment), "platbase": str(environment)}))
    (own / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return Installed(wheel, environment, elsewhere)


def test_the_wheel_holds_what_the_repository_holds(installed: Installed) -> None:
    carried = "senet_viz/_site/"
    with zipfile.ZipFile(installed.wheel) as wheel:
        there = {name for name in wheel.namelist() if ".dist-info/" not in name}
        assert {wheel.read(name) == (ROOT / name.replace(carried, "")).read_bytes() for name in there} == {True}
    names = {file.relative_to(ROOT).as_posix() for file in tracked()}
    package = {name for name in names if name.startswith("senet_viz/")}
    site = {name for name in names if name.startswith(("pages/", "assets/"))} | {"app.py", ".streamlit/config.toml"}
    shown = {name for name in names if name.startswith("assets/screenshots/")}
    assert shown
    assert there == package | {carried + name for name in site - shown}


def test_the_command_answers_from_another_folder(installed: Installed) -> None:
    samples.sample("chelsea").save(installed.elsewhere / "photo.jpg")
    where = installed.run(
        installed.environment / "bin" / "python", "-c", "from senet_viz import assets; print(assets.SITE)"
    )
    assert Path(where.stdout.strip()).is_relative_to(installed.environment)
    told = json.loads(installed.run(installed.command, "trace", "photo.jpg", "--json").stdout)
    assert told["blocks"]
    assert {path.name for path in installed.elsewhere.iterdir()} == {"photo.jpg"}


@pytest.fixture
def address(installed: Installed, tmp_path: Path) -> Iterator[str]:
    """A server of the installed app, ended afterwards; it must not have said a traceback."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = tmp_path / "server.log"
    with log.open("wb") as said:
        server = subprocess.Popen(
            [installed.command, "app", "--port", str(port), "--address", "127.0.0.1"],
            cwd=installed.elsewhere, env=installed.variables, stdin=subprocess.DEVNULL, stdout=said, stderr=said,
        )  # fmt: skip
    try:
        end = time.monotonic() + PATIENCE_S
        while True:
            assert server.poll() is None, log.read_text("utf-8", "replace")
            try:
                if fetched(f"http://127.0.0.1:{port}/_stcore/health") == b"ok":
                    break
            except OSError:
                assert time.monotonic() < end, log.read_text("utf-8", "replace")
                time.sleep(0.05)  # until it listens
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(30)
    assert "Traceback" not in log.read_text("utf-8", "replace")


def fetched(address: str) -> bytes:
    """What that address answers, whatever proxy this environment names."""
    with build_opener(ProxyHandler({})).open(address, timeout=10) as reply:
        assert reply.status == 200
        return bytes(reply.read())


def test_the_app_is_served_from_another_folder(address: str) -> None:
    assert b"<title>" in fetched(address)
    assert b"<title>" in fetched(f"{address}/squeeze")  # our own route, which leads to the root


PAGE = """
import sys
from streamlit.testing.v1 import AppTest
from senet_viz import assets
at = AppTest.from_file(str(assets.APP), default_timeout=120)
at.query_params.update(model="tiny_se", lang="en")
at.run()
assert not at.exception, at.exception
assert not at.error, at.error
print(len(at.main), [title.value for title in at.title])
"""


def test_a_page_of_the_installed_app_is_drawn(installed: Installed) -> None:
    said = installed.run(installed.environment / "bin" / "python", "-c", PAGE).stdout
    count, titles = re.fullmatch(r"(\d+) (.+)\n", said).groups()  # type: ignore[union-attr]
    assert int(count) > 0
    assert titles != "[]"
