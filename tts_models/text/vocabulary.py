"""The symbols Kokoro was trained on, and how any other IPA is spelt in them.

Source: ``config.json`` of ``hexgrad/Kokoro-82M`` (Apache-2.0), key ``vocab``: 114 symbols whose ids lie in an embedding
table of 178 rows; id 0 is the padding token.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

from anyascii import anyascii

VOCABULARY_SIZE = 178
"""Rows of the model's token embedding, ``n_token``."""

# fmt: off
SYMBOL_IDS: dict[str, int] = {
    ";": 1, ":": 2, ",": 3, ".": 4, "!": 5, "?": 6, "—": 9, "…": 10, '"': 11, "(": 12, ")": 13, "“": 14, "”": 15,
    " ": 16, "\u0303": 17, "ʣ": 18, "ʥ": 19, "ʦ": 20, "ʨ": 21, "ᵝ": 22, "\uab67": 23, "A": 24, "I": 25, "O": 31,
    "Q": 33, "S": 35, "T": 36, "W": 39, "Y": 41, "ᵊ": 42, "a": 43, "b": 44, "c": 45, "d": 46, "e": 47, "f": 48,
    "h": 50, "i": 51, "j": 52, "k": 53, "l": 54, "m": 55, "n": 56, "o": 57, "p": 58, "q": 59, "r": 60, "s": 61,
    "t": 62, "u": 63, "v": 64, "w": 65, "x": 66, "y": 67, "z": 68, "ɑ": 69, "ɐ": 70, "ɒ": 71, "æ": 72, "β": 75,
    "ɔ": 76, "ɕ": 77, "ç": 78, "ɖ": 80, "ð": 81, "ʤ": 82, "ə": 83, "ɚ": 85, "ɛ": 86, "ɜ": 87, "ɟ": 90, "ɡ": 92,
    "ɥ": 99, "ɨ": 101, "ɪ": 102, "ʝ": 103, "ɯ": 110, "ɰ": 111, "ŋ": 112, "ɳ": 113, "ɲ": 114, "ɴ": 115, "ø": 116,
    "ɸ": 118, "θ": 119, "œ": 120, "ɹ": 123, "ɾ": 125, "ɻ": 126, "ʁ": 128, "ɽ": 129, "ʂ": 130, "ʃ": 131, "ʈ": 132,
    "ʧ": 133, "ʊ": 135, "ʋ": 136, "ʌ": 138, "ɣ": 139, "ɤ": 140, "χ": 142, "ʎ": 143, "ʒ": 147, "ʔ": 148, "ˈ": 156,
    "ˌ": 157, "ː": 158, "ʰ": 162, "ʲ": 164, "↓": 169, "→": 171, "↗": 172, "↘": 173, "ᵻ": 177,
}
# fmt: on
"""Symbol -> token id."""

PUNCTUATION = frozenset(';:,.!?—…"()“”')
"""Symbols that are pauses and intonation, not sounds."""

# Sounds the model never met -> the nearest it did, by place and manner of articulation.
_NEAREST = {
    "g": "ɡ", "ɓ": "b", "ɗ": "d", "ᶑ": "ɖ", "ɠ": "ɡ", "ʛ": "ɡ", "ʄ": "ɟ", "ɢ": "ɡ", "ħ": "h", "ɦ": "h", "ʜ": "h",
    "ɧ": "ʃ", "ʕ": "ʔ", "ʡ": "ʔ", "ʢ": "ʔ", "ˀ": "ʔ", "ʍ": "w", "ɬ": "l", "ɫ": "l", "ɭ": "l", "ɮ": "l", "ʟ": "l",
    "ɺ": "ɾ", "ʙ": "b", "ʀ": "ʁ", "ⱱ": "v", "ɱ": "m", "ʑ": "ʒ", "ʐ": "ʒ", "ʩ": "ʃ", "ʪ": "s", "ʫ": "z", "ƫ": "t",
    "ɼ": "r", "ʆ": "ʃ", "ʇ": "t", "ʓ": "ʒ", "ʖ": "ʔ", "ʚ": "ɜ", "ʞ": "k", "ʠ": "q", "ʬ": "w", "ʭ": "t",
    "ʮ": "y", "ʯ": "y", "ʘ": "p", "ǀ": "t", "ǃ": "t", "ǂ": "k", "ǁ": "l", "ʗ": "k",
    "ɘ": "ə", "ɵ": "ə", "ʉ": "u", "ɶ": "œ", "ʏ": "y", "ɞ": "ɜ", "ɝ": "ɚ", "ɿ": "ɨ", "ʅ": "ɨ", "ɩ": "ɪ", "ɷ": "ʊ",
    "ᶻ": "z", "ᵑ": "ŋ", "ⁿ": "n", "ᵐ": "m", "ˠ": "ɣ", "ʷ": "w", "ᶣ": "ɥ", "ʴ": "ɹ", "ʵ": "ɻ", "ʱ": "ʰ",
    "ˑ": "ː", "'": "ˈ", "«": "“", "»": "”", "|": ",", "‖": ".", "↑": "↗", "ꜛ": "↗", "ꜜ": "↘",
    # Marks without a sound of their own: pharyngealisation, ties, tone letters, marks of other notations.
    **dict.fromkeys("ˤʼ‿\u0361\u035c˥˦˧˨˩^-_*¿¡0123456789", ""),
}  # fmt: skip

_SYLLABIC = "\u0329"


def is_sound(symbol: str) -> bool:
    """Whether a vocabulary symbol is heard as a sound, rather than as a pause, a stress or a tone."""
    return symbol not in PUNCTUATION and symbol not in " ˈˌː↓→↗↘\u0303ʰʲᵝ"


def has_sound(symbols: str) -> bool:
    """Whether anything in ``symbols`` would be heard."""
    return any(map(is_sound, symbols))


@lru_cache(maxsize=4096)
def _spell(symbol: str) -> str:
    """One character of IPA in vocabulary symbols; empty only for marks that carry no sound of their own."""
    if symbol in SYMBOL_IDS:
        return symbol
    if symbol in _NEAREST:
        return _NEAREST[symbol]
    if symbol.isspace():
        return " "
    decomposed = unicodedata.normalize("NFKD", symbol)
    if decomposed != symbol:
        return "".join(map(_spell, decomposed))
    if unicodedata.category(symbol) not in ("Lu", "Ll", "Lt", "Lo"):
        return ""
    latin = anyascii(symbol).lower()  # no letter of the IPA, but still a letter
    return "".join(_spell(letter) for letter in latin if letter.isascii() and letter.isalpha())


def to_vocabulary(ipa: str) -> str:
    """Spells IPA in the model's symbols: unknown sounds become the nearest known ones, marks without sound go.

    Args:
        ipa: Any IPA, as espeak, misaki or a person writes it.

    Returns:
        A string of vocabulary symbols only.
    """
    if _SYLLABIC in ipa:  # a syllabic consonant is heard as schwa + consonant, which misaki writes ᵊ
        chars: list[str] = []
        for char in ipa:
            if char == _SYLLABIC and chars:
                chars.insert(len(chars) - 1, "ᵊ")
            elif char != _SYLLABIC:
                chars.append(char)
        ipa = "".join(chars)
    return "".join(map(_spell, ipa))


def unknown_symbols(symbols: str) -> list[str]:
    """The characters of ``symbols`` that are not in the vocabulary, each once, in order."""
    return [char for char in dict.fromkeys(symbols) if char not in SYMBOL_IDS]


def encode(symbols: str) -> tuple[int, ...]:
    """Token ids of vocabulary symbols.

    Raises:
        KeyError: A symbol that is not in the vocabulary; :func:`to_vocabulary` first.
    """
    return tuple(SYMBOL_IDS[symbol] for symbol in symbols)
