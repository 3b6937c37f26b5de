"""What a page must say: the same question put to a model of our own, past the engine, its caches and the pages."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from torch import nn

from senet_viz.models import catalogue
from senet_viz.photos import preprocess, samples
from senet_viz.tap import hooks, layouts
from senet_viz.types import BlockTrace, Trace
from tests import networks
from tests.networks import Weights


def model(key: str, weights: Weights = "random") -> nn.Module:
    """The model; its random weights are the same on every call."""
    return networks.network(f"models/{key}", weights)


def names(key: str) -> tuple[str, ...]:
    """Names of its blocks, from the input to the output."""
    return tuple(ref.name for ref in layouts.find(model(key)))


@lru_cache(maxsize=16)
def trace(key: str, photo: str, block: str, size: int | None = None, weights: Weights = "random") -> Trace:
    """A sample photo's trace, with the u of one block."""
    torch.set_num_threads(1)
    picture = preprocess.preprocess(samples.sample(photo), catalogue.spec(key), size)
    return hooks.run(model(key, weights), picture.x, keep_u=(block,))


def block(key: str, photo: str, name: str, size: int | None = None) -> BlockTrace:
    """That block, with its u."""
    return trace(key, photo, name, size).block(name)


def z(found: BlockTrace) -> np.ndarray:
    """(C,) float32."""
    assert found.z is not None
    return found.z.numpy()


def logit(found: BlockTrace) -> np.ndarray:
    """(M, C) float32."""
    assert found.logit is not None
    return found.logit.numpy()
