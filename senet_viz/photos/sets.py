"""Read many photos that nobody vouches for: several files, or one zip. Nothing is ever written to disk.

A photo that cannot be used is skipped, and named with its reason; the others stay. What a zip promises is not believed:
its directory is measured before it is read, and no entry is unpacked beyond the size of one photo.

Where photos are labelled, the innermost folder that one lies in is its class. Names of folders are what people typed:
text to be shown, never a path to be opened.

The module is long because all that is refused of a set is decided here, before a byte is unpacked.
"""

import hashlib
import io
import struct
import unicodedata
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TypeVar

from PIL import Image

from senet_viz.errors import ImageRejected, PhotosRejected, SenetVizError
from senet_viz.jobs import Progress, silent
from senet_viz.photos import decode, reading

T = TypeVar("T")
MOST = 100  # photos of one set
MAX_SIDE = 1024  # longest side kept: the middle at 2x is still 512 wide
MOST_LABELLED = 400  # photos of one set in class folders
LABELLED_SIDE = 512  # longest side kept of those
EACH = 2  # photos that a class needs: one alone differs from nothing
DEPTH, LABELLED_DEPTH = 2, 6  # parts of a path in a zip: what a folder's zip has; a data set's
LONGEST_NAME = 60  # characters of a class name
MAX_ZIP = 32 * 2**20  # bytes of a zip
MAX_DIRECTORY = 2**20  # bytes of a zip's list of contents, some ten thousand entries
MAX_UNPACKED = 256 * 2**20  # bytes of all its photos, before they are decoded
MAX_RATIO = 200  # of a photo's own bytes to its packed ones: photos hardly shrink at all
REASONS = ("none", "zip", "large", "path", "locked", "bomb", "loose", "single", "classes", "missing", "unknown")
ARCHIVE = "zip"  # suffix of the one kind that is opened
_ZIP = (b"PK\3\4", b"PK\5\6")
_END, _END_SIZE, _COMMENT = b"PK\5\6", 22, 2**16
_UTF8 = 0x800  # flag of a zip's entry: its name is UTF-8


@dataclass(frozen=True)
class Photo:
    """A photo belongs to a set; ``folder`` is its class, "" where photos are not labelled."""

    name: str
    key: str  # sha256 of its bytes
    image: Image.Image
    folder: str = ""


@dataclass(frozen=True)
class Photos:
    """A set of photos has a ``key`` that tells its contents; ``skipped`` names what could not be used and why."""

    key: str
    photos: tuple[Photo, ...]
    skipped: tuple[tuple[str, SenetVizError], ...]
    beyond: int  # files left out because the most photos or ``MAX_UNPACKED`` was reached

    @property
    def mib(self) -> float:
        """Return the MiB of memory that its pixels take."""
        return sum(photo.image.width * photo.image.height * 3 for photo in self.photos) / 2**20

    @property
    def classes(self) -> tuple[str, ...]:
        """Return its K classes in alphabetical order."""
        return tuple(sorted({photo.folder for photo in self.photos}))


@dataclass(frozen=True)
class _Entry:
    """An entry is one file that is not opened yet."""

    path: PurePosixPath
    open: Callable[[], bytes]
    labelled: bool

    @property
    def folder(self) -> str:
        return class_name(self.path.parent.name) if self.labelled else ""

    @property
    def name(self) -> str:
        return f"{self.folder}/{self.path.name}" if self.folder else self.path.name or str(self.path)


def read(files: Sequence[tuple[str, bytes]], progress: Progress = silent) -> Photos:
    """Return the photos of (name, bytes) of several files; a zip counts as the files in it.

    Args:
        progress: told after every photo.

    Raises:
        PhotosRejected: a zip that is damaged or too large, or a set without one usable photo.
    """
    return _read(_entries(files, labelled=False), MOST, MAX_SIDE, progress)


def read_labelled(files: Sequence[tuple[str, bytes]], progress: Progress = silent) -> Photos:
    """Return the photos of files whose names say in which folder they lay, or of a zip of such folders.

    The classes take turns, so that the first photos of the set are a fair sample of it. A photo that lies in no
    folder, or alone in its class, is skipped.

    Raises:
        PhotosRejected: as ``read``; all photos are loose; or there are not two classes of ``EACH`` photos.
    """
    entries = in_turn(_entries(files, labelled=True), lambda entry: entry.folder)
    return enough(_read(entries, MOST_LABELLED, LABELLED_SIDE, progress))


def enough(found: Photos) -> Photos:
    """Return a labelled set without the classes that have too few photos.

    Raises:
        PhotosRejected: fewer than two classes are left.
    """
    count = Counter(photo.folder for photo in found.photos)
    if (classes := sum(n >= EACH for n in count.values())) < 2:
        raise PhotosRejected("classes", n=classes, each=EACH)
    kept = tuple(photo for photo in found.photos if count[photo.folder] >= EACH)
    alone = [(f"{p.folder}/{p.name}", PhotosRejected("single")) for p in found.photos if count[p.folder] < EACH]
    return replace(found, key=_key(kept), photos=kept, skipped=(*found.skipped, *alone))


def folder(directory: Path) -> list[tuple[str, Path]]:
    """Return (class, file) of every photo below a folder of this machine, the classes in turn; links are not followed.

    For who may read the disk anyway: a command line, never a page.

    Raises:
        PhotosRejected: no such folder, no photo in it, or only photos outside of class folders.
    """
    if not directory.is_dir():
        raise PhotosRejected("missing", name=str(directory))
    pictures = (file for file in sorted(directory.rglob("*")) if file.suffix.lower() in decode.SUFFIXES)
    files = [file for file in pictures if file.is_file() and not file.name.startswith(".")]
    found = [(class_name(file.parent.name), file) for file in files if file.parent != directory]
    if not found:
        raise PhotosRejected("loose" if files else "none", n=len(files))
    return in_turn(found, lambda pair: pair[0])


def in_turn(items: Sequence[T], group: Callable[[T], str]) -> list[T]:
    """Return the first of every group in the groups' alphabetical order, then the second of every group, ..."""
    seen: Counter[str] = Counter()
    turns: list[tuple[int, str, T]] = []
    for item in items:
        name = group(item)
        turns.append((seen[name], name, item))
        seen[name] += 1
    return [item for *_, item in sorted(turns, key=lambda turn: turn[:2])]


def class_name(text: str) -> str:
    """Return a folder's name as one line of at most ``LONGEST_NAME`` characters, without control or direction marks."""
    seen = "".join(" " if c.isspace() else c for c in text if c.isspace() or unicodedata.category(c)[0] != "C")
    return " ".join(seen.split())[:LONGEST_NAME].strip()


def _read(entries: Sequence[_Entry], most: int, side: int, progress: Progress) -> Photos:
    found: dict[tuple[str, str], Photo] = {}  # the same photo twice counts once
    decoded: dict[str, Image.Image | ImageRejected] = {}  # by its bytes, so that none is decoded twice
    skipped: list[tuple[str, SenetVizError]] = []
    taken, done, unpacked = entries[:most], 0, 0
    for entry in taken:
        if unpacked >= MAX_UNPACKED:
            break
        try:
            if entry.labelled and not entry.folder:
                raise PhotosRejected("loose", n=1)
            data = entry.open()
            unpacked += len(data)
            key = hashlib.sha256(data).hexdigest()
            image = decoded[key] = decoded.get(key) or _decoded(data, side)
            if isinstance(image, ImageRejected):
                raise image
            found.setdefault((entry.folder, key), Photo(entry.path.name, key, image, entry.folder))
        except (ImageRejected, PhotosRejected) as error:
            skipped.append((entry.name, error))
        done += 1
        progress(done, len(taken))
    if not found:
        reasons = {error.reason for _, error in skipped if isinstance(error, PhotosRejected)}
        raise PhotosRejected("loose" if reasons == {"loose"} else "none", n=len(entries))
    photos = tuple(found.values())
    return Photos(_key(photos), photos, tuple(skipped), len(entries) - done)


def _decoded(data: bytes, side: int) -> Image.Image | ImageRejected:
    try:
        image = reading.read(data)
    except ImageRejected as error:
        return error
    image.thumbnail((side, side))
    return image


def _key(photos: Sequence[Photo]) -> str:
    each = sorted(f"{photo.folder}\0{photo.key}" if photo.folder else photo.key for photo in photos)
    return hashlib.sha256("".join(each).encode()).hexdigest()[:16]


def _entries(files: Sequence[tuple[str, bytes]], labelled: bool) -> list[_Entry]:
    """Return every file, and of a zip every file in it."""
    found: list[_Entry] = []
    for name, data in files:
        if data.startswith(_ZIP):
            found += _packed(_opened(name, data), labelled)
        elif not labelled:
            found.append(_Entry(PurePosixPath(name), partial(bytes, data), labelled))
        elif not (path := PurePosixPath(name.replace("\\", "/"))).name.startswith("."):
            found.append(_Entry(path, partial(_straight, data, path, name, LABELLED_DEPTH), labelled))
    return found


def _packed(archive: zipfile.ZipFile, labelled: bool) -> Iterator[_Entry]:
    for info in archive.infolist():
        path = PurePosixPath(_named(info).replace("\\", "/"))
        if info.is_dir() or "__MACOSX" in path.parts or path.name.startswith("."):
            continue  # what systems add to folders
        depth = LABELLED_DEPTH if labelled else DEPTH
        yield _Entry(path, partial(_unpacked, archive, info, path, depth), labelled)


def _named(info: zipfile.ZipInfo) -> str:
    """Return an entry's name. Windows writes Chinese names as GBK and does not say so."""
    if info.flag_bits & _UTF8 or info.filename.isascii():
        return info.filename
    for encoding in ("utf-8", "gbk"):
        with suppress(UnicodeDecodeError):
            return info.filename.encode("cp437", "replace").decode(encoding)
    return info.filename


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


def _straight(data: bytes, path: PurePosixPath, name: str, depth: int) -> bytes:
    """Return ``data``, or raise PhotosRejected where its path leads anywhere but down."""
    drive = name[1:2] == ":"
    if path.is_absolute() or ".." in path.parts or drive or len(path.parts) > depth:
        raise PhotosRejected("path", name=path.name)
    return data


def _unpacked(archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: PurePosixPath, depth: int) -> bytes:
    """Return the bytes of an entry, at most one photo's.

    Raises:
        PhotosRejected: a path that leads elsewhere, a password, or an entry that unpacks to far more than it is.
        ImageRejected: an entry that is too large or damaged.
    """
    _straight(b"", path, info.filename, depth)
    if info.flag_bits & 1:
        raise PhotosRejected("locked", name=path.name)
    if info.file_size > reading.MAX_BYTES:
        raise ImageRejected("too_large", limit=reading.MAX_BYTES // 2**20)
    if info.file_size > MAX_RATIO * max(info.compress_size, 1):
        raise PhotosRejected("bomb", name=path.name)
    try:
        with archive.open(info) as file:
            data = file.read(reading.MAX_BYTES + 1)  # a header can lie
    except Exception as error:  # BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ...
        raise ImageRejected("truncated") from error
    return data
