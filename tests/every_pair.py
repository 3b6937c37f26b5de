"""Every pair of values of two options, on every network, at full width: some minutes, so only when asked for.

    make test TESTS=tests/every_pair.py

``test_every_gate.py`` has what runs every time.
"""

from __future__ import annotations

from typing import Any

import pytest

from senet_viz.networks.registry import NETWORKS, Network
from tests import at_work

CASES = [(row, options) for row in NETWORKS for options in at_work.covering(row)]


@pytest.mark.parametrize(("row", "options"), CASES, ids=lambda v: v.name if isinstance(v, Network) else str(v))
def test_every_gate_runs_learns_and_matters(row: Network, options: dict[str, Any]) -> None:
    assert at_work.check(row, options) == []
