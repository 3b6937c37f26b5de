"""BN-Inception as the authors of SENet released it: one table. Neither torchvision nor timm has it.

Ioffe and Szegedy, "Batch Normalization: Accelerating Deep Network Training by Reducing Internal Covariate Shift",
ICML 2015; the numbers are those of the released ``SE-BN-Inception.prototxt`` without its gates: 11,285,224
parameters. Convolutions have no bias, norms have scale and shift, pooling rounds up as in Caffe.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Branches(NamedTuple):
    """Channels of the four branches of one module. 0 leaves a branch out; a ``project`` of 0 keeps the pooled map."""

    one: int  # 1x1
    reduce: int  # 1x1, and then
    three: int  # 3x3
    reduce2: int  # 1x1, and then
    double: int  # 3x3 and 3x3 of as many channels
    pool: str  # "avg" or "max", 3x3, and then
    project: int  # 1x1
    stride: int = 1


MODULES: dict[str, Branches] = {
    "3a": Branches(64, 64, 64, 64, 96, "avg", 32),
    "3b": Branches(64, 64, 96, 64, 96, "avg", 64),
    "3c": Branches(0, 128, 160, 64, 96, "max", 0, stride=2),
    "4a": Branches(224, 64, 96, 96, 128, "avg", 128),
    "4b": Branches(192, 96, 128, 96, 128, "avg", 128),
    "4c": Branches(160, 128, 160, 128, 160, "avg", 128),
    "4d": Branches(96, 128, 192, 160, 192, "avg", 128),
    "4e": Branches(0, 128, 192, 192, 256, "max", 0, stride=2),
    "5a": Branches(352, 192, 320, 160, 224, "avg", 128),
    "5b": Branches(352, 192, 320, 192, 224, "max", 128),
}


def _conv(c_in: int, c_out: int, kernel: int, stride: int = 1) -> nn.Sequential:
    conv = nn.Conv2d(c_in, c_out, kernel, stride, padding=kernel // 2, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(c_out), nn.ReLU())


class HalvingPool(nn.Module):
    """3x3 maxima, stride 2, as Caffe counts them; a map of odd side gets a border, so that it fits beside the 3x3s.

    Maps are even where the side of the picture is a multiple of 32, and this is then the released network's pooling.
    """

    def forward(self, x: Tensor) -> Tensor:
        h, w = x.shape[-2:]
        x = F.pad(x, (0, w % 2, 0, h % 2), value=-torch.inf)
        return F.max_pool2d(x, 3, 2, ceil_mode=True)  # (B, C, ceil(H / 2), ceil(W / 2))


class InceptionModule(nn.Module):
    """Branches side by side, concatenated: ``(B, C_in, H, W) -> (B, out_channels, H / stride, W / stride)``."""

    def __init__(self, c_in: int, row: Branches) -> None:
        super().__init__()
        kept = row.project or c_in
        self.out_channels = row.one + row.three + row.double + kept
        branches = [_conv(c_in, row.one, 1)] if row.one else []
        branches += [
            nn.Sequential(_conv(c_in, row.reduce, 1), _conv(row.reduce, row.three, 3, row.stride)),
            nn.Sequential(
                _conv(c_in, row.reduce2, 1),
                _conv(row.reduce2, row.double, 3),
                _conv(row.double, row.double, 3, row.stride),
            ),
        ]
        if row.stride == 2:
            pool: nn.Module = HalvingPool()
        else:
            pool = nn.AvgPool2d(3, 1, padding=1) if row.pool == "avg" else nn.MaxPool2d(3, 1, padding=1)
        branches.append(nn.Sequential(pool, _conv(c_in, row.project, 1)) if row.project else nn.Sequential(pool))
        self.branches = nn.ModuleList(branches)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([branch(x) for branch in self.branches], 1)  # (B, out_channels, H', W')


class BNInception(nn.Module):
    """Stem and ten modules, ``inception_3a`` to ``inception_5b``: ``(B, 3, H, W) -> (B, classes)``."""

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            _conv(3, 64, 7, 2),
            nn.MaxPool2d(3, 2, ceil_mode=True),
            _conv(64, 64, 1),
            _conv(64, 192, 3),
            nn.MaxPool2d(3, 2, ceil_mode=True),
        )
        channels = 192
        for name, row in MODULES.items():
            module = InceptionModule(channels, row)
            channels = module.out_channels
            self.add_module(f"inception_{name}", module)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(channels, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)  # (B, 192, H/8, W/8)
        for name in MODULES:
            x = self.get_submodule(f"inception_{name}")(x)  # 3c and 4e halve the map
        return self.fc(self.pool(x).flatten(1))  # (B, classes)
