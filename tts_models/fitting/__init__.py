"""Fitting a voice to its speaker: reference audio and a voice to begin with -> a voice more like the speaker.

The stages' models are used as they are, with their weights frozen; only the numbers that describe the voice change.
"""
