"""Do a block's arithmetic again, step by step and in float64, and compare every step with what the model computed.

Every step starts from the model's own numbers of the step before, so no step inherits an error: a gate may differ by
what float32 does to the gate function, not by what it did to a logit of 100. The truth badge tells which step comes
closest to its limit.

The limit is ``TOLERANCE``, or what float32 may do to a sum of this size where that is more. One operation errs by at
most u = 2^-24 of its result, so a sum of n terms t_i errs by at most u (|s_1| + ... + |s_n|), s_i its partial sums.
The errors point either way. Taken as independent with mean 0 (Higham and Mary, SIAM J. Sci. Comput. 41(5), 2019) they
add up to more than k u sqrt(s_1^2 + ... + s_n^2) with a probability of at most 2 exp(-k^2 / 2): k = 6 is passed once in
30 million sums. In which order the terms are added is the processor's choice (how many lanes, fused or not). The mean
over all orders of s_1^2 + ... + s_n^2 is about n T^2 / 3 + n Q / 6, T being the sum and Q the sum of the t_i^2; three
times that leaves room for an unlucky order and for the rounding of the products. So E = 6 u sqrt(n (T^2 + Q)), and the
limit is max(1e-5, E / max(1, the step's largest number)). Few terms that do not cancel leave it at 1e-5.

The module is long because a step and the error that float32 may make in it are computed together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from senet_viz.later import later
from senet_viz.stats import h_sigmoid, sigmoid, softmax
from senet_viz.tap import edits as edit_ops
from senet_viz.tap import layouts
from senet_viz.tap.layouts import Place, child
from senet_viz.types import BlockTrace, Edit

if TYPE_CHECKING:
    import torch
    import torch.nn.functional as F
    from torch import Tensor, nn
else:
    torch, F, nn = later("torch"), later("torch.nn.functional"), later("torch.nn")


Array = np.ndarray
TOLERANCE = 1e-5  # of the larger of 1 and the quantity's own size: float32 has seven digits
UNIT = 2.0**-24  # one float32 operation errs by at most this share of its result
SURE = 6.0  # k above

_GATES = {  # class name of a gate function -> what it computes
    **dict.fromkeys(("Sigmoid", "SigmoidMe"), "sigmoid"),
    **dict.fromkeys(("HSigmoid", "Hardsigmoid", "HardSigmoid", "HardSigmoidMe"), "h_sigmoid"),
    **dict.fromkeys(("Softmax", "SelectiveKernelAttn", "RadixSoftmax"), "softmax"),
}


GATE_FUNCTIONS: dict[str, Callable[[Array], Array]] = {
    "sigmoid": sigmoid,
    "h_sigmoid": h_sigmoid,
    "softmax": softmax,
}
_ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "ReLU": lambda x: np.maximum(x, 0),
    **dict.fromkeys(("SiLU", "Swish"), lambda x: x * sigmoid(x)),
    **dict.fromkeys(("Hardswish", "HardSwish"), lambda x: x * h_sigmoid(x)),
}


@dataclass(frozen=True, eq=False)
class Replay:
    """A replay is one block's excitation again, each step from the model's numbers of the step before.

    Arrays are float64; what the block has not is None.
    """

    w1: Array | None  # (C/r, C)
    b1: Array | None  # (C/r,)
    norm: str  # class name of the normalisation after W1, or ""
    act: str  # class name of the activation, or ""
    w2: Array | None  # (M*C, C/r), a norm after it folded in; None for ECA, whose layer is a 1d convolution
    b2: Array | None  # (M*C,), likewise
    gate_fn: str  # a key of GATE_FUNCTIONS, or the class name of another function
    squeeze: str  # "avg", or the way z was made: "avg_max", "attention"
    near: int  # how many channels ECA's layer reaches; 0 where the last layer reaches all
    z: Array | None  # (C,) from u; None without u
    pre: Array | None  # (C/r,)
    hidden: Array | None  # (C/r,)
    logit: Array  # (M, C)
    gate: Array  # (M, C)
    biased: bool  # a layer has biases of its own
    differences: dict[str, float]  # quantity -> max |ours - the model's|, relative where the quantity exceeds 1
    limits: dict[str, float]  # the same quantities -> what float32 may do to them, relative likewise; see above

    @property
    def layers(self) -> tuple[int, bool]:
        """Return the width of the hidden layer, 0 where there is none, and whether a layer has biases."""
        return 0 if self.w1 is None else len(self.w1), self.biased

    @property
    def worst(self) -> float:
        """Return the largest difference; NaN where any is, which ``max`` would pass over."""
        return float(np.max(list(self.differences.values())))

    @property
    def weakest(self) -> str:
        """Return the quantity whose difference takes the largest share of its limit; NaN comes before all others."""
        shares = {name: value / self.limits[name] for name, value in self.differences.items()}
        return max(shares, key=lambda name: (bool(np.isnan(shares[name])), shares[name]))

    @property
    def holds(self) -> bool:
        """Tell whether every step agrees with the model to its limit."""
        return all(value <= self.limits[name] for name, value in self.differences.items())


def rounding(count: int, total: Array, squares: Array) -> Array:
    """Return what float32 may do to sums of ``count`` terms each, in any order: E of this module's first lines.

    Args:
        total: the sums T, any shape.
        squares: the sums Q of their terms' squares, the same shape.
    """
    return SURE * UNIT * np.sqrt(count * (total**2 + squares))


def _linear(w: Array, b: Array | None, x: Array) -> tuple[Array, Array]:
    """Return ``w @ x + b`` and what float32 may do to it, both (out,)."""
    bias = np.zeros(len(w)) if b is None else b
    y = w @ x + bias
    return y, rounding(len(x) + (b is not None), y, w**2 @ x**2 + bias**2)


def _matrix(layer: nn.Module | None) -> tuple[Array | None, Array | None]:
    """Return weights (out, in) and bias (out,) of a linear layer or 1x1 convolution, groups written out."""
    if not isinstance(layer, nn.Linear | nn.Conv2d):
        return None, None
    w = layer.weight.detach().double().cpu().flatten(1)
    groups = layer.groups if isinstance(layer, nn.Conv2d) else 1
    if groups > 1:
        w = torch.block_diag(*w.chunk(groups))
    bias = None if layer.bias is None else layer.bias.detach().double().cpu().numpy()
    return w.numpy(), bias


def _through(part: nn.Module, x: Array, shape: tuple[int, ...]) -> Array:
    """Run a module that we do not write out ourselves in float64, on a copy."""
    with torch.inference_mode():
        y = deepcopy(part).double().cpu().eval()(torch.from_numpy(x).reshape(shape))
    return y.reshape(-1).numpy()


def _normalised(part: nn.Module, x: Array, error: Array) -> tuple[Array, Array]:
    """Return the norm of x (C/r,), and what float32 may do where x is off by ``error``; 0 for a norm that is not BN."""
    if type(part) is nn.BatchNorm2d and part.affine and part.running_mean is not None and part.running_var is not None:
        mean, var = (v.double().cpu().numpy() for v in (part.running_mean, part.running_var))
        scale, shift = (v.detach().double().cpu().numpy() for v in (part.weight, part.bias))
        slope = scale / np.sqrt(var + part.eps)
        own = rounding(3, (x - mean) * slope + shift, (x * slope) ** 2 + (mean * slope) ** 2 + shift**2)
        return (x - mean) * slope + shift, np.abs(slope) * error + own
    return _through(part, x, (1, -1, 1, 1)), np.zeros_like(x)


def gate_function(place: Place) -> str:
    """Return ``"sigmoid"``, ``"h_sigmoid"``, ``"softmax"``, or the class name of what this block uses."""
    name = type(place.gate).__name__
    return "sigmoid" if name == "RadixSoftmax" and place.branches == 1 else _GATES.get(name, name)


def _squeeze(place: Place, u: Array, by_max: bool) -> tuple[str, Array, Array]:
    """Return how this block squeezes, z (C,) from u (M, C, H, W), and what float32 may do to it."""
    fused, area = u.sum(axis=0), u.shape[2] * u.shape[3]
    squares = (u**2).sum(axis=0)
    mean, top = fused.mean(axis=(1, 2)), fused.max(axis=(1, 2))
    of_mean = rounding(len(u) * area, mean, squares.sum(axis=(1, 2)) / area**2)
    of_top = rounding(len(u), top, squares.max(axis=(1, 2)))
    if by_max:
        return "max", top, of_top
    if place.layout.kind == "gc" and child(place.module, "conv_attn") is not None:
        w, b = _matrix(child(place.module, "conv_attn"))
        assert w is not None
        maps = fused.reshape(len(fused), -1)
        logits, error = _linear(maps.T, np.broadcast_to(0.0 if b is None else b, area), w[0])
        shares = softmax(logits)
        z = maps @ shares
        moved = np.sqrt((maps - z[:, None]) ** 2 @ (shares * error) ** 2)  # by logits that are off, one by one
        return "attention", z, moved + 2 * rounding(area, z, maps**2 @ shares**2)  # the shares' own sum is one more
    if getattr(place.module, "add_maxpool", False):
        return "avg_max", (mean + top) / 2, of_mean + of_top
    pool = child(place.module, "pool")
    return ("max", top, of_top) if isinstance(pool, nn.AdaptiveMaxPool2d) else ("avg", mean, of_mean)


def _numpy(value: Tensor | None) -> Array | None:
    return None if value is None else value.double().numpy()


def difference(ours: Array, theirs: Array) -> float:
    """Return max |ours - theirs|, divided by max |theirs| where that exceeds 1."""
    return float(np.abs(ours - theirs).max() / max(1.0, np.abs(theirs).max()))


def replay(module: nn.Module, block: BlockTrace, edits: Sequence[Edit] = ()) -> Replay:
    """Recompute every step of ``block`` with the weights of ``module``, from the model's numbers of the step before.

    z is recomputed where the trace has u.

    Args:
        edits: of this block, with which the trace was taken: the arithmetic is changed in the same places.

    Raises:
        NoGateFound: ``module`` has no block of that name.
    """
    place = layouts.place(module, block.name)
    edits = sorted(edits, key=edit_ops.stage)
    used = {edit.op for edit in edits}
    w1, b1 = _matrix(place.w1)
    w2, b2 = _matrix(place.w2)
    seen_z, seen_pre, seen_hidden, seen_logit = map(_numpy, (block.z, block.pre, block.hidden, block.logit))
    seen_gate = block.gate.double().numpy()
    assert seen_z is not None and seen_logit is not None  # every layout has them
    differences: dict[str, float] = {}
    limits: dict[str, float] = {}

    def compare(name: str, ours: Array, theirs: Array, error: Array | float = 0.0) -> None:
        differences[name] = difference(ours, theirs)
        limit = float(np.max(error) / max(1.0, np.abs(theirs).max()))
        limits[name] = max(TOLERANCE, limit) if np.isfinite(limit) else TOLERANCE

    z, how = None, "avg"
    if block.u is not None:
        how, z, error = _squeeze(place, block.u.double().numpy(), "max_squeeze" in used)
        compare("z", z, seen_z, error)
    pre = hidden = None
    if w1 is not None and seen_pre is not None and seen_hidden is not None:
        pre, error = _linear(w1, b1, seen_z)
        if place.norm is not None:
            pre, error = _normalised(place.norm, pre, error)
        compare("pre", pre, seen_pre, error)
        assert place.act is not None  # it makes hidden of pre
        act = _ACTIVATIONS.get(type(place.act).__name__)
        hidden = act(seen_pre) if act else _through(place.act, seen_pre, (1, -1, 1, 1))
        hidden = np.zeros_like(hidden) if "dead" in used else hidden
        compare("hidden", hidden, seen_hidden)
    near, biased = 0, b1 is not None or b2 is not None
    if w2 is not None:
        enters = seen_z if hidden is None or seen_hidden is None else seen_hidden
        flat, error = _linear(w2, b2, enters)
        if place.norm2 is not None:  # folded in: what is shown as W2 and b2 gives the logit
            flat, error = _normalised(place.norm2, flat, error)
            zero, one = (_normalised(place.norm2, np.full(len(w2), v), error)[0] for v in (0.0, 1.0))
            w2, b2 = (one - zero)[:, None] * w2, zero + (0.0 if b2 is None else (one - zero) * b2)
        logit = place.layout.per_branch(place.module, torch.from_numpy(flat)[None], logits=True)[0].numpy()
        compare("logit", logit, seen_logit, error)
    else:  # ECA: a 1d convolution along the channels
        logit = _through(place.w2, seen_z, (1, 1, -1)).reshape(seen_logit.shape)
        near = int(place.w2.kernel_size[0])  # type: ignore[index]
        compare("logit", logit, seen_logit)
    gate_fn = gate_function(place)
    known = GATE_FUNCTIONS.get(gate_fn)
    shape = (1, -1) if place.branches == 1 else (1, *logit.shape)  # as the block's own gate function sees it
    gate = known(seen_logit) if known else _through(place.gate, seen_logit, shape).reshape(logit.shape)
    for edit in edits:
        gate = edit_ops.apply(edit, torch.from_numpy(gate), torch.from_numpy(seen_logit)).numpy()
    compare("gate", gate, seen_gate)
    if block.residue is not None:
        differences["out"] = block.residue / max(1.0, float(block.out.abs().max()))
        limits["out"] = TOLERANCE
    norm, activation = ("" if part is None else type(part).__name__ for part in (place.norm, place.act))
    return Replay(
        w1, b1, norm, activation, w2, b2, gate_fn, how, near, z, pre, hidden, logit, gate, biased, differences, limits
    )


def pooled(u: Array, size: int | tuple[int | None, int | None], kind: str = "avg") -> Array:
    """Send ``(C, H, W)`` through AdaptiveAvgPool2d or AdaptiveMaxPool2d of that output size: ``(C, h, w)`` float32.

    Cell i of n reaches from floor(i H / n) to ceil((i + 1) H / n): cells overlap where n does not divide H.
    """
    sides = (size, size) if isinstance(size, int) else size
    reduce = np.mean if kind == "avg" else np.max
    for axis, cells in enumerate(sides, start=1):
        side = u.shape[axis]
        n = side if cells is None else cells
        spans = [slice(i * side // n, -(-(i + 1) * side // n)) for i in range(n)]
        parts = [reduce(u[:, span] if axis == 1 else u[:, :, span], axis=axis) for span in spans]
        u = np.stack(parts, axis=axis)
    return u.astype(np.float32)


def fc_against_conv(module: nn.Module, block: BlockTrace) -> float:
    """Return max |FC - 1x1 convolution| of the two layers' results on this picture's z and hidden; NaN if none."""
    place = layouts.place(module, block.name)
    worst = []
    with torch.inference_mode():
        for layer, x in ((place.w1, block.z), (place.w2, block.hidden)):
            if x is None or not isinstance(layer, nn.Linear | nn.Conv2d) or getattr(layer, "groups", 1) > 1:
                continue
            w, b = layer.weight.float().cpu(), None if layer.bias is None else layer.bias.float().cpu()
            as_fc = F.linear(x[None], w.flatten(1), b)
            as_conv = F.conv2d(x[None, :, None, None], w.flatten(1)[:, :, None, None], b).flatten(1)
            worst.append(float((as_fc - as_conv).abs().max()))
    return max(worst, default=float("nan"))
