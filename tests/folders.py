"""Made-up image folders: coloured noise, one colour a class, so that a network can learn them in seconds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

COLOURS = {"blue": (40, 60, 200), "green": (40, 190, 60), "red": (210, 40, 50)}


def write(directory: Path, classes: tuple[str, ...] = ("blue", "red"), each: int = 6, side: int = 64) -> Path:
    """``directory/<class>/<number>.png``, ``each`` of them, ``side`` pixels wide; returns ``directory``."""
    rng = np.random.default_rng(sum(map(ord, directory.name)))
    for name in classes:
        (directory / name).mkdir(parents=True)
        for number in range(each):
            pixels = rng.normal(COLOURS[name], 40, (side, side, 3)).clip(0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(directory / name / f"{number}.png")
    return directory


def data(root: Path, classes: tuple[str, ...] = ("blue", "red"), train: int = 8, val: int = 5, side: int = 64) -> Path:
    """``root/train`` and ``root/val``; returns ``root``."""
    write(root / "train", classes, train, side)
    write(root / "val", classes, val, side)
    return root
