"""What gates cost: parameters, multiply-accumulates, memory and time; and what the papers found that they buy."""

from functools import partial

import numpy as np
import streamlit as st

from senet_viz import ui
from senet_viz.architecture import papers, prices, timing
from senet_viz.architecture.prices import Price
from senet_viz.figures.networks import what_it_costs
from senet_viz.networks.registry import NAMED, Choice, Network
from senet_viz.ui.pages.networks import costs, options
from senet_viz.ui.scene import Scene

show = partial(ui.figure, untrained=False)  # no number here is of the network on screen


def stages(view: Scene, choice: Choice, price: Price) -> None:
    """Draw what the gates of every stage take; and what is saved where one stage has none."""
    t, gated = view.t, price.cost.gated
    ui.section(t("networks.cost.where"))
    labels = [t("networks.cost.stage", n=stage.name, side=stage.side) for stage in gated]
    params = np.array([stage.gate.params for stage in gated])
    touched = np.array([stage.gate.pool + stage.gate.scale for stage in gated])
    show(view, lambda t: what_it_costs.draw_stages(labels, params, touched, t), "stages", choice)
    st.caption(t("networks.cost.where.why"))
    row = NAMED.get(choice.net)
    if row is None or costs.selective(price):
        return
    full = costs.count(choice.but(stages=row.option("stages").values)).gated
    each, without = np.array([stage.gate.params for stage in full]), price.without[0]
    left = np.concatenate([[each.sum()], each.sum() - each])
    words = [t("networks.cost.saving.all"), *(t("networks.cost.saving.not", n=stage.name) for stage in full)]
    show(view, lambda t: what_it_costs.draw_saving(words, left, without, t), "saving", choice)
    st.caption(t("networks.cost.saving.papers"))


def equation(view: Scene, price: Price) -> None:
    """Write equation 5 with the numbers in it, beside what is counted."""
    t = view.t
    ui.section(t("networks.cost.eq5"))
    ui.latex(price.eq5)
    own, gap = price.cost.gate.params - price.weights, price.weights - price.formula
    values = {"formula": price.formula, "weights": price.weights, "gap": gap, "rest": own}
    shown = {t(f"networks.cost.eq5.{key}"): (f"{value:,}", value) for key, value in values.items()}
    ui.counted("equation", t("networks.cost.eq5"), shown)
    st.caption(t("networks.cost.eq5.rounded" if gap else "networks.cost.eq5.same"))


def over_r(view: Scene, choice: Choice, row: Network, price: Price) -> None:
    """Draw the parameters of the whole network over r."""
    ratios, r = row.option("reduction").values, choice.all["reduction"]
    totals, net = np.array(costs.totals(choice, ratios)), prices.names()[choice.net]
    printed = [papers.printed("se10", f"r = {n}") if choice.net == prices.DEFAULT else None for n in ratios]
    ui.section(view.t("more.over_r"))
    bare = price.without[0]
    show(view, lambda t: what_it_costs.draw_curve(net, ratios, totals, bare, r, printed, t), "curve", choice)


def every_option(view: Scene, choice: Choice, row: Network, price: Price) -> None:
    """Draw the controls of all options, what each does to the cost, and what gates at every pixel would take."""
    t, sk = view.t, costs.selective(price)
    ui.section(t("networks.cost.options"))
    options.rest(view, row)
    st.caption(t("networks.cost.options.idea"))
    costs.effects(view, choice, price.cost.gate)
    st.caption(t("networks.cost.options.why.sk" if sk else "networks.cost.options.why"))
    if sk:
        return
    ui.section(t("networks.cost.nosqueeze"))
    pooled, open_ = (costs.count(choice.but(squeeze=how)) for how in ("avg", "none"))
    macs, most = pooled.gate.macs, open_.gate.macs
    said: dict[str, tuple[str, float]] = {
        "with": (f"{macs / 1e6:,.1f} M", macs),
        "without": (f"{most / 1e6:,.1f} M", most),
    }
    said["times"] = (f"× {most / macs:,.0f}", most / macs)
    shown = {t(f"networks.cost.nosqueeze.{key}"): each for key, each in said.items()}
    ui.counted("nosqueeze", t("networks.cost.nosqueeze"), shown)
    share = what_it_costs.percent(open_.macs / price.without[1] - 1)
    st.caption(t("networks.cost.nosqueeze.why", share=share))


@ui.page
def draw() -> None:
    """Draw what the gates add; the rest when it is asked for."""
    view = ui.scene()
    t = view.t
    ui.title(t("networks.what_it_costs.title"))
    st.markdown(t("networks.what_it_costs.idea"))
    choice = options.network(view)
    price, row, net = costs.price(choice), NAMED.get(choice.net), prices.names()[choice.net]
    bare, extra = (*price.without, *price.memory[:1]), (*price.adds, *price.memory[1:])
    show(view, lambda t: what_it_costs.draw_adds(net, bare, extra, t), "adds", choice)
    for note in costs.notes(view, choice, price):
        st.caption(note)

    looks = {"stages": partial(stages, view, choice, price)}
    if not costs.selective(price) and all(gate.hidden for gate in price.cost.gates):
        looks["equation"] = partial(equation, view, price)
    if row is not None:
        looks["over_r"] = partial(over_r, view, choice, row, price)
        looks["options"] = partial(every_option, view, choice, row, price)
    looks |= {"time": partial(costs.time, view, choice, price), "papers": partial(costs.tables, view)}
    ui.closer(view, looks, prices.eq5, prices.kept, timing.timed)
