"""Pages of a browser: a new one, or one that a visitor of another test has left."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page

GLANCE_S = 30.0  # for one press, or one look at what must be there; ``conftest.until`` looks again
WATCH = Path(__file__).with_name("watch.js")


class Seats:
    """Empty pages that visitors have left: one that has had the app before opens it with a third of the work."""

    def __init__(self, browser: Browser) -> None:
        self.browser = browser
        self._free: dict[tuple[Any, ...], list[Page]] = {}

    def take(self, **context: Any) -> Page:
        """An empty page of a browser with these options, which nobody else has."""
        free = self._free.get(_key(context))
        return free.pop() if free else new_page(self.browser, **context)

    def give(self, page: Page, **context: Any) -> None:
        """Keep a page for the next, with nothing in it that the last has left in the browser."""
        for other in page.context.pages:
            if other is not page:
                other.close()
        page.evaluate("localStorage.clear(); sessionStorage.clear()")
        page.context.clear_cookies()
        page.mouse.move(0, 0)
        page.goto("about:blank")
        self._free.setdefault(_key(context), []).append(page)


def _key(context: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(sorted(context.items()))


def new_page(browser: Browser, **context: Any) -> Page:
    """A page in a browser of its own, which tells ``watch.js`` what runs."""
    made: BrowserContext = browser.new_context(accept_downloads=True, **context)
    made.add_init_script(path=WATCH)
    page = made.new_page()
    page.set_default_timeout(GLANCE_S * 1000)
    return page
