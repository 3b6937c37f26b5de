"""What can be asked of a network, each kind as a frozen class: what names it, where and how it is answered.

A question is data, so that any engine can answer it, in this process or elsewhere. Nothing here is kept or queued. All
kinds stand in this one long file because who adds one wants to see the others, and they share what they are made of.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, TypeVar

from senet_viz.experiments import channel_ranking, scale_sweep
from senet_viz.experiments.channel_ranking import Ranking
from senet_viz.experiments.scale_sweep import Sweep
from senet_viz.jobs import Progress
from senet_viz.models import catalogue
from senet_viz.types import Edit, Picture, Trace

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image
    from torch import nn

    from senet_viz.experiments.attribution import Attribution
    from senet_viz.experiments.kernel_preference import Kernel
    from senet_viz.experiments.profiling import Tally
    from senet_viz.networks.registry import Choice
    from senet_viz.photos.scale import Kind
    from senet_viz.tap.replay import Replay
    from senet_viz.tap.sk_unit import Unit

T = TypeVar("T")
# Short: milliseconds. Large: others' photos need not wait for it, as for one run of a large network. Long: seconds, and
# a seat has one at a time. Wide: the same, with the torch threads of workers that have nothing to do.
# Gpu: short, and asked of a GPU.
Where = Literal["short", "large", "long", "wide", "gpu"]
LONG: tuple[Where, ...] = ("long", "wide")
LARGE_MIB, LARGE_BATCH = 60.0, 2  # from so many MiB of weights on, a sweep shows how far it is after so many pictures
LARGE_STEPS = 256  # of an integrated path through a network of that size: minutes on one core, not a quarter of an hour


def mib(answer: object) -> float:
    """Return what an answer holds in arrays, tensors and bytes, its parts' included, in MiB."""
    if isinstance(answer, Picture):
        return answer.shown.nbytes * 5 / 2**20  # x is float32, and need not be made to be weighed
    if isinstance(answer, tuple | list):
        return sum(map(mib, answer))
    if is_dataclass(answer) and not isinstance(answer, Edit):  # thousands of plain numbers, that others hold too
        return sum(mib(getattr(answer, each.name)) for each in fields(answer))
    return (len(answer) if isinstance(answer, bytes) else float(getattr(answer, "nbytes", 0))) / 2**20


def weighed(answer: object) -> float:
    """Return what a kept answer weighs in MiB: plain numbers are a KiB, so that they, too, are not kept for ever."""
    return max(mib(answer), 2**-10)


def _name(value: object) -> object:
    """Return what names a picture or a trace where its identity would not; all else names itself."""
    if isinstance(value, Trace):
        return value.picture_key, value.edits, tuple(block.name for block in value.blocks if block.u is not None)
    return value.key if isinstance(value, Picture) else value


@dataclass(frozen=True)
class Question(Generic[T]):
    """A question is put to one network; two of the same ``key`` have the same answer.

    A field that others name already is declared with ``compare=False``. ``model`` is a key of the catalogue, or a
    variant.
    """

    kept: ClassVar[float] = 64.0  # MiB: answers of this kind may weigh so much together
    where: ClassVar[Where] = "short"
    forward: ClassVar[bool] = True  # whether it counts as one of the network

    model: str | Choice
    device: str = field(default="cpu", kw_only=True)
    weights: str = field(default="pretrained", kw_only=True)

    @property
    def key(self) -> tuple[Hashable, ...]:
        """Return what tells it from all other questions."""
        return (type(self), *(_name(getattr(self, each.name)) for each in fields(self) if each.compare))

    @property
    def network(self) -> tuple[str | Choice, str, str]:
        """Return who is asked: model, device and weights."""
        return self.model, self.device, self.weights

    @property
    def size(self) -> int:
        """Return how many things it asks about."""
        return 1

    def batches(self) -> Sequence[Question[T]] | None:
        """Return the questions that are answered in turn and kept by themselves; None where this is one itself."""
        return None

    def joined(self, answers: Sequence[T]) -> T:
        """Return the answer that the answers to the first of its ``batches`` make, or to all of them."""
        raise NotImplementedError

    @property
    def kind(self) -> Hashable:
        """Return what questions to one network share that one forward can answer; None: each has its own."""
        return None

    @staticmethod
    def together(questions: Sequence[Any], module: nn.Module) -> Sequence[Any]:
        """Answer questions of one ``kind`` with one forward."""
        raise NotImplementedError

    def work(self, module: nn.Module, told: Progress) -> T:
        """Answer it with the network, which nobody else runs meanwhile where the question is a long one.

        Args:
            told: hears how many runs of how many are done; its False is ``Stopped``.
        """
        raise NotImplementedError


@dataclass(frozen=True)
class TraceQuestion(Question[Trace]):
    """Ask for one picture's trace: see ``hooks.run``."""

    kept = 192.0

    picture: Picture
    edits: tuple[Edit, ...] = ()
    keep_u: tuple[str, ...] = ()

    @property
    def kind(self) -> Hashable:
        return self.edits, self.keep_u, self.picture.shown.shape

    @staticmethod
    def together(questions: Sequence[TraceQuestion], module: nn.Module) -> Sequence[Trace]:
        import torch

        from senet_viz.tap import hooks

        one, pictures = questions[0], [each.picture for each in questions]
        x, keys = torch.cat([each.x for each in pictures]), [each.key for each in pictures]
        return hooks.run_batch(module, x, one.edits, one.keep_u, str(one.model), keys)

    def work(self, module: nn.Module, told: Progress) -> Trace:
        return self.together((self,), module)[0]


@dataclass(frozen=True)
class SweepQuestion(Question[Sweep]):
    """Ask for one photo at many scales: see ``scale_sweep.scale_sweep``. The same ``name`` is the same ``image``."""

    kept, where = 256.0, "wide"

    model: str
    image: Image.Image = field(compare=False)
    name: Hashable
    scales: tuple[float, ...]
    kind: Kind = "zoom"
    blur: float = 0.0

    @property
    def size(self) -> int:
        return len(self.scales)

    def batches(self) -> Sequence[SweepQuestion]:
        spec = catalogue.spec(self.model)
        most = LARGE_BATCH if spec.weights_mib > LARGE_MIB else None
        return [replace(self, scales=group) for group in scale_sweep.groups(self.scales, self.kind, spec, most)]

    def joined(self, answers: Sequence[Sweep]) -> Sweep:
        return scale_sweep.joined(self.kind, answers)

    def work(self, module: nn.Module, told: Progress) -> Sweep:
        spec = catalogue.spec(self.model)
        return scale_sweep.batch(module, self.image, self.scales, self.kind, spec, self.blur)


@dataclass(frozen=True)
class RankingQuestion(Question[Ranking | None]):
    """Ask what each of these channels does, muted alone: see ``channel_ranking.ranking``.

    The answer is None where no batch of it is there. ``trace`` is of ``picture``, with the edits so far.
    """

    kept, where = 32.0, "long"

    trace: Trace
    picture: Picture
    block: str
    channels: tuple[int, ...]

    @property
    def size(self) -> int:
        return len(self.channels)

    def batches(self) -> Sequence[RankingQuestion]:
        starts = range(0, self.size, channel_ranking.CHUNK)
        return [replace(self, channels=self.channels[start : start + channel_ranking.CHUNK]) for start in starts]

    def joined(self, answers: Sequence[Ranking | None]) -> Ranking | None:
        there = [answer for answer in answers if answer is not None]
        return channel_ranking.joined(there, self.size) if there else None

    def work(self, module: nn.Module, told: Progress) -> Ranking:
        x, before, edits = self.picture.x, self.trace, self.trace.edits
        return channel_ranking.ranking(module, x, self.block, 0, edits=edits, channels=self.channels, before=before)


@dataclass(frozen=True)
class AttributionQuestion(Question["Attribution"]):
    """Ask what a class score rests on: see ``attribution.run``. It is one forward, however many it takes."""

    where = "wide"

    model: str
    picture: Picture
    method: str
    target: int
    block: str | None = None
    edits: tuple[Edit, ...] = ()
    steps: int | None = None

    def work(self, module: nn.Module, told: Progress) -> Attribution:
        from senet_viz.experiments.attribution import MOST_STEPS, run

        most = LARGE_STEPS if catalogue.spec(self.model).weights_mib > LARGE_MIB else MOST_STEPS
        x, how = self.picture.x, {"edits": self.edits, "most": most, "progress": told}
        return run(self.method, module, x, self.target, self.block, self.steps, **how)  # type: ignore[arg-type]


@dataclass(frozen=True)
class ReplayQuestion(Question["Replay"]):
    """Ask for the arithmetic of one block of a trace, done again: see ``replay.replay``."""

    forward = False

    trace: Trace
    block: str

    def work(self, module: nn.Module, told: Progress) -> Replay:
        from senet_viz.tap.replay import replay

        edits = tuple(edit for edit in self.trace.edits if edit.block == self.block)
        return replay(module, self.trace.block(self.block), edits)


@dataclass(frozen=True)
class UnitQuestion(Question["Unit"]):
    """Ask for an SK unit of a trace that has its u, step by step, from what is there already: see ``sk_unit.own``.

    Where there are ``branches``, it is an untrained unit of so many on the same input: see ``sk_unit.untrained``.
    """

    forward = False

    trace: Trace
    block: str
    again: Replay = field(compare=False)
    branches: int = 0

    def work(self, module: nn.Module, told: Progress) -> Unit:
        from senet_viz.tap import sk_unit

        block = self.trace.block(self.block)
        if self.branches:
            return sk_unit.untrained(module, block, self.branches)
        return sk_unit.own(module, block, self.again)


# --- what is read off a network ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class BlocksQuestion(Question[tuple[str, ...]]):
    """Ask for the names of a network's attention blocks, in the order of definition: see ``layouts.find``."""

    forward = False

    def work(self, module: nn.Module, told: Progress) -> tuple[str, ...]:
        from senet_viz.tap import layouts

        return tuple(ref.name for ref in layouts.find(module))


@dataclass(frozen=True)
class KernelsQuestion(Question["tuple[Kernel, ...]"]):
    """Ask for the convolutions that the branches of a block are made with: see ``kernel_preference.kernels``."""

    forward = False

    block: str

    def work(self, module: nn.Module, told: Progress) -> tuple[Kernel, ...]:
        from senet_viz.experiments import kernel_preference

        return kernel_preference.kernels(module, self.block)


@dataclass(frozen=True)
class ListedLateQuestion(Question[bool]):
    """Ask whether ``print`` lists a block's activation after its second layer, where it does not run."""

    forward = False

    block: str

    def work(self, module: nn.Module, told: Progress) -> bool:
        from senet_viz.tap import layouts

        place = layouts.place(module, self.block)
        listed = [name for name, _ in place.module.named_children()]
        return listed.index(place.layout.act) > listed.index(place.layout.w2)


@dataclass(frozen=True)
class FcAgainstConvQuestion(Question[float]):
    """Ask how far a block's two layers are from 1x1 convolutions on its own z: see ``replay.fc_against_conv``."""

    forward = False

    trace: Trace
    block: str

    def work(self, module: nn.Module, told: Progress) -> float:
        from senet_viz.tap.replay import fc_against_conv

        return fc_against_conv(module, self.trace.block(self.block))


# --- sets of photos, batch after batch --------------------------------------------------------------------------------


@dataclass(frozen=True)
class TallyQuestion(Question["Tally"]):
    """Ask for the gates of a set's first photos, summed up by class: see ``profiling.counted``.

    The same ``name`` is the same set, classes and zoom; ``end`` says how many photos, up to the last of ``images``, are
    counted then. Who only looks whether it is there gives no more.
    """

    kept, where = 256.0, "long"

    name: Hashable
    end: int
    images: tuple[Image.Image, ...] = field(default=(), compare=False)  # of this batch
    y: np.ndarray | None = field(default=None, compare=False)  # (B,) class of each
    before: Tally | None = field(default=None, compare=False)
    zoom: float = field(default=1.0, compare=False)

    def work(self, module: nn.Module, told: Progress) -> Tally:
        from senet_viz.experiments import profiling

        assert isinstance(self.model, str) and self.y is not None and self.before is not None
        x = profiling.stacked(self.images, catalogue.spec(self.model), self.zoom)
        return profiling.counted(module, x, self.y, self.before)[0]


@dataclass(frozen=True)
class HitsQuestion(Question["np.ndarray"]):
    """Ask which photos of a batch are recognised with which gates, (R, B) bool: see ``gate_ablation.hits``.

    The same ``name`` is the same set; ``start`` says where the batch begins. Who only looks whether it is there gives
    no more.
    """

    kept, where = 8.0, "long"

    name: Hashable
    start: int
    images: tuple[Image.Image, ...] = field(default=(), compare=False)  # the batch, then those that lend their gates
    y: np.ndarray | None = field(default=None, compare=False)  # (B,) right outputs
    lent: np.ndarray | None = field(default=None, compare=False)  # (B,) whose gates each gets
    means: Mapping[str, np.ndarray] = field(default_factory=dict, compare=False)

    def work(self, module: nn.Module, told: Progress) -> np.ndarray:
        from senet_viz.experiments import gate_ablation, profiling

        assert isinstance(self.model, str) and self.y is not None and self.lent is not None
        x = profiling.stacked(self.images, catalogue.spec(self.model))
        return gate_ablation.hits(module, x, self.y, self.lent, self.means)
