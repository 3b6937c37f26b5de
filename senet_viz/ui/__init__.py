"""The only part of the package that knows Streamlit: what is on screen, the sidebar, and what pages are made of.

Pages take what all of them need from here, and what one subject needs from ``ui.pages``.
"""

from senet_viz.ui.elements.boards import atlas, carpet, pin, rows
from senet_viz.ui.elements.choices import (
    answered,
    choose,
    chosen,
    closer,
    goal,
    judge,
    listed,
    opened,
    pick,
    predict,
    several,
    target,
    worded,
)
from senet_viz.ui.elements.figures import figure, titled
from senet_viz.ui.elements.frame import heading, latex, neighbours, plain, section, window
from senet_viz.ui.elements.header import header, photo, trusted, untrained
from senet_viz.ui.elements.tables import counted, tabled
from senet_viz.ui.elements.truth import badge, small, title
from senet_viz.ui.operating.metrics import metrics
from senet_viz.ui.page import page
from senet_viz.ui.pages.walk.answers import answers
from senet_viz.ui.pages.walk.first import default_picture
from senet_viz.ui.pages.walk.first import routes as stage_routes
from senet_viz.ui.scene import short
from senet_viz.ui.shown import in_place, scene, sk_scene, units
from senet_viz.ui.sidebar import settle, sidebar
from senet_viz.ui.state import arrive, asked, language, warm
from senet_viz.ui.takeaway.served import take
from senet_viz.ui.teaching.classroom import joined
from senet_viz.ui.teaching.classroom import there as has_class
from senet_viz.ui.teaching.guide import begin, guide
from senet_viz.ui.teaching.socket import route as classes
from senet_viz.ui.teaching.travel import follow

__all__ = [
    "answered", "answers", "arrive", "asked", "atlas", "badge", "begin", "carpet", "choose", "chosen", "classes",
    "closer", "counted", "default_picture", "figure", "follow", "goal", "guide", "has_class", "header", "heading",
    "in_place", "joined", "judge", "language", "latex", "listed", "metrics", "neighbours", "opened", "page",
    "photo", "pick", "pin", "plain", "predict", "rows", "scene", "section", "settle", "several", "short", "sidebar",
    "sk_scene", "small", "stage_routes", "tabled", "take", "target", "title", "titled", "trusted", "units", "untrained",
    "warm", "window", "worded",
]  # fmt: skip
