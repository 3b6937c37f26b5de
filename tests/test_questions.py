"""Questions that pages predict: what they call right is done again here by another way, past engine and scene."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from streamlit.testing.v1 import AppTest
from torch import nn

from senet_viz import i18n
from senet_viz.architecture import recorder
from senet_viz.experiments import attribution, gate_profile
from senet_viz.findings import gate_life
from senet_viz.lessons.question import Question
from senet_viz.models import catalogue, weight_files
from senet_viz.photos import preprocess, samples, scale
from senet_viz.service.questions import TraceQuestion
from senet_viz.tap import hooks, layouts
from senet_viz.types import BlockTrace, Edit, Trace
from senet_viz.ui import shown, state
from senet_viz.ui.scene import Scene, short
from senet_viz.ui.teaching import questions
from tests import networks, places, truth
from tests.test_pages import well

TINY = ("tiny_se", "tiny_se_h", "tiny_sk")
SCENES = [
    *((key, "pretrained", photo, at) for key in TINY for photo in ("chelsea", "rocket") for at in (1, 5, 9)),
    *((key, "pretrained", photo, 4) for key in TINY for photo in ("up-noise", "up-flat")),
    ("mobilenet_v3_small", "random", "coffee", 5),
    ("mobilenet_v3_small", "random", "up-noise", 1),
    ("legacy_seresnet18", "random", "chelsea", 5),  # its layers have biases
    ("efficientnet_b0", "random", "chelsea", 3),  # its hidden units are never cut off
]
WORDS = {"en": (2, 25), "zh": (2, 50)}  # of a text: sentences, and words or characters of each


@pytest.fixture(autouse=True)
def uploaded() -> None:
    """Two pictures of somebody's own: nothing but noise, and one colour."""
    noise = np.random.default_rng(0).integers(0, 256, (120, 160, 3), dtype=np.uint8)
    state.uploads().add("tests", "up-noise", Image.fromarray(noise))
    state.uploads().add("tests", "up-flat", Image.new("RGB", (90, 90), (120, 30, 200)))


def scene(key: str, weights: str, photo: str, at: int, lang: str = "en") -> Scene:
    """The scene of a network's block number ``at``, as a page would have it."""
    spec, image, names = catalogue.spec(key), shown.photo(photo), truth.names(key)
    picture, trained = preprocess.preprocess(image, spec), weight_files.trained(key, weights)
    return Scene(lang, False, spec, weights, "cpu", trained, photo, image, picture, names, names[at], 7)


class Own:
    """The same network of the test's own, run for itself."""

    def __init__(self, view: Scene, asked: Question) -> None:
        self.view, self.asked = view, asked
        self.module = truth.model(view.spec.key, view.weights)  # type: ignore[arg-type]
        self.name, self.c = view.name, view.channel

    @property
    def option(self) -> str:
        """What is called right."""
        return self.asked.options[self.asked.right]

    @property
    def number(self) -> float:
        """The last number of what is called right."""
        return numbers(self.option)[-1]

    def run(self, *edits: Edit) -> Trace:
        return hooks.run(self.module, self.view.picture.x, edits, keep_u=(self.name,))

    @cached_property
    def trace(self) -> Trace:
        return self.run()

    @cached_property
    def block(self) -> BlockTrace:
        return self.trace.block(self.name)

    @cached_property
    def gate(self) -> np.ndarray:
        found: np.ndarray = self.block.gate.double().numpy()
        return found

    @cached_property
    def u(self) -> np.ndarray:
        assert self.block.u is not None
        found: np.ndarray = self.block.u.double().numpy()
        return found

    @cached_property
    def logit(self) -> np.ndarray:
        return truth.logit(self.block)

    @property
    def place(self) -> nn.Module:
        return self.module.get_submodule(self.name)

    def at(self, factor: float) -> dict[str, np.ndarray]:
        """Every block's gates with the photo's middle enlarged."""
        x = scale.at_scale(self.view.image, self.view.spec, factor, "zoom").x
        return {block.name: block.gate.double().numpy() for block in hooks.run(self.module, x).blocks}

    def answered(self, *edits: Edit) -> None:
        """Whether what is called right is what the network answers with these edits."""
        was, now = (trace.logits.double().softmax(0) for trace in (self.trace, self.run(*edits)))
        first, move = int(was.argmax()), float(now[int(was.argmax())] - was.max())
        if int(now.argmax()) != first:
            assert self.option == self.view.t("ask.answer.other")
        else:
            kind = "same" if abs(move) < 0.01 else "surer" if move > 0 else "less"
            assert self.option.endswith(self.view.t(f"ask.answer.{kind}", a="").removeprefix("still "))


def numbers(text: str) -> list[float]:
    """The numbers in a text, with a true minus sign or none."""
    found = re.findall(r"\u2212?\d+(?:,\d{3})*(?:\.\d+)?", text)
    return [float(each.replace("\u2212", "-").replace(",", "")) for each in found]


# --- what is right, found another way ---------------------------------------------------------------------------------


def avg_or_max(own: Own) -> None:
    total = own.u.sum(axis=0)[own.c]
    assert own.number == pytest.approx(total.sum() / total.size, rel=6e-3) and own.option.startswith("its mean")


def pool_size(own: Own) -> None:
    x = preprocess.preprocess(own.view.image, own.view.spec, 2 * own.view.picture.x.shape[-1]).x
    twice = hooks.run(own.module, x, keep_u=(own.name,)).block(own.name)
    assert twice.u is not None and twice.u[0, 0].numel() > 3 * own.u[0, 0].size
    assert len(truth.z(twice)) == own.number


def ratio_or_width(own: Own) -> None:
    said = re.search(r"Block (\S+) has C = (\d+) channels and the reduction ratio r = (\d+)", own.asked.text)
    assert said
    name = next(each for each in own.view.blocks if short(each) == said[1])
    weight = layouts.place(own.module, name).w1.weight  # type: ignore[union-attr]
    assert weight.shape[:2] == (own.number, int(said[2])) and own.number * int(said[3]) == int(said[2])


def dead_units(own: Own) -> None:
    assert own.block.pre is not None
    assert int((own.block.pre <= 0).sum()) == own.number


def all_dead(own: Own) -> None:
    gate = own.run(Edit(own.name, "dead")).block(own.name).gate[-1]
    ends = numbers(own.option)
    assert gate.min() == pytest.approx(ends[0], abs=5e-3) and gate.max() == pytest.approx(ends[-1], abs=5e-3)


def fc_or_conv(own: Own) -> None:
    layer = layouts.place(own.module, own.name).w1
    assert layer is not None and own.block.z is not None and own.option == "nothing"
    z = own.block.z
    w, b = layer.weight.detach().flatten(1), layer.bias if layer.bias is None else layer.bias.detach()  # type: ignore[union-attr, operator]
    as_conv = F.conv2d(z[None, :, None, None], w[:, :, None, None], b).flatten()  # type: ignore[arg-type]
    assert torch.allclose(F.linear(z, w, b), as_conv, rtol=0, atol=1e-5)  # type: ignore[arg-type]


def sum_to_one(own: Own) -> None:
    assert own.number == pytest.approx(own.gate.sum(), abs=0.06) and abs(own.number - 1) > 0.1


def gates_half(own: Own) -> None:
    assert own.number == sum(0.45 <= each <= 0.55 for each in own.block.gate[0].tolist())


def exact_ends(own: Own) -> None:
    far = (np.abs(own.logit) >= 3) if own.view.spec.gate_fn == "h_sigmoid" else np.zeros(1)
    assert own.number == far.sum()


def brighter_map_larger_gate(own: Own) -> None:
    channels = [int(numbers(option)[0]) for option in own.asked.options]
    assert max(channels, key=lambda c: own.gate[0, c]) == channels[own.asked.right]
    z = [truth.z(own.block)[c] for c in channels]
    assert [numbers(option)[1] for option in own.asked.options] == pytest.approx(z, rel=6e-3)


def relu_order(own: Own) -> None:
    assert own.number == (own.logit < 0).sum()
    assert own.run(Edit(own.name, "late_relu")).block(own.name).gate.min() >= 0.5


def times_gate(own: Own) -> None:
    where = np.abs(own.u.sum(axis=0)[own.c]).argmax()
    assert own.number == pytest.approx(float(own.block.out[own.c].flatten()[where]), rel=6e-3)


def drop_the_branch(own: Own) -> None:
    own.answered(Edit(own.name, "ones" if len(own.gate) == 1 else "equal"))


def drop_every_branch(own: Own) -> None:
    own.answered(*(Edit(name, "ones") for name in own.view.blocks))


def close_one(own: Own) -> None:
    own.answered(Edit(own.name, "scale", (own.c,), 0.0))


def swap_branches(own: Own) -> None:
    own.answered(*(Edit(name, "swap") for name in own.view.blocks))


def another_photo(own: Own) -> None:
    title = own.asked.text.split("“")[1].split("”")[0]
    key = next(each.key for each in samples.SAMPLES if i18n.text(f"sample.{each.key}", "en") == title)
    assert key != own.view.photo
    there = hooks.run(own.module, preprocess.preprocess(samples.sample(key), own.view.spec).x).block(own.name)
    pairs = zip(own.block.gate[-1].tolist(), there.gate[-1].tolist(), strict=True)
    share = sum(f"{a:.3f}" == f"{b:.3f}" for a, b in pairs) / own.block.channels
    assert own.option == ("fewer than one in ten" if share < 0.1 else "about half")
    assert share < 0.1 or 0.4 <= share <= 0.6


def muted_most(own: Own) -> None:
    channels, goal = [int(numbers(option)[0]) for option in own.asked.options], int(own.trace.logits.argmax())
    after = [float(own.run(Edit(own.name, "mute", (c,))).logits[goal]) for c in channels]
    changes = np.abs(np.array(after) - float(own.trace.logits[goal]))
    assert changes.argmax() == own.asked.right and np.sort(changes)[-2] < 0.9 * changes.max()


def without_gates(own: Own) -> None:
    spec = catalogue.spec("tiny_plain")
    logits = truth.model("tiny_plain", "pretrained")(preprocess.preprocess(own.view.image, spec).x)[0]
    assert own.option.rstrip("…") in own.view.seen.classes[int(logits.argmax())]


def softmax_axis(own: Own) -> None:
    assert np.allclose(own.gate.sum(axis=0), 1, atol=1e-5) and abs(own.gate.sum(axis=1) - 1).min() > 0.5
    assert own.option == f"the {len(own.gate)} shares of one channel"


def five_by_five(own: Own) -> None:
    branches = own.place.branches  # type: ignore[union-attr]
    convolution = next(part for part in list(branches)[-1].modules() if isinstance(part, nn.Conv2d))  # type: ignore[arg-type]
    assert own.number == convolution.weight[0, 0].numel() == 9


def where_is_b(own: Own) -> None:
    hidden = own.block.hidden
    assert hidden is not None
    first, last = map(int, numbers(own.option))
    rows = own.place.fc2.weight.detach().flatten(1)[first : last + 1]  # type: ignore[union-attr, operator]
    assert np.allclose((rows @ hidden).numpy(), own.logit[1], atol=1e-5)


def kernel_with_scale(own: Own) -> None:
    leans = [np.mean(gate[-1] - gate[0]) for gate in (own.at(1.0)[own.name], own.at(2.0)[own.name])]
    move = leans[1] - leans[0]
    kind = "they stay as they are" if abs(move) < 0.0045 else "towards 5×5" if move > 0 else "towards 3×3"
    assert own.option == kind


def same_block(own: Own) -> None:
    net, like = (recorder.unit(name).facts for name in ("mobilenet_v3_large", "se_resnet50"))
    facts = {own.view.t(f"ask.same_block.{name}"): name for name in questions.networks.TOLD}
    same = [getattr(net, facts[option]) == getattr(like, facts[option]) for option in own.asked.options]
    assert [i for i, each in enumerate(same) if each] == [own.asked.right]


def _gate_parameters(net: nn.Module) -> dict[str, int]:
    found: dict[str, int] = {}
    for ref in layouts.find(net):
        stage = ref.name.partition(".")[0].removeprefix("layer")
        found[stage] = found.get(stage, 0) + sum(p.numel() for p in net.get_submodule(ref.name).parameters())
    return found


def costs_where(own: Own) -> None:
    counted = _gate_parameters(networks.network("inserted/se_resnet50"))
    assert numbers(own.option)[0] == int(max(counted, key=counted.__getitem__))


def costs_share(own: Own) -> None:
    net = networks.network("inserted/se_resnet50")
    gates = sum(_gate_parameters(net).values())
    assert own.number == pytest.approx(100 * gates / (sum(p.numel() for p in net.parameters()) - gates), rel=0.05)


def open_or_matters(own: Own) -> None:
    goal = int(own.trace.logits.argmax())
    found = attribution.run("gradient_x_gate", own.module, own.view.picture.x, goal, own.name)
    n = int(numbers(own.asked.text)[0])
    largest, matter = (set(np.argsort(-each)[:n].tolist()) for each in (own.gate[0], np.abs(found.values[0])))
    assert len(largest & matter) == own.number


def where_gradcam(own: Own) -> None:
    goal = int(own.trace.logits.argmax())
    heat = attribution.run("grad_cam", own.module, own.view.picture.x, goal).values.clip(0)
    h, w = heat.shape
    quarters = heat.reshape(2, h // 2, 2, w // 2).sum(axis=(1, 3)).flatten()
    assert quarters.argmax() == own.asked.right and np.sort(quarters)[-2] < 0.9 * quarters.max()


def scale_moves(own: Own) -> None:
    small, large = own.at(0.5), own.at(2.0)
    moves = {short(name): np.abs(large[name][-1] - small[name][-1]).mean() for name in small}
    assert max(own.asked.options, key=lambda option: moves[option.removeprefix("block ")]) == own.option


def gate_with_scale(own: Own) -> None:
    before, after = (own.at(factor)[own.name][-1, own.c] for factor in (1.0, 2.0))
    move = after - before
    kind = "it stays within 0.01" if abs(move) < 0.01 else f"it gets {'larger' if move > 0 else 'smaller'}"
    assert own.option == kind


def class_specific_depth(own: Own) -> None:
    profile = gate_profile.read()[own.view.spec.key]
    weights = np.bincount(profile.truth) / len(profile.truth)
    shares = {}
    for block in profile.blocks:
        mean, std = (
            each[0].astype(float)[:, -(each.shape[-1] // block.branches) :] for each in (block.mean, block.std)
        )
        between = (weights @ (mean - weights @ mean) ** 2).mean()
        shares[f"block {short(block.name)}"] = between / (between + (weights @ std**2).mean())
    assert max(own.asked.options, key=shares.__getitem__) == own.option


def learns_first(own: Own) -> None:
    found = gate_life.read()[own.view.spec.key]
    by_epoch = [{f"block {short(name)}": e for name, e in zip(found.blocks, row, strict=True)} for row in found.eta2]
    risen = next(row for row in by_epoch[1:] if any(row[name] - by_epoch[0][name] >= 0.2 for name in row))
    gain = {name: risen[name] - by_epoch[0][name] for name in risen}
    assert max(gain, key=gain.__getitem__) == own.option and min(gain, key=gain.__getitem__) in own.asked.options


TRUE: dict[str, Callable[[Own], None]] = {
    name: value for name, value in list(globals().items()) if name in questions.QUESTIONS
}
seen: dict[str, list[int]] = {name: [] for name in questions.QUESTIONS}  # where right options were


@pytest.mark.parametrize("where", SCENES, ids=lambda where: "-".join(map(str, where)))
def test_what_is_called_right_is_right(where: tuple[str, str, str, int]) -> None:
    view, asked = scene(*where), 0
    assert set(TRUE) == set(questions.QUESTIONS)
    for name, check in TRUE.items():
        found = questions.ask(name, view)
        if found is None:
            continue
        asked += 1
        assert found == questions.ask(name, scene(*where)), "the same scene asks the same"
        assert 2 <= len(set(found.options)) == len(found.options) <= 4 and found.name == name
        check(Own(view, found))
        seen[name].append(found.right)
        for lang, (most, longest) in WORDS.items():
            other = questions.ask(name, replace(view, lang=lang))
            assert other is not None and other.right == found.right and len(other.options) == len(found.options)
            assert len(sentences(other.text)) <= most and len(sentences(other.why)) == 1
            for sentence in (*sentences(other.text), *sentences(other.why)):
                assert length(sentence, lang) <= longest, sentence
    assert asked >= 8


def test_the_right_option_is_not_always_at_one_place() -> None:
    """Runs after the scenes above: what they found is counted here."""
    often = {name: places for name, places in seen.items() if len(places) >= 8}
    if not often:
        pytest.skip("needs the scenes above")
    assert [name for name, places in often.items() if len(set(places)) == 1] == []


def sentences(text: str) -> list[str]:
    """Split after a stop that ends a sentence, not one in a number or a block's name."""
    return [each for each in re.split(r"(?<=[.?!])\s+(?=[A-Z\d{])|(?<=[。？！])", text) if each.strip()]


def length(sentence: str, lang: str) -> int:
    """Words of English; of Chinese its characters, each word of letters or digits as one."""
    return len(sentence.split()) if lang == "en" else len(re.findall(r"[\u4e00-\u9fff]|[\w.\u2212]+", sentence))


# --- pages and misconceptions -----------------------------------------------------------------------------------------


def test_every_page_that_shows_a_network_has_a_question() -> None:
    assert set(questions.PAGES) == {page for page, section in places.SECTIONS.items() if section != "teach"}
    asked = {name for names in questions.PAGES.values() for name in names}
    assert asked == set(questions.QUESTIONS) and len(questions.PAGES[places.FIRST]) >= 2


@pytest.mark.parametrize("page", questions.PAGES)
@pytest.mark.parametrize("photo", ["chelsea", "up-noise"])
def test_a_page_has_something_to_predict_for_any_photo(page: str, photo: str) -> None:
    view = scene(places.model(page), "pretrained", photo, 4)
    assert [name for name in questions.PAGES[page] if questions.ask(name, view)]


def test_the_twelve_misconceptions_are_contradicted() -> None:
    assert set(questions.CORRECTS.values()) == set(range(1, 13))
    assert set(questions.CORRECTS) <= set(questions.QUESTIONS)


HERE = """
import streamlit as st
import app
from senet_viz import ui
from senet_viz.ui.teaching import questions
ui.arrive(*app.navigation("en"))
if ui.settle():
    ui.sidebar()
    for page in questions.PAGES:
        view = questions.here(page)
        said = [name for name in questions.PAGES[page] if questions.ask(name, view)]
        st.text(f"{page} {view.spec.key} {view.name} {view.channel} {len(said)}")
"""


@pytest.mark.parametrize("model", ["tiny_se", "mobilenet_v3_small"])
def test_a_question_is_about_the_network_that_its_page_shows(model: str) -> None:
    """Pages on kernels, on classes and on learning put a network of ours in the place of one that has none."""
    at = AppTest.from_string(HERE, default_timeout=120)
    for key, value in {"model": model, "weights": "random", "channel": "500", "unit": "layer2.1.conv2"}.items():
        at.query_params[key] = value
    found = {page: rest for page, *rest in (line.value.split() for line in well(at.run()).text)}
    assert set(found) == set(questions.PAGES)
    for page, (key, name, channel, count) in found.items():
        ours = "tiny_sk" if page in places.KERNELS else "tiny_se" if page in questions.STAND_INS else model
        assert key == ours and (page not in places.KERNELS or name == "layer2.1.conv2")
        assert int(channel) < truth.block(key, "chelsea", name).channels and int(count) >= 1


@pytest.mark.parametrize("key", [key for key in i18n.table("en") if key.startswith("ask.")])
def test_every_text_belongs_to_a_question(key: str) -> None:
    assert key.split(".")[1] in {*questions.QUESTIONS, "answer", "block"}


# --- what a question costs --------------------------------------------------------------------------------------------


def test_a_question_about_the_block_runs_nothing() -> None:
    view = scene("tiny_se", "pretrained", "china", 3)
    assert len(view.gate) == 1  # the page's own forward
    before = state.engine().forwards
    for name, ask in questions.QUESTIONS.items():
        if ask.__module__.endswith(".block"):
            questions.ask(name, view)
    assert state.engine().forwards == before


@pytest.mark.parametrize(
    ("name", "op", "channels"), [("drop_the_branch", "ones", ()), ("close_one", "mute", (7,))], ids=["ones", "mute"]
)
def test_the_stage_and_its_question_share_a_forward(name: str, op: str, channels: tuple[int, ...]) -> None:
    """``answers`` asks the engine for the same."""
    view = scene("tiny_se", "pretrained", "flower", 2)
    edit = Edit(view.name, op, channels)
    questions.ask(name, view)
    assert state.engine().peek(TraceQuestion(view.spec.key, view.picture, (edit,), device="cpu")) is not None
