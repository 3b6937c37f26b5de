"""What the gates of a network are worth, in a word: of what it loses with one number a block, what needs the photo?"""

from dataclasses import dataclass
from enum import StrEnum

from senet_viz.experiments.gate_ablation import CONDITIONS, Worth

ROOM = 0.05  # of accuracy: an interval that leaves room for a larger loss does not show that there is none
MOSTLY = 0.8  # of what gates are worth, from which share on one says "most of it"


class Need(StrEnum):
    """A need says what a network needs its gates for."""

    CHANCE = "chance"  # with its own gates it is no better than guessing
    FEW = "few"  # with a constant for each channel no loss is shown, but the interval leaves room for one above ROOM
    NOTHING = "nothing"  # no loss is shown, neither with constants nor with gates of 1
    CONSTANT = "constant"  # a constant for each channel gives back MOSTLY of what a number a block loses, or loses none
    PHOTO = "photo"  # it gives back less than 1 - MOSTLY of it
    BOTH = "both"  # in between


@dataclass(frozen=True)
class GateVerdict:
    """A verdict says what a network needs, and holds the number that decides between a constant and the photo."""

    word: Need
    needs_photo: float  # share of the loss of "level" that "mean" has too, 0 to 1


def verdict(found: Worth) -> GateVerdict:
    """Return what the gates are worth. A loss counts where its interval leaves out 0."""
    change = {c: found.change(c) for c in CONDITIONS[1:]}
    lost = {c: -each.value if each.sign < 0 else 0.0 for c, each in change.items()}
    most = max(lost["level"], lost["mean"])
    needs = lost["mean"] / most if most else 0.0
    if found.accuracy("own").low <= found.chance:
        return GateVerdict(Need.CHANCE, needs)
    if not lost["mean"] and change["mean"].low < -ROOM:
        return GateVerdict(Need.FEW, needs)
    if not most:
        return GateVerdict(Need.CONSTANT if lost["ones"] else Need.NOTHING, needs)
    return GateVerdict(Need.CONSTANT if needs <= 1 - MOSTLY else Need.PHOTO if needs >= MOSTLY else Need.BOTH, needs)
