"""What the model card says of whether the networks notice strangers: a section of its own, from the record alone."""

from collections.abc import Iterable, Mapping, Sequence

from senet_viz.open_set import rates
from senet_viz.open_set.measuring import EPOCHS, HIDDEN, MEMBERS, STEPS, TEMPERATURE
from senet_viz.open_set.record import READOUT, Record
from senet_viz.stats import Interval

POINTS = (0.05, 0.1, 0.15, 0.2, 0.3, 0.5)  # false alarms at which the ROC is written down
CALLED = {
    READOUT: "fitted readout",
    "probability": "largest probability",
    "logit": "largest logit",
    "energy": "minus the energy",
    "mahalanobis": "Mahalanobis distance to the nearest class",
    "relative": "the same, relative to all classes",
    "neighbour": "10th nearest neighbour",
    "vim": "ViM",
}


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table as Markdown."""
    lines = [f"| {' | '.join(map(str, row))} |" for row in rows]
    return "\n".join([f"| {' | '.join(head)} |", f"|{'---|' * len(head)}", *lines])


def _share(interval: Interval) -> str:
    return f"{100 * interval.value:.1f} % ({100 * interval.low:.1f} to {100 * interval.high:.1f})"


def section(records: Mapping[str, Record], text: str) -> str:
    """Return the section; ``text`` has its sentences, with places for numbers."""
    every = list(records.values())
    first = every[0]
    reached = []
    for r in every:
        own, strange = (f"{r.group(which).sum():,}" for which in ("own", "strange"))
        halves = " and ".join(f"{100 * share:.1f} %" for share in r.crossed)
        practised = _share(rates.below(r.scores[READOUT][r.group("practised")], r.threshold))
        reached.append((f"`{r.model}`", own, _share(r.false), halves, strange, _share(r.told), practised, str(r.each)))
    head = (
        "network", "own pictures", "false alarms", "chosen on half", "strange pictures", "told", "practised, told",
        "fitted on",
    )  # fmt: skip
    ways = [
        (CALLED[name], *(f"{rates.area(*r.both(name)):.3f} · {100 * rates.told(*r.both(name)):.1f} %" for r in every))
        for name in first.scores
    ]
    curve = [
        (f"{100 * share:.0f} %", *(f"{100 * rates.told(*r.both(), share):.1f} %" for r in every)) for share in POINTS
    ]
    names = [f"`{r.model}`" for r in every]
    return text.format(
        members=MEMBERS, hidden=HIDDEN, epochs=EPOCHS, steps=STEPS, temperature=TEMPERATURE,
        most=f"{100 * rates.MOST_FALSE:.0f} %", practised=len(first.practised), strange=len(first.strange),
        reached=table(head, reached), ways=table(("score", *names), ways),
        curve=table(("false alarms", *names), curve),
    )  # fmt: skip
