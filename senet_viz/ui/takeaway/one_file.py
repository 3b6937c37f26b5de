"""The stage in one HTML file: the same numbers and the same modules as in the app, without a server.

The file may ask for nothing: its own policy forbids every request.
"""

import base64
import html
from collections.abc import Mapping
from dataclasses import replace
from string import Template

from senet_viz import assets, i18n
from senet_viz.drawing import palette
from senet_viz.ui.elements.components import whole_script
from senet_viz.ui.pages.walk import stage
from senet_viz.ui.scene import Scene

FOLDER = assets.COMPONENTS / "stage"


def one_file(view: Scene, chosen: Mapping[str, str | None] | None = None, link: str = "") -> bytes:
    """Return the stage of the block on screen as one HTML file.

    What needs a forward is answered beforehand: the classes with the gates as they are, with all of them 1, and with
    the pinned channel closed. Of other channels the file says that the app knows.

    Args:
        chosen: how it begins: values of ``stage.OWN``.
        link: the address of the same state in the app, "" where there is none.
    """
    made = stage.gathered(view, {key: (chosen or {}).get(key) for key in stage.OWN if key != "channel"})
    answers = {gate: stage.answer(view, gate) for gate in ("ones", str(view.channel))}
    payload = replace(made, head={**made.head, "ask": "", "pages": {}, "answers": answers}).payload()
    title = " · ".join((view.t("walk.block.title"), view.spec.title, view.name))
    warned = "" if view.trained else f"<strong>{html.escape(view.t('model.untrained'))}</strong>"
    back = f' · <a href="{html.escape(link)}">{html.escape(view.t("file.app"))}</a>' if link else ""
    parts = {name: (FOLDER / f"stage.{name}").read_text(encoding="utf-8") for name in ("html", "css")}
    script = whole_script("stage").replace("export default function", "const mount = function")
    return (
        Template((FOLDER / "file.html").read_text(encoding="utf-8"))
        .substitute(
            _colours(view.dark) | parts,
            lang=i18n.tag(view.lang),
            title=html.escape(title),
            warned=warned,
            source=html.escape(made.head["source"]) + back,
            script=script,
            data=base64.b64encode(payload).decode("ascii"),
        )
        .encode()
    )


def _colours(dark: bool) -> dict[str, str]:
    """Return what the stage's style takes from Streamlit in the app."""
    roles = {name: palette.role(name, dark) for name in ("ink", "muted", "grid", "u")}
    good, bad = ("#3fb950", "#ff7b72") if dark else ("#15803d", "#b91c1c")
    return roles | {"scheme": "dark" if dark else "light", "paper": palette.background(dark), "good": good, "bad": bad}
