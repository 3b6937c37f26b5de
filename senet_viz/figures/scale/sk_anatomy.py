"""Inside a Selective Kernel unit: split, fuse, select for the pinned channel (SKNet, section 3.1, eqs. 1-6)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from senet_viz.drawing import palette
from senet_viz.drawing.grammar import Bars, Box, Figure, Heat, Mark, Panel, Rule, Scale, Table, Text, cells
from senet_viz.figures.walk.excitation import matrix
from senet_viz.i18n import Texts


def size(branch: int) -> str:
    """How far branch m sees: 3x3, "5x5", ..."""
    return f"{2 * branch + 3}×{2 * branch + 3}"


def _map(values: np.ndarray, scale: Scale, hover: str, title: str) -> Panel:
    return Panel((Heat(values, scale, hover=hover),), title=title, equal=True, axes=False)


def _scale(u: np.ndarray, *more: np.ndarray) -> Scale:
    return Scale.around_zero("U, V", [f(m) for m in (u, u.sum(0), *more) for f in (np.min, np.max)])


def draw_path(u: np.ndarray, z_c: float, logits: np.ndarray, gate: np.ndarray, channel: int, t: Texts) -> Figure:
    """One channel all the way: its maps u (M, H, W), their sum and its mean z_c, M logits, M weights, V (H, W)."""
    count, total = len(u), u.sum(axis=0)
    out = np.einsum("m,mhw->hw", gate, u)
    scale = _scale(u, out)
    split = [_map(u_m, scale, f"U{m}", t("fig.path.u", k=size(m))) for m, u_m in enumerate(u)]
    fuse = _map(total, scale, "U", t("fig.path.sum", z=f"{z_c:.3f}"))
    lowest, highest = min(0.0, float(logits.min())), max(0.0, float(logits.max()))
    room = 0.4 * ((highest - lowest) or 1.0)
    from_ = Panel(
        _bars(logits, room / 2), title=t("fig.path.logits"),
        y_range=(lowest - room, highest + room), x_ticks=tuple(map(size, range(count))), legend=False,
    )  # fmt: skip
    choice = Panel(
        _bars(gate, 0.13), title=t("fig.path.weights"), y_range=(0, 1.25),
        x_ticks=tuple(map(size, range(count))), y_ticks=(0.0, 0.5, 1.0), legend=False,
    )  # fmt: skip
    select = _map(out, scale, "V", t("fig.path.out", c=channel))
    winner = int(gate.argmax())
    header = ("row", "column", *(f"U{m}" for m in range(count)), "U", "V")
    shares = ", ".join(f"{size(m)} {a:.4f}" for m, a in enumerate(gate))
    return Figure(
        "sk-path",
        t("fig.path.title", c=channel, k=size(winner), share=f"{gate[winner]:.0%}"),
        (*split, fuse, from_, choice, select),
        count + 1,
        Table(header, cells(*u, total, out)),
        t("fig.path.alt", c=channel, m=count, z=f"{z_c:.4f}", shares=shares),
        note=t("fig.path.note", sum=f"{gate.sum():.6f}"),
        widths=(1,) * (count + 1),
        height=600 if count < 3 else 520,
    )


def _bars(values: np.ndarray, gap: float) -> tuple[Mark, ...]:
    """A bar a branch in its colour, its number beyond its end."""
    bars = [Bars(np.array([m]), np.array([v]), size(m), palette.branch(m), width=0.7) for m, v in enumerate(values)]
    ends = [
        Text(m, float(v) + (gap if v >= 0 else -gap), f"{v:.3f}".replace("-", "\u2212"), 17)
        for m, v in enumerate(values)
    ]
    return (*bars, *ends)


def draw_kernels(kernels: Sequence[np.ndarray], taps: int, channel: int, t: Texts) -> Figure:
    """Each branch's kernel for one channel as it lies on the map: (n, n), NaN where it reads nothing."""
    scale = Scale.around_zero("w", np.concatenate([k.ravel() for k in kernels]), "weight")
    widest = max(len(k) for k in kernels)
    panels = []
    for m, kernel in enumerate(kernels):
        margin = (widest - len(kernel)) // 2
        around = np.pad(kernel, margin, constant_values=np.nan)
        box = Box(margin - 0.5, margin - 0.5, widest - margin - 0.5, widest - margin - 0.5, palette.branch(m))
        title = t("fig.skkernel.branch", n=len(kernel), taps=taps, d=(len(kernel) - 1) // (round(taps**0.5) - 1))
        panels.append(Panel((Heat(around, scale, hover="w"), box), title=title, equal=True, axes=False))
    rows = tuple(
        (m, int(i), int(j), float(kernel[i, j]))
        for m, kernel in enumerate(kernels)
        for i, j in np.argwhere(np.isfinite(kernel))
    )
    sides = ", ".join(f"{len(k)}×{len(k)}" for k in kernels)
    return Figure(
        "sk-kernels",
        t("fig.skkernel.title", taps=taps),
        tuple(panels),
        len(panels),
        Table(("branch", "row", "column", "weight"), rows),
        t("fig.skkernel.alt", c=channel, sides=sides, taps=taps),
        note=t("fig.skkernel.note", c=channel),
        height=330,
    )


def draw_fuse(total: np.ndarray, z: np.ndarray, h: np.ndarray, channel: int, t: Texts) -> Figure:
    """The sum of the pinned channel (H, W) becomes one of the C means z, and those the d numbers h."""
    c, d = np.arange(len(z)), np.arange(len(h))
    rest = c != channel
    panels = (
        _map(total, Scale.around_zero(f"U{channel}", total), "U", t("fig.fuse.map", c=channel)),
        Panel(
            (
                Bars(c[rest], z[rest], "z", "z", width=1),
                Bars(c[[channel]], z[[channel]], f"z{channel}", "pinned", width=max(1.0, len(z) / 60)),
            ),
            title=t("fig.fuse.z", n=len(z)),
            x_ticks=(),
            legend=False,
        ),
        Panel((Bars(d, h, "h", "hidden", width=0.8),), title=t("fig.fuse.h", n=len(h)), x_ticks=(), legend=False),
    )
    rows = (*(("z", int(i), float(v)) for i, v in enumerate(z)), *(("h", int(j), float(v)) for j, v in enumerate(h)))
    return Figure(
        "sk-fuse",
        t("fig.fuse.title", c=len(z), d=len(h)),
        panels,
        3,
        Table(("vector", "index", "value"), rows),
        t("fig.fuse.alt", c=channel, z=f"{z[channel]:.4f}", n=len(z), d=len(h), dead=int((h == 0).sum())),
        note=t("fig.fuse.note", dead=int((h == 0).sum()), d=len(h)),
        widths=(0.8, 1.3, 1),
        height=300,
    )


def draw_rows(w2: np.ndarray, h: np.ndarray, channel: int, t: Texts) -> Figure:
    """The last layer (M, C, d) as matrices A, B, ..., the pinned row marked, and what its products with h add up to."""
    count, c, d = w2.shape
    scale = Scale.around_zero("W", w2, "weight")
    row = max(0.5, c / 160)  # high enough to be seen
    panels = [
        Panel(
            (matrix(w2[m], scale, letter(m)), Box(-0.5, channel - row, d - 0.5, channel + row)),
            title=f"{letter(m)}: {m * c}–{(m + 1) * c - 1}",
            axes=False,
        )
        for m in range(count)
    ]
    parts = w2[:, channel] * h
    order = np.argsort(-np.abs(parts).max(axis=0), kind="stable")[:10]
    places, thick = np.arange(len(order)), 0.8 / count
    marks = tuple(
        Bars(places + (m - (count - 1) / 2) * thick, parts[m, order], f"{letter(m)}·h", palette.branch(m), width=thick)
        for m in range(count)
    )
    sums = " · ".join(f"g{m} = {letter(m)}h = {parts[m].sum():.3f}" for m in range(count)).replace("-", "\u2212")
    panels.append(Panel(marks, title=sums, x_ticks=tuple((float(p), f"h{j}") for p, j in enumerate(order))))
    header = ("unit", "h", *(f"{letter(m)}_{channel}" for m in range(count)))
    rows = tuple((j, float(h[j]), *(float(v) for v in w2[:, channel, j])) for j in range(d))
    return Figure(
        "sk-rows",
        t("fig.rows.title", n=count * c, d=d, m=count),
        tuple(panels),
        count + 1,
        Table(header, rows),
        t("fig.rows.alt", c=channel, m=count, sums=sums),
        note=t("fig.rows.note", c=channel, pairs=", ".join(f"{letter(m)}: {size(m)}" for m in range(count))),
        widths=(0.7,) * count + (1.5,),
        height=400,
    )


def letter(branch: int) -> str:
    """The paper's name for the rows of branch m: A, B, C, ..."""
    return chr(ord("A") + branch)


def draw_mix(u: np.ndarray, gate: np.ndarray, own: np.ndarray, channel: int, t: Texts) -> Figure:
    """Every map (M, H, W) times its weight (M,), their sum V, and V with the unit's own weights (M,)."""
    parts = gate[:, None, None] * u
    out, before = parts.sum(axis=0), np.einsum("m,mhw->hw", own, u)
    scale = _scale(u, out, before)
    panels = [_map(part, scale, f"a{m} U{m}", f"{gate[m]:.3f} · {size(m)}") for m, part in enumerate(parts)]
    panels.append(_map(out, scale, "V", t("fig.mix.sum")))
    same = np.array_equal(gate, own)
    if not same:
        panels.append(_map(before, scale, "V", t("fig.mix.own")))
    moved = float(np.linalg.norm(out - before) / max(float(np.linalg.norm(before)), 1e-12))
    header = ("row", "column", *(f"a{m}*U{m}" for m in range(len(u))), "V", "V own")
    shares = ", ".join(f"{g:.4f}" for g in gate)
    return Figure(
        "sk-mix",
        t("fig.mix.title.own", c=channel) if same else t("fig.mix.title", c=channel, moved=f"{moved:.0%}"),
        tuple(panels),
        len(panels),
        Table(header, cells(*parts, out, before)),
        t("fig.mix.alt", c=channel, shares=shares, moved=f"{moved:.1%}"),
        note=t("fig.mix.note"),
        height=320,
    )


def draw_axis(
    gate: np.ndarray, wrong: np.ndarray, u: np.ndarray, left: float, channel: int, chosen: str, t: Texts
) -> Figure:
    """Weights (M, C) of both softmaxes, stacked channel by channel, each beside the pinned channel's V.

    ``chosen``: "branches" shows the right one alone, "channels" the wrong one below it.
    """
    ways = (("branches", gate), ("channels", wrong))[: 1 + (chosen == "channels")]
    maps = [np.einsum("m,mhw->hw", weights[:, channel], u) for _, weights in ways]
    scale, panels = _scale(u, *maps), []
    for (key, weights), v in zip(ways, maps, strict=True):
        x, base, marks = np.arange(weights.shape[1]), np.zeros(weights.shape[1]), []
        for m, row in enumerate(weights):
            marks.append(Bars(x, row, size(m), palette.branch(m), base=base.copy(), width=1))
            base = base + row
        title = t(f"fig.axis.{key}")
        rule = Rule(channel, "x", "", "pinned")
        panels.append(Panel((*marks, rule), title=title, y_range=(0, 1.02), x_ticks=(), x=t("fig.channels", n=len(x))))
        panels.append(_map(v, scale, "V", t("fig.axis.v", c=channel, top=f"{np.abs(v).max():.3f}")))
    header = ("channel", *(f"{key} a{m}" for key in ("branches", "channels") for m in range(len(gate))))
    rows = tuple((c, *map(float, gate[:, c]), *map(float, wrong[:, c])) for c in range(gate.shape[1]))
    return Figure(
        "sk-axis",
        t(f"fig.axis.title.{chosen}", left=f"{left:.1%}"),
        tuple(panels),
        2,
        Table(header, rows),
        t("fig.axis.alt", n=gate.shape[1], column=f"{wrong[:, channel].sum():.4f}", left=f"{left:.1%}", c=channel),
        widths=(2.4, 1),
        height=300 * len(ways),
    )


def draw_scores(names: Sequence[str], shares: np.ndarray, ways: Sequence[str], t: Texts) -> Figure:
    """What the network takes the photo for, (n, classes), a panel a way."""
    labels, panels = np.array(names), list[Panel]()
    for way, row in zip(ways, shares, strict=True):
        numbers = tuple(Text(float(p) + 0.02, i, f"{p:.1%}", 15, anchor="start") for i, p in enumerate(row))
        bars = Bars(row, np.arange(len(labels)), way, "ink", horizontal=True)
        ticks = tuple((float(i), name) for i, name in enumerate(names)) if not panels else ()
        panels.append(
            Panel(
                (bars, *numbers),
                title=way,
                x_range=(0, 1.25),
                y_range=(len(labels) - 0.5, -0.5),
                y_ticks=ticks,
                x_ticks=(0.0, 0.5, 1.0),
            )
        )
    best = [names[int(row.argmax())] for row in shares]
    rows = tuple((name, *map(float, column)) for name, column in zip(names, shares.T, strict=True))
    told = "; ".join(f"{way}: {name} {row.max():.1%}" for way, name, row in zip(ways, best, shares, strict=True))
    return Figure(
        "sk-scores",
        t("fig.axisscores.same", right=best[0], share=f"{shares[-1].max():.0%}")
        if best[0] == best[-1]
        else t("fig.axisscores.title", right=best[0], wrong=best[-1], share=f"{shares[-1].max():.0%}"),
        tuple(panels),
        len(panels),
        Table(("class", *ways), rows),
        t("fig.axisscores.alt", told=told),
        height=90 + 38 * len(names),
    )
