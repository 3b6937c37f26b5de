"""What numbers say, without torch: each module turns arrays into a verdict.

How the arrays were measured is the matter of ``experiments``.
"""

from enum import StrEnum


class Held(StrEnum):
    """A claim of a paper holds, is mixed, or fails."""

    HOLDS = "holds"
    MIXED = "mixed"
    FAILS = "fails"
