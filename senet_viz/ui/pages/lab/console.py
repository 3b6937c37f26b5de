"""The gate console: what is changed in which block, by clicks and by name; listed, undone, shared in the address.

Longer than other modules: every control acts on the one list of edits, and the question that ends the page asks of it.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from senet_viz.errors import EditRefused
from senet_viz.experiments import channel_ranking
from senet_viz.figures.lab.what_if import signed
from senet_viz.findings import open_or_important
from senet_viz.i18n import Texts
from senet_viz.tap import edit_list
from senet_viz.tap import edits as ops
from senet_viz.types import Edit
from senet_viz.ui import state
from senet_viz.ui.elements.choices import choose, chosen, judge, pick, predict, worded
from senet_viz.ui.pages.lab import profiled
from senet_viz.ui.scene import Scene, short
from senet_viz.ui.shown import photos, seen
from senet_viz.ui.work import Bar

if TYPE_CHECKING:
    from senet_viz.experiments.channel_ranking import Ranking

EDITS, PAST = "edits", "_edits_past"
CLICKS = ("mute", "solo", "scale", "fill", "pin")
AMOUNTS = {"scale": (0.0, 2.0, 0.5), "fill": (0.0, 1.0, 0.5)}  # least, most, at first
SLIM, WIDE = 160, 300  # px of a value's control, and of the list of changes
BLOCK_VALUES = {"threshold": (0.0, 1.0, 0.5), "clamp": (0.0, 1.0, 0.5)}


@dataclass(frozen=True, eq=False)
class Console:
    """The page's two networks: ``before`` has the gates it has, ``after`` the edited ones."""

    before: Scene
    asked: edit_list.Edits  # what fits this network
    elsewhere: int  # edits of blocks that it has not
    refused: tuple[str, ...]  # texts that are no edit of it

    @property
    def t(self) -> Texts:
        """Texts in the reader's language."""
        return self.before.t

    @cached_property
    def after(self) -> Scene:
        """The same photo through the network with edited gates."""
        return replace(self.before, edits=filled(self.before, self.asked)) if self.asked else self.before

    @cached_property
    def moved(self) -> tuple[channel_ranking.Moved, ...]:
        """The edited blocks and those after them."""
        return channel_ranking.downstream(self.before.trace, self.after.trace)


def filled(view: Scene, edits: edit_list.Edits) -> edit_list.Edits:
    """Return the edits with the gates that they bring from elsewhere.

    Raises:
        EditRefused: these gates are not known here.
    """
    return channel_ranking.filled(edits, means(view), partial(_gates_of, view))


def means(view: Scene) -> Mapping[str, np.ndarray]:
    """Return the mean gates (M, C) over the validation pictures, of a network that has a profile."""
    found = profiled.profiles().get(view.spec.key) if view.trained else None
    if found is None:
        return {}
    known: dict[str, np.ndarray] = state.drawings().get(("means", view.spec.key), found.means)
    return known


def _gates_of(view: Scene, photo: str) -> dict[str, np.ndarray]:
    if photo not in photos(view.t):
        raise EditRefused(photo[:80], "no such photo")
    trace = seen(view.spec.key, view.weights, other=photo).trace
    return {block.name: np.asarray(block.gate) for block in trace.blocks}


def console(view: Scene) -> Console:
    """Return what the address and the clicks before ask for, as far as this network has it."""
    asked, refused = edit_list.read(str(state.asked(EDITS) or ""))
    blocks = {block.name: block for block in view.trace.blocks}
    here = tuple(edit for edit in asked if edit.block in blocks)
    good, wrong = [], list(refused)
    for edit in here:
        try:
            if not edit_list.fits(edit, blocks[edit.block]):
                raise EditRefused(ops.written(edit)[:80], "")
            filled(view, (edit,))
        except EditRefused:
            wrong.append(ops.written(edit)[:80])
        else:
            good.append(edit)
    page = Console(view, tuple(good), len(asked) - len(here), tuple(wrong))
    try:
        page.after.trace  # noqa: B018  the page needs it in any case
    except EditRefused:  # each can be done, all of them together cannot
        return replace(page, asked=(), refused=(*wrong, *(ops.written(edit)[:80] for edit in good)))
    return page


# --- changes --------------------------------------------------------------------------------------------------------


def change(edits: edit_list.Edits) -> None:
    """Take these edits from now on; what was before can be had back."""
    s = st.session_state
    past: list[str | None] = s.setdefault(PAST, [])
    before = s.get(EDITS)
    s[EDITS] = edit_list.written(edits) or None  # the last access: a rerun that waits may end this at any
    past.append(before)
    del past[:-100]


def _put(view: Scene, edits: edit_list.Edits) -> None:
    """Change whole blocks, on top of the edits as they are now."""
    asked = console(view).asked
    for edit in edits:
        asked = edit_list.put(asked, edit)
    change(asked)


def _drop(view: Scene, edit: Edit) -> None:
    """Take one edit back, and leave the others as they are now."""
    change(edit_list.without(console(view).asked, edit))


def undo() -> None:
    """Take the edits as they were before the last change."""
    past = st.session_state.get(PAST)
    if past:
        st.session_state[EDITS] = past[-1]
        past.pop()


def clicked(view: Scene, block: str | None, channel: int) -> None:
    """Do what a click on this channel does, to the edits as they are now: another click may have come before it."""
    op = st.session_state.get("click", CLICKS[0])
    if op != "pin":
        change(edit_list.toggled(console(view).asked, block or view.name, op, channel, _amount(op)))


def _amount(op: str) -> float | None:
    if op not in AMOUNTS:
        return None
    low, high, first = AMOUNTS[op]
    try:
        value = float(state.asked("amount") or first)
    except ValueError:
        return first
    return min(max(value, low), high) if np.isfinite(value) else first


# --- what stands on the page ----------------------------------------------------------------------------------------


def controls(page: Console) -> None:
    """Let choose what a click on a channel does, and what to do with the whole block."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        _clicks(page)
        _whole(page)


def _clicks(page: Console) -> None:
    t, view, s = page.t, page.before, st.session_state
    op = str(
        pick("click", worded(t, "lab.click", CLICKS), t("lab.click", n=view.block.channels, block=short(view.name)))
    )
    if op in AMOUNTS:
        low, high, _ = AMOUNTS[op]
        s["_amount"] = _amount(op)

        def moved() -> None:
            s["amount"] = f"{s['_amount']:g}"

        st.slider(t(f"lab.amount.{op}"), low, high, step=0.05, key="_amount", on_change=moved, width=SLIM)
    if op != "pin":
        label = t(f"lab.click.{op}.pinned", c=view.channel)
        st.button(label, key="_this", on_click=clicked, args=(view, None, view.channel))


def offered(page: Console) -> dict[str, Any]:
    """Return the changes of a whole block that make sense here, by name."""
    view = page.before
    block, own = view.block, view.replay.gate_fn
    known = ["ones"] if block.branches == 1 else ["equal", "swap", *(f"branch{m}" for m in range(block.branches))]
    known += ["mean"] if view.name in means(view) else []
    known += ["photo", "shuffle", "mute", "top", "threshold"] + ([] if block.branches > 1 else ["clamp"])
    known += [op for op in ("h_sigmoid", "sigmoid") if op != own and not (op == "h_sigmoid" and block.branches > 1)]
    known += ["max_squeeze"] if view.replay.squeeze == "avg" else []
    known += ["dead"] if block.hidden is not None else []
    known += ["late_relu"] if block.branches == 1 else []
    return {name: page.t(f"lab.op.{name.rstrip('0123456789')}", m=name[-1]) for name in (*known, "channel_softmax")}


def _whole(page: Console) -> None:
    """Change the whole block on screen, or all blocks, in a way that has a name."""
    t, view = page.t, page.before
    names = offered(page)
    op = str(chosen("change", names)).rstrip("0123456789")
    name = str(choose("change", names, t("lab.whole", block=short(view.name)), help=t(f"lab.op.{op}.why"), width=WIDE))
    value: float | None = float(name[-1]) if op == "branch" else None
    source = ""
    if op in BLOCK_VALUES:
        low, high, first = BLOCK_VALUES[op]
        value = st.slider(t(f"lab.value.{op}"), low, high, first, step=0.05, key=f"_{op}", width=SLIM)
    elif op == "top":
        c = view.block.channels
        value = float(st.slider(t("lab.value.top", n=c), 1, c, max(1, c // 10), key=f"_top_{c}", width=SLIM))
    elif op == "shuffle":
        value = float(st.number_input(t("lab.value.shuffle"), 0, 999, 0, key="_seed", width=SLIM))
    elif op == "photo":
        others = {key: text for key, text in photos(t).items() if key != view.photo}
        source = str(
            st.selectbox(t("lab.value.photo"), list(others), format_func=others.__getitem__, key="_source", width=SLIM)
        )
    every = [b.name for b in view.trace.blocks if b.kind == view.block.kind]
    for blocks, label, kind in (
        ([view.name], t("lab.apply", block=short(view.name)), "primary"),
        (every, t("lab.apply.all", n=len(every)), "secondary"),
    ):
        put = tuple(Edit(block, op, (), value, source) for block in blocks)
        st.button(label, key=f"_apply_{kind}", type=kind, on_click=_put, args=(view, put))  # type: ignore[arg-type]


def listed(page: Console) -> None:
    """List every edit with a way to take it back, and what of the address could not be used."""
    t, s = page.t, st.session_state
    for text in page.refused[:5]:
        plain = " ".join(text.replace("`", "").split())
        st.warning(t("lab.refused", text=f"`{plain}`"), icon=":material/error:")
    if page.elsewhere:
        st.caption(t("lab.elsewhere", n=page.elsewhere))
    if not (page.asked or s.get(PAST)):
        return
    with st.container(horizontal=True):
        for index, edit in enumerate(page.asked):
            st.button(
                said(edit, t), key=f"_edit_{index}", icon=":material/close:", help=ops.written(edit)[:200],
                on_click=_drop, args=(page.before, edit),
            )  # fmt: skip
        if s.get(PAST):
            st.button(t("lab.undo"), key="_undo", icon=":material/undo:", type="tertiary", on_click=undo)
        if page.asked:
            icon = ":material/restart_alt:"
            st.button(t("lab.clear"), key="_clear", icon=icon, type="tertiary", on_click=change, args=((),))


def said(edit: Edit, t: Texts) -> str:
    """Describe an edit in a few words."""
    channels = ", ".join(map(str, edit.channels[:4])) + (f", … ({len(edit.channels)})" if edit.channels[4:] else "")
    what = t(f"lab.short.{edit.op}")
    if edit.op == "photo":
        what += f" {photos(t).get(edit.source, edit.source)}"
    elif edit.value is not None:
        what += f" {edit.value:g}"
    return f"{short(edit.block)} · {what}" + (f" · c = {channels}" if channels else "")


# --- which channel hurts most? --------------------------------------------------------------------------------------


def three(view: Scene) -> open_or_important.Trio | None:
    """Return the channels to guess about, by what the console shows of them; None where nothing tells three apart."""
    passed = view.drawn(lambda: np.asarray(view.out().any(axis=(1, 2))), "passed")
    return open_or_important.trio(view.gate[-1], view.z, passed, digits, opens=view.block.branches == 1)


def digits(value: float) -> str:
    """Write a gate or a mean as the question shows it."""
    return f"{value:.3g}"


def ask(view: Scene, about: Hashable, few: open_or_important.Trio, goal: int) -> str | None:
    """Ask which of three channels, muted, changes the score of class ``goal`` most; return what ``predict`` does."""
    t, gate, z = view.t, view.gate[-1], view.z
    question = t("lab.what_if.ask", name=view.seen.classes[goal], block=short(view.name))
    if few.by == "z":
        question += " " + t("lab.what_if.ask.equal" if view.block.branches == 1 else "lab.what_if.ask.shares")
    options = {
        str(c): t("lab.what_if.option", c=c, s=digits(gate[c]))
        if few.by == "gate"
        else t("lab.what_if.option.z", c=c, z=digits(z[c]))
        for c in few.channels
    }
    return predict(about, question, options, t("lab.class_profiles.skip"))


def answer(view: Scene, few: open_or_important.Trio, goal: int, said: str) -> None:
    """Say what muting each of the three did, and what that says about gates."""
    t, small = view.t, view.muted(few.channels, goal)
    largest = open_or_important.most(small.change.tolist(), signed)  # several where effects are equal
    first = [few.channels[i] for i in largest]
    right = said in map(str, first)
    kind = "nothing" if not first else "tied" if first[1:] else "shown" if not said else "right" if right else "wrong"
    each = " · ".join(f"c = {ch}: **{signed(d)}**" for ch, d in zip(small.channels, small.change, strict=True))
    judge(right, t(f"lab.what_if.{kind}", c=", ".join(map(str, first)), each=each))
    flips = ", ".join(map(str, small.flips))
    st.markdown(t("lab.what_if.flips" if flips else "lab.what_if.noflip", c=flips))
    st.markdown(t(f"lab.what_if.why.{_why(view, few, first, small)}"))


def _why(view: Scene, few: open_or_important.Trio, first: Sequence[int], found: Ranking) -> str:
    """Return what the effects of the three say about their gates."""
    if not first:
        return "none"
    if few.by == "z" or first[1:]:
        return "equal" if view.block.branches == 1 else "shares"
    widest = max(few.channels, key=lambda c: view.gate[-1, c])
    change = found.change[few.channels.index(first[0])]
    return "closed" if first[0] != widest else "for" if change < 0 else "against"


def search(page: Console, goal: int) -> Ranking | None:
    """Mute every channel of the block alone; a button begins, a bar tells how far, any click stops, all is kept."""
    t, view = page.t, page.after
    every = tuple(range(view.block.channels))

    def words(done: int, total: int) -> str:
        return t("lab.search.running", done=done, n=total)

    bar = Bar(words, name="search", about=view.key, runs=False, stop=t("photos.stop"))
    with bar:
        found = view.muted(every, goal, bar)
    if bar.runs:
        bar.end()
    done = len(found.channels) if found else 0
    if done < len(every):
        with bar.slot.container():
            if done:
                st.caption(t("lab.search.some", done=done, n=len(every)))
            label = t("lab.search.on" if done else "lab.search.go", n=len(every), block=short(view.name))
            bar.go_on(label, ":material/search:")
    return found
