"""Sweeps: one batch equals one by one, scale 1 equals the walk, and the three meanings of scale stay apart."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from senet_viz.experiments import scale_sweep
from senet_viz.models import catalogue
from senet_viz.networks.tiny import TinyNet
from senet_viz.photos import preprocess, samples
from senet_viz.photos import scale as scales
from senet_viz.tap import hooks

SPEC = catalogue.spec("tiny_se")
SCALES = (0.5, 0.75, 1.0, 1.5, 2.0)


@pytest.fixture(scope="module")
def photo() -> Image.Image:
    return samples.sample("chelsea")


@pytest.fixture(scope="module")
def net() -> torch.nn.Module:
    torch.manual_seed(0)
    return TinyNet("se", 10).eval()


@pytest.mark.parametrize("kind", scales.KINDS)
def test_a_sweep_equals_single_runs(net: torch.nn.Module, photo: Image.Image, kind: scales.Kind) -> None:
    swept = scale_sweep.scale_sweep(net, photo, SCALES, SPEC, kind)
    assert swept.scales == SCALES and len(swept.traces) == len(SCALES)
    for scale, trace in zip(SCALES, swept.traces, strict=True):
        alone = hooks.run(net, scales.at_scale(photo, SPEC, scale, kind).x)
        assert torch.allclose(trace.logits, alone.logits, atol=1e-5)
        for a, b in zip(trace.blocks, alone.blocks, strict=True):
            assert torch.allclose(a.gate, b.gate, atol=1e-5) and a.u is None


@pytest.mark.parametrize("kind", scales.KINDS)
def test_scale_one_is_what_the_walk_shows(photo: Image.Image, kind: scales.Kind) -> None:
    assert np.array_equal(scales.at_scale(photo, SPEC, 1.0, kind).shown, preprocess.preprocess(photo, SPEC).shown)
    assert scales.at_scale(photo, SPEC, 1.0, kind).key == preprocess.preprocess(photo, SPEC).key


def test_zooming_in_crops_the_original_and_zooming_out_mirrors_it() -> None:
    ramp = np.zeros((200, 200, 3), np.uint8)
    ramp[..., 0] = np.arange(200, dtype=np.uint8)[None]
    photo = Image.fromarray(ramp)
    inside = np.asarray(scales.zoomed(photo, 2.0))
    assert inside.shape == (100, 100, 3) and np.array_equal(inside, ramp[50:150, 50:150])
    outside = np.asarray(scales.zoomed(photo, 0.5))
    assert outside.shape == (400, 400, 3) and np.array_equal(outside[100:300, 100:300], ramp)
    assert np.array_equal(outside[150, 99::-1, 0], ramp[50, :100, 0])


def test_resolution_changes_the_input_and_amplitude_the_contrast(photo: Image.Image) -> None:
    assert scales.at_scale(photo, SPEC, 1.5, "resolution").x.shape[-2:] == (SPEC.size * 3 // 2,) * 2
    plain, loud, flat = (scales.at_scale(photo, SPEC, s, "amplitude").shown.std() for s in (1.0, 1.5, 0.5))
    assert flat < plain < loud


def test_blur_takes_detail_away_at_every_scale(photo: Image.Image) -> None:
    for scale in (1.0, 2.0):
        sharp, soft = (scales.at_scale(photo, SPEC, scale, "zoom", blur).shown.astype(float) for blur in (0.0, 2.0))
        assert np.abs(np.diff(soft, axis=0)).mean() < np.abs(np.diff(sharp, axis=0)).mean()


def test_a_sweep_can_be_stopped_and_keeps_what_it_has(
    net: torch.nn.Module, photo: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scale_sweep, "CHUNK", 2 * SPEC.size**2)
    told: list[tuple[int, int]] = []

    def stop_after_two(done: int, total: int) -> bool:
        told.append((done, total))
        return done < 4

    swept = scale_sweep.scale_sweep(net, photo, SCALES, SPEC, progress=stop_after_two)
    assert told == [(2, 5), (4, 5)] and swept.scales == SCALES[:4] and len(swept.traces) == 4


@pytest.mark.parametrize(("scale", "kind", "blur"), [(0, "zoom", 0), (-1, "zoom", 0), (1, "size", 0), (1, "zoom", -1)])
def test_nonsense_is_refused(photo: Image.Image, scale: float, kind: scales.Kind, blur: float) -> None:
    with pytest.raises(ValueError, match=r"scale|kind"):
        scales.at_scale(photo, SPEC, scale, kind, blur)


def test_an_empty_sweep_is_refused(net: torch.nn.Module, photo: Image.Image) -> None:
    with pytest.raises(ValueError, match="at least one"):
        scale_sweep.scale_sweep(net, photo, (), SPEC)
