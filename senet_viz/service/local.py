"""One place that runs models for every session: bounded caches, one torch thread a worker, a queue that can say no.

Nothing here knows a browser. A question that was asked before, or is being answered for someone else right now, costs
no forward: ``forwards`` counts those that were really run. One file, for its lanes, its networks and its answers are
one another's bounds.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager, contextmanager, suppress
from copy import copy
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar

from senet_viz.errors import ModelTooLarge, Stopped, WeightsUnavailable
from senet_viz.jobs import Gathered, Jobs, Progress, in_a_thread, silent
from senet_viz.service import garbage
from senet_viz.service.cache import Lane, Shared
from senet_viz.service.engine import NOBODY, Keeping, Seat, both
from senet_viz.service.questions import LARGE_MIB, Question, Where, mib

if TYPE_CHECKING:
    from torch import nn

    from senet_viz.networks.registry import Choice

T = TypeVar("T")
MODELS_MIB = "SENET_VIZ_MODELS_MIB"  # environment variable: networks are kept up to so many MiB of weights
MODELS_MIB_DEFAULT = 1024.0
LATER, LAST = 5, 10  # how nice a large network's single run is, and what takes long: the kernel's own measure
COMPANY = 16  # questions that may wait for a GPU together, and be one forward
FAILED_S = 60.0  # for so long, weights that could not be fetched for one are not asked for again for others


def _models_mib() -> float:
    """Return what the networks that are kept may weigh together, in MiB."""
    try:
        given = float(os.environ[MODELS_MIB])
    except (KeyError, ValueError):
        return MODELS_MIB_DEFAULT
    return given if given >= 0 else MODELS_MIB_DEFAULT


def _weights_mib(module: nn.Module) -> float:
    return mib((*module.parameters(), *module.buffers()))


def _loaded(key: str, device: str, weights: str) -> nn.Module:
    from senet_viz.models import load

    module = load.load(key, device, weights)
    garbage.settle()
    return module


def _built(choice: Choice, device: str) -> nn.Module:
    from senet_viz.models import devices
    from senet_viz.networks import variants

    target = devices.resolve(device)
    return variants.build(choice.net, device=target, **dict(choice.options)).requires_grad_(False)


def _catalogued(key: str | Choice) -> tuple[str, float]:
    """Return what a network is called and its weights in MiB; those of a variant as released, whatever its options.

    Raises:
        UnknownModel: no such model.
    """
    from senet_viz.models import catalogue
    from senet_viz.networks.registry import NAMED

    if isinstance(key, str):
        row = catalogue.spec(key)
        return row.title, row.weights_mib
    named = (key.net, *NAMED[key.net].also, key.net.replace("se_", "legacy_se"))  # timm's name of the authors' networks
    return NAMED[key.net].title, next(catalogue.spec(name).weights_mib for name in named if catalogue.has(name))


def lane_of(question: Question[Any]) -> Where:
    """Return which lane a question runs in."""
    if question.where != "short" or not question.forward:
        return question.where
    if question.device.startswith("cuda"):
        return "gpu"
    return "large" if _catalogued(question.model)[1] > LARGE_MIB else "short"


def _heeding(question: Question[T], module: nn.Module, told: Progress) -> T:
    """Answer a question on this thread's twin of the network; before every part of it, end where nobody waits."""
    from senet_viz.tap import hooks, sharing

    last = (0, 1)

    def heard(done: int, total: int) -> bool | None:
        nonlocal last
        last = done, total
        return told(done, total)

    def word() -> None:
        if told(*last) is False:
            raise Stopped("nobody waits for it any more")

    own = sharing.own_twin(module)
    with hooks.heeding(own, word):
        return question.work(own, heard)


class LocalEngine(Keeping):
    """The engine of this process: it answers with networks of its own, in threads.

    What takes milliseconds has a lane of its own, so have one run of a large network, what takes long, and loading:
    these three stand back where a processor is wanted. What is long runs on a twin of its network that nobody else
    waits for. Short questions to a GPU have a lane, too: who waits for it keeps no processor from the others, and what
    has come while it was at work becomes one batch.

    Args:
        workers: forwards of a kind that may run at the same time; one a core by default.
        waiting: requests of a kind that may wait before ``Busy`` is raised.
    """

    def __init__(self, workers: int | None = None, waiting: int = 128) -> None:
        super().__init__()
        self._models: Shared[nn.Module] = Shared(_models_mib(), _weights_mib)
        self._variants: Shared[nn.Module] = Shared(2)  # the two that are compared; they push out nobody's model
        self._workers = workers or min(os.cpu_count() or 1, 8)
        self._running = 0
        lane = partial(Lane, workers=self._workers, waiting=waiting)
        long = lane("long", nice=LAST)
        self._lanes: dict[Where, Lane] = {
            "short": lane("forward"), "gpu": lane("gpu", workers=COMPANY),
            "large": lane("large", nice=LATER), "long": long, "wide": long,
        }  # fmt: skip
        self._gathered: Gathered[Question[Any], Any] = Gathered()
        self._jobs: dict[Where, Jobs[Any]] = {lane: Jobs(partial(self._submit, lane)) for lane in self._lanes}
        self._fetching: Jobs[None] = Jobs(in_a_thread)
        # random weights are drawn by one thread at a time in any case
        self._load_lane = Lane("load", 1, waiting, nice=LATER)
        self._loading: Jobs[nn.Module] = Jobs(self._load_lane.submit)
        self._failed: dict[str, tuple[float, WeightsUnavailable]] = {}

    # --- questions --------------------------------------------------------------------------------------------------

    def _holding(self, question: Question[Any], seat: Seat) -> AbstractContextManager[nn.Module]:
        return self.using(*question.network, seat=seat)

    def _answer(self, question: Question[T], module: nn.Module, progress: Progress) -> T:
        shelf, key = self._shelf(question), question.key
        where = lane_of(question)

        def work(told: Progress) -> T:
            if (found := shelf.peek(key)) is not None:  # it came while this was waiting
                return found
            if where == "gpu" and question.kind is not None:
                with suppress(Exception):  # another's fault must not be this one's: it is asked alone then
                    kind = question.network, question.kind
                    return shelf.get(key, lambda: self._gathered.get(kind, question, partial(self._together, module)))
            if question.forward:
                self._ran()
            answer = question.work(module, told) if where in ("short", "gpu") else _heeding(question, module, told)
            return shelf.get(key, lambda: answer)

        return self._jobs[where].get(key, work, progress)

    def _together(self, module: nn.Module, questions: Sequence[Question[Any]]) -> Sequence[Any]:
        self._ran()
        return questions[0].together(questions, module)

    def _ran(self) -> None:
        with self._count:
            self.forwards += 1

    def stats(self) -> dict[str, float]:
        """Return how busy it is and what it keeps: see ``Engine``."""
        return super().stats() | {
            "running": self._running,
            "waiting": sum(lane.waiting for lane in {*self._lanes.values(), self._load_lane}),
            "models": len(self._models),
            "models_mib": self._models.total,
        }

    # --- work -------------------------------------------------------------------------------------------------------

    def run(self, work: Callable[[], T], where: Where = "large") -> T:
        """Run ``work`` in a worker: see ``Engine``. Here it may be any function."""
        return self._submit(where, work).result()

    def _submit(self, where: Where, work: Callable[[], T]) -> Future[T]:
        return self._lanes[where].submit(partial(self._run, work, where == "wide"))

    def _run(self, work: Callable[[], T], wide: bool) -> T:
        import torch

        with self._count:
            self._running += 1
            idle = self._workers - self._running
        try:
            if wide and idle > 0:
                torch.set_num_threads(1 + idle)
            return work()
        finally:
            torch.set_num_threads(1)
            with self._count:
                self._running -= 1

    # --- networks ---------------------------------------------------------------------------------------------------

    def ready(
        self,
        key: str | Choice,
        device: str = "cpu",
        weights: str = "pretrained",
        progress: Progress = silent,
        seat: Seat = NOBODY,
    ) -> None:
        """Have a network loaded: see ``Engine``."""
        with self.using(key, device, weights, progress, seat):
            pass

    def model(
        self, key: str | Choice, device: str = "cpu", weights: str = "pretrained", progress: Progress = silent
    ) -> nn.Module:
        """Return a network as ``using`` gives it."""
        with self.using(key, device, weights, progress) as module:
            return module

    @contextmanager
    def using(
        self,
        key: str | Choice,
        device: str = "cpu",
        weights: str = "pretrained",
        progress: Progress = silent,
        seat: Seat = NOBODY,
    ) -> Iterator[nn.Module]:
        """Give the network of that key, loaded once, in eval mode; or a variant, which is untrained: see ``ready``.

        It makes room for no other one before the ``with`` ends.
        """
        title, weight = _catalogued(key)
        if weight > self._models.limit:
            raise ModelTooLarge(title, weight, self._models.limit)
        name = (key, device, weights)
        if isinstance(key, str):
            if weights == "pretrained" and self._models.peek(name) is None:
                self._fetched(key, both(progress, seat))
            shelf, make = self._models, partial(_loaded, key, device, weights)
        else:
            name, weight = (key, device, "random"), 0.0  # of two that are compared both are wanted
            shelf, make = self._variants, partial(_built, key, device)
        with shelf.held(name, weight):
            module = shelf.peek(name)
            if module is None:
                work = partial(shelf.get, name, make)
                module = self._loading.get(name, lambda told: work(), both(silent, seat))
            yield module

    def _fetched(self, key: str, progress: Progress) -> None:
        """Have the weights of a network on this machine: fetched in a thread that works on if the asking one leaves."""
        from senet_viz.models import load as loads
        from senet_viz.models import weight_files

        if weight_files.available(key) != "download":
            return
        if (seen := self._failed.get(key)) is not None and monotonic() - seen[0] < FAILED_S:
            raise copy(seen[1])  # each has its own traceback
        try:
            self._fetching.get(key, partial(loads.fetch, key), progress)
        except WeightsUnavailable as error:
            self._failed[key] = monotonic(), copy(error)
            raise

    def devices(self) -> tuple[str, ...]:
        """Return what computes here: see ``Engine``."""
        from senet_viz.models import devices

        return devices.devices()

    def retry(self, key: str) -> None:
        """Forget that the weights of this model could not be fetched a moment ago: see ``Engine``."""
        self._failed.pop(key, None)
