"""IPA as people and dictionaries write it, in the symbols that Kokoro was trained on."""

from __future__ import annotations

import unicodedata

import regex

from tts_models.text.vocabulary import has_sound, to_vocabulary

_AFFRICATES = (
    ("tʃ", "ʧ"), ("dʒ", "ʤ"), ("tɕ", "ʨ"), ("dʑ", "ʥ"),
    ("t͡s", "ʦ"), ("d͡z", "ʣ"), ("t͜s", "ʦ"), ("d͜z", "ʣ"),
)  # fmt: skip
_TIES = str.maketrans(dict.fromkeys("\u0361\u035c", ""))
_ENGLISH = (
    ("eɪ", "A"), ("aɪ", "I"), ("oʊ", "O"), ("aʊ", "W"), ("ɔɪ", "Y"), ("əʊ", "Q"), ("ɝ", "ɜɹ"), ("ɚ", "əɹ"), ("r", "ɹ"),
)  # fmt: skip
"""Kokoro's letters for English diphthongs. Source: ``FROM_ESPEAKS`` and ``EN.md`` of misaki."""
_STRESS_BEFORE_ONSET = regex.compile(r"([ˈˌ])([^\sˈˌaeiouyAIOQWYæɐɑɒɔəɚɛɜɤɨɪɯøœʉʊʌᵊᵻɘɵɞɝʏ]+)(?=\p{L})")
_SYLLABLES = regex.compile(r"[.‿()\[\]/]")


def spell_ipa(ipa: str, language: str) -> str:
    """``ipa`` in the vocabulary's symbols, or ``""`` if there is no sound in it.

    Ties, syllable points and brackets go, sounds the model never met become the nearest that it did, stress marks stand
    before the vowel as in its training, and English diphthongs become its letters for them.

    Args:
        ipa: Such as ``təˈmeɪtoʊ``; Kokoro's own symbols are understood too.
        language: Tag of one of our languages.
    """
    text = unicodedata.normalize("NFC", _SYLLABLES.sub("", ipa)).replace("'", "ˈ")
    for written, symbol in _AFFRICATES:
        text = text.replace(written, symbol)
    text = text.translate(_TIES)
    for written, symbol in _AFFRICATES:
        text = text.replace(written, symbol)
    if language.startswith("en"):
        for written, symbol in _ENGLISH:
            text = text.replace(written, symbol)
        if language == "en-US":
            text = text.replace("ː", "").replace("Q", "O")
    symbols = " ".join(to_vocabulary(_STRESS_BEFORE_ONSET.sub(r"\2\1", text)).split())
    return symbols if has_sound(symbols) else ""
