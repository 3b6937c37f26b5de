"""What gates do for each class: SENet's figs. 6 and 7, the findings by depth, and the class each block sees."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from senet_viz.drawing.grammar import Bars, Figure, Line, Mark, Panel, Rule, Table
from senet_viz.figures.pieces import beside, dotted, listing, table
from senet_viz.i18n import Texts

# at most four lines a panel besides mean and photo; of all roles, those that any kind of sight tells apart best
CLASSES = ("u", "second", "pre", "dead")
MOST = len(CLASSES)


@dataclass(frozen=True, eq=False)
class Curves:
    """One panel of curves shows a block's gates at its sampled channels."""

    title: str  # short name of the block
    total: int  # channels in all
    channels: np.ndarray  # (n,) which of them were sampled
    mean: np.ndarray  # (k, n) of each chosen class
    std: np.ndarray  # (k, n) within it
    every: np.ndarray  # (n,) mean over all classes
    photo: np.ndarray  # (n,) gates of the photo on screen
    pinned: int | None = None  # the channel that is followed everywhere, where this is its block


def _span(curves: Sequence[Curves], spread: bool) -> tuple[float, float]:
    """Return one range for all panels, in steps of 0.1: gates of blocks must not look alike when they are not.

    A mean less or plus a std may lie beyond 0 or 1, where no gate does.
    """
    values = [v for c in curves for v in (c.photo, c.every, c.mean - spread * c.std, c.mean + spread * c.std)]
    low, high = min(float(v.min()) for v in values), max(float(v.max()) for v in values)
    return np.floor(low * 10) / 10, np.ceil(high * 10) / 10


def _panel(t: Texts, c: Curves, marks: Sequence[Mark], span: tuple[float, float]) -> Panel:
    pin = () if c.pinned is None else (Rule(float(c.pinned), "x", f"c = {c.pinned}", "pinned"),)
    return Panel(
        (*marks, *pin),
        title=t("fig.roles.block", block=c.title),
        x=t("fig.roles.channel", c=c.total),
        y=t("gate.name"),
        x_range=(-0.01 * c.total, 1.01 * (c.total - 1)),
        y_range=span,
    )


def _sampled(t: Texts, curves: Sequence[Curves]) -> str:
    return t("fig.roles.sampled", n=max(len(c.channels) for c in curves))


def _figure(key: str, title: str, panels: Sequence[Panel], rows: Table, alt: str, note: str) -> Figure:
    return Figure(key, title, tuple(panels), len(panels), rows, alt, note, height=370)


def draw_fig6(curves: Sequence[Curves], classes: Sequence[str], t: Texts) -> Figure:
    """Draw the mean gate of every chosen class, of all classes together, and this photo's gates, one panel a block."""
    span, panels, rows = _span(curves, False), list[Panel](), list[tuple[object, ...]]()
    for c in curves:
        x = c.channels.astype(float)
        marks: list[Mark] = [Line(x, y, name, role) for name, role, y in zip(classes, CLASSES, c.mean, strict=False)]
        marks.append(Line(x, c.every, t("fig.roles.every"), "ink", dash=True))
        marks.append(Line(x, c.photo, t("fig.roles.photo"), "pinned"))
        panels.append(_panel(t, c, marks, span))
        values = zip(c.channels.tolist(), *c.mean.tolist(), c.every.tolist(), c.photo.tolist(), strict=True)
        rows += [(c.title, *each) for each in values]
    alt = t("fig.roles.fig6.alt", classes=", ".join(classes), blocks=", ".join(c.title for c in curves))
    note = f"{t('fig.roles.fig6.note')} {_sampled(t, curves)}"
    header = ("block", "channel", *classes, "all classes", "photo")
    return _figure("roles-fig6", t("fig.roles.fig6"), panels, Table(header, tuple(rows)), alt, note)


def draw_fig7(curves: Sequence[Curves], name: str, row: int, t: Texts) -> Figure:
    """Draw mean and std of the gates over the pictures of one class (``row`` of the curves), and this photo's gates."""
    span, panels, rows = _span(curves, True), list[Panel](), list[tuple[object, ...]]()
    for c in curves:
        x, mean, std = c.channels.astype(float), c.mean[row], c.std[row]
        marks = (
            Bars(x, 2 * std, t("fig.roles.band"), CLASSES[row], base=mean - std),
            Line(x, mean, t("fig.roles.mean"), "ink"),
            Line(x, c.photo, t("fig.roles.photo"), "pinned"),
        )
        panels.append(_panel(t, c, marks, span))
        values = zip(c.channels.tolist(), mean.tolist(), std.tolist(), c.photo.tolist(), strict=True)
        rows += [(c.title, *each) for each in values]
    widest = max(curves, key=lambda c: float(c.std[row].mean()))
    said = {"name": name, "block": widest.title, "std": f"{widest.std[row].mean():.3f}"}
    title, alt = t("fig.roles.fig7", **said), t("fig.roles.fig7.alt", **said)
    header = ("block", "channel", "mean", "std", "photo")
    return _figure("roles-fig7", title, panels, Table(header, tuple(rows)), alt, _sampled(t, curves))


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
    """Draw what decides the findings, by depth.

    Args:
        between, within: (B,) stds of gates between classes and within a class.
        high, low: (B,) shares of gates above 0.9 and below 0.1.
        pattern: (B,) correlation of the curves of two classes.
        chance: eta2 of no role at all.
    """
    names, ticks = np.array(blocks), tuple(blocks)
    eta2 = np.divide(between**2, between**2 + within**2, out=np.zeros_like(between), where=between + within > 0)
    best, depth = int(eta2.argmax()), t("fig.roles.depth")
    lowest, reach = min(0.0, float(pattern.min())), 1.1 * float(max(between.max(), within.max(), 0.01))
    rules = (Rule(chance, "y", t("fig.roles.chance")), Rule(0.5, "y"))
    stds = ((between, t("fig.roles.between"), "first"), (within, t("fig.roles.within"), "second"))
    shares = ((high, "> 0.9", "first"), (low, "< 0.1", "second"))
    rows = (
        (t("fig.roles.eta2"), "η²", (0, 1), ((eta2, "η²", "gate"),), rules),
        (t("fig.roles.stds"), t("fig.roles.std"), (0, reach), stds, ()),
        (t("fig.roles.shares"), t("fig.roles.share"), (-0.02, 1), shares, ()),
        (t("fig.roles.pattern"), t("fig.roles.correlation"), (lowest, 1), ((pattern, "", "logit"),), ()),
    )
    panels = tuple(
        Panel(
            (*(mark for line in lines for mark in dotted(names, *line)), *more),
            title,
            depth,
            y,
            y_range=y_range,
            x_ticks=ticks,
        )
        for title, y, y_range, lines, more in rows
    )
    said = {"block": blocks[best], "eta": f"{eta2[best]:.2f}"}
    header = ("block", "eta2", "between", "within", "share > 0.9", "share < 0.1", "correlation")
    listed = table(header, blocks, eta2, between, within, high, low, pattern)
    title, alt = t("fig.roles.findings", **said), t("fig.roles.findings.alt", **said)
    note = t("fig.roles.findings.note", chance=f"{chance:.3f}")
    return Figure("roles-findings", title, panels, 2, listed, alt, note, height=680)


def draw_guess(
    blocks: Sequence[str], nearest: Sequence[str], ranks: Sequence[int], wanted: str, total: int, own: bool, t: Texts
) -> Figure:
    """Draw the rank of class ``wanted`` among ``total``, a row a block, beside the name of the nearest class.

    ``own``: the network itself says ``wanted``; else most blocks do.
    """
    y, rank = np.arange(len(blocks), dtype=float), np.array(ranks, dtype=float)
    said = [f"{r:.0f} · {name}" for r, name in zip(rank, nearest, strict=True)]
    words = beside([float(r) + 0.012 * total for r in rank], y, said)
    panel = listing(
        blocks,
        (Bars(rank, y, "", "gate", horizontal=True, width=0.7), *words, Rule(1, "x", "", "pinned")),
        x=t("fig.roles.rank", wanted=wanted, k=total),
        y=t("fig.roles.depth"),
        x_range=(0, 1.3 * total),
        x_ticks=(1.0, *(float(n) for n in (range(10, total + 1, 10) if total >= 10 else range(2, total + 1)))),
    )
    told = {"wanted": wanted, "n": sum(r == 1 for r in ranks), "blocks": len(blocks), "last": nearest[-1]}
    title, alt = t("fig.roles.guess" if own else "fig.roles.guess.most", **told), t("fig.roles.guess.alt", **told)
    rows = table(("block", "nearest class", f"rank of {wanted}"), blocks, nearest, ranks)
    note, height = t("fig.roles.guess.note"), 130 + 36 * len(blocks)
    return Figure("roles-guess", title, (panel,), 1, rows, alt, note, height=height)
