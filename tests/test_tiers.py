"""The table of what ``make test`` leaves out names tests that there are, and leaves none out by mistake."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests import tiers
from tests.conftest import GATED, OTHERS

HERE = Path(__file__).parent


def functions() -> set[str]:
    """Return every function in the tests' files, as a row of ``tiers`` names it."""
    return {
        f"{file.relative_to(HERE).as_posix()}::{node.name}"
        for file in HERE.rglob("test_*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
    }


def test_every_cut_is_of_a_test_that_there_is_and_says_what_still_looks() -> None:
    there = functions()
    assert [cut.test for cut in tiers.CUTS if cut.test not in there] == []
    assert len(tiers.BY_TEST) == len(tiers.CUTS), "one row a test"
    assert all(cut.still for cut in tiers.CUTS)
    known = {name for function in there for name in re.findall(r"test_\w+", function)}
    assert {name for cut in tiers.CUTS for name in re.findall(r"test_\w+", cut.still)} - known == set()


@pytest.mark.parametrize(
    ("test", "parameters", "slow"),
    [
        ("test_anything.py::test_it", "", False),
        ("test_anything.py::test_it", "en-tiny_se", False),
        ("test_anything.py::test_it", "models/senet154-dead", True),
        ("test_what_it_costs_page.py::test_figures_become_slides", "en", False),
        ("test_what_it_costs_page.py::test_figures_become_slides", "zh", True),
        ("test_what_it_costs_page.py::test_options_are_counted", "", True),
    ],
)
def test_what_is_slow(test: str, parameters: str, slow: bool) -> None:
    assert tiers.slow(test, parameters) is slow


def test_of_what_is_traced_every_layout_is_quick() -> None:
    quick = [name for name in GATED if not tiers.slow("test_tap.py::test_z", name, name)]
    assert set(OTHERS) <= set(quick) and len(quick) < len(GATED)


def test_what_is_kept_is_there(request: pytest.FixtureRequest) -> None:
    """Where whole files were asked for, every pattern of ``keep`` finds a test of theirs."""
    if any("::" in argument for argument in request.config.args) or request.config.option.keyword:
        pytest.skip("only some tests were asked for")
    assert request.config.stash[tiers.IDLE] == []
