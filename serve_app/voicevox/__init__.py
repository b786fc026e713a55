"""The HTTP API of VOICEVOX's engine, answered by the graph: its clients work unchanged, with Kokoro's voices."""
