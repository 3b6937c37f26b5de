"""Every figure that the pages draw, as the pages make it from a real network and a real photo."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from senet_viz import i18n, ui
from senet_viz.drawing.grammar import Figure
from senet_viz.ui.elements import figures as shown
from tests.places import PAGES
from tests.test_pages import board, emptied, start


@dataclass(frozen=True, eq=False)
class Drawn:
    """One figure of one page. ``words``: which of model, block and photo its slide is to name."""

    page: str
    lang: str
    figure: Figure


@lru_cache(maxsize=8)
def figures(model: str, pages: tuple[str, ...] = PAGES, **url: object) -> tuple[Drawn, ...]:
    """All figures of these pages with the shipped weights of ``model``, in both languages."""
    found: list[Drawn] = []
    real = shown.titled

    def noted(view: Any, title: str, build: Any, *more: Any, **named: Any) -> None:
        found.extend(Drawn(page, lang, build(i18n.texts(lang))) for lang in i18n.LANGUAGES)
        real(view, title, build, *more, **named)

    shown.titled = ui.titled = noted
    try:
        with emptied():
            for page in pages:
                start(page, model=model, weights="pretrained", **url)
    finally:
        shown.titled = ui.titled = real
    return tuple(found)


def strip(model: str, page: str, key: str, **url: object) -> dict[str, Any]:
    """What a board of a page is given."""
    with emptied():
        return board(start(page, model=model, weights="pretrained", **url), key)
