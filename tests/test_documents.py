"""The documents: their links lead somewhere, and what machines read of them can be read."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
FORMS = ROOT / ".github" / "ISSUE_TEMPLATE"
DECISIONS = ROOT / "docs" / "decisions"
MADE = ("build", "data", "dist", "runs")  # no part of the repository
CODE = re.compile(r"^```.*?^```|`[^`\n]*`|<!--.*?-->", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\(\s*<?([^)\s>]+)[^)]*\)|^\[[^\]]+\]:\s*(\S+)", re.MULTILINE)


def files(*suffixes: str) -> list[Path]:
    """Every file of these endings that the repository holds, hidden folders apart, .github taken in."""
    tops = [top for top in ROOT.iterdir() if top.name == ".github" or not (top.name[0] == "." and top.is_dir())]
    inside = [top for top in tops if top.is_dir() and top.name not in MADE]
    found = [path for top in inside for path in top.rglob("*")] + [top for top in tops if top.is_file()]
    return sorted(path for path in found if path.suffix in suffixes)


def links(text: str) -> Iterator[str]:
    """Where the links and pictures of a Markdown text lead, code apart."""
    for match in LINK.finditer(CODE.sub("", text)):
        yield match[1] or match[2]


def anchors(text: str) -> set[str]:
    """The names by which a forge finds the headings of a Markdown text."""
    headings = re.findall(r"^#+ +(.+?) *$", CODE.sub(lambda code: code[0].strip("`"), text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken(document: Path) -> list[str]:
    """The links of a document that lead nowhere in the repository; those to other places are not followed."""
    wrong = []
    for link in links(document.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        goal = (document.parent / path).resolve() if path else document
        inside = goal.is_relative_to(ROOT) or goal.is_relative_to(document.parent)
        if not (inside and goal.exists()) or (anchor and anchor not in anchors(goal.read_text(encoding="utf-8"))):
            wrong.append(link)
    return wrong


def test_a_broken_link_is_seen(tmp_path: Path) -> None:
    (tmp_path / "there.md").write_text("# It *is* there: `here`\n", encoding="utf-8")
    page = tmp_path / "page.md"
    page.write_text(
        "[a](there.md) [b](gone.md) ![c](gone.svg 'title') [d](https://example.org/gone) `[e](code)`\n"
        "[f](there.md#it-is-there-here) [g](there.md#elsewhere)\n\n```\n[h](code)\n```\n[i]: gone/too\n",
        encoding="utf-8",
    )
    assert broken(page) == ["gone.md", "gone.svg", "there.md#elsewhere", "gone/too"]


@pytest.mark.parametrize("document", files(".md"), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_link_of_a_document_leads_somewhere(document: Path) -> None:
    assert broken(document) == []


def test_the_documents_are_found_from_the_readme() -> None:
    seen, ahead = set(), [ROOT / "README.md"]
    while ahead:
        document = ahead.pop()
        if document in seen or document.suffix != ".md":
            continue
        seen.add(document)
        for link in links(document.read_text(encoding="utf-8")):
            path = link.partition("#")[0]
            if path and not re.match(r"[a-z]+:", path):
                ahead.append((document.parent / path).resolve())
    inner = (".github", "lessons")  # forms, and what the app reads
    assert {path for path in files(".md") if not set(inner) & set(path.parts)} <= seen


def test_every_decision_is_in_the_index_and_says_what_was_given_up() -> None:
    records = sorted(DECISIONS.glob("0*.md"))
    index = re.findall(
        r"^\| \[(\d{4})\]\((.+?)\) \| (.+?) \|$", (DECISIONS / "README.md").read_text("utf-8"), re.MULTILINE
    )
    assert [(path.name[:4], path.name) for path in records] == [(number, name) for number, name, _ in index]
    assert [number for number, _, _ in index] == [f"{1 + at:04}" for at in range(len(records))]
    for path, (number, _, title) in zip(records, index, strict=True):
        text = path.read_text(encoding="utf-8")
        assert text.startswith(f"# {number}: {title}\n")
        assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["Context", "Choice", "What was given up"]


# --- what machines read -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "file",
    [*files(".yml", ".yaml", ".cff"), ROOT / ".pre-commit-config.yaml"],
    ids=lambda path: path.relative_to(ROOT).as_posix(),
)
def test_what_machines_read_can_be_read(file: Path) -> None:
    assert isinstance(yaml.safe_load(file.read_text(encoding="utf-8")), dict)


def test_the_citation_says_what_the_project_says() -> None:
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert cited["cff-version"] == "1.2.0"
    assert cited["message"]
    assert cited["title"] == project["name"]
    assert cited["version"] == project["version"]
    assert cited["license"] == project["license"]
    assert cited["authors"] == project["authors"]
    assert [paper["title"] for paper in cited["references"]] == [
        "Squeeze-and-Excitation Networks",
        "Selective Kernel Networks",
        "Searching for MobileNetV3",
    ]
    assert all({"type", "authors", "title"} <= set(paper) for paper in cited["references"])


def test_the_workflow_runs_the_check_of_the_repository() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "check.yml").read_text(encoding="utf-8"))
    (job,) = workflow["jobs"].values()
    assert job["steps"][-1] == {"run": "bash .ci/run"}
    assert (ROOT / ".ci" / "run").is_file()
    assert job["timeout-minutes"] == 60
    (python,) = [step["with"]["python-version"] for step in job["steps"] if "setup-python" in step.get("uses", "")]
    assert f">={python}" == tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["requires-python"]


@pytest.mark.parametrize("form", sorted(set(FORMS.glob("*.yml")) - {FORMS / "config.yml"}), ids=lambda path: path.stem)
def test_a_form_asks_for_something(form: Path) -> None:
    """A forge shows a form only where each of its parts has what its kind needs."""
    asked = yaml.safe_load(form.read_text(encoding="utf-8"))
    assert asked["name"]
    assert asked["description"]
    named = [part["id"] for part in asked["body"] if part["type"] != "markdown"]
    assert len(named) == len(set(named)) > 1
    for part in asked["body"]:
        assert part["type"] in ("markdown", "textarea", "input", "dropdown")
        assert part["attributes"].get("value" if part["type"] == "markdown" else "label")
        assert part["type"] != "dropdown" or part["attributes"]["options"]
    assert any(part.get("validations", {}).get("required") for part in asked["body"])


def test_the_hooks_before_a_commit_are_lint_and_format() -> None:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    hooks = [hook for repo in config["repos"] for hook in repo["hooks"]]
    runs = [hook["entry"].removeprefix(".venv/bin/python -m ").split()[:2] for hook in hooks]
    assert runs == [["ruff", "check"], ["ruff", "format"]]
    assert all(hook["language"] == "system" for hook in hooks)
