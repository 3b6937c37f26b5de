"""What really runs in a unit with a gate, and in which order: recorded while the network runs, never written down.

``print(module)`` lists children in the order of their definition, and a drawing made by hand shows what its author
believes. Here one forward on the meta device (no weights, no arithmetic) is watched: every leaf module and every
function that joins, scales or pools maps becomes a ``unit_graph.Step``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

from senet_viz.architecture import prices
from senet_viz.architecture.unit_graph import Kind, Shape, Step, Unit, below, facts, merged, position
from senet_viz.later import later
from senet_viz.networks.registry import NETWORKS, Choice, network

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn
else:
    torch, nn = later("torch"), later("torch.nn")


SIX = ("se_inception_v3", "se_resnet50", "se_resnext50_32x4d", "se_vgg16_bn", "mobilenet_v3_large", "sknet50")
UNITS: dict[str, tuple[str, ...]] = (  # network: modules of one typical unit; first one network of every family
    {name: network(name).unit for name in SIX}
    | {"efficientnet_b0": ("features.3.1",)}  # torchvision's own, gate and all
    | {row.name: row.unit for row in NETWORKS}
)

_GATES = {"Sigmoid": "sigmoid", "HSigmoid": "h-sigmoid", "Hardsigmoid": "h-sigmoid", "Tanh": "tanh",
          "Softmax": "softmax", "ChannelSoftmax": "softmax"}  # fmt: skip
_ACTS = {"ReLU": "ReLU", "ReLU6": "ReLU6", "Hardswish": "h-swish", "SiLU": "SiLU"}
_MODULES: dict[str, tuple[Kind, str]] = {name: ("gate", said) for name, said in _GATES.items()}
_MODULES |= {name: ("act", said) for name, said in _ACTS.items()} | {"BatchNorm2d": ("norm", "")}
_FUNCTIONS: dict[str, tuple[Kind, str]] = {
    "relu": ("act", "ReLU"), "silu": ("act", "SiLU"), "batch_norm": ("norm", ""), "avg_pool2d": ("pool", "avg"),
    "max_pool2d": ("pool", "max"), "cat": ("concat", ""), "add": ("add", ""), "iadd": ("add", ""), "mul": ("scale", ""),
}  # fmt: skip


@lru_cache(maxsize=64)
def unit(network: str, **options: Any) -> Unit:
    """Record a typical unit of that network while it runs on the meta device: no memory, no arithmetic.

    Args:
        options: those of ``variants.build``.

    Raises:
        UnknownModel, OptionRefused: see ``prices.build``.
        KeyError: a network without a row in ``UNITS``.
    """
    net, row, paths = prices.build(Choice(network, tuple(options.items()))), prices.row(network), UNITS[network]
    gates = (
        name for name, part in net.named_modules() if type(part).__name__ in ("SEBlock", "SKConv", "SqueezeExcitation")
    )
    gate = next(name for name in gates if name.startswith(paths))
    parts = merged(record(net, torch.empty(1, 3, row.size, row.size, device="meta"), paths), gate)
    at = str(options.get("integration", "standard"))
    return Unit(network, row.title, paths, gate, parts, facts(parts, at))


@lru_cache(maxsize=64)
def orders(network: str) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """Return of the attention block of that unit: what ``print`` shows, its parts as defined, its parts as they ran.

    Parts that hand on what they got (``Identity``) are defined, and do not run.
    """
    found = unit(network)
    block = prices.build(Choice(network)).get_submodule(found.gate)
    defined = tuple(name for name, part in block.named_modules() if name and next(part.children(), None) is None)
    steps = (step for part in found.parts if part.inside for step in part.steps)
    ran = (step.path.removeprefix(f"{found.gate}.") for step in steps if below(step.path, found.gate))
    return repr(block), defined, tuple(path for path in dict.fromkeys(ran) if path != found.gate)


# --- what ran -----------------------------------------------------------------------------------------------------


def sits(net: nn.Module, block: str, size: int) -> str:
    """Return where the attention block of any network on the meta device sits: see ``unit_graph.position``."""
    x = torch.empty(1, 3, size, size, device="meta")
    return position(record(net, x, ("",), strict=False), block)


def record(net: nn.Module, x: Tensor, paths: Iterable[str], strict: bool = True) -> tuple[Step, ...]:
    """Record every step of the modules at ``paths`` during one forward of ``net`` on ``x``, as they ran.

    Hooks are removed afterwards. ``net`` should be the caller's own: two threads must not share it meanwhile.

    Args:
        strict: refuse a module without children whose doing has no name here; else it is left out.
    """
    watch, handles = _Watch(tuple(paths), strict), list[Any]()
    try:
        for path, part in net.named_modules():
            leaf = next(part.children(), None) is None
            handles.append(part.register_forward_pre_hook(partial(watch.enter, path, leaf)))
            handles.append(part.register_forward_hook(partial(watch.leave, path, leaf)))
        with torch.no_grad(), _heard(watch.ran):
            net(x)
    except _Enough:
        pass
    finally:
        for handle in handles:
            handle.remove()
    return tuple(watch.steps)


class _Enough(Exception):
    """The unit has run, and the rest of the network need not."""


def _heard(ran: Callable[..., Any]) -> AbstractContextManager[Any]:
    """Return what sends every function of torch that this thread calls to ``ran``, which calls it."""
    from torch.overrides import TorchFunctionMode

    class Mode(TorchFunctionMode):
        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            return ran(func, args, kwargs or {})

    return Mode()


class _Watch:
    """A watch makes a step of every leaf module, and of every function called outside of them, below ``paths``."""

    def __init__(self, paths: tuple[str, ...], strict: bool) -> None:
        self.paths, self.strict = paths, strict
        self.steps: list[Step] = []
        self.made: dict[int, int] = {}  # id of a tensor -> the step that made it
        self.kept: list[Tensor] = []  # tensors are held, so that no other gets their id
        self.running: list[tuple[str, bool]] = []  # (path, leaf) of the modules that run now

    def sources(self, args: Iterable[Any]) -> tuple[int, ...]:
        return tuple(self.made[id(each)] for each in _tensors(args) if id(each) in self.made)

    def keep(self, out: Any, step: Step | int) -> None:
        """Remember which step made ``out``: a new one, or that of a number."""
        if isinstance(step, Step):
            self.steps.append(step)
        for each in _tensors((out,)):
            self.made[id(each)] = step if isinstance(step, int) else len(self.steps) - 1
            self.kept.append(each)

    def watched(self) -> bool:
        return bool(self.running) and any(below(self.running[-1][0], path) for path in self.paths)

    def ran(self, func: Any, args: Any, kwargs: Any) -> Any:
        """Call one function, and note what it did."""
        out = func(*args, **kwargs)
        if self.watched() and not self.running[-1][1] and list(_tensors((out,))):
            self.called(getattr(func, "__name__", "").strip("_"), args, kwargs, out)
        return out

    def called(self, name: str, args: Any, kwargs: dict[str, Any], out: Any) -> None:
        kind, detail = _FUNCTIONS.get(name, (None, ""))
        inputs = self.sources(args[:1] if kind in ("norm", "act") else args)
        if not inputs:  # a constant
            return
        if kind is None:  # a view of what is there
            self.keep(out, inputs[0])
            return
        size = kwargs.get("kernel_size", args[1] if kind == "pool" and len(args) > 1 else ())
        if kind in ("scale", "add") and len(inputs) == 1:
            kind, detail = "factor", f"{next((a for a in args if isinstance(a, int | float)), 1):g}"
        self.keep(out, Step(self.running[-1][0], kind, inputs, _shape(out), detail, _square(size)))

    def enter(self, path: str, leaf: bool, module: nn.Module, args: Any) -> None:
        if path == self.paths[0] and not self.steps:
            self.keep(args[0], Step("", "input", (), _shape(args[0])))
        self.running.append((path, leaf))

    def leave(self, path: str, leaf: bool, module: nn.Module, args: Any, out: Any) -> None:
        if leaf and self.watched():
            inputs = self.sources(args)
            if inputs or self.strict:
                self.keep(out, _step(path, module, inputs, _shape(out), self.strict) or inputs[0])
        self.running.pop()
        if path == self.paths[-1]:
            raise _Enough


def _tensors(values: Iterable[Any]) -> Iterator[Tensor]:
    for value in values:
        if isinstance(value, torch.Tensor):
            yield value
        elif isinstance(value, list | tuple):
            yield from _tensors(value)


def _shape(out: Any) -> Shape:
    return tuple(map(int, next(_tensors((out,))).shape[1:]))


def _square(size: Any) -> Shape:
    return (size, size) if isinstance(size, int) else tuple(size)


def _step(path: str, module: Any, inputs: tuple[int, ...], shape: Shape, strict: bool) -> Step | None:
    """Return what a module without children did; None where it hands on what it got."""
    name = type(module).__name__
    if name in ("Identity", "Dropout", "StochasticDepth"):
        return None
    if isinstance(module, nn.Conv2d):
        return Step(
            path, "conv", inputs, shape, "", tuple(module.kernel_size), max(module.stride), module.groups,
            max(module.dilation), module.bias is not None, module.in_channels,
        )  # fmt: skip
    if isinstance(module, nn.Linear):
        return Step(path, "fc", inputs, shape, bias=module.bias is not None, entering=module.in_features)
    if name in _MODULES:
        return Step(path, _MODULES[name][0], inputs, shape, _MODULES[name][1])
    if "Pool" in name:
        size = getattr(module, "kernel_size", ())  # the adaptive ones have none: they see the whole map
        return Step(path, "pool", inputs, shape, "max" if "Max" in name else "avg", _square(size))
    if not strict:  # a convolution of a library's own, as CondConv2d, or what only hands on
        return Step(path, "conv", inputs, shape) if "Conv" in name else None
    raise TypeError(f"{path}: no name for what a {name} does")
