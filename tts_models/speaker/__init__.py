"""Voices, and what a recording says about its speaker."""

ENCODER_RATE_HZ = 16_000
"""Sample rate of reference audio once it is decoded, and of what the speaker encoder hears, Hz."""
