"""The registry of networks that can be built with other gates, and the options of each, as the papers have them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from senet_viz.errors import OptionRefused, UnknownModel
from senet_viz.networks.blocks import FORMS, GATES, SQUEEZES
from senet_viz.networks.gated import INTEGRATIONS

Stages = Iterable[int] | None


@dataclass(frozen=True)
class Option:
    """Something to choose: the released value and what else is offered. Of ``stages``, any part of ``values``."""

    name: str
    default: Any
    values: tuple[Any, ...]


@dataclass(frozen=True)
class Network:
    """One network of the papers: what it is made of, where its gate sits, what can be chosen."""

    name: str
    title: str
    family: Literal["resnet", "senet", "vgg", "inception", "inception_resnet", "mobilenet", "sk"]
    library: Literal["torchvision", "timm", "ours"]  # where the backbone comes from
    backbone: str  # its name there
    paper: str
    position: Literal["branch_end", "after_relu", "module_end", "inner", "conv"]  # of the gate, by default
    gates: int  # how many, by default
    stages: tuple[str, ...]  # what its stages are called, in order
    options: tuple[Option, ...]
    size: int = 224  # side of its pictures, in pixels
    smallest: int = 32  # the smallest picture that it takes

    @property
    def defaults(self) -> dict[str, Any]:
        """The released network's options."""
        return {option.name: option.default for option in self.options}

    def option(self, name: str) -> Option:
        """The option of that name.

        Raises:
            OptionRefused: this network has no such option.
        """
        for option in self.options:
            if option.name == name:
                return option
        raise _refused(self.title, name, (option.name for option in self.options))

    def choose(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Every option of this network: what is given, checked, and the released values for the rest.

        Raises:
            OptionRefused: an option that it has not, or a value that is not offered.
        """
        chosen = self.defaults
        for name, value in options.items():
            offered = self.option(name).values
            if name == "stages":
                value = offered if value is None else tuple(sorted(set(value)))
                if not set(value) <= set(offered):
                    raise _refused(self.title, f"stages = {value}", offered)
            elif value not in offered or type(value) is not type(offered[0]):  # True is 1, but no reduction
                raise _refused(self.title, f"{name} = {value}", offered)
            chosen[name] = value
        return chosen


def _refused(host: str, wanted: str, offered: Iterable[Any]) -> OptionRefused:
    return OptionRefused(host, wanted, ", ".join(map(str, offered)))


# --- rows ---------------------------------------------------------------------------------------------------------

REDUCTIONS = (2, 4, 8, 16, 32)
_SE_PAPER = "Hu et al., Squeeze-and-Excitation Networks, TPAMI 2020"
_M3_PAPER = "Howard et al., Searching for MobileNetV3, ICCV 2019"
_SK_PAPER = "Li et al., Selective Kernel Networks, CVPR 2019"
_LAYERS = ("layer1", "layer2", "layer3", "layer4")


def _se(stages: tuple[str, ...], integrations: tuple[str, ...] = (), **released: Any) -> tuple[Option, ...]:
    numbers = tuple(range(1, len(stages) + 1))
    default = {"reduction": 16, "gate": "sigmoid", "form": "fc"} | released
    return (
        Option("reduction", default["reduction"], REDUCTIONS),
        Option("gate", default["gate"], tuple(GATES)),
        Option("squeeze", "avg", tuple(SQUEEZES)),
        Option("form", default["form"], FORMS),
        Option("bias", True, (True, False)),
        Option("stages", numbers, numbers),
        *((Option("integration", "standard", integrations),) if integrations else ()),
    )


def _resnet(name: str, title: str, backbone: str, gates: int) -> Network:
    options = _se(_LAYERS, INTEGRATIONS)
    return Network(name, title, "resnet", "torchvision", backbone, _SE_PAPER, "branch_end", gates, _LAYERS, options)


def _sk(depth: int, units: int) -> Network:
    numbers = (1, 2, 3, 4)
    options = (
        Option("reduction", 16, REDUCTIONS),
        Option("floor", 32, (8, 16, 32, 64, 128)),
        Option("branches", 2, (2, 3)),
        Option("stages", numbers, numbers),
    )
    name, title, host = f"sknet{depth}", f"SKNet-{depth}", f"resnext{depth}_32x4d"
    return Network(name, title, "sk", "torchvision", host, _SK_PAPER, "conv", units, _LAYERS, options)


def _mobilenet(size: str, gates: int, scales: tuple[str, ...]) -> Network:
    name, title = f"mobilenet_v3_{size}", f"MobileNetV3-{size.title()}"
    options = _se(scales, reduction=4, gate="h_sigmoid", form="conv")
    return Network(name, title, "mobilenet", "torchvision", name, _M3_PAPER, "inner", gates, scales, options)


_VGG = ("conv1", "conv2", "conv3", "conv4", "conv5")
_MIXED = ("Mixed_5", "Mixed_6", "Mixed_7")
_BN = ("inception_3", "inception_4", "inception_5")
_REPEAT = ("repeat", "repeat_1", "repeat_2")
NETWORKS: tuple[Network, ...] = (
    _resnet("se_resnet50", "SE-ResNet-50", "resnet50", 16),
    _resnet("se_resnet101", "SE-ResNet-101", "resnet101", 33),
    _resnet("se_resnet152", "SE-ResNet-152", "resnet152", 50),
    _resnet("se_resnext50_32x4d", "SE-ResNeXt-50 32x4d", "resnext50_32x4d", 16),
    _resnet("se_resnext101_32x4d", "SE-ResNeXt-101 32x4d", "resnext101_32x4d", 33),
    Network(
        "senet154", "SENet-154", "senet", "timm", "legacy_senet154", _SE_PAPER,
        "branch_end", 50, _LAYERS, _se(_LAYERS, INTEGRATIONS),
    ),
    Network(
        "se_vgg16_bn", "SE-VGG-16 (BN)", "vgg", "torchvision", "vgg16_bn", _SE_PAPER,
        "after_relu", 13, _VGG, _se(_VGG),
    ),
    Network(
        "se_inception_v3", "SE-Inception-v3", "inception", "torchvision", "inception_v3", _SE_PAPER,
        "module_end", 11, _MIXED, _se(_MIXED), size=299, smallest=75,
    ),
    Network(
        "se_bn_inception", "SE-BN-Inception", "inception", "ours", "bn_inception", _SE_PAPER,
        "module_end", 10, _BN, _se(_BN),
    ),
    Network(
        "se_inception_resnet_v2", "SE-Inception-ResNet-v2", "inception_resnet", "timm", "inception_resnet_v2",
        _SE_PAPER, "branch_end", 40, _REPEAT, _se(_REPEAT, INTEGRATIONS[:4]), size=299, smallest=75,
    ),
    _mobilenet("large", 8, ("1/8", "1/16", "1/32")),
    _mobilenet("small", 9, ("1/4", "1/16", "1/32")),
    _sk(26, 8),
    _sk(50, 16),
    _sk(101, 33),
)  # fmt: skip
_BY_NAME = {row.name: row for row in NETWORKS}


def network(name: str) -> Network:
    """The row of ``NETWORKS``.

    Raises:
        UnknownModel: no row has that name.
    """
    if name not in _BY_NAME:
        raise UnknownModel(f"no network {name!r}; there are {', '.join(_BY_NAME)}", model=name)
    return _BY_NAME[name]


@dataclass(frozen=True)
class Choice:
    """A network and the options of its gates that are not the released ones: hashable, so caches know it by it."""

    net: str
    options: tuple[tuple[str, Any], ...] = ()

    def __str__(self) -> str:
        return " ".join((self.net, *(f"{name}={value}" for name, value in self.options)))

    def but(self, **options: Any) -> Choice:
        """The same with other options; those that are the released ones are left out, so that equals are equal."""
        released = _BY_NAME[self.net].defaults if self.net in _BY_NAME else {}
        kept = {
            name: value
            for name, value in (dict(self.options) | options).items()
            if name not in released or value != released[name] or type(value) is not type(released[name])
        }
        return replace(self, options=tuple(sorted(kept.items())))

    @property
    def all(self) -> dict[str, Any]:
        """Every option, the released ones too.

        Raises:
            OptionRefused: an option that the network has not; one that is none of ``NETWORKS`` has none.
        """
        row = _BY_NAME.get(self.net)
        if row is not None:
            return row.choose(dict(self.options))
        if self.options:
            name, value = self.options[0]
            raise _refused(self.net, f"{name} = {value}", "-")
        return {}

    @property
    def changed(self) -> dict[str, Any]:
        """The options that are really others than the released ones."""
        released = network(self.net).defaults
        return {name: value for name, value in self.all.items() if value != released[name]}


# What libraries call the same networks. Their strides may lie elsewhere; the zoo's notes say so.
TWINS = {
    "legacy_seresnet50": "se_resnet50", "seresnet50": "se_resnet50", "legacy_senet154": "senet154",
    "legacy_seresnext50_32x4d": "se_resnext50_32x4d", "skresnext50_32x4d": "sknet50",
}  # fmt: skip
