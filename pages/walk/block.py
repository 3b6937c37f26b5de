"""The block: the whole of it in one picture, and the steps through it."""

from functools import partial

from senet_viz import ui
from senet_viz.ui.pages.walk import first, stage


@partial(ui.page, own=stage.OWN)
def draw() -> None:
    """Draw the stage; what is said of the network below it."""
    view = ui.scene()
    ui.title(view.t("walk.block.title"), view)
    stage.stage(view)
    first.seen(view)
    ui.known(view)
    ui.closer(
        view,
        {"still": partial(stage.still, view)},
        f"senet_viz.networks.blocks:{'SEBlock' if len(view.gate) == 1 else 'SKConv'}.forward",
    )
