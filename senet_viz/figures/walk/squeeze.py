"""Squeeze: one channel's map becomes one number (SENet, eq. 2)."""

from __future__ import annotations

import numpy as np

from senet_viz.drawing.grammar import Bars, Box, Figure, Heat, Panel, Photo, Rule, Scale, Table, Text, cells
from senet_viz.i18n import Texts


def draw_map(shown: np.ndarray, u_c: np.ndarray, z_c: float, channel: int, scale: Scale, t: Texts) -> Figure:
    """The photo (H', W', 3), the pinned channel's map u_c (H, W), and the number z_c it is squeezed to."""
    h, w = u_c.shape
    number = np.array([[z_c]])
    panels = (
        Panel((Photo(shown),), title=t("fig.map.photo")),
        Panel(
            (Heat(u_c, scale, hover=f"u{channel}"),), title=t("fig.map.u", c=channel, h=h, w=w), equal=True, axes=False
        ),
        Panel(
            (Heat(number, scale, hover=f"z{channel}"), Text(0, 0, f"{z_c:.4f}", size=22, colour=_on(scale, z_c))),
            title=t("fig.map.z", c=channel),
            equal=True,
            axes=False,
        ),
    )
    alt = t("fig.map.alt", c=channel, h=h, w=w, z=f"{z_c:.4f}", low=f"{u_c.min():.3f}", high=f"{u_c.max():.3f}")
    return Figure(
        "squeeze-channel",
        t("fig.map.title", c=channel),
        panels,
        3,
        Table(("row", "column", f"u_{channel}"), cells(u_c)),
        alt,
        note=t("fig.map.note", z=f"{z_c:.6f}", n=h * w),
        widths=(1, 1, 0.45),
        height=330,
    )


def _on(scale: Scale, value: float) -> str:
    """A text colour that is read on this scale's colour of ``value``, in both themes."""
    luminance = scale.paint(np.array(value)).astype(float) @ (0.299, 0.587, 0.114)
    return "on_light" if luminance > 140 else "on_dark"


def draw_z(z: np.ndarray, order: np.ndarray, channel: int, t: Texts) -> Figure:
    """z (C,) as bars, in this order, the pinned channel marked."""
    place = int(np.flatnonzero(order == channel)[0])
    x = np.arange(len(z))
    rest = x != place
    panel = Panel(
        (
            Bars(x[rest], z[order][rest], "z", "z", width=1),
            Bars(x[[place]], z[[channel]], t("fig.pinned", c=channel), "pinned", width=max(1, len(z) / 120)),
            Rule(float(z.mean()), "y", t("fig.z.mean", mean=f"{z.mean():.3f}")),
        ),
        x=t("fig.channels", n=len(z)),
        y="z",
        x_ticks=(),
    )
    rows = tuple((int(c), float(z[c])) for c in order)
    alt = t("fig.z.alt", n=len(z), c=channel, z=f"{z[channel]:.4f}", top=int(z.argmax()))
    return Figure("squeeze-z", t("fig.z.title"), (panel,), 1, Table(("channel", "z"), rows), alt, height=240)


def draw_pooled(maps: tuple[np.ndarray, ...], titles: tuple[str, ...], channel: int, scale: Scale, t: Texts) -> Figure:
    """The pinned channel (h, w) through pools of several output sizes."""
    panels = tuple(
        Panel((Heat(m, scale, hover=f"{title}"),), title=title, equal=True, axes=False)
        for m, title in zip(maps, titles, strict=True)
    )
    rows = tuple((title, *row) for m, title in zip(maps, titles, strict=True) for row in cells(m))
    alt = t("fig.pooled.alt", c=channel, sizes="; ".join(titles))
    return Figure(
        "squeeze-pooled",
        t("fig.pooled.title", c=channel),
        panels,
        len(panels),
        Table(("pool", "row", "column", "value"), rows),
        alt,
        widths=tuple(max(m.shape[1] / m.shape[0], 0.9) for m in maps),
        height=260,
    )


def draw_sizes(maps: tuple[np.ndarray, ...], names: tuple[str, ...], channel: int, t: Texts) -> Figure:
    """The pinned channel (H, W) at several input sizes, each with the one number that it is squeezed to."""
    scale = Scale.around_zero(f"u{channel}", np.concatenate([m.ravel() for m in maps]))
    panels: list[Panel] = []
    for m, name in zip(maps, names, strict=True):
        z = float(m.mean(dtype=np.float64))
        number = Text(0, 0, f"{z:.4f}", size=20, colour=_on(scale, z))
        panels.append(Panel((Heat(m, scale, hover=f"u{channel}"),), title=name, equal=True, axes=False))
        panels.append(Panel((Heat(np.array([[z]]), scale, hover="z"), number), title="z", equal=True, axes=False))
    rows = tuple((name, *row) for m, name in zip(maps, names, strict=True) for row in cells(m))
    alt = t("fig.sizes.alt", c=channel, sizes="; ".join(names))
    return Figure(
        "squeeze-sizes",
        t("fig.sizes.title", c=channel),
        tuple(panels),
        len(panels),
        Table(("input", "row", "column", "value"), rows),
        alt,
        widths=(1, 0.5) * len(maps),
        height=280,
    )


def draw_atlas(
    rgb: np.ndarray, scale: Scale, box: tuple[float, float, float, float] | None, title: str, t: Texts
) -> Figure:
    """An atlas for a slide: its pixels, and a frame (x0, y0, x1, y1) around the pinned channel."""
    marks = (Photo(rgb, scale), *(() if box is None else (Box(*box),)))
    return Figure(
        "atlas",
        title,
        (Panel(marks),),
        1,
        Table(("width", "height"), (rgb.shape[1::-1],)),
        t("fig.atlas.alt", title=title),
    )
