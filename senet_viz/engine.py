"""One place that runs models for every session: bounded caches, one torch thread a worker, a queue that can say no.

Nothing here knows a browser. A question that was asked before, or is being answered for someone else right now, costs
no forward: ``forwards`` counts those that were really run.
"""

from __future__ import annotations

import gc
import os
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from threading import BoundedSemaphore, Lock
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from senet_viz.errors import Busy
from senet_viz.jobs import Jobs, Progress
from senet_viz.types import Edit, Picture, Trace

if TYPE_CHECKING:
    from PIL import Image
    from torch import nn

    from senet_viz.anatomy import Unit
    from senet_viz.attribute import Attribution
    from senet_viz.insert import Choice
    from senet_viz.replay import Replay
    from senet_viz.sweep import Kind, Sweep
    from senet_viz.whatif import Ranking

T = TypeVar("T")
LARGE_MIB, LARGE_BATCH = 60.0, 2  # from so many MiB of weights on, a sweep shows how far it is after so many pictures
LARGE_STEPS = 256  # of an integrated path through a network of that size: minutes on one core, not a quarter of an hour


class Shared(Generic[T]):
    """A bounded map of answers, oldest unused out first; who asks for an answer in the making waits for it.

    Args:
        limit: the answers may weigh this much together.
        weigh: one answer's weight, 1 by default.
    """

    def __init__(self, limit: float, weigh: Callable[[T], float] = lambda answer: 1) -> None:
        self.limit, self.weigh = limit, weigh
        self._futures: OrderedDict[Hashable, Future[T]] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The answer under ``key``, made by ``make`` in this thread if nobody has yet. Failures are not kept."""
        with self._lock:
            future = self._futures.get(key)
            mine = future is None
            if future is None:
                future = self._futures[key] = Future()
            self._futures.move_to_end(key)
        if not mine:
            return future.result()
        try:
            future.set_result(make())
        except BaseException as error:
            with self._lock:
                self._futures.pop(key, None)
            future.set_exception(error)
            raise
        self._trim()
        return future.result()

    def peek(self, key: Hashable) -> T | None:
        """The answer under ``key`` if it is there already."""
        with self._lock:
            future = self._futures.get(key)
            if future is not None:
                self._futures.move_to_end(key)
        return future.result() if future is not None and future.done() and not future.exception() else None

    def _trim(self) -> None:
        with self._lock:
            done = [(k, f) for k, f in self._futures.items() if f.done() and not f.exception()]
            total = sum(self.weigh(f.result()) for _, f in done)
            for key, future in done[:-1]:  # the newest stays, however large
                if total <= self.limit:
                    break
                total -= self.weigh(future.result())
                self._futures.pop(key, None)


def _trace_mib(trace: Trace) -> float:
    tensors = [v for b in trace.blocks for v in (b.u, b.x, b.z, b.pre, b.hidden, b.logit, b.gate) if v is not None]
    return sum(t.numel() * t.element_size() for t in tensors) / 2**20


def _sweep_mib(sweep: Sweep) -> float:
    pixels = sum(picture.x.numel() * picture.x.element_size() for picture in sweep.pictures)
    return sum(map(_trace_mib, sweep.traces)) + pixels / 2**20


def _built(choice: Choice, device: str) -> nn.Module:
    from senet_viz import insert, zoo

    target = zoo.resolve(device)
    return insert.build(choice.net, device=target, **dict(choice.options)).requires_grad_(False)


class Engine:
    """Models, traces and replays for all sessions of this process.

    Args:
        workers: forwards that may run at the same time; one a core by default.
        waiting: requests that may wait before ``Busy`` is raised.
    """

    def __init__(self, workers: int | None = None, waiting: int = 128) -> None:
        import torch

        self.forwards = 0
        self._count = Lock()
        self._models: Shared[nn.Module] = Shared(3)
        self._variants: Shared[nn.Module] = Shared(2)  # the two that are compared; they push out nobody's model
        self._traces: Shared[Trace] = Shared(192, _trace_mib)
        self._replays: Shared[Replay] = Shared(64)
        self._units: Shared[Unit] = Shared(64, lambda unit: unit.u.nbytes / 2**20)
        self._sweeps: Shared[Sweep] = Shared(256, _sweep_mib)
        self._rankings: Shared[Ranking] = Shared(32, lambda found: found.logits.nbytes / 2**20)
        self._attributions: Shared[Attribution] = Shared(64, lambda found: found.values.nbytes / 2**20)
        self._attributing: Jobs[Attribution] = Jobs(partial(self._submit, wide=True))
        self._room = BoundedSemaphore(waiting)
        self._workers = workers or min(os.cpu_count() or 1, 8)
        self._running = 0
        self._pool = ThreadPoolExecutor(self._workers, "forward", initializer=torch.set_num_threads, initargs=(1,))
        self._frozen = False

    def _do(self, work: Callable[[], T], wide: bool = False) -> T:
        """Run ``work`` in a worker; ``wide``: with the torch threads of the workers that have nothing to do as well.

        Raises:
            Busy: too many are waiting.
        """
        return self._submit(work, wide).result()

    def _submit(self, work: Callable[[], T], wide: bool = False) -> Future[T]:
        if not self._room.acquire(blocking=False):
            raise Busy("too many requests are waiting")
        future = self._pool.submit(self._run, work, wide)
        future.add_done_callback(lambda _: self._room.release())
        return future

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

    def run(self, work: Callable[[], T]) -> T:
        """Run ``work`` in a worker, with one torch thread. It must not ask the engine for anything.

        Raises:
            Busy: too many are waiting.
        """
        return self._do(work)

    def model(
        self, key: str | Choice, device: str = "cpu", weights: str = "pretrained", progress: Any = None
    ) -> nn.Module:
        """The network of that key, loaded once, in eval mode; or one of ``insert`` with options, which is untrained.

        Raises:
            WeightsUnavailable, WeightsInvalid, UnknownModel, DeviceUnavailable: see ``zoo.load``.
            OptionRefused: see ``insert.build``.
        """
        from senet_viz import insert, zoo

        if isinstance(key, insert.Choice):
            return self._variants.get((key, device), lambda: self._do(lambda: _built(key, device)))

        def make() -> nn.Module:
            module = self._do(lambda: zoo.load(key, device, weights, progress))  # type: ignore[arg-type]
            if not self._frozen:
                # Streamlit collects garbage after every rerun; what has been imported and loaded by now stays anyway
                gc.collect()
                gc.freeze()
                self._frozen = True
            return module

        return self._models.get((key, device, weights), make)

    def trace(
        self,
        key: str | Choice,
        picture: Picture,
        device: str = "cpu",
        weights: str = "pretrained",
        edits: Sequence[Edit] = (),
        keep_u: Sequence[str] = (),
    ) -> Trace:
        """One picture's trace through one model; forwards only what was not asked before.

        Raises:
            NoGateFound, ValueError: see ``tap.run``. Busy: too many are waiting.
        """
        from senet_viz import tap

        module = self.model(key, device, weights)

        def forward() -> Trace:
            with self._count:
                self.forwards += 1
            return tap.run(module, picture.x, edits, keep_u, str(key), picture.key)

        question = (key, device, weights, picture.key, tuple(edits), frozenset(keep_u))
        return self._traces.get(question, lambda: self._do(forward))

    def sweep(
        self,
        key: str,
        image: Image.Image,
        name: Hashable,
        scales: Sequence[float],
        kind: Kind = "zoom",
        blur: float = 0.0,
        device: str = "cpu",
        weights: str = "pretrained",
        keep_u: Sequence[str] = (),
        progress: Callable[[int, int], bool | None] = lambda done, total: None,
    ) -> Sweep:
        """One photo at many scales through one model: see ``sweep.scale_sweep``. Every batch is one forward.

        Every batch is kept by itself: a sweep that was stopped goes on where it was.

        Args:
            name: names ``image``: the same name, the same photo.
            progress: told in the asking thread, before every batch that has to be run, how many scales of how many
                there are already; False leaves it at those.

        Raises:
            NoGateFound, ValueError: see ``sweep.scale_sweep``. Busy: too many are waiting.
        """
        from senet_viz import sweep, zoo

        module, spec = self.model(key, device, weights), zoo.spec(key)

        def forward(group: tuple[float, ...]) -> Sweep:
            with self._count:
                self.forwards += 1
            return sweep.batch(module, image, group, kind, spec, blur, keep_u)

        parts: list[Sweep] = []
        for group in sweep.groups(scales, kind, spec, LARGE_BATCH if spec.weights_mib > LARGE_MIB else None):
            question = (key, device, weights, name, group, kind, blur, frozenset(keep_u))
            if self._sweeps.peek(question) is None:
                done = sum(len(part.scales) for part in parts)
                if progress(done, len(scales)) is False:
                    break
            parts.append(self._sweeps.get(question, partial(self._do, partial(forward, group), wide=True)))
        return sweep.joined(kind, parts)

    def ranking(
        self,
        trace: Trace,
        picture: Picture,
        block: str,
        channels: Sequence[int],
        op: str = "mute",
        value: float | None = None,
        device: str = "cpu",
        weights: str = "pretrained",
        progress: Callable[[int, int], bool | None] = lambda done, total: None,
    ) -> Ranking | None:
        """One operation on each of these channels alone: see ``whatif.ranking``. Every batch is one forward.

        Every batch is kept by itself: a search that was stopped goes on where it was. None where nothing is there.

        Args:
            trace: of ``picture``, with the edits that are there already.
            progress: told in the asking thread, before every batch that has to be run, how many channels of how many
                there are already; False leaves it at those.

        Raises:
            NoGateFound, ValueError: see ``whatif.ranking``. Busy: too many are waiting.
        """
        from senet_viz import whatif

        module, edits = self.model(trace.model, device, weights), trace.edits

        def forward(chunk: tuple[int, ...]) -> Ranking:
            with self._count:
                self.forwards += 1
            return whatif.ranking(module, picture.x, block, 0, op, value, edits, channels=chunk, before=trace)

        parts: list[Ranking] = []
        for start in range(0, len(channels), whatif.CHUNK):
            chunk = tuple(channels[start : start + whatif.CHUNK])
            question = (trace.model, device, weights, picture.key, edits, block, op, value, chunk)
            if self._rankings.peek(question) is None and progress(start, len(channels)) is False:
                break
            parts.append(self._rankings.get(question, partial(self._do, partial(forward, chunk))))
        return whatif.joined(parts, len(channels)) if parts else None

    def attribution(
        self,
        key: str,
        picture: Picture,
        method: str,
        target: int,
        block: str | None = None,
        edits: Sequence[Edit] = (),
        steps: int | None = None,
        device: str = "cpu",
        weights: str = "pretrained",
        progress: Progress = lambda done, total: None,
    ) -> Attribution:
        """What a class score rests on: see ``attribute.run``. It counts as one forward, however many it takes.

        Args:
            progress: told in the asking thread how many runs of the network are done, of how many at most. Where an
                exception leaves it and nobody else waits for the same answer, the work ends.

        Raises:
            NoGateFound, ValueError: see ``attribute.run``. Busy: too many are waiting.
        """
        from senet_viz import attribute, zoo

        module, edits = self.model(key, device, weights), tuple(edits)
        most = LARGE_STEPS if zoo.spec(key).weights_mib > LARGE_MIB else attribute.MOST_STEPS

        def work(told: Progress) -> Attribution:
            with self._count:
                self.forwards += 1
            return attribute.run(method, module, picture.x, target, block, steps, edits=edits, most=most, progress=told)

        question = (key, device, weights, picture.key, edits, method, target, block, steps)
        found = self._attributions.peek(question)
        if found is None:
            made = self._attributing.get(question, work, progress)
            found = self._attributions.get(question, lambda: made)
        return found

    def replay(self, trace: Trace, block: str, device: str = "cpu", weights: str = "pretrained") -> Replay:
        """The arithmetic of one block of a trace, done again: see ``replay.replay``."""
        from senet_viz.replay import replay

        module = self.model(trace.model, device, weights)
        question = (trace.model, device, weights, trace.picture_key, trace.edits, block, trace.block(block).u is None)
        edits = tuple(edit for edit in trace.edits if edit.block == block)
        return self._replays.get(question, lambda: replay(module, trace.block(block), edits))

    def unit(
        self, trace: Trace, block: str, device: str = "cpu", weights: str = "pretrained", branches: int = 0
    ) -> Unit:
        """An SK unit of a trace that has its u, step by step, from what is there already: see ``anatomy.own``.

        Args:
            branches: where above 0, an untrained unit of that many on the same input; that is one forward of the unit.

        Raises:
            NoGateFound: see ``anatomy``. Busy: too many are waiting.
        """
        from senet_viz import anatomy

        module, found = self.model(trace.model, device, weights), trace.block(block)
        question = (trace.model, device, weights, trace.picture_key, trace.edits, block, branches)
        if not branches:
            again = self.replay(trace, block, device, weights)
            return self._units.get(question, lambda: anatomy.own(module, found, again))
        return self._units.get(question, lambda: self._do(lambda: anatomy.untrained(module, found, branches)))
