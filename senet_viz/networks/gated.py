"""Where a gate can sit in networks that other libraries keep: the sites of every host, and residual units with a gate.

Hu et al., "Squeeze-and-Excitation Networks", TPAMI 2020: fig. 2 (SE-Inception), fig. 3 (SE-ResNet), fig. 5 and
section 6.6 (the other places in a residual unit); section 3.2 for VGG (after the ReLU of every convolution).
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from senet_viz.networks.registry import INTEGRATIONS as INTEGRATIONS
from senet_viz.networks.registry import PLACES

MIXED = {  # output channels of the modules of Inception-v3; the digit is their stage, counted from 5
    "Mixed_5b": 256, "Mixed_5c": 288, "Mixed_5d": 288,
    "Mixed_6a": 768, "Mixed_6b": 768, "Mixed_6c": 768, "Mixed_6d": 768, "Mixed_6e": 768,
    "Mixed_7a": 1280, "Mixed_7b": 2048, "Mixed_7c": 2048,
}  # fmt: skip


class GatedUnit(nn.Module):
    """A gated unit is a residual unit of another library with one gate in it; its parts keep their names and weights.

    ``x -> relu(branch(x) + shortcut(x))``, and ``se`` gates, by ``integration`` (TPAMI, fig. 5 and table 15):
    ``"standard"`` the branch's result, before the addition; ``"pre"`` what enters the branch; ``"post"`` the sum,
    after its ReLU; ``"identity"`` the shortcut, after its projection where it has one; ``"3x3"`` the inner map, after
    the 3x3 convolution with its norm and ReLU.
    """

    def __init__(self, unit: nn.Module, gate: nn.Module, integration: str = "standard") -> None:
        super().__init__()
        for name, part in unit.named_children():
            if name != "se_module":  # timm's own gate, which ours replaces
                self.add_module(name, part)
        self.se = gate
        self.integration = integration
        self.training = unit.training

    def branch(self, x: Tensor) -> Tensor:
        """Compute the residual branch, (B, C_in, H, W) -> (B, C, H', W')."""
        raise NotImplementedError

    def scaled(self, y: Tensor) -> Tensor:
        """Return the branch as it is added: as it is, but for Inception-ResNet."""
        return y

    def shortcut(self, x: Tensor) -> Tensor:
        """Return what the branch is added to, (B, C_in, H, W) -> (B, C, H', W')."""
        project = self._modules.get("downsample")
        return x if project is None else project(x)

    def rectified(self, y: Tensor) -> Tensor:
        """Apply the activation after the addition; the last unit of Inception-ResNet has none."""
        act = self._modules.get("act") or self._modules.get("relu")
        return y if act is None else act(y)

    def forward(self, x: Tensor) -> Tensor:
        at = self.integration
        y = self.branch(self.se(x) if at == "pre" else x)  # (B, C, H', W')
        if at == "standard":
            y = self.se(y)
        shortcut = self.shortcut(x)  # (B, C, H', W')
        if at == "identity":
            shortcut = self.se(shortcut)
        y = self.rectified(self.scaled(y) + shortcut)  # (B, C, H', W')
        return self.se(y) if at == "post" else y


class GatedBottleneck(GatedUnit):
    """Torchvision's ``Bottleneck`` and ``BasicBlock``, and the three bottlenecks of timm's ``legacy_se*``."""

    conv1: nn.Module
    bn1: nn.Module
    conv2: nn.Module
    bn2: nn.Module
    relu: nn.Module

    def branch(self, x: Tensor) -> Tensor:
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        if "conv3" not in self._modules:  # two 3x3 convolutions
            return y
        y = self.relu(y)
        if self.integration == "3x3":
            y = self.se(y)
        return self._modules["bn3"](self._modules["conv3"](y))  # type: ignore[misc]

    @staticmethod
    def channels(unit: nn.Module, integration: str) -> int:
        """Return the channels of what is gated in that unit."""
        last = unit.get_submodule("conv3" if hasattr(unit, "conv3") else "conv2")
        part = {"pre": unit.conv1, "3x3": unit.conv2}.get(integration, last)
        assert isinstance(part, nn.Conv2d)
        return part.in_channels if integration == "pre" else part.out_channels


class GatedInceptionResidual(GatedUnit):
    """The residual units of timm's ``InceptionResnetV2``: branches, a 1x1 convolution, a small factor, the addition."""

    conv2d: nn.Module

    def __init__(self, unit: nn.Module, gate: nn.Module, integration: str = "standard") -> None:
        super().__init__(unit, gate, integration)
        self.scale = float(unit.scale)  # type: ignore[arg-type]

    def branch(self, x: Tensor) -> Tensor:
        maps = [part(x) for name, part in self._modules.items() if name.startswith("branch") and part is not None]
        return self.conv2d(torch.cat(maps, 1))

    def scaled(self, y: Tensor) -> Tensor:
        return y * self.scale


@dataclass(frozen=True)
class Site:
    """A site is one place for a gate: the module at ``path`` becomes ``wrap(gate)``."""

    path: str
    stage: int  # from 1
    channels: int  # of what is gated
    wrap: Callable[[nn.Module], nn.Module]
    width: Callable[[int], int] | None = None  # r -> width of the bottleneck, where the host has a rule of its own


def _after(part: nn.Module, name: str) -> Callable[[nn.Module], nn.Module]:
    """Put the gate behind the part."""
    return lambda gate: nn.Sequential(OrderedDict([(name, part), ("se", gate)]))


def _unit_sites(model: nn.Module, integration: str) -> Iterable[Site]:
    for stage in range(1, 5 if hasattr(model, "layer4") else 4):
        for index, unit in model.get_submodule(f"layer{stage}").named_children():
            channels = GatedBottleneck.channels(unit, integration)
            yield Site(f"layer{stage}.{index}", stage, channels, lambda g, u=unit: GatedBottleneck(u, g, integration))  # type: ignore[misc]


def _inception_resnet_sites(model: nn.Module, integration: str) -> Iterable[Site]:
    units = [(f"{name}.{i}", stage, u) for stage, name in enumerate(("repeat", "repeat_1", "repeat_2"), start=1)
             for i, u in model.get_submodule(name).named_children()]  # fmt: skip
    for path, stage, unit in [*units, ("block8", 3, model.get_submodule("block8"))]:
        channels = unit.get_submodule("conv2d").out_channels
        yield Site(path, stage, channels, lambda g, u=unit: GatedInceptionResidual(u, g, integration))  # type: ignore[misc, arg-type]


def _vgg_sites(model: nn.Module, _: str) -> Iterable[Site]:
    stage, channels = 1, 0
    for index, part in model.get_submodule("features").named_children():
        if isinstance(part, nn.Conv2d):
            channels = part.out_channels
        elif isinstance(part, nn.MaxPool2d):
            stage += 1
        elif isinstance(part, nn.ReLU):
            yield Site(f"features.{index}", stage, channels, _after(part, "relu"))


def _inception3_sites(model: nn.Module, _: str) -> Iterable[Site]:
    for name, channels in MIXED.items():
        yield Site(name, int(name[6]) - 4, channels, _after(model.get_submodule(name), "mixed"))


def _bn_inception_sites(model: nn.Module, _: str) -> Iterable[Site]:
    for name, part in model.named_children():
        if name.startswith("inception_"):
            yield Site(name, int(name[10]) - 2, part.out_channels, _after(part, "module"))  # type: ignore[arg-type]


def _mobilenet_sites(model: nn.Module, _: str) -> Iterable[Site]:
    from torchvision.models._utils import _make_divisible
    from torchvision.ops import SqueezeExcitation

    halvings, found = 0, []
    for index, part in model.get_submodule("features").named_children():
        halvings += any(isinstance(conv, nn.Conv2d) and conv.stride[0] == 2 for conv in part.modules())
        found += [(f"features.{index}.{name}", halvings, gate.fc1.in_channels)
                  for name, gate in part.named_modules() if isinstance(gate, SqueezeExcitation)]  # fmt: skip
    stages = sorted({halved for _, halved, _ in found})
    for path, halved, channels in found:
        width = lambda r, c=channels: _make_divisible(c // r, 8)  # noqa: E731
        yield Site(path, stages.index(halved) + 1, channels, lambda gate: gate, width)


def _once(model: nn.Module, _: str) -> Iterable[Site]:
    yield Site("se", 1, model.get_submodule("fc").in_features, lambda gate: gate)  # type: ignore[arg-type]


_FIND: dict[str, Callable[[nn.Module, str], Iterable[Site]]] = {
    "torchvision.ResNet": _unit_sites,
    "timm.SENet": _unit_sites,
    "timm.InceptionResnetV2": _inception_resnet_sites,
    "torchvision.VGG": _vgg_sites,
    "torchvision.Inception3": _inception3_sites,
    "senet_viz.BNInception": _bn_inception_sites,
    "senet_viz.InceptionOnce": _once,
    "senet_viz.CifarResNeXt": _unit_sites,
    "torchvision.MobileNetV3": _mobilenet_sites,
}
# Library and class of the host: its sites, and the integrations that it has.
HOSTS = {host: (find, PLACES.get(host, INTEGRATIONS[:1])) for host, find in _FIND.items()}


def host_of(model: nn.Module) -> str:
    """Return the key of ``HOSTS`` for this model or a class that it is made from; "" where there is none."""
    names = (f"{cls.__module__.partition('.')[0]}.{cls.__name__}" for cls in type(model).__mro__)
    return next((name for name in names if name in HOSTS), "")
