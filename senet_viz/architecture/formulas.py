"""The equations of a Selective Kernel unit as LaTeX, with one picture's numbers in them (SKNet, eqs. 1-6).

The letters are those of ``docs/notation.md``: z is the paper's s, h its z, and g are the logits.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from senet_viz.stats import softmax


def lines(*each: str) -> str:
    """Equations below each other, aligned at their ``&``."""
    return r"\begin{aligned}" + r"\\[6pt]".join(each) + r"\end{aligned}"


def apart(tex: str) -> list[str]:
    """Its equations one by one, for a page that is too narrow for several in a line or for aligned ones."""
    whole = tex.removeprefix(r"\begin{aligned}").removesuffix(r"\end{aligned}")
    return [part.replace("&", "") for part in re.split(r",?\\q?quad ?|\\\\\[6pt\]", whole)]


def split(kernels: Sequence[tuple[int, int]]) -> str:
    """Every branch with the receptive field of its (size, dilation)."""
    return lines(
        *(
            rf"U_{m}&=\delta(\mathrm{{BN}}(K_{m}*X)),\quad K_{m}:{k}\times{k},\;d={d},"
            rf"\quad k+(k-1)(d-1)={k}+{k - 1}\cdot{d - 1}={k + (k - 1) * (d - 1)}"
            for m, (k, d) in enumerate(kernels)
        )
    )


def fuse(total: np.ndarray, channel: int) -> str:
    """The mean z_c of one channel's sum U_c (H, W)."""
    (h, w), added = total.shape, float(total.sum(dtype=np.float64))
    mean = rf"\frac{{1}}{{HW}}\sum_{{i,j}}U_{{{channel}}}(i,j)=\frac{{{added:.4f}}}{{{h}\cdot{w}}}"
    return rf"U=\sum_m U_m,\qquad z_{{{channel}}}={mean}={added / (h * w):.4f}"


def compress(channels: int, d: int, rule: tuple[int, int] | None) -> str:
    """h and its width d; ``rule`` is (r, L) where they are known."""
    width = ""
    if rule:
        r, floor = rule
        width = rf",\qquad d=\max(C/r,\,L)=\max({channels}/{r},\,{floor})={d}"
    return rf"\underbrace{{h}}_{{{d}}}=\delta(\mathrm{{BN}}(\underbrace{{W}}_{{{d}\times{channels}}}z)){width}"


def products(rows: np.ndarray, h: np.ndarray, channel: int, count: int = 2) -> str:
    """The logits g_0 = A_c h, g_1 = B_c h, ... from rows (M, d) and h (d,), each with its ``count`` largest terms."""
    found = []
    for m, weights in enumerate(rows):
        name, parts = f"{chr(ord('A') + m)}_{{{channel}}}", weights * h
        top = np.argsort(-np.abs(parts), kind="stable")[:count]
        terms = "+".join(rf"({weights[j]:.3f})\cdot{h[j]:.3f}" for j in top)
        total = rf"\sum_j {name[0]}_{{{channel}j}}\,h_j={terms}+\dots={float(parts.sum()):.4f}"
        found.append(rf"g_{{{m},{channel}}}&={name}\,h={total}")
    return lines(*found)


def shares(logits: np.ndarray, channel: int) -> str:
    """The softmax of one channel's logits (M,): a_c written out, b_c and the others as numbers."""
    weights = softmax(logits.astype(np.float64))
    powers = [f"e^{{{value:.3f}}}" for value in logits]
    below = "+".join(rf"e^{{g_{{{m},{channel}}}}}" for m in range(len(logits)))
    first = rf"\frac{{e^{{g_{{0,{channel}}}}}}}{{{below}}}=\frac{{{powers[0]}}}{{{'+'.join(powers)}}}"
    others = [rf"{chr(ord('a') + m)}_{{{channel}}}={weights[m]:.4f}" for m in range(1, len(logits))]
    return lines(rf"a_{{{channel}}}&={first}={weights[0]:.4f}", "&" + r",\quad ".join(others))


def selected(u: np.ndarray, gate: np.ndarray, channel: int) -> str:
    """V of one channel at the place where the sum of its maps u (M, H, W) is largest, with weights (M,)."""
    total = u.sum(axis=0)
    i, j = (int(n) for n in np.unravel_index(int(np.abs(total).argmax()), total.shape))
    terms = "+".join(rf"{a:.4f}\cdot({u_m[i, j]:.4f})" for a, u_m in zip(gate, u, strict=True))
    value = float(gate.astype(np.float64) @ u[:, i, j])
    return lines(
        rf"V_{{{channel}}}({i},{j})&=\sum_m a_{{m,{channel}}}\,U_{{m,{channel}}}({i},{j})", rf"&={terms}={value:.4f}"
    )
