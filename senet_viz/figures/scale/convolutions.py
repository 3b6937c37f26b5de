"""One convolution drawn: where its weights lie, which channels they connect, and how many there are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from senet_viz.architecture.convolutions import Conv
from senet_viz.drawing import palette
from senet_viz.drawing.grammar import Bars, Box, Figure, Panel, Table, Text
from senet_viz.i18n import Texts


def draw_conv(conv: Conv, t: Texts) -> Figure:
    """The k x k taps in their receptive field, the channels that the groups connect, and the numbers of weights."""
    return Figure(
        "conv",
        t("fig.conv.title", k=conv.k, field=conv.field, n=f"{conv.parameters:,}"),
        (_taps(conv, t), _groups(conv, t), _bars(conv, t)),
        3,
        Table(
            ("convolution", "k", "C", "G", "dilation", "receptive field", "weights of one filter", "weights"),
            tuple(
                (name, each.k, each.channels, each.groups, each.dilation, each.field, each.per_filter, each.parameters)
                for name, each in _kinds(conv, t)
            ),
        ),
        t("fig.conv.alt", k=conv.k, d=conv.dilation, field=conv.field, c=conv.channels, g=conv.groups,
          fan=conv.fan, n=f"{conv.parameters:,}"),
        widths=(1, 1.15, 1.5),
        height=390,
    )  # fmt: skip


def _taps(conv: Conv, t: Texts) -> Panel:
    n, taps = conv.field, set(conv.taps)
    skipped = [(i, j) for i in range(n) for j in range(n) if (i, j) not in taps]
    marks = (
        *((_squares(skipped, t("fig.conv.skipped"), "grid"),) if skipped else ()),
        _squares(conv.taps, t("fig.conv.tap"), role(conv)),
        Box(-0.5, -0.5, n - 0.5, n - 0.5, role(conv)),
    )
    return Panel(
        marks, title=t("fig.conv.taps", k=conv.k, n=conv.k**2, field=n), x_range=(-1, n), y_range=(n, -1), equal=True,
        axes=False, legend=False,
    )  # fmt: skip


def _squares(places: Sequence[tuple[int, int]], name: str, colour: str) -> Bars:
    """Filled cells at (row, column)."""
    y, x = np.array(places, dtype=float).T
    return Bars(x, np.full(len(x), 0.84), name, colour, base=y - 0.42, width=0.84)


def role(conv: Conv) -> str:
    """Return its colour: that of the SK branch that sees as far, whatever its taps."""
    return palette.branch(max(0, (conv.field - 3) // 2))


def _groups(conv: Conv, t: Texts) -> Panel:
    """Rows are output channels, columns input channels; filled where a weight connects them."""
    c, fan = conv.channels, conv.fan
    starts = np.arange(conv.groups) * fan
    blocks = Bars(starts + fan / 2, np.full(conv.groups, float(fan)), "", "u", base=starts, width=fan)
    title = t("fig.conv.groups", fan=fan, c=c, g=conv.groups)
    return Panel(
        (blocks, Box(0, 0, c, c, "muted")), title=title, x=t("fig.conv.in"), y=t("fig.conv.out"), x_range=(0, c),
        y_range=(c, 0), x_ticks=(0.0, float(c)), y_ticks=(0.0, float(c)), equal=True,
    )  # fmt: skip


def _kinds(conv: Conv, t: Texts) -> tuple[tuple[str, Conv], ...]:
    """This one, then the others of its size that have other weights."""
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


def _bars(conv: Conv, t: Texts) -> Panel:
    kinds = _kinds(conv, t)
    counts = np.array([each.parameters for _, each in kinds], dtype=float)
    names = np.array([name for name, _ in kinds])
    places = np.arange(len(kinds), dtype=float)
    own = places == 0
    top = counts.max()
    labels = tuple(
        Text(n + 0.02 * top, i, f"{int(n):,}", 16, role(conv) if mine else "ink", anchor="start")
        for i, (n, mine) in enumerate(zip(counts, own, strict=True))
    )
    marks = [Bars(counts[own], places[own], "own", role(conv), horizontal=True, width=0.7)]
    if not own.all():
        marks.append(Bars(counts[~own], places[~own], "others", "muted", horizontal=True, width=0.7))
    return Panel(
        (*marks, *labels), title=t("fig.conv.weights"), x_range=(0, 1.4 * top), y_range=(len(kinds) - 0.5, -0.5),
        y_ticks=tuple((float(i), str(name)) for i, name in enumerate(names)), x_ticks=(), legend=False,
    )  # fmt: skip
