"""The only part of the package that knows streamlit: shared state, the sidebar, and what pages are made of."""

from senet_viz.ui.pages.profiled import profiled_scene
from senet_viz.ui.pages.scrub import scrubber, swept
from senet_viz.ui.pages.worth import worth
from senet_viz.ui.parts import (
    address,
    atlas,
    badge,
    choose,
    code,
    figure,
    header,
    heading,
    latex,
    neighbours,
    pick,
    plain,
    rows,
    section,
    target,
    title,
    titled,
    window,
)
from senet_viz.ui.scene import Scene, guard, prepare, scene, seen, short, sk_scene
from senet_viz.ui.sidebar import sidebar
from senet_viz.ui.state import arrive, language, warm

__all__ = [
    "Scene",
    "address",
    "arrive",
    "atlas",
    "badge",
    "choose",
    "code",
    "figure",
    "guard",
    "header",
    "heading",
    "language",
    "latex",
    "neighbours",
    "pick",
    "plain",
    "prepare",
    "profiled_scene",
    "rows",
    "scene",
    "scrubber",
    "section",
    "seen",
    "short",
    "sidebar",
    "sk_scene",
    "swept",
    "target",
    "title",
    "titled",
    "warm",
    "window",
    "worth",
]
