"""The class: how students join, how many are here, and the question that the teacher asks."""

from senet_viz import i18n, ui
from senet_viz.ui.teaching import desk


@ui.page
def draw() -> None:
    """Draw the teacher's desk."""
    t = i18n.texts(ui.language())
    ui.title(t("teach.classroom.title"))
    desk.desk(t)
