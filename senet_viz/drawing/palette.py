"""Colours and their scales: one family per quantity, the same on screen and on a slide, safe for red-green blindness.

Roles are single colours for lines and bars, with a light and a dark variant; palettes are colour ramps for scales and
are the same on both backgrounds, so that a colour keeps its value. Roles follow Okabe and Ito's "Color Universal
Design"; ramps are Cynthia Brewer's (ColorBrewer 2.0): RdBu, PRGn and BrBG diverging, YlOrBr and BuGn sequential.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Self

import numpy as np

BACKGROUND = ("#ffffff", "#0e1117")  # light, dark

# role: (on light, on dark); at least 3:1 against its background, text roles at least 4.5:1
ROLES: dict[str, tuple[str, str]] = {
    "ink": ("#1b1f24", "#e6edf3"),  # text
    "muted": ("#57606a", "#9aa7b5"),  # axes, rules, notes
    "on_light": ("#1b1f24", "#1b1f24"),  # text on light colours of a ramp, whatever the page
    "on_dark": ("#ffffff", "#ffffff"),  # text on dark ones
    "grid": ("#e3e7eb", "#262c36"),  # the one role that may fade into the background
    "pinned": ("#a8005c", "#ff4fb8"),  # the channel that is followed everywhere
    "u": ("#0072b2", "#56b4e9"),
    "z": ("#009b7d", "#3fe0b4"),
    "pre": ("#7a6a4f", "#cdb98f"),
    "hidden": ("#a86400", "#f0b429"),
    "dead": ("#868e96", "#717b87"),
    "logit": ("#6f42a0", "#b79ced"),
    "sigmoid": ("#d55e00", "#ff8f4f"),
    "h_sigmoid": ("#0072b2", "#56b4e9"),
    "gate": ("#d55e00", "#ff8f4f"),
    "branch0": ("#2a5db0", "#6cb0ff"),
    "branch1": ("#d06a00", "#ffb054"),
    "branch2": ("#007f5f", "#4fd6a8"),
    "first": ("#00788a", "#4cc9dc"),  # two things side by side that are neither quantities nor kernels
    "second": ("#8f7000", "#e0c341"),
}
BRANCHES = ("branch0", "branch1", "branch2")  # of kernels alone, the smallest first; nothing else wears them

KERNELS = tuple(f"{BRANCHES[0]}-{large}" for large in BRANCHES[1:])
DIVERGING = ("activation", "weight", "difference", *KERNELS)
_STOPS: dict[str, str] = {
    "activation": "053061 2166ac 4393c3 92c5de d1e5f0 f7f7f7 fddbc7 f4a582 d6604d b2182b 67001f",
    "weight": "40004b 762a83 9970ab c2a5cf e7d4e8 f7f7f7 d9f0d3 a6dba0 5aae61 1b7837 00441b",
    "difference": "543005 8c510a bf812d dfc27d f6e8c3 f5f5f5 c7eae5 80cdc1 35978f 01665e 003c30",
    "gate": "ffffe5 fff7bc fee391 fec44f fe9929 ec7014 cc4c02 993404 662506",
    "squeeze": "f7fcfd e5f5f9 ccece6 99d8c9 66c2a4 41ae76 238b45 006d2c 00441b",
    # what one kernel has more than another, in the colours of the two
    **{name: " ".join(ROLES[end][0][1:] for end in name.split("-")).replace(" ", " f5f5f5 ") for name in KERNELS},
}


def branch(m: int) -> str:
    """Return the role that stands for the kernel of branch m in every figure; branches past the third share one."""
    return BRANCHES[min(m, len(BRANCHES) - 1)]


def against(m: int) -> str:
    """Return the palette for a[m] - a[0], from the colour of branch 0 to that of branch m.

    Raises:
        ValueError: m is 0 or less.
    """
    if m < 1:
        raise ValueError(f"branch 0 is compared with a later one; got {m}")
    return f"{BRANCHES[0]}-{branch(m)}"


def role(name: str, dark: bool = False) -> str:
    """Return the colour of a role as ``#rrggbb``.

    Raises:
        ValueError: no such role.
    """
    if name not in ROLES:
        raise ValueError(f"colour must be one of {', '.join(ROLES)}; got {name!r}")
    return ROLES[name][dark]


def tint(name: str, dark: bool = False) -> str:
    """Return a pale shade of a role as ``#rrggbb``; ink on it is as easy to read as on the page.

    Raises:
        ValueError: no such role.
    """
    mixed = (
        round(0.2 * int(a, 16) + 0.8 * int(b, 16))
        for a, b in ((role(name, dark)[i : i + 2], background(dark)[i : i + 2]) for i in (1, 3, 5))
    )
    return "#" + "".join(f"{part:02x}" for part in mixed)


def background(dark: bool = False) -> str:
    """Return the colour of the page as ``#rrggbb``."""
    return BACKGROUND[dark]


def stops(palette: str) -> tuple[str, ...]:
    """Return evenly spaced colours of a ramp as ``#rrggbb``, lowest value first; between them sRGB is interpolated.

    Raises:
        ValueError: no such palette.
    """
    if palette not in _STOPS:
        raise ValueError(f"palette must be one of {', '.join(_STOPS)}; got {palette!r}")
    return tuple(f"#{colour}" for colour in _STOPS[palette].split())


@lru_cache(maxsize=32)
def lut(palette: str, levels: int = 256) -> np.ndarray:
    """Return ``levels`` colours of a ramp, both ends included: (levels, 3) uint8, read-only."""
    ramp = np.array([[int(stop[i : i + 2], 16) for i in (1, 3, 5)] for stop in stops(palette)], dtype=float)
    at = np.linspace(0, len(ramp) - 1, levels)
    table = np.stack([np.interp(at, np.arange(len(ramp)), ramp[:, i]) for i in range(3)], axis=1)
    table = np.rint(table).astype(np.uint8)
    table.setflags(write=False)
    return table


@dataclass(frozen=True)
class Scale:
    """A scale says what colours mean: ``low`` to ``high`` along the ramp ``palette``. Equal scales share a colour bar.

    ``marks`` are values that the colour bar labels besides its ends (and 0, where the ramp diverges).

    Raises:
        ValueError: an unknown palette, or ends that are not finite and ordered.
    """

    name: str
    low: float
    high: float
    palette: str
    marks: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        stops(self.palette)
        if not (np.isfinite(self.low) and np.isfinite(self.high) and self.low < self.high):
            raise ValueError(f"scale {self.name!r}: low must be below high; got {self.low} and {self.high}")

    @classmethod
    def around_zero(cls, name: str, values: object, palette: str = "activation") -> Self:
        """Return a scale that is symmetric around 0 and as wide as ``values`` need; -1 to 1 where all of them are 0."""
        reach = float(np.max(np.abs(_finite(values)), initial=0.0)) or 1.0
        return cls(name, -reach, reach, palette)

    @classmethod
    def gate(cls, name: str) -> Self:
        """Return the scale of gates: 0 to 1, with 0.5 (a gate that knows nothing) and 1 (no change) marked."""
        return cls(name, 0.0, 1.0, "gate", (0.5, 1.0))

    @classmethod
    def span(cls, name: str, values: object, palette: str = "squeeze") -> Self:
        """Return a scale from the least to the greatest of ``values``; half a unit each way where all are equal."""
        finite = _finite(values)
        low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
        return cls(name, low, high, palette) if low < high else cls(name, low - 0.5, high + 0.5, palette)

    def paint(self, values: np.ndarray) -> np.ndarray:
        """Return the colours of numbers, (...) -> (..., 3) uint8.

        Numbers beyond the ends take the colours of the ends; what is not a number becomes mid-grey.
        """
        share = (np.asarray(values, dtype=float) - self.low) / (self.high - self.low)
        rgb = lut(self.palette)[np.rint(np.clip(np.nan_to_num(share), 0, 1) * 255).astype(np.uint8)]
        return np.where(np.isnan(share)[..., None], np.uint8(128), rgb)

    @property
    def ticks(self) -> tuple[float, ...]:
        """Return the values that the colour bar labels: both ends, then marks (and 0) that crowd no other label."""
        kept = [self.low, self.high]
        for value in (*((0.0,) if self.palette in DIVERGING else ()), *self.marks):
            if self.low < value < self.high and min(abs(value - k) for k in kept) > 0.12 * (self.high - self.low):
                kept.append(value)
        return tuple(sorted(kept))


def _finite(values: object) -> np.ndarray:
    array = np.asarray(values, dtype=float)
    return array[np.isfinite(array)]
