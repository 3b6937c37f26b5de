"""Where the gate sits: the same part in every network, drawn from what runs; five places for it in a residual unit."""

from functools import partial

import streamlit as st

from senet_viz import ui
from senet_viz.architecture import papers, prices, recorder, unit_graph
from senet_viz.experiments import gradient_flow
from senet_viz.figures.networks import where_it_sits
from senet_viz.networks.gated import INTEGRATIONS, GatedUnit
from senet_viz.ui.pages.networks import wired


@ui.page
def draw() -> None:
    """Draw the page."""
    view = ui.scene()
    t = view.t
    show = partial(ui.figure, view, untrained=False)  # no number here is of the network on screen
    LIKE = "se_resnet50"

    ui.title(t("networks.where_it_sits.title"))
    st.markdown(t("networks.where_it_sits.idea"))

    # --- the same part in every network -------------------------------------------------------------------------------
    others = [name for name in recorder.UNITS if name != LIKE]
    choices: dict[str, str] = {"all": t("networks.where.all"), **{name: prices.row(name).title for name in others}}
    versus = ui.choose("versus", choices, t("networks.where.versus"))
    names = recorder.SIX if versus == "all" else (LIKE, versus)
    units = wired.units(names)
    show(lambda t: where_it_sits.draw_units(units, t), "units", versus)

    like = wired.unit(LIKE)
    rows = unit_graph.differences(units, like.facts)
    table = {t("networks.where.table"): [t(f"networks.where.row.{row}") for row in rows]}
    for i, unit in enumerate(units):
        cells = [(wired.fact(view, row, each[i][0]), each[i][1]) for row, each in rows.items()]
        table[unit.title] = [f"**{said}**" if differs else said for said, differs in cells]
    st.table(table)
    st.caption(t("networks.where.table.note", like=like.title))
    if versus != "all":
        differ = sum(each[1][1] for each in rows.values())
        st.markdown(t("networks.where.same", title=units[1].title, like=like.title, n=differ, rows=len(rows) - 1))

    ui.section(t("networks.where.order"))
    st.markdown(t("networks.where.order.idea"))
    block = names[-1] if len(units[-1].scales) == 1 else LIKE  # SK is defined in the order in which it runs
    orders, name = ui.worded(t, "networks.where.order", ("defined", "run")), prices.row(block).title
    listing = ui.pick("listing", orders, t("networks.where.order.pick", title=name))
    printed, defined, ran = wired.orders(block)
    show(lambda t: where_it_sits.draw_order(defined, ran, listing, t), "order", block, listing)
    with st.expander(t("networks.where.order.print", title=name)):
        st.code(printed, language="text")

    ui.section(t("networks.where.five"))
    st.markdown(t("networks.where.five.idea"))
    integration = ui.pick("integration", ui.worded(t, "fig.integration", INTEGRATIONS), t("networks.where.integration"))
    unit = wired.unit(LIKE, integration)
    errors = [(name, papers.table(key).row(row).top1 or 0.0) for name, (key, row) in papers.INTEGRATED.items()]
    bare, cite = papers.table("se10").row("original").top1 or 0.0, f"{papers.table('se14').cite}, 15"
    show(lambda t: where_it_sits.draw_integration(unit, integration, errors, bare, cite, t), "integration", integration)
    st.markdown(t(f"networks.where.{integration}.why"))

    ui.section(t("networks.where.flow"))
    st.markdown(t("networks.where.flow.idea"))
    left, right = st.columns([3, 2])
    depths = {n: t("networks.where.units.n", n=n, title=name) for n, name in gradient_flow.DEPTHS.items()}
    depth = ui.pick("units", depths, t("networks.where.units"), at=left)
    answers = ui.worded(t, "networks.where.opened", ("no", "yes"))
    opened = ui.pick("opened", answers, t("networks.where.opened"), at=right) == "yes"
    flows = wired.flows(view, depth, opened, INTEGRATIONS)
    if flows is not None:
        curves = [(start, [(flow.integration, flow.log10) for flow in each]) for start, each in flows.items()]
        found, seeds = flows, len(curves[0][1][0][1])  # words of the title follow the export's language
        show(lambda t: where_it_sits.draw_flow(curves, wired.title(t, found), t), "flow", depth, opened, seeds)
        if seeds < len(gradient_flow.SEEDS):
            st.info(
                t("networks.where.flow.more", n=seeds, of=len(gradient_flow.SEEDS)), icon=":material/hourglass_top:"
            )
        for line in wired.said(view, flows):
            st.markdown(f"- {line}")
        top1 = {name: f"{error:.2f}" for name, error in errors}
        st.markdown(
            t("networks.where.flow.open", standard=top1["standard"], post=top1["post"], identity=top1["identity"])
        )
    ui.code(view, GatedUnit.forward, gradient_flow.compared, recorder.record, unit_graph.merged)
    wired.more(view, depth, opened, INTEGRATIONS)
