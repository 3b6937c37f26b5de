"""Questions about one block: its squeeze, its hidden units, its gates and what they do to a map.

One file, because each is a few lines that read the same numbers.
"""

import numpy as np

from senet_viz.drawing.text import number
from senet_viz.lessons.question import Question
from senet_viz.service.questions import ListedLateQuestion
from senet_viz.tap.replay import GATE_FUNCTIONS
from senet_viz.ui.scene import Scene, short
from senet_viz.ui.teaching.questions.made import apart, counted, made

HALF = 0.05  # a gate this near to 0.5 is taken for one
LEAST = 1e-3  # smaller numbers are no reading
CLEAR = 0.05  # two gates that differ by so much can be told apart on screen
NAMES = {"sigmoid": "sigmoid", "h_sigmoid": "h-sigmoid"}


# --- squeeze ----------------------------------------------------------------------------------------------------------


def avg_or_max(view: Scene) -> Question | None:
    """Ask which number of the pinned map z is; None where this block does not take the mean."""
    u, z = view.fused[view.channel], float(view.z[view.channel])
    values = {"mean": float(u.mean()), "largest": float(u.max()), "sum": float(u.sum(dtype=np.float64))}
    if view.replay.squeeze != "avg" or abs(z) < LEAST or len(apart(list(values.values()))) < len(values):
        return None
    options = [view.t(f"ask.avg_or_max.{name}", value=number(value)) for name, value in values.items()]
    numbers = {"c": view.channel, "n": u.size, "z": number(z), "largest": number(values["largest"])}
    return made(view, "avg_or_max", options, 0, numbers)


def pool_size(view: Scene) -> Question:
    """Ask how many numbers the squeeze gives of maps four times as large."""
    n, size = len(view.z), view.fused[0].size
    options = [str(each) for each in (n // 2, n, 2 * n, 4 * n)]
    return made(view, "pool_size", options, 1, {"n": n, "small": size, "large": 4 * size}, "flipped")


# --- excitation -------------------------------------------------------------------------------------------------------


def ratio_or_width(view: Scene) -> Question | None:
    """Ask how wide the hidden layer is, of the first block from this one on where C / r is whole and is not r."""
    at = view.blocks.index(view.name)
    for block in (*view.trace.blocks[at:], *view.trace.blocks[:at]):
        if block.hidden is None or block.kind != "se":
            continue
        c, width = block.channels, len(block.hidden)
        r = c // width
        options = sorted({r, width, 2 * width, c})
        if c == r * width and r > 1 and len(options) == 4:
            words, said = [str(each) for each in options], {"block": short(block.name), "c": c, "r": r, "h": width}
            return made(view, "ratio_or_width", words, options.index(width), said, "flipped")
    return None


def dead_units(view: Scene) -> Question | None:
    """Ask how many hidden units are 0; None where their activation cuts nothing off."""
    hidden = view.block.hidden
    if hidden is None or view.replay.act != "ReLU":
        return None
    n = len(hidden)
    return counted(view, "dead_units", int((hidden == 0).sum()), n, {"block": short(view.name)}, (0, n))


def all_dead(view: Scene) -> Question | None:
    """Ask what the gates are where no hidden unit fires: what the gate function makes of the last layer's biases."""
    again, (m, n) = view.replay, view.gate.shape
    if again.w2 is None or view.block.hidden is None or view.block.kind not in ("se", "sk"):
        return None
    if again.gate_fn not in GATE_FUNCTIONS:
        return None
    bias = np.zeros((m, n)) if again.b2 is None else again.b2.reshape(m, n)
    gate, t = GATE_FUNCTIONS[again.gate_fn](bias)[-1], view.t
    low, high = f"{gate.min():.2f}", f"{gate.max():.2f}"
    equal, values = np.ptp(gate) < 1e-3, ["0", "0.5", "1"]
    if not equal and low == high:
        return None
    fixed = {float(value): t("ask.all_dead.all", value=value) for value in values}
    if equal:
        fixed[round(float(gate[0]), 2)] = t("ask.all_dead.all", value=f"{gate[0]:.2g}")
    options = [fixed[value] for value in sorted(fixed)]
    right = sorted(fixed).index(round(float(gate[0]), 2)) if equal else len(options)
    if not equal:
        options.append(t("ask.all_dead.each", low=low, high=high))
    kind = "equal" if equal else "each"
    numbers = {
        "block": short(view.name),
        "value": f"{gate[0]:.2g}",
        "low": low,
        "high": high,
        "g": number(float(bias[-1, 0])),
    }
    return made(view, "all_dead", options, right, numbers, why=f"all_dead.why.{kind}")


def fc_or_conv(view: Scene) -> Question | None:
    """Ask what 1x1 convolutions change; None where there are no two layers, or where float32 makes a difference."""
    if not view.fc_against_conv < 1e-5:  # not so for NaN
        return None
    options = [view.t(f"ask.fc_or_conv.{name}") for name in ("nothing", "pixels", "fewer")]
    return made(view, "fc_or_conv", options, 0, {"n": len(view.z)})


def sum_to_one(view: Scene) -> Question | None:
    """Ask what the gates of one branch add up to: sigmoids know nothing of each other."""
    n, total = view.gate.shape[1], float(view.gate[0].sum())
    if len(view.gate) > 1 or view.replay.gate_fn not in NAMES or len(apart([total, 1.0, float(n)])) < 3:
        return None
    said = {"n": n, "block": short(view.name), "total": f"{total:.1f}", "fn": NAMES[view.replay.gate_fn]}
    return made(view, "sum_to_one", ["1", f"{total:.1f}", str(n)], 1, said)


def gates_half(view: Scene) -> Question | None:
    """Ask how many gates are near 0.5; None where two branches compete, whose shares are another matter."""
    if len(view.gate) > 1:
        return None
    gate = view.gate[0]
    n, near = len(gate), int((np.abs(gate - 0.5) <= HALF).sum())
    ends = {"low": f"{gate.min():.2f}", "high": f"{gate.max():.2f}", "a": 0.5 - HALF, "b": 0.5 + HALF}
    return counted(view, "gates_half", near, n, ends, (n,))


def exact_ends(view: Scene) -> Question | None:
    """Ask how many gates are exactly 0 or 1: none of a sigmoid's, where its logits are not far out."""
    if len(view.gate) > 1 or (fn := view.replay.gate_fn) not in NAMES:
        return None
    gate, logit, n = view.gate[0], view.logits[0], view.gate.shape[1]
    numbers = {"low": number(round(float(logit.min()), 2)), "high": number(round(float(logit.max()), 2))}
    ends = int(((gate == 0) | (gate == 1)).sum())
    if fn == "sigmoid" and ends:
        return None
    cut = int((np.abs(logit) >= 3).sum())  # what the other function would make of these logits
    return counted(view, "exact_ends", ends, n, numbers, (0, cut), f"exact_ends.why.{fn}")


def brighter_map_larger_gate(view: Scene) -> Question | None:
    """Ask which of two channels has the larger gate: one with a large z and one with a small one.

    Gates of the two differ clearly; None where no pair of the eight largest and eight smallest z does.
    """
    z, s = view.z, view.gate[0]
    if len(view.gate) > 1 or view.replay.near:
        return None
    order, far = np.argsort(-z, kind="stable"), max(CLEAR, float(np.ptp(s)) / 4)
    pairs = ((int(a), int(b)) for a in order[:8] for b in order[:-9:-1])
    pair = next(((a, b) for a, b in pairs if abs(s[a] - s[b]) >= far and len(apart([z[a], z[b]])) == 2), None)
    if pair is None:
        return None
    wide, narrow = sorted(pair, key=lambda c: -s[c])
    first, second = sorted(pair)
    options = [view.t("ask.brighter_map_larger_gate.option", c=c, z=number(float(z[c]))) for c in (first, second)]
    numbers = {"wide": wide, "narrow": narrow, "sw": f"{s[wide]:.2f}", "sn": f"{s[narrow]:.2f}", "n": len(z)}
    return made(view, "brighter_map_larger_gate", options, int(wide == second), numbers, "kept")


def relu_order(view: Scene) -> Question | None:
    """Ask how many gates are below 0.5, which none could be if the ReLU ran where ``print`` lists it.

    None where it is not listed after the second layer, or where hardly a gate is below 0.5.
    """
    gate, n = view.gate[0], view.gate.shape[1]
    below, at = int((gate < 0.5).sum()), int((np.abs(gate - 0.5) < LEAST / 2).sum())
    if len(view.gate) > 1 or view.replay.act != "ReLU" or view.replay.gate_fn not in NAMES:
        return None
    if below < n / 5 or at > n / 20:  # many at 0.5 itself, as where nothing is trained
        return None
    if not view.ask(ListedLateQuestion(view.spec.key, view.name)):
        return None
    return counted(view, "relu_order", below, n, {}, (0,))


# --- rescale ----------------------------------------------------------------------------------------------------------


def times_gate(view: Scene) -> Question | None:
    """Ask what the block gives where the pinned map is strongest; None where wrong answers are nearly right."""
    c, m = view.channel, len(view.gate)
    where = np.unravel_index(int(np.abs(view.fused[c]).argmax()), view.fused[c].shape)
    s, u = view.gate[:, c].astype(float), view.u[:, c, where[0], where[1]].astype(float)
    wrong = [u[0] + s[0], u[0], s[0]] if m == 1 else [u.sum(), u[s.argmax()], s[::-1] @ u]
    values = apart([float(s @ u), *map(float, wrong)])
    if m > 2 or len(values) < 3 or abs(values[0]) < LEAST:
        return None
    options, key = [number(value) for value in values], "times_gate" if m == 1 else "times_gate.mixed"
    parts = {f"{letter}{i}": number(float(v[i])) for letter, v in (("s", s), ("u", u)) for i in range(m)}
    return made(view, "times_gate", options, 0, {"c": c, "x": options[0], **parts}, asked=key, why=f"{key}.why")
