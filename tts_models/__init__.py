"""The models of Voicegraph in plain Python, numpy and torch: no Ray, no HTTP.

The rooms mirror the data: ``text`` -> ``acoustic`` -> ``vocoder``, with ``speaker`` joining at the acoustic stage.
What travels between them is defined in :mod:`tts_models.types`, what can go wrong in :mod:`tts_models.errors`.
"""
