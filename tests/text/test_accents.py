"""Accent phrases: Open JTalk's own, and exactly the symbols that the text frontend speaks."""

from __future__ import annotations

import re
from itertools import pairwise

import pyopenjtalk
import pytest

from tts_models.errors import EmptyText, UnpronounceableText
from tts_models.text import TextFrontend
from tts_models.text.accents import AccentAnalyser
from tts_models.text.moras import CUT, Mora, align, mora_phonemes, read_moras, with_symbols

TEXTS = (
    "こんにちは、世界。元気ですか？",
    "きっと、ジュースを準備しました。",
    "今日はいい天気ですね",
    "私はその人を常に先生と呼んでいた。だからここでもただ先生と書くだけで本名は打ち明けない。これは世間を憚かる遠慮と"
    "いうよりも、その方が私にとって自然だからである。",
    "「吾輩は猫である」と、彼は言った！名前はまだ無い…",
    "ラーメンとコーヒーをください。",
    "大きい犬が走っていく",
    "ヴァイオリンとクヮルテット、ティーパーティー",
    "え？本当に？",
    "経営者の場合は、通り過ぎた。",
    "昨日、図書館で借りた本を、もう読み終わりましたか？",
)

Analysed = list[tuple[list[list[str]], int, bool]]


@pytest.fixture(scope="module")
def analyser() -> AccentAnalyser:
    return AccentAnalyser()


@pytest.fixture(scope="module")
def frontend() -> TextFrontend:
    return TextFrontend()


def labelled(text: str) -> Analysed:
    """Accent phrases as Open JTalk's full-context labels have them, which our analysis does not look at."""
    phrases: Analysed = []
    phrase = mora = None
    for label in pyopenjtalk.extract_fullcontext(text):
        found = re.search(r"-(.+?)\+.*/A:.+?\+(.+?)\+.*/F:.+?_(.+?)#(.+?)_.+?@(.+?)_.*/I:.+?-(.+?)@", label)
        assert found
        phoneme, number, accent, question, *place = found.groups()
        if phoneme in ("sil", "pau"):
            phrase = None
            continue
        if place != phrase:
            phrases.append(([], int(accent), question == "1"))
            phrase, mora = place, None
        if number != mora:
            phrases[-1][0].append([])
            mora = number
        phrases[-1][0][-1].append(phoneme)
    return phrases


@pytest.mark.parametrize("text", TEXTS)
def test_phrases_are_those_of_open_jtalks_labels(text: str, analyser: AccentAnalyser) -> None:
    ours = [
        (
            [[p for p in (mora.consonant, mora.vowel) if p] for mora in phrase.moras],
            phrase.accent,
            phrase.is_interrogative,
        )
        for phrase in analyser.phrases(text)
    ]
    assert ours == labelled(text)


@pytest.mark.parametrize(
    "text",
    [
        *TEXTS,
        "2026年11月21日、東京の気温は12.5度でした。",
        "一行目\n\n二行目です。[pause:1.5s]三行目。",
        "あ" * 700,
        "、".join(TEXTS * 3),
    ],
)
def test_symbols_are_what_the_text_frontend_speaks(text: str, analyser: AccentAnalyser, frontend: TextFrontend) -> None:
    phrases = analyser.phrases(text)
    segments = frontend.segments(text, "ja")
    assert "".join(phrase.symbols for phrase in phrases).rstrip().split(CUT) == [s.symbols for s in segments]
    between = [here.pause_after_s + next_.pause_before_s or here.gap_after_s for here, next_ in pairwise(segments)]
    assert sum(phrase.pause_s for phrase in phrases) == pytest.approx(sum(between) + segments[-1].pause_after_s)
    for phrase in phrases:
        offsets = align(phrase.symbols, phrase.moras)
        assert offsets is not None
        assert all(later > earlier for earlier, later in pairwise(offsets))


def test_latin_letters_are_read_in_japanese(analyser: AccentAnalyser) -> None:
    (phrase, *_) = analyser.phrases("Hello、世界")
    assert "".join(mora.text for mora in phrase.moras) == "ハロオ"
    assert [len(phrase.moras) > 0 for phrase in analyser.phrases("안녕 Привет")]


def test_what_cannot_be_said_is_an_error(analyser: AccentAnalyser) -> None:
    with pytest.raises(EmptyText):
        analyser.phrases("  ")
    with pytest.raises(UnpronounceableText):
        analyser.phrases("、。")


@pytest.mark.parametrize("kana", sorted(set(mora_phonemes()) - set("ッヵヶヷヸヹヺ") - {"ヂェ"}))
def test_a_mora_has_open_jtalks_phonemes(kana: str) -> None:
    """But for signs that Open JTalk does not read."""
    assert [p for p in mora_phonemes()[kana] if p] == pyopenjtalk.g2p(kana + "ラ").split()[:-2]


def test_moras_alone_are_spelt_as_one_word() -> None:
    spelt = with_symbols([("j", "u"), (None, "u"), ("s", "U"), (None, "N"), ("p", "o"), (None, "cl"), ("k", "e")])
    assert [mora.symbols for mora in spelt] == ["ʥɨ", "ː", "sɨ", "m", "po", "ʔ", "ke"]
    assert "".join(mora.text for mora in spelt) == "ジュウスンポッケ"
    assert [mora.symbols for mora in read_moras("ジュースンポッケ")] == [mora.symbols for mora in spelt]
    with pytest.raises(ValueError, match="qa"):
        with_symbols([("q", "a")])


def test_symbols_hold_moras_or_not() -> None:
    moras = [Mora("ア", None, "a", "a"), Mora("カ", "k", "a", "ka")]
    assert align("a, ka. ", moras) == [0, 3]
    assert align("a ka e", moras) is None
    assert align("a", moras) is None
