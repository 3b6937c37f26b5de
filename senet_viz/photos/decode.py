"""Decode one picture file to RGB pixels, here or in a process of its own (``python -c`` with ``serve``).

Size, shape and format are checked from the header, before a pixel is decoded; the format is found from the content,
never from the name. What leaves this module is plain RGB pixels: no metadata, no palette, no second frame. It imports
neither torch nor the rest of the app, so that a process of its own starts in a tenth of a second.
"""

import io
import json
import math
import os
import struct
import sys
import warnings
from contextlib import suppress
from typing import BinaryIO

from PIL import Image

from senet_viz.errors import ImageRejected
from senet_viz.photos import bounds

FORMATS = {  # what is a picture file: a format as Pillow calls it, and the suffixes of its files
    "JPEG": (".jpg", ".jpeg"),
    "PNG": (".png",),
    "WEBP": (".webp",),
    "HEIF": (".heic", ".heif"),
    "AVIF": (".avif",),
    "GIF": (".gif",),
    "BMP": (".bmp",),
    "TIFF": (".tif", ".tiff"),
}
SUFFIXES = frozenset(suffix for suffixes in FORMATS.values() for suffix in suffixes)
SHRINKING = ("JPEG", "MPO", "HEIF", "AVIF")  # photos of cameras: JPEG is decoded small, the others take little memory
MAX_PHOTO_PIXELS = 64_000_000  # of those
MAX_PIXELS = 24_000_000  # of all others, which are unpacked whole, and again for each step of their conversion
MAX_ASPECT = 20
MIN_SIDE = 8
MAX_SIDE = 1600  # longest side kept: enough to crop and zoom from, small enough to hold for a whole class

# Pillow's own alarm, as a second line behind the explicit check in `_check`; set once, never switched per call.
Image.MAX_IMAGE_PIXELS = MAX_PHOTO_PIXELS
warnings.filterwarnings("error", category=Image.DecompressionBombWarning)

_OURS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"II*\0", b"MM\0*")  # starts that no text has
_FOREIGN = (
    (b"%PDF", "PDF"),
    (b"%!PS", "EPS"),
    (b"8BPS", "PSD"),
    (b"<svg", "SVG"),
    (b"\0\0\1\0", "ICO"),
    (b"\xff\x0a", "JPEG XL"),
    (b"\0\0\0\x0cJXL ", "JPEG XL"),
    (b"\0\0\0\x0cjP  ", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"\x1aE\xdf\xa3", "WebM"),
)
_HEIF = (b"avif", b"avis", b"mif1", b"msf1", b"mif2", b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx")  # brands
_TURN = {  # EXIF orientation (TIFF 6.0, tag 274) to what undoes it
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def decode(data: bytes) -> Image.Image:
    """Return the first frame as RGB, upright, on white where it was transparent, longest side at most ``MAX_SIDE``.

    Raises:
        ImageRejected: with one of ``reading.REASONS``.
    """
    bounds.check(data)
    try:
        with _opened(data) as image:
            _check(image)
            return _pixels(image)
    except ImageRejected:
        raise
    except MemoryError as error:
        raise ImageRejected("costly", what="memory") from error
    except Exception as error:  # decoders raise OSError, SyntaxError, EOFError, struct.error, zlib.error, ...
        raise ImageRejected("truncated") from error


def _opened(data: bytes) -> Image.Image:
    """Open a picture by its header alone: no pixel is decoded here."""
    boxed = data[4:8] == b"ftyp"  # HEIF and AVIF, but videos too
    if boxed:
        import pillow_heif

        pillow_heif.register_heif_opener()
        pillow_heif.options.DECODE_THREADS = 1  # each thread takes memory of its own
    try:
        return Image.open(io.BytesIO(data), formats=[name for name in FORMATS if boxed or name != "HEIF"])
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        most = MAX_PHOTO_PIXELS if boxed or data.startswith(b"\xff\xd8\xff") else MAX_PIXELS
        raise ImageRejected("too_many_pixels", limit=most // 1_000_000) from error
    except MemoryError:
        raise
    except Exception as error:  # a broken header may raise anything
        name = _foreign(data)
        if name == "SVG":
            raise ImageRejected("drawing") from error
        if name:
            raise ImageRejected("format", format=name) from error
        ours = boxed or data.startswith(_OURS) or (data[:4] == b"RIFF" and data[8:12] == b"WEBP")
        raise ImageRejected("truncated" if ours else "not_a_picture") from error


def _foreign(data: bytes) -> str | None:
    """Return the name of a known format that we do not open, by its first bytes."""
    if data[4:8] == b"ftyp":
        return None if data[8:12] in _HEIF else "MP4"
    if data[:1] == b"P" and data[1:2] in b"123456" and data[2:3].isspace():
        return "PNM"
    if b"<svg" in data[:1000]:
        return "SVG"
    return next((name for start, name in _FOREIGN if data.startswith(start)), None)


def _check(image: Image.Image) -> None:
    (width, height), most = image.size, MAX_PHOTO_PIXELS if image.format in SHRINKING else MAX_PIXELS
    short, long = sorted((width, height))
    if width * height > most:
        raise ImageRejected("too_many_pixels", limit=most // 1_000_000)
    if long > MAX_ASPECT * short:
        raise ImageRejected("too_thin", width=width, height=height, limit=MAX_ASPECT)
    if short < MIN_SIDE:
        raise ImageRejected("too_small", width=width, height=height, limit=MIN_SIDE)


def _pixels(image: Image.Image) -> Image.Image:
    share = min(1.0, MAX_SIDE / max(image.size))
    if image.format in ("JPEG", "MPO"):  # decodes at 1/2, 1/4 or 1/8; a HEIF would give a thumbnail, whatever it shows
        image.draft("RGB", (math.ceil(image.width * share), math.ceil(image.height * share)))
    image.load()  # the first frame
    rgb = _rgb(image)
    rgb.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.LANCZOS)
    turn = _TURN.get(_orientation(image))  # asked after load(): Pillow turns a TIFF itself, and then says 1
    if turn is not None:
        rgb = rgb.transpose(turn)
    return Image.frombytes("RGB", rgb.size, rgb.tobytes())  # pixels and nothing else


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(274, 1))
    except Exception:  # damaged metadata is no reason to refuse good pixels
        return 1


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode == "RGB" and not image.has_transparency_data:
        return image
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        return _grey(image).convert("RGB")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        white = Image.new("RGB", image.size, "white")
        white.paste(rgba, mask=rgba)
        return white
    try:
        return image.convert("RGB")
    except ValueError as error:  # LAB
        raise ImageRejected("format", format=image.mode) from error


def _grey(image: Image.Image) -> Image.Image:
    """Turn 16-bit, 32-bit and float greys into 8 bits by scale, never by clipping.

    32-bit files do not say what their black and white are. Without negative values black is 0 and white the smallest
    of 1, 255 and 65535 that holds every value; else they are the smallest and the largest value.
    """
    import numpy as np

    values: np.ndarray = np.array(image, dtype=np.float32)  # ours, and worked on in place: 100 MB for a large photo
    np.nan_to_num(values, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
    low, high = min(0.0, float(values.min())), float(values.max())
    if image.mode.startswith("I;16"):
        white = 65535.0
    else:
        white = high if low < 0 else next((w for w in (1.0, 255.0, 65535.0) if w >= high), high)
    values -= low
    values *= 255 / max(white - low, 1e-30)
    return Image.fromarray(np.rint(values, out=values).astype(np.uint8))


def serve(memory: int, seconds: int) -> None:
    """Answer file after file from standard input until it ends; what ``decoders`` starts as a process of its own.

    Asked with 8 bytes of length and the file. Answered with 4 bytes of length and JSON: ``{"size": [width, height]}``,
    and then the pixels, or ``{"reason": ..., "details": ...}``.

    Args:
        memory: bytes of address space that this process may take, where the system can limit it.
        seconds: until it ends itself over one file, should nobody be left to end it.
    """
    asked, answered = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # nothing but answers goes that way
    _limit(memory)
    answered.write(b"!")
    answered.flush()
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # what libraries say about broken files
    while len(head := asked.read(8)) == 8:
        _alarm(seconds)
        _answer(answered, asked.read(struct.unpack(">Q", head)[0]))
        _alarm(0)


def _answer(answered: BinaryIO, data: bytes) -> None:
    pixels = b""
    try:
        image = decode(data)
        said: dict[str, object] = {"size": image.size}
        pixels = image.tobytes()
    except ImageRejected as error:
        said = {"reason": error.reason, "details": error.details}
    head = json.dumps(said).encode()
    answered.write(struct.pack(">I", len(head)) + head + pixels)
    answered.flush()


def _limit(memory: int) -> None:
    with suppress(ImportError, ValueError, OSError):  # Windows has no such limit, macOS none that it keeps
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))


def _alarm(seconds: int) -> None:
    import signal

    if hasattr(signal, "alarm"):
        signal.alarm(seconds)
