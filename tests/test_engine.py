"""The engine: nothing is computed twice, nothing grows without bound, and a full house is told so."""

from __future__ import annotations

import gc
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier, Event, Thread
from time import sleep
from typing import Any

import numpy as np
import pytest
import torch

from senet_viz import i18n
from senet_viz.errors import Busy, ModelTooLarge, NoGateFound, OptionRefused, UnknownModel
from senet_viz.experiments import channel_ranking
from senet_viz.models import catalogue
from senet_viz.networks import random
from senet_viz.networks.registry import Choice
from senet_viz.photos import preprocess, samples
from senet_viz.service import local, questions
from senet_viz.service.cache import Shared
from senet_viz.service.local import MODELS_MIB_DEFAULT, LocalEngine
from senet_viz.service.questions import (
    AttributionQuestion,
    BlocksQuestion,
    RankingQuestion,
    ReplayQuestion,
    SweepQuestion,
    TraceQuestion,
)
from senet_viz.tap import hooks as tap
from senet_viz.tap import layouts, replay, sharing
from senet_viz.types import Edit, Picture, Trace
from tests import networks, truth
from tests.conftest import hooks

WAIT = 60  # seconds after which a test that hangs fails


@pytest.fixture(scope="module")
def engine() -> LocalEngine:
    return LocalEngine(workers=2)


@pytest.fixture(scope="module")
def picture() -> Picture:
    return preprocess.preprocess(samples.sample("chelsea"), catalogue.spec("tiny_se"))


def photo(name: str) -> Picture:
    return preprocess.preprocess(samples.sample(name), catalogue.spec("tiny_se"))


def ask(engine: LocalEngine, picture: Picture, **options: Any) -> Trace:
    return engine.ask(TraceQuestion("tiny_se", picture, weights="random", **options))


def at_once(count: int, work: Callable[[int], Any]) -> list[Any]:
    """Results of ``count`` threads that start together."""
    barrier = Barrier(count)

    def run(index: int) -> Any:
        barrier.wait(WAIT)
        return work(index)

    with ThreadPoolExecutor(count) as pool:
        return [f.result(WAIT) for f in [pool.submit(run, index) for index in range(count)]]


# --- Shared ---------------------------------------------------------------------------------------------------------


def test_an_answer_is_made_once() -> None:
    shared: Shared[list[int]] = Shared(3)
    made: list[int] = []

    def make() -> list[int]:
        made.append(1)
        return [1]

    first = shared.get("a", make)
    assert shared.get("a", make) is first and len(made) == 1


def test_none_is_an_answer() -> None:
    shared: Shared[None] = Shared(3)
    made: list[int] = []
    for _ in range(3):
        assert shared.get("a", lambda: made.append(1)) is None
    assert len(made) == 1


def test_the_oldest_unused_goes_first() -> None:
    shared: Shared[str] = Shared(3)
    for key in "abc":
        shared.get(key, lambda key=key: key)  # type: ignore[misc]
    shared.get("a", lambda: "not made again")
    shared.get("d", lambda: "d")
    assert [shared.peek(key) for key in "abcd"] == ["a", None, "c", "d"]


def test_weight_bounds_what_is_kept() -> None:
    shared: Shared[str] = Shared(10, len)
    for size in (4, 4, 4):
        shared.get(size, lambda: "x" * 4)
    for index in range(5):
        shared.get(("five", index), lambda: "x" * 5)
    kept = [index for index in range(5) if shared.peek(("five", index))]
    assert kept == [3, 4] and shared.peek(4) is None


def test_the_newest_stays_however_large() -> None:
    shared: Shared[str] = Shared(10, len)
    shared.get("small", lambda: "x")
    shared.get("large", lambda: "x" * 50)
    assert shared.peek("small") is None and shared.peek("large")


def test_who_asks_for_an_answer_in_the_making_waits_for_it() -> None:
    shared: Shared[object] = Shared(3)
    began, may_end, made = Event(), Event(), []

    def make() -> object:
        began.set()
        assert may_end.wait(WAIT)
        made.append(1)
        return object()

    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(shared.get, "a", make)
        assert began.wait(WAIT)
        others = [pool.submit(shared.get, "a", make) for _ in range(3)]
        assert shared.peek("a") is None
        assert shared.get("b", lambda: "b") == "b", "another question need not wait"
        may_end.set()
        answers = {id(f.result(WAIT)) for f in (first, *others)}
    assert len(answers) == 1 and len(made) == 1


def test_a_failure_reaches_all_who_wait_and_is_not_kept() -> None:
    shared: Shared[str] = Shared(3)
    began, may_end = Event(), Event()

    def fail() -> str:
        began.set()
        assert may_end.wait(WAIT)
        raise UnknownModel("no")

    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(shared.get, "a", fail)
        assert began.wait(WAIT)
        other = pool.submit(shared.get, "a", fail)
        may_end.set()
        for future in (first, other):
            with pytest.raises(UnknownModel):
                future.result(WAIT)
    assert shared.peek("a") is None
    assert shared.get("a", lambda: "good") == "good"


def test_what_is_held_stays_and_the_rest_makes_room() -> None:
    shared: Shared[str] = Shared(10, len)
    with shared.held("held", 8), shared.held("held", 8):
        shared.get("held", lambda: "x" * 8)
        for key in "abc":
            shared.get(key, lambda: "x" * 6)
        assert [shared.peek(key) for key in ("held", "a", "b")] == ["x" * 8, None, None] and shared.peek("c")
    assert shared.peek("held") is None and shared.peek("c"), "the oldest unused goes as soon as nobody holds it"


def test_what_cannot_be_made_is_not_held() -> None:
    shared: Shared[str] = Shared(10, len)
    with pytest.raises(UnknownModel), shared.held("a", 5):
        shared.get("a", lambda: (_ for _ in ()).throw(UnknownModel("no")))
    assert not shared._holders and not shared._announced and shared.get("a", lambda: "good") == "good"


def test_there_is_room_before_anything_is_made_or_else_it_is_said() -> None:
    shared: Shared[str] = Shared(10, len)
    shared.get("old", lambda: "x" * 6)
    with shared.held("used", 6):
        assert shared.peek("old") is None, "it makes room beforehand"
        with pytest.raises(Busy), shared.held("more", 6):
            raise AssertionError
        with shared.held("used", 6), shared.held("small", 4):
            pass
    with shared.held("more", 6):
        pass


class Gone(BaseException):
    """A tab was closed: as Streamlit says it, not an ``Exception``."""


def test_who_leaves_while_making_leaves_it_to_another() -> None:
    shared: Shared[str] = Shared(3)
    began, may_end = Event(), Event()

    def leave() -> str:
        began.set()
        assert may_end.wait(WAIT)
        raise Gone

    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(shared.get, "a", leave)
        assert began.wait(WAIT)
        others = [pool.submit(shared.get, "a", lambda: "made by another") for _ in range(2)]
        may_end.set()
        with pytest.raises(Gone):
            first.result(WAIT)
        assert [other.result(WAIT) for other in others] == ["made by another"] * 2


def test_many_threads_many_keys() -> None:
    shared: Shared[tuple[int, int]] = Shared(5)

    def work(index: int) -> bool:
        return all(shared.get(k % 7, lambda k=k: (k % 7, index))[0] == k % 7 for k in range(index, index + 300))  # type: ignore[misc]

    assert all(at_once(8, work))
    assert sum(shared.peek(key) is not None for key in range(7)) <= 5


# --- Engine ---------------------------------------------------------------------------------------------------------


def test_trace_is_the_taps(engine: LocalEngine, picture: Picture) -> None:
    name = "layer3.1.se"
    edits = (Edit("layer2.0.se", "fill", (1, 2), 0.0),)
    ours = ask(engine, picture, edits=edits, keep_u=(name,))
    theirs = tap.run(truth.model("tiny_se"), picture.x, edits, (name,), "tiny_se", picture.key)
    assert (ours.model, ours.picture_key, ours.edits, ours.silent) == ("tiny_se", picture.key, edits, ())
    torch.testing.assert_close(ours.logits, theirs.logits, rtol=0, atol=1e-6)
    for a, b in zip(ours.blocks, theirs.blocks, strict=True):
        assert a.name == b.name and (a.u is None) == (b.u is None) == (a.name != name)
        for field in ("u", "z", "pre", "hidden", "logit", "gate"):
            x, y = getattr(a, field), getattr(b, field)
            if x is not None:
                torch.testing.assert_close(x, y, rtol=1e-5, atol=1e-6)


def test_the_same_question_is_one_forward(engine: LocalEngine) -> None:
    picture, before = photo("coffee"), engine.forwards
    answers = at_once(8, lambda _: ask(engine, picture, keep_u=("layer1.0.se",)))
    assert engine.forwards == before + 1
    assert len({id(answer) for answer in answers}) == 1
    assert ask(engine, photo("coffee"), keep_u=("layer1.0.se",)) is answers[0], "equal pixels are the same question"
    assert engine.forwards == before + 1


def test_a_question_to_a_gpu_keeps_no_processor_from_the_others() -> None:
    picture = photo("coffee")
    for model, device, lane in (
        ("tiny_se", "cpu", "short"), ("tiny_se", "cuda:1", "gpu"),
        ("legacy_senet154", "cpu", "large"), ("legacy_senet154", "cuda", "gpu"),
    ):  # fmt: skip
        assert local.lane_of(TraceQuestion(model, picture, device=device)) == lane
    sweep = SweepQuestion("tiny_se", samples.sample("coffee"), "coffee", (1.0, 2.0), device="cuda")
    assert local.lane_of(sweep) == "wide"


def test_what_waits_for_a_gpu_becomes_one_forward(monkeypatch: pytest.MonkeyPatch) -> None:
    """The lane of a GPU, with the processor in its place: one forward is held, and what comes meanwhile is the next."""
    monkeypatch.setattr(local, "lane_of", lambda question: "gpu")
    engine, begun, held = LocalEngine(workers=1), Event(), Event()
    sizes: list[int] = []
    together = TraceQuestion.together

    def hold(asked: Any, module: Any) -> Any:
        sizes.append(len(asked))
        begun.set()
        assert held.wait(WAIT)
        return together(asked, module)

    monkeypatch.setattr(TraceQuestion, "together", staticmethod(hold))
    photos = [photo(name) for name in ("coffee", "rocket", "chelsea", "astronaut")]
    other = Edit("layer2.0.se", "fill", (), 1.0)
    with ThreadPoolExecutor(5) as pool:
        traces = [pool.submit(ask, engine, photos[0])]
        assert begun.wait(WAIT)
        traces += [pool.submit(ask, engine, each) for each in photos[1:]]
        edited = pool.submit(ask, engine, photos[1], edits=(other,))
        while sum(len(items) for items, _ in engine._gathered._open.values()) < 4:
            sleep(0.001)
        held.set()
        found, changed = [each.result(WAIT) for each in traces], edited.result(WAIT)
    assert sizes[0] == 1 and sorted(sizes[1:]) == [1, 3] and engine.forwards == 3
    monkeypatch.undo()
    for each, trace in zip(photos, found, strict=True):
        alone = ask(LocalEngine(workers=1), each)
        assert trace.picture_key == each.key
        assert torch.allclose(trace.scores, alone.scores, atol=1e-5)
        for ours, theirs in zip(trace.blocks, alone.blocks, strict=True):
            assert torch.allclose(ours.gate, theirs.gate, atol=1e-6), ours.name
    assert changed.edits == (other,)


def test_one_that_fails_in_company_takes_nobody_along(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "lane_of", lambda question: "gpu")
    together, company = TraceQuestion.together, Barrier(2)

    def fail(asked: Any, module: Any) -> Any:
        if len(asked) > 1 or asked[0].picture.key != good.key:
            raise ValueError("not this one")
        return together(asked, module)

    monkeypatch.setattr(TraceQuestion, "together", staticmethod(fail))
    engine, good, bad = LocalEngine(workers=1), photo("coffee"), photo("rocket")

    def asked(picture: Picture) -> Any:
        company.wait(WAIT)
        return ask(engine, picture)

    with ThreadPoolExecutor(2) as pool:
        fine, refused = pool.submit(asked, good), pool.submit(asked, bad)
        assert fine.result(WAIT).picture_key == good.key
        with pytest.raises(ValueError, match="not this one"):
            refused.result(WAIT)


def test_whoever_watches_sees_what_is_asked_kept_and_waits() -> None:
    engine, held, begun = LocalEngine(workers=1), Event(), Event()
    assert engine.stats()["entries"] == engine.stats()["models_mib"] == 0
    picture = photo("coffee")
    trace = ask(engine, picture)
    ask(engine, picture)
    seen = engine.stats()
    assert (seen["forwards"], seen["hits"], seen["misses"], seen["entries"], seen["models"]) == (1, 1, 1, 1, 1)
    assert seen["cache_mib"] == pytest.approx(questions.mib(trace))
    weights = truth.model("tiny_se")
    assert seen["models_mib"] == pytest.approx(questions.mib((*weights.parameters(), *weights.buffers())))

    def hold() -> None:
        begun.set()
        assert held.wait(WAIT)

    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(engine.run, hold)
        assert begun.wait(WAIT)
        others = [pool.submit(engine.run, lambda: None) for _ in range(2)]
        while engine.stats()["waiting"] < 2:
            sleep(0.001)
        assert engine.stats()["running"] == 1
        held.set()
        for each in (first, *others):
            each.result(WAIT)
    assert (engine.stats()["waiting"], engine.stats()["running"]) == (0, 0)


def test_another_question_is_another_forward(engine: LocalEngine) -> None:
    picture, before = photo("rocket"), engine.forwards
    off, on = Edit("layer2.0.se", "fill", (), 0.0), Edit("layer2.0.se", "fill", (), 1.0)
    traces = [
        ask(engine, picture), ask(engine, picture, keep_u=("layer1.0.se",)), ask(engine, picture, edits=(off,)),
        ask(engine, picture, edits=(on,)), ask(engine, photo("china")),
        engine.ask(TraceQuestion("tiny_se_h", picture, weights="random")),
    ]  # fmt: skip
    assert engine.forwards == before + 6
    assert len({id(trace) for trace in traces}) == 6
    assert not torch.equal(traces[2].logits, traces[3].logits)


def test_threads_with_questions_of_their_own_get_their_own_answers(engine: LocalEngine) -> None:
    module = truth.model("tiny_se")
    shown = [photo(sample.key) for sample in samples.SAMPLES]
    blocks = [ref.name for ref in layouts.find(module)]

    def work(index: int) -> list[bool]:
        picture, block = shown[index % len(shown)], blocks[index % len(blocks)]
        seen = ask(engine, picture, keep_u=(block,))
        return [seen.picture_key == picture.key, [b.name for b in seen.blocks if b.u is not None] == [block]]

    assert all(all(answer) for answer in at_once(12, work))
    for picture in shown:
        torch.testing.assert_close(ask(engine, picture).logits, tap.run(module, picture.x).logits, rtol=1e-4, atol=1e-6)


def test_replay_is_the_replays(engine: LocalEngine, picture: Picture) -> None:
    trace = ask(engine, picture, keep_u=("layer3.1.se",))
    before = engine.forwards
    ours = engine.ask(ReplayQuestion("tiny_se", trace, "layer3.1.se", weights="random"))
    theirs = replay.replay(truth.model("tiny_se"), trace.block("layer3.1.se"))
    assert ours.differences == theirs.differences and ours.holds
    assert engine.ask(ReplayQuestion("tiny_se", trace, "layer3.1.se", weights="random")) is ours
    without = engine.ask(ReplayQuestion("tiny_se", ask(engine, picture), "layer3.1.se", weights="random"))
    assert without.z is None and ours.z is not None, "a trace without u is another question"
    assert engine.forwards <= before + 1


def test_an_edited_gate_is_not_called_a_lie(engine: LocalEngine, picture: Picture) -> None:
    trace = ask(engine, picture, edits=(Edit("layer3.1.se", "fill", (), 0.25),), keep_u=("layer3.1.se",))
    again = engine.ask(ReplayQuestion("tiny_se", trace, "layer3.1.se", weights="random"))
    assert again.holds and (again.gate == 0.25).all() and "gate" in again.differences


def test_errors_come_out_and_are_not_kept(engine: LocalEngine, picture: Picture) -> None:
    for _ in range(2):
        with pytest.raises(NoGateFound):
            ask(engine, picture, keep_u=("layer9",))
        with pytest.raises(UnknownModel):
            engine.model("nothing")
    assert ask(engine, picture).blocks


def test_a_full_house_is_told_so(picture: Picture) -> None:
    full = LocalEngine(workers=1, waiting=1)
    module = full.model("tiny_se", weights="random")
    answers: list[Trace] = []
    with sharing.lock_of(module):  # somebody else's forward takes long
        waiting = Thread(target=lambda: answers.append(ask(full, picture)))
        waiting.start()
        while not full.forwards:
            waiting.join(0.01)
        with pytest.raises(Busy):
            ask(full, photo("coffee"))
        assert not answers
    waiting.join(WAIT)
    assert len(answers) == 1
    assert ask(full, photo("coffee")).blocks, "there is room again, and the refusal was not kept"


def test_models_are_kept_up_to_a_weight_not_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    six = ("tiny_se", "tiny_se_h", "tiny_sk", "tiny_plain", "mobilenet_v3_small", "mobilenet_v3_large")
    engine = LocalEngine(workers=1)
    first = [engine.model(key, weights="random") for key in six]
    assert all(engine.model(key, weights="random") is one for key, one in zip(six, first, strict=True))
    assert not any(one.training for one in first)
    monkeypatch.setenv("SENET_VIZ_MODELS_MIB", "16")  # two small ones of some 6 MiB
    small = LocalEngine(workers=1)
    first = [small.model(key, weights="random") for key in six[:4]]
    assert small.model(six[3], weights="random") is first[3] and small.model(six[2], weights="random") is first[2]
    assert small.model(six[0], weights="random") is not first[0]


def test_a_model_in_use_makes_room_for_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENET_VIZ_MODELS_MIB", "8")
    engine = LocalEngine(workers=1)
    with engine.using("tiny_se", weights="random") as module:
        for key in ("tiny_se_h", "tiny_sk", "tiny_plain"):
            engine.model(key, weights="random")
        assert engine.model("tiny_se", weights="random") is module
    for key in ("tiny_se_h", "tiny_sk", "tiny_plain"):
        engine.model(key, weights="random")
    assert engine.model("tiny_se", weights="random") is not module, "nobody uses it any more"


def test_a_running_question_keeps_its_model(picture: Picture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENET_VIZ_MODELS_MIB", "8")
    engine = LocalEngine(workers=1)
    module = engine.model("tiny_se", weights="random")
    with ThreadPoolExecutor(1) as pool:
        with sharing.lock_of(module):  # the forward has begun and cannot go on
            running = pool.submit(ask, engine, picture)
            while not engine.forwards:
                sleep(0.001)
            for key in ("tiny_sk", "tiny_plain"):
                engine.model(key, weights="random")
            assert engine.model("tiny_se", weights="random") is module
        assert running.result(WAIT).blocks


@pytest.mark.parametrize("key", ["legacy_senet154", Choice("senet154")], ids=str)
def test_a_model_larger_than_the_budget_is_refused_in_a_sentence(
    key: str | Choice, picture: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SENET_VIZ_MODELS_MIB", "300")
    engine = LocalEngine(workers=1)
    module = engine.model("tiny_se", weights="random")
    with pytest.raises(ModelTooLarge) as refused:
        engine.ask(BlocksQuestion(key, weights="random"))
    for lang in i18n.LANGUAGES:
        said = i18n.text(f"error.{refused.value.code}", lang, **refused.value.details)
        assert all(each in said for each in ("SENet-154", "440", "300"))
    assert ask(engine, picture).blocks and engine.model("tiny_se", weights="random") is module, "others stay"


def test_what_does_not_fit_beside_what_is_used_is_refused_until_it_does(
    picture: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SENET_VIZ_MODELS_MIB", "4")
    engine = LocalEngine(workers=1)
    with engine.using("tiny_se", weights="random") as module:
        with pytest.raises(Busy):
            engine.model("tiny_sk", weights="random")
        assert engine.model("tiny_se", weights="random") is module
    assert engine.model("tiny_sk", weights="random")


@pytest.mark.parametrize("text", ["", "much", "nan", "-5"])
def test_a_budget_that_is_none_is_the_usual_one(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENET_VIZ_MODELS_MIB", text)
    assert LocalEngine(workers=1)._models.limit == MODELS_MIB_DEFAULT


def test_networks_that_are_built_let_photos_pass(picture: Picture) -> None:
    engine = LocalEngine(workers=2)
    engine.model("tiny_se", weights="random")
    with ThreadPoolExecutor(4) as pool:
        with random.seeded(0):  # whoever builds waits for this
            built = [pool.submit(engine.model, key, weights="random") for key in ("tiny_sk", "tiny_plain")]
            variant = pool.submit(engine.model, Choice("mobilenet_v3_small"))
            assert pool.submit(ask, engine, picture).result(WAIT).blocks
            assert not any(each.done() for each in (*built, variant))
        assert all(each.result(WAIT) for each in (*built, variant))


def test_what_takes_long_lets_photos_pass(picture: Picture) -> None:
    engine, go_on = LocalEngine(workers=1), Event()
    with ThreadPoolExecutor(2) as pool:
        long = pool.submit(engine.run, lambda: go_on.wait(WAIT), where="long")
        assert pool.submit(ask, engine, picture).result(WAIT).blocks and not long.done()
        go_on.set()
        assert long.result(WAIT)


def test_an_attribution_leaves_the_network_to_others(picture: Picture) -> None:
    """It takes long, and needs the network alone: it has one of its own, with the same weights."""
    engine = LocalEngine(workers=1)
    module = engine.model("tiny_se", weights="random")
    with ThreadPoolExecutor(1) as pool, sharing.lock_of(module):  # somebody else's forward
        found = pool.submit(engine.ask, AttributionQuestion("tiny_se", picture, "grad_cam", 0, weights="random"))
        assert found.result(WAIT).method == "grad_cam"
    own = sharing.twin(module)
    assert all(a is b for a, b in zip(own.parameters(), module.parameters(), strict=True))
    assert own is not module and hooks(own) == hooks(module) == 0


def test_what_is_kept_of_traces_is_bounded() -> None:
    small = LocalEngine(workers=1)
    shown = preprocess.preprocess(samples.sample("chelsea"), catalogue.spec("tiny_se"), 192)
    every = tuple(ref.name for ref in layouts.find(small.model("tiny_se", weights="random")))
    one = ask(small, shown, keep_u=every)
    mib = sum(b.u.numel() * b.u.element_size() for b in one.blocks if b.u is not None) / 2**20
    assert ask(small, shown, keep_u=every) is one
    count = int(192 / mib) + 1  # more than may be kept
    for index in range(count):
        ask(small, shown, edits=(Edit(every[-1], "fill", (0,), index / count),), keep_u=every)
    assert small.forwards == count + 1
    assert ask(small, shown, keep_u=every) is not one
    assert small.forwards == count + 2


def printed(code: str) -> list[str]:
    """Run Python in a process of its own; the words that it prints."""
    root = Path(__file__).resolve().parents[1]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, timeout=300, check=True
    )
    return done.stdout.split()


def test_garbage_that_never_dies_is_frozen_once() -> None:
    """In a process of its own: freezing is for good."""
    code = (
        "import gc\n"
        "from senet_viz.service.local import LocalEngine\n"
        "engine = LocalEngine(workers=1)\n"
        "counts = [gc.get_freeze_count()]\n"
        "for key in ('tiny_se', 'tiny_se_h'):\n"
        "    engine.model(key, weights='random'); counts.append(gc.get_freeze_count())\n"
        "print(*counts)\n"
    )
    before, first, second = map(int, printed(code))
    assert before == 0 and first > 50_000 and second == first
    assert gc.isenabled()


def test_garbage_is_found_in_quiet_moments_also_where_it_was_out_of_sight() -> None:
    """In a process of its own, on a clock that runs fast."""
    code = """
import asyncio, gc, weakref
from senet_viz.service import garbage

class Kept: pass

def ring():
    one, two = Kept(), Kept()
    one.other, two.other = two, one
    return one

async def main():
    garbage.settle()
    gone = weakref.ref(kept := ring())
    task, before = asyncio.create_task(garbage.tidy()), gc.get_freeze_count()
    filled = [[] for _ in range(2 * garbage.YOUNG)]
    while gc.get_freeze_count() - before < garbage.YOUNG:
        await asyncio.sleep(0.01)
    kept = None  # it was put out of sight while it was alive
    while gone() is not None:
        await asyncio.sleep(0.01)
    task.cancel()
    print("gone")

garbage.EVERY_S, garbage.QUIET, garbage.WHOLE_S = 0.01, 1e9, 0.5
asyncio.run(asyncio.wait_for(main(), 60))
"""
    assert printed(code) == ["gone"]


def test_no_collection_under_load_has_much_to_look_at() -> None:
    """What is made and stays, as the sessions of a class do, is looked at in small parts while nobody is quiet."""
    code = """
import gc
from senet_viz.service import garbage

garbage.settle()
looks = {1: [], 2: []}

def told(phase, info):
    if phase == "start" and info["generation"]:
        looks[info["generation"]].append(sum(len(gc.get_objects(each)) for each in range(info["generation"] + 1)))

gc.callbacks.append(told)
filled = [[] for _ in range(1_000_000)]
gc.callbacks.clear()
print(max(looks[1]), len(looks[2]))
"""
    most, whole = map(int, printed(code))
    assert 10_000 < most <= 60_000 and not whole


def test_a_sweep_is_one_forward_and_is_kept() -> None:
    engine = LocalEngine()
    photo, spec = samples.sample("chelsea"), catalogue.spec("tiny_se")
    scales = (0.5, 1.0, 2.0)
    swept = engine.ask(SweepQuestion("tiny_se", photo, "chelsea", scales))
    assert engine.forwards == 1 and swept.scales == scales
    again = engine.ask(SweepQuestion("tiny_se", photo, "chelsea", scales))
    assert again.traces == swept.traces and engine.forwards == 1
    alone = engine.ask(TraceQuestion("tiny_se", preprocess.preprocess(photo, spec)))
    for a, b in zip(swept.traces[1].blocks, alone.blocks, strict=True):
        assert torch.allclose(a.gate, b.gate, atol=1e-5)


def test_a_stopped_sweep_goes_on_where_it_was() -> None:
    engine = LocalEngine()
    scales, told = (0.5, 0.75, 1.0, 1.5), []
    question = SweepQuestion("tiny_se", samples.sample("chelsea"), "chelsea", scales, "resolution")

    def twice(done: int, total: int) -> bool:
        told.append((done, total))
        return len(told) < 3

    half = engine.ask(question, twice)
    assert half.scales == (0.5, 0.75) and told == [(0, 4), (1, 4), (2, 4)] and engine.forwards == 2
    whole = engine.ask(question)
    assert whole.scales == scales and whole.traces[:2] == half.traces and engine.forwards == 4


def test_a_sweep_that_is_stopped_at_once_is_empty() -> None:
    engine = LocalEngine()
    question = SweepQuestion("tiny_se", samples.sample("chelsea"), "chelsea", (1.0,))
    none = engine.ask(question, lambda done, total: False)
    assert none.scales == () and engine.forwards == 0
    assert engine.ask(replace(question, scales=())).scales == () and engine.forwards == 0


def test_a_large_model_shows_how_far_it_is(engine: LocalEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(questions, "LARGE_MIB", 1.0)
    told: list[int] = []
    question = SweepQuestion("tiny_se", samples.sample("chelsea"), "chelsea", (0.5, 0.75, 1.0, 1.5, 2.0))
    engine.ask(question, lambda d, t: told.append(d))
    assert told == [0, 2, 4]


def test_a_sweep_takes_the_threads_that_idle_and_gives_them_back() -> None:
    engine = LocalEngine(workers=2)
    assert engine.run(torch.get_num_threads, "wide") == 2
    assert {engine.run(torch.get_num_threads) for _ in range(8)} == {1}
    started, go_on = Event(), Event()
    other = Thread(target=lambda: engine.run(lambda: (started.set(), go_on.wait(30))))
    other.start()
    assert started.wait(30)
    assert engine.run(torch.get_num_threads, "wide") == 1, "the other worker is busy"
    go_on.set()
    other.join(30)


def test_a_ranking_is_kept_batch_by_batch_and_goes_on_where_it_was(engine: LocalEngine, picture: Picture) -> None:
    trace = ask(engine, picture)
    name, forwards = trace.blocks[4].name, engine.forwards
    every = range(trace.blocks[4].channels)
    told: list[int] = []

    def once(done: int, total: int) -> bool:
        told.append(done)
        return len(told) < 2

    question = RankingQuestion("tiny_se", trace, picture, name, tuple(every), weights="random")
    assert engine.ask(question, lambda done, total: False) is None and engine.forwards == forwards
    half = engine.ask(question, once)
    assert half is not None and half.channels == tuple(range(channel_ranking.CHUNK))
    assert half.total == len(every) and told == [0, channel_ranking.CHUNK]
    whole, batches = engine.ask(question), -(-len(every) // channel_ranking.CHUNK)
    assert whole is not None and whole.channels == tuple(every) and engine.forwards == forwards + batches
    module = engine.model("tiny_se", weights="random")
    assert np.abs(whole.logits - channel_ranking.ranking(module, picture.x, name).logits).max() <= 1e-5
    again = engine.ask(question)
    assert again is not None and again.channels == whole.channels and engine.forwards == forwards + batches


# --- variants -------------------------------------------------------------------------------------------------------


def test_a_variant_is_built_once_and_few_are_kept(picture: Picture) -> None:
    engine = LocalEngine(workers=1)
    released = Choice("mobilenet_v3_small")
    kept = engine.model("tiny_se", weights="random")
    first = engine.model(released)
    assert engine.model(Choice("mobilenet_v3_small").but(reduction=4)) is first, "4 is what is released"
    assert not any(p.requires_grad for p in first.parameters()) and not first.training
    for r in (2, 8, 16):
        engine.model(released.but(reduction=r))
    assert engine.model(released) is not first, "the oldest is gone"
    assert engine.model("tiny_se", weights="random") is kept, "and pushed out nobody's model"


def test_a_variant_is_traced_as_any_network(picture: Picture) -> None:
    engine, choice = LocalEngine(workers=1), Choice("mobilenet_v3_small").but(gate="relu", stages=(2, 3))
    question = TraceQuestion(choice, picture, weights="random")
    trace = engine.ask(question)
    own = tap.run(networks.network("inserted/mobilenet_v3_small", gate="relu", stages=(2, 3)), picture.x)
    assert trace.model == str(choice) == "mobilenet_v3_small gate=relu stages=(2, 3)"
    assert torch.equal(trace.logits, own.logits) and len(trace.blocks) == len(own.blocks) == 8
    before = engine.forwards
    assert engine.ask(question) is trace and engine.forwards == before
    with pytest.raises(OptionRefused):
        engine.model(Choice("se_vgg16_bn").but(integration="post"))


# --- attributions ---------------------------------------------------------------------------------------------------


def test_an_attribution_is_made_once_for_every_question(engine: LocalEngine, picture: Picture) -> None:
    from senet_viz.experiments import attribution

    def asked(method: str = "gradient_x_gate", target: int = 3, block: str | None = "layer3.1.se", **more: Any) -> Any:
        return engine.ask(AttributionQuestion("tiny_se", picture, method, target, block, weights="random", **more))

    first, forwards = asked(), engine.forwards
    own = attribution.run("gradient_x_gate", engine.model("tiny_se", weights="random"), picture.x, 3, "layer3.1.se")
    assert first.values == pytest.approx(own.values, rel=1e-4, abs=1e-7), "another number of threads, another rounding"
    assert asked() is first and engine.forwards == forwards
    others = [
        asked(target=4), asked(block="layer3.0.se"), asked(edits=(Edit("layer3.1.se", "mute", (3,)),)),
        asked("grad_cam"), asked("grad_cam", block=None), asked("conductance", steps=8), asked("conductance", steps=16),
    ]  # fmt: skip
    assert engine.forwards == forwards + len(others)
    assert len({id(found) for found in (first, *others)}) == len(others) + 1


def test_an_attribution_says_how_far_it_is_and_ends_when_nobody_waits(engine: LocalEngine, picture: Picture) -> None:
    told: list[tuple[int, int]] = []

    class Gone(Exception):
        pass

    def path(steps: int) -> AttributionQuestion:
        return AttributionQuestion("tiny_se", picture, "integrated_gradients", 4, steps=steps, weights="random")

    def leave(done: int, total: int) -> None:
        told.append((done, total))
        if done:
            raise Gone

    with pytest.raises(Gone):
        engine.ask(path(4000), leave)
    assert told[-1][1] == 4000
    # the worker is free again, and what was left was not kept
    assert engine.ask(path(8)).steps == 8


def test_attributions_refuse_as_the_library_does(engine: LocalEngine, picture: Picture) -> None:
    for arguments, error in ((("grad_cam", 0, "layer9"), NoGateFound), (("magic", 0, None), ValueError)):
        with pytest.raises(error):
            engine.ask(AttributionQuestion("tiny_se", picture, *arguments, weights="random"))  # type: ignore[arg-type]
