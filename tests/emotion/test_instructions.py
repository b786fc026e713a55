"""What instructions are understood to ask for, in three languages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serve_app.manner import asked_for, understood
from tts_models.instructions import Manner, Understanding, understand
from tts_models.instructions.manner import (
    MAX_ENERGY,
    MAX_INTONATION,
    MAX_PITCH,
    MAX_SPEED,
    MIN_ENERGY,
    MIN_SPEED,
)
from tts_models.types import EMOTIONS, Emotion

WORDS = Understanding()
MOODS = {
    "happy": ("Sound cheerful.", "とても嬉しそうに話して", "用开心的语气说"),
    "excited": ("You are thrilled and full of energy!", "興奮した様子で", "激动地宣布"),
    "sad": ("with a heartbroken, tearful voice", "悲しげな声で", "悲伤地念"),
    "angry": ("Yell at them, furiously", "怒った口調で", "愤怒地质问"),
    "fearful": ("terrified, voice trembling", "怯えた声で震えながら", "害怕得发抖"),
    "surprised": ("in utter disbelief", "びっくりしたように", "惊讶地问"),
    "calm": ("like a meditation guide, soothing", "落ち着いた優しい声で", "温柔平静地"),
    "whisper": ("Whisper it.", "耳元で囁いて", "悄悄地说"),
    "serious": ("as a news anchor would, formal", "ニュースのアナウンサーのように", "严肃地播报新闻"),
}


@pytest.mark.parametrize("mood", MOODS)
def test_each_mood_in_each_language(mood: str) -> None:
    for words in MOODS[mood]:
        assert understand(words).emotion.name == mood, words


@pytest.mark.parametrize(
    ("words", "mood"),
    [
        ("そわそわと落ち着かない様子で", "fearful"),
        ("プンプンして、喧嘩腰に", "angry"),
        ("肩を落として、しょんぼりと", "sad"),
        ("息をひそめて、誰にも聞こえないように", "whisper"),
        ("待ちきれないといった感じで", "excited"),
        ("忍无可忍地", "angry"),
        ("忍無可忍地", "angry"),
        ("喜氣洋洋，眉開眼笑", "happy"),
        ("戰戰兢兢地", "fearful"),
        ("哽咽着，泣不成声", "sad"),
        ("出乎意料，難以置信", "surprised"),
        ("不带任何感情，平铺直叙", "neutral"),
    ],
)
def test_set_phrases_in_either_spelling_and_with_negations_of_their_own(words: str, mood: str) -> None:
    assert understand(words).emotion.name == mood


def test_what_was_heard_is_as_it_was_written() -> None:
    assert understand("請用憤怒的語氣說").heard == ("憤怒",)


def test_phrases_can_be_negated() -> None:
    for words in ("プンプンしないで", "别愁眉苦脸的", "不要瑟瑟发抖"):
        assert understand(words).emotion.name == "neutral", words


NIGHT_NURSES = ("speak like a tired night-shift nurse", "疲れた夜勤の看護師のように話して", "像疲惫的夜班护士一样说话")


@pytest.mark.parametrize("words", NIGHT_NURSES)
def test_a_tired_night_shift_nurse(words: str) -> None:
    manner = understand(words)
    assert manner.emotion.name == "sad"
    assert manner.emotion.intensity < 0.6
    assert manner.speed < 1
    assert manner.energy < 1


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("slowly", {"speed"}),
        ("Speak faster", {"speed"}),
        ("in a deep voice", {"pitch"}),
        ("high-pitched", {"pitch"}),
        ("monotone", {"intonation"}),
        ("very expressively", {"intonation"}),
        ("loudly", {"energy"}),
        ("quietly", {"energy"}),
        ("ゆっくり", {"speed"}),
        ("早口で", {"speed"}),
        ("低い声で", {"pitch"}),
        ("棒読みで", {"intonation"}),
        ("大きな声で", {"energy"}),
        ("慢一点", {"speed"}),
        ("快速地", {"speed"}),
        ("声音低一些", {"pitch"}),
        ("抑扬顿挫", {"intonation"}),
        ("大声", {"energy"}),
        ("with a British accent", set()),
        ("", set()),
        ("🎉 12345 привет", set()),
    ],
)
def test_words_for_delivery_change_what_they_name_and_nothing_else(words: str, expected: set[str]) -> None:
    manner, plain = understand(words), Manner()
    names = ("emotion", "speed", "pitch", "energy", "intonation")
    assert {name for name in names if getattr(manner, name) != getattr(plain, name)} == expected


@pytest.mark.parametrize(
    ("less", "plain", "more"),
    [
        ("slightly sad", "sad", "extremely sad"),
        ("a little bit angry", "angry", "very, very angry"),
        ("少し悲しそうに", "悲しそうに", "とても悲しそうに"),
        ("ちょっと怒った感じ", "怒った感じ", "すごく怒った感じ"),
        ("有点高兴", "高兴", "非常高兴"),
        ("略带悲伤", "悲伤", "极其悲伤"),
    ],
)
def test_words_of_degree(less: str, plain: str, more: str) -> None:
    weak, middle, strong = (understand(words).emotion for words in (less, plain, more))
    assert weak.name == middle.name == strong.name
    assert weak.intensity < middle.intensity < strong.intensity <= 1


def test_degree_of_a_pace() -> None:
    assert understand("very slow").speed < understand("slow").speed < understand("a bit slow").speed < 1


@pytest.mark.parametrize(
    ("words", "mood"),
    [
        ("not angry", "neutral"),
        ("don't sound sad, be cheerful", "happy"),
        ("Never sound happy or excited.", "neutral"),
        ("without any fear", "neutral"),
        ("not sad but furious", "angry"),
        ("not only happy, thrilled", "excited"),
        ("warm, but not overly excited", "happy"),
        ("怒らないで、優しく", "calm"),
        ("悲しくない感じで", "neutral"),
        ("悲しいのではなく怒って", "angry"),
        ("怖がらずに堂々と", "serious"),
        ("不要生气，温柔一点", "calm"),
        ("别太激动", "neutral"),
        ("没有悲伤", "neutral"),
        ("不是悲伤而是愤怒", "angry"),
    ],
)
def test_negations(words: str, mood: str) -> None:
    assert understand(words).emotion.name == mood


@pytest.mark.parametrize("words", ["not too fast", "don't rush, not so quick", "速すぎないように", "别太快"])
def test_a_negated_pace_is_turned_round(words: str) -> None:
    assert 0.8 < understand(words).speed < 1


def test_a_prompt_in_sections() -> None:
    manner = understand(
        "Voice Affect: Calm, composed, and reassuring.\nTone: Sincere, empathetic.\nPacing: Unhurried.\n"
        "Emotion: Genuine empathy and understanding.\nPronunciation: Clear.\nPauses: Brief, after apologies."
    )
    assert manner.emotion.name == "calm"
    assert manner.speed < 1


@given(st.text(max_size=300))
def test_any_text_is_understood_within_bounds(words: str) -> None:
    manner = understand(words)
    assert manner.emotion.name in EMOTIONS
    assert 0 < manner.emotion.intensity <= 1
    assert MIN_SPEED <= manner.speed <= MAX_SPEED
    assert abs(manner.pitch) <= MAX_PITCH
    assert MIN_ENERGY <= manner.energy <= MAX_ENERGY
    assert 0 <= manner.intonation <= MAX_INTONATION


def test_everything_at_once_stays_within_bounds() -> None:
    manner = understand("very slow, extremely sluggish, weary, worn-out, old wizard, unhurried, drawling")
    assert manner.speed == MIN_SPEED


def test_fields_go_before_instructions() -> None:
    words = "very sad, slowly, in a deep voice"
    assert asked_for({"instructions": words}, WORDS).delivery.emotion == Emotion("sad", 1.0)
    asked = asked_for({"instructions": words, "emotion": "happy", "speed": 1.0, "pitch": 2.0}, WORDS)
    assert (asked.speed, asked.delivery.pitch, asked.delivery.emotion) == (1.0, 2.0, Emotion("happy", 1.0))
    assert asked_for({"instructions": words, "intensity": 0.3}, WORDS).delivery.emotion == Emotion("sad", 0.3)
    assert asked_for({"emotion": "angry", "intensity": 0.5}, WORDS).delivery.emotion == Emotion("angry", 0.5)


def test_what_was_understood_is_told_in_ascii() -> None:
    assert understood(understand("悲しそうに、ゆっくり")) == "emotion=sad; intensity=0.8; speed=0.82"
    assert understood(understand("in a deep voice")) == "pitch=-3"
    assert understood(understand("neutral")) == "neutral"
    assert understood(understand("Speak with a lisp.")) == "nothing"
