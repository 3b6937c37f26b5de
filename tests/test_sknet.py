"""SKNet of our own blocks against timm's skresnext50_32x4d, and the paper's rule for the other depths."""

from __future__ import annotations

import pytest
import torch

from senet_viz.networks.blocks import SKConv
from senet_viz.networks.sknet import DEPTHS, SKBlock, SKNet
from senet_viz.tap import hooks, layouts


def test_sknet_50_is_timms_skresnext50() -> None:
    import timm

    torch.manual_seed(0)
    theirs = timm.create_model("skresnext50_32x4d", pretrained=False, zero_init_last=False).eval()
    for part in theirs.modules():
        if isinstance(part, torch.nn.BatchNorm2d):  # else every shift is 0 and a swapped pair would go unseen
            torch.nn.init.uniform_(part.bias, -0.5, 0.5)
    ours = SKNet(50).eval()
    weights = dict(zip(ours.state_dict(), theirs.state_dict().values(), strict=True))  # the same order of definition
    ours.load_state_dict(weights)
    assert sum(p.numel() for p in ours.parameters()) == 27_479_784
    x = torch.randn(2, 3, 96, 96)
    with torch.inference_mode():
        assert torch.allclose(ours(x), theirs(x), atol=1e-4)
    a, b = hooks.run(ours, x[:1]), hooks.run(theirs, x[:1])
    for mine, its in zip(a.blocks, b.blocks, strict=True):
        assert torch.allclose(mine.gate, its.gate, atol=1e-5)


@pytest.mark.parametrize("layers", DEPTHS)
def test_every_depth_follows_the_papers_rule(layers: int) -> None:
    with torch.device("meta"):
        net = SKNet(layers)
    units = [part for part in net.modules() if isinstance(part, SKConv)]
    assert len(units) == sum(DEPTHS[layers]) == (layers - 2) // 3
    for unit in units:
        width = unit.fc1.in_channels
        assert unit.fc1.out_channels == max(width // 16, 32) and unit.fc2.out_channels == 2 * width
        assert all(branch[0].groups == 32 for branch in unit.branches)


def test_three_branches_and_the_gates_of_all_units() -> None:
    torch.manual_seed(0)
    net = SKNet(26, classes=5, branches=3).eval()
    trace = hooks.run(net, torch.randn(1, 3, 64, 64))
    assert len(trace.blocks) == len(layouts.find(net)) == 8 and trace.silent == ()
    for block in trace.blocks:
        assert block.branches == 3 and torch.allclose(block.gate.sum(0), torch.ones(block.channels), atol=1e-6)


def test_a_block_halves_the_map_and_doubles_the_width() -> None:
    block = SKBlock(64, 128, stride=2).eval()
    assert block(torch.randn(2, 64, 16, 16)).shape == (2, 256, 8, 8)


def test_another_depth_is_refused() -> None:
    with pytest.raises(ValueError, match="layers"):
        SKNet(34)
