"""Is the gate worth anything? Batches against one picture at a time, intervals against published ones, the file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binomtest
from torch import Tensor, nn

from senet_viz import stats
from senet_viz.errors import WeightsInvalid
from senet_viz.experiments import gate_ablation, gate_profile
from senet_viz.experiments.gate_ablation import CONDITIONS, Worth
from senet_viz.findings import gate_ablation as findings
from senet_viz.models import catalogue, weight_files
from senet_viz.photos import preprocess, samples
from senet_viz.tap import hooks as tap
from senet_viz.types import Edit
from tests import truth
from tests.conftest import hooks
from tests.networks import pictures

Build = Callable[[str], nn.Module]


# --- measuring --------------------------------------------------------------------------------------------------------


def by_hand(
    module: nn.Module, x: Tensor, lender: Tensor, means: dict[str, np.ndarray], condition: str, seed: int
) -> int:
    """The network's answer to one picture with other gates, from edits of single blocks."""

    def bring(op: str, gates: dict[str, np.ndarray]) -> list[Edit]:
        return [Edit(n, op, gates=tuple(tuple(float(v) for v in row) for row in g)) for n, g in gates.items()]

    lent = {b.name: b.gate.numpy() for b in tap.run(module, lender).blocks}
    edits = {
        "own": [],
        "mean": bring("mean", means),
        "level": bring(
            "mean", {n: np.stack([np.full(g.shape[1], g[m].mean()) for m in range(len(g))]) for n, g in means.items()}
        ),
        "ones": [Edit(n, "fill", value=1 / len(g)) for n, g in means.items()],
        "shuffled": [Edit(n, "shuffle", value=seed) for n in means],
        "other": bring("photo", lent),
    }
    return int(tap.run(module, x, edits[condition]).logits.argmax())


@pytest.mark.parametrize("name", ["ours/se", "ours/se_h", "ours/sk", "models/mobilenet_v3_small"])
def test_every_condition_is_one_picture_at_a_time(build: Build, name: str) -> None:
    module, x = build(name), pictures(7)
    module_hooks = hooks(module)
    blocks = tap.run_batch(module, x)
    answers = [int(t.logits.argmax()) for t in blocks]
    means = {b.name: np.mean([t.block(b.name).gate.numpy() for t in blocks], axis=0) for b in blocks[0].blocks}
    # labels that are right for some pictures under some conditions: what the gates of another photo make of them
    y = np.array([answers[0], answers[1], 3, answers[3], answers[2], 3, answers[6]])
    _, partner = gate_ablation.partners(y)
    asked: list[list[int]] = []

    def fetch(numbers: Sequence[int]) -> Tensor:
        asked.append(list(numbers))
        return x[list(numbers)]

    seeds = (0, 5)
    found = gate_ablation.measure(module, fetch, y, 1000, means, seeds, batch=3, model=name)
    assert found.rows == gate_ablation.rows(seeds) == ("own", "mean", "level", "ones", "shuffled", "shuffled", "other")
    seed = iter(seeds)
    for row, condition in enumerate(found.rows):
        s = next(seed) if condition == "shuffled" else 0
        expected = [
            by_hand(module, x[i : i + 1], x[partner[i]][None], means, condition, s) == y[i] for i in range(len(x))
        ]
        assert found.hits[row].tolist() == expected, condition
    assert sorted(i for numbers, n in zip(asked, (3, 3, 1), strict=True) for i in numbers[:n]) == list(range(7))
    assert len({tuple(row) for row in found.hits.tolist()}) > 1, "or the gates play no part"
    assert hooks(module) == module_hooks


def test_it_stops_when_told_and_keeps_what_is_done(build: Build) -> None:
    module, x = build("ours/se"), pictures(8)
    y = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    means = {b.name: b.gate.numpy() for b in tap.run(module, x[:1]).blocks}
    told: list[tuple[int, int]] = []

    def fetch(numbers: Sequence[int]) -> Tensor:
        return x[list(numbers)]

    def stop(done: int, total: int) -> bool:
        told.append((done, total))
        return done < 4

    part = gate_ablation.measure(module, fetch, y, 50, means, (0,), stop, batch=2)
    whole = gate_ablation.measure(module, fetch, y, 50, means, (0,), batch=3)
    assert told == [(2, 8), (4, 8)] and part.hits.shape == (6, 4)
    order, _ = gate_ablation.partners(y)
    assert np.array_equal(part.hits, whole.hits[:, np.sort(order[:4])])


@pytest.mark.parametrize("y", [[0, 1], [0, 0, 0, 1, 1, 2], [5, 5, 5, 5, 5, 9], list(range(9)), [1, 0] * 8])
def test_partners_are_of_another_class_and_classes_take_turns(y: list[int]) -> None:
    labels = np.array(y)
    order, partner = gate_ablation.partners(labels)
    assert sorted(order.tolist()) == list(range(len(y)))
    assert all(labels[i] != labels[p] for i, p in enumerate(partner))
    kinds = len(set(y))
    assert len({y[i] for i in order[:kinds]}) == kinds, "the first pictures are one of each class"


def test_one_class_has_no_partner() -> None:
    with pytest.raises(ValueError, match="two classes"):
        gate_ablation.partners(np.array([3, 3, 3]))


# --- intervals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("k", "n"), [(0, 10), (1, 29), (0, 20), (15, 148), (81, 263), (7, 7), (1250, 2500)])
def test_wilson_is_scipys(k: int, n: int) -> None:
    theirs = binomtest(k, n).proportion_ci(method="wilson")
    assert stats.wilson(k / n, n) == pytest.approx((k / n, theirs.low, theirs.high), abs=1e-6)


@pytest.mark.parametrize(
    ("both", "first", "second", "none", "expected"),
    [  # Newcombe, Statistics in Medicine 17 (1998) 2635, table III, method 10
        (36, 12, 2, 0, (0.0569, 0.3404)),
        (20, 12, 2, 16, (0.0562, 0.3292)),
        (0, 0, 0, 1, (-0.7935, 0.7935)),
    ],
)
def test_the_paired_interval_is_the_published_one(
    both: int, first: int, second: int, none: int, expected: tuple[float, float]
) -> None:
    a = np.array([1.0] * (both + first) + [0.0] * (second + none))
    b = np.array([1.0] * both + [0.0] * first + [1.0] * second + [0.0] * none)
    change, *interval = stats.paired(a, b)
    assert change == pytest.approx((first - second) / len(a))
    assert interval == pytest.approx(expected, abs=2e-4)
    back, low, high = stats.paired(b, a)
    assert (back, -high, -low) == pytest.approx((-change, *interval))


@pytest.mark.parametrize(("n", "truth"), [(20, (0.6, 0.2, 0.05)), (60, (0.4, 0.1, 0.1)), (300, (0.7, 0.02, 0.0))])
def test_the_paired_interval_covers(n: int, truth: tuple[float, float, float]) -> None:
    random = np.random.default_rng(0)
    both, first, second = truth
    inside = 0
    for _ in range(400):
        kind = random.choice(4, n, p=[both, first, second, 1 - sum(truth)])
        _, low, high = stats.paired((kind < 2).astype(float), ((kind == 0) | (kind == 2)).astype(float))
        inside += low <= first - second <= high
    assert inside >= 0.92 * 400


def test_seeds_are_averaged() -> None:
    hits = np.array([[1, 1, 1, 0]] * 4 + [[1, 0, 0, 0], [1, 1, 0, 0]] + [[0, 0, 0, 0]], dtype=bool)
    found = Worth("m", 4, gate_ablation.rows((0, 1)), hits)
    assert found.share("shuffled").tolist() == [1, 0.5, 0, 0]
    assert found.accuracy("shuffled").value == 0.375 and found.change("shuffled").value == pytest.approx(-0.375)
    assert found.change("own").value == 0 and found.chance == 0.25


# --- verdict ----------------------------------------------------------------------------------------------------------


def made(own: float, mean: float, level: float, ones: float, n: int = 1000, outputs: int = 50) -> Worth:
    share = {"own": own, "mean": mean, "level": level, "ones": ones, "shuffled": level, "other": mean}
    return Worth("m", outputs, CONDITIONS, np.stack([np.arange(n) < share[c] * n for c in CONDITIONS]))


@pytest.mark.parametrize(
    ("shares", "word", "needs"),
    [
        ((0.02, 0.02, 0.02, 0.02), "chance", 0.0),
        ((0.7, 0.7, 0.7, 0.7), "nothing", 0.0),
        ((0.7, 0.7, 0.7, 0.1), "constant", 0.0),
        ((0.7, 0.66, 0.3, 0.1), "constant", 0.1),
        ((0.7, 0.5, 0.3, 0.02), "both", 0.5),
        ((0.7, 0.34, 0.3, 0.02), "photo", 0.9),
        ((0.7, 0.3, 0.6, 0.02), "photo", 1.0),
    ],
)
def test_the_verdict_is_in_the_numbers(shares: tuple[float, float, float, float], word: str, needs: float) -> None:
    said = findings.verdict(made(*shares))
    assert (said.word, said.needs_photo) == (word, pytest.approx(needs, abs=1e-9))


def test_few_pictures_prove_little() -> None:
    assert findings.verdict(made(0.7, 0.6, 0.6, 0.6, n=10)).word == "few"
    assert findings.verdict(made(0.75, 0.58, 0.75, 0.0, n=12)).word == "few", "gates of 1 say nothing about constants"
    assert findings.verdict(made(0.75, 0.67, 0.2, 0.0, n=12)).word == "few"
    assert findings.verdict(made(0.2, 0.1, 0.1, 0.1, n=10, outputs=5)).word == "chance"


# --- the file ---------------------------------------------------------------------------------------------------------


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    before = [Worth(f"m{n}", n, gate_ablation.rows(), random.random((8, n)) < 0.5) for n in (1, 8, 2500)]
    before.append(
        Worth("columns", 7, gate_ablation.rows(), np.asfortranarray(before[-1].hits))
    )  # however it lies in memory
    gate_ablation.write(tmp_path / "new" / "worth.safetensors", before)
    after = gate_ablation.read(tmp_path / "new" / "worth.safetensors")
    for one in before:
        two = after[one.model]
        assert (two.outputs, two.rows) == (one.outputs, one.rows) and np.array_equal(two.hits, one.hits)


@pytest.mark.parametrize("damage", ["missing", "garbage", "truncated", "another"])
def test_a_damaged_file_gives_one_sentence(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "worth.safetensors"
    gate_ablation.write(path, [made(0.7, 0.5, 0.3, 0.1)])
    if damage == "another":
        path.write_bytes(gate_profile.FILE.read_bytes())
    elif damage == "missing":
        path.unlink()
    else:
        path.write_bytes(b"nothing" if damage == "garbage" else path.read_bytes()[:-50])
    with pytest.raises(WeightsInvalid, match=r"^worth\.safetensors cannot be used: ") as caught:
        gate_ablation.read(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("model", ["tiny_se", "tiny_se_h", "tiny_sk"])
class TestShipped:
    def test_as_they_are_is_what_the_profile_says_picture_by_picture(self, model: str) -> None:
        found, known = gate_ablation.read()[model], gate_profile.read()[model]
        about, hits = weight_files.shipped(model), known.hits()
        assert about is not None and hits is not None
        assert found.rows == gate_ablation.rows() and found.outputs == len(about.classes)
        assert np.array_equal(found.hits[0], hits), "the same pictures in the same order"

    def test_sample_photos_under_the_same_gates(self, model: str) -> None:
        """The constants that were measured with are the profile's: one picture at a time gives the same."""
        spec, module, means = (
            catalogue.spec(model),
            truth.model(model, "pretrained"),
            gate_profile.read()[model].means(),
        )
        shown = [
            preprocess.preprocess(samples.sample(key), spec).x for key in ("chelsea", "coffee", "flower", "rocket")
        ]
        own = [int(tap.run(module, x).logits.argmax()) for x in shown]
        y = np.array(own)
        y[1] = by_hand(module, shown[1], shown[0], means, "mean", 0)
        if len(set(y.tolist())) < 2:
            pytest.skip("the network takes all samples for one class")
        _, partner = gate_ablation.partners(y)

        def fetch(numbers: Sequence[int]) -> Tensor:
            import torch

            return torch.cat([shown[i] for i in numbers])

        found = gate_ablation.measure(module, fetch, y, len(means), means, (0,), batch=2)
        for row, condition in enumerate(found.rows):
            expected = [by_hand(module, shown[i], shown[partner[i]], means, condition, 0) == y[i] for i in range(4)]
            assert found.hits[row].tolist() == expected, condition
