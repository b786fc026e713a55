"""Everything that can go wrong, as one tree.

::

    TtsError
     + RequestError             the caller's fault
     |  + EmptyText             nothing to say
     |  + TextTooLong           more characters than the server accepts
     |  + UnpronounceableText   characters, but none that can be spoken
     |  + ForbiddenText         something that the operator's word filter refuses
     |  + UnsupportedLanguage   a language no text frontend speaks
     |  + InvalidRequest        a parameter out of range or of the wrong form
     |  |  + InvalidSsml        SSML that is not well formed, or asks for what there is not
     |  + ReferenceAudioError   reference audio that cannot be used
     |  |  + NotAudio           no audio file, or a damaged one
     |  |  + ReferenceTooShort  not enough speech to know a voice by
     |  |  + ReferenceTooLong   more than is listened to
     |  |  + NoSpeech           sound, but nobody who speaks
     |  |  + ReferenceClipped   recorded much too loud
     |  |  + SeveralSpeakers    more than one person speaks
     |  + VoiceNotFound         no voice of that name
     + AssetError               a missing or corrupt asset; a replica with it does not start
     + SynthesisError           a model made empty or non-finite output
     + OutOfMemory              the memory a model has does not do for a batch; a smaller one may fit

Arguments are positional and all go to ``super().__init__``: exceptions with keyword-only arguments do not survive the
pickling between replicas. The message is written for whoever made the request: what was wrong, why, what would work.
"""

from __future__ import annotations


class TtsError(Exception):
    """Base of every error this package raises on purpose."""

    @property
    def message(self) -> str:
        """The text for the caller."""
        return str(self.args[0])


class RequestError(TtsError):
    """The request cannot be served as it is; args: message, then the name of the offending parameter or ``""``."""

    default_param = ""

    def __init__(self, message: str, param: str = "") -> None:
        super().__init__(message, param or self.default_param)

    @property
    def param(self) -> str:
        """Name of the request parameter at fault, or ``""``."""
        return str(self.args[1])

    def __str__(self) -> str:
        return self.message


class EmptyText(RequestError):
    """The text is empty or white space."""

    default_param = "input"


class TextTooLong(RequestError):
    """The text has more characters than the server accepts."""

    default_param = "input"


class UnpronounceableText(RequestError):
    """Nothing in the text can be spoken."""

    default_param = "input"


class ForbiddenText(RequestError):
    """The text holds something that the operator's word filter refuses."""

    default_param = "input"


class UnsupportedLanguage(RequestError):
    """No text frontend for the language."""

    default_param = "language"


class InvalidRequest(RequestError):
    """A parameter is out of range or of the wrong form."""


class InvalidSsml(InvalidRequest):
    """SSML that is not well formed, or that asks for what there is not; the message begins with line and column."""

    default_param = "input"


class ReferenceAudioError(RequestError):
    """Reference audio that cannot be used, for another reason than those below."""

    default_param = "audio_sample"


class NotAudio(ReferenceAudioError):
    """The file is no audio, or a damaged one, or in a format not known here."""


class ReferenceTooShort(ReferenceAudioError):
    """There is not enough speech to know a voice by."""


class ReferenceTooLong(ReferenceAudioError):
    """There is more than is listened to: seconds, bytes or clips."""


class NoSpeech(ReferenceAudioError):
    """There is sound, but nobody who speaks."""


class ReferenceClipped(ReferenceAudioError):
    """The recording was much too loud for whatever recorded it."""


class SeveralSpeakers(ReferenceAudioError):
    """More than one person speaks."""


class VoiceNotFound(RequestError):
    """No voice of that name."""

    default_param = "voice"


class AssetError(TtsError):
    """An asset is missing or corrupt and could not be fetched."""


class SynthesisError(TtsError):
    """A model returned empty or non-finite output."""


class OutOfMemory(TtsError):
    """The memory that a model has, of its device or of the machine, does not do for a batch."""
