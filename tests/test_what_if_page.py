"""The gate console: what it draws is the network with those very edits, and without edits it is the network."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest

from senet_viz import i18n
from senet_viz.experiments import channel_ranking, gate_profile
from senet_viz.figures.lab.what_if import signed
from senet_viz.models import catalogue
from senet_viz.tap import edit_list, edits, hooks
from senet_viz.types import Edit, Trace
from senet_viz.ui import state
from tests import truth
from tests.test_pages import array, badges, board, chart, fresh, start, url, well, words

PAGE = "what_if"
BLOCK = "layer4.1.se"
__all__ = ["fresh"]  # a fixture: asked for by name


def after(model: str, photo: str, *changes: Edit, weights: truth.Weights = "pretrained") -> Trace:
    """A model of the test's own with these edits."""
    from senet_viz.photos import preprocess, samples

    picture = preprocess.preprocess(samples.sample(photo), catalogue.spec(model))
    return hooks.run(truth.model(model, weights), picture.x, changes)


def shares(trace: Trace) -> np.ndarray:
    found: np.ndarray = trace.logits.double().softmax(0).numpy()
    return found


def drawn(at: AppTest) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities before and after as bars."""
    bars = [array(trace["x"]) for trace in chart(at, "whatif-scores") if trace["type"] == "bar"]
    return bars[0], bars[1]


def chips(at: AppTest) -> list[str]:
    return [b.label for b in at.main.button if (b.key or "").startswith("_edit_")]


@pytest.mark.parametrize("lang", i18n.LANGUAGES)
@pytest.mark.parametrize(
    "model", ["tiny_se", "tiny_se_h", "tiny_sk", "mobilenet_v3_small", "skresnet18", "efficientnet_b0"]
)
def test_it_opens_with_every_kind_of_network(model: str, lang: str) -> None:
    at = start(PAGE, model=model, lang=lang)
    assert [h.value for h in at.title] == [i18n.text("lab.what_if.title", lang)]
    assert all(e.proto.alt for e in at.get("plotly_chart")) and badges(at, "green")
    assert "edits" not in url(at) and chips(at) == []
    before, now = drawn(at)
    assert np.array_equal(before, now)


def test_as_first_shown_it_is_the_console_and_the_answer() -> None:
    at = start(PAGE, weights="pretrained", block=BLOCK, edits=f"{BLOCK}:mute:3", more="")
    assert [e.proto.id.rpartition("-chart-")[2] for e in at.get("plotly_chart")] == ["whatif-scores"]
    boards = [e.proto.id.rpartition("-board-")[2] for e in at.get("bidi_component") if "-board-" in e.proto.id]
    assert boards == ["whatif"] and at.main.selectbox(key="change") and at.main.button(key="_clear")
    assert not at.code and not [b for b in at.main.button if (b.key or "").startswith("predict-")]


EDITS = {
    "clicks in two blocks": "layer4.1.se:mute:17,42;layer2.0.se:scale:3=0.5",
    "no SE anywhere in a block": "layer3.0.se:ones",
    "another gate function": "layer4.1.se:h_sigmoid",
    "another squeeze": "layer4.1.se:max_squeeze",
    "nothing hidden": "layer4.1.se:dead;layer4.2.se:shuffle",
    "a softmax": "layer4.1.se:channel_softmax",
}


@pytest.mark.parametrize("text", EDITS.values(), ids=EDITS)
def test_what_is_drawn_is_the_edited_network(text: str) -> None:
    at = start(PAGE, weights="pretrained", photo="coffee", block=BLOCK, edits=text)
    changes = [edits.parse(part) for part in text.split(";")]
    own, changed = after("tiny_se", "coffee"), after("tiny_se", "coffee", *changes)
    for values, trace in zip(drawn(at), (own, changed), strict=True):
        top = np.argsort(-np.maximum(shares(own), shares(changed)), kind="stable")[:6]
        assert np.abs(values - shares(trace)[top]).max() <= 1e-6
    assert len(chips(at)) == len(changes) and badges(at, "green")
    assert url(at)["edits"] == text
    rows = board(at, "whatif-carpet")["rows"]
    for row, block in zip(rows, changed.blocks, strict=True):
        assert np.abs(row["values"]["s"] - block.gate[0].numpy()).max() <= 1e-5
    down = channel_ranking.downstream(own, changed)
    bars = np.concatenate([array(trace["x"]) for trace in chart(at, "whatif-downstream") if trace["type"] == "bar"])
    assert np.abs(np.sort(bars) - np.sort([each.mean_change for each in down])).max() <= 1e-6


def test_the_maps_are_the_channel_before_and_after() -> None:
    at = start(PAGE, weights="pretrained", block=BLOCK, channel=7, edits=f"{BLOCK}:scale:7=0.25")
    own = truth.trace("tiny_se", "chelsea", BLOCK, weights="pretrained").block(BLOCK).out[7].numpy()
    maps = [array(trace["z"]) for trace in chart(at, "whatif-maps") if trace["type"] == "heatmap"]
    for found, expected in zip(maps[:3], (own, own * 0.25, own * -0.75), strict=True):
        assert np.abs(found - expected).max() <= 1e-5


def test_the_mean_of_the_validation_pictures() -> None:
    at = start(PAGE, weights="pretrained", block=BLOCK, edits=f"{BLOCK}:mean")
    mean = gate_profile.read()["tiny_se"].means()[BLOCK]
    row = board(at, "whatif-carpet")["rows"][truth.names("tiny_se").index(BLOCK)]["values"]["s"]
    assert np.abs(row - mean[0]).max() <= 1e-5
    assert len(chips(at)) == 1
    untrained = start(PAGE, block=BLOCK, edits=f"{BLOCK}:mean")
    assert chips(untrained) == [] and f"{BLOCK}:mean" in untrained.main.warning[0].value


def test_the_gates_of_another_photo() -> None:
    at = start(PAGE, weights="pretrained", block=BLOCK, edits=f"{BLOCK}:photo@coffee")
    theirs = truth.trace("tiny_se", "coffee", BLOCK, weights="pretrained").block(BLOCK).gate[0].numpy()
    row = board(at, "whatif-carpet")["rows"][truth.names("tiny_se").index(BLOCK)]["values"]["s"]
    assert np.abs(row - theirs).max() <= 1e-5


def test_nonsense_in_the_address_is_told_and_nothing_is_lost() -> None:
    text = f"nonsense;{BLOCK}:mute:17;{BLOCK}:mute:99999;{BLOCK}:photo@nobody;elsewhere.se:ones;{BLOCK}:branch=5"
    at = start(PAGE, weights="pretrained", block=BLOCK, edits=text)
    assert len(chips(at)) == 1 and "17" in chips(at)[0]
    told = " ".join(box.value for box in at.main.warning)
    assert all(part in told for part in ("nonsense", "99999", "nobody", "branch")) and "mute:17" not in told
    assert any(i18n.text("lab.elsewhere", "en", n=1) == text for text in words(at))
    own = shares(after("tiny_se", "chelsea", Edit(BLOCK, "mute", (17,))))
    assert drawn(at)[1][0] == pytest.approx(own[np.argmax(shares(after("tiny_se", "chelsea")))], abs=1e-6)


@pytest.mark.parametrize("value", ["1e300", "-1", "0.5", "nan", "inf", "9" * 400, "4294967296", "", "∞", "１"])
def test_a_value_that_no_edit_can_take_is_told(value: str) -> None:
    """Of every operation at once; those that can take it are done."""
    at = start(PAGE, weights="pretrained", block=BLOCK, edits=";".join(f"{BLOCK}:{op}={value}" for op in edits.NAMES))
    asked, refused = edit_list.read(";".join(f"{BLOCK}:{op}={value}" for op in edits.NAMES))
    assert len(chips(at)) == len(asked) and len(at.main.warning) == min(5, len(refused)) and refused


@pytest.mark.parametrize("op", ["scale", "fill", "clamp", "threshold"])
def test_the_largest_values_are_told_or_drawn(op: str) -> None:
    names = truth.names("tiny_se")
    text = ";".join(f"{name}:{op}={sign}{edits.LARGEST:g}" for name in names for sign in ("", "-"))
    at = start(PAGE, weights="pretrained", block=BLOCK, edits=text)
    assert len(chips(at)) in (0, 2 * len(names)) and (chips(at) or at.main.warning)


def test_edits_that_blow_the_numbers_up_are_left_out() -> None:
    text = ";".join([f"{BLOCK}:scale={edits.LARGEST:g}"] * 40)
    at = start(PAGE, weights="pretrained", block=BLOCK, edits=text)
    assert chips(at) == [] and len(at.main.warning) == 5
    assert drawn(at)[0] == pytest.approx(drawn(at)[1])


def test_a_button_mutes_the_pinned_channel_and_undo_opens_it() -> None:
    at = start(PAGE, weights="pretrained", block=BLOCK, channel=5)
    well(at.main.button(key="_this").click().run().run())
    assert url(at)["edits"] == f"{BLOCK}:mute:5" and len(chips(at)) == 1
    well(at.number_input(key="channel").set_value(9).run().run())
    well(at.main.button(key="_this").click().run().run())
    assert url(at)["edits"] == f"{BLOCK}:mute:5,9"
    well(at.main.button(key="_undo").click().run().run())
    assert url(at)["edits"] == f"{BLOCK}:mute:5"
    well(at.main.button(key="_edit_0").click().run().run())
    assert "edits" not in url(at) and chips(at) == []
    well(at.main.button(key="_undo").click().run().run())
    assert url(at)["edits"] == f"{BLOCK}:mute:5", "what was taken back comes back as well"


@pytest.mark.parametrize("model", ["tiny_se", "tiny_se_h", "tiny_sk"])
def test_every_change_that_is_offered_can_be_made_in_one_block_and_in_all(model: str) -> None:
    at = start(PAGE, model=model, weights="pretrained", block=truth.names(model)[-2])
    names = at.main.selectbox(key="change").options
    assert len(names) >= 10
    wanted = ("ones", "mean", "photo", "dead", "late_relu") if model != "tiny_sk" else ("equal", "swap", "mean", "dead")
    assert {i18n.text(f"lab.op.{op}", "en", m="") for op in wanted} <= set(names)
    for kind, blocks in (("primary", 1), ("secondary", len(truth.names(model)))):
        for index in range(len(names)):
            box = at.main.selectbox(key="change")
            well(box.select_index(index).run())
            well(at.main.button(key=f"_apply_{kind}").click().run().run())
            assert badges(at, "green"), (names[index], badges(at, "red"))
            assert len(chips(at)) == blocks, names[index]
            well(at.main.button(key="_clear").click().run())


def test_a_dead_bottleneck_gives_every_photo_the_same_gates() -> None:
    gates = []
    for photo in ("chelsea", "coffee"):
        at = start(PAGE, weights="pretrained", photo=photo, block=BLOCK, edits=f"{BLOCK}:dead")
        gates.append(board(at, "whatif-carpet")["rows"][truth.names("tiny_se").index(BLOCK)]["values"]["s"])
    assert np.array_equal(*gates)


# --- the question and the search ------------------------------------------------------------------------------------


def test_the_question_comes_before_its_answer_and_is_answered_by_counterfactuals() -> None:
    at = start(PAGE, weights="pretrained", photo="coffee", block=BLOCK)
    own = after("tiny_se", "coffee")
    buttons = {b.key: b for b in at.main.button if (b.key or "").startswith("predict-")}
    three = [int(key.removeprefix("predict-")) for key in buttons if key != "predict-skip"]
    assert len(three) == 3 and int(own.block(BLOCK).gate[0].argmax()) in three
    goal = int(own.logits.argmax())
    muted = {c: after("tiny_se", "coffee", Edit(BLOCK, "mute", (c,))) for c in three}
    change = {c: float(trace.logits[goal] - own.logits[goal]) for c, trace in muted.items()}
    worst = max(change, key=lambda c: abs(change[c]))
    assert not any(f"**{signed(d)}**" in text for d in change.values() for text in words(at))
    well(buttons[f"predict-{worst}"].click().run())
    said = " ".join(box.value for box in (*at.main.success, *at.main.info))
    assert all(f"**{signed(d)}**" in said for d in change.values()) and at.main.success
    assert abs(change[worst]) > 0.01, "a question with an answer"


def asked(at: AppTest) -> dict[str, str]:
    """Channel to what its button says of it, its number apart."""
    found = {b.key: b.label for b in at.main.button if (b.key or "").startswith("predict-")}
    return {
        key.removeprefix("predict-"): label.partition(", ")[2] for key, label in found.items() if key != "predict-skip"
    }


def whys(at: AppTest) -> set[str]:
    """What was said about gates after the answer."""
    said = {why: i18n.text(f"lab.what_if.why.{why}", "en") for why in ("closed", "for", "against", "equal", "shares")}
    return {why for why, text in said.items() if text in words(at)}


@pytest.mark.parametrize(
    ("model", "block", "edit", "said"),
    [
        ("tiny_se", BLOCK, "ones", {"equal"}),
        ("tiny_se", BLOCK, "dead", {"equal"}),
        ("tiny_se", BLOCK, "clamp=0.3", {"for", "against", "closed"}),  # many gates are 0.3 now
        ("tiny_se_h", "layer4.1.se", "ones", {"equal"}),
        ("tiny_sk", "layer3.1.conv2", "equal", {"shares"}),
        ("tiny_sk", "layer3.1.conv2", "branch=1", {"shares"}),
    ],
)
def test_equal_gates_are_asked_about_by_what_tells_them_apart(
    model: str, block: str, edit: str, said: set[str]
) -> None:
    at = start(PAGE, model=model, weights="pretrained", photo="coffee", block=block, edits=f"{block}:{edit}")
    options = asked(at)
    assert len(options) == len(set(options.values())) == 3, "no two buttons say the same"
    change = edits.parse(f"{block}:{edit}")
    now = after(model, "coffee", change)
    goal = int(now.logits.argmax())
    alone = {c: after(model, "coffee", change, Edit(block, "mute", (int(c),))).logits[goal] for c in options}
    effects = {c: abs(float(logit - now.logits[goal])) for c, logit in alone.items()}
    best = max(effects, key=effects.__getitem__)
    assert [signed(v) for v in effects.values()].count(signed(effects[best])) == 1, "one answer is right"
    well(at.main.button(key=f"predict-{best}").click().run())
    assert len(at.main.success) == 1
    assert len(whys(at)) == 1 and whys(at) <= said


def test_shares_are_not_taken_for_how_open_a_channel_is() -> None:
    at = start(PAGE, model="tiny_sk", weights="pretrained", photo="coffee", block="layer3.1.conv2")
    assert len(asked(at)) == 3 and not any("gate" in label for label in asked(at).values())
    well(at.main.button(key="predict-skip").click().run())
    assert whys(at) == {"shares"}


@pytest.mark.parametrize("lang", i18n.LANGUAGES)
@pytest.mark.parametrize("edit", ["clamp=0", "solo:3"])
def test_where_no_three_can_be_told_apart_it_says_so_and_the_search_is_there(edit: str, lang: str) -> None:
    at = start(PAGE, weights="pretrained", block=BLOCK, edits=f"{BLOCK}:{edit}", lang=lang)
    assert asked(at) == {}
    assert i18n.text("lab.what_if.noask", lang, block="4.1") in [box.value for box in at.main.info]
    assert at.main.button(key="search-go_on")


def test_the_search_is_every_channel_muted_alone(fresh: None) -> None:
    at = start(PAGE, weights="pretrained", photo="coffee", block=BLOCK)
    well(at.main.button(key="predict-skip").click().run())
    assert not [e for e in at.get("plotly_chart") if e.proto.id.endswith("whatif-ranking")]
    well(at.main.button(key="search-go_on").click().run())
    own = after("tiny_se", "coffee")
    goal = int(own.logits.argmax())
    picture = truth.trace("tiny_se", "coffee", BLOCK, weights="pretrained")
    assert torch.equal(picture.logits, own.logits)
    bars = [trace for trace in chart(at, "whatif-ranking") if trace["type"] == "bar"]
    pairs = {int(c): float(v) for bar in bars for c, v in zip(_channels(at, bar), array(bar["x"]), strict=True)}
    for channel, value in pairs.items():
        alone = after("tiny_se", "coffee", Edit(BLOCK, "mute", (channel,))).logits[goal] - own.logits[goal]
        assert value == pytest.approx(float(alone), abs=1e-4)
    forwards = state.engine().forwards
    well(at.run())
    assert state.engine().forwards == forwards, "what was searched costs nothing"


def _channels(at: AppTest, bar: dict[str, object]) -> list[int]:
    """The channels that bars stand for: their ticks' words."""
    import json

    (found,) = [e for e in at.get("plotly_chart") if e.proto.id.endswith("-chart-whatif-ranking")]
    axis = json.loads(found.proto.spec)["layout"]["yaxis"]
    words_ = dict(zip(axis["tickvals"], axis["ticktext"], strict=True))
    return [int(words_[int(at_)]) for at_ in array(bar["y"])]
