"""``streamlit run`` with MobileNetV3-Small from elsewhere: ``python -m tests.browser.slowly URL run app.py ...``.

The transfer may pause as long as it likes: a test lets the pieces go.
"""

from __future__ import annotations

import sys

from senet_viz.models import catalogue, download

KEY = "mobilenet_v3_small"


def main() -> None:
    """Take that address for the source of the weights."""
    url, *arguments = sys.argv[1:]
    object.__setattr__(catalogue.spec(KEY), "weights", url)
    download.READ_S = download.PIECE_S = 600.0  # type: ignore[misc]
    from streamlit.web.cli import main as streamlit

    sys.argv = ["streamlit", *arguments]
    streamlit()


if __name__ == "__main__":
    main()
