"""Makers of good and bad picture files, as bytes. Every one is deterministic; Pillow and numpy make them."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pillow_heif
from PIL import Image, ImageOps

pillow_heif.register_heif_opener()  # so that Pillow can write HEIF

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
    return encode(image, format, exif=exif.tobytes(), **options)  # of an Exif, HEIF would not take the turn


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


def many_scans(scans: int, width: int = 64, height: int = 48) -> bytes:
    """A progressive JPEG that repeats its last scan until it has so many."""
    data = encode(quadrants(width, height), "JPEG", progressive=True)
    start = data.rindex(b"\xff\xc4")  # the table of the last scan
    count = data.count(b"\xff\xda")
    return data[:-2] + data[start:-2] * (scans - count) + data[-2:]


def many_strips(strips: int, tag: int = 273) -> bytes:
    """A TIFF that names so many offsets of strips, all of them zero."""
    values = [(256, 4, 64), (257, 4, 48), (258, 3, 8), (259, 3, 1), (262, 3, 1)]
    entries = b"".join(struct.pack("<HHII", name, kind, 1, value) for name, kind, value in values)
    after = 8 + 2 + 12 * (len(values) + 1) + 4
    entries += struct.pack("<HHII", tag, 4, strips, after)
    return b"II*\0" + struct.pack("<IH", 8, len(values) + 1) + entries + bytes(4) + bytes(4 * strips)


def fractions(count: int) -> bytes:
    """EXIF whose x-resolution (tag 282) is so many fractions."""
    head = b"II*\0" + struct.pack("<IH", 8, 1) + struct.pack("<HHII", 282, 5, count, 26) + bytes(4)
    return head + struct.pack("<II", 72, 1) * count


def shared_bytes(tags: int, count: int, kind: int = 7) -> bytes:
    """EXIF whose tags all have the same bytes for a value, ``count`` of that kind: 7 is a byte, 5 a fraction."""
    at = 8 + 2 + 12 * tags + 4
    entries = b"".join(struct.pack("<HHII", 40_000 + i, kind, count, at) for i in range(tags))
    return b"II*\0" + struct.pack("<IH", 8, tags) + entries + bytes(4) + bytes(count * (8 if kind == 5 else 1))


def with_segments(*segments: tuple[int, bytes]) -> bytes:
    """A JPEG with these (marker, bytes) before everything else."""
    data = encode(quadrants(), "JPEG", quality=98)
    put = b"".join(struct.pack(">BBH", 0xFF, kind, len(body) + 2) + body for kind, body in segments)
    return data[:2] + put + data[2:]


def with_exif(tiff: bytes) -> bytes:
    """A JPEG with that EXIF, cut into as many segments as it needs."""
    parts = [tiff[i : i + 60_000] for i in range(0, len(tiff), 60_000)]
    return with_segments(*((0xE1, b"Exif\0\0" + part) for part in parts))


def with_chunks(*chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG with these chunks behind its header."""
    data = encode(quadrants(), "PNG")
    return data[:33] + b"".join(_chunk(kind, body) for kind, body in chunks) + data[33:]


def with_riff(kind: bytes, body: bytes) -> bytes:
    """A WebP with one more chunk at its end."""
    data = encode(quadrants(), "WEBP", lossless=True, exif=fractions(1))
    data += kind + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)
    return data[:4] + struct.pack("<I", len(data) - 8) + data[8:]


def with_comment(blocks: int) -> bytes:
    """A GIF whose comment comes in so many blocks of one byte."""
    data = encode(quadrants(), "GIF")
    start = 13 + (6 << (data[10] & 7))
    return data[:start] + b"!\xfe" + b"\1x" * blocks + b"\0" + data[start:]


def film(image: Image.Image, size: tuple[int, int] = (640, 480)) -> bytes:
    """A Y4M of two equal frames, as a fake camera shows them."""
    y, cb, cr = ImageOps.fit(image.convert("RGB"), size).convert("YCbCr").split()
    half = (size[0] // 2, size[1] // 2)
    frame = b"FRAME\n" + y.tobytes() + cb.resize(half).tobytes() + cr.resize(half).tobytes()
    return f"YUV4MPEG2 W{size[0]} H{size[1]} F10:1 Ip A1:1 C420jpeg\n".encode() + 2 * frame
