"""The one place that knows where files lie: the app, its pages, lessons, texts, labels, weights, browser elements.

In the repository they lie beside the package; a wheel carries them inside it, in ``senet_viz/_site`` (see setup.py).
"""

from importlib.util import find_spec
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_CARRIED = _PACKAGE / "_site"
ROOT = _PACKAGE.parent  # holds this package, whatever runs it
SITE = _CARRIED if _CARRIED.is_dir() else ROOT  # holds the app, its pages and what they need
APP = SITE / "app.py"
PAGES = SITE / "pages"
FOLDER = SITE / "assets"
ICON = FOLDER / "icon.svg"
CARD = FOLDER / "model_card.txt"
COMPONENTS = FOLDER / "components"
LABELS = FOLDER / "labels"
LESSONS = FOLDER / "lessons"
MODELS = FOLDER / "models.json"
APART = FOLDER / "models_apart.json"
PAPERS = FOLDER / "papers.json"
TEXTS = FOLDER / "i18n"
WEIGHTS = FOLDER / "weights"


def package(name: str) -> Path | None:
    """Return the folder of an installed package, which is found and not imported; None where it is not installed."""
    found = find_spec(name)
    return Path(found.submodule_search_locations[0]) if found and found.submodule_search_locations else None
