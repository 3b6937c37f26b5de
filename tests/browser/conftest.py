"""A real server, a real Chromium, and a visitor who looks, clicks and waits.

Nothing here sleeps for a fixed time: a visitor waits until something is so, or fails after ``PATIENCE_S``.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit
from urllib.request import ProxyHandler, build_opener

import pytest
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Download,
    Error,
    Locator,
    Page,
    sync_playwright,
)  # fmt: skip

from senet_viz import i18n
from senet_viz.drawing.renderers import screen
from senet_viz.models import catalogue, weight_files
from senet_viz.photos import samples
from tests import pictures
from tests.browser.seats import Seats, new_page
from tests.places import FIRST, OPEN, SECTIONS, named

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 120.0
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
CAMERA = "coffee"
CAMERA_ARGUMENTS = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
PROBES = ("/_stcore/health", "/_stcore/host-config")  # Streamlit looks for its root below the page's path first

CHANNEL = ".st-key-channel input, [data-testid=stage] input[name=channel]"  # a page has one of them
LEVELS = "[...document.querySelectorAll('h1,h2,h3,h4,h5,h6')].map(e => Number(e.tagName[1]))"
ROOM = """() => {
  const main = document.querySelector('[data-testid="stMainBlockContainer"]'), style = getComputedStyle(main);
  return main.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
}"""

T = TypeVar("T")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)


def chromium() -> str | None:
    """The browser to drive: $CHROMIUM, or one on the PATH."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


def until(so: Callable[[], T], what: str, page: Page | None = None, now: Callable[[], object] = str) -> T:
    """The first true answer of ``so``; an exception on the way (an element that was just redrawn) means not yet."""
    end, last = time.monotonic() + PATIENCE_S, None
    while time.monotonic() < end:
        try:
            last = so()
            if last:
                return last
        except Exception as error:  # judged by the message when patience ends
            last = error  # type: ignore[assignment]
        page.wait_for_timeout(50) if page else time.sleep(0.05)
    pytest.fail(f"waited {PATIENCE_S:.0f} s for: {what}; last seen: {last!r} {now()}")


@contextmanager
def serving(folder: Path, start: str = "streamlit", largest: int | None = None, **more: str) -> Iterator[str]:
    """A server of its own on a free port, ended afterwards; its address. No weights but the shipped ones are there.

    Args:
        start: the module that runs it, and what it wants to know: see ``counting``, ``slowly``.
        largest: bytes of the largest file that it can write.
        more: of its environment.
    """
    environment = {
        **os.environ, "OMP_NUM_THREADS": "1", "TORCH_HOME": str(folder), "HF_HUB_CACHE": str(folder),
        "HF_HUB_OFFLINE": "1", "HTTPS_PROXY": "http://127.0.0.1:9",  # nothing answers there
        "PYTHONUNBUFFERED": "1",  # it says its address when it has it
    } | more  # fmt: skip
    environment.pop(weight_files.LOCAL, None)
    command = f"-m {start} run app.py --server.headless true --server.port 0 --server.address 127.0.0.1".split()
    straight = build_opener(ProxyHandler({}))  # whatever proxy this environment names
    log = folder / f"server-{len(list(folder.glob('server-*.log')))}.log"
    with log.open("wb") as said:
        server = subprocess.Popen(
            [*(["prlimit", f"--fsize={largest}"] if largest else []), sys.executable, *command],
            cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=said, stderr=said,
        )  # fmt: skip

    def told() -> str:
        return log.read_text("utf-8", "replace")

    try:

        def healthy() -> str:
            """Its address, once it answers there."""
            if server.poll() is not None:
                pytest.fail(f"the server ended: {told()}")
            (address,) = re.findall(r"http://127\.0\.0\.1:[1-9]\d*", told())
            with straight.open(f"{address}/_stcore/health", timeout=5) as reply:
                return address if reply.status == 200 else ""

        yield until(healthy, "the server", now=lambda: f"it said: {told()}")
    finally:
        server.terminate()
        try:
            server.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            server.kill()
            raise
    assert "Traceback" not in told(), told()


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(tmp_path_factory.mktemp("server")) as address:
        yield address


@pytest.fixture(scope="package")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A browser whose camera sees the sample photo ``CAMERA``, and asks nobody for leave."""
    path = chromium()
    if path is None:
        pytest.skip(f"no Chromium: set CHROMIUM, or put one of {', '.join(NAMES)} on the PATH")
    film = tmp_path_factory.mktemp("camera") / "film.y4m"
    film.write_bytes(pictures.film(samples.sample(CAMERA)))
    seen = [*CAMERA_ARGUMENTS, f"--use-file-for-fake-video-capture={film}"]
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=[*ARGUMENTS, *seen])
        yield started
        started.close()


class Visitor:
    """One person in a browser of their own. Labels are read from ``i18n``, in the language of ``lang``.

    Args:
        browser: or where a page may be free.
        size: of the window.
        context: other options of the browser.
    """

    def __init__(
        self, browser: Browser | Seats, address: str, lang: str = "en", size: tuple[int, int] = (1280, 900),
        **context: Any,
    ) -> None:  # fmt: skip
        self._seats, self._options = browser, {"locale": lang} | context
        new = browser.take if isinstance(browser, Seats) else partial(new_page, browser)
        self.page: Page = new(**self._options)
        self.page.set_viewport_size({"width": size[0], "height": size[1]})
        self.context = self.page.context
        self.address, self.lang = address, lang
        self.complaints: list[str] = []
        self.page.on("console", self._hear)
        self.page.on("pageerror", self._fail)

    def _hear(self, said: ConsoleMessage) -> None:
        if said.type == "error" and not said.location.get("url", "").endswith(PROBES):
            self.complaints.append(f"{said.text} {said.location.get('url', '')}")

    def _fail(self, error: Error) -> None:
        self.complaints.append(str(error))

    # --- looking ---

    def t(self, key: str, **values: object) -> str:
        return i18n.text(key, self.lang, **values)

    def until(self, so: Callable[[], T], what: str) -> T:
        return until(so, what, self.page, self.seen)

    def seen(self) -> str:
        """What a failed test should tell."""
        return f"at {self.page.url}: {self.errors()}, {self.formulas()}, {self.complaints}"

    def heading(self) -> str:
        return self.page.locator('[data-testid="stMain"] h1').inner_text()

    def formulas(self) -> list[str]:
        return self.page.locator('[data-testid="stMain"] annotation').all_text_contents()

    def formula(self, start: str) -> str:
        """The one formula that begins like this; waited for."""

        def found() -> str:
            (one,) = [text for text in self.formulas() if text.startswith(start)]
            return one

        return self.until(found, f"a formula {start}")

    def errors(self) -> list[str]:
        boxes = self.page.locator('[data-testid="stAlertContentError"] [data-testid="stMarkdownContainer"] p')
        return [text.strip() for text in boxes.all_inner_texts()]

    def levels_left_out(self) -> list[int]:
        """The levels of all headings, if there is not one title, or if a level is left out between two."""
        levels: list[int] = self.page.evaluate(LEVELS)
        whole = levels[:1] == [1] and levels.count(1) == 1 and len(levels) > 1
        return [] if whole and all(b <= a + 1 for a, b in pairwise(levels)) else levels or [0]

    def url(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.page.url).query))

    def path(self) -> str:
        return urlsplit(self.page.url).path.strip("/")

    def chosen(self, key: str) -> str:
        """The label of what is chosen in a row of choices."""
        return self.page.locator(f".st-key-{key} button[aria-checked=true]").inner_text().strip()

    def number(self) -> int:
        """The pinned channel as the sidebar has it, or the stage."""
        return int(self.page.locator(CHANNEL).input_value())

    def stage(self, board: str) -> Locator:
        """The picture part of a board."""
        return self.page.locator(f".st-key-board-{board} .stage")

    def idle(self) -> bool:
        """Whether all that was asked of the server is answered and on the page."""
        return bool(self.page.evaluate("runs.still()"))

    def fitted(self) -> bool:
        """Whether the page is laid out for its width: wide, or to less than 40 px what there is."""
        laid = int(self.page.locator(".st-key-window span").text_content() or 0)
        room = float(self.page.evaluate(ROOM))
        return room - 40 < laid <= room if room < screen.SLIM else laid == 0

    # --- acting ---

    def open(self, page: str = "squeeze", /, **url: object) -> Visitor:
        """Open a page of the app, its closer looks too unless ``more`` names some; wait until it stands there."""
        url = {"more": OPEN} | url
        path = "" if page == FIRST else page
        self.page.goto(f"{self.address}/{path}{'?' + urlencode(url) if url else ''}", timeout=PATIENCE_S * 1000)
        self.until(lambda: self.heading() == self.t(named(page, "title")), f"the page {page}")
        self.until(self.fitted, "a layout for this width")
        return self.settle()

    def settle(self) -> Visitor:
        """Wait until the script has run, and what it sent is on the page. Figures may still be drawn: see ``rest``."""
        self.until(self.idle, "the script to end")
        return self

    def rest(self) -> Visitor:
        """Wait until nothing moves any more: fonts, pictures and figures are there, and two looks see the same."""
        looks: list[str | None] = [None]

        def still() -> bool:
            looks.append(self.page.evaluate("runs.picture()") if self.idle() else None)
            return looks[-1] is not None and looks[-1] == looks[-2]

        self.until(self.fitted, "a layout for this width")
        self.until(still, "the page to rest")
        return self

    def go(self, page: str) -> Visitor:
        """Through the menu."""
        menu = self.page.get_by_test_id("stTopNavSection").filter(has_text=self.t(f"{SECTIONS[page]}.section"))
        link = self.page.get_by_test_id("stTopNavDropdownLink").filter(has_text=self.t(named(page, "nav")))
        menu.click()
        link.click()
        self.until(lambda: self.heading() == self.t(named(page, "title")), f"the page {page}")
        return self.settle()

    def choose(self, key: str, label: str) -> Visitor:
        """Press one of a row of choices."""
        self.page.locator(f".st-key-{key} button").filter(has_text=re.compile(f"^{re.escape(label)}$")).click()
        self.until(lambda: self.chosen(key) == label, f"{label} to be chosen")
        return self.settle()

    def opened(self, key: str) -> Locator:
        """Open a list; its options. A list that has opened closes when the page scrolls."""
        box, options = self.page.locator(f".st-key-{key} input"), self.page.get_by_role("option")
        box.scroll_into_view_if_needed()
        self.rest()
        self.until(lambda: options.count() or box.press("ArrowDown"), f"the list of {key}")
        return options

    def select(self, key: str, label: str) -> Visitor:
        """Choose from a list."""
        box = self.page.locator(f".st-key-{key}")
        self.opened(key)
        self.page.get_by_role("option", name=label, exact=True).click()
        self.until(lambda: label in (box.inner_text() + box.locator("input").input_value()), f"{label} to be chosen")
        return self.settle()

    def take(self, key: str) -> Visitor:
        """Choose one of the small networks, whose weights are here, from the list of models."""
        return self.select("model", self.t("model.here", title=catalogue.spec(key).title))

    def pin(self, channel: int) -> Visitor:
        """By number."""
        box = self.page.locator(CHANNEL)
        box.fill(str(channel))
        box.press("Enter")
        self.until(lambda: self.url().get("channel") == str(channel), f"channel {channel} in the URL")
        return self.settle()

    def own(self) -> Visitor:
        """Open "Your own photo"."""
        self.page.get_by_test_id("stExpander").filter(has_text=self.t("photo.own")).locator("summary").click()
        self.until(self.page.locator(".st-key-_file").is_visible, "the uploader")
        return self.settle()

    def upload(self, name: str, data: bytes) -> Visitor:
        box = self.page.locator(".st-key-_file")
        if not box.is_visible():
            self.own()
        file = {"name": name, "mimeType": "application/octet-stream", "buffer": data}
        box.locator("input[type=file]").set_input_files(file, timeout=PATIENCE_S * 1000)  # type: ignore[arg-type]
        return self

    def download(self, figure: str, kind: str) -> Download:
        """Through the popover beside a figure's title."""
        self.settle()
        openers = self.page.get_by_test_id("stMain").get_by_test_id("stPopover").locator("button:visible")
        button = self.page.locator(f".st-key-{kind}-{figure} button")
        for index in range(self.until(openers.count, "a popover")):
            openers.nth(index).click()
            self.until(lambda: self.page.locator("[class*=st-key-csv-] button").count(), "an open popover")
            self.settle()
            if button.count():
                break
            self.page.keyboard.press("Escape")
            self.until(lambda: not self.page.locator("[class*=st-key-csv-] button").count(), "a closed popover")
            self.settle()
        with self.page.expect_download(timeout=PATIENCE_S * 1000) as coming:
            button.click()
        return coming.value

    def leave(self) -> None:
        """Go, and say whether the browser complained."""
        self.page.remove_listener("console", self._hear)
        self.page.remove_listener("pageerror", self._fail)
        if isinstance(self._seats, Seats) and not self.complaints:
            self._seats.give(self.page, **self._options)
        else:
            self.context.close()
        assert self.complaints == [], "the browser's console"


@pytest.fixture(scope="package")
def seats(browser: Browser) -> Seats:
    return Seats(browser)


@pytest.fixture
def visit(browser: Browser, seats: Seats, server: str) -> Iterator[Callable[..., Visitor]]:
    """Makes visitors, and asks each in the end whether the browser complained.

    One that is ``new`` has a browser in which nobody was, and nobody comes after: for what changes a page for good.
    """
    came: list[Visitor] = []

    def make(address: str = server, new: bool = False, **options: Any) -> Visitor:
        came.append(Visitor(browser if new else seats, address, **options))
        return came[-1]

    yield make
    for visitor in came:
        visitor.leave()


@pytest.fixture
def visitor(visit: Callable[..., Visitor]) -> Visitor:
    """In front of an English browser, 1280 pixels wide."""
    return visit()
