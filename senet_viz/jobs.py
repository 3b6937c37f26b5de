"""Work that takes long enough to ask how far it is, and that ends when nobody waits for it any more.

Nothing here knows a model or a browser.
"""

from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future
from threading import Lock, Thread
from typing import Generic, TypeVar

Q = TypeVar("Q")
T = TypeVar("T")
Progress = Callable[[int, int], bool | None]  # told how much of how much is done; False: enough
PULSE_S = 0.1  # how often who waits is told


def silent(done: int, total: int) -> None:
    """Hear how far work is, and let it go on: the ``Progress`` of who does not want to know."""


def in_a_thread(work: Callable[[], T]) -> Future[T]:
    """Run ``work`` in a thread of its own, which does not keep the process alive."""
    future: Future[T] = Future()

    def run() -> None:
        if not future.set_running_or_notify_cancel():
            return
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)

    Thread(target=run, daemon=True).start()
    return future


class _Job(Generic[T]):
    """Hold one piece of work under way, how far it is, and how many wait for it."""

    def __init__(self) -> None:
        self.waiting, self.stopped = 0, False
        self.done, self.total = 0, 1
        self.future: Future[T] | None = None

    def heard(self, done: int, total: int) -> bool:
        """Note what the work says about itself; return whether anybody still wants it."""
        self.done, self.total = done, total
        return not self.stopped


class Jobs(Generic[T]):
    """Let everybody who asks for the same work while it is under way wait for one run of it.

    Args:
        submit: gives work to somebody else's thread.
    """

    def __init__(self, submit: Callable[[Callable[[], T]], Future[T]]) -> None:
        self._submit = submit
        self._jobs: dict[Hashable, _Job[T]] = {}
        self._lock = Lock()

    def get(self, key: Hashable, work: Callable[[Progress], T], progress: Progress) -> T:
        """Return what ``work`` gives; it runs elsewhere, and this thread waits.

        Args:
            work: takes what it has to tell how far it is; where that says False, it should raise.
            progress: called in this thread, several times a second. An exception in it is raised here; the work goes
                on while somebody else waits for it. Where nobody does, it is told to stop, or never begins.
        """
        with self._lock:
            job = self._jobs.get(key)
            if job is None or job.stopped:
                job = _Job()
                job.future = self._submit(lambda: work(job.heard))
                self._jobs[key] = job
            job.waiting += 1
        try:
            return self._wait(job, progress)
        finally:
            with self._lock:
                job.waiting -= 1
                job.stopped = not job.waiting
                if job.stopped and job.future is not None:
                    job.future.cancel()  # what has not begun yet never does
                if job.stopped and self._jobs.get(key) is job:
                    del self._jobs[key]

    def _wait(self, job: _Job[T], progress: Progress) -> T:
        assert job.future is not None
        while True:
            try:
                return job.future.result(timeout=PULSE_S)
            except TimeoutError:
                if job.future.done():  # the work's own, or it came just now
                    return job.future.result()
            progress(job.done, job.total)


class Gathered(Generic[Q, T]):
    """Do one piece of work at a time for everything of a kind that has come by then: what waits becomes one batch."""

    def __init__(self) -> None:
        self._open: dict[Hashable, tuple[list[Q], Future[Sequence[T]]]] = {}
        self._lock, self._turn = Lock(), Lock()

    def get(self, kind: Hashable, item: Q, work: Callable[[Sequence[Q]], Sequence[T]]) -> T:
        """Return what ``work`` gives for ``item``, which waits in this thread for its turn, and may find company.

        Args:
            kind: of what can be worked on together; ``work`` is then the same.
            work: takes items and gives one result each. What it raises is raised for every one of them.
        """
        with self._lock:
            items, future = self._open.setdefault(kind, ([], Future()))
            row = len(items)
            items.append(item)
        if not row:
            with self._turn:
                with self._lock:
                    del self._open[kind]
                try:
                    future.set_result(work(items))
                except BaseException as error:
                    future.set_exception(error)
        return future.result()[row]
