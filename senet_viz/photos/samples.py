"""The sample photos, whose they are, and what they show."""

from dataclasses import dataclass
from functools import lru_cache

from PIL import Image

from senet_viz import assets
from senet_viz.errors import ImageRejected
from senet_viz.i18n import Texts
from senet_viz.photos import decode, reading


@dataclass(frozen=True)
class Sample:
    """A sample comes with a library that we need anyway: no file of ours, no download. Its name is text ``title``."""

    key: str
    package: str
    path: str  # inside the package
    credit: str  # photographer and licence, to be shown beside it
    # WordNet's numbers of the ImageNet classes that are a right name for it, or that some would call right; none where
    # ImageNet has no class for it
    shows: tuple[str, ...]

    @property
    def title(self) -> str:
        """Return the key of its name in ``assets/i18n``."""
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
_KNOWN = {sample.key: sample for sample in SAMPLES}


def shows(photo: str) -> tuple[str, ...] | None:
    """Return ``Sample.shows`` of the sample of that key; None for any other photo: nobody told us what it shows."""
    return _KNOWN[photo].shows if photo in _KNOWN else None


@lru_cache(maxsize=len(SAMPLES))
def sample(key: str) -> Image.Image:
    """Return a sample photo in RGB; it is shared, so do not draw on it. The package is found, not imported.

    Raises:
        KeyError: no sample of that key.
        ImageRejected: the package is not installed or was stripped of its pictures.
    """
    row = _KNOWN[key]
    folder = assets.package(row.package)
    if folder is None:
        raise ImageRejected("missing", name=row.path)
    return decode.decode(reading.contents(folder / row.path))  # vouched for by its package


def source(t: Texts, model: str = "", block: str = "", photo: str | None = None) -> str:
    """Return the line of a slide that says what it was made of; what is not given is not said.

    Args:
        photo: a sample's key, which brings its credit; or the name of a photo of one's own, "" where it has none.
    """
    said = [model, block]
    if photo in _KNOWN:
        said.append(t("export.photo.credit", photo=t(_KNOWN[photo].title), credit=_KNOWN[photo].credit))
    elif photo is not None:
        said.append(t("export.photo", photo=photo) if photo else t("export.photo.own"))
    return " · ".join(filter(None, said))
