"""Two networks, one photo: what they answer, what their gates do, what they cost, how often they agree."""

from collections.abc import Callable
from functools import partial

import streamlit as st

from senet_viz import ui
from senet_viz.drawing.grammar import Table
from senet_viz.experiments import gate_profile
from senet_viz.figures.networks import compare
from senet_viz.findings import model_agreement
from senet_viz.models import catalogue
from senet_viz.ui.pages.networks import costs, variants
from senet_viz.ui.pages.networks.variants import Side
from senet_viz.ui.scene import Scene


def prices(view: Scene, pair: tuple[Side, Side]) -> None:
    """Write a table of what both cost."""
    t = view.t
    ui.section(t("networks.compare.cost"))
    if pair[0].choice == pair[1].choice:
        st.markdown(t("networks.compare.cost.same"))
        return
    counted = [costs.price(side.choice) for side in pair]
    found = [
        (side.title, cost.params, cost.macs, cost.gate.params / cost.params, cost.size, side.where)
        for side, cost in zip(pair, (price.cost for price in counted), strict=True)
    ]
    forms = {
        "network": "{}",
        "params": "{:,}",
        "macs": "{:,.1f}",
        "gateparams": "{:.2%}",
        "input": "{0}×{0}",
        "where": "{}",
    }
    shown = {
        t(f"networks.compare.{head}"): [form.format(value / 1e6 if head == "macs" else value) for value in column]
        for (head, form), column in zip(forms.items(), zip(*found, strict=True), strict=True)
    }
    names = ("network", "parameters", "multiply-accumulates", "share of the gates", "input", "where")
    ui.tabled("costs", t("networks.compare.cost"), shown, Table(names, tuple(found)))
    st.caption(t("networks.compare.cost.note"))


def agreement(view: Scene) -> None:
    """Draw how often the four small networks agree, and say whether a gate makes them right more often."""
    t = view.t
    ui.section(t("networks.compare.four"))
    found = view.drawn(lambda: model_agreement.together(gate_profile.read(), catalogue.OURS), "together")
    four = tuple(model.removeprefix("tiny_") for model in found.models)
    draw = partial(compare.draw_together, four, found.same, found.accuracy, found.pictures)
    ui.figure(view, draw, "together", "four", untrained=False)
    right = {"all": f"{found.all_right:.1%}", "none": f"{found.none_right:.1%}"}
    lines = [t("networks.compare.right", n=f"{found.pictures:,}", **right), ""]
    for model in found.models[1:]:
        apart = found.against(model, found.models[0])
        verdict = {1: "more", 0: "tie", -1: "less"}[apart.sign]
        said = {"d": f"{apart.value:+.2f}", "h": f"{apart.half:.2f}"}
        lines.append(f"- {t(f'networks.compare.{verdict}', a=catalogue.spec(model).title, **said)}")
    st.markdown("\n".join(lines))
    st.caption(t("networks.compare.seed"))


@ui.page
def draw() -> None:
    """Draw what both answer; the rest when it is asked for."""
    view = ui.scene()
    t = view.t
    ui.title(t("networks.compare.title"))
    a, b, notes = variants.sides(view)
    mine, other = a.seen, b.seen
    for title in dict.fromkeys(seen.spec.title for seen in (mine, other) if not seen.trained):
        ui.untrained(t("networks.compare.untrained", title=title))

    titles, blank = (a.title, b.title), not (mine.trained and other.trained)
    shares, names = (mine.shares, other.shares), (mine.classes, other.classes)
    key = (titles, a.choice, b.choice, mine.weights, other.weights)
    show = partial(ui.figure, view, untrained=blank, shows="photo")
    show(lambda t: compare.draw_answers(titles, names, shares, t), "answers", *key)
    variants.off_list(view, (a, b))
    if mine.classes == other.classes:
        st.caption(t("networks.compare.overlap", share=f"{model_agreement.overlap(*shares):.1%}", n=len(mine.classes)))
    else:
        st.caption(t("networks.compare.classes", a=a.title, n=len(mine.classes), b=b.title, m=len(other.classes)))
    for note in notes:
        st.caption(note)

    def both_gates() -> None:
        blocks, gates, pixelwise = (a.blocks, b.blocks), (a.gates, b.gates), (a.pixelwise, b.pixelwise)
        show(lambda t: compare.draw_gates(titles, blocks, gates, t, pixelwise), "gates", *key)

    both_costs, often = partial(prices, view, (a, b)), partial(agreement, view)
    looks: dict[str, Callable[[], None]] = {"both_gates": both_gates, "both_costs": both_costs, "agreement": often}
    ui.closer(view, looks, model_agreement.together, model_agreement.overlap)
