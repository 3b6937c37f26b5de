"""Is the gate worth anything? The same pictures, the same network, other gates in every block at once.

Six conditions, from the network as it is to gates that know nothing: see ``CONDITIONS``. What each costs is told on the
same pictures, with a 95 % interval. The pictures stream in batches; what is done when one stops is a result too.
Reading what was measured needs no torch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from senet_viz import assets, stats
from senet_viz.jobs import Progress
from senet_viz.models import safetensors_io
from senet_viz.stats import Interval
from senet_viz.types import Edit

if TYPE_CHECKING:
    from torch import Tensor, nn

    from senet_viz.types import Trace

Fetch = Callable[[Sequence[int]], "Tensor"]  # numbers of pictures to (B, 3, H, W), prepared

FILE = assets.WEIGHTS / "worth.safetensors"
FORMAT = "senet-viz worth 1"
CONDITIONS = (
    "own",  # as they are
    "mean",  # each channel's mean over many pictures: a constant, whatever the photo
    "level",  # each block's mean over channels too: one number a block
    "ones",  # 1, which is no gate at all; where branches compete, equal shares
    "shuffled",  # its own, handed to other channels: one permutation a block, the same for every picture
    "other",  # those that a picture of another class has
)
SEEDS = (0, 1, 2)  # permutations of "shuffled"
BATCH = 50


def rows(seeds: Sequence[int] = SEEDS) -> tuple[str, ...]:
    """Return the condition of every row of ``Worth.hits``."""
    return tuple(c for c in CONDITIONS for _ in (seeds if c == "shuffled" else (0,)))


@dataclass(frozen=True, eq=False)
class Worth:
    """A worth holds which of N labelled pictures one network recognises, with its own gates and with others."""

    model: str
    outputs: int  # K classes that the network chooses among
    rows: tuple[str, ...]  # (R,) of ``CONDITIONS``; one that was measured with several seeds has several rows
    hits: np.ndarray  # (R, N) bool: the network's first answer is the right one

    def share(self, condition: str) -> np.ndarray:
        """Return how often each picture is recognised, (N,), 0 to 1: a mean over seeds where there are several."""
        return np.asarray(self.hits[[row == condition for row in self.rows]].mean(0))

    def accuracy(self, condition: str) -> Interval:
        """Return the share of pictures that are recognised."""
        share = self.share(condition)
        return stats.wilson(float(share.mean()), len(share))

    def change(self, condition: str) -> Interval:
        """Return that accuracy minus the one with its own gates, on the same pictures."""
        return stats.paired(self.share(condition), self.share("own"))

    @property
    def chance(self) -> float:
        """Return the accuracy of guessing."""
        return 1 / self.outputs


# --- measuring --------------------------------------------------------------------------------------------------------


def partners(y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return an order (N,) in which classes take turns, and for every picture (N,) the next one of another class.

    Raises:
        ValueError: there is only one class.
    """
    if len(set(y.tolist())) < 2:
        raise ValueError("pictures of at least two classes are needed")
    turn = np.zeros(len(y), dtype=int)
    for k in np.unique(y):
        turn[y == k] = np.arange((y == k).sum())
    order = np.lexsort((y, turn))
    partner = np.empty(len(y), dtype=int)
    for i, here in enumerate(order):
        step = next(s for s in range(1, len(y)) if y[order[(i + s) % len(y)]] != y[here])
        partner[here] = order[(i + step) % len(y)]
    return order, partner


def _given(op: str, gates: Mapping[str, np.ndarray]) -> tuple[Edit, ...]:
    return tuple(Edit(name, op, gates=tuple(map(tuple, gate.tolist()))) for name, gate in gates.items())


def constants(means: Mapping[str, np.ndarray], seeds: Sequence[int] = SEEDS) -> dict[str, tuple[tuple[Edit, ...], ...]]:
    """Return the edits of every block, row by row, of the conditions that are the same for every picture.

    Args:
        means: gates (M, C) of every block, the mean over many pictures.
    """
    level = {name: np.repeat(gate.mean(1, keepdims=True), gate.shape[1], axis=1) for name, gate in means.items()}
    return {
        "own": ((),),
        "mean": (_given("mean", means),),
        "level": (_given("mean", level),),
        "ones": (tuple(Edit(name, "ones" if len(gate) == 1 else "equal") for name, gate in means.items()),),
        "shuffled": tuple(tuple(Edit(name, "shuffle", value=float(seed)) for name in means) for seed in seeds),
    }


def hits(
    module: nn.Module,
    x: Tensor,
    y: np.ndarray,
    partner: np.ndarray,
    means: Mapping[str, np.ndarray],
    seeds: Sequence[int] = SEEDS,
) -> np.ndarray:
    """Count which pictures of one batch are recognised, (R, B) bool, under every condition of ``rows``.

    Args:
        module: in eval mode.
        x: (B + E, 3, H, W): the pictures, and after them those that only lend their gates.
        y: (B,) the right outputs.
        partner: (B,) index into ``x``: whose gates each picture gets.
    """
    from senet_viz.tap import hooks

    fixed = constants(means, seeds)
    own = hooks.run_batch(module, x)
    found: list[np.ndarray] = []
    for condition in CONDITIONS:
        if condition == "own":
            found.append(_best(own[: len(y)]) == y)
        elif condition == "other":  # every picture has gates of its own here, so each goes alone
            lent = [{b.name: np.asarray(b.gate) for b in own[int(p)].blocks} for p in partner]
            alone = [hooks.run(module, x[i : i + 1], _given("photo", gates)) for i, gates in enumerate(lent)]
            found.append(_best(alone) == y)
        else:
            found += [_best(hooks.run_batch(module, x[: len(y)], edits)) == y for edits in fixed[condition]]
    return np.stack(found)


def _best(traces: Sequence[Trace]) -> np.ndarray:
    return np.array([int(trace.logits.argmax()) for trace in traces])


def measure(
    module: nn.Module,
    fetch: Fetch,
    y: np.ndarray,
    outputs: int,
    means: Mapping[str, np.ndarray],
    seeds: Sequence[int] = SEEDS,
    progress: Progress = lambda done, total: None,
    model: str = "",
    batch: int = BATCH,
) -> Worth:
    """Measure all conditions over all pictures, or over those that were done when ``progress`` said stop.

    Args:
        fetch: gives the network's input for pictures of these numbers.
        y: (N,) the right output of every picture.
        outputs: how many the network has.
        means: gates (M, C) of every block: see ``gate_profile.Profile.means``.

    Raises:
        ValueError: pictures of one class alone, which have no partner.
    """
    order, partner = partners(y)
    found = np.zeros((len(rows(seeds)), len(y)), dtype=bool)
    done = 0
    while done < len(y):
        here, lenders, lent = together(order[done : done + batch], partner)
        found[:, here] = hits(module, fetch([*here, *lenders]), y[here], lent, means, seeds)
        done += len(here)
        if progress(done, len(y)) is False:
            break
    return Worth(model, outputs, rows(seeds), found[:, np.sort(order[:done])])


def together(here: np.ndarray, partner: np.ndarray) -> tuple[np.ndarray, list[int], np.ndarray]:
    """Return the pictures of a batch, those beyond it that lend them gates, and whose each gets, counted in both."""
    wanted = partner[here].tolist()
    lenders = [i for i in dict.fromkeys(wanted) if i not in here]
    place = {i: at for at, i in enumerate([*here.tolist(), *lenders])}
    return here, lenders, np.array([place[i] for i in wanted])


def write(path: Path, found: Sequence[Worth]) -> None:
    """Write all networks as one safetensors file, a bit a picture and row."""
    about = {w.model: {"outputs": w.outputs, "rows": w.rows, "pictures": w.hits.shape[1]} for w in found}
    safetensors_io.write(path, FORMAT, "worth", about, {w.model: np.packbits(w.hits, axis=1) for w in found})


def read(path: Path = FILE) -> dict[str, Worth]:
    """Read every network of a file.

    Raises:
        WeightsInvalid: no such file, or one that is damaged or something else.
    """
    found = {}
    with safetensors_io.reading(path, FORMAT, "worth") as (about, tensors):
        for model, row in about.items():
            bits = np.unpackbits(tensors[model], axis=1, count=int(row["pictures"])).astype(bool)
            names = tuple(row["rows"])
            if len(names) != len(bits) or not set(CONDITIONS) <= set(names):
                raise ValueError(f"{model} has not every condition")
            found[model] = Worth(model, int(row["outputs"]), names, bits)
    return found
