"""What is kept of a training: frames load as what they are, measures are right, and the shipped film is whole."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from senet_viz import assets
from senet_viz.cli import main
from senet_viz.errors import CardRefused, NoFilm
from senet_viz.experiments import gate_profile, profiling
from senet_viz.findings import class_selectivity, gate_life, model_card
from senet_viz.models import catalogue, load, weight_files
from senet_viz.photos import preprocess, samples
from senet_viz.tap import hooks
from senet_viz.training.data import normalise, read_folder
from senet_viz.training.loop import train, untrained
from senet_viz.training.recipe import Recipe
from tests import folders

Said = pytest.CaptureFixture[str]
SMALL = Recipe(epochs=4, batch=4, size=64, early_size=24, shown=80, ema=0.5, lr=0.05)
SHIPPED = assets.WEIGHTS
MIB = 2**20
PROFILE = ("profile", "--quiet", "--model", "tiny_se", "--model", "tiny_sk", "--data")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film of tiny_se on two colours, tiny_sk without one, and the pictures of both."""
    data, folder = folders.data(tmp_path_factory.mktemp("data"), side=32), tmp_path_factory.mktemp("weights")
    for block in ("se", "sk"):
        recipe = replace(SMALL, block=block)
        train(data, folder / f"tiny_{block}.safetensors", recipe, report=lambda line: None, bar=False)
    for path in folder.glob("tiny_sk.epoch-*"):
        path.unlink()
    shutil.copytree(data, folder / "data")
    return folder


@pytest.fixture
def own(made: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which the program looks for weights."""
    monkeypatch.setenv(weight_files.LOCAL, str(made))
    return made


# --- frames -----------------------------------------------------------------------------------------------------------


def test_a_frame_is_loaded_by_its_epoch(own: Path) -> None:
    assert weight_files.film("tiny_se") == (0, 1, 2, 4)
    for epoch in (1, 2):
        stored = load_file(own / f"tiny_se.epoch-{epoch}.safetensors")
        loaded = load.load("tiny_se", weights=f"epoch-{epoch}").state_dict()
        assert all(torch.equal(loaded[key].float(), stored[key].float()) for key in stored)
    first, last, shipped = (load.load("tiny_se", weights=w).state_dict() for w in ("epoch-0", "epoch-4", "pretrained"))
    start = untrained(SMALL, 2).state_dict()
    assert all(torch.equal(first[key], start[key]) for key in start)
    assert all(torch.equal(last[key], shipped[key]) for key in shipped)
    assert not torch.equal(first["fc.weight"], last["fc.weight"])


@pytest.mark.parametrize("wrong", ["epoch-3", "epoch-5", "epoch-40"])
def test_an_epoch_that_was_not_kept_is_refused(own: Path, wrong: str) -> None:
    with pytest.raises(NoFilm, match="nothing was kept"):
        load.load("tiny_se", weights=wrong)
    with pytest.raises(ValueError, match="epoch-4"):
        load.load("tiny_se", weights=wrong.replace("-", ""))


def test_a_network_without_frames_has_its_ends_and_no_film(own: Path) -> None:
    assert weight_files.film("tiny_sk") == () and tuple(weight_files.kept("tiny_sk")) == (0, 4)
    assert weight_files.film("tiny_plain") == weight_files.film("mobilenet_v3_small") == ()
    with pytest.raises(NoFilm):
        load.load("mobilenet_v3_small", weights="epoch-0")


def test_a_frame_of_another_training_is_not_in_the_film(
    own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(own, tmp_path, dirs_exist_ok=True)
    monkeypatch.setenv(weight_files.LOCAL, str(tmp_path))
    train(own / "data", tmp_path / "other.safetensors", replace(SMALL, seed=1), report=lambda line: None, bar=False)
    shutil.copy(tmp_path / "other.epoch-1.safetensors", tmp_path / "tiny_se.epoch-1.safetensors")
    (tmp_path / "tiny_se.epoch-3.safetensors").write_bytes(b"no weights")
    assert weight_files.film("tiny_se") == (0, 2, 4)


# --- the command line -------------------------------------------------------------------------------------------------


def test_learning_says_what_every_frame_computes(own: Path, capsys: Said) -> None:
    assert main(["learning", "chelsea", "--model", "tiny_se", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["epochs"] == [0, 1, 2, 4]
    about = weight_files.shipped("tiny_se")
    assert about is not None and said["top1"] == [about.top1_by_epoch[epoch] for epoch in said["epochs"]]
    picture = preprocess.preprocess(samples.sample("chelsea"), catalogue.spec("tiny_se"))
    for at, epoch in enumerate(said["epochs"]):
        trace = hooks.run(load.load("tiny_se", weights=f"epoch-{epoch}"), picture.x)
        assert list(said["gates"]) == [block.name for block in trace.blocks]
        for block in trace.blocks:
            assert said["gates"][block.name][at] == pytest.approx(block.gate[-1].tolist(), abs=1e-6)
        assert said["top5"][at][0]["probability"] == pytest.approx(float(trace.logits.softmax(0).max()), abs=1e-6)


def test_learning_as_a_table_has_a_row_an_epoch_and_one_a_block(own: Path, capsys: Said) -> None:
    assert main(["learning", "coffee", "--model", "tiny_se"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines if line[:1].isdecimal()] == ["0", "1", "2", "4"]
    assert sum(line.startswith("layer") for line in lines) == 10


@pytest.mark.parametrize(
    "asked", [("--model", "tiny_sk"), ("--model", "tiny_se", "--random"), ("--model", "mobilenet_v3_small")]
)
def test_a_network_without_a_film_is_refused_in_one_sentence(own: Path, asked: tuple[str, ...], capsys: Said) -> None:
    assert main(["learning", "chelsea", *asked, "--json"]) == 2
    out, err = capsys.readouterr()
    assert not out and err.count("\n") == 1 and asked[1] in err


# --- what training did ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def measured(made: Path) -> dict[str, gate_life.Learning]:
    file = made / gate_life.FILE.name
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(weight_files.LOCAL, str(made))
        assert main([*PROFILE, str(made / "data"), "--film", "--out", str(file)]) == 0
    return gate_life.read(file)


def test_the_measures_are_those_of_the_profile_of_each_epoch(
    own: Path, measured: dict[str, gate_life.Learning]
) -> None:
    assert set(measured) == {"tiny_se", "tiny_sk"}
    found, size = measured["tiny_se"], catalogue.spec("tiny_se").size
    assert found.epochs == (0, 1, 2, 4) and measured["tiny_sk"].epochs == (0, 4)
    assert (found.size, found.pictures, found.classes) == (size, 10, 2)
    val = read_folder(own / "data" / "val", 64)
    for at, epoch in enumerate(found.epochs):
        module = load.load("tiny_se", weights=f"epoch-{epoch}")
        gates: dict[str, list[np.ndarray]] = {name: [] for name in found.blocks}
        with torch.inference_mode():
            for trace in hooks.run_batch(module, normalise(profiling.zoomed(val.x, 1.0, size))):
                for block in trace.blocks:
                    gates[block.name].append(block.gate[-1].double().numpy())
        for b, name in enumerate(found.blocks):
            g = np.stack(gates[name])  # (N, C)
            mean = np.stack([g[val.y == k].mean(0) for k in (0, 1)])
            assert found.std[at, b] == pytest.approx(g.std(0).mean(), rel=1e-3, abs=1e-6)
            assert found.eta2[at, b] == pytest.approx(mean.var(0).mean() / g.var(0).mean(), rel=2e-2, abs=1e-3)


def test_the_start_has_the_statistics_of_the_pictures_in_its_norms(
    own: Path, measured: dict[str, gate_life.Learning]
) -> None:
    val = read_folder(own / "data" / "val", 64)
    x = normalise(profiling.zoomed(val.x, 1.0, 80))
    module = load.load("tiny_se", weights="epoch-0")
    normed = profiling.normed(module, val.x, 80, normalise)
    assert not normed.training and not any(part.training for part in normed.modules())
    with torch.inference_mode():
        after = normed.stem[1](normed.stem[0](x))  # type: ignore[index]
    assert float(after.mean((0, 2, 3)).abs().max()) < 1e-3 and float((after.var((0, 2, 3)) - 1).abs().max()) < 1e-2
    assert float(module.stem[1].running_mean.abs().max()) == 0, "the network itself stays as it was"  # type: ignore[index]
    std, eta2 = measured["tiny_se"].start
    own_profile = profiling.run(normed, val.x, val.y, val.classes, 80, normalise, (1.0,))
    assert std == pytest.approx(gate_life.moved(own_profile)[0]) and (std > measured["tiny_se"].std[0]).all()
    assert eta2 == pytest.approx([role.eta2 for role in class_selectivity.roles(own_profile)])


def learning(eta2: list[list[float]]) -> gate_life.Learning:
    rows = np.array(eta2)
    names = tuple(f"layer1.{b}.se" for b in range(rows.shape[1]))
    epochs = (0, *(2**n for n in range(len(rows) - 1)))
    return gate_life.Learning("tiny_se", 80, 100, 5, epochs, names, rows / 2, rows, rows[:2])


def test_the_first_to_learn_is_the_first_that_has_risen_far_enough() -> None:
    found = gate_life.first(learning([[0.1, 0.3, 0.2], [0.2, 0.3, 0.2], [0.2, 0.3, 0.5], [0.6, 0.3, 0.9]]))
    assert found is not None
    assert (found.epoch, found.best, found.three) == (2, 2, (0, 1, 2))
    assert found.gains == pytest.approx((0.1, 0.0, 0.3))


def test_a_near_thing_and_a_network_that_learns_nothing_have_no_first() -> None:
    assert gate_life.first(learning([[0.1, 0.1, 0.1], [0.35, 0.3, 0.1]])) is not None
    assert gate_life.first(learning([[0.1, 0.1, 0.1], [0.35, 0.34, 0.34]])) is None
    assert gate_life.first(learning([[0.1, 0.1, 0.1], [0.2, 0.25, 0.1]])) is None
    assert gate_life.first(learning([[0.1, 0.1], [0.6, 0.1]])) is None


def test_the_card_shows_both_ends_and_refuses_what_is_of_other_weights(
    own: Path, measured: dict[str, gate_life.Learning]
) -> None:
    profile = own / "profile.safetensors"
    assert main([*PROFILE, str(own / "data"), "--out", str(profile)]) == 0
    weights, profiles = model_card.read_all(own), gate_profile.read(profile)
    if (size := model_card.best_size(weights)) != 80:
        again = [*PROFILE, str(own / "data"), "--size", str(size), "--out"]
        assert main([*again, str(profile)]) == 0
        profiles = gate_profile.read(profile)
        assert main([*again, str(own / "other.safetensors"), "--film"]) == 0
        measured = gate_life.read(own / "other.safetensors")
    text = model_card.build(weights, profiles, measured)
    for key, found in measured.items():
        below = text[text.index(f"### `{key}`, before and after") :]
        for b, name in enumerate(found.blocks):
            line = next(line for line in below.splitlines() if line.startswith(f"| `{name}` |"))
            cells = [float(cell) for cell in line.strip("|").split("|")[1:]]
            both = [found.start[0, b], found.std[-1, b], found.start[1, b], found.eta2[-1, b]]
            assert cells == pytest.approx(both, abs=0.005) and cells[1] == pytest.approx(both[1], abs=5e-5)
        wider = int((found.std[-1] > found.start[0]).sum())
        assert f"Gates move more than before in {wider} of 10 blocks" in below
    assert "kept after 1 and 2 epochs too" in text and f"starts {SMALL.gate_start:g} times" in text
    assert f"computed in {weights[0].precision}" in text
    off = replace(measured["tiny_se"], std=measured["tiny_se"].std + 0.01)
    with pytest.raises(CardRefused, match="tiny_se is of other weights"):
        model_card.build(weights, profiles, {"tiny_se": off})
    with pytest.raises(CardRefused, match="whose weights are not"):
        model_card.build(weights, profiles, {"tiny_se_h": replace(measured["tiny_se"], model="tiny_se_h")})


# --- what is shipped --------------------------------------------------------------------------------------------------


def test_the_shipped_film_ends_with_the_shipped_network_and_begins_untrained() -> None:
    epochs, about = weight_files.film("tiny_se"), weight_files.shipped("tiny_se")
    assert about is not None and epochs == (0, *Recipe(**about.recipe).frames(), about.epoch)
    first, last, shipped = (
        load.load("tiny_se", weights=weights) for weights in (f"epoch-{epochs[0]}", f"epoch-{epochs[-1]}", "pretrained")
    )
    stored = load_file(SHIPPED / "tiny_se.safetensors")
    for key, value in shipped.state_dict().items():
        assert torch.equal(last.state_dict()[key], value) and torch.equal(value.float(), stored[key].float())
    start = untrained(Recipe(**about.recipe), len(about.classes)).state_dict()
    assert all(torch.equal(first.state_dict()[key], start[key]) for key in start)
    norms = [part for part in first.modules() if isinstance(part, torch.nn.BatchNorm2d)]
    assert norms and all(not part.running_mean.any() and (part.weight == 1).all() for part in norms)


def test_the_shipped_film_grows_from_guessing_to_what_the_card_says() -> None:
    about, epochs = weight_files.shipped("tiny_se"), weight_files.film("tiny_se")
    assert about is not None and len(about.top1_by_epoch) == about.epoch + 1 == about.recipe["epochs"] + 1
    course = [about.top1_by_epoch[epoch] for epoch in epochs]
    assert course[0] == pytest.approx(100 / len(about.classes), abs=1.5) and course == sorted(course)
    # both at the size at which it is used; the file holds float16
    assert course[-1] == pytest.approx(about.top1[catalogue.spec("tiny_se").size], abs=0.3)
    others = [weight_files.shipped(key) for key in catalogue.OURS]
    assert all(other is not None and len(other.top1_by_epoch) == len(about.top1_by_epoch) for other in others)


def test_all_frames_together_are_small_enough_to_ship() -> None:
    frames = list(SHIPPED.glob("*.epoch-*.safetensors"))
    assert frames and sum(path.stat().st_size for path in frames) <= 16 * MIB


def test_the_shipped_measures_are_of_the_shipped_weights() -> None:
    measured, profiles = gate_life.read(), gate_profile.read()
    assert set(measured) == {key for key in catalogue.OURS if catalogue.spec(key).blocks}
    for key, found in measured.items():
        assert found.epochs == (weight_files.film(key) or (0, found.epochs[-1]))
        std, eta2 = gate_life.moved(profiles[key])
        assert found.std[-1] == pytest.approx(std, abs=1e-3) and found.eta2[-1] == pytest.approx(eta2, abs=0.01)


def test_gates_of_the_shipped_network_speak() -> None:
    found = gate_life.read()["tiny_se"]
    assert (found.std[-1] >= model_card.STRONG).sum() >= 7 and found.std[-1].min() >= gate_life.ALIVE
    assert (found.std[-1] > found.start[0]).sum() >= 7 and (found.eta2[-1] > found.start[1]).sum() >= 7
    assert gate_life.first(found) is not None
