"""What gates are for, block by block: do they answer to the class? SENet's findings (TPAMI, sec. 7.2) as numbers.

Everything is computed from a ``Profile``: mean and std of every gate over the pictures of every class. Of SK's branches
the last one is read: of two, it tells the first. Numbers are of all C channels; only the figures sample 50 of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from senet_viz.experiments.gate_profile import BlockProfile, Profile
from senet_viz.findings import Held

SAMPLED = 50  # channels of SENet's figs. 6 and 7
AGNOSTIC = 0.1  # classes explain less than a tenth of a gate's variance: the block hardly knows them
SPECIFIC = 0.5  # they explain at least half of it
BEYOND = 2.0  # times what luck gives: channels of one block are not independent, so that luck may well give 1.5
HIGH, LOW = 0.9, 0.1  # a gate beyond them lets nearly everything through, or nearly nothing
SATURATED, PARTLY = 0.5, 0.1  # shares of gates above HIGH
SAME = 0.8  # correlation from which two classes' gates have one pattern
DRAWS = 1000  # bootstrap resamples
FLOOR = 1e-3  # no gate's spread counts as smaller: the file keeps gates near 0.5 to steps of 0.0005


def uniform(channels: int, count: int = SAMPLED) -> np.ndarray:
    """Return at most ``count`` channels, evenly spaced from the first to the last: round(linspace(0, C - 1, count))."""
    return np.unique(np.rint(np.linspace(0, channels - 1, count)).astype(int))


def gates(block: BlockProfile, zoom: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and std over the pictures of each class, both (K, C) float64, at zoom number ``zoom``."""
    c = block.mean.shape[-1] // block.branches
    return block.mean[zoom][:, -c:].astype(np.float64), block.std[zoom][:, -c:].astype(np.float64)


def variances(block: BlockProfile, counts: np.ndarray, zoom: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return the variance of the class means of every gate, and its mean variance within a class, both (C,)."""
    _, between, within = (each.reshape(block.branches, -1)[-1] for each in block.moments(counts, zoom))
    return between, within


@dataclass(frozen=True)
class Role:
    """A role describes one block; its stds are root mean squares: eta2 = between^2 / (between^2 + within^2)."""

    name: str
    between: float  # std of the class means
    within: float  # std over the pictures of one class
    high: float  # share of class means above HIGH
    low: float  # share of class means below LOW
    pattern: float  # mean correlation over channels between the means of two classes

    @property
    def eta2(self) -> float:
        """Return the share of the gates' variance that lies between classes, 0 to 1; 0 for gates that never move."""
        both = self.between**2 + self.within**2
        return self.between**2 / both if both else 0.0


def chance(counts: np.ndarray) -> float:
    """Return the eta2 of a class that plays no part, (K - 1) / (N - 1): means of few pictures differ by luck."""
    return float((len(counts) - 1) / (counts.sum() - 1))


def role(block: BlockProfile, counts: np.ndarray, zoom: int = 0) -> Role:
    """Return one block's numbers at zoom number ``zoom``."""
    mean, _ = gates(block, zoom)
    between, within = (float(np.sqrt(v.mean())) for v in variances(block, counts, zoom))
    return Role(block.name, between, within, float((mean > HIGH).mean()), float((mean < LOW).mean()), correlation(mean))


def correlation(mean: np.ndarray) -> float:
    """Return the mean over pairs of classes of their gates' correlation over channels; flat lines (K, C) count as 0."""
    z = mean - mean.mean(1, keepdims=True)
    size = np.linalg.norm(z, axis=1, keepdims=True)
    z = np.divide(z, size, out=np.zeros_like(z), where=size > 0)
    k = len(mean)
    return float(((z @ z.T).sum() - (z * z).sum()) / (k * (k - 1)))


def roles(profile: Profile, zoom: int = 0) -> tuple[Role, ...]:
    """Return every block's numbers, in the order in which they run."""
    return tuple(role(block, profile.counts, zoom) for block in profile.blocks)


@dataclass(frozen=True, eq=False)
class Finding:
    """A finding says what becomes of one claim of the paper here: a word, and the numbers that decided it."""

    key: str
    word: Held
    numbers: Mapping[str, float]
    block: str = ""


def _word(*conditions: bool) -> Held:
    return Held.HOLDS if all(conditions) else Held.MIXED if any(conditions) else Held.FAILS


def _halves(profile: Profile, zoom: int) -> tuple[float, float, np.ndarray]:
    """Return mean eta2 of the first and of the last half, and (3, DRAWS) resamples of both and of their difference."""
    half = len(profile.blocks) // 2
    if not half:
        raise ValueError("early and late need at least two blocks")
    random = np.random.default_rng(0)
    drawn = []
    for block in profile.blocks:
        between, within = variances(block, profile.counts, zoom)
        n = len(between)
        weights = np.vstack([np.ones(n), random.multinomial(n, np.full(n, 1 / n), DRAWS)])  # row 0: as they are
        total = weights @ (between + within)
        drawn.append(np.divide(weights @ between, total, out=np.zeros_like(total), where=total > 0))
    early, late = (np.mean(part, axis=0) for part in (drawn[:half], drawn[-half:]))
    return float(early[0]), float(late[0]), np.stack([early, late, late - early])[:, 1:]


def depth(profile: Profile, zoom: int = 0) -> tuple[Finding, Finding]:
    """Look for the findings "early blocks are class-agnostic" and "later blocks are class-specific".

    eta2 of the first half of the blocks against the last half (the middle one of an odd number is in neither), with
    95 % bootstrap intervals over channels. ``rise`` is late minus early.

    * agnostic: holds where the interval of the rise lies above 0 and that of the first half below ``AGNOSTIC``;
    * specific: holds where the interval of the rise lies above 0 and a block of the last half reaches ``SPECIFIC``;
    * both are mixed where one of the two is true, and fail where none is.

    Raises:
        ValueError: fewer than two blocks.
    """
    early, late, drawn = _halves(profile, zoom)
    (_, _, low), (top, _, high) = np.quantile(drawn, (0.025, 0.975), axis=1)
    best = max(roles(profile, zoom)[-(len(profile.blocks) // 2) :], key=lambda each: each.eta2)
    numbers = {
        "early": early, "late": late, "rise": late - early, "low": float(low), "high": float(high),
        "top": float(top), "best": best.eta2, "chance": chance(profile.counts),
    }  # fmt: skip
    return (
        Finding("agnostic", _word(low > 0, top < AGNOSTIC), numbers),
        Finding("specific", _word(low > 0, best.eta2 >= SPECIFIC), numbers, best.name),
    )


class Trend(StrEnum):
    """A trend says what eta2 does from early to late blocks."""

    LUCK = "luck"  # in neither half it is BEYOND times what luck alone would give
    FALLS = "falls"
    LEVEL = "level"
    SLIGHTLY = "slightly"  # it rises, but no late block reaches SPECIFIC
    RISES = "rises"


def trend(found: Finding) -> Trend:
    """Return what the first finding of ``depth`` says in a word."""
    n = found.numbers
    if max(n["early"], n["late"]) < BEYOND * n["chance"]:
        return Trend.LUCK
    if n["low"] <= 0:
        return Trend.FALLS if n["high"] < 0 else Trend.LEVEL
    return Trend.RISES if n["best"] >= SPECIFIC else Trend.SLIGHTLY


def saturation(found: Sequence[Role]) -> Finding:
    """Look for "a late block saturates near 1": of the last half, the block with most class means above 0.9.

    Holds from a share of ``SATURATED``, is mixed from ``PARTLY``, fails below.
    """
    most = max(found[-(len(found) // 2 or 1) :], key=lambda each: each.high)
    return Finding("saturated", _word(most.high >= SATURATED, most.high >= PARTLY), {"share": most.high}, most.name)


def same_pattern(found: Sequence[Role]) -> Finding:
    """Look for "the last block has one pattern for every class, up to scale": correlation ignores shift and scale.

    Holds where the mean correlation between classes reaches ``SAME`` in the last block and is above the median of the
    other blocks; mixed where one of the two is true; fails where none is.
    """
    last, others = found[-1].pattern, float(np.median([each.pattern for each in found[:-1]]))
    return Finding("pattern", _word(last >= SAME, last > others), {"last": last, "others": others}, found[-1].name)


def findings(profile: Profile, zoom: int = 0) -> tuple[Finding, ...]:
    """Look for all four, in the paper's order.

    Raises:
        ValueError: fewer than two blocks.
    """
    found = roles(profile, zoom)
    return (*depth(profile, zoom), saturation(found), same_pattern(found))


def spaced(names: Sequence[str], pinned: str, count: int) -> list[str]:
    """Return ``count`` blocks, evenly spaced from the first to the last; the pinned one takes its nearest's place."""
    at = np.linspace(0, len(names) - 1, count).round().astype(int).tolist()
    here = names.index(pinned)
    if here not in at:
        at[min(range(count), key=lambda i: abs(at[i] - here))] = here
    return [names[i] for i in at]


def candidates(found: Sequence[Role], luck: float = 0.0) -> tuple[int, ...]:
    """Return up to three blocks to choose from, in depth order: the most class-specific, the deepest other, the least.

    The first of them is alone at the top: no other of the same eta2, to two digits, is among them. Nothing where no
    other is left, or where no eta2 is ``BEYOND`` times what ``luck`` alone would give.
    """
    order = sorted(range(len(found)), key=lambda i: found[i].eta2)
    best = found[order[-1]].eta2
    others = [i for i in order if f"{found[i].eta2:.2f}" != f"{best:.2f}"]
    if not others or best < BEYOND * luck:
        return ()
    return tuple(sorted({order[-1], max(others), others[0]}))


@dataclass(frozen=True)
class Guess:
    """A guess says which class one block takes a photo for."""

    name: str
    nearest: int  # index into the profile's classes
    rank: int  # of the class that was asked for; 1 is the nearest


def distances(block: BlockProfile, counts: np.ndarray, gate: np.ndarray, zoom: int = 0) -> np.ndarray:
    """Return how far gates (C,) lie from every class mean, (K,), in stds within a class (root mean square over C)."""
    mean, _ = gates(block, zoom)
    spread = np.maximum(np.sqrt(variances(block, counts, zoom)[1]), FLOOR)
    return np.sqrt((((gate - mean) / spread) ** 2).mean(1))


def guess(name: str, away: np.ndarray, wanted: int) -> Guess:
    """Return the nearest class by ``distances`` (K,), and the rank of class ``wanted``."""
    return Guess(name, int(away.argmin()), 1 + int((away < away[wanted]).sum()))
