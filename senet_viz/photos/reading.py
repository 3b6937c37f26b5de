"""Read a photo that nobody vouches for, and turn it into exactly what a model sees.

The bytes are looked at and decoded in a process of its own (``decoders``), within limits of work, time and memory; what
comes back is plain RGB pixels.
"""

from pathlib import Path
from typing import BinaryIO

from PIL import Image

from senet_viz.errors import ImageRejected
from senet_viz.photos.decoders import Decoders

MAX_BYTES = 8 * 2**20
REASONS = (
    "missing",  # no file of that name, or one that cannot be read
    "empty",
    "too_large",  # more than MAX_BYTES
    "format",  # a picture, perhaps, but of a format that we do not open
    "drawing",  # an SVG
    "not_a_picture",
    "too_many_pixels",  # more than decode.MAX_PIXELS, or MAX_PHOTO_PIXELS, by the header
    "too_thin",  # longer than decode.MAX_ASPECT times its width
    "too_small",  # shorter side below decode.MIN_SIDE
    "truncated",  # damaged or incomplete
    "costly",  # asks for more work, time or memory than any photo
)
_DECODERS = Decoders()


def read(source: bytes | str | Path | BinaryIO) -> Image.Image:
    """Return the photo as RGB, upright, on white where it was transparent, longest side at most ``decode.MAX_SIDE``.

    Args:
        source: the bytes, a path, or a binary stream, which is read from its start.

    Raises:
        ImageRejected: with one of ``REASONS``.
    """
    data = contents(source)
    if not data:
        raise ImageRejected("empty")
    if len(data) > MAX_BYTES:
        raise ImageRejected("too_large", limit=MAX_BYTES // 2**20)
    return _DECODERS.decode(data)


def contents(source: bytes | str | Path | BinaryIO) -> bytes:
    """Return at most ``MAX_BYTES + 1`` bytes of a file: enough to know that there are too many.

    Raises:
        ImageRejected: "missing": no file of that name, or one that cannot be read.
    """
    if isinstance(source, bytes):
        return source
    if isinstance(source, str | Path):
        try:
            with Path(source).open("rb") as file:
                return file.read(MAX_BYTES + 1)
        except (OSError, ValueError) as error:  # ValueError: a null byte in the name
            raise ImageRejected("missing", name=Path(source).name) from error
    if source.seekable():
        source.seek(0)
    return source.read(MAX_BYTES + 1)
