"""What we count where a paper printed a number, and which way of counting agrees with it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from senet_viz.architecture import counting
from senet_viz.architecture.papers import INTEGRATED, PaperRow, Table
from senet_viz.architecture.prices import DEFAULT, build, parameters, row
from senet_viz.later import later
from senet_viz.networks import registry
from senet_viz.networks.registry import Choice

if TYPE_CHECKING:
    from torch import nn
else:
    nn = later("torch.nn")


@dataclass(frozen=True)
class Counted:
    """A line of a table is counted in every way that a rounded number of a paper may mean."""

    params: int  # as the paper says: gates of tables 10 to 16 without biases
    biases: int  # of gates, which the released networks have
    statistics: int  # running means and variances: stored, not learnt
    macs: int | None  # conv + linear of the library's network; None where the line has no GFLOPs to compare
    first: int | None  # the same with the stride on the first 1x1, where the authors have it; None: as it is
    other: int  # pooling and scaling

    def ways(self) -> dict[str, int]:
        """Return names and values of ways to count parameters."""
        found = {"plain": self.params, "biases": self.params + self.biases, "statistics": self.params + self.statistics}
        if not self.biases:
            found.pop("biases")
            return found
        return found | {"both": self.params + self.biases + self.statistics}

    def operations(self) -> dict[str, int]:
        """Return names and values of ways to count GFLOPs."""
        if self.macs is None:
            return {}
        found = {"plain": self.macs, "all": self.macs + self.other}
        return found if self.first is None else found | {"first": self.first, "first_all": self.first + self.other}


def agrees(value: int, printed: str, unit: float) -> bool:
    """Return whether a number, rounded as the printed one, is the printed one."""
    digits = len(printed.partition(".")[2])
    return f"{value / unit:.{digits}f}" == printed


@dataclass(frozen=True)
class Comparison:
    """A comparison holds what one table printed, and what we count in the way that agrees with it most often."""

    unit: str  # "params" or "gflops"; what is compared, or only counted where nothing was printed
    lines: tuple[PaperRow, ...]
    printed: tuple[str | None, ...]  # millions, or billions, with the digits that were printed
    ours: tuple[float, ...]
    way: str  # how ``ours`` is counted
    agreed: tuple[tuple[str, int, int], ...]  # way, lines that agree when rounded, lines that have a number

    @property
    def labels(self) -> tuple[str, ...]:
        """Return the names of the lines, "SE-" before those of networks with gates."""
        return tuple(f"SE-{line.label}" if line.group == "se" else line.label for line in self.lines)


_ELSE = {"first_all": "all", "both": "statistics"}  # where a network has no such way: the nearest that it has


def compare(table: Table, counted: Sequence[Counted | None]) -> Comparison:
    """Put a paper's table beside ours. Networks that are somebody else's are left out."""
    pairs = [(line, found) for line, found in zip(table.rows, counted, strict=True) if found is not None]
    unit, scale = ("gflops", 1e9) if table.key == "se2" else ("params", 1e6)
    texts = [line.gflops if unit == "gflops" else line.params for line, _ in pairs]
    values = [found.operations() if unit == "gflops" else found.ways() for _, found in pairs]
    numbers = {way: [each.get(way, each[_ELSE.get(way, "plain")]) for each in values] for way in max(values, key=len)}
    told = sum(text is not None for text in texts)
    hits = {
        way: sum(text is not None and agrees(value, text, scale) for value, text in zip(here, texts, strict=True))
        for way, here in numbers.items()
    }
    way = max(hits, key=hits.__getitem__)
    return Comparison(
        unit, tuple(line for line, _ in pairs), tuple(texts), tuple(value / scale for value in numbers[way]), way,
        tuple((way, agreeing, told) for way, agreeing in hits.items()),
    )  # fmt: skip


def _network(label: str) -> str:
    """Return the network that a table calls so, gated or not; SKNet's SENet-50 is an SE-ResNeXt."""
    return _NETS[label.replace("SENet", "ResNeXt")]


_NETS = {row.title.removeprefix("SE-").partition(" ")[0]: row.name for row in registry.NETWORKS}  # "ResNet-50", ...
_OPTIONS: dict[str, dict[str, Any]] = {
    **{f"r = {r}": {"reduction": r} for r in registry.REDUCTIONS},
    "Max": {"squeeze": "max"}, "Avg": {}, "ReLU": {"gate": "relu"}, "Tanh": {"gate": "tanh"}, "Sigmoid": {},
    "SE_stage_2": {"stages": (1,)}, "SE_stage_3": {"stages": (2,)}, "SE_stage_4": {"stages": (3,)}, "SE_All": {},
    **{label: {"integration": name} for name, (_, label) in INTEGRATED.items()}, "NoSqueeze": {"squeeze": "none"},
}  # fmt: skip


@lru_cache(maxsize=128)
def ours(table: str, line: PaperRow) -> Counted | None:
    """Count one line of a table; None for "original", which is somebody else's network of that name."""
    if line.group == "original":
        return None
    if table == "sk7":
        if line.label == "K3":  # the ResNeXt that SKNet is made from
            return _tally(Choice(_network("ResNeXt-50")))[1]
        choice = Choice("sknet50").but(branches=3) if "K7" in line.label else Choice("sknet50")
        return _tally(choice)["summed" in line.label]  # all branches, and nothing that chooses
    if table in ("se2", "sk2"):
        plain = line.group == "bare" or (table == "sk2" and line.label.startswith("ResNeXt"))
        first = table == "se2" and line.label.startswith("ResNet-")
        return _tally(Choice(_network(line.label)), first)[plain]
    if line.label == "original":
        return _tally(Choice(DEFAULT), True)[1]
    choice = Choice(DEFAULT).but(**_OPTIONS[line.label])
    bare = choice.but(bias=False)
    if line.gflops is not None:
        found = _tally(bare, True)[0]
        return replace(found, biases=parameters(choice) - found.params)
    net = build(bare)  # parameters need no forward
    params = sum(p.numel() for p in net.parameters())
    return Counted(params, parameters(choice) - params, _statistics(net), None, None, 0)


@lru_cache(maxsize=64)
def _tally(choice: Choice, first: bool = False) -> tuple[Counted, Counted]:
    """Count the network with its gates and without; ``first``: also with the stride on the first 1x1."""
    net, side = build(choice), row(choice.net).size
    found = counting.of(net, side)
    early = counting.of(stride_first(net), side) if first else None
    gates = {part.name for part in found.per_module if part.gate}
    with_, without = (
        Counted(each.params, 0, _statistics(net, left), each.macs, sooner, each.pool + each.scale)
        for each, sooner, left in (
            (found.total, early.macs if early else None, ()),
            (found.rest, early.rest.macs if early else None, gates),
        )
    )
    return with_, without


def _statistics(net: nn.Module, without: Collection[str] = ()) -> int:
    """Return how many numbers there are in running means and variances, some modules left out."""
    return sum(
        buffer.numel()
        for name, buffer in net.named_buffers()
        if "running" in name and name.rpartition(".")[0] not in without
    )


def stride_first(module: nn.Module) -> nn.Module:
    """Return a ResNet whose bottlenecks have their stride on the first 1x1, as the authors', not on the 3x3.

    On the meta device. The first 1x1 then runs on a quarter of the pixels: 4.09 becomes 3.86 GFLOPs for ResNet-50.
    """
    net = counting.skeleton(module)
    for unit in net.modules():
        first, second, third = (unit._modules.get(f"conv{n}") for n in (1, 2, 3))
        if (
            isinstance(first, nn.Conv2d) and isinstance(second, nn.Conv2d) and isinstance(third, nn.Conv2d)
            and first.kernel_size == (1, 1)
        ):  # fmt: skip
            first.stride, second.stride = second.stride, first.stride
    return net
