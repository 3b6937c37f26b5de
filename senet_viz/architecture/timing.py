"""How long a forward takes here: two networks in turn in one run, with the spread and what else may have been running.

One run's mean says little on a machine that does other things too; the ratio of two neighbours in time says more.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import quantiles
from typing import TYPE_CHECKING

from senet_viz.architecture import prices
from senet_viz.architecture.counting import skeleton
from senet_viz.jobs import Progress, silent
from senet_viz.later import later
from senet_viz.networks.registry import Choice

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn
else:
    torch, nn = later("torch"), later("torch.nn")


@dataclass(frozen=True)
class Timing:
    """A timing holds the times of two networks that ran in turn, in milliseconds for one picture."""

    rounds: tuple[tuple[float, float], ...]  # (bare, gated) of every round
    size: int
    device: str
    threads: int  # of torch
    load: tuple[float, float] | None  # mean of processes that were ready, one minute's, before and after; None: unknown
    cores: int

    def quartiles(self, which: int) -> tuple[float, float, float]:
        """Return (lower quartile, median, upper quartile) of the bare (0) or the gated network (1), ms."""
        return _quartiles([both[which] for both in self.rounds])

    @property
    def extra(self) -> tuple[float, float, float]:
        """Return the quartiles of gated / bare - 1, round by round: what slowed both of a round cancels out."""
        return _quartiles([gated / bare - 1 for bare, gated in self.rounds])


def _quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    low, middle, high = quantiles(values, n=4, method="inclusive")
    return low, middle, high


LEAST_ROUNDS = 3


def between(choice: Choice, seconds: float = 3.0, device: str = "cpu") -> Timing:
    """Measure a named network at its own size, with its gates and without: see ``timed``.

    Raises:
        ValueError: without its gates it is no network.
    """
    bare = prices.bare(choice)
    if bare is None:
        raise ValueError(f"{choice} chooses between kernels: it cannot do without its gates")
    return timed(bare, prices.build(choice), prices.row(choice.net).size, seconds, device)


def timed(
    bare: nn.Module,
    gated: nn.Module,
    size: int = 224,
    seconds: float = 3.0,
    device: str = "cpu",
    progress: Progress = silent,
) -> Timing:
    """Measure forwards of one picture in eval mode, bare and gated in turn, who is first changing every round.

    The networks may be on the meta device: copies get random values on ``device``, which is enough for the time.

    Args:
        seconds: stop after this time, building apart; at least three rounds are run.
        progress: told in the asking thread how many milliseconds of how many are over.
    """
    nets = tuple(_filled(net, device) for net in (bare, gated))
    x = torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(0)).to(device)
    before = _load()
    for net in nets:  # the first forward allocates
        _once(net, x)
    rounds: list[tuple[float, float]] = []
    start = time.perf_counter()
    while (spent := time.perf_counter() - start) < seconds or len(rounds) < LEAST_ROUNDS:
        progress(round(1000 * min(spent, seconds)), round(1000 * seconds))
        order = (0, 1) if len(rounds) % 2 == 0 else (1, 0)
        took = {which: _once(nets[which], x) for which in order}
        rounds.append((took[0], took[1]))
    threads = torch.get_num_threads()
    after = _load()
    load = None if before is None or after is None else (before, after)
    return Timing(tuple(rounds), size, device, threads, load, os.cpu_count() or 1)


def _once(net: nn.Module, x: Tensor) -> float:
    """Measure one forward, in milliseconds."""
    wait = {"cuda": torch.cuda.synchronize, "mps": torch.mps.synchronize}.get(x.device.type, lambda: None)
    with torch.inference_mode():
        wait()
        start = time.perf_counter()
        net(x)
        wait()
        return (time.perf_counter() - start) * 1000


def _load() -> float | None:
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def _filled(module: nn.Module, device: str) -> nn.Module:
    """Copy a network to ``device`` with random weights from a generator of its own; norms do nothing."""
    net = skeleton(module).to_empty(device=device).eval().requires_grad_(False)
    draw = torch.Generator(device).manual_seed(0)
    for part in net.modules():
        for name, p in part.named_parameters(recurse=False):
            if p.dim() > 1:
                reach = (3 / math.prod(p.shape[1:])) ** 0.5
                p.uniform_(-reach, reach, generator=draw)
            else:
                p.fill_(float(name == "weight"))  # of a norm: it changes nothing
        for name, b in part.named_buffers(recurse=False):
            b.fill_(name == "running_var")
    return net
