"""Text normalisation: non-standard words (numbers, dates, money, addresses...) into the words a person would say.

One set of recognisers for all languages finds values in the text; a grammar per language says them. What no recogniser
knows is copied: letters, punctuation, case and white space stay as they are.

**The rule for symbols and emoji**, the same in every language:

1. A sign that stands for a word is read by its name: currency signs, signs of mathematics, ``% & @ # § © ° /`` and
   Greek letters standing alone.
2. Punctuation stays, for it shapes the prosody.
3. Every other sign (emoji, pictographs, arrows, bullets, box drawing, ``* _ ` ~ |`` of markup, ``® ™``, control and
   private-use characters) is silent and leaves a word boundary. A text of nothing else has nothing to say.
"""

from __future__ import annotations

from tts_models.text.normalize.characters import fold
from tts_models.text.normalize.grammars import grammar
from tts_models.text.normalize.scan import rewrite

__all__ = ["grammar", "normalize"]


def normalize(text: str, language: str) -> str:
    """Write ``text`` as it is said in ``language``.

    Args:
        text: Any string.
        language: BCP-47 tag such as ``en-US``.

    Returns:
        The text with digits, dates, sums and the like in words; no decimal digit is left.

    Raises:
        UnsupportedLanguage: No grammar of that language.
    """
    return rewrite(fold(text), grammar(language))
