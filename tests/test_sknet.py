"""SKNet, a ResNeXt whose 3x3 convolutions are Selective Kernel convolutions: the paper's rules at every depth.

``test_variants.py`` compares it with timm's skresnext50_32x4d.
"""

import pytest
import torch

from senet_viz.networks import variants
from senet_viz.networks.blocks import SKConv
from senet_viz.networks.registry import NETWORKS
from senet_viz.tap import hooks, layouts
from tests.networks import network


@pytest.mark.parametrize("name", [row.name for row in NETWORKS if row.family == "sk"])
def test_every_depth_follows_the_papers_rule(name: str) -> None:
    units = [part for part in variants.build(name, device="meta").modules() if isinstance(part, SKConv)]
    assert len(units) == (int(name.removeprefix("sknet")) - 2) // 3
    for unit in units:
        width = unit.fc1.in_channels
        assert unit.fc1.out_channels == max(width // 16, 32) and unit.fc2.out_channels == 2 * width
        assert all(branch[0].groups == 32 for branch in unit.branches)


def test_three_branches_and_the_gates_of_all_units() -> None:
    net = network("inserted/sknet26", classes=5, branches=3)
    trace = hooks.run(net, torch.randn(1, 3, 64, 64))
    assert len(trace.blocks) == len(layouts.find(net)) == 8 and trace.silent == ()
    for block in trace.blocks:
        assert block.branches == 3 and torch.allclose(block.gate.sum(0), torch.ones(block.channels), atol=1e-6)
