"""What pages on classes are made of: a network whose gates were profiled, several choices in the URL, a question."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import streamlit as st

from senet_viz import profile, roles, zoo
from senet_viz.figures.roles import Curves
from senet_viz.profile import Profile
from senet_viz.ui.scene import Scene, _scene, scene, short

PROFILED = "tiny_se"  # shown where the sidebar's network has no profile


@st.cache_resource(show_spinner=False)
def profiles() -> dict[str, Profile]:
    """The shipped profiles of networks with gates, by model."""
    return {key: found for key, found in profile.read().items() if found.blocks}


def profiled_scene() -> tuple[Scene, Profile]:
    """What the sidebar asks for and its profile; where that network, or its random weights, have none, tiny SE."""
    s, view, known = st.session_state, scene(), profiles()
    if view.spec.key in known and view.trained:
        return view, known[view.spec.key]
    key = view.spec.key if view.spec.key in known else PROFILED
    ours = _scene(key, "pretrained", s.get("block"), int(s.get("channel") or 0))
    said, take = st.columns([2, 1], vertical_alignment="center")
    said.info(view.t("lab.instead", model=view.spec.title, ours=ours.spec.title))
    take.button(view.t("scale.sk.take", ours=ours.spec.title), on_click=_take, args=(key,))
    return replace(ours, channel=min(ours.channel, ours.block.channels - 1)), known[key]


def _take(key: str) -> None:
    st.session_state["model"], st.session_state["weights"] = key, "pretrained"


def class_names(view: Scene, found: Profile) -> tuple[str, ...]:
    """Names of the profile's K classes in the reader's language; the folder's where the network does not know it."""
    about = zoo.shipped(view.spec.key)
    known = dict(zip(about.classes, view.seen.classes, strict=True)) if about else {}
    return tuple(known.get(folder, folder) for folder in found.classes)


def top_class(view: Scene, found: Profile) -> int:
    """The network's own answer to this photo, as an index into the profile's classes."""
    about = zoo.shipped(view.spec.key)
    assert about is not None, "only shipped networks have a profile"
    return found.classes.index(about.classes[int(view.seen.shares.argmax())])


def photo_gates(view: Scene, zoom: float) -> dict[str, np.ndarray]:
    """This photo's gates (C,) in every block, of SK's branches the last. Object zoom 1 is the walk's own forward."""
    trace = view.trace if zoom == 1 else view.sweep((zoom,)).traces[0]
    return {block.name: block.gate[-1].double().numpy() for block in trace.blocks}


def curves(
    view: Scene,
    found: Profile,
    zoom: int,
    photo: Mapping[str, np.ndarray],
    blocks: Sequence[str],
    classes: Sequence[int],
) -> tuple[Curves, ...]:
    """What SENet's figs. 6 and 7 show of these blocks and classes, at zoom number ``zoom``."""
    made = []
    for name in blocks:
        mean, std = roles.gates(found.block(name), zoom)
        at = roles.uniform(mean.shape[1])
        every = (found.counts @ mean / found.counts.sum())[at]
        rows = np.ix_(np.array(classes, dtype=int), at)
        pin = view.channel if name == view.name else None
        made.append(Curves(short(name), mean.shape[1], at, mean[rows], std[rows], every, photo[name][at], pin))
    return tuple(made)


def several(key: str, options: Mapping[str, str], label: str, default: Sequence[str], most: int) -> tuple[str, ...]:
    """Up to ``most`` of many; what differs from ``default`` lives in the URL as a list with commas.

    What the URL names in vain is left out; where nothing is left, ``default`` comes back.
    """
    s, widget = st.session_state, f"{key}-several"
    asked = dict.fromkeys(part for part in str(s.get(key) or "").split(",") if part in options)
    s[widget] = list(asked)[:most] or list(default)

    def picked() -> None:
        s[key] = None if s[widget] == list(default) else ",".join(s[widget]) or None

    chosen = st.multiselect(
        label, list(options), format_func=options.__getitem__, key=widget, max_selections=most, on_change=picked
    )
    return tuple(chosen)


def predict(about: Hashable, question: str, options: Mapping[str, str], skip: str) -> str | None:
    """A question with a stake: one button an option; what was answered about this, "" for "just show me", or None."""
    s = st.session_state
    answers: dict[Hashable, str] = s.setdefault("_predicted", {})
    if about not in answers:
        st.markdown(question)
        columns = st.columns([1] * len(options) + [1.4])
        give: Callable[[Hashable, str], None] = answers.__setitem__
        for column, (option, text) in zip(columns, options.items(), strict=False):
            column.button(text, key=f"predict-{option}", width="stretch", on_click=give, args=(about, option))
        columns[-1].button(skip, key="predict-skip", type="tertiary", on_click=give, args=(about, ""))
    return answers.get(about)
