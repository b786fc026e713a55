"""Japanese: Open JTalk's words and readings, in the symbols Kokoro v1.0 learnt."""

from __future__ import annotations

import re
import threading
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib.resources import files
from itertools import accumulate, pairwise
from typing import Any

from tts_models.text.align import align
from tts_models.text.g2p.given import Given
from tts_models.text.g2p.words import OPENING, PUNCTUATION_SYMBOLS, Word
from tts_models.text.vocabulary import PUNCTUATION, has_sound, to_vocabulary

_ROWS = (
    ("アイウエオ", "a i ɯ e o"), ("カキクケコ", "ka kʲi kɯ ke ko"), ("ガギグゲゴ", "ɡa ɡʲi ɡɯ ɡe ɡo"),
    ("サシスセソ", "sa ɕi sɨ se so"), ("ザジズゼゾ", "ʣa ʥi zɨ ʣe ʣo"), ("タチツテト", "ta ʨi ʦɨ te to"),
    ("ダヂヅデド", "da ʥi zɨ de do"), ("ナニヌネノ", "na ɲi nɯ ne no"), ("ハヒフヘホ", "ha çi ɸɯ he ho"),
    ("バビブベボ", "ba bʲi bɯ be bo"), ("パピプペポ", "pa pʲi pɯ pe po"), ("マミムメモ", "ma mʲi mɯ me mo"),
    ("ラリルレロ", "ɾa ɾʲi ɾɯ ɾe ɾo"),
)  # fmt: skip
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
_MORA = re.compile("[^ァィゥェォャュョー][ァィゥェォャュョ]|.", re.DOTALL)
# Features of MeCab by which Open JTalk joins accents.
_PARTS_OF_SPEECH = {
    "PROPER_NOUN": "名詞,固有名詞,一般,*",
    "LOCATION_NAME": "名詞,固有名詞,地域,一般",
    "ORGANIZATION_NAME": "名詞,固有名詞,組織,*",
    "PERSON_NAME": "名詞,固有名詞,人名,一般",
    "PERSON_FAMILY_NAME": "名詞,固有名詞,人名,姓",
    "PERSON_GIVEN_NAME": "名詞,固有名詞,人名,名",
    "COMMON_NOUN": "名詞,一般,*,*",
    "VERB": "動詞,自立,*,*",
    "ADJECTIVE": "形容詞,自立,*,*",
    "SUFFIX": "名詞,接尾,一般,*",
}
_INFLECTED = ("形容詞", "動詞", "感動詞")
_LONG_I = re.compile("(?<=[イキギシジチニヒビピミリ])イ")
_NASAL_BEFORE = (("m", "mpb"), ("ŋ", "kɡ"), ("ɲ", "ɲʨʥ"), ("n", "ntdɾz"))


@lru_cache(maxsize=1)
def _kana_symbols() -> dict[str, str]:
    """Katakana, one or two characters -> symbols. Source: ``HEPBURN`` of ``misaki/cutlet.py``, rewritten as rules."""
    table = dict(_SINGLE)
    for kana_row, symbols in _ROWS:
        table |= dict(zip(kana_row, symbols.split(), strict=True))
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
    return "".join(symbols for _, symbols in kana_morae(katakana))


def kana_morae(katakana: str) -> list[tuple[str, str]]:
    """The morae of a word in katakana, each with its symbols; those of ン depend on what follows."""
    table = _kana_symbols()
    morae = _MORA.findall(katakana)
    symbols = [table.get(mora) or table.get(mora[0], "")[:-1] + table.get(mora[-1], "") for mora in morae]
    for index, mora in enumerate(morae[:-1]):
        if mora == "ン":
            onset = symbols[index + 1][:1]
            symbols[index] = next((nasal for nasal, onsets in _NASAL_BEFORE if onset and onset in onsets), "ɴ")
    return list(zip(morae, symbols, strict=True))


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

        self._jtalk: Any = pyopenjtalk
        self._analyse = pyopenjtalk.run_frontend
        self._joined_words = _joined_words()
        self._lock = threading.Lock()
        self._analyse("準備")

    def __call__(self, texts: Sequence[str]) -> list[list[Word]]:
        """The words of each text."""
        with self._lock:
            return [self._words(text) for text in texts]

    def analyse(self, text: str, given: Sequence[Given] = ()) -> tuple[list[Word], list[Sequence[Mapping[str, Any]]]]:
        """The words of ``text``, and for each the features that Open JTalk gives the words it is made of.

        Args:
            text: In it a name stands for each word that is given.
            given: Words with a pronunciation in katakana, in order.
        """
        with self._lock:
            features = self._features(text, given)
            words, sizes = self._words_of(text, features)
        ends = [0, *accumulate(sizes)]
        return words, [features[start:end] for start, end in pairwise(ends)]

    def _features(self, text: str, given: Sequence[Given]) -> Sequence[Mapping[str, Any]]:
        if not given:
            return list(self._analyse(text))
        tokens: list[str] = self._jtalk.run_mecab(text)
        surfaces = [token.partition(",")[0] for token in tokens]
        starts = _offsets(text, surfaces)
        for one in reversed(given):
            name = text[one.start : one.end]
            first, stop = bisect_left(starts, one.start), bisect_left(starts, one.end)
            if "".join(surfaces[first:stop]) != name:
                return self._cut_features(text, given)
            tokens[first:stop] = [_token(name, one)]
        features: list[dict[str, Any]] = self._jtalk.run_njd_from_mecab(tokens, restore_unknown_katakana=True)
        names = {text[one.start : one.end] for one in given}
        if sum(feature["string"] in names for feature in features) < len(given):
            return self._cut_features(text, given)
        for feature in features:
            if feature["string"] in names:  # keeps its reading and its accent in what follows
                feature["is_reading_protected"] = True
        return list(self._jtalk.apply_postprocessing(text, features))

    def _cut_features(self, text: str, given: Sequence[Given]) -> Sequence[Mapping[str, Any]]:
        """Features of the text cut around the ``given`` words, which have grown together with something."""
        features: list[Mapping[str, Any]] = []
        position = 0
        for one in given:
            name = text[one.start : one.end]
            features += self._analyse(text[position : one.start]) if text[position : one.start].strip() else ()
            features += self._jtalk.run_njd_from_mecab([_token(name, one)])
            position = one.end
        return [*features, *(self._analyse(text[position:]) if text[position:].strip() else ())]

    def _words(self, text: str) -> list[Word]:
        return self._words_of(text, self._analyse(text))[0]

    def _words_of(self, text: str, features: Sequence[Mapping[str, Any]]) -> tuple[list[Word], list[int]]:
        """The words, and how many of Open JTalk's words each of them is."""
        surfaces = [feature["string"] for feature in features]
        readings = [word_reading(feature) for feature in features]
        starts = _offsets(text, surfaces)
        words: list[Word] = []
        sizes: list[int] = []
        index = 0
        while index < len(surfaces):
            size = self._joined(surfaces, readings, index)
            sizes.append(size)
            start, end = starts[index], starts[index + size]
            reading = "".join(readings[index : index + size])
            surface = surfaces[index]
            index += size
            if reading:
                symbols = to_vocabulary(kana_to_symbols(reading))
            else:
                symbols = "".join(PUNCTUATION_SYMBOLS.get(char, "") for char in surface)
            if words and _closes_up(words[-1].symbols, symbols):
                words[-1].space = False
            words.append(Word(start, end, symbols, space=bool(symbols) and symbols not in OPENING))
        return words, sizes

    def _joined(self, surfaces: list[str], readings: list[str], index: int) -> int:
        """How many words from ``index`` are one in the list of joined words; at least 1."""
        stop = index
        while stop < len(surfaces) and readings[stop]:
            stop += 1
        for end in range(min(stop, index + 8), index + 1, -1):
            if "".join(surfaces[index:end]) in self._joined_words:
                return end - index
        return 1


def _token(surface: str, given: Given) -> str:
    """A word as MeCab gives it to Open JTalk."""
    said = given.pronunciation
    size = len(kana_morae(said.katakana))
    return (
        f"{surface},{_PARTS_OF_SPEECH[said.word_type]},*,*,{surface},{said.katakana},{said.katakana},"
        f"{min(said.accent, size)}/{size},*"
    )


def word_reading(feature: Mapping[str, Any]) -> str:
    """Katakana of a word, its long vowels written as UniDic writes them; empty for a mark."""
    if not feature["mora_size"]:
        return ""
    reading = str(feature["pron"]).replace("’", "")  # the mark of a devoiced mora
    return _LONG_I.sub("ー", reading) if feature["pos"] in _INFLECTED else reading


def _closes_up(before: str, after: str) -> bool:
    """Whether no space stands between two words: at a stop of the breath (っ), a lengthening, or a closing mark."""
    if not has_sound(after):
        return after not in OPENING
    return after[0] == "ː" or (before[-1:] not in PUNCTUATION and "ʔ" in (before[-1:], after[0]))


def _offsets(text: str, surfaces: list[str]) -> list[int]:
    """Where each surface starts in ``text``, and the end; Open JTalk widens characters and may rewrite them."""
    to_text = align(text, "".join(surfaces))
    offsets, position = [], 0
    for surface in surfaces:
        offsets.append(to_text[position])
        position += len(surface)
    return [*offsets, len(text)]
