"""Read many photos that nobody vouches for: several files, or one zip. Nothing is ever written to disk.

A photo that cannot be used is skipped, and named with its reason; the others stay. What a zip promises is not believed:
its directory is measured before it is read, and no entry is unpacked beyond the size of one photo.
"""

from __future__ import annotations

import hashlib
import io
import struct
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from senet_viz import images
from senet_viz.errors import ImageRejected, PhotosRejected, SenetVizError

if TYPE_CHECKING:
    from PIL import Image

MOST = 100  # photos of one set
MAX_SIDE = 1024  # longest side kept: the middle at 2x is still 512 wide
MAX_ZIP = 64 * 2**20  # bytes of a zip
MAX_DIRECTORY = 2**20  # bytes of a zip's list of contents, some ten thousand entries
MAX_UNPACKED = 256 * 2**20  # bytes of all its photos, before they are decoded
MAX_RATIO = 200  # of a photo's own bytes to its packed ones: photos hardly shrink at all
REASONS = ("none", "zip", "large", "path", "locked", "bomb")
_ZIP = (b"PK\3\4", b"PK\5\6")
_END, _END_SIZE, _COMMENT = b"PK\5\6", 22, 2**16

Progress = Callable[[int, int], object]  # photos read, photos in all


@dataclass(frozen=True)
class Photo:
    """One photo of a set."""

    name: str
    key: str  # sha256 of its bytes
    image: Image.Image


@dataclass(frozen=True)
class Photos:
    """A set: ``key`` tells its contents, ``skipped`` names what could not be used and why."""

    key: str
    photos: tuple[Photo, ...]
    skipped: tuple[tuple[str, SenetVizError], ...]
    beyond: int  # files left out because ``MOST`` or ``MAX_UNPACKED`` was reached

    @property
    def mib(self) -> float:
        """Memory that its pixels take."""
        return sum(photo.image.width * photo.image.height * 3 for photo in self.photos) / 2**20


def read(files: Sequence[tuple[str, bytes]], progress: Progress = lambda done, total: None) -> Photos:
    """Photos from (name, bytes) of several files; a zip counts as the files in it.

    Args:
        progress: told after every photo.

    Raises:
        PhotosRejected: a zip that is damaged or too large, or a set without one usable photo.
    """
    found: dict[str, Photo] = {}  # the same photo twice counts once
    skipped: list[tuple[str, SenetVizError]] = []
    entries = [entry for name, data in files for entry in _entries(name, data)]
    taken = entries[:MOST]
    unpacked = 0
    for done, (name, open_) in enumerate(taken):
        if unpacked >= MAX_UNPACKED:
            taken = taken[:done]
            break
        try:
            data = open_()
            unpacked += len(data)
            key = hashlib.sha256(data).hexdigest()
            image = images.read(data)
            image.thumbnail((MAX_SIDE, MAX_SIDE))
            found.setdefault(key, Photo(name, key, image))
        except (ImageRejected, PhotosRejected) as error:
            skipped.append((name, error))
        progress(done + 1, len(taken))
    if not found:
        raise PhotosRejected("none", n=len(entries))
    key = hashlib.sha256("".join(sorted(found)).encode()).hexdigest()[:16]
    return Photos(key, tuple(found.values()), tuple(skipped), len(entries) - len(taken))


def _entries(name: str, data: bytes) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """(name, what gives its bytes) of every file: of the zip's, if it is one."""
    if not data.startswith(_ZIP):
        yield name, lambda: data
        return
    archive = _opened(name, data)
    for info in archive.infolist():
        path = PurePosixPath(info.filename.replace("\\", "/"))
        if info.is_dir() or "__MACOSX" in path.parts or path.name.startswith("."):
            continue  # folders, and what systems add to them
        yield path.name or info.filename, partial(_unpacked, archive, info, path)


def _opened(name: str, data: bytes) -> zipfile.ZipFile:
    if len(data) > MAX_ZIP:
        raise PhotosRejected("large", limit=MAX_ZIP // 2**20)
    end = data.rfind(_END, max(0, len(data) - _COMMENT - _END_SIZE))
    if end < 0 or len(data) < end + _END_SIZE:
        raise PhotosRejected("zip", name=name)
    (directory,) = struct.unpack_from("<I", data, end + 12)
    if directory > MAX_DIRECTORY or data[max(0, end - 20) : end].startswith(b"PK\6\7"):  # or zip64: for larger files
        raise PhotosRejected("large", limit=MAX_ZIP // 2**20)
    try:
        return zipfile.ZipFile(io.BytesIO(data))
    except Exception as error:  # BadZipFile, struct.error, NotImplementedError, UnicodeDecodeError, ...
        raise PhotosRejected("zip", name=name) from error


def _unpacked(archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: PurePosixPath) -> bytes:
    """At most one photo's bytes.

    Raises:
        PhotosRejected: a path that leads elsewhere, a password, or an entry that unpacks to far more than it is.
        ImageRejected: an entry that is too large or damaged.
    """
    # one folder is what a folder's zip has; whatever else a path says, no photo needs it
    if path.is_absolute() or ".." in path.parts or ":" in info.filename or len(path.parts) > 2:
        raise PhotosRejected("path", name=path.name)
    if info.flag_bits & 1:
        raise PhotosRejected("locked", name=path.name)
    if info.file_size > images.MAX_BYTES:
        raise ImageRejected("too_large", limit=images.MAX_BYTES // 2**20)
    if info.file_size > MAX_RATIO * max(info.compress_size, 1):
        raise PhotosRejected("bomb", name=path.name)
    try:
        with archive.open(info) as file:
            data = file.read(images.MAX_BYTES + 1)  # a header can lie
    except Exception as error:  # BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ...
        raise ImageRejected("truncated") from error
    return data
