"""The four small networks differ in nothing but the block, and every gate of theirs matters."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch

from senet_viz.networks.tiny import BLOCKS, TinyNet
from senet_viz.tap import hooks, layouts
from senet_viz.types import Edit

GATED = tuple(block for block in BLOCKS if block != "plain")
PARAMETERS = {"plain": 1_343_826, "se": 1_471_826, "se_h": 1_857_170, "sk": 1_669_714}
UNITS = ((2, 64), (2, 128), (3, 256), (3, 512))  # how many, and C


@pytest.mark.parametrize("size", [64, 96])
@pytest.mark.parametrize("block", BLOCKS)
def test_it_runs_at_any_size(block: str, size: int) -> None:
    net = TinyNet(block, classes=7).eval()
    with torch.no_grad():
        logits = net(torch.randn(2, 3, size, size))
    assert logits.shape == (2, 7)
    assert logits.isfinite().all()


@pytest.mark.parametrize("block", BLOCKS)
def test_parameter_counts_are_stable(block: str) -> None:
    """Weight files of ours depend on them."""
    assert sum(p.numel() for p in TinyNet(block, classes=50).parameters()) == PARAMETERS[block]


def test_parameter_counts_are_what_the_papers_formulas_add() -> None:
    added = {block: PARAMETERS[block] - PARAMETERS["plain"] for block in GATED}
    assert added["se"] == sum(n * 2 * c * c // 16 for n, c in UNITS)  # SENet, eq. 5, r = 16
    assert added["se_h"] == sum(n * (2 * c * c // 4 + 2 * c // 4) for n, c in UNITS)  # r = 4, and a batch norm
    d, g = 32, 16  # SKNet: d = max(C/r, L); channels in a group
    inner = ((n, c // 2) for n, c in UNITS)
    assert added["sk"] == sum(n * ((9 * w * g + 2 * w) + (w * d + 2 * d) + 2 * d * w) for n, w in inner)


def test_an_unknown_block_is_refused() -> None:
    with pytest.raises(ValueError, match="block must be one of"):
        TinyNet("cbam")


def shapes(block: str) -> dict[str, tuple[int, ...]]:
    """Names and shapes of everything outside the attention block and the convolution that SK replaces."""
    state = TinyNet(block).state_dict()
    return {name: tuple(v.shape) for name, v in state.items() if not re.search(r"\.(se|conv2)\.", name)}


@pytest.mark.parametrize("block", GATED)
def test_only_the_block_differs(block: str) -> None:
    assert shapes(block) == shapes("plain")
    with_se = {name for name in TinyNet(block).state_dict() if ".se." in name}
    assert bool(with_se) == block.startswith("se")
    if block.startswith("se"):  # then the convolutions are the plain network's too
        plain = {name: v.shape for name, v in TinyNet("plain").state_dict().items()}
        assert {name: v.shape for name, v in TinyNet(block).state_dict().items() if name not in with_se} == plain


@pytest.mark.parametrize("block", GATED)
def test_every_unit_has_a_gate_and_every_gate_learns(block: str) -> None:
    torch.manual_seed(0)
    net = TinyNet(block)
    units = sum(len(getattr(net, f"layer{stage}")) for stage in range(1, net.stages + 1))
    places = layouts.places(net)
    assert len(places) == units
    net(torch.randn(4, 3, 64, 64)).square().sum().backward()
    parameters = dict(net.named_parameters())
    for place in places:
        for layer in ("fc1", "fc2"):
            gradient = parameters[f"{place.name}.{layer}.weight"].grad
            assert gradient is not None
            assert float(gradient.abs().max()) > 0, (place.name, layer)


@pytest.mark.parametrize("block", GATED)
def test_every_gate_changes_the_output(block: str) -> None:
    torch.manual_seed(0)
    net, x = TinyNet(block).eval(), torch.randn(1, 3, 64, 64)
    before = hooks.run(net, x).logits
    for ref in layouts.find(net):
        after = hooks.run(net, x, edits=(Edit(ref.name, "mute"),)).logits
        assert float((after - before).abs().max()) > 1e-4, ref.name


def test_the_gate_sits_before_the_addition() -> None:
    """SENet, fig. 3: with the gate shut, a unit is its shortcut and a ReLU."""
    torch.manual_seed(0)
    net: Any = TinyNet("se").eval()
    unit = net.layer1[1]
    with torch.no_grad():
        unit.se.fc2.weight.zero_()
        x = torch.randn(1, 64, 8, 8)
        half = torch.relu(unit.conv3(unit.conv2(unit.conv1(x))) / 2 + x)  # sigmoid(0) = 1/2
        assert (unit(x) - half).abs().max() <= 1e-6
