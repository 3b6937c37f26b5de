"""All numbers of a page in one archive: a table for every figure, board and stage that is on it, and what they mean.

Whatever draws something notes how its numbers are made; nothing is made before somebody asks for the archive.
"""

import io
import re
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from threading import local

import numpy as np

from senet_viz import i18n
from senet_viz.drawing import atlas
from senet_viz.drawing.grammar import Figure, Scale, Table
from senet_viz.figures.pieces import table
from senet_viz.figures.walk.block import PIXELS
from senet_viz.i18n import Texts
from senet_viz.ui.scene import Scene
from senet_viz.ui.takeaway.columns import meanings

BARE = ("width", "height")  # the table of a picture of maps, whose numbers are a board's


@dataclass(frozen=True)
class Sheet:
    """A sheet is one table of the archive, with a title and what it shows."""

    name: str
    title: str
    says: str
    table: Table


Make = Callable[[Texts], Iterable[Sheet]]


class _Page(local):
    """What is on the page that this thread draws: a rerun has one of its own, and no session keeps it."""

    def __init__(self) -> None:
        self.noted: dict[str, Make] = {}


_PAGE = _Page()


def begin() -> None:
    """Note that a page begins: nothing is on it."""
    _PAGE.noted = {}


def note(name: str, make: Make) -> None:
    """Note that something of this name is on the page, and what makes its sheets."""
    _PAGE.noted[name] = make


def noted() -> dict[str, Make]:
    """Return what is on the page by now."""
    return dict(_PAGE.noted)


def of_figure(name: str, build: Callable[[Texts], Figure], untrained: bool) -> Make:
    """Return what makes the sheet of a figure."""

    def make(t: Texts) -> Iterable[Sheet]:
        drawn = build(t).marked(t("model.untrained")) if untrained else build(t)
        if drawn.table.header != BARE:
            yield Sheet(name, drawn.title, f"{drawn.alt}\n{drawn.note}".strip(), drawn.table)

    return make


def of_maps(name: str, title: str, maps: np.ndarray, budget: int, t: Texts) -> Sheet:
    """Return the sheet of feature maps (C, H, W) as they are drawn: with at most ``budget`` values."""
    small = atlas.shrunk(maps, budget)
    channel, row, column = np.indices(small.shape)
    drawn = table(("channel", "row", "column", "value"), *(each.ravel() for each in (channel, row, column, small)))
    return Sheet(name, title, t("numbers.maps"), drawn)


def of_rows(name: str, title: str, lines: Sequence[tuple[str, np.ndarray, Scale]], t: Texts) -> Sheet:
    """Return the sheet of rows of numbers: what each is called, its values (C,), and the scale that names them."""
    cells = ((label, scale.name, c, value) for label, values, scale in lines for c, value in enumerate(values.tolist()))
    return Sheet(name, title, t("numbers.board"), Table(("line", "quantity", "channel", "shown"), tuple(cells)))


def of_answer(view: Scene, t: Texts) -> Sheet:
    """Return the sheet of all classes and their probabilities, the likeliest first."""
    listed = Table(("class", "probability"), tuple(view.seen.top(len(view.seen.shares))))
    says = "\n".join(filter(None, (view.seen.nearest, t("numbers.answer.says"))))
    return Sheet("answer", t("numbers.answer"), says, listed)


def of_stage(view: Scene) -> Make:
    """Return what makes the sheets of the stage: maps as drawn, channels, units, gates, the answer."""

    def make(t: Texts) -> Iterable[Sheet]:
        count, every = len(view.gate), range(len(view.z))
        for m, maps in enumerate(view.u):
            name = f"maps-{m}" if count > 1 else "maps"
            yield of_maps(name, t("stage.maps", m="", c=len(maps), h=maps.shape[1], w=maps.shape[2]), maps, PIXELS, t)
        letters = [(f"logit {m}", f"gate {m}") if count > 1 else ("logit", "gate") for m in range(count)]
        header = ("channel", "z", *(letter[0] for letter in letters), *(letter[1] for letter in letters))
        listed = table(header, every, view.z, *view.logits, *view.gate)
        yield Sheet("channels", t("numbers.channels"), t("numbers.channels.says"), listed)
        if (hidden := view.block.hidden) is not None:
            units = table(("unit", "hidden"), range(len(hidden)), np.asarray(hidden))
            yield Sheet("hidden", t("numbers.hidden"), t("numbers.hidden.says"), units)
        gates = ((b.name, c, g) for b in view.trace.blocks for c, g in enumerate(b.gate[-1].tolist()))
        network = Table(("block", "channel", "gate"), tuple(gates))
        yield Sheet("network", t("numbers.network"), t("numbers.network.says"), network)
        yield of_answer(view, t)

    return make


def archive(made: Mapping[str, Make], lang: str, source: str, link: str) -> bytes:
    """Return a zip of one CSV for every sheet, and a README that says what each and its columns hold.

    Args:
        source: what the page is of. link: the address that shows it again, or "".
    """
    t, out = i18n.texts(lang), io.BytesIO()
    sheets = [sheet for make in made.values() for sheet in make(t)]
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("README.txt", _readme(sheets, t, source, link))
        for sheet in sheets:
            file.writestr(_file(sheet), sheet.table.csv())
    return out.getvalue()


def _file(sheet: Sheet) -> str:
    return re.sub(r"[^\w-]", "-", sheet.name, flags=re.ASCII) + ".csv"


def _readme(sheets: Iterable[Sheet], t: Texts, source: str, link: str) -> bytes:
    parts = ["\n".join(filter(None, (source, link))), t("numbers.about")]
    for sheet in sheets:
        count = t("numbers.rows", n=len(sheet.table.rows))
        columns = (f"  {', '.join(names)}: {said}" for said, names in meanings(sheet.table.header, t).items())
        parts.append("\n".join((f"{_file(sheet)} ({count})", sheet.title, sheet.says, *columns)))
    return ("\n\n".join(parts) + "\n").encode("utf-8-sig")
