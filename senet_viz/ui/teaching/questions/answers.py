"""Questions about the answer: what the network says with other gates, and which gates another photo has."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from senet_viz import stats
from senet_viz.figures.lab.what_if import signed
from senet_viz.lessons.question import Question
from senet_viz.models import catalogue
from senet_viz.photos import samples
from senet_viz.service.questions import TraceQuestion
from senet_viz.types import Edit, Trace
from senet_viz.ui import shown
from senet_viz.ui.pages.lab import console
from senet_viz.ui.scene import Scene, short
from senet_viz.ui.teaching.questions.made import called, made

AS_SURE, SURER = (
    0.007,
    0.013,
)  # a share that moves by less has stayed within a point, by more has not; between: no question
LEAD = 0.02  # by which a class has to be ahead to be the answer
PLAIN = "tiny_plain"


def changed(view: Scene, name: str, trace: Trace, numbers: Mapping[str, object], asked: str = "") -> Question | None:
    """Ask what the network answers with gates that are not its own; None where that is a near thing.

    Args:
        trace: of the same photo with other gates.
        numbers: what the question's words ask for.
    """
    t, was, now = (
        view.t,
        view.seen.shares,
        stats.shares(np.asarray(trace.logits, dtype=np.float64), view.spec.independent),
    )
    before, (second, first) = int(was.argmax()), np.argsort(now, kind="stable")[-2:].tolist()
    move, lead = float(now[before] - was[before]), float(now[first] - now[second])
    if first == before:
        kind = "same" if abs(move) < AS_SURE else "surer" if move > SURER else "less" if move < -SURER else ""
    else:
        kind = "other" if lead >= LEAD else ""
    if not kind:
        return None
    said = {"a": called(view, before), "b": called(view, first)}
    said |= {"p": f"{was[before]:.1%}", "q": f"{now[before]:.1%}", "r": f"{now[first]:.1%}"}
    kinds = ("surer", "same", "less", "other")
    options = [t(f"ask.answer.{each}", **said) for each in kinds]
    why = "answer.why.other" if kind == "other" else "answer.why"
    return made(view, name, options, kinds.index(kind), {**said, **numbers}, asked=asked, why=why)


def _plain(view: Scene, *edits: Edit) -> Trace:
    """Return the trace that the stage and the comparison ask for too: without u."""
    return view.ask(TraceQuestion(view.spec.key, view.picture, edits))


def drop_the_branch(view: Scene) -> Question | None:
    """Ask what the network answers where all gates of this block are 1, or all shares equal."""
    competing = len(view.gate) > 1
    trace = _plain(view, Edit(view.name, "equal" if competing else "ones"))
    asked = "drop_the_branch.shares" if competing else ""
    numbers = {"n": view.gate.shape[1], "block": short(view.name)}
    return changed(view, "drop_the_branch", trace, numbers, asked)


def drop_every_branch(view: Scene) -> Question | None:
    """Ask the same of all blocks at once."""
    if len(view.gate) > 1:
        return None
    trace = _plain(view, *(Edit(block, "ones") for block in view.blocks))
    return changed(view, "drop_every_branch", trace, {"n": len(view.blocks)})


def close_one(view: Scene) -> Question | None:
    """Ask what the network answers where the pinned channel's gate is 0."""
    trace = _plain(view, Edit(view.name, "mute", (view.channel,)))
    numbers = {"n": view.gate.shape[1], "c": view.channel, "block": short(view.name)}
    return changed(view, "close_one", trace, numbers)


def another_photo(view: Scene) -> Question | None:
    """Ask how many gates of this block another photo has too; None where it is neither half nor hardly any."""
    key = next(sample.key for sample in samples.SAMPLES if sample.key != view.photo)
    trace = view.ask(TraceQuestion(view.spec.key, shown.picture_of(key, view.spec)))
    here, there = view.gate[-1], np.asarray(trace.block(view.name).gate[-1])
    n, same = len(here), int((here.round(3) == there.round(3)).sum())
    kind = "half" if 0.4 * n <= same <= 0.6 * n else "few" if same < n / 10 else ""
    if not kind:
        return None
    kinds, c = ("all", "half", "few"), int(np.abs(here - there).argmax())
    options = [view.t(f"ask.another_photo.{each}", n=n) for each in kinds]
    said = {"photo": view.t(f"sample.{key}"), "k": same, "n": n, "c": c}
    said |= {"here": f"{here[c]:.3f}", "there": f"{there[c]:.3f}", "block": short(view.name)}
    return made(view, "another_photo", options, kinds.index(kind), said, "flipped")


def muted_most(view: Scene) -> Question | None:
    """Ask which of three channels, muted, moves the score of the answer most; None where two move it alike."""
    few, goal = console.three(view), int(view.seen.shares.argmax())
    if few is None:
        return None
    found = view.muted(few.channels, goal)
    by = "gate" if few.by == "gate" else "z"
    values = view.gate[-1] if by == "gate" else view.z
    key = "lab.what_if.option" if by == "gate" else "lab.what_if.option.z"
    options = [view.t(key, c=c, s=console.digits(values[c]), z=console.digits(values[c])) for c in few.channels]
    third, second, first = np.argsort(np.abs(found.change), kind="stable").tolist()
    if abs(found.change[first]) < 1e-3 or abs(found.change[second]) > 0.8 * abs(found.change[first]):
        return None
    said = {"name": called(view, goal), "block": short(view.name), "c": few.channels[first]}
    said |= {f"v{i}": signed(float(found.change[at])) for i, at in enumerate((first, second, third))}
    return made(view, "muted_most", options, first, said, "kept")


def without_gates(view: Scene) -> Question | None:
    """Ask what the same small network without gates answers; None for other networks, and where it is in two minds."""
    if view.spec.key not in catalogue.OURS or not view.trained:
        return None
    spec = catalogue.spec(PLAIN)
    trace = view.ask(TraceQuestion(PLAIN, shown.picture_of(view.photo, spec)))
    plain = replace(view.seen, spec=spec, trace=trace)
    mine, order = int(view.seen.shares.argmax()), np.argsort(-plain.shares, kind="stable")[:3].tolist()
    if plain.classes != view.seen.classes or plain.shares[order[0]] - plain.shares[order[1]] < LEAD:
        return None
    offered = sorted({*order, mine})
    said = {"a": called(view, order[0]), "p": f"{plain.shares[order[0]]:.1%}", "plain": spec.title}
    said |= {"b": called(view, mine), "q": f"{view.seen.shares[mine]:.1%}"}
    return made(view, "without_gates", [called(view, c) for c in offered], offered.index(order[0]), said)
