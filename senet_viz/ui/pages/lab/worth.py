"""Is the gate worth anything? What was measured over the validation pictures, or over labelled photos of one's own."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from senet_viz import i18n, stats
from senet_viz.errors import PhotosRejected
from senet_viz.experiments import gate_ablation, profiling
from senet_viz.experiments.gate_ablation import Worth
from senet_viz.figures.lab import gate_ablation as figures
from senet_viz.figures.lab.gate_ablation import points
from senet_viz.findings import gate_ablation as findings
from senet_viz.findings.gate_ablation import Need
from senet_viz.models import catalogue, class_names
from senet_viz.service.cache import Once
from senet_viz.service.questions import HitsQuestion
from senet_viz.ui.elements.choices import judge, pick, predict, worded
from senet_viz.ui.elements.figures import figure
from senet_viz.ui.elements.frame import plain, section
from senet_viz.ui.guard import sentence
from senet_viz.ui.own import sets
from senet_viz.ui.pages.lab import profiled
from senet_viz.ui.scene import Scene

if TYPE_CHECKING:
    from PIL.Image import Image

    from senet_viz.experiments.gate_profile import Profile
    from senet_viz.experiments.profiling import Tally

KEPT = (0.85, 0.15)  # of what it knows beyond chance: from the first on "nearly all", up to the second "hardly any"


@dataclass(frozen=True, eq=False)
class Shown:
    """One result, and whose it is."""

    spec: catalogue.ModelSpec
    worth: Worth
    constants: str  # where the mean gates come from: "shipped" or "mine"
    mark: Hashable  # names it, for caches


@Once
def results() -> dict[str, Worth]:
    """What was measured over the validation pictures, by model."""
    return gate_ablation.read()


def worth(view: Scene) -> None:
    """A section of a page: a question with a stake, then accuracy with other gates, the verdict, and lesson 2."""
    t = view.t
    section(t("worth.title"))
    st.markdown(t("worth.idea"))
    source = pick("source", worded(t, "source", ("shipped", "mine")), t("source.label"))
    shown = _mine(view) if source == "mine" else _shipped(view)
    if shown is None:
        return
    name = shown.spec.title
    # of a network that only guesses nothing can be asked, and few pictures answer nothing
    if findings.verdict(shown.worth).word not in (Need.CHANCE, Need.FEW) and not _answered(shown, t):
        return
    first, *more = said(shown, t)
    st.markdown(first)
    rows = _rows(shown)
    chance, count = shown.worth.chance, shown.worth.hits.shape[1]
    figure(
        view,
        lambda t: figures.draw_worth(name, rows, chance, count, t),
        "worth",
        shown.mark,
        untrained=False if shown.constants == "shipped" else None,
        shows="",
    )
    for line in more:
        st.markdown(line)
    pictures = len(profiled.profiles()[shown.spec.key].truth) if shown.constants == "shipped" else count
    st.caption(t(f"worth.means.{shown.constants}", n=f"{pictures:,}"))


def _answered(shown: Shown, t: i18n.Texts) -> bool:
    """Ask what a constant leaves; once that is answered, say what is right."""
    options = worded(t, "worth.keeps", ("all", "part", "none"))
    ask = t("worth.ask", model=shown.spec.title, own=f"{shown.worth.accuracy('own').value:.0%}")
    answer = predict(("worth", shown.mark), ask, options, t("worth.skip"), name="worth")
    if answer is None:
        return False
    right = keeps(shown.worth)
    kind = "shown" if not answer else "right" if answer == right else "wrong"
    judge(kind == "right", t(f"worth.{kind}", answer=options[right]))
    return True


def keeps(found: Worth) -> str:
    """How much of what it knows beyond chance the network keeps with constants: "all", "part" or "none" of it."""
    own, mean = (found.accuracy(c).value - found.chance for c in ("own", "mean"))
    share = mean / own if own > 0 else 1.0
    return "all" if share >= KEPT[0] else "none" if share <= KEPT[1] else "part"


def _rows(shown: Shown) -> list[figures.Row]:
    equal = shown.spec.gate_fn == "softmax"
    return [
        figures.Row("equal" if equal and c == "ones" else c, shown.worth.accuracy(c), shown.worth.change(c))
        for c in gate_ablation.CONDITIONS
    ]


def said(shown: Shown, t: i18n.Texts) -> list[str]:
    """The verdict, what else the rows say, and what follows for who wants to drop the branch; computed."""
    found, verdict = shown.worth, findings.verdict(shown.worth)
    share = {c: f"{found.accuracy(c).value:.1%}" for c in gate_ablation.CONDITIONS}
    change, worst, best = found.change("mean")
    span = {"lost": points(-change).lstrip("+"), "low": points(-best).lstrip("+"), "high": points(-worst).lstrip("+")}
    lines = [t(f"worth.verdict.{verdict.word}", needs=f"{verdict.needs_photo:.0%}", chance=f"{found.chance:.1%}",
               own=share["own"], mean=share["mean"], level=share["level"], n=found.hits.shape[1],
               worst=points(worst), best=points(best))]  # fmt: skip
    if verdict.word is Need.CHANCE:
        return lines
    if shown.spec.gate_fn != "softmax" and found.accuracy("ones").high < found.accuracy("level").low:
        lines.append(t("worth.ones", ones=share["ones"], level=share["level"]))
    other = stats.paired(found.share("other"), found.share("mean"))
    if other.sign < 0:
        lines.append(t("worth.other", other=share["other"], mean=share["mean"], lost=points(-other.value).lstrip("+")))
    lines.append(t("worth.drop" if worst >= 0 or best < 0 else "worth.drop.free", **span))
    return lines


# --- what is shipped --------------------------------------------------------------------------------------------------


def _shipped(view: Scene) -> Shown:
    key = view.spec.key if view.trained and view.spec.key in results() else profiled.PROFILED
    if key != view.spec.key or not view.trained:
        st.info(view.t("worth.instead", model=view.spec.title, ours=catalogue.spec(key).title))
    return Shown(catalogue.spec(key), results()[key], "shipped", ("shipped", key))


# --- labelled photos of one's own -------------------------------------------------------------------------------------


def _mine(view: Scene) -> Shown | None:
    """What photos in folders called like the network's classes say, as far as they are measured."""
    t, found = view.t, sets.uploaded(view, profiled.MINE, labelled=True)
    if found is None:
        st.caption(t("worth.names"))
        return None
    known = class_names.outputs(view.spec, found.classes)
    output = dict(zip(found.classes, known, strict=True))
    usable = [photo for photo in found.photos if output[photo.folder] is not None]
    y = np.array([output[photo.folder] for photo in usable])
    if len(set(y.tolist())) < 2:
        st.error(sentence(PhotosRejected("unknown"), view.lang), icon=":material/label_off:")
        return None
    unknown = [plain(name) for name, index in output.items() if index is None]
    if unknown:
        st.caption(t("worth.unknown", names=" · ".join(unknown)))
    work = _Work(view, (view.spec.key, view.weights, view.device, found.key), [p.image for p in usable], y)
    sets.worked(view, profiled.MINE, work.count, len(y), work.step, "photos.ready.classes")
    done = work.done()
    if not done.size:
        return None
    result = Worth(view.spec.key, class_names.count(view.spec), gate_ablation.rows(), done)
    constants = "mine" if work.shipped is None else "shipped"
    return Shown(view.spec, result, constants, (*work.question, done.shape[1]))


@dataclass(frozen=True, eq=False)
class _Work:
    """One set through one network under every condition, batch after batch; kept for all sessions.

    Where no mean gates are shipped, the set's own are counted first.
    """

    view: Scene
    question: tuple[Hashable, ...]
    images: list[Image]
    y: np.ndarray  # (N,) right outputs

    @cached_property
    def shipped(self) -> Profile | None:
        """The profile whose mean gates are taken."""
        return profiled.profiles().get(self.view.spec.key) if self.view.trained else None

    @cached_property
    def partners(self) -> tuple[np.ndarray, np.ndarray]:
        return gate_ablation.partners(self.y)

    @property
    def summed(self) -> tuple[int, Tally]:
        """Photos whose gates are summed up, and the tally of them as one class."""
        return profiled.so_far(self.view, (*self.question, "all"), self.y, 1)

    def done(self) -> np.ndarray:
        """(R, n) of the first photos in the order of ``partners``, as far as they are measured."""
        parts_ = [np.zeros((len(gate_ablation.rows()), 0), dtype=bool)]
        for start in range(0, len(self.y), profiling.batch_size(self.view.spec)):
            part = self.view.peek(HitsQuestion(self.view.spec.key, self.question, start))
            if part is None:
                break
            parts_.append(part)
        return np.concatenate(parts_, axis=1)

    def count(self) -> float:
        """Photos that are done. While their gates are only summed up, less than one."""
        done = self.done().shape[1]
        return float(done) if done or self.shipped is not None else 0.99 * self.summed[0] / len(self.y)

    def step(self) -> None:
        if self.shipped is None and self.summed[0] < len(self.y):
            zeros = np.zeros(len(self.y), dtype=int)
            profiled.more(self.view, (*self.question, "all"), self.images, zeros, 1)
            return
        means = self.summed[1].means() if self.shipped is None else self.shipped.means()
        start, size, spec = self.done().shape[1], profiling.batch_size(self.view.spec), self.view.spec
        order, partner = self.partners
        here, lenders, lent = gate_ablation.together(order[start : start + size], partner)
        images = tuple(self.images[i] for i in (*here, *lenders))
        self.view.ask(HitsQuestion(spec.key, self.question, start, images, self.y[here], lent, means))
