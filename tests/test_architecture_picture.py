"""The picture of the rooms is what the imports say, and legible."""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tools import architecture

SVG = "{http://www.w3.org/2000/svg}"
MOVED = {  # a house of rooms, as small as one can be
    "senet_viz/__init__.py": "",
    "senet_viz/__main__.py": "from senet_viz import cli",
    "senet_viz/types.py": "import numpy",
    "senet_viz/networks/__init__.py": "",
    "senet_viz/networks/blocks.py": "from senet_viz.types import Edit",
    "senet_viz/tap/hooks.py": "if TYPE_CHECKING:\n    import senet_viz.networks.blocks",
    "senet_viz/tap/edits.py": "from senet_viz.tap.hooks import run\nfrom senet_viz.types import Edit",
    "senet_viz/cli/trace.py": "def main():\n    from senet_viz import tap, types",
    "pages/walk/squeeze.py": "from senet_viz.tap import run",
    "app.py": "import streamlit",
}


@pytest.fixture
def house(tmp_path: Path) -> Path:
    for name, text in MOVED.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def test_the_picture_is_what_the_imports_say() -> None:
    there = architecture.PICTURE.read_text(encoding="utf-8")
    assert there == architecture.svg(), "draw it again: python tools/architecture.py"


def test_arrows_come_from_every_kind_of_import(house: Path) -> None:
    assert architecture.arrows(house) == {
        "__main__": {"cli"},
        "types": set(),
        "networks": {"types"},
        "tap": {"networks", "types"},
        "cli": {"tap", "types"},
        "pages": {"tap"},
        "app": set(),
    }


def test_an_arrow_that_a_chain_replaces_is_left_out(house: Path) -> None:
    few = architecture.reduced(architecture.arrows(house))
    assert few["cli"] == {"tap"}
    assert few["tap"] == {"networks"}


def test_the_arrows_that_are_left_say_all_that_the_imports_say() -> None:
    direct = architecture.arrows()
    few = architecture.reduced(direct)
    assert architecture.reach(few) == architecture.reach(direct)
    for room, there in few.items():  # and no one of them can go
        for other in there:
            without = few | {room: there - {other}}
            assert other not in architecture.reach(without)[room]


def test_a_new_import_is_another_picture(house: Path) -> None:
    before = architecture.svg(house)
    (house / "app.py").write_text("from senet_viz import cli", encoding="utf-8")
    assert architecture.svg(house) != before


def test_a_circle_is_named(house: Path) -> None:
    (house / "senet_viz/types.py").write_text("from senet_viz import tap", encoding="utf-8")
    with pytest.raises(ValueError, match=r"circle: tap -> networks -> types -> tap"):
        architecture.svg(house)


def test_every_importer_stands_above_what_it_imports() -> None:
    few = architecture.reduced(architecture.arrows())
    layer = architecture.layers(few)
    assert min(layer.values()) == 0
    assert all(layer[room] > layer[other] for room, there in few.items() for other in there)


def test_every_room_is_in_the_picture_and_no_two_boxes_touch() -> None:
    root = ElementTree.fromstring(architecture.svg())
    assert sorted(text.text or "" for text in root.iter(f"{SVG}text")) == sorted(architecture.rooms())
    boxes = [
        tuple(int(box.attrib[name]) for name in ("x", "y", "width", "height"))
        for box in root.iter(f"{SVG}rect")
        if box.attrib["class"] != "ground"
    ]
    assert len(boxes) == len(architecture.rooms())
    wide, high = (int(number) for number in re.findall(r"\d+", root.attrib["viewBox"])[2:])
    for x, y, w, h in boxes:
        assert x > 0
        assert y > 0
        assert x + w < wide
        assert y + h < high
    for (x, y, w, h), (p, q, v, g) in combinations(boxes, 2):
        assert x + w < p or p + v < x or y + h < q or q + g < y
