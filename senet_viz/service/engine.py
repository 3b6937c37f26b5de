"""One place that runs models for every session: bounded caches, one torch thread a worker, a queue that can say no.

Nothing here knows a browser. A question that was asked before, or is being answered for someone else right now, costs
no forward: ``forwards`` counts those that were really run.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from copy import copy
from functools import partial
from itertools import chain
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar

from senet_viz.errors import WeightsUnavailable
from senet_viz.jobs import Jobs, Progress
from senet_viz.service.cache import Lane, Shared
from senet_viz.types import Edit, Picture, Trace

if TYPE_CHECKING:
    from PIL import Image
    from torch import nn

    from senet_viz.experiments.attribution import Attribution
    from senet_viz.experiments.channel_ranking import Ranking
    from senet_viz.experiments.scale_sweep import Sweep
    from senet_viz.networks.registry import Choice
    from senet_viz.photos.scale import Kind
    from senet_viz.tap.replay import Replay
    from senet_viz.tap.sk_unit import Unit

T = TypeVar("T")
LARGE_MIB, LARGE_BATCH = 60.0, 2  # from so many MiB of weights on, a sweep shows how far it is after so many pictures
LARGE_STEPS = 256  # of an integrated path through a network of that size: minutes on one core, not a quarter of an hour


MODELS_MIB = "SENET_VIZ_MODELS_MIB"  # environment variable: networks are kept up to so many MiB of weights
MODELS_MIB_DEFAULT = 1024.0
FAILED_S = 60.0  # for so long, weights that could not be fetched for one are not asked for again for others


def _models_mib() -> float:
    """What the networks that are kept may weigh together, in MiB."""
    try:
        given = float(os.environ[MODELS_MIB])
    except (KeyError, ValueError):
        return MODELS_MIB_DEFAULT
    return given if given >= 0 else MODELS_MIB_DEFAULT


def _weights_mib(module: nn.Module) -> float:
    return sum(v.numel() * v.element_size() for v in chain(module.parameters(), module.buffers())) / 2**20


def _trace_mib(trace: Trace) -> float:
    tensors = [v for b in trace.blocks for v in (b.u, b.x, b.z, b.pre, b.hidden, b.logit, b.gate) if v is not None]
    return sum(t.numel() * t.element_size() for t in tensors) / 2**20


def _sweep_mib(sweep: Sweep) -> float:
    pixels = sum(picture.x.numel() * picture.x.element_size() for picture in sweep.pictures)
    return sum(map(_trace_mib, sweep.traces)) + pixels / 2**20


def _built(choice: Choice, device: str) -> nn.Module:
    from senet_viz.models import devices
    from senet_viz.networks import variants

    target = devices.resolve(device)
    return variants.build(choice.net, device=target, **dict(choice.options)).requires_grad_(False)


class Engine:
    """Models, traces and replays for all sessions of this process.

    Args:
        workers: forwards that may run at the same time; one a core by default.
        waiting: requests that may wait before ``Busy`` is raised.
    """

    def __init__(self, workers: int | None = None, waiting: int = 128) -> None:
        self.forwards = 0
        self._count = Lock()
        self._models: Shared[nn.Module] = Shared(_models_mib(), _weights_mib)
        self._variants: Shared[nn.Module] = Shared(2)  # the two that are compared; they push out nobody's model
        self._traces: Shared[Trace] = Shared(192, _trace_mib)
        self._replays: Shared[Replay] = Shared(64)
        self._units: Shared[Unit] = Shared(64, lambda unit: unit.u.nbytes / 2**20)
        self._sweeps: Shared[Sweep] = Shared(256, _sweep_mib)
        self._rankings: Shared[Ranking] = Shared(32, lambda found: found.logits.nbytes / 2**20)
        self._attributions: Shared[Attribution] = Shared(64, lambda found: found.values.nbytes / 2**20)
        self._attributing: Jobs[Attribution] = Jobs(partial(self._submit, wide=True))
        self._workers = workers or min(os.cpu_count() or 1, 8)
        self._running = 0
        self._short = Lane("forward", self._workers, waiting)
        self._long = Lane("long", self._workers, waiting)  # what takes seconds lets the photos of others pass
        self._building = Lane("build", 1, waiting)  # random weights are drawn by one thread at a time in any case
        self._failed: dict[str, tuple[float, WeightsUnavailable]] = {}
        self._frozen = False

    def _do(self, work: Callable[[], T], long: bool = False, wide: bool = False) -> T:
        """Run ``work`` in a worker.

        Args:
            long: it may take seconds.
            wide: the same, with the torch threads of the workers that have nothing to do as well.

        Raises:
            Busy: too many are waiting.
        """
        return self._submit(work, long, wide).result()

    def _submit(self, work: Callable[[], T], long: bool = False, wide: bool = False) -> Future[T]:
        return (self._long if long or wide else self._short).submit(lambda: self._run(work, wide))

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

    def run(self, work: Callable[[], T], long: bool = False) -> T:
        """Run ``work`` in a worker, with one torch thread. It must not ask the engine for anything.

        Args:
            long: it may take seconds; others' photos need not wait for it.

        Raises:
            Busy: too many are waiting.
        """
        return self._do(work, long)

    def model(
        self, key: str | Choice, device: str = "cpu", weights: str = "pretrained", progress: Any = None
    ) -> nn.Module:
        """The network of that key, loaded once, in eval mode; or one of ``insert`` with options, which is untrained.

        Raises:
            WeightsUnavailable, WeightsInvalid, UnknownModel, DeviceUnavailable: see ``load.load``.
            OptionRefused: see ``variants.build``.
        """
        with self.using(key, device, weights, progress) as module:
            return module

    @contextmanager
    def using(
        self, key: str | Choice, device: str = "cpu", weights: str = "pretrained", progress: Any = None
    ) -> Iterator[nn.Module]:
        """The same network as ``model`` gives; it makes room for no other one before the ``with`` ends."""
        from senet_viz.networks import registry

        if isinstance(key, registry.Choice):
            build = partial(_built, key, device)
            with self._variants.hold((key, device), lambda: self._building.submit(build).result()) as module:
                yield module
        else:
            load = partial(self._loaded, key, device, weights, progress)
            with self._models.hold((key, device, weights), load) as module:
                yield module

    def _loaded(self, key: str, device: str, weights: str, progress: Any) -> nn.Module:
        """Fetch in the asking thread, however long that takes, and build in the lane for it."""
        from senet_viz.models import load as loads
        from senet_viz.models import weight_files

        if weights == "pretrained" and weight_files.available(key) == "download":
            self._fetch(key, progress)
        module = self._building.submit(lambda: loads.load(key, device, weights)).result()  # type: ignore[arg-type]
        if not self._frozen:
            # Streamlit collects garbage after every rerun; what has been imported and loaded by now stays anyway
            gc.collect()
            gc.freeze()
            self._frozen = True
        return module

    def _fetch(self, key: str, progress: Any) -> None:
        from senet_viz.models import load as loads

        if (seen := self._failed.get(key)) is not None and monotonic() - seen[0] < FAILED_S:
            raise copy(seen[1])  # each has its own traceback
        try:
            loads.fetch(key, progress)
        except WeightsUnavailable as error:
            self._failed[key] = monotonic(), copy(error)
            raise

    def retry(self, key: str) -> None:
        """Forget that the weights of this model could not be fetched a moment ago: somebody wants to know anew."""
        self._failed.pop(key, None)

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
            NoGateFound, ValueError: see ``hooks.run``. Busy: too many are waiting.
        """
        from senet_viz.tap import hooks

        def forward(module: nn.Module) -> Trace:
            with self._count:
                self.forwards += 1
            return hooks.run(module, picture.x, edits, keep_u, str(key), picture.key)

        question = (key, device, weights, picture.key, tuple(edits), frozenset(keep_u))
        with self.using(key, device, weights) as module:
            return self._traces.get(question, partial(self._do, partial(forward, module)))

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
        """One photo at many scales through one model: see ``scale_sweep.scale_sweep``. Every batch is one forward.

        Every batch is kept by itself: a sweep that was stopped goes on where it was.

        Args:
            name: names ``image``: the same name, the same photo.
            progress: told in the asking thread, before every batch that has to be run, how many scales of how many
                there are already; False leaves it at those.

        Raises:
            NoGateFound, ValueError: see ``scale_sweep.scale_sweep``. Busy: too many are waiting.
        """
        from senet_viz.experiments import scale_sweep
        from senet_viz.models import catalogue

        spec = catalogue.spec(key)

        def forward(module: nn.Module, group: tuple[float, ...]) -> Sweep:
            with self._count:
                self.forwards += 1
            return scale_sweep.batch(module, image, group, kind, spec, blur, keep_u)

        parts: list[Sweep] = []
        with self.using(key, device, weights) as module:
            for group in scale_sweep.groups(scales, kind, spec, LARGE_BATCH if spec.weights_mib > LARGE_MIB else None):
                question = (key, device, weights, name, group, kind, blur, frozenset(keep_u))
                if self._sweeps.peek(question) is None:
                    done = sum(len(part.scales) for part in parts)
                    if progress(done, len(scales)) is False:
                        break
                parts.append(self._sweeps.get(question, partial(self._do, partial(forward, module, group), wide=True)))
        return scale_sweep.joined(kind, parts)

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
        """One operation on each of these channels alone: see ``channel_ranking.ranking``. Every batch is one forward.

        Every batch is kept by itself: a search that was stopped goes on where it was. None where nothing is there.

        Args:
            trace: of ``picture``, with the edits that are there already.
            progress: told in the asking thread, before every batch that has to be run, how many channels of how many
                there are already; False leaves it at those.

        Raises:
            NoGateFound, ValueError: see ``channel_ranking.ranking``. Busy: too many are waiting.
        """
        from senet_viz.experiments import channel_ranking

        edits = trace.edits

        def forward(module: nn.Module, chunk: tuple[int, ...]) -> Ranking:
            with self._count:
                self.forwards += 1
            return channel_ranking.ranking(module, picture.x, block, 0, op, value, edits, channels=chunk, before=trace)

        parts: list[Ranking] = []
        with self.using(trace.model, device, weights) as module:
            for start in range(0, len(channels), channel_ranking.CHUNK):
                chunk = tuple(channels[start : start + channel_ranking.CHUNK])
                question = (trace.model, device, weights, picture.key, edits, block, op, value, chunk)
                if self._rankings.peek(question) is None and progress(start, len(channels)) is False:
                    break
                parts.append(
                    self._rankings.get(question, partial(self._do, partial(forward, module, chunk), long=True))
                )
        return channel_ranking.joined(parts, len(channels)) if parts else None

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
        """What a class score rests on: see ``attribution.run``. It counts as one forward, however many it takes.

        Args:
            progress: told in the asking thread how many runs of the network are done, of how many at most. Where an
                exception leaves it and nobody else waits for the same answer, the work ends.

        Raises:
            NoGateFound, ValueError: see ``attribution.run``. Busy: too many are waiting.
        """
        from senet_viz.experiments import attribution as attribute
        from senet_viz.models import catalogue
        from senet_viz.tap import sharing

        edits = tuple(edits)
        most = LARGE_STEPS if catalogue.spec(key).weights_mib > LARGE_MIB else attribute.MOST_STEPS

        def work(module: nn.Module, told: Progress) -> Attribution:
            with self._count:
                self.forwards += 1
            return attribute.run(
                method, sharing.twin(module), picture.x, target, block, steps, edits=edits, most=most, progress=told
            )

        question = (key, device, weights, picture.key, edits, method, target, block, steps)
        found = self._attributions.peek(question)
        if found is None:
            with self.using(key, device, weights) as module:
                made = self._attributing.get(question, partial(work, module), progress)
            found = self._attributions.get(question, lambda: made)
        return found

    def replay(self, trace: Trace, block: str, device: str = "cpu", weights: str = "pretrained") -> Replay:
        """The arithmetic of one block of a trace, done again: see ``replay.replay``."""
        from senet_viz.tap.replay import replay

        question = (trace.model, device, weights, trace.picture_key, trace.edits, block, trace.block(block).u is None)
        edits = tuple(edit for edit in trace.edits if edit.block == block)
        with self.using(trace.model, device, weights) as module:
            return self._replays.get(question, lambda: replay(module, trace.block(block), edits))

    def unit(
        self, trace: Trace, block: str, device: str = "cpu", weights: str = "pretrained", branches: int = 0
    ) -> Unit:
        """An SK unit of a trace that has its u, step by step, from what is there already: see ``sk_unit.own``.

        Args:
            branches: where above 0, an untrained unit of that many on the same input; that is one forward of the unit.

        Raises:
            NoGateFound: see ``anatomy``. Busy: too many are waiting.
        """
        from senet_viz.tap import sk_unit

        found = trace.block(block)
        question = (trace.model, device, weights, trace.picture_key, trace.edits, block, branches)
        with self.using(trace.model, device, weights) as module:
            if not branches:
                again = self.replay(trace, block, device, weights)
                return self._units.get(question, lambda: sk_unit.own(module, found, again))
            return self._units.get(question, lambda: self._do(lambda: sk_unit.untrained(module, found, branches)))
