"""What every engine does: ``LocalEngine`` in this process, others elsewhere. Pages, commands and tests know no more."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

from senet_viz.jobs import Progress, silent
from senet_viz.service.questions import Question, Where

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

    def retry(self, key: str) -> None:
        """Forget that the weights of this model could not be fetched a moment ago: somebody wants to know anew."""
        ...
