"""Graphemes to phonemes: one engine for each language or family, and a router that picks them by script."""
