"""The controls of the page on costs, and its numbers, which all sessions share."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from senet_viz import papers, prices
from senet_viz.figures import costs as figures
from senet_viz.prices import Choice
from senet_viz.ui import state
from senet_viz.ui.parts import figure, pick

if TYPE_CHECKING:
    from senet_viz.cost import Cost
    from senet_viz.figures.grammar import Figure
    from senet_viz.i18n import Texts
    from senet_viz.prices import Counted, Price
    from senet_viz.timing import Timing
    from senet_viz.ui.scene import Scene

_KEYS = ("r", "squeeze", "form", "bias", "stages")


def _reset() -> None:
    """Another network begins with its released gates."""
    for key in _KEYS:
        st.session_state.pop(key, None)


def choose(view: Scene) -> Choice:
    """Which network, with which gates."""
    t, names = view.t, prices.names()
    state.keep("net", names, prices.DEFAULT)
    left, *boxes = st.columns([8, 10, 5, 9])
    net = str(
        left.selectbox(t("networks.cost.net"), list(names), format_func=names.__getitem__, key="net", on_change=_reset)
    )
    row = prices.row(net)
    if row is None:
        st.caption(t("networks.cost.net.fixed", net=names[net]))
        return Choice(net)
    offered = {option.name: option for option in row.options}
    chosen: dict[str, Any] = {}
    with boxes[0]:
        ratios = offered["reduction"]
        chosen["reduction"] = pick("r", {r: str(r) for r in ratios.values}, t("networks.cost.r"), ratios.default)
    if "bias" in offered:
        with boxes[1]:
            biases = {"yes": t("networks.cost.bias.yes"), "no": t("networks.cost.bias.no")}
            chosen["bias"] = pick("bias", biases, t("networks.cost.bias")) == "yes"
        with boxes[2]:
            squeezes = {key: t(f"networks.cost.squeeze.{key}") for key in offered["squeeze"].values}
            chosen["squeeze"] = pick("squeeze", squeezes, t("networks.cost.squeeze"))
    below = st.columns([3, 2])
    every = offered["stages"].values
    stages = {"all": t("networks.cost.stages.all"), f"not{every[-1]}": t("networks.cost.stages.not", n=every[-1])}
    stages |= {str(n): t("networks.cost.stages.one", n=n) for n in every}
    with below[0]:
        picked = pick("stages", stages, t("networks.cost.stages"))
    chosen["stages"] = every if picked == "all" else every[:-1] if picked.startswith("not") else (int(picked),)
    if "form" in offered:
        with below[1]:
            forms = {key: t(f"networks.cost.form.{key}") for key in offered["form"].values}
            chosen["form"] = pick("form", forms, t("networks.cost.form"), offered["form"].default)
    return Choice(row.name).but(**chosen)


def price(choice: Choice) -> Price:
    """What it costs; counted once for all sessions."""
    found: Price = state.prices().get(("price", choice), lambda: state.engine().run(lambda: prices.price(choice)))
    return found


def count(choice: Choice) -> Cost:
    """Its parameters and operations alone."""

    def make() -> Cost:
        from senet_viz import cost

        return cost.of(prices.build(choice), prices.size(choice.net))

    found: Cost = state.prices().get(("cost", choice), lambda: state.engine().run(make))
    return found


def totals(choice: Choice, ratios: tuple[int, ...]) -> list[int]:
    """Parameters of the network for every r."""

    def count() -> list[int]:
        return [prices.parameters(choice.but(reduction=r)) for r in ratios]

    found: list[int] = state.prices().get(
        ("totals", choice.but(reduction=0), ratios), lambda: state.engine().run(count)
    )
    return found


def counted(view: Scene, table: papers.Table) -> list[Counted | None]:
    """What we count for every line of a paper's table; says how far it is where that is not known yet."""
    store, run, found = state.prices(), state.engine().run, list[Counted | None]()
    bar = st.empty()
    for n, line in enumerate(table.rows):
        key, work = ("line", table.key, line.group, line.label), partial(prices.ours, table.key, line)
        if line.group != "original" and store.peek(key) is None:
            bar.progress(n / len(table.rows), view.t("networks.cost.tables.counting", net=line.label))
        found.append(store.get(key, partial(run, work)))
    bar.empty()
    return found


def known(choice: Choice, device: str) -> Timing | None:
    """What was measured before in this process."""
    found: Timing | None = state.prices().peek(("time", choice, device))
    return found


def measure(view: Scene, choice: Choice, seconds: float = 3.0) -> Timing:
    """Measure here and now, in the engine's worker; shows how far it is."""
    from senet_viz import timing

    bar = st.progress(0.0, view.t("networks.cost.time.running"))
    run = state.engine().run

    def work() -> Timing:
        bare = prices.bare(choice)
        assert bare is not None  # else the page offers no button
        size, net = prices.size(choice.net), prices.build(choice)
        return timing.timed(bare, net, size, seconds, view.device, run, bar.progress)

    try:
        found: Timing = state.prices().get(("time", choice, view.device), work)
    finally:
        bar.empty()
    return found


def draw_time(view: Scene, choice: Choice, found: Timing) -> None:
    """What was measured, with its spread and what else may have been running."""
    here = {"device": found.device, "threads": found.threads, "cores": found.cores, "n": len(found.rounds)}
    rounds, quartiles = np.array(found.rounds), (found.quartiles(0), found.quartiles(1), found.extra)

    def draw(t: Texts) -> Figure:
        load = t("networks.cost.time.noload")
        if found.load is not None:
            load = t("networks.cost.time.load", before=f"{found.load[0]:.1f}", after=f"{found.load[1]:.1f}")
        note = t("networks.cost.time.note", **here, load=load)
        return figures.draw_time(rounds, *quartiles, note, t)

    figure(view, draw, "time", choice, view.device, found.rounds[0])


def tables(view: Scene) -> None:
    """The papers' ablation tables, one at a time, beside what we count for the same networks."""
    t = view.t
    st.subheader(t("networks.cost.tables"), anchor=False)
    st.markdown(t("networks.cost.tables.idea"))
    names = {table.key: t(f"networks.cost.table.{table.key}") for table in papers.TABLES}
    table = papers.table(pick("table", names, t("networks.cost.table"), "se10"))
    found = prices.compare(table, counted(view, table))
    errors = [line.top1 for line in found.lines if line.top1 is not None]  # every line that is compared has one

    def draw(t: Texts) -> Figure:
        unit = t(f"networks.cost.unit.{found.unit}")
        cite = f"{table.cite} [{t(f'networks.cost.evidence.{table.evidence}')}]"
        return figures.draw_table(cite, found.labels, errors, found.printed, found.ours, unit, t)

    figure(view, draw, "table", table.key)
    ways = [
        t("networks.cost.way.agree", way=t(f"networks.cost.way.{found.unit}.{way}"), hits=hits, n=n)
        for way, hits, n in found.agreed
        if n
    ]
    if ways:
        st.markdown(t("networks.cost.way.why", shown=t(f"networks.cost.way.{found.unit}.{found.way}")))
        st.markdown("\n".join(f"- {line}" for line in ways))
    else:
        st.markdown(t("networks.cost.way.none"))
    st.caption(t(f"networks.cost.table.{table.key}.note"))
