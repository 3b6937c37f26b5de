"""Two engines, one protocol: what is asked of both has equal answers to the last bit, with a real Ray on this machine.

Ray is an extra: where it is not installed the tests of the other engine are skipped, and say so.
"""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, is_dataclass
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import pytest

from senet_viz.architecture import prices, recorder, timing
from senet_viz.errors import NoGateFound, SenetVizError, Stopped, UnknownModel
from senet_viz.experiments import gradient_flow, profiling
from senet_viz.experiments.attribution import METHODS
from senet_viz.models import catalogue
from senet_viz.networks.registry import Choice
from senet_viz.photos import preprocess, samples
from senet_viz.service.engine import Engine
from senet_viz.service.local import LocalEngine
from senet_viz.service.questions import (
    AttributionQuestion,
    BlocksQuestion,
    FcAgainstConvQuestion,
    HitsQuestion,
    KernelsQuestion,
    ListedLateQuestion,
    Question,
    RankingQuestion,
    ReplayQuestion,
    SweepQuestion,
    TallyQuestion,
    TraceQuestion,
    UnitQuestion,
)
from senet_viz.service.remote.engine import RayEngine
from senet_viz.types import Edit, Picture
from tests.places import PAGES
from tools import ray_here

ROOT = Path(__file__).resolve().parents[1]
WAIT = 120.0
SE, SK = "layer3.1.se", "layer3.1.conv2"
HERE = importlib.util.find_spec("ray") is not None
pytestmark = pytest.mark.slow  # ``test_engine`` and ``test_remote`` look at each engine by itself
with_ray = pytest.mark.skipif(not HERE, reason="Ray is not installed: pip install 'ray[serve]'")


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with ray_here.served() as where:
        yield where


@pytest.fixture(params=["local", pytest.param("ray", marks=with_ray)])
def engine(request: pytest.FixtureRequest) -> Engine:
    """Each engine, new."""
    return LocalEngine() if request.param == "local" else RayEngine(request.getfixturevalue("address"))


def picture(model: str = "tiny_se", photo: str = "chelsea") -> Picture:
    return preprocess.preprocess(samples.sample(photo), catalogue.spec(model))


def same(a: Any, b: Any) -> bool:
    """Equal to the last bit, whatever holds the numbers."""
    if is_dataclass(a):
        return type(a) is type(b) and all(same(getattr(a, f.name), getattr(b, f.name)) for f in fields(a))
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, tuple | list):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    if hasattr(a, "shape"):
        x, y = np.asarray(a), np.asarray(b)
        return x.dtype == y.dtype and x.shape == y.shape and x.tobytes() == y.tobytes()
    return type(a) is type(b) and (a == b or (a != a and b != b))


def edited(engine: Engine) -> Question[Any]:
    return TraceQuestion("tiny_se", picture(), (Edit("layer2.0.se", "fill", (1, 2), 0.0),), (SE,))


def ranking(engine: Engine) -> Question[Any]:
    return RankingQuestion("tiny_se", engine.ask(edited(engine)), picture(), SE, tuple(range(20)))


def replay(engine: Engine) -> Question[Any]:
    return ReplayQuestion("tiny_se", engine.ask(edited(engine)), SE)


def unit(engine: Engine, branches: int = 0) -> Question[Any]:
    trace = engine.ask(TraceQuestion("tiny_sk", picture("tiny_sk"), (), (SK,)))
    return UnitQuestion("tiny_sk", trace, SK, engine.ask(ReplayQuestion("tiny_sk", trace, SK)), branches)


def fc(engine: Engine) -> Question[Any]:
    return FcAgainstConvQuestion("tiny_se", engine.ask(edited(engine)), SE)


def tally(engine: Engine) -> Question[Any]:
    images, y = tuple(samples.sample(key) for key in ("chelsea", "coffee")), np.array([0, 1])
    return TallyQuestion("tiny_se", ("two",), 2, images, y, profiling.Tally.empty(2))


def hits(engine: Engine) -> Question[Any]:
    means = {b.name: np.asarray(b.gate) for b in engine.ask(edited(engine)).blocks}
    images = tuple(samples.sample(key) for key in ("chelsea", "coffee", "rocket"))
    return HitsQuestion("tiny_se", ("three",), 0, images, np.array([3, 4]), np.array([0, 0]), means)


def variant(engine: Engine) -> Question[Any]:
    return TraceQuestion(Choice("mobilenet_v3_small").but(reduction=8), picture("mobilenet_v3_small"), weights="random")


ASKED = {
    "trace": edited,
    "variant": variant,
    "sweep": lambda _: SweepQuestion("tiny_sk", samples.sample("coffee"), "coffee", (0.5, 1.0, 1.7), "zoom", 0.5),
    "ranking": ranking,
    "replay": replay,
    "unit": unit,
    "untrained unit": partial(unit, branches=3),
    "blocks": lambda _: BlocksQuestion("tiny_se"),
    "kernels": lambda _: KernelsQuestion("tiny_sk", SK),
    "listed late": lambda _: ListedLateQuestion("tiny_se", SE),
    "fc against conv": fc,
    "tally": tally,
    "hits": hits,
    **{
        method: lambda _, method=method: AttributionQuestion("tiny_se", picture(), method, 3, SE, steps=8)
        for method in METHODS
    },
}
WORK = {
    "price": partial(prices.price, Choice("se_resnet50")),
    "cost": partial(prices.cost, Choice("tiny_se")),
    "totals": partial(prices.totals, Choice("se_resnet50"), (4, 16)),
    "unit": partial(recorder.unit, "se_resnet50", integration="pre"),
    "orders": partial(recorder.orders, "sknet50"),
    "flow": partial(gradient_flow.compared, ("standard", "post"), 4, gradient_flow.STARTS[0], False, 0),
}


def test_every_kind_of_question_is_asked_here() -> None:
    kinds = {type(make(LocalEngine(workers=1))) for make in ASKED.values()}
    assert kinds == {kind for kind in Question.__subclasses__() if kind.__module__.startswith("senet_viz.")}


@pytest.mark.parametrize("asked", ASKED)
def test_an_answer_is_the_last_bit_of_what_the_network_says(engine: Engine, asked: str) -> None:
    local = LocalEngine()  # as many threads: a sum over a batch depends on that in its last bit
    ours, theirs = engine.ask(ASKED[asked](engine)), local.ask(ASKED[asked](local))
    assert same(ours, theirs)


@pytest.mark.parametrize("work", WORK)
def test_work_without_a_network_gives_the_same(engine: Engine, work: str) -> None:
    assert same(engine.run(WORK[work]), LocalEngine().run(WORK[work]))


def test_time_is_measured_there(engine: Engine) -> None:
    found = engine.run(partial(timing.between, Choice("tiny_se"), 0.0), "long")
    assert len(found.rounds) >= timing.LEAST_ROUNDS and found.device == "cpu"


def test_the_same_question_is_one_forward_however_many_ask(engine: Engine) -> None:
    question = TraceQuestion("tiny_se", picture(photo="coffee"))
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: engine.ask(question), range(8)))
    assert engine.forwards == 1 and len({id(answer) for answer in answers}) == 1
    assert engine.peek(question) is answers[0] is engine.ask(question) and engine.forwards == 1
    assert engine.peek(TraceQuestion("tiny_se", picture(photo="rocket"))) is None


def test_errors_come_out_as_they_are_and_are_not_kept(engine: Engine) -> None:
    for wanted, question in (
        (UnknownModel, BlocksQuestion("tiny_sse")),
        (NoGateFound, TraceQuestion("tiny_se", picture(), keep_u=("layer9",))),
        (ValueError, AttributionQuestion("tiny_se", picture(), "guess", 0)),
        (ValueError, TraceQuestion("tiny_se", picture(), (Edit(SE, "fill", (9999,), 0.0),))),
    ):
        told = []
        for one in (engine, LocalEngine(workers=1), engine):
            with pytest.raises(wanted) as error:
                one.ask(question)
            named = error.value
            told.append((type(named), str(named), vars(named) if isinstance(named, SenetVizError) else {}))
        assert told[0] == told[1] == told[2]
    assert engine.ask(TraceQuestion("tiny_se", picture())).blocks


def test_what_takes_long_says_how_far_it_is_and_ends_when_nobody_waits(engine: Engine) -> None:
    question = AttributionQuestion("tiny_se", picture(), "occlusion", 3, steps=None)
    told: list[tuple[int, int]] = []

    class Left(Exception):
        pass

    def heard(done: int, total: int) -> None:
        told.append((done, total))
        if done:
            raise Left

    with pytest.raises(Left):
        engine.ask(question, heard)
    assert told[-1][0] <= told[-1][1] and told[-1][1] > 1
    assert engine.peek(question) is None
    assert engine.ask(question).values.any()


def test_a_sweep_that_is_stopped_goes_on_where_it_was(engine: Engine) -> None:
    question = SweepQuestion("tiny_se", samples.sample("chelsea"), "chelsea", (0.5, 0.75, 1.0, 1.5), "resolution")

    def heard(done: int, total: int) -> bool:
        return done < 2

    assert engine.ask(question, heard).scales == (0.5, 0.75) and engine.forwards == 2
    assert engine.ask(question).scales == question.scales and engine.forwards == 4


def test_where_networks_can_run_is_known(engine: Engine) -> None:
    assert engine.devices()[0] == "cpu" or "cpu" in engine.devices()
    engine.ready("tiny_se")
    engine.retry("tiny_se")
    engine.ready("tiny_se")


def long(target: int) -> Question[Any]:
    """Seconds of work."""
    return AttributionQuestion("tiny_sk", picture("tiny_sk"), "integrated_gradients", target, steps=512)


# --- with Ray alone ---------------------------------------------------------------------------------------------------


@with_ray
def test_a_replica_that_is_killed_in_the_middle_is_a_longer_wait() -> None:
    with ray_here.served() as where:
        engine, begun, told = RayEngine(where), Event(), []
        question = long(3)

        def heard(done: int, total: int) -> None:
            told.append(done)
            if done:
                begun.set()

        killed = ray_here.replica(where)
        with ThreadPoolExecutor(1) as pool:
            found = pool.submit(engine.ask, question, heard)
            assert begun.wait(WAIT)
            os.kill(killed, signal.SIGKILL)
            answer = found.result(2 * WAIT)
        assert ray_here.replica(where) != killed
        assert same(answer, LocalEngine().ask(question)) and engine.forwards == 1
        assert any(later < before for before, later in zip(told, told[1:], strict=False)), "it began again"


@with_ray
def test_what_nobody_waits_for_ends_there(address: str) -> None:
    """One who leaves makes room: the next long question of the same lane begins at once."""
    engine = RayEngine(address)
    question = long(5)

    def leaves(done: int, total: int) -> None:
        if done:
            raise Stopped("left")

    with pytest.raises(Stopped):
        engine.ask(question, leaves)
    assert engine.ask(AttributionQuestion("tiny_se", picture(), "grad_cam", 1)).values.any()


@with_ray
def test_every_page_is_drawn_without_torch(address: str) -> None:
    """In a process that cannot import it."""
    command = [sys.executable, "-m", "tests.without_torch", address, *PAGES]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    said = [json.loads(line) for line in done.stdout.splitlines()]
    assert [each["page"] for each in said] == [*PAGES], done.stderr[-2000:]
    assert [(each["page"], each["errors"], each["wanted"]) for each in said] == [(page, [], []) for page in PAGES]
    assert not any(each["torch"] for each in said)
