"""Japanese: Open JTalk's words and readings, in the symbols Kokoro v1.0 learnt."""

from __future__ import annotations

import threading
from functools import lru_cache
from importlib.resources import files

from tts_models.text.align import align
from tts_models.text.g2p.words import CLOSING, OPENING, PUNCTUATION_SYMBOLS, Word, is_pronounceable
from tts_models.text.vocabulary import to_vocabulary

_MORAE = {
    "ア": "a i ɯ e o", "カ": "ka kʲi kɯ ke ko", "ガ": "ɡa ɡʲi ɡɯ ɡe ɡo", "サ": "sa ɕi sɨ se so",
    "ザ": "ʣa ʥi zɨ ʣe ʣo", "タ": "ta ʨi ʦɨ te to", "ダ": "da ʥi zɨ de do", "ナ": "na ɲi nɯ ne no",
    "ハ": "ha çi ɸɯ he ho", "バ": "ba bʲi bɯ be bo", "パ": "pa pʲi pɯ pe po", "マ": "ma mʲi mɯ me mo",
    "ラ": "ɾa ɾʲi ɾɯ ɾe ɾo",
}  # fmt: skip
"""Rows of the kana table."""
_ROWS = {
    "ア": "アイウエオ", "カ": "カキクケコ", "ガ": "ガギグゲゴ", "サ": "サシスセソ", "ザ": "ザジズゼゾ", "タ": "タチツテト",
    "ダ": "ダヂヅデド", "ナ": "ナニヌネノ", "ハ": "ハヒフヘホ", "バ": "バビブベボ", "パ": "パピプペポ", "マ": "マミムメモ",
    "ラ": "ラリルレロ",
}  # fmt: skip
_SINGLE = {
    "ヤ": "ja", "ユ": "jɯ", "ヨ": "jo", "ワ": "βa", "ヰ": "i", "ヱ": "e", "ヲ": "o", "ヴ": "vɯ",
    "ヷ": "va", "ヸ": "vʲi", "ヹ": "ve", "ヺ": "vo", "ャ": "ja", "ュ": "jɯ", "ョ": "jo", "ヮ": "βa",
    "ァ": "a", "ィ": "i", "ゥ": "ɯ", "ェ": "e", "ォ": "o", "ヵ": "ka", "ヶ": "ke",
    "ッ": "ʔ", "ー": "ː", "ン": "ɴ",
}  # fmt: skip
_PALATAL = {
    "キ": "kʲ", "ギ": "ɡʲ", "シ": "ɕ", "ジ": "ʥ", "チ": "ʨ", "ヂ": "ʥ", "ニ": "ɲ", "ヒ": "ç", "ビ": "bʲ", "ピ": "pʲ",
    "ミ": "mʲ", "リ": "ɾʲ", "テ": "tʲ", "デ": "dʲ", "フ": "ɸʲ", "ヴ": "bʲ",
}  # fmt: skip
_LABIAL = {"ウ": "β", "ク": "kᵝ", "グ": "ɡᵝ", "ツ": "ʦ", "フ": "ɸ", "ヴ": "v", "ト": "t", "ド": "d"}
_SMALL_VOWELS = {"ァ": "a", "ィ": "i", "ゥ": "ɯ", "ェ": "e", "ォ": "o"}
_NASAL_BEFORE = (("m", "mpb"), ("ŋ", "kɡ"), ("ɲ", "ɲʨʥ"), ("n", "ntdɾz"))


@lru_cache(maxsize=1)
def _kana_symbols() -> dict[str, str]:
    """Katakana, one or two characters -> symbols. Source: ``HEPBURN`` of ``misaki/cutlet.py``, rewritten as rules."""
    table = dict(_SINGLE)
    for row, kana in _ROWS.items():
        table |= dict(zip(kana, _MORAE[row].split(), strict=True))
    for kana, onset in _PALATAL.items():
        table |= {kana + "ャ": onset + "a", kana + "ュ": onset + "ɨ", kana + "ョ": onset + "o"}
        if len(onset) == 1:  # シェ ジェ チェ ニェ ヒェ; テェ and the like are not one mora
            table[kana + "ェ"] = onset + "e"
    for kana, onset in _LABIAL.items():
        for small, vowel in _SMALL_VOWELS.items():
            table[kana + small] = onset + vowel
    for kana in "ツフヴ":
        table[kana + "ィ"] = _LABIAL[kana] + "ʲi"
    return table | {"イェ": "je", "キェ": "kʲe", "ティ": "tʲi", "ディ": "dʲi", "トゥ": "tɯ", "ドゥ": "dɯ"}


def kana_to_symbols(katakana: str) -> str:
    """Symbols of a word in katakana, read mora by mora."""
    table = _kana_symbols()
    morae = []
    position = 0
    while position < len(katakana):
        size = 2 if katakana[position : position + 2] in table else 1
        morae.append(katakana[position : position + size])
        position += size
    symbols = [table.get(mora, "") for mora in morae]
    for index, mora in enumerate(morae[:-1]):
        if mora == "ン":
            onset = symbols[index + 1][:1]
            symbols[index] = next((nasal for nasal, onsets in _NASAL_BEFORE if onset and onset in onsets), "ɴ")
    return "".join(symbols)


@lru_cache(maxsize=1)
def _joined_words() -> frozenset[str]:
    """Words written without a space inside although the analyser cuts them. Source: misaki's ``ja_words.txt``."""
    return frozenset((files("misaki") / "data" / "ja_words.txt").read_text(encoding="utf-8").split("\n"))


class JapaneseG2P:
    """Kanji and kana.

    Source: ``misaki/cutlet.py``, which Kokoro-82M v1.0 was trained with: the same symbols and spacing. Ours takes words
    and readings from Open JTalk (pyopenjtalk-plus) instead of MeCab with UniDic: its dictionary comes in the wheel, and
    it chooses between readings by context.
    """

    def __init__(self) -> None:
        """Loads Open JTalk's dictionary."""
        import pyopenjtalk

        self._analyse = pyopenjtalk.run_frontend
        self._words = _joined_words()
        self._lock = threading.Lock()
        self._analyse("準備")

    def __call__(self, text: str) -> list[Word]:
        """Phonemes of ``text``, word by word."""
        with self._lock:
            features = self._analyse(text)
        surfaces = [feature["string"] for feature in features]
        readings = [feature["pron"].replace("’", "") if feature["mora_size"] else "" for feature in features]
        starts = _offsets(text, surfaces)
        words: list[Word] = []
        index = 0
        while index < len(surfaces):
            size = self._joined(surfaces, readings, index)
            start, end = starts[index], starts[index + size]
            reading = "".join(readings[index : index + size])
            surface = surfaces[index]
            index += size
            if reading:
                words.append(Word(start, end, to_vocabulary(kana_to_symbols(reading)), True))
                continue
            symbol = "".join(PUNCTUATION_SYMBOLS.get(char, "") for char in surface)
            if symbol in CLOSING or symbol[:1] in tuple(".,?!:;…—"):
                for word in words[-1:]:
                    word.space = False
            words.append(Word(start, end, symbol, bool(symbol) and symbol not in OPENING))
        return words

    def _joined(self, surfaces: list[str], readings: list[str], index: int) -> int:
        """How many words from ``index`` are one in the list of joined words; at least 1."""
        stop = index
        while stop < len(surfaces) and readings[stop]:
            stop += 1
        for end in range(min(stop, index + 8), index + 1, -1):
            if "".join(surfaces[index:end]) in self._words:
                return end - index
        return 1


def _offsets(text: str, surfaces: list[str]) -> list[int]:
    """Where each surface starts in ``text``, and the end; Open JTalk widens characters and may rewrite them."""
    to_text = align(text, "".join(surfaces))
    offsets, position = [], 0
    for surface in surfaces:
        offsets.append(to_text[position])
        position += len(surface)
    return [*offsets, len(text)]


def spoken_in_kana(text: str) -> bool:
    """Whether kana make it Japanese rather than Chinese."""
    return is_pronounceable(text) and any("\u3041" <= char <= "\u30ff" or "\uff66" <= char <= "\uff9f" for char in text)
