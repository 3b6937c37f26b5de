"""Judge a test report: ``verdict.py tests.xml`` fails if nothing ran, or if a test that drives the browser did not."""

from __future__ import annotations

import sys
from pathlib import Path
from xml.etree import ElementTree

BROWSER = "tests.browser."


def complaints(report: Path) -> list[str]:
    """What is wrong with a report, a line each; empty if nothing is."""
    if not report.is_file():
        return ["there is no report: the tests did not run"]
    cases = list(ElementTree.parse(report).iter("testcase"))
    skipped = [case for case in cases if case.find("skipped") is not None]
    if len(cases) == len(skipped):
        return ["no test ran"]
    browser = [case for case in cases if f"{case.get('classname')}.".startswith(BROWSER)]
    if not browser:
        return [f"there is no test in {BROWSER.strip('.').replace('.', '/')}"]
    return [
        f"{case.get('classname')}::{case.get('name')} was skipped: {case.find('skipped').get('message')}"  # type: ignore[union-attr]
        for case in browser
        if case in skipped
    ]


if __name__ == "__main__":
    found = complaints(Path(sys.argv[1]))
    for line in found:
        print(f"CI: {line}")
    sys.exit(1 if found else 0)
