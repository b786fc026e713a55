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
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from tts_models.acoustic import AcousticModel
from tts_models.checkpoint import load_strict
from tts_models.errors import ReferenceAudioError
from tts_models.fitting.delivery import delivered_as, say
from tts_models.fitting.hearing import SpeakerSound, hear, speaker_sound, unlikeness
from tts_models.fitting.speech import FrozenVocoder, Passage
from tts_models.fitting.state import FitState
from tts_models.fitting.texts import HELD_OUT, SENTENCES
from tts_models.kernels.build import processor_flags
from tts_models.memory import memory_errors_named
from tts_models.speaker import ENCODER_RATE_HZ
from tts_models.speaker.encoder import SpeakerEncoder
from tts_models.speaker.pitch import pitch_of
from tts_models.speaker.recipe import VoiceRecipe
from tts_models.speaker.voices import VoiceCatalogue
from tts_models.text.vocabulary import encode
from tts_models.types import FRAME_SAMPLES, SAMPLE_RATE_HZ, TIMBRE_DIM, FloatArray
from tts_models.vocoder.config import VocoderConfig
from tts_models.vocoder.network import VocoderNetwork


@dataclass(frozen=True, slots=True)
class FitPlan:
    """How to fit.

    Attributes:
        steps: Most steps.
        seed: Decides which windows are taken.
        learning_rate: Of Adam, in deviations of the presets' timbres.
        window_frames: Length of what is said in a step, frames of 25 ms.
        layers_weight: Of the encoder's layers, beside 1 for its embedding.
        spectrum_weight: Of the spectrum.
        stay_weight: Of the squared distance from the voice it began with, in deviations of the presets.
        check_every: Steps between two looks at what is held out.
        patience: Looks without an improvement before it ends.
    """

    steps: int = 40
    seed: int = 0
    learning_rate: float = 0.12
    window_frames: int = 48
    layers_weight: float = 2.0
    spectrum_weight: float = 0.5
    stay_weight: float = 0.003
    check_every: int = 10
    patience: int = 2


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """A voice after its fit.

    Attributes:
        recipe: The voice.
        similarity: Cosine of its embedding and the speaker's, on text and speech that it was not fitted to.
        first_similarity: The same before.
        steps: Steps after which it was that good.
    """

    recipe: VoiceRecipe
    similarity: float
    first_similarity: float
    steps: int


_EXAM_S = 2.0
"""About as long as a sentence of those held out."""

OnStep = Callable[[FitState], None]
"""Told after every step; what it raises ends the fit."""


class VoiceFitter:
    """Fits voices, one at a time.

    Args:
        acoustic: The acoustic model.
        vocoder: The vocoder's network; taken over.
        encoder: The speaker encoder.
        catalogue: The presets.
        device: Where all of them are.
        dtype: What the vocoder multiplies in; see :class:`~tts_models.fitting.speech.FrozenVocoder`.
    """

    def __init__(
        self,
        acoustic: AcousticModel,
        vocoder: VocoderNetwork,
        encoder: SpeakerEncoder,
        catalogue: VoiceCatalogue,
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        self._acoustic = acoustic
        self._vocoder = FrozenVocoder(vocoder, device, dtype)
        self._encoder = encoder
        self._catalogue = catalogue
        self._device = device
        timbres = np.stack([voice.styles[:, :TIMBRE_DIM].mean(axis=0) for voice in catalogue])
        deviations = timbres.std(axis=0) if len(timbres) > 1 else np.ones(TIMBRE_DIM, np.float32)
        self._deviations = torch.from_numpy(deviations.astype(np.float32)).to(device)

    @classmethod
    def load(cls, kokoro: Path, ecapa: Path, voices: Path, device: torch.device) -> VoiceFitter:
        """Read all models.

        Raises:
            AssetError: A file is not what it should be.
        """
        network = VocoderNetwork(VocoderConfig())
        load_strict(network, kokoro, ["decoder."])
        acoustic = AcousticModel.load(kokoro, device)
        encoder = SpeakerEncoder.load(ecapa, device)
        return cls(acoustic, network, encoder, VoiceCatalogue.load(voices), device, fitting_dtype(device))

    def fit(
        self,
        clips: Sequence[FloatArray],
        starts: Sequence[VoiceRecipe],
        plan: FitPlan,
        state: bytes | None = None,
        on_step: OnStep = lambda state: None,
    ) -> Fitted:
        """Fit a voice to a speaker. Equal arguments give equal results, however often it is interrupted.

        Args:
            clips: Speech of the speaker, ``(n,)`` float32 at 16 kHz, silence left out; a second at least in all.
            starts: Voices to begin with, one at least; the one most like the speaker is taken.
            plan: How.
            state: Of a fit of the same clips by the same plan, to go on from.
            on_step: Told how far it is.

        Raises:
            ReferenceAudioError: There is not enough speech.
            StateError: ``state`` is none.
            VoiceNotFound: A preset of ``starts`` is not in the catalogue.
            OutOfMemory: There is not enough memory.
        """
        known, held_out = split(clips)
        window_s = plan.window_frames * FRAME_SAMPLES / SAMPLE_RATE_HZ
        pitch = pitch_of(np.concatenate(clips))
        texts = [encode(symbols) for symbols in (*SENTENCES, *HELD_OUT)]
        with memory_errors_named():
            judge = speaker_sound(self._encoder, held_out, _EXAM_S, self._device)
            target = speaker_sound(self._encoder, known, window_s, self._device)
            voices = [delivered_as(start, pitch, self._acoustic, self._catalogue, texts[-2:]) for start in starts]
            now = FitState.from_bytes(state) if state else self._beginning(voices, judge, plan, texts)
            recipe = voices[now.start]
            said, timbres = self._passages(recipe, texts)
            exam, asked = said[len(SENTENCES) :], timbres[len(SENTENCES) :]
            while now.step < plan.steps and now.step - now.best_step <= plan.patience * plan.check_every:
                now = self._step(now, said[: len(SENTENCES)], timbres, target, plan)
                if now.step % plan.check_every == 0 or now.step == plan.steps:
                    now = self._checked(now, exam, asked, judge, plan)
                on_step(now)
        offset = recipe.offset.copy()
        offset[:TIMBRE_DIM] += now.best * self._deviations.cpu().numpy()
        return Fitted(replace(recipe, offset=offset), now.best_similarity, now.first_similarity, now.best_step)

    def _beginning(
        self, voices: Sequence[VoiceRecipe], judge: SpeakerSound, plan: FitPlan, texts: Sequence[tuple[int, ...]]
    ) -> FitState:
        """The state before the first step, with the best of ``voices``."""
        scores = []
        for index, voice in enumerate(voices):
            exam, asked = self._passages(voice, texts[len(SENTENCES) :])
            unlike, similarity = self._examined(np.zeros(TIMBRE_DIM, np.float32), exam, asked, judge, plan)
            scores.append((unlike, index, similarity))
        unlike, index, similarity = min(scores)
        return FitState.beginning(index, unlike, similarity)

    def _passages(
        self, recipe: VoiceRecipe, texts: Sequence[tuple[int, ...]]
    ) -> tuple[list[Passage], list[Tensor]]:
        """What the voice says, and the timbre that it says each with."""
        voice = recipe.voice(self._catalogue, "fitted", "en-US", "female")
        features = say(self._acoustic, voice, texts)
        timbres = [torch.tensor(one.timbre, device=self._device) for one in features]
        return [self._vocoder.passage(one) for one in features], timbres

    def _step(
        self, now: FitState, said: Sequence[Passage], timbres: Sequence[Tensor], target: SpeakerSound, plan: FitPlan
    ) -> FitState:
        """One step of Adam."""
        random = np.random.default_rng((plan.seed, now.step))
        index = now.step % len(said)
        start = int(random.integers(max(0, said[index].n_frames - plan.window_frames) + 1))
        passage = said[index].cut(start, min(start + plan.window_frames, said[index].n_frames))
        change = torch.tensor(now.timbre, device=self._device, requires_grad=True)
        loss = self._unlikeness(passage, timbres[index], change, target, plan)[0]
        loss = loss + plan.stay_weight * change.square().sum()
        (gradient,) = torch.autograd.grad(loss, change)
        slope = gradient.cpu().numpy()
        momentum = 0.9 * now.momentum + 0.1 * slope
        variance = 0.99 * now.variance + 0.01 * slope**2
        done = now.step + 1
        unbiased = (momentum / (1 - 0.9**done)) / (np.sqrt(variance / (1 - 0.99**done)) + 1e-8)
        timbre = now.timbre - plan.learning_rate * unbiased
        vectors = {"timbre": timbre, "momentum": momentum, "variance": variance}
        return replace(now, step=done, **{name: value.astype(np.float32) for name, value in vectors.items()})

    def _checked(
        self, now: FitState, exam: Sequence[Passage], timbres: Sequence[Tensor], judge: SpeakerSound, plan: FitPlan
    ) -> FitState:
        """``now``, its best replaced if it is better on what is held out."""
        unlike, similarity = self._examined(now.timbre, exam, timbres, judge, plan)
        if not unlike < now.best_unlikeness:  # a NaN is not either
            return now
        return replace(now, best=now.timbre, best_step=now.step, best_unlikeness=unlike, best_similarity=similarity)

    def _examined(
        self,
        change: FloatArray,
        exam: Sequence[Passage],
        timbres: Sequence[Tensor],
        judge: SpeakerSound,
        plan: FitPlan,
    ) -> tuple[float, float]:
        """How unlike the speaker the voice is, and its similarity."""
        with torch.no_grad():
            timbre = torch.tensor(change, device=self._device)
            scores = [
                self._unlikeness(passage, base, timbre, judge, plan)
                for passage, base in zip(exam, timbres, strict=True)
            ]
        unlike, similarity = (float(torch.stack(values).mean()) for values in zip(*scores, strict=True))
        return unlike, similarity

    def _unlikeness(
        self, passage: Passage, timbre: Tensor, change: Tensor, speaker: SpeakerSound, plan: FitPlan
    ) -> tuple[Tensor, Tensor]:
        """What is made smaller, and the similarity of the embeddings."""
        heard = hear(self._encoder, self._vocoder.waveform(passage, timbre + change * self._deviations))
        embedding, layers, spectrum = unlikeness(heard, speaker)
        return embedding + plan.layers_weight * layers + plan.spectrum_weight * spectrum, 1 - embedding


def fitting_dtype(device: torch.device) -> torch.dtype:
    """bfloat16 where it is faster."""
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float32
    return torch.bfloat16 if "avx512_bf16" in processor_flags() else torch.float32


def split(clips: Sequence[FloatArray]) -> tuple[list[FloatArray], list[FloatArray]]:
    """What a voice is fitted to, and what is held out: the last quarter, of several clips whole ones.

    Raises:
        ReferenceAudioError: There is less than a second of speech.
    """
    total = sum(len(clip) for clip in clips)
    if total < ENCODER_RATE_HZ:
        raise ReferenceAudioError(f"There is {total / ENCODER_RATE_HZ:.1f} s of speech; a fit needs 1 s at least.")
    *before, last = clips
    quarter = total // 4
    if before and len(last) <= total // 2 and len(last) >= quarter:
        return list(before), [last]
    cut = max(len(last) - quarter, len(last) // 2)
    return [*before, last[:cut]], [last[cut:]]
