"""How much gradient a deep stack of gated residual units lets through, measured: one backward for every stack.

The stack is made of the parts of SE-ResNet itself: torchvision's ``Bottleneck``, ``blocks.SEBlock`` (r = 16) and
``networks.gated.GatedBottleneck``, as many units as the network has, all of one narrow width, so that fifty of them
take a twentieth of a second. Weights are those of torchvision's ResNet before training; batch normalisation is in
training mode, as in the first step of a training, unless it is to be left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor, nn

    from senet_viz.networks.gated import GatedUnit

STARTS = ("on", "frozen", "silent")
DEPTHS = {16: "SE-ResNet-50", 33: "SE-ResNet-101", 50: "SE-ResNet-152"}  # residual units of the paper's networks
SEEDS = (0, 1, 2)
OPEN = 4.0  # added to the gates' logits: sigmoid(4) = 0.982
_WIDTH, _SIDE, _BATCH, _CLASSES = 64, 8, 8, 10


@dataclass(frozen=True, eq=False)
class Flow:
    """A flow holds gradients in one kind of stack: ``norms[s, l]`` with seed s, of the loss towards what enters unit l.

    The last column is what leaves the last unit, where the gradient comes from.
    """

    integration: str
    norms: np.ndarray  # (seeds, units + 1)
    gate: float  # mean of all gates

    @property
    def units(self) -> int:
        """Return how many units the stack has."""
        return self.norms.shape[1] - 1

    @property
    def log10(self) -> np.ndarray:
        """Return log10 of every norm over that of the stack's end, (seeds, units + 1); NaN where nothing arrived."""
        with np.errstate(divide="ignore"):
            found = np.log10(self.norms / self.norms[:, -1:])
        return np.where(np.isfinite(found), found, np.nan)

    @property
    def arrives(self) -> float:
        """Return the gradient that reaches the first unit over that which left the last: the median over the seeds."""
        return float(np.median(self.norms[:, 0] / self.norms[:, -1]))


def measure(
    integration: str, units: int = 16, start: str = "on", opened: bool = False, seeds: Sequence[int] = SEEDS
) -> Flow:
    """Measure one integration alone: see ``compared``."""
    return joined([compared((integration,), units, start, opened, seed) for seed in seeds])[0]


def joined(found: Sequence[Sequence[Flow]]) -> list[Flow]:
    """Join what several seeds gave for the same stacks, one entry a seed, to one flow a stack."""
    return [
        Flow(each[0].integration, np.concatenate([f.norms for f in each]), float(np.mean([f.gate for f in each])))
        for each in zip(*found, strict=True)
    ]


def compared(
    integrations: Sequence[str], units: int = 16, start: str = "on", opened: bool = False, seed: int = 0
) -> list[Flow]:
    """Build the units, and for every integration send one batch of noise forth and its loss's gradient back.

    With one seed all integrations have the same units, the same input and the same targets. The global random
    numbers are left as they were.

    Args:
        integrations: see ``networks.gated.GatedUnit``.
        units: how deep.
        start: ``"on"``: all branches speak, as torchvision builds them; ``"frozen"``: the same, but batch norm uses its
            initial statistics (mean 0, variance 1), so that it rescales nothing; ``"silent"``: the scale of each
            branch's last norm begins at 0 (``zero_init_residual``), so that the shortcuts alone carry anything.
        opened: gates near 1 instead of near 0.5.

    Raises:
        ValueError: an integration or a start that there is not.
    """
    import torch

    from senet_viz.networks.gated import INTEGRATIONS, GatedBottleneck
    from senet_viz.networks.random import seeded

    if not set(integrations) <= set(INTEGRATIONS) or start not in STARTS:
        raise ValueError(f"no such stack: {', '.join(integrations)}, {start}")
    with seeded(seed):
        bare = _bare(units, start)
        drawn = torch.random.get_rng_state()  # every integration's gates begin here
        widths = {each: GatedBottleneck.channels(bare[0], each) for each in integrations}
        stacks = {}
        for width in dict.fromkeys(widths.values()):
            torch.random.set_rng_state(drawn)
            stacks[width] = _stack(bare, width, opened, start)
    with seeded(seed):  # whatever the gates have drawn
        head = torch.nn.Linear(_WIDTH, _CLASSES)
        x = torch.randn(_BATCH, _WIDTH, _SIDE, _SIDE).relu()
        target = torch.randint(_CLASSES, (_BATCH,))
    found = []
    for each in integrations:
        stack = stacks[widths[each]]
        for unit in stack:
            unit.integration = each
        norms, gate = _backward(stack, head, x, target)
        found.append(Flow(each, np.array([norms]), gate))
    return found


def _backward(stack: Sequence[GatedUnit], head: nn.Module, x: Tensor, target: Tensor) -> tuple[list[float], float]:
    """Return the norms of the gradients towards what enters each unit and what leaves the last, and the mean gate."""
    import torch
    import torch.nn.functional as F

    with torch.enable_grad():
        maps, gates = [x.detach().requires_grad_()], []
        for unit in stack:
            part = unit.get_submodule("se.gate")
            watch = part.register_forward_hook(lambda part, args, out: gates.append(float(out.detach().mean())))
            maps.append(unit(maps[-1]))
            watch.remove()
        loss = F.cross_entropy(head(maps[-1].mean((2, 3))), target)
        return [float(grad.norm()) for grad in torch.autograd.grad(loss, maps)], float(np.mean(gates))


def _bare(units: int, start: str) -> list[nn.Module]:
    """Build units without gates, initialised as torchvision's ResNet does; nothing in them learns or remembers."""
    from torch import nn
    from torchvision.models.resnet import Bottleneck

    bare: list[nn.Module] = [Bottleneck(_WIDTH, _WIDTH // Bottleneck.expansion) for _ in range(units)]
    for unit in bare:
        for part in unit.modules():
            if isinstance(part, nn.Conv2d):
                nn.init.kaiming_normal_(part.weight, mode="fan_out", nonlinearity="relu")
            elif isinstance(part, nn.BatchNorm2d):
                part.momentum = 0.0  # the next stack of these units begins with the initial statistics too
        if start == "silent":
            nn.init.zeros_(unit.get_submodule("bn3").weight)  # type: ignore[arg-type]
        unit.requires_grad_(False)  # gradients are asked of the maps
    return bare


def _stack(bare: Sequence[nn.Module], width: int, opened: bool, start: str) -> list[GatedUnit]:
    """Put a gate of ``width`` channels into every unit; all gates are drawn before."""
    from senet_viz.networks.blocks import SEBlock
    from senet_viz.networks.gated import GatedBottleneck

    gates = [SEBlock(width, 16, bias=True).requires_grad_(False) for _ in bare]
    stack: list[GatedUnit] = []
    for unit, gate in zip(bare, gates, strict=True):
        if opened:
            gate.fc2.bias.add_(OPEN)  # type: ignore[operator]
        gated = GatedBottleneck(unit, gate).train()
        for name in ("bn1", "bn2", "bn3"):
            gated.get_submodule(name).train(start != "frozen")
        stack.append(gated)
    return stack


class Passage(StrEnum):
    """A passage says how much gradient SE-POST lets through, beside the standard unit."""

    VANISHES = "vanishes"  # less than a tenth of it
    SAME = "same"
    EXPLODES = "explodes"  # more than ten times of it
    UNCLEAR = "unclear"  # one seed says otherwise than another


def verdict(flows: Sequence[Flow]) -> Passage:
    """Return what every seed says about SE-POST beside the standard unit, both among ``flows``."""
    by = {flow.integration: flow.norms[:, 0] / flow.norms[:, -1] for flow in flows}
    share = by["post"] / by["standard"]
    said = {Passage.VANISHES if s < 0.1 else Passage.EXPLODES if s > 10 else Passage.SAME for s in share}
    return said.pop() if len(said) == 1 else Passage.UNCLEAR
