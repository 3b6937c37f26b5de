"""The app's pages, read from its own table: a test that goes through all pages has no list of its own."""

from __future__ import annotations

import app
from senet_viz import i18n

SECTIONS = {key: section for section, pages in app.SECTIONS.items() for key, _ in pages}  # of every page, its own
PAGES = tuple(SECTIONS)
WALK = tuple(key for key, section in SECTIONS.items() if section == "walk")
FIRST = app.FIRST  # the page at the root
BLOCKS = {"tiny_se": "layer3.1.se", "tiny_sk": "layer3.1.conv2"}  # of the small networks, one block each
# every closer look of every page, as the address has them
OPEN = ",".join(
    key.removeprefix("more.") for key in i18n.table("en") if key.startswith("more.") and key != "more.label"
)
KERNELS = ("kernel_selection", "sk_anatomy")  # pages on a network that chooses between kernels


def model(page: str) -> str:
    """Return the small network on which that page shows most."""
    return "tiny_sk" if page in KERNELS else "tiny_se"


def named(page: str, what: str) -> str:
    """Return the key of a page's own words: ``title``, ``nav``."""
    return f"{SECTIONS[page]}.{page}.{what}"
