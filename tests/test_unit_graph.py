"""What is drawn is what ran: parts, order and facts against hooks on a real forward, and against the modules."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest
import torch
from matplotlib.colors import to_hex
from torch import nn

from senet_viz import i18n
from senet_viz.architecture import prices, recorder, unit_graph
from senet_viz.architecture.unit_graph import Part, Step, Unit
from senet_viz.drawing import palette
from senet_viz.drawing.grammar import Box, Text
from senet_viz.drawing.layout import place
from senet_viz.drawing.renderers import screen, slides
from senet_viz.drawing.text import SMALL, ems
from senet_viz.errors import OptionRefused, UnknownModel
from senet_viz.experiments import gradient_flow
from senet_viz.figures.networks import unit_drawing
from senet_viz.figures.networks import where_it_sits as figures
from senet_viz.networks import registry, variants
from senet_viz.networks.blocks import SEBlock
from senet_viz.networks.gated import INTEGRATIONS
from senet_viz.networks.registry import Choice
from tests.networks import network
from tests.test_drawing import to_plotly

LIGHT = [name for name in recorder.UNITS if name not in ("senet154", "se_resnet152", "se_resnext101_32x4d", "sknet101")]
HAND_ON = (nn.Identity, nn.Dropout)
WEIGHTS = (nn.Conv2d, nn.Linear, nn.BatchNorm2d)


def of_unit(unit: Unit, name: str) -> bool:
    return any(unit_graph.below(name, path) for path in unit.paths)


def real(name: str, unit: Unit, **options: Any) -> tuple[list[str], list[int], nn.Module]:
    """Leaf modules of the unit in the order in which they ran on real numbers, their channels, and the network."""
    if name not in registry.NAMED:
        net, size = network(f"torchvision/{name}"), 64
    else:
        net, size = network(f"inserted/{name}", **options), max(64, registry.network(name).smallest)
    order: list[str] = []
    channels: list[int] = []
    handles = []

    def see(path: str) -> Any:
        def hook(module: nn.Module, args: Any, out: Any) -> None:
            order.append(path)
            channels.append(int(out.shape[1]))

        return hook

    for path, part in net.named_modules():
        leaf = next(part.children(), None) is None and not isinstance(part, HAND_ON)
        if leaf and of_unit(unit, path) and type(part).__name__ != "StochasticDepth":
            handles.append(part.register_forward_hook(see(path)))
    with torch.no_grad():
        net(torch.randn(1, 3, size, size, generator=torch.Generator().manual_seed(0)))
    for handle in handles:
        handle.remove()
    return order, channels, net


def steps(unit: Unit) -> list[Step]:
    return [step for part in unit.parts for step in part.steps]


def recorded(name: str, unit: Unit, **options: Any) -> list[Step]:
    """Steps in the order of execution: parts put a norm beside its convolution, which changes nothing here."""
    net = prices.build(Choice(name).but(**options))
    size = prices.row(name).size
    return list(recorder.record(net, torch.empty(1, 3, size, size, device="meta"), unit.paths))


@pytest.mark.parametrize("name", recorder.UNITS)
def test_order_and_modules_are_those_of_a_real_forward(name: str) -> None:
    unit = recorder.unit(name)
    order, channels, net = real(name, unit)
    modules = dict(net.named_modules())
    ran = [s for s in recorded(name, unit) if s.path in set(order)]
    assert [s.path for s in ran] == order  # every leaf that ran, once a call, in its order
    assert {s.path for s in steps(unit)} >= set(order)
    assert [step.shape[0] for step in ran] == channels  # which do not depend on the picture's size
    for step in ran:
        part = modules[step.path]
        if isinstance(part, nn.Conv2d):
            assert (step.kernel, step.groups) == (part.kernel_size, part.groups)
            assert (step.stride, step.dilation) == (part.stride[0], part.dilation[0])
            assert (step.bias, step.entering) == (part.bias is not None, part.in_channels)
        if isinstance(part, nn.Linear):
            assert (step.bias, step.entering, step.shape[0]) == (
                part.bias is not None,
                part.in_features,
                part.out_features,
            )


@pytest.mark.parametrize("name", recorder.UNITS)
def test_nothing_with_weights_is_missing_and_arrows_follow_execution(name: str) -> None:
    unit = recorder.unit(name)
    net = prices.build(Choice(name))
    weighty = {path for path, part in net.named_modules() if isinstance(part, WEIGHTS) and of_unit(unit, path)}
    drawn = [step.path for step in steps(unit)]
    assert weighty <= set(drawn)
    assert len(drawn) == len(recorded(name, unit))  # merging loses none
    assert unit.parts[0].kind == "input" and unit.parts[0].shape
    assert all(source < at for source, at in unit.wires)
    ends = [i for i in range(len(unit.parts)) if not unit.users(i)]
    assert ends == [len(unit.parts) - 1], "one output, and every part leads to it"


# of one gate on top of a network there is no unit: it has no convolution of its own
@pytest.mark.parametrize("name", [n for n in LIGHT if n in registry.NAMED and n != "se_inception_once"])
def test_wires_carry_what_flows(name: str) -> None:
    """Change one convolution of the real unit: the parts that hang on it, and only those, change too."""
    unit, net = recorder.unit(name), network(f"inserted/{name}")
    seen: dict[str, torch.Tensor] = {}
    target = next(p for p in unit.parts if p.kind == "conv" and not p.inside)
    index = unit.parts.index(target)

    def run(change: bool) -> dict[str, torch.Tensor]:
        seen.clear()
        handles = [
            net.get_submodule(part.first.path).register_forward_hook(
                lambda module, args, out, path=part.first.path: seen.update({path: out.clone()})
            )
            for part in unit.parts
            if part.kind in ("conv", "fc", "gate") and part.first.path
        ]
        if change:
            conv = net.get_submodule(target.first.path)
            handles.append(conv.register_forward_hook(lambda module, args, out: out + torch.randn_like(out)))
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            size = max(64, registry.network(name).smallest)
            net(torch.randn(1, 3, size, size))
        for handle in handles:
            handle.remove()
        return dict(seen)

    below, front = set(), {index}
    while front:
        front = {to for at in front for to in unit.users(at)} - below
        below |= front
    before, after = run(False), run(True)
    for i, part in enumerate(unit.parts):
        path = part.first.path
        if path in before and i != index:
            assert torch.equal(before[path], after[path]) == (i not in below), part


@pytest.mark.parametrize("row", registry.NETWORKS, ids=lambda row: row.name)
def test_facts_are_the_rows_and_the_modules(row: registry.Network) -> None:
    unit = recorder.unit(row.name)
    facts = unit.facts
    assert facts.where == row.position and unit.title == row.title
    (gate,) = (g for g in variants.gates(variants.build(row.name, device="meta")) if g.name == unit.gate)
    assert facts.channels == gate.channels
    first = gate.module.fc1
    assert facts.hidden == next(first.parameters()).shape[0]
    assert facts.layers == ("fc" if isinstance(first, nn.Linear) else "conv")
    assert facts.bias == (first.bias is not None)
    assert facts.norm == isinstance(gate.module.bn, nn.BatchNorm2d)
    if isinstance(gate.module, SEBlock):
        assert facts.function == row.defaults["gate"].replace("_", "-")


OPTIONS = (
    {"gate": "h_sigmoid"},
    {"gate": "tanh"},
    {"form": "conv_bn"},
    {"bias": False},
    {"squeeze": "max"},
    {"reduction": 4},
)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_options_show(options: dict[str, Any]) -> None:
    plain, other = recorder.unit("se_resnet50").facts, recorder.unit("se_resnet50", **options)
    ((name, value),) = options.items()
    facts = other.facts
    if name == "gate":
        assert facts.function == value.replace("_", "-") != plain.function
    elif name == "form":
        assert facts.norm and facts.layers == "conv" and not plain.norm
    elif name == "bias":
        assert plain.bias and not facts.bias
    elif name == "reduction":
        assert facts.ratio == 4 and plain.ratio == 16
    else:
        assert [p.first.detail for p in other.parts if p.inside and p.kind == "pool"] == ["max"]


GATED = {  # kinds of what makes the gated map, and of what takes it
    "standard": ("conv", "add"), "pre": ("input", "conv"), "post": ("add", None), "identity": ("input", "add"),
    "3x3": ("conv", "conv"),
}  # fmt: skip


@pytest.mark.parametrize("integration", INTEGRATIONS)
def test_the_gated_signal_is_the_integrations(integration: str) -> None:
    unit = recorder.unit("se_resnet50", integration=integration)
    (scale,) = unit.scales
    before = [unit.parts[a].kind for a, b in unit.gated if b == scale]
    after = [unit.parts[b].kind for a, b in unit.gated if a == scale]
    assert (before, after) == ([GATED[integration][0]], [k for k in (GATED[integration][1],) if k])
    kernels = [unit.parts[a].first.kernel for a, b in unit.gated if b == scale and unit.parts[a].kind == "conv"]
    assert kernels == {"standard": [(1, 1)], "3x3": [(3, 3)]}.get(integration, [])
    order, _, _ = real("se_resnet50", unit, integration=integration)
    assert [s.path for s in recorded("se_resnet50", unit, integration=integration) if s.path in order] == order


def test_recording_leaves_no_hook_behind() -> None:
    net = variants.build("se_resnet50", device="meta")
    recorder.record(net, torch.empty(1, 3, 64, 64, device="meta"), ("layer1.1",))
    with pytest.raises(RuntimeError):  # also where the forward fails
        recorder.record(net, torch.empty(1, 4, 64, 64, device="meta"), ("layer1.1",))
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in net.modules())


def test_what_has_no_name_is_refused() -> None:
    class Odd(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.sin()

    with pytest.raises(TypeError, match="Odd"):
        recorder.record(nn.Sequential(nn.Sequential(Odd())), torch.empty(1, 3, 4, 4, device="meta"), ("0",))
    with pytest.raises(UnknownModel):
        recorder.unit.__wrapped__("nobody")
    with pytest.raises(OptionRefused):
        recorder.unit("se_vgg16_bn", integration="post")


@pytest.mark.parametrize("name", ["se_resnet50", "efficientnet_b0", "mobilenet_v3_large"])
def test_orders_of_definition_and_execution(name: str) -> None:
    printed, defined, ran = recorder.orders(name)
    assert [printed.index(f"({part.split('.')[0]}):") for part in defined] == sorted(
        printed.index(f"({part.split('.')[0]}):") for part in defined
    )
    assert set(ran) <= set(defined)
    act = next(n for n in ran if n in ("act", "activation"))
    assert defined.index(act) > defined.index("fc2") and ran.index("fc1") < ran.index(act) < ran.index("fc2")


def test_differences_are_marked_where_they_are() -> None:
    units = [recorder.unit(name) for name in recorder.SIX]
    like = recorder.unit("se_resnet50").facts
    rows = unit_graph.differences(units, like)
    assert tuple(rows) == unit_graph.ROWS
    for row, cells in rows.items():
        for unit, (value, differs) in zip(units, cells, strict=True):
            assert value == getattr(unit.facts, row)
            assert differs == (row != "widths" and value != getattr(like, row))
    assert any(d for _, d in rows["function"]) and not rows["function"][recorder.SIX.index("se_resnext50_32x4d")][1]


# --- drawings -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", recorder.UNITS)
def test_boxes_lie_apart_and_below_what_they_wait_for(name: str) -> None:
    unit = recorder.unit(name)
    spots = unit_drawing.place(unit)
    for a, one in enumerate(spots):
        for other in spots[a + 1 :]:
            apart = one.ends[1] <= other.ends[0] + 1e-9 or other.ends[1] <= one.ends[0] + 1e-9
            assert one.row != other.row or apart, name
    for source, at in unit.wires:
        assert spots[source].row <= spots[at].row


@pytest.mark.parametrize("integration", INTEGRATIONS)
def test_boxes_of_every_integration_lie_apart(integration: str) -> None:
    spots = unit_drawing.place(recorder.unit("se_resnet50", integration=integration))
    for a, one in enumerate(spots):
        for other in spots[a + 1 :]:
            assert one.row != other.row or one.ends[1] <= other.ends[0] or other.ends[1] <= one.ends[0]


@pytest.mark.parametrize("lang", i18n.LANGUAGES)
@pytest.mark.parametrize(
    "names", [recorder.SIX, *(("se_resnet50", n) for n in recorder.UNITS if n != "se_resnet50")], ids="-".join
)
def test_words_fit_their_boxes(names: tuple[str, ...], lang: str) -> None:
    """On the narrowest page that is projected: 1280 px less the sidebar."""
    figure = figures.draw_units([recorder.unit(name) for name in names], i18n.texts(lang))
    page = place(figure, 790)
    for n, panel in enumerate(figure.panels):
        (x0, x1), (y0, y1) = panel.limits
        _, _, wide, high = page.panels[n].rect
        boxes = [m for m in panel.marks if isinstance(m, Box)]
        texts = [m for m in panel.marks if isinstance(m, Text)]
        assert len(boxes) == len(texts) == len(recorder.unit(names[n]).parts)
        for box, text in zip(boxes, texts, strict=True):
            lines = text.text.split("\n")
            assert text.size >= SMALL
            # ``ems`` errs on the wide side by a tenth
            assert 0.9 * text.size * max(map(ems, lines)) <= (box.x1 - box.x0) / (x1 - x0) * wide, text.text
            assert 1.2 * text.size * len(lines) <= (box.y1 - box.y0) / (y0 - y1) * high + 1, text.text


def test_one_colour_for_one_part() -> None:
    figure = figures.draw_units([recorder.unit(name) for name in recorder.SIX], i18n.texts("en"))
    for panel, name in zip(figure.panels, recorder.SIX, strict=True):
        boxes = [m.colour for m in panel.marks if isinstance(m, Box)]
        kinds = [(p.kind, p.inside) for p in recorder.unit(name).parts]
        colour = dict(zip(kinds, boxes, strict=True))
        assert colour["pool", True] == unit_drawing.COLOURS["squeeze"]
        assert colour["gate", True] == colour["scale", True] == unit_drawing.COLOURS["scale"]
        dense = [
            b
            for b, p in zip(boxes, recorder.unit(name).parts, strict=True)
            if p.inside and p.shape[1:] in ((), (1, 1)) and p.kind in ("fc", "conv")
        ]
        assert dense == [unit_drawing.COLOURS["excite"]] * 2
    assert len(figure.table.rows) == sum(len(recorder.unit(n).parts) for n in recorder.SIX)


def test_merged_keeps_what_others_use() -> None:
    """A norm that two parts use cannot hide in its convolution's box, and neither can what follows it."""
    made = [
        Step("", "input", (), (4, 2, 2)), Step("c", "conv", (0,), (4, 2, 2)), Step("n", "norm", (1,), (4, 2, 2)),
        Step("a", "act", (2,), (4, 2, 2), "ReLU"), Step("", "add", (3, 2), (4, 2, 2)),
    ]  # fmt: skip
    parts = unit_graph.merged(made, "se")
    assert [(p.kind, p.inputs) for p in parts] == [("input", ()), ("conv", (0,)), ("act", (1,)), ("add", (2, 1))]
    assert parts[1].norm and not parts[1].act and isinstance(parts[1], Part)


def test_filled_boxes_are_tints_that_ink_can_be_read_on() -> None:
    def light(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    for dark in (False, True):
        for colour in (*unit_drawing.COLOURS.values(), "pinned"):
            high, low = sorted((light(palette.role("ink", dark)), light(palette.tint(colour, dark))), reverse=True)
            assert (high + 0.05) / (low + 0.05) >= 4.5, (colour, dark)
        tints = {palette.tint(colour, dark) for colour in unit_drawing.COLOURS.values()}
        assert len(tints) == len(unit_drawing.COLOURS) and palette.background(dark) not in tints


@pytest.mark.parametrize("dark", [False, True])
def test_screen_and_slide_fill_the_same_boxes(dark: bool) -> None:
    figure = figures.draw_units([recorder.unit("se_resnet50")], i18n.texts("en"))
    boxes = [m for panel in figure.panels for m in panel.marks if isinstance(m, Box)]
    tints = sorted(palette.tint(box.colour, dark) for box in boxes)
    shapes = to_plotly(figure, dark).layout.shapes
    assert sorted(shape.fillcolor for shape in shapes if shape.fillcolor) == tints
    patches = [p for axes in slides.draw(figure, dark).axes for p in axes.patches if p.get_fill()]
    assert sorted(to_hex(p.get_facecolor()) for p in patches) == tints


def test_every_drawing_passes_plotlys_own_checks() -> None:
    t = i18n.texts("zh")
    flows = [
        (start, [(i, gradient_flow.measure(i, 3, start).log10) for i in INTEGRATIONS]) for start in gradient_flow.STARTS
    ]
    said = {"n": 3, "on": "1", "silent": "1"}
    unit = recorder.unit("se_resnet50", integration="identity")
    drawn = (
        figures.draw_units([recorder.unit(name) for name in recorder.SIX], t),
        figures.draw_integration(unit, "identity", [("standard", 22.28), ("identity", 22.2)], 23.3, "", t),
        figures.draw_flow(flows, said, t),
        figures.draw_order(("a", "b", "c"), ("a", "c", "b"), "run", t),
    )
    for figure in drawn:
        go.Figure(screen.spec(figure))  # which refuses what plotly does not know
        assert figure.table.rows and figure.alt
    assert len(drawn[2].table.rows) == len(gradient_flow.STARTS) * len(INTEGRATIONS) * 3 * 4


# --- gradients ----------------------------------------------------------------------------------------------------


def test_gradients_are_autograds() -> None:
    """The same stack, differentiated by hand where it can be: silent branches leave gates and shortcuts alone."""
    flow = gradient_flow.measure("post", 4, "silent", seeds=(0,))
    plain = gradient_flow.measure("standard", 4, "silent", seeds=(0,))
    assert flow.norms.shape == (1, 5) and flow.units == 4
    lost = (flow.norms[0, 0] / flow.norms[0, -1]) / (plain.norms[0, 0] / plain.norms[0, -1])
    assert lost == pytest.approx(flow.gate**4, rel=0.1)
    opened = gradient_flow.measure("post", 4, "silent", opened=True, seeds=(0,))
    assert opened.gate > 0.9 and opened.arrives > flow.arrives * 5


def test_what_leaves_the_shortcut_alone_costs_nothing_where_branches_are_silent() -> None:
    own = {i: gradient_flow.measure(i, 3, "silent", seeds=(0,)).arrives for i in INTEGRATIONS}
    assert own["pre"] == pytest.approx(own["standard"], rel=1e-5) and own["3x3"] == pytest.approx(
        own["standard"], rel=1e-5
    )
    assert own["post"] < 0.2 * own["standard"] and own["identity"] < 0.2 * own["standard"]


def test_the_seed_decides_everything() -> None:
    state = torch.random.get_rng_state()
    a, b = (gradient_flow.measure("standard", 2, "frozen", seeds=(3,)) for _ in range(2))
    assert np.array_equal(a.norms, b.norms), "the seed decides everything"
    assert torch.equal(torch.random.get_rng_state(), state), "and nobody else's numbers move"
    assert not np.array_equal(a.norms, gradient_flow.measure("standard", 2, "frozen", seeds=(4,)).norms)
    assert (a.log10[:, -1] == 0).all() and np.isfinite(a.log10).all()


@pytest.mark.parametrize("start", gradient_flow.STARTS)
def test_starts_differ(start: str) -> None:
    mine = gradient_flow.measure("standard", 3, start, seeds=(0,)).norms
    others = [
        gradient_flow.measure("standard", 3, each, seeds=(0,)).norms for each in gradient_flow.STARTS if each != start
    ]
    assert all(not np.allclose(mine, other) for other in others)


def flow(name: str, *shares: float) -> gradient_flow.Flow:
    return gradient_flow.Flow(name, np.array([[share, 1.0] for share in shares]), 0.5)


def test_verdicts_need_every_seed() -> None:
    standard = flow("standard", 1.0, 2.0)
    assert gradient_flow.verdict([standard, flow("post", 0.05, 0.1)]) == "vanishes"
    assert gradient_flow.verdict([standard, flow("post", 11.0, 30.0)]) == "explodes"
    assert gradient_flow.verdict([standard, flow("post", 1.0, 2.0)]) == "same"
    assert gradient_flow.verdict([standard, flow("post", 0.05, 2.0)]) == "unclear"


def test_unknown_stacks_are_refused() -> None:
    for bad in (("nowhere", "on"), ("post", "off")):
        with pytest.raises(ValueError, match="no such stack"):
            gradient_flow.measure(bad[0], 2, bad[1])


@pytest.mark.parametrize(
    ("value", "text"), [(0.5, "0.5"), (14.4, "14"), (1234.0, "1,234"), (1.2e-5, "1.2·10⁻⁵"), (7.7e8, "7.7·10⁸")]
)
def test_scientific(value: float, text: str) -> None:
    assert figures.scientific(value) == text
