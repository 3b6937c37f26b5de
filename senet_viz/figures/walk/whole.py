"""The whole block in one row: what the stage shows step by step, as a figure for paper."""

from collections.abc import Sequence

import numpy as np

from senet_viz.drawing.grammar import Bars, Figure, Mark, Panel, Photo, Scale, Table
from senet_viz.figures.pieces import followed, minus, picture, stacked
from senet_viz.i18n import Texts

PARTS = {  # of each step of the stage
    "maps": ("photo", "maps"),
    "squeeze": ("maps", "z"),
    "compress": ("z", "hidden"),
    "expand": ("hidden", "logit"),
    "gate": ("logit", "gate"),
    "rescale": ("maps", "gate", "out"),
}
EVERY = ("photo", "maps", "z", "hidden", "gate", "out")


def draw_whole(
    shown: np.ndarray,
    u_c: np.ndarray,
    out_c: np.ndarray,
    numbers: dict[str, np.ndarray],
    channel: int,
    kernels: Sequence[str],
    step: str,
    t: Texts,
) -> Figure:
    """Draw the parts of the block that a step of the stage is about, the pinned channel marked.

    Args:
        shown: (H', W', 3) the photo. u_c, out_c: (H, W) the pinned channel before and after.
        numbers: z (C,), logit and gate (M, C), hidden (C/r,) where the block has hidden units.
        kernels: names of the M branches.
    """
    scale = Scale.around_zero(f"u{channel}, x̃{channel}", np.concatenate([u_c.ravel(), out_c.ravel()]))
    panels = {
        "photo": Panel((Photo(shown),), t("fig.map.photo")),
        "maps": picture(u_c, scale, f"u{channel}", t("fig.before.u", c=channel)),
        "out": picture(out_c, scale, f"x̃{channel}", t("fig.before.out", c=channel)),
    }
    pinned = t("fig.pinned", c=channel)
    for name, values in numbers.items():
        panels[name] = Panel(
            tuple(_bars(name, values, channel, pinned, kernels)), f"{t(f'fig.whole.{name}')} ({values.shape[-1]})",
            x_ticks=(), legend=False, y_range=(0, 1) if name == "gate" else None,
        )  # fmt: skip
    parts = [part for part in PARTS.get(step, EVERY) if part in panels]
    rows = [
        (name, i, *(float(v[i]) for v in np.atleast_2d(values)), *("",) * (len(kernels) - len(np.atleast_2d(values))))
        for name, values in numbers.items()
        for i in range(values.shape[-1])
    ]
    header = ("quantity", "index", *(kernels if len(kernels) > 1 else ("value",)))
    gate = ", ".join(minus(f"{g:.4f}") for g in numbers["gate"][:, channel])
    said = {"c": channel, "n": len(numbers["z"]), "z": minus(f"{numbers['z'][channel]:.4f}"), "s": gate}
    return Figure(
        "block-whole", t("fig.whole.title", **said), tuple(panels[part] for part in parts), 3,
        Table(header, tuple(rows)), t("fig.whole.alt", **said), t("fig.before.note"),
        height=560 if len(parts) > 3 else 330,
    )  # fmt: skip


def _bars(name: str, values: np.ndarray, channel: int, pinned: str, kernels: Sequence[str]) -> list[Mark]:
    if name == "hidden":
        return [Bars(np.arange(len(values)), values, name, "hidden", width=0.8)]
    if values.ndim == 1 or len(values) == 1:
        return followed(np.atleast_2d(values)[0], channel, name, name, pinned)
    if name == "gate":
        return stacked(values, kernels, range(len(values)))
    return [
        Bars(np.arange(values.shape[1]), values[-1] - values[0], f"{kernels[-1]} \u2212 {kernels[0]}", "logit", width=1)
    ]
