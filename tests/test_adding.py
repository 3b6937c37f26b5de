"""What CONTRIBUTING promises to whoever adds something: so many files, and no other; each is done in a copy."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_architecture import ROOT, tracked


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Return the folder of a copy of everything that is under version control."""
    whole = tmp_path / "copy"
    for file in tracked():
        target = whole / file.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(file, target)
    return whole


def python(copy: Path, *arguments: str) -> str:
    """Return what Python prints in the copy, which must succeed."""
    run = [sys.executable, "-B", *arguments]
    done = subprocess.run(run, cwd=copy, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def write(copy: Path, name: str, text: str) -> None:
    """Write a new file into the copy."""
    file = copy / name
    assert not file.exists()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


def replace(copy: Path, name: str, old: str, new: str) -> None:
    """Change the one place of a file of the copy where ``old`` stands."""
    text = (copy / name).read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{name} has {old!r} {text.count(old)} times"
    (copy / name).write_text(text.replace(old, new), encoding="utf-8")


def touched(copy: Path) -> set[str]:
    """Return the files of the copy that are new or differ; what running leaves behind does not count."""
    apart = (".pytest_cache", "__pycache__", "runs")
    files = [file for file in copy.rglob("*") if file.is_file() and not set(apart) & set(file.parts)]
    names = {str(file.relative_to(copy)): file for file in files}
    return {
        name
        for name, file in names.items()
        if not (ROOT / name).is_file() or (ROOT / name).read_bytes() != file.read_bytes()
    }


VERB = '''"""``size``: how large the pictures of a network are."""

import argparse

from senet_viz.cli import options
from senet_viz.models import catalogue


def add(parsers: options.Parsers) -> None:
    """Declare the options of ``size``."""
    verb = parsers.add_parser("size", help="how large the pictures of a network are")
    verb.add_argument("key")
    verb.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Print the side of the network's input in pixels."""
    print(catalogue.spec(args.key).size)
'''
VERB_TEST = """from senet_viz.cli import main


def test_size(capsys):
    assert main(["size", "tiny_se"]) == 0 and capsys.readouterr().out == "80\\n"
    assert main(["size", "nothing"]) == 2
"""


def test_a_verb_is_one_file_one_row_and_its_test(copy: Path) -> None:
    write(copy, "senet_viz/cli/ask/size.py", VERB)
    replace(copy, "senet_viz/cli/__init__.py", '"ask.list", ', '"ask.list", "ask.size", ')
    write(copy, "tests/test_size.py", VERB_TEST)
    assert python(copy, "-m", "senet_viz", "size", "tiny_se") == "80\n"
    listed = [line.split()[0] for line in python(copy, "-m", "senet_viz", "--help").splitlines() if line.strip()]
    assert listed.index("size") == listed.index("list") + 1
    held = ("tests/test_size.py", "tests/test_cli_fuzz.py", "tests/test_architecture.py")
    python(copy, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *held, "-k", "size or room or one_way or place")
    assert touched(copy) == {"senet_viz/cli/ask/size.py", "senet_viz/cli/__init__.py", "tests/test_size.py"}


PAGE = '''"""The widest gates of a block."""

import numpy as np
import streamlit as st

from senet_viz import ui


@ui.page
def draw() -> None:
    """Draw the widest gates."""
    view = ui.scene()
    t = view.t
    ui.title(t("lab.widest.title"), view)
    ui.header(view)
    count = ui.pick("widest", {n: str(n) for n in (3, 5, 9)}, t("lab.widest.count"))
    widest = np.argsort(-view.gate[-1], kind="stable")[:count]
    st.markdown(t("lab.widest.list", channels=", ".join(map(str, widest))))
    ui.closer(view, {}, np.argsort)
'''
WORDS = {  # what stands under ``lab.widest`` in every language
    "en": {"nav": "Widest", "title": "The widest gates", "count": "How many", "list": "The widest are {channels}."},
    "zh": {"nav": "最大门控", "title": "最大的门控值", "count": "显示多少个", "list": "最大的是 {channels}。"},
}
PAGE_TEST = """import numpy as np
import streamlit as st

from senet_viz import i18n
from tests import truth
from tests.test_pages import go, start, url, words

LINKS = ("learning", "widest")  # neighbours in the menu


def links(at):
    return [element.proto.page.rpartition("/")[2] for element in at.get("page_link")]


def test_it_opens_is_in_the_menu_and_linked(monkeypatch):
    menus, navigation = [], st.navigation
    monkeypatch.setattr(st, "navigation", lambda menu, **more: (menus.append(menu), navigation(menu, **more))[1])
    for lang in i18n.LANGUAGES:
        at = start("widest", lang=lang)
        assert [title.value for title in at.title] == [i18n.text("lab.widest.title", lang)]
        names = [page.title for page in menus[-1][i18n.text("lab.section", lang)]]
        assert names[-2:] == [i18n.text(f"lab.{page}.nav", lang) for page in LINKS]
        assert links(at) == ["learning", "lessons"]
        assert links(go(at, "learning"))[-1] == "widest"


def test_its_choice_lives_in_the_address():
    at = start("squeeze", widest=5, block="layer3.1.se")
    assert url(at)["widest"] == "5", "before the page was opened"
    gate = truth.block("tiny_se", "chelsea", "layer3.1.se").gate[-1].numpy()
    said = ", ".join(map(str, np.argsort(-gate, kind="stable")[:5]))
    assert i18n.text("lab.widest.list", "en", channels=said) in words(go(at, "widest"))
    at.segmented_control(key="widest").set_value(9)
    at.run()
    assert url(go(at, "squeeze"))["widest"] == "9", "and after it was left"
    assert url(start("widest", widest="many"))["widest"] == "3"
"""


def test_a_page_is_one_file_one_row_its_words_and_its_test(copy: Path) -> None:
    write(copy, "pages/lab/widest.py", PAGE)
    row = '("learning", ":material/model_training:"),\n'
    replace(copy, "app.py", row, f'{row}        ("widest", ":material/expand:"),\n')
    for lang, words in WORDS.items():
        file = copy / "assets" / "i18n" / f"{lang}.json"
        texts = json.loads(file.read_text(encoding="utf-8")) | {
            f"lab.widest.{key}": text for key, text in words.items()
        }
        file.write_text(json.dumps(texts, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    write(copy, "tests/test_widest.py", PAGE_TEST)
    held = ("tests/test_widest.py", "tests/test_i18n.py", "tests/test_architecture.py")
    chosen = "widest or unused or missing or same_keys or placeholder or short or one_way or sees_no_hook"
    python(copy, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *held, "-k", chosen)
    words = {f"assets/i18n/{lang}.json" for lang in WORDS}
    assert touched(copy) == {"pages/lab/widest.py", "app.py", "tests/test_widest.py"} | words


LESSON = """# One step
order: 9
minutes: 2
- See that nothing else is needed

## Look
page: squeeze
state: photo=rocket&model=tiny_se
wait: channel
minutes: 2
say: Look at it.
usual: They look.

{text}
"""
READ = {"en": "Pin another of {n} channels.", "zh": "{n} 个通道，固定另一个。"}


def test_a_lesson_is_a_file_in_each_language(copy: Path) -> None:
    files = {f"assets/lessons/one_step/{lang}.md": LESSON.replace("{text}", text) for lang, text in READ.items()}
    for name, text in files.items():
        write(copy, name, text)
    assert "one_step                 zh" in python(copy, "-m", "senet_viz", "lessons")
    held = ("tests/test_lessons.py", "tests/test_lessons_page.py")
    python(copy, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *held, "-k", "one_step or plan or row or card")
    assert touched(copy) == set(files)
