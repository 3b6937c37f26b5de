"""Which block tells classes apart best: a question with a stake, what decides it by depth, and the paper's findings."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st

from senet_viz.figures.lab import class_profiles
from senet_viz.findings import Held, class_selectivity
from senet_viz.findings.class_selectivity import Finding, Role
from senet_viz.ui.elements.choices import judge, predict
from senet_viz.ui.elements.figures import figure
from senet_viz.ui.elements.frame import section
from senet_viz.ui.pages.lab.profiled import Record
from senet_viz.ui.scene import short

COLOURS = {Held.HOLDS: "green", Held.MIXED: "orange", Held.FAILS: "red"}


def by_depth(record: Record, roles: Sequence[Role], results: Sequence[Finding]) -> None:
    """Ask which block tells classes apart best; once that is answered, draw what decides it and say what holds."""
    view, t, mark = record.view, record.view.t, record.mark
    names, chance = {each.name: short(each.name) for each in roles}, results[0].numbers["chance"]
    section(t("lab.class_profiles.question"))
    three = [roles[i] for i in class_selectivity.candidates(roles, chance)]
    if three:
        options = {each.name: t("lab.class_profiles.option", block=names[each.name]) for each in three}
        ask, skip = t("lab.class_profiles.ask", k=len(record.names)), t("lab.class_profiles.skip")
        answer = predict(("roles", view.spec.key, view.weights, mark), ask, options, skip)
        if answer is None:
            return
        _answered(record, three, answer)
    else:
        st.info(t("lab.class_profiles.noask", chance=f"{chance:.2f}"))
    fields = ("between", "within", "high", "low", "pattern")
    columns = {field: np.array([getattr(each, field) for each in roles]) for field in fields}
    blocks = tuple(names.values())
    figure(
        view,
        lambda t: class_profiles.draw_findings(blocks, **columns, chance=chance, t=t),
        "findings-figure", mark, shows="model",
    )  # fmt: skip
    section(t("lab.class_profiles.findings"))
    for each in results:
        values = {name: f"{v:.1%}" if name == "share" else f"{v:.2f}" for name, v in each.numbers.items()}
        line = t(f"lab.class_profiles.finding.{each.key}", block=names.get(each.block, ""), **values)
        st.markdown(f":{COLOURS[each.word]}-badge[{t(f'lab.class_profiles.{each.word}')}] {line}")
    st.caption(t(f"lab.class_profiles.small.{record.whose}", k=len(record.names)))


def _answered(record: Record, three: Sequence[Role], answer: str) -> None:
    """Say which of the three it is, and why that is no matter of how far curves lie apart."""
    t, best = record.view.t, max(three, key=lambda each: each.eta2)
    etas = " · ".join(f"{short(each.name)}: **{each.eta2:.2f}**" for each in three)
    kind = "shown" if not answer else "right" if answer == best.name else "wrong"
    judge(kind == "right", t(f"lab.class_profiles.{kind}", block=short(best.name), etas=etas))
    spread = {"between": f"{best.between:.3f}", "within": f"{best.within:.3f}"}
    st.markdown(t("lab.class_profiles.why", share=f"{best.eta2:.0%}", **spread))
