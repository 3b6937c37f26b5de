"""What a unit with a gate is made of, as data: parts and wires, in the order in which they run.

``recorder`` watches a forward and makes the steps; here they become the parts of a drawing, and the facts about the
attention block are read off them. Nothing here knows torch.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

Kind = Literal["input", "conv", "fc", "norm", "act", "pool", "gate", "scale", "add", "concat", "factor"]
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Step:
    """A step is one operation that ran: which module, on which earlier steps, to what shape. Step 0 enters the unit."""

    path: str  # of the module that ran it
    kind: Kind
    inputs: tuple[int, ...]
    shape: Shape
    detail: str = ""  # name of the activation, the gate's function or the pooling
    kernel: Shape = ()
    stride: int = 1
    groups: int = 1
    dilation: int = 1
    bias: bool = False
    entering: int = 0  # channels that enter a layer with weights


@dataclass(frozen=True)
class Part:
    """A part is one box of a drawing: a step with the norm and activation that follow it. ``inputs`` index parts."""

    kind: Kind
    inputs: tuple[int, ...]
    shape: Shape  # (C, H, W) or (C,)
    steps: tuple[Step, ...]
    inside: bool  # of the attention block

    @property
    def first(self) -> Step:
        """Return the step that gives the part its name."""
        return self.steps[0]

    @property
    def norm(self) -> bool:
        """Tell whether batch normalisation follows."""
        return any(step.kind == "norm" for step in self.steps)

    @property
    def act(self) -> str:
        """Return the name of the activation at its end, "" for none."""
        return next((step.detail for step in self.steps[1:] if step.kind == "act"), "")


@dataclass(frozen=True)
class Facts:
    """The facts describe one attention block, as read off what ran: the rows of the table of differences."""

    where: str  # "branch_end", "after_relu", "module_end", "inner", "conv", or "pre", "post", "identity", "3x3"
    layers: str  # "fc" or "conv"
    norm: bool
    act: str
    function: str
    bias: bool
    channels: int
    hidden: int

    @property
    def ratio(self) -> float:
        """Return C over the width of the hidden layer, which need not be the r that was asked for."""
        return self.channels / self.hidden

    @property
    def widths(self) -> tuple[int, int]:
        """Return C and the width of the hidden layer."""
        return self.channels, self.hidden


@dataclass(frozen=True)
class Unit:
    """A unit holds its parts as they ran: ``parts[0]`` enters it; ``gate`` is the path of its attention block."""

    network: str
    title: str
    paths: tuple[str, ...]
    gate: str
    parts: tuple[Part, ...]
    facts: Facts

    @property
    def wires(self) -> tuple[tuple[int, int], ...]:
        """Return (from, to) of every arrow, as indices of parts."""
        return tuple((source, at) for at, part in enumerate(self.parts) for source in part.inputs)

    def users(self, at: int) -> tuple[int, ...]:
        """Return the parts that the output of part ``at`` enters."""
        return tuple(to for source, to in self.wires if source == at)

    @property
    def scales(self) -> tuple[int, ...]:
        """Return the indices of the parts that multiply a map by its gates."""
        return tuple(i for i, part in enumerate(self.parts) if part.kind == "scale")

    @property
    def gated(self) -> tuple[tuple[int, int], ...]:
        """Return the wires of the signal that is gated: into the multiplication and out of it."""
        found = []
        for at in self.scales:
            found += [(source, at) for source in self.parts[at].inputs if self.parts[source].kind != "gate"]
            found += [(at, to) for to in self.users(at)]
        return tuple(found)


# --- from steps to parts --------------------------------------------------------------------------------------------


def below(path: str, parent: str) -> bool:
    """Return whether a module is ``parent`` or in it; "" is the network itself."""
    return not parent or path == parent or path.startswith(f"{parent}.")


_TAKES: dict[str, tuple[Kind, ...]] = {"conv": ("norm", "act"), "fc": ("norm", "act"), "add": ("act",)}


def merged(steps: Iterable[Step], gate: str) -> tuple[Part, ...]:
    """Make parts of steps: a convolution, its norm and its activation are one where nothing else uses what is between.

    The attention block's multiplications are "scale"; what its functions are, its own modules said.
    """
    steps = tuple(steps)
    uses = [sum(step.inputs.count(i) for step in steps) for i in range(len(steps))]
    parts: list[Part] = []
    of: dict[int, int] = {}  # step -> part
    for at, step in enumerate(steps):
        inside = below(step.path, gate)
        host = parts[of[step.inputs[0]]] if step.inputs else None
        alone = len(step.inputs) == 1 and uses[step.inputs[0]] == 1
        # SK's sum is rectified outside of the block
        if host and alone and (host.inside == inside or host.kind == "add") and step.kind in _TAKES.get(host.kind, ()):
            of[at] = of[step.inputs[0]]
            parts[of[at]] = replace(host, shape=step.shape, steps=(*host.steps, step))
            continue
        of[at] = len(parts)
        inputs = tuple(dict.fromkeys(of[source] for source in step.inputs))
        parts.append(Part(step.kind, inputs, step.shape, (step,), inside))
    return tuple(parts)


def facts(parts: tuple[Part, ...], integration: str) -> Facts:
    """Read what the attention block is off the parts of its unit."""
    squeeze = next(i for i, part in enumerate(parts) if part.inside and part.kind == "pool" and len(part.shape) < 4)
    function = next(i for i, part in enumerate(parts) if part.inside and part.kind == "gate")
    between = parts[squeeze:function]
    layers = [part for part in between if part.kind in ("conv", "fc")]
    first, last = layers[0], layers[-1]
    return Facts(
        integration if integration != "standard" else _where(parts), first.kind, first.norm,
        first.act or next(part.first.detail for part in between if part.kind == "act"), parts[function].first.detail,
        first.first.bias and last.first.bias, parts[squeeze].shape[0], first.shape[0],
    )  # fmt: skip


def _where(parts: tuple[Part, ...]) -> str:
    """Tell where the gate sits from what makes the gated map and what uses it."""
    scales = [i for i, part in enumerate(parts) if part.kind == "scale"]
    if len(scales) > 1:
        return "conv"  # branches compete in the place of a convolution
    next_ = [part.kind for part in parts if scales[0] in part.inputs]
    made_by = next(parts[i] for i in parts[scales[0]].inputs if parts[i].kind != "gate")
    if next_ and next_[0] == "pool":
        return "network_end"
    if next_:
        return "branch_end" if next_[0] in ("add", "factor") else "inner"
    return "module_end" if made_by.kind == "concat" else "post" if made_by.kind == "add" else "after_relu"


_PASSED = ("act", "norm", "factor", "pool")  # what a gated map goes through before it is used


def position(steps: Sequence[Step], gate: str) -> str:
    """Tell where the attention block ``gate`` of any network sits, from all that ran in it: see ``recorder.every``.

    What uses the gated map first says it: an addition in a unit around the block (``"branch_end"``), a convolution
    beside it in its unit (``"inner"``), the classifier (``"network_end"``). Else the block ends its unit, and what made
    the map tells the rest: ``"post"`` after an addition, ``"after_relu"``, ``"module_end"``.
    """
    scales = [i for i, step in enumerate(steps) if step.kind == "scale" and below(step.path, gate)]
    unit, at = gate.rpartition(".")[0], scales[-1]
    for _ in steps:
        used = next((i for i in range(at + 1, len(steps)) if at in steps[i].inputs), None)
        if used is None or steps[used].kind not in _PASSED:
            break
        at = used
    if used is not None:
        by = steps[used]
        if by.kind == "add" and below(gate, by.path):
            return "branch_end"
        if by.kind == "conv" and below(by.path, unit):
            return "inner"
        if by.kind == "fc":
            return "network_end"
    made = next((i for i in steps[scales[-1]].inputs if not below(steps[i].path, gate)), 0)
    while steps[made].kind == "norm" and steps[made].inputs:
        made = steps[made].inputs[0]
    return {"add": "post", "act": "after_relu"}.get(steps[made].kind, "module_end")


# --- differences --------------------------------------------------------------------------------------------------

ROWS = ("where", "layers", "norm", "act", "function", "bias", "widths", "ratio")


def differences(units: Sequence[Unit], like: Facts) -> dict[str, tuple[tuple[object, bool], ...]]:
    """Return row by row and unit by unit the fact, and whether it is another than that of ``like``.

    Widths differ from unit to unit of one network: they are never counted as a difference.
    """
    found = {row: [getattr(unit.facts, row) for unit in units] for row in ROWS}
    return {
        row: tuple((value, row != "widths" and value != getattr(like, row)) for value in values)
        for row, values in found.items()
    }
