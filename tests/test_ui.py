"""What pages are made of: errors as sentences, the truth badge, what the URL may say, names of blocks."""

from __future__ import annotations

import asyncio
import base64
import logging
import re
import socket
import sys
from collections import UserDict
from collections.abc import AsyncIterator, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import streamlit as st
import torch
from PIL import Image
from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartParser
from streamlit.runtime.scriptrunner import RerunData, RerunException
from streamlit.testing.v1 import AppTest
from torch import Tensor, nn

from senet_viz import errors, i18n
from senet_viz.drawing.renderers import screen
from senet_viz.errors import (
    EditRefused,
    ImageRejected,
    NoClassScores,
    NoGates,
    NotAHost,
    OptionRefused,
    PhotosRejected,
    SenetVizError,
)
from senet_viz.models import catalogue
from senet_viz.networks.blocks import SEBlock
from senet_viz.photos import reading, samples, sets
from senet_viz.tap import edit_list, hooks, replay
from senet_viz.types import Trace
from senet_viz.ui import short, state
from senet_viz.ui.elements import boards, components, frame
from senet_viz.ui.elements import truth as proof
from senet_viz.ui.guard import literal, sentence
from senet_viz.ui.own import photos, uploads
from senet_viz.ui.pages.lab import console
from tests import truth
from tests.test_pages import APP, badges, board, formula, go, last_number, printed, start, url, well

# --- names ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("layer3.1.se", "3.1"), ("layer3.5.se_module", "3.5"), ("layer2.0.conv2", "2.0"), ("layer1.1.conv1", "1.1"),
        ("features.4.block.2", "4"), ("features.3.0.block.2", "3.0"), ("blocks.2.1.se", "2.1"),
        ("stages.1.0.attn", "1.0"),
        ("se", "se"),
    ],
)  # fmt: skip
def test_short(name: str, said: str) -> None:
    assert short(name) == said


@pytest.mark.parametrize("key", [row.key for row in catalogue.MODELS if row.blocks and row.weights_mib < 50])
def test_short_names_tell_blocks_apart(key: str) -> None:
    names = [short(name) for name in truth.names(key)]
    assert len(set(names)) == len(names) == catalogue.spec(key).blocks
    assert max(map(len, names)) <= 4


# --- errors ---------------------------------------------------------------------------------------------------------


REASONS = {ImageRejected: reading.REASONS, PhotosRejected: sets.REASONS}  # what is said depends on the reason
ABOUT = (  # what is said names what was asked for
    OptionRefused, NotAHost, EditRefused, NoGates, NoClassScores, errors.ModelTooLarge, errors.EngineAway,
    errors.NoFilm,
)  # fmt: skip


@pytest.mark.parametrize("lang", i18n.LANGUAGES)
def test_every_error_is_its_sentence(lang: str) -> None:
    kinds = [v for v in vars(errors).values() if isinstance(v, type) and issubclass(v, SenetVizError)]
    named = [kind("for the log") for kind in kinds if kind not in (SenetVizError, *REASONS, *ABOUT)]
    details = {"name": "holiday.zip", "limit": 8, "n": 1, "each": 2, "format": "PDF", "file": "a.safetensors"}
    named = [type(error)("", **details) if isinstance(error, errors.WeightsInvalid) else error for error in named]
    for error in [*named, *(kind(reason, **details) for kind, reasons in REASONS.items() for reason in reasons)]:
        said = sentence(error, lang)
        shown = details | {"name": literal(details["name"])}
        assert said == i18n.text(f"error.{error.code}", lang, **shown) and "for the log" not in said
    refused = EditRefused("layer3:mut", "for the log")
    about = (OptionRefused("SE-VGG-16", "integration", "reduction, gate"), NotAHost("SE-VGG-16"), NoGates("VGG-16"))
    about += (NoClassScores("SSD"), errors.ModelTooLarge("SENet-154", 441.2, 100.0), errors.EngineAway("", model="A"))
    about += (errors.NoFilm("SE-VGG-16"),)
    for error in (*about, refused):
        shown = error.details | ({"text": literal("layer3:mut")} if error is refused else {})
        assert sentence(error, lang) == i18n.text(f"error.{error.code}", lang, **shown)
        assert "{" not in sentence(error, lang)
    assert "layer3:mut" in sentence(refused, lang) and "for the log" not in sentence(refused, lang)
    assert "integration" in sentence(OptionRefused("SE-VGG-16", "integration", "reduction, gate"), lang)
    assert sentence(SenetVizError("odd"), lang) == i18n.text("error.unexpected", lang, ref="-")


@pytest.mark.parametrize("lang", i18n.LANGUAGES)
def test_a_name_in_a_sentence_is_text(lang: str) -> None:
    wild = "![x](http://a.example/b.png) [c](d) `e`\n# f www.g.example.zip"
    for error in (PhotosRejected("zip", name=wild), EditRefused(wild, "no")):
        said = sentence(error, lang)
        assert said.count("`") == 2 and "\n" not in said
        assert said.split("`")[1] == "![x](http://a.example/b.png) [c](d) e # f www.g.example.zip"


def guarded(kind: str, lang: str) -> AppTest:
    def script(kind: str, lang: str) -> None:
        import streamlit as st

        from senet_viz.errors import Busy
        from senet_viz.ui.guard import guard

        st.session_state["lang"] = lang
        with guard():
            st.text("before")
            if kind == "named":
                raise Busy("a message for the log")
            if kind == "unexpected":
                raise ZeroDivisionError("a secret path: /srv/x")
            if kind == "stop":
                st.stop()
            if kind == "rerun" and "again" not in st.session_state:
                st.session_state["again"] = True
                st.rerun()
        st.text("after")

    return AppTest.from_function(script, args=(kind, lang), default_timeout=60).run()


@pytest.mark.parametrize("lang", i18n.LANGUAGES)
def test_a_named_error_is_one_sentence(lang: str) -> None:
    at = guarded("named", lang)
    assert not at.exception and [box.value for box in at.error] == [i18n.text("error.busy", lang)]
    assert [text.value for text in at.text] == ["before", "after"]


@pytest.mark.parametrize("lang", i18n.LANGUAGES)
def test_the_unexpected_is_one_sentence_and_a_traceback_in_the_log(lang: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR, "senet_viz"):
        at = guarded("unexpected", lang)
    assert not at.exception
    (box,) = at.error
    reference = re.search(r"[0-9a-f]{8}", box.value)
    assert reference and box.value == i18n.text("error.unexpected", lang, ref=reference[0])
    (record,) = [r for r in caplog.records if r.name == "senet_viz"]
    assert reference[0] in record.getMessage() and record.exc_info and record.exc_info[0] is ZeroDivisionError


def test_stop_and_rerun_are_no_errors() -> None:
    stopped = guarded("stop", "en")
    assert not stopped.error and [text.value for text in stopped.text] == ["before"]
    again = guarded("rerun", "en")
    assert not again.error and [text.value for text in again.text] == ["before", "after"]


# --- the truth badge ------------------------------------------------------------------------------------------------


class Forgetful(nn.Module):
    """Has two blocks and calls one: a bug that a well-known network has."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.used, self.forgotten = nn.Conv2d(3, 16, 3), SEBlock(16, 4), SEBlock(16, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.used(self.stem(x)).mean((2, 3))


def badge_of(trace: Trace, again: replay.Replay, lang: str) -> str:
    """The badge that a page would show, as Markdown."""

    def script(view: object) -> None:
        from senet_viz.ui import badge

        badge(view)  # type: ignore[arg-type]

    view = SimpleNamespace(t=i18n.texts(lang), trace=trace, replay=again, blocks=[b.name for b in trace.blocks])
    at = AppTest.from_function(script, args=(view,), default_timeout=60).run()
    assert not at.exception
    (found,) = at.markdown
    return found.value


@pytest.mark.parametrize("lang", i18n.LANGUAGES)
def test_the_badge_tells_the_truth(lang: str) -> None:
    torch.manual_seed(0)
    module, x = Forgetful().eval(), torch.randn(1, 3, 16, 16)
    trace = hooks.run(module, x, keep_u=("used",))
    again = replay.replay(module, trace.block("used"))
    assert trace.silent == ("forgotten",) and again.holds
    silent = badge_of(trace, again, lang)
    assert silent.startswith(":red-badge[") and i18n.text("badge.silent", lang, names="forgotten") in silent

    ran = replace(trace, silent=())
    good = badge_of(ran, again, lang)
    assert good.startswith(":green-badge[")
    values = {"off": proof.small(again.differences[again.weakest]), "limit": proof.small(again.limits[again.weakest])}
    assert i18n.text("badge.true", lang, what=i18n.text(f"badge.{again.weakest}", lang), blocks=1, **values) in good

    block = trace.block("used")
    for wrong in (block.gate + 1e-3, torch.full_like(block.gate, torch.nan)):
        lie = replay.replay(module, replace(block, gate=wrong))
        bad = badge_of(ran, lie, lang)
        assert bad.startswith(":red-badge[") and i18n.text("badge.gate", lang) in bad


@pytest.mark.parametrize("lang", i18n.LANGUAGES)
def test_the_badge_has_words_and_no_bare_letter_behind_a_number(lang: str) -> None:
    """A number followed by (s) reads as seconds; so does any power written as e-07 to who has not met it."""
    at = start("excitation", lang=lang, weights="pretrained")
    (said,) = badges(at, "green")
    assert not re.search(r"\d\s*[(（]?s\b|e-\d", said, re.ASCII), said
    assert re.search(r"\d × 10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+", said)
    (shown,) = [each for each in at.main.markdown if each.value == said]
    off, limit = re.findall(r"[\d.]+ × 10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+", shown.proto.help)[:2]
    named = [i18n.text(f"badge.{name}", lang) for name in ("z", "pre", "hidden", "logit", "gate", "out")]
    values = {"off": off, "limit": limit, "least": proof.small(replay.TOLERANCE)}
    assert off in said and shown.proto.help in [i18n.text("badge.help", lang, what=name, **values) for name in named]


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.23e-7, "1.2 × 10⁻⁷"), (1e-5, "1 × 10⁻⁵"), (0.0, "0"), (9.96e-5, "1 × 10⁻⁴"), (0.0123, "0.0123"),
     (float("nan"), "nan"), (float("inf"), "inf"), (1e-12, "1 × 10⁻¹²")],
)  # fmt: skip
def test_differences_are_written_as_people_write_them(value: float, text: str) -> None:
    assert proof.small(value) == text


# --- the URL --------------------------------------------------------------------------------------------------------

NONSENSE = [
    {"block": "nonsense"}, {"channel": "-1"}, {"channel": "99999"}, {"channel": "9" * 40}, {"channel": "1e3"},
    {"channel": ""}, {"model": "nonsense"}, {"model": "tiny_plain"}, {"photo": "nonsense"}, {"sort": "<script>"},
    {"scope": "network"}, {"input": "31"}, {"input": "99999"}, {"device": "cuda:9"}, {"weights": "mine"},
    {"lang": "xx"}, {"gatefn": "softmax"}, {"carpet": "x"}, {"pool": "min"}, {"order": "x"},
    {"_shown": "x"}, {"_good": "1"},
]  # fmt: skip


@pytest.mark.parametrize("asked", NONSENSE, ids=lambda asked: "-".join(map(str, *asked.items()))[:30])
def test_nonsense_in_the_url_is_ignored(asked: dict[str, str]) -> None:
    at = start(**asked)
    for page in ("excitation", "rescale"):
        well(go(at, page).run())
    ((key, value),) = asked.items()
    assert url(at).get(key) != value
    assert len(badges(at, "green")) == 1


def test_a_branch_that_the_model_has_not_is_ignored() -> None:
    at = start("excitation", model="tiny_sk", branch=7)
    assert at.segmented_control(key="branch").value == 0


def test_a_photo_of_another_process_is_said_to_be_gone() -> None:
    at = AppTest.from_file(str(APP), default_timeout=120)
    at.query_params["photo"], at.query_params["lang"] = "up-0123456789abcdef", "zh"
    well(at.run())
    assert [box.value for box in at.warning] == [i18n.text("photo.gone", "zh")]
    assert url(at)["photo"] == samples.SAMPLES[0].key


def test_language_before_its_widget() -> None:
    """The menu, which is drawn first, speaks the language of the URL."""

    def script() -> None:
        import streamlit as st

        from senet_viz.ui import language

        st.text(language())

    for asked, said in (("zh", "zh"), ("xx", "en"), (None, "en")):
        at = AppTest.from_function(script, default_timeout=60)
        if asked:
            at.query_params["lang"] = asked
        assert [text.value for text in at.run().text] == [said]


# --- caches and other people's pictures ------------------------------------------------------------------------------


def test_drawings_are_bounded() -> None:
    state.drawings.clear()
    for index in range(405):
        state.drawings().get(("test", index), lambda: index)  # noqa: B023
    kept = [index for index in range(405) if state.drawings().peek(("test", index)) is not None]
    assert kept == list(range(5, 405))
    state.drawings().get("large", lambda: (bytes(200 << 20), "its address"))
    assert state.drawings().total <= 400 and state.drawings().peek("large") is not None, "and what is large counts"
    state.drawings.clear()


def kept(some: uploads.Uploads, owner: str, names: Iterable[str]) -> list[str]:
    return [name for name in names if some.has(owner, name)]


def test_many_uploads_of_one_session_push_out_its_own() -> None:
    some, photo = uploads.Uploads(each=12), Image.new("RGB", (8, 8))
    some.add("another", "first", photo)
    names = [f"up-{i}" for i in range(66)]
    for name in names:
        some.add("one", name, photo)
    assert kept(some, "one", names) == names[-12:] and some.has("another", "first")
    assert some.use("first") is photo


def test_where_memory_is_short_the_photo_goes_that_nobody_looked_at() -> None:
    some, photo = uploads.Uploads(mib=4), Image.new("RGB", (1024, 340))  # a mebibyte each
    for name in ("seen", "forgotten", "c", "d"):
        some.add(name, name, photo)
    assert some.use("seen") is photo
    some.peek("forgotten")
    some.add("e", "e", photo)
    assert [name for name in ("seen", "forgotten", "c", "d", "e") if some.has(name, name)] == ["seen", "c", "d", "e"]


def test_a_removed_upload_is_gone_unless_somebody_else_has_it() -> None:
    some, photo = uploads.Uploads(), Image.new("RGB", (8, 8))
    some.add("one", "a", photo)
    some.add("two", "a", photo)
    some.remove("one", "a")
    assert not some.has("one", "a") and some.has("two", "a") and some.use("a") is photo
    some.remove("two", "a")
    assert some.use("a") is None


def test_an_upload_is_kept_in_memory() -> None:
    """As the server takes it: 32 MB come in pieces, and no temporary file is made."""

    async def pieces() -> AsyncIterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.zip"\r\n\r\n'
        for _ in range(32):
            yield bytes(2**20)
        yield b"\r\n--x--\r\n"

    state.in_memory()
    headers = Headers({"content-type": "multipart/form-data; boundary=x"})
    form = asyncio.run(MultiPartParser(headers, pieces()).parse())
    file = form["file"]
    assert isinstance(file, UploadFile) and file.size == 32 * 2**20
    assert not file.file._rolled  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("http://localhost:8501/", True), ("http://127.0.0.1:8501/", True), ("http://[::1]:8501", True),
        ("https://lab.example/senet", True), (None, True), ("http://192.168.1.20:8501/", False),
        ("http://lab.example/", False), ("http://localhost.example/", False),
    ],
)  # fmt: skip
def test_the_camera_needs_a_secure_address(url: str | None, allowed: bool) -> None:
    assert photos.allows_camera(url) is allowed


def test_two_sessions_do_not_mix() -> None:
    ours, theirs = start("rescale", block="layer3.0.se", channel=4), start("rescale", block="layer3.0.se", channel=4)
    before = formula(ours, r"\tilde x_{4}(")
    theirs.pills(key="photo").set_value("flower")
    theirs.number_input(key="channel").set_value(9)
    well(theirs.run())
    well(ours.run())
    assert formula(ours, r"\tilde x_{4}(") == before and url(ours)["photo"] != url(theirs)["photo"]


def test_a_model_like_the_last_block() -> None:
    """The stage stays when the model changes, as far as there is one of that name."""
    at = start("excitation", model="tiny_se", block="layer2.1.se", channel=3)
    at.selectbox(key="model").set_value("tiny_sk")
    well(at.run())
    assert at.pills(key="block").value == "layer2.1.conv2"
    logit = truth.logit(truth.block("tiny_sk", "chelsea", "layer2.1.conv2"))
    assert last_number(formula(at, "g_{0,3}=")) == printed(float(logit[0, 3]))


def test_the_code_on_the_page_is_the_code_that_ran() -> None:
    at = start("squeeze")
    import inspect

    sources = [element.value for element in at.code]
    assert inspect.getsource(replay.pooled).strip() in [s.strip() for s in sources] and len(sources) >= 2


def test_a_source_is_read_once_whoever_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python 3.11 cannot parse in two threads that look for a class at the same time."""
    import inspect

    from senet_viz.networks import blocks
    from senet_viz.tap import edits

    wanted = (blocks.SEBlock, blocks.SKConv, replay.pooled, edits.apply)
    own, read = {each: inspect.getsource(each) for each in wanted}, []
    reader, together, least = inspect.getsource, Barrier(8), sys.getswitchinterval()
    monkeypatch.setattr(proof, "_SOURCES", {})
    monkeypatch.setattr(inspect, "getsource", lambda each: (read.append(each), reader(each))[1])

    def ask(number: int) -> bool:
        together.wait(60)
        return all(proof.source(each) == own[each] for each in (*wanted[number % 4 :], *wanted))

    sys.setswitchinterval(1e-5)
    try:
        with ThreadPoolExecutor(8) as pool:
            assert all(pool.map(ask, range(8)))
    finally:
        sys.setswitchinterval(least)
    assert sorted(read, key=repr) == sorted(wanted, key=repr)


def test_a_board_takes_little() -> None:
    """Numbers are sent as they are, in less than six bytes each."""
    data = board(start("squeeze", block="layer3.1.se"), "atlas")
    z = truth.z(truth.block("tiny_se", "chelsea", "layer3.1.se"))
    assert np.array_equal(data["values"]["z"], np.asarray(z)[data["order"]])
    assert sum(map(len, components.packed(np.asarray(z)).values())) < 6 * len(z)


def test_many_gates_take_half_of_that_and_stay_true() -> None:
    gate = np.random.default_rng(0).random(4096, np.float32)
    gate[:2] = 0, 1
    ((kind, text),) = components.packed(gate, short=True).items()
    back = np.frombuffer(base64.b64decode(text), "<u2") / 65535
    assert kind == "u2" and len(text) < 3 * len(gate)
    assert np.abs(back - gate).max() <= 1e-5 and back[0] == 0 and back[1] == 1
    assert list(components.packed(gate * 2, short=True)) == ["f4"]  # what cannot be said in 16 bits is not


class Interrupted(UserDict[str, Any]):
    """A session's state on which a rerun waits: one access, the ``at``-th, ends what runs, as Streamlit's does."""

    def __init__(self, values: dict[str, Any], at: int) -> None:
        super().__init__(values)
        self.left = at

    def _yield(self) -> None:
        self.left -= 1
        if self.left == -1:
            raise RerunException(RerunData())

    def __getitem__(self, key: str) -> Any:
        self._yield()
        return super().__getitem__(key)

    def __setitem__(self, key: str, value: Any) -> None:
        if hasattr(self, "left"):
            self._yield()
        super().__setitem__(key, value)


def test_a_click_counts_once_wherever_a_rerun_ends_its_callback(monkeypatch: pytest.MonkeyPatch) -> None:
    def then(block: str | None, channel: int) -> None:
        now, _ = edit_list.read(str(st.session_state.get(console.EDITS) or ""))
        console.change(edit_list.toggled(now, str(block), "mute", channel))

    clicks = [{"n": n, "row": 0, "channel": channel, "click": True} for n, channel in ((1, 5), (2, 9), (3, 5), (4, 7))]
    ended = 0
    for at in range(60):
        state_ = Interrupted({"board-b": {"picked": {"mount": "m", "clicks": clicks}}}, at)
        monkeypatch.setattr(st, "session_state", state_)
        try:
            boards._picked("b", ["layer4.1.se"], then)
        except RerunException:
            ended += 1
        state_.left = 10**6  # nothing waits any more
        boards._picked("b", ["layer4.1.se"], then)  # the browser sends again what it does not know to be taken
        assert state_[console.EDITS] == "layer4.1.se:mute:7,9" and state_["channel"] == 7, at
        assert len(state_[console.PAST]) == 4, "every click can be taken back"
    assert 10 < ended < 60


@pytest.mark.parametrize(
    ("told", "width"),
    [(390, 390), (390.4, 390), (1, frame.LEAST), (screen.SLIM, 0), (10**9, 0), (0, 0), (-5, 0), (None, 0), ("390", 0)],
)
def test_the_width_that_a_browser_tells_is_kept_within_bounds(told: object, width: int) -> None:
    """A wide page is drawn for no width of its own, so nothing that a browser says there draws it again."""
    assert frame.narrow(told) == width


def test_small_messages_are_sent_at_once() -> None:
    """On connections to a socket that is opened as Streamlit opens its own."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        state.at_once()
        with socket.create_connection(listener.getsockname()):
            accepted, _ = listener.accept()
            with accepted:
                assert accepted.proto == 0, "asyncio does it for those that name TCP"
                assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
