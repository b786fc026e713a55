"""The kana notation of accent phrases, after AquesTalk's, as VOICEVOX's engine reads and writes it.

Katakana; ``/`` between phrases, or ``、`` where there is a pause; ``'`` after the accented mora, once a phrase; ``_``
before a devoiced mora; ``？`` at the end of a question.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType

from tts_models.errors import RequestError
from tts_models.text.moras import AccentPhrase, has_pause, mora_phonemes, plain_symbols, with_symbols

ACCENT, DEVOICED, NEXT, PAUSE, QUESTION = "'", "_", "/", "、", "？"
KANA_ERRORS = MappingProxyType(
    {
        "UNKNOWN_TEXT": "判別できない読み仮名があります: {text}",
        "ACCENT_TOP": "句頭にアクセントは置けません: {text}",
        "ACCENT_TWICE": "1つのアクセント句に二つ以上のアクセントは置けません: {text}",
        "ACCENT_NOTFOUND": "アクセントを指定していないアクセント句があります: {text}",
        "EMPTY_PHRASE": "{position}番目のアクセント句が空白です",
        "INTERROGATION_MARK_NOT_AT_END": "アクセント句末以外に「？」は置けません: {text}",
    }
)
"""What may be wrong with a text in the notation, in the names and words that its clients know."""


class KanaError(RequestError):
    """A text that is not in the kana notation; args: message, parameter, name of the error, what it is about.

    The name is a key of ``KANA_ERRORS``; what it is about fills the blank of its message.
    """

    default_param = "text"

    def __init__(self, message: str, param: str, name: str, about: str) -> None:
        super().__init__(message, param)
        self.args = (message, param, name, about)

    @classmethod
    def of(cls, name: str, about: str) -> KanaError:
        """The error of that name."""
        return cls(KANA_ERRORS[name].format(text=about, position=about), "text", name, about)

    @property
    def name(self) -> str:
        """Key of ``KANA_ERRORS``."""
        return str(self.args[2])

    @property
    def details(self) -> dict[str, str]:
        """What the error is about, by the name of the blank."""
        return {"position" if self.name == "EMPTY_PHRASE" else "text": str(self.args[3])}


def parse_kana(text: str) -> list[AccentPhrase]:
    """Accent phrases of a text in the notation.

    Raises:
        KanaError: It is not.
    """
    phrases = []
    start = 0
    ends = [index for index, char in enumerate(text) if char in (NEXT, PAUSE)]
    for number, end in enumerate([*ends, len(text)], start=1):
        phrase = text[start:end]
        start = end + 1
        if not phrase:
            raise KanaError.of("EMPTY_PHRASE", str(number))
        is_interrogative = QUESTION in phrase
        if QUESTION in phrase[:-1]:
            raise KanaError.of("INTERROGATION_MARK_NOT_AT_END", phrase)
        is_last = end == len(text)
        mark = "?" if is_interrogative else "." if is_last else "," if text[end] == PAUSE else ""
        phrases.append(_phrase(phrase.removesuffix(QUESTION), is_interrogative, mark))
    return phrases


def write_kana(phrases: Sequence[AccentPhrase]) -> str:
    """The notation of ``phrases``."""
    parts = []
    for number, phrase in enumerate(phrases, start=1):
        for index, mora in enumerate(phrase.moras, start=1):
            parts.append((DEVOICED if mora.vowel in "AIUEO" else "") + mora.text)
            if index == phrase.accent:
                parts.append(ACCENT)
        parts.append(QUESTION if phrase.is_interrogative else "")
        if number < len(phrases):
            parts.append(PAUSE if has_pause(phrase.symbols) else NEXT)
    return "".join(parts)


def _phrase(text: str, is_interrogative: bool, mark: str) -> AccentPhrase:
    table = mora_phonemes()
    phonemes: list[tuple[str | None, str]] = []
    accent = 0
    position = 0
    while position < len(text):
        if text[position] == ACCENT:
            if not phonemes:
                raise KanaError.of("ACCENT_TOP", text)
            if accent:
                raise KanaError.of("ACCENT_TWICE", text)
            accent = len(phonemes)
            position += 1
            continue
        devoiced = text[position] == DEVOICED
        begin = position + devoiced
        kana = next((text[begin : begin + size] for size in (2, 1) if text[begin : begin + size] in table), None)
        if kana is None or (devoiced and table[kana][1] not in tuple("aiueo")):
            raise KanaError.of("UNKNOWN_TEXT", text[position:].partition(ACCENT)[0])
        consonant, vowel = table[kana]
        phonemes.append((consonant, vowel.upper() if devoiced else vowel))
        position = begin + len(kana)
    if not accent:
        raise KanaError.of("ACCENT_NOTFOUND", text)
    moras = with_symbols(phonemes)
    return AccentPhrase(moras, accent, is_interrogative, plain_symbols(moras, mark))
