"""What the page on attribution is made of: a class, the engine's answers, a question, and the truth badge."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from senet_viz.drawing.grammar import Scale
from senet_viz.drawing.text import number
from senet_viz.figures.lab import attribution as figures
from senet_viz.figures.lab.attribution import Effects, hundredths, with_sign
from senet_viz.findings import open_or_important
from senet_viz.findings.open_or_important import Says, Standing
from senet_viz.service.questions import AttributionQuestion
from senet_viz.types import ON_GATES, ON_PHOTO, Edit
from senet_viz.ui.elements.boards import rows
from senet_viz.ui.elements.choices import answered, judge, pick, predict, target, worded
from senet_viz.ui.elements.figures import figure
from senet_viz.ui.elements.frame import section
from senet_viz.ui.elements.truth import verdict
from senet_viz.ui.scene import Scene, short
from senet_viz.ui.work import PATIENCE_S, Bar

if TYPE_CHECKING:
    from senet_viz.experiments.attribution import Attribution

GATES = sorted(ON_GATES, key=lambda method: method in ("gate_integrated_gradients", "conductance"))  # paths last
CHEAP = GATES[0]  # one run forth and back: what the question is made of
LIMIT = 0.01  # of the score's change, by which what should add up may be off


def attribution(view: Scene, method: str, target: int, block: str | None = None) -> Attribution:
    """Return what the engine says; where that takes a while, it says how far it is."""
    t, question = view.t, AttributionQuestion(view.spec.key, view.picture, method, target, block)

    def words(done: int, total: int) -> str:
        return t("lab.attribution.running", method=t(f"method.{method}"), done=done, total=total)

    with Bar(words, PATIENCE_S) as told:
        return view.ask(question, told)


def effects(view: Scene, found: Attribution, name: str, branch: int, held: tuple[int, ...]) -> tuple[Effects, Standing]:
    """Return one branch's gates beside its attributions; an ablation mutes a channel in all branches at once."""
    gate, values = view.gate[branch], found.values[branch if len(found.values) > 1 else 0]
    s = open_or_important.standing(gate, values)
    symbol = view.symbol(branch)
    method = view.t(f"method.{found.method}")
    e = Effects(short(view.name), symbol, method, name, gate, values, s.n, s.open, s.matter, s.rho, held)
    return e, s


def idea(view: Scene, e: Effects, s: Standing) -> str:
    """Return the page's one sentence about this block, this class and this method."""
    t = view.t
    if s.word is Says.UNDEFINED:
        hidden = view.block.hidden
        off = hidden is not None and not hidden.any()
        flat = ("dead" if off else "gate") if np.ptp(e.gate) == 0 else "effect"
        return t(f"lab.attribution.idea.flat.{flat}", block=e.block, target=e.target, value=f"{e.gate[0]:.4f}")
    numbers = {
        "n": len(s.open),
        "m": s.n,
        "k": e.both,
        "chance": f"{s.chance(len(e.gate)):.1f}",
        "rho": hundredths(s.rho),
    }
    return t(f"lab.attribution.idea.{s.word}", block=e.block, target=e.target, method=e.method, **numbers)


def scatter(view: Scene, e: Effects, says: str, *key: Hashable) -> None:
    """Draw a dot a channel; a click on one pins its channel; ``says``: below it."""

    def picked(x: float, y: float) -> None:
        st.session_state["channel"] = nearest(e, x, y)

    c = view.channel
    figure(view, lambda t: figures.draw_scatter(e, c, t), "attribution", c, e.held, *key, picked=picked, says=says)


def nearest(e: Effects, x: float, y: float) -> int:
    """Return the channel whose dot lies at (x, y), of those that have one."""
    wide, high = float(np.ptp(e.gate)) or 1.0, float(np.ptp(e.values)) or 1.0
    off = ((e.gate - x) / wide) ** 2 + ((e.values - y) / high) ** 2
    return int(np.where(e.shown, off, np.inf).argmin())


def sums(view: Scene, found: Attribution) -> None:
    """Say whether the attributions add up, where that is promised: the truth badge of this page."""
    t = view.t
    if found.completeness is None or found.baseline is None:
        st.markdown(f":gray-badge[:material/info: {t('lab.attribution.nosum', method=t(f'method.{found.method}'))}]")
        return
    holds = found.completeness <= LIMIT  # not so for what is not a number
    difference = found.score - found.baseline
    values = {
        "total": number(found.total, 4),
        "difference": number(difference, 4),
        "error": f"{found.completeness:.2%}",
    }
    said = t("lab.attribution.sum" if holds else "lab.attribution.nosum.broken", **values, limit=f"{LIMIT:.0%}")
    verdict(said, holds)


def about(view: Scene, found: Attribution, **more: object) -> str:
    """Return what this method measured, with its numbers."""
    first = found.score if found.baseline is None else found.baseline
    scores = {"score": found.score, "first": first, "total": found.total, "difference": found.score - first}
    values = {key: number(value, 4) for key, value in scores.items()} | {"steps": str(found.steps)}
    side = found.values.shape[-1]
    return view.t(f"lab.attribution.about.{found.method}", **values, window=max(1, side // 8), **more)


@dataclass(frozen=True)
class Question:
    """Which of three channels is missed most, of one branch's, for one class."""

    goal: int  # the class
    branch: int
    about: Hashable  # what is asked about
    trio: tuple[int, ...]  # the channels to choose from, the most open first; () where nothing tells three apart
    said: str | None  # what was answered; None: nothing yet

    @property
    def held(self) -> tuple[int, ...]:
        """Return the channels that are held back until somebody has guessed."""
        return self.trio if self.said is None else ()


def question(view: Scene, goal: int, branch: int) -> Question:
    """Return what is asked about this class, and what was answered."""
    cheap, about = attribution(view, CHEAP, goal, view.name), ("attribution", view.key, goal, branch)
    trio = open_or_important.three(view.gate[branch], cheap.values.sum(axis=0), gated)
    return Question(goal, branch, about, trio, answered(about))


def guess(view: Scene, goal: int, branch: int, name: str) -> None:
    """Ask, or say what is right once somebody has guessed; ``name``: of the class."""
    asked = question(view, goal, branch)
    if not asked.trio:
        st.caption(view.t("lab.attribution.noask"))
    elif asked.said is None:
        ask(view, asked, name)
    else:
        answer(view, asked, name)


def gated(gate: float) -> str:
    """Write a gate as the question and its answer show it."""
    return f"{gate:.3f}"


def ask(view: Scene, asked: Question, name: str) -> None:
    """Ask which of three channels is missed most."""
    t, gate, symbol = view.t, view.gate[asked.branch], view.symbol(asked.branch)
    options = {str(c): t("fig.attribution.gated", c=c, symbol=symbol, s=gated(gate[c])) for c in sorted(asked.trio)}
    predict(asked.about, t("lab.attribution.ask", target=name), options, t("lab.attribution.skip"))


def answer(view: Scene, asked: Question, name: str) -> None:
    """Say what muting the three did, and what that says about gates."""
    t, goal, branch, trio, said = view.t, asked.goal, asked.branch, asked.trio, asked.said
    channels = tuple(sorted(trio))
    section(t("lab.attribution.answer"))
    changes, gate = view.muted(channels, goal).change, view.gate[branch]
    # of float32, less is noise
    first = [channels[i] for i in open_or_important.most(changes.round(5).tolist(), with_sign)]
    at, widest = int(np.abs(changes).argmax()), trio[0]
    most, change = channels[at], with_sign(float(changes[at]))
    right = said in [str(c) for c in first]
    kind = "nothing" if not first else "tied" if first[1:] else "shown" if not said else "right" if right else "wrong"
    score = float(view.trace.logits[goal])
    which = ", ".join(map(str, first))
    text = t(f"lab.attribution.{kind}", c=which, v=change, target=name, score=number(score, 4))
    judge(right, text)
    symbol, ours = view.symbol(branch), gate[list(channels)]
    draw = partial(figures.draw_muted, ours, changes, channels, symbol, score, name)
    figure(view, draw, "muted", goal, branch)
    numbers = {"open": widest, "so": gated(gate[widest]), "vo": with_sign(float(changes[channels.index(widest)]))}
    numbers |= {"most": most, "sm": gated(gate[most]), "vm": change}
    if len(first) == 1:
        st.markdown(t("lab.attribution.select." + ("same" if most == widest else "other"), **numbers, target=name))
    st.markdown(dropped(view, goal, name))


def dropped(view: Scene, goal: int, name: str) -> str:
    """Say whether the branch can be left out: this block's gates without a say, then all blocks'."""
    op = "ones" if len(view.gate) == 1 else "equal"
    one = view.edited((Edit(view.name, op),))
    every = view.edited(tuple(Edit(block, op) for block in view.blocks if block not in view.trace.silent))
    traces = {"score": view.trace, "one": one, "every": every}
    values = {key: number(float(trace.logits[goal]), 4) for key, trace in traces.items()} | {
        "was": view.seen.top(1)[0][0]
    }
    now = view.seen.classes[int(every.logits.argmax())]
    kind = "same" if int(every.logits.argmax()) == int(view.trace.logits.argmax()) else "other"
    return view.t(f"lab.attribution.drop.{op}.{kind}", **values, target=name, block=short(view.name), now=now)


def ranked(view: Scene, e: Effects, *key: Hashable) -> None:
    """Draw all channels by |attribution|, and their gates in the same order; a click pins one."""
    if e.held:  # it would tell
        return
    section(view.t("lab.attribution.rows"))
    order = np.argsort(-np.abs(e.values), kind="stable")
    scale = Scale.around_zero(view.t("fig.attribution.scale"), e.values, "difference")
    lines = [(view.t("fig.attribution.row"), e.values, scale), (e.symbol, e.gate, Scale.gate(view.t("gate.name")))]
    rows(view, lines, "attributed", view.t("lab.attribution.rows"), width=640, order=order, mark=key)
    st.caption(view.t("lab.attribution.rows.how"))


def photo(view: Scene, goal: int, name: str) -> None:
    """Draw which pixels matter: the choice of a method and, for Grad-CAM, of a layer; the figure, and what it says."""
    t = view.t
    section(t("lab.attribution.pixels", target=name))
    left, right = st.columns([3, 2])
    method = pick("heat", worded(t, "method", ON_PHOTO), t("lab.attribution.heat"), at=left)
    block = None
    if method == "grad_cam":
        layers = {
            "last": t("lab.attribution.layer.last"),
            "block": t("lab.attribution.layer.block", block=short(view.name)),
        }
        block = view.name if pick("layer", layers, t("lab.attribution.layer"), at=right) == "block" else None
    found = attribution(view, method, goal, block)
    title, layer = t(f"method.{method}"), found.block or ""
    build = partial(figures.draw_photo, view.picture.shown, found.values, method, title, name)
    nothing = method == "grad_cam" and not found.values.any()
    says = t("lab.attribution.about.grad_cam.nothing", layer=layer) if nothing else about(view, found, layer=layer)
    figure(view, build, "photo", method, goal, block, says=says)
    sums(view, found)


def judged(view: Scene) -> None:
    """Let choose the class, the method and, of competing branches, the one that the page speaks of."""
    t = view.t
    left, right = st.columns([4, 7])
    with left:
        target(view)
    with right:
        pick("importance", worded(t, "method", GATES), t("lab.attribution.gates", block=short(view.name)))
        if len(view.gate) > 1:
            pick("branch", view.branches, t("branch.label"), len(view.gate) - 1)
