"""Texts: the same keys and placeholders in every language, every key that code asks for, and no other."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from string import Formatter

import pytest

from senet_viz import assets, errors, i18n
from senet_viz.errors import ImageRejected, SenetVizError
from senet_viz.figures.walk import block
from senet_viz.models import catalogue
from senet_viz.photos import reading, samples
from senet_viz.ui.teaching import guide

ROOT = Path(__file__).resolve().parents[1]
SOURCES = [ROOT / "app.py", *sorted(ROOT.glob("pages/**/*.py")), *sorted(ROOT.glob("senet_viz/**/*.py"))]
ENGLISH = i18n.table("en")
OTHERS = [lang for lang in i18n.LANGUAGES if lang != "en"]
CHINESE = re.compile(r"[\u4e00-\u9fff]")
LATIN = frozenset(
    {"model.fetched"}
    | {key for key, text in ENGLISH.items() if not re.search(r"[A-Za-z]{3}", re.sub(r"{\w+}", "", text))}
)


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


@dataclass(frozen=True)
class Call:
    """``t(key, **values)`` in the code; ``pattern`` matches every key it may ask for."""

    place: str
    pattern: str
    exact: bool
    values: frozenset[str] | None  # None where ``**something`` hides them


def _patterns(node: ast.expr) -> Iterator[tuple[str, bool]]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield re.escape(node.value), True
    elif isinstance(node, ast.JoinedStr):
        parts = (re.escape(str(p.value)) if isinstance(p, ast.Constant) else r"[\w.]+" for p in node.values)
        yield "".join(parts), False
    elif isinstance(node, ast.IfExp):
        yield from _patterns(node.body)
        yield from _patterns(node.orelse)


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


@cache
def calls() -> list[Call]:
    """Every call of ``t``, ``i18n.text`` and ``i18n.has``."""
    found = []
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            named = _name(node.func)
            if named == "worded" and isinstance(node.args[1], ast.Constant):  # t, what their keys begin with, and whose
                pattern = re.escape(str(node.args[1].value)) + r"\.[\w.]+"
                found.append(Call(f"{path.relative_to(ROOT)}:{node.lineno}", pattern, False, frozenset()))
                continue
            if named not in ("t", "text", "has") or (named != "t" and not isinstance(node.func, ast.Attribute)):
                continue
            if named != "t" and _name(node.func.value) != "i18n":  # type: ignore[attr-defined]
                continue
            hidden = any(keyword.arg is None for keyword in node.keywords)
            values = None if hidden or named == "has" else frozenset(str(k.arg) for k in node.keywords)
            place = f"{path.relative_to(ROOT)}:{node.lineno}"
            found += [Call(place, pattern, exact, values) for pattern, exact in _patterns(node.args[0])]
    return found


@cache
def asked(pattern: str) -> frozenset[str]:
    """Return the keys that a call may ask for."""
    whole = re.compile(pattern)
    return frozenset(key for key in ENGLISH if whole.fullmatch(key))


def spoken() -> set[str]:
    """Keys that occur in the code in any way: asked for, or as a value that is asked for later (``t(label)``)."""
    words: set[str] = set()
    for path in SOURCES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        words |= {n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)}
    rows = {row.note_key for row in catalogue.MODELS} | {sample.title for sample in samples.SAMPLES}
    browser = {key for key in ENGLISH if key.startswith((block.WORDS, guide.WORDS))}  # handed on as they are
    return words | rows | browser | {key for call in calls() for key in asked(call.pattern)}


def kinds(base: type[SenetVizError] = SenetVizError) -> list[type[SenetVizError]]:
    return [each for sub in base.__subclasses__() for each in (sub, *kinds(sub))]


def test_the_scan_sees_the_code() -> None:
    """Else the tests below would pass with nothing looked at."""
    exact = {call.pattern for call in calls() if call.exact}
    assert re.escape("walk.squeeze.title") in exact and re.escape("error.unexpected") in exact
    assert any(not call.exact for call in calls()) and len(exact) > 50
    assert not any(re.fullmatch(call.pattern, "no.such.key") for call in calls())


def test_files_are_the_languages() -> None:
    assert {path.stem for path in assets.TEXTS.glob("*.json")} == set(i18n.LANGUAGES)
    assert i18n.DEFAULT in i18n.LANGUAGES


@pytest.mark.parametrize("lang", i18n.LANGUAGES)
def test_no_key_twice(lang: str) -> None:
    pairs: list[tuple[str, str]] = []
    json.loads((assets.TEXTS / f"{lang}.json").read_text(encoding="utf-8"), object_pairs_hook=pairs.extend)
    keys = [key for key, _ in pairs]
    assert sorted({key for key in keys if keys.count(key) > 1}) == []


@pytest.mark.parametrize("lang", OTHERS)
def test_same_keys_in_the_same_order(lang: str) -> None:
    assert set(i18n.table(lang)) ^ set(ENGLISH) == set()
    assert list(i18n.table(lang)) == list(ENGLISH)


@pytest.mark.parametrize("lang", OTHERS)
def test_same_placeholders(lang: str) -> None:
    theirs = i18n.table(lang)
    differ = {
        key: (ENGLISH[key], theirs[key]) for key in ENGLISH if placeholders(ENGLISH[key]) != placeholders(theirs[key])
    }
    assert differ == {}


@pytest.mark.parametrize("lang", i18n.LANGUAGES)
def test_no_text_is_empty(lang: str) -> None:
    assert [key for key, text in i18n.table(lang).items() if not text.strip() or text != text.strip()] == []


@pytest.mark.parametrize("lang", i18n.LANGUAGES)
def test_placeholders_have_names(lang: str) -> None:
    bad = [key for key, text in i18n.table(lang).items() if not all(map(str.isidentifier, placeholders(text)))]
    assert bad == []


def test_chinese_is_chinese() -> None:
    table = i18n.table("zh")
    assert [key for key, text in table.items() if key not in LATIN and not CHINESE.search(text)] == []
    assert [key for key, text in ENGLISH.items() if CHINESE.search(text)] == []


def test_every_key_that_is_asked_for_exists() -> None:
    assert [f"{call.place}: {call.pattern}" for call in calls() if not asked(call.pattern)] == []


def test_every_placeholder_gets_its_value() -> None:
    gaps = {
        f"{call.place}: {key}": placeholders(ENGLISH[key]) - call.values
        for call in calls()
        if call.exact and call.values is not None
        for key in asked(call.pattern)
    }
    assert {where: gap for where, gap in gaps.items() if gap} == {}


def test_no_key_is_unused() -> None:
    assert sorted(set(ENGLISH) - spoken()) == []


@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.__name__)
def test_every_error_has_a_sentence(kind: type[SenetVizError]) -> None:
    codes = [f"image.{reason}" for reason in reading.REASONS] if issubclass(kind, ImageRejected) else [kind.code]
    assert SenetVizError.code not in codes, "an error that is named has a sentence of its own"
    for code in codes:
        assert f"error.{code}" in ENGLISH


def test_every_error_of_ours_was_looked_at() -> None:
    named = [v for v in vars(errors).values() if isinstance(v, type) and issubclass(v, SenetVizError)]
    assert set(named) == {SenetVizError, *kinds()}


def test_every_model_has_a_note_and_every_sample_a_title() -> None:
    assert [
        row.key for row in catalogue.MODELS if row.note_key not in ENGLISH or row.note != ENGLISH[row.note_key]
    ] == []
    assert [sample.key for sample in samples.SAMPLES if sample.title not in ENGLISH] == []


@pytest.mark.parametrize("row", catalogue.MODELS, ids=lambda row: row.key)
def test_every_position_has_a_sentence(row: catalogue.ModelSpec) -> None:
    assert row.title in i18n.text(f"position.{row.position}", "en", model=row.title)


@pytest.mark.parametrize(
    ("locale", "lang"),
    [("zh-CN", "zh"), ("ZH", "zh"), ("zh-Hant-TW", "zh"), ("en-GB", "en"), ("de-DE", "en"), ("", "en"), (None, "en")],
)
def test_preferred(locale: str | None, lang: str) -> None:
    assert i18n.preferred(locale) == lang


def test_texts_are_filled() -> None:
    t = i18n.texts("zh")
    assert t("device.used", device="cpu") == i18n.table("zh")["device.used"].replace("{device}", "cpu")
    with pytest.raises(KeyError):
        t("device.used")
    with pytest.raises(KeyError):
        t("no.such.key")
    with pytest.raises(KeyError):
        i18n.table("xx")
    assert i18n.has("device.used", "en") and not i18n.has("no.such.key", "en")


@pytest.mark.parametrize("lang", i18n.LANGUAGES)
def test_bold_words_are_bold(lang: str) -> None:
    """Markdown takes ** for bold only where no letter touches it outside while a punctuation mark does inside."""
    letter, mark = r"[^\W_]", r"[^\w\s*]"
    opens, closes = re.compile(rf"{letter}\*\*{mark}"), re.compile(rf"{mark}\*\*{letter}")

    def faults(text: str) -> list[str]:
        parts = re.sub(r"\{[^{}]*\}", "x", text).split("**")
        seams = [
            (before[-1:], inner[:1], inner[-1:], after[:1])
            for before, inner, after in zip(parts[::2], parts[1::2], parts[2::2], strict=False)
        ]
        return [f"{a}**{b}…{c}**{d}" for a, b, c, d in seams if opens.match(f"{a}**{b}") or closes.match(f"{c}**{d}")]

    assert faults("看。**答案。**目前") and not faults("看。**答案**。目前") and not faults("看。**答案。** 目前")
    assert {key: found for key, text in i18n.table(lang).items() if (found := faults(text))} == {}
