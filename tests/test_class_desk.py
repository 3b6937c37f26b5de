"""The teacher's desk: the question that a page predicts, in every language, one after the other."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
import segno

from senet_viz import i18n
from senet_viz.ui.teaching import desk, questions
from tests import places
from tests.test_questions import scene


@pytest.mark.parametrize("page", places.PAGES)
def test_a_page_with_questions_has_them_one_after_the_other_and_begins_again(page: str) -> None:
    key = places.model(page)
    view = scene(key, "pretrained", "chelsea", 5)
    names = [name for name in questions.PAGES.get(page, ()) if questions.ask(name, view)]
    asked, after = [], ""
    for _ in range(len(names) + 1):
        found = desk.question(page if page != places.FIRST else "", after, view)
        assert (found is None) == (not names), "a page that has none says so"
        if found is None:
            return
        after, words, right = found
        asked.append(after)
        assert words.keys() == i18n.LANGUAGES.keys()
        for lang, said in words.items():
            own = questions.ask(after, scene(key, "pretrained", "chelsea", 5, lang))
            assert own and (own.text, list(own.options), own.why, own.right) == (*said.values(), right)
    assert asked == [*names, names[0]]


def test_the_first_page_has_a_question_and_an_unknown_page_none() -> None:
    view = scene("tiny_se", "pretrained", "chelsea", 5)
    assert desk.question("", "", view) is not None
    assert desk.question("lessons", "", view) is None
    assert desk.question("nowhere", "", view) is None


def test_the_code_for_phones_is_dark_on_nothing_and_holds_the_address() -> None:
    text = "http://teacher.local:8501/?class=K7QF2"
    svg = ElementTree.fromstring(desk.qr(text))
    side = segno.make(text, micro=False).symbol_size(border=3)[0]
    assert svg.attrib["viewBox"] == f"0 0 {side} {side}"
    assert [each.tag.rpartition("}")[2] for each in svg] == ["path"] and text not in desk.qr(text)
