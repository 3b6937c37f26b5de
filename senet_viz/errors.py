"""Named errors. The message is for a log; the sentence a person reads is text ``error.<code>`` in their language."""

from __future__ import annotations


class SenetVizError(Exception):
    """Base of all. ``code`` picks the sentence, ``details`` fill its placeholders."""

    code = "unexpected"

    def __init__(self, message: str, **details: object) -> None:
        super().__init__(message)
        self.details = details


class ImageRejected(SenetVizError):
    """A file that is no picture, or one that is refused; ``reason`` is one of ``images.REASONS``."""

    def __init__(self, reason: str, **details: object) -> None:
        super().__init__(f"picture refused: {reason} {details or ''}".strip(), **details)
        self.reason = reason
        self.code = f"image.{reason}"


class PhotosRejected(SenetVizError):
    """A set of photos that is refused, or one file of it; ``reason`` is one of ``photos.REASONS``."""

    code = "photos.none"

    def __init__(self, reason: str, **details: object) -> None:
        super().__init__(f"photos refused: {reason} {details or ''}".strip(), **details)
        self.reason = reason
        self.code = f"photos.{reason}"


class WeightsUnavailable(SenetVizError):
    """The weights are not on this machine and cannot be fetched."""

    code = "weights"


class WeightsInvalid(SenetVizError):
    """A weight file that is damaged, or made for another network."""

    code = "weights_invalid"


class NoGateFound(SenetVizError):
    """The network has no attention block that we know, or none of that name."""

    code = "no_gate"


class UnknownModel(SenetVizError):
    """No model of that key."""

    code = "unknown_model"


class DeviceUnavailable(SenetVizError):
    """The device asked for is not on this machine."""

    code = "device"


class Busy(SenetVizError):
    """Too many requests are waiting already."""

    code = "busy"


class TrainingRefused(SenetVizError):
    """Data or a checkpoint that cannot be trained with; the message is a plain sentence."""

    code = "train"


class CardRefused(SenetVizError):
    """Weight files and a profile that do not belong together; the message is a plain sentence."""

    code = "card"
