"""The engine whose networks are on Ray Serve: this process keeps answers, asks for what it has not, and waits.

It needs no torch and no Ray. A replica that dies in the middle of a question is a longer wait: the question is asked
again. Where nobody answers at all, the small networks that ship with the project are answered here.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from threading import BoundedSemaphore
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, TypeVar

from senet_viz.errors import Busy, EngineAway, SenetVizError, Stopped
from senet_viz.jobs import Jobs, Progress, in_a_thread, silent
from senet_viz.models import catalogue
from senet_viz.service.cache import Once
from senet_viz.service.engine import NOBODY, Keeping, Seat, both
from senet_viz.service.questions import Question, Where
from senet_viz.service.remote import codec, wire

if TYPE_CHECKING:
    from senet_viz.networks.registry import Choice
    from senet_viz.service.engine import Engine

    Network = tuple[str | Choice, str, str]  # model, device, weights

T = TypeVar("T")
SCHEME = "ray://"
AWAY_S = 3.0  # so long nobody may take the call before this engine is said to be away
AGAIN_S = 5.0  # so long it is not called again then
PATIENCE_S = 120.0  # so long the replicas may need to come back: a process that imports torch and loads a network
DEATHS = 3  # replicas that may die of one question
_log = logging.getLogger("senet_viz")


def _local() -> Engine:
    from senet_viz.service.local import LocalEngine

    return LocalEngine()


def _wanted(told: Progress) -> None:
    """Raise where nobody waits any more."""
    if told(0, 1) is False:
        raise Stopped("nobody waits for it any more")


def ships(model: object) -> bool:
    """Return whether a network's weights come with the project."""
    return isinstance(model, str) and any(row.key == model and row.source == "ours" for row in catalogue.MODELS)


class RayEngine(Keeping):
    """The engine of many processes: it sends questions to Ray Serve.

    Args:
        address: ``ray://host:port`` of Serve's proxy; its port is 8000 where none is said.
        waiting: questions that may be under way before ``Busy`` is raised.
        local: makes the engine that answers about the shipped networks while nobody else does.
    """

    def __init__(self, address: str, waiting: int = 128, local: Callable[[], Engine] = _local) -> None:
        host, _, port = address.removeprefix(SCHEME).partition(":")
        super().__init__()
        self.host, self.port = host or "127.0.0.1", int(port or wire.PORT)
        self.away_s, self.patience_s = AWAY_S, PATIENCE_S
        self._jobs: Jobs[Any] = Jobs(in_a_thread)
        self._room = BoundedSemaphore(waiting)
        self._ready: set[Network] = set()  # loaded there, as far as is known here: a question loads it in any case
        self._anew: set[str] = set()
        self._away_since: float | None = None
        self._devices: tuple[str, ...] | None = None
        self._here = Once(local)

    # --- questions --------------------------------------------------------------------------------------------------

    def _answer(self, question: Question[T], network: None, progress: Progress) -> T:
        shelf, key = self._shelf(question), question.key

        def work(told: Progress) -> T:
            if (found := shelf.peek(key)) is not None:  # it came while this was beginning
                return found
            if question.forward:
                with self._count:
                    self.forwards += 1
            seat = Seat(here=partial(_wanted, told))
            answer = self._sent({"ask": question}, question.network, told, lambda here: here.ask(question, told, seat))
            return shelf.get(key, lambda: answer)

        found: T = self._jobs.get(key, work, progress)
        return found

    # --- the rest of what an engine does ------------------------------------------------------------------------------

    def run(self, work: Callable[[], T], where: Where = "short") -> T:
        """Run ``work`` where networks are: see ``Engine``. It is a public function of a module, or a partial of one."""
        what = {"run": codec.called(work), "where": where}
        found: T = self._sent(what, None, silent, lambda here: here.run(work, where))
        return found

    def ready(
        self,
        key: str | Choice,
        device: str = "cpu",
        weights: str = "pretrained",
        progress: Progress = silent,
        seat: Seat = NOBODY,
    ) -> None:
        """Have a network loaded there: see ``Engine``."""
        network = key, device, weights
        if network in self._ready:
            return

        def work(told: Progress) -> None:
            self._sent({"ready": network}, network, told, lambda here: here.ready(*network, told))
            if self._away_since is None:
                self._ready.add(network)

        self._jobs.get(("ready", *network), work, both(progress, seat))

    def devices(self) -> tuple[str, ...]:
        """Return where networks can run there: see ``Engine``; asked once."""
        if self._devices is None:
            try:
                self._devices = tuple(self._called({"devices": None}, None, silent)) if not self._waits() else None
            except wire.Away as error:
                self._is_away(error)
        return self._devices or ("cpu",)

    def retry(self, key: str) -> None:
        """Forget that the weights of this model could not be fetched a moment ago: see ``Engine``."""
        with self._count:
            self._anew.add(key)
        self._away_since = None

    # --- the way there ------------------------------------------------------------------------------------------------

    def _sent(
        self,
        what: dict[str, Any],
        network: Network | None,
        told: Progress,
        here: Callable[[Engine], Any],
    ) -> Any:
        """Return what is answered there; where nobody does, what is answered here, if that can be."""
        if not self._room.acquire(blocking=False):
            raise Busy("too many requests are waiting")
        try:
            if not self._waits():
                try:
                    return self._called(what, network, told)
                except wire.Away as error:
                    self._is_away(error)
            if network is not None and not ships(network[0]):
                raise self._no_answer(network, f"{self.host}:{self.port} does not answer")
            return here(self._here())
        finally:
            self._room.release()

    def _is_away(self, error: wire.Away) -> None:
        _log.warning("the engine at %s:%s is away: %s", self.host, self.port, error)
        self._away_since = monotonic()
        self._ready.clear()

    @staticmethod
    def _no_answer(network: Network | None, why: str) -> EngineAway:
        key = "" if network is None else network[0]
        return EngineAway(why, model=catalogue.spec(key).title if isinstance(key, str) and key else str(key))

    def _waits(self) -> bool:
        """Tell whether it was called in vain a moment ago."""
        return self._away_since is not None and monotonic() - self._away_since < AGAIN_S

    def _called(self, what: dict[str, Any], network: Network | None, told: Progress) -> Any:
        """Ask until there is an answer: a replica that dies is a longer wait.

        Raises:
            Away: nobody takes the call, or whoever does has nobody who answers.
        """
        with self._count:
            if network is not None and network[0] in self._anew:
                what["retry"] = str(network[0])
                self._anew.discard(str(network[0]))
        body = codec.packed(what)
        name = "|".join(map(str, network)) if network is not None and isinstance(network[0], str) else ""

        def heard(done: int, total: int) -> None:
            if told(done, total) is False:
                raise Stopped("nobody waits for it any more")

        failed, deaths, before = None, 0, self._away_since is not None
        while True:
            try:
                letter, said = wire.ask(self.host, self.port, body, name, heard)
                break
            except (wire.Away, wire.Broken) as error:
                failed = failed or monotonic()
                refused = isinstance(error, wire.Away)
                deaths += isinstance(error, wire.Died)
                if deaths > DEATHS:
                    raise self._no_answer(network, f"{deaths} replicas died of it: {error}") from error
                if monotonic() - failed > (self.patience_s if not refused else 0 if before else self.away_s):
                    raise wire.Away(str(error)) from error
                _log.info("asked again: %s", error)
            heard(0, 1)
            sleep(wire.PULSE_S)
        self._away_since = None
        answer = codec.unpacked(said)
        if letter == b"x":
            raise answer if isinstance(answer, SenetVizError | ValueError) else RuntimeError(answer)
        return answer
