"""An answer about something that the network never learnt is no answer, and every page and command says so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

import app
from senet_viz import i18n
from senet_viz.cli import main
from senet_viz.models import catalogue, class_names, weight_files
from senet_viz.photos import samples
from senet_viz.ui import models
from tests import pictures
from tests.places import PAGES, SECTIONS
from tests.test_pages import badges, fresh, go, start, url, well, words

TINY, IMAGENET = catalogue.spec("tiny_se"), catalogue.spec("legacy_seresnet50")
SILENT = ("what_it_costs", "where_it_sits", "lessons")  # no answer on them
ANSWERING = [page for page in PAGES if page not in SILENT]
__all__ = ["fresh"]  # a fixture: asked for by name


def off(photo: str, lang: str = "en", n: int = 50) -> str:
    return i18n.text("knows.off", lang, what=i18n.text(f"sample.{photo}", lang), n=n)


def said(at: AppTest, lang: str = "en") -> list[str]:
    """What is said about the photo and the list of classes, names of networks apart."""
    starts = [i18n.table(lang)[key].rpartition("{n}")[2] for key in ("knows.off", "knows.stranger")]
    return [text for text in words(at) if any(start_ in text for start_ in starts)]


# --- who knows what ---------------------------------------------------------------------------------------------------


def test_a_sample_shows_classes_of_imagenet_or_none() -> None:
    known = class_names.wnids(IMAGENET)
    assert len(known) == len(set(known)) == class_names.count(IMAGENET)
    for sample in samples.SAMPLES:
        assert set(sample.shows) <= set(known), sample.key
        assert samples.shows(sample.key) == sample.shows
    assert samples.shows("up-0123456789abcdef") is None


def test_the_small_networks_classes_are_imagenets() -> None:
    for row in catalogue.MODELS:
        if row.source == "ours":
            assert set(class_names.wnids(row)) <= set(class_names.wnids(IMAGENET)) and len(
                class_names.wnids(row)
            ) == class_names.count(row)


def test_who_knows_which_sample(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for spec, known in ((TINY, {"chelsea", "coffee"}), (IMAGENET, {"chelsea", "coffee", "rocket", "china"})):
        assert {s.key for s in samples.SAMPLES if class_names.knows(spec, s.shows)} == known
        assert class_names.knows(spec, None) is None
        for sample in samples.SAMPLES:  # a name that is right is one of the names of the list
            names = {
                class_names.names(spec)[class_names.wnids(spec).index(w)]
                for w in sample.shows
                if w in class_names.wnids(spec)
            }
            assert bool(names) == class_names.knows(spec, sample.shows)
    monkeypatch.setattr(weight_files, "SHIPPED", tmp_path)
    assert class_names.knows(TINY, ("n02123045",)) is None, "whose classes are not known"


# --- on every page ----------------------------------------------------------------------------------------------------


def test_every_page_is_on_the_menu_and_those_without_an_answer_are_among_them() -> None:
    assert {(file.parent.name, file.stem) for file in Path(__file__).parents[1].glob("pages/*/*.py")} == {
        *((section, page) for page, section in SECTIONS.items()),
        ("teach", app.CLASS[0]),  # where the server has a class
    }
    assert set(PAGES) > set(SILENT)


@pytest.mark.parametrize("lang", i18n.LANGUAGES)
@pytest.mark.parametrize("page", ANSWERING)
def test_it_says_so_once_where_the_answer_is(page: str, lang: str) -> None:
    at = start(page, weights="pretrained", photo="astronaut", lang=lang)
    (line,) = said(at, lang)
    assert off("astronaut", lang) in line
    assert i18n.text("knows.neither", lang, n=1000) in line
    at.pills(key="photo").set_value("rocket")
    (line,) = said(well(at.run()), lang)
    assert off("rocket", lang) in line and i18n.text("knows.neither", lang, n=1000) not in line
    at.pills(key="photo").set_value("coffee")
    assert said(well(at.run()), lang) == []
    assert not at.get("menu_button")


@pytest.mark.parametrize("page", SILENT)
def test_where_no_answer_is_nothing_is_said(page: str) -> None:
    assert said(start(page, weights="pretrained", photo="astronaut")) == []


def test_an_untrained_network_is_said_to_be_untrained_and_no_more() -> None:
    at = start(weights="random", photo="astronaut")
    assert said(at) == [] and badges(at, "red")


@pytest.mark.parametrize("lang", i18n.LANGUAGES)
def test_nobody_knows_what_a_strangers_photo_shows(lang: str, fresh: None) -> None:
    at = start(weights="pretrained", lang=lang)
    data = pictures.encode(samples.sample("astronaut"), "PNG")
    at.file_uploader(key="_file").set_value(("mine.png", data, "image/png"))
    well(at.run())
    assert said(at, lang) == [i18n.text("knows.stranger", lang, n=50)]
    assert not any(i18n.text("sample.astronaut", lang) in text for text in said(at, lang))


def test_two_networks_of_two_lists_are_told_apart() -> None:
    at = start("compare", weights="pretrained", photo="astronaut", rival="tiny_sk")
    (line,) = said(at)
    assert TINY.title in line and catalogue.spec("tiny_sk").title in line


# --- the networks that know more --------------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", i18n.LANGUAGES)
def test_networks_of_imagenet_are_one_click_away(
    lang: str, fresh: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    at = start(weights="pretrained", photo="rocket", lang=lang)
    (menu,) = at.main.menu_button
    assert menu.label == i18n.text("knows.others", lang, n=1000)
    known = [row for row in catalogue.MODELS if row.weights and row.source != "ours"]
    assert len(menu.options) == len(known)
    for row, text in zip(known, menu.options, strict=True):
        assert text == i18n.text("model.fetched", lang, title=row.title, mib=f"{row.weights_mib:.0f}")
    menu.click(IMAGENET.key).run()
    assert not at.exception
    at.run()
    assert at.selectbox(key="model").value == url(at)["model"] == IMAGENET.key
    (box,) = at.sidebar.error  # there is no network here
    assert box.value == i18n.text("error.weights", lang)
    assert said(at, lang) == [off("rocket", lang)], "what is still on screen still does not know it"


# --- the list of models -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", i18n.LANGUAGES)
def test_the_list_of_models_says_where_weights_are(
    lang: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh: None
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    at = start(lang=lang)
    box = at.selectbox(key="model")
    rows = [row for row in catalogue.MODELS if row.blocks]
    assert len(box.options) == len(rows) + len(catalogue.library()) + len(models.apart(lang))
    for row, text in zip(rows, box.options, strict=False):
        where = "fetched" if row.weights and row.source != "ours" else "nobodys" if not row.weights else "here"
        assert text == i18n.text(f"model.{where}", lang, title=row.title, mib=f"{row.weights_mib:.0f}")
        assert text.startswith(row.title) and len(text) - len(row.title) <= 14, "the mark is short"
    local = tmp_path / "hub" / "checkpoints" / IMAGENET.weights.rpartition("/")[2]
    local.parent.mkdir(parents=True)
    local.write_bytes(b"here")
    well(at.run())
    text = at.selectbox(key="model").options[rows.index(IMAGENET)]
    assert text == i18n.text("model.here", lang, title=IMAGENET.title), "once it is fetched it is here"
    go(at, "compare")
    assert text in at.main.selectbox(key="rival").options


# --- without a browser ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command", [["trace"], ["whatif", "--edit", "layer3.1.se:ones"], ["attribute"]], ids=lambda words_: words_[0]
)
def test_commands_say_it_too(command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    verb, *more = command
    mine = tmp_path / "mine.png"
    samples.sample("coffee").save(mine)
    stranger = i18n.text("knows.stranger", "en", n=50)
    for photo, line, known in (
        ("astronaut", off("astronaut").replace("*", ""), False), ("coffee", "", True), (str(mine), stranger, None),
    ):  # fmt: skip
        assert main([verb, photo, *more]) == 0
        text = capsys.readouterr().out
        assert ("kinds of things" in text or "is not one of its" in text) == bool(line) and line in text
        assert main([verb, photo, *more, "--json"]) == 0
        answer = json.loads(capsys.readouterr().out)
        assert answer["in_list"] is known
    assert main([verb, "astronaut", *more, "--random"]) == 0
    assert "is not one of its" not in capsys.readouterr().out


def test_the_command_list_says_where_weights_are(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    assert main(["list"]) == 0
    lines = {line.split()[0]: line for line in capsys.readouterr().out.split("\n\n")[0].splitlines()}
    assert lines["tiny_se"].endswith("  here")
    assert lines["legacy_seresnet50"].endswith("  internet, 107 MiB")
    assert lines["sknet26"].endswith("  none, random only")
