"""``streamlit run``, with a note of every forward: ``python -m tests.browser.counting FILE run app.py ...``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from senet_viz.tap import hooks


def main() -> None:
    """One more byte in FILE for every forward of a network."""
    file, *arguments = sys.argv[1:]
    forward = hooks.run_batch

    def counted(*given: Any, **named: Any) -> Any:
        with Path(file).open("a") as log:
            log.write(".")
        return forward(*given, **named)

    hooks.run_batch = counted
    from streamlit.web.cli import main as streamlit

    sys.argv = ["streamlit", *arguments]
    streamlit()


if __name__ == "__main__":
    main()
