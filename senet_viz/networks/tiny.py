"""One small ResNeXt-style host for four blocks, so that plain, SE, h-sigmoid SE and SK can be compared fairly.

Widths, depth and everything outside the attention block are the same in all four. The gate of ``se`` and ``se_h``
sits at the end of the residual branch, before the addition (SENet, fig. 3); ``sk`` puts a Selective Kernel
convolution in the place of the grouped 3x3 (SKNet, table 1).
"""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from senet_viz.networks.blocks import SEBlock, SKConv
from senet_viz.networks.random import seeded

GATES: dict[str, Callable[[int], nn.Module]] = {  # block: what gates the C channels at the end of a branch
    "plain": nn.Identity,
    "se": partial(SEBlock, reduction=16),
    "se_h": partial(SEBlock, reduction=4, gate="h_sigmoid", form="conv_bn"),
    "sk": nn.Identity,  # it gates earlier
}
BLOCKS = tuple(GATES)


def _conv_bn(c_in: int, c_out: int, kernel: int, stride: int = 1, groups: int = 1) -> list[nn.Module]:
    return [
        nn.Conv2d(c_in, c_out, kernel, stride, padding=kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(c_out),
    ]


class Unit(nn.Module):
    """Residual unit: 1x1, grouped 3x3 (or SK), 1x1, gate (or none), addition. ``(B, C_in, H, W) -> (B, C, H', W')``."""

    def __init__(self, c_in: int, width: int, channels: int, stride: int, groups: int, block: str) -> None:
        super().__init__()
        self.conv1 = nn.Sequential(*_conv_bn(c_in, width, 1), nn.ReLU())
        if block == "sk":
            self.conv2: nn.Module = SKConv(width, groups=groups, stride=stride)
        else:
            self.conv2 = nn.Sequential(*_conv_bn(width, width, 3, stride, groups), nn.ReLU())
        self.conv3 = nn.Sequential(*_conv_bn(width, channels, 1))
        self.se = GATES[block](channels)
        same = stride == 1 and c_in == channels
        self.shortcut = nn.Identity() if same else nn.Sequential(*_conv_bn(c_in, channels, 1, stride))

    def forward(self, x: Tensor) -> Tensor:
        u = self.conv3(self.conv2(self.conv1(x)))  # (B, C, H', W')   the residual branch
        return torch.relu(self.se(u) + self.shortcut(x))  # (B, C, H', W')   gated, then added


class TinyNet(nn.Module):
    """Stem (stride 2) and four stages at 1/2, 1/4, 1/8 and 1/16 of the input. ``(B, 3, H, W) -> (B, classes)``.

    Raises:
        ValueError: ``block`` is not one of ``BLOCKS``.
    """

    def __init__(
        self,
        block: str = "se",
        classes: int = 50,
        widths: tuple[int, ...] = (64, 128, 256, 512),
        depths: tuple[int, ...] = (2, 2, 3, 3),
        stem: int = 32,
        ratio: int = 2,
        group_width: int = 16,
    ) -> None:
        super().__init__()
        if block not in BLOCKS:
            raise ValueError(f"block must be one of {', '.join(BLOCKS)}; got {block!r}")
        self.stem = nn.Sequential(*_conv_bn(3, stem, 3, stride=2), nn.ReLU())
        c_in = stem
        for stage, (channels, depth) in enumerate(zip(widths, depths, strict=True), start=1):
            units = []
            for index in range(depth):
                stride = 2 if index == 0 and stage > 1 else 1
                width = channels // ratio
                units.append(Unit(c_in, width, channels, stride, width // group_width, block))
                c_in = channels
            setattr(self, f"layer{stage}", nn.Sequential(*units))
        self.stages = len(widths)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(c_in, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)  # (B, stem, H/2, W/2)
        for stage in range(1, self.stages + 1):
            x = getattr(self, f"layer{stage}")(x)  # (B, widths[stage-1], H/2^stage, W/2^stage)
        return self.fc(self.pool(x).flatten(1))  # (B, classes)


def untrained(block: str, classes: int, seed: int, gate_start: float) -> TinyNet:
    """Return the network as a training of that seed starts: the same numbers every time.

    Args:
        gate_start: the second layer in front of a gate is this many times as large as PyTorch would have it.

    Raises:
        ValueError: ``block`` is not one of ``BLOCKS``.
    """
    with seeded(seed):
        model = TinyNet(block, classes)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if ".fc2." in name:
                parameter.mul_(gate_start)
    return model
