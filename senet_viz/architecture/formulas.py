"""Convolutions in whole numbers, and the equations of a Selective Kernel unit, as LaTeX with numbers in them.

A convolution has k x k kernels, C channels in and out, G groups, dilation d and no bias, as in SKNet (section 3.1);
``tests/test_formulas.py`` compares its arithmetic with torch's own. The letters of the unit (SKNet, eqs. 1-6) are those
of ``docs/notation.md``: z is the paper's s, h its z, and g are the logits.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from senet_viz.stats import softmax

# --- one convolution --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Conv:
    """A convolution has k x k kernels and leads from C to C channels.

    Raises:
        ValueError: a number below 1, or channels that cannot be dealt out to the groups evenly.
    """

    k: int
    channels: int
    groups: int = 1
    dilation: int = 1

    def __post_init__(self) -> None:
        if min(self.k, self.channels, self.groups, self.dilation) < 1:
            raise ValueError(f"every number must be at least 1; got {self}")
        if self.channels % self.groups:
            raise ValueError(f"{self.channels} channels cannot be dealt out to {self.groups} groups")

    @property
    def field(self) -> int:
        """Return the side of the receptive field, in pixels: k + (k - 1)(d - 1)."""
        return self.k + (self.k - 1) * (self.dilation - 1)

    @property
    def fan(self) -> int:
        """Return the number of input channels that one output channel sees: C / G."""
        return self.channels // self.groups

    @property
    def per_filter(self) -> int:
        """Return the weights of one output channel: k^2 C / G. As many multiplications make one output number."""
        return self.k**2 * self.fan

    @property
    def parameters(self) -> int:
        """Return the weights of the layer: k^2 C^2 / G."""
        return self.per_filter * self.channels

    def multiplications(self, height: int, width: int) -> int:
        """Count those of a whole output of C x height x width."""
        return self.parameters * height * width

    @property
    def dense(self) -> Self:
        """Return the same convolution with one group: every output channel sees every input channel."""
        return replace(self, groups=1)

    @property
    def depthwise(self) -> Self:
        """Return the same convolution with a group for each channel."""
        return replace(self, groups=self.channels)

    @property
    def filled(self) -> Self:
        """Return the convolution without gaps that sees as far."""
        return replace(self, k=self.field, dilation=1)

    @property
    def taps(self) -> tuple[tuple[int, int], ...]:
        """Return the (row, column) of every weight within the receptive field."""
        steps = range(0, self.field, self.dilation)
        return tuple((row, column) for row in steps for column in steps)

    def formulas(self, height: int, width: int) -> tuple[str, ...]:
        """Evaluate the weights of a filter and of the layer, the multiplications for height x width, and the field."""
        k, c, g, d = self.k, self.channels, self.groups, self.dilation
        times = self.multiplications(height, width)
        return (
            rf"K_c:&\;\frac{{k^2C}}{{G}}=\frac{{{k}^2\cdot{c}}}{{{g}}}={thousands(self.per_filter)}",
            rf"K:&\;\frac{{k^2C^2}}{{G}}=\frac{{{k}^2\cdot{c}^2}}{{{g}}}={thousands(self.parameters)}",
            rf"K*X:&\;\frac{{k^2C^2}}{{G}}\,HW={thousands(self.parameters)}\cdot{height}\cdot{width}={thousands(times)}",
            rf"\mathrm{{field}}:&\;k+(k-1)(d-1)={k}+{k - 1}\cdot{d - 1}={self.field}",
        )


def thousands(value: int) -> str:
    """Write 1234567 as LaTeX reads it best: thin spaces between the thousands."""
    return f"{value:,}".replace(",", r"\,")


def against(true: Conv, dilated: Conv) -> str:
    """Write the weights of two convolutions that see equally far beside each other."""
    sides = " ".join(
        rf"\frac{{{each.k}^2\cdot{each.channels}^2}}{{{each.groups}}}={thousands(each.parameters)}"
        + (r"\quad\text{vs}\quad" if each is true else "")
        for each in (true, dilated)
    )
    return rf"{sides}\quad({true.field}\times{true.field}\;=\;{dilated.field}\times{dilated.field})"


# --- a Selective Kernel unit ------------------------------------------------------------------------------------------


def lines(*each: str) -> str:
    """Put equations below each other, aligned at their ``&``."""
    return r"\begin{aligned}" + r"\\[6pt]".join(each) + r"\end{aligned}"


def apart(tex: str) -> list[str]:
    """Take equations apart, for a page that is too narrow for several in a line or for aligned ones."""
    whole = tex.removeprefix(r"\begin{aligned}").removesuffix(r"\end{aligned}")
    return [part.replace("&", "") for part in re.split(r",?\\q?quad ?|\\\\\[6pt\]", whole)]


def split(kernels: Sequence[tuple[int, int]]) -> str:
    """Write every branch with the receptive field of its (size, dilation)."""
    return lines(
        *(
            rf"U_{m}&=\delta(\mathrm{{BN}}(K_{m}*X)),\quad K_{m}:{k}\times{k},\;d={d},"
            rf"\quad k+(k-1)(d-1)={k}+{k - 1}\cdot{d - 1}={k + (k - 1) * (d - 1)}"
            for m, (k, d) in enumerate(kernels)
        )
    )


def fuse(total: np.ndarray, channel: int) -> str:
    """Write the mean z_c of one channel's sum U_c (H, W)."""
    (h, w), added = total.shape, float(total.sum(dtype=np.float64))
    mean = rf"\frac{{1}}{{HW}}\sum_{{i,j}}U_{{{channel}}}(i,j)=\frac{{{added:.4f}}}{{{h}\cdot{w}}}"
    return rf"U=\sum_m U_m,\qquad z_{{{channel}}}={mean}={added / (h * w):.4f}"


def compress(channels: int, d: int, rule: tuple[int, int] | None) -> str:
    """Write h and its width d; ``rule`` is (r, L) where they are known."""
    width = ""
    if rule:
        r, floor = rule
        width = rf",\qquad d=\max(C/r,\,L)=\max({channels}/{r},\,{floor})={d}"
    return rf"\underbrace{{h}}_{{{d}}}=\delta(\mathrm{{BN}}(\underbrace{{W}}_{{{d}\times{channels}}}z)){width}"


def products(rows: np.ndarray, h: np.ndarray, channel: int, count: int = 2) -> str:
    """Write the logits g_0 = A_c h, g_1 = B_c h, ... from rows (M, d) and h (d,), with their largest terms."""
    found = []
    for m, weights in enumerate(rows):
        name, parts = f"{chr(ord('A') + m)}_{{{channel}}}", weights * h
        top = np.argsort(-np.abs(parts), kind="stable")[:count]
        terms = "+".join(rf"({weights[j]:.3f})\cdot{h[j]:.3f}" for j in top)
        found.append(rf"g_{{{m},{channel}}}&={name}\,h=\sum_j {name[0]}_{{{channel}j}}\,h_j")
        found.append(rf"&={terms}+\dots={float(parts.sum()):.4f}")
    return lines(*found)


def shares(logits: np.ndarray, channel: int) -> str:
    """Write the softmax of one channel's logits (M,): a_c in full, b_c and the others as numbers."""
    weights = softmax(logits.astype(np.float64))
    powers = [f"e^{{{value:.3f}}}" for value in logits]
    below = "+".join(rf"e^{{g_{{{m},{channel}}}}}" for m in range(len(logits)))
    first = rf"\frac{{e^{{g_{{0,{channel}}}}}}}{{{below}}}=\frac{{{powers[0]}}}{{{'+'.join(powers)}}}"
    others = [rf"{chr(ord('a') + m)}_{{{channel}}}={weights[m]:.4f}" for m in range(1, len(logits))]
    return lines(rf"a_{{{channel}}}&={first}={weights[0]:.4f}", "&" + r",\quad ".join(others))


def selected(u: np.ndarray, gate: np.ndarray, channel: int) -> str:
    """Write V of one channel where the sum of its maps u (M, H, W) is largest, with weights (M,)."""
    total = u.sum(axis=0)
    i, j = (int(n) for n in np.unravel_index(int(np.abs(total).argmax()), total.shape))
    terms = "+".join(rf"{a:.4f}\cdot({u_m[i, j]:.4f})" for a, u_m in zip(gate, u, strict=True))
    value = float(gate.astype(np.float64) @ u[:, i, j])
    return lines(
        rf"V_{{{channel}}}({i},{j})&=\sum_m a_{{m,{channel}}}\,U_{{m,{channel}}}({i},{j})", rf"&={terms}={value:.4f}"
    )
