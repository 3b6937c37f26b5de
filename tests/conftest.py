"""What every test shares: one torch thread, and the traces of every network that has gates.

Sockets are blocked except loopback for the whole suite: the options are pytest-socket's, in ``pyproject.toml``, and
``test_architecture.py`` fails where they are missing.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from streamlit.components.v2 import manifest_scanner
from torch import Tensor, nn

from senet_viz.models import catalogue
from senet_viz.tap import hooks as tap
from senet_viz.tap import layouts
from senet_viz.types import Trace
from senet_viz.ui import state
from tests import networks, tiers

# One real network for every class that `layouts` knows, beyond those of the catalogue.
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
TOGETHER = dict.fromkeys((f"tests/test_{name}.py" for name in ("edits", "replay", "tap")), "traced")
state.HEAD_START_S = 0.0  # no browser draws what AppTest runs
# An AppTest reads the metadata of all that is installed, which is half of its start: once a process is enough.
manifest_scanner.scan_component_manifests = cache(manifest_scanner.scan_component_manifests)
HERE = Path(__file__).parent
Build = Callable[[str], Any]  # a network, whose parts are reached by attribute
GATED = tuple(f"models/{row.key}" for row in catalogue.MODELS if row.blocks) + OTHERS


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what is slow (``tiers``), and put the browser's tests last.

    So what is broken below them is told first, and two processes end together.
    """
    seen: dict[str, list[str]] = {}
    for item in items:
        test = f"{item.path.relative_to(HERE).as_posix()}::{getattr(item, 'originalname', item.name)}"
        parameters, traced = "", ""
        if (call := getattr(item, "callspec", None)) is not None:
            parameters, traced = call.id, call.params.get("traced", "")
        seen.setdefault(test, []).append(parameters)
        if tiers.slow(test, parameters, traced):
            item.add_marker(pytest.mark.slow)
    config.stash[tiers.IDLE] = [
        f"{cut.test}[{pattern}]"
        for cut in tiers.CUTS
        for pattern in cut.keep
        if cut.test in seen and not fnmatch.filter(seen[cut.test], pattern)
    ]
    items.sort(key=lambda item: item.nodeid.startswith(BROWSER))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With several processes: a file's tests stay together, for what they build, and so do files that build the same.

    The browser's are dealt one by one: every process has a server and a Chromium of its own.
    """
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            return nodeid if nodeid.startswith(BROWSER) else TOGETHER.get(file, file)

    return ByFile(config, log)


@pytest.fixture(scope="session", autouse=True)
def one_torch_thread() -> None:
    """As in the app: one thread a forward, so that results do not depend on the machine."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def build() -> Build:
    """``networks.stirred``: a name to a network that tests share. Copy it before changing it."""
    return networks.stirred


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
    """Every network with a gate that the suite knows, one after the other: the catalogue, then one of every layout."""
    module = networks.stirred(request.param)
    x = networks.pictures(2, seed=2, size=networks.side(request.param))
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
