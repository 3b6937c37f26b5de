"""What the page on where gates sit asks the engine's worker for, kept for all sessions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from senet_viz.architecture import recorder
from senet_viz.drawing.text import number
from senet_viz.experiments import gradient_flow
from senet_viz.figures.networks.where_it_sits import scientific
from senet_viz.figures.pieces import table
from senet_viz.ui import state
from senet_viz.ui.work import Bar

if TYPE_CHECKING:
    from senet_viz.architecture.unit_graph import Unit
    from senet_viz.drawing.grammar import Table
    from senet_viz.experiments.gradient_flow import Flow
    from senet_viz.i18n import Texts
    from senet_viz.ui.scene import Scene


def units(names: Sequence[str]) -> list[Unit]:
    """Return a typical unit of each of these networks."""
    return [unit(name) for name in names]


def unit(name: str, integration: str = "standard") -> Unit:
    """Return a typical unit of that network, recorded once for all sessions."""
    options = {} if integration == "standard" else {"integration": integration}
    work = partial(recorder.unit, name, **options)
    found: Unit = state.prices().get(("unit", name, integration), lambda: state.engine().run(work))
    return found


def orders(name: str) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """Return what ``recorder.orders`` does, recorded once for all sessions."""
    found: tuple[str, tuple[str, ...], tuple[str, ...]] = state.prices().get(
        ("orders", name), lambda: state.engine().run(partial(recorder.orders, name))
    )
    return found


def flows(view: Scene, units: int, opened: bool, integrations: Sequence[str]) -> dict[str, list[Flow]] | None:
    """Return what was measured, start by start; None where nobody has asked for it yet. A button asks.

    The first seed's curves come at once; ``more`` measures the other seeds when these stand on the page.
    """
    if not _measured(units, opened):
        if not st.button(view.t("networks.where.measure"), icon=":material/timer:", key="flow"):
            return None
        _measure(view, units, opened, integrations, gradient_flow.SEEDS[0])
    seeds = _measured(units, opened)
    store = state.prices()
    return {
        start: gradient_flow.joined([store.peek(("flow", units, opened, seed, start)) or [] for seed in seeds])
        for start in gradient_flow.STARTS
    }


def more(view: Scene, units: int, opened: bool, integrations: Sequence[str]) -> None:
    """Last on the page: one seed more, and the page again with it, until there are all."""
    seeds = _measured(units, opened)
    if seeds and (left := [seed for seed in gradient_flow.SEEDS if seed not in seeds]):
        _measure(view, units, opened, integrations, left[0])
        st.rerun()


def _measured(units: int, opened: bool) -> list[int]:
    """Seeds of which every start is there."""
    store = state.prices()
    return [
        seed
        for seed in gradient_flow.SEEDS
        if all(store.peek(("flow", units, opened, seed, start)) is not None for start in gradient_flow.STARTS)
    ]


def _measure(view: Scene, units: int, opened: bool, integrations: Sequence[str], seed: int) -> None:
    """Every start is one piece of work for the engine, so that nobody else waits long."""
    run, done = state.engine().run, len(gradient_flow.STARTS) * gradient_flow.SEEDS.index(seed)
    with Bar(lambda n, total: view.t("networks.where.measuring")) as told:
        for n, start in enumerate(gradient_flow.STARTS, start=done):
            told(n, len(gradient_flow.STARTS) * len(gradient_flow.SEEDS))
            work = partial(gradient_flow.compared, integrations, units, start, opened, seed)
            state.prices().get(("flow", units, opened, seed, start), partial(run, work, where="long"))


def facts(
    view: Scene, units: Sequence[Unit], rows: Mapping[str, Sequence[tuple[object, bool]]]
) -> tuple[str, dict[str, list[str]], Table]:
    """Return the table of differences as ``ui.tabled`` takes it: its title, what is shown, what it holds.

    Args:
        rows: see ``unit_graph.differences``; what differs is shown in bold.
    """
    t = view.t
    title, parts = t("networks.where.table"), [t(f"networks.where.row.{row}") for row in rows]
    said = [[fact(view, row, each[i][0]) for row, each in rows.items()] for i in range(len(units))]
    differs = [[each[i][1] for each in rows.values()] for i in range(len(units))]
    shown = {title: parts} | {
        unit.title: [f"**{cell}**" if bold else cell for cell, bold in zip(cells, bolds, strict=True)]
        for unit, cells, bolds in zip(units, said, differs, strict=True)
    }
    return title, shown, table(("part", *(unit.title for unit in units)), parts, *said)


def fact(view: Scene, row: str, value: object) -> str:
    """Write one cell of the table of differences."""
    t = view.t
    if row == "where":
        return t(f"position.{value}.short")
    if row == "layers":
        return t(f"networks.where.layers.{value}")
    if isinstance(value, bool):
        return t("networks.where.yes" if value else "networks.where.no")
    if isinstance(value, tuple):
        return " → ".join(map(str, value))
    return number(value) if isinstance(value, float) else str(value)


def said(view: Scene, flows: dict[str, list[Flow]]) -> list[str]:
    """Return what the numbers allow to be said, each start for itself."""
    t, lines = view.t, []
    for start, each in flows.items():
        by = {flow.integration: flow.arrives for flow in each}
        post = next(flow for flow in each if flow.integration == "post")
        values = {"n": post.units, "gate": f"{post.gate:.2f}", "share": share(t, by["post"] / by["standard"])}
        values |= {"own": times(by["post"]), "standard": times(by["standard"])}
        near = 0.1 < by["identity"] / by["post"] < 10
        identity = share(t, by["identity"] / by["standard"])
        parts = (
            t(f"networks.where.{start}"),
            t(f"networks.where.post.{gradient_flow.verdict(each)}", **values),
            t("networks.where.identity.same" if near else "networks.where.identity.other", share=identity),
        )
        lines.append(" ".join(parts))
    return lines


def title(t: Texts, flows: dict[str, list[Flow]]) -> dict[str, object]:
    """Return the numbers of the figure's title: how deep, and SE-POST beside the standard unit, start by start."""
    found = {start: {flow.integration: flow for flow in each} for start, each in flows.items()}
    ratios = {start: by["post"].arrives / by["standard"].arrives for start, by in found.items()}
    return {"n": found["on"]["post"].units} | {start: share(t, ratio) for start, ratio in ratios.items()}


def share(t: Texts, ratio: float) -> str:
    """Write a ratio of any size: as a part of, or as so many times."""
    if ratio >= 10:
        return t("networks.where.times", n=scientific(ratio))
    percent = f"{100 * ratio:.2g} %" if 1e-6 <= ratio < 0.1 else f"{ratio:.0%}"
    return t("networks.where.part", n=percent if ratio >= 1e-6 else scientific(ratio))


def times(ratio: float) -> str:
    """Write a factor of any size."""
    return f"×{scientific(ratio)}"
