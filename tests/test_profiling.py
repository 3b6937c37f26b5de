"""Photos in class folders: which outputs folders name, and the profile of a folder against one photo at a time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from senet_viz import i18n
from senet_viz.errors import ImageRejected, PhotosRejected
from senet_viz.experiments import profiling
from senet_viz.models import catalogue, class_names, weight_files
from senet_viz.photos import reading, sets
from senet_viz.tap import hooks
from tests import folders, truth

WNIDS = ("n01440764", "n01443537", "n15075141")  # the first two of ImageNet and its last


def test_folders_that_are_called_like_a_class() -> None:
    tiny, small = catalogue.spec("tiny_se"), catalogue.spec("mobilenet_v3_small")
    assert class_names.outputs(tiny, ("Goldfish", "n01443537", "\u91d1\u9c7c", "king_penguin", "my cat")) == (
        0,
        0,
        0,
        10,
        None,
    )
    assert class_names.outputs(small, (*WNIDS, "goldfish", "GREAT WHITE_shark")) == (0, 1, 999, 1, 2)
    assert class_names.outputs(small, ("Cardigan", "cardigan", "CARDIGAN")) == (264, 474, None), "a dog, and a jacket"
    for spec in (tiny, small):
        for lang in i18n.LANGUAGES:
            names = class_names.names(spec, lang)
            shared = {i for i, name in enumerate(names) if names.count(name) > 1}
            for i, found in enumerate(class_names.outputs(spec, names)):
                assert found == (None if i in shared else i)


def test_wordnet_numbers_are_those_of_the_small_networks_too() -> None:
    """timm's list for ImageNet and the small networks' own agree wherever the class has one name in both."""
    ours, theirs = catalogue.spec("tiny_se"), catalogue.spec("mobilenet_v3_small")
    about = weight_files.shipped("tiny_se")
    assert about is not None
    names, other = class_names.names(ours), class_names.names(theirs)
    same = [
        names[k] == other[index]
        for k, index in enumerate(class_names.outputs(theirs, about.classes))
        if index is not None and names[k] in other
    ]
    assert len(same) > 30 and all(same)


@pytest.mark.parametrize(("key", "most"), [("tiny_se", 16), ("legacy_seresnet50", 2), ("mobilenet_v3_small", 16)])
def test_a_batch_is_a_moments_work(key: str, most: int) -> None:
    assert profiling.batch_size(catalogue.spec(key)) == most


def named(directory: Path, names: tuple[str, ...], each: int) -> Path:
    """Folders of those names, each of one colour."""
    colours = tuple(folders.COLOURS)[: len(names)]
    folders.write(directory, colours, each)
    for colour, name in zip(colours, names, strict=True):
        (directory / colour).rename(directory / name)
    return directory


def test_a_folder_is_its_photos_one_by_one(tmp_path: Path) -> None:
    root = named(tmp_path / "set", ("goldfish", "mine", "single"), each=5)
    for extra in list((root / "single").iterdir())[1:]:
        extra.unlink()
    (root / "mine" / "bad.png").write_bytes(b"no picture at all")
    told: list[tuple[str, str]] = []
    steps: list[tuple[int, int]] = []

    def skipped(file: Path, error: ImageRejected) -> None:
        told.append((file.name, error.reason))

    spec, module = catalogue.spec("tiny_sk"), truth.model("tiny_sk", "pretrained")
    found = profiling.measured(module, spec, sets.folder(root), skipped, lambda *n: steps.append(n), zoom=1.5)
    assert told == [("bad.png", "not_a_picture")] and steps[-1] == (12, 12)
    assert found.classes == ("goldfish", "mine") and found.counts.tolist() == [5, 5] and found.zooms == (1.5,)
    for k, name in enumerate(found.classes):
        seen = [reading.read(file) for file in sorted((root / name).glob("?.png"))]
        traces = [hooks.run(module, profiling.stacked([image], spec, 1.5)) for image in seen]
        for block in found.blocks:
            gates = np.stack([t.block(block.name).gate.numpy().reshape(-1) for t in traces])
            assert np.abs(block.mean[0, k] - gates.mean(0)).max() <= 1e-5
            assert np.abs(block.std[0, k] - gates.std(0)).max() <= 1e-5
        assert found.predicted is not None
        own = [0 if int(t.logits.argmax()) == 0 else -1 for t in traces]  # output 0 is the goldfish
        assert sorted(found.predicted[0][found.truth == k].tolist()) == sorted(own)


def test_one_class_is_refused_after_reading_too(tmp_path: Path) -> None:
    root = named(tmp_path / "set", ("a", "b"), each=2)
    (root / "b" / "0.png").write_bytes(b"no picture at all")
    with pytest.raises(PhotosRejected) as caught:
        profiling.measured(truth.model("tiny_se", "pretrained"), catalogue.spec("tiny_se"), sets.folder(root))
    assert caught.value.reason == "classes" and caught.value.details["n"] == 1
