"""One place that runs models for every session: bounded caches, one torch thread a worker, a queue that can say no.

Nothing here knows a browser. A question that was asked before, or is being answered for someone else right now, costs
no forward: ``forwards`` counts those that were really run.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from copy import copy
from functools import partial
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar

from senet_viz.errors import WeightsUnavailable
from senet_viz.jobs import Jobs, Progress, in_a_thread, silent
from senet_viz.service.cache import Lane, Shared
from senet_viz.service.questions import Question, Where, mib

if TYPE_CHECKING:
    from torch import nn

    from senet_viz.networks.registry import Choice

T = TypeVar("T")
MODELS_MIB = "SENET_VIZ_MODELS_MIB"  # environment variable: networks are kept up to so many MiB of weights
MODELS_MIB_DEFAULT = 1024.0
GARBAGE = 50_000  # objects between two collections: a rerun makes thousands, and nearly all go by themselves
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


def _built(choice: Choice, device: str) -> nn.Module:
    from senet_viz.models import devices
    from senet_viz.networks import variants

    target = devices.resolve(device)
    return variants.build(choice.net, device=target, **dict(choice.options)).requires_grad_(False)


class Engine:
    """An engine answers questions about networks, for all sessions of this process.

    Args:
        workers: forwards that may run at the same time; one a core by default.
        waiting: requests that may wait before ``Busy`` is raised.
    """

    def __init__(self, workers: int | None = None, waiting: int = 128) -> None:
        self.forwards = self._hits = self._misses = 0
        self._count = Lock()
        self._models: Shared[nn.Module] = Shared(_models_mib(), _weights_mib)
        self._variants: Shared[nn.Module] = Shared(2)  # the two that are compared; they push out nobody's model
        self._kept: dict[type[Question[Any]], Shared[Any]] = {}
        self._workers = workers or min(os.cpu_count() or 1, 8)
        self._running = 0
        short = Lane("forward", self._workers, waiting)
        long = Lane("long", self._workers, waiting)  # what takes seconds lets the photos of others pass
        self._lanes: dict[Where, Lane] = {"short": short, "long": long, "wide": long}
        self._jobs: dict[Where, Jobs[Any]] = {lane: Jobs(partial(self._submit, lane)) for lane in self._lanes}
        self._fetching: Jobs[None] = Jobs(in_a_thread)
        self._building = Lane("build", 1, waiting)  # random weights are drawn by one thread at a time in any case
        self._failed: dict[str, tuple[float, WeightsUnavailable]] = {}
        self._frozen = False

    # --- questions --------------------------------------------------------------------------------------------------

    def ask(self, question: Question[T], progress: Progress = silent) -> T:
        """Return the answer to a question; what was asked before, and batches of it that were, cost nothing.

        Args:
            progress: told in the asking thread how much of how much is there. Of a question that is answered in batches
                before every one that has to be run: False leaves it at those that are there, and asked again, it goes
                on where it was. Of others several times a second: where an exception leaves it and nobody else waits
                for the same answer, the work ends.

        Raises:
            Busy: too many are waiting.
            WeightsUnavailable, WeightsInvalid, UnknownModel, DeviceUnavailable, OptionRefused: see ``using``.
            NoGateFound, ValueError: see what the question's class names.
        """
        batches = question.batches()
        if batches is None:
            return self._answer(question, progress)
        answers: list[T] = []
        done = 0
        with self.using(*question.network):
            for batch in batches:
                if self.peek(batch) is None and progress(done, question.size) is False:
                    break
                answers.append(self._answer(batch, silent))
                done += batch.size
        return question.joined(answers)

    def peek(self, question: Question[T]) -> T | None:
        """Return the answer to a question that is not answered in batches, if it is there already."""
        return self._shelf(question).peek(question.key)

    def _shelf(self, question: Question[T]) -> Shared[T]:
        with self._count:
            return self._kept.setdefault(type(question), Shared(question.kept, mib))

    def _answer(self, question: Question[T], progress: Progress) -> T:
        shelf, key = self._shelf(question), question.key

        def work(module: nn.Module, told: Progress) -> T:
            if (found := shelf.peek(key)) is not None:  # it came while this was waiting
                return found
            if question.forward:
                with self._count:
                    self.forwards += 1
            answer = question.work(module, told)
            return shelf.get(key, lambda: answer)

        found = shelf.peek(key)
        with self._count:
            self._hits, self._misses = self._hits + (found is not None), self._misses + (found is None)
        if found is not None:
            return found
        with self.using(*question.network) as module:
            return self._jobs[question.where].get(key, partial(work, module), progress)

    def stats(self) -> dict[str, float]:
        """Return how busy the engine is and what it keeps, for whoever watches the server: counts, and sizes in MiB."""
        with self._count:
            shelves = [*self._kept.values()]
            counted = {"forwards": self.forwards, "hits": self._hits, "misses": self._misses, "running": self._running}
        return counted | {
            "waiting": sum(lane.waiting for lane in {*self._lanes.values(), self._building}),
            "entries": sum(map(len, shelves)),
            "cache_mib": sum(shelf.total for shelf in shelves),
            "models": len(self._models),
            "models_mib": self._models.total,
        }

    # --- work -------------------------------------------------------------------------------------------------------

    def run(self, work: Callable[[], T], where: Where = "short") -> T:
        """Run ``work`` in a worker. It must not ask the engine for anything.

        Raises:
            Busy: too many are waiting.
        """
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

    def model(
        self, key: str | Choice, device: str = "cpu", weights: str = "pretrained", progress: Progress = silent
    ) -> nn.Module:
        """Return a network as ``using`` gives it."""
        with self.using(key, device, weights, progress) as module:
            return module

    @contextmanager
    def using(
        self, key: str | Choice, device: str = "cpu", weights: str = "pretrained", progress: Progress = silent
    ) -> Iterator[nn.Module]:
        """Give the network of that key, loaded once, in eval mode; or a variant, which is untrained.

        It makes room for no other one before the ``with`` ends.

        Args:
            progress: told in the asking thread, several times a second, how many bytes of how many are here (0: nobody
                knows) while weights are fetched. Where an exception leaves it, they go on coming.

        Raises:
            WeightsUnavailable, WeightsInvalid, UnknownModel, DeviceUnavailable: see ``load.load``.
            OptionRefused: see ``variants.build``.
        """
        from senet_viz.networks import registry

        if isinstance(key, registry.Choice):
            build = partial(_built, key, device)
            with self._variants.hold((key, device), lambda: self._building.submit(build).result()) as module:
                yield module
            return
        if weights == "pretrained" and self._models.peek((key, device, weights)) is None:
            self._fetched(key, progress)
        with self._models.hold((key, device, weights), partial(self._loaded, key, device, weights)) as module:
            yield module

    def _loaded(self, key: str, device: str, weights: str) -> nn.Module:
        """Build a network in the lane for it."""
        from senet_viz.models import load as loads

        module = self._building.submit(lambda: loads.load(key, device, weights)).result()  # type: ignore[arg-type]
        if not self._frozen:
            # Streamlit collects garbage after every rerun; what has been imported and loaded by now stays anyway
            gc.collect()
            gc.freeze()
            gc.set_threshold(GARBAGE, 50, 100)
            self._frozen = True
        return module

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

    def retry(self, key: str) -> None:
        """Forget that the weights of this model could not be fetched a moment ago: somebody wants to know anew."""
        self._failed.pop(key, None)
