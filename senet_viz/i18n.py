"""Text is data: ``assets/i18n/<language>.json`` maps keys to sentences with ``{placeholders}``."""

import json
from collections.abc import Callable
from functools import cache

from senet_viz import assets

LANGUAGES: dict[str, str] = {"en": "English", "zh": "中文"}
DEFAULT = "en"

Texts = Callable[..., str]


@cache
def table(lang: str) -> dict[str, str]:
    """Return all texts of one language.

    Raises:
        KeyError: no such language.
    """
    if lang not in LANGUAGES:
        raise KeyError(lang)
    return json.loads((assets.TEXTS / f"{lang}.json").read_text(encoding="utf-8"))


def has(key: str, lang: str) -> bool:
    """Tell whether the language has that text."""
    return key in table(lang)


def handed(start: str, lang: str) -> dict[str, str]:
    """Return all texts whose keys begin so, without that beginning, their placeholders unfilled: the browser's part."""
    return {key.removeprefix(start): text for key, text in table(lang).items() if key.startswith(start)}


def text(key: str, lang: str, **values: object) -> str:
    """Return one text, its placeholders filled.

    Raises:
        KeyError: no text of that key, or a placeholder without a value.
    """
    return table(lang)[key].format(**values)


def texts(lang: str) -> Texts:
    """Return ``text`` for one language: ``t = texts("zh"); t("walk.squeeze.title")``."""
    return lambda key, **values: text(key, lang, **values)


def tag(lang: str) -> str:
    """Return what HTML calls the language (``"zh-CN"``), so that a browser draws its letters as its readers do."""
    return {"zh": "zh-CN"}.get(lang, lang)


def preferred(locale: str | None) -> str:
    """Return the language that fits a browser's locale (``"zh-CN"``) best."""
    start = (locale or "").lower().partition("-")[0]
    return start if start in LANGUAGES else DEFAULT
