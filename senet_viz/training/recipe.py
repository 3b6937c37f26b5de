"""The recipe of a training: every number that decides what comes out."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """A recipe holds everything that decides the result, and is written into the weight file."""

    block: str = "se"
    classes: int = 0  # 0: every class that the folder has; else the first N in alphabetical order
    epochs: int = 32
    seed: int = 0
    batch: int = 128
    lr: float = 0.2
    weight_decay: float = 5e-4
    smoothing: float = 0.1
    size: int = 64
    early_size: int = 48  # the first `early_share` of the epochs run smaller pictures, which is faster
    early_share: float = 0.6
    min_area: float = 0.25  # random resized crop: share of the picture's area, from this to 1
    ema: float = 0.997

    def size_at(self, epoch: int) -> int:
        """Return the side of the training pictures in this epoch, in pixels."""
        return self.early_size if epoch < self.early_share * self.epochs else self.size
