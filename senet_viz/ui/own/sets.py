"""Sets of photos of one's own, and long work on them: uploaded, measured piece by piece, stopped and gone on with."""

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from senet_viz.errors import PhotosRejected, SenetVizError
from senet_viz.photos import reading, sets
from senet_viz.photos.sets import Photos
from senet_viz.ui import state, work
from senet_viz.ui.guard import literal, sentence
from senet_viz.ui.scene import Scene
from senet_viz.ui.work import Bar


def uploaded(view: Scene, name: str, labelled: bool = False) -> Photos | None:
    """Ask for photos; return the set that came, now or before, or None.

    Args:
        name: of this set, in the session.
        labelled: photos in class folders, by folder or zip; else several files, or a zip.
    """
    t, s = view.t, st.session_state
    files = _asked_labelled(view, name) if labelled else _asked(view, name)
    ids = tuple(file.file_id for file in files)
    if not files:
        s[f"_{name}_error"] = None
    if files and s.get(f"_{name}_ids") != ids:
        read = sets.read_labelled if labelled else sets.read
        try:
            with Bar(lambda done, total: t("photos.reading", done=done, n=total)) as told:
                found = read([(file.name, file.getvalue()) for file in files], told)
        except PhotosRejected as error:
            s[f"_{name}_error"] = error  # the set before stays
        else:
            state.photo_sets().get(found.key, lambda: found)
            s[f"_{name}_key"], s[f"_{name}_error"] = found.key, None
            work.run(name, True)
        s[f"_{name}_ids"] = ids
    if s.get(f"_{name}_error") is not None:
        st.error(sentence(s[f"_{name}_error"], view.lang), icon=":material/broken_image:")
    key = s.get(f"_{name}_key")
    kept: Photos | None = state.photo_sets().peek(key) if key else None
    if kept is None:
        if key:
            st.warning(t("photos.gone"))
        return None
    if kept.beyond:
        most = sets.MOST_LABELLED if labelled else sets.MOST
        st.warning(t("photos.beyond", n=kept.beyond, most=most, mib=sets.MAX_UNPACKED // 2**20))
    if kept.skipped:
        with st.expander(t("photos.skipped", n=len(kept.skipped)), icon=":material/broken_image:"):
            for file, why in kept.skipped:
                st.markdown(f"- {literal(file)}: {sentence(why, view.lang)}")
    return kept


def _asked(view: Scene, name: str) -> Sequence[Any]:
    files = st.file_uploader(
        view.t("photos.upload", most=sets.MOST),
        accept_multiple_files=True,
        key=f"_{name}_files",
    )
    st.caption(view.t("photos.privacy", photo=reading.MAX_BYTES // 2**20, zip=sets.MAX_ZIP // 2**20))
    return files


def _asked_labelled(view: Scene, name: str) -> Sequence[Any]:
    t = view.t
    kept = state.photo_sets().peek(st.session_state.get(f"_{name}_key"))
    with st.expander(t("photos.own"), expanded=kept is None, icon=":material/folder_open:"):
        st.markdown(t("photos.labelled", most=sets.MOST_LABELLED, each=sets.EACH))
        left, right = st.columns(2)
        loose = left.file_uploader(t("photos.folder"), accept_multiple_files="directory", key=f"_{name}_folder")
        packed = right.file_uploader(t("photos.zip"), [sets.ARCHIVE], key=f"_{name}_zip")
        st.caption(t("photos.privacy", photo=reading.MAX_BYTES // 2**20, zip=sets.MAX_ZIP // 2**20))
    return [*loose, *([packed] if packed else [])]


def worked(
    view: Scene, name: str, count: Callable[[], float], total: int, step: Callable[[], object], ready: str
) -> None:
    """Do what is missing of long work on a set, while it runs; else offer to.

    Any click interrupts the loop at its next word to the browser; what is done is kept by who keeps it.

    Args:
        count: photos that are done by now; a part of the work on one counts in part.
        step: does the next few.
        ready: text to show before the first.
    """
    t, done = view.t, count()

    def words(done: float, total: int) -> str:
        return t("photos.measuring", done=int(done), n=total)

    bar = Bar(words, name=name, runs=False, stop=t("photos.stop"))
    failed: SenetVizError | None = None
    if done < total and bar.runs:
        with bar:
            before = -1.0
            try:
                while before < done < total and bar(done, total):  # a step that gets no further is the last
                    step()
                    before, done = done, count()
            except SenetVizError as error:  # too many are waiting: what is done stays
                failed = error
        bar.end()
    if failed is not None:
        st.error(sentence(failed, view.lang), icon=":material/error:")
    if done < total:
        with bar.slot.container():
            st.markdown(t("photos.some" if done >= 1 else ready, done=int(done), n=total))
            bar.go_on(t("photos.go_on" if done else "photos.measure"))
