"""Sets of photos: good files and zips come in, bad ones are named, and no zip gets further than it should."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from senet_viz import i18n, images, photos
from senet_viz.errors import PhotosRejected
from tests import pictures

GOOD = pictures.encode(pictures.quadrants(), "PNG")
OTHER = pictures.encode(pictures.noise(), "JPEG")


def packed(entries: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def reasons(found: photos.Photos) -> dict[str, str]:
    return {name: error.reason for name, error in found.skipped}  # type: ignore[attr-defined]


def test_files_and_a_zip_are_one_set() -> None:
    told: list[tuple[int, int]] = []
    found = photos.read([("a.png", GOOD), ("b.zip", packed({"holiday/c.jpg": OTHER}))], lambda *n: told.append(n))
    assert [p.name for p in found.photos] == ["a.png", "c.jpg"]
    assert np.array_equal(np.asarray(found.photos[0].image), np.asarray(images.read(GOOD)))
    assert told == [(1, 2), (2, 2)] and found.skipped == () and found.beyond == 0


def test_the_key_tells_the_contents_and_nothing_else() -> None:
    one = photos.read([("a.png", GOOD), ("b.jpg", OTHER)])
    same = photos.read([("other.zip", packed({"x.jpg": OTHER, "y.png": GOOD}))])
    assert one.key == same.key != photos.read([("a.png", GOOD)]).key
    assert len(photos.read([("a.png", GOOD), ("again.png", GOOD)]).photos) == 1, "the same photo counts once"


def test_large_photos_are_kept_smaller() -> None:
    big = pictures.encode(pictures.quadrants(3000, 1500), "PNG")
    (photo,) = photos.read([("big.png", big)]).photos
    assert photo.image.size == (photos.MAX_SIDE, photos.MAX_SIDE // 2)
    assert photos.read([("big.png", big)]).mib == pytest.approx(3 * 1024 * 512 / 2**20)


def test_a_bad_photo_is_skipped_and_named() -> None:
    found = photos.read([("bad.png", pictures.truncated("PNG")), ("good.png", GOOD), ("text.png", b"hello" * 99)])
    assert [p.name for p in found.photos] == ["good.png"]
    assert reasons(found) == {"bad.png": "truncated", "text.png": "not_a_picture"}


@pytest.mark.parametrize("files", [[("a.txt", b"text" * 9)], [("empty.zip", packed({}))], [("e.png", b"")]])
def test_a_set_without_a_photo_is_one_sentence(files: list[tuple[str, bytes]]) -> None:
    with pytest.raises(PhotosRejected) as caught:
        photos.read(files)
    assert caught.value.reason == "none" and caught.value.code == "photos.none"


def test_every_reason_has_a_sentence() -> None:
    for lang in i18n.LANGUAGES:
        for reason in photos.REASONS:
            assert i18n.has(f"error.photos.{reason}", lang)


@pytest.mark.parametrize(
    "path", ["../up.png", "a/../../up.png", "/root.png", "C:\\up.png", "..\\up.png", "one/two/deep.png"]
)
def test_a_path_that_leads_elsewhere_is_refused(path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = photos.read([("set.zip", packed({path: GOOD, "good.jpg": OTHER}))])
    assert [p.name for p in found.photos] == ["good.jpg"] and set(reasons(found).values()) == {"path"}
    assert list(tmp_path.iterdir()) == [], "nothing is written"


def test_what_systems_add_to_a_zip_is_passed_over() -> None:
    found = photos.read(
        [("mac.zip", packed({"__MACOSX/._a.png": b"x", ".DS_Store": b"x", "a/": b"", "a/a.png": GOOD}))]
    )
    assert [p.name for p in found.photos] == ["a.png"] and found.skipped == ()


def test_a_zip_in_a_zip_is_no_photo() -> None:
    inner = packed({"a.png": GOOD})
    found = photos.read([("set.zip", packed({"inner.zip": inner, "b.jpg": OTHER}))])
    assert reasons(found) == {"inner.zip": "not_a_picture"}


def test_a_bomb_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    huge = packed(
        {"bomb.bmp": b"\0" * (images.MAX_BYTES - 1), "larger.bmp": b"\0" * (images.MAX_BYTES + 1), "a.png": GOOD}
    )
    opened: list[str] = []
    true = zipfile.ZipFile.open
    monkeypatch.setattr(
        zipfile.ZipFile, "open", lambda self, info, *a, **k: opened.append(info.filename) or true(self, info, *a, **k)
    )
    found = photos.read([("set.zip", huge)])
    assert reasons(found) == {"bomb.bmp": "bomb", "larger.bmp": "too_large"} and opened == ["a.png"]
    assert len(huge) < 20_000


def test_a_lying_size_is_read_no_further_than_it_says() -> None:
    """The directory promises 100 bytes of an entry that unpacks to 12 MiB."""
    liar = bytearray(packed({"liar.bmp": bytes(range(256)) * 48 * 1024, "a.png": GOOD}))
    size = struct.pack("<I", 12 * 2**20)
    assert liar.count(size) == 2
    found = photos.read([("set.zip", bytes(liar).replace(size, struct.pack("<I", 100)))])
    assert [p.name for p in found.photos] == ["a.png"] and reasons(found)["liar.bmp"] == "truncated"


def test_a_locked_entry_is_named() -> None:
    data = bytearray(packed({"a.png": GOOD, "b.jpg": OTHER}))
    for start, at in ((b"PK\3\4", 6), (b"PK\1\2", 8)):  # the flag in both headers of the first entry
        data[data.index(start) + at] |= 1
    assert reasons(photos.read([("set.zip", bytes(data))])) == {"a.png": "locked"}


def test_a_damaged_entry_is_named_and_the_others_stay() -> None:
    data = bytearray(packed({"a.png": GOOD, "b.jpg": OTHER}, zipfile.ZIP_STORED))
    data[data.index(GOOD) + len(GOOD) // 2] ^= 255  # its checksum does not fit any more
    found = photos.read([("set.zip", bytes(data))])
    assert [p.name for p in found.photos] == ["b.jpg"] and reasons(found) == {"a.png": "truncated"}


def test_a_damaged_zip_is_refused() -> None:
    whole = packed({"a.png": GOOD})
    for data in (whole[: len(whole) // 2], b"PK\3\4" + b"\0" * 99, b"PK\5\6"):
        with pytest.raises(PhotosRejected) as caught:
            photos.read([("set.zip", data), ("good.png", GOOD)])
        assert caught.value.reason == "zip"


def test_a_long_list_of_contents_is_refused_before_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    many = packed({f"{i:0200d}.png": b"" for i in range(4200)}, zipfile.ZIP_STORED)
    small = packed({"a.png": GOOD})
    monkeypatch.setattr(zipfile, "ZipFile", None)
    with pytest.raises(PhotosRejected) as caught:
        photos.read([("set.zip", many)])
    assert caught.value.reason == "large"
    monkeypatch.setattr(photos, "MAX_ZIP", 100)
    with pytest.raises(PhotosRejected, match="large"):
        photos.read([("set.zip", small)])


def test_more_photos_than_the_most_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(photos, "MOST", 3)
    many = [(f"{i}.png", pictures.encode(pictures.quadrants(40 + i, 40), "PNG")) for i in range(5)]
    found = photos.read(many)
    assert len(found.photos) == 3 and found.beyond == 2
    monkeypatch.setattr(photos, "MAX_UNPACKED", len(many[0][1]))
    found = photos.read(many)
    assert len(found.photos) == 1 and found.beyond == 4
