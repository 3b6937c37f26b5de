"""What CONTRIBUTING promises to whoever adds something: so many files, and no other; each is done in a copy."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_architecture import ROOT, tracked


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Return the folder of a copy of everything that is under version control."""
    whole = tmp_path / "copy"
    for file in tracked():
        target = whole / file.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(file, target)
    return whole


def python(copy: Path, *arguments: str) -> str:
    """Return what Python prints in the copy, which must succeed."""
    run = [sys.executable, "-B", *arguments]
    done = subprocess.run(run, cwd=copy, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def write(copy: Path, name: str, text: str) -> None:
    """Write a new file into the copy."""
    file = copy / name
    assert not file.exists()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


def replace(copy: Path, name: str, old: str, new: str) -> None:
    """Change the one place of a file of the copy where ``old`` stands."""
    text = (copy / name).read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{name} has {old!r} {text.count(old)} times"
    (copy / name).write_text(text.replace(old, new), encoding="utf-8")


def touched(copy: Path) -> set[str]:
    """Return the files of the copy that are new or differ; what running leaves behind does not count."""
    apart = (".pytest_cache", "__pycache__", "runs")
    files = [file for file in copy.rglob("*") if file.is_file() and not set(apart) & set(file.parts)]
    names = {str(file.relative_to(copy)): file for file in files}
    return {
        name
        for name, file in names.items()
        if not (ROOT / name).is_file() or (ROOT / name).read_bytes() != file.read_bytes()
    }


VERB = '''"""``size``: how large the pictures of a network are."""

import argparse

from senet_viz.cli import options
from senet_viz.models import catalogue


def add(parsers: options.Parsers) -> None:
    """Declare the options of ``size``."""
    verb = parsers.add_parser("size", help="how large the pictures of a network are")
    verb.add_argument("key")
    verb.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Print the side of the network's input in pixels."""
    print(catalogue.spec(args.key).size)
'''
VERB_TEST = """from senet_viz.cli import main


def test_size(capsys):
    assert main(["size", "tiny_se"]) == 0 and capsys.readouterr().out == "80\\n"
    assert main(["size", "nothing"]) == 2
"""


def test_a_verb_is_one_file_one_row_and_its_test(copy: Path) -> None:
    write(copy, "senet_viz/cli/ask/size.py", VERB)
    replace(copy, "senet_viz/cli/__init__.py", '"ask.list", ', '"ask.list", "ask.size", ')
    write(copy, "tests/test_size.py", VERB_TEST)
    assert python(copy, "-m", "senet_viz", "size", "tiny_se") == "80\n"
    listed = [line.split()[0] for line in python(copy, "-m", "senet_viz", "--help").splitlines() if line.strip()]
    assert listed.index("size") == listed.index("list") + 1
    held = ("tests/test_size.py", "tests/test_cli_fuzz.py", "tests/test_architecture.py")
    python(copy, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *held, "-k", "size or room or one_way or place")
    assert touched(copy) == {"senet_viz/cli/ask/size.py", "senet_viz/cli/__init__.py", "tests/test_size.py"}
