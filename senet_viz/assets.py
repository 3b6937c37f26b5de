"""The one place that knows where files lie: texts, labels, weights and elements of the browser."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]  # holds this package, whatever runs it
FOLDER = ROOT / "assets"
COMPONENTS = FOLDER / "components"
LABELS = FOLDER / "labels"
TEXTS = FOLDER / "i18n"
WEIGHTS = FOLDER / "weights"
