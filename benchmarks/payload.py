"""What one rerun sends to the browser: a real server, a real Chromium, every message and every file counted.

    python -m benchmarks.payload

Counted are the websocket's messages (they are not compressed on the way) and every answer but Streamlit's own static
files, which a browser keeps. Random weights, so that it runs anywhere. Needs Chromium: $CHROMIUM, or on the PATH.
"""

import os
import re
import shutil
from urllib.parse import urlencode, urlsplit

from playwright.sync_api import Page, Response, WebSocket, sync_playwright
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from benchmarks._seat import SMALL
from benchmarks._server import server
from benchmarks.app import BLOCKS, PAGES
from benchmarks.common import print_table
from senet_viz import i18n

GOAL_KB = 300.0
PATIENCE_S = 120.0
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
t = i18n.texts("en")
CLICKS = {  # widget, and the label of what is chosen
    "squeeze": (("sort", "sort.z"), ("scope", "scope.channel"), ("pool", "pool.max")),
    "excitation": (("gatefn", "h-sigmoid"),),
    "rescale": (("order", "sort.z"), ("carpet", "carpet.index")),
    "what_if": (("_this", "Mute 101, or open it"), ("carpet", "carpet.sorted")),
}


class Meter:
    """Counts what arrives in one page since the last ``reset``."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.reset()
        page.on("websocket", self._listen)
        page.on("response", self._answer)

    def reset(self) -> None:
        """Start again at 0."""
        self.messages = self.files = self.ends = 0

    def _listen(self, wire: WebSocket) -> None:
        wire.on("framereceived", self._frame)

    def _frame(self, frame: str | bytes) -> None:
        data = frame if isinstance(frame, bytes) else frame.encode()
        self.messages += len(data)
        if len(data) < SMALL and ForwardMsg.FromString(data).HasField("script_finished"):
            self.ends += 1

    def _answer(self, response: Response) -> None:
        path = urlsplit(response.url).path
        if (
            response.ok
            and not path.startswith("/static")
            and "_stcore" not in path
            and not response.url.startswith("data:")
        ):
            self.files += int(response.headers.get("content-length", 0))

    def row(self) -> list[str]:
        """Wait for the end of the run and of its files; KB of messages, files, both."""
        for _ in range(int(PATIENCE_S * 10)):
            if self.ends:
                break
            self.page.wait_for_timeout(100)
        else:
            raise SystemExit("the run did not end")
        self.page.wait_for_load_state("networkidle", timeout=PATIENCE_S * 1000)
        self.page.wait_for_timeout(500)
        return [f"{n / 1000:.0f}" for n in (self.messages, self.files, self.messages + self.files)]


def clicks(page: Page, name: str, meter: Meter) -> list[list[str]]:
    """A row for each click on that page."""
    rows = []
    meter.reset()
    box = page.locator(".st-key-channel input")
    box.fill("101")
    box.press("Enter")
    rows.append(["another channel", *meter.row()])
    for key, label in CLICKS[name]:
        meter.reset()
        text = t(label) if "." in label else label
        page.locator(f".st-key-{key} button").filter(has_text=re.compile(f"^{re.escape(text)}$")).click()
        rows.append([f"{key}: {text}", *meter.row()])
    meter.reset()
    page.locator(".st-key-photo button").filter(has_text=t("sample.coffee")).click()
    rows.append(["another photo", *meter.row()])
    return rows


def main() -> None:
    """Measure and print; ends with status 1 where a rerun sends more than the goal."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if path is None:
        raise SystemExit("no Chromium: set CHROMIUM, or put chromium on the PATH")
    rows: list[list[str]] = []
    with server() as app, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        for model, block in BLOCKS.items():
            for name in PAGES:
                page = browser.new_page(viewport={"width": 1280, "height": 900})
                page.set_default_timeout(PATIENCE_S * 1000)
                meter = Meter(page)
                url = {"lang": "en", "weights": "random", "model": model, "block": block, "channel": 17}
                page.goto(f"http://{app.address}/{'' if name == PAGES[0] else name}?{urlencode(url)}")
                here = [["first load", *meter.row()], *clicks(page, name, meter)]
                rows += [[name, f"{model} {block}", *row] for row in here]
                page.close()
        browser.close()
    print("## What the browser gets: KB of messages, of files, and of both\n")
    print_table(["page", "block", "click", "messages", "files", "both"], rows)
    worst = max(float(row[-1]) for row in rows if row[2] != "first load")
    print(f"\nThe largest rerun sends {worst:.0f} KB; the goal is {GOAL_KB:.0f}.")
    raise SystemExit(0 if worst <= GOAL_KB else 1)


if __name__ == "__main__":
    main()
