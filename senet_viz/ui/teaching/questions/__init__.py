"""Questions that pages predict: each is computed from the numbers of the network and the photo on screen.

A question that has no clear answer there is None. Nothing is computed before it is asked for.
"""

from collections.abc import Callable, Mapping

from senet_viz.lessons.question import Question
from senet_viz.ui import shown, state
from senet_viz.ui.pages.lab import learned, profiled
from senet_viz.ui.scene import Scene
from senet_viz.ui.teaching.questions import answers, block, kernels, lab, networks

QUESTIONS: Mapping[str, Callable[[Scene], Question | None]] = {
    make.__name__: make
    for make in (
        block.avg_or_max, block.pool_size, block.ratio_or_width, block.dead_units, block.all_dead, block.fc_or_conv,
        block.sum_to_one, block.gates_half, block.exact_ends, block.brighter_map_larger_gate,
        block.relu_order, block.times_gate,
        answers.drop_the_branch, answers.drop_every_branch, answers.close_one, answers.another_photo,
        answers.muted_most, answers.without_gates,
        kernels.softmax_axis, kernels.five_by_five, kernels.where_is_b, kernels.swap_branches,
        kernels.kernel_with_scale,
        networks.same_block, networks.costs_where, networks.costs_share,
        lab.open_or_matters, lab.where_gradcam, lab.scale_moves, lab.gate_with_scale, lab.class_specific_depth,
        lab.learns_first,
    )
}  # fmt: skip
PAGES: Mapping[str, tuple[str, ...]] = {  # the first is the page's main one
    "block": (
        "brighter_map_larger_gate", "gates_half", "dead_units", "exact_ends", "drop_the_branch", "close_one",
        "times_gate", "softmax_axis",
    ),
    "squeeze": ("avg_or_max", "pool_size"),
    "excitation": (
        "sum_to_one", "ratio_or_width", "all_dead", "fc_or_conv", "gates_half", "relu_order", "softmax_axis",
    ),
    "rescale": ("times_gate", "brighter_map_larger_gate"),
    "channel_weights": ("scale_moves", "gate_with_scale"),
    "kernel_selection": ("kernel_with_scale", "swap_branches"),
    "sk_anatomy": ("softmax_axis", "five_by_five", "where_is_b"),
    "where_it_sits": ("same_block", "relu_order"),
    "what_it_costs": ("costs_where", "costs_share"),
    "compare": ("without_gates", "drop_every_branch"),
    "what_if": ("muted_most", "drop_the_branch", "another_photo"),
    "attribution": ("open_or_matters", "where_gradcam", "muted_most"),
    "class_profiles": ("class_specific_depth",),
    "learning": ("learns_first",),
}  # fmt: skip
KERNELS = ("kernel_selection", "sk_anatomy")  # pages on a network that chooses between kernels
STAND_INS = {"class_profiles": profiled.stand_in, "learning": learned.stand_in}  # pages that need a certain network
CORRECTS: Mapping[str, int] = {  # which of the twelve things that learners get wrong a question contradicts
    "gates_half": 1, "dead_units": 1, "all_dead": 1,
    "drop_the_branch": 2, "drop_every_branch": 2, "another_photo": 2,
    "fc_or_conv": 3,
    "ratio_or_width": 4,
    "sum_to_one": 5,
    "pool_size": 6, "avg_or_max": 6,
    "relu_order": 7,
    "softmax_axis": 8,
    "five_by_five": 9,
    "times_gate": 10, "swap_branches": 10, "muted_most": 10, "open_or_matters": 10,
    "where_is_b": 11,
    "same_block": 12,
}  # fmt: skip


def ask(name: str, view: Scene) -> Question | None:
    """Return the question of that name about what is on screen; None where it has no clear answer there.

    Raises:
        KeyError: no such question.
    """
    return QUESTIONS[name](view)


def here(page: str) -> Scene:
    """Return the scene that a page's questions are about: what it shows, with the network that it puts in its place.

    It draws nothing and gives no widget a value.
    """
    if page in STAND_INS:
        return STAND_INS[page]()
    view = shown.scene()
    if page in KERNELS and view.block.kind != "sk":
        view = shown.scene_of(shown.SK, "pretrained", state.asked("unit"))
    return shown.clamped(view)
