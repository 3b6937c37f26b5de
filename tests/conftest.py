"""What every test shares: one torch thread, and networks with random weights, each built once.

Sockets are blocked except loopback for the whole suite: the options are pytest-socket's, in ``pyproject.toml``, and
``test_architecture.py`` fails where they are missing.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from senet_viz.models import catalogue, load
from senet_viz.tap import hooks as tap
from senet_viz.tap import layouts
from senet_viz.types import Trace
from tests import tiers

# One real network for every class that `layouts` knows, beyond those of the zoo.
OTHERS = (
    "timm/ecaresnet26t",  # EcaModule
    "timm/efficientnet_b0",  # SqueezeExcite
    "timm/ese_vovnet19b_dw",  # EffectiveSEModule
    "timm/gc_efficientnetv2_rw_t",  # GlobalContext with mlp_scale
    "timm/hgnet_tiny",  # EseModule
    "timm/mobilenetv3_small_050",  # SqueezeExcite, h-sigmoid
    "timm/regnety_002",  # SEModule
    "timm/resnest14d",  # SplitAttn, radix 2
    "timm/resnest50d_1s4x24d",  # SplitAttn, radix 1, four groups
    "timm/seresnext26t_32x4d",  # SEModule in a deep stem network
    "timm/skresnet34",  # SelectiveKernel, split input
    "torchvision/regnet_y_400mf",  # SqueezeExcitation
    "ours/se",
    "ours/se_h",
    "ours/sk",
)
BROWSER = "tests/browser/"
HERE = Path(__file__).parent
Build = Callable[[str], Any]  # a network, whose parts are reached by attribute
GATED = tuple(f"zoo/{row.key}" for row in catalogue.MODELS if row.blocks) + OTHERS


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what is slow (``tiers``), and put the browser's tests last.

    So what is broken below them is told first, and two processes end together.
    """
    seen: dict[str, list[str]] = {}
    for item in items:
        test = f"{item.path.relative_to(HERE).as_posix()}::{getattr(item, 'originalname', item.name)}"
        parameters = item.callspec.id if hasattr(item, "callspec") else ""
        seen.setdefault(test, []).append(parameters)
        if tiers.slow(test, parameters):
            item.add_marker(pytest.mark.slow)
    config.stash[tiers.IDLE] = [
        f"{cut.test}[{pattern}]"
        for cut in tiers.CUTS
        for pattern in cut.keep
        if cut.test in seen and not fnmatch.filter(seen[cut.test], pattern)
    ]
    items.sort(key=lambda item: item.nodeid.startswith(BROWSER))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With several processes: a file's tests stay together, for what they build; the browser's are dealt one by one.

    Every process has a server and a Chromium of its own.
    """
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return nodeid if nodeid.startswith(BROWSER) else nodeid.partition("::")[0]

    return ByFile(config, log)


@pytest.fixture(scope="session", autouse=True)
def one_torch_thread() -> None:
    """As in the app: one thread a forward, so that results do not depend on the machine."""
    torch.set_num_threads(1)


def pictures(count: int, seed: int = 5, size: int = 64) -> Tensor:
    """(count, 3, size, size): coarse shapes under fine noise, of very different brightness and contrast."""
    rng = torch.Generator().manual_seed(seed)
    coarse = F.interpolate(torch.randn(count, 3, 5, 5, generator=rng), size=(size, size), mode="bicubic")
    fine = torch.randn(count, 3, size, size, generator=rng)
    contrast, brightness = torch.rand(count, 1, 1, 1, generator=rng) + 0.5, torch.randn(count, 1, 1, 1, generator=rng)
    return (coarse + fine / 2) * contrast + brightness


def side(name: str) -> int:
    """Of the pictures for a network of ``build``: 64 pixels, or what leaves more than one at the end."""
    source, _, key = name.partition("/")
    return 139 if source == "zoo" and catalogue.spec(key).size == 299 else 64


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


@lru_cache(maxsize=4)
def _built(name: str) -> nn.Module:
    source, _, arch = name.partition("/")
    if source == "zoo":
        return stir(load.load(arch, weights="random"), side(name))
    torch.manual_seed(0)
    if source == "ours":
        from senet_viz.networks.tiny import TinyNet

        module: nn.Module = TinyNet(arch)
    elif source == "torchvision":
        import torchvision

        module = torchvision.models.get_model(arch, weights=None)
    else:
        import timm

        module = timm.create_model(arch)
    return stir(module)


@pytest.fixture(scope="session")
def build() -> Build:
    """``"zoo/KEY"``, ``"timm/ARCH"``, ``"torchvision/ARCH"`` or ``"ours/BLOCK"`` to a network in eval mode.

    Shared between tests: copy it before changing it.
    """
    return _built


@dataclass(frozen=True, eq=False)
class Traced:
    """One network, two pictures, what the network alone says, and the traces with every u."""

    name: str
    module: nn.Module
    x: Tensor  # (2, 3, 64, 64), or larger where the network takes no smaller
    logits: Tensor  # (1, K) of the first picture, untapped
    trace: Trace  # of the first picture


@pytest.fixture(scope="session", params=GATED)
def traced(request: pytest.FixtureRequest) -> Traced:
    """Every network with a gate that the suite knows, one after the other: the zoo, then one of every layout."""
    module = _built(request.param)
    x = pictures(2, seed=2, size=side(request.param))
    every = tuple(ref.name for ref in layouts.find(module))
    with torch.inference_mode():
        logits = module(x[:1])
    trace = tap.run(module, x[:1], keep_u=every)
    return Traced(request.param, module, x, logits, trace)


def hooks(module: nn.Module) -> int:
    """How many hooks of any kind are set on a network."""
    kinds = (
        "_forward_hooks",
        "_forward_pre_hooks",
        "_forward_hooks_with_kwargs",
        "_forward_pre_hooks_with_kwargs",
        "_forward_hooks_always_called",
        "_backward_hooks",
        "_backward_pre_hooks",
    )
    return sum(len(getattr(part, kind)) for part in module.modules() for kind in kinds)
