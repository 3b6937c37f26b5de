"""Tables and rows of numbers on a page, which note their numbers for the archive of the page.

What is drawn is written as people read it; the archive has every digit.
"""

from collections.abc import Mapping, Sequence

import streamlit as st

from senet_viz.drawing.grammar import Table
from senet_viz.ui.takeaway import numbers


def tabled(name: str, title: str, shown: Mapping[str, Sequence[str]], table: Table, says: str = "") -> None:
    """Draw a table as ``shown``, column by column under its words, and note ``table`` as what it holds.

    Args:
        name: of its file in the archive.
        title, says: what the archive's README says of it.
    """
    numbers.note(name, lambda t: [numbers.Sheet(name, title, says, table)])
    st.table(dict(shown))


def counted(name: str, title: str, shown: Mapping[str, tuple[str, float]], says: str = "") -> None:
    """Draw numbers side by side, each as it is written and under its words; note the numbers themselves.

    Args:
        name, title, says: see ``tabled``.
        shown: words, and of each how its number is written and what it is.
    """
    rows = tuple((words, value) for words, (_, value) in shown.items())
    numbers.note(name, lambda t: [numbers.Sheet(name, title, says, Table(("quantity", "value"), rows))])
    for column, (words, (written, _)) in zip(st.columns(len(shown)), shown.items(), strict=True):
        column.metric(words, written)
