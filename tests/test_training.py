"""Training: what a network sees, what a checkpoint holds, what the file says, and what is refused."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file
from scipy.special import betainc
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from senet_viz.errors import TrainingRefused
from senet_viz.models import load, weight_files
from senet_viz.networks.tiny import BLOCKS, TinyNet
from senet_viz.training.data import Folder, augment, batches, mixed, normalise, read_folder
from senet_viz.training.loop import (
    EVAL_SIZES,
    PRECISIONS,
    Run,
    accuracy,
    faster_precision,
    frame_path,
    read_data,
    train,
    untrained,
    write,
)
from senet_viz.training.recipe import Recipe
from tests import folders

CPU = torch.device("cpu")
ROOT = Path(__file__).resolve().parents[1]
SMALL = Recipe(epochs=4, batch=4, size=32, early_size=24, shown=40, ema=0.5, lr=0.05)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return folders.data(tmp_path_factory.mktemp("data"))


def noise(n: int = 6, classes: int = 3, side: int = 32, seed: int = 0) -> Folder:
    rng = torch.Generator().manual_seed(seed)
    x = torch.randint(0, 256, (n, 3, side, side), generator=rng, dtype=torch.uint8)
    return Folder(x, torch.randint(0, classes, (n,), generator=rng), tuple(f"class {k}" for k in range(classes)))


def meta(path: Path) -> dict[str, str]:
    with safe_open(path, framework="np") as file:
        found: dict[str, str] = file.metadata()
    return found


def same_film(one: Path, other: Path, frames: tuple[int, ...]) -> None:
    """Whether two trainings left the same weights, the same frames and the same course."""
    pairs = [(one, other), *((frame_path(one, n), frame_path(other, n)) for n in frames)]
    for a, b in pairs:
        ours, theirs = load_file(a), load_file(b)
        assert ours.keys() == theirs.keys() and all(torch.equal(ours[key], theirs[key]) for key in ours), a.name
        said = [{key: text for key, text in meta(path).items() if key != "train_seconds"} for path in (a, b)]
        assert said[0] == said[1], a.name
    assert len(list(one.parent.glob(f"{one.stem}.epoch-*"))) == len(frames)


# --- reading ------------------------------------------------------------------------------------------------------


def test_a_folder_is_read_as_torchvision_reads_it(tmp_path: Path) -> None:
    from torchvision.datasets import ImageFolder
    from torchvision.transforms import v2

    folders.write(tmp_path, ("blue", "green"), each=2, side=32)
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (50, 90, 3)).astype(np.uint8)).save(
        tmp_path / "green" / "9.png"
    )
    squared = v2.Compose([v2.Resize(32, antialias=True), v2.CenterCrop(32), v2.PILToTensor()])
    theirs = ImageFolder(str(tmp_path), transform=squared)
    ours = read_folder(tmp_path, 32)
    assert ours.classes == ("blue", "green")
    assert ours.y.tolist() == theirs.targets
    assert torch.equal(ours.x, torch.stack([picture for picture, _ in theirs]))


def test_only_the_first_classes_are_read(tmp_path: Path) -> None:
    folders.write(tmp_path, ("blue", "green", "red"), each=2, side=16)
    two = read_folder(tmp_path, 16, classes=2)
    assert two.classes == ("blue", "green") and two.y.tolist() == [0, 0, 1, 1]


def test_validation_has_the_classes_of_training_whatever_else_it_holds(tmp_path: Path) -> None:
    folders.write(tmp_path / "train", ("red",), each=2, side=16)
    folders.write(tmp_path / "val", ("blue", "red"), each=3, side=16)
    folder, val = read_data(tmp_path, replace(SMALL, size=16))
    assert folder.classes == val.classes == ("red",)
    assert val.y.tolist() == [0, 0, 0]
    assert val.x[:, 0].float().mean() > 150 > val.x[:, 2].float().mean()  # the red ones, not the first ones


@pytest.mark.parametrize("empty", [False, True])
def test_a_folder_that_is_missing_or_empty_is_refused(tmp_path: Path, empty: bool) -> None:
    where = tmp_path / "train"
    if empty:
        where.mkdir()
    with pytest.raises(TrainingRefused, match=r"The folder .*train (cannot be used|is not there)") as caught:
        read_folder(where)
    assert "\n" not in str(caught.value)


def test_a_class_without_pictures_a_missing_class_and_a_broken_picture_are_refused(tmp_path: Path) -> None:
    folders.data(tmp_path, side=16)
    with pytest.raises(TrainingRefused, match="no class green"):
        read_folder(tmp_path / "val", names=("blue", "green"))
    (tmp_path / "train" / "blue" / "3.png").write_bytes(b"\x89PNG\r\n\x1a\n and then nothing")
    with pytest.raises(TrainingRefused, match=r"blue.3\.png is not a picture"):
        read_folder(tmp_path / "train")
    (tmp_path / "val" / "nothing").mkdir()
    with pytest.raises(TrainingRefused, match="nothing"):
        read_folder(tmp_path / "val")


# --- what the network sees ----------------------------------------------------------------------------------------


def test_draws_in_the_middle_leave_a_picture_as_it_is() -> None:
    x = noise().x
    middle = torch.full((7, len(x)), 0.5)
    assert torch.allclose(augment(x, 32, 1.0, middle), normalise(x), atol=1e-3)


def test_the_fifth_draw_flips() -> None:
    x = noise().x
    draws = torch.full((7, len(x)), 0.5)
    draws[4] = 0.0
    assert torch.allclose(augment(x, 32, 1.0, draws), normalise(x.flip(3)), atol=1e-3)


def test_a_quarter_of_the_area_shows_an_object_twice_as_large() -> None:
    x = torch.zeros(1, 3, 32, 32, dtype=torch.uint8)
    x[:, :, 8:24, 8:24] = 200  # half as wide as the picture
    draws = torch.full((7, 1), 0.5)
    draws[0] = 0.0
    seen = augment(x, 32, 0.25, draws)
    white = normalise(torch.full((1, 3, 32, 32), 200, dtype=torch.uint8))
    assert torch.allclose(seen[..., 2:-2, 2:-2], white[..., 2:-2, 2:-2], atol=1e-3)


def test_contrast_and_brightness_stay_within_their_bounds() -> None:
    x = noise(64).x
    rng = torch.Generator().manual_seed(0)
    draws = torch.full((7, 64), 0.5)
    draws[5:] = torch.rand(2, 64, generator=rng)
    std, mean = torch.tensor([0.229, 0.224, 0.225]), torch.tensor([0.485, 0.456, 0.406])
    seen = augment(x, 32, 1.0, draws) * std.view(3, 1, 1) + mean.view(3, 1, 1)
    ratio = seen.mean((1, 2, 3)) / (x.float() / 255).mean((1, 2, 3))
    assert 0.65 < float(ratio.min()) < 0.8 and 1.2 < float(ratio.max()) < 1.35


def test_batches_depend_on_seed_and_epoch_alone_and_hold_every_picture_once() -> None:
    data = noise(11)
    data = Folder(data.x, torch.arange(11), data.classes)
    recipe = replace(SMALL, early_share=0.5, mix=0.0)

    def labels(epoch: int, recipe: Recipe = recipe) -> list[int]:
        return [int(k) for _, y in batches(data, recipe, epoch) for k in y]

    assert sorted(labels(0)) == list(range(11))
    assert labels(0) == labels(0) != labels(1)
    assert labels(0) != labels(0, replace(recipe, seed=1))
    first, again = (next(batches(data, recipe, 3))[0] for _ in range(2))
    assert torch.equal(first, again) and first.shape == (4, 3, 32, 32)
    assert next(batches(data, recipe, 0))[0].shape == (4, 3, 24, 24)  # early epochs run smaller pictures


def test_mixed_pictures_belong_to_both_classes() -> None:
    x, y = torch.rand(3, 3, 8, 8), torch.tensor([2, 0, 1])
    seen, belongs = mixed(x, y, 0.75, 4)
    for row, other in ((0, 2), (1, 1), (2, 0)):
        assert torch.allclose(seen[row], 0.75 * x[row] + 0.25 * x[other])
        want = torch.zeros(4)
        want[y[row]] += 0.75
        want[y[other]] += 0.25
        assert torch.equal(belongs[row], want)


def test_how_much_is_mixed_in_follows_the_recipe() -> None:
    data = noise(400)
    recipe = replace(SMALL, mix=0.2)
    alone, both = (list(batches(data, replace(recipe, mix=mix), 0)) for mix in (0.0, 0.2))
    shares = []
    for (x, y), (seen, belongs) in zip(alone, both, strict=True):
        assert torch.allclose(belongs.sum(1), torch.ones(len(y)))
        found = [float(s) for row, s in enumerate(belongs[range(len(y)), y]) if y[row] != y.flip(0)[row]]
        if found:
            assert found == pytest.approx([found[0]] * len(found), abs=1e-6)
            assert torch.allclose(seen, found[0] * x + (1 - found[0]) * x.flip(0), atol=1e-5)
            shares.append(found[0])
    assert np.mean([s < 0.1 or s > 0.9 for s in shares]) == pytest.approx(2 * betainc(0.2, 0.2, 0.1), abs=0.15)
    again = next(batches(data, recipe, 0))
    assert torch.equal(again[0], both[0][0]) and not torch.equal(next(batches(data, recipe, 1))[1], both[0][1])


# --- one run ------------------------------------------------------------------------------------------------------


def test_the_average_is_torchs_own() -> None:
    data = noise(20)
    run = Run(SMALL, data, CPU)
    theirs = AveragedModel(run.model, use_buffers=True)
    for epoch in range(SMALL.epochs):
        for n, (x, y) in enumerate(batches(data, SMALL, epoch), start=5 * epoch):
            run.step(x, y)
            theirs.multi_avg_fn = get_ema_multi_avg_fn(min(0.5, n / (n + 9)))
            theirs.update_parameters(run.model)
    ours = run.average.state_dict()
    assert all(torch.equal(value, ours[name]) for name, value in theirs.state_dict().items())
    assert not torch.equal(run.model.fc.weight, ours["module.fc.weight"])


def test_a_run_is_made_by_its_seed_and_leaves_the_global_random_numbers_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    first, same, other = (Run(replace(SMALL, seed=s), noise(), CPU).model.fc.weight for s in (1, 1, 2))
    assert torch.equal(torch.rand(3), expected)
    assert torch.equal(first, same) and not torch.equal(first, other)


def test_a_loss_that_is_no_number_stops_the_training() -> None:
    run = Run(SMALL, noise(8), CPU)
    with torch.no_grad():
        run.model.fc.weight.fill_(float("nan"))
    with pytest.raises(TrainingRefused, match="The loss is nan in epoch 1"):
        run.one_epoch()


@pytest.mark.parametrize("epochs", range(1, 7))
def test_a_very_short_training_has_a_cycle_too(epochs: int) -> None:
    run, rates = Run(replace(SMALL, epochs=epochs), noise(4), CPU), []
    for _ in range(epochs):
        rates.append(run.sgd.param_groups[0]["lr"])
        run.one_epoch()
    assert all(0 < rate <= SMALL.lr for rate in rates)


def test_one_picture_is_too_few() -> None:
    with pytest.raises(TrainingRefused, match="at least two"):
        Run(SMALL, noise(1), CPU)


def test_accuracy_equals_a_count_by_hand(build) -> None:  # type: ignore[no-untyped-def]
    net, data = build("ours/plain"), noise(40, classes=5, side=40)
    hits = {}
    for size in (40, 64):
        hits[size] = 0
        for picture, label in zip(data.x, data.y, strict=True):
            x = picture[None].float()
            if size != 40:
                x = F.interpolate(x, (size, size), mode="bicubic", antialias=True).clamp(0, 255)
            mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
            ready = (x[0].numpy().transpose(1, 2, 0) / 255 - mean) / std
            with torch.inference_mode():
                scores = net(torch.tensor(ready.transpose(2, 0, 1)[None], dtype=torch.float32))[0]
            hits[size] += int(scores.argmax() == label)
    right = replace(data, y=data.y.clone())
    assert accuracy(net, right, 40, CPU) == pytest.approx(100 * hits[40] / 40)
    assert accuracy(net, right, 64, CPU) == pytest.approx(100 * hits[64] / 40)


@pytest.mark.parametrize("block", BLOCKS)
def test_gates_decay_as_the_recipe_says_norms_and_biases_not_at_all(block: str) -> None:
    run = Run(replace(SMALL, block=block), noise(8), CPU)
    decays = {id(p): group["weight_decay"] for group in run.sgd.param_groups for p in group["params"]}
    gates = set()
    for name, module in run.model.named_modules():
        for p in module.parameters(recurse=False):
            gate = name.endswith((".fc1", ".fc2"))
            gates |= {name} if gate else set()
            decay = 0.0 if p.ndim == 1 else SMALL.gate_decay if gate else SMALL.weight_decay
            assert decays.pop(id(p)) == decay, name
    assert not decays and len(gates) == (0 if block == "plain" else 20)


@pytest.mark.parametrize("block", ["se", "se_h", "sk"])
def test_the_second_layer_of_a_gate_starts_larger_and_nothing_else_does(block: str) -> None:
    ours, plain = (untrained(replace(SMALL, block=block, gate_start=by), 3).state_dict() for by in (4.0, 1.0))
    for name, value in plain.items():
        assert torch.equal(ours[name], 4 * value if ".fc2." in name else value), name
    assert any(".fc2." in name for name in plain)
    start = Run(replace(SMALL, block=block), noise(), CPU)
    assert all(torch.equal(value, ours[name]) for name, value in start.model.state_dict().items())


@pytest.mark.parametrize(
    ("seconds", "chosen"), [((9.0, 1.0), "bfloat16"), ((1.0, 9.0), "float32"), ((1, 1), "float32")]
)
def test_the_precision_that_was_measured_to_be_faster_is_taken(
    seconds: tuple[float, float], chosen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock alone is made up: a step takes as long as is said, in whichever precision it really runs."""
    now, ran = [0.0], list[str]()

    def step(self: Run, x: torch.Tensor, y: torch.Tensor, real: Any = Run.step) -> torch.Tensor:
        ran.append(self.precision)
        now[0] += seconds[self.precision == "bfloat16"]
        return real(self, x, y)

    monkeypatch.setattr(Run, "step", step)
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    assert faster_precision(SMALL, 3, CPU, steps=1) == chosen
    assert ran == ["float32"] * 2 + ["bfloat16"] * 2


def test_a_step_computes_in_the_precision_of_its_run() -> None:
    kinds = {}
    for precision in ("float32", "bfloat16"):
        run = Run(SMALL, noise(8), CPU, precision)
        run.model.fc.register_forward_hook(lambda m, i, out, p=precision: kinds.__setitem__(p, out.dtype))
        run.one_epoch()
    assert kinds == {"float32": torch.float32, "bfloat16": torch.bfloat16}


def test_a_resumed_training_keeps_its_precision(tmp_path: Path) -> None:
    train((noise(8), noise()), tmp_path / "a.safetensors", SMALL, stop_after=1, bar=False, precision="bfloat16")
    train((noise(8), noise()), tmp_path / "a.safetensors", SMALL, resume=True, bar=False, precision="float32")
    assert meta(tmp_path / "a.safetensors")["precision"] == "bfloat16"


@pytest.mark.parametrize(("epochs", "frames"), [(1, ()), (2, (1,)), (3, (1,)), (8, (1, 2, 4)), (40, (1, 2, 4, 8, 16))])
def test_frames_are_kept_at_powers_of_two_up_to_half(epochs: int, frames: tuple[int, ...]) -> None:
    assert replace(SMALL, epochs=epochs).frames() == frames


# --- training to the end ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trained(data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str], dict[str, float]]:
    out = tmp_path_factory.mktemp("out") / "deep" / "tiny_se.safetensors"
    said: list[str] = []
    top1 = train(data, out, replace(SMALL, epochs=10), report=said.append, bar=False)
    assert top1 is not None
    return out, said, top1


def test_it_learns(trained: tuple[Path, list[str], dict[str, float]]) -> None:
    _, said, _ = trained
    losses = [float(line.split("loss ")[1].split(",")[0]) for line in said]
    assert len(losses) == 10 and losses[-1] < losses[0]
    assert said[-1].startswith("epoch 10:") and "averaged top-1 100.00 %" in said[-1]  # two colours


def test_the_file_says_what_it_is(trained: tuple[Path, list[str], dict[str, float]], data: Path) -> None:
    out, _, top1 = trained
    with safe_open(out, framework="np") as file:
        meta = file.metadata()
        kinds = {file.get_tensor(key).dtype.name for key in file.keys()}  # noqa: SIM118
    assert meta["format"] == weight_files.FORMAT
    assert json.loads(meta["recipe"]) == asdict(replace(SMALL, epochs=10))
    assert json.loads(meta["classes"]) == ["blue", "red"]
    assert json.loads(meta["top1"]) == top1 and set(top1) == {str(size) for size in EVAL_SIZES}
    assert (meta["val_pictures"], meta["train_pictures"], meta["device"]) == ("10", "16", "cpu")
    assert float(meta["train_seconds"]) >= 0 and meta["torch"] == torch.__version__
    assert kinds == {"float16", "int64"}
    assert meta["epoch"] == "10" and meta["precision"] in PRECISIONS
    course = json.loads(meta["top1_by_epoch"])
    assert len(course) == 11 and course[-1] == 100.0


def test_every_frame_is_a_weight_file_of_its_epoch(
    trained: tuple[Path, list[str], dict[str, float]], data: Path
) -> None:
    out, said, _ = trained
    assert {path.name for path in out.parent.glob("*.safetensors")} == {
        "tiny_se.safetensors", *(f"tiny_se.epoch-{n}.safetensors" for n in (1, 2, 4))
    }  # fmt: skip
    course, val = json.loads(meta(out)["top1_by_epoch"]), read_folder(data / "val", 32)
    for epoch in (1, 2, 4):
        path = frame_path(out, epoch)
        own, net = meta(path), load.load("tiny_se", file=path)
        assert own["epoch"] == str(epoch) and json.loads(own["top1_by_epoch"]) == course[: epoch + 1]
        assert {key: own[key] for key in ("recipe", "classes")} == {
            key: meta(out)[key] for key in ("recipe", "classes")
        }
        # the line was said of float32, the file holds float16: one of ten pictures may fall on the other side
        assert accuracy(net, val, 40, CPU) == pytest.approx(course[epoch], abs=10)
        assert f"averaged top-1 {course[epoch]:.2f} %" in said[epoch - 1]
    assert accuracy(untrained(replace(SMALL, epochs=10), 2).eval(), val, 40, CPU) == course[0]


def test_the_accuracy_in_the_file_is_that_of_the_weights_in_the_file(
    trained: tuple[Path, list[str], dict[str, float]], data: Path
) -> None:
    out, _, top1 = trained
    net = TinyNet("se", 2).eval()
    net.load_state_dict(load_file(out))
    val = read_folder(data / "val", 32)
    for size in EVAL_SIZES:
        with torch.inference_mode():
            x = F.interpolate(val.x.float(), (size, size), mode="bicubic", antialias=True).clamp(0, 255)
            hits = int((net(normalise(x)).argmax(1) == val.y).sum())
        assert top1[str(size)] == pytest.approx(100 * hits / len(val.y))


def test_the_zoo_loads_what_training_wrote(trained: tuple[Path, list[str], dict[str, float]]) -> None:
    out, _, _ = trained
    net = load.load("tiny_se", file=out)
    assert torch.equal(net.state_dict()["fc.weight"], load_file(out)["fc.weight"].float())


@pytest.mark.parametrize("block", BLOCKS)
def test_interrupted_and_resumed_is_the_same_training(data: Path, tmp_path: Path, block: str) -> None:
    recipe = replace(SMALL, block=block, epochs=3)
    folder, val = read_data(data, recipe)

    def one(name: str, resume: bool = False, stop_after: int | None = None) -> dict[str, float] | None:
        how = {"stop_after": stop_after, "bar": False, "precision": "float32"}  # two would measure, and may differ
        return train((folder, val), tmp_path / name, recipe, "cpu", resume, lambda line: None, **how)  # type: ignore[arg-type]

    whole = one("whole.safetensors")
    assert one("parts.safetensors", stop_after=1) is None
    assert one("parts.safetensors", resume=True, stop_after=1) is None
    assert not (tmp_path / "parts.safetensors").exists()
    assert one("parts.safetensors", resume=True) == whole
    same_film(tmp_path / "whole.safetensors", tmp_path / "parts.safetensors", (1,))


def test_killed_in_the_middle_and_resumed_is_the_same_training(data: Path, tmp_path: Path) -> None:
    def command(name: str, *more: str) -> list[str]:
        out = str(tmp_path / name)
        options = ["--data", str(data), "--block", "plain", "--out", out, "--epochs", "8", "--quiet"]
        return [sys.executable, "-u", "-m", "senet_viz", "train", *options, *more]

    with subprocess.Popen(command("killed.safetensors"), stdout=subprocess.PIPE, text=True, cwd=ROOT) as child:
        assert child.stdout is not None
        assert child.stdout.readline().startswith("epoch 1:")
        child.send_signal(signal.SIGKILL)
    assert child.returncode == -signal.SIGKILL
    assert not (tmp_path / "killed.safetensors").exists()
    again = command("killed.safetensors", "--resume")
    resumed = subprocess.run(again, capture_output=True, text=True, check=True, cwd=ROOT)
    assert resumed.stdout.startswith("resumed after epoch ")
    recipe, precision = Recipe(block="plain", epochs=8), meta(tmp_path / "killed.safetensors")["precision"]
    train(data, tmp_path / "whole.safetensors", recipe, report=lambda line: None, bar=False, precision=precision)
    same_film(tmp_path / "whole.safetensors", tmp_path / "killed.safetensors", (1, 2, 4))


# --- checkpoints that are refused ---------------------------------------------------------------------------------


def test_a_checkpoint_of_another_recipe_is_refused_and_named(tmp_path: Path) -> None:
    Run(SMALL, noise(), CPU).save(tmp_path / "a.ckpt")
    with pytest.raises(TrainingRefused, match=r"a\.ckpt was made with another recipe: epochs 4 instead of 9, seed 0"):
        Run(replace(SMALL, epochs=9, seed=3), noise(), CPU).resume(tmp_path / "a.ckpt")


def test_a_checkpoint_of_other_classes_is_refused(tmp_path: Path) -> None:
    Run(SMALL, noise(classes=3), CPU).save(tmp_path / "a.ckpt")
    with pytest.raises(TrainingRefused, match="does not fit"):
        Run(SMALL, noise(classes=4), CPU).resume(tmp_path / "a.ckpt")


@pytest.mark.parametrize("damage", ["truncated", "garbage", "empty", "another"])
def test_a_damaged_checkpoint_is_refused_in_one_sentence(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "a.ckpt"
    Run(SMALL, noise(), CPU).save(path)
    whole = path.read_bytes()
    if damage == "another":
        torch.save({"weights": torch.zeros(3)}, path)
    else:
        path.write_bytes(
            {"truncated": whole[: len(whole) // 2], "garbage": b"no checkpoint" * 99, "empty": b""}[damage]
        )
    run = Run(SMALL, noise(), CPU)
    before = run.model.fc.weight.clone()
    with pytest.raises(TrainingRefused, match=r"^a\.ckpt is damaged: delete it to start over\.$"):
        run.resume(path)
    assert torch.equal(run.model.fc.weight, before) and run.epoch == 0


def test_a_checkpoint_is_never_unpickled(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (Path.touch, (tmp_path / "harm",))  # type: ignore[return-value]

    torch.save({"recipe": Bomb()}, tmp_path / "a.ckpt")
    with pytest.raises(TrainingRefused, match="damaged"):
        Run(SMALL, noise(), CPU).resume(tmp_path / "a.ckpt")
    assert not (tmp_path / "harm").exists()


def test_a_file_is_replaced_in_one_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "tiny_se.safetensors"
    run = Run(SMALL, noise(), CPU)
    write(path, run, noise())
    whole = path.read_bytes()

    def breaks(file: Path, data: bytes) -> None:
        with file.open("wb") as half:
            half.write(data[: len(data) // 2])
        raise OSError("disk full")

    monkeypatch.setattr(Path, "write_bytes", breaks)
    with pytest.raises(OSError, match="disk full"):
        write(path, run, noise())
    assert path.read_bytes() == whole
