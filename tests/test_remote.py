"""The engine elsewhere, as far as it can be looked at without one: what travels, and what happens where nobody is."""

from __future__ import annotations

import json
import pickle
import socket
from fractions import Fraction
from functools import partial
from threading import Thread
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from streamlit.testing.v1 import AppTest

from senet_viz import errors, i18n
from senet_viz.architecture import prices
from senet_viz.errors import EngineAway, ModelTooLarge, NoGates, UnknownModel
from senet_viz.findings.kernel_choice import Way
from senet_viz.models import catalogue
from senet_viz.networks.registry import Choice
from senet_viz.service.local import LocalEngine
from senet_viz.service.questions import BlocksQuestion, TraceQuestion
from senet_viz.service.remote import codec
from senet_viz.service.remote.codec import Unreadable, packed, unpacked
from senet_viz.service.remote.engine import RayEngine
from senet_viz.tap import hooks
from senet_viz.types import Edit, Picture, Trace
from senet_viz.ui import state
from senet_viz.ui.guard import sentence
from tests import truth
from tests.test_architecture import ROOT
from tests.test_engines import picture, same


@pytest.fixture
def nobody() -> str:
    """An address at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    return f"ray://127.0.0.1:{port}"


def back(value: Any) -> Any:
    return unpacked(packed(value))


# --- what travels -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        None, True, 0, -(2**70), 0.1, float("inf"), -0.0, "", "门控\n", (), (1, (2,)), [1], {"a": 1, (1, 2): None},
        frozenset({1, 2}), Choice("se_resnet50", (("stages", (1, 2)), ("bias", False))),
        Edit("layer1.0.se", "photo", (3,), None, "cat", ((0.1, 0.2),)),
    ],
    ids=repr,
)  # fmt: skip
def test_a_value_arrives_as_it_was(value: Any) -> None:
    found = back(value)
    assert found == value and type(found) is type(value) and repr(found) == repr(value)


@pytest.mark.parametrize("kind", ["f4", "f8", "f2", "i8", "u1", "?", "c8", "<U3", ">f4"])
@pytest.mark.parametrize("shape", [(), (0,), (0, 3), (7,), (2, 3, 5)])
def test_an_array_arrives_to_the_last_bit(kind: str, shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(1)
    array = (rng.normal(size=shape) * 3).astype(kind) if kind != "<U3" else np.full(shape, "门ab")
    odd = (3, array, "x" * 13, np.asfortranarray(array), array[..., ::-1] if shape else array)
    assert same(back(odd), odd)
    scalar = array.reshape(-1)[:1]
    assert all(type(a) is type(b) and a == b for a, b in zip(back(tuple(scalar)), scalar, strict=True))


def test_nothing_is_not_a_number_arrives_as_nothing() -> None:
    assert np.isnan(back(float("nan")))
    odd = np.array([0x7FC00001, 0xFFC00002, 0x80000000], np.uint32).view(np.float32)
    assert back(odd).tobytes() == odd.tobytes()


def test_a_trace_arrives_as_arrays_here_and_as_tensors_there() -> None:
    trace = hooks.run(truth.model("tiny_se"), picture().x, (), ("layer3.1.se",), "tiny_se", picture().key)
    sent = packed(trace)
    here, there = unpacked(sent), unpacked(bytearray(sent), tensors=True)
    assert isinstance(here.scores, np.ndarray) and isinstance(here.block("layer3.1.se").u, np.ndarray)
    assert isinstance(there.scores, torch.Tensor) and isinstance(there.block("layer3.1.se").u, torch.Tensor)
    assert same(here, trace) and same(there, trace)
    assert torch.equal(there.block("layer3.1.se").out, trace.block("layer3.1.se").out)


def test_a_picture_travels_as_its_pixels() -> None:
    own = picture()
    question = TraceQuestion("tiny_se", own, (Edit("layer1.0.se", "ones"),), ("layer1.0.se",))
    sent = packed(question)
    assert "x" not in vars(picture()) and len(sent) < own.shown.nbytes + 2000
    found = unpacked(bytearray(sent), tensors=True)
    assert found.key == question.key and torch.equal(found.picture.x, own.x)
    plain = Picture(own.shown, own.x, "key")
    assert torch.equal(unpacked(bytearray(packed(plain)), tensors=True).x, own.x)


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "P", "1"])
def test_a_photo_arrives_pixel_by_pixel(mode: str) -> None:
    photo = Image.effect_noise((13, 9), 80).convert(mode)
    found = back(photo)
    assert found.tobytes() == (photo if mode in codec.MODES else photo.convert("RGB")).tobytes()


@pytest.mark.parametrize(
    "error",
    [
        UnknownModel("no such", "nope", "near"), NoGates("net", "se: SE(fc)"), ModelTooLarge("SENet-154", 440.0, 100.0),
        errors.ImageRejected("empty", limit=8), errors.EditRefused("a:b", "why"), ValueError("plain"), KeyError("k"),
    ],
    ids=lambda error: type(error).__name__,
)  # fmt: skip
def test_a_refusal_is_the_same_in_the_same_words(error: Exception) -> None:
    found = back(error)
    assert type(found) is type(error) and vars(found) == vars(error)
    if isinstance(error, errors.SenetVizError):
        assert str(found) == str(error)
        assert all(sentence(found, lang) == sentence(error, lang) for lang in i18n.LANGUAGES)


def test_every_named_error_travels() -> None:
    for kind in vars(errors).values():
        if isinstance(kind, type) and issubclass(kind, errors.SenetVizError):
            made = kind.__new__(kind, "said")
            made.details = {"a": 1}
            assert type(back(made)) is kind and back(made).details == {"a": 1}


class Stranger:
    """No data of ours."""


@pytest.mark.parametrize(
    "value",
    [
        Stranger(), Stranger, print, Fraction(1, 2), b"bytes", {1, 2}, np.array([Stranger()]), np.array([1], "M8[s]"),
        Way(next(iter(Way))), lambda: None, iter(()),
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_what_may_not_travel_is_refused_before_it_leaves(value: Any) -> None:
    with pytest.raises(Unreadable):
        packed((1, value))


def forged(tree: Any, table: Any = ()) -> bytes:
    head = json.dumps((tree, table)).encode()
    return len(head).to_bytes(8, "little") + head + bytes(256)


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\0" * 8, b"\xff" * 64, pickle.dumps({"ask": 1}), forged({"c": ("os", "system", [])}),
        forged({"c": ("senet_viz.service.local", "LocalEngine", [])}), forged({"c": ("subprocess", "Popen", [])}),
        forged({"c": ("senet_viz.types", "Edit", [1])}), forged({"c": ("senet_viz.types", "dataclass", [])}),
        forged({"c": ("senet_viz.architecture.counting", "Any", [])}), forged({"x": ("SystemExit", [], [])}),
        forged({"x": ("SenetVizError.__init_subclass__", [], [])}), forged({"a": 0}), forged({"z": 1}), forged([1]),
        forged({"a": 0}, [("O", [1])]), forged({"a": 0}, [("<f4", [-1])]), forged({"a": 0}, [("<f4", [2**40])]),
        forged({"i": ("EPS", 0)}, [("|u1", [2, 2, 3])]), forged({"e": ("senet_viz.types", "Edit", "x")}),
    ],
)  # fmt: skip
def test_bytes_that_are_no_question_are_refused(data: bytes) -> None:
    with pytest.raises(Unreadable):
        unpacked(data)


def test_what_is_run_elsewhere_is_a_public_function_of_the_rooms_for_that() -> None:
    assert codec.called(partial(prices.price, Choice("tiny_se"), side=64)) == (
        "senet_viz.architecture.prices", "price", (Choice("tiny_se"),), {"side": 64},
    )  # fmt: skip
    for module, name in (
        ("os", "system"), ("builtins", "eval"), ("senet_viz.architecture.prices", "_plain"),
        ("senet_viz.architecture.prices", "Price"), ("senet_viz.architecture.prices", "lru_cache"),
        ("senet_viz.training.loop", "train"), ("senet_viz.models.load", "load"),
    ):  # fmt: skip
        with pytest.raises(Unreadable):
            codec.runnable(module, name)
    for work in (lambda: 1, partial(lambda: 1), RayEngine.ask, partial(print, 1)):
        with pytest.raises(Unreadable):
            codec.called(work)


# --- where nobody is --------------------------------------------------------------------------------------------------


def test_the_networks_that_ship_are_answered_here_and_the_others_are_refused_in_a_sentence(nobody: str) -> None:
    engine, local = RayEngine(nobody), LocalEngine()
    engine.away_s = 0.2
    question = TraceQuestion("tiny_se", picture(), keep_u=("layer3.1.se",))
    answer = engine.ask(question)
    assert isinstance(answer, Trace) and same(answer, local.ask(question))
    assert engine.ask(question) is answer and engine.peek(question) is answer
    engine.ready("tiny_sk")
    assert engine.devices() == ("cpu",)
    assert same(engine.run(partial(prices.cost, Choice("tiny_se"))), prices.cost(Choice("tiny_se")))
    for refused in (BlocksQuestion("seresnet50", weights="random"), BlocksQuestion(Choice("se_resnet50"))):
        with pytest.raises(EngineAway) as error:
            engine.ask(refused)
        assert str(error.value.details["model"]) in sentence(error.value, "en")
        assert sentence(error.value, "zh") != sentence(error.value, "en")
    with pytest.raises(EngineAway):
        engine.ready("seresnet50")
    with pytest.raises(UnknownModel):
        engine.ask(BlocksQuestion("nothing"))


def test_who_has_somebody_that_says_nothing_sensible_is_not_kept_waiting_for_ever(nobody: str) -> None:
    """A server of another kind, or replicas that never come up."""
    port = int(nobody.rpartition(":")[2])
    with socket.create_server(("127.0.0.1", port)) as other:

        def answers() -> None:
            while True:
                try:
                    line, _ = other.accept()
                except OSError:
                    return
                with line:
                    line.recv(2**16)
                    line.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno")

        Thread(target=answers, daemon=True).start()
        engine = RayEngine(nobody)
        engine.patience_s = 0.5
        with pytest.raises(EngineAway):
            engine.ask(BlocksQuestion("seresnet50", weights="random"))
        assert engine.ask(BlocksQuestion("tiny_se"))
        other.shutdown(socket.SHUT_RDWR)


def test_a_page_says_so_in_one_sentence_and_shows_a_network_that_ships(
    nobody: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(state.ENGINE, nobody)
    monkeypatch.setattr("senet_viz.service.remote.engine.AWAY_S", 0.2)
    state.engine.clear()
    try:
        at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
        for key, value in {"lang": "en", "model": "seresnet50", "weights": "random"}.items():
            at.query_params[key] = value
        at.run()
        said = i18n.text("error.engine_away", "en", model=catalogue.spec("seresnet50").title)
        assert not at.exception and [box.value for box in at.error] == [said]
        assert isinstance(state.engine(), RayEngine) and at.session_state["_shown"][0] == catalogue.DEFAULT
        at.sidebar.selectbox(key="model").set_value("tiny_sk").run()
        assert not at.exception and not at.error and at.session_state["_shown"][0] == "tiny_sk"
    finally:
        state.engine.clear()
