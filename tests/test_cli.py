"""The command line prints what the package computes; what goes wrong is one sentence and exit code 2."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from senet_viz import i18n
from senet_viz.cli import main
from senet_viz.experiments import attribution, gate_ablation, gate_profile
from senet_viz.findings import class_selectivity, open_or_important
from senet_viz.findings.model_card import read_all, read_weights
from senet_viz.models import catalogue, class_names, weight_files
from senet_viz.networks import registry
from senet_viz.networks.tiny import BLOCKS
from senet_viz.photos import preprocess, reading, samples
from senet_viz.tap import edits, hooks
from senet_viz.types import Edit
from tests import folders, truth

ROOT = Path(__file__).resolve().parents[1]
Said = pytest.CaptureFixture[str]


def command(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """In a process of its own."""
    line = [sys.executable, "-m", "senet_viz", *map(str, arguments)]
    return subprocess.run(line, capture_output=True, text=True, cwd=ROOT, check=False)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    pixels = np.random.default_rng(0).integers(0, 256, (90, 120, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return folders.data(tmp_path_factory.mktemp("data"))


def refused(capsys: Said, *arguments: str | Path) -> str:
    """The one sentence on stderr."""
    assert main([str(a) for a in arguments]) == 2
    out, err = capsys.readouterr()
    assert not out and err.count("\n") == 1 and "Traceback" not in err
    return err


# --- list and trace -----------------------------------------------------------------------------------------------


def test_list_names_every_model() -> None:
    done = command("list")
    assert (done.returncode, done.stderr) == (0, "")
    models, networks = (table.splitlines() for table in done.stdout.split("\n\n"))
    lines = models
    assert [line.split()[0] for line in lines[1:]] == [row.key for row in catalogue.MODELS]
    assert [line.split()[0] for line in networks[1:]] == [row.name for row in registry.NETWORKS]
    assert "67.7 % of 1000 classes" in next(line for line in lines if line.startswith("mobilenet_v3_small "))


@pytest.mark.parametrize(("model", "block"), [("tiny_se", "layer3.0.se"), ("tiny_sk", "layer4.2.conv2")])
def test_trace_prints_the_models_own_numbers(photo: Path, capsys: Said, model: str, block: str) -> None:
    assert main(["trace", str(photo), "--model", model, "--block", block, "--random", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    module = truth.model(model)
    trace = hooks.run(module, preprocess.preprocess(reading.read(photo), catalogue.spec(model)).x)
    expected = trace.block(block)
    assert (answer["model"], answer["trained"], answer["block"]) == (model, False, block)
    for key in ("z", "pre", "hidden", "logit", "gate"):
        assert torch.equal(torch.tensor(answer[key]), getattr(expected, key))
    assert answer["top"][0] == int(expected.gate[-1].argmax())
    assert answer["top5"][0]["probability"] == pytest.approx(float(trace.logits.softmax(0).max()))
    assert [c["probability"] for c in answer["top5"]] == sorted(
        (c["probability"] for c in answer["top5"]), reverse=True
    )


def test_trace_says_it_in_words_too(photo: Path) -> None:
    done = command("trace", photo, "--model", "tiny_sk", "--block", "layer2.1.conv2", "--random")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("tiny_sk (UNTRAINED")
    trace = hooks.run(truth.model("tiny_sk"), preprocess.preprocess(reading.read(photo), catalogue.spec("tiny_sk")).x)
    block = trace.block("layer2.1.conv2")
    assert "layer2.1.conv2  sk, 2 branches of 64 channels" in done.stdout
    for name in ("z", "pre", "hidden", "logit[0]", "logit[1]", "gate[0]", "gate[1]"):
        assert f"\n  {name} " in done.stdout
    assert block.z is not None and f"mean {float(block.z.mean()):.4f}" in done.stdout
    assert f"channel {int(block.gate[1].argmax())} (" in done.stdout


def test_trace_without_a_block_lists_them_all(capsys: Said) -> None:
    assert main(["trace", "chelsea", "--random"]) == 0
    out = capsys.readouterr().out
    names = [line.split()[0] for line in out.splitlines() if line.startswith("layer")]
    assert names == [f"layer{s}.{u}.se" for s, n in ((1, 2), (2, 2), (3, 3), (4, 3)) for u in range(n)]


def test_what_goes_wrong_with_trace_is_one_sentence(photo: Path, capsys: Said, tmp_path: Path) -> None:
    assert "layer1.0.se" in refused(capsys, "trace", photo, "--random", "--block", "layer9.9.se")
    assert "nonsense" in refused(capsys, "trace", photo, "--model", "nonsense")
    assert "does not exist" in refused(capsys, "trace", tmp_path / "no.png")
    (tmp_path / "text.jpg").write_text("not a picture")
    done = command("trace", tmp_path / "text.jpg")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1 and "not a photo" in done.stderr


def test_an_unknown_option_is_refused(capsys: Said) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["trace"])
    assert caught.value.code == 2
    assert "photo" in capsys.readouterr().err


# --- train, profile, card -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trained(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All four by one command, two side by side; then profile and card of them."""
    out = tmp_path_factory.mktemp("four")
    done = command("train", "--data", data, "--all", "--out", out, "--epochs", "2", "--jobs", "2", "--quiet")
    assert done.returncode == 0, done.stderr
    for block in BLOCKS:
        assert f"{block}: epoch 2: loss" in done.stdout
        assert (
            f"{block}: top-1 {read_weights(out / f'tiny_{block}.safetensors').top1[64]:.2f} % at 64 px" in done.stdout
        )
    return out


def test_all_trains_the_four_with_one_recipe(trained: Path) -> None:
    weights = read_all(trained)
    assert {w.block for w in weights} == set(BLOCKS)
    assert len({json.dumps({**w.recipe, "block": ""}) for w in weights}) == 1
    assert {w.recipe["epochs"] for w in weights} == {2}


def test_side_by_side_is_the_same_as_alone(trained: Path, data: Path, tmp_path: Path, capsys: Said) -> None:
    out = tmp_path / "tiny_se.safetensors"
    (precision,) = (w.precision for w in read_all(trained) if w.block == "se")  # each measures, and may find another
    asked = [
        "train",
        "--data",
        str(data),
        "--block",
        "se",
        "--out",
        str(out),
        "--epochs",
        "2",
        "--precision",
        precision,
    ]
    assert main([*asked, "--quiet"]) == 0
    alone, beside = load_file(out), load_file(trained / "tiny_se.safetensors")
    assert all(torch.equal(alone[key], beside[key]) for key in alone)
    capsys.readouterr()
    assert main([*asked, "--resume"]) == 0
    assert capsys.readouterr().out.startswith("resumed after epoch 2\n")


def test_profile_and_card_follow(trained: Path, data: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(weight_files.LOCAL, str(trained))
    file, size = trained / "profile.safetensors", "64"
    for w in read_all(trained):
        size = str(max(w.top1, key=lambda s: (sum(x.top1[s] for x in read_all(trained)), -s)))
        shared = ["profile", "--data", str(data), "--size", size, "--out", str(file), "--quiet"]
        assert main([*shared, "--model", w.key]) == 0
    found = gate_profile.read(file)
    assert set(found) == {f"tiny_{b}" for b in BLOCKS}  # one command each, and none forgot the others
    assert len(found["tiny_sk"].truth) == 10 and found["tiny_sk"].selection is not None
    capsys.readouterr()
    assert main(["card", "--weights", str(trained), "--data", str(data)]) == 0
    assert "as it says" in capsys.readouterr().out
    assert "## Which kernel does SK choose?" in (trained / "README.md").read_text(encoding="utf-8")


def test_profile_of_a_folder(data: Path, capsys: Said, tmp_path: Path) -> None:
    """Photos of one's own: the table is that of the file that can be written, and nothing is written unasked."""
    before = gate_profile.FILE.read_bytes()
    out, figure = tmp_path / "mine.safetensors", tmp_path / "mine.csv"
    shared = ["profile", str(data / "val"), "--model", "tiny_sk", "--quiet"]
    assert main([*shared, "--out", str(out), "--figure", str(figure)]) == 0
    said = capsys.readouterr().out
    (found,) = gate_profile.read(out).values()
    assert (found.model, found.classes, len(found.truth)) == ("tiny_sk", ("blue", "red"), 10)
    rows = {
        line.split()[0]: line.split()[1:] for line in said.splitlines() if "conv2" in line and not line.startswith("/")
    }
    written = {row.split(",")[0]: row.split(",")[1:] for row in figure.read_text("utf-8-sig").splitlines()[1:]}
    for each in class_selectivity.roles(found):
        assert [float(v) for v in rows[each.name]] == pytest.approx(
            [each.eta2, each.between, each.within, each.high, each.low, each.pattern], abs=2e-3
        )
        assert float(written[each.name][0]) == pytest.approx(each.eta2, abs=2e-3)
    assert main([*shared, "--random"]) == 0
    assert "UNTRAINED" in capsys.readouterr().out and gate_profile.FILE.read_bytes() == before


def test_worth_of_a_folder(data: Path, capsys: Said, tmp_path: Path) -> None:
    """Folders called like classes, with the mean gates of these photos; the file says what the table says."""
    for colour, name in (("blue", "goldfish"), ("red", "n07920052"), ("blue", "nothing it knows")):
        folder = tmp_path / "set" / name
        folder.mkdir(parents=True)
        for file in (data / "val" / colour).iterdir():
            (folder / file.name).write_bytes(file.read_bytes())
    (tmp_path / "set" / "goldfish" / "bad.png").write_bytes(b"no picture at all")
    out = tmp_path / "worth.safetensors"
    assert main(["worth", str(tmp_path / "set"), "--model", "tiny_se", "--out", str(out), "--quiet"]) == 0
    said = capsys.readouterr()
    found = gate_ablation.read(out)["tiny_se"]
    assert found.hits.shape == (8, 10) and found.outputs == 50
    bad, left = said.err.splitlines()
    assert "bad.png" in bad and left.startswith("1 of 3 folders ") and left.endswith(" left out: nothing it knows")
    lines = {line.split()[0]: line for line in said.out.splitlines() if line.startswith("  ")}
    for condition in gate_ablation.CONDITIONS:
        assert f"{found.accuracy(condition).value:.1%}" in lines[condition]
    x = {}
    for name in ("goldfish", "n07920052"):
        for file in (tmp_path / "set" / name).glob("?.png"):
            x[file] = preprocess.preprocess(reading.read(file), catalogue.spec("tiny_se")).x
    module, about = truth.model("tiny_se", "pretrained"), weight_files.shipped("tiny_se")
    assert about is not None
    wnid = {"goldfish": "n01443537"}
    traces = {file: hooks.run(module, each) for file, each in x.items()}
    right = {file: about.classes.index(wnid.get(file.parent.name, file.parent.name)) for file in x}
    assert found.share("own").sum() == sum(int(t.logits.argmax()) == right[f] for f, t in traces.items())
    names = [b.name for b in next(iter(traces.values())).blocks]
    mean = {n: np.mean([t.block(n).gate.numpy() for t in traces.values()], axis=0) for n in names}
    constant = [Edit(n, "mean", gates=tuple(map(tuple, g.tolist()))) for n, g in mean.items()]
    hits = [int(hooks.run(module, each, constant).logits.argmax()) == right[f] for f, each in x.items()]
    assert found.share("mean").sum() == sum(hits)


def test_what_goes_wrong_with_worth_is_one_sentence(
    trained: Path, data: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "the name of a class" in refused(capsys, "worth", data / "val", "--model", "tiny_se", "--quiet")
    assert "lie in no folder" in refused(capsys, "worth", data / "val" / "red", "--model", "tiny_se")
    assert "no shipped profile" in refused(capsys, "worth", "--data", data, "--model", "mobilenet_v3_small")
    assert "has no class" in refused(capsys, "worth", "--data", data, "--model", "tiny_se", "--quiet")
    monkeypatch.setenv(weight_files.LOCAL, str(trained))
    assert "of other classes" in refused(capsys, "worth", "--data", data, "--model", "tiny_se", "--quiet")


def test_what_goes_wrong_with_a_folder_is_one_sentence(data: Path, capsys: Said, tmp_path: Path) -> None:
    assert "no such folder" in refused(capsys, "profile", tmp_path / "none")
    assert "lie in no folder" in refused(capsys, "profile", data / "val" / "blue")
    (tmp_path / "one" / "only").mkdir(parents=True)
    for file in (data / "val" / "blue").iterdir():
        (tmp_path / "one" / "only" / file.name).write_bytes(file.read_bytes())
    assert "two classes" in refused(capsys, "profile", tmp_path / "one", "--quiet")
    assert "size" in refused(capsys, "profile", data / "val", "--size", "64")
    for wrong in ([], [str(data), "--data", str(data)], [str(data), "--figure", "a.doc"]):
        with pytest.raises(SystemExit):
            main(["profile", *wrong])
        assert "error" in capsys.readouterr().err


def test_what_goes_wrong_with_training_is_one_sentence(data: Path, capsys: Said, tmp_path: Path) -> None:
    out = tmp_path / "tiny_se.safetensors"
    train = ["train", "--block", "se", "--quiet", "--epochs", "1"]
    assert "is not there" in refused(capsys, *train, "--data", tmp_path / "none", "--out", out)
    assert "folder" in refused(capsys, "train", "--all", "--data", data, "--out", out)
    assert "Is a directory" in refused(capsys, *train, "--data", data, "--out", tmp_path)
    assert "cude" in refused(capsys, *train, "--data", data, "--out", out, "--device", "cude")
    out.with_suffix(".ckpt").write_bytes(b"damaged")
    assert "tiny_se.ckpt is damaged" in refused(capsys, *train, "--data", data, "--out", out, "--resume")
    done = command("train", "--all", "--jobs", "2", "--data", tmp_path / "none", "--out", tmp_path / "four")
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert "ended badly: The folder" in done.stderr


# --- sweep ----------------------------------------------------------------------------------------------------------


def test_sweep_writes_figures_and_every_gate(tmp_path: Path, photo: Path, capsys: Said) -> None:
    out = tmp_path / "new" / "folder"
    assert main(["sweep", str(photo), "--model", "tiny_sk", "--scales", "0.5:2:3", "--out", str(out)]) == 0
    assert {file.name for file in out.iterdir()} == {"film.png", "moved.png", "rank.png", "gates.csv"}
    with Image.open(out / "film.png") as slide:
        assert slide.width * 9 == slide.height * 16
    head, *rows = (out / "gates.csv").read_text("utf-8-sig").splitlines()
    assert head == "scale,block,channel,branch,gate"
    trace = hooks.run(
        truth.model("tiny_sk", "pretrained"), preprocess.preprocess(reading.read(photo), catalogue.spec("tiny_sk")).x
    )
    assert len(rows) == 3 * sum(block.gate.numel() for block in trace.blocks)
    own = {tuple(row.split(",")[1:4]): float(row.split(",")[4]) for row in rows if row.startswith("1.0,")}
    for block in trace.blocks:
        for m, gates in enumerate(block.gate.tolist()):
            for c, gate in enumerate(gates):
                assert own[block.name, str(c), str(m)] == pytest.approx(gate, abs=1e-5)
    assert capsys.readouterr().out.splitlines()[-1].endswith("gates.csv")


@pytest.mark.parametrize("lang", i18n.LANGUAGES)
def test_slides_name_model_block_and_photo_with_its_credit(tmp_path: Path, photo: Path, lang: str) -> None:
    how = ["--model", "tiny_sk", "--block", "layer2.0.conv2", "--scales", "1,2", "--format", "svg", "--lang", lang]
    named, t = (catalogue.spec("tiny_sk").title, "layer2.0.conv2"), i18n.texts(lang)
    for given, last in (("china", "china"), (str(photo), "photo.png")):
        out = tmp_path / f"of-{last}"
        assert main(["sweep", given, "--out", str(out), *how]) == 0
        for name in ("film", "moved", "rank"):
            said = (out / f"{name}.svg").read_text("utf-8")
            assert f">{samples.source(t, *named, last)}<" in said
            assert ("danielbuechele, CC BY 2.0" in said) == (given == "china")
            assert "<a " not in said


@pytest.mark.parametrize("lang", i18n.LANGUAGES)
def test_slides_of_an_untrained_network_say_so(tmp_path: Path, photo: Path, lang: str, capsys: Said) -> None:
    how = ["--model", "tiny_se", "--scales", "1,2", "--format", "svg", "--lang", lang]
    for name, more in (("random", ["--random"]), ("trained", [])):
        assert main(["sweep", str(photo), "--out", str(tmp_path / name), *how, *more]) == 0
        assert ("UNTRAINED" in capsys.readouterr().err) == (name == "random")
        for slide in (tmp_path / name).glob("*.svg"):
            said = [i18n.text("model.untrained", each) in slide.read_text("utf-8") for each in (lang, "en")]
            assert any(said) == (name == "random"), slide  # English where no font can write Chinese


@pytest.mark.parametrize(
    "arguments", [("--scales", "0:2:9"), ("--scales", "a:b"), ("--scales", "nan"), ("--scales", "0.5:2:900"),
                  ("--blur", "-1"), ("--kind", "size"), ("--scales", "")],
    ids=" ".join,
)  # fmt: skip
def test_sweep_refuses_nonsense(tmp_path: Path, photo: Path, arguments: tuple[str, ...], capsys: Said) -> None:
    with pytest.raises(SystemExit) as end:
        main(["sweep", str(photo), "--out", str(tmp_path / "out"), *arguments])
    assert end.value.code == 2 and "Traceback" not in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_sweep_names_the_blocks_there_are(tmp_path: Path, photo: Path, capsys: Said) -> None:
    for wrong in (("--block", "layer9.9.se"), ("--channel", "4096")):
        assert main(["sweep", str(photo), "--out", str(tmp_path / "out"), "--scales", "1,2", *wrong]) == 2
        err = capsys.readouterr().err
        assert "Traceback" not in err and ("layer1.0.se" in err or "channels 0 to" in err)
    assert not (tmp_path / "out").exists()


# --- what if --------------------------------------------------------------------------------------------------------


def test_whatif_prints_before_and_after(photo: Path, capsys: Said) -> None:
    texts = ("layer3.1.se:mute:17,42", "layer4.0.se:scale:3=0.5")
    given = [part for text in texts for part in ("--edit", text)]
    assert main(["whatif", str(photo), "--model", "tiny_se", *given, "--random", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    module, x = truth.model("tiny_se"), preprocess.preprocess(reading.read(photo), catalogue.spec("tiny_se")).x
    before, after = hooks.run(module, x), hooks.run(module, x, tuple(map(edits.parse, texts)))
    assert answer["edits"] == list(texts) and answer["trained"] is False
    for key, trace in (("before", before), ("after", after)):
        best = trace.logits.softmax(0).topk(5).values.tolist()
        assert [row["probability"] for row in answer[key]] == pytest.approx(best)
    assert answer["blocks"][0]["name"] == "layer3.1.se"
    assert [row["name"] for row in answer["blocks"] if row["edited"]] == ["layer3.1.se", "layer4.0.se"]
    for row in answer["blocks"]:
        old, new = before.block(row["name"]).gate, after.block(row["name"]).gate
        assert row["mean_change"] == pytest.approx(float((new - old).abs().mean()))
        assert row["now"] == float(new[row["branch"], row["channel"]])
    assert main(["whatif", str(photo), *given, "--random"]) == 0
    said = capsys.readouterr().out
    assert "UNTRAINED" in said and all(text in said for text in texts) and "layer4.2.se  gates move" in said


@pytest.mark.parametrize(
    "text", ["layer3.1.se:explode", "layer3.1.se:mute:9999", "layer9.9.se:mute", "layer3.1.se:branch=4", "mute"]
)
def test_whatif_refuses_in_one_sentence(photo: Path, capsys: Said, text: str) -> None:
    assert refused(capsys, "whatif", photo, "--random", "--edit", text)


# --- attribute ------------------------------------------------------------------------------------------------------


def test_attribute_prints_what_a_score_rests_on(photo: Path, capsys: Said) -> None:
    given = [str(photo), "--model", "tiny_se", "--random", "--block", "layer3.1.se", "--target", "7"]
    assert main(["attribute", *given, "--method", "gate_integrated_gradients", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    module, x = truth.model("tiny_se"), preprocess.preprocess(reading.read(photo), catalogue.spec("tiny_se")).x
    own = attribution.run("gate_integrated_gradients", module, x, 7, "layer3.1.se")
    gate = hooks.run(module, x).block("layer3.1.se").gate
    assert answer["values"] == own.values.tolist() and answer["gate"] == gate.tolist()
    assert (answer["score"], answer["baseline"], answer["total"]) == (own.score, own.baseline, own.total)
    assert answer["target"]["index"] == 7 and answer["trained"] is False
    standing = open_or_important.standing(gate[0].numpy(), own.values[0])
    assert answer["rank_correlation"] == standing.rho and answer["matter_most"] == standing.matter.tolist()
    assert main(["attribute", *given]) == 0
    said = capsys.readouterr().out
    assert "UNTRAINED" in said and "promises none" in said and said.count("  channel ") == 10


def test_attribute_on_the_photo_takes_a_class_by_name(photo: Path, capsys: Said) -> None:
    name = class_names.names(catalogue.spec("tiny_se"))[3]
    assert main(["attribute", str(photo), "--method", "grad_cam", "--target", name.upper(), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["target"]["index"] == 3 and answer["block"] == "layer4" and answer["completeness"] is None
    assert np.shape(answer["values"]) == (80, 80)
    assert main(["attribute", str(photo), "--method", "integrated_gradients", "--steps", "1"]) == 0
    assert "sums over 7 x 7 parts" in capsys.readouterr().out


def test_attribute_says_that_equal_gates_have_no_order(tmp_path: Path, capsys: Said) -> None:
    """No hidden unit of this block answers to a green wall."""
    Image.new("RGB", (64, 64), (0, 128, 0)).save(tmp_path / "wall.png")
    assert main(["attribute", str(tmp_path / "wall.png"), "--random", "--block", "layer1.1.se"]) == 0
    said = capsys.readouterr().out
    assert "undefined" in said and "most open" not in said


@pytest.mark.parametrize("wrong", [("--target", "9999"), ("--target", "nobody"), ("--block", "layer9.9.se")])
def test_attribute_refuses_in_one_sentence(photo: Path, capsys: Said, wrong: tuple[str, str]) -> None:
    assert refused(capsys, "attribute", photo, "--random", *wrong)


# --- cost -----------------------------------------------------------------------------------------------------------


def test_cost_prints_every_number(capsys: Said) -> None:
    assert main(["cost", "se_resnet50", "--no-bias", "--stages", "1,2,3", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["gates_add"]["params"] == 24_576 + 131_072 + 786_432
    assert answer["params"] == 25_557_032 + answer["gates_add"]["params"]
    assert (answer["options"]["bias"], answer["options"]["stages"], answer["size"]) == (False, [1, 2, 3], 224)
    modules = answer["per_module"]
    assert sum(m["count"]["params"] for m in modules) == answer["params"]
    assert sum(m["count"]["macs"] for m in modules) == answer["macs"]
    assert len(answer["gates"]) == 13 and answer["gates"][0]["channels"] == 256
    assert answer["kept_bytes"] - answer["without_gates"]["kept_bytes"] == answer["gates_add"]["kept_bytes"] > 0


def test_cost_prints_a_table(capsys: Said) -> None:
    assert main(["cost", "legacy_seresnet50"]) == 0
    said = capsys.readouterr().out
    for number in ("28,088,024", "3,860,488,192", "2,530,992", "2,514,944", "1,579,392", "9.90%", "0.065%"):
        assert number in said
    assert main(["cost", "tiny_plain", "--size", "64"]) == 0
    assert "gates add" not in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [("nonsense",), ("se_resnet50", "--reduction", "7"), ("se_resnet50", "--gate", "step"),
     ("sknet50", "--squeeze", "max"), ("se_resnet50", "--stages", "5"),
     ("legacy_seresnet50", "--reduction", "8"), ("se_inception_v3", "--size", "32")],
    ids=" ".join,
)  # fmt: skip
def test_cost_refuses_in_one_sentence(arguments: tuple[str, ...], capsys: Said) -> None:
    assert refused(capsys, "cost", *arguments)
