"""Which devices there are, and which of them a model runs on."""

from functools import lru_cache

from senet_viz.errors import DeviceUnavailable


@lru_cache(maxsize=1)
def devices() -> tuple[str, ...]:
    """Return ``"cpu"`` and whichever of ``"cuda"`` and ``"mps"`` really computes here: listed is not enough."""
    import torch

    torch.backends.cudnn.allow_tf32 = False  # on by default: convolutions of a GPU would be a thousandth off the CPU's
    found = ["cpu"]
    for name, listed in (("cuda", torch.cuda.is_available), ("mps", torch.backends.mps.is_available)):
        try:
            if listed():
                (torch.ones(1, device=name) + 1).cpu()
                found.append(name)
        except (RuntimeError, AssertionError):  # a driver that is too old, a device in use, a build without it
            continue
    return tuple(found)


def resolve(device: str = "auto", there: tuple[str, ...] = ()) -> str:
    """Return the fastest device there is for ``"auto"``, and any other name, as ``"cuda:1"``, once it is checked.

    Args:
        there: those of another machine, which answers for this one.

    Raises:
        DeviceUnavailable: that device cannot be used here.
    """
    here = there or devices()
    if device == "auto":
        return next(name for name in ("cuda", "mps", "cpu") if name in here)
    kind, _, index = device.partition(":")
    numbered = kind == "cuda" and index.isdecimal()
    if kind not in here or (":" in device and not (numbered and (there or int(index) < _count()))):
        raise DeviceUnavailable(f"{device!r} is not here", device=device, devices=", ".join(here))
    return device


def _count() -> int:
    import torch

    return torch.cuda.device_count()
