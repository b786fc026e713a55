"""Which tokens say which written word, in all nine languages."""

from __future__ import annotations

from itertools import pairwise

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from tts_models.errors import EmptyText, UnpronounceableText
from tts_models.text import LANGUAGES, TextFrontend
from tts_models.text.controls import hide_controls, parse_controls
from tts_models.text.g2p.espeak import match_words
from tts_models.text.vocabulary import has_sound

SPOKEN: dict[str, tuple[str, list[tuple[str, str | None]]]] = {
    "en-US": ("“Dr. Smith” paid $5.20.", [("Dr.", "dˈɑktəɹ"), ("Smith", "smˈɪθ"), ("paid", "pˈAd"), ("$5.20", None)]),
    "en-GB": (
        "It's at www.example.com, 10:30.",
        [("It's", None), ("at", None), ("www.example.com", None), ("10:30", None)],
    ),
    "es": ("¿Cómo estás? Son 3,50 €.", [("Cómo", "kˈomo"), ("estás", "estˈas"), ("Son", "sˈon"), ("3,50 €", None)]),
    "fr-FR": (
        "Qu'est-ce que c'est ? L'hôtel !",
        [("Qu'est-ce que", "kɛskˌə"), ("c'est", "sˈɛ"), ("L'hôtel", "lotˈɛl")],
    ),
    "hi": ("नमस्ते, 25 किताबें हैं।", [("नमस्ते", "nəmˈʌsteː"), ("25", "pəcːˈiːs"), ("किताबें", None), ("हैं", "hɛ̃")]),
    "it": ("Un'amica, alle 15:30!", [("Un'amica", "ʊnamˈika"), ("alle", None), ("15:30", "kwˈindiʧɪ e trˈenta")]),
    "ja": (
        "「東京」は5日、100円です。",
        [("東京", "toːkʲoː"), ("は", "βa"), ("5日", "iʦɨka"), ("100", "çakɯ"), ("円", "eɴ"), ("です", "desɨ")],
    ),
    "pt-BR": ("Você paga R$ 5,20 hoje.", [("Você", "vosˌe"), ("paga", "pˈaɡæ"), ("R$ 5,20", None), ("hoje", "ˈoʒy")]),
    "zh": ("我有3.5元，GPT4。", [("我", "wo↓"), ("有", "jou↓"), ("3.5", None), ("元", None), ("GPT4", None)]),
}


def words_of(frontend: TextFrontend, text: str, tag: str) -> list[tuple[str, str]]:
    return [
        (text[word.start : word.end], phonemes.symbols[word.first_token : word.end_token])
        for phonemes in frontend.segments(text, tag)
        for word in phonemes.words
    ]


@pytest.mark.parametrize("tag", LANGUAGES)
def test_written_words_and_the_tokens_that_say_them(frontend: TextFrontend, tag: str) -> None:
    text, expected = SPOKEN[tag]
    found = words_of(frontend, text, tag)
    assert [written for written, _ in found] == [written for written, _ in expected]
    for (written, symbols), (_, wanted) in zip(found, expected, strict=True):
        assert has_sound(symbols), written
        assert wanted is None or symbols == wanted, written


def test_offsets_count_the_controls(frontend: TextFrontend) -> None:
    text = "[pause:1s]I say [Kokoro TTS](/kˈOkəɹO/), [pause:200ms] not [you](/ju/)."
    found = words_of(frontend, text, "en-US")
    assert [written for written, _ in found] == ["I", "say", "Kokoro TTS", "not", "you"]
    assert [found[2][1], found[4][1]] == ["kˈOkəɹO", "ju"]


def test_hidden_controls_leave_offsets_as_they_are() -> None:
    text = "[pause:1s]I say [Kokoro](/kˈOkəɹO/) [x] [pause:200ms]so."
    hidden = hide_controls(text)
    assert len(hidden) == len(text)
    assert hidden.replace("\0", "") == parse_controls(text).text == "I say Kokoro [x] so."
    assert hidden.index("Kokoro") == text.index("Kokoro")


PARTS = [
    *(
        "Hello",
        "$5.20",
        "10:30",
        "3.5 kg",
        "[Hi](/hI/)",
        "[pause:1s]",
        "a.b@c.com",
        "don't",
        "«bon»",
        "你好",
        "日本語で",
    ),
    *("寿司、", "नमस्ते", "привет", "B2B", "—", ",", ".", "😀", "?", "(x)", "1,234,567", "GPT-4o", "'n'", "№ 5", "\n\n"),
]
TEXTS = st.lists(st.sampled_from(PARTS), min_size=1, max_size=14)


@given(TEXTS, st.sampled_from(["", " "]), st.sampled_from(sorted(LANGUAGES)))
@settings(max_examples=60, deadline=None)
def test_words_are_in_order_and_hold_every_letter_and_every_sound(
    frontend: TextFrontend, parts: list[str], space: str, tag: str
) -> None:
    text = space.join(parts)
    try:
        segments = frontend.segments(text, tag)
    except (EmptyText, UnpronounceableText):
        return
    words = [word for phonemes in segments for word in phonemes.words]
    assert all(0 <= word.start < word.end <= len(text) for word in words)
    for phonemes in segments:
        assert all(word.end <= following.start for word, following in pairwise(phonemes.words))
    for phonemes, following in pairwise(segments):  # a long number may go on in the next segment: it is said again
        last, first = phonemes.words[-1], following.words[0]
        assert last.end <= first.start or last.start == first.start
    said = {offset for word in words for offset in range(word.start, word.end)}
    letters = {match.start() for match in regex.finditer(r"[\p{L}\p{N}]", hide_controls(text))}
    assert not letters - said, [text[offset] for offset in letters - said]
    for phonemes in segments:
        tokens = [token for word in phonemes.words for token in range(word.first_token, word.end_token)]
        assert tokens == sorted(set(tokens))
        rest = "".join(symbol for token, symbol in enumerate(phonemes.symbols) if token not in set(tokens))
        assert not has_sound(rest)


@pytest.mark.parametrize(
    ("alone", "spoken", "matched"),
    [
        (["kɛs", "kə", "sɛ"], ["kɛskˌə", "sˈɛ"], [((0, 2), (0, 1)), ((2, 3), (1, 2))]),
        (["la", "ɛsɛnseɛf"], ["la", "ɛs", "ɛn", "seɛf"], [((0, 1), (0, 1)), ((1, 2), (1, 4))]),
        (["a", "b"], [""], [((0, 2), (0, 1))]),
    ],
)
def test_words_that_are_joined_or_spelt_out_find_their_partners(
    alone: list[str], spoken: list[str], matched: list[tuple[tuple[int, int], tuple[int, int]]]
) -> None:
    found = [((a.start, a.stop), (b.start, b.stop)) for a, b in match_words(alone, spoken)]
    assert found == matched
