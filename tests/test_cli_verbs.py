"""Every file of a verb is a row of ``VERBS``, and the help shows the verbs in that order."""

from __future__ import annotations

import argparse
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import senet_viz.__main__
from senet_viz import cli
from senet_viz.cli import entry

ROOT = Path(__file__).resolve().parents[1]
HOUSE = ROOT / "senet_viz" / "cli"


def test_every_file_of_a_verb_is_in_the_list_once() -> None:
    files = {f"{file.parent.name}.{file.stem}" for file in HOUSE.glob("*/*.py") if file.stem != "__init__"}
    assert sorted(cli.VERBS) == sorted(files)


def test_the_help_has_the_verbs_in_the_order_of_the_list() -> None:
    (verbs,) = (a.choices for a in entry.parser()._actions if isinstance(a, argparse._SubParsersAction))
    assert list(verbs) == [name.rpartition(".")[2] for name in cli.VERBS]


@pytest.mark.parametrize("name", cli.VERBS)
def test_a_verb_declares_itself_alone_and_says_what_runs(name: str) -> None:
    module = importlib.import_module(f"senet_viz.cli.{name}")
    parsers = argparse.ArgumentParser().add_subparsers()
    module.add(parsers)
    (only,) = parsers.choices.values()
    assert only.get_default("run") is module.run


def test_the_module_that_python_runs_is_the_door_alone() -> None:
    assert senet_viz.__main__.main is cli.main
    line = [sys.executable, "-m", "senet_viz", "--help"]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0 and done.stdout.startswith("usage: python -m senet_viz ") and not done.stderr


def test_a_file_of_the_command_line_can_be_read_at_once() -> None:
    long = {file.name: n for file in HOUSE.rglob("*.py") if (n := len(file.read_text("utf-8").splitlines())) > 250}
    assert long == {}
