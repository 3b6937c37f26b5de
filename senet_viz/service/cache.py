"""What all sessions share: answers that are kept, up to a weight, and threads that work, up to a number.

Nothing here knows a model or a browser.
"""

import os
import sys
from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import update_wrapper
from threading import BoundedSemaphore, Lock, get_native_id
from typing import Generic, TypeVar

from senet_viz.errors import Busy
from senet_viz.jobs import PULSE_S

T = TypeVar("T")


@dataclass(eq=False)
class _Kept(Generic[T]):
    """Hold an answer, there or in the making, and what it weighs when it is there."""

    future: Future[T] = field(default_factory=Future)
    weight: float | None = None


class Shared(Generic[T]):
    """Keep answers up to a weight, the oldest unused out first; who asks for one in the making waits for it.

    Args:
        limit: the answers may weigh this much together.
        weigh: one answer's weight, 1 by default.
    """

    def __init__(self, limit: float, weigh: Callable[[T], float] = lambda answer: 1) -> None:
        self.limit, self.weigh = limit, weigh
        self._kept: OrderedDict[Hashable, _Kept[T]] = OrderedDict()
        self._holders: Counter[Hashable] = Counter()
        self._announced: dict[Hashable, float] = {}  # what is held weighs so much, or will
        self._total = 0.0  # what is there weighs so much
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def total(self) -> float:
        """Return what the answers that are there weigh together."""
        return self._total

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return the answer under ``key``, made by ``make`` in this thread if nobody has yet; failures are not kept.

        An ``Exception`` of ``make`` reaches all who wait. What else may leave it is about its own thread, as where its
        tab was closed: another of those who wait makes the answer then.
        """
        while True:
            with self._lock:
                kept = self._kept.get(key)
                mine = kept is None
                if kept is None:
                    kept = self._kept[key] = _Kept()
                self._kept.move_to_end(key)
            if mine:
                break
            error = kept.future.exception()
            if error is None or isinstance(error, Exception):
                return kept.future.result()
        try:
            answer = make()
            weight = self.weigh(answer)
        except BaseException as error:
            with self._lock:
                self._kept.pop(key, None)
            kept.future.set_exception(error)
            raise
        with self._lock:
            kept.weight = weight
            self._total += weight
        kept.future.set_result(answer)
        self._trim()
        return answer

    @contextmanager
    def held(self, key: Hashable, weight: float = 0.0) -> Iterator[None]:
        """Keep the answer under ``key``, once it is there, until the ``with`` ends; make room for it where it is not.

        Args:
            weight: what it will weigh.

        Raises:
            Busy: beside what others hold, there is no room for it.
        """
        with self._lock:
            self._holders[key] += 1
            new = key not in self._kept
            self._announced[key] = weight
            if full := new and sum(self._announced[each] for each in self._holders) > self.limit:
                self._let_go(key)
        if full:
            raise Busy("what others use leaves no room for it")
        if new:
            self._trim(weight)
        try:
            yield
        finally:
            with self._lock:
                self._let_go(key)
            self._trim()

    def _let_go(self, key: Hashable) -> None:
        self._holders[key] -= 1
        if not self._holders[key]:
            del self._holders[key], self._announced[key]

    def peek(self, key: Hashable) -> T | None:
        """Return the answer under ``key`` if it is there already."""
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None:
                self._kept.move_to_end(key)
        return kept.future.result() if kept is not None and kept.weight is not None else None

    def drop(self, key: Hashable) -> None:
        """Forget the answer under ``key``; one in the making stays."""
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None and kept.weight is not None:
                self._total -= self._kept.pop(key).weight or 0

    def _trim(self, room: float = 0.0) -> None:
        with self._lock:
            newest = next((key for key, kept in reversed(self._kept.items()) if kept.weight is not None), None)
            leaving, total = [], self._total
            for key, kept in self._kept.items():
                if total + room <= self.limit:
                    break
                newer = key == newest and not room  # which stays, however large
                if kept.weight is not None and key not in self._holders and not newer:
                    leaving.append(key)
                    total -= kept.weight
            for key in leaving:
                del self._kept[key]
            self._total = total


class Once(Generic[T]):
    """Make something when it is first asked for, and give the same to all who ask.

    A call costs nothing; ``st.cache_resource`` takes a tenth of a millisecond for each.
    """

    def __init__(self, make: Callable[[], T]) -> None:
        update_wrapper(self, make)
        self._make, self._lock = make, Lock()
        self._made: T | None = None

    def __call__(self) -> T:
        """Return it."""
        if (made := self._made) is None:
            with self._lock:
                made = self._made = self._make() if self._made is None else self._made
        return made

    def clear(self) -> None:
        """Forget it: who asks next gets a new one."""
        self._made = None


def _settle(nice: int) -> None:
    """Prepare a worker's thread: one torch thread, and a place behind others, which what it starts inherits."""
    import torch

    torch.set_num_threads(1)
    if nice and sys.platform == "linux":  # where a thread has a priority of its own
        own = os.getpriority(os.PRIO_PROCESS, 0)
        os.setpriority(os.PRIO_PROCESS, get_native_id(), min(own + nice, 19))


class Turns:
    """Give everybody one turn at a time: who asks for a second one waits for the end of the first."""

    def __init__(self) -> None:
        self._turns: dict[str, Lock] = {}
        self._wanted: Counter[str] = Counter()
        self._lock = Lock()

    @contextmanager
    def turn(self, name: str, pulse: Callable[[], object]) -> Iterator[None]:
        """Take the turn of that name until the ``with`` ends.

        Args:
            pulse: called several times a second while this waits. An exception in it is raised here.
        """
        with self._lock:
            turn = self._turns.setdefault(name, Lock())
            self._wanted[name] += 1
        try:
            while not turn.acquire(timeout=PULSE_S):
                pulse()
            try:
                yield
            finally:
                turn.release()
        finally:
            with self._lock:
                self._wanted[name] -= 1
                if not self._wanted[name]:
                    del self._wanted[name], self._turns[name]


class Lane:
    """Run one kind of work in threads, each with one torch thread; its queue can say no.

    Args:
        workers: pieces of work that may run at the same time.
        waiting: those that may run or wait before ``Busy`` is raised.
        nice: how far its threads stand back behind all others where a processor is wanted, 0 to 19 (Linux).
    """

    def __init__(self, name: str, workers: int, waiting: int, nice: int = 0) -> None:
        self._room = BoundedSemaphore(waiting)
        self._pool = ThreadPoolExecutor(workers, name, initializer=_settle, initargs=(nice,))

    @property
    def waiting(self) -> int:
        """Return how many pieces of work wait for a thread."""
        return self._pool._work_queue.qsize()

    def submit(self, work: Callable[[], T]) -> Future[T]:
        """Begin ``work`` when a thread is free.

        Raises:
            Busy: too many are waiting.
        """
        if not self._room.acquire(blocking=False):
            raise Busy("too many requests are waiting")
        future = self._pool.submit(work)
        future.add_done_callback(lambda _: self._room.release())
        return future
