"""Networks that give no class scores: torchvision's for segmentation and detection, whose backbones have gates."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torchvision.models import detection, segmentation

from senet_viz.errors import NoClassScores, SenetVizError
from senet_viz.experiments import attribution, channel_ranking
from senet_viz.networks.blocks import SEBlock
from senet_viz.tap import hooks as tap
from senet_viz.tap import layouts, replay
from senet_viz.types import Edit
from tests.conftest import hooks
from tests.networks import pictures, stir

BARE = {"weights": None, "weights_backbone": None}
NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "lraspp": lambda: segmentation.lraspp_mobilenet_v3_large(**BARE),
    "deeplabv3": lambda: segmentation.deeplabv3_mobilenet_v3_large(**BARE, aux_loss=True),
    "ssdlite": lambda: detection.ssdlite320_mobilenet_v3_large(**BARE),
    "faster_rcnn": lambda: detection.fasterrcnn_mobilenet_v3_large_320_fpn(**BARE),
}


@pytest.fixture(scope="module", params=NETWORKS)
def network(request: pytest.FixtureRequest) -> nn.Module:
    torch.manual_seed(0)
    return stir(NETWORKS[request.param](), 96)


def output(module: nn.Module, x: Tensor) -> list[Tensor]:
    """Every tensor in what it gives, in order."""
    with torch.inference_mode():
        given: Any = module(x)
    return [value for each in (given if isinstance(given, list) else [given]) for value in each.values()]


def test_its_gates_are_traced_without_class_scores(network: nn.Module) -> None:
    x, before = pictures(1, size=96), hooks(network)
    names = [ref.name for ref in layouts.find(network)]
    own = output(network, x)
    trace = tap.run(network, x, keep_u=names[:1], model="mine")
    assert len(names) == 8 and [block.name for block in trace.blocks] == names and trace.silent == ()
    assert trace.scores is None
    with pytest.raises(NoClassScores, match="mine gives no class scores"):
        _ = trace.logits
    for block in trace.blocks:
        found = replay.replay(network, block)
        assert found is not None
        assert 0 <= float(block.gate.min()) <= float(block.gate.max()) <= 1
    assert trace.blocks[0].residue is not None and trace.blocks[0].residue < 1e-5
    assert hooks(network) == before
    assert all(torch.equal(a, b) for a, b in zip(output(network, x), own, strict=True))


def test_its_gates_can_be_changed(network: nn.Module) -> None:
    x, name = pictures(1, size=96), layouts.find(network)[0].name
    before, after = tap.run(network, x), tap.run(network, x, (Edit(name, "mute"),))
    assert not after.block(name).gate.any()
    moved = {row.name for row in channel_ranking.downstream(before, after) if row.mean_change}
    assert name in moved and len(moved) > 1


def test_what_needs_class_scores_is_refused_by_name(network: nn.Module) -> None:
    x, before = pictures(1, size=96), hooks(network)
    name = layouts.find(network)[0].name
    gates = tap.run(network, x).block(name).gate[None]
    for ask in (
        partial(tap.gated, network, x, name, gates),
        *(partial(attribution.run, method, network, x, 0, name) for method in attribution.METHODS),
    ):
        with pytest.raises(NoClassScores):
            ask()
    assert issubclass(NoClassScores, SenetVizError) and hooks(network) == before


class Segmenter(nn.Module):
    """A network of somebody's own that gives a map, in a tensor or in a tuple of several."""

    def __init__(self, several: bool) -> None:
        super().__init__()
        self.conv, self.se, self.several = nn.Conv2d(3, 32, 3), SEBlock(32, 4), several

    def forward(self, x: Tensor) -> Any:
        x = self.se(self.conv(x))
        return (x, x) if self.several else x


@pytest.mark.parametrize("several", [False, True])
def test_a_map_is_no_list_of_class_scores(several: bool) -> None:
    trace = tap.run(Segmenter(several), pictures(1))
    assert trace.scores is None and [block.name for block in trace.blocks] == ["se"]


def test_class_scores_are_found_in_what_networks_give() -> None:
    scores = torch.randn(2, 5)
    for given in (scores, scores[:, :, None, None], (scores, None), [scores]):
        found = tap.class_scores(given)
        assert found is not None and torch.equal(found, scores)
    for given in ({"out": scores}, [{"boxes": scores}], (), None, torch.randn(2, 5, 7, 7), torch.randn(3)):
        assert tap.class_scores(given) is None
