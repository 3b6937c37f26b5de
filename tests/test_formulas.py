"""The arithmetic of convolutions is that of torch's own: weights, multiplications, and how far one output sees."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from torch import nn

from senet_viz import i18n
from senet_viz.architecture.formulas import Conv, against, thousands
from senet_viz.drawing.grammar import Bars
from senet_viz.figures.scale.convolutions import draw_conv

GRID = [(k, c, g, d) for k in (1, 3, 5, 7) for c in (64, 128) for g in (1, 32, c) for d in (1, 2, 3)]


def real(conv: Conv) -> nn.Conv2d:
    """Torch's, with every weight 1, so that no path from input to output can cancel another."""
    made = nn.Conv2d(
        conv.channels, conv.channels, conv.k, padding=conv.field // 2, dilation=conv.dilation, groups=conv.groups,
        bias=False,
    )  # fmt: skip
    nn.init.ones_(made.weight)
    return made


@pytest.mark.parametrize(("k", "c", "g", "d"), GRID)
def test_weights_and_field_are_those_of_torch(k: int, c: int, g: int, d: int) -> None:
    conv = Conv(k, c, g, d)
    layer = real(conv)
    assert conv.parameters == sum(p.numel() for p in layer.parameters())
    assert conv.per_filter == layer.weight[0].numel()
    side = 2 * conv.field + 1
    x = torch.zeros(1, c, side, side, requires_grad=True)
    layer(x)[0, c // 2, conv.field, conv.field].backward()
    assert x.grad is not None
    seen = x.grad[0] != 0  # (C, side, side)
    rows, columns = torch.nonzero(seen.any(0), as_tuple=True)
    assert int(rows.max() - rows.min()) + 1 == int(columns.max() - columns.min()) + 1 == conv.field
    start = (int(rows.min()), int(columns.min()))
    places = {(int(r) - start[0], int(q) - start[1]) for r, q in zip(rows, columns, strict=True)}
    assert places == set(conv.taps)
    assert int(seen.any(2).any(1).sum()) == conv.fan


@pytest.mark.parametrize(("k", "c", "g", "d"), [(3, 64, 32, 2), (5, 64, 1, 1), (3, 128, 128, 3)])
def test_multiplications_are_what_a_forward_adds_up(k: int, c: int, g: int, d: int) -> None:
    """Without padding, inputs and weights of 1: every output is the number of products in it."""
    conv, (h, w) = Conv(k, c, g, d), (4, 5)
    layer = real(conv)
    layer.padding = (0, 0)
    out = layer(torch.ones(1, c, h + conv.field - 1, w + conv.field - 1))
    assert out.shape[2:] == (h, w)
    assert int(out.sum()) == conv.multiplications(h, w)


def test_variants() -> None:
    conv = Conv(3, 64, 32, 2)
    assert conv.dense == Conv(3, 64, 1, 2) and conv.depthwise == Conv(3, 64, 64, 2)
    assert conv.filled == Conv(5, 64, 32, 1) and conv.filled.field == conv.field == 5
    assert conv.filled.parameters * 9 == conv.parameters * 25, "the comparison that SKNet makes"


@pytest.mark.parametrize("wrong", [(3, 64, 48, 1), (0, 64, 1, 1), (3, 64, 1, 0), (3, 64, 0, 1), (3, 64, 128, 1)])
def test_what_cannot_be_is_refused(wrong: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError, match=r"at least 1|dealt out"):
        Conv(*wrong)
    if 0 not in wrong:
        with pytest.raises(ValueError, match="divisible"):
            nn.Conv2d(wrong[1], wrong[1], wrong[0], groups=wrong[2])


def number(latex: str) -> int:
    """The result of an equation."""
    return int(latex.rpartition("=")[2].replace(r"\,", ""))


def test_formulas_come_out_right() -> None:
    for k, c, g, d in GRID:
        conv = Conv(k, c, g, d)
        found = tuple(map(number, conv.formulas(20, 14)))
        assert found == (conv.per_filter, conv.parameters, conv.parameters * 280, conv.field)
    assert thousands(1234567) == r"1\,234\,567"
    true, dilated = Conv(5, 128, 32), Conv(3, 128, 32, 2)
    assert re.findall(r"=(\d+(?:\\,\d{3})*)", against(true, dilated)) == [r"12\,800", r"4\,608"]


@pytest.mark.parametrize("lang", i18n.LANGUAGES)
@pytest.mark.parametrize("conv", [Conv(3, 128, 32, 2), Conv(7, 256, 256, 3), Conv(3, 64, 1, 1), Conv(5, 64, 64)])
def test_the_drawing_has_every_weight(conv: Conv, lang: str) -> None:
    figure = draw_conv(conv, i18n.texts(lang))
    taps, groups, bars = figure.panels
    drawn = [mark for mark in taps.marks if isinstance(mark, Bars)]
    assert [len(mark.x) for mark in drawn] == [n for n in (conv.field**2 - conv.k**2, conv.k**2) if n]
    cells = {(round(y), round(x)) for x, y in zip(drawn[-1].x, drawn[-1].bases + drawn[-1].y / 2, strict=True)}
    assert cells == set(conv.taps)

    (blocks,) = (mark for mark in groups.marks if isinstance(mark, Bars))
    area = float((np.asarray(blocks.y) * blocks.widths(blocks.x)).sum())
    assert area * conv.k**2 == pytest.approx(conv.parameters), "the filled part of the C x C square times k^2"

    lengths = sorted(v for mark in bars.marks if isinstance(mark, Bars) for v in mark.lengths)
    assert lengths == sorted(float(str(row[-1])) for row in figure.table.rows)
    assert figure.table.rows[0][1:] == (
        conv.k, conv.channels, conv.groups, conv.dilation, conv.field, conv.per_filter, conv.parameters,
    )  # fmt: skip
    assert len({(row[1], row[3]) for row in figure.table.rows}) == len(figure.table.rows), "no one twice"
    assert figure.alt and f"{conv.parameters:,}" in figure.title
