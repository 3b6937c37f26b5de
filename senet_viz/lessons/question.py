"""A question with a stake: what a learner predicts before the network's own numbers settle it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Question:
    """A question offers two to four options; ``options[right]`` is the true one, and ``why`` gives the number."""

    name: str  # a key of ``ui.teaching.questions.QUESTIONS``
    text: str
    options: tuple[str, ...]
    right: int
    why: str
