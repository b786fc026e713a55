"""What clips say about their speaker, together and as bytes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from tts_models.errors import SeveralSpeakers, TtsError
from tts_models.speaker.one_speaker import (
    ClipEmbeddings,
    embed_clips,
    likeness,
    pieces,
    require_one_speaker,
    require_same_speaker,
)
from tts_models.speaker.pitch import Pitch
from tts_models.speaker.profile import ClipProfile, reference_profile
from tts_models.types import SPEAKER_EMBEDDING_DIM, FloatArray, SpeakerEmbedding


def about(centre: FloatArray, n: int, spread: float, seed: int = 0) -> FloatArray:
    """``n`` unit vectors around one."""
    noise = np.random.default_rng(seed).standard_normal((n, SPEAKER_EMBEDDING_DIM)) / SPEAKER_EMBEDDING_DIM**0.5
    vectors = centre + spread * noise
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def axis(number: int) -> FloatArray:
    return np.eye(SPEAKER_EMBEDDING_DIM, dtype=np.float32)[number]


def clip(embedding: FloatArray, speech_s: float, pitch: Pitch) -> ClipProfile:
    return ClipProfile(embedding, speech_s, pitch)


def test_a_clip_travels_as_bytes() -> None:
    before = clip(about(axis(3), 1, 0.5)[0], 4.25, Pitch(123.5, 7.25, 2.5))
    data = before.to_bytes()
    assert len(data) == 784
    after = ClipProfile.from_bytes(data)
    np.testing.assert_array_equal(after.embedding, before.embedding)
    assert (after.speech_s, after.pitch) == (before.speech_s, before.pitch)
    for spoilt in (b"", data[:-1], data[:-4], data + b"\0\0\0\0", np.full(196, np.nan, "<f4").tobytes()):
        with pytest.raises(ValueError, match=r"no profile|multiple"):
            ClipProfile.from_bytes(spoilt)


def test_longer_clips_count_for_more() -> None:
    one = clip(axis(0), 9.0, Pitch(100.0, 6.0, 3.0))
    two = clip(axis(1), 3.0, Pitch(200.0, 10.0, 1.0))
    whisper = clip(axis(2), 1e-6, Pitch(0.0, 0.0, 0.05))
    speech = np.zeros(16_000, np.float32)
    together = reference_profile([one, two, whisper], [speech])
    np.testing.assert_allclose(together.embedding[:2], np.array([3, 1]) / 10**0.5, rtol=1e-6)
    assert together.voiced_s == pytest.approx(12.0)
    assert together.median_f0_hz == pytest.approx(100 * 2**0.25)
    assert together.f0_range_semitones == pytest.approx(7.0)
    assert together.clips == (speech,)
    alone = reference_profile([whisper])
    assert (alone.median_f0_hz, alone.f0_range_semitones, alone.clips) == (0.0, 0.0, ())


def test_pieces_cover_a_clip_and_short_ones_have_none() -> None:
    assert pieces(np.zeros(63_999, np.float32)) == []
    cut = pieces(np.arange(5 * 16_000, dtype=np.float32))
    assert [(piece[0], len(piece)) for piece in cut] == [(start * 16_000, 32_000) for start in (0, 1, 2, 3)]
    cut = pieces(np.arange(29 * 16_000, dtype=np.float32))
    assert [(piece[0], len(piece)) for piece in cut] == [(start * 3 * 16_000, 32_000) for start in range(10)]


def test_the_beginning_says_who_speaks_and_all_of_it_counts() -> None:
    clips = [np.full(20 * 16_000, 0.1, np.float32), np.full(3 * 16_000, 0.2, np.float32)]
    heard: list[int] = []

    def embed(batch: Sequence[FloatArray]) -> list[SpeakerEmbedding | TtsError]:
        heard.extend(map(len, batch))
        return [SpeakerEmbedding(axis(0), len(samples) / 16_000) for samples in batch]

    long, short = embed_clips(embed, clips)
    assert heard == [15 * 16_000, *[2 * 16_000] * 10, 3 * 16_000]
    assert isinstance(long, ClipEmbeddings)
    assert isinstance(short, ClipEmbeddings)
    assert (long.whole.voiced_s, len(long.pieces)) == (20, 10)
    assert (short.whole.voiced_s, short.pieces) == (3, ())


def test_two_speakers_are_told_from_one() -> None:
    one = about(axis(0), 8, 0.8)
    require_one_speaker(one)
    require_one_speaker(one[:2])
    require_one_speaker([])
    other = about(axis(1), 3, 0.8, seed=1)
    with pytest.raises(SeveralSpeakers, match="More than one person"):
        require_one_speaker([*one[:4], *other, *one[4:]])
    assert likeness(np.stack([*one[:4], *other])) < 0.2 < 0.5 < likeness(one)


def test_clips_of_different_speakers() -> None:
    clips = about(axis(0), 3, 0.5)
    require_same_speaker(clips)
    require_same_speaker(clips[:1])
    with pytest.raises(SeveralSpeakers, match="Clip 2 "):
        require_same_speaker([clips[0], axis(5), clips[1], clips[2]])
