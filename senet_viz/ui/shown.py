"""From what is asked for to what is on screen: photos that there are, weights that come, and the scene of both."""

from collections.abc import Hashable, Sequence
from dataclasses import replace
from threading import local

import numpy as np
import streamlit as st
from PIL import Image

from senet_viz import i18n
from senet_viz.errors import Busy, EngineAway, ModelTooLarge, WeightsInvalid, WeightsUnavailable
from senet_viz.i18n import Texts
from senet_viz.models import catalogue, weight_files
from senet_viz.photos import preprocess, samples
from senet_viz.service.questions import BlocksQuestion, TraceQuestion
from senet_viz.tap import replay
from senet_viz.types import Edit, Picture, Trace
from senet_viz.ui import state
from senet_viz.ui.scene import Scene, Seen, short
from senet_viz.ui.work import Bar

SK = "tiny_sk"  # whose blocks choose between kernels, where the sidebar's do not


class _Rerun(local):
    """Keep the scenes of one rerun, which is a thread of its own, with the numbers that they have worked out."""

    def __init__(self) -> None:
        self.scenes: dict[Hashable, Scene] = {}


_RERUN = _Rerun()


def photos(t: Texts) -> dict[str, str]:
    """Return every photo that there is, and what it is called: samples, and what was uploaded in this session."""
    named = {sample.key: t(f"sample.{sample.key}") for sample in samples.SAMPLES}
    return named | {key: t("photo.mine", n=number) for key, number in mine().items()}


def mine() -> dict[str, int]:
    """Return the photos that were uploaded in this session and are in memory still, each with its number."""
    numbers: dict[str, int] = st.session_state.setdefault("_mine", {})
    return {key: number for key, number in numbers.items() if state.uploads().has(state.who(), key)}


def photo(key: str) -> Image.Image:
    """Return a sample, or a picture that was uploaded in this process."""
    uploaded = state.uploads().use(key) if key.startswith("up-") else None
    return uploaded if uploaded is not None else samples.sample(key)


def picture_of(key: str, row: catalogue.ModelSpec) -> Picture:
    """Return that photo as this network takes it."""
    made: Picture = state.drawings().get(("picture", row.key, key), lambda: preprocess.preprocess(photo(key), row))
    return made


def _usable() -> tuple[str, str]:
    """(model, weights) that can be shown: what was asked for, or the last that could, with a sentence why."""
    s, first = st.session_state, (catalogue.DEFAULT, "pretrained")
    wanted, failed = (s["model"], s["weights"]), s.setdefault("_failed", {})
    for pair in (wanted, s.get("_good", first), first):
        if pair in failed:
            continue
        try:
            _load(*pair)
        except (WeightsUnavailable, WeightsInvalid, ModelTooLarge, Busy, EngineAway) as error:
            failed[pair] = error
        else:
            s["_good"] = pair
            return pair
    return catalogue.DEFAULT, "random"  # which needs no file


def _load(key: str, weights: str) -> None:
    """Have the model loaded; while its weights come over the network, a bar says how far they are."""
    device = state.device(st.session_state["device"])
    if weights == "random" or weight_files.available(key) != "download":
        state.engine().ready(key, device, weights, seat=state.seat())
        return
    row = catalogue.spec(key)
    mib = f"{row.weights_mib:.0f}"
    said = i18n.text("model.downloading", st.session_state["lang"], model=row.title, mib=mib)
    total = row.weights_mib * 2**20
    with Bar(lambda done, total: said, place=state.places()[1]) as bar:
        bar(0, total)
        state.engine().ready(key, device, weights, lambda done, _: bar(done, total), state.seat())


def prepare() -> None:
    """After the sidebar's choices are known and before its block tiles: load, and decide what is really shown."""
    st.session_state["_shown"] = _usable()


def scene() -> Scene:
    """Return what the sidebar asks for. Everything heavy is shared and cached, so asking again costs nothing."""
    key, weights = st.session_state["_shown"]
    return scene_of(key, weights, st.session_state.get("block"))


def scene_of(key: str, weights: str, name: str | None) -> Scene:
    """Return the photo and the channel that the sidebar asks for, with this network and block.

    Where it has not that block, a telling one takes its place; the channel may be beyond the block's last.
    """
    s, spec = st.session_state, catalogue.spec(key)
    device, channel, dark = state.device(s["device"]), int(s.get("channel") or 0), st.context.theme.type == "dark"
    named = (state.engine(), state.drawings(), key, weights, name, device, s["photo"], channel, s["lang"], dark)
    if named in _RERUN.scenes:
        return _RERUN.scenes[named]
    seen = (s["photo"], photo(s["photo"]), picture_of(s["photo"], spec))
    made = looking(s["lang"], dark, spec, weights, device, seen, name, channel)
    _RERUN.scenes[named] = made
    return made


def looking(
    lang: str,
    dark: bool,
    spec: catalogue.ModelSpec,
    weights: str,
    device: str,
    seen: tuple[str, Image.Image, Picture],
    name: str | None,
    channel: int,
) -> Scene:
    """Return one photo in front of one block of a network, without any session.

    Args:
        seen: what the photo is called (``up-…`` where it is nobody's sample), itself, and as the network takes it.
        name: of the block; where the network has not that one, a telling one takes its place.
    """
    photo, image, picture = seen
    blocks = state.engine().ask(BlocksQuestion(spec.key, device=device, weights=weights), seat=state.seat())
    trained = weight_files.trained(spec.key, weights)
    if name not in blocks:
        question = TraceQuestion(spec.key, picture, device=device, weights=weights)
        name = telling(state.engine().ask(question, seat=state.seat()), trained)
    return Scene(lang, dark, spec, weights, device, trained, photo, image, picture, blocks, name, channel)


def sk_scene() -> Scene:
    """Return what the sidebar asks for; where there are no kernels to choose from, our SK network: see ``units``."""
    view = scene()
    if view.block.kind == "sk":
        return view
    view = scene_of(SK, "pretrained", state.asked("unit"))
    return clamped(replace(view, name=state.keep("unit", view.blocks, view.name)))


def units(view: Scene) -> None:
    """Where ``sk_scene`` shows our SK network instead: say so beside its units, and offer to take it everywhere."""
    asked, _ = st.session_state["_shown"]
    if view.spec.key == asked:
        return
    t, ours = view.t, view.spec.title
    said, take = t("scale.sk.instead", model=catalogue.spec(asked).title, ours=ours), {"model": SK}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.pills(said, view.blocks, format_func=short, key="unit", required=True, persist_state="session")
        st.button(t("scale.sk.take", ours=ours), type="tertiary", on_click=st.session_state.update, kwargs=take)


def instead(said: str, ours: Scene, **choices: str) -> None:
    """Say that ``ours`` takes the place of the network that was asked for, and offer to make these choices for it."""
    st.caption(said)
    take = ours.t("scale.sk.take", ours=ours.spec.title)
    st.button(take, type="tertiary", on_click=st.session_state.update, kwargs=choices)


def in_place(ours: Scene, key: str) -> None:
    """Where ``ours``, with trained weights, is another network than was asked for: say so by the text of this key."""
    view = scene()
    if (view.spec.key, view.trained) != (ours.spec.key, ours.trained):
        said = view.t(key, model=view.spec.title, ours=ours.spec.title)
        instead(said, ours, model=ours.spec.key, weights="pretrained")


def clamped(view: Scene) -> Scene:
    """Return the same with a channel that its block has."""
    return replace(view, channel=min(view.channel, view.block.channels - 1))


def striking(view: Scene) -> int:
    """Return the channel to begin with: its map has the strongest coarse structure, so there is something to see."""
    return int(replay.pooled(view.fused, 8).std(axis=(1, 2)).argmax())


def telling(trace: Trace, trained: bool) -> str:
    """Return the block to begin with: the first whose gates tell channels apart, or else the first of all.

    Early blocks have the maps that are most like pictures. Where nothing is trained, gates tell nothing.
    """
    told = (block.name for block in trace.blocks if trained and np.asarray(block.gate[-1]).std(ddof=1) >= 0.1)
    return next(told, trace.blocks[0].name)


def seen(key: str, weights: str, edits: Sequence[Edit] = (), other: str = "") -> Seen:
    """Return the answer to the photo on screen, or an ``other``, of another network or of one whose gates are changed.

    Raises:
        WeightsUnavailable, WeightsInvalid: its weights cannot be had.
    """
    s, row = st.session_state, catalogue.spec(key)
    picture, device = picture_of(other or s["photo"], row), state.device(s["device"])
    question = TraceQuestion(key, picture, tuple(edits), device=device, weights=weights)
    trace = state.engine().ask(question, seat=state.seat())
    return Seen(s["lang"], row, weights, weight_files.trained(key, weights), trace)
