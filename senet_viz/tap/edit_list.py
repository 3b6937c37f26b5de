"""Several edits of one network as one text, for an address or a class to share; and how clicks change them.

layer4.1.se:mute:17,42;layer3.0.se:ones
"""

from collections.abc import Sequence
from dataclasses import replace

from senet_viz.errors import EditRefused
from senet_viz.tap import edits
from senet_viz.types import BlockTrace, Edit

Edits = tuple[Edit, ...]
MOST = 64  # edits of one text


def read(text: str) -> tuple[Edits, tuple[str, ...]]:
    """Return the edits of a text, and the parts of it that are none, of each at most 80 characters."""
    found, refused = [], []
    if len(text) > edits.LONGEST:  # half an edit may look like another one
        text = text[: text.rfind(";", 0, edits.LONGEST) + 1]
    for part in filter(None, (part.strip() for part in text.split(";"))):
        try:
            found.append(edits.parse(part))
        except EditRefused:
            refused.append(part[:80])
    return tuple(found[:MOST]), (*refused, *(edits.written(edit)[:80] for edit in found[MOST:]))


def written(stack: Sequence[Edit]) -> str:
    """Return the text that ``read`` reads as these edits."""
    return ";".join(map(edits.written, stack))


def fits(edit: Edit, block: BlockTrace) -> bool:
    """Tell whether the block has the channels, the hidden layer or the branch that the edit names."""
    if edit.op in edits.HIDDEN_OPS and block.hidden is None:
        return False
    branch = edit.op != "branch" or (edit.value is not None and 0 <= edit.value < block.branches)
    return branch and max(edit.channels, default=0) < block.channels


def toggled(stack: Sequence[Edit], block: str, op: str, channel: int, value: float | None = None) -> Edits:
    """Return the edits with one channel more in this operation on this block, or one less where it is in it already."""
    for index, edit in enumerate(stack):
        if (edit.block, edit.op, edit.value) == (block, op, value) and edit.channels:
            rest = tuple(c for c in edit.channels if c != channel)
            if rest == edit.channels:
                rest = tuple(sorted((*rest, channel)))
            changed = (replace(edit, channels=rest),) if rest else ()
            return (*stack[:index], *changed, *stack[index + 1 :])
    return (*stack, Edit(block, op, (channel,), value))


def put(stack: Sequence[Edit], edit: Edit) -> Edits:
    """Return the edits with this change of a whole block last, in the place of one of the same operation on it."""
    rest = tuple(e for e in stack if (e.block, e.op) != (edit.block, edit.op) or e.channels)
    return (*rest, edit)


def without(stack: Sequence[Edit], edit: Edit) -> Edits:
    """Return all edits but this one; all of them where it is not there."""
    index = stack.index(edit) if edit in stack else len(stack)
    return (*stack[:index], *stack[index + 1 :])
