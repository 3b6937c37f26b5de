"""The one place that sets hooks: what happens inside attention blocks is recorded and edited by one mechanism.

A hook that returns a tensor edits, one that returns None records. Hooks answer only to the thread that set them, and
are gone when the ``with`` of their session ends, whatever happened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count
from threading import get_ident
from typing import TYPE_CHECKING, Any, Self

from senet_viz.later import later
from senet_viz.tap import edits
from senet_viz.tap.layouts import Place, child
from senet_viz.types import BlockTrace, Edit

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn
else:
    torch, nn = later("torch"), later("torch.nn")


OURS = 1 << 40  # torch counts its own hooks from 0
_keys = count(OURS)
Args = tuple[Any, ...]  # what a part is called with


@dataclass(eq=False, slots=True)
class Probe:
    """A probe holds what the hooks of one block have seen in one forward, whole batch, as the model gave it."""

    place: Place
    edits: tuple[Edit, ...]
    with_u: bool
    seen: dict[str, Tensor] = field(default_factory=dict)
    turn: int = 0  # when it ran, from 1; 0 if never
    given: Tensor | None = None  # (B, M, C) in the place of its gate

    def u(self) -> Tensor:
        """Return U (B, M, C, H, W), which the hooks of ``Session`` have seen."""
        seen, m = self.seen, self.place.branches
        if "u0" in seen:
            return torch.stack([seen[f"u{index}"] for index in range(m)], dim=1)
        return seen["u"] if seen["u"].ndim == 5 else seen["u"].unflatten(1, (m, -1))

    def traces(self, batch: int, native: bool) -> Iterator[BlockTrace]:
        """Yield the block's trace for every picture; ``native``: the model runs in float32 on the CPU."""
        place, seen, m = self.place, self.seen, self.place.branches

        def each(value: Tensor | None, *shape: int) -> Sequence[Any]:
            if value is None:
                return (None,) * batch
            if not native:
                value = fetched(value)
            return (value.reshape(shape),) if batch == 1 else value.reshape(batch, *shape).unbind(0)

        logit = place.layout.per_branch(place.module, seen["logit"], logits=True) if m > 1 else seen["logit"]
        steps = [*(each(seen.get(name), -1) for name in ("z", "pre", "hidden")), each(logit, m, -1)]
        rows = (
            BlockTrace(place.name, place.layout.kind, None, *values)
            for values in zip(*steps, each(seen["gate"], m, -1), strict=True)
        )
        if not self.with_u:
            yield from rows
            return
        maps = [each(v, *(() if v is None else v.shape[1:])) for v in (self.u(), seen.get("x"), seen["out"])]
        waited(seen["out"].device)
        for row, u, x, out in zip(rows, *maps, strict=True):
            row = replace(row, u=u, x=x)
            yield replace(row, residue=float((row.out - out).abs().max()))


def fetched(value: Tensor) -> Tensor:
    """Return it on the CPU in float32; from a CUDA device it may still be on its way, until ``waited``."""
    return value.float().to("cpu", non_blocking=value.is_cuda)  # into pinned memory


def waited(device: torch.device) -> None:
    """Wait until what was ``fetched`` from this device is here."""
    if device.type == "cuda":
        torch.cuda.current_stream(device).synchronize()


class Session:
    """A session sets the hooks of one forward. Values that an activation may overwrite in place are cloned at once."""

    def __init__(self, probes: Sequence[Probe] = ()) -> None:
        self._probes = probes
        self._owner = get_ident()
        self._set: list[tuple[dict[int, Any], int]] = []
        self._turns = 0

    def __enter__(self) -> Self:
        try:
            for probe in self._probes:
                self._watch(probe)
                if probe.with_u:
                    self._watch_u(probe)
                if probe.edits and probe.given is None:
                    self._change(probe)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for hooks, key in self._set:
            hooks.pop(key, None)
        self._set.clear()

    def on(self, hooks: dict[int, Any], hook: Callable[..., Any]) -> None:
        """Set a hook, which gets what its part was called with and, where it is no pre-hook, what the part gave."""

        def mine(part: nn.Module, *given: Any) -> Any:
            return hook(*given) if get_ident() == self._owner else None

        # what register_forward_hook does, without its handle: 27 handles are 4 % of a small network's forward
        key = next(_keys)
        hooks[key] = mine
        self._set.append((hooks, key))

    def _watch(self, probe: Probe) -> None:
        """Record z, pre, hidden, logit and gate; edit the gate, or put the given one there."""
        place, seen = probe.place, probe.seen
        per_branch = partial(place.layout.per_branch, place.module)

        def first(args: Args, out: Tensor) -> None:
            seen["z"] = args[0]

        def pre(args: Args, out: Tensor) -> None:
            seen["pre"] = out.clone() if place.clobbers_pre else out

        def second(args: Args, out: Tensor) -> None:
            seen["z" if place.w1 is None else "hidden"] = args[0]

        def last(args: Args, out: Tensor) -> None:
            seen["logit"] = out.clone() if place.clobbers_logit else out

        def gate(args: Args, out: Tensor) -> Tensor | None:
            probe.turn = self._turns = self._turns + 1
            if probe.given is not None:  # one picture's U times B gates is B maps: what comes before ran once
                own = per_branch(out).shape
                if probe.given.shape[1:] != own[1:]:
                    raise ValueError(f"{place.name} has gates {tuple(own[1:])}; got {tuple(probe.given.shape[1:])}")
                out = probe.given.reshape(-1, *out.shape[1:])
            seen["gate"] = out
            if not probe.edits:
                return None if probe.given is None else out
            edited, logits = per_branch(out), per_branch(seen["logit"], logits=True)
            for edit in probe.edits:
                edited = edits.apply(edit, edited, logits)
            seen["gate"] = edited.reshape(out.shape)
            return seen["gate"]

        def widen(args: Args) -> Args:
            assert probe.given is not None
            return (args[0].expand(len(probe.given), *args[0].shape[1:]), *args[1:])

        if probe.given is not None and place.layout.kind == "split":  # it shapes its gate by the batch it was given
            self.on(place.module._forward_pre_hooks, widen)
        if place.w1 is not None:
            self.on(place.w1._forward_hooks, first)
            self.on((place.w1 if place.norm is None else place.norm)._forward_hooks, pre)
        self.on(place.w2._forward_hooks, second)
        self.on((place.norm2 or place.w2)._forward_hooks, last)
        self.on(place.gate._forward_hooks, gate)

    def _change(self, probe: Probe) -> None:
        """Change what comes before the gate function, where an edit says so."""
        place = probe.place

        def squeezed(op: Callable[[Tensor], Tensor], args: Args) -> Args:
            return (op(probe.u().sum(1)).reshape(args[0].shape), *args[1:])

        def hidden(op: Callable[[Tensor], Tensor], args: Args) -> Args:
            return (op(args[0]), *args[1:])

        for edit in probe.edits:
            if edit.op in edits.SQUEEZE_OPS:
                if not probe.with_u:
                    self._watch_u(probe)
                part = place.w2 if place.w1 is None else place.w1
                self.on(part._forward_pre_hooks, partial(squeezed, edits.SQUEEZE_OPS[edit.op]))
            elif edit.op in edits.HIDDEN_OPS:
                if place.w1 is None:
                    raise ValueError(f"{place.name} has no hidden layer; {edit.op} has nothing to change")
                self.on(place.w2._forward_pre_hooks, partial(hidden, edits.HIDDEN_OPS[edit.op]))

    def _watch_u(self, probe: Probe) -> None:
        """Record U, what it was made of where that is something else, and what the block gives."""
        place = probe.place
        how, _, path = place.layout.u.partition(":")
        target = child(place.module, path)
        assert target is not None  # the layout matched

        def before(name: str, args: Args) -> None:
            probe.seen[name] = args[0].clone()

        def after(name: str, args: Args, out: Tensor) -> None:
            probe.seen[name] = out.clone()

        self.on(place.module._forward_hooks, partial(after, "out"))
        if place.branches > 1:  # its branches make U of something else
            self.on(place.module._forward_pre_hooks, partial(before, "x"))
        if how == "input":
            self.on(target._forward_pre_hooks, partial(before, "u"))
        elif how == "output":
            self.on(target._forward_hooks, partial(after, "u"))
        else:
            for index, branch in enumerate(target.children()):
                self.on(branch._forward_hooks, partial(after, f"u{index}"))
