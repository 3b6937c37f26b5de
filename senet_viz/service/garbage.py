"""Garbage is collected when nobody waits: a collection stops every thread for as long as there is much to look at.

What a rerun leaves goes mostly by itself. What is left in cycles, as the sessions of closed tabs, is many thousands of
objects, and looking for them among all that is alive takes up to a second.
"""

import asyncio
import gc
from time import monotonic, process_time

# Objects, and collections of the generation before, that bring the next one. Whatever is alive is looked at once in the
# middle generation, be it in many short looks or, as with 500, in one that stopped thirty students for 2.7 s.
YOUNG, MIDDLE, OLD = 10_000, 3, 2000
EVERY_S, QUIET, MOMENTS = 0.5, 0.1, 2  # so many times in a row, at most this part of a processor was at work
WHOLE_S = 300.0  # at least, between two looks at everything


def settle() -> None:
    """Put what has been imported and loaded by now out of sight of every collection: it stays anyway. Once."""
    if gc.get_freeze_count():
        return
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, OLD)


async def tidy() -> None:
    """Collect in quiet moments, until cancelled; without any, the thresholds of ``settle`` do it.

    What is alive then goes out of sight too, so that a collection while thirty wait has little to look at. Once in a
    while everything is looked at again: tabs that were closed since are garbage now.
    """
    moments, looked, unseen = 0, monotonic(), False
    while True:
        busy = process_time()
        await asyncio.sleep(EVERY_S)
        quiet = process_time() - busy < QUIET * EVERY_S
        moments = moments + 1 if quiet else 0
        new, whole = any(gc.get_count()[1:]), unseen and monotonic() - looked > WHOLE_S
        if moments < MOMENTS or not (new or whole):
            continue
        if whole:
            gc.unfreeze()
            looked = monotonic()
        gc.collect()
        gc.freeze()
        unseen = not whole
