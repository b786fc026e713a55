"""F0 of a recording: against signals of known F0, against librosa's pYIN, and against the model's own curves."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import butter, sosfilt

from tests.speaker.voices import vowel
from tts_models.speaker import ENCODER_RATE_HZ
from tts_models.speaker.pitch import HOP_S, f0_curve, pitch_of
from tts_models.types import FloatArray


@pytest.mark.parametrize("f0_hz", [65.0, 80.0, 110.0, 155.3, 220.0, 351.0, 440.0, 580.0])
@pytest.mark.parametrize("noise", [0.0, 0.02])
def test_a_steady_voice(f0_hz: float, noise: float) -> None:
    pitch = pitch_of(vowel(f0_hz, 1.5, noise=noise))
    assert pitch.median_hz == pytest.approx(f0_hz, rel=0.005)
    assert pitch.range_semitones < 0.3
    assert pitch.voiced_s > 1.3


def test_a_gliding_voice() -> None:
    semitones = np.linspace(-6, 6, 50)
    curve = 180 * 2 ** (semitones / 12)
    waveform = vowel(curve, 3.0)
    pitch = pitch_of(waveform)
    assert pitch.median_hz == pytest.approx(180, rel=0.02)
    assert pitch.range_semitones == pytest.approx(0.8 * 12, abs=0.6)
    heard = f0_curve(waveform)[10:-10]
    at_s = np.arange(len(heard)) * HOP_S + 0.1
    expected = np.interp(at_s, np.linspace(0, 3, 50), curve)
    assert np.median(np.abs(12 * np.log2(heard / expected))) < 0.1


def test_level_and_band_do_not_matter() -> None:
    """A telephone lets no fundamental of a man through."""
    waveform = vowel(100.0, 2.0)
    telephone = sosfilt(butter(4, (300, 3400), "bandpass", fs=ENCODER_RATE_HZ, output="sos"), waveform)
    for changed in (waveform * 0.01, waveform + 0.3, np.clip(3 * waveform, -0.5, 0.5), telephone):
        assert pitch_of(changed.astype(np.float32)).median_hz == pytest.approx(100, rel=0.01)


def test_what_has_no_pitch() -> None:
    rng = np.random.default_rng(0)
    for waveform in (0.1 * rng.standard_normal(48_000), np.zeros(48_000), rng.standard_normal(100), np.zeros(1)):
        pitch = pitch_of(waveform.astype(np.float32))
        assert (pitch.median_hz, pitch.range_semitones) == (0.0, 0.0)
        assert pitch.voiced_s < 0.1


def test_octave_errors_are_left_out() -> None:
    """Some frames an octave off, as creak gives, move neither the median nor the range."""
    waveform = np.concatenate([vowel(200.0, 1.0), vowel(100.0, 0.15), vowel(205.0, 1.0), vowel(420.0, 0.1)])
    pitch = pitch_of(waveform)
    assert pitch.median_hz == pytest.approx(202, abs=4)
    assert pitch.range_semitones < 1.5


def mixed_voice() -> FloatArray:
    """Voiced and unvoiced stretches, falling and rising."""
    rng = np.random.default_rng(3)
    hiss = (0.05 * rng.standard_normal(3_000)).astype(np.float32)
    falling, rising = np.linspace(160, 110, 20), np.linspace(120, 175, 20)
    return np.concatenate([vowel(falling, 0.8), hiss, vowel(rising, 0.7), hiss, vowel(falling, 0.5, noise=0.01)])


def test_librosa_hears_the_same() -> None:
    librosa = pytest.importorskip("librosa")
    waveform = mixed_voice()
    theirs, _, _ = librosa.pyin(waveform, fmin=60, fmax=600, sr=ENCODER_RATE_HZ, frame_length=1024, hop_length=160)
    theirs = theirs[np.isfinite(theirs)]
    pitch = pitch_of(waveform)
    assert 12 * np.log2(pitch.median_hz / np.median(theirs)) == pytest.approx(0, abs=0.25)
    low, high = np.quantile(theirs, [0.1, 0.9])
    assert pitch.range_semitones == pytest.approx(12 * np.log2(high / low), abs=0.8)
