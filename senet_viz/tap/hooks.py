"""The one place with hooks: what happens inside a network's attention blocks, recorded and edited by one mechanism.

A hook that returns a tensor edits, one that returns None records. Hooks live in a ``with`` under the model's lock,
answer only to the thread that set them, and are gone afterwards, whatever happened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field, replace
from itertools import count
from threading import Lock, RLock, get_ident
from typing import Any, Self
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from senet_viz.errors import EditRefused, NoClassScores, NoGateFound
from senet_viz.tap import edits as edit_ops
from senet_viz.tap.layouts import Place, child, moody, places
from senet_viz.types import BlockTrace, Edit, Trace

_locks: WeakKeyDictionary[nn.Module, RLock] = WeakKeyDictionary()
_locks_lock = Lock()
_keys = count(1 << 40)  # torch counts its own hooks from 0


def lock_of(module: nn.Module) -> RLock:
    """The lock that everyone who runs this module shares."""
    with _locks_lock:
        return _locks.setdefault(module, RLock())


@dataclass(eq=False, slots=True)
class _Probe:
    """One block during one forward: what its hooks have seen, whole batch, as the model gave it."""

    place: Place
    edits: tuple[Edit, ...]
    with_u: bool
    seen: dict[str, Tensor] = field(default_factory=dict)
    turn: int = 0  # when it ran, from 1; 0 if never
    given: Tensor | None = None  # (B, M, C) in the place of its gate


Hook = Callable[[nn.Module, tuple[Any, ...], Tensor], Tensor | None]


class _Session:
    """The hooks of one forward. Values that an activation may overwrite in place are cloned at once."""

    def __init__(self, probes: Sequence[_Probe]) -> None:
        self.probes = probes
        self.owner = get_ident()
        self.set: list[tuple[dict[int, Any], int]] = []
        self.turns = 0

    def _on(self, hooks: dict[int, Any], hook: Callable[..., Any]) -> None:
        # what register_forward_hook does, without its handle: 27 handles are 4 % of a small network's forward
        key = next(_keys)
        hooks[key] = hook
        self.set.append((hooks, key))

    def _watch(self, probe: _Probe) -> None:
        place, seen, owner = probe.place, probe.seen, self.owner
        pre_here = place.pre is place.w1

        def first(part: nn.Module, args: tuple[Any, ...], out: Tensor) -> None:
            if get_ident() == owner:
                seen["z"] = args[0]
                if pre_here:
                    seen["pre"] = out.clone() if place.clobbers_pre else out

        def norm(part: nn.Module, args: tuple[Any, ...], out: Tensor) -> None:
            if get_ident() == owner:
                seen["pre"] = out.clone() if place.clobbers_pre else out

        def second(part: nn.Module, args: tuple[Any, ...], out: Tensor) -> None:
            if get_ident() == owner:
                seen["z" if place.w1 is None else "hidden"] = args[0]
                seen["logit"] = out.clone() if place.clobbers_logit else out

        def gate(part: nn.Module, args: tuple[Any, ...], out: Tensor) -> Tensor | None:
            if get_ident() != owner:
                return None
            probe.turn = self.turns = self.turns + 1
            if probe.given is not None:  # one picture's U times B gates is B maps: what comes before ran once
                own = place.layout.per_branch(place.module, out).shape
                if probe.given.shape[1:] != own[1:]:
                    raise ValueError(f"{place.name} has gates {tuple(own[1:])}; got {tuple(probe.given.shape[1:])}")
                out = probe.given.reshape(-1, *out.shape[1:])
            seen["gate"] = out
            if not probe.edits:
                return None if probe.given is None else out
            edited = place.layout.per_branch(place.module, out)
            logits = place.layout.per_branch(place.module, seen["logit"], logits=True)
            for edit in probe.edits:
                edited = edit_ops.apply(edit, edited, logits)
            seen["gate"] = edited.reshape(out.shape)
            return seen["gate"]

        def widen(part: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...] | None:
            if get_ident() != owner or probe.given is None:
                return None
            return (args[0].expand(len(probe.given), *args[0].shape[1:]), *args[1:])

        if probe.given is not None and place.layout.kind == "split":  # it shapes its gate by the batch it was given
            self._on(place.module._forward_pre_hooks, widen)
        if place.w1 is not None:
            self._on(place.w1._forward_hooks, first)
        if place.pre is not None and not pre_here:
            self._on(place.pre._forward_hooks, norm)
        self._on(place.w2._forward_hooks, second)
        self._on(place.gate._forward_hooks, gate)

    def _change(self, probe: _Probe) -> None:
        """What comes before the gate function, where an edit changes it."""
        place, owner = probe.place, self.owner
        first: nn.Module = place.w2 if place.w1 is None else place.w1

        def squeeze(op: Callable[[Tensor], Tensor]) -> Callable[..., Any]:
            def hook(part: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...] | None:
                if get_ident() != owner:
                    return None
                u = _u(probe)
                assert u is not None  # its hooks ran before
                return (op(u.sum(1)).reshape(args[0].shape), *args[1:])

            return hook

        def hidden(op: Callable[[Tensor], Tensor]) -> Callable[..., Any]:
            def hook(part: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...] | None:
                return None if get_ident() != owner else (op(args[0]), *args[1:])

            return hook

        for edit in probe.edits:
            if edit.op in edit_ops.SQUEEZE_OPS:
                if not probe.with_u:
                    self._watch_u(probe)
                self._on(first._forward_pre_hooks, squeeze(edit_ops.SQUEEZE_OPS[edit.op]))
            elif edit.op in edit_ops.HIDDEN_OPS:
                if place.w1 is None:
                    raise ValueError(f"{place.name} has no hidden layer; {edit.op} has nothing to change")
                self._on(place.w2._forward_pre_hooks, hidden(edit_ops.HIDDEN_OPS[edit.op]))

    def _watch_u(self, probe: _Probe) -> None:
        place, seen = probe.place, probe.seen
        how, _, path = place.layout.u.partition(":")
        target = child(place.module, path)
        assert target is not None  # the layout matched

        def before(part: nn.Module, args: tuple[Any, ...]) -> None:
            if get_ident() == self.owner:
                seen["u"] = args[0].clone()

        def keep(name: str) -> Hook:
            def hook(part: nn.Module, args: tuple[Any, ...], out: Tensor) -> None:
                if get_ident() == self.owner:
                    seen[name] = out.clone()

            return hook

        def entry(part: nn.Module, args: tuple[Any, ...]) -> None:
            if get_ident() == self.owner:
                seen["x"] = args[0].clone()

        self._on(place.module._forward_hooks, keep("out"))
        if place.branches > 1:  # its branches make U of something else
            self._on(place.module._forward_pre_hooks, entry)
        if how == "input":
            self._on(target._forward_pre_hooks, before)
        elif how == "output":
            self._on(target._forward_hooks, keep("u"))
        else:
            for index, branch in enumerate(target.children()):
                self._on(branch._forward_hooks, keep(f"u{index}"))

    def __enter__(self) -> Self:
        try:
            for probe in self.probes:
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
        for hooks, key in self.set:
            hooks.pop(key, None)
        self.set.clear()


def twin(module: nn.Module) -> nn.Module:
    """The same network with hooks and a lock of its own, and the very same weights: for work that takes long.

    Whoever runs ``module`` meanwhile neither waits for that work nor sees its hooks.
    """
    weights: dict[int, Any] = {id(v): v for v in (*module.parameters(), *module.buffers())}
    return deepcopy(module, weights)


@contextmanager
def _evaluating(module: nn.Module) -> Iterator[None]:
    """Parts in training mode are put into eval mode, also below a module in eval mode, and back afterwards."""
    training = [part for part in moody(module) if part.training]
    for part in training:
        part.training = False
    try:
        yield
    finally:
        for part in training:
            part.training = True


_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


@contextmanager
def alone(module: nn.Module) -> Iterator[None]:
    """This thread alone has the module, in eval mode: for a library that sets hooks of its own.

    Hooks that it forgets are taken away, and every mode is given back, also after an exception.
    """
    with lock_of(module), _evaluating(module):
        before = [(hooks, set(hooks)) for part in module.modules() for hooks in (getattr(part, h) for h in _HOOKS)]
        try:
            yield
        finally:
            for hooks, keys in before:
                for key in set(hooks) - keys:
                    del hooks[key]


def _probes(module: nn.Module, edits: Sequence[Edit], keep_u: Iterable[str]) -> list[_Probe]:
    there = places(module)
    keep = frozenset(keep_u)
    unknown = sorted((keep | {edit.block for edit in edits}) - {place.name for place in there})
    if unknown:
        raise NoGateFound(f"no attention block: {unknown[0]}", name=unknown[0])
    ordered = sorted(edits, key=edit_ops.stage)  # what comes first in a block is changed first
    return [_Probe(p, tuple(e for e in ordered if e.block == p.name), p.name in keep) for p in there]


def _u(probe: _Probe) -> Tensor | None:
    """(B, M, C, H, W)."""
    seen, m = probe.seen, probe.place.branches
    if "u0" in seen:
        return torch.stack([seen[f"u{index}"] for index in range(m)], dim=1)
    u = seen.get("u")
    return u if u is None or u.ndim == 5 else u.unflatten(1, (m, -1))


def _rows(probe: _Probe, batch: int, native: bool) -> list[BlockTrace]:
    """One block's trace for every picture of the batch; ``native`` tells that the model runs in float32 on the CPU."""
    place, seen = probe.place, probe.seen

    def each(value: Tensor | None, *shape: int) -> Sequence[Tensor | None]:
        if value is None:
            return (None,) * batch
        if not native:
            value = value.float().cpu()
        return (value.reshape(shape),) if batch == 1 else value.reshape(batch, *shape).unbind(0)

    logit, m = seen["logit"], place.branches
    if m > 1:
        logit = place.layout.per_branch(place.module, logit, logits=True)
    z, pre, hidden = (each(seen.get(name), -1) for name in ("z", "pre", "hidden"))
    rows = [
        BlockTrace(place.name, place.layout.kind, None, *values)  # type: ignore[arg-type]
        for values in zip(z, pre, hidden, each(logit, m, -1), each(seen["gate"], m, -1), strict=True)
    ]
    if not probe.with_u:
        return rows
    u, out = _u(probe), seen["out"]
    assert u is not None  # the hooks that see it were set
    x = seen.get("x")
    xs = each(x, *(() if x is None else x.shape[1:]))
    with_u = [replace(row, u=v, x=w) for row, v, w in zip(rows, each(u, *u.shape[1:]), xs, strict=True)]
    outs = each(out, *out.shape[1:])
    return [replace(row, residue=float((row.out - out).abs().max())) for row, out in zip(with_u, outs, strict=True)]  # type: ignore[operator]


def class_scores(given: Any) -> Tensor | None:
    """Return the class scores (B, K) in what a network gives: its output, or the first of several.

    None where that is no tensor with one number a class: a dictionary of maps, boxes, a map.
    """
    if isinstance(given, tuple | list) and given:
        given = given[0]
    if not isinstance(given, Tensor) or given.ndim < 2 or given.shape[2:].numel() != 1:
        return None
    return given.flatten(1)


def run_batch(
    module: nn.Module,
    x: Tensor,
    edits: Sequence[Edit] = (),
    keep_u: Iterable[str] = (),
    model: str = "",
    picture_keys: Sequence[str] = (),
) -> tuple[Trace, ...]:
    """One forward of ``x`` (B, 3, H, W); a trace for every picture, on the CPU in float32.

    The module is left as it was: no hook, no changed mode, no changed weight, also after an exception. Threads that
    share a module take turns.

    Args:
        edits: applied to their blocks, of each block in this order but what comes first in it first.
        keep_u: names of the blocks whose ``u`` is wanted (it is large).
        model, picture_keys: copied into the traces.

    A network that gives no class scores has a trace too, without them: see ``class_scores``.

    Raises:
        NoGateFound: the network has no attention block of a name that ``edits`` or ``keep_u`` uses. One without
            any block has a trace, with class scores and no blocks.
        ValueError: ``x`` is not (B, 3, H, W), or an edit does not fit its block.
        EditRefused: with these edits the class scores are no finite numbers any more, or see ``edits.apply``.
    """
    if x.ndim != 4 or x.shape[1] != 3 or not len(x):
        raise ValueError(f"x must be (B, 3, H, W); got {tuple(x.shape)}")
    edits = tuple(edits)
    probes = _probes(module, edits, keep_u)
    weight = probes[0].place.w2.weight if probes else next(module.parameters(), torch.zeros(0))
    assert isinstance(weight, Tensor)  # a linear or convolution layer
    native = weight.dtype == torch.float32 and weight.device.type == "cpu"
    if not native:
        x = x.to(weight.device, weight.dtype)
    with lock_of(module), _evaluating(module), torch.inference_mode():
        with _Session(probes):
            scores = class_scores(module(x))
        if scores is not None and not native:
            scores = scores.float().cpu()
        if edits and scores is not None and not bool(scores.isfinite().all()):
            raise EditRefused(edit_ops.written(edits[0])[:80], "numbers grow beyond what float32 can hold")
        ran = sorted((p for p in probes if p.turn), key=lambda p: p.turn)
        columns = [_rows(probe, len(x), native) for probe in ran]
    silent = tuple(p.place.name for p in probes if not p.turn)
    keys = tuple(picture_keys) or ("",) * len(x)
    name = model or type(module).__name__
    each = (None,) * len(x) if scores is None else scores
    return tuple(
        Trace(name, keys[i], edits, each[i], tuple(column[i] for column in columns), silent) for i in range(len(x))
    )


def run(
    module: nn.Module,
    x: Tensor,
    edits: Sequence[Edit] = (),
    keep_u: Iterable[str] = (),
    model: str = "",
    picture_key: str = "",
) -> Trace:
    """One forward of one picture ``x`` (1, 3, H, W): see ``run_batch``.

    Raises:
        ValueError: ``x`` holds another number of pictures than one.
    """
    if x.ndim != 4 or len(x) != 1:
        raise ValueError(f"x must be (1, 3, H, W); got {tuple(x.shape)}")
    return run_batch(module, x, edits, keep_u, model, (picture_key,))[0]


def gated(module: nn.Module, x: Tensor, block: str, gates: Tensor, edits: Sequence[Edit] = ()) -> Tensor:
    """Class scores (B, K) of one picture with each of B gates in the place of one block's own.

    What comes before the block runs once; from its gate on there are B maps. Gradients follow ``gates`` where the
    caller's mode records them, through the gates of later blocks too. The module is left as ``run`` leaves it.

    Args:
        x: (1, 3, H, W).
        gates: (B, M, C).
        edits: of other blocks, as in ``run``; those of ``block``'s gate are applied to what is given here, and what
            would change its squeeze or its hidden layer changes nothing.

    Raises:
        NoGateFound: no block of that name, or it never runs.
        NoClassScores: the network gives none.
        ValueError: ``x`` or ``gates`` has another shape.
    """
    if x.ndim != 4 or len(x) != 1 or gates.ndim != 3 or not len(gates):
        raise ValueError(f"x must be (1, 3, H, W) and gates (B, M, C); got {tuple(x.shape)} and {tuple(gates.shape)}")
    weight = next(module.parameters())
    x, gates = x.to(weight.device, weight.dtype), gates.to(weight.device, weight.dtype)
    probes = [p for p in _probes(module, edits, (block,)) if p.place.name == block or p.edits]
    for probe in probes:
        probe.with_u = False
        if probe.place.name == block:
            probe.given = gates
    with lock_of(module), _evaluating(module):
        try:
            with _Session(probes):
                scores = class_scores(module(x))
        except RuntimeError:  # a network that writes B maps into the one of a picture: then all of it sees B pictures
            with _Session(probes):
                scores = class_scores(module(x.expand(len(gates), *x.shape[1:]).contiguous()))
    if not all(probe.turn for probe in probes if probe.given is not None):
        raise NoGateFound(f"{block} never runs", name=block)
    if scores is None:
        raise NoClassScores(type(module).__name__)
    return scores.float()


def last_map(module: nn.Module, x: Tensor) -> str:
    """Name of the last part that gives a map of more than one pixel: what a head pools. Costs one forward.

    Raises:
        NoGateFound: no part does.
    """
    found: list[str] = []
    owner = get_ident()

    def told(name: str) -> Callable[..., None]:
        def hook(part: nn.Module, args: tuple[Any, ...], out: Any) -> None:
            if get_ident() == owner and isinstance(out, Tensor) and out.ndim == 4 and out.shape[2] * out.shape[3] > 1:
                found.append(name)

        return hook

    session = _Session(())
    with alone(module), torch.inference_mode(), session:
        for name, part in module.named_modules():
            if name:
                session._on(part._forward_hooks, told(name))
        module(x)
    if not found:
        raise NoGateFound("no part of this network gives a map", name="")
    return found[-1]
