"""Channel weights against scale: what the page shows is what single forwards of the test's own say."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest

from senet_viz import i18n, stats
from senet_viz.drawing.renderers import slides
from senet_viz.experiments import scale_sweep
from senet_viz.figures.scale import channel_weights as figures
from senet_viz.findings import scale_response
from senet_viz.models import catalogue
from senet_viz.photos import preprocess, samples
from senet_viz.photos import scale as scales
from senet_viz.service.engine import Engine
from senet_viz.service.questions import SweepQuestion
from senet_viz.tap import hooks
from senet_viz.ui import state
from tests import truth
from tests.test_pages import array, badges, chart, fresh, start, url, well, words

SCALES = (0.5, 0.6, 0.7, 0.85, 1.0, 1.25, 1.5, 1.75, 2.0)
PAGE = "channel_weights"
__all__ = ["fresh"]  # a fixture: asked for by name
TRAINED = {"weights": "pretrained"}  # an untrained network's gates hardly move


def scrub(at: AppTest) -> dict[str, Any]:
    """What the scrubber got, its numbers unpacked: every block's gates are (S, C)."""
    (found,) = [json.loads(e.proto.bytes) for e in at.get("bidi_component") if e.proto.component_name.endswith("scrub")]
    for block in found["blocks"]:
        ((kind, text),) = block["gates"].items()
        values = np.frombuffer(base64.b64decode(text), dtype=f"<{kind}")
        block["gates"] = (values / 65535 if kind == "u2" else values).reshape(len(found["scales"]), -1)
    return found


def alone(
    model: str, photo: str, scale: float, kind: scales.Kind, blur: float = 0.0, weights: truth.Weights = "random"
) -> Any:
    """One scale by itself."""
    x = scales.at_scale(samples.sample(photo), catalogue.spec(model), scale, kind, blur).x
    return hooks.run(truth.model(model, weights), x)


def curves(traces: list[dict[str, Any]]) -> list[np.ndarray]:
    """The lines over all scales."""
    found = [array(trace["y"]) for trace in traces if trace["type"] == "scatter"]
    return [y for y in found if len(y) == len(SCALES)]


@pytest.mark.parametrize("kind", scales.KINDS)
@pytest.mark.parametrize("model", ["tiny_se", "tiny_sk", "mobilenet_v3_small"])
def test_the_scrubber_holds_the_models_gates(model: str, kind: scales.Kind) -> None:
    data = scrub(start(PAGE, model=model, kind=kind, photo="coffee"))
    assert data["scales"] == [figures.times(s) for s in SCALES] and data["base"] == SCALES.index(1.0)
    for s in (0, 4, 8):
        trace = alone(model, "coffee", SCALES[s], kind)
        assert [b["name"] for b in data["blocks"]] == [b.name for b in trace.blocks]
        for block, own in zip(data["blocks"], trace.blocks, strict=True):
            assert np.abs(block["gates"][s] - own.gate[-1].numpy()).max() <= 2e-5
        share = trace.logits.double().softmax(0)
        best = share.topk(5)
        assert [f"{p:.1%}" for p in best.values.tolist()] == [c["text"] for c in data["scores"][s]]


def test_as_first_shown_it_holds_the_scrubber_of_one_block_alone() -> None:
    at = start(PAGE, block="layer3.1.se", blur="1", more="", **TRAINED)
    data = scrub(at)
    assert [block["name"] for block in data["blocks"]] == ["layer3.1.se"]
    assert not at.get("plotly_chart") and not at.code and not at.main.header
    assert any(i18n.text("scale.channel_weights.blurred", "en", sigma="1") in text for text in words(at)), "it is said"
    soft = alone("tiny_se", "chelsea", SCALES[8], "zoom", 1.0, "pretrained").block("layer3.1.se").gate[-1].numpy()
    assert np.abs(data["blocks"][0]["gates"][8] - soft).max() <= 2e-5
    opened = scrub(start(PAGE, block="layer3.1.se", more="strips", **TRAINED))
    assert [block["name"] for block in opened["blocks"]] == list(truth.names("tiny_se"))


@pytest.mark.parametrize("lang", i18n.LANGUAGES)
def test_it_opens_with_every_kind_of_model(lang: str) -> None:
    for model in ("efficientnet_b0", "skresnet18", "legacy_seresnet18"):
        at = start(PAGE, model=model, lang=lang)
        assert [h.value for h in at.title] == [i18n.text("scale.channel_weights.title", lang)]
        assert len(badges(at, "green")) == 1
        assert len(at.get("plotly_chart")) == 3 and all(e.proto.alt for e in at.get("plotly_chart"))
        assert url(at)["kind"] == "zoom" and url(at)["blur"] == "0"


def test_the_payload_is_small() -> None:
    """All blocks of a network of sixteen, at every scale: below 1 MB, whatever else the page sends."""
    at = start(PAGE, model="seresnet50")
    (component,) = [e for e in at.get("bidi_component") if e.proto.component_name.endswith("scrub")]
    assert len(json.loads(component.proto.bytes)["blocks"]) == 16
    everything = len(component.proto.bytes) + sum(len(e.proto.spec) for e in at.get("plotly_chart"))
    assert everything < 1_000_000


def test_no_forward_but_the_sweep_and_the_walks(fresh: None) -> None:
    at = start(PAGE, channel=3)
    engine: Engine = state.engine()
    before = engine.forwards
    at.number_input(key="channel").set_value(9)
    at.pills(key="block").set_value("layer4.0.se")
    well(at.run())
    assert engine.forwards <= before + 1, "another block needs its U, another channel nothing"
    at.number_input(key="channel").set_value(11)
    now = engine.forwards
    well(at.run())
    assert engine.forwards == now
    well(at.segmented_control(key="kind").set_value("amplitude").run())
    assert engine.forwards == now + 1, "another meaning of scale is one more batch"


def test_who_moved_is_who_moved() -> None:
    at = start(PAGE, block="layer3.0.se", channel=17, **TRAINED)
    each = [alone("tiny_se", "chelsea", s, "zoom", weights="pretrained") for s in SCALES]
    g = np.stack([trace.block("layer3.0.se").gate[-1].numpy() for trace in each])
    up, down = scale_response.most(g)
    lines = chart(at, "scale-moved")
    drawn = curves(lines)
    assert len(drawn) == len(up) + len(down) + 1
    for wanted in (*up, *down, 17):
        assert any(np.allclose(line, g[:, wanted], atol=1e-5) for line in drawn)
    change = np.abs(g[-1] - g[0])
    assert any(f"**{change.mean():.3f}**" in text and str(int(change.argmax())) in text for text in words(at))


def test_rank_correlation_on_the_page() -> None:
    at = start(PAGE, block="layer4.2.se")
    found = scale_sweep.scale_sweep(
        truth.model("tiny_se"), samples.sample("chelsea"), SCALES, catalogue.spec("tiny_se")
    )
    rho = scale_response.correlations(found, 4)
    (heat,) = [trace for trace in chart(at, "scale-rank") if trace["type"] == "heatmap"]
    assert np.allclose(array(heat["z"]), rho, atol=1e-3)


def test_blur_alone_is_told_apart() -> None:
    at = start(PAGE, block="layer3.0.se", blur="2", **TRAINED)
    both = (alone("tiny_se", "chelsea", 1.0, "zoom", blur, "pretrained") for blur in (0.0, 2.0))
    sharp, soft = (trace.block("layer3.0.se").gate[-1] for trace in both)
    moved = float((sharp - soft).abs().mean())
    assert moved > 0.001
    assert any(f"**{moved:.4f}**" in text for text in words(at))
    assert len(curves(chart(at, "scale-blur"))) == 2


def test_a_stopped_sweep_shows_what_is_there(fresh: None) -> None:
    at = start(PAGE, kind="resolution")
    assert len(scrub(at)["scales"]) == len(SCALES)
    state.engine.clear()
    picture = preprocess.preprocess(samples.sample("chelsea"), catalogue.spec("tiny_se"))
    shown = ("tiny_se", "random", "cpu", picture.key, "layer1.0.se", ())
    at.session_state["_sweep-resolution-0_runs"] = (shown, False)  # what a click on "stop" notes
    for group in ((0.5,), (0.6,), (0.7,), (0.85,), (1.0,)):
        image = samples.sample("chelsea")
        state.engine().ask(SweepQuestion("tiny_se", image, "chelsea", group, "resolution", weights="random"))
    well(at.run())
    assert scrub(at)["scales"] == [figures.times(s) for s in SCALES[:5]]
    assert i18n.text("sweep.partial", "en", done=5, total=9) in [w.value for w in at.warning]
    well(at.button(key="sweep-resolution-0-go_on").click().run())
    assert len(scrub(at)["scales"]) == len(SCALES) and not at.warning


# --- figures ----------------------------------------------------------------------------------------------------------


def test_a_film_is_its_photos_side_by_side() -> None:
    frames = [np.full((side, side, 3), value, np.uint8) for side, value in ((40, 10), (80, 200))]
    film = figures.film(frames)
    assert film.shape == (figures.FRAME, 2 * figures.FRAME, 3)
    assert (film[:, : figures.FRAME] == 10).all() and (film[:, figures.FRAME :] == 200).all()


@pytest.mark.parametrize("lang", i18n.LANGUAGES)
def test_the_film_is_a_slide_and_a_table(lang: str) -> None:
    photo, spec = samples.sample("chelsea"), catalogue.spec("tiny_sk")
    found = scale_sweep.scale_sweep(truth.model("tiny_sk"), photo, (0.5, 1.0, 2.0), spec)
    names = tuple(block.name for block in found.traces[0].blocks)
    gates = tuple(scale_response.gates(found, name) for name in names)
    frames = [picture.shown for picture in found.pictures]

    def build(wanted: str) -> Any:
        t = i18n.texts(wanted)
        return figures.draw_film(frames, found.scales, names, gates, 1, 1, 4, "zoom", scale_response.table(found), t)

    figure = build(lang)
    assert figure.table.header == ("scale", "block", "channel", "branch", "gate")
    assert len(figure.table.rows) == len(scale_response.table(found)) and "**" not in figure.note
    for kind, magic in (("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")):
        assert slides.render(build, kind, lang).data.startswith(magic)


def test_gates_that_do_not_move_can_be_drawn() -> None:
    t, g = i18n.texts("en"), np.full((3, 8), 0.5)
    up, down = scale_response.most(g)
    assert not len(up) and not len(down)
    assert figures.draw_moved(g, (0.5, 1.0, 2.0), up, down, 3, "b", t).alt
    rho = np.array([[stats.rank_correlation(g[1], row) for row in g]])
    assert figures.draw_rank(rho, (0.5, 1.0, 2.0), ("b",), 0, t).alt
    assert figures.draw_blur((0.5, 1.0, 2.0), scale_response.distance(g, g[1]), None, 0.0, "", t).alt


def test_torch_threads_are_as_they_were() -> None:
    threads = torch.get_num_threads()
    start(PAGE)
    assert torch.get_num_threads() == threads
