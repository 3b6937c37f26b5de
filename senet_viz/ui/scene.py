"""What is on screen: photo, model, block, channel, and every number that belongs to them."""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar, overload

import numpy as np
import streamlit as st

from senet_viz import i18n
from senet_viz.errors import SenetVizError, WeightsInvalid, WeightsUnavailable
from senet_viz.i18n import Texts
from senet_viz.models import catalogue, devices, load, weight_files
from senet_viz.types import BlockTrace, Edit, Picture, Trace
from senet_viz.ui import state

if TYPE_CHECKING:
    from PIL import Image

    from senet_viz.experiments.channel_ranking import Ranking
    from senet_viz.experiments.kernel_preference import Kernel
    from senet_viz.experiments.scale_sweep import Sweep
    from senet_viz.jobs import Progress
    from senet_viz.photos.scale import Kind
    from senet_viz.tap.replay import Replay
    from senet_viz.tap.sk_unit import Unit

STRANGERS = ("name", "text")  # details of errors that say what somebody typed
SK = "tiny_sk"  # whose blocks choose between kernels, where the sidebar's do not

T = TypeVar("T")
_log = logging.getLogger("senet_viz")
_TAIL = re.compile(r"\.(se|se_module|conv\d|block\.\d|attn)$")
_HEAD = re.compile(r"^(layer|features\.?|blocks\.?|stages\.?|inception_|Mixed_)")


def short(name: str) -> str:
    """A block's place in a few characters: ``layer3.1.se`` is 3.1, as in the papers' SE_3_1 counted from 0."""
    return _HEAD.sub("", _TAIL.sub("", name)) or name


@dataclass(frozen=True, eq=False)
class Scene:
    """One rerun's view of one block. Arrays are numpy; nothing here is torch's but the trace itself."""

    lang: str
    dark: bool
    spec: catalogue.ModelSpec
    weights: str
    device: str
    trained: bool
    photo: str
    image: Image.Image
    picture: Picture
    blocks: tuple[str, ...]
    name: str
    channel: int
    edits: tuple[Edit, ...] = ()

    @cached_property
    def t(self) -> Texts:
        """Texts in the reader's language."""
        return i18n.texts(self.lang)

    @cached_property
    def trace(self) -> Trace:
        """This photo through this model, its gates edited where there are edits, with the block's U."""
        return state.engine().trace(self.spec.key, self.picture, self.device, self.weights, self.edits, (self.name,))

    @cached_property
    def block(self) -> BlockTrace:
        """The block on screen, with its U."""
        return self.trace.block(self.name)

    @cached_property
    def replay(self) -> Replay:
        """The block's arithmetic, done again."""
        return state.engine().replay(self.trace, self.name, self.device, self.weights)

    @cached_property
    def u(self) -> np.ndarray:
        """(M, C, H, W)."""
        assert self.block.u is not None  # asked for above
        return self.block.u.numpy()

    @cached_property
    def fused(self) -> np.ndarray:
        """(C, H, W): the sum of the branches, which is what is squeezed."""
        return self.u[0] if len(self.u) == 1 else self.u.sum(axis=0)

    @cached_property
    def z(self) -> np.ndarray:
        """(C,) the model's own."""
        assert self.block.z is not None  # every layout has it
        return self.block.z.numpy()

    @cached_property
    def gate(self) -> np.ndarray:
        """(M, C) the model's own."""
        return self.block.gate.numpy()

    @cached_property
    def logits(self) -> np.ndarray:
        """(M, C) before the gate function."""
        assert self.block.logit is not None  # every layout has it
        return self.block.logit.numpy()

    def out(self, channel: int | None = None) -> np.ndarray:
        """(C, H, W), or one channel's (H, W): the sum over m of gate[m] * u[m].

        The trace's residue tells how far the model's own is.
        """
        if channel is None:
            return self.block.out.numpy()
        return (self.gate[:, channel, None, None] * self.u[:, channel]).sum(axis=0)

    @cached_property
    def fc_against_conv(self) -> float:
        """max |FC - 1x1 convolution| of this block's two layers; NaN where it has not two."""
        from senet_viz.tap.replay import fc_against_conv

        module = state.engine().model(self.spec.key, self.device, self.weights)
        return self.drawn(lambda: fc_against_conv(module, self.block), "fc-conv")

    @property
    def key(self) -> tuple[Hashable, ...]:
        """Names what is on screen, channel apart."""
        return (self.spec.key, self.weights, self.device, self.picture.key, self.name, self.edits)

    def order(self, by: str, branch: int = 0) -> np.ndarray:
        """Channels (C,) sorted by ``"index"``, ``"z"`` or ``"gate"``, greatest first."""
        values = {"z": self.z, "gate": self.gate[branch]}.get(by)
        return np.arange(len(self.z)) if values is None else np.argsort(-values, kind="stable")

    def other(self, size: int) -> Scene:
        """The same block on the same photo at another input size."""
        from senet_viz.photos import preprocess

        return replace(
            self, picture=self.drawn(lambda: preprocess.preprocess(self.image, self.spec, size), "picture", size)
        )

    def sweep(
        self,
        scales: Sequence[float],
        kind: Kind = "zoom",
        blur: float = 0.0,
        keep_u: Sequence[str] = (),
        progress: Callable[[int, int], bool | None] = lambda done, total: None,
    ) -> Sweep:
        """Return ``scale_sweep.scale_sweep`` of this photo through this model; asked before, it costs nothing."""
        return state.engine().sweep(
            self.spec.key, self.image, self.photo, scales, kind, blur, self.device, self.weights, keep_u, progress
        )

    def edited(self, edits: Sequence[Edit]) -> Trace:
        """This photo through this model with changed gates; this block's U is kept."""
        return state.engine().trace(self.spec.key, self.picture, self.device, self.weights, tuple(edits), (self.name,))

    @overload
    def muted(self, channels: Sequence[int], target: int) -> Ranking: ...

    @overload
    def muted(self, channels: Sequence[int], target: int, progress: Progress) -> Ranking | None: ...

    def muted(self, channels: Sequence[int], target: int, progress: Progress | None = None) -> Ranking | None:
        """What muting each of these channels of the block alone does to class ``target``: see ``Engine.ranking``."""
        told = progress or (lambda done, total: None)
        found = state.engine().ranking(
            self.trace, self.picture, self.name, channels, device=self.device, weights=self.weights, progress=told
        )
        return found and replace(found, target=target)

    def symbol(self, branch: int) -> str:
        """What a gate of this block is called: s, or a0, a1, ... where branches compete."""
        return "s" if len(self.gate) == 1 else f"a{branch}"

    def unit(self, branches: int = 0) -> Unit:
        """The SK unit on screen, step by step; or an untrained one of so many branches on the same input."""
        return state.engine().unit(self.trace, self.name, self.device, self.weights, branches)

    @cached_property
    def kernels(self) -> tuple[Kernel, ...]:
        """The convolutions that this SK unit chooses from."""
        from senet_viz.experiments import kernel_preference

        return kernel_preference.kernels(state.engine().model(self.spec.key, self.device, self.weights), self.name)

    def top(self, count: int = 5) -> list[tuple[str, float]]:
        """(class name, probability) of the likeliest classes."""
        return self.seen.top(count)

    @property
    def seen(self) -> Seen:
        """The same without a block."""
        return Seen(self.lang, self.spec, self.weights, self.trained, self.trace)

    def drawn(self, make: Callable[[], T], *key: Hashable) -> T:
        """``make()``, or what it gave before for this scene and key."""
        return state.drawings().get((self.key, *key), make)


@dataclass(frozen=True, eq=False)
class Seen:
    """What one network, with gates or without, says about the photo on screen."""

    lang: str
    spec: catalogue.ModelSpec
    weights: str
    trained: bool
    trace: Trace

    @cached_property
    def t(self) -> Texts:
        """Texts in the reader's language."""
        return i18n.texts(self.lang)

    @cached_property
    def shares(self) -> np.ndarray:
        """(K,) probability of every class, float64."""
        logits = self.trace.logits.double().numpy()
        shares = np.exp(logits - logits.max())
        return shares / shares.sum()

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """Names of the K classes, in the reader's language."""
        from senet_viz.models import class_names

        return class_names.names(self.spec, self.lang)

    def top(self, count: int = 5) -> list[tuple[str, float]]:
        """(class name, probability) of the likeliest classes."""
        return [(self.classes[i], float(self.shares[i])) for i in np.argsort(-self.shares)[:count]]


def seen(key: str, weights: str, edits: Sequence[Edit] = (), other: str = "") -> Seen:
    """The photo on screen, or an ``other``, through another network or through one whose gates are changed.

    Raises:
        WeightsUnavailable, WeightsInvalid: its weights cannot be had.
    """
    from senet_viz.photos import preprocess

    s = st.session_state
    row, device, name = catalogue.spec(key), devices.resolve(s["device"]), other or s["photo"]
    picture = state.drawings().get(("picture", key, name), lambda: preprocess.preprocess(photo(name), row))
    trace = state.engine().trace(key, picture, device, weights, edits)
    return Seen(s["lang"], row, weights, weight_files.trained(key, weights), trace)


def sentence(error: SenetVizError, lang: str) -> str:
    """What went wrong, in the reader's words."""
    key = f"error.{error.code}" if i18n.has(f"error.{error.code}", lang) else "error.unexpected"
    details = {name: literal(value) if name in STRANGERS else value for name, value in error.details.items()}
    return i18n.text(key, lang, **{"ref": "-", **details})


def literal(text: object) -> str:
    """Markdown that shows a name of a file or folder, or what stands in an address, letter by letter, on one line.

    Where escapes would do for stars and brackets, addresses of web pages would still become links.
    """
    return f"`{' '.join(str(text).replace('`', '').split())[:80] or '-'}`"


@contextmanager
def guard() -> Iterator[None]:
    """Errors become one sentence in the reader's language; the unexpected is logged and shown with a reference."""
    lang = st.session_state.get("lang", i18n.DEFAULT)
    try:
        yield
    except SenetVizError as error:
        st.error(sentence(error, lang), icon=":material/error:")
    except Exception:
        reference = secrets.token_hex(4)
        _log.exception("unexpected, reference %s", reference)
        st.error(i18n.text("error.unexpected", lang, ref=reference), icon=":material/error:")


def dark() -> bool:
    """Whether the browser shows the dark theme."""
    return st.context.theme.type == "dark"


def photos(t: Texts) -> dict[str, str]:
    """Every photo that there is, and what it is called: samples, and what was uploaded in this session."""
    from senet_viz.photos import samples

    named = {sample.key: t(f"sample.{sample.key}") for sample in samples.SAMPLES}
    return named | {key: t("photo.mine", n=number) for key, number in mine().items()}


def mine() -> dict[str, int]:
    """Photos that were uploaded in this session and are in memory still, each with its number."""
    numbers: dict[str, int] = st.session_state.setdefault("_mine", {})
    return {key: number for key, number in numbers.items() if state.uploads().has(state.who(), key)}


def _usable() -> tuple[str, str]:
    """(model, weights) that can be shown: what was asked for, or the last that could, with a sentence why."""
    s, first = st.session_state, (catalogue.DEFAULT, "pretrained")
    wanted, failed = (s["model"], s["weights"]), s.setdefault("_failed", {})
    for pair in (wanted, s.get("_good", first), first):
        if pair in failed:
            continue
        try:
            _load(*pair)
        except (WeightsUnavailable, WeightsInvalid) as error:
            failed[pair] = error
        else:
            s["_good"] = pair
            return pair
    return catalogue.DEFAULT, "random"  # which needs no file


def _load(key: str, weights: str) -> Any:
    """The model, with a progress bar while it comes over the network."""
    device = devices.resolve(st.session_state["device"])
    if weights == "random" or weight_files.available(key) != "download":
        return state.engine().model(key, device, weights)
    t = i18n.texts(st.session_state["lang"])
    row = catalogue.spec(key)
    said = t("model.downloading", model=row.title, mib=f"{row.weights_mib:.0f}")
    bar = st.sidebar.progress(0.0, said)
    try:
        return _with_progress(key, device, weights, lambda share: bar.progress(share, said))
    finally:
        bar.empty()


def _with_progress(key: str, device: str, weights: str, show: Callable[[float], object]) -> Any:
    from threading import Thread

    done: dict[str, Any] = {}
    total = catalogue.spec(key).weights_mib * 2**20
    seen = [0]

    def work() -> None:
        try:
            done["model"] = state.engine().model(key, device, weights, lambda have, of: seen.__setitem__(0, have))
        except BaseException as error:
            done["error"] = error

    thread = Thread(target=work, daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(0.2)
        show(min(max(seen[0], load.downloaded_bytes(key)) / total, 1.0))
    if "error" in done:
        raise done["error"]
    return done["model"]


def prepare() -> None:
    """After the sidebar's choices are known and before its block tiles: load, and decide what is really shown."""
    st.session_state["_shown"] = _usable()


def scene() -> Scene:
    """What the sidebar asks for. Everything heavy is shared and cached, so asking again costs nothing."""
    s = st.session_state
    key, weights = s["_shown"]
    return _scene(key, weights, s.get("block"), int(s.get("channel") or 0))


def sk_scene() -> Scene:
    """What the sidebar asks for; where that network has no kernels to choose from, our SK network and a word on it."""
    s, view = st.session_state, scene()
    if view.block.kind == "sk":
        return view
    view = _scene(SK, "pretrained", s.get("unit"), 0)
    said, take = st.columns([2, 1], vertical_alignment="center")
    said.info(view.t("scale.sk.instead", model=catalogue.spec(s["_shown"][0]).title, ours=view.spec.title))
    take.button(view.t("scale.sk.take", ours=view.spec.title), on_click=s.__setitem__, args=("model", SK))
    state.keep("unit", view.blocks, view.name)
    st.pills(
        view.t("scale.sk.unit"), view.blocks, format_func=short, key="unit", required=True, persist_state="session"
    )
    view = replace(view, name=s["unit"])
    return replace(view, channel=min(int(s.get("channel") or 0), view.block.channels - 1))


def _scene(key: str, weights: str, block: str | None, channel: int) -> Scene:
    from senet_viz.photos import preprocess
    from senet_viz.tap import layouts

    s = st.session_state
    spec, device = catalogue.spec(key), devices.resolve(s["device"])
    image = photo(s["photo"])
    blocks = tuple(ref.name for ref in layouts.find(state.engine().model(key, device, weights)))
    picture = state.drawings().get(("picture", key, s["photo"]), lambda: preprocess.preprocess(image, spec))
    trained = weight_files.trained(key, weights)
    name = block if block in blocks else telling(state.engine().trace(key, picture, device, weights), trained)
    return Scene(s["lang"], dark(), spec, weights, device, trained, s["photo"], image, picture, blocks, name, channel)


def telling(trace: Trace, trained: bool) -> str:
    """Return the block to begin with: the first whose gates tell channels apart, or else the first of all.

    Early blocks have the maps that are most like pictures. Where nothing is trained, gates tell nothing.
    """
    told = (block.name for block in trace.blocks if trained and float(block.gate[-1].std()) >= 0.1)
    return next(told, trace.blocks[0].name)


def photo(key: str) -> Image.Image:
    """A sample, or a picture that was uploaded in this process."""
    from senet_viz.photos import samples

    uploaded = state.uploads().use(key) if key.startswith("up-") else None
    return uploaded if uploaded is not None else samples.sample(key)
