"""What really runs in a unit with a gate, and in which order: recorded while the network runs, never written down.

``print(module)`` lists children in the order of their definition, and a drawing made by hand shows what its author
believes. Here one forward on the meta device (no weights, no arithmetic) is watched: every leaf module and every
function that joins, scales or pools maps becomes a ``unit_graph.Step``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from senet_viz.architecture.unit_graph import Kind, Shape, Step, Unit, below, facts, merged

if TYPE_CHECKING:
    from torch import Tensor, nn

UNITS: dict[str, tuple[str, ...]] = {  # network: the modules of one typical unit of it, in the order in which they run
    "se_inception_v3": ("Mixed_5b",),
    "se_resnet50": ("layer1.1",),
    "se_resnext50_32x4d": ("layer1.1",),
    "se_vgg16_bn": ("features.10", "features.11", "features.12"),  # convolution, norm, ReLU with the gate
    "mobilenet_v3_large": ("features.12",),
    "sknet50": ("layer1.1",),
    "efficientnet_b0": ("features.3.1",),  # torchvision's own, gate and all
    "se_resnet101": ("layer1.1",),
    "se_resnet152": ("layer1.1",),
    "se_resnext101_32x4d": ("layer1.1",),
    "senet154": ("layer1.1",),
    "se_bn_inception": ("inception_3a",),
    "se_inception_resnet_v2": ("repeat.0",),
    "mobilenet_v3_small": ("features.5",),
    "sknet26": ("layer1.1",),
    "sknet101": ("layer1.1",),
}
SIX = tuple(UNITS)[:6]  # one of every family
TITLES = {"efficientnet_b0": "EfficientNet-B0"}  # of what is no row of ``registry.NETWORKS``

_ACTS = {"ReLU": "ReLU", "ReLU6": "ReLU6", "Hardswish": "h-swish", "SiLU": "SiLU"}
_GATES = {"Sigmoid": "sigmoid", "HSigmoid": "h-sigmoid", "Hardsigmoid": "h-sigmoid", "Tanh": "tanh",
          "Softmax": "softmax", "ChannelSoftmax": "softmax"}  # fmt: skip
_FUNCTIONS: dict[str, tuple[Kind, str]] = {
    "relu": ("act", "ReLU"), "relu_": ("act", "ReLU"), "silu": ("act", "SiLU"), "batch_norm": ("norm", ""),
    "avg_pool2d": ("pool", "avg"), "max_pool2d": ("pool", "max"), "cat": ("concat", ""), "add": ("add", ""),
    "iadd": ("add", ""), "mul": ("scale", ""),
}  # fmt: skip


def title(network: str) -> str:
    """What that network is called."""
    return TITLES.get(network) or str(_row(network).title)


@lru_cache(maxsize=64)
def unit(network: str, **options: Any) -> Unit:
    """A typical unit of that network, recorded while it runs on the meta device: no memory, no arithmetic.

    Args:
        options: those of ``variants.build``.

    Raises:
        UnknownModel, OptionRefused: see ``variants.build``.
        KeyError: a network without a row in ``UNITS``.
    """
    import torch

    net = _built(network, options)
    size = 224 if network in TITLES else _row(network).size
    paths = UNITS[network]
    gate = next(name for name, part in net.named_modules() if _is_gate(part) and name.startswith(tuple(paths)))
    steps = record(net, torch.empty(1, 3, size, size, device="meta"), paths)
    parts = merged(steps, gate)
    at = str(options.get("integration", "standard"))
    return Unit(network, title(network), paths, gate, parts, facts(parts, at))


def _built(network: str, options: dict[str, Any]) -> nn.Module:
    import torch

    from senet_viz.networks import variants

    if network in TITLES:
        import torchvision

        with torch.device("meta"):
            return torchvision.models.get_model(network, weights=None).eval()
    return variants.build(network, device="meta", **options)


def _row(network: str) -> Any:
    from senet_viz.networks import registry

    return registry.network(network)


def _is_gate(part: nn.Module) -> bool:
    return type(part).__name__ in ("SEBlock", "SKConv", "SqueezeExcitation")


# --- what ran -----------------------------------------------------------------------------------------------------


class _Enough(Exception):
    """The unit has run; the rest of the network need not."""


def record(net: nn.Module, x: Tensor, paths: Iterable[str]) -> tuple[Step, ...]:
    """Every step of the modules at ``paths`` during one forward of ``net`` on ``x``, in the order in which they ran.

    Hooks are removed afterwards. ``net`` should be the caller's own: two threads must not share it meanwhile.
    """
    import torch
    from torch.overrides import TorchFunctionMode

    paths = tuple(paths)
    steps: list[Step] = []
    made: dict[int, int] = {}  # id of a tensor -> the step that made it
    kept: list[Any] = []  # tensors are held, so that no other gets their id
    running: list[tuple[str, bool]] = []  # (path, leaf) of the modules that run now

    def sources(args: Iterable[Any]) -> tuple[int, ...]:
        return tuple(made[id(each)] for each in _tensors(args) if id(each) in made)

    def keep(out: Any, index: int) -> None:
        for each in _tensors((out,)):
            made[id(each)] = index
            kept.append(each)

    def watched() -> bool:
        return bool(running) and any(below(running[-1][0], path) for path in paths)

    class Watch(TorchFunctionMode):
        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            kwargs = kwargs or {}
            out = func(*args, **kwargs)
            if watched() and not running[-1][1] and list(_tensors((out,))):
                called(getattr(func, "__name__", "").strip("_"), args, kwargs, out)
            return out

    def called(name: str, args: Any, kwargs: dict[str, Any], out: Any) -> None:
        kind, detail = _FUNCTIONS.get(name, ("", ""))
        inputs = sources(args[:1] if kind in ("norm", "act") else args)
        if not inputs or not kind:  # a constant, or a view of what is there
            if inputs:
                keep(out, inputs[0])
            return
        size = kwargs.get("kernel_size", args[1] if kind == "pool" and len(args) > 1 else ())
        if kind in ("scale", "add") and len(inputs) == 1:
            kind, detail = "factor", f"{next(a for a in args if not isinstance(a, torch.Tensor)):g}"
        steps.append(Step(running[-1][0], kind, inputs, _shape(out), detail, _square(size)))  # type: ignore[arg-type]
        keep(out, len(steps) - 1)

    def enter(path: str, leaf: bool) -> Callable[..., None]:
        def hook(module: nn.Module, args: Any) -> None:
            if path == paths[0] and not steps:
                steps.append(Step("", "input", (), _shape(args[0])))
                keep(args[0], 0)
            running.append((path, leaf))

        return hook

    def leave(path: str, leaf: bool) -> Callable[..., None]:
        def hook(module: nn.Module, args: Any, out: Any) -> None:
            if leaf and watched():
                step = _leaf(path, module, sources(args), out)
                if step is None:
                    keep(out, sources(args)[0])
                else:
                    steps.append(step)
                    keep(out, len(steps) - 1)
            running.pop()
            if path == paths[-1]:
                raise _Enough

        return hook

    handles = []
    try:
        for path, part in net.named_modules():
            leaf = next(part.children(), None) is None
            handles += [
                part.register_forward_pre_hook(enter(path, leaf)),
                part.register_forward_hook(leave(path, leaf)),
            ]
        with torch.no_grad(), Watch():
            net(x)
    except _Enough:
        pass
    finally:
        for handle in handles:
            handle.remove()
    return tuple(steps)


def _tensors(values: Iterable[Any]) -> Iterator[Any]:
    from torch import Tensor

    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, list | tuple):
            yield from _tensors(value)


def _shape(out: Any) -> Shape:
    first = next(_tensors((out,)))
    return tuple(int(n) for n in first.shape[1:])


def _square(size: Any) -> Shape:
    return (size, size) if isinstance(size, int) else tuple(size)


def _leaf(path: str, module: Any, inputs: tuple[int, ...], out: Any) -> Step | None:
    """What a module without children did; None where it hands on what it got."""
    name, shape = type(module).__name__, _shape(out)
    if name == "Conv2d":
        return Step(
            path, "conv", inputs, shape, "", tuple(module.kernel_size), max(module.stride), module.groups,
            max(module.dilation), module.bias is not None, module.in_channels,
        )  # fmt: skip
    if name == "Linear":
        return Step(path, "fc", inputs, shape, bias=module.bias is not None, entering=module.in_features)
    if name.startswith("BatchNorm"):
        return Step(path, "norm", inputs, shape)
    if name in _GATES:
        return Step(path, "gate", inputs, shape, _GATES[name])
    if name in _ACTS:
        return Step(path, "act", inputs, shape, _ACTS[name])
    if "Pool" in name:
        kind = "max" if "Max" in name else "avg"
        size = getattr(module, "kernel_size", ())  # the adaptive ones have none: they see the whole map
        return Step(path, "pool", inputs, shape, kind, _square(size))
    if name in ("Identity", "Dropout", "StochasticDepth"):
        return None
    raise TypeError(f"{path}: no name for what a {name} does")


# --- the order of definition --------------------------------------------------------------------------------------


@lru_cache(maxsize=64)
def orders(network: str) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """Of the attention block of that network's unit: what ``print`` shows, its parts as defined, its parts as they ran.

    Parts that hand on what they got (``Identity``) are defined, and do not run.
    """
    found, net = unit(network), _built(network, {})
    block = net.get_submodule(found.gate)
    defined = tuple(name for name, part in block.named_modules() if name and next(part.children(), None) is None)
    steps = (step for part in found.parts if part.inside for step in part.steps)
    ran = (step.path.removeprefix(f"{found.gate}.") for step in steps if below(step.path, found.gate))
    return repr(block), defined, tuple(path for path in dict.fromkeys(ran) if path != found.gate)
