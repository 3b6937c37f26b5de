"""The scene: photo, model, block and channel on screen, and every number that belongs to them."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar, overload

import numpy as np

from senet_viz import i18n, stats
from senet_viz.i18n import Texts
from senet_viz.jobs import Progress, silent
from senet_viz.models import catalogue, class_names
from senet_viz.open_set import record
from senet_viz.photos import preprocess
from senet_viz.service.questions import (
    FcAgainstConvQuestion,
    KernelsQuestion,
    Question,
    RankingQuestion,
    ReplayQuestion,
    SweepQuestion,
    TraceQuestion,
    UnitQuestion,
)
from senet_viz.types import BlockTrace, Edit, Picture, Trace
from senet_viz.ui import state

if TYPE_CHECKING:
    from PIL import Image

    from senet_viz.experiments.channel_ranking import Ranking
    from senet_viz.experiments.kernel_preference import Kernel
    from senet_viz.experiments.scale_sweep import Sweep
    from senet_viz.photos.scale import Kind
    from senet_viz.tap.replay import Replay
    from senet_viz.tap.sk_unit import Unit

T = TypeVar("T")
_TAIL = re.compile(r"\.(se|se_module|conv\d|block\.\d|attn)$")
_HEAD = re.compile(r"^(layer|features\.?|blocks\.?|stages\.?|inception_|Mixed_)")


def short(name: str) -> str:
    """Return a block's place in a few characters: ``layer3.1.se`` is 3.1, as in the papers' SE_3_1 counted from 0."""
    return _HEAD.sub("", _TAIL.sub("", name)) or name


@dataclass(frozen=True, eq=False)
class Scene:
    """One rerun's view of one block. Arrays are numpy; nothing here is torch's but the trace itself."""

    lang: str
    dark: bool
    spec: catalogue.ModelSpec
    weights: str
    device: str
    trained: bool
    photo: str
    image: Image.Image
    picture: Picture
    blocks: tuple[str, ...]
    name: str
    channel: int
    edits: tuple[Edit, ...] = ()

    @cached_property
    def t(self) -> Texts:
        """Texts in the reader's language."""
        return i18n.texts(self.lang)

    @cached_property
    def trace(self) -> Trace:
        """This photo through this model, its gates edited where there are edits, with the block's U."""
        return self.edited(self.edits)

    @cached_property
    def block(self) -> BlockTrace:
        """The block on screen, with its U."""
        return self.trace.block(self.name)

    @cached_property
    def replay(self) -> Replay:
        """The block's arithmetic, done again."""
        return self.ask(ReplayQuestion(self.spec.key, self.trace, self.name))

    @cached_property
    def u(self) -> np.ndarray:
        """(M, C, H, W)."""
        assert self.block.u is not None  # asked for above
        return np.asarray(self.block.u)

    @cached_property
    def fused(self) -> np.ndarray:
        """(C, H, W): the sum of the branches, which is what is squeezed."""
        return self.u[0] if len(self.u) == 1 else self.u.sum(axis=0)

    @cached_property
    def z(self) -> np.ndarray:
        """(C,) the model's own."""
        assert self.block.z is not None  # every layout has it
        return np.asarray(self.block.z)

    @cached_property
    def gate(self) -> np.ndarray:
        """(M, C) the model's own."""
        return np.asarray(self.block.gate)

    @cached_property
    def logits(self) -> np.ndarray:
        """(M, C) before the gate function."""
        assert self.block.logit is not None  # every layout has it
        return np.asarray(self.block.logit)

    def out(self, channel: int | None = None) -> np.ndarray:
        """(C, H, W), or one channel's (H, W): the sum over m of gate[m] * u[m].

        The trace's residue tells how far the model's own is.
        """
        if channel is None:
            return np.asarray(self.block.out)
        return (self.gate[:, channel, None, None] * self.u[:, channel]).sum(axis=0)

    @cached_property
    def fc_against_conv(self) -> float:
        """max |FC - 1x1 convolution| of this block's two layers; NaN where it has not two."""
        return self.ask(FcAgainstConvQuestion(self.spec.key, self.trace, self.name))

    @property
    def key(self) -> tuple[Hashable, ...]:
        """Names what is on screen, channel apart."""
        return (self.spec.key, self.weights, self.device, self.picture.key, self.name, self.edits)

    def order(self, by: str, branch: int = 0) -> np.ndarray:
        """Channels (C,) sorted by ``"index"``, ``"z"`` or ``"gate"``, greatest first."""
        values = {"z": self.z, "gate": self.gate[branch]}.get(by)
        return np.arange(len(self.z)) if values is None else np.argsort(-values, kind="stable")

    def other(self, size: int) -> Scene:
        """The same block on the same photo at another input size."""
        return replace(
            self, picture=self.drawn(lambda: preprocess.preprocess(self.image, self.spec, size), "picture", size)
        )

    def sweep(
        self, scales: Sequence[float], kind: Kind = "zoom", blur: float = 0.0, progress: Progress = silent
    ) -> Sweep:
        """Return ``scale_sweep.scale_sweep`` of this photo through this model; asked before, it costs nothing."""
        question = SweepQuestion(self.spec.key, self.image, self.photo, tuple(scales), kind, blur)
        return self.ask(question, progress)

    def edited(self, edits: Sequence[Edit]) -> Trace:
        """This photo through this model with changed gates; this block's U is kept."""
        return self.ask(TraceQuestion(self.spec.key, self.picture, tuple(edits), (self.name,)))

    @overload
    def muted(self, channels: Sequence[int], target: int) -> Ranking: ...

    @overload
    def muted(self, channels: Sequence[int], target: int, progress: Progress) -> Ranking | None: ...

    def muted(self, channels: Sequence[int], target: int, progress: Progress | None = None) -> Ranking | None:
        """What muting each of these channels of the block alone does to class ``target``: see ``RankingQuestion``."""
        question = RankingQuestion(self.spec.key, self.trace, self.picture, self.name, tuple(channels))
        found = self.ask(question, progress or silent)
        return found and replace(found, target=target)

    def symbol(self, branch: int) -> str:
        """What a gate of this block is called: s, or a0, a1, ... where branches compete."""
        return "s" if len(self.gate) == 1 else f"a{branch}"

    def unit(self, branches: int = 0) -> Unit:
        """The SK unit on screen, step by step; or an untrained one of so many branches on the same input."""
        return self.ask(UnitQuestion(self.spec.key, self.trace, self.name, self.replay, branches))

    @cached_property
    def kernels(self) -> tuple[Kernel, ...]:
        """The convolutions that the branches of this block are made with."""
        return self.ask(KernelsQuestion(self.spec.key, self.name))

    @property
    def branches(self) -> dict[int, str]:
        """What the competing branches of this block are called, as in branch 1: 5×5."""
        return {m: self.t("fig.branch", m=m, k=kernel) for m, kernel in enumerate(self.kernels)}

    @cached_property
    def seen(self) -> Seen:
        """The same without a block."""
        return Seen(self.lang, self.spec, self.weights, self.trained, self.trace)

    def ask(self, question: Question[T], progress: Progress = silent) -> T:
        """Return the engine's answer to a question, asked of this model's weights on this device."""
        asked = replace(question, device=self.device, weights=self.weights)
        return state.engine().ask(asked, progress, state.seat())

    def peek(self, question: Question[T]) -> T | None:
        """Return the same if it is there already."""
        return state.engine().peek(replace(question, device=self.device, weights=self.weights))

    def drawn(self, make: Callable[[], T], *key: Hashable) -> T:
        """``make()``, or what it gave before for this scene and key."""
        return state.drawings().get((self.key, *key), make)


@dataclass(frozen=True, eq=False)
class Seen:
    """What one network, with gates or without, says about the photo on screen."""

    lang: str
    spec: catalogue.ModelSpec
    weights: str
    trained: bool
    trace: Trace

    @cached_property
    def t(self) -> Texts:
        """Texts in the reader's language."""
        return i18n.texts(self.lang)

    @cached_property
    def shares(self) -> np.ndarray:
        """(K,) probability of every class, float64."""
        return stats.shares(np.asarray(self.trace.logits, dtype=np.float64), self.spec.independent)

    @cached_property
    def familiar(self) -> bool | None:
        """Whether the network's own score takes the photo for one of its classes; None where it has no such score."""
        shipped = self.trained and self.weights == "pretrained"  # and no epoch of its training
        return record.familiar(self.spec.key, self.trace) if shipped else None

    @property
    def nearest(self) -> str:
        """What is said before anything else of a photo that is nothing the network knows; "" of any other."""
        return self.t("listed.nearest", name=self.top(1)[0][0]) if self.familiar is False else ""

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """Names of the K classes, in the reader's language."""
        return class_names.names(self.spec, self.lang)

    def top(self, count: int = 5) -> list[tuple[str, float]]:
        """(class name, probability) of the likeliest classes."""
        return [(self.classes[i], float(self.shares[i])) for i in np.argsort(-self.shares)[:count]]
