"""How long a visitor waits for the first picture, measured by how long an empty Streamlit app takes to show a heading.

    python -m benchmarks.first_picture [--rounds 9]

Two servers that somebody has visited before, side by side, and a real Chromium, which takes the time itself: from the
start of the navigation until the heading of the empty app, or the stage's first picture of ours, is on the screen. A
fresh visitor has a browser process of their own that has seen nothing; a returning one opens the page again in it.
"""

import argparse
import random
import shutil
import tempfile
from pathlib import Path
from statistics import median

from playwright.sync_api import BrowserContext, sync_playwright

from benchmarks._browser import chromium
from benchmarks._server import ROOT, server
from benchmarks.common import print_table, spread

EMPTY = 'import streamlit as st\n\nst.title("An empty app")\n'
LOOK = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
WAITED_FOR = {"empty": "heading", "ours": "picture"}
FRESH, RETURNING = 1.25, 1.5  # times what the empty app takes
PATIENCE_MS, REST_MS = 60_000, 1_000


def visit(context: BrowserContext, address: str, app: str) -> float:
    """Seconds until it is there."""
    page = context.new_page()
    page.wait_for_timeout(REST_MS)  # the browser itself has started
    page.add_init_script(LOOK.replace("WAITED_FOR", WAITED_FOR[app]))
    page.goto(address, wait_until="commit")
    shown = page.wait_for_function("window.shown", timeout=PATIENCE_MS, polling=250).json_value()
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(REST_MS)  # the browser keeps what comes after it too
    page.close()
    return float(shown) / 1e3


def measured(addresses: dict[str, str], rounds: int) -> dict[tuple[str, str], list[float]]:
    """Seconds of every visit, by visitor and app; the apps take turns in random order, and one round does not count."""
    rng, order = random.Random(0), list(addresses)
    taken: dict[tuple[str, str], list[float]] = {(who, app): [] for who in ("fresh", "returning") for app in order}
    with sync_playwright() as playwright:
        for turn in range(-1, rounds):
            rng.shuffle(order)
            for app in order:
                browser = chromium(playwright)
                context = browser.new_context(viewport={"width": 1280, "height": 800}, locale="en")
                for who in ("fresh", "returning"):
                    seconds = visit(context, addresses[app], app)
                    if turn >= 0:
                        taken[who, app].append(seconds)
                browser.close()
    return taken


def main() -> None:
    """Measure and print; ends with status 1 where a visitor waits too long."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        empty = Path(folder)
        (empty / "app.py").write_text(EMPTY, encoding="utf-8")
        shutil.copytree(ROOT / ".streamlit", empty / ".streamlit")
        with server(folder=empty) as other, server() as ours:
            taken = measured({"empty": f"http://{other.address}/", "ours": f"http://{ours.address}/"}, asked.rounds)
    times = {who: median(taken[who, "ours"]) / median(taken[who, "empty"]) for who in ("fresh", "returning")}
    rows = [[who, app, WAITED_FOR[app], spread(seconds)] for (who, app), seconds in taken.items()]
    print(f"## Until the first picture: milliseconds of navigation, median and quartiles of {asked.rounds}\n")
    print_table(["visitor", "app", "waits for", "on the screen"], rows)
    print(f"\nfresh {times['fresh']:.2f} x, returning {times['returning']:.2f} x of an empty app")
    raise SystemExit(0 if times["fresh"] <= FRESH and times["returning"] <= RETURNING else 1)


if __name__ == "__main__":
    main()
