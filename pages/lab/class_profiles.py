"""What gates mean: early blocks say the same for every class, late ones do not. SENet's figs. 6 and 7, live."""

from functools import partial

import numpy as np
import streamlit as st

from senet_viz import ui
from senet_viz.experiments import profiling
from senet_viz.figures.lab import class_profiles
from senet_viz.findings import Held, class_selectivity
from senet_viz.ui.pages.lab import profiled

PAPER = ("n01443537", "n02085620", "n04285008", "n09246464")  # goldfish and cliff are the paper's own
FEW = 0.02  # eta2 that luck alone reaches: from there on it has to be spoken of
COLOURS = {Held.HOLDS: "green", Held.MIXED: "orange", Held.FAILS: "red"}
PANELS = 4


def lesson(record: profiled.Record) -> None:
    """Everything about one profile."""
    view, found, level, names = record.view, record.profile, record.level, record.names
    t, mark, short = view.t, record.mark, {block.name: ui.short(block.name) for block in found.blocks}
    all_roles = view.drawn(lambda: class_selectivity.roles(found, level), "roles", mark)
    results = view.drawn(lambda: class_selectivity.findings(found, level), "findings", mark)

    # --- the one idea -------------------------------------------------------------------------------------------------
    n = results[0].numbers
    shown = {key: f"{n[key]:.0%}" for key in ("early", "late", "chance")}
    whose = "mine" if record.mine else "shipped"
    over = t(f"lab.class_profiles.over.{whose}", n=f"{len(found.truth):,}", k=len(names))
    st.markdown(t(f"lab.class_profiles.idea.{class_selectivity.trend(results[0])}", over=over, **shown))
    if record.mine and n["chance"] >= FEW:
        few = t("lab.class_profiles.few", n=len(found.truth), chance=f"{n['chance']:.0%}")
        (st.warning if n["chance"] >= class_selectivity.AGNOSTIC else st.caption)(few)

    # --- fig. 6 -------------------------------------------------------------------------------------------------------
    left, right = st.columns([4, 3])
    with left:
        classes = dict(zip(record.ids, names, strict=True))
        first = record.ids[: class_profiles.MOST] if record.mine else PAPER
        chosen = ui.several("classes", classes, t("lab.class_profiles.classes"), first, class_profiles.MOST)
    with right:
        default = class_selectivity.spaced(list(short), view.name, PANELS)
        panels = ui.several("panels", short, t("lab.class_profiles.panels"), default, PANELS)
        panels = tuple(sorted(panels, key=list(short).index))
    rows, chosen_names = [record.ids.index(c) for c in chosen], tuple(classes[c] for c in chosen)
    photo = profiled.photo_gates(view, record.zoom)
    curves = profiled.curves(view, found, level, photo, panels, rows)
    key = (mark, chosen, panels, view.name, view.channel)
    ui.figure(view, lambda t: class_profiles.draw_fig6(curves, chosen_names, t), "fig6", *key)
    if view.block.kind == "sk":
        st.caption(t("lab.class_profiles.sk"))
    if not record.mine:
        st.caption(t("lab.class_profiles.paper"))

    ui.section(t("lab.class_profiles.question"))
    three = [all_roles[i] for i in class_selectivity.candidates(all_roles, n["chance"])]
    if three:
        options = {each.name: t("lab.class_profiles.option", block=short[each.name]) for each in three}
        ask, skip = t("lab.class_profiles.ask", k=len(names)), t("lab.class_profiles.skip")
        answer = ui.predict(("roles", view.spec.key, view.weights, mark), ask, options, skip)
    else:
        answer = ""
        st.info(t("lab.class_profiles.noask", chance=f"{n['chance']:.2f}"))
    if answer is not None:
        if three:
            best = max(three, key=lambda each: each.eta2)
            etas = " · ".join(f"{short[each.name]}: **{each.eta2:.2f}**" for each in three)
            kind = "shown" if not answer else "right" if answer == best.name else "wrong"
            said = t(f"lab.class_profiles.{kind}", block=short[best.name], etas=etas)
            ui.judge(kind == "right", said)
            spread = {"between": f"{best.between:.3f}", "within": f"{best.within:.3f}"}
            st.markdown(t("lab.class_profiles.why", share=f"{best.eta2:.0%}", **spread))
        fields = ("between", "within", "high", "low", "pattern")
        columns = {field: np.array([getattr(each, field) for each in all_roles]) for field in fields}
        blocks, chance = tuple(short.values()), n["chance"]
        ui.figure(
            view,
            lambda t: class_profiles.draw_findings(blocks, **columns, chance=chance, t=t),
            "findings-figure", mark, shows="model",
        )  # fmt: skip
        ui.section(t("lab.class_profiles.findings"))
        for each in results:
            values = {name: f"{v:.1%}" if name == "share" else f"{v:.2f}" for name, v in each.numbers.items()}
            line = t(f"lab.class_profiles.finding.{each.key}", block=short.get(each.block, ""), **values)
            st.markdown(f":{COLOURS[each.word]}-badge[{t(f'lab.class_profiles.{each.word}')}] {line}")
        st.caption(t(f"lab.class_profiles.small.{whose}", k=len(names)))

    # --- which class does each block see? -----------------------------------------------------------------------------
    guesses, top, own = view.drawn(lambda: profiled.guessed(record, photo), "guess", mark)
    nearest, ranks = [names[g.nearest] for g in guesses], [g.rank for g in guesses]
    draw_guess = partial(class_profiles.draw_guess, tuple(short.values()), nearest, ranks, names[top], len(names), own)
    ui.figure(view, draw_guess, "guessed", mark)

    # --- fig. 7 -------------------------------------------------------------------------------------------------------
    one = ui.pick("within", {c: ui.plain(classes[c]) for c in chosen}, t("lab.class_profiles.within"))
    row = chosen.index(one)
    ui.figure(view, lambda t: class_profiles.draw_fig7(curves, classes[one], row, t), "fig7", *key, row)
    ui.badge(view)


@ui.page
def draw() -> None:
    """Draw the page."""
    ui.title(ui.scene().t("lab.class_profiles.title"))
    record = profiled.profiled_scene()
    ui.header(ui.scene() if record is None else record.view)
    if record is not None:
        lesson(record)
    ui.code(
        ui.scene(),
        class_selectivity.variances,
        class_selectivity.depth,
        class_selectivity.saturation,
        class_selectivity.same_pattern,
        class_selectivity.distances,
        profiling.Tally,
    )
