"""From a row of the catalogue to a network in eval mode: built, its weights fetched where need be, loaded."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from senet_viz.errors import WeightsInvalid, WeightsUnavailable
from senet_viz.jobs import Progress, silent
from senet_viz.models import download
from senet_viz.models.catalogue import UNTRAINED_CLASSES, ModelSpec, spec
from senet_viz.models.devices import resolve
from senet_viz.models.weight_files import _about, _cached, _checkpoints, _glance, _here, _invalid, classes
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


# --- loading ------------------------------------------------------------------------------------------------------


def load(
    key: str,
    device: str = "cpu",
    weights: Literal["pretrained", "random"] = "pretrained",
    progress: Progress = silent,
    file: str | Path | None = None,
) -> nn.Module:
    """Load the model in eval mode, without gradients for its weights, on ``device``.

    Args:
        device: a name that ``resolve`` takes.
        weights: ``"random"`` is the untrained control, the same on every call. One of ours whose file is missing
            is untrained in any case: ask ``trained``.
        progress: told as ``fetch`` tells it, while weights are fetched.
        file: weights of your own, safetensors or a state dictionary that needs no unpickling.

    Raises:
        UnknownModel: no such model.
        DeviceUnavailable: no such device here.
        WeightsUnavailable: the weights are not here and cannot be fetched, or nobody has any.
        WeightsInvalid: a weight file that is damaged or another network's.
    """
    row, target = spec(key), resolve(device)
    if weights not in ("pretrained", "random"):
        raise ValueError(f"weights must be 'pretrained' or 'random'; got {weights!r}")
    model = _build(row) if weights == "random" else _trained(row, _file(row, file, progress))
    return model.to(target).eval().requires_grad_(False)


def outline(key: str) -> nn.Module:
    """Build the architecture on the meta device: it takes no memory for weights, and cannot compute.

    Raises:
        UnknownModel: no such model.
    """
    import torch

    row = spec(key)
    with torch.device("meta"):
        return _build(row).eval().requires_grad_(False)


def _file(row: ModelSpec, file: str | Path | None, progress: Progress) -> Path | None:
    """Return the file to read from; None where one of ours has no file."""
    if file is not None:
        if not Path(file).is_file():
            raise WeightsUnavailable(f"no file {file}", model=row.title, mib=row.weights_mib)
        return Path(file)
    path = _here(row)
    if path is None and row.source == "built":
        raise WeightsUnavailable(f"{row.title}: no library has weights that fit", model=row.title, mib=0, nobody=True)
    return path if path is not None or row.source == "ours" else _fetch(row, progress)


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

        if not row.arch.startswith("legacy_"):  # else the last norm of a unit starts at 0, and its gate does nothing
            options["zero_init_last"] = False
        return timm.create_model(row.arch, **options)


def _trained(row: ModelSpec, path: Path | None) -> nn.Module:
    if path is None:
        return _build(row)
    if row.source != "ours":
        _glance(path)
    try:
        if row.source == "timm":  # timm's loader renames what old checkpoints call differently
            model = _build(row, pretrained=True, pretrained_cfg_overlay={"file": str(path)})
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
        raise _invalid(path, error) from error


def _state(path: Path) -> dict[str, Tensor]:
    """Read names and float32 tensors; nothing is unpickled."""
    import torch
    from safetensors.torch import load_file

    if path.suffix == ".safetensors":
        state = load_file(path)
    else:
        state = torch.load(path, map_location="cpu", weights_only=True)
    return {name: v.float() if v.is_floating_point() else v for name, v in state.items()}
