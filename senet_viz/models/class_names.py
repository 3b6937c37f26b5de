"""Names of the classes in the language of the page; English where a name is not known in it."""

import ast
import json
from collections.abc import Sequence
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from senet_viz import assets, i18n
from senet_viz.models import catalogue, weight_files
from senet_viz.models.catalogue import ModelSpec

FOLDER = assets.LABELS


@lru_cache(maxsize=8)
def _table(name: str) -> Any:
    return json.loads((FOLDER / name).read_text(encoding="utf-8"))


def names(spec: ModelSpec, lang: str = "en") -> tuple[str, ...]:
    """Return every class name, in the order of the model's outputs."""
    if spec.source != "ours":
        return _imagenet(lang)
    # An untrained network's outputs mean nothing: any fixed order will do.
    return called(weight_files.classes(spec.key) or sorted(_table("tiny.json"))[: catalogue.UNTRAINED_CLASSES], lang)


def called(wnids: Sequence[str], lang: str = "en") -> tuple[str, ...]:
    """Return the name of each of the small networks' classes, or WordNet's number itself where no name is known."""
    return _called(tuple(wnids), lang)


@lru_cache(maxsize=32)
def _called(wnids: tuple[str, ...], lang: str) -> tuple[str, ...]:
    tiny = _table("tiny.json")
    return tuple(tiny.get(wnid, {}).get(lang) or tiny.get(wnid, {}).get("en") or wnid for wnid in wnids)


@lru_cache(maxsize=8)
def _imagenet(lang: str) -> tuple[str, ...]:
    """Return the 1000 classes of ILSVRC 2012."""
    file = f"imagenet.{lang}.json"
    if lang.isalpha() and (FOLDER / file).is_file():
        return tuple(_table(file))
    return _literal("torchvision", "models/_meta.py", "_IMAGENET_CATEGORIES")


def _literal(library: str, file: str, name: str) -> tuple[str, ...]:
    """Return a list that a file of a library names, which is read and not run: importing it takes a second."""
    found = find_spec(library)
    assert found is not None and found.origin is not None  # it is required
    for node in ast.parse((Path(found.origin).parent / file).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
            return tuple(ast.literal_eval(node.value))
    raise LookupError(f"{library}/{file} has no {name}")


def wnids(spec: ModelSpec) -> tuple[str, ...]:
    """Return WordNet's number of every output, as in n01443537; () where they are not known.

    timm lists ImageNet's: the file is read, the library is not imported.
    """
    if spec.source == "ours":
        return weight_files.classes(spec.key)
    return _imagenet_wnids()


@lru_cache(maxsize=1)
def _imagenet_wnids() -> tuple[str, ...]:
    folder = assets.package("timm")
    file = folder and folder / "data" / "_info" / "imagenet_synsets.txt"
    return tuple(file.read_text(encoding="utf-8").split()) if file and file.is_file() else ()


def knows(spec: ModelSpec, shows: Sequence[str] | None) -> bool | None:
    """Return whether a class of the model is a right name for a photo; None where nobody can say.

    Args:
        shows: WordNet's numbers of what the photo shows, as ``samples.shows`` gives them; None where that is not known.
    """
    own = wnids(spec)
    return None if shows is None or not own else not set(own).isdisjoint(shows)


def count(spec: ModelSpec) -> int:
    """Return the number of classes, which is the number of outputs."""
    return len(names(spec, "zh"))  # the list that needs no torchvision


def outputs(spec: ModelSpec, folders: Sequence[str]) -> tuple[int | None, ...]:
    """Return which output each folder names; None where none does.

    A folder is called like a class in any language of the app, or by its number in WordNet (n01443537), as in ImageNet
    and its excerpts. ``_`` stands for a space, and case does not matter, unless two classes differ in nothing else
    (ImageNet's Cardigan is a dog, its cardigan is not). A name that two classes share names none.
    """
    rows = (wnids(spec), *(names(spec, lang) for lang in i18n.LANGUAGES))
    return _named(rows, tuple(folders))


@lru_cache(maxsize=32)
def _named(rows: tuple[tuple[str, ...], ...], folders: tuple[str, ...]) -> tuple[int | None, ...]:
    """Return which output each folder names, by all that the outputs are called, list after list."""
    exact: dict[str, set[int]] = {}
    loose: dict[str, set[int]] = {}
    for row in rows:
        for index, name in enumerate(row):
            exact.setdefault(_plain(name), set()).add(index)
            loose.setdefault(_plain(name).casefold(), set()).add(index)
    found: list[int | None] = []
    for folder in map(_plain, folders):
        meant = exact.get(folder) or loose.get(folder.casefold(), set())
        found.append(next(iter(meant)) if len(meant) == 1 else None)
    return tuple(found)


def _plain(name: str) -> str:
    return " ".join(name.replace("_", " ").split())
