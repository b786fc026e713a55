"""Which characters are written one way only, which are spoken and which are silent.

Source: compatibility decompositions and general categories of the Unicode character database (``unicodedata``).
"""

from __future__ import annotations

import re
import unicodedata

_JOINERS = "\u200c\u200d"
"""Zero-width (non-)joiners: part of the spelling between Devanagari letters, glue of emoji sequences elsewhere."""
_STRAY_JOINER = re.compile(rf"(?<![\u0900-\u0dff])[{_JOINERS}]+|[{_JOINERS}]+(?![\u0900-\u0dff])")
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")
_KEPT = frozenset("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺ªº™℠℡…‥¨¯´¸˘˙˚˛˜˝·\u00a0\u2007\u202f\u2009№°℃℉")
"""Compatibility characters with a meaning that their decomposition would lose; recognisers read them."""
_WIDE_PUNCTUATION = frozenset("！（），．：；？［］｛｝｟｠｡｢｣､･")
"""Punctuation of full-width text, which the G2P of such text knows."""
_SEAM = "\x1f"
"""Stands where a folded character must not run into its neighbour, until :func:`fold` has seen both."""
_VOICING = {"\u3099": "ﾞ", "\u309a": "ﾟ"}
"""Marks that become part of the kana before them, and the letters they are where there is none."""
_STRAY_VOICING = re.compile(r"(?<![\u3041-\u30ff])[\u3099\u309a]")
_BREAKS = frozenset("\n\r\t\x0b\x0c\x85\u2028\u2029")
_FOLDED_TAGS = ("<wide>", "<narrow>", "<font>", "<compat>", "<super>", "<sub>", "<square>", "<fraction>", "<vertical>")


def _fold(char: str) -> str:
    """What one character is written as before anything is recognised."""
    if char in _KEPT or char in _BREAKS or char in _JOINERS or char in _WIDE_PUNCTUATION:
        return char
    category = unicodedata.category(char)
    if category == "Nd":
        return str(unicodedata.digit(char))
    if category == "Cf" or "\ufe00" <= char <= "\ufe0f" or char == "\u20e3":
        return ""
    if category in ("Cc", "Cs", "Co", "Cn"):
        return " "
    if category == "Zs":
        return " "
    if "\u2160" <= char <= "\u217f":  # Roman numerals with a character of their own
        return f"{_SEAM}{unicodedata.numeric(char):.0f}{_SEAM}"
    decomposition = unicodedata.decomposition(char)
    if not decomposition.startswith("<"):
        return char
    plain = unicodedata.normalize("NFKC", char)
    if decomposition.startswith(("<circle>", "<square>", "<fraction>")) or re.fullmatch(r"\(\w+\)|\d+\.", plain):
        return f"{_SEAM}{plain.strip('().')}{_SEAM}"  # "②③" is two numbers, "3½" three and a half
    if category in ("Lo", "Lm") and char not in "ﾞﾟ" and not any(map(str.isalpha, plain)):
        return char  # ﹰ: an Arabic vowel by itself, not a blank and a mark
    return plain if decomposition.startswith(_FOLDED_TAGS) else char


class _FoldTable(dict[int, str]):
    """Fills itself for ``str.translate``, one character at a time."""

    def __missing__(self, code: int) -> str:
        self[code] = folded = _fold(chr(code))
        return folded


_TABLE = _FoldTable()


_SEAMS = re.compile(rf"(?:(?<=(\w)){_SEAM}|{_SEAM})+(?=(\w))?")
_WIDE_SEPARATOR = re.compile(r"(?<=\d)[：．](?=\d)")


def fold(text: str) -> str:
    """Write every character in its plain form.

    Full-width, half-width, mathematical-alphabet, circled and ligature forms become the ordinary characters, digits of
    every script become 0-9, and characters without a meaning of their own (format and control characters, variation
    selectors, private use, lone surrogates) go. Letters stay, composed (NFC). Line breaks stay.
    """
    text = unicodedata.normalize("NFC", text.translate(_TABLE))
    text = _STRAY_VOICING.sub(lambda m: _VOICING[m[0]], text)
    text = _SEAMS.sub(lambda m: join(m[1] or "", m[2] or ""), text)
    text = _WIDE_SEPARATOR.sub(lambda m: ":" if m[0] == "：" else ".", text)
    return _STRAY_JOINER.sub("", text)


def superscript_value(text: str) -> str:
    """``"⁻²"`` -> ``"-2"``."""
    return text.translate(_SUPERSCRIPTS)


def is_silent(char: str) -> bool:
    """Whether a character that is neither letter, digit, space nor named symbol is skipped rather than kept.

    Punctuation is kept, for it shapes the prosody, except the signs of markup; emoji, pictographs, arrows, bullets and
    box drawing are silent.
    """
    return unicodedata.category(char)[0] == "S" or char in "*_`~|\\^#@•‣⁃†‡※§¶"


_CJK = re.compile(
    r"[\u2e80-\u2fdf\u3005-\u3007\u3041-\u30ff\u31f0-\u31ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)


def is_cjk(char: str) -> bool:
    """Whether the character belongs to a script written without spaces between words (Han, kana)."""
    return bool(_CJK.match(char))


def join(left: str, right: str) -> str:
    """A space when ``left`` and ``right`` would otherwise run into one word, else nothing."""
    if not left or not right:
        return ""
    before, after = left[-1], right[0]
    if not (before.isalnum() or unicodedata.category(before)[0] == "M") or not after.isalnum():
        return ""
    return "" if is_cjk(before) or is_cjk(after) else " "
