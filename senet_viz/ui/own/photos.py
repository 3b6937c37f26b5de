"""Photos of one's own, one by one: upload or camera, what is wrong with a file, thumbnails, and how to remove them."""

import hashlib
import io
from urllib.parse import urlsplit

import streamlit as st
from PIL import Image, ImageOps

from senet_viz.errors import ImageRejected
from senet_viz.i18n import Texts
from senet_viz.photos import reading, samples
from senet_viz.ui import state
from senet_viz.ui.guard import sentence
from senet_viz.ui.shown import mine

THUMBNAIL = 56  # pixels


def draw(t: Texts) -> None:
    """Draw what opens under "Your own photo". It stays open while files come: what is said of them is to be seen."""
    s = st.session_state
    s["_own"] = bool(s.get("_own"))
    file_key = s.setdefault("_file_key", "_file")
    with st.expander(t("photo.own"), icon=":material/add_a_photo:", key="_own", on_change="rerun") as box:
        # any type: the browser's own refusal is in English and leaves what was said of the file before
        file = st.file_uploader(t("photo.upload"), key=file_key, on_change=_accept, args=(file_key,))
        if s.get("_rejected") is not None and file is None and s.get("_shot") is None:
            s["_rejected"] = None
        if s.get("_rejected") is not None:
            st.error(sentence(s["_rejected"], s["lang"]), icon=":material/broken_image:")
        _camera(t)
        if box.open:
            _thumbnails(t)
        st.caption(t("photo.privacy"))


def _camera(t: Texts) -> None:
    here = allows_camera(st.context.url)
    if st.toggle(t("photo.camera"), key="_camera_on", disabled=not here) and here:
        label = t("photo.camera")
        st.camera_input(label, key="_shot", on_change=_accept, args=("_shot",), label_visibility="collapsed")
    if not here:
        st.caption(t("photo.camera.none"))


def allows_camera(url: str | None) -> bool:
    """Return whether a browser gives a page of that address the camera: over https, or on the same computer."""
    parts = urlsplit(url or "")
    host = parts.hostname or ""
    near = host in ("localhost", "::1") or host.endswith(".localhost") or host.startswith("127.")
    return parts.scheme != "http" or near


def _thumbnails(t: Texts) -> None:
    for key, number in mine().items():
        image = state.uploads().peek(key)
        if image is None:
            continue
        with st.container(horizontal=True, vertical_alignment="center", key=f"mine-{number}"):
            st.image(state.drawings().get(("thumbnail", key), lambda image=image: _small(image)), width=THUMBNAIL)  # type: ignore[misc]
            label = t("photo.remove", n=number)
            st.button(label, key=f"remove-{number}", icon=":material/delete:", on_click=_remove, args=(key,))


def _small(image: Image.Image) -> bytes:
    """Return a square PNG of its middle."""
    packed = io.BytesIO()
    ImageOps.fit(image, (2 * THUMBNAIL, 2 * THUMBNAIL)).save(packed, "PNG")
    return packed.getvalue()


def _remove(key: str) -> None:
    s = st.session_state
    state.uploads().remove(state.who(), key)
    s["_mine"].pop(key, None)
    s["_file_key"] = f"_file-{key}-{s['_mine_count']}"  # another uploader: this one holds a file
    s["_rejected"] = None
    if s.get("photo") == key:
        s["photo"] = samples.SAMPLES[0].key


def _accept(widget: str) -> None:
    """A file came (or went): a good picture becomes the photo; a bad one leaves everything as it was."""
    s = st.session_state
    file = s.get(widget)
    s["_rejected"], s["_own"] = None, True
    if file is None:
        return
    data = file.getvalue()
    key, uploads = "up-" + hashlib.sha256(data).hexdigest()[:16], state.uploads()
    try:
        image = uploads.peek(key) or reading.read(data)
    except ImageRejected as error:
        s["_rejected"] = error
        return
    uploads.add(state.who(), key, image)
    numbers = s.setdefault("_mine", {})
    if key not in numbers:
        s["_mine_count"] = s.get("_mine_count", 0) + 1
        numbers[key] = s["_mine_count"]
    s["photo"] = key
