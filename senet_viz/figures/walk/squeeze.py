"""Squeeze: one channel's map becomes one number (SENet, eq. 2)."""

import numpy as np

from senet_viz.drawing.grammar import Box, Figure, Panel, Photo, Rule, Scale, Table, cells
from senet_viz.figures.pieces import cell, followed, minus, picture, rank, table
from senet_viz.i18n import Texts


def draw_map(shown: np.ndarray, u_c: np.ndarray, z_c: float, channel: int, scale: Scale, how: str, t: Texts) -> Figure:
    """Draw the photo (H', W', 3), the pinned channel's map u_c (H, W), and the number z_c it is squeezed to.

    ``how`` says by what: "avg", "max", ... (``Replay.squeeze``).
    """
    h, w = u_c.shape
    panels = (
        Panel((Photo(shown),), title=t("fig.map.photo")),
        picture(u_c, scale, f"u{channel}", t("fig.map.u", c=channel, h=h, w=w)),
        cell(z_c, scale, f"z{channel}", t("fig.map.z", c=channel), 22),
    )
    rows = Table(("row", "column", f"u_{channel}"), cells(u_c))
    alt = t("fig.map.alt", c=channel, h=h, w=w, z=f"{z_c:.4f}", low=f"{u_c.min():.3f}", high=f"{u_c.max():.3f}")
    note = t("fig.map.note", z=f"{z_c:.6f}", n=h * w) if how == "avg" else t(f"walk.squeeze.how.{how}")
    title = t("fig.map.title", c=channel, z=minus(f"{z_c:.4f}"))
    return Figure("squeeze-channel", title, panels, 3, rows, alt, note, widths=(1, 1, 0.45), height=330)


def draw_z(z: np.ndarray, order: np.ndarray, channel: int, t: Texts) -> Figure:
    """Draw z (C,) as bars, in this order, the pinned channel marked."""
    mean = Rule(float(z.mean()), "y", t("fig.z.mean", mean=f"{z.mean():.3f}"))
    bars = followed(z[order], rank(order, channel), "z", "z", t("fig.pinned", c=channel))
    panel = Panel((*bars, mean), x=t("fig.channels", n=len(z)), y="z", x_ticks=())
    alt = t("fig.z.alt", n=len(z), c=channel, z=f"{z[channel]:.4f}", top=int(z.argmax()))
    rows = table(("channel", "z"), order, z[order])
    return Figure("squeeze-z", t("fig.z.title"), (panel,), 1, rows, alt, height=240)


def draw_pooled(maps: tuple[np.ndarray, ...], titles: tuple[str, ...], channel: int, scale: Scale, t: Texts) -> Figure:
    """Draw the pinned channel (h, w) through pools of several output sizes."""
    panels = tuple(picture(m, scale, title, title) for m, title in zip(maps, titles, strict=True))
    alt = t("fig.pooled.alt", c=channel, sizes="; ".join(titles))
    widths = tuple(max(m.shape[1] / m.shape[0], 0.9) for m in maps)
    title, rows = t("fig.pooled.title", c=channel), _cells("pool", titles, maps)
    return Figure("squeeze-pooled", title, panels, len(panels), rows, alt, widths=widths, height=260)


def _cells(what: str, names: tuple[str, ...], maps: tuple[np.ndarray, ...]) -> Table:
    """Return the cells of several maps, each row with the name of its map under ``what``."""
    rows = tuple((name, *row) for m, name in zip(maps, names, strict=True) for row in cells(m))
    return Table((what, "row", "column", "value"), rows)


def draw_sizes(maps: tuple[np.ndarray, ...], names: tuple[str, ...], channel: int, t: Texts) -> Figure:
    """Draw the pinned channel (H, W) at several input sizes, each with the one number that it is squeezed to."""
    scale = Scale.around_zero(f"u{channel}", np.concatenate([m.ravel() for m in maps]))
    panels: list[Panel] = []
    for m, name in zip(maps, names, strict=True):
        z = float(m.mean(dtype=np.float64))
        panels += [picture(m, scale, f"u{channel}", name), cell(z, scale, "z", "z", 20)]
    alt, widths = t("fig.sizes.alt", c=channel, sizes="; ".join(names)), (1, 0.5) * len(maps)
    title, rows = t("fig.sizes.title", c=channel), _cells("input", names, maps)
    return Figure("squeeze-sizes", title, tuple(panels), len(panels), rows, alt, widths=widths, height=280)


def draw_atlas(
    rgb: np.ndarray, scale: Scale, box: tuple[float, float, float, float] | None, title: str, t: Texts
) -> Figure:
    """Draw an atlas for a slide: its pixels, and a frame (x0, y0, x1, y1) around the pinned channel."""
    panel = Panel((Photo(rgb, scale), *(() if box is None else (Box(*box),))))
    size = Table(("width", "height"), (rgb.shape[1::-1],))
    return Figure("atlas", title, (panel,), 1, size, t("fig.atlas.alt", title=title))
