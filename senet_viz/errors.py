"""Named errors. The message is for a log; the sentence a person reads is text ``error.<code>`` in their language."""


class SenetVizError(Exception):
    """Every named error is one of these: ``code`` picks the sentence, ``details`` fill its placeholders."""

    code = "unexpected"

    def __init_subclass__(cls, code: str = "") -> None:
        cls.code = code or cls.code

    def __init__(self, message: str, **details: object) -> None:
        super().__init__(message)
        self.details = details


class ImageRejected(SenetVizError):
    """A file is no picture, or one that is refused; ``reason`` is one of ``reading.REASONS``."""

    def __init__(self, reason: str, **details: object) -> None:
        super().__init__(f"picture refused: {reason} {details or ''}".strip(), **details)
        self.reason = reason
        self.code = f"image.{reason}"


class PhotosRejected(SenetVizError, code="photos.none"):
    """A set of photos is refused, or one file of it; ``reason`` is one of ``sets.REASONS``."""

    def __init__(self, reason: str, **details: object) -> None:
        super().__init__(f"photos refused: {reason} {details or ''}".strip(), **details)
        self.reason = reason
        self.code = f"photos.{reason}"


class WeightsUnavailable(SenetVizError, code="weights"):
    """The weights are not on this machine and cannot be fetched; ``nobody``: no library has any that fit."""

    def __init__(self, message: str, nobody: bool = False, **details: object) -> None:
        super().__init__(message, **details)
        if nobody:
            self.code = "weights.nobody"


class WeightsInvalid(SenetVizError, code="weights_invalid"):
    """A weight file is damaged, or made for another network."""


class NoFilm(SenetVizError, code="no_film"):
    """Nothing was kept of this network's training, or nothing of that epoch."""

    def __init__(self, network: str) -> None:
        super().__init__(f"{network}: nothing was kept of its training", network=network)


class NoGateFound(SenetVizError, code="no_gate"):
    """The network has no attention block that we know, or none of that name."""


class NoGates(NoGateFound, code="no_gate.network"):
    """The network has no attention block at all, or none that we know: ``near`` names what looks like one."""

    def __init__(self, network: str, near: str = "") -> None:
        told = f"{network} has no attention block" + f" that we know; what looks like one: {near}" * bool(near)
        super().__init__(told, network=network, near=near)
        if near:
            self.code = "no_gate.near"


class NoClassScores(SenetVizError, code="no_scores"):
    """The network gives no class scores but maps or boxes; not ``listed``: so the app does not offer it at all."""

    def __init__(self, network: str, listed: bool = True) -> None:
        super().__init__(f"{network} gives no class scores", network=network)
        if not listed:
            self.code = "no_scores.apart"


class UnknownModel(SenetVizError, code="unknown_model"):
    """No model has that key; ``near`` are names that are spelt like it."""

    def __init__(self, message: str, name: str = "", near: str = "") -> None:
        super().__init__(message, name=name, near=near)
        if near:
            self.code = "unknown_model.near"


class OptionRefused(SenetVizError, code="option"):
    """A network was asked for an option that it has not, or for a value that it does not offer."""

    def __init__(self, network: str, wanted: object = "", offered: str = "") -> None:
        details = {"network": network, "wanted": wanted, "offered": offered}
        super().__init__(f"{network} has no {wanted}; it has {offered}", **details)
        if offered:
            self.code = "option.named"


class EditRefused(SenetVizError, ValueError, code="edit"):
    """A text is no edit, or an edit does not fit its block; the message says in a few words why."""

    def __init__(self, text: str, reason: str) -> None:
        super().__init__(f"{text!r}: {reason}", text=text)


class NotAHost(SenetVizError, code="host"):
    """Gates of ours cannot be put into this network, or it has some already."""

    def __init__(self, network: str) -> None:
        told = f"{network}: no place for a gate is known, or there are gates of ours already"
        super().__init__(told, network=network)


class DeviceUnavailable(SenetVizError, code="device"):
    """The device asked for is not on this machine."""


class Busy(SenetVizError, code="busy"):
    """Too many requests are waiting already."""


class ModelTooLarge(SenetVizError, code="model_too_large"):
    """A network weighs more MiB than all networks together may on this server: it is not loaded."""

    def __init__(self, model: str, mib: float, limit: float) -> None:
        details = {"model": model, "mib": f"{mib:.0f}", "limit": f"{limit:.0f}"}
        super().__init__(f"{model} weighs {mib:.0f} MiB, and networks may weigh {limit:.0f} MiB here", **details)


class EngineAway(SenetVizError, code="engine_away"):
    """The machine that runs the networks does not answer, and this network is none of those that ship."""


class Stopped(SenetVizError, code="stopped"):
    """The work was ended before it was done, because nobody waits for it any more."""


class TrainingRefused(SenetVizError, code="train"):
    """Data or a checkpoint cannot be trained with; the message is a plain sentence."""


class CardRefused(SenetVizError, code="card"):
    """Weight files and a profile do not belong together; the message is a plain sentence."""


class DeckRefused(SenetVizError, code="deck"):
    """Slides cannot be made of what was asked for; the message is a plain sentence."""


class LessonRefused(SenetVizError, code="lesson"):
    """There is no such lesson, or something is wrong with it; the message is a plain sentence."""
