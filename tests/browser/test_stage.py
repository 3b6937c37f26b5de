"""The stage: every number in its picture is the model's, what needs no forward sends nothing, nothing is left behind.

The pictures are lists of items that a pure function makes (``assets/components/stage/frame.js``), so they are compared
number by number, without a pixel.
"""

from __future__ import annotations

import base64
import http.server
import threading
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page

from senet_viz import assets
from senet_viz.figures.walk import block as figure
from senet_viz.tap import hooks, layouts, replay
from senet_viz.types import Edit
from senet_viz.ui.elements import components
from tests.conftest import Build
from tests.networks import pictures, side

KINDS = {
    "ours/se": "SE", "ours/se_h": "SE with h-sigmoid", "ours/sk": "SK", "timm/skresnet34": "SK on a split input",
    "timm/ecaresnet26t": "ECA", "timm/ese_vovnet19b_dw": "ESE", "timm/gc_efficientnetv2_rw_t": "GC",
    "timm/resnest14d": "split attention", "torchvision/regnet_y_400mf": "SE, library",
}  # fmt: skip
STEPS = ("whole", "maps", "squeeze", "compress", "expand", "gate", "rescale", "sowhat")
DRAW = """async ([sent, wanted]) => {
    const [{ read }, { frame }, { check, softmax }, { steps, wording }] = await Promise.all(
        ["data", "frame", "numbers", "steps"].map((name) => import(`/${name}.js`)));
    const block = await read(Uint8Array.from(atob(sent), (c) => c.charCodeAt(0)));
    const view = { pinned: wanted.pinned, sort: "gate", scope: "channel", fn: "own", t: 1, wipe: 1 };
    const drawn = Object.fromEntries(steps(block).map(({ id }) => {
        const { items, at } = frame(block, { ...view, step: id }, wanted.width, wanted.height);
        const numbers = items.filter((item) => item.value !== undefined).map(({ name, value, s }) => [name, value, s]);
        const boxes = items.filter(({ k }) => k === "rect" || k === "atlas").map(({ x, y, w, h }) => [x, y, w, h]);
        const gates = items.filter(({ part, gate }) => part === "gate" && gate !== undefined).map(({ gate }) => gate);
        return [id, { numbers, boxes, gates, size: [at.W, at.H], told: wording(block, id, wanted.pinned) }];
    }));
    return { drawn, worst: check(block) };
}"""


@pytest.fixture(scope="module")
def modules() -> Iterator[str]:
    """The stage's modules as they are, from a server of their own."""
    quiet = type("Quiet", (http.server.SimpleHTTPRequestHandler,), {"log_message": lambda *given: None})
    serve = partial(quiet, directory=str(assets.COMPONENTS / "stage"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), serve) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.fixture
def page(browser: Browser, modules: str) -> Iterator[Page]:
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{modules}/stage.html")
    yield page
    context.close()


def of(module: Any, x: Any, name: str, edits: tuple[Edit, ...] = ()) -> tuple[figure.Stage, Any]:
    """What the stage is given of one block of any network, and the block's trace."""
    trace = hooks.run(module, x, keep_u=(name,), edits=edits)
    block = trace.block(name)
    again = replay.replay(module, block, edits)
    empty = np.empty(0)
    head = {
        "name": name, "short": name, "model": "", "gate_fn": again.gate_fn, "squeeze": again.squeeze, "act": again.act,
        "normed": bool(again.norm), "near": again.near, "pinned": 0, "limit": 1e-5,
        "branches": [str(m) for m in range(block.branches)], "ask": "",
        "blocks": [{"name": each.name, "short": each.name} for each in trace.blocks],
        "scores": [{"label": "a", "share": 0.5}] * 3, "answers": {"ones": [{"label": "b", "share": 0.25}] * 3},
        "chosen": {}, "source": "", "pages": {"z": {"page": "squeeze", "name": "Squeeze"}},
        "words": figure.words("en"), "colours": figure.colours(False), "ramps": figure.ramps(),
    }  # fmt: skip
    made = figure.Stage(
        maps=block.u.numpy(), z=block.z.numpy(), hidden=empty if block.hidden is None else block.hidden.numpy(),
        logit=block.logit.numpy(), gate=block.gate.numpy(), w1=empty if again.w1 is None else again.w1,
        w2=empty if again.w2 is None else again.w2, b2=np.zeros(block.gate.shape) if again.b2 is None else again.b2,
        gates=[each.gate[-1].numpy() for each in trace.blocks], photo=b"", head=head,
    )  # fmt: skip
    return made, block


@pytest.mark.parametrize("name", KINDS)
def test_every_number_of_every_step_is_the_models(page: Page, build: Build, name: str) -> None:
    module = build(name)
    block_name = layouts.find(module)[-1].name
    made, block = of(module, pictures(1, size=side(name))[:1], block_name)
    sent = base64.b64encode(made.payload()).decode()
    last, c = block.branches - 1, block.channels // 2
    truth = {"z": block.z[c], "logit": block.logit[last, c], "gate": block.gate[last, c]}
    truth |= {f"a{m}": block.gate[m, c] for m in range(block.branches)} if last else {}
    truth |= {} if block.hidden is None else {f"hidden{j}": v for j, v in enumerate(block.hidden)}
    truth |= {f"share{i}": 0.5 for i in range(3)} | {f"answer{i}.{j}": (0.5, 0.25)[i] for i in (0, 1) for j in (0, 1)}
    for width, height in ((790, 560), (1500, 780), (340, 600)):
        got = page.evaluate(DRAW, [sent, {"pinned": c, "width": width, "height": height}])
        assert list(got["drawn"]) == [step for step in STEPS if step != "compress" or block.hidden is not None]
        for step, drawn in got["drawn"].items():
            assert {"z", "logit", "gate"} <= {number[0] for number in drawn["numbers"]}, step
            for what, value, said in drawn["numbers"]:
                assert value == pytest.approx(float(truth[what]), rel=1e-7), (step, what)
                digits = said.split()[0 if what.startswith(("share", "answer", "hidden")) else -1]
                scale = 100 if what.startswith(("share", "answer")) else 1
                assert float(digits.replace("−", "-")) == pytest.approx(
                    scale * value, abs=0.051 if "." in digits and len(digits.split(".")[1]) == 1 else 5.1e-5
                ), (step, said)
            right, bottom = drawn["size"]
            for x, y, w, h in drawn["boxes"]:
                assert x >= -3 and y >= -3 and x + w <= right + 3 and y + h <= bottom + 3, step
    worst = got["worst"]
    again = replay.replay(module, block)
    assert (worst["gate"] is None) == (again.gate_fn not in ("sigmoid", "h_sigmoid", "softmax"))
    assert (worst["logit"] is None) == (again.w2 is None)
    assert all(value <= 1e-5 for value in worst.values() if value is not None)


@pytest.mark.parametrize(("name", "dead"), [*((name, False) for name in KINDS), ("ours/se", True), ("ours/sk", True)])
def test_what_a_step_says_is_so_for_every_kind_of_block(page: Page, build: Build, name: str, dead: bool) -> None:
    """Which unit or channel votes most, that none does, or which neighbours a gate hears: nothing is left blank."""
    module = build(name)
    block_name = layouts.find(module)[-1].name
    edits = (Edit(block_name, "dead"),) if dead else ()
    made, block = of(module, pictures(1, size=side(name))[:1], block_name, edits)
    c, again = block.channels // 2, replay.replay(module, block, edits)
    sent = base64.b64encode(made.payload()).decode()
    got = page.evaluate(DRAW, [sent, {"pinned": c, "width": 900, "height": 600}])
    said = {step: drawn["told"] for step, drawn in got["drawn"].items()}
    assert all("{" not in text and "  " not in text for told in said.values() for text in told.values())
    title, text = said["expand"]["title"], said["expand"]["text"]
    if again.w2 is None:
        assert again.near and f"{again.near} channels" in title and f"the {again.near} channels around it" in text
        return
    enters = block.z.numpy() if block.hidden is None else again.hidden
    votes = again.w2[(block.branches - 1) * block.channels + c] * enters
    strongest = int(np.abs(votes).argmax())
    if dead:
        assert not np.any(votes) and f"Every vote on channel {c} is 0" in text
    else:
        one = "channel" if block.hidden is None else "unit"
        way = "opens" if votes[strongest] > 0 else "closes"
        assert f"the strongest comes from {one} {strongest} and {way} it" in text and f"every {one} votes" in title


def test_a_wrong_gate_is_seen(page: Page, build: Build) -> None:
    module = build("ours/se")
    made, _ = of(module, pictures(1)[:1], layouts.find(module)[0].name)
    gate = made.gate.copy()
    gate[0, 1] += 1e-3
    sent = figure.Stage(**{**vars(made), "gate": gate}).payload()
    got = page.evaluate(DRAW, [base64.b64encode(sent).decode(), {"pinned": 1, "width": 900, "height": 600}])
    assert got["worst"]["gate"] == pytest.approx(1e-3, rel=1e-2) and got["worst"]["logit"] <= 1e-5


LIVE = """async ([script, html, sent, times]) => {
    const live = { observers: new Set(), frames: 0, listeners: 0 };
    const Observer = window.ResizeObserver;
    window.ResizeObserver = class extends Observer {
        observe(...given) { live.observers.add(this); super.observe(...given); }
        disconnect() { live.observers.delete(this); super.disconnect(); }
    };
    const add = EventTarget.prototype.addEventListener;
    EventTarget.prototype.addEventListener = function (kind, run, how) {
        if (how?.signal && !how.signal.aborted) live.listeners++, add.call(how.signal, "abort", () => live.listeners--);
        return add.call(this, kind, run, how);
    };
    const { default: mount } = await import(URL.createObjectURL(new Blob([script], { type: "text/javascript" })));
    document.body.innerHTML = html;
    const data = Uint8Array.from(atob(sent), (c) => c.charCodeAt(0)), counts = [];
    for (let i = 0; i < times; i++) {
        mount({ data, parentElement: document.body, setTriggerValue: () => {} });
        for (let n = 0; live.observers.size < 1 && n < 2000; n++) await new Promise((done) => setTimeout(done, 5));
        document.querySelector(".next").click(); // something moves while the next photo comes
        counts.push([live.observers.size, live.listeners]);
    }
    return counts;
}"""


def test_nothing_survives_a_redraw(page: Page, build: Build) -> None:
    module = build("ours/se")
    made, _ = of(module, pictures(1)[:1], layouts.find(module)[0].name)
    folder = assets.COMPONENTS / "stage"
    html, shared = ((folder / name).read_text("utf-8") for name in ("stage.html", "../shared.js"))
    script = f"{shared}\n{components.script(folder, 'stage')}"
    counts = page.evaluate(LIVE, [script, html, base64.b64encode(made.payload()).decode(), 50])
    assert counts[0][0] == 1 and counts[0][1] > 5, "it observes and listens"
    assert all(each == counts[0] for each in counts), "and no more after fifty photos"
