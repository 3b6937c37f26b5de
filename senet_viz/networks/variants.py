"""SE is a part, not a network: this module puts our blocks into backbones that torchvision and timm keep.

    build("se_resnet50")                        the released network with random weights, in eval mode
    build("se_resnet50", reduction=8, integration="pre", device="meta")      a variant of it, taking no memory
    bare("se_resnet50")                         the same network without gates: the same random weights elsewhere
    add_se(model, reduction=16, ...)            the surgery itself, on a model of yours; changes and returns it
    add_sk(model, ...)                          Selective Kernel convolutions in the place of its 3x3
    gates(model)                                every gate in it: name, stage, channels, module

What a network has not is refused by name: ``UnknownModel``, ``OptionRefused``, ``NotAHost``. The arguments of
``add_se``, which are the options of ``build`` (defaults are the released network's, so they differ by row):

* ``reduction`` r, ``gate``, ``squeeze``, ``form``, ``bias``: see ``blocks.SEBlock``.
* ``stages``: which of the network's stages get gates, counted from 1 (the paper's "stage 2" is the first one with
  residual units, so 1 here); None for all, () for none.
* ``integration``: where in a residual unit, see ``networks.gated.GatedUnit``.
"""

from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from senet_viz.errors import NotAHost
from senet_viz.networks.blocks import SEBlock, SKConv
from senet_viz.networks.gated import HOSTS, host_of
from senet_viz.networks.random import seeded
from senet_viz.networks.registry import Network, Stages, network, refused

# --- surgery ------------------------------------------------------------------------------------------------------


def add_se(
    model: nn.Module,
    *,
    reduction: int = 16,
    gate: str = "sigmoid",
    squeeze: str = "avg",
    form: str = "fc",
    bias: bool = True,
    stages: Stages = None,
    integration: str = "standard",
) -> nn.Module:
    """Put an ``SEBlock`` into every unit of ``model``, in place, and return it; gates of its own are replaced.

    Hosts are ``networks.gated.HOSTS``: torchvision's ResNet and ResNeXt, VGG (after every ReLU), Inception3 (after
    every Mixed module) and MobileNetV3 (in the place of its own gates, with its own rule for widths); timm's
    ``legacy_se*`` and InceptionResnetV2 (its residual units); our BN-Inception (after every module) and the two of
    ``keras_ports``. Weights that are there stay; those of the gates are random, on the model's device and of its type.

    Raises:
        NotAHost: a network that is none of these, or that has gates of ours already.
        OptionRefused: an integration or a stage that this host has not.
        ValueError: an option that ``SEBlock`` refuses.
    """
    host = _host(model)
    find, integrations = HOSTS[host]
    if integration not in integrations or (integration == "3x3" and "conv3" not in dict(_first_unit(model))):
        raise refused(host, f"integration = {integration}", integrations)
    sites = tuple(find(model, integration))
    wanted = _wanted(host, stages, (site.stage for site in sites))
    for site in sites:
        if site.stage in wanted:
            width = site.width(reduction) if site.width else None
            how = (site.channels, reduction, gate, squeeze, form, bias, width)
            model.set_submodule(site.path, site.wrap(_like(model, site.stage, SEBlock, *how)))
        else:
            _take_away(model, site.path)
    return model


def add_sk(
    model: nn.Module, *, branches: int = 2, reduction: int = 16, floor: int = 32, stages: Stages = None
) -> nn.Module:
    """Put an ``SKConv`` in the place of every 3x3, norm and ReLU of torchvision's bottlenecks, and return ``model``.

    Groups and strides are those of the 3x3; with a ResNeXt (32x4d) the result is SKNet (Li et al., table 1).

    Raises:
        NotAHost: not a torchvision ResNet of bottlenecks, or one with gates of ours already.
        OptionRefused: a stage that there is not.
    """
    host = _host(model)
    if host != "torchvision.ResNet" or "conv3" not in dict(_first_unit(model)):
        raise NotAHost(type(model).__name__)
    for stage in sorted(_wanted(host, stages, range(1, 5))):
        for unit in model.get_submodule(f"layer{stage}").children():
            conv = unit.get_submodule("conv2")
            assert isinstance(conv, nn.Conv2d)
            how = (conv.out_channels, branches, conv.groups, reduction, floor, conv.stride[0])
            unit.set_submodule("conv2", _like(model, stage, SKConv, *how))
            unit.set_submodule("bn2", nn.Identity())  # in every branch; the ReLU that follows changes nothing any more
    return model


def _like(model: nn.Module, stage: int, block: type[SEBlock | SKConv], *how: Any) -> nn.Module:
    """Make a block on the device, of the type and in the mode of ``model``."""
    like = next(model.parameters())
    with torch.device(like.device):
        made = block(*how).to(like.dtype).train(model.training)
    made.stage = stage
    return made


def _host(model: nn.Module) -> str:
    host = host_of(model)
    if not host or gates(model):
        raise NotAHost(type(model).__name__)
    return host


def _first_unit(model: nn.Module) -> Iterable[tuple[str, nn.Module]]:
    return model.get_submodule("layer1.0").named_children()


def _wanted(host: str, stages: Stages, there: Iterable[int]) -> set[int]:
    every = set(there)
    wanted = every if stages is None else set(stages)
    if not wanted <= every:
        raise refused(host, f"stages = {tuple(sorted(wanted))}", sorted(every))
    return wanted


def _take_away(model: nn.Module, path: str) -> None:
    """Remove the library's own gate at ``path``, or in the unit there; where there is none, nothing changes."""
    part = model.get_submodule(path)
    if "se_module" in dict(part.named_children()):
        model.set_submodule(f"{path}.se_module", nn.Identity())
    elif type(part).__name__ == "SqueezeExcitation":
        model.set_submodule(path, nn.Identity())


@dataclass(frozen=True, eq=False)
class Gate:
    """A gate is one block of ours in a network."""

    name: str  # dotted module path
    stage: int  # from 1; 0 where nobody said
    channels: int  # C
    module: SEBlock | SKConv


def gates(model: nn.Module) -> tuple[Gate, ...]:
    """List every block of ours as defined; NoSqueeze blocks too, which ``layouts.find`` leaves out."""
    return tuple(
        Gate(name, part.stage, part.channels, part)
        for name, part in model.named_modules()
        if isinstance(part, SEBlock | SKConv)
    )


# --- networks -----------------------------------------------------------------------------------------------------


def build(
    name: str, *, classes: int = 1000, device: str | torch.device | None = None, seed: int = 0, **options: Any
) -> nn.Module:
    """Build the network with the random weights of ``seed``, in eval mode.

    Args:
        device: where to; ``"meta"`` for a network that takes no memory and cannot compute.
        options: see the row; what is left out is the released network's.

    Raises:
        UnknownModel: no such network.
        OptionRefused: an option that it has not, or a value that is not offered.
    """
    row = network(name)
    return _made(row, classes, device, seed, row.choose(options))


def bare(name: str, *, classes: int = 1000, device: str | torch.device | None = None, seed: int = 0) -> nn.Module:
    """Build the same network without gates; where it has weights, those of ``build`` with this seed.

    Of SKNet this is the ResNeXt that it was made from.

    Raises:
        UnknownModel: no such network.
    """
    return _made(network(name), classes, device, seed, {"stages": ()})


def _made(
    row: Network, classes: int, device: str | torch.device | None, seed: int, options: dict[str, Any]
) -> nn.Module:
    """Build a network and leave global randomness as it was. Other devices get what the CPU drew: the same numbers."""
    where: AbstractContextManager[Any] = nullcontext()  # as the caller says, who may be in a ``with torch.device(...)``
    if device is not None:
        where = torch.device("meta" if torch.device(device).type == "meta" else "cpu")
    with where, seeded(seed):
        model = _fresh(row, classes)
        (add_sk if row.family == "sk" else add_se)(model, **options)
    return model.eval().to(device) if device is not None else model.eval()


def _fresh(row: Network, classes: int) -> nn.Module:
    """Build the backbone with random weights that let a picture reach the end: torch's own fade in an Inception."""
    model = _backbone(row, classes)
    if "inception" in row.family:
        for part in model.modules():
            if isinstance(part, nn.Conv2d):
                nn.init.kaiming_normal_(part.weight, nonlinearity="relu")
    return model


def _backbone(row: Network, classes: int) -> nn.Module:
    library = row.host.partition(".")[0]
    if library == "senet_viz":
        from senet_viz.networks import bn_inception, keras_ports

        hosts = {"inception_once": keras_ports.InceptionOnce, "cifar": keras_ports.CifarResNeXt}
        return hosts.get(row.backbone, bn_inception.BNInception)(classes)
    if library == "timm":
        import timm

        return timm.create_model(row.backbone, num_classes=classes)
    import torchvision
    from torchvision.models.resnet import Bottleneck, ResNet

    depths = {"resnext26_32x4d": [2, 2, 2, 2], "resnext101_32x4d": [3, 4, 23, 3]}  # which torchvision does not list
    if row.backbone in depths:
        return ResNet(Bottleneck, depths[row.backbone], classes, groups=32, width_per_group=4)
    # the second classifier of Inception-v3 helps training alone
    extra = {"aux_logits": False, "init_weights": False} if row.backbone == "inception_v3" else {}
    return torchvision.models.get_model(row.backbone, weights=None, num_classes=classes, **extra)
