"""The fonts of files: which of the installed ones can write a figure, and what to do where none can."""

import dataclasses
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from senet_viz.drawing.grammar import Figure, Table
from senet_viz.drawing.text import ems

if TYPE_CHECKING:
    from matplotlib.font_manager import FontEntry

FALLBACK = "DejaVu Sans"  # comes with matplotlib; Greek and mathematical signs
FAMILIES = (  # Latin first: Chinese fonts set some mathematical signs twice as wide
    "Source Sans 3", "Noto Sans", "Helvetica Neue", "Arial", "Liberation Sans", FALLBACK, "Noto Sans CJK SC",
    "Noto Sans SC", "Source Han Sans SC", "Source Han Sans CN", "PingFang SC", "Hiragino Sans GB",
    "Microsoft YaHei", "Heiti SC", "STHeiti", "WenQuanYi Micro Hei", "WenQuanYi Zen Hei", "SimHei",
    "Droid Sans Fallback", "Arial Unicode MS",
)  # fmt: skip


def font_for(text: str, fonts: "Sequence[FontEntry] | None" = None) -> str | None:
    """Return the first of ``FAMILIES`` that can write all of ``text``, with the help of ``FALLBACK``; None: none can.

    A family counts only if each of its faces has the characters, since regular and bold may be drawn.
    """
    from matplotlib import font_manager

    faces: dict[str, list[FontEntry]] = {}
    for face in font_manager.fontManager.ttflist if fonts is None else fonts:
        if face.style == "normal":
            faces.setdefault(face.name, []).append(face)
    needed = np.unique([ord(c) for c in text if c not in "\n\t"]).astype(np.uint32)
    for face in faces.get(FALLBACK, ()):
        needed = np.setdiff1d(needed, _charmap(face))
    for family in FAMILIES:
        if family in faces and all(np.isin(needed, _charmap(face)).all() for face in faces[family]):
            return family
    return None


def _charmap(face: "FontEntry") -> np.ndarray:
    return _read(face.fname, getattr(face, "index", 0))


@lru_cache(maxsize=64)
def _read(path: str, index: int = 0) -> np.ndarray:
    """Return the characters that a face of a font file has, as code points."""
    from matplotlib import ft2font

    # older matplotlibs know only the first face of a collection
    face = ft2font.FT2Font(path, face_index=index) if index else ft2font.FT2Font(path)
    return np.fromiter(face.get_charmap(), np.uint32)


def words(figure: Figure) -> str:
    """Return every text that a figure writes on the page, in one string."""
    found: list[str] = []

    def keep(text: str) -> str:
        found.append(text)
        return text

    _rewrite(figure, keep)
    return "".join(found)


def spelt(figure: Figure) -> tuple[Figure, bool]:
    """Return the figure with question marks for characters that ``FALLBACK`` has not, and whether there were any."""
    from matplotlib import font_manager

    known = set(_read(font_manager.findfont(FALLBACK)).tolist()) | {ord("\n")}
    changed = _rewrite(figure, lambda text: "".join(c if ord(c) in known else "?" for c in text))
    return changed, words(changed) != words(figure)


def _rewrite(thing: Any, change: Callable[[str], str]) -> Any:
    """Return a copy with every text that is written on the page changed."""
    if isinstance(thing, str):
        return change(thing)
    if isinstance(thing, np.ndarray) and thing.dtype.kind in "UO":
        return np.array([change(str(text)) for text in thing])
    if isinstance(thing, tuple | list):
        return tuple(_rewrite(part, change) for part in thing)
    if not dataclasses.is_dataclass(thing) or isinstance(thing, Table):
        return thing
    kept = {"alt", "key", "link", "colour", "palette", "axis", "anchor"}
    fields = [field.name for field in dataclasses.fields(thing) if field.name not in kept]
    return dataclasses.replace(thing, **{name: _rewrite(getattr(thing, name), change) for name in fields})  # type: ignore[type-var]


def stretch() -> float:
    """Return how much wider than reckoned the font in force writes; at least 1, since Chinese is reckoned exactly."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextToPath

    sample = "Squeeze, excite, rescale: channel 0123456789"
    width, _, _ = TextToPath().get_text_width_height_descent(sample, FontProperties(size=100), False)
    return max(1.0, width / 100 / ems(sample))
