"""Voicegraph beside what one would take instead: see ``__main__``."""
