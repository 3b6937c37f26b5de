"""Every gate that can be inserted runs, learns and matters: all options on a small unit of every host, and on every
network enough of their combinations that any two values meet.

In the units nothing is left out. In the networks the structure is looked at in all of these combinations (on the meta
device), and some of them are run, so that each value is; ``every_pair.py`` runs all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from importlib import import_module
from itertools import combinations, product
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from senet_viz.networks import blocks, registry, variants
from senet_viz.networks import gated as gateds
from senet_viz.networks.blocks import FORMS, SEBlock
from senet_viz.networks.bn_inception import BNInception, Branches, InceptionModule
from senet_viz.networks.gated import HOSTS, INTEGRATIONS, MIXED, GatedUnit
from senet_viz.networks.registry import NETWORKS, Network
from tests import at_work, covering


@pytest.fixture(scope="module", autouse=True)
def backbones_are_let_go() -> Iterator[None]:
    yield
    at_work.forget()


# --- covering arrays ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sizes", [(2, 2, 2), (5, 5, 3, 3, 2, 15, 5), (4, 1, 3), (31, 2, 2), (3, 3)])
def test_any_two_values_meet(sizes: tuple[int, ...]) -> None:
    values = [[f"{i}{n}" for n in range(size)] for i, size in enumerate(sizes)]
    rows = covering.every_pair(values)
    met = set().union(*map(covering.pairs_of, rows))
    assert met == {
        (i, a, j, b) for i, j in combinations(range(len(sizes)), 2) for a, b in product(values[i], values[j])
    }
    assert len(set(rows)) == len(rows) and rows == covering.every_pair(values)
    two = sorted(sizes)[-2:]
    assert two[0] * two[1] <= len(rows) <= 1.3 * two[0] * two[1] + 4, "few"


def test_few_rows_hold_every_value() -> None:
    rows = covering.every_pair([range(5), range(5), range(3), range(2)])
    some = covering.every_value(rows)
    assert [set(column) for column in zip(*some, strict=True)] == [set(range(n)) for n in (5, 5, 3, 2)]
    assert set(some) <= set(rows) and len(some) <= 7


# --- every combination, on a unit of every host -------------------------------------------------------------------


def host(cls: type[nn.Module], **parts: nn.Module) -> nn.Module:
    """An object of that class with these parts and no others."""

    class Small(cls):  # type: ignore[misc, valid-type]
        def __init__(self) -> None:
            nn.Module.__init__(self)
            for name, part in parts.items():
                self.add_module(name, part)

    return Small()


def residual(cls: type[nn.Module], unit: nn.Module) -> nn.Module:
    """A network of ``layer1.0`` alone."""
    return host(cls, layer1=nn.Sequential(unit), **{f"layer{n}": nn.Sequential() for n in (2, 3, 4)})


def project(c_in: int, c_out: int, stride: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(c_in, c_out, 1, stride, bias=False), nn.BatchNorm2d(c_out))


def resnet(stride: int = 1, groups: int = 1, width: int = 64) -> nn.Module:
    from torchvision.models.resnet import Bottleneck, ResNet

    down = project(24, 32, stride) if stride > 1 else None
    unit = Bottleneck(24 if down else 32, 8, stride, down, groups, width)
    return residual(ResNet, unit)


def basic() -> nn.Module:
    from torchvision.models.resnet import BasicBlock, ResNet

    return residual(ResNet, BasicBlock(32, 32))


def senet() -> nn.Module:
    theirs = import_module("timm.models.senet")
    return residual(theirs.SENet, theirs.SEBottleneck(32, 8, groups=4, reduction=4))


def inception_resnet() -> nn.Module:
    theirs = import_module("timm.models.inception_resnet_v2")
    parts = {"repeat": nn.Sequential(theirs.Block35(scale=0.17)), "repeat_1": nn.Sequential(),
             "repeat_2": nn.Sequential(), "block8": theirs.Block8(no_relu=True)}  # fmt: skip
    return host(theirs.InceptionResnetV2, **parts)


def vgg() -> nn.Module:
    from torchvision.models.vgg import VGG

    features = nn.Sequential(nn.Conv2d(3, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(inplace=True))
    return host(VGG, features=features)


def inception3() -> nn.Module:
    from torchvision.models.inception import Inception3, InceptionA

    rest = {name: nn.Identity() for name in MIXED if name != "Mixed_5b"}
    return host(Inception3, Mixed_5b=InceptionA(192, 32), **rest)


def bn_inception() -> nn.Module:
    return host(BNInception, inception_3a=InceptionModule(16, Branches(8, 4, 8, 4, 8, "avg", 8)))


def mobilenet() -> nn.Module:
    from torchvision.models.mobilenetv3 import InvertedResidual, InvertedResidualConfig, MobileNetV3

    row = InvertedResidualConfig(16, 3, 32, 16, True, "HS", 1, 1, 1.0)
    return host(MobileNetV3, features=nn.Sequential(InvertedResidual(row, nn.BatchNorm2d)))


# name: how to make it, its unit, channels that enter this, and where in it a gate can sit
UNITS: dict[str, tuple[Callable[[], nn.Module], str, int, tuple[str, ...]]] = {
    "ResNet": (resnet, "layer1.0", 32, INTEGRATIONS),
    "ResNet, projected": (partial(resnet, 2), "layer1.0", 24, INTEGRATIONS),
    "ResNet, basic": (basic, "layer1.0", 32, INTEGRATIONS[:4]),
    "SENet": (senet, "layer1.0", 32, INTEGRATIONS),
    "Inception-ResNet": (inception_resnet, "repeat.0", 320, INTEGRATIONS[:4]),
    "VGG": (vgg, "features", 3, INTEGRATIONS[:1]),
    "Inception-v3": (inception3, "Mixed_5b", 192, INTEGRATIONS[:1]),
    "BN-Inception": (bn_inception, "inception_3a", 16, INTEGRATIONS[:1]),
    "MobileNetV3": (mobilenet, "features.0", 16, INTEGRATIONS[:1]),
}
ALL = tuple(product(registry.REDUCTIONS, blocks.GATES, blocks.SQUEEZES, FORMS, (True, False)))
NAMES = ("reduction", "gate", "squeeze", "form", "bias")


class Parts:
    """What a network is made of, to be put back."""

    def __init__(self, model: nn.Module) -> None:
        self.parts = [(part, dict(part._modules)) for part in model.modules()]

    def back(self) -> None:
        for part, children in self.parts:
            part._modules.clear()
            part._modules.update(children)


def at_work_in_a_unit(name: str, chosen: Iterable[tuple[Any, ...]]) -> int:
    """How many gates were looked at in that unit, all of them at work: in every row where it sits, then ``NAMES``."""
    make, path, channels, _ = UNITS[name]
    torch.manual_seed(0)
    model = make().eval()
    kept, x = Parts(model), torch.randn(3, channels, 4, 4)
    wrong, looked = [], 0
    for integration, *values in chosen:
        options = dict(zip(NAMES, values, strict=True))
        variants.add_se(model, **options, integration=integration, stages=(1,))
        unit = model.get_submodule(path)
        gates = [part for part in unit.modules() if isinstance(part, SEBlock)]
        idle = at_work.idle_gates(unit, x)
        looked += len(gates)
        if idle or len(gates) != 1 or differs(gates[0], **options):
            wrong.append((integration, values, idle))
        kept.back()
    assert wrong == []
    return looked


@pytest.mark.parametrize("name", UNITS)
def test_every_combination_of_options_is_at_work_in_a_unit(name: str) -> None:
    integrations = UNITS[name][3]
    every = ((integration, *values) for integration in integrations for values in ALL)
    assert at_work_in_a_unit(name, every) == len(integrations) * 600


@pytest.mark.parametrize("name", UNITS)
def test_every_pair_of_options_is_at_work_in_a_unit(name: str) -> None:
    rows = covering.every_pair([UNITS[name][3], *(tuple(dict.fromkeys(column)) for column in zip(*ALL, strict=True))])
    assert at_work_in_a_unit(name, rows) == len(rows)


def test_every_combination_of_kernels_is_at_work_in_a_unit() -> None:
    torch.manual_seed(0)
    model = resnet(1, 4, 64).eval()  # 32 channels inside, in four groups
    kept, x, looked = Parts(model), torch.randn(3, 32, 6, 6), 0
    options = [option for option in registry.network("sknet50").options if option.name != "stages"]
    for chosen in product(*(option.values for option in options)):
        given = {option.name: value for option, value in zip(options, chosen, strict=True)}
        (gate,) = variants.gates(variants.add_sk(model, **given, stages=(1,)))
        assert at_work.idle_gates(model.get_submodule("layer1.0"), x) == [], given
        assert gate.module.fc1.out_channels == max(32 // given["reduction"], given["floor"])  # type: ignore[union-attr]
        assert len(gate.module.branches) == given["branches"]  # type: ignore[union-attr, arg-type]
        looked += 1
        kept.back()
    assert looked == 50


def test_nothing_is_left_out_of_the_units() -> None:
    there: dict[str, set[str]] = {}
    for make, _, _, integrations in UNITS.values():
        there.setdefault(gateds.host_of(make()), set()).update(integrations)
    ports = {"senet_viz.CifarResNeXt", "senet_viz.InceptionOnce"}  # whole networks, in test_keras_ports
    assert there == {name: set(found) for name, (_, found) in HOSTS.items() if name not in ports}
    assert ports <= HOSTS.keys()
    offered = {option.name: set(option.values) for row in NETWORKS for option in row.options if option.name in NAMES}
    assert offered == {name: {chosen[i] for chosen in ALL} for i, name in enumerate(NAMES)}
    others = {option.name for row in NETWORKS for option in row.options} - set(NAMES)
    assert others == {"stages", "integration", "floor", "branches"}, "an option that nothing here varies"


# --- any two values, on every network -----------------------------------------------------------------------------


def differs(block: Any, reduction: int, gate: str, squeeze: str, form: str, bias: bool) -> list[str]:
    """What of a block is not as it was asked for; r apart."""
    asked = {
        "gate": type(block.gate) is blocks.GATES[gate],
        "bias": (block.fc1.bias is not None) == (block.fc2.bias is not None) == bias,
        "layers": isinstance(block.fc1, nn.Linear) == (form == "fc" and squeeze != "none"),
        "norm": isinstance(block.bn, nn.BatchNorm2d) == (form in ("conv_bn", "conv_bn_bn")),
        "norm2": isinstance(block.bn2, nn.BatchNorm2d) == (form == "conv_bn_bn"),
        "squeeze": type(block.pool) is (type(None) if squeeze == "none" else blocks.SQUEEZES[squeeze]),
    }
    return [name for name, holds in asked.items() if not holds]


def width(unit: Any, integration: str) -> int:
    """Channels of what is gated in a bottleneck, said a second time."""
    layer = {"pre": unit.conv1, "3x3": unit.conv2}.get(integration, unit.conv3)
    return int(layer.in_channels if integration == "pre" else layer.out_channels)


@pytest.mark.parametrize("row", NETWORKS, ids=lambda row: row.name)
def test_options_reach_every_block_of_every_network(row: Network) -> None:
    released = variants.build(row.name, device="meta")
    where = [(gate.name, gate.stage, gate.channels) for gate in variants.gates(released)]
    with torch.device("meta"):
        model: Any = variants._fresh(row, 10)
        kept = Parts(model)
        for options in at_work.covering(row):
            (variants.add_sk if row.family == "sk" else variants.add_se)(model, **row.choose(options))
            found = variants.gates(model)
            integration = options.get("integration", "standard")
            wanted = [(name, stage) for name, stage, _ in where if stage in options["stages"]]
            assert [(gate.name, gate.stage) for gate in found] == wanted, options
            wide = {name: c for name, _, c in where}
            for gate in found:
                block: Any = gate.module
                if row.family == "sk":
                    assert block.m == len(block.branches) == options["branches"], options
                    assert block.fc1.out_channels == max(gate.channels // options["reduction"], options["floor"])
                    continue
                assert differs(block, **{name: options[name] for name in NAMES}) == [], options
                unit = model.get_submodule(gate.name.rpartition(".")[0])
                if isinstance(unit, GatedUnit):
                    assert unit.integration == integration
                if integration in ("pre", "3x3") and hasattr(unit, "conv1"):
                    assert gate.channels == width(unit, integration)
                else:
                    assert gate.channels == wide[gate.name], options
                if row.family != "mobilenet":  # which has a rule of its own
                    assert block.fc1.weight.shape[0] == max(gate.channels // options["reduction"], 1)
            kept.back()
        assert variants.gates(model) == ()


def some(row: Network) -> tuple[dict[str, Any], ...]:
    """The released network, and few of the others: together they have every value; each stage is with and without."""
    every, at = at_work.covering(row), list(row.defaults).index("stages")
    values = [tuple(options.values()) for options in every]
    rest = [line[:at] + line[at + 1 :] for line in values]
    seen = [{option.default} for option in row.options if option.name != "stages"]
    found = [every[rest.index(line)] for line in covering.every_value(rest, seen)]
    for stage in row.option("stages").values:
        if len(row.stages) > 1 and all(stage in options["stages"] for options in found):
            found.append(next(options for options in every if stage not in options["stages"]))
    return ({}, *found)


CASES = [(row, options) for row in NETWORKS for options in some(row)]


@pytest.mark.parametrize(("row", "options"), CASES, ids=lambda v: v.name if isinstance(v, Network) else str(v))
def test_every_gate_runs_learns_and_matters(row: Network, options: dict[str, Any]) -> None:
    assert at_work.check(row, options) == []


@pytest.mark.parametrize("row", NETWORKS, ids=lambda row: row.name)
def test_every_value_is_run_on_every_network(row: Network) -> None:
    run = [row.choose(options) for options in some(row)]
    for option in row.options:
        if option.name != "stages":
            assert {options[option.name] for options in run} == set(option.values)
    for stage in row.option("stages").values:
        without = {False} if len(row.stages) > 1 else set()  # a network of one gate is bare without it
        assert {stage in options["stages"] for options in run} == {True} | without, stage


# --- the check itself ---------------------------------------------------------------------------------------------


def test_a_gate_that_is_never_called_is_found() -> None:
    """A well-known public SE-Inception makes its gates and never calls them: the check above must see that."""

    class Forgotten(nn.Module):
        def __init__(self, inner: nn.Module) -> None:
            super().__init__()
            self.inner, self.se = inner, SEBlock(256, 16)

        def forward(self, x: Tensor) -> Tensor:
            return self.inner(x)

    model: Any = at_work.backbone("se_bn_inception")
    variants.add_se(model, stages=(2, 3))
    model.inception_3a = Forgotten(model.inception_3a)
    x = at_work.pictures(3, size=48)
    assert at_work.idle_gates(model, x) == ["inception_3a.se"]


def test_a_gate_that_is_called_twice_or_changes_nothing_is_found() -> None:
    class Twice(nn.Module):
        def __init__(self, times: int) -> None:
            super().__init__()
            self.conv, self.se, self.times = nn.Conv2d(3, 8, 3), SEBlock(8, 2), times

        def forward(self, x: Tensor) -> Tensor:
            y = self.conv(x)
            for _ in range(self.times):
                gated = self.se(y)
            return gated if self.times > 1 else y + 0 * gated

    for times in (1, 2):
        assert at_work.idle_gates(Twice(times), torch.randn(3, 3, 8, 8)) == ["se"]
