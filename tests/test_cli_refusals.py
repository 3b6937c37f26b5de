"""What a person gives wrong is answered by a sentence and exit code 2; a reader who goes away ends it quietly."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest
from safetensors import safe_open

from senet_viz.architecture import prices
from senet_viz.cli import main
from senet_viz.cli.ask import sweep
from senet_viz.experiments import attribution, gate_profile
from senet_viz.models import safetensors_io
from senet_viz.networks import registry
from tests import folders
from tests.test_cli import Said, refused

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return folders.data(tmp_path_factory.mktemp("data"))


def unparsed(capsys: Said, *arguments: str | Path) -> str:
    """What argparse says of an argument that it refuses."""
    with pytest.raises(SystemExit) as end:
        main([str(a) for a in arguments])
    assert end.value.code == 2
    return capsys.readouterr().err.splitlines()[-1]


# --- numbers --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "scales",
    ["0.5:2:1000000000", "0.5:2:65", "0.5:2:0", "0.5:2:-3", "nan:2:3", "0.5:nan:3", "inf:2:3", "0:2:3", "1e308:1e308:3",
     "0.05:2:3", "0.5:11:3", "0.5:2:2.5", "0.5:2:" + "9" * 5000, "nan", "1,inf", ",".join(["1"] * 65), "1:2", ""],
    ids=lambda text: text[:20],
)  # fmt: skip
def test_scales_are_refused_before_a_list_is_made(scales: str, tmp_path: Path, capsys: Said) -> None:
    tracemalloc.start()
    try:
        said = unparsed(capsys, "sweep", "chelsea", "--out", tmp_path / "out", f"--scales={scales}")
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert "--scales" in said and ("0.1 to 10" in said or "neither A:B:N nor a list" in said)
    assert most < 2**24 and len(said) < 400


def test_scales_may_fall() -> None:
    assert sweep._scales("2:0.5:3") == (2.0, 1.0, 0.5) and sweep._scales("0.1:10:64")[-1] == 10.0


@pytest.mark.parametrize(
    ("verb", "option", "value"),
    [("attribute chelsea", "--steps", "100000000000"), ("attribute chelsea", "--steps", "0"),
     ("train --data D --block se --out O", "--seed", "9" * 30), ("train --data D --block se --out O", "--seed", "-1"),
     ("train --data D --block se --out O", "--classes", "-1"), ("profile --data D", "--size", "1000000"),
     ("profile --data D", "--side", "1000000"), ("profile --data D", "--side", "1")],
)  # fmt: skip
def test_numbers_have_limits_that_are_said(verb: str, option: str, value: str, capsys: Said) -> None:
    said = unparsed(capsys, *verb.split(), f"{option}={value}")
    assert f"argument {option}: must be " in said


def test_cost_counts_within_limits(capsys: Said) -> None:
    """The help says them; they are those within which every network is counted exactly."""
    with pytest.raises(SystemExit):
        main(["cost", "--help"])
    assert "32 to 65536" in " ".join(capsys.readouterr().out.split())
    for side in ("1", "31", "65537", "1000000", "9" * 40):
        for network in ("tiny_se", "legacy_senet154", "se_resnet50"):
            assert "32 to 65536" in refused(capsys, "cost", network, "--size", side)
    assert "75 to 65536" in refused(capsys, "cost", "se_inception_v3", "--size", "74")


QUICK = ("tiny_plain", "se_bn_inception")


@pytest.mark.parametrize(
    "network", [*QUICK, *(pytest.param(n, marks=pytest.mark.slow) for n in prices.names() if n not in QUICK)]
)
def test_every_network_can_be_counted_at_both_limits(network: str) -> None:
    for side in prices.sides(network):
        found = prices.price(registry.Choice(network), side)
        assert 0 < max(*vars(found.cost.total).values(), found.cost.macs, found.kept) < 2**53


@pytest.mark.slow
def test_the_dearest_options_stay_exact() -> None:
    row = registry.network("senet154")
    choice = registry.Choice(row.name).but(squeeze="none", reduction=min(registry.REDUCTIONS))
    assert prices.price(choice, registry.MOST_SIDE).cost.macs < 2**53


# --- a network without gates -----------------------------------------------------------------------------------------


def test_a_network_without_gates_is_refused_where_gates_are_asked_for(data: Path, tmp_path: Path, capsys: Said) -> None:
    bare = ("--model", "tiny_plain")
    for line in (
        ("sweep", "chelsea", "--out", tmp_path / "out", *bare),
        *(("attribute", "chelsea", "--method", method, *bare) for method in attribution.ON_GATES),
        ("profile", data / "val", "--quiet", *bare),
        ("worth", data / "val", "--quiet", *bare),
        ("worth", "--data", data, "--quiet", *bare),
    ):
        assert "tiny_plain has no attention block for channels" in refused(capsys, *line)
    assert not (tmp_path / "out").exists()
    for rest in (["trace", "chelsea"], ["attribute", "chelsea", "--method", "grad_cam"]):
        assert main([*rest, *bare]) == 0  # what needs no gate works


def test_a_channel_that_a_block_has_not_is_said_with_those_it_has(tmp_path: Path, capsys: Said) -> None:
    for channel in ("999", "256", "-1"):
        line = ["sweep", "chelsea", "--out", str(tmp_path / "out"), "--scales", "1,2", "--channel", channel]
        assert main(line) == 2
        said = capsys.readouterr().err.splitlines()[-1]
        assert said == f"layer3.1.se does not have channel {channel}. It offers: channels 0 to 255."


def test_folders_that_a_network_does_not_know_are_counted_and_the_first_named(tmp_path: Path, capsys: Said) -> None:
    many = [f"stranger {letter}" for letter in "abcdefg"]
    root = folders.write(tmp_path / "set", ("blue", "red"), 2)
    for file, names in ((root / "blue", ["goldfish", *many]), (root / "red", ["espresso"])):
        for name in names:
            shutil.copytree(file, root / name)
        shutil.rmtree(file)
    assert main(["worth", str(root), "--model", "tiny_se", "--quiet"]) == 0
    out, err = capsys.readouterr()
    assert "4 pictures" in out
    assert err == (
        "7 of 9 folders are not called like a class of tiny_se, so their photos are left out: "
        "stranger a, stranger b, stranger c, stranger d, stranger e, ...\n"
    )
    for name in many:
        shutil.rmtree(root / name)
    assert main(["worth", str(root), "--model", "tiny_se", "--quiet"]) == 0
    assert not capsys.readouterr().err


# --- where things are written ---------------------------------------------------------------------------------------


@pytest.fixture
def places(tmp_path: Path) -> dict[str, Path]:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("a file")
    return {
        "FOLDER": tmp_path / "folder",
        "FILE": tmp_path / "file",
        "BELOW": tmp_path / "file" / "below",
        "NEW": tmp_path / "new" / "deep",
    }


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("sweep chelsea --scales 1,2 --out FILE", "Not a directory"),
        ("sweep chelsea --scales 1,2 --out BELOW", "Not a directory"),
        ("profile VAL --quiet --out FOLDER", "Is a directory"),
        ("profile VAL --quiet --out BELOW", "Not a directory"),
        ("profile VAL --quiet --figure BELOW.png", "Not a directory"),
        ("worth VAL --quiet --out FOLDER", "Is a directory"),
        ("card --out FOLDER", "Is a directory"),
        ("card --out BELOW", "Not a directory"),
        ("train --data DATA --quiet --epochs 1 --block se --out FOLDER", "Is a directory"),
        ("train --data DATA --quiet --epochs 1 --block se --out BELOW.safetensors", "Not a directory"),
        ("train --data DATA --quiet --epochs 1 --all --out FILE", "Not a directory"),
    ],
)
def test_what_cannot_be_written_is_said_before_the_work(
    line: str, why: str, places: dict[str, Path], data: Path, capsys: Said
) -> None:
    before = sorted(places["FOLDER"].parent.rglob("*"))
    for name, path in {**places, "VAL": data / "val", "DATA": data}.items():
        line = line.replace(name, str(path))
    said = refused(capsys, *line.split())
    assert said.startswith(str(places["FOLDER"].parent)) and said.endswith(f" cannot be used: {why}.\n")
    assert sorted(places["FOLDER"].parent.rglob("*")) == before


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
@pytest.mark.parametrize("line", ["profile VAL --quiet --out PIPE", "card --out PIPE", "sweep chelsea --out PIPE"])
def test_what_is_no_ordinary_file_is_never_replaced(line: str, data: Path, tmp_path: Path, capsys: Said) -> None:
    """As ``/dev/null`` would be for root."""
    os.mkfifo(pipe := tmp_path / "pipe")
    said = refused(capsys, *line.replace("VAL", str(data / "val")).replace("PIPE", str(pipe)).split())
    assert said == f"{pipe} cannot be used: Not an ordinary file.\n" and pipe.is_fifo()


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="a folder that root cannot write to either")
def test_a_folder_that_cannot_be_made_is_a_sentence(data: Path, capsys: Said) -> None:
    for line in (
        ["sweep", "chelsea", "--scales", "1,2", "--out", "/proc/none"],
        ["profile", str(data / "val"), "--quiet", "--out", "/proc/none"],
        ["profile", str(data / "val"), "--quiet", "--out", "/proc/none/deep.safetensors"],
        ["profile", str(data / "val"), "--quiet", "--figure", "/proc/none/deep.png"],
        ["card", "--out", "/proc/none/README.md"],
        ["train", "--data", str(data), "--quiet", "--epochs", "1", "--block", "se", "--out", "/proc/none.safetensors"],
    ):
        assert main(line) == 2
        assert "/proc/none" in (said := capsys.readouterr().err.splitlines()[-1]) and "cannot be used" in said


def test_figures_and_cards_make_their_folders(places: dict[str, Path], data: Path, capsys: Said) -> None:
    new = places["NEW"]
    assert main(["profile", str(data / "val"), "--quiet", "--figure", str(new / "a.svg")]) == 0
    assert main(["card", "--out", str(new / "more" / "card.md")]) == 0
    assert (new / "a.svg").is_file() and (new / "more" / "card.md").is_file()


def test_a_photo_in_the_place_of_a_data_set_is_a_sentence(data: Path, tmp_path: Path, capsys: Said) -> None:
    photo = next((data / "val" / "red").iterdir())
    for line in (
        ("train", "--block", "se", "--quiet", "--out", tmp_path / "a.safetensors"),
        ("profile", "--quiet", "--out", tmp_path / "p.safetensors"),
        ("worth", "--quiet"),
        ("card", "--out", tmp_path / "card.md"),
    ):
        assert "is not there" in refused(capsys, *line, "--data", photo)
    assert "no such folder" in refused(capsys, "worth", photo)


def test_records_are_the_same_bytes_as_the_library_writes(tmp_path: Path) -> None:
    """What goes through memory, so that a full disk is the system's own error, is what ``save_file`` would write."""
    from safetensors.numpy import save_file

    with safe_open(gate_profile.FILE, framework="np") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  not a dictionary
    safetensors_io.write(tmp_path / "a", "form", "key", {"a": 1}, tensors)
    save_file(tensors, tmp_path / "b", metadata={"format": "form", "key": '{"a": 1}'})
    with safe_open(tmp_path / "a", framework="np") as a, safe_open(tmp_path / "b", framework="np") as b:
        assert a.metadata() == b.metadata() and set(a.keys()) == set(b.keys()) == set(tensors)
        assert all((a.get_tensor(name) == tensors[name]).all() for name in tensors)


# --- readers who go away ----------------------------------------------------------------------------------------------


def piped(line: str, read: int, both: bool = False) -> tuple[int, str]:
    """Exit code and stderr of a command whose reader takes ``read`` bytes and goes; 0: it was never there."""
    reader, writer = os.pipe()
    if not read:
        os.close(reader)
    with subprocess.Popen(
        [sys.executable, "-m", "senet_viz", *line.split()],
        stdout=writer,
        stderr=writer if both else subprocess.PIPE,
        cwd=ROOT,
        text=True,
    ) as child:
        os.close(writer)
        if read:
            assert os.read(reader, read)
            os.close(reader)
        _, err = child.communicate(timeout=120)
    return child.returncode, err or ""


@pytest.mark.parametrize("line", ["list", "cost se_resnet152 --json", "sweep --help"])
def test_a_pipe_that_is_closed_early_is_no_error(line: str) -> None:
    code, err = piped(line, 0)
    assert not err and code in ((0, 141) if "--help" in line else (141,))  # argparse itself forgives a broken pipe


def test_a_large_output_may_be_read_in_part() -> None:
    """More than a pipe holds: the command still writes when its reader goes."""
    assert piped("trace chelsea --model mobilenet_v3_large --random --json", 100) == (141, "")


def test_messages_may_go_the_same_way(tmp_path: Path) -> None:
    assert piped(f"sweep chelsea --scales 1,2 --out {tmp_path}", 0, both=True)[0] == 141
    assert piped("trace nobody.png", 0, both=True)[0] == 141


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no disk that is always full")
def test_a_full_disk_is_a_sentence() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "senet_viz", "list"],
            stdout=full, stderr=subprocess.PIPE, cwd=ROOT, text=True, check=False,
        )  # fmt: skip
    assert (done.returncode, done.stderr) == (2, "The output cannot be used: No space left on device.\n")


def test_a_terminal_that_knows_only_ascii_shows_everything(tmp_path: Path) -> None:
    line = [sys.executable, "-m", "senet_viz", "sweep", "chelsea", "--scales", "1,2", "--out", str(tmp_path / "图")]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(line, capture_output=True, text=True, cwd=ROOT, env=environment, check=False)
    assert (done.returncode, done.stdout.count(r"\u56fe")) == (0, 4)


def test_whoever_is_asked_for_nothing_writes_nothing() -> None:
    """Without a standard output, as some schedulers start things."""
    line = f"{sys.executable} -m senet_viz list >&-"
    done = subprocess.run(line, shell=True, stderr=subprocess.PIPE, cwd=ROOT, text=True, check=False)
    assert done.returncode in (0, 2) and "Traceback" not in done.stderr
