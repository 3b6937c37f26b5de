"""The one function of the public interface that no room has as it is."""

from collections.abc import Sequence

from torch import Tensor, nn

from senet_viz.experiments import attribution
from senet_viz.tap import hooks
from senet_viz.types import Edit


def attribute(
    module: nn.Module,
    x: Tensor,
    method: str,
    block: str | None = None,
    target: int | None = None,
    steps: int | None = None,
    edits: Sequence[Edit] = (),
) -> attribution.Attribution:
    """Return which pixels of a picture, or which gates of a block, the score of one class rests on.

    Args:
        x: (1, 3, H, W), normalised.
        method: on pixels ``"grad_cam"``, ``"occlusion"``, ``"integrated_gradients"``; on gates ``"gradient_x_gate"``,
            ``"gate_integrated_gradients"``, ``"gate_ablation"``, ``"conductance"``.
        block: whose gates; methods on gates need it. For Grad-CAM: whose output, by default the last map there is.
        target: number of the class; by default the network's own answer for ``x`` with ``edits``.
        steps: of a path; by default as many as it takes to add up.
        edits: of the gates, for methods on gates: what they say is then about the edited network.

    Raises:
        NoGateFound: no block of that name, it never runs, or none was given, or the network has no map.
        NoClassScores: the network gives none.
        ValueError: another method, a class that does not exist, ``x`` of another shape, or edits for conductance.
    """
    if target is None:
        edited = edits if method in attribution.ON_GATES else ()
        target = int(hooks.run(module, x, edited).logits.argmax())
    return attribution.run(method, module, x, target, block, steps, edits=edits)
