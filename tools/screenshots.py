"""Picture the running app: every page, two widths, light and dark, every language.

    python tools/screenshots.py FOLDER             all of them, as PNG
    python tools/screenshots.py FOLDER --readme    and assets/screenshots/stage.webp for the README

The app is started on a free port of this machine and ended afterwards. The browser is $CHROMIUM, else a Chromium or
Chrome on the PATH, else the one that `playwright install chromium` put in its place.
"""

import argparse
import hashlib
import io
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.error import URLError
from urllib.parse import urlencode, urlsplit
from urllib.request import ProxyHandler, build_opener

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "assets" / "screenshots" / "stage.webp"
README_BYTES = 1_500_000
MOVING, MOVE_MS, REST_MS = 4, 80, 2600  # pictures of a move, and how long each is seen, and the last
WIDTHS = {1280: 720, 1920: 1080}  # and the height of such a screen
THEMES = ("light", "dark")
LANGUAGES = ("en", "zh")
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"]
PATIENCE_S = 120.0


def chromium() -> str | None:
    """The browser to drive; None leaves it to Playwright."""
    return os.environ.get("CHROMIUM") or next((path for name in NAMES if (path := shutil.which(name))), None)


def free_port() -> int:
    """A port that nothing listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def app() -> Iterator[str]:
    """The app's address while it runs; what it printed is shown if it does not start."""
    port = free_port()
    command = [
        sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port), "--server.address",
        "127.0.0.1", "--server.headless", "true",
    ]  # fmt: skip
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with tempfile.TemporaryFile() as said:
        server = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT
        )
        try:
            if not _answers(f"http://127.0.0.1:{port}/_stcore/health", server):
                said.seek(0)
                sys.exit(f"the app did not start:\n{said.read().decode(errors='replace')}")
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait(20)


def _answers(url: str, server: subprocess.Popen[bytes]) -> bool:
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end and server.poll() is None:
        try:
            with build_opener(ProxyHandler({})).open(url, timeout=2):
                return True
        except (URLError, OSError):
            time.sleep(0.2)
    return False


def pages(browser: Browser, url: str) -> list[str]:
    """The paths of all pages, as the menus on top list them."""
    page = browser.new_page()
    page.goto(url)
    settle(page)
    links: list[str] = []
    for section in page.get_by_test_id("stTopNavSection").all():
        section.click()
        found = page.get_by_test_id("stTopNavDropdownLink")
        found.first.wait_for()
        links += found.evaluate_all("links => links.map(link => link.href)")
        page.keyboard.press("Escape")
        found.first.wait_for(state="detached")
    page.close()
    if not links:
        sys.exit("the menus list no page")
    return [urlsplit(link).path.strip("/") for link in links]


def settle(page: Page) -> None:
    """Wait until the script has run, nothing is a placeholder any more, and two looks in a row are the same."""
    page.wait_for_selector(
        '[data-testid="stApp"][data-test-script-state="notRunning"]', state="attached", timeout=PATIENCE_S * 1000
    )
    page.wait_for_function("document.querySelectorAll('[data-testid=\"stSkeleton\"]').length === 0")
    page.evaluate("document.fonts.ready.then(() => true)")
    before = ""
    for _ in range(40):
        now = hashlib.sha256(page.screenshot()).hexdigest()
        if now == before:
            return
        before = now
        page.wait_for_timeout(300)


def whole(page: Page, width: int, height: int) -> None:
    """Make the window as high as the page, whose main part scrolls on its own."""
    needed = page.evaluate(
        "Math.max(...['stMain', 'stSidebarContent'].map(id => document.querySelector(`[data-testid=\"${id}\"]`))"
        ".filter(Boolean).map(part => part.scrollHeight))"
    )
    page.set_viewport_size({"width": width, "height": max(height, int(needed))})
    settle(page)


def errors(page: Page) -> int:
    """How many red boxes the page shows."""
    return page.locator('[data-testid="stException"], [data-testid="stAlertContentError"]').count()


def all_of(browser: Browser, url: str, folder: Path, query: dict[str, str]) -> int:
    """Picture every page into ``folder``; returns how many of them show an error."""
    wrong = 0
    for path in pages(browser, url):
        for width, height in WIDTHS.items():
            for theme in THEMES:
                for language in LANGUAGES:
                    page = browser.new_page(
                        viewport={"width": width, "height": height}, color_scheme="dark" if theme == "dark" else "light"
                    )
                    page.goto(f"{url}/{path}?{urlencode({**query, 'lang': language})}")
                    settle(page)
                    whole(page, width, height)
                    file = folder / f"{path or 'index'}-{width}-{theme}-{language}.png"
                    page.screenshot(path=file)
                    wrong += (red := errors(page)) > 0
                    print(file, f"{red} red" if red else "", flush=True)
                    page.close()
    return wrong


def readme(browser: Browser, url: str, query: dict[str, str]) -> None:
    """The stage in motion, from the first step to the last, below ``README_BYTES``."""
    page = browser.new_page(viewport={"width": 1320, "height": 800}, color_scheme="light")
    page.clock.install()
    page.goto(f"{url}/?{urlencode({**query, 'lang': 'en'})}")
    settle(page)
    page.clock.pause_at(datetime.now(UTC) + timedelta(hours=1))
    if errors(page):
        sys.exit("the first page shows an error: no picture for the README")
    stage, frames, times = page.get_by_test_id("stage"), [], []
    for step in range(page.locator("[data-testid=stage] .steps button").count()):
        if step:
            page.keyboard.press("Space")
        for turn in range(MOVING + 1):  # a few pictures while it moves, then one at rest
            page.clock.run_for(MOVE_MS if turn < MOVING else 1000)
            frames.append(Image.open(io.BytesIO(stage.screenshot())).convert("RGB"))
            times.append(REST_MS if turn == MOVING else MOVE_MS)
    page.close()
    for quality in (80, 65, 50, 35):
        out = io.BytesIO()
        frames[0].save(
            out, "WEBP", save_all=True, append_images=frames[1:], duration=times, loop=0, quality=quality, method=4
        )
        if len(out.getvalue()) < README_BYTES:
            README.parent.mkdir(parents=True, exist_ok=True)
            README.write_bytes(out.getvalue())
            print(README.relative_to(ROOT), f"{len(out.getvalue()) / 1000:.0f} KB", flush=True)
            return
    sys.exit(f"no quality brings the README's picture below {README_BYTES} bytes")


def main() -> None:
    """See the module; exit code 1 if a page shows an error."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", help="where to put the pictures of all pages")
    parser.add_argument("--readme", action="store_true", help="write the README's picture too (or alone)")
    parser.add_argument("--query", default="", help="what to show, as in an address: model=tiny_sk&photo=coffee")
    args = parser.parse_args()
    if args.folder is None and not args.readme:
        parser.error("name a folder, or --readme, or both")
    query = dict(pair.split("=", 1) for pair in args.query.split("&") if "=" in pair)
    with sync_playwright() as playwright, app() as url:
        browser = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        wrong = 0
        if args.folder is not None:
            args.folder.mkdir(parents=True, exist_ok=True)
            wrong = all_of(browser, url, args.folder, query)
        if args.readme:
            readme(browser, url, query)
        browser.close()
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
