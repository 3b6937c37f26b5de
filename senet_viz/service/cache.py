"""What all sessions share: answers that are kept, up to a weight, and threads that work, up to a number.

Nothing here knows a model or a browser.
"""

from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import update_wrapper
from threading import BoundedSemaphore, Lock
from typing import Generic, TypeVar

from senet_viz.errors import Busy

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
        self._total = 0.0  # what is there weighs so much
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def total(self) -> float:
        """Return what the answers that are there weigh together."""
        return self._total

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return the answer under ``key``, made by ``make`` in this thread if nobody has yet; failures are not kept."""
        with self._lock:
            kept = self._kept.get(key)
            mine = kept is None
            if kept is None:
                kept = self._kept[key] = _Kept()
            self._kept.move_to_end(key)
        if not mine:
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
    def hold(self, key: Hashable, make: Callable[[], T]) -> Iterator[T]:
        """Give the answer under ``key`` as ``get`` does, and keep it until the ``with`` ends, whatever it weighs."""
        with self._lock:
            self._holders[key] += 1
        try:
            yield self.get(key, make)
        finally:
            with self._lock:
                self._holders[key] -= 1
                if not self._holders[key]:
                    del self._holders[key]
            self._trim()

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

    def _trim(self) -> None:
        with self._lock:
            newest = next((key for key, kept in reversed(self._kept.items()) if kept.weight is not None), None)
            leaving, total = [], self._total
            for key, kept in self._kept.items():
                if total <= self.limit:
                    break
                if kept.weight is not None and key not in self._holders and key != newest:  # which stays, however large
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


class Lane:
    """Run one kind of work in threads, each with one torch thread; its queue can say no.

    Args:
        workers: pieces of work that may run at the same time.
        waiting: those that may run or wait before ``Busy`` is raised.
    """

    def __init__(self, name: str, workers: int, waiting: int) -> None:
        import torch

        self._room = BoundedSemaphore(waiting)
        self._pool = ThreadPoolExecutor(workers, name, initializer=torch.set_num_threads, initargs=(1,))

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
