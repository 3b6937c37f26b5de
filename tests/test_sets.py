"""Sets of photos: good files and zips come in, bad ones are named, and no zip gets further than it should."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from senet_viz import i18n
from senet_viz.errors import PhotosRejected
from senet_viz.photos import reading, sets
from tests import pictures

GOOD = pictures.encode(pictures.quadrants(), "PNG")
OTHER = pictures.encode(pictures.noise(), "JPEG")


def packed(entries: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def reasons(found: sets.Photos) -> dict[str, str]:
    return {name: error.reason for name, error in found.skipped}  # type: ignore[attr-defined]


def test_files_and_a_zip_are_one_set() -> None:
    told: list[tuple[int, int]] = []
    found = sets.read([("a.png", GOOD), ("b.zip", packed({"holiday/c.jpg": OTHER}))], lambda *n: told.append(n))
    assert [p.name for p in found.photos] == ["a.png", "c.jpg"]
    assert np.array_equal(np.asarray(found.photos[0].image), np.asarray(reading.read(GOOD)))
    assert told == [(1, 2), (2, 2)] and found.skipped == () and found.beyond == 0


def test_the_key_tells_the_contents_and_nothing_else() -> None:
    one = sets.read([("a.png", GOOD), ("b.jpg", OTHER)])
    same = sets.read([("other.zip", packed({"x.jpg": OTHER, "y.png": GOOD}))])
    assert one.key == same.key != sets.read([("a.png", GOOD)]).key
    assert len(sets.read([("a.png", GOOD), ("again.png", GOOD)]).photos) == 1, "the same photo counts once"


def test_repeated_entries_are_decoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bytes] = []
    true = reading.read
    monkeypatch.setattr(reading, "read", lambda data: asked.append(data) or true(data))
    bad = pictures.truncated("PNG")
    entries = {f"a/{i}.png": GOOD for i in range(9)} | {f"b/{i}.png": GOOD for i in range(9)}
    entries |= {f"a/bad{i}.png": bad for i in range(9)} | {f"{c}/other.jpg": OTHER for c in "ab"}
    found = sets.read_labelled([("set.zip", packed(entries))])
    assert sorted(asked) == sorted([GOOD, bad, OTHER])
    assert sorted(labelled(found)) == ["a/0.png", "a/other.jpg", "b/0.png", "b/other.jpg"]
    assert reasons(found) == {f"a/bad{i}.png": "truncated" for i in range(9)}


def test_thousands_of_folders_are_neither_photos_nor_work() -> None:
    folders = {f"folder {i}/": b"" for i in range(9000)}
    found = sets.read([("set.zip", packed(folders | {"a.png": GOOD}))])
    assert [p.name for p in found.photos] == ["a.png"] and found.skipped == () and found.beyond == 0


def test_turns_are_taken_by_many_groups_of_many() -> None:
    """The work grows with the items, not with groups times turns, which would be 40 thousand million here."""
    many = 200_000
    turns = sets.in_turn([*range(many), *[many] * many], str)
    assert sorted(turns[: many + 1]) == list(range(many + 1)) and turns[many + 1 :] == [many] * (many - 1)


def test_large_photos_are_kept_smaller() -> None:
    big = pictures.encode(pictures.quadrants(3000, 1500), "PNG")
    (photo,) = sets.read([("big.png", big)]).photos
    assert photo.image.size == (sets.MAX_SIDE, sets.MAX_SIDE // 2)
    assert sets.read([("big.png", big)]).mib == pytest.approx(3 * 1024 * 512 / 2**20)


def test_a_bad_photo_is_skipped_and_named() -> None:
    found = sets.read([("bad.png", pictures.truncated("PNG")), ("good.png", GOOD), ("text.png", b"hello" * 99)])
    assert [p.name for p in found.photos] == ["good.png"]
    assert reasons(found) == {"bad.png": "truncated", "text.png": "not_a_picture"}


@pytest.mark.parametrize("files", [[("a.txt", b"text" * 9)], [("empty.zip", packed({}))], [("e.png", b"")]])
def test_a_set_without_a_photo_is_one_sentence(files: list[tuple[str, bytes]]) -> None:
    with pytest.raises(PhotosRejected) as caught:
        sets.read(files)
    assert caught.value.reason == "none" and caught.value.code == "photos.none"


def test_every_reason_has_a_sentence() -> None:
    for lang in i18n.LANGUAGES:
        for reason in sets.REASONS:
            assert i18n.has(f"error.photos.{reason}", lang)


@pytest.mark.parametrize(
    "path", ["../up.png", "a/../../up.png", "/root.png", "C:\\up.png", "..\\up.png", "one/two/deep.png"]
)
def test_a_path_that_leads_elsewhere_is_refused(path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = sets.read([("set.zip", packed({path: GOOD, "good.jpg": OTHER}))])
    assert [p.name for p in found.photos] == ["good.jpg"] and set(reasons(found).values()) == {"path"}
    assert list(tmp_path.iterdir()) == [], "nothing is written"


def test_what_systems_add_to_a_zip_is_passed_over() -> None:
    found = sets.read([("mac.zip", packed({"__MACOSX/._a.png": b"x", ".DS_Store": b"x", "a/": b"", "a/a.png": GOOD}))])
    assert [p.name for p in found.photos] == ["a.png"] and found.skipped == ()


def test_a_zip_in_a_zip_is_no_photo() -> None:
    inner = packed({"a.png": GOOD})
    found = sets.read([("set.zip", packed({"inner.zip": inner, "b.jpg": OTHER}))])
    assert reasons(found) == {"inner.zip": "not_a_picture"}


def test_a_bomb_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    huge = packed(
        {"bomb.bmp": b"\0" * (reading.MAX_BYTES - 1), "larger.bmp": b"\0" * (reading.MAX_BYTES + 1), "a.png": GOOD}
    )
    opened: list[str] = []
    true = zipfile.ZipFile.open
    monkeypatch.setattr(
        zipfile.ZipFile, "open", lambda self, info, *a, **k: opened.append(info.filename) or true(self, info, *a, **k)
    )
    found = sets.read([("set.zip", huge)])
    assert reasons(found) == {"bomb.bmp": "bomb", "larger.bmp": "too_large"} and opened == ["a.png"]
    assert len(huge) < 20_000


def test_a_lying_size_is_read_no_further_than_it_says() -> None:
    """The directory promises 100 bytes of an entry that unpacks to 12 MiB."""
    liar = bytearray(packed({"liar.bmp": bytes(range(256)) * 48 * 1024, "a.png": GOOD}))
    size = struct.pack("<I", 12 * 2**20)
    assert liar.count(size) == 2
    found = sets.read([("set.zip", bytes(liar).replace(size, struct.pack("<I", 100)))])
    assert [p.name for p in found.photos] == ["a.png"] and reasons(found)["liar.bmp"] == "truncated"


def test_a_locked_entry_is_named() -> None:
    data = bytearray(packed({"a.png": GOOD, "b.jpg": OTHER}))
    for start, at in ((b"PK\3\4", 6), (b"PK\1\2", 8)):  # the flag in both headers of the first entry
        data[data.index(start) + at] |= 1
    assert reasons(sets.read([("set.zip", bytes(data))])) == {"a.png": "locked"}


def test_a_damaged_entry_is_named_and_the_others_stay() -> None:
    data = bytearray(packed({"a.png": GOOD, "b.jpg": OTHER}, zipfile.ZIP_STORED))
    data[data.index(GOOD) + len(GOOD) // 2] ^= 255  # its checksum does not fit any more
    found = sets.read([("set.zip", bytes(data))])
    assert [p.name for p in found.photos] == ["b.jpg"] and reasons(found) == {"a.png": "truncated"}


def test_a_damaged_zip_is_refused() -> None:
    whole = packed({"a.png": GOOD})
    for data in (whole[: len(whole) // 2], b"PK\3\4" + b"\0" * 99, b"PK\5\6"):
        with pytest.raises(PhotosRejected) as caught:
            sets.read([("set.zip", data), ("good.png", GOOD)])
        assert caught.value.reason == "zip"


def test_a_long_list_of_contents_is_refused_before_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    many = packed({f"{i:0200d}.png": b"" for i in range(4200)}, zipfile.ZIP_STORED)
    small = packed({"a.png": GOOD})
    monkeypatch.setattr(zipfile, "ZipFile", None)
    with pytest.raises(PhotosRejected) as caught:
        sets.read([("set.zip", many)])
    assert caught.value.reason == "large"
    monkeypatch.setattr(sets, "MAX_ZIP", 100)
    with pytest.raises(PhotosRejected, match="large"):
        sets.read([("set.zip", small)])


def test_more_photos_than_the_most_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sets, "MOST", 3)
    many = [(f"{i}.png", pictures.encode(pictures.quadrants(40 + i, 40), "PNG")) for i in range(5)]
    found = sets.read(many)
    assert len(found.photos) == 3 and found.beyond == 2
    monkeypatch.setattr(sets, "MAX_UNPACKED", len(many[0][1]))
    found = sets.read(many)
    assert len(found.photos) == 1 and found.beyond == 4


# --- photos in class folders ------------------------------------------------------------------------------------------


def piece(i: int) -> bytes:
    return pictures.encode(pictures.quadrants(40 + i, 40), "PNG")


def labelled(found: sets.Photos) -> list[str]:
    return [f"{p.folder}/{p.name}" for p in found.photos]


def test_the_innermost_folder_is_the_class() -> None:
    """In a zip, however deep, and in the names that a browser gives the files of a folder."""
    packs = packed({"set/val/dog/1.png": piece(0), "set/train/dog/2.png": piece(1), "set\\val\\cat\\3.png": piece(2)})
    found = sets.read_labelled([("any.zip", packs), ("pets/cat/4.png", piece(3))])
    assert found.classes == ("cat", "dog") and found.skipped == ()
    assert labelled(found) == ["cat/3.png", "dog/1.png", "cat/4.png", "dog/2.png"], "the classes take turns"


def test_the_same_photos_in_other_folders_are_another_set() -> None:
    one = {"a/1.png": piece(0), "a/2.png": piece(1), "b/3.png": piece(2), "b/4.png": piece(3)}
    two = {"a/1.png": piece(0), "a/3.png": piece(2), "b/2.png": piece(1), "b/4.png": piece(3)}
    keys = [sets.read_labelled([("x.zip", packed(e))]).key for e in (one, dict(reversed(one.items())), two)]
    assert keys[0] == keys[1] != keys[2]
    assert len(sets.read_labelled([("x.zip", packed(one | {"a/again.png": piece(0)}))]).photos) == 4


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        (("1.png", "2.png", "3.png"), "loose"),
        (("cat/1.png", "cat/2.png", "3.png"), "classes"),
        (("cat/1.png", "cat/2.png", "dog/3.png"), "classes"),
        (("cat/1.png", "dog/2.png"), "classes"),
    ],
)
def test_too_little_to_compare_is_one_sentence(entries: tuple[str, ...], reason: str) -> None:
    files = [(name, piece(i)) for i, name in enumerate(entries)]
    for given in (files, [("x.zip", packed(dict(files)))]):
        with pytest.raises(PhotosRejected) as caught:
            sets.read_labelled(given)
        assert caught.value.reason == reason
        for lang in i18n.LANGUAGES:
            assert i18n.text(f"error.{caught.value.code}", lang, **caught.value.details)


def test_what_cannot_be_compared_is_named_and_the_rest_stays() -> None:
    files = {f"{name}/{i}.png": piece(i + 10 * len(name)) for name in ("cat", "horse") for i in range(2)}
    more = {"loose.png": piece(7), "dog/alone.png": piece(8), "cat/bad.png": b"no picture at all"}
    found = sets.read_labelled([("x.zip", packed(files | more))])
    assert found.classes == ("cat", "horse") and len(found.photos) == 4
    assert reasons(found) == {"loose.png": "loose", "dog/alone.png": "single", "cat/bad.png": "not_a_picture"}


@pytest.mark.parametrize("path", ["../cat/1.png", "/cat/1.png", "C:/cat/1.png", "a/b/c/d/e/f/1.png", "cat/../1.png"])
def test_a_path_that_leads_elsewhere_is_no_class(path: str) -> None:
    good = [(f"{name}/{i}.png", piece(i + 10 * len(name))) for name in ("cat", "horse") for i in range(2)]
    found = sets.read_labelled([*good, (path, piece(50)), ("x.zip", packed({path: piece(51)}))])
    assert found.classes == ("cat", "horse") and [e.reason for _, e in found.skipped] == ["path", "path"]  # type: ignore[attr-defined]


def test_a_name_is_a_line_of_text() -> None:
    assert sets.class_name("  big\n\tcat\u202e\x00 ") == "big cat"
    assert sets.class_name("\u7334") == "\u7334" and len(sets.class_name("a" * 999)) == sets.LONGEST_NAME


def test_names_that_windows_wrote_in_chinese() -> None:
    """GBK without saying so: zipfile reads such names as cp437."""
    data = packed({"AAAA/1.png": piece(0), "AAAA/2.png": piece(1), "dog/1.png": piece(2), "dog/2.png": piece(3)})
    found = sets.read_labelled([("x.zip", data.replace(b"AAAA", "\u718a\u732b".encode("gbk")))])
    assert found.classes == ("dog", "\u718a\u732b")


def test_of_many_photos_every_class_keeps_its_share(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sets, "MOST_LABELLED", 6)
    found = sets.read_labelled([(f"{c}/{i}.png", piece(10 * k + i)) for k, c in enumerate("ab") for i in range(6)])
    assert [p.folder for p in found.photos] == list("ababab") and found.beyond == 6


def test_a_folder_of_this_machine(tmp_path: Path) -> None:
    for name in (
        "set/cat/2.png",
        "set/cat/1.jpg",
        "set/dog/1.PNG",
        "set/loose.png",
        "set/dog/notes.txt",
        "set/dog/.h.png",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    found = sets.folder(tmp_path / "set")
    assert [(name, file.name) for name, file in found] == [("cat", "1.jpg"), ("dog", "1.PNG"), ("cat", "2.png")]
    for place, reason in ((tmp_path / "set" / "cat", "loose"), (tmp_path / "none", "missing")):
        with pytest.raises(PhotosRejected) as caught:
            sets.folder(place)
        assert caught.value.reason == reason
    (tmp_path / "empty").mkdir()
    with pytest.raises(PhotosRejected) as caught:
        sets.folder(tmp_path / "empty")
    assert caught.value.reason == "none"
