"""One word is one thing (the glossary of ``docs/notation.md``), and a page has one name everywhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from senet_viz import i18n, lessons
from tests.places import PAGES, named

ROOT = Path(__file__).resolve().parents[1]
HAN = "[\u4e00-\u9fff“”]"
READMES = {"en": "README.md", "zh": "README.zh.md"}


def glossary() -> list[tuple[dict[str, list[str]], list[str]]]:
    """Gives each row's words by language, and the words that nobody uses for it."""
    notes = (ROOT / "docs" / "notation.md").read_text(encoding="utf-8").split("## The words")[1]
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in notes.splitlines() if line.startswith("|")]
    assert cells[0] == ["English", "中文", "what it is", "never"]
    return [
        ({"en": en.split(", "), "zh": zh.split(", ")}, never.split(", ") if never else [])
        for en, zh, _, never in cells[2:]
    ]


def sentences(lang: str) -> dict[str, str]:
    """Gives the language's texts and lessons without code and placeholders, and its README's prose."""
    prose = (ROOT / READMES[lang]).read_text(encoding="utf-8")
    texts = i18n.table(lang) | {READMES[lang]: re.sub(r"```.*?```|\]\([^)]*\)", " ", prose, flags=re.DOTALL)}
    for name in lessons.names():
        lesson = lessons.lesson(name, lang)
        said = [lesson.title, *lesson.aims, *(t for s in lesson.steps for t in (s.title, s.text, s.say, s.usual))]
        texts |= {f"{name}, {at}": text for at, text in enumerate(said)}
    return {key: re.sub(r"`[^`]*`|\{\w+\}", "x", text) for key, text in texts.items()}


def misused(texts: dict[str, str], words: list[str], never: list[str]) -> dict[str, str]:
    """Gives the texts that hold a word of ``never``, other than inside one of ``words``."""

    def any_of(each: list[str]) -> re.Pattern[str]:
        return re.compile("|".join(rf"\b{re.escape(w)}" if w.isascii() else re.escape(w) for w in each), re.IGNORECASE)

    allowed, wrong = any_of(words), any_of(never)
    return {key: text for key, text in texts.items() if never and wrong.search(allowed.sub("", text))}


# --- the glossary -------------------------------------------------------------------------------------------------


def test_the_search_sees_a_wrong_word() -> None:
    texts = {"a": "z 的均值", "b": "z 的平均值", "c": "on ImageNet", "d": "the image"}
    assert set(misused(texts, ["平均", "平均值"], ["均值"])) == {"a"}
    assert set(misused(texts, ["photo", "ImageNet"], ["image"])) == {"d"}


@pytest.mark.parametrize("lang", i18n.LANGUAGES)
def test_every_word_of_the_glossary_is_used_and_no_other_for_it(lang: str) -> None:
    texts, rows = sentences(lang), glossary()
    everything = " ".join(texts.values()).lower()
    assert len(rows) > 20 and [word for words, _ in rows for word in words[lang] if word not in everything] == []
    names = ["ImageNet", "scikit-image"]
    assert [
        (word, key) for words, never in rows for word in never for key in misused(texts, words[lang] + names, [word])
    ] == []


def test_a_chinese_sentence_has_chinese_punctuation() -> None:
    """Formulas keep theirs: brackets that follow a letter, or that hold an operator."""
    half = re.compile(rf"{HAN}\**[,;:?!()]|[,;:?!()]\**{HAN}|{HAN}\.(?!\w)|[，。：；？！（）] (?![*·|])")
    formula = re.compile(r"(?<=[A-Za-zσδ])\([^()]*\)|\([^()]*[+/][^()]*\)")
    assert (
        half.search("压缩, 激励") and half.search("（压缩） 激励") and half.search("压缩.") and not half.search("a, b")
    )
    assert {key: text for key, text in sentences("zh").items() if half.search(formula.sub("x", text))} == {}


# --- the names of pages -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", i18n.LANGUAGES)
def test_menu_heading_and_readme_call_a_page_by_one_name(lang: str) -> None:
    t = i18n.texts(lang)
    readme = (ROOT / READMES[lang]).read_text(encoding="utf-8")
    names = [t(named(page, "nav")) for page in PAGES]
    assert re.findall(r"^\| \*\*(.+?)\*\* \|", readme, re.MULTILINE) == names
    for page, name in zip(PAGES, names, strict=True):
        title = t(named(page, "title"))
        rest = title.removeprefix(name)
        assert title.startswith(name) and (not rest or name[-1] in "?？" or rest[0] in ":："), title
