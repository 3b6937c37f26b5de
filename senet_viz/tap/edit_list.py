"""Several edits of one network as one text, for an address or a class to share; and how clicks change them.

layer4.1.se:mute:17,42;layer3.0.se:ones
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from senet_viz.errors import EditRefused
from senet_viz.tap import edits
from senet_viz.types import Edit

Edits = tuple[Edit, ...]
MOST = 64  # edits of one text


@dataclass(frozen=True)
class Place:
    """What an edit of one block may name."""

    branches: int  # M
    channels: int  # C
    hidden: bool  # whether there is a layer between z and s


def read(text: str) -> tuple[Edits, tuple[str, ...]]:
    """The edits of a text, and what of it is none: each such part, at most 80 characters of it."""
    found: list[Edit] = []
    refused: list[str] = []
    if len(text) > edits.LONGEST:  # half an edit may look like another one
        text = text[: text.rfind(";", 0, edits.LONGEST) + 1]
    for part in filter(None, (part.strip() for part in text.split(";"))):
        try:
            found.append(edits.parse(part))
        except EditRefused:
            refused.append(part[:80])
    return tuple(found[:MOST]), (*refused, *(edits.written(edit)[:80] for edit in found[MOST:]))


def written(stack: Sequence[Edit]) -> str:
    """The text that ``read`` reads as these edits."""
    return ";".join(map(edits.written, stack))


def fits(edit: Edit, place: Place) -> bool:
    """Whether the block has what the edit names."""
    if any(channel >= place.channels for channel in edit.channels):
        return False
    if edit.op in edits.HIDDEN_OPS and not place.hidden:
        return False
    return edit.op != "branch" or (edit.value is not None and 0 <= edit.value < place.branches)


def toggled(stack: Sequence[Edit], block: str, op: str, channel: int, value: float | None = None) -> Edits:
    """One channel more in this operation on this block, or one less where it is in it already."""
    for index, edit in enumerate(stack):
        if (edit.block, edit.op, edit.value) == (block, op, value) and edit.channels:
            rest = tuple(c for c in edit.channels if c != channel)
            if rest == edit.channels:
                rest = tuple(sorted((*rest, channel)))
            changed = (replace(edit, channels=rest),) if rest else ()
            return (*stack[:index], *changed, *stack[index + 1 :])
    return (*stack, Edit(block, op, (channel,), value))


def put(stack: Sequence[Edit], edit: Edit) -> Edits:
    """With this change of a whole block last; one of the same operation on that whole block makes room for it."""
    rest = tuple(e for e in stack if (e.block, e.op) != (edit.block, edit.op) or e.channels)
    return (*rest, edit)


def without(stack: Sequence[Edit], edit: Edit) -> Edits:
    """Return all but this edit; all of them where it is not there."""
    index = stack.index(edit) if edit in stack else len(stack)
    return (*stack[:index], *stack[index + 1 :])
