"""What one named network and its gates cost with these options: counted with gates and without, and by equation 5."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from senet_viz.architecture import counting
from senet_viz.architecture.counting import Cost, picture, skeleton
from senet_viz.errors import OptionRefused
from senet_viz.later import later
from senet_viz.models import catalogue, load
from senet_viz.networks import registry
from senet_viz.networks.registry import LEAST_SIDE, MOST_SIDE, NAMED, Choice, reduced

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from senet_viz.networks import variants
else:
    torch, nn, variants = later("torch"), later("torch.nn"), later("senet_viz.networks.variants")


DEFAULT = "se_resnet50"

# --- networks by name -------------------------------------------------------------------------------------------------


def names() -> dict[str, str]:
    """Return name and title of every network that can be asked for. No two titles are alike: widgets tell them so."""
    ours = {row.name: row.title for row in registry.NETWORKS}
    return ours | {
        row.key: f"{row.title} · {row.key}" for row in catalogue.MODELS if row.blocks and row.key not in ours
    }


def row(net: str) -> registry.Network | catalogue.ModelSpec:
    """Return the row of that network: of the registry, or of the catalogue where its gates have no options.

    Raises:
        UnknownModel: no such network.
    """
    return NAMED.get(net) or catalogue.spec(net)


def sides(net: str) -> tuple[int, int]:
    """Return the smallest and the largest side of an input that is counted for this network, in pixels."""
    return (NAMED[net].smallest if net in NAMED else LEAST_SIDE), MOST_SIDE


def build(choice: Choice) -> nn.Module:
    """Build the network on the meta device: no memory for weights.

    Raises:
        UnknownModel: no such network.
        OptionRefused: an option that it has not.
    """
    row(choice.net)
    options = choice.all
    return variants.build(choice.net, device="meta", **options) if choice.net in NAMED else load.outline(choice.net)


def bare(choice: Choice) -> nn.Module | None:
    """Build the network without gates on the meta device; None where there is no such network.

    Of SKNet it is the ResNeXt with one kernel that it was made from.
    """
    if choice.net in NAMED:
        return variants.bare(choice.net, device="meta")
    try:
        return ungated(build(choice))
    except ValueError:
        return None


def ungated(module: nn.Module) -> nn.Module:
    """Return the network without its gates, on the meta device: every block that only scales becomes the identity.

    Raises:
        ValueError: it has blocks whose branches compete; without them there is no one network that is left.
    """
    net = skeleton(module)
    for block in counting.blocks(net):
        if block.heads is not None:
            raise ValueError(f"{block.name} chooses between branches: it cannot just be left out")
        net.set_submodule(block.name, nn.Identity())
    return net


def parameters(choice: Choice) -> int:
    """Count the parameters of the network alone: no forward is needed."""
    return sum(p.numel() for p in build(choice).parameters())


def totals(choice: Choice, ratios: Sequence[int]) -> list[int]:
    """Count them for every r."""
    return [parameters(choice.but(reduction=r)) for r in ratios]


def cost(choice: Choice) -> Cost:
    """Count the network's parameters and operations alone, at its own size."""
    return counting.of(build(choice), row(choice.net).size)


# --- prices -----------------------------------------------------------------------------------------------------------


def eq5(stages: Sequence[tuple[int, int]], r: int) -> int:
    """Return the extra weights of SE gates by SENet's eq. 5: (2 / r) * sum over stages of N_s * C_s^2, biases apart.

    Args:
        stages: (N_s, C_s), blocks and channels.
        r: reduction; C / r is rounded down where r does not divide C, as the blocks do.
    """
    return sum(2 * n * c * reduced(c, r) for n, c in stages)


@dataclass(frozen=True)
class Price:
    """A price holds all counts with gates and without. Where no gate can be left out, ``bare`` is None."""

    cost: Cost
    kept: int  # bytes of a training step a picture: see ``kept``
    bare: Cost | None
    kept_bare: int | None

    @property
    def without(self) -> tuple[int, int]:
        """Return parameters and MACs of the network without gates."""
        return (self.bare.params, self.bare.macs) if self.bare else (self.cost.rest.params, self.cost.rest.macs)

    @property
    def memory(self) -> tuple[int, ...]:
        """Return (bytes of a training step without gates, what they add), or () where that is not known."""
        return () if self.kept_bare is None else (self.kept_bare, self.kept - self.kept_bare)

    @property
    def adds(self) -> tuple[int, int]:
        """Return the parameters and MACs that gates add; in SKNet also those of the branches to choose from."""
        params, macs = self.without
        return self.cost.params - params, self.cost.macs - macs

    @property
    def ratio(self) -> int:
        """Return the reduction r that most gates have."""
        return Counter(round(gate.channels / gate.hidden) for gate in self.cost.gates).most_common(1)[0][0]

    @property
    def formula(self) -> int:
        """Return the extra weights that eq. 5 gives for this network's gates."""
        return eq5(tuple((1, gate.channels) for gate in self.cost.gates), self.ratio)

    @property
    def eq5(self) -> str:
        """Return SENet's eq. 5 with this network's numbers, in LaTeX: blocks of equal width are added up."""
        counts = Counter(gate.channels for gate in self.cost.gates)
        terms = [rf"{n}\cdot {c}^2" for c, n in sorted(counts.items())]
        terms = terms if len(terms) <= 6 else [*terms[:3], r"\dots", terms[-1]]
        value = f"{self.formula:,}".replace(",", "{,}")
        return rf"\frac{{2}}{{r}}\sum_s N_s C_s^2=\frac{{2}}{{{self.ratio}}}\,({'+'.join(terms)})={value}"

    @property
    def weights(self) -> int:
        """Return the number of weights of all gates, counted in the modules, biases and norms apart."""
        return sum(gate.weights for gate in self.cost.gates)


def price(choice: Choice, side: int | None = None) -> Price:
    """Count it all, at its own input size or another.

    Raises:
        UnknownModel, OptionRefused: see ``build``; or a side that is not among ``sides``.
    """
    net, (least, most) = build(choice), sides(choice.net)
    side = row(choice.net).size if side is None else side
    if not least <= side <= most:
        raise OptionRefused(names().get(choice.net, choice.net), f"size = {side}", f"{least} to {most}")
    return Price(counting.of(net, side), kept(net, side), *_plain(choice.net, side))


@lru_cache(maxsize=64)
def _plain(net: str, side: int) -> tuple[Cost, int] | tuple[None, None]:
    """Count the network without gates, which no option changes, and what a training step of it keeps."""
    plain = bare(Choice(net))
    return (None, None) if plain is None else (counting.of(plain, side), kept(plain, side))


# --- memory of a training step ----------------------------------------------------------------------------------------


def kept(module: nn.Module, size: int = 224) -> int:
    """Count the bytes that autograd keeps from the forward to the backward of a training step, for each picture.

    Exactly: the distinct storages that operations save for their backward (``saved_tensors_hooks``) in train mode,
    weights and buffers left out, of a batch of 3 minus those of a batch of 2, in the weights' own precision. The
    optimiser's state, the gradients and what a convolution needs while it runs are not in it.
    """
    net = skeleton(module).train()
    return _saved(net, 3, size) - _saved(net, 2, size)


def _saved(net: nn.Module, batch: int, size: int) -> int:
    own = {t.untyped_storage()._cdata for t in (*net.parameters(), *net.buffers())}
    held: dict[int, Any] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in own:
            held[storage._cdata] = storage  # held on to, so that no other gets its place
        return tensor

    from torch.autograd.graph import saved_tensors_hooks

    with torch.enable_grad(), saved_tensors_hooks(keep, lambda tensor: tensor):
        net(picture(net, batch, size))
    return sum(storage.nbytes() for storage in held.values())
