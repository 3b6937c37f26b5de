"""Draw pages in a process that cannot import torch, with the engine at the address that is given: ``test_remote``.

``python -m tests.without_torch ray://host:port page page ...`` opens each page with every closer look and prints a line
of JSON a page: the errors and exceptions on it, what it says for its network, and who wanted torch.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from importlib.machinery import ModuleSpec
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
WANTED: list[str] = []


class Refused:
    """Import no torch; note who asked."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        if name != "torch":
            return None
        own = (f for f in reversed(traceback.extract_stack()) if Path(f.filename).is_relative_to(ROOT))
        WANTED.append(" < ".join(f"{Path(f.filename).relative_to(ROOT)}:{f.lineno}" for f in list(own)[1:6]))
        raise ImportError("no torch here")


def main(address: str, *pages: str) -> None:
    sys.meta_path.insert(0, Refused())  # type: ignore[arg-type]
    os.environ["SENET_VIZ_ENGINE"] = address
    from streamlit.testing.v1 import AppTest

    from senet_viz.ui import state
    from tests.places import OPEN, SECTIONS, model

    state.HEAD_START_S = 0.0
    for page in pages:
        at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
        for key, value in {"lang": "en", "more": OPEN, "model": model(page)}.items():
            at.query_params[key] = value
        at.run()
        at.switch_page(f"pages/{SECTIONS[page]}/{page}.py").run()
        at.run()
        said = {
            "page": page,
            "errors": [box.value for box in at.error] + [each.value for each in at.exception],
            "badges": [e.value for e in at.main.markdown if e.value.startswith(":green-badge[")],
            "torch": "torch" in sys.modules,
            "wanted": WANTED[:],
        }
        WANTED.clear()
        print(json.dumps(said), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
