"""The same capabilities without a browser: one file a verb, in ``ask``, ``make`` or ``take``.

What several verbs share lies here; what they compute and draw lies in the other rooms.
"""

from senet_viz.cli.entry import main

__all__ = ("VERBS", "main")

# The modules of the verbs, in the order of the help.
VERBS = (
    "ask.list", "ask.cost", "ask.trace", "ask.whatif", "ask.attribute", "ask.sweep", "ask.learning", "make.lessons",
    "make.train", "make.profile", "make.worth", "make.listed", "make.card", "take.deck", "take.stage", "take.notebook",
    "make.app",
)  # fmt: skip
