"""The profile against direct means of traces, its file, and the selection summary with its controls."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from senet_viz.errors import NoGateFound, WeightsInvalid
from senet_viz.experiments import gate_profile, kernel_preference, profiling
from senet_viz.experiments.gate_profile import Profile, Selection
from senet_viz.experiments.profiling import Tally, blurred, crop_side, zoomed
from senet_viz.tap import hooks
from senet_viz.training.data import normalise

Build = Callable[[str], nn.Module]
ROOT = Path(__file__).resolve().parents[1]
CLASSES = ("a", "b", "c")
SIZE = 32


def pictures(n: int = 9, side: int = 24) -> tuple[Tensor, Tensor]:
    """Smooth pictures of very different colours, and labels that come up 2, 3 and 4 times."""
    rng = torch.Generator().manual_seed(4)
    coarse = torch.randint(0, 256, (n, 3, 4, 4), generator=rng).float()
    x = torch.nn.functional.interpolate(coarse, (side, side), mode="bilinear").to(torch.uint8)
    return x, torch.tensor([0, 1, 1, 2, 2, 2, 0, 1, 2])[:n]


@pytest.fixture(scope="module")
def profiles(build: Build) -> dict[str, Profile]:
    x, y = pictures()
    outputs = [f"class {k}" for k in range(50)]
    outputs[7], outputs[0] = "a", "b"
    found = {}
    for name in ("se", "se_h", "sk", "plain"):
        module = build(f"ours/{name}")
        found[name] = profiling.run(module, x, y, CLASSES, SIZE, normalise, model=f"tiny_{name}", outputs=outputs)
    chosen = kernel_preference.selection(build("ours/sk"), build("models/tiny_sk"), x, SIZE, normalise)
    found["sk"] = replace(found["sk"], selection=chosen)
    return found


@pytest.mark.parametrize("name", ["se", "se_h", "sk"])
def test_mean_and_std_are_those_of_the_gates_of_each_picture(
    build: Build, profiles: dict[str, Profile], name: str
) -> None:
    x, y = pictures()
    found = profiles[name]
    assert found.zooms == (1.0, 1.5) and found.size == SIZE and found.classes == CLASSES
    for level, zoom in enumerate(found.zooms):
        traces = [hooks.run(build(f"ours/{name}"), normalise(zoomed(row[None], zoom, SIZE))) for row in x]
        assert [b.name for b in found.blocks] == [b.name for b in traces[0].blocks]
        for block in found.blocks:
            gates = np.stack([t.block(block.name).gate.reshape(-1).numpy() for t in traces])
            for k in range(len(CLASSES)):
                mine = gates[(y == k).numpy()]
                assert np.allclose(block.mean[level, k], mine.mean(0), atol=1e-5)
                assert np.allclose(block.std[level, k], mine.std(0), atol=1e-4)
            assert gates.std(0).max() > 0.01  # or the comparison says nothing


def test_total_is_mean_and_std_over_all_pictures(build: Build, profiles: dict[str, Profile]) -> None:
    x, _ = pictures()
    traces = hooks.run_batch(build("ours/se"), normalise(zoomed(x, 1.0, SIZE)))
    found = profiles["se"]
    assert found.counts.tolist() == [2, 3, 4]
    for block in found.blocks:
        gates = np.stack([t.block(block.name).gate[0].numpy() for t in traces])
        mean, between, within = block.moments(found.counts)
        std = np.sqrt(between + within)
        assert np.allclose(mean, gates.mean(0), atol=1e-5) and np.allclose(std, gates.std(0), atol=1e-4)


def test_predictions_are_the_networks_own_in_the_folders_classes(build: Build, profiles: dict[str, Profile]) -> None:
    x, y = pictures()
    for name, found in profiles.items():
        assert found.predicted is not None and found.predicted.shape == (2, len(x))
        for level, zoom in enumerate(found.zooms):
            with torch.inference_mode():
                best = build(f"ours/{name}")(normalise(zoomed(x, zoom, SIZE))).argmax(1).tolist()
            assert found.predicted[level].tolist() == [{7: 0, 0: 1}.get(k, -1) for k in best]
        hits = found.hits()
        assert hits is not None
        assert hits.tolist() == [p == t for p, t in zip(found.predicted[0].tolist(), y.tolist(), strict=True)]


def test_a_network_without_gates_has_predictions_and_no_blocks(profiles: dict[str, Profile]) -> None:
    assert profiles["plain"].blocks == ()
    with pytest.raises(NoGateFound):
        profiles["plain"].block("layer1.0.se")
    assert profiles["se"].block("layer1.0.se").mean.shape == (2, 3, 64)


def test_progress_counts_every_picture_at_every_zoom(build: Build) -> None:
    x, y = pictures()
    seen: list[tuple[int, int]] = []
    found = profiling.run(
        build("ours/se"), x, y, CLASSES, SIZE, normalise, (1.0, 2.0), lambda done, total: seen.append((done, total))
    )
    assert seen == [(9, 18), (18, 18)]
    assert found.predicted is None and found.hits() is None  # nobody said what the outputs are called


def test_a_class_without_a_picture_is_refused(build: Build) -> None:
    x, y = pictures()
    with pytest.raises(ValueError, match="at least one picture"):
        profiling.run(build("ours/se"), x, y, (*CLASSES, "d"), SIZE, normalise)


def test_a_tally_is_numpys_mean_and_std_however_the_pictures_come(build: Build) -> None:
    """In one batch, in several, or gone on with later; and of some of the classes."""
    x, y = pictures()
    labels, module = y.numpy(), build("ours/sk")
    prepared = normalise(zoomed(x, 1.0, SIZE))
    traces = hooks.run_batch(module, prepared)
    for ends in ((9,), (4, 9), (1, 2, 3, 9)):
        tally, start = Tally.empty(3), 0
        for end in ends:
            before = tally
            tally, best = profiling.counted(module, prepared[start:end], labels[start:end], tally)
            assert best.tolist() == [int(t.logits.argmax()) for t in traces[start:end]]
            assert int(before.counts.sum()) == start, "what was counted before stays as it was"
            start = end
        for order in ([0, 1, 2], [2, 0]):
            part = tally.only(np.array(order))
            assert part.counts.tolist() == [(labels == k).sum() for k in order]
            for (name, kind, m), (mean, std) in zip(part.heads, part.moments(), strict=True):
                gates = np.stack([t.block(name).gate.double().numpy().reshape(-1) for t in traces])
                assert kind == "sk" and gates.shape[1] % m == 0
                for row, k in enumerate(order):
                    assert np.abs(mean[row] - gates[labels == k].mean(0)).max() <= 1e-5
                    assert np.abs(std[row] - gates[labels == k].std(0)).max() <= 1e-5
    assert tally.mib == pytest.approx(sum(s.size for s in tally.sums) * 8 / 2**20)


def test_a_profile_needs_every_class(build: Build) -> None:
    tally, _ = profiling.counted(
        build("ours/se"), normalise(zoomed(pictures()[0], 1.0, SIZE)), np.zeros(9, int), Tally.empty(2)
    )
    with pytest.raises(ValueError, match="at least one picture"):
        profiling.made([tally], "m", SIZE, (1.0,), ("a", "b"), np.zeros(9, int))


# --- zoom ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("side", "zoom", "crop"), [(64, 1.0, 64), (64, 1.5, 42), (64, 2.0, 32), (63, 2.0, 31), (9, 9.0, 1)]
)
def test_the_crop_is_exactly_central(side: int, zoom: float, crop: int) -> None:
    assert crop_side(side, zoom) == crop
    assert (side - crop) % 2 == 0


@pytest.mark.parametrize("zoom", [0.5, 0.0, -1.0, 200.0])
def test_a_zoom_that_cannot_be_is_refused(zoom: float) -> None:
    with pytest.raises(ValueError, match="zoom must be from 1 to 64"):
        crop_side(64, zoom)


def test_zoom_is_a_central_crop_of_the_original_resized_back() -> None:
    x = torch.randint(90, 160, (1, 3, 64, 64), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    photo = Image.fromarray(x[0].permute(1, 2, 0).numpy())
    theirs = photo.crop((11, 11, 53, 53)).resize((80, 80), Image.Resampling.BICUBIC)
    ours = zoomed(x, 1.5, 80)[0].permute(1, 2, 0).numpy()
    assert np.abs(ours - np.asarray(theirs, dtype=np.float32)).max() <= 1.51  # Pillow rounds after each direction
    assert torch.equal(zoomed(x, 1.0, 64), x.float())


def test_the_blur_control_keeps_the_object_and_loses_the_detail() -> None:
    x = torch.zeros(1, 3, 64, 64, dtype=torch.uint8)
    x[..., 16:48, 16:48] = 200
    x[..., 20:44:2] = 0  # stripes one pixel wide
    whole, near, far = (change(x, zoom, 64) for change, zoom in ((blurred, 1.0), (blurred, 2.0), (zoomed, 2.0)))
    assert torch.equal(whole, x.float())
    assert near.mean() == pytest.approx(float(whole.mean()), rel=0.05)  # the object is as large as before
    assert far.mean() > 2.5 * near.mean()
    assert near[..., 30, 24:40].std() < 0.5 * whole[..., 30, 24:40].std()


# --- which kernel -------------------------------------------------------------------------------------------------


def test_selection_is_the_mean_difference_of_the_branches(build: Build, profiles: dict[str, Profile]) -> None:
    x, _ = pictures()
    chosen = profiles["sk"].selection
    assert chosen is not None and chosen.zooms == (1.0, 1.5, 2.0)
    assert chosen.difference.shape == (3, 3, 9, 10) and chosen.units[0] == "layer1.0.conv2"
    ways = ((build("ours/sk"), zoomed), (build("ours/sk"), blurred), (build("models/tiny_sk"), zoomed))
    for way, (network, change) in enumerate(ways):
        for level, zoom in enumerate(chosen.zooms):
            for picture in (0, 5):
                trace = hooks.run(network, normalise(change(x[picture : picture + 1], zoom, SIZE)))
                direct = [float((b.gate[1] - b.gate[0]).mean()) for b in trace.blocks]
                assert np.allclose(chosen.difference[way, level, picture], direct, atol=1e-5)
    assert np.array_equal(chosen.difference[0, 0], chosen.difference[1, 0])  # no zoom, no blur
    assert np.abs(chosen.difference[0, 2] - chosen.difference[1, 2]).max() > 1e-3


def test_selection_needs_sk_units(build: Build) -> None:
    with pytest.raises(NoGateFound):
        kernel_preference.selection(build("ours/se"), build("ours/se"), pictures()[0], SIZE, normalise)


# --- the file -----------------------------------------------------------------------------------------------------


def test_what_is_written_is_read_again_to_half_precision(profiles: dict[str, Profile], tmp_path: Path) -> None:
    path = tmp_path / "deep" / "profile.safetensors"
    gate_profile.write(path, list(profiles.values()))
    again = gate_profile.read(path)
    assert list(again) == ["tiny_se", "tiny_se_h", "tiny_sk", "tiny_plain"]
    for before in profiles.values():
        after = again[before.model]
        assert (after.size, after.zooms, after.classes) == (before.size, before.zooms, before.classes)
        assert after.predicted is not None and before.predicted is not None
        assert np.array_equal(after.truth, before.truth) and np.array_equal(after.predicted, before.predicted)
        assert len(after.blocks) == len(before.blocks)
        for a, b in zip(after.blocks, before.blocks, strict=True):
            assert (a.name, a.kind, a.branches) == (b.name, b.kind, b.branches)
            assert np.allclose(a.mean, b.mean, atol=5e-4) and np.allclose(a.std, b.std, atol=5e-4)
        if a.branches == 2:
            c = a.mean.shape[-1] // 2
            assert np.array_equal(a.mean[..., :c], 1 - a.mean[..., c:])
    chosen, before_chosen = again["tiny_sk"].selection, profiles["sk"].selection
    assert isinstance(chosen, Selection) and before_chosen is not None
    assert (chosen.zooms, chosen.units) == (before_chosen.zooms, before_chosen.units)
    assert np.allclose(chosen.difference, before_chosen.difference, atol=1e-3)
    assert again["tiny_se"].selection is None


def test_a_gate_takes_two_bytes_and_of_two_branches_one_is_enough(profiles: dict[str, Profile], tmp_path: Path) -> None:
    sizes = {}
    for name in ("se", "sk", "plain"):
        gate_profile.write(path := tmp_path / f"{name}.safetensors", [replace(profiles[name], selection=None)])
        sizes[name] = path.stat().st_size
    channels = {"se": 2 * 64 + 2 * 128 + 3 * 256 + 3 * 512}
    channels["sk"] = channels["se"] // 2
    for name, c in channels.items():
        numbers = 2 * 2 * 3 * c  # mean and std, two zooms, three classes
        assert 2 * numbers < sizes[name] < 2 * numbers + 8000
    assert sizes["plain"] < 2000


@pytest.mark.parametrize("damage", ["missing", "garbage", "truncated", "another"])
def test_a_damaged_profile_gives_one_sentence(profiles: dict[str, Profile], tmp_path: Path, damage: str) -> None:
    from safetensors.numpy import save_file

    path = tmp_path / "profile.safetensors"
    gate_profile.write(path, [profiles["se"]])
    if damage == "missing":
        path.unlink()
    elif damage == "another":
        save_file({"a": np.zeros(2)}, path, metadata={"format": "something else"})
    else:
        path.write_bytes(b"no profile" if damage == "garbage" else path.read_bytes()[:-100])
    with pytest.raises(WeightsInvalid, match=r"^profile\.safetensors cannot be used: ") as caught:
        gate_profile.read(path)
    assert "\n" not in str(caught.value)


def test_reading_needs_no_torch(profiles: dict[str, Profile], tmp_path: Path) -> None:
    path = tmp_path / "profile.safetensors"
    gate_profile.write(path, [profiles["se"]])
    code = (
        "import sys; from pathlib import Path; from senet_viz.experiments import gate_profile;"
        f"print(*gate_profile.read(Path({str(path)!r}))); assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True, cwd=ROOT)
    assert (done.returncode, done.stdout.strip()) == (0, "tiny_se"), done.stderr
