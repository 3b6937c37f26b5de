"""Questions and answers as bytes: a tree in JSON, and the arrays behind it as they lie in memory.

Nothing is unpickled. What is read can only become plain values, arrays, pictures, and the data classes of the rooms in
``ROOMS``, whose fields are filled in and whose code is not run. Every number arrives as it was, to the last bit.

A field that is annotated with ``Tensor`` holds a tensor where torch answers, and a numpy array where pages are drawn.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from enum import StrEnum
from functools import cache, partial
from importlib import import_module
from inspect import isfunction, unwrap
from typing import Any

import numpy as np
from PIL import Image

from senet_viz import errors
from senet_viz.errors import SenetVizError
from senet_viz.photos.preprocess import Pixels

ROOMS = re.compile(
    r"senet_viz\.(types|stats|networks\.registry|service\.questions|(tap|architecture|experiments)\.[a-z_]+)"
)
WORK = re.compile(r"senet_viz\.(architecture|experiments)\.[a-z_]+")  # modules whose public functions may be run
KINDS = "biufcU"  # of arrays: numbers, truth values and text, never objects
MODES = ("RGB", "RGBA", "L")  # of pictures
ALIGNED = 64  # bytes
PLAIN = {each.__name__: each for each in (ValueError, KeyError, TypeError, TimeoutError, RuntimeError)}


class Unreadable(ValueError):
    """Bytes that are no question and no answer, or a value that may not travel."""


@cache
def named(module: str, name: str) -> Any:
    """Return the data class of that name.

    Raises:
        Unreadable: it is none, or in no room whose data may travel.
    """
    found: Any = getattr(import_module(module), name, None) if ROOMS.fullmatch(module) else None
    ours = isinstance(found, type) and found.__module__ == module
    if ours and (is_dataclass(found) or hasattr(found, "_fields") or StrEnum in found.__mro__):
        return found
    raise Unreadable(f"{module}.{name} is no data that may travel")


@cache
def _tensors(kind: type) -> frozenset[str]:
    """Return which fields of a data class hold tensors where there is torch."""
    return frozenset(each.name for each in fields(kind) if "Tensor" in str(each.type))


# --- to bytes ---------------------------------------------------------------------------------------------------------


def packed(value: object) -> bytes:
    """Return a value as bytes.

    Raises:
        Unreadable: it is, or holds, what may not travel.
    """
    arrays: list[np.ndarray] = []
    tree = _tree(value, arrays)
    table = [(each.dtype.str, each.shape) for each in arrays]
    head = json.dumps((tree, table), separators=(",", ":")).encode()
    parts, at = [len(head).to_bytes(8, "little"), head], 8 + len(head)
    for each in arrays:
        gap = -at % ALIGNED
        parts += (bytes(gap), each.tobytes())
        at += gap + each.nbytes
    return b"".join(parts)


def _tree(value: Any, arrays: list[np.ndarray]) -> Any:
    def array(each: np.ndarray) -> int:
        if each.dtype.kind not in KINDS:
            raise Unreadable(f"an array of {each.dtype}")
        arrays.append(each)
        return len(arrays) - 1

    into = partial(_tree, arrays=arrays)
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, np.ndarray):
        return {"a": array(value)}
    if isinstance(value, np.generic):
        return {"n": array(np.asarray(value))}
    if type(value).__module__ == "torch" and hasattr(value, "detach"):
        return {"a": array(value.detach().cpu().numpy())}
    if isinstance(value, StrEnum):
        kind = named(type(value).__module__, type(value).__name__)
        return {"e": (kind.__module__, kind.__name__, str(value))}
    if isinstance(value, Pixels):
        return {"p": [into(part) for part in (value.shown, value.mean, value.std, value.key)]}
    if isinstance(value, Image.Image):
        mode = value.mode if value.mode in MODES else "RGB"
        return {"i": (mode, array(np.asarray(value if value.mode == mode else value.convert(mode))))}
    if isinstance(value, SenetVizError):
        return {"x": (type(value).__name__, [str(value)], [[k, into(v)] for k, v in vars(value).items()])}
    if isinstance(value, Exception):
        kind = next((name for name, each in PLAIN.items() if isinstance(value, each)), "RuntimeError")
        return {"x": (kind, [str(value)], [])}
    if is_dataclass(value) and not isinstance(value, type):
        kind = named(type(value).__module__, type(value).__name__)
        return {"c": (kind.__module__, kind.__name__, [into(getattr(value, each.name)) for each in fields(kind)])}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        kind = named(type(value).__module__, type(value).__name__)
        return {"c": (kind.__module__, kind.__name__, [into(each) for each in value])}
    if isinstance(value, tuple | list | frozenset):
        return {type(value).__name__[0]: [into(each) for each in value]}
    if isinstance(value, Mapping):
        return {"d": [(into(key), into(each)) for key, each in value.items()]}
    raise Unreadable(f"a {type(value).__name__} may not travel")


def called(work: Callable[..., Any]) -> tuple[str, str, tuple[Any, ...], dict[str, Any]]:
    """Return how ``run`` can be told elsewhere what to run: a function's module and name, and its arguments.

    Raises:
        Unreadable: it is no public function of a module, or a partial of one.
    """
    function, args, named_args = (work.func, work.args, work.keywords) if isinstance(work, partial) else (work, (), {})
    module, name = str(function.__module__), str(getattr(function, "__name__", ""))
    if runnable(module, name) is not function:
        raise Unreadable(f"{name or work} cannot be run elsewhere")
    return module, name, args, dict(named_args)


def runnable(module: str, name: str) -> Callable[..., Any]:
    """Return the function of that name.

    Raises:
        Unreadable: it is none, not public, or in no room whose functions may be run.
    """
    found = getattr(import_module(module), name, None) if WORK.fullmatch(module) and name[:1] != "_" else None
    if found is None or not isfunction(unwrap(found)) or found.__module__ != module:
        raise Unreadable(f"{module}.{name} cannot be run")
    made: Callable[..., Any] = found
    return made


# --- from bytes -------------------------------------------------------------------------------------------------------


def unpacked(data: bytes | bytearray | memoryview, tensors: bool = False) -> Any:
    """Return the value that was made into bytes; its arrays lie in ``data``.

    Args:
        tensors: fields that are annotated so get tensors; ``data`` has to be writable then.

    Raises:
        Unreadable: no such bytes.
    """
    view = memoryview(data)
    try:
        size = int.from_bytes(view[:8], "little")
        tree, table = json.loads(bytes(view[8 : 8 + size]))
        arrays, at = [], 8 + size
        for kind, shape in table:
            dtype = np.dtype(kind)
            if dtype.kind not in KINDS:
                raise Unreadable(f"an array of {dtype}")
            at += -at % ALIGNED
            count = int(np.prod(shape, dtype=np.int64))
            arrays.append(np.frombuffer(view, dtype, count, at if count else 0).reshape(shape))
            at += count * dtype.itemsize
        return _value(tree, arrays, tensors)
    except Unreadable:
        raise
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, ImportError, RecursionError) as error:
        raise Unreadable("these bytes are no question and no answer") from error


def _value(tree: Any, arrays: Sequence[np.ndarray], tensors: bool) -> Any:
    into = partial(_value, arrays=arrays, tensors=tensors)
    if not isinstance(tree, dict):
        if isinstance(tree, list):
            raise Unreadable("a list that does not say what it is")
        return tree
    ((kind, said),) = tree.items()
    if kind == "a":
        return arrays[said]
    if kind == "n":
        return arrays[said][()]
    if kind == "e":
        return named(said[0], said[1])(said[2])
    if kind == "p":
        return Pixels(*map(into, said))
    if kind == "i":
        if said[0] not in MODES:
            raise Unreadable(f"a picture of mode {said[0]}")
        return Image.fromarray(arrays[said[1]])
    if kind == "x":
        return _error(said[0], said[1], {name: into(value) for name, value in said[2]})
    if kind == "c":
        return _filled(named(said[0], said[1]), [into(each) for each in said[2]], tensors)
    if kind in "tlf":
        return {"t": tuple, "l": list, "f": frozenset}[kind](map(into, said))
    if kind == "d":
        return {into(key): into(each) for key, each in said}
    raise Unreadable(f"a value of kind {kind}")


def _filled(kind: Any, values: Sequence[Any], tensors: bool) -> Any:
    if hasattr(kind, "_fields"):
        return kind(*values)
    made, names = kind.__new__(kind), [each.name for each in fields(kind)]
    for name, value in zip(names, values, strict=True):
        if tensors and name in _tensors(kind) and isinstance(value, np.ndarray):
            import torch

            value = torch.from_numpy(value)
        object.__setattr__(made, name, value)
    return made


def _error(name: str, said: Sequence[str], details: Mapping[str, Any]) -> Exception:
    kind = PLAIN.get(name) or getattr(errors, name, None)
    if not (isinstance(kind, type) and issubclass(kind, Exception)):
        raise Unreadable(f"an error called {name}")
    made: Exception = kind.__new__(kind, *map(str, said))  # its own __init__ would make the message again
    vars(made).update(details)
    return made
