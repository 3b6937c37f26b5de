"""Where torchvision's, timm's and our own attention blocks keep z, pre, hidden, logit and the gate.

A row of ``LAYOUTS`` is matched on the class name *and* on the names of the children; a class name that we know with
children that we do not is reported by ``near_misses`` and never guessed at.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from senet_viz.errors import NoGateFound
from senet_viz.later import later
from senet_viz.types import BlockRef

if TYPE_CHECKING:
    from torch import Tensor, nn
else:
    nn = later("torch.nn")


@dataclass(frozen=True)
class Layout:
    """A layout says of one kind of block which children do what, as dotted paths below the block, "" for none.

    z is the input of the first layer, hidden the input of the last, logit the last one's output; pre is the output of
    ``norm`` where that is a real normalisation, else of ``w1``.

    Args:
        cls: class name.
        kind: see ``types.BlockRef``.
        w1, norm, act, w2: reduce layer, normalisation after it, activation, expand layer.
        gate: the child whose output is the gate.
        u: where U is seen: ``"input"``, ``"input:child"``, ``"outputs:container"`` or ``"output:child"``.
        m: attribute that holds M, or "" where there is one branch.
        norm2: normalisation after the last layer, where there may be one: the logit is then its output.
        without: children that make it another block when they are there.
        needs: children that make it another block when they are not.
    """

    cls: str
    kind: str
    w1: str
    norm: str
    act: str
    w2: str
    gate: str
    u: str = "input"
    m: str = ""
    norm2: str = ""
    without: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()

    def matches(self, module: nn.Module) -> bool:
        """Tell whether class name and children both fit."""
        if type(module).__name__ != self.cls:
            return False
        needs = (self.w1, self.act, self.w2, self.gate, self.u.partition(":")[2], *self.needs)
        there = all(child(module, path) is not None for path in needs)
        return there and all(child(module, path) is None for path in self.without)

    def branches(self, module: nn.Module) -> int:
        """Return M of this block."""
        return int(getattr(module, self.m)) if self.m else 1

    def per_branch(self, module: nn.Module, raw: Tensor, logits: bool = False) -> Tensor:
        """Return what a child gives, ``(B, ...)``, as ``(B, M, C)``."""
        m = self.branches(module)
        if self.kind == "split" and logits and m > 1:  # ResNeSt: fc2's channels run group, radix, channel
            groups = int(child(module, self.w2).groups)  # type: ignore[union-attr, arg-type]
            raw = raw.reshape(len(raw), groups, m, -1).transpose(1, 2)
        return raw.reshape(len(raw), m, -1)


LAYOUTS: tuple[Layout, ...] = (
    # without a pool it gates every pixel
    Layout("SEBlock", "se", "fc1", "bn", "act", "fc2", "gate", norm2="bn2", needs=("pool",)),
    Layout("SKConv", "sk", "fc1", "bn", "act", "fc2", "gate", u="outputs:branches", m="m"),
    # timm.layers.SEModule (alias SqueezeExcite), then the class of the same name in timm.models.senet
    Layout("SEModule", "se", "fc1", "bn", "act", "fc2", "gate"),
    Layout("SEModule", "se", "fc1", "", "relu", "fc2", "sigmoid"),
    # timm.models._efficientnet_blocks, then torchvision.ops
    Layout("SqueezeExcite", "se", "conv_reduce", "", "act1", "conv_expand", "gate"),
    Layout("SqueezeExcitation", "se", "fc1", "", "activation", "fc2", "scale_activation"),
    # one layer, nothing hidden
    Layout("EcaModule", "eca", "", "", "", "conv", "gate", without=("conv2",)),
    Layout("EffectiveSEModule", "ese", "", "", "", "fc", "gate"),
    Layout("EseModule", "ese", "", "", "", "conv", "sigmoid"),
    Layout(
        "GlobalContext", "gc", "mlp_scale.fc1", "mlp_scale.norm", "mlp_scale.act", "mlp_scale.fc2", "gate",
        without=("mlp_add",),
    ),
    # branches that compete
    Layout(
        "SelectiveKernel", "sk", "attn.fc_reduce", "attn.bn", "attn.act", "attn.fc_select", "attn",
        u="input:attn", m="num_paths",
    ),
    Layout("SplitAttn", "split", "fc1", "bn1", "act1", "fc2", "rsoftmax", u="output:act0", m="radix"),
)  # fmt: skip
_LOOKS_LIKE = re.compile(
    r"(Squeeze(?!Net)|Excit|SELayer|SEModule|SEBlock|SEUnit|SelectiveKernel$|SKConv|SKUnit|SplitAttn|Ceca|Cbam)"
)


def child(module: nn.Module, path: str) -> nn.Module | None:
    """Return the child at a dotted path (``""`` is the module itself), or None."""
    for name in filter(None, path.split(".")):
        found = module._modules.get(name)
        if found is None:
            return None
        module = found
    return module


def layout_of(module: nn.Module) -> Layout | None:
    """Return the row that fits this very module, if it is a block."""
    return next((layout for layout in LAYOUTS if layout.matches(module)), None)


@dataclass(frozen=True, eq=False)
class Place:
    """A place is a block in a network, its parts resolved."""

    name: str
    module: nn.Module
    layout: Layout
    w1: nn.Module | None
    norm: nn.Module | None  # None where it does nothing, too
    act: nn.Module | None
    w2: nn.Module
    gate: nn.Module
    branches: int
    clobbers_pre: bool  # the activation works in place
    clobbers_logit: bool  # the gate function does
    norm2: nn.Module | None  # None in most blocks


def _place(name: str, module: nn.Module, layout: Layout) -> Place:
    paths = (layout.w1, layout.norm, layout.act, layout.w2, layout.gate)
    w1, norm, act, w2, gate = (child(module, path) if path else None for path in paths)
    assert w2 is not None and gate is not None  # the layout matched
    norm = None if isinstance(norm, nn.Identity) else norm
    of_act, of_gate = (bool(getattr(part, "inplace", False)) for part in (act, gate))
    norm2 = child(module, layout.norm2) if layout.norm2 else None
    return Place(name, module, layout, w1, norm, act, w2, gate, layout.branches(module), of_act, of_gate, norm2)


# Files of torch.nn whose classes read the mode in forward() or not at all.
_PLAIN = {f"torch.nn.modules.{name}" for name in ("activation", "container", "conv", "flatten", "linear", "pooling")}


def _steady(part: nn.Module) -> bool:
    """Tell whether it computes the same in training mode as in eval mode, for certain: most parts do."""
    forward = type(part).forward
    return forward.__module__ in _PLAIN and "training" not in forward.__code__.co_names


class _Places:
    """The blocks of one network are found once: looking again costs 5 % of a small network's forward.

    Out of date when any module anywhere was given a part since, or when a container here grew or shrank.
    """

    def __init__(self, root: nn.Module) -> None:
        self.registrations = _registrations[0]
        modules = tuple(root.named_modules())
        found = ((name, part, layout_of(part)) for name, part in modules)
        self.all = tuple(_place(name, part, layout) for name, part, layout in found if layout is not None)
        self.moody = tuple(part for _, part in modules[1:] if not _steady(part))
        self._containers = tuple(part._modules for _, part in modules if part._modules)
        self._size = sum(map(len, self._containers))

    def valid(self) -> bool:
        return self.registrations == _registrations[0] and self._size == sum(map(len, self._containers))


_registrations = [0]


def _registered(module: nn.Module, name: str, part: nn.Module | None) -> None:
    _registrations[0] += 1


@cache
def _listening() -> None:
    from torch.nn.modules.module import register_module_module_registration_hook

    register_module_module_registration_hook(_registered)


_cache: WeakKeyDictionary[nn.Module, _Places] = WeakKeyDictionary()


def _known(module: nn.Module) -> _Places:
    _listening()
    known = _cache.get(module)
    if known is None or not known.valid():
        known = _Places(module)
        if all(place.name for place in known.all):  # a value that holds its own key would keep it alive for ever
            _cache[module] = known
    return known


def places(module: nn.Module) -> tuple[Place, ...]:
    """Return every block of a network with its parts, in the order of definition."""
    return _known(module).all


def place(module: nn.Module, name: str) -> Place:
    """Return the block of that name with its parts.

    Raises:
        NoGateFound: ``module`` has none.
    """
    for found in places(module):
        if found.name == name:
            return found
    raise NoGateFound(f"no attention block: {name}", name=name)


def moody(module: nn.Module) -> tuple[nn.Module, ...]:
    """Return the module and every part of it that may compute something else in training mode than in eval mode."""
    return (module, *_known(module).moody)


def find(module: nn.Module) -> tuple[BlockRef, ...]:
    """Return where every attention block of a network is, ``()`` where there is none."""
    return tuple(BlockRef(place.name, place.layout.kind) for place in places(module))


def near_misses(module: nn.Module) -> tuple[str, ...]:
    """Return a readable line for every module that looks like attention by its class name but fits no row."""
    known = {layout.cls for layout in LAYOUTS}
    named = ((name, type(part).__name__, part) for name, part in module.named_modules())
    return tuple(
        f"{name}: {cls}({', '.join(dict(part.named_children()))})"
        for name, cls, part in named
        if (cls in known or _LOOKS_LIKE.search(cls)) and layout_of(part) is None
    )
