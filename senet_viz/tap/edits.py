"""Changes to a block, each a pure function. SE is a selection among one branch, SK among M: one signature serves both.

An operation of ``OPS`` takes a gate ``(..., M, C)``, a mask ``(C,)`` of the channels meant and a value, and returns a
new gate. Those of ``LOGIT_OPS`` are another gate function: they take the logits ``(..., M, C)`` in the place of the
value. Those of ``GIVEN_OPS`` put gates there that come from elsewhere, and the two others change what comes before:
``SQUEEZE_OPS`` make z of U, ``HIDDEN_OPS`` change the bottleneck. What comes first in the block is changed first.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from senet_viz.errors import EditRefused
from senet_viz.later import later
from senet_viz.types import Edit

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    Op = Callable[[Tensor, Tensor, float], Tensor]
    LogitOp = Callable[[Tensor, Tensor, Tensor], Tensor]
else:
    torch, nn = later("torch"), later("torch.nn")


def _only_branch(gate: Tensor, value: float) -> Tensor:
    m = int(value)
    if not 0 <= m < gate.shape[-2]:
        raise ValueError(f"branch {m} does not exist; there are {gate.shape[-2]}")
    forced = torch.zeros_like(gate)
    forced[..., m, :] = 1
    return forced


def _top(gate: Tensor, mask: Tensor, value: float) -> Tensor:
    """Keep open, of the channels meant, only the ``value`` most open of each branch."""
    ranked = gate.masked_fill(~mask, -math.inf).argsort(dim=-1, descending=True, stable=True)
    kept = torch.zeros_like(gate, dtype=torch.bool).scatter(-1, ranked[..., : max(int(value), 0)], True)
    return torch.where(mask & ~kept, 0.0, gate)


def _shuffled(gate: Tensor, mask: Tensor, value: float) -> Tensor:
    """Exchange the gates of the channels meant by one permutation for every branch, so that shares stay shares."""
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
LARGEST = 1000.0  # a gate is at most 1: what is far beyond that only makes numbers that float32 cannot hold
WHOLE = {"branch": (0, 999), "top": (0, 999_999), "shuffle": (1 - 2**32, 2**32 - 1)}  # values that count, and how far
LOGIT_OPS: dict[str, LogitOp] = {
    "sigmoid": lambda gate, mask, logit: torch.where(mask, torch.sigmoid(logit), gate),
    "h_sigmoid": lambda gate, mask, logit: torch.where(mask, nn.functional.hardsigmoid(logit), gate),
    # where print() shows the ReLU, after the second layer: no gate could be below 0.5
    "late_relu": lambda gate, mask, logit: torch.where(mask, torch.sigmoid(logit.relu()), gate),
    # the wrong axis: the channels of a branch compete, not the branches of a channel
    "channel_softmax": lambda gate, mask, logit: torch.where(mask, torch.softmax(logit, -1), gate),
}
SQUEEZE_OPS: dict[str, Callable[[Tensor], Tensor]] = {
    "max_squeeze": lambda fused: fused.amax((-2, -1)),  # (..., C, H, W) to z (..., C)
}
HIDDEN_OPS: dict[str, Callable[[Tensor], Tensor]] = {
    "dead": lambda hidden: hidden * 0,  # no hidden unit fires: what is left is the second layer's bias
}
# constant gates: the mean over validation pictures; the gates that another photo had
GIVEN_OPS = ("mean", "photo")
STAGES = (tuple(SQUEEZE_OPS), tuple(HIDDEN_OPS), tuple(LOGIT_OPS), (*OPS, *GIVEN_OPS))  # in the order of the block
NAMES = tuple(op for stage in STAGES for op in stage)


def stage(edit: Edit) -> int:
    """Return where in the block this edit changes something: 0 squeeze, 1 hidden, 2 gate function, 3 gate.

    Raises:
        ValueError: unknown operation.
    """
    for number, names in enumerate(STAGES):
        if edit.op in names:
            return number
    raise ValueError(f"unknown operation {edit.op!r}; there are {', '.join(NAMES)}")


def checked(edit: Edit) -> Edit:
    """Return the edit itself where its value is one that its operation can take.

    Raises:
        EditRefused: no value where one is needed, or one that is not finite, out of range, or no whole number where
            channels, branches or seeds are counted.
    """
    value, op = edit.value, edit.op
    if value is None:
        if op in NEEDS_VALUE:
            raise EditRefused(written(edit)[:80], f"operation {op!r} needs a value")
        return edit
    if op in WHOLE:
        low, high = WHOLE[op]
        if not (low <= value <= high and value == int(value)):
            raise EditRefused(written(edit)[:80], f"{op} takes a whole number from {low} to {high}; got {value!r}")
    elif op in NEEDS_VALUE and not abs(value) <= LARGEST:
        raise EditRefused(written(edit)[:80], f"{op} takes a number from -{LARGEST:g} to {LARGEST:g}; got {value!r}")
    return edit


def apply(edit: Edit, gate: Tensor, logits: Tensor | None = None) -> Tensor:
    """Return the gate ``(..., M, C)`` after one edit; the one given stays as it was.

    An edit that changes z or the hidden layer has done so already: it leaves the gate that came of it.

    Args:
        logits: ``(..., M, C)`` before the gate function, for the operations of ``LOGIT_OPS``.

    Raises:
        EditRefused: a value that is missing, or that the operation cannot take: see ``checked``.
        ValueError: unknown operation, a channel that does not exist, or gates or logits that are missing.
    """
    if stage(edit) < 2:
        return gate
    checked(edit)
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
    if edit.op in GIVEN_OPS:
        given = torch.tensor(edit.gates, dtype=gate.dtype, device=gate.device)
        if given.shape != gate.shape[-2:]:
            raise ValueError(f"{edit.block} has gates {tuple(gate.shape[-2:])}; {edit.op} brings {tuple(given.shape)}")
        return torch.where(mask, given, gate)
    if logits is None:
        raise ValueError(f"operation {edit.op!r} needs the logits")
    return LOGIT_OPS[edit.op](gate, mask, logits).to(gate.dtype)


# --- as text: block:operation[:channels][=value][@source] -------------------------------------------------------------

_WRITTEN = re.compile(
    r"([A-Za-z_][\w.]*):([a-z_]+)(?::(\d{1,6}(?:,\d{1,6})*))?(?:=([-+.\de]+))?(?:@([^;@\n]{1,300}))?", re.ASCII
)
LONGEST = 20_000  # characters: every channel of a block of 4096 by name


def parse(text: str) -> Edit:
    """Return the edit that a text stands for: ``layer3.1.se:mute:17,42``, ``…:scale:3=0.5``, ``…:photo@coffee``.

    ``channel_ranking.filled`` fills in the gates of ``mean`` and ``photo``.

    Raises:
        EditRefused: another form, an unknown operation, a value or a source that is missing or not wanted, or a value
            that the operation cannot take: see ``checked``.
            Whether the block has these channels is seen when the edit is applied.
    """
    match = _WRITTEN.fullmatch(text.strip()) if len(text) <= LONGEST else None
    if match is None:
        raise EditRefused(text[:80], "not of the form block:operation:channels=value")
    block, op, channels, number, source = match.groups()
    if op not in NAMES:
        raise EditRefused(text[:80], f"no operation {op}; there are {', '.join(NAMES)}")
    try:
        value = None if number is None else float(number)
    except ValueError:
        value = math.nan
    if value is not None and op not in MAY_HAVE_VALUE:
        raise EditRefused(text[:80], f"{op} has no value")
    if (source is not None) != (op == "photo"):
        raise EditRefused(text[:80], f"{op} {'has no' if source else 'needs a'} photo")
    if channels and op in (*SQUEEZE_OPS, *HIDDEN_OPS):
        raise EditRefused(text[:80], f"{op} is for all channels")
    return checked(Edit(block, op, tuple(map(int, channels.split(","))) if channels else (), value, source or ""))


def written(edit: Edit) -> str:
    """Return the text that ``parse`` reads as this edit."""
    channels = ":" + ",".join(map(str, edit.channels)) if edit.channels else ""
    value = "" if edit.value is None else f"={edit.value!r}".removesuffix(".0")
    source = f"@{edit.source}" if edit.source else ""
    return f"{edit.block}:{edit.op}{channels}{value}{source}"
