"""How text is set: numbers as words, how wide a line is and where it breaks, and the sizes that all renderers share.

Lengths are px on screen; on a slide the same numbers are points.
"""

import unicodedata
from collections.abc import Iterator
from functools import lru_cache

SIZE, SMALL, HEADING = 16, 15, 18  # text, tick labels and legends, panel titles
BOLD = 1.1  # how much wider bold runs
LINE, ITEM = 25, 28  # height of a line of legend or heading, of a name in a legend of several lines
BAR_GAP = 20  # between panels and a standing bar
FRAME, HALO = 3, 6  # width of the outline around what is pinned, and of the page's colour behind it
LEAST = 96  # no panel is lower, unless the page cannot grow


def number(value: float, digits: int = 3) -> str:
    """Return a number for a label: significant digits, a true minus sign, no needless zeros."""
    if value == round(value) and abs(value) < 1e5:
        text = f"{value:.0f}"
    elif 1e-3 <= abs(value) < 1e5:
        text = f"{value:.{digits}g}" if abs(value) < 10**digits else f"{value:.0f}"
    else:
        mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
        text = f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"
    return "0" if text == "-0" else text.replace("-", "\u2212")


@lru_cache(maxsize=4096)
def ems(text: str) -> float:
    """Return the rough width of a line of text in units of its font size; errs on the wide side."""
    return sum(1.0 if _wide(c) else 0.3 if c in " .,:;'|!()[]ijlt" else 0.68 if c.isupper() else 0.52 for c in text)


def short(text: str, width: float = 13) -> str:
    """Return the text, cut to ``width`` ems: class names of data sets can be sentences."""
    if ems(text) <= width:
        return text
    while ems(text) > width - 1:
        text = text[:-1]
    return f"{text.rstrip(' ,')}\u2026"


def wrap(text: str, width: float) -> list[str]:
    """Return lines of at most ``width`` ems, broken between words and between Chinese characters."""
    if "\n" not in text and ems(text) <= width:
        return [text.strip()]
    lines: list[str] = []
    for paragraph in text.split("\n"):
        line = ""
        for piece in _pieces(paragraph):
            # a closing mark never starts a line: it may stick out instead
            if line.strip() and ems((line + piece).rstrip()) > width and piece not in _CLOSING:
                lines.append(line.rstrip())
                line = ""
            line += piece if line else piece.lstrip()
        lines.append(line.rstrip())
    return lines


_CLOSING = frozenset("\uff0c\u3002\u3001\uff1b\uff1a\uff09\uff01\uff1f\u300b\u201d\u2019")


def _wide(char: str) -> bool:
    return unicodedata.east_asian_width(char) in "WF"


def _pieces(text: str) -> Iterator[str]:
    word = ""
    for char in text:
        if _wide(char) or char in _CLOSING:
            yield from (word, char) if word else (char,)
            word = ""
        elif char == " ":
            yield word + char
            word = ""
        else:
            word += char
    if word:
        yield word


def apart(heights: list[float], least: float) -> list[float]:
    """Return the heights of labels moved apart until neighbours are ``least`` apart, in their order."""
    order = sorted(range(len(heights)), key=heights.__getitem__)
    moved = [heights[i] for i in order]
    for _ in range(60):
        for a in range(len(moved) - 1):
            short = least - (moved[a + 1] - moved[a])
            if short > 1e-9:
                moved[a] -= short / 2
                moved[a + 1] += short / 2
    placed = dict(zip(order, moved, strict=True))
    return [placed[i] for i in range(len(heights))]
