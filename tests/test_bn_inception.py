"""BN-Inception is the released network: the channels of its prototxt, its parameters, its multiplications."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from senet_viz.networks import variants
from senet_viz.networks.bn_inception import MODULES, BNInception, HalvingPool

OUTPUTS = {  # name: channels, side of the map at 224
    "3a": (256, 28), "3b": (320, 28), "3c": (576, 14),
    "4a": (576, 14), "4b": (576, 14), "4c": (608, 14), "4d": (608, 14), "4e": (1056, 7),
    "5a": (1024, 7), "5b": (1024, 7),
}  # fmt: skip
SQUEEZED = [16, 20, 36, 36, 36, 38, 38, 66, 64, 64]  # num_output of each module's "1x1_down" in the prototxt


@pytest.fixture(scope="module")
def outline() -> Any:
    with torch.device("meta"):
        return BNInception().eval()


def test_it_has_the_released_parameters(outline: nn.Module) -> None:
    assert sum(p.numel() for p in outline.parameters()) == 11_285_224
    convs = [part for part in outline.modules() if isinstance(part, nn.Conv2d)]
    norms = [part for part in outline.modules() if isinstance(part, nn.BatchNorm2d)]
    assert len(convs) == len(norms) == 3 + 8 * 7 + 2 * 5
    assert all(conv.bias is None for conv in convs) and all(norm.affine and norm.eps == 1e-5 for norm in norms)


def test_its_maps_are_those_of_the_prototxt(outline: nn.Module) -> None:
    seen: dict[str, tuple[int, int]] = {}
    for name in MODULES:
        part = outline.get_submodule(f"inception_{name}")
        part.register_forward_hook(lambda _, __, out, n=name: seen.update({n: (out.shape[1], out.shape[2])}))  # type: ignore[misc]
    assert outline(torch.zeros(1, 3, 224, 224, device="meta")).shape == (1, 1000)
    assert seen == OUTPUTS


def test_its_gates_have_the_prototxts_widths_and_order() -> None:
    gates = variants.gates(variants.build("se_bn_inception", device="meta"))
    assert [gate.name for gate in gates] == [f"inception_{name}.se" for name in OUTPUTS]
    assert [gate.channels for gate in gates] == [channels for channels, _ in OUTPUTS.values()]
    assert [gate.module.fc1.out_features for gate in gates] == SQUEEZED
    assert all(gate.module.fc1.bias is not None and gate.module.fc2.bias is not None for gate in gates)


def test_its_multiplications_are_table_2() -> None:
    """TPAMI: 2.03 GFLOPs, 2.04 with SE; the paper counts a multiply-accumulate once."""
    counts = []
    for model in (variants.bare("se_bn_inception", device="meta"), variants.build("se_bn_inception", device="meta")):
        with FlopCounterMode(display=False) as counter:
            model(torch.zeros(1, 3, 224, 224, device="meta"))
        counts.append(counter.get_total_flops() / 2)
    assert counts[0] / 1e9 == pytest.approx(2.03, abs=0.01)
    assert counts[1] / 1e9 == pytest.approx(2.04, abs=0.015)
    assert counts[1] - counts[0] == sum(2 * c * w for (c, _), w in zip(OUTPUTS.values(), SQUEEZED, strict=True))


@pytest.mark.parametrize("name", ["3a", "3c", "5b"])
def test_a_module_is_its_branches_side_by_side(name: str) -> None:
    torch.manual_seed(0)
    row, net = MODULES[name], BNInception(5).eval()
    module: Any = net.get_submodule(f"inception_{name}")
    c_in = module.branches[0 if row.one else 1][0].in_channels if row.one else module.branches[0][0][0].in_channels
    x = torch.randn(2, c_in, 8, 8)

    def conv(part: Any, y: Tensor) -> Tensor:
        y = F.conv2d(y, part[0].weight, stride=part[0].stride, padding=part[0].kernel_size[0] // 2)
        return F.relu(part[1](y))

    with torch.no_grad():
        *towers, pooled = module.branches
        maps = []
        if row.one:
            maps.append(conv(towers.pop(0), x))
        for tower in towers:
            y = x
            for part in tower:
                y = conv(part, y)
            maps.append(y)
        if row.stride == 2:
            maps.append(F.max_pool2d(x, 3, 2, ceil_mode=True))
        else:
            pool = {"avg": F.avg_pool2d(x, 3, 1, 1), "max": F.max_pool2d(x, 3, 1, 1)}[
                row.pool
            ]  # Caffe counts the border
            maps.append(conv(pooled[1], pool))
        assert (module(x) - torch.cat(maps, 1)).abs().max() <= 1e-6


@pytest.mark.parametrize("side", [2, 3, 7, 8, 13, 14])
def test_the_halving_pool(side: int) -> None:
    x = torch.randn(1, 2, side, side)
    out = HalvingPool()(x)
    assert out.shape[2:] == (-(-side // 2), -(-side // 2)) and bool(out.isfinite().all())
    if side % 2 == 0:
        assert torch.equal(out, F.max_pool2d(x, 3, 2, ceil_mode=True))
    assert float(out[0, 0, 0, 0]) == float(x[0, 0, :3, :3].max())
    assert float(out[0, 1, -1, -1]) == float(x[0, 1, 2 * out.shape[2] - 2 :, 2 * out.shape[3] - 2 :].max())


@pytest.mark.parametrize("size", [32, 40, 97, 200])
def test_it_takes_any_size(size: int) -> None:
    with torch.device("meta"):
        assert BNInception(9)(torch.zeros(2, 3, size, size)).shape == (2, 9)
