"""Which devices there are, and which of them a model runs on."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from senet_viz.errors import DeviceUnavailable

if TYPE_CHECKING:
    pass


# --- devices ------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def devices() -> tuple[str, ...]:
    """``"cpu"`` and whichever of ``"cuda"`` and ``"mps"`` really computes here: listed is not enough."""
    import torch

    found = ["cpu"]
    for name, listed in (("cuda", torch.cuda.is_available), ("mps", torch.backends.mps.is_available)):
        try:
            if listed():
                (torch.ones(1, device=name) + 1).cpu()
                found.append(name)
        except (RuntimeError, AssertionError):  # a driver that is too old, a device in use, a build without it
            continue
    return tuple(found)


def resolve(device: str = "auto") -> str:
    """``"auto"`` becomes the fastest device there is; any other name is checked. ``"cuda:1"`` is a name too.

    Raises:
        DeviceUnavailable: that device cannot be used here.
    """
    import torch

    here = devices()
    if device == "auto":
        return next(name for name in ("cuda", "mps", "cpu") if name in here)
    kind, _, index = device.partition(":")
    numbered = kind == "cuda" and index.isdecimal()
    if kind not in here or (":" in device and not (numbered and int(index) < torch.cuda.device_count())):
        raise DeviceUnavailable(f"{device!r} is not here", device=device, devices=", ".join(here))
    return device
