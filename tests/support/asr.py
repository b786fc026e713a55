"""What was said, as a speech recogniser hears it: Moonshine tiny, English.

The judge of intelligibility in the tests. It shares nothing with the models under test.

Source: UsefulSensors' Moonshine (MIT), the ONNX files and the greedy loop (``src/model.ts``) of the npm package
``@usefulsensors/moonshine-js``. Differs: the limit of tokens a second is higher, so that fast speech is not cut off,
and clips longer than the model was trained on are cut at their quietest points.
"""

from __future__ import annotations

import base64
import re
from functools import cache
from pathlib import Path
from typing import Any

import jiwer
import numpy as np
import onnxruntime
import soxr
from transformers.models.whisper.english_normalizer import EnglishTextNormalizer

from tts_models.types import FloatArray

RATE_HZ = 16_000
_START, _END = 1, 2
_TOKENS_PER_S = 12
_MIN_S, _MAX_S = 0.5, 24.0
_LAYERS = 6
_EMPTY_CACHE = np.zeros((1, 8, 0, 36), np.float32)
# The script carries the tokenizer as one base64 literal: the pieces by id, a line each, beginning with <unk> and <s>.
_VOCABULARY = re.compile(rb'"(PHVuaz4KPHM\+Cjwvcz4K[A-Za-z0-9+/]+=*)"')


def session_options(threads: int) -> onnxruntime.SessionOptions:
    """For a machine that does other things as well: threads that wait do not spin."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


class SpeechRecogniser:
    """Moonshine tiny (English), greedy.

    Args:
        folder: Holds the encoder, the decoder and the script of the npm package; see ``tests.support.assets``.
        threads: CPU threads to use.
    """

    def __init__(self, folder: Path, threads: int = 2) -> None:
        options = session_options(threads)
        options.log_severity_level = 3  # the merged decoder's unused branch warns at every load
        self._encoder = onnxruntime.InferenceSession(folder / "encoder_model.onnx", options)
        self._decoder = onnxruntime.InferenceSession(folder / "decoder_model_merged.onnx", options)
        self._outputs = [output.name for output in self._decoder.get_outputs()]
        script = folder / "moonshine.min.js"
        literal = _VOCABULARY.search(script.read_bytes())
        if literal is None:
            raise ValueError(f"the tokenizer was not found in {script}")
        self._pieces = base64.b64decode(literal[1]).decode().split("\n")

    def transcribe(self, samples: FloatArray, sample_rate_hz: int) -> str:
        """The words in ``samples``.

        Args:
            samples: ``(n,)`` float32 mono in [-1, 1].
            sample_rate_hz: Any rate.
        """
        audio = np.asarray(samples, np.float32)
        if sample_rate_hz != RATE_HZ:
            audio = soxr.resample(audio, sample_rate_hz, RATE_HZ)
        texts = (self._transcribe_clip(clip) for clip in _clips(audio))
        return " ".join(text for text in texts if text)

    def _transcribe_clip(self, clip: FloatArray) -> str:
        hidden = self._encoder.run(None, {"input_values": clip[None]})[0]
        cached = {
            f"past_key_values.{layer}.{side}.{part}": _EMPTY_CACHE
            for layer in range(_LAYERS)
            for side in ("decoder", "encoder")
            for part in ("key", "value")
        }
        tokens = [_START]
        for step in range(int(len(clip) / RATE_HZ * _TOKENS_PER_S)):
            feed: dict[str, Any] = {
                "input_ids": np.array([[tokens[-1]]], np.int64),
                "encoder_hidden_states": hidden,
                "use_cache_branch": np.array([step > 0]),
                **cached,
            }
            outputs = dict(zip(self._outputs, self._decoder.run(None, feed), strict=True))
            for name in cached:
                # Keys and values of the encoder side are made in the first step and stay.
                if step == 0 or ".decoder." in name:
                    cached[name] = outputs[name.replace("past_key_values", "present")]
            tokens.append(int(outputs["logits"][0, -1].argmax()))
            if tokens[-1] == _END:
                break
        return self._text([token for token in tokens if token not in (_START, _END)])

    def _text(self, tokens: list[int]) -> str:
        data = b""
        for token in tokens:
            piece = self._pieces[token] if token < len(self._pieces) else ""
            byte = re.fullmatch(r"<0x([0-9A-F]{2})>", piece)
            data += bytes.fromhex(byte[1]) if byte else piece.replace("\u2581", " ").encode()
        return data.decode(errors="replace").strip()


def _clips(audio: FloatArray) -> list[FloatArray]:
    """Cuts ``audio`` at quiet points into clips of ``_MIN_S`` to ``_MAX_S`` seconds; the last one is padded."""
    clips = []
    longest, frame = int(_MAX_S * RATE_HZ), RATE_HZ // 10
    while len(audio) > longest:
        frames = audio[longest // 2 : longest].reshape(-1, frame)
        cut = longest // 2 + int((frames**2).mean(axis=1).argmin()) * frame + frame // 2
        clips.append(audio[:cut])
        audio = audio[cut:]
    return [*clips, np.pad(audio, (0, max(0, int(_MIN_S * RATE_HZ) - len(audio))))]


@cache
def _normaliser() -> EnglishTextNormalizer:
    return EnglishTextNormalizer({})


def normalise_words(text: str) -> str:
    """Lower case, no punctuation, numbers as digits, contractions written out: what two transcripts are compared by."""
    return str(_normaliser()(text))


def word_error_rate(said: str | list[str], heard: str | list[str]) -> float:
    """Substituted, missing and inserted words over the words said, after :func:`normalise_words`; 0 is perfect."""
    references = [normalise_words(text) for text in ([said] if isinstance(said, str) else said)]
    hypotheses = [normalise_words(text) for text in ([heard] if isinstance(heard, str) else heard)]
    return float(jiwer.wer(references, hypotheses))
