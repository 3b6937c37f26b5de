"""Named errors. The message is for a log; the sentence a person reads is text ``error.<code>`` in their language."""

from __future__ import annotations


class SenetVizError(Exception):
    """Base of all. ``code`` picks the sentence, ``details`` fill its placeholders."""

    code = "unexpected"

    def __init__(self, message: str, **details: object) -> None:
        super().__init__(message)
        self.details = details


class ImageRejected(SenetVizError):
    """A file that is no picture, or one that is refused; ``reason`` is one of ``reading.REASONS``."""

    def __init__(self, reason: str, **details: object) -> None:
        super().__init__(f"picture refused: {reason} {details or ''}".strip(), **details)
        self.reason = reason
        self.code = f"image.{reason}"


class PhotosRejected(SenetVizError):
    """A set of photos that is refused, or one file of it; ``reason`` is one of ``sets.REASONS``."""

    code = "photos.none"

    def __init__(self, reason: str, **details: object) -> None:
        super().__init__(f"photos refused: {reason} {details or ''}".strip(), **details)
        self.reason = reason
        self.code = f"photos.{reason}"


class WeightsUnavailable(SenetVizError):
    """The weights are not on this machine and cannot be fetched; ``nobody``: no library has any that fit."""

    code = "weights"

    def __init__(self, message: str, nobody: bool = False, **details: object) -> None:
        super().__init__(message, **details)
        if nobody:
            self.code = "weights.nobody"


class WeightsInvalid(SenetVizError):
    """A weight file that is damaged, or made for another network."""

    code = "weights_invalid"


class NoGateFound(SenetVizError):
    """The network has no attention block that we know, or none of that name."""

    code = "no_gate"


class NoGates(NoGateFound):
    """The network has no attention block at all."""

    code = "no_gate.network"

    def __init__(self, network: str) -> None:
        super().__init__(f"{network} has no attention block", network=network)


class NoClassScores(SenetVizError):
    """Class scores were asked for, and the network gives something else: maps, boxes."""

    code = "no_scores"

    def __init__(self, network: str) -> None:
        super().__init__(f"{network} gives no class scores", network=network)


class UnknownModel(SenetVizError):
    """No model of that key."""

    code = "unknown_model"


class OptionRefused(SenetVizError):
    """A network was asked for an option that it has not, or for a value that it does not offer."""

    code = "option"

    def __init__(self, network: str, wanted: object = "", offered: str = "") -> None:
        super().__init__(
            f"{network} has no {wanted}; it has {offered}", network=network, wanted=wanted, offered=offered
        )
        if offered:
            self.code = "option.named"


class EditRefused(SenetVizError, ValueError):
    """Text that is no edit, or an edit that does not fit its block; ``reason`` says in a few words why."""

    code = "edit"

    def __init__(self, text: str, reason: str) -> None:
        super().__init__(f"{text!r}: {reason}", text=text)


class NotAHost(SenetVizError):
    """A network that gates of ours cannot be put into, or that has some already."""

    code = "host"

    def __init__(self, network: str) -> None:
        super().__init__(
            f"{network}: no place for a gate is known, or there are gates of ours already", network=network
        )


class DeviceUnavailable(SenetVizError):
    """The device asked for is not on this machine."""

    code = "device"


class Busy(SenetVizError):
    """Too many requests are waiting already."""

    code = "busy"


class Stopped(SenetVizError):
    """Work that was ended before it was done, because nobody waits for it any more."""

    code = "stopped"


class TrainingRefused(SenetVizError):
    """Data or a checkpoint that cannot be trained with; the message is a plain sentence."""

    code = "train"


class CardRefused(SenetVizError):
    """Weight files and a profile that do not belong together; the message is a plain sentence."""

    code = "card"
