"""Which kernel a photo or a set of photos prefers: measured photo by photo, kept, stopped and gone on with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from senet_viz import zoo
from senet_viz.errors import PhotosRejected, SenetVizError, WeightsInvalid
from senet_viz.figures.grammar import Table
from senet_viz.ui import state
from senet_viz.ui.scene import Scene, sentence, short

RUNNING = "_measuring"  # session: a set is being measured
SET = "_photo_set"  # session: key of the set that was uploaded
FORMATS = ["jpg", "jpeg", "png", "webp", "gif", "bmp", "tif", "tiff", "zip"]


def preference(view: Scene, blur: float = 0.0) -> np.ndarray:
    """(3, Z, U) of the scene's photo, in the order of ``profile.CONDITIONS``; four forwards, and none a second time."""
    from senet_viz import selection

    def measure() -> np.ndarray:
        scales = selection.SCALES
        zoom = selection.preferences(view.sweep(scales, blur=blur).traces)
        untrained = selection.preferences(replace(view, weights="random").sweep(scales, blur=blur).traces)
        less = [zoom[:1]]
        for scale in scales[1:]:
            image = selection.less_detail(view.image, scale)
            softer = replace(view, image=image, photo=f"{view.photo}, 1/{scale:g} of its pixels")
            less.append(selection.preferences(softer.sweep((1.0,), blur=blur).traces))
        return np.stack([zoom, np.concatenate(less), untrained])

    return state.preferences().get(_question(view, view.photo, blur), measure)


def _question(view: Scene, photo: str, blur: float) -> tuple[object, ...]:
    return (view.spec.key, view.weights, view.device, photo, blur)


# --- a set of photos --------------------------------------------------------------------------------------------------


def uploaded(view: Scene) -> Any:
    """Ask for photos; the ``photos.Photos`` that came, now or before, or None."""
    from senet_viz import photos

    t, s = view.t, st.session_state
    files = st.file_uploader(
        t("photos.upload", most=photos.MOST), FORMATS, accept_multiple_files=True, key="_set_files", max_upload_size=8
    )
    st.caption(t("photos.privacy"))
    ids = tuple(file.file_id for file in files)
    if not files:
        s["_set_error"] = None
    if files and s.get("_set_ids") != ids:
        bar = st.progress(0.0)
        said = partial(_reading, bar, view)
        try:
            found = photos.read([(file.name, file.getvalue()) for file in files], said)
        except PhotosRejected as error:
            s["_set_error"] = error  # the set before stays
        else:
            state.photo_sets().get(found.key, lambda: found)
            s[SET], s[RUNNING], s["_set_error"] = found.key, True, None
        s["_set_ids"] = ids
        bar.empty()
    if s.get("_set_error") is not None:
        st.error(sentence(s["_set_error"], view.lang), icon=":material/broken_image:")
    kept = state.photo_sets().peek(s[SET]) if SET in s else None
    if kept is None:
        if SET in s:
            st.warning(t("photos.gone"))
        return None
    if kept.beyond:
        st.warning(t("photos.beyond", n=kept.beyond, most=photos.MOST, mib=photos.MAX_UNPACKED // 2**20))
    if kept.skipped:
        with st.expander(t("photos.skipped", n=len(kept.skipped)), icon=":material/broken_image:"):
            for name, why in kept.skipped:
                plain = " ".join(name.replace("`", "").split())[:80]  # a zip may call its files anything
                st.markdown(f"- `{plain}`: {sentence(why, view.lang)}")
    return kept


def _reading(bar: Any, view: Scene, done: int, total: int) -> None:
    bar.progress(done / total, view.t("photos.reading", done=done, n=total))


def collected(view: Scene, found: Any, blur: float = 0.0) -> list[tuple[str, np.ndarray]]:
    """(name, ``preference``) of every photo of a set that is measured; measures those that are missing.

    Any click interrupts the loop at its next word to the browser; every photo that is done is kept, for all sessions.
    """
    t, s = view.t, st.session_state
    store = state.preferences()
    scenes = [(p.name, replace(view, image=p.image, photo=f"set-{p.key}")) for p in found.photos]
    missing = [each for _, each in scenes if store.peek(_question(each, each.photo, blur)) is None]
    slot = st.empty()
    if missing and s.get(RUNNING):
        with slot.container():
            st.button(t("photos.stop"), icon=":material/stop:", key="stop", on_click=_run, args=(False,))
            bar = st.progress(0.0)
            failed = _measure(view, missing, len(scenes), bar, blur)
        s[RUNNING] = False
        slot.empty()
        if failed is not None:
            st.error(sentence(failed, view.lang), icon=":material/error:")
    known = [(name, store.peek(_question(each, each.photo, blur))) for name, each in scenes]
    done = [(name, values) for name, values in known if values is not None]
    if len(done) < len(scenes):
        with slot.container():
            st.markdown(t("photos.some" if done else "photos.ready", done=len(done), n=len(scenes)))
            st.button(t("photos.go_on"), icon=":material/play_arrow:", key="go_on", on_click=_run, args=(True,))
    return done


def _measure(view: Scene, missing: Sequence[Scene], total: int, bar: Any, blur: float) -> SenetVizError | None:
    for i, each in enumerate(missing):
        done = total - len(missing) + i
        bar.progress(done / total, view.t("photos.measuring", done=done, n=total))
        try:
            preference(each, blur)
        except SenetVizError as error:  # too many are waiting: what is done stays
            return error
    return None


def _run(on: bool) -> None:
    st.session_state[RUNNING] = on


# --- what is shipped, tables, names -----------------------------------------------------------------------------------


@st.cache_resource(show_spinner=False)
def _profiles() -> dict[str, Any]:
    from senet_viz import profile

    try:
        return profile.read()
    except WeightsInvalid:
        return {}


def shipped(view: Scene) -> Any:
    """The ``profile.Profile`` that belongs to the network on screen and tells which kernels it picks, or None."""
    about = zoo.shipped(view.spec.key) if view.trained else None
    found = _profiles().get(view.spec.key)
    fits = about is not None and found is not None and found.selection is not None and found.classes == about.classes
    return found if fits else None


def class_names(view: Scene) -> list[str]:
    """Names of the network's outputs in the reader's language."""
    from senet_viz import labels

    count = len(view.trace.logits)
    return view.drawn(lambda: [labels.label(view.spec, i, view.lang) for i in range(count)], "classes", view.lang)


def answer(view: Scene, verdict: Any) -> None:
    """One photo's ``selection.Verdict`` on the unit on screen, in a sentence with the three numbers that decide it."""
    t = view.t
    st.markdown(
        t(
            "scale.kernel.answer",
            unit=short(verdict.unit),
            word=t(f"verdict.{verdict.word}"),
            why=t(f"verdict.why.{verdict.reason}"),
            change=_signed(verdict.change[0]),
            control=_signed(verdict.control[0]),
            blur=_signed(verdict.blur[0]),
        )
    )


def _signed(value: float) -> str:
    text = f"{value:+.4f}".replace("-", "\u2212")
    return "0.0000" if text[1:] == "0.0000" else text


def verdict_table(view: Scene, chosen: Any, found: Sequence[Any]) -> None:
    """Every unit's word with the numbers that decide it; ``chosen`` a ``profile.Selection``, ``found`` its verdicts."""
    t = view.t

    def span(interval: tuple[float, float]) -> str:
        mean, half = interval  # no break between them
        return _signed(mean) if np.isnan(half) else f"{_signed(mean)}\u00a0±\u00a0{half:.4f}"

    rows = []
    for each in found:
        row = {t("verdict.unit"): f"**{short(each.unit)}**" if each.unit == view.name else short(each.unit)}
        row |= {f"{scale:g}×": _signed(level[0]) for scale, level in zip(chosen.zooms, each.levels, strict=True)}
        row |= {
            t("verdict.change"): span(each.change),
            t("verdict.untrained"): _signed(each.control[0]),
            t("verdict.beyond"): span(each.beyond_blur),
            t("verdict.rise"): f"{each.rise}\u00a0/\u00a0{each.photos}",
            t("verdict.word"): f"**{t(f'verdict.{each.word}')}**: {t(f'verdict.why.{each.reason}')}",
        }
        rows.append(row)
    st.table({key: [row[key] for row in rows] for key in rows[0]})


def downloads(view: Scene, gates: Any, photos: Sequence[tuple[str, np.ndarray]]) -> None:
    """All numbers as CSV: the gates of the photo's ``sweep.Sweep``, and the preferences of a set's photos."""
    from senet_viz import export, profile, selection

    def gate_bytes() -> bytes:
        rows = tuple(selection.gate_rows(gates.scales, gates.traces))
        return export.table_csv(Table(("scale", "block", "channel", "branch", "gate"), rows))

    def photo_bytes() -> bytes:
        names = selection.units(view.trace)
        rows = (
            (photo, condition, scale, unit, float(values[i, z, u]))
            for photo, values in photos
            for i, condition in enumerate(profile.CONDITIONS)
            for z, scale in enumerate(selection.SCALES)
            for u, unit in enumerate(names)
        )
        return export.table_csv(Table(("photo", "condition", "scale", "block", "difference"), tuple(rows)))

    mark = view.picture.key[:8]
    offers: list[tuple[str, Any, str]] = [("verdict.csv.gates", gate_bytes, f"gates-{view.spec.key}-{mark}.csv")]
    if photos:
        offers.append(("verdict.csv.photos", photo_bytes, f"photos-{view.spec.key}-{len(photos)}.csv"))
    with st.container(horizontal=True):
        for label, data, name in offers:
            st.download_button(
                view.t(label), data, name, "text/csv", key=label, on_click="ignore", icon=":material/download:"
            )
