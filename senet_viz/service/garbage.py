"""Garbage is collected when nobody waits: a collection stops every thread for as long as there is much to look at.

What a rerun leaves goes mostly by itself. What is left in cycles, as the sessions of closed tabs, is many thousands of
objects, and looking for them among all that is alive takes up to a second.
"""

import asyncio
import gc
from time import process_time

YOUNG, MIDDLE, OLD = 50_000, 10, 20  # objects, and collections of the generation before, that bring the next one
EVERY_S, QUIET, MOMENTS = 0.5, 0.1, 2  # so many times in a row, at most this part of a processor was at work


def settle() -> None:
    """Put what has been imported and loaded by now out of sight of every collection: it stays anyway. Once."""
    if gc.get_freeze_count():
        return
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, OLD)


async def tidy() -> None:
    """Collect everything in quiet moments, until cancelled; without any, the thresholds of ``settle`` do it."""
    moments = 0
    while True:
        busy = process_time()
        await asyncio.sleep(EVERY_S)
        quiet = process_time() - busy < QUIET * EVERY_S
        moments = moments + 1 if quiet else 0
        if moments == MOMENTS and any(gc.get_count()[1:]):  # else hardly anything has come since the last one
            gc.collect()
