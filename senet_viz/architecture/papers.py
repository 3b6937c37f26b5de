"""The papers' own tables as data: what was published, where, and how it came here.

Errors are per cent on ImageNet's validation pictures, 224 x 224 centre crop unless a row says otherwise; parameters in
millions, GFLOPs in billions of multiply-accumulates. Numbers have exactly the digits that were printed, so ``digits``
tells what rounding hides.

Evidence: ``"T"`` read in the SENet TPAMI text; ``"A"`` the authors' release; ``"K"`` parameters and GFLOPs recomputed.
"""

from dataclasses import dataclass

SENET = "Hu et al., Squeeze-and-Excitation Networks, TPAMI 2020"
SKNET = "Li et al., Selective Kernel Networks, CVPR 2019"


@dataclass(frozen=True)
class Row:
    """One line of a table; None where it has no such number."""

    label: str
    top1: float | None = None
    top5: float | None = None
    params: str | None = None  # millions, as printed
    gflops: str | None = None  # as printed
    group: str = ""  # "original", "bare" or "se" in SENet's table 2


@dataclass(frozen=True)
class Table:
    """One table: ``key`` is stable, ``number`` and ``paper`` are the citation."""

    key: str
    paper: str
    number: int
    evidence: str
    rows: tuple[Row, ...]

    @property
    def cite(self) -> str:
        """Paper, version and table."""
        return f"{self.paper}, Table {self.number}"

    def row(self, label: str, group: str = "") -> Row:
        """Return the line of that label.

        Raises:
            KeyError: there is none.
        """
        for row in self.rows:
            if row.label == label and row.group == group:
                return row
        raise KeyError(label)


def _table2() -> tuple[Row, ...]:
    lines = (
        ("ResNet-50", (24.7, 7.8), (24.80, 7.48, "3.86"), (23.29, 6.62, "3.87")),
        ("ResNet-101", (23.6, 7.1), (23.17, 6.52, "7.58"), (22.38, 6.07, "7.60")),
        ("ResNet-152", (23.0, 6.7), (22.42, 6.34, "11.30"), (21.57, 5.73, "11.32")),
        ("ResNeXt-50", (22.2, None), (22.11, 5.90, "4.24"), (21.10, 5.49, "4.25")),
        ("ResNeXt-101", (21.2, 5.6), (21.18, 5.57, "7.99"), (20.70, 5.01, "8.00")),
        ("VGG-16", (None, None), (27.02, 8.81, "15.47"), (25.22, 7.70, "15.48")),
        ("BN-Inception", (25.2, 7.82), (25.38, 7.89, "2.03"), (24.23, 7.14, "2.04")),
        ("Inception-ResNet-v2", (19.9, 4.9), (20.37, 5.21, "11.75"), (19.80, 4.79, "11.76")),  # 299 x 299
    )
    return tuple(
        row
        for label, original, bare, se in lines
        for row in (
            Row(label, original[0], original[1], group="original"),
            Row(label, bare[0], bare[1], gflops=bare[2], group="bare"),
            Row(label, se[0], se[1], gflops=se[2], group="se"),
        )
    )


TABLES: tuple[Table, ...] = (
    Table("se2", SENET, 2, "T", _table2()),
    # tables 10 to 16: SE-ResNet-50 without biases in the gates (section 6)
    Table("se10", SENET, 10, "T", (
        Row("r = 2", 22.29, 6.00, "45.7"), Row("r = 4", 22.25, 6.09, "35.7"), Row("r = 8", 22.26, 5.99, "30.7"),
        Row("r = 16", 22.28, 6.03, "28.1"), Row("r = 32", 22.72, 6.20, "26.9"), Row("original", 23.30, 6.55, "25.6"),
    )),
    Table("se11", SENET, 11, "T", (Row("Max", 22.57, 6.09), Row("Avg", 22.28, 6.03))),
    Table("se12", SENET, 12, "T", (Row("ReLU", 23.47, 6.98), Row("Tanh", 23.00, 6.38), Row("Sigmoid", 22.28, 6.03))),
    Table("se13", SENET, 13, "T", (
        Row("SE_stage_2", 23.03, 6.48, "25.6"), Row("SE_stage_3", 23.04, 6.32, "25.7"),
        Row("SE_stage_4", 22.68, 6.22, "26.4"), Row("SE_All", 22.28, 6.03, "28.1"),
    )),
    Table("se14", SENET, 14, "T", (
        Row("SE", 22.28, 6.03), Row("SE-PRE", 22.23, 6.00), Row("SE-POST", 22.78, 6.35),
        Row("SE-Identity", 22.20, 6.15),
    )),
    Table("se15", SENET, 15, "T", (Row("SE_3x3", 22.48, 6.02, "25.8", "3.86"),)),
    Table("se16", SENET, 16, "T", (Row("NoSqueeze", 22.93, 6.39, "28.1", "4.27"),)),
    Table("sk2", SKNET, 2, "A", (
        Row("ResNeXt-50", 22.23, None, "25.0", "4.24"), Row("SENet-50", 21.12, None, "27.7", "4.25"),
        Row("SKNet-50", 20.79, None, "27.5", "4.47"), Row("ResNeXt-101", 21.11, None, "44.3", "7.99"),
        Row("SENet-101", 20.58, None, "49.2", "8.00"), Row("SKNet-101", 20.19, None, "48.9", "8.46"),
    )),
    Table("sk7", SKNET, 7, "K", (
        Row("K3", 22.23, None, "25.0", "4.24"), Row("K3+K5 summed", 21.76, None, "26.5", "4.46"),
        Row("K3+K5 SK", 20.79, None, "27.5", "4.47"), Row("K3+K5+K7 SK", 20.76, None, "29.3", "4.70"),
    )),
)  # fmt: skip
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
