from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from tts_models.errors import EmptyText, InvalidRequest, UnpronounceableText, UnsupportedLanguage
from tts_models.text import LANGUAGES, TextFrontend
from tts_models.text.g2p.words import Break
from tts_models.text.gaps import gap_s
from tts_models.text.vocabulary import encode
from tts_models.types import MAX_TOKENS, Phonemes

HELLO = {
    "en-US": "Hello, how are you today?",
    "en-GB": "Hello, how are you today?",
    "es": "Hola, ¿cómo estás hoy?",
    "fr-FR": "Bonjour, comment allez-vous aujourd'hui ?",
    "hi": "नमस्ते, आज आप कैसे हैं?",
    "it": "Ciao, come stai oggi?",
    "ja": "こんにちは、今日は元気ですか？",
    "pt-BR": "Olá, como você está hoje?",
    "zh": "你好，你今天怎么样？",
}


def texts(segments: list[Phonemes]) -> list[str]:
    return [phonemes.text for phonemes in segments]


@pytest.mark.parametrize("tag", LANGUAGES)
def test_a_short_text_is_one_segment_with_the_callers_text(frontend: TextFrontend, tag: str) -> None:
    (phonemes,) = frontend.segments(HELLO[tag], tag)
    assert phonemes.text == HELLO[tag]
    assert phonemes.language == tag
    assert phonemes.token_ids == encode(phonemes.symbols)
    assert 15 < len(phonemes.token_ids) < 60
    assert phonemes.symbols.endswith("?")
    assert "," in phonemes.symbols
    assert (phonemes.pause_before_s, phonemes.pause_after_s) == (0.0, 0.0)


def test_the_tag_of_a_segment_is_ours_whatever_alias_was_asked_for(frontend: TextFrontend) -> None:
    assert frontend.segments("Hello there, world.", "EN")[0].language == "en-US"


def test_numbers_abbreviations_and_times_do_not_end_sentences(frontend: TextFrontend) -> None:
    text = "Dr. Smith paid $3.50 at 5 p.m. Then he took a nap that lasted until half past eight in the evening."
    (first, second) = TextFrontend(first_segment_tokens=20).segments(text, "en-US")
    assert first.text == "Dr. Smith paid $3.50 at 5 p.m."
    assert first.symbols.startswith("dˈɑktəɹ smˈɪθ pˈAd θɹˈi dˈɑləɹz ænd fˈɪfti sˈɛnts æt fˈIv")
    assert first.symbols.endswith(".")
    assert second.text.startswith("Then")


def test_the_first_segment_is_short_at_a_natural_break(frontend: TextFrontend) -> None:
    text = "When the sun rose over the quiet hills, the birds began to sing. " * 12
    first, second, *rest = frontend.segments(text, "en-US")
    assert len(first.token_ids) <= 70
    assert first.text[-1] in ",."
    assert len(second.token_ids) <= 3 * len(first.token_ids)
    assert all(100 <= len(phonemes.token_ids) <= 200 for phonemes in rest)
    assert all(phonemes.text.endswith(".") for phonemes in rest)


def test_lengths_are_settings(frontend: TextFrontend) -> None:
    text = "When the sun rose over the quiet hills, the birds began to sing. " * 12
    short = TextFrontend(first_segment_tokens=30, max_segment_tokens=80).segments(text, "en-US")
    assert max(len(phonemes.token_ids) for phonemes in short) <= 80
    long = TextFrontend(first_segment_tokens=400, max_segment_tokens=510).segments(text, "en-US")
    assert len(long) < len(frontend.segments(text, "en-US"))


@pytest.mark.parametrize(("first", "longest"), [(10, 300), (60, 511), (301, 300), (0, 0)])
def test_impossible_lengths_are_refused(first: int, longest: int) -> None:
    with pytest.raises(ValueError, match="segment lengths"):
        TextFrontend(first_segment_tokens=first, max_segment_tokens=longest)


class TestControls:
    def test_a_given_pronunciation_is_used_as_it_is(self, frontend: TextFrontend) -> None:
        (phonemes,) = frontend.segments("I love [Kokoro](/kˈOkəɹO/), truly.", "en-US")
        assert phonemes.text == "I love Kokoro, truly."
        assert "lˈʌv kˈOkəɹO, tɹˈuli." in phonemes.symbols

    @pytest.mark.parametrize("tag", LANGUAGES)
    def test_a_given_pronunciation_works_in_every_language(self, frontend: TextFrontend, tag: str) -> None:
        (phonemes,) = frontend.segments(f"{HELLO[tag]} [X](/ˈɑbəbə/)", tag)
        assert phonemes.symbols.endswith(" ˈɑbəbə")

    def test_an_unknown_symbol_is_refused(self, frontend: TextFrontend) -> None:
        with pytest.raises(InvalidRequest, match="ʐ"):
            frontend.segments("Say [zhuk](/ʐuk/).", "en-US")

    def test_pauses_between_segments_are_kept_once_and_add_up(self, frontend: TextFrontend) -> None:
        one, two, three = frontend.segments("One.[pause:1.5s] Two [pause:250ms] [pause:1s] three.", "en-US")
        assert texts([one, two, three]) == ["One.", "Two", "three."]
        assert [p.pause_before_s for p in (one, two, three)] == [0.0, 0.0, 0.0]
        assert [p.pause_after_s for p in (one, two, three)] == [1.5, 1.25, 0.0]

    def test_pauses_at_the_ends_are_kept(self, frontend: TextFrontend) -> None:
        (phonemes,) = frontend.segments("[pause:1s] [pause:0.5s] Hello. [pause:2s]", "en-US")
        assert (phonemes.pause_before_s, phonemes.pause_after_s) == (1.5, 2.0)

    def test_a_pause_does_not_swallow_a_rewritten_word(self, frontend: TextFrontend) -> None:
        before, after = frontend.segments("It costs $5[pause:1s] they say.", "en-US")
        assert before.symbols.endswith("fˈIv dˈɑləɹz")
        assert after.text == "they say."

    def test_a_silent_stretch_between_pauses_makes_no_segment(self, frontend: TextFrontend) -> None:
        one, two = frontend.segments("One. [pause:1s] … [pause:1s] Two.", "en-US")
        assert (one.pause_after_s, two.pause_after_s) == (2.0, 0.0)

    def test_a_blank_line_is_a_pause_unless_one_is_asked_for(self, frontend: TextFrontend) -> None:
        text = "The first paragraph ends here.\n\nThe second paragraph ends here.\n \n[pause:3s]\n\nThe third one."
        segments = frontend.segments(text, "en-US")
        assert [phonemes.pause_after_s for phonemes in segments] == [0.0, 3.0, 0.0]
        assert segments[0].gap_after_s == gap_s(".", Break.PARAGRAPH, "en-US") > gap_s(".", Break.NONE, "en-US")

    def test_square_brackets_are_plain_text(self, frontend: TextFrontend) -> None:
        (phonemes,) = frontend.segments("See note [one] there.", "en-US")
        assert "wˈʌn" in phonemes.symbols


class TestLines:
    def test_a_wrapped_line_goes_on(self, frontend: TextFrontend) -> None:
        wrapped = "It was a bright cold day in April, and the clocks were all\nstriking thirteen that morning."
        assert frontend.segments(wrapped, "en-US")[0].symbols == (
            frontend.segments(wrapped.replace("\n", " "), "en-US")[0].symbols
        )

    def test_lines_of_a_list_are_sentences_and_bullets_are_silent(self, frontend: TextFrontend) -> None:
        (phonemes,) = frontend.segments("Shopping list:\n- Apples\n- Pears\n* Milk", "en-US")
        assert phonemes.symbols == "ʃˈɑpɪŋ lˈɪst: ˈæpᵊlz. pˈɛɹz. mˈɪlk"


class TestRefusals:
    @pytest.mark.parametrize("text", ["", " ", "\n\t ", "\u3000"])
    def test_empty_text(self, frontend: TextFrontend, text: str) -> None:
        with pytest.raises(EmptyText) as error:
            frontend.segments(text, "en-US")
        assert error.value.param == "input"

    @pytest.mark.parametrize(
        "text", ["...", "😀😀", "— “ ” !", "[pause:1s]", "\u0301", "[pause:1s] 🎉 [pause:2s]", "\x00"]
    )
    @pytest.mark.parametrize("tag", ["en-US", "ja", "zh", "es"])
    def test_text_with_nothing_to_say(self, frontend: TextFrontend, text: str, tag: str) -> None:
        with pytest.raises(UnpronounceableText):
            frontend.segments(text, tag)

    def test_unsupported_language_comes_before_empty_text(self, frontend: TextFrontend) -> None:
        with pytest.raises(UnsupportedLanguage, match="pt-BR"):
            frontend.segments("", "tlh")


def test_threads_get_what_one_thread_gets(frontend: TextFrontend) -> None:
    work = [(f"{HELLO[tag]} Python 寿司 привет! " * 3, tag) for tag in LANGUAGES] * 4
    alone = [frontend.segments(*item) for item in work]
    fresh = TextFrontend()
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda item: fresh.segments(*item), work))
    assert together == alone


NO_NETWORK = """
import socket
def refuse(*args, **kwargs):
    raise AssertionError(f"network used: {args}")
socket.socket.connect = socket.getaddrinfo = socket.create_connection = refuse
from tts_models.text import LANGUAGES, TextFrontend
frontend = TextFrontend()
frontend.warm_up(LANGUAGES)
print(frontend.segments("Hello, 你好, こんにちは, नमस्ते, привет, 𓀀 zyzzyvx 42!", "en-US")[0].symbols)
"""


def test_the_network_is_never_used() -> None:
    done = subprocess.run([sys.executable, "-c", NO_NETWORK], capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    assert "həlˈO" in done.stdout


def test_nothing_is_loaded_at_import() -> None:
    code = "import sys, tts_models.text; print({'spacy', 'misaki', 'torch', 'pyopenjtalk'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "set()"


def test_a_segment_is_never_longer_than_the_model_allows(frontend: TextFrontend) -> None:
    for tag in LANGUAGES:
        longest = TextFrontend(first_segment_tokens=MAX_TOKENS, max_segment_tokens=MAX_TOKENS)
        segments = longest.segments("a" * 1500 + "!!!" + "😀9" * 100, tag)
        assert all(1 <= len(phonemes.token_ids) <= MAX_TOKENS for phonemes in segments)
