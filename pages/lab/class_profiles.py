"""What gates mean: early blocks say the same for every class, late ones do not. SENet's figs. 6 and 7, live."""

from __future__ import annotations

import numpy as np
import streamlit as st

from senet_viz import roles, ui
from senet_viz.figures import roles as figures
from senet_viz.ui import profiled

PAPER = ("n01443537", "n02085620", "n04285008", "n09246464")  # goldfish and cliff are the paper's own
COLOURS = {"holds": "green", "mixed": "orange", "fails": "red"}
PANELS = 4

view, found = ui.profiled_scene()
t, names = view.t, profiled.class_names(view, found)
short = {block.name: ui.short(block.name) for block in found.blocks}

st.header(t("lab.class_profiles.title"), anchor=False)
ui.header(view)
zoom = float(ui.pick("framing", {f"{z:g}": f"×{z:g}" for z in found.zooms}, t("zoom.label")))
level = found.zooms.index(zoom)
all_roles = view.drawn(lambda: roles.roles(found, level), "roles", level)
results = view.drawn(lambda: roles.findings(found, level), "findings", level)

# --- the one idea -----------------------------------------------------------------------------------------------------
n = results[0].numbers
trend = (
    "falls" if n["high"] < 0 else "level" if n["low"] <= 0 else "rises" if n["best"] >= roles.SPECIFIC else "slightly"
)
shown = {key: f"{n[key]:.0%}" for key in ("early", "late", "chance")}
st.markdown(t(f"lab.class_profiles.idea.{trend}", n=f"{len(found.truth):,}", k=len(names), **shown))

# --- fig. 6 -----------------------------------------------------------------------------------------------------------
default = [list(short)[i] for i in np.linspace(0, len(short) - 1, PANELS).round().astype(int)]
if view.name not in default:  # the pinned block takes its nearest neighbour's place
    here = list(short).index(view.name)
    default[min(range(PANELS), key=lambda i: abs(list(short).index(default[i]) - here))] = view.name
left, right = st.columns([4, 3])
with left:
    classes = dict(zip(found.classes, names, strict=True))
    chosen = profiled.several("classes", classes, t("lab.class_profiles.classes"), PAPER, figures.MOST)
with right:
    panels = profiled.several("panels", short, t("lab.class_profiles.panels"), default, PANELS)
    panels = tuple(sorted(panels, key=list(short).index))
rows, chosen_names = [found.classes.index(c) for c in chosen], tuple(classes[c] for c in chosen)
photo = profiled.photo_gates(view, zoom)
curves = profiled.curves(view, found, level, photo, panels, rows)
key = (level, chosen, panels, view.name, view.channel)
ui.figure(view, lambda t: figures.draw_fig6(curves, chosen_names, t), "fig6", *key)
if view.block.kind == "sk":
    st.caption(t("lab.class_profiles.sk"))
st.caption(t("lab.class_profiles.paper"))

# --- a question, and what decides it ----------------------------------------------------------------------------------
st.subheader(t("lab.class_profiles.question"))
three = [all_roles[i] for i in roles.candidates(all_roles)]
best = max(three, key=lambda each: each.eta2)
options = {each.name: t("lab.class_profiles.option", block=short[each.name]) for each in three}
answer = profiled.predict(
    ("roles", view.spec.key, level),
    t("lab.class_profiles.ask", k=len(names)),
    options,
    t("lab.class_profiles.skip"),
)
if answer is not None:
    etas = " · ".join(f"{short[each.name]}: **{each.eta2:.2f}**" for each in three)
    kind = "shown" if not answer else "right" if answer == best.name else "wrong"
    said = t(f"lab.class_profiles.{kind}", block=short[best.name], etas=etas)
    (st.success if kind == "right" else st.info)(said)
    st.markdown(
        t(
            "lab.class_profiles.why",
            share=f"{best.eta2:.0%}",
            between=f"{best.between:.3f}",
            within=f"{best.within:.3f}",
        )
    )
    columns = {
        field: np.array([getattr(each, field) for each in all_roles])
        for field in ("between", "within", "high", "low", "pattern")
    }
    ui.figure(
        view,
        lambda t: figures.draw_findings(tuple(short.values()), **columns, chance=n["chance"], t=t),
        "findings-figure",
        level,
    )
    st.subheader(t("lab.class_profiles.findings"))
    for each in results:
        values = {name: f"{value:.1%}" if name == "share" else f"{value:.2f}" for name, value in each.numbers.items()}
        line = t(f"lab.class_profiles.finding.{each.key}", block=short.get(each.block, ""), **values)
        word = t(f"lab.class_profiles.{each.word}")
        st.markdown(f":{COLOURS[each.word]}-badge[{word}] {line}")
    st.caption(t("lab.class_profiles.small", k=len(names)))

# --- which class does each block see? ---------------------------------------------------------------------------------
top = profiled.top_class(view, found)
guesses = view.drawn(
    lambda: [roles.guess(block, found.counts, photo[block.name], top, level) for block in found.blocks], "guess", level
)
nearest, ranks = [names[g.nearest] for g in guesses], [g.rank for g in guesses]
ui.figure(
    view,
    lambda t: figures.draw_guess(tuple(short.values()), nearest, ranks, names[top], len(names), t),
    "guessed",
    level,
)

# --- fig. 7 -----------------------------------------------------------------------------------------------------------
one = ui.pick("within", {c: classes[c] for c in chosen}, t("lab.class_profiles.within"))
row = chosen.index(one)
ui.figure(view, lambda t: figures.draw_fig7(curves, classes[one], row, t), "fig7", *key, row)
ui.badge(view)
ui.code(view, roles.variances, roles.depth, roles.saturation, roles.same_pattern, roles.distances)
