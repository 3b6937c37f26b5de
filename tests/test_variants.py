"""Gates put into other libraries' networks: exactly the released ones, nothing else changed, and every gate at work."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import timm
import torch
import torchvision
from torch import Tensor, nn

from senet_viz.errors import NoGateFound, NotAHost, OptionRefused, UnknownModel
from senet_viz.models import catalogue, load
from senet_viz.networks import gated as gateds
from senet_viz.networks import registry, variants
from senet_viz.networks.gated import HOSTS, GatedBottleneck, GatedInceptionResidual
from senet_viz.networks.registry import NETWORKS, Choice, Network
from senet_viz.tap import hooks, layouts
from tests import at_work
from tests.at_work import backbone, gated, lively, side
from tests.networks import pictures

RESNETS = tuple(row for row in NETWORKS if row.family == "resnet")
SE = tuple(row for row in NETWORKS if row.family != "sk")
WIDTHS = (256, 512, 1024, 2048)  # C of the four stages of every bottleneck ResNet


def by_name(row: Network) -> str:
    return row.name


def count(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


def outline(name: str, **options: Any) -> nn.Module:
    return variants.build(name, device="meta", **options)


@pytest.fixture(scope="module", autouse=True)
def backbones_are_let_go() -> Iterator[None]:
    yield
    at_work.forget()


# --- rows ---------------------------------------------------------------------------------------------------------

RELEASED = {  # parameters with gates, without
    "se_resnet50": (28_088_024, 25_557_032),
    "se_resnet101": (49_326_872, 44_549_160),
    "se_resnet152": (66_821_848, 60_192_808),
    "se_resnext50_32x4d": (27_559_896, 25_028_904),
    "se_resnext101_32x4d": (48_955_416, 44_177_704),
    "senet154": (115_088_984, 108_459_944),
    "se_vgg16_bn": (138_365_992 + 226_304 + 4_488, 138_365_992),
    "se_inception_v3": (25_496_188, 23_834_568),
    "se_bn_inception": (11_931_622, 11_285_224),
    "se_inception_resnet_v2": (64_387_444, 55_843_464),
    "se_inception_once": (23_834_568 + 2 * 2048 * 128 + 2048 + 128, 23_834_568),
    "se_resnext_cifar": (4_341_840, 4_211_136),
    "mobilenet_v3_large": (5_483_032, 3_970_752),
    "mobilenet_v3_small": (2_542_856, 2_081_216),
    "sknet26": (16_746_408, 15_389_480),
    "sknet50": (27_479_784, 25_028_904),
    "sknet101": (48_736_040, 44_177_704),
}


def test_the_networks_are_those_of_the_papers() -> None:
    assert [row.name for row in NETWORKS] == list(RELEASED)
    assert all(registry.network(row.name) is row for row in NETWORKS)


@pytest.mark.parametrize("row", NETWORKS, ids=by_name)
def test_the_defaults_are_the_released_network(row: Network) -> None:
    model = outline(row.name)
    assert (count(model), count(variants.bare(row.name, device="meta"))) == RELEASED[row.name]
    assert all(part.device.type == "meta" for part in (*model.parameters(), *model.buffers()))
    gates = variants.gates(model)
    assert len(gates) == row.gates == len(layouts.find(model))
    assert {gate.stage for gate in gates} == set(range(1, len(row.stages) + 1))
    assert variants.gates(variants.bare(row.name, device="meta")) == ()
    assert layouts.near_misses(model) == ()


@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        ("se_resnet50", "seresnet50"), ("se_resnet101", "seresnet101"), ("se_resnet152", "seresnet152"),
        ("se_resnext50_32x4d", "seresnext50_32x4d"), ("se_resnext101_32x4d", "seresnext101_32x4d"),
        ("se_resnet50", "legacy_seresnet50"), ("se_resnet152", "legacy_seresnet152"),
        ("senet154", "legacy_senet154"), ("sknet50", "skresnext50_32x4d"),
    ],
)  # fmt: skip
def test_parameters_are_timms(name: str, theirs: str) -> None:
    with torch.device("meta"):
        assert count(outline(name)) == count(timm.create_model(theirs))


def test_parameters_are_torchvisions() -> None:
    for name in ("mobilenet_v3_large", "mobilenet_v3_small"):
        with torch.device("meta"):
            theirs = torchvision.models.get_model(name, weights=None)
        ours = outline(name)
        assert sorted(p.shape for p in ours.parameters()) == sorted(p.shape for p in theirs.parameters())


def test_an_unknown_network_is_named() -> None:
    for call in (registry.network, variants.build, variants.bare):
        with pytest.raises(UnknownModel, match="se_alexnet"):
            call("se_alexnet")


REFUSED: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("se_vgg16_bn", {"integration": "pre"}, "reduction, gate, squeeze, form, bias, stages"),
    ("se_bn_inception", {"integration": "standard"}, "stages"),
    ("sknet50", {"gate": "tanh"}, "reduction, floor, branches, stages"),
    ("mobilenet_v3_small", {"stages": (4,)}, "1, 2, 3"),
    ("se_resnet50", {"stages": (0, 1)}, "1, 2, 3, 4"),
    ("se_inception_resnet_v2", {"integration": "3x3"}, "standard, pre, post, identity"),
    ("se_resnet50", {"reduction": 3}, "2, 4, 8, 16, 32"),
    ("se_resnet50", {"bias": 1}, "True, False"),
    ("se_resnet50", {"squeeze": "median"}, "avg, max, none"),
    ("se_resnet50", {"gates": "sigmoid"}, "integration"),
)


@pytest.mark.parametrize(("name", "options", "offered"), REFUSED)
def test_what_a_network_has_not_is_refused_with_what_it_has(name: str, options: dict[str, Any], offered: str) -> None:
    with pytest.raises(OptionRefused) as caught:
        variants.build(name, device="meta", **options)
    assert offered in str(caught.value.details["offered"])
    assert next(iter(options)) in str(caught.value.details["wanted"])
    assert caught.value.details["network"] == registry.network(name).title


def test_a_choice_is_complete_and_in_order() -> None:
    row = registry.network("se_resnet50")
    assert row.choose({}) == row.defaults
    assert row.choose({"stages": [4, 2, 2]})["stages"] == (2, 4)
    assert row.choose({"stages": None})["stages"] == (1, 2, 3, 4)
    assert row.choose({"reduction": 4}) == {**row.defaults, "reduction": 4}


@pytest.mark.parametrize(
    "make",
    [
        lambda: torchvision.models.squeezenet1_0(weights=None),
        lambda: timm.create_model("seresnet50"),
        lambda: nn.Linear(2, 2),
        lambda: variants.build("se_resnet50"),
        lambda: variants.build("sknet26"),
    ],
)
def test_what_is_no_host_is_refused(make: Callable[[], nn.Module]) -> None:
    with torch.device("meta"):
        model = make()
    for add in (variants.add_se, variants.add_sk):
        with pytest.raises(NotAHost):
            add(model)


def test_what_one_host_has_not_is_refused() -> None:
    with torch.device("meta"):
        basic, mobile = torchvision.models.resnet18(), torchvision.models.mobilenet_v3_small()
    with pytest.raises(OptionRefused):
        variants.add_se(basic, integration="3x3")
    with pytest.raises(NotAHost):
        variants.add_sk(basic)
    with pytest.raises(NotAHost):
        variants.add_sk(mobile)
    with pytest.raises(OptionRefused):
        variants.add_se(mobile, integration="post")
    assert variants.gates(basic) == variants.gates(mobile) == ()
    assert len(variants.gates(variants.add_se(basic))) == 8


# --- equation 5 ---------------------------------------------------------------------------------------------------


def equation_5(units: list[int], stages: tuple[int, ...], r: int) -> int:
    """(2 / r) * the sum over stages s of N_s * C_s^2; every C here is divisible by every r."""
    return sum(2 * n * c * c // r for s, (n, c) in enumerate(zip(units, WIDTHS, strict=True), 1) if s in stages)


UNITS = {
    "se_resnet50": [3, 4, 6, 3],
    "se_resnet101": [3, 4, 23, 3],
    "se_resnet152": [3, 8, 36, 3],
    "se_resnext50_32x4d": [3, 4, 6, 3],
    "se_resnext101_32x4d": [3, 4, 23, 3],
    "senet154": [3, 8, 36, 3],
}
SUBSETS = tuple(tuple(s for s in range(1, 5) if bits >> (s - 1) & 1) for bits in range(16))


def weights(model: nn.Module) -> int:
    """Of the gates, biases left out."""
    return sum(part.weight.numel() for gate in variants.gates(model) for part in (gate.module.fc1, gate.module.fc2))  # type: ignore[operator, union-attr, misc]


@pytest.mark.parametrize("name", UNITS)
def test_equation_5_is_a_count_of_the_modules(name: str) -> None:
    row, plain = registry.network(name), RELEASED[name][1]
    units, every = UNITS[name], (1, 2, 3, 4)
    subsets = SUBSETS if name == "se_resnet50" else (every, (1, 2, 3))
    for stages in subsets:
        model = outline(name, stages=stages, bias=False)
        assert weights(model) == count(model) - plain == equation_5(units, stages, 16)
        assert [gate.stage for gate in variants.gates(model)] == [s for s in stages for _ in range(units[s - 1])]
    for r in row.option("reduction").values if name != "senet154" else (8,):
        assert weights(outline(name, reduction=r)) == equation_5(units, every, r)


def test_the_stages_and_totals_of_se_resnet_50() -> None:
    each = [weights(outline("se_resnet50", stages=(stage,))) for stage in (1, 2, 3, 4)]
    assert each == [24_576, 131_072, 786_432, 1_572_864]
    assert sum(each) == 2_514_944
    assert round(100 * each[3] / sum(each), 1) == 62.5
    assert count(outline("se_resnet50", bias=False)) == 28_071_976
    assert count(outline("se_resnet50")) - count(outline("se_resnet50", bias=False)) == 16_048
    assert round(100 * sum(each) / 25_557_032, 2) == 9.84
    assert round(100 * sum(each[:3]) / 25_557_032, 2) == 3.69
    assert weights(outline("se_vgg16_bn")) == 226_304


@pytest.mark.parametrize(("r", "millions"), [(2, 45.7), (4, 35.7), (8, 30.7), (16, 28.1), (32, 26.9)])
def test_totals_are_table_10(r: int, millions: float) -> None:
    """TPAMI, with the biases removed as there."""
    assert count(outline("se_resnet50", reduction=r, bias=False)) / 1e6 == pytest.approx(millions, abs=0.15)


@pytest.mark.parametrize(
    ("options", "millions"),
    [
        ({"stages": (1,)}, 25.6), ({"stages": (2,)}, 25.7), ({"stages": (3,)}, 26.4),  # table 13: its stages 2 to 4
        ({"integration": "3x3"}, 25.8), ({"squeeze": "none"}, 28.1),  # tables 15 and 16
    ],
)  # fmt: skip
def test_totals_are_tables_13_15_and_16(options: dict[str, Any], millions: float) -> None:
    assert count(outline("se_resnet50", bias=False, **options)) / 1e6 == pytest.approx(millions, abs=0.15)


# --- the same numbers as the libraries ----------------------------------------------------------------------------


def copy_weights(ours: nn.Module, theirs: nn.Module) -> None:
    """By name; timm's 1x1 convolutions become our linear layers; nothing may be left over."""
    state = ours.state_dict()
    given = {name.replace(".se_module.", ".se."): value for name, value in theirs.state_dict().items()}
    assert set(given) == set(state)
    ours.load_state_dict({name: value.reshape(state[name].shape) for name, value in given.items()})


PARITY = [("se_resnet50", "seresnet50"), ("se_resnext50_32x4d", "seresnext50_32x4d"), ("senet154", "legacy_senet154")]


@pytest.mark.parametrize(("name", "theirs"), PARITY)
def test_inserted_gates_are_timms_network(name: str, theirs: str) -> None:
    x = pictures(2, size=64)
    torch.manual_seed(0)
    options = {} if theirs.startswith("legacy_") else {"zero_init_last": False}
    reference = lively(timm.create_model(theirs, num_classes=20, **options), pictures(8, size=64))
    ours = variants.build(name, classes=20)
    copy_weights(ours, reference)
    with torch.inference_mode():
        a, b = ours(x), reference(x)
    assert b.std() > 0.1
    assert (a - b).abs().max() <= 1e-4 * max(1.0, float(b.abs().max()))
    if name == "se_resnet50":
        for mine, its in zip(hooks.run(ours, x[:1]).blocks, hooks.run(reference, x[:1]).blocks, strict=True):
            assert mine.name == its.name
            assert (mine.gate - its.gate).abs().max() <= 1e-5


def test_inserted_kernels_are_timms() -> None:
    x = pictures(2, size=64)
    ours = lively(variants.build("sknet50", classes=20), x)
    reference = timm.create_model("skresnext50_32x4d", num_classes=20).eval()
    state, theirs = ours.state_dict(), reference.state_dict()  # both have each norm after its convolution
    assert [v.shape for v in theirs.values()] == [v.shape for v in state.values()]
    reference.load_state_dict(dict(zip(theirs, state.values(), strict=True)))
    with torch.inference_mode():
        a, b = ours(x), reference(x)
    assert b.std() > 0.1
    assert (a - b).abs().max() <= 1e-4 * max(1.0, float(b.abs().max()))
    for mine, its in zip(hooks.run(ours, x[:1]).blocks, hooks.run(reference, x[:1]).blocks, strict=True):
        assert (mine.gate - its.gate).abs().max() <= 1e-4


def test_mobilenet_is_torchvisions() -> None:
    torch.manual_seed(0)
    x = pictures(2, size=64)
    theirs = lively(torchvision.models.mobilenet_v3_small(weights=None, num_classes=20), x)
    ours = variants.build("mobilenet_v3_small", classes=20)
    ours.load_state_dict(theirs.state_dict())
    with torch.inference_mode():
        a, b = ours(x), theirs(x)
    assert b.std() > 1e-3
    assert (a - b).abs().max() <= 1e-5


def test_trained_weights_stay_when_gates_come() -> None:
    torch.manual_seed(0)
    model = torchvision.models.resnet18(weights=None).double()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    assert variants.add_se(model, reduction=4) is model
    after = model.state_dict()
    assert all(torch.equal(after[name], value) for name, value in before.items())
    assert all(".se." in name for name in set(after) - set(before))
    assert all(v.dtype == torch.float64 for v in after.values() if v.is_floating_point())
    assert all(gate.module.training for gate in variants.gates(model))  # as the model was


@pytest.mark.parametrize("row", SE, ids=by_name)
def test_with_its_gates_open_a_network_is_the_bare_one(row: Network) -> None:
    """The surgery changes nothing else: same seed, gates taken out, the same bits."""
    if row.family == "vgg":
        gated, plain = backbone(row.name), backbone(row.name)
        variants.add_se(gated)
    else:
        gated, plain = variants.build(row.name, classes=10, seed=5), variants.bare(row.name, classes=10, seed=5)
    for gate in variants.gates(gated):
        gated.set_submodule(gate.name, nn.Identity())
    x = pictures(1, size=side(row))
    with torch.inference_mode():
        assert torch.equal(gated.eval()(x), plain.eval()(x))


# --- where the gate sits ------------------------------------------------------------------------------------------


class Half(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x / 2


def by_hand(unit: Any, x: Tensor) -> dict[str, Tensor]:
    """What a bottleneck gives with a gate of 1/2 at every place (TPAMI, fig. 5)."""

    def branch(x: Tensor, inner: float = 1.0) -> Tensor:
        y = unit.bn1(unit.conv1(x)).relu()
        return unit.bn3(unit.conv3(unit.bn2(unit.conv2(y)).relu() * inner))

    shortcut = x if unit.downsample is None else unit.downsample(x)
    return {
        "standard": torch.relu(branch(x) / 2 + shortcut),
        "pre": torch.relu(branch(x / 2) + shortcut),
        "post": torch.relu(branch(x) + shortcut) / 2,
        "identity": torch.relu(branch(x) + shortcut / 2),
        "3x3": torch.relu(branch(x, 0.5) + shortcut),
    }


@pytest.mark.parametrize("path", ["layer1.0", "layer1.1", "layer2.0"])
def test_the_five_places_in_a_unit(path: str) -> None:
    torch.manual_seed(0)
    model = lively(torchvision.models.resnet50(weights=None), pictures(4))
    unit: Any = model.get_submodule(path)
    x = torch.randn(2, unit.conv1.in_channels, 12, 12)
    with torch.no_grad():
        expected = by_hand(unit, x)
        results = {at: GatedBottleneck(unit, Half(), at)(x) for at in expected}
        assert (GatedBottleneck(unit, nn.Identity())(x) - unit(x)).abs().max() == 0
    for at, result in results.items():
        assert (result - expected[at]).abs().max() <= 1e-5, at
        assert all((result - other).abs().max() > 1e-2 for name, other in expected.items() if name != at)


@pytest.mark.parametrize("path", ["repeat.0", "repeat_1.3", "block8"])
def test_the_places_in_a_unit_of_inception_resnet(path: str) -> None:
    torch.manual_seed(0)
    unit: Any = timm.create_model("inception_resnet_v2", num_classes=5).eval().get_submodule(path)
    x = torch.randn(1, unit.conv2d.out_channels, 8, 8)
    relu = torch.relu if path != "block8" else torch.clone

    def branch(x: Tensor) -> Tensor:
        maps = [part(x) for name, part in unit.named_children() if name.startswith("branch")]
        return unit.conv2d(torch.cat(maps, 1)) * unit.scale

    with torch.no_grad():
        expected = {
            "standard": relu(branch(x) / 2 + x),
            "pre": relu(branch(x / 2) + x),
            "post": relu(branch(x) + x) / 2,
            "identity": relu(branch(x) + x / 2),
        }
        for at, wanted in expected.items():
            assert (GatedInceptionResidual(unit, Half(), at)(x) - wanted).abs().max() <= 1e-6, at


def test_gates_have_the_channels_of_what_they_gate() -> None:
    inner, before = ((gate.channels for gate in variants.gates(outline("se_resnet50", integration=at)))
                     for at in ("3x3", "pre"))  # fmt: skip
    assert list(inner) == [64] * 3 + [128] * 4 + [256] * 6 + [512] * 3
    assert list(before) == [64] + [256] * 3 + [512] * 4 + [1024] * 6 + [2048] * 2
    assert [g.channels for g in variants.gates(outline("senet154"))] == [256] * 3 + [512] * 8 + [1024] * 36 + [2048] * 3
    assert [g.name for g in variants.gates(outline("se_vgg16_bn"))][:3] == [
        "features.2.se",
        "features.5.se",
        "features.9.se",
    ]
    mixed = [g.name for g in variants.gates(outline("se_inception_v3"))]
    assert mixed == [f"Mixed_{k}.se" for k in ("5b", "5c", "5d", "6a", "6b", "6c", "6d", "6e", "7a", "7b", "7c")]


def test_the_gates_widths_in_mobilenet_are_its_own() -> None:
    with torch.device("meta"):
        theirs = torchvision.models.mobilenet_v3_large(weights=None)
    wanted = [m.fc1.out_channels for m in theirs.modules() if isinstance(m, torchvision.ops.SqueezeExcitation)]
    gates = variants.gates(outline("mobilenet_v3_large"))
    assert [gate.module.fc1.out_channels for gate in gates] == wanted
    ratios = [gate.channels / gate.module.fc1.out_channels for gate in gates]
    assert 2 <= min(ratios) < 4 == max(ratios) or min(ratios) < 4  # C/width is not always 4


# --- walking them -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["se_vgg16_bn", "se_inception_v3", "se_bn_inception", "sknet26", "se_resnet50"])
def test_a_trace_sees_every_gate(name: str) -> None:
    row = registry.network(name)
    model, x = gated(row), pictures(1, size=side(row))
    lively(model, pictures(3, size=side(row)))
    names = tuple(ref.name for ref in layouts.find(model))
    assert names == tuple(gate.name for gate in variants.gates(model))
    trace = hooks.run(model, x, keep_u=names)
    assert trace.silent == () and len(trace.blocks) == row.gates
    for block in trace.blocks:
        assert block.residue is not None and block.u is not None and block.z is not None
        assert block.residue <= 1e-5 * max(1.0, float(block.out.abs().max()))
        assert (block.z - block.u.sum(0).mean((1, 2))).abs().max() <= 1e-5 * max(1.0, float(block.z.abs().max()))


def test_no_squeeze_is_reported_and_never_shown_as_a_gate() -> None:
    model = gated(registry.network("se_bn_inception"), squeeze="none")
    assert layouts.find(model) == () and len(layouts.near_misses(model)) == 10
    assert layouts.near_misses(model)[0] == "inception_3a.se: SEBlock(fc1, fc2, bn, act, gate)"
    assert len(variants.gates(model)) == 10
    assert hooks.run(model, pictures(1, size=64)).blocks == ()
    with pytest.raises(NoGateFound):
        hooks.run(model, pictures(1, size=64), keep_u=("inception_3a.se",))


# --- seeds and devices --------------------------------------------------------------------------------------------


def test_random_weights_are_the_seeds_and_disturb_nobody() -> None:
    torch.manual_seed(1)
    before = torch.random.get_rng_state()
    first = variants.build("mobilenet_v3_small").state_dict()
    assert torch.equal(before, torch.random.get_rng_state())
    again, other = (variants.build("mobilenet_v3_small", seed=seed).state_dict() for seed in (0, 1))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["features.0.0.weight"], other["features.0.0.weight"])


def test_what_is_built_is_in_eval_mode_and_has_the_classes_asked_for() -> None:
    model = variants.build("se_bn_inception", classes=7, device="cpu")
    assert not any(part.training for part in model.modules())
    with torch.inference_mode():
        assert model(pictures(2, size=64)).shape == (2, 7)


@pytest.mark.parametrize("row", NETWORKS, ids=by_name)
def test_it_takes_its_smallest_picture(row: Network) -> None:
    model = outline(row.name)
    assert model(torch.zeros(1, 3, row.smallest, row.smallest, device="meta")).shape == (1, 1000)
    assert model(torch.zeros(1, 3, row.size, row.size, device="meta")).shape == (1, 1000)


def test_every_host_has_a_network() -> None:
    models = [variants.bare(row.name, device="meta") for row in NETWORKS]
    assert {gateds.host_of(model) for model in models} == set(HOSTS)


# --- choices --------------------------------------------------------------------------------------------------------


def test_equal_choices_are_equal() -> None:
    choice = Choice("mobilenet_v3_small")
    assert choice.but(reduction=4, gate="h_sigmoid") == choice and not choice.changed
    other = choice.but(gate="tanh", reduction=8)
    assert other == choice.but(reduction=8).but(gate="tanh") and other.changed == {"gate": "tanh", "reduction": 8}
    assert other.but(gate="h_sigmoid", reduction=4) == choice and len({choice, other}) == 2
    assert other.all == registry.network("mobilenet_v3_small").choose({"gate": "tanh", "reduction": 8})
    assert Choice("tiny_se").all == {}
    for wrong in (choice.but(bias=1), choice.but(kernel=3), Choice("tiny_se").but(reduction=16)):
        with pytest.raises(OptionRefused):
            assert wrong.all


def test_networks_of_libraries_are_known_by_their_names() -> None:
    rows = {row.key: registry.named(row.key) for row in catalogue.MODELS}
    assert {key for key, found in rows.items() if found} == {row.name for row in NETWORKS} & set(rows) | set(
        registry.TWINS
    )
    for key, found in rows.items():
        if found is not None:
            assert catalogue.spec(key).position == found.position and catalogue.spec(key).blocks == found.gates
            assert catalogue.spec(key).size == found.size
            assert count(load.outline(key)) == count(outline(found.name)), key
