"""Closer looks at one channel's way through an SK unit: each step, what other choices would do, what a kernel costs."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import streamlit as st

from senet_viz.architecture import formulas
from senet_viz.drawing.grammar import Figure
from senet_viz.figures.scale import convolutions as drawn
from senet_viz.figures.scale import sk_anatomy
from senet_viz.i18n import Texts
from senet_viz.tap import sk_unit
from senet_viz.types import Edit
from senet_viz.ui.elements.choices import pick, worded
from senet_viz.ui.elements.figures import figure
from senet_viz.ui.elements.frame import latex, section
from senet_viz.ui.elements.tables import counted
from senet_viz.ui.scene import Scene
from senet_viz.ui.state import asked


@dataclass(frozen=True, eq=False)
class Way:
    """The pinned channel in the SK unit on screen, or in an untrained one of ``branches`` on the same input."""

    view: Scene
    branches: int

    @property
    def own(self) -> bool:
        """Whether the unit is the network's."""
        return self.branches == len(self.view.gate)

    @cached_property
    def unit(self) -> sk_unit.Unit:
        """The unit, step by step."""
        return self.view.unit(0 if self.own else self.branches)

    @cached_property
    def c(self) -> int:
        """The pinned channel, or the last one that the unit has."""
        return min(self.view.channel, self.unit.w2.shape[1] - 1)

    @property
    def u(self) -> np.ndarray:
        """(M, H, W) the channel's map in every branch."""
        return self.unit.u[:, self.c]

    @property
    def gate(self) -> np.ndarray:
        """(M,) the channel's weights."""
        return self.unit.gate[:, self.c]

    @cached_property
    def kernels(self) -> list[str]:
        """The M kernels as they lie on the map: dilated ones reach farther."""
        sides = ((kernel.weight.shape[-1] - 1) * kernel.dilation + 1 for kernel in self.unit.kernels)
        return [f"{side}×{side}" for side in sides]

    def figure(self, build: Callable[[Texts], Figure], *key: Hashable) -> None:
        """Draw a figure of this unit; one of a fresh unit is marked as untrained."""
        fresh = None if self.own else True
        figure(self.view, build, *key, self.c, self.branches, untrained=fresh, shows="model block photo")


def path(way: Way) -> None:
    """Draw the whole way: the branches' maps, their sum, the logits, the weights, the weighted sum."""
    unit, c = way.unit, way.c
    z, logits = float(unit.z[c]), unit.logits[:, c]
    way.figure(lambda t: sk_anatomy.draw_path(way.u, z, logits, way.gate, c, way.kernels, t), "path")


def split(way: Way) -> None:
    """Draw the kernels that the unit is split into."""
    t, unit, c = way.view.t, way.unit, way.c
    section(t("scale.sk_anatomy.split"))
    latex(formulas.split([(kernel.weight.shape[-1], kernel.dilation) for kernel in unit.kernels]))
    taps = unit.kernels[0].weight.shape[-1] ** 2
    spread = [kernel.spread(c) for kernel in unit.kernels]
    st.markdown(t("scale.sk_anatomy.split.why", taps=taps, n=len(spread[1])))
    way.figure(lambda t: sk_anatomy.draw_kernels(spread, taps, c, t), "kernels")
    x, shape = ("×".join(map(str, each)) for each in (unit.x_shape, unit.kernels[0].weight.shape))
    m, channels, h, w = unit.u.shape
    st.caption(t("scale.sk_anatomy.split.symbols", x=x, m=m, c=channels, h=h, w=w, k=shape, g=unit.kernels[0].groups))


def fuse(way: Way) -> None:
    """Draw how the sum of the branches becomes C means, and those d numbers."""
    t, unit, c, (_, channels, d) = way.view.t, way.unit, way.c, way.unit.w2.shape
    section(t("scale.sk_anatomy.fuse"))
    latex(formulas.fuse(unit.fused[c], c))
    latex(formulas.compress(channels, d, unit.rule))
    way.figure(lambda t: sk_anatomy.draw_fuse(unit.fused[c], unit.z, unit.h, c, t), "fuse")
    st.caption(t("scale.sk_anatomy.fuse.symbols", c=channels, d=d))


def select(way: Way) -> None:
    """Draw the channel's rows of the last layer, which give its M logits, and their softmax."""
    t, unit, c, (m, channels, d) = way.view.t, way.unit, way.c, way.unit.w2.shape
    section(t("scale.sk_anatomy.select"))
    st.markdown(t("scale.sk_anatomy.rows", n=m * channels, c=channels, d=d))
    latex(formulas.products(unit.w2[:, c], unit.h, c))
    latex(formulas.shares(unit.logits[:, c], c))
    way.figure(lambda t: sk_anatomy.draw_rows(unit.w2, unit.h, c, way.kernels, t), "rows")


def mix(way: Way) -> None:
    """Draw the channel's map with other weights."""
    t, c = way.view.t, way.c
    section(t("scale.sk_anatomy.mix"))
    how = pick("mix", worded(t, "scale.sk_anatomy.mix", sk_unit.MIXES), t("scale.sk_anatomy.mix.label"))
    changed = sk_unit.mixed(way.unit.gate, how)[:, c]
    way.figure(lambda t: sk_anatomy.draw_mix(way.u, changed, way.gate, c, way.kernels, t), "mix", how)
    latex(formulas.selected(way.u, changed, c))
    st.markdown(t(f"scale.sk_anatomy.mix.{how}.why"))


def axis(way: Way) -> None:
    """Draw the weights as they are and with the softmax over the wrong axis, and what the network answers then."""
    view, unit, c = way.view, way.unit, way.c
    t, channels = view.t, unit.w2.shape[1]
    section(t("scale.sk_anatomy.axis"))
    chosen = pick(
        "axis", worded(t, "scale.sk_anatomy.axis", ("branches", "channels")), t("scale.sk_anatomy.axis.label")
    )
    wrong = sk_unit.wrong_axis(unit.logits)
    weights = wrong if chosen == "channels" else unit.gate
    left = sk_unit.size_left(unit, weights)
    way.figure(lambda t: sk_anatomy.draw_axis(unit.gate, wrong, way.u, left, c, chosen, way.kernels, t), "axis", chosen)
    sums = {"column": (weights[:, c].sum(), ".4f"), "row": (weights[0].sum(), ".3f"), "size": (left, ".1%")}
    shown = {t(f"scale.sk_anatomy.axis.{name}", c=c): (format(v, form), float(v)) for name, (v, form) in sums.items()}
    counted("axis-sums", t("scale.sk_anatomy.axis"), shown)
    st.markdown(t(f"scale.sk_anatomy.axis.{chosen}.why", c=channels, left=f"{left:.1%}"))
    if chosen == "channels" and way.own:
        ways = [t("scale.sk_anatomy.axis.right"), t("scale.sk_anatomy.axis.here"), t("scale.sk_anatomy.axis.all")]
        edits = [[Edit(name, "channel_softmax") for name in names] for names in ((view.name,), view.blocks)]
        answers = [np.asarray(trace.logits) for trace in (view.trace, *map(view.edited, edits))]
        classes, shares = sk_unit.likeliest(answers)
        said = [view.seen.classes[each] for each in classes]
        figure(view, lambda t: sk_anatomy.draw_scores(said, shares, ways, t), "axis-scores")


def convolution(way: Way) -> None:
    """Draw what a kernel of one's own choice costs and how far it sees."""
    view, (h, w) = way.view, way.u.shape[1:]
    t = view.t
    section(t("scale.sk_anatomy.conv"))
    st.markdown(t("scale.sk_anatomy.conv.idea"))
    boxes = st.columns(4)
    k = pick("k", {n: f"{n}×{n}" for n in (3, 5, 7)}, t("scale.sk_anatomy.conv.k"), at=boxes[0])
    widths = {n: str(n) for n in (64, 128, 256)}
    width = pick("width", widths, t("scale.sk_anatomy.conv.width"), 128, boxes[1])
    depthwise = str(asked("groups")) in widths.values()  # stays depthwise when C changes
    groups = {n: str(n) for n in (1, 32, width)}
    g = pick("groups", groups, t("scale.sk_anatomy.conv.groups"), width if depthwise else 32, boxes[2])
    dilation = pick("dilation", {n: str(n) for n in (1, 2, 3)}, t("scale.sk_anatomy.conv.dilation"), 2, boxes[3])
    conv = formulas.Conv(k, width, g, dilation)
    figure(view, lambda t: drawn.draw_conv(conv, t), "conv", conv, untrained=False)
    latex(formulas.lines(*conv.formulas(h, w)))
    st.caption(t("scale.sk_anatomy.conv.symbols", h=h, w=w))
    st.markdown(t("scale.sk_anatomy.conv.sknet"))
    latex(formulas.against(formulas.Conv(5, width, g), formulas.Conv(3, width, g, 2)))
