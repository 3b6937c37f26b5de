"""One engine is fair: who asks for much waits for it, the others do not, and what nobody waits for ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from concurrent.futures import CancelledError, ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Event, get_native_id
from typing import Any, ClassVar

import pytest
import torch
from torch import nn

from senet_viz.errors import Stopped
from senet_viz.jobs import Jobs, Progress
from senet_viz.models import catalogue
from senet_viz.photos import preprocess, samples
from senet_viz.service.cache import Lane, Turns
from senet_viz.service.engine import Seat
from senet_viz.service.local import LAST, LATER, LocalEngine
from senet_viz.service.questions import Question, SweepQuestion, TraceQuestion, Where
from senet_viz.tap import hooks as tap
from senet_viz.tap import sharing
from senet_viz.types import Picture
from tests.conftest import hooks

WAIT = 60  # seconds after which a test that hangs fails
linux = pytest.mark.skipif(sys.platform != "linux", reason="only there a thread has a priority of its own")


class Gone(BaseException):
    """A tab was closed: as Streamlit says it, not an ``Exception``."""


def gone() -> None:
    raise Gone


@pytest.fixture
def picture() -> Picture:
    return preprocess.preprocess(samples.sample("chelsea"), catalogue.spec("tiny_se"))


@dataclass(frozen=True)
class Held(Question[str]):
    """A long question whose work a test holds up, part by part of its network."""

    where: ClassVar[Where] = "long"

    name: str
    act: Callable[[nn.Module], None] = field(compare=False)

    def work(self, module: nn.Module, told: Progress) -> str:
        self.act(module)
        return self.name


def held(name: str, act: Callable[[nn.Module], Any]) -> Held:
    return Held("tiny_se", name, act, weights="random")


# --- lanes ------------------------------------------------------------------------------------------------------------


def nice() -> int:
    return os.getpriority(os.PRIO_PROCESS, get_native_id())


@linux
def test_what_takes_long_stands_back_and_takes_nobody_with_it() -> None:
    here, engine = nice(), LocalEngine(workers=1)
    found = [engine.run(nice, where) for where in ("short", "large", "long", "wide")]  # type: ignore[arg-type]
    assert found == [here, *(min(here + step, 19) for step in (LATER, LAST, LAST))] and nice() == here
    assert len({*found}) > 1 or here >= 19, "there is a difference to see"
    inherited = Lane("x", 1, 4, nice=LAST).submit(lambda: ThreadPoolExecutor(1).submit(nice).result())
    assert inherited.result(WAIT) == min(here + LAST, 19), "threads that it starts stand back, too"


def test_one_run_of_a_large_network_does_not_take_the_photos_lane(picture: Picture, monkeypatch: Any) -> None:
    engine, go_on, began = LocalEngine(workers=1), Event(), Event()
    monkeypatch.setattr("senet_viz.service.local.LARGE_MIB", catalogue.spec("tiny_se").weights_mib + 0.1)
    large, small = "tiny_se_h", "tiny_se"
    assert catalogue.spec(large).weights_mib > catalogue.spec(small).weights_mib + 0.1
    engine.ready(small, weights="random")

    def stay(part: nn.Module, args: Any) -> None:
        began.set()
        assert go_on.wait(WAIT)

    module = engine.model(large, weights="random")
    handle = module.register_forward_pre_hook(stay)  # its own, as some networks have: twins have it, too
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(engine.ask, TraceQuestion(large, picture, weights="random"))
        assert began.wait(WAIT)
        assert engine.ask(TraceQuestion(small, picture, weights="random")).blocks and not slow.done()
        go_on.set()
        assert slow.result(WAIT).blocks
    handle.remove()


def test_long_work_has_a_network_of_its_own_and_others_need_not_wait_for_it(picture: Picture) -> None:
    engine, go_on, began = LocalEngine(workers=1), Event(), Event()
    shared = engine.model("tiny_se", weights="random")
    seen: list[nn.Module] = []

    def stay(module: nn.Module) -> None:
        seen.append(module)
        with sharing.lock_of(module):
            began.set()
            assert go_on.wait(WAIT)

    with ThreadPoolExecutor(1) as pool:
        long = pool.submit(engine.ask, held("a", stay))
        assert began.wait(WAIT)
        assert engine.ask(TraceQuestion("tiny_se", picture, weights="random")).blocks and not long.done()
        go_on.set()
        assert long.result(WAIT) == "a"
    engine.ask(held("b", seen.append))
    assert seen[0] is seen[1] is not shared, "one twin a worker"
    assert all(a is b for a, b in zip(seen[0].parameters(), shared.parameters(), strict=True))
    assert hooks(shared) == hooks(seen[0]) == 0


def test_a_twin_has_no_hook_of_a_forward_that_runs_meanwhile() -> None:
    module = LocalEngine(workers=1).model("tiny_se", weights="random")
    with tap.heeding(module, lambda: None):
        assert hooks(module) and not hooks(sharing.twin(module))
    assert not hooks(module)


def test_a_long_answer_is_what_the_network_itself_gives() -> None:
    scales, image = (1.0, 1.5), samples.sample("coffee")
    engine, spec = LocalEngine(workers=1), catalogue.spec("tiny_se")  # one thread: the same order of additions
    found = engine.ask(SweepQuestion("tiny_se", image, "coffee", scales, weights="random"))
    question = SweepQuestion("tiny_se", image, "coffee", scales, weights="random")
    alone = question.work(engine.model(spec.key, weights="random"), lambda done, total: True)
    for a, b in zip(found.traces, alone.traces, strict=True):
        assert torch.equal(a.logits, b.logits)
        assert all(torch.equal(x.gate, y.gate) for x, y in zip(a.blocks, b.blocks, strict=True))


# --- a seat -----------------------------------------------------------------------------------------------------------


def test_a_seat_has_one_long_job_at_a_time_and_others_have_theirs(picture: Picture) -> None:
    engine, go_on, began = LocalEngine(workers=2), Event(), Event()
    ran: list[str] = []

    def stay(module: nn.Module) -> None:
        began.set()
        assert go_on.wait(WAIT)
        ran.append("first")

    waits = Event()
    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(engine.ask, held("first", stay), seat=Seat("a"))
        assert began.wait(WAIT)
        second = pool.submit(engine.ask, held("second", lambda module: ran.append("second")), seat=Seat("a", waits.set))
        assert waits.wait(WAIT)
        assert engine.ask(held("other", lambda module: ran.append("other")), seat=Seat("b")) == "other"
        photo = TraceQuestion("tiny_se", picture, weights="random")
        assert engine.ask(photo, seat=Seat("a")).blocks, "what is short need not wait"
        assert not first.done() and not second.done()
        go_on.set()
        assert [first.result(WAIT), second.result(WAIT)] == ["first", "second"]
    assert ran == ["other", "first", "second"] and not engine._turns._turns


def test_who_waits_for_a_turn_can_leave() -> None:
    turns = Turns()
    with turns.turn("a", gone):
        with ThreadPoolExecutor(1) as pool:

            def second() -> None:
                with turns.turn("a", gone):
                    raise AssertionError

            with pytest.raises(Gone):
                pool.submit(second).result(WAIT)
        with turns.turn("b", gone):
            pass
    with turns.turn("a", gone):
        assert len(turns._turns) == 1
    assert not turns._turns and not turns._wanted


# --- what nobody waits for --------------------------------------------------------------------------------------------


def test_a_forward_ends_before_its_next_part_where_the_tab_was_closed() -> None:
    engine, began, left, ended = LocalEngine(workers=1), Event(), Event(), Event()
    ran: list[int] = []

    def parts(module: nn.Module) -> None:
        conv = next(part for part in module.modules() if isinstance(part, nn.Conv2d))
        x = torch.zeros(1, conv.in_channels, 8, 8)
        began.set()
        try:
            while True:
                conv(x)
                ran.append(1)
        except Stopped:
            ended.set()
            raise

    def leave() -> None:
        if began.is_set():
            left.set()
            raise Gone

    with pytest.raises(Gone):
        engine.ask(held("a", parts), seat=Seat("a", leave))
    assert left.is_set() and ended.wait(WAIT) and ran
    assert engine.ask(held("b", lambda module: None), seat=Seat("a")) == "b", "the worker and the seat are free again"


def test_a_sweep_ends_between_its_parts_and_what_is_done_stays() -> None:
    engine, image = LocalEngine(workers=1), samples.sample("coffee")
    spec = catalogue.spec("tiny_se")
    question = SweepQuestion(spec.key, image, "coffee", (0.5, 1.0, 2.0), "resolution", weights="random")
    first = question.batches()[0]
    engine.ask(first)

    with pytest.raises(Gone):
        engine.ask(question, lambda done, total: gone() if done else None)
    assert engine.peek(first) is not None and all(engine.peek(batch) is None for batch in question.batches()[1:])


def test_what_has_not_begun_never_does() -> None:
    go_on, began = Event(), Event()
    ran: list[int] = []

    def first() -> None:
        began.set()
        assert go_on.wait(WAIT)

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(first)
        assert began.wait(WAIT)
        jobs: Jobs[None] = Jobs(pool.submit)
        with pytest.raises(Gone):
            jobs.get("k", lambda told: ran.append(1), lambda done, total: gone())
        go_on.set()
        running.result(WAIT)
        assert jobs.get("k", lambda told: ran.append(2), lambda done, total: None) is None
    assert ran == [2]


def test_a_network_that_nobody_waits_for_any_more_is_not_loaded() -> None:
    engine, go_on, began = LocalEngine(workers=1), Event(), Event()
    with ThreadPoolExecutor(1) as pool:

        def hold() -> None:
            began.set()
            assert go_on.wait(WAIT)

        first = pool.submit(engine._loading.get, "held", lambda told: hold(), lambda done, total: None)
        assert began.wait(WAIT)
        with pytest.raises(Gone):
            engine.ready("tiny_sk", weights="random", seat=Seat("a", gone))
        go_on.set()
        first.result(WAIT)
    engine.ready("tiny_se", weights="random")
    assert engine._models.peek(("tiny_sk", "cpu", "random")) is None


def test_who_leaves_while_a_network_is_loaded_takes_nobody_with_him() -> None:
    engine, go_on, began, waits = LocalEngine(workers=1), Event(), Event(), Event()
    with ThreadPoolExecutor(3) as pool:

        def hold() -> None:
            began.set()
            assert go_on.wait(WAIT)

        running = pool.submit(engine._loading.get, "held", lambda told: hold(), lambda done, total: None)
        assert began.wait(WAIT)
        left = Event()

        def leave() -> None:
            if left.is_set():
                raise Gone

        one = pool.submit(engine.ready, "tiny_se", weights="random", seat=Seat("a", leave))
        other = pool.submit(engine.ready, "tiny_se", weights="random", seat=Seat("b", waits.set))
        assert waits.wait(WAIT)
        left.set()
        with pytest.raises(Gone):
            one.result(WAIT)
        go_on.set()
        assert other.result(WAIT) is None and running.result(WAIT) is None
    assert engine._models.peek(("tiny_se", "cpu", "random")) is not None


def test_cancelled_work_gives_its_place_in_the_queue_back() -> None:
    lane, go_on = Lane("x", 1, 2), Event()
    running, queued = lane.submit(lambda: go_on.wait(WAIT)), None
    queued = lane.submit(lambda: True)
    assert queued.cancel()
    again = lane.submit(lambda: "there was room")
    go_on.set()
    assert running.result(WAIT) and again.result(WAIT) == "there was room"
    with pytest.raises(CancelledError):
        queued.result(WAIT)
