"""What gates add to a network: parameters, multiply-accumulates, memory, time; and the papers' tables beside it."""

from collections.abc import Sequence

import numpy as np

from senet_viz.drawing.grammar import Bars, Figure, Line, Mark, Panel, Points, Rule, Text
from senet_viz.figures.pieces import beside, dotted, listing, table
from senet_viz.i18n import Texts

Quartiles = tuple[float, float, float]
QUANTITIES = {  # and how a number of each is written
    "params": lambda n: f"{n / 1e6:.2f} M",
    "macs": lambda n: f"{n / 1e9:.4f} G",
    "kept": lambda n: f"{n / 2**20:.1f} MiB",
}


def percent(share: float) -> str:
    """Return a share in per cent, 0.0984 as 9.84 %; small shares keep two digits that mean something."""
    value = 100 * share
    return f"{value:.2f} %" if abs(value) >= 0.995 or not value else f"{value:.2g} %"


def draw_adds(net: str, bare: Sequence[int], extra: Sequence[int], t: Texts) -> Figure:
    """Draw one bar a quantity: the network without gates is 100 %, what the gates add is laid on top.

    Args:
        bare, extra: without gates, and what they add: parameters, MACs, and bytes of a training step where known.
    """
    counts = list(zip(QUANTITIES.items(), bare, extra, strict=False))
    labels = [t(f"fig.adds.{key}") for (key, _), _, _ in counts]
    at, full = np.arange(len(counts), dtype=float), np.full(len(counts), 100.0)
    shares = np.array([more / own for _, own, more in counts])
    wide = 100 * max(1 + shares.max(), 1.1)
    marks: tuple[Mark, ...] = (
        Bars(full, at, t("fig.adds.bare"), "muted", horizontal=True, width=0.5),
        Bars(100 * shares, at, t("fig.adds.gates"), "gate", horizontal=True, base=full, width=0.5),
        *(
            Text(100 * (1 + share) + 0.015 * wide, y, f"+{percent(share)}", 22, "gate", "start")
            for y, share in zip(at, shares, strict=True)
        ),
        *beside([0] * len(counts), at - 0.4, [f"{word(own)} + {word(more)}" for (_, word), own, more in counts]),
    )
    ticks = tuple((float(v), f"{v} %") for v in (0, 25, 50, 75, 100))
    reach, ends = (0, 1.22 * wide), (len(counts) - 0.6, -0.6)
    panel = Panel(marks, x=t("fig.adds.x"), x_range=reach, y_range=ends, y_ticks=labels, x_ticks=ticks)
    said = "; ".join(f"{label} +{percent(share)}" for label, share in zip(labels, shares, strict=True))
    title = t("fig.adds.title", net=net, params=percent(shares[0]), macs=percent(shares[1]))
    header = ("quantity", "without gates", "gates add", "share")
    rows = table(header, labels, bare[: len(counts)], extra[: len(counts)], shares)
    alt, height = t("fig.adds.alt", net=net, said=said), 110 + 75 * len(counts)
    return Figure("cost-adds", title, (panel,), 1, rows, alt, height=height)


def draw_stages(names: Sequence[str], params: np.ndarray, touched: np.ndarray, t: Texts) -> Figure:
    """Draw what the gates of every stage take: parameters, and numbers of the maps that are read and multiplied."""
    x, panels = np.arange(len(names), dtype=float), []
    for values, title in ((params, t("fig.stages.params")), (touched, t("fig.stages.touched"))):
        most, shares = values.max(), values / max(values.sum(), 1)
        words = [Text(i, v + 0.06 * most, percent(p), 18) for i, v, p in zip(x, values, shares, strict=True)]
        marks: tuple[Mark, ...] = (Bars(x, values.astype(float), title, "gate", width=0.6), *words)
        panels.append(Panel(marks, title, x_ticks=tuple(names), y_range=(0, 1.18 * max(most, 1)), legend=False))
    last, first = percent(params[-1] / max(params.sum(), 1)), names[int(touched.argmax())]
    rows = table(("stage", "parameters of gates", "values read and multiplied"), names, params, touched)
    alt = t("fig.stages.alt", said="; ".join(f"{name}: {p:,}, {v:,}" for name, p, v in rows.rows))
    return Figure("cost-stages", t("fig.stages.title", last=last, first=first), tuple(panels), 2, rows, alt, height=330)


def draw_curve(
    net: str, ratios: Sequence[int], totals: np.ndarray, bare: int, r: int, printed: Sequence[float | None], t: Texts
) -> Figure:
    """Draw parameters of the whole network over r; ``printed`` are a paper's, millions, where it has them."""
    x, millions, lowest = np.arange(1.0, len(ratios) + 1), totals / 1e6, bare / 1e6  # 0 would get a line of its own
    place, ours = ratios.index(r), t("fig.curve.ours")
    known = [i for i, value in enumerate(printed) if value is not None]
    marks = dotted(x, millions, ours, "gate", dots=ours)
    if known:
        values = np.array([printed[i] for i in known], dtype=float)
        marks.append(Points(x[known], values, t("fig.curve.paper"), "u"))
    marks += [
        Line(x, np.full(len(x), lowest), t("fig.curve.bare", n=f"{lowest:.1f}"), "muted", dash=True),
        Points(x[[place]], millions[[place]], f"r = {r}", "pinned"),
        # right above a falling curve is free
        *beside(x + 0.08, millions + 0.06 * np.ptp(millions), [f"{v:.1f}" for v in millions], 17),
    ]
    low, high = min(lowest, millions.min()), millions.max()
    panel = Panel(
        tuple(marks), x=t("fig.curve.x"), y=t("fig.curve.y"),
        x_ticks=tuple(zip(x.tolist(), map(str, ratios), strict=True)),
        x_range=(0.6, len(ratios) + 0.4), y_range=(low - 0.12 * (high - low), high + 0.25 * (high - low)),
    )  # fmt: skip
    shares = [percent(float(share)) for share in (totals - bare) / bare]
    header = ("r", "parameters", "without gates", "of the gates", "printed, millions")
    rows = table(header, ratios, totals, [bare] * len(ratios), totals - bare, printed)
    title = t("fig.curve.title", r=r, share=shares[place], r0=ratios[0], share0=shares[0])
    said = "; ".join(f"r = {n}: {v:.1f}" for n, v in zip(ratios, millions, strict=True))
    return Figure("cost-curve", title, (panel,), 1, rows, t("fig.curve.alt", net=net, said=said), height=360)


def draw_saving(labels: Sequence[str], params: np.ndarray, bare: int, t: Texts) -> Figure:
    """Draw extra parameters with all stages gated, which comes first, and with one stage's gates left out."""
    at, shares = np.arange(len(labels), dtype=float), params / bare
    last, most = len(labels) - 1, shares.max()
    ways = ((at == 0, "all", "gate"), ((at != last) & (at != 0), "others", "muted"), (at == last, "last", "pinned"))
    bars = [Bars(100 * shares[part], at[part], name, role, horizontal=True, width=0.6) for part, name, role in ways]
    said = [f"{percent(share)}  ({n:,})" for share, n in zip(shares, params, strict=True)]
    words = beside(100 * shares + 0.01 * 100 * most, at, said, 17)
    panel = listing(labels, (*bars, *words), x=t("fig.saving.x"), x_range=(0, 135 * most), legend=False)
    title = t("fig.saving.title", every=percent(shares[0]), rest=percent(shares[-1]))
    rows = table(("gates", "extra parameters", "share"), labels, params, shares)
    alt = t("fig.saving.alt", said="; ".join(f"{label} {percent(n)}" for label, n in zip(labels, shares, strict=True)))
    return Figure("cost-saving", title, (panel,), 1, rows, alt, height=110 + 48 * len(labels))


def draw_time(rounds: np.ndarray, bare: Quartiles, gated: Quartiles, extra: Quartiles, note: str, t: Texts) -> Figure:
    """Draw every round (n, 2) in ms, bare and gated, and what the gates add round by round with its quartiles."""
    x, more = np.arange(1, len(rounds) + 1, dtype=float), 100 * (rounds[:, 1] / rounds[:, 0] - 1)
    low, middle, high = (100 * value for value in extra)
    ms = {"bare": f"{bare[1]:.1f}", "gated": f"{gated[1]:.1f}"}
    curves = (
        Line(x, rounds[:, 0], t("fig.time.bare", ms=ms["bare"]), "muted"),
        Line(x, rounds[:, 1], t("fig.time.gated", ms=ms["gated"]), "gate"),
    )
    ends = min(float(np.quantile(more, 0.05)), 0.0), max(float(np.quantile(more, 0.95)), 0.0)
    pad, below = 0.15 * max(ends[1] - ends[0], 1.0), t("fig.time.round")
    ends = ends[0] - pad, ends[1] + pad
    dots = Points(x, np.clip(more, *ends), t("fig.time.extra"), "gate")
    ratios = (dots, Rule(middle, "y", "", "pinned"), Rule(low, "y", "", "muted"), Rule(high, "y", "", "muted"))
    values = {"low": f"{low:+.1f}", "middle": f"{middle:+.1f}", "high": f"{high:+.1f}", "n": len(rounds)}
    top, paired = 1.1 * float(np.quantile(rounds, 0.98)), t("fig.time.paired", value=values["middle"])
    panels = (
        Panel(curves, title=t("fig.time.each"), x=below, y="ms", y_range=(0, top)),
        Panel(ratios, title=paired, x=below, y="%", y_range=ends, legend=False),
    )
    rows = table(("round", "bare, ms", "gated, ms"), range(1, len(rounds) + 1), *rounds.T)
    title, alt = t("fig.time.title", **values), t("fig.time.alt", **ms, **values)
    return Figure("cost-time", title, panels, 2, rows, alt, note, height=340)


def draw_table(
    cite: str, labels: Sequence[str], errors: Sequence[float], printed: Sequence[str | None],
    ours: Sequence[float | None], unit: str, t: Texts,
) -> Figure:  # fmt: skip
    """Draw one ablation: top-1 error as published, and what we count beside what was printed (``unit`` names it)."""
    at, top1 = np.arange(1.0, len(labels) + 1), np.asarray(errors, dtype=float)  # 0 would get a line of its own
    best, spread = int(top1.argmin()), max(float(np.ptp(top1)), 0.4)
    rest, y_range = np.arange(len(labels)) != best, (len(labels) + 0.5, 0.5)
    low, high = float(top1.min()), float(top1.max())
    panels = [
        Panel(
            (
                Points(top1[rest], at[rest], "top-1", "ink"),
                Points(top1[[best]], at[[best]], t("fig.table.best"), "pinned"),
                *beside(top1 + 0.05 * spread, at, [f"{v:.2f}" for v in top1], 17),
            ),
            title=t("fig.table.error"), x=t("fig.table.x"), x_range=(low - 0.12 * spread, high + 0.3 * spread),
            y_range=y_range, y_ticks=tuple(zip(at.tolist(), labels, strict=True)), legend=False,
        )
    ]  # fmt: skip
    counted = [(y, m, said) for y, m, said in zip(at, ours, printed, strict=True) if m is not None]
    if counted:
        places, mine = np.array([y for y, *_ in counted]), np.array([m for _, m, _ in counted], dtype=float)
        theirs = np.array([np.nan if said is None else float(said) for *_, said in counted])
        known = np.isfinite(theirs)
        every = np.concatenate([mine, theirs[known]])
        wide = max(float(np.ptp(every)), 0.02 * float(every.max()))
        marks: list[Mark] = [Points(mine, places - 0.13, t("fig.table.ours"), "gate")]
        if known.any():
            marks.append(Points(theirs[known], places[known] + 0.13, t("fig.table.printed"), "u"))
        words = [f"{m:.2f}" + ("" if said is None else f" · {said}") for _, m, said in counted]
        panels.append(
            Panel(
                (*marks, *beside(np.fmax(mine, theirs) + 0.06 * wide, places, words)),
                title=t("fig.table.count"),
                x=unit,
                x_range=(float(every.min()) - 0.2 * wide, float(every.max()) + 0.75 * wide),
                y_range=y_range,
                y_ticks=tuple((float(y), "") for y in at),
            )
        )
    rows = table(("row", "top-1 error", "printed", "ours"), labels, map(float, errors), printed, ours)
    title = t("fig.table.title", best=labels[best], error=f"{top1[best]:.2f}")
    alt = t("fig.table.alt", cite=cite, said="; ".join(f"{label} {value:.2f}" for label, value, *_ in rows.rows))
    return Figure("cost-table", title, tuple(panels), len(panels), rows, alt, cite, height=150 + 42 * len(labels))
