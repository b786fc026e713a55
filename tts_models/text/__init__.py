"""Text frontend: text in, phonemes out.

::

    text -> controls -> lines, chunks -> normalize -> G2P by script -> segments of phonemes
"""

from tts_models.text.frontend import TextFrontend
from tts_models.text.languages import LANGUAGES, Language, resolve_language

__all__ = ["LANGUAGES", "Language", "TextFrontend", "resolve_language"]
