"""A folder of one's own weights may be wrong: each fault is named, and everything else works on."""

from __future__ import annotations

import asyncio
import io
import logging
import pickle
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from streamlit.testing.v1 import AppTest

from senet_viz import i18n, ui
from senet_viz.cli import main
from senet_viz.errors import WeightsInvalid
from senet_viz.models import catalogue, class_names, load, weight_files
from senet_viz.ui import state

APP = Path(__file__).resolve().parents[1] / "app.py"
Said = pytest.CaptureFixture[str]


class Trap:
    """Whoever unpickles it makes a file."""

    def __init__(self, sign: Path) -> None:
        self.sign = sign

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.sign,)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the program looks into; nothing is cached."""
    (own := tmp_path / "weights").mkdir()
    monkeypatch.setenv(weight_files.LOCAL, str(own))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return own


@pytest.fixture
def fresh() -> Iterator[None]:
    shared: tuple[Any, ...] = (state.engine, state.drawings)
    for each in shared:
        each.clear()
    yield
    for each in shared:
        each.clear()


def cut(file: Path, key: str = "tiny_se") -> None:
    """The first third of the shipped file."""
    whole = (weight_files.SHIPPED / f"{key}.safetensors").read_bytes()
    file.write_bytes(whole[: len(whole) // 3])


# --- the list --------------------------------------------------------------------------------------------------------


def test_list_names_every_damaged_file_and_shows_every_model(folder: Path, capsys: Said) -> None:
    cut(folder / "tiny_se.safetensors")
    (folder / "mobilenet_v3_small.pth").write_text("<html>404</html>")
    (folder / "skresnet18.safetensors").write_bytes(b"")
    shutil.copy(weight_files.SHIPPED / "tiny_sk.safetensors", folder)  # a good one
    torch.save({"a": torch.zeros(1)}, folder / "efficientnet_b0.pth")  # of another network: seen when it is loaded
    torch.save({"a": torch.zeros(1)}, folder / "seresnet50.pth", _use_new_zipfile_serialization=False)
    assert main(["list"]) == 0
    out, err = capsys.readouterr()
    assert [line.split()[0] for line in out.split("\n\n")[0].splitlines()[1:]] == [row.key for row in catalogue.MODELS]
    assert [line.split()[0] for line in err.splitlines()] == [
        "tiny_se.safetensors", "mobilenet_v3_small.pth", "skresnet18.safetensors",
    ]  # fmt: skip
    assert all("is damaged or made for another network: " in line for line in err.splitlines())


def test_what_a_damaged_file_is_not_asked_for_works(folder: Path, capsys: Said) -> None:
    cut(folder / "tiny_se.safetensors")
    for line in (["--model", "tiny_sk"], ["--model", "tiny_se", "--random"]):
        assert main(["trace", "chelsea", *line]) == 0
    assert not capsys.readouterr().err
    assert main(["trace", "chelsea", "--model", "tiny_se"]) == 2
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith("tiny_se.safetensors is damaged or made for another network: ")


def test_an_untrained_network_needs_no_whole_file(folder: Path) -> None:
    cut(folder / "tiny_se.safetensors")
    module = load.load("tiny_se", weights="random")
    names = class_names.names(catalogue.spec("tiny_se"))
    with torch.inference_mode():
        assert module(torch.zeros(1, 3, 64, 64)).shape == (1, len(names)) == (1, catalogue.UNTRAINED_CLASSES)
    with pytest.raises(WeightsInvalid):
        weight_files.shipped("tiny_se")


# --- a folder that is not there ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["none", "file"])
def test_a_folder_that_is_none_is_said_once(what: str, folder: Path, monkeypatch: Any, capsys: Said) -> None:
    place = folder.parent / what
    if what == "file":
        place.write_text("a file")
    monkeypatch.setenv(weight_files.LOCAL, str(place))
    for line in (["list"], ["trace", "chelsea", "--json"]):
        assert main(line) == 0
        assert capsys.readouterr().err == (
            f"SENET_VIZ_WEIGHTS names {place}, which is no folder: weights are looked for elsewhere.\n"
        )
    monkeypatch.setenv(weight_files.LOCAL, "")  # not set
    assert weight_files.missing_folder() is None and main(["list"]) == 0 and not capsys.readouterr().err


# --- pickles ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["mobilenet_v3_small", "skresnet18", "legacy_seresnet18", "tiny_se"])
@pytest.mark.parametrize("kind", ["zip", "pickle", "old", "text", "array"])
def test_nobody_is_advised_to_switch_safety_off(key: str, kind: str, folder: Path, capsys: Said) -> None:
    sign, file = folder / "sign", folder / f"{key}.pth"
    if kind == "zip":
        torch.save({"fc.weight": Trap(sign)}, file)
    elif kind == "pickle":
        file.write_bytes(pickle.dumps(Trap(sign)))
    elif kind == "old":
        file.write_bytes(pickle.dumps(Trap(sign), protocol=2))
    elif kind == "array":
        file.write_bytes(pickle.dumps({"fc.weight": np.zeros(3)}))
    else:
        file.write_text("not a weight file at all")
    assert main(["trace", "chelsea", "--model", key]) == 2
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith(f"{key}.pth is damaged or made for another network: ") and not sign.exists()
    for advice in ("weights_only", "trust", "arbitrary", "add_safe_globals", "Re-running", "torch.load"):
        assert advice not in said


# --- the app ----------------------------------------------------------------------------------------------------------


def shown(at: AppTest) -> list[str]:
    assert not at.exception, at.exception
    return [box.value for box in at.error]


@pytest.mark.parametrize("lang", i18n.LANGUAGES)
def test_the_app_starts_and_says_it_where_that_model_is_chosen(folder: Path, fresh: None, lang: str) -> None:
    cut(folder / f"{catalogue.DEFAULT}.safetensors", catalogue.DEFAULT)
    at = AppTest.from_file(str(APP), default_timeout=120)
    at.query_params["lang"] = lang
    sentence = i18n.text("error.weights_invalid", lang, file=f"{catalogue.DEFAULT}.safetensors")
    assert shown(at.run()) == [sentence] and sentence in [box.value for box in at.sidebar.error]
    stages = [each for each in at.main.get("bidi_component") if each.proto.component_name.endswith("stage")]
    assert len(stages) == 1  # the page is there, of the untrained network
    assert any(i18n.text("model.untrained", lang) in e.value for e in at.main.markdown)
    at.selectbox(key="model").set_value("tiny_se_h").run()
    assert shown(at) == []  # and of a whole file nothing is said
    at.selectbox(key="model").set_value(catalogue.DEFAULT).run()
    assert shown(at) == [sentence]
    assert not any(i18n.text("model.untrained", lang) in e.value for e in at.main.markdown), "the last good one stays"
    at.segmented_control(key="weights").set_value("random").run()
    assert shown(at) == []


def test_the_server_starts_and_its_log_names_the_files(
    folder: Path, fresh: None, monkeypatch: Any, caplog: pytest.LogCaptureFixture
) -> None:
    cut(folder / f"{catalogue.DEFAULT}.safetensors", catalogue.DEFAULT)

    async def start() -> None:
        async with state.warm(lambda: None, ui.default_picture)(None):  # type: ignore[arg-type]
            pass

    with caplog.at_level(logging.WARNING, "senet_viz"):
        asyncio.run(start())
    assert [r.message for r in caplog.records if f"{catalogue.DEFAULT}.safetensors is damaged" in r.message]
    monkeypatch.setenv(weight_files.LOCAL, str(folder / "none"))
    caplog.clear()
    with caplog.at_level(logging.WARNING, "senet_viz"):
        asyncio.run(start())
    assert [r.message for r in caplog.records if f"{folder / 'none'}, which is no folder" in r.message]


def test_class_folders_are_read_beside_a_damaged_file(folder: Path, capsys: Said) -> None:
    """What a folder is called is compared with the classes of a network: of an untrained one, any names."""
    cut(folder / "tiny_se.safetensors")
    for name in ("goldfish", "pug"):
        (folder / "photos" / name).mkdir(parents=True)
        for number in range(2):
            buffer = io.BytesIO()
            Image.fromarray(np.full((40, 40, 3), 60 * number + 40, np.uint8)).save(buffer, "png")
            (folder / "photos" / name / f"{number}.png").write_bytes(buffer.getvalue())
    assert main(["profile", str(folder / "photos"), "--model", "tiny_se", "--random", "--quiet"]) == 0
    assert "UNTRAINED" in capsys.readouterr().out
    save_file({"a": torch.zeros(1)}, folder / "tiny_se.safetensors")
    assert main(["worth", str(folder / "photos"), "--model", "tiny_se", "--quiet"]) == 2
    assert "tiny_se.safetensors" in capsys.readouterr().err
