"""What gates cost: numbers that all sessions share, and what the page on costs draws when it is asked for."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from senet_viz.architecture import comparison, papers, prices, timing
from senet_viz.drawing.grammar import Table
from senet_viz.figures.networks import what_it_costs
from senet_viz.networks.registry import NAMED, Choice
from senet_viz.ui import state
from senet_viz.ui.elements.choices import pick
from senet_viz.ui.elements.figures import figure
from senet_viz.ui.elements.frame import section
from senet_viz.ui.elements.tables import tabled
from senet_viz.ui.pages.networks import options
from senet_viz.ui.work import Bar

if TYPE_CHECKING:
    from senet_viz.architecture.comparison import Counted
    from senet_viz.architecture.counting import Cost, Count
    from senet_viz.architecture.prices import Price
    from senet_viz.architecture.timing import Timing
    from senet_viz.drawing.grammar import Figure
    from senet_viz.i18n import Texts
    from senet_viz.ui.scene import Scene


def effects(view: Scene, choice: Choice, own: Count) -> None:
    """Tabulate what the gates cost with every value of every option, the others as chosen; what costs the same is
    one line. Reduction and stages have figures of their own.

    Args:
        own: what the gates of ``choice`` cost.
    """
    t, row, store = view.t, NAMED.get(choice.net), state.prices()
    asked = [
        (option, value)
        for option in (row.options if row else ())
        if option.name not in ("reduction", "stages")
        for value in option.values
    ]
    found: dict[tuple[str, Count], list[str]] = {}
    with Bar(
        lambda n, total: t("networks.cost.tables.counting", net=options.said(t, asked[n][0].name, asked[n][1]))
    ) as told:
        for n, (option, value) in enumerate(asked):
            other = choice.but(**{option.name: value})
            if store.peek(("cost", other)) is None:
                told(n, len(asked))
            found.setdefault((option.name, count(other).gate), []).append(options.said(t, option.name, value))
    rows = tuple(
        (t(f"networks.cost.{options.KEYS[name]}"), " · ".join(values), gate.params, gate.macs)
        for (name, gate), values in found.items()
    )
    names, values, params, macs = zip(*rows, strict=True)
    columns = (names, values, [beside(n, own.params) for n in params], [beside(n, own.macs) for n in macs])
    heads = (t(f"networks.cost.options.{key}") for key in ("option", "value", "params", "macs"))
    table = Table(("option", "chosen", "parameters", "multiply-accumulates"), rows)
    tabled("options", t("networks.cost.options"), dict(zip(heads, columns, strict=True)), table)


def beside(value: int, own: int) -> str:
    """Write a number, and how it differs from that of the network above."""
    return f"{value:,}" if value == own else f"{value:,} ({value - own:+,})"


def price(choice: Choice) -> Price:
    """Return what the network costs; it is counted once for all sessions."""
    return state.prices().get(("price", choice), lambda: state.engine().run(partial(prices.price, choice)))


def count(choice: Choice) -> Cost:
    """Return the network's parameters and operations alone."""
    return state.prices().get(("cost", choice), lambda: state.engine().run(partial(prices.cost, choice)))


def totals(choice: Choice, ratios: tuple[int, ...]) -> list[int]:
    """Return the parameters of the network for every r."""
    key = ("totals", choice.but(reduction=0), ratios)
    return state.prices().get(key, lambda: state.engine().run(partial(prices.totals, choice, ratios)))


def counted(view: Scene, table: papers.Table) -> list[Counted | None]:
    """What we count for every line of a paper's table; says how far it is where that is not known yet."""
    store, run = state.prices(), state.engine().run
    found: list[Counted | None] = []
    with Bar(lambda n, total: view.t("networks.cost.tables.counting", net=table.rows[n].label)) as told:
        for n, line in enumerate(table.rows):
            key, work = ("line", table.key, line.group, line.label), partial(comparison.ours, table.key, line)
            if line.group != "original" and store.peek(key) is None:
                told(n, len(table.rows))
            found.append(store.get(key, partial(run, work)))
    return found


def known(choice: Choice, device: str) -> Timing | None:
    """What was measured before in this process."""
    found: Timing | None = state.prices().peek(("time", choice, device))
    return found


def measure(view: Scene, choice: Choice, seconds: float = 3.0) -> Timing:
    """Measure now, where the networks are; a bar says that it is under way."""
    work = partial(timing.between, choice, seconds, view.device)
    with Bar(lambda done, total: view.t("networks.cost.time.running")) as told:
        told(0, 1)
        found: Timing = state.prices().get(("time", choice, view.device), lambda: state.engine().run(work, "long"))
    return found


def selective(price: Price) -> bool:
    """Return whether the gates choose between kernels, which the network without them has not."""
    return any(gate.kind == "sk" for gate in price.cost.gates)


def notes(view: Scene, choice: Choice, price: Price) -> list[str]:
    """Return what a reader of the first figure must know: which options were changed, and what is counted."""
    t, said = view.t, []
    if choice.net in NAMED and (words := options.changed(t, choice)):
        said.append(t("networks.compare.variant.all", said=" · ".join(words)))
    if selective(price) and price.bare is not None:
        said.append(t("networks.cost.sk", own=f"{price.cost.gate.params:,}", all=f"{price.adds[0]:,}"))
    return [*said, t("networks.cost.counted", side=price.cost.size)]


def time(view: Scene, choice: Choice, price: Price) -> None:
    """Offer to measure the time with gates and without, and draw what was measured."""
    t = view.t
    section(t("networks.cost.time"))
    if price.bare is None:
        st.info(t("networks.cost.time.none", net=prices.names()[choice.net]))
        return
    st.markdown(t("networks.cost.time.idea", side=price.cost.size))
    asked = st.button(t("networks.cost.time.go"), icon=":material/timer:", key="measure")
    found = measure(view, choice) if asked else known(choice, view.device)
    if found is not None:
        draw_time(view, choice, found)


def draw_time(view: Scene, choice: Choice, found: Timing) -> None:
    """What was measured, with its spread and what else may have been running."""
    here = {"device": found.device, "threads": found.threads, "cores": found.cores, "n": len(found.rounds)}
    rounds, quartiles = np.array(found.rounds), (found.quartiles(0), found.quartiles(1), found.extra)

    def draw(t: Texts) -> Figure:
        load = t("networks.cost.time.noload")
        if found.load is not None:
            load = t("networks.cost.time.load", before=f"{found.load[0]:.1f}", after=f"{found.load[1]:.1f}")
        note = t("networks.cost.time.note", **here, load=load)
        return what_it_costs.draw_time(rounds, *quartiles, note, t)

    figure(view, draw, "time", choice, view.device, found.rounds[0], untrained=False)


def tables(view: Scene) -> None:
    """The papers' ablation tables, one at a time, beside what we count for the same networks."""
    t = view.t
    section(t("networks.cost.tables"))
    st.markdown(t("networks.cost.tables.idea"))
    names = {table.key: t(f"networks.cost.table.{table.key}") for table in papers.TABLES}
    table = papers.table(pick("table", names, t("networks.cost.table"), "se10"))
    found = comparison.compare(table, counted(view, table))
    errors = [line.top1 for line in found.lines if line.top1 is not None]  # every line that is compared has one

    def draw(t: Texts) -> Figure:
        unit = t(f"networks.cost.unit.{found.unit}")
        cite = f"{table.cite} [{t(f'networks.cost.evidence.{table.evidence}')}]"
        return what_it_costs.draw_table(cite, found.labels, errors, found.printed, found.ours, unit, t)

    figure(view, draw, "table", table.key, untrained=False)
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
