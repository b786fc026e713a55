"""Mandarin through jieba's words and misaki's pinyin-to-IPA table."""

from __future__ import annotations

import logging
import re
import threading
from typing import Any

from tts_models.text.g2p.words import CLOSING, OPENING, Word, split_punctuation
from tts_models.text.vocabulary import to_vocabulary

_DIGITS = re.compile(r"\d+(?:\.\d+)?")
_NON_SYLLABIC = "\u032f"


class MandarinG2P:
    """Hanzi, simplified or traditional.

    Source: ``ZHG2P.legacy_call`` of ``misaki/zh.py``, which Kokoro-82M v1.0 was trained with (its newer frontend
    belongs to v1.1). Other scripts are not its business; the router keeps them away.
    """

    def __init__(self) -> None:
        """Loads jieba's dictionary (about a second)."""
        import cn2an
        import jieba
        from misaki.zh import ZHG2P

        jieba.setLogLevel(logging.WARNING)
        jieba.initialize()
        self._cut = jieba.lcut
        self._syllables = ZHG2P.word2ipa
        self._number: Any = cn2an.transform
        self._lock = threading.Lock()

    def __call__(self, text: str) -> list[Word]:
        """Phonemes of ``text``, word by word."""
        words: list[Word] = []
        for start, end, mark in split_punctuation(text):
            if mark is not None:
                if mark in OPENING and words:
                    words[-1].space = True
                elif mark not in OPENING and words:
                    words[-1].space = False
                words.append(Word(start, end, mark, mark not in OPENING))
                continue
            with self._lock:
                cut = self._cut(text[start:end], cut_all=False)
            offset = start
            for word in cut:
                if word.strip():
                    words.append(Word(offset, offset + len(word), self._word(word), True))
                offset += len(word)
        for word, following in zip(words, words[1:], strict=False):
            if following.symbols in CLOSING:
                word.space = False
        return words

    def _word(self, word: str) -> str:
        if _DIGITS.fullmatch(word):
            word = self._number(word, "an2cn")
        try:
            ipa = self._syllables(word)
        except (ValueError, KeyError, IndexError):  # a character without a reading; the router spells it otherwise
            return ""
        return to_vocabulary(ipa.replace(_NON_SYLLABIC, ""))
