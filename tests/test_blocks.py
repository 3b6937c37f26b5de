"""Our blocks are the libraries' and the papers' blocks: same numbers with copied weights, same parameter counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from timm.layers import SelectiveKernel, SEModule
from timm.models._efficientnet_blocks import SqueezeExcite
from timm.models.senet import SEModule as LegacySEModule
from torch import Tensor, nn
from torchvision.ops import SqueezeExcitation

from senet_viz.networks.blocks import FORMS, GATES, SQUEEZES, HSigmoid, SEBlock, SKConv, reduced

C, R = 48, 4


def randomise(module: nn.Module, seed: int = 0) -> Any:
    """Large weights and norms away from their start, so that gates spread over 0..1."""
    rng = torch.Generator().manual_seed(seed)
    for name, value in (*module.named_parameters(), *module.named_buffers()):
        if value.is_floating_point():
            if name.endswith("running_var"):
                value.data.uniform_(0.5, 2, generator=rng)
            else:
                value.data.normal_(0, 1, generator=rng)
    return module.eval()


def copy_into(ours: nn.Module, theirs: nn.Module, names: dict[str, str]) -> None:
    """Every weight and buffer of ``theirs`` into ``ours``; a layer's name maps to ours; nothing may be left over."""
    state = ours.state_dict()
    given = {}
    for key, value in theirs.state_dict().items():
        layer, _, what = key.rpartition(".")
        given[f"{names[layer]}.{what}"] = value
    assert set(given) == set(state)
    ours.load_state_dict({key: value.reshape(state[key].shape) for key, value in given.items()})


def picture(channels: int = C, batch: int = 2) -> Tensor:
    """(B, C, 7, 5), a different mean a channel, so that gates differ."""
    rng = torch.Generator().manual_seed(9)
    x = torch.randn(batch, channels, 7, 5, generator=rng)
    return x + torch.randn(batch, channels, 1, 1, generator=rng)


def assert_same(ours: nn.Module, theirs: nn.Module, x: Tensor) -> None:
    with torch.no_grad():
        a, b = ours.eval()(x), theirs.eval()(x)
        ratio = (b / x).mean((2, 3)) if b.shape == x.shape else b
    assert ratio.std() > 0.1, "the gates are all alike: this comparison would miss a wrong one"
    assert (a - b).abs().max() <= 1e-6 * max(1.0, float(b.abs().max()))


LAYERS = {"fc1": "fc1", "fc2": "fc2"}


# --- SE against the libraries --------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["fc", "conv"])
@pytest.mark.parametrize(("gate", "theirs"), [("sigmoid", "sigmoid"), ("h_sigmoid", "hard_sigmoid")])
def test_se_equals_timm(form: str, gate: str, theirs: str) -> None:
    reference = randomise(SEModule(C, rd_channels=C // R, bias=False, gate_layer=theirs))
    ours = SEBlock(C, R, gate=gate, form=form)
    copy_into(ours, reference, LAYERS)
    assert_same(ours, reference, picture())


@pytest.mark.parametrize(("gate", "theirs"), [("sigmoid", "sigmoid"), ("h_sigmoid", "hard_sigmoid")])
def test_se_with_batch_norm_equals_timm(gate: str, theirs: str) -> None:
    options: dict[str, Any] = {"bias": False, "norm_layer": nn.BatchNorm2d, "gate_layer": theirs}
    reference = randomise(SEModule(C, rd_channels=C // R, **options))
    ours = SEBlock(C, R, gate=gate, form="conv_bn")
    copy_into(ours, reference, LAYERS | {"bn": "bn"})
    assert_same(ours, reference, picture())


@pytest.mark.parametrize("form", ["fc", "conv"])
def test_se_with_biases_equals_the_authors_block(form: str) -> None:
    reference = randomise(LegacySEModule(C, R))
    ours = SEBlock(C, R, form=form, bias=True)
    copy_into(ours, reference, LAYERS)
    assert_same(ours, reference, picture())


def test_se_equals_efficientnets_block_with_relu() -> None:
    reference = randomise(SqueezeExcite(C, rd_channels=C // R, act_layer=nn.ReLU))
    ours = SEBlock(C, R, form="conv", bias=True)
    copy_into(ours, reference, {"conv_reduce": "fc1", "conv_expand": "fc2"})
    assert_same(ours, reference, picture())


def test_se_equals_torchvisions_block_with_h_sigmoid() -> None:
    reference = randomise(SqueezeExcitation(C, C // R, scale_activation=nn.Hardsigmoid))
    ours = SEBlock(C, R, gate="h_sigmoid", form="conv", bias=True)
    copy_into(ours, reference, LAYERS)
    assert_same(ours, reference, picture())


@pytest.mark.parametrize("bias", [False, True])
def test_fc_and_1x1_convolution_are_the_same_arithmetic(bias: bool) -> None:
    fc = randomise(SEBlock(C, R, bias=bias))
    conv = SEBlock(C, R, form="conv", bias=bias)
    copy_into(conv, fc, LAYERS)
    assert_same(conv, fc, picture())
    assert sum(p.numel() for p in fc.parameters()) == sum(p.numel() for p in conv.parameters())


@pytest.mark.parametrize(("gate", "function"), [("tanh", torch.tanh), ("relu", torch.relu)])
def test_the_other_gates_of_table_12(gate: str, function: Callable[[Tensor], Tensor]) -> None:
    block, u = randomise(SEBlock(C, R, gate=gate)), picture()
    with torch.no_grad():
        s = F.linear(F.linear(u.mean((2, 3)), block.fc1.weight).relu(), block.fc2.weight)
        expected = u * function(s)[:, :, None, None]
        assert (block(u) - expected).abs().max() <= 1e-5 * expected.abs().max()


def test_squeeze_is_the_mean_or_the_maximum() -> None:
    u = picture()
    for squeeze, z in (("avg", u.mean((2, 3))), ("max", u.amax((2, 3)))):
        block = SEBlock(C, R, squeeze=squeeze)
        assert (block.pool(u).flatten(1) - z).abs().max() <= 1e-6
        with torch.no_grad():
            gate = torch.sigmoid(block.fc2(block.fc1(z).relu()))
            assert (block(u) - u * gate[:, :, None, None]).abs().max() <= 1e-6


@pytest.mark.parametrize("form", ["fc", "conv"])
def test_a_softmax_gate_shares_one_among_the_channels(form: str) -> None:
    block, u = randomise(SEBlock(C, R, gate="softmax", form=form)), picture()
    seen: list[Tensor] = []
    block.gate.register_forward_hook(lambda module, args, out: seen.append(out.flatten(1)))
    with torch.no_grad():
        out = block(u)
    (gate,) = seen
    assert gate.shape == (2, C) and (gate.sum(1) - 1).abs().max() <= 1e-6 and gate.std() > 1e-3
    assert (out - u * gate[:, :, None, None]).abs().max() <= 1e-6


@pytest.mark.parametrize("form", FORMS)
def test_no_squeeze_gates_every_pixel_with_1x1_convolutions(form: str) -> None:
    """TPAMI, table 16: the same weights as with a squeeze, no pooling; a pixel's gate depends on that pixel alone."""
    block, u = randomise(SEBlock(C, R, squeeze="none", form=form, bias=True)), picture()
    squeezed = SEBlock(C, R, form=form, bias=True)
    squeezed.load_state_dict({n: v.reshape(squeezed.state_dict()[n].shape) for n, v in block.state_dict().items()})
    assert sum(p.numel() for p in block.parameters()) == sum(p.numel() for p in squeezed.parameters())
    squeezed.eval()
    with torch.no_grad():
        out = block(u)
        assert out.shape == u.shape
        for i in range(7):
            for j in range(5):  # on a map of one pixel the mean is that pixel
                alone = squeezed(u[:, :, i : i + 1, j : j + 1])
                assert (out[:, :, i : i + 1, j : j + 1] - alone).abs().max() <= 1e-5
    assert (out / u).std((2, 3)).min() > 0


def test_a_width_of_its_own() -> None:
    block: Any = SEBlock(C, 4, width=24)
    assert block.fc1.weight.shape == (24, C) and block.fc2.weight.shape == (C, 24)


# --- h-sigmoid -----------------------------------------------------------------------------------------------------


def test_h_sigmoid_is_relu6_of_x_plus_3_over_6_exactly() -> None:
    x = torch.linspace(-8, 8, 400_001)
    ours = HSigmoid()(x)
    assert torch.equal(ours, nn.ReLU6()(x + 3) / 6)
    assert (ours - nn.Hardsigmoid()(x)).abs().max() <= 1e-7
    assert (ours[x <= -3] == 0).all()
    assert (ours[x >= 3] == 1).all()
    inside = (x > -2.99) & (x < 2.99)
    assert ((ours > 0) & (ours < 1))[inside].all()


def test_h_sigmoid_is_never_far_from_sigmoid() -> None:
    x = torch.linspace(-6, 6, 1_200_001, dtype=torch.float64)
    distance = (HSigmoid()(x) - torch.sigmoid(x)).abs()
    assert float(distance.max()) == pytest.approx(0.069182, abs=5e-7)
    assert float(x[distance.argmax()].abs()) == pytest.approx(1.31696, abs=2e-5)


# --- widths, parameters, options -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("channels", "reduction", "hidden"),
    [(8, 16, 1), (10, 4, 2), (11, 4, 2), (31, 16, 1), (64, 16, 4), (1, 1, 1), (15, 16, 1)],
)
def test_the_hidden_width_is_floor_division_and_never_zero(channels: int, reduction: int, hidden: int) -> None:
    assert reduced(channels, reduction) == hidden
    for form in FORMS:
        block: Any = SEBlock(channels, reduction, form=form).eval()
        assert block.fc1.weight.shape[:2] == (hidden, channels)
        assert block.fc2.weight.shape[:2] == (channels, hidden)
        assert block(picture(channels)).shape == (2, channels, 7, 5)


STAGES = ((3, 256), (4, 512), (6, 1024), (3, 2048))  # blocks and channels of ResNet-50's four stages


def extra(reduction: int, bias: bool) -> list[int]:
    """Parameters of the gates of SE-ResNet-50, stage by stage."""
    blocks = ((n, SEBlock(c, reduction, bias=bias)) for n, c in STAGES)
    return [n * sum(p.numel() for p in block.parameters()) for n, block in blocks]


def test_parameters_are_equation_5() -> None:
    assert extra(16, bias=False) == [24_576, 131_072, 786_432, 1_572_864]
    assert sum(extra(16, bias=False)) == 2_514_944
    assert sum(extra(16, bias=True)) == 2_514_944 + 16_048
    for r in (2, 4, 8, 16, 32):
        assert sum(extra(r, bias=False)) == sum(2 * n * c * c // r for n, c in STAGES)


@pytest.mark.parametrize(("reduction", "millions"), [(2, 45.7), (4, 35.7), (8, 30.7), (16, 28.1), (32, 26.9)])
def test_parameters_are_table_10(reduction: int, millions: float) -> None:
    total = 25_557_032 + sum(extra(reduction, bias=False))  # ResNet-50 without gates
    assert total / 1e6 == pytest.approx(millions, abs=0.15)


@pytest.mark.parametrize(
    "options",
    [
        {"gate": "gumbel"},
        {"gate": ""},
        {"squeeze": "median"},
        {"form": "linear"},
        {"channels": 0},
        {"channels": -4},
        {"reduction": 0},
    ],
)
def test_an_option_that_does_not_exist_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"must be (one of|at least 1)"):
        SEBlock(**({"channels": C} | options))


def test_every_combination_of_options_runs() -> None:
    for form in FORMS:
        for gate in GATES:
            for squeeze in SQUEEZES:
                block = SEBlock(C, R, gate, squeeze, form).eval()
                assert block(picture()).shape == (2, C, 7, 5)


# --- SK ------------------------------------------------------------------------------------------------------------


def timms(channels: int, branches: int, groups: int, reduction: int, stride: int) -> SelectiveKernel:
    return SelectiveKernel(
        channels,
        kernel_size=[3 + 2 * m for m in range(branches)],
        stride=stride,
        groups=groups,
        rd_channels=max(channels // reduction, 32),
        keep_3x3=True,
        split_input=False,
    )


def sk_names(branches: int) -> dict[str, str]:
    paths = {f"paths.{m}.conv": f"branches.{m}.0" for m in range(branches)}
    norms = {f"paths.{m}.bn": f"branches.{m}.1" for m in range(branches)}
    return paths | norms | {"attn.fc_reduce": "fc1", "attn.bn": "bn", "attn.fc_select": "fc2"}


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("groups", [1, 16])
@pytest.mark.parametrize("branches", [2, 3])
def test_sk_equals_timm(branches: int, groups: int, stride: int) -> None:
    channels = 64
    reference = randomise(timms(channels, branches, groups, 16, stride))
    ours = SKConv(channels, branches, groups, 16, 32, stride).eval()
    copy_into(ours, reference, sk_names(branches))
    x = torch.randn(2, channels, 9, 8, generator=torch.Generator().manual_seed(4))
    with torch.no_grad():
        a, b = ours(x), reference(x)
    assert a.shape == (2, channels, -(-9 // stride), -(-8 // stride))
    assert (a - b).abs().max() <= 1e-6 * max(1.0, float(b.abs().max()))


@pytest.mark.parametrize("branches", [2, 3])
def test_the_branches_share_every_channel(branches: int) -> None:
    block = randomise(SKConv(64, branches, groups=4))
    seen: list[Tensor] = []
    block.gate.register_forward_hook(lambda module, args, out: seen.append(out))
    with torch.no_grad():
        block(picture(64))
    (attention,) = seen
    assert attention.shape == (2, branches, 64, 1, 1)
    assert (attention.sum(1) - 1).abs().max() <= 1e-6
    assert attention.std() > 0.1


@pytest.mark.parametrize(
    ("channels", "reduction", "floor", "d"), [(64, 16, 32, 32), (512, 16, 32, 32), (1024, 16, 32, 64), (64, 4, 8, 16)]
)
def test_d_is_the_larger_of_c_over_r_and_l(channels: int, reduction: int, floor: int, d: int) -> None:
    block = SKConv(channels, reduction=reduction, floor=floor)
    assert block.fc1.weight.shape[:2] == (d, channels)
    assert block.fc2.weight.shape[:2] == (2 * channels, d)


def test_branch_m_sees_2m_plus_3_pixels() -> None:
    block = SKConv(32, branches=3, groups=32)
    for m, branch in enumerate(block.branches):
        conv = branch.get_submodule("0")
        assert isinstance(conv, nn.Conv2d)
        assert conv.kernel_size == (3, 3)
        x = torch.zeros(1, 32, 15, 15)
        x[..., 7, 7] = 1
        with torch.no_grad():
            conv.weight.fill_(1)
            touched = np.argwhere(conv(x)[0, 0].numpy() != 0)
        assert tuple(np.ptp(touched, axis=0) + 1) == (2 * m + 3, 2 * m + 3)
