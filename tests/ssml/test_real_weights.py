"""SSML with the real weights, judged by the waveform: longer, higher, louder by what was asked, where it was asked."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from xml.sax.saxutils import escape

import numpy as np
import pytest
from numpy.typing import NDArray

from serve_app.graph import SpokenAudio, Utterance
from serve_app.local_graph import LocalSpeechGraph
from serve_app.ssml import marked_up
from tests.text.test_frontend import HELLO
from tts_models.assets import AssetStore
from tts_models.speaker.voices import VoiceCatalogue
from tts_models.text import LANGUAGES
from tts_models.timing import BookmarkMark
from tts_models.types import SAMPLE_RATE_HZ, FloatArray

pytestmark = pytest.mark.timeout(600)

SENTENCE = "We will surely meet again tomorrow morning at the old station."
WORD, OTHER = "tomorrow", "station"
VOICES = ("af_heart", "am_michael")


@dataclass(frozen=True)
class Heard:
    """What was said."""

    utterance: Utterance
    audio: list[SpokenAudio]

    @cached_property
    def samples(self) -> FloatArray:
        return np.concatenate([audio.samples for audio in self.audio])

    @property
    def marks(self) -> dict[str, BookmarkMark]:
        return {mark.name: mark for audio in self.audio for mark in audio.timeline.bookmarks()}

    def span_s(self, word: str) -> tuple[float, float]:
        return next(
            (mark.start_s, mark.end_s)
            for audio in self.audio
            for mark in audio.timeline.words()
            if self.utterance.shown[mark.start : mark.end].replace("\0", "") == word
        )

    def duration_s(self, word: str) -> float:
        start_s, end_s = self.span_s(word)
        return end_s - start_s

    def of(self, word: str) -> FloatArray:
        start, end = (round(bound * SAMPLE_RATE_HZ) for bound in self.span_s(word))
        return self.samples[start:end]

    def level_db(self, word: str) -> float:
        return float(10 * np.log10(np.mean(self.of(word).astype(np.float64) ** 2) + 1e-12))

    def f0_hz(self, word: str) -> float:
        """Median over 40 ms windows of the waveform, by autocorrelation; those without a clear period left out."""
        samples, found = self.of(word), []
        for start in range(0, len(samples) - 960, 120):
            window = samples[start : start + 960].astype(np.float64) * np.hanning(960)
            correlation = _autocorrelation(window) / (_autocorrelation(np.hanning(960)) + 1)
            lags = slice(SAMPLE_RATE_HZ // 400, SAMPLE_RATE_HZ // 60)
            best = int(np.argmax(correlation[lags])) + lags.start
            if correlation[best] > 0.5 * correlation[0]:
                found.append(SAMPLE_RATE_HZ / best)
        return float(np.median(found))


def _autocorrelation(window: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.correlate(window, window, "full")[len(window) - 1 :]


class Speaker:
    def __init__(self, assets: AssetStore) -> None:
        self.voices = VoiceCatalogue.load(assets.ensure("voices-v1.0"))
        self.graph = LocalSpeechGraph(assets.ensure("kokoro-82m-v1.0"))
        self._heard: dict[tuple[str, str], Heard] = {}

    def say(self, text: str, voice: str = "af_heart") -> Heard:
        if (text, voice) not in self._heard:
            speaker = self.voices.get(voice)
            utterance = marked_up(Utterance(text, speaker, speaker.language), self.voices)
            self._heard[text, voice] = Heard(utterance, [audio for audio, _ in self.graph.speak(utterance)])
        return self._heard[text, voice]

    def say_word(self, tag: str, voice: str) -> Heard:
        return self.say("<speak>" + SENTENCE.replace(WORD, f"<{tag}>{WORD}</{tag.split()[0]}>") + "</speak>", voice)


@pytest.fixture(scope="module")
def speaker(assets: AssetStore) -> Speaker:
    return Speaker(assets)


def semitones(heard: Heard, plain: Heard, word: str = WORD) -> float:
    return float(12 * np.log2(heard.f0_hz(word) / plain.f0_hz(word)))


def test_tags_that_ask_for_nothing_change_no_sample(speaker: Speaker) -> None:
    plain = speaker.say(SENTENCE)
    tagged = SENTENCE.replace(WORD, f"<mark name='x'/><prosody rate='100%' volume='+0dB'>{WORD}</prosody>")
    for ssml in (f"<speak>{SENTENCE}</speak>", f"<speak>{tagged}</speak>"):
        assert np.array_equal(speaker.say(ssml).samples, plain.samples)


@pytest.mark.parametrize(("voice", "rate"), [("af_heart", 0.5), ("am_michael", 0.75), ("af_heart", 2.0)])
def test_rate_changes_one_words_length_and_nothing_else(speaker: Speaker, voice: str, rate: float) -> None:
    plain, heard = speaker.say(SENTENCE, voice), speaker.say_word(f"prosody rate='{rate:.0%}'", voice)
    assert heard.duration_s(WORD) == pytest.approx(plain.duration_s(WORD) / rate, abs=0.026)
    assert heard.duration_s(OTHER) == pytest.approx(plain.duration_s(OTHER), abs=1e-6)
    assert semitones(heard, plain) == pytest.approx(0, abs=0.7)
    assert semitones(heard, plain, OTHER) == pytest.approx(0, abs=1), "creaky at the end of a sentence, hence the room"
    assert heard.level_db(OTHER) == pytest.approx(plain.level_db(OTHER), abs=1.5)


@pytest.mark.parametrize(
    ("voice", "pitch", "asked"),
    [
        ("af_heart", "+4st", 4.0),
        ("am_michael", "+4st", 4.0),
        ("am_michael", "-3st", -3.0),
        ("af_heart", "-15%", 12 * np.log2(0.85)),
        ("af_heart", "x-high", 6.0),
    ],
)
def test_pitch_moves_f0_by_what_is_asked(speaker: Speaker, voice: str, pitch: str, asked: float) -> None:
    plain, heard = speaker.say(SENTENCE, voice), speaker.say_word(f"prosody pitch='{pitch}'", voice)
    assert semitones(heard, plain) == pytest.approx(asked, abs=0.5)
    assert semitones(heard, plain, OTHER) == pytest.approx(0, abs=1), "creaky at the end of a sentence, hence the room"
    assert len(heard.samples) == len(plain.samples)


def test_pitch_in_hz(speaker: Speaker) -> None:
    plain = speaker.say(SENTENCE)
    assert speaker.say_word("prosody pitch='170Hz'", "af_heart").f0_hz(WORD) == pytest.approx(170, rel=0.05)
    raised = speaker.say_word("prosody pitch='+30Hz'", "af_heart")
    assert raised.f0_hz(WORD) - plain.f0_hz(WORD) == pytest.approx(30, abs=8)


@pytest.mark.parametrize(("voice", "decibels"), [("af_heart", 6), ("am_michael", -6), ("af_heart", -20)])
def test_volume_changes_the_level_of_its_words(speaker: Speaker, voice: str, decibels: int) -> None:
    plain, heard = speaker.say(SENTENCE, voice), speaker.say_word(f"prosody volume='{decibels:+d}dB'", voice)
    assert heard.level_db(WORD) - plain.level_db(WORD) == pytest.approx(decibels, abs=1.0 if decibels > -20 else 3.0)
    assert heard.level_db(OTHER) == pytest.approx(plain.level_db(OTHER), abs=0.1)
    start_s, end_s = plain.span_s(WORD)
    before, after = round((start_s - 0.04) * SAMPLE_RATE_HZ), round((end_s + 0.04) * SAMPLE_RATE_HZ)
    assert np.array_equal(heard.samples[:before], plain.samples[:before])
    assert np.array_equal(heard.samples[after:], plain.samples[after:])


@pytest.mark.parametrize("voice", VOICES)
def test_emphasis_is_heard_in_length_pitch_and_level(speaker: Speaker, voice: str) -> None:
    levels = ("strong", "moderate", "none", "reduced")
    heard = [speaker.say_word(f"emphasis level='{level}'", voice) for level in levels]
    strong, moderate, plain, reduced = heard
    assert np.array_equal(plain.samples, speaker.say(SENTENCE, voice).samples)
    for measure in ("duration_s", "f0_hz", "level_db"):
        values = [getattr(one, measure)(WORD) for one in heard]
        assert values == sorted(values, reverse=True), f"{measure}: {values}"
        assert len(set(values)) == 4
    assert strong.duration_s(WORD) / plain.duration_s(WORD) > 1.3
    assert semitones(strong, plain) > 2
    assert strong.level_db(WORD) - plain.level_db(WORD) > 2.5
    assert strong.level_db(OTHER) == pytest.approx(plain.level_db(OTHER), abs=1)
    assert semitones(moderate, plain) == pytest.approx(1.5, abs=0.5)
    assert reduced.level_db(WORD) - plain.level_db(WORD) < -2


def test_breaks_last_as_long_as_they_say(speaker: Speaker) -> None:
    short, long, strong = (
        speaker.say(f"<speak>One moment, please.<break {given}/> Here it is.</speak>")
        for given in ("time='200ms'", "time='1.2s'", "strength='x-strong'")
    )
    assert len(long.samples) - len(short.samples) == SAMPLE_RATE_HZ
    assert len(strong.samples) - len(short.samples) == round(1.05 * SAMPLE_RATE_HZ)


def test_marks_are_where_the_next_word_is_heard(speaker: Speaker) -> None:
    heard = speaker.say(
        "<speak><mark name='start'/>Good morning.<mark name='end'/><break time='800ms'/><mark name='rain'/>Rain is "
        "coming, <mark name='so'/>so hurry.</speak>"
    )
    assert heard.marks["start"].at_s == heard.span_s("Good")[0]
    assert heard.marks["end"].at_s == heard.span_s("morning")[1]
    assert heard.marks["so"].at_s == heard.span_s("so")[0]
    rain_s = heard.marks["rain"].at_s
    level = np.abs(heard.samples)
    middle = round((heard.marks["end"].at_s + 0.5) * SAMPLE_RATE_HZ)
    onset = middle + int(np.argmax(level[middle:] > 0.03 * level.max()))
    assert rain_s == pytest.approx(onset / SAMPLE_RATE_HZ, abs=0.08)


def test_each_voice_speaks_its_part(speaker: Speaker) -> None:
    heard = speaker.say(
        "<speak>Good morning. <voice name='am_michael'>Wonderful weather.</voice> "
        "<voice name='jf_alpha'>こんにちは。</voice></speak>"
    )
    assert [audio.timeline.segment.voice for audio in heard.audio] == ["", "am_michael", "jf_alpha"]
    assert [audio.timeline.segment.language for audio in heard.audio] == ["en-US", "en-US", "ja"]
    assert heard.f0_hz("weather") < 0.75 * heard.f0_hz("morning")


@pytest.mark.parametrize("tag", LANGUAGES)
def test_prosody_in_every_language(speaker: Speaker, tag: str) -> None:
    voice = next(voice.name for voice in speaker.voices.like(tag))
    text = escape(HELLO[tag])
    plain = speaker.say(HELLO[tag], voice)
    assert np.array_equal(speaker.say(f"<speak>{text}</speak>", voice).samples, plain.samples)
    slow = speaker.say(f"<speak><prosody rate='50%' volume='-6dB'>{text}</prosody></speak>", voice)
    assert len(slow.samples) / len(plain.samples) == pytest.approx(2, abs=0.25)  # the silence at the ends is not slowed
    levels = [10 * np.log10(np.mean(heard.samples.astype(np.float64) ** 2)) for heard in (slow, plain)]
    assert levels[0] - levels[1] == pytest.approx(-6, abs=2)
