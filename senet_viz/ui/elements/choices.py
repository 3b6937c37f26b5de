"""Choices, whose values live in the address, and questions with a stake, whose answers do not.

A choice registers its own key: whoever adds one to a page touches nothing else.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import streamlit as st

from senet_viz.i18n import Texts
from senet_viz.ui import state
from senet_viz.ui.elements.truth import Code
from senet_viz.ui.scene import Scene
from senet_viz.ui.takeaway.offered import offered


def pick(key: str, options: Mapping[Any, str], label: str, default: Any = None, at: Any = st) -> Any:
    """Draw a row of choices whose value is shared through the URL; returns the chosen option.

    Args:
        options: each with its words.
        default: the first option where None.
        at: the column to draw it in.
    """
    state.keep(key, options, next(iter(options)) if default is None else default)
    return at.segmented_control(
        label, list(options), format_func=options.__getitem__, key=key, required=True, persist_state="session"
    )


def choose(
    key: str,
    options: Mapping[Any, str],
    label: str,
    default: Any = None,
    at: Any = st,
    on_change: Callable[[], None] | None = None,
    **more: Any,
) -> Any:
    """Draw the same as a list that opens, for many options.

    Args:
        on_change: is called when another one is chosen.
        more: goes to ``st.selectbox``.
    """
    state.keep(key, options, next(iter(options)) if default is None else default)
    return at.selectbox(
        label, list(options), format_func=options.__getitem__, key=key, on_change=on_change, persist_state="session",
        **more,
    )  # fmt: skip


def worded(t: Texts, stem: str, keys: Iterable[Any]) -> dict[Any, str]:
    """Return options for ``pick``: every key with the words that stand under ``stem.key``."""
    return {key: t(stem + f".{key}") for key in keys}


def chosen(key: str, options: Iterable[Any], default: Any = None) -> Any:
    """Return what ``pick`` and ``choose`` would, where their rows of choices are below or closed.

    Args:
        default: the first option where None.
    """
    value, every = state.asked(key), tuple(options)
    return next((each for each in every if str(each) == str(value)), every[0] if default is None else default)


def listed(key: str, options: Iterable[str], default: Sequence[str], most: int) -> tuple[str, ...]:
    """Return what ``several`` would, where it is below or closed."""
    known = tuple(options)
    asked = dict.fromkeys(part for part in str(state.asked(key) or "").split(",") if part in known)
    return tuple(asked)[:most] or tuple(default)


def several(key: str, options: Mapping[str, str], label: str, default: Sequence[str], most: int) -> tuple[str, ...]:
    """Let choose up to ``most`` of many; what differs from ``default`` lives in the URL as a list with commas.

    What the URL names in vain is left out; where nothing is left, ``default`` comes back.
    """
    s, widget = st.session_state, f"{key}-several"
    s[widget] = list(listed(key, options, default, most))

    def picked() -> None:
        s[key] = None if s[widget] == list(default) else ",".join(s[widget]) or None

    return tuple(
        st.multiselect(
            label, list(options), format_func=options.__getitem__, key=widget, max_selections=most, on_change=picked
        )
    )


def opened() -> list[str]:
    """Return the names of the closer looks that are open, before they are offered; those of other pages too."""
    return [part for part in str(state.asked("more") or "").split(",") if part]


def closer(view: Scene, looks: Mapping[str, Callable[[], Any]], *functions: Code) -> dict[str, Any]:
    """Offer closer looks by name, any number at once, and draw those that are open in the order of their names.

    They live in the URL as ``more=name,name``, those of other pages too: a name is one look wherever it is offered.
    What is not open is neither computed nor sent.

    Args:
        looks: what draws each.
        functions: made this page, or "module:name"; their source is the last look,
            with what can be taken home.

    Returns:
        What each look that is open gave back.
    """
    looks = {**looks, "code": lambda: offered(view, *functions)}
    s, t, names, asked = st.session_state, view.t, tuple(looks), opened()
    widget = "-".join(("more", *names))
    s[widget] = [name for name in names if name in asked]

    def picked() -> None:
        s["more"] = ",".join([*(name for name in asked if name not in names), *s[widget]]) or None

    st.pills(
        t("more.label"), names, format_func=lambda name: t(f"more.{name}"), key=widget, selection_mode="multi",
        on_change=picked,
    )  # fmt: skip
    return {name: look() for name, look in looks.items() if name in s[widget]}


def target(view: Scene) -> int:
    """Let choose the class that a page speaks of, the likeliest first; by default the network's answer to the photo."""
    t, names = view.t, view.seen.classes

    def options() -> dict[str, str]:
        first = np.argsort(-view.seen.shares, kind="stable")
        return {"own": t("lab.target.own", name=names[first[0]])} | {str(int(c)): names[c] for c in first}

    choose("target", view.drawn(options, "targets", view.lang), t("lab.target"))
    return goal(view)


def goal(view: Scene) -> int:
    """Return the class that ``target`` lets choose, where that is below or closed."""
    value, count = str(state.asked("target")), len(view.seen.shares)
    known = value.isdecimal() and len(value) < 6 and str(int(value)) == value and int(value) < count
    return int(value) if known else int(np.argmax(view.seen.shares))


def predict(about: Hashable, question: str, options: Mapping[str, str], skip: str, name: str = "predict") -> str | None:
    """Ask a question with a stake, one button an option.

    Args:
        about: what is asked about; it is asked once.
        name: tells the questions of one page apart.

    Returns:
        What was answered about this, "" for "just show me", or None.
    """
    answers: dict[Hashable, str] = st.session_state.setdefault("_predicted", {})
    if about not in answers:
        st.markdown(question)
        give: Callable[[Hashable, str], None] = answers.__setitem__
        with st.container(horizontal=True):
            for option, text in options.items():
                st.button(text, key=f"{name}-{option}", on_click=give, args=(about, option))
            st.button(skip, key=f"{name}-skip", type="tertiary", on_click=give, args=(about, ""))
    return answers.get(about)


def answered(about: Hashable) -> str | None:
    """Return what ``predict`` would, before it has its place on the page."""
    found: str | None = st.session_state.get("_predicted", {}).get(about)
    return found


def judge(right: bool, said: str) -> None:
    """Write how an answer compares with what is right: in green where it was right."""
    (st.success if right else st.info)(said)
