"""The data that every other module speaks: frozen, small, on the CPU. Letters follow the papers (U, z, s, r, M)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from senet_viz.errors import NoClassScores

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor


# Methods of ``experiments.attribution``: on the photo's pixels, on the gates of one block; and how long a path may get.
ON_PHOTO = ("grad_cam", "occlusion", "integrated_gradients")
ON_GATES = ("gradient_x_gate", "gate_integrated_gradients", "gate_ablation", "conductance")
MOST_STEPS = 1024


@dataclass(frozen=True)
class BlockRef:
    """A reference says where an attention block is: ``name`` is its dotted module path, ``kind`` what it is.

    Kinds: ``"se"`` (pool, two layers, gate), ``"ese"`` (one layer), ``"eca"`` (1d convolution over channels),
    ``"gc"`` (softmax pooling), ``"sk"`` (branches compete by softmax), ``"split"`` (ResNeSt's split attention).
    """

    name: str
    kind: str


@dataclass(frozen=True, eq=False)
class BlockTrace:
    """A block trace holds what one block computed for one picture; M = 1 unless branches compete, None: it has none.

    ``pre``, ``hidden`` and ``logit`` are the model's own numbers. ``gate`` is what multiplied U, after any edit.
    """

    name: str
    kind: str
    u: Tensor | None  # (M, C, H, W) what is gated; None unless asked for
    z: Tensor | None  # (C,)    squeeze of the sum over m of u[m]
    pre: Tensor | None  # (C/r,) reduce layer's output before its activation, after its BN where there is one
    hidden: Tensor | None  # (C/r,) after the activation
    logit: Tensor | None  # (M, C)  logits before sigmoid, h-sigmoid or softmax over M
    gate: Tensor  # (M, C)  in [0, 1]; where branches compete, columns sum to 1
    residue: float | None = None  # max |block's own output - out|; None without u
    x: Tensor | None = None  # (C', H', W') what the branches were made of; None without u, and where M = 1

    @property
    def out(self) -> Tensor:
        """Return the sum over m of gate[m] * u[m], (C, H, W): what the block gives, derived.

        Raises:
            ValueError: this trace was taken without ``u``.
        """
        if self.u is None:
            raise ValueError(f"{self.name}: this trace holds no u; ask for it with keep_u")
        return (self.gate[:, :, None, None] * self.u).sum(0)

    @property
    def channels(self) -> int:
        """Return C, the number of channels."""
        return int(self.gate.shape[1])

    @property
    def branches(self) -> int:
        """Return M, the number of branches."""
        return int(self.gate.shape[0])


@dataclass(frozen=True)
class Edit:
    """An edit is one change to one block, hashable: ``op`` names a function of ``edits``, see ``edits.STAGES``.

    ``channels`` is () for all of them; ``value`` is what the operation needs, if anything. An operation of
    ``edits.GIVEN_OPS`` puts ``gates`` there, M rows of C; ``source`` says whose they are.
    """

    block: str
    op: str
    channels: tuple[int, ...] = ()
    value: float | None = None
    source: str = ""
    gates: tuple[tuple[float, ...], ...] = ()


@dataclass(frozen=True, eq=False)
class Trace:
    """A trace is one picture's way through one model: class scores and every block, in the order in which they ran.

    ``scores`` is None where a network gives something else, as those for segmentation and detection do.
    """

    model: str
    picture_key: str
    edits: tuple[Edit, ...]
    scores: Tensor | None  # (K,) class scores before softmax
    blocks: tuple[BlockTrace, ...]
    silent: tuple[str, ...] = ()  # blocks that the network has and that never ran
    features: Tensor | None = None  # (F,) what the small networks' last two stages saw: see ``hooks.features``

    @property
    def logits(self) -> Tensor:
        """Return ``scores`` (K,), for whoever cannot do without.

        Raises:
            NoClassScores: the network gives none.
        """
        if self.scores is None:
            raise NoClassScores(self.model)
        return self.scores

    def block(self, name: str) -> BlockTrace:
        """Return the trace of the block called ``name``.

        Raises:
            KeyError: no such block ran.
        """
        return {block.name: block for block in self.blocks}[name]


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture is a photo as a model sees it: ``shown`` is exactly the pixels that ``x`` holds."""

    shown: np.ndarray  # (H, W, 3) uint8
    x: Tensor  # (1, 3, H, W) float32, normalised
    key: str  # sha256 of the pixels and of how they were prepared
