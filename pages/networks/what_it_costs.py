"""What gates cost: parameters, multiply-accumulates, memory and time; and what the papers found that they buy."""

from functools import partial

import numpy as np
import streamlit as st

from senet_viz import ui
from senet_viz.architecture import papers, prices, timing
from senet_viz.figures.networks import what_it_costs
from senet_viz.networks.registry import NAMED
from senet_viz.ui.pages.networks import costs


@ui.page
def draw() -> None:
    """Draw the page."""
    view = ui.scene()
    t = view.t
    show = partial(ui.figure, view, untrained=False)  # no number here is of the network on screen

    ui.title(t("networks.what_it_costs.title"))
    st.markdown(t("networks.what_it_costs.idea"))
    choice = costs.choose(view)
    price, row, net = costs.price(choice), NAMED.get(choice.net), prices.names()[choice.net]
    sk = any(gate.kind == "sk" for gate in price.cost.gates)

    # --- what the gates add -------------------------------------------------------------------------------------------
    bare, extra = (*price.without, *price.memory[:1]), (*price.adds, *price.memory[1:])
    show(lambda t: what_it_costs.draw_adds(net, bare, extra, t), "adds", choice)
    side = price.cost.size
    st.caption(t("networks.cost.counted", side=side))
    if sk and price.bare is not None:
        st.info(t("networks.cost.sk", own=f"{price.cost.gate.params:,}", all=f"{price.adds[0]:,}"))

    # --- where --------------------------------------------------------------------------------------------------------
    gated = price.cost.gated
    ui.section(t("networks.cost.where"))
    labels = [t("networks.cost.stage", n=stage.name, side=stage.side) for stage in gated]
    params = np.array([stage.gate.params for stage in gated])
    touched = np.array([stage.gate.pool + stage.gate.scale for stage in gated])
    show(lambda t: what_it_costs.draw_stages(labels, params, touched, t), "stages", choice)
    st.markdown(t("networks.cost.where.why"))

    # --- equation 5 ---------------------------------------------------------------------------------------------------
    if not sk and all(gate.hidden for gate in price.cost.gates):
        ui.section(t("networks.cost.eq5"))
        ui.latex(price.eq5)
        own = price.cost.gate.params - price.weights
        values = (price.formula, price.weights, price.weights - price.formula, own)
        for column, key, value in zip(st.columns(4), ("formula", "weights", "gap", "rest"), values, strict=True):
            column.metric(t(f"networks.cost.eq5.{key}"), f"{value:,}")
        st.markdown(t("networks.cost.eq5.same" if values[2] == 0 else "networks.cost.eq5.rounded"))

    # --- over r -------------------------------------------------------------------------------------------------------
    if row is not None:
        options = {option.name: option.values for option in row.options}
        ratios, r = options["reduction"], choice.all["reduction"]
        totals = np.array(costs.totals(choice, ratios))
        printed = [papers.printed("se10", f"r = {n}") if choice.net == prices.DEFAULT else None for n in ratios]
        start = price.without[0]
        show(lambda t: what_it_costs.draw_curve(net, ratios, totals, start, r, printed, t), "curve", choice)

        # --- one stage less, and no squeeze ---------------------------------------------------------------------------
        if not sk:
            full = costs.count(choice.but(stages=options["stages"]))
            each = np.array([stage.gate.params for stage in full.gated])
            left = np.concatenate([[each.sum()], each.sum() - each])
            words = [t("networks.cost.saving.all"), *(t("networks.cost.saving.not", n=s.name) for s in full.gated)]
            show(lambda t: what_it_costs.draw_saving(words, left, start, t), "saving", choice)
            st.caption(t("networks.cost.saving.papers"))
            ui.section(t("networks.cost.nosqueeze"))
            pooled, open_ = (costs.count(choice.but(squeeze=how)) for how in ("avg", "none"))
            pair = (pooled.gate.macs, open_.gate.macs)
            boxes = st.columns(3)
            boxes[0].metric(t("networks.cost.nosqueeze.with"), f"{pair[0] / 1e6:,.1f} M")
            boxes[1].metric(t("networks.cost.nosqueeze.without"), f"{pair[1] / 1e6:,.1f} M")
            boxes[2].metric(t("networks.cost.nosqueeze.times"), f"× {pair[1] / pair[0]:,.0f}")
            st.markdown(
                t("networks.cost.nosqueeze.why", share=what_it_costs.percent(open_.macs / price.without[1] - 1))
            )

    ui.section(t("networks.cost.time"))
    if price.bare is None:
        st.info(t("networks.cost.time.none", net=net))
    else:
        st.markdown(t("networks.cost.time.idea", side=side))
        asked = st.button(t("networks.cost.time.go"), icon=":material/timer:", key="measure")
        found = costs.measure(view, choice) if asked else costs.known(choice, view.device)
        if found is not None:
            costs.draw_time(view, choice, found)

    # --- the other options --------------------------------------------------------------------------------------------
    if row is not None:
        ui.section(t("networks.cost.options"))
        st.markdown(t("networks.cost.options.idea"))
        st.table(costs.effects(view, choice, price.cost.gate))
        st.caption(t("networks.cost.options.why.sk" if sk else "networks.cost.options.why"))

    # --- what the papers found ----------------------------------------------------------------------------------------
    costs.tables(view)
    ui.code(view, prices.eq5, prices.kept, timing.timed)
