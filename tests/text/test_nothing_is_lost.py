"""Every letter and digit of the input reaches a segment, in order, and is spoken."""

from __future__ import annotations

import random

import pytest
import regex
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tts_models.errors import EmptyText, UnpronounceableText
from tts_models.text import LANGUAGES, TextFrontend
from tts_models.text.frontend import MAX_SEGMENT_TOKENS
from tts_models.text.vocabulary import SYMBOL_IDS, has_sound
from tts_models.types import Phonemes

SENTENCES = {
    "en": "The old lighthouse keeper climbed the stairs. Rain was falling; nobody came! Would tomorrow be any better? "
    "She bought three apples, two pears and a melon. “Never again,” he said.",
    "es": "El viejo farero subió la escalera. Llovía; ¡nadie vino! ¿Sería mejor mañana? "
    "Compró tres manzanas, y un melón.",
    "fr-FR": "Le vieux gardien monta l'escalier. Il pleuvait ; personne ne vint ! Demain serait-il meilleur ? "
    "Elle acheta trois pommes, deux poires et un melon.",
    "hi": "बूढ़ा रखवाला सीढ़ियाँ चढ़ा। बारिश हो रही थी, कोई नहीं आया! क्या कल बेहतर होगा? उसने तीन सेब और एक खरबूजा खरीदा।",
    "it": "Il vecchio guardiano salì le scale. Pioveva; non venne nessuno! Domani sarebbe stato migliore? "
    "Comprò tre mele, due pere e un melone.",
    "ja": "年老いた灯台守は階段を上った。雨が降っていて、誰も来なかった！明日はもっと良くなるだろうか？"
    "りんごを三つ買った。",
    "pt-BR": "O velho faroleiro subiu a escada. Chovia; ninguém veio! Será que amanhã vai ser melhor? "
    "Comprou três maçãs, duas peras e um melão.",
    "zh": "年老的灯塔看守人爬上了楼梯。天在下雨，没有人来！明天会更好吗？她买了三个苹果、两个梨和一个西瓜。",
}
TEXTS = {tag: SENTENCES["en" if tag.startswith("en") else tag] for tag in LANGUAGES}


def pronounceable(text: str) -> str:
    return "".join(regex.findall(r"[\p{L}\p{N}]", text))


def check(segments: list[Phonemes], text: str) -> None:
    assert pronounceable("".join(phonemes.text for phonemes in segments)) == pronounceable(text)
    for phonemes in segments:
        assert 1 <= len(phonemes.token_ids) <= MAX_SEGMENT_TOKENS
        assert has_sound(phonemes.symbols)
        assert set(phonemes.symbols) <= SYMBOL_IDS.keys()
        assert phonemes.symbols == phonemes.symbols.strip()


def sounds(segments: list[Phonemes]) -> int:
    return sum(has_sound(symbol) for phonemes in segments for symbol in phonemes.symbols)


@pytest.mark.parametrize("tag", LANGUAGES)
def test_ten_thousand_characters(frontend: TextFrontend, tag: str) -> None:
    pieces = regex.split(r"(?<=[.!?。！？।;；，、,])\s*", TEXTS[tag])
    rng = random.Random(tag)
    text = ""
    while len(text) < 10_000:
        text += rng.choice(pieces) + rng.choice([" ", "  ", "\n", "\n\n"])
    text = text[:10_000].strip()
    segments = frontend.segments(text, tag)
    check(segments, text)
    assert len(segments) > 20


@pytest.mark.parametrize("tag", LANGUAGES)
def test_a_long_text_speaks_as_much_as_its_parts(frontend: TextFrontend, tag: str) -> None:
    count = 30
    alone, together = frontend.segments(TEXTS[tag], tag), frontend.segments(" ".join([TEXTS[tag]] * count), tag)
    assert sounds(together) == pytest.approx(count * sounds(alone), rel=0.02)


@pytest.mark.parametrize("tag", LANGUAGES)
@pytest.mark.parametrize("space", [" ", ""])
def test_a_long_text_without_punctuation(frontend: TextFrontend, tag: str, space: str) -> None:
    plain = space.join(regex.findall(r"[\p{L}\p{M}]+", TEXTS[tag]))
    text = space.join([plain] * (4000 // len(plain)))
    segments = frontend.segments(text, tag)
    check(segments, text)
    assert sounds(segments) > 0.6 * (4000 // len(plain)) * sounds(frontend.segments(TEXTS[tag], tag))


@pytest.mark.parametrize("tag", LANGUAGES)
@pytest.mark.parametrize(
    "unit",
    ["a", "a-b-", "aB", "x.", "漢", "あ", "ー", "ह", "1", "a,", "'a", "é", "ก", "𓀀", "a\n", "한", "a漢あя", "...a"],
)
def test_unbroken_rows(frontend: TextFrontend, tag: str, unit: str) -> None:
    text = unit * 300
    check(frontend.segments(text, tag), text)


LETTERS = st.characters(categories=["L", "N"])
ANYTHING = st.characters(exclude_categories=["Cs"])
WORDS = st.sampled_from([word for text in SENTENCES.values() for word in regex.findall(r"\S{1,12}", text)])
MIXED = st.lists(st.one_of(WORDS, LETTERS, ANYTHING), min_size=1, max_size=60)


@pytest.mark.parametrize("tag", LANGUAGES)
@settings(max_examples=80, deadline=None)
@given(pieces=MIXED, space=st.sampled_from(["", " ", "\n"]))
def test_any_text(frontend: TextFrontend, tag: str, pieces: list[str], space: str) -> None:
    text = space.join(pieces)
    try:
        segments = frontend.segments(text, tag)
    except EmptyText:
        assert not text.strip()
        return
    except UnpronounceableText:
        assert not pronounceable(text)
        return
    check(segments, text)


@pytest.mark.parametrize("tag", LANGUAGES)
@settings(max_examples=40, deadline=None)
@given(word=st.text(LETTERS, min_size=1, max_size=8))
@example("Ēs")  # espeak has no sound for it in French, and a word fewer
@example("ßİACnċ")  # a letter whose lower case is two characters
@example("ﹰ")  # a letter that decomposes into a blank and a mark
def test_any_word_is_heard_between_others(frontend: TextFrontend, tag: str, word: str) -> None:
    # A stressed vowel: Portuguese rightly says only one of those in "mama à".
    with_word = sounds(frontend.segments(f"bubú {word} bubú", tag))
    assert with_word > sounds(frontend.segments("bubú bubú", tag))
