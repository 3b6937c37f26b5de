"""Two networks, one photo: what they answer, what their gates do, what they cost, how often they agree."""

from functools import partial

import streamlit as st

from senet_viz import ui
from senet_viz.experiments import gate_profile
from senet_viz.figures.networks import compare
from senet_viz.findings import model_agreement
from senet_viz.models import catalogue
from senet_viz.ui.pages.networks import costs, variants


@ui.page
def draw() -> None:
    """Draw the page."""
    view = ui.scene()
    t = view.t

    ui.title(t("networks.compare.title"))
    pair = variants.sides(view)
    mine, other = (side.seen for side in pair)
    titles, blank = (pair[0].title, pair[1].title), not (mine.trained and other.trained)
    for title in dict.fromkeys(side.seen.spec.title for side in pair if not side.seen.trained):
        ui.untrained(t("networks.compare.untrained", title=title))

    # --- answers ------------------------------------------------------------------------------------------------------
    key = (titles, pair[0].choice, pair[1].choice, mine.weights, other.weights)
    shares, names = (mine.shares, other.shares), (mine.classes, other.classes)
    show = partial(ui.figure, view, untrained=blank, shows="photo")
    show(lambda t: compare.draw_answers(titles, names, shares, t), "answers", *key)
    variants.off_list(view, pair)
    if mine.classes == other.classes:
        st.markdown(t("networks.compare.overlap", share=f"{model_agreement.overlap(*shares):.1%}", n=len(mine.classes)))
    else:
        st.markdown(t("networks.compare.classes", a=titles[0], n=len(mine.classes), b=titles[1], m=len(other.classes)))

    # --- gates and cost -----------------------------------------------------------------------------------------------
    blocks, gates, pixelwise = zip(*((side.blocks, side.gates, side.pixelwise) for side in pair), strict=True)
    show(lambda t: compare.draw_gates(titles, blocks, gates, t, pixelwise), "gates", *key)

    ui.section(t("networks.compare.cost"))
    if pair[0].choice == pair[1].choice:
        st.markdown(t("networks.compare.cost.same"))
    else:
        counted = [costs.price(side.choice) for side in pair]
        table = {
            t("networks.compare.network"): list(titles),
            t("networks.compare.params"): [f"{price.cost.params:,}" for price in counted],
            t("networks.compare.macs"): [f"{price.cost.macs / 1e6:,.1f}" for price in counted],
            t("networks.compare.gateparams"): [
                f"{price.cost.gate.params / price.cost.params:.2%}" for price in counted
            ],
            t("networks.compare.input"): [f"{price.cost.size}×{price.cost.size}" for price in counted],
            t("networks.compare.where"): [side.where for side in pair],
        }
        st.table(table)
        st.caption(t("networks.compare.cost.note"))

    ui.section(t("networks.compare.four"))
    found = view.drawn(lambda: model_agreement.together(gate_profile.read(), catalogue.OURS), "together")
    four = tuple(model.removeprefix("tiny_") for model in found.models)
    draw = partial(compare.draw_together, four, found.same, found.accuracy, found.pictures)
    ui.figure(view, draw, "together", "four", untrained=False)
    right = {"all": f"{found.all_right:.1%}", "none": f"{found.none_right:.1%}"}
    st.markdown(t("networks.compare.right", n=f"{found.pictures:,}", **right))
    for model in found.models[1:]:
        apart = found.against(model, found.models[0])
        verdict, said = (
            {1: "more", 0: "tie", -1: "less"}[apart.sign],
            {"d": f"{apart.value:+.2f}", "h": f"{apart.half:.2f}"},
        )
        st.markdown(f"- {t(f'networks.compare.{verdict}', a=catalogue.spec(model).title, **said)}")
    st.caption(t("networks.compare.seed"))
    ui.code(view, model_agreement.together, model_agreement.overlap)
