"""What gates add to a network: parameters, multiply-accumulates, memory, time; and the papers' tables beside it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from senet_viz.drawing.grammar import Bars, Figure, Line, Mark, Panel, Points, Rule, Table, Text
from senet_viz.i18n import Texts

Quartiles = tuple[float, float, float]


def percent(share: float) -> str:
    """0.0984 is 9.84 %; small shares keep two digits that mean something."""
    value = 100 * share
    return f"{value:.2f} %" if abs(value) >= 0.995 or not value else f"{value:.2g} %"


def draw_adds(net: str, bare: Sequence[int], extra: Sequence[int], t: Texts) -> Figure:
    """One bar a quantity: the network without gates is 100 %, what the gates add is laid on top.

    Args:
        bare, extra: without gates, and what they add: parameters, MACs, and bytes of a training step where known.
    """
    words = [lambda n: f"{n / 1e6:.2f} M", lambda n: f"{n / 1e9:.4f} G", lambda n: f"{n / 2**20:.1f} MiB"]
    rows = [
        (t(f"fig.adds.{key}"), b, e, f"{word(b)} + {word(e)}")
        for key, word, b, e in zip(("params", "macs", "kept"), words, bare, extra, strict=False)
    ]
    at = np.arange(len(rows), dtype=float)
    shares = np.array([extra / bare for _, bare, extra, _ in rows])
    wide = 100 * max(1 + shares.max(), 1.1)
    full = np.full(len(rows), 100.0)
    marks: tuple[Mark, ...] = (
        Bars(full, at, t("fig.adds.bare"), "muted", horizontal=True, width=0.5),
        Bars(100 * shares, at, t("fig.adds.gates"), "gate", horizontal=True, base=full, width=0.5),
        *(
            Text(100 * (1 + share) + 0.015 * wide, y, f"+{percent(share)}", 22, "gate", "start")
            for y, share in zip(at, shares, strict=True)
        ),
        *(Text(0, y - 0.4, said, 16, "ink", "start") for y, (_, _, _, said) in zip(at, rows, strict=True)),
    )
    panel = Panel(
        marks, x=t("fig.adds.x"), x_range=(0, 1.22 * wide), y_range=(len(rows) - 0.6, -0.6),
        y_ticks=tuple((float(y), label) for y, (label, *_) in zip(at, rows, strict=True)),
        x_ticks=tuple((float(v), f"{v} %") for v in (0, 25, 50, 75, 100)),
    )  # fmt: skip
    said = "; ".join(f"{label} +{percent(share)}" for (label, *_), share in zip(rows, shares, strict=True))
    return Figure(
        "cost-adds",
        t("fig.adds.title", net=net, params=percent(shares[0]), macs=percent(shares[1])),
        (panel,),
        1,
        Table(
            ("quantity", "without gates", "gates add", "share"),
            tuple((label, bare, extra, extra / bare) for label, bare, extra, _ in rows),
        ),
        t("fig.adds.alt", net=net, said=said),
        height=110 + 75 * len(rows),
    )


def draw_stages(names: Sequence[str], params: np.ndarray, touched: np.ndarray, t: Texts) -> Figure:
    """What the gates of every stage take: parameters, and numbers of the maps that are read and multiplied."""
    x = np.arange(len(names), dtype=float)
    panels = []
    for values, key in ((params, "params"), (touched, "touched")):
        share = values / max(values.sum(), 1)
        words = tuple(
            Text(i, v + 0.06 * values.max(), percent(p), 18) for i, v, p in zip(x, values, share, strict=True)
        )
        panels.append(
            Panel(
                (Bars(x, values.astype(float), t(f"fig.stages.{key}"), "gate", width=0.6), *words),
                title=t(f"fig.stages.{key}"),
                x_ticks=tuple(names),
                y_range=(0, 1.18 * max(values.max(), 1)),
                legend=False,
            )
        )
    last = params[-1] / max(params.sum(), 1)
    most = int(touched.argmax())
    rows = tuple((name, int(p), int(v)) for name, p, v in zip(names, params, touched, strict=True))
    return Figure(
        "cost-stages",
        t("fig.stages.title", last=percent(last), first=names[most]),
        tuple(panels),
        2,
        Table(("stage", "parameters of gates", "values read and multiplied"), rows),
        t("fig.stages.alt", said="; ".join(f"{name}: {p:,}, {v:,}" for name, p, v in rows)),
        height=330,
    )


def draw_curve(
    net: str, ratios: Sequence[int], totals: np.ndarray, bare: int, r: int, printed: Sequence[float | None], t: Texts
) -> Figure:
    """Parameters of the whole network over r; ``printed`` are a paper's, millions, where it has them."""
    x, millions = np.arange(1.0, len(ratios) + 1), totals / 1e6  # 0 would get a line of its own
    place = ratios.index(r)
    known = [i for i, value in enumerate(printed) if value is not None]
    beyond = 0.06 * np.ptp(millions)  # right above a falling curve is free
    marks: list[Mark] = [
        Line(x, millions, t("fig.curve.ours"), "gate", width=3),
        Points(x, millions, t("fig.curve.ours"), "gate"),
        Line(x, np.full(len(x), bare / 1e6), t("fig.curve.bare", n=f"{bare / 1e6:.1f}"), "muted", dash=True),
        Points(x[[place]], millions[[place]], f"r = {r}", "pinned"),
        *(Text(i + 0.08, v + beyond, f"{v:.1f}", 17, anchor="start") for i, v in zip(x, millions, strict=True)),
    ]
    if known:
        values = np.array([printed[i] for i in known], dtype=float)
        marks.insert(2, Points(x[known], values, t("fig.curve.paper"), "u"))
    low, high = min(bare / 1e6, millions.min()), millions.max()
    panel = Panel(
        tuple(marks), x=t("fig.curve.x"), y=t("fig.curve.y"),
        x_ticks=tuple(zip(x.tolist(), map(str, ratios), strict=True)),
        x_range=(0.6, len(ratios) + 0.4), y_range=(low - 0.12 * (high - low), high + 0.25 * (high - low)),
    )  # fmt: skip
    extra = (totals - bare) / bare
    rows = tuple((n, int(total), int(total) - bare, p) for n, total, p in zip(ratios, totals, printed, strict=True))
    return Figure(
        "cost-curve",
        t("fig.curve.title", r=r, share=percent(float(extra[place])), r0=ratios[0], share0=percent(float(extra[0]))),
        (panel,),
        1,
        Table(("r", "parameters", "of the gates", "printed, millions"), rows),
        t("fig.curve.alt", net=net, said="; ".join(f"r = {n}: {v:.1f}" for n, v in zip(ratios, millions, strict=True))),
        height=360,
    )


def draw_saving(labels: Sequence[str], params: np.ndarray, bare: int, t: Texts) -> Figure:
    """Extra parameters with all stages gated, and with one stage's gates left out: the first entry is "all"."""
    at, shares = np.arange(len(labels), dtype=float), params / bare
    last = len(labels) - 1
    others = (at != last) & (at != 0)
    panel = Panel(
        (
            Bars(100 * shares[[0]], at[[0]], "all", "gate", horizontal=True, width=0.6),
            Bars(100 * shares[others], at[others], "others", "muted", horizontal=True, width=0.6),
            Bars(100 * shares[[last]], at[[last]], "last", "pinned", horizontal=True, width=0.6),
            *(
                Text(100 * share + 0.01 * 100 * shares.max(), y, f"{percent(share)}  ({n:,})", 17, "ink", "start")
                for y, share, n in zip(at, shares, params, strict=True)
            ),
        ),
        x=t("fig.saving.x"), x_range=(0, 135 * shares.max()), y_range=(last + 0.5, -0.5),
        y_ticks=tuple((float(y), label) for y, label in zip(at, labels, strict=True)), legend=False,
    )  # fmt: skip
    rows = tuple((label, int(n), n / bare) for label, n in zip(labels, params, strict=True))
    return Figure(
        "cost-saving",
        t("fig.saving.title", every=percent(shares[0]), rest=percent(shares[-1])),
        (panel,),
        1,
        Table(("gates", "extra parameters", "share"), rows),
        t("fig.saving.alt", said="; ".join(f"{label} {percent(n / bare)}" for label, n, _ in rows)),
        height=110 + 48 * len(labels),
    )


def draw_time(rounds: np.ndarray, bare: Quartiles, gated: Quartiles, extra: Quartiles, note: str, t: Texts) -> Figure:
    """Every round (n, 2) in ms, bare and gated, and what the gates add round by round with its quartiles."""
    x = np.arange(1, len(rounds) + 1, dtype=float)
    more = 100 * (rounds[:, 1] / rounds[:, 0] - 1)
    low, middle, high = (100 * value for value in extra)
    left = Panel(
        (
            Line(x, rounds[:, 0], t("fig.time.bare", ms=f"{bare[1]:.1f}"), "muted"),
            Line(x, rounds[:, 1], t("fig.time.gated", ms=f"{gated[1]:.1f}"), "gate"),
        ),
        title=t("fig.time.each"), x=t("fig.time.round"), y="ms", y_range=(0, 1.1 * float(np.quantile(rounds, 0.98))),
    )  # fmt: skip
    ends = min(float(np.quantile(more, 0.05)), 0.0), max(float(np.quantile(more, 0.95)), 0.0)
    pad = 0.15 * max(ends[1] - ends[0], 1.0)
    ends = ends[0] - pad, ends[1] + pad
    right = Panel(
        (
            Points(x, np.clip(more, *ends), t("fig.time.extra"), "gate"),
            Rule(middle, "y", "", "pinned"),
            Rule(low, "y", "", "muted"),
            Rule(high, "y", "", "muted"),
        ),
        title=t("fig.time.paired", value=f"{middle:+.1f}"),
        x=t("fig.time.round"),
        y="%",
        y_range=ends,
        legend=False,
    )
    values = {"low": f"{low:+.1f}", "middle": f"{middle:+.1f}", "high": f"{high:+.1f}", "n": len(rounds)}
    return Figure(
        "cost-time",
        t("fig.time.title", **values),
        (left, right),
        2,
        Table(("round", "bare, ms", "gated, ms"), tuple((i + 1, *map(float, row)) for i, row in enumerate(rounds))),
        t("fig.time.alt", bare=f"{bare[1]:.1f}", gated=f"{gated[1]:.1f}", **values),
        note=note,
        height=340,
    )


def draw_table(
    cite: str, labels: Sequence[str], errors: Sequence[float], printed: Sequence[str | None],
    ours: Sequence[float | None], unit: str, t: Texts,
) -> Figure:  # fmt: skip
    """One ablation: top-1 error as published, and what we count beside what was printed (``unit`` names it)."""
    at, top1 = np.arange(1.0, len(labels) + 1), np.asarray(errors, dtype=float)  # 0 would get a line of its own
    best, spread = int(top1.argmin()), max(float(np.ptp(top1)), 0.4)
    rest = np.arange(len(labels)) != best
    low, high = float(top1.min()), float(top1.max())
    y_ticks = tuple((float(y), label) for y, label in zip(at, labels, strict=True))
    y_range = (len(labels) + 0.5, 0.5)
    left = Panel(
        (
            Points(top1[rest], at[rest], "top-1", "ink"),
            Points(top1[[best]], at[[best]], t("fig.table.best"), "pinned"),
            *(Text(v + 0.05 * spread, y, f"{v:.2f}", 17, "ink", "start") for y, v in zip(at, top1, strict=True)),
        ),
        title=t("fig.table.error"), x=t("fig.table.x"), x_range=(low - 0.12 * spread, high + 0.3 * spread),
        y_range=y_range, y_ticks=y_ticks, legend=False,
    )  # fmt: skip
    panels = [left]
    known = [i for i, value in enumerate(ours) if value is not None]
    if known:
        mine = np.array([ours[i] for i in known], dtype=float)
        theirs = [(i, float(text)) for i in known if (text := printed[i]) is not None]
        every = np.concatenate([mine, [v for _, v in theirs]])
        wide = max(float(np.ptp(every)), 0.02 * float(every.max()))
        shown: list[Points] = [Points(mine, at[known] - 0.13, t("fig.table.ours"), "gate")]
        if theirs:
            values = np.array([value for _, value in theirs], dtype=float)
            shown.append(Points(values, at[[i for i, _ in theirs]] + 0.13, t("fig.table.printed"), "u"))
        words = []
        for i, m in zip(known, mine, strict=True):
            said, seen = f"{m:.2f}", printed[i]
            far = m if seen is None else max(m, float(seen))
            said += "" if seen is None else f" · {seen}"
            words.append(Text(far + 0.06 * wide, at[i], said, 16, "ink", "start"))
        panels.append(
            Panel(
                (*shown, *words),
                title=t("fig.table.count", unit=unit),
                x=unit,
                x_range=(float(every.min()) - 0.2 * wide, float(every.max()) + 0.75 * wide),
                y_range=y_range,
                y_ticks=tuple((float(y), "") for y in at),
            )
        )
    rows = tuple(zip(labels, map(float, errors), printed, ours, strict=True))
    return Figure(
        "cost-table",
        t("fig.table.title", best=labels[best], error=f"{top1[best]:.2f}"),
        tuple(panels),
        len(panels),
        Table(("row", "top-1 error", "printed", "ours"), rows),
        t("fig.table.alt", cite=cite, said="; ".join(f"{label} {value:.2f}" for label, value, *_ in rows)),
        note=cite,
        height=150 + 42 * len(labels),
    )
