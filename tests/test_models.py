"""Every row says what its library says; weights arrive whole, or one named error says why they did not."""

from __future__ import annotations

import hashlib
import http.server
import json
import pickle
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from senet_viz.errors import DeviceUnavailable, UnknownModel, WeightsInvalid, WeightsUnavailable
from senet_viz.models import catalogue, devices, download, load, weight_files
from senet_viz.models.catalogue import MODELS, ModelSpec
from senet_viz.networks.tiny import TinyNet
from senet_viz.photos import preprocess, samples
from senet_viz.service.local import LocalEngine
from senet_viz.service.questions import TraceQuestion

TIMM = [row for row in MODELS if row.source == "timm"]
VISION = [row for row in MODELS if row.source == "torchvision"]
WAIT = 60  # seconds after which a test that hangs fails
GATES = ("SEBlock", "SKConv", "SEModule", "SqueezeExcitation", "SelectiveKernel")


def by_key(row: ModelSpec) -> str:
    return row.key


@pytest.fixture
def empty_caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nothing cached, whatever this machine has; ours has no files either."""
    from huggingface_hub import constants

    monkeypatch.delenv(weight_files.LOCAL, raising=False)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(weight_files, "SHIPPED", tmp_path / "shipped")
    return tmp_path


@pytest.fixture
def no_network(empty_caches: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every connection really goes to a port where nobody listens."""
    monkeypatch.setattr("urllib.request._opener", None)  # it remembers the proxies of its first use
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
        monkeypatch.setenv(name.upper(), "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    monkeypatch.setenv("NO_PROXY", "")
    return empty_caches


# --- rows ---------------------------------------------------------------------------------------------------------


def test_keys_are_unique_and_the_default_is_ours() -> None:
    assert len({row.key for row in MODELS}) == len(MODELS)
    assert catalogue.spec(catalogue.DEFAULT) is MODELS[0]
    assert MODELS[0].source == "ours"
    assert all(catalogue.spec(row.key) is row and row.note and row.title and row.paper for row in MODELS)


def test_an_unknown_key_is_named() -> None:
    with pytest.raises(UnknownModel, match="resnet_of_tomorrow"):
        catalogue.spec("resnet_of_tomorrow")
    with pytest.raises(UnknownModel):
        load.load("resnet_of_tomorrow")
    with pytest.raises(UnknownModel):
        weight_files.available("resnet_of_tomorrow")


@pytest.mark.parametrize("row", TIMM, ids=by_key)
def test_timm_rows_say_what_timm_says(row: ModelSpec) -> None:
    import timm

    config = timm.get_pretrained_cfg(row.arch, allow_unregistered=False)
    assert config is not None
    assert config.tag == row.arch.split(".")[1]
    assert row.weights == (f"hf:{config.hf_hub_id}" if config.hf_hub_id else config.url)
    assert (row.mean, row.std) == (config.mean, config.std)
    assert (3, row.size, row.size) == config.input_size
    assert (row.crop_pct, row.interpolation) == (config.crop_pct, config.interpolation)
    assert config.crop_mode == "center"


@pytest.mark.parametrize("row", VISION, ids=by_key)
def test_torchvision_rows_say_what_torchvision_says(row: ModelSpec) -> None:
    from torchvision.models import get_model_weights

    weights = next(w for w in get_model_weights(row.arch) if w.url == row.weights)
    transform = weights.transforms()
    assert (list(row.mean), list(row.std)) == (transform.mean, transform.std)
    assert [row.size] == transform.crop_size
    assert [round(row.size / row.crop_pct)] == transform.resize_size
    assert row.interpolation == transform.interpolation.value
    assert row.top1 == weights.meta["_metrics"]["ImageNet-1K"]["acc@1"]
    assert row.weights_mib == pytest.approx(weights.meta["_file_size"], abs=0.1)


def kind_of_gate(gate: nn.Module) -> str:
    """What squashes the logits, by the type of the module that does it."""
    inner = gate.attn if hasattr(gate, "attn") else gate
    names = [type(m).__name__.lower() for m in inner.children()]
    if any("hardsigmoid" in n or "hsigmoid" in n for n in names):
        return "h_sigmoid"
    return "sigmoid" if any("sigmoid" in n for n in names) else "softmax"


def check_position(row: ModelSpec, model: nn.Module) -> None:
    """Watch the order in which a unit's gate and convolutions run, on one small picture."""
    order: list[str] = []
    gates = [n for n, m in model.named_modules() if type(m).__name__ in GATES]
    watched = [n for n, m in model.named_modules() if n in gates or isinstance(m, nn.Conv2d)]
    handles = [model.get_submodule(n).register_forward_hook(lambda *_, n=n: order.append(n)) for n in watched]
    with torch.inference_mode():
        logits = model(torch.zeros(1, 3, 64 if row.size < 299 else 75, 64 if row.size < 299 else 75))
    for handle in handles:
        handle.remove()
    assert logits.shape == (1, catalogue.UNTRAINED_CLASSES if row.source == "ours" else 1000)
    for gate in gates:
        unit = gate.rpartition(".")[0]
        after = [n for n in order[order.index(gate) + 1 :] if n.startswith(unit + ".")]
        after = [n for n in after if "downsample" not in n and "shortcut" not in n]
        assert bool(after) == (row.position in ("inner", "conv")), gate


@pytest.mark.parametrize("row", MODELS, ids=by_key)
def test_the_network_is_what_its_row_says(row: ModelSpec, empty_caches: Path) -> None:
    model = load.load(row.key, weights="random")
    assert not any(m.training for m in model.modules())
    assert not any(p.requires_grad for p in model.parameters())
    gates = [m for m in model.modules() if type(m).__name__ in GATES]
    assert len(gates) == row.blocks
    assert {kind_of_gate(g) for g in gates} == ({row.gate_fn} if gates else set())
    assert {type(g).__name__ in ("SKConv", "SelectiveKernel") for g in gates} == (
        {row.position == "conv"} if gates else set()
    )
    check_position(row, model)
    half = 2 if row.source == "ours" else 1  # ours are stored in 16 bits
    size = sum(v.numel() * v.element_size() for v in model.state_dict().values()) / half / 2**20
    assert row.weights_mib == pytest.approx(size, rel=0.02, abs=0.06)
    norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
    assert norms
    assert all(bool((m.weight != 0).any()) for m in norms)  # else a gate before it would change nothing


@pytest.mark.parametrize("key", ["tiny_sk", "mobilenet_v3_small", "skresnet18", "se_bn_inception"])
def test_random_weights_are_the_same_every_time_and_disturb_nobody(key: str) -> None:
    torch.manual_seed(1)
    before = torch.random.get_rng_state()
    first = load.load(key, weights="random").state_dict()
    assert torch.equal(before, torch.random.get_rng_state())
    torch.manual_seed(2)
    second = load.load(key, weights="random").state_dict()
    assert list(first) == list(second)
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_random_weights_are_the_same_from_many_threads() -> None:
    wanted = load.load("tiny_se", weights="random").fc.weight
    seen: list[bool] = []

    def build() -> None:
        seen.append(torch.equal(load.load("tiny_se", weights="random").fc.weight, wanted))

    threads = [threading.Thread(target=build) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [True] * 6


def test_another_word_for_weights_raises() -> None:
    with pytest.raises(ValueError, match="pretrained"):
        load.load("tiny_se", weights="trained")  # type: ignore[arg-type]


# --- devices ------------------------------------------------------------------------------------------------------


def test_devices() -> None:
    here = devices.devices()
    assert here[0] == "cpu"
    assert set(here) <= {"cpu", "cuda", "mps"}
    assert ("cuda" in here) == torch.cuda.is_available()
    assert devices.resolve("auto") == (here[-1])
    for name in here:
        assert devices.resolve(name) == name
        assert next(load.load("tiny_se", name, "random").parameters()).device.type == name


@pytest.mark.parametrize("name", ["tpu", "cuda:99", "cpu:1", "cuda:", "", "mps:x"])
def test_a_device_that_is_not_here_is_named(name: str) -> None:
    with pytest.raises(DeviceUnavailable) as caught:
        devices.resolve(name)
    assert caught.value.details["device"] == name
    assert "cpu" in str(caught.value.details["devices"])


# --- without a network --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["mobilenet_v3_small", "legacy_seresnet18", "skresnet18", "seresnet50"])
def test_no_network_is_one_named_error(key: str, no_network: Path) -> None:
    assert weight_files.available(key) == "download"
    with pytest.raises(WeightsUnavailable) as caught:
        load.load(key)
    assert caught.value.details == {"model": catalogue.spec(key).title, "mib": catalogue.spec(key).weights_mib}
    assert weight_files.available(key) == "download"


@pytest.mark.parametrize("row", [row for row in MODELS if row.source == "built"], ids=by_key)
def test_weights_that_nobody_has_are_one_named_error(row: ModelSpec, empty_caches: Path, socket_disabled: None) -> None:
    with pytest.raises(WeightsUnavailable) as caught:
        load.load(row.key)
    assert caught.value.code == "weights.nobody"
    assert caught.value.details["model"] == row.title


def test_a_network_that_was_built_takes_weights_of_ones_own(
    empty_caches: Path, monkeypatch: pytest.MonkeyPatch, socket_disabled: None
) -> None:
    state = other_weights("se_bn_inception")
    save_file(state, empty_caches / "se_bn_inception.safetensors")
    assert same(load.load("se_bn_inception", file=empty_caches / "se_bn_inception.safetensors"), state)
    monkeypatch.setenv(weight_files.LOCAL, str(empty_caches))
    assert weight_files.available("se_bn_inception") == "cached" and weight_files.trained("se_bn_inception")
    assert same(load.load("se_bn_inception"), state)


def test_what_is_built_is_inserts_row() -> None:
    from senet_viz.networks import registry

    for row in MODELS:
        if row.source == "built":
            made = registry.network(row.arch)
            assert (made.name, made.title, made.gates, made.position, made.size) == (
                row.key, row.title, row.blocks, row.position, row.size,
            )  # fmt: skip


@pytest.mark.parametrize("key", ["mobilenet_v3_small", "skresnet18"])
def test_blocked_sockets_are_the_same_error(key: str, empty_caches: Path, socket_disabled: None) -> None:
    with pytest.raises(WeightsUnavailable):
        load.load(key)


def test_asking_and_the_untrained_need_no_socket(empty_caches: Path, socket_disabled: None) -> None:
    for row in MODELS:
        nowhere = row.source in ("ours", "built")
        assert weight_files.available(row.key) == ("missing" if nowhere else "download")
        assert weight_files.trained(row.key) == (not nowhere)
        assert not weight_files.trained(row.key, "random")
    assert isinstance(load.load("tiny_se"), TinyNet)


def test_importing_imports_nothing_heavy() -> None:
    heavy = "{'torch', 'torchvision', 'timm', 'huggingface_hub', 'safetensors', 'skimage', 'sklearn', 'streamlit'}"
    mine = ", ".join(f"senet_viz.{name}" for name in ("models.catalogue", "photos.reading", "models.class_names"))
    code = f"import sys, {mine}; print({heavy} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], check=False, capture_output=True, text=True, cwd=Path(__file__).parents[1]
    )
    assert done.stdout.strip() == "set()", done.stderr


# --- weights of one's own -----------------------------------------------------------------------------------------


def other_weights(key: str) -> dict[str, Tensor]:
    """Those of the untrained network, each a little moved, so that they can be told from it."""
    state = load.load(key, weights="random").state_dict()
    return {n: v + 0.01 if v.is_floating_point() else v + 1 for n, v in state.items()}


def same(model: nn.Module, state: dict[str, Tensor]) -> bool:
    mine = model.state_dict()
    return mine.keys() == state.keys() and all(torch.equal(mine[n], state[n]) for n in state)


@pytest.mark.parametrize("key", ["mobilenet_v3_small", "skresnet18", "legacy_seresnet18"])
@pytest.mark.parametrize("end", [".safetensors", ".pth"])
def test_a_local_file(key: str, end: str, tmp_path: Path, socket_disabled: None) -> None:
    state, file = other_weights(key), tmp_path / f"mine{end}"
    if end == ".pth":
        torch.save(state, file)
    else:
        save_file(state, file)
    assert same(load.load(key, file=file), state)


def test_a_local_folder(empty_caches: Path, monkeypatch: pytest.MonkeyPatch, socket_disabled: None) -> None:
    state = other_weights("mobilenet_v3_small")
    torch.save(state, empty_caches / "mobilenet_v3_small.pth")
    monkeypatch.setenv(weight_files.LOCAL, str(empty_caches))
    assert weight_files.available("mobilenet_v3_small") == "cached"
    assert weight_files.available("mobilenet_v3_large") == "download"
    assert same(load.load("mobilenet_v3_small"), state)


@pytest.mark.parametrize("key", ["efficientnet_b0", "legacy_seresnet18"])
def test_the_librarys_cache_needs_no_network(key: str, no_network: Path) -> None:
    state = other_weights(key)
    folder = no_network / "torch" / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    torch.save(state, folder / catalogue.spec(key).weights.rpartition("/")[2])
    assert weight_files.available(key) == "cached"
    assert same(load.load(key), state)


def test_torchs_cache_is_where_torch_says(empty_caches: Path) -> None:
    assert str(weight_files._checkpoints()) == f"{torch.hub.get_dir()}/checkpoints"


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(WeightsUnavailable, match="nowhere"):
        load.load("mobilenet_v3_small", file=tmp_path / "nowhere.pth")


class Bomb:
    """Unpickling this makes a file."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return Path.touch, (self.target,)


@pytest.mark.parametrize("key", ["mobilenet_v3_small", "skresnet18"])
def test_nothing_is_unpickled(key: str, tmp_path: Path) -> None:
    sign, file = tmp_path / "sign", tmp_path / "bomb.pth"
    torch.save({"fc.weight": Bomb(sign)}, file)
    for data in (file.read_bytes(), pickle.dumps(Bomb(sign))):
        file.write_bytes(data)
        with pytest.raises(WeightsInvalid):
            load.load(key, file=file)
        assert not sign.exists()


def invalid(key: str, file: Path) -> str:
    with pytest.raises(WeightsInvalid) as caught:
        load.load(key, file=file)
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 400
    assert caught.value.details["file"] == file.name
    assert caught.value.details["problem"]
    return message


@pytest.mark.parametrize("key", ["mobilenet_v3_small", "skresnet18"])
def test_damaged_and_foreign_files_are_refused(key: str, tmp_path: Path) -> None:
    file = tmp_path / "w.safetensors"
    state = other_weights(key)
    file.write_bytes(b"")
    invalid(key, file)
    save_file(state, file)
    file.write_bytes(file.read_bytes()[:100_000])
    invalid(key, file)
    name = next(n for n, v in state.items() if v.ndim == 4)
    save_file({**state, name: state[name][:-1]}, file)
    assert name in invalid(key, file) or "size" in invalid(key, file)
    save_file({n: v for n, v in state.items() if n != name}, file)
    invalid(key, file)
    save_file({**state, name: torch.full_like(state[name], torch.nan)}, file)
    assert "finite" in invalid(key, file)
    save_file(other_weights("tiny_se"), file)
    invalid(key, file)


# --- ours ---------------------------------------------------------------------------------------------------------

WNIDS = ("n02123045", "n07920052", "n02509815")
META = {
    "format": weight_files.FORMAT,
    "recipe": json.dumps({"block": "se", "epochs": 3}),
    "classes": json.dumps(WNIDS),
    "top1": json.dumps({"64": 51.5, "96": 53.25}),
    "train_pictures": "600",
    "val_pictures": "60",
    "train_seconds": "12",
    "device": "cpu",
}


def half(block: str = "se", classes: int = 3) -> dict[str, Tensor]:
    torch.manual_seed(5)
    state = TinyNet(block, classes).state_dict()
    return {n: v.half() if v.is_floating_point() else v for n, v in state.items()}


@pytest.fixture
def tiny_file(empty_caches: Path) -> Path:
    file = empty_caches / "shipped" / "tiny_se.safetensors"
    file.parent.mkdir()
    save_file(half(), file, metadata=META)
    return file


def test_ours_load_as_float32_with_their_classes(tiny_file: Path, socket_disabled: None) -> None:
    assert weight_files.available("tiny_se") == "shipped"
    assert weight_files.trained("tiny_se")
    model = load.load("tiny_se")
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    assert same(model, {n: v.float() if v.is_floating_point() else v for n, v in half().items()})
    about = weight_files.shipped("tiny_se")
    assert about is not None
    assert about.classes == WNIDS
    assert about.top1 == {64: 51.5, 96: 53.25}
    assert about.recipe["epochs"] == 3
    assert load.load("tiny_se", weights="random").fc.out_features == 3  # the control has the same outputs
    assert not same(load.load("tiny_se", weights="random"), model.state_dict())


def test_ours_without_a_file_are_untrained(empty_caches: Path) -> None:
    assert weight_files.shipped("tiny_se") is None
    assert weight_files.shipped("mobilenet_v3_small") is None
    assert same(load.load("tiny_se"), load.load("tiny_se", weights="random").state_dict())


def test_a_new_file_of_ours_is_seen_at_once(tiny_file: Path) -> None:
    assert weight_files.shipped("tiny_se").classes == WNIDS  # type: ignore[union-attr]
    time.sleep(0.01)
    save_file(half(classes=2), tiny_file, metadata={**META, "classes": json.dumps(WNIDS[:2])})
    assert weight_files.shipped("tiny_se").classes == WNIDS[:2]  # type: ignore[union-attr]


BROKEN: dict[str, Callable[[Path], object]] = {
    "empty": lambda f: f.write_bytes(b""),
    "cut": lambda f: f.write_bytes(f.read_bytes()[:-1000]),
    "junk": lambda f: f.write_bytes(b"junk" * 1000),
    "a header of 2**60 bytes": lambda f: f.write_bytes((2**60).to_bytes(8, "little") + b"{}"),
    "no metadata": lambda f: save_file(half(), f),
    "another format": lambda f: save_file(half(), f, metadata={**META, "format": "tiny 9"}),
    "classes that are no list": lambda f: save_file(half(), f, metadata={**META, "classes": "{"}),
    "more classes than outputs": lambda f: save_file(half(), f, metadata={**META, "classes": json.dumps(WNIDS * 2)}),
    "another block": lambda f: save_file(half("sk"), f, metadata={**META, "recipe": json.dumps({"block": "sk"})}),
    "another block that lies": lambda f: save_file(half("sk"), f, metadata=META),
    "another shape": lambda f: save_file({**half(), "fc.weight": torch.zeros(3, 7)}, f, metadata=META),
    "not finite": lambda f: save_file({**half(), "fc.bias": torch.full((3,), torch.inf)}, f, metadata=META),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_of_ours_is_refused(name: str, tiny_file: Path) -> None:
    BROKEN[name](tiny_file)
    invalid("tiny_se", tiny_file)
    with pytest.raises(WeightsInvalid):
        load.load("tiny_se")


def test_the_shipped_files_load_and_say_what_they_are() -> None:
    rows = [row for row in MODELS if row.source == "ours" and weight_files.available(row.key) == "shipped"]
    if not rows:
        pytest.skip("no trained weights in assets/weights yet")
    for row in rows:
        about = weight_files.shipped(row.key)
        assert about is not None
        assert about.recipe["block"] == row.arch
        assert about.top1[row.size] > 100 * 5 / len(about.classes)  # five times better than chance
        assert load.load(row.key).fc.out_features == len(about.classes)


# --- fetching, from a real server on this machine -----------------------------------------------------------------


class Files(http.server.BaseHTTPRequestHandler):
    """Serves ``server.files``: path to (status, body, promised length); with the headers of the model hub."""

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, body: bool) -> None:
        self.server.asked.append((self.command, self.path))  # type: ignore[attr-defined]
        status, data, length = self.server.files.get(self.path, (404, b"", 0))  # type: ignore[attr-defined]
        self.send_response(status)
        self.send_header("Content-Length", str(length))
        self.send_header("ETag", f'"{hashlib.sha256(data).hexdigest()}"')
        self.send_header("X-Repo-Commit", "0123456789" * 4)
        if status == 404:
            self.send_header("X-Error-Code", "EntryNotFound")
        self.end_headers()
        if body:
            self.wfile.write(data)
            if length > len(data) and self.path.startswith("/stall"):
                self.wfile.flush()
                self.server.released.wait(20)  # type: ignore[attr-defined]
            if self.path in self.server.dripping:  # type: ignore[attr-defined]
                self._drip()

    def _drip(self) -> None:
        """One byte after the other, until nobody listens any more or the test is over."""
        server: Any = self.server
        for _ in range(3000):
            try:
                self.wfile.write(b".")
            except OSError:
                server.hung_up.set()
                break
            if server.released.wait(0.01):
                break

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(
    empty_caches: Path, monkeypatch: pytest.MonkeyPatch, socket_enabled: None
) -> Iterator[http.server.HTTPServer]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    instance = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Files)
    instance.daemon_threads = True
    instance.files, instance.asked, instance.released = {}, [], threading.Event()  # type: ignore[attr-defined]
    instance.dripping, instance.hung_up = set(), threading.Event()  # type: ignore[attr-defined]
    thread = threading.Thread(target=instance.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield instance
    instance.released.set()  # type: ignore[attr-defined]
    instance.shutdown()
    instance.server_close()
    thread.join()


def serve(server: http.server.HTTPServer, path: str, data: bytes, length: int | None = None, status: int = 200) -> str:
    server.files[path] = (status, data, len(data) if length is None else length)  # type: ignore[attr-defined]
    return f"http://127.0.0.1:{server.server_port}{path}"


def drip(server: http.server.HTTPServer, path: str, length: int) -> str:
    """A file of so many bytes, the first at once and the others drop by drop."""
    server.dripping.add(path)  # type: ignore[attr-defined]
    return serve(server, path, b".", length)


def fetched(url: str) -> tuple[Path, list[tuple[int, int | None]]]:
    told: list[tuple[int, int | None]] = []
    row = replace(catalogue.spec("mobilenet_v3_small"), weights=url)
    return load._fetch(row, lambda done, total: told.append((done, total))), told


def test_a_download_is_whole_reported_and_cached(server: http.server.HTTPServer) -> None:
    data = bytes(range(256)) * 4000
    name = f"/net-{hashlib.sha256(data).hexdigest()[:8]}.pth"
    url = serve(server, name, data)
    path, told = fetched(url)
    assert path.read_bytes() == data
    assert told[-1] == (len(data), len(data))
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    asked = len(server.asked)  # type: ignore[attr-defined]
    assert fetched(url) == (path, [])
    assert len(server.asked) == asked  # type: ignore[attr-defined]


def test_two_who_want_the_same_file_fetch_it_once(server: http.server.HTTPServer) -> None:
    url = serve(server, "/net.pth", b"weights" * 100_000)
    paths: list[Path] = []
    threads = [threading.Thread(target=lambda: paths.append(fetched(url)[0])) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(paths) == 4
    assert [command for command, _ in server.asked].count("GET") == 1  # type: ignore[attr-defined]


@pytest.mark.parametrize("case", ["404", "500", "short", "other file", "stall"])
def test_a_download_that_fails_leaves_nothing(
    case: str, server: http.server.HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "READ_S", 0.5)
    url = {
        "404": lambda: serve(server, "/gone.pth", b"", status=404),
        "500": lambda: serve(server, "/ill.pth", b"", status=500),
        "short": lambda: serve(server, "/short.pth", b"abc" * 1000, length=9000),
        "other file": lambda: serve(server, "/net-01234567.pth", b"a page of the hotel's network"),
        "stall": lambda: serve(server, "/stall.pth", b"abc" * 1000, length=9000),
    }[case]()
    with pytest.raises(WeightsUnavailable):
        fetched(url)
    assert not [p for p in weight_files._checkpoints().glob("*") if p.is_file()]


@pytest.mark.parametrize(("limit", "said"), [("PIECE_S", "came within"), ("WHOLE_S", "not here after")])
def test_a_server_that_drips_is_given_up(
    limit: str, said: str, server: http.server.HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It never keeps the connection waiting, so no time-out of a connection ends it."""
    monkeypatch.setattr(download, limit, 0.5)
    url = drip(server, "/net.pth", 10_000_000)
    with pytest.raises(WeightsUnavailable, match=said) as caught:
        fetched(url)
    assert isinstance(caught.value.__cause__, TimeoutError)
    assert server.hung_up.wait(WAIT), "nobody listens any more"  # type: ignore[attr-defined]
    while download._under_way._jobs or list(weight_files._checkpoints().glob("*")):
        time.sleep(0.01)  # the thread that fetched takes its half of a file away


def test_who_still_waits_gets_what_another_gave_up(server: http.server.HTTPServer) -> None:
    """Whose page was closed raises in ``progress``: the download goes on for the others, and ends with the last."""

    class Gone(Exception):
        pass

    def leave(done: int, total: int | None) -> None:
        if done:
            raise Gone

    row = replace(catalogue.spec("mobilenet_v3_small"), weights=drip(server, "/net.pth", 9000))
    began, enough = threading.Event(), threading.Event()

    def stays(done: int, total: int | None) -> None:
        if done:
            began.set()
        if enough.is_set():
            raise Gone

    def stay() -> None:
        with pytest.raises(WeightsUnavailable):
            load._fetch(row, stays)

    staying = threading.Thread(target=stay)
    staying.start()
    assert began.wait(WAIT)
    with pytest.raises(WeightsUnavailable):
        load._fetch(row, leave)
    assert not server.hung_up.is_set()  # type: ignore[attr-defined]
    assert [command for command, _ in server.asked].count("GET") == 1  # type: ignore[attr-defined]
    enough.set()
    staying.join(WAIT)
    assert server.hung_up.wait(WAIT)  # type: ignore[attr-defined]


def use_as_hub(server: http.server.HTTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """What ``HF_ENDPOINT`` does when it is set before the start."""
    from huggingface_hub import constants

    endpoint = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr(constants, "ENDPOINT", endpoint)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", endpoint + "/{repo_id}/resolve/{revision}/{filename}")


def test_from_the_hub_to_the_model(
    server: http.server.HTTPServer, empty_caches: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_as_hub(server, monkeypatch)
    state = other_weights("skresnet18")
    save_file(state, empty_caches / "model.safetensors")
    data = (empty_caches / "model.safetensors").read_bytes()
    serve(server, "/timm/skresnet18.ra_in1k/resolve/main/model.safetensors", data)
    told: list[tuple[int, int | None]] = []
    assert weight_files.available("skresnet18") == "download"
    assert same(load.load("skresnet18", progress=lambda done, total: told.append((done, total))), state)
    assert told[-1] == (len(data), len(data))
    assert weight_files.available("skresnet18") == "cached"
    asked = len(server.asked)  # type: ignore[attr-defined]
    assert same(load.load("skresnet18"), state)
    assert len(server.asked) == asked  # type: ignore[attr-defined]


def test_what_the_hub_does_not_have_is_the_same_error(
    server: http.server.HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_as_hub(server, monkeypatch)
    with pytest.raises(WeightsUnavailable):
        load.load("skresnext50_32x4d")


def test_a_hub_that_drips_is_given_up(server: http.server.HTTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
    use_as_hub(server, monkeypatch)
    monkeypatch.setattr(download, "PIECE_S", 0.5)
    drip(server, "/timm/skresnet18.ra_in1k/resolve/main/model.safetensors", 10_000_000)
    with pytest.raises(WeightsUnavailable) as caught:
        load.load("skresnet18")
    assert isinstance(caught.value.__cause__, TimeoutError)


# --- what others notice of a download -------------------------------------------------------------------------------


def test_downloads_let_photos_pass(server: http.server.HTTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = ("mobilenet_v3_small", "legacy_seresnet18")
    for key in slow:
        monkeypatch.setitem(
            catalogue._BY_KEY, key, replace(catalogue.spec(key), weights=drip(server, f"/{key}.pth", 10_000_000))
        )
    monkeypatch.setattr(download, "WHOLE_S", WAIT / 4)
    engine = LocalEngine(workers=2)
    picture = preprocess.preprocess(samples.sample("chelsea"), catalogue.spec("tiny_se"))
    with ThreadPoolExecutor(2) as pool:
        coming = [pool.submit(engine.model, key) for key in slow]
        while [command for command, _ in server.asked].count("GET") < 2:  # type: ignore[attr-defined]
            time.sleep(0.001)
        assert engine.ask(TraceQuestion("tiny_se", picture, weights="random")).blocks
        assert not any(each.done() for each in coming)
        server.released.set()  # type: ignore[attr-defined]
        for each in coming:
            with pytest.raises(WeightsUnavailable):
                each.result(WAIT)


def test_weights_go_on_coming_when_a_page_is_left(
    server: http.server.HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A click during the download begins another rerun, which hears how far the same transfer is."""

    class Left(Exception):
        pass

    def leave(done: int, total: int) -> None:
        if done:
            raise Left

    key = "mobilenet_v3_small"
    row = replace(catalogue.spec(key), weights=drip(server, "/net.pth", 10_000_000))
    monkeypatch.setitem(catalogue._BY_KEY, key, row)
    engine = LocalEngine(workers=1)
    for _ in range(2):
        with pytest.raises(Left):
            engine.model(key, progress=leave)
        assert not server.hung_up.is_set()  # type: ignore[attr-defined]
    assert [command for command, _ in server.asked].count("GET") == 1  # type: ignore[attr-defined]
    server.released.set()  # type: ignore[attr-defined]
    with pytest.raises(WeightsUnavailable):
        engine.model(key)


def test_a_failure_just_seen_is_everybodys(server: http.server.HTTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
    key = "mobilenet_v3_small"
    url = serve(server, "/gone.pth", b"", status=404)
    monkeypatch.setitem(catalogue._BY_KEY, key, replace(catalogue.spec(key), weights=url))
    engine = LocalEngine(workers=1)

    def attempts() -> int:
        for _ in range(30):
            with pytest.raises(WeightsUnavailable, match="cannot fetch") as caught:
                engine.model(key)
            assert caught.value.code == "weights" and caught.value.details["model"] == catalogue.spec(key).title
        return [command for command, _ in server.asked].count("GET")  # type: ignore[attr-defined]

    assert attempts() == 1
    engine.retry(key)
    assert attempts() == 2, "somebody wants to know anew"
    assert engine.model(key, weights="random")
    monkeypatch.setattr("senet_viz.service.local.FAILED_S", 0.0)
    assert attempts() == 2 + 30, "a minute later"


def test_weights_that_came_meanwhile_are_taken(server: http.server.HTTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody puts the file there by hand: nobody has to wait for the minute to end."""
    key = "mobilenet_v3_small"
    monkeypatch.setitem(
        catalogue._BY_KEY, key, replace(catalogue.spec(key), weights=serve(server, "/gone.pth", b"", status=404))
    )
    engine = LocalEngine(workers=1)
    with pytest.raises(WeightsUnavailable):
        engine.model(key)
    state = other_weights(key)
    torch.save(state, weight_files._checkpoints() / "gone.pth")
    assert same(engine.model(key), state)
