"""SKNet-26, -50 and -101: a ResNeXt (32x4d) whose 3x3 convolutions are Selective Kernel convolutions.

Li et al., "Selective Kernel Networks", CVPR 2019, table 1. Timm's ``skresnext50_32x4d`` is the same network as
SKNet-50; ours has the papers' letters, and M, G, r and L as options.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from senet_viz.networks.blocks import SKConv

DEPTHS: dict[int, tuple[int, int, int, int]] = {26: (2, 2, 2, 2), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3)}
EXPANSION = 2  # output channels over the width of the SK convolution


class SKBlock(nn.Module):
    """1x1, SK convolution, 1x1, addition: ``(B, C_in, H, W) -> (B, 2 * width, H / stride, W / stride)``."""

    def __init__(
        self,
        c_in: int,
        width: int,
        stride: int = 1,
        branches: int = 2,
        groups: int = 32,
        reduction: int = 16,
        floor: int = 32,
    ) -> None:
        super().__init__()
        c_out = width * EXPANSION
        self.conv1 = nn.Sequential(nn.Conv2d(c_in, width, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU())
        self.conv2 = SKConv(width, branches, groups, reduction, floor, stride)
        self.conv3 = nn.Sequential(nn.Conv2d(width, c_out, 1, bias=False), nn.BatchNorm2d(c_out))
        same = stride == 1 and c_in == c_out
        project = (nn.Conv2d(c_in, c_out, 1, stride, bias=False), nn.BatchNorm2d(c_out))
        self.shortcut = nn.Identity() if same else nn.Sequential(*project)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv3(self.conv2(self.conv1(x)))  # (B, 2 * width, H', W')
        return torch.relu(y + self.shortcut(x))  # (B, 2 * width, H', W')


class SKNet(nn.Module):
    """``(B, 3, H, W) -> (B, classes)``; stages at 1/4, 1/8, 1/16 and 1/32 of the input.

    Args:
        layers: 26, 50 or 101.
        branches, groups, reduction, floor: M, G, r and L of every SK convolution.

    Raises:
        ValueError: another number of layers.
    """

    def __init__(
        self,
        layers: int = 50,
        classes: int = 1000,
        branches: int = 2,
        groups: int = 32,
        reduction: int = 16,
        floor: int = 32,
    ) -> None:
        super().__init__()
        if layers not in DEPTHS:
            raise ValueError(f"layers must be one of {', '.join(map(str, DEPTHS))}; got {layers}")
        self.stem = nn.Sequential(
            nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(3, 2, 1)
        )
        c_in = 64
        for stage, depth in enumerate(DEPTHS[layers], start=1):
            width, units = 64 * 2**stage, []
            for index in range(depth):
                stride = 2 if index == 0 and stage > 1 else 1
                units.append(SKBlock(c_in, width, stride, branches, groups, reduction, floor))
                c_in = width * EXPANSION
            setattr(self, f"layer{stage}", nn.Sequential(*units))
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(c_in, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)  # (B, 64, H/4, W/4)
        for stage in range(1, 5):
            x = getattr(self, f"layer{stage}")(x)  # (B, 128 * 2^stage, ...)
        return self.fc(self.pool(x).flatten(1))  # (B, classes)
