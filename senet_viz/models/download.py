"""Files that come over the network: one transfer for all who want the same file, and a patience that ends.

Nothing here knows a model.
"""

import hashlib
import io
import os
import re
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from time import monotonic
from typing import Any

from senet_viz.errors import Stopped
from senet_viz.jobs import Jobs, Progress, in_a_thread

ANSWER_S, NAME_S, READ_S = 3.0, 6.0, 10.0  # seconds for an answer, with the name look-up, between two reads
PIECE = 2**18  # bytes
PIECE_S, WHOLE_S = 30.0, 3600.0  # seconds for one piece more, for the whole file


_under_way: Jobs[Path] = Jobs(in_a_thread)


def once(name: str, work: Callable[[Progress], Path], report: Progress) -> Path:
    """Return the file that ``work`` fetches in a thread of its own; who asks for ``name`` meanwhile waits for the same.

    Args:
        work: takes what it has to tell, often, how far it is; it is stopped there when nobody waits any more.
        report: called in the asking thread, several times a second.

    Raises:
        TimeoutError: one piece more took longer than ``PIECE_S``, or the whole longer than ``WHOLE_S``. A time-out of
            the connection cannot see that: a server that sends one byte a second never keeps it waiting.
    """
    began = moved = monotonic()
    here = 0

    def watched(done: int, total: int) -> None:
        nonlocal here, moved
        now = monotonic()
        if done - here >= PIECE:
            here, moved = done, now
        report(done, total if done else 0)
        if now - moved > PIECE_S:
            raise TimeoutError(f"less than {PIECE} bytes came within {PIECE_S:.0f} s")
        if now - began > WHOLE_S:
            raise TimeoutError(f"it is not here after {WHOLE_S:.0f} s")

    def wanted(told: Progress) -> Path:
        def heard(done: int, total: int) -> None:
            if told(done, total) is False:
                raise Stopped("nobody waits for this file any more")

        return work(heard)

    return _under_way.get(name, wanted, watched)


def ask(url: str) -> None:
    """Raise an error unless some server answers soon. The hub's client tries for 46 s before it believes in no network.

    A name look-up has no time-out of its own, hence the thread. Any answer will do, and proxies are honoured.
    """
    from urllib.error import HTTPError
    from urllib.request import Request, urlopen

    outcome: list[Exception | None] = []

    def head() -> None:
        try:
            with urlopen(Request(url, method="HEAD", headers={"User-Agent": "senet-viz"}), timeout=ANSWER_S):
                outcome.append(None)
        except HTTPError:
            outcome.append(None)
        except Exception as error:  # handed over to the thread that waits
            outcome.append(error)

    thread = Thread(target=head, daemon=True)
    thread.start()
    thread.join(NAME_S)
    problem = outcome[0] if outcome else TimeoutError(f"no answer within {NAME_S:.0f} s")
    if problem is not None:
        raise problem


def from_address(url: str, target: Path, report: Progress) -> Path:
    """Fetch ``url`` into the file ``target``, check it against the hash in its name, and replace the old in one step.

    torch.hub's own download has no time-out and reports nothing; the file that it finds here is the same.
    """
    from urllib.request import Request, urlopen

    ask(url)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.{os.getpid()}.partial")
    digest, done = hashlib.sha256(), 0
    try:
        with (
            urlopen(Request(url, headers={"User-Agent": "senet-viz"}), timeout=READ_S) as reply,
            part.open("wb") as file,
        ):
            length = reply.headers.get("Content-Length")
            total = int(length) if length else 0
            while piece := reply.read1(PIECE):  # what is here: read() would wait for all of it, drop by drop
                file.write(piece)
                digest.update(piece)
                done += len(piece)
                report(done, total)
        if length and done != total:
            raise ConnectionError(f"the connection ended after {done} of {total} bytes")
        expected = re.search(r"-([0-9a-f]{8,})\.", target.name)
        if expected and not digest.hexdigest().startswith(expected[1]):
            raise OSError("what arrived is not the file that was asked for: its hash differs")
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return target


def from_hub(repository: str, report: Progress) -> Path:
    """Fetch ``model.safetensors`` of a repository into the model hub's own cache."""
    from huggingface_hub import constants, hf_hub_download
    from tqdm import tqdm

    best = 0

    class Bar(tqdm):
        """A bar tells ``report`` what it would have drawn; there may be two, for transfer and for assembly."""

        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **{**options, "file": io.StringIO()})

        def update(self, n: float | None = 1) -> bool | None:
            nonlocal best
            drawn = super().update(n)
            best = max(best, int(self.n))
            report(best, int(self.total or 0))
            return drawn

    if not constants.HF_HUB_OFFLINE:
        ask(f"{constants.ENDPOINT}/{repository}/resolve/main/model.safetensors")
    constants.DOWNLOAD_CHUNK_SIZE = PIECE  # it reads, and tells, 10 MiB at a time: a slow line would look like none
    return Path(hf_hub_download(repository, "model.safetensors", etag_timeout=READ_S, tqdm_class=Bar))
