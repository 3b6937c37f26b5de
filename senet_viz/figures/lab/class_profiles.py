"""What gates do for each class: SENet's figs. 6 and 7, the findings by depth, and the class each block sees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from senet_viz.drawing.grammar import Bars, Figure, Line, Mark, Panel, Points, Rule, Table, Text
from senet_viz.i18n import Texts

# at most four lines a panel besides mean and photo; of all roles, those that any kind of sight tells apart best
CLASSES = ("u", "second", "pre", "dead")
MOST = len(CLASSES)


@dataclass(frozen=True, eq=False)
class Curves:
    """One panel: a block's gates at its sampled channels."""

    title: str  # short name of the block
    total: int  # channels in all
    channels: np.ndarray  # (n,) which of them were sampled
    mean: np.ndarray  # (k, n) of each chosen class
    std: np.ndarray  # (k, n) within it
    every: np.ndarray  # (n,) mean over all classes
    photo: np.ndarray  # (n,) gates of the photo on screen
    pinned: int | None = None  # the channel that is followed everywhere, where this is its block


def _span(curves: Sequence[Curves], spread: bool) -> tuple[float, float]:
    """One range for all panels, in steps of 0.1: gates of different blocks must not look alike when they are not."""
    values = [v for c in curves for v in (c.photo, c.every, c.mean - spread * c.std, c.mean + spread * c.std)]
    low, high = min(float(v.min()) for v in values), max(float(v.max()) for v in values)
    return max(0.0, np.floor(low * 10) / 10), min(1.0, np.ceil(high * 10) / 10)


def _panel(t: Texts, c: Curves, marks: Sequence[Mark], span: tuple[float, float]) -> Panel:
    pin = () if c.pinned is None else (Rule(float(c.pinned), "x", f"c = {c.pinned}", "pinned"),)
    return Panel(
        (*marks, *pin),
        title=t("fig.roles.block", block=c.title, c=c.total),
        x=t("fig.roles.channel"),
        y=t("gate.name"),
        x_range=(-0.01 * c.total, 1.01 * (c.total - 1)),
        y_range=span,
    )


def _sampled(t: Texts, curves: Sequence[Curves]) -> str:
    return t("fig.roles.sampled", n=max(len(c.channels) for c in curves))


def draw_fig6(curves: Sequence[Curves], classes: Sequence[str], t: Texts) -> Figure:
    """Mean gate of every chosen class, of all classes together, and this photo's gates, one panel a block."""
    span = _span(curves, False)
    panels = []
    for c in curves:
        x = c.channels.astype(float)
        marks: list[Mark] = [Line(x, y, name, role) for name, role, y in zip(classes, CLASSES, c.mean, strict=False)]
        marks.append(Line(x, c.every, t("fig.roles.every"), "ink", dash=True))
        marks.append(Line(x, c.photo, t("fig.roles.photo"), "pinned"))
        panels.append(_panel(t, c, marks, span))
    rows = tuple(
        (c.title, int(channel), *map(float, c.mean[:, i]), float(c.every[i]), float(c.photo[i]))
        for c in curves
        for i, channel in enumerate(c.channels)
    )
    return Figure(
        "roles-fig6",
        t("fig.roles.fig6"),
        tuple(panels),
        2,
        Table(("block", "channel", *classes, "all classes", "photo"), rows),
        t("fig.roles.fig6.alt", classes=", ".join(classes), blocks=", ".join(c.title for c in curves)),
        note=f"{t('fig.roles.fig6.note')} {_sampled(t, curves)}",
        height=330 * -(-len(curves) // 2) + 40,
    )


def draw_fig7(curves: Sequence[Curves], name: str, row: int, t: Texts) -> Figure:
    """Mean and std of the gates over the pictures of one class (``row`` of the curves), and this photo's gates."""
    span = _span(curves, True)
    panels, rows = [], []
    for c in curves:
        x, mean, std = c.channels.astype(float), c.mean[row], c.std[row]
        panels.append(
            _panel(
                t,
                c,
                (
                    Bars(x, 2 * std, t("fig.roles.band"), CLASSES[row], base=mean - std),
                    Line(x, mean, t("fig.roles.mean"), "ink"),
                    Line(x, c.photo, t("fig.roles.photo"), "pinned"),
                ),
                span,
            )
        )
        values = zip(c.channels.tolist(), mean.tolist(), std.tolist(), c.photo.tolist(), strict=True)
        rows += [(c.title, *each) for each in values]
    widest = max(curves, key=lambda c: float(c.std[row].mean()))
    said = {"name": name, "block": widest.title, "std": f"{widest.std[row].mean():.3f}"}
    return Figure(
        "roles-fig7",
        t("fig.roles.fig7", **said),
        tuple(panels),
        2,
        Table(("block", "channel", "mean", "std", "photo"), tuple(rows)),
        t("fig.roles.fig7.alt", **said),
        note=_sampled(t, curves),
        height=330 * -(-len(curves) // 2) + 40,
    )


def draw_findings(
    blocks: Sequence[str],
    between: np.ndarray,
    within: np.ndarray,
    high: np.ndarray,
    low: np.ndarray,
    pattern: np.ndarray,
    chance: float,
    t: Texts,
) -> Figure:
    """What decides the findings, by depth: all arrays (B,), one number a block; ``chance``: eta2 of no role at all."""
    names = np.array(blocks)
    eta2 = np.divide(between**2, between**2 + within**2, out=np.zeros_like(between), where=between + within > 0)
    best = int(eta2.argmax())
    depth = t("fig.roles.depth")

    def dotted(values: np.ndarray, name: str, colour: str) -> tuple[Mark, Mark]:
        return Line(names, values, name, colour, width=3), Points(names, values, "", colour)

    panels = (
        Panel(
            (*dotted(eta2, "η²", "gate"), Rule(chance, "y", t("fig.roles.chance")), Rule(0.5, "y")),
            title=t("fig.roles.eta2"),
            y="η²",
            y_range=(0, 1),
            x=depth,
            x_ticks=tuple(blocks),
        ),
        Panel(
            (*dotted(between, t("fig.roles.between"), "first"), *dotted(within, t("fig.roles.within"), "second")),
            title=t("fig.roles.stds"),
            y=t("fig.roles.std"),
            y_range=(0, 1.1 * float(max(between.max(), within.max(), 0.01))),
            x=depth,
            x_ticks=tuple(blocks),
        ),
        Panel(
            (*dotted(high, "> 0.9", "first"), *dotted(low, "< 0.1", "second")),
            title=t("fig.roles.shares"),
            y=t("fig.roles.share"),
            y_range=(-0.02, 1),
            x=depth,
            x_ticks=tuple(blocks),
        ),
        Panel(
            (*dotted(pattern, "", "logit"),),
            title=t("fig.roles.pattern"),
            y=t("fig.roles.correlation"),
            y_range=(min(0.0, float(pattern.min())), 1),
            x=depth,
            x_ticks=tuple(blocks),
        ),
    )
    columns = (eta2, between, within, high, low, pattern)
    rows = tuple((name, *(float(c[i]) for c in columns)) for i, name in enumerate(blocks))
    said = {"block": blocks[best], "eta": f"{eta2[best]:.2f}"}
    header = ("block", "eta2", "between", "within", "share > 0.9", "share < 0.1", "correlation")
    return Figure(
        "roles-findings",
        t("fig.roles.findings", **said),
        panels,
        2,
        Table(header, rows),
        t("fig.roles.findings.alt", **said),
        note=t("fig.roles.findings.note", chance=f"{chance:.3f}"),
        height=680,
    )


def draw_guess(
    blocks: Sequence[str], nearest: Sequence[str], ranks: Sequence[int], wanted: str, total: int, own: bool, t: Texts
) -> Figure:
    """One row a block: the rank of class ``wanted`` among ``total``, and the class that is nearest in name.

    ``own``: the network itself says ``wanted``; else most blocks do.
    """
    y, rank = np.arange(len(blocks), dtype=float), np.array(ranks, dtype=float)
    words = [
        Text(float(r) + 0.012 * total, float(i), f"{r:.0f} · {name}", anchor="start")
        for i, (r, name) in enumerate(zip(rank, nearest, strict=True))
    ]
    panel = Panel(
        (Bars(rank, y, "", "gate", horizontal=True, width=0.7), *words, Rule(1, "x", "", "pinned")),
        x=t("fig.roles.rank", wanted=wanted, k=total),
        y=t("fig.roles.depth"),
        x_range=(0, 1.3 * total),
        y_range=(len(blocks) - 0.5, -0.5),
        x_ticks=(1.0, *(float(n) for n in (range(10, total + 1, 10) if total >= 10 else range(2, total + 1)))),
        y_ticks=tuple((float(i), name) for i, name in enumerate(blocks)),
    )
    first = sum(r == 1 for r in ranks)
    said = {"wanted": wanted, "n": first, "blocks": len(blocks), "last": nearest[-1]}
    return Figure(
        "roles-guess",
        t("fig.roles.guess" if own else "fig.roles.guess.most", **said),
        (panel,),
        1,
        Table(("block", "nearest class", f"rank of {wanted}"), tuple(zip(blocks, nearest, ranks, strict=True))),
        t("fig.roles.guess.alt", **said),
        note=t("fig.roles.guess.note"),
        height=130 + 36 * len(blocks),
    )
