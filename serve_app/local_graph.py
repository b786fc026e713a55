"""The stages in this process, one after the other, without Ray: what ``voicegraph say`` uses."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from deployments.share import torch_device
from serve_app.graph import SpokenAudio, Utterance, acoustic_input, fold_pauses, spoken_audio
from tts_models.acoustic import AcousticModel
from tts_models.engine import choose_engine, float32_kernels
from tts_models.errors import TtsError
from tts_models.text import TextFrontend
from tts_models.text.dictionary import Dictionary
from tts_models.types import Audio, Phonemes
from tts_models.vocoder import Vocoder


class LocalSpeechGraph:
    """Says the same as the served graph: the same segments, seeds and pauses.

    The weights are loaded when the first segment is ready for them, so that a text that cannot be said is refused at
    once.

    Args:
        kokoro: The asset with the weights of acoustic model and vocoder.
        engine: How the vocoder computes; see :func:`tts_models.engine.choose_engine`.
        dictionary: How words are read.

    Raises:
        ValueError: There is no such engine on this machine.
    """

    def __init__(self, kokoro: Path, engine: str = "auto", dictionary: Dictionary | None = None) -> None:
        self._kokoro = kokoro
        self._engine = choose_engine(engine)
        self._text = TextFrontend()
        self._dictionary = dictionary

    @cached_property
    def _acoustic(self) -> AcousticModel:
        return AcousticModel.load(self._kokoro, torch_device("auto"), float32_kernels())

    @cached_property
    def _vocoder(self) -> Vocoder:
        return Vocoder.load(self._kokoro, self._engine)

    def speak(self, utterance: Utterance) -> Iterator[tuple[SpokenAudio, int]]:
        """Make the audio of an utterance.

        Yields:
            The audio of each segment in order, and how many segments there are.

        Raises:
            RequestError: The text cannot be said.
            SynthesisError: A model made empty or non-finite output.
        """
        phonemes = self._text.segments(utterance.script, utterance.language, self._dictionary)
        segments = fold_pauses(phonemes, utterance.speed, utterance.delivery.emotion)
        start_sample = 0
        for index, segment in enumerate(segments):
            spoken = spoken_audio(self._synthesize(utterance, index, segment), segment, start_sample)
            start_sample += len(spoken.samples)
            yield spoken, len(segments)

    def _synthesize(self, utterance: Utterance, index: int, segment: Phonemes) -> Audio:
        (features,) = self._acoustic.synthesize([acoustic_input(utterance, index, segment)])
        if isinstance(features, TtsError):
            raise features
        (audio,) = self._vocoder.synthesize([features])
        if isinstance(audio, TtsError):
            raise audio
        return audio
