"""Read a photo that nobody vouches for, and turn it into exactly what a model sees.

Size, shape and format are checked from the header, before a pixel is decoded; the format is found from the content,
never from the name. What leaves this module is plain RGB pixels: no metadata, no palette, no second frame.
"""

from __future__ import annotations

import hashlib
import importlib.util
import io
import math
import threading
import warnings
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from PIL import Image

from senet_viz.errors import ImageRejected
from senet_viz.types import Picture

if TYPE_CHECKING:
    from senet_viz.zoo import ModelSpec

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
MAX_BYTES = 8 * 2**20
MAX_PIXELS = 24_000_000
MAX_ASPECT = 20
MIN_SIDE = 8
MAX_SIDE = 1600  # longest side kept: enough to crop and zoom from, small enough to hold for a whole class
REASONS = (
    "missing",  # no file of that name, or one that cannot be read
    "empty",
    "too_large",  # more than MAX_BYTES
    "format",  # a picture, perhaps, but of a format that we do not open
    "not_a_picture",
    "too_many_pixels",  # more than MAX_PIXELS, by the header
    "too_thin",  # longer than MAX_ASPECT times its width
    "too_small",  # shorter side below MIN_SIDE
    "truncated",  # damaged or incomplete
)

# Pillow's own alarm, as a second line behind the explicit check in `_check`; set once, never switched per call.
Image.MAX_IMAGE_PIXELS = MAX_PIXELS
warnings.filterwarnings("error", category=Image.DecompressionBombWarning)
_DECODERS = threading.BoundedSemaphore(2)  # a 24-megapixel photo takes some 200 MB while it is decoded

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
_TURN = {  # EXIF orientation (TIFF 6.0, tag 274) to what undoes it
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def read(source: bytes | str | Path | BinaryIO) -> Image.Image:
    """The photo as RGB, upright, on white where it was transparent, longest side at most ``MAX_SIDE``.

    Args:
        source: the bytes, a path, or a binary stream, which is read from its start.

    Raises:
        ImageRejected: with one of ``REASONS``.
    """
    data = _bytes(source)
    if not data:
        raise ImageRejected("empty")
    if len(data) > MAX_BYTES:
        raise ImageRejected("too_large", limit=MAX_BYTES // 2**20)
    with _opened(data) as image:
        _check(*image.size)
        try:
            with _DECODERS:
                return _decoded(image)
        except ImageRejected:
            raise
        except Exception as error:  # decoders raise OSError, SyntaxError, EOFError, struct.error, zlib.error, ...
            raise ImageRejected("truncated") from error


def _bytes(source: bytes | str | Path | BinaryIO) -> bytes:
    """At most ``MAX_BYTES + 1`` bytes: enough to know that there are too many."""
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


def _opened(data: bytes) -> Image.Image:
    """Header only: no pixel is decoded here."""
    try:
        return Image.open(io.BytesIO(data), formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageRejected("too_many_pixels", limit=MAX_PIXELS // 1_000_000) from error
    except Exception as error:  # a broken header may raise anything
        allowed = ", ".join(FORMATS)
        if name := _foreign(data):
            raise ImageRejected("format", format=name, allowed=allowed) from error
        ours = data.startswith(_OURS) or (data[:4] == b"RIFF" and data[8:12] == b"WEBP")
        raise ImageRejected("truncated" if ours else "not_a_picture", allowed=allowed) from error


def _foreign(data: bytes) -> str | None:
    """Name of a known format that we do not open, by its first bytes."""
    if data[4:8] == b"ftyp":
        brand = data[8:12]
        if brand in (b"avif", b"avis"):
            return "AVIF"
        return "HEIC" if brand[:2] == b"he" or brand in (b"mif1", b"msf1") else "MP4"
    if data[:1] == b"P" and data[1:2] in b"123456" and data[2:3].isspace():
        return "PNM"
    if b"<svg" in data[:1000]:
        return "SVG"
    return next((name for start, name in _FOREIGN if data.startswith(start)), None)


def _check(width: int, height: int) -> None:
    short, long = sorted((width, height))
    if width * height > MAX_PIXELS:
        raise ImageRejected("too_many_pixels", limit=MAX_PIXELS // 1_000_000)
    if long > MAX_ASPECT * short:
        raise ImageRejected("too_thin", width=width, height=height, limit=MAX_ASPECT)
    if short < MIN_SIDE:
        raise ImageRejected("too_small", width=width, height=height, limit=MIN_SIDE)


def _decoded(image: Image.Image) -> Image.Image:
    width, height = image.size
    share = min(1.0, MAX_SIDE / max(width, height))
    image.draft("RGB", (math.ceil(width * share), math.ceil(height * share)))  # a JPEG decodes at 1/2, 1/4 or 1/8
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
        raise ImageRejected("format", format=image.mode, allowed=", ".join(FORMATS)) from error


def _grey(image: Image.Image) -> Image.Image:
    """16-bit, 32-bit and float greys to 8 bits by scale, never by clipping.

    32-bit files do not say what their black and white are. Without negative values black is 0 and white the smallest
    of 1, 255 and 65535 that holds every value; else they are the smallest and the largest value.
    """
    values = np.array(image, dtype=np.float32)  # ours, and worked on in place: 100 MB for a large photo
    np.nan_to_num(values, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
    low, high = min(0.0, float(values.min())), float(values.max())
    if image.mode.startswith("I;16"):
        white = 65535.0
    else:
        white = high if low < 0 else next((w for w in (1.0, 255.0, 65535.0) if w >= high), high)
    values -= low
    values *= 255 / max(white - low, 1e-30)
    return Image.fromarray(np.rint(values, out=values).astype(np.uint8))


def preprocess(image: Image.Image, spec: ModelSpec, size: int | tuple[int, int] | None = None) -> Picture:
    """Shorter side to ``size / crop_pct``, centre crop to ``size``, normalise: what the library does to evaluate.

    Agrees pixel for pixel with torchvision's ``weights.transforms()`` and timm's ``create_transform``. A picture
    that is smaller is enlarged.

    Args:
        size: side in pixels, or (height, width); None is the model's own.

    Raises:
        ValueError: a side below 1.
    """
    height, width = (spec.size, spec.size) if size is None else (size, size) if isinstance(size, int) else size
    if min(height, width) < 1:
        raise ValueError(f"size must be at least 1; got {height} x {width}")
    rgb = image if image.mode == "RGB" else image.convert("RGB")
    high, wide = (math.floor(side / spec.crop_pct + 1e-6) for side in (height, width))  # 224 / (224 / 232) is 231.99...
    if rgb.height * wide <= rgb.width * high:  # the picture is the wider one: its height decides
        wide = int(high * rgb.width / rgb.height)
    else:
        high = int(wide * rgb.height / rgb.width)
    rgb = rgb.resize((wide, high), Image.Resampling[spec.interpolation.upper()])
    top, left = round((high - height) / 2), round((wide - width) / 2)
    return as_picture(np.asarray(rgb)[top : top + height, left : left + width], spec)


def as_picture(shown: np.ndarray, spec: ModelSpec) -> Picture:
    """The one place where pixels become input: ``x = (shown / 255 - mean) / std``.

    Args:
        shown: (H, W, 3) uint8, taken as it is.

    Raises:
        ValueError: another shape or type.
    """
    import torch

    if shown.dtype != np.uint8 or shown.ndim != 3 or shown.shape[2] != 3:
        raise ValueError(f"shown must be (H, W, 3) uint8; got {shown.shape} {shown.dtype}")
    shown = np.array(shown, order="C")  # our own copy, so that nobody can change what was shown
    shown.flags.writeable = False
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (spec.mean, spec.std))
    pixels = torch.tensor(shown).permute(2, 0, 1)[None]  # (1, 3, H, W) uint8
    x = pixels.contiguous().float().div(255).sub(mean).div(std)
    key = hashlib.sha256(shown.tobytes() + repr((shown.shape, spec.mean, spec.std)).encode()).hexdigest()
    return Picture(shown, x, key)


@dataclass(frozen=True)
class Sample:
    """A photo that comes with a library we need anyway: no file of ours, no download. Its name is text ``title``."""

    key: str
    package: str
    path: str  # inside the package
    credit: str  # photographer and licence, to be shown beside it
    # WordNet's numbers of the ImageNet classes that are a right name for it, or that some would call right; none where
    # ImageNet has no class for it
    shows: tuple[str, ...]

    @property
    def title(self) -> str:
        """Key of its name in ``assets/i18n``."""
        return f"sample.{self.key}"


SAMPLES: tuple[Sample, ...] = (
    Sample(
        "chelsea", "skimage", "data/chelsea.png", "Stefan van der Walt, CC0",
        ("n02123045", "n02123159"),  # tabby, tiger cat
    ),
    Sample(
        "coffee", "skimage", "data/coffee.png", "Rachel Michetti, Pikolo Espresso Bar, CC0",
        ("n07920052", "n07930864", "n03063599"),  # espresso, cup, coffee mug
    ),
    Sample(
        "rocket", "skimage", "data/rocket.jpg", "SpaceX, public domain",
        ("n03773504", "n04008634"),  # missile, projectile
    ),
    Sample("astronaut", "skimage", "data/astronaut.png", "NASA, public domain", ()),
    Sample(
        "china", "sklearn", "datasets/images/china.jpg", "danielbuechele, CC BY 2.0",
        ("n03877845", "n03781244"),  # palace, monastery
    ),
    Sample("flower", "sklearn", "datasets/images/flower.jpg", "vultilion, CC BY 2.0", ()),
)  # fmt: skip


def shows(photo: str) -> tuple[str, ...] | None:
    """Return ``Sample.shows`` of the sample of that key; None for any other photo: nobody told us what it shows."""
    return next((sample.shows for sample in SAMPLES if sample.key == photo), None)


@lru_cache(maxsize=len(SAMPLES))
def sample(key: str) -> Image.Image:
    """The sample photo in RGB; shared, so do not draw on it. The package is found, not imported.

    Raises:
        KeyError: no sample of that key.
        ImageRejected: the package is not installed or was stripped of its pictures.
    """
    row = {s.key: s for s in SAMPLES}[key]
    package = importlib.util.find_spec(row.package)
    if package is None or not package.submodule_search_locations:
        raise ImageRejected("missing", name=row.path)
    return read(Path(package.submodule_search_locations[0]) / row.path)
