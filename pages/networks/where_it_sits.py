"""Where the gate sits: the same part in every network, drawn from what runs; five places for it in a residual unit."""

from functools import partial

import streamlit as st

from senet_viz import ui
from senet_viz.architecture import papers, prices, recorder, unit_graph
from senet_viz.experiments import gradient_flow
from senet_viz.figures.networks import where_it_sits
from senet_viz.networks.registry import INTEGRATIONS
from senet_viz.ui.pages.networks import wired
from senet_viz.ui.scene import Scene

LIKE = "se_resnet50"
ERRORS = [(name, papers.table(key).row(row).top1 or 0.0) for name, (key, row) in papers.INTEGRATED.items()]
show = partial(ui.figure, untrained=False)  # no number here is of the network on screen


def facts(view: Scene) -> None:
    """Draw two units beside each other, or list all six; and say in a table what their gates are."""
    t = view.t
    ui.section(t("more.facts"))
    others = [name for name in recorder.UNITS if name != LIKE]
    choices: dict[str, str] = {"all": t("networks.where.all"), **{name: prices.row(name).title for name in others}}
    versus = ui.choose("versus", choices, t("networks.where.versus"))
    units, like = wired.units(recorder.SIX if versus == "all" else (LIKE, versus)), wired.unit(LIKE)
    if versus != "all":
        show(view, lambda t: where_it_sits.draw_units(units, t), "pair", versus)
    rows = unit_graph.differences(units, like.facts)
    ui.tabled("facts", *wired.facts(view, units, rows))
    st.caption(t("networks.where.table.note", like=like.title))
    if versus != "all":
        differ = sum(each[1][1] for each in rows.values())
        st.markdown(t("networks.where.same", title=units[1].title, like=like.title, n=differ, rows=len(rows) - 1))


def calls(view: Scene) -> None:
    """Draw the parts of one block as ``print`` lists them and as they run."""
    t = view.t
    ui.section(t("networks.where.order"))
    st.markdown(t("networks.where.order.idea"))
    versus = str(ui.asked("versus"))  # SK is defined in the order in which it runs
    block = versus if versus in recorder.UNITS and len(wired.unit(versus).scales) == 1 else LIKE
    orders, name = ui.worded(t, "networks.where.order", ("defined", "run")), prices.row(block).title
    listing = ui.pick("listing", orders, t("networks.where.order.pick", title=name))
    printed, defined, ran = wired.orders(block)
    show(view, lambda t: where_it_sits.draw_order(defined, ran, listing, t), "order", block, listing)
    with st.expander(t("networks.where.order.print", title=name)):
        st.code(printed, language="text")


def places(view: Scene) -> None:
    """Draw one of five places in a residual unit, beside the papers' errors."""
    t = view.t
    ui.section(t("networks.where.five"))
    st.markdown(t("networks.where.five.idea"))
    integration = ui.pick("integration", ui.worded(t, "fig.integration", INTEGRATIONS), t("networks.where.integration"))
    unit = wired.unit(LIKE, integration)
    bare, cite = papers.table("se10").row("original").top1 or 0.0, f"{papers.table('se14').cite}, 15"
    key = ("integration", integration)
    show(view, lambda t: where_it_sits.draw_integration(unit, integration, ERRORS, bare, cite, t), *key)
    st.markdown(t(f"networks.where.{integration}.why"))


def gradients(view: Scene) -> tuple[int, bool]:
    """Measure, when it is asked for, how much gradient reaches the first unit in each of the five.

    Returns:
        The units of the stack, and whether its gates are opened.
    """
    t = view.t
    ui.section(t("networks.where.flow"))
    st.markdown(t("networks.where.flow.idea"))
    left, right = st.columns([3, 2])
    depths = {n: t("networks.where.units.n", n=n, title=name) for n, name in gradient_flow.DEPTHS.items()}
    depth = ui.pick("units", depths, t("networks.where.units"), at=left)
    answers = ui.worded(t, "networks.where.opened", ("no", "yes"))
    opened = ui.pick("opened", answers, t("networks.where.opened"), at=right) == "yes"
    flows = wired.flows(view, depth, opened, INTEGRATIONS)
    if flows is None:
        return depth, opened
    curves = [(start, [(flow.integration, flow.log10) for flow in each]) for start, each in flows.items()]
    found, seeds = flows, len(curves[0][1][0][1])  # words of the title follow the export's language
    show(view, lambda t: where_it_sits.draw_flow(curves, wired.title(t, found), t), "flow", depth, opened, seeds)
    if seeds < len(gradient_flow.SEEDS):
        st.info(t("networks.where.flow.more", n=seeds, of=len(gradient_flow.SEEDS)), icon=":material/hourglass_top:")
    st.markdown("\n".join(f"- {line}" for line in wired.said(view, flows)))
    top1 = {name: f"{error:.2f}" for name, error in ERRORS}
    st.markdown(t("networks.where.flow.open", **{name: top1[name] for name in ("standard", "post", "identity")}))
    return depth, opened


LOOKS = {"facts": facts, "calls": calls, "places": places, "gradients": gradients}


@ui.page
def draw() -> None:
    """Draw the same part in six families; the rest when it is asked for."""
    view = ui.scene()
    t = view.t
    ui.title(t("networks.where_it_sits.title"))
    st.markdown(t("networks.where_it_sits.idea"))
    show(view, lambda t: where_it_sits.draw_units(wired.units(recorder.SIX), t), "units")

    looks = {name: partial(look, view) for name, look in LOOKS.items()}
    found = ui.closer(
        view,
        looks,
        "senet_viz.networks.gated:GatedUnit.forward",
        gradient_flow.compared,
        recorder.record,
        unit_graph.merged,
    )
    if "gradients" in found:
        units, opened = found["gradients"]
        wired.more(view, units, opened, INTEGRATIONS)
