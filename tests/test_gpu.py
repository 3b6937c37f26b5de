"""The paths of a GPU, as far as they can be walked without one: the same code, on the CPU."""

from __future__ import annotations

import pytest
import torch

from benchmarks import gpu
from senet_viz.models import devices
from senet_viz.tap import hooks
from tests import networks

CUDA = torch.cuda.is_available()


@pytest.mark.skipif(CUDA, reason="there is one")
def test_without_a_gpu_the_benchmark_says_so_in_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert gpu.main([]) == 2
    assert capsys.readouterr().out == "There is no cuda device here (cpu): nothing was measured.\n"


def test_the_benchmark_runs_on_the_cpu(capsys: pytest.CaptureFixture[str]) -> None:
    assert gpu.main(["--device", "cpu"]) == 0
    said = capsys.readouterr().out
    rows = ("sweep of nine scales", "a profile of 50 photos", "the bare forward", "profile / bare", "from the CPU's")
    assert [row in said for row in rows] == [True] * len(rows)
    assert "0.0e+00" in said, "the CPU's answers are the CPU's"


@pytest.mark.skipif(not CUDA, reason="no CUDA device here")
@pytest.mark.parametrize("key", ["tiny_se", "tiny_sk", "seresnet50"])
def test_a_gpus_answers_are_the_cpus(key: str) -> None:
    assert gpu.apart(key, "cuda") <= gpu.GOAL_APART


def test_a_gpu_computes_in_full_float32() -> None:
    """PyTorch lets convolutions on a GPU keep ten bits of a fraction, unless it is told not to."""
    devices.devices.cache_clear()
    torch.backends.cudnn.allow_tf32 = True
    devices.devices()
    assert torch.backends.cudnn.allow_tf32 is torch.backends.cuda.matmul.allow_tf32 is False


@pytest.mark.parametrize("key", ["models/tiny_se", "models/tiny_sk", "models/legacy_seresnet18"])
def test_gates_alone_are_those_of_the_traces(key: str) -> None:
    module, x = networks.network(key), torch.randn(3, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    scores, blocks = hooks.all_gates(module, x)
    traces = hooks.run_batch(module, x)
    assert scores is not None and torch.equal(scores, torch.stack([trace.logits for trace in traces]))
    assert [(name, kind) for name, kind, _ in blocks] == [(block.name, block.kind) for block in traces[0].blocks]
    for at, (_, _, gates) in enumerate(blocks):
        assert torch.equal(gates, torch.stack([trace.blocks[at].gate for trace in traces]))


def test_what_is_sent_has_the_type_of_the_network() -> None:
    x = torch.arange(12, dtype=torch.uint8).reshape(1, 3, 2, 2)
    for kind in (torch.float32, torch.float64, torch.bfloat16):
        there = hooks.sent(x, torch.zeros(1, dtype=kind))
        assert there.dtype == kind and torch.equal(there.to(torch.uint8), x)
