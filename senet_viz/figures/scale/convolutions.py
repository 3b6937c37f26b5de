"""One convolution drawn: where its weights lie, which channels they connect, and how many there are."""

from collections.abc import Sequence

import numpy as np

from senet_viz.architecture.formulas import Conv
from senet_viz.drawing import palette
from senet_viz.drawing.grammar import Bars, Box, Figure, Panel, Text
from senet_viz.figures.pieces import listing, parted, table
from senet_viz.i18n import Texts


def draw_conv(conv: Conv, t: Texts) -> Figure:
    """Draw the k x k taps in their receptive field, the channels that groups connect, and the numbers of weights."""
    header = ("convolution", "k", "C", "G", "dilation", "receptive field", "weights of one filter", "weights")
    rows = (
        (name, each.k, each.channels, each.groups, each.dilation, each.field, each.per_filter, each.parameters)
        for name, each in _kinds(conv, t)
    )
    said = {"k": conv.k, "d": conv.dilation, "field": conv.field, "c": conv.channels, "g": conv.groups, "fan": conv.fan}
    n, panels = f"{conv.parameters:,}", (_taps(conv, t), _groups(conv, t), _counts(conv, t))
    title, alt = t("fig.conv.title", **said, n=n), t("fig.conv.alt", **said, n=n)
    counted = table(header, *zip(*rows, strict=True))
    return Figure("conv", title, panels, 3, counted, alt, widths=(1, 1.15, 1.5), height=390)


def _taps(conv: Conv, t: Texts) -> Panel:
    n, taps = conv.field, set(conv.taps)
    skipped = [(i, j) for i in range(n) for j in range(n) if (i, j) not in taps]
    marks = (
        *((_squares(skipped, t("fig.conv.skipped"), "grid"),) if skipped else ()),
        _squares(conv.taps, t("fig.conv.tap"), role(conv)),
        Box(-0.5, -0.5, n - 0.5, n - 0.5, role(conv)),
    )
    title = t("fig.conv.taps", k=conv.k, n=conv.k**2, field=n)
    return Panel(marks, title, x_range=(-1, n), y_range=(n, -1), equal=True, axes=False, legend=False)


def _squares(places: Sequence[tuple[int, int]], name: str, colour: str) -> Bars:
    """Return filled cells at (row, column)."""
    y, x = np.array(places, dtype=float).T
    return Bars(x, np.full(len(x), 0.84), name, colour, base=y - 0.42, width=0.84)


def role(conv: Conv) -> str:
    """Return its colour: that of the SK branch that sees as far, whatever its taps."""
    return palette.branch(max(0, (conv.field - 3) // 2))


def _groups(conv: Conv, t: Texts) -> Panel:
    """Return a panel whose rows are output channels, its columns input channels; filled where a weight connects."""
    c, fan = conv.channels, conv.fan
    starts, ends = np.arange(conv.groups) * fan, (0.0, float(c))
    blocks = Bars(starts + fan / 2, np.full(conv.groups, float(fan)), "", "u", base=starts, width=fan)
    title, named = t("fig.conv.groups", fan=fan, c=c, g=conv.groups), (t("fig.conv.in"), t("fig.conv.out"))
    marks = (blocks, Box(0, 0, c, c, "muted"))
    return Panel(marks, title, *named, x_range=(0, c), y_range=(c, 0), x_ticks=ends, y_ticks=ends, equal=True)


def _kinds(conv: Conv, t: Texts) -> tuple[tuple[str, Conv], ...]:
    """Return this one, then the others of its size that have other weights, with their names."""
    filled = conv.filled
    every = (
        (t("fig.conv.own", k=conv.k, g=conv.groups), conv),
        (t("fig.conv.filled", k=filled.k, g=filled.groups), filled),
        (t("fig.conv.dense", k=conv.k), conv.dense),
        (t("fig.conv.depthwise", k=conv.k), conv.depthwise),
    )
    found: dict[tuple[int, int], tuple[str, Conv]] = {}
    for name, each in every:
        found.setdefault((each.k, each.groups), (name, each))
    return tuple(found.values())


def _counts(conv: Conv, t: Texts) -> Panel:
    names, kinds = zip(*_kinds(conv, t), strict=True)
    counts, places = np.array([each.parameters for each in kinds], dtype=float), np.arange(len(kinds), dtype=float)
    own, top = places == 0, counts.max()
    labels = (
        Text(n + 0.02 * top, i, f"{int(n):,}", 16, "ink" if i else role(conv), anchor="start")
        for i, n in enumerate(counts)
    )
    ways = ((own, "own", role(conv)), (~own, "others", "muted"))
    bars = parted(counts, places, *ways, horizontal=True, width=0.7)
    range_ = (0, 1.4 * top)
    return listing(names, (*bars, *labels), title=t("fig.conv.weights"), x_range=range_, x_ticks=(), legend=False)
