"""Inside a Selective Kernel unit: split, fuse, select for the pinned channel (SKNet, section 3.1, eqs. 1-6)."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from senet_viz.drawing import palette
from senet_viz.drawing.grammar import Bars, Box, Figure, Mark, Panel, Rule, Scale, Table, Text, cells
from senet_viz.figures.pieces import beside, followed, listing, matrix, minus, picture, stacked, table
from senet_viz.i18n import Texts


def _scale(u: np.ndarray, *more: np.ndarray) -> Scale:
    return Scale.around_zero("U, V", [f(m) for m in (u, u.sum(0), *more) for f in (np.min, np.max)])


def draw_path(
    u: np.ndarray, z_c: float, logits: np.ndarray, gate: np.ndarray, channel: int, kernels: Sequence[str], t: Texts
) -> Figure:
    """Draw one channel all the way: its maps u (M, H, W), their sum and its mean z_c, M logits, M weights, V (H, W).

    ``kernels``, here and below: how far each branch sees, as in 3×3 and 5×5.
    """
    count, total, out = len(u), u.sum(axis=0), np.einsum("m,mhw->hw", gate, u)
    scale = _scale(u, out)
    split = [picture(u_m, scale, f"U{m}", t("fig.path.u", k=kernels[m])) for m, u_m in enumerate(u)]
    fuse = picture(total, scale, "U", t("fig.path.sum"))
    lowest, highest = min(0.0, float(logits.min())), max(0.0, float(logits.max()))
    room = 0.4 * ((highest - lowest) or 1.0)
    from_ = Panel(
        _bars(logits, kernels, room / 2), title=t("fig.path.logits"),
        y_range=(lowest - room, highest + room), x_ticks=tuple(kernels), y_ticks=(), legend=False,
    )  # fmt: skip
    choice = Panel(
        _bars(gate, kernels, 0.13), title=t("fig.path.weights"), y_range=(0, 1.25),
        x_ticks=tuple(kernels), y_ticks=(), legend=False,
    )  # fmt: skip
    panels = (*split, fuse, from_, choice, picture(out, scale, "V", t("fig.path.out", c=channel)))
    rows = Table(("row", "column", *(f"U{m}" for m in range(count)), "U", "V"), cells(*u, total, out))
    winner = int(gate.argmax())
    title = t("fig.path.title", c=channel, k=kernels[winner], share=f"{gate[winner]:.0%}")
    shares = ", ".join(f"{kernel} {a:.4f}" for kernel, a in zip(kernels, gate, strict=True))
    alt = t("fig.path.alt", c=channel, m=count, z=f"{z_c:.4f}", shares=shares)
    note = t("fig.path.note", sum=f"{gate.sum():.6f}", z=f"{z_c:.3f}")
    if count > 2:  # one row would be too narrow for the numbers of the bars
        return Figure("sk-path", title, panels, count + 1, rows, alt, note, (1,) * (count + 1), height=390)
    return Figure("sk-path", title, panels, len(panels), rows, alt, note, (1.3, 1.3, 1.3, 1.2, 1.2, 1.3), height=230)


def _bars(values: np.ndarray, kernels: Sequence[str], gap: float) -> tuple[Mark, ...]:
    """Return a bar a branch in its colour, its number beyond its end."""
    bars = [Bars(np.array([m]), np.array([v]), kernels[m], palette.branch(m), width=0.7) for m, v in enumerate(values)]
    ends = [Text(m, float(v) + (gap if v >= 0 else -gap), minus(f"{v:.3f}"), 15) for m, v in enumerate(values)]
    return (*bars, *ends)


def draw_kernels(kernels: Sequence[np.ndarray], taps: int, channel: int, t: Texts) -> Figure:
    """Draw each branch's kernel for one channel as it lies on the map: (n, n), NaN where it reads nothing."""
    scale = Scale.around_zero("w", np.concatenate([k.ravel() for k in kernels]), "weight")
    widest, panels, rows = max(len(k) for k in kernels), list[Panel](), list[tuple[object, ...]]()
    for m, kernel in enumerate(kernels):
        margin = (widest - len(kernel)) // 2
        around = np.pad(kernel, margin, constant_values=np.nan)
        box = Box(margin - 0.5, margin - 0.5, widest - margin - 0.5, widest - margin - 0.5, palette.branch(m))
        gaps = (len(kernel) - 1) // (round(taps**0.5) - 1)
        panels.append(picture(around, scale, "w", t("fig.skkernel.branch", n=len(kernel), taps=taps, d=gaps), box))
        rows += [(m, int(i), int(j), float(kernel[i, j])) for i, j in np.argwhere(np.isfinite(kernel))]
    sides = ", ".join(f"{len(k)}×{len(k)}" for k in kernels)
    title, alt = t("fig.skkernel.title", taps=taps), t("fig.skkernel.alt", c=channel, sides=sides, taps=taps)
    listed, note = Table(("branch", "row", "column", "weight"), tuple(rows)), t("fig.skkernel.note", c=channel)
    return Figure("sk-kernels", title, tuple(panels), len(panels), listed, alt, note, height=330)


def draw_fuse(total: np.ndarray, z: np.ndarray, h: np.ndarray, channel: int, t: Texts) -> Figure:
    """Draw how the sum of the pinned channel (H, W) becomes one of the C means z, and those the d numbers h."""
    c, d, dead = len(z), len(h), int((h == 0).sum())
    means, short = followed(z, channel, "z", "z", f"z{channel}", 60), Bars(np.arange(d), h, "h", "hidden", width=0.8)
    panels = (
        picture(total, Scale.around_zero(f"U{channel}", total), "U", t("fig.fuse.map", c=channel)),
        Panel(tuple(means), title=t("fig.fuse.z", n=c), x_ticks=(), legend=False),
        Panel((short,), title=t("fig.fuse.h", n=d), x_ticks=(), legend=False),
    )
    rows = table(("vector", "index", "value"), "z" * c + "h" * d, (*range(c), *range(d)), np.concatenate((z, h)))
    alt = t("fig.fuse.alt", c=channel, z=f"{z[channel]:.4f}", n=c, d=d, dead=dead)
    title, note = t("fig.fuse.title", c=c, d=d), t("fig.fuse.note", dead=dead, d=d)
    return Figure("sk-fuse", title, panels, 3, rows, alt, note, widths=(0.8, 1.3, 1), height=300)


def draw_rows(w2: np.ndarray, h: np.ndarray, channel: int, kernels: Sequence[str], t: Texts) -> Figure:
    """Draw the last layer (M, C, d) as matrices A, B, ... with the pinned rows marked, and their products with h."""
    count, c, d = w2.shape
    scale, letters = Scale.around_zero("W", w2, "weight"), [chr(ord("A") + m) for m in range(count)]  # the paper's
    row = max(0.5, c / 160)  # high enough to be seen
    pinned = Box(-0.5, channel - row, d - 0.5, channel + row)
    panels = [
        Panel((matrix(w2[m], scale, name), pinned), title=f"{name}: {m * c}–{(m + 1) * c - 1}", axes=False)
        for m, name in enumerate(letters)
    ]
    parts = w2[:, channel] * h
    order = np.argsort(-np.abs(parts).max(axis=0), kind="stable")[:10]
    places, thick = np.arange(len(order)), 0.8 / count
    marks = tuple(
        Bars(places + (m - (count - 1) / 2) * thick, parts[m, order], f"{name}·h", palette.branch(m), width=thick)
        for m, name in enumerate(letters)
    )
    sums = minus(" · ".join(f"g{m} = {name}h = {parts[m].sum():.3f}" for m, name in enumerate(letters)))
    panels.append(Panel(marks, title=sums, x_ticks=tuple(f"h{j}" for j in order)))
    named = [f"{name}_{channel}" for name in letters]
    header = ("unit", "h", *named, *(f"{name}*h" for name in named))
    rows = table(header, range(d), h, *w2[:, channel], *parts)
    title, alt = t("fig.rows.title", n=count * c, d=d, m=count), t("fig.rows.alt", c=channel, m=count, sums=sums)
    note = t("fig.rows.note", c=channel, pairs=", ".join(f"{name}: {kernels[m]}" for m, name in enumerate(letters)))
    widths = (0.7,) * count + (1.5,)
    return Figure("sk-rows", title, tuple(panels), count + 1, rows, alt, note, widths, height=400)


def draw_mix(
    u: np.ndarray, gate: np.ndarray, own: np.ndarray, channel: int, kernels: Sequence[str], t: Texts
) -> Figure:
    """Draw every map (M, H, W) times its weight (M,), their sum V, and V with the unit's own weights (M,)."""
    parts = gate[:, None, None] * u
    out, before = parts.sum(axis=0), np.einsum("m,mhw->hw", own, u)
    scale, same = _scale(u, out, before), np.array_equal(gate, own)
    panels = [picture(part, scale, f"a{m} U{m}", f"{gate[m]:.3f} · {kernels[m]}") for m, part in enumerate(parts)]
    panels.append(picture(out, scale, "V", t("fig.mix.sum")))
    if not same:
        panels.append(picture(before, scale, "V", t("fig.mix.own")))
    moved = float(np.linalg.norm(out - before) / max(float(np.linalg.norm(before)), 1e-12))
    header = ("row", "column", *(f"a{m}*U{m}" for m in range(len(u))), "V", "V own")
    title = t("fig.mix.title.own" if same else "fig.mix.title", c=channel, moved=f"{moved:.0%}")
    alt = t("fig.mix.alt", c=channel, shares=", ".join(f"{g:.4f}" for g in gate), moved=f"{moved:.1%}")
    rows, note = Table(header, cells(*parts, out, before)), t("fig.mix.note")
    return Figure("sk-mix", title, tuple(panels), len(panels), rows, alt, note, height=320)


def draw_axis(
    gate: np.ndarray, wrong: np.ndarray, u: np.ndarray, left: float, channel: int, chosen: str,
    kernels: Sequence[str], t: Texts,
) -> Figure:  # fmt: skip
    """Draw the weights (M, C) of both softmaxes, stacked channel by channel, each beside the pinned channel's V.

    ``chosen``: "branches" shows the right one alone, "channels" the wrong one below it.
    """
    count, c = gate.shape
    ways = (("branches", gate), ("channels", wrong))[: 1 + (chosen == "channels")]
    maps = [np.einsum("m,mhw->hw", weights[:, channel], u) for _, weights in ways]
    scale, panels = _scale(u, *maps), list[Panel]()
    pin, below = Rule(channel, "x", "", "pinned"), t("fig.channels", n=c)
    for (key, weights), v in zip(ways, maps, strict=True):
        marks = (*stacked(weights, kernels, range(count)), pin)
        panels.append(Panel(marks, title=t(f"fig.axis.{key}"), y_range=(0, 1.02), x_ticks=(), x=below))
        panels.append(picture(v, scale, "V", t("fig.axis.v", c=channel, top=f"{np.abs(v).max():.3f}")))
    header = ("channel", *(f"{key} a{m}" for key in ("branches", "channels") for m in range(count)))
    title, rows = t(f"fig.axis.title.{chosen}", left=f"{left:.1%}"), table(header, range(c), *gate, *wrong)
    alt = t("fig.axis.alt", n=c, column=f"{wrong[:, channel].sum():.4f}", left=f"{left:.1%}", c=channel)
    return Figure("sk-axis", title, tuple(panels), 2, rows, alt, widths=(2.4, 1), height=300 * len(ways))


def draw_scores(names: Sequence[str], shares: np.ndarray, ways: Sequence[str], t: Texts) -> Figure:
    """Draw what the network takes the photo for, (n, classes), a panel a way."""
    places, panels, told = np.arange(len(names)), list[Panel](), []
    best = [names[int(row.argmax())] for row in shares]
    for way, name, row in zip(ways, best, shares, strict=True):
        ends = beside([float(p) + 0.02 for p in row], places, [f"{p:.1%}" for p in row], 15)
        marks = (Bars(row, places, way, "ink", horizontal=True), *ends)
        panel = listing(names, marks, title=way, x_range=(0, 1.25), x_ticks=(0.0, 0.5, 1.0))
        panels.append(panel if not panels else replace(panel, y_ticks=()))
        told.append(f"{way}: {name} {row.max():.1%}")
    said = {"right": best[0], "wrong": best[-1], "share": f"{shares[-1].max():.0%}"}
    title = t("fig.axisscores.same" if best[0] == best[-1] else "fig.axisscores.title", **said)
    alt, rows = t("fig.axisscores.alt", told="; ".join(told)), table(("class", *ways), names, *shares)
    return Figure("sk-scores", title, tuple(panels), len(panels), rows, alt, height=90 + 38 * len(names))
