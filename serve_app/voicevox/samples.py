"""What each voice sounds like: a sentence, spoken when somebody first asks for it."""

from __future__ import annotations

import asyncio
from collections import OrderedDict

from serve_app.voicevox.engine import Engine
from serve_app.voicevox.query_routes import query_of
from serve_app.voicevox.speakers import Cast, style_id
from serve_app.voicevox.synthesis_routes import wav_of

_KEPT = 128
TEXT = "こんにちは。この声で、文章を読み上げます。"


class Samples:
    """WAV files by voice, 150 KB each; those asked for last are kept as long as the replica lives.

    One at a time is made, so that a client who asks for those of all voices at once takes no place of others.
    """

    def __init__(self) -> None:
        self._made: OrderedDict[tuple[str, str], bytes] = OrderedDict()
        self._making = asyncio.Lock()

    async def get(self, engine: Engine, cast: Cast) -> bytes:
        """The sample of a voice, as it is now.

        Raises:
            TtsError: It could not be made; the next call tries again.
        """
        key = (cast.name, cast.revision)
        if key not in self._made:
            async with self._making:
                if key not in self._made:
                    style = style_id(cast.name)
                    query = query_of(await engine.read(TEXT, style))
                    self._made[key] = await wav_of(engine, query, engine.voice(style), upspeak=True)
                    while len(self._made) > _KEPT:
                        self._made.popitem(last=False)
        self._made.move_to_end(key)
        return self._made[key]
