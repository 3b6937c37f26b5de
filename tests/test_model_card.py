"""The model card: built from made-up weight files whose numbers are known, and refused where files disagree."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from senet_viz.errors import CardRefused, TrainingRefused, WeightsInvalid
from senet_viz.experiments import gate_profile, kernel_preference, profiling
from senet_viz.experiments.gate_profile import Profile
from senet_viz.findings import gate_life, model_card
from senet_viz.findings.gate_life import life
from senet_viz.findings.kernel_choice import verdicts
from senet_viz.findings.model_agreement import points
from senet_viz.findings.model_card import Weights, best_size, read_all, read_weights
from senet_viz.models import catalogue, class_names, load
from senet_viz.networks.tiny import BLOCKS, TinyNet
from senet_viz.open_set import record
from senet_viz.photos import preprocess, samples
from senet_viz.training.data import normalise
from senet_viz.training.loop import Run, read_data, write
from senet_viz.training.recipe import Recipe
from tests import folders, truth

SHIPPED = gate_profile.FILE.parent
READY = all((SHIPPED / f"tiny_{b}.safetensors").is_file() for b in BLOCKS) and gate_profile.FILE.is_file()


@dataclass(frozen=True)
class Made:
    folder: Path  # four weight files and their profile
    data: Path
    weights: tuple[Weights, ...]
    profiles: dict[str, Profile]
    text: str


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Four networks after one epoch on two colours: enough to answer, not enough to be right."""
    folder, data = tmp_path_factory.mktemp("weights"), folders.data(tmp_path_factory.mktemp("data"), side=32)
    recipe = Recipe(epochs=1, batch=4, size=32, early_size=24, ema=0.5, lr=0.05)
    train, val = read_data(data, recipe)
    for block in BLOCKS:
        run = Run(replace(recipe, block=block), train, torch.device("cpu"))
        run.one_epoch()
        run.seconds = 7200.0
        write(folder / f"tiny_{block}.safetensors", run, val)
    weights = read_all(folder)
    size, found = best_size(weights), []
    for w in weights:
        module = load.load(w.key, file=folder / f"{w.key}.safetensors")
        one = profiling.run(module, val.x, val.y, val.classes, size, normalise, model=w.key, outputs=w.classes)
        if w.block == "sk":
            control = TinyNet("sk", 2).eval()
            one = replace(one, selection=kernel_preference.selection(module, control, val.x, size, normalise))
        found.append(one)
    gate_profile.write(folder / "profile.safetensors", found)
    profiles = gate_profile.read(folder / "profile.safetensors")
    return Made(folder, data, weights, profiles, model_card.build(weights, profiles))


def row(text: str, start: str, heading: str = "#") -> list[str]:
    """Cells of the first table row under ``heading`` whose first cell is ``start``."""
    below = text[text.index(heading) :]
    line = next(line for line in below.splitlines() if line.startswith(f"| {start} |"))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_facts_are_those_of_the_file(made: Made) -> None:
    assert [w.block for w in made.weights] == ["plain", "se", "se_h", "sk"]
    for w in made.weights:
        path = made.folder / f"{w.key}.safetensors"
        assert w.parameters == sum(p.numel() for p in TinyNet(w.block, 2).parameters())
        assert w.size == path.stat().st_size and w.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
        assert (w.classes, w.val_pictures, w.train_pictures) == (("blue", "red"), 10, 16)


def test_the_card_says_what_the_files_say(made: Made) -> None:
    size = best_size(made.weights)
    for w in made.weights:
        cells = row(made.text, f"`{w.key}`")
        assert cells[2] == f"{w.parameters:,}"
        assert cells[4:8] == [f"**{w.top1[size]:.2f} %**", "10", "120 min", "one CPU thread"]
        by_size = row(made.text, f"`{w.key}`", "## Input size")[1:]
        assert [float(cell.strip("*")) for cell in by_size] == pytest.approx(list(w.top1.values()), abs=0.005)
        assert w.sha256 in made.text
    assert f"**{size} pixels**" in made.text
    assert "once** (seed 0)" in made.text and "24.0 hours" in made.text
    assert "train --data DIR --all --out assets/weights --epochs 1\n" in made.text
    assert "blue, red." in made.text


def test_the_card_states_how_alive_the_gates_are(made: Made) -> None:
    for key in ("tiny_se", "tiny_se_h", "tiny_sk"):
        found = made.profiles[key]
        alive = 0
        for block in found.blocks:
            expected = life(block, found.counts)
            cells = row(made.text, f"`{block.name}`", f"### `{key}`")
            assert cells[2] == f"{expected.std:.4f}" and cells[-1].strip("*") == expected.verdict
            alive += expected.std >= 0.02
            section = made.text[made.text.index(f"### `{key}`") :].split("\n")[2]
            assert (f"`{block.name}` ({expected.verdict})" in section) == (expected.verdict != "alive")
        assert f"{alive} of 10 blocks" in made.text[made.text.index(f"### `{key}`") :]


def test_the_card_compares_with_plain_on_the_same_pictures(made: Made) -> None:
    plain, ours = made.profiles["tiny_plain"].hits(), made.profiles["tiny_sk"].hits()
    assert plain is not None and ours is not None
    found = points(ours, plain)
    assert row(made.text, "`tiny_sk`", "## Do the gates")[2] == f"{found.value:+.2f} ± {found.half:.2f} points"


def test_the_card_gives_every_sk_unit_and_a_verdict(made: Made) -> None:
    chosen = made.profiles["tiny_sk"].selection
    assert chosen is not None
    for expected in verdicts(chosen):
        cells = row(made.text, f"`{expected.unit}`", "## Which kernel")
        assert cells[1:4] == [f"{mean:+.4f} ± {std:.4f}" for mean, std in expected.levels]
        assert cells[-1] == model_card.said(expected)
    assert "**Verdict.** Of the 7 units below the last stage" in made.text


def test_without_a_profile_the_card_says_what_it_cannot_answer(made: Made) -> None:
    text = model_card.build(made.weights, {})
    assert "Not answered: the network without gates has not been measured." in text
    assert "Which kernel" not in text


def test_the_best_size_is_best_for_all_together_and_small_rather_than_large(made: Made) -> None:
    a, b = made.weights[:2]
    a, b = replace(a, top1={64: 50.0, 80: 60.0, 96: 58.0}), replace(b, top1={64: 50.0, 80: 57.0, 96: 61.0})
    assert best_size([a]) == 80 and best_size([a, b]) == 96
    assert best_size([replace(a, top1={64: 60.0, 80: 60.0})]) == 64
    assert best_size([a, replace(b, top1={64: 1.0})]) == 64  # the only size that both know


# --- files that do not belong together ----------------------------------------------------------------------------


def test_a_profile_of_other_weights_or_another_size_is_refused(made: Made) -> None:
    size = best_size(made.weights)
    changed = [replace(w, top1={**w.top1, size: w.top1[size] - 5}) if w.block == "se" else w for w in made.weights]
    if best_size(changed) == size:
        with pytest.raises(CardRefused, match=r"The profile of tiny_se recognises .* make the profile again"):
            model_card.build(changed, made.profiles)
    other = {**made.profiles, "tiny_se": replace(made.profiles["tiny_se"], size=size + 8)}
    with pytest.raises(CardRefused, match=f"make it again with --size {size}"):
        model_card.build(made.weights, other)
    with pytest.raises(CardRefused, match="tiny_se, whose weights are not here"):
        model_card.build([w for w in made.weights if w.block == "plain"], {"tiny_se": made.profiles["tiny_se"]})


def test_networks_of_different_recipes_are_not_compared(made: Made) -> None:
    first, *rest = made.weights
    with pytest.raises(CardRefused, match="different recipes or classes"):
        model_card.build([replace(first, recipe={**first.recipe, "seed": 9}), *rest], {})


def test_an_empty_folder_and_a_damaged_file_are_refused(made: Made, tmp_path: Path) -> None:
    with pytest.raises(CardRefused, match="no tiny_"):
        read_all(tmp_path)
    (tmp_path / "tiny_se.safetensors").write_bytes(b"nothing")
    with pytest.raises(WeightsInvalid, match=r"^tiny_se\.safetensors cannot be used"):
        read_all(tmp_path)
    save_file({"a": torch.zeros(2)}, tmp_path / "tiny_se.safetensors")
    with pytest.raises(WeightsInvalid, match="cannot be used"):
        read_weights(tmp_path / "tiny_se.safetensors")


def test_verify_counts_again(made: Made, tmp_path: Path) -> None:
    said: list[str] = []
    model_card.verify(made.folder, made.data, made.weights, said.append)
    assert len(said) == 4
    w = made.weights[1]
    with pytest.raises(CardRefused, match=r"tiny_se recognises .* but says"):
        model_card.verify(made.folder, made.data, [replace(w, top1={64: w.top1[64] + 1})])
    with pytest.raises(TrainingRefused, match="The folder"):
        model_card.verify(made.folder, tmp_path, made.weights)


# --- what is shipped ----------------------------------------------------------------------------------------------


@pytest.mark.skipif(not READY, reason="the trained networks and their profile are not here")
class TestShipped:
    def test_the_card_is_what_its_files_say(self) -> None:
        text = (SHIPPED / "README.md").read_text(encoding="utf-8")
        assert text == model_card.build(read_all(SHIPPED), gate_profile.read(), gate_life.read(), record.read())

    def test_a_record_of_other_weights_is_refused(self) -> None:
        key, found = next(iter(record.read().items()))
        with pytest.raises(CardRefused, match=f"Whether {key} notices strangers was measured with other weights"):
            model_card.build(read_all(SHIPPED), gate_profile.read(), listed={key: replace(found, weights="0" * 64)})

    def test_every_model_runs_at_the_size_that_the_data_chose(self) -> None:
        weights = read_all(SHIPPED)
        assert {catalogue.spec(w.key).size for w in weights} == {best_size(weights)}

    def test_the_files_are_small(self) -> None:
        assert sum(w.size for w in read_all(SHIPPED)) <= 40 * 2**20
        assert gate_profile.FILE.stat().st_size <= 10 * 2**20

    @pytest.mark.parametrize("block", BLOCKS)
    def test_the_files_hold_a_whole_finite_network(self, block: str) -> None:
        state = load_file(SHIPPED / f"tiny_{block}.safetensors")
        fresh = TinyNet(block, 50).state_dict()
        assert {k: v.shape for k, v in state.items()} == {k: v.shape for k, v in fresh.items()}
        assert all(bool(v.isfinite().all()) for v in state.values())

    def test_their_metadata_says_how_they_were_made(self) -> None:
        for w in read_all(SHIPPED):
            assert w.val_pictures == 50 * len(w.classes) and w.train_pictures == 500 * len(w.classes)
            assert Recipe(**w.recipe) == Recipe(block=w.block)
            assert min(w.top1.values()) > 100 / len(w.classes)
            assert class_names._table("tiny.json").keys() >= set(w.classes)

    def test_at_least_half_of_the_gates_are_alive(self) -> None:
        for key in ("tiny_se", "tiny_se_h"):
            found = gate_profile.read()[key]
            assert sum(life(block, found.counts).std >= 0.02 for block in found.blocks) >= len(found.blocks) / 2

    @pytest.mark.parametrize(("sample", "names"), [("chelsea", ("tabby", "Persian cat")), ("coffee", ("espresso",))])
    def test_the_default_model_knows_the_sample_photos(self, sample: str, names: tuple[str, ...]) -> None:
        spec = catalogue.spec(catalogue.DEFAULT)
        with torch.inference_mode():
            scores = truth.model(spec.key, "pretrained")(preprocess.preprocess(samples.sample(sample), spec).x)[0]
        assert class_names.names(spec)[int(scores.argmax())] in names
