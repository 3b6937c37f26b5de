"""A network that several threads share: its lock, a while alone with it, a twin for work that takes long."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from threading import Lock, RLock, local
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from senet_viz.later import later
from senet_viz.tap.layouts import moody
from senet_viz.tap.probes import OURS

if TYPE_CHECKING:
    from torch import nn
else:
    nn = later("torch.nn")


_locks: WeakKeyDictionary[nn.Module, RLock] = WeakKeyDictionary()
_locks_lock = Lock()
_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


def lock_of(module: nn.Module) -> RLock:
    """Return the lock that everyone who runs this module shares."""
    with _locks_lock:
        return _locks.setdefault(module, RLock())


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Hold the module's lock, and put parts in training mode, also below a module in eval mode, into eval mode."""
    with lock_of(module):
        training = [part for part in moody(module) if part.training]
        for part in training:
            part.training = False
        try:
            yield
        finally:
            for part in training:
                part.training = True


@contextmanager
def alone(module: nn.Module) -> Iterator[None]:
    """Give this thread the module alone, in eval mode: for a library that sets hooks of its own.

    Hooks that it forgets are taken away, and every mode is given back, also after an exception.
    """
    with evaluating(module):
        before = [(hooks, set(hooks)) for part in module.modules() for hooks in (getattr(part, h) for h in _HOOKS)]
        try:
            yield
        finally:
            for hooks, keys in before:
                for key in set(hooks) - keys:
                    del hooks[key]


def twin(module: nn.Module) -> nn.Module:
    """Return the same network with hooks and a lock of its own, and the very same weights: for work that takes long.

    Whoever runs ``module`` meanwhile neither waits for that work nor sees its hooks.
    """
    memo: dict[int, object] = {id(value): value for value in (*module.parameters(), *module.buffers())}
    for part in module.modules():
        for hooks in (getattr(part, each) for each in _HOOKS):  # those of a forward that runs now are not its own
            memo[id(hooks)] = OrderedDict(each for each in list(hooks.items()) if each[0] < OURS)
    return deepcopy(module, memo)


class _Twins(local):
    """Keep a thread's own twins, each as long as its network."""

    def __init__(self) -> None:
        self.own: WeakKeyDictionary[nn.Module, nn.Module] = WeakKeyDictionary()


_twins = _Twins()


def own_twin(module: nn.Module) -> nn.Module:
    """Return this thread's twin of the network, which is made once."""
    found = _twins.own.get(module)
    if found is None:
        found = _twins.own[module] = twin(module)
    return found
