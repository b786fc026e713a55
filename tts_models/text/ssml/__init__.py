"""SSML 1.1, a documented subset: marked-up text in, :class:`~tts_models.text.controls.ControlledText` out.

::

    source --reader--> tags and text with their places --document--> ControlledText + what stands where in the source
           (expat)                                        |
                                            elements' attributes: values
"""

from tts_models.text.ssml.document import CastVoice, SsmlText, VoiceWish, parse_ssml
from tts_models.text.ssml.reader import looks_like_ssml

__all__ = ["CastVoice", "SsmlText", "VoiceWish", "looks_like_ssml", "parse_ssml"]
