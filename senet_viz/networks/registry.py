"""The registry of networks that can be built with other gates: one row each, from which all other tables derive.

The options of a row are those of the papers. It is one file, so that whoever adds a row sees what can be chosen, and
nothing here needs torch.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cached_property
from typing import Any, Literal, Self

from senet_viz.errors import OptionRefused, UnknownModel

Stages = Iterable[int] | None
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of pixels in [0, 1]; R, G, B
LEAST_SIDE = 32  # pixels: what every network of the libraries takes
MOST_SIDE = 2**16  # pixels: up to there every count is below 2^53, so that whoever reads the JSON gets it exactly
REDUCTIONS = (2, 4, 8, 16, 32)
# What can be chosen of a gate: ``blocks`` has its parts, ``gated`` where it sits in a residual unit.
GATES = ("sigmoid", "h_sigmoid", "tanh", "relu", "softmax")
SQUEEZES = ("avg", "max", "none")
FORMS = ("fc", "conv", "conv_bn", "conv_bn_bn")
INTEGRATIONS = ("standard", "pre", "post", "identity", "3x3")
PLACES = {  # hosts with residual units, and the integrations that they have; all others have the first alone
    **dict.fromkeys(("torchvision.ResNet", "timm.SENet", "senet_viz.CifarResNeXt"), INTEGRATIONS),
    "timm.InceptionResnetV2": ("standard", "pre", "post", "identity"),
}
HOSTS = {  # family: the library and the class that its networks are made from, see ``gated.HOSTS``
    "resnet": "torchvision.ResNet", "senet": "timm.SENet", "vgg": "torchvision.VGG",
    "inception": "torchvision.Inception3", "bn_inception": "senet_viz.BNInception",
    "inception_once": "senet_viz.InceptionOnce", "cifar": "senet_viz.CifarResNeXt",
    "inception_resnet": "timm.InceptionResnetV2", "mobilenet": "torchvision.MobileNetV3", "sk": "torchvision.ResNet",
}  # fmt: skip


@dataclass(frozen=True)
class Option:
    """An option has a released value and others to choose from. Of ``stages``, any part of ``values``."""

    name: str
    default: Any
    values: tuple[Any, ...]


@dataclass(frozen=True)
class Network:
    """A row describes one network of the papers: its host, where its gate sits, and what can be chosen."""

    name: str
    title: str
    family: str  # a key of ``HOSTS``
    backbone: str  # the name of the network without gates in its library
    position: Literal[
        "branch_end", "after_relu", "module_end", "inner", "conv", "network_end"
    ]  # of the gate, by default
    gates: int  # how many, by default
    stages: tuple[str, ...] = ("layer1", "layer2", "layer3", "layer4")  # what its stages are called, in order
    unit: tuple[str, ...] = ("layer1.1",)  # the modules of one typical unit with a gate, in the order in which they run
    also: tuple[str, ...] = ()  # what libraries call the same network; its strides may lie elsewhere there
    reduction: int = 16  # this and what follows: the released network's
    gate: str = "sigmoid"
    form: str = "fc"
    size: int = 224  # side of its pictures, in pixels
    smallest: int = LEAST_SIDE  # the smallest picture that it takes

    @property
    def host(self) -> str:
        """Return library and class of the network without gates."""
        return HOSTS[self.family]

    @cached_property
    def options(self) -> tuple[Option, ...]:
        """Return what can be chosen, with the released network's values as defaults."""
        numbers = tuple(range(1, len(self.stages) + 1))
        reduction, stages = Option("reduction", self.reduction, REDUCTIONS), Option("stages", numbers, numbers)
        if self.family == "sk":
            return reduction, Option("floor", 32, (8, 16, 32, 64, 128)), Option("branches", 2, (2, 3)), stages
        places = PLACES.get(self.host, INTEGRATIONS[:1])
        return (
            reduction,
            Option("gate", self.gate, GATES),
            Option("squeeze", "avg", SQUEEZES),
            Option("form", self.form, FORMS),
            Option("bias", True, (True, False)),
            stages,
            *((Option("integration", "standard", places),) if len(places) > 1 else ()),
        )

    @property
    def defaults(self) -> dict[str, Any]:
        """Return the released network's options."""
        return {option.name: option.default for option in self.options}

    def option(self, name: str) -> Option:
        """Return the option of that name.

        Raises:
            OptionRefused: this network has no such option.
        """
        for option in self.options:
            if option.name == name:
                return option
        raise refused(self.title, name, (option.name for option in self.options))

    def choose(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Return every option of this network: what is given, checked, and the released values for the rest.

        Raises:
            OptionRefused: an option that it has not, or a value that is not offered.
        """
        chosen = self.defaults
        for name, value in options.items():
            offered = self.option(name).values
            if name == "stages":
                value = offered if value is None else tuple(sorted(set(value)))
                if not set(value) <= set(offered):
                    raise refused(self.title, f"stages = {value}", offered)
            elif value not in offered or type(value) is not type(offered[0]):  # True is 1, but no reduction
                raise refused(self.title, f"{name} = {value}", offered)
            chosen[name] = value
        return chosen


def reduced(channels: int, reduction: int) -> int:
    """Return the width C/r of the bottleneck: floor division, and never 0."""
    return max(channels // reduction, 1)


def refused(host: str, wanted: str, offered: Iterable[Any]) -> OptionRefused:
    """Return the error that says what ``host`` has not, and what it offers."""
    return OptionRefused(host, wanted, ", ".join(map(str, offered)))


# --- rows ---------------------------------------------------------------------------------------------------------


def _resnet(name: str, title: str, gates: int, *also: str) -> Network:
    backbone = name.removeprefix("se_")
    return Network(name, title, "resnet", backbone, "branch_end", gates, also=also)


def _sk(depth: int, units: int, *also: str) -> Network:
    name, title, host = f"sknet{depth}", f"SKNet-{depth}", f"resnext{depth}_32x4d"
    return Network(name, title, "sk", host, "conv", units, also=also, gate="softmax")


def _mobilenet(size: str, gates: int, scales: tuple[str, ...], unit: str) -> Network:
    name, title, how = f"mobilenet_v3_{size}", f"MobileNetV3-{size.title()}", (gates, scales, (unit,))
    return Network(name, title, "mobilenet", name, "inner", *how, reduction=4, gate="h_sigmoid", form="conv")


NETWORKS: tuple[Network, ...] = (
    _resnet("se_resnet50", "SE-ResNet-50", 16, "legacy_seresnet50", "seresnet50"),
    _resnet("se_resnet101", "SE-ResNet-101", 33),
    _resnet("se_resnet152", "SE-ResNet-152", 50),
    _resnet("se_resnext50_32x4d", "SE-ResNeXt-50 32x4d", 16, "legacy_seresnext50_32x4d"),
    _resnet("se_resnext101_32x4d", "SE-ResNeXt-101 32x4d", 33),
    Network(
        "senet154", "SENet-154", "senet", "legacy_senet154", "branch_end", 50,
        also=("legacy_senet154",),
    ),
    Network(
        "se_vgg16_bn", "SE-VGG-16 (BN)", "vgg", "vgg16_bn", "after_relu", 13,
        ("conv1", "conv2", "conv3", "conv4", "conv5"),
        ("features.10", "features.11", "features.12"),  # convolution, norm, ReLU with the gate
    ),
    Network(
        "se_inception_v3", "SE-Inception-v3", "inception", "inception_v3", "module_end", 11,
        ("Mixed_5", "Mixed_6", "Mixed_7"), ("Mixed_5b",), size=299, smallest=75,
    ),
    Network(
        "se_bn_inception", "SE-BN-Inception", "bn_inception", "bn_inception", "module_end", 10,
        ("inception_3", "inception_4", "inception_5"), ("inception_3a",),
    ),
    Network(
        "se_inception_resnet_v2", "SE-Inception-ResNet-v2", "inception_resnet", "inception_resnet_v2", "branch_end", 40,
        ("repeat", "repeat_1", "repeat_2"), ("repeat.0",), size=299, smallest=75,
    ),
    Network(
        "se_inception_once", "SE-Inception, 1 gate", "inception_once", "inception_once", "network_end", 1,
        ("Mixed_7",), ("se", "pool"), size=299, smallest=75,
    ),
    Network(
        "se_resnext_cifar", "SE-ResNeXt, CIFAR", "cifar", "cifar", "branch_end", 9,
        ("layer1", "layer2", "layer3"), reduction=4, size=32,
    ),
    _mobilenet("large", 8, ("1/8", "1/16", "1/32"), "features.12"),
    _mobilenet("small", 9, ("1/4", "1/16", "1/32"), "features.5"),
    _sk(26, 8),
    _sk(50, 16, "skresnext50_32x4d"),
    _sk(101, 33),
)  # fmt: skip
NAMED = {row.name: row for row in NETWORKS}
TWINS = {other: row.name for row in NETWORKS for other in row.also}


def nearest(name: str, names: Iterable[str]) -> str:
    """Return the names that are spelt most like ``name``, with commas."""
    return ", ".join(get_close_matches(name[:64], [*names], 3, 0.0))


def network(name: str) -> Network:
    """Return the row of ``NETWORKS``.

    Raises:
        UnknownModel: no row has that name.
    """
    if name not in NAMED:
        raise UnknownModel(f"no network {name!r}; there are {', '.join(NAMED)}", name=name, near=nearest(name, NAMED))
    return NAMED[name]


def named(key: str) -> Network | None:
    """Return the row that has this name, or that a library calls so; None where there is none."""
    return NAMED.get(TWINS.get(key, key))


@dataclass(frozen=True)
class Choice:
    """A choice is a network and the options of its gates that are not the released ones: hashable, for caches."""

    net: str
    options: tuple[tuple[str, Any], ...] = ()

    def __str__(self) -> str:
        return " ".join((self.net, *(f"{name}={value}" for name, value in self.options)))

    def but(self, **options: Any) -> Self:
        """Return the same with other options; the released ones are left out, so that equals are equal."""
        released = NAMED[self.net].defaults if self.net in NAMED else {}
        kept = {
            name: value
            for name, value in (dict(self.options) | options).items()
            if name not in released or value != released[name] or type(value) is not type(released[name])
        }
        return replace(self, options=tuple(sorted(kept.items())))

    @property
    def all(self) -> dict[str, Any]:
        """Return every option, the released ones too.

        Raises:
            OptionRefused: an option that the network has not; one that is none of ``NETWORKS`` has none.
        """
        if self.net in NAMED:
            return NAMED[self.net].choose(dict(self.options))
        for name, value in self.options:
            raise refused(self.net, f"{name} = {value}", "-")
        return {}

    @property
    def changed(self) -> dict[str, Any]:
        """Return the options that differ from the released ones."""
        released = network(self.net).defaults
        return {name: value for name, value in self.all.items() if value != released[name]}
