"""Changes to a gate, each a pure function. SE is a selection among one branch, SK among M: one signature serves both.

An operation takes a gate ``(..., M, C)``, a mask ``(C,)`` of the channels meant and a value, and returns a new gate.
Those of ``LOGIT_OPS`` are another gate function: they take the logits ``(..., M, C)`` in the place of the value.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from senet_viz.types import Edit

Op = Callable[[Tensor, Tensor, float], Tensor]
LogitOp = Callable[[Tensor, Tensor, Tensor], Tensor]


def _only_branch(gate: Tensor, value: float) -> Tensor:
    m = int(value)
    if not 0 <= m < gate.shape[-2]:
        raise ValueError(f"branch {m} does not exist; there are {gate.shape[-2]}")
    forced = torch.zeros_like(gate)
    forced[..., m, :] = 1
    return forced


OPS: dict[str, Op] = {
    "keep": lambda gate, mask, value: gate,
    "mute": lambda gate, mask, value: torch.where(mask, 0.0, gate),
    "solo": lambda gate, mask, value: torch.where(mask, gate, 0.0),
    "scale": lambda gate, mask, value: torch.where(mask, gate * value, gate),
    "fill": lambda gate, mask, value: torch.where(mask, torch.full_like(gate, value), gate),
    "ones": lambda gate, mask, value: torch.where(mask, 1.0, gate),
    "equal": lambda gate, mask, value: torch.where(mask, torch.full_like(gate, 1 / gate.shape[-2]), gate),
    "swap": lambda gate, mask, value: torch.where(mask, gate.flip(-2), gate),
    "branch": lambda gate, mask, value: torch.where(mask, _only_branch(gate, value), gate),
}
NEEDS_VALUE = frozenset({"scale", "fill", "branch"})
LOGIT_OPS: dict[str, LogitOp] = {
    # the wrong axis: the channels of a branch compete, not the branches of a channel
    "channel_softmax": lambda gate, mask, s: torch.where(mask, torch.softmax(s, -1), gate),
}


def apply(edit: Edit, gate: Tensor, logits: Tensor | None = None) -> Tensor:
    """The gate ``(..., M, C)`` after one edit; the one given stays as it was.

    Args:
        logits: ``(..., M, C)`` before the gate function, for the operations of ``LOGIT_OPS``.

    Raises:
        ValueError: unknown operation, a channel that does not exist, or a value or logits that are missing.
    """
    if edit.op not in OPS and edit.op not in LOGIT_OPS:
        raise ValueError(f"unknown operation {edit.op!r}; there are {', '.join((*OPS, *LOGIT_OPS))}")
    if edit.op in NEEDS_VALUE and edit.value is None:
        raise ValueError(f"operation {edit.op!r} needs a value")
    channels = gate.shape[-1]
    wrong = [c for c in edit.channels if not 0 <= c < channels]
    if wrong:
        raise ValueError(f"{edit.block} has channels 0 to {channels - 1}; got {wrong[0]}")
    mask = torch.ones(channels, dtype=torch.bool, device=gate.device)
    if edit.channels:
        mask[:] = False
        mask[list(edit.channels)] = True
    if edit.op in OPS:
        return OPS[edit.op](gate, mask, edit.value or 0.0).to(gate.dtype)
    if logits is None:
        raise ValueError(f"operation {edit.op!r} needs the logits")
    return LOGIT_OPS[edit.op](gate, mask, logits).to(gate.dtype)
