"""Two networks from Keras and TensorFlow repositories, each against another way of writing it."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from senet_viz.architecture import recorder
from senet_viz.networks import keras_ports, variants
from senet_viz.networks.blocks import SEBlock
from senet_viz.tap import hooks, layouts, replay
from tests.networks import pictures, stir


def test_one_gate_sits_on_top_of_a_whole_inception() -> None:
    net = variants.build("se_inception_once", classes=7)
    (gate,) = variants.gates(net)
    assert (gate.channels, gate.module.fc1.out_features) == (2048, 128)
    assert [ref.name for ref in layouts.find(net)] == ["se"]
    assert [part.p for part in net.modules() if isinstance(part, nn.Dropout)] == [0.3]
    with torch.inference_mode():
        x = pictures(2, size=139)
        maps = net.get_submodule("features")(x)
        scores = net.get_submodule("fc")((gate.module(maps)).mean((2, 3)))
        given = net(x)
    assert torch.allclose(given, torch.sigmoid(scores), atol=1e-6) and given.shape == (2, 7)
    assert 0 < float(given.min()) < float(given.max()) < 1
    assert recorder.unit("se_inception_once").facts.where == "network_end"
    assert recorder.sits(variants.build("se_inception_once", device="meta"), "se", 299) == "network_end"


def paths(unit: keras_ports.CifarUnit, x: Tensor) -> Tensor:
    """The unit before its gate as the TensorFlow code has it: path after path, joined."""
    found, stride = [], unit.conv2.stride
    for part in range(8):
        rows = slice(64 * part, 64 * part + 64)

        def norm(bn: nn.BatchNorm2d, y: Tensor, rows: slice = rows) -> Tensor:
            assert bn.running_mean is not None and bn.running_var is not None
            mean, var, weight, bias = bn.running_mean[rows], bn.running_var[rows], bn.weight[rows], bn.bias[rows]
            return F.relu(F.batch_norm(y, mean, var, weight, bias, eps=bn.eps))

        y = norm(unit.bn1, F.conv2d(x, unit.conv1.weight[rows]))
        found.append(norm(unit.bn2, F.conv2d(y, unit.conv2.weight[rows], stride=stride, padding=1)))
    return unit.bn3(unit.conv3(torch.cat(found, 1)))


def test_a_unit_of_the_cifar_network_is_eight_paths_and_a_padded_shortcut() -> None:
    net = stir(variants.build("se_resnext_cifar", classes=10), 32)
    assert [(gate.channels, gate.stage, gate.module.fc1.out_features) for gate in variants.gates(net)] == [
        (c, s, c // 4) for s, c in enumerate((64, 128, 256), start=1) for _ in range(3)
    ]
    unit = net.get_submodule("layer2.0")
    x = torch.rand(2, 64, 16, 16)
    with torch.inference_mode():
        y = unit.se(paths(unit, x))  # type: ignore[arg-type, operator]
        halved = x.reshape(2, 64, 8, 2, 8, 2).mean((3, 5))
        zeros = torch.zeros(2, 32, 8, 8)
        expected = torch.relu(y + torch.cat((zeros, halved, zeros), 1))
        assert torch.allclose(unit(x), expected, atol=1e-5)
        assert net(pictures(2, size=32)).shape == (2, 10)


@pytest.mark.parametrize("bias", [False, True])
def test_batch_norm_after_both_layers(bias: bool) -> None:
    block = SEBlock(16, 4, gate="h_sigmoid", form="conv_bn_bn", bias=bias)
    net = stir(nn.Sequential(nn.Conv2d(3, 16, 3), block))
    x = pictures(1)
    with torch.inference_mode():
        u = net[0](x)
        h = torch.relu(block.bn(block.fc1(u.mean((2, 3), keepdim=True))))
        assert block.bn2 is not None
        logit = block.bn2(block.fc2(h))
        out = u * F.relu6(logit + 3) / 6
    trace = hooks.run(net, x, keep_u=["1"]).blocks[0]
    again = replay.replay(net, trace)
    assert trace.logit is not None and trace.hidden is not None
    assert torch.allclose(trace.logit, logit.flatten()[None], atol=1e-6)
    assert torch.allclose(trace.out, out[0], atol=1e-5) and again.holds and set(again.differences) >= {"logit", "gate"}
    assert again.w2 is not None and again.b2 is not None
    folded = again.w2 @ trace.hidden.double().numpy() + again.b2
    assert abs(folded - trace.logit[0].double().numpy()).max() < 1e-5, "what is shown as W2 and b2 gives the logit"
    assert again.layers == (4, bias)
