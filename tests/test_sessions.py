"""A server that runs for long keeps no more than one that has just seen everything."""

from __future__ import annotations

import sys

import pytest

from benchmarks import sessions


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="memory is read where Linux tells it")
def test_thousands_of_reruns_and_hundreds_of_sessions_leave_nothing() -> None:
    first, second = sessions.measured(reruns=5000, sessions=500)
    assert second <= sessions.GOAL * first
