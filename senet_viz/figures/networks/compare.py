"""Two networks side by side: their answers, their gates, and how often they agree."""

from collections.abc import Sequence

import numpy as np

from senet_viz.drawing.grammar import Bars, Figure, Heat, Line, Mark, Panel, Rule, Scale, Table, Text
from senet_viz.figures.pieces import beside, carpet, dotted, listing, pairs
from senet_viz.i18n import Texts

WIDTH = 128  # cells of a row of gates, whatever C is
LIKELIEST = 5  # classes of either network that are drawn
FIRST, SECOND = "first", "second"  # the two networks' colours


def draw_answers(
    titles: tuple[str, str],
    names: tuple[Sequence[str], Sequence[str]],
    shares: tuple[np.ndarray, np.ndarray],
    t: Texts,
) -> Figure:
    """Draw probabilities (K,) of both networks' likeliest classes; classes of the same name are one row."""
    tables = [dict(zip(n, map(float, s), strict=True)) for n, s in zip(names, shares, strict=True)]
    best = [sorted(table, key=table.__getitem__, reverse=True)[:LIKELIEST] for table in tables]
    top = sorted({*best[0], *best[1]}, key=lambda name: -max(table.get(name, 0.0) for table in tables))
    values = [np.array([table.get(name, np.nan) for name in top]) for table in tables]
    bars = pairs(*zip(values, titles, (FIRST, SECOND), strict=True))
    greatest = max(float(each.max()) for each in shares)
    reach = 1 if greatest > 0.1 else 1.3 * greatest  # unlearnt, a class of a thousand gets little
    panel = listing(top, bars, x=t("fig.compare.p"), x_range=(0, reach))
    said = {"a": titles[0], "b": titles[1], "x": best[0][0], "y": best[1][0]}
    said |= {"p": f"{tables[0][best[0][0]]:.1%}", "q": f"{tables[1][best[1][0]]:.1%}"}
    rows = tuple((name, *(table.get(name, "") for table in tables)) for name in top)
    title = t("fig.compare.same" if best[0][0] == best[1][0] else "fig.compare.other", **said)
    alt, listed, height = t("fig.compare.alt", **said), Table(("class", *titles), rows), 90 + 27 * len(top)
    return Figure("compare-answers", title, (panel,), 1, listed, alt, height=height)


def draw_gates(
    titles: tuple[str, str],
    blocks: tuple[tuple[str, ...], ...],
    gates: tuple[tuple[np.ndarray, ...], ...],
    t: Texts,
    pixelwise: Sequence[bool] = (False, False),
) -> Figure:
    """Draw all gates of both networks, one row a block, greatest first, and every block's mean and spread by depth.

    Args:
        blocks, gates: of either network: the names of its B blocks, and the gate (C,) of each.
        pixelwise: whether either has a gate for every pixel instead, hence nothing in ``gates``.
    """
    scale = _scale([gate for each in gates for gate in each], t)
    panels: list[Panel] = []
    rows: list[tuple[object, ...]] = []
    means: list[Mark] = []
    for title, names, each, role, open_ in zip(titles, blocks, gates, (FIRST, SECOND), pixelwise, strict=True):
        if not len(each):
            why = t("fig.compare.pixel" if open_ else "fig.compare.none")
            panels.append(Panel((Text(0.5, 0.5, why),), title=title, axes=False, x_range=(0, 1)))
            continue
        panels.append(
            Panel((Heat(carpet(each, WIDTH), scale, t("gate.name")),), title=title, x_ticks=(), y_ticks=names)
        )
        at = np.linspace(0, 1, len(each)) if len(each) > 1 else np.zeros(1)
        mean, std = (np.array([f(g) for g in each]) for f in (np.mean, np.std))
        means += dotted(at, mean, title, role)
        means += [Line(at, mean + sign * std, "", role, dash=True, width=1.5) for sign in (-1, 1)]
        rows += [(title, name, int(c), float(v)) for name, g in zip(names, each, strict=True) for c, v in enumerate(g)]
    panels.append(
        Panel(
            (*means, Rule(0.5, "y")),
            title=t("fig.compare.depth"),
            x=t("fig.compare.x"),
            y=t("gate.name"),
            y_range=(scale.low, scale.high),
            x_range=(-0.03, 1.03),
            x_ticks=((0.0, t("fig.compare.first")), (1.0, t("fig.compare.last"))),
        )
    )
    listed, height = Table(("network", "block", "channel", "gate"), tuple(rows)), 22 * max(map(len, blocks)) + 120
    title, alt = t("fig.compare.gates"), t("fig.compare.gates.alt", a=titles[0], b=titles[1])
    note = t("fig.compare.gates.note")
    return Figure("compare-gates", title, tuple(panels), 3, listed, alt, note, height=max(360, height))


def _scale(gates: Sequence[np.ndarray], t: Texts) -> Scale:
    """Return the scale from 0 to 1, where gates lie; tanh and ReLU leave it, and then it is as wide as they need."""
    low = min((float(gate.min()) for gate in gates), default=0.0)
    high = max((float(gate.max()) for gate in gates), default=1.0)
    if low >= 0 and high <= 1:
        return Scale.gate(t("gate.name"))
    return Scale.span(t("gate.name"), np.array([min(low, 0.0), max(high, 1.0)]), "gate")


def draw_together(titles: Sequence[str], same: np.ndarray, accuracy: np.ndarray, pictures: int, t: Texts) -> Figure:
    """Draw how often each pair of N networks gives the same class (N, N), and how often each is right (N,)."""
    n = len(titles)
    off = same[~np.eye(n, dtype=bool)] if n > 1 else same.ravel()
    scale = Scale("=", float(np.floor(off.min() * 20) / 20), 1.0, "squeeze")
    ink = [
        Text(float(c), float(r), f"{same[r, c]:.1%}", colour="on_dark" if same[r, c] > 0.93 else "on_light")
        for r in range(n)
        for c in range(n)
    ]
    at, same_class = tuple(titles), t("fig.together.same")
    bars = Bars(accuracy, np.arange(n, dtype=float), "", "gate", horizontal=True, width=0.7)
    said = beside([float(a) + 0.02 for a in accuracy], range(n), [f"{a:.1%}" for a in accuracy])
    panels = (
        Panel((Heat(same, scale, same_class), *ink), title=same_class, x_ticks=at, y_ticks=at),
        listing(at, (bars, *said), title=t("fig.together.right"), x_range=(0, 1)),
    )
    right = accuracy.tolist()
    rows = tuple((a, b, float(same[i, j]), right[i]) for i, a in enumerate(titles) for j, b in enumerate(titles))
    listed = Table(("network", "other", "same class", "accuracy"), rows)
    i, j = (int(place) for place in np.unravel_index(np.argmin(same + np.eye(n)), same.shape))
    alt = t("fig.together.alt", a=titles[i], b=titles[j], share=f"{same[i, j]:.1%}", n=pictures)
    title, widths = t("fig.together.title", n=f"{pictures:,}"), (1.3, 1)
    return Figure("compare-together", title, panels, 2, listed, alt, widths=widths, height=90 + 74 * n)
