"""Pronunciation dictionaries: how words are read that no rule and no lexicon knows, in every language."""

from tts_models.text.dictionary.entry import Entry
from tts_models.text.dictionary.index import Dictionary, EntryIndex, Match

__all__ = ["Dictionary", "Entry", "EntryIndex", "Match"]
