"""A stack of edits is its text, and a click adds or takes back one channel."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from senet_viz.tap import edit_list
from senet_viz.tap.edits import LONGEST
from senet_viz.types import BlockTrace, Edit

A, B = "layer1.0.se", "layer4.1.se"


def test_a_text_is_its_edits_and_back() -> None:
    edits = (Edit(A, "mute", (17, 42)), Edit(B, "ones"), Edit(B, "photo", source="coffee"), Edit(A, "scale", (3,), 0.5))
    assert edit_list.read(edit_list.written(edits)) == (edits, ())
    assert edit_list.written(()) == "" and edit_list.read("") == ((), ()) and edit_list.read(" ; ;") == ((), ())


def test_what_is_no_edit_is_told_and_the_rest_is_kept() -> None:
    found, refused = edit_list.read(f"{A}:mute:1;nonsense;{B}:explode;{B}:scale:1;{'x' * 500};{B}:ones")
    assert found == (Edit(A, "mute", (1,)), Edit(B, "ones"))
    assert refused == ("nonsense", f"{B}:explode", f"{B}:scale:1", "x" * 80)


def test_a_text_without_end_is_bounded() -> None:
    found, refused = edit_list.read(";".join(f"{A}:mute:{k}" for k in range(10_000)))
    assert len(found) == edit_list.MOST and len(refused) < LONGEST / 10
    assert found[0] == Edit(A, "mute", (0,)) and refused[0] == f"{A}:mute:{edit_list.MOST}"


def test_clicks_add_up_and_a_second_click_takes_back() -> None:
    once = edit_list.toggled((), A, "mute", 7)
    twice = edit_list.toggled(once, A, "mute", 2)
    assert once == (Edit(A, "mute", (7,)),) and twice == (Edit(A, "mute", (2, 7)),)
    assert edit_list.toggled(twice, A, "mute", 7) == (Edit(A, "mute", (2,)),)
    assert edit_list.toggled(once, A, "mute", 7) == ()
    other = edit_list.toggled(edit_list.toggled(twice, B, "mute", 2), A, "scale", 2, 0.5)
    assert other == (*twice, Edit(B, "mute", (2,)), Edit(A, "scale", (2,), 0.5))
    assert edit_list.toggled(other, A, "scale", 3, 0.25) == (*other, Edit(A, "scale", (3,), 0.25))


def test_a_click_leaves_a_change_of_the_whole_block_alone() -> None:
    whole = (Edit(A, "mute"),)
    assert edit_list.toggled(whole, A, "mute", 7) == (*whole, Edit(A, "mute", (7,)))


def test_the_same_change_of_a_whole_block_takes_the_place_of_the_old() -> None:
    old = (Edit(A, "threshold", (), 0.2), Edit(A, "mute", (1,)), Edit(B, "threshold", (), 0.2))
    new = edit_list.put(old, Edit(A, "threshold", (), 0.4))
    assert new == (old[1], old[2], Edit(A, "threshold", (), 0.4))
    assert edit_list.put(new, Edit(A, "mute"))[:-1] == new, "single channels are another matter"
    assert edit_list.without(new, new[1]) == (new[0], new[2]) and edit_list.without(new[:1], new[1]) == new[:1]


@pytest.mark.parametrize(
    ("edit", "fits"),
    [
        (Edit(A, "mute", (0, 63)), True),
        (Edit(A, "mute", (64,)), False),
        (Edit(A, "ones"), True),
        (Edit(A, "branch", (), 1.0), True),
        (Edit(A, "branch", (), 2.0), False),
        (Edit(A, "branch", (), -1.0), False),
        (Edit(A, "dead"), False),
    ],
)
def test_what_a_block_has(edit: Edit, fits: bool) -> None:
    bare = BlockTrace(A, "sk", None, None, None, None, None, torch.zeros(2, 64))
    assert edit_list.fits(edit, bare) == fits
    assert edit_list.fits(Edit(A, "dead"), replace(bare, hidden=torch.zeros(8), gate=torch.zeros(1, 64)))
