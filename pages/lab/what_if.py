"""The gate console: change gates of a live network and see what it answers then, and what its later gates do."""

from functools import partial

import numpy as np
import streamlit as st

from senet_viz import ui
from senet_viz.drawing.grammar import Scale
from senet_viz.experiments import channel_ranking
from senet_viz.figures.lab import what_if
from senet_viz.tap import edits
from senet_viz.ui.pages.lab import console, worth


def idea(page: console.Console) -> None:
    """Write what the change did to the answer, and what that is worth."""
    t, view = page.t, page.before
    was, now, names = view.seen.shares, page.after.seen.shares, view.seen.classes
    first, then = int(was.argmax()), int(now.argmax())
    shares = {"p": f"{was[first]:.1%}", "q": f"{now[first]:.1%}", "r": f"{now[then]:.1%}"}
    kind = "none" if not page.asked else "same" if first == then else "flips"
    said = t(f"lab.what_if.idea.{kind}", n=len(page.asked), a=names[first], b=names[then], **shares)
    if page.asked and (after := page.after.seen.familiar) != view.seen.familiar:
        said += " " + t("listed.found" if after else "listed.lost")
    with ui.trusted(view) as knows:
        st.markdown(f"{said} {knows}")


def main(page: console.Console) -> None:
    """Draw the photo, what the block passes on, a map a channel to click on, and the answer before and after."""
    t, view, after = page.t, page.before, page.after
    was, now, names = view.seen.shares, after.seen.shares, view.seen.classes
    most = view.drawn(lambda: np.abs(view.out()).max(axis=(1, 2), keepdims=True), "most")

    def maps() -> np.ndarray:
        """(C, H, W) after the change, each against the largest value that it had before."""
        return after.out() / np.where(most == 0, 1, most)

    left, middle, right = st.columns([1, 4, 5], gap="medium")
    with left:
        ui.photo(view)
    with middle:
        order, scale = view.order("gate", view.block.branches - 1), Scale(t("lab.atlas.scale"), -1, 1, "activation")
        click = partial(console.clicked, view)
        drawn = ui.atlas(after, maps, scale, order, "whatif", t("lab.atlas.alt"), mark="whatif", then=click)
        if drawn.reduced:
            h, w = view.fused.shape[1:]
            st.caption(t("atlas.reduced", h=drawn.cell_h, w=drawn.cell_w, H=h, W=w))
    with right:
        ui.figure(after, lambda t: what_if.draw_scores(names, was, now, t), "scores", narrow=True)
        console.listed(page)


def later(page: console.Console) -> None:
    """Draw how far the gates of later blocks moved, and all gates."""
    t, after, moved = page.t, page.after, page.moved
    if moved:
        short, hit = [ui.short(each.name) for each in moved], [each.edited for each in moved]
        mean, most = (np.array([getattr(each, field) for each in moved]) for field in ("mean_change", "largest"))
        ui.figure(after, lambda t: what_if.draw_downstream(short, hit, mean, most, t), "down")
    title = t("lab.carpet", n=len(page.before.trace.blocks))
    ui.section(title)
    how = ui.pick("carpet", ui.worded(t, "carpet", ("index", "sorted")), t("sort.label"))
    ui.carpet(after, "whatif-carpet", title, how == "sorted", partial(console.clicked, page.before))
    st.caption(t("lab.carpet.how"))


def before_after(page: console.Console) -> None:
    """Draw the pinned channel's map before and after the change."""
    view, after, c = page.before, page.after, page.before.channel
    pair = (float(view.gate[-1, c]), float(after.gate[-1, c]))
    ui.figure(after, lambda t: what_if.draw_maps(view.out(c), after.out(c), c, pair, t), "maps", c)


def search(page: console.Console) -> None:
    """Ask which channel matters most to a class, and look for it."""
    t, view, after, c = page.t, page.before, page.after, page.before.channel
    ui.section(t("lab.search"))
    goal, few = ui.target(view), console.three(after)
    if few is None:
        st.info(t("lab.what_if.noask", block=ui.short(view.name)))
    said = console.ask(after, ("what_if", after.key, goal), few, goal) if few else ""
    if said is None:
        return
    if few:
        console.answer(after, few, goal, said)
    found = console.search(page, goal)
    if found is not None:
        at, change = np.array(found.channels), found.change
        draw = partial(what_if.draw_ranking, at, change, found.gates[-1][at], c, view.seen.classes[goal])
        ui.figure(after, draw, "ranking", goal, c, len(at))


LOOKS = {"later": later, "beforeafter": before_after, "search": search}


@ui.page
def draw() -> None:
    """Draw the console and what the change does to the answer; the rest when it is asked for."""
    view = ui.scene()
    page = console.console(view)

    ui.title(view.t("lab.what_if.title"), page.after)
    ui.pin(view)
    idea(page)
    console.controls(page)
    main(page)
    looks = {name: partial(look, page) for name, look in LOOKS.items()} | {"worth": partial(worth.worth, view)}
    ui.closer(page.after, looks, edits.apply, channel_ranking.downstream, channel_ranking.ranking)
