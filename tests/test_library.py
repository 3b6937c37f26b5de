"""The other classifiers of timm and torchvision: by name, searchable, untrained unless their weights are here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import Any

import pytest
import timm
import torch
import torchvision
from safetensors.torch import save_file
from streamlit.testing.v1 import AppTest

from senet_viz import assets, i18n
from senet_viz.cli import main
from senet_viz.errors import UnknownModel, WeightsInvalid
from senet_viz.models import catalogue, differences, load, weight_files
from senet_viz.photos import preprocess, samples
from senet_viz.tap import hooks, layouts, replay
from tests.test_pages import emptied
from tools import models as table

ROWS: list[dict[str, Any]] = json.loads(assets.MODELS.read_text(encoding="utf-8"))
KINDS = {cls: [row for row in ROWS if row["cls"] == cls] for cls in dict.fromkeys(row["cls"] for row in ROWS)}
SMALL = 110.0  # MiB
SMALLEST = [min(rows, key=lambda row: row["mib"]) for rows in KINDS.values()]


def drawn(seed: int, count: int) -> list[dict[str, Any]]:
    """So many networks over all kinds of blocks, small ones that nobody fetches: the same for the same seed."""
    chance, found = Random(seed), list[dict[str, Any]]()
    # those of the catalogue would be fetched
    fit = [r for r in ROWS if r["mib"] < SMALL and catalogue.spec(key(r)).listed]
    left = [sorted((r for r in fit if r["cls"] == cls), key=lambda r: r["name"]) for cls in KINDS]
    while len(found) < count and any(left):
        for rows in left:
            if rows and len(found) < count:
                found.append(rows.pop(chance.randrange(len(rows))))
    return found


def key(row: dict[str, Any]) -> str:
    return f"{row['library']}/{row['name']}"


def test_the_table_has_ten_kinds_of_blocks_and_every_name_once() -> None:
    assert len(KINDS) == 10 and len({key(row) for row in ROWS}) == len(ROWS) == 412
    by_name = [catalogue.spec(key(row)) for row in ROWS]
    assert len({row.key for row in by_name}) == len(ROWS), "two names never mean the same network"
    assert all(
        catalogue.spec(row.key) is row and row.name == key(made) for row, made in zip(by_name, ROWS, strict=True)
    )
    assert not {row.key for row in catalogue.MODELS} & catalogue.library().keys()


def test_the_list_is_made_without_the_libraries() -> None:
    code = "import sys; from senet_viz.models import catalogue; catalogue.library(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"timm", "torch", "torchvision"} & set(done.stdout.split())


@pytest.mark.parametrize("row", SMALLEST, ids=key)
def test_a_row_is_what_the_library_builds(row: dict[str, Any]) -> None:
    assert json.loads(json.dumps(table.row(row["library"], row["name"]))) == row


@pytest.mark.slow
def test_the_tables_are_the_installed_libraries() -> None:
    rows, without = table.tables()
    assert json.loads(json.dumps(rows)) == ROWS
    assert without == catalogue.apart()


def test_every_name_of_the_libraries_is_offered_or_has_its_reason() -> None:
    every = {*(f"timm/{name}" for name in timm.list_models())}
    every |= {f"torchvision/{name}" for name in torchvision.models.list_models()}
    offered = {key(row) for row in ROWS}
    assert offered | catalogue.apart().keys() == every and not offered & catalogue.apart().keys()
    gated = {name for name, near in catalogue.apart().items() if near != ""}
    assert len(offered) + sum(name.startswith("torchvision/") for name in gated) == 418  # those that carry a known gate


APART = ("torchvision/deeplabv3_mobilenet_v3_large", "torchvision/quantized_mobilenet_v3_large", "timm/gcresnet50t",
         "torchvision/resnet18")  # fmt: skip


@pytest.mark.parametrize("name", APART)
def test_a_reason_is_what_the_library_builds(name: str) -> None:
    other = name.partition("/")[2]
    net = table.other(other) if other in table.others() else load.foreign(name)
    assert net is not None and table.apart(net) == catalogue.apart()[name]


@pytest.mark.parametrize("lang", i18n.LANGUAGES)
@pytest.mark.parametrize("name", APART)
def test_a_network_that_is_not_offered_says_why_and_what_is_on_screen_stays(
    name: str, lang: str, capsys: pytest.CaptureFixture[str]
) -> None:
    near = catalogue.apart()[name]
    code = "no_scores.apart" if near is None else "no_gate.near" if near else "no_gate.network"
    said = i18n.text(f"error.{code}", lang, network=name, near=near)
    with emptied():
        at = AppTest.from_file(str(assets.APP), default_timeout=120)
        at.query_params["model"], at.query_params["lang"] = name, lang
        at.run()
        for _ in range(2 if near != "" else 1):  # by its address, and from the list
            assert [box.value for box in at.sidebar.warning] == [said] and not at.exception
            assert at.session_state["model"] == catalogue.DEFAULT and len(at.title) == 1
            if near != "":
                at.sidebar.selectbox(key="model").set_value(name).run()
    if lang == "en":
        assert main(["trace", "chelsea", "--model", name]) == 2
        assert capsys.readouterr().err.endswith(f"{said}\n")


@pytest.mark.parametrize("row", SMALLEST, ids=key)
def test_a_network_by_name_is_traced_and_what_is_done_again_agrees(row: dict[str, Any]) -> None:
    spec = catalogue.spec(key(row))
    module = load.load(spec.key, weights="random")
    x = preprocess.preprocess(samples.sample("chelsea"), spec).x
    names = [ref.name for ref in layouts.find(module)]
    trace = hooks.run(module, x, keep_u=names[-1:])
    assert trace.logits.shape == (1000,) and not trace.silent and len(trace.blocks) == row["blocks"]
    again = replay.replay(module, trace.block(names[-1]))
    assert again.holds, again.differences
    block = trace.block(names[-1])
    for lang in i18n.LANGUAGES:
        said = differences.sentence(i18n.texts(lang), again, spec.position, block.channels, block.branches)
        assert i18n.text(f"position.{spec.position}.short", lang) in said


def test_gates_of_an_untrained_network_change_its_answer() -> None:
    module = load.load("timm/seresnet18", weights="random")
    scales = [part.weight for part in module.modules() if isinstance(part, torch.nn.BatchNorm2d)]
    assert all(bool(scale.any()) for scale in scales)


# --- names ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("asked", "meant"), [("timm/seresnet81", "seresnet"), ("regnet_y_40mf", "regnet_y_400mf")])
def test_an_unknown_name_suggests_the_nearest(asked: str, meant: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UnknownModel) as caught:
        catalogue.spec(asked)
    assert meant in str(caught.value.details["near"])
    assert main(["trace", "chelsea", "--model", asked]) == 2
    assert str(caught.value.details["near"]) in capsys.readouterr().err


def test_a_network_without_a_known_block_is_named_with_what_looks_like_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trace", "chelsea", "--model", "timm/resnet18"]) == 2
    assert i18n.text("error.no_gate.network", "en", network="timm/resnet18") in capsys.readouterr().err


def test_the_list_counts_them_and_has_them_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    assert f"{len(catalogue.library())} more" in capsys.readouterr().out
    assert main(["list", "--all"]) == 0
    said = capsys.readouterr().out.split("\n\n")[0].splitlines()[1:]
    assert [line.split()[0] for line in said] == [row.key for row in (*catalogue.MODELS, *catalogue.library().values())]


def test_trace_says_how_it_differs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trace", "chelsea", "--model", "timm/lcnet_035", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert not answer["trained"] and answer["model"] == "lcnet_035"
    assert "inner width" in answer["differs"] and "h-sigmoid" in answer["differs"]


# --- weights of one's own -------------------------------------------------------------------------------------------


def test_weights_of_ones_own_are_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(weight_files.LOCAL, str(tmp_path))
    assert not weight_files.trained("lcnet_035")
    state = timm.create_model("lcnet_035").state_dict()
    save_file(state, tmp_path / "lcnet_035.safetensors")
    assert weight_files.trained("lcnet_035") and weight_files.available("timm/lcnet_035") == "cached"
    found = load.load("timm/lcnet_035").state_dict()
    assert all(torch.equal(found[name], value) for name, value in state.items())


@pytest.mark.parametrize("row", ["timm/lcnet_035", "torchvision/mobilenet_v3_small", "timm/legacy_seresnet18"])
def test_a_file_that_does_not_fit_names_what_does_not(
    row: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(weight_files.LOCAL, str(tmp_path))
    spec = catalogue.spec(row)
    library, _, name = row.partition("/")
    made = timm.create_model(name) if library == "timm" else torchvision.models.get_model(name)
    state = dict(made.state_dict())
    last = [each for each in state if each.endswith(".weight")][-1]
    first = next(iter(state))
    state[last], state["mine.weight"] = torch.zeros(10, 3), torch.zeros(1)
    del state[first]
    save_file(state, tmp_path / f"{spec.key}.safetensors")
    with pytest.raises(WeightsInvalid) as caught:
        load.load(spec.key)
    said = caught.value.details
    assert first in str(said["missing"]) and "mine.weight" in str(said["unknown"]) and last in str(said["shapes"])
    for lang in i18n.LANGUAGES:
        assert i18n.text(f"error.{caught.value.code}", lang, **said)
