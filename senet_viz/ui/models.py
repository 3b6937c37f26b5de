"""What is said of models: where their weights would come from, and whether they know what is on the photo."""

from functools import cache

import streamlit as st

from senet_viz import i18n
from senet_viz.i18n import Texts
from senet_viz.models import catalogue, class_names, weight_files
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


def off_list(seen: Seen, photo: str, whose: str = "") -> bool:
    """Say that the photo is none of the network's classes, or may be none; return whether anything was said.

    Beside it stand the networks of ImageNet, where the one on screen is not one of them. An untrained network's
    answers mean nothing, whatever the photo, and that is said elsewhere.

    Args:
        photo: key of the photo on screen.
        whose: names the network, where the page shows the answers of several.
    """
    t, shows, n = seen.t, samples.shows(photo), len(seen.trace.logits)
    known = class_names.knows(seen.spec, shows)
    if not seen.trained or known:
        return False
    rows = {
        row.key: row
        for row in catalogue.MODELS
        if row.source != "ours" and weight_files.available(row.key) != "missing"
    }
    other, lead = catalogue.spec(next(iter(rows))), f"**{whose}** · " if whose else ""
    if known is None:
        st.caption(lead + t("knows.stranger", n=n))
    else:
        more = seen.spec.source == "ours" and class_names.knows(other, shows) is False
        neither = f" {t('knows.neither', n=class_names.count(other))}" if more else ""
        st.caption(lead + t("knows.off", what=t(f"sample.{photo}"), n=n) + neither)
    if seen.spec.source == "ours" and seen.spec.key == st.session_state["_shown"][0]:  # else it stands in for another
        st.menu_button(
            t("knows.others", n=class_names.count(other)), list(rows), format_func=lambda key: named(t, rows[key]),
            key=OTHERS, on_click=_take, type="tertiary", icon=":material/swap_horiz:",
        )  # fmt: skip
    return True


def _take() -> None:
    st.session_state["model"] = st.session_state[OTHERS]
