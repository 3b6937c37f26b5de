"""What is taken home of a page: the numbers are the page's, and files say where they come from."""

from __future__ import annotations

import base64
import csv
import html
import io
import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
import streamlit as st
from nbclient import NotebookClient

from senet_viz import i18n, stats, ui
from senet_viz.cli import main
from senet_viz.drawing.grammar import Figure
from senet_viz.models import catalogue, class_names
from senet_viz.photos import preprocess, samples
from senet_viz.tap import hooks
from senet_viz.types import Edit
from senet_viz.ui.elements import figures as shown
from senet_viz.ui.takeaway import columns, numbers
from tests import truth
from tests.places import FIRST, PAGES, model
from tests.test_pages import emptied, start

Said = pytest.CaptureFixture[str]
Files = dict[str, Callable[[], bytes]]
MIB = 2**20


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> Files:
    """What every download button makes, by the key of the button, as it was offered last."""
    offers: Files = {}
    true = st.download_button

    def seen(label: str, data: Any, *more: Any, **options: Any) -> Any:
        offers[options["key"]] = data
        return true(label, data, *more, **options)

    monkeypatch.setattr(st, "download_button", seen)
    return offers


def made(verb: str, out: Path, *options: str) -> bytes:
    """Return the file that the command line makes."""
    assert main([verb, *options, "--out", str(out)]) == 0
    return out.read_bytes()


def unpacked(page: str) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return the head and the numbers that a stage in a file carries."""
    text = re.findall(r'id="block">([^<]*)<', page)
    raw = base64.b64decode(text[0])
    size = int.from_bytes(raw[:4], "little")
    head = json.loads(raw[4 : 4 + size])
    names = ("z", "hidden", "logit", "gate")
    cut = {name: raw[4 + size + at : 4 + size + at + long] for name, (at, long) in head["parts"].items()}
    return head, {name: np.frombuffer(cut[name], "<f4") for name in names}


@pytest.mark.parametrize("lang", i18n.LANGUAGES)
@pytest.mark.parametrize(("key", "name"), [("tiny_se", "layer1.0.se"), ("tiny_sk", "layer3.1.conv2")])
def test_the_stage_in_one_file_has_the_models_numbers(tmp_path: Path, lang: str, key: str, name: str) -> None:
    options = ("coffee", "--model", key, "--block", name, "--channel", "5", "--lang", lang, "--dark")
    data = made("stage", tmp_path / "x.html", *options)
    assert len(data) < 2 * MIB
    head, values = unpacked(data.decode())
    trace = truth.trace(key, "coffee", name, weights="pretrained")
    block = trace.block(name)
    for what, found in values.items():
        assert np.array_equal(found, getattr(block, what).numpy().ravel()), what
    assert head["pinned"] == 5 and head["words"]["steps"]["whole"]["short"] == i18n.text("stage.step.whole.short", lang)
    share = np.sort(stats.softmax(trace.logits.double().numpy()))[::-1][:3]
    assert [each["share"] for each in head["scores"]] == pytest.approx(share, rel=1e-6)
    x = preprocess.preprocess(samples.sample("coffee"), catalogue.spec(key)).x
    for gate, edit in (("ones", Edit(name, "ones")), ("5", Edit(name, "mute", (5,)))):
        logits = hooks.run(truth.model(key, "pretrained"), x, edits=(edit,)).logits.double().numpy()
        shares = [each["share"] for each in head["answers"][gate]]
        assert shares == pytest.approx(np.sort(stats.softmax(logits))[::-1][:3], rel=1e-4)
    assert head["ask"] == "" and head["pages"] == {}


def test_a_file_may_ask_for_nothing_and_says_what_it_was_made_of(tmp_path: Path) -> None:
    page = made("stage", tmp_path / "x.html", "coffee", "--random").decode()
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]+)"', page)
    assert policy.startswith("default-src 'none';") and "http" not in policy
    outside = re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)
    assert not re.search(r"(src|href)\s*=\s*[\"']?(https?:)?//", outside)
    (sample,) = (each for each in samples.SAMPLES if each.key == "coffee")
    assert html.escape(sample.credit) in outside and i18n.text("model.untrained", "en") in outside


@pytest.mark.parametrize("verb", ["stage", "notebook"])
@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("nowhere.jpg",), "image.missing"),
        (("coffee", "--model", "nobody"), "unknown_model.near"),
        (("coffee", "--model", "tiny_plain"), "no_gate.network"),
        (("coffee", "--block", "layer9"), "no_gate"),
        (("coffee", "--channel", "-1"), "option.named"),
        (("coffee", "--channel", "64"), "option.named"),
    ],
)
def test_what_makes_no_sense_is_one_sentence(
    verb: str, options: tuple[str, ...], told: str, tmp_path: Path, capsys: Said
) -> None:
    assert main([verb, *options, "--out", str(tmp_path / "x")]) == 2
    said = capsys.readouterr().err
    start = i18n.text(f"error.{told}", "en", **dict.fromkeys(("network", "wanted", "offered", "name", "near"), "\0"))
    assert said.count("\n") == 1 and re.match(re.escape(start).replace("\0", ".*"), said)
    assert not (tmp_path / "x").exists()


# --- the notebook ---------------------------------------------------------------------------------------------------


def shown_in(book: Any) -> dict[str, list[float]]:
    """Return the numbers of the page that the last cell holds."""
    (found,) = re.findall(r"^on_screen = (\{.*?^\})", book.cells[-1].source, re.DOTALL | re.MULTILINE)
    return eval(found)


@pytest.mark.parametrize("lang", i18n.LANGUAGES)
def test_a_notebook_has_the_numbers_of_the_page(tmp_path: Path, lang: str) -> None:
    data = made("notebook", tmp_path / "x.ipynb", "chelsea", "--channel", "24", "--lang", lang)
    book = nbformat.reads(data.decode(), as_version=4)
    nbformat.validate(book)
    assert len(book.cells) == 12 and i18n.text("notebook.squeeze", lang) in [cell.source for cell in book.cells]
    block = truth.trace("tiny_se", "chelsea", "layer1.0.se", weights="pretrained").block("layer1.0.se")
    found, out = shown_in(book), block.out[24].double()
    assert found["z"] == pytest.approx([float(truth.z(block)[24])], rel=1e-7)
    assert found["logit"] == pytest.approx(truth.logit(block)[:, 24].tolist(), rel=1e-7)
    assert found["gate"] == pytest.approx(block.gate[:, 24].tolist(), rel=1e-7)
    assert found["out"] == pytest.approx([float(out.mean()), float(out.min()), float(out.max())], rel=1e-6)
    assert data == made("notebook", tmp_path / "y.ipynb", "chelsea", "--channel", "24", "--lang", lang)


def test_a_notebook_uses_the_public_interface_alone(tmp_path: Path) -> None:
    book = nbformat.reads(made("notebook", tmp_path / "x.ipynb", "coffee").decode(), as_version=4)
    code = "\n".join(cell.source for cell in book.cells if cell.cell_type == "code")
    packages = set(re.findall(r"^(?:import|from) ([\w.]+)", code, re.MULTILINE))
    assert packages == {"pathlib", "matplotlib.pyplot", "numpy", "senet_viz"}


def test_the_path_of_a_photo_is_text_and_never_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    name = "a' + exit() + '\\.png"
    samples.sample("coffee").save(tmp_path / name)
    book = nbformat.reads(made("notebook", tmp_path / "x.ipynb", name).decode(), as_version=4)
    settings: dict[str, Any] = {}
    exec(book.cells[1].source, settings)
    assert settings["PHOTO"] == name


def run(data: bytes, folder: Path) -> float:
    """Return the largest difference that a notebook finds, run from top to bottom in a kernel of its own."""
    book = nbformat.reads(data.decode(), as_version=4)
    NotebookClient(book, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(folder)}}).execute()
    said = "".join(each.get("text", "") for each in book.cells[-1].outputs)
    return float(re.findall(r"largest difference: (\S+)", said)[0])


@pytest.mark.slow
@pytest.mark.parametrize("key", ["tiny_se", "tiny_sk", "tiny_se_h", "mobilenet_v3_small"])
def test_a_notebook_runs_from_top_to_bottom_to_the_same_numbers(
    key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).resolve().parents[1]))
    weights = () if key.startswith("tiny") else ("--random",)
    options = ("rocket", "--model", key, "--channel", "3", *weights)
    assert run(made("notebook", tmp_path / "x.ipynb", *options), tmp_path) < 1e-5


@pytest.mark.slow
def test_a_notebook_of_ones_own_photo_and_of_changed_gates_runs_too(
    files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).resolve().parents[1]))
    samples.sample("coffee").rotate(90).save(tmp_path / "mine.png")
    assert run(made("notebook", tmp_path / "x.ipynb", str(tmp_path / "mine.png")), tmp_path) < 1e-5
    start("what_if", weights="pretrained", edits="layer3.1.se:mute:3,4;layer4.0.se:ones", more="code")
    data = files["take-notebook"]()
    assert b"Edit(block='layer3.1.se', op='mute', channels=(3, 4)" in data
    assert run(data, tmp_path) < 1e-5


# --- all numbers of a page ------------------------------------------------------------------------------------------


def sheets(data: bytes) -> tuple[str, dict[str, list[list[str]]]]:
    """Return the README of an archive and the rows of every table."""
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        assert file.testzip() is None
        texts = {name: file.read(name).decode("utf-8-sig") for name in file.namelist()}
    readme = texts.pop("README.txt")
    return readme, {name.removesuffix(".csv"): list(csv.reader(io.StringIO(text))) for name, text in texts.items()}


@pytest.mark.parametrize("lang", i18n.LANGUAGES)
@pytest.mark.parametrize("page", PAGES)
def test_an_archive_has_every_figure_of_the_page_and_says_what_every_column_is(
    page: str, lang: str, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: dict[str, Figure] = {}
    real = shown.titled

    def noted(view: Any, title: str, build: Any, name: str, *more: Any, **named: Any) -> None:
        drawn[name] = build(i18n.texts(lang))
        real(view, title, build, name, *more, **named)

    begin = numbers.begin
    monkeypatch.setattr(numbers, "begin", lambda: (drawn.clear(), begin()))  # the first page came before this one
    monkeypatch.setattr(shown, "titled", noted)
    monkeypatch.setattr(ui, "titled", noted)
    with emptied():
        start(page, model=model(page), weights="pretrained", lang=lang)
    readme, found = sheets(files["take-numbers"]())
    assert drawn or page in (FIRST, "lessons")
    named_after = {row.title for row in catalogue.MODELS} | {*class_names.names(catalogue.spec(model(page)), lang)}
    for name, figure in drawn.items():
        if figure.table.header != numbers.BARE:
            assert found[name] == list(csv.reader(io.StringIO(figure.table.csv().decode("utf-8-sig")))), name
            assert figure.title in readme and figure.alt in readme
    for name, (header, *rows) in found.items():
        assert f"{name}.csv ({i18n.text('numbers.rows', lang, n=len(rows))})" in readme and rows, name
        unknown = [each for each in header if columns.key(each, header) == columns.OWN]
        assert set(unknown) <= named_after, name
        for said, names in columns.meanings(header, i18n.texts(lang)).items():
            assert f"  {', '.join(names)}: {said}" in readme


def test_the_archive_of_the_stage_has_the_models_numbers(files: Files) -> None:
    with emptied():
        start("block", model="tiny_sk", weights="pretrained", block="layer3.1.conv2", lang="zh")
    readme, found = sheets(files["take-numbers"]())
    trace = truth.trace("tiny_sk", "chelsea", "layer3.1.conv2", weights="pretrained")
    block = trace.block("layer3.1.conv2")
    assert block.hidden is not None and block.u is not None
    header, *rows = found["channels"]
    got = {name: [float(row[at]) for row in rows] for at, name in enumerate(header)}
    assert got["z"] == pytest.approx(truth.z(block).tolist(), rel=1e-6)
    for m in range(block.branches):
        assert got[f"gate {m}"] == pytest.approx(block.gate[m].tolist(), rel=1e-6)
        assert got[f"logit {m}"] == pytest.approx(truth.logit(block)[m].tolist(), rel=1e-6)
        maps = np.array([float(row[-1]) for row in found[f"maps-{m}"][1:]])
        assert maps.mean() == pytest.approx(float(block.u[m].mean()), abs=1e-5)
    assert [float(row[1]) for row in found["hidden"][1:]] == pytest.approx(block.hidden.tolist(), rel=1e-6)
    assert len(found["network"]) == 1 + sum(each.channels for each in trace.blocks)
    assert "layer3.1.conv2" in readme


def test_nothing_is_made_before_it_is_asked_for(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    for name in ("of_maps", "of_rows", "_readme"):
        real = getattr(numbers, name)
        monkeypatch.setattr(numbers, name, lambda *given, name=name, real=real: (made.append(name), real(*given))[1])
    with emptied():
        start("squeeze", more="maps,code")
    assert made == []
    files["take-numbers"]()
    assert set(made) == {"of_maps", "of_rows", "_readme"}


def test_untrained_numbers_say_so(files: Files) -> None:
    with emptied():
        start("squeeze", weights="random", more="code")
    readme, _ = sheets(files["take-numbers"]())
    assert readme.startswith(i18n.text("model.untrained", "en"))


def test_a_closed_look_offers_no_file(files: Files) -> None:
    start("squeeze", more="maps")
    assert files == {}
