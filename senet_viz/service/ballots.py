"""Questions to a class and its votes: what everybody may see of them, and the counts as a table."""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

COLUMNS = ("question", "page", "text", "option", "answer", "right", "first_votes", "second_votes")


@dataclass
class Ballot:
    """One question to the class, and the votes of each round by the student's id."""

    number: int
    page: str
    name: str
    said: Mapping[str, Mapping[str, Any]]  # a language: {"text": str, "options": [str], "why": str}
    right: int
    rounds: list[dict[str, int]] = field(default_factory=lambda: [{}])
    revealed: bool = False

    @property
    def options(self) -> int:
        """Return how many answers there are to choose from."""
        return len(next(iter(self.said.values()))["options"])

    def takes(self, number: int, round_: int, option: int) -> bool:
        """Return whether that is a vote on it in its present round, before the answer is revealed."""
        there = (number, round_) == (self.number, len(self.rounds)) and option < self.options
        return there and not self.revealed

    def counts(self) -> list[list[int]]:
        """Return the votes for each option, a list a round."""
        counted = [Counter(votes.values()) for votes in self.rounds]
        return [[each[option] for option in range(self.options)] for each in counted]

    def public(self) -> dict[str, Any]:
        """Return what everybody may see: before the answer is revealed, the question alone."""
        shown = ("text", "options", "why") if self.revealed else ("text", "options")
        said = {lang: {key: words[key] for key in shown} for lang, words in self.said.items()}
        found = {"n": self.number, "round": len(self.rounds), "revealed": self.revealed, "said": said}
        return found | ({"right": self.right, "rounds": self.counts()} if self.revealed else {})


def table(ballots: Iterable[Ballot], lang: str) -> str:
    """Return the votes of all questions as CSV in that language: a row an option, a column a round."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for ballot in ballots:
        counts, words = ballot.counts(), ballot.said.get(lang) or next(iter(ballot.said.values()))
        for option, answer in enumerate(words["options"]):
            votes = [str(each[option]) for each in counts] + [""] * (2 - len(counts))
            writer.writerow(
                (ballot.number, ballot.page, words["text"], option + 1, answer, int(option == ballot.right), *votes)
            )
    return out.getvalue()
