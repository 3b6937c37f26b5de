"""Channel attention, written to be read: one class a kind, the papers' letters, a shape on every line.

* Squeeze-and-Excitation: Hu et al., "Squeeze-and-Excitation Networks", CVPR 2018 / TPAMI 2020, eqs. 2-4.
* h-sigmoid: Howard et al., "Searching for MobileNetV3", ICCV 2019, section 5.2.
* Selective Kernel convolution: Li et al., "Selective Kernel Networks", CVPR 2019, section 3.1.
"""

from collections.abc import Callable
from functools import reduce

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from senet_viz.networks import registry
from senet_viz.networks.registry import FORMS as FORMS
from senet_viz.networks.registry import reduced as reduced


class HSigmoid(nn.Module):
    """h-sigmoid(x) = ReLU6(x + 3) / 6: exactly 0 for x <= -3, exactly 1 for x >= 3 (MobileNetV3, sec. 5.2)."""

    def forward(self, x: Tensor) -> Tensor:
        return F.relu6(x + 3) / 6


class ChannelSoftmax(nn.Module):
    """Softmax over the C channels of ``(B, C, ...)``: they share a sum of 1, so C = 256 of them average 1/256."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.softmax(x, 1)


GATES: dict[str, type[nn.Module]] = dict(
    zip(registry.GATES, (nn.Sigmoid, HSigmoid, nn.Tanh, nn.ReLU, ChannelSoftmax), strict=True)
)
SQUEEZES: dict[str, type[nn.Module]] = dict(
    zip(registry.SQUEEZES, (nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d, nn.Identity), strict=True)  # "none": NoSqueeze
)


def _pick(table: dict[str, type[nn.Module]], name: str, what: str) -> Callable[..., nn.Module]:
    if name not in table:
        raise ValueError(f"{what} must be one of {', '.join(table)}; got {name!r}")
    return table[name]


class SEBlock(nn.Module):
    """Squeeze, excite, rescale: ``(B, C, H, W) -> (B, C, H, W)``.

    Args:
        channels: C, the channels of ``u``.
        reduction: r; the hidden layer has ``max(C // r, 1)`` units.
        gate: ``"sigmoid"`` (SENet), ``"h_sigmoid"`` (MobileNetV3), ``"tanh"`` or ``"relu"`` (TPAMI, table 12).
            ``"softmax"`` is in no paper: channels then compete for a sum of 1, so every gate is near 1/C and the
            block all but shuts its branch. It is here to show why gates are independent.
        squeeze: ``"avg"`` or ``"max"`` over H and W (TPAMI, table 11). ``"none"`` is NoSqueeze (table 16): the two
            layers are 1x1 convolutions on the map itself, whatever ``form`` says of FC, and the gate is (B, C, H, W),
            one for every pixel. There is no z then and no gate vector: ``layouts`` reports such a block as a near
            miss, and a trace has no row for it.
        form: ``"fc"`` (two linear layers), ``"conv"`` (the same numbers as 1x1 convolutions) or ``"conv_bn"``
            (batch normalisation before the ReLU), or ``"conv_bn_bn"`` (before the gate function too: 1x1, BN, ReLU,
            1x1, BN, h-sigmoid is what PyTorch ports of MobileNetV3 often have).
        bias: biases in both layers; the paper's text has none, the released weights have them.
        width: units of the hidden layer, where a network has another rule for it (MobileNetV3).

    Raises:
        ValueError: an option that is not in the lists above, or ``channels`` or ``reduction`` below 1.
    """

    stage = 0  # of the network that it sits in, from 1; ``variants`` says it

    def __init__(
        self,
        channels: int,
        reduction: int = 16,
        gate: str = "sigmoid",
        squeeze: str = "avg",
        form: str = "fc",
        bias: bool = False,
        width: int | None = None,
    ) -> None:
        super().__init__()
        if channels < 1 or reduction < 1:
            raise ValueError(f"channels and reduction must be at least 1; got {channels} and {reduction}")
        if form not in FORMS:
            raise ValueError(f"form must be one of {', '.join(FORMS)}; got {form!r}")
        self.channels = channels
        hidden = width or reduced(channels, reduction)
        pool = _pick(SQUEEZES, squeeze, "squeeze")
        self.form = "conv" if squeeze == "none" and form == "fc" else form
        self.pool = None if squeeze == "none" else pool(1)
        if self.form == "fc":
            self.fc1: nn.Module = nn.Linear(channels, hidden, bias=bias)
            self.fc2: nn.Module = nn.Linear(hidden, channels, bias=bias)
        else:
            self.fc1 = nn.Conv2d(channels, hidden, kernel_size=1, bias=bias)
            self.fc2 = nn.Conv2d(hidden, channels, kernel_size=1, bias=bias)
        self.bn = nn.BatchNorm2d(hidden) if form in ("conv_bn", "conv_bn_bn") else nn.Identity()
        self.bn2 = nn.BatchNorm2d(channels) if form == "conv_bn_bn" else None
        self.act = nn.ReLU()
        self.gate = _pick(GATES, gate, "gate")()

    def forward(self, u: Tensor) -> Tensor:
        z = u if self.pool is None else self.pool(u)  # (B, C, 1, 1)   eq. 2: z_c = mean over H, W of u_c
        if self.form == "fc":
            z = z.flatten(1)  # (B, C)
        h = self.act(self.bn(self.fc1(z)))  # (B, C/r[, 1, 1])   eq. 3: h = ReLU(W1 z)
        g = self.fc2(h)  # (B, C[, 1, 1])   eq. 3: g(z, W) = W2 h, the logits
        if self.bn2 is not None:
            g = self.bn2(g)  # (B, C, 1, 1)   the logits are what the gate function gets
        s = self.gate(g)  # (B, C[, 1, 1])   eq. 3: s = sigma(g(z, W)), the gate
        if s.ndim == 2:
            s = s[:, :, None, None]  # (B, C, 1, 1)
        return u * s  # (B, C, H, W)   eq. 4: x_c = s_c * u_c


class SKConv(nn.Module):
    """Selective Kernel convolution, SK[M, G, r]: M branches compete for every channel.

    ``(B, C, H, W) -> (B, C, H/stride, W/stride)``. Branch m is a grouped 3x3 convolution of dilation m + 1, so
    branch 1 is the paper's "5x5" (section 3.1: "the conventional convolution with a 5x5 kernel is replaced with
    the dilated convolution with a 3x3 kernel and dilation size 2").

    Args:
        channels: C, in and out.
        branches: M, the number of kernels to choose from.
        groups: G, the groups of each convolution.
        reduction, floor: r and L in ``d = max(C // r, L)`` (eq. 4).
        stride: of every branch.
    """

    stage = 0  # as in ``SEBlock``

    def __init__(
        self, channels: int, branches: int = 2, groups: int = 32, reduction: int = 16, floor: int = 32, stride: int = 1
    ) -> None:
        super().__init__()
        d = max(channels // reduction, floor)
        self.m, self.channels = branches, channels
        self.branches = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(channels, channels, 3, stride, padding=m + 1, dilation=m + 1, groups=groups, bias=False),
                nn.BatchNorm2d(channels),
                nn.ReLU(),
            )
            for m in range(branches)
        )
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc1 = nn.Conv2d(channels, d, kernel_size=1, bias=False)
        self.bn = nn.BatchNorm2d(d)
        self.act = nn.ReLU()
        self.fc2 = nn.Conv2d(d, branches * channels, kernel_size=1, bias=False)
        self.gate = nn.Softmax(dim=1)

    def forward(self, x: Tensor) -> Tensor:
        u = [branch(x) for branch in self.branches]  # M times (B, C, H, W)   split
        z = self.pool(reduce(torch.add, u))  # (B, C, 1, 1)   fuse: eqs. 1 and 2, the paper's s
        h = self.act(self.bn(self.fc1(z)))  # (B, d, 1, 1)   eq. 3, the paper's z
        g = self.fc2(h).unflatten(1, (self.m, -1))  # (B, M, C, 1, 1)   the logits
        a = self.gate(g)  # (B, M, C, 1, 1)   eq. 5: softmax over the M branches
        chosen = [a_m * u_m for a_m, u_m in zip(a.unbind(1), u, strict=True)]  # M times (B, C, H, W)
        return reduce(torch.add, chosen)  # (B, C, H, W)   select: eq. 6
