"""What one rerun sends to the browser: a real server, a real Chromium, every message and every file counted.

    python -m benchmarks.payload [--deep]

Counted are the websocket's messages (they are not compressed on the way) and every answer but Streamlit's own static
files, which a browser keeps. The first load of every page; with the default network, every kind of click too. The stage
pins by itself: there another channel must send nothing.
``--deep`` looks at the first page alone, in front of the deepest block of SENet-154 (2,048 channels; no goal), and at
how long the stage takes to draw it. Random weights, so that it runs anywhere. Needs Chromium: $CHROMIUM, or one on the
PATH.
"""

import argparse
from itertools import product
from statistics import median
from urllib.parse import urlencode, urlsplit

from playwright.sync_api import Page, Response, WebSocket, sync_playwright
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

import app as pages
from benchmarks._browser import chromium
from benchmarks._seat import SMALL
from benchmarks._server import server
from benchmarks.app import BLOCKS
from benchmarks.common import print_table
from benchmarks.seats import PAGES
from senet_viz import i18n

GOAL_KB = 300.0
PATIENCE_S, FIRST_LOAD = 120.0, "first load"
CLICKED = "tiny_se"
DEEP = {"legacy_senet154": "layer4.2.se_module"}
STAGE, TURNS = "[data-testid=stage]", 9
t = i18n.texts("en")
CHOICES = """() => [...document.querySelectorAll("[data-testid=stMain] button[aria-checked=false]:enabled")]
  .map((button) => button.closest("[class*=st-key-]").className.match(/st-key-(\\S+)/)[1])"""

# from the change to the second frame after it: the first has drawn it, and is on the screen then
DRAW = """async (turns) => {
    const all = [...document.querySelector("[data-testid=stMain]").querySelectorAll("*")];
    const root = all.map((each) => each.shadowRoot?.querySelector(".stage")).find(Boolean);
    const frame = () => new Promise((done) => requestAnimationFrame(done));
    const set = (name, value) => {
        const box = root.querySelector(`[name=${name}]`);
        box.value = value;
        box.dispatchEvent(new Event("change"));
    };
    const rest = () => new Promise((done) => setTimeout(done, 600));
    const ways = {
        "nothing (two frames)": () => {},
        "another channel": (i) => set("channel", 100 + i),
        "another order": (i) => set("sort", ["z", "index"][i % 2]),
        "another colour range": (i) => set("scope", ["block", "channel"][i % 2]),
        "another step, its first frame": (i) => root.querySelectorAll(".steps button")[1 + i % 6].click(),
    };
    const rows = [];
    for (const [what, change] of Object.entries(ways)) {
        const taken = [];
        for (let i = 0; i < turns; i++) {
            await rest();
            const start = performance.now();
            change(i);
            await frame(), await frame();
            taken.push(performance.now() - start);
        }
        rows.push([what, taken]);
    }
    return rows;
}"""


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
            and not response.url.startswith(("data:", "blob:"))  # which came in messages, and are counted there
        ):
            self.files += int(response.headers.get("content-length", 0))

    def row(self, run: bool = True) -> list[str]:
        """Wait for the end of the ``run``, if there is one, and of its files; KB of messages, files, both."""
        for _ in range(int(PATIENCE_S)):
            before = self.messages
            self.page.wait_for_timeout(1000)
            if before == self.messages and (self.ends or not run):  # a run may ask for another
                break
        else:
            raise SystemExit(f"the run did not end: {self.page.url}")
        self.page.wait_for_load_state("networkidle", timeout=PATIENCE_S * 1000)
        return [f"{n / 1000:.0f}" for n in (self.messages, self.files, self.messages + self.files)]


def clicks(page: Page, meter: Meter) -> list[list[str]]:
    """A row for each click on that page: another channel, another value of every row of choices, another photo."""
    rows, on_stage = [], page.locator(STAGE).count() > 0
    meter.reset()
    box = page.locator(f"{STAGE} [name=channel]" if on_stage else ".st-key-channel input")
    if box.count():  # lessons have no channel
        other = str(min(101, int(box.get_attribute("max") or 0)))  # our SK network's first unit has fewer
        box.fill(other)
        box.press("Enter")
        if on_stage:
            page.locator(f'{STAGE}[data-pinned="{other}"]').wait_for()
        rows.append(["another channel", *meter.row(run=not on_stage)])
    for key in dict.fromkeys(page.evaluate(CHOICES)):
        button = page.locator(f".st-key-{key} button[aria-checked=false]").first
        if not button.count():  # gone with another choice
            continue
        meter.reset()
        text = button.inner_text()
        button.click()
        rows.append([f"{key}: {text}", *meter.row()])
    meter.reset()
    page.locator(".st-key-photo button").filter(has_text=t("sample.coffee")).click()
    rows.append(["another photo", *meter.row()])
    return rows


def drawn(page: Page) -> list[list[str]]:
    """A row for each way in which the stage is drawn again: milliseconds until it is painted, median of all turns."""
    page.locator(f"{STAGE}[data-pinned]").wait_for()
    rows = page.evaluate(DRAW, TURNS)
    return [[what, f"{median(taken):.0f}", f"{max(taken):.0f}"] for what, taken in rows]


def main() -> None:
    """Measure and print; ends with status 1 where a first load or a rerun sends more than the goal."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--deep", action="store_true")
    deep = parser.parse_args().deep
    rows, slow = list[list[str]](), list[list[str]]()
    with server() as app, sync_playwright() as playwright:
        browser = chromium(playwright)
        for (model, block), name in product((DEEP if deep else BLOCKS).items(), PAGES[:1] if deep else PAGES):
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            page.set_default_timeout(PATIENCE_S * 1000)
            meter = Meter(page)
            url = {"lang": "en", "weights": "random", "model": model, "block": block, "channel": 17}
            page.goto(f"http://{app.address}/{'' if name == pages.FIRST else name}?{urlencode(url)}")
            here = [[FIRST_LOAD, *meter.row()], *(clicks(page, meter) if model == CLICKED else [])]
            rows += [[name, f"{model} {block}", *row] for row in here]
            slow += drawn(page) if deep else []
            page.close()
        browser.close()
    print("## What the browser gets: KB of messages, of files, and of both\n")
    print_table(["page", "block", "click", "messages", "files", "both"], rows)
    if deep:
        print(f"\n## The stage draws it: milliseconds until it is painted, of {TURNS}\n")
        print_table(["what changes", "median", "most"], slow)
    first = max(float(row[-1]) for row in rows if row[2] == FIRST_LOAD)
    clicked = [float(row[-1]) for row in rows if row[2] != FIRST_LOAD]
    said = f", largest rerun {max(clicked):.0f} KB; the goal is {GOAL_KB:.0f} KB each" if clicked else ""
    print(f"\nlargest first load {first:.0f} KB{said}")
    raise SystemExit(0 if deep or max(first, *clicked) <= GOAL_KB else 1)


if __name__ == "__main__":
    main()
