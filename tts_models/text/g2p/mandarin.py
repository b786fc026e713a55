"""Mandarin through jieba's words and misaki's pinyin-to-IPA table."""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any

from tts_models.text.g2p.words import CLOSING, OPENING, Word, split_punctuation
from tts_models.text.vocabulary import to_vocabulary

_NON_SYLLABIC = "\u032f"


class MandarinG2P:
    """Hanzi, simplified or traditional.

    Source: ``ZHG2P.legacy_call`` of ``misaki/zh.py``, which Kokoro-82M v1.0 was trained with (its newer frontend
    belongs to v1.1). Other scripts are not its business; the router keeps them away.
    """

    def __init__(self) -> None:
        """Loads jieba's dictionary (about a second)."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # jieba imports pkg_resources, which says that it will go
            from misaki import zh

        zh.jieba.setLogLevel(logging.WARNING)
        zh.jieba.initialize()
        self._cut: Any = zh.jieba.lcut
        self._syllables: Any = lru_cache(maxsize=65_536)(zh.ZHG2P.word2ipa)
        self._lock = threading.Lock()

    def __call__(self, texts: Sequence[str]) -> list[list[Word]]:
        """The words of each text."""
        with self._lock:
            return [self._words(text) for text in texts]

    def _words(self, text: str) -> list[Word]:
        words: list[Word] = []
        for start, end, mark in split_punctuation(text):
            if mark is not None:
                if mark in OPENING and words:
                    words[-1].space = True
                elif mark not in OPENING and words:
                    words[-1].space = False
                words.append(Word(start, end, mark, mark not in OPENING))
                continue
            offset = start
            for word in self._cut(text[start:end]):
                if word.strip():
                    words.append(Word(offset, offset + len(word), self._symbols(word), space=True))
                offset += len(word)
        for word, following in pairwise(words):
            if following.symbols in CLOSING:
                word.space = False
        return words

    def _symbols(self, word: str) -> str:
        try:
            ipa = self._syllables(word)
        except (ValueError, KeyError, IndexError):  # a character without a reading; the router spells it otherwise
            return ""
        return to_vocabulary(ipa.replace(_NON_SYLLABIC, ""))
