"""The papers' own tables: what was published, where, and how it came here. ``assets/papers.json`` holds the numbers.

Errors are per cent on ImageNet's validation pictures, 224 x 224 centre crop (Inception-ResNet-v2: 299 x 299);
parameters are millions, GFLOPs billions of multiply-accumulates. Numbers have exactly the digits that were printed.
SENet's tables 10 to 16 are of SE-ResNet-50 without biases in the gates (section 6).

Evidence: ``"T"`` read in the SENet TPAMI text; ``"A"`` the authors' release; ``"K"`` parameters and GFLOPs recomputed.
"""

import json
from dataclasses import dataclass

from senet_viz import assets


@dataclass(frozen=True)
class PaperRow:
    """A row is one line of a table; None stands where it has no such number."""

    label: str
    top1: float | None = None
    top5: float | None = None
    params: str | None = None  # millions, as printed
    gflops: str | None = None  # as printed
    group: str = ""  # "original", "bare" or "se" in SENet's table 2


@dataclass(frozen=True)
class Table:
    """A table is found by its ``key``; ``number`` and ``paper`` are its citation."""

    key: str
    paper: str
    number: int
    evidence: str
    rows: tuple[PaperRow, ...]

    @property
    def cite(self) -> str:
        """Return the citation: authors, title, version and number of the table."""
        return f"{self.paper}, Table {self.number}"

    def row(self, label: str, group: str = "") -> PaperRow:
        """Return the line of that label.

        Raises:
            KeyError: there is none.
        """
        for row in self.rows:
            if row.label == label and row.group == group:
                return row
        raise KeyError(label)


TABLES = tuple(
    Table(**{**table, "rows": tuple(PaperRow(*row) for row in table["rows"])})
    for table in json.loads(assets.PAPERS.read_text(encoding="utf-8"))
)
INTEGRATED = {  # integration: table and line
    "standard": ("se14", "SE"), "pre": ("se14", "SE-PRE"), "post": ("se14", "SE-POST"),
    "identity": ("se14", "SE-Identity"), "3x3": ("se15", "SE_3x3"),
}  # fmt: skip
_BY_KEY = {table.key: table for table in TABLES}


def table(key: str) -> Table:
    """Return the table of that key.

    Raises:
        KeyError: there is none.
    """
    return _BY_KEY[key]


def printed(key: str, label: str) -> float | None:
    """Return the parameters that a table has for a line, in millions."""
    value = table(key).row(label).params
    return None if value is None else float(value)
