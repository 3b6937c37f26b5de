"""What a training does to gates: the film of one photo, what blocks come to know of classes, and the accuracy."""

from collections.abc import Mapping, Sequence

import numpy as np

from senet_viz.drawing.grammar import Box, Figure, Heat, Line, Mark, Panel, Scale, Table
from senet_viz.figures.pieces import dotted, table
from senet_viz.figures.scale.channel_weights import strips
from senet_viz.i18n import Texts
from senet_viz.models import catalogue

COLOURS = dict(zip(catalogue.OURS, ("dead", "gate", "first", "second"), strict=True))


def _ticks(epochs: Sequence[int]) -> tuple[str, ...]:
    return tuple(map(str, epochs))


def _courses(top1: Mapping[str, Sequence[float]], epochs: Sequence[int] | None = None) -> list[Mark]:
    """Return a line a network: at its epochs, or at the columns of a film whose frames are ``epochs``."""
    marks: list[Mark] = []
    for key, values in top1.items():
        every = np.arange(float(len(values)))
        x = every if epochs is None else np.interp(every, epochs, range(len(epochs)))
        marks.append(Line(x, np.array(values), key, COLOURS[key], width=3))
    return marks


def draw_film(
    epochs: tuple[int, ...],
    names: tuple[str, ...],
    gates: tuple[np.ndarray, ...],
    here: int,
    channel: int,
    top1: Mapping[str, Sequence[float]],
    t: Texts,
) -> Figure:
    """Draw every block's gates (E, C) as a strip over the epochs, above it the accuracy, below it the pinned channel.

    Args:
        here: place of the pinned channel's block among the blocks.
        top1: of every network that is known, in percent after 0, 1, 2, ... epochs.
    """
    labels, curve, ends = _ticks(epochs), gates[here][:, channel], (-0.5, len(epochs) - 0.5)
    said = {"block": names[here], "c": channel}
    panels = (
        Panel(
            tuple(_courses(top1, epochs)),
            title=t("fig.learning.accuracy"),
            y="%",
            x_ticks=_numbered(labels),
            x_range=ends,
        ),
        strips(gates, len(epochs) - 1, names, here, t("fig.learning.strips"), t),
        Panel(
            tuple(dotted(np.arange(float(len(epochs))), curve, "", "pinned")),
            title=t("fig.film.curve", **said),
            x=t("fig.learning.epoch"),
            x_ticks=labels,
            x_range=ends,
        ),
    )
    rows = tuple(
        (epoch, name, c, value)
        for name, block in zip(names, gates, strict=True)
        for epoch, row in zip(epochs, block.tolist(), strict=True)
        for c, value in enumerate(row)
    )
    said |= {"n": len(epochs), "last": labels[-1], "a": f"{curve[0]:.4f}", "b": f"{curve[-1]:.4f}"}
    listed = Table(("epoch", "block", "channel", "gate"), rows)
    title, alt = t("fig.learning.title"), t("fig.learning.alt", **said)
    return Figure("learning-film", title, panels, 1, listed, alt, t("fig.learning.note"), height=640)


def _numbered(labels: Sequence[str]) -> tuple[tuple[float, str], ...]:
    return tuple((float(i), label) for i, label in enumerate(labels))


def draw_learned(
    epochs: tuple[int, ...],
    names: tuple[str, ...],
    eta2: np.ndarray,
    std: np.ndarray,
    chance: float,
    here: int,
    t: Texts,
) -> Figure:
    """Draw what blocks come to know of classes, and beside it how far their gates move: eta2 and std, both (E, B).

    Args:
        chance: eta2 of a class that plays no part.
        here: place of the block on screen.
    """
    ticks = _ticks(epochs)
    panels = tuple(
        Panel(
            (
                Heat(values.T, Scale.span(name, np.append(values, 0.0)), name),
                Box(-0.5, here - 0.5, len(epochs) - 0.5, here + 0.5),
            ),
            title=title,
            x=t("fig.learning.epoch"),
            x_ticks=ticks,
            y_ticks=names,
        )
        for values, name, title in ((eta2, "η²", t("fig.learning.eta2")), (std, "std", t("fig.learning.std")))
    )
    rows = [
        (name, epoch, float(eta2[e, b]), float(std[e, b]))
        for b, name in enumerate(names)
        for e, epoch in enumerate(epochs)
    ]
    best = int((eta2[-1] - eta2[0]).argmax())
    said = {"block": names[best], "a": f"{eta2[0, best]:.2f}", "b": f"{eta2[-1, best]:.2f}", "last": ticks[-1]}
    listed = Table(("block", "epoch", "eta2", "std"), tuple(rows))
    title, alt = t("fig.learning.learned", **said), t("fig.learning.learned.alt", **said)
    note, height = t("fig.learning.learned.note", chance=f"{chance:.2f}"), max(320, 24 * len(names) + 110)
    return Figure("learning-learned", title, panels, 2, listed, alt, note, height=height)


def draw_accuracy(top1: Mapping[str, Sequence[float]], size: int, t: Texts) -> Figure:
    """Draw the accuracy of networks in percent after 0, 1, 2, ... epochs, on pictures of ``size`` pixels a side."""
    last = max(map(len, top1.values()), default=1) - 1
    panel = Panel(tuple(_courses(top1)), x=t("fig.learning.epoch"), y="%", x_range=(0.0, float(last)))
    each = ", ".join(f"{key} {values[-1]:.1f} %" for key, values in top1.items())
    rows = table(
        ("network", "epoch", "accuracy, %"),
        *zip(*((k, e, v) for k, vs in top1.items() for e, v in enumerate(vs)), strict=True),
    )
    title, alt = t("fig.learning.courses"), t("fig.learning.courses.alt", last=last, each=each)
    return Figure(
        "learning-courses", title, (panel,), 1, rows, alt, t("fig.learning.courses.note", size=size), height=340
    )
