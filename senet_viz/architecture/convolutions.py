"""What one convolution costs and how far it sees: dense, grouped, depthwise, dilated; exact, and in formulas.

k x k kernels, C channels in and out, G groups, dilation d, no bias, as in SKNet (section 3.1). Everything here is
arithmetic on whole numbers; ``tests/test_kernels.py`` compares it with torch's own convolutions.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Conv:
    """A k x k convolution from C to C channels.

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
        """Side of the receptive field, pixels: k + (k - 1)(d - 1)."""
        return self.k + (self.k - 1) * (self.dilation - 1)

    @property
    def fan(self) -> int:
        """Input channels that one output channel sees: C / G."""
        return self.channels // self.groups

    @property
    def per_filter(self) -> int:
        """Weights of one output channel: k^2 C / G. As many multiplications make one output number."""
        return self.k**2 * self.fan

    @property
    def parameters(self) -> int:
        """Weights of the layer: k^2 C^2 / G."""
        return self.per_filter * self.channels

    def multiplications(self, height: int, width: int) -> int:
        """For a whole output of C x height x width."""
        return self.parameters * height * width

    @property
    def dense(self) -> Conv:
        """The same with one group: every output channel sees every input channel."""
        return replace(self, groups=1)

    @property
    def depthwise(self) -> Conv:
        """The same with a group for each channel."""
        return replace(self, groups=self.channels)

    @property
    def filled(self) -> Conv:
        """The kernel without gaps that sees as far."""
        return replace(self, k=self.field, dilation=1)

    @property
    def taps(self) -> tuple[tuple[int, int], ...]:
        """(row, column) of every weight within the receptive field."""
        steps = range(0, self.field, self.dilation)
        return tuple((row, column) for row in steps for column in steps)

    def formulas(self, height: int, width: int) -> tuple[str, ...]:
        """LaTeX, evaluated: one filter, the layer, its multiplications for a height x width map, the field."""
        k, c, g, d = self.k, self.channels, self.groups, self.dilation
        times = self.multiplications(height, width)
        return (
            rf"K_c:&\;\frac{{k^2C}}{{G}}=\frac{{{k}^2\cdot{c}}}{{{g}}}={thousands(self.per_filter)}",
            rf"K:&\;\frac{{k^2C^2}}{{G}}=\frac{{{k}^2\cdot{c}^2}}{{{g}}}={thousands(self.parameters)}",
            rf"K*X:&\;\frac{{k^2C^2}}{{G}}\,HW={thousands(self.parameters)}\cdot{height}\cdot{width}={thousands(times)}",
            rf"\mathrm{{field}}:&\;k+(k-1)(d-1)={k}+{k - 1}\cdot{d - 1}={self.field}",
        )


def thousands(value: int) -> str:
    """1234567 as LaTeX reads it best: thin spaces between the thousands."""
    return f"{value:,}".replace(",", r"\,")


def against(true: Conv, dilated: Conv) -> str:
    """LaTeX: the weights of two convolutions that see equally far."""
    sides = " ".join(
        rf"\frac{{{each.k}^2\cdot{each.channels}^2}}{{{each.groups}}}={thousands(each.parameters)}"
        + (r"\quad\text{vs}\quad" if each is true else "")
        for each in (true, dilated)
    )
    return rf"{sides}\quad({true.field}\times{true.field}\;=\;{dilated.field}\times{dilated.field})"
