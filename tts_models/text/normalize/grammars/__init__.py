"""One grammar per language; :func:`grammar` finds it by BCP-47 tag."""

from __future__ import annotations

from tts_models.errors import UnsupportedLanguage
from tts_models.text.normalize.grammar import Grammar
from tts_models.text.normalize.grammars.chinese import Chinese
from tts_models.text.normalize.grammars.english import BritishEnglish, English
from tts_models.text.normalize.grammars.french import French
from tts_models.text.normalize.grammars.hindi import Hindi
from tts_models.text.normalize.grammars.italian import Italian
from tts_models.text.normalize.grammars.japanese import Japanese
from tts_models.text.normalize.grammars.portuguese import Portuguese
from tts_models.text.normalize.grammars.spanish import Spanish

_GRAMMARS: dict[str, Grammar] = {
    g.tag: g
    for g in (
        English(),
        BritishEnglish(),
        Spanish(),
        French(),
        Hindi(),
        Italian(),
        Japanese(),
        Portuguese(),
        Chinese(),
    )
}
_BY_SUBTAG = {tag.split("-")[0]: g for tag, g in reversed(_GRAMMARS.items())}
_ALIASES = {"cmn": "zh"}


def grammar(language: str) -> Grammar:
    """The grammar of ``en-US``, ``es``, ``pt-BR``...; of another region, that of the language.

    Raises:
        UnsupportedLanguage: None of the grammars is of that language.
    """
    for tag, found in _GRAMMARS.items():
        if tag.lower() == language.replace("_", "-").lower():
            return found
    subtag = language.replace("_", "-").split("-")[0].lower()
    try:
        return _BY_SUBTAG[_ALIASES.get(subtag, subtag)]
    except KeyError:
        raise UnsupportedLanguage(f"no grammar for language {language!r}; there are {', '.join(_GRAMMARS)}") from None
