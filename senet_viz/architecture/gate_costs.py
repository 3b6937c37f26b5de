"""What the gates alone add to a network: Equation 5, memory of a training step, and what dropping stages saves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks

from senet_viz.architecture.counting import _blocks, _picture, skeleton
from senet_viz.networks.blocks import reduced

# --- SENet, eq. 5 -------------------------------------------------------------------------------------------------


def eq5(stages: Sequence[tuple[int, int]], r: int) -> int:
    """Extra weights of SE gates, SENet eq. 5: (2 / r) * sum over stages of N_s * C_s^2, biases apart.

    Args:
        stages: (N_s, C_s), blocks and channels.
        r: reduction; C / r is rounded down where r does not divide C, as the blocks do.
    """
    return sum(2 * n * c * reduced(c, r) for n, c in stages)


# --- memory of a training step ------------------------------------------------------------------------------------


def kept(module: nn.Module, size: int = 224) -> int:
    """Bytes that autograd keeps from the forward to the backward of a training step, for every picture of a batch.

    Exactly: the distinct storages that operations save for their backward (``saved_tensors_hooks``) in train mode,
    weights and buffers left out, of a batch of 3 minus those of a batch of 2, in the weights' own precision. The
    optimiser's state, the gradients and what a convolution needs while it runs are not in it.
    """
    net = skeleton(module).train()
    return _saved(net, 3, size) - _saved(net, 2, size)


def _saved(net: nn.Module, batch: int, size: int) -> int:
    own = {t.untyped_storage()._cdata for t in (*net.parameters(), *net.buffers())}
    held: dict[int, Any] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in own:
            held[storage._cdata] = storage  # held on to, so that no other gets its place
        return tensor

    with torch.enable_grad(), saved_tensors_hooks(keep, lambda tensor: tensor):
        net(_picture(net, batch, size))
    return sum(storage.nbytes() for storage in held.values())


def ungated(module: nn.Module) -> nn.Module:
    """The network without its gates, on the meta device: every block that only scales becomes the identity.

    Raises:
        ValueError: it has blocks whose branches compete; without them there is no one network that is left.
    """
    net = skeleton(module)
    for block in _blocks(net):
        if block.heads is not None:
            raise ValueError(f"{block.name} chooses between branches: it cannot just be left out")
        net.set_submodule(block.name, nn.Identity())
    return net


def stride_first(module: nn.Module) -> nn.Module:
    """A ResNet whose bottlenecks have their stride on the first 1x1, as the authors', not on the 3x3, as libraries'.

    On the meta device. The first 1x1 then runs on a quarter of the pixels: 4.09 becomes 3.86 GFLOPs for ResNet-50.
    """
    net = skeleton(module)
    for unit in net.modules():
        convs = [unit._modules.get(f"conv{n}") for n in (1, 2, 3)]
        first, second = convs[:2]
        if all(isinstance(conv, nn.Conv2d) for conv in convs) and first.kernel_size == (1, 1):  # type: ignore[union-attr]
            first.stride, second.stride = second.stride, first.stride  # type: ignore[union-attr]
    return net
