"""Before and after a change to gates: answers, later gates, one channel's map, and which channel hurts most."""

from collections.abc import Sequence

import numpy as np

from senet_viz.drawing.grammar import Figure, Mark, Panel, Points, Rule, Scale, Table, cells
from senet_viz.figures.pieces import beside, listing, minus, pairs, parted, picture, table
from senet_viz.i18n import Texts

EACH = 8  # channels at either end of a ranking


def draw_scores(names: Sequence[str], before: np.ndarray, after: np.ndarray, t: Texts, most: int = 6) -> Figure:
    """Draw probabilities (K,) of the likeliest classes before and after, with the difference in points beside them."""
    top = np.argsort(-np.maximum(before, after), kind="stable")[:most]
    change, likely = after - before, [names[c] for c in top]
    ends = [min(max(float(before[c]), float(after[c])) + 0.02, 0.98) for c in top]
    bars = pairs((before[top], t("fig.scores.before"), "muted"), (after[top], t("fig.scores.after"), "gate"))
    panel = listing(
        likely,
        (*bars, *beside(ends, range(len(top)), [_points(change[c]) for c in top])),
        x=t("fig.scores.x"),
        x_range=(0, 1.2),
        x_ticks=tuple((p / 4, f"{25 * p} %") for p in range(5)),
    )
    first, now = int(before.argmax()), int(after.argmax())
    said = {"a": names[first], "b": names[now], "p": f"{before[first]:.1%}", "q": f"{after[first]:.1%}"}
    said["r"] = f"{after[now]:.1%}"
    same = "same" if first == now else "other"
    title, alt = t(f"fig.scores.title.{same}", **said), t(f"fig.scores.alt.{same}", **said)
    order = np.argsort(-after, kind="stable")
    columns = [names[c] for c in order], before[order], after[order], change[order]
    rows = table(("class", "before", "after", "change"), *columns)
    return Figure("whatif-scores", title, (panel,), 1, rows, alt, height=90 + 46 * len(top))


def signed(value: float) -> str:
    """Return a change of a class score with its sign and three decimals; what rounds to 0 has no sign."""
    text = f"{value:+.3f}"
    return "0.000" if float(text) == 0 else minus(text)


def _points(change: float) -> str:
    """Return a difference of probabilities in percentage points."""
    return minus(f"{100 * change:+.1f}") if abs(change) >= 5e-4 else "±0"


def draw_downstream(
    names: Sequence[str], edited: Sequence[bool], change: np.ndarray, most: np.ndarray, t: Texts
) -> Figure:
    """Draw how far the gates of B blocks moved, the first of which was changed.

    Args:
        change, most: (B,) the mean of |after - before|, and that of the channel that moved most.
    """
    y, hit = np.arange(len(names), dtype=float), np.array(edited, dtype=bool)
    ways = ((hit, t("fig.down.edited"), "pinned"), (~hit, t("fig.down.answer"), "gate"))
    marks = (*parted(change, y, *ways, horizontal=True, width=0.6), Points(most, y, t("fig.down.most"), "ink"))
    later = change[~hit]
    reach = max(1e-6, float(most.max()) * 1.08)
    panel = listing(names, marks, x=t("fig.down.x"), x_range=(0, reach))
    said = {"n": int((later > 0).sum()), "of": len(later), "mean": f"{later.mean():.4f}" if len(later) else "-"}
    title = t("fig.down.title" if len(later) else "fig.down.title.last", **said, first=names[0])
    alt, height = t("fig.down.alt", **said, first=names[0]), 110 + 34 * len(names)
    rows = table(("block", "edited", "mean change", "largest change"), names, hit, change, most)
    return Figure("whatif-downstream", title, (panel,), 1, rows, alt, height=height)


def draw_maps(before: np.ndarray, after: np.ndarray, channel: int, gates: tuple[float, float], t: Texts) -> Figure:
    """Draw what the block gives on in one channel (H, W): before, after, and the difference, at one scale."""
    sheets = {"before": before, "after": after, "difference": after - before}
    scale = Scale.around_zero("x̃", list(sheets.values()))
    panels = tuple(picture(each, scale, "x̃", t(f"fig.maps.{name}")) for name, each in sheets.items())
    rows = Table(("row", "column", *sheets), cells(*sheets.values()))
    said = {"c": channel, "s": f"{gates[0]:.4f}", "r": f"{gates[1]:.4f}", "d": f"{np.abs(after - before).max():.4g}"}
    return Figure("whatif-maps", t("fig.maps.title", **said), panels, 3, rows, t("fig.maps.alt", **said), height=330)


def draw_ranking(
    channels: np.ndarray, change: np.ndarray, gate: np.ndarray, pinned: int, name: str, t: Texts
) -> Figure:
    """Draw which of N channels, muted alone, hurts a class most: both ends as bars, and all of them by their gate.

    Args:
        channels, change, gate: (N,) what was muted, what that does to the class score, and its gate before.
        name: of the class.
    """
    order = np.argsort(change, kind="stable")
    both = order if len(order) <= 2 * EACH else np.concatenate([order[:EACH], order[-EACH:]])
    here, ends = channels[both] == pinned, change[both]
    ways = ((~here & (ends < 0), "", "gate"), (~here & (ends >= 0), "", "u"), (here, "", "pinned"))
    bars = parted(ends, np.arange(len(both), dtype=float), *ways, horizontal=True, width=0.7)
    moved = t("fig.ranking.x", name=name)
    ranked = listing(
        [str(c) for c in channels[both]],
        (*bars, Rule(0.0, "x")),
        title=t("fig.ranking.ends", n=min(EACH, len(order))),
        x=moved,
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
        y=moved,
        x_range=(-0.03, 1.03),
        legend=False,
    )
    first, last = order[0], order[-1]
    said = {"name": name, "n": len(order), "s": f"{gate[first]:.2f}", "rank": int((gate > gate[first]).sum()) + 1}
    said |= {"c": int(channels[first]), "d": signed(change[first]), "k": int(channels[last]), "e": signed(change[last])}
    title = t("fig.ranking.title" if change[first] < 0 < change[last] else "fig.ranking.title.one", **said)
    rows = table(("channel", "gate", "change of the class score"), channels[order], gate[order], change[order])
    return Figure("whatif-ranking", title, (ranked, scatter), 2, rows, t("fig.ranking.alt", **said), height=460)
