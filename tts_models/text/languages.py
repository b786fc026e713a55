"""The languages the text frontend speaks."""

from __future__ import annotations

from dataclasses import dataclass

from tts_models.errors import UnsupportedLanguage


@dataclass(frozen=True, slots=True)
class Language:
    """A language of the model.

    Attributes:
        tag: BCP-47 tag, the name used everywhere in this project.
        name: English name.
        voice_prefix: First letter of the names of its voices, such as ``a`` in ``af_heart``.
        espeak: Name of its espeak-ng voice.
    """

    tag: str
    name: str
    voice_prefix: str
    espeak: str


LANGUAGES: dict[str, Language] = {
    language.tag: language
    for language in (
        Language("en-US", "American English", "a", "en-us"),
        Language("en-GB", "British English", "b", "en-gb"),
        Language("es", "Spanish", "e", "es"),
        Language("fr-FR", "French", "f", "fr-fr"),
        Language("hi", "Hindi", "h", "hi"),
        Language("it", "Italian", "i", "it"),
        Language("ja", "Japanese", "j", "ja"),
        Language("pt-BR", "Brazilian Portuguese", "p", "pt-br"),
        Language("zh", "Mandarin Chinese", "z", "cmn"),
    )
}
"""BCP-47 tag -> language; Source: ``LANG_CODES`` of ``kokoro/pipeline.py``."""

_BRITISH_REGIONS = ("au", "nz", "ie", "za", "in", "sg", "hk", "uk")
_ALIASES = {
    **{tag.lower(): tag for tag in LANGUAGES},
    **{f"en-{region}": "en-GB" for region in _BRITISH_REGIONS},
    "en": "en-US",
    "fr": "fr-FR",
    "pt": "pt-BR",
    "cmn": "zh",
}


def resolve_language(tag: str) -> Language:
    """The language a BCP-47 tag asks for, by RFC 4647 lookup: ``es-MX`` finds ``es``, ``zh-Hans-CN`` finds ``zh``.

    Raises:
        UnsupportedLanguage: None of ours; the message lists what works.
    """
    subtags = tag.strip().lower().replace("_", "-").split("-")
    if subtags[:2] != ["zh", "yue"]:  # Cantonese under its older name is not Mandarin
        for length in range(len(subtags), 0, -1):
            known = _ALIASES.get("-".join(subtags[:length]))
            if known:
                return LANGUAGES[known]
    works = ", ".join(f"{language.tag} ({language.name})" for language in LANGUAGES.values())
    raise UnsupportedLanguage(f"Language {tag!r} is not supported; these are: {works}.")
