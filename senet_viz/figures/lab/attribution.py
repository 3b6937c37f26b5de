"""What a class score rests on: gates beside attributions, and the photo beside them."""

from dataclasses import dataclass

import numpy as np

from senet_viz.drawing.grammar import Bars, Figure, Mark, Panel, Photo, Points, Rule, Scale, Table, Text, cells
from senet_viz.drawing.text import number, short
from senet_viz.figures.pieces import listing, minus, picture, table
from senet_viz.i18n import Texts

MIX = 0.55  # share of the attribution's colour where it is laid over the photo
EXTREME = 0.995  # of single pixels: a few are far beyond all others, and would make these pale


@dataclass(frozen=True, eq=False)
class Effects:
    """The effects hold one branch's gates and what one method says about them for one class."""

    block: str  # short name
    symbol: str  # of the gate: "s", "a1"
    method: str  # name of the method
    target: str  # name of the class
    gate: np.ndarray  # (C,)
    values: np.ndarray  # (C,) attributions
    n: int  # how many channels one speaks of
    open: np.ndarray  # the n most open, or more where gates are equal
    matter: np.ndarray  # the n with the largest |attribution|
    rho: float  # rank correlation of gate and |attribution|
    held: tuple[int, ...] = ()  # channels whose attribution is not shown yet

    @property
    def both(self) -> int:
        """Return how many of the most open are among those that matter most."""
        return int(np.isin(self.matter, self.open).sum())

    @property
    def shown(self) -> np.ndarray:
        """Return (C,) whether a channel has its dot."""
        shown = np.ones(len(self.gate), dtype=bool)
        shown[list(self.held)] = False
        return shown


def with_sign(value: float) -> str:
    """Return a change with three digits and its sign."""
    return f"{'+' if value > 0 else ''}{number(value)}"


def hundredths(value: float) -> str:
    """Return a correlation with two decimals and a true minus sign."""
    return minus(f"{round(value, 2) + 0.0:.2f}")


def said(e: Effects, t: Texts) -> str:
    """Return in one sentence what the dots say together."""
    if np.isnan(e.rho):
        flat = "gate" if np.ptp(e.gate) == 0 else "effect"
        return t(f"fig.attribution.flat.{flat}", block=e.block)
    return t("fig.attribution.title", n=len(e.open), k=e.both, m=e.n, rho=hundredths(e.rho))


def draw_scatter(e: Effects, channel: int, t: Texts) -> Figure:
    """Draw one dot a channel: its gate across, its attribution upwards; the pinned channel marked."""
    kinds = np.zeros(len(e.gate), dtype=int)  # 0 none, 1 open, 2 matters, 3 both
    kinds[e.open] += bool(np.ptp(e.gate))  # where all are equal, none is more open than another
    kinds[e.matter] += 2
    kinds[~e.shown] = -1
    names = (
        (t("fig.attribution.others"), "dead"),
        (t("fig.attribution.open", n=len(e.open)), "gate"),
        (t("fig.attribution.matter", n=e.n), "u"),
        (t("fig.attribution.both"), "ink"),
    )
    marks: list[Mark] = []
    for kind, (name, colour) in enumerate(names):
        (at,) = np.nonzero(kinds == kind)
        if len(at):
            labels = tuple(t("fig.pinned", c=c) for c in at)
            marks.append(Points(e.gate[at], e.values[at], name, colour, labels))
    low, high = float(e.gate.min()), float(e.gate.max())
    room = max(0.04 * (high - low), 0.05 - (high - low) / 2)  # a tenth at least: hardly different is not different
    low, high = low - room, high + room
    drawn = e.values[e.shown]
    bottom, top = min(0.0, float(drawn.min(initial=0))), max(0.0, float(drawn.max(initial=0)))
    reach = (top - bottom) or 1.0
    bottom, top = bottom - 0.06 * reach, top + 0.14 * reach
    for c in (channel, *(c for c in e.held if c != channel)):
        words = f"{t('fig.pinned', c=c) if c == channel else c}{'?' if c in e.held else ''}"
        marks.append(Rule(float(e.gate[c]), "x", words, "pinned" if c == channel else "muted"))
    if e.shown[channel]:
        marks.append(Points(e.gate[[channel]], e.values[[channel]], t("fig.pinned", c=channel), "pinned"))
    panel = Panel(
        tuple(marks),
        x=t("fig.attribution.x", symbol=e.symbol),
        y=t("fig.attribution.y", target=short(e.target)),
        x_range=(low, high),
        y_range=(bottom, top),
    )
    at = np.flatnonzero(e.shown)
    columns = at, e.gate[at], e.values[at], np.isin(at, e.open), np.isin(at, e.matter)
    rows = table(("channel", "gate", "attribution", "most open", "matters most"), *columns)
    values = {"n": len(e.gate), "block": e.block, "target": e.target, "method": e.method}
    pinned = t("fig.attribution.pinned", c=channel, s=f"{e.gate[channel]:.3f}", v=number(float(e.values[channel])))
    title, note = said(e, t), t("fig.attribution.note", **values)
    alt = f"{t('fig.attribution.alt', **values)} {title} {pinned if e.shown[channel] else ''}".strip()
    return Figure("attribution-gates", title, (panel,), 1, rows, alt, note, height=380)


def reach(values: np.ndarray, pixels: bool) -> float:
    """Return where the colours end: at the largest |value|, or, of single pixels, above ``EXTREME`` of them."""
    size = np.abs(values)
    largest = float(size.max())
    found = float(np.quantile(size, EXTREME)) if pixels else largest
    return found or largest or 1.0


def overlay(shown: np.ndarray, values: np.ndarray, scale: Scale) -> np.ndarray:
    """Return the photo in grey under the attribution's colours, (H, W, 3) uint8."""
    grey = shown.astype(float) @ (0.299, 0.587, 0.114)
    return np.rint((1 - MIX) * grey[..., None] + MIX * scale.paint(values)).astype(np.uint8)


def draw_photo(shown: np.ndarray, values: np.ndarray, method: str, name: str, target: str, t: Texts) -> Figure:
    """Draw the photo (H, W, 3) as the model saw it, the attribution (H, W) laid on it, and the attribution alone.

    Args:
        method: its key; ``name``: the same in the reader's language.
    """
    pixels = method == "integrated_gradients"
    end = reach(values, pixels)
    scale = Scale(t("fig.attribution.scale"), -end, end, "difference")
    panels = (
        Panel((Photo(shown),), title=t("fig.attribution.photo")),
        Panel((Photo(overlay(shown, values, scale)),), title=t("fig.attribution.overlay")),
        picture(values, scale, name, t("fig.attribution.alone")),
    )
    row, column = np.unravel_index(int(np.abs(values).argmax()), values.shape)
    where = {"row": int(row), "column": int(column), "v": f"{values[row, column]:.4f}", "h": len(values)}
    note = t("fig.attribution.map.note", target=target)
    if pixels:
        note += " " + t("fig.attribution.map.clipped", share=f"{1 - EXTREME:.1%}")
    title, rows = (
        t("fig.attribution.map.title", target=target, method=name),
        Table(("row", "column", "attribution"), cells(values)),
    )
    alt = t("fig.attribution.map.alt", target=target, method=name, **where)
    return Figure("attribution-photo", title, panels, 3, rows, alt, note, widths=(1, 1, 1), height=300)


def draw_muted(
    gate: np.ndarray, changes: np.ndarray, channels: tuple[int, ...], symbol: str, score: float, target: str, t: Texts
) -> Figure:
    """Draw what muting a few channels does to the score: bars of ``changes`` (n,), gates (n,) beside their names."""
    names = tuple(
        t("fig.attribution.gated", c=c, symbol=symbol, s=f"{s:.3f}") for c, s in zip(channels, gate, strict=True)
    )
    widest = float(np.abs(changes).max()) or 1.0
    words = []
    for i, v in enumerate(changes.tolist()):
        side, anchor = (1, "start") if v >= 0 else (-1, "end")
        words.append(Text(v + 0.02 * widest * side, float(i), with_sign(v), 18, "ink", anchor))
    low, high = min(0.0, float(changes.min())), max(0.0, float(changes.max()))
    bars = Bars(changes, np.arange(len(channels), dtype=float), "", "u", horizontal=True, width=0.6)
    panel = listing(
        names,
        (bars, *words),
        x=t("fig.attribution.muted.x", target=short(target)),
        x_range=(low - 0.3 * widest * (low < 0), high + 0.3 * widest * (high > 0)),
    )
    most = int(np.abs(changes).argmax())
    values = {"c": channels[most], "v": with_sign(float(changes[most])), "target": target, "score": number(score, 4)}
    each = "; ".join(f"{name}: {with_sign(v)}" for name, v in zip(names, changes.tolist(), strict=True))
    title, alt = t("fig.attribution.muted.title", **values), t("fig.attribution.muted.alt", **values, all=each)
    rows = table(("channel", "gate", "change of the score"), channels, gate, changes)
    return Figure("attribution-muted", title, (panel,), 1, rows, alt, height=210)
