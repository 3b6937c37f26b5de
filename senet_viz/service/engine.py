"""What every engine does: ``LocalEngine`` in this process, others elsewhere. Pages, commands and tests know no more."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from senet_viz.jobs import Progress, silent
from senet_viz.service.cache import Shared, Turns
from senet_viz.service.questions import LONG, Question, Where, weighed

if TYPE_CHECKING:
    from senet_viz.networks.registry import Choice

T = TypeVar("T")


@dataclass(frozen=True)
class Seat:
    """A seat asks: a browser's tab, whose long questions run one after the other; without a name, nobody in particular.

    ``here`` is called in the asking thread, several times a second while it waits. Where the tab was closed, or asks
    for something else by now, it raises; what nobody waits for any more ends then.
    """

    name: str = ""
    here: Callable[[], object] = lambda: None


NOBODY = Seat()


def both(progress: Progress, seat: Seat) -> Progress:
    """Return what tells both: how far it is, and that the seat is waiting."""

    def told(done: int, total: int) -> bool | None:
        seat.here()
        return progress(done, total)

    return told


class Engine(Protocol):
    """An engine answers frozen questions about networks for all sessions; no caller ever holds a network of its.

    It keeps answers by ``question.key``, runs each once however many ask, counts in ``forwards`` those that ran, keeps
    networks within a bound and never throws out one in use, lets short questions pass long ones, lets a seat have one
    long question at a time, and ends what nobody waits for any more. Answers are equal to ``LocalEngine``'s.
    """

    forwards: int

    def ask(self, question: Question[T], progress: Progress = silent, seat: Seat = NOBODY) -> T:
        """Return the answer to a question; what was asked before, and batches of it that were, cost nothing.

        Args:
            progress: told in the asking thread how much of how much is there. Of a question that is answered in batches
                before every one that has to be run: False leaves it at those that are there, and asked again, it goes
                on where it was. Of others several times a second. Where an exception leaves it and nobody else waits
                for the same answer, the work ends.
            seat: who asks.

        Raises:
            Busy: too many are waiting.
            WeightsUnavailable, WeightsInvalid, UnknownModel, DeviceUnavailable, ModelTooLarge, OptionRefused: see
                ``ready``.
            EngineAway: nobody answers, and the network is none of those that ship with the project.
            NoGateFound, ValueError: see what the question's class names.
        """
        ...

    def peek(self, question: Question[T]) -> T | None:
        """Return the answer to a question that is not answered in batches, if it is there already; never waits."""
        ...

    def run(self, work: Callable[[], T], where: Where = "large") -> T:
        """Run ``work`` where networks are; it must not ask the engine for anything.

        Args:
            work: a function of a module, or a partial of one, with arguments that can be pickled.

        Raises:
            Busy: too many are waiting.
        """
        ...

    def ready(
        self,
        key: str | Choice,
        device: str = "cpu",
        weights: str = "pretrained",
        progress: Progress = silent,
        seat: Seat = NOBODY,
    ) -> None:
        """Have a network loaded, its weights fetched where need be, so that questions about it are answered at once.

        Args:
            progress: told in the asking thread, several times a second, how many bytes of how many are here (0: nobody
                knows) while weights are fetched. Where an exception leaves it, they go on coming.
            seat: who asks.

        Raises:
            WeightsUnavailable, WeightsInvalid, UnknownModel, DeviceUnavailable: see ``load.load``.
            ModelTooLarge: it weighs more than all networks together may.
            OptionRefused: see ``variants.build``.
        """
        ...

    def devices(self) -> tuple[str, ...]:
        """Return where its networks can run: ``"cpu"``, and what else there is."""
        ...

    def stats(self) -> dict[str, float]:
        """Return how busy it is and what it keeps, for whoever watches the server: counts, and sizes in MiB."""
        ...

    def retry(self, key: str) -> None:
        """Forget that the weights of this model could not be fetched a moment ago: somebody wants to know anew."""
        ...


class Keeping:
    """What engines have in common: answers that are kept, and how a question is asked that has parts."""

    def __init__(self) -> None:
        self.forwards = self._hits = self._misses = 0
        self._count = Lock()
        self._kept: dict[type[Question[Any]], Shared[Any]] = {}
        self._turns = Turns()

    def ask(self, question: Question[T], progress: Progress = silent, seat: Seat = NOBODY) -> T:
        """Return the answer to a question: see ``Engine``."""
        parts, answers, done = question.batches(), [], 0
        told = both(progress if parts is None else silent, seat)
        with ExitStack() as held:  # the seat's turn and the network, from the first part on that has to be run
            held_network: list[Any] = []
            for part in [question] if parts is None else parts:
                found = self.peek(part)
                with self._count:
                    self._hits, self._misses = self._hits + (found is not None), self._misses + (found is None)
                if found is None:
                    if parts is not None and progress(done, question.size) is False:
                        break
                    if not held_network:
                        if seat.name and question.where in LONG:
                            held.enter_context(self._turns.turn(seat.name, seat.here))
                        held_network.append(held.enter_context(self._holding(question, seat)))
                    found = self._answer(part, held_network[0], told)
                answers.append(found)
                done += part.size
        return answers[0] if parts is None else question.joined(answers)

    def peek(self, question: Question[T]) -> T | None:
        """Return the answer to a question if it is there already: see ``Engine``."""
        return self._shelf(question).peek(question.key)

    def stats(self) -> dict[str, float]:
        """Return how busy it is and what it keeps: see ``Engine``."""
        with self._count:
            shelves = [*self._kept.values()]
            counted = {"forwards": self.forwards, "hits": self._hits, "misses": self._misses}
        return counted | {"entries": sum(map(len, shelves)), "cache_mib": sum(shelf.total for shelf in shelves)}

    def _shelf(self, question: Question[T]) -> Shared[T]:
        with self._count:
            return self._kept.setdefault(type(question), Shared(question.kept, weighed))

    def _holding(self, question: Question[Any], seat: Seat) -> AbstractContextManager[Any]:
        """Hold what a question needs for as long as it is asked."""
        return nullcontext()

    def _answer(self, question: Question[T], network: Any, progress: Progress) -> T:
        """Answer a question that has no parts, or is one; ``network`` is what is held for it."""
        raise NotImplementedError
