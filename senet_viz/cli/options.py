"""What the options of several verbs are made of."""

import argparse
from collections.abc import Callable
from typing import Any, TypeAlias

from senet_viz import i18n
from senet_viz.models import catalogue

Parsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
SHARED: dict[str, dict[str, Any]] = {  # by name: what several verbs understand by it
    "--json": {"action": "store_true", "help": "every number, as JSON"},
    "--lang": {"choices": tuple(i18n.LANGUAGES), "default": i18n.DEFAULT},
    "--device": {"default": "cpu"},
    "--quiet": {"action": "store_true", "help": "no progress bar"},
}


def shared(verb: argparse.ArgumentParser, *names: str) -> None:
    """Add these options of ``SHARED`` to a verb."""
    for name in names:
        verb.add_argument(name, **SHARED[name])


def photo(count: str | None = None) -> argparse.ArgumentParser:
    """Return what every verb on one photo asks for, as a parent of its parser; ``"?"``: the photo may be left out."""
    asked = argparse.ArgumentParser(add_help=False)
    asked.add_argument(
        "photo", nargs=count, help="a picture file, or the name of a sample (chelsea, coffee, rocket, ...)"
    )
    asked.add_argument(
        "--model",
        default=catalogue.DEFAULT,
        help=f"a key that `list --all` prints, as timm/seresnet18 (default {catalogue.DEFAULT})",
    )
    asked.add_argument("--random", action="store_true", help="the untrained control instead of the trained network")
    return asked


def within(least: float, most: float | None = None, kind: Callable[[str], float] = int) -> Callable[[str], float]:
    """Return a type of arguments: numbers from ``least`` to ``most``, or without an end; whole ones if not said."""

    def number(text: str) -> float:
        value = kind(text)
        if not (least <= value and (most is None or value <= most)):
            limits = f"at least {least}" if most is None else f"from {least} to {most}"
            raise argparse.ArgumentTypeError(f"must be {limits}")
        return value

    return number


positive = within(1)
