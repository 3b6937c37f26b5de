"""Every attention block of torchvision and timm is found, named and described; what only looks like one is reported."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from copy import deepcopy
from functools import partial
from typing import Any

import pytest
import torch
from timm.layers import CecaModule, EcaModule, EffectiveSEModule, GlobalContext, SelectiveKernel, SEModule
from timm.layers import SplitAttn as Split
from timm.layers.cbam import CbamModule
from timm.layers.squeeze_excite import SqueezeExciteCl
from timm.models._efficientnet_blocks import SqueezeExcite
from timm.models.hgnet import EseModule
from timm.models.senet import SEModule as LegacySEModule
from torch import nn
from torchvision.ops import SqueezeExcitation

from senet_viz.networks.blocks import SEBlock, SKConv
from senet_viz.tap import hooks, layouts
from senet_viz.tap.replay import replay
from senet_viz.types import BlockRef
from tests.conftest import Build
from tests.networks import network

C = 32
plain_norm: Any = partial(nn.BatchNorm2d, affine=False)
BLOCKS: dict[str, tuple[str, Callable[[], nn.Module], bool]] = {  # kind, the block, has a hidden layer
    "ours, fc": ("se", partial(SEBlock, C, 4), True),
    "ours, convolutions": ("se", partial(SEBlock, C, 4, form="conv", bias=True), True),
    "ours, batch norm": ("se", partial(SEBlock, C, 4, gate="h_sigmoid", form="conv_bn"), True),
    "ours, max": ("se", partial(SEBlock, C, 4, squeeze="max"), True),
    "ours, tanh": ("se", partial(SEBlock, C, 4, gate="tanh"), True),
    "ours, softmax over channels": ("se", partial(SEBlock, C, 4, gate="softmax"), True),
    "ours, softmax over channels, convolutions": ("se", partial(SEBlock, C, 4, gate="softmax", form="conv"), True),
    "ours, a width of its own": ("se", partial(SEBlock, C, width=24), True),
    "ours, SK": ("sk", partial(SKConv, C, groups=4), True),
    "ours, SK of three": ("sk", partial(SKConv, C, branches=3, groups=4), True),
    "timm SEModule": ("se", partial(SEModule, C, rd_channels=8), True),
    "timm SEModule, norm": ("se", partial(SEModule, C, rd_channels=8, norm_layer=nn.BatchNorm2d), True),
    "timm SEModule, norm without weights": (
        "se",
        partial(SEModule, C, rd_channels=8, norm_layer=plain_norm),
        True,
    ),
    "timm SEModule, hard": ("se", partial(SEModule, C, rd_channels=8, gate_layer="hard_sigmoid"), True),
    "timm SEModule, average and maximum": ("se", partial(SEModule, C, rd_channels=8, add_maxpool=True), True),
    "timm legacy SEModule": ("se", partial(LegacySEModule, C, 4), True),
    "timm SqueezeExcite": ("se", partial(SqueezeExcite, C, rd_channels=8), True),
    "timm SqueezeExcite, SiLU": ("se", partial(SqueezeExcite, C, rd_channels=8, act_layer=nn.SiLU), True),
    "torchvision": ("se", partial(SqueezeExcitation, C, 8), True),
    "torchvision, SiLU": ("se", partial(SqueezeExcitation, C, 8, activation=partial(nn.SiLU, inplace=True)), True),
    "torchvision, hard": (
        "se",
        partial(SqueezeExcitation, C, 8, scale_activation=partial(nn.Hardsigmoid, inplace=True)),
        True,
    ),
    "timm ECA": ("eca", partial(EcaModule, C), False),
    "timm ESE": ("ese", partial(EffectiveSEModule, C), False),
    "timm hgnet ESE": ("ese", partial(EseModule, C), False),
    "timm GlobalContext": ("gc", partial(GlobalContext, C), True),
    "timm GlobalContext, mean": ("gc", partial(GlobalContext, C, use_attn=False), True),
    "timm SK, split input": ("sk", partial(SelectiveKernel, C), True),
    "timm SK, whole input": ("sk", partial(SelectiveKernel, C, split_input=False, groups=4), True),
    "timm SK of three": ("sk", partial(SelectiveKernel, C, kernel_size=[3, 5, 7], split_input=False), True),
    "timm split attention": ("split", partial(Split, C, radix=2, norm_layer=nn.BatchNorm2d), True),
    "timm split attention, groups": ("split", partial(Split, C, radix=2, groups=4), True),
    "timm split attention of four": ("split", partial(Split, C, radix=4, groups=2), True),
    "timm split attention of one": ("split", partial(Split, C, radix=1, norm_layer=nn.BatchNorm2d), True),
}
IN_MODELS = {  # one small real model for every class: its kind, how many blocks, the first one's name
    "timm/resnest14d": ("split", 4, "layer1.0.conv2"),
    "timm/ecaresnet26t": ("eca", 8, "layer1.0.se"),
    "timm/ese_vovnet19b_dw": ("ese", 4, "stages.0.blocks.0.attn"),
    "timm/hgnet_tiny": ("ese", 5, "stages.0.blocks.0.aggregation.1"),
    "timm/efficientnet_b0": ("se", 16, "blocks.0.0.se"),
    "timm/regnety_002": ("se", 13, "s1.b1.se"),
    "timm/gc_efficientnetv2_rw_t": ("gc", 29, "blocks.3.0.se"),
    "timm/seresnext26t_32x4d": ("se", 8, "layer1.0.se"),
    "torchvision/mobilenet_v3_small": ("se", 9, "features.1.block.1"),
    "timm/legacy_seresnet18": ("se", 8, "layer1.0.se_module"),
    "timm/skresnet18": ("sk", 8, "layer1.0.conv1"),
    "models/skresnext50_32x4d": ("sk", 16, "layer1.0.conv2"),
    "ours/se": ("se", 10, "layer1.0.se"),
    "ours/sk": ("sk", 10, "layer1.0.conv2"),
}


def hosted(block: nn.Module) -> nn.Module:
    """A network around one block, which it calls "1"."""
    return nn.Sequential(nn.Conv2d(3, C, 3), block, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(C, 5)).eval()


@pytest.mark.parametrize("name", BLOCKS)
def test_every_kind_of_block_is_found_and_read(name: str) -> None:
    kind, make, has_hidden = BLOCKS[name]
    torch.manual_seed(0)
    net = hosted(make())
    assert layouts.find(net) == (BlockRef("1", kind),)
    assert layouts.near_misses(net) == ()
    x = torch.randn(2, 3, 11, 9)
    for trace in hooks.run_batch(net, x, keep_u=("1",)):
        (block,) = trace.blocks
        assert block.channels == C
        assert block.z is not None and block.z.shape == (C,)
        assert block.logit is not None and block.logit.shape == block.gate.shape == (block.branches, C)
        assert (block.hidden is not None) == (block.pre is not None) == has_hidden
        again = replay(net, block)
        expected = {"z", "logit", "gate", "out"} | ({"pre", "hidden"} if has_hidden else set())
        assert set(again.differences) == expected
        assert again.holds, again.differences


def test_no_row_is_without_a_block() -> None:
    used = {layouts.layout_of(make()) for _, make, _ in BLOCKS.values()}
    assert used == set(layouts.LAYOUTS)


@pytest.mark.parametrize("name", IN_MODELS)
def test_every_kind_is_found_in_a_real_model(name: str, build: Build) -> None:
    kind, count, first = IN_MODELS[name]
    net = build(name)
    found = layouts.find(net)
    assert len(found) == count
    assert {ref.kind for ref in found} == {kind}
    assert found[0].name == first
    assert layouts.near_misses(net) == ()
    modules = dict(net.named_modules())
    classes = {type(modules[ref.name]) for ref in found}
    assert len(classes) == 1
    assert sum(type(part) in classes for part in modules.values()) == count  # none was passed over


@pytest.mark.parametrize("name", ["resnet18", "squeezenet1_0", "vgg11", "shufflenet_v2_x0_5"])
def test_a_network_without_attention_has_none(name: str) -> None:
    net = network(f"torchvision/{name}")
    assert layouts.find(net) == ()
    assert layouts.near_misses(net) == ()


# --- near misses: reported, never guessed --------------------------------------------------------------------------


def of_class(name: str, **children: nn.Module) -> nn.Module:
    """An instance of another library's class of that name."""
    made = type(name, (nn.Module,), {})()
    for key, part in children.items():
        made.add_module(key, part)
    return made


def renamed_children() -> nn.Module:
    return of_class("SEModule", avg_pool=nn.AdaptiveAvgPool2d(1), fc=nn.Sequential(nn.Linear(C, 4), nn.Linear(4, C)))


NEAR_MISSES: dict[str, tuple[Callable[[], nn.Module], str]] = {
    "SEModule of another library": (renamed_children, "1: SEModule(avg_pool, fc)"),
    "ours without a squeeze": (partial(SEBlock, C, squeeze="none"), "1: SEBlock(fc1, fc2, bn, act, gate)"),
    "SELayer": (lambda: of_class("SELayer", fc=nn.Linear(C, C)), "1: SELayer(fc)"),
    "GlobalContext that adds": (
        partial(GlobalContext, C, fuse_add=True, fuse_scale=False),
        "1: GlobalContext(conv_attn, mlp_add, gate)",
    ),
    "GlobalContext that scales and adds": (
        partial(GlobalContext, C, fuse_add=True, fuse_scale=True),
        "1: GlobalContext(conv_attn, mlp_add, mlp_scale, gate)",
    ),
    "ECA with two convolutions": (
        partial(EcaModule, C, use_mlp=True, rd_channels=8),
        "1: EcaModule(conv, act, conv2, gate)",
    ),
    "circular ECA": (partial(CecaModule, C), "1: CecaModule(conv, gate)"),
    "channels last": (partial(SqueezeExciteCl, C), "1: SqueezeExciteCl(fc1, act, fc2, gate)"),
    "CBAM": (partial(CbamModule, C), "1: CbamModule(channel, spatial)"),
}


@pytest.mark.parametrize("name", NEAR_MISSES)
def test_a_near_miss_is_reported_and_not_guessed(name: str) -> None:
    make, line = NEAR_MISSES[name]
    net = nn.Sequential(nn.Conv2d(3, C, 3), make())
    assert layouts.find(net) == ()
    assert layouts.near_misses(net) == (line,)


def test_the_right_children_under_another_name_are_not_guessed() -> None:
    right = SEModule(C, rd_channels=8)
    assert layouts.find(nn.Sequential(of_class("Other", **dict(right.named_children())))) == ()


def test_timms_adding_global_context_is_a_near_miss_in_a_real_model() -> None:
    net = network("timm/gcresnext26ts")
    assert layouts.find(net) == ()
    assert len(layouts.near_misses(net)) == 8


# --- the cache: surgery is seen ------------------------------------------------------------------------------------


def names(net: nn.Module) -> list[str]:
    return [ref.name for ref in layouts.find(net)]


def block() -> nn.Module:
    return SEBlock(8, 4)


def test_replacing_a_block_is_seen() -> None:
    net = nn.Sequential(block(), nn.ReLU(), block())
    spare, nothing = block(), nn.Identity()
    assert names(net) == ["0", "2"]
    net[0] = nothing
    assert names(net) == ["2"]
    net[1] = spare
    assert names(net) == ["1", "2"]


def test_growing_and_shrinking_a_container_is_seen() -> None:
    net = nn.Sequential(nn.ReLU())
    first, second, third = block(), block(), block()
    assert names(net) == []
    net.append(first)
    assert names(net) == ["1"]
    net.insert(0, second)
    assert names(net) == ["0", "2"]
    del net[0]
    assert names(net) == ["1"]
    net.extend([third])
    assert names(net) == ["1", "2"]
    assert net.pop(1) is first
    assert names(net) == ["1"]


def test_moving_a_block_is_seen() -> None:
    net = nn.Sequential(block(), nn.ReLU(), nn.ReLU())
    assert names(net) == ["0"]
    net.insert(2, net.pop(0))  # as many parts as before
    assert names(net) == ["2"]
    net[0], net[2] = net[2], net[0]
    assert names(net) == ["0"]
    parts = nn.ModuleList(net)
    assert names(parts) == ["0"]
    parts.append(parts.pop(0))
    assert names(parts) == ["2"]


def test_surgery_deep_inside_is_seen(build: Build) -> None:
    net = deepcopy(build("ours/se"))
    before = names(net)
    spare = net.layer3[1].se
    net.layer3[1].se = nn.Identity()
    assert names(net) == [name for name in before if name != "layer3.1.se"]
    net.layer3[1].se = spare
    assert names(net) == before
    del net.layer4
    assert names(net) == [name for name in before if not name.startswith("layer4")]
    net.add_module("layer4", block())
    assert names(net)[-1] == "layer4"
    net.layer4 = None
    assert "layer4" not in names(net)


def test_a_child_of_a_block_that_is_taken_away_is_seen() -> None:
    net = nn.Sequential(block())
    assert names(net) == ["0"]
    del net[0].gate
    assert names(net) == []
    assert layouts.near_misses(net) == ("0: SEBlock(pool, fc1, fc2, bn, act)",)


def test_a_part_of_a_block_that_is_exchanged_is_used() -> None:
    net: Any = hosted(SEBlock(C, 4))
    x = torch.randn(1, 3, 9, 9)
    soft = hooks.run(net, x).blocks[0]
    net[1].gate = nn.Tanh()
    hard = hooks.run(net, x).blocks[0]
    assert soft.logit is not None and hard.logit is not None
    assert torch.equal(soft.logit, hard.logit)
    assert torch.equal(hard.gate, torch.tanh(hard.logit))


def test_a_module_that_is_itself_a_block_has_the_empty_name() -> None:
    whole = SEBlock(3, 1).eval()
    assert layouts.find(whole) == (BlockRef("", "se"),)
    x = torch.randn(1, 3, 5, 4)
    trace = hooks.run(whole, x, keep_u=("",))
    assert trace.scores is None, "maps are no class scores"
    assert torch.equal(trace.block("").out, whole(x)[0])


@pytest.mark.parametrize("make", [lambda: nn.Sequential(block()), block])
def test_looking_keeps_no_network_alive(make: Callable[[], nn.Module]) -> None:
    net = make()
    assert layouts.find(net)
    gone = weakref.ref(net)
    del net
    gc.collect()
    assert gone() is None


def test_a_copy_is_looked_at_anew() -> None:
    net = nn.Sequential(block())
    assert names(net) == ["0"]
    other = deepcopy(net)
    assert layouts.places(other)[0].module is other[0]
    assert layouts.places(net)[0].module is net[0]


# --- which parts care about the mode -------------------------------------------------------------------------------


def moody(part: nn.Module) -> bool:
    return part in layouts.moody(nn.Sequential(part))[1:]


def test_what_computes_something_else_in_training_mode_is_known() -> None:
    class OwnConv(nn.Conv2d):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(x) * (2 if self.training else 1)

    cares = (
        nn.BatchNorm2d(4),
        nn.InstanceNorm2d(4),
        nn.Dropout(),
        nn.RReLU(),
        nn.MultiheadAttention(4, 1),
        OwnConv(4, 4, 1),
    )
    for part in cares:
        assert moody(part), part
    for part in (
        nn.Conv2d(4, 4, 1),
        nn.Linear(4, 4),
        nn.ReLU(),
        nn.Hardswish(),
        nn.AdaptiveAvgPool2d(1),
        nn.Identity(),
    ):
        assert not moody(part), part
    assert layouts.moody(nn.ReLU().train())  # the module itself is always among them


@pytest.mark.parametrize("name", ["torchvision/mobilenet_v3_small", "timm/resnest14d", "ours/sk"])
def test_every_part_that_is_not_among_them_is_one_of_torchs_own(name: str, build: Build) -> None:
    net = build(name)
    left = set(net.modules()) - set(layouts.moody(net))
    assert left
    assert {type(part).forward.__module__.rpartition(".")[0] for part in left} == {"torch.nn.modules"}
    assert not any(isinstance(part, nn.modules.batchnorm._NormBase | nn.modules.dropout._DropoutNd) for part in left)
