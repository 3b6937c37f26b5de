"""Small files of measured numbers that are shipped: safetensors with a format in the header, read with no torch."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from senet_viz.errors import WeightsInvalid


def write(path: Path, form: str, key: str, about: Mapping[str, Any], tensors: Mapping[str, np.ndarray]) -> None:
    """Write a file of that format, ``about`` as JSON under ``key`` in its header. It is there whole or not at all."""
    from safetensors.numpy import save

    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    # what is not contiguous would be written in the order of its memory
    whole = {name: np.ascontiguousarray(value) for name, value in tensors.items()}
    part.write_bytes(save(whole, metadata={"format": form, key: json.dumps(about)}))
    part.replace(path)


@contextmanager
def reading(path: Path, form: str, key: str) -> Iterator[tuple[dict[str, Any], dict[str, np.ndarray]]]:
    """Read what the header says and every tensor, for a ``with``: whatever goes wrong in it is the file's fault.

    Raises:
        WeightsInvalid: no such file, or one that is damaged or something else.
    """
    from safetensors import safe_open

    try:
        with safe_open(path, framework="np") as file:
            meta = file.metadata() or {}
            if meta.get("format") != form:
                raise ValueError(f"format is {meta.get('format')!r}, not {form!r}")
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  not a dictionary
        yield json.loads(meta[key]), tensors
    except Exception as error:  # OSError, SafetensorError, JSON, missing keys
        raise unusable(path, error) from error


def unusable(path: Path, error: Exception) -> WeightsInvalid:
    """Return the named error of a file that failed to be read with ``error``."""
    problem = " ".join(str(error).split())[:200] or type(error).__name__
    return WeightsInvalid(f"{path.name} cannot be used: {problem}", file=path.name, problem=problem)
