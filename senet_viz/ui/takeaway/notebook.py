"""A notebook that computes again, through the public interface alone, what is on screen of one block.

Its last cell compares what it found with the numbers that were on screen.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from senet_viz.ui.pages.walk import stage
from senet_viz.ui.scene import Scene

OWN = "photo.jpg"  # stands for a photo of one's own, whose path nobody told us

TRACE = """\
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import senet_viz

spec = senet_viz.spec(MODEL)
network = senet_viz.load(MODEL, weights=WEIGHTS)
photo = senet_viz.read(Path(PHOTO)) if Path(PHOTO).exists() else senet_viz.sample(PHOTO)
picture = senet_viz.preprocess(photo, spec)
edits = [{edits}]
trace = senet_viz.trace(network, picture.x, edits, keep_u=[BLOCK])
block = trace.block(BLOCK)


def best(trace, count={top}):
    share = trace.logits.double().softmax(0)
    return [(int(c), float(share[c])) for c in share.argsort(descending=True, stable=True)[:count]]


plt.imshow(picture.shown)
plt.axis("off")
print(*(f"class {{c}}: {{share:.1%}}" for c, share in best(trace)), sep="\\n")"""

SQUEEZE = """\
u = block.u.sum(0).numpy()  # (C, H, W), the branches together
z = block.z.numpy()  # (C,)
reach = float(np.abs(u[CHANNEL]).max()) or 1.0

figure, (left, right) = plt.subplots(1, 2, figsize=(11, 3.5))
left.imshow(u[CHANNEL], cmap="RdBu_r", vmin=-reach, vmax=reach)
left.set_title(f"u, channel {CHANNEL}")
right.bar(range(len(z)), z)
right.bar([CHANNEL], [z[CHANNEL]], color="crimson")
right.set_title("z")
print(f"z = {z[CHANNEL]:.6f}, mean of the map = {u[CHANNEL].mean(dtype=np.float64):.6f}")"""

EXCITATION = """\
again = senet_viz.replay(network, block, [edit for edit in edits if edit.block == BLOCK])
hidden = np.empty(0) if block.hidden is None else block.hidden.numpy()  # (C/r,)
logit = block.logit.numpy()  # (M, C)
gate = block.gate.numpy()  # (M, C)

figure, (left, right) = plt.subplots(1, 2, figsize=(11, 3.5))
left.bar(range(len(hidden)), hidden)
left.set_title("hidden")
for m, row in enumerate(gate):
    right.plot(np.sort(row)[::-1], label=f"branch {m}")
right.set(title="gates, the largest first", ylim=(-0.02, 1.02))
right.legend()
print("logit", logit[:, CHANNEL], "gate", gate[:, CHANNEL])
print("computed again, off by", again.differences)"""

RESCALE = """\
out = block.out.numpy()  # (C, H, W): the sum over m of gate[m] * u[m]

figure, panels = plt.subplots(1, 2, figsize=(8, 3.5))
for panel, shown, name in zip(panels, (u, out), ("before", "after"), strict=True):
    drawn = panel.imshow(shown[CHANNEL], cmap="RdBu_r", vmin=-reach, vmax=reach)
    panel.set_title(name)
figure.colorbar(drawn, ax=panels)
print(f"mean of the map: {u[CHANNEL].mean():.6f} before, {out[CHANNEL].mean():.6f} after")"""

COMPARE = """\
ones = senet_viz.trace(network, picture.x, [*edits, senet_viz.Edit(BLOCK, "ones")])
closed = senet_viz.trace(network, picture.x, [*edits, senet_viz.Edit(BLOCK, "mute", (CHANNEL,))])
here = {
    "z": [z[CHANNEL]], "hidden": hidden, "logit": logit[:, CHANNEL], "gate": gate[:, CHANNEL],
    "out": [out[CHANNEL].mean(dtype=np.float64), out[CHANNEL].min(), out[CHANNEL].max()],
    "shares": [share for _, share in best(trace)],
    "ones": [share for _, share in best(ones)],
    "closed": [share for _, share in best(closed)],
}
on_screen = {numbers}
apart = {name: float(np.abs(np.subtract(here[name], shown)).max(initial=0)) for name, shown in on_screen.items()}
for name, difference in apart.items():
    print(f"{name:7s} off by {difference:.1e}: {np.asarray(here[name])[:4]}")
print(f"largest difference: {max(apart.values()):.1e}")"""


def notebook(view: Scene, photo: str | None = None, link: str = "") -> bytes:
    """Return the notebook of the block, the photo and the channel on screen, in the format of Jupyter.

    Args:
        photo: the path of a photo of one's own, where it is known; else it is to be filled in.
        link: the address of the same state in the app, "" where there is none.
    """
    import nbformat

    make = nbformat.v4
    kinds = {"text": make.new_markdown_cell, "code": make.new_code_cell}
    cells = [kinds[kind](said) for kind, said in _cells(view, photo, link)]
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"  # the same state gives the same file
    python = {"name": "python3", "display_name": "Python 3", "language": "python"}
    made = make.new_notebook(cells=cells, metadata={"kernelspec": python, "language_info": {"name": "python"}})
    nbformat.validate(made)
    return nbformat.writes(made).encode()


def _cells(view: Scene, photo: str | None, link: str) -> Iterator[tuple[str, str]]:
    """Give of every cell what it is, "text" or "code", and what it says."""
    t, said = view.t, {"model": view.spec.title, "block": view.name, "c": view.channel}
    untrained = "" if view.trained else f"**{t('model.untrained')}**\n\n"
    back = f"\n\n[{t('file.app')}]({link})" if link else ""
    answer = ", ".join(f"{name} {share:.1%}" for name, share in view.seen.top(stage.TOP))
    if view.seen.familiar is False:
        answer = f"{t('listed.no')} {answer}"
    begin = f"{t('notebook.begin')} {t('notebook.answer', answer=answer)}"
    yield "text", f"# {t('notebook.title', **said)}\n\n{untrained}{begin}{back}"
    yield "code", _settings(view, (photo or OWN) if view.photo.startswith("up-") else view.photo)
    trace = TRACE.format(edits=", ".join(f"senet_viz.{edit!r}" for edit in view.edits), top=stage.TOP)
    compare = COMPARE.replace("{numbers}", _written(numbers(view)))
    parts = {"trace": trace, "squeeze": SQUEEZE, "excitation": EXCITATION, "rescale": RESCALE, "compare": compare}
    for name, code in parts.items():
        yield "text", t(f"notebook.{name}", **said)
        yield "code", code


def _settings(view: Scene, photo: str) -> str:
    """Return the cell that says what is looked at: what a reader changes."""
    named = {
        "PHOTO": photo, "MODEL": view.spec.key, "WEIGHTS": view.weights, "BLOCK": view.name, "CHANNEL": view.channel,
    }  # fmt: skip
    first, *rest = (f"{name} = {value!r}" for name, value in named.items())
    return "\n".join((f"{first}  # {view.t('notebook.photo')}", *rest))


def numbers(view: Scene) -> dict[str, list[float]]:
    """Return what is on screen of the block and its pinned channel, by the names that the last cell gives it."""
    c, out, hidden = view.channel, view.out(view.channel), view.block.hidden
    shares = {gate: [each["share"] for each in stage.answer(view, gate)] for gate in ("ones", str(c))}
    return {
        "z": [float(view.z[c])],
        "hidden": [] if hidden is None else hidden.tolist(),
        "logit": view.logits[:, c].tolist(),
        "gate": view.gate[:, c].tolist(),
        "out": [float(out.mean(dtype=np.float64)), float(out.min()), float(out.max())],
        "shares": [share for _, share in view.seen.top(stage.TOP)],
        "ones": shares["ones"],
        "closed": shares[str(c)],
    }


def _written(shown: Mapping[str, Sequence[float]]) -> str:
    """Return numbers as the source of a dictionary, a line each."""
    lines = (f"    {name!r}: [{', '.join(f'{value:.9g}' for value in values)}],\n" for name, values in shown.items())
    return f"{{\n{''.join(lines)}}}"
