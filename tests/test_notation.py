"""One letter is one thing (``docs/notation.md``): s is the gate in [0, 1], never the logit, on screen and in files."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import fields
from typing import Any

import numpy as np
import pytest

from senet_viz import i18n, ui
from senet_viz.drawing.grammar import Bars, Figure, Heat, Line, Panel, Points
from senet_viz.figures.lab import attribution, what_if
from senet_viz.i18n import Texts
from senet_viz.types import BlockTrace
from senet_viz.ui.elements import figures
from tests import truth
from tests.places import PAGES
from tests.test_pages import APP, board, start

# s, s17, s_{17}; not it's, \sigma, 0.5 ms or thread(s)
S = re.compile(r"(?<![\w\\'’.])(?<!\w\()s(?:_?\{?\d+\}?)?(?![\w'’])", re.ASCII)
NUMBER = r"-?\d+\.\d+"
OPENED: dict[str, dict[str, object]] = {  # what a page draws only when it is asked
    "sk_anatomy": {"axis": "channels"},
    "what_if": {"edits": "layer3.1.se:mute:17,42"},
}
# figures that no page draws before a button was pressed, and that show no quantity of a block
WAITING = {"cost-time", "gradient-flow", "learning-learned", "roles-findings", "sk-scores", "worth"}
EXPLAINED = {  # the only texts in which s stands by itself, and what it is called there in each language
    "walk.excitation.symbols": {"en": "s: the gates", "zh": "s：门控值"},
    "walk.rescale.symbols": {"en": "gate (s,", "zh": "门控值（s；"},
    "scale.sk_anatomy.fuse.symbols": {"en": "in this app s is always a gate", "zh": "s 始终是门控值"},
}


# --- texts and documents ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", i18n.LANGUAGES)
def test_no_text_calls_a_logit_s(lang: str) -> None:
    for key, text in i18n.table(lang).items():
        if "logit" in text.lower():
            assert "{s}" not in text, key
        if S.search(re.sub(r"\{\w+\}", "0", text)):
            assert key in EXPLAINED and EXPLAINED[key][lang] in text, (key, text)


def test_the_letters_are_written_down_and_the_traces_fields_with_them() -> None:
    notes = (APP.parent / "docs" / "notation.md").read_text(encoding="utf-8")
    rows = {
        cells[0]: cells
        for line in notes.split("## The words")[0].splitlines()
        if (cells := [c.strip() for c in line.split("|")[1:-1]])
    }
    assert "logit" in rows["g"] and rows["g"][4] == "`logit`" and "`gate`" in rows["s"][4]
    written = {name for row in rows.values() for name in re.findall(r"`(\w+)`", row[4])}
    known = {field.name for field in fields(BlockTrace)} | {"out"}
    assert written <= known and {"u", "z", "hidden", "logit", "gate", "out"} <= written
    for name in ("README.md", "README.zh.md", "CONTRIBUTING.md"):
        assert "docs/notation.md" in (APP.parent / name).read_text(encoding="utf-8"), name


# --- formulas -----------------------------------------------------------------------------------------------------

CASES = [
    ("tiny_se", "layer3.1.se", 17),
    ("tiny_sk", "layer2.1.conv2", 3),
    ("mobilenet_v3_small", "features.4.block.2", 5),
]


@pytest.mark.parametrize(("model", "block", "c"), CASES, ids=[case[0] for case in CASES])
@pytest.mark.parametrize("page", ["squeeze", "excitation", "rescale", "sk_anatomy"])
def test_what_a_formula_calls_s_is_the_gate(page: str, model: str, block: str, c: int) -> None:
    at = start(page, model=model, block=block, channel=c)
    seen = truth.block(model, "chelsea", block)
    logit, gate = truth.logit(seen), seen.gate.numpy()
    lines = [element.value.strip("$\n ") for element in at.latex]
    called: dict[str, list[str]] = {letter: [] for letter in "sga"}
    for line in lines:
        whole = line.replace(r"\\[6pt]&=", "=")  # what goes on in the next line
        for letter, result in re.findall(rf"([sga])_\{{[\d,]+\}}&?=(?:[^&]*=)?({NUMBER})", whole):
            called[letter].append(result)
        assert len(re.findall(r"(?<![\w\\])s(?![\w])", re.sub(r"\\\w+", "", line))) == 0, line  # nothing but s_{c}
    assert all(0 <= float(number) <= 1 for letter in "sa" for number in called[letter]), called
    if page == "excitation" and len(gate) == 1:
        assert called["s"] == [f"{gate[0, c]:.4f}"] and called["g"] == [f"{logit[0, c]:.4f}"]
    if page == "rescale" and len(gate) == 1:
        (line,) = lines
        assert f"=s_{{{c}}}\\,u_{{{c}}}" in line and f"={gate[0, c]:.4f}\\cdot" in line
    if len(gate) > 1:
        assert not called["s"], "shares are called a"
        assert len(called["g"]) == {"excitation": 1, "sk_anatomy": 2}.get(page, 0)


# --- figures ------------------------------------------------------------------------------------------------------


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """Every figure that a page draws from now on, whole; the pages run as they are."""
    found: list[Figure] = []
    own = figures.titled

    def titled(view: Any, line: str, build: Callable[[Texts], Figure], *rest: Any, **more: Any) -> None:
        found.append(build(view.t))
        own(view, line, build, *rest, **more)

    monkeypatch.setattr(figures, "titled", titled)
    monkeypatch.setattr(ui, "titled", titled)
    return found


def labels(panel: Panel) -> list[str]:
    """What names the numbers of all marks of a panel."""
    return [panel.title, panel.x, panel.y]


def numbers(panel: Panel) -> Iterator[tuple[str, np.ndarray]]:
    """Every mark's own name, and the numbers that it shows."""
    for mark in panel.marks:
        if isinstance(mark, Bars):
            yield mark.name, np.asarray(mark.x if mark.horizontal else mark.y)
        elif isinstance(mark, Line | Points):
            yield mark.name, np.asarray(mark.y)
        elif isinstance(mark, Heat):
            yield f"{mark.hover} {mark.scale.name}", mark.values


def check(figure: Figure) -> None:
    """What is called s, in a panel, a table or a sentence, is a gate in [0, 1]; what is called a logit has no s."""
    for panel in figure.panels:
        for name, values in numbers(panel):
            for label in (name, panel.title, panel.y):
                if S.search(label):
                    assert values.min() >= 0 and values.max() <= 1, (figure.key, label, values.min(), values.max())
        for label in (*labels(panel), *(name for name, _ in numbers(panel))):
            assert not (S.search(label) and "logit" in label.lower()), (figure.key, label)
        if S.search(panel.x):
            at = np.concatenate([np.asarray(mark.x) for mark in panel.marks if isinstance(mark, Points | Line)])
            assert at.min() >= 0 and at.max() <= 1, (figure.key, panel.x)
    for i, name in enumerate(figure.table.header):
        column = [row[i] for row in figure.table.rows]
        if S.search(name) or name == "gate" or re.fullmatch(r"a\d", name):
            assert all(isinstance(v, int | float) and 0 <= v <= 1 for v in column), (figure.key, name)
        assert not isinstance(column[0], str) or not any(S.fullmatch(str(v)) for v in column), (figure.key, name)
    for text in (figure.title, figure.note, figure.alt):
        for match in S.finditer(text):
            value = re.match(rf"\s*[=:：]\s*({NUMBER}|−\d+\.\d+)", text[match.end() :])
            assert value and 0 <= float(value[1].replace("−", "-")) <= 1, (figure.key, text)
        assert not re.search(r"logit\W+s\b|s = (-|−)", text), (figure.key, text)


@pytest.mark.parametrize("lang", i18n.LANGUAGES)
def test_what_a_figure_calls_s_is_a_gate(drawn: list[Figure], lang: str) -> None:
    for model in ("tiny_se", "tiny_sk"):
        for page in PAGES:
            start(page, model=model, weights="pretrained", lang=lang, **OPENED.get(page, {}))
    t, gate, change = i18n.texts(lang), np.linspace(0, 1, 40), np.linspace(-3, 4, 40)
    drawn.append(what_if.draw_ranking(np.arange(40), change, gate, 39, "cat", t))
    drawn.append(attribution.draw_muted(gate[:3], change[:3], (0, 1, 2), "s", 4.5, "cat", t))
    for figure in drawn:
        check(figure)
    files = (APP.parent / "senet_viz" / "figures").rglob("*.py")
    every = {key for file in files for key in re.findall(r'return Figure\(\s*"([\w-]+)"', file.read_text("utf-8"))}
    assert len(every) > 20
    assert every - {figure.key for figure in drawn} <= WAITING, "a figure that nobody looked at"
    called = [
        label for figure in drawn for panel in figure.panels for label in (panel.title, panel.y) if S.search(label)
    ]
    assert called, "s is on screen"


def test_the_logits_of_the_figures_are_the_models(drawn: list[Figure]) -> None:
    start("excitation", block="layer3.1.se", channel=17)
    logit = truth.logit(truth.block("tiny_se", "chelsea", "layer3.1.se"))[0]
    figures = {figure.key: figure for figure in drawn}
    table = figures["excitation-gates"].table
    np.testing.assert_allclose([row[table.header.index("logit")] for row in table.rows], logit, atol=1e-6)
    title = figures["excitation-logit"].title.replace("\u2212", "-")
    assert f"g = {logit[17]:.4f}" in title


@pytest.mark.parametrize(("model", "names"), [("tiny_se", {"z", "s"}), ("tiny_sk", {"z", "a0", "a1"})])
def test_the_pointer_names_gates_as_the_page_does(model: str, names: set[str]) -> None:
    values = board(start(model=model), "atlas")["values"]
    assert set(values) == names
    assert all(values[name].min() >= 0 and values[name].max() <= 1 for name in names - {"z"})


def test_a_slide_of_all_gates_calls_shares_a(drawn: list[Figure]) -> None:
    start("rescale", model="tiny_sk")
    carpet = next(figure for figure in drawn if figure.key == "rescale-carpet")
    (heat,) = carpet.panels[0].marks
    assert isinstance(heat, Heat) and heat.hover == heat.scale.name == "a1"


# --- the rule itself ----------------------------------------------------------------------------------------------


def test_a_logit_called_s_would_be_seen() -> None:
    from senet_viz.drawing.grammar import Table

    x, logit = np.arange(3), np.array([-0.97, 0.2, 2.5])
    table, fine = Table(("channel", "logit"), tuple(enumerate(logit.tolist()))), Panel((Bars(x, logit, "g"),), y="g")
    check(Figure("right", "g = -0.97", (fine,), 1, table, "alt"))
    wrong = (
        Figure("bars", "", (Panel((Bars(x, logit, "s"),)),), 1, table, "alt"),
        Figure("axis", "", (Panel((Bars(x, logit),), y="s"),), 1, table, "alt"),
        Figure("title", "", (Panel((Bars(x, logit),), title="s (3)"),), 1, table, "alt"),
        Figure("table", "", (fine,), 1, Table(("channel", "s"), table.rows), "alt"),
        Figure("words", "Logit of channel 0: s = -0.97", (fine,), 1, table, "alt"),
        Figure("vector", "", (fine,), 1, Table(("vector", "value"), (("s", 0.5),)), "alt"),
    )
    for figure in wrong:
        with pytest.raises(AssertionError):
            check(figure)
