"""A model by the name that somebody typed."""

from senet_viz.errors import NoGates, UnknownModel
from senet_viz.models import catalogue, load

NEAR = 3  # modules that are named because they look like attention blocks


def named(name: str) -> catalogue.ModelSpec:
    """Return the row of a model: by its key, or by library and name.

    Raises:
        NoGates: timm or torchvision has a network of that name, and no block that we know is in it.
        UnknownModel: nobody has.
    """
    try:
        return catalogue.spec(name)
    except UnknownModel:
        if (bare := load.foreign(name)) is not None:
            from senet_viz.tap import layouts

            raise NoGates(name, ", ".join(layouts.near_misses(bare)[:NEAR])) from None
        raise
