"""Two networks that are widely copied from Keras and TensorFlow repositories and are in no table of the paper.

``InceptionOnce``: Inception-v3 whose one gate sits on top of the whole network, on its last 2,048 maps; dropout of 0.3
and a sigmoid for every class. ``CifarResNeXt``: an SE-ResNeXt for pictures of 32 pixels, three stages of three units,
8 paths of 64 channels side by side, r = 4; where a stage begins, its shortcut is averaged and padded with zeros. Both
are hosts: ``variants`` puts the gates in.
"""

from collections import OrderedDict

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LAST = 2048  # channels of Inception-v3's last module
PATHS, DEPTH = 8, 64  # of a unit of ``CifarResNeXt``, and the channels of each
WIDTHS, UNITS, STEM = (64, 128, 256), 3, 64


class InceptionOnce(nn.Module):
    """Torchvision's Inception-v3 up to its last module, a place for one gate, a sigmoid head.

    ``(B, 3, H, W) -> (B, classes)``, each between 0 and 1: classes do not compete, and do not add up to 1.
    """

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        import torchvision

        net = torchvision.models.get_model("inception_v3", weights=None, aux_logits=False, init_weights=False)
        parts = OrderedDict(net.named_children())
        for name in ("avgpool", "dropout", "fc"):
            del parts[name]
        self.features = nn.Sequential(parts)
        self.se: nn.Module = nn.Identity()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(0.3)
        self.fc = nn.Linear(LAST, classes)
        self.head = nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        x = self.se(self.features(x))  # (B, 2048, H/32, W/32)
        return self.head(self.fc(self.dropout(self.pool(x).flatten(1))))  # (B, classes)


class PaddedShortcut(nn.Module):
    """Halve the map by means of 2x2, and put as many channels of zeros before and behind: twice as many in all."""

    def forward(self, x: Tensor) -> Tensor:
        half = x.shape[1] // 2
        x = F.avg_pool2d(x, 2, ceil_mode=True)  # (B, C, H/2, W/2)
        return F.pad(x, (0, 0, 0, 0, half, half))  # (B, 2C, H/2, W/2)


class CifarUnit(nn.Module):
    """Residual unit: 8 paths of 1x1 and 3x3, written as groups, 1x1, addition. Parts are called as torchvision's."""

    def __init__(self, c_in: int, channels: int) -> None:
        super().__init__()
        width, stride = PATHS * DEPTH, channels // c_in
        self.conv1 = nn.Conv2d(c_in, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, padding=1, groups=PATHS, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, channels, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU()
        self.downsample = PaddedShortcut() if stride == 2 else None

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        shortcut = x if self.downsample is None else self.downsample(x)
        return self.relu(self.bn3(self.conv3(y)) + shortcut)


class CifarResNeXt(nn.Module):
    """A 3x3 stem and three stages of three units, at 1, 1/2 and 1/4 of its size. ``(B, 3, H, W) -> (B, classes)``."""

    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, STEM, 3, padding=1, bias=False), nn.BatchNorm2d(STEM), nn.ReLU())
        c_in = STEM
        for stage, channels in enumerate(WIDTHS, start=1):
            units = [CifarUnit(c_in if i == 0 else channels, channels) for i in range(UNITS)]
            self.add_module(f"layer{stage}", nn.Sequential(*units))
            c_in = channels
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(c_in, classes, bias=False)
        for part in self.modules():
            if isinstance(part, nn.Conv2d):
                nn.init.kaiming_normal_(part.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)  # (B, 64, H, W)
        for stage in range(1, len(WIDTHS) + 1):
            x = self.get_submodule(f"layer{stage}")(x)  # (B, WIDTHS[stage - 1], H / 2^(stage - 1), W / 2^(stage - 1))
        return self.fc(torch.flatten(self.pool(x), 1))  # (B, classes)
