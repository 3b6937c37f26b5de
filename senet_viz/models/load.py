"""From a row of the catalogue to a network in eval mode: built, its weights fetched where need be, loaded."""

from __future__ import annotations

import re
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from senet_viz.errors import WeightsInvalid, WeightsUnavailable
from senet_viz.jobs import Progress, silent
from senet_viz.models import download, weight_files
from senet_viz.models.catalogue import UNTRAINED_CLASSES, ModelSpec, spec
from senet_viz.models.devices import resolve
from senet_viz.models.weight_files import _about, _cached, _checkpoints, _glance, _here, _invalid, classes, unfit
from senet_viz.networks.random import seeded

if TYPE_CHECKING:
    from torch import Tensor, nn


def fetch(key: str, progress: Progress = silent) -> None:
    """Bring the weights of a model onto this machine where they are not here: ``load`` then needs no network.

    Args:
        progress: told the bytes here and those in all (0: the server does not say), in this thread.

    Raises:
        UnknownModel: no such model.
        WeightsUnavailable: they cannot be fetched, or nobody has any; known within some 10 s where there is no
            network, within half a minute where they come too slowly.
    """
    _file(spec(key), None, progress)


def _fetch(row: ModelSpec, progress: Progress = silent) -> Path:
    """Find the weight file in the library's cache, or fetch it there; one download at a time for each model.

    Raises:
        WeightsUnavailable: see ``fetch``.
    """
    if (path := _cached(row)) is not None:
        return path

    def work(told: Progress) -> Path:
        if (path := _cached(row)) is not None:  # somebody else's has just ended
            return path
        if row.weights.startswith("hf:"):
            return download.from_hub(row.weights[3:], told)
        return download.from_address(row.weights, _checkpoints() / row.weights.rpartition("/")[2], told)

    try:
        path = download.once(row.weights, work, progress)
    except Exception as error:  # URLError, HTTPError, the hub's own, time-outs, a full disk: all mean "not today"
        message = f"{row.title}: cannot fetch {row.weights}: {error}"
        raise WeightsUnavailable(message, model=row.title, mib=row.weights_mib) from error
    size = path.stat().st_size
    progress(size, size)
    return path


def load(
    key: str,
    device: str = "cpu",
    weights: str = "pretrained",
    progress: Progress = silent,
    file: str | Path | None = None,
) -> nn.Module:
    """Load the model in eval mode, without gradients for its weights, on ``device``.

    Args:
        device: a name that ``resolve`` takes.
        weights: ``"random"`` is the untrained control, the same on every call. One of ours whose file is missing
            is untrained in any case, as is one of ``catalogue.library``: ask ``trained``.
            ``"epoch-4"`` is one of ours after so many epochs: see ``weight_files.kept``.
        progress: told as ``fetch`` tells it, while weights are fetched.
        file: weights of your own, safetensors or a state dictionary that needs no unpickling.

    Raises:
        UnknownModel: no such model.
        DeviceUnavailable: no such device here.
        WeightsUnavailable: the weights are not here and cannot be fetched, or nobody has any.
        WeightsInvalid: a weight file that is damaged or another network's.
        NoFilm: no such epoch was kept.
    """
    row, target = spec(key), resolve(device)
    epoch = re.fullmatch(r"epoch-(\d{1,6})|pretrained|random", weights)
    if epoch is None:
        raise ValueError(f"weights must be 'pretrained', 'random' or as in 'epoch-4'; got {weights!r}")
    if epoch[1]:
        model = _frame(row, int(epoch[1]))
    else:
        model = _build(row) if weights == "random" else _trained(row, _file(row, file, progress))
    return model.to(target).eval().requires_grad_(False)


def outline(key: str) -> nn.Module:
    """Build the architecture on the meta device: it takes no memory for weights, and cannot compute.

    Raises:
        UnknownModel: no such model.
    """
    import torch

    row = spec(key)
    with torch.device("meta"), _counted_here() if row.source == "torchvision" else nullcontext():
        return _build(row).eval().requires_grad_(False)


def foreign(name: str) -> nn.Module | None:
    """Return the outline of a classifier of timm or torchvision that has no row here; None where they have none.

    Args:
        name: the library's own, or ``library/name``.
    """
    import timm
    import torch
    import torchvision

    library, _, plain = name.rpartition("/")
    if library in ("", "torchvision") and plain in torchvision.models.list_models(module=torchvision.models):
        with torch.device("meta"), _counted_here():
            return torchvision.models.get_model(plain, weights=None).eval()
    if library in ("", "timm") and timm.is_model(plain):
        with torch.device("meta"):
            return timm.create_model(plain, num_classes=1000).eval()
    return None


def _counted_here() -> Any:
    """Let torchvision's RegNets, which compute their widths with tensors, do so on the CPU."""
    import torch
    from torch.overrides import TorchFunctionMode

    class OnCpu(TorchFunctionMode):
        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            return func(*args, **({"device": "cpu"} if func in (torch.arange, torch.tensor) else {}) | (kwargs or {}))

    return OnCpu()


def _file(row: ModelSpec, file: str | Path | None, progress: Progress) -> Path | None:
    """Return the file to read from; None where one of ours or of ``catalogue.library`` has no file."""
    if file is not None:
        if not Path(file).is_file():
            raise WeightsUnavailable(f"no file {file}", model=row.title, mib=row.weights_mib)
        return Path(file)
    path = _here(row)
    if path is None and row.source == "built":
        raise WeightsUnavailable(f"{row.title}: no library has weights that fit", model=row.title, mib=0, nobody=True)
    return path if path is not None or row.listed or row.source == "ours" else _fetch(row, progress)


def _build(row: ModelSpec, **options: Any) -> nn.Module:
    """Build the architecture with the random weights of seed 0, or ``options``; global randomness is untouched."""
    with seeded(0):
        if row.source == "ours":
            from senet_viz.networks.tiny import TinyNet

            return TinyNet(row.arch, options.get("classes") or len(classes(row.key)) or UNTRAINED_CLASSES)
        if row.source == "built":
            from senet_viz.networks import variants

            return variants.build(row.arch)
        if row.source == "torchvision":
            import torchvision

            return torchvision.models.get_model(row.arch, weights=None)
        import timm

        if row.listed:
            model = timm.create_model(row.arch, num_classes=1000, **options)
            return model if options else _alive(model)
        if not row.arch.startswith("legacy_"):  # else the last norm of a unit starts at 0, and its gate does nothing
            options["zero_init_last"] = False
        return timm.create_model(row.arch, **options)


def _alive(model: nn.Module) -> nn.Module:
    """Let gates matter in an untrained network: norms that begin at 0 would shut every unit's branch."""
    for part in model.modules():
        scale = getattr(part, "weight", None)
        if "Norm" in type(part).__name__ and scale is not None and not scale.is_meta and not bool(scale.any()):
            scale.data.fill_(1)
    return model


def _trained(row: ModelSpec, path: Path | None) -> nn.Module:
    if path is None:
        return _build(row)
    if row.source != "ours":
        _glance(path)
    try:
        if row.source == "timm":  # timm's loader renames what old checkpoints call differently
            # else it would leave a classifier of other classes untrained, and say nothing
            overlay = {"file": str(path)} | ({"num_classes": 1000} if row.listed else {})
            model = _build(row, pretrained=True, pretrained_cfg_overlay=overlay)
        else:
            options = {}
            if row.source == "ours":
                about = _about(path, path.stat().st_mtime_ns)
                if about.recipe.get("block") != row.arch:
                    raise ValueError(f"made for block {about.recipe.get('block')!r}, not {row.arch!r}")
                options = {"classes": len(about.classes)}
            model = _build(row, **options)
            model.load_state_dict(_state(path))
        if not all(bool(v.isfinite().all()) for v in model.state_dict().values()):
            raise ValueError("it holds values that are not finite")
        return model
    except WeightsInvalid:
        raise
    except Exception as error:  # RuntimeError for names and shapes, UnpicklingError, SafetensorError, EOFError, ...
        raise _misfit(row, path) or _invalid(path, error) from error


def _frame(row: ModelSpec, epoch: int) -> nn.Module:
    from senet_viz.networks import tiny

    about, path = weight_files.frame(row.key, epoch)
    if path is not None:
        return _trained(row, path)
    return tiny.untrained(row.arch, len(about.classes), about.recipe["seed"], about.recipe["gate_start"])


def _misfit(row: ModelSpec, path: Path) -> WeightsInvalid | None:
    """Return the error that names the tensors by which the file is another network's; None where it is not that."""
    try:
        held = {name: tuple(value.shape) for name, value in _state(path).items()}
    except Exception:  # not even a dictionary of tensors
        return None
    wanted = {name: tuple(value.shape) for name, value in outline(row.key).state_dict().items()}
    faults = {
        "missing": sorted(wanted.keys() - held.keys()),
        "unknown": sorted(held.keys() - wanted.keys()),
        "shapes": [f"{name} {list(held[name])} instead of {list(wanted[name])}" for name in sorted(wanted.keys() & held)
                   if held[name] != wanted[name]],
    }  # fmt: skip
    return unfit(path, row.title, faults) if any(faults.values()) else None


def _state(path: Path) -> dict[str, Tensor]:
    """Read names and float32 tensors; nothing is unpickled."""
    import torch
    from safetensors.torch import load_file

    if path.suffix == ".safetensors":
        state = load_file(path)
    else:
        state = torch.load(path, map_location="cpu", weights_only=True)
    return {name: v.float() if v.is_floating_point() else v for name, v in state.items()}
