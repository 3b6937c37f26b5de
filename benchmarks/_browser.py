"""A real Chromium for benchmarks: $CHROMIUM, or the one on the PATH."""

import os
import shutil

from playwright.sync_api import Browser, Playwright

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]


def chromium(playwright: Playwright) -> Browser:
    """A browser process of its own, which has seen nothing yet."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if path is None:
        raise SystemExit("no Chromium: set CHROMIUM, or put chromium on the PATH")
    return playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
