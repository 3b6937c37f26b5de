"""What the options of several verbs are made of."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TypeAlias

from senet_viz.models import catalogue

Parsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def photo() -> argparse.ArgumentParser:
    """Return what every verb on one photo asks for, as a parent of its parser."""
    asked = argparse.ArgumentParser(add_help=False)
    asked.add_argument("photo", help="a picture file, or the name of a sample (chelsea, coffee, rocket, ...)")
    asked.add_argument(
        "--model", default=catalogue.DEFAULT, help=f"a key that `list` prints (default {catalogue.DEFAULT})"
    )
    asked.add_argument("--random", action="store_true", help="the untrained control instead of the trained network")
    return asked


def whole(least: int, most: int | None = None) -> Callable[[str], int]:
    """Return a type of arguments: whole numbers from ``least`` to ``most``, or without an end."""

    def number(text: str) -> int:
        value = int(text)
        if value < least or (most is not None and value > most):
            limits = f"at least {least}" if most is None else f"from {least} to {most}"
            raise argparse.ArgumentTypeError(f"must be {limits}")
        return value

    return number


positive = whole(1)
