"""The sidebar that all pages share: language, photo, model, block, channel, device."""

from typing import Any

import streamlit as st

from senet_viz import i18n
from senet_viz.errors import ModelTooLarge, NoClassScores, NoGates, UnknownModel
from senet_viz.i18n import Texts
from senet_viz.models import catalogue, class_names, differences, weight_files
from senet_viz.photos import samples
from senet_viz.ui import models, state
from senet_viz.ui.elements.header import untrained
from senet_viz.ui.guard import guard, sentence
from senet_viz.ui.own import photos
from senet_viz.ui.scene import Scene, short
from senet_viz.ui.shown import photos as titled
from senet_viz.ui.shown import prepare, scene, striking


def settle() -> bool:
    """Take what was chosen, load the network, and decide what is shown; True if there is something to show.

    Draws nothing but what went wrong: the first picture of a visitor does not wait for the sidebar. A browser that got
    a little would draw that, and only then look at what came meanwhile.
    """
    s, ready = st.session_state, False
    state.read_url()
    s["_places"] = None
    with st.sidebar, guard():
        state.keep("lang", i18n.LANGUAGES, i18n.preferred(st.context.locale))
        t = i18n.texts(s["lang"])
        titles = titled(t)
        if s.get("photo") not in titles:
            s["_gone"] = str(s.get("photo", "")).startswith("up-")
            s["photo"] = next(iter(titles))
        s["_networks"] = _networks(t)
        _asked(t)
        state.keep("model", s["_networks"], catalogue.DEFAULT)
        state.keep("weights", ("pretrained", "random"), "pretrained")
        state.keep("device", ("auto", *state.engine().devices()), "auto")
        prepare()
        view = scene()
        state.keep("block", view.blocks, _like(s.get("block"), view))
        s["_sidebar"] = _shown()
        ready = True
    state.places()
    return ready


def sidebar(whole: bool = True) -> None:
    """Draw the choices that ``settle`` took; not ``whole``: those by which another network can be had."""
    s = st.session_state
    t = i18n.texts(s["lang"])
    top, _, foot = state.places()
    with top:
        st.segmented_control(
            "Language · 语言",
            list(i18n.LANGUAGES),
            format_func=i18n.LANGUAGES.__getitem__,
            key="lang",
            required=True,
            label_visibility="collapsed",
        )
        for step in (_photo, _model, _status, _block)[: None if whole else 2]:
            with guard():
                step(t)
    with foot, guard():
        st.selectbox(t("device.label"), ("auto", *state.engine().devices()), key="device", help=t("device.help"))
        st.caption(t("device.used", device=state.device(s["device"])))


def _shown() -> tuple[object, ...]:
    """Return what the sidebar says besides the pinned channel."""
    return tuple(st.session_state.get(key) for key in state.SHARED if key != "channel")


def outdated() -> bool:
    """Return whether something has been chosen since that the sidebar does not show."""
    return st.session_state.get("_sidebar") != _shown()


def _photo(t: Texts) -> None:
    titles = titled(t)
    with st.container():  # one place, whatever is said in it: a box that moves is empty for a moment in the browser
        if st.session_state.pop("_gone", False):
            st.warning(t("photo.gone"))
        st.pills(t("photo.label"), list(titles), format_func=titles.__getitem__, key="photo", required=True)
        credit = next((sample.credit for sample in samples.SAMPLES if sample.key == st.session_state["photo"]), "")
        if credit:
            st.caption(credit)
    photos.draw(t)


def _networks(t: Texts) -> dict[str, str]:
    """Return every network that has blocks, and what it is called: ours first, then the libraries' by name.

    Last come those that cannot be shown: whoever looks for one reads why.
    """
    rows, lang = {row.key: models.named(t, row) for row in catalogue.MODELS if row.blocks}, st.session_state["lang"]
    return rows | models.others(lang) | models.apart(lang)


def _asked(t: Texts) -> None:
    """Take a model by any of its names, as ``timm/seresnet18``; of one that is not offered it is said why.

    Of an unknown one the nearest names are said.
    """
    s = st.session_state
    if (asked := s.get("model")) is None:
        return
    try:
        s["model"] = catalogue.spec(str(asked)).key
    except (UnknownModel, NoGates, NoClassScores) as error:
        st.warning(sentence(error, s["lang"]))
        s["model"] = s.get("_good", (catalogue.DEFAULT,))[0]  # what is on screen stays there


def _model(t: Texts) -> None:
    rows = st.session_state["_networks"]  # as they were called before a download: see ``keep``
    st.selectbox(
        t("model.label"), list(rows), format_func=rows.__getitem__, key="model",
        help=t("model.marks"),
    )  # fmt: skip
    names = {"pretrained": t("weights.pretrained"), "random": t("weights.random")}
    st.segmented_control(
        t("weights.label"),
        list(names),
        format_func=names.__getitem__,
        key="weights",
        required=True,
        label_visibility="collapsed",
    )


def _status(t: Texts) -> None:
    """What is really on screen, and why if that is not what was asked for."""
    wanted, shown = (st.session_state["model"], st.session_state["weights"]), st.session_state["_shown"]
    row = catalogue.spec(shown[0])
    if wanted != shown:
        error = st.session_state["_failed"][wanted]
        st.error(sentence(error, st.session_state["lang"]), icon=":material/cloud_off:")
        st.caption(t("model.still", model=row.title))
        if not isinstance(error, ModelTooLarge):  # which it will be, whatever one does
            st.button(t("model.retry"), on_click=_retry, args=(wanted,), width="stretch")
        if wanted[1] == "pretrained" and not isinstance(error, ModelTooLarge):
            random = {"weights": "random"}
            st.button(t("weights.use_random"), on_click=st.session_state.update, kwargs=random, width="stretch")
    if not weight_files.trained(*shown):
        untrained(t("model.untrained"))
    with st.popover(t("card.title"), icon=":material/badge:", type="tertiary"):
        _card(t, row, shown[1])
    view = scene()
    said = differences.sentence(t, view.replay, row.position, view.block.channels, view.block.branches)
    facts = t("model.facts", source=row.source, blocks=row.blocks, paper=row.paper)
    st.caption(said, help=facts if row.listed else f"{t(row.note_key)}\n\n{facts}")


def _card(t: Texts, row: catalogue.ModelSpec, weights: str) -> None:
    """What this model is, what it was trained on, and what it cannot know."""
    trained = weight_files.trained(row.key, weights)
    about = weight_files.shipped(row.key) if trained else None
    if not trained:
        st.markdown(t("card.random", title=row.title))
    elif about is None:
        facts = {"title": row.title, "arch": row.arch, "source": row.source, "top1": row.top1, "from_": row.top1_source}
        st.markdown(t("card.library", **facts, mib=row.weights_mib, size=row.size, paper=row.paper))
    else:
        recipe = about.recipe
        command = f"python -m senet_viz train --data DIR --block {recipe['block']} --out {row.weights}"
        top1 = ", ".join(f"{size}: {value:.1f} %" for size, value in about.top1.items())
        text = t(
            "card.ours",
            title=row.title, classes=len(about.classes), train=about.train_pictures, epochs=recipe["epochs"],
            area=recipe["min_area"], seed=recipe["seed"], minutes=round(about.seconds / 60), device=about.device,
            val=about.val_pictures, top1=top1, size=row.size, command=command,
        )  # fmt: skip
        st.markdown(text)
        with st.expander(t("card.list", n=len(about.classes))):
            lang = st.session_state["lang"]
            st.caption(" · ".join(class_names.names(row, lang)))


def _retry(wanted: tuple[str, str]) -> None:
    st.session_state["_failed"].pop(wanted, None)
    state.engine().retry(wanted[0])


def _block(t: Texts) -> None:
    view = scene()
    st.pills(t("block.label"), view.blocks, format_func=short, key="block", required=True, help=t("block.help"))


def _like(old: Any, view: Scene) -> str:
    """After a change of model: the block of the same place if there is one, else the one that tells most."""
    same = [name for name in view.blocks if isinstance(old, str) and short(name) == short(old)]
    return (same or [view.name])[0]


def channel(view: Scene, shown: bool) -> None:
    """Pin a channel that the block has, and draw its number where the sidebar has left room for it, if ``shown``.

    A block that has fewer channels takes its last; where there is room again, the one that was pinned comes back.
    """
    state_ = st.session_state
    if state_.get("channel") is None:
        state_["channel"] = striking(view)
    last, pinned = view.block.channels - 1, max(int(state_["channel"]), 0)
    meant, instead = state_.get("_meant", (pinned, pinned))
    meant = meant if pinned == instead else pinned
    state_["channel"] = min(meant, last)
    state_["_meant"] = meant, state_["channel"]
    t = view.t
    if shown:
        label = t("channel.label", last=last)
        _, room, _ = state.places()
        room.number_input(label, 0, last, step=1, key="channel", help=t("channel.help"))
