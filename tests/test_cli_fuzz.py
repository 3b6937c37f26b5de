"""Whatever is typed, the command line answers with exit code 0 or 2, and never with a traceback.

Verbs and options come from the parser itself: a new one is tried the moment it exists. Values are drawn from what makes
sense for that option, where that is known, and from what does not. The seed is fixed, so a line that fails fails again.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from senet_viz import assets
from senet_viz.cli import main
from senet_viz.cli.entry import parser
from senet_viz.experiments import gate_ablation, gate_profile
from tests import folders

ROOT = Path(__file__).resolve().parents[1]
Said = pytest.CaptureFixture[str]
LINES, MANY = 16, 120  # of every verb; marked slow
(VERBS,) = (dict(a.choices) for a in parser()._actions if isinstance(a, argparse._SubParsersAction))
del VERBS["app"]  # serves until somebody ends it

# What makes sense; options that are not here get the rest alone.
MODELS = ("tiny_se", "tiny_se_h", "tiny_sk", "tiny_plain", "mobilenet_v3_small")
BLOCKS = ("layer3.1.se", "layer4.2.conv2", "layer1.0.se", "features.4.block.2")
SENSE: dict[str, tuple[str, ...]] = {
    "photo": ("chelsea", "rocket", "photo.png"),
    "model": MODELS,
    "network": ("tiny_se", "tiny_sk", "mobilenet_v3_small", "se_resnet50", "sknet26"),
    "block": BLOCKS,
    "channel": ("0", "7", "255"),
    "edit": (*(f"{b}:mute" for b in BLOCKS), "layer3.1.se:scale:3=0.5", "layer3.1.se:shuffle=4", "layer3.1.se:mean"),
    "target": ("0", "7", "goldfish"),
    "steps": ("1", "3"),
    "scales": ("1,2", "0.5:2:3", "1"),
    "lesson": ("which_kernel", "squeeze_excite_rescale"),
    "own": ("photo.png", "cut.png", "chelsea"),
    "blur": ("0", "1.5"),
    "out": ("new", "new.pptx", "new/slides.pptx", "new/deep.safetensors", "folder", "file", "tiny_se.safetensors"),
    "figure": ("new.svg", "new/deep.csv", "file/below.svg", "folder"),
    "folder": ("classes", "known", "data"),
    "data": ("data", "classes"),
    "weights": ("weights", "folder"),
    "device": ("cpu", "auto"),
    "size": ("64", "224"),
    "side": ("64",),
    "reduction": ("8", "16"),
    "stages": ("1,2", "all", "none"),
    "branches": ("2", "3"),
    "gate": ("sigmoid", "tanh"),
    "squeeze": ("max", "none"),
    "form": ("conv", "fc"),
    "integration": ("pre", "standard"),
}
BOUNDED = {"epochs": ("1", "0", "-1", "x"), "jobs": ("1", "0", "x")}  # what would make a valid line run for ever
NONSENSE = (
    "", " ", "-", "--", "-1", "0", "1", "2.5", "nan", "inf", "-inf", "1e308", "9" * 30, "9" * 5000, "0x10", "٣", "1_0",
    "True", "None", "null", "中文", "é", "a\nb", "\x1b[31mred", "\udcff", "a" * 300, "%s%n{}{0}{ref}", "*", "$HOME",
    "~", "..", "../..", "/", "/proc/self/none", "photo.png", "text.png", "empty.png", "cut.png", "folder", "file",
    "file/below", "missing", "nonsense", "layer9.9.se", ":", "::", "a:b:c=d", "layer3.1.se:mute:9999",
    "layer3.1.se:scale=1e300", "layer3.1.se:set=nan", "0.5:2:1000000000", "nan:2:3", "inf:1:2", "1,,2", ",",
    "0.1:10:64:1", "x.doc",
)  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two folders below a folder of good and bad files: ``..`` and ``../..`` are still ours."""
    root = tmp_path_factory.mktemp("fuzz")
    here = root / "one" / "two"
    folders.data(here / "data", train=2, val=2)
    folders.write(here / "classes", each=2)
    folders.write(root / "colours", each=2)
    for colour, name in (("blue", "goldfish"), ("red", "espresso")):
        shutil.copytree(root / "colours" / colour, here / "known" / name)
    (here / "folder").mkdir()
    (here / "file").write_text("a file")
    pixels = np.random.default_rng(0).integers(0, 256, (60, 80, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(here / "photo.png")
    (here / "cut.png").write_bytes((here / "photo.png").read_bytes()[:200])
    (here / "text.png").write_text("no picture")
    (here / "empty.png").touch()
    shutil.copytree(gate_profile.FILE.parent, here / "weights")
    for file in assets.LESSONS.glob("*/*.md"):
        head, first = file.read_text("utf-8").split("\n## ")[:2]
        short = here / "lessons" / file.relative_to(assets.LESSONS)
        short.parent.mkdir(parents=True, exist_ok=True)
        short.write_text(f"{head}\n## {first}", "utf-8")
    return here


@pytest.fixture(autouse=True)
def safe(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is written without being told where is written into a copy; there is nothing else to write to."""
    monkeypatch.chdir(place)
    monkeypatch.setattr(gate_profile, "FILE", place / "weights" / gate_profile.FILE.name)
    monkeypatch.setattr(gate_ablation, "FILE", place / "weights" / gate_ablation.FILE.name)
    monkeypatch.setattr(assets, "LESSONS", place / "lessons")  # the first step of each: test_lessons opens all
    monkeypatch.setenv("TORCH_HOME", str(place / "torch"))


def value(action: argparse.Action, rng: random.Random) -> str:
    if action.dest in BOUNDED:
        return rng.choice(BOUNDED[action.dest])
    sense = tuple(map(str, action.choices or ())) or SENSE.get(action.dest, ())
    return rng.choice(sense if sense and rng.random() < 0.75 else NONSENSE)


def drawn(verb: str, seed: int) -> list[str]:
    """One line of that verb: everything that is required as a rule, the rest now and then, in any order."""
    rng = random.Random(f"{verb} {seed}")
    parts: list[list[str]] = []
    for action in VERBS[verb]._actions:
        if isinstance(action, argparse._HelpAction) and rng.random() < 0.98:
            continue
        # one of a group that excludes each other is required, and a second is refused
        optional = not action.required and not (not action.option_strings and action.nargs == "?")
        if rng.random() > (0.3 if optional else 0.9):
            continue
        name = rng.choice(action.option_strings) if action.option_strings else ""
        if action.nargs == 0 or isinstance(action, argparse.BooleanOptionalAction):
            parts.append([name])
        elif not name:
            parts.append([value(action, rng)])
        else:
            for _ in range(rng.choice((1, 1, 1, 2))):
                given = value(action, rng)
                parts.append(rng.choice(([f"{name}={given}"], [name, given])))
    if rng.random() < 0.05:
        parts.append([rng.choice(NONSENSE)])
    rng.shuffle(parts)
    line = [verb, *(word for part in parts for word in part)]
    if "epochs" in {action.dest for action in VERBS[verb]._actions} and not any("--epochs" in word for word in line):
        line += ["--epochs", "1"]
    return line


def answered(line: Sequence[str], capsys: Said) -> int:
    """The exit code of one line, which must be one of those that are promised."""
    try:
        code = main(line)
    except SystemExit as end:
        code = end.code  # type: ignore[assignment]
    except BaseException as error:
        pytest.fail(f"{line}: {type(error).__name__}: {error}")
    out, err = capsys.readouterr()
    assert code in (0, 2), line
    assert "Traceback" not in out + err and bool(err.strip() if code else True), line
    return code


def shipped() -> dict[str, int]:
    return {str(file): file.stat().st_mtime_ns for file in (ROOT / "assets").rglob("*")}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("verb", VERBS)
def test_any_line_is_answered(verb: str, capsys: Said) -> None:
    before = shipped()
    codes = {answered(drawn(verb, seed), capsys) for seed in range(LINES)}
    assert codes & {0, 2} and shipped() == before


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("verb", VERBS)
def test_many_lines_are_answered(verb: str, capsys: Said) -> None:
    before = shipped()
    for seed in range(LINES, LINES + MANY):
        answered(drawn(verb, seed), capsys)
    assert shipped() == before


@pytest.mark.filterwarnings("ignore")
def test_the_lines_reach_what_they_try(capsys: Said) -> None:
    """Else all of them could be refused at the door: every verb, with sensible values alone, works at least once."""
    for verb in VERBS:
        assert any(len(drawn(verb, seed)) > 1 for seed in range(LINES)) or verb == "list"
    for line in (["trace", "photo.png"], ["cost", "tiny_se"], ["profile", "classes", "--quiet"], ["card"]):
        assert answered(line, capsys) == 0


@pytest.mark.parametrize("seed", range(3))
def test_a_line_in_a_process_of_its_own(seed: int, place: Path) -> None:
    """As a shell would start it: what is printed at the very end, by Python itself, counts too."""
    line = drawn(random.Random(seed).choice(("trace", "cost", "whatif")), seed)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HTTPS_PROXY": "http://127.0.0.1:9"}
    done = subprocess.run(
        [sys.executable, "-m", "senet_viz", *line], capture_output=True, cwd=place, env=environment, check=False
    )
    assert done.returncode in (0, 2) and b"Traceback" not in done.stderr + done.stdout, line
