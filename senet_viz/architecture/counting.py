"""What a network costs: parameters and multiply-accumulates, module by module; time is in ``timing``.

Everything is counted on the meta device: tensors without values, so a network takes no memory for its
weights and a forward no arithmetic. Multiply-accumulates (MACs) are counted as the papers count "GFLOPs": those of
convolutions and linear layers; what pooling and scaling take is counted beside them and never added to them.
The file is long because the books of a forward and the dataclasses that they are closed into are one thing.
"""

from __future__ import annotations

import copy
import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property, partial
from operator import add
from typing import TYPE_CHECKING, Any, Self

from senet_viz.later import later
from senet_viz.tap import layouts

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from senet_viz.networks import blocks as ours
else:
    torch, nn, ours = later("torch"), later("torch.nn"), later("senet_viz.networks.blocks")


STEM, HEAD, UNUSED = "stem", "head", "unused"  # before the stages, behind them, and what never ran


@dataclass(frozen=True)
class Count:
    """A count holds the parameters and the arithmetic of one picture's forward."""

    params: int = 0
    conv: int = 0  # MACs of convolutions
    linear: int = 0  # MACs of linear layers
    pool: int = 0  # values that pooling reads: additions or comparisons
    scale: int = 0  # multiplications of maps by gates

    @property
    def macs(self) -> int:
        """Return the multiply-accumulates as the papers count them: conv + linear."""
        return self.conv + self.linear

    def __add__(self, other: Self) -> Self:
        return type(self)(*map(add, vars(self).values(), vars(other).values()))


@dataclass(frozen=True)
class ModuleCost:
    """A module's cost leaves its children out, so that the costs of all modules add up to the network's."""

    name: str  # dotted, "" for the network itself
    kind: str  # class name
    stage: str  # "stem", "1", "2", ..., "head" or "unused"
    gate: bool  # part of an attention block, features apart
    count: Count


@dataclass(frozen=True)
class GateCost:
    """An attention block gates C channels through ``hidden`` units (0 where there is one layer)."""

    name: str
    kind: str
    stage: str
    channels: int
    hidden: int
    weights: int  # of its layers, biases and norms apart
    count: Count


@dataclass(frozen=True)
class StageCost:
    """A stage groups neighbours whose maps have one size, and splits their cost into attention and the rest."""

    name: str
    side: int  # height of the maps that leave it, 0 where nothing with a height does
    gates: tuple[GateCost, ...]
    gate: Count
    rest: Count


def added(parts: Iterable[ModuleCost]) -> Count:
    """Return what these modules take together."""
    return sum((part.count for part in parts), Count())


@dataclass(frozen=True)
class Cost:
    """A cost holds what a network takes for one picture of ``size`` x ``size``, module by module."""

    per_module: tuple[ModuleCost, ...]
    size: int
    gates: tuple[GateCost, ...]
    sides: tuple[tuple[str, int], ...]  # height of the maps that leave each stage, in order

    @cached_property
    def total(self) -> Count:
        """Return what all modules take together."""
        return added(self.per_module)

    @property
    def params(self) -> int:
        """Return the number of parameters of the network."""
        return self.total.params

    @property
    def macs(self) -> int:
        """Return the number of multiply-accumulates of the network."""
        return self.total.macs

    @cached_property
    def gate(self) -> Count:
        """Return what attention takes: pooling, both layers, scaling; of an SK unit not its branches."""
        return added(m for m in self.per_module if m.gate)

    @cached_property
    def rest(self) -> Count:
        """Return what the network takes without its gates."""
        return added(m for m in self.per_module if not m.gate)

    @cached_property
    def stages(self) -> tuple[StageCost, ...]:
        """Return the costs of stem, stages and head, in the order in which they run."""
        found = []
        for name, side in self.sides:
            here = [m for m in self.per_module if m.stage == name]
            gates = tuple(g for g in self.gates if g.stage == name)
            found.append(
                StageCost(name, side, gates, added(m for m in here if m.gate), added(m for m in here if not m.gate))
            )
        return tuple(found)

    @property
    def gated(self) -> tuple[StageCost, ...]:
        """Return the costs of the stages that have gates."""
        return tuple(stage for stage in self.stages if stage.gates)


# --- counting -----------------------------------------------------------------------------------------------------


def skeleton(module: nn.Module) -> nn.Module:
    """Copy the network to the meta device: its structure without its values, and nobody else's."""
    memo: dict[int, Any] = {id(p): nn.Parameter(torch.empty_like(p, device="meta")) for p in module.parameters()}
    memo |= {id(b): torch.empty_like(b, device="meta") for b in module.buffers()}
    return copy.deepcopy(module, memo)


def of(module: nn.Module, size: int = 224) -> Cost:
    """Count one forward of one picture in eval mode. ``module`` is left as it is, on whatever device.

    Args:
        size: side of the input, (1, 3, size, size).
    """
    net = skeleton(module).eval()
    ledger = _Ledger(net)
    with torch.no_grad(), _heard(ledger.ran):
        net(picture(net, 1, size))
    return ledger.cost(size)


def picture(net: nn.Module, batch: int, size: int) -> Tensor:
    """Return (batch, 3, size, size) on the meta device, of the type of the network's weights."""
    dtype = next((p.dtype for p in net.parameters()), torch.float32)
    return torch.empty(batch, 3, size, size, device="meta", dtype=dtype)


@dataclass(frozen=True, eq=False)
class Block:
    """A block knows which of its parts are attention."""

    name: str
    kind: str
    module: nn.Module
    w1: nn.Module | None
    heads: frozenset[str] | None  # children that are attention; None: all of it

    @property
    def parts(self) -> Iterator[tuple[str, bool]]:
        """Yield the dotted name of every module in it, and whether that is attention."""
        for name, _ in self.module.named_modules():
            whole = self.heads is None or not name or name.partition(".")[0] in self.heads
            yield f"{self.name}.{name}".strip("."), whole


def blocks(net: nn.Module) -> tuple[Block, ...]:
    """Find the blocks that ``layouts`` finds, and NoSqueeze blocks, which have no gate vector to look at."""
    found = {}
    for place in layouts.places(net):
        layout = place.layout
        paths = (layout.w1, layout.norm, layout.act, layout.w2, layout.norm2, layout.gate, "pool")
        competing = layout.kind in ("sk", "split")  # what makes their maps is not attention
        heads = frozenset(path.partition(".")[0] for path in paths if path) if competing else None
        found[place.name] = Block(place.name, layout.kind, place.module, place.w1, heads)
    for name, part in net.named_modules():
        if isinstance(part, ours.SEBlock) and name not in found:
            found[name] = Block(name, "se", part, part.fc1, None)
    return tuple(found[name] for name, _ in net.named_modules() if name in found)


def _heard(ran: Callable[..., Any]) -> AbstractContextManager[Any]:
    """Return what sends every aten operation of this thread to ``ran``, which runs it."""
    from torch.utils._python_dispatch import TorchDispatchMode

    class Mode(TorchDispatchMode):
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            return ran(func, args, kwargs or {})

    return Mode()


class _Ledger:
    """A ledger books every operation of one forward under the module that asked for it, in a private copy."""

    def __init__(self, net: nn.Module) -> None:
        self.net = net
        self.names = {part: name for name, part in net.named_modules()}
        self.running: list[str] = [""]
        self.booked: dict[str, Count] = defaultdict(Count)
        self.order: dict[str, None] = {}  # modules as they first ran
        self.sides: dict[str, int] = {}  # height of a module's last map
        self.widths: dict[str, int] = {}  # channels of it
        for part, name in self.names.items():
            part.register_forward_pre_hook(partial(self._enter, name))
            part.register_forward_hook(partial(self._leave, name))

    def _enter(self, name: str, part: nn.Module, args: Any) -> None:
        self.running.append(name)
        self.order.setdefault(name)

    def _leave(self, name: str, part: nn.Module, args: Any, out: Any) -> None:
        self.running.pop()
        if isinstance(out, torch.Tensor) and out.dim() == 4:
            self.widths[name], self.sides[name] = int(out.shape[1]), int(out.shape[2])

    def ran(self, func: Any, args: Any, kwargs: Any) -> Any:
        """Run one operation, and book it."""
        op = func.overloadpacket._qualified_op_name.partition("::")[2]
        if op == "native_batch_norm" and not args[5]:  # in eval mode; torch would work out every step of it, in 3 ms
            return torch.empty_like(args[0]), args[0].new_empty(0), args[0].new_empty(0)
        out = func(*args, **kwargs)
        self.booked[self.running[-1]] += _taken(op, args, out)
        return out

    def cost(self, size: int) -> Cost:
        """Add up what was booked, once the forward is over."""
        seen: set[int] = set()
        per_module, found = [], blocks(self.net)
        gated = dict(part for block in found for part in block.parts)
        stages, sides = self._stages(found)
        for part, name in self.names.items():
            own = [p for p in part.parameters(recurse=False) if id(p) not in seen]
            seen.update(map(id, own))  # a weight that two modules share is counted once
            count = self.booked[name] + Count(params=sum(p.numel() for p in own))
            if count != Count():
                stage = stages.get(name, UNUSED)
                per_module.append(ModuleCost(name, type(part).__name__, stage, gated.get(name, False), count))
        if any(m.stage == UNUSED for m in per_module):
            sides = (*sides, (UNUSED, 0))
        gates = tuple(self._gate(block, per_module, stages.get(block.name, UNUSED)) for block in found)
        return Cost(tuple(per_module), size, gates, sides)

    def _gate(self, block: Block, per_module: Sequence[ModuleCost], stage: str) -> GateCost:
        inside = {name for name, gate in block.parts if gate}
        hidden = 0 if block.w1 is None else int(next(block.w1.parameters()).shape[0])
        parts = (self.net.get_submodule(name).parameters(recurse=False) for name in inside)
        weights = sum(p.numel() for part in parts for p in part if p.dim() > 1)
        count = added(m for m in per_module if m.name in inside)
        return GateCost(block.name, block.kind, stage, self.widths.get(block.name, 0), hidden, weights, count)

    def _stages(self, blocks: Sequence[Block]) -> tuple[dict[str, str], tuple[tuple[str, int], ...]]:
        """Return every module's stage, and the height of the maps that leave each of them.

        A stage is a ``layerN`` where the network names its stages so, else all units whose maps have one size; units
        of a size without gates go with the gates that follow them. Blocks of ours say the number themselves.
        """
        units: dict[str, list[str]] = {}
        for name in self.order:
            units.setdefault(_unit(name), []).append(name)
        for unit in {unit.partition(".")[0] for unit in units if "." in unit} | {""}:
            units.pop(unit, None)  # the network itself, and containers of units
        sides = {
            unit: next((self.sides[n] for n in (unit, *names[::-1]) if n in self.sides), 0)
            for unit, names in units.items()
        }
        numbers = {unit: unit.removeprefix("layer") for unit in units if _LAYER.match(unit)}
        if not numbers:
            said = {str(sides[_unit(b.name)]): str(getattr(b.module, "stage", 0) or "") for b in blocks}
            marked = said or dict.fromkeys((str(side) for side in sides.values() if side > 1), "")
            of_side = {side: own or str(n) for n, (side, own) in enumerate(marked.items(), start=1)}
            inner = [unit for unit in units if str(sides[unit]) in of_side]
            order, following = list(units), ""
            for unit in reversed(order[order.index(inner[0]) : order.index(inner[-1]) + 1] if inner else []):
                numbers[unit] = of_side.get(str(sides[unit]), "") or following
                following = numbers[unit]
        of_unit, left = {}, {STEM: 0} | dict.fromkeys(sorted(set(numbers.values()), key=int), 0) | {HEAD: 0}
        for unit in units:
            before = not any(left[number] for number in set(numbers.values()))
            stage = of_unit[unit] = numbers.get(unit) or (STEM if before else HEAD)
            left[stage] = sides[unit] or left[stage]
        return {name: of_unit.get(_unit(name), HEAD) for name in self.order}, tuple(left.items())


_LAYER = re.compile(r"layer[1-9]$")  # SENet-154's layer0 is its stem


def _unit(name: str) -> str:
    """Return the part of a network that is never split between stages: ``layer3``, ``features.4``, ``Mixed_5b``."""
    first, _, rest = name.partition(".")
    second = rest.partition(".")[0]
    return f"{first}.{second}" if second.isdecimal() and not _LAYER.match(first) else first


def _taken(op: str, args: Sequence[Any], out: Any) -> Count:
    """Return what one aten operation takes, nothing where it is none that is counted."""
    if op == "convolution":
        return Count(conv=out.numel() * math.prod(args[1].shape[1:]))  # (C_out, C_in / groups, *kernel)
    if op in ("mm", "addmm", "bmm", "baddbmm", "linear"):
        left = args[1] if op in ("addmm", "baddbmm") else args[0]
        return Count(linear=out.numel() * left.shape[-1])
    if op in ("max_pool2d_with_indices", "avg_pool2d"):
        kernel = args[1] if len(args[1]) == 2 else list(args[1]) * 2
        first = out[0] if isinstance(out, tuple) else out
        return Count(pool=first.numel() * math.prod(kernel))
    shrinks = op in ("mean", "amax") and args[0].dim() == 4 and out.numel() < args[0].numel()
    if shrinks or op in ("_adaptive_avg_pool2d", "adaptive_max_pool2d"):
        return Count(pool=args[0].numel())
    # maps times gates: both have channels; a number or a constant is not a gate
    if op in ("mul", "mul_") and all(isinstance(a, torch.Tensor) and a.dim() >= 4 and a.numel() > 1 for a in args[:2]):
        return Count(scale=out.numel())
    return Count()
