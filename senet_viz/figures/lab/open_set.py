"""Does a network notice what it does not know? The ROC of its own score."""

from collections.abc import Sequence

import numpy as np

from senet_viz.drawing.grammar import Figure, Line, Mark, Panel, Points, Table
from senet_viz.i18n import Texts

SAMPLED = 101  # points of a curve that are drawn


def draw_roc(
    names: Sequence[str],
    curves: Sequence[tuple[np.ndarray, np.ndarray]],
    here: tuple[float, float],
    t: Texts,
) -> Figure:
    """Draw how many strange pictures each score tells at so many false alarms.

    Args:
        names: of the scores; the first is the one that is used.
        curves: of each its false alarms and its told pictures, (T,) shares.
        here: false alarms and told pictures at the threshold that is used.
    """
    at = np.linspace(0, 1, SAMPLED)
    drawn = [np.interp(at, *curve) for curve in curves]
    roles = ("pinned", "first", "second", "muted")
    marks: list[Mark] = [Line(at, y, name, role) for name, role, y in zip(names, roles, drawn, strict=True)]
    marks += [
        Line(at, at, t("fig.roc.luck"), "ink", dash=True),
        Points(np.array([here[0]]), np.array([here[1]]), t("fig.roc.here"), "ink"),
    ]
    panel = Panel(tuple(marks), x=t("fig.roc.x"), y=t("fig.roc.y"), x_range=(0, 1), y_range=(0, 1))
    said = {"false": f"{here[0]:.0%}", "told": f"{here[1]:.0%}"}
    rows = Table(
        ("false alarms", *(f"told {n}" for n in range(1, len(names) + 1))),
        tuple(zip(at.tolist(), *(y.tolist() for y in drawn), strict=True)),
    )
    return Figure("roc", t("fig.roc.title", **said), (panel,), 1, rows, t("fig.roc.alt", **said), height=420)
