"""Run a network and look inside: what its attention blocks computed, with edits or with gates given from outside.

The module is left as it was: no hook, no changed mode, no changed weight, also after an exception. Threads that share
a module take turns. ``probes`` sets the hooks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from senet_viz.errors import EditRefused, NoClassScores, NoGateFound
from senet_viz.later import later
from senet_viz.tap import edits as edit_ops
from senet_viz.tap.layouts import places
from senet_viz.tap.probes import Args, Probe, Session, fetched, waited
from senet_viz.tap.sharing import alone, evaluating
from senet_viz.types import Edit, Trace

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn
else:
    torch, nn = later("torch"), later("torch.nn")


def _probes(module: nn.Module, edits: Sequence[Edit], keep_u: Iterable[str]) -> list[Probe]:
    there = places(module)
    keep = frozenset(keep_u)
    unknown = sorted((keep | {edit.block for edit in edits}) - {place.name for place in there})
    if unknown:
        raise NoGateFound(f"no attention block: {unknown[0]}", name=unknown[0])
    ordered = sorted(edits, key=edit_ops.stage)  # what comes first in a block is changed first
    return [Probe(p, tuple(e for e in ordered if e.block == p.name), p.name in keep) for p in there]


def class_scores(given: Any) -> Tensor | None:
    """Return the class scores (B, K) in what a network gives: its output, or the first of several.

    None where that is no tensor with one number a class: a dictionary of maps, boxes, a map.
    """
    if isinstance(given, tuple | list) and given:
        given = given[0]
    if not isinstance(given, torch.Tensor) or given.ndim < 2 or given.shape[2:].numel() != 1:
        return None
    return given.flatten(1)


def features(before: Tensor, after: Tensor) -> Tensor:
    """Return what a network's last two stages saw of B pictures (B, 2 D + D').

    Args:
        before: (B, D', H', W') the maps that go into the last stage.
        after: (B, D, H, W) those that come out. Their means come first (the last layer makes the scores of them), then
            their standard deviations, then the means of ``before``.
    """
    return torch.cat([after.mean((2, 3)), after.std((2, 3), correction=0), before.mean((2, 3))], 1)


def sent(x: Tensor, like: Tensor) -> Tensor:
    """Return ``x`` where ``like`` is, in its type; to a CUDA device from pinned memory, and nobody waits for it."""
    if like.is_cuda and not x.is_cuda:
        x = x.pin_memory().to(like.device, non_blocking=True)
    return x.to(like.device, like.dtype)


def all_gates(module: nn.Module, x: Tensor) -> tuple[Tensor | None, list[tuple[str, str, Tensor]]]:
    """Run ``x`` (B, 3, H, W) once, and return its class scores and the gates alone: for many pictures.

    All stays where the network is, in its type, and nothing waits for it.

    Returns:
        Class scores (B, K), None where there are none; of every block that ran name, kind, and gates (B, M, C).
    """
    probes = _probes(module, (), ())
    with evaluating(module), torch.inference_mode(), Session(probes):
        scores = class_scores(module(sent(x, next(module.parameters(), torch.zeros(0)))))
    ran = sorted((p for p in probes if p.turn), key=lambda p: p.turn)
    shaped = [p.seen["gate"].reshape(len(x), p.place.branches, -1) for p in ran]
    return scores, [(p.place.name, p.place.layout.kind, gate) for p, gate in zip(ran, shaped, strict=True)]


def run_batch(
    module: nn.Module,
    x: Tensor,
    edits: Sequence[Edit] = (),
    keep_u: Iterable[str] = (),
    model: str = "",
    picture_keys: Sequence[str] = (),
) -> tuple[Trace, ...]:
    """Run ``x`` (B, 3, H, W) through the network once, and return a trace for every picture, on the CPU in float32.

    A network that gives no class scores has a trace too, without them: see ``class_scores``.

    Args:
        edits: applied to their blocks, of each block in this order but what comes first in it first.
        keep_u: names of the blocks whose ``u`` is wanted (it is large).
        model, picture_keys: copied into the traces.

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
    assert isinstance(weight, torch.Tensor)  # a linear or convolution layer
    native = weight.dtype == torch.float32 and weight.device.type == "cpu"
    if not native:
        x = sent(x, weight)
    maps: list[Tensor] = []  # that go into the last stage, and that come out of it
    with evaluating(module), torch.inference_mode():
        with Session(probes) as session:
            if type(module).__name__ == "TinyNet" and hasattr(module, "layer4"):
                for part in (module.layer4, module.pool):
                    assert isinstance(part, torch.nn.Module)
                    session.on(part._forward_pre_hooks, lambda args: maps.append(args[0]))
            scores = class_scores(module(x))
        ran = sorted((p for p in probes if p.turn), key=lambda p: p.turn)
        columns = [tuple(probe.traces(len(x), native)) for probe in ran]
        found = features(*maps) if maps else None
        if scores is not None and not native:
            scores, found = fetched(scores), None if found is None else fetched(found)
        waited(weight.device)
        if edits and scores is not None and not bool(scores.isfinite().all()):
            raise EditRefused(edit_ops.written(edits[0])[:80], "numbers grow beyond what float32 can hold")
    silent = tuple(p.place.name for p in probes if not p.turn)
    keys = tuple(picture_keys) or ("",) * len(x)
    name = model or type(module).__name__
    each = (None,) * len(x) if scores is None else scores
    seen = (None,) * len(x) if found is None else found
    return tuple(
        Trace(name, keys[i], edits, each[i], tuple(column[i] for column in columns), silent, seen[i])
        for i in range(len(x))
    )


def run(
    module: nn.Module,
    x: Tensor,
    edits: Sequence[Edit] = (),
    keep_u: Iterable[str] = (),
    model: str = "",
    picture_key: str = "",
) -> Trace:
    """Run one picture ``x`` (1, 3, H, W) through the network once, and return its trace: see ``run_batch``.

    Raises:
        ValueError: ``x`` holds another number of pictures than one.
    """
    if x.ndim != 4 or len(x) != 1:
        raise ValueError(f"x must be (1, 3, H, W); got {tuple(x.shape)}")
    return run_batch(module, x, edits, keep_u, model, (picture_key,))[0]


@contextmanager
def heeding(module: nn.Module, word: Callable[[], object]) -> Iterator[None]:
    """Say ``word`` before every part of the network that runs in this thread: what it raises ends the forward.

    Args:
        module: nobody else's while this lasts.
    """
    with Session() as session:
        for part in module.modules():
            session.on(part._forward_pre_hooks, lambda args: word() and None)
        yield


def gated(module: nn.Module, x: Tensor, block: str, gates: Tensor, edits: Sequence[Edit] = ()) -> Tensor:
    """Return the class scores (B, K) of one picture with each of B gates in the place of one block's own.

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
    with evaluating(module):
        try:
            with Session(probes):
                scores = class_scores(module(x))
        except RuntimeError:  # a network that writes B maps into the one of a picture: then all of it sees B pictures
            with Session(probes):
                scores = class_scores(module(x.expand(len(gates), *x.shape[1:]).contiguous()))
    if not all(probe.turn for probe in probes if probe.given is not None):
        raise NoGateFound(f"{block} never runs", name=block)
    if scores is None:
        raise NoClassScores(type(module).__name__)
    return scores.float()


def last_map(module: nn.Module, x: Tensor) -> str:
    """Return the name of the last part that gives a map of more than one pixel: what a head pools.

    It costs one forward.

    Raises:
        NoGateFound: no part does.
    """
    found: list[str] = []

    def told(name: str, args: Args, out: object) -> None:
        if isinstance(out, torch.Tensor) and out.ndim == 4 and out.shape[2] * out.shape[3] > 1:
            found.append(name)

    with alone(module), torch.inference_mode(), Session() as session:
        for name, part in module.named_modules():
            if name:
                session.on(part._forward_hooks, partial(told, name))
        module(x)
    if not found:
        raise NoGateFound("no part of this network gives a map", name="")
    return found[-1]
