"""What one named network costs with these options, and what we count where a paper printed a number."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from senet_viz.architecture import counting, gate_costs
from senet_viz.architecture.papers import Row, Table
from senet_viz.errors import OptionRefused
from senet_viz.models import catalogue, load
from senet_viz.networks import registry, variants
from senet_viz.networks.registry import Choice as Choice

if TYPE_CHECKING:
    from torch import nn

    from senet_viz.architecture.counting import Cost

DEFAULT = "se_resnet50"
LEAST_SIDE = 32  # pixels: what every network of the libraries takes
MOST_SIDE = 2**16  # pixels: up to there every count is below 2^53, so that whoever reads the JSON gets it exactly
_NAMED = {row.name: row for row in registry.NETWORKS}


@dataclass(frozen=True)
class Price:
    """Everything that is counted, with gates and without. Where nothing can be left out, ``bare`` is None."""

    cost: Cost
    kept: int  # bytes of a training step a picture: see ``gate_costs.kept``
    bare: Cost | None
    kept_bare: int | None

    @property
    def without(self) -> tuple[int, int]:
        """Parameters and MACs of the network without gates."""
        return (self.bare.params, self.bare.macs) if self.bare else (self.cost.rest.params, self.cost.rest.macs)

    @property
    def memory(self) -> tuple[int, ...]:
        """(bytes of a training step without gates, what they add); () where that is not known."""
        return () if self.kept_bare is None else (self.kept_bare, self.kept - self.kept_bare)

    @property
    def adds(self) -> tuple[int, int]:
        """What the gates add: parameters and MACs; in SKNet the branches that they choose from as well."""
        params, macs = self.without
        return self.cost.params - params, self.cost.macs - macs

    @property
    def eq5(self) -> str:
        """SENet's eq. 5 with this network's numbers, in LaTeX: blocks of equal width are added up."""
        counts = Counter(gate.channels for gate in self.cost.gates)
        ratio = Counter(round(gate.channels / gate.hidden) for gate in self.cost.gates).most_common(1)[0][0]
        terms = [rf"{n}\cdot {c}^2" for c, n in sorted(counts.items())]
        terms = terms if len(terms) <= 6 else [*terms[:3], r"\dots", terms[-1]]
        value = f"{self.formula:,}".replace(",", "{,}")
        return rf"\frac{{2}}{{r}}\sum_s N_s C_s^2=\frac{{2}}{{{ratio}}}\,({'+'.join(terms)})={value}"

    @property
    def formula(self) -> int:
        """Eq. 5's number."""
        ratio = Counter(round(gate.channels / gate.hidden) for gate in self.cost.gates).most_common(1)[0][0]
        return gate_costs.eq5(tuple((1, gate.channels) for gate in self.cost.gates), ratio)

    @property
    def weights(self) -> int:
        """Weights of all gates, counted in the modules, biases and norms apart."""
        return sum(gate.weights for gate in self.cost.gates)


def names() -> dict[str, str]:
    """Every network that can be asked for: its name and its title. No two titles are the same: widgets tell them so."""
    ours = {row.name: row.title for row in registry.NETWORKS}
    return ours | {
        row.key: f"{row.title} · {row.key}" for row in catalogue.MODELS if row.blocks and row.key not in ours
    }


def row(net: str) -> registry.Network | None:
    """Its row; None where its gates have no options."""
    return _NAMED.get(net)


def size(net: str) -> int:
    """Side of its input, in pixels."""
    named = row(net)
    return named.size if named else catalogue.spec(net).size


def sides(net: str) -> tuple[int, int]:
    """Return the smallest and the largest side of an input that is counted for this network, in pixels."""
    named = row(net)
    return (named.smallest if named else LEAST_SIDE), MOST_SIDE


def build(choice: Choice) -> nn.Module:
    """The network on the meta device: no memory for weights.

    Raises:
        UnknownModel: no such network.
        OptionRefused: an option that it has not.
    """
    if choice.net not in _NAMED:
        catalogue.spec(choice.net)
    options = choice.all
    return variants.build(choice.net, device="meta", **options) if choice.net in _NAMED else load.outline(choice.net)


def bare(choice: Choice) -> nn.Module | None:
    """The network without gates, on the meta device; None where there is no such network.

    Of SKNet it is the ResNeXt with one kernel that it was made from.
    """
    if choice.net in _NAMED:
        return variants.bare(choice.net, device="meta")
    try:
        return gate_costs.ungated(build(choice))
    except ValueError:
        return None


def price(choice: Choice, side: int | None = None) -> Price:
    """Count it all, at its own input size or another.

    Raises:
        UnknownModel, OptionRefused: see ``build``; or a side that is not among ``sides``.
    """
    net, (least, most) = build(choice), sides(choice.net)
    side = size(choice.net) if side is None else side
    if not least <= side <= most:
        raise OptionRefused(names().get(choice.net, choice.net), f"size = {side}", f"{least} to {most}")
    return Price(counting.of(net, side), gate_costs.kept(net, side), *_plain(choice.net, side))


@lru_cache(maxsize=64)
def _plain(net: str, side: int) -> tuple[Cost, int] | tuple[None, None]:
    """The network without gates, which no option changes: what it costs, and what a training step keeps."""
    plain = bare(Choice(net))
    return (None, None) if plain is None else (counting.of(plain, side), gate_costs.kept(plain, side))


def parameters(choice: Choice) -> int:
    """Parameters of the network alone: no forward is needed."""
    return sum(p.numel() for p in build(choice).parameters())


# --- what we count where the papers printed something -------------------------------------------------------------


@dataclass(frozen=True)
class Counted:
    """Ways in which one may count one network of a table. GFLOPs that a paper rounds may mean any of them."""

    params: int  # as the paper says: gates of tables 10 to 16 without biases
    biases: int  # of gates, which the released networks have
    statistics: int  # running means and variances: stored, not learnt
    macs: int | None  # conv + linear of the library's network; None where the line has no GFLOPs to compare
    first: int | None  # the same with the stride on the first 1x1, where the authors have it; None: as it is
    other: int  # pooling and scaling

    def ways(self) -> dict[str, int]:
        """Names and values of ways to count parameters."""
        both = self.params + self.biases + self.statistics
        found = {"plain": self.params, "biases": self.params + self.biases, "statistics": self.params + self.statistics}
        return found | {"both": both} if self.biases else {k: found[k] for k in ("plain", "statistics")}

    def operations(self) -> dict[str, int]:
        """Names and values of ways to count GFLOPs."""
        if self.macs is None:
            return {}
        found = {"plain": self.macs, "all": self.macs + self.other}
        if self.first is not None:
            found |= {"first": self.first, "first_all": self.first + self.other}
        return found


def agrees(value: int, printed: str, unit: float) -> bool:
    """Whether a number, rounded as the printed one, is the printed one."""
    digits = len(printed.partition(".")[2])
    return f"{value / unit:.{digits}f}" == printed


@dataclass(frozen=True)
class Comparison:
    """What was printed in one table and what we count, in the way of counting that agrees most often."""

    unit: str  # "params" or "gflops"; what is compared, or only counted where nothing was printed
    lines: tuple[Row, ...]
    printed: tuple[str | None, ...]  # millions, or billions, with the digits that were printed
    ours: tuple[float, ...]
    way: str  # how ``ours`` is counted
    agreed: tuple[tuple[str, int, int], ...]  # way, lines that agree when rounded, lines that have a number

    @property
    def labels(self) -> tuple[str, ...]:
        """What the lines are called."""
        return tuple(f"SE-{line.label}" if line.group == "se" else line.label for line in self.lines)


def compare(table: Table, counted: Sequence[Counted | None]) -> Comparison:
    """A paper's table beside ours. Networks that are somebody else's are left out."""
    pairs = [(line, found) for line, found in zip(table.rows, counted, strict=True) if found is not None]
    unit, scale = ("gflops", 1e9) if table.key == "se2" else ("params", 1e6)
    texts = [line.gflops if unit == "gflops" else line.params for line, _ in pairs]
    values = [found.operations() if unit == "gflops" else found.ways() for _, found in pairs]
    agreed = []
    for way in max(values, key=len):
        here = [each.get(way, each[_ELSE.get(way, "plain")]) for each in values]
        hits = sum(text is not None and agrees(value, text, scale) for value, text in zip(here, texts, strict=True))
        agreed.append((way, hits, sum(text is not None for text in texts)))
    way = max(agreed, key=lambda found: found[1])[0]
    ours_ = tuple(each.get(way, each[_ELSE.get(way, "plain")]) / scale for each in values)
    return Comparison(unit, tuple(line for line, _ in pairs), tuple(texts), ours_, way, tuple(agreed))


_ELSE = {"first_all": "all", "both": "statistics"}  # where a network has no such way: the nearest that it has
_R50 = "se_resnet50"
_NETS = {
    "ResNet-50": _R50, "ResNet-101": "se_resnet101", "ResNet-152": "se_resnet152",
    "ResNeXt-50": "se_resnext50_32x4d", "ResNeXt-101": "se_resnext101_32x4d", "VGG-16": "se_vgg16_bn",
    "BN-Inception": "se_bn_inception", "Inception-ResNet-v2": "se_inception_resnet_v2",
    "SENet-50": "se_resnext50_32x4d", "SENet-101": "se_resnext101_32x4d", "SKNet-50": "sknet50",
    "SKNet-101": "sknet101",
}  # fmt: skip
_OPTIONS: dict[str, dict[str, Any]] = {
    **{f"r = {r}": {"reduction": r} for r in registry.REDUCTIONS},
    "Max": {"squeeze": "max"}, "Avg": {}, "ReLU": {"gate": "relu"}, "Tanh": {"gate": "tanh"}, "Sigmoid": {},
    "SE_stage_2": {"stages": (1,)}, "SE_stage_3": {"stages": (2,)}, "SE_stage_4": {"stages": (3,)}, "SE_All": {},
    "SE": {}, "SE-PRE": {"integration": "pre"}, "SE-POST": {"integration": "post"},
    "SE-Identity": {"integration": "identity"}, "SE_3x3": {"integration": "3x3"}, "NoSqueeze": {"squeeze": "none"},
}  # fmt: skip


@lru_cache(maxsize=128)
def ours(table: str, line: Row) -> Counted | None:
    """What we count for one line of a table; None for "original", which is somebody else's network of that name."""
    if line.group == "original":
        return None
    if table == "sk7":
        if line.label == "K3":  # the ResNeXt that SKNet is made from
            return _tally(Choice(_NETS["ResNeXt-50"]))[1]
        choice = Choice("sknet50").but(branches=3) if "K7" in line.label else Choice("sknet50")
        return _tally(choice)["summed" in line.label]  # all branches, and nothing that chooses
    if table in ("se2", "sk2"):
        plain = line.group == "bare" or (table == "sk2" and line.label.startswith("ResNeXt"))
        first = table == "se2" and line.label.startswith("ResNet-")
        return _tally(Choice(_NETS[line.label]), first)[plain]
    if line.label == "original":
        return _tally(Choice(_R50), True)[1]
    choice = Choice(_R50).but(**_OPTIONS[line.label])
    if line.gflops is not None:
        found = _tally(choice.but(bias=False), True)[0]
        return replace(found, biases=parameters(choice) - found.params)
    net = build(choice.but(bias=False))  # parameters need no forward
    params = sum(p.numel() for p in net.parameters())
    return Counted(params, parameters(choice) - params, _statistics(net), None, None, 0)


@lru_cache(maxsize=64)
def _tally(choice: Choice, first: bool = False) -> tuple[Counted, Counted]:
    """The network with its gates and without, from one count; ``first``: also with the stride on the first 1x1."""
    net, side = build(choice), size(choice.net)
    found = counting.of(net, side)
    early = counting.of(gate_costs.stride_first(net), side) if first else None
    gates = {part.name for part in found.per_module if part.gate}
    every, rest = found.total, found.rest
    return (
        Counted(every.params, 0, _statistics(net), every.macs, early.macs if early else None, every.pool + every.scale),
        Counted(
            rest.params,
            0,
            _statistics(net, gates),
            rest.macs,
            early.rest.macs if early else None,
            rest.pool + rest.scale,
        ),
    )


def _statistics(net: nn.Module, without: Collection[str] = ()) -> int:
    """Numbers in its running means and variances, some modules left out."""
    return sum(
        buffer.numel()
        for name, buffer in net.named_buffers()
        if "running" in name and name.rpartition(".")[0] not in without
    )
