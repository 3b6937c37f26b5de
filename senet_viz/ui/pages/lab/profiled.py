"""What pages on classes are made of: a network whose gates were profiled, several choices in the URL, a question."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from senet_viz.experiments import gate_profile, profiling
from senet_viz.experiments.gate_profile import Profile
from senet_viz.figures.lab.class_profiles import Curves
from senet_viz.findings import class_selectivity
from senet_viz.i18n import Texts
from senet_viz.models import class_names
from senet_viz.photos import sets as photos
from senet_viz.service.cache import Once
from senet_viz.service.questions import TallyQuestion
from senet_viz.ui import state
from senet_viz.ui.elements.choices import chosen, pick, worded
from senet_viz.ui.elements.frame import plain
from senet_viz.ui.own import sets
from senet_viz.ui.scene import Scene, short
from senet_viz.ui.shown import clamped, scene, scene_of

if TYPE_CHECKING:
    from PIL.Image import Image

MINE = "classes"  # the set of photos of one's own in class folders, in the session
WNID = re.compile(r"n\d{8}")
PROFILED = "tiny_se"  # shown where the sidebar's network has no profile


@Once
def profiles() -> dict[str, Profile]:
    """The shipped profiles of networks with gates, by model."""
    return {key: found for key, found in gate_profile.read().items() if found.blocks}


@dataclass(frozen=True, eq=False)
class Record:
    """A network's profile, and the scene that goes with it."""

    view: Scene
    profile: Profile
    level: int  # which of the profile's zooms is looked at
    names: tuple[str, ...]  # of the K classes, in the reader's language
    mine: bool  # of photos of one's own
    mark: Hashable  # names the profile and the zoom, for caches

    @property
    def zoom(self) -> float:
        """How much objects are enlarged."""
        return self.profile.zooms[self.level]

    @property
    def whose(self) -> str:
        """Whose photos these are, as the names of texts have it."""
        return "mine" if self.mine else "shipped"

    @property
    def blocks(self) -> dict[str, str]:
        """Every block's name and its short name."""
        return {block.name: short(block.name) for block in self.profile.blocks}

    @property
    def ids(self) -> tuple[str, ...]:
        """What the URL calls the classes. A folder of one's own may have any name, so those are numbers."""
        return tuple(map(str, range(len(self.names)))) if self.mine else self.profile.classes


def sources(t: Texts) -> dict[str, str]:
    """Return which pictures a profile can be of, each with its words."""
    return worded(t, "source", ("shipped", "mine"))


def zooms() -> dict[str, str]:
    """Return how much objects can be enlarged, each with its words."""
    return {f"{z:g}": f"×{z:g}" for z in profiling.ZOOMS}


def pictures(view: Scene) -> None:
    """Let choose which pictures the profile is of, and how much objects are enlarged."""
    left, right = st.columns([4, 3])
    pick("source", sources(view.t), view.t("source.label"), at=left)
    pick("framing", zooms(), view.t("zoom.label"), at=right)


def stand_in() -> Scene:
    """Return what the sidebar asks for; where that has no shipped profile but needs one, a network that has."""
    view, known = scene(), profiles()
    if chosen("source", sources(view.t)) == "mine" or (view.spec.key in known and view.trained):
        return view
    key = view.spec.key if view.spec.key in known else PROFILED
    return clamped(scene_of(key, "pretrained", st.session_state.get("block")))


def record(view: Scene) -> Record | None:
    """Return a profile of this network: the shipped one, or that of photos of one's own, if any."""
    zoom = float(chosen("framing", zooms()))
    if chosen("source", sources(view.t)) == "mine":
        return _mine(view, zoom)
    found = profiles()[view.spec.key]
    level = found.zooms.index(zoom)
    return Record(view, found, level, _class_names(view, found.classes), False, ("shipped", level))


def roles(record: Record) -> tuple[class_selectivity.Role, ...]:
    """Return what the class does to the gates of every block."""
    made = partial(class_selectivity.roles, record.profile, record.level)
    return record.view.drawn(made, "roles", record.mark)


def findings(record: Record) -> tuple[class_selectivity.Finding, ...]:
    """Return what the paper found, looked for in this profile."""
    made = partial(class_selectivity.findings, record.profile, record.level)
    return record.view.drawn(made, "findings", record.mark)


def _mine(view: Scene, zoom: float) -> Record | None:
    """The profile of a set of one's own, as far as it is measured; None before there are two classes of it."""
    found = sets.uploaded(view, MINE, labelled=True)
    if found is None:
        return None
    names = _class_names(view, found.classes)
    count = Counter(photo.folder for photo in found.photos)
    each = " · ".join(f"{plain(n)} {count[c]}" for n, c in zip(names, found.classes, strict=True))
    st.caption(view.t("photos.classes", k=len(names), n=len(found.photos), each=each))
    y = np.array([found.classes.index(photo.folder) for photo in found.photos])
    question = (view.spec.key, view.weights, view.device, found.key, zoom)
    images = [photo.image for photo in found.photos]
    sets.worked(
        view,
        MINE,
        lambda: so_far(view, question, y, len(names))[0],
        len(y),
        lambda: more(view, question, images, y, len(names), zoom),
        "photos.ready.classes",
    )
    done, tally = so_far(view, question, y, len(names))
    if (tally.counts >= photos.EACH).sum() < 2:
        return None
    kept = np.flatnonzero(tally.counts >= photos.EACH)

    def make() -> Profile:
        truth = np.searchsorted(kept, [k for k in y[:done] if k in kept])
        names = [found.classes[k] for k in kept]
        return profiling.made([tally.only(kept)], view.spec.key, view.spec.size, (zoom,), names, truth)

    mark = (*question, done)
    made = state.drawings().get(("profile", mark), make)
    return Record(view, made, 0, tuple(names[k] for k in kept), True, mark)


def so_far(view: Scene, question: tuple[Hashable, ...], y: np.ndarray, classes: int) -> tuple[int, profiling.Tally]:
    """Return how many photos of a set are counted by now, and the tally of them."""
    size = profiling.batch_size(view.spec)
    for end in reversed([*range(size, len(y), size), len(y)]):
        tally = view.peek(TallyQuestion(view.spec.key, question, end))
        if tally is not None:
            return end, tally
    return 0, profiling.Tally.empty(classes)


def more(
    view: Scene, question: tuple[Hashable, ...], images: Sequence[Image], y: np.ndarray, classes: int, zoom: float = 1.0
) -> None:
    """Count one batch more, for all sessions that ask this about the set.

    Args:
        y: (N,) class of every photo, below ``classes``.
    """
    start, before = so_far(view, question, y, classes)
    end = min(start + profiling.batch_size(view.spec), len(y))
    view.ask(TallyQuestion(view.spec.key, question, end, tuple(images[start:end]), y[start:end], before, zoom))


def _class_names(view: Scene, folders: Sequence[str]) -> tuple[str, ...]:
    """What the reader calls these classes: a folder is called by WordNet's number, or already as it should be."""
    known, names = class_names.outputs(view.spec, folders), view.seen.classes
    return tuple(
        names[i] if i is not None and WNID.fullmatch(folder) else folder
        for folder, i in zip(folders, known, strict=True)
    )


def guessed(record: Record, photo: Mapping[str, np.ndarray]) -> tuple[list[class_selectivity.Guess], int, bool]:
    """Return every block's guess, the class that it is asked about, and whether that is the network's own answer.

    Where the network's answer is none of the profile's classes, it is the class that most blocks are nearest to, the
    deepest block's where there are several.
    """
    found, level = record.profile, record.level
    away = {b.name: class_selectivity.distances(b, found.counts, photo[b.name], level) for b in found.blocks}
    outputs, own = class_names.outputs(record.view.spec, found.classes), int(record.view.seen.shares.argmax())
    if record.view.trained and own in outputs:
        top, said = outputs.index(own), True
    else:
        nearest = [int(d.argmin()) for d in reversed(away.values())]
        top, said = max(nearest, key=Counter(nearest).__getitem__), False
    return [class_selectivity.guess(name, d, top) for name, d in away.items()], top, said


def photo_gates(view: Scene, zoom: float) -> dict[str, np.ndarray]:
    """Return this photo's gates (C,) in every block, of SK's branches the last; zoom 1 is the walk's own forward."""
    trace = view.trace if zoom == 1 else view.sweep((zoom,)).traces[0]
    return {block.name: np.asarray(block.gate[-1], dtype=np.float64) for block in trace.blocks}


def curves(
    found: Profile, zoom: int, photo: Mapping[str, np.ndarray], blocks: Sequence[str], classes: Sequence[int]
) -> tuple[Curves, ...]:
    """Return what SENet's figs. 6 and 7 show of these blocks and classes, at zoom number ``zoom``."""
    made = []
    for name in blocks:
        mean, std = class_selectivity.gates(found.block(name), zoom)
        at = class_selectivity.uniform(mean.shape[1])
        every = (found.counts @ mean / found.counts.sum())[at]
        rows = np.ix_(np.array(classes, dtype=int), at)
        made.append(Curves(short(name), mean.shape[1], at, mean[rows], std[rows], every, photo[name][at]))
    return tuple(made)
