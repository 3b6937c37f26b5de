"""Boards: feature maps as one picture, or rows of numbers as colours, on which a click pins a channel."""

import io
from collections.abc import Callable, Hashable, Sequence
from functools import lru_cache, partial
from typing import Any

import numpy as np
import streamlit as st
from PIL import Image

from senet_viz import i18n
from senet_viz.drawing import atlas as atlases
from senet_viz.drawing.grammar import Scale
from senet_viz.drawing.text import number
from senet_viz.ui import state
from senet_viz.ui.elements.components import component, data_url, packed
from senet_viz.ui.elements.frame import PIN
from senet_viz.ui.scene import Scene, short
from senet_viz.ui.takeaway import numbers

Then = Callable[[str | None, int], None]
_TAKEN = "_clicks_taken"  # of every board, the last click that was taken: ``_picked``


def pin(view: Scene) -> None:
    """Tell every board of the page what is pinned, and which clicks were taken."""
    taken = dict(st.session_state.get(_TAKEN, {}))
    st.session_state[PIN] = {"channel": view.channel, "block": view.name, "taken": taken}


def board(data: dict[str, Any], key: str, blocks: Sequence[str] = (), then: Then | None = None) -> None:
    """Mount a board: see ``assets/components/board.js``.

    Args:
        blocks: where a click on a row leads; () where all rows belong to the block on screen.
        then: called with the block (None: the one on screen) and the channel of every cell that was clicked, before
            the rerun; arrow keys move the pin and click nothing. Its last access to the session's state is the one
            that changes it: see ``_picked``.
    """
    whole = {"key": key, "blocks": list(blocks), "place": i18n.text("board.place", state.language(), i="{i}", n="{n}")}
    picked = partial(_picked, key, blocks, then)
    component("board")(key=f"board-{key}", data={**whole, **data}, on_picked_change=picked)


def _picked(key: str, blocks: Sequence[str], then: Then | None) -> None:
    """Take what was picked: the last channel is pinned, its row is the block; ``then`` follows every click in turn.

    The value holds all clicks that the browser does not know to be taken, numbered from 1 within one life (``mount``)
    of the board. Streamlit ends a callback at any access to the session's state once another rerun waits. So a click is
    noted as taken at once after the last thing that it changes, with no access between: what was ended earlier comes
    again with the next click.
    """
    value = st.session_state[f"board-{key}"].get("picked")
    if not value:
        return
    taken = st.session_state.setdefault(_TAKEN, {})
    mount, last = taken.get(key, ("", 0))
    for click in value["clicks"]:
        if value["mount"] == mount and click["n"] <= last:
            continue
        row, channel = int(click["row"]), int(click["channel"])
        st.session_state["channel"] = channel
        if blocks:
            st.session_state["block"] = blocks[row]
        if then is not None and click["click"]:
            then(blocks[row] if blocks else None, channel)
        taken[key] = (value["mount"], click["n"])


def atlas(
    view: Scene,
    maps: Callable[[], np.ndarray],
    scale: Scale,
    order: np.ndarray,
    key: str,
    alt: str,
    budget: int = 120_000,
    mark: Hashable = (),
    then: Then | None = None,
) -> atlases.Atlas:
    """Draw all feature maps as one board; returns what was drawn.

    Args:
        maps: gives the (C, H, W); called only where they were not drawn before.
        mark: names what ``maps`` are besides the scene, for the cache.
        then: see ``board``.
    """
    names = ("atlas", mark, scale, order.tobytes(), budget)
    drawn = view.drawn(lambda: atlases.build(maps(), scale, order.tolist(), budget=budget), *names)
    values = {"z": view.z, **{view.symbol(m): gate for m, gate in enumerate(view.gate)}}
    data = {
        "mode": "grid",
        "src": data_url(drawn.png),
        "width": drawn.size[0],
        "height": drawn.size[1],
        **{name: getattr(drawn, name) for name in ("columns", "cell_w", "cell_h", "gap")},
        "order": list(drawn.order),
        "values": {name: packed(each) for name, each in values.items()},
        "noun": view.t("channel.noun"),
        "alt": alt,
        "legends": [_legend(scale)],
    }
    board(data, key, then=then)
    numbers.note(f"maps-{key}", lambda t: [numbers.of_maps(f"maps-{key}", alt, maps(), budget, t)])
    return drawn


def rows(
    view: Scene,
    lines: Sequence[tuple[str, np.ndarray, Scale]],
    key: str,
    alt: str,
    blocks: Sequence[str] = (),
    descending: bool = False,
    width: int = 512,
    then: Then | None = None,
    order: np.ndarray | None = None,
    mark: Hashable = (),
) -> None:
    """Draw rows of numbers as colours, one row a quantity or a block, all as wide as the board.

    Args:
        lines: label, values (C,) and scale of every row.
        blocks: see ``board``.
        descending: each row sorted, greatest first; the browser sorts the same way.
        then: see ``board``.
        order: of the channels in every row instead.
        mark: names what the lines are besides the scene, for the cache.
    """
    board(strips(view, lines, key, alt, descending, width, order, mark), key, blocks, then)
    numbers.note(f"rows-{key}", lambda t: [numbers.of_rows(f"rows-{key}", alt, lines, t)])


def strips(
    view: Scene,
    lines: Sequence[tuple[str, np.ndarray, Scale]],
    key: str,
    alt: str,
    descending: bool = False,
    width: int = 512,
    order: np.ndarray | None = None,
    mark: Hashable = (),
) -> dict[str, Any]:
    """Return what a board of rows shows: see ``rows``."""

    def paint() -> bytes:
        strips = []
        for _, values, scale in lines:
            shown = values[order] if order is not None else np.sort(values)[::-1] if descending else values
            strips.append(scale.paint(shown[np.arange(width) * len(shown) // width]))
        gap = np.full((len(strips), 1, width, 3), 128, np.uint8)
        return _png(np.concatenate([np.repeat(np.stack(strips)[:, None], 7, axis=1), gap], axis=1))

    scales = [scale for _, _, scale in lines]
    return {
        "mode": "rows",
        "src": data_url(view.drawn(paint, "rows", key, mark, descending, *scales)),
        "width": width,
        "height": 8 * len(lines),
        "legends": [_legend(scale) for scale in dict.fromkeys(scales)],
        "noun": view.t("channel.noun"),
        "alt": alt,
        "rows": [
            {
                "label": label,
                "sorted": descending,
                "values": {scale.name: packed(values, short=len(lines) > 4)},
                **({} if order is None else {"order": order.tolist()}),
            }
            for label, values, scale in lines
        ],
    }


def carpet(view: Scene, key: str, alt: str, descending: bool, then: Then | None = None) -> None:
    """Draw every block's gates, of those that choose between branches the last one's; a click leads to the block."""
    scale, blocks = Scale.gate(view.symbol(len(view.gate) - 1)), view.trace.blocks

    def lines() -> list[tuple[str, np.ndarray, Scale]]:
        return [(short(block.name), np.asarray(block.gate[-1]), scale) for block in blocks]

    def made() -> dict[str, Any]:
        return strips(view, lines(), key, alt, descending, 640)

    numbers.note(f"rows-{key}", lambda t: [numbers.of_rows(f"rows-{key}", alt, lines(), t)])
    board(view.drawn(made, "carpet", view.lang, key, alt, descending), key, [block.name for block in blocks], then)


def _png(sheet: np.ndarray) -> bytes:
    """Return strips (R, H, W, 3) below each other as a PNG; a palette that is enough takes a third of the bytes."""
    width, out = sheet.shape[2], io.BytesIO()
    colours, which = np.unique(sheet.reshape(-1, 3), axis=0, return_inverse=True)
    if len(colours) <= 256:
        image = Image.fromarray(which.reshape(-1, width).astype(np.uint8))
        image.putpalette(colours.tobytes())
    else:
        image = Image.fromarray(sheet.reshape(-1, width, 3))
    image.save(out, "PNG")
    return out.getvalue()


@lru_cache(maxsize=256)
def _legend(scale: Scale) -> dict[str, Any]:
    """Return what a board's colours mean: a ramp with its ends and marks."""
    out = io.BytesIO()
    Image.fromarray(scale.paint(np.linspace(scale.low, scale.high, 128))[None]).save(out, "PNG")
    span = scale.high - scale.low
    ticks = [{"at": (value - scale.low) / span, "text": number(value)} for value in scale.ticks]
    return {"name": scale.name, "src": data_url(out.getvalue()), "ticks": ticks}
