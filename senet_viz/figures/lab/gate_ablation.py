"""What gates are worth: accuracy with those that a network has and with others, one row a condition."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from senet_viz.drawing.grammar import Bars, Figure, Mark, Panel, Rule, Table, Text
from senet_viz.drawing.text import number
from senet_viz.i18n import Texts
from senet_viz.stats import Interval


@dataclass(frozen=True)
class Row:
    """A row holds the accuracy under one condition, as shares from 0 to 1."""

    key: str
    accuracy: Interval
    change: Interval  # against the gates as they are, on the same pictures


def points(value: float) -> str:
    """Return a difference of shares as per cent points, with its sign."""
    text = f"{100 * value:+.1f}".replace("-", "\u2212")
    return "0.0" if text[1:] == "0.0" else text


def draw_worth(model: str, rows: Sequence[Row], chance: float, pictures: int, t: Texts) -> Figure:
    """Draw the accuracy under each condition with its interval, and the change against the first, their own gates."""
    own, mean = rows[0], next(row for row in rows if row.key == "mean")
    at = np.arange(len(rows), dtype=float)
    middle, low, high = np.array([row.accuracy for row in rows]).T
    words: list[Mark] = [Text(0, -0.75, t("fig.worth.column"), colour="muted", anchor="start")]
    for i, row in enumerate(rows):
        text = f"{row.accuracy.value:.1%}"
        if i:
            change, lowest, highest = map(points, row.change)
            text = t("fig.worth.row", share=text, change=change, span=f"{lowest} … {highest}")
        words.append(Text(0, float(i), text, anchor="start"))
    height = (len(rows) - 0.5, -1.1)
    bars = Panel(
        (
            Bars(middle, at, "", "gate", horizontal=True, width=0.5),
            Bars(high - low, at, "", "ink", horizontal=True, base=low, width=0.12),
            Rule(chance, "x", t("fig.worth.chance", share=f"{chance:.1%}")),
            Rule(own.accuracy.value, "x", "", "pinned"),
        ),
        x=t("fig.worth.accuracy", n=f"{pictures:,}"),
        x_range=(0, 1),
        y_range=height,
        x_ticks=tuple((v / 5, f"{20 * v} %") for v in range(6)),
        y_ticks=tuple((float(i), t(f"fig.worth.{row.key}")) for i, row in enumerate(rows)),
    )
    beside = Panel(tuple(words), x_range=(0, 1), y_range=height, axes=False)
    said = {"model": model, "own": f"{own.accuracy.value:.1%}", "mean": f"{mean.accuracy.value:.1%}"}
    listed = "; ".join(f"{t(f'fig.worth.{row.key}')} {row.accuracy.value:.1%}" for row in rows)
    table = tuple((row.key, *row.accuracy, *row.change) for row in rows)
    header = ("gates", "accuracy", "low", "high", "change", "change low", "change high")
    return Figure(
        "worth",
        t("fig.worth.title", **said),
        (bars, beside),
        2,
        Table(header, table),
        t("fig.worth.alt", rows=listed, chance=number(chance), **said),
        note=t("fig.worth.note"),
        height=150 + 52 * len(rows),
    )
