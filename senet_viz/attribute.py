"""Which pixels, and which gates, a class score rests on. The methods are captum's; ours is the network as a function
of one block's gates.

A gate says how much of a channel goes on; an attribution says how much of a score hangs on it. They are two things.

* Grad-CAM: Selvaraju et al., ICCV 2017. Occlusion: Zeiler and Fergus, ECCV 2014.
* Integrated gradients: Sundararajan et al., ICML 2017. Conductance: Dhamdhere et al., ICLR 2019.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import torch

from senet_viz import layouts, tap
from senet_viz.errors import NoGateFound, Stopped

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor, nn

    from senet_viz.types import Edit

ON_PHOTO = ("grad_cam", "occlusion", "integrated_gradients")
ON_GATES = ("gradient_x_gate", "gate_integrated_gradients", "gate_ablation", "conductance")
METHODS = (*ON_PHOTO, *ON_GATES)
COMPLETE = ("integrated_gradients", "gate_integrated_gradients")  # they promise to add up
STEPS = 64  # of the path of conductance
STRETCH, MOST_STEPS = 8, 1024  # steps of one stretch of an integrated path; of all that were tried
ENOUGH = 0.01  # relative completeness error
FLOOR = 0.1  # logits: a difference below it changes no odds by more than a tenth, and is no measure for an error
BATCH, SIDE = 32, 96  # so many pictures of that side, or gates, go through the network together; fewer larger ones


Progress = Callable[[int, int], bool | None]


@dataclass(frozen=True, eq=False)
class Attribution:
    """One answer of one method about one class score (the logit before softmax).

    ``values`` are (H, W) on the photo: exactly the pixels that the model saw, colours added up; (M, C) on gates, but
    (1, C) for ``gate_ablation``, which mutes a channel in all its branches.
    """

    method: str
    target: int
    block: str | None  # of the gates, or of the map of Grad-CAM
    values: np.ndarray
    score: float  # of the target for the photo, gates as they are
    baseline: float | None  # the score where the path starts (mean colour; gates of 1); None without a path
    steps: int  # of the path; 0 without one
    on_gates: bool

    @property
    def total(self) -> float:
        """The sum of all values."""
        return float(self.values.sum(dtype="float64"))

    @property
    def completeness(self) -> float | None:
        """|sum - score difference| relative to that difference, or to ``FLOOR``; None where none is promised."""
        if self.baseline is None or self.method not in COMPLETE:
            return None
        difference = self.score - self.baseline
        return abs(self.total - difference) / max(abs(difference), FLOOR)


def run(
    method: str,
    module: nn.Module,
    x: Tensor,
    target: int,
    block: str | None = None,
    steps: int | None = None,
    window: int | None = None,
    baseline: Tensor | None = None,
    edits: Sequence[Edit] = (),
    most: int = MOST_STEPS,
    progress: Progress = lambda done, total: None,
) -> Attribution:
    """What the score of class ``target`` rests on. The module is left as it was, also after an exception.

    Args:
        method: one of ``METHODS``.
        x: (1, 3, H, W), normalised.
        block: whose gates; needed for ``ON_GATES``. For Grad-CAM: whose output; by default the last map there is.
        steps: of a path; by default as many as it takes to add up to ``ENOUGH``, at most ``most``.
        window: side of what occlusion covers, in pixels; by default an eighth of the photo. It moves by half of that.
        baseline: (1, 3, H, W) where a path through photos starts and what occlusion covers with; by default zeros:
            the mean colour of the training photos.
        edits: of the gates, for methods on gates: what they say is then about the edited network.
        progress: told before every batch how many runs of the network are done, and how many there are at most; False
            ends it.

    Raises:
        NoGateFound: no block of that name, it never runs, or none was given, or the network has no map.
        Stopped: ``progress`` said so.
        ValueError: another method, a class that does not exist, or ``x`` of another shape.
    """
    import captum.attr

    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}; got {method!r}")
    on_gates = method in ON_GATES
    names = {ref.name for ref in layouts.find(module)}
    if (block is None and on_gates) or (block is not None and block not in names):
        raise NoGateFound(f"no attention block: {block}", name=block)
    before = tap.run(module, x, edits if on_gates else ())
    if block is not None and block in before.silent:
        raise NoGateFound(f"{block} never runs", name=block)
    if not 0 <= target < len(before.logits):
        raise ValueError(f"target must be from 0 to {len(before.logits) - 1}; got {target}")
    weight = next(module.parameters())
    batch = max(1, BATCH * SIDE**2 // max(SIDE**2, x.shape[2] * x.shape[3]))  # what a backward keeps grows with area
    with torch.inference_mode(False), torch.enable_grad(), tap.alone(module):
        x = x.detach().to(weight.device, weight.dtype, copy=True)
        start = torch.zeros_like(x) if baseline is None else baseline.to(x)
        net = rest = _Told(module, progress)
        gates = ones = x
        if on_gates:
            assert block is not None
            gate = before.block(block).gate
            gates = gate.clone().flatten()[None].to(x)  # (1, M*C)
            ones = torch.ones_like(gates)
            others = tuple(edit for edit in edits if edit.block != block)  # this block's are in ``gates`` already
            rest = _Told(_rest(module, x, block, tuple(gate.shape), others), progress)
        used, first = 0, None
        if method == "grad_cam":
            block = block or tap.last_map(module, x)
            cam = captum.attr.LayerGradCam(net, module.get_submodule(block))
            coarse = cam.attribute(x, target=target, relu_attributions=True)
            found = captum.attr.LayerAttribution.interpolate(coarse, tuple(x.shape[2:]), "bilinear")[0, 0]
        elif method == "occlusion":
            side = min(window or max(1, min(x.shape[2:]) // 8), *x.shape[2:])
            step = max(1, side // 2)
            net.total = math.prod(-(-(length - side) // step) + 1 for length in x.shape[2:]) + 1
            found = captum.attr.Occlusion(net).attribute(
                x, (3, side, side), (3, step, step), start, target, perturbations_per_eval=batch
            )[0, 0]
        elif method == "integrated_gradients":
            net.total = steps or most
            path = captum.attr.IntegratedGradients(net, multiply_by_inputs=True)
            flat, used = _integrated(path, x, start, target, steps, most, batch)
            found, first = flat[0].sum(0), _score(module, start, target)
        elif method == "gate_integrated_gradients":
            rest.total = steps or most
            path = captum.attr.IntegratedGradients(rest)
            found, used = _integrated(path, gates, ones, target, steps, most, batch)
            first = _score(rest.forward, ones, target)
        elif method == "gradient_x_gate":
            found = captum.attr.InputXGradient(rest).attribute(gates.requires_grad_(), target=target)
        elif method == "gate_ablation":
            m, channels = gate.shape
            rest.total = channels + 1
            mask = torch.arange(channels, device=gates.device).repeat(m)[None]
            ablated = captum.attr.FeatureAblation(rest).attribute(
                gates, torch.zeros_like(gates), target, feature_mask=mask, perturbations_per_eval=batch
            )
            found = ablated[:, :channels]
        else:  # conductance: along the path of photos, what passes through each gate
            used = net.total = steps or STEPS
            place = next(p for p in layouts.places(module) if p.name == block)
            layer = captum.attr.LayerConductance(net, place.gate)
            raw = layer.attribute(x, start, target, n_steps=used, internal_batch_size=batch)
            found, first = place.layout.per_branch(place.module, raw), _score(module, start, target)
        if on_gates:
            found = found.reshape(-1, gate.shape[1])
        values = found.detach().float().cpu().numpy()
    return Attribution(method, target, block, values, float(before.logits[target]), first, used, on_gates)


class _Told:
    """A network, or the rest of one, that says before every batch how many runs are done; class scores are (B, K)."""

    def __init__(self, forward: Callable[[Tensor], Any], progress: Progress) -> None:
        self.forward, self.progress = forward, progress
        self.done, self.total = 0, 1

    def __call__(self, x: Tensor) -> Tensor:
        if self.progress(self.done, max(self.done, self.total)) is False:
            raise Stopped("attribution")
        self.done += len(x)
        return _logits(self.forward(x))


def _logits(out: Any) -> Tensor:
    return (out[0] if isinstance(out, tuple | list) else out).flatten(1)


def _rest(
    module: nn.Module, x: Tensor, block: str, shape: tuple[int, ...], edits: Sequence[Edit]
) -> Callable[[Tensor], Tensor]:
    """The network as a function of one block's gates: (B, M*C) -> class scores (B, K), the photo being the same.

    Later blocks answer to what they get: their gates are part of the function.
    """

    def rest(gates: Tensor) -> Tensor:
        return tap.gated(module, x, block, gates.unflatten(1, shape), edits)

    return rest


def _score(forward: Callable[[Tensor], Any], at: Tensor, target: int) -> float:
    with torch.no_grad():
        return float(_logits(forward(at))[0, target])


def _integrated(
    path: Any, at: Tensor, start: Tensor, target: int, steps: int | None, most: int, batch: int
) -> tuple[Tensor, int]:
    """Integrated gradients, and of how many steps.

    With ``steps`` that many over the whole path. Else in stretches, which add up to the whole as integrals do: each
    says by its own completeness how well it was followed, and the worst is halved until all of it adds up.
    """
    attribute = partial(path.attribute, target=target, method="gausslegendre", internal_batch_size=batch)
    if steps is not None:
        return attribute(at, start, n_steps=steps), steps

    score = partial(_score, path.forward_func.forward, target=target)

    def point(share: float) -> Tensor:
        return start + share * (at - start)

    def stretch(low: float, high: float) -> tuple[float, float, float, Tensor]:
        part = attribute(point(high), point(low), n_steps=STRETCH).detach()
        true = score(at=point(high)) - score(at=point(low))
        return float(part.double().sum()) - true, low, high, part

    difference = score(at=at) - score(at=start)
    allowed = max(abs(difference), FLOOR) * ENOUGH / 2  # half: what is reported is measured again on rounded numbers
    parts, used = [stretch(k / 4, (k + 1) / 4) for k in range(4)], 4 * STRETCH
    while abs(sum(part[0] for part in parts)) > allowed and used < most:
        worst = max(range(len(parts)), key=lambda k: abs(parts[k][0]))
        _, low, high, _ = parts.pop(worst)
        parts += [stretch(low, (low + high) / 2), stretch((low + high) / 2, high)]
        used += 2 * STRETCH
    return torch.stack([part[3] for part in parts]).sum(0), used
