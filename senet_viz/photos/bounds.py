"""Count what a picture file asks for before anything is decoded: scans, segments, tags, strips, chunks, blocks.

A small file can ask for hours of work. A progressive JPEG repeats its scans, each over all pixels; a TIFF names any
number of strips; metadata may hold a million fractions, which Pillow reads while it opens the file. Every scanner here
reads the bytes once, from front to back, and stops at the first count that no photo has. A file that is damaged passes:
the decoder says so.
"""

import re
import struct

from senet_viz.errors import ImageRejected

SCANS = 64  # of a JPEG; encoders write up to some twenty
SEGMENTS = 1000  # of a JPEG's header: an 8 MB file of full segments has 128
JUNK = 2**16  # bytes between a JPEG's segments, which Pillow skips one by one
TAGS = 1000  # of a TIFF, or of EXIF
NUMBERS = 50_000  # in all tags together: offset and length of each strip, and one row a strip is the most of a photo
SIZE = 64 * 2**20  # bytes of all tags together
CHUNKS = 20_000  # of a PNG or WebP: encoders cut 8 MB into one to four thousand
BLOCKS = 4000  # of a GIF before its first frame: comments, and metadata of up to a megabyte

_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"II\0*", b"MM*\0")  # Pillow takes the last two, which are wrong, too
_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")  # neither a stuffed 0xff nor a restart, as libjpeg reads it
_SCAN, _START, _END, _EXIF, _SEVERAL = 0xDA, 0xD8, 0xD9, 0xE1, 0xE2
_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8}  # of a TIFF's types
_PLAIN = (1, 2, 7)  # types that Pillow keeps as bytes: bytes, text, undefined


def check(data: bytes) -> None:
    """Refuse a file that asks for far more work than a photo does.

    Raises:
        ImageRejected: with reason "costly".
    """
    try:
        if data.startswith(b"\xff\xd8\xff"):
            _jpeg(data)
        elif data.startswith(b"\x89PNG\r\n\x1a\n"):
            _png(data)
        elif data.startswith(b"GIF8"):
            _gif(data)
        elif data.startswith(b"RIFF"):
            _webp(data)
        elif data.startswith(_TIFF):
            _tags(data)
    except (struct.error, IndexError):
        return  # it ends early


def _at_most(limit: int, count: int, what: str) -> None:
    if count > limit:
        raise ImageRejected("costly", what=what, limit=limit)


def _jpeg(data: bytes) -> None:
    at, scans, segments, junk = 2, 0, 0, 0
    exif = bytearray()
    while found := _MARKER.search(data, at):
        kind = data[found.end() - 1]
        if kind == _END:
            break
        if not scans:
            junk += found.start() - at
            _at_most(JUNK, junk, "bytes between segments")
        at = found.end()
        scans += kind == _SCAN
        segments += kind != _SCAN
        _at_most(SCANS, scans, "scans")
        _at_most(SEGMENTS, segments, "segments")
        if kind in (0x01, _START):
            continue  # markers without a length
        (length,) = struct.unpack_from(">H", data, at)
        body = data[at + 2 : at + length]
        if kind == _EXIF and body.startswith(b"Exif\0\0"):
            exif += body[6:]  # Pillow joins those of several segments
        elif kind == _SEVERAL and body.startswith(b"MPF\0"):
            _metadata(body[4:])
        at += max(length, 2)
    _metadata(bytes(exif))


def _png(data: bytes) -> None:
    at, count = 8, 0
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        if kind == b"eXIf":
            _metadata(data[at + 8 : at + 8 + length])
        if kind == b"IEND":
            return
        at, count = at + 12 + length, count + 1
        _at_most(CHUNKS, count, "chunks")


def _webp(data: bytes) -> None:
    at, count = 12, 0
    while at < len(data):
        kind, length = struct.unpack_from("<4sI", data, at)
        if kind == b"EXIF":
            _metadata(data[at + 8 : at + 8 + length])
        at, count = at + 8 + length + length % 2, count + 1
        _at_most(CHUNKS, count, "chunks")


def _gif(data: bytes) -> None:
    flags, at, count = data[10], 13, 0
    if flags & 0x80:
        at += 6 << (flags & 7)  # a table of 2, 4, ... 256 colours
    while data[at] not in b",;":  # the first frame, or the end
        count += 1
        if data[at] == ord("!"):
            at += 2
            while data[at]:
                at, count = at + data[at] + 1, count + 1
                _at_most(BLOCKS, count, "blocks")
        at += 1
        _at_most(BLOCKS, count, "blocks")


def _metadata(tiff: bytes) -> None:
    """Check EXIF, or the list of a JPEG's several pictures, as a TIFF's tags; what begins otherwise is never read."""
    if tiff.startswith(b"Exif\0\0"):
        tiff = tiff[6:]
        _at_most(0, tiff.startswith(b"Exif\0\0"), "repeated headers")  # Pillow cuts them off one by one
    try:
        if tiff.startswith(_TIFF):
            _tags(tiff)
    except struct.error:
        return


def _tags(data: bytes) -> None:
    """Count the first directory of a TIFF, the only one that is read."""
    end = "<" if data.startswith(b"II") else ">"
    if 43 in data[2:4]:  # BigTIFF
        first, count, entry, inline = f"{end}8xQ", f"{end}Q", f"{end}HHQQ", 8
    else:
        first, count, entry, inline = f"{end}4xI", f"{end}H", f"{end}HHII", 4
    (at,) = struct.unpack_from(first, data)
    if at > len(data):
        return
    (tags,) = struct.unpack_from(count, data, at)
    at += struct.calcsize(count)
    tags = min(tags, (len(data) - at) // struct.calcsize(entry))  # those that are there
    _at_most(TAGS, tags, "tags")
    numbers = size = 0
    for i in range(tags):
        _, kind, many, where = struct.unpack_from(entry, data, at + i * struct.calcsize(entry))
        length, left = many * _BYTES.get(kind, 0), max(len(data) - where, 0)
        if length > inline:
            size += min(length, left)
            numbers += many if length <= left and kind not in _PLAIN else 0
        _at_most(NUMBERS, numbers, "numbers in tags")
        _at_most(SIZE, size, "bytes in tags")  # tags may share their bytes, which are read again for each
