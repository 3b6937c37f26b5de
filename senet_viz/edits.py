"""Changes to a gate, each a pure function. SE is a selection among one branch, SK among M: one signature serves both.

An operation takes a gate ``(..., M, C)``, a mask ``(C,)`` of the channels meant and a value, and returns a new gate.
Those of ``LOGIT_OPS`` are another gate function: they take the logits ``(..., M, C)`` in the place of the value.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable

import torch
from torch import Tensor

from senet_viz.errors import EditRefused
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


def _top(gate: Tensor, mask: Tensor, value: float) -> Tensor:
    """Of the channels meant, only the ``value`` most open of each branch stay open."""
    ranked = gate.masked_fill(~mask, -math.inf).argsort(dim=-1, descending=True, stable=True)
    kept = torch.zeros_like(gate, dtype=torch.bool).scatter(-1, ranked[..., : max(int(value), 0)], True)
    return torch.where(mask & ~kept, 0.0, gate)


def _shuffled(gate: Tensor, mask: Tensor, value: float) -> Tensor:
    """The channels meant exchange their gates: one permutation for every branch, so that shares stay shares."""
    order, meant = torch.arange(len(mask)), mask.nonzero()[:, 0].cpu()
    random = torch.Generator().manual_seed(int(value))
    order[meant] = meant[torch.randperm(len(meant), generator=random)]
    return gate[..., order.to(gate.device)]


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
    "clamp": lambda gate, mask, value: torch.where(mask, gate.clamp(max=value), gate),
    "threshold": lambda gate, mask, value: torch.where(mask & (gate < value), 0.0, gate),
    "top": _top,
    "shuffle": _shuffled,
}
NEEDS_VALUE = frozenset({"scale", "fill", "branch", "clamp", "threshold", "top"})
MAY_HAVE_VALUE = NEEDS_VALUE | {"shuffle"}  # its seed, 0 where there is none
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


# --- as text: block:operation[:channels][=value] --------------------------------------------------------------------

_WRITTEN = re.compile(r"([\w.]+):([a-z_]+)(?::(\d{1,6}(?:,\d{1,6})*))?(?:=([-+.\de]+))?", re.ASCII)
LONGEST = 20_000  # characters: every channel of a block of 4096 by name


def parse(text: str) -> Edit:
    """An edit from text such as ``layer3.1.se:mute:17,42``, ``layer3.1.se:scale:3=0.5`` or ``layer3.1.se:ones``.

    Raises:
        EditRefused: another form, an unknown operation, a value that is missing, not finite, or not wanted. Whether
            the block has these channels is seen when the edit is applied.
    """
    match = _WRITTEN.fullmatch(text.strip()) if len(text) <= LONGEST else None
    if match is None:
        raise EditRefused(text[:80], "not of the form block:operation:channels=value")
    block, op, channels, number = match.groups()
    if op not in OPS and op not in LOGIT_OPS:
        raise EditRefused(text[:80], f"no operation {op}; there are {', '.join((*OPS, *LOGIT_OPS))}")
    try:
        value = None if number is None else float(number)
    except ValueError:
        value = math.nan
    if value is not None and not math.isfinite(value):
        raise EditRefused(text[:80], f"{number} is not a number")
    if (value is None and op in NEEDS_VALUE) or (value is not None and op not in MAY_HAVE_VALUE):
        raise EditRefused(text[:80], f"{op} {'needs a' if op in NEEDS_VALUE else 'has no'} value")
    return Edit(block, op, tuple(int(c) for c in channels.split(",")) if channels else (), value)


def written(edit: Edit) -> str:
    """The text that ``parse`` reads as this edit."""
    channels = ":" + ",".join(map(str, edit.channels)) if edit.channels else ""
    value = "" if edit.value is None else f"={edit.value!r}".removesuffix(".0")
    return f"{edit.block}:{edit.op}{channels}{value}"
