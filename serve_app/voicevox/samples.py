"""What each voice sounds like: a sentence, spoken when somebody first asks for it."""

from __future__ import annotations

import asyncio

from serve_app.voicevox.engine import Engine
from serve_app.voicevox.query_routes import query_of
from serve_app.voicevox.speakers import style_id
from serve_app.voicevox.synthesis_routes import wav_of
from tts_models.speaker.voices import Voice

TEXT = "こんにちは。この声で、文章を読み上げます。"


class Samples:
    """WAV files by voice, kept as long as the replica lives: 150 KB each.

    One at a time is made, so that a client who asks for those of all voices at once takes no place of others.
    """

    def __init__(self) -> None:
        self._made: dict[str, bytes] = {}
        self._making = asyncio.Lock()

    async def get(self, engine: Engine, voice: Voice) -> bytes:
        """The sample of ``voice``.

        Raises:
            TtsError: It could not be made; the next call tries again.
        """
        if voice.name not in self._made:
            async with self._making:
                if voice.name not in self._made:
                    query = query_of(await engine.read(TEXT, style_id(voice.name)))
                    self._made[voice.name] = await wav_of(engine, query, voice.style, upspeak=True)
        return self._made[voice.name]
