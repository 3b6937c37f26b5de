"""Preferences and verdicts: constructed numbers where the claim holds, fails and is mixed; and the model's own."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.stats import t
from torch import nn

from senet_viz import stats
from senet_viz.experiments import gate_profile, kernel_preference, scale_sweep
from senet_viz.experiments.gate_profile import Selection
from senet_viz.findings import Held, kernel_choice, model_card, scale_response
from senet_viz.findings.kernel_choice import Cause, Way
from senet_viz.models import catalogue
from senet_viz.photos import preprocess, samples
from senet_viz.photos import scale as scales
from senet_viz.tap import hooks
from senet_viz.types import Edit
from tests import networks, truth

UNITS = ("layer1.0.conv2", "layer1.1.conv2", "layer2.0.conv2")


def photo(zoom: list[float], blur: float = 0.0, untrained: float = 0.0) -> np.ndarray:
    """(3, 3, 1): preference at every scale; the controls change by so much from the first scale to the last."""
    rows = [zoom, [zoom[0], zoom[0] + blur / 2, zoom[0] + blur], [0.0, untrained / 2, untrained]]
    return np.array(rows)[..., None]


def judged(*photos: np.ndarray) -> kernel_choice.Verdict:
    (found,) = kernel_choice.verdicts(kernel_preference.gathered(["unit"], photos))
    return found


# --- one photo --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("found", "word", "reason"),
    [
        (photo([0.1, 0.2, 0.3]), "holds", "rises"),
        (photo([-0.3, -0.2, -0.1], blur=-0.5), "holds", "rises"),
        (photo([0.1, 0.05, 0.3]), "mixed", "steps"),
        (photo([0.1, 0.3, 0.3]), "mixed", "steps"),
        (photo([0.1, 0.2, 0.3], untrained=0.21), "mixed", "untrained"),
        (photo([0.1, 0.2, 0.3], untrained=-0.4), "mixed", "untrained"),
        (photo([0.1, 0.2, 0.3], blur=0.25), "mixed", "blur"),
        (photo([0.3, 0.4, 0.1]), "fails", "falls"),
        (photo([0.1, 0.4, 0.1]), "fails", "same"),
    ],
)
def test_one_photo(found: np.ndarray, word: str, reason: str) -> None:
    verdict = judged(found.astype(np.float32))
    assert (verdict.word, verdict.reason, verdict.photos) == (word, reason, 1)
    assert verdict.change.value == pytest.approx(found[0, -1, 0] - found[0, 0, 0], abs=1e-6)
    assert all(np.isnan(span.half) for span in (verdict.change, verdict.control, verdict.beyond_blur))
    assert verdict.rise == int(found[0, -1, 0] > found[0, 0, 0])


# --- a set ------------------------------------------------------------------------------------------------------------


def photos(change: float, spread: float, n: int = 40, **controls: float) -> list[np.ndarray]:
    """n photos whose change is ``change`` on average, with that standard deviation."""
    noise = np.random.default_rng(n).normal(size=n)
    changes = change + spread * (noise - noise.mean()) / noise.std(ddof=1)
    return [photo([0.1, 0.1 + c / 2, 0.1 + c], **controls) for c in changes]


@pytest.mark.parametrize(
    ("found", "word", "reason"),
    [
        (photos(0.1, 0.1), "holds", "rises"),
        (photos(0.1, 0.1, untrained=0.2), "mixed", "untrained"),
        (photos(0.1, 0.1, blur=0.09), "mixed", "blur"),
        (photos(0.1, 1.0), "fails", "same"),
        (photos(-0.1, 0.1), "fails", "falls"),
        (photos(-0.1, 0.1, untrained=0.2, blur=-0.3), "fails", "falls"),
    ],
)
def test_a_set(found: list[np.ndarray], word: str, reason: str) -> None:
    verdict = judged(*found)
    changes = np.array([each[0, -1, 0] - each[0, 0, 0] for each in found])
    assert (verdict.word, verdict.reason, verdict.photos) == (word, reason, 40)
    assert verdict.rise == int((changes > 0).sum())
    assert verdict.change.value == pytest.approx(changes.mean(), abs=1e-6)
    half = 2.0227 * changes.std(ddof=1) / 40**0.5  # Student's t, 39 degrees of freedom
    assert verdict.change.half == pytest.approx(half, rel=1e-3)
    level = np.array([each[0, :, 0] for each in found])
    np.testing.assert_allclose([m for m, _ in verdict.levels], level.mean(0), atol=1e-6)
    np.testing.assert_allclose([s for _, s in verdict.levels], level.std(0), atol=1e-6)


def test_a_small_set_needs_a_wider_interval() -> None:
    """Three photos with changes of 1, 2 and 3: an interval with 1.96 would leave out 0, Student's takes it in."""
    few = [photo([0.0, c / 2, c]) for c in (1.0, 2.0, 3.0)]
    assert 2 - stats.Z95 / 3**0.5 > 0
    found = judged(*few)
    assert found.word == "fails" and found.reason == "same"
    assert (found.change.value, found.change.half) == pytest.approx((2.0, 4.303 / 3**0.5), rel=1e-3)


def test_quantiles_are_students() -> None:
    for n in (2, 3, 10, 31, 32, 33, 60, 999, 1000, 2500):
        assert stats.t95(n) == pytest.approx(t.ppf(0.975, n - 1), rel=2e-3)
    assert all(a > b for a, b in pairwise(stats.t95(n) for n in range(2, 200)))


def test_every_way_and_cause_has_a_word_and_a_sentence_on_the_card() -> None:
    none = stats.Interval(0.0, 0.0, 0.0)
    found = {
        (way, cause): kernel_choice.Verdict("unit", way, cause, (), none, none, none, none, 0, 40)
        for way in Way
        for cause in (None, Cause.UNTRAINED, Cause.BLUR)
    }
    words = {key: each.word for key, each in found.items()}
    assert [key for key, word in words.items() if word is Held.HOLDS] == [(Way.RISES, None)]
    assert [key for key, word in words.items() if word is Held.MIXED] == [
        (Way.RISES, Cause.UNTRAINED), (Way.RISES, Cause.BLUR),
    ]  # fmt: skip
    assert {each.reason for each in found.values()} == {*Way, Cause.UNTRAINED, Cause.BLUR}
    assert {model_card.said(each) for each in found.values()} == {
        "rises", "rises, no more than untrained", "rises, but so it does by blur alone",
        "falls", "falls, no more than untrained", "falls, but so it does by blur alone", "no change",
    }  # fmt: skip


def test_the_shipped_profile_is_judged_as_on_its_card() -> None:
    shipped = gate_profile.read()["tiny_sk"].selection
    assert shipped is not None
    card = (gate_profile.FILE.parent / "README.md").read_text(encoding="utf-8")
    card = card[card.index("## Which kernel") :]
    for verdict in kernel_choice.verdicts(shipped):
        row = next(line for line in card.splitlines() if line.startswith(f"| `{verdict.unit}` |"))
        *_, change, _, _, said, _ = (cell.strip() for cell in row.split("|"))
        assert change == f"{verdict.change.value:+.4f} ± {verdict.change.half:.4f}"
        assert (verdict.word == "holds") == (said == "rises")
        assert verdict.photos == 2500


def test_a_set_needs_a_photo() -> None:
    with pytest.raises(ValueError, match="at least one"):
        kernel_preference.gathered(UNITS, [])


# --- preferences ------------------------------------------------------------------------------------------------------


def test_preferences_are_the_models() -> None:
    row, image = catalogue.spec("tiny_sk"), samples.sample("coffee")
    swept = scale_sweep.scale_sweep(truth.model("tiny_sk"), image, kernel_preference.SCALES, row)
    found = kernel_preference.preferences(swept.traces)
    assert found.shape == (3, 10) and kernel_preference.units(swept.traces[0]) == truth.names("tiny_sk")
    for z, scale in enumerate(kernel_preference.SCALES):
        picture = scales.at_scale(image, row, scale)
        for u, block in enumerate(hooks.run(truth.model("tiny_sk"), picture.x).blocks):
            assert found[z, u] == pytest.approx(float((block.gate[1] - block.gate[0]).mean()), abs=1e-6)


def test_three_branches_take_the_last_and_the_first() -> None:
    assert kernel_preference.preference(np.array([[0.2, 0.1], [0.5, 0.5], [0.3, 0.4]])) == pytest.approx(0.2)


def test_gate_rows_are_every_gate() -> None:
    trace = truth.trace("tiny_sk", "coffee", truth.names("tiny_sk")[0])
    rows = scale_response.table(scale_sweep.Sweep("zoom", (1.0, 2.0), (trace, trace), ()))
    assert len(rows) == 2 * sum(block.gate.numel() for block in trace.blocks)
    assert rows[0] == (1.0, trace.blocks[0].name, 0, 0, float(trace.blocks[0].gate[0, 0]))
    assert rows[-1] == (2.0, trace.blocks[-1].name, 255, 1, float(trace.blocks[-1].gate[1, 255]))


def test_less_detail_keeps_the_object_and_has_as_few_pixels_as_the_crop() -> None:
    image = samples.sample("chelsea")
    assert kernel_preference.less_detail(image, 1.0) is image
    assert kernel_preference.less_detail(image, 2.0).size == scales.zoomed(image, 2.0).size
    small, large = (
        np.asarray(each.resize((60, 40))).astype(float) for each in (kernel_preference.less_detail(image, 2.0), image)
    )
    assert np.abs(small - large).mean() < 3


def test_classes_are_means_over_their_photos() -> None:
    d = np.random.default_rng(0).normal(size=(3, 3, 6, 2)).astype(np.float32)
    which = np.array([0, 1, 1, 2, 2, 2], dtype=np.int16)
    found = kernel_preference.by_class(Selection((1.0, 1.5, 2.0), ("a", "b"), d), which, 3)
    assert found.shape == (3, 3, 2)
    np.testing.assert_allclose(found[:, 1], d[0][:, 1:3].mean(1), rtol=1e-5)
    np.testing.assert_allclose(found[:, 2], d[0][:, 3:].mean(1), rtol=1e-5)


def test_class_means_agree_with_the_profiles_gates() -> None:
    """Two records of the same run: by picture, and by class as fp16 means."""
    shipped = gate_profile.read()["tiny_sk"]
    assert shipped.selection is not None
    means = kernel_preference.by_class(shipped.selection, shipped.truth, len(shipped.classes))
    for u, block in enumerate(shipped.blocks):
        gates = block.mean.reshape(len(shipped.zooms), len(shipped.classes), 2, -1)
        np.testing.assert_allclose(means[:2, :, u], (gates[:, :, 1] - gates[:, :, 0]).mean(-1), atol=5e-4)


def test_one_unit_stands_for_each_stage() -> None:
    assert kernel_preference.one_a_stage(UNITS, UNITS[1]) == UNITS[1:]
    assert kernel_preference.one_a_stage(UNITS, UNITS[0]) == (UNITS[0], UNITS[2])


def test_published_numbers_are_fig_3s() -> None:
    assert {len(values) for values in kernel_preference.PUBLISHED.values()} == {len(kernel_preference.SCALES)}
    rising = [unit for unit, values in kernel_preference.PUBLISHED.items() if values[-1] > values[0]]
    assert rising == ["SK_2_3", "SK_3_4", "SK_4_6"], "the last unit has no common direction"


# --- kernels ----------------------------------------------------------------------------------------------------------


def seen(module: nn.Module, side: int, at: int) -> list[tuple[int, int]]:
    """Which inputs the output (at, at) of a convolution depends on: by its gradient."""
    x = torch.ones(1, module.in_channels, side, side, requires_grad=True)  # type: ignore[arg-type, call-overload]
    module(x)[0, 0, at, at].backward()
    assert x.grad is not None
    return [(int(i), int(j)) for i, j in torch.nonzero(x.grad[0].abs().sum(0))]


@pytest.mark.parametrize(("model", "unit"), [("tiny_sk", "layer2.0.conv2"), ("skresnet18", "layer2.0.conv1")])
def test_taps_are_what_the_convolution_sees(model: str, unit: str) -> None:
    network = truth.model(model)
    found = kernel_preference.kernels(network, unit)
    assert [k.reach for k in found] == [3, 5] and {k.size for k in found} == {3}
    branches = [
        m for m in network.get_submodule(unit).modules() if isinstance(m, nn.Conv2d) and m.kernel_size == (3, 3)
    ]
    for kernel, conv in zip(found, branches, strict=True):
        assert kernel.stride == conv.stride[0]
        at = 8 // kernel.stride
        free = nn.Conv2d(conv.in_channels, conv.out_channels, 3, conv.stride, conv.padding, conv.dilation, conv.groups)
        taps = kernel.taps(at * kernel.stride, at * kernel.stride, 1.0)
        assert sorted(map(tuple, taps.astype(int).tolist())) == seen(free, 20, at)


def test_the_branches_of_split_attention_have_one_kernel() -> None:
    network = networks.network("timm/resnest14d")
    found = kernel_preference.kernels(network, "layer1.0.conv2")
    conv = network.get_submodule("layer1.0.conv2").conv
    assert [str(kernel) for kernel in found] == ["3×3"] * 2 and conv.kernel_size == (3, 3)


def test_the_strongest_place_is_in_pixels_of_the_photo() -> None:
    fused = np.zeros((10, 10))
    fused[3, 7] = -5  # the largest by size
    row, column, step = kernel_preference.strongest(fused, 1, 80)
    assert (row, column, step) == (3.5 * 8 - 0.5, 7.5 * 8 - 0.5, 8)
    row, column, step = kernel_preference.strongest(fused, 2, 80)
    assert (row, column, step) == (6.5 * 4 - 0.5, 14.5 * 4 - 0.5, 4)


# --- overruling -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["b0", "b1", "swap", "equal"])
def test_overruling_does_what_it_says(how: str) -> None:
    network, unit = truth.model("tiny_sk"), truth.names("tiny_sk")[4]
    x = preprocess.preprocess(samples.sample("coffee"), catalogue.spec("tiny_sk")).x
    plain = hooks.run(network, x).block(unit).gate
    gate = hooks.run(network, x, kernel_preference.overruled((unit,), how)).block(unit).gate
    expected = {
        "b0": torch.tensor([1.0, 0.0])[:, None].expand_as(plain),
        "b1": torch.tensor([0.0, 1.0])[:, None].expand_as(plain),
        "swap": plain.flip(0), "equal": torch.full_like(plain, 0.5),
    }[how]  # fmt: skip
    assert torch.allclose(gate, expected, atol=1e-6)


def test_overruling_refuses_other_words() -> None:
    assert kernel_preference.overruled(UNITS, "b1")[2] == Edit(UNITS[2], "branch", (), 1.0)
    for how in ("", "b", "bx", "mute"):
        with pytest.raises(ValueError, match="how must be"):
            kernel_preference.overruled(UNITS, how)
