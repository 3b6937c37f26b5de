"""Which pixels, and which gates, a class score rests on. The methods are captum's; ours is the network as a function
of one block's gates.

A gate says how much of a channel goes on; an attribution says how much of a score hangs on it. They are two things.

* Grad-CAM: Selvaraju et al., ICCV 2017. Occlusion: Zeiler and Fergus, ECCV 2014.
* Integrated gradients: Sundararajan et al., ICML 2017. Conductance: Dhamdhere et al., ICLR 2019.

One file: seven methods share one question, one way to count runs and one definition of completeness.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from senet_viz.errors import NoGateFound, Stopped
from senet_viz.jobs import Progress
from senet_viz.later import later
from senet_viz.tap import hooks, layouts, sharing
from senet_viz.types import MOST_STEPS as MOST_STEPS
from senet_viz.types import ON_GATES as ON_GATES
from senet_viz.types import ON_PHOTO as ON_PHOTO
from senet_viz.types import Edit

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    Found = tuple[Tensor, float | None, int]  # values; the score where the path starts, if there is one; its steps
else:
    torch, nn = later("torch"), later("torch.nn")


METHODS = (*ON_PHOTO, *ON_GATES)
COMPLETE = ("integrated_gradients", "gate_integrated_gradients")  # they promise to add up
STEPS = 64  # of the path of conductance
STRETCH = 8  # steps of one stretch of an integrated path, which may have ``MOST_STEPS``
ENOUGH = 0.01  # relative completeness error
FLOOR = 0.1  # logits: a difference below it changes no odds by more than a tenth, and is no measure for an error
BATCH, SIDE = 32, 96  # so many pictures of that side, or gates, go through the network together; fewer larger ones


@dataclass(frozen=True, eq=False)
class Attribution:
    """An attribution is one method's answer about one class score (the logit before softmax).

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
        """Return the sum of all values."""
        return float(self.values.sum(dtype="float64"))

    @property
    def completeness(self) -> float | None:
        """Return |sum - score difference| relative to that difference, or to ``FLOOR``; None where none is promised."""
        if self.baseline is None or self.method not in COMPLETE:
            return None
        difference = self.score - self.baseline
        return abs(self.total - difference) / max(abs(difference), FLOOR)


def run(
    method: str,
    module: nn.Module,
    x: Tensor,
    target: int | None = None,
    block: str | None = None,
    steps: int | None = None,
    window: int | None = None,
    baseline: Tensor | None = None,
    edits: Sequence[Edit] = (),
    most: int = MOST_STEPS,
    progress: Progress = lambda done, total: None,
) -> Attribution:
    """Tell what the score of class ``target`` rests on. The module is left as it was, also after an exception.

    Args:
        method: one of ``METHODS``.
        x: (1, 3, H, W), normalised.
        target: number of the class; by default the network's own answer, of a method on gates as it is edited.
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
        NoClassScores: the network gives none.
        Stopped: ``progress`` said so.
        ValueError: another method, a class that does not exist, ``x`` of another shape, or edits for conductance.
    """
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}; got {method!r}")
    on_gates = method in ON_GATES
    names = {ref.name for ref in layouts.find(module)}
    if (block is None and on_gates) or (block is not None and block not in names):
        raise NoGateFound(f"no attention block: {block}", name=block)
    if method == "conductance" and edits:
        raise ValueError("conductance follows the photo through the network as it is: it takes no edits")
    before = hooks.run(module, x, edits if on_gates else ())
    if block is not None and block in before.silent:
        raise NoGateFound(f"{block} never runs", name=block)
    target = int(before.logits.argmax()) if target is None else target
    if not 0 <= target < len(before.logits):
        raise ValueError(f"target must be from 0 to {len(before.logits) - 1}; got {target}")
    weight = next(module.parameters())
    batch = max(1, BATCH * SIDE**2 // max(SIDE**2, x.shape[2] * x.shape[3]))  # what a backward keeps grows with area
    with torch.inference_mode(False), torch.enable_grad(), sharing.alone(module):
        x = x.detach().to(weight.device, weight.dtype, copy=True)
        start = torch.zeros_like(x) if baseline is None else baseline.to(x)
        question = _Question(module, x, start, target, steps, most, batch, progress)
        if on_gates:
            assert block is not None
            others = tuple(edit for edit in edits if edit.block != block)  # this block's are in its gate already
            found, first, used = explain_gates(question, method, block, before.block(block).gate, others)
        else:
            block = block or (hooks.last_map(module, x) if method == "grad_cam" else None)
            found, first, used = explain_photo(question, method, block, window)
        values = found.detach().float().cpu().numpy()
    return Attribution(method, target, block, values, float(before.logits[target]), first, used, on_gates)


def attribute(
    module: nn.Module,
    x: Tensor,
    method: str,
    block: str | None = None,
    target: int | None = None,
    steps: int | None = None,
    edits: Sequence[Edit] = (),
) -> Attribution:
    """Return which pixels of a picture, or which gates of a block, the score of one class rests on.

    It is ``run`` as the public interface has it: arguments and errors are the same.
    """
    return run(method, module, x, target, block, steps, edits=edits)


@dataclass(frozen=True, eq=False)
class _Question:
    """A question holds what ``run`` was asked; ``x`` and ``start`` (1, 3, H, W) are where the network is."""

    module: nn.Module
    x: Tensor
    start: Tensor
    target: int
    steps: int | None
    most: int
    batch: int
    progress: Progress


def explain_photo(q: _Question, method: str, block: str | None, window: int | None) -> Found:
    """Ask one of ``ON_PHOTO``, which are captum's as they are, for values (H, W), colours added up."""
    import captum.attr

    net, size = _Told(q.module, q.progress), tuple(q.x.shape[2:])
    if method == "grad_cam":
        assert block is not None
        cam = captum.attr.LayerGradCam(net, q.module.get_submodule(block))
        coarse = cam.attribute(q.x, target=q.target, relu_attributions=True)
        return captum.attr.LayerAttribution.interpolate(coarse, size, "bilinear")[0, 0], None, 0
    if method == "occlusion":
        side = min(window or max(1, min(size) // 8), *size)
        step = max(1, side // 2)
        net.total = math.prod(-(-(length - side) // step) + 1 for length in size) + 1
        covered = captum.attr.Occlusion(net).attribute(
            q.x, (3, side, side), (3, step, step), q.start, q.target, perturbations_per_eval=q.batch
        )
        return covered[0, 0], None, 0
    found, used = _integrated(captum.attr.IntegratedGradients(net), q.x, q.start, q)
    return found[0].sum(0), net.score(q.start, q.target), used


def explain_gates(q: _Question, method: str, block: str, gate: Tensor, edits: Sequence[Edit]) -> Found:
    """Ask one of ``ON_GATES``, captum's methods on the network as a function of this block's gates, for values (M, C).

    Args:
        gate: (M, C) of the photo.
        edits: of other blocks.
    """
    import captum.attr

    m, channels = gate.shape

    def after(gates: Tensor) -> Tensor:
        """Run what follows the block. Later blocks answer to what they get: their gates are part of the function."""
        return hooks.gated(q.module, q.x, block, gates.unflatten(1, gate.shape), edits)

    rest = _Told(after, q.progress)
    gates = gate.clone().flatten()[None].to(q.x)  # (1, M*C)
    if method == "gradient_x_gate":
        found = captum.attr.InputXGradient(rest).attribute(gates.requires_grad_(), target=q.target)
        return found.reshape(m, channels), None, 0
    if method == "gate_ablation":
        rest.total = channels + 1
        mask = torch.arange(channels, device=gates.device).repeat(m)[None]  # a channel is muted in all its branches
        ablated = captum.attr.FeatureAblation(rest).attribute(
            gates, torch.zeros_like(gates), q.target, feature_mask=mask, perturbations_per_eval=q.batch
        )
        return ablated[:, :channels], None, 0
    if method == "gate_integrated_gradients":
        ones = torch.ones_like(gates)
        found, used = _integrated(captum.attr.IntegratedGradients(rest), gates, ones, q)
        return found.reshape(m, channels), rest.score(ones, q.target), used
    # conductance: along the path of photos, what passes through each gate
    net, steps = _Told(q.module, q.progress), q.steps or STEPS
    net.total = steps
    place = layouts.place(q.module, block)
    layer = captum.attr.LayerConductance(net, place.gate)
    raw = layer.attribute(q.x, q.start, q.target, n_steps=steps, internal_batch_size=q.batch)
    found = place.layout.per_branch(place.module, raw).reshape(m, channels)
    return found, net.score(q.start, q.target), steps


class _Told:
    """A network, or the rest of one, says before every batch how many runs are done."""

    def __init__(self, forward: Callable[[Tensor], Any], progress: Progress) -> None:
        self.forward, self.progress = forward, progress
        self.done, self.total = 0, 1

    def __call__(self, x: Tensor) -> Tensor:
        if self.progress(self.done, max(self.done, self.total)) is False:
            raise Stopped("attribution")
        self.done += len(x)
        return self.scores(x)

    def scores(self, x: Tensor) -> Tensor:
        """Return class scores (B, K)."""
        scores = hooks.class_scores(self.forward(x))
        assert scores is not None  # ``run`` asked for the photo's
        return scores

    def score(self, at: Tensor, target: int) -> float:
        """Return one class's score of one input."""
        with torch.no_grad():
            return float(self.scores(at)[0, target])


def _integrated(path: Any, at: Tensor, start: Tensor, q: _Question) -> tuple[Tensor, int]:
    """Return integrated gradients, and of how many steps.

    With ``steps`` that many over the whole path. Else in stretches, which add up to the whole as integrals do: each
    says by its own completeness how well it was followed, and the worst is halved until all of it adds up.
    """
    attribute = partial(path.attribute, target=q.target, method="gausslegendre", internal_batch_size=q.batch)
    path.forward_func.total = q.steps or q.most
    if q.steps is not None:
        return attribute(at, start, n_steps=q.steps), q.steps

    score = partial(path.forward_func.score, target=q.target)

    def point(share: float) -> Tensor:
        return start + share * (at - start)

    def stretch(low: float, high: float) -> tuple[float, float, float, Tensor]:
        part = attribute(point(high), point(low), n_steps=STRETCH).detach()
        true = score(at=point(high)) - score(at=point(low))
        return float(part.double().sum()) - true, low, high, part

    difference = score(at=at) - score(at=start)
    allowed = max(abs(difference), FLOOR) * ENOUGH / 2  # half: what is reported is measured again on rounded numbers
    parts, used = [stretch(k / 4, (k + 1) / 4) for k in range(4)], 4 * STRETCH
    while abs(sum(part[0] for part in parts)) > allowed and used < q.most:
        worst = max(range(len(parts)), key=lambda k: abs(parts[k][0]))
        _, low, high, _ = parts.pop(worst)
        parts += [stretch(low, (low + high) / 2), stretch((low + high) / 2, high)]
        used += 2 * STRETCH
    return torch.stack([part[3] for part in parts]).sum(0), used
