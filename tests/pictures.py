"""Makers of good and bad picture files, as bytes. Every one is deterministic and needs nothing but Pillow and numpy."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
from PIL import Image

RED, GREEN, BLUE, YELLOW = (220, 30, 30), (30, 200, 40), (30, 40, 220), (230, 220, 40)


def quadrants(width: int = 64, height: int = 48) -> Image.Image:
    """Red and green above, blue and yellow below: every turn and flip looks different."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[: height // 2, : width // 2], pixels[: height // 2, width // 2 :] = RED, GREEN
    pixels[height // 2 :, : width // 2], pixels[height // 2 :, width // 2 :] = BLUE, YELLOW
    return Image.fromarray(pixels)


def noise(width: int = 96, height: int = 80) -> Image.Image:
    """Pixels that do not compress, so that half of a file is half of its pixels."""
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8))


def encode(image: Image.Image, format: str, **options: object) -> bytes:
    """The image as a file of that format."""
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def truncated(format: str) -> bytes:
    """The first half of a good file."""
    data = encode(noise(), format)
    return data[: len(data) // 2]


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_bomb(side: int = 20_000) -> bytes:
    """A PNG of ``side`` x ``side`` black pixels: some 50 KB that decode to 400 million bytes."""
    header = _chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0))
    row = b"\0" * (side + 1)
    packer = zlib.compressobj(9)
    body = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    return b"\x89PNG\r\n\x1a\n" + header + _chunk(b"IDAT", body) + _chunk(b"IEND", b"")


def bmp_liar(rows: int = 400) -> bytes:
    """A BMP of 48 rows whose header promises more."""
    data = bytearray(encode(quadrants(), "BMP"))
    data[22:26] = struct.pack("<i", rows)
    return bytes(data)


def oriented(orientation: int, format: str = "JPEG", **options: object) -> bytes:
    """``quadrants`` with an EXIF orientation tag, stored so that an upright viewer shows it upright."""
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # our own table: the inverse of what a viewer must do
    image = quadrants()
    if orientation in undo:
        image = image.transpose(Image.Transpose(undo[orientation]))
    exif = Image.Exif()
    exif[274] = orientation
    return encode(image, format, exif=exif, **options)


def animation(format: str) -> bytes:
    """First frame ``quadrants``, then two black frames."""
    black = Image.new("RGB", (64, 48))
    return encode(quadrants(), format, save_all=True, append_images=[black, black], duration=50, lossless=True)


def holed(mode: str) -> Image.Image:
    """Left half opaque, right half transparent, so that the right half must come out white. RGBA, LA, P or L."""
    rgba = quadrants().convert("RGBA")
    alpha = Image.new("L", rgba.size, 255)
    alpha.paste(0, (32, 0, 64, 48))
    if mode in ("RGBA", "LA"):
        image = rgba.convert(mode)
        image.putalpha(alpha)
        return image
    grey = quadrants().convert("L").point(lambda v: max(v, 1))
    grey.paste(0, (32, 0, 64, 48))  # value 0 is the transparent one
    if mode == "L":
        return grey
    palette = quadrants().quantize(4)
    indices = np.asarray(palette).copy()
    indices[:, 32:] = 7
    image = Image.fromarray(indices, "P")
    image.putpalette((palette.getpalette() or [])[:12] + [0, 0, 0] * 252)
    return image


def ramp16() -> np.ndarray:
    """(48, 64) uint16, 0 at the left to 65535 at the right."""
    return np.tile(np.linspace(0, 65535, 64).astype(np.uint16), (48, 1))
