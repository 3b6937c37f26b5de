"""Every page of the walk, with several models and in every language, run by Streamlit itself without a browser.

What the pages say is compared with a model of the test's own (``truth``); words are never compared, only where they
come from (``i18n``). AppTest is not thread-safe: one process, one test after the other.
"""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from streamlit.testing.v1 import AppTest

from senet_viz import i18n
from senet_viz.drawing import palette
from senet_viz.models import catalogue, load, weight_files
from senet_viz.networks.tiny import TinyNet
from senet_viz.photos import bounds, preprocess, reading, samples
from senet_viz.service.engine import Engine
from senet_viz.tap import hooks
from senet_viz.training.recipe import Recipe
from senet_viz.ui import state
from senet_viz.ui.elements.header import TOP
from tests import pictures, truth
from tests.places import FIRST, OPEN, SECTIONS, WALK

APP = Path(__file__).resolve().parents[1] / "app.py"
MODELS = ("tiny_se", "tiny_sk", "mobilenet_v3_small", "efficientnet_b0", "skresnet18", "legacy_seresnet18")
NUMBER = r"-?\d+\.\d+"


def start(page: str = "squeeze", **url: object) -> AppTest:
    """The app opened by that URL, with random weights and all closer looks open unless it says otherwise."""
    at = AppTest.from_file(str(APP), default_timeout=120)
    for key, value in ({"weights": "random", "lang": "en", "more": OPEN} | url).items():
        at.query_params[key] = str(value)
    if page != FIRST:
        at.switch_page(f"pages/{SECTIONS[page]}/{page}.py")
    well(at.run())
    return well(at.run())  # the URL follows the widgets one rerun later


def go(at: AppTest, page: str) -> AppTest:
    at.switch_page(f"pages/{SECTIONS[page]}/{page}.py").run()
    return well(at)


def well(at: AppTest) -> AppTest:
    assert not at.exception, at.exception
    assert [box.value for box in at.error] == []
    return at


def words(at: AppTest) -> list[str]:
    """All running text of the main part."""
    return [element.value for kind in (at.main.markdown, at.main.caption, at.main.info) for element in kind]


def badges(at: AppTest, colour: str) -> list[str]:
    return [text for text in words(at) if text.startswith(f":{colour}-badge[")]


def formula(at: AppTest, start_: str) -> str:
    """The one formula that begins like this."""
    (found,) = [e.value for e in at.latex if e.value.strip("$\n ").startswith(start_)]
    return found.strip("$\n ")


def last_number(text: str) -> float:
    return float(re.findall(NUMBER, text)[-1])


def printed(value: float, digits: int = 4) -> Any:
    """Equal to what was printed with so many digits; the model's own tolerance is 1e-5."""
    return pytest.approx(value, abs=0.5 * 10**-digits + 1e-5 * max(1.0, abs(value)))


def board(at: AppTest, key: str) -> dict[str, Any]:
    """The data of one board as its script reads it: packed numbers unpacked, in its order, and the page's pin."""
    parts = {e.proto.id: json.loads(e.proto.json) for e in at.get("bidi_component") if e.proto.json}
    (found,) = [data for name, data in parts.items() if name.endswith(f"-board-{key}")]
    (pin,) = [data["pin"] for name, data in parts.items() if name.endswith("-frame")]
    for line in found.get("rows", [found]):
        for name, packed in line["values"].items():
            ((kind, text),) = packed.items()
            values = np.frombuffer(base64.b64decode(text), dtype=f"<{kind}")
            values = values / 65535 if kind == "u2" else values
            line["values"][name] = values[line["order"]] if "order" in line else values
    return {**found, "pinned": pin["channel"], "pinned_block": pin["block"]}


def array(value: Any) -> np.ndarray:
    """A plotly array, typed or not."""
    if not isinstance(value, dict):
        return np.asarray(value)
    flat = np.frombuffer(base64.b64decode(value["bdata"]), dtype="<" + value["dtype"])
    return flat.reshape([int(n) for n in value["shape"].split(",")]) if "shape" in value else flat


def chart(at: AppTest, key: str) -> list[dict[str, Any]]:
    """The traces of one plot."""
    (found,) = [e for e in at.get("plotly_chart") if e.proto.id.endswith(f"-chart-{key}")]
    return json.loads(found.proto.spec)["data"]


def url(at: AppTest) -> dict[str, str]:
    """What the browser is told to show as the address."""
    (found,) = [e for e in at.get("bidi_component") if e.proto.id.endswith("-frame")]
    return dict(parse_qsl(json.loads(found.proto.json)["query"]))


@contextmanager
def emptied(*caches: Any) -> Iterator[Engine]:
    """These and what is computed, drawn and uploaded are of no other test, and none is left behind; the engine."""
    made = (state.engine, state.drawings, state.uploads, *caches)
    for each in made:
        each.clear()
    yield state.engine()
    for each in made:
        each.clear()


@pytest.fixture
def fresh() -> Iterator[None]:
    """No model, drawing or upload of another test, and none left behind."""
    with emptied():
        yield


@pytest.fixture
def engine(fresh: None) -> Engine:
    """The one engine of this process, as the pages use it: new, so that nothing was computed for another test."""
    return state.engine()


# --- they open ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", i18n.LANGUAGES)
@pytest.mark.parametrize("model", MODELS)
def test_every_page_opens(model: str, lang: str) -> None:
    at = start(model=model, lang=lang)
    for page in WALK:
        go(at, page)
        assert [h.value for h in at.title] == [i18n.text(f"walk.{page}.title", lang)]
        assert len(badges(at, "green")) == 1, "the truth badge"
        assert any(i18n.text("model.untrained", lang) in text for text in badges(at, "red"))
        assert not any("nan" in e.value for e in at.latex)
        assert all(e.proto.alt for e in at.get("plotly_chart"))
    assert url(at)["model"] == model and url(at)["lang"] == lang


@pytest.mark.parametrize("model", ["mobilenet_v3_small", "skresnet18"])
def test_every_block_opens(model: str) -> None:
    at = start(model=model)
    for name in truth.names(model):
        for page in WALK:
            at.pills(key="block").set_value(name)
            go(at, page)
            assert url(at)["block"] == name
            assert len(badges(at, "green")) == 1


@pytest.mark.parametrize("photo", [sample.key for sample in samples.SAMPLES])
def test_every_photo_opens(photo: str) -> None:
    at = start(photo=photo, block="layer2.0.se", channel=3)
    z = truth.z(truth.block("tiny_se", photo, "layer2.0.se"))
    assert last_number(formula(at, "z_{3}=")) == printed(float(z[3]))


def test_first_picture_needs_no_click() -> None:
    at = AppTest.from_file(str(APP), default_timeout=120).run()
    well(at)
    assert [h.value for h in at.title] == [i18n.text("walk.block.title", i18n.DEFAULT)]
    assert [e for e in at.get("bidi_component") if e.proto.component_name.endswith("stage")]
    assert not at.get("plotly_chart"), "no picture waits for a megabyte of plotly"
    assert url(at)["model"] == catalogue.DEFAULT and url(at)["photo"] == samples.SAMPLES[0].key


# --- what they say is what the model says ---------------------------------------------------------------------------

CASES = [
    ("tiny_se", "layer3.1.se", 17), ("tiny_sk", "layer2.1.conv2", 40), ("mobilenet_v3_small", "features.4.block.2", 50),
    ("efficientnet_b0", "features.3.0.block.2", 9), ("skresnet18", "layer3.0.conv1", 33),
    ("legacy_seresnet18", "layer2.1.se_module", 100),
]  # fmt: skip


@pytest.mark.parametrize(("model", "block", "c"), CASES, ids=[case[0] for case in CASES])
def test_squeeze_says_what_the_model_says(model: str, block: str, c: int) -> None:
    at = start(model=model, block=block, channel=c, sort="z")
    seen = truth.block(model, "chelsea", block)
    z, gate = truth.z(seen), seen.gate.numpy()
    text = formula(at, rf"z_{{{c}}}=")
    assert last_number(text) == printed(float(z[c]))
    assert seen.u is not None
    fused = seen.u.sum(0).numpy()
    total, height, width = re.search(rf"frac{{({NUMBER})}}{{(\d+)\\cdot(\d+)}}", text).groups()  # type: ignore[union-attr]
    assert (int(height), int(width)) == fused.shape[1:]
    assert float(total) == printed(float(fused[c].sum(dtype=np.float64)))

    data = board(at, "atlas")
    order = np.argsort(-z, kind="stable")
    assert data["order"] == order.tolist() and data["pinned"] == c
    np.testing.assert_allclose(data["values"]["z"], z[order], rtol=1e-4, atol=1e-6)
    for m, row in enumerate(gate):
        np.testing.assert_allclose(data["values"][f"a{m}" if len(gate) > 1 else "s"], row[order], rtol=1e-4, atol=1e-6)

    bars = chart(at, "squeeze-z")
    heights = np.sort(np.concatenate([array(t["y"]) for t in bars if t["type"] == "bar" and len(array(t["y"])) > 1]))
    assert set(np.round(heights, 5)) <= set(np.round(z, 5)) and len(heights) >= len(z) - 1
    maps = [array(t["z"]) for t in chart(at, "squeeze-channel") if t["type"] == "heatmap"]
    np.testing.assert_allclose(maps[0], fused[c], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("model", "block", "c"), CASES, ids=[case[0] for case in CASES])
def test_excitation_says_what_the_model_says(model: str, block: str, c: int) -> None:
    at = start("excitation", model=model, block=block, channel=c)
    seen = truth.block(model, "chelsea", block)
    logit, gate = truth.logit(seen), seen.gate.numpy()
    letters = [rf"g_{{{m},{c}}}" for m in range(len(gate))] if len(gate) > 1 else [rf"g_{{{c}}}"]
    assert last_number(formula(at, f"{letters[0]}=")) == printed(float(logit[0, c]))
    if len(gate) > 1:
        for m in range(len(gate)):
            at.segmented_control(key="branch").set_value(m)
            at.run()
            assert last_number(formula(at, rf"a_{{{m},{c}}}=")) == printed(float(gate[m, c]))
            assert last_number(formula(at, f"{letters[m]}=")) == printed(float(logit[m, c]))
        return
    own = "h_sigmoid" if catalogue.spec(model).gate_fn == "h_sigmoid" else "sigmoid"
    opening = {"sigmoid": rf"\sigma({letters[0]})=", "h_sigmoid": rf"\frac{{\mathrm{{ReLU6}}({letters[0]}+3)"}
    opening[own] = rf"s_{{{c}}}={opening[own]}"  # the other function's value is not the gate
    x = logit[0].astype(np.float64)
    both = {"sigmoid": 1 / (1 + np.exp(-x)), "h_sigmoid": np.clip(x + 3, 0, 6) / 6}
    for choice, name in (("own", own), ("sigmoid", "sigmoid"), ("h_sigmoid", "h_sigmoid")):
        at.segmented_control(key="gatefn").set_value(choice)
        well(at.run())
        assert last_number(formula(at, opening[name])) == printed(float(both[name][c]))
        if choice == "own":
            assert last_number(formula(at, opening[name])) == printed(float(gate[0, c]))
        gap, channel, zero, one, mean = counted(at)
        apart = np.abs(both["sigmoid"] - both["h_sigmoid"])
        assert float(gap) == printed(float(apart.max())) and int(channel) == apart.argmax()
        assert zero == " · ".join(str(int((values == 0).sum())) for values in both.values())
        assert one == " · ".join(str(int((values == 1).sum())) for values in both.values())
        assert float(mean) == printed(float(both[name].mean()))


def counted(at: AppTest) -> tuple[str, ...]:
    """What the page says of both gate functions: their gap and its channel, exact 0s, exact 1s, and the mean gate."""
    blanks = {name: f"<{name}>" for name in ("gap", "at", "zero", "one", "mean")}
    said = re.escape(i18n.text("walk.excitation.counts", "en", **blanks) + " ")
    pattern = re.sub(r"<(\w+)>", r"(?P<\1>.+?)", said)
    (found,) = (match for text in words(at) if (match := re.match(pattern, text)))
    return tuple(found[name] for name in blanks)


LOOKS = {  # of each page of the walk, the one main figure and the closer looks that it offers
    "squeeze": ("squeeze-channel", ["maps", "adaptive", "input", "code"]),
    "excitation": ("excitation-network", ["votes", "gatefn", "softmax", "fcconv", "code"]),
    "rescale": ("rescale-channel", ["sheets", "carpet", "position", "code"]),
}


@pytest.mark.parametrize("page", LOOKS)
def test_as_first_shown_a_page_holds_its_main_figure_alone(page: str) -> None:
    at = start(page, block="layer3.1.se", channel=17, more="")
    main, looks = LOOKS[page]
    (closer,) = [pills for pills in at.main.pills if pills.key == "-".join(("more", *looks))]
    assert closer.value == [] and closer.options == [i18n.text(f"more.{look}", "en") for look in looks]
    assert [e.proto.id.partition("-chart-")[2] for e in at.get("plotly_chart")] == [main]
    assert parts(at) == [0, 1, 1] and not at.main.segmented_control, "the figure, and the board of the header"
    for look in looks:
        (closer,) = [pills for pills in at.main.pills if pills.key == closer.key]
        well(closer.set_value([look]).run())
        assert url(at)["more"] == look and parts(at) > [0, 1, 1], look


def parts(at: AppTest) -> list[int]:
    """How many headings of a part, figures and boards the page has."""
    boards = [e for e in at.get("bidi_component") if "-board-" in e.proto.id]
    return [len(at.main.header), len(at.get("plotly_chart")), len(boards)]


def test_one_layer_has_its_gate_function_as_the_main_figure(fresh: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """ECA has no hidden units: there is no network to draw, and no votes to count."""
    row = catalogue.spec("seresnet50")
    monkeypatch.setitem(catalogue._BY_KEY, row.key, replace(row, arch="ecaresnet26t"))
    at = start("excitation", model=row.key, more="")
    assert [e.proto.id.partition("-chart-")[2] for e in at.get("plotly_chart")] == ["excitation-gates"]
    assert i18n.text("walk.excitation.idea.one", "en", kind="eca") in words(at)
    assert at.segmented_control(key="gatefn").value == "own"
    (closer,) = [pills for pills in at.main.pills if pills.key.startswith("more-")]
    assert closer.options == [i18n.text(f"more.{look}", "en") for look in ("softmax", "code")]


@pytest.mark.parametrize(("model", "block", "c"), CASES, ids=[case[0] for case in CASES])
def test_rescale_says_what_the_model_says(model: str, block: str, c: int) -> None:
    at = start("rescale", model=model, block=block, channel=c, carpet="index")
    trace = truth.trace(model, "chelsea", block)
    seen = trace.block(block)
    out = seen.out.numpy()[c]
    text = formula(at, rf"\tilde x_{{{c}}}(")
    i, j = (int(n) for n in re.match(r"\\tilde x_{\d+}\((\d+),(\d+)\)", text).groups())  # type: ignore[union-attr]
    assert last_number(text) == printed(float(out[i, j]))
    assert seen.u is not None
    fused = seen.u.sum(0).numpy()[c]
    assert abs(fused[i, j]) == np.abs(fused).max()
    for m, gate in enumerate(seen.gate.numpy()):
        assert rf"{gate[c]:.4f}\cdot({seen.u[m, c, i, j]:.4f})" in text

    carpet = board(at, "carpet")
    assert len(carpet["rows"]) == len(trace.blocks)
    assert carpet["blocks"] == [b.name for b in trace.blocks] and carpet["pinned_block"] == block
    for row, each in zip(carpet["rows"], trace.blocks, strict=True):
        (values,) = row["values"].values()
        np.testing.assert_allclose(values, each.gate[-1].numpy(), rtol=1e-4, atol=1e-6)


def test_scores_are_the_models() -> None:
    at = start("excitation", model="mobilenet_v3_small", photo="coffee")
    block = truth.names("mobilenet_v3_small")[0]
    logits = truth.trace("mobilenet_v3_small", "coffee", block).logits.double()
    shown = [score["share"] for score in board(at, "header")["scores"]]
    np.testing.assert_allclose(shown, torch.softmax(logits, 0).topk(TOP).values, rtol=1e-4)


def test_another_input_size_is_another_forward(engine: Engine) -> None:
    base = catalogue.spec("tiny_se").size
    at = start(block="layer3.1.se", channel=5, input=base * 2)
    seen, other = (truth.block("tiny_se", "chelsea", "layer3.1.se", size) for size in (base, base * 2))
    assert seen.u is not None and other.u is not None
    (_, h0, w0), (_, h, w) = seen.u[0].shape, other.u[0].shape
    said = i18n.text(
        "walk.squeeze.other", "en", size=base * 2, h=h, w=w, c=5, z=f"{truth.z(other)[5]:.4f}", base=base, h0=h0, w0=w0,
        n=256, z0=f"{truth.z(seen)[5]:.4f}",
    )  # fmt: skip
    assert (h, w) == (2 * h0, 2 * w0) and said in words(at)
    before = engine.forwards
    at.segmented_control(key="input").set_value(base)
    well(at.run())
    assert engine.forwards == before, "the model's own size was seen already"


# --- untrained is never shown as knowledge --------------------------------------------------------------------------


def untrained(at: AppTest) -> list[bool]:
    """Whether the sidebar and the page say so."""
    label = i18n.text("model.untrained", "en")
    return [any(label in e.value for e in part.markdown) for part in (at.sidebar, at.main)]


def test_untrained_is_said_and_only_then(fresh: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(weight_files, "SHIPPED", tmp_path / "nothing")
    monkeypatch.setenv(weight_files.LOCAL, str(tmp_path))
    assert untrained(start(model="tiny_se", weights="pretrained")) == [True, True]
    for each in (state.engine, state.drawings):
        each.clear()
    about: dict[str, Any] = {"classes": ["n01443537", "n02123045", "n07920052"], "top1": {"64": 40.0}}
    about |= {"recipe": asdict(Recipe()), "train_pictures": 6, "val_pictures": 4, "train_seconds": 12}
    meta = {"format": weight_files.FORMAT, "device": "cpu"} | {key: json.dumps(value) for key, value in about.items()}
    save_file(TinyNet("se", 3).state_dict(), tmp_path / "tiny_se.safetensors", meta)
    at = start(model="tiny_se", weights="pretrained")
    for page in WALK:
        assert untrained(go(at, page)) == [False, False]
    at.segmented_control(key="weights").set_value("random")
    assert untrained(at.run()) == [True, True]


def test_weights_that_cannot_be_had_leave_the_last_model(
    fresh: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.delenv(weight_files.LOCAL, raising=False)
    at = start("rescale", model="tiny_se", block="layer2.1.se", channel=9)
    before = formula(at, r"\tilde x_{9}(")
    at.segmented_control(key="weights").set_value("pretrained")
    at.selectbox(key="model").set_value("legacy_seresnet18").run()
    assert not at.exception
    assert [box.value for box in at.error] == [i18n.text("error.weights", "en")]
    assert formula(at, r"\tilde x_{9}(") == before, "what was on screen stays"
    (button,) = [b for b in at.sidebar.button if b.label == i18n.text("weights.use_random", "en")]
    button.click().run()
    well(at)
    assert untrained(at) == [True, True] and url(at)["model"] == "legacy_seresnet18"


def test_one_session_that_failed_to_fetch_spares_the_others_and_can_try_again(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.delenv(weight_files.LOCAL, raising=False)
    asked = []
    fetch = load.fetch
    monkeypatch.setattr(load, "fetch", lambda key, progress=None: (asked.append(key), fetch(key, progress))[1])
    told = i18n.text("error.weights", "en")
    for _ in range(3):
        at = start("rescale", model="tiny_se").selectbox(key="model").set_value("legacy_seresnet18").run()
        at = at.segmented_control(key="weights").set_value("pretrained").run()
        assert [box.value for box in at.error] == [told]
    assert asked == ["legacy_seresnet18"]
    (button,) = [b for b in at.sidebar.button if b.label == i18n.text("model.retry", "en")]
    at = button.click().run()
    assert [box.value for box in at.error] == [told] and asked == ["legacy_seresnet18"] * 2


@pytest.mark.parametrize("lang", i18n.LANGUAGES)
def test_a_network_that_does_not_fit_is_one_sentence_and_the_one_on_screen_stays(
    lang: str, fresh: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SENET_VIZ_MODELS_MIB", "200")
    state.engine.clear()
    at = start("rescale", model="tiny_se", lang=lang)
    before = formula(at, r"\tilde x_{")
    at = at.selectbox(key="model").set_value("legacy_senet154").run()
    assert not at.exception
    details = {"model": catalogue.spec("legacy_senet154").title, "mib": "440", "limit": "200"}
    assert [box.value for box in at.error] == [i18n.text("error.model_too_large", lang, **details)]
    assert formula(at, r"\tilde x_{") == before
    offered = {i18n.text(key, lang) for key in ("model.retry", "weights.use_random")}
    assert not [b for b in at.sidebar.button if b.label in offered], "nothing that one could do would help"


def test_a_network_for_which_there_is_no_room_now_can_be_asked_for_again(
    fresh: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SENET_VIZ_MODELS_MIB", "6")
    state.engine.clear()
    at = start("rescale", model="tiny_se")
    with state.engine().using("tiny_se", weights="random"):  # type: ignore[attr-defined]  # it is the local one
        at = at.selectbox(key="model").set_value("tiny_sk").run()
        assert [box.value for box in at.error] == [i18n.text("error.busy", "en")] and not at.exception
    (button,) = [b for b in at.sidebar.button if b.label == i18n.text("model.retry", "en")]
    assert well(button.click().run()) and url(at)["model"] == "tiny_sk"


# --- what needs no forward runs none --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("page", "key", "value"),
    [
        ("squeeze", "sort", "z"), ("squeeze", "sort", "gate"), ("squeeze", "scope", "channel"),
        ("squeeze", "pool", "max"),
        ("excitation", "gatefn", "h_sigmoid"), ("excitation", "gatefn", "sigmoid"),
        ("rescale", "order", "z"), ("rescale", "carpet", "index"),
        *((page, "lang", "zh") for page in WALK),
    ],
)  # fmt: skip
def test_a_choice_runs_no_forward(engine: Engine, page: str, key: str, value: str) -> None:
    at = start(page, model="tiny_se_h", block="layer3.1.se", channel=7)
    before = engine.forwards
    at.segmented_control(key=key).set_value(value)
    well(at.run())
    assert at.segmented_control(key=key).value == value
    assert engine.forwards == before


def test_a_channel_runs_no_forward_and_stays_pinned(engine: Engine) -> None:
    at = start(model="tiny_se_h", block="layer3.1.se", channel=7)
    before = engine.forwards
    for page in WALK[1:]:
        go(at, page)
        assert at.number_input(key="channel").value in (7, 21, 22)
        at.number_input(key="channel").set_value({"squeeze": 21, "excitation": 22, "rescale": 7}[page])
        well(at.run())
    assert at.number_input(key="channel").value == 7
    go(at, "block")
    assert not at.number_input and url(at)["channel"] == "7", "the stage has its own"
    go(at, "squeeze")
    assert board(at, "atlas")["pinned"] == 7 and url(at)["channel"] == "7"
    assert engine.forwards == before


def test_a_page_runs_no_forward(engine: Engine) -> None:
    at = start(model="tiny_sk", block="layer3.2.conv2")
    before = engine.forwards
    for page in WALK * 2:
        go(at, page)
    assert engine.forwards == before


def test_a_block_runs_one_forward_at_most(engine: Engine) -> None:
    at = start("excitation", model="tiny_se_h", block="layer3.1.se")
    for name in truth.names("tiny_se_h")[:3]:
        before = engine.forwards
        at.pills(key="block").set_value(name)
        well(at.run())
        assert engine.forwards <= before + 1
    before = engine.forwards
    at.pills(key="block").set_value("layer3.1.se")
    well(at.run())
    assert engine.forwards == before, "the block was on screen before"


def test_a_second_visitor_runs_no_forward(engine: Engine) -> None:
    start("rescale", model="tiny_se_h")
    before = engine.forwards
    start("rescale", model="tiny_se_h")
    assert engine.forwards == before


# --- nothing is lost ------------------------------------------------------------------------------------------------


def test_language_changes_nothing_else() -> None:
    at = start(
        "squeeze", model="tiny_sk", block="layer3.0.conv2", channel=12, photo="rocket", sort="gate", scope="channel"
    )
    before = url(at)
    at.segmented_control(key="lang").set_value("zh")
    well(at.run())
    assert [h.value for h in at.title] == [i18n.text("walk.squeeze.title", "zh")]
    assert url(at) == before | {"lang": "zh"}


def test_a_page_forgets_nothing() -> None:
    at = start(
        "squeeze", model="tiny_se", block="layer3.0.se", channel=12, photo="rocket", sort="gate", scope="channel"
    )
    before = url(at)
    for page in ("excitation", "rescale", "squeeze"):
        go(at, page)
    assert before.items() <= url(at).items()


def test_a_url_restores_all_of_it() -> None:
    wanted = {
        "model": "tiny_se_h", "block": "layer3.0.se", "channel": "12", "photo": "rocket", "sort": "gate", "lang": "zh",
        "weights": "random", "scope": "channel", "pool": "max", "input": "120",
    }  # fmt: skip
    at = start("squeeze", **wanted)
    assert wanted.items() <= url(at).items()
    again = start("squeeze", **url(at))
    assert url(again) == url(at)
    assert [e.value for e in again.latex] == [e.value for e in at.latex]


def test_a_channel_is_clamped_to_the_block() -> None:
    at = start(model="tiny_se", block="layer4.1.se", channel=500)
    at.selectbox(key="model").set_value("mobilenet_v3_small")
    well(at.run())
    shown = board(at, "atlas")
    assert shown["pinned"] == len(shown["order"]) - 1 == at.number_input(key="channel").value


# --- uploads --------------------------------------------------------------------------------------------------------

BAD = {
    "empty": b"",
    "not_a_picture": b"senet-viz, a text and no picture" * 9,
    "truncated": pictures.truncated("PNG"),
    "too_many_pixels": pictures.png_bomb(6000),
    "too_small": pictures.encode(pictures.quadrants(1, 1), "PNG"),
    "too_thin": pictures.encode(pictures.quadrants(20_000, 1), "PNG"),
    "format": b"%PDF-1.7" + bytes(99),
    "drawing": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "costly": pictures.many_scans(bounds.SCANS + 1),
}
DETAILS = {"limit": 24, "format": "PDF"}  # that their sentences name


def upload(at: AppTest, name: str, data: bytes) -> AppTest:
    at.file_uploader(key="_file").set_value((name, data, "image/png"))
    at.run()
    assert not at.exception
    return at


def test_a_good_upload_becomes_the_photo() -> None:
    at = start("rescale", block="layer3.1.se", channel=30)
    upload(at, "mine.png", pictures.encode(pictures.quadrants(), "PNG"))
    well(at)
    picture = preprocess.preprocess(pictures.quadrants(), catalogue.spec("tiny_se"))
    seen = hooks.run(truth.model("tiny_se"), picture.x, keep_u=("layer3.1.se",)).block("layer3.1.se")
    text = formula(at, r"\tilde x_{30}(")
    i, j = (int(n) for n in re.match(r"\\tilde x_{\d+}\((\d+),(\d+)\)", text).groups())  # type: ignore[union-attr]
    assert last_number(text) == printed(float(seen.out[30, i, j]))
    assert "photo" not in url(at), "an upload's pixels are not in the URL"
    at.pills(key="photo").set_value("coffee")
    well(at.run())
    assert url(at)["photo"] == "coffee"


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")  # the app's own filter, which pytest resets
@pytest.mark.parametrize("lang", i18n.LANGUAGES)
def test_a_bad_upload_says_why_and_changes_nothing(lang: str) -> None:
    at = start("rescale", lang=lang, block="layer3.1.se", channel=30, photo="coffee")
    before, at_url = [e.value for e in at.latex], url(at)
    for reason, data in (BAD | {"too_large": bytes(reading.MAX_BYTES + 1)}).items():
        upload(at, f"{reason}.png", data)
        said = [box.value for box in at.error]
        assert len(said) == 1, reason
        assert said == [i18n.text(f"error.image.{reason}", lang, **DETAILS)], reason
        assert [e.value for e in at.latex] == before and url(at) == at_url, reason
    at.file_uploader(key="_file").clear().run()
    well(at)


def test_a_bad_upload_after_a_good_one_keeps_the_good_one() -> None:
    at = upload(start("squeeze"), "mine.png", pictures.encode(pictures.quadrants(), "PNG"))
    before = [e.value for e in at.latex]
    upload(at, "bad.png", BAD["truncated"])
    assert len(at.error) == 1 and [e.value for e in at.latex] == before


def test_a_heic_becomes_the_photo() -> None:
    data = pictures.oriented(6, "HEIF", quality=98)
    at = well(upload(start("squeeze"), "IMG_0001.HEIC", data))
    assert at.pills(key="photo").options[-1] == i18n.text("photo.mine", "en", n=1)
    assert at.pills(key="photo").value.startswith("up-")


def test_own_photos_are_removed_one_by_one_and_keep_their_numbers() -> None:
    at = start("squeeze", photo="coffee")
    assert not any(button.key.startswith("remove-") for button in at.sidebar.button)
    for seed in (40, 50, 60):
        upload(at, f"{seed}.png", pictures.encode(pictures.quadrants(seed, 40), "PNG"))
    names = [i18n.text("photo.mine", "en", n=n) for n in (1, 2, 3)]
    assert at.pills(key="photo").options[-3:] == names
    pill = at.pills(key="photo").value
    well(at.button(key="remove-2").click().run())
    assert at.pills(key="photo").options[-2:] == [names[0], names[2]] and at.pills(key="photo").value == pill
    well(at.button(key="remove-3").click().run())
    assert at.pills(key="photo").options[-1] == names[0] and at.pills(key="photo").value == samples.SAMPLES[0].key
    assert not at.warning, "it was removed on purpose"
    assert [button.key for button in at.sidebar.button if button.key.startswith("remove-")] == ["remove-1"]


def test_another_file_takes_the_old_error_away() -> None:
    at = upload(start("squeeze"), "drawing.svg", BAD["drawing"])
    assert [box.value for box in at.error] == [i18n.text("error.image.drawing", "en")]
    upload(at, "nothing.png", b"")
    assert [box.value for box in at.error] == [i18n.text("error.image.empty", "en")]
    well(upload(at, "good.png", pictures.encode(pictures.quadrants(), "PNG")))
    assert not at.error


@pytest.mark.parametrize(
    ("model", "weights", "share"),
    [("tiny_se", "pretrained", 0.9), ("tiny_sk", "pretrained", 0.9), ("legacy_seresnet50", "random", 0.5)],
)
def test_the_first_atlas_is_alive(model: str, weights: str, share: float) -> None:
    """Without a choice of anybody's, most maps hold colours from the outer half of their scale.

    Maps that are drawn as averages (SE-ResNet-50: 56x56 as 21x21) lose some of their peaks.
    """
    at = start(model=model, weights=weights)
    if weights == "random":
        assert url(at)["block"] == truth.names(model)[0], "gates that learnt nothing tell no block from another"
    data = board(at, "atlas")
    sheet = np.asarray(Image.open(io.BytesIO(base64.b64decode(data["src"].partition(",")[2]))).convert("RGB"))
    outer = np.concatenate([palette.lut("activation")[:64], palette.lut("activation")[-64:]])
    strong = np.isin(sheet.astype(int) @ (65536, 256, 1), outer.astype(int) @ (65536, 256, 1))
    step_x, step_y = data["cell_w"] + data["gap"], data["cell_h"] + data["gap"]
    count = len(data["order"])
    alive = 0
    for index in range(count):
        row, column = divmod(index, data["columns"])
        y, x = row * step_y, column * step_x
        alive += bool(strong[y : y + data["cell_h"], x : x + data["cell_w"]].any())
    assert alive >= share * count
    said = i18n.text("walk.squeeze.click", "en")
    assert said in [element.value for element in at.main.markdown], "what to do stands over the atlas"
