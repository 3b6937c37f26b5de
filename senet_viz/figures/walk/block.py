"""What the stage shows of one attention block: every number of it, packed for the browser in one run of bytes.

The browser draws all steps from this one object and asks for nothing more (``assets/components/stage/``).
"""

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from senet_viz import i18n
from senet_viz.drawing import atlas, palette

PIXELS = 110_000  # that all maps together may have; larger ones are averaged down by area
WORDS = "stage."  # what the keys of its texts begin with
STRIP = 24  # gates that stand for a block in the network's ribbon


@dataclass(frozen=True, eq=False)
class Stage:
    """A stage holds one block on one photo; what the block has not is empty.

    Args:
        maps: (M, C, h, w) U, one set of maps a branch.
        z: (C,) the squeeze. hidden: (C/r,) after the activation. logit, gate: (M, C).
        w1: (C/r, C) reduce layer. w2: (M*C, C/r or C) expand layer. b2: (M*C,) its bias.
        gates: (C_k,) of every block of the network, in the order of ``head["blocks"]``.
        photo: what the network sees, as PNG.
        head: all that is no array: names, words, colours, class scores.
    """

    maps: np.ndarray
    z: np.ndarray
    hidden: np.ndarray
    logit: np.ndarray
    gate: np.ndarray
    w1: np.ndarray
    w2: np.ndarray
    b2: np.ndarray
    gates: Sequence[np.ndarray]
    photo: bytes
    head: Mapping[str, Any]

    def payload(self) -> bytes:
        """Return everything in one run of bytes, as the component reads it.

        First the length of the head (uint32), then the head as JSON, filled up with spaces to a multiple of four; then
        the arrays, each at the offset and of the length in bytes that ``head["parts"]`` says, little-endian. Numbers
        are float32. Maps are 8 bits of each map's own range, packed by zlib.
        """
        m, c, h, w = self.maps.shape
        small = atlas.shrunk(self.maps.reshape(m * c, h, w), PIXELS)
        low, high = small.min(axis=(1, 2)), small.max(axis=(1, 2))
        span = np.where(high > low, high - low, 1)[:, None, None]
        levels = np.rint((small - low[:, None, None]) / span * 255).astype(np.uint8)
        strips = np.stack([np.quantile(each, np.linspace(0, 1, STRIP)) for each in self.gates])
        floats = {"range": np.stack([low, high], axis=1)} | {
            name: getattr(self, name) for name in ("z", "hidden", "logit", "gate", "w1", "w2", "b2")
        }
        parts = {name: np.ascontiguousarray(values, "<f4").tobytes() for name, values in floats.items()} | {
            "maps": zlib.compress(levels.tobytes(), 6),
            "strips": np.rint(np.clip(strips, 0, 1) * 255).astype(np.uint8).tobytes(),
            "photo": self.photo,
        }
        ends = np.cumsum([0, *(len(part) + -len(part) % 4 for part in parts.values())]).tolist()
        shape = {
            "m": m, "c": c, "h": h, "w": w, "cell_h": small.shape[1], "cell_w": small.shape[2],
            "hidden": len(self.hidden),
            "parts": {name: [at, len(part)] for at, (name, part) in zip(ends, parts.items(), strict=False)},
        }  # fmt: skip
        head = json.dumps({**self.head, **shape}, ensure_ascii=False, allow_nan=False).encode()
        head += b" " * (-len(head) % 4)
        body = b"".join(part + bytes(-len(part) % 4) for part in parts.values())
        return len(head).to_bytes(4, "little") + head + body


def colours(dark: bool) -> dict[str, Any]:
    """Return the roles that the stage draws with, as ``#rrggbb``."""
    roles = {
        "ink": "ink", "muted": "muted", "grid": "grid", "pinned": "pinned", "u": "u", "z": "z", "hidden": "hidden",
        "dead": "dead", "gate": "gate", "sigmoid": "sigmoid", "hSigmoid": "h_sigmoid", "opens": "gate", "closes": "u",
    }  # fmt: skip
    named = {name: palette.role(role, dark) for name, role in roles.items()}
    return named | {
        "paper": palette.background(dark), "tint": palette.tint("pinned", dark),
        "onHidden": palette.background(dark), "branches": [palette.role(palette.branch(m), dark) for m in range(4)],
    }  # fmt: skip


def ramps() -> dict[str, list[int]]:
    """Return the colour ramps of maps and gates, (n, 3) bytes in one list."""
    return {"maps": palette.lut("activation", 129).ravel().tolist(), "gates": palette.lut("gate", 129).ravel().tolist()}


def words(lang: str) -> dict[str, Any]:
    """Return the stage's texts as they are, with the places that the browser fills; those of a step under its name."""
    flat = i18n.handed(WORDS, lang)
    steps: dict[str, dict[str, str]] = {}
    for key in [key for key in flat if key.startswith("step.")]:
        _, step, part = key.split(".")
        steps.setdefault(step, {})[part] = flat.pop(key)
    return flat | {"steps": steps}
