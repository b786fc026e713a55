"""Voices as callers name them: presets, their own, and mixes of any."""
