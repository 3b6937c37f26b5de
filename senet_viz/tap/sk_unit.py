"""Inside a Selective Kernel unit: every step of split, fuse and select with its numbers and weights (SKNet, sec. 3.1).

Letters as in the whole app: z is the squeeze (the paper's s), h the compact vector (the paper's z), and A, B, ... are
the last layer's rows, a matrix a branch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import gcd
from typing import TYPE_CHECKING

import numpy as np

from senet_viz.errors import NoGateFound
from senet_viz.later import later
from senet_viz.stats import softmax
from senet_viz.tap import layouts
from senet_viz.tap.layouts import Place
from senet_viz.tap.replay import Replay
from senet_viz.types import BlockTrace

if TYPE_CHECKING:
    import torch
    from torch import nn

    from senet_viz.networks import blocks
else:
    torch, nn, blocks = later("torch"), later("torch.nn"), later("senet_viz.networks.blocks")

RULES = ((16, 32), (8, 16))  # r and L of the paper and of timm's skresnets
MIXES: dict[str, tuple[str, float | None]] = {
    "own": ("keep", None),
    "swap": ("swap", None),
    "equal": ("equal", None),
    "first": ("branch", 0.0),
    "second": ("branch", 1.0),
}


@dataclass(frozen=True, eq=False)
class BranchKernel:
    """A kernel holds the weights of one branch's convolution."""

    weight: np.ndarray  # (C, C'/G, k, k)
    dilation: int
    groups: int

    def spread(self, channel: int) -> np.ndarray:
        """Return (n, n): how output ``channel`` weighs the input channel that matters most to it; NaN between taps."""
        filters = self.weight[channel]
        strongest = filters[np.abs(filters).sum(axis=(1, 2)).argmax()]
        side = (len(strongest) - 1) * self.dilation + 1
        grid = np.full((side, side), np.nan, dtype=np.float32)
        grid[:: self.dilation, :: self.dilation] = strongest
        return grid


@dataclass(frozen=True, eq=False)
class Unit:
    """A unit holds every step of one SK unit on one picture."""

    x_shape: tuple[int, ...]  # (C', H', W') of what the branches were made of
    kernels: tuple[BranchKernel, ...]  # M
    u: np.ndarray  # (M, C, H, W)   split
    z: np.ndarray  # (C,)   fuse: the mean over H and W of the branches' sum
    h: np.ndarray  # (d,)   ReLU(BN(W z))
    w2: np.ndarray  # (M, C, d)   A, B, ...
    logits: np.ndarray  # (M, C)   A h, B h, ...
    gate: np.ndarray  # (M, C)   select: softmax over M
    rule: tuple[int, int] | None  # (r, L) with d = max(C/r, L), where they are known
    gap: float  # max |these steps - what the unit itself gives|, relative where that exceeds 1

    @property
    def fused(self) -> np.ndarray:
        """Return the sum of the branches, (C, H, W)."""
        return self.u.sum(axis=0)

    def parts(self, channel: int) -> np.ndarray:
        """Return what every entry of h adds to the logits of one channel, (M, d)."""
        return self.w2[:, channel] * self.h


def own(module: nn.Module, block: BlockTrace, again: Replay) -> Unit:
    """Return the unit that was traced, with the weights of its network.

    Raises:
        NoGateFound: the block is no SK unit, or was traced without its u.
    """
    place = layouts.place(module, block.name)
    if block.kind != "sk" or block.u is None or block.x is None or block.hidden is None:
        raise NoGateFound(f"no SK unit with its u: {block.name}", name=block.name)
    assert block.logit is not None and block.z is not None and again.w2 is not None  # every SK unit has them
    m, c = block.branches, block.channels
    return Unit(
        tuple(block.x.shape), _kernels(place.module), block.u.numpy(), block.z.numpy(), block.hidden.numpy(),
        again.w2.reshape(m, c, -1), block.logit.numpy(), block.gate.numpy(), rule(module), again.worst,
    )  # fmt: skip


def _kernels(module: nn.Module) -> tuple[BranchKernel, ...]:
    branches = next(part for part in module.children() if isinstance(part, nn.ModuleList))
    convs = [next(part for part in branch.modules() if isinstance(part, nn.Conv2d)) for branch in branches]
    return tuple(BranchKernel(c.weight.detach().float().cpu().numpy(), c.dilation[0], c.groups) for c in convs)


def rule(module: nn.Module) -> tuple[int, int] | None:
    """Return r and L of ``d = max(C // r, L)``: the first of ``RULES`` that fits every SK unit of a network, if any."""
    widths = [_widths(place) for place in layouts.places(module) if place.layout.kind == "sk"]
    fitting = (each for each in RULES if all(d == max(c // each[0], each[1]) for c, d in widths))
    return next(fitting, None) if widths else None


def _widths(place: Place) -> tuple[int, int]:
    """Return C and d."""
    weight = place.w1.weight if place.w1 is not None else None
    assert isinstance(weight, torch.Tensor)  # a 1x1 convolution
    return weight.shape[1], weight.shape[0]


def untrained(module: nn.Module, block: BlockTrace, branches: int, seed: int = 0) -> Unit:
    """Return a fresh SK unit with random weights on exactly what went into the traced one.

    Its channels are those of its input; groups, stride, r and L are the traced unit's.

    Raises:
        NoGateFound: see ``own``.
    """
    place = layouts.place(module, block.name)
    if block.kind != "sk" or block.x is None:
        raise NoGateFound(f"no SK unit with its x: {block.name}", name=block.name)
    channels, (r, floor) = len(block.x), rule(module) or RULES[0]
    groups = gcd(channels, _kernels(place.module)[0].groups)
    with torch.device("meta"):  # else its construction would draw from the random numbers of other threads
        stride = next(part for part in place.module.modules() if isinstance(part, nn.Conv2d)).stride[0]
        fresh = blocks.SKConv(channels, branches, groups, r, floor, stride)
    fresh = _seeded(fresh.to_empty(device="cpu"), seed).eval()
    with torch.inference_mode():
        x = block.x[None]
        u = torch.stack([branch(x) for branch in fresh.branches], dim=1)  # (1, M, C, H, W)
        z = fresh.pool(u.sum(1))  # (1, C, 1, 1)
        h = fresh.act(fresh.bn(fresh.fc1(z)))  # (1, d, 1, 1)
        logits = fresh.fc2(h).unflatten(1, (branches, -1))  # (1, M, C, 1, 1)
        gate = fresh.gate(logits)  # (1, M, C, 1, 1)
        out = fresh(x)
        gap = float(((gate * u).sum(1) - out).abs().max() / max(1.0, float(out.abs().max())))
    w2 = fresh.fc2.weight.detach().reshape(branches, channels, -1).numpy()
    return Unit(
        tuple(block.x.shape), _kernels(fresh), u[0].numpy(), z.flatten().numpy(), h.flatten().numpy(), w2,
        logits.reshape(branches, -1).numpy(), gate.reshape(branches, -1).numpy(), (r, floor), gap,
    )  # fmt: skip


def _seeded(unit: blocks.SKConv, seed: int) -> blocks.SKConv:
    """Initialise a unit as torch does, from a generator of our own."""
    generator = torch.Generator().manual_seed(seed)
    for part in unit.modules():
        if isinstance(part, nn.Conv2d):
            nn.init.kaiming_uniform_(part.weight, a=5**0.5, generator=generator)
        elif isinstance(part, nn.BatchNorm2d):
            part.reset_parameters()
    return unit


def mixed(gate: np.ndarray, how: str) -> np.ndarray:
    """Return the weights (M, C) after one of ``MIXES``: what the edits of that name do, on numpy."""
    op, value = MIXES[how]
    if op == "swap":
        return gate[::-1]
    if op == "equal":
        return np.full_like(gate, 1 / len(gate))
    if op == "branch":
        return np.eye(len(gate), dtype=gate.dtype)[int(value or 0)][:, None].repeat(gate.shape[1], axis=1)
    return gate


def wrong_axis(logits: np.ndarray) -> np.ndarray:
    """Return the softmax (M, C) over the channels of each branch, as the edit ``channel_softmax`` has it."""
    return softmax(logits.T).T


def size_left(unit: Unit, gate: np.ndarray) -> float:
    """Return the norm of V with this gate (M, C) over its norm with the unit's own."""
    right, other = (np.einsum("mc,mchw->chw", each, unit.u, dtype=np.float64) for each in (unit.gate, gate))
    return float(np.linalg.norm(other)) / max(float(np.linalg.norm(right)), 1e-12)


def likeliest(logits: Sequence[np.ndarray], count: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Return the classes that any of these (K,) scores puts among the ``count`` first, and the shares (n, classes)."""
    shares = np.stack([softmax(each.astype(np.float64)) for each in logits])
    first = np.argsort(-shares, axis=1, kind="stable")[:, :count]
    classes = np.array(list(dict.fromkeys(first.ravel().tolist())))
    return classes, shares[:, classes]
