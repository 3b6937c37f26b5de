"""The recipe of a training: every number that decides what comes out."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """A recipe holds everything that decides the result, and is written into the weight file."""

    block: str = "se"
    classes: int = 0  # 0: every class that the folder has; else the first N in alphabetical order
    epochs: int = 40
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
    shown: int = 80  # side of the whole pictures whose statistics the batch norms hold in the end
    mix: float = 0.2  # how much of a second picture is mixed in follows Beta(mix, mix); 0: nothing
    gate_decay: float = 1.5e-4  # weight decay of the two layers in front of a gate: with 5e-4 gates move half as far
    gate_start: float = 4.0  # the second of these layers starts so many times as large as PyTorch would have it

    def size_at(self, epoch: int) -> int:
        """Return the side of the training pictures in this epoch, in pixels."""
        return self.early_size if epoch < self.early_share * self.epochs else self.size

    def average_keeps(self, steps: int) -> float:
        """Return what share of the average a step leaves as it is, after so many steps.

        Little at first, then ``ema``: an average with a fixed share would hold the random start for whole epochs, and
        the first frames of the film would show that.
        """
        return min(self.ema, steps / (9 + steps))

    def frames(self) -> tuple[int, ...]:
        """Return the epochs after which the network is kept for the film of its training: 1, 2, 4, ... up to half."""
        return tuple(2**n for n in range(self.epochs.bit_length()) if 2 ** (n + 1) <= self.epochs)
