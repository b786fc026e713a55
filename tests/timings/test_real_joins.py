"""With the real weights: what is cut around a segment is silent, and between two is heard what was asked for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from serve_app.graph import END_S, spoken_audio
from tests.timings.real import HOP_S, Models
from tts_models.edges import ROOM_S, edges
from tts_models.timing import Timeline
from tts_models.types import FRAME_SAMPLES, SAMPLE_RATE_HZ, Audio, FloatArray, Phonemes

pytestmark = pytest.mark.timeout(600)

SILENT_DB, HEARD_DB = -45.0, -40.0
"""Below the loudest 5 ms of a segment: nothing above the first is cut; what is above the second is surely heard."""
TOLERANCE_S = 0.06
PAUSE_S = 0.5

TEXTS = {
    "en-US": ("af_heart", "The old keeper climbed the stairs.[pause:500ms] Rain was falling on the ships", 1.0),
    "en-GB": ("bm_fable", "Please make this stop.[pause:500ms] Fish and chips, at last.", 1.0),
    "es": ("em_alex", "Escucha, son las seis.[pause:500ms] Chicos, salten ya.", 0.7),
    "fr-FR": ("ff_siwis", "Bonjour à tous.[pause:500ms] Chut, cherche vite.", 1.0),
    "hi": ("hm_psi", "सुनो, छह बज गए।[pause:500ms] बारिश हो रही थी।", 1.0),
    "it": ("if_sara", "Zitto, scappa via.[pause:500ms] Sono le sei, stop.", 1.4),
    "ja": ("jf_alpha", "静かにしてください。[pause:500ms] 父が来ました。", 1.0),
    "pt-BR": ("pm_alex", "Escuta, são seis horas.[pause:500ms] Chega, sai já.", 1.0),
    "zh": ("zf_xiaobei", "吃吧，出去吃。[pause:500ms] 今天下雨，没有人来。", 1.0),
    "twice": ("am_adam", "Ships push past the rocks.[pause:500ms] Set the clock and stop.", 2.0),
    "half": ("af_sky", "Set the clock and stop.[pause:500ms] Hello there.", 0.5),
}


def levels_db(samples: FloatArray) -> FloatArray:
    """Of each 5 ms, relative to the loudest."""
    hop = round(HOP_S * SAMPLE_RATE_HZ)
    power = (samples[: len(samples) // hop * hop].reshape(-1, hop).astype(np.float64) ** 2).mean(axis=1)
    level = 10 * np.log10(power + 1e-12)
    return np.asarray(level - level.max(), np.float32)


def heard_s(samples: FloatArray, above_db: float) -> tuple[float, float]:
    """When what is above a level begins and ends."""
    loud = np.flatnonzero(levels_db(samples) > above_db)
    return float(loud[0] * HOP_S), float((loud[-1] + 1) * HOP_S)


@dataclass(frozen=True, eq=False)
class Said:
    """A text's segments and what the vocoder made of them; ``predicted`` without it."""

    speed: float
    parts: list[tuple[Phonemes, Audio]]
    predicted: list[Timeline]


@pytest.fixture(scope="module", params=TEXTS)
def said(request: pytest.FixtureRequest, models: Models) -> Said:
    voice, text, speed = TEXTS[request.param]
    return Said(speed, list(models.say(text, voice, speed)), models.timelines(text, voice, speed))


def test_nothing_that_sounds_is_cut(said: Said) -> None:
    for segment, audio in said.parts:
        at = edges(audio.energy, len(audio.samples) // FRAME_SAMPLES)
        start_s, end_s = heard_s(audio.samples, SILENT_DB)
        cut_s = at.start / SAMPLE_RATE_HZ, (len(audio.samples) - at.end) / SAMPLE_RATE_HZ
        print(f"{segment.text!r}: cut {cut_s[0]:.2f} and {cut_s[1]:.2f} s")
        assert at.start / SAMPLE_RATE_HZ <= start_s
        assert at.end / SAMPLE_RATE_HZ >= end_s
        assert min(cut_s) > 0


def test_a_pause_is_heard_as_long_as_it_was_asked_for(said: Said) -> None:
    position, bounds = 0, []
    for segment, audio in said.parts:
        spoken = spoken_audio(audio, segment, position)
        start_s, end_s = heard_s(spoken.samples, HEARD_DB)
        bounds.append((position / SAMPLE_RATE_HZ + start_s, position / SAMPLE_RATE_HZ + end_s))
        position += len(spoken.samples)
    (lead_in_s, end_s), (start_s, last_s) = bounds
    pause_s, rest_s = start_s - end_s, position / SAMPLE_RATE_HZ - last_s
    print(f"lead-in {lead_in_s:.3f} s, pause {pause_s:.3f} s, end {rest_s:.3f} s")
    tolerance_s = TOLERANCE_S / min(said.speed, 1)
    assert pause_s == pytest.approx(PAUSE_S, abs=tolerance_s)
    assert lead_in_s <= ROOM_S + tolerance_s
    assert rest_s == pytest.approx(END_S, abs=tolerance_s)


def test_what_is_predicted_is_what_is_heard_to_the_sample(said: Said) -> None:
    position = 0
    for (segment, audio), predicted in zip(said.parts, said.predicted, strict=True):
        spoken = spoken_audio(audio, segment, position)
        position += len(spoken.samples)
        assert spoken.timeline.end_sample == position == predicted.end_sample
        assert predicted.phonemes() == spoken.timeline.phonemes()
        assert predicted.words() == spoken.timeline.words()
