"""What if a gate were another? Every channel of one block changed, one at a time, as batches; and what an edit did
to the gates after it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from senet_viz.errors import EditRefused, NoGateFound
from senet_viz.jobs import Progress
from senet_viz.types import Edit, Trace

if TYPE_CHECKING:
    from torch import Tensor, nn

CHUNK = 32  # counterfactuals that go through the network together: "how far?" is answered several times a second


@dataclass(frozen=True, eq=False)
class Ranking:
    """A ranking holds the class scores with each channel of one block changed alone, as far as it came."""

    block: str
    op: str
    value: float | None
    target: int  # class
    channels: tuple[int, ...]  # N, in the order in which they ran
    gates: np.ndarray  # (M, C) of the block before
    logits: np.ndarray  # (N, K) class scores with that channel changed
    base: np.ndarray  # (K,) with none changed
    total: int  # channels that were asked for

    @property
    def change(self) -> np.ndarray:
        """Return what the change of each channel does to the target's score, (N,); below 0 where it hurts."""
        return self.logits[:, self.target] - self.base[self.target]

    @property
    def hurts_most(self) -> tuple[int, ...]:
        """Return the channels, first the one whose change hurts the target most."""
        return tuple(self.channels[i] for i in np.argsort(self.change, kind="stable"))

    @property
    def flips(self) -> tuple[int, ...]:
        """Return the channels whose change makes another class the first."""
        return tuple(np.asarray(self.channels)[self.logits.argmax(1) != self.base.argmax()].tolist())


def ranking(
    module: nn.Module,
    x: Tensor,
    block: str,
    target: int | None = None,
    op: str = "mute",
    value: float | None = None,
    edits: Sequence[Edit] = (),
    progress: Progress = lambda done, total: None,
    channels: Sequence[int] | None = None,
    before: Trace | None = None,
) -> Ranking:
    """Measure what one operation on each single channel of ``block`` does to the class scores of one picture.

    The network before the block runs once a batch, not once a channel: see ``hooks.gated``. The numbers are those of
    ``hooks.run(module, x, (*edits, Edit(block, op, (c,), value)))`` to rounding.

    Args:
        x: (1, 3, H, W).
        target: class whose score ``change`` is about; by default the first of the network as it is.
        edits: changes that are there already, in every run.
        progress: told after every batch how many channels of how many are done; False stops, what is done is kept.
        channels: which ones; by default all of them.
        before: the trace of ``x`` with ``edits``, where there is one already.

    Raises:
        NoGateFound: no block of that name, or it never runs.
        ValueError: an edit that does not fit, a class or channel that does not exist, or ``x`` of another shape.
    """
    import torch

    from senet_viz.tap import edits as edit_ops
    from senet_viz.tap import hooks

    before = before or hooks.run(module, x, edits)
    try:
        seen = before.block(block)
    except KeyError as error:
        raise NoGateFound(f"no attention block that runs: {block}", name=block) from error
    goal = int(before.logits.argmax()) if target is None else target
    if not 0 <= goal < len(before.logits):
        raise ValueError(f"target must be from 0 to {len(before.logits) - 1}; got {target}")
    others = tuple(edit for edit in edits if edit.block != block)  # this block's are in its gate already
    rows: list[Tensor] = []
    done = 0
    wanted = tuple(range(seen.channels) if channels is None else channels)
    while done < len(wanted):
        chunk = wanted[done : done + CHUNK]
        gates = [edit_ops.apply(Edit(block, op, (c,), value), seen.gate, seen.logit) for c in chunk]
        with torch.inference_mode():
            rows.append(hooks.gated(module, x, block, torch.stack(gates), others).cpu())
        done += len(chunk)
        if progress(done, len(wanted)) is False:
            break
    scores = torch.cat(rows).numpy() if rows else np.empty((0, len(before.logits)), np.float32)
    base, gate = np.asarray(before.logits), np.asarray(seen.gate)
    return Ranking(block, op, value, goal, wanted[:done], gate, scores, base, len(wanted))


def joined(parts: Sequence[Ranking], total: int) -> Ranking:
    """Join rankings of the same question, each of other channels; ``total`` channels were asked for."""
    channels = tuple(c for part in parts for c in part.channels)
    return replace(parts[0], channels=channels, logits=np.concatenate([p.logits for p in parts]), total=total)


def filled(
    edits: Sequence[Edit], mean: Mapping[str, np.ndarray], photo: Callable[[str], Mapping[str, np.ndarray]]
) -> tuple[Edit, ...]:
    """Return the same edits with the gates that ``mean`` and ``photo`` bring.

    Args:
        mean: block to (M, C), over validation pictures.
        photo: the gates (M, C) of every block, for the name of a photo.

    Raises:
        EditRefused: nothing is known of that block's mean, or of its gates in that photo.
    """
    from senet_viz.tap.edits import GIVEN_OPS, written

    found = []
    for edit in edits:
        if edit.op in GIVEN_OPS:
            known = mean if edit.op == "mean" else photo(edit.source)
            if edit.block not in known:
                raise EditRefused(written(edit)[:80], f"no gates of {edit.block} are known")
            edit = replace(edit, gates=tuple(map(tuple, known[edit.block].tolist())))
        found.append(edit)
    return tuple(found)


@dataclass(frozen=True)
class Moved:
    """A block's gates moved so far, over all branches and channels, and in the channel that moved most."""

    name: str
    edited: bool
    mean_change: float  # mean |after - before|
    channel: int
    branch: int
    was: float
    now: float

    @property
    def largest(self) -> float:
        """Return |now - was|: no gate of the block moved more."""
        return abs(self.now - self.was)


def downstream(before: Trace, after: Trace) -> tuple[Moved, ...]:
    """Compare the edited blocks, and all that ran after the first of them, in that order."""
    edited = {edit.block for edit in after.edits}
    names = [block.name for block in after.blocks]
    first = min((names.index(name) for name in edited if name in names), default=len(names))
    found = []
    for new in after.blocks[first:]:
        old = before.block(new.name)
        change = (new.gate - old.gate).abs()
        at = branch, channel = divmod(int(change.argmax()), new.channels)
        was, now = float(old.gate[at]), float(new.gate[at])
        found.append(Moved(new.name, new.name in edited, float(change.mean()), channel, branch, was, now))
    return tuple(found)
