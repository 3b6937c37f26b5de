"""What gates mean: early blocks say the same for every class, late ones do not. SENet's figs. 6 and 7, live."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import streamlit as st

from senet_viz import ui
from senet_viz.experiments import profiling
from senet_viz.figures.lab import class_profiles
from senet_viz.findings import class_selectivity
from senet_viz.ui.pages.lab import profiled, strangers
from senet_viz.ui.pages.lab.by_depth import by_depth

PAPER = ("n01443537", "n02085620", "n04285008", "n09246464")  # goldfish and cliff are the paper's own
FEW = 0.02  # eta2 that luck alone reaches: from there on it has to be spoken of
PANELS = 4
CODE = (
    class_selectivity.variances, class_selectivity.depth, class_selectivity.saturation,
    class_selectivity.same_pattern, class_selectivity.distances, profiling.Tally,
)  # fmt: skip


def idea(record: profiled.Record, first: class_selectivity.Finding) -> None:
    """Write what the classes have to do with the gates, and how much of that may be luck."""
    t, n, count = record.view.t, first.numbers, len(record.profile.truth)
    shown = {key: f"{n[key]:.0%}" for key in ("early", "late", "chance")}
    over = t(f"lab.class_profiles.over.{record.whose}", n=f"{count:,}", k=len(record.names))
    st.markdown(t(f"lab.class_profiles.idea.{class_selectivity.trend(first)}", over=over, **shown))
    if record.mine and n["chance"] >= FEW:
        few = t("lab.class_profiles.few", n=count, chance=shown["chance"])
        (st.warning if n["chance"] >= class_selectivity.AGNOSTIC else st.caption)(few)


def nearest(record: profiled.Record) -> None:
    """Draw which class each block takes this photo for."""
    photo, names = profiled.photo_gates(record.view, record.zoom), record.names
    guesses, top, own = record.view.drawn(lambda: profiled.guessed(record, photo), "guess", record.mark)
    said, ranks, short = [names[g.nearest] for g in guesses], [g.rank for g in guesses], tuple(record.blocks.values())
    draw_guess = partial(class_profiles.draw_guess, short, said, ranks, names[top], len(names), own)
    ui.figure(record.view, draw_guess, "guessed", record.mark)


def lesson(record: profiled.Record) -> None:
    """Draw the curves of a profile, and what else is asked of it."""
    view, found, t = record.view, record.profile, record.view.t
    classes = dict(zip(record.ids, record.names, strict=True))
    first = record.ids[: class_profiles.MOST] if record.mine else PAPER
    chosen = ui.listed("classes", classes, first, class_profiles.MOST)
    default = class_selectivity.spaced(list(record.blocks), view.name, PANELS)
    asked = ui.listed("panels", record.blocks, default, PANELS)
    panels, names = tuple(b for b in record.blocks if b in asked), tuple(classes[c] for c in chosen)
    key = (record.mark, chosen, panels)

    def made() -> tuple[class_profiles.Curves, ...]:
        photo, rows = profiled.photo_gates(view, record.zoom), [record.ids.index(c) for c in chosen]
        return profiled.curves(found, record.level, photo, panels, rows)

    def curves() -> tuple[class_profiles.Curves, ...]:
        pins = (view.channel if block == view.name else None for block in panels)
        unpinned = view.drawn(made, "curves", *key)
        return tuple(replace(each, pinned=pin) for each, pin in zip(unpinned, pins, strict=True))

    says = [t("lab.class_profiles.sk")] if view.block.kind == "sk" else []
    says += [] if record.mine else [t("lab.class_profiles.paper")]
    ui.figure(
        view, lambda t: class_profiles.draw_fig6(curves(), names, t), "fig6", *key, view.channel,
        says=" ".join(says),
    )  # fmt: skip

    def pictures() -> None:
        left, right = st.columns([4, 3])
        with left:
            ui.several("classes", classes, t("lab.class_profiles.classes"), first, class_profiles.MOST)
        with right:
            ui.several("panels", record.blocks, t("lab.class_profiles.panels"), default, PANELS)
        profiled.pictures(view)

    def within() -> None:
        one = ui.pick("within", {c: ui.plain(classes[c]) for c in chosen}, t("lab.class_profiles.within"))
        row = chosen.index(one)
        draw = partial(class_profiles.draw_fig7, name=classes[one], row=row)
        ui.figure(view, lambda t: draw(curves(), t=t), "fig7", *key, view.channel, row)

    looks: dict[str, Callable[[], None]] = {
        "profiled": pictures,
        "depth": lambda: by_depth(record, profiled.roles(record), profiled.findings(record)),
        "nearest": lambda: nearest(record),
        "within": within,
        "strangers": partial(strangers.strangers, view),
    }
    if record.mine:  # without these controls there is no way back
        looks.pop("profiled")()
    ui.closer(view, looks, *CODE)


@partial(ui.page, of=profiled.stand_in)
def draw() -> None:
    """Draw the profile of the network on screen, or of the one that takes its place."""
    view = profiled.stand_in()
    ui.title(view.t("lab.class_profiles.title"), view)
    record = profiled.record(view)
    if record is None:
        ui.header(view)
        profiled.pictures(view)
        ui.closer(view, {}, *CODE)
        return
    idea(record, profiled.findings(record)[0])
    ui.header(view)
    ui.in_place(view, "lab.instead")
    lesson(record)
