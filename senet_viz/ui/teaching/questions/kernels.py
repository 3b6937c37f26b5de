"""Questions about an SK unit: which numbers compete, how its kernels look, and what the size of things does."""

import numpy as np

from senet_viz.drawing.text import number
from senet_viz.experiments import kernel_preference
from senet_viz.lessons.question import Question
from senet_viz.ui.scene import Scene, short
from senet_viz.ui.teaching.questions.answers import changed
from senet_viz.ui.teaching.questions.made import made

STILL, MOVES = 0.003, 0.006  # a lean that changes by less stays, by more moves; between: no question


def softmax_axis(view: Scene) -> Question | None:
    """Ask which shares add up to 1."""
    if view.block.kind != "sk":
        return None
    (m, n), c, gate = view.gate.shape, view.channel, view.gate
    if np.abs(gate.sum(axis=0) - 1).max() > 1e-4 or abs(gate.sum(axis=1) - 1).min() < 0.5:
        return None
    options = [view.t(f"ask.softmax_axis.{axis}", m=m, n=n) for axis in ("branches", "channels", "all")]
    said = {"m": m, "n": n, "c": c, "shares": " + ".join(f"{a:.3f}" for a in gate[:, c]), "row": f"{gate[0].sum():.1f}"}
    return made(view, "softmax_axis", options, 0, said)


def five_by_five(view: Scene) -> Question | None:
    """Ask how many weights the kernel with gaps has; None where there are no gaps."""
    if view.block.kind != "sk" or (kernel := view.kernels[-1]).dilation == 1:
        return None
    full, taps = kernel.reach**2, kernel.size**2
    options = sorted({taps, kernel.reach * kernel.size, full, full - taps})
    said = {"k": str(kernel), "own": f"{kernel.size}×{kernel.size}", "d": kernel.dilation, "taps": taps}
    return made(view, "five_by_five", [str(each) for each in options], options.index(taps), said, "flipped")


def where_is_b(view: Scene) -> Question | None:
    """Ask which rows of the last layer give branch 1's logits: found by multiplying, not by what is written."""
    again, (m, n), hidden = view.replay, view.logits.shape, view.block.hidden
    if view.block.kind != "sk" or m != 2 or again.w2 is None or again.b2 is not None or hidden is None:
        return None
    flat = again.w2 @ np.asarray(hidden)
    ways = {"last": flat[n:], "first": flat[:n], "odd": flat[1::2]}
    fits = [float(np.abs(values - view.logits[1]).max()) < 1e-3 for values in ways.values()]
    if sum(fits) != 1:
        return None
    options = [view.t(f"ask.where_is_b.{way}", n=n, end=n - 1, last=2 * n - 1) for way in ways]
    right, g = fits.index(True), view.logits[1]
    c = view.channel if abs(g[view.channel]) >= 1e-3 else int(np.abs(g).argmax())
    row = (n + c, c, 2 * c + 1)[right]
    return made(view, "where_is_b", options, right, {"rows": 2 * n, "row": row, "c": c, "g": number(float(flat[row]))})


def swap_branches(view: Scene) -> Question | None:
    """Ask what the network answers where in all units each of two kernels gets the other's share."""
    if view.block.kind != "sk" or len(view.gate) != 2:
        return None
    names = kernel_preference.units(view.trace)
    trace = view.edited(kernel_preference.overruled(names, "swap"))
    return changed(view, "swap_branches", trace, {"n": len(names)})


def kernel_with_scale(view: Scene) -> Question | None:
    """Ask where a unit's lean goes when the photo's middle is enlarged to twice its size."""
    if view.block.kind != "sk":
        return None
    sweep = view.sweep(kernel_preference.SCALES)
    lean = [kernel_preference.preference(np.asarray(trace.block(view.name).gate)) for trace in sweep.traces]
    move, small, large = lean[-1] - lean[0], str(view.kernels[0]), str(view.kernels[-1])
    kind = "same" if abs(move) < STILL else "" if abs(move) < MOVES else "large" if move > 0 else "small"
    if not kind:
        return None
    kinds = ("large", "small", "same")
    options = [view.t(f"ask.kernel_with_scale.{each}", large=large, small=small) for each in kinds]
    said = {
        "unit": short(view.name),
        "large": large,
        "small": small,
        "before": _signed(lean[0]),
        "after": _signed(lean[-1]),
    }
    return made(view, "kernel_with_scale", options, kinds.index(kind), said)


def _signed(value: float) -> str:
    return f"{value:+.3f}".replace("-", "\u2212")
