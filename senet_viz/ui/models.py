"""What is said of models: where their weights would come from, and whether they know what is on the photo."""

from collections.abc import Sequence
from functools import cache

import streamlit as st

from senet_viz import i18n
from senet_viz.i18n import Texts
from senet_viz.models import catalogue, class_names, weight_files
from senet_viz.open_set import record
from senet_viz.photos import samples
from senet_viz.ui.scene import Seen

OTHERS = "_others"  # the menu's key in the session


def named(t: Texts, row: catalogue.ModelSpec) -> str:
    """Return the model's title, and whether its weights are here, a download of so many MiB, or nobody's."""
    where = weight_files.available(row.key)
    if where == "download":
        return t("model.fetched", title=row.title, mib=f"{row.weights_mib:.0f}")
    return t("model.nobodys" if where == "missing" else "model.here", title=row.title)


@cache
def others(lang: str) -> dict[str, str]:
    """Return the classifiers of timm and torchvision that are not in the catalogue, and what each is called."""
    t = i18n.texts(lang)
    rows = sorted(catalogue.library().values(), key=lambda row: row.arch)
    return {row.key: t("model.listed", library=row.source, title=row.arch) for row in rows}


@cache
def apart(lang: str) -> dict[str, str]:
    """Return the libraries' networks that have gates and cannot be shown, each with why in a few words."""
    t, found = i18n.texts(lang), {}
    for name, near in catalogue.apart().items():
        if near != "":
            library, _, title = name.partition("/")
            why = t("model.apart.scores" if near is None else "model.apart.block")
            found[name] = f"{t('model.listed', library=library, title=title)} \u00b7 {why}"
    return found


def off_list(seen: Seen, photo: str, whose: str = "", nearest: str | None = None) -> None:
    """Say in one place, whatever it is, what ``strange`` returns for these arguments; ``whose``: see ``say``."""
    with st.container():
        say(seen, strange(seen, photo, nearest), whose)


def strange(seen: Seen, photo: str, nearest: str | None = None) -> list[str]:
    """Return what is to be said of a photo that is nothing the network knows, or may be; [] of any other.

    The network's own score says it, of any photo; what a sample shows is known besides. An untrained network's answers
    mean nothing, whatever the photo, and that is said elsewhere.

    Args:
        photo: key of the photo on screen.
        nearest: what is said of the answer first, where that is not what this network says.
    """
    t, n, known = seen.t, len(seen.trace.logits), class_names.knows(seen.spec, samples.shows(photo))
    if not seen.trained or (known and seen.familiar is not False and not nearest):
        return []
    first = seen.nearest if nearest is None else nearest
    lines = [[first, _share(seen, "listed.rates")]] if seen.familiar is False and known is not False else [[first]]
    if known is False:
        lines[0].append(t("knows.off", what=t(f"sample.{photo}"), n=n))
        other = catalogue.spec(next(iter(_imagenets())))
        if seen.spec.source == "ours" and class_names.knows(other, samples.shows(photo)) is False:
            lines[0].append(t("knows.neither", n=class_names.count(other)))
        lines[0].append(_share(seen, "listed.missed") if seen.familiar else "")
    elif known is None:
        lines.append([t("knows.stranger", n=n)])
    return [*filter(None, (" ".join(filter(None, line)) for line in lines))]


def say(seen: Seen, lines: Sequence[str], whose: str = "") -> None:
    """Write these lines, with ImageNet's networks beside them where the one on screen is none.

    Args:
        whose: names the network, where the page shows the answers of several.
    """
    for said in lines:
        st.caption((f"**{whose}** \u00b7 " if whose else "") + said)
    ours = seen.spec.source == "ours" and seen.spec.key == st.session_state["_shown"][0]  # else it stands in
    if lines and ours:
        rows = _imagenets()
        label = seen.t("knows.others", n=class_names.count(catalogue.spec(next(iter(rows)))))
        st.menu_button(
            label, list(rows), format_func=lambda key: named(seen.t, rows[key]), key=OTHERS, on_click=_take,
            type="tertiary", icon=":material/swap_horiz:",
        )  # fmt: skip


def _imagenets() -> dict[str, catalogue.ModelSpec]:
    """Return the catalogue's networks of ImageNet whose weights can be had."""
    rows = (row for row in catalogue.MODELS if row.source != "ours")
    return {row.key: row for row in rows if weight_files.available(row.key) != "missing"}


def _share(seen: Seen, key: str) -> str:
    """Return what is known of the network's own score: both its error rates, as the key's text says them."""
    found = record.of(seen.spec.key)
    if found is None:
        return ""
    shares = {"told": found.told.value, "missed": 1 - found.told.value, "false": found.false.value}
    return seen.t(key, **{name: f"{share:.0%}" for name, share in shares.items()})


def _take() -> None:
    st.session_state["model"] = st.session_state[OTHERS]
