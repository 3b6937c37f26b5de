"""The house rules that a program can check: which way imports point, what is imported late, how long pages are."""

from __future__ import annotations

import ast
import re
import shutil
import socket
import subprocess
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from pytest_socket import SocketConnectBlockedError

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "senet_viz"

# What each room may import: what stands here, and whatever that may import. A new room gets a row.
ARROWS: dict[str, tuple[str, ...]] = {
    "assets": (),
    "errors": (),
    "types": ("errors",),
    "i18n": ("assets", "errors"),
    "jobs": (),
    "later": (),
    "lessons": ("i18n",),
    "stats": (),
    "networks": ("errors", "later"),
    "tap": ("networks", "types", "stats"),
    "models": ("networks", "i18n", "jobs"),
    "photos": ("models", "types"),
    "training": ("networks", "assets"),
    "experiments": ("tap", "photos"),
    "open_set": ("tap", "models"),
    "findings": ("experiments", "training", "open_set"),
    "service": ("experiments",),
    "architecture": ("tap", "models"),
    "drawing": ("i18n",),
    "figures": ("architecture", "drawing"),
    "ui": ("figures", "findings", "service", "lessons"),
    "cli": ("ui",),
    "__main__": ("cli",),
    "pages": ("ui",),
    "app": ("pages",),
}
HOOKS = "tap.hooks"  # pages never see a hook
ROOM = 9  # modules, the door included: more of them want a room of their own
LONG, LONGEST = 250, 400  # lines of a file
LATE = ("timm", "captum", "torchvision", "matplotlib", "skimage", "sklearn", "huggingface_hub", "nbformat", "pptx")
BUILDS = re.compile(r"load\.load\(|variants\.(build|bare)\((?!.*meta)|(create_model|get_model)\(")
BUILDERS = {  # tests that do not take their networks from networks.py, and why
    "networks.py": "it is the place",
    "at_work.py": "hundreds of variants, each changed at once, from one backbone",
    "test_variants.py": "whether what is built is right, against networks with copied weights",
    "test_compare_page.py": "whether what is built is what the page compares",
    "test_models.py": "whether weights arrive",
    "test_downloading.py": "the same, through a browser",
    "test_weights_folder.py": "the same, from a folder with faults",
    "test_keras_ports.py": "whether what is built is what the other code builds",
    "test_library.py": "whether what is built by name is what the table says",
    "test_random.py": "whether random weights are those of their seed, each time",
    "test_training.py": "weights that it has just trained",
    "test_learning.py": "whether what was kept of a training is loaded as it is",
    "test_model_card.py": "weights that it has just made up",
}
WITHOUT_TORCH = (  # a page can be drawn with
    "assets", "errors", "types", "i18n", "jobs", "lessons", "stats", "models", "photos", "figures", "drawing",
    "findings", "architecture.formulas", "architecture.unit_graph", "experiments.gate_ablation",
    "experiments.kernel_preference",
)  # fmt: skip


@dataclass(frozen=True)
class Import:
    """One imported module: where, what, and whether it happens when the file is imported, ever, or only for types."""

    file: Path
    line: int
    module: str
    at_import: bool
    for_types: bool

    def __str__(self) -> str:
        return f"{self.file.relative_to(ROOT)}:{self.line} imports {self.module}"


def _walk(node: ast.AST, at_import: bool = True, for_types: bool = False) -> Iterator[tuple[ast.AST, bool, bool]]:
    for field, value in ast.iter_fields(node):
        for part in value if isinstance(value, list) else [value]:
            if not isinstance(part, ast.AST):
                continue
            inside = isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            typing = isinstance(node, ast.If) and field == "body" and "TYPE_CHECKING" in ast.unparse(node.test)
            now = (at_import and not inside, for_types or typing)
            yield part, *now
            yield from _walk(part, *now)


@cache
def imports(file: Path) -> tuple[Import, ...]:
    """Every import of a file, ``from package import module`` as ``package.module`` where that is a module of ours."""
    found = []
    for node, at_import, for_types in _walk(ast.parse(file.read_text(encoding="utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{file}:{node.lineno}: relative import"
            names = [node.module or ""]
            if node.module == "senet_viz" or (node.module or "").partition(".")[0] in LATE:
                names = [f"{node.module}.{alias.name}" for alias in node.names]
        found += [Import(file, node.lineno, name, at_import, for_types) for name in names]  # type: ignore[attr-defined]
    return tuple(found)


def sources() -> tuple[Path, ...]:
    """The package, the pages and the frame."""
    pages = sorted((ROOT / "pages").rglob("*.py"))
    return (*sorted(PACKAGE.rglob("*.py")), *pages, ROOT / "app.py")


def part(file: Path) -> str:
    """The row of ``ARROWS`` that a file belongs to; "" for the package itself."""
    first, *rest = file.relative_to(ROOT).with_suffix("").parts
    return first if first in ("pages", "app") else rest[0] if rest != ["__init__"] else ""


def closure(name: str) -> frozenset[str]:
    """Everything that a part may import, itself included."""
    return frozenset((name,)).union(*(closure(other) for other in ARROWS[name]))


def test_every_module_has_a_place() -> None:
    there = {part(file) for file in sources()} - {""}
    assert there <= set(ARROWS), "give it a row in ARROWS, beside what it may import"
    assert set(ARROWS) <= there, "a row for a module that is gone"


def rooms() -> tuple[Path, ...]:
    """Every folder of the package that holds modules."""
    return tuple(sorted({file.parent for file in PACKAGE.rglob("*.py")} - {PACKAGE}))


@pytest.mark.parametrize("room", rooms(), ids=lambda room: "-".join(room.relative_to(PACKAGE).parts))
def test_a_room_has_a_door_and_is_not_crowded(room: Path) -> None:
    """Its first file says in two sentences what belongs there."""
    said = ast.get_docstring(ast.parse((room / "__init__.py").read_text(encoding="utf-8"))) or ""
    assert len(re.findall(r"[.:](?:\s|$)", said)) >= 2
    crowd = [file.name for file in room.glob("*.py")]
    assert len(crowd) <= ROOM, crowd


@pytest.mark.parametrize("file", sources(), ids=lambda file: str(file.relative_to(ROOT)))
def test_a_long_file_says_why(file: Path) -> None:
    """None has more than 400 lines; one of more than 250 gives the reason in its first lines."""
    text = file.read_text(encoding="utf-8")
    lines, first = len(text.splitlines()), ast.get_docstring(ast.parse(text)) or ""
    assert lines <= LONGEST and (lines <= LONG or re.search(r"\b([Ll]ong(er)?|[Oo]ne file)\b", first)), lines


def test_imports_point_one_way() -> None:
    wrong = []
    for file in sources():
        allowed = closure(part(file)) if part(file) else frozenset()
        for each in imports(file):
            if not part(file) and each.for_types:  # the public interface names every room, and loads none
                continue
            package, _, rest = each.module.partition(".")
            if package == "senet_viz" and rest and rest.partition(".")[0] not in allowed:
                wrong.append(str(each))
    assert wrong == []


def test_the_arrows_have_no_circle() -> None:
    for name, direct in ARROWS.items():
        assert all(name not in closure(other) for other in direct), name


def test_only_the_ui_imports_streamlit() -> None:
    wrong = [
        str(each)
        for file in sources()
        if part(file) not in ("ui", "pages", "app")
        for each in imports(file)
        if each.module.partition(".")[0] == "streamlit"
    ]
    assert wrong == []


def test_pages_see_no_hook_and_no_torch() -> None:
    banned = {"torch", "torchvision", "timm", "captum", "matplotlib"}
    wrong = [
        str(each)
        for file in sources()
        if part(file) in ("pages", "app")
        for each in imports(file)
        if each.module.partition(".")[0] in banned or each.module.startswith(f"senet_viz.{HOOKS}")
    ]
    assert wrong == []


def test_what_is_slow_to_import_is_imported_late() -> None:
    wrong = [
        str(each)
        for file in sources()
        for each in imports(file)
        if each.module.partition(".")[0] in LATE and each.at_import and not each.for_types
    ]
    assert wrong == []


def test_pyplot_is_nowhere() -> None:
    """It keeps figures in a global that threads share, and Streamlit closes them all after every run."""
    wrong = [str(each) for file in sources() for each in imports(file) if each.module.startswith("matplotlib.pyplot")]
    assert wrong == []


IMPORT_ALL = """
import socket, sys
def refuse(*args): raise AssertionError("an import opened a connection")
socket.socket.connect = refuse
import importlib
for name in sys.argv[1].split(","):
    importlib.import_module(name)
print(",".join(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def loaded_by(modules: list[str]) -> set[str]:
    """Top-level packages in memory after importing these in a fresh interpreter that cannot connect anywhere."""
    run = [sys.executable, "-c", IMPORT_ALL, ",".join(modules)]
    done = subprocess.run(run, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.strip().split(","))


def modules(parts: set[str]) -> list[str]:
    """Return the dotted names of every module of these rooms, or of the modules that are named as room.module."""
    files = {".".join(file.relative_to(ROOT).with_suffix("").parts): file for file in PACKAGE.rglob("*.py")}
    chosen = [name for name, file in files.items() if part(file) in parts or name.partition(".")[2] in parts]
    return sorted(name.removesuffix(".__init__") for name in chosen)


def test_importing_everything_imports_nothing_slow_and_connects_nowhere() -> None:
    loaded = loaded_by(modules(set(ARROWS) - {"ui"}))
    assert "torch" in loaded  # or this looked in the wrong place
    assert loaded & {*LATE, "streamlit", "plotly"} == set()


def test_what_draws_a_page_does_without_torch() -> None:
    loaded = loaded_by(modules(set(WITHOUT_TORCH)))
    assert "numpy" in loaded
    assert "torch" not in loaded


@pytest.mark.parametrize("file", sorted((ROOT / "pages").rglob("*.py")), ids=lambda file: file.stem)
def test_a_page_is_short(file: Path) -> None:
    assert len(file.read_text(encoding="utf-8").splitlines()) <= 120


# --- the suite and the text ----------------------------------------------------------------------------------------


def test_tests_take_their_networks_from_one_place() -> None:
    files = sorted((ROOT / "tests").rglob("*.py"))
    own = {file.name for file in files if BUILDS.search(file.read_text(encoding="utf-8"))}
    assert own - {Path(__file__).name} == set(BUILDERS)


def test_the_suite_reaches_nothing_but_this_machine() -> None:
    """Else pyproject.toml has lost --allow-hosts (pytest-socket)."""
    for address in ("192.0.2.1", "2001:db8::1"):  # reserved for documentation: nobody answers
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with socket.socket(family) as out, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            out.settimeout(0.2)
            with pytest.raises(SocketConnectBlockedError):
                out.connect((address, 80))


def test_the_suite_reaches_this_machine() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname(), timeout=5).close()


TELLTALE = re.compile(
    r"(?<![\w./-])/(work|home|root|Users)/\w"  # a path that only one machine has
    r"|\b(previous|earlier|last|next) session\b|\bthe brief\b|\bco-authored-by\b",
    re.IGNORECASE,
)


def tracked() -> list[Path]:
    """Files under version control that are there."""
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    listed = subprocess.run([git, "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def test_the_text_speaks_of_the_project_alone() -> None:
    found, read = [], 0
    for file in tracked():
        try:
            text = file.read_text(encoding="utf-8")
        except UnicodeDecodeError:  # a picture, weights
            continue
        read += 1
        if file != Path(__file__).resolve():
            lines = enumerate(text.splitlines(), start=1)
            found += [f"{file.relative_to(ROOT)}:{n}: {line.strip()}" for n, line in lines if TELLTALE.search(line)]
    assert read > 20
    assert found == []
