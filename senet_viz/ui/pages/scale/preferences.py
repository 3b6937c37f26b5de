"""Which kernel a photo or a set of photos prefers: measured photo by photo, kept, stopped and gone on with."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import streamlit as st

from senet_viz import stats
from senet_viz.drawing.grammar import Figure, Table
from senet_viz.errors import WeightsInvalid
from senet_viz.experiments import gate_profile, kernel_preference
from senet_viz.experiments.gate_profile import Selection
from senet_viz.figures.scale import kernel_selection
from senet_viz.findings import Held, kernel_choice, scale_response
from senet_viz.i18n import Texts
from senet_viz.models import weight_files
from senet_viz.service.cache import Once
from senet_viz.stats import Interval
from senet_viz.ui import state
from senet_viz.ui.elements.choices import pick, worded
from senet_viz.ui.elements.figures import figure
from senet_viz.ui.elements.frame import section
from senet_viz.ui.elements.tables import tabled
from senet_viz.ui.own import sets
from senet_viz.ui.scene import Scene, short

SET = "set"  # the set of photos of one's own, in the session


def preference(view: Scene, blur: float = 0.0) -> np.ndarray:
    """Return (3, Z, U) of the scene's photo, ordered as ``gate_profile.CONDITIONS``; asked again, it is there."""

    def measure() -> np.ndarray:
        scales = kernel_preference.SCALES
        zoom = kernel_preference.preferences(view.sweep(scales, blur=blur).traces)
        untrained = kernel_preference.preferences(replace(view, weights="random").sweep(scales, blur=blur).traces)
        less = [zoom[:1]]
        for scale in scales[1:]:
            image = kernel_preference.less_detail(view.image, scale)
            softer = replace(view, image=image, photo=f"{view.photo}, 1/{scale:g} of its pixels")
            less.append(kernel_preference.preferences(softer.sweep((1.0,), blur=blur).traces))
        return np.stack([zoom, np.concatenate(less), untrained])

    return state.preferences().get(_question(view, view.photo, blur), measure)


def _question(view: Scene, photo: str, blur: float) -> tuple[object, ...]:
    return (view.spec.key, view.weights, view.device, photo, blur)


def overrule(view: Scene, names: Sequence[str], kernels: Sequence[str]) -> None:
    """Offer to take the choice out of the units' hands, and draw what the network answers then.

    Args:
        names: of all SK units.
        kernels: what the branches are called, as in 3×3.
    """
    t = view.t
    section(t("scale.kernel.force"))
    st.markdown(t("scale.kernel.force.idea"))
    ways = {"own": t("force.own")} | {f"b{m}": t("force.only", kernel=kernel) for m, kernel in enumerate(kernels)}
    ways |= worded(t, "force", ("swap", "equal"))
    how, reach, traces = pick("force", ways, t("force.label")), "", [view.trace]
    if how != "own":
        wheres = {"all": t("reach.all", n=len(names)), "unit": t("reach.unit", unit=short(view.name))}
        reach = pick("reach", wheres, t("reach.label"))
        traces.append(view.edited(kernel_preference.overruled(names if reach == "all" else (view.name,), how)))
    answers = [stats.softmax(np.asarray(trace.logits, dtype=np.float64)) for trace in traces]
    labels = view.seen.classes
    figure(view, lambda t: kernel_selection.draw_answers(answers, labels, ways[how], t), "answers", how, reach)


# --- a set of photos --------------------------------------------------------------------------------------------------


def many(view: Scene, here: Selection, kernels: Sequence[str], blur: float) -> None:
    """Draw what many photos prefer, those of the shipped profile or one's own, beside this one's and the paper's.

    Args:
        here: of the scene's photo.
        kernels: what the branches are called, as in 3×3.
    """
    t, profile = view.t, shipped(view)
    section(t("scale.kernel.set"))
    sources = {"one": t("set.one"), "mine": t("set.mine")}
    sources |= {"profile": t("set.profile", n=len(profile.truth))} if profile else {}
    which = pick("set", sources, t("set.label"), "profile" if profile else "one")
    found = sets.uploaded(view, SET) if which == "mine" else None
    done = collected(view, found, blur) if found else []
    chosen = profile.selection if which == "profile" else here
    if done:
        chosen = kernel_preference.gathered(here.units, [values for _, values in done])
    if which == "profile" and blur:
        st.caption(t("scale.kernel.set.sharp"))
    mark = (blur, which, *(name for name, _ in done), chosen.difference.tobytes() if done else 0)
    judged = view.drawn(lambda: kernel_choice.verdicts(chosen), "verdicts", *mark)

    def fig3(t: Texts) -> Figure:
        some, count = kernel_preference.one_a_stage(here.units, view.name), chosen.difference.shape[2]
        sides = [here] if chosen is here else [here, chosen]
        photo, *photos = (kernel_selection.curves(each.difference, here.units, some, short) for each in sides)
        scales, published = kernel_preference.SCALES, kernel_preference.PUBLISHED
        return kernel_selection.draw_fig3(scales, photo, photos[0] if photos else (), count, published, kernels, t)

    figure(view, fig3, "fig3", *mark)
    words = {word.value: sum(each.word is word for each in judged) for word in Held}
    photos = chosen.difference.shape[2]
    st.markdown(t("scale.kernel.set.count", photos=photos, n=len(judged), **words))
    verdict_table(view, chosen, judged)
    st.caption(t("scale.kernel.one.rule" if photos == 1 else "scale.kernel.set.rule"))
    downloads(view, view.sweep(kernel_preference.SCALES, blur=blur), done)


def collected(view: Scene, found: Any, blur: float = 0.0) -> list[tuple[str, np.ndarray]]:
    """Return (name, ``preference``) of every photo of a set that is measured; measure those that are missing.

    What is done is kept for all sessions.
    """
    store = state.preferences()
    scenes = [(p.name, replace(view, image=p.image, photo=f"set-{p.key}")) for p in found.photos]

    def known() -> list[tuple[str, np.ndarray | None]]:
        return [(name, store.peek(_question(each, each.photo, blur))) for name, each in scenes]

    def next_one() -> None:
        missing = (i for i, (_, values) in enumerate(known()) if values is None)
        preference(scenes[next(missing)][1], blur)

    def count() -> int:
        return sum(values is not None for _, values in known())

    sets.worked(view, SET, count, len(scenes), next_one, "photos.ready")
    return [(name, values) for name, values in known() if values is not None]


# --- what is shipped, tables, names -----------------------------------------------------------------------------------


@Once
def _profiles() -> dict[str, Any]:
    try:
        return gate_profile.read()
    except WeightsInvalid:
        return {}


def shipped(view: Scene) -> Any:
    """Return the ``gate_profile.Profile`` that belongs to the network on screen and tells its kernels, or None."""
    about = weight_files.shipped(view.spec.key) if view.trained else None
    found = _profiles().get(view.spec.key)
    fits = about is not None and found is not None and found.selection is not None and found.classes == about.classes
    return found if fits else None


def answer(view: Scene, verdict: Any) -> None:
    """Write one photo's ``kernel_choice.Verdict`` on the unit on screen, with the three numbers that decide it."""
    t = view.t
    words = {"word": t(f"verdict.{verdict.word}"), "why": t(f"verdict.why.{verdict.reason}")}
    numbers = {name: _signed(getattr(verdict, name).value) for name in ("change", "control", "blur")}
    st.markdown(t("scale.kernel.answer", unit=short(verdict.unit), **words, **numbers))
    if len(view.gate) != 2:
        st.caption(t("scale.kernel.branches", m=len(view.gate)))


def _signed(value: float) -> str:
    text = f"{value:+.4f}".replace("-", "\u2212")
    return "0.0000" if text[1:] == "0.0000" else text


def verdict_table(view: Scene, chosen: Any, found: Sequence[Any]) -> None:
    """Tabulate every unit's verdict in ``found`` with the numbers of ``chosen``, a ``Selection``, that decide it."""
    t = view.t

    def span(of: Interval) -> str:  # no break in it
        return _signed(of.value) if np.isnan(of.half) else f"{_signed(of.value)}\u00a0±\u00a0{of.half:.4f}"

    rows = []
    for each in found:
        row = {t("verdict.unit"): f"**{short(each.unit)}**" if each.unit == view.name else short(each.unit)}
        row |= {f"{scale:g}×": _signed(level[0]) for scale, level in zip(chosen.zooms, each.levels, strict=True)}
        row |= {
            t("verdict.change"): span(each.change),
            t("verdict.untrained"): _signed(each.control.value),
            t("verdict.beyond"): span(each.beyond_blur),
            t("verdict.rise"): f"{each.rise}\u00a0/\u00a0{each.photos}",
            t("verdict.word"): f"**{t(f'verdict.{each.word}')}**: {t(f'verdict.why.{each.reason}')}",
        }
        rows.append(row)
    spans = (f"{span}{end}" for span in ("change", "change beyond blur") for end in ("", ": half of the 95 % interval"))
    header = ("block", *(f"difference at {scale:g}" for scale in chosen.zooms), *spans, "untrained", "rises", "photos")
    numbers = tuple(
        (each.unit, *(level[0] for level in each.levels), *_bounded(each.change), *_bounded(each.beyond_blur),
         each.control.value, each.rise, each.photos, t(f"verdict.{each.word}"), t(f"verdict.why.{each.reason}"))
        for each in found
    )  # fmt: skip
    shown = {key: [row[key] for row in rows] for key in rows[0]}
    tabled("verdicts", t("scale.kernel.set"), shown, Table((*header, "verdict", "reason"), numbers))


def _bounded(of: Interval) -> tuple[object, ...]:
    """Return a number and half its interval, "" where one photo alone tells of none."""
    return of.value, "" if np.isnan(of.half) else of.half


def downloads(view: Scene, gates: Any, photos: Sequence[tuple[str, np.ndarray]]) -> None:
    """Offer all numbers as CSV: the gates of the photo's ``scale_sweep.Sweep``, and what a set's photos prefer."""

    def gate_bytes() -> bytes:
        names = kernel_preference.units(view.trace)
        rows = tuple(row for row in scale_response.table(gates) if row[1] in names)
        return Table(("scale", "block", "channel", "branch", "gate"), rows).csv()

    def photo_bytes() -> bytes:
        names = kernel_preference.units(view.trace)
        rows = (
            (photo, condition, scale, unit, float(values[i, z, u]))
            for photo, values in photos
            for i, condition in enumerate(gate_profile.CONDITIONS)
            for z, scale in enumerate(kernel_preference.SCALES)
            for u, unit in enumerate(names)
        )
        return Table(("photo", "condition", "scale", "block", "difference"), tuple(rows)).csv()

    mark = view.picture.key[:8]
    offers: list[tuple[str, Any, str]] = [("verdict.csv.gates", gate_bytes, f"gates-{view.spec.key}-{mark}.csv")]
    if photos:
        offers.append(("verdict.csv.photos", photo_bytes, f"photos-{view.spec.key}-{len(photos)}.csv"))
    with st.container(horizontal=True):
        for label, data, name in offers:
            st.download_button(
                view.t(label), data, name, "text/csv", key=label, on_click="ignore", icon=":material/download:"
            )
