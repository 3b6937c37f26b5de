"""The names of ``import senet_viz``: documented, runnable, the same for a program and for a type checker, and cheap."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import senet_viz
from senet_viz import errors
from senet_viz.__main__ import main
from senet_viz.experiments import attribution

ROOT = Path(__file__).resolve().parents[1]
API = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
FENCE = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)
READMES = {name: (ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.zh.md")}
EXAMPLES = [
    *((f"api-{at}", code) for at, code in enumerate(FENCE.findall(API))),
    *((name, code) for name, text in READMES.items() for code in FENCE.findall(text)),
]


def sections() -> dict[str, str]:
    """The heading of every name of docs/api.md, and what stands below it."""
    _, *parts = re.split(r"^### `(\w+)`$", API, flags=re.MULTILINE)
    return dict(zip(parts[::2], parts[1::2], strict=True))


def said_errors() -> dict[str, str]:
    """The rows of the table of errors."""
    return dict(re.findall(r"^\| `(\w+)` \| (.+?) \|$", API, re.MULTILINE))


@pytest.mark.parametrize("code", [code for _, code in EXAMPLES], ids=[name for name, _ in EXAMPLES])
def test_every_example_runs(code: str) -> None:
    assert "senet_viz" in code
    exec(compile(code, "example", "exec"), {"__name__": "example"})


def test_every_readme_has_an_example() -> None:
    assert {name for name, _ in EXAMPLES} >= set(READMES)


def test_every_name_is_documented_with_a_sentence_and_an_example_that_uses_it() -> None:
    documented = sections()
    assert sorted([*documented, *said_errors()]) == sorted(senet_viz.__all__)
    for name, text in documented.items():
        sentence = text.partition("```")[0].partition("\n## ")[0].strip()
        assert sentence.endswith("."), name
        assert any(f"senet_viz.{name}" in code for code in FENCE.findall(text)), name
    assert all(sentence.endswith(".") for sentence in said_errors().values())


def test_every_named_error_is_public() -> None:
    named = {name for name, each in vars(errors).items() if isinstance(each, type) and issubclass(each, Exception)}
    assert named == set(said_errors())
    assert all(getattr(senet_viz, name) is getattr(errors, name) for name in named)


def test_every_name_is_there_and_listed() -> None:
    assert len(set(senet_viz.__all__)) == len(senet_viz.__all__)
    assert set(senet_viz.__all__) <= set(dir(senet_viz))
    for name in senet_viz.__all__:
        assert getattr(senet_viz, name) is not None


def test_a_type_checker_sees_what_a_program_gets() -> None:
    tree = ast.parse(Path(senet_viz.__file__).read_text(encoding="utf-8"))
    (checked,) = (node for node in tree.body if isinstance(node, ast.If))
    seen = {
        alias.asname or alias.name: (str(node.module), alias.name)
        for node in checked.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert set(seen) == set(senet_viz.__all__)
    for name, (module, own) in seen.items():
        assert getattr(senet_viz, name) is getattr(sys.modules[module], own), name


@pytest.mark.parametrize("name", ["nothing", "_private", "__wrapped__"])
def test_an_unknown_name_is_an_attribute_error(name: str) -> None:
    with pytest.raises(AttributeError, match=name):
        getattr(senet_viz, name)


@pytest.mark.parametrize("muted", [(), (3, 5)])
def test_an_attribution_is_about_the_answer_of_the_network_as_it_is_edited(muted: tuple[int, ...]) -> None:
    model, row = senet_viz.load("tiny_se"), senet_viz.spec("tiny_se")
    x, block = senet_viz.preprocess(senet_viz.sample("chelsea"), row).x, "layer3.1.se"
    edits = [senet_viz.Edit(block, "mute", muted)] if muted else [senet_viz.Edit("layer4.2.se", "mute")]
    answers = [int(senet_viz.trace(model, x, each).logits.argmax()) for each in (edits, ())]
    on_gates = senet_viz.attribute(model, x, "gradient_x_gate", block, edits=edits)
    on_photo = senet_viz.attribute(model, x, "grad_cam", edits=edits)
    assert [on_gates.target, on_photo.target] == answers
    same = attribution.run("gradient_x_gate", model, x, answers[0], block, edits=edits)
    assert np.array_equal(on_gates.values, same.values)
    assert senet_viz.attribute(model, x, "gradient_x_gate", block, target=0).target == 0


@pytest.mark.parametrize("port", ["0", "65536", "web"])
def test_a_port_that_there_is_not_is_refused(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["app", "--port", port])
    assert ended.value.code == 2
    assert "--port" in capsys.readouterr().err


CHEAP = """
import sys
import senet_viz
print(sorted({"torch", "numpy", "PIL", "streamlit"} & set(sys.modules)), "trace" in dir(senet_viz))
from senet_viz import MODELS, Edit, UnknownModel, spec
print("torch" in sys.modules)
from senet_viz import trace
print("torch" in sys.modules)
"""


def test_importing_it_loads_nothing_heavy() -> None:
    done = subprocess.run([sys.executable, "-c", CHEAP], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:3] == ["[] True", "False", "False"]
