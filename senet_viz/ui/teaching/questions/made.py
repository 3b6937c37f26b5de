"""How a question is put together: its words in the reader's language, and where among its options the right one is."""

from collections.abc import Mapping, Sequence
from typing import Literal
from zlib import crc32

from senet_viz.drawing import text
from senet_viz.lessons.question import Question
from senet_viz.ui.scene import Scene

LONGEST = 18  # ems of a class name: those of data sets can be sentences
APART = 0.2  # of all: counts that lie nearer together than this are no two options
Order = Literal["turned", "flipped", "kept"]


def made(
    view: Scene,
    name: str,
    options: Sequence[str],
    right: int,
    numbers: Mapping[str, object],
    order: Order = "turned",
    asked: str = "",
    why: str = "",
) -> Question:
    """Return a question; the place of its right option follows from the scene, in every language alike.

    Args:
        options: their texts; ``options[right]`` is true.
        numbers: what its words ask for.
        order: ``"turned"`` begins anywhere in ``options``; ``"flipped"``, for those on a scale, at one of its ends;
            ``"kept"`` leaves those whose order says nothing of which is right.
        asked, why: the keys of its words, where they are not ``name`` and ``name.why``.
    """
    places = list(range(len(options)))
    seed = crc32(f"{name}|{view.spec.key}|{view.weights}|{view.name}|{view.picture.key}".encode())
    if order == "turned":
        first = seed % len(places)
        places = places[first:] + places[:first]
    elif order == "flipped" and seed % 2:
        places.reverse()
    t = view.t
    said = t(f"ask.{asked or name}", **numbers), t(f"ask.{why or name + '.why'}", **numbers)
    return Question(name, said[0], tuple(options[i] for i in places), places.index(right), said[1])


def counted(
    view: Scene,
    name: str,
    right: int,
    total: int,
    numbers: Mapping[str, object],
    beliefs: Sequence[int],
    why: str = "",
) -> Question:
    """Return a question about how many of ``total`` there are.

    Args:
        beliefs: wrong answers that people give; one that is nearly right is left out.
    """
    options, far = [right], max(1.0, APART * total)
    others = [right + round(part * total) for part in (0.3, -0.3, 0.55, -0.55, 0.8, -0.8)]
    for value in (*beliefs, *others):
        if 0 <= value <= total and len(options) < 4 and all(abs(value - each) >= far for each in options):
            options.append(value)
    options.sort()
    words = [str(value) for value in options]
    return made(view, name, words, options.index(right), {**numbers, "k": right, "n": total}, "flipped", why=why)


def apart(values: Sequence[float]) -> list[float]:
    """Return the first of these numbers and those of the others that are no near tie with one before them.

    Two that are not lie at least a tenth of the larger apart, and read differently.
    """
    kept: list[float] = []
    for value in values:
        far = all(abs(value - each) >= max(abs(value), abs(each)) / 10 for each in kept)
        if far and text.number(value) not in map(text.number, kept):
            kept.append(value)
    return kept


def called(view: Scene, index: int) -> str:
    """Return the name of a class, cut where it is a sentence."""
    return text.short(view.seen.classes[index], LONGEST)
