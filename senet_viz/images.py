"""Read a photo that nobody vouches for, and turn it into exactly what a model sees.

The bytes are looked at and decoded in a process of its own (``decoders``), within limits of work, time and memory; what
comes back is plain RGB pixels.
"""

from __future__ import annotations

import hashlib
import importlib.util
import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from PIL import Image

from senet_viz.decode import decode
from senet_viz.decoders import Decoders
from senet_viz.errors import ImageRejected
from senet_viz.types import Picture

if TYPE_CHECKING:
    from senet_viz.i18n import Texts
    from senet_viz.zoo import ModelSpec

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
    """The photo as RGB, upright, on white where it was transparent, longest side at most ``decode.MAX_SIDE``.

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
    return _DECODERS.decode(data)


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
    return decode(_bytes(Path(package.submodule_search_locations[0]) / row.path))  # vouched for by its package


def source(t: Texts, model: str = "", block: str = "", photo: str | None = None) -> str:
    """Return the line of a slide that says what it was made of; what is not given is not said.

    Args:
        photo: a sample's key, which brings its credit; or the name of a photo of one's own, "" where it has none.
    """
    known = {sample.key: sample for sample in SAMPLES}
    said = [model, block]
    if photo in known:
        said.append(t("export.photo.credit", photo=t(known[photo].title), credit=known[photo].credit))
    elif photo is not None:
        said.append(t("export.photo", photo=photo) if photo else t("export.photo.own"))
    return " · ".join(filter(None, said))
