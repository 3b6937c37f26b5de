"""Lessons for a class: three that make one lesson plan, each with its aims, its minutes and what to say."""

from itertools import accumulate

import streamlit as st

from senet_viz import i18n, lessons, ui
from senet_viz.ui.teaching import plan

BESIDE = 3  # cards


@ui.page
def draw() -> None:
    """Draw a card a lesson, and the plan of the one that is chosen."""
    lang = ui.language()
    t, every = i18n.texts(lang), [lessons.lesson(name, lang) for name in lessons.names()]
    starts = dict(zip(lessons.names(), accumulate((each.minutes for each in every), initial=0), strict=False))
    ui.title(t("teach.lessons.title"))
    total = sum(each.minutes for each in every)
    st.markdown(t("teach.lessons.idea", n=len(every), minutes=f"{total:g}"))
    columns = st.columns(BESIDE)
    for number, each in enumerate(every):
        with columns[number % BESIDE]:
            plan.card(each, starts[each.name], t)

    ui.section(t("teach.lessons.plan"))
    names = {"all": t("teach.lessons.all")} | {each.name: each.title for each in every}
    chosen = ui.pick("plan", names, t("teach.lessons.which"), every[0].name)
    for each in every:
        if chosen in ("all", each.name):
            plan.table(each, starts[each.name], t)
    st.caption(t("teach.lessons.print"))
    plan.offer(every, starts, lang)
