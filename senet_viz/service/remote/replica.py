"""The other end: a Ray Serve deployment whose replicas answer questions with a ``LocalEngine`` each.

``python -m senet_viz.service.remote.replica`` starts Ray on this machine with it, says on which address it answers, and
ends with the process that started it, or with its own. ``--address auto`` puts it on a Ray that runs already.

It belongs on a network of one's own: who reaches the port may ask.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import ray
from ray import serve
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse

from senet_viz.errors import SenetVizError, Stopped
from senet_viz.models import devices
from senet_viz.service.engine import Seat
from senet_viz.service.local import LocalEngine
from senet_viz.service.questions import Question, TraceQuestion
from senet_viz.service.remote import codec, wire

NAME = "senet-viz"
WAITING = 128  # questions that one replica has at once
TOGETHER = 16  # questions of the same model that are handed over at once
STORE_MIB = 512  # of Ray's object store, where this starts Ray
_log = logging.getLogger("ray.serve")


class _Told:
    """How far one question is, and whether anybody still wants it."""

    def __init__(self) -> None:
        self.done, self.total, self.gone = 0, 1, False
        self.seat = Seat(here=self.here)  # nobody in particular: whose turn it is has been decided where it was asked

    def here(self) -> None:
        if self.gone:
            raise Stopped("nobody waits for it any more")

    def __call__(self, done: int, total: int) -> bool:
        self.here()
        self.done, self.total = done, total
        return True


class Replica:
    """A replica answers what it is sent, each question in a thread of its own; its engine has the lanes."""

    def __init__(self, workers: int) -> None:
        self.engine = LocalEngine(workers, WAITING)
        self._threads = ThreadPoolExecutor(2 * WAITING, "asked")
        self._loading: dict[str, _Told] = {}

    async def __call__(self, request: Request) -> Response:
        """Answer one question in frames: see ``wire``."""
        if request.method == "GET":
            return JSONResponse({"process": os.getpid(), "forwards": self.engine.forwards})
        if request.headers.get("content-type") != wire.KIND or "origin" in request.headers:
            return PlainTextResponse("no question", 415)  # a browser is never who asks
        body = bytearray()
        async for part in request.stream():
            body += part
            if len(body) > wire.MOST:
                return PlainTextResponse("too long", 413)
        try:
            what = codec.unpacked(body, tensors=True)
        except codec.Unreadable as error:
            return PlainTextResponse(str(error), 400)
        told, name = _Told(), serve.get_multiplexed_model_id()
        work = asyncio.ensure_future(self._answered(what, name, told))
        return StreamingResponse(self._frames(work, name, told), media_type=wire.KIND)

    async def _frames(self, work: asyncio.Future[bytes], name: str, told: _Told) -> AsyncIterator[bytes]:
        try:
            while not (await asyncio.wait([work], timeout=wire.PULSE_S))[0]:
                at = self._loading.get(name, told)
                yield wire.pulse(at.done, at.total)
            yield work.result()
        finally:
            told.gone = True

    async def _answered(self, what: dict[str, Any], name: str, told: _Told) -> bytes:
        """Return the last frame."""
        try:
            if "retry" in what:
                self.engine.retry(what["retry"])
            if name:
                await self.network(name)
            question = what.get("ask")
            if isinstance(question, TraceQuestion) and name:
                answer = await self.together((question, told))
                if isinstance(answer, Exception):  # one's own, that the others do not see
                    raise answer
            else:
                answer = await self._in_a_thread(partial(self._work, what, told))
            return wire.frame(b"a", await self._in_a_thread(partial(codec.packed, answer)))
        except Exception as error:
            if not isinstance(error, SenetVizError):
                _log.exception("unexpected")
            return wire.frame(b"x", codec.packed(error))

    async def _in_a_thread(self, work: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def _work(self, what: dict[str, Any], told: _Told) -> Any:
        if isinstance(question := what.get("ask"), Question):
            return self.engine.ask(question, told, told.seat)
        if "run" in what:
            module, function, args, named = what["run"]
            return self.engine.run(partial(codec.runnable(module, function), *args, **named), what["where"])
        if "ready" in what:
            return self._ready(what["ready"], told)
        return devices.devices()

    def _ready(self, network: Sequence[Any], told: _Told) -> None:
        key, device, weights = network
        self.engine.ready(key, device, weights, told, told.seat)

    @serve.multiplexed(max_num_models_per_replica=-1)  # the engine's own budget, in MiB, is the bound
    async def network(self, name: str) -> str:
        """Have a network loaded; Serve sends questions about it to the replicas that have it."""
        told = self._loading[name] = _Told()
        try:
            await self._in_a_thread(partial(self._ready, name.split("|"), told))
        finally:
            del self._loading[name]
        return name

    @serve.batch(max_batch_size=TOGETHER, batch_wait_timeout_s=0.0, max_concurrent_batches=WAITING)
    async def together(self, questions: list[tuple[TraceQuestion, _Told]]) -> list[Any]:
        """Hand over all that waits for one model at once; on the CPU each is a forward of its own, as it is here."""
        asked = [self._in_a_thread(partial(self.engine.ask, each, told, told.seat)) for each, told in questions]
        return await asyncio.gather(*asked, return_exceptions=True)


def deployed(replicas: int = 1, cpus: float = 1.0, gpus: float = 0.0) -> serve.Application:
    """Return the application, for ``serve.run``."""
    made = serve.deployment(
        name="engine",
        num_replicas=replicas,
        max_ongoing_requests=WAITING,
        ray_actor_options={"num_cpus": cpus, "num_gpus": gpus},
        health_check_period_s=2,
        graceful_shutdown_timeout_s=5,
    )(Replica)
    return made.bind(max(1, int(cpus)))


def main(argv: Sequence[str] | None = None) -> None:
    """Put the engine on Ray, say where it answers, and stay."""
    parser = argparse.ArgumentParser(prog="python -m senet_viz.service.remote.replica", description=main.__doc__)
    parser.add_argument("--address", default="", help="of a Ray that runs: auto, or host:port; here by default")
    parser.add_argument("--host", default="127.0.0.1", help="where it answers; 0.0.0.0: on a network of your own")
    parser.add_argument("--port", type=int, default=wire.PORT)
    parser.add_argument("--replicas", type=int, default=1, help="processes, each with networks of its own")
    parser.add_argument("--cpus", type=float, default=0.0, help="cores of each; all of this machine's by default")
    parser.add_argument("--gpus", type=float, default=0.0, help="GPUs of each: 0.5 shares one")
    said = parser.parse_args(argv)
    cpus = said.cpus or max(1, (os.cpu_count() or 1) // said.replicas)
    parent = os.getppid()
    for each in (signal.SIGINT, signal.SIGTERM):  # a shell's background ignores the first unless it is asked for
        signal.signal(each, lambda *_: sys.exit(0))  # nothing of Ray stays behind
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is told to anybody
    here = {} if said.address else {
        "num_cpus": max(os.cpu_count() or 1, int(said.replicas * cpus)),
        "object_store_memory": STORE_MIB * 2**20,
        "include_dashboard": False,
    }  # fmt: skip
    ray.init(said.address or "local", logging_level=logging.WARNING, log_to_driver=False, **here)
    try:
        serve.start(http_options={"host": said.host, "port": said.port})
        serve.run(deployed(said.replicas, cpus, said.gpus), name=NAME, route_prefix="/")
        print(f"ready: ray://{said.host}:{said.port}", flush=True)  # noqa: T201 - it is what the starting process reads
        while not said.address and os.getppid() == parent:
            time.sleep(0.5)
    finally:
        if not said.address:
            serve.shutdown()
            ray.shutdown()


if __name__ == "__main__":
    main(sys.argv[1:])
