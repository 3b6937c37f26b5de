"""Counts against a counter of somebody else's, against the papers' arithmetic and against modules counted by hand."""

from __future__ import annotations

from copy import deepcopy
from itertools import combinations

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from senet_viz.architecture import comparison, counting, prices, timing
from senet_viz.errors import OptionRefused
from senet_viz.models import catalogue, load
from senet_viz.networks import registry, variants
from senet_viz.networks.blocks import SEBlock, SKConv
from senet_viz.networks.registry import Choice
from tests import truth

KEYS = [*(row.name for row in registry.NETWORKS), *(row.key for row in catalogue.MODELS)]
R50 = ((3, 256), (4, 512), (6, 1024), (3, 2048))
RESNETS = {"se_resnet50": (3, 4, 6, 3), "se_resnet101": (3, 4, 23, 3), "se_resnet152": (3, 8, 36, 3)}


def conv_flops(net: nn.Module, size: int) -> int:
    """Twice the multiply-accumulates of conv + linear, by torch's own counter."""
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        net(torch.empty(1, 3, size, size, device="meta"))
    return counter.get_total_flops()


@pytest.mark.parametrize("key", list(dict.fromkeys(KEYS)))
def test_every_network_agrees_with_torchs_counter(key: str) -> None:
    net, size = prices.build(Choice(key)), prices.row(key).size
    found = counting.of(net, size)
    assert 2 * found.macs == conv_flops(net, size)
    assert found.params == sum(p.numel() for p in net.parameters())
    assert all(p.is_meta for p in net.parameters()), "no memory for weights"
    assert found.gate + found.rest == found.total
    assert sum((stage.gate + stage.rest for stage in found.stages), counting.Count()) == found.total
    assert len({m.name for m in found.per_module}) == len(found.per_module)


# legacy_seresnet50, seresnet50 and skresnext50: "Exact checks" of the SENet and SKNet papers' networks
@pytest.mark.parametrize(
    ("key", "params", "macs"),
    [
        ("legacy_seresnet50", 28_088_024, 3_860_488_192),
        ("seresnet50", 28_088_024, 4_091_699_200),
        ("skresnext50_32x4d", 27_479_784, 4_462_710_784),
        ("sknet50", 27_479_784, 4_462_710_784),
        ("se_resnet50", 28_088_024, 4_091_699_200),
        ("mobilenet_v3_large", 5_483_032, 216_589_760),
        ("mobilenet_v3_small", 2_542_856, 56_510_400),
    ],
)
def test_numbers_that_are_known(key: str, params: int, macs: int) -> None:
    found = counting.of(prices.build(Choice(key)))
    assert (found.params, found.macs) == (params, macs)


def test_gates_of_the_authors_network() -> None:
    found = counting.of(load.outline("legacy_seresnet50"))
    assert found.gate.macs / found.macs == pytest.approx(0.00065, abs=5e-6)
    assert [stage.gate.macs for stage in found.stages if stage.gates] == [24_576, 131_072, 786_432, 1_572_864]
    assert found.gate.params == 2_514_944 + 16_048 and found.rest.params == 25_557_032
    maps = sum(n * c * side**2 for (n, c), side in zip(R50, (56, 28, 14, 7), strict=True))
    assert found.gate.pool == found.gate.scale == maps, "every map is read once and multiplied once"
    assert (found.stages[0].name, found.stages[0].side, found.stages[-1].name) == ("stem", 56, "head")


def test_equation_5() -> None:
    assert prices.eq5(R50, 16) == 2_514_944
    assert [prices.eq5((stage,), 16) for stage in R50] == [24_576, 131_072, 786_432, 1_572_864]
    assert prices.eq5(R50[:3], 16) / 25_557_032 == pytest.approx(0.0369, abs=5e-5)
    assert prices.eq5(R50, 16) / 25_557_032 == pytest.approx(0.0984, abs=5e-5)
    assert prices.eq5(R50[3:], 16) / prices.eq5(R50, 16) == pytest.approx(0.625, abs=1e-3)


@pytest.mark.parametrize("name", RESNETS)
@pytest.mark.parametrize("r", registry.REDUCTIONS)
def test_equation_5_agrees_with_the_modules(name: str, r: int) -> None:
    """For every subset of stages."""
    bare = sum(p.numel() for p in variants.bare(name, device="meta").parameters())
    pairs = tuple(zip(RESNETS[name], (256, 512, 1024, 2048), strict=True))
    for count in range(5):
        for stages in combinations((1, 2, 3, 4), count):
            net = variants.build(name, device="meta", reduction=r, bias=False, stages=stages)
            extra = sum(p.numel() for p in net.parameters()) - bare
            assert extra == prices.eq5([pairs[n - 1] for n in stages], r)


@pytest.mark.parametrize("name", [row.name for row in registry.NETWORKS])
def test_the_gates_share_is_what_the_gates_add(name: str) -> None:
    """The network by parts, and two networks: the same answer two ways."""
    found = prices.price(Choice(name))
    assert found.bare is not None
    assert len(found.cost.gates) == registry.network(name).gates
    if registry.network(name).family == "sk":  # its second kernels are added too
        assert found.adds[0] > found.cost.gate.params
    else:
        assert found.adds == (found.cost.gate.params, found.cost.gate.macs)
        assert found.weights == sum(g.weights for g in found.cost.gates) == found.cost.gate.macs


def test_no_squeeze_costs_what_it_costs_at_every_pixel() -> None:
    found = counting.of(prices.build(Choice("se_resnet50").but(squeeze="none", bias=False)))
    per_pixel = sum(prices.eq5((stage,), 16) * side**2 for stage, side in zip(R50, (56, 28, 14, 7), strict=True))
    assert found.gate.macs == per_pixel and found.gate.params == 2_514_944 and found.gate.pool == 0
    assert [len(stage.gates) for stage in found.stages] == [0, 3, 4, 6, 3, 0]


def test_one_block_by_hand() -> None:
    found = counting.of(nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1, bias=False), SEBlock(8, 4, bias=True)), 8)
    assert found.total == counting.Count(params=8 * 27 + 2 * 16 + 10, conv=8 * 27 * 16, linear=32, pool=128, scale=128)
    (gate,) = found.gates
    assert (gate.name, gate.channels, gate.hidden, gate.weights) == ("1", 8, 2, 32)
    assert gate.count == counting.Count(42, linear=32, pool=128, scale=128)


def test_of_an_sk_unit_the_branches_are_not_the_gate() -> None:
    found = counting.of(nn.Sequential(nn.Conv2d(3, 32, 1, bias=False), SKConv(32, groups=8)), 8)
    names = {m.name for m in found.per_module if m.gate}
    assert names == {"1", "1.pool", "1.fc1", "1.bn", "1.fc2"}
    assert found.gate == counting.Count(32 * 32 + 64 + 32 * 64, conv=32 * 32 + 32 * 64, pool=32 * 64, scale=2 * 32 * 64)


def test_a_weight_that_is_shared_is_counted_once() -> None:
    layer = nn.Conv2d(3, 3, 1, bias=False)
    found = counting.of(nn.Sequential(layer, layer), 4)
    assert found.params == 9 and found.macs == 2 * 9 * 16


def test_the_module_is_left_as_it_was() -> None:
    net = deepcopy(truth.model("tiny_se")).train()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    counting.of(net, 32), prices.kept(net, 32), prices.ungated(net)
    assert all(part.training for part in net.modules())
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in net.modules())
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


def test_memory_of_a_training_step_by_hand() -> None:
    """A convolution keeps its input; ReLU in place keeps its output, which is the convolution's."""
    net = nn.Sequential(nn.Conv2d(3, 8, 1, bias=False), nn.ReLU(inplace=True), nn.Conv2d(8, 4, 1, bias=False))
    assert prices.kept(net, 16) == 4 * 16 * 16 * (3 + 8)


def test_memory_is_what_real_tensors_hold() -> None:
    """The same hooks on a real forward: storages that are kept, of a batch of 3 minus one of 2."""
    net = deepcopy(truth.model("tiny_se")).train().requires_grad_()
    own = {p.untyped_storage().data_ptr() for p in (*net.parameters(), *net.buffers())}

    def held(batch: int) -> int:
        seen: dict[int, int] = {}
        alive = []

        def keep(value: torch.Tensor) -> torch.Tensor:
            storage = value.untyped_storage()
            if storage.data_ptr() not in own:
                seen[storage.data_ptr()] = storage.nbytes()
                alive.append(value)
            return value

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda value: value):
            out = net(torch.rand(batch, 3, 32, 32))
        del out
        return sum(seen.values())

    assert prices.kept(net, 32) == held(3) - held(2)


def test_a_gate_keeps_its_maps() -> None:
    """Without the gate the norm's output need not be kept: an SE-ResNet-50 keeps a quarter more."""
    found = prices.price(Choice("se_resnet50"))
    assert found.kept_bare is not None
    maps = 4 * sum(n * c * side**2 for (n, c), side in zip(R50, (56, 28, 14, 7), strict=True))
    small = 4 * sum(n * (3 * c + c // 16) for n, c in R50)
    assert maps <= found.kept - found.kept_bare <= maps + small


def test_what_competes_cannot_be_left_out() -> None:
    with pytest.raises(ValueError, match="chooses"):
        prices.ungated(load.outline("tiny_sk"))
    assert prices.bare(Choice("tiny_sk")) is None


def test_a_network_of_the_zoo_has_no_options() -> None:
    with pytest.raises(OptionRefused):
        prices.build(Choice("seresnet50").but(reduction=8))


def test_stride_of_the_authors() -> None:
    found = counting.of(comparison.stride_first(prices.build(Choice("se_resnet50"))))
    assert found.macs == 3_860_488_192, "legacy_seresnet50, the authors' network"


# --- time ---------------------------------------------------------------------------------------------------------


def test_time_is_taken_in_turn() -> None:
    ran: list[str] = []

    class Said(nn.Module):
        def __init__(self, name: str) -> None:
            super().__init__()
            self.name, self.layer = name, nn.Conv2d(3, 3, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            ran.append(self.name)
            return self.layer(x)

    told: list[tuple[int, int]] = []
    found = timing.timed(Said("a"), Said("b"), 8, 0.02, progress=lambda *n: told.append(n))
    turns = "".join(ran[2:])
    assert len(found.rounds) >= timing.LEAST_ROUNDS and len(turns) == 2 * len(found.rounds)
    assert all(turns[i : i + 4] == "abba" for i in range(0, len(turns) - 3, 4)), "who is first changes every round"
    assert all(bare > 0 and gated > 0 for bare, gated in found.rounds)
    low, middle, high = found.quartiles(0)
    assert low <= middle <= high and found.extra[0] <= found.extra[1] <= found.extra[2]
    assert told and all(0 <= done <= total == 20 for done, total in told)
    assert found.device == "cpu" and found.threads >= 1 and found.cores >= 1


def test_the_ratio_is_paired() -> None:
    found = timing.Timing(((10.0, 11.0), (100.0, 120.0), (1.0, 1.3)), 8, "cpu", 1, None, 1)
    assert found.extra[1] == pytest.approx(0.2) and found.quartiles(0)[1] == 10 and found.quartiles(1)[1] == 11


def test_networks_without_memory_can_be_timed() -> None:
    plain, gated = prices.bare(Choice("tiny_se")), prices.build(Choice("tiny_se"))
    assert plain is not None
    assert len(timing.timed(plain, gated, 32, 0.0).rounds) >= timing.LEAST_ROUNDS
    assert all(p.is_meta for p in gated.parameters())
