"""How much gradient a deep stack of gated residual units lets through, measured: one backward for every stack.

The stack is made of the parts of SE-ResNet itself: torchvision's ``Bottleneck``, ``blocks.SEBlock`` (r = 16) and
``networks.gated.GatedBottleneck``, as many units as the network has, all of one narrow width, so that fifty of them
take a twentieth of a second. Weights are those of torchvision's ResNet before training; batch normalisation is in
training mode, as in the first step of a training, unless it is to be left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from senet_viz.networks.gated import GatedUnit

STARTS = ("on", "frozen", "silent")
DEPTHS = {16: "SE-ResNet-50", 33: "SE-ResNet-101", 50: "SE-ResNet-152"}  # residual units of the paper's networks
OPEN = 4.0  # added to the gates' logits: sigmoid(4) = 0.982
_WIDTH, _SIDE, _BATCH, _CLASSES = 64, 8, 8, 10


@dataclass(frozen=True, eq=False)
class Flow:
    """Gradients in one kind of stack. ``norms[s, l]``: with seed s, that of the loss towards what enters unit l.

    The last column is what leaves the last unit, where the gradient comes from.
    """

    integration: str
    norms: np.ndarray  # (seeds, units + 1)
    gate: float  # mean of all gates

    @property
    def units(self) -> int:
        """How deep the stack is."""
        return self.norms.shape[1] - 1

    @property
    def log10(self) -> np.ndarray:
        """(seeds, units + 1): log10 of every norm over that of the stack's end; NaN where nothing arrived."""
        with np.errstate(divide="ignore"):
            found = np.log10(self.norms / self.norms[:, -1:])
        return np.where(np.isfinite(found), found, np.nan)

    @property
    def arrives(self) -> float:
        """What reaches the first unit over what left the last: the median over the seeds."""
        return float(np.median(self.norms[:, 0] / self.norms[:, -1]))


def measure(
    integration: str, units: int = 16, start: str = "on", opened: bool = False, seeds: Sequence[int] = (0, 1, 2)
) -> Flow:
    """Build the stack, send one batch of noise forth and the gradient of its loss back, for every seed.

    With one seed all integrations have the same units, the same input and the same targets. The global random
    numbers are left as they were.

    Args:
        integration: see ``networks.gated.GatedUnit``.
        units: how deep.
        start: ``"on"``: all branches speak, as torchvision builds them; ``"frozen"``: the same, but batch norm uses its
            initial statistics (mean 0, variance 1), so that it rescales nothing; ``"silent"``: the scale of each
            branch's last norm begins at 0 (``zero_init_residual``), so that the shortcuts alone carry anything.
        opened: gates near 1 instead of near 0.5.

    Raises:
        ValueError: an integration or a start that there is not.
    """
    from senet_viz.networks.gated import INTEGRATIONS

    if integration not in INTEGRATIONS or start not in STARTS:
        raise ValueError(f"no such stack: {integration}, {start}")
    found = [_backward(integration, units, start, opened, seed) for seed in seeds]
    return Flow(integration, np.array([norms for norms, _ in found]), float(np.mean([gate for _, gate in found])))


def _backward(integration: str, units: int, start: str, opened: bool, seed: int) -> tuple[list[float], float]:
    import torch
    import torch.nn.functional as F

    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        torch.random.default_generator.manual_seed(seed)
        stack = _stack(integration, units, start, opened)
        torch.random.default_generator.manual_seed(seed)  # whatever the gates have drawn
        head = torch.nn.Linear(_WIDTH, _CLASSES)
        x = torch.randn(_BATCH, _WIDTH, _SIDE, _SIDE).relu().requires_grad_()
        target = torch.randint(_CLASSES, (_BATCH,))
        maps, gates = [x], []
        for unit in stack:
            unit.get_submodule("se.gate").register_forward_hook(
                lambda part, args, out: gates.append(float(out.detach().mean()))
            )
            maps.append(unit(maps[-1]))
        loss = F.cross_entropy(head(maps[-1].mean((2, 3))), target)
        return [float(grad.norm()) for grad in torch.autograd.grad(loss, maps)], float(np.mean(gates))


def _stack(integration: str, units: int, start: str, opened: bool) -> list[GatedUnit]:
    import torch
    from torch import nn
    from torchvision.models.resnet import Bottleneck

    from senet_viz.blocks import SEBlock
    from senet_viz.networks.gated import GatedBottleneck

    bare = [Bottleneck(_WIDTH, _WIDTH // Bottleneck.expansion) for _ in range(units)]
    for unit in bare:  # as torchvision's ResNet does
        for part in unit.modules():
            if isinstance(part, nn.Conv2d):
                nn.init.kaiming_normal_(part.weight, mode="fan_out", nonlinearity="relu")
        if start == "silent":
            nn.init.zeros_(unit.bn3.weight)
    stack: list[GatedUnit] = []
    for unit in bare:
        gate = SEBlock(GatedBottleneck.channels(unit, integration), 16, bias=True)
        if opened:
            with torch.no_grad():
                gate.fc2.bias.add_(OPEN)  # type: ignore[operator]
        unit_ = GatedBottleneck(unit, gate, integration).train()
        for part in unit_.modules():
            if isinstance(part, nn.BatchNorm2d):
                part.train(start != "frozen")
        stack.append(unit_)
    return stack


def verdict(flows: Sequence[Flow]) -> str:
    """Which sentence the numbers allow about SE-POST beside the standard unit, both among ``flows``.

    ``"vanishes"`` or ``"explodes"``: less than a tenth, or more than ten times, of what the standard unit lets
    through; ``"same"``: neither. One seed that says otherwise makes it ``"unclear"``.
    """
    by = {flow.integration: flow.norms[:, 0] / flow.norms[:, -1] for flow in flows}
    share = by["post"] / by["standard"]
    said = {"vanishes" if each < 0.1 else "explodes" if each > 10 else "same" for each in share}
    return said.pop() if len(said) == 1 else "unclear"
