"""Random numbers of one seed for whoever builds something with torch's global ones, one thread at a time."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

_DRAWING = threading.RLock()


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Let torch draw from ``seed`` inside; afterwards its global random numbers are as they were.

    They belong to the process: without the lock, two threads that build a network each would draw from each other's.
    On the meta device nothing is drawn, so nobody has to wait there until a large network has its weights.
    """
    import torch

    if torch.get_default_device().type == "meta":
        yield
        return
    with _DRAWING, torch.random.fork_rng(devices=[]):
        torch.random.default_generator.manual_seed(seed)
        yield
