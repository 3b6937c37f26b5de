"""How the block on screen differs from the one of its paper, in a sentence that is read off the network itself."""

from functools import reduce
from typing import Protocol

from senet_viz.i18n import Texts

RATIO, LEAST = 16, 32  # r of SENet and SKNet, and the least width of SKNet's hidden layer
FUNCTIONS = {"sigmoid": "sigmoid", "h_sigmoid": "h-sigmoid", "softmax": "softmax"}
AT_THE_END = ("branch_end", "module_end", "after_relu")  # where SENet puts it in residual units, Inception and VGG


class Excitation(Protocol):
    """What is read of a block: ``tap.replay.Replay`` has it."""

    @property
    def layers(self) -> tuple[int, bool]:
        """Return the width of the hidden layer, 0 for none, and whether a layer has biases."""

    @property
    def norm(self) -> str: ...
    @property
    def act(self) -> str: ...
    @property
    def gate_fn(self) -> str: ...
    @property
    def squeeze(self) -> str: ...


def sentence(t: Texts, found: Excitation, position: str, channels: int, branches: int) -> str:
    """Say where the gate sits, its r, its function and its biases, what differs from the paper first.

    One branch is compared with SENet (sigmoid, r = 16, no biases in the text), several with SKNet (softmax, a hidden
    layer of max(C / 16, 32), batch norm).

    Args:
        position: where the gate sits, as ``ModelSpec.position`` has it.
        channels, branches: C and M of the block.
    """
    sk = branches > 1
    width, biased = found.layers
    least = LEAST if sk else 1
    ratio = t("differs.flat") if not width else t("differs.ratio", r=f"{channels / width:.3g}")
    if sk and width:
        ratio = t("differs.width", n=width, c=channels)
    said = [
        (t("differs.where", where=t(f"position.{position}.short")), position in (("conv",) if sk else AT_THE_END)),
        (ratio, width == max(channels // RATIO, least)),
        (FUNCTIONS.get(found.gate_fn, found.gate_fn), found.gate_fn == ("softmax" if sk else "sigmoid")),
        (t("differs.bias" if biased else "differs.unbiased"), not biased),
    ]
    if found.norm:
        said.append((t("differs.norm"), sk))
    if width and found.act != "ReLU":
        said.append((t("differs.act", act=found.act), False))
    if found.squeeze != "avg":
        said.append((t(f"differs.squeeze.{found.squeeze}"), False))
    unlike, like = (_listed(t, [what for what, same in said if same is wanted]) for wanted in (False, True))
    values = {"paper": "SKNet" if sk else "SENet", "unlike": unlike, "like": like}
    return t("differs.both" if unlike and like else "differs" if unlike else "differs.same", **values)


def _listed(t: Texts, words: list[str]) -> str:
    return reduce(lambda a, b: t("differs.and", a=a, b=b), words) if words else ""
