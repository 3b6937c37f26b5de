"""The notebook as a stranger runs it: the wheel in a fresh environment, another folder, nothing of the repository.

Fresh: the interpreter's environment, this project's wheel, and all that pip installs for it from the index, in the
newest versions that the wheel allows (numpy, matplotlib, Pillow, timm, Streamlit, ...), nbclient and the kernel. Not
fresh: torch and torchvision with what they alone ask for (CUDA's libraries, some 5 GB), lent by the environment of the
tests. Without an index the test is skipped; in CI it must run.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sysconfig
import venv
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import nbformat
import pytest
from packaging.requirements import Requirement

from tests import truth
from tests.test_installed import Installed, installed
from tests.test_takeaway import shown_in

__all__ = ["installed"]  # a fixture
pytestmark = pytest.mark.slow
FRESH = ("numpy", "pillow")  # of what torchvision asks for
OFFLINE = ("No matching distribution", "Connection", "Max retries", "Network is unreachable")
RUN = """\
import sys
from pathlib import Path
import nbformat
from nbclient import NotebookClient
book = nbformat.read("block.ipynb", as_version=4)
NotebookClient(book, timeout=300, kernel_name="python3").execute()
nbformat.write(book, "run.ipynb")
"""
WHERE = """\
import importlib
for name in ("senet_viz", "numpy", "matplotlib", "PIL", "timm", "nbclient", "ipykernel", "torch"):
    print(name, importlib.import_module(name).__file__)
"""


def asked_for(name: str, extras: frozenset[str] = frozenset({""})) -> Iterator[str]:
    """The packages that one needs on this machine, itself first; some come several times."""
    yield name
    for text in metadata.requires(name) or ():
        wanted = Requirement(text)
        if wanted.name.lower() not in FRESH and (
            not wanted.marker or any(wanted.marker.evaluate({"extra": extra}) for extra in extras)
        ):
            yield from asked_for(wanted.name, frozenset({"", *wanted.extras}))


def lend(environment: Path, folder: Path) -> None:
    """Let an environment find torch and torchvision where they are, and pip find that they are there."""
    folder.mkdir()
    for name in {*asked_for("torch"), *asked_for("torchvision")}:
        for file in metadata.files(name) or ():
            top = file.parts[0]
            if top not in ("..", "__pycache__") and not (folder / top).exists():
                (folder / top).symlink_to(Path(str(metadata.distribution(name).locate_file(top))).resolve())
    own = Path(sysconfig.get_path("purelib", vars={"base": str(environment), "platbase": str(environment)}))
    (own / "lent.pth").write_text(f"{folder}\n", encoding="utf-8")


def test_the_notebook_runs_in_a_fresh_environment_to_the_numbers_of_trace(installed: Installed, tmp_path: Path) -> None:
    environment, elsewhere = tmp_path / "environment", tmp_path / "elsewhere"
    elsewhere.mkdir()
    venv.create(environment, symlinks=True, with_pip=True)
    lend(environment, tmp_path / "lent")
    fresh = Installed(installed.wheel, environment, elsewhere)
    python = environment / "bin" / "python"
    line = [
        python,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        installed.wheel,
        "nbclient",
        "ipykernel",
    ]
    done = subprocess.run(
        [*map(str, line)], cwd=elsewhere, env=fresh.variables, capture_output=True, text=True, check=False
    )
    if done.returncode and any(word in done.stderr for word in OFFLINE) and "CI" not in os.environ:
        pytest.skip(f"no index of packages: {done.stderr[-300:]}")
    assert done.returncode == 0, done.stderr
    where = dict(line.split() for line in fresh.run(python, "-c", WHERE).stdout.splitlines())
    assert {name for name, file in where.items() if not Path(file).is_relative_to(environment)} == {"torch"}, where

    asked = ("chelsea", "--block", "layer2.0.se")
    fresh.run(fresh.command, "notebook", *asked, "--channel", "7", "--out", "block.ipynb")
    fresh.run(python, "-c", RUN)
    told = json.loads(fresh.run(fresh.command, "trace", *asked, "--json").stdout)
    book = nbformat.read(elsewhere / "run.ipynb", as_version=4)
    assert all(cell.execution_count for cell in book.cells if cell.cell_type == "code")
    found, said = shown_in(book), "".join(each.get("text", "") for each in book.cells[-1].outputs)
    shares = [each["probability"] for each in told["top5"]][: len(found["shares"])]
    numbers = {"z": [told["z"][7]], "hidden": told["hidden"], "logit": [told["logit"][0][7]],
               "gate": [told["gate"][0][7]], "shares": shares}  # fmt: skip
    for name, values in numbers.items():
        assert found[name] == pytest.approx(values, rel=1e-6), name
        (line_,) = re.findall(rf"^{name}\s+off by (\S+): \[([^\]]*)\]", said, re.MULTILINE)
        assert float(line_[0]) < 1e-5
        assert [float(each) for each in line_[1].split()] == pytest.approx(values[:4], abs=1e-5), name
    assert float(re.findall(r"largest difference: (\S+)", said)[0]) < 1e-5
    block = truth.trace("tiny_se", "chelsea", "layer2.0.se", weights="pretrained").block("layer2.0.se")
    assert numbers["gate"] == pytest.approx(block.gate[:, 7].tolist(), abs=1e-5)
    pictures = [out for cell in book.cells for out in cell.get("outputs", ()) if "image/png" in out.get("data", {})]
    assert len(pictures) == 4
