"""A colour stands for one kernel in every figure and strip of every page, and for nothing else."""

from __future__ import annotations

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from senet_viz import i18n
from senet_viz.drawing import palette
from senet_viz.drawing.grammar import Box, Figure, Mark, Panel
from senet_viz.drawing.renderers import slides
from senet_viz.drawing.renderers.screen import spec
from tests import drawn
from tests.test_kernel_selection_figures import BUILDS

KERNELS = {"3×3": 0, "5×5": 1, "7×7": 2}
LETTERS = {"A·h": 0, "B·h": 1}  # the paper's names of the rows of the two branches


def named(text: str) -> set[int]:
    """The branches whose kernels a text names."""
    letters = {m for name, m in LETTERS.items() if name in text}
    return {KERNELS[name] for name in re.findall(r"[357]×[357]", text) if name in KERNELS} | letters


def wrong(figure: Figure) -> list[str]:
    """Marks that name one kernel in another colour than its own, or wear a kernel's colour and name none."""
    found = []
    for panel in figure.panels:
        for mark in panel.marks:
            name, colour = getattr(mark, "name", ""), getattr(mark, "colour", "")
            kernels = named(name) or _told(panel, mark)
            if len(kernels) == 1 and name and named(name) and colour != palette.branch(*kernels):
                found.append(f"{figure.key}: {name} is {colour}")
            if colour in palette.BRANCHES and {palette.branch(m) for m in kernels} != {colour}:
                found.append(f"{figure.key}: {name or type(mark).__name__} is {colour}")
    return found


def _told(panel: Panel, mark: Mark) -> set[int]:
    """A mark without a kernel's name belongs to the kernel of its panel, the last one that its title names."""
    title = panel.title.split("×")
    sides = [f"{a[-1]}×{b[:1]}" for a, b in zip(title, title[1:], strict=False)]
    known = [KERNELS[side] for side in sides if side in KERNELS]
    return set(known[-1:])


@pytest.mark.parametrize("model", ["tiny_sk", "tiny_se"])
def test_each_kernel_has_one_colour_in_every_figure_of_every_page(model: str) -> None:
    every = drawn.figures(model)
    for each in every:
        if each.figure.key == "conv":  # one convolution: all that is filled is its own
            continue
        assert wrong(each.figure) == [], (each.page, each.lang)
    worn = {getattr(m, "colour", "") for each in every for p in each.figure.panels for m in p.marks}
    assert {palette.branch(0), palette.branch(1)} <= worn


@pytest.mark.parametrize("name", BUILDS)
def test_figures_of_selection_keep_to_it_with_any_numbers(name: str) -> None:
    assert [wrong(BUILDS[name](i18n.texts(lang))) for lang in i18n.LANGUAGES] == [[], []]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_screen_and_slide_paint_a_kernel_alike(dark: bool) -> None:
    figure = BUILDS["tug"](i18n.texts("en"))
    bars = {trace["name"]: trace["marker"]["color"] for trace in spec(figure, dark)["data"] if trace["type"] == "bar"}
    page = slides.draw(figure, dark)
    for name, m in (("3×3", 0), ("5×5", 1)):
        own = palette.role(palette.branch(m), dark)
        assert bars[name] == own
        handles, labels = page.axes[0].get_legend_handles_labels()
        face = handles[labels.index(name)].patches[0].get_facecolor()
        assert "#" + bytes(round(v * 255) for v in face[:3]).hex() == own


def pixels(url: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(url.split(",")[1]))).convert("RGB"))


def test_the_strip_has_the_colours_of_the_branches_at_its_ends() -> None:
    given = drawn.strip("tiny_sk", "kernel_selection", "tug-1-0")
    (legend,) = given["legends"]
    ramp, strip = (pixels(each["src"])[0] for each in (legend, given))
    assert legend["name"] == "a[5×5] − a[3×3]"
    ends = ["#" + bytes(ramp[at]).hex() for at in (0, -1)]
    assert ends == [palette.role(palette.branch(m)) for m in (0, 1)]  # below 0 the 3×3 leads, above it the 5×5
    strip = np.asarray(Image.open(io.BytesIO(base64.b64decode(given["src"].split(",")[1]))).convert("RGB"))[0].astype(
        int
    )
    lead = given["rows"][0]["values"][legend["name"]]
    blue = strip[:, 2] > strip[:, 0]
    assert lead.max() > 0 > lead.min()
    assert blue[-1] and not blue[0]  # the greatest lead of the 5×5 first, the 3×3's last


def test_what_is_compared_has_a_ramp_of_its_own() -> None:
    for m in (1, 2):
        ends = palette.stops(palette.against(m))
        assert (ends[0], ends[-1]) == (palette.role(palette.branch(0)), palette.role(palette.branch(m)))
    with pytest.raises(ValueError, match="a later one"):
        palette.against(0)


def test_boxes_of_kernels_wear_their_branch() -> None:
    (figure,) = {
        e.figure.key: e.figure for e in drawn.figures("tiny_sk", ("sk_anatomy",)) if e.figure.key == "sk-kernels"
    }.values()
    boxes = [m.colour for panel in figure.panels for m in panel.marks if isinstance(m, Box)]
    assert boxes == [palette.branch(0), palette.branch(1)]
