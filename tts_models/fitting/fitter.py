"""The fit itself.

::

    texts --acoustic model--> features --+                          reference --+
                                         v                                      v
    voice + timbre ------------> [frozen vocoder] --> [frozen speaker encoder] --> unlikeness
              ^                                                                        |
              +----------------------- gradient, Adam <-------------------------------+

What the acoustic model makes of the texts does not depend on the timbre, so it is made once. Each step takes another
window of another text, too short to be fitted to.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from tts_models.acoustic import AcousticModel
from tts_models.checkpoint import load_strict
from tts_models.engine import fast_dtype
from tts_models.errors import ReferenceAudioError, TtsError
from tts_models.fitting.delivery import delivered_as, say
from tts_models.fitting.hearing import SpeakerSound, hear, speaker_sound, unlikeness
from tts_models.fitting.plan import FitPlan, Fitted
from tts_models.fitting.speech import FrozenVocoder, Passage
from tts_models.fitting.state import FitState
from tts_models.fitting.texts import HELD_OUT, SENTENCES
from tts_models.memory import memory_errors_named
from tts_models.speaker import ENCODER_RATE_HZ
from tts_models.speaker.encoder import SpeakerEncoder
from tts_models.speaker.pitch import pitch_of
from tts_models.speaker.presets import PresetVoices, preset_voices
from tts_models.speaker.profile import ClipProfile, ReferenceProfile, reference_profile
from tts_models.speaker.recipe import VoiceRecipe
from tts_models.speaker.voices import VoiceCatalogue
from tts_models.text.vocabulary import encode
from tts_models.types import FRAME_SAMPLES, SAMPLE_RATE_HZ, TIMBRE_DIM, FloatArray
from tts_models.vocoder.config import VocoderConfig
from tts_models.vocoder.network import VocoderNetwork

_LEAST_HELD_OUT_OF_S = 8.0
_EXAM_S = 2.0
"""About as long as a sentence of those held out."""

OnStep = Callable[[FitState], None]
"""Told after every step; what it raises ends the fit."""
Said = tuple[Passage, Tensor]
"""What a voice says, and the ``(128,)`` timbre that it says it with."""


class VoiceFitter:
    """Fits voices, one at a time.

    Args:
        acoustic: The acoustic model.
        vocoder: The vocoder.
        encoder: The speaker encoder.
        catalogue: The presets.
        presets: How they sound.
        device: Where all of them are.
    """

    def __init__(
        self,
        acoustic: AcousticModel,
        vocoder: FrozenVocoder,
        encoder: SpeakerEncoder,
        catalogue: VoiceCatalogue,
        presets: PresetVoices,
        device: torch.device,
    ) -> None:
        self._acoustic = acoustic
        self._vocoder = vocoder
        self._encoder = encoder
        self._catalogue = catalogue
        self._presets = presets
        self._device = device
        timbres = np.stack([voice.styles[:, :TIMBRE_DIM].mean(axis=0) for voice in catalogue])
        self._deviations = (timbres.std(axis=0) if len(timbres) > 1 else np.ones(TIMBRE_DIM)).astype(np.float32)

    @classmethod
    def load(cls, kokoro: Path, ecapa: Path, voices: Path, device: torch.device) -> VoiceFitter:
        """Read all models.

        Raises:
            AssetError: A file is not what it should be.
        """
        network = VocoderNetwork(VocoderConfig())
        load_strict(network, kokoro, ["decoder."])
        return cls(
            AcousticModel.load(kokoro, device),
            FrozenVocoder(network, device, fast_dtype(device)),
            SpeakerEncoder.load(ecapa, device),
            VoiceCatalogue.load(voices),
            preset_voices(),
            device,
        )

    def fit(
        self,
        clips: Sequence[FloatArray],
        start: VoiceRecipe,
        plan: FitPlan,
        state: bytes | None = None,
        on_step: OnStep = lambda state: None,
    ) -> Fitted:
        """Fit a voice to a speaker. Equal arguments give equal results, however often it is interrupted.

        Args:
            clips: Speech of the speaker, ``(n,)`` float32 at 16 kHz, silence left out; a second at least in all.
            start: A voice to begin with; a nearest preset takes its place if it is more like the speaker.
            plan: How.
            state: Of a fit of the same clips by the same plan, to go on from.
            on_step: Told how far it is.

        Raises:
            ReferenceAudioError: There is not enough speech.
            StateError: ``state`` is none.
            VoiceNotFound: A preset of ``start`` is not in the catalogue.
            OutOfMemory: There is not enough memory.
        """
        known, held_out = split(clips)
        profile = self._profile(clips)
        exam = [encode(symbols) for symbols in HELD_OUT]
        with memory_errors_named():
            window_s = plan.window_frames * FRAME_SAMPLES / SAMPLE_RATE_HZ
            target = speaker_sound(self._encoder, known, window_s, self._device)
            judge = speaker_sound(self._encoder, held_out, _EXAM_S, self._device, target.spreads)
            nearest = [voice.recipe for voice in self._presets.nearest(profile, plan.starts, plan.language)]
            starts = [start, *(recipe for recipe in nearest if recipe.presets != start.presets)][: plan.starts]
            recipes = [delivered_as(one, profile, self._acoustic, self._catalogue, exam) for one in starts]
            now = FitState.from_bytes(state) if state else None
            if now is None:
                tries = [_Fit(self, self._said(recipe, exam), judge, plan) for recipe in recipes]
                now = min((one.begun(index) for index, one in enumerate(tries)), key=lambda one: one.best_unlikeness)
            recipe = recipes[now.start]
            fit = _Fit(self, self._said(recipe, exam), judge, plan)
            sentences = self._said(recipe, [encode(symbols) for symbols in SENTENCES])
            while now.step < plan.steps and now.step - now.best_step <= plan.patience * plan.check_every:
                now = fit.stepped(now, sentences[now.step % len(sentences)], target)
                if now.step % plan.check_every == 0 or now.step == plan.steps:
                    now = fit.examined(now)
                on_step(now)
        offset = recipe.offset.copy()
        offset[:TIMBRE_DIM] += now.best * self._deviations
        return Fitted(replace(recipe, offset=offset), now.best_similarity, now.first_similarity, now.best_step)

    def _profile(self, clips: Sequence[FloatArray]) -> ReferenceProfile:
        """What enrolment said about the speaker."""
        profiles = []
        for clip, embedding in zip(clips, self._encoder.embed(clips), strict=True):
            if isinstance(embedding, TtsError):
                raise embedding
            profiles.append(ClipProfile(embedding.vector, embedding.voiced_s, pitch_of(clip)))
        return reference_profile(profiles)

    def _said(self, recipe: VoiceRecipe, texts: Sequence[tuple[int, ...]]) -> list[Said]:
        voice = recipe.voice(self._catalogue, "fitted", "en-US", "female")
        features = say(self._acoustic, voice, texts)
        return [(self._vocoder.passage(one), torch.tensor(one.timbre, device=self._device)) for one in features]

    def unlikeness(self, said: Said, change: Tensor, speaker: SpeakerSound, plan: FitPlan) -> tuple[Tensor, Tensor]:
        """How unlike the speaker something sounds, said with a changed timbre.

        Args:
            said: What, and the timbre.
            change: ``(128,)``, in deviations of the presets' timbres.
            speaker: Whom it is compared with.
            plan: What counts for how much.

        Returns:
            What is to become smaller, and the cosine of the embeddings.
        """
        passage, timbre = said
        deviations = torch.from_numpy(self._deviations).to(self._device)
        heard = hear(self._encoder, self._vocoder.waveform(passage, timbre + change * deviations))
        embedding, layers, spectrum = unlikeness(heard, speaker)
        return embedding + plan.layers_weight * layers + plan.spectrum_weight * spectrum, 1 - embedding


class _Fit:
    """One fit.

    Args:
        fitter: Its models.
        exam: What the voice is judged by.
        judge: How the speaker sounds in what is held out.
        plan: How.
    """

    def __init__(self, fitter: VoiceFitter, exam: Sequence[Said], judge: SpeakerSound, plan: FitPlan) -> None:
        self._fitter, self._exam, self._judge, self._plan = fitter, exam, judge, plan

    def begun(self, start: int) -> FitState:
        """Before the first step, with the voice of index ``start``."""
        return FitState.beginning(start, *self._marks(np.zeros(TIMBRE_DIM, np.float32)))

    def stepped(self, now: FitState, said: Said, target: SpeakerSound) -> FitState:
        """After a step of Adam on a window of ``said``."""
        plan, (passage, timbre) = self._plan, said
        random = np.random.default_rng((plan.seed, now.step))
        start = int(random.integers(max(0, passage.n_frames - plan.window_frames) + 1))
        window = passage.cut(start, min(start + plan.window_frames, passage.n_frames))
        change = torch.tensor(now.change, device=timbre.device, requires_grad=True)
        loss, _ = self._fitter.unlikeness((window, timbre), change, target, plan)
        (gradient,) = torch.autograd.grad(loss + plan.stay_weight * change.square().sum(), change)
        return now.descended(gradient.cpu().numpy(), plan.learning_rate_at(now.step))

    def examined(self, now: FitState) -> FitState:
        """``now``, its best replaced if it does better on what is held out."""
        unlike, similarity = self._marks(now.average)
        if not unlike < now.best_unlikeness:  # a NaN is not either
            return now
        return replace(now, best=now.average, best_step=now.step, best_unlikeness=unlike, best_similarity=similarity)

    def _marks(self, change: FloatArray) -> tuple[float, float]:
        """How unlike the speaker the voice is on what is held out, and its similarity."""
        with torch.no_grad():
            changed = torch.tensor(change, device=self._exam[0][1].device)
            marks = [self._fitter.unlikeness(said, changed, self._judge, self._plan) for said in self._exam]
        unlike, similarity = (float(torch.stack(values).mean()) for values in zip(*marks, strict=True))
        return unlike, similarity


def split(clips: Sequence[FloatArray]) -> tuple[list[FloatArray], list[FloatArray]]:
    """What a voice is fitted to, and what is held out: the last quarter, or the last clip if it is about that.

    Of less than 8 s nothing is held out, since two seconds say too little: such a voice is judged on all of it, in
    sentences that it was not fitted to.

    Raises:
        ReferenceAudioError: There is less than a second of speech.
    """
    total = sum(map(len, clips))
    if total < ENCODER_RATE_HZ:
        raise ReferenceAudioError(f"There is {total / ENCODER_RATE_HZ:.1f} s of speech; a fit needs 1 s at least.")
    if total < _LEAST_HELD_OUT_OF_S * ENCODER_RATE_HZ:
        return list(clips), list(clips)
    *before, last = clips
    quarter = total // 4
    if before and quarter <= len(last) <= total // 2:
        return before, [last]
    cut = max(len(last) - quarter, len(last) // 2)
    return [*before, last[:cut]], [last[cut:]]
