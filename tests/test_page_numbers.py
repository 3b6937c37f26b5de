"""Whatever a page shows as a table, or as a number by itself, has its file in the archive with the same numbers."""

from __future__ import annotations

import re
from html import unescape

import pytest
from streamlit.testing.v1 import AppTest

from senet_viz import i18n
from tests.places import PAGES, SECTIONS, model
from tests.test_pages import emptied, start
from tests.test_takeaway import Files, files, sheets

__all__ = ["files"]  # a fixture
Rows = list[list[str]]
NUMBER = re.compile(r"[+-]?(?:\d[\d,]*\d|\d)(?:\.\d+)?")
WRITTEN = (1, 100, 1e-6)  # as it is, in per cent, in millions


def shown(at: AppTest) -> list[Rows]:
    """Every table of the page, and every row of numbers, as people read them."""
    tables = [frame.value for kind in (at.main.table, at.main.dataframe) for frame in kind]
    found = [frame.astype(str).to_numpy().tolist() for frame in tables]
    found += [[[each.label, each.value]] for each in at.main.metric]
    for body in (element.proto.body for element in at.main.get("html")):
        for inner in re.findall(r"<tbody>(.*?)</tbody>", body, re.DOTALL):
            rows = re.findall(r"<tr>(.*?)</tr>", inner, re.DOTALL)
            found.append([[unescape(c) for c in re.findall(r"<td[^>]*>(.*?)</td>", r, re.DOTALL)] for r in rows])
    return found


def plain(cell: str) -> str:
    return re.sub(r"<[^>]+>", " ", cell).replace("**", "").replace("\u2212", "-").replace("\u00a0", " ").strip()


def is_of(written: str, row: list[str], column: list[list[str]]) -> bool:
    """Whether a written number is one of the row's in the file, or how that differs from another row's."""
    digits = written.replace(",", "")
    places = len(digits.partition(".")[2])
    for at, cell in enumerate(row):
        if not re.fullmatch(r"-?\d+(\.\d+)?(e-?\d+)?", cell):
            continue
        values = [float(cell) * factor for factor in WRITTEN]
        if written[0] in "+-":
            values += [float(cell) - float(other[at]) for other in column if other[at]]
        if any(abs(float(digits) - value) <= 0.5000001 * 10**-places for value in values):
            return True
    return False


def tells(table: list[list[str]], seen: Rows) -> bool:
    """Whether a file has a table: a row a row, its words, its numbers."""
    rows = table[1:]
    if len(seen) == 1 and len(seen[0]) == 2:  # a number with its name
        rows = [row for row in rows if row[0] == seen[0][0]]
    if len(rows) != len(seen):
        return False
    for told, row in zip(seen, rows, strict=True):
        said = plain(" ".join(row))
        whole = {*NUMBER.findall(said)}
        for cell in map(plain, told):
            numbers = NUMBER.findall(cell)
            held = all(part in said for part in re.split(r"\s{2,}|: | \u00b7 ", cell))
            if not held and not (numbers and all(n in whole or is_of(n, row, rows) for n in numbers)):
                return False
    return True


@pytest.mark.parametrize("lang", i18n.LANGUAGES)
@pytest.mark.parametrize("page", PAGES)
def test_every_table_that_a_page_shows_is_in_its_archive(page: str, lang: str, files: Files) -> None:
    asked = {"plan": "all"} if page == "lessons" else {}
    with emptied():
        at = start(page, model=model(page), weights="pretrained", lang=lang, set="profile", **asked)
    _, found = sheets(files["take-numbers"]())
    every = shown(at)
    assert every or page not in ("lessons", "compare", "what_it_costs", "where_it_sits", "kernel_selection")
    for seen in every:
        assert any(tells(table, seen) for table in found.values()), seen[:2]


def test_a_table_that_is_not_in_the_archive_is_found() -> None:
    seen = [["a", "1,234.5 (+1)"], ["b", "50.0 %"]]
    assert tells([["name", "n"], ["a", "1234.5"], ["b", "0.5"]], [["a", "1,234.5"], ["b", "50.0%"]])
    assert not tells([["name", "n"], ["a", "1234.5"], ["b", "0.5"]], seen)
    assert not tells([["name", "n"], ["a", "1234.5"]], [["a", "1,234.5"], ["b", "50.0%"]])
    assert not tells([["name", "n"], ["a", "1234.6"], ["b", "0.5"]], [["a", "1,234.5"], ["b", "50.0%"]])
    assert set(SECTIONS) == set(PAGES)
