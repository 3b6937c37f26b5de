"""Questions about networks: whether two have the same block, and what gates cost where."""

from senet_viz.architecture import prices, recorder, unit_graph
from senet_viz.drawing.text import number
from senet_viz.lessons.question import Question
from senet_viz.networks.registry import Choice
from senet_viz.ui.elements.choices import chosen
from senet_viz.ui.pages.networks import costs, wired
from senet_viz.ui.scene import Scene
from senet_viz.ui.teaching.questions.made import made

LIKE, UNLIKE = "se_resnet50", "mobilenet_v3_large"  # SENet's own, and the best known of those that are not
TOLD = ("act", "bias", "norm", "where", "function", "ratio")  # properties; layers are the same arithmetic in any case


def same_block(view: Scene) -> Question | None:
    """Ask which of four properties two networks' blocks share; the page on where gates sit draws both."""
    like = wired.unit(LIKE)
    for name in (*(key for key in recorder.SIX if key == view.spec.key), UNLIKE):
        unit = wired.unit(name)
        rows = {row: cells[0] for row, cells in unit_graph.differences((unit,), like.facts).items()}
        equal, apart = ([row for row in TOLD if rows[row][1] is differs] for differs in (False, True))
        if equal and len(apart) >= 2:
            options = [view.t(f"ask.same_block.{row}") for row in (equal[0], *apart[:3])]
            said = {"a": unit.title, "b": like.title, "n": len(apart), "rows": len(TOLD)}
            said["value"] = wired.fact(view, equal[0], rows[equal[0]][0])
            return made(view, "same_block", options, 0, said)
    return None


def _price(view: Scene) -> tuple[prices.Price, str]:
    """Return what the network costs that the page on costs shows, gates as released, and its title."""
    names = prices.names()
    net = str(chosen("net", names, prices.DEFAULT))
    return costs.price(Choice(net)), names[net]


def costs_where(view: Scene) -> Question | None:
    """Ask which stage's gates hold most parameters; None where two hold about as many."""
    price, title = _price(view)
    stages = price.cost.gated[-4:]
    params = [stage.gate.params for stage in stages]
    if len(stages) < 2 or sorted(params)[-2] > 0.8 * max(params):
        return None
    right = params.index(max(params))
    options = [view.t("ask.costs_where.stage", n=stage.name, side=stage.side) for stage in stages]
    share = max(params) / price.cost.gate.params
    said = {"net": title, "n": stages[right].name, "share": f"{share:.0%}", "all": f"{price.cost.gate.params:,}"}
    return made(view, "costs_where", options, right, said, "flipped")


def costs_share(view: Scene) -> Question | None:
    """Ask by how much the gates make the network larger."""
    price, title = _price(view)
    (without, _), (adds, _) = price.without, price.adds
    if adds <= 0:
        return None
    shares = [factor * adds / without for factor in (1 / 4.3, 1, 4.6)]
    options = [f"{number(100 * share, 2)} %" for share in shares]
    return made(view, "costs_share", options, 1, {"net": title, "adds": f"{adds:,}", "bare": f"{without:,}"})
