"""Before and after a change to gates: answers, later gates, one channel's map, and which channel hurts most."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from senet_viz.drawing.grammar import Bars, Figure, Heat, Mark, Panel, Points, Rule, Scale, Table, Text, cells
from senet_viz.i18n import Texts

BEFORE, AFTER = "muted", "gate"
EACH = 8  # channels at either end of a ranking


def draw_scores(names: Sequence[str], before: np.ndarray, after: np.ndarray, t: Texts, most: int = 6) -> Figure:
    """Probabilities (K,) of the likeliest classes before and after, with the difference in points written beside."""
    top = np.argsort(-np.maximum(before, after), kind="stable")[:most]
    y = np.arange(len(top), dtype=float)
    change = after - before
    ink = [
        Text(min(max(float(before[c]), float(after[c])) + 0.02, 0.98), float(i), _points(change[c]), anchor="start")
        for i, c in enumerate(top)
    ]
    panel = Panel(
        (
            Bars(before[top], y - 0.2, t("fig.scores.before"), BEFORE, horizontal=True, width=0.36),
            Bars(after[top], y + 0.2, t("fig.scores.after"), AFTER, horizontal=True, width=0.36),
            *ink,
        ),
        x=t("fig.scores.x"),
        x_range=(0, 1.2),
        y_range=(len(top) - 0.5, -0.5),
        x_ticks=tuple((p / 4, f"{25 * p} %") for p in range(5)),
        y_ticks=tuple((float(i), names[c]) for i, c in enumerate(top)),
    )
    first, now = int(before.argmax()), int(after.argmax())
    said = {"a": names[first], "b": names[now], "p": f"{before[first]:.1%}", "q": f"{after[first]:.1%}"}
    said["r"] = f"{after[now]:.1%}"
    same = "same" if first == now else "other"
    order = np.argsort(-after, kind="stable")
    rows = tuple((names[c], float(before[c]), float(after[c]), float(change[c])) for c in order)
    return Figure(
        "whatif-scores",
        t(f"fig.scores.title.{same}", **said),
        (panel,),
        1,
        Table(("class", "before", "after", "change"), rows),
        t(f"fig.scores.alt.{same}", **said),
        height=90 + 46 * len(top),
    )


def signed(value: float) -> str:
    """A change of a class score, with its sign and three decimals; what rounds to 0 has none."""
    text = f"{value:+.3f}"
    return "0.000" if float(text) == 0 else text.replace("-", "\u2212")


def _points(change: float) -> str:
    """A difference of probabilities in percentage points."""
    return f"{100 * change:+.1f}".replace("-", "\u2212") if abs(change) >= 5e-4 else "±0"


def draw_downstream(
    names: Sequence[str], edited: Sequence[bool], change: np.ndarray, most: np.ndarray, t: Texts
) -> Figure:
    """How far the gates of B blocks moved: the mean (B,) of |after - before|, and of the channel that moved most (B,).

    The first is the first block that was changed.
    """
    y, hit = np.arange(len(names), dtype=float), np.array(edited, dtype=bool)
    marks: list[Mark] = [
        Bars(change[hit], y[hit], t("fig.down.edited"), "pinned", horizontal=True, width=0.6),
        Bars(change[~hit], y[~hit], t("fig.down.answer"), "gate", horizontal=True, width=0.6),
        Points(most, y, t("fig.down.most"), "ink"),
    ]
    later = change[~hit]
    panel = Panel(
        tuple(mark for mark in marks if isinstance(mark, Points) or (isinstance(mark, Bars) and len(mark.x))),
        x=t("fig.down.x"),
        x_range=(0, max(1e-6, float(most.max()) * 1.08)),
        y_range=(len(names) - 0.5, -0.5),
        y_ticks=tuple((float(i), name) for i, name in enumerate(names)),
    )
    moved = int((later > 0).sum())
    said = {"n": moved, "of": len(later), "mean": f"{later.mean():.4f}" if len(later) else "-", "first": names[0]}
    rows = tuple((n, bool(e), float(c), float(m)) for n, e, c, m in zip(names, hit, change, most, strict=True))
    return Figure(
        "whatif-downstream",
        t("fig.down.title" if len(later) else "fig.down.title.last", **said),
        (panel,),
        1,
        Table(("block", "edited", "mean change", "largest change"), rows),
        t("fig.down.alt", **said),
        height=110 + 34 * len(names),
    )


def draw_maps(before: np.ndarray, after: np.ndarray, channel: int, gates: tuple[float, float], t: Texts) -> Figure:
    """What the block gives on in one channel (H, W): before, after, and the difference, at one scale."""
    scale = Scale.around_zero("x̃", [before, after, after - before])
    sheets = (("before", before), ("after", after), ("difference", after - before))
    panels = tuple(
        Panel((Heat(each, scale, hover="x̃"),), title=t(f"fig.maps.{name}"), equal=True, axes=False)
        for name, each in sheets
    )
    said = {"c": channel, "s": f"{gates[0]:.4f}", "r": f"{gates[1]:.4f}"}
    return Figure(
        "whatif-maps",
        t("fig.maps.title", **said),
        panels,
        3,
        Table(("row", "column", "before", "after", "difference"), cells(before, after, after - before)),
        t("fig.maps.alt", **said, d=f"{np.abs(after - before).max():.4g}"),
        height=330,
    )


def draw_ranking(
    channels: np.ndarray, change: np.ndarray, gate: np.ndarray, pinned: int, name: str, t: Texts
) -> Figure:
    """Which of N channels, muted alone, hurts a class most: both ends as bars; and all of them against their gate.

    Args:
        channels, change, gate: (N,) what was muted, what that does to the class score, and its gate before.
        name: of the class.
    """
    order = np.argsort(change, kind="stable")
    both = order if len(order) <= 2 * EACH else np.concatenate([order[:EACH], order[-EACH:]])
    y = np.arange(len(both), dtype=float)
    here = channels[both] == pinned
    bars: list[Mark] = [
        Bars(change[both][mask], y[mask], "", colour, horizontal=True, width=0.7)
        for mask, colour in ((~here & (change[both] < 0), "gate"), (~here & (change[both] >= 0), "u"), (here, "pinned"))
        if mask.any()
    ]
    ends = Panel(
        (*bars, Rule(0.0, "x")),
        title=t("fig.ranking.ends", n=min(EACH, len(order))),
        x=t("fig.ranking.x", name=name),
        y_range=(len(both) - 0.5, -0.5),
        y_ticks=tuple((float(i), str(int(c))) for i, c in enumerate(channels[both])),
        y=t("fig.ranking.channel"),
        legend=False,
    )
    rest = channels != pinned
    dots: list[Mark] = [Points(gate[rest], change[rest], "", "gate", tuple(f"c = {c}" for c in channels[rest]))]
    if not rest.all():
        dots.append(Points(gate[~rest], change[~rest], "", "pinned", (f"c = {pinned}",)))
        dots.append(Rule(float(gate[~rest][0]), "x", f"c = {pinned}", "pinned"))
    scatter = Panel(
        (*dots, Rule(0.0, "y")),
        title=t("fig.ranking.scatter"),
        x=t("fig.ranking.gate"),
        y=t("fig.ranking.x", name=name),
        x_range=(-0.03, 1.03),
        legend=False,
    )
    first, last = order[0], order[-1]
    rank = int((gate > gate[first]).sum()) + 1
    said = {"name": name, "n": len(order), "s": f"{gate[first]:.2f}", "rank": rank}
    said |= {"c": int(channels[first]), "d": signed(change[first]), "k": int(channels[last]), "e": signed(change[last])}
    rows = tuple((int(channels[i]), float(gate[i]), float(change[i])) for i in order)
    return Figure(
        "whatif-ranking",
        t("fig.ranking.title" if change[first] < 0 < change[last] else "fig.ranking.title.one", **said),
        (ends, scatter),
        2,
        Table(("channel", "gate", "change of the class score"), rows),
        t("fig.ranking.alt", **said),
        height=460,
    )
