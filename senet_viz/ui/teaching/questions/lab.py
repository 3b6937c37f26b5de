"""Questions about many runs of a network: what matters to a class, what size does, what gates know of classes."""

import numpy as np

from senet_viz.figures.lab.what_if import signed
from senet_viz.findings import class_selectivity, gate_life, open_or_important, scale_response
from senet_viz.findings.gate_life import AHEAD
from senet_viz.lessons.question import Question
from senet_viz.service.questions import AttributionQuestion
from senet_viz.ui.pages.lab import attributed, learned, profiled
from senet_viz.ui.pages.scale import scrub
from senet_viz.ui.scene import Scene, short
from senet_viz.ui.teaching.questions.made import called, counted, made

STILL, MOVES = 0.008, 0.012  # a gate that moves by less stays, by more moves; between: no question
NOISE = 0.002  # gates that move by less on average do not react to size


def open_or_matters(view: Scene) -> Question | None:
    """Ask how many of the most open channels are among those that matter most to the answer."""
    if len(view.gate) > 1:  # a share says which kernel's map goes on, not how much of it
        return None
    goal = int(view.seen.shares.argmax())
    found = view.ask(AttributionQuestion(view.spec.key, view.picture, attributed.CHEAP, goal, view.name))
    s = open_or_important.standing(view.gate[0], found.values[0])
    if len(s.open) != s.n or np.isnan(s.rho):
        return None
    chance = f"{s.chance(view.gate.shape[1]):.1f}"
    said = {"name": called(view, goal), "block": short(view.name), "chance": chance}
    return counted(view, "open_or_matters", len(s.both), s.n, said, (s.n,))


def where_gradcam(view: Scene) -> Question | None:
    """Ask which quarter of the photo the answer rests on most by Grad-CAM; None where no quarter is well ahead."""
    goal = int(view.seen.shares.argmax())
    found = view.ask(AttributionQuestion(view.spec.key, view.picture, "grad_cam", goal))
    heat = np.maximum(found.values, 0)
    half, middle = heat.shape[0] // 2, heat.shape[1] // 2
    sums = [float(part.sum()) for rows in (heat[:half], heat[half:]) for part in (rows[:, :middle], rows[:, middle:])]
    best = max(sums)
    if best <= 0 or sorted(sums)[-2] > AHEAD * best:
        return None
    options = [view.t(f"ask.where_gradcam.{corner}") for corner in ("tl", "tr", "bl", "br")]
    said = {"name": called(view, goal), "share": f"{best / sum(sums):.0%}"}
    return made(view, "where_gradcam", options, sums.index(best), said, "kept")


def scale_moves(view: Scene) -> Question | None:
    """Ask in which of three blocks gates move most from half to twice the size: the first, the least, or a middling."""
    sweep = view.sweep(scrub.SCALES)
    moves = [float(np.abs(scale_response.change(scale_response.gates(sweep, name))).mean()) for name in view.blocks]
    order = np.argsort(moves, kind="stable").tolist()
    if len(order) < 3 or moves[order[-1]] < NOISE:
        return None
    best, three = order[-1], sorted((order[-1], order[len(order) // 2], order[0]))
    if any(moves[i] > AHEAD * moves[best] for i in three if i != best):
        return None
    blocks = [short(view.blocks[i]) for i in three]
    each = " · ".join(f"{name}: {moves[i]:.3f}" for name, i in zip(blocks, three, strict=True))
    options = [view.t("ask.block", block=name) for name in blocks]
    return made(
        view, "scale_moves", options, three.index(best), {"block": short(view.blocks[best]), "each": each}, "kept"
    )


def gate_with_scale(view: Scene) -> Question | None:
    """Ask what the pinned channel's gate does when the photo's middle is enlarged to twice its size."""
    gates = scale_response.gates(view.sweep(scrub.SCALES), view.name)[:, view.channel]
    before, after = float(gates[scrub.SCALES.index(1.0)]), float(gates[scrub.SCALES.index(2.0)])
    move = after - before
    kind = "same" if abs(move) < STILL else "" if abs(move) < MOVES else "larger" if move > 0 else "smaller"
    if not kind:
        return None
    kinds = ("larger", "same", "smaller")
    options = [view.t(f"ask.gate_with_scale.{each}") for each in kinds]
    said = {"c": view.channel, "block": short(view.name), "before": f"{before:.3f}", "after": f"{after:.3f}"}
    return made(view, "gate_with_scale", options, kinds.index(kind), said, "flipped")


def class_specific_depth(view: Scene) -> Question | None:
    """Ask in which of three blocks the class explains gates best; None for networks without a shipped profile."""
    found = profiled.profiles().get(view.spec.key) if view.trained else None
    if found is None:
        return None
    roles = view.drawn(lambda: class_selectivity.roles(found), "roles", ("shipped", 0))
    best = max(roles, key=lambda role: role.eta2)
    apart = [role for role in roles if role is best or role.eta2 <= AHEAD * best.eta2]
    three = [apart[i] for i in class_selectivity.candidates(apart, class_selectivity.chance(found.counts))]
    if not three:
        return None
    each = " · ".join(f"{short(role.name)}: {role.eta2:.0%}" for role in three)
    options = [view.t("ask.block", block=short(role.name)) for role in three]
    return made(
        view, "class_specific_depth", options, three.index(best), {"k": len(found.classes), "each": each}, "flipped"
    )


def learns_first(view: Scene) -> Question | None:
    """Ask which of three blocks is the first whose gates tell classes apart; None for networks without a film."""
    found = learned.measured().get(view.spec.key) if view.trained else None
    first = None if found is None else gate_life.first(found)
    if found is None or first is None:
        return None
    blocks = [short(found.blocks[i]) for i in first.three]
    each = " · ".join(f"{name}: {signed(gain)}" for name, gain in zip(blocks, first.gains, strict=True))
    said = {"k": len(blocks), "epoch": first.epoch, "block": short(found.blocks[first.best]), "each": each}
    options = [view.t("ask.block", block=name) for name in blocks]
    return made(view, "learns_first", options, first.three.index(first.best), said, "flipped")
