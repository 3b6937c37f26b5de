"""Is every gate of a network at work? It runs once in a forward, its weights get gradients, shutting it is noticed.

``test_variants.py`` and ``test_every_gate.py`` ask it of what is offered; ``every_pair.py`` of all of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from functools import lru_cache
from itertools import chain, combinations
from typing import Any

import torch
import torchvision
from torch import Tensor, nn

from senet_viz.networks import variants
from senet_viz.networks.blocks import SEBlock, SKConv
from senet_viz.networks.registry import Network
from tests.covering import Row, every_pair
from tests.networks import pictures


def side(row: Network) -> int:
    return max(row.smallest, 33)  # odd maps in most, and in the ResNets more than one pixel to the end


# --- what is offered ----------------------------------------------------------------------------------------------


def offered(row: Network) -> dict[str, tuple[Any, ...]]:
    """Every option and its values; of stages every choice of some, not of none, which is the bare network."""
    found = {option.name: option.values for option in row.options}
    numbers = found["stages"]
    found["stages"] = tuple(chain.from_iterable(combinations(numbers, n) for n in range(len(numbers), 0, -1)))
    return found


@lru_cache
def _covering(values: tuple[tuple[Any, ...], ...]) -> tuple[Row, ...]:
    return every_pair(values)


def covering(row: Network) -> tuple[dict[str, Any], ...]:
    """Options of that network in which any two values of two options meet."""
    found = offered(row)
    return tuple(dict(zip(found, chosen, strict=True)) for chosen in _covering(tuple(found.values())))


# --- networks, built fast -----------------------------------------------------------------------------------------


@lru_cache(maxsize=2)
def _bare(name: str) -> nn.Module:
    if name != "se_vgg16_bn":
        return variants.bare(name, classes=10)
    with torch.device("meta"):  # two of its layers hold 120 million weights that say nothing about gates
        model = torchvision.models.vgg16_bn(weights=None, num_classes=10)
    model.classifier = nn.Linear(512 * 49, 10)
    torch.manual_seed(0)
    model.to_empty(device="cpu")
    for part in model.modules():
        if hasattr(part, "reset_parameters"):
            part.reset_parameters()
    return model.eval()


def backbone(name: str) -> nn.Module:
    """The network without gates, to be changed."""
    return deepcopy(_bare(name))


forget = _bare.cache_clear


def gated(row: Network, **options: Any) -> nn.Module:
    """As ``build`` makes it, from a backbone that was made before."""
    chosen = row.choose(options)
    if row.family == "mobilenet":  # its bare form has no sites any more
        return variants.build(row.name, classes=10, **options)
    model = backbone(row.name)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        return (variants.add_sk if row.family == "sk" else variants.add_se)(model, **chosen)


# --- at work ------------------------------------------------------------------------------------------------------


def lively(model: nn.Module, x: Tensor) -> nn.Module:
    """Norms take the statistics of ``x``, and shift; else a deep random network fades to nothing."""
    torch.manual_seed(3)
    norms = [part for part in model.modules() if isinstance(part, nn.BatchNorm2d)]
    for norm in norms:
        nn.init.uniform_(norm.bias, -0.3, 0.3)
        norm.momentum, norm.training = 1.0, True
    with torch.no_grad():
        model(x)
    return model.eval()


@contextmanager
def awake(gates: Iterable[nn.Module]) -> Iterator[None]:
    """While inputs go through, one hidden unit of every gate is turned on for the first, and its logits are tamed.

    A dead bottleneck is a fact about weights, not about surgery. So are gates that multiply a map by its own size
    again and again, until there is no such number; and behind fifty half-open gates in a row float32 sees nothing of
    the first.
    """

    def turn(gate: Any, given: tuple[Tensor]) -> tuple[Tensor]:
        hidden = given[0].clone()
        now = float(hidden[0, 0].mean())
        if isinstance(gate.bn, nn.BatchNorm2d):
            gate.bn.bias[0] += 1 - now
            hidden[:, 0] += 1 - now
        elif now < 0:
            gate.fc1.weight[0] *= -1
            hidden[:, 0] *= -1
            if gate.fc1.bias is not None:
                gate.fc1.bias[0] *= -1
        return (hidden,)

    def tame(layer: Any, out: Tensor) -> Tensor:
        own = 0 if layer.bias is None else layer.bias.view(1, -1, *[1] * (out.ndim - 2))
        spread = max(float((out - own).std()), 1.0)
        layer.weight /= spread
        return (out - own) / spread + own

    handles = []
    for gate in gates:
        layers: Any = gate
        if layers.fc2.bias is not None:
            nn.init.constant_(layers.fc2.bias, 2)
        handles.append(layers.act.register_forward_pre_hook(lambda _, given, gate=gate: turn(gate, given)))
        handles.append(layers.fc2.register_forward_hook(lambda layer, _, out: tame(layer, out)))
    yield
    for handle in handles:
        handle.remove()


def idle_gates(model: nn.Module, x: Tensor) -> list[str]:
    """Gates that do not run exactly once, whose weights get no gradient, or that may be shut with no effect.

    Args:
        x: some inputs; norms take their statistics, the first of them is looked at.
    """
    parts = {name: part for name, part in model.named_modules() if isinstance(part, SEBlock | SKConv)}
    with torch.no_grad(), awake(parts.values()):
        lively(model, x)
        model(x[:1])  # as below
    runs = dict.fromkeys(parts, 0)

    def shut(name: str, sample: int) -> Callable[..., Tensor]:
        def hook(part: nn.Module, args: object, out: Tensor) -> Tensor:
            runs[name] += 1
            keep = torch.ones(len(out), *[1] * (out.ndim - 1), dtype=out.dtype)
            keep[sample] = 0
            return out * keep

        return hook

    # one forward: in sample i + 1 the i-th gate is shut, the first sample is as it is
    handles = [p.gate.register_forward_hook(shut(n, i)) for i, (n, p) in enumerate(parts.items(), start=1)]
    with torch.inference_mode():
        out = model(x[:1].expand(len(parts) + 1, -1, -1, -1))
    for handle in handles:
        handle.remove()
    if not bool(out[0].isfinite().all()):
        return list(parts)
    effects = (out[1:] - out[0]).abs().flatten(1).amax(1)
    model.zero_grad()
    model(x[:1]).square().sum().backward()
    idle = []
    for (name, part), effect in zip(parts.items(), effects, strict=True):
        layers = (part.fc1.weight.grad, part.fc2.weight.grad)  # type: ignore[union-attr]
        learns = all(g is not None and bool(g.isfinite().all()) and float(g.abs().max()) > 0 for g in layers)  # type: ignore[union-attr, operator, arg-type]
        if runs[name] != 1 or not learns or float(effect) == 0:  # an output without a number is another one too
            idle.append(name)
    return idle


def check(row: Network, options: dict[str, Any]) -> list[str]:
    """What is wrong with this network and these options: gates in another stage, or idle ones; [] where nothing is."""
    model, x = gated(row, **options), pictures(3, size=side(row))
    stages = {gate.stage for gate in variants.gates(model)}
    wanted = set(options.get("stages", row.defaults["stages"]))
    if stages != wanted:
        return [f"stages {stages}, not {wanted}"]
    return idle_gates(model, x) and idle_gates(exact(gated(row, **options)), x.double())


def exact(model: nn.Module) -> nn.Module:
    """In float64, and norms divide by the deviation alone, however small.

    Where fifty gates of much less than 1 multiply one shortcut, the first of them moves the answer by less than float32
    can tell; and a norm adds more to such a small variance than there is of it.
    """
    for part in model.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.eps = 1e-200
    return model.double()
