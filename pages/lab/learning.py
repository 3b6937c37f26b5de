"""How gates learn: a film of a training, scrubbed in the browser. Nobody labels a channel; the loss does it all."""

from functools import partial

import numpy as np
import streamlit as st

from senet_viz import ui
from senet_viz.drawing.grammar import Figure
from senet_viz.figures.lab import learning
from senet_viz.findings import class_selectivity, gate_life
from senet_viz.i18n import Texts
from senet_viz.ui.pages.lab import learned
from senet_viz.ui.teaching import questions

CODE = ("senet_viz.networks.tiny:untrained", class_selectivity.variances, gate_life.learned, gate_life.first)


def idea(found: learned.Film) -> None:
    """Write what training did to the gates of the block on screen, and to the answer."""
    gates = found.gates(found.view.name)
    before, after = (f"{row.std():.3f}" for row in gates[[0, -1]])
    (first, p), (last, q) = found.answers[0], found.answers[-1]
    said = {"first": ui.plain(first), "last": ui.plain(last), "p": f"{p:.0%}", "q": f"{q:.0%}"}
    block = {"n": gates.shape[1], "block": ui.short(found.view.name), "before": before, "after": after}
    st.markdown(found.view.t("lab.learning.idea", **block, **said))


def guessed(found: learned.Film) -> bool:
    """Ask which block tells classes apart first; return whether what decides it may be seen."""
    view = found.view
    asked = questions.ask("learns_first", view)
    if asked is None:
        return True
    options = {str(i): option for i, option in enumerate(asked.options)}
    answer = ui.predict(("learns_first", view.spec.key), asked.text, options, view.t("lab.class_profiles.skip"))
    if answer is not None:
        ui.judge(answer == str(asked.right), asked.why)
    return answer is not None


def film(found: learned.Film, told: bool) -> None:
    """Draw the film itself, and say what its ends are."""
    view, key = found.view, (found.epochs, found.view.channel)
    names, here = tuple(map(ui.short, view.blocks)), view.blocks.index(view.name)

    def build(t: Texts) -> Figure:
        gates = tuple(found.gates(name) for name in view.blocks)
        return learning.draw_film(found.epochs, names, gates, here, view.channel, learned.accuracy(), t)

    ui.titled(view, ui.heading(view.t("lab.learning.scrub")), build, "learning-film", key)
    learned.scrubber(found, told)
    ends = zip(found.traces[-1].blocks, view.trace.blocks, strict=True)
    pairs = ((np.asarray(film.gate), np.asarray(page.gate)) for film, page in ends)
    same = view.drawn(lambda: max(float(np.abs(a - b).max()) for a, b in pairs), "same", *key)
    st.caption(view.t("lab.learning.ends", last=found.epochs[-1], difference=ui.small(same)))


def spread(found: learned.Film) -> None:
    """Draw how much of the gates' spread is the start and how much is learned."""
    view, each = found.view, found.learning
    if each is None:
        st.info(view.t("lab.learning.unmeasured"))
        return
    names, here = tuple(map(ui.short, each.blocks)), view.blocks.index(view.name)
    draw = partial(learning.draw_learned, each.epochs, names, each.eta2, each.std, each.chance, here)
    low, high, least, most = (f"{end(row):.2f}" for row in each.start for end in (min, max))
    start = {"low": low, "high": high, "least": least, "most": most}
    said = view.t("lab.learning.spread", n=f"{each.pictures:,}", k=each.classes, **start)
    ui.figure(view, lambda t: draw(t=t), "learned", *each.epochs, shows="model block", says=said)


def courses(found: learned.Film) -> None:
    """Draw the accuracy of the small networks after every epoch."""
    known, size = learned.accuracy(), learned.side(found.view)
    ui.figure(found.view, lambda t: learning.draw_accuracy(known, size, t), "courses", *known, untrained=False)


@partial(ui.page, own=learned.OWN, of=learned.stand_in)
def draw() -> None:
    """Draw the film of the network on screen, or of the one that takes its place."""
    view = learned.stand_in()
    ui.title(view.t("lab.learning.title"), view)
    found = learned.film(view)
    idea(found)
    ui.in_place(view, "lab.learning.instead")
    told = guessed(found)
    film(found, told)
    looks = {"learned": partial(spread, found), "courses": partial(courses, found)}
    ui.closer(view, looks if told else {"courses": looks["courses"]}, *CODE)
