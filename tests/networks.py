"""Networks for tests: built in this file, each once, then shared while all of them weigh no more than ``KEPT_MIB``.

They are in eval mode. A test that changes one, or wants gradients of its weights, takes a ``deepcopy``. Tests of
building and loading build for themselves: ``BUILDERS`` in ``test_architecture.py`` names them.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from senet_viz.models import catalogue, load
from senet_viz.networks import variants
from senet_viz.networks.tiny import TinyNet
from senet_viz.service.cache import Shared
from senet_viz.service.questions import mib
from senet_viz.tap import layouts

Weights = str  # as `load` has them: pretrained, random, epoch-4
KEPT_MIB = 256.0
_kept: Shared[nn.Module] = Shared(KEPT_MIB, lambda net: mib((*net.parameters(), *net.buffers())))


def pictures(count: int, seed: int = 5, size: int = 64) -> Tensor:
    """(count, 3, size, size): coarse shapes under fine noise, of very different brightness and contrast."""
    rng = torch.Generator().manual_seed(seed)
    coarse = F.interpolate(torch.randn(count, 3, 5, 5, generator=rng), size=(size, size), mode="bicubic")
    fine = torch.randn(count, 3, size, size, generator=rng)
    contrast, brightness = torch.rand(count, 1, 1, 1, generator=rng) + 0.5, torch.randn(count, 1, 1, 1, generator=rng)
    return (coarse + fine / 2) * contrast + brightness


def side(name: str) -> int:
    """Of the pictures for a network of ``stirred``: 64 pixels, or what leaves more than one at the end."""
    source, _, key = name.partition("/")
    return 139 if source == "models" and catalogue.spec(key).size == 299 else 64


def stir(module: nn.Module, size: int = 64) -> nn.Module:
    """Random weights that are worth looking at: without this most random networks fade to 0 and gate with 0.5.

    Gates get larger weights, norms a random scale and shift and the statistics of a batch of pictures, so that a step
    left out, or taken from another picture or block, changes the numbers.
    """
    torch.manual_seed(1)
    module.eval().requires_grad_(False)
    for place in layouts.places(module):
        weight = place.w2.weight
        assert isinstance(weight, Tensor)
        nn.init.normal_(weight, 0, 3 / weight[0].numel() ** 0.5)
    norms = [part for part in module.modules() if isinstance(part, nn.BatchNorm2d)]
    for norm in norms:
        nn.init.uniform_(norm.weight, 0.5, 1.5)
        nn.init.normal_(norm.bias, 0, 0.3)
        norm.momentum = 1.0  # the statistics of the last batch
        norm.train()
    module(pictures(6, seed=3, size=size))
    for norm in norms:
        norm.momentum = 0.1
    return module.eval()


def network(name: str, weights: Weights = "random", **options: Any) -> nn.Module:
    """Return a network; its random weights are the same on every call.

    Args:
        name: ``"models/KEY"`` of the catalogue, ``"inserted/NAME"`` of the registry, ``"ours/BLOCK"``,
            ``"timm/ARCH"`` or ``"torchvision/ARCH"``.
        weights: of the catalogue's.
        options: of ``variants.build``.
    """
    return _kept.get((name, weights, *sorted(options.items())), lambda: _built(name, weights, **options))


def stirred(name: str) -> nn.Module:
    """Return the network of that name with random weights that are worth looking at: see ``stir``."""
    return _kept.get(("stirred", name), lambda: stir(_built(name), side(name)))


def _built(name: str, weights: Weights = "random", **options: Any) -> nn.Module:
    source, _, arch = name.partition("/")
    if source == "models":
        return load.load(arch, weights=weights)
    if source == "inserted":
        return variants.build(arch, **options)
    torch.manual_seed(0)
    if source == "ours":
        return TinyNet(arch).eval()
    if source == "torchvision":
        import torchvision

        return torchvision.models.get_model(arch, weights=None).eval()
    import timm

    return timm.create_model(arch).eval()
