"""Moras and accent phrases: how Japanese analysis, the kana notation and clients that edit melody see an utterance.

::

    AccentPhrase                       オ レ'          (Open JTalk's phonemes: consonant and vowel)
     + moras    Mora, Mora, ...        |  |
     + symbols  "oɾe wa, "             o  ɾe           (the model's symbols, with the marks and spaces between)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from tts_models.text.g2p.japanese import kana_morae
from tts_models.text.vocabulary import PUNCTUATION, to_vocabulary

CUT = "\n"
"""In an accent phrase's symbols: here one segment ends and the next begins."""
PAUSES = frozenset(",.!?;:—…")
"""Symbols of marks that a speaker pauses at; brackets and quotation marks are none."""
VOWELS = "aiueo"
_BETWEEN = PUNCTUATION | {" ", CUT}
_LONG = "ː"
_MAX_UNCUT_MORAS = 100

_ROWS = (
    ("アイウエオ", ""), ("カキクケコ", "k"), ("ガギグゲゴ", "g"), ("サ_スセソ", "s"), ("ザ_ズゼゾ", "z"),
    ("タ__テト", "t"), ("ダ__デド", "d"), ("ナニヌネノ", "n"), ("ハヒ_ヘホ", "h"), ("バビブベボ", "b"),
    ("パピプペポ", "p"), ("マミムメモ", "m"), ("ラリルレロ", "r"), ("ヤ_ユ_ヨ", "y"), ("ワ____", "w"),
    ("_シ___", "sh"), ("_ジ___", "j"), ("_チ___", "ch"), ("__ツ__", "ts"), ("__フ__", "f"), ("__ヴ__", "v"),
)  # fmt: skip
_SMALL = (
    # before a small ャュョ / before a small ァィゥェォ, where Open JTalk knows such a mora
    ("キ", "ky", "ャュョェ"), ("ギ", "gy", "ャュョェ"), ("シ", "sh", "ャュョェ"), ("ジ", "j", "ャュョェ"),
    ("チ", "ch", "ャュョェ"), ("ニ", "ny", "ャュョェ"), ("ヒ", "hy", "ャュョェ"), ("ビ", "by", "ャュョェ"),
    ("ピ", "py", "ャュョェ"), ("ミ", "my", "ャュョェ"), ("リ", "ry", "ャュョェ"), ("テ", "ty", "ャュョ"),
    ("デ", "dy", "ャュョ"), ("ツ", "ts", "ァィェォ"), ("フ", "f", "ァィェォ"), ("ヴ", "v", "ァィェォ"),
    ("ウ", "w", "ィェォ"), ("ク", "kw", "ァィェォ"), ("グ", "gw", "ァィェォ"), ("イ", "y", "ェ"), ("テ", "t", "ィ"),
    ("ト", "t", "ゥ"), ("デ", "d", "ィ"), ("ド", "d", "ゥ"), ("ス", "s", "ィ"), ("ズ", "z", "ィ"),
)  # fmt: skip
_VOWEL_OF_SMALL = dict(zip("ャュョァィゥェォ", "auoaiueo", strict=True))
# Kana of another sign or spelling for a sound that has one above.
_SAME = {
    "ヲ": "オ", "ヂ": "ジ", "ヅ": "ズ", "ヰ": "イ", "ヱ": "エ", "ヂャ": "ジャ", "ヂュ": "ジュ", "ヂョ": "ジョ",
    "ヂェ": "ジェ",
    "クヮ": "クァ", "グヮ": "グァ", "ァ": "ア", "ィ": "イ", "ゥ": "ウ", "ェ": "エ", "ォ": "オ", "ャ": "ヤ", "ュ": "ユ",
    "ョ": "ヨ", "ヮ": "ワ", "ヵ": "カ", "ヶ": "ケ", "ヷ": "ヴァ", "ヸ": "ヴィ", "ヹ": "ヴェ", "ヺ": "ヴォ",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Mora:
    """A beat of Japanese.

    Attributes:
        text: Katakana; a long vowel is written as the vowel.
        consonant: Open JTalk's phoneme, or ``None``.
        vowel: Open JTalk's phoneme: a vowel, in capitals where devoiced, ``N`` (ン) or ``cl`` (ッ).
        symbols: The model's symbols; may depend on the next mora.
    """

    text: str
    consonant: str | None
    vowel: str
    symbols: str

    @property
    def n_consonant_symbols(self) -> int:
        """How many of ``symbols``, from the first, are the consonant."""
        return len(self.symbols) - 1 if self.consonant else 0


@dataclass(frozen=True, slots=True)
class AccentPhrase:
    """Moras under one accent.

    Attributes:
        moras: At least one.
        accent: After which mora the pitch falls, from 1; the last where it never does.
        is_interrogative: Whether it ends a question.
        symbols: What is spoken from its first mora to the next phrase's: word spaces, marks and ``CUT`` included.
        pause_s: Silence that the text asks for after it, seconds, in addition to what its marks are spoken as.
    """

    moras: tuple[Mora, ...]
    accent: int
    is_interrogative: bool
    symbols: str
    pause_s: float = 0.0


@lru_cache(maxsize=1)
def mora_phonemes() -> dict[str, tuple[str | None, str]]:
    """Katakana of a mora -> Open JTalk's consonant and vowel."""
    table: dict[str, tuple[str | None, str]] = {}
    for kana_row, consonant in _ROWS:
        table |= {kana: (consonant or None, vowel) for kana, vowel in zip(kana_row, VOWELS, strict=True) if kana != "_"}
    for kana, consonant, smalls in _SMALL:
        table |= {kana + small: (consonant, _VOWEL_OF_SMALL[small]) for small in smalls}
    table |= {"ン": (None, "N"), "ッ": (None, "cl")}
    return table | {kana: table[same] for kana, same in _SAME.items()}


@lru_cache(maxsize=1)
def _kana_of() -> dict[tuple[str | None, str], str]:
    return {phonemes: kana for kana, phonemes in reversed(mora_phonemes().items())} | {
        phonemes: kana for kana, phonemes in mora_phonemes().items() if kana not in _SAME
    }


def kana_of(consonant: str | None, vowel: str) -> str | None:
    """Katakana of a mora, devoiced or not; ``None`` if there is no such mora."""
    return _kana_of().get((consonant or None, vowel.lower() if vowel in "AIUEO" else vowel))


def read_moras(katakana: str, devoiced: frozenset[int] = frozenset()) -> list[Mora]:
    """The moras of a word.

    Args:
        katakana: Its reading; ``ー`` lengthens.
        devoiced: Offsets in ``katakana`` of characters whose mora is devoiced.
    """
    moras: list[Mora] = []
    position = 0
    for kana, spoken in kana_morae(katakana):
        symbols = to_vocabulary(spoken)
        before = moras[-1].vowel.lower() if moras else ""
        if kana == "ー":
            vowel = before if before in VOWELS and before else "a"
            consonant = None
        else:
            consonant, vowel = mora_phonemes().get(kana) or (
                mora_phonemes().get(kana[0], (None, "a"))[0],
                mora_phonemes().get(kana[-1], (None, "a"))[1],
            )
        if kana_of(consonant, vowel) is None:  # an onset that Japanese does not have before that vowel
            consonant = None
        if devoiced & set(range(position, position + len(kana))) and vowel in VOWELS:
            vowel = vowel.upper()
        position += len(kana)
        if kana == "ヮ" and moras and moras[-1].vowel.lower() == "u":
            last = moras.pop()
            consonant, symbols = f"{last.consonant or ''}w", last.symbols + symbols
        if not symbols:  # nothing that could be said
            continue
        moras.append(Mora(kana_of(consonant, vowel) or kana, consonant, vowel, symbols))
    return moras


def with_symbols(phonemes: Sequence[tuple[str | None, str]]) -> tuple[Mora, ...]:
    """Moras of which only Open JTalk's phonemes are known, as if they were one word.

    A vowel after the same vowel lengthens it, as Japanese is spelt: ジュウス is ジュース.

    Raises:
        ValueError: There is no such mora.
    """
    kana: list[str] = []
    texts: list[str] = []
    for index, (consonant, vowel) in enumerate(phonemes):
        text = kana_of(consonant, vowel)
        if text is None:
            raise ValueError(f"{consonant or ''}{vowel}")
        texts.append(text)
        lengthens = index and not consonant and vowel in VOWELS and vowel == phonemes[index - 1][1].lower()
        kana.append("ー" if lengthens and kana[-1] != "ー" else text)
    # One mora is one entry here even where a small vowel follows that would join another reading.
    symbols = [spoken for _, spoken in kana_morae("".join(kana))]
    if len(symbols) != len(kana):
        symbols = ["".join(spoken for _, spoken in kana_morae(one)) for one in kana]
    return tuple(
        Mora(text, consonant, vowel, to_vocabulary(spoken))
        for text, (consonant, vowel), spoken in zip(texts, phonemes, symbols, strict=True)
    )


def align(symbols: str, moras: Sequence[Mora]) -> list[int] | None:
    """Where each mora starts in ``symbols``, which hold the moras in order and between them only marks and spaces.

    Returns:
        One offset a mora, or ``None`` if that is not what ``symbols`` hold.
    """
    offsets = []
    position = 0
    for mora in moras:
        while position < len(symbols) and symbols[position] in _BETWEEN:
            position += 1
        if not symbols.startswith(mora.symbols, position):
            return None
        offsets.append(position)
        position += len(mora.symbols)
    return offsets if all(char in _BETWEEN for char in symbols[position:]) else None


def plain_symbols(moras: Sequence[Mora], mark: str) -> str:
    """Symbols of a phrase of which nobody knows the words, with the ``mark`` behind it, if any."""
    parts = [
        "".join(mora.symbols for mora in moras[start : start + _MAX_UNCUT_MORAS])
        for start in range(0, len(moras), _MAX_UNCUT_MORAS)
    ]
    return CUT.join(parts) + mark + " "


def has_pause(symbols: str) -> bool:
    """Whether there is a mark to pause at in ``symbols``."""
    return not PAUSES.isdisjoint(symbols)


def phrases_of(
    moras: Sequence[Mora], begins: Sequence[tuple[int, int]], symbols: str, pauses: Sequence[float]
) -> list[AccentPhrase] | None:
    """Accent phrases from one row of moras.

    Args:
        moras: All moras of the utterance.
        begins: ``(index of its first mora, accent)`` of each phrase; accent 0 never falls.
        symbols: What is spoken, whole.
        pauses: Silence at each ``CUT`` of ``symbols`` and at their end, seconds.

    Returns:
        The phrases, or ``None`` if ``symbols`` do not hold the moras.
    """
    offsets = align(symbols, moras)
    if offsets is None or not begins:
        return None
    starts = [0, *(offsets[index] for index, _ in begins[1:]), len(symbols)]
    bounds = [*(index for index, _ in begins), len(moras)]
    silences = iter(pauses)
    phrases = []
    for (first, stop), (start, end), (_, accent) in zip(pairwise(bounds), pairwise(starts), begins, strict=True):
        own = symbols[start:end]
        pause_s = sum(next(silences, 0.0) for _ in range(own.count(CUT) + (end == len(symbols))))
        after = own[offsets[stop - 1] - start + len(moras[stop - 1].symbols) :]
        phrases.append(
            AccentPhrase(
                tuple(moras[first:stop]), min(accent or stop - first, stop - first), "?" in after, own, pause_s
            )
        )
    return phrases
