"""Long work: shared while it runs, told about, and ended when nobody waits any more."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Thread
from typing import Any

import pytest

from senet_viz.jobs import Jobs, Progress

LONG = 30.0  # no test waits so long; a broken one ends


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as made:
        yield made


def deaf(done: int, total: int) -> None:
    """Told how far it is, and does nothing."""


def test_it_gives_what_the_work_gives_and_forgets_it(pool: ThreadPoolExecutor) -> None:
    jobs: Jobs[int] = Jobs(pool.submit)
    assert [jobs.get("k", lambda told, n=n: n, deaf) for n in (1, 2)] == [1, 2]  # type: ignore[misc]


def test_failures_arrive_and_are_not_kept(pool: ThreadPoolExecutor) -> None:
    jobs: Jobs[int] = Jobs(pool.submit)

    def fails(told: Progress) -> int:
        raise TimeoutError("the work's own")

    with pytest.raises(TimeoutError, match="own"):
        jobs.get("k", fails, deaf)
    assert jobs.get("k", lambda told: 3, deaf) == 3


def test_who_waits_is_told_in_its_own_thread(pool: ThreadPoolExecutor) -> None:
    jobs: Jobs[str] = Jobs(pool.submit)
    heard, go = [], Event()

    def work(told: Progress) -> str:
        assert told(3, 8) is True
        assert go.wait(LONG)
        return "done"

    def progress(done: int, total: int) -> None:
        heard.append((done, total))
        if (done, total) == (3, 8):
            go.set()

    assert jobs.get("k", work, progress) == "done" and (3, 8) in heard


def test_two_who_ask_the_same_wait_for_one(pool: ThreadPoolExecutor) -> None:
    jobs: Jobs[int] = Jobs(pool.submit)
    runs, go, both = [], Event(), []

    def work(told: Progress) -> int:
        runs.append(1)
        assert go.wait(LONG)
        return 7

    def ask(progress: Any) -> None:
        both.append(jobs.get("k", work, progress))

    first, waits = Thread(target=ask, args=(deaf,)), Event()
    first.start()
    second = Thread(target=ask, args=(lambda done, total: waits.set(),))
    second.start()
    assert waits.wait(LONG)
    go.set()
    for thread in (first, second):
        thread.join(LONG)
    assert both == [7, 7] and len(runs) == 1


class Gone(Exception):
    """Somebody closed the page."""


def leave(done: int, total: int) -> None:
    raise Gone


def test_work_that_nobody_waits_for_is_told_to_end(pool: ThreadPoolExecutor) -> None:
    jobs: Jobs[int] = Jobs(pool.submit)
    ended = Event()

    def work(told: Progress) -> int:
        while told(1, 2):
            pass
        ended.set()
        raise Gone

    with pytest.raises(Gone):
        jobs.get("k", work, leave)
    assert ended.wait(LONG)
    assert jobs.get("k", lambda told: 4, deaf) == 4, "and may be asked for again"


def test_it_goes_on_while_somebody_else_waits(pool: ThreadPoolExecutor) -> None:
    jobs: Jobs[int] = Jobs(pool.submit)
    go, waits, got = Event(), Event(), []

    def work(told: Progress) -> int:
        assert go.wait(LONG)
        return 5 if told(1, 1) else -1

    patient = Thread(target=lambda: got.append(jobs.get("k", work, lambda done, total: waits.set())))
    patient.start()
    assert waits.wait(LONG)
    with pytest.raises(Gone):
        jobs.get("k", work, leave)
    go.set()
    patient.join(LONG)
    assert got == [5]
