"""The stage on its page: what the browser is given of the block on screen, and what it tells when somebody leaves.

Stepping, pinning, sorting, colours and gate functions are the browser's own matter (``assets/components/stage/``); it
keeps them in the address. The server hears of them when another page wants to know.
"""

import io
from dataclasses import replace
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

import numpy as np
import streamlit as st
from PIL import Image

from senet_viz.figures.walk import block as figure
from senet_viz.figures.walk import whole
from senet_viz.photos import samples
from senet_viz.service.questions import TraceQuestion
from senet_viz.tap.replay import Replay
from senet_viz.types import Edit
from senet_viz.ui import state
from senet_viz.ui.elements.components import component, whole_script
from senet_viz.ui.elements.figures import figure as shown_figure
from senet_viz.ui.scene import Scene, Seen, short
from senet_viz.ui.shown import striking
from senet_viz.ui.takeaway import numbers

OWN = ("step", "channel", "sort", "scope", "gatefn")  # of the address: what the browser keeps itself
TOP = 3  # classes of an answer
SIDE = 112  # px of the photo, twice as many as it is drawn with
KEY, _SENT = "stage", "_stage_channel"
SCRIPT = f"stage.js?v={sha256(whole_script(KEY).encode()).hexdigest()[:16]}"  # below the app's address


def stage(view: Scene) -> None:
    """Mount the stage with the block on screen; a click on the network's ribbon opens another block."""
    s = st.session_state
    left = s.get(KEY, {}).get("left")
    if isinstance(left, dict) and left.get("page") in s["_pages"]:
        st.switch_page(s["_pages"][left["page"]])
    if left and s.get(_SENT) is not None:  # it has what it needs, and is about to go
        view = replace(view, channel=s[_SENT])
    s[_SENT] = view.channel
    chosen = {key: state.asked(key) for key in OWN if key != "channel"}
    head = {"pinned": view.channel, "chosen": chosen, "colours": figure.colours(view.dark)}
    numbers.note(KEY, numbers.of_stage(view))
    mount = component("stage", at=SCRIPT)
    mount(key=KEY, data={"at": packed(view)[1], "head": head}, on_open_change=_open, on_left_change=_left)
    state.head_start()


def packed(view: Scene) -> tuple[bytes, str]:
    """Return the block on screen as every browser gets it, and its address below the app's.

    Nothing of one visitor is in it: which channel is pinned comes apart, and where nobody has pinned one, the map with
    the strongest coarse structure, so that the first picture has something to show.
    """

    def made() -> tuple[bytes, str]:
        data = gathered(replace(view, dark=False, channel=striking(view)), {}).payload()
        return data, f"stage?{urlencode(named(view))}&v={sha256(data).hexdigest()[:16]}"

    return view.drawn(made, "stage", view.lang)


def still(view: Scene) -> None:
    """Draw the step of the stage that is open as a figure, for paper and slides."""
    block, step, c = view.block, str(state.asked("step") or ""), view.channel
    hidden = {} if block.hidden is None else {"hidden": np.asarray(block.hidden)}
    numbers = {"z": view.z, **hidden, "logit": view.logits, "gate": view.gate}
    kernels = [str(kernel) for kernel in view.kernels] if block.branches > 1 else [""]
    shown, u, out = view.picture.shown, view.fused[c], view.out(c)
    shown_figure(view, lambda t: whole.draw_whole(shown, u, out, numbers, c, kernels, step, t), "whole", c, step)


def gathered(view: Scene, chosen: dict[str, str | None]) -> figure.Stage:
    """Return all that the stage shows of the block on screen.

    Args:
        chosen: how it begins where the address does not say it: values of ``OWN``, None where nobody has chosen.
    """
    again, block, empty = view.replay, view.block, np.empty(0, np.float32)
    head = {
        "name": view.name, "short": short(view.name), "model": view.spec.title, "gate_fn": again.gate_fn,
        "squeeze": again.squeeze, "act": again.act, "normed": bool(again.norm), "near": again.near,
        "pinned": view.channel, "chosen": chosen, "limit": max(again.limits.values()),
        "branches": [str(kernel) for kernel in view.kernels] if block.branches > 1 else [""],
        "source": source(view), "blocks": [{"name": name, "short": short(name)} for name in view.blocks],
        "scores": _scores(view.seen),
        "pages": {part: {"page": page, "name": view.t(key)} for part, (page, key) in _closer(view).items()},
        "ask": f"answers?{urlencode(named(view))}&gate=", "answers": {},
        "words": figure.words(view.lang), "colours": figure.colours(view.dark), "ramps": figure.ramps(),
    }  # fmt: skip
    return figure.Stage(
        maps=view.u, z=view.z, hidden=empty if block.hidden is None else np.asarray(block.hidden),
        logit=view.logits, gate=view.gate, w1=_array(again.w1), w2=_array(again.w2), b2=_bias(again, view.gate),
        gates=[np.asarray(each.gate[-1]) for each in view.trace.blocks], photo=_png(view.picture.shown), head=head,
    )  # fmt: skip


def named(view: Scene) -> dict[str, str]:
    """Return what names the block on screen in a question over HTTP: see ``answers.looked_at``."""
    return {
        "model": view.spec.key, "weights": view.weights, "device": view.device, "photo": view.photo,
        "block": view.name, "lang": view.lang,
    }  # fmt: skip


def answer(view: Scene, gate: str) -> list[dict[str, Any]]:
    """Return the likeliest classes with other gates in the block on screen: ``"ones"``, or a channel to be closed."""
    edit = Edit(view.name, "ones") if gate == "ones" else Edit(view.name, "mute", (int(gate),))
    trace = view.ask(TraceQuestion(view.spec.key, view.picture, (*view.edits, edit)))
    return _scores(replace(view.seen, trace=trace))


def _scores(seen: Seen) -> list[dict[str, Any]]:
    return [{"label": label, "share": share, "listed": seen.familiar} for label, share in seen.top(TOP)]


def _closer(view: Scene) -> dict[str, tuple[str, str]]:
    """Return which page looks closer at a part of the stage, and the key of its name."""
    sk = view.block.kind == "sk"
    return {
        "maps": ("sk_anatomy", "scale.sk_anatomy.nav") if sk else ("squeeze", "walk.squeeze.nav"),
        "z": ("squeeze", "walk.squeeze.nav"),
        **({"hidden": ("excitation", "walk.excitation.nav")} if view.block.hidden is not None else {}),
        "gate": ("kernel_selection", "scale.kernel_selection.nav") if sk else ("excitation", "walk.excitation.nav"),
        "out": ("rescale", "walk.rescale.nav"),
        "answer": ("what_if", "lab.what_if.nav"),
    }


def source(view: Scene) -> str:
    """Return what a file says of where its picture comes from."""
    named = {"model": view.spec.title, "block": view.name, "photo": "" if view.photo.startswith("up-") else view.photo}
    said = " · ".join(filter(None, (samples.source(view.t, **named), view.seen.nearest)))
    return said if view.trained else f"{view.t('model.untrained')} · {said}"


def _array(values: np.ndarray | None) -> np.ndarray:
    return np.empty(0, np.float32) if values is None else values


def _bias(again: Replay, gate: np.ndarray) -> np.ndarray:
    return np.zeros(gate.shape, np.float32) if again.b2 is None else again.b2


def _png(shown: np.ndarray) -> bytes:
    """Return the photo as the network sees it, (H, W, 3) bytes, as PNG of at most ``SIDE`` px a side."""
    out, image = io.BytesIO(), Image.fromarray(shown)
    image.thumbnail((SIDE, SIDE))
    image.save(out, "PNG")
    return out.getvalue()


def _open() -> None:
    """Open the block that was clicked in the ribbon."""
    st.session_state["block"] = str(st.session_state[KEY]["open"])


def _left() -> None:
    """Take over what was chosen on the stage: another page comes, and shows the same channel."""
    told = st.session_state.get(KEY, {}).get("left")  # where the next page was faster, it is gone
    st.session_state[state.LATE] = True
    for key in OWN:
        value = told.get(key) if isinstance(told, dict) else None
        if key == "channel" and isinstance(value, int | float):
            st.session_state[key] = int(value)
        elif key != "channel" and isinstance(value, str) and state.OWN_KEY.fullmatch(value):
            state.asked(key)
            st.session_state[key] = value
